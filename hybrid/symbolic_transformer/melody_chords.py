"""Chords under a melody: one Viterbi path through the chord tables of the grammar.

A state is a chord of the project's tables (`hybrid.grammar.chords`) in one of six closely related
keys, and a slot is a beat. A path is worth how well each chord fits the notes over it, how often
the tables let it follow the one before, how readily chords change at that place of the bar, and,
where a phrase ends, how usual the cadence is. Keys change at chords that both have, or between
phrases.

A simplified reading: one line leaves its harmony open, and the path takes the likeliest one.

References
----------
Allan, M., & Williams, C. K. I. (2005). Harmonising chorales by probabilistic inference. Advances
    in Neural Information Processing Systems 17. (A hidden Markov model over chords under a
    chorale's tune; there learned from chorales, here from the grammar's tables.)
Rabiner, L. R. (1989). A tutorial on hidden Markov models. Proceedings of the IEEE, 77(2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import ChordSpan
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.score import Score
from hybrid.grammar.chords import chord_table, pivot_weights
from hybrid.grammar.chords_habits import ENDINGS, OPENERS, OPENINGS, in_mode, is_chromatic
from hybrid.grammar.chords_rhythm import beats

Floats = NDArray[np.float64]
NEVER = -1e9
#: How usual each cadence is at a phrase's end, and at the piece's.
CLOSES = {"PAC": 1.0, "IAC": 0.5, "HC": 0.6, "PC": 0.05, "DC": 0.02}
FINAL = {"PAC": 1.0, "IAC": 0.3, "PC": 0.02}
#: Nats for a note outside its chord: begun or held on the beat, and off it, by step and by leap.
STRUCK, HELD, PASSING, LEAPING = -5.0, -3.0, -0.4, -2.5
#: Nats for a chord's seventh in the melody.
SEVENTH = -1.2
#: Chance that a chord stays, by the strength of the beat that begins (0..3), where chords change
#: by the beat and where they change by the bar.
STAYS = {"beat": (0.6, 0.4, 0.25, 0.15), "bar": (0.95, 0.9, 0.6, 0.1)}
#: The same where the melody holds its note or rests.
STAYS_UNDER_HELD = 0.5
#: Weight of another key, at a chord that both have and between phrases, and of a chromatic chord.
MODULATION, NEW_KEY, CHROMATIC = 0.005, 0.4, 0.3
#: Weight of keys other than the home key's own for a piece's first and last chord.
FOREIGN = 1e-3


@dataclass(frozen=True)
class _Slot:
    """A beat: ticks, strength 0..3, and the melody in it.

    ``notes`` has for each note (pitch class, share of the slot, what it costs outside the chord).
    """

    start: int
    end: int
    strength: int
    notes: tuple[tuple[int, float, float], ...]
    is_new: bool


@dataclass(frozen=True, eq=False)
class _States:
    """Chords in keys, S of them, with their tones (S, 12), sevenths (S, 12) and transitions."""

    names: tuple[tuple[str, Key], ...]
    tones: NDArray[np.bool_]
    sevenths: NDArray[np.bool_]
    follow: Floats


def melody_chords(
    score: Score, ends: Sequence[int], key: Key | None = None, pace: str = "beat"
) -> list[ChordSpan]:
    """Chords for a melody.

    Parameters
    ----------
    score : Score
        With one pitched track of single notes.
    ends : sequence of int
        Ticks at which phrases end; the piece's end counts as one.
    key : Key, optional
        Home key; the signature's, or its relative, where left out.
    pace : str
        ``beat`` or ``bar``: how fast chords change.

    Returns
    -------
    list of ChordSpan
        Contiguous from bar 1 to the end; empty where no bar is full.

    Examples
    --------
    >>> from hybrid.core.score import Score, Track, make_notes
    >>> tune = [(480 * n, 480, pitch) for n, pitch in enumerate((72, 74, 76, 77, 76, 74))]
    >>> score = Score((Track("tune", make_notes([*tune, (2880, 960, 72)])),))
    >>> [chord.numeral for chord in melody_chords(score, (), Key.parse("C"))][-2:]
    ['V7', 'I']
    """
    slots = _slots(score)
    if not slots:
        return []
    homes = _homes(score, key)
    states = _states(_near(homes))
    n, size = len(slots), len(states.names)
    fit = np.stack([_fit(slot, states) for slot in slots])
    last = score.length
    closing, opening = _ends(score, slots, [*(e for e in ends if 0 < e < last), last])
    home = np.array([np.log(1.0 if k in homes else FOREIGN) for _, k in states.names])
    value = fit[0] + home + _spread(states, OPENINGS["tonic"], 0.05)
    back = np.zeros((n, size), np.int64)
    closes, final = (_cadence(states, kinds) for kinds in (CLOSES, FINAL))
    final = final + home
    fresh = _fresh(states)
    for at in range(1, n):
        slot = slots[at]
        if at in closing:
            step = final if closing[at] else closes
        elif _is_over(at, closing, opening):
            step = np.where(np.eye(size, dtype=bool), 0.0, NEVER)
        elif at in opening:
            step = fresh
        else:
            stay = STAYS[pace][slot.strength] if slot.is_new else STAYS_UNDER_HELD
            step = states.follow + np.log1p(-stay)
            step = np.maximum(step, np.where(np.eye(size, dtype=bool), np.log(stay), NEVER))
        total = value[:, None] + step
        back[at] = total.argmax(0)
        value = total.max(0) + fit[at]
    path = [int(value.argmax())]
    for at in range(n - 1, 0, -1):
        path.append(int(back[at, path[-1]]))
    return _named([states.names[state] for state in reversed(path)], slots)


def _homes(score: Score, key: Key | None) -> tuple[Key, ...]:
    """What may be the home key: what is asked for or written; a signature's two where it has no
    mode of its own, as a melody's first and last bars decide.
    """
    if key is not None:
        return (key,)
    written = score.key_at(0)
    if written is None:
        from hybrid.theory.keys import find_keys

        spans = find_keys(score, change=1e-6)
        return (spans[-1].key,)
    if written.mode in ("major", "minor"):
        return (written,)
    return (Key.from_fifths(written.fifths), Key.from_fifths(written.fifths, "minor"))


def _near(homes: Sequence[Key]) -> tuple[Key, ...]:
    """The home keys and those a fifth or a mode away."""
    fifths = homes[0].fifths
    found = [*homes]
    for step in (0, 1, -1):
        for mode in ("major", "minor"):
            if -7 <= fifths + step <= 7:
                found.append(Key.from_fifths(fifths + step, mode))
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=16)
def _states(keys: tuple[Key, ...]) -> _States:
    tables = [chord_table("common", key) for key in keys]
    starts = np.cumsum([0, *(len(table.numerals) for table in tables)])
    names = tuple((n, key) for key, table in zip(keys, tables, strict=True) for n in table.numerals)
    follow = np.zeros((len(names), len(names)))
    for i, table in enumerate(tables):
        here = slice(starts[i], starts[i + 1])
        major = table.tonic == "I"
        plain = np.array([CHROMATIC if is_chromatic(n, major) else 1.0 for n in table.numerals])
        follow[here, here] = table.weights * plain
        for j, _ in enumerate(tables):
            if i != j:
                there = slice(starts[j], starts[j + 1])
                follow[here, there] = MODULATION * pivot_weights("common", keys[i], keys[j])
    tones = np.zeros((len(names), 12), dtype=bool)
    sevenths = np.zeros((len(names), 12), dtype=bool)
    for row, (numeral, key) in enumerate(names):
        roman = RomanNumeral.parse(numeral)
        tones[row, [pitch_class(tone) for tone in roman.tones(key)]] = True
        seventh = roman.seventh_tone(key)
        if seventh is not None:
            sevenths[row, pitch_class(seventh)] = True
    return _States(names, tones, sevenths, _log(follow))


def _log(weights: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.maximum(np.log(weights), NEVER))


def _spread(states: _States, wanted: dict[str, float], default: float = 0.0) -> Floats:
    """Logarithms of weights by numeral, in every key."""
    keys = list(dict.fromkeys(key for _, key in states.names))
    parts = [in_mode(chord_table("common", key), wanted, default) for key in keys]
    return _log(np.concatenate(parts))


def _same_key(states: _States) -> NDArray[np.bool_]:
    keys = list(dict.fromkeys(key for _, key in states.names))
    place = np.array([keys.index(key) for _, key in states.names])
    return np.asarray(place[:, None] == place)


def _cadence(states: _States, kinds: dict[str, float]) -> Floats:
    """What a step into a phrase's last chord is worth."""
    best = np.full((len(states.names), len(states.names)), NEVER)
    same = np.where(_same_key(states), 0.0, NEVER)
    for kind, weight in kinds.items():
        ending = ENDINGS[kind]
        into = _spread(states, ending[0])[None, :]
        if len(ending) > 1:
            value = _spread(states, ending[1])[:, None] + into + same
        else:
            value = np.where(same < 0, NEVER, states.follow) + into
        best = np.maximum(best, value + np.log(weight))
    return best


def _fresh(states: _States) -> Floats:
    """What a step over the boundary of two phrases is worth."""
    openers = _spread(states, OPENERS) - np.log(sum(OPENERS.values()))
    other = np.where(_same_key(states), 0.0, np.log(NEW_KEY)) + openers
    best: Floats = np.maximum(states.follow, other)
    return best


def _slots(score: Score) -> list[_Slot]:
    """Beats from bar 1 on, with what the melody has there."""
    notes = next(t.notes for t in score.tracks if not t.is_drum and len(t.notes))
    quarter = score.ticks_per_quarter
    found = []
    for bar in score.bars:
        if bar.is_pickup:
            continue
        places = [(bar.start + round(place * quarter), s) for place, s in beats(bar.metre)]
        places = [item for item in places if item[0] < bar.end]
        stops = [*(tick for tick, _ in places[1:]), bar.end]
        for (start, strength), end in zip(places, stops, strict=True):
            heard, is_new = _heard(notes, start, end)
            found.append(_Slot(start, end, strength, heard, is_new))
    return found


def _heard(notes: NDArray[Any], start: int, end: int) -> tuple[tuple[Any, ...], bool]:
    """Notes in a span of time, and whether one begins with it."""
    onset = notes["onset"]
    stop = onset + notes["duration"]
    made = []
    for at in np.flatnonzero((onset < end) & (stop > start)).tolist():
        share = float(min(stop[at], end) - max(onset[at], start)) / (end - start)
        pitch = int(notes["pitch"][at])
        if onset[at] <= start:
            cost = STRUCK if onset[at] == start else HELD
        else:
            steps = [
                abs(pitch - int(notes["pitch"][other]))
                for other in (at - 1, at + 1)
                if 0 <= other < len(notes)
            ]
            cost = PASSING if max(steps, default=12) <= 2 else LEAPING * share
        made.append((pitch % 12, share, cost))
    return tuple(made), bool((onset == start).any())


def _fit(slot: _Slot, states: _States) -> Floats:
    value = np.zeros(len(states.names))
    for pitch, share, cost in slot.notes:
        value += np.where(states.tones[:, pitch], 0.0, cost)
        value += SEVENTH * share * states.sevenths[:, pitch]
    return value


def _ends(
    score: Score, slots: Sequence[_Slot], ends: Sequence[int]
) -> tuple[dict[int, bool], set[int]]:
    """Slots at which phrases' last chords begin, with whether it is the piece's; and slots at
    which new phrases do.

    The last chord comes with the phrase's last note, on the beat.
    """
    notes = next(t.notes for t in score.tracks if not t.is_drum and len(t.notes))
    starts = np.array([slot.start for slot in slots])
    closing: dict[int, bool] = {}
    opening: set[int] = set()
    before = 0
    for end in sorted(set(ends)):
        inside = notes["onset"][notes["onset"] < end]
        if not len(inside):
            continue
        at = int(np.searchsorted(starts, inside[-1], side="right")) - 1
        # The chord before it needs a place in the same phrase.
        if at > before:
            closing[at] = end == max(ends)
        following = int(np.searchsorted(starts, end))
        if following < len(slots):
            opening.add(following)
        before = following
    return closing, opening


def _is_over(at: int, closing: dict[int, bool], opening: set[int]) -> bool:
    """Whether a slot lies under a phrase's last note, after the last chord has begun."""
    ended = max((slot for slot in closing if slot < at), default=-1)
    return ended >= 0 and not any(ended < slot <= at for slot in opening)


def _named(path: Sequence[tuple[str, Key]], slots: Sequence[_Slot]) -> list[ChordSpan]:
    made: list[ChordSpan] = []
    for number, ((numeral, key), slot) in enumerate(zip(path, slots, strict=True)):
        if number and path[number - 1] == (numeral, key):
            made[-1] = _span(made[-1].onset, slot.end, numeral, key)
        else:
            made.append(_span(slot.start, slot.end, numeral, key))
    return made


def _span(onset: int, end: int, numeral: str, key: Key) -> ChordSpan:
    roman = RomanNumeral.parse(numeral)
    return ChordSpan(
        onset=onset,
        end=end,
        numeral=numeral,
        key=key,
        degree=roman.degree,
        quality=roman.quality(key),
        inversion=roman.inversion,
        root=roman.root(key),
    )


__all__ = ["melody_chords"]
