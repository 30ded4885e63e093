"""Illiac Suite, experiment 4: intervals drawn by their harmonic and their melodic weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import TICKS_PER_QUARTER, Marker
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Bars, Curve, Machine, Step
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import note_name

#: Intervals 0..12 semitones by name.
NAMES = ("unison", "m2", "M2", "m3", "M3", "P4", "tritone", "P5", "m6", "M6", "m7", "M7", "octave")
#: From the most harmonic: weights 13, 12 .. 1 in this order.
HARMONIC_ORDER = (
    "unison", "octave", "P5", "P4", "M3", "m6", "m3", "M6", "M2", "m7", "m2", "M7", "tritone",
)  # fmt: skip
HARMONIC: NDArray[np.float64] = np.array([13.0 - HARMONIC_ORDER.index(name) for name in NAMES])
PROXIMITY: NDArray[np.float64] = np.array([13.0 - semitones for semitones in range(13)])

MODELS = {
    "harmonic": "zeroth order, harmonic weights",
    "proximity": "zeroth order, proximity weights",
    "both": "zeroth order, both weights added",
    "first": "first order: the next interval hangs on the last one",
    "strong-and-weak": "strong beats lead from strong beat to strong beat, weak ones follow nearby",
}
LOW, HIGH = 48, 84


def weights(model: str, last: int = 0, is_strong: bool = False) -> NDArray[np.float64]:
    """Weight of each interval 0..12 under a model.

    Parameters
    ----------
    model : str
        One of `MODELS`.
    last : int
        The last interval in semitones, 0..12, for ``first``.
    is_strong : bool
        For ``strong-and-weak``.

    Returns
    -------
    np.ndarray, shape (13,), float64
        Not normalised; 13 + 12 + ... + 1 = 91 for a single list.
    """
    if model == "harmonic":
        return HARMONIC
    if model == "proximity":
        return PROXIMITY
    if model == "both":
        return HARMONIC + PROXIMITY
    if model == "first":
        nearness: NDArray[np.float64] = 13.0 - np.abs(np.arange(13) - last)
        return HARMONIC * nearness
    layer = HARMONIC if is_strong else PROXIMITY
    return layer * layer


@dataclass
class _Line:
    pitch: int
    interval: int = 0
    strong: int = 0
    """Pitch of the last strong beat."""


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """A section for each model, two voices on one process each."""
    ledger = Ledger()
    ledger.track("violin", program=40, clef="treble")
    ledger.track("cello", program=42, clef="bass")
    panel = Bars(
        "weights",
        "Chance of each interval",
        "Bars for the chance of the intervals from unison to octave; the one drawn is marked.",
        labels=NAMES,
    )
    models = list(MODELS) if values.text("model") == "all" else [values.text("model")]
    notes = values.integer("notes")
    steps: list[Step] = []
    markers: list[Marker] = []
    tallies = {model: np.zeros(13) for model in models}
    now, eighth = 0, TICKS_PER_QUARTER // 2
    heights: list[float] = []
    for model in models:
        markers.append(Marker(now, model))
        section = ledger.decide("section", "experimenter", MODELS[model], tick=now)
        lines = {"violin": _Line(72, strong=72), "cello": _Line(52, strong=52)}
        for place in range(notes):
            for track, low, high, every in (("violin", 60, HIGH, 1), ("cello", 36, 64, 2)):
                if place % every:
                    continue
                line = lines[track]
                is_strong = place % 4 == 0
                chances = weights(model, line.interval, is_strong)
                chances = chances / chances.sum()
                start = line.strong if model == "strong-and-weak" and is_strong else line.pitch
                pitch, interval, rejected = _draw(rng, chances, start, low, high)
                tallies[model][interval] += 1
                tick = now + place * eighth
                ledger.note(
                    track,
                    tick,
                    eighth * every,
                    pitch,
                    maker=model,
                    choice=f"{NAMES[interval]} {'up' if pitch > start else 'down'} from "
                    f"{note_name(start)}"
                    if interval
                    else f"unison on {note_name(start)}",
                    probability=float(chances[interval]),
                    parent=section,
                    rejected=rejected,
                )
                line.pitch, line.interval = pitch, interval
                if is_strong:
                    line.strong = pitch
                if track == "violin":
                    heights.append(float(pitch))
                    steps.append(
                        Step(
                            f"{MODELS[model].capitalize()}: the violin draws a "
                            f"{NAMES[interval]} (chance {chances[interval]:.2f}) to "
                            f"{note_name(pitch)}.",
                            {
                                "weights": panel.show(list(chances), chosen=interval),
                                "line": {"points": len(heights)},
                            },
                            tick,
                            tick + eighth,
                        )
                    )
        # Sections end on a rest, so that each can be told from the next.
        now += notes * eighth
        now += -now % (4 * TICKS_PER_QUARTER) + 2 * TICKS_PER_QUARTER
        now += -now % (4 * TICKS_PER_QUARTER)
    curve = Curve(
        "line",
        "The violin's line",
        "The violin's pitches in the order in which they were drawn.",
        x_name="note",
        y_name="MIDI pitch",
        series=(("violin", tuple(map(float, range(len(heights)))), tuple(heights)),),
    )
    score, trace = ledger.close(
        title="Chain of intervals",
        qpm=112.0,
        markers=tuple(markers),
        counts={"intervals drawn": int(sum(tally.sum() for tally in tallies.values()))},
    )
    facts = tuple(
        (f"Mean interval, {model}", f"{tally @ np.arange(13) / tally.sum():.1f} semitones")
        for model, tally in tallies.items()
    )
    return Demonstration(score, trace, Machine((panel, curve), tuple(steps)), facts)


def _draw(
    rng: np.random.Generator, chances: NDArray[np.float64], start: int, low: int, high: int
) -> tuple[int, int, list[str]]:
    """An interval and a direction; directions that leave the range are turned round."""
    interval = int(rng.choice(13, p=chances))
    sign = 1 if rng.random() < 0.5 else -1
    rejected = []
    if not low <= start + sign * interval <= high:
        rejected.append(f"{NAMES[interval]} {'up' if sign > 0 else 'down'}: out of range")
        sign = -sign
    return start + sign * interval, interval, rejected


EXHIBIT = Exhibit(
    name="illiac-markov",
    title="Illiac Suite 4: chains of intervals",
    year="1957",
    people=("Lejaren Hiller", "Leonard Isaacson"),
    summary="Intervals drawn by weight: harmonic, near, both, and hanging on what came before.",
    story=(
        "The last experiment forgets the rules and asks how little is needed to make a line sound "
        "composed. Thirteen intervals get weights from 13 to 1, once by how well they sound "
        "together (unison, octave, fifth ... tritone), once by how near they are (unison, second "
        "... octave). A line is a chain of intervals drawn by these weights.",
        "The five sections go from independent draws (zeroth order) to draws that hang on the last "
        "interval (first order), and end with a chain in two layers: strong beats lead from strong "
        "beat to strong beat by harmonic weight, the weak ones move nearby.",
        "Listen to the first two sections: leaps that make sense as harmony, then steps that make "
        "sense as melody. A Markov chain of this kind is the ancestor of every model of sequences "
        "in this exhibition.",
    ),
    parameters=(
        Parameter("model", "all", "Which chain is heard.", choices=("all", *MODELS)),
        Parameter("notes", 32, "Eighth notes in a section.", low=8, high=400),
    ),
    make=make,
    fidelity=(
        Fidelity("two orders of weights", "faithful", "memory", "13 to 1, harmonic and proximity."),
        Fidelity("orders of the chain", "simplified", "memory", "Zeroth, added, first, layered."),
        Fidelity(
            "first order",
            "invented",
            "ours",
            "Harmonic weight times nearness to the last interval; the authors' table was not "
            "checked.",
        ),
        Fidelity(
            "strong and weak beats",
            "simplified",
            "ours",
            "Two layers, with the weights squared; the original goes to the i-th order.",
        ),
        Fidelity("range, rhythm, two voices", "invented", "ours", "Eighths over quarters."),
    ),
    citations=(
        "Hiller, L. A., & Isaacson, L. M. (1959). Experimental Music: Composition with an "
        "Electronic Computer. McGraw-Hill, New York.",
    ),
    exercises=(
        "Set `model=harmonic notes=200` and count the tritones. How many do you expect (1 in 91)?",
        "Compare `model=proximity` with a random walk of single steps. What do the weights add?",
        "Set `model=both`. Which interval gains most against `harmonic`?",
        "Where does the range change the chances? Look for “out of range” in the decision trace.",
    ),
)
