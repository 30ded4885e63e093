"""Rendering against the `fluidsynth` program itself.

    python -m benchmarks.rendering [--minutes 4] [--rounds 5]

Both play the same notes with the same SoundFont into a file of 32-bit floats, in turn, in
one run. Ours also measures loudness and true peak, applies a gain, and writes
atomically; the program starts a process. The ratio of each round is taken, and their
median is given.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks._table import write_table
from hybrid.core.score import Score, Track, make_notes
from hybrid.core.timeline import Tempo
from hybrid.render import default_soundfont, render, render_to_file

GOAL = 1.2
#: Name, programs of the four voices, notes a second of each voice.
MUSIC = (
    ("piano, four voices", (0, 0, 0, 0), 4),
    ("choir", (52, 52, 52, 52), 2),
    ("string quartet", (40, 40, 41, 42), 4),
    ("strings, long releases", (48, 48, 48, 48), 4),
)


def _score(programs: tuple[int, ...], per_second: int, minutes: float) -> Score:
    rng = np.random.default_rng(0)
    step = 960 // per_second
    n_notes = int(minutes * 60 * per_second)
    tracks = []
    for voice, program in enumerate(programs):
        pitches = rng.integers(36 + 10 * voice, 48 + 10 * voice, n_notes)
        rows = [(i * step, step - 10, int(pitch), 80) for i, pitch in enumerate(pitches)]
        tracks.append(Track(f"voice {voice}", make_notes(rows), program=program))
    return Score(tuple(tracks), tempos=(Tempo(0, 120.0),))


def _write_midi(score: Score, path: Path) -> None:
    import miditoolkit

    midi = miditoolkit.MidiFile(ticks_per_beat=score.ticks_per_quarter)
    midi.tempo_changes = [miditoolkit.TempoChange(score.tempos[0].qpm, 0)]
    for track in score.tracks:
        instrument = miditoolkit.Instrument(track.program, name=track.name)
        instrument.notes = [
            miditoolkit.Note(velocity, pitch, onset, onset + duration)
            for onset, duration, pitch, velocity, _, _ in track.notes.tolist()
        ]
        midi.instruments.append(instrument)
    midi.dump(str(path))


def _seconds(action: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of processor time of this process and its children."""
    cpu, start = _cpu_seconds(), time.perf_counter()
    action()
    return time.perf_counter() - start, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _median_ratio(
    ours: list[tuple[float, float]], theirs: list[tuple[float, float]], at: int
) -> float:
    return statistics.median(a[at] / b[at] for a, b in zip(ours, theirs, strict=True))


def _median(times: list[tuple[float, float]]) -> float:
    return statistics.median(seconds for seconds, _ in times)


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    program = shutil.which("fluidsynth")
    if program is None:
        raise SystemExit("this needs the program fluidsynth (Debian: apt-get install fluidsynth)")
    font = str(default_soundfont().path)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        midi = folder / "in.mid"
        base = [program, "-ni", "-q", "-r", "44100", "-T", "wav", "-O", "float"]
        plain = [*base, "-R", "0", "-C", "0", "-F", str(folder / "p.wav"), font, str(midi)]
        usual = [*base, "-F", str(folder / "u.wav"), font, str(midi)]
        render_to_file(_score((0,), 4, 0.05), folder / "warm.wav")
        for label, programs, per_second in MUSIC:
            score = _score(programs, per_second, options.minutes)
            _write_midi(score, midi)
            ours, dry, wet = [], [], []
            for _ in range(options.rounds):
                ours.append(_seconds(partial(render_to_file, score, folder / "o.wav")))
                dry.append(_seconds(lambda: subprocess.run(plain, check=True, capture_output=True)))
                wet.append(_seconds(lambda: subprocess.run(usual, check=True, capture_output=True)))
            report = render(score, tail_seconds=5.0).report
            ratio = _median_ratio(ours, dry, 0)
            rows.append(
                {
                    "music": label,
                    "most voices": report.max_voices,
                    "ours (s)": _median(ours),
                    "fluidsynth, dry (s)": _median(dry),
                    "fluidsynth, its defaults (s)": _median(wet),
                    "ours / dry": ratio,
                    "ours / defaults": _median_ratio(ours, wet, 0),
                    "processor time, ours / dry": _median_ratio(ours, dry, 1),
                    "x real time": score.seconds / _median(ours),
                    "goal met": "yes" if ratio <= GOAL else "no",
                }
            )
            print(rows[-1])
        rows_long = _memory(folder)
    notes = [
        f"{options.minutes:g} minutes of music at 44.1 kHz, TimGM6mb, {options.rounds} rounds in "
        "turn; medians. Dry: the program with reverb and chorus off, as ours. Its defaults: both "
        "on.",
        "Ours includes loudness and true-peak metering, normalisation to -16 LUFS in a second "
        "pass, and an atomic write; the program only writes.",
        f"Goal: ours at most {GOAL} times the program, dry.",
        rows_long,
    ]
    paths = write_table(
        "rendering",
        rows,
        notes,
        title="Rendering against the fluidsynth program",
        packages=("pyfluidsynth", "pyloudnorm", "numpy", "scipy", "soundfile"),
    )
    print(*paths, sep="\n")


def _memory(folder: Path) -> str:
    """Peak memory of this process before and after an hour is rendered into a file."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    hour = _score((0, 0, 0, 0), 2, 60.0)
    seconds, _ = _seconds(lambda: render_to_file(hour, folder / "hour.wav"))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = (folder / "hour.wav").stat().st_size
    return (
        f"One hour in four voices into a file of {size / 2**30:.2f} GiB: {seconds:.0f} s, "
        f"{(after - before) / 1024:.0f} MiB more memory at its peak than the rounds above."
    )


if __name__ == "__main__":
    main()
