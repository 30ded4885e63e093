"""MusicXML of a part's notes: pitches, values, accidentals, ties, beams and marks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from hybrid.core.pitch import NO_SPELLING, Key, letter_and_alteration, octave_of, spelling_of
from hybrid.core.score import Grace, Score
from hybrid.core.timeline import Bar
from hybrid.io.drum_staff import drum_place
from hybrid.io.durations import VALUES
from hybrid.io.marks import Anchor, PlacedMarks, place_marks
from hybrid.io.notation import Event, Part, VoiceBar
from hybrid.io.reading import Losses
from hybrid.io.xml_text import escape

ACCIDENTALS = {
    -3: "triple-flat",
    -2: "flat-flat",
    -1: "flat",
    0: "natural",
    1: "sharp",
    2: "double-sharp",
    3: "triple-sharp",
}
_ARTICULATIONS = {
    "staccato": "<articulations><staccato/></articulations>",
    "staccatissimo": "<articulations><staccatissimo/></articulations>",
    "tenuto": "<articulations><tenuto/></articulations>",
    "accent": "<articulations><accent/></articulations>",
    "marcato": '<articulations><strong-accent type="up"/></articulations>',
    "trill": "<ornaments><trill-mark/></ornaments>",
    "fermata": "<fermata/>",
}
_UNCLEAR = 99  # no alteration: what follows must show its own
#: MusicXML's note dynamics are percents of this velocity.
FORTE = 90


class NoteWriter:
    """Writes the voices of one part, bar by bar, in order."""

    def __init__(self, part: Part, index: int, score: Score, losses: Losses) -> None:
        self.part = part
        self.index = index
        self.score = score
        self.losses = losses
        notes = part.track.notes
        self.pitches: list[int] = notes["pitch"].tolist()
        self.velocities: list[int] = notes["velocity"].tolist()
        self.pieces: dict[int, int] = defaultdict(int)  # note -> written pieces so far
        placed = place_marks(part, losses)
        self.kinds, self.graces = placed.kinds, placed.graces
        self.lyrics, self.slurs = _lyrics(placed), _slurs(placed)
        self.accidentals: dict[tuple[int, int], str] = {}

    # Accidentals ------------------------------------------------------------------------

    def _accidentals_of(self, voices: Sequence[VoiceBar], key: Key | None) -> None:
        """Which notes of a bar show an accidental: those that differ from what holds so far."""
        self.accidentals = {}
        for staff in range(1, self.part.n_staves + 1):
            holds: dict[tuple[str, int], int] = {}
            events = [
                (event.start, order, event)
                for order, voice in enumerate(voices)
                if voice.staff == staff
                for event in voice.events
                if event.notes
            ]
            for start, order, event in sorted(events, key=lambda item: item[:2]):
                for place, grace in enumerate(self.graces.get((voices[order].voice, start), ())):
                    if not event.tied_back:
                        name = (-1 - place, start * 64 + order)
                        self._show(name, grace.pitch, _grace_spelling(grace, key), holds, key)
                for note in event.notes:
                    spelling = self.part.spellings[note]
                    if event.tied_back:
                        self._carry(self.pitches[note], spelling, holds, key)
                    else:
                        self._show((note, start), self.pitches[note], spelling, holds, key)

    def _show(
        self,
        name: tuple[int, int],
        pitch: int,
        spelling: int,
        holds: dict[tuple[str, int], int],
        key: Key | None,
    ) -> None:
        letter, alteration = letter_and_alteration(spelling)
        place = (letter, octave_of(pitch, spelling))
        if alteration != holds.get(place, key_alteration(key, letter)):
            self.accidentals[name] = ACCIDENTALS[alteration]
        holds[place] = alteration

    def _carry(
        self, pitch: int, spelling: int, holds: dict[tuple[str, int], int], key: Key | None
    ) -> None:
        """A note tied over the bar line shows none; the next of its place always does."""
        letter, alteration = letter_and_alteration(spelling)
        place = (letter, octave_of(pitch, spelling))
        if place not in holds and alteration != key_alteration(key, letter):
            holds[place] = _UNCLEAR

    # Bars -------------------------------------------------------------------------------

    def bar(self, bar: Bar, voices: Sequence[VoiceBar], key: Key | None) -> list[str]:
        """The notes of one bar, with a backup between voices."""
        if not self.part.track.is_drum:
            self._accidentals_of(voices, key)
        lines: list[str] = []
        # Rests are printed in one voice of a staff: the first that has notes in the bar.
        first_of_staff: dict[int, VoiceBar] = {}
        for voice in voices:
            leader = first_of_staff.setdefault(voice.staff, voice)
            if leader.is_empty and not voice.is_empty:
                first_of_staff[voice.staff] = voice
        for voice in voices:
            is_first = first_of_staff[voice.staff] is voice
            if lines:
                lines.append(f"<backup><duration>{bar.end - bar.start}</duration></backup>")
            for event in voice.events:
                if event.is_rest:
                    lines.append(self._rest(event, voice, is_hidden=not is_first))
                else:
                    lines += self._chord(event, voice, voices.index(voice), key)
        return lines

    def _rest(self, event: Event, voice: VoiceBar, is_hidden: bool) -> str:
        hidden = ' print-object="no"' if is_hidden else ""
        measure = ' measure="yes"' if event.fills_bar else ""
        return (
            f"<note{hidden}><rest{measure}/><duration>{event.ticks}</duration>"
            f"<voice>{voice.voice}</voice>{_value(event)}{self._staff(voice)}"
            f"{_notations(_tuplet_marks(event))}</note>"
        )

    def _chord(self, event: Event, voice: VoiceBar, order: int, key: Key | None) -> list[str]:
        lines = []
        if not event.tied_back:
            graces = self.graces.get((voice.voice, event.start), ())
            lines += [
                self._grace(grace, place, event, voice, order, key)
                for place, grace in enumerate(graces)
            ]
        for rank, note in enumerate(event.notes):
            self.pieces[note] += 1
            piece = self.pieces[note]
            name = f"t{self.index}n{note}" + (f"-{piece}" if piece > 1 else "")
            dynamics = f"{self.velocities[note] * 100 / FORTE:.2f}"
            parts = [f'<note id="{name}" dynamics="{dynamics}">']
            if rank:
                parts.append("<chord/>")
            parts += [self._pitch(note), f"<duration>{event.ticks}</duration>"]
            if event.tied_back:
                parts.append('<tie type="stop"/>')
            if event.tied_on:
                parts.append('<tie type="start"/>')
            if self.part.track.is_drum:
                parts.append(f'<instrument id="P{self.index + 1}-D{self.pitches[note]}"/>')
            parts += [f"<voice>{voice.voice}</voice>", _value(event, self._accidental(note, event))]
            if self.part.track.is_drum:
                head = drum_place(self.pitches[note])[2]
                parts.append(f"<notehead>{head}</notehead>" if head != "normal" else "")
            parts.append(self._staff(voice))
            if rank == 0:
                parts += [
                    f'<beam number="{level}">{beam}</beam>'
                    for level, beam in enumerate(event.beams, start=1)
                ]
            parts.append(_notations(self._marks(note, rank, event, voice)))
            if rank == 0 and not event.tied_back:
                parts += self.lyrics.get((voice.voice, event.start), ())
            parts.append("</note>")
            lines.append("".join(parts))
        return lines

    def _accidental(self, note: int, event: Event) -> str:
        if event.tied_back or (note, event.start) not in self.accidentals:
            return ""
        return f"<accidental>{self.accidentals[note, event.start]}</accidental>"

    def _pitch(self, note: int) -> str:
        if self.part.track.is_drum:
            step, octave, _ = drum_place(self.pitches[note])
            return (
                f"<unpitched><display-step>{step}</display-step>"
                f"<display-octave>{octave}</display-octave></unpitched>"
            )
        return pitch_xml(self.pitches[note], self.part.spellings[note])

    def _staff(self, voice: VoiceBar) -> str:
        return f"<staff>{voice.staff}</staff>" if self.part.n_staves > 1 else ""

    def _marks(self, note: int, rank: int, event: Event, voice: VoiceBar) -> list[str]:
        marks = []
        if event.tied_back:
            marks.append('<tied type="stop"/>')
        if event.tied_on:
            marks.append('<tied type="start"/>')
        if rank == 0:
            if not event.tied_back:
                marks += self.slurs.get((voice.voice, event.start), ())
            marks += _tuplet_marks(event)
        if not event.tied_back:
            marks += [_ARTICULATIONS[kind] for kind in self.kinds.get(note, ())]
        return marks

    def _grace(
        self,
        grace: Grace,
        place: int,
        event: Event,
        voice: VoiceBar,
        order: int,
        key: Key | None,
    ) -> str:
        shown = self.accidentals.get((-1 - place, event.start * 64 + order))
        accidental = f"<accidental>{shown}</accidental>" if shown else ""
        return (
            f'<note><grace slash="yes"/>{pitch_xml(grace.pitch, _grace_spelling(grace, key))}'
            f"<voice>{voice.voice}</voice><type>eighth</type>{accidental}{self._staff(voice)}</note>"
        )


# Pieces of notes ------------------------------------------------------------------------


def key_alteration(key: Key | None, letter: str) -> int:
    """Alteration in semitones that a key signature gives a letter.

    >>> key_alteration(Key.parse("D major"), "F")
    1
    """
    fifths = key.fifths if key else 0
    # The signature with n sharps shifts the seven letters F..B by n places of the line.
    return (fifths + 5 - spelling_of(letter, 0)) // 7


def pitch_xml(pitch: int, spelling: int) -> str:
    letter, alteration = letter_and_alteration(spelling)
    alter = f"<alter>{alteration}</alter>" if alteration else ""
    return (
        f"<pitch><step>{letter}</step>{alter}<octave>{octave_of(pitch, spelling)}</octave></pitch>"
    )


def _grace_spelling(grace: Grace, key: Key | None) -> int:
    if grace.spelling != NO_SPELLING:
        return grace.spelling
    return (key or Key(0)).spell(grace.pitch)


def _value(event: Event, accidental: str = "") -> str:
    """Type, dots, accidental and tuplet ratio; nothing for a rest that fills its bar."""
    if event.fills_bar:
        return ""
    ratio = ""
    if event.tuplet:
        actual, normal = event.tuplet
        ratio = (
            f"<time-modification><actual-notes>{actual}</actual-notes>"
            f"<normal-notes>{normal}</normal-notes></time-modification>"
        )
    return f"<type>{VALUES[event.value]}</type>{'<dot/>' * event.dots}{accidental}{ratio}"


def _tuplet_marks(event: Event) -> list[str]:
    marks = []
    if event.opens:
        bracket = "no" if event.beams and not event.closes else "yes"
        marks.append(f'<tuplet type="start" bracket="{bracket}"/>')
    if event.closes:
        marks.append('<tuplet type="stop"/>')
    return marks


def _notations(marks: list[str]) -> str:
    return f"<notations>{''.join(marks)}</notations>" if marks else ""


# Marks ----------------------------------------------------------------------------------


def _lyrics(placed: PlacedMarks) -> dict[Anchor, list[str]]:
    """Syllables as XML; whether one begins or ends a word follows from the one before."""
    found: dict[Anchor, list[str]] = defaultdict(list)
    inside: dict[int, bool] = defaultdict(bool)  # verse -> whether a word goes on
    rows = [(lyric, at) for at, lyrics in placed.lyrics.items() for lyric in lyrics]
    for lyric, at in sorted(rows, key=lambda row: (row[0].verse, row[0].tick)):
        goes_on = lyric.text.endswith("-") and len(lyric.text) > 1
        text = lyric.text[:-1] if goes_on else lyric.text
        if goes_on:
            kind = "middle" if inside[lyric.verse] else "begin"
        else:
            kind = "end" if inside[lyric.verse] else "single"
        inside[lyric.verse] = goes_on
        found[at].append(
            f'<lyric number="{lyric.verse}"><syllabic>{kind}</syllabic>'
            f"<text>{escape(text)}</text></lyric>"
        )
    return found


def _slurs(placed: PlacedMarks) -> dict[Anchor, list[str]]:
    """Slurs as XML; those that overlap have different numbers."""
    found: dict[Anchor, list[str]] = defaultdict(list)
    busy: dict[int, int] = {}  # slur number -> tick at which it ends
    for start, end in placed.slurs:
        number = 1
        while busy.get(number, -1) >= start[1]:
            number += 1
        busy[number] = end[1]
        found[start].append(f'<slur type="start" number="{number}"/>')
        found[end].insert(0, f'<slur type="stop" number="{number}"/>')
    return found
