"""Bach's chorales, transposed to C and cut where all four voices begin a note together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from hybrid.core.errors import FormatError
from hybrid.core.pitch import Key, parse_pitch
from hybrid.core.resources import resource_path
from hybrid.core.score import TICKS_PER_QUARTER

VOICES = ("soprano", "alto", "tenor", "bass")
SIXTEENTH = TICKS_PER_QUARTER // 4
BAR_QUARTERS = 4

#: Onset and length in ticks, MIDI pitch, tonal pitch class.
Note = tuple[int, int, int, int]


@dataclass(frozen=True)
class Chorale:
    """A chorale as it was written.

    Attributes
    ----------
    number : int
        In the collection of 371.
    title : str
    key : Key
    upbeat : int
        Quarters.
    ends : tuple of int
        Where its phrases end, in quarters from the beginning.
    voices : tuple of tuple of Note
        Soprano first.
    """

    number: int
    title: str
    key: Key
    upbeat: int
    ends: tuple[int, ...]
    voices: tuple[tuple[Note, ...], ...]


@dataclass(frozen=True)
class Beat:
    """What lies between two places where all voices begin together; in C.

    Attributes
    ----------
    chorale : int
        Number of its source.
    index : int
        Its place among the source's beats, from 0.
    bar, place : int
        In the source: bar (0 is an upbeat's), and quarter of the bar from 0.
    quarters : int
        Length; mostly 1.
    start : tuple of int
        The four pitches at its beginning, soprano first.
    destination : tuple of int
        The four pitches with which the next beat of the source begins; empty after the last.
    voices : tuple of tuple of Note
        Onsets from the beginning of the beat.
    phrase : int
        Number of the source's phrase that it lies in.
    is_end : bool
        Whether the phrase ends with it.
    shift : int
        Semitones from the source to this.
    """

    chorale: int
    index: int
    bar: int
    place: int
    quarters: int
    start: tuple[int, ...]
    destination: tuple[int, ...]
    voices: tuple[tuple[Note, ...], ...]
    phrase: int
    is_end: bool
    shift: int

    @property
    def is_last(self) -> bool:
        """Whether its source ends with it."""
        return not self.destination

    @property
    def label(self) -> str:
        """Source and beat: ``26:14``; beats are counted from 1."""
        return f"{self.chorale}:{self.index + 1}"


@cache
def load_chorales(mode: str = "") -> dict[int, Chorale]:
    """The chorales of ``data/chorales.tsv`` by number, of one mode or all.

    Raises
    ------
    FormatError
        If a line cannot be read.
    """
    text = resource_path("history", "data", "chorales.tsv").read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines():
        if line and line[0] != "#":
            chorale = read_chorale(line)
            if mode in ("", chorale.key.mode):
                found[chorale.number] = chorale
    return found


def read_chorale(line: str) -> Chorale:
    """A chorale from a line of the file.

    Raises
    ------
    FormatError
        If there are not nine fields, a note cannot be read, or the voices differ in length.
    """
    fields = line.split("\t")
    if len(fields) != 9:
        raise FormatError(f"a chorale must have 9 fields, got {len(fields)}: {fields[0]!r}")
    number, title, key, upbeat, ends, *texts = fields
    voices = tuple(read_voice(text) for text in texts)
    lengths = {voice[-1][0] + voice[-1][1] for voice in voices}
    if len(lengths) != 1:
        raise FormatError(f"the voices of chorale {number} must end together, got {lengths}")
    places = tuple(int(end) for end in ends.split())
    return Chorale(int(number), title, Key.parse(key), int(upbeat), places, voices)


def read_voice(text: str) -> tuple[Note, ...]:
    """Notes of a voice, one after another; rests are left out.

    >>> read_voice("C4 r:2 D4:6")
    ((0, 480, 60, 0), (720, 720, 62, 2))

    Raises
    ------
    FormatError
        If a word is no note.
    """
    notes = []
    now = 0
    for word in text.split():
        name, colon, length = word.partition(":")
        if colon and not length.isdigit():
            raise FormatError(f"a note must be written as C4 or C4:2, got {word!r}")
        ticks = (int(length) if colon else 4) * SIXTEENTH
        if name != "r":
            notes.append((now, ticks, *parse_pitch(name)))
        now += ticks
    return tuple(notes)


def semitones_to_c(key: Key) -> int:
    """The shorter way to C.

    >>> semitones_to_c(Key.parse("A major")), semitones_to_c(Key.parse("Eb major"))
    (3, -3)
    """
    down = 7 * key.tonic % 12
    return -down if down <= 6 else 12 - down


def cut(chorale: Chorale) -> Iterator[Beat]:
    """Cut a chorale at every quarter where all four voices begin a note, and transpose it to C.

    So no note reaches over a cut, and a beat may be longer than a quarter.
    """
    shift = semitones_to_c(chorale.key)
    onsets = [
        {
            onset: (pitch + shift, spelling - chorale.key.tonic)
            for onset, _, pitch, spelling in voice
        }
        for voice in chorale.voices
    ]
    end = chorale.voices[0][-1][0] + chorale.voices[0][-1][1]
    cuts = [
        tick for tick in range(0, end, TICKS_PER_QUARTER) if all(tick in voice for voice in onsets)
    ]
    for index, tick in enumerate(cuts):
        after = cuts[index + 1] if index + 1 < len(cuts) else end
        first, last = tick // TICKS_PER_QUARTER, after // TICKS_PER_QUARTER
        place = first - chorale.upbeat
        yield Beat(
            chorale.number,
            index,
            place // BAR_QUARTERS + 1,
            place % BAR_QUARTERS,
            last - first,
            tuple(voice[tick][0] for voice in onsets),
            tuple(voice[after][0] for voice in onsets) if after < end else (),
            tuple(
                tuple(
                    (onset - tick, length, *onsets[number][onset])
                    for onset, length, _, _ in voice
                    if tick <= onset < after
                )
                for number, voice in enumerate(chorale.voices)
            ),
            sum(edge <= first for edge in chorale.ends),
            any(first < edge <= last for edge in chorale.ends),
            shift,
        )
