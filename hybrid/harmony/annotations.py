"""RomanText analyses and their scores: labels on the score's ticks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import FormatError
from hybrid.core.pitch import NO_SPELLING, parse_spelling
from hybrid.core.score import Score
from hybrid.harmony.corpus import BARS, NOTES, SPANS, TICKS_PER_QUARTER, Piece
from hybrid.harmony.labels import MODES, QUALITIES, QUALITY_TONES, Chord
from hybrid.harmony.spelling import guess_spellings

_SIXTH = re.compile(r"(It|Ger|Fr)")
_SIXTH_CHORDS = {"It": ("italian-sixth", 6), "Ger": ("german-sixth", 6), "Fr": ("french-sixth", 2)}


@dataclass(frozen=True)
class Numeral:
    """One numeral of an analysis, as music21 reads it.

    Attributes
    ----------
    figure, tonic, mode, target, root, bass : str
        Names of pitch classes; ``target`` is the tonicised tonic or empty.
    pitches : tuple of str
    measure : int
    in_measure, at : Fraction
        Quarters from the bar line and from the start.
    """

    figure: str
    tonic: str
    mode: str
    target: str
    root: str
    bass: str
    pitches: tuple[str, ...]
    measure: int
    in_measure: Fraction
    at: Fraction

    def label(self) -> tuple[int, Chord]:
        """Tonic of the local key and the chord in it."""
        tonic = parse_spelling(self.tonic)
        local = parse_spelling(self.target) if self.target else tonic
        bass = parse_spelling(self.bass) - tonic
        mode = MODES.index(self.mode)
        of = local - tonic
        sixth = _SIXTH.match(self.figure)
        if sixth:
            quality, degree = _SIXTH_CHORDS[sixth[1]]
        else:
            root = parse_spelling(self.root)
            degree = root - local
            above = {parse_spelling(name) - root for name in self.pitches}
            quality = _quality(above, self.figure)
        place = QUALITIES.index(quality)
        tones = [of + degree + tone for tone in QUALITY_TONES[quality]]
        inversion = tones.index(bass) if bass in tones else 0
        return tonic, Chord(mode, of, degree, place, inversion)


def _quality(above: set[int], figure: str) -> str:
    """Quality from the tones above the root on the line of fifths."""
    third = next((i for i in (4, -3) if i in above), None)
    fifth = next((i for i in (1, -6, 8) if i in above), 1)
    seventh = next((i for i in (-2, 5, -9) if i in above), None)
    if third is None:
        if -1 in above:
            return "suspended-seventh" if seventh == -2 else "suspended"
        third = 4 if figure.lstrip("#b-")[:1].isupper() else -3
    wanted = (0, third, fifth) if seventh is None else (0, third, fifth, seventh)
    for quality, tones in QUALITY_TONES.items():
        if tones == wanted:
            return quality
    # A seventh or an altered fifth that no quality has: the triad, then the plain fifth.
    for simpler in ((0, third, fifth), (0, third, 1)):
        for quality, tones in QUALITY_TONES.items():
            if tones == simpler:
                return quality
    raise AssertionError(wanted)


def read_numerals(path: str | Path) -> list[Numeral]:
    """Numerals of a RomanText file, in order (through music21).

    Raises
    ------
    FormatError
        If music21 cannot read it.
    """
    from music21 import converter, roman

    try:
        stream = converter.parse(path, format="romantext", forceSource=True)
    except Exception as error:
        raise FormatError(f"{path} must be RomanText: {error}") from error
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    numerals = []
    for item in stream.recurse().getElementsByClass(roman.RomanNumeral):
        if item.key is None:
            continue
        figure = re.sub(r"\[[^\]]*\]", "", item.figure)
        name = (figure, item.key.tonicPitchNameWithCase)
        if name not in seen:
            # How vi and vii stand in minor is the file's choice, which the item carries.
            numeral = roman.RomanNumeral(
                figure, item.key, sixthMinor=item.sixthMinor, seventhMinor=item.seventhMinor
            )
            seen[name] = numeral_fields(numeral)
        numerals.append(
            numeral_from(
                seen[name],
                item.measureNumber,
                Fraction(str(item.offset)),
                Fraction(str(item.getOffsetInHierarchy(stream))),
            )
        )
    return numerals


def numeral_fields(item: Any) -> dict[str, Any]:
    """What is kept of a music21 numeral."""
    target = item.secondaryRomanNumeralKey
    return {
        "fig": item.figure,
        "tonic": item.key.tonic.name,
        "mode": item.key.mode,
        "sec": target.tonic.name if target else "",
        "root": item.root().name,
        "bass": item.bass().name,
        "pitches": [pitch.name for pitch in item.pitches],
    }


def numeral_from(
    fields: Mapping[str, Any], measure: int, in_measure: Fraction, at: Fraction
) -> Numeral:
    """A numeral from `numeral_fields` and its place."""
    return Numeral(
        figure=fields["fig"],
        tonic=fields["tonic"],
        mode=fields["mode"],
        target=fields["sec"] or "",
        root=fields["root"],
        bass=fields["bass"],
        pitches=tuple(fields["pitches"]),
        measure=measure,
        in_measure=in_measure,
        at=at,
    )


def lay_spans(
    numerals: Sequence[Numeral],
    end_ticks: int,
    measure_starts: Mapping[int, Fraction] | None = None,
) -> NDArray[Any]:
    """Label spans on the score's ticks.

    Each label holds to the next one, the last to the end of the score.

    Parameters
    ----------
    measure_starts : mapping, optional
        Quarters at which each measure of the score begins: places then count from there.
        Without it they are those of the analysis from its start.

    Returns
    -------
    np.ndarray of `SPANS`
    """
    placed: dict[int, tuple[int, Chord]] = {}
    for numeral in numerals:
        at = numeral.at
        if measure_starts is not None:
            if numeral.measure not in measure_starts:
                continue
            at = measure_starts[numeral.measure] + numeral.in_measure
        tick = round(at * TICKS_PER_QUARTER)
        if tick < end_ticks:
            placed[tick] = numeral.label()
    ticks = sorted(placed)
    spans = np.zeros(len(ticks), SPANS)
    for row, (tick, end) in enumerate(zip(ticks, [*ticks[1:], end_ticks], strict=True)):
        tonic, chord = placed[tick]
        spans[row] = (
            tick,
            end,
            tonic,
            chord.mode,
            chord.of,
            chord.degree,
            chord.quality,
            chord.inversion,
        )
    return spans


def measure_starts(path: str | Path) -> dict[int, Fraction]:
    """Quarters at which each printed measure of a score begins (through music21)."""
    from music21 import converter

    stream = converter.parse(path, forceSource=True)
    starts: dict[int, Fraction] = {}
    for measure in stream.parts[0].getElementsByClass("Measure"):
        starts.setdefault(measure.number, Fraction(str(measure.offset)))
    return starts


def score_notes(score: Score) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Notes of a score as `NOTES` without drums, and where they come from.

    Returns
    -------
    notes : np.ndarray of `NOTES`, shape (N,)
    places : np.ndarray, shape (N, 2), int64
        Track of the score, and number in the track.
    """
    scale = Fraction(TICKS_PER_QUARTER, score.ticks_per_quarter)
    rows, places = [np.zeros(0, NOTES)], [np.zeros((0, 2), np.int64)]
    for number, track in enumerate(score.tracks):
        if track.is_drum:
            continue
        part = np.zeros(len(track.notes), NOTES)
        end = track.notes["onset"] + track.notes["duration"]
        part["onset"] = np.round(track.notes["onset"] * float(scale))
        # No note vanishes, however coarse the ticks.
        part["end"] = np.maximum(np.round(end * float(scale)), part["onset"] + 1)
        part["pitch"] = track.notes["pitch"]
        part["spelling"] = track.notes["spelling"]
        part["track"] = min(number, 255)
        part["voice"] = np.minimum(track.notes["voice"], 255)
        rows.append(part)
        places.append(np.stack([np.full(len(part), number), np.arange(len(part))], axis=1))
    notes = np.concatenate(rows)
    order = np.lexsort((notes["pitch"], notes["onset"]))
    notes = notes[order]
    onset = notes["onset"] / TICKS_PER_QUARTER
    duration = (notes["end"] - notes["onset"]) / TICKS_PER_QUARTER
    notes["guess"] = guess_spellings(onset, duration, notes["pitch"])
    return notes, np.concatenate(places)[order]


def score_arrays(score: Score) -> tuple[NDArray[Any], NDArray[Any]]:
    """Notes and bars of a score as `NOTES` and `BARS`; drums are left out."""
    notes, _ = score_notes(score)
    scale = Fraction(TICKS_PER_QUARTER, score.ticks_per_quarter)
    bars = np.zeros(len(score.bars), BARS)
    for row, bar in enumerate(score.bars):
        # A pickup's bar line is where its full bar would have begun.
        start = (
            bar.end - bar.metre.bar_ticks(score.ticks_per_quarter) if bar.is_pickup else bar.start
        )
        bars[row] = (round(start * scale), bar.metre.numerator, bar.metre.denominator)
    return notes, bars


def with_spelling(notes: NDArray[Any]) -> NDArray[Any]:
    """The notes with guesses where a spelling is missing."""
    notes = notes.copy()
    missing = notes["spelling"] == NO_SPELLING
    notes["spelling"][missing] = notes["guess"][missing]
    return notes


def make_piece(
    name: str, group: str, licence: str, score: Score, readings: Sequence[NDArray[Any]]
) -> Piece:
    """A piece from a score and label spans that are laid on its ticks."""
    notes, bars = score_arrays(score)
    return Piece(name, group, licence, notes, bars, tuple(readings))
