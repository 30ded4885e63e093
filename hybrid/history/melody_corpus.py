"""Melodies to train on: the sung lines of POP909 and the sopranos of Bach's chorales.

POP909 (MIT; the songs themselves are in copyright) and bach_chorales (CC0). Pieces in 4/4
throughout, each moved to C major or A minor. The splits are POP909's suggested one (song numbers
that end in 0 test, in 9 validate) and that of the chorale benchmark, matched by the notes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import HybridError
from hybrid.core.score import Score
from hybrid.history.melody_tokens import (
    HIGH,
    HOLD,
    LOW,
    PER_BAR,
    REST,
    Tokens,
    decode,
    encode,
    in_c,
    windows,
)

SPLITS = ("train", "valid", "test")
_STEP = 120  # ticks of a sixteenth in both corpora


def read_melodies(data: Path, cache: Path | None = None) -> dict[str, list[Tokens]]:
    """Whole melodies by split, those of POP909 first.

    Parameters
    ----------
    data : Path
        Folder of the corpora, as in `hybrid.io.corpora.open_files`.
    cache : Path, optional
        A file that keeps what was read.
    """
    if cache is not None and cache.exists():
        with np.load(cache) as kept:
            return {
                split: np.split(kept[split], kept[f"{split}_ends"][:-1].tolist())
                for split in SPLITS
            }
    found: dict[str, list[Tokens]] = {split: [] for split in SPLITS}
    for reader in (_pop, _chorales):
        for split, tokens in reader(data):
            found[split].append(tokens)
    if cache is not None:
        cache.parent.mkdir(parents=True, exist_ok=True)
        held: dict[str, Any] = {split: np.concatenate(found[split]) for split in SPLITS}
        ends: dict[str, Any] = {
            f"{split}_ends": np.cumsum([len(one) for one in found[split]]) for split in SPLITS
        }
        np.savez_compressed(cache, **held, **ends)
    return found


def _pop(data: Path) -> list[tuple[str, Tokens]]:
    from hybrid.io.midi import midi_to_score
    from hybrid.symbolic_transformer.pop_corpus import KNOWN_BAD, load_files, pop_split
    from hybrid.symbolic_transformer.pop_notes import MELODY, separate_tracks

    result = []
    for number, files in sorted(load_files(data).items()):
        if number in KNOWN_BAD or not {"cl", "parts"} <= set(files):
            continue
        try:
            merged = midi_to_score(files["cl"], "drop").score
            parts = midi_to_score(files["parts"], "drop").score
            notes = separate_tracks(merged, parts, f"{number:03d}").tracks[MELODY]
        except HybridError:
            continue
        if is_common_time(merged):
            rows = np.stack([notes["onset"], notes["duration"], notes["pitch"]], axis=1)
            result.append((pop_split(number), _on_grid(rows, 0)))
    return [(split, tokens) for split, tokens in result if len(tokens)]


def _chorales(data: Path) -> list[tuple[str, Tokens]]:
    from hybrid.io.corpora import open_files
    from hybrid.symbolic_transformer.chorale_corpus import read_chorale_corpus
    from hybrid.symbolic_transformer.chorale_matching import read_benchmark
    from hybrid.symbolic_transformer.chorale_mending import mend
    from hybrid.symbolic_transformer.chorale_splits import chorale_splits

    [text] = [
        stream.read() for _, stream in open_files("jsb-chorales", data, ("Jsb16thSeparated.json",))
    ]
    benchmark = {piece.id: piece for piece in read_benchmark(text)}
    matches, result = chorale_splits(["bach_chorales"]), []
    for number, score in sorted(read_chorale_corpus(data)[0].items()):
        match = matches.get(("bach_chorales", number))
        if match is None or not match.is_same:
            continue
        mended, mending = mend(score, match, benchmark[match.id].grid)
        if not mending.is_sound or not is_common_time(mended):
            continue
        notes = mended.tracks[0].notes
        rows = np.stack([notes["onset"], notes["duration"], notes["pitch"]], axis=1)
        # An upbeat is put at the end of a bar of silence.
        upbeat = -mended.pickup_ticks % (4 * mended.ticks_per_quarter)
        result.append((match.split, _on_grid(rows, upbeat)))
    return [(split, tokens) for split, tokens in result if len(tokens)]


def is_common_time(score: Score) -> bool:
    """Whether the piece is in 4/4 throughout."""
    return all((metre.numerator, metre.denominator) == (4, 4) for metre in score.metres)


def _on_grid(rows: NDArray[np.int64], delay: int) -> Tokens:
    """Tokens of rows (onset, length, pitch) in ticks, in C; empty where they leave the range."""
    pitches = rows[:, 2]
    room = range(LOW - int(pitches.min(initial=HIGH)), HIGH - int(pitches.max(initial=LOW)) + 1)
    if not len(rows) or not room:
        return np.zeros(0, dtype=np.int64)
    # By octaves into the range, or by what is left, only to make one part of the notes.
    near = min(room, key=lambda by: (by % 12 != 0, abs(by)))
    steps = [
        ((int(on) + delay + _STEP // 2) // _STEP, max(1, round(int(length) / _STEP)), int(p) + near)
        for on, length, p in rows
    ]
    n_bars = (max(on + length for on, length, _ in steps) + PER_BAR - 1) // PER_BAR
    line = decode(encode(steps, n_bars * PER_BAR))
    by = in_c(line)
    moved = [(on, length, pitch + by) for on, length, pitch in line]
    if not all(LOW <= pitch <= HIGH for _, _, pitch in moved):
        return np.zeros(0, dtype=np.int64)
    return legato(encode(moved, n_bars * PER_BAR))


def legato(tokens: Tokens) -> Tokens:
    """Without the rests that are shorter than a quarter: what sounded before them holds.

    Singers breathe, and POP909 has it to the sixteenth; as tokens it would be most of the text.
    """
    result = tokens.copy()
    events = np.flatnonzero(tokens != HOLD)
    rests = tokens[events[:-1]] == REST
    short = rests & (np.diff(events) < PER_BAR // 4)
    result[events[:-1][short]] = HOLD
    return result


class Excerpts:
    """Pieces of so many bars, from every bar on.

    Parameters
    ----------
    melodies : list of Tokens
    bars : int

    Attributes
    ----------
    pieces : Tokens, shape (N, T)
    """

    def __init__(self, melodies: list[Tokens], bars: int) -> None:
        self.pieces = np.stack([piece for tokens in melodies for piece in windows(tokens, bars)])

    def draw(self, count: int, rng: np.random.Generator) -> Tokens:
        """(count, T) tokens."""
        drawn: Tokens = self.pieces[rng.integers(len(self.pieces), size=count)]
        return drawn


__all__ = ["SPLITS", "Excerpts", "is_common_time", "read_melodies"]
