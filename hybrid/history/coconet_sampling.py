"""Coconet's blocked Gibbs sampling: many notes are rubbed out at once and filled in, ever fewer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hybrid.history.coconet_model import Coconet, Mask, Pitches

#: Notes that are told of beside the drawn one.
MOST_OTHERS = 4
#: Notes of each step that are remembered, those least likely.
MOST_SURPRISES = 6


def mask_share(step: int, steps: int, highest: float, lowest: float, eta: float) -> float:
    """Chance that a note is rubbed out at a step, counted from 0.

    Falls along a line from ``highest`` to ``lowest``, which it reaches after ``eta`` of the steps:
    max(lowest, highest - step (highest - lowest) / (eta steps)).

    >>> [round(mask_share(step, 8, 0.9, 0.1, 0.5), 2) for step in range(6)]
    [0.9, 0.7, 0.5, 0.3, 0.1, 0.1]

    References
    ----------
    Yao, L., Ozair, S., Cho, K., & Bengio, Y. (2014). On the equivalence between deep NADE and
    generative stochastic networks. ECML.
    """
    return max(lowest, highest - step * (highest - lowest) / (eta * steps))


@dataclass(frozen=True)
class Fill:
    """How a note was filled in last.

    Attributes
    ----------
    step : int
        From 1.
    pitch : int
        From `hybrid.history.coconet_model`'s lowest.
    chance : float
    others : tuple of (int, float)
        The likeliest others and their chances.
    """

    step: int
    pitch: int
    chance: float
    others: tuple[tuple[int, float], ...]


@dataclass
class Run:
    """What happened.

    Attributes
    ----------
    pitches : np.ndarray, shape (T, 4), int64
        At the end.
    shares : list of float
        Chance of being rubbed out at each step.
    masks, states : list of np.ndarray, shape (T, 4)
        What was rubbed out at each step, and what stood after it.
    losses : list of float
        Of each step: mean of minus the log chance of what was drawn, in nats.
    changed : list of float
        Share of what was rubbed out that came back otherwise.
    surprises : list of dict
        Of each step by (time, voice): the least likely notes that were drawn.
    fills : dict
        By (time, voice): how it was filled last.
    """

    pitches: Pitches
    shares: list[float] = field(default_factory=list)
    masks: list[Mask] = field(default_factory=list)
    states: list[Pitches] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)
    surprises: list[dict[tuple[int, int], Fill]] = field(default_factory=list)
    fills: dict[tuple[int, int], Fill] = field(default_factory=dict)


def blocked_gibbs(
    network: Coconet,
    pitches: Pitches,
    is_free: Mask,
    steps: int,
    temperature: float,
    rng: np.random.Generator,
    highest: float = 0.9,
    lowest: float = 0.1,
    eta: float = 0.75,
) -> Run:
    """Fill what is free, then rub out and fill again.

    Parameters
    ----------
    network : Coconet
    pitches : np.ndarray, shape (T, 4), int64
        What is free is not read.
    is_free : np.ndarray, shape (T, 4), bool
    steps : int
        At the first all that is free is hidden; from then on each free note with the chance that
        `mask_share` gives.
    temperature : float
        Below 1 likelier pitches are favoured.
    rng : np.random.Generator
    highest, lowest, eta : float
        Of `mask_share`.

    Notes
    -----
    The hidden notes of a step are drawn independently, each from its own chances given all that is
    known. So early blocks are rough, and it takes the later, smaller ones to make them agree.
    """
    run = Run(pitches.copy())
    for step in range(steps):
        share = mask_share(step, steps, highest, lowest, eta)
        hidden = is_free & (rng.random(is_free.shape) < share) if step else is_free.copy()
        before = run.pitches.copy()
        if hidden.any():
            log = network.chances(run.pitches, hidden) / temperature
            _fill(run, step + 1, hidden, log, rng)
        drawn = sorted((run.fills[place].chance, place) for place in _places(hidden))
        run.shares.append(share)
        run.masks.append(hidden)
        run.states.append(run.pitches.copy())
        run.surprises.append({place: run.fills[place] for _, place in drawn[:MOST_SURPRISES]})
        run.losses.append(float(-np.log([chance for chance, _ in drawn]).mean()) if drawn else 0.0)
        # At first there is nothing to come back to.
        moved = float((before != run.pitches).sum()) / max(1, len(drawn))
        run.changed.append(moved if step else 1.0)
    return run


def _places(hidden: Mask) -> list[tuple[int, int]]:
    return [(int(time), int(voice)) for time, voice in np.argwhere(hidden)]


def _fill(run: Run, step: int, hidden: Mask, log: np.ndarray, rng: np.random.Generator) -> None:
    """Draw every hidden note from its own chances."""
    weights = np.exp(log - log.max(axis=-1, keepdims=True))
    chances = weights / weights.sum(axis=-1, keepdims=True)
    for time, voice in _places(hidden):
        row = chances[time, voice]
        pitch = int(rng.choice(len(row), p=row))
        order = np.argsort(-row, kind="stable")[: MOST_OTHERS + 1].tolist()
        others = tuple((other, float(row[other])) for other in order if other != pitch)
        run.pitches[time, voice] = pitch
        run.fills[time, voice] = Fill(step, pitch, float(row[pitch]), others[:MOST_OTHERS])
