"""What is promised beforehand, proved afterwards: every form, many seeds.

    python -m benchmarks.promises [--seeds 200] [--forms rondo ...] [--minutes 1.5] [--fresh]

For each form and seed a piece is composed and read back by checkers that share no code with
the engine: bars against the plan, cadences found in the notes, chords, hard rules, other
findings per 1,000 onset slices (Bach's beside). Each piece is then composed a second time in
another process, and the bytes of its MIDI and MusicXML files are compared.

The table is written after every form. Lines of other forms that are in it already are kept if
they were made with as many seeds and minutes, so the sweep can be run in parts; ``--fresh``
leaves them out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks._table import RESULTS, write_table

WORKERS = 2


def compose_one(job: tuple[str, int, float]) -> dict[str, Any]:
    """Figures of one piece, and the hash of its files."""
    from hybrid.core.errors import HybridError
    from hybrid.io.files import write_score
    from hybrid.pipeline import compose
    from hybrid.theory import slice_score
    from hybrid.theory.tables import HARD_RULES

    form, seed, minutes = job
    row: dict[str, Any] = {"form": form, "seed": seed, "process": os.getpid()}
    try:
        piece = compose(form=form, seed=seed, minutes=minutes)
    except HybridError as error:
        return {**row, "refused": str(error)}
    assert piece.score is not None
    assert piece.agreement is not None
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("piece.mid", "piece.musicxml"):
            write_score(piece.score, Path(folder) / name)
            digest.update((Path(folder) / name).read_bytes())
    found = piece.analysis.findings
    agreement = piece.agreement
    return {
        **row,
        "hash": digest.hexdigest(),
        "bars": agreement.bars_planned == agreement.bars_found,
        "cadences": agreement.cadences,
        "chords": agreement.chords,
        "themes_same": agreement.themes_same,
        "themes_other": agreement.themes_other,
        "hard": [str(finding) for finding in found if finding.rule in HARD_RULES],
        "slices": len(slice_score(piece.score)),
        "warnings": sum(finding.severity == "warning" for finding in found),
    }


def summary(
    form: str, minutes: float, first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> dict[str, Any]:
    """One line of the table."""
    done = [row for row in first if "refused" not in row]
    hashes = {row["seed"]: row.get("hash") for row in second}
    processes = {row["seed"]: row["process"] for row in second}
    same = sum(hashes[row["seed"]] == row["hash"] for row in done)
    apart = all(processes[row["seed"]] != row["process"] for row in first)
    count = max(len(done), 1)
    slices = max(sum(row["slices"] for row in done), 1)
    return {
        "form": form,
        "pieces": len(first),
        "minutes": minutes,
        "refused": len(first) - len(done),
        "bars as planned": sum(row["bars"] for row in done),
        "all cadences found": sum(row["cadences"] == 1.0 for row in done),
        "chords kept": round(sum(row["chords"] for row in done) / count, 4),
        "hard findings": sum(len(row["hard"]) for row in done),
        "warnings per 1000": round(1000 * sum(row["warnings"] for row in done) / slices, 1),
        "returning themes alike": _mean(row["themes_same"] for row in done),
        "other themes alike": _mean(row["themes_other"] for row in done),
        "same bytes in another process": same if apart else f"{same} (same process!)",
    }


def _mean(values: Iterable[float]) -> float | None:
    known = [value for value in values if value == value]
    return round(sum(known) / len(known), 3) if known else None


def run(jobs: list[tuple[str, int, float]]) -> list[dict[str, Any]]:
    """All jobs in fresh processes, in order."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(WORKERS) as pool:
        return pool.map(compose_one, jobs, chunksize=8)


def kept_rows(seeds: int, minutes: float) -> dict[str, dict[str, Any]]:
    """Lines of the table that is there, by form, where its pieces were as many and as long."""
    path = RESULTS / "promises.json"
    if not path.is_file():
        return {}
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return {row["form"]: row for row in rows if (row["pieces"], row["minutes"]) == (seeds, minutes)}


def main() -> None:
    from hybrid.grammar.forms import FORMS
    from hybrid.theory.explain import bach_rate
    from hybrid.theory.tables import HARD_RULES

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=1.5)
    parser.add_argument("--forms", nargs="+", default=list(FORMS))
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    hard = sum(bach_rate(rule) for rule in HARD_RULES)
    notes = [
        f"{options.seeds} seeds a form, {options.minutes:g} minutes each, chosen key, metre, "
        "texture and instruments.",
        f"Hard rules: {', '.join(HARD_RULES)}. Bach breaks them {hard:.1f} times in 1,000 onset "
        "slices of 80 chorales.",
        "Cadences are found in the notes, at the phrase ends the plan names.",
        "Likeness is the F-measure of (onset, pitch against the tonic) pairs of the leading "
        "voice: phrases with one theme label, and with different ones.",
    ]
    rows = {} if options.fresh else kept_rows(options.seeds, options.minutes)
    for form in options.forms:
        jobs = [(form, seed, options.minutes) for seed in range(options.seeds)]
        first, second = run(jobs), run(jobs)
        rows[form] = summary(form, options.minutes, first, second)
        ordered = [rows[name] for name in FORMS if name in rows]
        text, _ = write_table("promises", ordered, notes, title="Promises kept, form by form")
        print(rows[form], flush=True)
        for row in first:
            for line in ([row["refused"]] if "refused" in row else row["hard"])[:3]:
                print(f"  {form} seed {row['seed']}: {line}", flush=True)
            if "refused" not in row and row["cadences"] < 1:
                print(f"  {form} seed {row['seed']}: cadences {row['cadences']:.2f}", flush=True)
    print(text.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
