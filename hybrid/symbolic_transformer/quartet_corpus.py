"""The OpenScore String Quartets as training pieces: movements of four tracks.

The corpus has one MIDI file for each quartet. A movement, or a part of one in a tempo and
metre of its own, begins where a time signature is written together with a tempo or a key
while no note is held. MIDI has no pickups: where the bar lines lie is read from the notes (a
simplified reading: long and low notes begin on bar lines) and from the number of measures.

No composer is in two splits.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import CorpusError, FormatError, HybridError
from hybrid.core.score import KeySignature, Score, Track
from hybrid.core.timeline import Metre, Tempo
from hybrid.io.corpora import open_files
from hybrid.io.midi import midi_to_score
from hybrid.symbolic_transformer.conditions import plan_arrays, score_arrays
from hybrid.symbolic_transformer.corpus import CorpusPiece
from hybrid.theory.extract import extract_plan

CORPORA = ("openscore-string-quartets",)
VOICES = ("violin 1", "violin 2", "viola", "cello")
_PROGRAMS = (40, 40, 41, 42)
#: About a tenth of the corpus' notes each; all other composers are trained on.
COMPOSER_SPLITS = {
    "valid": (
        "Arriaga,_Juan_Crisóstomo_de",
        "Boccherini,_Luigi",
        "Dvořák,_Antonín",
        "Glinka,_Mikhail",
        "Grieg,_Edvard",
        "Schubert,_Franz",
    ),
    "test": (
        "Borodin,_Alexander",
        "Hoffmeister,_Franz_Anton",
        "Mendelssohn,_Felix",
        "Saint-Georges,_Joseph_Bologne",
    ),
}
_Item = TypeVar("_Item", Metre, Tempo, KeySignature)
MIN_QUARTERS = 32  # what is shorter stays with what goes before
#: How much more weight bar lines must have elsewhere before they are moved there.
PICKUP_EVIDENCE = 1.05
_BASS_WEIGHT = 1.5


@dataclass
class QuartetCounts:
    """What happened while quartets were read."""

    files: int = 0
    movements: int = 0
    notes: int = 0
    notes_moved: int = 0
    notes_merged: int = 0
    pickups: int = 0
    refused: list[str] = field(default_factory=list)

    def lines(self) -> tuple[str, ...]:
        """What to tell, one line each."""
        return (
            f"{self.files} quartets, {self.movements} movements, {self.notes} notes",
            f"{self.notes_moved} notes moved to the nearest 1/24 quarter",
            f"{self.notes_merged} notes dropped that fall on another of their track and pitch",
            f"{self.pickups} movements with a pickup read from the notes",
            *(f"left out: {line}" for line in self.refused),
        )


def composer_split(composer: str) -> str:
    """The split of a composer, named as in the corpus' paths."""
    for split, names in COMPOSER_SPLITS.items():
        if composer in names:
            return split
    return "train"


def read_quartets(
    location: str | Path | None = None,
    counts: QuartetCounts | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[CorpusPiece]:
    """The movements in order of composer, file and place.

    Parameters
    ----------
    location : str or Path, optional
        As in `hybrid.io.corpora.open_files`.
    counts : QuartetCounts, optional
        Is told what happened.
    progress : callable, optional
        Called with the number of quartets done and of all.
    """
    counts = QuartetCounts() if counts is None else counts
    files: dict[str, bytes] = {}
    index = ""
    for path, stream in open_files(CORPORA[0], location):
        name = path.rpartition("/")[2]
        if name.endswith(".mid"):
            files[name.removesuffix(".mid")] = stream.read()
        elif name == "index.tsv":
            index = stream.read().decode("utf-8")
    rows = sorted(
        csv.DictReader(io.StringIO(index), delimiter="\t"),
        key=lambda row: (row["source_path"], row["id"]),
    )
    if not rows:
        raise CorpusError("the quartets must have an index.tsv with a line each, got none")
    for done, row in enumerate(rows):
        if progress is not None:
            progress(done, len(rows))
        name, composer = row["id"], row["source_path"].split("/")[1]
        try:
            if name not in files:
                raise CorpusError(f"{name}: a quartet of the index must have a file, got none")
            score = midi_to_score(files[name], "drop").score
            quartet = four_tracks(score, name)
            counts.files += 1
            movements = with_pickups(cut_movements(quartet), int(row["measures"]))
            for number, movement in enumerate(movements, 1):
                piece = _piece(f"quartets/{name}/{number}", composer, movement, counts)
                if piece is not None:
                    yield piece
        except HybridError as error:
            counts.refused.append(str(error))


def _piece(name: str, composer: str, movement: Score, counts: QuartetCounts) -> CorpusPiece | None:
    try:
        plan = plan_arrays(extract_plan(movement))
    except HybridError as error:
        counts.refused.append(f"{name}: {error}")
        return None
    arrays = score_arrays(movement)
    counts.movements += 1
    counts.notes += len(arrays.notes)
    counts.notes_moved += arrays.n_moved
    counts.notes_merged += arrays.n_merged
    counts.pickups += movement.pickup_ticks > 0
    return CorpusPiece(name, composer_split(composer), arrays, plan)


def four_tracks(score: Score, name: str = "") -> Score:
    """The quartet with exactly four tracks; a divided cello is one again.

    Raises
    ------
    FormatError
        If there are fewer than four.
    """
    tracks = [track for track in score.tracks if len(track.notes)]
    if len(tracks) < 4:
        raise FormatError(f"{name}: a quartet must have four tracks, got {len(tracks)}")
    parts = [track.notes for track in tracks[:3]]
    parts.append(np.concatenate([track.notes for track in tracks[3:]]))
    made = [
        Track(voice, notes, program=program)
        for voice, notes, program in zip(VOICES, parts, _PROGRAMS, strict=True)
    ]
    return replace(score, tracks=tuple(made), title=name)


# --- Movements -------------------------------------------------------------------------------


def cut_movements(score: Score) -> list[Score]:
    """The movements of a quartet, each from tick 0."""
    edges = movement_starts(score)
    ends = [*edges[1:], score.length]
    return [cut(score, start, end) for start, end in zip(edges, ends, strict=True)]


def movement_starts(score: Score) -> list[int]:
    """Ticks at which movements begin; the first is 0."""
    marked = {tempo.tick for tempo in score.tempos} | {key.tick for key in score.keys}
    onset = np.concatenate([track.notes["onset"] for track in score.tracks])
    end = onset + np.concatenate([track.notes["duration"] for track in score.tracks])
    shortest = MIN_QUARTERS * score.ticks_per_quarter
    starts = [0]
    for metre in score.metres:
        tick = metre.tick
        held = ((onset < tick) & (end > tick)).any()
        room = min(tick - starts[-1], score.length - tick)
        if tick in marked and not held and room >= shortest:
            starts.append(tick)
    return starts


def cut(score: Score, start: int, end: int) -> Score:
    """What begins from start to before end, with tick 0 at start."""
    tracks = []
    for track in score.tracks:
        onset = track.notes["onset"]
        notes = track.notes[(onset >= start) & (onset < end)].copy()
        notes["duration"] = np.minimum(notes["duration"], end - notes["onset"])
        notes["onset"] -= start
        tracks.append(Track(track.name, notes, program=track.program))
    metres = [
        Metre(tick, item.numerator, item.denominator)
        for tick, item in _window(score.metres, start, end)
    ]
    # What is written again without a change begins no bar of its own.
    metres = [
        metre
        for before, metre in zip([None, *metres], metres, strict=False)
        if before is None or before.name != metre.name
    ]
    made = Score(
        tuple(tracks),
        ticks_per_quarter=score.ticks_per_quarter,
        tempos=tuple(Tempo(tick, item.qpm) for tick, item in _window(score.tempos, start, end)),
        metres=tuple(metres) or (Metre(0, 4, 4),),
        keys=tuple(KeySignature(tick, item.key) for tick, item in _window(score.keys, start, end)),
        title=score.title,
        length=end - start,
    )
    return replace(made, metres=_on_bar_lines(made))


def _on_bar_lines(score: Score) -> tuple[Metre, ...]:
    """Metre changes on the bar lines that they miss by a few ticks, by rounding of tuplets."""
    near = score.ticks_per_quarter // 32
    metres = list(score.metres[:1])
    for metre in score.metres[1:]:
        bar = metres[-1].bar_ticks(score.ticks_per_quarter)
        beyond = (metre.tick - metres[-1].tick + near) % bar
        drift = beyond - near if beyond <= 2 * near else 0
        metres.append(replace(metre, tick=metre.tick - drift))
    return tuple(metres)


def _window(items: Sequence[_Item], start: int, end: int) -> list[tuple[int, _Item]]:
    """(tick from ``start``, item) of what is in force from start to end."""
    before = [item for item in items if item.tick <= start]
    found: list[tuple[int, _Item]] = [(0, before[-1])] if before else []
    found += [(item.tick - start, item) for item in items if start < item.tick < end]
    return found


def with_pickups(movements: Sequence[Score], n_measures: int) -> list[Score]:
    """Movements with the pickups that their notes and the number of written measures speak for.

    A pickup is a measure more than the movement's length in whole bars; so is every bar that a
    repeat sign cuts in two. So there are no more pickups than measures beyond the whole bars.
    The clearest come first (`find_pickup`).
    """
    spare = n_measures - sum(len(movement.bars) for movement in movements)
    found = [find_pickup(movement) for movement in movements]
    likely = [at for at, (ticks, clear) in enumerate(found) if ticks and clear > PICKUP_EVIDENCE]
    likely.sort(key=lambda at: (-found[at][1], at))
    chosen = set(likely[: max(0, spare)])
    return [
        replace(movement, pickup_ticks=found[at][0]) if at in chosen else movement
        for at, movement in enumerate(movements)
    ]


def find_pickup(score: Score) -> tuple[int, float]:
    """Ticks of the likeliest incomplete first bar, 0 for none, and how much speaks for it.

    Bar lines attract long notes and low ones. For every eighth of the first metre's bar the
    lengths of the notes that begin there, bar after bar, are added up, up to a bar each, the
    lowest track's once and a half. What speaks for a place is its sum over that of the
    movement's first tick.
    """
    metre = score.metres[0]
    bar = metre.bar_ticks(score.ticks_per_quarter)
    unit = max(1, score.ticks_per_quarter // 2)
    until = score.metres[1].tick if len(score.metres) > 1 else score.length
    weight: NDArray[np.float64] = np.zeros(max(1, -(-bar // unit)))
    for number, track in enumerate(score.tracks):
        early = track.notes["onset"] < until
        onset, duration = track.notes["onset"][early], track.notes["duration"][early]
        on_unit = onset % bar % unit == 0
        factor = _BASS_WEIGHT if number + 1 == len(score.tracks) else 1.0
        place = onset[on_unit] % bar // unit
        np.add.at(weight, place, factor * np.minimum(duration, bar)[on_unit])
    # Longer pickups than half a bar are written as a bar with rests.
    best = int(np.argmax(weight[: bar // (2 * unit) + 1]))
    return best * unit, float(weight[best] / max(weight[0], 1.0))


__all__ = [
    "COMPOSER_SPLITS",
    "CORPORA",
    "VOICES",
    "QuartetCounts",
    "composer_split",
    "cut_movements",
    "find_pickup",
    "four_tracks",
    "movement_starts",
    "read_quartets",
    "with_pickups",
]
