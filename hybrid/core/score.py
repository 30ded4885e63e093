"""Score: notes on integer ticks with all that a MIDI or MusicXML file says around them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ScoreError
from hybrid.core.pitch import MAX_SPELLING, MIN_SPELLING, NO_SPELLING, Key, pitch_class
from hybrid.core.timeline import Bar, Metre, Tempo, TempoMap, lay_bars

TICKS_PER_QUARTER = 480
MAX_TICK = 2**40

#: One note. Ticks; MIDI pitch 0..127; velocity 1..127; voice 1.. within its track (0: not
#: known); tonal pitch class or `NO_SPELLING`.
NOTE_DTYPE = np.dtype(
    [
        ("onset", np.int64),
        ("duration", np.int64),
        ("pitch", np.int16),
        ("velocity", np.int16),
        ("voice", np.int16),
        ("spelling", np.int16),
    ]
)
#: One controller value: tick, controller number 0..127, value 0..127.
CONTROL_DTYPE = np.dtype([("tick", np.int64), ("number", np.int16), ("value", np.int16)])
#: One pitch bend: tick, value -8192..8191.
BEND_DTYPE = np.dtype([("tick", np.int64), ("value", np.int16)])
#: One program change: tick, General MIDI program 0..127.
PROGRAM_DTYPE = np.dtype([("tick", np.int64), ("program", np.int16)])

ARTICULATIONS = ("staccato", "staccatissimo", "tenuto", "accent", "marcato", "fermata", "trill")


@dataclass(frozen=True, order=True)
class KeySignature:
    """From ``tick`` on, ``key`` holds."""

    tick: int
    key: Key = field(compare=False)


@dataclass(frozen=True, order=True)
class Marker:
    """A rehearsal mark or section name at ``tick``."""

    tick: int
    text: str


@dataclass(frozen=True, order=True)
class Repeat:
    """A repeated passage.

    ``endings`` holds (start, end, numbers) of each volta bracket inside; empty for a plain
    repeat. ``times`` is how often the passage sounds in all.
    """

    start: int
    end: int
    times: int = 2
    endings: tuple[tuple[int, int, tuple[int, ...]], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ScoreError(f"Repeat must start before its end, got {self.start}..{self.end}")
        if self.times < 2:
            raise ScoreError(f"Repeat.times must be 2 or more, got {self.times}")


@dataclass(frozen=True, order=True)
class Lyric:
    """A syllable at ``tick``; a hyphen at its end joins it to the next one."""

    tick: int
    text: str
    verse: int = 1


@dataclass(frozen=True, order=True)
class Articulation:
    """A mark (of `ARTICULATIONS`) on the note of ``pitch`` that starts at ``tick``."""

    tick: int
    pitch: int
    kind: str

    def __post_init__(self) -> None:
        if self.kind not in ARTICULATIONS:
            raise ScoreError(
                f"Articulation.kind must be one of {', '.join(ARTICULATIONS)}, got {self.kind!r}"
            )


@dataclass(frozen=True, order=True)
class Grace:
    """A grace note written before the note or chord that starts at ``tick``.

    It takes no time of its own; several at one tick stand in their order of ``index``.
    """

    tick: int
    pitch: int
    index: int = 0
    voice: int = 0
    spelling: int = NO_SPELLING

    def __post_init__(self) -> None:
        if not 0 <= self.pitch <= 127:
            raise ScoreError(f"Grace.pitch must be in 0..127, got {self.pitch} (tick {self.tick})")


@dataclass(frozen=True, order=True)
class Slur:
    """A slur from the note at ``start`` to the note that starts at ``end``."""

    start: int
    end: int
    voice: int = 0


def make_notes(rows: Iterable[Sequence[int]]) -> NDArray[Any]:
    """Note array from rows of (onset, duration, pitch[, velocity[, voice[, spelling]]]).

    Left-out fields are velocity 80, voice 0 and no spelling. Rows are sorted by onset,
    pitch, voice and duration.

    >>> make_notes([(480, 240, 62), (0, 480, 60)])["pitch"].tolist()
    [60, 62]
    """
    defaults = (0, 0, 0, 80, 0, NO_SPELLING)
    full = [tuple(row) + defaults[len(row) :] for row in rows]
    try:
        notes = np.array(full, dtype=NOTE_DTYPE)
    except (OverflowError, ValueError, TypeError) as error:
        raise ScoreError(f"notes must be rows of whole numbers, got {error}") from None
    return sort_notes(notes)


def sort_notes(notes: NDArray[Any]) -> NDArray[Any]:
    """The same notes in the order every track keeps: onset, pitch, voice, duration."""
    order = np.lexsort((notes["duration"], notes["voice"], notes["pitch"], notes["onset"]))
    return notes[order]


def _frozen(array: NDArray[Any] | None, dtype: np.dtype[Any], what: str) -> NDArray[Any]:
    if array is None:
        array = np.empty(0, dtype=dtype)
    array = np.asarray(array)
    if array.dtype != dtype:
        raise ScoreError(f"{what} must have the dtype {dtype.names}, got {array.dtype}")
    if array.flags.writeable or array.base is not None:
        array = array.copy()
        array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Track:
    """One part: an instrument and its notes.

    Attributes
    ----------
    name : str
    notes : np.ndarray, shape (n,), `NOTE_DTYPE`
        Read-only, sorted by onset, pitch, voice, duration.
    program : int
        General MIDI program 0..127 (ignored for drums).
    is_drum : bool
    midi_channel : int or None
        0..15 where a file named one.
    controls, bends, programs : np.ndarray
        `CONTROL_DTYPE`, `BEND_DTYPE`, `PROGRAM_DTYPE`; ``programs`` holds changes after the
        first one. Controller 64 is the sustain pedal.
    lyrics, articulations, slurs, graces : tuple
    clef : str
        ``treble``, ``bass``, ``alto``, ``tenor``, ``treble8vb`` or empty: chosen by range.

    Raises
    ------
    ScoreError
        If a value leaves its range; the message names track, tick and value.
    """

    name: str
    notes: NDArray[Any]
    program: int = 0
    is_drum: bool = False
    midi_channel: int | None = None
    controls: NDArray[Any] | None = None
    bends: NDArray[Any] | None = None
    programs: NDArray[Any] | None = None
    lyrics: tuple[Lyric, ...] = ()
    articulations: tuple[Articulation, ...] = ()
    slurs: tuple[Slur, ...] = ()
    graces: tuple[Grace, ...] = ()
    clef: str = ""

    def __post_init__(self) -> None:
        notes = self.notes
        if not isinstance(notes, np.ndarray) or notes.dtype != NOTE_DTYPE:
            notes = make_notes(notes)
        elif len(notes) > 1:
            notes = sort_notes(notes)
        notes = _frozen(notes, NOTE_DTYPE, "Track.notes")
        object.__setattr__(self, "notes", notes)
        for name, dtype in (
            ("controls", CONTROL_DTYPE),
            ("bends", BEND_DTYPE),
            ("programs", PROGRAM_DTYPE),
        ):
            object.__setattr__(self, name, _frozen(getattr(self, name), dtype, f"Track.{name}"))
        if not 0 <= self.program <= 127:
            raise ScoreError(
                f"Track.program must be in 0..127, got {self.program} (track {self.name!r})"
            )
        if self.midi_channel is not None and not 0 <= self.midi_channel <= 15:
            raise ScoreError(
                f"Track.midi_channel must be in 0..15, got {self.midi_channel} "
                f"(track {self.name!r})"
            )
        self._check("onset", notes["onset"], 0, MAX_TICK)
        self._check("duration", notes["duration"], 1, MAX_TICK)
        self._check("pitch", notes["pitch"], 0, 127)
        self._check("velocity", notes["velocity"], 1, 127)
        self._check("voice", notes["voice"], 0, 32767)
        known = notes["spelling"] != NO_SPELLING
        if known.any():
            spelling, pitch = notes["spelling"][known], notes["pitch"][known]
            self._check("spelling", spelling, MIN_SPELLING, MAX_SPELLING, known)
            wrong = (7 * spelling.astype(np.int64) - pitch) % 12 != 0
            if wrong.any():
                at = int(np.argmax(wrong))
                raise ScoreError(
                    f"Note.spelling must name its pitch, got spelling {spelling[at]} = pitch class "
                    f"{pitch_class(int(spelling[at]))} for pitch {pitch[at]} "
                    f"(track {self.name!r}, tick {notes['onset'][known][at]})"
                )

    def _check(
        self,
        name: str,
        values: NDArray[Any],
        low: int,
        high: int,
        mask: NDArray[np.bool_] | None = None,
    ) -> None:
        wrong = (values < low) | (values > high)
        if wrong.any():
            at = int(np.argmax(wrong))
            onsets = self.notes["onset"] if mask is None else self.notes["onset"][mask]
            raise ScoreError(
                f"Note.{name} must be in {low}..{high}, got {values[at]} "
                f"(track {self.name!r}, tick {onsets[at]})"
            )

    @property
    def end(self) -> int:
        """Tick at which the last note ends; 0 without notes."""
        if not len(self.notes):
            return 0
        return int((self.notes["onset"] + self.notes["duration"]).max())


@dataclass(frozen=True, eq=False)
class Score:
    """Music on integer ticks.

    Attributes
    ----------
    tracks : tuple of Track
    ticks_per_quarter : int
        1..32767.
    tempos, metres, keys, markers, repeats : tuple
        Ascending by tick. Notes are as written: repeats are not unfolded.
    pickup_ticks : int
        Length of an incomplete first bar (anacrusis), 0 for none.
    title, composer : str
    length : int
        Tick at which the piece ends; never before the last note's end. 0 means there.

    Raises
    ------
    ScoreError
        If an item is out of order or out of range.
    """

    tracks: tuple[Track, ...]
    ticks_per_quarter: int = TICKS_PER_QUARTER
    tempos: tuple[Tempo, ...] = (Tempo(0, 120.0),)
    metres: tuple[Metre, ...] = (Metre(0, 4, 4),)
    keys: tuple[KeySignature, ...] = ()
    markers: tuple[Marker, ...] = ()
    repeats: tuple[Repeat, ...] = ()
    pickup_ticks: int = 0
    title: str = ""
    composer: str = ""
    length: int = 0

    def __post_init__(self) -> None:
        for name in ("tracks", "tempos", "metres", "keys", "markers", "repeats"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not 1 <= self.ticks_per_quarter <= 32767:
            raise ScoreError(
                f"Score.ticks_per_quarter must be in 1..32767, got {self.ticks_per_quarter}"
            )
        for name in ("tempos", "metres", "keys", "markers"):
            ticks = [item.tick for item in getattr(self, name)]
            strict = name != "markers"
            for before, after in pairwise(ticks):
                if after < before or (strict and after == before):
                    raise ScoreError(f"Score.{name} must ascend, got tick {after} after {before}")
        if self.pickup_ticks < 0:
            raise ScoreError(f"Score.pickup_ticks must not be negative, got {self.pickup_ticks}")
        last = max((track.end for track in self.tracks), default=0)
        if self.length == 0:
            object.__setattr__(self, "length", last)
        elif self.length < last:
            raise ScoreError(
                f"Score.length must reach the last note's end {last}, got {self.length}"
            )

    @cached_property
    def tempo_map(self) -> TempoMap:
        return TempoMap(self.tempos, self.ticks_per_quarter)

    @cached_property
    def bars(self) -> tuple[Bar, ...]:
        """Bars that cover the piece, at least one."""
        return lay_bars(self.metres, self.ticks_per_quarter, max(self.length, 1), self.pickup_ticks)

    @property
    def seconds(self) -> float:
        """Length in seconds, without the tail of the sound."""
        return self.tempo_map.seconds(self.length)

    @property
    def n_notes(self) -> int:
        return sum(len(track.notes) for track in self.tracks)

    def bar_at(self, tick: int) -> Bar:
        """The bar that sounds at ``tick`` (the last one beyond the end)."""
        starts = self._bar_starts
        return self.bars[max(0, int(np.searchsorted(starts, tick, side="right")) - 1)]

    @cached_property
    def _bar_starts(self) -> NDArray[np.int64]:
        return np.array([bar.start for bar in self.bars], dtype=np.int64)

    def key_at(self, tick: int) -> Key | None:
        """The key signature's key at ``tick``; None before the first."""
        found = None
        for signature in self.keys:
            if signature.tick > tick:
                break
            found = signature.key
        return found

    def track(self, name: str) -> Track:
        """The first track called ``name``.

        Raises
        ------
        ScoreError
            If there is none.
        """
        for track in self.tracks:
            if track.name == name:
                return track
        names = ", ".join(repr(track.name) for track in self.tracks)
        raise ScoreError(f"Score has no track {name!r}; it has {names}")

    def transposed(self, semitones: int, fifths: int | None = None) -> Score:
        """The same music ``semitones`` higher; drums stay.

        ``fifths`` is the move on the line of fifths that spells it (7 semitones = 1); by
        default the one with the fewest accidentals of ``semitones`` (-5..6 places).
        """
        if fifths is None:
            fifths = (7 * semitones + 5) % 12 - 5
        if (7 * fifths - semitones) % 12:
            raise ScoreError(f"fifths {fifths} must agree with {semitones} semitones")
        tracks = []
        for track in self.tracks:
            if track.is_drum:
                tracks.append(track)
                continue
            notes = track.notes.copy()
            notes["pitch"] += semitones
            known = notes["spelling"] != NO_SPELLING
            notes["spelling"][known] += fifths
            marks = tuple(
                replace(mark, pitch=mark.pitch + semitones) for mark in track.articulations
            )
            graces = tuple(_moved_grace(grace, semitones, fifths) for grace in track.graces)
            tracks.append(replace(track, notes=notes, articulations=marks, graces=graces))
        keys = tuple(
            KeySignature(item.tick, Key(item.key.tonic + fifths, item.key.mode))
            for item in self.keys
        )
        return replace(self, tracks=tuple(tracks), keys=keys)


def _moved_grace(grace: Grace, semitones: int, fifths: int) -> Grace:
    spelled = grace.spelling != NO_SPELLING
    spelling = grace.spelling + fifths if spelled else NO_SPELLING
    return replace(grace, pitch=grace.pitch + semitones, spelling=spelling)
