"""DeepBach's network: each voice at each sixteenth from what stands before, after and beside it.

Two recurrent layers read the columns before and after a sixteenth, each with its metadata; a
layer for each voice hears both, and the other three voices at that sixteenth, and says how likely
each symbol is there. All four voices share the recurrent layers.

References
----------
Hadjeres, G., Pachet, F., & Nielsen, F. (2017). DeepBach: a steerable model for Bach chorales
generation. ICML. arXiv:1612.01010.
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
from hybrid.history.chorale_grids import HIGHEST, LONGEST_BAR, LOWEST, RANGES, REST, ChoraleGrid
from hybrid.io.network_weights import load_network, save_network

N_PITCHES = HIGHEST - LOWEST + 1
#: Symbols: pitches from `LOWEST`, then these. EDGE stands before and after the piece.
HOLD, SILENT, EDGE = N_PITCHES, N_PITCHES + 1, N_PITCHES + 2
N_SYMBOLS = N_PITCHES + 2
#: Sixteenths that are read on either side.
WINDOW = 24
#: Columns of metadata: place in the bar, fermata, tonic, mode; how many values each has, the
#: last of which stands outside the piece.
METADATA = (LONGEST_BAR + 1, 3, 13, 3)

Symbols = NDArray[np.int64]


@dataclass(frozen=True)
class DeepBachConfig:
    """Sizes.

    Attributes
    ----------
    embedding : int
        Numbers for a symbol, and for the metadata of a sixteenth.
    hidden : int
        Of each recurrent layer, and of each voice's own layer.
    dropout : float
    """

    embedding: int = 16
    hidden: int = 96
    dropout: float = 0.2


# --- Symbols ---------------------------------------------------------------------------------


def encode(grid: ChoraleGrid) -> tuple[Symbols, Symbols]:
    """Symbols and metadata of a chorale, with `WINDOW` columns outside it on either side.

    Returns
    -------
    symbols : np.ndarray, shape (T + 2 WINDOW, 4), int64
        A pitch above `LOWEST` where a note begins, `HOLD` where it goes on, `SILENT`, `EDGE`.
    metadata : np.ndarray, shape (T + 2 WINDOW, 4), int64
        As `METADATA` says.
    """
    symbols = np.where(grid.onsets, grid.pitches.astype(np.int64) - LOWEST, HOLD)
    symbols[grid.pitches == REST] = SILENT
    rows = [
        grid.places.astype(np.int64),
        grid.fermatas.astype(np.int64),
        np.full(len(grid), grid.tonic),
        np.full(len(grid), grid.mode),
    ]
    outside = np.array([[count - 1 for count in METADATA]] * WINDOW)
    edge = np.full((WINDOW, 4), EDGE)
    return (
        np.concatenate([edge, symbols, edge]).astype(np.int64),
        np.concatenate([outside, np.stack(rows, axis=1), outside]).astype(np.int64),
    )


def sounding(symbols: Symbols) -> Symbols:
    """What sounds at each symbol: holds become the symbol that they hold; the shape of it.

    >>> sounding(np.array([[24], [HOLD], [26]]).repeat(4, axis=1))[:, 0].tolist()
    [24, 24, 26]
    """
    rows = np.arange(len(symbols))[:, None]
    last = np.maximum.accumulate(np.where(symbols == HOLD, 0, rows), axis=0)
    found: Symbols = np.take_along_axis(symbols, last, axis=0)
    # A hold with nothing before it holds a rest.
    found[found == HOLD] = SILENT
    return found


def allowed() -> NDArray[np.bool_]:
    """Which symbols each voice may have: its range, holds and rests; shape (4, N_SYMBOLS)."""
    mask = np.zeros((4, N_SYMBOLS), dtype=bool)
    for voice, (low, high) in enumerate(RANGES):
        mask[voice, low - LOWEST : high - LOWEST + 1] = True
    mask[:, [HOLD, SILENT]] = True
    return mask


#: What can sound: pitches, and the symbols that are none.
N_SOUNDS = EDGE + 1
#: Intervals of a pitch over another voice, -24 to 24, and steps from one interval to another, by
#: pitch classes: 13 before (12: none), 12 now, whether the other voice has moved.
WIDEST = 24
N_INTERVALS, N_MOTIONS = 2 * WIDEST + 1, 13 * 12 * 2


def interval_places() -> tuple[Tensor, Tensor]:
    """Where each case of another voice finds each pitch's interval and motion in their tables.

    Returns
    -------
    (torch.Tensor, torch.Tensor), shape (13 * N_SOUNDS * 2, N_PITCHES), int64
        Places in tables of `N_INTERVALS` and `N_MOTIONS`; one past the end for no interval.
    """
    before, now, moved, pitch = np.meshgrid(
        np.arange(13), np.arange(N_SOUNDS), np.arange(2), np.arange(N_PITCHES), indexing="ij"
    )
    interval = np.clip(pitch - now, -WIDEST, WIDEST) + WIDEST
    motion = (before * 12 + (pitch - now) % 12) * 2 + moved
    is_none = now >= N_PITCHES
    shape = (-1, N_PITCHES)
    return (
        torch.from_numpy(np.where(is_none, N_INTERVALS, interval).reshape(shape)),
        torch.from_numpy(np.where(is_none, N_MOTIONS, motion).reshape(shape)),
    )


# --- Network ---------------------------------------------------------------------------------


class DeepBach(nn.Module):
    """Four networks, one for each voice, with the recurrent layers in common.

    Beside them stand small tables: what each interval over another voice, and each step from one
    interval to another, adds to a pitch. Parallel fifths are the same in every key, and a table
    learns so from far fewer chorales than a layer.
    """

    banned: Tensor
    interval_places: Tensor
    motion_places: Tensor

    def __init__(self, config: DeepBachConfig) -> None:
        super().__init__()
        self.config = config
        size, hidden = config.embedding, config.hidden
        self.symbol = nn.Embedding(EDGE + 1, size)
        self.metadata = nn.ModuleList([nn.Embedding(count, size) for count in METADATA])
        self.before = nn.LSTM(5 * size + 4, hidden, batch_first=True)
        self.after = nn.LSTM(5 * size, hidden, batch_first=True)
        # Both readings, the voice's own last note, the other three, whether they hold, metadata.
        n_in = 2 * hidden + 5 * size + 3
        self.voices = nn.ModuleList(
            [
                nn.Sequential(
                    nn.Dropout(config.dropout),
                    nn.Linear(n_in, hidden),
                    nn.ReLU(),
                    nn.Dropout(config.dropout),
                    nn.Linear(hidden, N_SYMBOLS),
                )
                for _ in range(4)
            ]
        )
        self.register_buffer("banned", torch.from_numpy(~allowed()), persistent=False)
        self.intervals = nn.Parameter(torch.zeros(4, 3, N_INTERVALS + 1))
        self.motions = nn.Parameter(torch.zeros(4, 3, N_MOTIONS + 1))
        interval, motion = interval_places()
        self.register_buffer("interval_places", interval, persistent=False)
        self.register_buffer("motion_places", motion, persistent=False)
        self._kept: list[Tensor] = []

    def train(self, mode: bool = True) -> DeepBach:
        """Change to training or evaluation; what was worked out from the weights is dropped."""
        self._kept = []
        super().train(mode)
        return self

    def _interval_rows(self, voice: int) -> Tensor:
        """What each case of another voice adds to the pitches, (3, 13 * N_SOUNDS * 2, N_PITCHES).

        A case is the interval before, what the other voice sounds now, and whether it has moved.
        """
        if self._kept:
            return self._kept[voice]
        # The last place of each table stands for what is no interval and stays 0.
        interval = self.intervals[voice] * self._counts(N_INTERVALS + 1)
        motion = self.motions[voice] * self._counts(N_MOTIONS + 1)
        return interval[:, self.interval_places] + motion[:, self.motion_places]

    @staticmethod
    def _counts(size: int) -> Tensor:
        mask = torch.ones(size)
        mask[-1] = 0
        return mask

    def _told(self, metadata: Tensor) -> Tensor:
        """(B, T, 4) -> (B, T, embedding)."""
        parts = [table(metadata[..., index]) for index, table in enumerate(self.metadata)]
        return torch.stack(parts).sum(dim=0)

    def _columns(
        self, symbols: Tensor, sounds: Tensor, metadata: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        heard = self.symbol(sounds)  # (B, T, 4, E)
        holds = (symbols == HOLD).float()  # (B, T, 4)
        told = self._told(metadata)  # (B, T, E)
        past = torch.cat([heard.flatten(2), holds, told], dim=2)
        # What a hold after it sounds would give a note away, so the future has bare symbols.
        future = torch.cat([self.symbol(symbols).flatten(2), told], dim=2)
        return past, future, heard, holds, told

    def _head(
        self,
        voice: int,
        readings: Sequence[Tensor],
        heard: Tensor,
        holds: Tensor,
        told: Tensor,
        was: Tensor,
        sounds: Tensor,
    ) -> Tensor:
        """Logits of a voice; ``was`` and ``sounds`` (..., 4) are what sounds before and now."""
        others = [other for other in range(4) if other != voice]
        last = self.symbol(was[..., voice])
        parts = [*readings, last, heard[..., others, :].flatten(-2), holds[..., others], told]
        logits: Tensor = self.voices[voice](torch.cat(parts, dim=-1))
        rows = self._interval_rows(voice)
        own = was[..., voice]
        for place, other in enumerate(others):
            before, now = was[..., other], sounds[..., other]
            known = (own < N_PITCHES) & (before < N_PITCHES)
            gap = torch.where(known, (own - before) % 12, 12)
            has_moved = (holds[..., other] == 0).long()
            case = (gap * N_SOUNDS + now) * 2 + has_moved
            added = functional.embedding(case, rows[place])
            logits = logits + functional.pad(added, (0, N_SYMBOLS - N_PITCHES))
        return logits.masked_fill(self.banned[voice], -torch.inf)

    def forward(self, symbols: Tensor, sounds: Tensor, metadata: Tensor) -> Tensor:
        """Logits of every voice at every column but the first and the last.

        Parameters
        ----------
        symbols, sounds, metadata : torch.Tensor, shape (B, T, 4), int64
            As `encode` and `sounding` give them.

        Returns
        -------
        torch.Tensor, shape (B, T - 2, 4, N_SYMBOLS)
            That of a column has read all columns before and after, and the other voices' own.
        """
        past, future, heard, holds, told = self._columns(symbols, sounds, metadata)
        before = self.before(past[:, :-2])[0]
        after = self.after(future[:, 2:].flip(1))[0].flip(1)
        inner = slice(1, -1)
        logits = [
            self._head(
                voice,
                (before, after),
                heard[:, inner],
                holds[:, inner],
                told[:, inner],
                sounds[:, :-2],
                sounds[:, inner],
            )
            for voice in range(4)
        ]
        return torch.stack(logits, dim=2)

    @torch.no_grad()
    def at(
        self,
        symbols: Symbols,
        sounds: Symbols,
        metadata: Symbols,
        times: Symbols,
        voices: Sequence[int] = range(4),
    ) -> NDArray[np.float64]:
        """Log chances of some voices' symbols at some columns, reading `WINDOW` on either side.

        Parameters
        ----------
        symbols, sounds, metadata : np.ndarray, shape (T + 2 WINDOW, 4)
        times : np.ndarray, shape (B,), int64
            Columns of the piece from 0.
        voices : sequence of int
            All four where left out.

        Returns
        -------
        np.ndarray, shape (B, number of voices, N_SYMBOLS), float64
        """
        if not self._kept and not self.training:
            self._kept = [self._interval_rows(voice) for voice in range(4)]
        rows = times[:, None] + np.arange(2 * WINDOW + 1)  # (B, 2 W + 1)
        heard_now = torch.from_numpy(sounds[rows[:, WINDOW - 1 : WINDOW + 1]])  # (B, 2, 4)
        past, future, heard, holds, told = self._columns(
            torch.from_numpy(symbols[rows]),
            torch.from_numpy(sounds[rows]),
            torch.from_numpy(metadata[rows]),
        )
        before = self.before(past[:, :WINDOW])[0][:, -1]
        after = self.after(future[:, WINDOW + 1 :].flip(1))[0][:, -1]
        logits = [
            self._head(
                voice,
                (before, after),
                heard[:, WINDOW],
                holds[:, WINDOW],
                told[:, WINDOW],
                heard_now[:, 0],
                heard_now[:, 1],
            )
            for voice in voices
        ]
        found: NDArray[np.float64] = torch.stack(logits, dim=1).double().log_softmax(dim=-1).numpy()
        return found


def piece_losses(network: DeepBach, grid: ChoraleGrid) -> NDArray[np.float64]:
    """Minus the log chance of each symbol given all others, in nats; shape (T, 4)."""
    symbols, metadata = encode(grid)
    sounds = sounding(symbols)
    times = np.arange(len(grid))
    log = np.concatenate(
        [network.at(symbols, sounds, metadata, part) for part in np.array_split(times, 4)]
    )
    own = symbols[WINDOW:-WINDOW, :, None]
    found: NDArray[np.float64] = -np.take_along_axis(log, own, axis=2)[..., 0]
    return found


# --- Weights ---------------------------------------------------------------------------------


def make_network(values: Mapping[str, Any]) -> DeepBach:
    """With fresh weights, of a configuration as plain values."""
    return DeepBach(DeepBachConfig(**values))


def load_deepbach(path: Path | None = None) -> tuple[DeepBach, dict[str, Any], str]:
    """The network, the notes of its training, the SHA-256 of its file; by default the shipped one.

    Raises
    ------
    ConfigError
        If there is no such network.
    """
    place = path or resource_path("history", "trained", "deepbach.safetensors")
    return load_network(make_network, "DeepBach network", place)


def save_deepbach(network: DeepBach, path: Path, notes: Mapping[str, Any]) -> None:
    """Write the weights."""
    save_network(network, asdict(network.config), path, notes)
