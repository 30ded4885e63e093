"""Sound and frames in a row: rates, windows, files that are read in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.audio_refiner import resampling
from hybrid.audio_refiner.frame_stream import frame_rows, wave_of_rows, windows
from hybrid.audio_refiner.resampling import resampled


def parts(sound: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, sound.shape[1], size):
        yield sound[:, start : start + size]


@pytest.mark.parametrize(
    ("rate", "wanted"), [(8000, 44100), (192_000, 44100), (48000, 44100), (44100, 11025)]
)
def test_a_tone_keeps_its_pitch_and_place(rate: int, wanted: int) -> None:
    """Against the tone itself at the other rate, and however the sound is cut."""
    hertz = 0.35 * min(rate, wanted)
    sound = np.sin(2 * np.pi * hertz * np.arange(rate // 5) / rate)[None].astype(np.float32)
    made = np.concatenate(list(resampled(parts(sound, 777), rate, wanted)), axis=1)
    assert made.shape[1] == -(-sound.shape[1] * wanted // rate)
    truth = np.sin(2 * np.pi * hertz * np.arange(made.shape[1]) / wanted)
    edge = wanted // 50
    np.testing.assert_allclose(made[0, edge:-edge], truth[edge:-edge], atol=1e-4)


def test_blocks_change_no_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    sound = rng.standard_normal((2, 9001)).astype(np.float32)
    whole = np.concatenate(list(resampled([sound], 48000, 44100)), axis=1)
    monkeypatch.setattr(resampling, "_BLOCK", 500)
    cut = np.concatenate(list(resampled(parts(sound, 333), 48000, 44100)), axis=1)
    assert np.array_equal(whole, cut)


def test_what_lies_too_high_is_gone() -> None:
    """A tone over half the new rate would come back as another."""
    sound = np.sin(2 * np.pi * 9000 * np.arange(9600) / 48000)[None].astype(np.float32)
    made = np.concatenate(list(resampled([sound], 48000, 16000)), axis=1)
    assert np.abs(made[0, 400:-400]).max() < 1e-3


@given(
    st.lists(st.integers(1, 7), min_size=1, max_size=6),
    st.integers(1, 9),
    st.integers(0, 5),
    st.integers(0, 5),
)
@settings(max_examples=60)
def test_windows_are_slices(sizes: list[int], count: int, before: int, after: int) -> None:
    rows = torch.arange(sum(sizes))
    found = list(windows([(part,) for part in torch.split(rows, sizes)], count, before, after))
    assert torch.cat([window.inner(window.rows[0]) for window in found]).equal(rows)
    for window in found:
        first, last = window.first, window.first + window.count
        assert window.rows[0].equal(rows[max(0, first - before) : last + after])
        assert window.count == min(count, len(rows) - first)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(1, 5))
@settings(max_examples=40)
def test_frames_hold_the_sound(sizes: list[int], frame: int) -> None:
    total = sum(sizes)
    sound = np.arange(2 * total, dtype=np.float32).reshape(2, total)
    cuts = np.cumsum([0, *sizes])
    chunks = [sound[:, a:b] for a, b in pairwise(cuts)]
    rows = [row for (row,) in frame_rows(chunks, frame)]
    if not total:
        assert not rows
        return
    wave = wave_of_rows(torch.cat(rows)).numpy()
    assert np.array_equal(wave[:, :total], sound)
    assert not wave[:, total:].any()
    assert wave.shape[1] == -(-total // frame) * frame
