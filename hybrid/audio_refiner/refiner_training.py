"""Training the refiner on pairs of dry and produced sound, resumable to the bit.

Half of an update's excerpts teach the one pass, half the token model. For tokens a group of
books is drawn; the books before it are known, those after it are not, and of the group
itself a share is masked that follows the schedule of filling in. One style in ten is hidden,
so that guidance has something to push away from.

References
----------
Borsos, Z. et al. (2023). SoundStorm: efficient parallel audio generation. arXiv:2305.09636.
Ho, J., & Salimans, T. (2022). Classifier-free diffusion guidance. arXiv:2207.12598.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from hybrid.audio_refiner.audio_pool import FULL_SCALE
from hybrid.audio_refiner.codec import Codec
from hybrid.audio_refiner.losses import RESOLUTIONS, drawn_windows, spectral_distances
from hybrid.audio_refiner.refiner_model import MASK, Refiner, RefinerConfig
from hybrid.audio_refiner.refining import known_values
from hybrid.core.errors import ConfigError
from hybrid.training.loop import TrainingLoop


@dataclass(frozen=True, eq=False)
class Pair:
    """One piece, dry and produced, with what is written.

    Attributes
    ----------
    dry, produced : np.ndarray, shape (2, N), int16
        At 44.1 kHz, note by note at the same samples.
    roll : np.ndarray, shape (T, n_roll)
        0..1, one row for each frame of the codec; T is N / frame, rounded up.
    style : int
    """

    dry: NDArray[np.int16]
    produced: NDArray[np.int16]
    roll: NDArray[Any]
    style: int


@dataclass(frozen=True)
class RefinerTraining:
    """Settings of a run.

    Attributes
    ----------
    updates, batch, frames : int
        ``batch`` excerpts of ``frames`` frames for each of the two uses.
    windows : int
        Windows of the one pass's spectral loss in an update, drawn anew each time; 5 takes all.
    rate : float
    warmup : int
    hide_style : float
        Share of the excerpts whose style is hidden.
    average : float
        Decay of the weights' moving average.
    spectral, values : float
        Weights of the one pass's losses: spectral distance, and distance of the values. With
        ``spectral`` 0 the one pass learns by its values alone, in half the time.
    half : bool
        Whether matrix products are done in bfloat16: several times as fast on GPUs and on
        processors with matrix units; slower on others.
    check_every, save_every, seed : int
    """

    updates: int = 20000
    batch: int = 8
    frames: int = 96
    windows: int = 5
    rate: float = 4e-4
    warmup: int = 300
    hide_style: float = 0.1
    average: float = 0.999
    spectral: float = 1.0
    values: float = 0.5
    half: bool = False
    check_every: int = 500
    save_every: int = 500
    seed: int = 0


class PairPool:
    """Pairs on a device, with the codec's values of the dry and tokens of the produced sound."""

    def __init__(self, pairs: Sequence[Pair], codec: Codec, device: torch.device) -> None:
        if not pairs:
            raise ConfigError("a pool must hold one pair or more, got none")
        self.frame = codec.config.frame
        dry, codes, waves, rolls = [], [], [], []
        lengths = []
        for number, pair in enumerate(pairs):
            n_frames = math.ceil(pair.dry.shape[-1] / self.frame)
            if pair.produced.shape != pair.dry.shape or len(pair.roll) != n_frames:
                raise ConfigError(
                    f"pair {number}: dry and produced sound must have one length and the roll "
                    f"{n_frames} rows, got {pair.dry.shape}, {pair.produced.shape} and "
                    f"{len(pair.roll)} rows"
                )
            here, there = (
                torch.from_numpy(np.ascontiguousarray(wave)).to(device).float() / FULL_SCALE
                for wave in (pair.dry, pair.produced)
            )
            dry.append(codec.latents(here))
            codes.append(codec.encode(there))
            waves.append(F.pad(there, (0, n_frames * self.frame - there.shape[-1])))
            rolls.append(torch.from_numpy(np.asarray(pair.roll, np.float32)).to(device))
            lengths.append(n_frames)
        # Clones: what inference mode made may not take part in learning.
        self.dry = torch.cat(dry).clone()
        self.codes = torch.cat(codes).clone()
        self.wave = (torch.cat(waves, -1) * FULL_SCALE).to(torch.int16)
        self.roll = torch.cat(rolls)
        self.style = torch.tensor([pair.style for pair in pairs], device=device)
        self.length = torch.tensor(lengths, device=device)
        self.first = torch.cumsum(self.length, 0) - self.length

    def draw(
        self, count: int, n_frames: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Dry values, rolls, styles, tokens and produced sound of random excerpts."""
        room = (self.length - n_frames + 1).clamp(min=0).to(torch.float32)
        if not bool(room.any()):
            raise ConfigError(
                f"a piece must have {n_frames} frames or more, the longest has "
                f"{int(self.length.max())}"
            )
        piece = torch.multinomial(room, count, replacement=True, generator=generator)
        share = torch.rand(count, generator=generator, device=room.device, dtype=torch.float64)
        first = self.first[piece] + (share * room[piece].double()).long()
        at = first[:, None] + torch.arange(n_frames, device=room.device)
        n_samples = n_frames * self.frame
        samples = (first * self.frame)[:, None] + torch.arange(n_samples, device=room.device)
        wave = self.wave[:, samples].permute(1, 0, 2).float() / FULL_SCALE
        return self.dry[at], self.roll[at], self.style[piece], self.codes[at], wave


def masked(
    codes: Tensor, config: RefinerConfig, group: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Tokens (B, T, K) as they stand while a group is filled in, and which are asked, (B, T)."""
    first, last = config.books_of(group)
    device = codes.device
    progress = torch.rand(len(codes), 1, generator=generator, device=device)
    if group:
        progress = torch.zeros_like(progress)  # later groups are filled in one pass
    share = torch.cos(torch.pi / 2 * progress)
    asked = torch.rand(codes.shape[:2], generator=generator, device=device) < share
    shown = codes.clone()
    shown[..., last:] = MASK
    shown[..., first:last] = torch.where(asked[..., None], MASK, shown[..., first:last])
    return shown, asked


class RefinerTrainer(TrainingLoop):
    """One run; `run` does what is left of it. The codec does not change."""

    def __init__(
        self,
        config: RefinerConfig,
        settings: RefinerTraining,
        codec: Codec,
        train: PairPool,
        valid: PairPool,
        folder: Path,
        device: torch.device | None = None,
    ) -> None:
        super().__init__(settings, Path(folder) / "refiner_run.safetensors", device)
        self.config, self.settings = config, settings
        self.train, self.valid = train, valid
        self.codec = codec.to(self.device).eval().requires_grad_(False)
        self.model = Refiner(config).to(self.device)
        self.average = Refiner(config).to(self.device)
        self.average.load_state_dict(self.model.state_dict())
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=settings.rate, betas=(0.9, 0.98), weight_decay=0.01
        )
        if self.path.exists():
            self._load()

    def _losses(
        self,
        model: Refiner,
        pool: PairPool,
        group: int,
        draws: torch.Generator,
        hide: float,
        windows: Sequence[int] = RESOLUTIONS,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Nats of a token, the one pass's spectral distance, and how far its values lie off."""
        settings = self.settings
        dry, roll, style, codes, wave = pool.draw(2 * settings.batch, settings.frames, draws)
        hidden = torch.rand(len(style), generator=draws, device=style.device) < hide
        style = torch.where(hidden, self.config.n_styles, style)
        half = settings.batch
        shown, asked = masked(codes[:half], self.config, group, draws)
        first, last = self.config.books_of(group)
        known = known_values(self.codec, shown)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=settings.half):
            logits = model.logits(
                dry[:half], roll[:half], style[:half], group, known, (shown != MASK).float()
            )
            values = model.map(dry[half:], roll[half:], style[half:])
        values = values.float()
        nats = F.cross_entropy(
            logits.float().flatten(0, 2), codes[:half, :, first:last].flatten(), reduction="none"
        ).view(half, -1, last - first)
        token = (nats * asked[..., None]).sum() / (asked.sum() * (last - first)).clamp(min=1)
        distance = values.new_zeros(())
        if windows:
            made = self.codec.sound(values)
            distance = sum(spectral_distances(made, wave[half:], windows).values(), distance)
        wanted = self.codec.quantiser.decode(codes[half:])
        apart = (values - wanted).square().mean() / wanted.square().mean().clamp(min=1e-4)
        return token, distance, apart

    def _step(self) -> dict[str, float]:
        settings = self.settings
        for entry in self.optimiser.param_groups:
            entry["lr"] = settings.rate * self._rate_share()
        group = int(
            torch.randint(len(self.config.groups), (1,), generator=self.draws, device=self.device)
        )
        self.model.train()
        # Nearly half of the time goes into a spectral distance; without it nothing is decoded.
        windows = drawn_windows(settings.windows, self.draws) if settings.spectral else ()
        token, spectral, apart = self._losses(
            self.model, self.train, group, self.draws, settings.hide_style, windows
        )
        loss = token + settings.spectral * spectral + settings.values * apart
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self._follow(self.average, self.model)
        return {
            "token": float(token.detach()),
            "spectral": float(spectral.detach()),
            "values": float(apart.detach()),
        }

    @torch.no_grad()
    def measure(self, rounds: int = 4) -> dict[str, float]:
        """The losses on held-out pairs with the averaged weights, tokens by group."""
        draws = torch.Generator(device=self.device).manual_seed(0)
        model = self.average.eval()
        found: dict[str, float] = {}
        spectral = 0.0
        n_groups = len(self.config.groups)
        for group in range(n_groups):
            sums = 0.0
            for _ in range(rounds):
                token, distance, _ = self._losses(model, self.valid, group, draws, 0.0)
                sums += float(token) / rounds
                spectral += float(distance) / (rounds * n_groups)
            found[f"valid token, group {group}"] = sums
        return found | {"valid spectral": spectral}

    def _record(self) -> dict[str, Any]:
        return {"refiner": self.config.to_dict(), "settings": asdict(self.settings)}

    def _modules(self) -> dict[str, torch.nn.Module]:
        return {"model": self.model, "average": self.average}

    def _optimisers(self) -> dict[str, tuple[torch.optim.Optimizer, torch.nn.Module]]:
        return {"model": (self.optimiser, self.model)}
