"""A small trained ear: a second of sound as 128 numbers, for distances between sets of sounds.

Half of the numbers are learnt, by a small network over the second's mel spectrogram; half are
measured, means and deviations of its bands. The learnt ones tell productions and instruments apart,
the measured ones see to it that more damage lies further away, which the network alone does not
warrant.

It is our own, trained here on some hours of rendered music; it is not VGGish, nor comparable to
it. It learnt to tell instrument families, the SoundFont and style of production, which seconds are
of one recording, and how much noise, low-pass and room was added to a recording
(`hybrid.audio_refiner.listener_training`). Its weights are frozen: distances can be compared
only as long as they stay the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError
from hybrid.io.network_weights import load_network, save_network
from hybrid.metrics.audio_spectra import mel_filters, resampled, spectra

WEIGHTS = Path(__file__).parent / "trained" / "listener.safetensors"
SAMPLE_RATE, N_FFT, HOP, BANDS = 44100, 2048, 1024, 64
#: Frames of a row: 43 x 1024 samples are 0.998 s.
FRAMES = 43
FLOOR_DB = -100.0
_ROWS = 64  # that go through the network at a time
#: Decibels of a measured number that count as much as a deviation of a learnt one.
MEASURED_DB = 6.0


@dataclass(frozen=True)
class ListenerConfig:
    """Sizes of the network.

    Attributes
    ----------
    width : int
        Channels of the first layer; the last has four times as many.
    n_out : int
        Learnt numbers of a row.
    """

    width: int = 24
    n_out: int = 64

    def to_dict(self) -> dict[str, int]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ListenerConfig:
        """The inverse of `to_dict`."""
        return cls(**values)


class Listener(nn.Module):
    """Convolutions over a second's mel spectrogram, a mean over time, one linear layer.

    `learnt` takes (B, 2, 43, 64) levels in dB of mid and side and gives (B, n_out), each number
    with mean 0 and deviation 1 over the recordings it was trained on; `forward` puts 64 measured
    numbers behind them.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, config: ListenerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(2, width, 5, stride=2, padding=2),
                nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
                nn.Conv2d(2 * width, 2 * width, 3, padding=1),
                nn.Conv2d(2 * width, 3 * width, 3, stride=2, padding=1),
                nn.Conv2d(3 * width, 4 * width, 3, stride=2, padding=1),
            ]
        )
        self.norms = nn.ModuleList(
            [nn.BatchNorm2d(size) for size in (width, 2 * width, 2 * width, 3 * width, 4 * width)]
        )
        self.out = nn.Linear(4 * width * (BANDS // 16), config.n_out)
        self.register_buffer("centre", torch.zeros(config.n_out))
        self.register_buffer("scale", torch.ones(config.n_out))

    def forward(self, levels: Tensor) -> Tensor:
        return torch.cat([self.learnt(levels), measured(levels)], dim=1)

    def learnt(self, levels: Tensor) -> Tensor:
        """The network's numbers, (B, n_out)."""
        x = (levels - FLOOR_DB / 2) / 25
        for conv, norm in zip(self.convs, self.norms, strict=True):
            made = functional.relu(norm(conv(x)))
            x = x + made if made.shape == x.shape else made
        # High and low bands stay apart: where the energy lies is what a low-pass changes.
        x = x.mean(dim=2).flatten(1)  # (B, 4 width x bands / 16)
        made_out: Tensor = (self.out(x) - self.centre) / self.scale
        return made_out


def measured(levels: Tensor) -> Tensor:
    """Means and deviations over time of 32 bands of the middle, in `MEASURED_DB`: (B, 64)."""
    middle = levels[:, 0]
    bands = middle.reshape(*middle.shape[:2], BANDS // 2, 2).mean(dim=3)  # (B, T, 32)
    both = torch.cat([bands.mean(dim=1), bands.std(dim=1, correction=0)], dim=1)
    return both / MEASURED_DB


def mel_levels(audio: Audio) -> NDArray[np.float32]:
    """What the network hears: levels (2, T, 64) of mid and side in dB, -100 at the lowest.

    Mono sound has a silent side. Other sample rates are changed to 44.1 kHz.

    Raises
    ------
    ConfigError
        If there are more than two channels, or no sample.
    """
    if audio.n_channels > 2 or not audio.n_samples:
        raise ConfigError(
            "a sound must be mono or stereo and have a sample, got "
            f"{audio.n_channels} channels, {audio.n_samples} samples"
        )
    samples = resampled(audio.samples, audio.sample_rate, SAMPLE_RATE)
    left, right = samples[0], samples[-1]
    sides = np.stack([(left + right) / 2, (left - right) / 2])
    filters = mel_filters(SAMPLE_RATE, N_FFT, BANDS).T
    parts = []
    for part in spectra(sides, N_FFT, HOP):
        power = np.square(np.abs(part) * np.float32(2 / N_FFT)) @ filters
        decibels = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
        parts.append(np.maximum(decibels, np.float32(FLOOR_DB)))
    return np.concatenate(parts, axis=1).astype(np.float32)


def rows_of(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Whole seconds (R, 2, 43, 64) of levels; one that is shorter is filled with silence."""
    short = FRAMES - levels.shape[1]
    if short > 0:
        levels = np.pad(levels, ((0, 0), (0, short), (0, 0)), constant_values=FLOOR_DB)
    n_rows = levels.shape[1] // FRAMES
    cut = levels[:, : n_rows * FRAMES].reshape(2, n_rows, FRAMES, BANDS)
    return np.ascontiguousarray(cut.swapaxes(0, 1))


class ListenerEmbedding:
    """Our own trained embedding; not VGGish.

    Parameters
    ----------
    path : Path, optional
        Weights; those of the package where left out.

    Raises
    ------
    ConfigError
        If the weights are missing or another network's.
    """

    name = "listener"

    def __init__(self, path: Path | None = None) -> None:
        self.network, self.notes, self.sha256 = load_listener(path)

    def __call__(self, audio: Audio) -> NDArray[np.float64]:
        rows = torch.from_numpy(rows_of(mel_levels(audio)))
        with torch.inference_mode():
            parts = [self.network(rows[at : at + _ROWS]) for at in range(0, len(rows), _ROWS)]
        found: NDArray[np.float64] = torch.cat(parts).numpy().astype(np.float64)
        return found


def load_listener(path: Path | None = None) -> tuple[Listener, dict[str, Any], str]:
    """The network in evaluation mode, notes of its training, the SHA-256 of its file.

    Raises
    ------
    ConfigError
        If there is no such file, or it holds no listener.
    """
    return load_network(
        lambda values: Listener(ListenerConfig.from_dict(values)), "listener", path or WEIGHTS
    )


def save_listener(network: Listener, path: Path, notes: Mapping[str, Any]) -> None:
    """Write weights as float16; the same weights, the same bytes."""
    save_network(network, network.config.to_dict(), path, notes)
