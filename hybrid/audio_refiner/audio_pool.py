"""Excerpts of sound for training, drawn at random from recordings held as 16-bit samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hybrid.core.errors import ConfigError

FULL_SCALE = 32767.0


class AudioPool:
    """Recordings on a device.

    Parameters
    ----------
    recordings : sequence of np.ndarray, shape (2, N), int16
        Each at least as long as the excerpts that will be drawn.
    device : torch.device
    """

    def __init__(self, recordings: Sequence[NDArray[np.int16]], device: torch.device) -> None:
        if not recordings:
            raise ConfigError("a pool must hold one recording or more, got none")
        lengths = [recording.shape[-1] for recording in recordings]
        self.length = torch.tensor(lengths, device=device)
        self.first = torch.tensor(np.cumsum([0, *lengths[:-1]]), device=device)
        joined = np.concatenate(recordings, axis=-1)
        self.samples = torch.from_numpy(np.ascontiguousarray(joined)).to(device)
        self.shortest = min(lengths)

    @property
    def seconds(self) -> float:
        """Of all recordings, at 44.1 kHz."""
        return int(self.length.sum()) / 44100

    def at(self, recording: Tensor, first: Tensor, n_samples: int) -> Tensor:
        """Excerpts (B, 2, n_samples) that begin at sample ``first`` of their recording."""
        place = self.first[recording] + first
        index = place[:, None] + torch.arange(n_samples, device=place.device)
        return self.samples[:, index].permute(1, 0, 2).to(torch.float32) / FULL_SCALE

    def draw(self, count: int, n_samples: int, generator: torch.Generator) -> Tensor:
        """Excerpts (count, 2, n_samples) of random places; long recordings come oftener.

        Left and right are exchanged in half of them, and the level is moved by up to 6 dB, so
        that one recording is heard in many ways.
        """
        if n_samples > self.shortest:
            raise ConfigError(
                f"excerpts must be at most as long as the shortest recording, {self.shortest} "
                f"samples, got {n_samples}"
            )
        device = self.samples.device
        room = (self.length - n_samples + 1).to(torch.float32)
        recording = torch.multinomial(room, count, replacement=True, generator=generator)
        share = torch.rand(count, generator=generator, device=device, dtype=torch.float64)
        first = (share * room[recording].double()).long()
        wave = self.at(recording, first, n_samples)
        swap = torch.rand(count, generator=generator, device=device) < 0.5
        wave = torch.where(swap[:, None, None], wave.flip(1), wave)
        decibels = 12 * torch.rand(count, generator=generator, device=device) - 9
        return wave * (10 ** (decibels / 20))[:, None, None]
