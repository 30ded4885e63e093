"""Where the voices lie: range, spacing, crossing, overlap."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from hybrid.core.instruments import INSTRUMENTS
from hybrid.core.pitch import parse_pitch, pitch_name
from hybrid.theory.context import Context, Hit
from hybrid.theory.slices import REST
from hybrid.theory.voices import FOUR_VOICES


def voice_ranges(context: Context) -> list[tuple[int, int] | None]:
    """Lowest and highest pitch of each voice, None where none is known.

    A voice called soprano, alto, tenor or bass has the rule set's range. One that has the
    name of an instrument, with a number or a hand (``Violin 1``, ``piano left``), has the
    instrument's. Four voices of other names are taken for soprano, alto, tenor and bass.
    """
    params = context.params("range")
    names = [_part_name(name) for name in context.slices.names]
    if len(names) == 4 and not any(name in INSTRUMENTS for name in names):
        names = list(FOUR_VOICES)
    ranges: list[tuple[int, int] | None] = []
    for name in names:
        if name in params:
            lowest, highest = (parse_pitch(text)[0] for text in params[name])
            ranges.append((lowest, highest))
        elif name in INSTRUMENTS:
            ranges.append((INSTRUMENTS[name].lowest, INSTRUMENTS[name].highest))
        else:
            ranges.append(None)
    return ranges


def _part_name(name: str) -> str:
    """A voice's name in lower case, without its number or hand: ``Violin II/1``, ``piano left``."""
    words = re.sub(r"[^a-z ]+", " ", name.split("/")[0].lower()).split()
    while words and (len(words[-1]) == 1 or re.fullmatch(r"[iv]+", words[-1])):
        words.pop()
    whole = " ".join(words)
    if whole in INSTRUMENTS:
        return whole
    hands = [*words[:-1]] if words[-1:] in (["right"], ["left"]) else []
    if words[-2:] in (["right", "hand"], ["left", "hand"]):
        hands = words[:-2]
    found = " ".join(hands)
    return found if found in INSTRUMENTS else whole


def check_range(context: Context) -> Iterator[Hit]:
    """Notes outside their voice's range."""
    pitch, attack = context.slices.pitch, context.slices.attack
    for row, limits in enumerate(voice_ranges(context)):
        if limits is None:
            continue
        lowest, highest = limits
        outside = attack[row] & ((pitch[row] < lowest) | (pitch[row] > highest))
        for slot in np.flatnonzero(outside).tolist():
            found = pitch_name(int(pitch[row, slot]), int(context.slices.spelling[row, slot]))
            yield Hit(
                "range",
                slot,
                (row,),
                f"{found} lies outside {pitch_name(lowest)}..{pitch_name(highest)}",
            )


def check_spacing(context: Context) -> Iterator[Hit]:
    """Neighbours too far apart, where either of them begins a note."""
    pitch, attack = context.slices.pitch, context.slices.attack
    n_voices = context.slices.n_voices
    if n_voices < 3:
        return
    for upper in range(n_voices - 1):
        lower = upper + 1
        is_bass = lower == n_voices - 1
        rule = "spacing_bass" if is_bass else "spacing"
        if not context.wants(rule):
            continue
        limit = context.params(rule)["max_bass" if is_bass else "max_upper"]
        both = (pitch[upper] != REST) & (pitch[lower] != REST)
        wide = both & (pitch[upper] - pitch[lower] > limit) & (attack[upper] | attack[lower])
        for slot in np.flatnonzero(wide).tolist():
            distance = int(pitch[upper, slot] - pitch[lower, slot])
            yield Hit(rule, slot, (upper, lower), f"{distance} semitones apart, {limit} at most")


def check_crossing(context: Context) -> Iterator[Hit]:
    """Neighbours upside down, where either of them begins a note."""
    pitch, attack, spelling = (getattr(context.slices, n) for n in ("pitch", "attack", "spelling"))
    for upper in range(context.slices.n_voices - 1):
        lower = upper + 1
        both = (pitch[upper] != REST) & (pitch[lower] != REST)
        crossed = both & (pitch[upper] < pitch[lower]) & (attack[upper] | attack[lower])
        for slot in np.flatnonzero(crossed).tolist():
            above = pitch_name(int(pitch[upper, slot]), int(spelling[upper, slot]))
            below = pitch_name(int(pitch[lower, slot]), int(spelling[lower, slot]))
            yield Hit("crossing", slot, (upper, lower), f"{above} under {below}")


def check_overlap(context: Context) -> Iterator[Hit]:
    """A voice passes the note that its neighbour has just left; not across phrases."""
    pitch, attack, spelling = (getattr(context.slices, n) for n in ("pitch", "attack", "spelling"))
    same_phrase = context.phrase[1:] == context.phrase[:-1]
    for upper in range(context.slices.n_voices - 1):
        lower = upper + 1
        for mover, other, sign in ((lower, upper, 1), (upper, lower, -1)):
            before = pitch[other, :-1]
            passed = (
                (before != REST)
                & (pitch[mover, :-1] != REST)
                & attack[mover, 1:]
                & attack[other, 1:]
                & (sign * (pitch[mover, 1:] - before) > 0)
                & same_phrase
            )
            for slot in (np.flatnonzero(passed) + 1).tolist():
                now = pitch_name(int(pitch[mover, slot]), int(spelling[mover, slot]))
                then = pitch_name(int(before[slot - 1]), int(spelling[other, slot - 1]))
                where = "above" if sign > 0 else "below"
                yield Hit("overlap", slot, (mover, other), f"{now} moves {where} {then} just left")
