"""The shipped weights read a cadence, in any key, with and without spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybrid.core.errors import ConfigError
from hybrid.core.resources import resource_path
from hybrid.core.score import Score, Track, make_notes
from hybrid.harmony import shipped
from hybrid.harmony.analyse import Analyser

# C: I IV V7 I, one half bar each, four voices; bass first.
CHORDS = [(48, 64, 67, 72), (41, 60, 65, 69), (43, 62, 65, 71), (48, 60, 64, 72)]


def cadence(move: int = 0) -> Score:
    rows = [(i * 960, 960, pitch + move) for i, chord in enumerate(CHORDS) for pitch in chord]
    return Score(tracks=(Track("organ", make_notes(rows)),))


@pytest.fixture(scope="module")
def analyser() -> Analyser:
    return shipped.load_analyser()


@pytest.mark.parametrize(("move", "key"), [(0, "C major"), (3, "Eb major"), (-2, "Bb major")])
def test_a_cadence_is_read_in_any_key(analyser: Analyser, move: int, key: str) -> None:
    analysis = analyser.analyse(cadence(move))
    assert [chord.numeral for chord in analysis.chords] == ["I", "IV", "V7", "I"]
    assert [chord.onset for chord in analysis.chords] == [0, 960, 1920, 2880]
    assert [span.key.name for span in analysis.keys] == [key]
    assert all(0 < chord.probability <= 1 for chord in analysis.chords)


def test_ticks_are_the_score_s_own(analyser: Analyser) -> None:
    rows = [(i * 48, 48, pitch) for i, chord in enumerate(CHORDS) for pitch in chord]
    score = Score(tracks=(Track("organ", make_notes(rows)),), ticks_per_quarter=24)
    analysis = analyser.analyse(score)
    assert [(chord.onset, chord.end) for chord in analysis.chords] == [
        (0, 48),
        (48, 96),
        (96, 144),
        (144, 192),
    ]


def test_what_comes_later_can_be_left_out(analyser: Analyser) -> None:
    score = cadence()
    cut = analyser.analyse(score, until=1920)
    assert cut.chords[-1].end == 1920
    rows = [(onset, 960, pitch) for onset, _, pitch, *_ in score.tracks[0].notes.tolist()]
    shorter = Score(tracks=(Track("organ", make_notes([row for row in rows if row[0] < 1920])),))
    assert cut.to_dict() == analyser.analyse(shorter).to_dict()


def test_weights_are_small_and_have_a_card() -> None:
    folder = resource_path("harmony", "trained")
    assert sum(path.stat().st_size for path in folder.glob("*.safetensors")) < 4e6
    card = (folder / "analyser.md").read_text(encoding="utf-8")
    assert "CC BY-SA" in card


def test_without_weights_the_message_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "resource_path", lambda *parts: tmp_path)
    with pytest.raises(ConfigError, match="analysing needs weights"):
        shipped.load_analyser()
