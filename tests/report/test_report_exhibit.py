"""The page of an exhibit: whole, offline, and its machine runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid.core.audio import Audio
from hybrid.core.errors import HybridError
from hybrid.core.resources import resource_path
from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import (
    Bars,
    Cells,
    Curve,
    Dice,
    Graph,
    Machine,
    Mosaic,
    Picture,
    Population,
    Step,
    Table,
    Text,
    Tile,
    Tree,
)
from hybrid.history.parameters import Parameter, Values
from hybrid.history.recording import Recording
from hybrid.report import exhibition
from hybrid.report.colours import contrast
from hybrid.report.comparison import measure
from hybrid.report.exhibition import Demo, DemoOptions, write_comparison, write_demo

SILENT = DemoOptions(audio=False)
NEW_KINDS = ("mosaic", "population", "picture")
TILES = tuple(Tile(0, place, 1, f"no. {place}", "beat", place, "a source") for place in range(3))


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Every kind of panel, one quarter a step."""
    ledger = Ledger()
    ledger.track("flute", program=73)
    panels = (
        Table("table", "A table", "A table.", columns=("a", "b"), rows=(("1", "2"), ("3", "4"))),
        Cells("cells", "Cells", "Cells.", width=3, height=2, legend=("dead", "alive")),
        Dice("dice", "Dice", "Dice."),
        Graph("graph", "A graph", "A graph.", nodes=("x", "y"), edges=((0, 1, 0.5), (1, 1, 1.0))),
        Tree("tree", "A tree", "A tree.", nodes=(("S", -1, ""), ("a", 0, ""), ("b", 0, ""))),
        Curve("curve", "A curve", "A curve.", series=(("c", (0.0, 1.0, 2.0), (0.0, 1.0, 0.0)),)),
        Bars("bars", "Bars", "Bars.", labels=("up", "down")),
        Text("text", "Text", "Text.", lines=("one", "two", "three")),
        Mosaic("mosaic", "Tiles", "Tiles.", tiles=TILES, row_names=("1",)),
        Population("population", "Two", "Two measures.", count=2),
        Picture("picture", "Shades", "Shades.", width=2, height=1, x_name="time", low="dark"),
    )
    table, cells, dice, graph, tree, curve, bars, text, mosaic, population, picture = panels
    steps = []
    for number in range(3):
        tick = number * TICKS_PER_QUARTER
        roll = ledger.decide("roll", "dice", f"a {number + 1} </script>", tick=tick)
        ledger.note(
            "flute",
            tick,
            TICKS_PER_QUARTER,
            60 + number,
            maker="rule <b>",
            choice=f"note {number}",
            parent=roll,
            rejected=("C: too low", "D: too high"),
        )
        states: dict[str, dict[str, Any]] = {
            "table": table.mark(chosen=[(0, number % 2)]),
            "dice": dice.show([number + 1], f"face {number + 1}"),
            "tree": tree.grow(number + 1, [number]),
            "curve": curve.at(float(number)),
            "bars": bars.show([1, number], chosen=number % 2),
            "text": text.upto(number + 1, [number]),
            "mosaic": mosaic.show(number + 1, number),
            "picture": picture.show(np.array([[0.0, number / 2]])),
            "population": population.show(
                [(1, 15, 0, number), (9, 0, 0, 0)], [number, -1], {0: "parent"}
            ),
        }
        if number != 1:  # what a step leaves out stays
            states["cells"] = cells.show([[number % 2] * 3] * 2, lit=[(0, 0)])
            states["graph"] = graph.light([number // 2], [(0, 1)])
        steps.append(Step(f"Step {number + 1}.", states, tick, tick + TICKS_PER_QUARTER))
    score, trace = ledger.close(title="Three notes", qpm=60.0, counts={"rolls": 3})
    return Demonstration(score, trace, Machine(panels, tuple(steps)), (("Rolls", "3"),))


EXAMPLE = Exhibit(
    name="three-notes",
    title="Three <notes>",
    year="1900",
    people=("nobody",),
    summary="Three notes.",
    story=("One paragraph.", "Another."),
    make=make,
    parameters=(Parameter("speed", 1.5, "A number.", low=1.0, high=2.0),),
    fidelity=(Fidelity("all", "invented", "ours", "Made up."),),
    citations=("Nobody (1900). Nothing.",),
    exercises=("Set `speed=2`.",),
)


@pytest.fixture
def demo() -> Demo:
    values = Values({"speed": 1.5})
    return Demo(EXAMPLE, make(np.random.default_rng(1), values), values, 7)


@pytest.fixture
def page(demo: Demo, tmp_path: Path) -> str:
    write_demo(demo, tmp_path / "demo", SILENT)
    return (tmp_path / "demo" / "index.html").read_text(encoding="utf-8")


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="exhibit-data">(.*?)</script>', page)
    assert found is not None
    loaded: dict[str, Any] = json.loads(found[1])
    return loaded


def test_the_folder_has_everything(demo: Demo, tmp_path: Path) -> None:
    names = write_demo(demo, tmp_path / "demo", SILENT)
    assert names == (
        "piece.mid",
        "piece.musicxml",
        "trace.json",
        "index.html",
        "provenance.json",
    )
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {*names, ".hybrid-files"}
    trace = json.loads((tmp_path / "demo" / "trace.json").read_text())
    assert len(trace["entries"]) == 6
    assert trace["counts"] == {"rolls": 3}
    record = json.loads((tmp_path / "demo" / "provenance.json").read_text())
    assert record["options"] == {"exhibit": "three-notes", "speed": 1.5}
    assert record["seed"] == 7


def test_a_foreign_folder_is_left_alone(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine.txt").write_text("mine")
    with pytest.raises(HybridError, match="holds files that are not of an earlier run"):
        write_demo(demo, tmp_path / "demo", SILENT)
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["mine.txt"]


def test_a_failure_leaves_nothing(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, value: object) -> None:
        raise HybridError("the disk is full")

    monkeypatch.setattr(exhibition, "_write_json", fail)
    with pytest.raises(HybridError, match="the disk is full"):
        write_demo(demo, tmp_path / "demo", SILENT)
    assert list(tmp_path.iterdir()) == []


def test_the_page_names_no_address_and_escapes_what_it_shows(page: str) -> None:
    # Names of XML vocabularies are no addresses.
    assert set(re.findall(r"https?://[^\s\"'<>]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert not re.findall(r"(?:src|href)=[\"'](?!data:|#)", page)
    assert "<title>Three &lt;notes&gt;</title>" in page
    # Nothing in the data closes its script.
    assert data_of(page)["trace"]["strings"].count("a 1 </script>") == 1
    assert "Three <notes>" not in page


def test_the_page_holds_every_step_and_decision(page: str) -> None:
    data = data_of(page)
    assert [step["caption"] for step in data["machine"]["steps"]] == [
        "Step 1.",
        "Step 2.",
        "Step 3.",
    ]
    kinds = [panel["kind"] for panel in data["machine"]["panels"]]
    assert kinds == ["table", "cells", "dice", "graph", "tree", "curve", "bars", "text", *NEW_KINDS]
    assert len(data["trace"]["rows"]) == 6
    # The second row is the note that follows from the roll before it.
    assert data["trace"]["rows"][1][8] == 0
    assert data["trace"]["rows"][1][4] == 0
    for name in ("story", "machine", "score", "notes", "parameters", "exercises", "trace"):
        assert f'id="{name}-heading"' in page
    assert "hybrid demo three-notes --seed 7" in page
    assert "<code>speed=2</code>" in page
    assert 'aria-label="A table."' in page


def test_two_demos_beside_each_other(demo: Demo, tmp_path: Path) -> None:
    names = write_comparison(demo, demo, tmp_path / "both", SILENT)
    assert names[0] == "index.html"
    assert "three-notes-1/index.html" in names
    assert "three-notes-2/piece.mid" in names
    page = (tmp_path / "both" / "index.html").read_text(encoding="utf-8")
    assert page.count("The whole page of it") == 2
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids)), "no id twice"
    figures = dict(measure(demo.score))
    assert figures["Notes"] == "3"
    assert figures["Range"] == "2 semitones"
    assert figures["Steps (1–2 semitones)"] == "100%"
    assert figures["Entropy of pitch classes"] == "1.58 bits of 3.58"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(theme: str) -> None:
    def colours(name: str) -> dict[str, str]:
        style = resource_path("report", "assets", name).read_text(encoding="utf-8")
        blocks = re.findall(r"(:root[^{]*)\{([^}]*)\}", style)
        of_theme = [body for head, body in blocks if ("dark" in head) == (theme == "dark")]
        return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", " ".join(of_theme)))

    found = colours("page.css") | colours("exhibit.css")
    pairs = [
        ("mark-ink", "mark"),
        ("gone-ink", "gone"),
        ("ink", "past"),
        ("ink", "soft"),
        ("dim", "card"),
        ("faithful", "faithful-bg"),
        ("simplified", "simplified-bg"),
        ("invented", "invented-bg"),
    ]
    for text, ground in pairs:
        assert contrast(found[text], found[ground]) >= 4.5, (text, ground)
    # Drawn lines and cells need 3 (WCAG 2.2, 1.4.11).
    for number in range(1, 10):
        assert contrast(found[f"v{number}"], found["card"]) >= 3.0


@pytest.fixture
def sounding(demo: Demo) -> Demo:
    """The same with two sounds of its own, a tone and noise."""
    tone = 0.5 * np.sin(np.arange(44100, dtype=np.float32) * 0.05)[None]
    noise = 0.1 * np.random.default_rng(2).standard_normal((1, 22050)).astype(np.float32)
    recordings = (
        Recording("tone", "A <tone>", "It hums.", Audio(tone, 44100)),
        Recording("noise", "Noise", "It hisses.", Audio(noise, 44100)),
    )
    return replace(demo, made=replace(demo.made, recordings=recordings))


def test_an_exhibits_own_sound_is_what_is_played(sounding: Demo, tmp_path: Path) -> None:
    import soundfile

    for folder in ("first", "second"):
        names = write_demo(sounding, tmp_path / folder)
    assert {"piece.wav", "noise.wav"} <= set(names)
    assert "tone.wav" not in names
    files = [path for path in (tmp_path / "first").iterdir() if path.name[0] != "."]
    for path in files:
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()
    samples, rate = soundfile.read(tmp_path / "first" / "piece.wav", dtype="float32")
    assert rate == 44100
    assert np.abs(samples - sounding.made.recordings[0].audio.samples[0]).max() < 1e-4  # type: ignore[union-attr]
    page = (tmp_path / "first" / "index.html").read_text(encoding="utf-8")
    # A second and a half as MP3, not as samples; two players, the first that of the score.
    assert len(re.findall(r'<audio [^>]*src="data:audio/mpeg;base64,', page)) == 2
    assert "A &lt;tone&gt;" in page
    assert 'aria-label="Noise"' in page
    record = json.loads((tmp_path / "first" / "provenance.json").read_text())
    assert record["sound"]["noise.wav"]["made_by"] == "the exhibit"
    assert set(record["files"]) >= {"piece.wav", "noise.wav"}


def test_without_sound_nothing_is_offered_to_listen_to(sounding: Demo, tmp_path: Path) -> None:
    assert "piece.wav" not in write_demo(sounding, tmp_path / "demo", SILENT)
    assert 'id="recordings"' not in (tmp_path / "demo" / "index.html").read_text(encoding="utf-8")


@pytest.mark.soundfont
def test_the_score_itself_may_be_one_of_the_sounds(sounding: Demo, tmp_path: Path) -> None:
    played = Recording("played", "As FluidSynth plays it", "The notes.")
    recordings = (*sounding.made.recordings[:1], played)
    demo = replace(sounding, made=replace(sounding.made, recordings=recordings))
    assert "played.wav" in write_demo(demo, tmp_path / "demo", DemoOptions(page=False))
    record = json.loads((tmp_path / "demo" / "provenance.json").read_text())
    assert record["sound"]["played.wav"]["soundfont"] == "TimGM6mb"


# --- In a browser --------------------------------------------------------------------------


def _in_browser(page: str, folder: Path, address: str) -> str:
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
        "--window-size=1400,1000",
        "--virtual-time-budget=4000",
        "--dump-dom",
        f"{(folder / 'index.html').as_uri()}{address}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


@pytest.mark.slow
def test_the_machine_stands_where_it_is_told(page: str, tmp_path: Path) -> None:
    shown = _in_browser(page, tmp_path, "#step=1")
    assert 'data-machine="ready"' in shown, "the script ran to its end"
    assert '<p class="caption" id="step-caption" aria-live="polite">Step 2.</p>' in shown
    assert '<b id="step-number">2</b>' in shown
    # The table marks its second cell, the tree has grown to two of three nodes.
    assert '<td class="chosen" aria-label="2, chosen">2</td>' in shown
    assert len(re.findall(r'class="node[^"]*unborn', shown)) == 1
    # Left out at this step: as at the first.
    assert len(re.findall(r'class="cell v0( lit)?"', shown)) == 6
    # Two of three tiles are there; the first measure is framed and has its fitness.
    assert len(re.findall(r'class="tile[^"]*unborn', shown)) == 1
    assert re.search(r'class="tile lit"[^>]*><title>a source</title>', shown)
    assert re.search(r'class="good parent" title="0: 1 15 0 1; fitness 1; parent"', shown)
    assert 'd="M1 29h4h6M19 29h4" class="lick"' in shown
    assert re.search(r'<img [^>]*class="shaded"[^>]*src="data:image/png;base64,iVBOR', shown)
    # The step's note is marked in the score and the music stands there.
    wrote = re.findall(r'<g id="(t\d+n\d+)" class="[^"]*wrote', shown)
    assert wrote == ["t0n1"]
    assert len(re.findall(r'class="go"', shown)) == 6


def test_a_panels_own_script_comes_only_with_it(page: str, jam: str) -> None:
    assert "globalThis.hybridKinds = {" not in page
    assert jam.count("globalThis.hybridKinds = {") == 1
    assert jam.index("globalThis.hybridKinds = {") < jam.index("globalThis.hybridKinds || {}")


@pytest.fixture(scope="module")
def jam(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("jam") / "genjam"
    write_demo(exhibition.make_demo("genjam", 1, generations=1), folder, SILENT)
    return (folder / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_soloist_in_the_page_breeds(jam: str, tmp_path: Path) -> None:
    click = (
        "<script>const keys = document.querySelectorAll('.jam-bar button');"
        "keys[1].click(); for (let i = 0; i < 20; i++) keys[3].click();</script></body>"
    )
    shown = _in_browser(jam.replace("</body>", click), tmp_path, "")
    assert 'data-machine="ready"' in shown
    assert "<b>Generation 20</b>; 0 votes" in shown
    panel = shown[shown.index('id="panel-jam"') :]
    titles = re.findall(r'<li class="[^"]*" title="(\d+): ([\d ]+); fitness', panel)
    first = re.findall(r"\[([\d,]+)\]", jam[jam.index('"measures":[[') :])[:64]
    assert [int(number) for number, _ in titles[:64]] == list(range(64))
    genes = [[int(word) for word in text.split()] for _, text in titles[:64]]
    assert all(len(row) == 8 and all(0 <= gene <= 15 for gene in row) for row in genes)
    assert sum(",".join(map(str, row)) != text for row, text in zip(genes, first, strict=True)) > 32
