"""What people say of POP909's songs: chords and keys of POP909-CL, phrases of the structure labels.

Chords come as struck notes; their pitch classes and the lowest one name root, quality and
inversion, and the key makes a Roman numeral of them. Phrases come in bars from a start of
their own, so they are laid on the song's bars where the melodies agree.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import ChordSpan
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.score import KeySignature, Score
from hybrid.grammar.form_corpora_numerals import TONES, numeral_of
from hybrid.symbolic_transformer.labelled_plan import LabelledPhrase, chord_span
from hybrid.symbolic_transformer.pop_notes import is_chord_track

MIN_MELODY = 0.6  # share of a melody's notes that have to agree before phrases are laid on it
MAX_BARS_OFF = 2  # bars by which the phrases may be shorter or longer than the song
_SIXTEENTH = 120  # ticks
_PHRASES = re.compile(r"([A-Za-z])(\d+)")
#: What the letters of the labels stand for, as far as it is known: i and o open and close.
_ROLES = {"i": "intro", "o": "outro"}
# Qualities by how readily a chord is named so.
_QUALITIES = (
    "major",
    "minor",
    "dominant-seventh",
    "minor-seventh",
    "major-seventh",
    "suspended",
    "half-diminished-seventh",
    "diminished",
    "suspended-seventh",
    "diminished-seventh",
    "minor-major-seventh",
    "augmented",
    "augmented-seventh",
)


@dataclass(frozen=True)
class ChordName:
    """Root pitch class, quality, inversion; ``exact`` where its tones are those struck."""

    root: int
    quality: str
    inversion: int
    exact: bool


@dataclass(frozen=True)
class PopChords:
    """Chords of a song: spans, and how many are not exactly what was struck."""

    spans: tuple[ChordSpan, ...]
    n_merged: int


# --- Chords and keys -------------------------------------------------------------------------


def read_chords(song: Score, keys: Sequence[KeySignature]) -> PopChords:
    """The chords of a song's chord track, in the keys that are in force.

    Where a key begins inside a chord, the chord is cut.
    """
    struck: dict[int, list[int]] = defaultdict(list)
    ends: dict[int, int] = {}
    for track in song.tracks:
        if not is_chord_track(track.name):
            continue
        for note in track.notes:
            onset = int(note["onset"])
            struck[onset].append(int(note["pitch"]))
            ends[onset] = max(ends.get(onset, 0), onset + int(note["duration"]))
    spans: list[ChordSpan] = []
    n_merged = 0
    onsets = sorted(struck)
    for number, onset in enumerate(onsets):
        end = ends[onset] if number + 1 == len(onsets) else onsets[number + 1]
        cuts = [onset, *(item.tick for item in keys if onset < item.tick < end), end]
        exact = True
        for start, stop in pairwise(cuts):
            key = _key_at(keys, start)
            tonic = pitch_class(key.tonic)
            lowest = min(struck[onset])
            place = frozenset((pitch - tonic) % 12 for pitch in struck[onset])
            name = name_chord(place, (lowest - tonic) % 12, key.is_minor)
            mode = "minor" if key.is_minor else "major"
            numeral = _numeral(name, mode)
            exact = exact and name.exact
            spans.append(chord_span(start, stop, numeral, key))
        n_merged += not exact
    return PopChords(tuple(spans), n_merged)


def _numeral(name: ChordName, mode: str) -> str:
    found = numeral_of(name.root, name.quality, name.inversion, mode)
    if found:
        return found
    # Minor has no plain name for minor and diminished chords on its lowered seventh degree.
    target = (name.root - 5) % 12
    return numeral_of(target, name.quality, name.inversion, "minor") + "/iv"


def _key_at(keys: Sequence[KeySignature], tick: int) -> Key:
    found = keys[0].key
    for item in keys:
        if item.tick <= tick:
            found = item.key
    return found


@lru_cache(maxsize=8192)
def name_chord(tones: frozenset[int], lowest: int, is_minor: bool) -> ChordName:
    """Name struck tones (semitones above a tonic) with ``lowest`` as the lowest of them.

    Exactly these tones as one chord, its root the lowest tone if possible; else the chord
    with fewest tones more; else the one with fewest tones less, always with the lowest tone
    as its root. Tones of the key decide between equals.

    >>> name_chord(frozenset({0, 2, 7}), 0, False)
    ChordName(root=7, quality='suspended', inversion=1, exact=True)
    """
    scale = {0, 2, 3, 5, 7, 8, 10} if is_minor else {0, 2, 4, 5, 7, 9, 11}
    ranked = []
    for order, quality in enumerate(_QUALITIES):
        for root in range(12):
            chord = [root, *((root + tone) % 12 for tone in TONES[quality])]
            if lowest not in chord:
                continue
            more, less = set(chord) - tones, tones - set(chord)
            if (more or less) and root != lowest:
                continue
            outside = len(set(chord) - scale)
            price = (bool(more or less), len(less), len(more), root != lowest, outside, order)
            name = ChordName(root, quality, chord.index(lowest), not (more or less))
            ranked.append((price, root, name))
    # A root with a third and fifth always exists, so there is one.
    return min(ranked, key=lambda item: item[:2])[2]


# --- Phrases ---------------------------------------------------------------------------------


def parse_labels(text: str) -> tuple[tuple[str, int], ...]:
    """Letters and bars of a labelling; empty phrases are left out.

    >>> parse_labels("i4A8o0")
    (('i', 4), ('A', 8))
    """
    pairs = ((letter, int(bars)) for letter, bars in _PHRASES.findall(text))
    return tuple((letter, bars) for letter, bars in pairs if bars)


def parse_melody(text: str) -> tuple[tuple[int, int], ...]:
    """(place in sixteenths, pitch) of each note of ``melody.txt``."""
    notes, place = [], 0
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2:
            continue
        pitch, length = int(words[0]), int(words[1])
        if pitch > 0:
            notes.append((place, pitch))
        place += length
    return tuple(notes)


def place_phrases(
    song: Score,
    melody: NDArray[Any],
    labels: Sequence[tuple[str, int]],
    labelled_melody: Sequence[tuple[int, int]],
) -> tuple[LabelledPhrase, ...] | None:
    """The labelled phrases on the song's own bars.

    Parameters
    ----------
    song : Score
        In one metre.
    melody : np.ndarray, `NOTE_DTYPE`
        Its MELODY.
    labels : sequence of (str, int)
        Letter and bars.
    labelled_melody : sequence of (int, int)
        Sixteenths and pitches of the melody on the labels' time.

    Returns
    -------
    tuple of LabelledPhrase or None
        As many bars as the song has; bars before the first label (an upbeat, silence) are
        added to it, bars after the last one too. None where the melodies do not agree, or
        the lengths do not. Where the labels' bar lines fall inside the song's bars, all phrases
        begin at the bar line before, or all at the one after: wherever the melody has paused
        longer.
    """
    metre = song.metres[0]
    bar = 16 * metre.numerator // metre.denominator
    found = _shift(melody, labelled_melody)
    n_bars = len(song.bars)
    if found is None or len(song.metres) > 1:
        return None
    edges = [0]
    for _, bars in labels:
        edges.append(edges[-1] + bars)
    # Bars of the song at which the phrases begin, and the last one ends.
    places = _on_bars([found + edge * bar for edge in edges], bar, melody)
    if places[0] < -1 or abs(places[-1] - n_bars) > MAX_BARS_OFF:
        return None
    places[0], places[-1] = 0, n_bars
    places = [min(max(place, 0), n_bars) for place in places]
    phrases: list[LabelledPhrase] = []
    section, before = -1, ""
    for (letter, _), start, end in zip(labels, places, places[1:], strict=False):
        if end <= start:
            return None
        # Sections are runs of one letter.
        if letter != before:
            section += 1
        before = letter
        phrases.append(LabelledPhrase(end - start, letter, section, letter, _ROLES.get(letter, "")))
    return tuple(phrases)


def _on_bars(places: Sequence[int], bar: int, melody: NDArray[Any]) -> list[int]:
    """Bars at which phrases begin that begin at ``places`` (sixteenths)."""
    onsets = np.unique(np.round(melody["onset"] / _SIXTEENTH).astype(np.int64))

    def pauses(bars: Sequence[int]) -> int:
        """Sixteenths since the last note, up to a bar, before each phrase but the first."""
        total = 0
        for place in bars[1:-1]:
            before = int(np.searchsorted(onsets, place * bar)) - 1
            total += min(bar, place * bar - int(onsets[before])) if before >= 0 else 0
        return total

    earlier = [place // bar for place in places]
    later = [-(-place // bar) for place in places]
    if pauses(earlier) == pauses(later):
        return earlier if 2 * (places[0] % bar) < bar else later
    return max(earlier, later, key=pauses)


def _shift(melody: NDArray[Any], other: Sequence[tuple[int, int]]) -> int | None:
    """Sixteenths to add to the other melody's places; None where less than `MIN_MELODY` fit."""
    if not len(melody) or not other:
        return None
    places: dict[int, list[int]] = defaultdict(list)
    sixteenths = np.round(melody["onset"] / _SIXTEENTH).astype(np.int64)
    for place, pitch in zip(sixteenths.tolist(), melody["pitch"].tolist(), strict=True):
        places[pitch].append(place)
    votes: Counter[int] = Counter()
    for place, pitch in other:
        votes.update({mine - place for mine in places.get(pitch, ())})
    if not votes:
        return None
    shift, count = min(votes.items(), key=lambda item: (-item[1], abs(item[0]), item[0]))
    return shift if count >= MIN_MELODY * len(other) else None


__all__ = [
    "ChordName",
    "PopChords",
    "name_chord",
    "parse_labels",
    "parse_melody",
    "place_phrases",
    "read_chords",
]
