"""The groove model: a small causal body over steps, and chained heads within a step.

The body reads, for each step, the strokes of the step before, of the same step a bar ago and
of the same step in a reference bar (an earlier bar that the music should be like), with the
bar's conditions. From its state the heads draw the nine hits one after the other, then each
hit's velocity, then its timing, every one knowing those before it.

Two bodies can be had: a transformer with rotary positions that looks ``window`` steps back
(the one that ships), and a GRU for comparison.

References
----------
Vaswani, A., et al. (2017). Attention Is All You Need. arXiv:1706.03762.
Su, J., et al. (2021). RoFormer: Rotary Position Embedding. arXiv:2104.09864.
Zhang, B., & Sennrich, R. (2019). Root Mean Square Layer Normalization. arXiv:1910.07467.
Larochelle, H., & Murray, I. (2011). The Neural Autoregressive Distribution Estimator. AISTATS.
(drums of a step, one after the other)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hybrid.symbolic_transformer.drums.conditions import COLUMNS, LONGEST_BAR, METRES
from hybrid.symbolic_transformer.drums.config import INPUT_FEATURES, DrumConfig
from hybrid.symbolic_transformer.drums.grid import N_TIMINGS, N_VELOCITIES, VELOCITY_VALUES
from hybrid.symbolic_transformer.drums.kit import N_DRUMS


@dataclass(frozen=True)
class Losses:
    """Negative log-likelihoods in nats, each of shape (B, T).

    ``hits`` is of all nine drums of a step; ``velocities`` and ``timings`` of its hits,
    summed, in bins.
    """

    hits: Tensor
    velocities: Tensor
    timings: Tensor


class Body(nn.Module):
    """Transformer: attention within a window of steps behind, RMS norms before each part."""

    def __init__(self, config: DrumConfig) -> None:
        super().__init__()
        self.config = config
        width, hidden = config.width, config.hidden
        self.norms_in = nn.ModuleList(nn.RMSNorm(width, eps=1e-6) for _ in range(config.layers))
        self.qkv = nn.ModuleList(
            nn.Linear(width, 3 * width, bias=False) for _ in range(config.layers)
        )
        self.out = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(config.layers))
        self.norms_mid = nn.ModuleList(nn.RMSNorm(width, eps=1e-6) for _ in range(config.layers))
        self.up = nn.ModuleList(nn.Linear(width, hidden) for _ in range(config.layers))
        self.down = nn.ModuleList(nn.Linear(hidden, width) for _ in range(config.layers))
        self.norm_out = nn.RMSNorm(width, eps=1e-6)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        size, steps, width = x.shape
        heads = self.config.heads
        cos, sin = rotations(steps, width // heads)
        cos, sin = cos.to(x.device), sin.to(x.device)
        back = torch.arange(steps)[:, None] - torch.arange(steps)[None, :]
        seen = ((back >= 0) & (back < self.config.window)).to(x.device)
        for layer in range(self.config.layers):
            qkv = self.qkv[layer](self.norms_in[layer](x))
            # (B, T, 3D) -> three of (B, H, T, D/H)
            q, k, v = qkv.view(size, steps, 3, heads, -1).permute(2, 0, 3, 1, 4)
            q, k = rotate(q, cos, sin), rotate(k, cos, sin)
            mixed = F.scaled_dot_product_attention(q, k, v.to(q.dtype), attn_mask=seen)
            mixed = mixed.transpose(1, 2).reshape(size, steps, width)
            x = x + self.drop(self.out[layer](mixed))
            inner = F.gelu(self.up[layer](self.norms_mid[layer](x)), approximate="tanh")
            x = x + self.drop(self.down[layer](inner))
        result: Tensor = self.norm_out(x)
        return result


class RecurrentBody(nn.Module):
    """GRU layers."""

    def __init__(self, config: DrumConfig) -> None:
        super().__init__()
        self.gru = nn.GRU(
            config.width,
            config.width,
            config.layers,
            batch_first=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )
        self.norm_out = nn.RMSNorm(config.width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.norm_out(x + self.gru(x)[0])
        return result


class Chain(nn.Module):
    """Nine answers in the order of the drums, each knowing those before it.

    Inner features of drum ``d``: ``gelu(state W + own[d] + sum of what is known)``.
    """

    def __init__(self, width: int, inner: int, answers: int) -> None:
        super().__init__()
        self.state = nn.Linear(width, inner)
        self.own = nn.Parameter(0.02 * torch.randn(N_DRUMS, inner))
        self.readout = nn.Parameter(torch.randn(N_DRUMS, answers, inner) / inner**0.5)
        self.bias = nn.Parameter(torch.zeros(N_DRUMS, answers))

    def forward(self, state: Tensor, known: Tensor) -> Tensor:
        """Logits (B, T, 9, answers); ``known`` has the shape (B, T, 9, inner)."""
        inner = F.gelu(self.state(state)[:, :, None] + self.own + known, approximate="tanh")
        return torch.einsum("btdi,dai->btda", inner, self.readout) + self.bias

    def at(self, state: Tensor, known: Tensor, places: Tensor) -> Tensor:
        """The logits (n, answers) of n drums only: ``places`` holds 1 for each, (B, T, 9)."""
        drums = places.nonzero()[:, 2]
        shared = self.state(state)[:, :, None].expand(known.shape)
        inner = F.gelu(shared[places] + self.own[drums] + known[places], approximate="tanh")
        logits = inner.new_zeros(len(drums), self.bias.shape[1])
        for drum in range(N_DRUMS):
            mine = drums == drum
            logits[mine] = inner[mine] @ self.readout[drum].T + self.bias[drum]
        return logits


class DrumModel(nn.Module):
    """Body and heads; see the module.

    Parameters
    ----------
    config : DrumConfig
    """

    def __init__(self, config: DrumConfig) -> None:
        super().__init__()
        self.config = config
        width, inner = config.width, config.head_width
        self.strokes = nn.Linear(INPUT_FEATURES, width)
        self.tables = nn.ModuleDict(
            {name: nn.Embedding(count + 1, width) for name, count in COLUMNS.items()}
        )
        self.position = nn.Embedding(len(METRES) * LONGEST_BAR, width)
        self.tempo = nn.Linear(2, width)
        self.drop = nn.Dropout(config.dropout)
        body = Body if config.body == "transformer" else RecurrentBody
        self.body = body(config)
        self.hit = Chain(width, inner, 1)
        self.velocity = Chain(width, inner, N_VELOCITIES)
        self.timing = Chain(width, inner, N_TIMINGS)
        # What the later answers of a step know of the earlier ones.
        self.hit_of_hit = nn.Parameter(0.02 * torch.randn(N_DRUMS, inner))
        self.velocity_of_hit = nn.Parameter(0.02 * torch.randn(N_DRUMS, inner))
        self.velocity_of_velocity = nn.Parameter(0.02 * torch.randn(N_DRUMS, inner))
        self.timing_of_hit = nn.Parameter(0.02 * torch.randn(N_DRUMS, inner))
        self.timing_of_velocity = nn.Parameter(0.02 * torch.randn(inner))
        self.timing_of_last = nn.Embedding(N_TIMINGS + 1, inner)
        for table in (*self.tables.values(), self.position, self.timing_of_last):
            nn.init.normal_(table.get_parameter("weight"), std=0.1)

    def states(self, inputs: Tensor, conditions: Tensor, position: Tensor, tempo: Tensor) -> Tensor:
        """States of the body.

        Parameters
        ----------
        inputs : Tensor, shape (B, T, INPUT_FEATURES)
        conditions : Tensor, shape (B, T, len(COLUMNS)), int64
        position : Tensor, shape (B, T), int64
            Of the step in its bar, plus `LONGEST_BAR` times the metre's number.
        tempo : Tensor, shape (B, T)
            Octaves above 120 quarters a minute.

        Returns
        -------
        Tensor, shape (B, T, width)
        """
        x = self.strokes(inputs) + self.position(position)
        for column, name in enumerate(COLUMNS):
            x = x + self.tables[name](conditions[..., column])
        x = x + self.tempo(torch.stack([tempo, tempo * tempo], dim=-1))
        result: Tensor = self.body(self.drop(x))
        return result

    def forward(
        self,
        inputs: Tensor,
        conditions: Tensor,
        position: Tensor,
        tempo: Tensor,
        hits: Tensor,
        velocities: Tensor,
        timings: Tensor,
    ) -> Losses:
        """Negative log-likelihood of strokes; targets have the shape (B, T, 9).

        ``hits`` is 0 or 1 (float), the others are bins (int64), read where there is a hit.
        """
        state = self.drop(self.states(inputs, conditions, position, tempo))
        hit_logits = self.hit(state, self._hit_known(hits))[..., 0]
        hit = F.binary_cross_entropy_with_logits(hit_logits.float(), hits, reduction="none")
        # Velocities and timings are asked only where something is hit: a tenth of the places.
        at = hits.bool()
        known = self._velocity_known(hits, velocities)
        velocity_logits = self.velocity.at(state, known, at)
        known = self._timing_known(hits, velocities, timings)
        timing_logits = self.timing.at(state, known, at)
        velocity = torch.zeros_like(hit)
        velocity[at] = F.cross_entropy(velocity_logits.float(), velocities[at], reduction="none")
        timing = torch.zeros_like(hit)
        timing[at] = F.cross_entropy(timing_logits.float(), timings[at], reduction="none")
        return Losses(hit.sum(-1), velocity.sum(-1), timing.sum(-1))

    def _hit_known(self, hits: Tensor) -> Tensor:
        return before(hits, self.hit_of_hit)

    def _velocity_known(self, hits: Tensor, velocities: Tensor) -> Tensor:
        values = torch.from_numpy(VELOCITY_VALUES).to(hits.device)[velocities] * hits
        whole = (hits @ self.velocity_of_hit)[..., None, :]
        return whole + before(values, self.velocity_of_velocity)

    def _timing_known(self, hits: Tensor, velocities: Tensor, timings: Tensor) -> Tensor:
        values = torch.from_numpy(VELOCITY_VALUES).to(hits.device)[velocities] * hits
        whole = (hits @ self.timing_of_hit)[..., None, :]
        own = values[..., None] * self.timing_of_velocity
        last: Tensor = self.timing_of_last(last_timing(hits, timings))
        return whole + own + last


def before(values: Tensor, table: Tensor) -> Tensor:
    """Sums of ``values[j] * table[j]`` over the drums j before each drum.

    ``values`` has the shape (..., 9), ``table`` (9, D), the result (..., 9, D).
    """
    earlier = torch.ones(N_DRUMS, N_DRUMS, device=values.device).tril(-1)
    return (values[..., None, :] * earlier) @ table


def last_timing(hits: Tensor, timings: Tensor) -> Tensor:
    """Timing bin of the nearest earlier drum that is hit in the step; `N_TIMINGS` if none."""
    order = torch.arange(N_DRUMS, device=hits.device)
    at = torch.where(hits.bool(), order, -1).cummax(-1).values
    # The drum before each drum: shift by one.
    at = torch.cat([torch.full_like(at[..., :1], -1), at[..., :-1]], dim=-1)
    found = torch.gather(timings, -1, at.clamp(min=0))
    return torch.where(at >= 0, found, N_TIMINGS)


def rotations(steps: int, width: int, start: int = 0) -> tuple[Tensor, Tensor]:
    """Cosines and sines (T, width / 2) of rotary positions."""
    rates = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)
    angles = torch.arange(start, start + steps, dtype=torch.float32)[:, None] * rates
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the two halves of the last axis against each other."""
    left, right = x.float().chunk(2, dim=-1)
    return torch.cat([left * cos - right * sin, left * sin + right * cos], dim=-1)


def n_parameters(model: nn.Module) -> int:
    """How many numbers are learned."""
    return sum(parameter.numel() for parameter in model.parameters())
