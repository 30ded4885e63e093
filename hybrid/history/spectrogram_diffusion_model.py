"""The network of the spectrogram diffusion, its noise, and the way back from noise.

A U-Net over (bands, frames) is given a noisy spectrogram, the share of noise in it, and pictures
of the notes; it guesses v, from which both the clean spectrogram and the noise follow.

References
----------
Ho, J., Jain, A., & Abbeel, P. (2020). Denoising diffusion probabilistic models. NeurIPS.
    arXiv:2006.11239.
Song, J., Meng, C., & Ermon, S. (2021). Denoising diffusion implicit models. ICLR.
    arXiv:2010.02502.
Salimans, T., & Ho, J. (2022). Progressive distillation for fast sampling of diffusion models.
    ICLR. arXiv:2202.00512. (v)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.mel_sound import MelSound
from hybrid.history.rendered_tunes import Event
from hybrid.io.network_weights import load_network, save_network

WEIGHTS = Path(__file__).parent / "trained" / "spectrogram_diffusion.safetensors"
SOUND = MelSound()
#: General MIDI programs that it has heard.
INSTRUMENTS = {"piano": 0, "organ": 19, "strings": 48, "flute": 73}
#: Pictures of the notes: sounding, struck (two rates of decay); then one for each instrument.
N_PICTURES = 3 + len(INSTRUMENTS)
_HARMONICS = 10
_DECAY_SECONDS = (0.12, 0.8)


@dataclass(frozen=True)
class DiffusionConfig:
    """Sizes of the U-Net.

    Attributes
    ----------
    widths : tuple of int
        Channels at half and at quarter size; squares of four cells are taken for one at once.
    n_time : int
        Numbers that tell the share of noise.
    """

    widths: tuple[int, ...] = (32, 60)
    n_time: int = 48

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def note_pictures(
    events: Sequence[Event], instrument: str, qpm: float, n_frames: int
) -> NDArray[np.float32]:
    """The notes as pictures of the size of the spectrogram.

    Every note is drawn into the bands of its first harmonics, the fainter the higher, as long as
    it lasts: once evenly, twice dying away since its onset.

    Parameters
    ----------
    events : sequence of Event
    instrument : str
        One of `INSTRUMENTS`.
    qpm : float
        Quarters a minute.
    n_frames : int

    Returns
    -------
    np.ndarray, shape (N_PICTURES, n_bands, n_frames), float32
    """
    made = np.zeros((N_PICTURES, SOUND.n_bands, n_frames), np.float32)
    seconds = 60 / qpm / TICKS_PER_QUARTER
    for onset, ticks, pitch in events:
        first = round(onset * seconds * SOUND.frames_per_second)
        last = max(first + 1, round((onset + ticks) * seconds * SOUND.frames_per_second))
        last = min(last, n_frames)
        if first >= last:
            continue
        comb = harmonic_comb(pitch)
        age = np.arange(last - first, dtype=np.float32) / np.float32(SOUND.frames_per_second)
        shapes = [np.ones_like(age), *(np.exp(-age / decay) for decay in _DECAY_SECONDS)]
        for picture, shape in enumerate(shapes):
            part = made[picture, :, first:last]
            np.maximum(part, comb[:, None] * shape, out=part)
    made[3 + list(INSTRUMENTS).index(instrument)] = 1.0
    return made


@cache
def harmonic_comb(pitch: int) -> NDArray[np.float32]:
    """Where the harmonics of a pitch lie among the bands, shape (n_bands,), 1 at most."""
    made = np.zeros(SOUND.n_bands, np.float32)
    filters = SOUND.filters / SOUND.filters.max(axis=1, keepdims=True)
    for number in range(1, _HARMONICS + 1):
        place = 440.0 * 2 ** ((pitch - 69) / 12) * number * SOUND.n_fft / SOUND.sample_rate
        low = int(place)
        if low + 1 >= filters.shape[1]:
            break
        share = np.float32(place - low)
        band = filters[:, low] * (1 - share) + filters[:, low + 1] * share
        made = np.maximum(made, band / np.float32(number**0.5))
    made.flags.writeable = False
    return made


class Block(nn.Module):
    """Two convolutions beside a shortcut; the share of noise scales and shifts between them."""

    def __init__(self, n_in: int, n_out: int, n_time: int) -> None:
        super().__init__()
        self.first_norm = nn.GroupNorm(4, n_in)
        self.first = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.time = nn.Linear(n_time, 2 * n_out)
        self.second_norm = nn.GroupNorm(4, n_out)
        self.second = nn.Conv2d(n_out, n_out, 3, padding=1)
        self.shortcut = nn.Conv2d(n_in, n_out, 1) if n_in != n_out else nn.Identity()
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """(B, C, F, T) and (B, n_time) to (B, C', F, T)."""
        made = self.first(functional.silu(self.first_norm(x)))
        scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)
        made = self.second_norm(made) * (1 + scale) + shift
        result: Tensor = self.shortcut(x) + self.second(functional.silu(made))
        return result


class Denoiser(nn.Module):
    """The U-Net."""

    def __init__(self, config: DiffusionConfig) -> None:
        super().__init__()
        self.config = config
        n_time, (half, quarter) = config.n_time, config.widths
        self.time = nn.Sequential(nn.Linear(n_time, n_time), nn.SiLU(), nn.Linear(n_time, n_time))
        # Noisy levels, pictures of the notes, and how high the band is.
        self.enter = nn.Conv2d(4 * (1 + N_PICTURES + 1), half, 3, padding=1)
        self.down = Block(half, half, n_time)
        self.to_quarter = nn.Conv2d(half, quarter, 3, stride=2, padding=1)
        self.middle = nn.ModuleList(Block(quarter, quarter, n_time) for _ in range(3))
        self.from_quarter = nn.Conv2d(quarter, half, 1)
        self.up = Block(2 * half, half, n_time)
        self.leave = nn.Conv2d(half, 4, 3, padding=1)
        # The layout in which a processor's convolutions are quickest.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, noisy: Tensor, pictures: Tensor, noise: Tensor) -> Tensor:
        """Guess v.

        Parameters
        ----------
        noisy : Tensor, shape (B, F, T)
            F and T multiples of 4.
        pictures : Tensor, shape (B, N_PICTURES, F, T)
        noise : Tensor, shape (B,)
            Time of the diffusion, 0 (clean) to 1 (noise).

        Returns
        -------
        Tensor, shape (B, F, T)
        """
        half = self.config.n_time // 2
        rates = torch.exp(torch.arange(half, device=noisy.device) * (math.log(200.0) / half))
        angles = noise[:, None] * rates * math.pi
        time = self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        height = torch.linspace(-1, 1, noisy.shape[1], device=noisy.device)
        height = height[None, None, :, None].expand(len(noisy), 1, -1, noisy.shape[2])
        x = torch.cat([noisy[:, None], pictures, height], dim=1)
        x = functional.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
        wide = self.down(self.enter(x), time)
        x = self.to_quarter(wide)
        for block in self.middle:
            x = block(x, time)
        x = functional.interpolate(self.from_quarter(x), scale_factor=2.0)
        x = self.leave(self.up(torch.cat([x, wide], dim=1), time))
        result: Tensor = functional.pixel_shuffle(x, 2)[:, 0]
        return result


def shares(noise: Tensor) -> tuple[Tensor, Tensor]:
    """How much of the clean and of the noise is in a mixture at a time 0..1: cosine, sine."""
    angle = noise * (math.pi / 2)
    return angle.cos(), angle.sin()


@dataclass(frozen=True, eq=False)
class Stage:
    """One step back from noise.

    Attributes
    ----------
    noise : float
        Time of the diffusion before the step, 1 at first.
    noisy : np.ndarray, shape (n_bands, T), float32
        The mixture before the step.
    guess : np.ndarray, shape (n_bands, T), float32
        The clean spectrogram as the network guesses it from that.
    """

    noise: float
    noisy: NDArray[np.float32]
    guess: NDArray[np.float32]


@torch.no_grad()
def denoise(
    network: Denoiser,
    pictures: NDArray[np.float32],
    rng: np.random.Generator,
    steps: int,
    fresh: float = 0.0,
    given: NDArray[np.float32] | None = None,
) -> Iterator[Stage]:
    """Go from noise to a spectrogram in equal steps of the time.

    Parameters
    ----------
    network : Denoiser
    pictures : np.ndarray, shape (N_PICTURES, n_bands, T), float32
    rng : np.random.Generator
        Draws the noise.
    steps : int
    fresh : float
        Share of the noise that is drawn anew at each step: 0 is DDIM, 1 is DDPM.
    given : np.ndarray, shape (n_bands, G), float32, optional
        Levels of what came before. They are put back, with their share of noise, at every step,
        so that the rest goes on from them.

    Yields
    ------
    Stage
        One for each step; the last one's ``guess`` is the result.

    References
    ----------
    Lugmayr, A., et al. (2022). RePaint: inpainting using denoising diffusion probabilistic
        models. CVPR. arXiv:2201.09865. (what is given is put back; without their going to and fro)
    """
    n_frames = pictures.shape[2]
    extra = -n_frames % 4
    shown = torch.from_numpy(np.pad(pictures, ((0, 0), (0, 0), (0, extra)), mode="edge"))[None]

    def draw() -> Tensor:
        values = rng.standard_normal((1, SOUND.n_bands, n_frames + extra), dtype=np.float32)
        return torch.from_numpy(values)

    x = first = draw()
    known = None if given is None else torch.from_numpy(given[:, :n_frames])[None]
    for number in range(steps):
        here = torch.tensor([1 - number / steps])
        there = torch.tensor([1 - (number + 1) / steps])
        clean, dirt = shares(here)
        if known is not None:
            n_known = known.shape[2]
            x[:, :, :n_known] = clean * known + dirt * first[:, :, :n_known]
        v = network(x, shown, here)
        guess = (clean * x - dirt * v).clamp(-1.0, 1.2)
        noise = (x - clean * guess) / dirt
        if known is not None:
            guess[:, :, :n_known] = known
        yield Stage(float(here), *(part[0, :, :n_frames].numpy().copy() for part in (x, guess)))
        clean_on, dirt_on = shares(there)
        # Song et al., equation 16.
        kept = 1 - (clean / clean_on) ** 2
        anew = fresh * (dirt_on / dirt) * kept.clamp(min=0).sqrt()
        x = clean_on * guess + (dirt_on**2 - anew**2).clamp(min=0).sqrt() * noise
        if fresh > 0:
            x = x + anew * draw()


def save_denoiser(network: Denoiser, path: Path, notes: dict[str, Any]) -> None:
    """Write weights as float16, with the configuration."""
    save_network(network, network.config.to_dict(), path, notes)


def load_denoiser(path: Path = WEIGHTS) -> tuple[Denoiser, dict[str, Any]]:
    """The network in evaluation mode, and the notes of its training.

    Raises
    ------
    ConfigError
        If there is no such file, or it holds no such network.
    """

    def make(config: dict[str, Any]) -> Denoiser:
        return Denoiser(DiffusionConfig(tuple(config["widths"]), config["n_time"]))

    network, notes, _ = load_network(make, "spectrogram denoiser", path)
    return network, notes
