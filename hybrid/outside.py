"""Scores from outside, checked and mended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid.core.analysis import SEVERITIES, Analysis, Finding
from hybrid.core.errors import ConfigError
from hybrid.core.score import Score
from hybrid.core.seeds import check_seed
from hybrid.pipeline import (
    DEFAULT_REPAIRS,
    Progress,
    load_analyser,
    make_engine,
    silent,
)
from hybrid.saving import Written

if TYPE_CHECKING:
    from hybrid.repair.files import MendedFile
    from hybrid.theory.explain import RateRow


@dataclass(frozen=True)
class CheckReport:
    """Findings of a score beside the rates of Bach's chorales.

    Attributes
    ----------
    findings : tuple of Finding
        Of the severity asked for and above, by place.
    n_errors : int
        Findings of severity ``error``.
    rows : tuple of RateRow
        Each rule that was found, per 1,000 onset slices, beside Bach.
    """

    findings: tuple[Finding, ...]
    n_errors: int
    rows: tuple[RateRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "n_errors": self.n_errors,
            "findings": Analysis(findings=self.findings).to_dict()["findings"],
            "rates_per_1000_slices": {
                row.rule: {"here": row.rate, "bach": row.bach} for row in self.rows
            },
        }


def check_score(
    score: Score,
    *,
    rules: str = "chorale",
    severity: str = "warning",
    cantus: str | None = None,
) -> CheckReport:
    """Check the part-writing of any score.

    Parameters
    ----------
    score : Score
    rules : str
        A rule set of `hybrid.theory.load_rule_set`.
    severity : str
        Least severity of the findings kept.
    cantus : str, optional
        Voice with the cantus firmus, as in `hybrid.theory.check`.

    Raises
    ------
    ConfigError
        If the rule set or the severity is unknown.
    ScoreError
        If the rule set asks for a cantus firmus that is not to be found.
    """
    from hybrid.theory import check, load_rule_set, slice_score
    from hybrid.theory.explain import beside_bach

    if severity not in SEVERITIES:
        raise ConfigError(f"severity must be one of {', '.join(SEVERITIES)}, got {severity!r}")
    wanted = SEVERITIES[: SEVERITIES.index(severity) + 1]
    rule_set = load_rule_set(rules)
    found = check(score, rules=rule_set, cantus=cantus)
    shown = tuple(finding for finding in found if finding.severity in wanted)
    n_errors = sum(finding.severity == "error" for finding in found)
    rows = beside_bach(found, len(slice_score(score)), rule_set)
    return CheckReport(shown, n_errors, tuple(row for row in rows if row.findings))


def repair_score(
    score: Score,
    *,
    rules: str = "chorale",
    engine: str = "rules",
    seed: int = 1,
    severity: str = "error",
    repairs: int = DEFAULT_REPAIRS,
    progress: Progress = silent,
) -> MendedFile:
    """Mend the part-writing of any score with the smallest change that can be found.

    Parameters
    ----------
    score : Score
    rules : str
        A rule set of `hybrid.theory.load_rule_set`.
    engine : str
        Writes bars anew where one or two other pitches do not help.
    seed : int
    severity : str
        Least severity of the findings that are mended.
    repairs : int
        Findings that are tried.

    Raises
    ------
    ConfigError
        If the rule set, the engine or the severity is unknown.
    ScoreError
        If there is something to mend but no plan can be read.
    """
    from hybrid.repair.files import mend_score

    check_seed(seed)
    if severity not in SEVERITIES:
        raise ConfigError(f"severity must be one of {', '.join(SEVERITIES)}, got {severity!r}")
    writer = make_engine(engine, progress)
    return mend_score(
        score,
        [writer] if engine == "rules" else [writer, make_engine("rules")],
        rules,
        seed,
        severities=SEVERITIES[: SEVERITIES.index(severity) + 1],
        budget=repairs,
        hear=load_analyser,
        progress=lambda share: progress("repair", share),
    )


def save_repair(
    file: MendedFile,
    folder: str | Path,
    name: str,
    *,
    record: Mapping[str, Any] | None = None,
    page: bool = True,
    force: bool = False,
    progress: Progress = silent,
) -> tuple[Written, ...]:
    """Write what came of `repair_score` into a folder, which appears whole or not at all.

    Parameters
    ----------
    file : MendedFile
    folder : str or Path
    name : str
        Of the score files, without suffix.
    record : mapping, optional
        What the caller chose; stands in ``repair.json``.

    Raises
    ------
    HybridError
        If the folder holds something else (and ``force`` is off) or cannot be written.
    """
    from hybrid.core.provenance import provenance
    from hybrid.io.atomic import atomic_folder
    from hybrid.io.midi import write_midi
    from hybrid.io.musicxml import score_to_musicxml
    from hybrid.repair.files import with_markers
    from hybrid.repair.marking import coloured, marks_of

    options = dict(record or {})
    with atomic_folder(Path(folder), force=force) as place:
        progress("files", 0.0)
        text, losses = score_to_musicxml(file.score)
        notes = [(number, repair.new) for number, repair in enumerate(file.taken, start=1)]
        marked = coloured(text, *marks_of(file.score, notes))
        (place / f"{name}.musicxml").write_text(marked, encoding="utf-8")
        more = write_midi(with_markers(file), place / f"{name}.mid")
        values = {
            **file.to_dict(),
            "losses": sorted({*losses, *more}),
            "provenance": provenance(int(options.get("seed", 0)), options),
        }
        report = json.dumps(values, indent=1, ensure_ascii=False) + "\n"
        (place / "repair.json").write_text(report, encoding="utf-8")
        written = [
            Written(f"{name}.musicxml", "the score, changed notes in colour"),
            Written(f"{name}.mid", "MIDI with a marker for each change"),
            Written("repair.json", "findings before and after, and each change"),
        ]
        if page:
            from hybrid.report.repair_page import build_repair_page

            built = build_repair_page(file, name, lambda share: progress("page", share))
            (place / "index.html").write_text(built, encoding="utf-8")
            written.append(Written("index.html", "the piece being mended, step by step, offline"))
    return tuple(written)
