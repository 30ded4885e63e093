"""The benchmark of refiners: its rule, its ears, its classifier, its page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks._listening import HEARD_DTYPE, embedding, found_notes, heard_notes
from benchmarks._refiner_page import COLUMNS, PageExcerpt, picture, write_page
from benchmarks._styles_heard import StyleClassifier, features
from benchmarks.codec import book_rows
from benchmarks.refiner import best_mode
from hybrid.audio_refiner.roll import DRUMS, ROLL_DTYPE
from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError


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


def test_notes_are_found_once_each() -> None:
    wanted = np.array(
        [(0.0, 1, 60, 90, False), (0.02, 1, 60, 90, False), (1.0, 2, 38, 90, True)], HEARD_DTYPE
    )
    heard = np.array([(0.01, 1, 60, 1, False), (1.02, 2, 38, 1, False)], HEARD_DTYPE)
    assert found_notes(wanted, heard).tolist() == [True, False, False]
    heard["drum"][1] = True
    assert found_notes(wanted, heard).tolist() == [True, False, True]
    notes = np.array([(500, 900, 38, 80, 0, DRUMS, 0)], ROLL_DTYPE)
    assert heard_notes(notes, DRUMS)[0].tolist() == (0.5, 0.9, 38, 80, True)


def test_embeddings_by_name() -> None:
    assert embedding(None).name == "mel-statistics"
    with pytest.raises(ConfigError, match="embedding must be"):
        embedding("magic")


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
