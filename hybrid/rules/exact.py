"""Exact search under constraints: whether voicings exist that keep them all, and a draw of such.

States are candidates of `hybrid.rules.moments` together with what constraints have to remember:
whether a highest note was reached, how many notes a bar has had. What the rules forbid between
two moments is computed once; every subset of the constraints is then only a mask upon it, so
that conflicts are found by trying subsets (`hybrid.rules.conflicts`).

A path exists exactly if there is a solution among these candidates: one note for each voice and
moment, chord tones but for what constraints name, upper voices at most an octave beyond the
usual spacing, no parallels, tendency tones resolved, no augmented seconds, no crossing.
Simplified: a count of several voices together counts the moments at which any of them moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from hybrid.rules import weights as w
from hybrid.rules.asked import Asked, Count
from hybrid.rules.harmony import Chord
from hybrid.rules.lattice import draw_path
from hybrid.rules.leading import GROUPS, link_between, transition
from hybrid.rules.moments import GIVEN, Choices, Moment, choices
from hybrid.rules.onsets import contradict
from hybrid.rules.remembered import DEAD, Counted, Reached
from hybrid.rules.sound import parallels, sound_steps
from hybrid.rules.voicings import SILENT, Voicings

Mask = NDArray[np.bool_]
CUT_MOVE = 1.5  # cost of each voice that moves where an event is cut


@dataclass(frozen=True, eq=False)
class Edge:
    """Notes that are fixed right before or right after the chain: (1, V) arrays."""

    pitch: NDArray[np.int64]
    spelling: NDArray[np.int64]
    chord: Chord
    breaks: bool = False
    given: bool = False


@dataclass(frozen=True, eq=False)
class Skeletal:
    """A drawn path: one row of pitches and spellings for each moment."""

    pitch: NDArray[np.int64]
    spelling: NDArray[np.int64]
    probability: tuple[float, ...]
    code: int  # what the constraints remember after it


class Lattice:
    """Candidates and steps of a chain of phrases.

    Parameters
    ----------
    moments : sequence of Moment
        Of all phrases of the chain.
    asked : sequence of Asked
        All constraints; those named `GIVEN` are in force always.
    before, after : Edge or None
        What stands fixed on either side.

    Attributes
    ----------
    wide : bool
        Whether all voices may move where events are cut.
    """

    def __init__(
        self,
        moments: Sequence[Moment],
        asked: Sequence[Asked],
        before: Edge | None = None,
        after: Edge | None = None,
    ) -> None:
        self.moments = tuple(moments)
        self.asked = {item.name: item for item in asked}
        self.before, self.after = before, after
        self.choices = [choices(moment, asked) for moment in self.moments]
        self.wide = False
        self._steps: dict[tuple[int, frozenset[int]], Mask] = {}
        self._own: dict[tuple[str, int], Mask] = {}
        self._strict: dict[int, Mask] = {}
        self._last: tuple[object, list[dict[int, Mask]]] = (None, [])

    def names(self) -> tuple[str, ...]:
        """Names of the constraints that may be left out."""
        return tuple(name for name in self.asked if name != GIVEN)

    def feasible(self, names: Iterable[str], code: int = 0) -> bool:
        """Whether some path keeps the constraints of these names."""
        active = self._active(names)
        if contradict(active):
            return False
        viable = self._viable(active)
        return any(mask.any() for mask in self._entries(active, viable, code).values())

    def draw(
        self,
        names: Iterable[str],
        rng: np.random.Generator,
        phrase: int,
        prefer: Callable[[int, Choices], NDArray[np.float64]],
        edge: Edge | None,
        code: int = 0,
    ) -> Skeletal:
        """Draw the moments of one phrase so that the rest of the chain can still be met.

        Parameters
        ----------
        phrase : int
            Number in the chain; the phrases before it are drawn already and end in ``edge``.
        prefer : callable
            ``prefer(place, choices)`` gives each candidate's extra cost.
        code : int
            What the constraints remember from before.
        """
        active = self._active(names)
        viable = self._viable(active)
        machines = self._machines(active)
        places = [n for n, moment in enumerate(self.moments) if moment.phrase == phrase]
        states: list[list[tuple[int, NDArray[np.int64]]]] = []
        costs: list[NDArray[np.float64]] = []
        entries = self._entries(active, viable, code, places[0], edge)
        for step, place in enumerate(places):
            if step:
                entries = self._next(active, machines, viable, place, states[-1])
            rows = [(q, np.flatnonzero(mask)) for q, mask in sorted(entries.items()) if mask.any()]
            states.append(rows)
            cost = self.choices[place].found.cost + prefer(place, self.choices[place])
            costs.append(np.concatenate([cost[index] for _, index in rows]))
        first = self._from_edge(places[0], edge)
        costs[0] = costs[0] + np.concatenate([first[index] for _, index in states[0]])

        def pair(step: int) -> NDArray[np.float64]:
            place = places[step]
            allowed = self._pairs(place, active)
            cost = np.where(allowed, self._cost(place), np.inf)
            blocks = []
            for q, one in states[step - 1]:
                after = self._codes(machines, place, q)
                row = []
                for target, two in states[step]:
                    sub = np.broadcast_to(after, cost.shape)[np.ix_(one, two)]
                    row.append(np.where(sub == target, cost[np.ix_(one, two)], np.inf))
                blocks.append(np.concatenate(row, axis=1))
            return np.concatenate(blocks, axis=0)

        path = draw_path(costs, pair, rng, w.TEMPERATURE)
        pitch, spelling = [], []
        last = 0
        for step, place in enumerate(places):
            number = path.index[step]
            for q, index in states[step]:
                if number < len(index):
                    pitch.append(self.choices[place].found.pitch[index[number]])
                    spelling.append(self.choices[place].found.spelling[index[number]])
                    last = q
                    break
                number -= len(index)
        return Skeletal(np.stack(pitch), np.stack(spelling), path.probability, last)

    # what the rules say

    def _cost(self, place: int) -> NDArray[np.float64]:
        before, after = self.moments[place - 1], self.moments[place]
        link = link_between(
            before.event.chord, after.event.chord, after.breaks, (), True, frozenset(GROUPS)
        )
        one, two = self.choices[place - 1].found, self.choices[place].found
        cost: NDArray[np.float64] = transition(one, two, link)
        if after.extra or after.still:
            moved = one.pitch[:, None, :] != two.pitch[None, :, :]
            if not after.extra:
                moved = moved[:, :, sorted(after.still)]
            cost = cost + CUT_MOVE * moved.sum(axis=2)
        return np.asarray(cost)

    def _from_edge(self, place: int, edge: Edge | None) -> NDArray[np.float64]:
        if edge is None:
            return np.zeros(len(self.choices[place].found))
        found = Voicings(edge.pitch, edge.spelling, np.zeros(1))
        chord = self.moments[place].event.chord
        link = link_between(edge.chord, chord, edge.breaks, (), True, frozenset(GROUPS))
        costs: NDArray[np.float64] = np.asarray(
            transition(found, self.choices[place].found, link)[0]
        )
        return costs

    def _allowed_steps(self, place: int, active: Sequence[Asked]) -> Mask:
        own = self._own_steps(place, active)
        if (place, own) not in self._steps:
            before, after = self.moments[place - 1], self.moments[place]
            self._steps[place, own] = sound_steps(
                (self.choices[place - 1].found, self.choices[place].found),
                (before.event.chord, after.event.chord),
                after.breaks,
                self._given_voices(place - 1) & self._given_voices(place),
                self.choices[place - 1].loose,
                own,
            )
        return self._steps[place, own]

    def _own_steps(self, place: int, active: Sequence[Asked]) -> frozenset[int]:
        """Voices that sing a fixed tune over an accompaniment, whose steps are its own affair."""
        before, after = self.moments[place - 1].event.onset, self.moments[place].event.onset
        if not self.moments[place].accompanied:
            return frozenset()
        return frozenset(
            line.voice
            for item in active
            for line in item.lines
            if line.at(before) is not None
            and any(one.at(after) is not None for one in item.lines if one.voice == line.voice)
        )

    def _given_voices(self, place: int) -> frozenset[int]:
        if GIVEN not in self.asked:
            return frozenset()
        onset = self.moments[place].event.onset
        lines = self.asked[GIVEN].lines
        return frozenset(line.voice for line in lines if line.at(onset) is not None)

    # what the constraints say

    def _active(self, names: Iterable[str]) -> tuple[Asked, ...]:
        wanted = {*names, GIVEN}
        return tuple(item for name, item in self.asked.items() if name in wanted)

    def _mask(self, item: Asked, place: int) -> Mask:
        """Candidates of a moment that a constraint allows."""
        key = (item.name, place)
        if key in self._own:
            return self._own[key]
        event, found = self.moments[place].event, self.choices[place].found
        member = self.choices[place].member
        keep = np.ones(len(found), dtype=bool)
        for mask in item.masks:
            if mask.start < event.end and event.onset < mask.end:
                own = found.pitch[:, mask.voice]
                inside = np.isin(own, sorted(mask.pitches))
                keep &= inside if mask.must_sound else inside | (own == SILENT)
        for line in item.lines:
            note = line.at(event.onset)
            if note is not None:
                keep &= found.pitch[:, line.voice] == note[2]
        for span in item.consonant:
            if span.start < event.end and event.onset < span.end:
                keep &= (member[:, list(span.voices)] != -1).all(axis=1)
        self._own[key] = keep
        return keep

    def _allowed(self, place: int, active: Sequence[Asked]) -> Mask:
        names = {item.name for item in active}
        keep = np.ones(len(self.choices[place].found), dtype=bool)
        for rows, wanted in self.choices[place].needs:
            if not names & wanted:
                keep &= ~rows
        for item in active:
            keep &= self._mask(item, place)
        if place == len(self.moments) - 1:
            keep &= ~self.choices[place].loose.any(axis=1)
            if self.after is not None:
                keep &= sound_steps(
                    (
                        self.choices[place].found,
                        Voicings(self.after.pitch, self.after.spelling, np.zeros(1)),
                    ),
                    (self.moments[place].event.chord, self.after.chord),
                    self.after.breaks,
                    self._given_voices(place),
                    self.choices[place].loose,
                )[:, 0]
                for item in active:
                    for moves in item.moves:
                        if moves.covers(self.moments[place].event.end):
                            a = self.choices[place].found.pitch[:, moves.voice]
                            b = int(self.after.pitch[0, moves.voice])
                            fits = np.array([moves.allows(abs(int(p) - b)) for p in a])
                            keep &= fits | (a == SILENT) | (b == SILENT)
        return keep

    def struck(self, active: Sequence[Asked], moment: Moment, voice: int) -> bool:
        """Whether a constraint has a voice begin a note at a moment."""
        onset = moment.event.onset
        for item in active:
            for onsets in item.onsets:
                if onsets.voice == voice and onset in onsets.ticks:
                    return True
            for line in item.lines:
                if line.voice == voice and any(n[0] == onset for n in line.notes):
                    return True
        return False

    def bound(self, active: Sequence[Asked], moment: Moment, voice: int) -> bool:
        """Whether constraints say for each tick of a moment if the voice begins a note."""
        onset = moment.event.onset
        return any(
            any(o.voice == voice and o.start <= onset < o.end for o in item.onsets)
            or any(li.voice == voice and li.at(onset) is not None for li in item.lines)
            for item in active
        )

    def may_move(self, active: Sequence[Asked], moment: Moment, voice: int) -> bool:
        """Whether a voice may take another note at a moment."""
        if self.bound(active, moment, voice):
            return self.struck(active, moment, voice) or self.ends_line(active, moment, voice)
        if self.wide or not (moment.extra or voice in moment.still):
            return True
        names = {item.name for item in active}
        return any(v == voice and name in names for v, name in moment.reasons)

    def ends_line(self, active: Sequence[Asked], moment: Moment, voice: int) -> bool:
        """Whether a fixed line of a voice ends where a moment begins."""
        onset = moment.event.onset
        return any(
            line.voice == voice and line.end == onset for item in active for line in item.lines
        )

    def _pairs(self, place: int, active: Sequence[Asked]) -> Mask:
        keep = self._allowed_steps(place, active)
        moment = self.moments[place]
        old = self.choices[place - 1].found.pitch
        new = self.choices[place].found.pitch
        for voice in range(new.shape[1]):
            if not self.may_move(active, moment, voice):
                keep = keep & (old[:, None, voice] == new[None, :, voice])
        begins = moment.event.onset
        for item in active:
            for moves in item.moves:
                if not moves.covers(begins):
                    continue
                keep = keep & self._kept(moves.voice, moves.allows, old, new, active, moment)
            for span in item.no_parallels:
                if moment.breaks and span.covers(begins):
                    keep = keep & self._unparallel(place, span.voices)
        return keep

    def _kept(
        self,
        voice: int,
        allows: Callable[[int], bool],
        old: NDArray[np.int64],
        new: NDArray[np.int64],
        active: Sequence[Asked],
        moment: Moment,
    ) -> Mask:
        a, b = old[:, None, voice], new[None, :, voice]
        table = np.array([allows(size) for size in range(128)])
        held = not self.struck(active, moment, voice) and not moment.event.first
        table[0] = table[0] or held
        return np.asarray((a == SILENT) | (b == SILENT) | table[np.minimum(np.abs(a - b), 127)])

    def _unparallel(self, place: int, voices: tuple[int, ...]) -> Mask:
        if place not in self._strict:
            a, b = self.choices[place - 1].found.pitch, self.choices[place].found.pitch
            self._strict[place] = ~parallels(a, b, combinations(sorted(voices), 2))
        return self._strict[place]

    # the search over states

    def _machines(self, active: Sequence[Asked]) -> list[Reached | Counted]:
        machines: list[Reached | Counted] = []
        for item in active:
            if item.reaches:
                machines.append(Reached(item.reaches))
            binding = [count for count in item.counts if self._binds(count)]
            if binding:
                machines.append(
                    Counted(binding, lambda moment, voice: self.struck(active, moment, voice))
                )
        return machines

    def _binds(self, count: Count) -> bool:
        inside = [m for m in self.moments if count.start <= m.event.onset < count.end]
        return len(inside) > count.most

    def _codes(
        self, machines: Sequence[Reached | Counted], place: int, code: int
    ) -> NDArray[np.int64]:
        """Code after each step into a place; broadcasts to (n, m), `DEAD` where forbidden."""
        before = self.choices[place - 1] if place else None
        result: NDArray[np.int64] = np.zeros((1, 1), dtype=np.int64)
        dead: Mask = np.zeros((1, 1), dtype=bool)
        radix = 1
        for machine in machines:
            value = code // radix % machine.size
            after = machine.into(value, self.moments[place], before, self.choices[place])
            dead = dead | (after == DEAD)
            result = result + radix * np.where(after == DEAD, 0, after)
            radix *= machine.size
        return np.where(dead, DEAD, result)

    def _all_codes(self, machines: Sequence[Reached | Counted]) -> list[tuple[int, bool]]:
        """Every code, and whether the chain may end in it."""
        found = []
        for values in product(*(range(machine.size) for machine in machines)):
            code, radix = 0, 1
            for machine, value in zip(machines, values, strict=True):
                code += radix * value
                radix *= machine.size
            good = all(m.accepts(v) for m, v in zip(machines, values, strict=True))
            found.append((code, good))
        return found

    def _viable(self, active: Sequence[Asked]) -> list[dict[int, Mask]]:
        """For each moment and code, the candidates from which the chain's end can be reached."""
        asked_for = (self.wide, tuple(item.name for item in active))
        if self._last[0] != asked_for:
            self._last = (asked_for, self._search_back(active))
        return self._last[1]

    def _search_back(self, active: Sequence[Asked]) -> list[dict[int, Mask]]:
        machines = self._machines(active)
        codes = self._all_codes(machines)
        last = len(self.moments) - 1
        allowed = self._allowed(last, active)
        viable: list[dict[int, Mask]] = [{} for _ in self.moments]
        viable[last] = {code: allowed for code, good in codes if good and allowed.any()}
        for place in range(last, 0, -1):
            pairs = self._pairs(place, active)
            here = self._allowed(place - 1, active)
            for code, _ in codes:
                after = np.broadcast_to(self._codes(machines, place, code), pairs.shape)
                reach = np.zeros(len(here), dtype=bool)
                for target, mask in viable[place].items():
                    reach |= (pairs & (after == target) & mask[None, :]).any(axis=1)
                if (reach & here).any():
                    viable[place - 1][code] = reach & here
            if not viable[place - 1]:
                break
        return viable

    def _entries(
        self,
        active: Sequence[Asked],
        viable: Sequence[dict[int, Mask]],
        code: int,
        place: int = 0,
        edge: Edge | None = None,
    ) -> dict[int, Mask]:
        """Candidates of a first moment by code."""
        if not viable[place]:
            return {}
        edge = edge if place or edge is not None else self.before
        moment, found = self.moments[place], self.choices[place].found
        keep = np.ones(len(found), dtype=bool)
        machines = self._machines(active)
        after: NDArray[np.int64] = np.zeros((1, 1), dtype=np.int64)
        lone: Choices | None = None
        if edge is not None:
            tail = Voicings(edge.pitch, edge.spelling, np.zeros(1))
            given = self._given_voices(place)
            if not edge.given:
                given = given & self._given_voices(place - 1) if place else frozenset()
            keep = sound_steps(
                (tail, found), (edge.chord, moment.event.chord), edge.breaks, given, None
            )[0]
            for item in active:
                for moves in item.moves:
                    if moves.covers(moment.event.onset):
                        keep = (
                            keep
                            & self._kept(
                                moves.voice, moves.allows, edge.pitch, found.pitch, active, moment
                            )[0]
                        )
                for span in item.no_parallels:
                    if edge.breaks and span.covers(moment.event.onset):
                        pairs = combinations(sorted(span.voices), 2)
                        keep = keep & ~parallels(edge.pitch, found.pitch, pairs)[0]
            lone = Choices(tail, edge.pitch, edge.pitch < -9, ())
        radix = 1
        for machine in machines:
            value = code // radix % machine.size
            now = machine.into(value, moment, lone, self.choices[place])
            after = after + radix * np.maximum(now, 0)
            radix *= machine.size
        codes = np.broadcast_to(after, (1, len(found)))[0]
        return {target: keep & mask & (codes == target) for target, mask in viable[place].items()}

    def _next(
        self,
        active: Sequence[Asked],
        machines: Sequence[Reached | Counted],
        viable: Sequence[dict[int, Mask]],
        place: int,
        rows: Sequence[tuple[int, NDArray[np.int64]]],
    ) -> dict[int, Mask]:
        pairs = self._pairs(place, active)
        found: dict[int, Mask] = {}
        for code, index in rows:
            after = np.broadcast_to(self._codes(machines, place, code), pairs.shape)[index]
            for target, mask in viable[place].items():
                got = (pairs[index] & (after == target)).any(axis=0) & mask
                found[target] = found.get(target, np.zeros(len(mask), dtype=bool)) | got
        return found
