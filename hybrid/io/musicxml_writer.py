"""Score -> MusicXML 4.0, written straight as text.

music21 can write MusicXML too, but stamps it with the date and with random ids, decides on
voices, clefs and beams by itself, and takes half a minute for what takes half a second
here. Notes have ids: ``t<track>n<note>``, both counted from 0 in the score's own order,
with ``-2``, ``-3`` ... on the tied continuations, so that a page can light what sounds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import hybrid
from hybrid.core.analysis import Analysis
from hybrid.core.pitch import NO_SPELLING, Key
from hybrid.core.score import Score, Track
from hybrid.core.timeline import Bar, Metre, Tempo
from hybrid.io.drum_staff import drum_name
from hybrid.io.durations import VALUES
from hybrid.io.dynamics import dynamics_by_bar
from hybrid.io.musicxml_harmony import Rows, numeral_rows, symbol_rows
from hybrid.io.musicxml_notes import NoteWriter
from hybrid.io.notation import Notation, Part, notate
from hybrid.io.quantise import quantise
from hybrid.io.reading import Losses
from hybrid.io.xml_text import escape

_DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">'
)
_CLEFS = {
    "treble": ("G", 2, 0),
    "bass": ("F", 4, 0),
    "alto": ("C", 3, 0),
    "tenor": ("C", 4, 0),
    "treble8vb": ("G", 2, -1),
    "percussion": ("percussion", 0, 0),
}
#: Tempo changes smaller than this share are heard but not printed.
_TEMPO_STEP = 0.04


def score_to_musicxml(
    score: Score, analysis: Analysis | None = None
) -> tuple[str, tuple[str, ...]]:
    """`hybrid.io.musicxml.write_musicxml` into text; the second value names the losses."""
    losses = Losses()
    written, loss = quantise(score)
    if loss:
        losses.say(loss)
    notation = notate(written)
    return _Writer(written, notation, analysis, losses).write(), losses.lines()


@dataclass
class _Measure:
    """What stands in one measure besides notes, for all parts and for some."""

    metre: Metre | None = None
    keys: list[tuple[int, Key]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    right: list[str] = field(default_factory=list)
    directions: list[str] = field(default_factory=list)


class _Writer:
    def __init__(
        self, score: Score, notation: Notation, analysis: Analysis | None, losses: Losses
    ) -> None:
        self.score = score
        self.notation = notation
        self.analysis = analysis
        self.losses = losses
        self.starts = [bar.start for bar in notation.bars]
        self.measures = [_Measure() for _ in notation.bars]

    def write(self) -> str:
        self._place_metres()
        self._place_keys()
        self._place_repeats()
        self._place_markers()
        self._place_tempos()
        lines = ['<?xml version="1.0" encoding="UTF-8"?>', _DOCTYPE]
        lines.append('<score-partwise version="4.0">')
        lines += self._header()
        for index, part in enumerate(self.notation.parts):
            lines += self._part(index, part)
        lines.append("</score-partwise>")
        self._name_losses()
        return "\n".join(line for line in lines if line) + "\n"

    # Header ---------------------------------------------------------------------------

    def _header(self) -> list[str]:
        score = self.score
        lines = []
        if score.title:
            lines.append(f"<work><work-title>{escape(score.title)}</work-title></work>")
        composer = (
            f'<creator type="composer">{escape(score.composer)}</creator>' if score.composer else ""
        )
        lines.append(
            f"<identification>{composer}<encoding><software>hybrid {hybrid.__version__}"
            "</software></encoding></identification>"
        )
        lines.append("<part-list>")
        groups = _groups(score.tracks)
        for index, track in enumerate(score.tracks):
            lines += [
                f'<part-group type="start" number="{number}"><group-symbol>bracket</group-symbol>'
                "<group-barline>yes</group-barline></part-group>"
                for number, (first, _) in enumerate(groups, start=1)
                if first == index
            ]
            lines += self._score_part(index, track)
            lines += [
                f'<part-group type="stop" number="{number}"/>'
                for number, (_, last) in enumerate(groups, start=1)
                if last == index
            ]
        lines.append("</part-list>")
        return lines

    def _score_part(self, index: int, track: Track) -> list[str]:
        name = escape(track.name)
        channel = track.midi_channel
        number = f"<midi-channel>{channel + 1}</midi-channel>" if channel is not None else ""
        lines = [f'<score-part id="P{index + 1}"><part-name>{name}</part-name>']
        if track.is_drum:
            pitches = sorted(set(track.notes["pitch"].tolist()))
            number = number or "<midi-channel>10</midi-channel>"
            lines += [
                f'<score-instrument id="P{index + 1}-D{pitch}"><instrument-name>'
                f"{drum_name(pitch)}</instrument-name></score-instrument>"
                for pitch in pitches
            ]
            lines += [
                f'<midi-instrument id="P{index + 1}-D{pitch}">{number}'
                f"<midi-program>{track.program + 1}</midi-program>"
                f"<midi-unpitched>{pitch + 1}</midi-unpitched></midi-instrument>"
                for pitch in pitches
            ]
        else:
            lines.append(
                f'<score-instrument id="P{index + 1}-I1"><instrument-name>{name}</instrument-name>'
                f'</score-instrument><midi-instrument id="P{index + 1}-I1">{number}'
                f"<midi-program>{track.program + 1}</midi-program></midi-instrument>"
            )
        lines.append("</score-part>")
        return lines

    # What all parts share -------------------------------------------------------------

    def _measure_at(self, tick: int) -> int:
        at = bisect_right(self.starts, tick) - 1
        return max(0, min(at, len(self.starts) - 1))

    def _place_metres(self) -> None:
        last = ""
        for measure, bar in zip(self.measures, self.notation.bars, strict=True):
            if bar.metre.name != last:
                measure.metre = bar.metre
            last = bar.metre.name

    def _place_keys(self) -> None:
        for signature in self.score.keys:
            self.measures[self._measure_at(signature.tick)].keys.append(
                (signature.tick, signature.key)
            )

    def _place_repeats(self) -> None:
        by_start = {bar.start: index for index, bar in enumerate(self.notation.bars)}
        by_end = {bar.end: index for index, bar in enumerate(self.notation.bars)}
        last_end = self.notation.bars[-1].end
        for repeat in self.score.repeats:
            end = min(repeat.end, last_end)
            places = [(s, min(e, last_end)) for s, e, _ in repeat.endings]
            if (
                repeat.start not in by_start
                or end not in by_end
                or any(s not in by_start or e not in by_end for s, e in places)
            ):
                self.losses.add(1, "repeat", "it does not begin or end at a bar line")
                continue
            if repeat.start:
                self.measures[by_start[repeat.start]].left.append('<repeat direction="forward"/>')
            times = f' times="{repeat.times}"' if repeat.times != 2 else ""
            backward = f'<repeat direction="backward"{times}/>'
            if not repeat.endings:
                self.measures[by_end[end]].right.append(backward)
            for (start, stop), (_, _, numbers) in zip(places, repeat.endings, strict=True):
                label = ", ".join(str(number) for number in numbers)
                self.measures[by_start[start]].left.insert(
                    0, f'<ending number="{label}" type="start"/>'
                )
                is_last = max(numbers, default=0) >= repeat.times
                kind = "discontinue" if is_last else "stop"
                right = self.measures[by_end[stop]].right
                right.append(f'<ending number="{label}" type="{kind}"/>')
                if not is_last:
                    right.append(backward)

    def _place_markers(self) -> None:
        for marker in self.score.markers:
            body = f"<rehearsal>{escape(marker.text)}</rehearsal>"
            self._direct(marker.tick, body, "above")

    def _place_tempos(self) -> None:
        shown: float | None = None
        for tempo in self.score.tempos:
            if tempo.tick >= self.notation.bars[-1].end:
                self.losses.add(1, "tempo change", "it lies after the last bar")
                continue
            is_shown = shown is None or abs(tempo.qpm / shown - 1) >= _TEMPO_STEP
            if is_shown:
                shown = tempo.qpm
            body = self._metronome(tempo, is_shown)
            self._direct(tempo.tick, body, "above", f'<sound tempo="{tempo.qpm:.10g}"/>')

    def _metronome(self, tempo: Tempo, is_shown: bool) -> str:
        metre = self.score.bar_at(tempo.tick).metre
        unit, dots, number = Fraction(1), "", tempo.qpm
        if metre.is_compound and metre.beat_quarters * 2 / 3 in VALUES:
            length = float(metre.beat_quarters)
            # Counted in dotted beats where that gives a number to print.
            if round(round(tempo.qpm / length, 1) * length, 6) == round(tempo.qpm, 6):
                unit, dots = metre.beat_quarters * 2 / 3, "<beat-unit-dot/>"
                number = round(tempo.qpm / length, 1)
        elif metre.denominator == 2:
            unit, number = Fraction(2), tempo.qpm / 2
        hidden = "" if is_shown else ' print-object="no"'
        return (
            f"<metronome{hidden}><beat-unit>{VALUES[unit]}</beat-unit>{dots}"
            # What is printed is rounded; <sound> has the exact tempo.
            f"<per-minute>{number:.4g}</per-minute></metronome>"
        )

    def _direct(self, tick: int, body: str, placement: str, sound: str = "") -> None:
        index = self._measure_at(tick)
        line = self._direction(index, tick, body, placement, sound)
        self.measures[index].directions.append(line)

    def _direction(
        self, index: int, tick: int, body: str, placement: str, sound: str = "", staff: str = ""
    ) -> str:
        later = tick - self.starts[index]
        offset = f'<offset sound="yes">{later}</offset>' if later else ""
        return (
            f'<direction placement="{placement}"><direction-type>{body}</direction-type>'
            f"{offset}{staff}{sound}</direction>"
        )

    # Parts ----------------------------------------------------------------------------

    def _part(self, index: int, part: Part) -> list[str]:
        lines = [f'<part id="P{index + 1}">']
        notes = NoteWriter(part, index, self.score, self.losses)
        dynamics = dynamics_by_bar(part.track, self.notation.bars)
        harmony = self._harmony(index, part)
        key: Key | None = None
        n_implicit = 0
        for at, (bar, voices) in enumerate(zip(self.notation.bars, part.bars, strict=True)):
            measure = self.measures[at]
            number, implicit = str(bar.number), ""
            if bar.is_pickup or self.notation.is_continued(at):
                n_implicit += not bar.is_pickup
                number = number if bar.is_pickup else f"X{n_implicit}"
                implicit = ' implicit="yes"'
            lines.append(f'<measure number="{number}"{implicit}>')
            at_once = [item for item in measure.keys if item[0] <= bar.start]
            lines.append(self._attributes(at, part, measure, at_once, key))
            if measure.left:
                lines.append(_barline("left", measure.left))
            if index == 0:
                lines += measure.directions
            if at in dynamics:
                staff = "<staff>1</staff>" if part.n_staves > 1 else ""
                mark = f"<dynamics><{dynamics[at]}/></dynamics>"
                lines.append(self._direction(at, bar.start, mark, "below", staff=staff))
            lines += harmony.get(at, [])
            if not part.track.is_drum:
                lines += self._later_keys(bar, measure)
            key = at_once[-1][1] if at_once else key
            lines += notes.bar(bar, voices, key)
            key = measure.keys[-1][1] if measure.keys else key
            is_end = at == len(self.measures) - 1
            if measure.right or is_end:
                lines.append(_barline("right", measure.right, is_end))
            lines.append("</measure>")
        lines.append("</part>")
        return lines

    def _attributes(
        self,
        at: int,
        part: Part,
        measure: _Measure,
        keys: Sequence[tuple[int, Key]],
        before: Key | None,
    ) -> str:
        body = []
        if at == 0:
            body.append(f"<divisions>{self.score.ticks_per_quarter}</divisions>")
        if not part.track.is_drum:
            body += [_key(key, before) for _, key in keys[-1:]]
        if measure.metre is not None:
            metre = measure.metre
            body.append(
                f"<time><beats>{metre.numerator}</beats>"
                f"<beat-type>{metre.denominator}</beat-type></time>"
            )
        if at == 0:
            if part.n_staves > 1:
                body.append(f"<staves>{part.n_staves}</staves>")
            body += [
                _clef(name, staff if part.n_staves > 1 else 0)
                for staff, name in enumerate(part.clefs, start=1)
            ]
        return f"<attributes>{''.join(body)}</attributes>" if body else ""

    def _later_keys(self, bar: Bar, measure: _Measure) -> list[str]:
        """Key changes inside the bar."""
        lines = []
        for tick, key in measure.keys:
            if tick > bar.start:
                ticks = min(tick, bar.end) - bar.start
                lines += [
                    f"<forward><duration>{ticks}</duration></forward>",
                    f"<attributes>{_key(key)}</attributes>",
                    f"<backup><duration>{ticks}</duration></backup>",
                ]
        return lines

    def _harmony(self, index: int, part: Part) -> Rows:
        """Chord symbols over the first part that is no drum part, numerals under the last."""
        pitched = [at for at, track in enumerate(self.score.tracks) if not track.is_drum]
        if self.analysis is None or not pitched:
            return {}
        chords, end = self.analysis.chords, self.notation.bars[-1].end
        rows: Rows = {}
        if index == pitched[0]:
            rows = symbol_rows(chords, self.starts, end)
        if index == pitched[-1]:
            for at, lines in numeral_rows(chords, self.starts, end, part.n_staves).items():
                rows[at] = rows.get(at, []) + lines
        return rows

    def _name_losses(self) -> None:
        why = "MusicXML has no place for them"
        tracks = self.score.tracks
        for singular, name in (
            ("controller event", "controls"),
            ("pitch bend", "bends"),
            ("program change", "programs"),
        ):
            self.losses.add(sum(len(getattr(track, name)) for track in tracks), singular, why)
        unspelled = sum(
            int((track.notes["spelling"] == NO_SPELLING).sum())
            for track in tracks
            if not track.is_drum
        )
        self.losses.add(
            unspelled,
            "note without a spelling",
            "spelled by the key signature",
            "notes without a spelling",
        )


def _key(key: Key, before: Key | None = None) -> str:
    """A key signature; one that looks like the one before is not printed again."""
    hidden = ' print-object="no"' if before is not None and before.fifths == key.fifths else ""
    return f"<key{hidden}><fifths>{key.fifths}</fifths><mode>{key.mode}</mode></key>"


def _clef(name: str, staff: int) -> str:
    sign, line, octave = _CLEFS[name]
    number = f' number="{staff}"' if staff else ""
    line_xml = f"<line>{line}</line>" if line else ""
    change = f"<clef-octave-change>{octave}</clef-octave-change>" if octave else ""
    return f"<clef{number}><sign>{sign}</sign>{line_xml}{change}</clef>"


def _barline(location: str, parts: Sequence[str], is_end: bool = False) -> str:
    has_repeat = any(part.startswith("<repeat") for part in parts)
    style = ""
    if location == "right" and (has_repeat or is_end):
        style = "<bar-style>light-heavy</bar-style>"
    elif has_repeat:
        style = "<bar-style>heavy-light</bar-style>"
    return f'<barline location="{location}">{style}{"".join(parts)}</barline>'


def _groups(tracks: Sequence[Track]) -> list[tuple[int, int]]:
    """First and last index of neighbouring parts that a bracket joins: voices, strings ..."""
    families = [None if track.is_drum else _family(track) for track in tracks]
    groups = []
    start = 0
    for at in range(1, len(tracks) + 1):
        if at == len(tracks) or families[at] != families[start]:
            if at - start > 1 and families[start] is not None:
                groups.append((start, at - 1))
            start = at
    return groups


def _family(track: Track) -> str | None:
    for name, programs in (
        ("voices", range(52, 55)),
        ("strings", range(40, 46)),
        ("brass", range(56, 64)),
        ("winds", range(64, 80)),
    ):
        if track.program in programs:
            return name
    return None
