"""What training makes smaller: errors of key, chord, change and chord tone."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from hybrid.harmony.labels import QUALITIES, QUALITY_TONES, Vocabulary
from hybrid.harmony.model import HarmonyModel
from hybrid.harmony.train_config import TrainConfig


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
