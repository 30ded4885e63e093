"""Sound as short complex spectra, and back: what the codec reads and writes.

Windows of 1024 samples every 256 are short enough that an attack stays an attack, and four
of them make one frame of tokens. Every sample is the same however the sound is cut into
chunks, as long as a chunk has `MARGIN` samples more on either side.

References
----------
Griffin, D., & Lim, J. (1984). Signal estimation from modified short-time Fourier transform.
IEEE Transactions on Acoustics, Speech, and Signal Processing, 32(2), 236-243.
"""

from __future__ import annotations

import torch
from torch import Tensor

WINDOW = 1024
HOP = 256
N_BINS = WINDOW // 2 + 1
#: Samples before the first one that its window reaches over.
LEAD = (WINDOW - HOP) // 2
#: Samples at a cut's edge that depend on what lies beyond it.
MARGIN = WINDOW


def _window(like: Tensor) -> Tensor:
    return torch.hann_window(WINDOW, device=like.device, dtype=torch.float32)


def spectra(wave: Tensor) -> Tensor:
    """Complex spectra of a sound; frame t is centred on sample ``256 t + 128``.

    Parameters
    ----------
    wave : Tensor, shape (..., N), float32
        N is a multiple of `HOP`.

    Returns
    -------
    Tensor, shape (..., N / 256, 513), complex64

    Raises
    ------
    ValueError
        If N is no multiple of `HOP`.
    """
    n_samples = wave.shape[-1]
    if n_samples % HOP:
        raise ValueError(f"the length must be a multiple of {HOP} samples, got {n_samples}")
    padded = torch.nn.functional.pad(wave, (LEAD, WINDOW - HOP - LEAD))
    frames = padded.unfold(-1, WINDOW, HOP)
    result: Tensor = torch.fft.rfft(frames * _window(wave))
    return result


def wave_of(spectrum: Tensor) -> Tensor:
    """The sound of complex spectra: the inverse of `spectra` where they are consistent.

    Other spectra give the sound whose own spectra are nearest, in least squares.

    Parameters
    ----------
    spectrum : Tensor, shape (..., T, 513), complex64

    Returns
    -------
    Tensor, shape (..., 256 T), float32
    """
    window = _window(spectrum)
    frames = torch.fft.irfft(spectrum, n=WINDOW) * window
    lead = frames.shape[:-2]
    n_frames = frames.shape[-2]
    added = _overlap_add(frames.reshape(-1, n_frames, WINDOW))
    weight = _overlap_add((window * window).expand(1, n_frames, WINDOW))
    wave = added / weight.clamp(min=1e-8)
    return wave[:, LEAD : LEAD + HOP * n_frames].reshape(*lead, HOP * n_frames)


def _overlap_add(frames: Tensor) -> Tensor:
    """Frames (B, T, WINDOW) laid over each other every `HOP` samples: (B, HOP T + rest)."""
    batch, n_frames, _ = frames.shape
    parts = WINDOW // HOP
    blocks = frames.reshape(batch, n_frames, parts, HOP)
    total = frames.new_zeros(batch, n_frames + parts - 1, HOP)
    for part in range(parts):
        total[:, part : part + n_frames] += blocks[:, :, part]
    return total.reshape(batch, -1)
