"""Other polyphony as grids, for the model of the published chorale benchmark.

    python -m benchmarks.polyphony -o DIR

writes ``DIR/polyphony.npz``, which `hybrid train symbolic --preset chorale-benchmark` reads beside
the benchmark's own file: masses and motets by Palestrina, madrigals by Monteverdi and pieces of
the trecento from music21's corpus (for this benchmark only, never for weights that ship), and the
OpenScore string quartets. Four voices are kept of pieces with more: the outer ones and two
between. Note values of the older music are halved, so that its beat is a quarter.

No piece may match a validation or test chorale by its notes; one that did would be an error here.
"""

from __future__ import annotations

import argparse
import io
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.chorales import data_folder
from hybrid.core.errors import CorpusError, HybridError
from hybrid.core.score import Score
from hybrid.io.atomic import write_bytes
from hybrid.io.corpora import open_files
from hybrid.io.files import read_score
from hybrid.io.midi_reader import midi_to_score
from hybrid.symbolic_transformer.chorale_matching import Grid, match_chorales, read_benchmark
from hybrid.symbolic_transformer.grid import HIGHEST, LOWEST

#: Folder of music21's corpus, its files, and how many of its beats make a quarter here.
MUSIC21 = (("palestrina", "*.krn", 2), ("monteverdi", "*.mxl", 1), ("trecento", "*.xml", 2))
SHORTEST = 64  # steps


def grid_of(score: Score, beats: int) -> NDArray[np.int16] | None:
    """Four voices on 16ths, (steps, 4), -1 for silence; None for fewer voices.

    Where a track has several notes at once the highest is kept.
    """
    step = score.ticks_per_quarter * beats / 4
    tracks = [track for track in score.tracks if not track.is_drum and len(track.notes)]
    if len(tracks) < 4:
        return None
    if len(tracks) > 4:
        ranked = sorted(tracks, key=lambda track: -float(np.mean(track.notes["pitch"])))
        last = len(ranked) - 1
        tracks = [ranked[at] for at in (0, round(last / 3), round(2 * last / 3), last)]
    grid = np.full((int(np.ceil(score.length / step)), 4), -1, np.int16)
    for voice, track in enumerate(tracks):
        notes = track.notes[np.lexsort((track.notes["pitch"], track.notes["onset"]))]
        for note in notes:
            begin = round(float(note["onset"]) / step)
            end = round(float(note["onset"] + note["duration"]) / step)
            grid[begin:end, voice] = note["pitch"]
    inside = (grid == -1) | ((grid >= LOWEST) & (grid <= HIGHEST))
    if not inside.all():
        return None
    # Long rests of most voices teach nothing.
    grid = grid[(grid >= 0).sum(axis=1) >= 2]
    return grid if len(grid) >= SHORTEST else None


def from_music21() -> Iterator[tuple[str, NDArray[np.int16]]]:
    """Pieces of music21's corpus by name."""
    import music21

    root = Path(music21.__file__).parent / "corpus"
    for folder, pattern, beats in MUSIC21:
        for path in sorted((root / folder).rglob(pattern)):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    grid = grid_of(read_score(path).score, beats)
            except HybridError:
                continue  # a handful of its files do not read; the counts say how many did
            if grid is not None:
                yield f"{folder}/{path.stem}", grid


def from_quartets() -> Iterator[tuple[str, NDArray[np.int16]]]:
    """The OpenScore quartets by name."""
    name = "openscore-string-quartets"
    for path, stream in open_files(name, data_folder() / name, ("**.mid",)):
        grid = grid_of(midi_to_score(stream.read(), "drop").score, 1)
        if grid is not None:
            yield f"quartet/{Path(path).stem}", grid


def held_out(grids: dict[str, Grid]) -> list[str]:
    """Names of pieces that match a validation or test chorale by their notes."""
    text = (data_folder() / "jsb-chorales" / "Jsb16thSeparated.json").read_text(encoding="utf-8")
    matches = match_chorales(grids, read_benchmark(text))
    return [name for name, match in matches.items() if match.is_same and match.split != "train"]


def write(path: Path, grids: dict[str, NDArray[np.int16]]) -> None:
    """Write grids by name; the same grids, the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(grids):
            member = io.BytesIO()
            np.lib.format.write_array(member, grids[name].astype(np.int8), version=(1, 0))
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.getvalue())
    write_bytes(path, buffer.getvalue())


def main() -> None:
    parser = argparse.ArgumentParser(description="Gather polyphony for the chorale benchmark.")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write into")
    options = parser.parse_args()
    grids = {**dict(from_music21()), **dict(from_quartets())}
    for folder, count in Counter(name.partition("/")[0] for name in grids).items():
        steps = sum(len(grid) for name, grid in grids.items() if name.startswith(f"{folder}/"))
        print(f"{folder}: {count} pieces, {steps} steps")
    same = held_out(grids)
    if same:
        raise CorpusError(f"no piece may match a held-out chorale, got {', '.join(same)}")
    print(f"no piece is a validation or test chorale ({len(grids)} compared)")
    write(options.output / "polyphony.npz", grids)


if __name__ == "__main__":
    main()
