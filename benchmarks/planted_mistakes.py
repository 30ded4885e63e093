"""Precision and recall of every rule of the set ``chorale`` on mistakes planted in Bach.

    python -m benchmarks.planted_mistakes [EDITS] [PLANTS]

Two kinds of mistakes. *At random*: a bar of a voice is transplanted from another chorale,
a bar of a voice goes up or down by a step or an octave, two notes change places; plain
definitions (``_plain_rules.py``), which share no code with the checker, say what broke. *On
purpose*: for each rule a place is made to break it. It writes
``benchmarks/results/planted_mistakes.md`` and ``.json``, and needs the corpus ``roman_numerals``.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks._plain_harmony import RULES as HARMONY
from benchmarks._plain_harmony import broken_harmony
from benchmarks._plain_rules import PLAIN_RULES, Broken, broken_rules
from benchmarks._planting import NAMES, RANDOM_EDITS, Edit, Passage, Piece, insert, spell
from benchmarks._table import write_table
from benchmarks.bach_rates import labelled_chords
from benchmarks.chorales import read_chorales
from hybrid.core.errors import FormatError, PlanError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import parse_pitch
from hybrid.core.seeds import stage_rng
from hybrid.theory.checker import RULES, check

#: Rules that report the first or the last note of a long row, which an edit may join or part.
ROWS = ("static_voice", "repeated_notes")
#: Rules that plain definitions decide.
DECIDED = PLAIN_RULES | set(HARMONY)
Changes = dict[tuple[int, int], tuple[int, int]]


@dataclass
class Count:
    """What came of a rule's plants."""

    planted: int = 0
    found: int = 0
    new: int = 0
    confirmed: int = 0
    placed: int = 0
    placed_found: int = 0
    unexplained: int = 0
    missed: list[str] = field(default_factory=list)


def checked(piece: Piece) -> set[Broken]:
    """The checker's findings as the plain rules name theirs."""
    return {
        Broken(found.rule, found.tick, frozenset(NAMES.index(voice) for voice in found.voices))
        for found in check(piece.to_score(), chords=piece.chords)
    }


def near(edit: Edit, piece: Piece) -> tuple[int, int]:
    """First and last tick of what hangs together with an edit: two notes, one chord around it."""
    start, end = edit.start, edit.end
    for source in (piece, edit.piece):
        for notes in source.voices:
            before = [n.on for n in notes if n.on < edit.start]
            after = [n.on for n in notes if n.on >= edit.end]
            start = min([start, *before[-2:]])
            end = max([end, *after[:3]])
        starts = [c.onset for c in source.chords]
        start = min([start, *[tick for tick in starts if tick < edit.start][-2:]])
        end = max([end, *[tick for tick in starts if tick >= edit.end][:3]])
    return start, end


def at_random(
    pieces: Sequence[Piece], n_edits: int, counts: dict[str, Count]
) -> dict[str, Counter[str]]:
    """Edits of each kind; the plain rules say what they broke."""
    totals: dict[str, Counter[str]] = {}
    before: dict[str, tuple[set[Broken], set[Broken]]] = {}
    for kind, function in RANDOM_EDITS.items():
        rng = stage_rng(1, "planted mistakes", kind)
        total = totals[kind] = Counter()
        while total["edits"] < n_edits:
            piece = pieces[int(rng.integers(len(pieces)))]
            edit = function(piece, pieces, rng)
            if edit is None:
                continue
            total["edits"] += 1
            if piece.name not in before:
                before[piece.name] = checked(piece), plain_findings(piece)
            new = checked(edit.piece) - before[piece.name][0]
            wanted = plain_findings(edit.piece) - before[piece.name][1]
            start, end = near(edit, piece)
            for broken in wanted:
                counts[broken.rule].planted += 1
                counts[broken.rule].found += broken in new
                total["planted"] += 1
                total["found"] += broken in new
            for broken in new:
                far = not start <= broken.tick <= end and broken.rule not in ROWS
                counts[broken.rule].unexplained += far
                total["far from the edit"] += far
                if broken.rule in DECIDED:
                    counts[broken.rule].new += 1
                    counts[broken.rule].confirmed += broken in wanted
                    total["new"] += 1
                    total["confirmed"] += broken in wanted
    return totals


def plain_findings(piece: Piece, rule: str | None = None) -> set[Broken]:
    """What the plain rules find in a piece: all of them, or one rule."""
    if rule in HARMONY:
        return {item for item in broken_harmony(piece.plain, piece.chords) if item.rule == rule}
    found = broken_rules(piece.plain, piece.chords, rule)
    return found if rule else found | broken_harmony(piece.plain, piece.chords)


# --- On purpose: notes -----------------------------------------------------------------------


def _pairs(piece: Piece, upper: int, lower: int) -> list[tuple[int, int]]:
    """Indices of notes of two voices that begin together, as those before and after them do."""
    found = []
    starts = {note.on: index for index, note in enumerate(piece.voices[lower])}
    for index, note in enumerate(piece.voices[upper][2:-2], start=2):
        other = starts.get(note.on)
        if other is None or not 1 < other < len(piece.voices[lower]) - 2:
            continue
        if piece.voices[upper][index - 1].on == piece.voices[lower][other - 1].on:
            found.append((index, other))
    return found


def two_intervals(
    upper: int, lower: int, first: int, second: int, up: int | None = None, low: int | None = None
) -> Callable[[Piece, np.random.Generator], Edit | None]:
    """Two voices get an interval and then another; their steps too, where these are given."""

    def plant(piece: Piece, rng: np.random.Generator) -> Edit | None:
        pairs = _pairs(piece, upper, lower)
        if not pairs:
            return None
        index, other = pairs[int(rng.integers(len(pairs)))]
        line = piece.voices[lower]
        base = line[other - 1].pitch
        # Where no step of the lower voice is asked for, Bach's own stays.
        step = line[other].pitch - base if low is None else low
        goal = base + first + up if up is not None else base + step + second
        changes = {
            (lower, other): base + step,
            (upper, index - 1): base + first,
            (upper, index): goal,
        }
        return _edited(piece, changes)

    return plant


def _edited(piece: Piece, pitches: dict[tuple[int, int], int]) -> Edit | None:
    notes = {where: piece.voices[where[0]][where[1]] for where in pitches}
    if not all(36 <= pitch <= 88 for pitch in pitches.values()):
        return None
    changes: Changes = {
        where: (pitch, spell(piece, notes[where].on, pitch)) for where, pitch in pitches.items()
    }
    start = min(note.on for note in notes.values())
    return Edit(piece.with_notes(changes), start, max(note.end for note in notes.values()))


def line(
    voice: int, *steps: int, tones: Sequence[str] = ()
) -> Callable[[Piece, np.random.Generator], Edit | None]:
    """A voice goes on from one of its notes by the steps; or has the tones in a row."""

    def plant(piece: Piece, rng: np.random.Generator) -> Edit | None:
        notes = piece.voices[voice]
        size = len(tones) or len(steps)
        index = int(rng.integers(2, max(3, len(notes) - size - 2)))
        if index + size >= len(notes):
            return None
        if not tones:
            pitches = (notes[index - 1].pitch + np.cumsum(steps)).tolist()
            return _edited(piece, {(voice, index + i): p for i, p in enumerate(pitches)})
        changes: Changes = {}
        for place, name in enumerate(tones):
            pitch, tone = parse_pitch(name)
            changes[voice, index + place] = pitch, tone
        return Edit(piece.with_notes(changes), notes[index].on, notes[index + size - 1].end)

    return plant


def height(voice: int, other: int | None, above: int) -> Callable[..., Edit | None]:
    """A note of a voice at a distance from another voice's, or at a pitch."""

    def plant(piece: Piece, rng: np.random.Generator) -> Edit | None:
        notes = piece.voices[voice]
        index = int(rng.integers(2, len(notes) - 2))
        base = 0
        if other is not None:
            sounding = piece.plain.at(other, notes[index].on)
            if sounding is None:
                return None
            base = sounding.pitch
        return _edited(piece, {(voice, index): base + above})

    return plant


def row(voice: int, n_notes: int) -> Callable[[Piece, np.random.Generator], Edit | None]:
    """A voice has one pitch for a number of notes."""

    def plant(piece: Piece, rng: np.random.Generator) -> Edit | None:
        notes = piece.voices[voice]
        if len(notes) < n_notes + 4:
            return None
        index = int(rng.integers(2, len(notes) - n_notes - 1))
        pitch = notes[index].pitch
        return _edited(piece, {(voice, index + i): pitch for i in range(n_notes)})

    return plant


def chord_tone(place: int) -> Callable[[Piece, np.random.Generator], Edit | None]:
    """Two voices get the same member of a chord where it begins (1 is the third)."""

    def plant(piece: Piece, rng: np.random.Generator) -> Edit | None:
        chord = piece.chords[int(rng.integers(1, len(piece.chords) - 1))]
        try:
            tones = RomanNumeral.parse(chord.numeral).tones(chord.key)
        except PlanError:
            return None
        if len(tones) <= place:
            return None
        pitches: dict[tuple[int, int], int] = {}
        for voice in rng.permutation(4)[:2].tolist():
            starts = [i for i, n in enumerate(piece.voices[voice]) if n.on == chord.onset]
            if not starts:
                return None
            old = piece.voices[voice][starts[0]].pitch
            tone = 7 * tones[place] % 12
            pitches[voice, starts[0]] = old + (tone - old + 6) % 12 - 6
        return _edited(piece, pitches)

    return plant


#: Proposals for each plain rule; one is kept where the plain rules say that it breaks the rule.
PROPOSALS: dict[str, Callable[[Piece, np.random.Generator], Edit | None]] = {
    "range": height(0, None, 83),
    "spacing": height(0, 1, 14),
    "spacing_bass": height(3, 2, -21),
    "crossing": height(1, 0, 3),
    "overlap": two_intervals(1, 2, 3, 4, low=5),
    "parallel_fifths": two_intervals(1, 3, 19, 19),
    "parallel_octaves": two_intervals(2, 3, 12, 12),
    "parallel_unisons": two_intervals(1, 2, 0, 0, low=2),
    "contrary_fifths": two_intervals(1, 3, 7, 19, low=-5),
    "contrary_octaves": two_intervals(2, 3, 12, 24, low=-5),
    "direct_fifths": two_intervals(0, 3, 16, 19, low=2),
    "direct_octaves": two_intervals(0, 3, 21, 24, low=2),
    "direct_unison": two_intervals(1, 2, 3, 0, low=5),
    "unequal_fifths": two_intervals(1, 3, 6, 7, low=1),
    "hidden_parallels": two_intervals(1, 2, 7, -7, low=9),
    "beat_parallels": two_intervals(0, 3, 19, 19),
    "cross_relation": height(1, None, 66),
    "augmented_second": line(1, tones=("F4", "G#4")),
    "augmented_leap": line(0, tones=("C5", "G#5")),
    "tritone_leap": line(1, 6),
    "seventh_leap": line(1, -10),
    "wide_leap": line(1, 14),
    "diminished_leap": line(0, tones=("F5", "B4", "G4")),
    "large_leap_recovery": line(0, 9, 2),
    "consecutive_leaps": line(0, 5, 5),
    "inner_leap": line(2, 9),
    "repeated_notes": row(2, 8),
    "static_voice": row(2, 12),
    "doubled_leading_tone": chord_tone(1),
    "doubled_seventh": chord_tone(3),
    "missing_third": chord_tone(0),
    "incomplete_chord": chord_tone(1),
}


def on_purpose(
    rule: str,
    pieces: Sequence[Piece],
    n_plants: int,
    count: Count,
    before: dict[str, set[Broken]],
) -> None:
    """Plants of one rule: placed, found at their place, and findings far from them.

    ``before`` keeps what the checker finds in the pieces as they are.
    """
    rng = stage_rng(1, "planted on purpose", rule)
    for _ in range(400 * n_plants):
        if count.placed == n_plants:
            return
        piece = pieces[int(rng.integers(len(pieces)))]
        edit, places = _plant(rule, piece, rng)
        if edit is None or not places:
            continue
        if piece.name not in before:
            before[piece.name] = checked(piece)
        new = checked(edit.piece) - before[piece.name]
        count.placed += 1
        hits = {broken.tick for broken in new if broken.rule == rule}
        if places <= hits:
            count.placed_found += 1
        else:
            count.missed.append(f"{piece.name}, tick {min(places)}")
        start, end = near(edit, piece)
        count.unexplained += sum(
            not start <= broken.tick <= end and broken.rule not in ROWS for broken in new
        )


def _plant(rule: str, piece: Piece, rng: np.random.Generator) -> tuple[Edit | None, set[int]]:
    """An edit and the ticks at which the rule is broken by it."""
    if rule == "phrase_break_parallels":
        edit, places = _plant("parallel_fifths", piece, rng)
        if edit is None or len(places) != 1:
            return None, set()
        (tick,) = places
        ended = [n.on for n in edit.piece.voices[0] if n.end == tick]
        if not ended:
            return None, set()
        return edit._replace(piece=replace(edit.piece, fermatas=(ended[0],))), places
    if rule in PROPOSALS:
        edit = PROPOSALS[rule](piece, rng)
        if edit is None:
            return None, set()
        wanted = plain_findings(edit.piece, rule) - plain_findings(piece, rule)
        return edit, {broken.tick for broken in wanted}
    choices = [passage for passage in PASSAGES if passage.rule == rule]
    passage = choices[int(rng.integers(len(choices)))]
    edit = insert(piece, passage, rng)
    if edit is None:
        return None, set()
    return edit, {edit.start + int(passage.at * piece.score.ticks_per_quarter)}


#: Passages that break one rule of harmony each, in C major or A minor.
PASSAGES = (
    Passage("unresolved_leading_tone", ("B4 G4:2", "D4 E4:2", "G3 C4:2", "G3 C3:2"), "V I:2", 1),
    Passage(
        "unresolved_leading_tone",
        ("G#4 E4:2", "D4 E4:2", "B3 C4:2", "E3 A2:2"),
        "V7 i:2",
        1,
        key="a",
    ),
    Passage("frustrated_leading_tone", ("D5 C5:2", "B4 G4:2", "G4 E4:2", "G3 C3:2"), "V I:2", 1),
    Passage("unresolved_seventh", ("F5 G5:2", "B4 C5:2", "D4 E4:2", "G3 C3:2"), "V7 I:2", 1),
    Passage("unresolved_seventh", ("C5 E5:2", "A4 G4:2", "F4 D4:2", "D3 G3:2"), "ii7 V:2", 1),
    Passage("rising_seventh", ("F5 G5:2", "B4 C5:2", "G4 G4:2", "D3 E3:2"), "V43 I6:2", 1),
    Passage("doubled_altered_tone", ("F#5 G5:2", "A4 B4:2", "F#4 G4:2", "D3 G3:2"), "II V:2", 0),
    Passage("doubled_third", ("E5 D5:2", "G4 G4:2", "E4 D4:2", "C3 B2:2"), "I V6:2", 0),
    Passage("six_four", ("D5 C5 C5", "A4 G4 A4", "F4 E4 F4", "D3 G3 F3"), "ii I64 IV", 1),
    Passage("six_four_resolution", ("E5 G5:2", "C5 B4:2", "G4 D4:2", "G3 G3:2"), "Cad64 V:2", 1),
    Passage("unprepared_dissonance", ("C5 F5 C5", "E4:3", "G3:3", "C3:3"), "I:3", 1),
    Passage("unresolved_suspension", ("C5:2 G4 D4", "A4 G4:3", "F4 D4:3", "F3 G3:3"), "IV V:3", 2),
    Passage(
        "diminished_root_position", ("F4 E4:2", "D4 C4:2", "B3 C4:2", "B2 C3:2"), "viio I:2", 0
    ),
    Passage(
        "harmonic_syncopation",
        ("C5 B4 C5 C5", "E4 D4 F4 F4", "G3 G3 A3 A3", "C3 G3 F3 F3"),
        "I V IV IV",
        3,
        starts=1,
    ),
    Passage("retrogression", ("B4 C5:2", "G4 A4:2", "D4 F4:2", "G3 F3:2"), "V IV:2", 1),
    Passage("final_chord", ("C5 B4", "G4 G4", "E4 D4", "C3 G3"), "I V", 1, is_last=True),
)


def main(n_edits: int = 300, n_plants: int = 20) -> None:
    try:
        scores = read_chorales()
    except FormatError as error:
        print(f"skipped: {error}")
        return
    pieces = [Piece.of(name, score, labelled_chords(name, score)) for name, score in scores.items()]
    counts = {rule: Count() for rule in RULES}
    totals = at_random(pieces, n_edits, counts)
    before: dict[str, set[Broken]] = {}
    for rule, count in counts.items():
        on_purpose(rule, pieces, n_plants, count, before)
        print(f"{rule}: {count.placed_found} of {count.placed}", flush=True)
    missed = list(_missed(counts))
    text, _ = write_table(
        "planted_mistakes",
        [_row(rule, count) for rule, count in counts.items()],
        _notes(n_edits),
        title="Precision and recall of every rule on mistakes planted in Bach",
        sections={
            "By kind of random edit": [
                {"edit": kind, **dict(total)} for kind, total in totals.items()
            ],
            **({"Plants that were not found": missed} if missed else {}),
        },
    )
    print(text.read_text(encoding="utf-8"))


def _row(rule: str, count: Count) -> dict[str, object]:
    is_plain = rule in DECIDED
    return {
        "rule": rule,
        "broken by random edits": count.planted if is_plain else None,
        "found": count.found if is_plain else None,
        "recall": count.found / count.planted if count.planted else None,
        "new findings": count.new if is_plain else None,
        "confirmed": count.confirmed if is_plain else None,
        "precision": count.confirmed / count.new if count.new else None,
        "planted on purpose": count.placed,
        "found at the place": count.placed_found,
        "findings far from the edits": count.unexplained,
    }


def _missed(counts: dict[str, Count]) -> Iterable[dict[str, str]]:
    for rule, count in counts.items():
        for place in count.missed:
            yield {"rule": rule, "where": place}


def _notes(n_edits: int) -> list[str]:
    return [
        "80 chorales (DCML bach_chorales v2.0, CC0; people's chord labels from the BCMH corpus).",
        f"Random edits: {n_edits} of each kind. What they break is decided by plain definitions on"
        " lists of notes that share no code with the checker; a finding counts as found or"
        " confirmed where rule, tick and voices agree. Rules without figures there have no plain"
        " definition and are planted on purpose alone.",
        "On purpose: notes are set so that the plain definition says the rule is newly broken, or"
        " (rules of harmony) a short passage that breaks the rule takes the place of Bach's beats,"
        " in the local key, with its labels. Found: the finding stands at that tick.",
        "Findings far from the edits: new findings of this rule (at random) or of any rule (on"
        " purpose) further away than two notes or two chords; rules on long rows are not counted"
        " there.",
        "Checker and plain definitions were written by one hand from one text: agreement says that"
        " the checker does what the text of the rule says. music21_agreement.md holds it against"
        " code by others.",
        "Chords are handed in, so the figures say nothing on how well chords are inferred.",
    ]


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
