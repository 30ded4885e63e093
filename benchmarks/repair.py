"""Planted part-writing mistakes in Bach's chorales, mended.

    python -m benchmarks.repair [--chorales 100] [--each 2] [--seed 1]

Each chorale of the corpus ``bach_chorales`` gets one mistake at a time: a note or two of a lower
voice move to other pitches so that exactly one error of the kind is new. `hybrid.repair` then
mends the score, and what it did is compared with the score before and with Bach's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks._harmonic_plants import window
from benchmarks._table import write_table
from benchmarks.chorales import data_folder
from hybrid.core.analysis import ChordSpan, Finding
from hybrid.core.pitch import Key
from hybrid.core.score import Score
from hybrid.core.seeds import stage_rng
from hybrid.repair.excerpts import excerpt
from hybrid.repair.files import mend_score
from hybrid.repair.records import compare_notes
from hybrid.theory import check, load_rule_set

KINDS = ("parallel_fifths", "parallel_octaves", "parallel_unisons", "augmented_second")
TRIES = 400
Identity = tuple[str, int, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Mistake:
    """A planted error: its kind, place and score."""

    kind: str
    chorale: str
    score: Score
    original: Score
    identity: Identity


def identity(item: Finding) -> Identity:
    return item.rule, item.tick, item.voices


def errors_of(score: Score, rules: Any, span: tuple[int, int]) -> set[Identity]:
    """Errors of a passage, on the score's ticks."""
    found = check(excerpt(score, *span), rules, chords=())
    return {(item.rule, item.tick + span[0], item.voices) for item in found}


def plant(
    kind: str, name: str, score: Score, rules: Any, rng: np.random.Generator
) -> Mistake | None:
    """One mistake of a kind, at a place that is drawn; None where none was found."""
    held = score.key_at(0) or Key(0)
    for _ in range(TRIES):
        index = int(rng.integers(1, len(score.tracks)))
        track = score.tracks[index]
        at = int(rng.integers(1, len(track.notes) - 1))
        notes = track.notes.copy()
        places = [at] if rng.random() < 0.5 else [at - 1, at]
        for place in places:
            pitch = int(notes["pitch"][place])
            new = pitch + int(rng.choice([-5, -4, -3, -2, -1, 1, 2, 3, 4, 5]))
            notes["pitch"][place] = new
            notes["spelling"][place] = held.spell(new)
        made = replace(
            score,
            tracks=tuple(
                replace(track, notes=notes) if number == index else other
                for number, other in enumerate(score.tracks)
            ),
        )
        tick = int(notes["onset"][at])
        spot = ChordSpan(tick, tick + 1, "I", held, 1, "major", 0, held.tonic)
        span = window(score, (spot,), 2)
        fresh = errors_of(made, rules, span) - errors_of(score, rules, span)
        if len(fresh) == 1 and next(iter(fresh))[0] == kind:
            return Mistake(kind, name, made, score, next(iter(fresh)))
    return None


def mistakes(n_chorales: int, each: int, seed: int) -> Iterator[Mistake]:
    """Mistakes of all kinds in turn, some in each chorale."""
    from hybrid.symbolic_transformer.chorale_corpus import read_chorale_corpus

    scores, _ = read_chorale_corpus(data_folder())
    whole = load_rule_set("chorale")
    hard = replace(
        whole, rules={name: rule for name, rule in whole.rules.items() if rule.severity == "error"}
    )
    names = sorted(name for name, score in scores.items() if len(score.tracks) == 4)
    step = max(1, len(names) // n_chorales)
    for number, name in enumerate(names[::step][:n_chorales]):
        for turn in range(each):
            kind = KINDS[(number * each + turn) % len(KINDS)]
            rng = stage_rng(seed, "mistake", name, kind)
            found = plant(kind, name, scores[name], hard, rng)
            if found is None:
                print(f"{name}: no {kind} could be planted", flush=True)
            else:
                yield found


def mended(item: Mistake) -> dict[str, Any]:
    """What the repair did to one mistake."""
    from hybrid.rules import RulesEngine

    start = time.process_time()
    done = mend_score(item.score, [RulesEngine()])
    seconds = time.process_time() - start
    own = next((r for r in done.taken if _is_of(r.failure, item, done.names)), None)
    before = {identity(f): f.severity for f in done.before}
    after = {identity(f): f.severity for f in done.after}
    new = [severity for where, severity in after.items() if where not in before]
    old, added, _ = compare_notes(item.score, done.score)
    return {
        "kind": item.kind,
        "gone": item.identity not in after,
        "by": own.maker if own else "with another",
        "notes": own.n_changed if own else 0,
        "all_notes": max(len(old), len(added)),
        "repairs": len(done.taken),
        "new_errors": new.count("error"),
        "new_warnings": new.count("warning"),
        "warnings_gone": sum(s == "warning" and w not in after for w, s in before.items()),
        "errors_left": len(done.left),
        "restored": own is not None and _is_restored(item, own.bars, done.score),
        "soprano": any(row[0] == 0 for row in old),
        "seconds": seconds,
    }


def _is_restored(item: Mistake, bars: tuple[int, int], score: Score) -> bool:
    whole = [bar for bar in score.bars if not bar.is_pickup]
    low, high = whole[bars[0] - 1].start, whole[min(bars[1], len(whole)) - 1].end
    old, _, _ = compare_notes(item.original, score)
    return not any(low <= row[1] < high for row in old)


def _is_of(failure: Any, item: Mistake, names: dict[str, str]) -> bool:
    voices = tuple(names.get(voice, voice) for voice in failure.voices)
    return (failure.name, failure.tick, voices) == item.identity


def summary(kind: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    n = max(len(rows), 1)
    taken = [row for row in rows if row["notes"]]
    return {
        "kind": kind,
        "mistakes": len(rows),
        "mended": round(sum(row["gone"] for row in rows) / n, 3),
        "by one or two pitches": round(sum(row["by"] == "nudge" for row in rows) / n, 3),
        "notes changed a mistake": round(
            sum(row["notes"] for row in taken) / max(len(taken), 1), 2
        ),
        "as Bach wrote it": round(sum(row["restored"] for row in rows) / n, 3),
        "new errors": sum(row["new_errors"] for row in rows),
        "new warnings a mistake": round(sum(row["new_warnings"] for row in rows) / n, 2),
        "warnings gone a mistake": round(sum(row["warnings_gone"] for row in rows) / n, 2),
        "tune changed": sum(row["soprano"] for row in rows),
        "CPU seconds a score": round(sum(row["seconds"] for row in rows) / n, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chorales", type=int, default=100)
    parser.add_argument("--each", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows = []
    for item in mistakes(options.chorales, options.each, options.seed):
        rows.append(mended(item))
        if len(rows) % 20 == 0:
            print(f"{len(rows)} mistakes, {sum(row['gone'] for row in rows)} mended", flush=True)
    lines = [summary(kind, [row for row in rows if row["kind"] == kind]) for kind in KINDS]
    lines.append(summary("all", rows))
    for line in lines:
        print(line)
    n_repairs = sum(row["repairs"] for row in rows)
    write_table(
        "repair",
        lines,
        [
            f"{len(rows)} mistakes, one at a time, in {options.chorales} chorales of the corpus "
            f"bach_chorales; {n_repairs} repairs in all: Bach's own errors were mended with them.",
            "`new` and `gone` count findings of `hybrid check --rules chorale` that were not there "
            "before, or not any more after, in the whole score, harmony read anew from the notes.",
            "`as Bach wrote it`: the repaired bars have Bach's own notes again.",
            "Engine `rules`, without the analyser, which only chooses among equals.",
        ],
        title="Planted mistakes mended",
        packages=("numpy",),
    )


if __name__ == "__main__":
    main()
