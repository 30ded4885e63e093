"""How lines move: wishes against steps and motions that part-writing avoids.

What a limit shuts (`hybrid.symbolic_transformer.event_limits.Parallels`) is only known when both
notes are there. Upper voices choose before the bass does, so here they look at the bass that the
plan has for the moment.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import Key
from hybrid.symbolic_transformer.event_limits import Standing
from hybrid.symbolic_transformer.event_wishes import BASS, CLASSES, Wish
from hybrid.symbolic_transformer.events import N_PITCHES, N_TRACKS
from hybrid.symbolic_transformer.moments import conditions_at
from hybrid.symbolic_transformer.tables import MODES, PlanArrays

Floats = NDArray[np.float64]
PERFECT = (0, 7)
AUGMENTED_SECOND = 9  # steps on the line of fifths


class Foresees(Wish):
    """Voices that choose before the bass leave it a way to the bass that is planned.

    Without this an upper voice may take the only tone that the planned bass could reach in
    parallel or contrary fifths or octaves alone, and the bass has to go elsewhere.
    """

    def __init__(self, plan: PlanArrays, tracks: Sequence[int], weight: float = 4.0) -> None:
        self.own = np.isin(np.arange(N_TRACKS), [track for track in tracks if track != BASS])
        self.weight = weight
        self.bass = np.full(plan.length + 1, -1, np.int64)
        chords = plan.chords[plan.chords["mask"] > 0]
        self.bass[chords["start"]] = chords["bass"]

    def pitches(self, at: Standing) -> Floats | None:
        rows = at.rows
        bass = self.bass[np.minimum(at.tick, len(self.bass) - 1)]
        under, own = rows.last_pitch[:, BASS], rows.last_pitch[at.every, at.track]
        again = rows.last_tick[at.every, at.track] == at.tick
        own = np.where(again, rows.before_pitch[at.every, at.track], own)
        size = (own - under) % 12
        mine = self.own[at.track] & (bass >= 0) & (under > 0) & (own > 0)
        mine &= (CLASSES[under] != bass) & np.isin(size, PERFECT)
        mine &= rows.last_tick[:, BASS] < at.tick
        if not mine.any():
            return None
        same = (CLASSES - bass[:, None]) % 12 == size[:, None]
        same &= np.arange(N_PITCHES) != own[:, None]
        return np.asarray(-self.weight * (mine[:, None] & same))


class NoAugmentedSeconds(Wish):
    """Lines do not step over an augmented second, as the key spells it."""

    def __init__(self, plan: PlanArrays, tracks: Sequence[int], weight: float = 10.0) -> None:
        self.own = np.isin(np.arange(N_TRACKS), tracks)
        self.weight = weight
        found = conditions_at(plan, np.arange(plan.length + 1))
        keys = np.where(found.tonic >= 0, found.tonic * len(MODES) + found.mode, -1)
        numbers, self.key = np.unique(keys, return_inverse=True)
        #: By key, first and second pitch class, for steps of three semitones up.
        self.wide = np.zeros((len(numbers), 12, 12), dtype=bool)
        for row, number in enumerate(numbers.tolist()):
            if number >= 0:
                tonic, mode = divmod(number, len(MODES))
                self.wide[row] = _augmented(tonic, MODES[mode])

    def pitches(self, at: Standing) -> Floats | None:
        rows, pitches = at.rows, np.arange(N_PITCHES)
        last = rows.last_pitch[at.every, at.track]
        again = rows.last_tick[at.every, at.track] == at.tick
        last = np.where(again, rows.before_pitch[at.every, at.track], last)
        mine = self.own[at.track] & (last > 0)
        if not mine.any():
            return None
        step = pitches - last[:, None]
        wide = self.wide[self.key[np.minimum(at.tick, len(self.key) - 1)]]
        up = wide[at.every[:, None], CLASSES[last][:, None], CLASSES] & (step == 3)
        down = wide[at.every[:, None], CLASSES, CLASSES[last][:, None]] & (step == -3)
        return np.asarray(-self.weight * (mine[:, None] & (up | down)))


def _augmented(tonic: int, mode: str) -> NDArray[np.bool_]:
    """Pairs of pitch classes three semitones apart that a key spells as an augmented second."""
    made = np.zeros((12, 12), dtype=bool)
    # Any spelling of the tonic does: the distances are the same.
    key = Key((7 * tonic + 5) % 12 - 5, mode)
    for low in range(12):
        high = (low + 3) % 12
        made[low, high] = key.spell(high) - key.spell(low) == AUGMENTED_SECOND
    return made


__all__ = ["Foresees", "NoAugmentedSeconds"]
