"""White, 1/f and brown melodies: dice that are rolled always, sometimes, or moved by a step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import TICKS_PER_QUARTER, Marker
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Curve, Dice, Machine, Step, Text
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import note_name

Floats = NDArray[np.float64]

EIGHTH = TICKS_PER_QUARTER // 2
KINDS = ("white", "1/f", "brown")
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "pentatonic": (0, 2, 4, 7, 9),
    "chromatic": tuple(range(12)),
}
#: Dice and places for the slopes on the page; many dice, so that 1/f reaches far down.
MEASURED_DICE = 10
MEASURED_PLACES = 51
MEASURED_LENGTH = 1 << 13
#: Where slopes are fitted, in cycles a note: above, steps are felt; below, dice and edges run out.
FIT = (1 / 64, 1 / 8)


@dataclass(frozen=True)
class Roll:
    """One value: its place from the bottom, the faces up, and the numbers of the dice rolled."""

    place: int
    faces: tuple[int, ...]
    rolled: tuple[int, ...]


def voss_rolls(number: int, n_dice: int) -> tuple[int, ...]:
    """The dice that Voss rolls for a number: those whose bit differs from the number before.

    >>> [voss_rolls(number, 3) for number in range(5)]
    [(0, 1, 2), (0,), (0, 1), (0,), (0, 1, 2)]
    """
    changed = number ^ (number - 1) if number else -1
    return tuple(die for die in range(n_dice) if changed >> die & 1)


def throw(kind: str, n_dice: int, n_places: int, rng: np.random.Generator) -> Iterator[Roll]:
    """Values without end.

    Parameters
    ----------
    kind : str
        ``white``: all dice are rolled each time, the sum counts. ``1/f``: only those that
        `voss_rolls` names; the others lie. ``brown``: one die moves the place, 1 and 2 down, 5
        and 6 up, and the edges hold.
    n_dice : int
        Of six sides.
    n_places : int
        Sums are spread over the places 0..n_places - 1.

    References
    ----------
    Gardner, M. (1978). White and brown music, fractal curves and one-over-f fluctuations.
    Scientific American 238(4).
    """
    if kind == "brown":
        place = n_places // 2
        while True:
            face = int(rng.integers(1, 7))
            place = min(n_places - 1, max(0, place + (face > 4) - (face < 3)))
            yield Roll(place, (face,), (0,))
    faces = [1] * n_dice
    number = 0
    while True:
        rolled = tuple(range(n_dice)) if kind == "white" else voss_rolls(number, n_dice)
        for die in rolled:
            faces[die] = int(rng.integers(1, 7))
        share = (sum(faces) - n_dice) / (5 * n_dice)
        yield Roll(int(share * (n_places - 1) + 0.5), tuple(faces), rolled)
        number += 1


def spectrum(series: Floats, length: int = 1024) -> tuple[Floats, Floats]:
    """Power spectrum, averaged over windows that overlap by half.

    Parameters
    ----------
    series : array of float, shape (n,)
        At least ``length`` values.
    length : int
        Of a window.

    Returns
    -------
    frequencies : array of float, shape (length / 2,)
        Cycles a value, above 0 up to 0.5.
    power : array of float, shape (length / 2,)
        In any unit.
    """
    starts = range(0, len(series) - length + 1, length // 2)
    windows = np.stack([series[start : start + length] for start in starts])
    windows = (windows - windows.mean(axis=1, keepdims=True)) * np.hanning(length)
    power = (np.abs(np.fft.rfft(windows, axis=1)) ** 2).mean(axis=0)
    frequencies = np.asarray(np.fft.rfftfreq(length)[1:], dtype=np.float64)
    return frequencies, np.asarray(power[1:], dtype=np.float64)


def slope(series: Floats, low: float = FIT[0], high: float = FIT[1]) -> float:
    """Exponent of the spectrum: 0 for white, -1 for 1/f, -2 for brown.

    A line through power over frequency, both in logarithms, with the same weight for each sixth of
    an octave from ``low`` to ``high`` (cycles a value).
    """
    frequencies, power = spectrum(series)
    edges = np.exp2(np.arange(np.log2(low), np.log2(high) + 1e-9, 1 / 6))
    xs, ys = [], []
    for left, right in pairwise(edges.tolist()):
        inside = (frequencies >= left) & (frequencies < right)
        if inside.any():
            xs.append(np.log2(frequencies[inside]).mean())
            ys.append(np.log2(power[inside].mean()))
    return float(np.polyfit(xs, ys, 1)[0])


def series_of(kind: str, length: int, rng: np.random.Generator) -> Floats:
    """A long run of places, to be measured; shape (length,)."""
    rolls = throw(kind, MEASURED_DICE, MEASURED_PLACES, rng)
    return np.array([next(rolls).place for _ in range(length)], dtype=np.float64)


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """A melody of each kind, one after the other."""
    wanted = values.text("kind")
    kinds = KINDS if wanted == "all" else (wanted,)
    stage = _Stage(rng, values, kinds)
    for kind in kinds:
        stage.write(kind)
    slopes = stage.measure()
    score, trace = stage.ledger.close(
        title="White, one over f, brown",
        qpm=values.number("tempo"),
        markers=tuple(stage.markers),
        counts={"dice rolled": stage.n_rolled, "notes": stage.n_notes},
    )
    facts = tuple(
        (f"Slope of {kind}", f"{value:.2f} over {MEASURED_LENGTH} values")
        for kind, value in slopes.items()
    )
    panels = (stage.dice, stage.curve(), stage.spectra, stage.log)
    return Demonstration(score, trace, Machine(panels, tuple(stage.steps)), facts)


class _Stage:
    """Writes melody after melody."""

    def __init__(self, rng: np.random.Generator, values: Values, kinds: tuple[str, ...]) -> None:
        self.rng, self.kinds = rng, kinds
        self.n_dice = values.integer("dice")
        self.n_places = values.integer("places")
        self.length = values.integer("notes")
        self.has_rhythm = values.flag("rhythm")
        self.scale = SCALES[values.text("scale")]
        self.low = values.integer("low")
        self.ledger = Ledger()
        self.ledger.track("melody", program=12)
        self.markers: list[Marker] = []
        self.steps: list[Step] = []
        self.places: dict[str, list[int]] = {kind: [] for kind in kinds}
        self.now = self.n_rolled = self.n_notes = 0
        self.dice = Dice(
            "dice", "The dice for the pitch", "The dice as they lie; their sum is the pitch."
        )
        self.log = Text("log", "What was rolled", "Which dice were rolled for this note.")

    def pitch(self, place: int) -> int:
        """The note of the scale at a place from the bottom."""
        octave, step = divmod(place, len(self.scale))
        return self.low + 12 * octave + self.scale[step]

    def write(self, kind: str) -> None:
        """One melody, and two quarters of rest."""
        self.markers.append(Marker(self.now, kind.capitalize()))
        # Pitch and length have dice of their own, as Voss had two noises.
        pitches = throw(kind, self.n_dice, self.n_places, self.rng)
        lengths = throw(kind, self.n_dice, 4, self.rng)
        for number in range(self.length):
            roll = next(pitches)
            length = 1 + next(lengths).place if self.has_rhythm else 2
            self._note(kind, number, roll, length)
        # The next melody begins with a bar.
        bar = 8 * EIGHTH
        self.now = -(-(self.now + bar // 2) // bar) * bar

    def _note(self, kind: str, number: int, roll: Roll, length: int) -> None:
        pitch = self.pitch(roll.place)
        names = " ".join(str(die + 1) for die in roll.rolled)
        thrown = "the die" if kind == "brown" else f"dice {names}"
        parent = self.ledger.decide(
            "roll",
            f"{kind} dice",
            f"{thrown} rolled: {' '.join(map(str, roll.faces))}",
            tick=self.now,
            track="melody",
        )
        end = self.now + length * EIGHTH
        self.ledger.note(
            "melody",
            self.now,
            end - self.now,
            pitch,
            maker=f"{kind} noise",
            choice=f"{note_name(pitch)}: place {roll.place + 1} of {self.n_places}",
            parent=parent,
        )
        before = self.places[kind][-1:]
        move = f"{roll.place - before[0]:+d}" if before else "–"
        sums = "" if kind == "brown" else f", sum {sum(roll.faces)}"
        states = {
            "dice": self.dice.show(roll.faces, f"{thrown} rolled{sums}"),
            "line": {"x": float(self.n_notes)},
            "log": self.log.say(
                [
                    f"{kind}, note {number + 1}",
                    *([f"count    {number:0{self.n_dice}b}"] if kind == "1/f" else []),
                    f"rolled   {names}",
                    f"place    {roll.place + 1} ({move})",
                    f"length   {length} eighths",
                ]
            ),
        }
        self.steps.append(
            Step(
                f"{kind.capitalize()}, note {number + 1}: {thrown} rolled; {note_name(pitch)}.",
                states,
                self.now,
                end,
            )
        )
        self.places[kind].append(roll.place)
        self.n_rolled += len(roll.rolled)
        self.n_notes += 1
        self.now = end

    def curve(self) -> Curve:
        """The melodies side by side."""
        series = tuple(
            (
                kind,
                tuple(float(at * self.length + n) for n in range(self.length)),
                tuple(float(place) for place in self.places[kind]),
            )
            for at, kind in enumerate(self.kinds)
        )
        return Curve(
            "line",
            "The melodies",
            "Curve of the places of the notes, a melody after the other.",
            x_name="note",
            y_name="place",
            series=series,
        )

    def measure(self) -> dict[str, float]:
        """Slopes of long runs of each kind; adds the panel of their spectra."""
        slopes, series = {}, []
        for kind in self.kinds:
            run = series_of(kind, MEASURED_LENGTH, self.rng)
            slopes[kind] = slope(run)
            frequencies, power = spectrum(run)
            # One point for each sixth of an octave is enough to draw.
            sixths = np.round(6 * np.log2(frequencies))
            xs, ys = [], []
            for sixth in np.unique(sixths):
                inside = sixths == sixth
                xs.append(float(np.log2(frequencies[inside]).mean()))
                ys.append(float(10 * np.log10(power[inside].mean() / power.mean())))
            series.append(
                (
                    f"{kind}: slope {slopes[kind]:.2f}",
                    tuple(np.round(xs, 3)),
                    tuple(np.round(ys, 2)),
                )
            )
        self.spectra = Curve(
            "spectra",
            "Spectra of long runs",
            "Power over frequency, both in logarithms: white is level, 1/f falls, brown falls "
            "twice as steeply.",
            x_name="frequency, octaves from one cycle a note",
            y_name="power, dB",
            series=tuple(
                (name, tuple(map(float, xs)), tuple(map(float, ys))) for name, xs, ys in series
            ),
        )
        first = self.steps[0]
        states = {**first.states, "spectra": self.spectra.at(0.0)}
        self.steps[0] = Step(first.caption, states, first.start, first.end)
        return slopes


EXHIBIT = Exhibit(
    name="fractal-noise",
    title="1/f music: between chance and routine",
    year="1975–1978",
    people=("Richard Voss", "John Clarke", "Martin Gardner"),
    summary="White, 1/f and brown noise as melodies, made with dice after Voss.",
    story=(
        "Richard Voss and John Clarke measured the loudness and the pitch of music on the radio "
        "and found that their slow changes have a spectrum close to 1/f: strong where it is slow, "
        "weaker as it gets faster, at every scale alike. Voss then made melodies from three "
        "noises. Listeners found white ones too random, brown ones too dull, and 1/f about right.",
        "Martin Gardner printed Voss's way to do it with dice in 1978. Count in binary. Each die "
        "stands for a bit, and only the dice whose bits change are rolled: the first always, the "
        "second every other time, the third every fourth. The sum is the pitch. White music rolls "
        "all of them each time; brown music moves up or down by a step.",
        "Listen for how long a melody stays in a region. The slopes of the spectra are measured "
        "on long runs of the same dice; 0, -1 and -2 are the ideal values.",
    ),
    parameters=(
        Parameter("kind", "all", "Which noise.", choices=("all", *KINDS)),
        Parameter("notes", 40, "Notes of each melody.", low=8, high=256),
        Parameter("dice", 5, "Dice for white and 1/f.", low=2, high=10),
        Parameter("places", 22, "Notes of the scale, from the lowest on.", low=5, high=29),
        Parameter("scale", "major", "Which notes there are.", choices=tuple(SCALES)),
        Parameter("rhythm", True, "Whether dice make the lengths too."),
        Parameter("low", 48, "The lowest note, MIDI pitch.", low=30, high=54),
        Parameter("tempo", 132.0, "Quarters a minute.", low=30.0, high=300.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "dice by the bits of a count",
            "faithful",
            "source",
            "Read in descriptions that cite Gardner: dice whose bit changes are rolled.",
        ),
        Fidelity(
            "slopes",
            "faithful",
            "computed",
            "Near 0, -1 and -2 between 1/64 and 1/8 of a cycle a note; measured on each run.",
        ),
        Fidelity("two noises", "faithful", "memory", "One for the pitch, one for the length."),
        Fidelity("brown", "simplified", "ours", "One die: a step down, none, or a step up."),
        Fidelity(
            "white",
            "simplified",
            "ours",
            "The same dice as for 1/f, so that only the order of the values differs.",
        ),
        Fidelity("scale, lengths, tempo", "invented", "ours", "One to four eighths."),
    ),
    citations=(
        "Gardner, M. (1978). Mathematical games: white and brown music, fractal curves and "
        "one-over-f fluctuations. Scientific American 238(4), 16-32.",
        "Voss, R. F., & Clarke, J. (1975). '1/f noise' in music and speech. Nature 258, 317-318.",
        "Voss, R. F., & Clarke, J. (1978). '1/f noise' in music: music from 1/f noise. Journal of "
        "the Acoustical Society of America 63, 258-263.",
    ),
    exercises=(
        "Set `kind=1/f dice=2`, then `dice=10`. From which number on can you not hear more dice?",
        "Set `rhythm=false`. Which of the three loses most?",
        "Which die is rolled least, and how often in 40 notes with five dice? Check in the trace.",
    ),
)
