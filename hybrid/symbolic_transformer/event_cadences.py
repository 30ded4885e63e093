"""Cadences asked of the sampler: the bass, the top line and the chord tones where a phrase closes.

A cadence is its last chord and the one before. Over both the bass keeps to the planned tone and
holds it, the other voices to chord tones with the third among them; over the last one the highest
line rests on the tone that the kind of cadence asks for.

References
----------
Caplin, W. E. (2004). The classical cadence: conceptions and misconceptions. Journal of the
    American Musicological Society, 57(1), 51-117.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.symbolic_transformer.event_limits import LENGTHS, NEVER, Standing
from hybrid.symbolic_transformer.event_wishes import BASS, CLASSES, Wish
from hybrid.symbolic_transformer.events import N_PITCHES, N_PLACES, N_TRACKS, NEXT_BAR
from hybrid.symbolic_transformer.moments import conditions_at
from hybrid.symbolic_transformer.tables import CADENCE_KINDS, TICKS, PlanArrays

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
#: Scale degrees in semitones that the highest line of a cadence rests on, by its kind.
ENDINGS = {"PAC": (0,), "IAC": (3, 4, 7), "PC": (0, 3, 4, 5, 9)}
#: So much of the chord before the last one counts as the cadence's, at its end.
APPROACH = 2 * TICKS
#: The highest line may go to other chord tones in this last part of the last chord, at most.
LEAD_ON = TICKS
#: Newest events in which a chord's third is looked for.
RECENT = 48


@dataclass(frozen=True)
class CloseWeights:
    """How much a cadence asks for, in nats.

    Attributes
    ----------
    due : float
        Against writing past a chord of the cadence without its bass, or past the last one
        without the lines that have to sound in it.
    bass : float
        Against another tone than the planned one in the bass.
    top : float
        Against another tone than the kind of cadence asks for in the highest line.
    tone : float
        Against tones outside the chord, beside what `WishWeights` says; half as much before the
        last chord.
    third : float
        For the chord's third where nobody has it yet, and against a leading tone sung twice.
    rest : float
        Against a bass that ends before its chord, and a highest line that does not stay.
    order : float
        Against notes above the highest line or under the bass.
    """

    due: float = 8.0
    bass: float = 8.0
    top: float = 8.0
    tone: float = 4.0
    third: float = 3.0
    rest: float = 4.0
    order: float = 4.0


@dataclass(frozen=True)
class Close:
    """A chord of a cadence on ticks, as far as it counts.

    ``bass`` and ``third`` are pitch classes (-1: any), ``tones`` and ``ending`` say of each pitch
    class whether the chord has it and whether the highest line may rest on it.
    """

    start: int
    end: int
    bass: int
    third: int
    tones: Mask
    ending: Mask
    is_last: bool


def closes_of(plan: PlanArrays) -> tuple[Close, ...]:
    """The chords of a plan's cadences, ascending; those of a phrase of one chord alone are one."""
    chords = plan.chords
    made: list[Close] = []
    for row in plan.cadences:
        tick = int(row["tick"])
        number = int(np.searchsorted(chords["start"], tick, side="right")) - 1
        if number < 0 or not chords["mask"][number]:
            continue
        found = conditions_at(plan, np.array([tick]))
        end = tick + max(int(found.to_phrase_end[0]), 1)
        ending = _ending(CADENCE_KINDS[row["kind"]], int(found.tonic[0]))
        begins = tick - int(found.in_phrase[0])
        if number and chords["mask"][number - 1] and chords["start"][number - 1] >= begins:
            start = max(int(chords["start"][number - 1]), tick - APPROACH)
            made.append(_close(chords[number - 1], start, tick, np.ones(12, dtype=bool), False))
        made.append(_close(chords[number], tick, end, ending, True))
    return tuple(made)


def _ending(kind: str, tonic: int) -> Mask:
    tones = ENDINGS.get(kind)
    if tones is None or tonic < 0:
        return np.ones(12, dtype=bool)
    return np.isin(np.arange(12), [(tonic + tone) % 12 for tone in tones])


def _close(chord: np.void, start: int, end: int, ending: Mask, is_last: bool) -> Close:
    tones = (int(chord["mask"]) >> np.arange(12) & 1).astype(bool)
    root = int(chord["root"])
    thirds = [(root + size) % 12 for size in (4, 3) if root >= 0 and tones[(root + size) % 12]]
    third = thirds[0] if thirds else -1
    return Close(start, end, int(chord["bass"]), third, tones, ending & tones, is_last)


class Closes(Wish):
    """What the plan's cadences ask for.

    Parameters
    ----------
    plan : PlanArrays
    sounding : sequence of int
        Tracks that sound in every last chord; the bass, if it is one, in the chord before too.
    weights : CloseWeights, optional
    melody : int
        The highest line's track.
    """

    def __init__(
        self,
        plan: PlanArrays,
        sounding: Sequence[int],
        weights: CloseWeights | None = None,
        melody: int = 0,
    ) -> None:
        self.weights, self.melody = weights or CloseWeights(), melody
        self.sounding = tuple(sorted(set(sounding)))
        self.closes = closes_of(plan)
        ticks = plan.length + 1
        #: Number of the close at each tick, -1 outside.
        self.number = np.full(ticks, -1, np.int64)
        for number, close in enumerate(self.closes):
            self.number[close.start : close.end] = number
        n = len(self.closes)
        self.start = np.array([close.start for close in self.closes], np.int64)
        self.end = np.array([close.end for close in self.closes], np.int64)
        self.bass = np.array([close.bass for close in self.closes], np.int64)
        self.third = np.array([close.third for close in self.closes], np.int64)
        self.is_last = np.array([close.is_last for close in self.closes], dtype=bool)
        self.tones = np.array([close.tones for close in self.closes], bool).reshape(n, 12)
        self.ending = np.array([close.ending for close in self.closes], bool).reshape(n, 12)
        leads_to_tonic = self.is_last[1:] & ((self.third[:-1] + 1) % 12 == self.bass[1:])
        follows = self.ending[1:].sum(1) == 1
        follows &= self.ending[1:][np.arange(max(n - 1, 0)), self.bass[1:]] & self.is_last[1:]
        #: Whether bass and highest line both end on the tone that follows.
        self.falls = np.append(follows, False)[:n] & ~self.is_last
        #: Whether the third is a leading tone.
        self.leads = np.append(leads_to_tonic, False)[:n] & ~self.is_last

    def _at(self, ticks: Ints) -> Ints:
        return self.number[np.minimum(ticks, len(self.number) - 1)]

    def places(self, at: Standing, ticks: Ints) -> Floats | None:
        near = (self.start < at.bar.end) & (self.end > at.bar.start)
        if not near.any():
            return None
        made = np.zeros((len(at.here), N_PLACES))
        for number in np.flatnonzero(near).tolist():
            start = int(self.start[number])
            if start < at.bar.start:
                continue
            wanted = [t for t in self.sounding if self.is_last[number] or t == BASS]
            missing = np.zeros(len(at.here), dtype=bool)
            for track in wanted:
                missing |= self._is_missing(at, number, track)
            made[:, :NEXT_BAR] -= self.weights.due * (missing[:, None] & (ticks > start))
            made[:, NEXT_BAR] -= self.weights.due * missing
        return made

    def tracks(self, at: Standing) -> Floats | None:
        number = np.searchsorted(self.start, at.tick)
        at_start = number < len(self.start)
        number = np.minimum(number, max(len(self.start) - 1, 0))
        if not at_start.any() or not (at_start & (self.start[number] == at.tick)).any():
            return None
        made = np.zeros((len(at.here), N_TRACKS))
        for row in np.flatnonzero(at_start & (self.start[number] == at.tick)).tolist():
            for track in self.sounding:
                wanted = self.is_last[number[row]] or track == BASS
                if wanted and self._is_missing(at, int(number[row]), track)[row]:
                    # Tracks come in order: after a later one this one has no note here any more.
                    made[row, track + 1 :] -= self.weights.due
        return made

    def _is_missing(self, at: Standing, number: int, track: int) -> Mask:
        """Rows in which a track neither begins a note with a chord nor holds a right one."""
        rows, start = at.rows, self.start[number]
        has = rows.last_pitch[:, track] > 0
        begun = has & (rows.last_tick[:, track] >= start)
        held = has & (rows.last_end[:, track] >= start + TICKS // 2)
        tone = CLASSES[rows.last_pitch[:, track]]
        if track == BASS and self.bass[number] >= 0:
            held &= tone == self.bass[number]
        elif track == self.melody:
            held &= self.ending[number][tone]
        else:
            held &= self.tones[number][tone]
        found: Mask = ~(begun | held)
        return found

    def pitches(self, at: Standing) -> Floats | None:
        number = self._at(at.tick)
        inside = number >= 0
        if not inside.any():
            return None
        weights, rows = self.weights, at.rows
        last = inside & self.is_last[number]
        made = np.zeros((len(number), N_PITCHES))
        pitches = np.arange(N_PITCHES)
        strength = weights.tone * np.where(last, 1.0, 0.5) * inside
        made -= strength[:, None] * ~self.tones[number][:, CLASSES]
        bass = self.bass[number]
        low = inside & (at.track == BASS) & (bass >= 0)
        made -= weights.bass * (low[:, None] & (bass[:, None] != CLASSES))
        top = at.track == self.melody
        stays = last & top & (at.tick < self.end[number] - self._lead_on(number))
        made -= weights.top * (stays[:, None] & ~self.ending[number][:, CLASSES])
        made -= weights.top * ((last & top & ~stays)[:, None] & ~self.tones[number][:, CLASSES])
        # From the dominant's root to the tonic the bass would go in octaves with it.
        made -= (
            0.5
            * weights.top
            * ((inside & top & self.falls[number])[:, None] & (bass[:, None] == CLASSES))
        )
        # The highest line comes first at its tick, so it looks at what sounded last under it.
        for other in range(N_TRACKS):
            if other != self.melody:
                under = (last & top)[:, None] & (pitches < rows.last_pitch[:, other, None])
                made -= weights.order * under
        third = self.third[number]
        free = inside & (third >= 0) & (at.track != BASS) & ~(last & top)
        if free.any():
            is_third = third[:, None] == CLASSES
            sung = self._has(at, number)
            made += weights.third * ((free & ~sung)[:, None] & is_third)
            twice = free & sung & self.leads[number]
            made -= weights.third * (twice[:, None] & is_third)
        line = rows.last_pitch[:, self.melody, None]
        over = inside & ~top & (rows.last_end[:, self.melody] > at.tick) & (line[:, 0] > 0)
        made -= weights.order * (over[:, None] & (pitches > line))
        line = rows.last_pitch[:, BASS, None]
        under = inside & (at.track != BASS) & (rows.last_end[:, BASS] > at.tick) & (line[:, 0] > 0)
        # What the bass holds into its new chord it may leave.
        made -= weights.order * (under[:, None] & (pitches < line))
        made -= weights.order * self._above_others(at, inside & (at.track == BASS))
        return made

    def _above_others(self, at: Standing, rows: Mask) -> Mask:
        """Pitches over the lowest note that other tracks sound, for some rows."""
        lowest = np.full(len(at.tick), N_PITCHES)
        for track in range(N_TRACKS):
            sounds = (at.rows.last_end[:, track] > at.tick) & (at.rows.last_pitch[:, track] > 0)
            sounds &= track != BASS
            lowest = np.where(sounds, np.minimum(lowest, at.rows.last_pitch[:, track]), lowest)
        found: Mask = rows[:, None] & (np.arange(N_PITCHES) > lowest[:, None])
        return found

    def _lead_on(self, number: Ints) -> Ints:
        """Ticks at a chord's end in which the highest line may go on."""
        found: Ints = np.minimum(LEAD_ON, (self.end[number] - self.start[number]) // 4)
        return found

    def _has(self, at: Standing, number: Ints) -> Mask:
        """Rows in which the third of the close they are in has sounded."""
        rows = at.rows
        behind = rows.count[:, None] - 1 - np.arange(RECENT)
        events = rows.events[at.every[:, None], np.maximum(behind, 0)]
        tone = (behind >= 0) & (events["pitch"] > 0)
        tone &= CLASSES[events["pitch"]] == self.third[number][:, None]
        end = events["tick"] + LENGTHS[events["duration"]]
        tone &= end > self.start[number][:, None]
        found: Mask = tone.any(1)
        return found

    def durations(self, at: Standing) -> Floats | None:
        if not len(self.start):
            return None
        weights, rows = self.weights, len(at.tick)
        made = np.zeros((rows, len(LENGTHS)))
        end = at.tick[:, None] + LENGTHS
        own = CLASSES[at.pitch]
        coming = np.searchsorted(self.start, at.tick, side="right")
        some = coming < len(self.start)
        following = np.minimum(coming, len(self.start) - 1)
        # Held into the next chord of a cadence, long enough to be heard there.
        into = some[:, None] & (end > np.where(some, self.start[following], NEVER)[:, None])
        wrong = ~self.tones[following, own]
        bass = (at.track == BASS) & (self.bass[following] >= 0)
        made -= weights.tone * (into & (wrong & ~bass)[:, None])
        made -= weights.bass * (into & (bass & (self.bass[following] != own))[:, None])
        top = (at.track == self.melody) & self.is_last[following] & ~self.ending[following, own]
        made -= weights.top * (into & top[:, None])
        number = self._at(at.tick)
        inside = number >= 0
        until = np.where(at.track == BASS, self.end[number], 0)
        half = (self.start[number] + self.end[number]) // 2
        rests = inside & self.is_last[number] & (at.track == self.melody)
        rests &= at.tick < half
        until = np.where(rests, half, until)
        short = inside[:, None] & (end < (until - TICKS // 4)[:, None])
        made -= weights.rest * short
        return made


__all__ = ["ENDINGS", "Close", "CloseWeights", "Closes", "closes_of"]
