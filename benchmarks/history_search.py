"""Searches of the history: two ways of going back in CHORAL, and four searches with one purse.

    python -m benchmarks.history_search [--seeds 2] [--limit 30000]

Everything counted here is a count of tests or a cost, so that no clock and no machine matters.
"""

from __future__ import annotations

import argparse
from statistics import mean

import numpy as np

from benchmarks._table import write_table
from hybrid.core.score import Articulation, Score, Track, make_notes
from hybrid.core.timeline import Metre, Tempo
from hybrid.history.choral_chords import VOICES
from hybrid.history.choral_fill import Joint
from hybrid.history.choral_notes import chord_spans, sung_notes
from hybrid.history.choral_problem import Harmonisation
from hybrid.history.choral_search import search
from hybrid.history.choral_tune import load_tunes
from hybrid.history.search_cost import HarmonyCost
from hybrid.history.search_harmony import some_phrases
from hybrid.history.search_methods import METHODS, run_method
from hybrid.theory import check

#: Tunes and seeds of the second table, phrases, and evaluations of each search.
TUNES = ("christus-der-ist-mein-leben", "old-hundredth", "wer-nur-den-lieben-gott")
N_SEEDS, PHRASES, EVALUATIONS = 10, 2, 4000


def _counted(name: str, seed: int, limit: int) -> dict[str, object]:
    """One tune with both ways of going back, and what the checker says of the result."""
    tune = load_tunes()[name]
    problem = Harmonisation(tune, np.random.default_rng(seed), 0.4)
    run = search(problem, "intelligent", limit, log=False)
    other = search(problem, "chronological", limit, log=False)
    row: dict[str, object] = {
        "tune": name,
        "seed": seed,
        "chords": len(problem.slots),
        "intelligent: tests": run.n_tests,
        "dead ends": run.n_backtracks,
        "jumped over": run.n_skipped,
        "chronological: tests": other.n_tests if other.is_complete else f"> {other.n_tests}",
        "its dead ends": other.n_backtracks,
    }
    if not run.is_complete:
        return {**row, "errors and warnings": "not finished"}
    chords = problem.chords(run.chosen)
    joints = [item for item in run.chosen if isinstance(item, Joint)]
    notes = sung_notes(tune, problem.slots, chords, joints)
    tracks = []
    for voice, part in enumerate(VOICES):
        own = [note for note in notes if note.voice == voice]
        rows = [(n.onset, n.end - n.onset, n.pitch, 80, 1, n.spelling) for n in own]
        marks = tuple(Articulation(n.onset, n.pitch, "fermata") for n in own if n.is_fermata)
        tracks.append(Track(part, make_notes(rows), program=52, articulations=marks))
    score = Score(
        tuple(tracks),
        tempos=(Tempo(0, 72),),
        metres=(Metre(0, tune.beats, 4),),
        pickup_ticks=tune.pickup,
    )
    starts = [slot.onset for slot in problem.slots if slot.starts_phrase]
    spans = chord_spans(tune, problem.slots, chords)
    own_chords = check(score, chords=spans, phrase_starts_at=starts)
    read_chords = check(score, phrase_starts_at=starts)
    row["errors and warnings"] = sum(f.severity != "info" for f in own_chords)
    row["with chords read from the notes"] = sum(f.severity != "info" for f in read_chords)
    return row


def _costs(tune_name: str) -> list[dict[str, object]]:
    """The best cost of every search on a tune, over the seeds."""
    tune = load_tunes()[tune_name]
    slots = some_phrases(tune, PHRASES)
    cost = HarmonyCost([s.pitch for s in slots], tune.key, [s.is_fermata for s in slots])
    found = {
        name: [
            run_method(name, cost, EVALUATIONS, np.random.default_rng(seed)).best_cost
            for seed in range(1, N_SEEDS + 1)
        ]
        for name in METHODS
    }
    return [
        {
            "tune": tune_name,
            "chords": len(slots),
            "search": METHODS[name][0],
            "mean cost": mean(costs),
            "least": min(costs),
            "most": max(costs),
            "beats random search": sum(
                one < other for one, other in zip(costs, found["random"], strict=True)
            ),
        }
        for name, costs in found.items()
    ]


def main() -> None:
    """Count and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--limit", type=int, default=30000)
    chosen = parser.parse_args()
    rows = [
        _counted(name, seed, chosen.limit)
        for name in sorted(load_tunes())
        for seed in range(1, chosen.seeds + 1)
    ]
    paths = write_table(
        "history_search",
        rows,
        [
            f"First table: `hybrid demo choral`, seeds 1 to {chosen.seeds}; a search is given up "
            f"after {chosen.limit} tests. Both ways end in the same chorale where both end.",
            "Errors and warnings are those of the checker's rule set `chorale`, once with the "
            "chords that were meant, once with chords inferred from the notes, which is a "
            "simplified reading.",
            f"Second table: `hybrid demo search-harmony`, the first {PHRASES} phrases, "
            f"{EVALUATIONS} evaluations for every search, seeds 1 to {N_SEEDS}; how often out of "
            f"{N_SEEDS} it beats random search with the same seed.",
        ],
        title="Searches of the history",
        packages=("numpy",),
        sections={"One cost, one purse": [row for name in TUNES for row in _costs(name)]},
    )
    print(*paths, sep="\n")


if __name__ == "__main__":
    main()
