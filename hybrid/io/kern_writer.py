"""Score -> Humdrum **kern.

verovio can turn MusicXML into kern, but not every score: its converter ended this process
(an uncaught exception in C++) on a part with drums and chord symbols, and its way through
MEI loses notes. So kern is written here, one spine for each staff, lowest first, split into
sub-spines for voices; verovio and music21 are oracles in the tests.

References
----------
Huron, D. (1995). The Humdrum Toolkit: Reference Manual. CCARH.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from hybrid.core.pitch import NO_SPELLING, Key, letter_and_alteration, octave_of, spelling_name
from hybrid.core.score import Grace, KeySignature, Marker, Repeat, Score
from hybrid.core.timeline import Bar, Tempo
from hybrid.io.durations import notated
from hybrid.io.marks import place_marks
from hybrid.io.notation import Event, Notation, Part, VoiceBar, notate
from hybrid.io.quantise import quantise
from hybrid.io.reading import Losses

_CLEFS = {
    "treble": "*clefG2",
    "bass": "*clefF4",
    "alto": "*clefC3",
    "tenor": "*clefC4",
    "treble8vb": "*clefGv2",
    "percussion": "*clefX",
}
_MARKS = {
    "staccato": "'",
    "staccatissimo": "`",
    "tenuto": "~",
    "accent": "^",
    "marcato": "^^",
    "fermata": ";",
    "trill": "T",
}
#: General MIDI programs that Humdrum has an instrument code for.
INSTRUMENT_CODES = {
    0: "piano",
    6: "cemba",
    8: "celst",
    9: "glock",
    11: "vibra",
    12: "marim",
    19: "organ",
    24: "guitr",
    32: "cbass",
    40: "violn",
    41: "viola",
    42: "cello",
    43: "cbass",
    46: "harp",
    56: "tromp",
    57: "tromb",
    58: "tuba",
    60: "cor",
    64: "soprs",
    65: "altos",
    66: "tenrs",
    68: "oboe",
    69: "cangl",
    70: "fagot",
    71: "clars",
    72: "picco",
    73: "flt",
    74: "flds",
}
_VOICE_NAMES = {"soprano": "soprn", "alto": "alto", "tenor": "tenor", "bass": "bass"}
VOICE_CODES = frozenset((*_VOICE_NAMES.values(), "vox"))


def score_to_kern(score: Score) -> tuple[str, tuple[str, ...]]:
    """`hybrid.io.kern.write_kern` into text; the second value names the losses."""
    losses = Losses()
    written, loss = quantise(score)
    if loss:
        losses.say(loss)
    text = _Writer(written, notate(written), losses).write()
    return text, losses.lines()


@dataclass
class _Spine:
    """A staff: its part, its voices and the verses under it."""

    part: Part
    part_index: int
    staff: int
    voices: list[int]
    verses: list[int]

    @property
    def width(self) -> int:
        return len(self.voices)


class _Writer:
    def __init__(self, score: Score, notation: Notation, losses: Losses) -> None:
        self.score = score
        self.notation = notation
        self.losses = losses
        self.spines = self._spines()
        self.signs = self._signs()
        self.sign_ticks = sorted(self.signs)
        self.marks = [place_marks(part, losses) for part in notation.parts]
        self.opening = [Counter(start for start, _ in marks.slurs) for marks in self.marks]
        self.closing = [Counter(end for _, end in marks.slurs) for marks in self.marks]
        self.words = [
            {
                (lyric.verse, lyric.tick): lyric.text
                for lyrics in marks.lyrics.values()
                for lyric in lyrics
            }
            for marks in self.marks
        ]
        self.lines: list[str] = []
        self.key: Key | None = None

    # Spines ---------------------------------------------------------------------------

    def _spines(self) -> list[_Spine]:
        """Staves from the lowest to the highest, as kern has them from left to right."""
        found = []
        for index, part in enumerate(self.notation.parts):
            verses = sorted({lyric.verse for lyric in part.track.lyrics})
            for staff in range(1, part.n_staves + 1):
                voices = [voice.number for voice in part.voices if voice.staff == staff]
                found.append(_Spine(part, index, staff, voices, verses if staff == 1 else []))
        return list(reversed(found))

    # Lines ----------------------------------------------------------------------------

    def write(self) -> str:
        self._header()
        self._split()
        for index, bar in enumerate(self.notation.bars):
            self._bar_line(index)
            self._bar(index, bar)
        self._bar_line(len(self.notation.bars))
        self._join()
        self._row(_always("*-"), "*-")
        self._name_losses()
        return "\n".join(self.lines) + "\n"

    def _row(
        self, token_of: Callable[[_Spine], str], text: str = "*", joined: bool = False
    ) -> None:
        """A line with one token for each kern column, and ``text`` in the text columns."""
        tokens = []
        for spine in self.spines:
            tokens += [token_of(spine)] * self.widths[id(spine)]
            tokens += [text] * len(spine.verses)
        self.lines.append("\t".join(tokens))

    def _header(self) -> None:
        score = self.score
        self.widths = {id(spine): 1 for spine in self.spines}
        if score.composer:
            self.lines.append(f"!!!COM: {_one_line(score.composer)}")
        if score.title:
            self.lines.append(f"!!!OTL: {_one_line(score.title)}")
        self._row(_always("**kern"), "**text")
        staff = {id(spine): len(self.spines) - at for at, spine in enumerate(self.spines)}
        for prefix, number_of in (
            ("*part", lambda spine: spine.part_index + 1),
            ("*staff", lambda spine: staff[id(spine)]),
        ):
            tokens = []
            for spine in self.spines:
                tokens += [f"{prefix}{number_of(spine)}"] * (1 + len(spine.verses))
            self.lines.append("\t".join(tokens))
        if any(spine.part.track.name for spine in self.spines):
            self._row(lambda spine: f'*I"{_one_line(spine.part.track.name)}')
        self._row(self._instrument)
        self._row(lambda spine: _CLEFS[spine.part.clefs[spine.staff - 1]])

    def _instrument(self, spine: _Spine) -> str:
        track = spine.part.track
        if track.is_drum:
            return "*Idrmst"
        code = _VOICE_NAMES.get(track.name.lower()) if track.program == 52 else None
        code = code or INSTRUMENT_CODES.get(track.program)
        return f"*I{code}" if code else "*"

    def _split(self) -> None:
        """Split spines into one column for each voice."""
        for spine in self.spines:
            for _ in range(spine.width - 1):
                tokens = []
                for other in self.spines:
                    row = ["*"] * self.widths[id(other)]
                    if other is spine:
                        row[-1] = "*^"
                    tokens += [*row, *["*"] * len(other.verses)]
                self.lines.append("\t".join(tokens))
                self.widths[id(spine)] += 1

    def _join(self) -> None:
        for spine in self.spines:
            if spine.width > 1:
                self._row(_only(spine, "*v"))
                self.widths[id(spine)] = 1

    def _bar_line(self, index: int) -> None:
        """The bar line before a bar, with its repeat signs; the last one is double."""
        bars = self.notation.bars
        is_last = index == len(bars)
        tick = bars[-1].end if is_last else bars[index].start
        ends = any(self._closes(repeat, tick) for repeat in self.score.repeats)
        starts = any(repeat.start == tick and tick for repeat in self.score.repeats)
        sign = {(True, True): ":|!|:", (True, False): ":|!", (False, True): "!|:"}.get(
            (ends, starts), ""
        )
        if is_last:
            token = f"=={sign}"
        elif index == 0:
            if bars[0].is_pickup:
                return
            token = f"={bars[0].number}-"
        else:
            number = "" if self.notation.is_continued(index) else str(bars[index].number)
            token = f"={number}{sign}"
        self._row(_always(token), token)

    def _closes(self, repeat: Repeat, tick: int) -> bool:
        return min(repeat.end, self.notation.bars[-1].end) == tick

    def _bar(self, index: int, bar: Bar) -> None:
        rows: dict[int, dict[tuple[int, int], str]] = defaultdict(dict)
        graces: dict[int, list[dict[tuple[int, int], str]]] = defaultdict(list)
        for at, spine in enumerate(self.spines):
            voices = [v for v in spine.part.bars[index] if v.staff == spine.staff]
            for column, voice in enumerate(voices):
                for event in voice.events:
                    rows[event.start][at, column] = self._token(spine, voice, event, column > 0)
                    if not event.tied_back and not event.is_rest:
                        marks = self.marks[spine.part_index]
                        found = marks.graces.get((voice.voice, event.start), [])
                        for place, grace in enumerate(found):
                            # Graces end with the main note: the last ones share a line.
                            back = len(found) - place
                            while len(graces[event.start]) < back:
                                graces[event.start].insert(0, {})
                            graces[event.start][-back][at, column] = self._grace(grace)
        first, last = (bisect_left(self.sign_ticks, tick) for tick in (bar.start, bar.end))
        ticks = {*rows, *self.sign_ticks[first:last]}
        for tick in sorted(ticks):
            self._interpretations(tick, index)
            for row in graces.get(tick, ()):
                self._data(row, None)
            if tick in rows:
                self._data(rows[tick], tick)

    def _data(self, row: dict[tuple[int, int], str], tick: int | None) -> None:
        tokens = []
        for at, spine in enumerate(self.spines):
            tokens += [row.get((at, column), ".") for column in range(spine.width)]
            for verse in spine.verses:
                words = self.words[spine.part_index]
                text = words.get((verse, tick), "") if tick is not None else ""
                tokens.append(_one_line(text) or ".")
        self.lines.append("\t".join(tokens))

    # Signatures -----------------------------------------------------------------------

    def _signs(self) -> dict[int, list[Marker | KeySignature | Tempo]]:
        """What stands in interpretation lines inside the music, by tick."""
        score = self.score
        found: dict[int, list[Marker | KeySignature | Tempo]] = defaultdict(list)
        for items in (score.markers, score.keys, score.tempos):
            for item in items:
                found[item.tick].append(item)
        return found

    def _interpretations(self, tick: int, index: int) -> None:
        items = self.signs.get(tick, ())
        for marker in items:
            if isinstance(marker, Marker):
                label = f"*>{_one_line(marker.text)}"
                self._row(_always(label), label)
        for signature in items:
            if isinstance(signature, KeySignature):
                self._key(signature.key)
        bar = self.notation.bars[index]
        before = self.notation.bars[index - 1].metre.name if index else ""
        if tick == bar.start and bar.metre.name != before:
            self._row(_always(f"*M{bar.metre.name}"))
        for tempo in items:
            if isinstance(tempo, Tempo):
                self._row(_always(f"*MM{tempo.qpm:.10g}"))

    def _key(self, key: Key) -> None:
        letters = "fcgdaeb" if key.fifths > 0 else "beadgcf"
        sign = "#" if key.fifths > 0 else "-"
        count = min(abs(key.fifths), 7)
        signature = "".join(letter + sign for letter in letters[:count])
        self._row(_pitched(f"*k[{signature}]"))
        tonic = (
            spelling_name(key.tonic).replace("b", "-")
            if key.tonic < -1
            else spelling_name(key.tonic)
        )
        name = tonic.lower() if key.is_minor else tonic
        mode = _MODES.get(key.mode, "")
        self._row(_pitched(f"*{name}:{mode}"))

    # Notes ----------------------------------------------------------------------------

    def _token(self, spine: _Spine, voice: VoiceBar, event: Event, is_second: bool) -> str:
        if event.is_rest:
            length = Fraction(event.ticks, self.score.ticks_per_quarter)
            recip = _recip_of_length(length) if event.fills_bar else _recip(event)
            return f"{recip}r{'yy' if is_second else ''}"
        anchor = (voice.voice, event.start)
        marks = self.marks[spine.part_index]
        notes = []
        for rank, note in enumerate(event.notes):
            pitch = int(spine.part.track.notes["pitch"][note])
            text = _recip(event) + kern_pitch(pitch, spine.part.spellings[note])
            if not event.tied_back:
                text += "".join(_MARKS[kind] for kind in marks.kinds.get(note, ()))
            if rank == 0:
                text += _beams(event)
            if event.tied_back:
                text += "_" if event.tied_on else "]"
            elif event.tied_on:
                text = "[" + text
            if rank == 0 and not event.tied_back:
                text = "(" * self.opening[spine.part_index][anchor] + text
                text += ")" * self.closing[spine.part_index][anchor]
            notes.append(text)
        return " ".join(notes)

    def _grace(self, grace: Grace) -> str:
        key = self.score.key_at(grace.tick) or Key(0)
        known = grace.spelling != NO_SPELLING
        spelling = grace.spelling if known else key.spell(grace.pitch)
        return f"8{kern_pitch(grace.pitch, spelling)}q"

    def _name_losses(self) -> None:
        score, losses = self.score, self.losses
        many = "kern has no place for them"
        notes = sum(len(set(track.notes["velocity"].tolist())) > 1 for track in score.tracks)
        losses.add(
            notes, "track with velocities that differ", many, "tracks with velocities that differ"
        )
        for singular, name in (
            ("controller event", "controls"),
            ("pitch bend", "bends"),
            ("program change", "programs"),
        ):
            losses.add(sum(len(getattr(t, name)) for t in score.tracks), singular, many)
        for track in score.tracks:
            known = track.is_drum or track.program in INSTRUMENT_CODES
            if not known and not (track.program == 52 and track.name.lower() in _VOICE_NAMES):
                losses.add(1, "program", "Humdrum has no code for the instrument")
        channels = sum(track.midi_channel is not None for track in score.tracks)
        losses.add(channels, "MIDI channel", many)
        endings = sum(bool(repeat.endings) for repeat in score.repeats)
        losses.add(
            endings,
            "repeat with different endings",
            "the endings stand one after another",
            "repeats with different endings",
        )
        times = sum(repeat.times > 2 for repeat in score.repeats)
        losses.add(
            times,
            "repeat sounding more than twice",
            "written as a plain repeat",
            "repeats sounding more than twice",
        )


# Pieces of tokens -----------------------------------------------------------------------

_MODES = {
    "dorian": "dor",
    "phrygian": "phr",
    "lydian": "lyd",
    "mixolydian": "mix",
    "locrian": "loc",
}


def _always(token: str) -> Callable[[_Spine], str]:
    return lambda spine: token


def _only(chosen: _Spine, token: str) -> Callable[[_Spine], str]:
    return lambda spine: token if spine is chosen else "*"


def _pitched(token: str) -> Callable[[_Spine], str]:
    return lambda spine: "*" if spine.part.track.is_drum else token


def kern_pitch(pitch: int, spelling: int) -> str:
    """
    >>> kern_pitch(61, 7), kern_pitch(46, -2)
    ('c#', 'BB-')
    """
    letter, alteration = letter_and_alteration(spelling)
    octave = octave_of(pitch, spelling)
    name = letter.lower() * (octave - 3) if octave > 3 else letter * (4 - octave)
    return name + ("#" * alteration if alteration > 0 else "-" * -alteration)


def _recip(event: Event) -> str:
    """Humdrum's reciprocal duration: 4 a quarter, 12 a triplet eighth, 3%2 two thirds."""
    length = event.value
    if event.tuplet:
        actual, normal = event.tuplet
        length = length * normal / actual
    return _reciprocal(length) + "." * event.dots


def _recip_of_length(length: Fraction) -> str:
    found = notated(length, 2)
    if found is not None:
        return _reciprocal(found[0]) + "." * found[1]
    return _reciprocal(length)


def _reciprocal(length: Fraction) -> str:
    if length in (8, 16):
        return "0" if length == 8 else "00"
    value = 4 / length
    return str(value) if value.denominator == 1 else f"{value.numerator}%{value.denominator}"


def _beams(event: Event) -> str:
    signs = {"begin": "L", "end": "J", "forward hook": "K", "backward hook": "k"}
    return "".join(signs.get(beam, "") for beam in event.beams)


def _one_line(text: str) -> str:
    return " ".join(text.split())
