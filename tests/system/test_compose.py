"""A piece from end to end: what is promised is kept, in every file, byte for byte."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import hybrid
from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.io.files import read_score
from hybrid.io.plan_toml import read_plan
from hybrid.pipeline import Piece
from hybrid.theory.agreement import planned_chords

FILES = {
    "analysis.json",
    "index.html",
    "piece.mid",
    "piece.musicxml",
    "piece.wav",
    "plan.toml",
    "provenance.json",
    "trace.json",
}


def chorale(**values: object) -> Piece:
    options = {"form": "chorale", "key": "G minor", "minutes": 0.5, "seed": 7, "engine": "rules"}
    options |= values
    return hybrid.compose(**options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short piece with everything that is written."""
    place = tmp_path_factory.mktemp("piece") / "out"
    hybrid.save(chorale(), place, hybrid.SaveOptions(sample_rate=22050))
    return place


@pytest.mark.soundfont
def test_every_file_is_there_and_named(folder: Path) -> None:
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert names == FILES
    record = json.loads((folder / "provenance.json").read_text())
    assert record["seed"] == 7
    assert record["options"]["form"] == "chorale"
    for name, digest in record["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


@pytest.mark.soundfont
def test_plan_midi_and_musicxml_agree(folder: Path) -> None:
    plan = read_plan(folder / "plan.toml")
    midi = read_score(folder / "piece.mid").score
    xml = read_score(folder / "piece.musicxml").score
    assert sorted_notes(midi) == sorted_notes(xml)
    for score in (midi, xml):
        assert sum(not bar.is_pickup for bar in score.bars) == plan.n_bars
        assert score.tempos[0].qpm == pytest.approx(plan.tempo_qpm, rel=1e-3)
        assert score.metres[0].name == (plan.metre.name if plan.metre else "")
        signature = score.key_at(0)
        assert signature is not None
        assert plan.key is not None
        assert signature.fifths == plan.key.fifths
    assert_chords_sound(plan, midi)


def sorted_notes(score: Score) -> list[tuple[int, int, int]]:
    rows = []
    for track in score.tracks:
        for note in track.notes:
            factor = 480 / score.ticks_per_quarter
            rows.append((note["onset"] * factor, note["duration"] * factor, int(note["pitch"])))
    return sorted((round(onset), round(duration), pitch) for onset, duration, pitch in rows)


def assert_chords_sound(plan: FormPlan, score: Score) -> None:
    """The lowest note in each chord's span is its bass at some time (read from the notes)."""
    notes = np.concatenate([track.notes for track in score.tracks])
    for span in planned_chords(plan, score):
        ends = notes["onset"] + notes["duration"]
        inside = notes[(notes["onset"] < span.end) & (ends > span.onset)]
        assert len(inside), f"silence under {span.numeral}"
        assert (7 * span.root) % 12 in set((inside["pitch"] % 12).tolist())


@pytest.mark.soundfont
def test_the_sound_lasts_as_long_as_the_plan(folder: Path) -> None:
    import soundfile

    plan = read_plan(folder / "plan.toml")
    info = soundfile.info(folder / "piece.wav")
    assert plan.seconds <= info.duration < plan.seconds + 10
    samples, _ = soundfile.read(folder / "piece.wav")
    assert 0.05 < np.abs(samples).max() < 1.0


def test_the_trace_accounts_for_every_note(folder: Path) -> None:
    entries = json.loads((folder / "trace.json").read_text())["entries"]
    made = sorted((e["tick"], e["pitch"]) for e in entries if e["kind"] == "note")
    score = read_score(folder / "piece.mid").score
    written = sorted(
        (int(note["onset"]), int(note["pitch"])) for track in score.tracks for note in track.notes
    )
    assert made == written
    assert all(e.get("maker") for e in entries)


def test_a_second_process_gives_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for run in ("a", "b"):
        command = [sys.executable, "-m", "hybrid", "compose", "--form", "chorale", "-q"]
        command += ["--engine", "rules"]
        command += ["--minutes", "0.4", "--seed", "11", "--sample-rate", "22050"]
        command += ["-o", str(tmp_path / run)]
        subprocess.run(command, check=True, capture_output=True)
        digests.append(
            {
                path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                for path in (tmp_path / run).iterdir()
                if path.is_file()
            }
        )
    assert digests[0] == digests[1]
    assert set(digests[0]) >= FILES


def test_a_plan_that_was_written_gives_the_same_notes(tmp_path: Path) -> None:
    piece = chorale()
    hybrid.save(piece, tmp_path / "a", hybrid.SaveOptions(audio=False, page=False))
    again = hybrid.compose(plan=tmp_path / "a" / "plan.toml", seed=7, engine="rules")
    assert piece.score is not None
    assert again.score is not None
    assert sorted_notes(again.score) == sorted_notes(piece.score)


def test_what_a_plan_says_is_kept_and_the_rest_is_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(
        """
        key = "G minor"
        metre = "3/4"
        texture = "chorale"

        [[sections]]
        label = "A"

        [[sections.phrases]]
        bars = 4
        cadence = "HC"

        [[sections.phrases]]
        bars = 4
        cadence = "PAC"

        [[constraints]]
        kind = "range"
        voices = ["soprano"]
        value = ["D4", "D5"]
        """
    )
    piece = hybrid.compose(plan=path, seed=3, engine="rules")
    assert piece.score is not None
    assert piece.agreement is not None
    placed = list(piece.plan.phrases())
    assert [(item.key.name, item.metre.name, item.bars) for item in placed] == [
        ("G minor", "3/4", 4)
    ] * 2
    assert piece.agreement.cadences == 1.0
    assert piece.analysis.count("error") == 0
    top = piece.score.tracks[0].notes
    soprano = top[top["voice"] == top["voice"].min()]["pitch"]
    assert soprano.min() >= 62
    assert soprano.max() <= 74
    hybrid.save(piece, tmp_path / "out", hybrid.SaveOptions(audio=False, page=False))
    written = tomllib.loads((tmp_path / "out" / "plan.toml").read_text())
    assert written["constraints"][0]["kind"] == "range"


def test_options_must_not_contradict_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text('key = "G minor"\n[[sections]]\nlabel = "A"\nbars = 8\n')
    with pytest.raises(ValueError, match="key stands in the plan as G minor"):
        hybrid.compose(plan=path, key="C major")


def test_a_folder_of_ours_is_replaced_as_a_whole(tmp_path: Path) -> None:
    silent = hybrid.SaveOptions(audio=False, page=False)
    hybrid.save(chorale(), tmp_path / "out", silent)
    first = (tmp_path / "out" / "piece.mid").read_bytes()
    hybrid.save(chorale(seed=8), tmp_path / "out", silent)
    assert (tmp_path / "out" / "piece.mid").read_bytes() != first
    assert not list(tmp_path.glob(".out*"))


def test_accompanied_textures_are_not_judged_as_four_singers() -> None:
    from hybrid.pipeline import make_plan, rules_for
    from hybrid.theory import load_rule_set

    assert rules_for(make_plan(form="chorale", seed=1, minutes=0.5)) == "chorale"
    assert rules_for(make_plan(form="rondo", texture="waltz", metre="3/4", seed=1)) == "accompanied"
    song = make_plan(form="verse-chorus", style="pop", seed=1, minutes=0.5)
    assert rules_for(song) == "pop"
    chorale, accompanied = load_rule_set("chorale"), load_rule_set("accompanied")
    assert set(accompanied.rules) < set(chorale.rules)
    assert accompanied.hard == chorale.hard


def test_warnings_are_mended_on_request() -> None:
    plain = hybrid.compose(style="chorale", minutes=0.5, seed=3)
    mended = hybrid.compose(style="chorale", minutes=0.5, seed=3, warnings=True)
    assert plain.analysis.count("warning") > 0
    assert not plain.trace.repairs
    assert mended.analysis.count("warning") < plain.analysis.count("warning")
    assert mended.analysis.count("error") == 0
    assert {repair["kind"] for repair in mended.trace.repairs} == {"rule"}
