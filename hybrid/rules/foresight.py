"""Foresight: a theme is written so that it can come back over other chords.

A composer who knows that a theme will return over another harmony gives it notes that both
harmonies have. Here each note of a new theme costs more where, at the same place of a later
phrase that takes the theme up, the chord lacks it.

References
----------
Schoenberg, A. (1967). Fundamentals of Musical Composition, ch. 4 and 16: what is kept and
what is changed when a theme is repeated and varied.
"""

from __future__ import annotations

from collections.abc import Sequence

from hybrid.core.plan import PlacedPhrase
from hybrid.rules.harmony import Chord, to_ticks
from hybrid.rules.scales import scale_of

PlannedPhrase = tuple[PlacedPhrase, tuple[Chord, ...]]

#: Variations that want the theme's own notes back.
FAITHFUL = frozenset({None, "literal", "transposed", "varied", "ornament"})
#: Costs in nats of a note that no return can have: where a chord tone has to stand, and where
#: a note of the scale may pass.
STRANGE, PASSING = 6.0, 0.8
#: Returns that are looked at, the earliest first.
MAX_RETURNS = 6


def returns_of(phrases: Sequence[PlannedPhrase], number: int) -> tuple[PlannedPhrase, ...]:
    """Later phrases that take up the theme of a phrase note by note.

    They have its label, mode, length and metre, and a variation of `FAITHFUL`. None are given
    where an earlier phrase has the label already: then the theme is no new one.
    """
    placed = phrases[number][0]
    label = placed.phrase.theme
    if any(before.phrase.theme == label for before, _ in phrases[:number]):
        return ()
    found = [
        (later, chords)
        for later, chords in phrases[number + 1 :]
        if later.phrase.theme == label
        and later.phrase.variation in FAITHFUL
        and later.key.mode == placed.key.mode
        and later.quarters == placed.quarters
        and later.metre.bar_quarters == placed.metre.bar_quarters
    ]
    return tuple(found[:MAX_RETURNS])


def strangeness(
    placed: PlacedPhrase,
    chord: Chord,
    onset: int,
    structural: bool,
    returns: Sequence[PlannedPhrase],
) -> tuple[tuple[int, float], ...]:
    """What the tones over a chord cost for the sake of a theme's returns.

    Parameters
    ----------
    placed : PlacedPhrase
        Of the theme's first appearance.
    chord : Chord
        At the note's onset.
    onset : int
        Ticks from the piece's start.
    structural : bool
        Whether the note has to be a chord tone.
    returns : sequence of (PlacedPhrase, tuple of Chord)

    Returns
    -------
    tuple of (int, float)
        Tonal pitch class and cost; tones that cost nothing are left out.
    """
    if not returns:
        return ()
    costs = dict.fromkeys(scale_of(chord), 0.0)
    within = onset - to_ticks(placed.start)
    for later, chords in returns:
        tick = to_ticks(later.start) + within
        there = next((c for c in chords if c.onset <= tick < c.end), chords[0])
        if there.numeral.text == chord.numeral.text:
            continue
        scale = scale_of(there)
        for tone in costs:
            moved = tone - placed.key.tonic + later.key.tonic
            if moved in there.tones:
                continue
            passes = moved in scale and not structural
            costs[tone] += (PASSING if passes else STRANGE) / len(returns)
    return tuple((tone, cost) for tone, cost in costs.items() if cost)
