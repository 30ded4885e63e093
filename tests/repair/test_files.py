"""Scores from outside: little is changed, all of it is marked, and what cannot be is named."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hybrid.cli import main
from hybrid.core.errors import ConfigError
from hybrid.core.score import Score
from hybrid.io.files import read_score, write_score
from hybrid.io.musicxml import score_to_musicxml
from hybrid.repair.files import mend_score, with_markers
from hybrid.repair.marking import MENDED, coloured, marks_of
from hybrid.report.repair_page import build_repair_page
from hybrid.rules import RulesEngine
from hybrid.theory import check


def test_parallels_are_mended_by_one_note_under_the_file_s_names(moved: Score) -> None:
    done = mend_score(moved, [RulesEngine()])
    assert done.n_changed == 1
    assert done.left == ()
    assert [track.name for track in done.score.tracks] == [track.name for track in moved.tracks]
    [repair] = done.taken
    [change] = done.changes(repair)
    assert change.track in ("Tenor part", "Bassus")
    assert "Tenor part" in done.own_names(repair.failure.message)
    assert ("parallel_fifths", "error", 1, 0) in done.table()
    # The music is as long as it was, and nothing else moved.
    assert done.score.length == moved.length
    before, after = set(map(str, done.before)), set(map(str, done.after))
    assert not any(text.startswith(("error", "warning")) for text in after - before)


def test_a_clean_score_is_given_back(clean: Score) -> None:
    done = mend_score(clean, [])
    assert done.score is clean
    assert done.mended is None
    assert done.table() == []


def test_severities_are_checked(clean: Score) -> None:
    with pytest.raises(ConfigError, match="severity must be one of"):
        mend_score(clean, [], severities=("grave",))


def test_what_no_engine_can_mend_is_left_and_named(moved: Score) -> None:
    done = mend_score(moved, [], budget=0)
    assert done.score is moved
    assert [item.rule for item in done.left] == ["parallel_fifths"]


def test_changes_are_marked_in_the_files(moved: Score) -> None:
    done = mend_score(moved, [RulesEngine()])
    text, _ = score_to_musicxml(done.score)
    notes = [(number, repair.new) for number, repair in enumerate(done.taken, start=1)]
    marked = coloured(text, *marks_of(done.score, notes))
    assert marked.count(f'color="{MENDED}"') == 2  # the note, and the word above it
    assert "mended 1</words>" in marked
    word = re.compile(r'<direction placement="above"><direction-type><words.*?</direction>')
    assert word.sub("", marked).replace(f' color="{MENDED}"', "") == text
    [marker] = with_markers(done).markers
    assert marker.text.startswith("mended 1: ")


def test_the_page_shows_each_step_and_asks_for_nothing(moved: Score) -> None:
    done = mend_score(moved, [RulesEngine()])
    page = build_repair_page(done, "moved")
    assert page.count('class="step"') == 1
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    assert len(data["steps"]) == 1
    assert len(data["steps"][0]["new"]) == 1
    assert data["steps"][0]["new"] == data["whole"]
    for name in (*data["steps"][0]["bad"], *data["steps"][0]["new"]):
        assert f'id="{name}"' in page
    assert re.findall(r"""(?:src|href)=["'](?!#)""", page) == []
    assert page == build_repair_page(done, "moved")


def test_the_page_of_a_clean_score_says_so(clean: Score) -> None:
    page = build_repair_page(mend_score(clean, []), "clean")
    assert "Nothing was to be mended" in page
    assert 'class="step"' not in page


def test_the_command_writes_mends_and_counts(
    moved: Score, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "song.musicxml"
    write_score(moved, source)
    assert main(["repair", str(source), "-o", str(tmp_path / "out"), "-q"]) == 0
    shown = capsys.readouterr().out
    assert "1 place mended, 1 note changed, 0 left" in shown
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"song.musicxml", "song.mid", "repair.json", "index.html"} <= names
    again = read_score(tmp_path / "out" / "song.musicxml").score
    assert not any(item.severity == "error" for item in check(again))
    record = json.loads((tmp_path / "out" / "repair.json").read_text())
    assert record["notes_changed"] == 1
    assert record["findings"][0] == {
        "rule": "parallel_fifths",
        "severity": "error",
        "before": 1,
        "after": 0,
    }


def test_the_command_fails_where_an_error_is_left(
    moved: Score, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "song.mid"
    write_score(moved, source)
    assert main(["repair", str(source), "--repairs", "0", "-q", "--no-page"]) == 1
    assert "left: error: parallel_fifths" in capsys.readouterr().out
    assert (tmp_path / "song-mended" / "song.mid").is_file()


def test_a_clean_file_says_that_nothing_was_to_be_mended(
    clean: Score, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "song.mid"
    write_score(clean, source)
    assert main(["repair", str(source), "-q", "--no-page"]) == 0
    assert "nothing to mend" in capsys.readouterr().out
    again = read_score(tmp_path / "song-mended" / "song.mid").score
    for one, two in zip(clean.tracks, again.tracks, strict=True):
        assert one.notes["pitch"].tolist() == two.notes["pitch"].tolist()


@pytest.mark.slow
def test_the_page_lights_old_and_new_notes_in_a_browser(moved: Score, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs chromium (Debian: apt-get install chromium)")
    done = mend_score(moved, [RulesEngine()])
    # A click on the way, as a reader would.
    page = build_repair_page(done, "moved").replace(
        "</body>", '<script>document.getElementById("flip").click()</script></body>'
    )
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    command = [
        browser,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=4000",
        "--dump-dom",
        (tmp_path / "index.html").as_uri(),
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert re.search(r'<output id="place"[^>]*>1 of 1</output>', shown)
    assert re.search(r'<div id="steps"[^>]*class="flipped"', shown)
    assert 'id="step-1"' in shown
    assert not re.search(r'id="step-1"[^>]*hidden', shown)
    assert len(re.findall(r'class="note[^"]* bad"', shown)) >= 2
    # Once in the step, once in the whole piece.
    assert len(re.findall(r'class="note[^"]* new"', shown)) == 2
