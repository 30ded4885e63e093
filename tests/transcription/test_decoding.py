"""From made-up activations to the notes that they mean, and from notes to pictures and back."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.io.midi_reader import midi_to_score
from hybrid.io.midi_writer import score_to_midi
from hybrid.transcription.decoding import NoteDecoder, Thresholds, decode
from hybrid.transcription.features import FRAME_RATE
from hybrid.transcription.notes import (
    DRUM_OF_KEY,
    DRUMS,
    HEARD_DTYPE,
    flattened,
    heard_of_score,
    score_of,
)
from hybrid.transcription.targets import targets

A_FRAME = 1 / FRAME_RATE


def silence(n_frames: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return np.zeros((4, n_frames, 88), np.float32), np.zeros((8, n_frames), np.float32)


def notes(*rows: tuple[float, float, int, int, bool]) -> NDArray[np.void]:
    return np.array(list(rows), HEARD_DTYPE)


def test_one_note() -> None:
    keys, drums = silence(40)
    keys[0, 9:12, 39] = 0.4, 0.9, 0.4
    keys[1, 10:30, 39] = 0.8
    keys[3, 10, 39] = 0.5
    (note,) = decode(keys, drums)
    assert note["pitch"] == 60
    assert note["onset"] == pytest.approx(10 * A_FRAME)
    assert note["end"] == pytest.approx(30 * A_FRAME)
    assert note["velocity"] == 64
    assert not note["drum"]


def test_between_frames() -> None:
    # A triangle of three frames' reach with its tip at 10.3.
    keys, drums = silence(40)
    keys[0, :, 39] = np.maximum(0, 1 - np.abs(np.arange(40) - 10.3) / 3)
    keys[1, 10:30, 39] = 1
    (note,) = decode(keys, drums)
    assert note["onset"] * FRAME_RATE == pytest.approx(10.3, abs=0.1)


def test_struck_again_while_it_sounds() -> None:
    keys, drums = silence(60)
    keys[0, [10, 30], 0] = 0.9
    keys[1, 10:50, 0] = 0.9
    first, second = decode(keys, drums)
    assert first["end"] == second["onset"] == pytest.approx(30 * A_FRAME)
    assert second["end"] == pytest.approx(50 * A_FRAME)
    assert first["pitch"] == 21


def test_an_end_closes_a_note_that_seems_to_sound() -> None:
    keys, drums = silence(60)
    keys[0, 10, 87] = 0.9
    keys[1, 10:, 87] = 0.9
    keys[2, 40, 87] = 0.95
    (note,) = decode(keys, drums)
    assert (note["pitch"], note["end"]) == (108, pytest.approx(40 * A_FRAME))


def test_first_and_last_frame() -> None:
    keys, drums = silence(20)
    keys[0, 0, 5] = keys[0, 19, 6] = 0.9
    keys[1, :, 5:7] = 0.9
    drums[2, 0] = drums[3, 19] = 0.9
    found = decode(keys, drums)
    assert found["drum"].tolist() == [False, True, False, True]
    assert found[~found["drum"]]["end"].max() == pytest.approx(20 * A_FRAME)
    assert (found["end"] > found["onset"]).all()


def test_thresholds() -> None:
    keys, drums = silence(20)
    keys[0, 5, 5], keys[1, 5:15, 5] = 0.6, 0.9
    assert len(decode(keys, drums)) == 1
    assert len(decode(keys, drums, Thresholds(onset=0.7))) == 0
    with pytest.raises(ConfigError, match="onset must be between 0 and 1"):
        Thresholds(onset=1.0)


def test_in_pieces_as_in_one() -> None:
    rng = np.random.default_rng(0)
    keys = rng.random((4, 300, 88)).astype(np.float32) ** 4
    drums = rng.random((8, 300)).astype(np.float32) ** 4
    whole = decode(keys, drums)
    decoder = NoteDecoder()
    for first, stop in ((0, 1), (1, 2), (2, 100), (100, 100), (100, 300)):
        decoder.add(keys[:, first:stop], drums[:, first:stop])
    assert len(whole) > 100
    assert decoder.finish().tobytes() == whole.tobytes()
    assert len(decode(*silence(0))) == 0


def test_targets_decode_to_their_notes() -> None:
    wanted = notes(
        (0.1, 0.5, 60, 90, False),
        (0.5, 0.9, 60, 40, False),
        (0.2, 1.5, 21, 127, False),
        (0.333, 0.6, 108, 1, False),
        (0.4, 0.5, 36, 96, True),
        (0.7, 0.8, 42, 96, True),
    )
    keys, drums = targets(wanted, 160)
    scaled = keys / np.array([255, 255, 255, 127])[:, None, None]
    found = decode(scaled, drums / 255)
    expected = np.sort(wanted, order=("onset", "pitch"))
    assert found["pitch"].tolist() == expected["pitch"].tolist()
    assert found["drum"].tolist() == expected["drum"].tolist()
    assert np.abs(found["onset"] - expected["onset"]).max() < 0.003
    own = ~expected["drum"]
    assert np.abs(found["end"] - expected["end"])[own].max() < 0.03
    assert found["velocity"].tolist() == expected["velocity"].tolist()
    # Notes out of the picture leave it as it is.
    beyond = notes((5.0, 6.0, 60, 90, False), (0.1, 0.2, 10, 90, False), (0.1, 0.2, 80, 9, True))
    assert not any(each.any() for each in targets(beyond, 160))


def test_flattened() -> None:
    doubled = notes(
        (1.0, 1.5, 60, 50, False),
        (1.03, 2.0, 60, 80, False),
        (1.2, 1.4, 60, 60, False),
        (1.0, 1.5, 10, 50, False),
        (1.0, 1.1, 40, 90, True),
        (1.02, 1.1, 38, 70, True),
        (1.0, 1.1, 75, 70, True),
    )
    found = flattened(doubled)
    assert [tuple(note) for note in found.tolist()] == [
        (1.0, 2.0, 60, 80, False),
        (1.0, 1.1, 38, 90, True),
        (1.2, 1.4, 60, 60, False),
    ]


def test_drums_are_each_of_one_kind() -> None:
    keys = [key for _, own in DRUMS for key in own]
    assert len(set(keys)) == len(keys)
    assert all(DRUM_OF_KEY[own[0]] == number for number, (_, own) in enumerate(DRUMS))


def test_through_midi_and_back() -> None:
    heard = notes((0.1, 0.5, 60, 90, False), (0.3, 0.4, 36, 96, True), (2.0, 3.0, 64, 1, False))
    data, _ = score_to_midi(score_of(heard, "song"))
    again = heard_of_score(midi_to_score(data).score)
    assert again.tobytes() == heard.tobytes()
    assert score_to_midi(score_of(heard, "song"))[0] == data
    # Nothing heard is a file without notes, not an error.
    assert not len(heard_of_score(midi_to_score(score_to_midi(score_of(notes()))[0]).score))
