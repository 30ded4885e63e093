"""The player for machines without libfluidsynth."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from hybrid.core.errors import RenderError
from hybrid.core.score import BEND_DTYPE, CONTROL_DTYPE, Score, Track, make_notes
from hybrid.core.timeline import Tempo
from hybrid.render import render
from hybrid.render.fluid import load_library

RATE = 44100
ORGAN, WOODBLOCK = 19, 115


def _track(name: str, rows: Iterable[Sequence[int]], **fields: Any) -> Track:
    return Track(name, make_notes(rows), **fields)


@pytest.fixture(autouse=True)
def _no_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without libfluidsynth: importing pyfluidsynth fails there."""
    real = builtins.__import__

    def refuse(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "fluidsynth":
            raise ImportError("Couldn't find the FluidSynth library.")
        return real(name, *arguments, **named)

    monkeypatch.delitem(sys.modules, "fluidsynth", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    load_library.cache_clear()
    yield
    load_library.cache_clear()


def test_symusic_steps_in_and_says_so() -> None:
    report = render(Score((_track("a", [(0, 480, 60)]),))).report
    assert report.player == "symusic"
    assert report.player_version == "0.5.9"
    assert "libfluidsynth is not installed" in report.notices[0]
    assert "apt-get install libfluidsynth3" in report.notices[0]
    assert report.loudness_after == pytest.approx(-16.0) or report.limited_by == "peak"


def test_asking_for_fluidsynth_is_refused() -> None:
    with pytest.raises(RenderError, match=r"libfluidsynth must be installed.*libfluidsynth3"):
        render(Score((_track("a", [(0, 480, 60)]),)), player="fluidsynth")


def test_onsets_keep_their_places_across_windows() -> None:
    ticks = np.arange(480, 480 * 100, 1471)
    track = _track("w", [(int(tick), 40, 76, 100) for tick in ticks], program=WOODBLOCK)
    score = Score((track,), tempos=(Tempo(0, 60.0), Tempo(20_000, 71.3)))
    first = Score((_track("w", [(0, 40, 76, 100)], program=WOODBLOCK),))
    alone = np.abs(render(first, loudness=None).mix.samples).max(axis=0)
    threshold = float(alone.max()) / 4
    attack = int(np.argmax(alone > threshold))
    heard = np.abs(render(score, loudness=None).mix.samples).max(axis=0)
    for place in score.tempo_map.to_seconds(ticks) * RATE:
        start = int(place) - 4000
        found = start + int(np.argmax(heard[start : start + 8000] > threshold)) - attack
        assert abs(found - place) <= 64


def test_a_note_goes_on_across_the_border_of_two_windows() -> None:
    # 20 s to 40 s; windows are 30 s long.
    score = Score(
        (_track("o", [(480 * 20, 480 * 20, 60)], program=ORGAN),), tempos=(Tempo(0, 60.0),)
    )
    sound = np.abs(render(score).mix.samples).max(axis=0)
    for second in range(21, 39):
        assert sound[second * RATE : second * RATE + 2000].max() > 0.05, second
    assert sound[: 19 * RATE].max() == 0
    assert len(sound) == pytest.approx(40 * RATE, abs=RATE)


def test_stems_add_up_to_the_mix() -> None:
    tracks = tuple(
        _track(n, [(0, 960, p), (1200, 300, p)]) for n, p in zip("ab", (60, 67), strict=True)
    )
    rendering = render(Score(tracks), stems=True)
    total = sum(stem.samples for stem in rendering.stems.values())
    np.testing.assert_allclose(total, rendering.mix.samples, atol=2e-6)
    assert list(rendering.stems) == ["01-a", "02-b"]


def test_the_pedal_is_played_out_and_other_losses_are_counted() -> None:
    controls = np.array([(0, 64, 127), (0, 7, 90), (10, 11, 90), (1440, 64, 0)], CONTROL_DTYPE)
    bends = np.array([(5, 100)], BEND_DTYPE)
    rows = [(0, 240, 60), (0, 240, 64), (480, 240, 60), (2400, 10, 30, 1)]
    score = Score((_track("a", rows, program=ORGAN, controls=controls, bends=bends),))
    rendering = render(score, loudness=None)
    sound = np.abs(rendering.mix.samples).max(axis=0)
    assert sound[int(1.2 * RATE) : int(1.4 * RATE)].max() > 0.05, "held by the pedal"
    assert sound[int(1.6 * RATE) : int(2.4 * RATE)].max() < 1e-3, "lifted at 1.5 s"
    assert "2 controller values were not played" in rendering.report.notices
    assert "1 pitch bends were not played" in rendering.report.notices


def test_the_same_samples_twice_and_progress_to_one() -> None:
    score = Score((_track("a", [(i * 240, 240, 60 + i % 12) for i in range(300)]),))
    shares: list[float] = []
    first = render(score, progress=shares.append).mix.samples
    np.testing.assert_array_equal(first, render(score).mix.samples)
    assert shares[-1] == 1.0


def test_a_soundfont_that_is_none_is_refused(tmp_path: Any) -> None:
    body = b"sfbkLIST\x04\x00\x00\x00INFO" + bytes(1000)
    (tmp_path / "noise.sf2").write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    with pytest.raises(RenderError, match=r"symusic can load, got .*noise\.sf2"):
        render(Score((_track("a", [(0, 480, 60)]),)), soundfont=tmp_path / "noise.sf2")


def test_drums_play_a_kit() -> None:
    drums = render(Score((_track("k", [(0, 480, 38, 100)], is_drum=True),)), loudness=None)
    piano = render(Score((_track("k", [(0, 480, 38, 100)]),)), loudness=None)
    assert drums.mix.peak > 0.05
    assert np.abs(drums.mix.samples[:, :8000] - piano.mix.samples[:, :8000]).max() > 0.05
