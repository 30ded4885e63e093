"""A chain of chords behind the notes: bigrams from chord tables, Viterbi, Baum-Welch.

The chain knows no key. A move is the kind of the chord, the interval to the next root and the kind
of the next chord, so that all twelve transpositions share their chances. What a chord gives out is
set by its template and never learned: a state stays the chord that it is called.

References
----------
Raphael, C., & Stoddard, J. (2004). Functional harmonic analysis using probabilistic models.
Computer Music Journal 28(3), 45-52.
Sheh, A., & Ellis, D. P. W. (2003). Chord segmentation and recognition using EM-trained hidden
Markov models. Proc. ISMIR.
Rabiner, L. R. (1989). A tutorial on hidden Markov models. Proc. IEEE 77(2), 257-286.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hybrid.history.chord_templates import (
    MASKS,
    N_CHORDS,
    N_QUALITIES,
    QUALITIES,
    Beats,
    template_sums,
)

Array = NDArray[np.float64]
#: Share of the notes that a chord's own tones get; the other pitch classes have the rest.
TONES_SHARE = 0.92
#: Chance that root, third, fifth or seventh is in the bass, and any other tone, before scaling.
IN_BASS = (0.55, 0.25, 0.12, 0.08)
STRAY_BASS = 0.02
#: Share of the bigrams that every move gets, so that none is impossible.
ANY_MOVE = 0.02


def log_seen(beats: Beats, evidence: float) -> Array:
    """Log chance of what each beat sounds under each chord, up to a constant.

    Every quarter of a note counts as ``evidence`` draws from the chord's pitch classes; the bass is
    drawn once more, root first. Silence says nothing.

    Parameters
    ----------
    beats : Beats
    evidence : float
        0 or more.

    Returns
    -------
    np.ndarray, shape (T, `N_CHORDS`), float64
    """
    size = MASKS.sum(axis=1, keepdims=True)
    notes = np.log(np.where(MASKS > 0, TONES_SHARE / size, (1 - TONES_SHARE) / (12 - size)))
    low = np.full((12, N_QUALITIES, 12), STRAY_BASS)
    for root in range(12):
        for place, quality in enumerate(QUALITIES):
            for tone, chance in zip(quality.tones, IN_BASS, strict=False):
                low[root, place, (root + tone) % 12] = chance
    low /= low.sum(axis=2, keepdims=True)
    log_low = np.log(low).reshape(N_CHORDS, 12)
    seen: Array = evidence * beats.quarters @ notes.T
    for row, bass in enumerate(beats.bass):
        if bass >= 0:
            seen[row] += log_low[:, bass]
    return seen


def wide(move: Array) -> Array:
    """Chance of each chord (column) after each (row), shape (`N_CHORDS`, `N_CHORDS`).

    Parameters
    ----------
    move : np.ndarray, shape (Q, 12, Q), float64
        Of the interval to the next root and the next kind, after a kind.
    """
    steps = (np.arange(12)[None, :] - np.arange(12)[:, None]) % 12
    # (Q, 12, 12, Q) -> (12, Q, 12, Q)
    result: Array = move[:, steps].transpose(1, 0, 2, 3)
    return result.reshape(N_CHORDS, N_CHORDS)


@lru_cache(maxsize=4)
def table_bigrams() -> Array:
    """Moves by the grammar's tables of major and minor, without keys, shape (Q, 12, Q).

    Each numeral becomes the chord that its tones spell by template; each move counts as often as
    a long walk through its table makes it. Both modes count alike.
    """
    from hybrid.core.numerals import RomanNumeral
    from hybrid.core.pitch import Key, pitch_class
    from hybrid.grammar.chords import load_table

    counts = np.zeros((N_QUALITIES, 12, N_QUALITIES))
    for mode in ("major", "minor"):
        table, key = load_table(mode), Key(0, mode)
        chords = []
        for numeral in table.numerals:
            roman = RomanNumeral.parse(numeral)
            tones = np.zeros(12)
            tones[[pitch_class(tone) for tone in roman.tones(key)]] = 1.0
            chords.append(template_sums(tones, pitch_class(roman.root(key)))[0].chord)
        # A walk that ends begins again on the tonic.
        walk = table.weights.copy()
        walk[:, 0] += 1.0 - walk.sum(axis=1)
        often = np.full(len(walk), 1 / len(walk))
        for _ in range(500):
            often = 0.5 * often + 0.5 * often @ walk
        for one, (root, kind) in enumerate(divmod(chord, N_QUALITIES) for chord in chords):
            for other, (next_root, next_kind) in enumerate(
                divmod(chord, N_QUALITIES) for chord in chords
            ):
                counts[kind, (next_root - root) % 12, next_kind] += often[one] * walk[one, other]
    counts += 1e-9
    bigrams: Array = counts / counts.sum(axis=(1, 2), keepdims=True)
    bigrams.flags.writeable = False
    return bigrams


def first_moves(hold: float) -> Array:
    """The bigrams before any chorale is heard, shape (Q, 12, Q).

    Parameters
    ----------
    hold : float
        0..1: chance that a chord stays for another beat, whatever the tables say.
    """
    move: Array = (1 - ANY_MOVE) * table_bigrams() + ANY_MOVE / (12 * N_QUALITIES)
    move = (1 - hold) * move
    for kind in range(N_QUALITIES):
        move[kind, 0, kind] += hold
    return move


@dataclass(frozen=True, eq=False)
class Trellis:
    """What Viterbi's algorithm knows.

    Attributes
    ----------
    best : np.ndarray, shape (T, S), float64
        Log chance of the best path that ends in each state at each time.
    back : np.ndarray, shape (T, S), int64
        The state before, on that path; row 0 is not used.
    """

    best: Array
    back: NDArray[np.int64]

    def path(self, until: int | None = None) -> list[int]:
        """The best path to the best state at a time; by default the last: the answer."""
        last = len(self.best) - 1 if until is None else until
        path = [int(self.best[last].argmax())]
        for row in range(last, 0, -1):
            path.append(int(self.back[row, path[-1]]))
        return path[::-1]


def viterbi(log_seen: Array, move: Array) -> Trellis:
    """Fill the trellis; every state is as likely at the start.

    Parameters
    ----------
    log_seen : np.ndarray, shape (T, S), float64
        Log chance of what is seen at each time in each state.
    move : np.ndarray, shape (S, S), float64
    """
    with np.errstate(divide="ignore"):
        log_move = np.log(move)
    best = np.zeros_like(log_seen)
    back = np.zeros(log_seen.shape, dtype=np.int64)
    best[0] = log_seen[0] - np.log(log_seen.shape[1])
    for row in range(1, len(log_seen)):
        ways = best[row - 1][:, None] + log_move
        back[row] = ways.argmax(axis=0)
        best[row] = ways.max(axis=0) + log_seen[row]
    return Trellis(best, back)


def expect(move: Array, songs: Sequence[Array]) -> tuple[list[Array], Array, float]:
    """Chances of chords and moves given all notes: the E-step, all songs at once.

    Parameters
    ----------
    move : np.ndarray, shape (S, S), float64
    songs : sequence of np.ndarray, each of shape (T, S)
        Log chances as `log_seen` gives them.

    Returns
    -------
    (shares, moves, log)
        ``shares`` (T, S) of each song are the chances of each state at each beat; ``moves`` (S, S)
        how often each move is expected; ``log`` the log likelihood of all songs.
    """
    n_states, longest = len(move), max(len(song) for song in songs)
    padded = np.zeros((len(songs), longest, n_states))
    for row, song in enumerate(songs):
        padded[row, : len(song)] = song
    lengths = np.array([len(song) for song in songs])
    # Past its end a song sees nothing: every state likes that alike, and no sum changes.
    highest = padded.max(axis=2, keepdims=True)
    seen = np.exp(padded - highest)
    ahead, scale = np.zeros_like(seen), np.zeros(seen.shape[:2])
    for beat in range(longest):
        found = seen[:, beat] * (ahead[:, beat - 1] @ move if beat else 1 / n_states)
        scale[:, beat] = found.sum(axis=1)
        ahead[:, beat] = found / scale[:, beat, None]
    behind, moves = np.ones_like(seen), np.zeros_like(move)
    for beat in range(longest - 2, -1, -1):
        after = seen[:, beat + 1] * behind[:, beat + 1] / scale[:, beat + 1, None]
        behind[:, beat] = after @ move.T
        goes_on = lengths > beat + 1
        moves += ahead[goes_on, beat].T @ after[goes_on]
    shares = [
        ahead[row, :length] * behind[row, :length] for row, length in enumerate(lengths.tolist())
    ]
    return shares, moves * move, float(np.log(scale).sum() + highest.sum())


def fit_moves(move: Array, songs: Sequence[Array], rounds: int) -> tuple[Array, list[float]]:
    """Baum-Welch for the moves alone; log likelihoods before each round and at the end.

    Parameters
    ----------
    move : np.ndarray, shape (Q, 12, Q), float64
        Where to begin.
    songs : sequence of np.ndarray, each of shape (T, `N_CHORDS`)
        Log chances as `log_seen` gives them.
    rounds : int
        0 or more.
    """
    curve = []
    for _ in range(rounds):
        _, moves, log = expect(wide(move), songs)
        curve.append(log)
        roots = moves.reshape(12, N_QUALITIES, 12, N_QUALITIES)
        # Roots of the next chord become intervals from this one, and all transpositions add up.
        counts = sum(np.roll(roots[root], -root, axis=1) for root in range(12))
        move = counts / np.sum(counts, axis=(1, 2), keepdims=True)
    curve.append(expect(wide(move), songs)[2])
    return move, curve
