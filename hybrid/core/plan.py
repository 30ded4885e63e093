"""FormPlan: what a piece shall be before it has notes.

The tree is piece > section > phrase > bar. A value may stand at any level and holds for
everything below until a lower level says otherwise; a value left out everywhere is filled
in by a grammar (`hybrid.grammar.complete`). `FormPlan.phrases` gives each phrase with
what it inherits, which is what engines read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from hybrid.core.analysis import CADENCES
from hybrid.core.errors import PlanError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.core.timeline import Metre

TEXTURES = {
    "chorale": "four voices, note against note with passing and suspended notes",
    "homophonic": "melody over repeated or held chords",
    "alberti": "melody over a broken-chord bass, low-high-middle-high",
    "arpeggio": "melody over rising arpeggios",
    "waltz": "melody over bass on one and chords on the other beats",
    "march": "melody over bass and chord in alternation",
    "pad": "melody over sustained chords",
    "walking_bass": "melody over a bass that walks in quarters, chords between",
    "counterpoint": "two to four independent lines",
}
DYNAMICS = {"ppp": 25, "pp": 37, "p": 50, "mp": 63, "mf": 76, "f": 90, "ff": 104, "fff": 118}
VARIATIONS = {
    "literal": "the same notes",
    "varied": "the same theme with some notes changed (60 to 95% kept)",
    "ornament": "the same theme with notes added around it",
    "inversion": "intervals upside down",
    "retrograde": "last note first",
    "augmentation": "every duration doubled",
    "diminution": "every duration halved",
    "sequence": "the same shape, `variation_steps` scale steps higher",
    "transposed": "the same theme in the phrase's key",
}
REGISTERS = {"low": -12, "middle": 0, "high": 12}
#: What each kind of constraint asks for; README of the values in docs/plan-format.md.
CONSTRAINT_KINDS = {
    "range": "the voices stay within value = [lowest, highest] pitch",
    "pitch": "the voices have the pitch value = 'G4' at beat `beat` of the bars",
    "pitch_class": "the voices have the pitch class value = 'F#' at beat `beat` of the bars",
    "melody": "the voices sing value = 'C5:1 D5:1/2 R:1/2' (pitch:quarters) from the first bar on",
    "chord": "the bars have the chords value = 'I | V7 I'",
    "key": "the bars are in the key value = 'G minor'",
    "cadence": "the last of the bars ends a cadence value = one of PAC, IAC, HC, PC, DC",
    "avoid_pitch_class": "the voices never have the pitch class value = 'F#'",
    "max_leap": "the voices leap by no more than value semitones",
    "forbidden_interval": "the voices never move by value semitones",
    "highest": "the voices reach value = 'A5' once or more and never exceed it",
    "lowest": "the voices reach value = 'E2' once or more and never go below it",
    "rhythm": "the voices have the onsets of value = '1 1/2 1/2 2' (quarters), bar after bar",
    "density": "the voices have value = [fewest, most] notes in each bar",
    "no_parallels": "no parallel fifths or octaves between the voices (always on for textures"
    " in four parts)",
    "dissonance": "value = 'none': chord tones only",
}


def _fail(rule: str, value: object, where: str) -> PlanError:
    return PlanError(f"{rule}, got {value!r}{f' ({where})' if where else ''}")


@dataclass(frozen=True)
class PlanChord:
    """A chord of a phrase.

    Attributes
    ----------
    onset, duration : Fraction
        Quarters, from the phrase's start.
    numeral : str
        Roman numeral in the notation of `hybrid.core.numerals`.
    key : Key or None
        Where it differs from the phrase's key.
    """

    onset: Fraction
    duration: Fraction
    numeral: str
    key: Key | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "onset", Fraction(self.onset))
        object.__setattr__(self, "duration", Fraction(self.duration))
        if self.onset < 0 or self.duration <= 0:
            raise _fail(
                "PlanChord must start at 0 or later and last longer than 0",
                (str(self.onset), str(self.duration)),
                f"chord {self.numeral}",
            )
        RomanNumeral.parse(self.numeral)

    @property
    def end(self) -> Fraction:
        return self.onset + self.duration

    @property
    def roman(self) -> RomanNumeral:
        return RomanNumeral.parse(self.numeral)


@dataclass(frozen=True)
class Shared:
    """What may stand at every level; None or empty means: as above.

    Attributes
    ----------
    key : Key
    metre : Metre
        Its tick is 0 and means nothing here.
    tempo_qpm : float
        Quarters per minute.
    texture : str
        One of `TEXTURES`.
    dynamics : str
        One of `DYNAMICS`.
    register : str
        One of `REGISTERS`: an octave under, in, or over the instruments' usual range.
    instruments : tuple of str
        Names from `hybrid.core.instruments`, highest part first.
    """

    key: Key | None = None
    metre: Metre | None = None
    tempo_qpm: float | None = None
    texture: str | None = None
    dynamics: str | None = None
    register: str | None = None
    instruments: tuple[str, ...] = ()

    def _check_shared(self, where: str) -> None:
        if self.tempo_qpm is not None and not 10 <= self.tempo_qpm <= 400:
            raise _fail("tempo_qpm must be in 10..400", self.tempo_qpm, where)
        for name, table in (
            ("texture", TEXTURES),
            ("dynamics", DYNAMICS),
            ("register", REGISTERS),
        ):
            value = getattr(self, name)
            if value is not None and value not in table:
                raise _fail(f"{name} must be one of {', '.join(table)}", value, where)
        object.__setattr__(self, "instruments", tuple(self.instruments))

    def inherit(self, above: Shared) -> Shared:
        """These values, with those of ``above`` where they are left out."""
        values = {}
        for name in Shared.__dataclass_fields__:
            own = getattr(self, name)
            values[name] = own if own not in (None, ()) else getattr(above, name)
        return Shared(**values)


@dataclass(frozen=True)
class Phrase(Shared):
    """A phrase: bars, chords, a cadence and a theme.

    Attributes
    ----------
    bars : int or None
        1..1024.
    chords : tuple of PlanChord
        Contiguous from 0 to the phrase's end; empty where the grammar shall choose.
    cadence : str or None
        One of `hybrid.core.analysis.CADENCES`, or ``none`` for no cadence.
    theme : str or None
        Label; equal labels are the same music.
    variation : str or None
        One of `VARIATIONS`: what a later phrase does to the theme of its label. None means
        ``varied``, and nothing on the theme's first appearance.
    variation_steps : int
        Scale steps of a sequence.
    """

    bars: int | None = None
    chords: tuple[PlanChord, ...] = ()
    cadence: str | None = None
    theme: str | None = None
    variation: str | None = None
    variation_steps: int = 0

    def __post_init__(self) -> None:
        where = f"phrase {self.theme!r}" if self.theme else "phrase"
        self._check_shared(where)
        object.__setattr__(self, "chords", tuple(self.chords))
        if self.bars is not None and not 1 <= self.bars <= 1024:
            raise _fail("Phrase.bars must be in 1..1024", self.bars, where)
        if self.cadence is not None and self.cadence not in (*CADENCES, "none"):
            raise _fail(f"cadence must be one of {', '.join(CADENCES)}, none", self.cadence, where)
        if self.variation is not None and self.variation not in VARIATIONS:
            raise _fail(f"variation must be one of {', '.join(VARIATIONS)}", self.variation, where)
        position = Fraction(0)
        for chord in self.chords:
            if chord.onset != position:
                raise _fail(
                    f"chords must follow each other without a gap, expected onset {position}",
                    str(chord.onset),
                    f"{where}, chord {chord.numeral}",
                )
            position = chord.end


@dataclass(frozen=True)
class Section(Shared):
    """A section: a label (equal labels are the same material), a role and phrases.

    ``role`` is free: exposition, verse, refrain, episode ... ``bars`` may stand instead of
    phrases, which the grammar then adds.
    """

    label: str = "A"
    role: str = ""
    phrases: tuple[Phrase, ...] = ()
    bars: int | None = None

    def __post_init__(self) -> None:
        where = f"section {self.label!r}"
        self._check_shared(where)
        object.__setattr__(self, "phrases", tuple(self.phrases))
        if not self.label:
            raise _fail("Section.label must not be empty", self.label, "")
        if self.bars is not None and not 1 <= self.bars <= 4096:
            raise _fail("Section.bars must be in 1..4096", self.bars, where)
        lengths = [phrase.bars for phrase in self.phrases]
        if self.bars is not None and lengths and None not in lengths:
            total = sum(length for length in lengths if length is not None)
            if total != self.bars:
                raise _fail(
                    f"Section.bars must be the sum of its phrases' bars {total}", self.bars, where
                )


@dataclass(frozen=True)
class Constraint:
    """Something that must hold (hard) or should (soft).

    Attributes
    ----------
    kind : str
        One of `CONSTRAINT_KINDS`.
    value : object
        What the kind asks for: text, number or list.
    bars : (int, int) or None
        First and last bar, counted from 1 over the whole piece; None for all.
    voices : tuple of str
        Track names or ``soprano``, ``alto``, ``tenor``, ``bass``, ``melody``, and in accompanied
        textures ``upper``, ``middle``, ``low``; empty for all.
    hard : bool
    beat : Fraction
        1 is the bar line; for kinds that name a moment.
    name : str
        Shown when constraints conflict; made from the rest if empty.
    """

    kind: str
    value: Any = None
    bars: tuple[int, int] | None = None
    voices: tuple[str, ...] = ()
    hard: bool = True
    beat: Fraction = Fraction(1)
    name: str = ""

    def __post_init__(self) -> None:
        if self.kind not in CONSTRAINT_KINDS:
            raise _fail(
                f"Constraint.kind must be one of {', '.join(CONSTRAINT_KINDS)}", self.kind, ""
            )
        object.__setattr__(self, "voices", tuple(self.voices))
        object.__setattr__(self, "beat", Fraction(self.beat))
        if isinstance(self.value, list):
            object.__setattr__(self, "value", tuple(self.value))
        if self.bars is not None:
            first, last = self.bars
            if not 1 <= first <= last:
                raise _fail(
                    "Constraint.bars must be first and last bar, counted from 1",
                    self.bars,
                    self.kind,
                )
            object.__setattr__(self, "bars", (int(first), int(last)))
        if self.beat < 1:
            raise _fail("Constraint.beat must be 1 or more", str(self.beat), self.kind)
        if not self.name:
            object.__setattr__(self, "name", self._describe())

    def _describe(self) -> str:
        parts = [self.kind]
        if self.voices:
            parts.append("+".join(self.voices))
        if self.bars:
            first, last = self.bars
            parts.append(f"bar {first}" if first == last else f"bars {first}-{last}")
        if self.kind in ("pitch", "pitch_class"):
            parts.append(f"beat {self.beat}")
        if self.value is not None:
            values = self.value if isinstance(self.value, tuple) else (self.value,)
            parts.append(f"= {', '.join(map(str, values))}")
        return " ".join(parts)

    def covers(self, bar: int) -> bool:
        """Whether the constraint speaks of a bar (counted from 1)."""
        return self.bars is None or self.bars[0] <= bar <= self.bars[1]


@dataclass(frozen=True)
class PlacedPhrase:
    """A phrase with all it inherits, and its place.

    Attributes
    ----------
    index : int
        Over the whole piece, from 0.
    section_index : int
    section : Section
    phrase : Phrase
        As written.
    shared : Shared
        Values in force.
    first_bar : int
        From 1.
    start : Fraction
        Quarters from the piece's start.
    """

    index: int
    section_index: int
    section: Section
    phrase: Phrase
    shared: Shared
    first_bar: int
    start: Fraction

    @property
    def bars(self) -> int:
        assert self.phrase.bars is not None
        return self.phrase.bars

    @property
    def last_bar(self) -> int:
        return self.first_bar + self.bars - 1

    @property
    def metre(self) -> Metre:
        assert self.shared.metre is not None
        return self.shared.metre

    @property
    def key(self) -> Key:
        assert self.shared.key is not None
        return self.shared.key

    @property
    def quarters(self) -> Fraction:
        """Length in quarters."""
        return self.bars * self.metre.bar_quarters

    @property
    def end(self) -> Fraction:
        return self.start + self.quarters

    def key_of(self, chord: PlanChord) -> Key:
        """The key in which a chord of this phrase is read."""
        return chord.key or self.key


@dataclass(frozen=True)
class FormPlan(Shared):
    """The plan of a piece.

    Attributes
    ----------
    sections : tuple of Section
    title, style, form : str
        ``style`` names a set of habits (chorale, quartet, pop ...), ``form`` the grammar that
        made the plan; both may be empty.
    pickup_quarters : Fraction
        Length of an upbeat before bar 1.
    constraints : tuple of Constraint
    derivation : mapping
        The grammar's tree, as nested plain values, for display; empty for a plan by hand.

    Raises
    ------
    PlanError
        If a value is out of range or two values contradict each other.
    """

    sections: tuple[Section, ...] = ()
    title: str = ""
    style: str = ""
    form: str = ""
    pickup_quarters: Fraction = Fraction(0)
    constraints: tuple[Constraint, ...] = ()
    derivation: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        self._check_shared("piece")
        object.__setattr__(self, "sections", tuple(self.sections))
        object.__setattr__(self, "constraints", tuple(self.constraints))
        object.__setattr__(self, "pickup_quarters", Fraction(self.pickup_quarters))
        if self.pickup_quarters < 0:
            raise _fail("pickup_quarters must not be negative", str(self.pickup_quarters), "piece")
        if self.is_complete:
            self._check_complete()

    def _check_complete(self) -> None:
        for placed in self.phrases():
            chords = placed.phrase.chords
            if chords and chords[-1].end != placed.quarters:
                raise _fail(
                    f"chords must fill {placed.bars} bars = {placed.quarters} quarters",
                    str(chords[-1].end),
                    f"bars {placed.first_bar}-{placed.last_bar}",
                )
        for constraint in self.constraints:
            if constraint.bars and constraint.bars[1] > self.n_bars:
                raise _fail(
                    f"Constraint.bars must lie within the plan's {self.n_bars} bars",
                    constraint.bars,
                    constraint.name,
                )

    @property
    def is_complete(self) -> bool:
        """Whether every phrase has its length, key and metre, so that bars can be counted."""
        if not self.sections or any(not section.phrases for section in self.sections):
            return False
        for section in self.sections:
            base = section.inherit(self)
            for phrase in section.phrases:
                shared = phrase.inherit(base)
                if phrase.bars is None or shared.key is None or shared.metre is None:
                    return False
        return True

    @property
    def is_ready(self) -> bool:
        """Whether engines can fill it: complete, with chords, cadences, themes and the rest."""
        if not self.is_complete:
            return False
        return all(
            placed.phrase.chords
            and placed.phrase.cadence
            and placed.phrase.theme
            and placed.shared.texture
            and placed.shared.tempo_qpm
            and placed.shared.dynamics
            and placed.shared.instruments
            for placed in self.phrases()
        )

    def phrases(self) -> Iterator[PlacedPhrase]:
        """Each phrase with its place and inherited values.

        Raises
        ------
        PlanError
            If the plan is not complete.
        """
        if not self.is_complete:
            raise PlanError("the plan must have bars, key and metre for every phrase; complete it")
        index, bar = 0, 1
        start = self.pickup_quarters
        for section_index, section in enumerate(self.sections):
            base = section.inherit(self)
            for phrase in section.phrases:
                shared = phrase.inherit(base)
                placed = PlacedPhrase(index, section_index, section, phrase, shared, bar, start)
                yield placed
                index += 1
                bar += placed.bars
                start = placed.end

    @property
    def n_bars(self) -> int:
        """Bars of the whole piece, without the pickup."""
        return sum(placed.bars for placed in self.phrases())

    @property
    def quarters(self) -> Fraction:
        """Length in quarters, with the pickup."""
        return self.pickup_quarters + sum(
            (placed.quarters for placed in self.phrases()), start=Fraction(0)
        )

    @property
    def seconds(self) -> float:
        """Length in seconds at the planned tempi (120 quarters a minute where none is set)."""
        total = 0.0
        first = True
        for placed in self.phrases():
            quarters = placed.quarters + (self.pickup_quarters if first else 0)
            total += float(quarters) * 60.0 / (placed.shared.tempo_qpm or 120.0)
            first = False
        return total

    def with_sections(self, sections: tuple[Section, ...]) -> FormPlan:
        """The same plan with other sections."""
        return replace(self, sections=sections)


def parse_chords(text: str, metre: Metre, bars: int | None = None) -> tuple[PlanChord, ...]:
    """Read a chord line: ``"I | IV V | V7:3 I:1 | ."``.

    Bars are separated by ``|``. Chords of a bar share it equally, or have their length in
    quarters after a colon; ``.`` holds the chord before; ``@`` and a key after a numeral
    (``V7@G``, ``i@e``) sets that chord's key.

    Raises
    ------
    PlanError
        If a bar is over- or underfull, or ``bars`` is given and differs.

    Examples
    --------
    >>> [str(chord.duration) for chord in parse_chords("I | IV V", Metre.parse("4/4"))]
    ['4', '2', '2']
    """
    cells = text.strip().strip("|").split("|")
    if bars is not None and len(cells) != bars:
        raise PlanError(f"chords must have {bars} bars, got {len(cells)} in {text!r}")
    chords: list[PlanChord] = []
    position = Fraction(0)
    for number, cell in enumerate(cells, start=1):
        words = cell.split()
        if not words:
            raise PlanError(
                f"chords must name a chord or '.' in every bar, got none in bar {number}"
            )
        shares = [_share(word, text) for word in words]
        given = [share for _, share in shares if share is not None]
        if given and len(given) != len(shares):
            raise PlanError(f"chords of a bar must all have lengths or none, got {cell.strip()!r}")
        equal = metre.bar_quarters / len(words)
        if given and sum(given) != metre.bar_quarters:
            raise PlanError(
                f"chords must fill bar {number} of {metre.bar_quarters} quarters, "
                f"got {sum(given)} in {cell.strip()!r}"
            )
        for word, share in shares:
            length = share if share is not None else equal
            if word == ".":
                if not chords:
                    raise PlanError(f"chords must not start with '.', got {text!r}")
                last = chords[-1]
                chords[-1] = replace(last, duration=last.duration + length)
            else:
                numeral, _, key = word.partition("@")
                chords.append(PlanChord(position, length, numeral, Key.parse(key) if key else None))
            position += length
    return tuple(chords)


def _share(word: str, text: str) -> tuple[str, Fraction | None]:
    head, colon, length = word.partition(":")
    if not colon:
        return head, None
    try:
        value = Fraction(length)
    except (ValueError, ZeroDivisionError):
        raise PlanError(f"a chord's length must be quarters such as 3/2, got {word!r}") from None
    if value <= 0:
        raise PlanError(f"a chord's length must be above 0, got {word!r} in {text!r}")
    return head, value


def format_chords(chords: tuple[PlanChord, ...], metre: Metre) -> str:
    """The inverse of `parse_chords`; chords held over a bar line become ``.``."""
    bar = metre.bar_quarters
    if not chords:
        return ""
    n_bars = -(-chords[-1].end // bar)
    cells: list[list[tuple[str, Fraction]]] = [[] for _ in range(int(n_bars))]
    for chord in chords:
        position = chord.onset
        text = chord.numeral + (f"@{_short_key(chord.key)}" if chord.key else "")
        while position < chord.end:
            index = int(position // bar)
            stop = min(chord.end, (index + 1) * bar)
            cells[index].append((text, stop - position))
            text = "."
            position = stop
    lines = []
    for cell in cells:
        equal = all(length == bar / len(cell) for _, length in cell)
        lines.append(" ".join(text if equal else f"{text}:{length}" for text, length in cell))
    return " | ".join(lines)


def _short_key(key: Key) -> str:
    name = key.name.split()[0]
    if key.mode == "major":
        return name
    if key.mode == "minor":
        return name[0].lower() + name[1:]
    return key.name.replace(" ", "_")


__all__ = [
    "CONSTRAINT_KINDS",
    "DYNAMICS",
    "REGISTERS",
    "TEXTURES",
    "VARIATIONS",
    "Constraint",
    "FormPlan",
    "Phrase",
    "PlacedPhrase",
    "PlanChord",
    "Section",
    "Shared",
    "format_chords",
    "parse_chords",
]
