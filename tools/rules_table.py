"""Write the rules of part-writing into docs/rules.md, or check that they are there.

``python tools/rules_table.py`` writes; ``--check`` exits with status 1 if the file is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hybrid.theory.explain import bach_rate
from hybrid.theory.ruleset import GROUPS, Rule, RuleSet, load_rule_set

DOCS = Path(__file__).resolve().parents[1] / "docs" / "rules.md"
TITLES = {
    "texture": "Texture: where the voices lie",
    "motion": "Motion: what two voices do together",
    "melody": "Melody: what one voice does",
    "harmony": "Harmony: what the voices do as members of a chord",
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
with people's analyses on nine roots in ten. Without chords they stay silent."""
OWN_SETS = """
## Your own set

A TOML file that extends a set names only what differs, and goes where a set's name goes:
`check(score, rules="school.toml")`, `hybrid check --rules school.toml FILE`.

```toml
name = "school"
extends = "chorale"

[rules.crossing]
severity = "error"

[rules.retrogression]
off = true

[rules.range.params]
soprano = ["C4", "G5"]
```

Unknown keys, severities and rules are refused with one line that says what is allowed.
"""


def page(rules: RuleSet) -> str:
    """The whole of docs/rules.md."""
    parts = [INTRODUCTION]
    for group in GROUPS:
        chosen = [rule for rule in rules.rules.values() if rule.group == group]
        parts += ["", f"## {TITLES[group]}", "", *table(chosen)]
    parts += ["", "## Each rule", ""]
    for rule in rules.rules.values():
        parts += entry(rule)
    parts += ["## References", "", *(f"- {reference}" for reference in rules.references)]
    return "\n".join(parts).rstrip() + "\n" + OWN_SETS


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
        values = [f"`{name} = {_toml(value)}`" for name, value in rule.params.items()]
        lines.append(f"- *Params:* {', '.join(values)}")
    return [*lines, f"- *Source:* {rule.source}", ""]


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    return str(value)


def main() -> int:
    text = page(load_rule_set("chorale"))
    if "--check" in sys.argv[1:]:
        stale = not DOCS.exists() or DOCS.read_text(encoding="utf-8") != text
        if stale:
            print("docs/rules.md is stale; run python tools/rules_table.py", file=sys.stderr)
        return int(stale)
    DOCS.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
