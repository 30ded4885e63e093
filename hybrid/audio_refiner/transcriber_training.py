"""Training the transcriber (`hybrid.transcription`), resumable to the bit.

    python -m hybrid.audio_refiner.transcriber_training --data RENDERS -o RUN [--minutes 9]

On plain renders only; a folder of pairs, of which the plain side is taken, can be added. Every
update draws excerpts, moves their level and bends their spectra by a smooth curve, so that what is
learnt is not one player's sound, and looks at keys and moments in them where something happens or
seems to happen.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hybrid.audio_refiner.audio_sets import pair_files
from hybrid.audio_refiner.dry_sets import dry_files
from hybrid.audio_refiner.transcriber_data import TranscriberSet, transcriber_set
from hybrid.io.atomic import write_text
from hybrid.training.command import tell
from hybrid.training.network_loop import NetworkLoop
from hybrid.transcription.features import BINS_A_SEMITONE, FLOOR_DB, N_BINS, N_KEYS, TOP_DB
from hybrid.transcription.network import CONTEXT, N_HEADS, Transcriber, TranscriberConfig
from hybrid.transcription.weights import save_transcriber

_STEPS_A_DB = 255 / (TOP_DB - FLOOR_DB)


@dataclass(frozen=True)
class TranscriberTraining:
    """Settings of a run.

    Attributes
    ----------
    updates : int
    batch, frames : int
        Excerpts of an update, and frames of each (86 a second).
    onsets, sounding, ends, rises, related, anywhere : int
        Keys and moments of each excerpt: around onsets; while a note sounds; around ends; where a
        level rises but nothing begins; beside onsets at intervals of harmonics; anywhere.
    strokes : int
        Moments around drums' strokes, and as many others.
    rate : float
        Highest learning rate.
    warmup : int
        Updates of rising rate.
    onset, sounding_weight, end, velocity, drums : float
        Weights of the losses.
    bend_db : float
        Deviation of each part of the curve that spectra are bent by.
    average : float
        Decay of the weights' moving average.
    check_every, save_every, seed : int
    """

    updates: int = 2000
    batch: int = 6
    frames: int = 256
    onsets: int = 250
    sounding: int = 120
    ends: int = 60
    rises: int = 170
    related: int = 100
    anywhere: int = 60
    strokes: int = 60
    rate: float = 2e-3
    warmup: int = 20
    onset: float = 1.0
    sounding_weight: float = 0.5
    end: float = 0.2
    velocity: float = 0.5
    drums: float = 0.5
    bend_db: float = 2.5
    average: float = 0.995
    check_every: int = 100
    save_every: int = 50
    seed: int = 0


def losses(heard: Tensor, keys: Tensor, strokes: Tensor, drums: Tensor) -> dict[str, Tensor]:
    """Parts of the loss: of keys at moments (P, 4) and drums at moments (M, 8), targets 0..1."""
    found = heard.float()
    made = {
        name: functional.binary_cross_entropy_with_logits(found[:, at], keys[:, at])
        for at, name in ((0, "onset"), (1, "sounding"), (2, "end"))
    }
    begins = keys[:, 0]
    apart = begins * (found[:, 3] - keys[:, 3]).square()
    made["velocity"] = apart.sum() / begins.sum().clamp(min=1.0)
    made["drums"] = functional.binary_cross_entropy_with_logits(strokes.float(), drums)
    return made


class _Excerpts:
    """A set, and places in it where something happens."""

    def __init__(self, held: TranscriberSet) -> None:
        self.levels = held.levels
        self.keys, self.drums = held.keys, held.drums
        self.scale = torch.tensor([255.0, 255.0, 255.0, 127.0])

    def places(
        self, row: int, part: slice, settings: TranscriberTraining, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Keys at moments, as numbers frame x 88 + key, and moments for drums."""
        onset, sounding, end = self.keys[row, :3, part] > 0
        own = slice(0, N_KEYS * BINS_A_SEMITONE, BINS_A_SEMITONE)
        quick = self.levels[row, 1, part, own].astype(np.int16)
        rises = np.zeros_like(onset)
        rises[3:] = quick[3:] - quick[:-3] > _RISE
        step = int(rng.choice(_INTERVALS))
        related = np.zeros_like(onset)
        if step > 0:
            related[:, step:] = onset[:, :-step]
        else:
            related[:, :step] = onset[:, -step:]
        groups = (
            (onset, settings.onsets),
            (sounding & ~onset, settings.sounding),
            (end & ~onset, settings.ends),
            (rises & ~onset, settings.rises),
            (related & ~onset, settings.related),
            (np.ones_like(onset), settings.anywhere),
        )
        keys = [_some(mask, count, rng) for mask, count in groups]
        struck: NDArray[np.bool_] = np.any(self.drums[row, :, part] > 0, axis=0)
        moments = [_some(mask, settings.strokes, rng) for mask in (struck, ~struck)]
        return np.concatenate(keys), np.concatenate(moments)


#: Steps of a level that count as a rise within three frames, about 8 dB.
_RISE = 20
#: Semitones between a key and those that share harmonics with it, or are beside it.
_INTERVALS = (-24, -19, -12, -7, -5, -2, -1, 1, 2, 5, 7, 12, 19, 24, 28, 31, 36)


def _some(mask: NDArray[np.bool_], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    found = np.flatnonzero(mask)
    return found[rng.integers(len(found), size=count)] if len(found) else found


def bent(levels: Tensor, bend_db: float, generator: torch.Generator) -> Tensor:
    """Levels (..., 306) moved by -12 to 8 dB, and by a smooth curve; silence stays silent."""
    gain = 20 * torch.rand(1, generator=generator) - 12
    place = torch.linspace(0, 1, N_BINS)
    for waves in (0.5, 1, 2, 3):
        size = bend_db * torch.randn(1, generator=generator)
        phase = 2 * math.pi * torch.rand(1, generator=generator)
        gain = gain + size * torch.cos(2 * math.pi * waves * place + phase)
    return (levels + _STEPS_A_DB * gain).clamp(0, 255) * (levels > 0)


class TranscriberTrainer(NetworkLoop[Transcriber]):
    """One run; `run` does what is left of it.

    Parameters
    ----------
    config : TranscriberConfig
    settings : TranscriberTraining
    train, valid : TranscriberSet
    folder : Path
        Where the checkpoint is kept; one that is there is continued.
    """

    def __init__(
        self,
        config: TranscriberConfig,
        settings: TranscriberTraining,
        train: TranscriberSet,
        valid: TranscriberSet,
        folder: Path,
    ) -> None:
        super().__init__(
            config,
            settings,
            folder / "transcriber_run.safetensors",
            lambda: Transcriber(config),
        )
        self.config, self.settings = config, settings
        self.train, self.valid = _Excerpts(train), _Excerpts(valid)
        self.begin(
            torch.optim.AdamW(
                self.model.parameters(), lr=settings.rate, betas=(0.9, 0.98), weight_decay=0.01
            )
        )

    def _loss(self) -> tuple[Tensor, dict[str, float]]:
        settings = self.settings
        parts = self._heard(self.model, self.train, self.draws, bend=True)
        weights = asdict(settings) | {"sounding": settings.sounding_weight}
        loss = sum(weights[name] * value for name, value in parts.items())
        assert isinstance(loss, Tensor)
        return loss, {name: float(value.detach()) for name, value in parts.items()}

    def _heard(
        self, network: Transcriber, data: _Excerpts, draws: torch.Generator, *, bend: bool
    ) -> dict[str, Tensor]:
        """Losses on drawn places of drawn excerpts."""
        settings = self.settings
        rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=draws)))
        found: list[list[Tensor]] = [[], [], [], []]
        for row in rng.integers(len(data.levels), size=settings.batch).tolist():
            first = int(rng.integers(max(1, data.levels.shape[2] - settings.frames)))
            part = slice(first, first + settings.frames)
            places, moments = data.places(row, part, settings, rng)
            # With what sounds before and after, which single moments depend on.
            low = max(0, first - CONTEXT)
            levels = torch.from_numpy(data.levels[row, :, low : part.stop + CONTEXT]).float()
            if bend:
                levels = bent(levels, settings.bend_db, draws)
            wide = network.padded(levels)
            truth = torch.from_numpy(data.keys[row, :, part].reshape(N_HEADS, -1)[:, places].T)
            strokes = torch.from_numpy(data.drums[row, :, part][:, moments].T)
            at = torch.from_numpy(places)
            # Matrix products of a CPU with tiles for bfloat16 are several times as fast in it.
            with torch.autocast("cpu", torch.bfloat16):
                found[0].append(network.at_keys(wide, at // N_KEYS + first - low, at % N_KEYS))
                found[2].append(network.at_moments(wide, torch.from_numpy(moments) + first - low))
            found[1].append(truth.float() / data.scale)
            found[3].append(strokes.float() / 255)
        heard, keys, said, drums = (torch.cat(part) for part in found)
        return losses(heard, keys, said, drums)

    @torch.no_grad()
    def measure(self, count: int = 3) -> dict[str, float]:
        """Losses on places of held-out excerpts, and F1 of keys at moments of some whole ones."""
        generator = torch.Generator().manual_seed(0)
        network = self.average.eval()
        sums: dict[str, float] = {}
        for _ in range(count):
            for name, value in self._heard(network, self.valid, generator, bend=False).items():
                sums[f"valid {name}"] = sums.get(f"valid {name}", 0.0) + float(value) / count
        hits = np.zeros((2, 3))
        for row in range(min(count, len(self.valid.levels))):
            levels = torch.from_numpy(self.valid.levels[row, None, :, :256]).float()
            with torch.autocast("cpu", torch.bfloat16):
                said = (network(levels).keys[0, :2] > 0).numpy()
            true = self.valid.keys[row, :2, :256] > 127
            hits += np.stack(
                [(said & true).sum((1, 2)), said.sum((1, 2)), true.sum((1, 2))], axis=1
            )
        for at, name in enumerate(("onset", "sounding")):
            both, told, written = hits[at]
            sums[f"valid {name} F1"] = 2 * both / max(1.0, told + written)
        return sums


def train_transcriber(
    data: Path,
    output: Path,
    pairs: Path | None = None,
    updates: int | None = None,
    minutes: float | None = None,
) -> Path:
    """Train on a folder of plain renders, or go on training.

    Returns
    -------
    Path
        The averaged weights, as they are now.
    """
    settings = TranscriberTraining()
    if updates is not None:
        settings = replace(settings, updates=updates)
    cache = output / "levels"
    cache.mkdir(parents=True, exist_ok=True)
    files = dry_files(data, "train")
    if pairs is not None:
        files += pair_files(pairs, "train")
    train = transcriber_set(files, cache)
    valid = transcriber_set(dry_files(data, "valid"), cache)
    print(f"{len(train.levels)} excerpts, {len(valid.levels)} held out", flush=True)
    trainer = TranscriberTrainer(TranscriberConfig(), settings, train, valid, output)

    trainer.run(minutes=minutes, progress=tell)
    weights = output / "transcriber.safetensors"
    held_out = {name: round(value, 4) for name, value in trainer.measure().items()}
    notes = {"updates": trainer.update, "of": settings.updates, "held_out": held_out}
    notes["excerpts"] = len(train.levels)
    save_transcriber(trainer.average, weights, notes)
    write_text(output / "transcriber_history.json", json.dumps(trainer.history, indent=1) + "\n")
    return weights


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of plain renders")
    parser.add_argument("--pairs", type=Path, help="folder of pairs to take plain sides of")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the run")
    parser.add_argument("--updates", type=int, help="in all")
    parser.add_argument("--minutes", type=float, help="stop after so many and save")
    options = parser.parse_args(arguments)
    print(
        train_transcriber(
            options.data, options.output, options.pairs, options.updates, options.minutes
        )
    )


if __name__ == "__main__":
    main()
