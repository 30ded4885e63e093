"""The engraved score: MusicXML to SVG by verovio, in a wide and in a narrow layout.

Note elements keep the ids of the MusicXML that `hybrid.io` writes: ``t<track>n<note>``, and
``t<track>n<note>-2`` ... for what is tied on, so that every element leads back to one note
of the score.

References
----------
Pugin, L., Zitellini, R., & Roland, P. (2014). Verovio: A library for engraving MEI music
notation into SVG. ISMIR.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

from hybrid.core.errors import FormatError

#: Bars that are engraved; a page with more would be slow to open. The page says so.
MAX_BARS = 240
#: Width in verovio's units (tenths of a millimetre at scale 100) and scale in percent.
WIDE, NARROW = (2650, 40), (1200, 40)
# Some systems a page, so that a browser draws only those in view.
_PAGE_HEIGHT = 2600
_NOTE_ID = re.compile(r"t\d+n\d+(-\d+)?")


@dataclass(frozen=True)
class Engraving:
    """An engraved score.

    Attributes
    ----------
    wide, narrow : tuple of str
        SVG pages for broad screens and for telephones.
    glyphs : str
        Definitions that the pages of both refer to, as an SVG that shows nothing.
    n_bars, n_bars_total : int
        Engraved and in the score.
    n_notes : int
        Note elements in each layout.
    version : str
        Of verovio.
    """

    wide: tuple[str, ...]
    narrow: tuple[str, ...]
    glyphs: str
    n_bars: int
    n_bars_total: int
    n_notes: int
    version: str


def engrave(
    musicxml: str,
    *,
    max_bars: int = MAX_BARS,
    with_narrow: bool = True,
    system_space: int = 4,
    progress: Callable[[float], None] | None = None,
) -> Engraving:
    """Engrave a score.

    Parameters
    ----------
    musicxml : str
        A partwise document, such as `hybrid.io` writes.
    max_bars : int
        Bars beyond are left out.
    with_narrow : bool
        False leaves the layout for telephones out.
    system_space : int
        Least space between systems, in staff spaces.
    progress : callable, optional
        Called with the share that is done, 0..1.

    Raises
    ------
    FormatError
        If the document cannot be read.
    """
    import verovio

    tell = progress or (lambda share: None)
    document, n_bars, n_total = prepare(musicxml, max_bars)
    tell(0.1)
    verovio.enableLog(verovio.LOG_OFF)
    glyphs: dict[str, str] = {}
    layouts: list[tuple[str, ...]] = []
    widths = (WIDE, NARROW) if with_narrow else (WIDE,)
    for width, scale in widths:
        toolkit: Any = verovio.toolkit()
        toolkit.setOptions(
            {
                "adjustPageHeight": True,
                "breaks": "auto",
                "footer": "none",
                "header": "none",
                "pageHeight": _PAGE_HEIGHT,
                "pageMarginBottom": 20,
                "pageMarginLeft": 90,
                "pageMarginRight": 20,
                "pageMarginTop": 30,
                "pageWidth": width,
                "scale": scale,
                "spacingSystem": system_space,
                "svgRemoveXlink": True,
                "svgViewBox": True,
                # Ids that verovio makes up are drawn from this seed: the same bytes each time.
                "xmlIdSeed": 1,
            }
        )
        if not toolkit.loadData(document):
            raise FormatError("the MusicXML must be readable for engraving, got one that is not")
        pages = []
        n_pages = toolkit.getPageCount()
        for number in range(1, n_pages + 1):
            pages.append(_slim(toolkit.renderToSVG(number), glyphs))
            tell(0.1 + 0.9 * (len(layouts) + number / n_pages) / len(widths))
        layouts.append(tuple(pages))
        version = str(toolkit.getVersion())
    font = glyphs.pop("font", "")
    defined = (
        '<svg xmlns="http://www.w3.org/2000/svg" class="glyphs" width="0" height="0" '
        f'aria-hidden="true" focusable="false">{font}<defs>{"".join(glyphs.values())}</defs></svg>'
    )
    n_notes = sum(len(_NOTE_ELEMENT.findall(page)) for page in layouts[0])
    narrow = layouts[1] if with_narrow else ()
    return Engraving(layouts[0], narrow, defined, n_bars, n_total, n_notes, version)


def prepare(musicxml: str, max_bars: int) -> tuple[str, int, int]:
    """Cut the document after ``max_bars`` bars.

    Returns
    -------
    (str, int, int)
        The document, its bars, and the bars there were.
    """
    try:
        root = ElementTree.fromstring(musicxml)
    except ElementTree.ParseError as error:
        raise FormatError(f"the MusicXML must be well-formed, got {error}") from None
    n_total = n_kept = 0
    for part in root.findall("part"):
        measures = part.findall("measure")
        n_total = max(n_total, len(measures))
        for measure in measures[max_bars:]:
            part.remove(measure)
        n_kept = max(n_kept, min(len(measures), max_bars))
        for measure in measures[:max_bars]:
            _adapt_numerals(measure)
    return ElementTree.tostring(root, encoding="unicode"), n_kept, n_total


def _adapt_numerals(measure: ElementTree.Element) -> None:
    """Write Roman numerals so that verovio puts them where they belong.

    It prints the accidental of a root whose letter is hidden behind a numeral, and it puts a
    numeral under the staff of the notes around rather than under the one that is named.
    """
    numerals = [item for item in measure.findall("harmony") if item.findtext("kind") == "none"]
    for numeral in numerals:
        place = numeral.find("root")
        for alter in [] if place is None else place.findall("root-alter"):
            assert place is not None
            place.remove(alter)
    staff = numerals[0].findtext("staff", "1") if numerals else "1"
    if staff == "1":
        return
    children = list(measure)
    for child, after in pairwise(children):
        # Where the notes of that staff begin, time is back at the bar line.
        if child.tag == "backup" and after.tag == "note" and after.findtext("staff") == staff:
            for numeral in numerals:
                measure.remove(numeral)
            at = list(measure).index(child) + 1
            measure[at:at] = numerals
            return


_DEFS = re.compile(r"<defs>(.*?)</defs>", re.S)
_GLYPH = re.compile(r'<g id="([^"]+)">.*?</g>', re.S)
_ID = re.compile(r' id="([^"]*)"')
_NOTE_ELEMENT = re.compile(r'<g id="t\d+n\d+')
_STYLE = re.compile(r"<style[^>]*>.*?</style>", re.S)
_SPACE = re.compile(r">\s+<")
# Notes in tempo marks are letters of verovio's own font, which a page does not have.
_TEMPO_SIGNS = str.maketrans({"\ueca5": "♩", "\ueca7": "♪", "\uecb7": "."})


def _slim(page: str, glyphs: dict[str, str]) -> str:
    """A page without what a browser does not need: glyphs that all share, ids, blanks."""
    defined = _DEFS.search(page)
    if defined:
        for glyph in _GLYPH.finditer(defined[1]):
            glyphs.setdefault(glyph[1], _SPACE.sub("><", glyph[0]))
        page = page[: defined.start()] + page[defined.end() :]

    def keep(match: re.Match[str]) -> str:
        return match[0] if _NOTE_ID.fullmatch(match[1]) else ""

    # Signs inside text, such as the note of a metronome mark, need the music font itself.
    for style in _STYLE.findall(page):
        if "@font-face" in style:
            glyphs.setdefault("font", style)
    # Its style sheet goes by the ids that are taken away; the page's own says the same.
    page = _STYLE.sub("", _ID.sub(keep, page))
    return _SPACE.sub("><", page).strip().translate(_TEMPO_SIGNS)
