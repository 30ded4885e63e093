"""How far a score keeps its plan: bars, metre, tempo, chords, bass notes, cadences, themes.

Everything is read from the notes; no engine's word is taken for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import Cadence, ChordSpan, Deviation, KeySpan
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import pitch_class
from hybrid.core.plan import FormPlan, PlacedPhrase
from hybrid.core.score import Score
from hybrid.theory.voices import find_voices

#: Share of the sounding time that must belong to a planned chord for the chord to count as
#: kept. Bach's own chorales have about 0.85 of their note time on chord tones.
MIN_CHORD_SHARE = 0.6
#: Variations whose notes stand elsewhere than the theme's own.
RESHAPED = ("sequence", "inversion", "retrograde", "augmentation", "diminution")
#: Semitones above the tonic, where the degrees that tell major from minor count as one.
BOTH_MODES = (0, 1, 2, 3, 3, 5, 6, 7, 8, 8, 10, 10)


@dataclass(frozen=True)
class Agreement:
    """Figures of a score under its plan; shares are in 0..1.

    Attributes
    ----------
    chords : float
        Share of planned chords whose root or third sounds and to which at least
        `MIN_CHORD_SHARE` of the note time of their span belongs.
    bass : float
        Share of planned chords whose bass tone is the lowest note somewhere in their span.
    cadences : float
        Share of planned cadences found at the end of their phrase, of the planned kind.
    themes_same, themes_other : float
        Mean similarity of the leading voice between phrases of one theme label, and between
        phrases of different labels; nan where there are no such pairs. See
        `theme_similarity`.
    """

    bars_planned: int
    bars_found: int
    chords: float
    bass: float
    cadences: float
    themes_same: float
    themes_other: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values; nan becomes None."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: None if isinstance(value, float) and np.isnan(value) else value
            for name, value in values.items()
        }


def ticks(quarters: Fraction, score: Score) -> int:
    """A planned time on the score's ticks."""
    return round(quarters * score.ticks_per_quarter)


def planned_chords(plan: FormPlan, score: Score) -> tuple[ChordSpan, ...]:
    """The plan's chords as spans on the score's ticks, probability 1."""
    spans = []
    for placed in plan.phrases():
        for chord in placed.phrase.chords:
            key, numeral = placed.key_of(chord), chord.roman
            spans.append(
                ChordSpan(
                    onset=ticks(placed.start + chord.onset, score),
                    end=ticks(placed.start + chord.end, score),
                    numeral=chord.numeral,
                    key=key,
                    degree=numeral.degree,
                    quality=numeral.quality(key),
                    inversion=numeral.inversion,
                    root=numeral.root(key),
                )
            )
    return tuple(spans)


def planned_keys(plan: FormPlan, score: Score) -> tuple[KeySpan, ...]:
    """The plan's local keys as spans; neighbours in one key are joined."""
    spans: list[KeySpan] = []
    for chord in planned_chords(plan, score):
        if spans and spans[-1].key == chord.key:
            spans[-1] = KeySpan(spans[-1].onset, chord.end, chord.key)
        else:
            spans.append(KeySpan(chord.onset, chord.end, chord.key))
    return tuple(spans)


def pitched_notes(score: Score) -> NDArray[Any]:
    """All notes of all tracks but drums, by onset."""
    parts = [track.notes for track in score.tracks if not track.is_drum]
    notes = np.concatenate(parts) if parts else np.empty(0, dtype=score.tracks[0].notes.dtype)
    return notes[np.argsort(notes["onset"], kind="stable")]


def measure_agreement(
    plan: FormPlan, score: Score, cadences: Sequence[Cadence]
) -> tuple[Agreement, tuple[Deviation, ...]]:
    """Compare a score with its plan.

    Parameters
    ----------
    plan : FormPlan
        Complete, with chords.
    score : Score
    cadences : sequence of Cadence
        As found in the notes (`hybrid.theory.cadences`).

    Returns
    -------
    (Agreement, tuple of Deviation)
    """
    deviations: list[Deviation] = []
    _compare_frame(plan, score, deviations)
    chord_share, bass_share = _compare_chords(plan, score, deviations)
    cadence_share = _compare_cadences(plan, score, cadences, deviations)
    same, other = theme_similarity(plan, score)
    found = sum(not bar.is_pickup for bar in score.bars)
    agreement = Agreement(plan.n_bars, found, chord_share, bass_share, cadence_share, same, other)
    return agreement, tuple(deviations)


def _compare_frame(plan: FormPlan, score: Score, deviations: list[Deviation]) -> None:
    found = sum(not bar.is_pickup for bar in score.bars)
    if found != plan.n_bars:
        deviations.append(Deviation("bars", found, str(plan.n_bars), str(found)))
    if score.length != ticks(plan.quarters, score):
        expected = ticks(plan.quarters, score)
        deviations.append(Deviation("length", found, f"{expected} ticks", f"{score.length} ticks"))
    for placed in plan.phrases():
        bar = score.bar_at(ticks(placed.start, score))
        expected_metre, metre = placed.metre.name, bar.metre.name
        if metre != expected_metre:
            deviations.append(Deviation("metre", placed.first_bar, expected_metre, metre))
        tempo = placed.shared.tempo_qpm
        heard = [item.qpm for item in score.tempos if item.tick <= ticks(placed.start, score)]
        if tempo is not None and (not heard or abs(heard[-1] - tempo) > 0.01 * tempo):
            shown = f"{heard[-1]:g}" if heard else "none"
            deviations.append(Deviation("tempo", placed.first_bar, f"{tempo:g}", shown))


@dataclass(frozen=True)
class ChordFit:
    """How the notes of a span keep its planned chord.

    Attributes
    ----------
    span : ChordSpan
    share : float
        Share of the note time that belongs to the chord, 0..1; 0 in silence.
    kept : bool
        As `Agreement.chords` counts it.
    has_bass : bool
        Whether the planned bass is the lowest note somewhere in the span.
    sounding : tuple of int
        Pitch classes, ascending; empty in silence.
    """

    span: ChordSpan
    share: float
    kept: bool
    has_bass: bool
    sounding: tuple[int, ...]


def fit_chords(spans: Sequence[ChordSpan], score: Score) -> list[ChordFit]:
    """How a score's notes keep planned chords."""
    notes = pitched_notes(score)
    onsets, ends = notes["onset"], notes["onset"] + notes["duration"]
    # Notes are sorted by onset; the longest note bounds how far back a span must look.
    longest = int(notes["duration"].max()) if len(notes) else 0
    fits = []
    for span in spans:
        low = int(np.searchsorted(onsets, span.onset - longest))
        high = int(np.searchsorted(onsets, span.end))
        overlap = np.minimum(ends[low:high], span.end) - np.maximum(onsets[low:high], span.onset)
        sounding = overlap > 0
        pitches = notes["pitch"][low:high][sounding]
        if not len(pitches):
            fits.append(ChordFit(span, 0.0, False, False, ()))
            continue
        time = overlap[sounding]
        numeral = RomanNumeral.parse(span.numeral)
        tones = [pitch_class(tone) for tone in numeral.tones(span.key)]
        classes = pitches % 12
        share = float(time[np.isin(classes, tones)].sum() / time.sum())
        kept = share >= MIN_CHORD_SHARE and bool(np.isin(tones[:2], classes).any())
        starts = onsets[low:high][sounding]
        stops = ends[low:high][sounding]
        moments = np.unique(np.maximum(starts, span.onset))
        bass = pitch_class(numeral.bass(span.key))
        lowest = [
            int(pitches[(starts <= moment) & (stops > moment)].min()) % 12 for moment in moments
        ]
        heard = tuple(sorted(set(classes.tolist())))
        fits.append(ChordFit(span, share, kept, bass in lowest, heard))
    return fits


def chord_deviation(fit: ChordFit, bar: int) -> Deviation:
    """What a planned chord that is not kept looks like in a list."""
    label = f"{fit.span.numeral} in {fit.span.key.name}"
    if not fit.sounding:
        return Deviation("chord", bar, label, "silence")
    shown = " ".join(str(value) for value in fit.sounding)
    found = f"pitch classes {shown}, {fit.share:.0%} of the time in the chord"
    return Deviation("chord", bar, label, found)


def _compare_chords(
    plan: FormPlan, score: Score, deviations: list[Deviation]
) -> tuple[float, float]:
    fits = fit_chords(planned_chords(plan, score), score)
    deviations += [
        chord_deviation(fit, score.bar_at(fit.span.onset).number) for fit in fits if not fit.kept
    ]
    count = max(len(fits), 1)
    # A silent span says nothing of its bass.
    return sum(fit.kept for fit in fits) / count, sum(fit.has_bass for fit in fits) / count


def cadence_place(placed: PlacedPhrase, score: Score) -> tuple[int, int]:
    """Ticks between which the last chord of a phrase's cadence may begin."""
    start, end = ticks(placed.start, score), ticks(placed.end, score)
    return max(start, score.bar_at(end - 1).start - (end - start) // 2), end


def _compare_cadences(
    plan: FormPlan,
    score: Score,
    cadences: Sequence[Cadence],
    deviations: list[Deviation],
) -> float:
    planned = kept = 0
    for placed in plan.phrases():
        wanted = placed.phrase.cadence
        if wanted in (None, "none"):
            continue
        planned += 1
        last_bars, end = cadence_place(placed, score)
        found = [cadence for cadence in cadences if last_bars <= cadence.tick < end]
        if any(cadence.kind == wanted for cadence in found):
            kept += 1
            continue
        shown = ", ".join(cadence.kind for cadence in found) or "none"
        deviations.append(Deviation("cadence", placed.last_bar, str(wanted), shown))
    return kept / planned if planned else 1.0


def theme_similarity(plan: FormPlan, score: Score) -> tuple[float, float]:
    """Mean similarity of phrases with one theme label, and with different ones.

    The similarity of two phrases is the share of (onset in the phrase, interval to the
    phrase's tonic) pairs of the leading voice that they have in common: the F-measure of
    the two sets, so lengths may differ. Between major and minor the thirds, sixths and
    sevenths of both modes count as one. The leading voice is the highest line of the first
    pitched track. Returns that the plan moves or turns round (`RESHAPED`) have no notes to
    keep in place, and are left out.
    """
    lines = find_voices(score)
    if not lines:
        return float("nan"), float("nan")
    first_track = min(line.track for line in lines)
    leading = next(line for line in lines if line.track == first_track)
    placed = [item for item in plan.phrases() if item.phrase.theme]
    sets = [_onset_pitch_pairs(leading.notes, item, score) for item in placed]
    without_mode = [{(onset, BOTH_MODES[step]) for onset, step in pairs} for pairs in sets]
    same: list[float] = []
    other: list[float] = []
    for index, first in enumerate(placed):
        # Against the label's first appearance and each other label's: linear in the piece.
        for before in _first_appearances(placed[:index]):
            if not sets[index] or not sets[before]:
                continue
            one_mode = placed[before].key.is_minor == first.key.is_minor
            here, there = ((sets if one_mode else without_mode)[n] for n in (index, before))
            similarity = 2 * len(here & there) / (len(here) + len(there))
            if placed[before].phrase.theme != first.phrase.theme:
                other.append(similarity)
            elif first.phrase.variation not in RESHAPED:
                same.append(similarity)
    mean = [float(np.mean(values)) if values else float("nan") for values in (same, other)]
    return mean[0], mean[1]


def _first_appearances(placed: Sequence[PlacedPhrase]) -> list[int]:
    first: dict[str, int] = {}
    for index, item in enumerate(placed):
        first.setdefault(str(item.phrase.theme), index)
    return list(first.values())


def _onset_pitch_pairs(
    notes: NDArray[Any], placed: PlacedPhrase, score: Score
) -> set[tuple[int, int]]:
    start, end = ticks(placed.start, score), ticks(placed.end, score)
    inside = notes[(notes["onset"] >= start) & (notes["onset"] < end)]
    tonic = pitch_class(placed.key.tonic)
    return {
        (int(onset) - start, (int(pitch) - tonic) % 12)
        for onset, pitch in zip(inside["onset"], inside["pitch"], strict=True)
    }
