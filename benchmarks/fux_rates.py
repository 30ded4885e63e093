"""How often Fux breaks the rules of his own species, as the sets ``fux1`` to ``fux5`` read them.

    python -m benchmarks.fux_rates

checks the exercises of ``fux.toml`` and writes ``benchmarks/results/fux_rates.md`` and
``.json``. Severity in the sets follows this table: an error is what he all but never does.
"""

from __future__ import annotations

from collections import Counter

from benchmarks._table import write_table
from benchmarks.fux import Exercise, read_exercises
from hybrid.core.analysis import SEVERITIES, Finding
from hybrid.theory.checker import check
from hybrid.theory.ruleset import load_rule_set
from hybrid.theory.slices import slice_score

#: What the findings of severity `error` are: figure to a word on each.
VERDICTS = {
    "110": "B flat to B natural in an inner voice, as in 169 and 170: the F mode's two sevenths",
    "125": "octaves of voice 1 with the weak half note of voice 2; no voice steps down to the E of"
    " the lowest voice but the lowest voice itself, and none up to it",
    "141": "the held D is the bass's fifth, clashes with the cantus and steps to a fourth above the"
    " bass, which is held on",
    "143": "the last chord has F, not F sharp, over D",
    "159": "E over F, reached by leap, a quarter",
    "169": "as 110",
    "170": "as 110",
    "176": "fifths from a weak half note to the next bar between inner voices",
    "183": "C over G sharp, a diminished fourth, reached by leap",
    "184": "octaves of two lower voices, and a second: perhaps a slip of the edition",
    "203": "C sharp under F, a diminished fourth",
}


def single_species() -> list[Exercise]:
    """The exercises in which all counterpoints have one species."""
    return [exercise for exercise in read_exercises() if len(exercise.species) == 1]


def check_exercise(exercise: Exercise) -> tuple[Finding, ...]:
    """Findings of the set of the exercise's species."""
    return check(exercise.score, f"fux{exercise.species[0]}")


def main() -> None:
    exercises = single_species()
    counts: dict[str, Counter[tuple[bool, int]]] = {}
    errors = []
    for exercise in exercises:
        for finding in check_exercise(exercise):
            group = (exercise.n_voices > 2, exercise.species[0])
            counts.setdefault(finding.rule, Counter())[group] += 1
            if finding.severity == "error":
                errors.append(
                    {
                        "figure": exercise.figure,
                        "finding": str(finding).removeprefix("error: "),
                        "what it is": VERDICTS.get(exercise.figure, "not looked up"),
                    }
                )
    groups = [(more, species) for more in (False, True) for species in range(1, 6)]
    sizes = Counter((item.n_voices > 2, item.species[0]) for item in exercises)
    bars = Counter[tuple[bool, int]]()
    for item in exercises:
        bars[item.n_voices > 2, item.species[0]] += len(item.score.bars)
    names = {(more, s): f"{'3-4' if more else '2'} voices, {s}" for more, s in groups}
    rows = [
        {"rule": "exercises", "severity": "", **{names[g]: sizes[g] for g in groups}},
        {"rule": "bars", "severity": "", **{names[g]: bars[g] for g in groups}},
    ]
    rules: dict[str, str] = {}
    for species in range(1, 6):
        for rule in load_rule_set(f"fux{species}").rules.values():
            rules.setdefault(rule.id, rule.severity)
    for rule_id, severity in sorted(rules.items(), key=lambda item: SEVERITIES.index(item[1])):
        found = counts.get(rule_id, Counter())
        rows.append(
            {
                "rule": rule_id,
                "severity": severity,
                **{
                    names[g]: found[g] if rule_id in load_rule_set(f"fux{g[1]}").rules else None
                    for g in groups
                },
            }
        )
    slices = sum(len(slice_score(item.score)) for item in exercises)
    text, _ = write_table(
        "fux_rates",
        rows,
        [
            "Findings in Fux's own exercises, by number of voices and species. An empty cell: the"
            " set of that species has no such rule. Severity is that of the first set with the"
            " rule.",
            f"{len(exercises)} exercises, {slices} onset slices; figures 118, 134, 165 and 204 are"
            " not counted (see fux.toml; 134 and 204 mix species).",
            "The sets were graded, and their wording settled, on these same exercises, so the table"
            " says that the sets fit Fux, not how they do on other music.",
        ],
        title="How often Fux breaks the rules of his own species",
        sections={"Every finding of severity error": errors},
    )
    print(text.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
