"""Whole runs of training for the learned parts of sound: data, training, weights, card.

    python -m hybrid.audio_refiner.audio_runs codec --data PAIRS -o RUN [--minutes 9]
    python -m hybrid.audio_refiner.audio_runs refiner --data PAIRS --codec FILE -o RUN

A run that was stopped, by hand or by ``--minutes``, goes on where it was when the same command is
given again; so it can be done in short calls on a lent machine. Needs NumPy, torch,
torchaudio, safetensors, soundfile and pyloudnorm.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hybrid.audio_refiner.audio_pool import AudioPool
from hybrid.audio_refiner.audio_sets import N_ROLL, pair_files, pairs, recordings
from hybrid.audio_refiner.codec import CodecConfig
from hybrid.audio_refiner.codec_training import CodecTrainer, CodecTraining
from hybrid.audio_refiner.codec_weights import load_codec, save_codec
from hybrid.audio_refiner.production import style_names
from hybrid.audio_refiner.refiner_model import RefinerConfig
from hybrid.audio_refiner.refiner_training import PairPool, RefinerTrainer, RefinerTraining
from hybrid.audio_refiner.refiner_weights import save_refiner
from hybrid.core.errors import ConfigError
from hybrid.io.atomic import write_text
from hybrid.training.command import tell


def pick_device(name: str) -> torch.device:
    """The device of a name; ``auto`` is a GPU where there is one.

    Raises
    ------
    ConfigError
        If it is unknown or not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise ConfigError(f"device must be auto, cpu or cuda, got {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda must be there, got a machine without one")
    return torch.device(name)


def train_codec(
    data: Path,
    output: Path,
    *,
    updates: int | None = None,
    minutes: float | None = None,
    device: str = "auto",
    config: CodecConfig | None = None,
    settings: CodecTraining | None = None,
    start: Path | None = None,
) -> Path:
    """Train the codec on the sound of a folder of pairs, or go on training it.

    ``start`` names weights to begin with.

    Returns
    -------
    Path
        The averaged weights, as they are now.
    """
    place = pick_device(device)
    settings = settings or CodecTraining()
    if updates is not None:
        settings = replace(settings, updates=updates)
    pools = [AudioPool(recordings(pair_files(data, split)), place) for split in ("train", "valid")]
    print(f"{pools[0].seconds / 60:.1f} minutes of sound, {pools[1].seconds / 60:.1f} held out")
    output.mkdir(parents=True, exist_ok=True)
    trainer = CodecTrainer(
        config or CodecConfig(),
        settings,
        pools[0],
        pools[1],
        output,
        place,
        start=None if start is None else load_codec(start)[0],
    )
    trainer.run(minutes=minutes, progress=tell)
    weights = output / "codec.safetensors"
    notes = _notes(trainer.update, settings.updates, trainer.measure())
    save_codec(trainer.average, weights, notes)
    write_text(output / "codec_history.json", json.dumps(trainer.history, indent=1) + "\n")
    return weights


def train_refiner(
    data: Path,
    codec: Path,
    output: Path,
    *,
    updates: int | None = None,
    minutes: float | None = None,
    device: str = "auto",
    config: RefinerConfig | None = None,
    settings: RefinerTraining | None = None,
) -> Path:
    """Train the refiner on a folder of pairs with a finished codec, or go on training it."""
    place = pick_device(device)
    settings = settings or RefinerTraining()
    if updates is not None:
        settings = replace(settings, updates=updates)
    coder, digest = load_codec(codec)
    coder = coder.to(place)
    pools = [PairPool(pairs(pair_files(data, split)), coder, place) for split in ("train", "valid")]
    base = config or RefinerConfig()
    config = replace(
        base,
        latent=coder.config.inner,
        n_books=coder.config.n_books,
        n_entries=coder.config.n_entries,
        n_roll=N_ROLL,
        n_styles=len(style_names()),
    )
    output.mkdir(parents=True, exist_ok=True)
    trainer = RefinerTrainer(config, settings, coder, pools[0], pools[1], output, place)
    trainer.run(minutes=minutes, progress=tell)
    weights = output / "refiner.safetensors"
    notes = _notes(trainer.update, settings.updates, trainer.measure())
    notes |= {"codec": digest, "styles": list(style_names())}
    save_refiner(trainer.average, weights, notes)
    write_text(output / "refiner_history.json", json.dumps(trainer.history, indent=1) + "\n")
    return weights


def _notes(done: int, updates: int, held_out: dict[str, float]) -> dict[str, Any]:
    rounded = {name: round(value, 4) for name, value in held_out.items()}
    return {"updates": done, "of": updates, "held_out": rounded}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("codec", "refiner"))
    parser.add_argument("--data", type=Path, required=True, help="folder of pairs")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the run")
    parser.add_argument("--codec", type=Path, help="weights of the codec, for the refiner")
    parser.add_argument("--updates", type=int, help="in all")
    parser.add_argument("--batch", type=int, help="excerpts of an update")
    parser.add_argument("--frames", type=int, help="frames of an excerpt")
    parser.add_argument("--rate", type=float, help="highest learning rate")
    parser.add_argument("--windows", type=int, help="spectral windows of an update, 1 to 5")
    parser.add_argument(
        "--no-critics", action="store_true", help="codec on spectral distances alone"
    )
    parser.add_argument("--start", type=Path, help="weights that the codec begins with")
    parser.add_argument(
        "--decoder-only", action="store_true", help="codec with encoder and books as they are"
    )
    parser.add_argument(
        "--no-spectral", action="store_true", help="refiner without spectral distances"
    )
    parser.add_argument("--half", action="store_true", help="refiner in bfloat16")
    parser.add_argument("--minutes", type=float, help="stop after so many and save")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args(arguments)
    changed = {
        name: value
        for name in ("updates", "batch", "frames", "rate", "windows")
        if (value := getattr(options, name)) is not None
    }
    given = {"minutes": options.minutes, "device": options.device}
    if options.what == "codec":
        coder = replace(CodecTraining(), **changed)
        if options.no_critics:
            coder = replace(coder, critics_from=1.0)
        if options.decoder_only:
            coder = replace(coder, decoder_only=True)
        print(
            train_codec(options.data, options.output, settings=coder, start=options.start, **given)
        )
        return
    if options.codec is None:
        raise ConfigError("--codec must name the codec's weights to train a refiner")
    refiner = replace(RefinerTraining(half=options.half), **changed)
    if options.no_spectral:
        refiner = replace(refiner, spectral=0.0)
    print(train_refiner(options.data, options.codec, options.output, settings=refiner, **given))


if __name__ == "__main__":
    main()
