"""Plans read from scores."""

from __future__ import annotations

import pytest

from hybrid.core.errors import ScoreError
from hybrid.core.score import Score, Track, make_notes
from hybrid.io.plan_toml import format_plan, parse_plan
from hybrid.theory.extract import extract_plan, find_chords, find_keys


def block_chords(*chords: tuple[int, ...], length: int = 960) -> Score:
    """A chord each half note."""
    rows = [(length * at, length, pitch) for at, chord in enumerate(chords) for pitch in chord]
    return Score((Track("piano", make_notes(rows)),))


CADENCE = ((48, 64, 67, 72), (53, 65, 69, 72), (43, 62, 67, 71), (48, 60, 64, 72))


def test_a_plan_is_ready_and_comes_back_from_toml() -> None:
    plan = extract_plan(block_chords(*CADENCE))
    assert plan.is_ready
    assert parse_plan(format_plan(plan)) == plan
    (phrase,) = [placed.phrase for placed in plan.phrases()]
    assert [chord.numeral for chord in phrase.chords] == ["I", "IV", "V", "I"]
    assert phrase.cadence == "PAC"


@pytest.mark.parametrize("semitones", [-5, -2, 1, 3, 6])
def test_transposition_moves_keys_and_not_numerals(semitones: int) -> None:
    score = block_chords(*CADENCE)
    moved = score.transposed(semitones)
    numerals = [chord.numeral for chord in find_chords(score)]
    assert [chord.numeral for chord in find_chords(moved)] == numerals
    (home,), (away,) = find_keys(score), find_keys(moved)
    assert 7 * (away.key.tonic - home.key.tonic) % 12 == semitones % 12


def test_a_score_without_pitched_notes_has_no_plan() -> None:
    with pytest.raises(ScoreError, match="must have pitched notes"):
        extract_plan(Score((Track("drums", make_notes([(0, 480, 36)]), is_drum=True),)))
