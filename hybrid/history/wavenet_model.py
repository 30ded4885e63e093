"""WaveNet: one sample after another, each drawn from a distribution given those before it.

Samples are 256 levels of mu-law. Gated units with dilated causal convolutions look ever further
back; pitch and age of the note that is to sound are added in every layer. The network is
trained on many samples at once; made anew, a sample costs one pass through all layers, which
`Player` does with what it kept of the samples before.

References
----------
van den Oord, A., Dieleman, S., Zen, H., Simonyan, K., Vinyals, O., Graves, A., Kalchbrenner, N.,
    Senior, A., & Kavukcuoglu, K. (2016). WaveNet: a generative model for raw audio.
    arXiv:1609.03499.
Le Paine, T., Khorrami, P., Chang, S., Zhang, Y., Ramachandran, P., Hasegawa-Johnson, M. A., &
    Huang, T. S. (2016). Fast WaveNet generation algorithm. arXiv:1611.09482.
ITU-T (1988). Recommendation G.711: pulse code modulation of voice frequencies. (mu-law)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.rendered_tunes import Event
from hybrid.io.network_weights import load_network, save_network

WEIGHTS = Path(__file__).parent / "trained" / "wavenet.safetensors"
SAMPLE_RATE = 8000
LEVELS = 256
#: The level of silence.
MIDDLE = 128
#: General MIDI program that it has heard, and between which pitches: it knows F major alone.
PROGRAM = 73
LOW, HIGH = 60, 74
SCALE = (60, 62, 64, 65, 67, 69, 70, 72, 74)
_AGES = (0.02, 0.15)  # seconds in which a note's youth wears off
#: One for silence and for each pitch; youth.
N_CONDITIONS = 1 + HIGH - LOW + 1 + len(_AGES)

Floats = NDArray[np.float32]


def mu_law(samples: NDArray[Any]) -> NDArray[np.int64]:
    """Levels 0..255 of samples -1..1; the quiet ones are told apart more finely.

    >>> mu_law(np.array([-1.0, 0.0, 0.01, 1.0])).tolist()
    [0, 128, 157, 255]
    """
    inside = np.clip(samples, -1, 1)
    bent = np.sign(inside) * np.log1p(255 * np.abs(inside)) / np.log(256)
    made: NDArray[np.int64] = np.rint((bent + 1) / 2 * 255).astype(np.int64)
    return made


def mu_law_samples(levels: NDArray[Any]) -> Floats:
    """Samples of levels; `mu_law` gives the same levels again."""
    bent = levels / 255 * 2 - 1
    made: Floats = (np.sign(bent) * np.expm1(np.abs(bent) * np.log(256)) / 255).astype(np.float32)
    return made


def conditions(events: Sequence[Event], qpm: float, n_samples: int) -> Floats:
    """What is to sound at every sample: shape (n_samples, N_CONDITIONS).

    Pitches outside `LOW`..`HIGH` count as the nearest inside.
    """
    made = np.zeros((n_samples, N_CONDITIONS), np.float32)
    made[:, 0] = 1.0
    rate = SAMPLE_RATE * 60 / qpm / TICKS_PER_QUARTER
    for onset, ticks, pitch in events:
        first, last = round(onset * rate), min(n_samples, round((onset + ticks) * rate))
        if first >= last:
            continue
        made[first:last] = 0.0
        made[first:last, 1 + min(max(pitch, LOW), HIGH) - LOW] = 1.0
        age = np.arange(last - first) / SAMPLE_RATE
        for place, seconds in enumerate(_AGES, start=-len(_AGES)):
            made[first:last, place] = np.exp(-age / seconds)
    return made


@dataclass(frozen=True)
class WaveNetConfig:
    """Sizes of the network.

    Attributes
    ----------
    width, skip, hidden : int
        Channels of the layers, of what they pass to the end, and there.
    stacks, layers : int
        The dilations 1, 2, 4, ... of a stack's layers are gone through in every stack.
    """

    width: int = 32
    skip: int = 48
    hidden: int = 64
    stacks: int = 2
    layers: int = 7

    @property
    def dilations(self) -> tuple[int, ...]:
        return tuple(2**layer for _ in range(self.stacks) for layer in range(self.layers))

    @property
    def reach(self) -> int:
        """Samples that the next one depends on."""
        return 2 + sum(self.dilations)

    def to_dict(self) -> dict[str, int]:
        """Plain values."""
        return asdict(self)


class WaveNet(nn.Module):
    """The network, for many samples at once."""

    def __init__(self, config: WaveNetConfig) -> None:
        super().__init__()
        self.config = config
        width, count = config.width, len(config.dilations)
        # The first causal convolution, over one-hot levels, is a table for each of two samples.
        self.now, self.before = nn.Embedding(LEVELS, width), nn.Embedding(LEVELS, width)
        self.past = nn.ModuleList(nn.Linear(width, 2 * width, bias=False) for _ in range(count))
        self.here = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(count))
        self.told = nn.ModuleList(
            nn.Linear(N_CONDITIONS, 2 * width, bias=False) for _ in range(count)
        )
        self.on = nn.ModuleList(nn.Linear(width, width) for _ in range(count))
        self.out = nn.ModuleList(nn.Linear(width, config.skip) for _ in range(count))
        self.hidden = nn.Linear(config.skip, config.hidden)
        self.leave = nn.Linear(config.hidden, LEVELS)
        self._begin_smoothly()

    @torch.no_grad()
    def _begin_smoothly(self) -> None:
        """Let neighbouring levels begin alike, as cosines; training is free to undo it."""
        places = (torch.arange(LEVELS) + 0.5) / LEVELS
        for table in (self.now, self.before):
            waves = torch.cos(math.pi * places[:, None] * (1 + torch.arange(self.config.width)))
            table.weight.copy_(0.5 * waves / (1 + torch.arange(self.config.width)).sqrt())
        waves = torch.cos(math.pi * places[:, None] * (1 + torch.arange(self.config.hidden)))
        self.leave.weight.copy_(waves * 0.1)
        self.leave.bias.zero_()

    def forward(self, levels: Tensor, told: Tensor) -> Tensor:
        """Logits of the level that follows each.

        Parameters
        ----------
        levels : Tensor, shape (B, T), int64
        told : Tensor, shape (B, T, N_CONDITIONS)
            Of the samples that follow.

        Returns
        -------
        Tensor, shape (B, T, LEVELS)
            The first `WaveNetConfig.reach` see silence before the beginning.
        """
        shifted = torch.cat([torch.full_like(levels[:, :1], MIDDLE), levels[:, :-1]], dim=1)
        x = self.now(levels) + self.before(shifted)  # (B, T, width)
        total: Tensor | None = None
        for number, dilation in enumerate(self.config.dilations):
            gates = self.here[number](x) + self.told[number](told)
            late = self.past[number](x[:, : x.shape[1] - dilation])
            gates = torch.cat([gates[:, :dilation], gates[:, dilation:] + late], dim=1)
            value, gate = gates.chunk(2, dim=2)
            opened = torch.tanh(value) * torch.sigmoid(gate)
            x = x + self.on[number](opened)
            part = self.out[number](opened)
            total = part if total is None else total + part
        assert total is not None
        result: Tensor = self.leave(torch.relu(self.hidden(torch.relu(total))))
        return result


class Player:
    """The same network one sample at a time, several lanes beside each other.

    Of every layer it keeps what went in as far back as its dilation, so that a sample costs as
    many small products as there are layers, not one for each sample it depends on. What comes
    from the past is worked out for as many samples at once as the dilation allows.

    Parameters
    ----------
    network : WaveNet
    told : np.ndarray, shape (lanes, N, N_CONDITIONS), float32
        What is to sound.
    """

    def __init__(self, network: WaveNet, told: Floats) -> None:
        weights = {name: value.numpy() for name, value in network.state_dict().items()}
        config = network.config
        self.width, self.dilations = config.width, config.dilations
        self.lanes, self.n_samples = told.shape[:2]
        # The sigmoid is half a tanh and a half: one function for both halves of the gates.
        halves = np.repeat(np.array([1.0, 0.5], np.float32), config.width)
        self.tables = weights["now.weight"], weights["before.weight"]
        self.past, self.here, self.told, self.on, skips = [], [], [], [], []
        shown = np.ascontiguousarray(told.transpose(1, 0, 2))  # (N, lanes, conditions)
        passed_on, skip_bias = [], np.zeros(config.skip, np.float32)
        for number in range(len(self.dilations)):
            self.past.append(weights[f"past.{number}.weight"].T * halves)
            self.here.append(weights[f"here.{number}.weight"].T * halves)
            known = shown @ weights[f"told.{number}.weight"].T + weights[f"here.{number}.bias"]
            self.told.append(known * halves)
            self.on.append(np.ascontiguousarray(weights[f"on.{number}.weight"].T) * 0.5)
            passed_on.append(weights[f"on.{number}.bias"])
            skips.append(weights[f"out.{number}.weight"].T * 0.5)
            skip_bias = skip_bias + weights[f"out.{number}.bias"]
        self.on_bias = passed_on
        self.skip, self.skip_bias = np.concatenate(skips), skip_bias
        self.hidden = weights["hidden.weight"].T.copy(), weights["hidden.bias"]
        self.leave = weights["leave.weight"].T.copy(), weights["leave.bias"]

    def play(
        self,
        rng: np.random.Generator,
        primer: NDArray[np.int64] | None = None,
        temperature: float = 1.0,
        watch: Callable[[int, Floats, int], None] | None = None,
    ) -> tuple[NDArray[np.int64], Floats]:
        """Draw every sample.

        Parameters
        ----------
        rng : np.random.Generator
        primer : np.ndarray, shape (P,), int64, optional
            Levels with which the first lane begins; it goes on from them.
        temperature : float
            Below 1 likely levels are drawn more often than the network says; above 0.
        watch : callable, optional
            Called for the first lane with the sample's number, the chances of its levels and the
            level that was drawn.

        Returns
        -------
        levels : np.ndarray, shape (lanes, N), int64
        bits : np.ndarray, shape (lanes, N), float32
            What each level cost, -log2 of its chance.
        """
        lanes, width, dilations = self.lanes, self.width, self.dilations
        kept = [np.zeros((dilation, lanes, width), np.float32) for dilation in dilations]
        known = [np.zeros((dilation, lanes, 2 * width), np.float32) for dilation in dilations]
        opened = np.zeros((lanes, len(dilations) * width), np.float32)
        parts = [opened[:, n * width : (n + 1) * width] for n in range(len(dilations))]
        levels = np.full((lanes, self.n_samples), MIDDLE, np.int64)
        bits = np.zeros((lanes, self.n_samples), np.float32)
        luck = rng.random((self.n_samples, lanes, 1), dtype=np.float32)
        sharp = np.float32(1 / temperature)
        n_given = 0 if primer is None else min(len(primer), self.n_samples)
        now = before = np.full(lanes, MIDDLE)
        rows = np.arange(lanes)
        for at in range(self.n_samples):
            x = self.tables[0][now] + self.tables[1][before]
            for number, dilation in enumerate(dilations):
                place = at % dilation
                if place == 0:
                    told = self.told[number][at : at + dilation]
                    np.matmul(kept[number], self.past[number], out=known[number])
                    known[number][: len(told)] += told
                gates = x @ self.here[number]
                gates += known[number][place]
                np.tanh(gates, out=gates)
                part = parts[number]
                gates[:, width:] += 1
                np.multiply(gates[:, :width], gates[:, width:], out=part)
                kept[number][place] = x
                x = x + part @ self.on[number]
                x += self.on_bias[number]
            made = np.maximum(opened @ self.skip + self.skip_bias, 0)
            made = np.maximum(made @ self.hidden[0] + self.hidden[1], 0)
            logits = (made @ self.leave[0] + self.leave[1]) * sharp
            logits -= logits.max(axis=1, keepdims=True)
            chances = np.exp(logits)
            sums = np.cumsum(chances, axis=1)
            total = sums[:, -1:]
            before, now = now, np.minimum((sums < luck[at] * total).sum(axis=1), LEVELS - 1)
            if at < n_given and primer is not None:
                now[0] = primer[at]
            levels[:, at] = now
            bits[:, at] = -np.log2(chances[rows, now] / total[:, 0] + 1e-12)
            if watch is not None:
                watch(at, chances[0] / total[0, 0], int(now[0]))
        return levels, bits


def save_wavenet(network: WaveNet, path: Path, notes: dict[str, Any]) -> None:
    """Write weights as float16, with the configuration."""
    save_network(network, network.config.to_dict(), path, notes)


def load_wavenet(path: Path = WEIGHTS) -> tuple[WaveNet, dict[str, Any]]:
    """The network in evaluation mode, and the notes of its training.

    Raises
    ------
    ConfigError
        If there is no such file, or it holds no such network.
    """
    network, notes, _ = load_network(lambda c: WaveNet(WaveNetConfig(**c)), "WaveNet", path)
    return network, notes
