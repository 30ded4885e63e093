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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks._plain_chords import CHORD_RULES, chord_tones
from benchmarks._plain_harmony import RULES as HARMONY
from benchmarks._plain_harmony import broken_harmony
from benchmarks._plain_rules import PLAIN_RULES, Broken, broken_rules
from benchmarks._planting import NAMES, RANDOM_EDITS, Edit, Piece, insert
from benchmarks._plants import PASSAGES, PROPOSALS
from benchmarks._table import write_table
from benchmarks.bach_rates import labelled_chords
from benchmarks.chorales import read_chorales
from hybrid.core.errors import FormatError
from hybrid.core.seeds import stage_rng
from hybrid.theory.checker import RULES, check

#: Rules that report the first or the last note of a long row, which an edit may join or part.
ROWS = ("static_voice", "repeated_notes")
#: Rules that plain definitions decide.
DECIDED = PLAIN_RULES | {*CHORD_RULES, *HARMONY}


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
    found = set() if rule in CHORD_RULES else broken_rules(piece.plain, rule)
    if rule is None or rule in CHORD_RULES:
        tones = set(chord_tones(piece.plain, piece.chords))
        found |= {item for item in tones if rule in (None, item.rule)}
    return found if rule else found | broken_harmony(piece.plain, piece.chords)


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
        if any(item.rule == rule and item.tick in places for item in before[piece.name]):
            continue  # Bach has it there himself
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
