"""DeepBach's pseudo-Gibbs sampling: one symbol after another is drawn anew, given all the rest."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hybrid.history.deepbach_model import (
    HOLD,
    N_SYMBOLS,
    WINDOW,
    DeepBach,
    Symbols,
    allowed,
    sounding,
)

#: Symbols that lie so many sixteenths apart, more than a bar, are drawn at once.
STRIDE = 17
#: Symbols that are told of beside the drawn one.
MOST_OTHERS = 4


@dataclass(frozen=True)
class Draw:
    """One symbol drawn.

    Attributes
    ----------
    sweep : int
        From 1.
    time, voice : int
    before, symbol : int
        What stood there, and what was drawn.
    chance : float
        Of the drawn one.
    others : tuple of (int, float)
        The likeliest others and their chances.
    """

    sweep: int
    time: int
    voice: int
    before: int
    symbol: int
    chance: float
    others: tuple[tuple[int, float], ...]


@dataclass
class Run:
    """What happened.

    Attributes
    ----------
    start, symbols : np.ndarray, shape (T, 4), int64
        Before the first draw, and after the last.
    draws : list of list of Draw
        Those made at once, in order.
    losses : list of float
        Of each sweep: mean of minus the log chance of what was drawn, in nats.
    changed : list of float
        Share of the draws of each sweep that changed something.
    """

    start: Symbols
    symbols: Symbols
    draws: list[list[Draw]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)

    def last(self) -> dict[tuple[int, int], Draw]:
        """The last draw of every place (time, voice) that was drawn."""
        return {(draw.time, draw.voice): draw for group in self.draws for draw in group}


def random_start(symbols: Symbols, is_free: NDArray[np.bool_], rng: np.random.Generator) -> Symbols:
    """Free places filled with any symbol of the voice's range, all equally likely."""
    filled = symbols.copy()
    for voice, mask in enumerate(allowed()):
        choices = np.flatnonzero(mask)
        rows = np.flatnonzero(is_free[:, voice])
        filled[rows, voice] = rng.choice(choices, size=len(rows))
    return filled


def pseudo_gibbs(
    network: DeepBach,
    symbols: Symbols,
    metadata: Symbols,
    is_free: NDArray[np.bool_],
    sweeps: int,
    temperature: float,
    rng: np.random.Generator,
) -> Run:
    """Draw the free symbols anew, again and again, each given all others.

    Parameters
    ----------
    network : DeepBach
    symbols, metadata : np.ndarray, shape (T + 2 WINDOW, 4), int64
        As `hybrid.history.deepbach_model.encode` gives them.
    is_free : np.ndarray, shape (T, 4), bool
        Which symbols may change.
    sweeps : int
        A sweep draws as many symbols as are free; which, is left to chance.
    temperature : float
        Below 1 the likelier symbols are favoured.
    rng : np.random.Generator

    Notes
    -----
    The network's conditionals need not belong to one joint distribution, hence pseudo-Gibbs. Draws
    made at once do not hear of each other, as they would if made one by one; more than a bar apart
    that matters little.
    """
    now = symbols.copy()
    inner = now[WINDOW:-WINDOW]
    inner[:] = random_start(inner, is_free, rng)
    run = Run(inner.copy(), inner)
    voices = np.flatnonzero(is_free.any(axis=0))
    groups = round(STRIDE * is_free.sum() / len(is_free))
    for sweep in range(1, sweeps + 1):
        losses: list[float] = []
        changes = 0
        for _ in range(groups):
            voice = int(rng.choice(voices))
            times = np.arange(int(rng.integers(min(STRIDE, len(inner)))), len(inner), STRIDE)
            times = times[is_free[times, voice]]
            if not len(times):
                continue
            log = network.at(now, sounding(now), metadata, times, [voice])[:, 0]
            group = [
                _draw(sweep, time, voice, inner, row, temperature, rng)
                for time, row in zip(times.tolist(), log, strict=True)
            ]
            run.draws.append(group)
            losses += [-float(np.log(draw.chance)) for draw in group]
            changes += sum(draw.symbol != draw.before for draw in group)
        run.losses.append(float(np.mean(losses)))
        run.changed.append(changes / len(losses))
    return run


def _draw(
    sweep: int,
    time: int,
    voice: int,
    inner: Symbols,
    log: NDArray[np.float64],
    temperature: float,
    rng: np.random.Generator,
) -> Draw:
    """Draw one symbol and write it."""
    weights = np.exp((log - log.max()) / temperature)
    chances = weights / weights.sum()
    symbol = int(rng.choice(N_SYMBOLS, p=chances))
    order = np.argsort(-chances, kind="stable")[: MOST_OTHERS + 1].tolist()
    before = int(inner[time, voice])
    inner[time, voice] = symbol
    others = tuple((other, float(chances[other])) for other in order if other != symbol)
    return Draw(sweep, time, voice, before, symbol, float(chances[symbol]), others[:MOST_OTHERS])


def notes_of(symbols: Symbols) -> list[tuple[int, int, int, int]]:
    """Voice, first sixteenth, sixteenths and symbol of every note, by onset.

    >>> notes_of(np.array([[24, 19, 16, 12], [HOLD, 20, HOLD, HOLD]]))[:2]
    [(0, 0, 2, 24), (1, 0, 1, 19)]
    """
    sounds = sounding(symbols)
    found = []
    for voice in range(symbols.shape[1]):
        begins = np.flatnonzero(symbols[:, voice] != HOLD)
        ends = [*begins[1:], len(symbols)]
        for first, end in zip(begins.tolist(), ends, strict=True):
            if sounds[first, voice] < HOLD:
                found.append((voice, first, int(end) - first, int(sounds[first, voice])))
    return sorted(found, key=lambda note: (note[1], note[0]))
