"""Precision and recall of the species sets on mistakes planted in Fux's own exercises.

    python -m benchmarks.planted_species [EDITS]

Takes the 44 exercises in two voices from ``fux.toml``, which break no rule of severity error,
changes one or two notes of the counterpoint at random (another pitch, two notes exchanged, a
note split in two, two joined), and holds the checker against plain definitions
(``_plain_species.py``) that share no code with it. It writes
``benchmarks/results/planted_species.md`` and ``.json``; no corpus is needed.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from benchmarks._plain_species import DECIDED, Tone, Two, Wrong, wrongs
from benchmarks._table import write_table
from benchmarks.fux import CANTUS, TPQ, Exercise, read_exercises
from hybrid.core.pitch import Key
from hybrid.core.score import Score, Track, make_notes
from hybrid.core.seeds import stage_rng
from hybrid.core.timeline import Metre
from hybrid.theory.checker import check
from hybrid.theory.ruleset import load_rule_set

WHOLE = 4 * TPQ
SETS = {species: f"fux{species}" for species in range(1, 6)}
#: Spells a pitch where an edit moves it out of the mode's scale.
WHITE = Key.parse("C")


def two_of(exercise: Exercise) -> Two:
    """An exercise as the plain rules read it."""
    voices = [
        tuple(
            Tone(
                Fraction(int(n["onset"]), WHOLE),
                Fraction(int(n["onset"] + n["duration"]), WHOLE),
                int(n["pitch"]),
                int(n["spelling"]),
            )
            for n in track.notes
        )
        for track in exercise.score.tracks
    ]
    return Two(voices[exercise.cantus], voices[1 - exercise.cantus], exercise.species[0])


def score_of(two: Two) -> Score:
    """The same for the checker."""
    tracks = [
        Track(
            name,
            make_notes(
                (int(t.on * WHOLE), int(t.length * WHOLE), t.pitch, 80, 1, t.tone) for t in tones
            ),
        )
        for name, tones in ((CANTUS, two.cantus), ("counterpoint", two.line))
    ]
    return Score(tuple(tracks), TPQ, metres=(Metre.parse("2/2"),))


def checked(two: Two) -> set[Wrong]:
    """The checker's findings as the plain rules name theirs."""
    found = check(score_of(two), SETS[two.species])
    return {Wrong(item.rule, Fraction(item.tick, WHOLE)) for item in found}


def move(two: Two, rng: np.random.Generator) -> tuple[Tone, ...]:
    """Another pitch for a note, up to an octave away."""
    index = int(rng.integers(len(two.line)))
    pitch = two.line[index].pitch + int(rng.integers(1, 13)) * int(rng.choice([-1, 1]))
    line = list(two.line)
    line[index] = line[index]._replace(pitch=pitch, tone=WHITE.spell(pitch))
    return tuple(line)


def exchange(two: Two, rng: np.random.Generator) -> tuple[Tone, ...]:
    """Two notes in a row change places."""
    index = int(rng.integers(1, len(two.line)))
    line = list(two.line)
    first, second = line[index - 1], line[index]
    line[index - 1] = first._replace(pitch=second.pitch, tone=second.tone)
    line[index] = second._replace(pitch=first.pitch, tone=first.tone)
    return tuple(line)


def copy(two: Two, rng: np.random.Generator) -> tuple[Tone, ...]:
    """A note takes an octave or a fifth from the cantus, its neighbour as well."""
    index = int(rng.integers(1, len(two.line)))
    line = list(two.line)
    distance = (0, 12, 7, 19)[int(rng.integers(4))] * (1 if two.is_above else -1)
    for place in (index - 1, index):
        under = next(n for n in two.cantus if n.on <= line[place].on < n.end)
        pitch = under.pitch + distance
        line[place] = line[place]._replace(pitch=pitch, tone=WHITE.spell(pitch))
    return tuple(line)


def split(two: Two, rng: np.random.Generator) -> tuple[Tone, ...]:
    """A note becomes two of half its length, the second a step away."""
    index = int(rng.integers(len(two.line) - 1))
    note = two.line[index]
    middle = note.on + note.length / 2
    pitch = note.pitch + int(rng.choice([-2, 2]))
    halves = note._replace(end=middle), Tone(middle, note.end, pitch, WHITE.spell(pitch))
    return (*two.line[:index], *halves, *two.line[index + 1 :])


def join(two: Two, rng: np.random.Generator) -> tuple[Tone, ...]:
    """A note is held on in place of the next one."""
    index = int(rng.integers(1, len(two.line) - 1))
    held = two.line[index - 1]._replace(end=two.line[index].end)
    return (*two.line[: index - 1], held, *two.line[index + 1 :])


EDITS: dict[str, Callable[[Two, np.random.Generator], tuple[Tone, ...]]] = {
    "another pitch": move,
    "two exchanged": exchange,
    "parallel to the cantus": copy,
    "split": split,
    "joined": join,
}


def main(n_edits: int = 400) -> None:
    exercises = [
        two_of(item) for item in read_exercises() if item.n_voices == 2 and len(item.species) == 1
    ]
    counts: dict[str, Counter[str]] = {}
    kinds: dict[str, Counter[str]] = {}
    examples: list[dict[str, str]] = []
    before = {two: (checked(two), wrongs(two)) for two in exercises}
    for kind, function in EDITS.items():
        rng = stage_rng(1, "planted species", kind)
        total = kinds[kind] = Counter()
        while total["edits"] < n_edits:
            two = exercises[int(rng.integers(len(exercises)))]
            edited = Two(two.cantus, function(two, rng), two.species)
            total["edits"] += 1
            known = load_rule_set(SETS[two.species]).rules
            own = {item for item in wrongs(edited) if item.rule in known}
            wanted = own - before[two][1]
            new = {item for item in checked(edited) - before[two][0] if item.rule in DECIDED}
            for item in wanted | new:
                count = counts.setdefault(item.rule, Counter())
                count["planted"] += item in wanted
                count["found"] += item in wanted and item in new
                count["new"] += item in new
                total["planted"] += item in wanted
                total["found"] += item in wanted and item in new
                total["new"] += item in new
                if (item in wanted) != (item in new) and len(examples) < 40:
                    who = "plain rules" if item in wanted else "checker"
                    notes = " ".join(
                        f"{t.on}:{t.pitch}" for t in edited.line if abs(t.on - item.at) <= 2
                    )
                    examples.append(
                        {
                            "rule": item.rule,
                            "who alone": who,
                            "where": f"{SETS[two.species]}, bar {float(item.at) + 1:g}",
                            "counterpoint": notes,
                        }
                    )
    rows = [
        {
            "rule": rule,
            "broken": count["planted"],
            "found": count["found"],
            "recall": count["found"] / count["planted"] if count["planted"] else None,
            "new findings": count["new"],
            "precision": count["found"] / count["new"] if count["new"] else None,
        }
        for rule, count in sorted(counts.items())
    ]
    missing = sorted(DECIDED - set(counts))
    text, _ = write_table(
        "planted_species",
        rows,
        [
            f"{len(exercises)} exercises by Fux in two voices; {n_edits} edits of each kind, one"
            " at a time. Broken: what plain definitions find anew in the edited line. Found and"
            " precision: rule and place agree.",
            "Rules of two voices without a plain definition (crossing, similar_motion,"
            " tritone_outline, suspension_interval, inner_rest, eighths, tie_values,"
            " rhythm_variety) and those of three voices are planted on purpose in"
            " tests/theory/test_species.py.",
            f"Never broken by these edits: {', '.join(missing) or 'none'}.",
            "Checker and plain definitions were written by one hand from one text: agreement says"
            " that the checker does what the text of the rule says. Whether the text is right is"
            " another matter; fux_rates.md speaks to that.",
        ],
        title="Precision and recall of the species sets on planted mistakes",
        sections={
            "By kind of edit": [{"edit": kind, **dict(total)} for kind, total in kinds.items()],
            **({"Where the two disagree": examples} if examples else {}),
        },
    )
    print(text.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
