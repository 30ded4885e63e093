"""The page of a repair: the piece before, each place as it is mended, and the piece after."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from string import Template
from typing import Any

from hybrid.core.resources import resource_path
from hybrid.core.score import Score
from hybrid.repair.excerpts import excerpt
from hybrid.repair.files import MendedFile
from hybrid.repair.marking import note_names
from hybrid.repair.records import PlacedNote, Repair
from hybrid.report.data import to_json
from hybrid.report.engraving import engrave
from hybrid.report.fragments import signs_in
from hybrid.report.frame import POLICY, boxes
from hybrid.report.words import title_text

#: A piece of so many bars is shown whole in every step; of a longer one the bars around.
WHOLE_BARS = 24
#: Bars before and after those that change.
AROUND_BARS = 3
_FONT_NAME = "font"  # beside the ids of glyphs
_MEASURE = re.compile(r'(<measure number=")(\d+)(")')


@dataclass(frozen=True)
class _View:
    """One engraved state: pages, and ids of the notes that are wrong, gone or new."""

    pages: tuple[str, ...]
    bad: tuple[str, ...]
    new: tuple[str, ...]


def build_repair_page(
    file: MendedFile, name: str, progress: Callable[[float], None] | None = None
) -> str:
    """Build the page.

    Parameters
    ----------
    file : MendedFile
    name : str
        Of the file, for the heading where the score has no title.
    progress : callable, optional
        Called with the share that is done, 0..1.

    Returns
    -------
    str
        HTML that names no address and needs no other file. The same arguments give the same text.

    Raises
    ------
    FormatError
        If the score cannot be engraved.
    """
    tell = progress or (lambda share: None)
    glyphs: dict[str, str] = {}
    steps: list[dict[str, Any]] = []
    states = [file.given, *file.steps]
    taken = file.taken
    total = max(1, len(taken) + 1)
    for number, repair in enumerate(taken):
        before, after = states[number], states[number + 1]
        steps.append(_step(file, number, repair, before, after, glyphs))
        tell((number + 1) / total)
    whole = _whole(file, glyphs)
    tell(1.0)
    title = title_text(file.score.title or name)
    body = Template(_asset("repair.html") + "\n").substitute(
        policy=escape(POLICY),
        title=escape(title),
        subtitle=escape(_subtitle(file)),
        style=_asset("page.css") + "\n" + _asset("repair.css"),
        glyphs=_defined(glyphs),
        steps="".join(_section(step) for step in steps),
        whole=boxes(whole.pages),
        last=len(steps),
        hidden=" hidden" if not steps else "",
        summary=_summary(file),
        table=_table(file),
        left=_left(file),
        data=to_json(
            {
                "steps": [{"bad": step["bad"], "new": step["new"]} for step in steps],
                "whole": list(whole.new),
            }
        ),
        script=_asset("repair.js"),
    )
    return body


def _asset(name: str) -> str:
    return resource_path("report", "assets", name).read_text(encoding="utf-8").strip()


def _step(
    file: MendedFile,
    number: int,
    repair: Repair,
    before: Score,
    after: Score,
    glyphs: dict[str, str],
) -> dict[str, Any]:
    bars = [bar for bar in after.bars if not bar.is_pickup]
    first, last = repair.bars
    if len(bars) <= WHOLE_BARS:
        low, high = 0, after.length
    else:
        at = max(0, first - 1 - AROUND_BARS)
        low = bars[at].start if at else 0
        high = bars[min(last - 1 + AROUND_BARS, len(bars) - 1)].end
    old = _engraved(before, (low, high), repair.old, (), glyphs, _at_fault(before, repair))
    new = _engraved(after, (low, high), (), repair.new, glyphs)
    return {
        "number": number + 1,
        "heading": signs_in(file.own_names(repair.failure.message)),
        "changes": [signs_in(str(change)) for change in file.changes(repair)],
        "maker": repair.maker,
        "candidates": repair.n_candidates,
        "before": boxes(old.pages),
        "after": boxes(new.pages),
        "bad": list(old.bad),
        "new": list(new.new),
        "verdicts": (repair.before, repair.after),
    }


def _at_fault(score: Score, repair: Repair) -> tuple[PlacedNote, ...]:
    """Notes of the voices at fault that sound where the failure lies."""
    tick = repair.failure.tick
    names = {voice.split("/")[0] for voice in repair.failure.voices}
    found: list[PlacedNote] = []
    assert repair.score is not None
    for index, (track, planned) in enumerate(zip(score.tracks, repair.score.tracks, strict=True)):
        if planned.name not in names:
            continue
        notes = track.notes
        ends = notes["onset"] + notes["duration"]
        sounding = (notes["onset"] <= tick) & (ends > tick)
        for row, end in zip(notes[sounding], ends[sounding].tolist(), strict=True):
            found.append(
                (index, int(row["onset"]), int(end), int(row["pitch"]), int(row["spelling"]))
            )
    return tuple(found)


def _engraved(
    score: Score,
    span: tuple[int, int],
    bad: Sequence[PlacedNote],
    new: Sequence[PlacedNote],
    glyphs: dict[str, str],
    fault: Sequence[PlacedNote] = (),
) -> _View:
    from hybrid.io.musicxml import score_to_musicxml

    low, high = span
    part = score if low == 0 and high >= score.length else excerpt(score, low, high)
    text, _ = score_to_musicxml(part)
    if low:
        # An excerpt counts its bars from 1.
        shift = score.bar_at(low).number - 1
        text = _MEASURE.sub(lambda m: f"{m[1]}{int(m[2]) + shift}{m[3]}", text)
    made = engrave(text, with_narrow=False)
    _collect(made.glyphs, glyphs)

    def ids(notes: Sequence[PlacedNote]) -> tuple[str, ...]:
        inside = [note for note in notes if low <= note[1] < high]
        moved = [(t, on - low, min(end, high) - low, p, s) for t, on, end, p, s in inside]
        return tuple(note_names(part, moved))

    return _View(tuple(made.wide), tuple(dict.fromkeys((*ids(bad), *ids(fault)))), ids(new))


_FONT = re.compile(r"<style[^>]*>.*?</style>", re.S)
_SYMBOL = re.compile(r'<(g|symbol) id="([^"]+)".*?</\1>', re.S)


def _collect(defined: str, glyphs: dict[str, str]) -> None:
    """Glyph definitions of one engraving beside those of the others."""
    font = _FONT.search(defined)
    if font:
        glyphs.setdefault(_FONT_NAME, font[0])
    for match in _SYMBOL.finditer(defined):
        glyphs.setdefault(match[2], match[0])


def _defined(glyphs: dict[str, str]) -> str:
    font = glyphs.pop(_FONT_NAME, "")
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="glyphs" width="0" height="0" '
        f'aria-hidden="true" focusable="false">{font}<defs>{"".join(glyphs.values())}</defs></svg>'
    )


def _whole(file: MendedFile, glyphs: dict[str, str]) -> _View:
    """The piece after all repairs, its first bars where it is long."""
    from hybrid.repair.records import compare_notes

    _, new, _ = compare_notes(file.given, file.score)
    return _engraved(file.score, (0, file.score.length), (), new, glyphs)


def _section(step: dict[str, Any]) -> str:
    before, after = step["verdicts"]
    changes = "".join(f"<li>{escape(change)}</li>" for change in step["changes"])
    rows = "".join(
        f'<tr><th scope="row">{escape(words)}</th><td class="num">{_shown(was)}</td>'
        f'<td class="num">{_shown(now)}</td></tr>'
        for words, was, now in (
            ("Findings to mend around it", len(before.failing), len(after.failing)),
            ("Other warnings around it", len(before.others), len(after.others)),
            ("Analyser on the chords, nats", before.analyser, after.analyser),
            ("Engine on its notes, nats", before.engine, after.engine),
        )
        if was is not None and now is not None
    )
    made = "changing single pitches" if step["maker"] == "nudge" else f"engine {step['maker']}"
    return (
        f'<div class="step" id="step-{step["number"]}" hidden>'
        f'<p class="reason"><b>{step["number"]}.</b> {escape(step["heading"])}</p>'
        f'<div class="pair"><figure class="paper before"><figcaption>Before</figcaption>'
        f"{step['before']}</figure>"
        f'<figure class="paper after"><figcaption>After</figcaption>{step["after"]}</figure></div>'
        f'<div class="notes"><div><h3>What changed</h3><ul>{changes}</ul>'
        f'<p class="remark">By {escape(made)}; {step["candidates"]} candidates were tried.</p>'
        f'</div><div><h3>Around the place</h3><table><thead><tr><th scope="col"></th>'
        '<th scope="col" class="num">Before</th><th scope="col" class="num">After</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div></div></div>"
    )


def _shown(value: float) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _subtitle(file: MendedFile) -> str:
    by = f"{file.score.composer}; " if file.score.composer else ""
    return f"{by}mended under the rule set {file.rules.name}"


def _summary(file: MendedFile) -> str:
    n = len(file.taken)
    if file.mended is None:
        return "<p>Nothing was to be mended: the music is as it was.</p>"
    items = [
        ("Places mended", str(n)),
        ("Notes changed", f"{file.n_changed} of {file.score.n_notes}"),
        ("Left as it was", str(len(file.left))),
    ]
    rows = "".join(
        f"<div><dt>{escape(words)}</dt><dd>{escape(value)}</dd></div>" for words, value in items
    )
    return f'<dl class="facts">{rows}</dl>'


def _table(file: MendedFile) -> str:
    rows = file.table()
    if not rows:
        return '<p class="empty">The checker found nothing to report.</p>'
    body = "".join(
        f"<tr{' class=better' if now < was else ' class=worse' if now > was else ''}>"
        f'<th scope="row">{escape(file.rules.rules[rule].name)}</th>'
        f'<td><span class="pill {severity}">{severity}</span></td>'
        f'<td class="num">{was}</td><td class="num">{now}</td></tr>'
        for rule, severity, was, now in rows
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Findings before and after">'
        '<table><thead><tr><th scope="col">Rule</th><th scope="col">Severity</th>'
        '<th scope="col" class="num">Before</th><th scope="col" class="num">After</th></tr>'
        f"</thead><tbody>{body}</tbody></table></div>"
    )


def _left(file: MendedFile) -> str:
    failed = [repair for repair in file.repairs if not repair.is_mended]
    if not file.left and not failed:
        return ""
    items = []
    for repair in failed:
        why = "; ".join(file.own_names(text) for text in repair.refused)
        shown = escape(signs_in(file.own_names(repair.failure.message)))
        items.append(f"<li>{shown}<br><span class=remark>{escape(why)}</span></li>")
    named = {file.own_names(repair.failure.message) for repair in failed}
    items += [f"<li>{escape(signs_in(str(x)))}</li>" for x in file.left if str(x) not in named]
    heading = "<h2>What could not be mended</h2>"
    return f'<section class="card">{heading}<ul>{"".join(items)}</ul></section>'
