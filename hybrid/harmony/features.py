"""Notes and bars as the arrays that the model reads; none of them changes under transposition.

Pitch enters in two ways only: as the distance of a note from the centre of the music around
it (on the line of fifths), and as the place of a note above each of twelve candidate tonics,
which the model itself looks up. So a piece and its transpositions give the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.harmony.corpus import TICKS_PER_QUARTER
from hybrid.harmony.graph import build_graph, expand_ranges

FRAME_TICKS = TICKS_PER_QUARTER // 2
REACH = 14  # places on the line of fifths, either way, that intervals are told apart
N_PLACES = 2 * REACH + 1
N_DURATIONS = 10
N_ACCENTS = 6
N_STEPS = 27  # melodic steps -12..12 semitones, one for further, one for none
#: Tonics are spelled so that this lies between them and the centre of the notes around.
CENTRE_ABOVE_TONIC = 1.75
_SMOOTHING_FRAMES = 4


@dataclass(frozen=True, eq=False)
class PieceArrays:
    """Everything the model reads of one piece. N notes, E edges, P pairs, T frames.

    Attributes
    ----------
    spelling : np.ndarray, shape (N,), int16
        Tonal pitch class.
    note_ints : np.ndarray, shape (N, 6), int16
        Place from the centre, duration class, accent, step from the note before, step to the
        note after, outer voice (0 inner, 1 lowest, 2 highest, 3 both).
    note_floats : np.ndarray, shape (N, 4), float32
        Register, log duration, log number of notes that start together, that sound already.
    first_frame : np.ndarray, shape (N,), int32
        Frame in which each note starts; ascends.
    source, target, kind : np.ndarray, shape (E,), int32
        Edges sorted by target; ``kind`` is (relation, interval, direction) as one number.
    pair_note, pair_frame : np.ndarray, shape (P,), int32
        Which note sounds in which frame; sorted by frame.
    pair_floats : np.ndarray, shape (P, 4), float32
        Share of the frame, starts here, lowest, highest.
    frame_accent : np.ndarray, shape (T,), int16
    tonics : np.ndarray, shape (T, 12), int16
        The spelled candidate tonics; column j has pitch class ``7 j mod 12``.
    """

    spelling: NDArray[np.int16]
    note_ints: NDArray[np.int16]
    note_floats: NDArray[np.float32]
    first_frame: NDArray[np.int32]
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    kind: NDArray[np.int32]
    pair_note: NDArray[np.int32]
    pair_frame: NDArray[np.int32]
    pair_floats: NDArray[np.float32]
    frame_accent: NDArray[np.int16]
    tonics: NDArray[np.int16]

    @property
    def n_frames(self) -> int:
        return len(self.frame_accent)

    def items(self) -> dict[str, NDArray[Any]]:
        """The arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def accents(ticks: NDArray[np.int64], bars: NDArray[Any]) -> NDArray[np.int64]:
    """Metrical strength: 5 downbeat, 4 strong beat, 3 beat, 2 half beat, 1 quarter beat, 0 other.

    In compound metres a third of the beat counts as a half beat.
    """
    at = np.maximum(np.searchsorted(bars["start"], ticks, side="right") - 1, 0)
    bar = bars[at]
    unit = 4 * TICKS_PER_QUARTER // bar["denominator"].astype(np.int64)
    numerator = bar["numerator"].astype(np.int64)
    compound = (numerator % 3 == 0) & (numerator > 3) & (bar["denominator"] >= 8)
    beat = np.where(compound, 3 * unit, unit)
    n_beats = numerator * unit // beat
    place = (ticks - bar["start"]) % np.maximum(numerator * unit, 1)
    parts = np.where(compound, 3, 2)
    half = n_beats // 2 * beat
    result = np.zeros(len(ticks), np.int64)
    result[place * 2 * parts % beat == 0] = 1
    result[place * parts % beat == 0] = 2
    result[place % beat == 0] = 3
    strong = (n_beats >= 4) & (n_beats % 2 == 0) & (place == half)
    result[strong] = 4
    result[place == 0] = 5
    return result


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    reach = 3 * _SMOOTHING_FRAMES
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _SMOOTHING_FRAMES) ** 2)
    if len(values) == 0:
        return values
    smoothed: NDArray[np.float64] = np.convolve(np.pad(values, reach), kernel, mode="valid")
    return smoothed


def centres(
    spelling: NDArray[np.integer],
    pair_note: NDArray[np.integer],
    pair_frame: NDArray[np.integer],
    share: NDArray[np.floating],
    n_frames: int,
) -> NDArray[np.float64]:
    """Mean place on the line of fifths of what sounds around each frame, shape (T,)."""
    places = spelling[pair_note].astype(np.float64)
    total = np.bincount(pair_frame, share * places, n_frames).astype(np.float64)
    weight = np.bincount(pair_frame, share, n_frames).astype(np.float64)
    overall = total.sum() / max(weight.sum(), 1e-9)
    centre: NDArray[np.float64] = (_smooth(total) + 1e-3 * overall) / (_smooth(weight) + 1e-3)
    return centre


def candidate_tonics(centre: NDArray[np.float64]) -> NDArray[np.int64]:
    """Spelled tonics of the twelve pitch classes nearest to the music, shape (T, 12)."""
    base = np.arange(12)
    wanted = centre[:, None] - CENTRE_ABOVE_TONIC
    return base + 12 * np.round((wanted - base) / 12).astype(np.int64)


def piece_arrays(
    notes: NDArray[Any],
    bars: NDArray[Any],
    spelling: NDArray[np.integer],
    end: int = 0,
    frame_ticks: int = FRAME_TICKS,
) -> PieceArrays:
    """Arrays of a piece.

    Parameters
    ----------
    notes : np.ndarray of `corpus.NOTES`
        Sorted by onset.
    bars : np.ndarray of `corpus.BARS`
    spelling : np.ndarray, shape (N,)
        Tonal pitch class of every note.
    end : int
        Ticks; frames reach at least so far.
    """
    onset = notes["onset"].astype(np.int64)
    stop = notes["end"].astype(np.int64)
    pitch = notes["pitch"].astype(np.int64)
    spelling = spelling.astype(np.int64)
    n = len(onset)
    last = max(end, int(stop.max(initial=0)), 1)
    n_frames = -(-last // frame_ticks)

    first_frame = onset // frame_ticks
    pair_note, pair_frame = expand_ranges(first_frame, (stop - 1) // frame_ticks + 1)
    order = np.lexsort((pair_note, pair_frame))
    pair_note, pair_frame = pair_note[order], pair_frame[order]
    begin = np.maximum(onset[pair_note], pair_frame * frame_ticks)
    finish = np.minimum(stop[pair_note], (pair_frame + 1) * frame_ticks)
    share = (finish - begin) / frame_ticks
    heights = pitch[pair_note]
    low = np.full(n_frames, 999)
    high = np.full(n_frames, -1)
    np.minimum.at(low, pair_frame, heights)
    np.maximum.at(high, pair_frame, heights)
    pair_floats = np.stack(
        [
            share,
            first_frame[pair_note] == pair_frame,
            heights == low[pair_frame],
            heights == high[pair_frame],
        ],
        axis=1,
    ).astype(np.float32)

    centre = centres(spelling, pair_note, pair_frame, share, n_frames)
    graph = build_graph(onset, stop)
    source, target, relation = graph.source, graph.target, graph.relation
    # What sounds when a note starts decides whether it is an outer voice then.
    sounding = relation <= 1
    lowest, highest = pitch.copy(), pitch.copy()
    np.minimum.at(lowest, target[sounding], pitch[source[sounding]])
    np.maximum.at(highest, target[sounding], pitch[source[sounding]])
    outer = (pitch == lowest) + 2 * (pitch == highest)
    together = np.bincount(target[relation == 0], minlength=n)
    already = np.bincount(target[relation == 1], minlength=n)

    duration = (stop - onset) / TICKS_PER_QUARTER
    duration_class = np.clip(np.round(2 * np.log2(duration) + 4), 0, N_DURATIONS - 1)
    place = np.round(spelling - centre[np.minimum(first_frame, n_frames - 1)])
    note_ints = np.stack(
        [
            np.clip(place, -REACH, REACH) + REACH,
            duration_class,
            accents(onset, bars),
            _nearest_step(graph.source, target, relation == 3, pitch, n),
            _nearest_step(graph.source, target, relation == 4, pitch, n),
            outer,
        ],
        axis=1,
    ).astype(np.int16)
    note_floats = np.stack(
        [
            (pitch - 60) / 24,
            np.clip(np.log2(duration), -4, 4) / 2,
            np.log1p(together) / 2,
            np.log1p(already) / 2,
        ],
        axis=1,
    ).astype(np.float32)

    interval = np.clip(spelling[source] - spelling[target], -REACH, REACH) + REACH
    direction = 1 + np.sign(pitch[source] - pitch[target])
    kind = (relation * N_PLACES + interval) * 3 + direction
    return PieceArrays(
        spelling=spelling.astype(np.int16),
        note_ints=note_ints,
        note_floats=note_floats,
        first_frame=first_frame.astype(np.int32),
        source=source.astype(np.int32),
        target=target.astype(np.int32),
        kind=kind.astype(np.int32),
        pair_note=pair_note.astype(np.int32),
        pair_frame=pair_frame.astype(np.int32),
        pair_floats=pair_floats,
        frame_accent=accents(np.arange(n_frames) * frame_ticks, bars).astype(np.int16),
        tonics=candidate_tonics(centre).astype(np.int16),
    )


def _nearest_step(
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    keep: NDArray[np.bool_],
    pitch: NDArray[np.int64],
    n: int,
) -> NDArray[np.int64]:
    """Semitones from each note to the nearest of its neighbours, as a class of `N_STEPS`."""
    source, target = source[keep], target[keep]
    step = pitch[source] - pitch[target]
    order = np.lexsort((np.abs(step), target))
    target, step = target[order], step[order]
    is_first = np.ones(len(target), bool)
    is_first[1:] = target[1:] != target[:-1]
    result = np.full(n, N_STEPS - 1)
    near = step[is_first]
    result[target[is_first]] = np.where(np.abs(near) <= 12, near + 12, N_STEPS - 2)
    return result


def frame_labels(
    spans: NDArray[Any], n_frames: int, frame_ticks: int = FRAME_TICKS
) -> NDArray[np.int64]:
    """The span that covers most of each frame, shape (T,); -1 where none does."""
    first = spans["onset"].astype(np.int64) // frame_ticks
    last = -(-spans["end"].astype(np.int64) // frame_ticks)
    rows, frames = expand_ranges(first, np.minimum(last, n_frames))
    begin = np.maximum(spans["onset"][rows], frames * frame_ticks)
    finish = np.minimum(spans["end"][rows], (frames + 1) * frame_ticks)
    overlap = finish - begin
    result = np.full(n_frames, -1)
    # The longest overlap is written last; of equal ones the earlier span.
    order = np.lexsort((-rows, overlap))
    result[frames[order]] = rows[order]
    return result
