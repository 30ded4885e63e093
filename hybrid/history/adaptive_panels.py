"""What is seen of a scene: curves, the plans one under another, the means, and the layers."""

from __future__ import annotations

from itertools import pairwise

from hybrid.history.adaptive_layers import BAR, LAYERS
from hybrid.history.adaptive_plan import Means
from hybrid.history.adaptive_scene import Replan, Scene
from hybrid.history.adaptive_script import said_at
from hybrid.history.panels import Cells, Curve, Machine, Mosaic, Place, Step, Table, Text, Tile
from hybrid.history.words import chord_name

#: Bars to one unit of width of the plans' tiles.
UNIT = 2.0


def make_machine(scene: Scene) -> Machine:
    """A step for each bar."""
    return _Panels(scene).machine()


class _Panels:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.n_bars = len(scene.values)
        self.calls = tuple(replan.call for replan in scene.replans)
        self.asked = self._asked()
        self.heard = self._heard()
        self.means, self.changed = self._means()
        self.plans, self.tiles_of = self._plans()
        self.layers = Cells(
            "layers",
            "Layers and players, bar by bar",
            "A row for each part and a column for each bar; filled where it plays.",
            width=self.n_bars,
            height=len(self._parts()),
            legend=("silent", "enters", "plays"),
            row_names=self._parts(),
        )
        self.log = Text("log", "What happens", "A line for each thing that happened.")

    def _parts(self) -> tuple[str, ...]:
        layers = [layer.name for layer in LAYERS]
        used = list(self.scene.programs)
        return (*used, *layers)

    def _asked(self) -> Curve:
        bars = tuple(float(bar) for bar in range(self.n_bars))
        said = [said_at(self.calls, bar) for bar in range(self.n_bars)]
        return Curve(
            "asked",
            "Tension and mood",
            "Tension and mood over the bars: what was called for, in steps, and what is heard, "
            "gliding.",
            x_name="bars that have passed",
            y_name="0..1",
            series=(
                ("tension, heard", bars, tuple(value[0] for value in self.scene.values)),
                ("mood, heard", bars, tuple(value[1] for value in self.scene.values)),
                ("tension, called for", bars, tuple(call.tension for call in said)),
                ("mood, called for", bars, tuple(call.mood for call in said)),
            ),
        )

    def _heard(self) -> Curve:
        bars = tuple(float(bar) for bar in range(self.n_bars))
        figures = self.scene.measured
        most = max(figures["density"]) or 1.0
        return Curve(
            "measured",
            "What came of it, measured",
            "Density, dissonance and loudness of the music in every bar.",
            x_name="bars that have passed",
            y_name="share",
            series=(
                (
                    f"notes in the bar, of {most:.0f}",
                    bars,
                    tuple(value / most for value in figures["density"]),
                ),
                ("dissonant pairs of notes", bars, figures["dissonance"]),
                (
                    "mean velocity, of 127",
                    bars,
                    tuple(value / 127 for value in figures["loudness"]),
                ),
            ),
        )

    def _means(self) -> tuple[Table, list[list[int]]]:
        """The means of each call beside each other, and which rows differ from the one before."""
        columns = [Means(call.tension, call.mood).rows() for call in self.calls]
        names = tuple(columns[0])
        extra = {
            "first chord": [chord_name(replan.opening) or "–" for replan in self.scene.replans],
            "said after bar": [str(call.bar) for call in self.calls],
            "heard from bar": [
                "never" if replan.join is None else str(replan.join + 1)
                for replan in self.scene.replans
            ],
        }
        rows = [tuple(column[name] for column in columns) for name in names]
        rows += [tuple(line) for line in extra.values()]
        changed: list[list[int]] = [[]]
        for before, after in pairwise(columns):
            changed.append([r for r, name in enumerate(names) if before[name] != after[name]])
        table = Table(
            "means",
            "The plan before and after each call",
            "A column for each call with the musical means it asks for; what changed is marked.",
            columns=tuple(call.name for call in self.calls),
            rows=tuple(rows),
            names=(*names, *extra),
        )
        return table, changed

    def _plans(self) -> tuple[Mosaic, list[int]]:
        """The plan after each call as a row, and how many tiles there are up to each row."""
        tiles, until = [], []
        tones: dict[str, int] = {}
        for row, replan in enumerate(self.scene.replans):
            for item in replan.plan:
                assert item.section.key is not None
                tone = tones.setdefault(item.section.label, len(tones))
                numerals = " ".join(chord_name(chord.numeral) for chord in item.phrase.chords)
                wide = item.bars >= 2
                tiles.append(
                    Tile(
                        row,
                        item.start / UNIT,
                        item.bars / UNIT,
                        item.section.label if wide else "",
                        item.section.key.name if wide else "",
                        tone,
                        f"bars {item.start + 1}-{item.end}, {item.section.key.name}, theme "
                        f"{item.phrase.theme}: {numerals}",
                    )
                )
            until.append(len(tiles))
        mosaic = Mosaic(
            "plans",
            "The plans, one under another",
            "A row for the plan after each call; phrases in the colour of their feeling.",
            tiles=tuple(tiles),
            row_names=tuple(f"after {call.bar}" for call in self.calls),
        )
        return mosaic, until

    def _grid(self, shown: int) -> list[list[int]]:
        players = len(self.scene.programs)
        rows = []
        for r, name in enumerate(self._parts()):
            row = [
                1 if self._sounds(r < players, name, bar) and bar <= shown else 0
                for bar in range(self.n_bars)
            ]
            for bar in range(self.n_bars - 1, -1, -1):
                if row[bar] and bar and row[bar - 1]:
                    row[bar] = 2
            rows.append(row)
        return rows

    def _sounds(self, is_player: bool, name: str, bar: int) -> bool:
        if not is_player:
            return name in self.scene.layers[bar]
        return name in self.scene.phrase_at(bar).section.instruments

    def machine(self) -> Machine:
        """All panels and steps."""
        steps = [self._step(bar) for bar in range(self.n_bars)]
        panels = (self.asked, self.means, self.plans, self.layers, self.heard, self.log)
        return Machine(panels, tuple(steps))

    def _step(self, bar: int) -> Step:
        call = said_at(self.calls, bar)
        number = self.calls.index(call)
        replan = self.scene.replans[number]
        lines = self._lines(bar)
        states = {
            "asked": self.asked.at(bar),
            "means": self.means.mark(
                chosen=self._marks(number, number), past=self._marks(number, number - 1)
            ),
            "plans": self.plans.show(self.tiles_of[number], self._tile(number, replan, bar)),
            "layers": self.layers.show(
                self._grid(bar), lit=[(r, bar) for r in range(self.layers.height)]
            ),
            "measured": self.heard.at(bar),
            "log": self.log.say(lines, lit=range(len(lines))),
        }
        return Step(f"Bar {bar + 1}: {lines[0]}", states, start=bar * BAR, end=(bar + 1) * BAR)

    def _marks(self, number: int, column: int) -> list[Place]:
        if column < 0:
            return []
        return [(row, column) for row in self.changed[number]]

    def _tile(self, number: int, replan: Replan, bar: int) -> int:
        """The tile of the phrase that sounds, in the plan in force."""
        first = self.tiles_of[number - 1] if number else 0
        return first + next(
            place for place, item in enumerate(replan.plan) if item.start <= bar < item.end
        )

    def _lines(self, bar: int) -> list[str]:
        """What happens in a bar."""
        lines = []
        for number, replan in enumerate(self.scene.replans):
            call = replan.call
            if call.bar == bar and bar:
                until = "no join is left" if replan.join is None else f"bar {replan.join + 1}"
                lines.append(
                    f"The game calls for {call.name} (tension {call.tension:g}, mood "
                    f"{call.mood:g}). The next join: {until}."
                )
            if replan.join == bar and bar and self._is_last_of_join(number):
                others = f"; not {', '.join(replan.rejected)}" if replan.rejected else ""
                lines.append(
                    f"The new plan comes in: {Means(call.tension, call.mood).key.name}, opening "
                    f"with {chord_name(replan.opening)}{others}."
                )
        if bar:
            now, before = self.scene.layers[bar], self.scene.layers[bar - 1]
            if now - before:
                lines.append(f"Enter: {', '.join(sorted(now - before))}.")
            if before - now:
                lines.append(f"Leave: {', '.join(sorted(before - now))}.")
        item = self.scene.phrase_at(bar)
        tension, mood = self.scene.values[bar]
        lines.append(
            f"{item.section.label}, theme {item.phrase.theme}; tension {tension:.2f}, mood "
            f"{mood:.2f}."
        )
        return lines

    def _is_last_of_join(self, number: int) -> bool:
        """Whether no later call took this join over."""
        join = self.scene.replans[number].join
        return all(later.join != join for later in self.scene.replans[number + 1 :])
