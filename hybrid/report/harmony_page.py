"""The page of an analysis: score coloured by function, keys, confidence, note graph, chords."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable
from html import escape
from statistics import fmean
from typing import Any

import hybrid
from hybrid.core.analysis import Analysis
from hybrid.core.chord_symbols import chord_symbols, chord_tones
from hybrid.core.score import Score
from hybrid.harmony.functions import FUNCTIONS, chord_functions
from hybrid.harmony.note_graph import SHOWN, score_graph
from hybrid.harmony.rhythm import harmonic_rhythm
from hybrid.report.colours import FUNCTION_LETTERS
from hybrid.report.data import to_json
from hybrid.report.engraving import Engraving, engrave
from hybrid.report.frame import POLICY, asset, card, narrow_pages, template, wide_pages
from hybrid.report.harmony_fragments import (
    chord_table,
    function_legend,
    harmony_lanes,
    harmony_style,
)
from hybrid.report.harmony_picture import home_key, signs_of
from hybrid.report.words import key_name, numeral_text, title_text

#: What each edge of the note graph means, and its stroke.
EDGE_WORDS = {
    "onset": ("start together", "solid"),
    "during": ("starts while the other sounds", "dashed"),
    "consecutive": ("follows at once", "arrow"),
    "silence": ("follows a rest", "dotted"),
}


def build_harmony_page(
    score: Score,
    analysis: Analysis,
    *,
    musicxml: str | None = None,
    title: str = "",
    source: str = "",
    progress: Callable[[float], None] | None = None,
) -> str:
    """Build the page of an analysis.

    Parameters
    ----------
    score : Score
    analysis : Analysis
        On the score's ticks.
    musicxml : str, optional
        The score with the analysis in it, as `hybrid.io` writes it, for the engraving.
    title : str
        Instead of the score's.
    source : str
        Name of the file that was analysed.
    progress : callable, optional
        Called with the share that is done, 0..1.

    Returns
    -------
    str
        HTML that names no address and needs no other file. The same arguments, the same text.

    Raises
    ------
    FormatError
        If the MusicXML cannot be read.
    """
    tell = progress or (lambda share: None)
    engraving = None
    if musicxml is not None:
        engraving = engrave(musicxml, system_space=9, progress=lambda share: tell(0.8 * share))
    tell(0.8)
    name = title_text(title or score.title or source or "Untitled")
    sections = [
        _keys_card(analysis, score),
        _score_card(engraving),
        _graph_card(score),
        card("chords", "Chords", chord_table(analysis, score)),
    ]
    page = template("harmony.html").substitute(
        policy=escape(POLICY),
        generator=escape(f"hybrid {hybrid.__version__}"),
        title=escape(name),
        subtitle=escape("; ".join(part for part in (score.composer, source) if part)),
        style=f"{asset('page.css')}\n{harmony_style()}",
        facts=_facts(analysis, score),
        sections="\n".join(sections),
        data=to_json(harmony_data(score, analysis)),
        graph=_packed(to_json(graph_data(score))),
        narrow=narrow_pages(engraving),
        made=escape(_made(engraving)),
        script=asset("harmony.js"),
    )
    tell(1.0)
    return page


def harmony_data(score: Score, analysis: Analysis) -> dict[str, Any]:
    """What the page's script knows of score and chords; times are ticks."""
    chords = analysis.chords
    return {
        "tpq": score.ticks_per_quarter,
        "bars": [[bar.start, bar.end, bar.number] for bar in score.bars],
        "functions": list(FUNCTIONS),
        "letters": [FUNCTION_LETTERS[name] for name in FUNCTIONS],
        # End, numeral, symbol, key, function, probability, pitch classes; each holds from the
        # onset before it.
        "chords": [
            [
                chord.onset,
                chord.end,
                numeral_text(chord.numeral),
                signs_of(symbol),
                key_name(chord.key),
                FUNCTIONS.index(function),
                round(chord.probability, 3),
                sorted({7 * tone % 12 for tone in chord_tones(chord)}),
            ]
            for chord, symbol, function in zip(
                chords, chord_symbols(chords), chord_functions(chords), strict=True
            )
        ],
        # Onset and pitch class of one note after another, for each track.
        "notes": [
            []
            if track.is_drum
            else [
                value
                for onset, _, pitch, *_ in track.notes.tolist()
                for value in (onset, pitch % 12)
            ]
            for track in score.tracks
        ],
        "tracks": [track.name or f"track {n + 1}" for n, track in enumerate(score.tracks)],
    }


def graph_data(score: Score) -> dict[str, Any]:
    """The note graph: notes by onset, then pitch; edges of each relation as pairs of their places.

    Times are in 480ths of a quarter. Pairs stand one behind the other; the second place is
    given as its distance from the first.
    """
    graph = score_graph(score)
    notes = graph.notes
    return {
        "relations": list(SHOWN),
        "scale": score.ticks_per_quarter / 480,
        # Onset, end, pitch, spelling, track, number in the track.
        "notes": [
            [
                int(note["onset"]),
                int(note["end"]),
                int(note["pitch"]),
                int(note["spelling"]),
                *place,
            ]
            for note, place in zip(notes, graph.places.tolist(), strict=True)
        ],
        "edges": [
            [
                value
                for one, other in zip(source.tolist(), target.tolist(), strict=True)
                for value in (one, other - one)
            ]
            for _, source, target in graph.shown()
        ],
    }


def _keys_card(analysis: Analysis, score: Score) -> str:
    hint = "Click anywhere to see that bar below."
    return card("keys", "Keys and chords", harmony_lanes(analysis, score), hint=hint)


def _score_card(engraving: Engraving | None) -> str:
    if engraving is None:
        return card("score", "Score", '<p class="empty">No engraving was made.</p>')
    tools = '<label><input type="checkbox" id="coloured" checked> Colours</label>'
    body = (
        f'{function_legend()}{engraving.glyphs}<div class="paper functions-on" id="paper" '
        f'tabindex="0" role="region" aria-label="Engraved score">{wide_pages(engraving)}</div>'
    )
    if engraving.n_bars < engraving.n_bars_total:
        body += (
            f'<p class="remark">The first {engraving.n_bars} of {engraving.n_bars_total} bars are '
            "engraved here; the MusicXML file has them all.</p>"
        )
    hint = (
        "Chord tones have the colour of their chord's function, whose letter stands under the "
        "numeral; other notes have none. Click a bar to see its note graph."
    )
    return card("score", "Score", body, tools=tools, hint=hint)


def _graph_card(score: Score) -> str:
    first = score.bars[0].number
    last = score.bars[-1].number
    tools = (
        '<button type="button" id="bar-back" aria-label="Bar before">←</button>'
        f'<label>Bar <input type="number" id="bar" min="{first}" max="{last}" '
        f'value="{first}"></label>'
        '<button type="button" id="bar-on" aria-label="Next bar">→</button>'
    )
    legend = "".join(
        f'<label><input type="checkbox" data-relation="{name}" checked>'
        f'<svg class="stroke" viewBox="0 0 44 12" aria-hidden="true"><line class="edge {name}" '
        f'x1="2" y1="6" x2="42" y2="6"/></svg> {name}: {words}</label>'
        for name, (words, _) in EDGE_WORDS.items()
    )
    body = (
        '<p id="graph-chords" class="graph-chords" aria-live="polite"></p>'
        '<div class="scroll"><div id="graph" tabindex="0" role="img" '
        'aria-label="Note graph of the bar"></div></div>'
        f'<div class="legend strokes" role="group" aria-label="Edges shown">{legend}</div>'
        '<p class="remark">What the network reads: notes by time and pitch, a line to where each '
        "ends. Filled notes are chord tones; pale ones sound on from the bar before. The arrow "
        "keys ← → change the bar.</p>"
    )
    return card("graphcard", "Note graph", body, tools=tools)


def _facts(analysis: Analysis, score: Score) -> str:
    chords = analysis.chords
    home = home_key(analysis)
    rhythm = harmonic_rhythm(chords, score)
    whole = sum(chord.end - chord.onset for chord in chords) or 1
    sure = sum(chord.probability * (chord.end - chord.onset) for chord in chords) / whole
    items = [
        ("Key held longest", key_name(home) if home else ""),
        ("Keys", str(len({span.key for span in analysis.keys}))),
        ("Key changes", str(max(0, len(analysis.keys) - 1))),
        ("Bars", str(sum(not bar.is_pickup for bar in score.bars))),
        ("Chords", str(len(chords))),
        ("Changes a bar", f"{fmean(item.changes for item in rhythm):.1f}" if rhythm else ""),
        ("Mean confidence", f"{sure:.2f}" if chords else ""),
        ("Notes", f"{score.n_notes:,}".replace(",", " ")),
    ]
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in items
        if value
    )
    return f'<dl class="facts">{rows}</dl>'


def _packed(text: str) -> str:
    # No time in the header: the same bytes each time.
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode()


def _made(engraving: Engraving | None) -> str:
    made = f"Analysed by hybrid {hybrid.__version__}"
    if engraving is not None:
        made += f"; engraved by Verovio {engraving.version.split('-')[0]}"
    return f"{made}. This page needs no network and asks for none."
