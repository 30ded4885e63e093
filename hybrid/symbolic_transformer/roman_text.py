"""Chord labels of a RomanText analysis on the ticks of its score.

Only what the corpora of chorales use: measures ``m12``, beats ``b2.5``, keys ``g:`` and
numerals. Repeats of measures, notes and variants are not read.

References
----------
Tymoczko, D., Gotham, M., Cuthbert, M. S., & Ariza, C. (2019). The RomanText format. ISMIR.
"""

from __future__ import annotations

import re
from fractions import Fraction

from hybrid.core.analysis import ChordSpan
from hybrid.core.errors import FormatError, HybridError
from hybrid.core.pitch import Key
from hybrid.core.score import Score
from hybrid.symbolic_transformer.labelled_plan import chord_span

_MEASURE = re.compile(r"m(\d+)\s+(.*)")
_BEAT = re.compile(r"b(\d+(?:\.\d+)?)")


def read_roman_text(text: str, score: Score, name: str = "") -> tuple[ChordSpan, ...]:
    """The chords of an analysis.

    Parameters
    ----------
    text : str
    score : Score
        Measure n of the analysis is the bar of that number; a pickup is measure 0.
    name : str
        For messages.

    Returns
    -------
    tuple of ChordSpan
        Contiguous; the last one holds to the end of the score.

    Raises
    ------
    FormatError
        If a line cannot be read, or names a measure that the score does not have.
    """
    bars = {bar.number: bar for bar in score.bars}
    placed: dict[int, tuple[str, Key]] = {}
    key: Key | None = None
    for number, line in enumerate(text.splitlines(), 1):
        match = _MEASURE.fullmatch(line.strip())
        if match is None:
            continue
        where = f"{name} line {number}"
        bar = bars.get(int(match[1]))
        if bar is None:
            raise FormatError(f"{where}: measure must be one of the score's, got m{match[1]}")
        unit = bar.metre.beat_quarters * score.ticks_per_quarter
        # Beats of a pickup count as in the whole bar.
        start = bar.end - int(bar.metre.bar_quarters * score.ticks_per_quarter)
        start = start if bar.is_pickup else bar.start
        tick = start
        for word in match[2].split():
            if beat := _BEAT.fullmatch(word):
                tick = start + int((Fraction(beat[1]) - 1) * unit)
            elif word.endswith(":"):
                key = Key.parse(word[:-1])
            elif key is None:
                raise FormatError(f"{where}: a key must stand before {word!r}")
            else:
                placed[max(tick, 0)] = (word, key)
    ticks = sorted(tick for tick in placed if tick < score.length)
    spans = []
    try:
        for tick, end in zip(ticks, [*ticks[1:], score.length], strict=False):
            spans.append(chord_span(tick, end, *placed[tick]))
    except HybridError as error:
        raise FormatError(f"{name}: {error}") from None
    return tuple(spans)


__all__ = ["read_roman_text"]
