"""Melodic strings: what each of the three lower voices may do as a line, and what it likes to do.

The constraints read the notes of the chord skeleton, repeated ones merged where that is said.
"""

from __future__ import annotations

from hybrid.history.choral_rules import RuleBook
from hybrid.history.choral_skeleton import Moment

BOOK = RuleBook("string", "M")

LOWER = (1, 2, 3)


def _fifths(at: Moment, voice: int) -> tuple[int, int]:
    """Semitones of a voice's last move, and its distance on the line of fifths, going up."""
    was = at.was
    if was is None:
        return 0, 0
    step = at.now.pitches[voice] - was.pitches[voice]
    fifths = at.now.spellings[voice] - was.spellings[voice]
    return step, fifths if step >= 0 else -fifths


@BOOK.constraint("no voice moves by an augmented interval", "ASC ch. 6; KP ch. 5", depth=1)
def augmented_interval(at: Moment) -> bool:
    if at.slot.starts_phrase:
        return False
    for voice in LOWER:
        step, fifths = _fifths(at, voice)
        # The chromatic semitone, seven fifths, is a step in itself.
        if fifths >= 6 and abs(step) > 1:
            return True
    return False


@BOOK.constraint("no voice leaps by a seventh or beyond the octave", "ASC ch. 6; E90m", depth=1)
def wide_leap(at: Moment) -> bool:
    for voice in LOWER:
        step, _ = _fifths(at, voice)
        if abs(step) in (10, 11) or abs(step) > 12:
            return True
    return False


@BOOK.constraint("no voice leaps by a tritone", "ASC ch. 6; F book II", depth=1)
def tritone_leap(at: Moment) -> bool:
    if at.slot.starts_phrase:
        return False
    return any(abs(_fifths(at, voice)[0]) == 6 for voice in LOWER)


@BOOK.constraint("alto and tenor leap by a fifth at most", "P; KP ch. 5", depth=1)
def inner_leap(at: Moment) -> bool:
    return any(abs(_fifths(at, voice)[0]) > 7 for voice in (1, 2))


@BOOK.constraint("a diminished leap turns back by step", "ASC ch. 6; KP ch. 5", depth=2)
def diminished_leap(at: Moment) -> bool:
    was, before = at.was, at.back(2)
    if was is None or before is None or at.slot.starts_phrase:
        return False
    for voice in LOWER:
        leap = was.pitches[voice] - before.pitches[voice]
        fifths = was.spellings[voice] - before.spellings[voice]
        if abs(leap) > 1 and (fifths if leap > 0 else -fifths) <= -6:
            step = at.now.pitches[voice] - was.pitches[voice]
            if step * leap >= 0 or abs(step) > 2:
                return True
    return False


@BOOK.constraint("after a sixth or more a voice does not go on that way", "F book II; H", depth=2)
def leap_recovery(at: Moment) -> bool:
    was, before = at.was, at.back(2)
    if was is None or before is None or at.slot.starts_phrase:
        return False
    for voice in LOWER:
        leap = was.pitches[voice] - before.pitches[voice]
        step = at.now.pitches[voice] - was.pitches[voice]
        if abs(leap) >= 8 and leap * step > 0:
            return True
    return False


@BOOK.constraint("two leaps one way stay within an octave", "ASC ch. 5; F book II; E90m", depth=2)
def two_leaps(at: Moment) -> bool:
    was, before = at.was, at.back(2)
    if was is None or before is None or at.slot.starts_phrase:
        return False
    for voice in LOWER:
        first = was.pitches[voice] - before.pitches[voice]
        second = at.now.pitches[voice] - was.pitches[voice]
        if first * second <= 0 or min(abs(first), abs(second)) < 3:
            continue
        if abs(first + second) > 12 or min(abs(first), abs(second)) >= 5:
            return True
    return False


@BOOK.constraint("no voice stays on one pitch for five chords", "F book II; E90", depth=4)
def static_voice(at: Moment) -> bool:
    rows = [at.back(n) for n in (1, 2, 3, 4)]
    for voice in LOWER:
        pitch = at.now.pitches[voice]
        if all(row is not None and row.pitches[voice] == pitch for row in rows):
            return True
    return False


@BOOK.constraint("the bass strikes no pitch three times in a row", "E90m", depth=2)
def static_bass(at: Moment) -> bool:
    was, before = at.was, at.back(2)
    if was is None or before is None:
        return False
    return at.now.bass == was.bass == before.bass


@BOOK.constraint("the bass does not rock: no two notes twice in turn", "ours", depth=3)
def rocking_bass(at: Moment) -> bool:
    was, before, earlier = at.was, at.back(2), at.back(3)
    if was is None or before is None or earlier is None or at.slot.is_last:
        return False
    return at.now.bass == before.bass != was.bass and was.bass == earlier.bass


# --- What lines like ---------------------------------------------------------------------------


@BOOK.heuristic("the bass moves by step", "E90m; ASC ch. 5", 2.0, depth=1)
def bass_by_step(at: Moment) -> float:
    was = at.was
    if was is None:
        return 0.0
    step = abs(at.now.bass - was.bass)
    return 1.0 if step in (1, 2) else 0.4 if step in (3, 4) else 0.0


@BOOK.heuristic(
    "the bass goes on in its direction by step: a linear progression", "E90m", 1.2, depth=2
)
def linear_bass(at: Moment) -> float:
    was, before = at.was, at.back(2)
    if was is None or before is None:
        return 0.0
    first, second = was.bass - before.bass, at.now.bass - was.bass
    return float(first * second > 0 and abs(first) <= 2 and abs(second) <= 2)


@BOOK.heuristic("inner voices move as little as they can", "H; P", -0.35, depth=1)
def inner_movement(at: Moment) -> float:
    was = at.was
    if was is None:
        return 0.0
    return float(sum(max(0, abs(at.now.pitches[v] - was.pitches[v]) - 2) for v in (1, 2)))


@BOOK.heuristic("an inner voice that has stood still moves", "E90", 1.0, depth=2)
def restless_inner_voice(at: Moment) -> float:
    was, before = at.was, at.back(2)
    if was is None or before is None:
        return 0.0
    return float(sum(at.now.pitches[v] != was.pitches[v] == before.pitches[v] for v in (1, 2)))


@BOOK.heuristic("the bass does not leap by more than a fifth", "ASC ch. 5", -1.0, depth=1)
def leaping_bass(at: Moment) -> float:
    was = at.was
    return 0.0 if was is None else float(abs(at.now.bass - was.bass) > 7)


@BOOK.heuristic("the bass does not stand still", "ASC ch. 5", -1.5, depth=1)
def still_bass(at: Moment) -> float:
    return float(at.was is not None and at.now.bass == at.was.bass)


@BOOK.heuristic("voices keep to the middle of their ranges", "ASC ch. 6", -0.12)
def edge_of_range(at: Moment) -> float:
    _, alto, tenor, bass = at.now.pitches
    return max(0, abs(alto - 65) - 4) + max(0, abs(tenor - 58) - 4) + max(0, abs(bass - 50) - 6)
