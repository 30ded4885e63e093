"""Total serialism: one row orders pitches, durations, dynamics and attacks."""

from __future__ import annotations

import re

import numpy as np

from hybrid.core.errors import ConfigError
from hybrid.core.score import TICKS_PER_QUARTER, Marker
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Machine, Step, Table
from hybrid.history.parameters import Parameter, Values
from hybrid.history.rows import check_row, row_form
from hybrid.history.words import class_name, note_name

THIRTY_SECOND = TICKS_PER_QUARTER // 8
#: Twelve dynamics, pppp to ffff.
DYNAMICS = ("pppp", "ppp", "pp", "p", "quasi p", "mp", "mf", "quasi f", "f", "ff", "fff", "ffff")
VELOCITIES = (18, 27, 36, 46, 56, 66, 76, 85, 94, 104, 115, 127)
#: Attacks, as the five marks that our notation has; two numbers have none.
ATTACKS = (
    "accent",
    "marcato",
    "staccato",
    "",
    "tenuto",
    "staccatissimo",
    "accent",
    "marcato",
    "",
    "tenuto",
    "staccato",
    "staccatissimo",
)
_NUMBERS = re.compile(r"\d+(\s*,\s*\d+){11}$")
_ALLOWED = "random, or the twelve numbers 0..11, each once, with commas between"


def _check(text: str) -> None:
    if text == "random":
        return
    numbers = [int(part) for part in text.split(",")] if _NUMBERS.match(text) else []
    if sorted(numbers) != list(range(12)):
        raise ConfigError(f"row must be {_ALLOWED}, got {text!r}")


def order_matrix(row: tuple[int, ...], form: str) -> tuple[tuple[int, ...], ...]:
    """The transpositions of a form as order numbers 1..12.

    Line ``j`` begins with note ``j`` of the form; a number says which note of the *prime* row a
    pitch class is. So the numbers serve for anything that comes in twelves.
    """
    number = {pc: place for place, pc in enumerate(row, start=1)}
    shape = row_form(row, form)
    return tuple(tuple(number[(pc + start - shape[0]) % 12] for pc in shape) for start in shape)


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Two pianos run through the lines of two matrices."""
    text = values.text("row")
    drawn = tuple(int(pc) for pc in rng.permutation(12))
    row = drawn if text == "random" else check_row([int(part) for part in text.split(",")])
    primes, inversions = order_matrix(row, "P"), order_matrix(row, "I")
    tables = {
        "P": _panel("prime", "Matrix of the row", primes),
        "I": _panel("inverted", "Matrix of its inversion", inversions),
    }
    ledger = Ledger()
    ledger.track("piano I", program=0, clef="treble")
    ledger.track("piano II", program=0, clef="bass")
    steps: list[tuple[int, Step]] = []
    markers: list[Marker] = []
    now = 0
    for section in range(values.integer("sections")):
        markers.append(Marker(now, f"Section {section + 1}"))
        ends = []
        for name, form, low in (("piano I", "P", 55), ("piano II", "I", 36)):
            pitches = (primes if form == "P" else inversions)[
                # Piano I takes its lines in the order of the inversion, piano II of the prime.
                (inversions if form == "P" else primes)[0][section % 12] - 1
            ]
            # Durations run backwards through the other matrix.
            lengths = tuple(reversed((inversions if form == "P" else primes)[section % 12]))
            # One dynamic and one attack for a section, read off the diagonal.
            diagonal = (primes if form == "P" else inversions)[section % 12][11 - section % 12]
            attack = (inversions if form == "P" else primes)[11 - section % 12][section % 12]
            parent = ledger.decide(
                "section",
                "matrix",
                f"{form} from {class_name(row[pitches[0] - 1])}, dynamic {diagonal} = "
                f"{DYNAMICS[diagonal - 1]}, attack {attack} = {ATTACKS[attack - 1] or 'plain'}",
                tick=now,
                track=name,
            )
            tick = now
            for place, (number, length) in enumerate(zip(pitches, lengths, strict=True)):
                pc = row[number - 1]
                pitch = low + (pc - low) % 12 + 12 * int(rng.integers(0, 3))
                ticks = length * THIRTY_SECOND
                ledger.note(
                    name,
                    tick,
                    ticks,
                    pitch,
                    maker=f"{form} matrix",
                    choice=f"note {number} = {note_name(pitch)}, duration {length} thirty-seconds",
                    velocity=VELOCITIES[diagonal - 1],
                    articulation=ATTACKS[attack - 1],
                    parent=parent,
                )
                line = (primes if form == "P" else inversions).index(pitches)
                steps.append(
                    (
                        tick,
                        Step(
                            f"Section {section + 1}, {name}, note {place + 1}: number {number} is "
                            f"{note_name(pitch)}; it lasts {length} thirty-seconds, "
                            f"{DYNAMICS[diagonal - 1]}.",
                            {
                                tables[form].name: tables[form].mark(
                                    chosen=[(line, place)],
                                    past=[(line, before) for before in range(place)],
                                )
                            },
                            tick,
                            tick + 1,
                            (name,),
                        ),
                    )
                )
                tick += ticks
            ends.append(tick)
        now = max(ends)
        now += -now % TICKS_PER_QUARTER
    ordered = [step for _, step in sorted(steps, key=lambda item: item[0])]
    score, trace = ledger.close(
        title="Everything by one row",
        qpm=values.number("tempo"),
        metre="2/4",
        markers=tuple(markers),
        counts={"forms used": 2 * values.integer("sections")},
    )
    facts = (("Row", " ".join(class_name(pc) for pc in row)),)
    return Demonstration(score, trace, Machine(tuple(tables.values()), tuple(ordered)), facts)


def _panel(name: str, title: str, matrix: tuple[tuple[int, ...], ...]) -> Table:
    return Table(
        name,
        title,
        f"{title}: twelve lines of the numbers 1 to 12; the note that plays is marked.",
        rows=tuple(tuple(map(str, line)) for line in matrix),
        names=tuple(str(number) for number in range(1, 13)),
    )


EXHIBIT = Exhibit(
    name="total-serialism",
    title="Everything by one row",
    year="1951",
    people=("after Pierre Boulez",),
    summary="A twelve-tone row and its matrix order pitches, durations, dynamics and attacks.",
    story=(
        "Number the notes of a row from 1 to 12 and write down its transpositions with these "
        "numbers: a square of twelve lines. The same square, read in another direction, can order "
        "twelve durations, twelve dynamics, ten attacks. In 1951 Pierre Boulez let two such "
        "squares make a piece for two pianos almost by themselves.",
        "György Ligeti took the piece apart in 1958 and found decision, automatism, decision: what "
        "remains to be chosen are registers, tempo and how many lines sound together.",
        "Here the row is drawn or given by you (Boulez took his from Messiaen; it is not used). "
        "Listen whether order can be heard as order: compare it with the chromatic half of the "
        "Illiac Suite's third experiment, in which the notes are mere chance.",
    ),
    parameters=(
        Parameter(
            "row", "random", "Pitch classes of the row, C = 0.", check=_check, allowed=_ALLOWED
        ),
        Parameter("sections", 7, "Sections: a line of each matrix.", low=1, high=12),
        Parameter("tempo", 66.0, "Quarters a minute.", low=20.0, high=240.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "matrices of order numbers", "faithful", "memory", "Of the row and its inversion."
        ),
        Fidelity("durations 1 to 12 thirty-seconds", "faithful", "memory", "Read backwards."),
        Fidelity(
            "dynamics and attacks from diagonals",
            "simplified",
            "memory",
            "One of each for a line; which diagonals were taken was not checked, and attacks are "
            "five signs and none.",
        ),
        Fidelity(
            "number of lines at once", "simplified", "ours", "Two; the original has up to six."
        ),
        Fidelity("the row", "invented", "ours", "Drawn anew or given."),
        Fidelity("registers, tempo", "invented", "ours", "Octaves are drawn."),
    ),
    citations=(
        "Boulez, P. (1955). Structures, premier livre, for two pianos. Universal Edition (1a: "
        "1951).",
        "Ligeti, G. (1958). Pierre Boulez: Entscheidung und Automatik in der Structure 1a. Die "
        "Reihe 4.",
    ),
    exercises=(
        "Set `row=0,1,2,3,4,5,6,7,8,9,10,11`. What happens to the matrix, and do you hear it?",
        "Find in the matrix the line of which piano II's durations are the retrograde.",
        "How many choices does one section leave to a composer? Count them.",
        "`hybrid demo compare total-serialism illiac-rhythm`: do the figures tell them apart?",
    ),
)
