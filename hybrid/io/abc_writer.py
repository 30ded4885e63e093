"""Score -> ABC notation (standard 2.1).

Each voice is a ``V:`` of its own; ``%%score`` says which of them share a part or a staff.
After an accidental every later note of its letter in the bar has one, too, so that programs
that carry accidentals over octaves and those that do not read the same pitches.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from fractions import Fraction

from hybrid.core.pitch import NO_SPELLING, Key, letter_and_alteration, octave_of, spelling_name
from hybrid.core.score import Grace, Score
from hybrid.core.timeline import Bar, Metre
from hybrid.io.abc_fields import signature_alteration
from hybrid.io.marks import place_marks
from hybrid.io.notation import Event, Notation, Part, notate
from hybrid.io.quantise import quantise
from hybrid.io.reading import Losses

UNIT = Fraction(1, 2)  # L:1/8
_BARS_A_LINE = 4
_CLEFS = {
    "treble": "treble",
    "bass": "bass",
    "alto": "alto",
    "tenor": "tenor",
    "treble8vb": "treble-8",
    "percussion": "perc",
}
_MARKS = {
    "staccato": ".",
    "staccatissimo": "!wedge!",
    "tenuto": "!tenuto!",
    "accent": "!>!",
    "marcato": "!^!",
    "fermata": "!fermata!",
    "trill": "T",
}
_MODES = {
    "major": "",
    "minor": "m",
    "dorian": "dor",
    "phrygian": "phr",
    "lydian": "lyd",
    "mixolydian": "mix",
    "locrian": "loc",
}
_SIGNS = {-2: "__", -1: "_", 0: "=", 1: "^", 2: "^^"}


def score_to_abc(score: Score) -> tuple[str, tuple[str, ...]]:
    """`hybrid.io.abc.write_abc` into text; the second value names the losses."""
    losses = Losses()
    written, loss = quantise(score)
    if loss:
        losses.say(loss)
    text = _Writer(written, notate(written), losses).write()
    return text, losses.lines()


@dataclass
class _Voice:
    """A voice of the file: its name there, its part, and where in the part it stands."""

    name: str
    part: Part
    index: int  # in the part's rows of bars
    staff: int


class _Writer:
    def __init__(self, score: Score, notation: Notation, losses: Losses) -> None:
        self.score = score
        self.notation = notation
        self.losses = losses
        self.voices = self._voices()
        self.barlines = self._barlines()
        self.marks = {id(part): place_marks(part, losses) for part in notation.parts}
        for marks in self.marks.values():
            between = sum(start[0] != end[0] for start, end in marks.slurs)
            losses.add(between, "slur", "it goes from one voice to another")

    def write(self) -> str:
        lines = self._header()
        for voice in self.voices:
            lines.append(f"V:{voice.name}")
            lines += _VoiceWriter(self, voice, voice is self.voices[0]).lines()
        self._name_losses()
        return "\n".join(lines) + "\n"

    # Header ---------------------------------------------------------------------------

    def _voices(self) -> list[_Voice]:
        found = []
        for number, part in enumerate(self.notation.parts, start=1):
            many = len(part.voices) > 1
            for index, voice in enumerate(part.voices):
                letter = _letters(index) if many else ""
                found.append(_Voice(f"{number}{letter}", part, index, voice.staff))
        return found

    def _header(self) -> list[str]:
        score = self.score
        lines = ["X:1", f"T:{_one_line(score.title)}"]
        if score.composer:
            lines.append(f"C:{_one_line(score.composer)}")
        metre = self.notation.bars[0].metre
        lines += [f"M:{metre.name}", "L:1/8"]
        if score.tempos and score.tempos[0].tick == 0:
            lines.append(f"Q:{_tempo(score.tempos[0].qpm, metre)}")
        lines.append(f"%%score {self._groups()}")
        for voice in self.voices:
            lines += self._voice_field(voice)
        key = score.key_at(0)
        lines.append(f"K:{_key(key)}" if key else "K:none")
        return lines

    def _groups(self) -> str:
        """``%%score``: braces for parts on two staves, parentheses for staves with voices."""
        words = []
        for part in self.notation.parts:
            mine = [voice for voice in self.voices if voice.part is part]
            staves = []
            for staff in range(1, part.n_staves + 1):
                names = [voice.name for voice in mine if voice.staff == staff]
                staves.append(f"({' '.join(names)})" if len(names) > 1 else names[0])
            words.append(f"{{{' '.join(staves)}}}" if len(staves) > 1 else staves[0])
        return " ".join(words)

    def _voice_field(self, voice: _Voice) -> list[str]:
        track = voice.part.track
        words = [f"V:{voice.name}"]
        is_first = voice.index == 0
        if is_first and track.name:
            words.append(f'name="{_one_line(track.name).replace(chr(34), chr(39))}"')
        words.append(f"clef={_CLEFS[voice.part.clefs[voice.staff - 1]]}")
        lines = [" ".join(words)]
        if is_first:
            channel = 9 if track.is_drum else track.midi_channel
            if channel is not None:
                lines.append(f"%%MIDI channel {channel + 1}")
            lines.append(f"%%MIDI program {track.program}")
        return lines

    # Bar lines ------------------------------------------------------------------------

    def _barlines(self) -> list[str]:
        """The sign before each bar, and the one after the last."""
        bars = self.notation.bars
        end = bars[-1].end
        signs = [""] + ["|"] * (len(bars) - 1) + ["|]"]
        index = {bar.start: at for at, bar in enumerate(bars)} | {end: len(bars)}
        closes: set[int] = set()
        opens: set[int] = set()
        labels: dict[int, str] = {}
        stops: set[int] = set()
        times: dict[int, int] = {}
        for repeat in self.score.repeats:
            places = [(a, min(b, end), numbers) for a, b, numbers in repeat.endings]
            wanted = [repeat.start, min(repeat.end, end)]
            wanted += [place for ending in places for place in ending[:2]]
            if any(place not in index for place in wanted):
                self.losses.add(1, "repeat", "it does not begin or end at a bar line")
                continue
            if repeat.start or any(other.end == 0 for other in self.score.repeats):
                opens.add(repeat.start)
            if not places:
                closes.add(wanted[1])
            for start, stop, numbers in places:
                labels[start] = ",".join(str(number) for number in numbers)
                stops.add(stop)
                if max(numbers, default=0) < repeat.times:
                    closes.add(stop)
            if repeat.times > 2 and not places:
                times[wanted[1]] = repeat.times
        for tick, at in index.items():
            dots = ":" * (times.get(tick, 2) - 1)
            if tick in closes and tick in opens:
                signs[at] = f"{dots}|:"
            elif tick in closes:
                signs[at] = f"{dots}|" + ("]" if tick == end else "")
            elif tick in opens:
                signs[at] = "|:"
            elif tick in stops and tick != end:
                signs[at] = "||"
            if tick in labels:
                signs[at] = (signs[at] or "|") + labels[tick] if at else f"[{labels[tick]}"
        return signs

    def _name_losses(self) -> None:
        many = "ABC has no place for them"
        tracks = self.score.tracks
        uneven = sum(len(set(track.notes["velocity"].tolist())) > 1 for track in tracks)
        self.losses.add(
            uneven, "track with velocities that differ", many, "tracks with velocities that differ"
        )
        for singular, name in (
            ("controller event", "controls"),
            ("pitch bend", "bends"),
            ("program change", "programs"),
        ):
            self.losses.add(sum(len(getattr(track, name)) for track in tracks), singular, many)


class _VoiceWriter:
    """Writes the bars of one voice."""

    def __init__(self, writer: _Writer, voice: _Voice, is_first: bool) -> None:
        self.writer = writer
        self.score = writer.score
        self.voice = voice
        self.is_first = is_first
        self.part = voice.part
        self.number = self.part.voices[voice.index].number
        self.altered: dict[str, int] = {}  # letters with an accidental in this bar
        marks = writer.marks[id(voice.part)]
        self.kinds = marks.kinds
        self.graces = {tick: item for (v, tick), item in marks.graces.items() if v == self.number}
        self.opening: Counter[int] = Counter()
        self.closing: Counter[int] = Counter()
        for start, end in marks.slurs:
            if start[0] == end[0] == self.number:
                self.opening[start[1]] += 1
                self.closing[end[1]] += 1
        self.lyrics: dict[int, dict[int, str]] = defaultdict(dict)  # verse -> tick -> text
        for (number, tick), lyrics in marks.lyrics.items():
            if number == self.number:
                for lyric in lyrics:
                    self.lyrics[lyric.verse][tick] = lyric.text

    # Lines ----------------------------------------------------------------------------

    def lines(self) -> list[str]:
        bars = self.writer.notation.bars
        signs = self.writer.barlines
        lines: list[str] = []
        for first in range(0, len(bars), _BARS_A_LINE):
            words = []
            ticks: list[int | None] = []  # of the notes that lyrics align to; None: tied
            last = min(first + _BARS_A_LINE, len(bars))
            for index in range(first, last):
                if index == 0 and signs[0]:
                    words.append(signs[0])
                words.append(self._bar(index, bars[index], ticks))
                words.append(signs[index + 1])
            lines.append(" ".join(word for word in words if word))
            lines += self._lyric_lines(ticks)
        return lines

    def _lyric_lines(self, ticks: list[int | None]) -> list[str]:
        lines = []
        verses = sorted(self.lyrics)
        for verse in range(1, max(verses, default=0) + 1):
            texts = self.lyrics.get(verse, {})
            words = ["*" if tick is None else _syllable(texts.get(tick)) for tick in ticks]
            while words and words[-1] == "*":
                words.pop()
            if words or any(later in self.lyrics for later in range(verse + 1, 99)):
                lines.append(f"w: {' '.join(words) or '*'}")
        return lines

    def _bar(self, index: int, bar: Bar, ticks: list[int | None]) -> str:
        voice = self.part.bars[index][self.voice.index]
        self.altered = {}
        text = self._fields(bar.start, index)
        key = self.score.key_at(bar.start) or Key(0)
        in_beam = False
        for event in voice.events:
            if event.start > bar.start:
                text += self._fields(event.start, None)
                key = self.score.key_at(event.start) or Key(0)
            if text and not in_beam:
                text += " "
            if event.opens and event.tuplet:
                actual, normal = event.tuplet
                text += f"({actual}:{normal}:{_tuplet_size(voice.events, event)}"
            text += self._event(event, key)
            if not event.is_rest:
                ticks.append(None if event.tied_back else event.start)
            in_beam = bool(event.beams) and event.beams[0] in ("begin", "continue")
        return text.strip()

    def _fields(self, tick: int, index: int | None) -> str:
        """Changes of metre, key and tempo, and markers, in brackets."""
        bars = self.writer.notation.bars
        text = ""
        if index and bars[index].metre.name != bars[index - 1].metre.name:
            text += f"[M:{bars[index].metre.name}]"
        for signature in self.score.keys:
            if signature.tick == tick and tick:
                text += f"[K:{_key(signature.key)}]"
                self.altered = {}
        if self.is_first:
            for marker in self.score.markers:
                if marker.tick == tick:
                    text += f"[P:{_one_line(marker.text).replace(']', ')')}]"
            for tempo in self.score.tempos:
                if tempo.tick == tick and tick:
                    text += f"[Q:{_tempo(tempo.qpm, self.score.bar_at(tick).metre)}]"
        return text

    # Notes ----------------------------------------------------------------------------

    def _event(self, event: Event, key: Key) -> str:
        quarter = self.score.ticks_per_quarter
        if event.is_rest:
            # Rests of the lower voices of a staff are kept but not printed.
            sign = "z" if self._is_upper() else "x"
            whole = Fraction(event.ticks, quarter)
            return sign + _length(whole if event.fills_bar else _printed(event))
        text = ""
        if not event.tied_back:
            graces = self.graces.get(event.start, [])
            if graces:
                text += "{/" + "".join(self._grace(grace, key) for grace in graces) + "}"
            text += "(" * self.opening[event.start]
            marks = [_MARKS[kind] for note in event.notes for kind in self.kinds.get(note, ())]
            text += "".join(dict.fromkeys(marks))
        names = [self._note(note, event, key) for note in event.notes]
        length = _length(_printed(event))
        if len(names) == 1:
            text += names[0] + length + ("-" if event.tied_on else "")
        else:
            text += f"[{''.join(names)}]{length}" + ("-" if event.tied_on else "")
        if not event.tied_back:
            text += ")" * self.closing[event.start]
        return text

    def _is_upper(self) -> bool:
        """Whether this is the first voice of its staff."""
        staff = self.voice.staff
        first = next(i for i, voice in enumerate(self.part.voices) if voice.staff == staff)
        return first == self.voice.index

    def _note(self, note: int, event: Event, key: Key) -> str:
        pitch = int(self.part.track.notes["pitch"][note])
        return self._pitch(pitch, self.part.spellings[note], key, event.tied_back)

    def _grace(self, grace: Grace, key: Key) -> str:
        known = grace.spelling != NO_SPELLING
        spelling = grace.spelling if known else key.spell(grace.pitch)
        return self._pitch(grace.pitch, spelling, key, False)

    def _pitch(self, pitch: int, spelling: int, key: Key, is_tied: bool) -> str:
        letter, alteration = letter_and_alteration(spelling)
        octave = octave_of(pitch, spelling)
        sign = ""
        if not -2 <= alteration <= 2:
            # Beyond double accidentals ABC has no sign: another name for the pitch.
            self.writer.losses.add(1, "triple accidental", "ABC has none: another name for it")
            return self._pitch(pitch, key.spell(pitch), key, is_tied)
        usual = signature_alteration(self._signature(key), letter)
        if letter in self.altered or alteration != usual:
            sign = _SIGNS[alteration]
            self.altered[letter] = alteration
        if octave >= 5:
            return sign + letter.lower() + "'" * (octave - 5)
        return sign + letter + "," * (4 - octave)

    def _signature(self, key: Key) -> Key:
        return key if self.score.keys else Key(0)


# Pieces ---------------------------------------------------------------------------------


def _printed(event: Event) -> Fraction:
    """The length as written, before any tuplet shortens it."""
    return event.value * (2 - Fraction(1, 2**event.dots))


def _tuplet_size(events: tuple[Event, ...], first: Event) -> int:
    """Notes and rests in the tuplet that ``first`` opens."""
    at = events.index(first)
    count = 1
    while not events[at + count - 1].closes:
        count += 1
    return count


def _length(quarters: Fraction) -> str:
    """A length in units.

    >>> [_length(Fraction(n, 4)) for n in (1, 2, 4, 3)]
    ['/2', '', '2', '3/2']
    """
    units = quarters / UNIT
    if units == 1:
        return ""
    if units.denominator == 1:
        return str(units.numerator)
    return f"{units.numerator if units.numerator > 1 else ''}/{units.denominator}"


def _key(key: Key) -> str:
    return spelling_name(key.tonic) + _MODES[key.mode]


def _tempo(qpm: float, metre: Metre) -> str:
    """``1/4=120``; a dotted beat in compound metres where that number is shorter."""
    if metre.is_compound and metre.beat_quarters == Fraction(3, 2):
        beats = qpm / 1.5
        if abs(beats - round(beats, 3)) < 1e-9 and round(beats, 3) * 1.5 == qpm:
            return f"3/8={round(beats, 3):g}"
    return f"1/4={qpm:.10g}"


def _syllable(text: str | None) -> str:
    if not text or not text.strip():
        return "*"
    goes_on = text.endswith("-") and len(text) > 1
    body = text[:-1] if goes_on else text
    for sign, escape in (("-", "\\-"), ("_", " "), ("*", " "), ("|", " "), ("%", "\\%")):
        body = body.replace(sign, escape)
    return "~".join(body.split()) + ("-" if goes_on else "")


def _letters(index: int) -> str:
    """a, b ... z, aa, ab ..."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(97 + rest) + name
    return name


def _one_line(text: str) -> str:
    return " ".join(text.replace("%", "\\%").split())
