"""The view in seconds: pretty_midi and piano rolls."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from hybrid.core.errors import ConfigError
from hybrid.core.score import Score, Track, make_notes
from hybrid.core.timeline import Tempo
from hybrid.io.midi import score_to_midi
from hybrid.io.seconds import from_pretty_midi, piano_roll, to_pretty_midi


def test_a_performance_survives(played_score: Score) -> None:
    pm, losses = to_pretty_midi(played_score)
    again = from_pretty_midi(pm).score
    for before, after in zip(played_score.tracks, again.tracks, strict=True):
        for array in ("notes", "controls", "bends"):
            assert np.array_equal(getattr(after, array), getattr(before, array)), array
        assert (after.name, after.program, after.is_drum) == (
            before.name,
            before.program,
            before.is_drum,
        )
    assert again.tracks[0].lyrics == played_score.tracks[0].lyrics
    assert again.tempos == played_score.tempos
    assert again.metres == played_score.metres
    assert [item.key.name for item in again.keys] == ["Eb major", "D minor"]
    assert losses == (
        "1 mode other than major and minor: taken by its third",
        "2 program changes: pretty_midi has one program a track",
        "2 markers: pretty_midi has no place for them",
    )


def test_seconds_are_those_of_the_tempo_map(played_score: Score) -> None:
    pm, _ = to_pretty_midi(played_score)
    note = pm.instruments[0].notes[-1]
    assert note.start == pytest.approx(played_score.tempo_map.seconds(251))
    end = int((played_score.tracks[0].notes[-1]["onset"]) + 1000)
    assert max(n.end for n in pm.instruments[0].notes) == pytest.approx(
        played_score.tempo_map.seconds(end)
    )


def test_pretty_midi_reads_our_files_alike(played_score: Score) -> None:
    import pretty_midi

    # Of two notes of one pitch it ends both with the first note-off.
    keys, drums = played_score.tracks
    score = replace(played_score, tracks=(replace(keys, notes=keys.notes[[0, 1, 3]]), drums))
    ours, _ = to_pretty_midi(score)
    theirs = pretty_midi.PrettyMIDI(io.BytesIO(score_to_midi(score)[0]))
    rows = [
        sorted(
            (round(n.start, 6), round(n.end, 6), n.pitch, n.velocity)
            for instrument in pm.instruments
            for n in instrument.notes
        )
        for pm in (ours, theirs)
    ]
    # A file's tempo is in whole microseconds a quarter.
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-5)


def test_what_is_lost_is_named(rich_score: Score) -> None:
    _, losses = to_pretty_midi(rich_score)
    text = "\n".join(losses)
    for lost in ("2 markers", "1 repeat", "the pickup", "spellings", "1 slur", "2 grace notes"):
        assert lost in text


def test_a_roll_shows_what_sounds_at_each_frame() -> None:
    notes = make_notes(
        [(0, 480, 60, 90), (480, 240, 64, 70), (480, 960, 60, 50), (480, 480, 60, 80)]
    )
    track = Track("x", notes)
    drums = Track("d", make_notes([(0, 480, 40)]), is_drum=True)
    score = Score((track, drums), tempos=(Tempo(0, 60.0),))
    roll = piano_roll(score, fps=4)
    assert roll.shape == (128, 12)
    assert roll.dtype == np.float32
    assert roll[60].tolist() == [90] * 4 + [80] * 4 + [50] * 4
    assert roll[64].tolist() == [0] * 4 + [70] * 2 + [0] * 6
    assert roll.sum() == roll[60].sum() + roll[64].sum()


def test_a_roll_agrees_with_a_slow_one() -> None:
    rng = np.random.default_rng(2)
    rows = [
        (
            int(rng.integers(0, 4000)),
            int(rng.integers(1, 900)),
            int(rng.integers(50, 60)),
            int(rng.integers(1, 128)),
        )
        for _ in range(60)
    ]
    score = Score((Track("x", make_notes(rows)),), tempos=(Tempo(0, 97.0), Tempo(900, 140.0)))
    roll = piano_roll(score, fps=20)
    slow = np.zeros_like(roll)
    for onset, duration, pitch, velocity in rows:
        start = score.tempo_map.seconds(onset) * 20
        end = score.tempo_map.seconds(onset + duration) * 20
        frames = [frame for frame in range(roll.shape[1]) if start <= frame < end]
        for frame in frames or [int(np.ceil(start))]:
            if frame < roll.shape[1]:
                slow[pitch, frame] = max(slow[pitch, frame], velocity)
    assert np.array_equal(roll, slow)


@pytest.mark.parametrize("fps", [0, -1, 1001])
def test_frames_a_second(fps: float) -> None:
    with pytest.raises(ConfigError, match="fps must be above 0 and at most 1000"):
        piano_roll(Score((), length=480), fps)
