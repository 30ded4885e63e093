"""Train the analyser: ``python -m hybrid.harmony.train --data DIR --out DIR --minutes M``.

Needs NumPy, torch and safetensors only. ``DIR`` holds ``harmony_train.npz`` and
``harmony_valid.npz`` (`hybrid.harmony.corpus`). The learning rate follows the clock, so that a
run of any length ends cooled down. Every run leaves its weights, its configuration, its
learning curve and its state to resume from.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from hybrid.core.errors import ConfigError, HybridError
from hybrid.harmony.batches import ExcerptPool, Thinning
from hybrid.harmony.corpus import Piece, load_pieces
from hybrid.harmony.decode import DecodeConfig, decode, path_spans
from hybrid.harmony.evaluation import Summary, compare, summarise
from hybrid.harmony.examples import (
    GPL_GROUPS,
    Example,
    Mixture,
    collect_vocabulary,
    make_examples,
    plain_example,
)
from hybrid.harmony.features import FRAME_TICKS
from hybrid.harmony.labels import QUALITIES, QUALITY_TONES, Vocabulary
from hybrid.harmony.model import HarmonyConfig, HarmonyModel
from hybrid.harmony.predict import score_frames
from hybrid.harmony.weights import load_model, save_model

LOG_STEPS = 500
SAVE_SECONDS = 60


@dataclass(frozen=True)
class TrainConfig:
    """One run.

    Attributes
    ----------
    excerpts, frames : int
        Excerpts in a batch, and frames (eighths) in an excerpt.
    rate, decay : float
        Peak learning rate and weight decay of AdamW.
    warmup_steps : int
    smoothing : float
        Of chord labels.
    key_weight, chord_weight, change_weight, tone_weight : float
        Of the four losses.
    with_gpl : bool
        Whether groups under the GPL take part; never for weights that are shipped.
    """

    model: HarmonyConfig = field(default_factory=HarmonyConfig)
    mixture: Mixture = field(default_factory=Mixture)
    thinning: Thinning = field(default_factory=Thinning)
    excerpts: int = 32
    frames: int = 256
    rate: float = 2e-3
    decay: float = 0.05
    warmup_steps: int = 100
    smoothing: float = 0.05
    key_weight: float = 1.0
    chord_weight: float = 1.0
    change_weight: float = 0.3
    tone_weight: float = 0.2
    with_gpl: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


#: Runs worth trying, by name.
PRESETS: dict[str, TrainConfig] = {
    "base": TrainConfig(),
    "wide": TrainConfig(model=HarmonyConfig(note_size=64, frame_size=128, dropout=0.3)),
    "plain": TrainConfig(mixture=Mixture(textures=0.0, n_textures=0)),
    "conv": TrainConfig(model=HarmonyConfig(layers="c1 c2 c4 c8 c16 c1 c4")),
    "dropout": TrainConfig(model=HarmonyConfig(dropout=0.35)),
    # For going on from trained weights on a processor: many small steps.
    "small": TrainConfig(excerpts=4, rate=5e-4),
    "long": TrainConfig(excerpts=16, frames=512),
    "even": TrainConfig(mixture=Mixture(balance=0.3)),
    "gpl": TrainConfig(with_gpl=True),
    "smoke": TrainConfig(
        model=HarmonyConfig(
            note_size=16, collect_size=12, frame_size=16, layers="c1 a", heads=2, label_size=16
        ),
        mixture=Mixture(n_textures=1),
        excerpts=4,
        frames=64,
        warmup_steps=5,
    ),
}


def chord_tone_table(vocabulary: Vocabulary) -> NDArray[np.bool_]:
    """Which pitch classes above the tonic each chord has, shape (V, 12)."""
    table = np.zeros((len(vocabulary.chords), 12), bool)
    for row, chord in enumerate(vocabulary.chords):
        for tone in QUALITY_TONES[QUALITIES[chord.quality]]:
            table[row, 7 * (chord.root + tone) % 12] = True
    return table


def losses(
    model: HarmonyModel,
    batch: dict[str, Tensor],
    config: TrainConfig,
    tones: Tensor,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a batch and its parts."""
    out = model(batch)
    labels = batch["labels"]
    b, t, _ = labels.shape
    have = labels[..., 0] > -128
    known = have & (labels[..., 1] >= 0)
    tonic, chord, mode = labels[..., 0], labels[..., 1], labels[..., 2]
    column = tonic % 12
    n_have = have.sum().clamp(min=1)
    key_target = torch.where(have, column * 2 + mode, -100)
    key = F.cross_entropy(out["key"].reshape(b * t, 24), key_target.reshape(-1), ignore_index=-100)
    index = column.view(b, t, 1, 1).expand(-1, -1, 1, out["state"].shape[-1])
    state = out["state"].gather(2, index)[:, :, 0]  # (B, T, D): the true candidate
    logits = model.chord_logits(state)
    wrong = model.chord_mode != mode[..., None]
    logits = logits.masked_fill(wrong, -1e4)
    chord_target = torch.where(known, chord, -100)
    # Smoothing spreads over the chords of the right mode only.
    log_p = logits.log_softmax(-1)
    picked = -log_p.gather(-1, chord_target.clamp(min=0)[..., None])[..., 0]
    spread = -(log_p.masked_fill(wrong, 0.0).sum(-1)) / (~wrong).sum(-1).clamp(min=1)
    each = (1 - config.smoothing) * picked + config.smoothing * spread
    chord_loss = (each * known).sum() / known.sum().clamp(min=1)
    begins = labels[..., 3:5].clamp(min=0).float()
    change = F.binary_cross_entropy_with_logits(out["change"], begins, reduction="none")
    change_loss = (change.sum(-1) * have).sum() / n_have
    flat = batch["note_frame"]
    note_chord = chord.reshape(-1)[flat]
    note_known = known.reshape(-1)[flat]
    relative = (7 * (batch["spelling"] - tonic.reshape(-1)[flat])) % 12
    is_tone = tones[note_chord.clamp(min=0), relative].float()
    tone = F.binary_cross_entropy_with_logits(out["tone"], is_tone, reduction="none")
    tone_loss = (tone * note_known).sum() / note_known.sum().clamp(min=1)
    total = (
        config.key_weight * key
        + config.chord_weight * chord_loss
        + config.change_weight * change_loss
        + config.tone_weight * tone_loss
    )
    parts = {"key": key, "chord": chord_loss, "change": change_loss, "tone": tone_loss}
    return total, {name: part.detach() for name, part in parts.items()}


@dataclass(frozen=True, eq=False)
class Validation:
    """Validation pieces, whole for the yardstick and in excerpts for the learning curve."""

    pieces: tuple[Piece, ...]
    examples: tuple[Example, ...]
    pool: ExcerptPool
    groups: tuple[str, ...]

    @classmethod
    def of(
        cls,
        pieces: Sequence[Piece],
        examples: Sequence[Example],
        vocabulary: Vocabulary,
        device: torch.device,
    ) -> Validation:
        """Put validation pieces on a device."""
        pool = ExcerptPool(examples, vocabulary, device)
        return cls(tuple(pieces), tuple(examples), pool, tuple(p.group for p in pieces))

    def summary(
        self, models: Sequence[HarmonyModel], decoding: DecodeConfig | None = None
    ) -> Summary:
        """The yardstick on whole pieces and all their readings."""
        device = self.pool.device
        comparisons = []
        for piece, example in zip(self.pieces, self.examples, strict=True):
            scores = score_frames(models, example.arrays, device, device.type == "cuda")
            path = decode(scores, decoding)
            spans = path_spans(scores, path, models[0].vocabulary, FRAME_TICKS, piece.end)
            comparisons += [
                compare(reading, spans, piece.name, piece.group) for reading in piece.readings
            ]
        return summarise(comparisons)

    def frame_accuracy(self, model: HarmonyModel, n_frames: int) -> dict[str, float]:
        """Frames with the right key, and with the right key and chord, meaned over groups.

        Excerpts of the first reading, without decoding: a quick look, not the yardstick.
        """
        right = {group: np.zeros(3) for group in self.groups}
        rows = [
            (which, start)
            for which, length in enumerate(self.pool.length)
            for start in range(0, int(length), n_frames)
        ]
        model.eval()
        device = self.pool.device
        with (
            torch.inference_mode(),
            torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"),
        ):
            for first in range(0, len(rows), 64):
                which = np.array([row[0] for row in rows[first : first + 64]])
                start = np.array([row[1] for row in rows[first : first + 64]])
                batch = self.pool.cut(which, start, n_frames)
                out = model(batch)
                labels = batch["labels"]
                have = labels[..., 0] > -128
                key = out["key"].flatten(2).argmax(-1)  # (B, T)
                index = (key // 2)[..., None, None].expand(-1, -1, 1, out["state"].shape[-1])
                state = out["state"].gather(2, index)[:, :, 0]
                chord = model.chord_logits(state, key % 2).argmax(-1)
                key_right = have & (key == labels[..., 0] % 12 * 2 + labels[..., 2])
                both = key_right & (chord == labels[..., 1])
                counts = torch.stack([key_right.sum(1), both.sum(1), have.sum(1)], 1)
                for piece, row in zip(which, counts.cpu().numpy(), strict=True):
                    right[self.groups[piece]] += row
        model.train()
        table = np.array([row[:2] / max(row[2], 1) for row in right.values()])
        return {"valid_key": float(table[:, 0].mean()), "valid_full": float(table[:, 1].mean())}


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
) -> tuple[HarmonyModel, dict[str, Any]]:
    """Train one model and leave it in ``out``.

    Parameters
    ----------
    pool : ExcerptPool
        Training examples, on the device to train on.
    seconds : float
        Of training; the last validation comes on top.
    max_steps : int
        Stop after so many steps; 0 for none.
    resume : bool
        Go on from ``out/state.pt`` where there is one.
    start : Path, optional
        Weights to begin with; their shape takes the place of the configuration's.

    Returns
    -------
    model, dict
        The model in evaluation mode; the learning curve and the validation figures.
    """
    out.mkdir(parents=True, exist_ok=True)
    device = pool.device
    # The layers draw their first weights from torch's own generator; it is given back as it was.
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        model = HarmonyModel(config.model, vocabulary) if start is None else load_model(start)
        if model.vocabulary != vocabulary:
            raise ConfigError(f"{start} must know the chords of the training pieces, it does not")
        model.to(device)
        progress = Progress(model, _optimiser(model, config), out)
        if resume:
            progress.restore(device)
        log(
            f"{sum(p.numel() for p in model.parameters())} parameters, "
            f"{len(vocabulary.chords)} chords"
        )
        _train(progress, pool, validation, config, seconds, seed, max_steps, log)
    model.eval()
    summary = validation.summary([model])
    log(summary.table())
    result = {
        "seed": seed,
        "config": replace(config, model=model.config).to_dict(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": progress.step,
        "seconds": progress.seconds,
        "curve": progress.curve,
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


def _train(
    progress: Progress,
    pool: ExcerptPool,
    validation: Validation,
    config: TrainConfig,
    seconds: float,
    seed: int,
    max_steps: int,
    log: Callable[[str], None],
) -> None:
    model, optimiser, device = progress.model, progress.optimiser, pool.device
    tones = torch.from_numpy(chord_tone_table(model.vocabulary)).to(device)
    rng = np.random.default_rng([seed, 2, progress.step])
    generator = torch.Generator(device).manual_seed(seed * 1000003 + progress.step)
    before = progress.seconds
    begun = saved = time.monotonic()
    sums: dict[str, Tensor] = {}
    n_sums = 0
    model.train()
    while True:
        progress.seconds = before + time.monotonic() - begun
        done = progress.seconds / seconds
        if max_steps:
            done = max(done, progress.step / max_steps)
        if done >= 1:
            break
        warm = min(1.0, (progress.step + 1) / config.warmup_steps)
        for group in optimiser.param_groups:
            # Linear to nothing: the clock, not a number of steps, says how far we are.
            group["lr"] = config.rate * warm * (1 - done)
        which, start = pool.draw(rng, config.excerpts, config.frames)
        batch = pool.cut(which, start, config.frames, config.thinning, generator)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss, parts = losses(model, batch, config, tones)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        progress.step += 1
        n_sums += 1
        for name, part in parts.items():
            sums[name] = sums.get(name, torch.zeros((), device=device)) + part
        if progress.step % LOG_STEPS == 0:
            row = {name: float(value) / n_sums for name, value in sums.items()}
            if not all(np.isfinite(value) for value in row.values()):
                raise HybridError(
                    f"losses must stay finite, got {row} at step {progress.step} in {progress.out}"
                )
            row |= validation.frame_accuracy(model, config.frames)
            row |= {"step": float(progress.step), "seconds": progress.seconds}
            progress.curve.append(row)
            log(" ".join(f"{name} {value:.3f}" for name, value in row.items()))
            sums, n_sums = {}, 0
        if time.monotonic() - saved > SAVE_SECONDS:
            progress.save()
            saved = time.monotonic()
    progress.seconds = min(progress.seconds, seconds)
    progress.save()


def _prepare(
    train: Sequence[Piece], mixture: Mixture, with_gpl: bool
) -> tuple[list[Example], Vocabulary]:
    """Examples (made on all processors) and their vocabulary."""
    used = [piece for piece in train if with_gpl or piece.group not in GPL_GROUPS]
    # One seed for all runs, so that runs of one call can share their examples.
    return make_examples(used, mixture, 0), collect_vocabulary(used)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Train the harmony analyser.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the .npz files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--minutes", type=float, default=1.0, help="of training for each run")
    parser.add_argument(
        "--runs", default="base:0", help="presets and seeds, such as base:0,base:1,conv:0"
    )
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps")
    parser.add_argument("--device", default="", help="cpu or cuda; what is there by default")
    parser.add_argument("--resume", action="store_true", help="go on where a run stopped")
    parser.add_argument("--start", type=Path, help="weights to begin with")
    parser.add_argument("--smoke", action="store_true", help="a tiny run that proves the way")
    options = parser.parse_args(arguments)
    train = load_pieces(options.data / "harmony_train.npz")
    valid = load_pieces(options.data / "harmony_valid.npz")
    runs, steps = options.runs, options.steps
    if options.smoke:
        runs, steps = "smoke:0", steps or 20
        train, valid = train[:12], valid[:4]
    words = [(word, *word.partition(":")[::2]) for word in runs.split(",")]
    for _, name, _seed in words:
        if name not in PRESETS:
            raise ConfigError(f"--runs must name one of {', '.join(PRESETS)}, got {name!r}")
    begun = time.monotonic()
    valid_examples = [plain_example(piece) for piece in valid]
    kinds = {(PRESETS[name].mixture, PRESETS[name].with_gpl) for _, name, _seed in words}
    # Before the device is touched: the processes that make the examples are forks.
    prepared = {kind: _prepare(train, *kind) for kind in sorted(kinds, key=str)}
    print(f"examples made in {time.monotonic() - begun:.1f} s", flush=True)
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    table: dict[str, Any] = {}
    models: dict[Vocabulary, list[HarmonyModel]] = {}
    loaded: tuple[Any, ExcerptPool, Validation] | None = None
    for word, name, seed in words:
        config = PRESETS[name]
        kind = (config.mixture, config.with_gpl)
        examples, vocabulary = prepared[kind]
        if loaded is None or loaded[0] != kind:
            loaded = (
                kind,
                ExcerptPool(examples, vocabulary, device),
                Validation.of(valid, valid_examples, vocabulary, device),
            )
        print(f"=== {word}", flush=True)
        model, result = run(
            config,
            loaded[1],
            vocabulary,
            loaded[2],
            options.out / word.replace(":", "-"),
            60 * options.minutes,
            int(seed or 0),
            max_steps=steps,
            resume=options.resume,
            start=options.start,
            log=lambda text: print(text, flush=True),
        )
        means = result["validation"]["mean over groups"]
        table[word] = {
            "key": means["key"],
            "full": means["full"],
            "steps": result["steps"],
            "seconds": result["seconds"],
        }
        print(json.dumps({word: table[word]}), flush=True)
        models.setdefault(vocabulary, []).append(model)
        (options.out / "runs.json").write_text(json.dumps(table, indent=1))
    for vocabulary, group in models.items():
        if len(group) > 1:
            check = Validation.of(valid, valid_examples, vocabulary, device)
            print(f"=== mean of {len(group)} models", flush=True)
            print(check.summary(group).table(), flush=True)
    print(f"all done in {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main()
