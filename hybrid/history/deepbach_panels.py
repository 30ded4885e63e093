"""DeepBach made visible: the score being drawn anew, what was drawn, and how training went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hybrid.core.pitch import Key
from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.chorale_grids import LOWEST
from hybrid.history.chorales import SIXTEENTH, VOICES
from hybrid.history.deepbach_model import HOLD, N_PITCHES, SILENT, Symbols, sounding
from hybrid.history.deepbach_sampling import Draw, Run
from hybrid.history.learning_curve import learning_curve
from hybrid.history.panels import Cells, Curve, Machine, State, Step, Text
from hybrid.history.words import note_name

#: Most steps that show draws; later ones are further apart.
MOST_SHOWN = 70
#: Sixteenths that the picture holds; of longer pieces it shows the beginning.
MOST_COLUMNS = 256


def symbol_name(symbol: int, key: Key) -> str:
    """What a symbol is called.

    >>> symbol_name(24, Key.parse("C major")), symbol_name(HOLD, Key.parse("C major"))
    ('C4', '__')
    """
    if symbol == HOLD:
        return "__"
    if symbol == SILENT:
        return "rest"
    pitch = symbol + LOWEST
    return note_name(pitch, key.spell(pitch))


def told(draw: Draw, key: Key, where: str) -> str:
    """A draw in one line."""
    others = ", ".join(f"{symbol_name(symbol, key)} {chance:.2f}" for symbol, chance in draw.others)
    before = symbol_name(draw.before, key)
    drawn = symbol_name(draw.symbol, key)
    change = f"{before} stays" if draw.before == draw.symbol else f"{before} → {drawn}"
    return f"{where}, {VOICES[draw.voice]}: {change} ({draw.chance:.2f}; {others})"


def shown_groups(count: int) -> list[int]:
    """Which of so many groups of draws are shown: the first ones, then ever fewer.

    >>> shown_groups(3)
    [0, 1, 2]
    """
    if count <= MOST_SHOWN:
        return list(range(count))
    spread = np.geomspace(1, count, MOST_SHOWN) - 1
    return sorted(set(np.rint(spread).astype(int).tolist()))


class Stage:
    """Panels and steps of a run.

    Parameters
    ----------
    run : Run
    key : Key
    places : sequence of str
        Bar and beat of each sixteenth, in words.
    notes : mapping
        Of the training, as in the file of weights.
    """

    def __init__(self, run: Run, key: Key, places: Sequence[str], notes: Mapping[str, Any]) -> None:
        self.run, self.key, self.places = run, key, places
        self.columns = min(MOST_COLUMNS, len(run.symbols))
        sounds = sounding(run.symbols)
        pitches = sounds[sounds < N_PITCHES]
        # What is drawn at first may lie outside what is left at the end.
        first = sounding(run.start)
        both = np.concatenate([pitches, first[first < N_PITCHES]])
        self.low, self.high = int(both.min()), int(both.max())
        names = [
            note_name(symbol + LOWEST) if (symbol + LOWEST) % 12 == 0 else ""
            for symbol in range(self.high, self.low - 1, -1)
        ]
        self.roll = Cells(
            "score",
            "The score being drawn anew",
            "A row for each semitone and a column for each sixteenth; colours tell the voices, "
            "and frames show what has just been drawn.",
            width=self.columns,
            height=self.high - self.low + 1,
            legend=("nothing", *VOICES),
            row_names=tuple(names),
        )
        self.log = Text(
            "drawn",
            "What was drawn, and what else was likely",
            "For each symbol just drawn its place and voice, what stood there before, its chance, "
            "and the likeliest others; __ holds the note before.",
        )
        self.course = Curve(
            "course",
            "How likely the score is to itself",
            "Nats of surprise at what was drawn, and the share of draws that changed something, "
            "for each sweep.",
            x_name="sweep",
            y_name="nats, share",
            series=(
                ("surprise", tuple(map(float, range(1, len(run.losses) + 1))), tuple(run.losses)),
                ("changed", tuple(map(float, range(1, len(run.changed) + 1))), tuple(run.changed)),
            ),
        )
        self.training = learning_curve(
            "Nats for each voice and sixteenth while training, of the chorales learnt from and of "
            "those for validation, with two models that only count.",
            notes["curve"],
            notes["counted"],
        )
        self.last_update = float(notes["curve"]["update"][-1])

    def picture(self, symbols: Symbols, lit: Sequence[tuple[int, int]] = ()) -> State:
        """The score as cells; ``lit`` are (time, voice)."""
        sounds = sounding(symbols)[: self.columns]
        grid = np.zeros((self.high - self.low + 1, self.columns), dtype=int)
        for voice in range(len(VOICES) - 1, -1, -1):
            columns = np.flatnonzero(sounds[:, voice] < N_PITCHES)
            grid[self.high - sounds[columns, voice], columns] = voice + 1
        frames = [
            (self.high - int(sounds[time, voice]), time)
            for time, voice in lit
            if time < self.columns and sounds[time, voice] < N_PITCHES
        ]
        return self.roll.show(grid.tolist(), frames)

    def machine(self) -> Machine:
        """All steps: the chance beginning, draws, then the music quarter by quarter."""
        run = self.run
        now = run.start.copy()
        steps = [
            Step(
                "Every free voice begins with any symbol of its range.",
                {
                    "score": self.picture(now),
                    "drawn": self.log.say(["nothing yet"]),
                    "course": self.course.at(0),
                    "training": self.training.at(self.last_update),
                },
            )
        ]
        shown = set(shown_groups(len(run.draws)))
        for number, group in enumerate(run.draws):
            for draw in group:
                now[draw.time, draw.voice] = draw.symbol
            if number in shown:
                lit = [(draw.time, draw.voice) for draw in group]
                lines = [told(draw, self.key, self.places[draw.time]) for draw in group]
                sweep = group[0].sweep
                steps.append(
                    Step(
                        f"Sweep {sweep}: {len(group)} symbols drawn, far apart.",
                        {
                            "score": self.picture(now, lit),
                            "drawn": self.log.say(lines),
                            "course": self.course.at(sweep),
                        },
                    )
                )
        last = run.last()
        quarter = TICKS_PER_QUARTER // SIXTEENTH
        for first in range(0, len(now), quarter):
            inside = range(first, min(first + quarter, len(now)))
            places = [(time, voice) for time in inside for voice in range(len(VOICES))]
            lines = [
                told(last[place], self.key, self.places[place[0]])
                for place in places
                if place in last and last[place].symbol != HOLD
            ]
            steps.append(
                Step(
                    f"As it ended: {self.places[first]}.",
                    {
                        "score": self.picture(now, places),
                        "drawn": self.log.say(lines or ["all hold, or were given"]),
                    },
                    first * SIXTEENTH,
                    (inside[-1] + 1) * SIXTEENTH,
                )
            )
        return Machine((self.roll, self.log, self.course, self.training), tuple(steps))
