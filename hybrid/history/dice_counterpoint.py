"""Double counterpoint without knowing the rules: nine choices for each bar of each voice."""

from __future__ import annotations

import re

import numpy as np

from hybrid.core.errors import ConfigError
from hybrid.core.pitch import Key
from hybrid.core.score import TICKS_PER_QUARTER, KeySignature, Marker
from hybrid.history.barbook import BarNote, load_bars, load_tables
from hybrid.history.dice import Player, number_table
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Dice, Machine, Step
from hybrid.history.parameters import Parameter, Values

N_BARS = 6
_DIGITS = re.compile(r"[1-9](\s*,\s*[1-9])*$")
_ALLOWED = f"random, or {N_BARS} numbers in 1..9 with commas between, or one for all bars"


def _parameter(name: str, voice: str) -> Parameter:
    def check(text: str) -> None:
        if text == "random":
            return
        n_numbers = len(text.split(",")) if _DIGITS.match(text) else 0
        if n_numbers not in (1, N_BARS):
            raise ConfigError(f"{name} must be {_ALLOWED}, got {text!r}")

    return Parameter(
        name, "random", f"Numbers thought of for the {voice}.", check=check, allowed=_ALLOWED
    )


def _numbers(text: str, rng: np.random.Generator) -> list[int]:
    # Always drawn, so that a fixed voice leaves the other one as it is.
    drawn = [int(number) for number in rng.integers(1, 10, size=N_BARS)]
    if text == "random":
        return drawn
    given = [int(part) for part in text.split(",")]
    return given * N_BARS if len(given) == 1 else given


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Pick six bars for each voice; then let the voices change places."""
    table, bars = load_tables()["bach"], load_bars("bach")
    picks = {name: _numbers(values.text(name), rng) for name in ("upper", "lower")}
    ledger = Ledger()
    ledger.track("upper voice", program=68, clef="treble")
    ledger.track("lower voice", program=70, clef="bass")
    bar_ticks = 4 * TICKS_PER_QUARTER
    player = Player(ledger, ("upper voice", "lower voice"), bar_ticks)
    thought = Dice("dice", "Numbers thought of", "The number thought of for each voice.")
    panels = {
        name: number_table(name, f"Bars of the {name} voice", table) for name in ("upper", "lower")
    }
    steps: list[Step] = []
    turns = ("as written", "inverted") if values.flag("invert") else ("as written",)
    past: dict[str, list[tuple[int, int]]] = {"upper": [], "lower": []}
    for turn in turns:
        for column in range(N_BARS):
            tick = player.now
            states = {}
            for place, name in enumerate(("upper", "lower")):
                pick = picks[name][column]
                number = table.bar(pick, column)
                staff = bars[number][place][0]
                # Turned round, the lower voice goes up two octaves, over the other an octave down.
                shift = 0
                track = f"{name} voice"
                if turn == "inverted":
                    shift = -12 if name == "upper" else 12
                    track = "lower voice" if name == "upper" else "upper voice"
                pick_at = ledger.decide(
                    "number",
                    "thought of",
                    f"{pick} for the {name} voice",
                    tick=tick,
                    probability=1 / 9 if values.text(name) == "random" else None,
                )
                choice = ledger.decide(
                    "bar",
                    "table",
                    f"bar {number} of the {name} voice, {turn}",
                    tick=tick,
                    parent=pick_at,
                    rejected=[f"bar {row[column]}" for row in table.rows if row[column] != number],
                )
                for note in staff:
                    _write(ledger, track, tick, note, shift, f"{name} bar {number}, {turn}", choice)
                mark = (pick - 1, column)
                states[name] = panels[name].mark(chosen=[mark], past=past[name])
                past[name].append(mark)
            upper, lower = picks["upper"][column], picks["lower"][column]
            states["dice"] = thought.show([upper, lower], f"upper {upper}, lower {lower}")
            steps.append(
                Step(
                    f"Bar {column + 1}, {turn}: {upper} is thought of for the upper voice, "
                    f"{lower} for the lower.",
                    states,
                    tick,
                    tick + bar_ticks,
                )
            )
            player.now += bar_ticks
    score, trace = ledger.close(
        title="Double counterpoint by numbers",
        qpm=112.0,
        metre="2/2",
        keys=(KeySignature(0, Key.parse("C major")),),
        markers=tuple(
            Marker(at * N_BARS * bar_ticks, turn.capitalize()) for at, turn in enumerate(turns)
        ),
        counts={"different pieces": 9 ** (2 * N_BARS)},
    )
    facts = (
        ("Upper voice", " ".join(map(str, picks["upper"]))),
        ("Lower voice", " ".join(map(str, picks["lower"]))),
        ("Different pieces", f"{9 ** (2 * N_BARS):,}".replace(",", " ")),
    )
    return Demonstration(
        score, trace, Machine((thought, panels["upper"], panels["lower"]), tuple(steps)), facts
    )


def _write(
    ledger: Ledger, track: str, tick: int, note: BarNote, shift: int, maker: str, parent: int
) -> None:
    ledger.note(
        track,
        tick + note.onset,
        note.duration,
        note.pitch + shift,
        maker=maker,
        choice="as the book has it"
        + (f", {abs(shift) // 12} octave {'up' if shift > 0 else 'down'}" if shift else ""),
        spelling=note.spelling,
        parent=parent,
    )


EXHIBIT = Exhibit(
    name="dice-counterpoint",
    title="Double counterpoint by numbers",
    year="1757",
    people=("Carl Philipp Emanuel Bach",),
    summary="Think of twelve numbers: six bars in two voices that may change places.",
    story=(
        "In the year of Kirnberger's dice, Carl Philipp Emanuel Bach published “an idea for making "
        "six bars of double counterpoint at the octave without knowing the rules”. Whoever plays "
        "thinks of a number from 1 to 9 for each bar of each voice and copies notes from two "
        "tables.",
        "Double counterpoint means that the voices may change places: what was above an octave "
        "lower, what was below an octave higher. It works because all nine choices of a bar "
        "outline one harmony, whose thirds become sixths when the voices are exchanged. All 486 "
        "pairs of bars were checked here: no voices cross, no fifths or octaves run parallel.",
        "There are nine to the power of twelve such pieces, 282 429 536 481. Listen to the second "
        "half: it is the first with its voices exchanged.",
    ),
    parameters=(
        _parameter("upper", "upper voice"),
        _parameter("lower", "lower voice"),
        Parameter("invert", True, "Play it again with the voices exchanged."),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "music",
            "faithful",
            "source",
            "Fifty-four bars for each voice; two encodings were compared and differ in four notes, "
            "which stay undecided until the print is seen.",
        ),
        Fidelity(
            "tables",
            "simplified",
            "memory",
            "The print has tables of single letters that are read with a stride of nine; here the "
            "bars that they spell are numbered.",
        ),
        Fidelity("exchange of voices", "faithful", "source", "At the octave, as the title says."),
        Fidelity("oboe, bassoon, tempo", "invented", "ours", "So that the voices can be told."),
    ),
    citations=(
        "Bach, C. P. E. (1757). Einfall, einen doppelten Contrapunct in der Octave von sechs "
        "Tacten zu machen, ohne die Regeln davon zu wissen. In Marpurg, Historisch-kritische "
        "Beyträge 3, Berlin.",
        "Helm, E. E. (1966). Six random measures of C. P. E. Bach. Journal of Music Theory 10.",
        "Encodings compared: J. L. A. Uro, mdgBookSVG2Kit (CC0); R. Harms, musical-games.",
    ),
    exercises=(
        "Set `upper=1 lower=1`, then change one number. What stays the same in the bar?",
        "Which intervals sound on the first beat of each bar, before and after the exchange?",
        "Write a tenth choice for bar 2 of the upper voice. Against which lower bars must it be "
        "checked?",
    ),
)
