"""Analyses as RomanText, the text format of Roman-numeral analyses that music21 reads.

References
----------
Tymoczko, D., Gotham, M., Cuthbert, M. S., & Ariza, C. (2019). The RomanText format. ISMIR.
"""

from __future__ import annotations

from fractions import Fraction

from hybrid.core.analysis import Analysis
from hybrid.core.pitch import Key, spelling_name
from hybrid.core.score import Score
from hybrid.core.timeline import Metre


def romantext(analysis: Analysis, score: Score, analyst: str = "hybrid analyse") -> str:
    """The chords and keys of an analysis as RomanText.

    Parameters
    ----------
    analysis : Analysis
        On the ticks of ``score``.
    score : Score
        Its bars give the places. RomanText knows no bar shorter than its metre but a pickup:
        where a score has one, measure numbers and beats are right and running offsets are not.

    Returns
    -------
    str
        One line for each bar in which a chord begins.
    """
    lines = [
        f"Composer: {_line(score.composer) or 'unknown'}",
        f"Title: {_line(score.title) or 'untitled'}",
        f"Analyst: {_line(analyst)}",
        "",
    ]
    chords = iter(analysis.chords)
    chord = next(chords, None)
    key: Key | None = None
    metre: Metre | None = None
    for bar in score.bars:
        if metre is None or bar.metre.name != metre.name:
            lines += [f"Time Signature: {bar.metre.name}", ""]
            metre = bar.metre
        words: list[str] = []
        full = bar.metre.bar_ticks(score.ticks_per_quarter)
        # A pickup's beats are those of the bar that it ends.
        line = bar.end - full if bar.is_pickup else bar.start
        while chord is not None and chord.onset < bar.end:
            place = Fraction(max(chord.onset, bar.start) - line, score.ticks_per_quarter)
            beat = beat_name(place, metre)
            if beat != "1" or words:
                words.append(f"b{beat}")
            if chord.key != key:
                key = chord.key
                words.append(f"{key_name(key)}:")
            words.append(chord.numeral)
            chord = next(chords, None)
        if words:
            lines.append(" ".join([f"m{bar.number}", *words]))
    return "\n".join(lines) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split())


def key_name(key: Key) -> str:
    """``Bb`` for a major key, ``f#`` for a minor one."""
    name = spelling_name(key.tonic)
    return name[0].lower() + name[1:] if key.is_minor else name


def beat_quarters(metre: Metre) -> Fraction:
    """Length of the beat that RomanText counts, in quarters.

    As in music21: compound metres, and 3/8 and 3/16 as well, count dotted values.
    """
    unit = Fraction(4, metre.denominator)
    number = metre.numerator
    is_dotted = number % 3 == 0 and (number > 3 or metre.denominator >= 8)
    return 3 * unit if is_dotted else unit


def beat_name(place: Fraction, metre: Metre) -> str:
    """Beat at ``place`` quarters after the bar line; 1 is the bar line.

    >>> beat_name(Fraction(3, 2), Metre(0, 4, 4)), beat_name(Fraction(1, 2), Metre(0, 6, 8))
    ('2.5', '1.33')
    """
    beat = 1 + place / beat_quarters(metre)
    if beat.denominator in (1, 2, 4, 8, 16):
        return f"{float(beat):.4f}".rstrip("0").rstrip(".")
    # Thirds, sixths and the like: two places are what the format's readers expect.
    return f"{float(beat):.2f}"
