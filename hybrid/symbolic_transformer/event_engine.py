"""The engine ``transformer``: a plan becomes music by a learned model under limits and wishes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.engine import Region
from hybrid.core.errors import PlanError
from hybrid.core.pitch import pitch_name
from hybrid.core.plan import Constraint, FormPlan
from hybrid.core.score import TICKS_PER_QUARTER, Score
from hybrid.core.trace import Trace, TraceEntry
from hybrid.symbolic_transformer.conditions import plan_arrays
from hybrid.symbolic_transformer.event_parts import Seating, seat_plan
from hybrid.symbolic_transformer.tables import TICKS, PlanArrays, ScoreArrays, quarters_to_grid

if TYPE_CHECKING:
    from hybrid.symbolic_transformer.event_cadences import CloseWeights
    from hybrid.symbolic_transformer.event_limits import Limit
    from hybrid.symbolic_transformer.event_model import EventTransformer
    from hybrid.symbolic_transformer.event_sampler import SampleSettings, Written
    from hybrid.symbolic_transformer.event_scores import Given, NewNote
    from hybrid.symbolic_transformer.event_wishes import Wish, WishWeights

#: Given events after a region that the particles' joins are weighed by.
JOIN_EVENTS = 24
#: Against a note over the sounding note of the line above, in nats. Of POP909's piano notes 4% lie
#: over the melody that sounds with them.
ABOVE = {"chorale": 3.0, "quartet": 3.0, "pop": 1.5}
#: Ticks after which a silent melody is asked to go on: a bar of 4/4.
SILENCE = 4 * TICKS
#: Against parallels of melody and bass over an accompaniment, in nats.
PARALLELS = 12.0
#: Name of what stands around a region, where a conflict names it.
GIVEN = "the notes that are given"


@dataclass(frozen=True)
class _Task:
    """What is to be written: bars from 0, ticks of 1/24 quarter, the model's tracks; and what is
    given around.
    """

    first: int
    last: int
    span: tuple[int, int]
    tracks: frozenset[int]
    given: Given | None = None


@dataclass
class TransformerEngine:
    """Writes notes with the event model.

    Attributes
    ----------
    model : EventTransformer or None
        `load_event_model` where left out, when it is first needed.
    settings : SampleSettings or None
    weights : WishWeights or None
        How strongly the plan is asked for.
    closes : CloseWeights or None
        How strongly its cadences are.
    guided : bool
        False leaves the wishes for the plan's harmony and returning themes out, and the
        part-writing limits that no user asked for; for measuring what they do.
    progress : callable
        Called with the share that is done, 0..1.

    Examples
    --------
    >>> TransformerEngine().name
    'transformer'
    """

    name = "transformer"
    model: EventTransformer | None = None
    settings: SampleSettings | None = None
    weights: WishWeights | None = None
    closes: CloseWeights | None = None
    guided: bool = True
    progress: Callable[[float], None] = field(default=lambda share: None)
    _grooved: bool = field(default=False, init=False, repr=False)

    @property
    def hashes(self) -> dict[str, str]:
        """sha256 of each file of weights that wrote the last score, by its name.

        Empty before a model is loaded from a file.
        """
        info = getattr(self.model, "info", None)
        found = {info.name: info.sha256} if info else {}
        if self._grooved:
            from hybrid.symbolic_transformer.event_drums import groove_hash

            found |= groove_hash()
        return found

    def memorised(
        self, plan: FormPlan, score: Score, bars: tuple[int, int] | None = None
    ) -> dict[str, Any]:
        """What a score has in common with the pieces that the shipped weights were trained on.

        Parameters
        ----------
        plan : FormPlan
            Of the score.
        score : Score
        bars : (int, int), optional
            First and last bar, from 1: only patterns that touch them.

        Returns
        -------
        dict
            As `memorisation.look_up` gives it; empty where other weights wrote the notes, or the
            score has none.
        """
        from hybrid.symbolic_transformer.memorisation import is_shipped, look_up

        if self.model is None or not is_shipped(self.model.info):
            return {}
        if not any(len(track.notes) for track in score.tracks if not track.is_drum):
            return {}
        span = None
        if bars is not None:
            rows = plan_arrays(plan).bars
            pickup = int(rows["is_pickup"][0])
            first, last = (number - 1 + pickup for number in bars)
            span = (float(rows["start"][first]) / TICKS, float(rows["end"][last]) / TICKS)
        return look_up(score, seat_plan(plan).style, span)

    def fill(
        self,
        plan: FormPlan,
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
        given: Score | None = None,
        region: Region | None = None,
    ) -> tuple[Score, Trace]:
        """Notes for a plan that is ready, and what made them.

        Parameters
        ----------
        plan : FormPlan
        rng : np.random.Generator
            The only source of chance.
        constraints : sequence of Constraint
            In force together with the plan's own.
        given, region : Score and Region, optional
            Write only the region's bars and voices; the rest of ``given`` stays. Notes that
            begin before the region stay as long as they are; new ones end with it.

        Raises
        ------
        PlanError
            If the plan is not ready, ``region`` comes without ``given``, or names no voice.
        ConflictError
            If no way was found to keep all hard constraints.
        ConfigError
            If the weights are not installed.
        """
        if not plan.is_ready:
            raise PlanError(
                "the plan must be ready (chords, cadence, theme, texture, tempo, dynamics and "
                "instruments for every phrase); complete it"
            )
        if region is not None and given is None:
            raise PlanError(
                "region must come with given, the score that it is a part of, got no score"
            )
        from hybrid.symbolic_transformer.event_constraints import demand
        from hybrid.symbolic_transformer.event_drums import with_drums
        from hybrid.symbolic_transformer.event_sampler import EventSampler
        from hybrid.symbolic_transformer.event_scores import joined, make_score, new_notes, unit_of
        from hybrid.symbolic_transformer.threads import one_thread

        model = self._loaded()
        arrays = plan_arrays(plan)
        seating = seat_plan(plan)
        task = _task(plan, arrays, seating, given, region)
        demands = demand(plan, arrays, seating, (*plan.constraints, *constraints))
        limits, wishes = self._plan_limits(plan, arrays, seating, task, int(rng.integers(2**31)))
        limits += [*demands.limits, *_given_limits(arrays, task)]
        wishes += demands.wishes
        sampler = EventSampler(model, arrays, seating.style, rng, limits, wishes, self.settings)
        before, after = _around(arrays, task)
        with one_thread():
            written = sampler.write(task.first, task.last, before, after, self.progress)
        unit = TICKS_PER_QUARTER // TICKS if given is None else unit_of(given)
        found = new_notes(written.events, plan, seating, demands.lines, task.span, unit)
        notes = [note for note in found if note.seat.track in task.tracks]
        span = (task.span[0] * unit, task.span[1] * unit)
        if given is None or task.given is None:
            score = make_score(plan, seating, notes)
        else:
            score = joined(given, task.given, seating, notes, task.tracks, span)
        # Drawn last, so that drums change no other note.
        score, bars = with_drums(plan, score, rng, span)
        self._grooved = bool(bars)
        return score, self._trace(seating, notes, written) + Trace(bars)

    def weigh(self, plan: FormPlan, score: Score, span: tuple[int, int]) -> float | None:
        """Mean log probability of the notes that begin in a span of ticks, nats a note.

        None where no note begins there.

        Raises
        ------
        PlanError
            If the score has not the plan's tracks.
        """
        from hybrid.symbolic_transformer.event_likelihood import mean_log_probability

        return mean_log_probability(self._loaded(), plan, score, span)

    def _loaded(self) -> EventTransformer:
        if self.model is None:
            from hybrid.symbolic_transformer.event_weights import load_event_model

            self.model = load_event_model()
        return self.model

    def _plan_limits(
        self, plan: FormPlan, arrays: PlanArrays, seating: Seating, task: _Task, seed: int
    ) -> tuple[list[Limit], list[Wish]]:
        """What holds without anybody asking: instruments, resting tracks, part-writing."""
        from hybrid.symbolic_transformer.event_cadences import Closes
        from hybrid.symbolic_transformer.event_constraints import Soft
        from hybrid.symbolic_transformer.event_limits import (
            NEVER,
            EndsBy,
            OneAtATime,
            Parallels,
            Pitches,
            Silent,
            midi_set,
        )
        from hybrid.symbolic_transformer.event_motion import Foresees, NoAugmentedSeconds
        from hybrid.symbolic_transformer.event_variations import Transformed
        from hybrid.symbolic_transformer.event_wishes import (
            Above,
            Harmony,
            Returns,
            Sings,
            WishWeights,
        )

        limits: list[Limit] = [EndsBy("the piece's end", sorted(task.tracks), arrays.length)]
        spans: dict[tuple[str, int], list[tuple[int, int, Any]]] = {}
        single = {0, 1, 2, 3}
        for item in plan.phrases():
            start = quarters_to_grid(item.start) if item.index else 0
            end = quarters_to_grid(item.end)
            resting = set(range(4))
            for seat in seating.seats[item.index]:
                resting.discard(seat.track)
                if not seat.one_at_a_time:
                    single.discard(seat.track)
                open_ = midi_set(range(seat.low - seat.shift, seat.high - seat.shift + 1))
                name = f"range of {seat.names[0]} on {seating.parts[seat.part].name}"
                if seat.track in task.tracks:
                    spans.setdefault((name, seat.track), []).append((start, end, open_))
            if resting:
                limits.append(Silent("tracks without a player", sorted(resting), (start, end)))
        limits += [Pitches(name, [track], rows) for (name, track), rows in spans.items()]
        limits.append(OneAtATime("one note at a time", sorted(single & task.tracks)))
        wishes: list[Wish] = []
        if not self.guided:
            return limits, wishes
        weights = self.weights or WishWeights()
        wishes.append(Harmony(arrays, weights))
        from hybrid.symbolic_transformer.event_columns import PlanColumns

        melody = 0 if 0 in task.tracks else None
        wishes.append(Returns(PlanColumns(arrays), weights.returns, melody))
        if melody is not None:
            wishes.append(Sings(melody, SILENCE))
            top = [seat for seats in seating.seats for seat in seats if seat.track == 0]
            low, high = (max(s.low - s.shift for s in top), min(s.high - s.shift for s in top))
            wishes.append(Transformed(plan, arrays, low=low, high=high, seed=seed))
        every = sorted({s.track for seats in seating.seats for s in seats})
        always = set(every).intersection(*({s.track for s in seats} for seats in seating.seats))
        lines = every
        if seating.style == "pop":
            # A second melody has no place in the order, and chords are no lines.
            every = [track for track in every if track != 1]
            lines = [0, 3]
            always &= set(lines)
        wishes.append(Closes(arrays, sorted(always & task.tracks), self.closes))
        wishes.append(Above(tuple(every), ABOVE[seating.style]))
        wishes.append(Foresees(arrays, lines))
        wishes.append(NoAugmentedSeconds(arrays, lines))
        parallels = Parallels("no parallel fifths or octaves", lines, (0, NEVER), -1)
        if seating.style == "pop":
            wishes.append(Soft(parallels, PARALLELS))
        else:
            limits.append(parallels)
        return limits, wishes

    def _trace(self, seating: Seating, notes: Sequence[NewNote], written: Written) -> Trace:
        assert self.model is not None
        info = self.model.info
        source = f"{info.name} sha256 {info.sha256}" if info else "weights of this session"
        settings = f"style {seating.style}, {len(notes)} notes"
        entries = [TraceEntry("model", self.name, f"{settings}, {source}")]
        for note in notes:
            chance = float(written.probability[note.event])
            shut = int(written.rejected[note.event])
            bar = note.phrase.metre.bar_quarters
            start = quarters_to_grid(note.phrase.start)
            late = max(0, int(written.events["tick"][note.event]) - start)
            entries.append(
                TraceEntry(
                    kind="note",
                    maker=f"{self.name}:{seating.style}",
                    choice=pitch_name(note.pitch),
                    bar=note.phrase.first_bar + late // quarters_to_grid(bar),
                    tick=note.onset,
                    track=seating.parts[note.seat.part].name,
                    pitch=note.pitch,
                    probability=float(f"{chance:.4g}") if np.isfinite(chance) else None,
                    parent=0,
                    rejected=(f"{shut} candidates shut by limits",) if shut else (),
                )
            )
        return Trace(tuple(entries), {**written.counts, "notes": len(notes)})


def _task(
    plan: FormPlan,
    arrays: PlanArrays,
    seating: Seating,
    given: Score | None,
    region: Region | None,
) -> _Task:
    from hybrid.symbolic_transformer.event_scores import read_given

    every = frozenset(seat.track for seats in seating.seats for seat in seats)
    n_bars = len(arrays.bars)
    if region is None or given is None:
        return _Task(0, n_bars - 1, (0, arrays.length), every)
    if region.last_bar > plan.n_bars:
        raise PlanError(
            f"region must lie within the plan's {plan.n_bars} bars, "
            f"got {region.first_bar}-{region.last_bar}"
        )
    tracks = every
    if region.voices:
        names = {name.lower() for name in region.voices}
        tracks = frozenset(
            seat.track for seats in seating.seats for seat in seats if names & set(seat.names)
        )
        if not tracks:
            raise PlanError(
                "region.voices must name voices or tracks of the plan, "
                f"got {', '.join(region.voices)}"
            )
    pickup = int(arrays.bars["is_pickup"][0])
    first, last = region.first_bar - 1 + pickup, region.last_bar - 1 + pickup
    if region.first_bar == 1:
        first = 0  # a pickup belongs to the first bar
    span = (int(arrays.bars["start"][first]), int(arrays.bars["end"][last]))
    return _Task(first, last, span, tracks, read_given(given, plan, seating))


def _around(arrays: PlanArrays, task: _Task) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """Events before the bars that are written, and those that follow."""
    if task.given is None:
        return None, None
    from hybrid.symbolic_transformer.events import encode_events

    score = ScoreArrays(arrays.length, task.given.notes, arrays.bars)
    events = encode_events(score, arrays)
    start, end = arrays.bars["start"][task.first], arrays.bars["end"][task.last]
    before = events[events["tick"] < start]
    after = events[events["tick"] >= end][:JOIN_EVENTS]
    return before, after


def _given_limits(arrays: PlanArrays, task: _Task) -> list[Limit]:
    """Tracks that stay as they are inside the bars that are written."""
    if task.given is None:
        return []
    from hybrid.symbolic_transformer.event_dues import Line
    from hybrid.symbolic_transformer.event_limits import EndsBy

    start, end = int(arrays.bars["start"][task.first]), int(arrays.bars["end"][task.last])
    notes = task.given.notes
    inside = notes[(notes["onset"] >= start) & (notes["onset"] < end)]
    limits: list[Limit] = []
    for track in sorted(set(range(4)) - task.tracks):
        own = inside[inside["track"] == track]
        rows = np.stack([own[name] for name in ("onset", "pitch", "duration")], 1)
        limits.append(Line(GIVEN, track, [(start, end)], rows))
    if end < arrays.length:
        limits.append(EndsBy(GIVEN, sorted(task.tracks), end))
    return limits


__all__ = ["TransformerEngine"]
