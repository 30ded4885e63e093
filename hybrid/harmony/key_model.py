"""The small network that hears keys, in torch, and its training on analysed pieces.

    python -m hybrid.harmony.key_model --data DIR --out keys.safetensors --seeds 0,1,2

``DIR`` holds ``harmony_train.npz`` (see `hybrid.harmony.folders`). A run takes a minute of one
core. What the network reads and how it is used: `hybrid.harmony.key_network`.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hybrid.core.errors import ConfigError
from hybrid.harmony.config import N_TONICS
from hybrid.harmony.corpus import Piece, load_pieces
from hybrid.harmony.examples import GPL_GROUPS, known_spelling
from hybrid.harmony.features import FRAME_TICKS, N_ACCENTS, frame_labels, piece_arrays
from hybrid.harmony.key_network import (
    DILATIONS,
    FORMAT,
    KERNEL,
    N_INPUTS,
    UNIT_FRAMES,
    key_inputs,
)
from hybrid.io.atomic import write_bytes
from hybrid.io.tensor_header import in_order

SIZE = 24
DROPOUT = 0.3
_NO_LABEL = -100


@dataclass(frozen=True)
class KeyTraining:
    """How it is trained.

    Attributes
    ----------
    steps : int
    excerpts, units : int
        Excerpts in a batch, and their length in whole notes.
    rate, decay : float
        Of AdamW; the rate rises for 50 steps and falls to 0 in a line.
    balance : float
        Groups are drawn as their length to this power.
    hidden : float
        Share of the units whose notes are left out.
    smoothing : float
        Of the labels.
    """

    steps: int = 500
    excerpts: int = 6
    units: int = 96
    rate: float = 3e-3
    decay: float = 0.1
    balance: float = 0.5
    hidden: float = 0.05
    smoothing: float = 0.1

    def __post_init__(self) -> None:
        for name in ("steps", "excerpts", "units"):
            if getattr(self, name) < 1:
                raise ConfigError(f"KeyTraining.{name} must be positive, got {getattr(self, name)}")


class _Circle(nn.Module):
    """Each tonic adds up all, weighed by their distance along the circle of fifths."""

    def __init__(self) -> None:
        super().__init__()
        column = torch.arange(N_TONICS)
        self.distance = (column[None, :] - column[:, None]) % N_TONICS

    def forward(self, h: Tensor, weights: Tensor) -> Tensor:
        return torch.einsum("btjd,ijd->btid", h, weights[self.distance])


class _Layer(nn.Module):
    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(SIZE)
        self.time = nn.Parameter(torch.randn(KERNEL, SIZE) / KERNEL**0.5)
        self.circle = nn.Parameter(torch.randn(N_TONICS, SIZE) * 0.05)
        self.around = _Circle()
        self.widen = nn.Linear(SIZE, 4 * SIZE)
        self.narrow = nn.Linear(2 * SIZE, SIZE)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, h: Tensor) -> Tensor:
        t = h.shape[1]
        reach = KERNEL // 2 * self.dilation
        padded = functional.pad(self.norm(h), (0, 0, 0, 0, reach, reach))
        x = torch.zeros_like(h)
        for tap in range(KERNEL):
            x = x + padded[:, tap * self.dilation : tap * self.dilation + t] * self.time[tap]
        x = x + self.around(x, self.circle)
        value, gate = self.widen(x).chunk(2, -1)
        out: Tensor = h + self.dropout(self.narrow(value * functional.silu(gate)))
        return out


class KeyModel(nn.Module):
    """Logits of keys in every unit; parameters are drawn from torch's generator."""

    def __init__(self) -> None:
        super().__init__()
        self.input = nn.Linear(N_INPUTS, SIZE)
        self.accent = nn.Embedding(N_ACCENTS, SIZE)
        self.circle = nn.Parameter(torch.randn(N_TONICS, SIZE) * 0.05)
        self.around = _Circle()
        self.layers = nn.ModuleList(_Layer(dilation) for dilation in DILATIONS)
        self.norm = nn.LayerNorm(SIZE)
        self.key = nn.Linear(SIZE, 2)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, collection: Tensor, accent: Tensor) -> Tensor:
        """Shapes (B, U, 12, 44) and (B, U) to (B, U, 24); see `key_network.key_inputs`."""
        h = self.input(collection) + self.accent(accent)[:, :, None]
        h = self.dropout(h + self.around(h, self.circle))
        for layer in self.layers:
            h = layer(h)
        out: Tensor = self.key(self.norm(h)).flatten(2)
        return out


@dataclass(frozen=True, eq=False)
class _Example:
    """A piece in units: collection, accent, and the key in two readings (-100 for none)."""

    collection: NDArray[np.float32]
    accent: NDArray[np.int64]
    keys: NDArray[np.int64]


def _example(piece: Piece) -> _Example:
    arrays = piece_arrays(piece.notes, piece.bars, known_spelling(piece), piece.end)
    collection, accent = key_inputs(arrays)
    keys = []
    for reading in (piece.readings[0], piece.readings[-1]):
        row = frame_labels(reading, len(accent), UNIT_FRAMES * FRAME_TICKS)
        tonic, mode = reading["tonic"][row].astype(np.int64), reading["mode"][row]
        keys.append(np.where(row >= 0, tonic % N_TONICS * 2 + mode, _NO_LABEL))
    return _Example(collection, accent, np.stack(keys))


def train_keys(
    pieces: Sequence[Piece],
    seed: int,
    config: KeyTraining | None = None,
    log: Callable[[str], None] = lambda text: None,
) -> KeyModel:
    """One run; the same seed and pieces give the same weights.

    Parameters
    ----------
    pieces : sequence of Piece
        Those under the GPL are left out.
    seed : int
    config : KeyTraining, optional
    log : callable
        Told of the loss every 50 steps.

    Raises
    ------
    ConfigError
        If no pieces remain.
    """
    config = config or KeyTraining()
    used = [piece for piece in pieces if piece.group not in GPL_GROUPS and len(piece.readings)]
    if not used:
        raise ConfigError(f"training keys needs pieces outside {GPL_GROUPS}, got none")
    length = Counter[str]()
    for piece in used:
        length[piece.group] += piece.end
    weight = np.array([p.end * float(length[p.group]) ** (config.balance - 1) for p in used])
    weight /= weight.sum()
    examples = [_example(piece) for piece in used]
    rng = np.random.default_rng(seed)
    begun = time.monotonic()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = KeyModel()
        optimiser = torch.optim.AdamW(
            model.parameters(), lr=config.rate, weight_decay=config.decay, betas=(0.9, 0.98)
        )
        for step in range(config.steps):
            for group in optimiser.param_groups:
                group["lr"] = config.rate * min(1, (step + 1) / 50) * (1 - step / config.steps)
            collection, accent, keys = _batch(examples, weight, config, rng)
            loss = functional.cross_entropy(
                model(collection, accent).flatten(0, 1),
                keys.flatten(),
                ignore_index=_NO_LABEL,
                label_smoothing=config.smoothing,
            )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            if (step + 1) % 50 == 0:
                took = time.monotonic() - begun
                log(
                    f"seed {seed}: step {step + 1} of {config.steps}, "
                    f"loss {loss.item():.3f}, {took:.0f} s"
                )
    return model.eval()


def _batch(
    examples: Sequence[_Example],
    weight: NDArray[np.float64],
    config: KeyTraining,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    shape = (config.excerpts, config.units)
    collection = np.zeros((*shape, N_TONICS, N_INPUTS), np.float32)
    accent = np.zeros(shape, np.int64)
    keys = np.full(shape, _NO_LABEL)
    for row, which in enumerate(rng.choice(len(examples), config.excerpts, p=weight)):
        one = examples[which]
        start = int(rng.integers(0, max(1, len(one.accent) - config.units + 1)))
        part = slice(start, start + config.units)
        length = len(one.accent[part])
        collection[row, :length] = one.collection[part]
        accent[row, :length] = one.accent[part]
        keys[row, :length] = one.keys[rng.integers(2)][part]
    collection *= rng.random((*shape, 1, 1)) > config.hidden
    return torch.from_numpy(collection), torch.from_numpy(accent), torch.from_numpy(keys)


def save_keys(path: str | Path, models: Sequence[KeyModel]) -> None:
    """Write the weights of some runs, stacked, as 32-bit floats."""
    from safetensors.torch import save

    states = [model.state_dict() for model in models]
    tensors = {name: torch.stack([state[name] for state in states]) for name in states[0]}
    write_bytes(Path(path), in_order(save(tensors, {"format": FORMAT})))


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Train the small network that hears keys.")
    parser.add_argument("--data", type=Path, required=True, help="folder of harmony_train.npz")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file to write")
    parser.add_argument("--seeds", default="0", help="of the runs, such as 0,1,2")
    parser.add_argument("--steps", type=int, default=KeyTraining.steps)
    options = parser.parse_args(arguments)
    words = options.seeds.split(",")
    if not all(word.isdigit() for word in words):
        raise ConfigError(f"--seeds must be whole numbers such as 0,1,2, got {options.seeds!r}")
    # The same sums in the same order on any number of cores.
    torch.set_num_threads(1)
    pieces = load_pieces(options.data / "harmony_train.npz")
    config = KeyTraining(steps=options.steps)
    models = [
        train_keys(pieces, int(word), config, lambda text: print(text, flush=True))
        for word in words
    ]
    save_keys(options.out, models)
    print(f"{sum(p.numel() for p in models[0].parameters()):,} parameters a run: {options.out}")


if __name__ == "__main__":
    main()
