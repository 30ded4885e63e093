"""Each command does what its help says, on small input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hybrid.cli import main
from hybrid.core.score import Score, Track, make_notes
from hybrid.io.files import read_score, write_score


def run(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 0) -> str:
    """What the command prints."""
    found = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert found == status, captured.err
    return captured.out


@pytest.fixture
def parallels(tmp_path: Path) -> Path:
    """Two voices in parallel fifths."""
    upper = Track("soprano", make_notes([(0, 480, 67), (480, 480, 69), (960, 480, 71)]))
    lower = Track("bass", make_notes([(0, 480, 48), (480, 480, 50), (960, 480, 52)]))
    path = tmp_path / "fifths.mid"
    write_score(Score((upper, lower)), path)
    return path


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    import hybrid

    assert run(capsys, "--version") == f"hybrid {hybrid.__version__}\n"


def test_check_names_place_rule_and_bachs_rate(
    parallels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = run(capsys, "check", parallels, "--explain", status=1)
    assert "error: parallel_fifths at bar 1 beat 2 (soprano, bass)" in text
    assert "Bach" in text
    assert "Aldwell" in text


def test_check_as_json(parallels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = json.loads(run(capsys, "check", parallels, "--json", status=1))
    assert report["n_errors"] == 2
    assert {finding["rule"] for finding in report["findings"]} >= {"parallel_fifths"}
    assert report["rates_per_1000_slices"]["parallel_fifths"]["bach"] < 1.5


def test_check_passes_what_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    upper = Track("soprano", make_notes([(0, 480, 67), (480, 480, 65), (960, 960, 64)]))
    lower = Track("bass", make_notes([(0, 480, 48), (480, 480, 50), (960, 960, 48)]))
    path = tmp_path / "good.mid"
    write_score(Score((upper, lower)), path)
    assert "0 errors" in run(capsys, "check", path)


def test_convert_keeps_the_notes(parallels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = parallels.with_suffix(".musicxml")
    run(capsys, "convert", parallels, target)
    before, after = read_score(parallels).score, read_score(target).score
    assert [track.notes["pitch"].tolist() for track in after.tracks] == [
        track.notes["pitch"].tolist() for track in before.tracks
    ]


@pytest.mark.soundfont
def test_render_writes_mix_and_stems(parallels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import soundfile

    target = parallels.with_name("sound.flac")
    text = run(capsys, "render", parallels, "-o", target, "--stems", "--sample-rate", 22050, "-q")
    assert "LUFS" in text
    info = soundfile.info(target)
    assert (info.samplerate, info.channels) == (22050, 2)
    assert info.duration > 1.5
    assert len(list(parallels.with_name("sound-stems").iterdir())) == 2


def test_tab(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "e.mid"
    write_score(Score((Track("guitar", make_notes([(0, 480, 40), (480, 480, 45)]), 24),)), path)
    text = run(capsys, "tab", path)
    assert len([line for line in text.splitlines() if line[:1] in "EADGBe"]) >= 6


def test_roll(parallels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "roll", parallels)
    assert parallels.with_suffix(".svg").read_text().lstrip().startswith("<svg")


def test_grammar_list_shows_every_shipped_file(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "grammar", "list")
    assert "forms/rondo" in text
    for line in text.splitlines():
        assert len(line.split(maxsplit=1)) == 2, f"{line!r} has no description"


def test_grammar_sample_keeps_the_length(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "g.txt"
    path.write_text("S -> (0.9) a S | (0.1) b\n")
    lines = run(capsys, "grammar", "sample", path, "--length", 6, "-n", 3).splitlines()
    assert lines == ["a a a a a b"] * 3
    drawing = tmp_path / "t.svg"
    text = run(capsys, "grammar", "sample", path, "--length", 3, "--tree", "-o", drawing)
    assert text.startswith("(S a (S a (S b)))")
    assert "<svg" in drawing.read_text()


def test_grammar_sample_is_the_same_for_the_same_seed(capsys: pytest.CaptureFixture[str]) -> None:
    command = ("grammar", "sample", "forms/rondo", "-n", 2)
    first = run(capsys, *command, "--seed", 4)
    assert run(capsys, *command, "--seed", 4) == first
    assert run(capsys, *command, "--seed", 5) != first


def test_grammar_parse_and_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "g.txt"
    path.write_text("S -> (0.5) S S | (0.5) a\n")
    text = run(capsys, "grammar", "parse", path, "a a a")
    assert "derivations 2" in text
    assert "share of this one 0.5" in text
    assert "spectral radius 1" in run(capsys, "grammar", "show", path)


def test_grammar_learn_from_strings_and_from_trees(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strings, learned = tmp_path / "s.txt", tmp_path / "g.txt"
    strings.write_text("A B A\nA B A\nA A B A\n")
    command = ("grammar", "learn", strings, "-o", learned, "--symbols", 3)
    text = run(capsys, *command, "--held-out", strings)
    assert "bits per token" in text
    assert "A" in run(capsys, "grammar", "sample", learned)
    strings.write_text("(S (X a) (X b))\n(S (X a) (X a))\n")
    assert "counted 3 rules in 2 trees" in run(capsys, "grammar", "learn", strings, "-o", learned)
    assert "(0.75) 'a'" in learned.read_text()


def test_grammar_draw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawing = tmp_path / "t.svg"
    run(capsys, "grammar", "draw", "(S (NP the dog) (VP barks))", "-o", drawing)
    assert "barks" in drawing.read_text()


def test_lsystem_strings_of_the_course(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "lsystem", "algae", "--steps", 4, "--generations")
    assert text.split() == ["A", "AB", "ABA", "ABAAB", "ABAABABA"]


def test_lsystem_is_drawn_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawing, score = tmp_path / "h.svg", tmp_path / "h.musicxml"
    run(capsys, "lsystem", "hilbert", "--steps", 2, "-o", drawing)
    assert "<svg" in drawing.read_text()
    run(capsys, "lsystem", "hilbert", "--steps", 2, "--key", "D dorian", "-o", score)
    assert read_score(score).score.n_notes > 5
    rows = run(capsys, "lsystem", "rondo", "--reading", "form").splitlines()
    assert json.loads(rows[0])["label"] == "A"


def test_lsystem_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert "algae" in run(capsys, "lsystem")


def test_forms_lists_every_form(capsys: pytest.CaptureFixture[str]) -> None:
    from hybrid.grammar.forms import FORMS

    names = [line.split()[0] for line in run(capsys, "forms").splitlines()]
    assert names == list(FORMS)


def test_doctor_names_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "doctor")
    for word in ("python", "numpy", "torch", "SoundFont", "corpora", "libfluidsynth"):
        assert word in text
    assert "MISSING" not in text


def test_corpora_are_listed_and_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert "pop909-structure" in run(capsys, "corpora", "list")
    text = run(capsys, "corpora", "info", "salami")
    assert "CC0-1.0" in text
    assert "Smith" in text


def test_a_corpus_is_fetched_from_a_folder(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "salami"
    run(capsys, "corpora", "fetch", "salami", "--from", shared_data, "-o", target, "-q")
    assert len(list(target.rglob("*_functions.txt"))) > 1000


def test_the_help_of_compose_names_every_choice(capsys: pytest.CaptureFixture[str]) -> None:
    from hybrid.core.instruments import ENSEMBLES
    from hybrid.core.plan import TEXTURES
    from hybrid.grammar.forms.styles import STYLES

    words = set(run(capsys, "compose", "--help").replace(",", " ").replace(".", " ").split())
    assert words >= {*STYLES, *TEXTURES, *ENSEMBLES}


def test_plan_prints_a_plan_that_compose_follows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from hybrid.io.plan_toml import parse_plan, read_plan

    rows = [
        (960 * at, 960, pitch)
        for at, chord in enumerate([(48, 64, 67), (53, 65, 69), (43, 62, 71), (48, 64, 72)] * 2)
        for pitch in chord
    ]
    path, target = tmp_path / "tune.mid", tmp_path / "tune.toml"
    write_score(Score((Track("piano", make_notes(rows)),)), path)
    printed = parse_plan(run(capsys, "plan", path))
    assert printed.is_ready
    assert printed.key is not None
    assert printed.key.name == "C major"
    assert run(capsys, "plan", path, "-o", target) == f"{target}: 4 bars, 1 sections, C major\n"
    assert read_plan(target) == printed
    run(capsys, "compose", "--plan", target, "--plan-only", "-q", "-o", tmp_path / "out")
    assert read_plan(tmp_path / "out" / "plan.toml") == printed
