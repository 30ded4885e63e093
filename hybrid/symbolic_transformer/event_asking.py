"""Asking the model for one event of each row: place, track, pitch, duration, velocity, timing.

Every part is asked knowing the parts before it. A pitch or duration that limits leave no value
for does not end a row: the place and track that led there are shut, and asked for again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hybrid.symbolic_transformer.event_choice import Named, blame, choose
from hybrid.symbolic_transformer.event_columns import ASK_COLUMNS, OWN_COLUMNS
from hybrid.symbolic_transformer.event_limits import Limit, Span, Standing
from hybrid.symbolic_transformer.event_model import PARTS, EventTransformer, part_losses
from hybrid.symbolic_transformer.event_particles import Particles
from hybrid.symbolic_transformer.event_wishes import Wish
from hybrid.symbolic_transformer.events import (
    N_DURATIONS,
    N_PITCHES,
    N_PLACES,
    N_TIMINGS,
    N_TRACKS,
    N_VELOCITIES,
    NEXT_BAR,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Dues = Sequence[tuple[str, tuple[Ints, int]]]
_OWN = len(ASK_COLUMNS) - len(OWN_COLUMNS)
#: Names of what shuts values without being anybody's demand.
_OURS = frozenset({"order", "tried"})


@dataclass(eq=False)
class Tries:
    """What has been tried for each row's next event in a bar.

    Attributes
    ----------
    shut : np.ndarray, shape (B, places, N_TRACKS), bool
        Places and tracks that led nowhere.
    faults : list of set of str
        Names of the limits that left nothing there.
    fallen : list of tuple of str
        For each row that found no way at all, the names of the limits in its way.
    """

    shut: Mask
    faults: list[set[str]]
    fallen: list[tuple[str, ...]] = field(default_factory=list)

    @classmethod
    def none(cls, n_rows: int) -> Tries:
        shut = np.zeros((n_rows, NEXT_BAR, N_TRACKS), dtype=bool)
        return cls(shut, [set() for _ in range(n_rows)])


@dataclass
class _Draw:
    """Running figures of an event: log weight, probability, candidates shut."""

    weight: Floats
    probability: Floats
    rejected: Ints


class Asker:
    """Draws events for particles under limits and wishes.

    Parameters
    ----------
    model : EventTransformer
    limits, wishes : sequences
    temperature, top_p : mapping
        By part; 1 where left out.
    with_timing : bool
        Whether the style knows how far notes are played from where they are written.
    rng : np.random.Generator
    counts : Counter
        Rejected candidates are counted into it.
    """

    def __init__(
        self,
        model: EventTransformer,
        limits: Sequence[Limit],
        wishes: Sequence[Wish],
        temperature: Mapping[str, float],
        top_p: Mapping[str, float],
        with_timing: bool,
        rng: np.random.Generator,
        counts: Counter[str],
    ) -> None:
        self.model, self.limits, self.wishes = model, tuple(limits), tuple(wishes)
        self.temperature, self.top_p = temperature, top_p
        self.with_timing, self.rng, self.counts = with_timing, rng, counts

    def event(self, particles: Particles, span: Span, active: Mask, tries: Tries) -> Mask:
        """Write one event to each active row, or none where it is done or must try again.

        Returns
        -------
        np.ndarray, shape (B,), bool
            Rows that have more to write in this bar.
        """
        rows = particles.rows
        here, floor = rows.newest("tick"), rows.floor()
        own = np.zeros((len(here), len(OWN_COLUMNS)), np.int64)
        none = np.zeros_like(here)
        at = Standing(rows, span, here, here, none, none, own)
        ticks = span.start + np.arange(NEXT_BAR) - span.missing
        dues = [(item.name, due) for item in self.limits if (due := item.due(at)) is not None]
        opened = self._open_tracks(at, ticks, floor, dues, tries)
        place, draw, active = self._place(particles, at, ticks, floor, dues, opened, active, tries)
        ends = active & (place == NEXT_BAR)
        particles.weight[ends] += draw.weight[ends]
        active = active & ~ends
        if not active.any():
            return active
        spot = np.where(active, np.minimum(place, NEXT_BAR - 1), floor[:, 0])
        at.tick = np.where(active, ticks[spot], here)
        chosen, going = self._note(particles, at, spot, floor, opened, active, tries, draw)
        done = np.flatnonzero(going)
        if len(done):
            particles.append(
                done,
                tick=at.tick[done],
                track=at.track[done],
                place=spot[done],
                pitch=at.pitch[done],
                **{name: values[done] for name, values in chosen.items()},
            )
            particles.note(done, draw.probability[done], draw.rejected[done])
            particles.weight[done] += draw.weight[done]
            tries.shut[done] = False
            for row in done:
                tries.faults[row].clear()
            particles.hear(going)
        return active

    def _place(
        self,
        particles: Particles,
        at: Standing,
        ticks: Ints,
        floor: Ints,
        dues: Dues,
        opened: Sequence[Named],
        active: Mask,
        tries: Tries,
    ) -> tuple[Ints, _Draw, Mask]:
        """Places of the next events; rows without any have fallen."""
        span = at.bar
        until = _until(dues, ticks, span)
        joint = np.ones((len(at.here), NEXT_BAR, N_TRACKS), dtype=bool)
        for _, mask in opened:
            joint &= mask
        # A place is open where some track is; the next bar always, as far as nothing is due.
        some = np.pad(joint.any(2), ((0, 0), (0, 1)), constant_values=True)
        limits = [*until, ("tracks", some)]
        inside = np.append((ticks >= span.start) & (ticks < span.end), True)
        possible = inside & (np.arange(N_PLACES) >= floor[:, :1])
        wishes = [w for item in self.wishes if (w := item.places(at, ticks)) is not None]
        logits = particles.steps.places(particles.hidden[:, 0])
        none = np.zeros(len(at.here))
        draw = _Draw(none, none + 1, none.astype(np.int64))
        place, stuck = self._draw("place", logits, possible, limits, wishes, draw, active)
        for row in np.flatnonzero(stuck).tolist():
            names = _blame_places(row, possible, ticks, dues, opened)
            tries.fallen.append(tuple(sorted(names | tries.faults[row])))
        particles.weight[stuck] = -np.inf
        return place, draw, active & ~stuck

    def _note(
        self,
        particles: Particles,
        at: Standing,
        spot: Ints,
        floor: Ints,
        opened: Sequence[Named],
        active: Mask,
        tries: Tries,
        draw: _Draw,
    ) -> tuple[dict[str, Ints], Mask]:
        """The other parts at the places chosen, and the rows that found them all."""
        steps, rows, every = particles.steps, particles.rows, at.every
        same = at.tick == at.here
        ask = rows.ask(at.tick)
        known = particles.hidden[:, 0] + steps.stand(ask, at.tick)
        limits = [(name, mask[every, spot]) for name, mask in opened]
        wishes = [w for item in self.wishes if (w := item.tracks(at)) is not None]
        possible = np.arange(N_TRACKS) >= np.where(same, floor[:, 1], 0)[:, None]
        logits = steps.tracks(known)
        at.track, stuck = self._draw("track", logits, possible, limits, wishes, draw, active)
        going = active & ~stuck

        ask[:, _OWN:] = at.own = rows.own(at.tick, at.track)
        asked, logits = steps.pitches(known, ask, at.track)
        limits = [(i.name, m) for i in self.limits if (m := i.pitches(at)) is not None]
        wishes = [w for item in self.wishes if (w := item.pitches(at)) is not None]
        lowest = np.where(same & (at.track == floor[:, 1]), floor[:, 2], 1)[:, None]
        possible = np.arange(N_PITCHES) >= np.clip(lowest, 1, N_PITCHES - 1)
        # Above the highest key there is nothing: then the order itself shuts the last one.
        limits.append(("order", np.arange(N_PITCHES) >= lowest))
        at.pitch, stuck = self._draw("pitch", logits, possible, limits, wishes, draw, going)
        self._shut(tries, stuck, spot, at.track, possible, limits)
        going = going & ~stuck

        asked, logits = steps.durations(asked, ask, at.pitch)
        limits = [(i.name, m) for i in self.limits if (m := i.durations(at)) is not None]
        wishes = [w for item in self.wishes if (w := item.durations(at)) is not None]
        possible = _above_none(N_DURATIONS, len(every))
        duration, stuck = self._draw("duration", logits, possible, limits, wishes, draw, going)
        self._shut(tries, stuck, spot, at.track, possible, limits)
        going = going & ~stuck

        loose = _Draw(draw.weight.copy(), draw.probability.copy(), draw.rejected.copy())
        asked, logits = steps.velocities(asked, duration)
        possible = _above_none(N_VELOCITIES, len(every))
        velocity, _ = self._draw("velocity", logits, possible, [], [], loose, going)
        chosen = {"duration": duration, "velocity": velocity}
        if self.with_timing:
            logits = steps.timings(asked, velocity)
            possible = _above_none(N_TIMINGS, len(every))
            chosen["timing"], _ = self._draw("timing", logits, possible, [], [], loose, going)
        return chosen, going

    def _shut(
        self,
        tries: Tries,
        stuck: Mask,
        spot: Ints,
        track: Ints,
        possible: Mask,
        limits: Sequence[Named],
    ) -> None:
        """Not this note: another place or track may do."""
        for row in np.flatnonzero(stuck).tolist():
            tries.shut[row, spot[row], track[row]] = True
            tries.faults[row] |= set(blame(row, possible, limits)) - _OURS

    def _draw(
        self,
        part: str,
        logits: Tensor,
        possible: Mask,
        limits: Sequence[Named],
        wishes: Sequence[Floats],
        draw: _Draw,
        active: Mask,
    ) -> tuple[Ints, Mask]:
        """Values of a part, and the active rows that have none; ``draw`` takes the figures up."""
        made = choose(
            logits.float().numpy(),
            possible,
            limits,
            wishes,
            self.rng.random(len(possible)),
            self.temperature.get(part, 1.0),
            self.top_p.get(part, 1.0),
        )
        found = np.isfinite(made.weight)
        draw.weight = draw.weight + made.weight
        draw.probability = draw.probability * made.probability
        draw.rejected = draw.rejected + made.rejected
        lost = int(made.rejected[active].sum())
        if lost:
            self.counts["candidates rejected"] += lost
            self.counts[f"candidates rejected: {part}"] += lost
        return np.where(found, made.value, possible.argmax(1)), active & ~found

    def _open_tracks(
        self, at: Standing, ticks: Ints, floor: Ints, dues: Dues, tries: Tries
    ) -> list[Named]:
        """Which tracks may begin a note at each place, (B, places, N_TRACKS), by limit."""
        tracks = np.arange(N_TRACKS)
        order = (ticks != at.here[:, None])[:, :, None] | (tracks >= floor[:, 1, None, None])
        found: list[Named] = [("order", order)]
        if tries.shut.any():
            found.append(("tried", ~tries.shut))
        for item in self.limits:
            mask = item.tracks(at, ticks)
            if mask is not None:
                found.append((item.name, mask))
        for name, (due, own) in dues:
            if (due < at.bar.end).any():
                late = ticks == due[:, None]
                found.append((name, ~(late[:, :, None] & (tracks > own))))
        return found

    def likelihood(self, particles: Particles, span: Span, event: np.void) -> Floats:
        """Log probability of a given next event for each row; minus infinity where limits on
        steps between notes shut it.
        """
        rows, model = particles.rows, self.model
        is_note = int(event["track"]) < N_TRACKS
        shape = np.ones(particles.n_rows, np.int64)
        tick = shape * int(event["tick"])
        track = shape * (int(event["track"]) if is_note else 0)
        ask = rows.ask(tick)
        ask[:, _OWN:] = own = rows.own(tick, track)
        values = [int(event[name]) if is_note else 0 for name in PARTS]
        values[0] = values[0] if is_note else NEXT_BAR
        parts = torch.from_numpy(shape[:, None] * np.array(values))[:, None]
        asked_with = torch.from_numpy(ask)[:, None]
        known = particles.hidden + model.stand(asked_with)
        asked, pitches = model.ask_for_pitch(known, asked_with, parts[..., 1])
        asked, durations = model.ask_for_duration(asked, asked_with, parts[..., 2])
        asked, velocities = model.ask_for_velocity(asked, parts[..., 3])
        logits = {
            "place": model.place_out(particles.hidden),
            "track": model.track_out(model.ask_track(known)),
            "pitch": pitches,
            "duration": durations,
            "velocity": velocities,
            "timing": model.ask_for_timing(asked, parts[..., 4]),
        }
        floor = torch.from_numpy(rows.floor())[:, None]
        valid = torch.ones(parts.shape[:2], dtype=torch.bool)
        losses = part_losses(logits, parts, floor, valid)
        found = -torch.stack([losses[n] for n in ("place", "track", "pitch", "duration")]).sum(0)
        weight = found[:, 0].double().numpy()
        if is_note:
            pitch = int(event["pitch"])
            at = Standing(rows, span, rows.newest("tick"), tick, track, shape * pitch, own)
            for item in self.limits:
                mask = item.pitches(at) if item.joins else None
                if mask is not None:
                    weight = np.where(mask[:, pitch], weight, -np.inf)
        return np.asarray(weight)


def _above_none(n: int, n_rows: int) -> Mask:
    """All values but 0, which says that there is none."""
    return np.broadcast_to(np.arange(n) > 0, (n_rows, n))


def _blame_places(
    row: int, possible: Mask, ticks: Ints, dues: Dues, opened: Sequence[Named]
) -> set[str]:
    """Names of limits that leave a row no place with a track, none of them needlessly.

    Where a note is due, what keeps its own track from it is to blame, whatever the others may do.
    """
    open_ = np.repeat(possible[row, :NEXT_BAR, None], N_TRACKS, axis=1)
    others: list[Named] = []
    for name, mask in opened:
        one = np.broadcast_to(mask[row if len(mask) > 1 else 0], open_.shape)
        if name in _OURS:
            open_ &= one
        else:
            others.append((name, one.reshape(1, -1)))
    found: set[str] = set()
    for name, (due, own) in dues:
        mine = open_ & (ticks <= due[row])[:, None] & (np.arange(N_TRACKS) == own)
        if due[row] <= ticks[-1] and not found:
            rest = [item for item in others if item[0] != name]
            left = np.logical_and.reduce([mask[0] for _, mask in rest], initial=True)
            if not (mine.ravel() & left).any():
                found = {name, *blame(0, mine.reshape(1, -1), rest)}
    return found or set(blame(0, open_.reshape(1, -1), others))


def _until(dues: Dues, ticks: Ints, span: Span) -> list[Named]:
    """Nobody goes past the moment at which a note is due."""
    found: list[Named] = []
    for name, (due, _) in dues:
        if (due < span.end).any():
            mask = np.ones((len(due), N_PLACES), dtype=bool)
            mask[:, :NEXT_BAR] = ticks <= due[:, None]
            mask[:, NEXT_BAR] = due >= span.end
            found.append((name, mask))
    return found


__all__ = ["Asker", "Tries"]
