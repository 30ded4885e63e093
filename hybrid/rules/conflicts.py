"""Why constraints cannot all hold: a minimal conflicting subset.

A set is a conflict if no solution keeps all of it, and minimal if the rest can be kept whichever
member is taken away. QuickXplain finds one by dividing: with k members in conflict out of n it
asks O(k log(n / k) + k) times whether a subset can be kept.

References
----------
Junker, U. (2004). QUICKXPLAIN: preferred explanations and relaxations for over-constrained
    problems. AAAI, 167-172.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConflictError
from hybrid.core.pitch import Key
from hybrid.core.plan import Constraint, FormPlan, parse_chords
from hybrid.rules.asked import Asked
from hybrid.rules.exact import Lattice
from hybrid.rules.moments import GIVEN, Moment
from hybrid.rules.onsets import contradict

Possible = Callable[[Sequence[str]], bool]


def quickxplain(names: Sequence[str], is_possible: Possible) -> tuple[str, ...]:
    """A minimal conflicting subset, members that stand first preferred; empty if there is none.

    Parameters
    ----------
    names : sequence of str
    is_possible : callable
        Whether a subset can be kept; if a set can, its subsets can.

    Examples
    --------
    >>> quickxplain("abcd", lambda kept: not {"b", "d"} <= set(kept))
    ('b', 'd')
    """
    if is_possible(names):
        return ()
    if not is_possible(()):
        return ()
    found = _explain((), False, tuple(names), is_possible)
    return tuple(name for name in names if name in found)


def _explain(
    kept: tuple[str, ...], grew: bool, names: tuple[str, ...], is_possible: Possible
) -> tuple[str, ...]:
    if grew and not is_possible(kept):
        return ()
    if len(names) == 1:
        return names
    half = len(names) // 2
    first, second = names[:half], names[half:]
    late = _explain(kept + first, bool(first), second, is_possible)
    early = _explain(kept + late, bool(late), first, is_possible)
    return early + late


def conflict_error(conflict: Sequence[str], bars: tuple[int, int], why: str = "") -> ConflictError:
    """One line that names a conflict and where it is."""
    first, last = bars
    place = f"bar {first}" if first == last else f"bars {first}-{last}"
    listed = "; ".join(conflict)
    if len(conflict) == 1:
        text = f"this cannot hold in {place} under the rules: {listed}"
    else:
        text = f"these cannot all hold in {place} under the rules: {listed}"
    return ConflictError(text + (f" ({why})" if why else ""), tuple(conflict))


def soft_kept(lattice: Lattice, hard: Sequence[str], soft: Sequence[str]) -> tuple[str, ...]:
    """Soft constraints that can be kept beside the hard ones, earlier ones first."""
    kept: list[str] = []
    for name in soft:
        if lattice.feasible((*hard, *kept, name)):
            kept.append(name)
    return tuple(kept)


def explain(
    lattice: Lattice, hard: Sequence[str], bars_of: Callable[[Moment], tuple[int, int]]
) -> ConflictError | None:
    """The error for hard constraints that a chain cannot keep; None where it can.

    The chords of the plan are named as well where the voices could keep the constraints over
    no particular chords, as far as each voice and each two of them show.
    """
    if lattice.feasible(hard):
        return None
    asked = lattice.asked
    everywhere = [bars_of(moment) for moment in lattice.moments]
    if not lattice.feasible(()):
        bars = everywhere[0][0], everywhere[-1][1]
        names: tuple[str, ...] = (f"chords of bars {bars[0]}-{bars[1]}",)
        if GIVEN in asked:
            names = (*names, GIVEN)
        return conflict_error(names, bars)
    found = quickxplain(hard, lattice.feasible)
    given = lattice.before is not None or lattice.after is not None or GIVEN in asked
    if given and _without_given(lattice).feasible(found):
        return conflict_error((*found, GIVEN), _place(lattice, found, bars_of))
    bars = _place(lattice, found, bars_of)
    if not _contradict_alone(lattice, found):
        found = (*found, f"chords of bars {bars[0]}-{bars[1]}")
    return conflict_error(found, bars)


def _without_given(lattice: Lattice) -> Lattice:
    """The same search where nothing is given."""
    asked = [item for name, item in lattice.asked.items() if name != GIVEN]
    found = Lattice(lattice.moments, asked)
    found.wide = True
    return found


def _place(
    lattice: Lattice, names: Sequence[str], bars_of: Callable[[Moment], tuple[int, int]]
) -> tuple[int, int]:
    """Bars of the first phrase in which a conflict shows by itself, else of all it speaks of."""
    items = [lattice.asked[name] for name in names]
    phrases = sorted({moment.phrase for moment in lattice.moments})
    if len(phrases) > 1 and not any(item.reaches for item in items):
        for number in phrases:
            inside = [moment for moment in lattice.moments if moment.phrase == number]
            alone = Lattice(inside, tuple(lattice.asked.values()))
            alone.wide = lattice.wide
            if not alone.feasible(names) and alone.feasible(()):
                return bars_of(inside[0])
    touched = [
        bars_of(moment)
        for moment in lattice.moments
        if any(item.within(moment.event.onset, moment.event.end) for item in items)
    ]
    return min(a for a, _ in touched), max(b for _, b in touched)


def _contradict_alone(lattice: Lattice, names: Iterable[str]) -> bool:
    """Whether some voice, or two, cannot keep constraints whatever the chords are."""
    items = [lattice.asked[name] for name in names]
    if contradict(items):
        return True
    n_voices = len(lattice.moments[0].voices)
    voices = [(voice,) for voice in range(n_voices)]
    return any(
        not _free_voices(lattice, items, some)
        for some in (*voices, *combinations(range(n_voices), 2))
    )


def _free_voices(lattice: Lattice, items: Sequence[Asked], voices: tuple[int, ...]) -> bool:
    """Whether one or two voices by themselves, on any pitches, can keep constraints.

    Looks at pitches, fixed lines, widths of steps and parallels between the two.
    """
    alive: NDArray[np.bool_] | None = None
    state: NDArray[np.int64] | None = None
    reached = {(n, reach.pitch): False for n, item in enumerate(items) for reach in item.reaches}
    for moment in lattice.moments:
        event = moment.event
        options = []
        for voice in voices:
            keep = _compass(moment, items, voice, alone=len(voices) == 1) | {-1}
            for item in items:
                for line in item.lines:
                    note = line.at(event.onset) if line.voice == voice else None
                    if note is not None:
                        keep &= {note[2]}
                for mask in item.masks:
                    if mask.voice == voice and mask.start < event.end and event.onset < mask.end:
                        rest = set() if mask.must_sound else {-1}
                        keep &= set(mask.pitches) | rest
            if not any(line.voice == voice for item in items for line in item.lines):
                keep -= {-1}
            if not keep:
                return False
            options.append(sorted(keep))
        grid = np.array(np.meshgrid(*options, indexing="ij")).reshape(len(voices), -1).T
        for n, item in enumerate(items):
            for reach in item.reaches:
                if reach.start < event.end and event.onset < reach.end:
                    own = [place for place, v in enumerate(voices) if v in reach.voices]
                    others = set(reach.voices) - set(voices)
                    if others or (own and (grid[:, own] == reach.pitch).any()):
                        reached[n, reach.pitch] = True
        if alive is None or state is None:
            alive, state = np.ones(len(grid), dtype=bool), grid
            continue
        allowed: NDArray[np.bool_] = np.ones((len(state), len(grid)), dtype=bool)
        for place, voice in enumerate(voices):
            a, b = state[:, None, place], grid[None, :, place]
            for item in items:
                for moves in item.moves:
                    if moves.voice == voice and moves.covers(event.onset):
                        table = np.array([s == 0 or moves.allows(s) for s in range(128)])
                        allowed &= (a == -1) | (b == -1) | table[np.minimum(np.abs(a - b), 127)]
            if not lattice.may_move(items, moment, voice) and not moment.extra:
                allowed &= a == b
        if len(voices) == 2 and not moment.breaks:
            up = grid[None, :, 0] - state[:, None, 0]
            down = grid[None, :, 1] - state[:, None, 1]
            interval = np.abs(state[:, 0] - state[:, 1])[:, None] % 12
            after = np.abs(grid[:, 0] - grid[:, 1])[None, :] % 12
            old_sound = np.asarray((state >= 0).all(axis=1))
            new_sound = np.asarray((grid >= 0).all(axis=1))
            sounds = old_sound[:, None] & new_sound[None, :]
            perfect: NDArray[np.bool_] = (interval == after) & ((after == 0) | (after == 7))
            allowed &= ~(sounds & perfect & (np.sign(up) * np.sign(down) > 0))
        alive = np.asarray((allowed & alive[:, None]).any(axis=0))
        state = grid
        if not alive.any():
            return False
    return all(reached.values()) if any(reached) and len(voices) == 1 else True


def _compass(moment: Moment, items: Sequence[Asked], voice: int, alone: bool) -> set[int]:
    """Pitches that a voice could have; two strands together keep to what is usual or named."""
    own = moment.voices[voice]
    if not moment.accompanied:
        return set(range(own.low, own.high + 1))
    if alone:
        return set(range(own.lowest, own.highest + 1))
    found = set(range(own.low, own.high + 1))
    for item in items:
        found |= {reach.pitch for reach in item.reaches if voice in reach.voices}
        for line in item.lines:
            found |= {note[2] for note in line.notes if line.voice == voice}
        for mask in item.masks:
            if mask.voice == voice and len(mask.pitches) < 24:
                found |= mask.pitches
    return {pitch for pitch in found if own.lowest <= pitch <= own.highest}


def check_harmony(plan: FormPlan, constraints: Sequence[Constraint]) -> tuple[str, ...]:
    """Make sure that the plan keeps the constraints on chords, keys and cadences.

    Returns
    -------
    tuple of str
        Names of the soft ones that it does not keep.

    Raises
    ------
    ConflictError
        Naming a hard one and what the plan has instead.
    """
    left = []
    for item in constraints:
        if item.kind not in ("chord", "key", "cadence"):
            continue
        found = _disagrees(plan, item)
        if found is None:
            continue
        if item.hard:
            bars = item.bars or (1, plan.n_bars)
            raise conflict_error((item.name, found), bars, "complete the plan with the constraint")
        left.append(item.name)
    return tuple(left)


def _disagrees(plan: FormPlan, item: Constraint) -> str | None:
    """What the plan has instead of what a constraint asks; None where it agrees."""
    first, last = item.bars or (1, plan.n_bars)
    for placed in plan.phrases():
        low, high = max(first, placed.first_bar), min(last, placed.last_bar)
        bar = placed.metre.bar_quarters
        if low > high:
            continue
        start, end = (low - placed.first_bar) * bar, (high + 1 - placed.first_bar) * bar
        inside = [c for c in placed.phrase.chords if c.onset < end and c.end > start]
        named = f"chords of bars {low}-{high}"
        if item.kind == "key":
            wanted = Key.parse(str(item.value))
            if any(placed.key_of(chord) != wanted for chord in inside):
                return named
        elif item.kind == "cadence" and placed.first_bar <= last <= placed.last_bar:
            has = placed.phrase.cadence if last == placed.last_bar else "none"
            if has != item.value:
                return f"cadence {has} bar {last}"
        elif item.kind == "chord":
            cells = str(item.value).strip().strip("|").split("|")[low - first : high + 1 - first]
            asked = parse_chords(" | ".join(cells), placed.metre, high + 1 - low)
            for wanted_chord in asked:
                onset, stop = start + wanted_chord.onset, start + wanted_chord.end
                there = [c for c in inside if c.onset < stop and c.end > onset]
                key = wanted_chord.key or placed.key
                same = all(
                    c.numeral == wanted_chord.numeral
                    and (wanted_chord.key is None or placed.key_of(c) == key)
                    for c in there
                )
                if not same or not there:
                    return named
    return None
