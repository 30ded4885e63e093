"""How good Coconet's network is: held-out losses beside counted models, and hard findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from hybrid.history.chorale_grids import LOWEST, ChoraleGrid
from hybrid.history.coconet_model import (
    N_PITCHES,
    N_VOICES,
    STEP,
    Coconet,
    Pitches,
    eighths,
    hide,
    orderless_loss,
)
from hybrid.history.coconet_sampling import blocked_gibbs
from hybrid.history.counted import Codes, Counted
from hybrid.metrics.part_writing import PartWriting, part_writing

#: What the counted models are told of a voice's pitch, the most general first.
COUNTED = {
    "how often each voice has each pitch": ("voice",),
    "each voice's pitch before": ("voice", "before"),
}


def _contexts(pieces: Iterable[Pitches], told: Sequence[str]) -> tuple[Codes, Codes]:
    """Contexts (N, K) and symbols (N,) of every voice and eighth."""
    rows, symbols = [], []
    for pitches in pieces:
        voice = np.broadcast_to(np.arange(N_VOICES), pitches.shape)
        start = np.full((1, N_VOICES), N_PITCHES)
        parts = {
            "voice": (voice, N_VOICES),
            "before": (np.concatenate([start, pitches[:-1]]), N_PITCHES + 1),
        }
        code: Codes = np.zeros(pitches.shape, dtype=np.int64)
        columns = []
        for name in told:
            values, count = parts[name]
            code = code * count + values
            columns.append(code.ravel())
        rows.append(np.stack(columns, axis=1))
        symbols.append(pitches.ravel())
    return np.concatenate(rows), np.concatenate(symbols)


def counted_models(grids: Iterable[ChoraleGrid]) -> dict[str, Counted]:
    """The models of `COUNTED`, from chorales in all keys that the voices allow."""
    pieces = [eighths(grid) + by for grid in grids for by in range(grid.room[0], grid.room[1] + 1)]
    return {name: Counted(*_contexts(pieces, told), N_PITCHES) for name, told in COUNTED.items()}


def counted_losses(models: dict[str, Counted], pieces: Tensor) -> dict[str, float]:
    """Mean nats for each voice and eighth of stretches (N, T, 4), told from left to right."""
    parts = list(pieces.numpy())
    return {
        name: float(model.losses(*_contexts(parts, COUNTED[name])).mean())
        for name, model in models.items()
    }


def stretches(grids: Sequence[ChoraleGrid], length: int) -> Tensor:
    """Chorales cut into stretches of so many eighths, the rest of each left out; (N, length, 4)."""
    parts = []
    for grid in grids:
        piece = torch.from_numpy(eighths(grid))
        parts += [piece[at : at + length] for at in range(0, len(piece) - length + 1, length)]
    return torch.stack(parts)


@torch.no_grad()
def held_out_loss(network: Coconet, pieces: Tensor, times: int, seed: int = 0) -> float:
    """Mean nats for each voice and eighth of stretches (N, T, 4), told in random orders.

    By the chain rule that may be set beside any model that tells the same notes one by one. The
    mean over orders is estimated from ``times`` random masks of each stretch.
    """
    network.eval()
    generator = torch.Generator().manual_seed(seed)
    losses = [
        float(orderless_loss(network, part, hide(part.shape, generator))) * len(part)
        for _ in range(times)
        for part in torch.split(pieces, 16)
    ]
    return sum(losses) / (times * len(pieces))


def harmonisations(
    network: Coconet, grids: Sequence[ChoraleGrid], steps: int, temperature: float, seed: int = 0
) -> dict[str, float]:
    """Hard findings of the checker per 100 chords, in the machine's settings and in Bach's.

    Parameters
    ----------
    network : Coconet
    grids : sequence of ChoraleGrid
        Their sopranos are kept and harmonised. Bach's settings are checked on eighths, too.
    steps, temperature
        As `hybrid.history.coconet_sampling.blocked_gibbs` takes them.
    seed : int
    """
    machine: list[PartWriting] = []
    bach: list[PartWriting] = []
    for grid in grids:
        pitches = eighths(grid)
        is_free = np.ones(pitches.shape, dtype=bool)
        is_free[:, 0] = False
        rng = np.random.default_rng(seed)
        run = blocked_gibbs(network, pitches, is_free, steps, temperature, rng)
        for found, own in ((machine, run.pitches), (bach, pitches)):
            found.append(part_writing((own + LOWEST).repeat(STEP, axis=0)))
    result = {"pieces": float(len(grids))}
    for name, pieces in (("machine", machine), ("Bach", bach)):
        n_found = sum(sum(piece.findings.values()) for piece in pieces)
        result[name] = 100.0 * n_found / sum(piece.n_chords for piece in pieces)
    return result
