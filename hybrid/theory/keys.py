"""Local keys read from notes: Temperley's Bayesian model over segments of a quarter.

Each segment shows which pitch classes are present. A key makes each of them present with
the probability of its scale degree; a key holds on with probability ``1 - CHANGE``. The
Viterbi path through 24 keys is the reading. The key signature, where the score has one,
weighs in once per segment.

References
----------
Temperley, D. (2007). Music and Probability. MIT Press, ch. 6. The profiles, from the
Kostka-Payne corpus, are those printed there.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import KeySpan
from hybrid.core.pitch import COMMON_SPELLINGS, NO_SPELLING, Key
from hybrid.core.score import Score
from hybrid.theory.slices import REST, Slices, slice_score

#: Probability that a segment has the scale degree 0..11 semitones above the tonic.
MAJOR_PROFILE = (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400)
MINOR_PROFILE = (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330)
CHANGE = 0.05  # probability of another key in the next segment
SIGNATURE_WEIGHT = 0.15  # nats for each step between a key's signature and the written one
SEGMENT_QUARTERS = 1.0

_KEYS = [(tonic, mode) for mode in ("major", "minor") for tonic in range(12)]


def _log_profiles() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows = np.array([np.roll(MAJOR_PROFILE, t) for t in range(12)])
    minor = np.array([np.roll(MINOR_PROFILE, t) for t in range(12)])
    present = np.vstack([rows, minor])
    return np.log(present), np.log1p(-present)


_PRESENT, _ABSENT = _log_profiles()  # each (24, 12)


def find_keys(
    score: Score, slices: Slices | None = None, change: float = CHANGE
) -> tuple[KeySpan, ...]:
    """Local keys of a score, from its notes and its key signature.

    Parameters
    ----------
    score : Score
    slices : Slices, optional
        The score's slices, where they are at hand.
    change : float
        Probability, 0..1, of another key in the next segment: smaller gives longer keys.

    Returns
    -------
    tuple of KeySpan
        Contiguous from the first note to the piece's end; empty without notes.

    Notes
    -----
    The tonic's spelling is the one with the fewest accidentals away from the key
    signature, or from C where there is none.
    """
    slices = slice_score(score) if slices is None else slices
    if not len(slices):
        return ()
    starts, present = _segments(slices)
    # log P(present pitch classes | key), (segments, 24).
    emission = present @ _PRESENT.T + (1.0 - present) @ _ABSENT.T
    emission[present.sum(axis=1) == 0] = 0.0
    emission += _signature_prior(score, starts)
    path = _viterbi(emission, np.log(change / 23.0), np.log1p(-change))
    ends = np.append(starts[1:], slices.end[-1])
    seen = _written_spellings(slices)
    keys: dict[tuple[int, Key | None], Key] = {}
    spans: list[KeySpan] = []
    for start, end, state in zip(starts.tolist(), ends.tolist(), path.tolist(), strict=True):
        case = state, score.key_at(start)
        if case not in keys:
            tonic, mode = _KEYS[state]
            keys[case] = _spelled_key(tonic, mode, case[1], seen)
        key = keys[case]
        if spans and spans[-1].key == key:
            spans[-1] = KeySpan(spans[-1].onset, end, key)
        else:
            spans.append(KeySpan(start, end, key))
    return tuple(spans)


def _segments(slices: Slices) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Starts of quarter segments and the pitch classes each has: (n,), (n, 12)."""
    length = round(SEGMENT_QUARTERS * slices.score.ticks_per_quarter)
    number = (slices.tick - slices.score.pickup_ticks) // length
    values, first = np.unique(number, return_index=True)
    segment = np.searchsorted(values, number)
    present = np.zeros((len(values), 12))
    for row in range(slices.n_voices):
        sounds = slices.pitch[row] != REST
        present[segment[sounds], slices.pitch[row, sounds] % 12] = 1.0
    return slices.tick[first], present


def _signature_prior(score: Score, starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Minus `SIGNATURE_WEIGHT` for each step on the line of fifths; (segments, 24)."""
    prior = np.zeros((len(starts), len(_KEYS)))
    fifths = np.array([_signature(tonic, mode) for tonic, mode in _KEYS])
    for segment, tick in enumerate(starts.tolist()):
        key = score.key_at(tick)
        if key is not None:
            steps = np.abs((fifths - key.fifths + 6) % 12 - 6)
            prior[segment] = -SIGNATURE_WEIGHT * np.minimum(steps, 3)
    return prior


def _signature(tonic: int, mode: str) -> int:
    return Key(COMMON_SPELLINGS[tonic], mode).fifths


def _written_spellings(slices: Slices) -> set[int] | None:
    """Tonal pitch classes that the notes name, None where the source names none."""
    written = np.concatenate([voice.notes["spelling"] for voice in slices.voices])
    known = written[written != NO_SPELLING]
    return set(np.unique(known).tolist()) if len(known) else None


def _spelled_key(tonic: int, mode: str, signature: Key | None, seen: set[int] | None) -> Key:
    """The key of a tonic's pitch class: with a tonic that is written, near the signature."""
    spellings = [s for s in range(-9, 13) if 7 * s % 12 == tonic]
    options = [Key(s, mode) for s in spellings if -9 <= Key(s, mode).fifths <= 9]
    centre = 0 if signature is None else signature.fifths

    def distance(key: Key) -> tuple[bool, int]:
        return seen is not None and key.tonic not in seen, abs(key.fifths - centre)

    return min(options, key=distance)


def _viterbi(emission: NDArray[np.float64], change: float, stay: float) -> NDArray[np.int64]:
    """Best path where every change costs the same; (n,)."""
    n_steps, n_states = emission.shape
    score = emission[0].copy()
    back = np.zeros((n_steps, n_states), dtype=np.int64)
    for step in range(1, n_steps):
        best = int(np.argmax(score))
        moved = score[best] + change
        stays = score + stay
        change_here = moved > stays
        back[step] = np.where(change_here, best, np.arange(n_states))
        score = np.where(change_here, moved, stays) + emission[step]
    path = np.zeros(n_steps, dtype=np.int64)
    path[-1] = int(np.argmax(score))
    for step in range(n_steps - 1, 0, -1):
        path[step - 1] = back[step, path[step]]
    return path


def key_at(spans: tuple[KeySpan, ...], tick: int) -> Key | None:
    """The key that holds at a tick; the first one before it starts, None without keys."""
    if not spans:
        return None
    return spans[max(0, bisect_right(spans, tick, key=lambda span: span.onset) - 1)].key
