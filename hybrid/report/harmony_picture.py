"""An analysis as pictures on the axis of musical time: keys and confidence; chords in a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from hybrid.core.analysis import Analysis, ChordSpan
from hybrid.core.chord_symbols import chord_symbols
from hybrid.core.pitch import Key
from hybrid.core.score import Score
from hybrid.harmony.functions import chord_functions
from hybrid.harmony.rhythm import harmonic_rhythm
from hybrid.report import svg
from hybrid.report.axis import MARGIN, WIDTH, Axis
from hybrid.report.colours import FUNCTION_COLOURS, FUNCTION_LETTERS, INK, key_colour
from hybrid.report.words import fit, key_name, numeral_text, signs

RULER, KEYS, CURVE, RHYTHM, GAP = 22.0, 30.0, 74.0, 34.0, 8.0
SYMBOLS, NUMERALS = 24.0, 40.0
#: Width that most chords get in the row of chords, and the widest picture.
_CHORD_WIDTH, _MAX_WIDTH = 52.0, 40_000.0
_STEPS = (1, 2, 4, 5, 10, 20, 50, 100, 200, 500)


def home_key(analysis: Analysis) -> Key | None:
    """The key that holds longest in all."""
    lengths: Counter[Key] = Counter()
    for span in analysis.keys:
        lengths[span.key] += span.end - span.onset
    return max(lengths, key=lambda key: lengths[key]) if lengths else None


def key_ribbon_svg(analysis: Analysis, score: Score) -> str:
    """Keys over the whole piece, the confidence in them and in the chords, and chord changes.

    Returns
    -------
    str
        An SVG on an `Axis`; empty without chords.
    """
    if not analysis.chords:
        return ""
    x = Axis(Fraction(score.length, score.ticks_per_quarter))
    body = _ruler(score, x)
    top = RULER
    body += _key_blocks(analysis, score, x, top, KEYS)
    top += KEYS + GAP
    body += _confidence(analysis, score, x, top)
    top += CURVE + GAP
    body += _rhythm(analysis, score, x, top)
    top += RHYTHM
    return svg.document(
        WIDTH,
        top,
        body,
        name="keyribbon",
        label="Keys, confidence and harmonic rhythm",
        description=describe_keys(analysis, score),
        data=x.data,
    )


def chord_row_svg(analysis: Analysis, score: Score) -> str:
    """Every chord as a block: chord symbol above, numeral and the letter of its function inside.

    The picture is as wide as its chords need; it is meant to be scrolled.
    """
    if not analysis.chords:
        return ""
    x = Axis(Fraction(score.length, score.ticks_per_quarter), _row_width(analysis, score))
    height = RULER + 20 + SYMBOLS + NUMERALS
    body = _ruler(score, x)
    body += _key_blocks(analysis, score, x, RULER, 18.0)
    body += _chords(analysis.chords, score, x, RULER + 20)
    return svg.document(
        x.width,
        height,
        body,
        name="chordrow",
        label="Chords",
        description="Every chord with its symbol, its Roman numeral and its function.",
        data=x.data,
    )


def describe_keys(analysis: Analysis, score: Score) -> str:
    """The keys in words, with the bars in which they begin."""
    return (
        ", then ".join(
            f"{key_name(span.key)} from bar {score.bar_at(span.onset).number}"
            for span in analysis.keys
        )
        + "."
    )


def _row_width(analysis: Analysis, score: Score) -> float:
    lengths = [chord.end - chord.onset for chord in analysis.chords]
    typical = max(1.0, float(np.quantile(lengths, 0.2)))
    return min(_MAX_WIDTH, max(WIDTH, 2 * MARGIN + score.length / typical * _CHORD_WIDTH))


def _at(x: Axis, score: Score, tick: int) -> float:
    return x(Fraction(min(tick, score.length), score.ticks_per_quarter))


def _ruler(score: Score, x: Axis) -> list[str]:
    bars = score.bars
    room = x.span / len(bars)
    step = next((step for step in _STEPS if step * room >= 40), _STEPS[-1])
    drawn = [f'<g class="ruler" stroke="none" opacity="0.8"{svg.attributes(font_size=12.0)}>']
    for bar in bars:
        if bar.is_pickup or (bar.number != 1 and bar.number % step):
            continue
        left = _at(x, score, bar.start)
        drawn.append(svg.text(left, 13.0, str(bar.number), 12.0, text_anchor="middle"))
        drawn.append(svg.line(left, 16.0, left, RULER - 1, stroke="currentColor", opacity="0.6"))
    return [*drawn, "</g>"]


def _key_blocks(analysis: Analysis, score: Score, x: Axis, top: float, height: float) -> list[str]:
    home = home_key(analysis)
    assert home is not None
    drawn = ['<g class="keys">']
    for span in analysis.keys:
        left, right = _at(x, score, span.onset), _at(x, score, span.end)
        first = score.bar_at(span.onset).number
        words = f"{key_name(span.key)} from bar {first}, probability {span.probability:.2f}"
        drawn += _seek(span.onset, score, words)
        fill = key_colour(span.key, home)
        drawn.append(svg.rect(left + 0.5, top, right - left - 1, height, rx=3.0, fill=fill))
        shown = key_name(span.key)
        if fit(shown, right - left - 6, 12) != shown:
            shown = shown.split()[0].lower() if span.key.is_minor else shown.split()[0]
        # Names stand at the left of wide blocks, so that a scrolled row still shows them often.
        shown = fit(shown, right - left - 4, 12)
        middle = top + height / 2 + 4.3
        drawn.append(
            svg.text((left + right) / 2, middle, shown, 12.0, text_anchor="middle", fill=INK)
        )
        drawn.append("</g>")
    return [*drawn, "</g>"]


def _seek(tick: int, score: Score, words: str) -> list[str]:
    quarter = tick / score.ticks_per_quarter
    return [f'<g class="seek" data-quarter="{quarter:g}">', svg.title(words)]


def _confidence(analysis: Analysis, score: Score, x: Axis, top: float) -> list[str]:
    """Two step curves between 0 and 1: keys dashed, chords solid."""

    def y(probability: float) -> float:
        return top + CURVE * (1 - min(1.0, max(0.0, probability)))

    drawn = ['<g class="confidence" fill="none" stroke="currentColor">']
    for level in (0.0, 0.5, 1.0):
        drawn.append(svg.line(MARGIN, y(level), x.width - MARGIN, y(level), opacity="0.25"))
    thick = 1.8 if len(analysis.chords) < 150 else 1.1
    for name, spans, more in (
        ("keys", analysis.keys, 'stroke-width="1.4" stroke-dasharray="5 4" opacity="0.75"'),
        ("chords", analysis.chords, f'stroke-width="{thick}" class="ours"'),
    ):
        points = []
        for span in spans:
            height = svg.px(y(span.probability))
            points.append(f"{svg.px(_at(x, score, span.onset))},{height}")
            points.append(f"{svg.px(_at(x, score, span.end))},{height}")
        drawn.append(f'<polyline data-of="{name}" {more} points="{" ".join(points)}"/>')
    drawn.append("</g>")
    drawn.append('<g opacity="0.8">')
    for level, words in ((1.0, "1"), (0.5, ".5"), (0.0, "0")):
        drawn.append(svg.text(MARGIN - 3, y(level) + 4, words, 10.0, text_anchor="end"))
    return [*drawn, "</g>"]


def _rhythm(analysis: Analysis, score: Score, x: Axis, top: float) -> list[str]:
    """Chord changes of each bar as columns."""
    rhythm = harmonic_rhythm(analysis.chords, score)
    most = max(1, *(item.changes for item in rhythm))
    drawn = ['<g class="rhythm" fill="currentColor" opacity="0.55">']
    for bar, item in zip(score.bars, rhythm, strict=True):
        left, right = _at(x, score, bar.start), _at(x, score, bar.end)
        height = RHYTHM * item.changes / most
        words = f"bar {item.bar}: {item.changes} chord change{'' if item.changes == 1 else 's'}"
        drawn += _seek(bar.start, score, words)
        drawn.append(
            svg.rect(left + 0.5, top, right - left - 1, RHYTHM, fill="currentColor", opacity="0")
        )
        drawn.append(svg.rect(left + 0.5, top + RHYTHM - height, right - left - 1, height))
        drawn.append("</g>")
    return [*drawn, "</g>"]


def _chords(chords: Sequence[ChordSpan], score: Score, x: Axis, top: float) -> list[str]:
    drawn = ['<g class="chords">']
    for chord, symbol, function in zip(
        chords, chord_symbols(chords), chord_functions(chords), strict=True
    ):
        left, right = _at(x, score, chord.onset), _at(x, score, chord.end)
        width = right - left
        words = (
            f"{numeral_text(chord.numeral)} in {key_name(chord.key)}: {signs_of(symbol)}, "
            f"{function}, probability {chord.probability:.2f}"
        )
        drawn += _seek(chord.onset, score, words)
        fill, border, _ = FUNCTION_COLOURS[function]
        y = top + SYMBOLS
        drawn.append(
            svg.rect(left + 1, y, width - 2, NUMERALS - 2, rx=4.0, fill=fill, stroke=border)
        )
        middle = left + width / 2
        shown = fit(signs_of(symbol), width + 4, 12.5)
        drawn.append(svg.text(middle, top + 17, shown, 12.5, text_anchor="middle"))
        numeral = fit(numeral_text(chord.numeral), width - 2, 14)
        drawn.append(_label(middle, y + 18, numeral, 14.0, font_weight="600"))
        letter = FUNCTION_LETTERS[function]
        drawn.append(_label(middle, y + 33, fit(letter, width - 2, 11), 11.0))
        drawn.append("</g>")
    return [*drawn, "</g>"]


def signs_of(symbol: str) -> str:
    """A chord symbol with real accidentals: ``Bbm7b5/Db`` gives ``B♭m7♭5/D♭``."""
    parts = [signs(part) for part in symbol.split("/")]
    return "/".join(parts)


def _label(x: float, y: float, content: str, size: float, **more: object) -> str:
    return svg.text(
        x, y, content, size, text_anchor="middle", fill=INK, pointer_events="none", **more
    )
