"""`hybrid refine`, `hybrid production`, and `compose --production`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hybrid.cli import main

RATE = 16000


@pytest.fixture
def dry(tmp_path: Path) -> Path:
    """Half a second of a fading tone."""
    times = np.arange(RATE // 2) / RATE
    path = tmp_path / "dry.wav"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 330 * times) * np.exp(-4 * times), RATE)
    return path


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_refine_writes_a_produced_file(dry: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("refine", dry, "--production", "dry-studio", "--seed", 3, "-q") == 0
    made = dry.with_name("dry-dry-studio.wav")
    assert "dry-studio, " in capsys.readouterr().out
    first = made.read_bytes()
    assert run("refine", dry, "--production", "dry-studio", "--seed", 3, "-q", "--json") == 0
    assert made.read_bytes() == first
    report = json.loads(capsys.readouterr().out)
    assert report["loudness_after"] == pytest.approx(report["loudness_before"], abs=0.1)
    assert [effect["kind"] for effect in report["effects"]][:2] == ["eq", "compressor"]
    assert run("refine", dry, "--strength", 0.3, "--loudness=-30", "-o", made, "-q") == 0
    assert "-30.0 LUFS" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--production", "radio"], "production must be one of bright-pop, "),
        (["--strength", "2"], "strength must be in 0..1, got 2.0"),
        (["--strength", "nan"], "strength must be in 0..1, got nan"),
        (["--guidance", "2"], "guidance is of mode tokens alone, got mode effects"),
        (["--mode", "magic"], "mode must be one of effects, mapper, tokens, got 'magic'"),
        (["--mode", "mapper", "--weights", "."], "no weights of a mapper at mapper.safetensors"),
        (["--seed", "-1"], "seed must be in 0..9223372036854775807, got -1"),
        (["-o", "x.mp3"], "a sound file must end in .wav, .flac, got 'x.mp3'"),
    ],
)
def test_refine_refuses(
    dry: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("refine", dry, "-q", *options) == 2
    error = capsys.readouterr().err
    assert error.startswith("hybrid: error: ")
    assert message in error
    assert len(error.splitlines()) == 1
    assert [path.name for path in dry.parent.iterdir()] == ["dry.wav"]


def test_refine_does_not_write_over_its_input(
    dry: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = dry.read_bytes()
    assert run("refine", dry, "-o", dry, "-q") == 2
    assert "output must be another file" in capsys.readouterr().err
    assert dry.read_bytes() == before


def test_production_lists_and_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("production", "list") == 0
    assert len(capsys.readouterr().out.splitlines()) >= 6
    assert run("production", "show", "cathedral") == 0
    assert "rt60_seconds: [3.2, 5.5]" in capsys.readouterr().out
    assert run("production", "show", "cathedral", "--seed", 2) == 0
    assert "rt60_seconds: [" not in capsys.readouterr().out


@pytest.mark.soundfont
def test_compose_writes_produced_sound_beside_the_plain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    arguments = [
        "compose",
        "-o",
        folder,
        "--minutes",
        "0.4",
        "--engine",
        "rules",
        "--no-page",
        "-q",
        "--stems",
    ]
    assert run(*arguments, "--production", "lo-fi", "--sample-rate", RATE) == 0
    record = json.loads((folder / "provenance.json").read_text())
    assert record["production"]["style"] == "lo-fi"
    assert {"piece.wav", "produced.wav"} <= set(record["files"])
    stems = {path.name for path in (folder / "stems").iterdir()}
    assert {path.name for path in (folder / "produced-stems").iterdir()} == stems
    plain, produced = (soundfile.info(folder / f"{name}.wav") for name in ("piece", "produced"))
    assert produced.frames >= plain.frames
    capsys.readouterr()
    assert run("compose", "--production", "lo-fi", "--no-audio", "-q", "-o", tmp_path / "b") == 2
    assert "production must have sound to work on" in capsys.readouterr().err


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    from tests.audio_refiner.small_refiner import write_small_refiner

    return write_small_refiner(tmp_path / "weights")


def test_refine_by_a_network(dry: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from hybrid.core.score import Score, Track, make_notes
    from hybrid.io.files import write_score

    midi = dry.with_suffix(".mid")
    write_score(Score((Track("tone", make_notes([(0, 240, 64)])),)), midi)
    arguments = ["refine", dry, "--mode", "tokens", "--weights", weights, "-q"]
    target = dry.with_name("dry-chamber-hall.wav")
    assert run(*arguments, "--midi", midi, "--passes", 2, "--temperature", 0.8, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["mode"], report["sampling"]["passes"]) == ("tokens", 2)
    assert set(report["weights"]) == {"codec", "refiner"}
    assert soundfile.info(target).samplerate == RATE
    assert run(*arguments, "--midi", midi) == 0
    assert "chamber-hall by tokens, " in capsys.readouterr().out
    target.unlink()
    there = {path.name for path in dry.parent.iterdir()}
    write_score(Score((Track("tone", make_notes([(0, 9000, 64)])),)), dry.with_name("long.mid"))
    there.add("long.mid")
    for more, message in (
        ([], "mode tokens must know what is played: name the MIDI file"),
        (["--midi", dry.with_name("long.mid")], "must be the sound's own"),
        (["--midi", dry], "dry.wav"),
        (["--midi", midi, "--production", "mine.toml"], "cannot read the style mine.toml"),
        (["--midi", midi, "--weights", dry.parent], "no weights of a codec at"),
    ):
        assert run(*arguments, *more) == 2
        error = capsys.readouterr().err
        assert message in error
        assert len(error.splitlines()) == 1
    assert {path.name for path in dry.parent.iterdir()} == there


def test_networks_without_weights(
    dry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from hybrid.audio_refiner import shipped

    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "trained")
    assert run("refine", dry, "--mode", "mapper", "-q") == 2
    assert "make them with `make train-audio`" in capsys.readouterr().err


@pytest.mark.soundfont
def test_compose_refines_by_the_network_that_ships(
    tmp_path: Path,
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from hybrid.audio_refiner import shipped
    from hybrid.audio_refiner.mapper_model import Mapper, MapperConfig
    from hybrid.audio_refiner.mapper_weights import save_mapper
    from hybrid.core.provenance import sha256_of

    monkeypatch.setattr(shipped, "FOLDER", weights)
    save_mapper(Mapper(MapperConfig(size=4, notes=4)), weights / "mapper.safetensors", {})
    digests = {"mapper": sha256_of(weights / "mapper.safetensors")}
    record_file = weights / "refiner.json"
    record_file.write_text(json.dumps({"best": "mapper", "weights": {"mapper": digests}}))
    arguments: list[object] = [
        "compose",
        "--engine",
        "rules",
        "--minutes",
        "0.2",
        "--no-page",
        "-q",
    ]
    arguments += ["--sample-rate", RATE]
    folder = tmp_path / "out"
    assert run(*arguments, "-o", folder, "--stems") == 0
    record = json.loads((folder / "provenance.json").read_text())["production"]
    assert (record["mode"], record["style"]) == ("mapper", "chamber-hall")
    assert record["weights"] == digests
    stems = {path.name for path in (folder / "stems").iterdir()}
    assert {path.name for path in (folder / "produced-stems").iterdir()} == stems
    assert run(*arguments, "-o", tmp_path / "plain", "--no-refine") == 0
    assert not (tmp_path / "plain" / "produced.wav").exists()
    capsys.readouterr()
    assert run(*arguments, "-o", tmp_path / "x", "--no-refine", "--refine-mode", "tokens") == 2
    assert "refine must be on for a refine_mode, got 'tokens'" in capsys.readouterr().err
    assert run(*arguments, "-o", tmp_path / "x", "--refine-mode", "magic") == 2
    assert "mode must be one of effects, mapper, tokens, got 'magic'" in capsys.readouterr().err
