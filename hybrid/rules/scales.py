"""Which notes a melody may touch over a chord: the key's scale, bent by the chord.

Over a chord each letter has the chord's form of it, or else the key's. Minor keys offer the
sixth and seventh degree in both forms where the chord leaves them open; which one fits is
decided by where the line goes.
"""

from __future__ import annotations

from functools import lru_cache

from hybrid.core.pitch import Key, diatonic_step, letter_and_alteration, pitch_class
from hybrid.rules.harmony import Chord


@lru_cache(maxsize=2048)
def chord_scale(tones: tuple[int, ...], key: Key, local: Key) -> tuple[int, ...]:
    """Tonal pitch classes to move on over a chord, ascending on the line of fifths.

    ``local`` is the key that an applied chord speaks of; its leading tone comes in as the
    chord's own third, so the scale stays the home key's but for the chord's letters.
    """
    by_letter: dict[str, set[int]] = {}
    for tone in key.scale:
        by_letter.setdefault(letter_and_alteration(tone)[0], set()).add(tone)
    if key.mode == "minor" and local == key:
        for raised in (key.tonic + 3, key.tonic + 5):
            by_letter.setdefault(letter_and_alteration(raised)[0], set()).add(raised)
    chord_letters: dict[str, set[int]] = {}
    for tone in tones:
        chord_letters.setdefault(letter_and_alteration(tone)[0], set()).add(tone)
    by_letter.update(chord_letters)
    return tuple(sorted(tone for forms in by_letter.values() for tone in forms))


def scale_of(chord: Chord) -> tuple[int, ...]:
    """`chord_scale` of a chord."""
    return chord_scale(chord.tones, chord.key, chord.local)


def pitches_of(tones: tuple[int, ...], low: int, high: int) -> tuple[tuple[int, int], ...]:
    """(pitch, spelling) of every note of some tonal pitch classes in a range, ascending."""
    found: list[tuple[int, int]] = []
    for tone in tones:
        pc = pitch_class(tone)
        first = low + (pc - low) % 12
        found.extend((pitch, tone) for pitch in range(first, high + 1, 12))
    return tuple(sorted(found, key=lambda item: (item[0], diatonic_step(*item))))


def staff_step(pitch: int, spelling: int) -> int:
    """Staff position, C4 = 28; re-exported under the name that this room uses."""
    return diatonic_step(pitch, spelling)
