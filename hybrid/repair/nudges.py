"""The smallest changes: one or two notes of the failing voices get other pitches.

Rhythm, all other notes and all marks stay. A note of a chord moves to another tone of it, any
note to a near tone of the scale. Lines keep to the range that they have in the piece. What
costs least is tried first: near pitches before far ones, inner voices before outer ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from hybrid.core.analysis import ChordSpan, KeySpan
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.score import Score
from hybrid.repair.failures import Failure
from hybrid.theory.voices import Voice, find_voices

#: Semitones that a note may move, besides an octave.
REACH = 7
#: Semitones of the scale's tones around a note that it may move to.
SCALE_REACH = 3
#: A line may leave the range that it has in the piece by this much.
STRETCH = 2
#: Cost of a change in the leading voice, in the bass and elsewhere.
LEADING, BASS, INNER = 3.0, 1.5, 1.0
#: Changes of one note, and pairs of them, that are tried for one failure.
MAX_SINGLES, MAX_PAIRS = 28, 60
#: Changes of each note that pairs are made of.
PAIRED = 6


@dataclass(frozen=True)
class Nudge:
    """A note that gets another pitch.

    Attributes
    ----------
    track, note : int
        Indices into the score's tracks and the track's notes.
    pitch, spelling : int
        New.
    cost : float
    """

    track: int
    note: int
    pitch: int
    spelling: int
    cost: float


def nudge_notes(score: Score, nudges: Sequence[Nudge]) -> Score:
    """The score with other pitches; fermatas and other marks go with their notes."""
    tracks = list(score.tracks)
    for index in sorted({nudge.track for nudge in nudges}):
        track = tracks[index]
        notes = track.notes.copy()
        moved: dict[tuple[int, int], int] = {}
        for nudge in nudges:
            if nudge.track != index:
                continue
            row = notes[nudge.note]
            moved[int(row["onset"]), int(row["pitch"])] = nudge.pitch
            notes["pitch"][nudge.note] = nudge.pitch
            notes["spelling"][nudge.note] = nudge.spelling
        marks = tuple(
            sorted(
                replace(mark, pitch=moved.get((mark.tick, mark.pitch), mark.pitch))
                for mark in track.articulations
            )
        )
        tracks[index] = replace(track, notes=notes, articulations=marks)
    return replace(score, tracks=tuple(tracks))


def single_nudges(
    score: Score, failure: Failure, chords: Sequence[ChordSpan], keys: Sequence[KeySpan]
) -> list[Nudge]:
    """Changes of one note of the failing voices around a failure, cheapest first."""
    voices = find_voices(score)
    named = [voice for voice in voices if voice.name in failure.voices]
    found: list[Nudge] = []
    for voice in named or voices:
        weight = INNER
        if voice is voices[0] or voice.name.lower() in ("soprano", "melody"):
            weight = LEADING
        elif voice is voices[-1]:
            weight = BASS
        low = int(voice.notes["pitch"].min()) - STRETCH
        high = int(voice.notes["pitch"].max()) + STRETCH
        for at in _notes_around(voice, failure, bool(named)):
            row = voice.notes[at]
            place = _place(score, voice, row)
            if place is None:
                continue
            pitch, onset = int(row["pitch"]), int(row["onset"])
            for new, spelling in _alternatives(pitch, onset, chords, keys):
                if low <= new <= high or abs(new - pitch) == 12:
                    cost = weight * (1 + abs(new - pitch) / 12)
                    found.append(Nudge(voice.track, place, new, spelling, cost))
    return sorted(found, key=lambda item: (item.cost, item.track, item.note, item.pitch))


def nudge_pairs(singles: Sequence[Nudge]) -> Iterator[tuple[Nudge, Nudge]]:
    """Two changes of different notes, cheapest first."""
    by_note: dict[tuple[int, int], list[Nudge]] = {}
    for item in singles:
        by_note.setdefault((item.track, item.note), []).append(item)
    kept = [item for items in by_note.values() for item in items[:PAIRED]]
    pairs = [
        (first, second)
        for first, second in combinations(kept, 2)
        if (first.track, first.note) != (second.track, second.note)
    ]
    pairs.sort(key=lambda pair: pair[0].cost + pair[1].cost)
    yield from pairs[:MAX_PAIRS]


def _notes_around(voice: Voice, failure: Failure, is_named: bool) -> list[int]:
    """Indices of the notes that sound at the failure, and in named voices the one before."""
    onsets = voice.notes["onset"]
    ends = onsets + voice.notes["duration"]
    if failure.kind != "rule":
        inside = (onsets < failure.end) & (ends > failure.tick)
        return [int(at) for at in np.flatnonzero(inside)]
    at = int(np.searchsorted(onsets, failure.tick, side="right")) - 1
    if at < 0:
        return []
    return [at, at - 1] if is_named and at > 0 else [at]


def _place(score: Score, voice: Voice, row: np.void) -> int | None:
    """Index of a voice's note in its track; None where the voice shortened it."""
    notes = score.tracks[voice.track].notes
    same = (notes["onset"] == row["onset"]) & (notes["pitch"] == row["pitch"])
    found = np.flatnonzero(same)
    return int(found[0]) if len(found) == 1 else None


def _alternatives(
    pitch: int, onset: int, chords: Sequence[ChordSpan], keys: Sequence[KeySpan]
) -> list[tuple[int, int]]:
    """Other pitches for a note, with their spelling."""
    span = next((item for item in chords if item.onset <= onset < item.end), None)
    key = _key_at(keys, onset)
    tones: dict[int, int] = {}
    if span is not None:
        numeral = RomanNumeral.parse(span.numeral)
        tones = {pitch_class(tone): tone for tone in numeral.tones(span.key)}
        key = span.key
    scale = {pitch_class(tone): tone for tone in key.scale} if key is not None else {}
    is_chord_tone = pitch % 12 in tones
    found: dict[int, int] = {}
    for new in (*range(pitch - REACH, pitch + REACH + 1), pitch - 12, pitch + 12):
        if new == pitch or not 0 <= new <= 127:
            continue
        if new % 12 in tones:
            found[new] = tones[new % 12]
        elif new % 12 in scale and abs(new - pitch) <= SCALE_REACH and not is_chord_tone:
            found[new] = scale[new % 12]
    return sorted(found.items())


def _key_at(keys: Sequence[KeySpan], tick: int) -> Key | None:
    held = [item.key for item in keys if item.onset <= tick]
    return held[-1] if held else (keys[0].key if keys else None)
