"""Sound brought to another sample rate block by block, in bounded memory.

A windowed sinc in polyphase form. The blocks are cut where both rates have a sample at one moment,
so that every sample is the same as if the sound had been converted in one piece.

References
----------
Crochiere, R. E., & Rabiner, L. R. (1983). Multirate digital signal processing. Prentice-Hall.
Kaiser, J. F. (1974). Nonrecursive digital filter design using the I0-sinh window function.
IEEE International Symposium on Circuits and Systems.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.effects import Samples

#: Zero crossings of the sinc on either side, at the lower of the two rates.
CROSSINGS = 24
_BETA = 9.0  # of the Kaiser window: 90 dB
# The pass band ends here, as a share of the lower rate's Nyquist frequency (6 dB down).
_CUT = 0.94
_BLOCK = 1 << 16  # frames that are read before a block is worked on, at least


def resampled(chunks: Iterable[Samples], rate: int, wanted: int) -> Iterator[Samples]:
    """Convert sound that comes in chunks.

    Parameters
    ----------
    chunks : iterable of np.ndarray, shape (C, n), float32
        In a row, of any sizes.
    rate, wanted : int
        Hertz, of the chunks and of the result.

    Yields
    ------
    np.ndarray, shape (C, m), float32
        Sample k belongs to the moment k / wanted; N samples give N wanted / rate, rounded up.

    Examples
    --------
    >>> tone = np.sin(np.arange(8000, dtype=np.float32) * 0.2)[None]
    >>> made = np.concatenate(list(resampled([tone], 8000, 44100)), axis=1)
    >>> made.shape, bool(abs(made[0, 22050] - tone[0, 4000]) < 1e-3)
    ((1, 44100), True)
    """
    if rate == wanted:
        yield from chunks
        return
    common = math.gcd(rate, wanted)
    up, down = wanted // common, rate // common
    # Input samples that a result depends on, on either side, in steps that both rates share.
    reach = CROSSINGS * max(up, down) / up
    margin = math.ceil((reach + 1) / down) * down
    step = math.ceil(_BLOCK / down) * down
    kept: Samples | None = None
    begin = 0  # of what is kept, in samples of the input
    done = 0  # input samples whose results were given
    for chunk in chunks:
        kept = chunk if kept is None else np.concatenate([kept, chunk], axis=1)
        while begin + kept.shape[1] >= done + step + margin:
            yield _converted(kept, begin, done, done + step, up, down)
            done += step
            drop = max(0, done - margin - begin)
            kept, begin = kept[:, drop:], begin + drop
    if kept is not None and begin + kept.shape[1] > done:
        yield _converted(kept, begin, done, begin + kept.shape[1], up, down)


def _converted(kept: Samples, begin: int, first: int, last: int, up: int, down: int) -> Samples:
    """Results between two input samples; ``begin`` and ``first`` are multiples of ``down``."""
    from scipy.signal import upfirdn

    taps = _filter(up, down)
    half = (len(taps) - 1) // 2
    made = upfirdn(taps, kept, up, down, axis=1)  # sample 0 lies ``half / up`` samples early
    # `half` is a multiple of ``down``, so that results lie on the grid.
    offset = half // down + (first - begin) // down * up
    count = math.ceil((last - first) * up / down)
    cut: Samples = np.ascontiguousarray(made[:, offset : offset + count], dtype=np.float32)
    return cut


@lru_cache(maxsize=4)
def _filter(up: int, down: int) -> NDArray[np.float32]:
    largest = max(up, down)
    half = math.ceil(CROSSINGS * largest / down) * down
    at = np.arange(-half, half + 1)
    taps = np.sinc(at * _CUT / largest) * np.kaiser(2 * half + 1, _BETA)
    made: NDArray[np.float32] = (taps * up / taps.sum()).astype(np.float32)
    made.flags.writeable = False
    return made
