"""Whether the learned analyser finds harmonic errors that no rule of part-writing finds.

    python -m benchmarks.harmonic_errors [--errors 500] [--seed 1] [--without-transformer]

Errors (see ``_harmonic_plants``) are planted in the ten chorales of the corpus ``roman_numerals``
that its list keeps for validation: the shipped analyser was not trained on them. The plan is the
people's analysis. Each error is compared with the same place of the chorale as Bach wrote it: a
method gives every place a number, and the area under the ROC curve says how often an error gets
the worse one. ``fitted`` joins methods by logistic regression, each chorale judged by the others.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._harmonic_plants import KINDS, Plant, plant, window
from benchmarks._table import write_table
from benchmarks.chorales import data_folder, read_chorale
from hybrid.core.analysis import ChordSpan
from hybrid.core.score import Score
from hybrid.core.seeds import stage_rng
from hybrid.repair.excerpts import cut_chords, excerpt

QUARTERS_AFTER = 2  # notes after the place that the transformer is asked about as well
SEVERITY_COST = {"error": 10.0, "warning": 3.0, "info": 1.0}


def read_pieces() -> dict[str, tuple[Score, tuple[ChordSpan, ...]]]:
    """The validation chorales with their analyses."""
    from hybrid.symbolic_transformer.roman_text import read_roman_text

    folder = data_folder() / "roman_numerals"
    splits = json.loads((folder / "splits.json").read_text(encoding="utf-8"))
    pieces = {}
    for name in splits["validation"]:
        if not name.startswith("bach_chorales/"):
            continue
        place = folder / name
        score = read_chorale(place / "score.mxl")
        text = (place / "analysis.txt").read_text(encoding="utf-8")
        pieces[place.name.rsplit("_", 1)[-1]] = (score, read_roman_text(text, score, name))
    return pieces


def auc(bad: NDArray[np.float64], good: NDArray[np.float64]) -> float:
    """Share of (error, original) pairs in which the error has the higher number; ties half."""
    wrong, right = bad, np.sort(good)
    below = np.searchsorted(right, wrong, side="left")
    upto = np.searchsorted(right, wrong, side="right")
    return float((below + upto).mean() / (2 * len(right)))


def fitted(
    wrong: NDArray[np.float64], right: NDArray[np.float64], pieces: NDArray[np.str_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One number from several: logistic regression, each chorale judged by the others.

    Parameters
    ----------
    wrong, right : np.ndarray, shape (n, methods)
    pieces : np.ndarray, shape (n,)
        The chorale of each place.
    """
    x = np.concatenate([wrong, right])
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)
    x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    y = np.repeat([1.0, 0.0], len(wrong))
    groups = np.concatenate([pieces, pieces])
    out = np.zeros(len(x))
    penalty = np.diag([1.0] * (x.shape[1] - 1) + [0.0])
    for name in np.unique(groups):
        rest = groups != name
        weight = np.zeros(x.shape[1])
        for _ in range(30):  # Newton's method
            p = 1 / (1 + np.exp(-x[rest] @ weight))
            slope = x[rest].T @ (p - y[rest]) + penalty @ weight
            curve = (x[rest] * (p * (1 - p))[:, None]).T @ x[rest] + penalty
            weight -= np.linalg.solve(curve, slope)
        out[groups == name] = x[groups == name] @ weight
    return out[: len(wrong)], out[len(wrong) :]


class Habits:
    """How likely one chord follows another in the analyses that the analyser learned from."""

    def __init__(self) -> None:
        from hybrid.symbolic_transformer.roman_text import read_roman_text

        folder = data_folder() / "roman_numerals"
        splits = json.loads((folder / "splits.json").read_text(encoding="utf-8"))
        self.pairs: Counter[tuple[str, str]] = Counter()
        self.first: Counter[str] = Counter()
        self.one: Counter[str] = Counter()
        for name in splits["train"]:
            if not name.startswith("bach_chorales/"):
                continue
            score = read_chorale(folder / name / "score.mxl")
            text = (folder / name / "analysis.txt").read_text(encoding="utf-8")
            words = [_word_of(span) for span in read_roman_text(text, score, name)]
            self.one.update(words)
            self.first.update(words[:-1])
            self.pairs.update(pairwise(words))
        self.total = sum(self.one.values())

    def surprise(self, one: str, two: str) -> float:
        """Nats; chords that repeat each other surprise nobody."""
        if one == two:
            return 0.0
        alone = (self.one[two] + 0.5) / (self.total + 0.5 * len(self.one))
        count = self.first[one]
        return -float(np.log((self.pairs[one, two] + 5 * alone) / (count + 5)))


def chord_word(root: int, quality: str, inversion: int, is_minor: bool) -> str:
    """Root above the tonic, triad and inversion in the mode of the key."""
    triad = quality.split("-")[0].replace("half", "diminished").replace("dominant", "major")
    return f"{root} {triad} {inversion} {is_minor}"


def _word_of(span: ChordSpan) -> str:
    root = span.root - span.key.tonic
    return chord_word(root, span.quality, span.inversion, span.key.is_minor)


class Methods:
    """What each method says of a place: the higher, the likelier an error."""

    def __init__(self, with_transformer: bool) -> None:
        from hybrid.harmony.shipped import load_analyser

        self.analyser = load_analyser()
        self.habits = Habits()
        self.model: Any = None
        self.plans: dict[str, Any] = {}
        if with_transformer:
            from hybrid.symbolic_transformer.event_weights import load_event_model

            self.model = load_event_model()

    def numbers(
        self, piece: str, original: Score, chords: Sequence[ChordSpan], made: Score, item: Plant
    ) -> dict[str, float]:
        from hybrid.harmony.likelihood import SoundLikelihood
        from hybrid.theory import check
        from hybrid.theory.agreement import fit_chords

        low, high = window(made, item.spans)
        part = excerpt(made, low, high)
        spans = cut_chords(item.spans, low, high)
        start, end = spans[0].onset, spans[-1].end
        quarter = made.ticks_per_quarter
        near = [
            SEVERITY_COST[found.severity]
            for found in check(part)
            if start - quarter <= found.tick <= end + quarter
        ]
        told = [
            SEVERITY_COST[found.severity]
            for found in check(part, chords=cut_chords(chords, low, high))
            if start - quarter <= found.tick <= end + quarter
        ]
        fits = fit_chords(spans, part)
        heard = SoundLikelihood(self.analyser, part)
        chord = [heard.of_chord(span) for span in spans]
        key = heard.of_key(start, end, spans[0].key)
        frames = heard.frames(start, end)
        numbers = {
            "rules": sum(near),
            "rules told the plan": sum(told),
            "chord tones against the plan": max(
                1 - fit.share + 0.5 * (not fit.has_bass) for fit in fits
            ),
            "analyser: planned chord": -min(chord),
            "analyser: planned key": -key,
            "analyser: chord and key": -min(chord) - key,
            "analyser without a plan: doubt": -float(
                np.log(heard.probability[frames].max(axis=1)).min()
            ),
            "analyser without a plan: odd chords": self._oddness(part, start, end),
        }
        if self.model is not None:
            numbers["transformer under the plan"] = self._surprise(
                piece, original, chords, made, (low + start, low + end + QUARTERS_AFTER * quarter)
            )
        return numbers

    def _oddness(self, part: Score, start: int, end: int) -> float:
        """The greatest surprise of a chord that is heard in or right after the place."""
        heard = self.analyser.analyse(part).chords
        steps = [
            self.habits.surprise(_word_of(one), _word_of(two))
            for one, two in pairwise(heard)
            if two.onset <= end and two.end > start
        ]
        return max(steps, default=0.0)

    def _surprise(
        self,
        piece: str,
        original: Score,
        chords: Sequence[ChordSpan],
        made: Score,
        span: tuple[int, int],
    ) -> float:
        from hybrid.symbolic_transformer.event_likelihood import mean_log_probability
        from hybrid.theory.extract import extract_plan

        if piece not in self.plans:
            plan = extract_plan(original, chords)
            self.plans[piece] = replace(plan, instruments=("soprano", "alto", "tenor", "bass"))
        value = mean_log_probability(self.model, self.plans[piece], made, span)
        return 0.0 if value is None else -value


def make_plants(
    n: int, seed: int, log: Callable[[str], None]
) -> tuple[list[Plant], dict[str, Any]]:
    """So many errors, a quarter of each kind, spread over the pieces."""
    from hybrid.theory.extract import extract_plan

    pieces = read_pieces()
    found: list[Plant] = []
    for kind in KINDS:
        places = []
        closes: dict[str, list[tuple[int, str]]] = {}
        for name, (score, chords) in pieces.items():
            plan = extract_plan(score, chords)
            closes[name] = [
                (round(item.end * score.ticks_per_quarter), str(item.phrase.cadence))
                for item in plan.phrases()
                if item.phrase.cadence not in (None, "none")
            ]
            places += [(name, at) for at in range(1, len(chords))]
        rng = stage_rng(seed, "plants", kind)
        wanted = n // len(KINDS)
        got = 0
        # A place may be used again for another error, after all have been tried.
        rounds = 0
        while got < wanted and rounds < 12:
            rounds += 1
            for index in rng.permutation(len(places)).tolist():
                if got >= wanted:
                    break
                name, at = places[index]
                score, chords = pieces[name]
                item = plant(kind, name, score, chords, closes[name], at, rng)
                if item is not None:
                    found.append(item)
                    got += 1
        log(f"{kind}: {got} errors after {rounds} rounds")
    return found, pieces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-transformer", action="store_true")
    parser.add_argument("--keep", type=Path, help="file for the numbers of every place (JSON)")
    options = parser.parse_args()
    plants, pieces = make_plants(options.errors, options.seed, lambda text: print(text, flush=True))
    methods = Methods(not options.without_transformer)
    bad: list[dict[str, float]] = []
    good: list[dict[str, float]] = []
    for number, item in enumerate(plants):
        score, chords = pieces[item.piece]
        bad.append(methods.numbers(item.piece, score, chords, item.score, item))
        good.append(methods.numbers(item.piece, score, chords, score, item))
        if number % 50 == 49:
            print(f"{number + 1} of {len(plants)} places", flush=True)
    if options.keep:
        kinds = [item.kind for item in plants]
        options.keep.write_text(json.dumps({"kinds": kinds, "bad": bad, "good": good}))
    rows = table(plants, bad, good)
    for row in rows:
        print(row)
    write(plants, rows)


def table(
    plants: Sequence[Plant], bad: Sequence[dict[str, float]], good: Sequence[dict[str, float]]
) -> list[dict[str, Any]]:
    """ROC-AUC of each method and of sums, for all errors and for each kind."""
    values = {
        name: (np.array([row[name] for row in bad]), np.array([row[name] for row in good]))
        for name in bad[0]
    }
    pieces = np.array([item.piece for item in plants])
    blind = ("analyser without a plan: doubt", "analyser without a plan: odd chords")
    planned = ("analyser: planned chord", "analyser: planned key")
    tones = ("rules told the plan", "chord tones against the plan")
    for name, parts in {
        "fitted: rules": ("rules", "rules told the plan"),
        "fitted: analyser without a plan": blind,
        "fitted: rules + analyser without a plan": ("rules", *blind),
        "fitted: analyser": planned,
        "fitted: rules + chord tones": ("rules", *tones),
        "fitted: rules + analyser": ("rules", *planned),
        "fitted: rules + chord tones + analyser": ("rules", *tones, *planned, *blind),
    }.items():
        wrong = np.stack([values[part][0] for part in parts], axis=1)
        right = np.stack([values[part][1] for part in parts], axis=1)
        values[name] = fitted(wrong, right, pieces)
    kinds = np.array([item.kind for item in plants])
    rows = []
    for name, (wrong, right) in values.items():
        row: dict[str, Any] = {"method": name, "all": round(auc(wrong, right), 3)}
        for kind in KINDS:
            one = kinds == kind
            row[kind] = round(auc(wrong[one], right[one]), 3) if one.any() else None
        rows.append(row)
    return rows


def write(plants: Sequence[Plant], rows: Sequence[dict[str, Any]]) -> None:
    counts = {kind: sum(item.kind == kind for item in plants) for kind in KINDS}
    seen = _seen_by_transformer({item.piece for item in plants})
    mean = sum(item.n_changed for item in plants) / len(plants)
    write_table(
        "harmonic_errors",
        rows,
        [
            f"{len(plants)} errors ({', '.join(f'{n} {kind}' for kind, n in counts.items())}; "
            f"{mean:.1f} notes changed in one) in {len({item.piece for item in plants})} chorales "
            "that the analyser was not trained on; each against the same place as Bach wrote it. "
            "0.5 is chance, 1 is always right; goal for the analyser 0.9.",
            "No error adds an error or a warning of the chorale rules with harmony read from the "
            "notes, so `rules` is near chance by construction.",
            "The plan is the people's analysis; `without a plan` has none.",
            "`doubt`: how unsure the analyser is of its own chord; `odd chords`: how seldom the "
            "chord that it hears follows the one before in the training analyses.",
            "`fitted`: logistic regression, each chorale judged by a fit to the others.",
            f"The transformer was trained on {seen} of these chorales.",
        ],
        title="Harmonic errors that break no rule",
        packages=("torch", "numpy"),
    )


def _seen_by_transformer(pieces: set[str]) -> str:
    from hybrid.symbolic_transformer.chorale_splits import chorale_splits

    matches = chorale_splits(["roman_numerals"])
    trained = {
        piece.rsplit("_", 1)[-1] for (_, piece), match in matches.items() if match.split == "train"
    }
    return f"{len(pieces & trained)} of {len(pieces)}"


if __name__ == "__main__":
    main()
