"""How passages are set: instruments, texture, dynamics, register, tempo.

Rules of thumb on what sounds in each bar; they read what `hybrid.core.plan.TEXTURES`
describes and know no other texture. A simplified reading.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.instruments import INSTRUMENTS
from hybrid.core.plan import DYNAMICS
from hybrid.core.score import Score, Track
from hybrid.core.timeline import Metre
from hybrid.theory.extract.grid import Grid

#: One name for the staves of an instrument that has two.
_TWO_STAVES = ("keyboard", "plucked")
#: Semitones from the middle of the instruments' ranges at which a register is low or high.
REGISTER_SHIFT = 9
#: Share of moments at which a line may have two notes or more.
MAX_DOUBLE_STOPS = 0.05
#: The slowest line must have this share of the busiest one's notes.
MIN_RATE_RATIO = 0.5
#: A lower line with this share of leaps among its moves breaks chords.
BROKEN_CHORDS = 0.7
#: Two lines whose onsets agree this far are in one rhythm.
ONE_RHYTHM = 0.85
#: A line whose onsets agree this far with the lead's moves with it.
WITH_LEAD = 0.6
#: A chorale has this share of its onsets in three voices or more.
TOGETHER = 0.45
#: A highest note this many semitones under the usual one is no lead.
LEAD_REACH = 10
#: Semitones between bass and chord that make an alternation.
BASS_DROP = 4
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
    """The texture of a passage, of `hybrid.core.plan.TEXTURES`.

    Lines that move about as often as each other, no two in one rhythm, are a chorale (four
    or more, mostly together) or counterpoint. Else the notes under the lead decide: by how
    often and where in the bar they start, and whether the lowest come alone.
    """
    lines = _lines(grid.score, start, end)
    if lines is not None:
        return lines
    notes = _under_the_lead(grid, start, end)
    if not len(notes):
        return "homophonic"
    metre = grid.score.bar_at(start).metre
    return _accompaniment(notes, grid, metre, start)


def _lines(score: Score, start: int, end: int) -> str | None:
    """``chorale`` or ``counterpoint`` where all tracks are lines of like rate, else None."""
    onsets: list[set[int]] = []
    for track in score.tracks:
        low, high = np.searchsorted(track.notes["onset"], [start, end])
        if track.is_drum or low == high:
            continue
        moments, count = np.unique(track.notes["onset"][low:high], return_counts=True)
        if (count > 1).mean() > MAX_DOUBLE_STOPS:
            return None
        moves = np.abs(np.diff(track.notes["pitch"][low:high]))
        if onsets and len(moves) and (moves > 2).mean() >= BROKEN_CHORDS:
            return None
        onsets.append(set(moments.tolist()))
    sizes = [len(moments) for moments in onsets]
    if len(onsets) < 2 or min(sizes) < MIN_RATE_RATIO * max(sizes):
        return None
    # Two lines in one rhythm that the lead does not have are chords under it.
    for first, second in combinations(onsets[1:], 2):
        if _alike(first, second) >= ONE_RHYTHM and _alike(onsets[0], first) < WITH_LEAD:
            return None
    together = Counter(tick for moments in onsets for tick in moments)
    share = sum(n >= 3 for n in together.values()) / len(together)
    return "chorale" if len(onsets) >= 4 and share >= TOGETHER else "counterpoint"


def _alike(first: set[int], second: set[int]) -> float:
    return len(first & second) / len(first | second)


def _under_the_lead(grid: Grid, start: int, end: int) -> NDArray[Any]:
    """Notes of the other tracks, or those of a single track that are not its highest."""
    score = grid.score
    playing = [t for t in score.tracks if not t.is_drum and len(t.notes)]
    low, high = np.searchsorted(grid.notes["onset"], [start, end])
    notes = grid.notes[low:high]
    lead = playing[0].notes
    a, b = np.searchsorted(lead["onset"], [start, end])
    if len(playing) > 1 and b - a == len(np.unique(lead["onset"][a:b])) > 0:
        lead = lead[a:b]
        own = np.isin(notes["onset"] * 128 + notes["pitch"], lead["onset"] * 128 + lead["pitch"])
        others: NDArray[Any] = notes[~own]
        return others
    moments, which = np.unique(notes["onset"], return_inverse=True)
    top = np.full(len(moments), -1)
    np.maximum.at(top, which, notes["pitch"])
    middle = float(np.median(top)) if len(top) else 0.0
    is_top = (notes["pitch"] == top[which]) & (notes["pitch"] >= middle - LEAD_REACH)
    below: NDArray[Any] = notes[~is_top]
    return below


def _accompaniment(notes: NDArray[Any], grid: Grid, metre: Metre, start: int) -> str:
    """The pattern of the notes under the lead, on half beats."""
    beat = float(metre.beat_quarters) * grid.score.ticks_per_quarter
    size = 2 * metre.n_beats
    place = np.round((notes["onset"] - start) / (beat / 2)).astype(np.int64)
    bar, half = np.divmod(place, size)
    n_bars = int(bar.max()) + 1
    count = np.zeros((n_bars, size))
    np.add.at(count, (bar, half), 1)
    low = np.full((n_bars, size), 128.0)
    np.minimum.at(low, (bar, half), notes["pitch"].astype(np.float64))
    starts = count > 0
    rate = float(starts.sum()) / (n_bars * metre.n_beats)
    alone = float((count[starts] == 1).mean())
    if alone >= 0.5 and rate >= 1.4:
        return "alberti" if _turning(low[starts]) >= 0.6 else "arpeggio"
    if metre.n_beats == 3 and _alternates(low, starts, [0], [2, 4]):
        return "waltz"
    on, off = list(range(0, size, 4)), list(range(2, size, 4))
    if metre.n_beats % 2 == 0 and _alternates(low, starts, on, off):
        return "march"
    beats = low[:, ::2]
    walks = (beats < 128).mean() >= 0.85 and (count[:, ::2] == 1).mean() >= 0.4
    if walks and (np.diff(beats.reshape(-1)) != 0).mean() >= 0.5:
        return "walking_bass"
    return "pad" if rate <= 0.55 else "homophonic"


def _alternates(
    low: NDArray[np.float64], starts: NDArray[np.bool_], on: list[int], off: list[int]
) -> bool:
    """Whether in most bars the lowest notes on some places lie well under those on others."""
    bass = np.where(starts, low, np.nan)[:, on]
    chord = np.where(starts, low, np.nan)[:, off]
    both = starts[:, on].any(axis=1) & starts[:, off].any(axis=1)
    if not both.any():
        return False
    drop = np.nanmin(chord[both], axis=1) - np.nanmax(bass[both], axis=1)
    return bool((drop >= BASS_DROP).sum() >= 0.5 * len(low))


def _turning(pitches: NDArray[np.float64]) -> float:
    """Share of changes of direction among the moves of a line."""
    moves = np.sign(np.diff(pitches))
    moves = moves[moves != 0]
    return float((moves[1:] != moves[:-1]).mean()) if len(moves) > 1 else 0.0


__all__ = [
    "mean_tempo",
    "name_dynamics",
    "name_instruments",
    "name_register",
    "name_texture",
]
