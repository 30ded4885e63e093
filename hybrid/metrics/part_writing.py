"""How often a set of pieces breaks the hard rules of part-writing, beside another set.

Hard rules are those that the engine `rules` must never break (`hard = true` in the rule
set: parallels, ranges, augmented seconds, unresolved leading tones and sevenths). Bach breaks
them now and then, and chords are inferred from the notes, which is a reading; so a rate says
something only beside the rate of real music that was checked in the same way.

A chord is an onset slice: whatever sounds when at least one voice begins a note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.core.score import Score
from hybrid.metrics.grids import Grid, score_of_grid
from hybrid.theory.checker import check
from hybrid.theory.ruleset import load_rule_set
from hybrid.theory.slices import slice_score

N_DRAWS = 2000


@dataclass(frozen=True)
class PartWriting:
    """Hard findings of one piece.

    Attributes
    ----------
    n_chords : int
    findings : mapping of str to int
        By rule id; rules without a finding are left out.
    """

    n_chords: int
    findings: Mapping[str, int]


@dataclass(frozen=True)
class Rate:
    """Findings per 100 chords of a set, and how many times those of a reference that is.

    Attributes
    ----------
    per_100, low, high : float
        With the 95% interval of a bootstrap over pieces.
    ratio, ratio_low, ratio_high : float
        To the reference's rate; infinite where the reference has none and NaN where neither
        has.
    """

    per_100: float
    low: float
    high: float
    ratio: float
    ratio_low: float
    ratio_high: float


def part_writing(piece: Score | Grid, rules: str = "chorale") -> PartWriting:
    """Count the findings of the hard rules in a piece.

    Parameters
    ----------
    piece : Score or np.ndarray, shape (T, 4)
        Grids become scores by `score_of_grid`: without fermatas, bar lines and keys.
    rules : str
        A rule set of `hybrid.theory`.
    """
    score = piece if isinstance(piece, Score) else score_of_grid(piece)
    hard = {rule.id for rule in load_rule_set(rules).rules.values() if rule.hard}
    counts = Counter(found.rule for found in check(score, rules) if found.rule in hard)
    return PartWriting(len(slice_score(score)), dict(sorted(counts.items())))


def hard_rate(
    pieces: Sequence[PartWriting],
    reference: Sequence[PartWriting],
    rng: np.random.Generator,
    rule: str | None = None,
) -> Rate:
    """Rate of a set beside a reference's.

    Parameters
    ----------
    pieces, reference : sequence of PartWriting
    rng : np.random.Generator
        Draws the bootstrap.
    rule : str, optional
        Only this rule; all together where left out.

    Raises
    ------
    ConfigError
        If a set has no chord.
    """
    own, other = _table(pieces, rule), _table(reference, rule)
    drawn = [
        table[rng.integers(len(table), size=(N_DRAWS, len(table)))].sum(axis=1)
        for table in (own, other)
    ]  # (draws, 2) each
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = [100.0 * table[:, 0] / table[:, 1] for table in drawn]
        totals = [100.0 * np.divide(*table.sum(axis=0)) for table in (own, other)]
        ratio, ratios = np.divide(*totals), rates[0] / rates[1]
    low, high = np.percentile(rates[0], [2.5, 97.5])
    known = ratios[~np.isnan(ratios)]
    # Between infinite values no percentile can be interpolated.
    ends = np.quantile(known, [0.025, 0.975], method="nearest") if len(known) else (np.nan, np.nan)
    return Rate(
        float(totals[0]), float(low), float(high), float(ratio), float(ends[0]), float(ends[1])
    )


def _table(pieces: Sequence[PartWriting], rule: str | None) -> NDArray[np.float64]:
    """Findings and chords of each piece; (n, 2)."""
    if not any(piece.n_chords for piece in pieces):
        raise ConfigError("hard_rate must be given pieces with chords, got none")
    rows = [
        (
            sum(piece.findings.values()) if rule is None else piece.findings.get(rule, 0),
            piece.n_chords,
        )
        for piece in pieces
    ]
    return np.array(rows, dtype=np.float64)
