"""Training the spectrogram diffusion, resumable to the bit.

    python -m hybrid.history.spectrogram_diffusion_training --data SOUND -o RUN [--minutes 20]

What it learns from is rendered into the folder SOUND: tunes, chorales and random lines, played
by FluidSynth with TimGM6mb.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hybrid.core.seeds import stage_rng
from hybrid.history.rendered_tunes import (
    HELD_OUT_TUNE,
    Event,
    chorale_events,
    chorale_numbers,
    random_line,
    rendered,
    training_tunes,
    tune_events,
)
from hybrid.history.spectrogram_diffusion_model import (
    INSTRUMENTS,
    SOUND,
    Denoiser,
    DiffusionConfig,
    note_pictures,
    save_denoiser,
    shares,
)
from hybrid.io.atomic import write_bytes, write_text
from hybrid.training.command import tell, training_command
from hybrid.training.network_loop import NetworkLoop


@dataclass(frozen=True)
class DiffusionTraining:
    """Settings of a run.

    Attributes
    ----------
    updates, batch : int
    frames : int
        Length of an excerpt.
    rate : float
        Highest learning rate.
    warmup : int
    average : float
        Decay of the weights' moving average.
    check_every, save_every, seed : int
    """

    updates: int = 560
    batch: int = 4
    frames: int = 64
    rate: float = 3e-3
    warmup: int = 30
    average: float = 0.99
    check_every: int = 40
    save_every: int = 40
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Piece:
    """A rendered piece: its notes, and its levels (n_bands, T) as float16."""

    events: tuple[Event, ...]
    instrument: str
    qpm: float
    levels: NDArray[np.float16]

    @property
    def pictures(self) -> NDArray[np.float32]:
        """Its notes as pictures, (N_PICTURES, n_bands, T)."""
        return note_pictures(self.events, self.instrument, self.qpm, self.levels.shape[1])


def pieces_to_play(held_out: bool) -> Iterator[tuple[tuple[Event, ...], str, float]]:
    """Notes, instrument and tempo of every piece of a set."""
    rng = stage_rng(0, "spectrogram-diffusion", "valid" if held_out else "train")
    for instrument in INSTRUMENTS:
        if held_out:
            yield tune_events(HELD_OUT_TUNE, int(rng.integers(-2, 9))), instrument, 120.0
            number = int(rng.choice(chorale_numbers(held_out=True)))
            yield chorale_events(number), instrument, 90.0
            continue
        for name in training_tunes():
            shift = int(rng.integers(-5, 13))
            yield tune_events(name, shift), instrument, float(rng.integers(90, 150))
        for number in rng.choice(chorale_numbers(), 14, replace=False):
            shift = int(rng.integers(-2, 5))
            yield chorale_events(int(number), 16, shift), instrument, float(rng.integers(70, 120))
        for _ in range(8):
            low = int(rng.choice((40, 55)))
            yield random_line(rng, 24, low, low + 29), instrument, float(rng.integers(80, 150))


def rendered_pieces(folder: Path, held_out: bool) -> list[Piece]:
    """Render a set, or read what was rendered before."""
    pieces = []
    for number, (events, instrument, qpm) in enumerate(pieces_to_play(held_out)):
        path = folder / f"{'valid' if held_out else 'train'}-{number:03d}.levels"
        if not path.exists():
            sound = rendered(events, INSTRUMENTS[instrument], qpm, SOUND.sample_rate)
            write_bytes(path, SOUND.levels(sound).astype("<f2").tobytes())
        levels = np.frombuffer(path.read_bytes(), "<f2").reshape(SOUND.n_bands, -1)
        pieces.append(Piece(events, instrument, qpm, levels))
    return pieces


def excerpts(pieces: Sequence[Piece], frames: int) -> tuple[Tensor, Tensor]:
    """Pieces cut from their beginning into excerpts: (B, F, T), (B, N_PICTURES, F, T)."""
    levels, pictures = [], []
    for piece in pieces:
        shown = piece.pictures
        for first in range(0, piece.levels.shape[1] - frames, frames):
            levels.append(piece.levels[:, first : first + frames].astype(np.float32))
            pictures.append(shown[:, :, first : first + frames])
    return torch.from_numpy(np.stack(levels)), torch.from_numpy(np.stack(pictures))


class DiffusionTrainer(NetworkLoop[Denoiser]):
    """One run; `run` does what is left of it."""

    def __init__(
        self,
        config: DiffusionConfig,
        settings: DiffusionTraining,
        train: Sequence[Piece],
        valid: Sequence[Piece],
        folder: Path,
    ) -> None:
        super().__init__(
            config,
            settings,
            folder / "spectrogram_diffusion_run.safetensors",
            lambda: Denoiser(config),
        )
        self.config, self.settings = config, settings
        self.pieces = [
            (
                torch.from_numpy(piece.levels.copy()),
                torch.from_numpy(piece.pictures).half(),
            )
            for piece in train
        ]
        self.valid = tuple(part[::3] for part in excerpts(valid, settings.frames))
        self.begin(torch.optim.AdamW(self.model.parameters(), lr=settings.rate))

    def _draw(self) -> tuple[Tensor, Tensor]:
        lengths = torch.tensor([float(levels.shape[1]) for levels, _ in self.pieces])
        rows = torch.multinomial(lengths, self.settings.batch, True, generator=self.draws)
        found = []
        for row in rows.tolist():
            levels, pictures = self.pieces[row]
            room = levels.shape[1] - self.settings.frames
            first = int(torch.randint(room, (1,), generator=self.draws))
            part = slice(first, first + self.settings.frames)
            found.append((levels[:, part].float(), pictures[:, :, part].float()))
        levels_drawn, pictures_drawn = zip(*found, strict=True)
        return torch.stack(levels_drawn), torch.stack(pictures_drawn)

    def _loss(self) -> tuple[Tensor, dict[str, float]]:
        levels, pictures = self._draw()
        noise = torch.rand(len(levels), generator=self.draws)
        dirt = torch.randn(levels.shape, generator=self.draws)
        loss = v_loss(self.model, levels, pictures, noise, dirt)
        return loss, {"train": float(loss.detach())}

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Loss on what is held out, with the averaged weights."""
        levels, pictures = self.valid
        return {"valid": held_out_loss(self.average, levels, pictures)}


def v_loss(
    network: nn.Module, levels: Tensor, pictures: Tensor, noise: Tensor, dirt: Tensor
) -> Tensor:
    """Mean squared error of v, at times (B,) with noise (B, F, T)."""
    clean_share, dirt_share = (part[:, None, None] for part in shares(noise))
    noisy = clean_share * levels + dirt_share * dirt
    wanted = clean_share * dirt - dirt_share * levels
    return functional.mse_loss(network(noisy, pictures, noise), wanted)


@torch.no_grad()
def held_out_loss(network: nn.Module, levels: Tensor, pictures: Tensor, seed: int = 0) -> float:
    """`v_loss` over excerpts, times spread evenly, noise from a seed."""
    generator = torch.Generator().manual_seed(seed)
    noise = (torch.arange(len(levels)) * 0.618034 + 0.31) % 1.0
    dirt = torch.randn(levels.shape, generator=generator)
    total = 0.0
    for at in range(0, len(levels), 8):
        parts = [part[at : at + 8] for part in (levels, pictures, noise, dirt)]
        total += float(v_loss(network, *parts)) * len(parts[0])
    return total / len(levels)


@torch.no_grad()
def wiener_loss(levels: Tensor, pictures: Tensor, seed: int = 0) -> float:
    """The same of a Wiener filter, the best that is linear: the trivial baseline.

    Band by band it expects what a regression on the pictures of the notes gives, with a Gaussian
    spread. Both are fitted to the very excerpts that it is tested on, which favours it.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = (torch.arange(len(levels)) * 0.618034 + 0.31) % 1.0
    dirt = torch.randn(levels.shape, generator=generator)
    expected, spread = torch.empty_like(levels), torch.empty(levels.shape[1])
    for band in range(levels.shape[1]):
        shown = pictures[:, :, band].transpose(1, 2).reshape(-1, pictures.shape[1]).double()
        wanted = levels[:, band].reshape(-1).double()
        # The pictures of the instruments add up to one: no further constant.
        square = shown.T @ shown + 1e-3 * torch.eye(shown.shape[1])
        found = shown @ torch.linalg.solve(square, shown.T @ wanted)
        expected[:, band] = found.reshape(levels[:, band].shape).float()
        spread[band] = float((wanted - found).square().mean())
    clean, dirty = (part[:, None, None] for part in shares(noise))
    noisy = clean * levels + dirty * dirt
    gain = spread[None, :, None] * clean / (clean**2 * spread[None, :, None] + dirty**2)
    guess = expected + gain * (noisy - clean * expected)
    guessed_dirt = (noisy - clean * guess) / dirty
    misses = (clean * (guessed_dirt - dirt) - dirty * (guess - levels)).square()
    return float(misses.mean())


def train_diffusion(
    data: Path, output: Path, updates: int | None = None, minutes: float | None = None
) -> Path:
    """Render what is not there, train, or go on training.

    Returns
    -------
    Path
        The weights as they are now.
    """
    torch.set_num_threads(1)
    settings = DiffusionTraining()
    if updates is not None:
        settings = replace(settings, updates=updates)
    data.mkdir(parents=True, exist_ok=True)
    output.mkdir(parents=True, exist_ok=True)
    train, valid = rendered_pieces(data, False), rendered_pieces(data, True)
    seconds = sum(piece.levels.shape[1] for piece in train) / SOUND.frames_per_second
    print(f"{len(train)} pieces, {seconds / 60:.1f} minutes; {len(valid)} held out", flush=True)
    trainer = DiffusionTrainer(DiffusionConfig(), settings, train, valid, output)
    trainer.run(minutes=minutes, progress=tell)
    notes = {
        "updates": trainer.update,
        "of": settings.updates,
        "minutes_of_sound": round(seconds / 60, 1),
        "held_out": round(held_out_loss(trainer.average, *excerpts(valid, settings.frames)), 4),
        "wiener": round(wiener_loss(*excerpts(valid, settings.frames)), 4),
        "curve": [
            [int(row["update"]), round(row["train"], 4), round(row["valid"], 4)]
            for row in trainer.history
        ],
    }
    weights = output / "spectrogram_diffusion.safetensors"
    save_denoiser(trainer.average, weights, notes)
    write_text(output / "history.json", json.dumps(trainer.history, indent=1) + "\n")
    return weights


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    training_command(__doc__, "folder for the rendered sound", train_diffusion, arguments)


if __name__ == "__main__":
    main()
