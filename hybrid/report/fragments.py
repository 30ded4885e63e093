"""The parts of the page that are text and tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any, Protocol

from hybrid.core.analysis import SEVERITIES, Analysis, Finding
from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.core.trace import Trace
from hybrid.report.words import clock, key_name, signs

#: Findings that are listed one by one; the counts are of all.
MAX_FINDINGS = 400


class Figures(Protocol):
    """Figures of a score under its plan, such as `hybrid.theory.agreement.Agreement`."""

    def to_dict(self) -> dict[str, Any]: ...


def facts(plan: FormPlan, score: Score, analysis: Analysis, provenance: Mapping[str, Any]) -> str:
    """A list of the facts of the piece."""
    key = plan.key or (score.keys[0].key if score.keys else None)
    metres = [name for name, _ in groupby(bar.metre.name for bar in score.bars)]
    tempi = [f"{tempo.qpm:g}" for tempo in score.tempos[:3]]
    n_bars = sum(not bar.is_pickup for bar in score.bars)
    errors = analysis.count("error")
    items = [
        ("Form", plan.form.replace("-", " ")),
        ("Key", key_name(key) if key else ""),
        ("Metre", ", ".join(dict.fromkeys(metres[:4]))),
        ("Tempo", f"{', '.join(tempi)} quarters a minute"),
        ("Length", f"{n_bars} bars, {clock(score.seconds)}"),
        ("Notes", f"{score.n_notes:,}".replace(",", " ")),
        ("Style", plan.style),
        ("Seed", str(provenance.get("seed", ""))),
        ("Rules broken", "none" if errors == 0 else f"{errors} {_plural('error', errors)}"),
    ]
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in items
        if value
    )
    return f'<dl class="facts">{rows}</dl>'


def findings_table(analysis: Analysis, score: Score) -> str:
    """Findings one by one, filtered by severity, each leading to its place."""
    findings = analysis.findings
    if not findings:
        return '<p class="empty">The checker found nothing to report.</p>'
    names = _rule_names()
    order = {severity: rank for rank, severity in enumerate(SEVERITIES)}
    shown = sorted(findings, key=lambda item: (order[item.severity], item.tick))[:MAX_FINDINGS]
    counts = {severity: analysis.count(severity) for severity in SEVERITIES}
    filters = "".join(
        f'<label class="pill {severity}"><input type="checkbox" data-severity="{severity}" '
        f"checked> {count} {_plural(severity, count)}</label>"
        for severity, count in counts.items()
        if count
    )
    rows = "".join(_finding_row(item, names) for item in sorted(shown, key=lambda f: f.tick))
    more = (
        f'<p class="remark">The first {len(shown)} of {len(findings)} by severity.</p>'
        if len(shown) < len(findings)
        else ""
    )
    return (
        f'<fieldset class="filters"><legend class="sr">Show</legend>{filters}</fieldset>'
        '<div class="scroll tall" tabindex="0" role="region" aria-label="Rule findings">'
        '<table class="findings"><thead><tr><th scope="col">Bar</th><th scope="col">Severity</th>'
        '<th scope="col">Rule</th><th scope="col">Voices</th><th scope="col">Found</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div>{more}"
    )


def _plural(severity: str, count: int) -> str:
    if severity == "info":
        return "remark" if count == 1 else "remarks"
    return severity if count == 1 else f"{severity}s"


def _finding_row(item: Finding, names: Mapping[str, tuple[str, str]]) -> str:
    name, words = names.get(item.rule, (item.rule.replace("_", " "), item.rule))
    return (
        f'<tr data-severity="{item.severity}"><td><button type="button" class="go" '
        f'data-tick="{item.tick}" aria-label="Go to bar {item.bar}, beat {item.beat:g}">'
        f"{item.bar}<small>.{item.beat:g}</small></button></td>"
        f'<td><span class="pill {item.severity}">{_plural(item.severity, 1)}</span></td>'
        f'<td title="{escape(words)}">{escape(name)}</td>'
        f"<td>{escape(', '.join(item.voices))}</td><td>{escape(signs_in(item.message))}</td></tr>"
    )


_PITCH = re.compile(r"\b([A-G])(#{1,3}|b{1,3})(?=\d)")


def signs_in(message: str) -> str:
    """A message with real accidentals in its pitch names.

    >>> signs_in("Bb3 moves to F#4")
    'B♭3 moves to F♯4'
    """
    return _PITCH.sub(lambda match: signs(match[0]), message)


def _rule_names() -> dict[str, tuple[str, str]]:
    """Each rule's name, and what it looks for and how to mend it."""
    from hybrid.theory.tables import CHORALE

    return {
        name: (rule.name, f"{rule.checks}\nMend: {rule.mend}")
        for name, rule in CHORALE.rules.items()
    }


def rates_table(analysis: Analysis, score: Score) -> str:
    """How often each rule is broken, beside Bach's rate in 80 chorales; empty if not four parts."""
    from hybrid.theory.explain import beside_bach
    from hybrid.theory.slices import slice_score

    n_slices = len(slice_score(score))
    if not n_slices:
        return ""
    rows = [
        (row, row.bach or 0.0)
        for row in beside_bach(analysis.findings, n_slices, with_labels=bool(analysis.chords))
        if row.findings or row.bach
    ]
    if not rows:
        return ""
    most = max(max(row.rate, bach) for row, bach in rows) or 1.0
    body = "".join(
        f'<tr><th scope="row">{escape(row.name)}</th><td>{row.severity}</td>'
        f'<td class="num">{row.findings}</td><td class="num">{row.rate:.1f}</td>'
        f'<td class="num">{bach:.1f}</td>'
        f'<td class="bars" aria-hidden="true">'
        f'<i class="ours" style="width:{100 * row.rate / most:.1f}%"></i>'
        f'<i class="bach" style="width:{100 * bach / most:.1f}%"></i></td></tr>'
        for row, bach in rows
    )
    return (
        "<details><summary>Beside Bach: each rule's rate here and in 80 of his chorales</summary>"
        '<p class="remark">Findings per 1,000 onset slices (moments at which a note begins). Bach '
        "wrote chorales for choir; other textures have other habits.</p>"
        '<div class="scroll" tabindex="0" role="region" aria-label="Rates beside Bach">'
        '<table class="rates"><thead><tr><th scope="col">Rule</th><th scope="col">Severity</th>'
        '<th scope="col">Found</th><th scope="col">Here</th><th scope="col">Bach</th>'
        '<td class="key" aria-hidden="true"><i class="ours"></i> here '
        f'<i class="bach"></i> Bach</td></tr></thead><tbody>{body}</tbody></table></div></details>'
    )


def plan_table(plan: FormPlan, analysis: Analysis, agreement: Figures | None) -> str:
    """What the plan asked for beside what the notes have."""
    parts = []
    if agreement is not None:
        values = agreement.to_dict()
        rows = []
        for name, words in (
            ("chords", "Planned chords that sound"),
            ("bass", "Planned bass notes that are the lowest"),
            ("cadences", "Planned cadences found at their phrase's end"),
        ):
            if values.get(name) is not None:
                rows.append(_meter(words, float(values[name])))
        for name, words in (
            ("themes_same", "Likeness of phrases with one theme"),
            ("themes_other", "Likeness of phrases with different themes"),
        ):
            if values.get(name) is not None:
                rows.append(_meter(words, float(values[name])))
        planned, found = values.get("bars_planned"), values.get("bars_found")
        parts.append(f"<p>{found} bars written, {planned} planned.</p>")
        parts.append(f'<div class="meters">{"".join(rows)}</div>')
    deviations = analysis.deviations
    if deviations:
        rows_html = "".join(
            f"<tr><td>{item.bar}</td><td>{escape(item.kind)}</td><td>{escape(item.expected)}</td>"
            f"<td>{escape(item.found)}</td></tr>"
            for item in deviations[:MAX_FINDINGS]
        )
        parts.append(
            f"<details><summary>{len(deviations)} {'place' if len(deviations) == 1 else 'places'} "
            "where the notes differ from the plan</summary>"
            '<div class="scroll" tabindex="0" role="region" aria-label="Departures from the plan">'
            '<table><thead><tr><th scope="col">Bar</th><th scope="col">What</th>'
            '<th scope="col">Planned</th><th scope="col">Found</th></tr></thead>'
            f"<tbody>{rows_html}</tbody></table></div></details>"
        )
    else:
        parts.append("<p>Nothing in the notes departs from the plan.</p>")
    if plan.constraints:
        items = "".join(
            f"<li>{escape(item.name)} ({'hard' if item.hard else 'soft'})</li>"
            for item in plan.constraints
        )
        parts.append(f"<h3>Constraints</h3><ul>{items}</ul>")
    return "".join(parts)


def _meter(words: str, value: float) -> str:
    share = max(0.0, min(1.0, value))
    return (
        f'<div class="meter"><span>{escape(words)}</span><b>{100 * share:.0f}%</b>'
        f'<i style="width:{100 * share:.1f}%"></i></div>'
    )


def trace_summary(trace: Trace) -> str:
    """How many decisions there were, of which kind, by whom."""
    counts: dict[str, int] = {}
    for entry in trace.entries:
        if entry.kind == "note":
            family = entry.maker.split(" ")[0]
            counts[family] = counts.get(family, 0) + 1
    if not counts:
        return '<p class="empty">No trace was kept.</p>'
    total = sum(counts.values())
    rows = "".join(
        f'<div class="meter"><span>{escape(name)}</span><b>{count}</b>'
        f'<i style="width:{100 * count / total:.1f}%"></i></div>'
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]
    )
    extra = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{count:,}</dd></div>".replace(",", " ")
        for name, count in trace.counts.items()
    )
    return f'<div class="meters">{rows}</div>' + (
        f'<dl class="facts small">{extra}</dl>' if extra else ""
    )


def provenance_list(record: Mapping[str, Any], licences: Sequence[tuple[str, str]] = ()) -> str:
    """The provenance record, every value of it."""
    rows = "".join(_record_rows(record, ""))
    named = "".join(
        f"<tr><th scope='row'>licence: {escape(what)}</th><td>{escape(licence)}</td></tr>"
        for what, licence in licences
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Provenance">'
        f'<table class="record"><tbody>{rows}{named}</tbody></table></div>'
    )


def _record_rows(value: Any, name: str) -> list[str]:
    if isinstance(value, Mapping):
        rows = []
        for key, item in value.items():
            rows += _record_rows(item, f"{name} › {key}" if name else str(key))
        return rows
    if isinstance(value, list | tuple):
        shown = "; ".join(str(item) for item in value)
    else:
        shown = "" if value is None else str(value)
    if shown == "":
        return []
    kind = (
        ' class="hash"' if len(shown) == 64 and all(c in "0123456789abcdef" for c in shown) else ""
    )
    return [f'<tr><th scope="row">{escape(name)}</th><td{kind}>{escape(shown)}</td></tr>']
