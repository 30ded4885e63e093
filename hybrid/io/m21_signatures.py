"""What a music21 stream says about the whole score: bars, metre, key, tempo, marks, repeats."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hybrid.core.errors import FormatError, ScoreError
from hybrid.core.pitch import MODE_FIFTHS, Key, spelling_of
from hybrid.core.timeline import Metre
from hybrid.io.quarters import Signatures
from hybrid.io.reading import Losses, count_of

_MODES = {"ionian": "major", "aeolian": "minor", "": "major"}


def quarters(value: Any) -> Fraction:
    """music21's offsets and lengths (floats where binary, else fractions) as fractions."""
    return Fraction(value)


@dataclass(frozen=True)
class Bar:
    """A measure of the first part: its place in quarters, and the metre in force."""

    start: Fraction
    end: Fraction
    metre: Metre
    measure: Any


class Layout:
    """Where the measures of all parts stand, in quarters from the start.

    Parts of one score begin each measure together. Where a source is at odds with itself
    (a voice too full or too short) the metre decides, and if no part agrees with it the
    longest part.
    """

    def __init__(self, parts: list[Any], losses: Losses) -> None:
        rows = [list(part.getElementsByClass("Measure")) for part in parts]
        self.starts: dict[int, Fraction] = {}  # id of a measure -> its place
        self.bars: list[Bar] = []
        self.end = Fraction(0)
        counts = {len(row) for row in rows}
        if len(counts) == 1:
            self._lay(list(zip(*rows, strict=True)), parts, losses)
        else:
            for row, part in zip(rows, parts, strict=True):
                self._lay([(measure,) for measure in row], [part], losses)
            first = {id(measure) for measure in rows[0]}
            self.bars = [bar for bar in self.bars if id(bar.measure) in first]

    def _lay(self, columns: list[tuple[Any, ...]], parts: list[Any], losses: Losses) -> None:
        metre = Metre(0, 4, 4)
        at = Fraction(0)
        odd: list[tuple[int, list[Fraction], Fraction]] = []
        for index, column in enumerate(columns):
            metre = _metre_in(column[0], metre, losses)
            lengths = []
            for row, measure in enumerate(column):
                start = quarters(measure.offset)
                follower = columns[index + 1][row].offset if index + 1 < len(columns) else None
                end = quarters(parts[row].highestTime if follower is None else follower)
                lengths.append(end - start)
            length = max(lengths)
            if len(set(lengths)) > 1:
                if metre.bar_quarters in lengths:
                    length = metre.bar_quarters
                odd.append((column[0].number, sorted(set(lengths)), length))
            for measure in column:
                self.starts[id(measure)] = at
            if length > 0:
                self.bars.append(Bar(at, at + length, metre, column[0]))
            at += length
        self.end = max(self.end, at)
        if odd:
            number, found, taken = odd[0]
            losses.say(
                f"{count_of(len(odd), 'bar')} in which parts differ in length (first: bar {number} "
                f"with {' and '.join(str(item) for item in found)} quarters, taken as {taken})"
            )

    def items(self, part: Any, kinds: Any) -> list[tuple[Fraction, Any]]:
        """Elements of some classes in a part with their places, in order."""
        found = [(quarters(item.offset), item) for item in part.getElementsByClass(kinds)]
        for measure in part.getElementsByClass("Measure"):
            start = self.starts[id(measure)]
            for item in measure.recurse().getElementsByClass(kinds):
                found.append((start + quarters(item.getOffsetInHierarchy(measure)), item))
        return sorted(found, key=lambda item: item[0])


def read_signatures(stream: Any, parts: list[Any], layout: Layout, losses: Losses) -> Signatures:
    """Collect what holds for all parts; the first part that speaks of a place is believed."""
    found = Signatures()
    if layout.bars:
        found.lay_bars([(bar.start, bar.end, bar.metre) for bar in layout.bars])
        _read_repeats(parts[0], layout.bars, found, losses)
        found.length = layout.end
    else:
        for place, signature in layout.items(parts[0], "TimeSignature"):
            found.metres.append((place, _metre_of(signature, f"quarter {place}")))
        found.length = max(quarters(part.highestTime) for part in parts)
    for part in parts:
        _read_keys(layout.items(part, "KeySignature"), found, losses)
        _read_marks(part, layout, found, losses)
    found.keys.sort(key=lambda item: item[0])
    found.tempos.sort(key=lambda item: item[0])
    found.markers.sort(key=lambda item: item[0])
    metadata = stream.metadata
    if metadata is not None:
        # A movement's name serves where the work has none.
        found.title = _clean(metadata.title or metadata.movementName)
        found.composer = _clean(metadata.composer)
    return found


def _clean(text: str | None) -> str:
    return " ".join(str(text).split()) if text else ""


def _metre_in(measure: Any, metre: Metre, losses: Losses) -> Metre:
    """The metre of a measure: its own, or the one in force."""
    for signature in measure.recurse().getElementsByClass("TimeSignature"):
        if signature.getOffsetInHierarchy(measure):
            losses.add(1, "metre change inside a bar", "left out")
        else:
            metre = _metre_of(signature, f"bar {measure.number}")
    return metre


def _metre_of(signature: Any, where: str) -> Metre:
    try:
        return Metre(0, int(signature.numerator), int(signature.denominator))
    except ScoreError as error:
        raise FormatError(f"{error} ({where})") from error


def _read_keys(items: list[tuple[Fraction, Any]], found: Signatures, losses: Losses) -> None:
    keys: dict[Fraction, Key] = {}
    # Where a signature and a key stand together, the key says more.
    named = {place for place, signature in items if getattr(signature, "mode", None)}
    for place, signature in items:
        if place in named and not getattr(signature, "mode", None):
            continue
        key = _key_of(signature, losses)
        if key is not None:
            keys[place] = key
    if not found.keys:
        found.keys = sorted(keys.items(), key=lambda item: item[0])
    elif keys and sorted(keys.items(), key=lambda item: item[0]) != found.keys:
        losses.add(
            1,
            "part with key signatures of its own",
            "a score has one for all",
            "parts with key signatures of their own",
        )


def _key_of(signature: Any, losses: Losses) -> Key | None:
    fifths = signature.sharps
    if fifths is None:
        losses.add(1, "key signature of an unusual kind", "left out")
        return None
    mode = getattr(signature, "mode", None)
    tonic = getattr(signature, "tonic", None)
    name = _MODES.get(mode or "", mode or "")
    if name not in MODE_FIFTHS:
        losses.add(1, f"key of mode {mode!r}", "read as the major key with its signature")
        name = "major"
    if mode is None:
        losses.add(
            1,
            "key signature without a mode",
            "read as the major key",
            "key signatures without a mode",
        )
    try:
        if tonic is not None:
            alteration = round(tonic.alter)
            return Key(spelling_of(tonic.step, alteration), name)
        return Key.from_fifths(int(fifths), name)
    except ScoreError as error:
        raise FormatError(str(error)) from error


def _read_marks(part: Any, layout: Layout, found: Signatures, losses: Losses) -> None:
    """Tempi and rehearsal marks."""
    from music21 import expressions, repeat, tempo

    tempos, markers = dict(found.tempos), {place for place, _ in found.markers}
    kinds = (tempo.TempoIndication, expressions.RehearsalMark, repeat.RepeatExpression)
    for place, mark in layout.items(part, kinds):
        if isinstance(mark, expressions.RehearsalMark):
            if place not in markers:
                found.markers.append((place, _clean(mark.content)))
        elif isinstance(mark, tempo.MetronomeMark):
            qpm = None if mark.numberImplicit else mark.getQuarterBPM()
            if qpm is None:
                losses.add(1, "tempo word", "left out: it names no number")
            elif not 1 <= qpm <= 1000:
                losses.add(1, "tempo", "left out: it is not in 1..1000 quarters a minute")
            else:
                tempos.setdefault(place, float(qpm))
        elif isinstance(mark, repeat.RepeatExpression):
            losses.add(
                1,
                "sign to go on elsewhere (da capo, segno, fine)",
                "left out",
                "signs to go on elsewhere (da capo, segno, fine)",
            )
        else:
            losses.add(1, "tempo word", "left out: it names no number")
    found.tempos = list(tempos.items())


# Repeats --------------------------------------------------------------------------------

_Ending = tuple[Fraction, Fraction, tuple[int, ...]]


def _read_repeats(part: Any, bars: list[Bar], found: Signatures, losses: Losses) -> None:
    """Repeated passages with their endings, from the bar lines of a part."""
    endings = _endings(part, bars)
    start = Fraction(0)
    done = Fraction(0)  # what lies before is told already
    for bar in bars:
        for line, place in (
            (bar.measure.leftBarline, bar.start),
            (bar.measure.rightBarline, bar.end),
        ):
            direction = getattr(line, "direction", None)
            if direction == "start":
                start = place
            elif direction == "end" and place > max(start, done):
                chain = _chain(endings, place)
                end = max(place, chain[-1][1]) if chain else place
                times = line.times or 2
                for ending in chain:
                    times = max(times, *ending[2])
                found.repeats.append((start, end, times, chain))
                start = done = end
    told = sum(len(item[3]) for item in found.repeats)
    losses.add(len(endings) - told, "ending bracket", "it belongs to no repeat sign")


def _endings(part: Any, bars: list[Bar]) -> list[_Ending]:
    places = {id(bar.measure): bar for bar in bars}
    found = []
    for bracket in part.recurse().getElementsByClass("RepeatBracket"):
        covered = [places[id(m)] for m in bracket.getSpannedElements() if id(m) in places]
        if covered:
            numbers = tuple(int(number) for number in bracket.numberRange if number) or (1,)
            found.append(
                (min(bar.start for bar in covered), max(bar.end for bar in covered), numbers)
            )
    return sorted(found)


def _chain(endings: list[_Ending], place: Fraction) -> list[_Ending]:
    """The ending that a repeat sign at ``place`` closes, and those that follow it at once."""
    chain: list[_Ending] = []
    for ending in endings:
        start, end, _ = ending
        if (not chain and start < place <= end) or (chain and chain[-1][1] == start):
            chain.append(ending)
    return chain
