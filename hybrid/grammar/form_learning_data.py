"""The strings that form and chord grammars are learned from, made from the three corpora.

Forms are strings of section labels, one for each annotation of a song; where the corpus has bars,
labels have lengths (``verse[16]``). Chords are strings of Roman numerals with lengths in bars, one
for each section.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from hybrid.core.numerals import RomanNumeral
from hybrid.grammar.form_corpora import (
    BillboardForm,
    ChordSpan,
    PopForm,
    SalamiForm,
    by_appearance,
)
from hybrid.grammar.form_corpora_numerals import read_chord
from hybrid.grammar.form_learning import Strings, split_of, split_strings

#: Section functions whose chords are learned together, by the name of the grammar.
CHORD_GROUPS = {
    "verse": ("verse", "preverse"),
    "chorus": ("chorus",),
    "bridge": ("bridge",),
    "prechorus": ("prechorus", "transition"),
    "intro": ("intro",),
    "solo": ("solo", "instrumental", "interlude"),
    "outro": ("outro", "fadeout", "coda"),
}
LEAST_NUMERAL, LEAST_SHARE = 40, 0.005  # of the chords in training; rarer ones are made simpler
LEAST_CHORD = 12  # a numeral with a length that is rarer takes the nearest length
SHORTEST = Fraction(1, 4)  # of a bar

Row = tuple[str, tuple[str, ...]]


def salami_functions(forms: Iterable[SalamiForm]) -> Strings:
    """Section functions of all annotations. SALAMI has no bars."""
    return split_strings([(form.song, form.functions) for form in forms], least=10)


def salami_letters(forms: Iterable[SalamiForm]) -> Strings:
    """Section letters in order of appearance, without primes and without Z (no music)."""
    rows = [
        (form.song, by_appearance(x.rstrip("'") for x in form.letters if not x.startswith("Z")))
        for form in forms
    ]
    return split_strings(rows, least=10)


def pop909_phrases(forms: Iterable[PopForm]) -> Strings:
    """Phrase letters as upstream writes them, with bars; both labellings of every song."""
    rows = [
        (f"pop909/{form.identifier}", tuple(f"{letter}[{bars}]" for letter, bars in labelling))
        for form in forms
        for labelling in form.labellings
    ]
    return split_strings(rows)


def billboard_sections(forms: Iterable[BillboardForm]) -> Strings:
    """Section functions with bars; sections without a bar of music are left out."""
    rows = [
        (form.song, tuple(f"{s.function}[{s.bars}]" for s in form.sections if s.bars))
        for form in forms
    ]
    return split_strings(rows)


# -- chords -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChordStrings:
    """Chord strings of one group, and what was lost on the way.

    Attributes
    ----------
    strings : Strings
    merged : float
        Share of chord changes whose symbol says more than the numeral.
    simplified : float
        Share whose numeral was rare in training: its inversion or seventh was dropped, or, where
        that did not help, the chord itself.
    """

    strings: Strings
    merged: float
    simplified: float


@dataclass(frozen=True)
class RawSection:
    """A section's chord symbols, before they are read as numerals."""

    song: str
    group: str
    chords: tuple[ChordSpan, ...]
    tonic: str


def billboard_chords(forms: Sequence[BillboardForm]) -> dict[str, ChordStrings]:
    """Chord strings by mode. Each begins with its group of `CHORD_GROUPS`, a token of length 0.

    Sections in 4/4; a progression that returns in one song and group counts once. A song is in
    minor where its tonic chords are minor for longer than they are major; its numerals are then
    those of the minor key.
    """
    group_of = {f: group for group, functions in CHORD_GROUPS.items() for f in functions}
    raw: dict[str, list[RawSection]] = {"major": [], "minor": []}
    for form in forms:
        mode = _mode([(s.chords, s.tonic) for s in form.sections])
        raw[mode] += [
            RawSection(form.song, group_of[s.function], s.chords, s.tonic)
            for s in form.sections
            if s.metre == "4/4" and s.function in group_of
        ]
    return {mode: _chord_strings(rows, mode) for mode, rows in raw.items() if rows}


def pop909_chords(forms: Sequence[PopForm]) -> dict[str, ChordStrings]:
    """Chord strings of phrases by mode, of songs in one key whose chords fit the first labelling.

    They fit where the lengths differ by less than a bar; what is beyond the last phrase is left
    out. Bars have four beats here.
    """
    raw: dict[str, list[RawSection]] = {"major": [], "minor": []}
    for form in forms:
        bars = sum(length for _, length in form.labellings[0])
        total = sum((chord.duration for chord in form.chords), Fraction(0))
        if len(form.keys) != 1 or abs(total - bars) >= 1:
            continue
        tonic, _, mode = form.keys[0].partition(":")
        mode = {"maj": "major", "min": "minor"}[mode]
        at = Fraction(0)
        for _, length in form.labellings[0]:
            chords = _cut(form.chords, at, at + length)
            raw[mode].append(RawSection(f"pop909/{form.identifier}", "phrase", chords, tonic))
            at += length
    return {mode: _chord_strings(rows, mode) for mode, rows in raw.items() if rows}


def _cut(chords: Sequence[ChordSpan], start: Fraction, end: Fraction) -> tuple[ChordSpan, ...]:
    found, at = [], Fraction(0)
    for chord in chords:
        low, high = max(at, start), min(at + chord.duration, end)
        if low < high:
            found.append(ChordSpan(chord.symbol, high - low))
        at += chord.duration
    return tuple(found)


def _mode(sections: Iterable[tuple[tuple[ChordSpan, ...], str]]) -> str:
    """Whether tonic triads last longer in minor than in major."""
    lasting = {"i": Fraction(0), "I": Fraction(0)}
    for chords, tonic in sections:
        for chord in chords:
            numeral = read_chord(chord.symbol, tonic).numeral
            if numeral:
                parsed = RomanNumeral.parse(numeral)
                if parsed.degree == 1 and parsed.shift == 0 and parsed.triad in ("major", "minor"):
                    lasting["I" if parsed.triad == "major" else "i"] += chord.duration
    return "minor" if lasting["i"] > lasting["I"] else "major"


Span = tuple[str, Fraction]


def _chord_strings(raw: Sequence[RawSection], mode: str) -> ChordStrings:
    rows: list[tuple[str, str, tuple[Span, ...]]] = []
    merged = n = 0
    for section in raw:
        spans: list[Span] = []
        for chord in section.chords:
            reading = read_chord(chord.symbol, section.tonic, mode)
            n += 1
            merged += not reading.exact
            spans.append((reading.numeral, chord.duration))
        # No chord ends a string; what follows is a string of its own.
        rows += [(section.song, section.group, part) for part in _parts(spans)]
    rows = list(dict.fromkeys(rows))
    counts = Counter(
        numeral for song, _, spans in rows if split_of(song) == "train" for numeral, _ in spans
    )
    least = max(LEAST_NUMERAL, LEAST_SHARE * sum(counts.values()))
    simple: dict[str, str] = {}
    for numeral in {numeral: None for _, _, spans in rows for numeral, _ in spans}:
        choices = [c for c in _simpler(numeral) if counts[c] >= least]
        simple[numeral] = choices[0] if choices else ""
    changed = total = 0
    final: list[Row] = []
    for song, group, row in rows:
        total += len(row)
        changed += sum(simple[numeral] != numeral for numeral, _ in row)
        for part in _parts([(simple[numeral], length) for numeral, length in row]):
            tokens = tuple(f"{numeral}[{_grid(length)}]" for numeral, length in part)
            final.append((song, (f"{group}[0]", *tokens)))
    strings = split_strings(list(dict.fromkeys(final)), least=LEAST_CHORD)
    return ChordStrings(strings, merged / n, changed / total)


def _parts(spans: Iterable[Span]) -> list[tuple[Span, ...]]:
    """Runs of chords between gaps (empty numerals); equal neighbours become one chord."""
    parts: list[list[Span]] = [[]]
    for numeral, length in spans:
        now = parts[-1]
        if not numeral:
            parts.append([])
        elif now and now[-1][0] == numeral:
            now[-1] = (numeral, now[-1][1] + length)
        else:
            now.append((numeral, length))
    return [tuple(part) for part in parts if part]


def _grid(length: Fraction) -> Fraction:
    """The nearest quarter of a bar, at least one."""
    return max(SHORTEST, Fraction(round(length / SHORTEST)) * SHORTEST)


def _simpler(numeral: str) -> list[str]:
    """The numeral, then without inversion, then as a triad: each in the notation of numerals."""
    parsed = RomanNumeral.parse(numeral)
    head = numeral.rstrip("0123456789") if "sus4" not in numeral else numeral
    if "sus4" in numeral:
        base = numeral[: numeral.index("sus4")]
        return [numeral, f"{base}sus4", base]
    root = f"{head}7" if parsed.has_seventh else head
    triad = head.rstrip("Md")
    if "ø" in triad:
        triad = triad.replace("ø", "o")
    figure = ("", "6", "64")[parsed.inversion] if parsed.inversion < 3 else ""
    return list(dict.fromkeys([numeral, root, f"{triad}{figure}", triad]))
