"""Music of other engines goes through `hybrid repair`: historical exhibits, the learned engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hybrid.cli import main
from hybrid.core.score import Score
from hybrid.history.registry import load_exhibit, run_exhibit
from hybrid.io.files import read_score, write_score
from hybrid.repair.files import mend_score
from hybrid.rules import RulesEngine
from hybrid.theory import check


def _n_errors(score: Score) -> int:
    return sum(item.severity == "error" for item in check(score))


@pytest.mark.parametrize("name", ["hmm", "rohrmeier", "steedman-blues"])
def test_an_exhibit_s_harmony_is_mended(name: str) -> None:
    score = run_exhibit(load_exhibit(name))[0].score
    wrong = _n_errors(score)
    assert wrong > 0
    done = mend_score(score, [RulesEngine()], budget=2)
    assert len(done.taken) >= 1
    assert _n_errors(done.score) <= wrong - len(done.taken)
    assert [track.name for track in done.score.tracks] == [track.name for track in score.tracks]
    # Other pitches only: every note is where it was.
    for old, new in zip(score.tracks, done.score.tracks, strict=True):
        assert new.notes["onset"].tolist() == old.notes["onset"].tolist()
    assert 1 <= done.n_changed <= 2 * len(done.taken)


def test_an_exhibit_s_file_is_mended_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = ["demo", "rohrmeier", "--no-audio", "--no-page", "-q", "-o", str(tmp_path / "demo")]
    assert main(demo) == 0
    source = next((tmp_path / "demo").glob("*.mid"))
    assert _n_errors(read_score(source).score) > 0
    capsys.readouterr()
    command = ["repair", str(source), "-q", "--no-page", "-o", str(tmp_path / "out")]
    assert main(command) == 0
    assert " 0 left" in capsys.readouterr().out
    assert _n_errors(read_score(tmp_path / "out" / f"{source.stem}.mid").score) == 0


def test_the_learned_engine_writes_a_bar_anew_where_other_pitches_do_not_help(
    moved: Score, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small changes mend nearly all that is broken; without them the engine must.
    monkeypatch.setattr("hybrid.repair.search.single_nudges", lambda *_: [])
    source = tmp_path / "song.musicxml"
    write_score(moved, source)
    out = tmp_path / "out"
    command = ["repair", str(source), "--engine", "transformer", "-q", "-o", str(out)]
    assert main(command) == 0
    record = json.loads((out / "repair.json").read_text())
    assert record["left"] == []
    assert [item["maker"] for item in record["repairs"]] == ["transformer"]
    again = read_score(out / "song.musicxml").score
    assert _n_errors(again) == 0
    assert [track.name for track in again.tracks] == [track.name for track in moved.tracks]
    # What was to stay stayed: the bars after the one that was written anew, and the soprano.
    first = moved.bars[1].end
    for old, new in zip(moved.tracks, again.tracks, strict=True):
        kept = [list(track.notes[track.notes["onset"] >= first]["pitch"]) for track in (old, new)]
        assert kept[0] == kept[1]
