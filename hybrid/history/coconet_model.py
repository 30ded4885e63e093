"""Coconet's network: a picture of four voices with holes in it; it says what belongs in the holes.

A convolutional network over time and pitch reads a piano roll for each voice and, beside each, a
mask that says where the roll is known. For every voice and time it gives chances of the pitches,
whichever are hidden: so it knows every order in which the notes of a piece can be told.

References
----------
Huang, C.-Z. A., Cooijmans, T., Roberts, A., Courville, A., & Eck, D. (2017). Counterpoint by
convolution. ISMIR. arXiv:1903.07227.
Uria, B., Murray, I., & Larochelle, H. (2014). A deep and tractable density estimator. ICML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hybrid.core.resources import resource_path
from hybrid.history.chorale_grids import HIGHEST, LOWEST, RANGES, REST, ChoraleGrid
from hybrid.io.network_weights import load_network, save_network

N_PITCHES = HIGHEST - LOWEST + 1
N_VOICES = 4
#: Sixteenths of a column.
STEP = 2

Pitches = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class CoconetConfig:
    """Sizes.

    Attributes
    ----------
    filters : int
        Of each layer.
    span : int
        Semitones that the first layer reads at once; odd.
    dilations : tuple of int
        In columns, one for each further layer.
    """

    filters: int = 32
    span: int = 25
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1)


def eighths(grid: ChoraleGrid) -> Pitches:
    """What sounds on each eighth, as pitches above `LOWEST`; shape (T, 4).

    Rests are sung through: the note before goes on, or the first one comes early.

    Notes
    -----
    Sixteenths between the eighths are left out, and a repeated note is one note, as in the
    original's rolls.
    """
    found = grid.pitches[::STEP].astype(np.int64)
    rows = np.arange(len(found))
    for voice in range(N_VOICES):
        sung = found[:, voice] != REST
        last = np.maximum.accumulate(np.where(sung, rows, -1))
        last[last < 0] = int(np.flatnonzero(sung)[0])
        found[:, voice] = found[last, voice]
    return found - LOWEST


def allowed() -> NDArray[np.bool_]:
    """Which pitches each voice may have; shape (4, N_PITCHES)."""
    mask = np.zeros((N_VOICES, N_PITCHES), dtype=bool)
    for voice, (low, high) in enumerate(RANGES):
        mask[voice, low - LOWEST : high - LOWEST + 1] = True
    return mask


class Coconet(nn.Module):
    """Layers of 3 by 3 after a first one that spans an octave up and down, with shortcuts."""

    banned: Tensor

    def __init__(self, config: CoconetConfig) -> None:
        super().__init__()
        self.config = config
        filters = config.filters
        self.first = nn.Sequential(
            nn.Conv2d(
                2 * N_VOICES, filters, (3, config.span), padding=(1, config.span // 2), bias=False
            ),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
        )
        self.layers = nn.ModuleList(
            [
                nn.Sequential(
                    nn.Conv2d(
                        filters,
                        filters,
                        3,
                        padding=(dilation, 1),
                        dilation=(dilation, 1),
                        bias=False,
                    ),
                    nn.BatchNorm2d(filters),
                    nn.ReLU(),
                )
                for dilation in config.dilations
            ]
        )
        self.last = nn.Conv2d(filters, N_VOICES, 3, padding=1)
        # Convolutions do not know how high they are; voices do.
        self.register = nn.Parameter(torch.zeros(N_VOICES, 1, N_PITCHES))
        self.register_buffer("banned", torch.from_numpy(~allowed()), persistent=False)

    def forward(self, pitches: Tensor, hidden: Tensor) -> Tensor:
        """Logits of every voice's pitches at every time.

        Parameters
        ----------
        pitches : torch.Tensor, shape (B, T, 4), int64
            From `LOWEST`; what is hidden is not read.
        hidden : torch.Tensor, shape (B, T, 4), bool

        Returns
        -------
        torch.Tensor, shape (B, T, 4, N_PITCHES)
        """
        known = (~hidden).float()[..., None]  # (B, T, 4, 1)
        roll = functional.one_hot(pitches, N_PITCHES).float() * known
        mask = known.expand_as(roll)
        # (B, 8, T, N_PITCHES)
        x = torch.cat([roll, mask], dim=2).permute(0, 2, 1, 3)
        x = self.first(x.contiguous(memory_format=torch.channels_last))
        for layer in self.layers:
            x = x + layer(x)
        logits: Tensor = self.last(x) + self.register
        logits = logits.permute(0, 2, 1, 3)  # (B, T, 4, N_PITCHES)
        return logits.masked_fill(self.banned, -torch.inf)

    @torch.no_grad()
    def chances(self, pitches: Pitches, hidden: Mask) -> NDArray[np.float64]:
        """Log chances (T, 4, N_PITCHES) of one piece; pitches and mask of shape (T, 4)."""
        logits = self(torch.from_numpy(pitches)[None], torch.from_numpy(hidden)[None])
        found: NDArray[np.float64] = logits[0].double().log_softmax(dim=-1).numpy()
        return found


def hide(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Random holes (B, T, 4): for each piece first how many, all numbers alike, then which.

    The mean loss of what is hidden is then, on average, the loss for each note where the notes
    of a piece are told one after another in a random order.
    """
    batch = shape[0]
    places = int(np.prod(shape[1:]))
    count = torch.randint(1, places + 1, (batch, 1), generator=generator)
    rank = torch.rand(batch, places, generator=generator).argsort(dim=1).argsort(dim=1)
    hidden: Tensor = (rank < count).reshape(tuple(shape))
    return hidden


def orderless_loss(network: Coconet, pitches: Tensor, hidden: Tensor) -> Tensor:
    """Nats for each hidden note, each piece weighted by one over how many it hides."""
    logits = network(pitches, hidden)
    each = functional.cross_entropy(
        logits.flatten(0, 2), pitches.flatten(), reduction="none"
    ).reshape(hidden.shape)
    share = (each * hidden).sum(dim=(1, 2)) / hidden.sum(dim=(1, 2))
    loss: Tensor = share.mean()
    return loss


# --- Weights ---------------------------------------------------------------------------------


def make_network(values: Mapping[str, Any]) -> Coconet:
    """With fresh weights, of a configuration as plain values."""
    return Coconet(CoconetConfig(**values))


def load_coconet(path: Path | None = None) -> tuple[Coconet, dict[str, Any], str]:
    """The network, the notes of its training, the SHA-256 of its file; by default the shipped one.

    Raises
    ------
    ConfigError
        If there is no such network.
    """
    place = path or resource_path("history", "trained", "coconet.safetensors")
    return load_network(make_network, "Coconet network", place)


def save_coconet(network: Coconet, path: Path, notes: Mapping[str, Any]) -> None:
    """Write the weights."""
    save_network(network, asdict(network.config), path, notes)
