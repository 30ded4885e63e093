"""The refiners on held-out pieces beside the dry sound, plain effects, and the codec's ceiling.

    python -m benchmarks.refiner --pairs FOLDER [--weights FOLDER] [--excerpts 48]
        [--embedding NAME] [--record FILE]

FOLDER is what `hybrid corpora pairs -o FOLDER` made: its test files are measured, its training
files teach the classifier of styles. Networks whose weights are not there are left out. Writes a
table and a page with spectrograms and sound.
``--record`` also writes which mode was best, as `hybrid.audio_refiner.shipped` reads it.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries load

import argparse
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks._ears import Ear, drum_scores, transcriber_notes
from benchmarks._refined_sounds import CODED, ONE_PASS, WITHOUT_NOISE, Sound, Systems, speeds
from benchmarks._refiner_page import PageExcerpt, write_page
from benchmarks._styles_heard import StyleClassifier, features, features_beside
from benchmarks._table import RESULTS, write_table
from hybrid.audio_refiner.audio_sets import pair_files
from hybrid.audio_refiner.pairs_file import PairBatch, read_pairs
from hybrid.audio_refiner.production import style_names
from hybrid.audio_refiner.roll import DRUMS, FAMILIES
from hybrid.audio_refiner.shipped import FOLDER, MODES
from hybrid.audio_refiner.transcriber_data import heard_of_roll
from hybrid.core.audio import Audio
from hybrid.core.seeds import stage_rng
from hybrid.io.atomic import write_text
from hybrid.metrics.audio_embeddings import DEFAULT, EMBEDDINGS, embedding_by_name
from hybrid.metrics.audio_frechet import (
    Embedding,
    frechet_distance,
    frechet_infinite,
    kernel_distance,
)
from hybrid.metrics.audio_signal import loudness, mel_distance, stft_distance
from hybrid.metrics.audio_timing import onset_shift, pitch_shift
from hybrid.metrics.note_f1 import NoteScores, note_scores, total
from hybrid.render.loudness import PeakMeter, to_db
from hybrid.transcription.notes import flattened

RATE = 44100
#: A mode may be the default only if it keeps so much of the dry sound's note F1.
KEPT_NOTES = 0.97


@dataclass(eq=False)
class Heard:
    """Measurements of one system, one value an excerpt."""

    rows: list[dict[str, float]] = field(default_factory=list)
    embedded: list[NDArray[np.float64]] = field(default_factory=list)
    features: list[NDArray[np.float64]] = field(default_factory=list)
    seconds: float = 0.0  # of processor time that it took; 0 where that is not measured
    scores: list[NoteScores] = field(default_factory=list)  # of notes that have a pitch
    # By family: lags of onsets in ms; how its own notes were found.
    lags: dict[int, list[float]] = field(default_factory=dict)
    notes: dict[int, NoteScores] = field(default_factory=dict)


def measure(
    heard: Heard,
    sound: Sound,
    dry: Sound,
    target: Sound,
    notes: NDArray[Any],
    plain: NDArray[np.float64],
    ear: Embedding,
    transcribe: Ear,
) -> None:
    """Add the measurements of one excerpt of one system.

    ``plain`` are the features of the large SoundFont's plain render.
    """
    audio = Audio(sound, RATE)
    peak = PeakMeter()
    peak.add(sound)
    peak.finish()
    moved = pitch_shift(dry, sound, RATE)
    onsets = np.unique(notes["onset"]) / 1000
    shift = onset_shift(dry, sound, RATE, onsets.tolist())
    beside = onset_shift(target, sound, RATE, onsets.tolist())
    heard.rows.append(
        {
            "mel": mel_distance(target, sound, RATE),
            "stft": stft_distance(target, sound),
            "drift": moved.drift_cents,
            "onsets": shift.median_ms,
            "drift beside": pitch_shift(target, sound, RATE).drift_cents,
            "onsets beside": beside.median_ms,
            "loudness": loudness(sound, RATE) - loudness(dry, RATE),
            "peak": to_db(peak.true_peak),
            "clipped": float((np.abs(sound) >= 1.0).any()),
        }
    )
    heard.embedded.append(ear(audio))
    heard.features.append(features_beside(audio, plain))
    for family in np.unique(notes["family"]).tolist():
        own = np.unique(notes["onset"][notes["family"] == family]) / 1000
        lag = onset_shift(dry, sound, RATE, own.tolist()).median_ms
        if math.isfinite(lag):
            heard.lags.setdefault(family, []).append(lag)
    written, estimate = flattened(heard_of_roll(notes)), flattened(transcribe(audio))
    keys = estimate[~estimate["drum"]]
    heard.scores.append(note_scores(written[~written["drum"]], keys))
    for family in np.unique(notes["family"]).tolist():
        own = flattened(heard_of_roll(notes[notes["family"] == family]))
        got = total(drum_scores(own, estimate)) if family == DRUMS else note_scores(own, keys)
        heard.notes[family] = heard.notes.get(family, NoteScores()) + got


def _middle(rows: Sequence[Mapping[str, float]], name: str, how: Callable[..., Any]) -> float:
    values = np.array([row[name] for row in rows])
    values = values[np.isfinite(values)]
    return float(how(values)) if len(values) else math.nan


def summary(
    all_heard: Mapping[str, Heard],
    styles: Sequence[str],
    classifier: StyleClassifier | None,
    n_seconds: float,
) -> list[dict[str, Any]]:
    """A row for each system; ``n_seconds`` is the length of an excerpt."""
    wanted = np.concatenate(all_heard["target"].embedded)
    dry_f1 = total(all_heard["dry"].scores).f1
    rows = []
    for name, heard in all_heard.items():
        found = np.concatenate(heard.embedded)
        row: dict[str, Any] = {"sound": name}
        if name == "target":
            row |= {"Frechet": 0.0, "Frechet, endless": None, "kernel": 0.0}
        else:
            rng = stage_rng(1, "benchmark", "refiner", name)
            row["Frechet"] = frechet_distance(wanted, found)
            enough = len(found) >= 10
            row["Frechet, endless"] = (
                frechet_infinite(wanted, found, rng).infinite if enough else None
            )
            row["kernel"] = kernel_distance(wanted, found)
        row["mel distance (dB)"] = _middle(heard.rows, "mel", np.mean)
        row["STFT distance"] = _middle(heard.rows, "stft", np.mean)
        f1 = total(heard.scores).f1
        if dry_f1 > 0:
            row["note F1"], row["of the dry one's"] = f1, f1 / dry_f1
        if classifier is not None:
            guesses = classifier(np.array(heard.features))
            right = [guess == style for guess, style in zip(guesses, styles, strict=True)]
            row["style heard (%)"] = 100 * float(np.mean(right))
        row["pitch drift (cents)"] = _middle(heard.rows, "drift", np.median)
        row["onsets (ms)"] = _middle(heard.rows, "onsets", np.median)
        row["drift, to the target"] = _middle(heard.rows, "drift beside", np.median)
        row["onsets, to the target"] = _middle(heard.rows, "onsets beside", np.median)
        row["loudness change (LU)"] = _middle(heard.rows, "loudness", np.mean)
        row["highest peak (dBTP)"] = _middle(heard.rows, "peak", np.max)
        row["clipped (%)"] = 100 * _middle(heard.rows, "clipped", np.mean)
        if heard.seconds:
            row["x real time"] = n_seconds * len(heard.rows) / heard.seconds
        rows.append(row)
    return rows


def families(
    all_heard: Mapping[str, Heard], shares: NDArray[np.float64], counts: NDArray[np.int64]
) -> list[dict[str, Any]]:
    """A row for each family that is heard.

    Parameters
    ----------
    shares : np.ndarray, shape (excerpts, 17)
        Of an excerpt's notes; means over excerpts are weighted by them.
    counts : np.ndarray, shape (17,)
        Notes.
    """
    modes = [mode for mode in MODES if mode in all_heard]
    rows = []
    for number, name in enumerate(FAMILIES):
        weight = shares[:, number]
        if not weight.any():
            continue
        row: dict[str, Any] = {"family": name, "notes": int(counts[number])}
        for system in ("dry", *modes, *({CODED} & set(all_heard))):
            mel = np.array([each["mel"] for each in all_heard[system].rows])
            row[f"mel, {system}"] = float((weight * mel).sum() / weight.sum())
        for mode in modes:
            lags = all_heard[mode].lags.get(number)
            row[f"onsets, {mode} (ms)"] = float(np.median(lags)) if lags else None
        for system in ("dry", *modes):
            scores = all_heard[system].notes.get(number)
            if scores is not None:
                row[f"found, {system} (%)"] = 100 * scores.recall
        rows.append(row)
    return rows


def best_mode(rows: Sequence[Mapping[str, Any]]) -> str:
    """The mode that should be the default.

    A network must beat the effects both in Fréchet distance to the targets and in mel distance,
    must not clip, and must keep `KEPT_NOTES` of the dry sound's note F1 where that was measured.
    Of those that do, the one with the least Fréchet distance.
    """
    by_name = {row["sound"]: row for row in rows}
    effects = by_name["effects"]
    good = [
        mode
        for mode in MODES[1:]
        if mode in by_name
        and by_name[mode]["Frechet"] < effects["Frechet"]
        and by_name[mode]["mel distance (dB)"] < effects["mel distance (dB)"]
        and not by_name[mode]["clipped (%)"]
        and by_name[mode].get("of the dry one's", 1.0) >= KEPT_NOTES
    ]
    return min(good, key=lambda mode: float(by_name[mode]["Frechet"]), default=MODES[0])


def by_style(all_heard: Mapping[str, Heard], styles: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each style: how far each sound lies from its own target."""
    rows = []
    for style in sorted(set(styles)):
        own = [number for number, name in enumerate(styles) if name == style]
        row: dict[str, Any] = {"style": style, "excerpts": len(own)}
        for measure_name, unit in (("mel", "mel (dB)"), ("stft", "STFT")):
            for name, heard in all_heard.items():
                if name not in ("target", WITHOUT_NOISE):
                    values = [heard.rows[number][measure_name] for number in own]
                    row[f"{unit}, {name}"] = float(np.mean(values))
        rows.append(row)
    return rows


def _audio(sound: Sound, n_samples: int) -> Audio:
    return Audio(np.ascontiguousarray(sound[:, :n_samples]), RATE)


def train_classifier(
    folder: Path, n_files: int, n_samples: int
) -> tuple[StyleClassifier | None, str]:
    """A classifier of styles from targets of training pieces: each excerpt in two styles."""
    if not n_files:
        return None, "The classifier of styles is left out."
    rows, styles = [], []
    names = style_names()
    for path in pair_files(folder, "train")[:n_files]:
        batch = read_pairs(path)
        for index in range(len(batch.entries)):
            own = batch.entries[index].style
            other = names[(names.index(own) + 1 + index % (len(names) - 1)) % len(names)]
            plain = features(_audio(batch.large[index], n_samples))
            for style in (own, other):
                sound = _audio(batch.target(index, style), n_samples)
                rows.append(features_beside(sound, plain))
                styles.append(style)
        print(f"classifier: {path.name}, {len(rows)} sounds", flush=True)
    note = (
        "Style heard: the share of excerpts whose style a linear classifier names, of "
        f"{len(names)}; it was trained on {len(rows)} targets of training pieces, beside the large "
        "SoundFont's plain render. It is to be believed as far as it is right about the targets "
        "(goal: 90 %). Effects work on the small SoundFont, which it has not learnt to hear past."
    )
    return StyleClassifier.fit(np.array(rows), styles), note


def excerpts(folder: Path, split: str, count: int) -> Iterator[tuple[PairBatch, int]]:
    """Excerpts spread evenly over a split's files."""
    files = pair_files(folder, split)
    for number, path in enumerate(files):
        batch = read_pairs(path)
        share = count * (number + 1) // len(files) - count * number // len(files)
        chosen = np.linspace(0, len(batch.entries) - 1, min(share, len(batch.entries)))
        for index in sorted({round(at) for at in chosen.tolist()}):
            yield batch, index


def main() -> None:
    """Measure, write the table and the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=Path, required=True, help="folder of pairs")
    parser.add_argument("--weights", type=Path, help="folder of weights; shipped ones by default")
    parser.add_argument("--split", default="test")
    parser.add_argument("--excerpts", type=int, default=48)
    parser.add_argument("--seconds", type=float, default=12.0, help="of each excerpt")
    parser.add_argument("--embedding", choices=tuple(EMBEDDINGS), default=DEFAULT)
    parser.add_argument("--classifier-files", type=int, default=8, help="of training; 0 leaves out")
    parser.add_argument("--pictures", type=int, default=6, help="excerpts shown in the page")
    parser.add_argument("--record", type=Path, help="write which mode is best")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of table and page")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    n_samples = round(chosen.seconds * RATE)
    found_systems = Systems(chosen.weights or FOLDER)
    ear = embedding_by_name(chosen.embedding)
    transcribe, _, digest = transcriber_notes()
    classifier, about_styles = train_classifier(chosen.pairs, chosen.classifier_files, n_samples)
    all_heard = {name: Heard() for name in found_systems.names}
    styles: list[str] = []
    shares, counts = [], np.zeros(len(FAMILIES), np.int64)
    shown: dict[str, PageExcerpt] = {}
    for number, (batch, index) in enumerate(excerpts(chosen.pairs, chosen.split, chosen.excerpts)):
        entry, notes = batch.entries[index], batch.notes_of(index)
        notes = notes[notes["onset"] < 1000 * chosen.seconds]
        found, seconds = found_systems.sounds(batch, index, 1000 + number, n_samples)
        for mode, spent in seconds.items():
            all_heard[mode].seconds += spent
        plain = features(_audio(batch.large[index], n_samples))
        for name, sound in found.items():
            measure(
                all_heard[name],
                sound,
                found["dry"],
                found["target"],
                notes,
                plain,
                ear,
                transcribe,
            )
        styles.append(entry.style)
        own = np.bincount(notes["family"], minlength=len(FAMILIES))
        counts += own
        shares.append(own / max(1, own.sum()))
        if len(shown) < chosen.pictures and entry.style not in shown:
            shown[entry.style] = PageExcerpt(entry.style, entry.piece, found)
        mels = {name: round(heard.rows[-1]["mel"], 2) for name, heard in all_heard.items()}
        print(number + 1, entry.style, mels, flush=True)
    rows = summary(all_heard, styles, classifier, chosen.seconds)
    best = best_mode(rows)
    digests = {key: each for mode in found_systems.weights.values() for key, each in mode.items()}
    notes_below = [
        f"{len(styles)} excerpts of {chosen.seconds:g} s of the set {chosen.split}. Weights: "
        + (", ".join(f"{name} {digest[:12]}" for name, digest in digests.items()) or "none")
        + ". A network without a row had none. Tokens at temperature 0, without guidance, four "
        "passes.",
        f"Frechet and kernel distance are those of whole sets to the targets, in the embedding "
        f"{ear.name}; mel and STFT distance are to the excerpt's own target. `effects` and "
        "`target, drawn again` draw another chain of the same style: the latter is how close the "
        "style alone can bring one.",
        f"Notes are heard by the transcriber {digest[:12]}, trained on dry renders alone; F1 is of "
        "notes that have a pitch, onsets within 50 ms.",
        about_styles,
        "Pitch drift and onsets are against the dry sound (medians over excerpts; onsets: the "
        "median lag around each note's onset), loudness as well, and "
        "once more against the target: the large SoundFont's own tuning and attacks are in the "
        "former, as the row of the target shows.",
        "x real time: processor time of one thread, from samples to samples with levels and tail. "
        "The table of speeds is of three excerpts in a row, by the clock, which a busy machine "
        "slows down, and by processor time (goal: 4 x real time on two cores).",
        f"`{WITHOUT_NOISE}`: the same network, its noise left out. `{ONE_PASS}`: the token model's "
        "network saying the decoder's values in one pass, which no command offers.",
        "Families: mel distances are means over excerpts, weighted by the family's share of notes.",
        f"Best mode by the rule of this benchmark (`best_mode`): {best}.",
    ]
    files = write_table(
        "refiner",
        rows,
        notes_below,
        title="Refiners",
        packages=("torch", "numpy", "scipy", "pyloudnorm"),
        sections={
            "By style": by_style(all_heard, styles),
            "By family": families(all_heard, np.array(shares), counts),
            "Speed": speeds(found_systems, read_pairs(pair_files(chosen.pairs, chosen.split)[0])),
        },
        folder=chosen.out,
    )
    page = write_page(chosen.out / "refiner.html", rows, list(shown.values()), notes_below)
    print(*files, page, sep="\n")
    if chosen.record is not None:
        record = {"best": best, "weights": found_systems.weights, "rows": rows}
        write_text(chosen.record, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
