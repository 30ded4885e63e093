"""How far two sounds lie apart for an ear: losses of the codec and the refiner.

References
----------
Yamamoto, R., Song, E., & Kim, J.-M. (2020). Parallel WaveGAN. ICASSP. arXiv:1910.11480.
(several resolutions)
Kumar, R. et al. (2023). High-fidelity audio compression with improved RVQGAN. NeurIPS.
arXiv:2306.06546. (mel bands by window)
"""

from __future__ import annotations

from functools import lru_cache

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


def sizes(wave: Tensor, window: int) -> Tensor:
    """Sizes of the spectra of (B, N) with a Hann window: (B, bins, T)."""
    shape = torch.hann_window(window, device=wave.device)
    found = torch.stft(
        wave, window, window // 4, window=shape, return_complex=True, normalized=True
    )
    return found.abs()


def spectral_distances(found: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """Distances of two sounds (B, 2, N), averaged over left, right, middle and side.

    Returns
    -------
    dict
        ``stft``: mean absolute difference of log sizes plus the relative error of the sizes
        (spectral convergence), over `RESOLUTIONS`; ``mel``: mean absolute difference of log
        mel bands, over the same.
    """
    first, second = four_views(found.float()), four_views(wanted.float())
    stft = mel = found.new_zeros((), dtype=torch.float32)
    for window in RESOLUTIONS:
        here, there = sizes(first, window), sizes(second, window)
        # The views of a sound together: a silent side has no relative error of its own.
        parted = (4, len(found), *here.shape[1:])
        difference = torch.linalg.vector_norm((here - there).view(parted), dim=(0, 2, 3))
        whole = torch.linalg.vector_norm(there.view(parted), dim=(0, 2, 3)).clamp(min=1e-2)
        logs = ((here + FLOOR).log() - (there + FLOOR).log()).abs().mean()
        stft = stft + logs + (difference / whole).mean()
        filters = mel_filters(window, MEL_BANDS[window]).to(here.device)
        bands = [(size.transpose(1, 2) @ filters + FLOOR).log() for size in (here, there)]
        mel = mel + (bands[0] - bands[1]).abs().mean()
    return {"stft": stft / len(RESOLUTIONS), "mel": mel / len(RESOLUTIONS)}
