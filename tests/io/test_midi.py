"""MIDI files: what survives, what is named as lost, and what is refused."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import FormatError
from hybrid.core.pitch import Key
from hybrid.core.score import (
    NOTE_DTYPE,
    PROGRAM_DTYPE,
    Articulation,
    KeySignature,
    Lyric,
    Marker,
    Score,
    Slur,
    Track,
    make_notes,
)
from hybrid.core.timeline import Metre, Tempo
from hybrid.io import midi_bytes as wire
from hybrid.io.midi import midi_to_score, read_midi, score_to_midi, write_midi

# Small files by hand ----------------------------------------------------------------------


def smf(*tracks: bytes, division: int = 480, file_format: int = 1) -> bytes:
    """A file of tracks given as bytes; the end of track is added."""
    return wire.build(division, [body + b"\x00\xff\x2f\x00" for body in tracks], file_format)


ON, OFF = b"\x00\x90\x3c\x40", b"\x60\x80\x3c\x40"  # middle C now, off 96 ticks later


def round_trip(score: Score) -> Score:
    return midi_to_score(score_to_midi(score)[0]).score


# What survives ----------------------------------------------------------------------------


def test_a_performance_survives(played_score: Score) -> None:
    data, losses = score_to_midi(played_score)
    reading = midi_to_score(data)
    again = reading.score
    assert losses == ()
    assert reading.losses == ()
    for before, after in zip(played_score.tracks, again.tracks, strict=True):
        assert after.name == before.name
        assert after.program == before.program
        assert after.is_drum == before.is_drum
        assert after.lyrics == before.lyrics
        for array in ("notes", "controls", "bends", "programs"):
            assert np.array_equal(getattr(after, array), getattr(before, array)), array
    assert again.tracks[0].midi_channel == 2
    for name in ("tempos", "metres", "markers", "title", "length", "ticks_per_quarter"):
        assert getattr(again, name) == getattr(played_score, name), name
    assert [item.key.name for item in again.keys] == ["Eb major", "D dorian"]
    assert [item.tick for item in again.keys] == [0, 1920]


def test_what_notation_has_and_midi_has_not_is_named(rich_score: Score) -> None:
    data, losses = score_to_midi(rich_score)
    again = midi_to_score(data).score
    assert again.title == rich_score.title
    assert again.composer == rich_score.composer
    assert again.pickup_ticks == 480
    assert again.metres == rich_score.metres
    assert [bar.start for bar in again.bars] == [bar.start for bar in rich_score.bars]
    text = "\n".join(losses)
    for lost in (
        "spellings of notes",
        "1 track with several voices",
        "1 slur",
        "3 articulations",
        "2 grace notes",
        "2 clefs",
        "2 syllables of later verses",
        "1 repeat: written once",
    ):
        assert lost in text


def test_the_same_score_gives_the_same_bytes(rich_score: Score, tmp_path: Path) -> None:
    write_midi(rich_score, tmp_path / "a.mid")
    write_midi(rich_score, tmp_path / "b.mid")
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


@pytest.mark.parametrize("qpm", [60.0, 97.3, 120.0, 91.25, 133.333, 999.0, 4.0])
def test_tempi_survive_the_rounding_to_microseconds(qpm: float) -> None:
    score = Score((), tempos=(Tempo(0, qpm),), length=480)
    assert round_trip(score).tempos == (Tempo(0, qpm),)


def test_a_tempo_too_slow_for_midi_is_named() -> None:
    score = Score((), tempos=(Tempo(0, 2.0),), length=480)
    data, losses = score_to_midi(score)
    assert losses == ("tempo 2 at tick 0: written as 3.58, the slowest of MIDI",)
    assert midi_to_score(data).score.tempos[0].qpm == pytest.approx(3.576, abs=0.01)


@pytest.mark.parametrize(
    ("pickup", "signature"), [(480, (1, 4)), (240, (1, 8)), (720, (3, 8)), (160, None)]
)
def test_a_pickup_is_a_short_bar_to_other_programs(
    pickup: int, signature: tuple[int, int] | None
) -> None:
    import miditoolkit

    track = Track("x", make_notes([(0, pickup + 1440, 60)]))
    score = Score((track,), metres=(Metre(0, 3, 4),), pickup_ticks=pickup)
    data, _ = score_to_midi(score)
    again = midi_to_score(data).score
    assert again.pickup_ticks == pickup
    assert again.metres == score.metres
    found = miditoolkit.MidiFile(file=io.BytesIO(data)).time_signature_changes
    if signature is None:
        assert [(item.numerator, item.denominator) for item in found] == [(3, 4)]
    else:
        assert [(item.numerator, item.denominator, item.time) for item in found] == [
            (*signature, 0),
            (3, 4, pickup),
        ]


def test_a_metre_change_right_after_the_pickup_survives() -> None:
    score = Score(
        (Track("x", make_notes([(0, 4800, 60)])),),
        metres=(Metre(0, 3, 4), Metre(480, 4, 4)),
        pickup_ticks=480,
    )
    assert round_trip(score).metres == score.metres


def test_keys_beyond_seven_accidentals_and_modes_come_back() -> None:
    keys = tuple(
        KeySignature(480 * at, Key.parse(name))
        for at, name in enumerate(("C", "a", "F#", "Cb", "E lydian", "G# major", "B mixolydian"))
    )
    score = Score((), keys=keys, length=4800)
    assert [item.key for item in round_trip(score).keys] == [item.key for item in keys]


def test_programs_of_many_tracks_need_ports() -> None:
    tracks = tuple(Track(f"t{at}", make_notes([(0, 480, 60)]), program=at) for at in range(20))
    data, losses = score_to_midi(Score(tracks))
    again = midi_to_score(data).score
    assert [track.program for track in again.tracks] == list(range(20))
    assert 9 not in [track.midi_channel for track in again.tracks]
    assert losses == (
        "5 tracks: beyond 15 melodic channels, on further MIDI ports, which some players ignore",
    )


def test_two_programs_on_one_channel_are_named() -> None:
    tracks = tuple(
        Track(name, make_notes([(0, 480, 60)]), program=program, midi_channel=3)
        for name, program in (("a", 1), ("b", 2))
    )
    data, losses = score_to_midi(Score(tracks))
    assert [track.program for track in midi_to_score(data).score.tracks] == [1, 2]
    assert losses == (
        "tracks 'a' and 'b' share channel 4 with programs 1 and 2: players use the last one",
    )


def test_bank_select_comes_before_the_program() -> None:
    import mido

    from hybrid.core.score import CONTROL_DTYPE

    track = Track(
        "x",
        make_notes([(0, 480, 60)]),
        program=9,
        controls=np.array([(0, 7, 90), (0, 0, 1), (0, 32, 2)], dtype=CONTROL_DTYPE),
    )
    data, _ = score_to_midi(Score((track,)))
    kinds = [
        (message.type, getattr(message, "control", None))
        for message in mido.MidiFile(file=io.BytesIO(data)).tracks[1]
        if not message.is_meta
    ]
    assert kinds[:4] == [
        ("control_change", 0),
        ("control_change", 32),
        ("program_change", None),
        ("control_change", 7),
    ]


# Overlaps ---------------------------------------------------------------------------------


def test_overlapping_notes_of_one_pitch_end_in_order() -> None:
    notes = make_notes([(0, 480, 60, 10), (240, 480, 60, 20), (720, 100, 60, 30)])
    assert np.array_equal(round_trip(Score((Track("x", notes),))).tracks[0].notes, notes)


def test_notes_of_one_pitch_that_begin_together_keep_their_lengths() -> None:
    notes = make_notes([(0, 100, 60, 10), (0, 480, 60, 20), (100, 480, 60, 30)])
    assert np.array_equal(round_trip(Score((Track("x", notes),))).tracks[0].notes, notes)


def test_a_note_inside_a_longer_one_is_named() -> None:
    notes = make_notes([(0, 960, 60), (240, 240, 60), (0, 480, 62)])
    data, losses = score_to_midi(Score((Track("x", notes),)))
    assert losses == (
        "1 note: inside a longer one of the same pitch in track 'x': their ends change places",
    )
    ends = midi_to_score(data).score.tracks[0].notes
    assert sorted((ends["onset"] + ends["duration"]).tolist()) == [480, 480, 960]


notes_strategy = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(1, 300), st.integers(0, 127), st.integers(1, 127)),
    max_size=40,
)


@given(notes_strategy, st.integers(1, 32767))
def test_reading_is_the_inverse_of_writing(rows: list[tuple[int, ...]], quarter: int) -> None:
    score = Score((Track("x", make_notes(rows)),), ticks_per_quarter=quarter)
    data, losses = score_to_midi(score)
    again = midi_to_score(data).score
    assert again.ticks_per_quarter == quarter
    if not losses:
        assert sorted(again.tracks[0].notes.tolist()) == sorted(score.tracks[0].notes.tolist())
    # What MIDI has said once it says again.
    assert score_to_midi(again)[0] == data


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(junk: bytes) -> None:
    for data in (junk, b"MThd" + junk, smf(junk), smf(ON + junk)):
        message = ""
        try:
            midi_to_score(data, zero_length="drop")
        except FormatError as error:
            message = str(error)
        assert "\n" not in message


# Oracles ----------------------------------------------------------------------------------


def test_mido_reads_what_we_write(played_score: Score) -> None:
    import mido

    data, _ = score_to_midi(played_score)
    file = mido.MidiFile(file=io.BytesIO(data), charset="utf-8")
    assert file.type == 1
    assert file.ticks_per_beat == 480
    found = []
    for track in file.tracks[1:]:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "note_on":
                found.append((tick, message.note, message.velocity, message.channel))
    expected = [
        (int(note["onset"]), int(note["pitch"]), int(note["velocity"]), channel)
        for track, channel in zip(played_score.tracks, (2, 9), strict=True)
        for note in track.notes
    ]
    assert sorted(found) == sorted(expected)
    assert [m.text for m in file.tracks[0] if m.type == "marker"] == ["Intro", "Ünïsono"]


@given(notes_strategy)
def test_we_read_what_miditoolkit_writes(rows: list[tuple[int, ...]]) -> None:
    import miditoolkit

    midi = miditoolkit.MidiFile(ticks_per_beat=96)
    piano = miditoolkit.Instrument(program=5, name="piano")
    # One note of a pitch at a time, so that on and off cannot be taken for each other's.
    seen: dict[int, int] = {}
    for onset, duration, pitch, velocity in sorted(rows):
        if seen.get(pitch, -1) <= onset:
            piano.notes.append(miditoolkit.Note(velocity, pitch, onset, onset + duration))
            seen[pitch] = onset + duration
    midi.instruments.append(piano)
    midi.tempo_changes = [miditoolkit.TempoChange(90, 0)]
    midi.markers = [miditoolkit.Marker("A", 0)]
    stream = io.BytesIO()
    midi.dump(file=stream)
    score = midi_to_score(stream.getvalue()).score
    found = [
        (int(n["onset"]), int(n["duration"]), int(n["pitch"]), int(n["velocity"]))
        for track in score.tracks
        for n in track.notes
    ]
    expected = [(n.start, n.end - n.start, n.pitch, n.velocity) for n in piano.notes]
    assert sorted(found) == sorted(expected)
    assert score.tempos == (Tempo(0, 90.0),)
    assert score.markers == (Marker(0, "A"),)


def test_a_slow_pairing_agrees() -> None:
    """Events in any order: the vectorised pairing against a queue for each pitch."""
    rng = np.random.default_rng(5)
    for _ in range(40):
        body, tick = b"", 0
        queues: dict[int, list[int]] = {}
        expected, strays = [], 0
        for _ in range(60):
            delta = int(rng.integers(1, 9))
            pitch = int(rng.integers(60, 63))
            tick += delta
            if rng.random() < 0.5:
                body += bytes((delta, 0x90, pitch, 64))
                queues.setdefault(pitch, []).append(tick)
            else:
                body += bytes((delta, 0x80, pitch, 64))
                if queues.get(pitch):
                    onset = queues[pitch].pop(0)
                    expected.append((onset, tick - onset, pitch))
                else:
                    strays += 1
        hanging = sum(len(queue) for queue in queues.values())
        for pitch, queue in queues.items():
            expected += [(onset, tick - onset, pitch) for onset in queue if tick > onset]
        reading = midi_to_score(smf(body))
        notes = reading.score.tracks[0].notes
        found = [(int(n["onset"]), int(n["duration"]), int(n["pitch"])) for n in notes]
        assert sorted(found) == sorted(expected)
        text = "\n".join(reading.losses)
        assert ("without a note:" in text or "stray" in text) == bool(strays)
        assert ("without a note-off" in text) == bool(hanging)


# Formats, tracks, channels ----------------------------------------------------------------


def test_format_0_gives_a_track_for_each_channel() -> None:
    body = (
        b"\x00\xff\x03\x04Song\x00\xc0\x05\x00\xc1\x06"
        b"\x00\x90\x3c\x40\x00\x91\x40\x40\x60\x80\x3c\x40\x00\x81\x40\x40"
    )
    score = midi_to_score(smf(body, file_format=0)).score
    assert score.title == "Song"
    assert [track.name for track in score.tracks] == ["Song channel 1", "Song channel 2"]
    assert [track.program for track in score.tracks] == [5, 6]


def test_the_patterns_of_format_2_follow_each_other() -> None:
    reading = midi_to_score(smf(ON + OFF, ON + OFF, file_format=2))
    onsets = [track.notes["onset"].tolist() for track in reading.score.tracks]
    assert onsets == [[0], [96]]
    assert reading.losses == ("format 2: its 2 independent patterns are laid one after another",)


def test_a_program_of_the_channel_holds_for_all_its_chunks() -> None:
    reading = midi_to_score(smf(b"\x00\xc0\x07" + ON + OFF, ON + OFF))
    assert [track.program for track in reading.score.tracks] == [7, 7]


def test_a_program_after_the_first_note_is_a_change() -> None:
    score = midi_to_score(smf(ON + OFF + b"\x00\xc0\x07")).score
    assert score.tracks[0].program == 0
    expected = np.array([(96, 7)], dtype=PROGRAM_DTYPE)
    assert score.tracks[0].programs is not None
    assert np.array_equal(score.tracks[0].programs, expected)


def test_lyrics_without_notes_are_a_track() -> None:
    score = midi_to_score(smf(b"", b"\x00\xff\x03\x05Words\x0a\xff\x05\x02la")).score
    assert score.tracks[0].name == "Words"
    assert score.tracks[0].lyrics == (Lyric(10, "la"),)


def test_an_empty_named_track_is_named() -> None:
    reading = midi_to_score(smf(b"", b"\x00\xff\x03\x03Foo", ON + OFF))
    assert reading.losses == ("track 2 'Foo' has neither notes nor lyrics: left out",)


def test_running_status_and_note_on_without_velocity() -> None:
    score = midi_to_score(smf(b"\x00\x90\x3c\x40\x60\x3c\x00\x00\x3e\x50\x60\x3e\x00")).score
    notes = score.tracks[0].notes
    assert notes["onset"].tolist() == [0, 96]
    assert notes["duration"].tolist() == [96, 96]
    assert notes["velocity"].tolist() == [64, 80]


def test_running_status_goes_on_after_a_meta_event() -> None:
    # Not allowed by the standard, but written by programs.
    score = midi_to_score(smf(b"\x00\x90\x3c\x40\x00\xff\x06\x01A\x60\x3c\x00")).score
    assert score.tracks[0].notes["duration"].tolist() == [96]


def test_text_in_latin_1_is_understood() -> None:
    score = midi_to_score(smf(b"\x00\xff\x03\x04H\xf6he" + ON + OFF)).score
    assert score.tracks[0].name == "Höhe"


def test_a_riff_wrapper_is_opened() -> None:
    inner = smf(ON + OFF)
    size = len(inner)
    data = b"RIFF" + (size + 12).to_bytes(4, "little") + b"RMIDdata" + size.to_bytes(4, "little")
    assert midi_to_score(data + inner).score.n_notes == 1


def test_unknown_chunks_and_events_are_named() -> None:
    body = (
        b"\x00\xf0\x03\x01\x02\xf7"  # system exclusive
        b"\x00\xd0\x10\x00\xa0\x3c\x11"  # channel and key pressure
        b"\x00\xff\x01\x02hi\x00\xff\x02\x01c\x00\xff\x7f\x01\x00\x00\xff\x60\x00"
    )
    data = smf(body + b"\x00\x90\x3c\x40\x60\x80\x3c\x11")
    data = data[:14] + b"XXXX\x00\x00\x00\x02ab" + data[14:]
    text = "\n".join(midi_to_score(data).losses)
    for lost in (
        "1 system exclusive event",
        "1 channel pressure event",
        "1 key pressure event",
        "1 text event",
        "1 copyright notice",
        "1 sequencer's own event",
        "1 meta event 0x60",
        "1 release velocity",
        "1 chunk of an unknown type",
    ):
        assert lost in text


def test_silence_at_the_end_is_kept_and_dust_is_not() -> None:
    for silence, expected in ((1, 96), (480, 576)):
        body = ON + OFF + wire.encode_length(silence) + b"\xff\x2f\x00"
        data = wire.build(480, [body])
        assert midi_to_score(data).score.length == expected


# Refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"Dear Sir or Madam,\n", "must begin with 'MThd', got b'Dear'"),
        (b"", "must begin with 'MThd'"),
        (b"MThd\x00\x00\x00\x06\x00\x01", "must have 14 bytes, got 10: the file is cut"),
        (smf(ON + OFF)[:-6], r"track 1 must have 12 bytes, got 6: the file is cut"),
        (smf(ON, ON)[:-14], r"the header names 2 tracks, got 1: the file is cut"),
        (smf(ON, division=0), "time division must be 1 tick"),
        (smf(ON, division=0xE728), "got SMPTE time of 25 frames"),
        (smf(ON, file_format=3), "format 0, 1 or 2, got 3"),
        (smf(b"\x00\x90\xc8\x40"), r"a data byte must be in 0..127, got 200 \(track 1, tick 0"),
        (smf(b"\x00\x90\x3c\xc8"), r"a data byte must be in 0..127, got 200 \(track 1, tick 0"),
        (smf(b"\x00\x3c\x40"), "must begin with a status byte, got 60"),
        (smf(b"\x00\xf5"), "status byte 0xf5 must not stand in a file"),
        (smf(b"\x81\x81\x81\x81\x01\x90\x3c\x40"), "a delta time must have at most 4 bytes"),
        (smf(b"\x00\xff\x51\x02\x01\x02"), r"meta event 0x51 must have 3 bytes or more, got 2"),
        (smf(b"\x00\xff\x51\x03\x00\x00\x00"), r"a tempo must be in .* got 0 \(track 1, tick 0\)"),
        (smf(b"\x00\xff\x59\x02\x09\x00"), r"a key signature must have -7..7 .* got 9 and 0"),
        (smf(b"\x00\xff\x58\x04\x04\x09\x18\x08"), r"denominator .* got 512 \(track 1, tick 0\)"),
        (smf(b"\x00\xff\x58\x04\x00\x02\x18\x08"), r"numerator must be in 1..128, got 0"),
        (wire.build(480, [b"\x00\x90\x3c"]), "the last event runs past the end of its track"),
        (wire.build(480, [b"\x00\xff\x06\x10ab"]), "runs past the end of its track"),
    ],
)
def test_what_is_no_midi_is_refused_with_its_place(data: bytes, rule: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.mid"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=rule) as caught:
        read_midi(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_note_of_no_length_is_refused_or_named() -> None:
    data = smf(b"\x60\x90\x3c\x40\x00\x80\x3c\x40" + ON + OFF)
    with pytest.raises(
        FormatError,
        match=r"duration of 1 tick or more, got 0 \(track 1, channel 1, tick 96, pitch 60\)",
    ):
        midi_to_score(data)
    reading = midi_to_score(data, zero_length="drop")
    assert reading.score.n_notes == 1
    assert reading.losses == (
        "1 note of no length left out (first: track 1, channel 1, tick 96, pitch 60)",
    )


def test_notes_that_never_end_are_named() -> None:
    reading = midi_to_score(smf(ON + b"\x60\x90\x3e\x40\x60\x80\x3e\x40"))
    assert reading.score.tracks[0].notes["duration"].tolist() == [192, 96]
    assert reading.losses == (
        "1 note without a note-off, ended with the track (track 1, channel 1, first at tick 0, "
        "pitch 60)",
    )


def test_a_track_without_an_end_is_named() -> None:
    reading = midi_to_score(wire.build(480, [ON + OFF]))
    assert reading.losses == ("track 1 has no end-of-track event: taken as ending there",)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"cannot read .*none\.mid: No such file"):
        read_midi(tmp_path / "none.mid")


def test_pauses_beyond_midi_are_refused() -> None:
    score = Score((Track("x", make_notes([(2**28, 1, 60)])),))
    with pytest.raises(FormatError, match="pauses of at most 268435455 ticks"):
        score_to_midi(score)


def test_odd_channels_are_put_right_and_named() -> None:
    notes = make_notes([(0, 480, 60)])
    tracks = (
        Track("drums", notes, is_drum=True, midi_channel=3),
        Track("piano", notes, midi_channel=9),
    )
    data, losses = score_to_midi(Score(tracks))
    again = midi_to_score(data).score
    assert [track.midi_channel for track in again.tracks] == [9, 0]
    assert losses == (
        "track 'drums': drums are written on channel 10",
        "track 'piano': channel 10 is for drums, so it gets another",
    )


def test_marks_of_notation_are_counted() -> None:
    track = Track(
        "x",
        make_notes([(0, 480, 60, 80, 1, 0)]),
        articulations=(Articulation(0, 60, "accent"),),
        slurs=(Slur(0, 480),),
    )
    _, losses = score_to_midi(Score((track,)))
    assert losses == (
        "1 spelling of a note: MIDI has no place for them",
        "1 slur: MIDI has no place for them",
        "1 articulation: MIDI has no place for them",
    )


def test_a_hundred_thousand_notes_are_no_matter() -> None:
    notes = np.zeros(100_000, dtype=NOTE_DTYPE)
    notes["onset"] = np.arange(100_000) * 60
    notes["duration"], notes["velocity"], notes["spelling"] = 100, 80, -128
    notes["pitch"] = 36 + np.arange(100_000) % 48
    assert np.array_equal(round_trip(Score((Track("m", notes),))).tracks[0].notes, notes)


@given(st.integers(0, wire.MAX_DELTA))
def test_lengths_of_variable_size(value: int) -> None:
    body = wire.encode_length(value) + b"\xff\x06\x00"
    raw = wire.parse(smf(body))
    assert raw.tracks[0].metas[0].tick == value


def test_a_second_writing_changes_nothing(rich_score: Score) -> None:
    first = midi_to_score(score_to_midi(rich_score)[0]).score
    second = midi_to_score(score_to_midi(first)[0]).score
    assert replace(first, tracks=()).markers == replace(second, tracks=()).markers
    assert score_to_midi(first)[0] == score_to_midi(second)[0]
