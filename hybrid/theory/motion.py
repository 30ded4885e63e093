"""What two voices do together: parallels, contrary and direct motion, unequal fifths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import pitch_name
from hybrid.theory.context import Context, Hit
from hybrid.theory.pitches import fifths_between
from hybrid.theory.slices import REST, Slices

FIFTH, OCTAVE, TRITONE = 7, 0, 6
PARALLELS = ("parallel_fifths", "parallel_octaves", "parallel_unisons")


@dataclass(frozen=True, eq=False)
class Moves:
    """All places at which two voices go to their next notes at the same time.

    ``before`` and ``after`` are slice indices; the rest are semitones, arrays of one length:
    each voice's step, and the distance of the two (upper voice minus lower one, negative
    while they are crossed) before and after.
    """

    upper: int
    lower: int
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    upper_step: NDArray[np.int64]
    lower_step: NDArray[np.int64]
    distance: NDArray[np.int64]
    next_distance: NDArray[np.int64]

    @property
    def similar(self) -> NDArray[np.bool_]:
        return self.upper_step * self.lower_step > 0

    @property
    def contrary(self) -> NDArray[np.bool_]:
        return self.upper_step * self.lower_step < 0

    @property
    def keeps_pitch_classes(self) -> NDArray[np.bool_]:
        """Both voices leap by octaves: a change of register, no progression."""
        result: NDArray[np.bool_] = (self.upper_step % 12 == 0) & (self.lower_step % 12 == 0)
        return result


def find_moves(context: Context, upper: int, lower: int) -> Moves:
    """Both voices leave a note for their next one together, over a short rest at most."""
    slices = context.slices
    pitch, note = slices.pitch, slices.note
    both = np.flatnonzero((pitch[upper] != REST) & (pitch[lower] != REST))
    before, after = both[:-1], both[1:]
    together = slices.attack[upper, after] & slices.attack[lower, after]
    for row in (upper, lower):
        together &= note[row, after] - note[row, before] == 1
        together &= pitch[row, after] != pitch[row, before]
    # Silence between the notes, in ticks: counted from the moment that one of them ends.
    ends = np.minimum(context.note_end[upper, before], context.note_end[lower, before])
    longest = context.params("parallel_fifths").get("max_rest_quarters", 1.0)
    together &= slices.tick[after] - ends <= longest * slices.score.ticks_per_quarter
    before, after = before[together], after[together]
    return Moves(
        upper,
        lower,
        before,
        after,
        pitch[upper, after] - pitch[upper, before],
        pitch[lower, after] - pitch[lower, before],
        pitch[upper, before] - pitch[lower, before],
        pitch[upper, after] - pitch[lower, after],
    )


def check_pairs(context: Context) -> Iterator[Hit]:
    """Every pair of voices: parallels, contrary fifths and octaves, direct unisons."""
    for upper, lower in combinations(range(context.slices.n_voices), 2):
        moves = find_moves(context, upper, lower)
        yield from _consecutives(context, moves)
        unison = moves.similar & (moves.next_distance == 0) & (moves.distance % 12 != 0)
        for slot in np.flatnonzero(unison).tolist():
            yield _hit(context, "direct_unison", moves, slot)
    if context.slices.n_voices >= 2:
        yield from _outer(context)
        yield from _unequal_fifths(context)


def _consecutives(context: Context, moves: Moves) -> Iterator[Hit]:
    size, next_size = np.abs(moves.distance), np.abs(moves.next_distance)
    moving = ~moves.keeps_pitch_classes
    fifths = (size % 12 == FIFTH) & (next_size % 12 == FIFTH) & moving
    octaves = (size % 12 == OCTAVE) & (next_size % 12 == OCTAVE) & moving
    unisons = octaves & ((size == 0) | (next_size == 0))
    breaks = context.phrase[moves.after] != context.phrase[moves.before]
    # Voices that exchange their places are heard as lines of their own: hidden_parallels.
    uncrossed = moves.distance * moves.next_distance >= 0
    for rule, where in (
        ("parallel_fifths", fifths & moves.similar),
        ("parallel_octaves", octaves & ~unisons & moves.similar),
        ("parallel_unisons", unisons & moves.similar),
    ):
        for slot in np.flatnonzero(where).tolist():
            name = "phrase_break_parallels" if breaks[slot] else rule
            yield _hit(context, name, moves, slot)
    for rule, where in (
        ("contrary_fifths", fifths & moves.contrary & uncrossed & ~breaks),
        ("contrary_octaves", octaves & moves.contrary & uncrossed & ~breaks),
    ):
        for slot in np.flatnonzero(where).tolist():
            yield _hit(context, rule, moves, slot)


def _outer(context: Context) -> Iterator[Hit]:
    """Direct fifths and octaves of soprano and bass with a leap above."""
    moves = find_moves(context, 0, context.slices.n_voices - 1)
    same_phrase = context.phrase[moves.after] == context.phrase[moves.before]
    for rule, interval in (("direct_fifths", FIFTH), ("direct_octaves", OCTAVE)):
        if not context.wants(rule):
            continue
        leap = np.abs(moves.upper_step) >= context.params(rule)["min_leap"]
        into = (np.abs(moves.next_distance) % 12 == interval) & (
            np.abs(moves.distance) % 12 != interval
        )
        for slot in np.flatnonzero(moves.similar & leap & into & same_phrase).tolist():
            yield _hit(context, rule, moves, slot)


def _unequal_fifths(context: Context) -> Iterator[Hit]:
    """A diminished fifth above the bass that rises to a perfect one."""
    slices = context.slices
    bass = slices.n_voices - 1
    for upper in range(bass):
        moves = find_moves(context, upper, bass)
        spelled = fifths_between(
            slices.pitch[bass, moves.before],
            slices.spelling[bass, moves.before],
            slices.pitch[upper, moves.before],
            slices.spelling[upper, moves.before],
        )
        rising = (
            (moves.distance % 12 == TRITONE)
            & (moves.distance > 0)
            & (spelled == -6)
            & (moves.next_distance % 12 == FIFTH)
            & (moves.upper_step > 0)
            & (moves.lower_step > 0)
            & (context.phrase[moves.after] == context.phrase[moves.before])
        )
        for slot in np.flatnonzero(rising).tolist():
            yield _hit(context, "unequal_fifths", moves, slot)


def check_hidden_parallels(context: Context) -> Iterator[Hit]:
    """Parallels between the sounding pitches, sorted by height, that crossing voices hide."""
    slices = context.slices
    pitch = slices.pitch
    full = (pitch != REST).all(axis=0)
    order = np.argsort(-pitch, axis=0, kind="stable")
    identity = np.arange(slices.n_voices)[:, None]
    crossed = (order != identity).any(axis=0)
    for slot in np.flatnonzero(full[1:] & full[:-1] & (crossed[1:] | crossed[:-1])).tolist():
        then, now = pitch[order[:, slot], slot], pitch[order[:, slot + 1], slot + 1]
        steps = now - then
        if context.phrase[slot] != context.phrase[slot + 1]:
            continue
        for high, low in combinations(range(slices.n_voices), 2):
            interval = int(then[high] - then[low])
            next_interval = int(now[high] - now[low])
            same = interval % 12 in (FIFTH, OCTAVE) and next_interval % 12 == interval % 12
            if not same or steps[high] * steps[low] <= 0 or steps[high] % 12 == 0:
                continue
            pair = {int(order[high, slot]), int(order[low, slot])}
            next_pair = {int(order[high, slot + 1]), int(order[low, slot + 1])}
            if pair == next_pair and _moves_alike(pitch, pair, slot):
                continue  # two voices' own parallels, found above
            what = "fifths" if interval % 12 == FIFTH else "octaves"
            voices = tuple(sorted(pair | next_pair))
            yield Hit(
                "hidden_parallels",
                slot + 1,
                voices,
                f"heard as parallel {what}: {pitch_name(int(then[low]))}-"
                f"{pitch_name(int(then[high]))} to {pitch_name(int(now[low]))}-"
                f"{pitch_name(int(now[high]))}",
            )


def _moves_alike(pitch: NDArray[np.int64], pair: set[int], slot: int) -> bool:
    first, second = (int(pitch[row, slot + 1] - pitch[row, slot]) for row in sorted(pair))
    return first * second > 0


def check_beat_parallels(context: Context) -> Iterator[Hit]:
    """Perfect intervals on consecutive beats, with notes between them."""
    slices = context.slices
    beats = np.flatnonzero(slices.accent >= 1)
    if len(beats) < 2:
        return
    first, second = beats[:-1], beats[1:]
    close = (slices.tick[second] - slices.tick[first] <= 2 * slices.score.ticks_per_quarter) & (
        context.phrase[second] == context.phrase[first]
    )
    for upper, lower in combinations(range(slices.n_voices), 2):
        rows = slices.pitch[upper], slices.pitch[lower]
        sounds = close.copy()
        for row in rows:
            sounds &= (row[first] != REST) & (row[second] != REST)
        steps = [row[second] - row[first] for row in rows]
        size = np.abs(rows[0] - rows[1])
        alike = (steps[0] * steps[1] > 0) & (steps[0] % 12 != 0)
        same = (size[first] % 12 == size[second] % 12) & np.isin(size[first] % 12, (FIFTH, OCTAVE))
        notes = slices.note[upper], slices.note[lower]
        between = (notes[0][second] - notes[0][first] > 1) | (
            notes[1][second] - notes[1][first] > 1
        )
        # Parallels at the second beat itself are found as such.
        direct = np.zeros(len(slices), dtype=bool)
        moves = find_moves(context, upper, lower)
        size_before, size_after = np.abs(moves.distance) % 12, np.abs(moves.next_distance) % 12
        direct[moves.after[(size_before == size_after) & moves.similar]] = True
        for slot in np.flatnonzero(sounds & alike & same & between & ~direct[second]).tolist():
            start, stop = int(first[slot]), int(second[slot])
            what = "fifths" if size[start] % 12 == FIFTH else "octaves"
            yield Hit(
                "beat_parallels",
                stop,
                (upper, lower),
                f"{what} on two beats: {_pair(slices, upper, lower, start)} and "
                f"{_pair(slices, upper, lower, stop)}",
            )


def check_cross_relation(context: Context) -> Iterator[Hit]:
    """A tone and its alteration in two voices, one right after the other."""
    slices = context.slices
    letter = (slices.spelling + 1) % 7
    sharpness = (slices.spelling + 1) // 7
    sounds = slices.pitch != REST
    same_phrase = context.phrase[1:] == context.phrase[:-1]
    n_voices = slices.n_voices
    # chromatic[v]: the voice itself alters the letter it had, which takes the sting away.
    own = (
        sounds[:, 1:]
        & sounds[:, :-1]
        & (letter[:, 1:] == letter[:, :-1])
        & (sharpness[:, 1:] != sharpness[:, :-1])
    )
    for new in range(n_voices):
        for old in range(n_voices):
            if new == old:
                continue
            clash = (
                slices.attack[new, 1:]
                & sounds[old, :-1]
                & (letter[new, 1:] == letter[old, :-1])
                & (sharpness[new, 1:] != sharpness[old, :-1])
                & same_phrase
                & ~own[new]
                & ~own[old]
            )
            for slot in (np.flatnonzero(clash) + 1).tolist():
                now = pitch_name(int(slices.pitch[new, slot]), int(slices.spelling[new, slot]))
                then = pitch_name(
                    int(slices.pitch[old, slot - 1]), int(slices.spelling[old, slot - 1])
                )
                yield Hit("cross_relation", slot, (new, old), f"{now} after {then}")


def _hit(context: Context, rule: str, moves: Moves, slot: int) -> Hit:
    before, after = int(moves.before[slot]), int(moves.after[slot])
    pair = moves.upper, moves.lower
    text = f"{_pair(context.slices, *pair, before)} to {_pair(context.slices, *pair, after)}"
    return Hit(rule, after, pair, text)


def _pair(slices: Slices, upper: int, lower: int, slot: int) -> str:
    """Both notes, lower first: ``C3-G4``."""
    names = [
        pitch_name(int(slices.pitch[row, slot]), int(slices.spelling[row, slot]))
        for row in (lower, upper)
    ]
    return "-".join(names)
