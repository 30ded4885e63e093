"""Bad input gives one clear line, exit status 2, and nothing half-written."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hybrid.cli import main

PLAN = """
key = "G minor"
metre = "3/4"

[[sections]]
label = "A"

[[sections.phrases]]
bars = 4
"""


@pytest.fixture
def midi(tmp_path: Path) -> bytes:
    """A small sound MIDI file."""
    from hybrid.core.score import Score, Track, make_notes
    from hybrid.io.files import write_score

    track = Track("melody", make_notes([(480 * i, 480, 60 + i) for i in range(8)]))
    path = tmp_path / "sound.mid"
    write_score(Score((track,)), path)
    return path.read_bytes()


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that the command prints as it refuses."""
    status = main([str(argument) for argument in arguments])
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if not line.endswith("...")]
    assert status == 2, error
    assert len(lines) == 1, error
    assert lines[0].startswith("hybrid: error: ")
    return lines[0]


def files_under(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_truncated_midi(tmp_path: Path, midi: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cut.mid"
    path.write_bytes(midi[: len(midi) // 2])
    before = files_under(tmp_path)
    line = refused(capsys, "convert", path, tmp_path / "x.musicxml")
    assert "cut.mid" in line
    assert files_under(tmp_path) == before


def test_a_text_file_named_mid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "letter.mid"
    path.write_text("Dear Sir or Madam,\n")
    before = files_under(tmp_path)
    assert "letter.mid" in refused(capsys, "render", path)
    assert files_under(tmp_path) == before


def test_a_note_of_no_length(
    tmp_path: Path, midi: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    import mido

    path = tmp_path / "zero.mid"
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    track.append(mido.Message("note_on", note=60, velocity=64, time=0))
    track.append(mido.Message("note_off", note=60, velocity=64, time=0))
    file.tracks.append(track)
    file.save(path)
    line = refused(capsys, "check", path)
    assert "zero.mid" in line
    assert "duration" in line or "length" in line


def test_a_pitch_of_200(tmp_path: Path, midi: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "high.mid"
    at = midi.index(bytes([0x90, 60]))
    path.write_bytes(midi[: at + 1] + bytes([200]) + midi[at + 2 :])
    assert "high.mid" in refused(capsys, "check", path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("tempi = 90\n", "tempi"),
        ('tempo_qpm = "fast"\n', "tempo_qpm"),
        ('texture = "disco"\n', "texture"),
        ('instruments = ["kazoo"]\n', "kazoo"),
        ("key = \n", "line"),
    ],
)
def test_a_plan_that_cannot_be_read(
    tmp_path: Path, change: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(change + PLAN)
    line = refused(capsys, "compose", "--plan", path, "-o", tmp_path / "out", "--no-audio")
    assert expected in line
    assert not (tmp_path / "out").exists()


def test_a_contradictory_plan_names_what_conflicts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(
        'texture = "chorale"\n'
        + PLAN
        + """
[[constraints]]
kind = "range"
voices = ["soprano"]
value = ["C4", "E5"]

[[constraints]]
kind = "pitch"
bars = [3, 3]
voices = ["soprano"]
value = "A5"
"""
    )
    arguments = ["compose", "--engine", "rules", "--plan", path, "-o", tmp_path / "out"]
    line = refused(capsys, *arguments, "--no-audio")
    assert "range soprano" in line
    assert "pitch soprano bar 3" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--form", "fugato"], "form"),
        (["--key", "H minor"], "H"),
        (["--metre", "4/3"], "denominator"),
        (["--minutes", "0"], "minutes"),
        (["--minutes", "100000"], "minutes"),
        (["--tempo", "1000"], "tempo"),
        (["--engine", "magic"], "engine"),
        (["--seed", "-1"], "seed"),
        (["--instruments", "kazoo"], "kazoo"),
        (["--soundfont", "no-such.sf2"], "no-such.sf2"),
        (["--sample-rate", "7"], "sample_rate"),
        (["--plan", "no-such-plan.toml"], "no-such-plan.toml"),
    ],
)
def test_options_out_of_range(
    tmp_path: Path, arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    minutes = [] if "--minutes" in arguments or "--plan" in arguments else ["--minutes", "0.3"]
    line = refused(capsys, "compose", "-o", tmp_path / "out", *minutes, *arguments)
    assert expected in line
    assert files_under(tmp_path) == set()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    arguments = [
        "compose",
        "-o",
        locked / "out",
        "--minutes",
        "0.3",
        "--engine",
        "rules",
        "--no-audio",
        "--no-page",
    ]
    assert "ermission" in refused(capsys, *arguments)


def test_a_folder_below_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    target = tmp_path / "file" / "out"
    arguments = [
        "compose",
        "-o",
        target,
        "--minutes",
        "0.3",
        "--engine",
        "rules",
        "--no-audio",
        "--no-page",
    ]
    assert "file" in refused(capsys, *arguments)


def test_a_full_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # /dev/full fails every write with ENOSPC, as a full disk does.
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    source = tmp_path / "a.mid"
    _small_midi(source)
    line = refused(capsys, "convert", source, Path("/dev/full"), "--to", "midi")
    assert "space" in line or "full" in line


def test_a_folder_of_someone_else_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    arguments = [
        "compose",
        "-o",
        tmp_path,
        "--minutes",
        "0.3",
        "--engine",
        "rules",
        "--no-audio",
        "--no-page",
    ]
    assert str(tmp_path) in refused(capsys, *arguments)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def _small_midi(path: Path) -> None:
    from hybrid.core.score import Score, Track, make_notes
    from hybrid.io.files import write_score

    write_score(Score((Track("m", make_notes([(0, 480, 60)])),)), path)


def test_a_million_notes(tmp_path: Path) -> None:
    """A million notes are much, but no error: they are read, and written again."""
    import numpy as np

    from hybrid.core.score import NOTE_DTYPE, Score, Track
    from hybrid.io.files import read_score, write_score

    notes = np.zeros(1_000_000, dtype=NOTE_DTYPE)
    notes["onset"] = np.arange(1_000_000) * 60
    notes["duration"], notes["velocity"], notes["spelling"] = 60, 80, -128
    notes["pitch"] = 36 + np.arange(1_000_000) % 48
    path = tmp_path / "million.mid"
    write_score(Score((Track("m", notes),)), path)
    again = read_score(path).score
    assert np.array_equal(again.tracks[0].notes["pitch"], notes["pitch"])
    assert np.array_equal(again.tracks[0].notes["onset"], notes["onset"])


def test_the_program_itself_exits_with_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hybrid", "compose", "--form", "fugato", "-o", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "fugato" in done.stderr


def test_an_unknown_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "salami" in refused(capsys, "corpora", "info", "no-such-corpus")
    assert "no-such" in refused(capsys, "corpora", "fetch", "no-such", "-o", tmp_path / "x")
    assert files_under(tmp_path) == set()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["no-such-command"], "no-such-command"),
        (["compose", "--no-such-option"], "hybrid compose --help"),
        (["compose", "--minutes", "many"], "--minutes"),
        (["compose", "--form", ""], "form must be one of"),
        (["compose", "--instruments", ","], "instruments must name one or more"),
        (["render", ""], "suffix"),
        (["roll", ""], "suffix"),
        (["grammar", "sample", "forms/rondo", "--length", "1e99"], "length must be"),
        (["grammar", "draw", "(S a)", "-o", "tree.mid"], "must end in .svg"),
        (["lsystem", "algae", "-o", "algae.xyz"], "algae.xyz"),
        (["lsystem", "algae", "--key", "H"], "'H'"),
    ],
)
def test_wrong_use_is_one_line_too(
    tmp_path: Path,
    arguments: list[str],
    expected: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert expected in refused(capsys, *arguments)
    assert files_under(tmp_path) == set()


@pytest.mark.parametrize("command", ["roll", "convert"])
def test_what_is_read_is_not_overwritten(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.mid"
    _small_midi(path)
    before = path.read_bytes()
    target = ["-o", path] if command == "roll" else [path, "--to", "musicxml"]
    assert "a.mid" in refused(capsys, command, path, *target)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["grammar", "learn", "noise.txt", "-o", "learned.txt"],
        ["grammar", "learn", "ab.txt", "--held-out", "noise.txt", "-o", "learned.txt"],
        ["grammar", "draw", "noise.txt", "-o", "tree.svg"],
    ],
)
def test_bytes_that_are_no_text(
    tmp_path: Path,
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("noise.txt").write_bytes(b"a \x95 b")
    Path("ab.txt").write_text("a b\n")
    assert "noise.txt: must be text in UTF-8, got byte 0x95" in refused(capsys, *arguments)
    assert files_under(tmp_path) == {"noise.txt", "ab.txt"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--iterations", "-5"], "iterations must be 0 or more, got -5"),
        (["-o", "ab.txt"], "another file"),
    ],
)
def test_learning_refuses(
    tmp_path: Path,
    options: list[str],
    expected: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ab.txt").write_text("a b\na b b\n")
    output = [] if "-o" in options else ["-o", "x.txt"]
    assert expected in refused(capsys, "grammar", "learn", "ab.txt", *options, *output)
    assert Path("ab.txt").read_text() == "a b\na b b\n"


@pytest.mark.parametrize("fault", ["a directory that points nowhere", "a password"])
def test_archives_that_zipfile_stumbles_over(
    tmp_path: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import zipfile

    path = tmp_path / "a.mxl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/container.xml", "<container/>")
    data = bytearray(path.read_bytes())
    if fault == "a password":
        entry = data.index(b"PK\x01\x02")
        data[6] |= 1
        data[entry + 8] |= 1
    else:
        del data[30:32]
    path.write_bytes(data)
    assert "a.mxl" in refused(capsys, "check", path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ('style = "polka"\n' + PLAN, "polka"),
        (
            PLAN.replace("bars = 4", "bars = 1000") + "[[sections.phrases]]\nbars = 1000\n" * 48,
            "48",
        ),
        (
            'texture = "chorale"\n'
            + PLAN
            + '[[constraints]]\nkind = "range"\nvalue = ["C5", "C4"]',
            "range = C5, C4",
        ),
    ],
    ids=["nested", "style", "bars", "constraint"],
)
def test_faults_of_a_plan_name_its_file(
    tmp_path: Path, text: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wish.toml"
    path.write_text(text)
    line = refused(capsys, "compose", "--plan", path, "-o", tmp_path / "out", "--no-audio")
    assert "wish.toml: " in line
    assert expected in line
    assert files_under(tmp_path) == {"wish.toml"}


def test_a_plan_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(b"\xef\xbb\xbf" + PLAN.encode())
    arguments = ["compose", "--plan", path, "-o", tmp_path / "out", "--plan-only", "-q"]
    assert main([str(argument) for argument in arguments]) == 0


def test_a_name_that_is_no_text_is_shown_all_the_same(tmp_path: Path) -> None:
    source = os.fsencode(tmp_path) + b"/a\xff.mid"
    _small_midi(Path(os.fsdecode(source)))
    command: list[str | bytes] = [sys.executable, "-m", "hybrid", "convert"]
    command += [source, source[:-4] + b".krn"]
    done = subprocess.run(command, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"\\udcff.krn" in done.stdout


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_run_leaves_nothing(tmp_path: Path, name: str) -> None:
    import signal

    number = getattr(signal, name)
    command = [sys.executable, "-m", "hybrid", "compose", "--minutes", "30", "-o", "out"]
    command += ["--engine", "rules"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests themselves run in the background, the shell has SIGINT ignored.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    ) as running:
        assert running.stderr is not None
        while running.stderr.readline() != "hybrid: notes ...\n":
            assert running.poll() is None
        # Into the work itself: an interrupt amid the imports is Python's to answer.
        time.sleep(1.5)
        running.send_signal(number)
        rest = running.stderr.read()
        assert running.wait() == 128 + number, rest
    assert "Traceback" not in rest
    assert files_under(tmp_path) == set()


def test_a_plan_of_drums_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from hybrid.core.score import Score, Track, make_notes
    from hybrid.io.files import write_score

    path = tmp_path / "beat.mid"
    drums = Track("drums", make_notes([(0, 480, 36)]), is_drum=True, midi_channel=9)
    write_score(Score((drums,)), path)
    before = files_under(tmp_path)
    line = refused(capsys, "plan", path, "-o", tmp_path / "beat.toml")
    assert "beat.mid" in line
    assert "must have pitched notes" in line
    assert files_under(tmp_path) == before


def test_a_plan_over_another_kind_of_file(
    tmp_path: Path, midi: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sound.mid"
    assert path.read_bytes() == midi
    line = refused(capsys, "plan", path, "-o", path)
    assert "must end in .toml" in line
    assert path.read_bytes() == midi
