"""Beats and bar lines heard in plain renders of held-out pieces, against those that are written.

    python -m benchmarks.beats [--pieces 8] [--seconds 40]

Pieces of the corpora's test split and of our own, played with TimGM6mb; where a piece is longer, an
excerpt drawn from it. Beside `hybrid.transcription` stand beats at a fixed tempo and, where
librosa is installed, its beat tracker (Ellis, 2007).
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries load

import argparse
import importlib.util
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import mir_eval
import numpy as np
from numpy.typing import NDArray

from benchmarks._table import write_table
from benchmarks.chorales import data_folder
from hybrid.audio_refiner import pairs_sources
from hybrid.core.audio import Audio
from hybrid.core.score import Score
from hybrid.core.seeds import stage_rng
from hybrid.grammar.forms import FORMS
from hybrid.pipeline import compose
from hybrid.render import render
from hybrid.symbolic_transformer.chorale_corpus import read_chorale_corpus
from hybrid.symbolic_transformer.chorale_splits import chorale_splits
from hybrid.symbolic_transformer.pop_corpus import load_files, pop_split, song_score
from hybrid.symbolic_transformer.quartet_corpus import composer_split
from hybrid.transcription.bars import BarEar
from hybrid.transcription.features import SAMPLE_RATE, levels
from hybrid.transcription.sound import MemorySource, MonoReader

Times = NDArray[np.float64]
FIXED_QPM = 100.0


@dataclass(frozen=True, eq=False)
class Heard:
    """An excerpt: mono sound at 22.05 kHz, beats and first beats in seconds."""

    sound: NDArray[np.float32]
    beats: Times
    first_beats: Times


def sources() -> Iterator[tuple[str, list[Callable[[], Score]]]]:
    """Held-out scores by kind, in an order of their own."""
    folder = data_folder()
    rng = stage_rng(1, "benchmarks", "beats")

    def drawn(items: Sequence[Callable[[], Score]]) -> list[Callable[[], Score]]:
        return [items[int(number)] for number in rng.permutation(len(items))]

    songs = load_files(folder)
    yield (
        "pop",
        drawn(
            [
                partial(song_score, number, songs[number])
                for number in sorted(songs)
                if pop_split(number) == "test"
            ]
        ),
    )
    yield "our own", drawn([partial(_own, form) for form in sorted(FORMS)])
    chorales, _ = read_chorale_corpus(folder)
    splits = {
        number: match.split
        for (_, number), match in chorale_splits(["bach_chorales"]).items()
        if match.is_same
    }
    for name, pieces in (
        ("quartets", pairs_sources.quartets(folder, composer_split)),
        ("drums", pairs_sources.groove(folder)),
        ("chorales", pairs_sources.given("chorales", chorales, splits)),
    ):
        yield name, drawn([piece.load for piece in pieces if piece.split == "test"])


def _own(form: str) -> Score:
    score = compose(form=form, minutes=0.7, seed=5, engine="rules").score
    assert score is not None  # None only where a plan alone was asked for
    return score


def hear(score: Score, seconds: float, rng: np.random.Generator) -> Heard | None:
    """An excerpt played; None where the piece is too short to tell."""
    end = score.tempo_map.seconds(score.bars[-1].end)
    if end < 15:
        return None
    start = float(rng.uniform(0, end - seconds)) if end > seconds else 0.0
    mix = render(score).mix
    part = mix.samples[:, int(start * mix.sample_rate) :][:, : int(seconds * mix.sample_rate)]
    audio = Audio(np.ascontiguousarray(part), mix.sample_rate)
    reader = MonoReader(MemorySource(audio))
    beats, firsts = [], []
    for bar in score.bars:
        step = float(bar.metre.beat_quarters * score.ticks_per_quarter)
        beats += [score.tempo_map.seconds(tick) for tick in np.arange(bar.start, bar.end, step)]
        if not bar.is_pickup:
            firsts.append(score.tempo_map.seconds(bar.start))
    last = max(int(track.notes["onset"].max()) for track in score.tracks if len(track.notes))
    until = min(seconds, score.tempo_map.seconds(last) - start + 0.05)
    inside = [
        times[(times >= 0) & (times < until)]
        for times in (np.array(beats) - start, np.array(firsts) - start)
    ]
    return Heard(reader.read(0, reader.n_samples), *inside)


def f_measure(written: Times, found: Times) -> float:
    """mir_eval's, within 70 ms."""
    if not len(written) or not len(found):
        return 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(mir_eval.beat.f_measure(written, found, 0.07))


def any_level(written: Times, found: Times) -> float:
    """The best of the written beats, every other one, and twice as many."""
    between = np.sort(np.concatenate([written, (written[1:] + written[:-1]) / 2]))
    return max(f_measure(each, found) for each in (written, written[::2], written[1::2], between))


def _ours(heard: Heard) -> tuple[Times, Times]:
    ear = BarEar()
    ear.add(levels(heard.sound))
    bars = ear.bars()
    return bars.beats, bars.first_beats


def _fixed(heard: Heard) -> tuple[Times, Times]:
    beats = np.arange(0, len(heard.sound) / SAMPLE_RATE, 60 / FIXED_QPM)
    return beats, beats[::4]


def _librosa(heard: Heard) -> tuple[Times, Times]:
    import librosa

    beats = librosa.beat.beat_track(y=heard.sound, sr=SAMPLE_RATE, units="time")[1]
    return np.asarray(beats, np.float64), np.asarray(beats, np.float64)[::4]


def main(arguments: Sequence[str] | None = None) -> None:
    """Play, listen and write the table."""
    parser = argparse.ArgumentParser(description="Beats and bars in plain renders.")
    parser.add_argument("--pieces", type=int, default=8, help="of each kind")
    parser.add_argument("--seconds", type=float, default=40.0, help="of a piece, at most")
    options = parser.parse_args(arguments)
    ways: dict[str, Callable[[Heard], tuple[Times, Times]]] = {
        "hybrid": _ours,
        f"every {60 / FIXED_QPM:g} s": _fixed,
    }
    if importlib.util.find_spec("librosa") is not None:
        ways["librosa, every fourth a first beat"] = _librosa
    rng = stage_rng(2, "benchmarks", "beats")
    rows: list[dict[str, Any]] = []
    for kind, pieces in sources():
        found: list[Heard] = []
        for load in pieces:
            if len(found) == options.pieces:
                break
            heard = hear(load(), options.seconds, rng)
            if heard is not None:
                found.append(heard)
        for way, listen in ways.items():
            both = [(heard, *listen(heard)) for heard in found]
            rows.append(
                {
                    "kind": kind,
                    "pieces": len(found),
                    "way": way,
                    "beats": _mean([f_measure(h.beats, beats) for h, beats, _ in both]),
                    "at any level": _mean([any_level(h.beats, beats) for h, beats, _ in both]),
                    "first beats": _mean(
                        [f_measure(h.first_beats, firsts) for h, _, firsts in both]
                    ),
                }
            )
            print(rows[-1], flush=True)
    write_table(
        "beats",
        rows,
        title="Beats and bars heard in plain renders",
        packages=("mir_eval", "librosa") if len(ways) > 2 else ("mir_eval",),
        notes=(
            "mir_eval's F-measure within 70 ms, mean over pieces; 1 is always right.",
            "At any level: half or twice the written tempo counts as right too.",
            f"At most {options.seconds:g} s of each piece. The constants were looked at on pieces "
            "of the validation split.",
        ),
    )


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 3)


if __name__ == "__main__":
    main()
