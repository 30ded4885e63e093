"""`hybrid codec`: any sound to a token file and back, bad input in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from hybrid.audio_refiner.codec import Codec, CodecConfig
from hybrid.audio_refiner.codec_weights import load_codec, save_codec
from hybrid.audio_refiner.token_file import read_tokens
from hybrid.cli import main

SMALL = CodecConfig(outer=8, inner=12, n_books=3, n_entries=16, code_size=4, expansion=2)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "weights" / "codec.safetensors"
    path.parent.mkdir()
    save_codec(Codec(SMALL), path, {})
    return path


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def noise(n_samples: int, n_channels: int = 2) -> np.ndarray:
    rng = np.random.default_rng(0)
    return 0.1 * rng.standard_normal((n_samples, n_channels)).astype(np.float32)


def test_there_and_back(tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound, tokens, back = (tmp_path / name for name in ("a.wav", "a.tokens", "b.wav"))
    wave = noise(44100 * 13 + 5)  # more than one chunk
    soundfile.write(sound, wave, 44100, subtype="FLOAT")
    assert run("codec", "encode", sound, "--weights", weights, "-q") == 0
    assert "13.0 s, 3 books" in capsys.readouterr().out
    codec, _ = load_codec(weights)
    codes = codec.encode(torch.from_numpy(wave.T.copy()))
    assert read_tokens(tokens).codes.tolist() == codes.tolist()
    assert run("codec", "decode", tokens, "-o", back, "--weights", weights, "-q") == 0
    made, rate = soundfile.read(back, dtype="float32", always_2d=True)
    assert (rate, made.shape) == (44100, wave.shape)
    whole = codec.decode(codes, chunk=10_000)[:, : len(wave)].T.numpy()
    np.testing.assert_allclose(made, whole, atol=1e-4)
    first = tokens.read_bytes()
    assert run("codec", "encode", sound, "--weights", weights, "-q") == 0
    assert tokens.read_bytes() == first


def test_fewer_books(tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound, tokens = tmp_path / "a.wav", tmp_path / "a.tokens"
    soundfile.write(sound, noise(30_000), 44100)
    run("codec", "encode", sound, "--weights", weights, "-q")
    back = tmp_path / "b.flac"
    arguments = ["codec", "decode", tokens, "-o", back, "--weights", weights, "-q"]
    assert run(*arguments, "--books", 1) == 0
    assert "1 books" in capsys.readouterr().out
    assert soundfile.info(back).frames == 30_000
    assert run(*arguments, "--books", 4) == 2
    assert "books must be in 1..3, got 4" in capsys.readouterr().err


def test_whole_numbers_do_not_clip(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codec, _ = load_codec(weights)
    codec.level *= 100
    save_codec(codec, weights, {})
    sound, back = tmp_path / "a.wav", tmp_path / "b.flac"
    soundfile.write(sound, noise(20_000), 44100)
    run("codec", "encode", sound, "--weights", weights, "-q")
    capsys.readouterr()
    assert run("codec", "decode", tmp_path / "a.tokens", "-o", back, "--weights", weights) == 0
    assert "so that nothing clips" in capsys.readouterr().out
    made, _ = soundfile.read(back)
    assert np.abs(made).max() == pytest.approx(0.999, abs=1e-3)


@pytest.mark.parametrize(
    ("rate", "n_samples", "n_channels", "expected"),
    [(8000, 4000, 1, 22050), (192_000, 96_000, 2, 22050), (44100, 1, 1, 1), (48000, 1, 2, 1)],
)
def test_other_rates_and_lengths(
    tmp_path: Path, weights: Path, rate: int, n_samples: int, n_channels: int, expected: int
) -> None:
    sound, tokens = tmp_path / "a.wav", tmp_path / "a.tokens"
    soundfile.write(sound, noise(n_samples, n_channels), rate)
    assert run("codec", "encode", sound, "--weights", weights, "-q") == 0
    assert read_tokens(tokens).n_samples == expected
    assert run("codec", "decode", tokens, "--weights", weights, "-q", "-o", tmp_path / "b.wav") == 0
    assert soundfile.info(tmp_path / "b.wav").frames == expected


def test_silence_is_sound(tmp_path: Path, weights: Path) -> None:
    sound = tmp_path / "a.wav"
    soundfile.write(sound, np.zeros((5000, 2)), 44100)
    assert run("codec", "encode", sound, "--weights", weights, "-q") == 0
    assert len(read_tokens(tmp_path / "a.tokens").codes) == 5


def test_info(tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound, tokens = tmp_path / "a.wav", tmp_path / "a.tokens"
    soundfile.write(sound, noise(44100), 44100)
    run("codec", "encode", sound, "--weights", weights, "-q")
    capsys.readouterr()
    assert run("codec", "info", tokens, "--json") == 0
    about = json.loads(capsys.readouterr().out)
    assert (about["seconds"], about["frames"], about["books"]) == (1.0, 44, 3)
    assert about["weights"] == load_codec(weights)[1]
    assert run("codec", "info", tokens) == 0
    assert "kbit_per_second     0.517" in capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert run(*arguments, "-q") == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("hybrid: error: ")
    return lines[0]


def test_bad_input(tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wave = noise(2000)
    wave[1500, 1] = np.nan
    for name, samples, rate in (
        ("nan", wave, 44100),
        ("empty", wave[:0], 44100),
        ("slow", wave[:100], 4000),
        ("four", np.zeros((10, 4)), 44100),
        ("good", wave[:1000], 44100),
    ):
        soundfile.write(tmp_path / f"{name}.wav", samples, rate, subtype="FLOAT")
    (tmp_path / "text.wav").write_text("no sound")
    there = {path.name for path in tmp_path.iterdir()}
    own = ("--weights", weights)
    for name, message in (
        ("nan", "samples must be finite, got nan at 1500"),
        ("empty", "at least one sample"),
        ("slow", "must be in 8000..192000, got 4000"),
        ("four", "mono or stereo, got 4 channels"),
        ("text", "must be a sound file"),
        ("none", "cannot read"),
    ):
        line = refused(capsys, "codec", "encode", tmp_path / f"{name}.wav", *own)
        assert f"{name}.wav" in line
        assert message in line
    good = tmp_path / "good.wav"
    line = refused(capsys, "codec", "encode", good, "--weights", tmp_path / "no.safetensors")
    assert "no weights of a codec at" in line
    assert "codec must be one of" in refused(capsys, "codec", "encode", good, "--codec", "mp3")
    assert "must be another file" in refused(capsys, "codec", "encode", good, "-o", good, *own)
    assert {path.name for path in tmp_path.iterdir()} == there


def test_bad_token_files(tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound, tokens = tmp_path / "a.wav", tmp_path / "a.tokens"
    soundfile.write(sound, noise(3000), 44100)
    run("codec", "encode", sound, "--weights", weights, "-q")
    cut, foreign = tmp_path / "cut.tokens", tmp_path / "foreign.tokens"
    cut.write_bytes(tokens.read_bytes()[:-3])
    foreign.write_bytes(sound.read_bytes())
    other = tmp_path / "weights" / "other.safetensors"
    torch.manual_seed(1)
    save_codec(Codec(SMALL), other, {})
    there = {path.name for path in tmp_path.iterdir()}
    for path, chosen, message in (
        (cut, weights, "must take"),
        (foreign, weights, "must begin with HYBTOK01"),
        (tokens, other, "must be decoded with these"),
        (tmp_path / "none.tokens", weights, "No such file"),
    ):
        line = refused(
            capsys, "codec", "decode", path, "-o", tmp_path / "x.wav", "--weights", chosen
        )
        assert path.name in line
        assert message in line
    assert "must end in .wav, .flac" in refused(
        capsys, "codec", "decode", tokens, "-o", tmp_path / "x.mp3", "--weights", weights
    )
    assert {path.name for path in tmp_path.iterdir()} == there


def test_without_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from hybrid.audio_refiner import shipped

    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "trained")
    sound = tmp_path / "a.wav"
    soundfile.write(sound, noise(3000), 44100)
    line = refused(capsys, "codec", "encode", sound)
    assert "no weights of a codec ship with this version: make them with `make train-audio`" in line
