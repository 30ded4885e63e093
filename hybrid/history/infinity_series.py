"""A melody that holds itself: Per Nørgård's infinity series, in several speeds at once."""

from __future__ import annotations

import numpy as np

from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Curve, Machine, State, Step, Text, Tree
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import note_name

EIGHTH = TICKS_PER_QUARTER // 2
LAYERS = {
    "one": (1,),
    "fourths": (1, 4, 16),
    "halves": (1, 2, 4),
    "thirds": (1, 3, 9),
}
SCALES = {"chromatic": tuple(range(12)), "major": (0, 2, 4, 5, 7, 9, 11)}
PROGRAMS = (73, 71, 70)
#: Terms that the tree shows.
TREE = 32


def term(number: int, interval: int = 1) -> int:
    """A term of the infinity series: read the number's bits, 1 adds, 0 changes the sign.

    a(0) = 0, a(2n) = -a(n), a(2n + 1) = a(n) + interval.

    Parameters
    ----------
    number : int
        0 or more.
    interval : int
        1 in Nørgård's series.

    References
    ----------
    OEIS A004718.

    Examples
    --------
    >>> [term(number) for number in range(8)]
    [0, 1, -1, 2, 1, 0, -2, 3]
    """
    value = 0
    for bit in f"{number:b}":
        value = value + interval if bit == "1" else -value
    return value


def reading(number: int, interval: int = 1) -> str:
    """How the bits of a number give its term.

    >>> reading(6)
    '110: +1 → 1, +1 → 2, ± → -2'
    """
    value, parts = 0, []
    for bit in f"{number:b}":
        value = value + interval if bit == "1" else -value
        parts.append(f"{f'{interval:+d}' if bit == '1' else '±'} → {value}")
    return f"{number:b}: {', '.join(parts)}"


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """The series, and every so many terms of it in slower voices; nothing is left to chance."""
    stage = _Stage(values)
    stage.write()
    ratios = stage.ratios
    counts = {"terms": stage.length, "voices": len(ratios)}
    score, trace = stage.ledger.close(
        title="Infinity series", qpm=values.number("tempo"), counts=counts
    )
    facts = [("Terms", " ".join(str(value) for value in stage.terms[:16]) + " …")]
    for ratio in ratios[1:]:
        slow = stage.terms[::ratio]
        fast = stage.terms[: len(slow)]
        same = sum(one == other for one, other in zip(slow, fast, strict=True))
        turned = sum(one == -other for one, other in zip(slow, fast, strict=True))
        facts.append(
            (
                f"Every note number {ratio}",
                f"{same} of {len(slow)} as the melody, {turned} as its inversion",
            )
        )
    machine = Machine((stage.tree, stage.curve, stage.log), tuple(stage.steps))
    return Demonstration(score, trace, machine, tuple(facts))


class _Stage:
    """Writes the voices in the order of time."""

    def __init__(self, values: Values) -> None:
        self.interval = values.integer("interval")
        self.ratios = LAYERS[values.text("layers")]
        self.scale = SCALES[values.text("scale")]
        self.centre = values.integer("centre")
        self.length = values.integer("terms")
        self.terms = [term(number, self.interval) for number in range(self.length)]
        self.ledger = Ledger()
        for ratio, program in zip(self.ratios, PROGRAMS, strict=False):
            self.ledger.track(self.name(ratio), program=program)
        self.steps: list[Step] = []
        self.made: dict[int, int] = {}
        self.n_shown = min(TREE, self.length)
        self.tree = Tree(
            "tree",
            "Each term from an earlier one",
            "Tree of the first terms: the left child changes the sign, the right one adds.",
            nodes=tuple(
                (
                    str(self.terms[number]),
                    number // 2 if number else -1,
                    f"term {number}, {reading(number, self.interval)}",
                )
                for number in range(self.n_shown)
            ),
        )
        self.curve = Curve(
            "line",
            "The series",
            "Curve of the terms over their numbers, as far as it has sounded; slower voices are "
            "drawn stretched.",
            x_name="number",
            y_name="term",
            series=tuple(
                (
                    self.name(ratio),
                    tuple(float(number) for number in range(0, self.length, ratio)),
                    tuple(float(value) for value in self.terms[::ratio]),
                )
                for ratio in self.ratios
            ),
        )
        self.log = Text("log", "How the term is read", "The bits of the number and what they do.")

    def name(self, ratio: int) -> str:
        """Name of a voice."""
        return "every note" if ratio == 1 else f"every note number {ratio}"

    def pitch(self, value: int, octaves: int) -> int:
        """The note that stands for a term, octaves below."""
        octave, step = divmod(value, len(self.scale))
        return self.centre + 12 * (octave - octaves) + self.scale[step]

    def decision(self, number: int) -> int:
        """The entry of a term; those it comes from are written before it."""
        if number not in self.made:
            parent = self.decision(number // 2) if number else None
            self.made[number] = self.ledger.decide(
                "term",
                "infinity series",
                f"a({number}) = {self.terms[number]}",
                parent=parent,
            )
        return self.made[number]

    def write(self) -> None:
        """All terms."""
        for number, value in enumerate(self.terms):
            tick = number * EIGHTH
            sounding = [ratio for ratio in self.ratios if number % ratio == 0]
            for ratio in sounding:
                pitch = self.pitch(value, self.ratios.index(ratio))
                length = min(ratio, self.length - number)
                self.ledger.note(
                    self.name(ratio),
                    tick,
                    length * EIGHTH,
                    pitch,
                    maker="infinity series",
                    choice=f"{note_name(pitch)}: a({number}) = {value}",
                    velocity=84 if ratio == 1 else 70,
                    parent=self.decision(number),
                )
            self._step(number, value, tick, sounding)

    def _step(self, number: int, value: int, tick: int, sounding: list[int]) -> None:
        way = [number]
        while way[-1]:
            way.append(way[-1] // 2)
        lines = [f"a({number}) = {value}", reading(number, self.interval)]
        lines += [
            f"slow note {number // ratio + 1} of every {ratio}: the melody's own is "
            f"{self.terms[number // ratio]}"
            for ratio in sounding
            if ratio > 1
        ]
        states: dict[str, State] = {
            "tree": self.tree.grow(self.n_shown, [at for at in way if at < self.n_shown]),
            "line": self.curve.at(float(number)),
            "log": self.log.say(lines, lit=[0]),
        }
        how = f"a step of {self.interval:+d} from" if number % 2 else "the other sign of"
        source = f"{how} a({number // 2})" if number else "the start"
        caption = f"Term {number} is {value}: {source}."
        self.steps.append(Step(caption, states, tick, tick + EIGHTH))


EXHIBIT = Exhibit(
    name="infinity-series",
    title="The infinity series: a melody within itself",
    year="1959–1968",
    people=("Per Nørgård",),
    summary="Every fourth note of a self-similar melody is the same melody, slower.",
    story=(
        "Per Nørgård found a row of numbers that never repeats and never strays without coming "
        "back. Begin with 0. Write a number in binary and read it from the left: a 1 adds a step, "
        "a 0 turns the sign. So 0, 1, -1, 2, 1, 0, -2, 3 and on. He used it in Voyage into the "
        "Golden Screen (1968) and in the second symphony.",
        "Every fourth note gives the whole melody again, for two zeros at the end of a number turn "
        "the sign twice. Every second note gives it upside down. Nothing else is needed for a "
        "canon: slower voices take every fourth and every sixteenth note, and meet the fast one "
        "in octaves wherever they play.",
        "A curve that looks the same at several scales is a fractal; here the ear can hear it. "
        "Follow the slow voices in the score and find the fast one's beginning.",
    ),
    parameters=(
        Parameter("terms", 128, "Terms that are played.", low=16, high=512),
        Parameter("layers", "fourths", "Which notes the slow voices take.", choices=tuple(LAYERS)),
        Parameter("interval", 1, "What a 1 adds, in steps.", low=-2, high=2),
        Parameter("scale", "chromatic", "What a step is.", choices=tuple(SCALES)),
        Parameter("centre", 67, "The note of 0, MIDI pitch.", low=60, high=79),
        Parameter("tempo", 120.0, "Quarters a minute.", low=30.0, high=300.0),
    ),
    make=make,
    fidelity=(
        Fidelity("the series", "faithful", "source", "OEIS A004718, with its reading in binary."),
        Fidelity("self-similarity", "faithful", "computed", "Counted on each run, see the facts."),
        Fidelity("chromatic, from G", "faithful", "memory", "As in Voyage into the Golden Screen."),
        Fidelity(
            "voices an octave apart", "simplified", "ours", "His layers are richer than these."
        ),
        Fidelity("other intervals, thirds, scales", "invented", "ours", "To try what breaks."),
    ),
    citations=(
        "Au, Y. H., Drexler-Lemire, C., & Shallit, J. (2017). Notes and note pairs in Nørgård's "
        "infinity series. Journal of Mathematics and Music 11, 1-19.",
        "The On-Line Encyclopedia of Integer Sequences, A004718.",
    ),
    exercises=(
        "Set `layers=halves`. Which voice is upside down, and why is the third not?",
        "Set `layers=thirds`. How many notes of the slow voices are the melody's? Why so few?",
        "Find term 100 by hand: 100 is 1100100 in binary.",
        "Set `interval=2 scale=major`. Is the melody still in itself?",
    ),
)
