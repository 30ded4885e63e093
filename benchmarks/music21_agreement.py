"""Agreement of the checker with music21's voice-leading module where both have a rule.

    python -m benchmarks.music21_agreement

Every pair of voices of 80 chorales, wherever both begin a note at once, goes to
``music21.voiceLeading.VoiceLeadingQuartet``; the checker's findings stand beside its answers.
Each disagreement is put down to a reason that is tested, not guessed; those without one are
listed. It writes ``benchmarks/results/music21_agreement.md`` and ``.json``, and needs the corpus
``roman_numerals``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np

from benchmarks._plain_rules import Note, Plain
from benchmarks._planting import NAMES, RANDOM_EDITS, Piece
from benchmarks._table import write_table
from benchmarks.chorales import read_chorales
from hybrid.core.errors import FormatError
from hybrid.core.pitch import octave_of, spelling_name
from hybrid.core.score import Score
from hybrid.core.seeds import stage_rng
from hybrid.theory.checker import check


class Four(NamedTuple):
    """Two voices and their notes before and at a tick."""

    tick: int
    upper: int
    lower: int
    up: Note
    next_up: Note
    low: Note
    next_low: Note

    @property
    def steps(self) -> tuple[int, int]:
        return self.next_up.pitch - self.up.pitch, self.next_low.pitch - self.low.pitch

    @property
    def distances(self) -> tuple[int, int]:
        return self.up.pitch - self.low.pitch, self.next_up.pitch - self.next_low.pitch


def fours(plain: Plain) -> Iterator[Four]:
    """Wherever two voices begin a note at once, with the notes before."""
    for upper, lower in combinations(range(4), 2):
        starts = {note.on: index for index, note in enumerate(plain.voices[lower])}
        for index, note in enumerate(plain.voices[upper]):
            other = starts.get(note.on)
            if index and other:
                lows = plain.voices[lower][other - 1 : other + 1]
                yield Four(note.on, upper, lower, plain.voices[upper][index - 1], note, *lows)


def name(note: Note) -> str:
    """As music21 writes it: ``B-3``."""
    letter = spelling_name(note.tone).replace("b", "-")
    return f"{letter}{octave_of(note.pitch, note.tone)}"


@cache
def answers(up: str, next_up: str, low: str, next_low: str) -> frozenset[str]:
    """What music21 says of a quartet."""
    from music21.note import Note as Tone
    from music21.voiceLeading import VoiceLeadingQuartet

    quartet = VoiceLeadingQuartet(Tone(up), Tone(next_up), Tone(low), Tone(next_low))
    methods: tuple[Callable[[], bool], ...] = (
        quartet.parallelFifth,
        quartet.parallelUnisonOrOctave,
        quartet.hiddenFifth,
        quartet.hiddenOctave,
        quartet.voiceOverlap,
    )
    found = {method.__name__ for method in methods if method()}
    still = VoiceLeadingQuartet(Tone(next_up), Tone(next_up), Tone(next_low), Tone(next_low))
    return frozenset(found | ({"voiceCrossing"} if still.voiceCrossing() else set()))


#: music21's method to our rules, and the quartets that are compared.
RULES: dict[str, tuple[tuple[str, ...], Callable[[Four], bool], str]] = {
    "parallelFifth": (
        ("parallel_fifths", "contrary_fifths"),
        lambda four: True,
        "all pairs",
    ),
    "parallelUnisonOrOctave": (
        ("parallel_octaves", "parallel_unisons", "contrary_octaves"),
        lambda four: True,
        "all pairs",
    ),
    "hiddenFifth": (
        ("direct_fifths",),
        lambda four: four.upper == 0 and four.lower == 3 and abs(four.steps[0]) >= 3,
        "outer voices, the soprano leaps",
    ),
    "hiddenOctave": (
        ("direct_octaves",),
        lambda four: four.upper == 0 and four.lower == 3 and abs(four.steps[0]) >= 3,
        "outer voices, the soprano leaps",
    ),
    "voiceCrossing": (
        ("crossing",),
        lambda four: four.lower == four.upper + 1,
        "neighbours, the second pair of notes",
    ),
    "voiceOverlap": (
        ("overlap",),
        lambda four: four.lower == four.upper + 1,
        "neighbours",
    ),
}


def reason(four: Four, method: str, quarter: int) -> str:
    """Why the two disagree; empty where no reason is known."""
    up, low = four.steps
    old, new = four.distances
    silence = four.tick - min(four.up.end, four.low.end)
    together = max(four.up.on, four.low.on) < min(four.up.end, four.low.end)
    perfect = method in ("parallelFifth", "parallelUnisonOrOctave")
    tests = {
        "a rest of more than a quarter lies between; we count no move across it": (
            silence > quarter
        ),
        "the notes before did not sound together; to us nothing went from interval to interval": (
            not together
        ),
        "both voices leap by octaves: a change of register to us, parallels to music21": (
            up % 12 == 0 and low % 12 == 0 and up != 0 and low != 0
        ),
        "the voices exchange places by contrary motion; we have hidden_parallels for that": (
            perfect and old * new < 0 and up * low < 0
        ),
        "from unison to octave or back: the same pitch class to us, two intervals to music21": (
            method == "parallelUnisonOrOctave" and (old == 0) != (new == 0)
        ),
        "an octave leap of one voice from the unison": (
            method == "parallelUnisonOrOctave" and 0 in (up, low)
        ),
        "spelled otherwise: seven semitones that are no perfect fifth, or twelve no octave": (
            _spelled_otherwise(four)
        ),
        "an octave after an augmented or diminished one: the same number, parallel to music21": (
            method.startswith("hidden")
            and (four.up.staff - four.low.staff) % 7
            == (four.next_up.staff - four.next_low.staff) % 7
        ),
        "from a fifth or octave to the same by similar motion: parallels to us, none to music21": (
            perfect and abs(old) % 12 == abs(new) % 12 and up * low > 0
        ),
    }
    return next((text for text, holds in tests.items() if holds), "")


def _spelled_otherwise(four: Four) -> bool:
    """Whether one of the two intervals has the size of a perfect one, and another name."""
    for high, low in ((four.up, four.low), (four.next_up, four.next_low)):
        if high.pitch < low.pitch:
            high, low = low, high
        plain = {7: 1, 0: 0}.get((high.pitch - low.pitch) % 12)
        if plain is not None and high.tone - low.tone != plain:
            return True
    return False


def bent(piece: Piece, pieces: Sequence[Piece], rng: np.random.Generator) -> Piece:
    """The piece with one random edit of each kind."""
    for function in RANDOM_EDITS.values():
        edit = None
        while edit is None:
            edit = function(piece, pieces, rng)
        piece = edit.piece
    return piece


def main() -> None:
    try:
        scores = read_chorales()
    except FormatError as error:
        print(f"skipped: {error}")
        return
    rng = stage_rng(1, "music21 agreement")
    pieces = [Piece.of(name, score, ()) for name, score in scores.items()]
    edited = {piece.name: bent(piece, pieces, rng).to_score() for piece in pieces}
    groups = {"Bach": scores, "edited": edited}
    totals = {(method, group): Counter[str]() for group in groups for method in RULES}
    reasons: Counter[tuple[str, str, str]] = Counter()
    examples: dict[tuple[str, str, str], str] = {}
    for group, chosen in groups.items():
        for piece, score in chosen.items():
            counts = {method: totals[method, group] for method in RULES}
            compare(f"{piece} ({group})", score, counts, reasons, examples)
    rows = [
        {
            "music21": method,
            "our rules": ", ".join(RULES[method][0]),
            "compared on": RULES[method][2],
            "chorales": group,
            "quartets": total["quartets"],
            "both": total["both"],
            "music21 only": total["music21 only"],
            "checker only": total["checker only"],
        }
        for (method, group), total in totals.items()
    ]
    kinds = [
        {
            "music21": method,
            "who finds it": who,
            "times": times,
            "reason": text or "not known",
            "for example": examples[method, who, text],
        }
        for (method, who, text), times in reasons.most_common()
    ]
    text, _ = write_table(
        "music21_agreement",
        rows,
        [
            "80 chorales (DCML bach_chorales v2.0, CC0), as Bach wrote them and with three random"
            " edits each (a bar transplanted, a bar shifted, two notes swapped): Bach himself has"
            " next to no parallels to disagree on. A quartet is two voices that begin a note at"
            " once, with the note that each had before.",
            "A reason is the first of a list of tests that holds for the quartet.",
            "music21's opensIncorrectly, closesIncorrectly, isProperResolution and"
            " leapNotSetWithStep have no rule of ours that says the same.",
            "Where one voice alone moves, the checker looks for crossing as well; those places are"
            " not compared here.",
        ],
        title="Agreement with music21's voice-leading module",
        packages=("music21",),
        sections={"Every kind of disagreement": kinds},
    )
    print(text.read_text(encoding="utf-8"))


def compare(
    piece: str,
    score: Score,
    totals: dict[str, Counter[str]],
    reasons: Counter[tuple[str, str, str]],
    examples: dict[tuple[str, str, str], str],
) -> None:
    """Add one chorale's quartets to the counts."""
    ours: dict[str, set[tuple[int, frozenset[int]]]] = {}
    for found in check(score, chords=()):
        voices = frozenset(NAMES.index(voice) for voice in found.voices)
        ours.setdefault(found.rule, set()).add((found.tick, voices))
    for four in fours(Plain.of(score)):
        said = answers(*(name(note) for note in four[3:]))
        for method, (rules, applies, _) in RULES.items():
            if not applies(four):
                continue
            place = four.tick, frozenset({four.upper, four.lower})
            theirs, own = method in said, any(place in ours.get(rule, ()) for rule in rules)
            totals[method]["quartets"] += 1
            totals[method]["both"] += theirs and own
            if theirs == own:
                continue
            who = "music21 only" if theirs else "checker only"
            totals[method][who] += 1
            kind = method, who, reason(four, method, score.ticks_per_quarter)
            reasons[kind] += 1
            pair = f"{NAMES[four.upper]} and {NAMES[four.lower]}"
            moves = (
                f"{name(four.low)}-{name(four.up)} to {name(four.next_low)}-{name(four.next_up)}"
            )
            examples.setdefault(kind, f"{piece}, tick {four.tick}, {pair}: {moves}")


if __name__ == "__main__":
    main()
