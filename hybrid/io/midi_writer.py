"""Score -> Standard MIDI File; see `hybrid.io.midi` for what is kept."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import NO_SPELLING, Key
from hybrid.core.score import Score, Track
from hybrid.core.timeline import Metre
from hybrid.io import midi_bytes as wire
from hybrid.io import midi_text
from hybrid.io.midi_reader import DRUM_CHANNEL
from hybrid.io.reading import Losses, count_of

RELEASE_VELOCITY = 64  # what MIDI 1.0 prescribes where none was measured
BANK_SELECT = (0, 32)
MAX_MICROSECONDS = 2**24 - 1
# Order among events of one tick: the old notes end, the instrument is set, new notes begin.
_RANK_META, _RANK_OFF, _RANK_BANK, _RANK_PROGRAM, _RANK_CONTROL, _RANK_BEND, _RANK_ON = range(7)
_RANK_STEP = 2**40


@dataclass(frozen=True)
class _Place:
    port: int
    channel: int


def score_to_midi(score: Score) -> tuple[bytes, tuple[str, ...]]:
    """`hybrid.io.midi.write_midi` into bytes; the second value names the losses."""
    losses = Losses()
    places = _channels(score.tracks, losses)
    bodies = [_conductor(score, losses)]
    for track, place in zip(score.tracks, places, strict=True):
        bodies.append(_track(track, place, score.length, losses))
    _name_what_is_lost(score, losses)
    return wire.build(score.ticks_per_quarter, bodies), losses.lines()


# Conductor ------------------------------------------------------------------------------


def _conductor(score: Score, losses: Losses) -> bytes:
    metas: list[tuple[int, int, bytes]] = []

    def add(tick: int, kind: int, data: bytes) -> None:
        metas.append((tick, len(metas), wire.meta(kind, data)))

    if score.title:
        add(0, wire.TRACK_NAME, score.title.encode())
    if score.composer:
        add(0, wire.TEXT, midi_text.composer_text(score.composer).encode())
    for metre in _metres(score, add):
        if metre.numerator > 255:
            losses.add(1, f"metre {metre.name}", "MIDI holds numerators up to 255")
            continue
        beat = int(24 * metre.beat_quarters)  # MIDI clocks of a metronome click
        data = (metre.numerator, metre.denominator.bit_length() - 1, max(1, min(beat, 255)), 8)
        add(metre.tick, wire.TIME_SIGNATURE, bytes(data))
    for signature in score.keys:
        if signature.key != _plain_key(signature.key):
            add(signature.tick, wire.TEXT, midi_text.key_text(signature.key).encode())
        plain = _plain_key(signature.key)
        add(signature.tick, wire.KEY_SIGNATURE, bytes((plain.fifths % 256, plain.is_minor)))
    for tempo in score.tempos:
        microseconds = round(60e6 / tempo.qpm)
        if microseconds > MAX_MICROSECONDS:
            losses.say(
                f"tempo {tempo.qpm:g} at tick {tempo.tick}: written as 3.58, the slowest of MIDI"
            )
            microseconds = MAX_MICROSECONDS
        add(tempo.tick, wire.TEMPO, microseconds.to_bytes(3, "big"))
    for marker in score.markers:
        add(marker.tick, wire.MARKER, marker.text.encode())
    empty = np.empty(0, dtype=np.int64)
    end = max([score.length, *(tick for tick, _, _ in metas)])
    return wire.track_bytes(empty, empty, empty, metas, end)


def _metres(score: Score, add: Any) -> list[Metre]:
    """Metre changes as MIDI says them: a pickup is a bar of its own length."""
    metres = list(score.metres)
    if not score.pickup_ticks:
        return metres
    first = metres[0] if metres and metres[0].tick == 0 else Metre(0, 4, 4)
    quarters = Fraction(score.pickup_ticks, score.ticks_per_quarter)
    add(0, wire.TEXT, midi_text.pickup_text(quarters, first).encode())
    for denominator in (4, 8, 16, 32, 64):
        numerator = quarters * denominator / 4
        if numerator.denominator == 1 and numerator <= 128:
            short = Metre(0, int(numerator), denominator)
            later = [metre for metre in metres if metre.tick > 0]
            if not any(metre.tick == score.pickup_ticks for metre in later):
                later.append(Metre(score.pickup_ticks, first.numerator, first.denominator))
            return [short, *sorted(later)]
    return metres


def _plain_key(key: Key) -> Key:
    """The major or minor key that stands for ``key`` in a MIDI key signature."""
    fifths = key.fifths
    while not -7 <= fifths <= 7:
        fifths += 12 if fifths < 0 else -12
    return Key.from_fifths(fifths, "minor" if key.is_minor else "major")


# Channels -------------------------------------------------------------------------------


def _channels(tracks: tuple[Track, ...], losses: Losses) -> list[_Place]:
    """A port and channel for each track.

    A channel that a track names is kept (channel 10 is for drums and only for them). The
    others get the lowest free one; beyond the fifteenth melodic channel a second port is
    opened, as sequencers do.
    """
    taken = {
        _Place(0, track.midi_channel)
        for track in tracks
        if track.midi_channel is not None and (track.midi_channel == DRUM_CHANNEL) == track.is_drum
    }
    places = []
    for track in tracks:
        if track.is_drum:
            if track.midi_channel not in (None, DRUM_CHANNEL):
                losses.say(f"track {track.name!r}: drums are written on channel 10")
            places.append(_Place(0, DRUM_CHANNEL))
        elif track.midi_channel is not None and track.midi_channel != DRUM_CHANNEL:
            places.append(_Place(0, track.midi_channel))
        else:
            if track.midi_channel == DRUM_CHANNEL:
                losses.say(f"track {track.name!r}: channel 10 is for drums, so it gets another")
            place = _first_free(taken)
            taken.add(place)
            places.append(place)
    _name_conflicts(tracks, places, losses)
    return places


def _first_free(taken: set[_Place]) -> _Place:
    for port in range(128):
        for channel in range(16):
            place = _Place(port, channel)
            if channel != DRUM_CHANNEL and place not in taken:
                return place
    # 1920 melodic tracks: the last channel is shared.
    return _Place(127, 15)


def _name_conflicts(tracks: tuple[Track, ...], places: list[_Place], losses: Losses) -> None:
    beyond = sum(place.port > 0 for place in places)
    losses.add(
        beyond,
        "track",
        "beyond 15 melodic channels, on further MIDI ports, which some players ignore",
    )
    by_place: dict[_Place, Track] = {}
    for track, place in zip(tracks, places, strict=True):
        other = by_place.setdefault(place, track)
        if other.program != track.program and not track.is_drum:
            losses.say(
                f"tracks {other.name!r} and {track.name!r} share channel {place.channel + 1} "
                f"with programs {other.program} and {track.program}: players use the last one"
            )


# Tracks ---------------------------------------------------------------------------------


def _track(track: Track, place: _Place, length: int, losses: Losses) -> bytes:
    channel = place.channel
    notes, controls, changes, bends = track.notes, track.controls, track.programs, track.bends
    assert controls is not None
    assert changes is not None
    assert bends is not None
    # Of notes that start together the shortest comes first: its end is the first one, too.
    notes = notes[np.lexsort((notes["duration"], notes["pitch"], notes["onset"]))]
    n_nested = _count_nested(notes)
    losses.add(
        n_nested,
        "note",
        f"inside a longer one of the same pitch in track {track.name!r}: their ends change places",
    )
    ends = notes["onset"] + notes["duration"]
    off_order = np.lexsort((notes["onset"], ends))
    pitches, velocities = notes["pitch"].astype(np.int64), notes["velocity"].astype(np.int64)
    first = np.array([track.program], dtype=np.int64)
    bend_values = bends["value"].astype(np.int64) + 8192
    numbers = controls["number"].astype(np.int64)
    values = controls["value"].astype(np.int64)
    is_bank = np.isin(numbers, BANK_SELECT)
    parts: list[tuple[NDArray[Any], int, int, NDArray[Any], NDArray[Any] | int]] = [
        (ends[off_order], _RANK_OFF, wire.NOTE_OFF, pitches[off_order], RELEASE_VELOCITY),
        (
            controls["tick"][is_bank],
            _RANK_BANK,
            wire.CONTROL,
            numbers[is_bank],
            values[is_bank],
        ),
        (np.zeros(1, dtype=np.int64), _RANK_PROGRAM, wire.PROGRAM, first, 0),
        (
            changes["tick"],
            _RANK_PROGRAM,
            wire.PROGRAM,
            changes["program"].astype(np.int64),
            0,
        ),
        (
            controls["tick"][~is_bank],
            _RANK_CONTROL,
            wire.CONTROL,
            numbers[~is_bank],
            values[~is_bank],
        ),
        (bends["tick"], _RANK_BEND, wire.BEND, bend_values & 0x7F, bend_values >> 7),
        (notes["onset"], _RANK_ON, wire.NOTE_ON, pitches, velocities),
    ]
    ticks, order, events = [], [], []
    for tick, rank, status, data1, data2 in parts:
        ticks.append(tick)
        order.append(rank * _RANK_STEP + np.arange(len(tick)))
        events.append((status | channel) << 16 | data1 << 8 | data2)
    metas: list[tuple[int, int, bytes]] = []
    if place.port:
        metas.append((0, 0, wire.meta(wire.PORT, bytes((place.port,)))))
    metas.append((0, 1, wire.meta(wire.TRACK_NAME, track.name.encode())))
    for index, lyric in enumerate(track.lyrics):
        if lyric.verse == 1:
            metas.append((lyric.tick, 2 + index, wire.meta(wire.LYRIC, lyric.text.encode())))
    joined = np.concatenate(ticks)
    end = max([length, int(joined.max()), *(tick for tick, _, _ in metas)])
    return wire.track_bytes(joined, np.concatenate(order), np.concatenate(events), metas, end)


def _count_nested(notes: NDArray[Any]) -> int:
    """Notes that end before an earlier one of their pitch, which MIDI cannot say."""
    by_pitch = notes[np.argsort(notes["pitch"], kind="stable")]
    if not len(by_pitch):
        return 0
    span = int((notes["onset"] + notes["duration"]).max()) + 1
    ends = by_pitch["onset"] + by_pitch["duration"] + span * by_pitch["pitch"].astype(np.int64)
    return int((ends < np.maximum.accumulate(ends)).sum())


def _name_what_is_lost(score: Score, losses: Losses) -> None:
    why = "MIDI has no place for it"
    many = "MIDI has no place for them"
    spelled = sum(int((track.notes["spelling"] != NO_SPELLING).sum()) for track in score.tracks)
    losses.add(spelled, "spelling of a note", many, "spellings of notes")
    voiced = sum(bool((track.notes["voice"] > 1).any()) for track in score.tracks)
    losses.add(
        voiced,
        "track with several voices",
        "MIDI does not tell voices apart",
        "tracks with several voices",
    )
    for singular, items in (
        ("slur", [track.slurs for track in score.tracks]),
        ("articulation", [track.articulations for track in score.tracks]),
        ("grace note", [track.graces for track in score.tracks]),
    ):
        losses.add(sum(len(item) for item in items), singular, many)
    clefs = sum(bool(track.clef) for track in score.tracks)
    losses.add(clefs, "clef", why)
    verses = sum(lyric.verse != 1 for track in score.tracks for lyric in track.lyrics)
    losses.add(verses, "syllable of a later verse", many, "syllables of later verses")
    if score.repeats:
        losses.say(f"{count_of(len(score.repeats), 'repeat')}: written once, without repeat signs")
