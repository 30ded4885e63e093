"""What the next event should be: weights on places, tracks, pitches and durations.

A wish is added to the model's logits. It shuts nothing, and what it costs counts into the
particles' weights, so particles that agree with the plan of their own accord outlive others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.timeline import Metre
from hybrid.symbolic_transformer.event_columns import PLAN_COLUMNS, PlanColumns
from hybrid.symbolic_transformer.event_dues import Reach
from hybrid.symbolic_transformer.event_limits import LENGTHS, NEVER, Standing
from hybrid.symbolic_transformer.events import LOWEST, N_PITCHES, N_PLACES, N_TRACKS, NEXT_BAR
from hybrid.symbolic_transformer.moments import conditions_at
from hybrid.symbolic_transformer.tables import TICKS, VARIATION_KINDS, PlanArrays

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
#: Pitch class of each place of the pitch vocabulary.
CLASSES = (np.arange(N_PITCHES) + LOWEST - 1) % 12
BASS = N_TRACKS - 1
#: How strongly a returning theme pulls to its first appearance, by variation; others not at all.
RETURNS = {"literal": 30.0, "varied": 1.0, "ornament": 0.8, "transposed": 1.0, "none": 0.8}


#: Share of a varied return that is to be kept, in the middle of 60 to 95%, judged by so many
#: newest events; how fast the pull changes off it, and between which factors.
KEPT, LOOK_BACK, STEER, TURNS = 0.8, 24, 12.0, (-2.0, 2.5)


@dataclass(frozen=True)
class WishWeights:
    """How much is asked for, in nats.

    Attributes
    ----------
    strong, weak : float
        Against notes outside the chord, on beats and between them.
    hold : float
        Against each quarter (two at most) for which a note would sound outside a later chord.
    bass : float
        Against another bass than the chord's where the chord begins.
    change : float
        Against writing past a new chord without its bass.
    returns : float
        Factor on `RETURNS`.
    """

    strong: float = 3.0
    weak: float = 0.7
    hold: float = 1.5
    bass: float = 3.0
    change: float = 2.5
    returns: float = 1.0


class Wish:
    """A wish for nothing; children say what they prefer, for all B rows at once."""

    def places(self, at: Standing, ticks: Ints) -> Floats | None:
        """Logits added to each place and to the next bar, (B, N_PLACES)."""
        return None

    def tracks(self, at: Standing) -> Floats | None:
        """Logits added to the tracks at the next tick, (B, N_TRACKS)."""
        return None

    def pitches(self, at: Standing) -> Floats | None:
        """Logits added to the pitches of the next track, (B, N_PITCHES)."""
        return None

    def durations(self, at: Standing) -> Floats | None:
        """Logits added to the durations of the next pitch, (B, N_DURATIONS)."""
        return None


class Harmony(Wish):
    """Notes of the plan's chords, their basses where they begin."""

    def __init__(self, plan: PlanArrays, weights: WishWeights) -> None:
        self.weights = weights
        self.last = plan.length
        found = conditions_at(plan, np.arange(plan.length + 1))
        has = found.mask > 0
        #: Whether each pitch class belongs to the chord of each tick; all where there is none.
        self.tone = ((found.mask[:, None] >> np.arange(12)) & 1).astype(bool) | ~has[:, None]
        self.bass = np.where(has, found.bass, -1).astype(np.int64)
        outside = np.cumsum(~self.tone[:-1], 0)
        self.outside = np.concatenate([np.zeros((1, 12), np.int64), outside])
        chords = plan.chords[plan.chords["mask"] > 0]
        self.starts = np.append(chords["start"].astype(np.int64), NEVER)
        self.begins = np.isin(np.arange(plan.length + 1), self.starts)
        self.cost = np.where(_on_beat(plan), weights.strong, weights.weak)

    def places(self, at: Standing, ticks: Ints) -> Floats | None:
        rows = at.rows
        written = np.where(rows.last_pitch[:, BASS] > 0, rows.last_tick[:, BASS], -1)
        following = self.starts[
            np.searchsorted(self.starts, np.maximum(at.here, written + 1), side="left")
        ]
        inside = following < at.bar.end
        if not inside.any():
            return None
        bass = self.bass[np.minimum(following, self.last)]
        held = rows.last_end[:, BASS] > following
        right = held & (CLASSES[rows.last_pitch[:, BASS]] == bass)
        wrong = inside & ~right & (bass >= 0)
        made = np.zeros((len(following), N_PLACES))
        made[:, :NEXT_BAR] = -self.weights.change * (ticks > following[:, None])
        made[:, NEXT_BAR] = -self.weights.change
        return np.asarray(made * wrong[:, None])

    def pitches(self, at: Standing) -> Floats | None:
        tick = np.minimum(at.tick, self.last)
        made = -self.cost[tick][:, None] * ~self.tone[tick][:, CLASSES]
        bass = self.bass[tick]
        lowest = (at.track == BASS) & self.begins[tick] & (bass >= 0)
        made -= self.weights.bass * (lowest[:, None] & (bass[:, None] != CLASSES))
        return np.asarray(made)

    def durations(self, at: Standing) -> Floats | None:
        end = np.minimum(at.tick[:, None] + LENGTHS, self.last)
        start = np.minimum(at.tick, self.last)
        own = CLASSES[at.pitch]
        outside = self.outside[end, own[:, None]] - self.outside[start, own][:, None]
        # A note outside the chord it begins in is judged by its pitch; it may last.
        outside = np.where(self.tone[start, own][:, None], outside, 0)
        return np.asarray(-self.weights.hold * np.minimum(outside, 2 * TICKS) / TICKS)


class Returns(Wish):
    """A theme that comes back is drawn to what it was, as its variation says.

    The pull lets go, and turns against the same pitches, where a varied return has kept more than
    `KEPT` of its newest notes, and grows where it has kept less. Pitches and durations of the
    melody, where it is not literal, are left to
    `hybrid.symbolic_transformer.event_variations.Transformed`.
    """

    def __init__(self, told: PlanColumns, factor: float = 1.0, melody: int | None = None) -> None:
        self.melody = -1 if melody is None else melody
        names = [column.name for column in PLAN_COLUMNS]
        kinds = told.table[:, names.index("variation")]
        strengths = np.array([RETURNS.get(kind, 0.0) for kind in VARIATION_KINDS])
        # A chord other than there asks for other notes.
        literal = (kinds == VARIATION_KINDS.index("literal")) & _same_chords(told)
        pull = np.where(literal, strengths[kinds], factor * np.minimum(strengths[kinds], 1.0))
        self.pull = np.where(told.reference >= 0, pull, 0.0)
        self.is_literal = literal

    def _pull(self, at: Standing, ticks: Ints) -> Floats:
        ticks = np.minimum(ticks, len(self.pull) - 1)
        pull: Floats = self.pull[ticks]
        if not pull.any():
            return pull
        share = np.nan_to_num(at.rows.kept_share(LOOK_BACK), nan=KEPT)
        turn = np.clip(1 + STEER * (KEPT - share), *TURNS)
        return np.where(self.is_literal[ticks], pull, pull * turn)

    def _own_pull(self, at: Standing) -> Floats:
        literal = self.is_literal[np.minimum(at.tick, len(self.is_literal) - 1)]
        return np.where(literal | (at.track != self.melody), self._pull(at, at.tick), 0.0)

    def places(self, at: Standing, ticks: Ints) -> Floats | None:
        pull = np.maximum(self._pull(at, at.here), 0)
        if not pull.any():
            return None
        has, _, there = at.rows.reference_next()
        made = np.zeros((len(pull), N_PLACES))
        made[:, :NEXT_BAR] = ticks == there[:, None]
        made[:, NEXT_BAR] = there >= at.bar.end
        return np.asarray(made * (pull * has)[:, None])

    def tracks(self, at: Standing) -> Floats | None:
        pull = np.maximum(self._pull(at, at.tick), 0)
        if not pull.any():
            return None
        has, chosen, there = at.rows.reference_next()
        source = at.rows.events["track"][at.every, chosen]
        pull = pull * (has & (there == at.tick))
        return np.asarray(pull[:, None] * (np.arange(N_TRACKS) == source[:, None]))

    def pitches(self, at: Standing) -> Floats | None:
        pull = self._own_pull(at) * (at.own[:, 3] > 0)
        if not pull.any():
            return None
        return np.asarray(pull[:, None] * (np.arange(N_PITCHES) == at.own[:, 3, None]))

    def durations(self, at: Standing) -> Floats | None:
        pull = self._own_pull(at) * (at.own[:, 4] > 0) * (at.pitch == at.own[:, 3])
        if not pull.any():
            return None
        return np.asarray(pull[:, None] * (np.arange(len(LENGTHS)) == at.own[:, 4, None]))


def _same_chords(told: PlanColumns) -> NDArray[np.bool_]:
    """Whether each tick has the chord of the tick it returns to, moved with the key."""
    names = [column.name for column in PLAN_COLUMNS]
    mask = told.table[:, names.index("mask")].astype(np.int64)
    there = mask[np.clip(told.reference, 0, len(mask) - 1)]
    turn = told.shift % 12
    moved = ((there << turn) | (there >> (12 - turn))) & 4095
    return np.asarray((told.reference >= 0) & (mask == moved))


class Above(Wish):
    """Voices in their order: no note above the sounding note of the voice over it.

    Bach crosses voices now and then, so this weighs and does not shut.
    """

    def __init__(self, tracks: tuple[int, ...], weight: float = 3.0) -> None:
        self.order, self.weight = tracks, weight

    def pitches(self, at: Standing) -> Floats | None:
        rows, pitches = at.rows, np.arange(N_PITCHES)
        made = np.zeros((len(at.tick), N_PITCHES))
        for place, track in enumerate(self.order):
            mine = at.track == track
            if not mine.any():
                continue
            for other in self.order:
                held = (rows.last_end[:, other] > at.tick) & (rows.last_pitch[:, other] > 0) & mine
                line = rows.last_pitch[:, other, None]
                if other in self.order[:place]:
                    made -= self.weight * (held[:, None] & (pitches > line))
                elif other != track:
                    made -= self.weight * (held[:, None] & (pitches < line))
        return made


class Sings(Wish):
    """The leading line does not stay silent for longer than some ticks.

    Parameters
    ----------
    track : int
    patience : int
        Ticks of rest that are let be.
    """

    def __init__(self, track: int, patience: int, weight: float = 3.0) -> None:
        self.track, self.patience, self.weight = track, patience, weight

    def tracks(self, at: Standing) -> Floats | None:
        silent = at.tick - at.rows.last_end[:, self.track] >= self.patience
        if not silent.any():
            return None
        return np.asarray(self.weight * (silent[:, None] & (np.arange(N_TRACKS) == self.track)))


class Towards(Wish):
    """A line comes within reach of a pitch that it must have at a coming moment."""

    def __init__(self, track: int, tick: int, pitches: NDArray[np.bool_], weight: float) -> None:
        self.track, self.tick, self.weight = track, tick, weight
        targets = np.flatnonzero(pitches)
        steps = np.abs(np.arange(N_PITCHES)[:, None] - targets) if len(targets) else None
        self.far = np.zeros(N_PITCHES) if steps is None else steps.min(1)

    def pitches(self, at: Standing) -> Floats | None:
        left = self.tick - at.tick
        mine = (at.track == self.track) & (left > 0) & (left <= 4 * TICKS)
        if not mine.any():
            return None
        # Two semitones an eighth bring a line there in steps.
        over = np.maximum(self.far - left[:, None] / 6, 0)
        return np.asarray(-self.weight * mine[:, None] * over)


class Climax(Wish):
    """The closer the end of its span, the likelier a pitch that must be reached once."""

    def __init__(self, reach: Reach, weight: float = 6.0) -> None:
        self.reach, self.weight = reach, weight

    def pitches(self, at: Standing) -> Floats | None:
        low, high = self.reach.span
        mine = np.isin(at.track, self.reach.own) & (low <= at.tick) & (at.tick < high)
        if not mine.any():
            return None
        mine &= self.reach.missing(at.rows)
        along = (at.tick - low) / max(high - low, 1)
        bonus = self.weight * mine * along**2
        return np.asarray(bonus[:, None] * (np.arange(N_PITCHES) == self.reach.pitch))


def _on_beat(plan: PlanArrays) -> NDArray[np.bool_]:
    """Whether each tick is a beat."""
    made = np.zeros(plan.length + 1, dtype=bool)
    for bar in plan.bars:
        metre = Metre(0, int(bar["numerator"]), int(bar["denominator"]))
        beat = int(metre.beat_quarters * TICKS) or TICKS
        # Beats are counted back from the end, which also serves a pickup.
        made[np.arange(int(bar["end"]) - beat, int(bar["start"]) - 1, -beat)] = True
        made[int(bar["start"])] = True
    return made


__all__ = ["Above", "Climax", "Harmony", "Returns", "Sings", "Towards", "Wish", "WishWeights"]
