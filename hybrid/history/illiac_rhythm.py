"""Illiac Suite, experiment 3: rhythm, dynamics and playing by codes, chromatic notes and rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hybrid.core.score import PROGRAM_DTYPE, TICKS_PER_QUARTER, Marker
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Cells, Machine, Step, Table, Text
from hybrid.history.parameters import Parameter, Values
from hybrid.history.rows import FORMS, row_form, row_matrix
from hybrid.history.words import class_name, note_name

EIGHTH = TICKS_PER_QUARTER // 2
BAR = 4 * EIGHTH
VOICES = (("violin I", 40, 60), ("violin II", 40, 57), ("viola", 41, 50), ("cello", 42, 40))
DYNAMICS = (("pp", 40), ("p", 54), ("mp", 66), ("mf", 80), ("f", 96), ("ff", 112))
#: Name, General MIDI program (None: the instrument's own), articulation.
PLAYING = (
    ("bowed", None, ""),
    ("plucked", 45, ""),
    ("trembling", 44, ""),
    ("detached", None, "staccato"),
    ("marked", None, "accent"),
)


def pattern(code: int) -> list[tuple[int, int]]:
    """Attacks of a bar of four eighths: (eighth, length in eighths).

    A bit is an attack, the highest first; between attacks the note is held, before the first there
    is silence.

    >>> pattern(0b1000), pattern(0b0110), pattern(0)
    ([(0, 4)], [(1, 1), (2, 2)], [])
    """
    attacks = [at for at in range(4) if code >> (3 - at) & 1]
    ends = [*attacks[1:], 4] if attacks else []
    return [(at, end - at) for at, end in zip(attacks, ends, strict=True)]


@dataclass
class _Voice:
    name: str
    low: int
    code: int = 0
    left: int = 0
    decision: int | None = None
    dynamic: int = 3
    playing: int = 0
    queue: list[tuple[int, int]] = field(default_factory=list)
    """Pitch classes of the row that are still to come, with the decision that chose the form."""


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Chromatic notes at random, then rows, over the same kind of rhythm."""
    ledger = Ledger()
    for name, program, _ in VOICES:
        ledger.track(name, program=program)
    stage = _Stage(ledger, rng, values)
    bars = values.integer("bars")
    for bar in range(2 * bars):
        stage.write(bar, "random chromatic" if bar < bars else "rows")
    changes: dict[str, list[tuple[int, int]]] = {name: [] for name, _, _ in VOICES}
    for tick, name, program in stage.programs:
        changes[name].append((tick, program))
    for name, found in changes.items():
        ledger.change(name, programs=np.array(found, dtype=PROGRAM_DTYPE))
    score, trace = ledger.close(
        title="Rhythm by codes",
        qpm=88.0,
        metre="4/8",
        markers=(Marker(0, "Random chromatic"), Marker(bars * BAR, "Rows")),
        counts={"rhythm codes drawn": stage.n_codes, "rows used": stage.n_rows},
    )
    row = " ".join(class_name(pc) for pc in stage.row)
    machine = Machine((stage.cells, stage.matrix, stage.log), tuple(stage.steps))
    return Demonstration(score, trace, machine, (("Row", row),))


class _Stage:
    """Writes bar after bar."""

    def __init__(self, ledger: Ledger, rng: np.random.Generator, values: Values) -> None:
        self.ledger, self.rng, self.values = ledger, rng, values
        self.row = [int(pc) for pc in rng.permutation(12)]
        self.voices = [_Voice(name, low) for name, _, low in VOICES]
        self.programs: list[tuple[int, str, int]] = []
        self.steps: list[Step] = []
        self.n_codes = self.n_rows = 0
        self.cells = Cells(
            "rhythm",
            "Attacks of this bar",
            "A row for each voice, a column for each eighth; attacks are coloured, held notes "
            "pale.",
            width=4,
            height=4,
            legend=("silence", "attack", "held"),
            row_names=tuple(name for name, _, _ in VOICES),
            column_names=("1", "2", "3", "4"),
        )
        matrix = row_matrix(self.row)
        self.matrix = Table(
            "row",
            "The row in its forms",
            "Matrix of the row: rows are its transpositions, columns its inversions.",
            rows=tuple(tuple(class_name(pc) for pc in line) for line in matrix),
        )
        self.log = Text("log", "What was drawn", "Codes, dynamics and playing drawn for this bar.")

    def write(self, bar: int, source: str) -> None:
        """One bar of all voices."""
        tick = bar * BAR
        lines: list[str] = []
        grid = [[0] * 4 for _ in self.voices]
        places: list[tuple[int, int]] = []
        leader = self.voices[0]
        for number, voice in enumerate(self.voices):
            is_shared = number > 0 and self.rng.random() < self.values.number("shared")
            if is_shared:
                # Vertical redundancy: a voice moves with the first one.
                voice.code, voice.left, voice.decision = leader.code, leader.left, leader.decision
                lines.append(f"{voice.name:<9} {voice.code:04b} with violin I")
            elif voice.left <= 0:
                self._draw_code(voice, tick, lines)
            else:
                lines.append(f"{voice.name:<9} {voice.code:04b} again")
            voice.left -= 1
            self._draw_manner(voice, tick, lines)
            for at, length in pattern(voice.code):
                for held in range(length):
                    grid[number][at + held] = 2 if held else 1
                places += self._note(voice, tick + at * EIGHTH, length, source)
        self.steps.append(
            Step(
                f"Bar {bar + 1}, {source}: codes "
                + ", ".join(f"{voice.code:04b}" for voice in self.voices)
                + ".",
                {
                    "rhythm": self.cells.show(grid),
                    "row": self.matrix.mark(chosen=places),
                    "log": self.log.say(lines),
                },
                tick,
                tick + BAR,
            )
        )

    def _draw_code(self, voice: _Voice, tick: int, lines: list[str]) -> None:
        voice.code = int(self.rng.integers(0, 16))
        voice.left = int(self.rng.integers(1, self.values.integer("repeats") + 1))
        self.n_codes += 1
        voice.decision = self.ledger.decide(
            "rhythm",
            "code",
            f"{voice.code:04b} for {voice.left} bars",
            tick=tick,
            track=voice.name,
            probability=1 / 16,
        )
        lines.append(f"{voice.name:<9} {voice.code:04b} for {voice.left} bars")

    def _draw_manner(self, voice: _Voice, tick: int, lines: list[str]) -> None:
        if self.rng.random() < 0.25:
            voice.dynamic = int(self.rng.integers(0, len(DYNAMICS)))
            self.ledger.decide(
                "dynamic", "code", DYNAMICS[voice.dynamic][0], tick=tick, track=voice.name
            )
            lines.append(f"{voice.name:<9} {DYNAMICS[voice.dynamic][0]}")
        if self.rng.random() < 0.15:
            voice.playing = int(self.rng.integers(0, len(PLAYING)))
            name, program, _ = PLAYING[voice.playing]
            own = next(number for who, number, _ in VOICES if who == voice.name)
            self.programs.append((tick, voice.name, own if program is None else program))
            self.ledger.decide("playing", "code", name, tick=tick, track=voice.name)
            lines.append(f"{voice.name:<9} {name}")

    def _note(self, voice: _Voice, tick: int, length: int, source: str) -> list[tuple[int, int]]:
        place: list[tuple[int, int]] = []
        parent = voice.decision
        if source == "rows":
            if not voice.queue:
                self._draw_form(voice, tick)
            kind, parent = voice.queue.pop(0)
            choice = f"note {12 - len(voice.queue)} of its row"
            row, column = self._place(kind)
            place.append((row, column))
            chance = None
        else:
            kind = int(self.rng.integers(0, 12))
            choice, chance = "any of the twelve", 1 / 12
        octave = int(self.rng.integers(0, 2))
        pitch = voice.low + (kind - voice.low) % 12 + 12 * octave
        self.ledger.note(
            voice.name,
            tick,
            length * EIGHTH,
            pitch,
            maker=source,
            choice=f"{note_name(pitch)}: {choice}",
            velocity=DYNAMICS[voice.dynamic][1],
            articulation=PLAYING[voice.playing][2],
            parent=parent,
            probability=chance,
        )
        return place

    def _place(self, kind: int) -> tuple[int, int]:
        # Every pitch class stands once in the first line of the matrix.
        return 0, self.row.index(kind)

    def _draw_form(self, voice: _Voice, tick: int) -> None:
        form = FORMS[int(self.rng.integers(0, 4))]
        shift = int(self.rng.integers(0, 12))
        self.n_rows += 1
        decision = self.ledger.decide(
            "row",
            "code",
            f"{form}{shift}",
            tick=tick,
            track=voice.name,
            parent=voice.decision,
            probability=1 / 48,
        )
        voice.queue = [(pc, decision) for pc in row_form(self.row, form, shift)]


EXHIBIT = Exhibit(
    name="illiac-rhythm",
    title="Illiac Suite 3: rhythm, dynamics and rows",
    year="1957",
    people=("Lejaren Hiller", "Leonard Isaacson"),
    summary="Four-bit codes draw rhythm, dynamics and playing; notes are chromatic, then rows.",
    story=(
        "The third experiment leaves strict counterpoint for the music of its own time. Everything "
        "is a code: four bits say on which eighths of a bar a voice attacks, a number says how "
        "often the bar's rhythm is repeated, others how loud and in which way the strings are "
        "played.",
        "The repeats are what keeps it from being mere noise. The authors call it redundancy: "
        "along a voice, because a pattern stays for some bars, and between voices, because some "
        "move together.",
        "First the notes are any of the twelve. Then each voice runs through a twelve-tone row in "
        "one of its 48 forms. Listen whether you can hear the difference: the composers of that "
        "year disagreed about it.",
    ),
    parameters=(
        Parameter("bars", 16, "Bars of each half.", low=4, high=120),
        Parameter("repeats", 6, "Most bars that a rhythm is repeated.", low=1, high=12),
        Parameter("shared", 0.3, "Chance that a voice moves with the first.", low=0.0, high=1.0),
    ),
    make=make,
    fidelity=(
        Fidelity("four-bit rhythm codes", "faithful", "memory", "An attack or none, 16 patterns."),
        Fidelity("repeats along and between voices", "simplified", "memory", "Drawn evenly."),
        Fidelity("dynamics, playing", "simplified", "memory", "Five ways of playing, not sixteen."),
        Fidelity("random chromatic music", "faithful", "memory", "All twelve notes alike."),
        Fidelity("rows", "simplified", "memory", "Each voice takes row forms by itself."),
        Fidelity("registers, tempo", "invented", "ours", "Two octaves for each instrument."),
    ),
    citations=(
        "Hiller, L. A., & Isaacson, L. M. (1959). Experimental Music: Composition with an "
        "Electronic Computer. McGraw-Hill, New York.",
    ),
    exercises=(
        "Set `repeats=1 shared=0`: no redundancy. Then `repeats=12 shared=1`. What do you follow?",
        "How many bits does a bar of four voices hold with and without repeats?",
        "Find a row in the decision trace and check that it has each of the twelve notes once.",
    ),
)
