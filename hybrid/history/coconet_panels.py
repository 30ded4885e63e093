"""Coconet made visible: the score and the holes at each step, and how training went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.chorale_grids import LOWEST
from hybrid.history.chorales import SIXTEENTH, VOICES
from hybrid.history.coconet import STEP, Picture
from hybrid.history.coconet_model import Mask, Pitches
from hybrid.history.coconet_sampling import Fill, Run
from hybrid.history.learning_curve import learning_curve
from hybrid.history.panels import Cells, Curve, Machine, State, Step, Text
from hybrid.history.words import note_name

#: Most steps of Gibbs sampling that are shown; later ones are further apart.
MOST_SHOWN = 100
#: Notes told of at a quarter.
MOST_LINES = 8


class Stage:
    """Panels and steps of a run.

    Parameters
    ----------
    run : Run
    picture : Picture
    places : sequence of str
        Bar and beat of each eighth, in words.
    notes : mapping
        Of the training, as in the file of weights.
    """

    def __init__(
        self, run: Run, picture: Picture, places: Sequence[str], notes: Mapping[str, Any]
    ) -> None:
        self.run, self.picture, self.places = run, picture, places
        self.key = picture.task.grid.key
        columns = len(run.pitches)
        every = np.concatenate(run.states)
        self.low, self.high = int(every.min()), int(every.max())
        names = [
            note_name(pitch + LOWEST) if (pitch + LOWEST) % 12 == 0 else ""
            for pitch in range(self.high, self.low - 1, -1)
        ]
        self.roll = Cells(
            "score",
            "The score",
            "A row for each semitone and a column for each eighth; colours tell the voices, and "
            "frames show what has just been filled in.",
            width=columns,
            height=self.high - self.low + 1,
            legend=("nothing", *VOICES),
            row_names=tuple(names),
        )
        self.mask = Cells(
            "mask",
            "The mask",
            "A row for each voice and a column for each eighth: what is given, what is known at "
            "this step, and the holes.",
            width=columns,
            height=len(VOICES),
            legend=("known", "hole", "given"),
            row_names=VOICES,
        )
        self.log = Text(
            "filled",
            "What was filled in, the least likely first",
            "For some of the holes of this step the pitch that was drawn, its chance, and the "
            "likeliest others.",
        )
        numbers = tuple(map(float, range(1, len(run.shares) + 1)))
        self.course = Curve(
            "course",
            "Fewer holes, less surprise",
            "For each step the chance of being rubbed out, the share of the holes that came back "
            "otherwise, and nats of surprise at what was drawn.",
            x_name="step",
            y_name="share, nats",
            series=(
                ("rubbed out", numbers, tuple(run.shares)),
                ("came back otherwise", numbers, tuple(run.changed)),
                ("surprise", numbers, tuple(run.losses)),
            ),
        )
        self.training = learning_curve(
            "Nats for each voice and eighth in random orders while training, of the chorales "
            "learnt from and of those for validation, with models that only count.",
            notes["curve"],
            notes["counted"],
        )
        self.last_update = float(notes["curve"]["update"][-1])

    def _score(self, pitches: Pitches, lit: Mask | None = None) -> State:
        grid = np.zeros((self.high - self.low + 1, len(pitches)), dtype=int)
        columns = np.arange(len(pitches))
        for voice in range(len(VOICES) - 1, -1, -1):
            grid[self.high - pitches[:, voice], columns] = voice + 1
        frames = (
            []
            if lit is None
            else [
                (self.high - int(pitches[time, voice]), int(time))
                for time, voice in np.argwhere(lit)
            ]
        )
        return self.roll.show(grid.tolist(), frames)

    def _mask(self, hidden: Mask) -> State:
        given = ~self.picture.is_free
        return self.mask.show((np.where(given, 2, 0) + np.where(hidden, 1, 0)).T.tolist())

    def _told(self, time: int, voice: int, fill: Fill) -> str:
        others = ", ".join(f"{self._name(pitch)} {chance:.2f}" for pitch, chance in fill.others)
        name = self._name(fill.pitch)
        return f"{self.places[time]}, {VOICES[voice]}: {name} ({fill.chance:.2f}; {others})"

    def _name(self, pitch: int) -> str:
        return note_name(pitch + LOWEST, self.key.spell(pitch + LOWEST))

    def machine(self) -> Machine:
        """All steps of sampling, then the music quarter by quarter."""
        run = self.run
        count = len(run.masks)
        shown = list(range(count))
        if count > MOST_SHOWN:
            spread = np.geomspace(1, count, MOST_SHOWN) - 1
            shown = sorted(set(np.rint(spread).astype(int).tolist()))
        steps: list[Step] = []
        for number in shown:
            hidden = run.masks[number]
            lines = [
                f"{int(hidden.sum())} holes, {run.changed[number]:.0%} came back otherwise, "
                f"surprise {run.losses[number]:.2f} nats",
                *(self._told(*place, fill) for place, fill in run.surprises[number].items()),
            ]
            states = {
                "score": self._score(run.states[number], hidden),
                "mask": self._mask(hidden),
                "filled": self.log.say(lines),
                "course": self.course.at(number + 1),
            }
            if not steps:
                states["training"] = self.training.at(self.last_update)
            share = run.shares[number]
            caption = (
                f"Step {number + 1}: each note is rubbed out with chance {share:.2f}."
                if number
                else "Step 1: all that is not given is filled in at once."
            )
            steps.append(Step(caption, states))
        none = np.zeros_like(self.picture.is_free)
        quarter = TICKS_PER_QUARTER // SIXTEENTH // STEP
        columns = len(run.pitches)
        for first in range(0, columns, quarter):
            times = range(first, min(first + quarter, columns))
            here = none.copy()
            here[list(times)] = True
            filled = [
                (time, voice)
                for time in times
                for voice in range(len(VOICES))
                if (time, voice) in run.fills
            ]
            lines = [self._told(*place, run.fills[place]) for place in filled[:MOST_LINES]]
            steps.append(
                Step(
                    f"As it ended: {self.places[first]}.",
                    {
                        "score": self._score(run.pitches, here),
                        "mask": self._mask(none),
                        "filled": self.log.say(lines or ["all given"]),
                    },
                    first * STEP * SIXTEENTH,
                    (times[-1] + 1) * STEP * SIXTEENTH,
                )
            )
        return Machine((self.roll, self.mask, self.log, self.course, self.training), tuple(steps))
