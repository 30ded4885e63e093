"""The chords of a phrase: a walk through the tables that is conditioned on where it must arrive.

A phrase is a chain of slots (`hybrid.grammar.chords_rhythm`). Every slot has a weight for every
chord (the metre, the opening, the cadence, what is fixed), every pair of neighbours one from
the table. Backward messages (the inside probabilities of a regular grammar) make the draw
exact: each walk that keeps all conditions comes with its probability under the table, and none
is drawn and thrown away.

References
----------
Caplin, W. E. (1998). Classical Form. Oxford University Press. (Cadences: ch. 2.)
Rabiner, L. R. (1989). A tutorial on hidden Markov models. Proceedings of the IEEE 77(2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import PlanError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.core.plan import PlanChord
from hybrid.core.timeline import Metre
from hybrid.grammar.chords import ChordTable, chord_table, pivot_weights
from hybrid.grammar.chords_rhythm import Slot, draw_slots

FloatArray = NDArray[np.float64]

#: The last chords of each cadence, last first: weights by numeral, upper case standing for
#: both modes. A position without an entry for a chord forbids it.
ENDINGS: dict[str, tuple[dict[str, float], ...]] = {
    "PAC": ({"I": 1.0}, {"V7": 2.0, "V": 1.0}),
    "IAC": (
        {"I": 1.0, "I6": 0.12},
        {"V7": 3.0, "V": 1.5, "V65": 1.0, "V43": 0.7, "V6": 0.4, "viio6": 0.8, "V42": 1.0},
    ),
    "HC": ({"V": 1.0},),
    "PC": ({"I": 1.0}, {"IV": 3.0, "iv": 1.0, "bIV": 1.0}),
    "DC": ({"vi": 1.0, "VI": 1.0, "bVI": 1.0}, {"V7": 1.5, "V": 1.0}),
}
#: What makes a good chord before the cadence proper.
APPROACH = {
    "ii6": 3.0, "ii65": 3.0, "IV": 2.5, "ii": 2.0, "ii7": 1.5, "Cad64": 5.0, "N6": 1.5,
    "viio7/V": 1.5, "V65/V": 1.2, "V7/V": 1.2, "Ger65": 1.5, "It6": 1.5, "Fr43": 1.5,
    "I": 0.35, "I6": 0.6, "vi": 0.8, "II6": 2.0, "II": 1.0,
}  # fmt: skip
#: Where a phrase without a cadence may stop: chords nothing is left hanging in.
STABLE = {
    "I": 3.0, "I6": 2.0, "V": 3.0, "V6": 1.0, "IV": 1.0, "ii": 0.7, "ii6": 1.0, "vi": 1.0,
    "IV6": 0.3, "III": 0.4, "iii": 0.3, "VII": 0.3, "bVI": 0.3, "II": 0.6,
}  # fmt: skip
#: How a phrase opens.
OPENINGS: dict[str, dict[str, float]] = {
    "tonic": {"I": 10.0, "I6": 0.8},
    "dominant": {"V": 6.0, "V65": 1.0, "V43": 0.5, "V6": 1.0},
}
FREE_START = 1e-4
ANY = 1e-6  # lets any other opening happen where nothing better is possible
CHROMATIC = ("/", "Ger", "It", "Fr", "N6")


@dataclass(frozen=True)
class ChordStyle:
    """Habits of harmony.

    Attributes
    ----------
    harmony : str
        A key of `hybrid.grammar.chords.HARMONIES`.
    chromatic : float
        Factor on applied dominants, augmented sixths and mixture.
    inner_cadence : float
        Factor on root-position V(7)-I inside a phrase, which would sound like its end.
    """

    harmony: str = "common"
    chromatic: float = 1.0
    inner_cadence: float = 0.35


@dataclass(frozen=True)
class Before:
    """The chord that a phrase follows, its key and the cadence it made."""

    numeral: str
    key: Key
    cadence: str = "none"


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
        Chords that are given. A chord of a table must obey it; any other one is taken as it is
        and may stand between all chords of its key that leave nothing unresolved.
    preferred : mapping of slot number to numeral
        Chords to take where they fit.
    keys : mapping of slot number to Key
        Keys that are given.
    """

    key: Key
    slots: tuple[Slot, ...]
    cadence: str = "none"
    end_key: Key | None = None
    style: ChordStyle = ChordStyle()
    before: Before | None = None
    opening: str = "tonic"
    fixed: Mapping[int, tuple[str, Key]] = field(default_factory=dict)
    preferred: Mapping[int, str] = field(default_factory=dict)

    @property
    def final_key(self) -> Key:
        return self.end_key or self.key


def in_mode(table: ChordTable, wanted: Mapping[str, float], default: float = 0.0) -> FloatArray:
    """Weights for a table's chords from names as in major; minor ``i`` answers to ``I``.

    >>> from hybrid.grammar.chords import load_table
    >>> table = load_table("minor")
    >>> [table.numerals[i] for i in in_mode(table, {"I": 1, "ii65": 1}).nonzero()[0]]
    ['i', 'iiø65']
    """
    values = [
        next((wanted[name] for name in (n, _as_major(n)) if name in wanted), default)
        for n in table.numerals
    ]
    return np.array(values, dtype=np.float64)


@lru_cache(maxsize=512)
def _as_major(numeral: str) -> str:
    """The name in major of the chord on the same degree with the same figures."""
    table = {"i": "I", "iv": "IV", "iio": "ii", "iiø": "ii"}
    figure = numeral.lstrip("iIvVoø")
    head = numeral[: len(numeral) - len(figure)] if figure else numeral
    return table.get(head, head) + figure


def is_chromatic(numeral: str) -> bool:
    """Whether a chord is an applied dominant, an augmented sixth or a Neapolitan."""
    return any(mark in numeral for mark in CHROMATIC)


def join_weights(table: ChordTable, key: Key, before: Before) -> FloatArray:
    """Weight of each chord of ``key`` as the first one after ``before``.

    After a close in another key anything a piece could start with may come; a half cadence is
    followed by the tonic or by more of the dominant; else the table decides, and the same
    chord may go on.
    """
    openers: FloatArray = in_mode(
        table,
        {"I": 10.0, "I6": 1.0, "V": 1.0, "V6": 0.5, "V65": 0.5, "vi": 0.5, "IV": 0.5, "ii6": 0.3},
    )
    if before.key != key or before.numeral not in table.index:
        return openers
    row: FloatArray = table.weights[table.index[before.numeral]].copy()
    if before.cadence in ("PAC", "IAC", "PC"):
        return np.add(row, openers)
    # The same chord may go on over the boundary. Where nothing pulls, a new phrase may, if
    # nothing better fits, start with any consonant chord.
    row[table.index[before.numeral]] += 0.3
    roman = RomanNumeral.parse(before.numeral)
    if not (roman.has_seventh or roman.of or key.leading_tone in roman.tones(key)):
        row += FREE_START * table.consonant
    if before.cadence == "DC":
        row[0] += 0.2
    return row


@dataclass(frozen=True, eq=False)
class _States:
    """Chords of one or two keys in a row, with two matrices of transitions."""

    keys: tuple[Key, ...]
    tables: tuple[ChordTable, ...]
    inner: FloatArray
    close: FloatArray

    @property
    def names(self) -> list[tuple[str, Key]]:
        return [
            (numeral, key)
            for key, table in zip(self.keys, self.tables, strict=True)
            for numeral in table.numerals
        ]


@lru_cache(maxsize=256)
def _states(keys: tuple[Key, ...], style: ChordStyle) -> _States:
    tables = tuple(chord_table(style.harmony, key) for key in keys)
    sizes = [len(table.numerals) for table in tables]
    total = sum(sizes)
    inner = np.zeros((total, total))
    start = 0
    for place, table in enumerate(tables):
        stop = start + sizes[place]
        inner[start:stop, start:stop] = table.weights
        if place + 1 < len(tables):
            after = stop + sizes[place + 1]
            pivots = pivot_weights(style.harmony, keys[place], keys[place + 1])
            inner[start:stop, stop:after] = 0.5 * pivots
        start = stop
    chromatic = [
        style.chromatic if is_chromatic(numeral) or _is_mixture(numeral, table) else 1.0
        for table in tables
        for numeral in table.numerals
    ]
    inner = inner * np.array(chromatic)[None, :]
    close = inner.copy()
    start = 0
    for table, size in zip(tables, sizes, strict=True):
        for numeral in ("V", "V7"):
            if numeral in table.index:
                inner[start + table.index[numeral], start] *= style.inner_cadence
        start += size
    return _States(keys, tables, inner, close)


def _is_mixture(numeral: str, table: ChordTable) -> bool:
    return table.tonic == "I" and numeral in ("iv", "viio7", "bVI")


def _slot_weights(task: PhraseTask, states: _States) -> FloatArray:
    """Weight of every chord in every slot, shape (slots, chords)."""
    n = len(task.slots)
    tables, keys = states.tables, states.keys
    weights = np.ones((n, sum(len(table.numerals) for table in tables)))
    offsets = np.cumsum([0, *(len(table.numerals) for table in tables)])
    # First key first, last key last, and the cadence wholly in the last key.
    ending = ENDINGS.get(task.cadence, (in_stable(),))
    weights[0, offsets[1] :] = 0.0
    tail = min(len(ending) + 1, max(1, n - 1)) if len(keys) > 1 else 0
    if tail:
        weights[n - tail :, : offsets[-2]] = 0.0
    last_table = tables[-1]
    tail_slice = slice(int(offsets[-2]), int(offsets[-1]))
    for back, wanted in enumerate(ending[:n]):
        weights[n - 1 - back, tail_slice] *= in_mode(last_table, wanted)
    if task.cadence != "none" and n > len(ending):
        weights[n - 1 - len(ending), tail_slice] *= in_mode(last_table, APPROACH, default=0.5)
    if len(ending) < n or task.cadence == "none":
        weights[0] *= _opening_weights(task, tables[0], weights.shape[1])
    elif task.before is not None:
        weights[0] *= _pad(join_weights(tables[0], keys[0], task.before), weights.shape[1])
    for place, (numeral, _) in enumerate(states.names):
        if numeral == "Cad64":
            weights[:, place] *= _six_four(task)
    for slot, numeral in task.preferred.items():
        if 0 <= slot < n:
            boost = np.array([50.0 if name == numeral else 1.0 for name, _ in states.names])
            weights[slot] *= boost
    return weights


def in_stable() -> dict[str, float]:
    """Weights of the chords on which a phrase without cadence may stop."""
    return STABLE


def _pad(values: FloatArray, size: int) -> FloatArray:
    return np.concatenate([values, np.zeros(size - len(values))])


def _opening_weights(task: PhraseTask, table: ChordTable, size: int) -> FloatArray:
    joins = np.ones(len(table.numerals))
    if task.before is not None:
        joins = join_weights(table, task.key, task.before)
    if task.opening == "free":
        start = joins if task.before is not None else in_mode(table, OPENINGS["tonic"])
    else:
        wanted = in_mode(table, OPENINGS[task.opening], default=ANY)
        if task.before is None:  # a piece starts as told
            wanted = in_mode(table, OPENINGS[task.opening])
        start = np.where(joins > 0, wanted, 0.0)
    return _pad(start, size)


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


def draw_chords(task: PhraseTask, rng: np.random.Generator) -> tuple[PlanChord, ...]:
    """Draw the chords of a phrase, one per slot.

    Raises
    ------
    PlanError
        If no progression meets the conditions.

    Examples
    --------
    >>> slots = tuple(draw_slots(Metre.parse("4/4"), 4, 2.0, np.random.default_rng(0),
    ...     cadence="PAC", minimum=4))
    >>> chords = draw_chords(PhraseTask(Key.parse("C"), slots, "PAC"), np.random.default_rng(1))
    >>> chords[0].numeral, chords[-1].numeral
    ('I', 'I')
    """
    keys = (task.key,) if task.final_key == task.key else (task.key, task.final_key)
    states = _states(keys, task.style)
    names = states.names
    weights = _slot_weights(task, states)
    for slot, (numeral, key) in task.fixed.items():
        mask = np.array([name == numeral and at == key for name, at in names])
        weights[slot] = np.where(mask, np.maximum(weights[slot], ANY), 0.0)
    n = len(task.slots)
    n_close = len(ENDINGS.get(task.cadence, ())) if task.cadence != "none" else 0
    matrices = [
        states.close if place >= n - 1 - n_close else states.inner for place in range(n - 1)
    ]
    # Backward messages, scaled: message[k, s] ~ weight of all ends after chord s in slot k.
    message = np.ones((n, weights.shape[1]))
    for place in range(n - 2, -1, -1):
        values = matrices[place] @ (weights[place + 1] * message[place + 1])
        top = values.max()
        if top <= 0:
            raise _impossible(task)
        message[place] = values / top
    chosen: list[int] = []
    row = weights[0]
    for place in range(n):
        odds = row * message[place]
        if not odds.sum() > 0:
            raise _impossible(task)
        total = np.cumsum(odds)
        at = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
        chosen.append(min(at, len(total) - 1))
        if place + 1 < n:
            row = matrices[place][chosen[-1]] * weights[place + 1]
    return tuple(
        PlanChord(slot.onset, slot.duration, names[state][0], _other(names[state][1], task.key))
        for slot, state in zip(task.slots, chosen, strict=True)
    )


def _other(key: Key, home: Key) -> Key | None:
    return None if key == home else key


def _impossible(task: PhraseTask) -> PlanError:
    fixed = " ".join(numeral for _, (numeral, _) in sorted(task.fixed.items()))
    given = f" with the chords {fixed}" if fixed else ""
    return PlanError(
        f"no progression of {len(task.slots)} chords leads from {task.key.name} to "
        f"{task.cadence} in {task.final_key.name}{given}"
    )


def fewest_chords(cadence: str, modulates: bool = False) -> int:
    """Fewest chords a phrase needs for its cadence, and for turning to another key."""
    return len(ENDINGS.get(cadence, ({},))) + (cadence != "none") + modulates


def phrase_chords(
    key: Key,
    metre: Metre,
    bars: int,
    rng: np.random.Generator,
    *,
    cadence: str = "none",
    end_key: Key | None = None,
    pace: float = 2.0,
    style: ChordStyle = ChordStyle(),
    before: Before | None = None,
    opening: str = "tonic",
    whole_final: float = 0.8,
    head: Sequence[PlanChord] = (),
    preferred: Sequence[PlanChord] = (),
) -> tuple[PlanChord, ...]:
    """Draw harmonic rhythm and chords of a phrase.

    Parameters
    ----------
    key, end_key : Key
        Of its start and its end.
    metre : Metre
    bars : int
    cadence : str
        ``PAC``, ``IAC``, ``HC``, ``PC``, ``DC`` or ``none``.
    pace : float
        Beats per chord that are aimed at.
    head : sequence of PlanChord
        Chords that are given for the phrase's beginning, contiguous from 0: a theme returns.
    preferred : sequence of PlanChord
        Chords whose rhythm is kept, and whose numerals are taken where they fit.

    Returns
    -------
    tuple of PlanChord
        Contiguous from 0 over the whole phrase.
    """
    modulates = end_key is not None and end_key != key
    least = fewest_chords(cadence, modulates)
    if preferred:
        slots = [_slot(chord, metre) for chord in preferred]
        wishes = {place: chord.numeral for place, chord in enumerate(preferred)}
    else:
        slots = draw_slots(
            metre, bars, pace, rng, cadence=cadence, minimum=least, whole_final=whole_final
        )
        wishes = {}
    fixed: dict[int, tuple[str, Key]] = {}
    if head:
        cut = head[-1].end
        rest = [slot for slot in slots if slot.onset >= cut]
        slots = [_slot(chord, metre) for chord in head] + _after(slots, rest, cut, metre)
        fixed = {place: (chord.numeral, chord.key or key) for place, chord in enumerate(head)}
        wishes = {}
    task = PhraseTask(
        key, tuple(slots), cadence, end_key, style, before, opening, fixed=fixed, preferred=wishes
    )
    return draw_chords(task, rng)


def _slot(chord: PlanChord, metre: Metre) -> Slot:
    from hybrid.grammar.chords_rhythm import beats

    place = chord.onset % metre.bar_quarters
    strength = dict(beats(metre)).get(place, 0)
    return Slot(chord.onset, chord.duration, strength)


def _after(slots: list[Slot], rest: list[Slot], cut: Fraction, metre: Metre) -> list[Slot]:
    """The slots from ``cut`` on; one that was cut through starts there."""
    through = [slot for slot in slots if slot.onset < cut < slot.end]
    if not through:
        return rest
    chord = PlanChord(cut, through[0].end - cut, "I")
    return [replace(_slot(chord, metre)), *rest]


def root_of(chord: PlanChord, key: Key) -> int:
    """Tonal pitch class of a plan chord's root."""
    return RomanNumeral.parse(chord.numeral).root(chord.key or key)
