"""Two exhibits side by side: both heard, seen, measured and judged for fidelity."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np

from hybrid.core.score import Score
from hybrid.core.trace import Trace
from hybrid.history.exhibit import Exhibit
from hybrid.history.parameters import Values
from hybrid.report import frame
from hybrid.report.exhibit_page import fidelity_table, plain_value
from hybrid.report.roll import piano_roll_svg
from hybrid.report.sound import page_sound
from hybrid.report.words import clock


class Shown(Protocol):
    """What is compared: a run of an exhibit."""

    @property
    def exhibit(self) -> Exhibit: ...
    @property
    def score(self) -> Score: ...
    @property
    def trace(self) -> Trace: ...
    @property
    def values(self) -> Values: ...
    @property
    def seed(self) -> int: ...


def measure(score: Score) -> tuple[tuple[str, str], ...]:
    """Plain figures of a score that two techniques can be compared by.

    Entropy is of the twelve pitch classes, 0..3.58 bits; steps and leaps are between notes that
    follow each other in the highest sounding line of each track.
    """
    notes = [track.notes for track in score.tracks if len(track.notes) and not track.is_drum]
    if not notes:
        return (("Notes", "0"),)
    pitches = np.concatenate([part["pitch"] for part in notes])
    counts = np.bincount(pitches % 12, minlength=12) / len(pitches)
    entropy = float(-(counts[counts > 0] * np.log2(counts[counts > 0])).sum())
    steps: list[int] = []
    for part in notes:
        tops: dict[int, int] = {}
        for note in part.tolist():
            tops[note[0]] = max(tops.get(note[0], 0), note[2])
        line = list(tops.values())
        steps += [abs(b - a) for a, b in pairwise(line)]
    durations = np.concatenate([part["duration"] for part in notes]) / score.ticks_per_quarter
    moves = np.array(steps or [0])
    return (
        ("Length", f"{clock(score.seconds)} in {len(score.bars)} bars"),
        ("Notes", str(len(pitches))),
        ("Notes a second", f"{len(pitches) / max(score.seconds, 1e-9):.2f}"),
        ("Range", f"{int(pitches.max() - pitches.min())} semitones"),
        ("Entropy of pitch classes", f"{entropy:.2f} bits of 3.58"),
        ("Steps (1–2 semitones)", f"{np.mean((moves > 0) & (moves <= 2)):.0%}"),
        ("Repeated notes", f"{np.mean(moves == 0):.0%}"),
        ("Leaps above a fourth", f"{np.mean(moves > 5):.0%}"),
        ("Different lengths", str(len(np.unique(durations)))),
    )


def build_comparison(
    demos: tuple[Shown, Shown],
    folders: Sequence[str],
    sounds: Sequence[Path | None],
) -> str:
    """The page of two runs.

    Parameters
    ----------
    demos : pair of Demo
    folders : sequence of str
        Folder of each beside the page, which it leads to.
    sounds : sequence of path or None
        WAV of each; it goes into the page.

    Returns
    -------
    str
        HTML that names no address.
    """
    columns = []
    for number, (demo, folder, path) in enumerate(zip(demos, folders, sounds, strict=True)):
        sound = page_sound(path)
        player = (
            f'<audio controls preload="metadata" src="{escape(sound.source)}" '
            f'aria-label="{escape(demo.exhibit.title)}"></audio>'
            if sound.source
            else '<p class="remark">Written without sound.</p>'
        )
        settings = ", ".join(
            f"{name} {plain_value(value)}" for name, value in demo.values.to_dict().items()
        )
        columns.append(
            f'<section class="card half" aria-labelledby="name-{number}">'
            f'<h2 id="name-{number}">{escape(demo.exhibit.title)}</h2>'
            f'<p class="remark">{escape(", ".join(demo.exhibit.people))}, '
            f"{escape(demo.exhibit.year)}; seed {demo.seed}"
            f"{'; ' + escape(settings) if settings else ''}</p>{player}"
            f"<p>{escape(demo.exhibit.summary)}</p>"
            f'<p><a href="{escape(folder)}/index.html">The whole page of it</a></p></section>'
        )
    rolls = "".join(
        f'<section class="card" aria-labelledby="roll-name-{number}">'
        f'<h2 id="roll-name-{number}">{escape(demo.exhibit.title)}</h2>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="Piano roll">'
        f'<div class="lanes">{piano_roll_svg(demo.score, height=240.0, name=f"roll{number}")}</div>'
        "</div></section>"
        for number, demo in enumerate(demos)
    )
    first, second = (dict(measure(demo.score)) for demo in demos)
    figures = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(first.get(name, ""))}</td>'
        f"<td>{escape(second.get(name, ''))}</td></tr>"
        for name in dict.fromkeys([*first, *second])
    )
    counts = [demo.trace.counts for demo in demos]
    figures += "".join(
        f'<tr><th scope="row">{escape(name.replace("_", " "))}</th>'
        f"<td>{_spaced(counts[0].get(name))}</td><td>{_spaced(counts[1].get(name))}</td></tr>"
        for name in dict.fromkeys([*counts[0], *counts[1]])
    )
    titles = [escape(demo.exhibit.title) for demo in demos]
    table = (
        '<section class="card" aria-labelledby="figures"><h2 id="figures">In figures</h2>'
        '<div class="scroll" tabindex="0" role="region" aria-label="Figures"><table><thead><tr>'
        f'<th scope="col">What</th><th scope="col">{titles[0]}</th>'
        f'<th scope="col">{titles[1]}</th></tr></thead><tbody>{figures}</tbody></table></div>'
        "</section>"
    )
    fidelity = "".join(
        f'<section class="card half" aria-labelledby="fidelity-{number}">'
        f'<h2 id="fidelity-{number}">Fidelity: {titles[number]}</h2>{fidelity_table(demo.exhibit)}'
        "</section>"
        for number, demo in enumerate(demos)
    )
    return frame.template("sheet.html").substitute(
        policy=escape(frame.POLICY),
        title=f"{titles[0]} and {titles[1]}",
        subtitle="Two techniques side by side",
        style=frame.asset("page.css") + "\n" + frame.asset("exhibit.css"),
        sections="".join(columns) + rolls + table + fidelity,
        made="This page needs no network and asks for none.",
    )


def _spaced(number: int | None) -> str:
    return "" if number is None else f"{number:,}".replace(",", " ")
