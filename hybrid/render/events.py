"""Events: what a score tells a player, on the player's own grid of 64 samples.

FluidSynth hears a message at the beginning of its next block of 64 samples. Every event is
therefore put on the nearest beginning of a block, at most 32 samples (0.7 ms at 44.1 kHz)
from where the tempo map has it. Each place is computed from the tempo map itself and
never from the event before, so that nothing can add up over an hour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.core.instruments import INSTRUMENTS, instrument
from hybrid.core.score import Score, Track

BLOCK = 64

# Kinds in the order in which they are sent within a block: what ends, ends first, and what
# sounds, sounds with the controllers, the program and the bend of its own moment. Controllers
# stand before programs because a bank is selected by one.
NOTE_OFF, CONTROL, PROGRAM, BEND, NOTE_ON = range(5)

#: One message: block, kind, channel (the track's number) and its two values.
EVENT_DTYPE = np.dtype(
    [
        ("block", np.int64),
        ("kind", np.int8),
        ("channel", np.int32),
        ("first", np.int32),
        ("second", np.int32),
    ]
)

Programs = Mapping[str | int, int | str]


@dataclass(frozen=True)
class Channel:
    """What a track is played with: the program at its start, and whether it is a drum kit."""

    name: str
    program: int
    is_drum: bool


@dataclass(frozen=True, eq=False)
class Schedule:
    """All messages of a score.

    Attributes
    ----------
    channels : tuple of Channel
        One for each track.
    events : np.ndarray, shape (n,), `EVENT_DTYPE`
        In the order in which they are sent.
    end_block : int
        First block that begins at the end of the score or later.
    """

    channels: tuple[Channel, ...]
    events: NDArray[Any]
    end_block: int

    def only(self, channel: int) -> Schedule:
        """The part of one channel, which becomes channel 0; the end stays."""
        events = self.events[self.events["channel"] == channel].copy()
        events["channel"] = 0
        return Schedule((self.channels[channel],), events, self.end_block)


def block_of(seconds: NDArray[np.float64], sample_rate: int) -> NDArray[np.int64]:
    """Block whose beginning is nearest to each time; halves go up."""
    return np.floor(seconds * (sample_rate / BLOCK) + 0.5).astype(np.int64)


def channels_of(score: Score, programs: Programs | None = None) -> tuple[Channel, ...]:
    """Program of each track, after the caller's ``programs``.

    Parameters
    ----------
    score : Score
    programs : mapping, optional
        From a track's name, or its number from 0, to a General MIDI program or an
        instrument's name. Of a drum track the program chooses the kit.

    Raises
    ------
    ConfigError
        If a track or an instrument does not exist, or a program is outside 0..127.
    """
    wanted = resolve_programs(score, programs)
    return tuple(
        Channel(
            track.name,
            wanted.get(number, 0 if track.is_drum else track.program),
            track.is_drum,
        )
        for number, track in enumerate(score.tracks)
    )


def resolve_programs(score: Score, programs: Programs | None) -> dict[int, int]:
    """The caller's instrument map as track numbers and programs."""
    wanted: dict[int, int] = {}
    for key, value in (programs or {}).items():
        if isinstance(key, int):
            numbers = [key] if 0 <= key < len(score.tracks) else []
        else:
            numbers = [at for at, track in enumerate(score.tracks) if track.name == key]
        if not numbers:
            names = ", ".join(repr(track.name) for track in score.tracks)
            raise ConfigError(f"programs must name tracks of the score ({names}), got {key!r}")
        program = _program(value)
        wanted.update(dict.fromkeys(numbers, program))
    return wanted


def _program(value: int | str) -> int:
    if isinstance(value, str):
        if value not in INSTRUMENTS:
            raise ConfigError(
                f"programs must be numbers or one of {', '.join(INSTRUMENTS)}, got {value!r}"
            )
        return instrument(value).program
    if isinstance(value, bool) or not 0 <= value <= 127:
        raise ConfigError(f"programs must be in 0..127, got {value!r}")
    return value


def schedule(score: Score, sample_rate: int, programs: Programs | None = None) -> Schedule:
    """Messages of a score on the player's grid.

    A track is a channel of its own, whatever its number in a file was, so that no two
    tracks fight over a program. Tracks that a file had on one channel hear each other's
    controllers and bends, as they did there (a pianist's two hands, one pedal).

    A pitch that sounds already, struck again on the same track, stops and begins again, as
    on a string, and it sounds until the last of these notes has ended; unisons of two
    voices are one stroke, the louder one.

    Raises
    ------
    ConfigError
        As `channels_of`.
    """
    channels = channels_of(score, programs)
    overridden = resolve_programs(score, programs)
    parts = []
    for number, track in enumerate(score.tracks):
        parts.append(_note_events(score, track, number, sample_rate))
        ticks, values = np.zeros(1, np.int64), np.array([channels[number].program])
        assert track.programs is not None  # Track makes empty arrays of what is left out.
        if number not in overridden and not track.is_drum:
            ticks = np.concatenate([ticks, track.programs["tick"]])
            values = np.concatenate([values, track.programs["program"]])
        parts.append(_events(score, sample_rate, ticks, PROGRAM, number, values))
        for source in _same_channel(score.tracks, number):
            controls, bends = source.controls, source.bends
            assert controls is not None
            assert bends is not None
            parts.append(
                _events(
                    score,
                    sample_rate,
                    controls["tick"],
                    CONTROL,
                    number,
                    controls["number"],
                    controls["value"],
                )
            )
            # The player's bends run from 0, with 8192 for none.
            values = bends["value"].astype(np.int32) + 8192
            parts.append(_events(score, sample_rate, bends["tick"], BEND, number, values))
    events = np.concatenate([np.empty(0, EVENT_DTYPE), *parts])
    # Stable: controllers of one moment stay in the score's order (bank before program data).
    order = np.lexsort((events["kind"], events["block"]))
    end = int(np.ceil(score.seconds * sample_rate / BLOCK))
    return Schedule(channels, events[order], max(end, int(events["block"].max(initial=0))))


def _same_channel(tracks: Sequence[Track], number: int) -> list[Track]:
    own = tracks[number]
    if own.midi_channel is None:
        return [own]
    return [track for track in tracks if track.midi_channel == own.midi_channel]


def _events(
    score: Score,
    sample_rate: int,
    ticks: NDArray[Any],
    kind: int,
    channel: int,
    first: NDArray[Any],
    second: NDArray[Any] | int = 0,
) -> NDArray[Any]:
    events = np.empty(len(ticks), EVENT_DTYPE)
    events["block"] = block_of(score.tempo_map.to_seconds(ticks), sample_rate)
    events["kind"] = kind
    events["channel"] = channel
    events["first"] = first
    events["second"] = second
    return events


def _note_events(score: Score, track: Track, number: int, sample_rate: int) -> NDArray[Any]:
    notes = track.notes
    if not len(notes):
        return np.empty(0, EVENT_DTYPE)
    tempo_map = score.tempo_map
    on = block_of(tempo_map.to_seconds(notes["onset"]), sample_rate)
    off = block_of(tempo_map.to_seconds(notes["onset"] + notes["duration"]), sample_rate)
    # Every note sounds for one block at least.
    off = np.maximum(off, on + 1)
    pitch, velocity = notes["pitch"].astype(np.int64), notes["velocity"]

    # One stroke for each pitch and block; of several the loudest, which is sorted first.
    order = np.lexsort((-velocity.astype(np.int64), on, pitch))
    on_, pitch_ = on[order], pitch[order]
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (on_[1:] != on_[:-1]) | (pitch_[1:] != pitch_[:-1])
    strokes = order[is_first]

    # A pitch falls silent where a note ends that no other note of the pitch outlasts: sorted
    # by onset, where the latest end so far comes before the next onset (or meets it).
    off_ = off[order]
    span = int(off.max()) + 1
    # Adding pitch * span keeps the running maximum of one pitch from reaching the next.
    latest = np.maximum.accumulate(off_ + pitch_ * span) - pitch_ * span
    is_last = np.ones(len(order), dtype=bool)
    is_last[:-1] = (pitch_[1:] != pitch_[:-1]) | (on_[1:] >= latest[:-1])

    events = np.empty(len(strokes) + int(is_last.sum()), EVENT_DTYPE)
    events["channel"] = number
    begins, ends = events[: len(strokes)], events[len(strokes) :]
    begins["block"], begins["kind"] = on[strokes], NOTE_ON
    begins["first"], begins["second"] = pitch[strokes], velocity[strokes]
    ends["block"], ends["kind"] = latest[is_last], NOTE_OFF
    ends["first"], ends["second"] = pitch_[is_last], 0
    return events
