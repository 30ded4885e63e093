"""Time slices: what sounds from eighth to eighth once the figures are written.

The view is redundant, as in Ebcioğlu's system: it has no choices of its own and only forbids.
"""

from __future__ import annotations

from itertools import pairwise

from hybrid.history.choral_fill import Gap, voices_with
from hybrid.history.choral_motion import PAIRS
from hybrid.history.choral_rules import RuleBook

BOOK = RuleBook("slice", "T")


def _consecutive(at: Gap, size: int) -> bool:
    rows = at.slices()
    for before, after in pairwise(rows):
        for upper, lower in PAIRS:
            if (after[upper] - after[lower]) % 12 != size:
                continue
            if (before[upper] - before[lower]) % 12 != size:
                continue
            if before[upper] != after[upper] and before[lower] != after[lower]:
                return True
    return False


@BOOK.constraint("no fifths in a row from eighth to eighth", "ASC ch. 6; E90m", depth=1)
def slice_fifths(at: Gap) -> bool:
    return _consecutive(at, 7)


@BOOK.constraint("no octaves in a row from eighth to eighth", "ASC ch. 6; E90m", depth=1)
def slice_octaves(at: Gap) -> bool:
    return _consecutive(at, 0)


@BOOK.constraint("no voice crosses another from eighth to eighth", "ASC ch. 6", depth=1)
def slice_crossing(at: Gap) -> bool:
    return any(row[0] < row[1] or row[1] < row[2] or row[2] < row[3] for row in at.slices())


@BOOK.constraint("no seconds or sevenths between two inessential notes", "KP ch. 11; E90")
def slice_clash(at: Gap) -> bool:
    moving = voices_with(at, "passing", "neighbour")
    for place, voice in enumerate(moving):
        for other in moving[place + 1 :]:
            size = (at.now.figure(voice).pitch - at.now.figure(other).pitch) % 12
            if size in (1, 2, 6, 10, 11):
                return True
    return False


@BOOK.constraint("an inessential note does not rub a semitone against its chord", "KP ch. 11")
def slice_semitone(at: Gap) -> bool:
    for voice in voices_with(at, "passing", "neighbour"):
        pitch = at.now.figure(voice).pitch
        for other in range(4):
            if other != voice and abs(at.first.pitches[other] - pitch) == 1:
                return True
    return False


@BOOK.constraint("no note off the beat leaps into unison with another voice", "F book II", depth=1)
def slice_unison(at: Gap) -> bool:
    rows = at.slices()
    for before, after in pairwise(rows):
        for upper, lower in PAIRS:
            if after[upper] != after[lower] or before[upper] == before[lower]:
                continue
            up, under = after[upper] - before[upper], after[lower] - before[lower]
            if up * under > 0:
                return True
    return False


@BOOK.constraint("outer voices do not leap together into a fifth or octave", "ASC ch. 6", depth=1)
def slice_direct(at: Gap) -> bool:
    if at.next_slot.starts_phrase:
        return False
    for before, after in pairwise(at.slices()):
        up, under = after[0] - before[0], after[3] - before[3]
        size = (after[0] - after[3]) % 12
        is_new = size in (0, 7) and (before[0] - before[3]) % 12 != size
        if is_new and up * under > 0 and abs(up) > 2:
            return True
    return False


@BOOK.constraint("no diminished fifth above the bass rises to a perfect one", "KP ch. 5", depth=1)
def slice_unequal_fifths(at: Gap) -> bool:
    for before, after in pairwise(at.slices()):
        if after[3] <= before[3]:
            continue
        for voice in (0, 1, 2):
            is_diminished = (before[voice] - before[3]) % 12 == 6
            is_perfect = (after[voice] - after[3]) % 12 == 7
            if is_diminished and is_perfect and after[voice] > before[voice]:
                return True
    return False


@BOOK.constraint("upper voices stay within an octave of each other", "ASC ch. 6", depth=1)
def slice_spacing(at: Gap) -> bool:
    return any(row[0] - row[1] > 12 or row[1] - row[2] > 12 for row in at.slices())
