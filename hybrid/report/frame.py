"""What the pages share: their files, their sections, the engraving in boxes."""

from __future__ import annotations

import base64
import gzip
import re
from html import escape
from string import Template

from hybrid.core.resources import resource_path
from hybrid.report.engraving import Engraving

#: Nothing is fetched from anywhere: the browser itself is told to refuse.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "font-src data:; media-src data: blob: 'self' file:"
)
_VIEW_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def asset(name: str) -> str:
    """Text of a file in ``hybrid/report/assets``."""
    return resource_path("report", "assets", name).read_text(encoding="utf-8").strip()


def template(name: str) -> Template:
    """A page whose places are to be filled."""
    return Template(asset(name) + "\n")


def card(
    name: str, heading: str, body: str, *, tools: str = "", hint: str = "", half: bool = False
) -> str:
    """A section of a page: heading, hint and tools above its body."""
    top = f'<h2 id="{name}-heading">{escape(heading)}</h2>'
    if hint:
        top += f'<p class="hint">{escape(hint)}</p>'
    if tools:
        top += f'<div class="tools">{tools}</div>'
    kind = "card half" if half else "card"
    return (
        f'<section class="{kind}" id="{name}" aria-labelledby="{name}-heading">'
        f'<div class="top">{top}</div>{body}</section>'
    )


def boxes(pages: tuple[str, ...]) -> str:
    """Pages in boxes of their own shape, which hold their place while they are not drawn."""
    boxes = []
    for page in pages:
        shape = _VIEW_BOX.search(page)
        style = f' style="aspect-ratio:{shape[1]}/{shape[2]}"' if shape else ""
        boxes.append(f'<div class="page"{style}>{page}</div>')
    return "".join(boxes)


def wide_pages(engraving: Engraving) -> str:
    """The layout for broad screens."""
    return boxes(engraving.wide)


def narrow_pages(engraving: Engraving | None) -> str:
    """The layout for telephones, packed, in a script element of its own."""
    if engraving is None:
        return ""
    pages = boxes(engraving.narrow)
    # No time in the header: the same bytes each time.
    packed = gzip.compress(pages.encode(), compresslevel=9, mtime=0)
    return f'<script type="text/plain" id="narrow">{base64.b64encode(packed).decode()}</script>'
