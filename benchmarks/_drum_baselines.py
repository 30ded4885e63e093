"""Baselines for the groove model: counts that are interpolated, nothing else is learned.

References
----------
Witten, I. H., & Bell, T. C. (1991). The zero-frequency problem. IEEE Transactions on
Information Theory 37(4).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.symbolic_transformer.drums.batches import Table
from hybrid.symbolic_transformer.drums.conditions import COLUMNS
from hybrid.symbolic_transformer.drums.grid import N_TIMINGS, N_VELOCITIES
from hybrid.symbolic_transformer.drums.kit import N_DRUMS
from hybrid.symbolic_transformer.drums.train import Score

Ints = NDArray[np.int64]
#: Stands for "not there" in a context.
NONE = -1


class Interpolated:
    """Witten-Bell interpolation from the most general context to the most special one."""

    def __init__(self, n_symbols: int) -> None:
        self.n_symbols = n_symbols
        self.counts: list[dict[tuple[int, ...], Counter[int]]] = []

    def fit(self, contexts: Sequence[Ints], symbols: Ints) -> None:
        """Count; each of ``contexts`` has the shape (N, k), the most general first."""
        self.counts = []
        for rows in contexts:
            table: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
            for key, symbol in zip(map(tuple, rows.tolist()), symbols.tolist(), strict=True):
                table[key][symbol] += 1
            self.counts.append(dict(table))

    def nll(self, contexts: Sequence[Ints], symbols: Ints) -> NDArray[np.float64]:
        """Nats of each symbol."""
        shares = np.full(len(symbols), 1.0 / self.n_symbols)
        for rows, table in zip(contexts, self.counts, strict=True):
            totals = {key: (sum(found.values()), len(found)) for key, found in table.items()}
            for at, (key, symbol) in enumerate(
                zip(map(tuple, rows.tolist()), symbols.tolist(), strict=True)
            ):
                if key in totals:
                    total, kinds = totals[key]
                    shares[at] = (table[key][symbol] + kinds * shares[at]) / (total + kinds)
        result: NDArray[np.float64] = -np.log(shares)
        return result


@dataclass(frozen=True, eq=False)
class Facts:
    """What baselines look at: patterns 0..511 of each step, and those a step and bars ago."""

    hits: Ints  # (N, 9)
    pattern: Ints
    place: Ints
    style: Ints
    before: Ints
    bar_ago: Ints
    two_bars_ago: Ints
    at_bar_ago: Ints  # index, NONE where there is none

    @classmethod
    def of(cls, table: Table) -> Facts:
        """Read a table."""
        hits = table.hits.astype(np.int64)
        pattern = hits @ (1 << np.arange(N_DRUMS))
        here = np.arange(len(pattern))

        def back(steps: Ints) -> tuple[Ints, Ints]:
            at = here - steps
            at = np.where(at >= table.first, at, NONE)
            return at, np.where(at >= 0, pattern[np.maximum(at, 0)], NONE)

        at, bar_ago = back(table.bar_steps)
        return cls(
            hits,
            pattern,
            table.position,
            table.conditions[:, list(COLUMNS).index("style")],
            back(np.ones_like(here))[1],
            bar_ago,
            back(2 * table.bar_steps)[1],
            at,
        )


def _columns(*parts: Ints) -> Ints:
    return np.stack(parts, axis=1)


def baseline_scores(train: Table, tests: Sequence[Table], kind: str) -> list[Score]:
    """Scores of a baseline on held-out tables.

    Parameters
    ----------
    kind : str
        ``unigram``: each drum by itself. ``position``: each drum given the place in the bar.
        ``copy``: each drum, its velocity and its timing given the same a bar ago. ``n-gram``:
        patterns of the whole step given place, style, the steps a bar, a step and two bars ago.
    """
    seen, asked = Facts.of(train), [Facts.of(table) for table in tests]
    hits = np.zeros(len(tests))
    if kind == "n-gram":
        model = Interpolated(1 << N_DRUMS)
        model.fit(_pattern_contexts(seen), seen.pattern)
        hits += [model.nll(_pattern_contexts(facts), facts.pattern).sum() for facts in asked]
    else:
        for drum in range(N_DRUMS):
            model = Interpolated(2)
            model.fit([_drum_context(seen, drum, kind)], seen.hits[:, drum])
            hits += [
                model.nll([_drum_context(facts, drum, kind)], facts.hits[:, drum]).sum()
                for facts in asked
            ]
    strokes = np.zeros((2, len(tests)))
    for row, (name, size) in enumerate((("velocities", N_VELOCITIES), ("timings", N_TIMINGS))):
        model = Interpolated(size)
        model.fit(*_stroke_contexts(train, seen, name, kind))
        strokes[row] = [
            model.nll(*_stroke_contexts(table, facts, name, kind)).sum()
            for table, facts in zip(tests, asked, strict=True)
        ]
    scores = []
    for number, facts in enumerate(asked):
        n_steps, n_hits = len(facts.pattern), int(facts.hits.sum())
        velocity, timing = strokes[:, number] / n_hits
        total = (hits[number] + strokes[:, number].sum()) / n_steps
        scores.append(
            Score(float(hits[number] / n_steps), float(velocity), float(timing), float(total))
        )
    return scores


def _drum_context(facts: Facts, drum: int, kind: str) -> Ints:
    if kind == "position":
        return _columns(facts.place)
    if kind == "copy":
        there = facts.at_bar_ago >= 0
        ago = np.where(there, facts.hits[np.maximum(facts.at_bar_ago, 0), drum], NONE)
        return _columns(ago)
    return np.zeros((len(facts.place), 1), dtype=np.int64)


def _pattern_contexts(facts: Facts) -> list[Ints]:
    place, ago, before = facts.place, facts.bar_ago, facts.before
    return [
        np.zeros((len(place), 1), dtype=np.int64),
        _columns(place),
        _columns(place, facts.style),
        _columns(place, ago),
        _columns(place, ago, before),
        _columns(place, ago, before, facts.two_bars_ago),
    ]


def _stroke_contexts(table: Table, facts: Facts, name: str, kind: str) -> tuple[list[Ints], Ints]:
    """Contexts and bins of all strokes."""
    steps, drums = np.nonzero(facts.hits)
    bins: Ints = getattr(table, name)
    ago_at = facts.at_bar_ago[steps]
    was = np.maximum(ago_at, 0)
    there = (ago_at >= 0) & (facts.hits[was, drums] == 1)
    ago = np.where(there, bins[was, drums], NONE)
    contexts = [_columns(drums)]
    if kind == "position":
        contexts.append(_columns(drums, facts.place[steps]))
    elif kind == "copy":
        contexts.append(_columns(drums, ago))
    elif kind == "n-gram":
        # The drum before in the same step.
        same = np.r_[False, steps[1:] == steps[:-1]]
        values = bins[steps, drums]
        last = np.where(same, np.r_[NONE, values[:-1]], NONE)
        contexts += [
            _columns(drums, facts.place[steps]),
            _columns(drums, ago),
            _columns(drums, last),
            _columns(drums, ago, last),
            _columns(drums, facts.place[steps], ago, last),
        ]
    return contexts, bins[steps, drums]
