"""The engraved score: every note is there, under an id that leads back to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from hybrid.core.errors import FormatError
from hybrid.report.engraving import Engraving, engrave, prepare

if TYPE_CHECKING:
    from tests.report.conftest import Example

_NOTES = re.compile(r'<g id="(t\d+n\d+)(-\d+)?"')


@pytest.fixture(scope="module")
def engraving(example: Example) -> Engraving:
    return engrave(example.musicxml)


def test_both_layouts_have_every_note_of_the_score(example: Example, engraving: Engraving) -> None:
    expected = {
        f"t{number}n{index}"
        for number, track in enumerate(example.score.tracks)
        for index in range(len(track.notes))
    }
    for pages in (engraving.wide, engraving.narrow):
        found = [match[0] for page in pages for match in _NOTES.findall(page)]
        assert set(found) == expected
    assert engraving.n_notes == len(expected) + 2, "two notes are tied over bar lines"
    assert (engraving.n_bars, engraving.n_bars_total) == (5, 5)


def test_ids_lead_to_the_right_pitch(example: Example) -> None:
    root = ElementTree.fromstring(example.musicxml)
    semitones = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))
    n_seen = 0
    for note in root.iter("note"):
        match = re.match(r"t(\d+)n(\d+)", note.get("id", ""))
        if not match:
            continue
        pitch = (
            12 * (int(note.findtext("pitch/octave", "0")) + 1)
            + semitones[note.findtext("pitch/step", "C")]
            + int(note.findtext("pitch/alter", "0"))
        )
        assert example.score.tracks[int(match[1])].notes["pitch"][int(match[2])] == pitch
        n_seen += 1
    assert n_seen == 22


def test_pages_are_well_formed_and_stand_alone(engraving: Engraving) -> None:
    defined = set(re.findall(r'<g id="([^"]+)"', engraving.glyphs))
    for page in (*engraving.wide, *engraving.narrow):
        ElementTree.fromstring(page)
        used = set(re.findall(r'href="#([^"]+)"', page))
        assert used <= defined
        assert "<style" not in page
        left = re.sub(r"http://www\.w3\.org/(2000/svg|1999/xlink)", "", page)
        assert "http" not in left
    ElementTree.fromstring(engraving.glyphs)


def test_the_same_score_gives_the_same_bytes(example: Example, engraving: Engraving) -> None:
    assert engrave(example.musicxml) == engraving


def test_long_scores_are_cut_and_say_so(example: Example) -> None:
    cut = engrave(example.musicxml, max_bars=2)
    assert (cut.n_bars, cut.n_bars_total) == (2, 5)
    assert 0 < cut.n_notes < 22
    assert prepare(example.musicxml, 5)[1:] == (5, 5)


def test_progress_rises_to_one(example: Example) -> None:
    shares: list[float] = []
    engrave(example.musicxml, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [("<score-partwise>", "well-formed"), ("<other/>", "readable for engraving")],
)
def test_what_is_no_musicxml_is_refused(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        engrave(text)
