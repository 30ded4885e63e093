"""Training the listener (`hybrid.metrics.listener`), resumable to the bit.

    python -m hybrid.audio_refiner.listener_training --data PAIRS -o RUN [--minutes 9]

Four tasks at once, each with a linear layer of its own on the learnt numbers: which instrument
families sound, which SoundFont or style of production it is, which of a batch's seconds is of the
same recording, and how much noise, low-pass and room was added.

References
----------
van den Oord, A., Li, Y., & Vinyals, O. (2018). Representation learning with contrastive
predictive coding. arXiv:1807.03748. (the loss of the third task)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from hybrid.audio_refiner.audio_sets import pair_files
from hybrid.audio_refiner.listener_data import KINDS, STEP_DB, ListenerSet, listener_set
from hybrid.audio_refiner.roll import FAMILIES
from hybrid.io.atomic import write_text
from hybrid.metrics.listener import FLOOR_DB, FRAMES, Listener, ListenerConfig, save_listener
from hybrid.training.command import tell, training_command
from hybrid.training.loop import TrainingLoop


@dataclass(frozen=True)
class ListenerTraining:
    """Settings of a run.

    Attributes
    ----------
    updates : int
    batch : int
        Recordings of an update; two seconds of each are heard.
    rate : float
        Highest learning rate.
    warmup : int
        Updates of rising rate.
    families, kind, same, damage : float
        Weights of the four tasks.
    temperature : float
        Of the third.
    average : float
        Decay of the weights' moving average.
    check_every, save_every, seed : int
    """

    updates: int = 500
    batch: int = 24
    rate: float = 3e-3
    warmup: int = 25
    families: float = 2.0
    kind: float = 1.0
    same: float = 0.5
    damage: float = 10.0
    temperature: float = 0.2
    average: float = 0.98
    check_every: int = 50
    save_every: int = 50
    seed: int = 0


class Heads(nn.Module):
    """A linear layer for each task; not part of the embedding."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.families = nn.Linear(n_in, len(FAMILIES))
        self.kind = nn.Linear(n_in, len(KINDS))
        self.same = nn.Linear(n_in, n_in)
        self.damage = nn.Linear(n_in, 3)


class _Recordings:
    """A set on the training's device, excerpts drawn from it."""

    def __init__(self, held: ListenerSet) -> None:
        self.levels = torch.from_numpy(held.levels)
        self.families = torch.from_numpy(held.families)
        self.kind = torch.from_numpy(held.kind)
        self.damage = torch.from_numpy(held.damage)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Levels (2 count, 2, FRAMES, 64), families (2 count, 17), which recordings (count,).

        Row ``i`` and row ``count + i`` are of one recording.
        """
        which = torch.randperm(len(self.levels), generator=generator)[:count]
        room = self.levels.shape[2] - FRAMES + 1
        first = torch.randint(room, (2 * count,), generator=generator)
        gain = 16 * torch.rand(count, generator=generator) - 10  # dB; the same for both
        rows = torch.cat([which, which]).tolist()
        levels = torch.stack(
            [
                self.levels[row, :, start : start + FRAMES]
                for row, start in zip(rows, first.tolist(), strict=True)
            ]
        )
        families = torch.stack(
            [
                self.families[row, :, start : start + FRAMES].any(dim=1)
                for row, start in zip(rows, first.tolist(), strict=True)
            ]
        )
        heard = FLOOR_DB + STEP_DB * levels.float() + torch.cat([gain, gain])[:, None, None, None]
        return heard.clamp(min=FLOOR_DB), families.float(), which


class ListenerTrainer(TrainingLoop):
    """One run; `run` does what is left of it.

    Parameters
    ----------
    config : ListenerConfig
    settings : ListenerTraining
    train, valid : ListenerSet
    folder : Path
        Where the checkpoint is kept; one that is there is continued.
    """

    def __init__(
        self,
        config: ListenerConfig,
        settings: ListenerTraining,
        train: ListenerSet,
        valid: ListenerSet,
        folder: Path,
    ) -> None:
        super().__init__(settings, Path(folder) / "listener_run.safetensors", None)
        self.config, self.settings = config, settings
        self.train, self.valid = _Recordings(train), _Recordings(valid)
        self.listener, self.average = Listener(config), Listener(config)
        self.heads, self.average_heads = Heads(config.n_out), Heads(config.n_out)
        self.average.load_state_dict(self.listener.state_dict())
        self.average_heads.load_state_dict(self.heads.state_dict())
        self.learner = torch.optim.AdamW(
            self.listener.parameters(), lr=settings.rate, weight_decay=0.02
        )
        self.head_learner = torch.optim.AdamW(self.heads.parameters(), lr=settings.rate)
        # How rare each family is, so that none is passed over.
        share = self.train.families.any(dim=2).float().mean(dim=0).clamp(0.02, 0.98)
        self.rarity = ((1 - share) / share).clamp(max=8.0)
        if self.path.exists():
            self._load()

    def _losses(
        self, listener: Listener, heads: Heads, drawn: tuple[Tensor, Tensor, Tensor], data: Any
    ) -> tuple[dict[str, Tensor], Tensor]:
        levels, families, which = drawn
        # Convolutions of a CPU with tiles for bfloat16 are several times as fast in it.
        with torch.autocast("cpu", torch.bfloat16):
            found = listener.learnt(levels)
        found = found.float()
        twice = torch.cat([which, which])
        losses = {
            "families": functional.binary_cross_entropy_with_logits(
                heads.families(found), families, pos_weight=self.rarity
            ),
            "kind": functional.cross_entropy(heads.kind(found), data.kind[twice]),
            "damage": functional.mse_loss(heads.damage(found), data.damage[twice]),
        }
        one, other = functional.normalize(heads.same(found), dim=1).chunk(2)
        alike = one @ other.T / self.settings.temperature
        target = torch.arange(len(alike))
        losses["same"] = 0.5 * (
            functional.cross_entropy(alike, target) + functional.cross_entropy(alike.T, target)
        )
        return losses, found

    def _step(self) -> dict[str, float]:
        settings = self.settings
        for optimiser in (self.learner, self.head_learner):
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * self._rate_share()
        self.listener.train()
        drawn = self.train.draw(settings.batch, self.draws)
        losses, _ = self._losses(self.listener, self.heads, drawn, self.train)
        loss = sum(getattr(settings, name) * value for name, value in losses.items())
        assert isinstance(loss, Tensor)
        self.learner.zero_grad(set_to_none=True)
        self.head_learner.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.listener.parameters(), 5.0)
        self.learner.step()
        self.head_learner.step()
        self._follow(self.average, self.listener)
        self._follow(self.average_heads, self.heads)
        # Means and deviations inside the network follow those of the live one.
        for kept, value in zip(self.average.buffers(), self.listener.buffers(), strict=True):
            kept.copy_(value)
        return {name: float(value.detach()) for name, value in losses.items()}

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Held-out figures with the averaged weights."""
        generator = torch.Generator().manual_seed(0)
        listener = self.average.eval()
        sums: dict[str, float] = {}
        count = min(self.settings.batch, len(self.valid.levels))
        times = max(1, len(self.valid.levels) // count)
        for _ in range(times):
            drawn = self.valid.draw(count, generator)
            losses, found = self._losses(listener, self.average_heads, drawn, self.valid)
            twice = torch.cat([drawn[2], drawn[2]])
            kinds = self.average_heads.kind(found).argmax(dim=1)
            heard = self.average_heads.families(found) > 0
            right = (heard & (drawn[1] > 0)).sum()
            row = {f"valid {name}": float(value) for name, value in losses.items()}
            row["valid kind right"] = float((kinds == self.valid.kind[twice]).float().mean())
            row["valid families F1"] = float(2 * right / (heard.sum() + drawn[1].sum()))
            for name, value in row.items():
                sums[name] = sums.get(name, 0.0) + value / times
        return sums

    @torch.no_grad()
    def finished(self) -> Listener:
        """The averaged network, its numbers brought to mean 0 and deviation 1 in training."""
        made = Listener(self.config)
        made.load_state_dict(self.average.state_dict())
        made.eval()
        generator = torch.Generator().manual_seed(1)
        count = min(self.settings.batch, len(self.train.levels))
        found = torch.cat([made.learnt(self.train.draw(count, generator)[0]) for _ in range(40)])
        made.centre.copy_(found.mean(dim=0))
        made.scale.copy_(found.std(dim=0).clamp(min=1e-3))
        return made

    def _modules(self) -> dict[str, nn.Module]:
        return {
            "listener": self.listener,
            "average": self.average,
            "heads": self.heads,
            "average_heads": self.average_heads,
        }

    def _optimisers(self) -> dict[str, tuple[torch.optim.Optimizer, nn.Module]]:
        return {
            "learner": (self.learner, self.listener),
            "head_learner": (self.head_learner, self.heads),
        }

    def _record(self) -> dict[str, Any]:
        return {"listener": self.config.to_dict(), "settings": asdict(self.settings)}


def train_listener(
    data: Path, output: Path, updates: int | None = None, minutes: float | None = None
) -> Path:
    """Train on a folder of pairs, or go on training.

    Returns
    -------
    Path
        The weights as they are now.
    """
    settings = ListenerTraining()
    if updates is not None:
        settings = replace(settings, updates=updates)
    cache = output / "levels"
    cache.mkdir(parents=True, exist_ok=True)
    train = listener_set(pair_files(data, "train"), cache)
    valid = listener_set(pair_files(data, "valid"), cache)
    print(f"{len(train.levels)} recordings, {len(valid.levels)} held out", flush=True)
    trainer = ListenerTrainer(ListenerConfig(), settings, train, valid, output)

    trainer.run(minutes=minutes, progress=tell)
    weights = output / "listener.safetensors"
    held_out = {name: round(value, 4) for name, value in trainer.measure().items()}
    notes = {"updates": trainer.update, "of": settings.updates, "held_out": held_out}
    notes["recordings"] = len(train.levels)
    save_listener(trainer.finished(), weights, notes)
    write_text(output / "listener_history.json", json.dumps(trainer.history, indent=1) + "\n")
    return weights


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    training_command(__doc__, "folder of pairs", train_listener, arguments)


if __name__ == "__main__":
    main()
