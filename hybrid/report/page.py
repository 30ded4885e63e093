"""The page of a composed piece: one file, offline, with everything inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from hybrid.core.analysis import Analysis
from hybrid.core.audio import Audio
from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.core.trace import Trace
from hybrid.report import fragments
from hybrid.report.data import MAX_DECISIONS, page_data, to_json
from hybrid.report.derivation import derivation_svg, tree_svg
from hybrid.report.engraving import Engraving, engrave
from hybrid.report.frame import POLICY, asset, card, narrow_pages, template, wide_pages
from hybrid.report.harmony_fragments import harmony_style, heard_body
from hybrid.report.repairs import repairs_list
from hybrid.report.roll import describe_notes
from hybrid.report.sound import Sound, page_sound
from hybrid.report.timeline import describe_form, timeline_svg
from hybrid.report.words import clock, title_text


def build_page(
    plan: FormPlan,
    score: Score,
    analysis: Analysis,
    trace: Trace,
    provenance: Mapping[str, Any],
    audio: Audio | Path | None = None,
    musicxml: str | None = None,
    agreement: fragments.Figures | None = None,
    heard: Analysis | None = None,
    progress: Callable[[float], None] | None = None,
) -> str:
    """Build the page.

    Parameters
    ----------
    plan : FormPlan
    score : Score
    analysis : Analysis
        Chords, keys, cadences and rule findings on the score's ticks.
    trace : Trace
        What made each note; shown when a note is clicked.
    provenance : mapping
        Plain values, shown as they are.
    audio : Audio or path, optional
        The rendered sound, whose first sample is the score's tick 0. Up to
        `hybrid.report.sound.MAX_SECONDS` it goes into the page; a longer file must lie beside it.
    musicxml : str, optional
        The score as `hybrid.io` writes it, for the engraving; its first
        `hybrid.report.engraving.MAX_BARS` bars are engraved.
    agreement : optional
        Figures of the score under its plan.
    heard : Analysis, optional
        What the harmony analyser hears in the notes; shown under the score.
    progress : callable, optional
        Called with the share that is done, 0..1.

    Returns
    -------
    str
        HTML that names no address and needs no other file (but for a sound that is too long).
        The same arguments give the same text.

    Raises
    ------
    FormatError
        If the sound file or the MusicXML cannot be read.
    """
    tell = progress or (lambda share: None)
    sound = page_sound(audio, lambda share: tell(0.6 * share))
    tell(0.6)
    engraving = None
    if musicxml is not None:
        engraving = engrave(musicxml, progress=lambda share: tell(0.6 + 0.3 * share))
    tell(0.9)
    title = title_text(plan.title or score.title or "Untitled")
    sections = [
        _form_card(plan),
        score_card(engraving),
        _heard_card(analysis, heard, score),
        roll_card(score),
        _findings_card(analysis, score),
        card(
            "plan",
            "Plan and result",
            fragments.plan_table(plan, analysis, agreement),
            half=True,
        ),
        card("trace", "What made the notes", _trace_body(trace), half=True),
        card("provenance", "Provenance", fragments.provenance_list(provenance)),
    ]
    page = template("page.html").substitute(
        policy=escape(POLICY),
        generator=escape(generator(provenance)),
        title=escape(title),
        subtitle=escape(_subtitle(plan, score)),
        style=asset("page.css") + (f"\n{harmony_style()}" if heard is not None else ""),
        facts=fragments.facts(plan, score, analysis, provenance),
        seconds=f"{max(sound.seconds, score.seconds):.2f}",
        length=clock(max(sound.seconds, score.seconds)),
        audio=audio_element(sound),
        sections="\n".join(sections),
        made=escape(made_by(engraving, provenance)),
        data=to_json(page_data(plan, score, analysis, trace)),
        narrow=narrow_pages(engraving),
        script=asset("page.js"),
    )
    tell(1.0)
    return page


def _form_card(plan: FormPlan) -> str:
    if not plan.is_complete:
        return ""
    pictures = [timeline_svg(plan)]
    derivation = derivation_svg(plan)
    body = (
        '<div class="scroll" tabindex="0" role="region" aria-label="Timeline of the form">'
        f'<div class="lanes">{pictures[0]}</div></div>'
        f'<p class="sr">{escape(describe_form(plan))}</p>'
    )
    if derivation:
        tree = tree_svg(plan)
        body += (
            '<details class="derivation-note"><summary>How the grammar derived it</summary>'
            '<p class="remark">Each block stands over what it was rewritten to, and over the bars '
            "that became of it; the lowest are the phrases. Rules and their probabilities show "
            "where the pointer rests.</p>"
            '<div class="scroll" tabindex="0" role="region" aria-label="Derivation">'
            f'<div class="lanes">{derivation}</div></div>'
            + (
                "<details><summary>The same as a tree</summary>"
                '<div class="treebox" tabindex="0" role="region" aria-label="Derivation tree">'
                f"{tree}</div></details>"
                if tree
                else ""
            )
            + "</details>"
        )
    hint = (
        "From above: bars, sections, phrases with their themes, keys, cadences (a filled corner "
        "closes, an open one does not). Click anywhere to go there."
    )
    return card("form", "Form", body, hint=hint)


def score_card(engraving: Engraving | None, *, marks: bool = True) -> str:
    """The engraved score; ``marks`` offers to mark the checker's findings in it."""
    if engraving is None:
        return card("score", "Score", '<p class="empty">No engraving was made.</p>')
    pages = wide_pages(engraving)
    tools = '<label><input type="checkbox" id="follow" checked> Follow</label>'
    if marks:
        tools += '<label><input type="checkbox" id="marks"> Mark findings</label>'
    body = (
        f'{engraving.glyphs}<div class="paper" id="paper" tabindex="0" role="region" '
        f'aria-label="Engraved score">{pages}</div>'
    )
    if engraving.n_bars < engraving.n_bars_total:
        body += (
            f'<p class="remark">The first {engraving.n_bars} of {engraving.n_bars_total} bars are '
            "engraved here; the MusicXML file has them all.</p>"
        )
    return card("score", "Score", body, tools=tools, hint="Click a note to see what made it.")


def _heard_card(planned: Analysis, heard: Analysis | None, score: Score) -> str:
    if heard is None:
        return ""
    hint = "Click anywhere to go there."
    return card("heard", "Harmony as heard", heard_body(planned, heard, score), hint=hint)


def roll_card(score: Score, heading: str = "Piano roll and chords") -> str:
    """The piano roll, which the page's script draws."""
    tools = (
        '<button type="button" id="zoom-out" aria-label="Zoom out">−</button>'
        '<button type="button" id="zoom-in" aria-label="Zoom in">+</button>'
        '<button type="button" id="zoom-all">Whole piece</button>'
    )
    body = (
        '<div class="rollbox"><div id="rollscroll" tabindex="0" role="region" '
        'aria-label="Piano roll; plus and minus zoom, arrows scroll">'
        '<div id="rollspacer"><canvas id="roll" role="img" '
        f'aria-label="{escape(describe_notes(score))}"></canvas></div></div></div>'
        '<div class="legend" id="legend" role="group" aria-label="Parts shown"></div>'
    )
    return card("notes", heading, body, tools=tools)


def _findings_card(analysis: Analysis, score: Score) -> str:
    body = fragments.findings_table(analysis, score) + fragments.rates_table(analysis, score)
    hint = "What the part-writing checker found in the finished notes."
    return card("findings", "Rule findings", body, hint=hint)


def _trace_body(trace: Trace) -> str:
    body = fragments.trace_summary(trace) + repairs_list(trace)
    if len(trace.entries) > MAX_DECISIONS:
        body += (
            f'<p class="remark">About {MAX_DECISIONS} of {len(trace.entries)} decisions are in '
            "this page; trace.json has them all.</p>"
        )
    return body


def audio_element(sound: Sound) -> str:
    """The sound, and what is to be known of it."""
    parts = []
    if sound.source:
        parts.append(
            f'<audio id="sound" controls preload="auto" src="{escape(sound.source)}">'
            "Your browser plays no sound; the WAV file beside this page has it.</audio>"
        )
    if sound.note:
        parts.append(f'<p class="remark centred">{escape(sound.note)}</p>')
    parts.append(
        '<p class="remark centred" id="sound-note" role="alert" hidden>This browser cannot play '
        "the sound of this page; the WAV file beside it has it.</p>"
    )
    return "".join(parts)


def _subtitle(plan: FormPlan, score: Score) -> str:
    parts = []
    if score.composer:
        parts.append(score.composer)
    names = [track.name for track in score.tracks if track.name]
    if names:
        shown = ", ".join(names[:8]) + (" and others" if len(names) > 8 else "")
        parts.append(f"for {shown}")
    return "; ".join(parts)


def generator(provenance: Mapping[str, Any]) -> str:
    """Name and version of the program."""
    program = provenance.get("program")
    if isinstance(program, Mapping):
        return " ".join(str(program[name]) for name in ("name", "version") if name in program)
    return "hybrid"


def made_by(engraving: Engraving | None, provenance: Mapping[str, Any]) -> str:
    """What made page, sound and engraving, in one sentence."""
    made = f"Made by {generator(provenance)}"
    sound = provenance.get("sound")
    if isinstance(sound, Mapping) and sound.get("soundfont"):
        made += (
            f"; played by {sound.get('player')} {sound.get('player_version')} with the SoundFont "
            f"{sound['soundfont']} ({sound.get('soundfont_licence', 'unknown licence')})"
        )
    if engraving is not None:
        made += f"; engraved by Verovio {engraving.version.split('-')[0]}"
    return f"{made}. This page needs no network and asks for none."
