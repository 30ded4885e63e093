"""Every planned progression can be set for four voices without breaking a hard rule.

A small exhaustive search, written for this test alone: all voicings of each chord within the
voices' ranges, all steps between them that keep the hard rules (parallel fifths and octaves,
leading tones to the tonic, sevenths down or held, augmented seconds, doubled tendency tones).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid.core.numerals import AUGMENTED_SIXTHS, RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.grammar.chords import HARMONIES, chord_table
from hybrid.grammar.forms import FORMS, plan_form

RANGES = ((60, 81), (53, 74), (48, 69), (40, 62))
Voicings = tuple[NDArray[np.int64], NDArray[np.int64]]


def leading_tone(roman: RomanNumeral, key: Key) -> int | None:
    place = {5: 1, 7: 0}.get(roman.degree)
    if place is None or roman.triad in AUGMENTED_SIXTHS or roman.triad == "tonic":
        return None
    tone = roman.tones(key)[place]
    return tone if tone == roman.local_key(key).leading_tone else None


@lru_cache(maxsize=4096)
def voicings(numeral: str, key: Key) -> Voicings:
    """Pitches and spellings, soprano first, shape (n, 4)."""
    roman = RomanNumeral.parse(numeral)
    tones = roman.tones(key)
    by_class = {pitch_class(tone): tone for tone in tones}
    assert len(by_class) == len(tones)
    tendency = (leading_tone(roman, key), roman.seventh_tone(key))
    single = {tone for tone in tendency if tone is not None}
    may_miss = roman.inversion == 0 and roman.triad not in AUGMENTED_SIXTHS
    needed = set(tones) - ({tones[2]} if may_miss else set())
    options = [[p for p in range(low, high + 1) if p % 12 in by_class] for low, high in RANGES]
    options[3] = [p for p in options[3] if by_class[p % 12] == roman.bass(key)]
    rows = []
    for s, a, t, b in product(*options):
        if not (0 <= s - a <= 12 and 0 <= a - t <= 12 and t >= b):
            continue
        spelled = [by_class[p % 12] for p in (s, a, t, b)]
        if needed <= set(spelled) and all(
            spelled.count(tone) == 1 for tone in single & set(spelled)
        ):
            rows.append([s, a, t, b])
    pitch = np.array(rows, dtype=np.int64).reshape(-1, 4)
    spell = np.vectorize(lambda p: by_class[p % 12], otypes=[np.int64])(pitch)
    return pitch, spell


@lru_cache(maxsize=8192)
def steps(one: str, key: Key, two: str, next_key: Key) -> NDArray[np.bool_]:
    """Which voicing may follow which, shape (n, m)."""
    first, second = RomanNumeral.parse(one), RomanNumeral.parse(two)
    (p, sp), (q, sq) = voicings(one, key), voicings(two, next_key)
    move = q[None] - p[:, None]  # (n, m, 4)
    ok = np.ones(move.shape[:2], dtype=bool)
    for upper, lower in combinations(range(4), 2):
        interval = (p[:, None, upper] - p[:, None, lower]) % 12
        after = (q[None, :, upper] - q[None, :, lower]) % 12
        same_way = move[..., upper] * move[..., lower] > 0
        ok &= ~(same_way & (interval == after) & ((interval == 0) | (interval == 7)))
    fifths = np.sign(move) * (sq[None] - sp[:, None])
    ok &= ~((fifths > 6) & (np.abs(move) == 3)).any(axis=2)
    lead, local = leading_tone(first, key), first.local_key(key)
    tones = second.tones(next_key)
    resolves = second.triad in ("major", "minor") and pitch_class(tones[0]) == pitch_class(
        local.tonic
    )
    if lead is not None and resolves:
        ok &= ~((sp[:, None] == lead) & (move != 1)).any(axis=2)
    seventh = first.seventh_tone(key)
    same_root = pitch_class(tones[0]) == pitch_class(first.tones(key)[0])
    if seventh is not None and not (same_root and seventh in tones):
        down = (move == -1) | (move == -2)
        held = (move == 0) & (seventh in tones)
        ok &= ~((sp[:, None] == seventh) & ~(down | held)).any(axis=2)
    return ok


def can_be_voiced(chords: list[tuple[str, Key]]) -> tuple[str, str] | None:
    """None, or the pair of chords at which every voicing is lost."""
    alive: NDArray[np.bool_] = np.ones(len(voicings(*chords[0])[0]), dtype=bool)
    for (one, key), (two, next_key) in pairwise(chords):
        alive = np.any(alive[:, None] & steps(one, key, two, next_key), axis=0)
        if not alive.any():
            return one, two
    return None


@pytest.mark.parametrize(
    ("harmony", "mode"), [(harmony, mode) for harmony in HARMONIES for mode in HARMONIES[harmony]]
)
def test_every_transition_of_the_tables_can_be_voiced(harmony: str, mode: str) -> None:
    key = Key.parse(f"F {mode}")
    table = chord_table(harmony, key)
    stuck = [
        (one, two)
        for one, two in product(table.numerals, repeat=2)
        if table.allows(one, two) and not steps(one, key, two, key).any()
    ]
    assert stuck == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(2))
def test_plans_can_be_voiced_from_beginning_to_end(form: str, seed: int) -> None:
    plan = plan_form(form, np.random.default_rng(1000 + seed), key=("c", "Eb")[seed])
    chords: list[tuple[str, Key]] = []
    for placed in plan.phrases():
        chords += [(chord.numeral, placed.key_of(chord)) for chord in placed.phrase.chords]
    assert can_be_voiced(chords) is None
