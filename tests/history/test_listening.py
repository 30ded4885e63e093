"""The exhibits that listen: beats, chords from sound, sound written down."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.core.score import Score, Track, make_notes
from hybrid.history.audio_chords import hear_beats, heard_score
from hybrid.history.beat_tracking import arrange, share_right, wandering
from hybrid.history.chord_templates import Beats, label_by_templates, symbol
from hybrid.history.exhibit import Demonstration
from hybrid.history.hmm import TUNES
from hybrid.history.melodies import load_melodies
from hybrid.history.registry import load_exhibit, run_exhibit
from hybrid.history.wave2midi2wave import match
from hybrid.transcription.features import LOWEST, N_KEYS, SAMPLE_RATE, levels
from hybrid.transcription.key_levels import folded, key_levels
from hybrid.transcription.notes import sorted_notes


def facts(made: Demonstration) -> dict[str, str]:
    return dict(made.facts)


def tones(pitches: tuple[int, ...], seconds: float = 1.0) -> np.ndarray:
    """Tones with eight harmonics that fade by 0.7."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = np.zeros_like(time)
    for pitch in pitches:
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        for harmonic in range(1, 9):
            if harmonic * hertz < SAMPLE_RATE / 2:
                sound += 0.7 ** (harmonic - 1) * np.sin(2 * np.pi * harmonic * hertz * time)
    return (0.02 * sound).astype(np.float32)


@pytest.mark.parametrize("pitches", [(60,), (48, 64, 67), (43, 59, 62, 65), (36, 55, 63)])
def test_keys_are_told_from_their_harmonics(pitches: tuple[int, ...]) -> None:
    found = key_levels(levels(tones(pitches))[0], np.array([0.2]), np.array([0.8]))[0]
    loudest = np.argsort(-found)[: len(pitches)] + LOWEST
    assert set(loudest.tolist()) == set(pitches)
    # A plain fold of the spectrum takes harmonics for keys: a single C has a loud G in it.
    assert folded(found[None])[0].argmax() in {pitch % 12 for pitch in pitches}


def test_silence_has_no_keys() -> None:
    silent = levels(np.zeros(SAMPLE_RATE, np.float32))[0]
    assert not key_levels(silent, np.array([0.0]), np.array([1.0])).any()


def test_chords_and_bass_are_those_of_the_loud_keys() -> None:
    keys = np.zeros((3, N_KEYS))
    for row, pitches in enumerate([(43, 59, 62, 65), (48, 64, 67), ()]):
        for pitch in pitches:
            keys[row, pitch - LOWEST] = 1.0
    keys[0, 66 - LOWEST] = 0.05  # too faint to count
    empty = np.zeros((3, 12))
    heard = hear_beats(keys, Beats((0, 480, 960), (480, 960, 1440), empty, empty, (-1, -1, -1)))
    assert heard.bass == (7, 0, -1)
    assert [symbol(chord) for chord in label_by_templates(heard)[:2]] == ["G7", "C"]
    assert heard.quarters[0].sum() == pytest.approx(4)
    assert heard.segments[2].sum() == 0


def test_heard_notes_go_to_the_beats_of_the_piece() -> None:
    score = Score((Track("a", make_notes([(0, 480, 60)])),))  # 120 quarters a minute
    heard = heard_score(
        score, sorted_notes([(0.51, 0.98, 64, 80, False), (0.0, 1.0, 36, 90, True)])
    )
    assert heard.tracks[0].notes[["onset", "duration", "pitch"]].tolist() == [(480, 480, 64)]


def test_notes_are_matched_once_within_fifty_milliseconds() -> None:
    played = sorted_notes([(0.0, 1.0, 60, 80, False), (1.0, 2.0, 60, 80, False)])
    heard = sorted_notes(
        [
            (0.04, 1.0, 60, 80, False),
            (0.045, 1.0, 60, 80, False),
            (1.06, 2.0, 60, 80, False),
            (1.0, 2.0, 72, 80, False),
        ]
    )
    found = match(played, heard)
    assert sorted(found.partner.tolist()) == [-1, -1, -1, 0]
    assert found.missed == [1]


def test_shares_of_right_claps() -> None:
    beats = np.arange(0.0, 5.0, 0.5)
    assert share_right(beats, beats + 0.06) == 1
    assert share_right(beats, beats + 0.08) == 0
    assert share_right(beats, beats[::2]) == pytest.approx(2 / 3)
    assert share_right(beats, np.empty(0)) == 0


@pytest.mark.parametrize("tune", TUNES)
def test_arrangements_fill_the_tune(tune: str) -> None:
    melody = load_melodies()[tune]
    length = sum(ticks for _, ticks in melody.notes)
    parts = dict(arrange(melody, True))
    assert set(parts) == {"tune", "chords", "bass", "drums"}
    assert {onset // 1920 for onset, *_ in parts["bass"]} == set(range(length // 1920))
    assert all(
        onset + duration <= length for rows in parts.values() for onset, duration, *_ in rows
    )


def test_tempos_wander_around_what_is_set() -> None:
    rng = np.random.default_rng(0)
    steady = wandering(rng, 16, 100.0, 0.0)
    assert {tempo.qpm for tempo in steady} == {100.0}
    moved = np.log([tempo.qpm for tempo in wandering(rng, 64, 100.0, 0.2)])
    assert moved.std() == pytest.approx(0.2, abs=0.02)


@pytest.mark.soundfont
def test_the_machine_claps_better_than_a_metronome() -> None:
    made = run_exhibit(load_exhibit("beat-tracking"), 3)[0]
    shown = facts(made)
    right = int(shown["Beats right (F)"].rstrip("%"))
    assert right >= 90
    assert right > int(shown["A metronome at the set tempo"].rstrip("%")) + 20


@pytest.mark.soundfont
def test_chords_are_heard_and_the_chain_helps_the_templates() -> None:
    shown = facts(run_exhibit(load_exhibit("audio-chords"), 3)[0])
    roots = [int(value.split("%")[0]) for name, value in shown.items() if "against" in name]
    assert min(roots) >= 60  # any one of twelve roots would be right one time in twelve
    assert roots[1] >= roots[0]


@pytest.mark.soundfont
def test_what_is_written_down_is_mostly_what_was_played() -> None:
    shown = facts(run_exhibit(load_exhibit("wave2midi2wave"), 3)[0])
    assert float(shown["Note F1"]) >= 0.7
    deaf = facts(run_exhibit(load_exhibit("wave2midi2wave"), 3, {"threshold": "0.95"})[0])
    assert int(deaf["Notes heard"]) < int(shown["Notes heard"])
