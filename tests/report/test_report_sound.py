"""The sound inside a page: as long as the original, in time with it, the same bytes."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from hybrid.core.audio import Audio
from hybrid.core.errors import FormatError
from hybrid.report import sound as module
from hybrid.report.sound import page_sound

if TYPE_CHECKING:
    from tests.report.conftest import Example


def _decode(source: str) -> tuple[np.ndarray, int]:
    data = base64.b64decode(source.partition("base64,")[2])
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return samples, rate


def test_the_sound_keeps_its_length_and_its_places() -> None:
    rate = 44100
    samples = np.zeros((2, 3 * rate), np.float32)
    clicks = (5000, 70_000, 120_000)
    for click in clicks:
        samples[:, click : click + 300] = np.hanning(300) * 0.8
    found = page_sound(Audio(samples, rate))
    assert found.kind == "audio/mpeg"
    assert found.source.startswith("data:audio/mpeg;base64,")
    decoded, decoded_rate = _decode(found.source)
    assert decoded_rate == rate
    assert len(decoded) == 3 * rate
    for click in clicks:
        part = np.abs(decoded[click - 2000 : click + 2000, 0])
        assert abs(int(part.argmax()) - 2000 - 150) < 64


def test_a_file_and_memory_give_the_same_sound(example: Example, sound_file: Path) -> None:
    first, again = page_sound(sound_file), page_sound(sound_file)
    assert first == again
    assert first.seconds == pytest.approx(example.audio.seconds)
    in_memory, _ = _decode(page_sound(example.audio).source)
    in_file, _ = _decode(first.source)
    np.testing.assert_allclose(in_memory, in_file, atol=1e-3)


def test_other_rates_are_kept_without_loss() -> None:
    samples = (0.5 * np.sin(np.arange(9600) / 20)).astype(np.float32)[None, :]
    found = page_sound(Audio(samples, 96000))
    assert found.kind == "audio/flac"
    decoded, rate = _decode(found.source)
    assert rate == 96000
    np.testing.assert_allclose(decoded.T, samples, atol=1e-4)


def test_a_long_sound_stays_beside_the_page(
    example: Example, sound_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SECONDS", 1.0)
    found = page_sound(sound_file)
    assert (found.source, found.kind) == ("piece.wav", "audio/wav")
    assert "played from the file piece.wav" in found.note
    assert page_sound(example.audio).source == ""


def test_no_sound_is_said() -> None:
    assert "without sound" in page_sound(None).note
    assert page_sound(Audio(np.zeros((2, 0), np.float32), 44100)).seconds == 0


def test_a_file_that_is_no_sound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_text("no sound")
    with pytest.raises(FormatError, match=r"x\.wav must be a sound file"):
        page_sound(tmp_path / "x.wav")


def test_progress_rises_to_one(example: Example) -> None:
    shares: list[float] = []
    page_sound(example.audio, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
