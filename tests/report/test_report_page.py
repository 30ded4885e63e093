"""The page as a whole: it parses, it needs nothing else, and its data are the piece's."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hybrid.core.analysis import Analysis
from hybrid.core.plan import FormPlan, Section
from hybrid.core.score import Score
from hybrid.core.trace import Trace, TraceEntry
from hybrid.report import build_page
from hybrid.report import data as data_module
from hybrid.report.data import page_data, to_json
from hybrid.report.fragments import signs_in

if TYPE_CHECKING:
    from tests.report.conftest import Example

PROVENANCE: dict[str, Any] = {
    "program": {"name": "hybrid", "version": "1.2.3"},
    "seed": 7,
    "sound": {
        "soundfont": "TimGM6mb",
        "soundfont_licence": "GPL-2.0",
        "soundfont_sha256": "ab" * 32,
        "player": "FluidSynth",
        "player_version": "2.3.1",
    },
    "losses": {"piece.mid": ["a <loss>"]},
}


@dataclass(frozen=True)
class _Figures:
    def to_dict(self) -> dict[str, Any]:
        return {
            "bars_planned": 4,
            "bars_found": 4,
            "chords": 0.75,
            "bass": 1.0,
            "cadences": 0.5,
            "themes_same": None,
            "themes_other": 0.125,
        }


class _Reader(HTMLParser):
    """Checks that elements are closed in order, and keeps what the tests look at."""

    VOID = frozenset(("meta", "input", "br", "img", "link", "hr"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append((tag, values))
        if values.get("id"):
            self.ids.append(str(values["id"]))
        for name in ("aria-labelledby", "for"):
            self.references += str(values.get(name) or "").split()
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            if values.get(name):
                self.addresses.append(str(values[name]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(example: Example) -> str:
    return build_page(
        example.plan,
        example.score,
        example.analysis,
        example.trace,
        PROVENANCE,
        audio=example.audio,
        musicxml=example.musicxml,
        agreement=_Figures(),
    )


@pytest.fixture(scope="module")
def parsed(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader


def _embedded(page: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert match is not None
    found: dict[str, Any] = json.loads(match[1])
    return found


def test_the_page_is_well_formed(parsed: _Reader) -> None:
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids)), "ids must be unique"
    assert set(parsed.references) <= set(parsed.ids)


def test_the_page_needs_no_network(page: str, parsed: _Reader) -> None:
    for address in parsed.addresses:
        assert address.startswith(("#", "data:")), address[:80]
    left = re.sub(r"http://www\.w3\.org/(2000/svg|1999/xlink)", "", page)
    assert re.findall(r"(?:https?:)?//[\w-]+\.\w", left.replace("://", ":// ")) == []
    assert "http://" not in left
    assert "https://" not in left
    assert "@import" not in page
    assert "default-src &#x27;none&#x27;" in page


def test_every_note_of_the_score_is_engraved_once(example: Example, parsed: _Reader) -> None:
    notes = [name for name in parsed.ids if re.fullmatch(r"t\d+n\d+", name)]
    assert len(notes) == example.score.n_notes
    tied = [name for name in parsed.ids if re.fullmatch(r"t\d+n\d+-\d+", name)]
    assert sorted(tied) == ["t1n2-2", "t1n4-2"]


def test_the_narrow_layout_is_packed_beside_it(example: Example, page: str) -> None:
    match = re.search(r'<script type="text/plain" id="narrow">(.*?)</script>', page)
    assert match is not None
    unpacked = gzip.decompress(base64.b64decode(match[1])).decode()
    assert len(set(re.findall(r'id="(t\d+n\d+)"', unpacked))) == example.score.n_notes


def test_what_users_wrote_cannot_break_out(page: str) -> None:
    assert "</script><b>" not in page
    assert "Piece in E♭ major &lt;/script&gt;&lt;b&gt;" in page
    assert "<loss>" not in page
    assert "<i>" not in re.sub(r"<script.*?</script>", "", page, flags=re.S)
    assert page.count("</script>") == 4


def test_the_data_are_the_piece(example: Example, page: str) -> None:
    data = _embedded(page)
    assert data == json.loads(
        to_json(page_data(example.plan, example.score, example.analysis, example.trace))
    )
    for track, shown in zip(example.score.tracks, data["tracks"], strict=True):
        rows = np.array(shown["notes"]).reshape(-1, 5)
        for column, name in enumerate(("onset", "duration", "pitch", "velocity", "spelling")):
            np.testing.assert_array_equal(rows[:, column], track.notes[name])
        assert shown["name"] == track.name
    assert [row[:2] for row in data["bars"]] == [[b.start, b.number] for b in example.score.bars]
    assert [chord[2] for chord in data["chords"]] == ["V65/ii", "I", "i"]


def test_the_pages_clock_is_the_tempo_map(example: Example) -> None:
    tempo = page_data(example.plan, example.score, example.analysis, example.trace)["tempo"]
    assert [row[0] for row in tempo] == sorted({row[0] for row in tempo})
    assert all(row[2] > 0 for row in tempo)

    def seconds(tick: int) -> float:
        start, second, rate = [row for row in tempo if row[0] <= tick][-1]
        return float(second + (tick - start) * rate)

    ticks = range(0, example.score.length + 1, 60)
    found = [seconds(tick) for tick in ticks]
    assert found == sorted(found)
    np.testing.assert_allclose(found, example.score.tempo_map.to_seconds(list(ticks)), atol=1e-9)


def test_every_note_leads_to_what_made_it(example: Example) -> None:
    data = page_data(example.plan, example.score, example.analysis, example.trace)
    strings = data["strings"]
    soprano, bass = (track["made"] for track in data["tracks"])
    assert len(set(soprano)) == 15
    assert set(bass) == {-1}, "no decision was kept on the bass"
    kind, maker, choice, probability, parent, rejected = data["decisions"][soprano[3]]
    assert (strings[kind], strings[maker], strings[choice]) == ("note", "rules:theme a", "chosen")
    assert probability == 0.1235
    assert [strings[text] for text in rejected] == ["C5: too high"]
    above = data["decisions"][parent]
    assert strings[above[2]] == "phrase <one>"
    assert strings[data["decisions"][above[4]][1]] == "grammar:binary"


def test_a_repair_replaces_what_it_mends_and_rings_end(example: Example) -> None:
    entries = (
        TraceEntry("note", "first", "x", tick=0, track="soprano", pitch=67, parent=1),
        TraceEntry("note", "repair", "y", tick=0, track="soprano", pitch=67, parent=0),
    )
    data = page_data(example.plan, example.score, example.analysis, Trace(entries))
    made = data["decisions"][data["tracks"][0]["made"][0]]
    assert data["strings"][made[1]] == "repair"


def test_long_traces_are_cut_and_say_so(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_module, "MAX_DECISIONS", 6)
    data = page_data(example.plan, example.score, example.analysis, example.trace)
    assert len(data["decisions"]) == 6
    assert sum(made >= 0 for made in data["tracks"][0]["made"]) == 4


def test_findings_lead_to_their_place(page: str) -> None:
    rows = re.findall(r'<tr data-severity="(\w+)">.*?data-tick="(\d+)"', page, re.S)
    assert rows == [("error", "960"), ("warning", "2400"), ("info", "4320")]
    assert "Parallel fifths" in page
    assert "unheard of" in page, "a rule of another set is shown by its id"
    assert "B♭4-E♭3 &lt;i&gt;" in page
    assert "Beside Bach" in page


def test_facts_figures_and_provenance_are_shown(page: str) -> None:
    for text in (
        "E♭ major",
        "4/4, 3/4",
        "1 error",
        "sound › soundfont_sha256",
        "ab" * 32,
        "GPL-2.0",
        "FluidSynth 2.3.1",
        "Verovio",
        "4 bars written, 4 planned",
        "75%",
        "12 345",
    ):
        assert text in page, text
    assert "Likeness of phrases with one theme" not in page, "a figure that is not known"


def test_the_same_piece_gives_the_same_page(example: Example, page: str) -> None:
    again = build_page(
        example.plan,
        example.score,
        example.analysis,
        example.trace,
        PROVENANCE,
        audio=example.audio,
        musicxml=example.musicxml,
        agreement=_Figures(),
    )
    assert again == page


def test_a_page_of_little(example: Example) -> None:
    """No sound, no engraving, no plan to speak of, no notes."""
    page = build_page(
        FormPlan(sections=(Section(),)), Score((), length=480), Analysis(), Trace(), {}
    )
    reader = _Reader()
    reader.feed(page)
    assert reader.open == []
    assert "Untitled" in page
    assert "<audio" not in page
    assert "without sound" in page
    assert "The checker found nothing to report" in page
    assert 'id="form"' not in page


def test_progress_rises_to_one(example: Example) -> None:
    shares: list[float] = []
    build_page(
        example.plan,
        example.score,
        example.analysis,
        example.trace,
        {},
        audio=example.audio,
        musicxml=example.musicxml,
        progress=shares.append,
    )
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("F3-Ab3 to Bb3-Bb3", "F3-A♭3 to B♭3-B♭3"),
        ("A3 lies outside Bb3..G6", "A3 lies outside B♭3..G6"),
        ("Bb major by Bach", "Bb major by Bach"),
        ("leaps C#5, then D5", "leaps C♯5, then D5"),
    ],
)
def test_pitches_in_messages_have_real_signs(message: str, shown: str) -> None:
    assert signs_in(message) == shown


# --- In a browser --------------------------------------------------------------------------


def _in_browser(page: str, folder: Path, address: str, width: int = 1400) -> str:
    """The page's elements after its script has run."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs chromium (Debian: apt-get install chromium)")
    (folder / "index.html").write_text(page, encoding="utf-8")
    command = [
        browser,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={folder / 'profile'}",
        f"--window-size={width},1000",
        "--virtual-time-budget=4000",
        "--dump-dom",
        f"{(folder / 'index.html').as_uri()}{address}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seconds", "bar", "lit"),
    # One quarter a second for nine seconds, then two: bar 0 is the pickup.
    [
        (0.0, 0, {"t0n0", "t1n0"}),
        (3.5, 1, {"t0n3", "t1n1"}),
        (9.25, 3, {"t0n9", "t1n4", "t1n4-2"}),
        (11.6, 4, {"t0n14", "t1n4", "t1n4-2"}),
    ],
)
def test_the_notes_that_sound_are_lit(
    page: str, tmp_path: Path, seconds: float, bar: int, lit: set[str]
) -> None:
    shown = _in_browser(page, tmp_path, f"#t={seconds}")
    assert 'data-ready="true"' in shown, "the script ran to its end"
    assert f'<b id="now-bar">bar {bar}</b>' in shown
    classes = re.findall(r'<g id="(t\d+n\d+(?:-\d+)?)" class="note([^"]*)"', shown)
    assert {name for name, kinds in classes if "lit" in kinds.split()} == lit


@pytest.mark.slow
def test_without_sound_the_page_runs_as_well(example: Example, tmp_path: Path) -> None:
    page = build_page(
        example.plan, example.score, example.analysis, example.trace, {}, musicxml=example.musicxml
    )
    shown = _in_browser(page, tmp_path, "#t=3.5")
    assert 'data-ready="true"' in shown
    assert '<b id="now-bar">bar 1</b>' in shown
    empty = build_page(
        FormPlan(sections=(Section(),)), Score((), length=480), Analysis(), Trace(), {}
    )
    assert 'data-ready="true"' in _in_browser(empty, tmp_path, "")


@pytest.mark.slow
def test_a_small_screen_gets_the_narrow_layout(example: Example, page: str, tmp_path: Path) -> None:
    shown = _in_browser(page, tmp_path, "#t=3.5", width=500)
    assert 'data-ready="true"' in shown
    paper = shown.partition('id="paper"')[2].partition("</section>")[0]
    assert len(set(re.findall(r'id="(t\d+n\d+)"', paper))) == example.score.n_notes
    match = re.search(r'<div class="page" style="aspect-ratio:([\d.]+)/', paper)
    assert match is not None
    assert float(match[1]) == 480.0, "the page is laid out for a telephone"
    assert len(re.findall(r"class=\"note[^\"]*lit", paper)) == 2
