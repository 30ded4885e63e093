"""Writing a piece event by event: particles side by side, bar by bar.

Every row of the sampler is a particle: a piece so far, with a weight. Limits shut values, wishes
make values likelier; the weight takes up how much of the model's mass they leave. Particles that
have finished a bar wait for the others, so that all are compared at the same moment; those that
have drifted into trouble are drawn anew from those that have not. Where none is left, the
sampler goes back some bars and tries again with more of them.

References
----------
Gordon, N. J., Salmond, D. J., Smith, A. F. M. (1993). Novel approach to nonlinear/non-Gaussian
    Bayesian state estimation. IEE Proceedings F, 140, 107-113.
Lew, A. K., Zhi-Xuan, T., Grand, G., Mansinghka, V. K. (2023). Sequential Monte Carlo steering of
    large language models using probabilistic programs. arXiv:2306.03081.
Holtzman, A. et al. (2020). The curious case of neural text degeneration. ICLR. arXiv:1904.09751.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hybrid.core.errors import ConfigError, ConflictError
from hybrid.symbolic_transformer.event_choice import Named, blame, choose, effective, resample
from hybrid.symbolic_transformer.event_columns import ASK_COLUMNS, OWN_COLUMNS
from hybrid.symbolic_transformer.event_limits import Limit, Span, Standing
from hybrid.symbolic_transformer.event_model import STYLES, EventTransformer
from hybrid.symbolic_transformer.event_rows import EventRows
from hybrid.symbolic_transformer.event_wishes import Wish
from hybrid.symbolic_transformer.events import (
    BAR,
    N_DURATIONS,
    N_PITCHES,
    N_PLACES,
    N_TIMINGS,
    N_TRACKS,
    N_VELOCITIES,
    NEXT_BAR,
)
from hybrid.symbolic_transformer.tables import TICKS, PlanArrays
from hybrid.symbolic_transformer.trunk_steps import make_ring, step

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
_OWN = len(ASK_COLUMNS) - len(OWN_COLUMNS)
_SIZES = (N_DURATIONS, N_VELOCITIES, N_TIMINGS)
#: More events than any music has in a bar; a row that gets there is given up.
MAX_BAR_EVENTS = 400


@dataclass(frozen=True)
class SampleSettings:
    """How particles are drawn.

    Attributes
    ----------
    n_particles, most_particles : int
        Usually, and at most after going back.
    window : int
        Events that the model looks back on; training saw 512.
    temperature, top_p : mapping
        By part; 1 where a part is left out.
    resample_below : float
        Share of the particles that the effective number may fall to.
    back_up : tuple of int
        Bars to go back at the first failure, at the next one in the same place, and so on.
    budget : int
        How often the sampler goes back in one piece, all places together.
    """

    n_particles: int = 8
    most_particles: int = 32
    window: int = 512
    temperature: Mapping[str, float] = field(
        default_factory=lambda: {"place": 0.95, "pitch": 0.95, "velocity": 0.9}
    )
    top_p: Mapping[str, float] = field(
        default_factory=lambda: {
            "place": 0.98,
            "track": 0.99,
            "pitch": 0.95,
            "duration": 0.97,
            "velocity": 0.95,
            "timing": 0.95,
        }
    )
    resample_below: float = 0.5
    back_up: tuple[int, ...] = (1, 2, 4, 8)
    budget: int = 24

    def __post_init__(self) -> None:
        if not 1 <= self.n_particles <= self.most_particles:
            raise ConfigError(
                f"n_particles must be in 1..{self.most_particles}, got {self.n_particles}"
            )
        if self.window < 2:
            raise ConfigError(f"window must be 2 or more, got {self.window}")


@dataclass(frozen=True, eq=False)
class Written:
    """What was written.

    Attributes
    ----------
    events : np.ndarray, shape (N,), `EVENT_DTYPE`
    probability : np.ndarray, shape (N,), float64
        Of each note's track, pitch and duration under the model, and of its place; nan for what
        was given.
    rejected : np.ndarray, shape (N,), int64
        Candidates for each event's parts that limits shut.
    counts : dict
        Over the run: notes, candidates rejected (in all, and by limit), drawn anew, gone back.
    """

    events: NDArray[Any]
    probability: Floats
    rejected: Ints
    counts: dict[str, int]


def bar_spans(plan: PlanArrays) -> tuple[Span, ...]:
    """The bars of a plan."""
    bars = plan.bars
    full = 4 * TICKS * bars["numerator"].astype(int) // bars["denominator"]
    rows = zip(
        bars["start"].tolist(),
        bars["end"].tolist(),
        full.tolist(),
        bars["is_pickup"].tolist(),
        strict=True,
    )
    return tuple(
        Span(index, start, end, length - (end - start) if pickup else 0)
        for index, (start, end, length, pickup) in enumerate(rows)
    )


class EventSampler:
    """Writes events under a plan.

    Parameters
    ----------
    model : EventTransformer
        In evaluation mode, on the CPU.
    plan : PlanArrays
    style : str
        One of `STYLES`.
    rng : np.random.Generator
        The only source of chance.
    limits, wishes : sequences
        What holds and what is preferred.
    with_timing : bool
        Whether the style knows how far notes are played from where they are written.
    """

    def __init__(
        self,
        model: EventTransformer,
        plan: PlanArrays,
        style: str,
        rng: np.random.Generator,
        limits: Sequence[Limit] = (),
        wishes: Sequence[Wish] = (),
        settings: SampleSettings | None = None,
    ) -> None:
        self.model, self.plan, self.rng = model, plan, rng
        self.limits, self.wishes = tuple(limits), tuple(wishes)
        self.settings = settings or SampleSettings()
        self.spans = bar_spans(plan)
        self.with_timing = style == "pop"
        self.style_id = STYLES.index(style)
        self.counts: Counter[str] = Counter()
        self.n = self.settings.n_particles
        self._begin(self.n, np.empty(0, EventRows(plan, 1, 1).events.dtype))

    # --- Rows ------------------------------------------------------------------------------

    def _begin(self, n_rows: int, events: NDArray[Any]) -> None:
        """Empty rows, or rows that all begin with the same events."""
        self.rows = EventRows(self.plan, n_rows)
        self.ring = make_ring(self.model.trunk, n_rows, self.settings.window)
        self.weight = np.zeros(n_rows)
        self.style = torch.full((n_rows,), self.style_id)
        self.probability = np.full((n_rows, 1024), np.nan)
        self.rejected = np.zeros((n_rows, 1024), np.int64)
        self.bar_counts = np.zeros((n_rows, len(self.spans) + 1), np.int64)
        self.faults: list[tuple[str, ...]] = []
        self.hidden: Tensor = torch.empty(0)
        if len(events):
            self.rows.load(events)
            self._room()
            self._prefill(events)
            starts = np.flatnonzero(events["track"] == BAR)
            self.bar_counts[:, : len(starts)] = starts

    def _prefill(self, events: NDArray[Any]) -> None:
        """Run what is given through the decoder at once."""
        from hybrid.symbolic_transformer.event_columns import read_events

        columns = read_events(events, self.plan)
        late = slice(max(0, len(events) - self.settings.window), None)
        read = torch.from_numpy(columns.read[late].astype(np.int64))[None]
        tick = torch.from_numpy(columns.tick[late].astype(np.int64))[None]
        trunk = self.model.trunk
        with torch.inference_mode():
            cache = trunk.make_cache(1, read.shape[1], trunk.norm.weight.dtype)
            self.model.listen(read, tick, self.style[:1], cache)
        self.ring.load(cache)

    def _room(self) -> None:
        """Give the notes about events as much room as the events have."""
        more = self.rows.events.shape[1] - self.probability.shape[1]
        if more > 0:
            self.probability = np.pad(self.probability, ((0, 0), (0, more)), constant_values=np.nan)
            self.rejected = np.pad(self.rejected, ((0, 0), (0, more)))

    def _select(self, rows: Ints) -> None:
        if len(rows) == self.rows.n_rows and (rows == np.arange(len(rows))).all():
            return
        self.rows.select(rows)
        self.ring.select(rows)
        self.style = torch.full((len(rows),), self.style_id)
        self.weight = self.weight[rows]
        self.probability, self.rejected = self.probability[rows], self.rejected[rows]
        self.bar_counts = self.bar_counts[rows]

    def _hear(self, active: Mask) -> None:
        read = torch.from_numpy(self.rows.read())[:, None]
        tick = torch.from_numpy(self.rows.newest("tick"))[:, None]
        x, places = self.model.embed(read, tick, self.style)
        self.hidden = step(self.model.trunk, x, places, self.ring, active)

    # --- The run ---------------------------------------------------------------------------

    def write(
        self,
        first: int = 0,
        last: int | None = None,
        given: NDArray[Any] | None = None,
        after: NDArray[Any] | None = None,
        progress: Callable[[float], None] = lambda share: None,
    ) -> Written:
        """Write bars ``first``..``last`` (from 0; to the end where left out).

        Parameters
        ----------
        given : np.ndarray, optional
            Events of all bars before ``first``.
        after : np.ndarray, optional
            Events that follow (`EVENT_DTYPE`, the next bar line first): particles are weighed
            by how likely the model finds them after what they wrote.

        Raises
        ------
        ConflictError
            If the limits leave no way; it names those that met where the last rows fell.
        """
        last = len(self.spans) - 1 if last is None else last
        prefix = np.empty(0, self.rows.events.dtype) if given is None else given
        failures: Counter[int] = Counter()
        number = first
        with torch.inference_mode():
            self._begin(self.n, prefix)
            while number <= last:
                self._bar(self.spans[number])
                if np.isfinite(self.weight).any():
                    self._thin()
                    number += 1
                    progress((number - first) / (last - first + 1))
                    continue
                number = self._go_back(number, first, prefix, failures)
            if after is not None and len(after):
                self._weigh(after)
        best = int(np.argmax(self.weight))
        count = int(self.rows.count[best]) - (0 if after is None else len(after))
        self.counts["notes"] = count - len(prefix) - (last - first + 1)
        return Written(
            self.rows.events[best, :count].copy(),
            self.probability[best, :count].copy(),
            self.rejected[best, :count].copy(),
            dict(self.counts),
        )

    def _thin(self) -> None:
        """Draw the particles anew where few of them carry the weight."""
        n_rows = self.rows.n_rows
        fallen = ~np.isfinite(self.weight)
        draw = float(self.rng.random())
        if (
            fallen.any()
            or n_rows > self.n
            or effective(self.weight) < (self.settings.resample_below * n_rows)
        ):
            self._select(resample(self.weight, self.n, draw))
            self.weight = np.zeros(self.n)
            self.counts["times drawn anew"] += 1

    def _go_back(
        self, number: int, first: int, prefix: NDArray[Any], failures: Counter[int]
    ) -> int:
        """Take all rows back some bars, more of them than before; the bar to go on with."""
        settings = self.settings
        tries = failures[number]
        failures[number] += 1
        self.counts["times gone back"] += 1
        if tries >= 2 * len(settings.back_up) or failures.total() > settings.budget:
            raise self._conflict(number)
        bars = settings.back_up[min(tries, len(settings.back_up) - 1)]
        target = max(first, number - bars + 1)
        n_rows = min(settings.most_particles, self.n * 2 ** (1 + tries))
        written = self.bar_counts[:, target]
        if target == first or (self.ring.written - written > settings.window // 2).any():
            # Too much is written over, or all of it goes: begin anew.
            target = first
            self._begin(n_rows, prefix)
            return target
        self.rows.take_back(written)
        lost = np.arange(self.probability.shape[1]) >= written[:, None]
        self.probability[lost] = np.nan
        self.rejected[lost] = 0
        self.ring.take_back(self.ring.written - (self._full - written))
        self.weight = np.zeros(len(written))
        self._select(np.arange(n_rows) % len(written))
        return target

    def _conflict(self, number: int) -> ConflictError:
        found = Counter(self.faults)
        names = found.most_common(1)[0][0] if found else ("the model's own limits",)
        bar = self.spans[number]
        shown = number + (0 if self.spans[0].missing else 1)
        verb = "this cannot hold" if len(names) == 1 else "these cannot all hold"
        return ConflictError(
            f"{verb} in bar {shown} (ticks {bar.start}-{bar.end} of 1/24 quarter), as far as "
            f"{self.counts['times gone back']} attempts with up to "
            f"{self.settings.most_particles} particles show: {'; '.join(names)}",
            names,
        )

    # --- A bar -----------------------------------------------------------------------------

    def _bar(self, span: Span) -> None:
        """Write a bar in all rows; rows that find no way have the weight minus infinity."""
        rows = self.rows
        every = np.arange(rows.n_rows)
        self.bar_counts[:, span.index] = rows.count
        self.faults = []
        rows.append(every, tick=span.start, track=BAR, place=span.missing)
        self._room()
        active = np.isfinite(self.weight)
        self._hear(np.ones(len(every), dtype=bool))
        ticks = span.start + np.arange(NEXT_BAR) - span.missing
        banned = np.zeros((len(every), NEXT_BAR, N_TRACKS), dtype=bool)
        faults: list[set[str]] = [set() for _ in every]
        for _ in range(MAX_BAR_EVENTS):
            active = self._event(span, ticks, active, banned, faults)
            if not active.any():
                break
        self.weight[active] = -np.inf  # never came to the bar's end
        self._full = rows.count.copy()

    def _event(
        self,
        span: Span,
        ticks: Ints,
        active: Mask,
        banned: Mask,
        faults: list[set[str]],
    ) -> Mask:
        """One event of each active row; which rows go on in this bar."""
        rows, model = self.rows, self.model
        every = np.arange(rows.n_rows)
        here = rows.newest("tick")
        none = np.zeros_like(here)
        own = np.zeros((len(here), len(OWN_COLUMNS)), np.int64)
        at = Standing(rows, span, here, here, none, none, own)
        floor = rows.floor()
        dues = [(item.name, due) for item in self.limits if (due := item.due(at)) is not None]
        open_at = self._open_tracks(at, ticks, floor, dues, banned)
        limits = self._places(dues, ticks, span)
        inside = np.append((ticks >= span.start) & (ticks < span.end), True)
        possible = inside & (np.arange(N_PLACES) >= floor[:, :1])
        for name, mask in open_at:
            limits.append((name, np.pad(mask.any(2), ((0, 0), (0, 1)), constant_values=True)))
        joint = np.ones((len(every), NEXT_BAR, N_TRACKS), dtype=bool)
        for _, mask in open_at:
            joint &= mask
        limits.append(("tracks", np.pad(joint.any(2), ((0, 0), (0, 1)), constant_values=True)))
        wishes = [w for item in self.wishes if (w := item.places(at, ticks)) is not None]
        logits = model.place_out(self.hidden[:, 0])
        place, weight, chance, rejected = self._draw("place", logits, possible, limits, wishes)
        stuck = active & ~np.isfinite(weight)
        for row in np.flatnonzero(stuck):
            fault = set(blame(row, possible, limits)) - {"order", "tried"}
            if "tracks" in fault:
                fault |= {name for name, _ in open_at} - {"order", "tried"}
            self.faults.append(tuple(sorted((fault - {"tracks"}) | faults[row])))
        self.weight[stuck] = -np.inf
        active = active & ~stuck
        ends = active & (place == NEXT_BAR)
        self.weight[ends] += weight[ends]
        writing = active & ~ends
        if not writing.any():
            return writing
        spot = np.where(writing, place, np.maximum(floor[:, 0], 0)).astype(np.int64)
        at.tick = np.where(writing, ticks[np.minimum(spot, NEXT_BAR - 1)], here)
        same = at.tick == here
        ask = rows.ask(at.tick)
        asked_with = torch.from_numpy(ask)[:, None]
        known = self.hidden + model.stand(asked_with)
        limits = [(name, mask[every, np.minimum(spot, NEXT_BAR - 1)]) for name, mask in open_at]
        wishes = [w for item in self.wishes if (w := item.tracks(at)) is not None]
        logits = model.track_out(model.ask_track(known))[:, 0]
        possible = np.arange(N_TRACKS) >= np.where(same, floor[:, 1], 0)[:, None]
        track, more, odds, lost = self._draw("track", logits, possible, limits, wishes)
        weight, chance, rejected = weight + more, chance * odds, rejected + lost
        at.track = np.where(np.isfinite(more), track, 0)
        ask[:, _OWN:] = at.own = rows.own(at.tick, at.track)
        asked_with = torch.from_numpy(ask)[:, None]
        told = torch.from_numpy(at.track)[:, None]
        asked, logits = model.ask_for_pitch(known, asked_with, told)
        limits = [(i.name, m) for i in self.limits if (m := i.pitches(at)) is not None]
        wishes = [w for item in self.wishes if (w := item.pitches(at)) is not None]
        lowest = np.where(same & (at.track == floor[:, 1]), floor[:, 2], 1)
        possible = np.arange(N_PITCHES) >= np.maximum(lowest, 1)[:, None]
        possible[~possible.any(1), -1] = True  # above the highest key: shut by the order
        limits.append(("order", np.arange(N_PITCHES) >= lowest[:, None]))
        pitch, more, odds, lost = self._draw("pitch", logits[:, 0], possible, limits, wishes)
        stuck = writing & ~np.isfinite(more)
        for row in np.flatnonzero(stuck):
            # Not this note: another place or track may do.
            banned[row, spot[row], at.track[row]] = True
            faults[row] |= set(blame(row, possible, limits)) - {"order"}
        writing = writing & ~stuck
        weight, chance, rejected = weight + more, chance * odds, rejected + lost
        at.pitch = np.where(np.isfinite(more), pitch, 0)
        told = torch.from_numpy(at.pitch)[:, None]
        asked, logits = model.ask_for_duration(asked, asked_with, told)
        limits = [(i.name, m) for i in self.limits if (m := i.durations(at)) is not None]
        wishes = [w for item in self.wishes if (w := item.durations(at)) is not None]
        some = {n: np.arange(n) >= np.ones((len(every), 1)) for n in _SIZES}
        duration, more, odds, lost = self._draw(
            "duration", logits[:, 0], some[N_DURATIONS], limits, wishes
        )
        stuck = writing & ~np.isfinite(more)
        for row in np.flatnonzero(stuck):
            banned[row, spot[row], at.track[row]] = True
            faults[row] |= set(blame(row, some[N_DURATIONS], limits))
        writing = writing & ~stuck
        weight, chance, rejected = weight + more, chance * odds, rejected + lost
        told = torch.from_numpy(np.where(np.isfinite(more), duration, 1))[:, None]
        asked, logits = model.ask_for_velocity(asked, told)
        velocity, *_ = self._draw("velocity", logits[:, 0], some[N_VELOCITIES], [], [])
        timing = np.zeros(len(every), np.int64)
        if self.with_timing:
            logits = model.ask_for_timing(asked, torch.from_numpy(velocity)[:, None])
            timing, *_ = self._draw("timing", logits[:, 0], some[N_TIMINGS], [], [])
        done = np.flatnonzero(writing)
        if not len(done):
            return active & ~ends
        rows.append(
            done,
            tick=at.tick[done],
            track=at.track[done],
            place=spot[done],
            pitch=at.pitch[done],
            duration=duration[done],
            velocity=velocity[done],
            timing=timing[done],
        )
        self._room()
        newest = rows.count[done] - 1
        self.probability[done, newest] = chance[done]
        self.rejected[done, newest] = rejected[done]
        self.weight[done] += weight[done]
        banned[done] = False
        for row in done:
            faults[row].clear()
        self._hear(writing)
        return active & ~ends

    def _draw(
        self,
        part: str,
        logits: Tensor,
        possible: Mask,
        limits: Sequence[Named],
        wishes: Sequence[Floats],
    ) -> tuple[Ints, Floats, Floats, Ints]:
        settings = self.settings
        draws = self.rng.random(len(possible))
        made = choose(
            logits.float().numpy(),
            possible,
            limits,
            wishes,
            draws,
            settings.temperature.get(part, 1.0),
            settings.top_p.get(part, 1.0),
        )
        if made.rejected.any():
            self.counts["candidates rejected"] += int(made.rejected.sum())
            self.counts[f"candidates rejected: {part}"] += int(made.rejected.sum())
        return made.value, made.weight, made.probability, made.rejected

    def _places(
        self, dues: Sequence[tuple[str, tuple[Ints, int]]], ticks: Ints, span: Span
    ) -> list[Named]:
        """Nobody goes past the moment at which a note is due."""
        found = []
        for name, (due, _) in dues:
            if (due < span.end).any():
                mask = np.ones((len(due), N_PLACES), dtype=bool)
                mask[:, :NEXT_BAR] = ticks <= due[:, None]
                mask[:, NEXT_BAR] = due >= span.end
                found.append((name, mask))
        return found

    def _open_tracks(
        self,
        at: Standing,
        ticks: Ints,
        floor: Ints,
        dues: Sequence[tuple[str, tuple[Ints, int]]],
        banned: Mask,
    ) -> list[Named]:
        """Which tracks may begin a note at each place, (B, places, N_TRACKS), by limit."""
        tracks = np.arange(N_TRACKS)
        order = (ticks != at.here[:, None])[:, :, None] | (tracks >= floor[:, 1, None, None])
        found: list[Named] = [("order", order)]
        if banned.any():
            found.append(("tried", ~banned))
        for item in self.limits:
            mask = item.tracks(at, ticks)
            if mask is not None:
                found.append((item.name, mask))
        for name, (due, own) in dues:
            if (due < at.bar.end).any():
                late = ticks == due[:, None]
                found.append((name, ~(late[:, :, None] & (tracks > own))))
        return found

    def _weigh(self, after: NDArray[Any]) -> None:
        """Add to each weight how likely the model finds given events next."""
        from hybrid.symbolic_transformer.event_model import PARTS, part_losses

        rows, model = self.rows, self.model
        every = np.arange(rows.n_rows)
        for number, event in enumerate(after):
            if number:
                note = {name: int(event[name]) for name in PARTS}
                is_note = event["track"] < N_TRACKS
                tick = np.full(len(every), int(event["tick"]))
                track = np.full(len(every), int(event["track"]) if is_note else 0)
                ask = rows.ask(tick)
                ask[:, _OWN:] = rows.own(tick, track)
                parts = np.array([note[name] if is_note else 0 for name in PARTS])
                parts[0] = note["place"] if is_note else NEXT_BAR
                wanted = torch.from_numpy(np.tile(parts, (len(every), 1)))[:, None]
                asked = torch.from_numpy(ask)[:, None]
                logits = self._logits(asked, wanted)
                floor = torch.from_numpy(rows.floor())[:, None]
                valid = torch.ones(len(every), 1, dtype=torch.bool)
                losses = part_losses(logits, wanted, floor, valid)
                found = sum(losses[name] for name in ("place", "track", "pitch", "duration"))
                self.weight -= np.asarray(found)[:, 0]
            rows.append(every, **{name: int(event[name]) for name in event.dtype.names})
            self._room()
            self._hear(np.ones(len(every), dtype=bool))
        del model

    def _logits(self, ask: Tensor, parts: Tensor) -> dict[str, Tensor]:
        """Logits of the parts of a given next event."""
        model = self.model
        known = self.hidden + model.stand(ask)
        track, pitch = parts[..., 1], parts[..., 2]
        asked, pitches = model.ask_for_pitch(known, ask, track)
        asked, durations = model.ask_for_duration(asked, ask, pitch)
        asked, velocities = model.ask_for_velocity(asked, parts[..., 3])
        return {
            "place": model.place_out(self.hidden),
            "track": model.track_out(model.ask_track(known)),
            "pitch": pitches,
            "duration": durations,
            "velocity": velocities,
            "timing": model.ask_for_timing(asked, parts[..., 4]),
        }


__all__ = ["EventSampler", "SampleSettings", "Written", "bar_spans"]
