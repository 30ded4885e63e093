"""How good DeepBach's network is: held-out losses beside counted models, and hard findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from hybrid.history.chorale_grids import LOWEST, REST, ChoraleGrid
from hybrid.history.counted import Codes, Counted
from hybrid.history.deepbach_model import (
    EDGE,
    N_SYMBOLS,
    SILENT,
    WINDOW,
    DeepBach,
    Symbols,
    encode,
    piece_losses,
    sounding,
)
from hybrid.history.deepbach_sampling import pseudo_gibbs
from hybrid.metrics.part_writing import part_writing

#: What the counted models are told of a voice's symbol, the most general first.
COUNTED = {
    "the note before": ("voice", "before"),
    "the notes before and after": ("voice", "before", "after", "place"),
}


def _contexts(symbols: Symbols, metadata: Symbols, told: Sequence[str]) -> tuple[Codes, Codes]:
    """Contexts (4 T, K) and symbols (4 T,) of a chorale's every voice and sixteenth."""
    inner = slice(WINDOW, -WINDOW)
    voice = np.broadcast_to(np.arange(4), symbols[inner].shape)
    parts = {
        "voice": (voice, 4),
        "before": (sounding(symbols)[WINDOW - 1 : -WINDOW - 1], EDGE + 1),
        "after": (symbols[WINDOW + 1 : len(symbols) - WINDOW + 1], EDGE + 1),
        "place": (np.broadcast_to(metadata[inner, :1] % 4, voice.shape), 4),
    }
    code: Codes = np.zeros(voice.shape, dtype=np.int64)
    columns = []
    for name in told:
        values, count = parts[name]
        code = code * count + values
        columns.append(code.ravel())
    return np.stack(columns, axis=1), symbols[inner].ravel()


def counted_models(grids: Iterable[ChoraleGrid]) -> dict[str, Counted]:
    """The models of `COUNTED`, from chorales in all keys that the voices allow."""
    pieces = [
        encode(grid.moved(by)) for grid in grids for by in range(grid.room[0], grid.room[1] + 1)
    ]
    models = {}
    for name, told in COUNTED.items():
        rows = [_contexts(*piece, told) for piece in pieces]
        contexts, symbols = (np.concatenate(column) for column in zip(*rows, strict=True))
        models[name] = Counted(contexts, symbols, N_SYMBOLS)
    return models


def counted_losses(models: dict[str, Counted], grids: Sequence[ChoraleGrid]) -> dict[str, float]:
    """Mean nats for each voice and sixteenth, by model."""
    found = {}
    for name, model in models.items():
        rows = [model.losses(*_contexts(*encode(grid), COUNTED[name])) for grid in grids]
        found[name] = float(np.concatenate(rows).mean())
    return found


def network_loss(network: DeepBach, grids: Sequence[ChoraleGrid]) -> dict[str, float]:
    """Mean nats for each voice and sixteenth, and for each note (holds counted to their notes)."""
    losses = [piece_losses(network, grid) for grid in grids]
    total = float(sum(part.sum() for part in losses))
    return {
        "each": total / sum(part.size for part in losses),
        "note": total / sum(int(grid.onsets.sum()) for grid in grids),
    }


def harmonisations(
    network: DeepBach, grids: Sequence[ChoraleGrid], sweeps: int, temperature: float, seed: int = 0
) -> dict[str, float]:
    """Hard findings of the checker per 100 chords, in the machine's settings and in Bach's.

    Parameters
    ----------
    network : DeepBach
    grids : sequence of ChoraleGrid
        Their sopranos are kept and harmonised.
    sweeps, temperature
        As `hybrid.history.deepbach_sampling.pseudo_gibbs` takes them.
    seed : int
    """
    machine, bach = [], []
    for grid in grids:
        symbols, metadata = encode(grid)
        is_free = np.ones((len(grid), 4), dtype=bool)
        is_free[:, 0] = False
        rng = np.random.default_rng(seed)
        run = pseudo_gibbs(network, symbols, metadata, is_free, sweeps, temperature, rng)
        pitches = sounding(run.symbols)
        machine.append(part_writing(np.where(pitches == SILENT, REST, pitches + LOWEST)))
        bach.append(part_writing(grid.pitches.astype(np.int64)))
    found = {"pieces": float(len(grids))}
    for name, pieces in (("machine", machine), ("Bach", bach)):
        n_found = sum(sum(piece.findings.values()) for piece in pieces)
        found[name] = 100.0 * n_found / sum(piece.n_chords for piece in pieces)
    return found
