"""Parts of pages that show an analysis: lanes of keys and chords, the table, the legend."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import Analysis, ChordSpan
from hybrid.core.chord_symbols import chord_symbols
from hybrid.core.score import Score
from hybrid.harmony.functions import FUNCTIONS, chord_functions
from hybrid.harmony.rhythm import describe_rhythm, harmonic_rhythm
from hybrid.harmony.tables import chord_place
from hybrid.report.colours import FUNCTION_COLOURS, FUNCTION_LETTERS
from hybrid.report.frame import asset
from hybrid.report.harmony_picture import (
    chord_row_svg,
    describe_keys,
    key_ribbon_svg,
    signs_of,
)
from hybrid.report.words import key_name, numeral_text


def harmony_lanes(analysis: Analysis, score: Score) -> str:
    """Key ribbon, confidence and the row of chords, for this page and that of a composed piece."""
    ribbon, row = key_ribbon_svg(analysis, score), chord_row_svg(analysis, score)
    if not ribbon:
        return '<p class="empty">There are no chords to show.</p>'
    width = row.split('width="', 1)[1].split('"', 1)[0]
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Keys and confidence">'
        f'<div class="lanes">{ribbon}</div></div>'
        '<p class="remark">From above: keys; how sure the analyser is of each chord (solid) and '
        "key (dashed), 0 to 1; chord changes in each bar.</p>"
        '<div class="scroll" tabindex="0" role="region" aria-label="Row of chords">'
        f'<div class="lanes" style="width:{width}px">{row}</div></div>'
        f"{function_legend()}"
        f'<p class="sr">{escape(describe_keys(analysis, score))}</p>'
    )


def chord_table(analysis: Analysis, score: Score) -> str:
    """The chords as a table whose places lead to their bars."""
    chords = analysis.chords
    rows = []
    for chord, symbol, function in zip(
        chords, chord_symbols(chords), chord_functions(chords), strict=True
    ):
        bar, beat = chord_place(score, chord.onset)
        quarters = (chord.end - chord.onset) / score.ticks_per_quarter
        rows.append(
            f'<tr><td><button type="button" class="go" data-tick="{chord.onset}" '
            f'aria-label="Show bar {bar}">{bar}<small>.{beat}</small></button></td>'
            f"<td>{escape(key_name(chord.key))}</td><td>{numeral_html(chord.numeral)}</td>"
            f"<td>{escape(signs_of(symbol)) or '–'}</td><td>{function_mark(function)} {function}"
            f"</td><td>{escape(chord.quality.replace('-', ' '))}</td>"
            f'<td class="num">{quarters:g}</td><td class="num sure">{chord.probability:.2f}'
            f'<i style="width:{100 * chord.probability:.0f}%"></i></td></tr>'
        )
    return (
        f'<p class="remark">{escape(describe_rhythm(harmonic_rhythm(chords, score)).capitalize())}.'
        "</p>"
        '<div class="scroll tall" tabindex="0" role="region" aria-label="Chords">'
        '<table class="chordtable"><thead><tr><th scope="col">Bar</th><th scope="col">Key</th>'
        '<th scope="col">Numeral</th><th scope="col">Symbol</th><th scope="col">Function</th>'
        '<th scope="col">Quality</th><th scope="col" class="num">Quarters</th>'
        '<th scope="col" class="num">Probability</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def numeral_html(numeral: str) -> str:
    """A Roman numeral whose figures are raised."""
    parts, digits = [], ""
    for sign in f"{numeral_text(numeral)} ":
        if sign.isdigit():
            digits += sign
            continue
        if digits:
            parts.append(f"<sup>{digits}</sup>")
            digits = ""
        parts.append(escape(sign))
    return f'<b class="numeral">{"".join(parts).strip()}</b>'


def function_legend() -> str:
    """What colours and letters of functions mean."""
    items = "".join(f"<li>{function_mark(name)} {name}</li>" for name in FUNCTIONS)
    return f'<ul class="functions" aria-label="Functions">{items}</ul>'


def function_mark(name: str) -> str:
    """The letter of a function on its colour."""
    return f'<i class="fn {name}">{FUNCTION_LETTERS[name]}</i>'


def harmony_style() -> str:
    """Style of all that shows an analysis, with the colours of the functions."""
    light = " ".join(f"--{name}: {colours[1]};" for name, colours in FUNCTION_COLOURS.items())
    dark = " ".join(f"--{name}: {colours[2]};" for name, colours in FUNCTION_COLOURS.items())
    fills = " ".join(
        f".fn.{name} {{ background: {colours[0]}; border-color: {colours[1]}; }}"
        for name, colours in FUNCTION_COLOURS.items()
    )
    themes = f':root {{ {light} }}\n:root[data-theme="dark"] {{ {dark} }}'
    return f"{asset('harmony.css')}\n{themes}\n{fills}"


def heard_body(planned: Analysis, heard: Analysis, score: Score) -> str:
    """Lanes of what the analyser hears in a composed piece, and how far the plan is heard."""
    shares = agreement_shares(planned, heard)
    words = (
        f"<p>What the harmony analyser hears in the notes alone, without the plan: "
        f"{100 * shares['roots']:.0f}% of the time the planned root, "
        f"{100 * shares['keys']:.0f}% the planned key.</p>"
        if shares
        else ""
    )
    end = heard.chords[-1].end if heard.chords else 0
    if end < score.length - score.ticks_per_quarter:
        last = score.bar_at(max(0, end - 1)).number
        words += f'<p class="remark">Bars 1 to {last} were listened to.</p>'
    return words + harmony_lanes(heard, score)


def agreement_shares(planned: Analysis, heard: Analysis) -> dict[str, float]:
    """Shares of time, 0..1, in which root and key are heard as planned; empty where none meet.

    Roots and keys are compared as pitch classes, so that spelling makes no difference.
    """
    if not planned.chords or not heard.chords:
        return {}
    edges = {chord.onset for chord in (*planned.chords, *heard.chords)}
    edges |= {chord.end for chord in (*planned.chords, *heard.chords)}
    ticks = np.array(sorted(edges))
    at, length = ticks[:-1], np.diff(ticks)
    one, in_one = _rows_at(planned.chords, at)
    other, in_other = _rows_at(heard.chords, at)
    both = in_one & in_other
    total = int(length[both].sum())
    if not total:
        return {}
    same = (one == other) & both[:, None]
    return {
        "roots": float(length[same[:, 0]].sum() / total),
        "keys": float(length[same[:, 1]].sum() / total),
    }


def _rows_at(
    chords: Sequence[ChordSpan], ticks: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Root and key (as one number each) of the chord at each tick, and whether there is one."""
    rows = np.array(
        [
            (7 * chord.root % 12, 7 * chord.key.tonic % 12 * 2 + chord.key.is_minor)
            for chord in chords
        ]
    )
    onsets = np.array([chord.onset for chord in chords])
    ends = np.array([chord.end for chord in chords])
    place = np.searchsorted(onsets, ticks, side="right") - 1
    inside = (place >= 0) & (ticks < ends[np.maximum(place, 0)])
    return rows[np.maximum(place, 0)], inside
