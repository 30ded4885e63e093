"""A scene played out: at each call the rest is planned anew, written anew, and joined on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from hybrid.core.errors import ConfigError, ConflictError
from hybrid.core.plan import FormPlan, Phrase, Section
from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.core.seeds import stage_rng
from hybrid.history.adaptive_layers import BAR, BarPlan, Written, which_play, write_layers
from hybrid.history.adaptive_plan import (
    METRE,
    Stretch,
    chord_at,
    cut_phrase,
    pitch_classes,
    plan_stretch,
)
from hybrid.history.adaptive_script import Call, glide

JOINS = ("phrase", "bar")
#: How often chords are drawn again where the rules cannot join them.
TRIES = 4
#: Notes, what the engine says of each phrase, and the program of each track.
Filled = tuple[list[Written], tuple[str, ...], dict[str, int]]


@dataclass(frozen=True)
class Planned:
    """A phrase of the plan in force: its first bar (from 0), and the section it belongs to."""

    start: int
    phrase: Phrase
    section: Section

    @property
    def bars(self) -> int:
        assert self.phrase.bars is not None
        return self.phrase.bars

    @property
    def end(self) -> int:
        return self.start + self.bars


@dataclass(frozen=True)
class Replan:
    """What a call brought about.

    Attributes
    ----------
    call : Call
    join : int or None
        The bar (from 0) where the new plan begins to sound; None where no join was left.
    opening, rejected : str and tuple of str
        The first chord, and the others with their distances.
    plan : tuple of Planned
        The plan from then on, what was heard before it included.
    themes : tuple of str
        What the engine says of each new phrase.
    """

    call: Call
    join: int | None
    opening: str
    rejected: tuple[str, ...]
    plan: tuple[Planned, ...]
    themes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Scene:
    """All that was played.

    ``values`` are tension and mood of each bar as they glide, ``layers`` the names of those that
    play in it.
    """

    replans: tuple[Replan, ...]
    notes: tuple[Written, ...]
    values: tuple[tuple[float, float], ...]
    layers: tuple[frozenset[str], ...]
    programs: dict[str, int]

    @property
    def plan(self) -> tuple[Planned, ...]:
        """The plan as it was played."""
        return self.replans[-1].plan

    @cached_property
    def measured(self) -> dict[str, tuple[float, ...]]:
        """Density (notes), dissonance (0..1) and loudness (mean velocity) of every bar."""
        bars = range(len(self.values))
        return {
            "density": tuple(float(density(self.notes, bar)) for bar in bars),
            "dissonance": tuple(dissonance(self.notes, bar) for bar in bars),
            "loudness": tuple(loudness(self.notes, bar) for bar in bars),
        }

    def phrase_at(self, bar: int) -> Planned:
        """The phrase that sounds in a bar."""
        return next(item for item in self.plan if item.start <= bar < item.end)


def next_join(plan: tuple[Planned, ...], bar: int, join: str) -> int | None:
    """The first bar after ``bar`` where another plan may begin; None if there is none."""
    last = plan[-1].end
    if join == "bar":
        return bar + 1 if bar + 1 < last else None
    return min((item.start for item in plan if item.start > bar), default=None)


def play_scene(calls: tuple[Call, ...], n_bars: int, join: str, pace: float, seed: int) -> Scene:
    """Play a script.

    Parameters
    ----------
    calls : tuple of Call
    n_bars : int
    join : str
        One of `JOINS`.
    pace : float
        Most that tension and mood move in a bar.
    seed : int
        Every stretch draws from a stream that depends on it and on the stretch's place only, so
        later calls leave what is earlier as it is. Themes have one stream for the whole scene.

    Raises
    ------
    ConfigError
        If something is called for after the end.
    """
    if calls[-1].bar >= n_bars:
        raise ConfigError(
            f"script must call within the {n_bars} bars (0..{n_bars - 1}), got {calls[-1].bar}"
        )
    plan: tuple[Planned, ...] = ()
    notes: list[Written] = []
    programs: dict[str, int] = {}
    replans: list[Replan] = []
    for call in calls:
        start = next_join(plan, call.bar, join) if plan else 0
        if start is None:
            replans.append(Replan(call, None, "", (), plan))
            continue
        heard = _until(plan, start)
        before = None
        if heard:
            last = heard[-1]
            assert last.section.key is not None
            chord = last.phrase.chords[-1]
            before = pitch_classes(chord.numeral, last.section.key)
        stretch, (written, themes, found) = _write(call, start, n_bars, before, seed)
        at = start
        new: list[Planned] = []
        for phrase in stretch.section.phrases:
            new.append(Planned(at, phrase, stretch.section))
            at = new[-1].end
        plan = (*heard, *new)
        notes = [*_cut_notes(notes, start * BAR), *written]
        programs.update(found)
        replans.append(Replan(call, start, stretch.opening, stretch.rejected, plan, themes))
    values = glide(calls, n_bars, pace)
    layers = which_play(values)
    scene = Scene(tuple(replans), (), tuple(values), tuple(layers), programs)
    for bar in range(n_bars):
        notes += write_layers(_bar_plan(scene, bar, n_bars), layers[bar])
    return replace(scene, notes=tuple(notes))


def _until(plan: tuple[Planned, ...], bar: int) -> tuple[Planned, ...]:
    """The plan before a bar; a phrase that lasts into it is cut."""
    return tuple(
        item if item.end <= bar else replace(item, phrase=cut_phrase(item.phrase, bar - item.start))
        for item in plan
        if item.start < bar
    )


def _cut_notes(notes: list[Written], tick: int) -> list[Written]:
    return [
        replace(note, duration=min(note.duration, tick - note.onset))
        for note in notes
        if note.onset < tick
    ]


def _write(
    call: Call, start: int, n_bars: int, before: frozenset[int] | None, seed: int
) -> tuple[Stretch, Filled]:
    """Plan and write what is left; chords that the rules cannot join are drawn again."""
    for attempt in range(TRIES):
        rng = stage_rng(seed, "plan", start, attempt)
        stretch = plan_stretch(call, n_bars - start, before, rng)
        try:
            return stretch, _fill(stretch.section, start, seed)
        except ConflictError:
            if attempt == TRIES - 1:
                raise
    raise AssertionError("not reached")


def _fill(section: Section, start: int, seed: int) -> Filled:
    """What the engine ``rules`` writes for a section, moved to its place."""
    from hybrid.rules import RulesEngine

    # The same stream each time: a theme of the same label grows from the same motif.
    score, trace = RulesEngine().fill(FormPlan(sections=(section,)), stage_rng(seed, "fill"))
    makers = {
        (entry.track, entry.tick, entry.pitch): (entry.maker, entry.choice)
        for entry in trace.entries
        if entry.kind == "note"
    }
    notes = []
    for track in score.tracks:
        for note in track.notes:
            onset, pitch = int(note["onset"]), int(note["pitch"])
            maker, choice = makers[track.name, onset, pitch]
            notes.append(
                Written(
                    track.name,
                    onset + start * BAR,
                    int(note["duration"]),
                    pitch,
                    int(note["velocity"]),
                    int(note["voice"]),
                    int(note["spelling"]),
                    maker,
                    choice,
                )
            )
    themes = tuple(entry.choice for entry in trace.of_kind("phrase"))
    return notes, themes, {track.name: track.program for track in score.tracks}


def _bar_plan(scene: Scene, bar: int, n_bars: int) -> BarPlan:
    item = scene.phrase_at(bar)
    assert item.section.key is not None
    place = (bar - item.start) * METRE.bar_quarters
    halves = [
        chord_at(item.phrase, place + Fraction(half) * METRE.bar_quarters / 2).numeral
        for half in (0, 1)
    ]
    joins = {replan.join for replan in scene.replans if replan.join}
    return BarPlan(
        bar * BAR,
        item.section.key,
        (halves[0], halves[1]),
        *scene.values[bar],
        is_last=bar == n_bars - 1,
        is_new=bar in joins,
        joins_next=bar + 1 in joins,
    )


def loudness(notes: tuple[Written, ...], bar: int) -> float:
    """Mean velocity of the notes that begin in a bar, 0..127."""
    found = [note.velocity for note in notes if note.onset // BAR == bar]
    return sum(found) / len(found) if found else 0.0


def density(notes: tuple[Written, ...], bar: int) -> int:
    """Notes that begin in a bar."""
    return sum(note.onset // BAR == bar for note in notes)


def dissonance(notes: tuple[Written, ...], bar: int) -> float:
    """Share of sounding pairs a second, seventh or tritone apart, over the bar's eighths; 0..1.

    Octaves do not count, drums neither.
    """
    rough = total = 0
    step = TICKS_PER_QUARTER // 2
    for tick in range(bar * BAR, (bar + 1) * BAR, step):
        classes = sorted(
            {
                note.pitch % 12
                for note in notes
                if note.track != "drums" and note.onset <= tick < note.onset + note.duration
            }
        )
        pairs = [(b - a) % 12 for i, a in enumerate(classes) for b in classes[i + 1 :]]
        rough += sum(min(gap, 12 - gap) in (1, 2, 6) for gap in pairs)
        total += len(pairs)
    return rough / total if total else 0.0
