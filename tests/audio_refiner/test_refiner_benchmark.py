"""The benchmark of refiners: its rule, its ears, its classifier, its page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks._ears import drum_scores
from benchmarks._refined_sounds import Systems
from benchmarks._refiner_page import COLUMNS, PageExcerpt, picture, write_page
from benchmarks._styles_heard import StyleClassifier, features
from benchmarks.codec import book_rows
from benchmarks.refiner import best_mode
from hybrid.audio_refiner.mapper_model import Mapper, MapperConfig
from hybrid.audio_refiner.mapper_weights import save_mapper
from hybrid.core.audio import Audio
from hybrid.transcription.notes import HEARD_DTYPE


def rows(**changes: dict[str, float]) -> list[dict[str, Any]]:
    plain = {"Frechet": 10.0, "mel distance (dB)": 5.0, "clipped (%)": 0.0}
    return [
        {"sound": name, **plain, **changes.get(name, {})}
        for name in ("dry", "effects", "mapper", "tokens", "target")
    ]


BETTER = {"Frechet": 4.0, "mel distance (dB)": 4.0}


@pytest.mark.parametrize(
    ("changes", "best"),
    [
        ({}, "effects"),  # not worse is not better
        ({"mapper": BETTER}, "mapper"),
        ({"mapper": BETTER, "tokens": {**BETTER, "Frechet": 3.0}}, "tokens"),
        ({"tokens": {"Frechet": 1.0}}, "effects"),
        ({"tokens": {**BETTER, "clipped (%)": 2.0}}, "effects"),
        ({"tokens": {**BETTER, "of the dry one's": 0.9}}, "effects"),
        ({"tokens": {**BETTER, "of the dry one's": 0.98}}, "tokens"),
    ],
)
def test_a_network_must_win_everywhere(changes: dict[str, Any], best: str) -> None:
    assert best_mode(rows(**changes)) == best


def test_what_has_no_weights_is_left_out(tmp_path: Path) -> None:
    found = Systems(tmp_path)
    assert found.names == ("dry", "effects", "target, drawn again", "target")
    assert best_mode([row for row in rows() if row["sound"] in found.names]) == "effects"
    save_mapper(Mapper(MapperConfig(size=4, notes=4)), tmp_path / "mapper.safetensors", {})
    found = Systems(tmp_path)
    assert found.modes == ("effects", "mapper", "mapper without noise")
    assert set(found.weights) == {"mapper"}


def test_strokes_are_counted_by_drum() -> None:
    written = np.array([(0.0, 1, 36, 90, True), (1.0, 2, 38, 90, True)], HEARD_DTYPE)
    heard = np.array([(0.01, 1, 36, 1, True), (1.02, 2, 36, 1, True)], HEARD_DTYPE)
    kick, snare = drum_scores(written, heard)[:2]
    assert (kick.n_reference, kick.n_estimate, kick.n_right) == (1, 2, 1)
    assert (snare.n_reference, snare.n_estimate, snare.n_right) == (1, 0, 0)


def noise(seed: int, slope: float, width: float) -> Audio:
    """Noise of a colour and a width, of any level."""
    rng = np.random.default_rng(seed)
    level = 10 ** rng.uniform(-2, -0.5)
    spectrum = np.fft.rfft(rng.standard_normal((2, 22050)))
    spectrum *= (1 + np.arange(spectrum.shape[1])) ** slope
    mid, side = np.fft.irfft(spectrum)
    sound = np.stack([mid + width * side, mid - width * side])
    return Audio((level * sound / np.abs(sound).max()).astype(np.float32), 44100)


def test_colour_and_width_are_heard() -> None:
    kinds = {"dark": (-0.8, 0.1), "bright": (-0.2, 0.1), "wide": (-0.8, 0.9)}
    names = [name for name in kinds for _ in range(6)]
    found = np.array([features(noise(at, *kinds[name])) for at, name in enumerate(names)])
    learnt = StyleClassifier.fit(found[::2], names[::2])
    assert learnt(found[1::2]) == names[1::2]


def test_use_of_books_is_counted() -> None:
    found = book_rows(np.array([[0, 1], [1, 1], [2, 1], [3, 1]]), 8)
    assert [row["entries in use (%)"] for row in found] == [50.0, 12.5]
    assert [row["entropy (bits)"] for row in found] == [2.0, 0.0]


def test_the_page_is_whole(tmp_path: Path) -> None:
    sound = noise(0, -0.5, 0.3).samples
    assert picture(sound, 0.0).startswith(b"\x89PNG")
    excerpt = PageExcerpt("lo-fi", "a/<b>", dict.fromkeys(COLUMNS, sound))
    path = write_page(tmp_path / "page.html", rows(), [excerpt], ["A note."])
    text = path.read_text()
    assert text.count("<img ") == text.count("<audio ") == len(COLUMNS)
    assert "a/&lt;b&gt;" in text
    assert "src='http" not in text
