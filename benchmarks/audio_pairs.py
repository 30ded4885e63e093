"""Sets of training pairs: what they hold, whether they are aligned, what Vorbis costs.

    python -m benchmarks.audio_pairs FOLDER [--files 4]

FOLDER is what `hybrid corpora pairs -o FOLDER` made.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries load

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._table import write_table
from hybrid.audio_refiner.pairs import large_soundfont
from hybrid.audio_refiner.pairs_file import PairBatch, decode_ogg, encode_ogg, read_pairs
from hybrid.audio_refiner.pairs_score import score_of_notes
from hybrid.audio_refiner.roll import DRUMS, FAMILIES
from hybrid.core.audio import Audio
from hybrid.core.score import Score, Track, make_notes
from hybrid.metrics.audio_signal import loudness, mel_distance, si_sdr
from hybrid.metrics.audio_timing import onset_shift
from hybrid.render import default_soundfont, render

QUALITIES = (0.2, 0.4, 0.6)
RATE = 44100


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=4, help="files whose sound is looked at")
    chosen = parser.parse_args()
    paths = sorted(chosen.folder.glob("*.pairs"))
    sets: dict[str, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
    pieces: dict[str, set[str]] = defaultdict(set)
    notes_of: dict[int, int] = defaultdict(int)
    lags: list[float] = []
    losses: dict[float, list[tuple[float, float, float]]] = defaultdict(list)
    changes: list[float] = []
    for number, path in enumerate(paths):
        batch = read_pairs(path)
        split = str(batch.about["split"])
        row = sets[split]
        row["set"] = split
        row["files"] += 1
        row["excerpts"] += len(batch.entries)
        row["minutes"] += len(batch.entries) * batch.dry.shape[2] / batch.sample_rate / 60
        row["MiB"] += path.stat().st_size / 2**20
        row["notes"] += len(batch.notes)
        for entry in batch.entries:
            row[entry.piece.partition("/")[0]] += 1
            pieces[split].add(entry.piece)
        for family, count in enumerate(np.bincount(batch.notes["family"], minlength=17)):
            notes_of[family] += int(count)
        if number < chosen.files:
            _look(batch, lags, changes)
        if number == 0:
            _encode(batch, losses)
        print(path, flush=True)
    shared = sum(
        len(pieces[a] & pieces[b])
        for a, b in (("train", "valid"), ("train", "test"), ("valid", "test"))
    )
    families = [
        {"family": name, "notes in the sets": notes_of[at], **_alignment(at)}
        for at, name in enumerate(FAMILIES)
    ]
    kinds = [
        {
            "Vorbis quality": quality,
            "kbit/s": float(np.mean([row[0] for row in rows])),
            "SI-SDR (dB)": float(np.median([row[1] for row in rows])),
            "mel distance (dB)": float(np.mean([row[2] for row in rows])),
            "minutes of pairs in 60 MiB": 60
            * 2**20
            * 8
            / (2 * 1000 * float(np.mean([row[0] for row in rows])))
            / 60,
        }
        for quality, rows in losses.items()
    ]
    made = write_table(
        "audio_pairs",
        [dict(row) for row in sets.values()],
        [
            f"Pieces that are in two sets: {shared}.",
            f"Onsets of the large render against the plain one, envelopes over whole excerpts: "
            f"median {np.median(lags):.1f} ms, 10th to 90th percentile "
            f"{np.percentile(lags, 10):.1f} to {np.percentile(lags, 90):.1f} ms "
            f"({len(lags)} excerpts). Slow attacks of other samples count as shifts; the notes "
            "are sent at the same samples. Families: eight detached notes, four programs each, "
            "both SoundFonts.",
            f"Loudness of the targets against the plain renders: {np.mean(changes):+.2f} LU in "
            f"the mean, at most {np.abs(changes).max():.2f} LU off ({len(changes)} excerpts; the "
            "chain matches the sound with its tail, this is measured without).",
            "Vorbis is measured against renders that were never encoded, both channels.",
        ],
        title="Training pairs",
        packages=("numpy", "scipy", "soundfile", "pyfluidsynth"),
        sections={"Families": families, "Storage": kinds},
    )
    print(*made, sep="\n")


def _alignment(family: int) -> dict[str, float]:
    """Onsets of the large SoundFont against the plain one: detached notes, program by program."""
    is_drum = family == DRUMS
    pitches = [36, 38, 42, 46, 49, 45, 38, 36] if is_drum else [60, 64, 67, 72, 55, 59, 62, 67]
    notes = make_notes([(480 * at, 240, pitch, 90) for at, pitch in enumerate(pitches)])
    found = []
    for program in (0,) if is_drum else range(8 * family, 8 * family + 8, 2):
        score = Score((Track("", notes, program=program, is_drum=is_drum),))
        sounds = [
            _fitted(render(score, soundfont=font, tail_seconds=1.0).mix, 5 * RATE)
            for font in (default_soundfont(), large_soundfont())
        ]
        shift = onset_shift(sounds[0], sounds[1], RATE).shift_ms
        if np.isfinite(shift):
            found.append(shift)
    return {
        "median shift of onsets (ms)": float(np.median(found)),
        "earliest (ms)": min(found),
        "latest (ms)": max(found),
    }


def _look(batch: PairBatch, lags: list[float], changes: list[float]) -> None:
    rate = batch.sample_rate
    for index in range(len(batch.entries)):
        target = batch.target(index)
        changes.append(loudness(target, rate) - loudness(batch.dry[index], rate))
        found = onset_shift(batch.dry[index], batch.large[index], rate)
        if np.isfinite(found.shift_ms):
            lags.append(found.shift_ms)


def _encode(batch: PairBatch, losses: dict[float, list[tuple[float, float, float]]]) -> None:
    """What is lost at some qualities, by plain renders that are played anew."""
    rate, n_samples = batch.sample_rate, batch.dry.shape[2]
    for index in range(0, len(batch.entries), 3):
        score = score_of_notes(batch.notes_of(index))
        made = render(score, soundfont=default_soundfont(), loudness=-16.0, tail_seconds=4.0).mix
        sound: NDArray[np.float32] = _fitted(made, n_samples)
        for quality in QUALITIES:
            data = encode_ogg(sound[None], rate, quality)
            read = decode_ogg(data, (1, 2, n_samples))[0]
            kbits = 8 * len(data) / (n_samples / rate) / 1000
            losses[quality].append((kbits, si_sdr(sound, read), mel_distance(sound, read, rate)))


def _fitted(sound: Audio, n_samples: int) -> NDArray[np.float32]:
    made = np.zeros((2, n_samples), dtype=np.float32)
    part = sound.samples[:, :n_samples]
    made[:, : part.shape[1]] = part
    return made


if __name__ == "__main__":
    main()
