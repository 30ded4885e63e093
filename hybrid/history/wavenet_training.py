"""Training the WaveNet, resumable to the bit.

    python -m hybrid.history.wavenet_training --data SOUND -o RUN [--minutes 20]

It hears a flute, rendered into the folder SOUND by FluidSynth with TimGM6mb: tunes in F major, and
lines drawn at random on the nine notes that they need.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hybrid.core.seeds import stage_rng
from hybrid.history.rendered_tunes import (
    HELD_OUT_TUNE,
    Event,
    random_line,
    rendered,
    training_tunes,
    tune_events,
)
from hybrid.history.wavenet_model import (
    HIGH,
    LEVELS,
    LOW,
    MIDDLE,
    PROGRAM,
    SAMPLE_RATE,
    SCALE,
    WaveNet,
    WaveNetConfig,
    conditions,
    mu_law,
    save_wavenet,
)
from hybrid.io.atomic import write_bytes, write_text
from hybrid.training.command import tell, training_command
from hybrid.training.network_loop import NetworkLoop

#: Rendered sound has a root mean square of 0.1; the model's is three times as loud.
GAIN = 3.0
#: Semitones from C, in which the tunes stand.
TO_F = 5


@dataclass(frozen=True)
class WaveNetTraining:
    """Settings of a run.

    Attributes
    ----------
    updates, batch : int
    samples : int
        Of an excerpt, after those that only lead up to it.
    rate : float
        Highest learning rate.
    warmup : int
    average : float
        Decay of the weights' moving average.
    check_every, save_every, seed : int
    """

    updates: int = 450
    batch: int = 2
    samples: int = 2048
    rate: float = 5e-3
    warmup: int = 25
    average: float = 0.98
    check_every: int = 50
    save_every: int = 50
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Line:
    """A rendered line: its levels (N,) as bytes, its notes, its tempo."""

    levels: NDArray[np.uint8]
    events: tuple[Event, ...]
    qpm: float

    @property
    def told(self) -> NDArray[np.float32]:
        """What is to sound at every sample, (N, N_CONDITIONS)."""
        return conditions(self.events, self.qpm, len(self.levels))


def lines_to_play(held_out: bool) -> Iterator[tuple[tuple[Event, ...], float]]:
    """Notes and tempo of every line of a set."""
    rng = stage_rng(0, "wavenet", "valid" if held_out else "train")
    if held_out:
        yield tune_events(HELD_OUT_TUNE, TO_F)[:12], 120.0
        return
    for name in training_tunes():
        yield tune_events(name, TO_F), float(rng.integers(100, 150))
    for _ in range(14):
        line = random_line(rng, 24, LOW, HIGH)
        on_scale = tuple(
            (onset, ticks, max(known for known in SCALE if known <= pitch))
            for onset, ticks, pitch in line
        )
        yield on_scale, float(rng.integers(90, 150))


def heard(events: Sequence[Event], qpm: float) -> NDArray[np.uint8]:
    """Levels (N,) of notes as the flute plays them."""
    sound = rendered(events, PROGRAM, qpm, SAMPLE_RATE)
    return mu_law(GAIN * sound).astype(np.uint8)


def rendered_lines(folder: Path, held_out: bool) -> list[Line]:
    """Render a set, or read what was rendered before."""
    lines = []
    for number, (events, qpm) in enumerate(lines_to_play(held_out)):
        path = folder / f"{'valid' if held_out else 'train'}-{number:03d}.mulaw"
        if not path.exists():
            write_bytes(path, heard(events, qpm).tobytes())
        lines.append(Line(np.frombuffer(path.read_bytes(), np.uint8), events, qpm))
    return lines


def markov_bits(
    train: Sequence[NDArray[np.uint8]], tested: NDArray[np.uint8], smooth: float = 0.05
) -> float:
    """Bits a sample of a Markov chain of order one over the levels: the trivial baseline.

    Parameters
    ----------
    train : sequence of np.ndarray, shape (N,), uint8
        Whose pairs of levels are counted.
    tested : np.ndarray, shape (N,), uint8
    smooth : float
        Added to every count.
    """
    counts = np.full((LEVELS, LEVELS), smooth)
    for levels in train:
        np.add.at(counts, (levels[:-1], levels[1:]), 1)
    chances = counts / counts.sum(axis=1, keepdims=True)
    return float(-np.log2(chances[tested[:-1], tested[1:]]).mean())


@torch.no_grad()
def wavenet_bits(network: WaveNet, line: Line, most: int = 24000, part: int = 4000) -> float:
    """Bits a sample of the network on a line's first samples, each given all before it."""
    reach, total, count = network.config.reach, 0.0, 0
    levels = torch.from_numpy(line.levels[:most].astype(np.int64))
    before = torch.cat([torch.tensor([MIDDLE]), levels[:-1]])
    told = torch.from_numpy(line.told[:most])
    for first in range(0, len(levels), part):
        start = max(0, first - reach)
        stop = min(len(levels), first + part)
        logits = network(before[None, start:stop], told[None, start:stop])[0, first - start :]
        loss = functional.cross_entropy(logits, levels[first:stop], reduction="sum")
        total += float(loss)
        count += stop - first
    return total / count / math.log(2)


class WaveNetTrainer(NetworkLoop[WaveNet]):
    """One run; `run` does what is left of it."""

    def __init__(
        self,
        config: WaveNetConfig,
        settings: WaveNetTraining,
        train: Sequence[Line],
        valid: Line,
        folder: Path,
    ) -> None:
        super().__init__(
            config, settings, folder / "wavenet_run.safetensors", lambda: WaveNet(config)
        )
        self.config, self.settings, self.valid = config, settings, valid
        self.lines = [
            (torch.from_numpy(line.levels.copy()), torch.from_numpy(line.told)) for line in train
        ]
        self.begin(torch.optim.AdamW(self.model.parameters(), lr=settings.rate, weight_decay=1e-4))

    def _draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """Levels before, what is told, and the levels themselves: (B, reach + samples)."""
        length = self.config.reach + self.settings.samples
        sizes = torch.tensor([float(len(levels)) for levels, _ in self.lines])
        rows = torch.multinomial(sizes, self.settings.batch, True, generator=self.draws)
        before, told, levels = [], [], []
        for row in rows.tolist():
            line, known = self.lines[row]
            at = int(torch.randint(1, len(line) - length, (1,), generator=self.draws))
            before.append(line[at - 1 : at - 1 + length].long())
            levels.append(line[at : at + length].long())
            told.append(known[at : at + length])
        return torch.stack(before), torch.stack(told), torch.stack(levels)

    def _loss(self) -> tuple[Tensor, dict[str, float]]:
        before, told, levels = self._draw()
        reach = self.config.reach
        logits = self.model(before, told)[:, reach:]
        loss = functional.cross_entropy(logits.reshape(-1, LEVELS), levels[:, reach:].reshape(-1))
        return loss, {"train": float(loss.detach()) / math.log(2)}

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Bits a sample on what is held out, with the averaged weights."""
        return {"valid": wavenet_bits(self.average, self.valid, most=12000)}


def train_wavenet(
    data: Path, output: Path, updates: int | None = None, minutes: float | None = None
) -> Path:
    """Render what is not there, train, or go on training.

    Returns
    -------
    Path
        The weights as they are now.
    """
    torch.set_num_threads(1)
    settings = WaveNetTraining()
    if updates is not None:
        settings = replace(settings, updates=updates)
    data.mkdir(parents=True, exist_ok=True)
    output.mkdir(parents=True, exist_ok=True)
    train, (valid,) = rendered_lines(data, False), rendered_lines(data, True)
    minutes_heard = sum(len(line.levels) for line in train) / SAMPLE_RATE / 60
    baseline = markov_bits([line.levels for line in train], valid.levels)
    print(f"{minutes_heard:.1f} minutes; Markov chain {baseline:.3f} bits a sample", flush=True)
    trainer = WaveNetTrainer(WaveNetConfig(), settings, train, valid, output)
    trainer.run(minutes=minutes, progress=tell)
    notes = {
        "updates": trainer.update,
        "of": settings.updates,
        "minutes_of_sound": round(minutes_heard, 1),
        "markov_bits": round(baseline, 3),
        "held_out_bits": round(wavenet_bits(trainer.average, valid), 3),
        "curve": [
            [int(row["update"]), round(row["train"], 3), round(row["valid"], 3)]
            for row in trainer.history
        ],
    }
    weights = output / "wavenet.safetensors"
    save_wavenet(trainer.average, weights, notes)
    write_text(output / "history.json", json.dumps(trainer.history, indent=1) + "\n")
    return weights


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    training_command(__doc__, "folder for the rendered sound", train_wavenet, arguments)


if __name__ == "__main__":
    main()
