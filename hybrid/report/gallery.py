"""The index of all exhibits: a card each, by year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from hybrid.history.exhibit import Exhibit
from hybrid.report import frame


def build_gallery(
    exhibits: Sequence[Exhibit],
    facts: Mapping[str, Mapping[str, str]],
    seed: int,
    *,
    with_pages: bool = True,
) -> str:
    """The page that leads to all others.

    Parameters
    ----------
    exhibits : sequence of Exhibit
        By year.
    facts : mapping
        Exhibit's name to ``roll`` (its piano roll as SVG) and ``figures``.
    seed : int
    with_pages : bool
        Whether each folder has an ``index.html``; else the card leads to its MIDI file.

    Returns
    -------
    str
        HTML that names no address.
    """
    target = "index.html" if with_pages else "piece.mid"
    cards = "".join(
        f'<a class="card exhibit" href="{escape(exhibit.name)}/{target}">'
        f'<span class="year">{escape(exhibit.year)}</span><h2>{escape(exhibit.title)}</h2>'
        f'<span class="remark">{escape(", ".join(exhibit.people))}</span>'
        f'<div class="thumb">{facts[exhibit.name]["roll"]}</div>'
        f"<p>{escape(exhibit.summary)}</p>"
        f'<span class="remark">{escape(facts[exhibit.name]["figures"])}</span></a>'
        for exhibit in exhibits
    )
    years = f"{exhibits[0].first_year}–{exhibits[-1].first_year}" if exhibits else ""
    return frame.template("sheet.html").substitute(
        policy=escape(frame.POLICY),
        title="The living history of composing by rule, chance and machine",
        subtitle=escape(f"{len(exhibits)} techniques, {years}; seed {seed}"),
        style=frame.asset("page.css") + "\n" + frame.asset("exhibit.css"),
        sections=cards,
        made="Every page has its score, its sound, its machine and its decisions inside. "
        "None needs a network.",
    )
