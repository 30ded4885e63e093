"""Timeline, derivation, piano roll and their colours."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from hybrid.core.errors import PlanError
from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan, Section
from hybrid.core.resources import resource_path
from hybrid.core.score import Score, Track, make_notes
from hybrid.report import colours as module
from hybrid.report import derivation_svg, piano_roll_svg, timeline_svg, tree_svg
from hybrid.report.axis import MARGIN, WIDTH
from hybrid.report.derivation import place_nodes, readable
from hybrid.report.timeline import describe_form
from hybrid.report.words import clock, fit, key_name, numeral_text, signs, title_text

if TYPE_CHECKING:
    from tests.report.conftest import Example

SVG = "{http://www.w3.org/2000/svg}"


def _groups(picture: str, kind: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(picture)
    (found,) = (group for group in root.iter(f"{SVG}g") if group.get("class") == kind)
    return [group for group in found if group.get("class") == "seek"]


def _box(group: ElementTree.Element) -> tuple[float, float]:
    rect = group.find(f"{SVG}rect")
    assert rect is not None
    left = float(rect.get("x", "nan"))
    return left, left + float(rect.get("width", "nan"))


# --- Timeline -----------------------------------------------------------------------------


def test_the_timeline_shows_each_section_and_phrase_where_it_stands(example: Example) -> None:
    picture = timeline_svg(example.plan)
    sections, phrases = _groups(picture, "sections"), _groups(picture, "phrases")
    assert [float(group.get("data-quarter", "nan")) for group in sections] == [1.0, 9.0]
    # One quarter of pickup, eight quarters, six quarters of fifteen.
    span = WIDTH - 2 * MARGIN
    lefts = [MARGIN + span / 15, MARGIN + span * 9 / 15]
    for group, left in zip(sections, lefts, strict=True):
        assert _box(group)[0] == pytest.approx(left, abs=1.2)
    assert _box(sections[0])[1] <= _box(sections[1])[0]
    assert _box(phrases[1])[1] == pytest.approx(WIDTH - MARGIN, abs=1.2)
    texts = ["".join(group.itertext()) for group in phrases]
    assert "theme A.a, inversion" in texts[1]
    assert "half cadence" in texts[0]
    keys = ["".join(group.itertext()).strip() for group in _groups(picture, "keys")]
    assert [text.split(",")[0] for text in keys] == ["E♭ major", "C minor"]
    assert len(_groups(picture, "cadences")) == 2


def test_the_timeline_escapes_what_users_wrote(example: Example) -> None:
    picture = timeline_svg(example.plan)
    assert "<episode>" not in picture
    assert "&lt;episode&gt; &amp; more" in picture
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")


def test_sections_can_be_reached_with_the_keyboard(example: Example) -> None:
    for group in _groups(timeline_svg(example.plan), "sections"):
        assert (group.get("role"), group.get("tabindex")) == ("button", "0")
        assert "Play from here" in group.get("aria-label", "")


def test_the_form_in_words(example: Example) -> None:
    assert describe_form(example.plan) == (
        "A (refrain): bars 1 to 2, E♭ major; themes a. "
        "B (<episode> & more): bars 3 to 4, C minor; themes A.a′."
    )


def test_an_incomplete_plan_has_no_timeline() -> None:
    with pytest.raises(PlanError, match="complete"):
        timeline_svg(FormPlan(sections=(Section(),)))


# --- Derivation ---------------------------------------------------------------------------


def test_the_derivation_stands_over_its_bars(example: Example) -> None:
    nodes = place_nodes(example.plan)
    assert [(node.label, node.row) for node in nodes] == [
        ("Piece", 0),
        ("A:refrain", 1),
        ("basic idea a", 2),
        ("Theme Period 8", 1),
    ]
    assert [(float(node.start), float(node.end)) for node in nodes] == [
        (1.0, 15.0),
        (1.0, 9.0),
        (1.0, 9.0),
        (9.0, 15.0),
    ]
    picture = derivation_svg(example.plan)
    assert "Piece -&gt; (0.25) A:refrain B:episode" in picture
    assert "chosen with probability 0.25" in picture
    assert ElementTree.fromstring(tree_svg(example.plan)).tag == f"{SVG}svg"


def test_a_plan_without_a_derivation_has_no_picture_of_one(example: Example) -> None:
    plan = replace(example.plan, derivation={})
    assert (derivation_svg(plan), tree_svg(plan), place_nodes(plan)) == ("", "", ())
    # One whose lengths are another plan's is not drawn over the wrong bars.
    assert place_nodes(replace(example.plan, derivation={"symbol": "X", "bars": 7})) == ()


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        ("ThemeSentenceClosed8", "Theme Sentence Closed 8"),
        ("repetition a - sequence+1 open=free", "repetition a sequence+1"),
        ("'x_y'", "x y"),
    ],
)
def test_symbols_read_as_words(symbol: str, words: str) -> None:
    assert readable(symbol) == words


# --- Piano roll ---------------------------------------------------------------------------


def test_the_roll_has_a_bar_for_every_note(example: Example) -> None:
    picture = piano_roll_svg(example.score)
    root = ElementTree.fromstring(picture)
    paths = [path.get("d", "") for path in root.iter(f"{SVG}path")]
    assert [path.count("M") for path in paths] == [15, 5]
    first = re.match(r"M([\d.]+) ([\d.]+)h([\d.]+)", paths[1])
    assert first is not None
    assert float(first[1]) == pytest.approx(MARGIN)
    assert float(first[3]) == pytest.approx((WIDTH - 2 * MARGIN) / 15, abs=0.6)
    # Higher notes stand higher.
    heights = [float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)h", paths[0])[:3]]
    assert heights == sorted(heights, reverse=True)
    assert "15 notes from G4 to A4" in picture


def test_an_empty_score_has_a_roll_too() -> None:
    assert ElementTree.fromstring(piano_roll_svg(Score(()))).tag == f"{SVG}svg"
    lone = Score((Track("", make_notes([])), Track("x", make_notes([(0, 10, 0), (0, 10, 127)]))))
    assert "track 1: no notes" in piano_roll_svg(lone)


# --- Colours ------------------------------------------------------------------------------


def test_text_on_every_fill_has_the_contrast_of_aa() -> None:
    fills = [fill for fill, _ in module.section_colours("ABCDEFGHIJKLMNOPQRSTUVW").values()]
    pairs = [(section, theme) for section in "ABCDEFGHIJ" for theme in "abcdefg"]
    fills += [fill for fill, _ in module.theme_colours(pairs).values()]
    home = Key.parse("C major")
    keys = [Key.from_fifths(f, mode) for f in range(-7, 8) for mode in ("major", "minor")]
    fills += [module.key_colour(key, home) for key in keys]
    for fill in fills:
        assert module.contrast(module.INK, fill) >= 4.5, fill


def test_sections_and_tracks_are_told_apart() -> None:
    fills = list(module.section_colours("ABCDEFGH").values())
    assert len(set(fills)) == 8
    assert len(set(module.section_colours("ABCDEFGHIJKLMNOP").values())) == 16
    assert module.section_colours("ABA") == module.section_colours("AB")


def _variables(theme: str) -> dict[str, str]:
    css = resource_path("report", "assets", "page.css").read_text()
    (block,) = re.findall(re.escape(theme) + r" \{(.*?)\}", css, re.S)
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


@pytest.mark.parametrize("theme", [":root", ':root[data-theme="dark"]'])
def test_the_pages_own_colours_have_the_contrast_of_aa(theme: str) -> None:
    values = _variables(theme)
    texts = ("ink", "dim", "accent", "error", "warning", "info", "head")
    for name, ground in itertools.product(texts, ("bg", "card", "soft")):
        # The playing position is a line and large signs: 3 is enough there.
        least = 3.0 if name == "head" else 4.5
        assert module.contrast(values[name], values[ground]) >= least, (name, ground)
    assert module.contrast(values["on-accent"], values["accent"]) >= 4.5
    for name in ("error", "warning", "info"):
        assert module.contrast(values[name], values[f"{name}-bg"]) >= 4.5, name
    tracks = module.TRACKS_DARK if "dark" in theme else module.TRACKS_LIGHT
    for colour in tracks:
        assert module.contrast(colour, values["card"]) >= 4.5, colour


# --- Words --------------------------------------------------------------------------------


def test_words_and_signs() -> None:
    assert key_name(Key.parse("Bb minor")) == "B♭ minor"
    assert signs("F#4") == "F♯4"
    assert numeral_text("bVII6") == "♭VII6"
    assert numeral_text("viio7/V") == "vii°7/V"
    assert title_text("Sonata in Bb minor for Bb clarinet") == "Sonata in B♭ minor for Bb clarinet"
    assert clock(125.4) == "2:05"
    assert fit("refrain", 200, 12) == "refrain"
    assert fit("refrain", 1, 12) == ""
