"""Sound files: samples, formats, bytes, refusals."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError, FormatError, HybridError, RenderError
from hybrid.io.wav import read_audio, write_audio


@pytest.fixture
def sound() -> Audio:
    rng = np.random.default_rng(0)
    samples = rng.uniform(-1, 1, (2, 5000)).astype(np.float32)
    samples[0, :2] = 1.0, -1.0
    return Audio(samples, 44100)


@pytest.mark.parametrize(
    ("name", "sample_format", "error"),
    [
        ("a.wav", None, 0.0),
        ("a.wav", "float", 0.0),
        ("a.wav", "pcm24", 2**-23),
        ("a.wav", "pcm16", 2**-15),
        ("a.flac", None, 2**-23),
        ("a.flac", "pcm16", 2**-15),
    ],
)
def test_samples_survive(
    name: str, sample_format: str | None, error: float, sound: Audio, tmp_path: Path
) -> None:
    write_audio(sound, tmp_path / name, sample_format)
    again = read_audio(tmp_path / name)
    assert again.sample_rate == 44100
    assert again.samples.shape == sound.samples.shape
    assert np.abs(again.samples - sound.samples).max() <= error


def test_silence_stays_silence(tmp_path: Path) -> None:
    write_audio(Audio(np.zeros((1, 300), np.float32), 8000), tmp_path / "a.flac")
    assert not read_audio(tmp_path / "a.flac").samples.any()


def test_floats_beyond_full_scale_are_kept_and_whole_numbers_refused(tmp_path: Path) -> None:
    loud = Audio(np.full((1, 10), 1.5, np.float32), 44100)
    write_audio(loud, tmp_path / "a.wav")
    assert read_audio(tmp_path / "a.wav").peak == 1.5
    with pytest.raises(RenderError, match=r"samples must be in -1..1 for pcm16, got a peak of 1.5"):
        write_audio(loud, tmp_path / "b.wav", "pcm16")
    assert not (tmp_path / "b.wav").exists()


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_the_same_sound_is_the_same_bytes(
    name: str, sound: Audio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_audio(sound, tmp_path / name)
    first = (tmp_path / name).read_bytes()
    # libsndfile would write the time of day into the chunk PEAK.
    at = first.find(b"PEAK")
    assert (at > 0) == (name == "a.wav")
    if at > 0:
        assert first[at + 12 : at + 16] == bytes(4)
    write_audio(sound, tmp_path / name)
    assert (tmp_path / name).read_bytes() == first


@pytest.mark.parametrize(
    ("name", "sample_format", "rule"),
    [
        ("a.mp3", None, r"must end in .wav or .flac, got 'a.mp3'"),
        ("a.wav", "pcm8", "sample_format must be one of float, pcm24, pcm16, got 'pcm8'"),
        ("a.flac", "float", "FLAC holds whole numbers"),
    ],
)
def test_formats_that_do_not_exist(
    name: str, sample_format: str | None, rule: str, sound: Audio, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=rule):
        write_audio(sound, tmp_path / name, sample_format)
    assert list(tmp_path.iterdir()) == []


def test_flac_holds_eight_channels(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="1 to 8 channels, got 9"):
        write_audio(Audio(np.zeros((9, 4), np.float32), 8000), tmp_path / "a.flac")


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.wav"
    path.write_text("Dear Sir or Madam,\n")
    with pytest.raises(FormatError, match=r"letter\.wav must be a sound file"):
        read_audio(path)
    with pytest.raises(FormatError, match=r"cannot read .*none\.wav: No such file"):
        read_audio(tmp_path / "none.wav")


@pytest.fixture
def _small_files() -> Iterator[None]:
    """Let no file grow beyond 16 KiB, as on a disk that fills up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16384, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("_small_files")
@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_disk_that_fills_up(name: str, sound: Audio, tmp_path: Path) -> None:
    with pytest.raises(HybridError, match=rf"cannot write .*{name}: "):
        write_audio(sound, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
