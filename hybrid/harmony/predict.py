"""Run trained models over whole pieces, window by window."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor

from hybrid.harmony.batches import ExcerptPool
from hybrid.harmony.config import MARGIN_FRAMES, WINDOW_FRAMES
from hybrid.harmony.decode import FrameScores
from hybrid.harmony.examples import Example
from hybrid.harmony.features import PieceArrays
from hybrid.harmony.model import HarmonyModel

N_KEYS, N_CHORDS = 6, 8  # states kept for each frame: so many keys, so many chords of each


def score_frames(
    models: Sequence[HarmonyModel],
    arrays: PieceArrays,
    device: torch.device | None = None,
    is_half: bool = False,
) -> FrameScores:
    """Scores of every frame of a piece; several models are averaged.

    Parameters
    ----------
    models : sequence of HarmonyModel
        With one vocabulary; in evaluation mode.
    arrays : PieceArrays
    device : torch.device, optional
        Where the models are; the processor by default.
    is_half : bool
        Compute in bfloat16.
    """
    device = device or torch.device("cpu")
    n = arrays.n_frames
    pool = ExcerptPool(
        [Example(arrays, np.zeros(len(arrays.spelling), np.int64), (), 1.0)],
        models[0].vocabulary,
        device,
    )
    inner = WINDOW_FRAMES - 2 * MARGIN_FRAMES
    size = min(WINDOW_FRAMES, n) if n <= WINDOW_FRAMES else WINDOW_FRAMES
    starts = [0]
    while starts[-1] + size < n:
        starts.append(min(starts[-1] + inner, n - size))
    first = np.array(starts, np.int64)
    context = torch.autocast(device.type, torch.bfloat16) if is_half else nullcontext()
    with torch.inference_mode(), context:
        batch = pool.cut(np.zeros(len(first), np.int64), first, size)
        outputs = [model(batch) for model in models]
        # Each frame is read from the window in whose middle it lies best.
        middle = first + size / 2
        frames = np.arange(n)
        window = np.abs(frames[:, None] + 0.5 - middle[None, :]).argmin(axis=1)
        rows = torch.from_numpy(window).to(device)
        columns = torch.from_numpy(frames - first[window]).to(device)
        keys = torch.stack(
            [out["key"][rows, columns].flatten(1).log_softmax(-1) for out in outputs]
        ).logsumexp(0) - np.log(len(models))
        change = torch.stack([out["change"][rows, columns] for out in outputs]).mean(0)
        states = [out["state"][rows, columns] for out in outputs]
        key, chord, joint = _states(models, states, keys)
    return FrameScores(
        key=key.cpu().numpy(),
        chord=chord.cpu().numpy(),
        log_probability=joint.double().cpu().numpy(),
        change=change.double().cpu().numpy(),
        key_log_probability=keys.double().cpu().numpy(),
        tonics=arrays.tonics.astype(np.int64),
    )


def _states(
    models: Sequence[HarmonyModel], states: Sequence[Tensor], keys: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The likeliest keys and chords of each frame: key, chord, log probability (T, K)."""
    n = keys.shape[0]
    best, key = keys.topk(N_KEYS, dim=1)  # (T, keys)
    total: Tensor | None = None
    for model, state in zip(models, states, strict=True):
        chosen = state.gather(1, (key // 2)[..., None].expand(-1, -1, state.shape[-1]))
        logits = model.chord_logits(chosen, key % 2).log_softmax(-1)  # (T, keys, V)
        total = logits if total is None else torch.logaddexp(total, logits)
    assert total is not None
    total = total - float(np.log(len(models)))
    score, chord = total.topk(min(N_CHORDS, total.shape[-1]), dim=-1)
    joint = (score + best[..., None]).reshape(n, -1)
    wide = key[..., None].expand_as(chord).reshape(n, -1)
    return wide, chord.reshape(n, -1), joint
