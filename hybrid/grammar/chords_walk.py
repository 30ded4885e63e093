"""A walk through the chord tables that is conditioned on where it must arrive.

A phrase is a chain of slots (`hybrid.grammar.chords_rhythm`). Every slot has a weight for every
chord (the metre, the opening, the cadence, what is fixed), every pair of neighbours one from
the table. Backward messages (the inside probabilities of a regular grammar) make the draw
exact: each walk that keeps all conditions comes with its probability under the table, and none
is drawn and thrown away.

References
----------
Rabiner, L. R. (1989). A tutorial on hidden Markov models. Proceedings of the IEEE 77(2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from hybrid.core.errors import PlanError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.plan import PlanChord
from hybrid.grammar.chords import chord_table, pivot_weights
from hybrid.grammar.chords_habits import (
    ANY,
    APPROACH,
    ENDINGS,
    OPENINGS,
    STABLE,
    Before,
    ChordStyle,
    FloatArray,
    fits_ending,
    in_mode,
    is_chromatic,
    join_weights,
)
from hybrid.grammar.chords_rhythm import Slot

PIVOT = 0.5  # how readily a phrase that must turn does so, slot by slot
LOOSE = 1e-7  # weight of a step that only a person's chord makes necessary
PREFERRED = 50.0


@dataclass(frozen=True)
class PhraseTask:
    """What the chords of a phrase must do.

    Attributes
    ----------
    key, end_key : Key
        Of its first and its last chord; between different ones it turns at a pivot chord.
    slots : tuple of Slot
    cadence : str
        A cadence of `hybrid.core.analysis.CADENCES`, or ``none``.
    style : ChordStyle
    before : Before or None
        What comes before; None at the piece's start.
    opening : str
        A key of `OPENINGS`, or ``free``: whatever may follow ``before``.
    fixed : mapping of slot number to (numeral, key)
        Chords that are given.
    preferred : mapping of slot number to numeral
        Chords to take where they fit.
    loose : bool
        Whether the fixed chords come from a person: then they need not be in a table, and the
        table has no say in what stands beside them, though it is followed where it can be.
    keys : tuple of Key
        The keys in their order where they are more than ``key`` and ``end_key``.
    at_key : mapping of slot number to place in ``keys``
        Keys that are given.
    allowed : mapping of slot number to numerals
        Forms to choose from; steps that no table has are then possible out of consonant chords.
    """

    key: Key
    slots: tuple[Slot, ...]
    cadence: str = "none"
    end_key: Key | None = None
    style: ChordStyle = field(default_factory=ChordStyle)
    before: Before | None = None
    opening: str = "tonic"
    fixed: Mapping[int, tuple[str, Key]] = field(default_factory=dict)
    preferred: Mapping[int, str] = field(default_factory=dict)
    loose: bool = False
    keys: tuple[Key, ...] = ()
    at_key: Mapping[int, int] = field(default_factory=dict)
    allowed: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def path(self) -> tuple[Key, ...]:
        """The keys it goes through."""
        if self.keys:
            return self.keys
        if self.end_key is None or self.end_key == self.key:
            return (self.key,)
        return (self.key, self.end_key)


@dataclass(frozen=True, eq=False)
class _States:
    """Chords of the keys of a path, and the transitions inside a phrase and at its close.

    ``place`` is each state's place in the path.
    """

    names: tuple[tuple[str, Key], ...]
    place: np.ndarray
    inner: FloatArray
    close: FloatArray


@lru_cache(maxsize=256)
def _states(path: tuple[Key, ...], style: ChordStyle) -> _States:
    tables = [chord_table(style.harmony, key) for key in path]
    starts = np.cumsum([0, *(len(table.numerals) for table in tables)])
    close = np.zeros((starts[-1], starts[-1]))
    names: list[tuple[str, Key]] = []
    chromatic: list[float] = []
    for i, table in enumerate(tables):
        here = slice(starts[i], starts[i + 1])
        close[here, here] = table.weights
        if i + 1 < len(tables):
            after = slice(starts[i + 1], starts[i + 2])
            close[here, after] = PIVOT * pivot_weights(style.harmony, path[i], path[i + 1])
        names += [(numeral, path[i]) for numeral in table.numerals]
        major = table.tonic == "I"
        chromatic += [style.chromatic if is_chromatic(n, major) else 1.0 for n in table.numerals]
    close *= np.array(chromatic)[None, :]
    inner = close.copy()
    for i, table in enumerate(tables):
        for numeral in ("V", "V7"):
            if numeral in table.index:
                inner[starts[i] + table.index[numeral], starts[i]] *= style.inner_cadence
    place = np.repeat(np.arange(len(path)), np.diff(starts))
    return _States(tuple(names), place, inner, close)


def _with_foreign(states: _States, task: PhraseTask) -> _States:
    """The states, and one for each fixed chord that no table has."""
    known = set(zip(states.names, states.place.tolist(), strict=True))
    wanted = [
        (chord, task.at_key.get(slot, task.path.index(chord[1]) if chord[1] in task.path else 0))
        for slot, chord in task.fixed.items()
    ]
    foreign = list(dict.fromkeys(item for item in wanted if item not in known))
    if not foreign:
        return states
    grow = (0, len(foreign))
    return _States(
        (*states.names, *(chord for chord, _ in foreign)),
        np.concatenate([states.place, [place for _, place in foreign]]),
        np.pad(states.inner, (grow, grow)),
        np.pad(states.close, (grow, grow)),
    )


def _allowed_places(task: PhraseTask, states: _States) -> np.ndarray:
    """Which states each slot may have for their keys, shape (slots, states)."""
    n, last = len(task.slots), len(task.path) - 1
    lowest, highest = np.zeros(n, dtype=int), np.full(n, last)
    if task.at_key:
        for slot, place in task.at_key.items():
            lowest[slot] = highest[slot] = place
    elif last:
        # The first chord in the first key, and the cadence wholly in the last one.
        ending = len(ENDINGS.get(task.cadence, ({},)))
        lowest[n - min(ending + 1, max(1, n - 1)) :] = last
        highest[0] = 0
    here = states.place[None, :]
    return (here >= lowest[:, None]) & (here <= highest[:, None])


def _slot_weights(task: PhraseTask, states: _States) -> FloatArray:
    """Weight of every chord in every slot, shape (slots, states)."""
    n = len(task.slots)
    path = task.path
    tables = [chord_table(task.style.harmony, key) for key in path]
    foreign = len(states.names) - sum(len(table.numerals) for table in tables)

    def spread(wanted: Mapping[str, float], default: float = 0.0) -> FloatArray:
        parts = [in_mode(table, wanted, default) for table in tables]
        return np.concatenate([*parts, np.zeros(foreign)])

    weights = np.ones((n, len(states.names)))
    ending = ENDINGS.get(task.cadence, (STABLE,))
    # Where the degrees are given a phrase without cadence stops on whatever comes last.
    rest = 0.01 if task.cadence == "none" and task.allowed else 0.0
    for back, wanted in enumerate(ending[:n]):
        weights[n - 1 - back] *= spread(wanted, rest)
    if task.cadence != "none" and n > len(ending):
        weights[n - 1 - len(ending)] *= spread(APPROACH, 0.5)
    # The first chord follows from what was before, and opens as the phrase shall open.
    table = tables[0]
    first = np.ones(len(table.numerals))
    if task.before is not None:
        first = join_weights(table, path[0], task.before)
    if len(ending) < n or task.cadence == "none":
        if task.opening != "free":
            default = 0.0 if task.before is None else ANY
            first = np.where(first > 0, in_mode(table, OPENINGS[task.opening], default), 0.0)
        elif task.before is None and 0 not in task.allowed:
            first = in_mode(table, OPENINGS["tonic"])
    if 0 in task.allowed:
        triads = [name for name in table.numerals if name != "Cad64" and "/" not in name]
        calm = {name: LOOSE for name in triads if not RomanNumeral.parse(name).has_seventh}
        first = np.maximum(first, in_mode(table, calm))
    weights[0] *= np.concatenate([first, np.zeros(len(states.names) - len(first))])
    six_four = np.array([numeral == "Cad64" for numeral, _ in states.names])
    weights[:, six_four] *= _six_four(task)[:, None]
    for slot, numeral in task.preferred.items():
        if 0 <= slot < n:
            boost = [PREFERRED if name == numeral else 1.0 for name, _ in states.names]
            weights[slot] *= np.array(boost)
    for slot, forms in task.allowed.items():
        weights[slot] *= np.array([name in forms for name, _ in states.names])
    for slot, chord in task.fixed.items():
        mine = np.array([name == chord for name in states.names])
        if task.loose:
            own = float(fits_ending(chord[0], task.cadence, n - 1 - slot))
            weights[slot] = np.where(mine, own, 0.0)
        else:
            weights[slot] = np.where(mine, weights[slot], 0.0)
    return np.where(_allowed_places(task, states), weights, 0.0)


def _six_four(task: PhraseTask) -> FloatArray:
    """A cadential six-four stands on a stronger beat than the dominant it goes to."""
    n = len(task.slots)
    values = np.zeros(n)
    for place in range(1, n - 1):
        now, following = task.slots[place], task.slots[place + 1]
        near = place >= n - 3 and task.cadence in ("PAC", "IAC", "HC", "DC")
        if now.strength > following.strength:
            values[place] = 1.0 if near else 0.15
    return values


def _matrices(task: PhraseTask, states: _States) -> list[FloatArray]:
    """Transitions from each slot to the next."""
    n = len(task.slots)
    closing = len(ENDINGS[task.cadence]) if task.cadence != "none" else 0
    result = [states.close if i >= n - 1 - closing else states.inner for i in range(n - 1)]
    if task.loose and task.fixed:
        step = states.place[None, :] - states.place[:, None]
        anything = LOOSE * ((step == 0) | (step == 1))
        for i in range(n - 1):
            if i in task.fixed or i + 1 in task.fixed:
                result[i] = result[i] + anything
    if task.allowed:
        free = _free_steps(states.names, tuple(states.place.tolist()))
        result = [matrix + LOOSE * free for matrix in result]
    return result


@lru_cache(maxsize=64)
def _free_steps(names: tuple[tuple[str, Key], ...], places: tuple[int, ...]) -> FloatArray:
    """1 for steps between chords that leave nothing hanging, whatever the tables say.

    Out of triads, and between dominants of one and the same degree where the seventh stays or
    finds the note a step below. A leading tone in the bass goes to the tonic in the bass where
    the tonic follows; a cadential six-four is the tables' business.
    """
    result = np.zeros((len(names), len(names)))
    romans = [RomanNumeral.parse(name) for name, _ in names]
    tones = [
        frozenset(pitch_class(tone) for tone in roman.tones(key))
        for roman, (_, key) in zip(romans, names, strict=True)
    ]
    for i, (one, (_, key)) in enumerate(zip(romans, names, strict=True)):
        seventh = one.seventh_tone(key)
        goals = {pitch_class(seventh) - down for down in (0, 1, 2)} if seventh is not None else {}
        goals = {goal % 12 for goal in goals}
        local = one.local_key(key)
        leads = one.bass(key) == local.leading_tone
        for j, (two, (_, other)) in enumerate(zip(romans, names, strict=True)):
            if places[j] - places[i] not in (0, 1) or one.is_cadential or two.is_cadential:
                continue
            home = pitch_class(two.root(other)) == pitch_class(local.tonic)
            if leads and home and two.bass(other) != local.tonic:
                continue
            applied = one.of is not None and one.of == two.of
            result[i, j] = float(not goals or (applied and bool(goals & tones[j])))
    result.flags.writeable = False
    return result


def draw_chords(task: PhraseTask, rng: np.random.Generator) -> tuple[PlanChord, ...]:
    """Draw the chords of a phrase, one per slot.

    Raises
    ------
    PlanError
        If no progression meets the conditions.

    Examples
    --------
    >>> from fractions import Fraction
    >>> slots = tuple(Slot(Fraction(2 * i), Fraction(2), 3 - i % 2) for i in range(4))
    >>> task = PhraseTask(Key.parse("C"), slots, "PAC")
    >>> chords = draw_chords(task, np.random.default_rng(1))
    >>> chords[0].numeral, chords[-1].numeral
    ('I', 'I')
    """
    n = len(task.slots)
    if n < len(ENDINGS.get(task.cadence, ())):
        raise _impossible(task)
    states = _with_foreign(_states(task.path, task.style), task)
    weights = _slot_weights(task, states)
    matrices = _matrices(task, states)
    # Backward messages, scaled: message[k, s] ~ weight of all ends after chord s in slot k.
    message = np.ones(weights.shape)
    for place in range(n - 2, -1, -1):
        values = matrices[place] @ (weights[place + 1] * message[place + 1])
        top = values.max()
        if top <= 0:
            raise _impossible(task)
        message[place] = values / top
    chosen: list[int] = []
    row = weights[0]
    for place in range(n):
        total = np.cumsum(row * message[place])
        if not total[-1] > 0:
            raise _impossible(task)
        at = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
        chosen.append(min(at, len(total) - 1))
        if place + 1 < n:
            row = matrices[place][chosen[-1]] * weights[place + 1]
    return tuple(
        PlanChord(slot.onset, slot.duration, numeral, None if key == task.key else key)
        for slot, (numeral, key) in zip(task.slots, (states.names[i] for i in chosen), strict=True)
    )


def _impossible(task: PhraseTask) -> PlanError:
    fixed = " ".join(numeral for _, (numeral, _) in sorted(task.fixed.items()))
    given = f" with the chords {fixed}" if fixed else ""
    keys = " and ".join(key.name for key in task.path)
    return PlanError(
        f"no progression of {len(task.slots)} chords in {keys} leads to {task.cadence}{given}"
    )
