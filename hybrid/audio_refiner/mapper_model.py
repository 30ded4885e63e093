"""The mapper's network: gains for each band of a plain render, so that it sounds like a larger one.

It hears the render's bands and knows the notes; what it says is laid on the render's own spectra.
So notes, onsets and pitch stay where they are; what changes is timbre, balance, brightness, attack
and decay, how wide each instrument is, and how much breath and air it has.

References
----------
Liu, Z. et al. (2022). A ConvNet for the 2020s. CVPR. arXiv:2201.03545. (the blocks)
Engel, J. et al. (2020). DDSP: differentiable digital signal processing. ICLR. arXiv:2001.04643.
(sound made by what is known of sound, and a network that only says how much)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hybrid.audio_refiner.mapper_bands import FLOOR_DB, N_BANDS
from hybrid.audio_refiner.mapper_notes import N_NOTES
from hybrid.core.errors import ConfigError

#: Most that a band is raised and lowered, dB.
HIGHEST_DB, LOWEST_DB = 18.0, -24.0
#: Side made of the middle, and noise, where the network says 0: as good as nothing.
SPREAD_DB, NOISE_DB = -40.0, -75.0
#: How much of either there can be.
MOST_SPREAD_DB, MOST_NOISE_DB = 0.0, -10.0
# Decibels of a number that comes out of the network.
_STEP_DB = 10.0
# Outputs: gains of middle and side, side made of the middle, noise of middle and side.
_OUTPUTS = 5


@dataclass(frozen=True)
class MapperConfig:
    """Sizes of a mapper.

    Attributes
    ----------
    size : int
        Channels.
    dilations : tuple of int
        Of the blocks, each a convolution over `kernel` rows of 23 ms.
    kernel : int
        Odd.
    notes : int
        Channels into which the notes are pressed before they meet the sound.
    """

    size: int = 192
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    kernel: int = 7
    notes: int = 128

    def __post_init__(self) -> None:
        if min(self.size, self.notes) < 1 or not self.dilations or min(self.dilations) < 1:
            raise ConfigError(f"sizes of a mapper must be 1 or more, got {self}")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ConfigError(f"kernel must be odd, got {self.kernel}")

    @property
    def reach(self) -> int:
        """Rows on either side that a row depends on."""
        return (self.kernel // 2) * sum(self.dilations)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"dilations": list(self.dilations)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MapperConfig:
        """The inverse of `to_dict`.

        Raises
        ------
        ConfigError
            If a name is unknown.
        """
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ConfigError(f"unknown setting of a mapper: {', '.join(sorted(unknown))}")
        return cls(**{**values, "dilations": tuple(values["dilations"])})


class Gains(NamedTuple):
    """What is laid on spectra, in dB, each (..., 96).

    Attributes
    ----------
    middle, side : Tensor
        Gains, `LOWEST_DB`..`HIGHEST_DB`.
    spread : Tensor
        Side made of the middle, relative to the middle as it was.
    middle_noise, side_noise : Tensor
        Noise, relative to the power of the whole spectrum as it was.
    """

    middle: Tensor
    side: Tensor
    spread: Tensor
    middle_noise: Tensor
    side_noise: Tensor


class _Block(nn.Module):
    """ConvNeXt over rows."""

    def __init__(self, size: int, kernel: int, dilation: int) -> None:
        super().__init__()
        reach = kernel // 2 * dilation
        self.conv = nn.Conv1d(size, size, kernel, padding=reach, dilation=dilation, groups=size)
        self.norm = nn.LayerNorm(size)
        self.wide = nn.Linear(size, 2 * size)
        self.back = nn.Linear(2 * size, size)
        self.scale = nn.Parameter(torch.full((size,), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to the same."""
        heard = self.conv(x.transpose(1, 2)).transpose(1, 2)
        made: Tensor = self.back(F.gelu(self.wide(self.norm(heard))))
        return x + self.scale * made


class Mapper(nn.Module):
    """Bands and notes to gains."""

    def __init__(self, config: MapperConfig) -> None:
        super().__init__()
        self.config = config
        size = config.size
        self.notes = nn.Linear(N_NOTES, config.notes)
        self.sound = nn.Linear(2 * N_BANDS, size)
        self.join = nn.Linear(config.notes, size)
        self.blocks = nn.ModuleList(
            [_Block(size, config.kernel, dilation) for dilation in config.dilations]
        )
        self.norm = nn.LayerNorm(size)
        self.out = nn.Linear(size, _OUTPUTS * N_BANDS)
        # It begins as the render itself.
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, levels: Tensor, notes: Tensor) -> Gains:
        """Gains of rows.

        Parameters
        ----------
        levels : Tensor, shape (B, T, 2, 96)
            Bands of middle and side, dB, of a sound at -20 LUFS.
        notes : Tensor, shape (B, T, N_NOTES)
            0..1.

        Returns
        -------
        Gains
            Each (B, T, 96).
        """
        heard = self.sound((levels.flatten(2) - FLOOR_DB / 2) / 20)
        x = heard + self.join(F.gelu(self.notes(notes)))
        for block in self.blocks:
            x = block(x)
        said = _STEP_DB * self.out(self.norm(x)).view(*x.shape[:2], _OUTPUTS, N_BANDS)
        middle, side, spread, middle_noise, side_noise = said.unbind(2)
        return Gains(
            _bounded(middle),
            _bounded(side),
            (SPREAD_DB + spread).clamp(max=MOST_SPREAD_DB),
            (NOISE_DB + middle_noise).clamp(max=MOST_NOISE_DB),
            (NOISE_DB + side_noise).clamp(max=MOST_NOISE_DB),
        )


def _bounded(said: Tensor) -> Tensor:
    """Near 0 as it is, bending towards the most that is allowed."""
    up = HIGHEST_DB * torch.tanh(said.clamp(min=0) / HIGHEST_DB)
    down = LOWEST_DB * torch.tanh(said.clamp(max=0) / LOWEST_DB)
    return up + down
