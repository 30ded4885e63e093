"""Write the rules of all sets into docs, or check that they are there.

``python tools/rules_table.py`` writes ``docs/rules.md`` (chorale), ``docs/rules-counterpoint.md``
(fux1 to fux5) and ``docs/rules-jazz.md``; ``--check`` exits with status 1 if one is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hybrid.theory.explain import bach_rate
from hybrid.theory.ruleset import GROUPS, Rule, RuleSet, load_rule_set

DOCS = Path(__file__).resolve().parents[1] / "docs"
SPECIES = ("fux1", "fux2", "fux3", "fux4", "fux5")
TITLES = {
    "texture": "Texture: where the voices lie",
    "motion": "Motion: what two voices do together",
    "melody": "Melody: what one voice does",
    "harmony": "Harmony: what the voices do as members of a chord",
    "dissonance": "Dissonance: what clashes, and how it may",
    "rhythm": "Rhythm: note values and their places",
    "frame": "Frame: beginning and end",
}
INTRODUCTION = """\
# Rules of part-writing

Written from `hybrid/theory/rulesets/chorale.toml` by `python tools/rules_table.py`; the tests
fail if this page is stale.

`hybrid check FILE` looks for these in any score. Severity is graded by Bach: *errors* are what he
all but never does, *warnings* what he does now and then and textbooks forbid or advise against,
*info* what is worth knowing. The last column says how often he does it, in findings per 1,000
onset slices of 80 chorales (5,980 slices; `benchmarks/results/bach_rates.md` has the details and
each of his errors). **Hard** rules are those that the engine `rules` never breaks.

Rules of harmony read chords that are handed in, or else chords inferred from the notes, which agree
with people's analyses on nine roots in ten. Without chords they stay silent.

Precision and recall of each rule on mistakes planted in Bach stand in
`benchmarks/results/planted_mistakes.md`, and how far music21 agrees in
`benchmarks/results/music21_agreement.md`."""
COUNTERPOINT = """\
# Rules of species counterpoint

Written from `hybrid/theory/rulesets/fux1.toml` to `fux5.toml` by `python tools/rules_table.py`;
the tests fail if this page is stale.

`hybrid check --rules fux1 FILE` (to `fux5`) checks an exercise of two voices or more against a
cantus firmus: the voice that `--cantus NAME` names, or one called *cantus firmus*, or the one voice
in equal long notes (where several are, the one that closes by a step down). A bar, here, is
a note of the cantus. In three voices and more, intervals are counted from the lowest tone; voices
mostly in whole notes beside a voice of the species are company, free in their note values.

**Basis** says where a rule stands: *treatise* in Fux, *convention* in the teaching that came after
him; where Jeppesen differs from Fux the rule says so. Severity is graded by Fux's own exercises
(118 of them, `benchmarks/results/fux_rates.md`): in two voices he breaks no *error* at all.
What is found of mistakes planted in them stands in `benchmarks/results/planted_species.md`.

Not checked: imitation, the ottava battuta, the choice of inner cadences, and exercises in which
each counterpoint has a species of its own. The cantus is not judged as a melody."""
JAZZ = """\
# Rules for voicings of jazz

Written from `hybrid/theory/rulesets/jazz.toml` by `python tools/rules_table.py`; the tests fail if
this page is stale.

`hybrid check --rules jazz FILE` looks for what is usually asked of voicings. All of it is
convention, and none of it was measured on recordings. Parallels are no fault here. Rules of harmony
read chords that are handed in (`check(score, "jazz", chords=...)`), or else chords inferred from
the notes, which know no ninths, elevenths and thirteenths: tensions stand beside the chord then."""
MORE = """
[Rule sets](rule-sets.md) says how to choose among rules, change them and declare your own.
"""


def page(rules: RuleSet) -> str:
    """The whole of docs/rules.md."""
    parts = [INTRODUCTION]
    for group in GROUPS:
        chosen = [rule for rule in rules.rules.values() if rule.group == group]
        if chosen:
            parts += ["", f"## {TITLES[group]}", "", *table(chosen)]
    return _whole(parts, list(rules.rules.values()), rules.references)


def counterpoint_page() -> str:
    """The whole of docs/rules-counterpoint.md."""
    sets = [load_rule_set(name) for name in SPECIES]
    newest: dict[str, Rule] = {}
    for rules in sets:
        for rule in rules.rules.values():
            newest.setdefault(rule.id, rule)
    parts = [COUNTERPOINT]
    for group in GROUPS:
        chosen = [rule for rule in newest.values() if rule.group == group]
        if not chosen:
            continue
        parts += ["", f"## {TITLES[group]}", ""]
        parts += [
            "| rule | name | basis | 1 | 2 | 3 | 4 | 5 |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for rule in chosen:
            cells = [
                rules.rules[rule.id].severity if rule.id in rules.rules else "" for rules in sets
            ]
            row = " | ".join([f"[`{rule.id}`](#{rule.id})", rule.name, rule.basis, *cells])
            parts.append(f"| {row} |")
    entries: list[str] = []
    for rule in newest.values():
        entries += entry(rule)
        # What a later species says otherwise about the rule.
        told = rule
        for rules in sets:
            other = rules.rules.get(rule.id, told)
            if (other.checks, dict(other.params)) != (told.checks, dict(told.params)):
                what = "" if other.checks == told.checks else f" {other.checks}"
                values = _params(other)
                entries[-1:] = [f"- *{rules.name}:*{what} {values}".rstrip(), ""]
                told = other
    references = dict.fromkeys(ref for rules in sets for ref in rules.references)
    return _whole(parts, [], tuple(references), entries)


def jazz_page() -> str:
    """The whole of docs/rules-jazz.md."""
    rules = load_rule_set("jazz")
    parts = [JAZZ, "", "| rule | name | severity | needs |", "|---|---|---|---|"]
    parts += [
        f"| [`{rule.id}`](#{rule.id}) | {rule.name} | {rule.severity} | {rule.needs} |"
        for rule in rules.rules.values()
    ]
    return _whole(parts, list(rules.rules.values()), rules.references)


def _whole(
    parts: list[str],
    rules: list[Rule],
    references: tuple[str, ...],
    entries: list[str] | None = None,
) -> str:
    """A page: its head, each rule, the references, and where to read on."""
    lines = [*parts, "", "## Each rule", "", *(entries or [])]
    for rule in rules:
        lines += entry(rule)
    lines += ["## References", "", *(f"- {reference}" for reference in references)]
    return "\n".join(lines).rstrip() + "\n" + MORE


def table(rules: list[Rule]) -> list[str]:
    """One line for each rule."""
    lines = ["| rule | name | severity | hard | needs | Bach |", "|---|---|---|---|---|--:|"]
    lines += [
        f"| [`{rule.id}`](#{rule.id}) | {rule.name} | {rule.severity} | "
        f"{'**hard**' if rule.hard else ''} | {rule.needs} | {bach_rate(rule.id):.1f} |"
        for rule in rules
    ]
    return lines


def entry(rule: Rule) -> list[str]:
    """What a teacher would say about a rule."""
    lines = [
        f"### {rule.id}",
        "",
        f"**{rule.name}.** {rule.checks}",
        "",
        f"- *Why:* {rule.why}",
        f"- *Mend:* {rule.mend}",
    ]
    if rule.params:
        lines.append(f"- *Params:* {_params(rule)}")
    return [*lines, f"- *Source:* {rule.source}", ""]


def _params(rule: Rule) -> str:
    return ", ".join(f"`{name} = {_toml(value)}`" for name, value in rule.params.items())


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def pages() -> dict[str, str]:
    """Every page by the name of its file."""
    return {
        "rules.md": page(load_rule_set("chorale")),
        "rules-counterpoint.md": counterpoint_page(),
        "rules-jazz.md": jazz_page(),
    }


def main() -> int:
    stale = 0
    for name, text in pages().items():
        path = DOCS / name
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"docs/{name} is stale; run python tools/rules_table.py", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
