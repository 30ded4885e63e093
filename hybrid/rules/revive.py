"""A melody sung again around notes that the chords have fixed.

Where no chords fit a drawn melody, chords and one melody note for each of them are drawn
together. That alone would be bare: here the theme's rhythm is laid over those notes again, and
what lies between them is drawn anew, without parallels to the lines that are there by now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hybrid.rules.harmony import Chord
from hybrid.rules.lattice import Blocked
from hybrid.rules.lines import Moves
from hybrid.rules.melody import Manner, MelodyNote, Slot, draw_melody


def revive(
    slots: Sequence[Slot],
    fixed: Mapping[int, tuple[int, int]],
    moves: Moves,
    chords: Sequence[Chord],
    limits: tuple[int, int],
    rng: np.random.Generator,
    manner: Manner,
    before: tuple[int, int] | None = None,
    before_chord: Chord | None = None,
) -> tuple[MelodyNote, ...] | None:
    """Notes for slots that have given notes at some ticks; None where there are none.

    Parameters
    ----------
    slots : sequence of Slot
        The theme's.
    fixed : mapping of tick to (pitch, spelling)
    moves : mapping of tick to pairs of pitches
        How the other lines move.
    """
    pieces: list[Slot] = []
    for slot in slots:
        ticks = [tick for tick in sorted(fixed) if slot.onset <= tick < slot.end]
        cuts = [slot.onset]
        for tick in ticks:
            last = max((t for t in fixed if t < tick and t >= cuts[-1]), default=None)
            held = last is not None and fixed[last] == fixed[tick] and last >= slot.onset
            if tick > slot.onset and not held:
                cuts.append(tick)
        for start, end in zip(cuts, [*cuts[1:], slot.end], strict=True):
            chord = next(c for c in chords if c.onset <= start < c.end)
            later = tuple(c for c in chords if start < c.onset < end)
            pinned = (fixed[start],) if start in fixed else ()
            pieces.append(
                replace(
                    slot,
                    onset=start,
                    end=end,
                    chord=chord,
                    later=later,
                    pinned=pinned,
                    tones=() if pinned or start > slot.onset else slot.tones,
                    barred=frozenset() if pinned else slot.barred,
                    open_to=None,
                    joins=None,
                    structural=slot.structural or start > slot.onset,
                    against=tuple(moves.get(start, ())),
                    fresh=slot.fresh and start == slot.onset,
                )
            )
    try:
        return draw_melody(pieces, limits, rng, manner, before, before_chord)
    except Blocked:
        return None
