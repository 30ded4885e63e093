"""The production chain: speed, what it keeps, and an hour of noise in bounded memory.

    python -m benchmarks.production [--minutes 2] [--hour]

One thread. The music is four voices and drums, played with TimGM6mb.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries load

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks._table import write_table
from hybrid.audio_refiner.production import style_names
from hybrid.audio_refiner.production_run import produce, produce_file
from hybrid.core.audio import Audio
from hybrid.core.score import Score, Track, make_notes
from hybrid.metrics.audio_compare import compare_audio
from hybrid.render import render

RATE = 44100


def _music(minutes: float) -> Audio:
    rng = np.random.default_rng(0)
    n_notes = int(minutes * 120)
    tracks = [
        Track(
            f"voice {program}",
            make_notes([(480 * i, 440, int(rng.integers(45, 76))) for i in range(n_notes)]),
            program=program,
            is_drum=is_drum,
        )
        for program, is_drum in ((0, False), (40, False), (73, False), (33, False), (0, True))
    ]
    return render(Score(tuple(tracks))).mix


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--hour", action="store_true", help="also an hour of noise")
    chosen = parser.parse_args()
    music = _music(chosen.minutes)
    rows: list[dict[str, Any]] = []
    for name in style_names():
        start = time.process_time()
        made, report = produce(music, style=name, seed=1)
        seconds = time.process_time() - start
        found = compare_audio(music, made)
        peak = report.true_peak_after_db
        rows.append(
            {
                "style": name,
                "x real time": music.seconds / seconds,
                "loudness change (LU)": found.loudness_difference_lu,
                "true peak (dBTP)": peak,
                "most limiting (dB)": report.limiting_db,
                "tail kept (s)": (report.n_samples - report.n_samples_before) / RATE,
                "pitch offset (cents)": found.pitch_offset_cents,
                "pitch drift (cents)": found.pitch_drift_cents,
                "onset shift (ms)": float(found.onset_shift_ms),
                "stereo correlation": found.stereo_correlation,
                "mel distance (dB)": found.mel_distance_db,
            }
        )
        print(rows[-1], flush=True)
    notes = [
        f"{music.seconds:.0f} s of music at 44.1 kHz; processor time of one thread, all three "
        "passes, metering and limiter included. Seed 1.",
        f"The plain render has a stereo correlation of "
        f"{compare_audio(music, music).stereo_correlation:.3f}. Pitch and onsets are measured "
        "against it (hybrid.metrics.audio_timing).",
        "Goals: pitch drift under 2 cents, onsets within 5 ms, loudness within 0.1 LU, true peak "
        "under -1 dB.",
    ]
    if chosen.hour:
        notes.append(_hour())
    paths = write_table(
        "production",
        rows,
        notes,
        title="The production chain",
        packages=("numpy", "scipy", "soundfile", "pyloudnorm"),
    )
    print(*paths, sep="\n")


def _hour() -> str:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "noise.flac", Path(folder) / "made.flac"
        with soundfile.SoundFile(str(source), "w", RATE, 2, subtype="PCM_16") as file:
            for _ in range(360):
                part = 0.1 * rng.standard_normal((10 * RATE, 2), dtype=np.float32)
                file.write(np.clip(part, -1, 1))
        start = time.process_time()
        report = produce_file(source, target, style="warm-tape")
        seconds = time.process_time() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    change = (report.loudness_after or 0) - (report.loudness_before or 0)
    return (
        f"An hour of noise through warm-tape, from file to file: {3600 / seconds:.0f} x real "
        f"time, {max(0, after - before) / 1024:.0f} MiB more memory at its peak than the rows "
        f"above ({before / 1024:.0f} MiB), loudness changed by {change:.2f} LU."
    )


if __name__ == "__main__":
    main()
