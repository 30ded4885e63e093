"""Chords read from notes: templates, weighed and joined by a Viterbi path.

A simplified reading for the rules of harmony, when nobody hands in chords. Every onset
slice is scored against 108 chords (12 roots, 9 qualities): tones in the chord count for
it, tones outside against it, a missing root, third or seventh against it, the bass more
than the rest. Notes that look like passing notes, neighbours or suspensions count less.
A change of chord costs more on weak beats than on strong ones. Numerals follow from the
local key (`hybrid.theory.keys`).

Limits: no augmented sixths or ninths of their own, no pedal points, one reading. The
analyser with learned weights, in another room, reads more.

References
----------
Pardo, B., & Birmingham, W. P. (2002). Algorithms for chordal analysis. Computer Music
Journal, 26(2), 27-49. (templates; the path, the weights and the numerals are ours)
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import ChordSpan, KeySpan
from hybrid.core.errors import PlanError
from hybrid.core.numerals import ROMAN, RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.score import Score
from hybrid.theory.keys import find_keys, key_at
from hybrid.theory.slices import REST, Slices, slice_score

MIN_VOICES = 3  # fewer lines than this do not say enough about chords
#: Quality to semitones above the root: root, third, fifth, seventh.
QUALITIES: dict[str, tuple[int, ...]] = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "diminished": (0, 3, 6),
    "augmented": (0, 4, 8),
    "dominant-seventh": (0, 4, 7, 10),
    "major-seventh": (0, 4, 7, 11),
    "minor-seventh": (0, 3, 7, 10),
    "half-diminished-seventh": (0, 3, 6, 10),
    "diminished-seventh": (0, 3, 6, 9),
}
#: Chords that divide the octave evenly, by how many semitones: any tone may be the root.
SYMMETRIC = {"diminished-seventh": 3, "augmented": 4}
_NAMES = tuple(QUALITIES)
_STATES = tuple((root, name) for name in _NAMES for root in range(12))

# Points per quarter; set by hand, then adjusted on half of 80 analysed chorales.
IN_CHORD = 1.0
OUT_OF_CHORD = -2.0
BASS_IS_ROOT, BASS_IS_OTHER, BASS_IS_OUTSIDE = 0.6, 0.2, -1.0
MISSING = {0: -0.9, 1: -1.0, 2: -0.25, 3: -1.4}  # root, third, fifth, seventh
QUALITY_BIAS = {
    "augmented": -0.8,
    "diminished": -0.2,
    "major-seventh": -0.5,
    "minor-seventh": -0.3,
    "diminished-seventh": -0.2,
    "half-diminished-seventh": -0.1,
}
IN_KEY = 0.7  # bonus per quarter where all tones belong to the local key
CHANGE_COST = (2.2, 0.9, 0.7, 0.5)  # by metrical accent 0..3
WEIGHT_PASSING, WEIGHT_SUSPENSION = 0.35, 0.6


def _tables() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Points of each pitch class sounding, missing, and in the bass; each (12, states)."""
    sounding = np.full((12, len(_STATES)), OUT_OF_CHORD)
    missing = np.zeros((12, len(_STATES)))
    bass = np.full((12, len(_STATES)), BASS_IS_OUTSIDE)
    for state, (root, name) in enumerate(_STATES):
        for member, above in enumerate(QUALITIES[name]):
            pc = (root + above) % 12
            sounding[pc, state] = IN_CHORD
            missing[pc, state] = MISSING[member]
            bass[pc, state] = BASS_IS_ROOT if member == 0 else BASS_IS_OTHER
    return sounding, missing, bass


def infer_chords(
    score: Score,
    slices: Slices | None = None,
    keys: tuple[KeySpan, ...] | None = None,
    min_voices: int = MIN_VOICES,
) -> tuple[ChordSpan, ...]:
    """Chords of a score of three voices or more; nothing for fewer.

    Parameters
    ----------
    score : Score
    slices : Slices, optional
        The score's slices, where they are at hand.
    keys : tuple of KeySpan, optional
        Local keys, where they are known.
    min_voices : int
        Scores of fewer voices give no chords. Two lines imply chords more than they have
        them: enough to hear how a phrase closes, too little for rules of harmony.

    Returns
    -------
    tuple of ChordSpan
        Contiguous from the first note to the piece's end, split where the key changes.
        ``probability`` is the share of the sounding notes, by length, that belong to the
        chord.
    """
    slices = slice_score(score) if slices is None else slices
    if slices.n_voices < min_voices:
        return ()
    keys = find_keys(score, slices) if keys is None else keys
    # What is said about each slice's harmony, in points per quarter.
    quarters = np.minimum((slices.end - slices.tick) / score.ticks_per_quarter, 4.0)
    weight = _note_weights(slices)
    sounding = np.zeros((len(slices), 12))
    for row in range(slices.n_voices):
        sounds = np.flatnonzero(slices.pitch[row] != REST)
        np.add.at(sounding, (sounds, slices.pitch[row, sounds] % 12), weight[row, sounds])
    bass_pc = _bass(slices)
    has_notes = bass_pc >= 0
    bass = np.zeros((len(slices), 12))
    bass[np.flatnonzero(has_notes), bass_pc[has_notes]] = 1.0
    in_table, missing_table, bass_table = _tables()
    points = sounding @ in_table + (sounding == 0) @ missing_table + bass @ bass_table
    points += np.array([QUALITY_BIAS.get(name, 0.0) for _, name in _STATES])
    key_row = [key_at(keys, int(tick)) for tick in slices.tick]
    bonus = {key: _in_key(key) for key in sorted(set(key_row), key=str) if key is not None}
    for slot, key in enumerate(key_row):
        if key is not None:
            points[slot] += bonus[key]
    points *= quarters[:, None]
    points[~has_notes] = 0.0
    states = _path(points, np.array(CHANGE_COST)[slices.accent])
    return _spans(slices, states, bass_pc, key_row, sounding)


def _note_weights(slices: Slices) -> NDArray[np.float64]:
    """How much each voice's note says about the harmony, 0..1; (V, S)."""
    weights = np.ones(slices.pitch.shape)
    for row, voice in enumerate(slices.voices):
        at = np.flatnonzero(slices.attack[row])
        if len(at) < 3:
            continue
        pitch = slices.pitch[row, at]
        step = np.diff(pitch)
        stepwise_in = np.concatenate([[False], (np.abs(step) <= 2) & (step != 0)])
        stepwise_out = np.concatenate([(np.abs(step) <= 2) & (step != 0), [False]])
        weak = slices.accent[at] == 0
        short = voice.notes["duration"][slices.note[row, at]] <= slices.score.ticks_per_quarter
        note_weight = np.where(stepwise_in & stepwise_out & weak & short, WEIGHT_PASSING, 1.0)
        falls = np.concatenate([(step == -1) | (step == -2), [False]])
        sounds = np.flatnonzero(slices.pitch[row] != REST)
        # Every slice in which a note sounds lies at or after its attack.
        owner = np.searchsorted(at, sounds, side="right") - 1
        weights[row, sounds] = note_weight[owner]
        held = (slices.accent[sounds] >= 1) & ~slices.attack[row, sounds] & falls[owner]
        weights[row, sounds[held]] = WEIGHT_SUSPENSION
    return weights


def _bass(slices: Slices) -> NDArray[np.int64]:
    """Pitch class of the lowest note of each slice, -1 in silence; (S,)."""
    pitch = np.where(slices.pitch == REST, 1000, slices.pitch)
    lowest = pitch.min(axis=0)
    result: NDArray[np.int64] = np.where(lowest == 1000, -1, lowest % 12)
    return result


def _in_key(key: Key) -> NDArray[np.float64]:
    """Bonus of the chords that the key has, leading-tone chords of minor included; (states,)."""
    scale = {pitch_class(tone) for tone in key.scale}
    raised = (scale - {(pitch_class(key.tonic) + 10) % 12}) | {(pitch_class(key.tonic) + 11) % 12}
    bonus = np.zeros(len(_STATES))
    for state, (root, name) in enumerate(_STATES):
        tones = {(root + above) % 12 for above in QUALITIES[name]}
        if tones <= scale or (key.is_minor and tones <= raised and name != "augmented"):
            bonus[state] = IN_KEY
    return bonus


def _path(points: NDArray[np.float64], cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """Viterbi path; a change of chord at slice s costs ``cost[s]``; (S,)."""
    n_slices, n_states = points.shape
    best = points[0].copy()
    back = np.zeros((n_slices, n_states), dtype=np.int64)
    stay = np.arange(n_states)
    for slot in range(1, n_slices):
        top = int(np.argmax(best))
        moved = best[top] - cost[slot]
        back[slot] = np.where(moved > best, top, stay)
        best = np.maximum(best, moved) + points[slot]
    states = np.zeros(n_slices, dtype=np.int64)
    states[-1] = int(np.argmax(best))
    for slot in range(n_slices - 1, 0, -1):
        states[slot - 1] = back[slot, states[slot]]
    return states


def _spans(
    slices: Slices,
    states: NDArray[np.int64],
    bass_pc: NDArray[np.int64],
    keys: list[Key | None],
    sounding: NDArray[np.float64],
) -> tuple[ChordSpan, ...]:
    """Chords as spans; a new bass tone of the same chord, or a new key, starts a new span."""
    starts: list[int] = []
    basses: list[int] = []
    for slot in range(len(slices)):
        root, name = _STATES[states[slot]]
        bass = int(bass_pc[slot])
        member = (bass - root) % 12 in QUALITIES[name]
        new = not starts or states[slot] != states[slot - 1] or keys[slot] != keys[slot - 1]
        if new or (member and basses[-1] != bass and slices.accent[slot] >= 1):
            starts.append(slot)
            basses.append(bass if member else -1)
        elif member and basses[-1] == -1:
            basses[-1] = bass  # the bass began with a non-chord tone
    spans = []
    for index, start in enumerate(starts):
        stop = starts[index + 1] if index + 1 < len(starts) else len(slices)
        root, name = _STATES[states[start]]
        key = keys[start]
        assert key is not None
        bass = basses[index]
        if name in SYMMETRIC:
            root, name = _symmetric(slices, slice(start, stop), key, root, name)
        inversion = QUALITIES[name].index((bass - root) % 12) if bass >= 0 else 0
        numeral = numeral_for(key, root, name, inversion)
        tones = [(root + above) % 12 for above in QUALITIES[name]]
        inside = float(sounding[start:stop, tones].sum() / max(sounding[start:stop].sum(), 1e-9))
        spans.append(
            ChordSpan(
                onset=int(slices.tick[start]),
                end=int(slices.end[stop - 1]),
                numeral=numeral.text,
                key=key,
                degree=numeral.degree,
                quality=numeral.quality(key),
                inversion=inversion,
                root=numeral.root(key),
                probability=round(inside, 4),
            )
        )
    return _with_cadential_six_fours(spans)


def _symmetric(slices: Slices, where: slice, key: Key, root: int, name: str) -> tuple[int, str]:
    """Root and quality of a chord that divides the octave evenly.

    In thirds above the root each tone lies equally far on the line of fifths from the one
    before, so only the right rotation gives all tones one and the same spelled root; the
    key decides between equals. A diminished seventh that lacks a tone is the triad on the
    tone after the gap.
    """
    size = SYMMETRIC[name]
    place = -3 if size == 3 else 4  # a minor third is three places flat, a major one four sharp
    pitch, spelling = slices.pitch[:, where], slices.spelling[:, where]
    sounding = pitch != REST
    rotations = [(root + shift) % 12 for shift in range(0, 12, size)]
    lost = [pc for pc in rotations if not (pitch[sounding] % 12 == pc).any()]
    if size == 3 and len(lost) == 1:
        return (lost[0] + 3) % 12, "diminished"
    stems = _stems(key)

    def rank(candidate: int) -> tuple[int, int]:
        member = ((pitch - candidate) % 12)[sounding]
        inside = member % size == 0
        roots = np.unique(spelling[sounding][inside] - place * (member[inside] // size))
        text = stems.get((candidate, name))
        return len(roots), list(stems.values()).index(text) if text else len(stems)

    return min(rotations, key=rank), name


def _with_cadential_six_fours(spans: list[ChordSpan]) -> tuple[ChordSpan, ...]:
    """Rename the tonic six-four that stands right before V over the same bass."""
    renamed = list(spans)
    for index, (span, after) in enumerate(pairwise(spans)):
        if (
            span.numeral in ("I64", "i64")
            and after.numeral in ("V", "V7")
            and span.key == after.key
        ):
            values = {name: getattr(span, name) for name in ChordSpan.__dataclass_fields__}
            renamed[index] = ChordSpan(**{**values, "numeral": "Cad64"})
    return tuple(renamed)


# In order of preference: what a root and a quality are called in a key of each mode.
_MAJOR_STEMS = (
    "I ii iii IV V vi viio I7 ii7 iii7 IV7 V7 vi7 viiø7 viio7 "
    "V/V V7/V viio/V viio7/V viiø7/V V/ii V7/ii viio/ii viio7/ii V/vi V7/vi viio/vi viio7/vi "
    "V7/IV viio/IV viiø7/IV viio7/IV V/iii V7/iii viio/iii viio7/iii "
    "i iv iio iiø7 iv7 v bIII bVI bVII N bVII7 bVI7 bIII7 I+ V+ IV+"
)
_MINOR_STEMS = (
    "i iio III iv V VI VII viio v i7 iiø7 III7 iv7 V7 VI7 VII7 viio7 III+ IV IV7 ii ii7 I "
    "V/iv V7/iv viio/iv viio7/iv V/V V7/V viio/V viio7/V V7/III viio/III viiø7/III viio7/III "
    "V/VI V7/VI viio/VI viio7/VI V/VII V7/VII viio/VII viiø7/VII vi viø7 vio N v7 V+ i+ "
)
_FIGURES = {3: ("", "6", "64"), 4: ("7", "65", "43", "42")}


@lru_cache(maxsize=4096)
def numeral_for(key: Key, root: int, quality: str, inversion: int) -> RomanNumeral:
    """Roman numeral of a chord in a key.

    Parameters
    ----------
    key : Key
    root : int
        Pitch class 0..11.
    quality : str
        A key of `QUALITIES`.
    inversion : int
        0..3.

    Examples
    --------
    >>> numeral_for(Key.parse("C major"), 2, "dominant-seventh", 1).text
    'V65/V'
    """
    figure = _FIGURES[len(QUALITIES[quality])][inversion]
    stem = _stems(key).get((root, quality)) or _chromatic_stem(key, root, quality)
    head, slash, target = stem.partition("/")
    if head == "N" and inversion == 2:
        head = "bII"  # the Neapolitan has no six-four of that name
    return RomanNumeral.parse(f"{head.rstrip('7')}{figure}{slash}{target}")


@lru_cache(maxsize=256)
def _stems(key: Key) -> dict[tuple[int, str], str]:
    stems: dict[tuple[int, str], str] = {}
    for text in (_MINOR_STEMS if key.is_minor else _MAJOR_STEMS).split():
        numeral = RomanNumeral.parse(text)
        try:
            root, quality = pitch_class(numeral.root(key)), numeral.quality(key)
        except (KeyError, PlanError):
            continue
        if quality in QUALITIES:
            stems.setdefault((root, quality), text)
    return stems


def _chromatic_stem(key: Key, root: int, quality: str) -> str:
    """A numeral with b or # for a chord that the key has no name for."""
    lower = quality.startswith(("minor", "diminished", "half"))
    mark = {"diminished": "o", "diminished-seventh": "o", "half-diminished-seventh": "ø"}.get(
        quality, "+" if quality == "augmented" else ""
    )
    # A major seventh or a minor one over any triad has to be said.
    seventh = {"major-seventh": "M", "minor-seventh": "d", "dominant-seventh": "d"}.get(quality, "")
    has_seventh = len(QUALITIES[quality]) == 4
    for shift in ("", "b", "#", "bb", "##"):
        for roman in ROMAN:
            text = f"{shift}{roman.lower() if lower else roman}{mark}{seventh}"
            numeral = RomanNumeral.parse(text + ("7" if has_seventh else ""))
            if pitch_class(numeral.root(key)) == root and numeral.quality(key) == quality:
                return text
    raise AssertionError(f"no numeral for {key}, {root}, {quality}")


__all__ = ["QUALITIES", "infer_chords", "numeral_for"]
