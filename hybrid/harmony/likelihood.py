"""How likely the analyser finds chords that somebody else names: a plan, or an analysis.

The network gives a probability to every key and chord of a frame. What is compared here is only
what sounds: the triad and the bass. Chords of different keys, and a triad with and without its
seventh, add up where these are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import ChordSpan
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.score import Score
from hybrid.harmony.analyse import Analyser
from hybrid.harmony.annotations import score_arrays, with_spelling
from hybrid.harmony.corpus import TICKS_PER_QUARTER
from hybrid.harmony.features import FRAME_TICKS, piece_arrays
from hybrid.harmony.frame_scores import network_scores
from hybrid.harmony.labels import Chord

#: States read for each frame; what lies beyond counts as `FLOOR`.
N_KEYS, N_CHORDS = 24, 32
#: Least probability of a chord, so that one frame cannot decide alone.
FLOOR = 1e-6


class SoundLikelihood:
    """Probabilities of what sounds in each frame of a score.

    Attributes
    ----------
    code : np.ndarray, shape (T, K), int64
        Triad and bass of each state, as `sound_code` gives them.
    probability : np.ndarray, shape (T, K), float64
    key_probability : np.ndarray, shape (T, 24), float64
        By pitch class of the tonic, times 2 plus mode (0 major, 1 minor).
    scores : FrameScores
        What the network says, all `N_KEYS` by `N_CHORDS` states.
    """

    def __init__(self, analyser: Analyser, score: Score) -> None:
        notes, bars = score_arrays(score)
        arrays = piece_arrays(with_spelling(notes), bars, with_spelling(notes)["spelling"])
        scores = network_scores(analyser.models, arrays, n_keys=N_KEYS, n_chords=N_CHORDS)
        self.scores = scores
        rows = np.arange(len(scores.key))[:, None]
        tonic = (7 * scores.tonics[rows, scores.key // 2]) % 12
        tables = _sound_tables(analyser.models[0].vocabulary.chords)
        self.code = tables[scores.chord, tonic]
        self.probability = np.exp(scores.log_probability)
        self.key_probability = np.zeros((len(scores.key), 24))
        columns = np.arange(24)[None, :]
        place = 2 * ((7 * scores.tonics[rows, columns // 2]) % 12) + columns % 2
        np.put_along_axis(self.key_probability, place, np.exp(scores.key_log_probability), axis=1)
        self._frame = Fraction(FRAME_TICKS * score.ticks_per_quarter, TICKS_PER_QUARTER)

    def frames(self, onset: int, end: int) -> slice:
        """Frames of a span in the score's ticks, at least one."""
        first = min(int(onset // self._frame), len(self.code) - 1)
        return slice(first, max(first + 1, min(-int(-end // self._frame), len(self.code))))

    def of_chord(self, span: ChordSpan) -> float:
        """Mean log probability, in nats, that a span's triad and bass sound."""
        return float(np.log(self._chances(span)).mean())

    def best_frame(self, span: ChordSpan) -> float:
        """The same in the frame where it is likeliest: a chord needs to be heard once."""
        return float(np.log(self._chances(span)).max())

    def of_key(self, onset: int, end: int, key: Key) -> float:
        """Mean log probability of a key over a span; modes count as major or minor."""
        place = 2 * pitch_class(key.tonic) + int(key.is_minor)
        heard = self.key_probability[self.frames(onset, end), place]
        return float(np.log(np.maximum(heard, FLOOR)).mean())

    def _chances(self, span: ChordSpan) -> NDArray[np.float64]:
        frames = self.frames(span.onset, span.end)
        same = self.code[frames] == code_of(span.numeral, span.key)
        chances: NDArray[np.float64] = np.maximum(
            (self.probability[frames] * same).sum(axis=1), FLOOR
        )
        return chances


def sound_code(classes: Sequence[int], bass: int) -> int:
    """One number for a triad's pitch classes and a bass."""
    mask = 0
    for value in classes:
        mask |= 1 << (value % 12)
    return 12 * mask + bass % 12


@lru_cache(maxsize=4096)
def code_of(text: str, key: Key) -> int:
    """`sound_code` of a planned chord."""
    numeral = RomanNumeral.parse(text)
    tones = [pitch_class(tone) for tone in numeral.tones(key)]
    return sound_code(tones[:3], pitch_class(numeral.bass(key)))


@lru_cache(maxsize=4)
def _sound_tables(chords: tuple[Chord, ...]) -> NDArray[np.int64]:
    """`sound_code` of each chord of the vocabulary on each tonic; (V, 12)."""
    rows = []
    for chord in chords:
        tones = [7 * tone for tone in chord.tones]
        bass = 7 * chord.bass
        rows.append(
            [sound_code([tone + tonic for tone in tones[:3]], bass + tonic) for tonic in range(12)]
        )
    return np.array(rows, dtype=np.int64)


def chord_likelihoods(
    analyser: Analyser, score: Score, spans: Sequence[ChordSpan]
) -> NDArray[np.float64]:
    """Mean log probability, in nats, of each span's triad and bass; shape (len(spans),).

    Raises
    ------
    ScoreError
        If there are no pitched notes.
    """
    heard = SoundLikelihood(analyser, score)
    return np.array([heard.of_chord(span) for span in spans])
