"""Constraints of the chord skeleton on how single tones, and two voices together, move on."""

from __future__ import annotations

from hybrid.history.choral_chords import BOOK
from hybrid.history.choral_skeleton import Moment

#: Upper and lower voice of each pair, soprano first.
PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


# --- Tones that want to move ----------------------------------------------


@BOOK.constraint("a leading tone rises; within, it may fall to the fifth", "ASC ch. 7", depth=1)
def leading_tone_resolution(at: Moment) -> bool:
    was, now = at.inside, at.now
    if was is None or was.leading is None or now.leading == was.leading:
        return False
    if now.root != was.target and not (now.numeral.degree == 6 and was.numeral.degree == 5):
        return False
    for voice in range(4):
        if was.classes[voice] != was.leading:
            continue
        step = now.pitches[voice] - was.pitches[voice]
        falls = voice in (1, 2) and step == -4 and now.classes[0] == was.target
        chromatic = step == -1 and now.seventh == now.classes[voice]
        if step != 1 and not falls and not chromatic:
            return True
    return False


@BOOK.constraint("a seventh steps down, or stays while the next chord has it", "KP ch. 13", depth=1)
def seventh_resolution(at: Moment) -> bool:
    was, now = at.inside, at.now
    if was is None or was.seventh is None:
        return False
    for voice in range(4):
        if was.classes[voice] == was.seventh:
            step = now.pitches[voice] - was.pitches[voice]
            if step not in (-1, -2) and not (step == 0 and was.seventh in now.members):
                return True
    return False


@BOOK.constraint("a seventh outside the dominant is prepared", "ASC ch. 9; E90m", depth=1)
def seventh_preparation(at: Moment) -> bool:
    was, now = at.was, at.now
    if now.seventh is None or now.leading is not None:
        return False
    if was is None or at.slot.starts_phrase:
        return True
    voice = now.classes.index(now.seventh)
    return voice != 0 and was.pitches[voice] != now.pitches[voice]


@BOOK.constraint("a dominant's seventh is not reached by a leap from above", "ASC ch. 9", depth=1)
def seventh_approach(at: Moment) -> bool:
    was, now = at.inside, at.now
    if was is None or now.seventh is None or now.leading is None:
        return False
    voice = now.classes.index(now.seventh)
    return voice != 0 and now.pitches[voice] - was.pitches[voice] < -2


# --- Two voices -----------------------------------------------------------


def _consecutive(at: Moment, sizes: tuple[int, ...], similar: bool) -> bool:
    """Two voices from one perfect interval to another of the same kind."""
    was, now = at.was, at.now
    if was is None:
        return False
    before, after = was.pitches, now.pitches
    for upper, lower in PAIRS:
        size = (after[upper] - after[lower]) % 12
        if size not in sizes or (before[upper] - before[lower]) % 12 != size:
            continue
        up, under = after[upper] - before[upper], after[lower] - before[lower]
        if up and under and (up * under > 0) == similar:
            return True
    return False


@BOOK.constraint("no parallel fifths", "ASC ch. 6; F book II; E90m", depth=1)
def parallel_fifths(at: Moment) -> bool:
    return _consecutive(at, (7,), True)


@BOOK.constraint("no parallel octaves or unisons", "ASC ch. 6; F book II; E90m", depth=1)
def parallel_octaves(at: Moment) -> bool:
    return _consecutive(at, (0,), True)


@BOOK.constraint("no fifths or octaves by contrary motion", "KP ch. 5", depth=1)
def contrary_fifths_and_octaves(at: Moment) -> bool:
    return not at.slot.starts_phrase and _consecutive(at, (0, 7), False)


@BOOK.constraint("outer voices do not leap together into a fifth or octave", "ASC ch. 6", depth=1)
def direct_fifths_and_octaves(at: Moment) -> bool:
    was, now = at.inside, at.now
    if was is None or (now.pitches[0] - now.bass) % 12 not in (0, 7):
        return False
    up, under = now.pitches[0] - was.pitches[0], now.bass - was.bass
    return up * under > 0 and abs(up) > 2


@BOOK.constraint("two voices do not move together into a unison", "F book II; P", depth=1)
def direct_unison(at: Moment) -> bool:
    was, now = at.was, at.now
    if was is None or now.pitches[2] != now.pitches[3]:
        return False
    return (now.pitches[2] - was.pitches[2]) * (now.bass - was.bass) > 0


@BOOK.constraint("no diminished fifth above the bass rises to a perfect one", "KP ch. 5", depth=1)
def unequal_fifths(at: Moment) -> bool:
    was, now = at.inside, at.now
    if was is None or now.bass <= was.bass:
        return False
    return any(
        (was.pitches[voice] - was.bass) % 12 == 6
        and (now.pitches[voice] - now.bass) % 12 == 7
        and now.pitches[voice] > was.pitches[voice]
        for voice in range(3)
    )


@BOOK.constraint("no voice passes where its neighbour has just been", "ASC ch. 6", depth=1)
def overlap(at: Moment) -> bool:
    was, now = at.inside, at.now
    if was is None:
        return False
    return any(
        now.pitches[lower] > was.pitches[upper] or now.pitches[upper] < was.pitches[lower]
        for upper, lower in ((0, 1), (1, 2), (2, 3))
    )


@BOOK.constraint("not all four voices move in one direction", "KP ch. 5; ASC ch. 6", depth=1)
def four_voices_together(at: Moment) -> bool:
    was, now = at.inside, at.now
    if was is None:
        return False
    steps = [now.pitches[voice] - was.pitches[voice] for voice in range(4)]
    return min(steps) > 0 or max(steps) < 0


@BOOK.constraint("no tone follows its alteration in another voice", "ASC ch. 6; KP ch. 16", depth=1)
def cross_relation(at: Moment) -> bool:
    was, now = at.inside, at.now
    if was is None:
        return False
    for new in range(4):
        letter = (now.spellings[new] + 1) % 7
        for old in range(4):
            if new == old or was.spellings[old] == now.spellings[new]:
                continue
            if (was.spellings[old] + 1) % 7 != letter:
                continue
            # A voice that alters its own tone takes the sting away.
            if (was.spellings[new] + 1) % 7 != letter and (now.spellings[old] + 1) % 7 != letter:
                return True
    return False
