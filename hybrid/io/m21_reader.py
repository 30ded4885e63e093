"""music21 stream -> Score.

music21's objects stop here. What it warns of while parsing is passed on among the losses.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from hybrid.core.errors import FormatError, HybridError, ScoreError
from hybrid.core.instruments import INSTRUMENTS
from hybrid.core.pitch import NO_SPELLING, spelling_of
from hybrid.core.plan import DYNAMICS
from hybrid.core.score import Score
from hybrid.io.m21_signatures import Layout, quarters, read_signatures
from hybrid.io.quarters import Note, Part, build, ticks_per_quarter
from hybrid.io.reading import Losses

DEFAULT_VELOCITY = 80
_ARTICULATIONS = {
    "Staccato": "staccato",
    "Staccatissimo": "staccatissimo",
    "Tenuto": "tenuto",
    "Accent": "accent",
    "StrongAccent": "marcato",
    "Fermata": "fermata",
    "Trill": "trill",
    "InvertedTrill": "trill",
}
_CLEFS = {
    "TrebleClef": "treble",
    "GClef": "treble",
    "BassClef": "bass",
    "FClef": "bass",
    "AltoClef": "alto",
    "TenorClef": "tenor",
    "Treble8vbClef": "treble8vb",
}
#: Voice of a measure where the source names it: (part, measure, staff) -> number; all from 0.
VoiceNames = Mapping[tuple[int, int, int], int]


@contextmanager
def parsing(source: str, what: str, losses: Losses) -> Iterator[None]:
    """Turn music21's exceptions into ours and its warnings into losses."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except HybridError:
            raise
        except RecursionError as error:
            raise FormatError(f"{source} nests too deeply for {what}") from error
        except Exception as error:  # music21 raises whatever its parsers stumble over
            detail = " ".join(str(error).split())[:200] or type(error).__name__
            raise FormatError(f"{source} must be {what}; the parser says: {detail}") from error
    for warning in caught:
        if "music21" in str(warning.category.__module__) or "music21" in warning.filename:
            losses.say(f"music21: {' '.join(str(warning.message).split())}")


def stream_to_score(
    stream: Any,
    losses: Losses,
    voice_names: VoiceNames | None = None,
    drum_parts: frozenset[int] = frozenset(),
) -> Score:
    """A Score from a parsed music21 Score or Part.

    Parameters
    ----------
    stream : music21.stream.Score or Part
        At sounding pitch.
    losses : Losses
        Takes what a Score has no place for.
    voice_names : mapping, optional
        See `VoiceNames`; where none is given a staff's only voice is 1, of a second staff 5.
    drum_parts : frozenset of int
        Indices of the parts that are drums.

    Raises
    ------
    FormatError
        If it holds what a Score cannot (a pitch out of range, say).
    """
    groups = _part_groups(stream)
    if not groups:
        raise FormatError("a score must have a part, got none")
    layout = Layout([part for group in groups for part in group], losses)
    signatures = read_signatures(stream, [group[0] for group in groups], layout, losses)
    parts = []
    anchors: _Anchors = {}
    for index, group in enumerate(groups):
        part = Part(name=_name(group[0]), is_drum=index in drum_parts)
        _read_instrument(group[0], part)
        part.clef = _read_clefs(group, losses) if len(group) == 1 else ""
        for staff, stream_part in enumerate(group):
            names = voice_names or {}
            _StaffReader(part, stream_part, index, staff, losses, names, anchors, layout).read()
        parts.append(part)
    _read_spanners(stream, anchors, losses)
    quarter = ticks_per_quarter(parts, signatures, losses)
    try:
        return build(parts, signatures, quarter)
    except ScoreError as error:
        raise FormatError(str(error)) from error


# Parts ----------------------------------------------------------------------------------


#: Where an element of music21's (by its id) stands: part, onset and voice.
_Anchors = dict[int, tuple[Part, Fraction, int]]


def _part_groups(stream: Any) -> list[list[Any]]:
    """Parts of a stream in order; staves that a brace joins are one part."""
    from music21 import layout
    from music21 import stream as m21

    if not isinstance(stream, m21.Score):
        return [[stream]]
    parts = list(stream.parts)
    groups: dict[int, list[Any]] = {}
    for group in stream.recurse().getElementsByClass(layout.StaffGroup):
        members = [part for part in group.getSpannedElements() if part in parts]
        if len(members) > 1 and all(isinstance(part, m21.PartStaff) for part in members):
            for part in members:
                groups[id(part)] = members
    ordered: list[list[Any]] = []
    for part in parts:
        members = groups.get(id(part), [part])
        if not any(members[0] is other[0] for other in ordered):
            ordered.append(members)
    return ordered


def _name(part: Any) -> str:
    found = part.partName
    if not found:
        instrument = part.getInstrument(returnDefault=False)
        found = getattr(instrument, "partName", None) or getattr(instrument, "instrumentName", None)
    return " ".join(str(found).split()) if found else ""


def _read_instrument(part: Any, found: Part) -> None:
    instrument = part.getInstrument(returnDefault=False)
    program = getattr(instrument, "midiProgram", None)
    if program is None:
        known = INSTRUMENTS.get(found.name.lower())
        program = known.program if known else 0
    found.program = int(program)
    found.midi_channel = getattr(instrument, "midiChannel", None)
    if found.midi_channel == 9 and not found.is_drum:
        found.midi_channel = None
    if found.is_drum:
        found.midi_channel = 9


def _read_clefs(group: list[Any], losses: Losses) -> str:
    clefs = list(group[0].recurse().getElementsByClass("Clef"))
    names = [type(clef).__name__ for clef in clefs]
    changes = sum(name != names[0] for name in names[1:])
    losses.add(changes, "clef change", "a score has one clef for a part")
    return _CLEFS.get(names[0], "") if names else ""


class _StaffReader:
    """Reads the notes of one staff into a part."""

    def __init__(
        self,
        part: Part,
        stream: Any,
        index: int,
        staff: int,
        losses: Losses,
        voice_names: VoiceNames,
        anchors: _Anchors,
        layout: Layout,
    ) -> None:
        self.part = part
        self.stream = stream
        self.index = index
        self.staff = staff
        self.losses = losses
        self.voice_names = voice_names
        #: Notes that a tie leaves open: (pitch, spelling) -> notes, first to end first.
        self.open: dict[tuple[int, int], list[Note]] = {}
        self.grace_ranks: dict[tuple[Fraction, int], int] = {}
        self.anchors = anchors
        self.layout = layout
        self.velocity = DEFAULT_VELOCITY

    def read(self) -> None:
        marks = self._dynamics()
        for element, onset, voice in self._elements():
            while marks and marks[0][0] <= onset:
                self.velocity = marks.pop(0)[1]
            self._read_element(element, onset, voice)
        unmatched = sum(len(notes) for notes in self.open.values())
        self.losses.add(unmatched, "tie to nowhere", "left out", "ties to nowhere")

    def _dynamics(self) -> list[tuple[Fraction, int]]:
        marks = []
        for place, mark in self.layout.items(self.stream, "Dynamic"):
            if mark.value in DYNAMICS:
                marks.append((place, DYNAMICS[mark.value]))
        return marks

    def _elements(self) -> list[tuple[Any, Fraction, int]]:
        """Notes, chords and rests with their onset and voice, in order of onset."""
        found: list[tuple[Any, Fraction, int]] = []
        measures = list(self.stream.getElementsByClass("Measure")) or [self.stream]
        for number, measure in enumerate(measures):
            start = self.layout.starts.get(id(measure), Fraction(0))
            default = self.voice_names.get(
                (self.index, number, self.staff), 1 if self.staff == 0 else 4 * self.staff + 1
            )
            voices = list(measure.getElementsByClass("Voice"))
            sites = [(measure, default, Fraction(0))]
            for rank, voice in enumerate(voices):
                name = str(voice.id)
                is_named = name.isdigit() and int(name) < 1000
                label = int(name) if is_named else 4 * self.staff + rank + 1
                sites.append((voice, label, quarters(voice.offset)))
            for site, label, offset in sites:
                for element in site.notesAndRests:
                    found.append((element, start + offset + quarters(element.offset), label))
        # The sort is stable: grace notes stay before their main note.
        return sorted(found, key=lambda item: item[1])

    def _read_element(self, element: Any, onset: Fraction, voice: int) -> None:
        from music21 import chord, harmony

        if isinstance(element, harmony.Harmony):
            self.losses.add(1, "chord symbol", "a score has no place for it")
            return
        if element.isRest:
            return
        members = list(element.notes) if isinstance(element, chord.ChordBase) else [element]
        length = quarters(element.duration.quarterLength)
        self.anchors[id(element)] = (self.part, onset, voice)
        if element.duration.isGrace:
            for member in members:
                self._read_grace(member, onset, voice)
            return
        if length <= 0:
            self.losses.add(len(members), "note of no length", "left out", "notes of no length")
            return
        is_new = False
        for member in members:
            self.anchors[id(member)] = (self.part, onset, voice)
            is_new |= self._read_note(member, element, onset, onset + length, voice)
        if is_new:
            self._read_lyrics(element, onset)
        self._read_articulations(element, members, onset)

    def _read_note(
        self, member: Any, element: Any, onset: Fraction, end: Fraction, voice: int
    ) -> bool:
        """Read a note; False if a tie makes it part of one before."""
        pitch, spelling = self._pitch(member)
        tie = member.tie.type if member.tie is not None else None
        waiting = self.open.get((pitch, spelling), [])
        if tie in ("stop", "continue"):
            for place, note in enumerate(waiting):
                if note.end == onset:
                    note.end = end
                    if tie == "stop":
                        del waiting[place]
                    return False
            self.losses.add(1, "tie from nowhere", "left out", "ties from nowhere")
        velocity = member.volume.velocity
        if velocity is None:
            velocity = element.volume.velocity
        if velocity is None:
            velocity = self.velocity
        note = Note(onset, end, pitch, max(1, min(int(velocity), 127)), voice, spelling)
        self.part.notes.append(note)
        if tie in ("start", "continue"):
            self.open.setdefault((pitch, spelling), []).append(note)
        return True

    def _pitch(self, member: Any) -> tuple[int, int]:
        found = member.pitch
        alteration = found.alter
        if alteration != round(alteration):
            self.losses.add(1, "microtone", "rounded to the semitone")
        if found.microtone is not None and found.microtone.cents:
            self.losses.add(1, "microtone", "rounded to the semitone")
        whole = round(alteration)
        number = 12 * (found.implicitOctave + 1) + _SEMITONES[found.step] + whole
        if not 0 <= number <= 127:
            raise FormatError(
                f"a pitch must be in 0..127 (C-1..G9), got {found.nameWithOctave} = {number} "
                f"(part {self.part.name!r})"
            )
        if self.part.is_drum or abs(whole) > 3:
            return number, NO_SPELLING
        return number, spelling_of(found.step, whole)

    def _read_grace(self, member: Any, onset: Fraction, voice: int) -> None:
        pitch, spelling = self._pitch(member)
        rank = self.grace_ranks.get((onset, voice), 0)
        self.grace_ranks[onset, voice] = rank + 1
        self.part.graces.append((onset, pitch, rank, voice, spelling))

    def _read_lyrics(self, element: Any, onset: Fraction) -> None:
        for rank, lyric in enumerate(element.lyrics):
            if not lyric.text:
                continue
            number = lyric.number if isinstance(lyric.number, int) and lyric.number else rank + 1
            hyphen = "-" if lyric.syllabic in ("begin", "middle") else ""
            self.part.lyrics.append((onset, lyric.text + hyphen, number))

    def _read_articulations(self, element: Any, members: list[Any], onset: Fraction) -> None:
        marks = [(element, mark) for mark in (*element.articulations, *element.expressions)]
        if element is not members[0]:
            marks += [(m, mark) for m in members for mark in (*m.articulations, *m.expressions)]
        for owner, mark in marks:
            name = type(mark).__name__
            target = owner if owner is not element else members[0]
            if name in _ARTICULATIONS:
                pitch = self._pitch(target)[0]
                item = (onset, pitch, _ARTICULATIONS[name])
                if item not in self.part.articulations[-8:]:
                    self.part.articulations.append(item)
            else:
                self.losses.add(1, f"mark {name}", "a score has no place for it", f"marks {name}")


def _read_spanners(stream: Any, anchors: _Anchors, losses: Losses) -> None:
    """Slurs; what else joins notes is named among the losses."""
    from music21 import layout, spanner

    for span in stream.recurse().getElementsByClass(spanner.Spanner):
        if isinstance(span, spanner.RepeatBracket | layout.StaffGroup):
            continue
        name = type(span).__name__
        if name != "Slur":
            losses.add(1, f"mark {name}", "a score has no place for it", f"marks {name}")
            continue
        first, last = anchors.get(id(span.getFirst())), anchors.get(id(span.getLast()))
        if first and last and first[0] is last[0] and first[1] < last[1]:
            first[0].slurs.append((first[1], last[1], first[2]))
        else:
            losses.add(1, "slur", "it does not go from a note to a later one")


_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
