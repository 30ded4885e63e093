"""Chord labels of the shipped chorales by templates and hidden Markov models, against the analyser.

    python -m benchmarks.chord_labelling

The learned analyser is the yardstick, not the truth: the figures are agreement, not accuracy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks._table import write_table
from hybrid.harmony.shipped import load_analyser
from hybrid.history.chorales import load_chorales
from hybrid.history.chord_chain import Array, first_moves, fit_moves, log_seen, viterbi, wide
from hybrid.history.chord_labelling import chorale_score
from hybrid.history.chord_labels import Label, agreement, changes_of, label_of, per_beat
from hybrid.history.chord_templates import Beats, beats_of, label_by_templates

HOLD, EVIDENCE = 0.5, 2.0
ROUNDS = (0, 1, 2, 4, 8, 12)
Labels = Mapping[int, Sequence[Label]]


def _row(way: str, labels: Labels, network: Labels) -> dict[str, object]:
    ones = [label for number in network for label in labels[number]]
    others = [label for number in network for label in network[number]]
    root, triad = agreement(ones, others)
    pairs = len(ones) - len(network)
    changes = sum(changes_of(labels[number]) for number in network)
    return {
        "way": way,
        "same root, %": round(100 * root, 1),
        "same root and triad, %": round(100 * triad, 1),
        "changes in 100 beats": round(100 * changes / pairs, 1),
    }


def _chain(beats: Mapping[int, Beats], evidence: float, hold: float, rounds: int) -> Labels:
    """Labels of each half of the chorales by moves that were fitted to the other half."""
    chorales = load_chorales()
    seen: dict[int, Array] = {number: log_seen(each, evidence) for number, each in beats.items()}
    halves = [sorted(seen)[::2], sorted(seen)[1::2]]
    found: dict[int, Sequence[Label]] = {}
    for own, other in (halves, halves[::-1]):
        move = fit_moves(first_moves(hold), [seen[number] for number in other], rounds)[0]
        for number in own:
            path = viterbi(seen[number], wide(move)).path()
            found[number] = [label_of(chord, chorales[number].key) for chord in path]
    return found


def main() -> None:
    """Label and write the tables."""
    chorales = load_chorales()
    scores = {number: chorale_score(chorale) for number, chorale in chorales.items()}
    beats = {number: beats_of(score) for number, score in scores.items()}
    analyser = load_analyser()
    network = {n: per_beat(analyser.analyse(score), beats[n]) for n, score in scores.items()}
    templates = {
        number: [label_of(chord, chorales[number].key) for chord in label_by_templates(each)]
        for number, each in beats.items()
    }
    rows = [_row("templates", templates, network)]
    for rounds in ROUNDS:
        name = f"HMM, {rounds} rounds of Baum-Welch"
        rows.append(_row(name, _chain(beats, EVIDENCE, HOLD, rounds), network))
    rows.append(_row("network", network, network))
    sweep = [
        _row(f"evidence {evidence:g}, hold {hold:g}", _chain(beats, evidence, hold, 0), network)
        for evidence in (0.5, 1.0, 2.0, 4.0)
        for hold in (0.0, 0.5, 0.9)
    ]
    paths = write_table(
        "chord_labelling",
        rows,
        [
            f"`hybrid demo chord-labelling` on the {len(chorales)} shipped chorales, "
            f"{sum(map(len, beats.values()))} beats; hold {HOLD:g}, evidence {EVIDENCE:g}.",
            "Agreement with the learned analyser, which errs as well; some of these chorales may "
            "have been among its training pieces.",
            "Baum-Welch fits the moves of the HMM to half of the chorales and labels the other "
            "half, and the other way round.",
            "The constants of the HMM were set by hand after a few tries on these chorales, so its "
            "figures flatter. Second table: the HMM without Baum-Welch by its two settings.",
        ],
        title="Chord labels three ways",
        packages=("numpy",),
        sections={"Evidence and hold": sweep},
    )
    print(*paths, sep="\n")


if __name__ == "__main__":
    main()
