"""How passages are set: instruments, texture, dynamics, register, tempo.

Rules of thumb on what sounds in each bar; they read what `hybrid.core.plan.TEXTURES`
describes and know no other texture. A simplified reading.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.instruments import INSTRUMENTS
from hybrid.core.plan import DYNAMICS
from hybrid.core.score import Score, Track
from hybrid.theory.extract.grid import Grid

#: One name for the staves of an instrument that has two.
_TWO_STAVES = ("keyboard", "plucked")
#: Semitones from the middle of the instruments' ranges at which a register is low or high.
REGISTER_SHIFT = 9
SLOWEST, FASTEST = 10.0, 400.0  # a plan's tempi


def name_instruments(score: Score) -> tuple[str, ...]:
    """Instruments of the tracks, highest part first; drums last.

    A track's own name counts first, then its General MIDI program, then the nearest
    program of its family. The staves of one keyboard, harp or guitar are one player.
    """
    found: list[tuple[float, str]] = []
    drums = False
    for track in score.tracks:
        if track.is_drum:
            drums = drums or bool(len(track.notes))
        elif len(track.notes):
            found.append((-float(np.median(track.notes["pitch"])), _instrument(track)))
    found.sort(key=lambda item: item[0])
    names: list[str] = []
    for _, name in found:
        if name in names and INSTRUMENTS[name].family in _TWO_STAVES:
            continue
        names.append(name)
    return (*names, *(["drums"] if drums else []))


def _instrument(track: Track) -> str:
    name = track.name.strip().lower()
    program = track.program
    for known, item in INSTRUMENTS.items():
        # A voice called "bass" is no double bass: the program must agree.
        if known == name and (item.program == program or item.program // 8 == program // 8):
            return known
    exact = [known for known, item in INSTRUMENTS.items() if item.program == program]
    pitched = [known for known in exact if not INSTRUMENTS[known].is_drum]
    if pitched:
        return _nearest_range(pitched, track)
    family = [
        known
        for known, item in INSTRUMENTS.items()
        if item.program // 8 == program // 8 and not item.is_drum
    ]
    return _nearest_range(family, track) if family else "piano"


def _nearest_range(names: list[str], track: Track) -> str:
    median = float(np.median(track.notes["pitch"]))
    return min(
        names, key=lambda n: abs((INSTRUMENTS[n].lowest + INSTRUMENTS[n].highest) / 2 - median)
    )


def name_dynamics(grid: Grid, start: int, end: int) -> str:
    """The dynamic mark nearest to the notes' mean velocity; ``mf`` in silence."""
    onset = grid.notes["onset"]
    low, high = np.searchsorted(onset, [start, end])
    if low == high:
        return "mf"
    mean = float(grid.notes["velocity"][low:high].mean())
    return min(DYNAMICS, key=lambda name: abs(DYNAMICS[name] - mean))


def mean_tempo(score: Score, start: int, end: int) -> float:
    """Quarters a minute on the average from tick to tick, to two decimals."""
    first, last = score.tempo_map.to_seconds([start, max(end, start + 1)])
    quarters = max(end - start, 1) / score.ticks_per_quarter
    return float(np.clip(round(60.0 * quarters / max(last - first, 1e-9), 2), SLOWEST, FASTEST))


def name_register(grid: Grid, names: tuple[str, ...], start: int, end: int) -> str:
    """Whether the notes lie low, high or in the middle of the instruments' ranges."""
    low, high = np.searchsorted(grid.notes["onset"], [start, end])
    pitched = [INSTRUMENTS[name] for name in names if not INSTRUMENTS[name].is_drum]
    if low == high or not pitched:
        return "middle"
    centre = float(np.mean([(item.lowest + item.highest) / 2 for item in pitched]))
    shift = float(np.median(grid.notes["pitch"][low:high])) - centre
    return "low" if shift <= -REGISTER_SHIFT else "high" if shift >= REGISTER_SHIFT else "middle"


def name_texture(grid: Grid, start: int, end: int) -> str:
    """The texture of a passage, of `hybrid.core.plan.TEXTURES`."""
    score = grid.score
    onset = grid.notes["onset"]
    low, high = np.searchsorted(onset, [start, end])
    notes = grid.notes[low:high]
    if not len(notes):
        return "homophonic"
    metre = score.bar_at(start).metre
    beat = float(metre.beat_quarters) * score.ticks_per_quarter
    beats = max((end - start) / beat, 1.0)
    moments, which = np.unique(notes["onset"], return_inverse=True)
    count = np.bincount(which)
    top = np.full(len(moments), -1)
    np.maximum.at(top, which, notes["pitch"])
    playing = []
    for track in score.tracks:
        if track.is_drum or not len(track.notes):
            continue
        inside = track.notes[(track.notes["onset"] >= start) & (track.notes["onset"] < end)]
        if len(inside):
            alone = len(np.unique(inside["onset"])) >= 0.95 * len(inside)
            playing.append((alone, len(inside), inside))
    lines = sum(alone for alone, _, _ in playing)
    if lines == len(playing) and lines >= 2:
        together = float((count >= min(3, lines)).mean())
        if together >= 0.45 and lines >= 3:
            return "chorale"
        busiest = sorted(size for _, size, _ in playing)
        if busiest[0] >= 0.35 * busiest[-1]:
            return "counterpoint"
    below = _below_the_lead(notes, moments, which, top)
    return _accompaniment(below, beat, beats, metre.n_beats, start)


def _below_the_lead(
    notes: NDArray[Any],
    moments: NDArray[np.int64],
    which: NDArray[np.int64],
    top: NDArray[np.int64],
) -> NDArray[Any]:
    """Notes that are not the highest of their moment, or lie far under the median of those."""
    middle = float(np.median(top))
    is_top = (notes["pitch"] == top[which]) & (notes["pitch"] >= middle - 10)
    below: NDArray[Any] = notes[~is_top]
    return below


def _accompaniment(below: NDArray[Any], beat: float, beats: float, n_beats: int, start: int) -> str:
    if not len(below):
        return "homophonic"
    moments, which = np.unique(below["onset"], return_inverse=True)
    count = np.bincount(which)
    lowest = np.full(len(moments), 128)
    np.minimum.at(lowest, which, below["pitch"])
    rate = len(moments) / beats
    held = float(np.median(below["duration"])) / beat
    single = float((count == 1).mean())
    if rate <= 0.6 and held >= 1.5:
        return "pad"
    if single >= 0.6 and rate >= 1.4:
        return "alberti" if _turning(lowest) >= 0.6 else "arpeggio"
    place = np.round((moments - start) / beat * 2) % (2 * n_beats)
    on_one = place == 0
    if n_beats == 3 and on_one.any() and (~on_one).any():
        drop = float(np.median(lowest[~on_one])) - float(np.median(lowest[on_one]))
        if drop >= 5 and 0.7 <= rate <= 1.5:
            return "waltz"
    odd = (place / 2).astype(int) % 2 == 0
    if n_beats in (2, 4) and odd.any() and (~odd).any():
        drop = float(np.median(lowest[~odd])) - float(np.median(lowest[odd]))
        if drop >= 7 and 0.7 <= rate <= 2.2:
            return "march"
    moves = np.abs(np.diff(lowest[np.round((moments - start) % beat) == 0]))
    moves = moves[moves > 0]
    if len(moves) >= 0.6 * beats and float((moves <= 2).mean()) >= 0.5:
        return "walking_bass"
    return "homophonic"


def _turning(pitches: NDArray[np.int64]) -> float:
    """Share of changes of direction among the moves of a line."""
    moves = np.sign(np.diff(pitches))
    moves = moves[moves != 0]
    if len(moves) < 2:
        return 0.0
    return float((moves[1:] != moves[:-1]).mean())


__all__ = [
    "mean_tempo",
    "name_dynamics",
    "name_instruments",
    "name_register",
    "name_texture",
]
