"""A mode of values and intensities: every pitch bound to one duration, dynamic and attack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Cells, Machine, State, Step, Table
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import note_name

#: Seven dynamics with their velocities.
DYNAMICS = (("ppp", 26), ("pp", 40), ("p", 54), ("mf", 76), ("f", 94), ("ff", 110), ("fff", 124))
#: Twelve attacks, as combinations of five signs.
ATTACKS: tuple[tuple[str, ...], ...] = (
    (),
    ("tenuto",),
    ("accent",),
    ("staccato",),
    ("marcato",),
    ("staccatissimo",),
    ("accent", "tenuto"),
    ("accent", "staccato"),
    ("staccato", "tenuto"),
    ("marcato", "staccato"),
    ("accent", "staccatissimo"),
    ("marcato", "tenuto"),
)
#: Name, unit of duration in thirty-seconds, highest pitch from which the division descends.
DIVISIONS = (("I", 1, 94), ("II", 2, 80), ("III", 4, 64))
THIRTY_SECOND = TICKS_PER_QUARTER // 8


@dataclass(frozen=True)
class Bound:
    """A pitch and what it is bound to for the whole piece."""

    pitch: int
    units: int
    """Thirty-second notes."""
    dynamic: int
    attack: int


def make_mode(rng: np.random.Generator) -> tuple[tuple[Bound, ...], ...]:
    """Invent a mode: three divisions of the twelve pitch classes, each falling through registers.

    Returns
    -------
    tuple of three tuples of twelve Bound
        From the highest and shortest note to the lowest and longest.
    """
    mode = []
    for _, unit, top in DIVISIONS:
        dynamics = [int(n) for n in rng.permutation([n % 7 for n in range(12)])]
        attacks = [int(n) for n in rng.permutation(12)]
        classes = [int(pc) for pc in rng.permutation(12)]
        pitch, notes = top + 1, []
        for number, pc in enumerate(classes, start=1):
            # The next lower pitch of its class, so that the division falls and spans octaves.
            pitch -= (pitch - pc - 1) % 12 + 1
            # What would fall too far is lifted back, an octave at a time, at most once in a row.
            while pitch < top - 34:
                pitch += 12
            notes.append(Bound(pitch, unit * number, dynamics[number - 1], attacks[number - 1]))
        # Durations lengthen as the pitch falls.
        order = sorted((note.pitch for note in notes), reverse=True)
        mode.append(
            tuple(
                Bound(pitch, note.units, note.dynamic, note.attack)
                for pitch, note in zip(order, notes, strict=True)
            )
        )
    return tuple(mode)


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Invent a mode and let three voices walk through it freely."""
    mode = make_mode(rng)
    ledger = Ledger()
    for name, _, top in DIVISIONS:
        ledger.track(f"division {name}", program=0, clef="treble" if top > 70 else "bass")
    panels = tuple(
        _panel(name, division) for (name, _, _), division in zip(DIVISIONS, mode, strict=True)
    )
    end = values.integer("bars") * 2 * TICKS_PER_QUARTER
    written: list[tuple[int, int, int]] = []
    bound = [
        [
            ledger.decide(
                "mode",
                f"division {name}",
                f"{note_name(note.pitch)} is bound to {note.units}/32, "
                f"{DYNAMICS[note.dynamic][0]}, {_attack_name(note.attack)}",
                track=f"division {name}",
            )
            for note in division
        ]
        for (name, _, _), division in zip(DIVISIONS, mode, strict=True)
    ]
    for voice, division in enumerate(mode):
        name = f"division {DIVISIONS[voice][0]}"
        now, since = 0, np.full(12, 12.0)
        # A note keeps its duration even at the end: the voices stop one by one.
        while now < end:
            # The order is free: what has not been heard for long is likelier, never the last one.
            chances = since * (since > 0) if values.flag("avoid") else (since > 0).astype(float)
            chances = chances / chances.sum()
            place = int(rng.choice(12, p=chances))
            note = division[place]
            length = note.units * THIRTY_SECOND
            ledger.note(
                name,
                now,
                length,
                note.pitch,
                maker="free order",
                choice=f"{note_name(note.pitch)}: {note.units}/32, {DYNAMICS[note.dynamic][0]}, "
                f"{_attack_name(note.attack)}",
                velocity=DYNAMICS[note.dynamic][1],
                parent=bound[voice][place],
                probability=float(chances[place]),
            )
            for mark in ATTACKS[note.attack]:
                ledger.articulate(name, now, note.pitch, mark)
            written.append((now, voice, place))
            since += 1
            since[place] = 0
            now += length
    # A pair of notes that meets is a fact of the three speeds, not of a plan.
    score, trace = ledger.close(
        title="A mode of values and intensities",
        qpm=values.number("tempo"),
        metre="2/4",
        counts={
            "pitches in the mode": 36,
            "different durations": len({note.units for division in mode for note in division}),
        },
    )
    return Demonstration(
        score,
        trace,
        Machine((*panels, _HEARD), tuple(_steps(mode, panels, written))),
        (("Pitches", "36, in 3 divisions"), ("Durations", "24"), ("Dynamics", "7")),
    )


_HEARD = Cells(
    "heard",
    "How often each note was heard",
    "A row for each division, a column for each of its notes; the darker the oftener.",
    width=12,
    height=3,
    legend=("never", "once", "twice", "3", "4", "5", "6", "7", "8", "9 and more"),
    row_names=tuple(f"division {name}" for name, _, _ in DIVISIONS),
    ordered=True,
    column_names=tuple(str(number) for number in range(1, 13)),
)


def _panel(name: str, division: tuple[Bound, ...]) -> Table:
    return Table(
        f"division-{name.lower()}",
        f"Division {name}"
        + (" (> accent, – tenuto, · staccato, ▾ staccatissimo, ^ marcato)" if name == "I" else ""),
        f"The twelve notes of division {name} with their durations, dynamics and attacks.",
        columns=tuple(note_name(note.pitch) for note in division),
        rows=(
            tuple(str(note.units) for note in division),
            tuple(DYNAMICS[note.dynamic][0] for note in division),
            tuple(_signs(note.attack) for note in division),
        ),
        names=("thirty-seconds", "dynamic", "attack"),
    )


_SIGNS = {"accent": ">", "tenuto": "–", "staccato": "·", "staccatissimo": "▾", "marcato": "^"}


def _signs(attack: int) -> str:
    return " ".join(_SIGNS[mark] for mark in ATTACKS[attack]) or "plain"


def _attack_name(attack: int) -> str:
    return " + ".join(ATTACKS[attack]) or "plain"


def _steps(
    mode: tuple[tuple[Bound, ...], ...],
    panels: tuple[Table, ...],
    written: list[tuple[int, int, int]],
) -> list[Step]:
    heard = np.zeros((3, 12), dtype=int)
    steps = []
    for tick, voice, place in sorted(written):
        note = mode[voice][place]
        heard[voice, place] = min(9, heard[voice, place] + 1)
        states: dict[str, State] = {
            panels[voice].name: panels[voice].mark(chosen=[(row, place) for row in range(3)]),
            "heard": _HEARD.show(heard.tolist(), lit=[(voice, place)]),
        }
        steps.append(
            Step(
                f"Division {DIVISIONS[voice][0]}: {note_name(note.pitch)} for {note.units} "
                f"thirty-seconds, {DYNAMICS[note.dynamic][0]}, {_attack_name(note.attack)}, as "
                "always.",
                states,
                tick,
                tick + 1,
                (f"division {DIVISIONS[voice][0]}",),
            )
        )
    return steps


EXHIBIT = Exhibit(
    name="mode-de-valeurs",
    title="A mode of values and intensities",
    year="1949",
    people=("after Olivier Messiaen",),
    summary="Thirty-six pitches, each bound to one duration, one dynamic and one attack.",
    story=(
        "In the summer of 1949 Olivier Messiaen wrote a piano study in which a pitch is never "
        "heard without its own duration, its own loudness and its own attack. Three divisions, "
        "each of all twelve notes, count durations of one to twelve thirty-seconds, sixteenths and "
        "eighths: thirty-six sounds that never change.",
        "It is not serial music: the order of the notes is free. But his pupils heard in it that "
        "everything can be ordered, and total serialism began.",
        "Messiaen's table is in copyright and is not used here. Each seed invents another mode of "
        "the same construction. Listen how a sound is recognised: after a minute one knows the "
        "loud low note and waits for it.",
    ),
    parameters=(
        Parameter("bars", 28, "Bars of two quarters.", low=4, high=200),
        Parameter("tempo", 60.0, "Quarters a minute.", low=20.0, high=200.0),
        Parameter("avoid", True, "Prefer what has not been heard for long."),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "binding",
            "faithful",
            "source",
            "Each pitch of a division has one duration, dynamic and attack throughout.",
        ),
        Fidelity(
            "three divisions",
            "faithful",
            "source",
            "All twelve pitch classes each, in overlapping registers; durations 1 to 12 times "
            "1/32, 1/16 and 1/8, which makes 24 different ones.",
        ),
        Fidelity(
            "seven dynamics, twelve attacks",
            "simplified",
            "source",
            "Messiaen says twelve attacks, Griffiths counts seven signs; ours are combinations of "
            "five signs.",
        ),
        Fidelity(
            "longer as they fall",
            "simplified",
            "source",
            "Said of the middle voice; here in all three.",
        ),
        Fidelity("the mode itself", "invented", "ours", "Drawn anew; not Messiaen's table."),
        Fidelity("order of the notes", "invented", "ours", "Free there too, but by a composer."),
    ),
    citations=(
        "Messiaen, O. (1950). Mode de valeurs et d'intensités. Durand, Paris (written in "
        "Darmstadt, 1949).",
        "Griffiths, P. (1985). Olivier Messiaen and the Music of Time. Faber, London.",
    ),
    exercises=(
        "Set `avoid=false`. What becomes of the sense that all sounds are equal?",
        "Choose one sound in the table and follow it through the score. How often does it come?",
        "Why are there 24 different durations and not 36? Write them down.",
        "Compare it with total serialism: `hybrid demo compare mode-de-valeurs total-serialism`.",
    ),
)
