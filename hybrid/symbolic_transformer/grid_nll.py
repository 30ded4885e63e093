"""Likelihood of grids under the grid model, in overlapping windows.

A piece longer than a window is read in windows that overlap by half, and a symbol counts in the
window that shows it the most of its past. So every symbol is scored once, from the past alone,
and all but the first half window of a piece see at least half a window of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hybrid.symbolic_transformer.grid import N_SYMBOLS, N_VOICES
from hybrid.symbolic_transformer.grid_model import GridTransformer


def windows(length: int, window: int) -> Iterator[tuple[int, int, int]]:
    """First step, end, and first step that counts, of each window over a piece.

    Examples
    --------
    >>> list(windows(10, 4))
    [(0, 4, 0), (2, 6, 4), (4, 8, 6), (6, 10, 8)]
    """
    start, done = 0, 0
    while done < length:
        end = min(start + window, length)
        yield start, end, done
        start, done = start + window // 2, end


@torch.no_grad()
def log_probabilities(
    model: GridTransformer,
    pieces: Sequence[NDArray[np.integer]],
    *,
    window: int = 320,
    style: int = 0,
    allowed: NDArray[np.bool_] | None = None,
    temperature: float = 1.0,
    batch: int = 8,
) -> list[Tensor]:
    """Log-probabilities of every symbol of some pieces.

    Parameters
    ----------
    model : GridTransformer
    pieces : sequence of np.ndarray, shape (S, 4)
        Symbols, as `encode_grid` makes them.
    window : int
        Steps; an even number.
    style : int
    allowed : np.ndarray, shape (N_SYMBOLS,), bool, optional
        The other symbols get no probability, and what is left is scaled to 1.
    temperature : float
        Logits are divided by it before all else; above 1 makes the model less sure.
    batch : int
        Windows at once.

    Returns
    -------
    list of Tensor, shape (S, 4, N_SYMBOLS), float32
        On the CPU, one a piece.
    """
    model.eval()
    device = next(model.parameters()).device
    found = [torch.empty(len(piece), N_VOICES, N_SYMBOLS) for piece in pieces]
    jobs = [
        (index, *span) for index, piece in enumerate(pieces) for span in windows(len(piece), window)
    ]
    jobs.sort(key=lambda job: job[2] - job[1])
    barred = None if allowed is None else torch.from_numpy(~allowed).to(device)
    for first in range(0, len(jobs), batch):
        some = jobs[first : first + batch]
        longest = max(end - start for _, start, end, _ in some)
        symbols = torch.zeros(len(some), longest, N_VOICES, dtype=torch.long)
        for row, (index, start, end, _) in enumerate(some):
            symbols[row, : end - start] = torch.from_numpy(np.asarray(pieces[index][start:end]))
        begin = torch.tensor([start for _, start, _, _ in some], device=device)
        logits = model(symbols.to(device), begin, torch.full_like(begin, style)).float()
        logits = logits / temperature
        if barred is not None:
            logits = logits.masked_fill(barred, float("-inf"))
        scores = logits.log_softmax(-1).cpu()
        for row, (index, start, end, counts) in enumerate(some):
            found[index][counts:end] = scores[row, counts - start : end - start]
    return found


def negative_log_likelihoods(
    scores: Sequence[Tensor], pieces: Sequence[NDArray[np.integer]]
) -> list[NDArray[np.float64]]:
    """Nats of each symbol, (S, 4), from the log-probabilities of `log_probabilities`."""
    return [
        -score.gather(-1, torch.from_numpy(np.asarray(piece))[..., None].long())[..., 0]
        .double()
        .numpy()
        for score, piece in zip(scores, pieces, strict=True)
    ]


__all__ = ["log_probabilities", "negative_log_likelihoods", "windows"]
