"""What the engine likes and dislikes: every soft weight in one place.

Costs are in nats: a way of writing that costs 1 more is e times rarer (at temperature 1)
where all else is equal. They were set by hand and then adjusted until density, non-chord
tones, rhythm and intervals of chorales lay within those of Bach's (see the engine's page in
the docs). Hard rules have no weight: what breaks them is not in the search at all.
"""

from __future__ import annotations

import numpy as np

#: Semitones 0..24 to the cost of the step, by kind of voice.
_SOPRANO = {0: 1.3, 1: 0.0, 2: 0.0, 3: 1.4, 4: 1.8, 5: 2.1, 7: 3.0, 8: 3.4, 9: 3.6, 12: 3.8}
_INNER = {0: 1.3, 1: 0.0, 2: 0.0, 3: 1.3, 4: 1.7, 5: 2.2, 7: 3.2, 8: 4.5, 9: 5.0, 12: 5.5}
_BASS = {0: 1.3, 1: 0.0, 2: 0.0, 3: 0.6, 4: 0.7, 5: 0.7, 7: 1.6, 8: 3.2, 9: 3.4, 12: 3.1}
TRITONE, SEVENTH, BEYOND_OCTAVE = 4.0, 6.0, 14.0


def _table(known: dict[int, float]) -> np.ndarray:
    table = np.full(64, BEYOND_OCTAVE)
    for size, cost in known.items():
        table[size] = cost
    table[6] = TRITONE
    table[10] = table[11] = SEVENTH
    return table


STEP_SOPRANO, STEP_INNER, STEP_BASS = _table(_SOPRANO), _table(_INNER), _table(_BASS)

# Two chords.
OVERLAP = 1.6
DIRECT_OUTER = 7.0
DIRECT_STEPWISE = 0.5  # outer voices into a perfect interval with a step above
CONTRARY_PERFECT = 7.0
UNEQUAL_FIFTHS = 5.0
DIRECT_UNISON = 2.5
CROSS_RELATION = 3.0
AUGMENTED_LEAP = 7.0
FRUSTRATED_LEADING = 1.2
RISING_SEVENTH = 3.0
SIX_FOUR = 2.5
ALL_SIMILAR = 1.5
CONTRARY_OUTER = -0.35
SAME_VOICING = 1.4  # all voices repeat their notes

# One chord.
DOUBLING = (0.0, 0.7, 1.5)  # first, second, third choice of the doubling table
DOUBLED_MAJOR_THIRD = 2.4
DOUBLED_ALTERED = 4.0
MISSING_FIFTH = 0.7
MISSING_FIFTH_INVERTED = 5.0
MISSING_THIRD = 9.0
MISSING_ROOT = 6.0
UNISON = 1.0
GAP = 0.09  # per semitone of an upper gap beyond a sixth
TESSITURA = 0.35  # per squared half-octave from the voice's centre
SPACING_BROKEN = 5.0  # where relaxed limits let it happen

#: How sharply the samplers prefer cheap music: 1 is the costs as they are.
TEMPERATURE = 0.7
