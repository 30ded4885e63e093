"""A score in, an Analysis out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import Analysis, ChordSpan, KeySpan
from hybrid.core.errors import ScoreError
from hybrid.core.score import Score
from hybrid.harmony.annotations import score_arrays, with_spelling
from hybrid.harmony.corpus import TICKS_PER_QUARTER
from hybrid.harmony.decode import DecodeConfig, FrameScores, decode, path_spans
from hybrid.harmony.examples import scale_rows
from hybrid.harmony.features import FRAME_TICKS, piece_arrays
from hybrid.harmony.frame_scores import N_CHORDS, N_KEYS, network_scores
from hybrid.harmony.inference import HarmonyNetwork
from hybrid.harmony.key_network import KeyNetwork
from hybrid.harmony.labels import QUALITIES, Chord, key_of

#: Tones of augmented sixths above the flat sixth degree: that, tonic, third or second, fourth.
_SIXTH_ORDER = (0, 4, 1, 6, 10)


@dataclass(frozen=True, eq=False)
class Analyser:
    """Trained models and how their scores become one reading.

    Attributes
    ----------
    models : tuple of HarmonyNetwork
        With one vocabulary; their probabilities are averaged.
    decoding : DecodeConfig
    keys : KeyNetwork, optional
        Hears only keys, in pieces of ``decoding.keys_from`` frames and more.
    """

    models: tuple[HarmonyNetwork, ...]
    decoding: DecodeConfig = field(default_factory=DecodeConfig)
    keys: KeyNetwork | None = None

    @classmethod
    def load(
        cls,
        paths: Sequence[str | Path],
        decoding: DecodeConfig | None = None,
        keys: str | Path | None = None,
    ) -> Analyser:
        """Read weights of networks, and of one that hears keys only.

        Formats: `hybrid.harmony.weights` and, for ``keys``, `hybrid.harmony.key_network`.

        Raises
        ------
        FormatError
            If a file is missing or is none of ours.
        """
        networks = tuple(HarmonyNetwork.load(path) for path in paths)
        hears = None if keys is None else KeyNetwork.load(keys)
        return cls(networks, decoding or DecodeConfig(), hears)

    def scores(
        self,
        notes: NDArray[Any],
        bars: NDArray[Any],
        spelling: NDArray[np.integer],
        end: int = 0,
        n_keys: int = N_KEYS,
        n_chords: int = N_CHORDS,
    ) -> FrameScores:
        """Scores of every frame.

        Parameters as for `hybrid.harmony.features.piece_arrays` and `network_scores`.
        """
        halved = None
        if self.decoding.halved:
            halved = piece_arrays(*scale_rows(notes, bars, -2), spelling, end // 2)
        arrays = piece_arrays(notes, bars, spelling, end)
        keys, weight = None, self.decoding.keys
        if self.keys is not None and weight and arrays.n_frames >= self.decoding.keys_from:
            keys = self.keys.frame_keys(arrays)
        return network_scores(
            self.models, arrays, halved, self.decoding.halved, n_keys, n_chords, keys, weight
        )

    def spans(
        self, score: Score, until: int | None = None
    ) -> tuple[NDArray[Any], FrameScores, NDArray[np.int64]]:
        """Label spans at 480 ticks a quarter, the scores of every frame, and the path.

        ``until`` as for `analyse`.
        """
        notes, bars = score_arrays(score)
        if until is not None:
            stop = until * TICKS_PER_QUARTER // score.ticks_per_quarter
            notes = notes[notes["onset"] < stop]
            notes["end"] = np.minimum(notes["end"], stop)
        if not len(notes):
            raise ScoreError("a score must have pitched notes to be analysed, got none")
        notes = with_spelling(notes)
        scores = self.scores(notes, bars, notes["spelling"])
        path = decode(scores, self.decoding)
        end = int(notes["end"].max())
        spans = path_spans(scores, path, self.models[0].vocabulary, FRAME_TICKS, end)
        return spans, scores, path

    def analyse(self, score: Score, until: int | None = None) -> Analysis:
        """Chords and keys of a score.

        Each chord's probability is the mean over its frames of what the models give to key
        and chord together; each key's that of the key.

        Parameters
        ----------
        score : Score
        until : int, optional
            Tick; what comes later is left out.

        Raises
        ------
        ScoreError
            If there are no pitched notes.
        """
        spans, scores, path = self.spans(score, until)
        rows = np.arange(len(path))
        joint = np.exp(scores.log_probability[rows, path])
        key = np.exp(scores.key_log_probability[rows, scores.key[rows, path]])
        ticks = Fraction(score.ticks_per_quarter, TICKS_PER_QUARTER)
        last = max(track.end for track in score.tracks if not track.is_drum)
        last = last if until is None else min(last, until)
        edges = [round(int(onset) * ticks) for onset in spans["onset"]] + [last]
        chords = []
        for row, span in enumerate(spans):
            frames = slice(int(span["onset"]) // FRAME_TICKS, -(-int(span["end"]) // FRAME_TICKS))
            chords.append(
                _chord_span(span, edges[row], edges[row + 1], float(joint[frames].mean()))
            )
        kept = tuple(chord for chord in chords if chord.end > chord.onset)
        return Analysis(chords=kept, keys=_key_spans(kept, key, ticks))


def _chord_span(span: Any, onset: int, end: int, probability: float) -> ChordSpan:
    names = ("mode", "of", "degree", "quality", "inversion")
    chord = Chord(*(int(span[name]) for name in names))
    quality = QUALITIES[chord.quality]
    root, degree, inversion = chord.root, (4 * chord.degree) % 7 + 1, chord.inversion
    if quality.endswith("-sixth"):
        # As in plans: the root is the raised fourth degree, inversion 0 has the flat sixth below.
        flat_sixth = root - (6 if quality == "french-sixth" else 10)
        order = sorted(chord.tones, key=lambda tone: _SIXTH_ORDER.index(tone - flat_sixth))
        root, degree, inversion = flat_sixth + 10, 4, order.index(chord.bass)
    return ChordSpan(
        onset=onset,
        end=end,
        numeral=chord.figure,
        key=key_of(int(span["tonic"]), chord.mode),
        degree=degree,
        quality=quality,
        inversion=inversion,
        root=int(span["tonic"]) + root,
        probability=probability,
    )


def _key_spans(
    chords: Sequence[ChordSpan], key: NDArray[np.float64], ticks: Fraction
) -> tuple[KeySpan, ...]:
    spans: list[KeySpan] = []
    for chord in chords:
        first = round(chord.onset / ticks) // FRAME_TICKS
        last = max(first + 1, -(-round(chord.end / ticks) // FRAME_TICKS))
        mean = float(key[first:last].mean()) if first < len(key) else 0.0
        if spans and spans[-1].key == chord.key:
            before = spans[-1]
            old, new = before.end - before.onset, chord.end - chord.onset
            mean = (before.probability * old + mean * new) / (old + new)
            spans[-1] = KeySpan(before.onset, chord.end, chord.key, mean)
        else:
            spans.append(KeySpan(chord.onset, chord.end, chord.key, mean))
    return tuple(spans)
