"""Training the mapper (`hybrid.audio_refiner.mapper_model`), resumable to the bit.

    python -m hybrid.audio_refiner.mapper_training --data PAIRS -o RUN [--minutes 9]

Gains are laid on band powers, which need no inverse transform: what the powers of left, right,
middle and side become is known from the gains in closed form. So a run takes minutes on one
processor core. Both renders are then heard in a room, drawn anew for each excerpt, as the
chain that comes after the mapper has one: what a room covers up need not be right.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from hybrid.audio_refiner.audio_sets import pair_files
from hybrid.audio_refiner.mapper_bands import ROW, decibels
from hybrid.audio_refiner.mapper_data import MapperSet, mapper_set, powers_of_roots
from hybrid.audio_refiner.mapper_model import Gains, Mapper, MapperConfig
from hybrid.audio_refiner.mapper_weights import save_mapper
from hybrid.audio_refiner.roll import SAMPLE_RATE
from hybrid.io.atomic import write_text
from hybrid.training.command import tell, training_command
from hybrid.training.network_loop import NetworkLoop


@dataclass(frozen=True)
class MapperTraining:
    """Settings of a run.

    Attributes
    ----------
    updates : int
    batch, rows : int
        ``batch`` excerpts of ``rows`` rows of 23 ms in an update.
    rate : float
        Highest learning rate.
    warmup : int
        Updates of rising rate.
    contrast : float
        Weight of how far the deviations over a second lie apart, beside the levels themselves:
        levels alone are met best by what moves too little.
    average : float
        Decay of the weights' moving average.
    check_every, save_every, seed : int
    """

    updates: int = 700
    batch: int = 8
    rows: int = 86
    rate: float = 2e-3
    warmup: int = 50
    contrast: float = 0.3
    average: float = 0.99
    check_every: int = 100
    save_every: int = 100
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Excerpts:
    """What an update hears: powers of the plain render, notes, levels of the large one.

    Attributes
    ----------
    dry : Tensor, shape (B, T, 3, 96)
        Powers of middle and side, and their product.
    notes : Tensor, shape (B, T, N_NOTES), 0..1
    wanted : Tensor, shape (B, T, 4, 96)
        Powers of left, right, middle and side.
    wet_db, rt60_seconds : Tensor, shape (B,)
        Of the room (`in_room`).
    """

    dry: Tensor
    notes: Tensor
    wanted: Tensor
    wet_db: Tensor
    rt60_seconds: Tensor


def mapped_powers(dry: Tensor, gains: Gains) -> Tensor:
    """Powers of left, right, middle and side with gains laid on, (..., 4, 96).

    Parameters
    ----------
    dry : Tensor, shape (..., 3, 96)
        As `Excerpts.dry`.
    """
    middle, side, cross = dry.unbind(-2)
    whole = (middle + side).mean(-1, keepdim=True)
    up, down = _power(gains.middle), _power(gains.side)
    made_middle = up * middle + _power(gains.middle_noise) * whole
    made_side = down * side + _power(gains.spread) * middle + _power(gains.side_noise) * whole
    twice = 2 * (up * down).sqrt() * cross
    both = made_middle + made_side
    # Rounding may make a side that is silent slightly less than that.
    sides = [(both + twice).clamp(min=0), (both - twice).clamp(min=0)]
    return torch.stack([*sides, made_middle, made_side], -2)


def in_room(powers: Tensor, wet_db: Tensor, rt60_seconds: Tensor) -> Tensor:
    """Powers of left, right, middle and side with those of a room added, (B, T, 4, 96).

    A room of noise that dies away, as `hybrid.audio_refiner.effects_reverb` has it: it hears each
    side with half the amplitude of the other, and gives middle and side the same.

    Parameters
    ----------
    powers : Tensor, shape (B, T, 4, 96)
    wet_db, rt60_seconds : Tensor, shape (B,)
        The room's energy relative to the direct sound's, and the time in which it falls by 60 dB.
    """
    n_rows = powers.shape[1]
    pole = torch.exp(-13.8155 * ROW / SAMPLE_RATE / rt60_seconds)[:, None, None]  # ln(10^6)
    since = torch.arange(n_rows)[:, None] - torch.arange(n_rows)
    decay = torch.where(since >= 0, pole ** since.clamp(min=0), 0.0) * (1 - pole)  # (B, T, T)
    middle, side = powers[:, :, 2], powers[:, :, 3]
    wet = _power(wet_db)[:, None, None] * (decay @ (1.125 * middle + 0.125 * side))
    # Left and right are the sum of both parts of the room, which are independent.
    return powers + torch.stack([2 * wet, 2 * wet, wet, wet], 2)


def _power(level_db: Tensor) -> Tensor:
    return torch.exp(level_db * 0.2302585093)  # ln(10) / 10


def level_distances(found: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """How far levels (B, T, 4, 96) lie apart, in dB.

    Returns
    -------
    dict
        ``levels``: mean absolute difference; ``contrast``: the same of deviations over every
        second.
    """
    apart = (found - wanted).abs().mean()
    contrast = (_deviations(found) - _deviations(wanted)).abs().mean()
    return {"levels": apart, "contrast": contrast}


def _deviations(levels: Tensor) -> Tensor:
    seconds = levels.shape[1] // 43
    cut = levels[:, : 43 * seconds].reshape(len(levels), seconds, 43, *levels.shape[2:])
    result: Tensor = (cut.var(dim=2, correction=0) + 0.01).sqrt()
    return result


class _Pool:
    """A set of which excerpts are drawn."""

    def __init__(self, held: MapperSet) -> None:
        self.roots, self.notes = torch.from_numpy(held.roots), torch.from_numpy(held.notes)

    def at(self, which: Sequence[int], first: Sequence[int], n_rows: int) -> Excerpts:
        """Rows of some excerpts."""
        places = [
            (row, slice(start, start + n_rows)) for row, start in zip(which, first, strict=True)
        ]
        powers = powers_of_roots(torch.stack([self.roots[place].float() for place in places]))
        notes = torch.stack([self.notes[place] for place in places]).float() / 127
        wet_db = torch.full((len(places),), -10.0)
        return Excerpts(
            powers[..., :3, :], notes, powers[..., 3:, :], wet_db, torch.ones(len(places))
        )

    def draw(self, count: int, n_rows: int, generator: torch.Generator) -> Excerpts:
        """Random excerpts, left and right exchanged in half of them, at levels up to 6 dB off.

        Rooms are drawn evenly from -20 to -3 dB and, over the logarithm, from 0.3 to 3 s.
        """
        which = torch.randint(len(self.roots), (count,), generator=generator)
        room = self.roots.shape[1] - n_rows + 1
        first = torch.randint(room, (count,), generator=generator)
        drawn = self.at(which.tolist(), first.tolist(), n_rows)
        swap = torch.rand(count, generator=generator) < 0.5
        level = 10 ** (1.2 * torch.rand(count, generator=generator) - 0.6)
        dry, wanted = drawn.dry * _over(level), drawn.wanted * _over(level)
        other = torch.tensor([1.0, 1.0, -1.0])[:, None]
        dry = torch.where(_over(swap), dry * other, dry)
        wanted = torch.where(_over(swap), wanted[..., [1, 0, 2, 3], :], wanted)
        wet_db = 17 * torch.rand(count, generator=generator) - 20
        rt60_seconds = 0.3 * 10 ** torch.rand(count, generator=generator)
        return Excerpts(dry, drawn.notes, wanted, wet_db, rt60_seconds)


def _over(each: Tensor) -> Tensor:
    return each[:, None, None, None]


class MapperTrainer(NetworkLoop[Mapper]):
    """One run; `run` does what is left of it.

    Parameters
    ----------
    config : MapperConfig
    settings : MapperTraining
    train, valid : MapperSet
    folder : Path
        Where the checkpoint is kept; one that is there is continued.
    """

    def __init__(
        self,
        config: MapperConfig,
        settings: MapperTraining,
        train: MapperSet,
        valid: MapperSet,
        folder: Path,
    ) -> None:
        super().__init__(
            config, settings, folder / "mapper_run.safetensors", lambda: Mapper(config)
        )
        self.config, self.settings = config, settings
        self.train, self.valid = _Pool(train), _Pool(valid)
        self.begin(
            torch.optim.AdamW(
                self.model.parameters(), lr=settings.rate, betas=(0.9, 0.98), weight_decay=0.02
            )
        )

    def _loss(self) -> tuple[Tensor, dict[str, float]]:
        settings = self.settings
        drawn = self.train.draw(settings.batch, settings.rows, self.draws)
        losses = distances_of(self.model, drawn)
        loss = losses["levels"] + settings.contrast * losses["contrast"]
        return loss, {name: float(value.detach()) for name, value in losses.items()}

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Distances on held-out excerpts with the averaged weights, and of what is not mapped."""
        found: dict[str, float] = {}
        model = self.average.eval()
        count, n_rows = len(self.valid.roots), self.settings.rows
        room = self.valid.roots.shape[1] - n_rows + 1
        size = self.settings.batch
        for begin in range(0, count, size):
            which = list(range(begin, min(begin + size, count)))
            drawn = self.valid.at(which, [997 * at % room for at in which], n_rows)
            row = {f"valid {name}": each for name, each in distances_of(model, drawn).items()}
            row["valid unmapped"] = distances_of(None, drawn)["levels"]
            for name, value in row.items():
                found[name] = found.get(name, 0.0) + float(value) * len(which) / count
        return found


def distances_of(model: Mapper | None, drawn: Excerpts) -> dict[str, Tensor]:
    """`level_distances` of what a mapper makes of excerpts, of the plain render without one, each
    heard in the excerpt's room."""
    middle, side, cross = drawn.dry.unbind(-2)
    if model is None:
        both = middle + side
        sides = [(both + 2 * cross).clamp(min=0), (both - 2 * cross).clamp(min=0)]
        made = torch.stack([*sides, middle, side], -2)
    else:
        levels = decibels(torch.stack([middle, side], 2))
        made = mapped_powers(drawn.dry, model(levels, drawn.notes))
    heard, wanted = (
        decibels(in_room(powers, drawn.wet_db, drawn.rt60_seconds))
        for powers in (made, drawn.wanted)
    )
    return level_distances(heard, wanted)


def train_mapper(
    data: Path, output: Path, updates: int | None = None, minutes: float | None = None
) -> Path:
    """Train on a folder of pairs, or go on training.

    Returns
    -------
    Path
        The averaged weights as they are now.
    """
    settings = MapperTraining()
    if updates is not None:
        settings = replace(settings, updates=updates)
    cache = output / "bands"
    cache.mkdir(parents=True, exist_ok=True)
    train, valid = (mapper_set(pair_files(data, split), cache) for split in ("train", "valid"))
    print(f"{len(train.roots)} excerpts, {len(valid.roots)} held out", flush=True)
    trainer = MapperTrainer(MapperConfig(), settings, train, valid, output)
    trainer.run(minutes=minutes, progress=tell)
    weights = output / "mapper.safetensors"
    held_out = {name: round(value, 4) for name, value in trainer.measure().items()}
    notes = {"updates": trainer.update, "of": settings.updates, "held_out": held_out}
    notes["excerpts"] = len(train.roots)
    save_mapper(trainer.average, weights, notes)
    write_text(output / "mapper_history.json", json.dumps(trainer.history, indent=1) + "\n")
    return weights


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    training_command(__doc__, "folder of pairs", train_mapper, arguments)


if __name__ == "__main__":
    main()
