"""Models in training, measured on pieces that they do not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from hybrid.harmony.batches import ExcerptPool
from hybrid.harmony.corpus import Piece
from hybrid.harmony.decode import DecodeConfig, decode, path_spans
from hybrid.harmony.evaluation import Summary, compare, summarise
from hybrid.harmony.examples import Example
from hybrid.harmony.features import FRAME_TICKS
from hybrid.harmony.labels import Vocabulary
from hybrid.harmony.model import HarmonyModel
from hybrid.harmony.predict import score_frames


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
