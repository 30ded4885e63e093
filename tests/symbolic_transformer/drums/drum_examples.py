"""Performances made by rule, small enough to train on in a test."""

from __future__ import annotations

import numpy as np

from hybrid.symbolic_transformer.drums.conditions import METRES, Levels, densities, intensities
from hybrid.symbolic_transformer.drums.config import DrumConfig
from hybrid.symbolic_transformer.drums.data import Corpus, Performance, measure
from hybrid.symbolic_transformer.drums.grid import Grid
from hybrid.symbolic_transformer.drums.kit import CLOSED_HAT, CRASH, HIGH_TOM, KICK, N_DRUMS, SNARE

TINY = DrumConfig(width=16, layers=2, heads=2, hidden=24, head_width=8, window=20)


def rock(n_bars: int, seed: int, *, metre: str = "4/4", every: int = 4, timing: int = 0) -> Grid:
    """Kick, snare and hats, a fill of toms in every fourth bar and a crash after it."""
    rng = np.random.default_rng(seed)
    n_steps = METRES[metre]
    hits = np.zeros((n_bars, n_steps, N_DRUMS), dtype=np.bool_)
    hits[:, ::2, CLOSED_HAT] = True
    hits[:, 0::8, KICK] = True
    hits[:, 4::8, SNARE] = True
    hits[:, :, KICK] |= rng.random((n_bars, n_steps)) < 0.05
    if every:
        hits[every - 1 :: every] = False
        hits[every - 1 :: every, :, HIGH_TOM] = True
        hits[every::every, 0, CRASH] = True
    flat = hits.reshape(-1, N_DRUMS)
    velocities = np.where(flat, rng.integers(60, 100, flat.shape), 0).astype(np.int16)
    timings = np.where(flat, timing + rng.integers(-5, 6, flat.shape), 0).astype(np.int16)
    return Grid(flat, velocities, timings)


def tiny_corpus() -> Corpus:
    """Three performances to train on, one of them in 3/4 and one a fill; one to validate on."""
    given = [
        ("a", rock(12, 1), "4/4", False),
        ("b", rock(8, 2, metre="3/4"), "3/4", False),
        ("c", rock(1, 3, every=1), "4/4", True),
        ("d", rock(8, 4), "4/4", False),
    ]
    levels = Levels.fit(
        np.concatenate([densities(grid, METRES[metre]) for _, grid, metre, _ in given]),
        np.concatenate([intensities(grid, METRES[metre]) for _, grid, metre, _ in given]),
    )
    made = tuple(
        Performance(
            name,
            grid,
            measure(grid, metre, levels, style="rock", is_fill=fill),
            120.0,
            metre,
            fill,
        )
        for name, grid, metre, fill in given
    )
    return Corpus({"train": made[:3], "validation": made[3:], "test": ()}, levels)
