"""What the page's script knows of the piece, as compact JSON.

Times are ticks; the tempo map goes along, so that the script turns them into seconds as the
renderer does. Texts that recur (makers, choices) stand once, in a table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hybrid.core.analysis import Analysis
from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.core.trace import Trace
from hybrid.report.colours import TRACKS_DARK, TRACKS_LIGHT
from hybrid.report.words import key_name, numeral_text

#: Decisions that are put into a page; more would make it slow to open. The page says so.
MAX_DECISIONS = 60_000


def page_data(plan: FormPlan, score: Score, analysis: Analysis, trace: Trace) -> dict[str, Any]:
    """Everything the script needs, as plain values."""
    tempi = score.tempo_map
    changes = sorted({0, *(tempo.tick for tempo in score.tempos)})
    following = [*changes[1:], changes[-1] + score.ticks_per_quarter]
    strings = _Strings()
    decisions, makers = _decisions(score, trace, strings)
    return {
        "tpq": score.ticks_per_quarter,
        "length": score.length,
        "pickup": score.pickup_ticks,
        # Tick, its second, and seconds a tick from there on.
        "tempo": [
            [
                tick,
                tempi.seconds(tick),
                (tempi.seconds(after) - tempi.seconds(tick)) / (after - tick),
            ]
            for tick, after in zip(changes, following, strict=True)
        ],
        "bars": [[bar.start, bar.number, bar.metre.name] for bar in score.bars],
        "beats": _beats(score),
        "tracks": [
            {
                "name": track.name or f"track {number + 1}",
                "drums": track.is_drum,
                "light": TRACKS_LIGHT[number % len(TRACKS_LIGHT)],
                "dark": TRACKS_DARK[number % len(TRACKS_DARK)],
                # Onset, duration, pitch, velocity, spelling, of one note after another.
                "notes": [
                    value
                    for onset, length, pitch, velocity, _, spelling in track.notes.tolist()
                    for value in (onset, length, pitch, velocity, spelling)
                ],
                "made": makers[number],
            }
            for number, track in enumerate(score.tracks)
        ],
        "chords": [
            [chord.onset, chord.end, numeral_text(chord.numeral), strings(key_name(chord.key))]
            for chord in analysis.chords
        ],
        "keys": [[span.onset, span.end, strings(key_name(span.key))] for span in analysis.keys],
        "phrases": _phrases(plan, score),
        "findings": [
            [finding.tick, finding.severity, list(finding.voices)] for finding in analysis.findings
        ],
        "decisions": decisions,
        "n_decisions": len(trace.entries),
        "strings": strings.texts,
    }


def to_json(data: Mapping[str, Any]) -> str:
    """JSON that can stand inside a script element whatever texts it holds."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


class _Strings:
    """A table of texts, each once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._places: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        if text not in self._places:
            self._places[text] = len(self.texts)
            self.texts.append(text)
        return self._places[text]


def _beats(score: Score) -> list[list[int | float]]:
    """Tick from which a metre holds, and the length of its beat in ticks."""
    found: list[list[int | float]] = []
    for bar in score.bars:
        beat = float(bar.metre.beat_quarters * score.ticks_per_quarter)
        if not found or found[-1][1] != beat:
            found.append([bar.start, beat])
    return found


def _phrases(plan: FormPlan, score: Score) -> list[list[int | str]]:
    if not plan.is_complete:
        return []
    rows: list[list[int | str]] = []
    for placed in plan.phrases():
        role = f" ({placed.section.role})" if placed.section.role else ""
        theme = f", theme {placed.phrase.theme}" if placed.phrase.theme else ""
        variation = f", {placed.phrase.variation}" if placed.phrase.variation else ""
        tick = round(placed.start * score.ticks_per_quarter)
        rows.append([tick, f"section {placed.section.label}{role}{theme}{variation}"])
    return rows


def _decisions(
    score: Score, trace: Trace, strings: _Strings
) -> tuple[list[list[Any]], list[list[int]]]:
    """Decisions on notes with those they follow from, and each note's among them (-1: none)."""
    by_note: dict[tuple[str, int, int], int] = {}
    for index, entry in enumerate(trace.entries):
        if entry.tick is not None and entry.pitch is not None and entry.track is not None:
            # What comes later (a repair) replaces what it mends.
            by_note[entry.track, entry.tick, entry.pitch] = index
    kept: dict[int, int] = {}
    rows: list[list[Any]] = []

    def keep(index: int) -> int:
        chain = []
        at: int | None = index
        while at is not None and at not in kept and at not in chain:
            chain.append(at)
            at = trace.entries[at].parent
        # Parents first, so that each row can name its parent's number.
        for at in reversed(chain):
            entry = trace.entries[at]
            kept[at] = len(rows)
            rows.append(
                [
                    strings(entry.kind),
                    strings(entry.maker),
                    strings(entry.choice),
                    None if entry.probability is None else round(entry.probability, 4),
                    -1 if entry.parent is None else kept.get(entry.parent, -1),
                    [strings(text) for text in entry.rejected[:12]],
                ]
            )
        return kept[index]

    makers = []
    for track in score.tracks:
        made = []
        for onset, _, pitch, *_ in track.notes.tolist():
            index = by_note.get((track.name, onset, pitch), -1)
            made.append(keep(index) if index >= 0 and len(rows) < MAX_DECISIONS else -1)
        makers.append(made)
    return rows, makers
