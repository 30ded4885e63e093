"""Messages of a score on the player's grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.core.errors import ConfigError
from hybrid.core.score import BEND_DTYPE, CONTROL_DTYPE, PROGRAM_DTYPE, Score, Track, make_notes
from hybrid.core.timeline import Tempo
from hybrid.render.events import (
    BEND,
    BLOCK,
    CONTROL,
    NOTE_OFF,
    NOTE_ON,
    PROGRAM,
    Schedule,
    channels_of,
    schedule,
)

RATE = 44100


def _track(name: str, rows: Iterable[Sequence[int]], **fields: Any) -> Track:
    return Track(name, make_notes(rows), **fields)


def _rows(plan: Schedule, *kinds: int) -> list[tuple[int, ...]]:
    return [tuple(row) for row in plan.events.tolist() if row[1] in kinds]


def _oracle(notes: list[tuple[int, int, int, int]]) -> tuple[set[int], set[tuple[int, int]]]:
    """Blocks that sound and blocks of strokes of one pitch, block by block."""
    sounding, strokes = set(), set()
    for on, off, velocity, _ in notes:
        sounding |= set(range(on, max(off, on + 1)))
        loudest = max(other[2] for other in notes if other[0] == on)
        strokes.add((on, loudest))
        assert velocity <= loudest
    return sounding, strokes


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 30), st.integers(60, 62), st.integers(1, 127)),
        min_size=1,
        max_size=14,
    )
)
def test_a_pitch_sounds_exactly_where_one_of_its_notes_does(
    rows: list[tuple[int, int, int, int]],
) -> None:
    # One tick is one block: 64 samples at a quarter of 1 s and 689.06 ticks cannot be said
    # exactly, so the rate is chosen for it.
    rate, tpq = 64 * 480, 480
    score = Score((_track("a", rows),), ticks_per_quarter=tpq, tempos=(Tempo(0, 60.0),))
    plan = schedule(score, rate)
    for pitch in {row[2] for row in rows}:
        mine = [row for row in plan.events.tolist() if row[3] == pitch and row[1] != PROGRAM]
        played, strokes, since = set(), set(), None
        for block, kind, _, _, second in mine:
            if kind == NOTE_ON:
                strokes.add((block, second))
                since = block if since is None else since
            else:
                assert kind == NOTE_OFF
                assert since is not None, "an end must follow a stroke"
                played |= set(range(since, block))
                since = None
        assert since is None, "every stroke must end"
        notes = [(on, on + length, vel, p) for on, length, p, vel in rows if p == pitch]
        assert (played, strokes) == _oracle(notes)


def test_every_place_is_within_half_a_block_of_the_tempo_map() -> None:
    rng = np.random.default_rng(3)
    tempos = tuple(
        Tempo(int(tick), float(q))
        for tick, q in zip(np.arange(0, 400_000, 1000), rng.uniform(20, 400, 400), strict=True)
    )
    onsets = np.unique(rng.integers(0, 400_000, 3000))
    # Neighbours have other pitches: those of one block would be one stroke.
    rows = [(int(tick), 10, index % 128) for index, tick in enumerate(onsets)]
    score = Score((_track("a", rows),), tempos=tempos)
    blocks = [row[0] for row in _rows(schedule(score, RATE), NOTE_ON)]
    samples = score.tempo_map.to_seconds(onsets) * RATE
    assert len(blocks) == len(onsets)
    assert np.abs(np.array(blocks) * BLOCK - samples).max() <= BLOCK / 2 + 1e-6


def test_what_ends_comes_before_what_begins() -> None:
    score = Score(
        (
            _track(
                "a",
                [(0, 480, 60), (480, 480, 60)],
                programs=np.array([(480, 7)], PROGRAM_DTYPE),
                controls=np.array([(480, 0, 8), (480, 64, 127)], CONTROL_DTYPE),
                bends=np.array([(480, -8192)], BEND_DTYPE),
            ),
        )
    )
    plan = schedule(score, RATE)
    middle = plan.events["block"][plan.events["kind"] == NOTE_OFF][0]
    rows = [row[1:] for row in plan.events.tolist() if row[0] == middle]
    assert rows == [
        (NOTE_OFF, 0, 60, 0),
        (CONTROL, 0, 0, 8),
        (CONTROL, 0, 64, 127),
        (PROGRAM, 0, 7, 0),
        (BEND, 0, 0, 0),
        (NOTE_ON, 0, 60, 80),
    ]


def test_tracks_of_one_midi_channel_share_the_pedal_and_others_do_not() -> None:
    pedal = np.array([(0, 64, 127)], CONTROL_DTYPE)
    right = _track("right", [(0, 10, 72)], midi_channel=0)
    left = _track("left", [(0, 10, 48)], midi_channel=0, controls=pedal)
    other = _track("other", [(0, 10, 60)], midi_channel=1)
    rows = _rows(schedule(Score((right, left, other)), RATE), CONTROL)
    assert [row[2] for row in rows] == [0, 1]
    rows = _rows(schedule(Score((_track("x", []), _track("y", [], controls=pedal))), RATE), CONTROL)
    assert [row[2] for row in rows] == [1]


def test_the_instrument_map_overrides_programs_and_their_changes() -> None:
    change = np.array([(480, 9)], PROGRAM_DTYPE)
    tracks = (
        _track("lead", [(0, 960, 60)], program=3, programs=change),
        _track("kit", [(0, 960, 38)], is_drum=True, program=5),
    )
    score = Score(tracks)
    assert [row[3] for row in _rows(schedule(score, RATE), PROGRAM) if row[2] == 0] == [3, 9]
    plan = schedule(score, RATE, {"lead": "flute", 1: 16})
    assert [row[2:4] for row in _rows(plan, PROGRAM)] == [(0, 73), (1, 16)]
    assert [channel.is_drum for channel in channels_of(score)] == [False, True]
    assert channels_of(score)[1].program == 0, "a drum track's own program is ignored"


@pytest.mark.parametrize(
    ("programs", "message"),
    [
        ({"bass": 1}, r"tracks of the score \('lead'\), got 'bass'"),
        ({1: 1}, "got 1"),
        ({"lead": 128}, r"0\.\.127, got 128"),
        ({"lead": "theremin"}, "got 'theremin'"),
    ],
)
def test_a_wrong_instrument_map_is_refused(programs: dict[str | int, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        schedule(Score((_track("lead", [(0, 1, 60)]),)), RATE, programs)


def test_a_part_of_a_schedule_keeps_its_messages_and_the_end() -> None:
    score = Score((_track("a", [(0, 480, 60)]), _track("b", [(0, 4800, 62)], program=4)))
    whole = schedule(score, RATE)
    part = whole.only(1)
    assert part.end_block == whole.end_block
    assert part.channels == (whole.channels[1],)
    assert [row[1:4] for row in part.events.tolist()] == [
        (PROGRAM, 0, 4),
        (NOTE_ON, 0, 62),
        (NOTE_OFF, 0, 62),
    ]
