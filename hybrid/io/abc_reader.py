"""ABC notation -> Score.

After the ABC standard 2.1, except that an accidental holds for its own octave, as in print
and in most programs, unless ``%%propagate-accidentals pitch`` says otherwise.

Why not through music21: it passes over fields inside the music (``[K:...]``, ``[V:...]``)
and over lyrics, so that keys, voices and words are lost without a word, and lets
accidentals lapse within the bar. The tests hold both readers against each other on the
tunes that need none of this.

References
----------
Walshaw, C. et al. (2011). The ABC music standard 2.1. abcnotation.com
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from hybrid.core.errors import FormatError, ScoreError
from hybrid.core.instruments import INSTRUMENTS
from hybrid.core.pitch import NO_SPELLING
from hybrid.core.score import Score
from hybrid.core.timeline import Metre
from hybrid.io.abc_fields import (
    AbcKey,
    Staves,
    VoiceField,
    default_unit,
    parse_key,
    parse_metre,
    parse_tempo,
    parse_unit,
    parse_voice,
)
from hybrid.io.abc_voice import Line, VoiceReader
from hybrid.io.quarters import Part, Signatures, build, ticks_per_quarter
from hybrid.io.reading import Losses, Reading, count_of, decode_text, read_source

_REMARK = re.compile(r"(?<!\\)%.*")
_FIELD = re.compile(r"([A-Za-z+]):(.*)")
#: Fields that may stand on a line of their own among the music; no letters of notes.
_BODY_FIELDS = frozenset("IKLMmNPQRrsTUVWw")
_MIDI_PROGRAM = re.compile(r"(?:%%|I:)\s*MIDI\s+program\s+(?:\d+\s+)?(\d+)\s*$")
_MIDI_CHANNEL = re.compile(r"(?:%%|I:)\s*MIDI\s+channel\s+(\d+)\s*$")
_SILENT_FIELDS = frozenset("XABDFGHNORSZrIU")


def read_abc(path: str | Path, tune: int | None = None) -> Reading:
    """Read a tune of an ABC file.

    Parameters
    ----------
    path : str or Path
    tune : int, optional
        Its number in the field ``X:``; by default the first one.

    Returns
    -------
    Reading
        One track for each voice, or for each brace of ``%%score``.

    Raises
    ------
    FormatError
        If the file has no such tune or is malformed; the message names the line.
    """
    text = decode_text(read_source(path))
    try:
        return abc_to_score(text, tune)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def abc_to_score(text: str, tune: int | None = None) -> Reading:
    """`read_abc` on text."""
    losses = Losses()
    tunes = list(_tunes(text))
    if not tunes:
        raise FormatError("an ABC file must have a tune that begins with 'X:', got none")
    if tune is None:
        chosen = tunes[0]
        if len(tunes) > 1:
            losses.say(f"{count_of(len(tunes) - 1, 'further tune')} in the file: left out")
    else:
        found = [lines for lines in tunes if _number(lines) == tune]
        if not found:
            raise FormatError(f"the file has no tune X:{tune}")
        chosen = found[0]
    reader = _Tune(losses)
    for number, line in chosen:
        reader.line(line, number)
    try:
        return Reading(reader.score(), losses.lines())
    except ScoreError as error:
        raise FormatError(str(error)) from error


def _tunes(text: str) -> Iterator[list[tuple[int, str]]]:
    """The lines of each tune with their numbers; a blank line ends a tune."""
    lines: list[tuple[int, str]] = []
    is_open = False
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if line.startswith("X:"):
            if is_open:
                yield lines
            lines, is_open = [], True
        if not is_open:
            continue
        if not line.strip():
            yield lines
            is_open = False
            continue
        lines.append((number, line))
    if is_open:
        yield lines


def _number(lines: list[tuple[int, str]]) -> int | None:
    match = re.match(r"X:\s*(\d+)", lines[0][1])
    return int(match[1]) if match else None


@dataclass
class _Voice:
    reader: VoiceReader
    field: VoiceField
    program: int | None = None
    midi_channel: int | None = None


@dataclass
class _Header:
    title: str = ""
    composer: str = ""
    metre: Metre | None = None
    unit: Fraction | None = None
    key: AbcKey = field(default_factory=lambda: AbcKey(None))
    qpm: str | None = None
    staves: Staves | None = None
    program: int | None = None
    propagate: str = "octave"


class _Tune:
    """Reads the lines of one tune."""

    def __init__(self, losses: Losses) -> None:
        self.losses = losses
        self.header = _Header()
        self.fields: dict[str, VoiceField] = {}
        self.programs: dict[str, int] = {}
        self.channels: dict[str, int] = {}
        self.voices: dict[str, _Voice] = {}
        self.in_body = False
        self.current = "1"
        self.named_voice = False
        self.pending = ""  # a music line that goes on in the next one

    # Lines ------------------------------------------------------------------------------

    def line(self, line: str, number: int) -> None:
        if self._directive(line):
            return
        code = _REMARK.sub("", line).replace("\\%", "%")
        if not code.strip():
            return
        match = _FIELD.match(code)
        letter = match[1] if match else ""
        try:
            if match and not self.in_body:
                self._header_field(letter, match[2].strip())
            elif match and letter in _BODY_FIELDS:
                self._body_field(letter, match[2])
            elif match and letter == "+":
                self.losses.add(1, "continued field", "left out")
            elif self.in_body:
                self._music(code, number)
            else:
                self.losses.add(1, "line before the key", "left out")
        except FormatError as error:
            text = str(error)
            raise FormatError(text if "(line" in text else f"{text} (line {number})") from error

    def _directive(self, line: str) -> bool:
        """Read a line of ``%%`` or ``I:``; whether it was one."""
        program, channel = _MIDI_PROGRAM.match(line), _MIDI_CHANNEL.match(line)
        if program and int(program[1]) <= 127:
            if self.named_voice:
                self.programs[self.current] = int(program[1])
            else:
                self.header.program = int(program[1])
        elif channel and 1 <= int(channel[1]) <= 16:
            self.channels[self.current] = int(channel[1]) - 1
        elif line.startswith(("%%score", "%%staves")):
            self.header.staves = Staves.parse(line.split(None, 1)[1] if " " in line else "")
        elif re.match(r"(%%|I:)\s*propagate-accidentals\s+\w+", line):
            self.header.propagate = line.split()[-1]
        elif not line.startswith("%"):
            return False
        return True

    def _header_field(self, letter: str, value: str) -> None:
        header = self.header
        if letter == "T":
            header.title = header.title or value
        elif letter == "C":
            header.composer = header.composer or value
        elif letter == "M":
            header.metre = parse_metre(value)
            if header.metre is None:
                self.losses.say("free metre: laid out in bars of 4/4, cut at the bar lines")
        elif letter == "L":
            header.unit = parse_unit(value)
        elif letter == "Q":
            header.qpm = value
        elif letter == "V":
            self._voice_field(value)
        elif letter == "K":
            header.key = parse_key(value)
            self.in_body = True
            self.named_voice = False
            self.current = next(iter(self.fields), "1")
            if header.key.explicit and header.key.key is not None:
                self.losses.say("accidentals in the key signature: the notes have them")
        elif letter not in _SILENT_FIELDS:
            self.losses.add(1, f"field {letter}:", "left out", f"fields {letter}:")

    def _body_field(self, letter: str, value: str) -> None:
        if letter == "V":
            self._voice_field(value)
        elif letter == "w":
            self._voice().reader.lyric_line(value)
        elif letter in "KMLQP":
            self._voice().reader.field(letter, value.strip())
        elif letter not in "rNRTIU":
            self.losses.add(1, f"field {letter}:", "left out", f"fields {letter}:")

    def _voice_field(self, value: str) -> None:
        found = parse_voice(value)
        known = self.fields.setdefault(found.ident, found)
        if known is not found:
            known.name = found.name or known.name
            known.clef = found.clef or known.clef
            known.octaves = found.octaves or known.octaves
            known.semitones = found.semitones or known.semitones
        self.current, self.named_voice = found.ident, True

    def _music(self, line: str, number: int) -> None:
        """A line of music, which may change its voice in the middle."""
        # Tunes sent by e-mail keep "=20" for a space and "=" for a broken line.
        line, mailed = re.subn(r"=(20)?\s*$", "", line)
        self.losses.add(
            mailed, "remain of e-mail encoding", "left out", "remains of e-mail encoding"
        )
        for part in re.split(r"(\[V:[^\]]*\])", line):
            if part.startswith("[V:"):
                self._voice_field(part[3:-1])
            elif part.strip():
                self._voice().reader.music(part, number)

    def _voice(self) -> _Voice:
        if self.current not in self.voices:
            header = self.header
            unit = header.unit or default_unit(header.metre)
            reader = VoiceReader(header.metre, unit, header.key, self.losses)
            reader.propagate = header.propagate
            voice = self.fields.setdefault(self.current, VoiceField(self.current))
            reader.octaves, reader.semitones = voice.octaves, voice.semitones
            self.voices[self.current] = _Voice(reader, voice)
        return self.voices[self.current]

    # Score ------------------------------------------------------------------------------

    def score(self) -> Score:
        if not self.voices:
            raise FormatError("a tune must have a key (K:) and music after it, got none")
        order = [name for name in self.fields if name in self.voices]
        first = self.voices[order[0]].reader
        signatures = self._signatures(first)
        parts = [self._part(staves) for staves in self._staves(order)]
        signatures.length = max(
            (voice.reader.at for voice in self.voices.values()), default=Fraction(0)
        )
        quarter = ticks_per_quarter(parts, signatures, self.losses)
        return build(parts, signatures, quarter)

    def _staves(self, order: list[str]) -> list[list[list[str]]]:
        """Parts as lists of staves of voices: as ``%%score`` groups them, else one each."""
        grouped = self.header.staves.parts if self.header.staves else []
        known = [
            [[name for name in staff if name in self.voices] for staff in part] for part in grouped
        ]
        parts = [[staff for staff in part if staff] for part in known]
        listed = {name for part in parts for staff in part for name in staff}
        return [part for part in parts if part] + [[[name]] for name in order if name not in listed]

    def _part(self, staves: list[list[str]]) -> Part:
        names = [name for staff in staves for name in staff]
        fields = [self.fields[name] for name in names]
        part = Part(name=next((found.name for found in fields if found.name), ""))
        clefs = [found.clef for found in fields if found.clef]
        part.is_drum = "percussion" in clefs or self.channels.get(names[0]) == 9
        if len(staves) == 1 and clefs and not part.is_drum:
            part.clef = clefs[0]
        part.midi_channel = 9 if part.is_drum else self.channels.get(names[0])
        known = INSTRUMENTS.get(part.name.lower())
        programs = [self.programs[name] for name in names if name in self.programs]
        default = known.program if known else 0
        part.program = programs[0] if programs else self.header.program or default
        for index, staff in enumerate(staves):
            number = 4 * index  # voices 1 to 4 on the first staff, 5 to 8 on the second
            for name in staff:
                number = self._add_voice(part, self.voices[name].reader, number + 1)
        return part

    def _add_voice(self, part: Part, reader: VoiceReader, number: int) -> int:
        """Add a voice with its overlays; the last voice number used."""
        layers = sorted({layer for layer, _ in reader.notes} | {0})
        numbers = {layer: number + rank for rank, layer in enumerate(layers)}
        for layer, note in reader.notes:
            note.voice = numbers[layer]
            if part.is_drum:
                note.spelling = NO_SPELLING
            part.notes.append(note)
        part.graces += [(p, pitch, rank, number, s) for p, pitch, rank, s in reader.graces]
        part.lyrics += reader.lyrics
        part.articulations += reader.articulations
        part.slurs += [(start, end, number) for start, end in reader.slurs]
        self.losses.add(len(reader.ties), "tie to nowhere", "left out", "ties to nowhere")
        return numbers[layers[-1]]

    def _signatures(self, first: VoiceReader) -> Signatures:
        header = self.header
        found = Signatures(title=header.title, composer=header.composer)
        found.lay_bars(_bars(first))
        keys = {place: key.key for place, key in first.keys if key.key is not None}
        found.keys = sorted(keys.items())
        if header.qpm is not None:
            qpm = parse_tempo(header.qpm, header.unit or default_unit(header.metre))
            if qpm is None:
                self.losses.add(1, "tempo word", "left out: it names no number")
            else:
                found.tempos.append((Fraction(0), qpm))
        tempos = dict(found.tempos)
        for voice in self.voices.values():
            for place, qpm in voice.reader.tempos:
                tempos[place] = qpm
            found.markers += [m for m in voice.reader.markers if m not in found.markers]
        found.tempos = sorted(tempos.items())
        found.markers.sort(key=lambda item: item[0])
        found.repeats = _repeats(first.lines, first.at)
        return found


def _bars(first: VoiceReader) -> list[tuple[Fraction, Fraction, Metre]]:
    """Measures between the bar lines of a voice, with the metre in force."""
    places = sorted({Fraction(0), first.at, *(line.place for line in first.lines)})
    bars = []
    for start, end in pairwise(places):
        metre = Metre(0, 4, 4)
        for place, value in first.metres:
            if place <= start:
                metre = value
        bars.append((start, end, metre))
    return bars or [(Fraction(0), Fraction(4), Metre(0, 4, 4))]


_Ending = tuple[Fraction, Fraction, tuple[int, ...]]


def _repeats(
    lines: list[Line], end: Fraction
) -> list[tuple[Fraction, Fraction, int, list[_Ending]]]:
    """Repeated passages and their endings from the bar lines of a voice."""
    found: list[tuple[Fraction, Fraction, int, list[_Ending]]] = []
    start = Fraction(0)
    endings: list[_Ending] = []
    open_ending: tuple[Fraction, tuple[int, ...]] | None = None
    times = 0
    for line in [*lines, Line(end, ends_ending=True)]:
        if open_ending is not None and line.ends_ending and line.place > open_ending[0]:
            endings.append((open_ending[0], line.place, open_ending[1]))
            open_ending = None
        if line.closes and line.place > start:
            times = max(times, line.closes)
            if not endings and not line.ending:
                found.append((start, line.place, times, []))
                start, times = line.place, 0
        if line.ending:
            open_ending = (line.place, line.ending)
            continue
        is_over = endings and open_ending is None
        if is_over and (line.opens or not line.closes or line.place >= end):
            last = endings[-1][1]
            total = max(2, times, *(number for item in endings for number in item[2]))
            found.append((start, last, total, endings))
            start, endings, times = last, [], 0
        if line.opens:
            start = line.place
    return found
