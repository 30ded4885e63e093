"""The CHORAL-style search made visible: views filling up, dead ends, jumps back."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.choral_chords import VOICES, Chord
from hybrid.history.choral_fill import Joint
from hybrid.history.choral_problem import BY_ID, RULES, Harmonisation, Item
from hybrid.history.choral_rules import VIEWS, Rule
from hybrid.history.choral_schenker import Reading
from hybrid.history.choral_search import Event, Run
from hybrid.history.panels import Bars, Cells, Curve, Machine, Step, Table, Text
from hybrid.history.words import chord_name, note_name

#: Rows of the picture of the views.
ROWS = ("skeleton", "fill", "schenker")
OPEN, STANDS, AT_WORK, TO_BLAME, JUMPED = range(5)
#: Most steps shown; what is later undone gives way where there are more.
MOST_STEPS = 1200
#: Candidates written out at a step, and rules that get a bar.
MOST_LINES, MOST_BARS = 10, 12
#: How much more of the other search is drawn.
LONGER = 3
#: Points of a curve.
MOST_POINTS = 600


def label(item: Item) -> str:
    """A candidate in one line: the chord and its notes from the soprano down, or the figures."""
    if isinstance(item, Chord):
        names = " ".join(
            note_name(pitch, tone) for pitch, tone in zip(item.pitches, item.spellings, strict=True)
        )
        return f"{chord_name(item.text)}: {names}"
    return item.text


def _thinned(values: Sequence[int]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Places and values, at most `MOST_POINTS` of them: of each stretch its lowest and highest."""
    size = max(1, -(-2 * len(values) // MOST_POINTS))
    xs: list[float] = []
    ys: list[float] = []
    for start in range(0, len(values), size):
        part = values[start : start + size]
        ends = {start + part.index(min(part)), start + part.index(max(part))}
        for place in sorted(ends):
            xs.append(float(place))
            ys.append(float(values[place]))
    return tuple(xs), tuple(ys)


def _said(rule: Rule) -> str:
    """What a rule says, with the weight of a heuristic."""
    if rule.kind == "heuristic":
        return f"{rule.words} (weight {rule.weight:+g})".replace("-", "−")
    return f"{rule.words} (writes)" if rule.kind == "production" else rule.words


class Stage:
    """Panels and steps for one search, with another one to compare it with."""

    def __init__(self, problem: Harmonisation, run: Run[Item], other: Run[Item]) -> None:
        self.problem, self.run = problem, run
        n_slots = len(problem.slots)
        self.views = Cells(
            "views",
            "The views at work",
            "A column for each chord; rows for chord skeleton, fill-in and Schenkerian reading; "
            "colours tell what stands, what is at work and which step is to blame.",
            width=n_slots,
            height=len(ROWS),
            legend=("open", "stands", "at work", "to blame", "jumped over"),
            row_names=tuple(VIEWS[row] for row in ROWS),
        )
        self.tried = Text(
            "tried",
            "Candidates, best first",
            "The candidates of this step in the order of the heuristics, and the rule each broke.",
        )
        self.busiest = [
            rule for rule, _ in sorted(run.broken.items(), key=lambda item: (-item[1], item[0]))
        ][:MOST_BARS]
        self.bars = Bars(
            "bars",
            "What has rejected candidates so far",
            "Bars for the constraints that rejected most, counted up to this step.",
            labels=tuple(f"{rule} {BY_ID[rule].name}" for rule in self.busiest),
        )
        self.depth = Curve(
            "depth",
            "How far each search has come",
            "The step at work against the visits so far, for intelligent and for the beginning of "
            "chronological backtracking on the same tune; each fall is a dead end.",
            x_name="visits",
            y_name="step",
            series=(
                (run.mode, *_thinned(run.depths)),
                (other.mode, *_thinned(other.depths[: LONGER * len(run.depths)])),
            ),
        )
        self.outer = self._outer_voices()
        self.rows = RULES
        self.table = Table(
            "rules",
            "The rules",
            "All rules with their sources, heuristics with their weights; the one that spoke "
            "last is marked.",
            columns=("rule", "it says", "after"),
            rows=tuple((f"{rule.id} {rule.name}", _said(rule), rule.cited) for rule in self.rows),
        )

    def _outer_voices(self) -> Curve:
        """Descant and bass, and the line that was read in each phrase."""
        chords = self.problem.chords(self.run.chosen)
        places = tuple(float(place) for place in range(len(chords)))
        lines = [item for item in self.run.chosen if isinstance(item, Reading)]
        top = tuple(float(chord.pitches[0]) for chord in chords)
        low = tuple(float(chord.bass) for chord in chords)
        marked = [slot for line in lines for slot in line.slots]
        return Curve(
            "outer",
            "Schenkerian view: lines in the descant, and what bears them",
            "Pitches of tune and bass; the structural lines, phrase by phrase, and their bass.",
            x_name="chord",
            y_name="MIDI pitch",
            series=(
                ("tune", places, top),
                ("its lines", tuple(map(float, marked)), tuple(top[n] for n in marked)),
                ("bass", places, low),
                ("bass of the lines", tuple(map(float, marked)), tuple(low[n] for n in marked)),
            ),
        )

    def machine(self) -> Machine:
        """All panels and steps."""
        events = self.run.events
        final = {event.step: n for n, event in enumerate(events) if event.kind == "choose"}
        # What is undone later is shown as long as there is room.
        room = max(0, MOST_STEPS - self.problem.n_steps)
        shown: list[Step] = []
        counts = dict.fromkeys(self.busiest, 0)
        for number, event in enumerate(events):
            for _, rule in event.rejected:
                if rule in counts:
                    counts[rule] += 1
            stays = event.kind == "choose" and final[event.step] == number
            if not stays:
                room -= 1
            if stays or room >= 0:
                shown.append(self._step(event, stays, number, counts))
        panels = (self.views, self.depth, self.tried, self.bars, self.outer, self.table)
        return Machine(panels, tuple(shown))

    def _step(self, event: Event[Item], stays: bool, number: int, counts: dict[str, int]) -> Step:
        step = self.problem.steps[event.step]
        slot = self.problem.slots[step.slot]
        last = event.rejected[-1][1] if event.rejected else ""
        lines, lit = self._lines(event)
        state = {
            "views": self.views.show(self._cells(event), [(ROWS.index(step.view), step.slot)]),
            "tried": self.tried.say(lines, lit),
            "depth": self.depth.at(number),
            "bars": self.bars.show(
                [float(counts[rule]) for rule in self.busiest],
                self.busiest.index(last) if last in self.busiest else None,
            ),
            "outer": self.outer.at(step.slot),
        }
        if last:
            row = next(n for n, rule in enumerate(self.rows) if rule.id == last)
            state["rules"] = self.table.mark(rejected=[], chosen=[(row, c) for c in range(3)])
        else:
            state["rules"] = self.table.mark()
        is_music = stays and step.view != "schenker"
        return Step(
            self._caption(event),
            state,
            slot.onset if is_music else None,
            slot.end if is_music else None,
            self._tracks(event) if is_music else (),
        )

    def _tracks(self, event: Event[Item]) -> tuple[str, ...]:
        if not isinstance(event.candidate, Joint):
            return ()
        moved = [
            name
            for name, figure in zip(VOICES[1:], event.candidate.figures, strict=True)
            if figure.kind != "plain"
        ]
        return tuple(moved)

    def _cells(self, event: Event[Item]) -> list[list[int]]:
        grid = [[OPEN] * len(self.problem.slots) for _ in ROWS]
        blamed = set(event.blamed)
        for number, step in enumerate(self.problem.steps[: event.step + 1]):
            value = STANDS
            if number == event.step:
                value = AT_WORK if event.kind == "dead end" else STANDS
            elif event.kind == "dead end":
                if number > event.back_to:
                    value = JUMPED
                if number in blamed and number <= event.back_to:
                    value = TO_BLAME
            grid[ROWS.index(step.view)][step.slot] = value
        return grid

    def _lines(self, event: Event[Item]) -> tuple[list[str], list[int]]:
        rejected = event.rejected[-MOST_LINES:] if event.candidate else event.rejected[:MOST_LINES]
        lines = [f"✗ {label(item)} – {BY_ID[rule].name}" for item, rule in rejected]
        left = len(event.rejected) - len(rejected)
        if left:
            lines.insert(0 if event.candidate else len(lines), f"… {left} more are rejected")
        if event.candidate is None:
            return [*lines, "nothing is left to try here"], []
        return [*lines, f"✓ {label(event.candidate)}"], [len(lines)]

    def _caption(self, event: Event[Item]) -> str:
        step = self.problem.steps[event.step]
        where = f"{VIEWS[step.view]} at {self.place(step.slot)}"
        if isinstance(event.candidate, Chord):
            return (
                f"{where.capitalize()}: {chord_name(event.candidate.text)}, after "
                f"{len(event.rejected)} were rejected."
            )
        if event.candidate is not None:
            return f"{where.capitalize()}: {event.candidate.text}."
        if event.back_to < 0:
            return f"Dead end in the {where}, and nowhere to go back to."
        back = self.problem.steps[event.back_to]
        skipped = event.step - 1 - event.back_to
        over = (
            f", over {skipped} steps that are not to blame"
            if skipped > 1
            else (", over one step that is not to blame" if skipped else "")
        )
        return (
            f"Dead end in the {where}: back to the {VIEWS[back.view]} at "
            f"{self.place(back.slot)}{over}."
        )

    def place(self, index: int) -> str:
        """Bar and beat of a slot, in words."""
        slot, tune = self.problem.slots[index], self.problem.tune
        beat = (slot.onset - tune.pickup) // TICKS_PER_QUARTER
        bar, beat = divmod(beat, tune.beats)
        if slot.onset < tune.pickup:
            return "the pickup"
        return f"bar {bar + 1}, beat {beat + 1}"


def rules_fired(run: Run[Item], discarded: dict[str, int]) -> list[Rule]:
    """Constraints that threw something away, before or in the search."""
    return [rule for rule in RULES if rule.id in run.broken or rule.id in discarded]
