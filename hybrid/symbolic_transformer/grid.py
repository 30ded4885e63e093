"""The grid serialisation: four voices, one symbol a voice and 16th, soprano first.

A piece is an array of sounding pitches, row by row; a held note repeats its pitch. Symbols
are read in the order S1 A1 T1 B1 S2 A2 ..., each predicted from all before it. What a position
is told besides its attention to the past is computed here: what every voice sounds last, for
how long, and which notes led there.

References
----------
Huang, C.-Z. A., Cooijmans, T., Roberts, A., Courville, A., Eck, D. (2017). Counterpoint by
    Convolution. ISMIR. The order of the symbols.
Huang et al. (2019). Music Transformer. ICLR. arXiv:1809.04281.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hybrid.core.errors import ScoreError

N_VOICES = 4
LOWEST, HIGHEST = 21, 108
SILENCE = 0
#: Symbols that can be predicted: silence, then the piano's keys from the lowest.
N_SYMBOLS = HIGHEST - LOWEST + 2
#: What a voice sounds before the piece begins; never predicted.
NOTHING = N_SYMBOLS
#: Notes of a voice that are remembered before the one that sounds.
N_BACK = 3


def encode_grid(pitches: NDArray[np.integer]) -> NDArray[np.int64]:
    """Symbols of sounding pitches.

    Parameters
    ----------
    pitches : np.ndarray, shape (S, 4)
        MIDI pitch 21..108, -1 for silence; one row a 16th, highest voice first.

    Returns
    -------
    np.ndarray, shape (S, 4), int64
        0 for silence, else pitch - 20.

    Raises
    ------
    ScoreError
        If a pitch lies outside or the shape is another.

    Examples
    --------
    >>> encode_grid(np.array([[60, 55, 48, -1]])).tolist()
    [[40, 35, 28, 0]]
    """
    grid = np.asarray(pitches)
    if grid.ndim != 2 or grid.shape[1] != N_VOICES:
        raise ScoreError(f"grid must have the shape (steps, {N_VOICES}), got {grid.shape}")
    wrong = (grid != -1) & ((grid < LOWEST) | (grid > HIGHEST))
    if wrong.any():
        step, voice = np.argwhere(wrong)[0]
        raise ScoreError(
            f"grid pitches must be in {LOWEST}..{HIGHEST} or -1, got {grid[step, voice]} "
            f"(step {step}, voice {voice})"
        )
    return np.where(grid < 0, SILENCE, grid - LOWEST + 1).astype(np.int64)


def decode_grid(symbols: NDArray[np.integer]) -> NDArray[np.int64]:
    """Pitches of symbols: the inverse of `encode_grid`.

    Examples
    --------
    >>> decode_grid(np.array([[40, 35, 28, 0]])).tolist()
    [[60, 55, 48, -1]]
    """
    grid = np.asarray(symbols)
    return np.where(grid == SILENCE, -1, grid + LOWEST - 1).astype(np.int64)


@dataclass(frozen=True)
class GridFeatures:
    """What each position knows before its symbol; S steps of four voices.

    Attributes
    ----------
    recent : Tensor, shape (B, S, 4, 4), int64
        For each position (step, voice), the last symbol of each voice, the position's own voice
        first and then the following ones in turn: this step's where it is known already.
    held : Tensor, shape (B, S, 4, 4), int64
        Steps since those symbols began, 0 for one that began at this step.
    back : Tensor, shape (B, S, 4, 4, N_BACK), int64
        The symbols those voices sounded before, latest first.
    back_held : Tensor, shape (B, S, 4, 4, N_BACK), int64
        How many steps each of those lasted.
    time : Tensor, shape (B, S), int64
        Steps from the piece's start.
    """

    recent: Tensor
    held: Tensor
    back: Tensor
    back_held: Tensor
    time: Tensor


def read_grid(symbols: Tensor, start: Tensor) -> GridFeatures:
    """Compute what each position of a grid knows before its symbol.

    Parameters
    ----------
    symbols : Tensor, shape (B, S, 4), int64
    start : Tensor, shape (B,), int64
        Steps of the piece before the first row.

    Returns
    -------
    GridFeatures
        Position (s, v) is computed from rows before s and voices before v in row s alone.
    """
    n_batch, n_steps, _ = symbols.shape
    device = symbols.device
    # Row 0 stands for the time before the first row.
    first = torch.full((n_batch, 1, N_VOICES), NOTHING, device=device, dtype=symbols.dtype)
    rows = torch.cat([first, symbols], 1)  # (B, S+1, 4)
    index = torch.arange(n_steps + 1, device=device)[None, :, None]
    changed = torch.ones_like(rows, dtype=torch.bool)
    changed[:, 1:] = rows[:, 1:] != rows[:, :-1]
    begin = torch.where(changed, index, 0).cummax(1).values  # row where each symbol began
    backs, lasted = [], []
    at = begin
    for _ in range(N_BACK):
        before = (at - 1).clamp(min=0)
        backs.append(rows.gather(1, before))
        earlier = begin.gather(1, before)
        lasted.append(at - earlier)
        at = earlier
    back = torch.stack(backs, -1)  # (B, S+1, 4, N_BACK)
    back_held = torch.stack(lasted, -1)
    # Position (s, v) reads row s+1 of voices before v, and row s of the others.
    step = torch.arange(n_steps, device=device)[:, None, None]
    voice = torch.arange(N_VOICES, device=device)[None, :, None]
    turn = torch.arange(N_VOICES, device=device)[None, None, :]
    other = (voice + turn) % N_VOICES  # (1, 4, 4)
    row = step + (other < voice).long()  # (S, 4, 4)
    other = other.expand_as(row)
    return GridFeatures(
        recent=rows[:, row, other],
        held=(step + 1 - begin[:, row, other]).clamp(min=0),
        back=back[:, row, other],
        back_held=back_held[:, row, other],
        time=start[:, None] + torch.arange(n_steps, device=device),
    )
