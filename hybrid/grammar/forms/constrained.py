"""Chords of a phrase under constraints: given chords, keys and cadence, and free ones between."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np

from hybrid.core.errors import ConflictError, PlanError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.core.plan import PlanChord
from hybrid.core.timeline import Metre
from hybrid.grammar.chords_habits import Before, ChordStyle, fewest_chords
from hybrid.grammar.chords_phrase import slot_at
from hybrid.grammar.chords_rhythm import Slot, draw_slots
from hybrid.grammar.chords_walk import PhraseTask, draw_chords
from hybrid.grammar.forms.realise import PhraseSketch
from hybrid.grammar.forms.wishes import Wish, minimal_conflict


def infer_cadence(chords: Sequence[PlanChord], key: Key) -> str:
    """The cadence that a phrase's last chords make, ``none`` where they make none.

    >>> chords = (PlanChord(0, 2, "ii6"), PlanChord(2, 2, "V7"), PlanChord(4, 4, "I"))
    >>> infer_cadence(chords, Key.parse("C")), infer_cadence(chords[:2], Key.parse("C"))
    ('PAC', 'none')
    """
    last = RomanNumeral.parse(chords[-1].numeral)
    if last.of is not None or last.has_seventh:
        return "none"
    if last.degree == 5 and last.triad == "major" and last.inversion == 0:
        return "HC"
    if len(chords) < 2 or (chords[-1].key or key) != (chords[-2].key or key):
        return "none"
    before = RomanNumeral.parse(chords[-2].numeral)
    if before.of is not None or last.is_cadential or before.is_cadential:
        return "none"
    dominant = before.degree == 5 and before.triad == "major"
    if last.degree == 6 and last.inversion == 0 and dominant and before.inversion == 0:
        return "DC"
    if last.degree != 1:
        return "none"
    if dominant and before.inversion == 0 and last.inversion == 0:
        return "PAC"
    if dominant or (before.degree == 7 and before.triad == "diminished"):
        return "IAC"
    return "PC" if before.degree == 4 and last.inversion == 0 else "none"


def constrained_chords(
    phrase: PhraseSketch,
    wish: Wish,
    metre: Metre,
    rng: np.random.Generator,
    *,
    pace: float,
    style: ChordStyle,
    before: Before | None,
    cadence_name: str | None,
    whole_final: float = 0.8,
) -> tuple[tuple[PlanChord, ...], str]:
    """Draw the chords of a phrase that keep what is asked, and name its cadence.

    Parameters
    ----------
    phrase : PhraseSketch
    wish : Wish
    cadence_name : str or None
        Name of what asks for the phrase's cadence, for conflicts; None where the cadence is
        ours and may give way to chords that are asked for.

    Raises
    ------
    ConflictError
        Naming a minimal set of what cannot hold together.
    """
    seed = int(rng.integers(0, 2**63, dtype=np.int64))

    def attempt(asked: Wish, cadence: str) -> tuple[PlanChord, ...]:
        draws = np.random.Generator(np.random.PCG64(seed))
        task = _task(phrase, asked, metre, draws, cadence, pace, style, before, whole_final)
        return draw_chords(task, draws)

    wanted = wish.cadence[0] if wish.cadence else phrase.cadence
    names = list(wish.names)
    if cadence_name is not None and cadence_name not in names:
        names.append(cadence_name)

    def is_possible(subset: Sequence[str]) -> bool:
        bound = cadence_name is None or cadence_name in subset
        try:
            attempt(wish.only(subset), wanted if bound and cadence_name else "none")
        except (ConflictError, PlanError):
            return False
        return True

    try:
        return attempt(wish, wanted), wanted
    except (ConflictError, PlanError):
        if cadence_name is None:
            try:
                chords = attempt(wish, "none")
                return chords, infer_cadence(chords, phrase.key)
            except (ConflictError, PlanError):
                pass
    found = minimal_conflict(names, is_possible)
    raise ConflictError(f"these cannot all hold: {'; '.join(found)} (no chords lead there)", found)


def _task(
    phrase: PhraseSketch,
    wish: Wish,
    metre: Metre,
    rng: np.random.Generator,
    cadence: str,
    pace: float,
    style: ChordStyle,
    before: Before | None,
    whole_final: float,
) -> PhraseTask:
    bar = metre.bar_quarters
    by_bar = {number: key for number, key, _ in wish.keys}
    keys = _bar_keys(phrase, by_bar, wish, bar)
    slots = draw_slots(
        metre,
        phrase.bars,
        pace,
        rng,
        cadence=cadence,
        minimum=fewest_chords(cadence, len(set(keys)) > 1),
        whole_final=whole_final,
        uneven=style.uneven,
    )
    slots, fixed_at = _with_given(slots, wish, metre)
    slots, fixed_at = _cut_at_keys(slots, fixed_at, keys, metre)
    path: list[Key] = []
    at_key: dict[int, int] = {}
    fixed: dict[int, tuple[str, Key]] = {}
    for place, slot in enumerate(slots):
        given = fixed_at[place]
        here = keys[int(slot.onset // bar)]
        if given is not None and given.key is not None:
            here = given.key
        if not path or path[-1] != here:
            path.append(here)
        at_key[place] = len(path) - 1
        if given is not None:
            fixed[place] = (given.numeral, here)
    return PhraseTask(
        phrase.key,
        tuple(slots),
        cadence,
        None,
        style,
        before,
        phrase.opening,
        fixed=fixed,
        loose=True,
        keys=tuple(path),
        at_key=at_key,
    )


def _bar_keys(phrase: PhraseSketch, by_bar: dict[int, Key], wish: Wish, bar: Fraction) -> list[Key]:
    """The key of each bar: as asked; else the phrase's first one, and its last one at the end."""
    keys: list[Key] = []
    turn = phrase.bars if phrase.end_key == phrase.key else max(phrase.bars // 2, 1)
    for number in range(phrase.bars):
        default = phrase.key if number < turn else phrase.end_key
        keys.append(by_bar.get(number, default))
    return keys


def _with_given(
    slots: list[Slot], wish: Wish, metre: Metre
) -> tuple[list[Slot], list[PlanChord | None]]:
    """Replace the slots under given chords by these chords' own."""
    places: list[tuple[Slot, PlanChord | None]] = []
    given = [chord for chord, _ in wish.chords]
    for slot in slots:
        pieces = [(slot.onset, slot.end)]
        for chord in given:
            pieces = [part for piece in pieces for part in _without(piece, chord)]
        places += [(slot_at(start, end - start, metre), None) for start, end in pieces]
    places += [(slot_at(chord.onset, chord.duration, metre), chord) for chord in given]
    places.sort(key=lambda pair: pair[0].onset)
    return [slot for slot, _ in places], [chord for _, chord in places]


def _without(piece: tuple[Fraction, Fraction], chord: PlanChord) -> list[tuple[Fraction, Fraction]]:
    start, end = piece
    if chord.end <= start or chord.onset >= end:
        return [piece]
    parts = [(start, min(end, chord.onset)), (max(start, chord.end), end)]
    return [(low, high) for low, high in parts if low < high]


def _cut_at_keys(
    slots: list[Slot], given: list[PlanChord | None], keys: list[Key], metre: Metre
) -> tuple[list[Slot], list[PlanChord | None]]:
    """Cut free slots at bar lines where the key changes."""
    bar = metre.bar_quarters
    cuts = [n * bar for n in range(1, len(keys)) if keys[n] != keys[n - 1]]
    result: list[tuple[Slot, PlanChord | None]] = []
    for slot, chord in zip(slots, given, strict=True):
        points = [slot.onset, *(cut for cut in cuts if slot.onset < cut < slot.end), slot.end]
        if chord is not None:
            points = [slot.onset, slot.end]
        for start, end in pairwise(points):
            result.append((slot_at(start, end - start, metre), chord))
    return [slot for slot, _ in result], [chord for _, chord in result]
