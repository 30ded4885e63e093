"""Analyses as text and as plain values: the table of chords, and the record for JSON."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hybrid.core.analysis import Analysis
from hybrid.core.chord_symbols import chord_symbols
from hybrid.core.score import Score
from hybrid.harmony.functions import chord_functions
from hybrid.harmony.rhythm import describe_rhythm, harmonic_rhythm
from hybrid.harmony.romantext import beat_name, key_name


def chord_place(score: Score, tick: int) -> tuple[int, str]:
    """Printed bar and beat of a tick; a pickup's beats are those of the bar that it ends."""
    bar = score.bar_at(tick)
    place = Fraction(tick - bar.start, score.ticks_per_quarter)
    if bar.is_pickup:
        place += bar.metre.bar_quarters - Fraction(bar.end - bar.start, score.ticks_per_quarter)
    return bar.number, beat_name(place, bar.metre)


def analysis_table(analysis: Analysis, score: Score) -> str:
    """One line for each chord, and one on the harmonic rhythm.

    Columns: bar, beat, key, numeral, chord symbol, function, quality and probability.
    """
    lines = [
        f"{'bar':>4} {'beat':>6}  {'key':<4} {'numeral':<12} {'symbol':<11} {'function':<12} "
        f"{'quality':<24} probability"
    ]
    chords = analysis.chords
    for chord, symbol, function in zip(
        chords, chord_symbols(chords), chord_functions(chords), strict=True
    ):
        bar, beat = chord_place(score, chord.onset)
        lines.append(
            f"{bar:>4} {beat:>6}  {key_name(chord.key):<4} {chord.numeral:<12} {symbol or '-':<11} "
            f"{function:<12} {chord.quality:<24} {chord.probability:.2f}"
        )
    lines += ["", describe_rhythm(harmonic_rhythm(chords, score))]
    return "\n".join(lines)


def analysis_record(analysis: Analysis, score: Score) -> dict[str, Any]:
    """`Analysis.to_dict` with each chord's place, symbol and function, and the harmonic rhythm.

    ``harmonic_rhythm`` has a row for every bar: its printed number and how many chords change.
    """
    record = analysis.to_dict()
    chords = analysis.chords
    for row, chord, symbol, function in zip(
        record["chords"], chords, chord_symbols(chords), chord_functions(chords), strict=True
    ):
        bar, beat = chord_place(score, chord.onset)
        row |= {"bar": bar, "beat": beat, "symbol": symbol, "function": function}
    record["harmonic_rhythm"] = [
        {"bar": item.bar, "changes": item.changes} for item in harmonic_rhythm(chords, score)
    ]
    return record
