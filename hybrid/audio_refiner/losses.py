"""How far two sounds lie apart for an ear: losses of the codec and the refiner.

References
----------
Yamamoto, R., Song, E., & Kim, J.-M. (2020). Parallel WaveGAN. ICASSP. arXiv:1910.11480.
(several resolutions)
Kumar, R. et al. (2023). High-fidelity audio compression with improved RVQGAN. NeurIPS.
arXiv:2306.06546. (mel bands by window)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from hybrid.audio_refiner.codec import SAMPLE_RATE

#: Windows of the spectra, in samples; they hop by a quarter.
RESOLUTIONS = (128, 512, 1024, 2048, 4096)
#: Mel bands at each window.
MEL_BANDS = {128: 10, 512: 40, 1024: 80, 2048: 128, 4096: 160}
FLOOR = 1e-4


@lru_cache(maxsize=32)
def mel_filters(window: int, n_bands: int) -> Tensor:
    """Triangular filters (bins, bands) on the mel scale, from 20 Hz up; each adds up to one."""
    from torchaudio.functional import melscale_fbanks

    filters = melscale_fbanks(
        window // 2 + 1, 20.0, SAMPLE_RATE / 2, n_bands, SAMPLE_RATE, mel_scale="htk"
    )
    result: Tensor = filters / filters.sum(0, keepdim=True).clamp(min=1e-6)
    return result


def four_views(wave: Tensor) -> Tensor:
    """Left, right, middle and side: (B, 2, N) to (4 B, N)."""
    left, right = wave.unbind(1)
    return torch.cat([left, right, (left + right) / 2, (left - right) / 2])


class _Size(torch.autograd.Function):
    """Size of complex numbers; half the time of ``abs``, whose gradient takes the sign anew."""

    @staticmethod
    def forward(ctx: Any, found: Tensor) -> Tensor:
        size = (found.real.square() + found.imag.square()).add_(1e-12).sqrt_()
        ctx.save_for_backward(found, size)
        return size

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> Tensor:
        found, size = ctx.saved_tensors
        result: Tensor = found * (gradient[0] / size)
        return result


def sizes(wave: Tensor, window: int) -> Tensor:
    """Sizes of the spectra of the four views of (B, 2, N) with a Hann window: (4, B, bins, T)."""
    shape = torch.hann_window(window, device=wave.device)
    found = torch.stft(
        wave.flatten(0, 1),
        window,
        window // 4,
        window=shape,
        return_complex=True,
        normalized=True,
    )
    left, right = found.view(*wave.shape[:2], *found.shape[1:]).unbind(1)
    # Spectra add up as sounds do: middle and side need none of their own.
    views = torch.stack([left, right, (left + right) / 2, (left - right) / 2])
    result: Tensor = _Size.apply(views)  # type: ignore[no-untyped-call]
    return result


def spectral_distances(
    found: Tensor, wanted: Tensor, windows: Sequence[int] = RESOLUTIONS
) -> dict[str, Tensor]:
    """Distances of two sounds (B, 2, N), averaged over left, right, middle and side.

    Parameters
    ----------
    found : Tensor
        Gradients flow to it, not to ``wanted``.
    wanted : Tensor
    windows : sequence of int
        Of `RESOLUTIONS`; some of them only, drawn anew each time, teach nearly as much.

    Returns
    -------
    dict
        ``stft``: mean absolute difference of log sizes plus the relative error of the sizes
        (spectral convergence), over the windows; ``mel``: mean absolute difference of log
        mel bands, over the same.
    """
    stft = mel = found.new_zeros((), dtype=torch.float32)
    for window in windows:
        here = sizes(found.float(), window)
        with torch.no_grad():
            there = sizes(wanted.float(), window)
        # The views of a sound together: a silent side has no relative error of its own.
        difference = torch.linalg.vector_norm(here - there, dim=(0, 2, 3))
        whole = torch.linalg.vector_norm(there, dim=(0, 2, 3)).clamp(min=1e-2)
        logs = ((here + FLOOR).log() - (there + FLOOR).log()).abs().mean()
        stft = stft + logs + (difference / whole).mean()
        filters = mel_filters(window, MEL_BANDS[window]).to(here.device)
        bands = [(size.transpose(2, 3) @ filters + FLOOR).log() for size in (here, there)]
        mel = mel + (bands[0] - bands[1]).abs().mean()
    return {"stft": stft / len(windows), "mel": mel / len(windows)}


def drawn_windows(count: int, generator: torch.Generator) -> tuple[int, ...]:
    """So many of `RESOLUTIONS`, without repeats."""
    order = torch.randperm(len(RESOLUTIONS), generator=generator, device=generator.device)
    return tuple(RESOLUTIONS[number] for number in order[:count].tolist())
