"""Train one analyser: the loop, its state on the disk, and what it leaves behind.

The learning rate goes down to nothing with the share of the time or of the steps that is done,
so that a run of any length ends cooled down. Every run leaves its weights, its configuration,
its learning curve and its state to resume from.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hybrid.core.errors import ConfigError, HybridError
from hybrid.harmony.batches import ExcerptPool
from hybrid.harmony.labels import Vocabulary
from hybrid.harmony.losses import chord_tone_table, losses
from hybrid.harmony.model import HarmonyModel
from hybrid.harmony.train_config import TrainConfig
from hybrid.harmony.validation import Validation
from hybrid.harmony.weights import load_model, save_model

LOG_STEPS = 500
SAVE_SECONDS = 60


def run(
    config: TrainConfig,
    pool: ExcerptPool,
    vocabulary: Vocabulary,
    validation: Validation,
    out: Path,
    seconds: float,
    seed: int,
    max_steps: int = 0,
    resume: bool = False,
    start: Path | None = None,
    log: Callable[[str], None] = print,
    log_steps: int = LOG_STEPS,
    progress: Callable[[float], None] | None = None,
) -> tuple[HarmonyModel, dict[str, Any]]:
    """Train one model and leave it in ``out``.

    Parameters
    ----------
    pool : ExcerptPool
        Training examples, on the device to train on.
    seconds : float
        Of training, 0 for no limit; the last validation comes on top.
    max_steps : int
        Stop after so many steps; 0 for no limit. One of the two must be given.
    resume : bool
        Go on from ``out/state.pt`` where there is one.
    start : Path, optional
        Weights to begin with; their shape takes the place of the configuration's.
    log_steps : int
        Steps between rows of the learning curve.
    progress : callable, optional
        Called with the share that is done, 0..1.

    Returns
    -------
    model, dict
        The model in evaluation mode; the learning curve and the validation figures.
    """
    if not seconds and not max_steps:
        raise ConfigError("a run must have an end: seconds or steps, got neither")
    out.mkdir(parents=True, exist_ok=True)
    device = pool.device
    # The layers draw their first weights from torch's own generator; it is given back as it was.
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        model = HarmonyModel(config.model, vocabulary) if start is None else load_model(start)
        if model.vocabulary != vocabulary:
            raise ConfigError(f"{start} must know the chords of the training pieces, it does not")
        model.to(device)
        state = Progress(model, _optimiser(model, config), out)
        if resume:
            state.restore(device)
        log(
            f"{sum(p.numel() for p in model.parameters())} parameters, "
            f"{len(vocabulary.chords)} chords"
        )
        loop = _Loop(config, seconds, seed, max_steps, log_steps)
        loop.run(state, pool, validation, log, progress or (lambda share: None))
    model.eval()
    summary = validation.summary([model])
    log(summary.table())
    result = {
        "seed": seed,
        "config": replace(config, model=model.config).to_dict(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": state.step,
        "seconds": state.seconds,
        "curve": state.curve,
        "validation": summary.to_dict(),
    }
    (out / "run.json").write_text(json.dumps(result, indent=1))
    save_model(out / "harmony.safetensors", model)
    return model, result


def _optimiser(model: HarmonyModel, config: TrainConfig) -> torch.optim.Optimizer:
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": config.decay}, {"params": others, "weight_decay": 0}],
        lr=config.rate,
        betas=(0.9, 0.98),
        fused=next(model.parameters()).is_cuda,
    )


class Progress:
    """Where a run stands, and how it is kept on the disk."""

    def __init__(self, model: HarmonyModel, optimiser: torch.optim.Optimizer, out: Path) -> None:
        self.model = model
        self.optimiser = optimiser
        self.out = out
        self.step = 0
        self.seconds = 0.0
        self.curve: list[dict[str, float]] = []
        #: Losses since the last row of the curve, and their number.
        self.sums: dict[str, Tensor] = {}
        self.n_sums = 0

    def add(self, parts: dict[str, Tensor]) -> None:
        """Count the losses of one step."""
        self.step += 1
        self.n_sums += 1
        for name, part in parts.items():
            self.sums[name] = self.sums.get(name, torch.zeros_like(part)) + part

    def mean_losses(self) -> dict[str, float]:
        """Mean losses since the last call.

        Raises
        ------
        HybridError
            If one is not finite.
        """
        row = {name: float(value) / self.n_sums for name, value in self.sums.items()}
        self.sums, self.n_sums = {}, 0
        if not all(np.isfinite(value) for value in row.values()):
            raise HybridError(
                f"losses must stay finite, got {row} at step {self.step} in {self.out}"
            )
        return row

    def save(self) -> None:
        """Write the state; a run that is cut off leaves the one before."""
        partial = self.out / "state.pt.part"
        torch.save(
            {
                "model": self.model.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
                "curve": self.curve,
                "sums": self.sums,
                "n_sums": self.n_sums,
            },
            partial,
        )
        partial.replace(self.out / "state.pt")

    def restore(self, device: torch.device) -> None:
        """Take up the state on the disk, where there is one."""
        path = self.out / "state.pt"
        if not path.exists():
            return
        stored = torch.load(path, map_location=device, weights_only=True)
        self.model.load_state_dict(stored["model"])
        self.optimiser.load_state_dict(stored["optimiser"])
        self.step, self.seconds = stored["step"], stored["seconds"]
        self.curve = stored["curve"]
        self.sums, self.n_sums = stored.get("sums", {}), stored.get("n_sums", 0)


@dataclass(frozen=True)
class _Loop:
    """How long a run lasts, and how often it looks at itself."""

    config: TrainConfig
    seconds: float
    seed: int
    max_steps: int
    log_steps: int

    def run(
        self,
        progress: Progress,
        pool: ExcerptPool,
        validation: Validation,
        log: Callable[[str], None],
        tell: Callable[[float], None],
    ) -> None:
        """Train until the time or the steps are over."""
        config, model = self.config, progress.model
        tones = torch.from_numpy(chord_tone_table(model.vocabulary)).to(pool.device)
        before = progress.seconds
        begun = saved = time.monotonic()
        model.train()
        while True:
            progress.seconds = before + time.monotonic() - begun
            done = self._done(progress)
            tell(done)
            if done >= 1:
                break
            progress.add(self._step(progress, pool, tones, done))
            if progress.step % self.log_steps == 0:
                row = progress.mean_losses()
                row |= validation.frame_accuracy(model, config.frames)
                row |= {"step": float(progress.step), "seconds": progress.seconds}
                progress.curve.append(row)
                log(" ".join(f"{name} {value:.3f}" for name, value in row.items()))
            if time.monotonic() - saved > SAVE_SECONDS:
                progress.save()
                saved = time.monotonic()
        if self.seconds:
            progress.seconds = min(progress.seconds, self.seconds)
        progress.save()

    def _done(self, progress: Progress) -> float:
        by_time = progress.seconds / self.seconds if self.seconds else 0.0
        by_step = progress.step / self.max_steps if self.max_steps else 0.0
        return min(1.0, max(by_time, by_step))

    def _step(
        self, progress: Progress, pool: ExcerptPool, tones: Tensor, done: float
    ) -> dict[str, Tensor]:
        """One update; the parts of its loss."""
        config, model, optimiser = self.config, progress.model, progress.optimiser
        warm = min(1.0, (progress.step + 1) / config.warmup_steps)
        for group in optimiser.param_groups:
            group["lr"] = config.rate * warm * (1 - done)
        # Chance hangs on the number of the step alone: a run that goes on does what it would have
        # done anyway.
        number = self.seed * 1000003 + progress.step
        torch.manual_seed(number)
        generator = torch.Generator(pool.device).manual_seed(number)
        rng = np.random.default_rng([self.seed, 2, progress.step])
        which, start = pool.draw(rng, config.excerpts, config.frames)
        batch = pool.cut(which, start, config.frames, config.thinning, generator)
        kind = pool.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
            loss, parts = losses(model, batch, config, tones)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        return parts
