"""The trained ears: the embedding of distances between sets, and the transcriber.

    python -m benchmarks.listeners embedding PAIRS
    python -m benchmarks.listeners transcriber RENDERS [--pairs PAIRS] [--files 8]

PAIRS is what `hybrid corpora pairs` made, RENDERS what `hybrid corpora renders` made; only their
test sets are used.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before the libraries load

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks._ears import PeakPicker, family_rows, transcriber_notes
from benchmarks._table import write_table
from hybrid.audio_refiner.audio_sets import pair_files
from hybrid.audio_refiner.dry_sets import DryBatch, dry_files, dry_side, read_dry
from hybrid.audio_refiner.pairs_file import read_pairs
from hybrid.audio_refiner.production_run import produce
from hybrid.core.audio import Audio
from hybrid.core.seeds import stage_rng
from hybrid.metrics.audio_frechet import (
    MelStatistics,
    embed_set,
    frechet_distance,
    kernel_distance,
)
from hybrid.metrics.damage import add_noise, add_room, clip, high_pass, low_pass
from hybrid.metrics.listener import Listener, ListenerEmbedding, mel_levels, rows_of

RATE = 44100
SECONDS = 3.0
#: Damage by name: grades from slight to strong, their unit, how it is done, whether trained on.
DAMAGES: dict[str, tuple[tuple[float, ...], str, Callable[..., NDArray[np.float32]], bool]] = {
    "noise": ((40, 30, 20, 10, 0), "dB SNR", add_noise, True),
    "low-pass": (
        (12000, 8000, 4000, 2000, 1000),
        "Hz",
        lambda sound, grade, rng: low_pass(sound, RATE, grade),
        True,
    ),
    "room": (
        (-20, -14, -8, -2, 4),
        "dB wet",
        lambda sound, grade, rng: add_room(sound, RATE, grade, rng),
        True,
    ),
    "high-pass": (
        (60, 120, 250, 500, 1000),
        "Hz",
        lambda sound, grade, rng: high_pass(sound, RATE, grade),
        False,
    ),
    "clipping": (
        (3, 6, 12, 18, 24),
        "dB over",
        lambda sound, grade, rng: clip(sound, grade),
        False,
    ),
}


class Ears:
    """The embeddings that are compared; those of the listener share what they hear."""

    def __init__(self) -> None:
        self.listener = ListenerEmbedding()
        torch.manual_seed(0)
        self._untrained = Listener(self.listener.network.config).eval()
        self._plain = MelStatistics()
        self.names = ("listener", "its learnt half", "random weights", self._plain.name)

    def __call__(self, sounds: Sequence[NDArray[np.float32]]) -> dict[str, NDArray[np.float64]]:
        """Rows of sounds in each embedding."""
        heard = [Audio(sound, RATE) for sound in sounds]
        levels = torch.from_numpy(np.concatenate([rows_of(mel_levels(each)) for each in heard]))
        with torch.inference_mode():
            whole, other = (
                torch.cat([network(levels[at : at + 64]) for at in range(0, len(levels), 64)])
                .double()
                .numpy()
                for network in (self.listener.network, self._untrained)
            )
        n_learnt = self.listener.network.config.n_out
        rows = (whole, whole[:, :n_learnt], other[:, :n_learnt], embed_set(heard, self._plain))
        return dict(zip(self.names, rows, strict=True))


def embedding_table(folder: Path) -> None:
    """Rank graded damage, and write the table."""
    files = pair_files(folder, "test")
    sets: list[list[NDArray[np.float32]]] = []
    plain: list[NDArray[np.float32]] = []
    large: list[NDArray[np.float32]] = []
    n_samples = round(SECONDS * RATE)
    for path in files[:2]:
        batch = read_pairs(path)
        made = []
        for index, entry in enumerate(batch.entries):
            part = batch.large[index][:, :n_samples]
            target, _ = produce(Audio(part, RATE), style=entry.style, seed=entry.chain_seed)
            made.append(target.samples[:, :n_samples])
        sets.append(made)
        plain += [sound[:, :n_samples] for sound in batch.dry]
        large += [sound[:, :n_samples] for sound in batch.large]
        print(path, flush=True)
    ears = Ears()
    half = len(plain) // 2
    reference = ears(sets[0])
    ranks: list[dict[str, Any]] = []
    for what, (grades, unit, damage, trained) in DAMAGES.items():
        rng = stage_rng(1, "listeners", what)
        versions = [ears(sets[1])]
        for grade in grades:
            versions.append(ears([damage(sound, grade, rng) for sound in sets[1]]))
        for name in ears.names:
            for kind, distance in (("Frechet", frechet_distance), ("kernel", kernel_distance)):
                found = [distance(reference[name], each[name]) for each in versions]
                row: dict[str, Any] = {
                    "damage": f"{what} ({unit}: {', '.join(f'{grade:g}' for grade in grades)})",
                    "trained on": "yes" if trained else "no",
                    "embedding": name,
                    "distance": kind,
                    "none": round(found[0], 4),
                }
                row |= {f"grade {at + 1}": round(value, 4) for at, value in enumerate(found[1:])}
                row["grades in order"] = "yes" if (np.diff(found[1:]) > 0).all() else "no"
                row["all over none"] = "yes" if min(found[1:]) > found[0] else "no"
                ranks.append(row)
        print(what, flush=True)
    others: dict[str, dict[str, Any]] = {name: {"embedding": name} for name in ears.names}
    for label, sounds in (
        ("produced, other pieces", sets[1]),
        ("large SoundFont, same pieces", large[:half]),
        ("large SoundFont, other pieces", large[half:]),
        ("plain SoundFont, same pieces", plain[:half]),
        ("plain SoundFont, other pieces", plain[half:]),
    ):
        for name, found_rows in ears(sounds).items():
            others[name][label] = round(frechet_distance(reference[name], found_rows), 4)
    write_table(
        "listeners_embedding",
        ranks,
        [
            f"Sets: {len(sets[0])} produced excerpts of {SECONDS:g} s of the test set as "
            "reference, "
            f"{len(sets[1])} others, damaged, as estimate; 'none' is their distance undamaged. "
            "Distances in different embeddings cannot be compared; only whether they rise can.",
            "The listener's network learnt to tell how much noise, low-pass and room was added to "
            "other recordings; the other kinds of damage it never heard in training. 'its learnt "
            "half' is that network alone. The measured half, and its weight, were added after a "
            "first run of this table, in which the network alone did not rank low-passes and rooms "
            "rightly.",
            f"With few rows, as here {len(reference['listener'])} of 128 numbers on either side, "
            "Fréchet distances are too large by chance and uncertain by some units; what differs "
            "from none by less says nothing.",
            f"Weights of the listener: {ears.listener.sha256[:16]}; it is no VGGish.",
        ],
        title="Does a distance between sets rank damage rightly?",
        packages=("torch", "numpy"),
        sections={
            "Frechet distance of other sounds from the same reference": list(others.values())
        },
    )


def transcriber_table(folder: Path, pairs: Path | None, n_files: int) -> None:
    """Count right notes by family of instruments, and write the table."""
    batches: list[tuple[str, DryBatch]] = [
        ("renders", read_dry(path)) for path in dry_files(folder, "test")[:n_files]
    ]
    if pairs is not None:
        batches += [("pairs", dry_side(path)) for path in pair_files(pairs, "test")]
    network, notes, digest = transcriber_notes()
    rows, sections = family_rows(batches, {"transcriber": network, "spectral peaks": PeakPicker()})
    write_table(
        "listeners_transcriber",
        rows,
        [
            "Held-out scores, rendered with the plain SoundFont; notes of the 88 keys, of one "
            "pitch that begin within 50 ms counted as one. F1 by mir_eval: onsets within 50 ms, "
            "pitch within 50 cents; with ends also those within 50 ms or a fifth of the length.",
            "The first lines count all notes of all excerpts. Those by family count how many of a "
            "family's notes are found, in whatever company (recall), and F1 in excerpts that only "
            "this family and drums play in.",
            "spectral peaks: local maxima of the same spectra where the level rises; no training, "
            "but two limits chosen on validation renders.",
            f"Weights {digest[:16]}, after {notes['updates']} updates.",
        ],
        title="How many notes does the transcriber hear rightly?",
        packages=("torch", "numpy", "mir_eval"),
        sections=sections,
    )


def main() -> None:
    """Measure and write a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("part", choices=("embedding", "transcriber"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=Path, help="folder of pairs whose plain sides count too")
    parser.add_argument("--files", type=int, default=8, help="files of renders at most")
    chosen = parser.parse_args()
    if chosen.part == "embedding":
        embedding_table(chosen.folder)
    else:
        transcriber_table(chosen.folder, chosen.pairs, chosen.files)


if __name__ == "__main__":
    main()
