"""The page of an exhibit: the page of a piece, with the machine at work and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from hybrid.core.analysis import Analysis
from hybrid.core.audio import Audio
from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.core.trace import Trace
from hybrid.history.exhibit import GROUNDS, Demonstration, Exhibit
from hybrid.history.panels import Machine
from hybrid.history.parameters import Values
from hybrid.history.recording import Recording
from hybrid.report import frame, page
from hybrid.report.data import page_data, to_json
from hybrid.report.engraving import engrave
from hybrid.report.fragments import provenance_list
from hybrid.report.sound import page_sound
from hybrid.report.words import clock

#: Kinds of panel that have a script of their own, to be read before ``exhibit.js``.
PANEL_SCRIPTS = {"jam": "jam.js"}

#: Decisions listed in the page's table; trace.json has them all.
MAX_ROWS = 5000


def build_exhibit_page(
    exhibit: Exhibit,
    made: Demonstration,
    values: Values,
    seed: int,
    provenance: Mapping[str, Any],
    audio: Audio | Path | None = None,
    musicxml: str | None = None,
    progress: Callable[[float], None] | None = None,
    recordings: Sequence[tuple[Recording, Path]] = (),
) -> str:
    """Build the page.

    Parameters
    ----------
    exhibit : Exhibit
    made : Demonstration
        What `hybrid.history.registry.run_exhibit` gave.
    values : Values
        What it was made with.
    seed : int
    provenance : mapping
        Plain values, shown as they are.
    audio : Audio or path, optional
        The rendered sound, whose first sample is the score's tick 0.
    musicxml : str, optional
        The score as `hybrid.io` writes it, for the engraving.
    progress : callable, optional
        Called with the share that is done, 0..1.
    recordings : sequence of (Recording, path)
        Sounds of the exhibit's own and their files; the first is ``audio``.

    Returns
    -------
    str
        HTML that names no address and needs no other file. The same arguments give the same text.

    Raises
    ------
    FormatError
        If the sound file or the MusicXML cannot be read.
    """
    tell = progress or (lambda share: None)
    score = made.score
    sound = page_sound(audio, lambda share: tell(0.6 * share))
    engraving = None
    if musicxml is not None:
        engraving = engrave(musicxml, progress=lambda share: tell(0.6 + 0.3 * share))
    tell(0.9)
    sections = [
        _story_card(exhibit),
        *_recordings_card(recordings),
        _machine_card(made.machine),
        page.score_card(engraving, marks=False),
        page.roll_card(score, "Piano roll"),
        frame.card("parameters", "Parameters", _parameters(exhibit, values, seed), half=True),
        frame.card("exercises", "Try this", _list(exhibit.exercises, ordered=True), half=True),
        _trace_card(made.trace),
        frame.card(
            "fidelity",
            "Faithful, simplified, invented",
            fidelity_table(exhibit),
            hint="What of this is as it was, and where we know it from.",
        ),
        frame.card("citations", "Sources", _list(exhibit.citations), half=True),
        frame.card(
            "provenance",
            "Provenance",
            "<details><summary>Versions, options and hashes</summary>"
            f"{provenance_list(provenance)}</details>",
            half=True,
        ),
    ]
    seconds = max(sound.seconds, score.seconds)
    data = page_data(FormPlan(), score, Analysis(), made.trace)
    text = frame.template("page.html").substitute(
        policy=escape(frame.POLICY),
        generator=escape(page.generator(provenance)),
        title=escape(exhibit.title),
        subtitle=escape(f"{', '.join(exhibit.people)}, {exhibit.year}"),
        style=frame.asset("page.css") + "\n" + frame.asset("exhibit.css"),
        facts=_facts(made, seed),
        seconds=f"{seconds:.2f}",
        length=clock(seconds),
        audio=page.audio_element(sound),
        sections="\n".join(sections),
        made=escape(page.made_by(engraving, provenance)),
        data=to_json(data),
        narrow=frame.narrow_pages(engraving)
        + Template('<script type="application/json" id="exhibit-data">$data</script>').substitute(
            data=to_json(
                {"machine": made.machine.to_dict(), "trace": trace_rows(score, made.trace)}
            )
        ),
        script="\n".join(map(frame.asset, ("page.js", *_scripts(made.machine), "exhibit.js"))),
    )
    tell(1.0)
    return text


def fidelity_table(exhibit: Exhibit) -> str:
    """What is faithful, simplified or invented, and how that is known."""
    rows = "".join(
        f'<tr><td><span class="pill {row.status}">{row.status}</span></td>'
        f'<th scope="row">{escape(row.part)}</th><td>{escape(row.words)}</td>'
        f'<td class="grounds">{escape(GROUNDS[row.grounds])}</td></tr>'
        for row in exhibit.fidelity
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Fidelity">'
        '<table class="fidelity">'
        '<thead><tr><th scope="col">How close</th><th scope="col">Part</th>'
        '<th scope="col">In words</th><th scope="col">Known from</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def trace_rows(score: Score, trace: Trace) -> dict[str, Any]:
    """The decisions as rows of a table, texts that recur once."""
    texts: dict[str, int] = {}

    def place(text: str) -> int:
        return texts.setdefault(text, len(texts))

    tracks = {track.name: number for number, track in enumerate(score.tracks)}
    numbers: dict[tuple[str, int, int], int] = {}
    for track in score.tracks:
        for number, note in enumerate(track.notes.tolist()):
            numbers[track.name, note[0], note[2]] = number
    rows = []
    for entry in trace.entries[:MAX_ROWS]:
        note = -1
        if entry.track is not None and entry.tick is not None and entry.pitch is not None:
            note = numbers.get((entry.track, entry.tick, entry.pitch), -1)
        rows.append(
            [
                place(entry.kind),
                entry.bar,
                entry.tick,
                tracks.get(entry.track or "", -1),
                note,
                place(entry.maker),
                place(entry.choice),
                None if entry.probability is None else round(entry.probability, 4),
                entry.parent,
                [place(text) for text in entry.rejected[:12]],
            ]
        )
    return {"strings": list(texts), "rows": rows, "total": len(trace.entries)}


def _facts(made: Demonstration, seed: int) -> str:
    score = made.score
    n_bars = sum(not bar.is_pickup for bar in score.bars)
    items = [
        *made.facts,
        ("Length", f"{n_bars} bars, {clock(score.seconds)}"),
        ("Notes", f"{score.n_notes:,}".replace(",", " ")),
        ("Seed", str(seed)),
    ]
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in items
    )
    return f'<dl class="facts">{rows}</dl>'


def _story_card(exhibit: Exhibit) -> str:
    body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in exhibit.story)
    return frame.card("story", "What it is", f'<div class="story">{body}</div>')


def _recordings_card(recordings: Sequence[tuple[Recording, Path]]) -> list[str]:
    """A player for every sound of the exhibit's own but the first, which the page itself plays."""
    items = []
    for number, (recording, path) in enumerate(recordings):
        player = '<p class="remark">The player at the head of the page plays it.</p>'
        if number:
            sound = page_sound(path)
            player = (
                f'<audio controls preload="metadata" src="{escape(sound.source)}" '
                f'aria-label="{escape(recording.title)}"></audio>'
            )
        items.append(
            f"<li><h3>{escape(recording.title)}</h3><p>{escape(recording.words)}</p>{player}</li>"
        )
    if not items:
        return []
    hint = "Sounds of this run; each is also a WAV file beside the page."
    body = f'<ul class="recordings">{"".join(items)}</ul>'
    return [frame.card("recordings", "Listen", body, hint=hint)]


def _machine_card(machine: Machine) -> str:
    panels = "".join(
        f'<figure class="panel {panel.kind}" id="panel-{escape(panel.name)}">'
        f"<figcaption>{escape(panel.title)}</figcaption>"
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(panel.alt)}">'
        '<div class="drawing"></div></div></figure>'
        for panel in machine.panels
    )
    last = len(machine.steps) - 1
    body = (
        '<div class="stepper">'
        '<button type="button" id="step-back" aria-label="Step back" '
        'aria-keyshortcuts=",">‹</button>'
        f'<input type="range" id="step" min="0" max="{last}" step="1" value="0" '
        'aria-label="Step of the machine">'
        '<button type="button" id="step-on" aria-label="Step on" aria-keyshortcuts=".">›</button>'
        '<button type="button" id="step-run">Run</button>'
        f'<span class="count"><b id="step-number">1</b> / {last + 1}</span></div>'
        '<p class="caption" id="step-caption" aria-live="polite"></p>'
        f'<div class="panels">{panels}</div>'
    )
    tools = ""
    if any(step.start is not None for step in machine.steps):
        tools = (
            '<label><input type="checkbox" id="step-follow" checked> Follow the music</label>'
            '<button type="button" id="step-hear">Hear this step</button>'
        )
    hint = "Move the slider, or press , and . to step back and on."
    return frame.card("machine", "The machine at work", body, tools=tools, hint=hint)


def _scripts(machine: Machine) -> tuple[str, ...]:
    """Scripts of the panels that have their own."""
    kinds = {panel.kind for panel in machine.panels}
    return tuple(script for kind, script in PANEL_SCRIPTS.items() if kind in kinds)


def _parameters(exhibit: Exhibit, values: Values, seed: int) -> str:
    chosen = values.to_dict()
    rows = "".join(
        f'<tr><th scope="row"><code>{escape(item.name)}</code></th>'
        f"<td><b>{escape(plain_value(chosen[item.name]))}</b></td>"
        f"<td>{escape(item.meaning)} <small>({escape(item.range_text)}; default "
        f"{escape(plain_value(item.default))})</small></td></tr>"
        for item in exhibit.parameters
    )
    changed = " ".join(
        f"--set {item.name}={plain_value(chosen[item.name])}"
        for item in exhibit.parameters
        if chosen[item.name] != item.default
    )
    command = " ".join(filter(None, (f"hybrid demo {exhibit.name} --seed {seed}", changed)))
    table = (
        '<div class="scroll" tabindex="0" role="region" aria-label="Parameters">'
        '<table class="settings"><thead><tr><th scope="col">Name</th><th scope="col">Here</th>'
        f'<th scope="col">Meaning</th></tr></thead><tbody>{rows}</tbody></table></div>'
        if rows
        else '<p class="empty">There is nothing to set but the seed.</p>'
    )
    shown = f'<pre class="command"><code>{escape(command)}</code></pre>'
    return f'{table}<p class="remark">Made by</p>{shown}'


def plain_value(value: object) -> str:
    """A setting as one types it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _list(items: tuple[str, ...], ordered: bool = False) -> str:
    kind = "ol" if ordered else "ul"
    return f'<{kind} class="plain">{"".join(f"<li>{_code(item)}</li>" for item in items)}</{kind}>'


def _code(text: str) -> str:
    """Text in which what stands between back-ticks is set as code."""
    parts = escape(text).split("`")
    return "".join(
        f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts)
    )


def _trace_card(trace: Trace) -> str:
    kinds = sorted({entry.kind for entry in trace.entries[:MAX_ROWS]})
    choices = "".join(f'<option value="{escape(kind)}">{escape(kind)}</option>' for kind in kinds)
    tools = (
        '<label>Show <select id="trace-kind"><option value="">everything</option>'
        f'{choices}</select></label><label>with <input type="search" id="trace-words" size="16" '
        'placeholder="any word" aria-label="Words to look for"></label>'
        '<span class="remark" id="trace-count" role="status"></span>'
    )
    counts = "".join(
        f"<div><dt>{escape(name.replace('_', ' '))}</dt><dd>{count:,}</dd></div>".replace(",", " ")
        for name, count in trace.counts.items()
    )
    body = (
        (f'<dl class="facts small">{counts}</dl>' if counts else "")
        + '<div class="scroll tall" tabindex="0" role="region" aria-label="Decisions">'
        '<table class="trace" id="trace-table"><thead><tr><th scope="col">Bar</th>'
        '<th scope="col">What</th><th scope="col">Decided by</th><th scope="col">Choice</th>'
        '<th scope="col">Chance</th><th scope="col">Follows from</th>'
        '<th scope="col">Rejected</th></tr></thead><tbody></tbody></table>'
        '<p><button type="button" id="trace-more" hidden>Show more</button></p></div>'
    )
    if len(trace.entries) > MAX_ROWS:
        body += (
            f'<p class="remark">The first {MAX_ROWS} of {len(trace.entries)} decisions; '
            "trace.json has them all.</p>"
        )
    hint = "Every decision in its order. Click a bar to go there."
    return frame.card("trace", "Decision trace", body, tools=tools, hint=hint)
