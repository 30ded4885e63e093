"""The page of an analysis: it needs nothing else, and what it shows is the analysis."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import subprocess
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
import pytest

from hybrid.core.analysis import Analysis, ChordSpan
from hybrid.core.pitch import Key
from hybrid.core.score import Score, Track, make_notes
from hybrid.harmony.note_graph import note_graph
from hybrid.io.musicxml import score_to_musicxml
from hybrid.report import build_page
from hybrid.report.colours import FUNCTION_COLOURS, INK, contrast
from hybrid.report.engraving import prepare
from hybrid.report.harmony_fragments import agreement_shares
from hybrid.report.harmony_page import build_harmony_page, graph_data, harmony_data

if TYPE_CHECKING:
    from tests.report.conftest import Example


@pytest.fixture(scope="module")
def page(example: Example) -> str:
    musicxml, _ = score_to_musicxml(example.score, example.analysis)
    return build_harmony_page(
        example.score, example.analysis, musicxml=musicxml, title="A </script><b> title"
    )


def _script(page: str, name: str) -> str:
    match = re.search(rf'<script type="[^"]*" id="{name}">(.*?)</script>', page, re.S)
    assert match is not None
    return match[1]


def test_the_page_is_one_file_with_all_that_it_shows(page: str, example: Example) -> None:
    assert "A &lt;/script&gt;&lt;b&gt; title" in page
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)
    data = json.loads(_script(page, "data"))
    assert [chord[2] for chord in data["chords"]] == ["V65/ii", "I", "i"]
    assert [chord[5] for chord in data["chords"]] == [3, 0, 0]
    packed = gzip.decompress(base64.b64decode(_script(page, "graph-data")))
    assert json.loads(packed) == graph_data(example.score)
    # Numerals stand in the engraving, one for each chord.
    assert len(re.findall(r'class="harm"', page)) == 6


def test_the_same_analysis_gives_the_same_page(page: str, example: Example) -> None:
    musicxml, _ = score_to_musicxml(example.score, example.analysis)
    again = build_harmony_page(
        example.score, example.analysis, musicxml=musicxml, title="A </script><b> title"
    )
    assert again == page


def test_numerals_stand_under_the_lower_staff_of_a_piano(example: Example) -> None:
    rows = [(at * 480, 480, pitch) for at in range(4) for pitch in (40, 47, 64, 71)]
    score = Score(tracks=(Track("piano", make_notes(rows)),))
    chord = ChordSpan(960, 1920, "#viio7", Key.parse("a"), 7, "diminished-seventh", 0, 8)
    musicxml, _ = score_to_musicxml(score, Analysis(chords=(chord,)))
    document, _, _ = prepare(musicxml, 10)
    measure = ElementTree.fromstring(document).find("part/measure")
    assert measure is not None
    numeral = next(item for item in measure if item.findtext("kind") == "none")
    place = list(measure).index(numeral)
    assert (measure[place - 1].tag, measure[place + 1].findtext("staff")) == ("backup", "2")
    assert numeral.find("root/root-alter") is None, "verovio would print it before the numeral"
    assert numeral.findtext("offset") == "960"


def test_edges_of_the_page_are_those_of_the_graph(example: Example) -> None:
    data = graph_data(example.score)
    found = set()
    for name, flat in zip(data["relations"], data["edges"], strict=True):
        for one, step in zip(flat[::2], flat[1::2], strict=True):
            found.add((one, one + step, name))
    graph = note_graph(example.score)
    assert found == {(one, other, kind) for one, other, kind in graph.edges(data="relation")}
    for onset, _, pitch, _, track, number in data["notes"]:
        note = example.score.tracks[track].notes[number]
        assert (onset, pitch) == (note["onset"], note["pitch"])


def test_chord_tones_are_pitch_classes_that_sound(example: Example) -> None:
    chords = harmony_data(example.score, example.analysis)["chords"]
    # E flat major: E flat, G, B flat.
    assert chords[1][7] == [3, 7, 10]


def test_the_page_of_a_piece_shows_what_is_heard(example: Example) -> None:
    chords = list(example.analysis.chords)
    # The last chord, six of fifteen quarters, is heard as another in another key.
    chords[2] = replace(chords[2], root=3, key=chords[1].key, probability=0.25)
    heard = replace(example.analysis, chords=tuple(chords))
    assert agreement_shares(example.analysis, heard) == {"roots": 0.6, "keys": 0.6}
    page = build_page(example.plan, example.score, example.analysis, example.trace, {}, heard=heard)
    assert "60% of the time the planned root, 60% the planned key" in page
    assert 'id="heard"' in page
    plain = build_page(example.plan, example.score, example.analysis, example.trace, {})
    assert 'id="heard"' not in plain
    assert agreement_shares(example.analysis, Analysis()) == {}


# Machado, Oliveira & Fernandes (2009): full deuteranopia, protanopia and tritanopia, linear RGB.
_EYES = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]
    ),
    "protanopia": np.array(
        [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]
    ),
    "tritanopia": np.array(
        [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]
    ),
}


def _lab(colour: str, eye: np.ndarray) -> np.ndarray:
    rgb = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(eye @ linear, 0, 1)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = to_xyz @ seen / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eye", list(_EYES))
@pytest.mark.parametrize("shade", [1, 2])
def test_functions_are_told_apart_by_every_eye(eye: str, shade: int) -> None:
    colours = [FUNCTION_COLOURS[name][shade] for name in FUNCTION_COLOURS]
    for one, other in combinations(colours, 2):
        distance = np.linalg.norm(_lab(one, _EYES[eye]) - _lab(other, _EYES[eye]))
        assert distance > 12, (one, other)


def test_text_on_the_blocks_can_be_read() -> None:
    for fill, on_light, _ in FUNCTION_COLOURS.values():
        assert contrast(INK, fill) >= 4.5
        assert contrast(on_light, "#fffefb") >= 4.5


@pytest.mark.slow
def test_the_script_colours_notes_and_draws_the_graph(page: str, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs chromium (Debian: apt-get install chromium)")
    (tmp_path / "a.html").write_text(page, encoding="utf-8")
    command = [
        browser,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--window-size=1400,1000",
        "--virtual-time-budget=4000",
        "--dump-dom",
        f"{(tmp_path / 'a.html').as_uri()}#bar=2",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    shown = done.stdout
    assert 'data-ready="true"' in shown
    assert re.search(r"Note graph of bar 2: \d+ notes; edges: \d+ onset", shown)
    # V65/ii is C E G B flat: the first upper note G4 is a tone of it, A flat is not.
    assert re.search(r'<g id="t0n0" class="note applied"', shown)
    assert not re.search(r'<g id="t0n1" class="note [a-z]', shown)
