"""Bach's chorales on a grid of sixteenths, as the exhibits that learn from them see them.

A grid says for each sixteenth and voice what sounds and whether it begins there, where the
sixteenth lies in its bar, and whether it lies under a fermata. Training reads the corpora
``bach_chorales`` (CC0), its accidentals mended, split as the benchmark is; the chorales that are
held out come with the package, so that the figures can be measured anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import FormatError
from hybrid.core.pitch import Key
from hybrid.core.resources import resource_path
from hybrid.core.score import Score
from hybrid.history.chorales import SIXTEENTH, VOICES, Chorale, load_chorales, read_chorale

#: What the benchmark's pitches span.
LOWEST, HIGHEST = 36, 81
#: Lowest and highest pitch of each voice in the chorales for training.
RANGES = ((60, 81), (53, 74), (48, 69), (36, 64))
REST = -1
#: Sixteenths of the longest bar.
LONGEST_BAR = 16
HELD_OUT = "chorales_held_out.tsv"


@dataclass(frozen=True, eq=False)
class ChoraleGrid:
    """A chorale on T sixteenths.

    Attributes
    ----------
    name : str
        Number in the collection of 371.
    key : Key
    pitches : np.ndarray, shape (T, 4), int16
        What sounds, soprano first; -1 is a rest.
    onsets : np.ndarray, shape (T, 4), bool
        Whether it begins there.
    places : np.ndarray, shape (T,), int16
        Sixteenths since the bar began.
    fermatas : np.ndarray, shape (T,), bool
        Whether the soprano's note ends a phrase.
    """

    name: str
    key: Key
    pitches: NDArray[np.int16]
    onsets: NDArray[np.bool_]
    places: NDArray[np.int16]
    fermatas: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pitches)

    @property
    def tonic(self) -> int:
        """Pitch class of the tonic."""
        return 7 * self.key.tonic % 12

    @property
    def mode(self) -> int:
        """0 major, 1 minor."""
        return int(self.key.mode != "major")

    @property
    def room(self) -> tuple[int, int]:
        """Semitones by which it can go down (0 or less) and up with every voice in its range."""
        low, high = -12, 12
        for voice, (lowest, highest) in enumerate(RANGES):
            sung = self.pitches[:, voice][self.pitches[:, voice] != REST]
            low = max(low, lowest - int(sung.min()))
            high = min(high, highest - int(sung.max()))
        return min(0, low), max(0, high)

    def moved(self, semitones: int) -> ChoraleGrid:
        """It, transposed."""
        tonic = (7 * self.key.tonic + semitones) * 7 % 12
        key = Key(tonic if tonic <= 6 else tonic - 12, self.key.mode)
        pitches = np.where(self.pitches == REST, REST, self.pitches + semitones)
        return replace(self, key=key, pitches=pitches.astype(np.int16))


def grid_of_chorale(chorale: Chorale) -> ChoraleGrid:
    """A chorale of the package's file; it is in common time."""
    length = chorale.voices[0][-1][0] + chorale.voices[0][-1][1]
    steps = length // SIXTEENTH
    pitches = np.full((steps, len(VOICES)), REST, dtype=np.int16)
    onsets = np.zeros((steps, len(VOICES)), dtype=bool)
    for voice, notes in enumerate(chorale.voices):
        for onset, ticks, pitch, _ in notes:
            first = onset // SIXTEENTH
            pitches[first : first + ticks // SIXTEENTH, voice] = pitch
            onsets[first, voice] = True
    places = (np.arange(steps) - 4 * chorale.upbeat) % LONGEST_BAR
    fermatas = mark_ends(onsets[:, 0], [4 * end for end in chorale.ends])
    return ChoraleGrid(
        str(chorale.number), chorale.key, pitches, onsets, places.astype(np.int16), fermatas
    )


def mark_ends(onsets: NDArray[np.bool_], ends: list[int]) -> NDArray[np.bool_]:
    """The sixteenths of the notes that sound before each of the ends; shape (T,).

    >>> mark_ends(np.array([True, False, True, False]), [4]).tolist()
    [False, False, True, True]
    """
    marked = np.zeros(len(onsets), dtype=bool)
    for end in ends:
        before = np.flatnonzero(onsets[:end])
        if len(before):
            marked[before[-1] : end] = True
    return marked


def shipped_grids() -> list[ChoraleGrid]:
    """The chorales of the package that may be learnt from."""
    return [grid_of_chorale(chorale) for chorale in load_chorales().values()]


@cache
def held_out_grids() -> dict[str, ChoraleGrid]:
    """Chorales that no training here has seen, by number: the benchmark has them for testing.

    Raises
    ------
    FormatError
        If a line of the file cannot be read.
    """
    text = resource_path("history", "data", HELD_OUT).read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines():
        if line and line[0] != "#":
            chorale = read_chorale(line)
            found[str(chorale.number)] = grid_of_chorale(chorale)
    return found


@cache
def held_out_titles() -> dict[str, str]:
    """First lines of the chorales of `held_out_grids`."""
    text = resource_path("history", "data", HELD_OUT).read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and line[0] != "#"]
    return {row[0]: row[1] for row in rows}


def read_grids(location: str | Path, split: str) -> Iterator[ChoraleGrid]:
    """The chorales of one split of the benchmark, from the corpora.

    Parameters
    ----------
    location : str or Path
        Folder with ``bach_chorales`` and ``jsb-chorales``.
    split : str
        ``train``, ``valid`` or ``test``.

    Notes
    -----
    Left out are chorales that are none of the benchmark's, come twice, differ too much from the
    benchmark's notes, have bars longer than common time, or notes off the sixteenths.
    """
    from hybrid.io.corpora import open_files
    from hybrid.symbolic_transformer.chorale_corpus import read_chorale_corpus
    from hybrid.symbolic_transformer.chorale_matching import read_benchmark
    from hybrid.symbolic_transformer.chorale_mending import mend
    from hybrid.symbolic_transformer.chorale_phrases import find_phrases
    from hybrid.symbolic_transformer.chorale_splits import chorale_splits
    from hybrid.theory.extract import find_chords

    scores, _ = read_chorale_corpus(location)
    [text] = [
        stream.read()
        for _, stream in open_files("jsb-chorales", location, ("Jsb16thSeparated.json",))
    ]
    benchmark = {piece.id: piece for piece in read_benchmark(text)}
    matches = chorale_splits(["bach_chorales"])
    seen = set()
    for number, score in sorted(scores.items()):
        match = matches.get(("bach_chorales", number))
        if match is None or not match.is_same or match.split != split or match.id in seen:
            continue
        mended, mending = mend(score, match, benchmark[match.id].grid)
        if not mending.is_sound:
            continue
        ends = [mark.end for mark in find_phrases(mended, find_chords(mended))]
        try:
            grid = _grid_of_score(number.lstrip("0"), mended, [round(4 * end) for end in ends])
        except FormatError:
            continue
        seen.add(match.id)
        yield grid


def kept_grids(location: str | Path, split: str, folder: Path) -> list[ChoraleGrid]:
    """As `read_grids`, but read from the corpora only once: a file in ``folder`` keeps them."""
    from hybrid.io.atomic import atomic_file

    path = folder / f"chorales_{split}.npz"
    if not path.exists():
        arrays: dict[str, NDArray[Any]] = {}
        for grid in read_grids(location, split):
            for name in ("pitches", "onsets", "places", "fermatas"):
                arrays[f"{grid.name}/{grid.key}/{name}"] = getattr(grid, name)
        with atomic_file(path) as place, place.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
    found: dict[str, dict[str, NDArray[Any]]] = {}
    with np.load(path, allow_pickle=False) as archive:
        for full in archive.files:
            owner, _, name = full.rpartition("/")
            found.setdefault(owner, {})[name] = archive[full]
    return [
        ChoraleGrid(owner.partition("/")[0], Key.parse(owner.partition("/")[2]), **parts)
        for owner, parts in found.items()
    ]


def _grid_of_score(number: str, score: Score, ends: list[int]) -> ChoraleGrid:
    step = score.ticks_per_quarter // 4
    steps = -(-score.length // step)
    pitches = np.full((steps, len(VOICES)), REST, dtype=np.int16)
    onsets = np.zeros((steps, len(VOICES)), dtype=bool)
    for voice, track in enumerate(score.tracks):
        for note in track.notes:
            onset, length = int(note["onset"]), int(note["duration"])
            # A thirty-second is sung to its sixteenth, or not at all.
            first, last = -(-onset // step), -(-(onset + length) // step)
            if first < last:
                pitches[first:last, voice] = note["pitch"]
                onsets[first, voice] = True
    places = np.zeros(steps, dtype=np.int16)
    for bar in score.bars:
        first, last = bar.start // step, min(steps, bar.end // step)
        full = int(bar.metre.bar_quarters * 4)
        if full > LONGEST_BAR:
            raise FormatError(f"bars must be common time or shorter, got {bar.metre.name}")
        # A pickup is the end of a bar.
        begin = full - (last - first) if bar.is_pickup else 0
        places[first:last] = begin + np.arange(last - first)
    bass = int(score.tracks[3].notes[-1]["spelling"])
    fifths = score.keys[0].key.fifths
    # Old signatures: a minor piece may have a flat less, a major piece a sharp less.
    mode = {0: "major", 1: "major", 2: "minor", 3: "minor"}.get(bass - fifths)
    key = Key.from_fifths(fifths, "minor") if mode is None else Key(bass, mode)
    return ChoraleGrid(number, key, pitches, onsets, places, mark_ends(onsets[:, 0], ends))
