"""The figures by which MuseGAN was judged, and how far made phrases are from true ones in them.

References
----------
Dong, H.-W., Hsiao, W.-Y., Yang, L.-C., & Yang, Y.-H. (2018). MuseGAN. AAAI. arXiv:1709.06298.
Harte, C., Sandler, M., & Gasser, M. (2006). Detecting harmonic change in musical audio. AMCMM.
(the space of tonal distances)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid.history.musegan_model import LOWEST, PARTS, Rolls

Array = NDArray[np.float64]
#: Sixteenths from which on a note is long enough: the source's grid was finer, its bound three of
#: 24 steps a quarter.
QUALIFIED = 2


def tonal_centroid(chroma: Array) -> Array:
    """(..., 12) to (..., 6): places on the circles of fifths, minor and major thirds."""
    classes = np.arange(12)
    angles = [classes * turn * np.pi / 6 for turn in (7, 9, 8)]
    # The circle of major thirds counts half, as in the source.
    table = np.concatenate(
        [
            weight * np.stack([np.sin(angle), np.cos(angle)])
            for angle, weight in zip(angles, (1.0, 1.0, 0.5), strict=True)
        ]
    )
    total = np.maximum(chroma.sum(axis=-1, keepdims=True), 1e-9)
    result: Array = (chroma / total) @ table.T
    return result


def phrase_figures(rolls: Rolls) -> dict[str, Array]:
    """Figures of each phrase (B,), by name.

    ``empty PART``: share of bars that are silent; ``classes PART``: mean pitch classes of a bar
    that is not; ``qualified PART``: share of notes of an eighth or more; ``voices PART``: mean
    notes that sound together; ``distance ONE-OTHER``: mean tonal distance of bars.
    """
    found: dict[str, Array] = {}
    chroma = (rolls[..., :12].astype(float) + rolls[..., 12:]).sum(axis=3)  # (B, parts, bars, 12)
    chroma = np.stack(
        [np.roll(chroma[:, part], low % 12, axis=-1) for part, low in enumerate(LOWEST)], axis=1
    )
    silent = chroma.sum(axis=3) == 0
    for part, name in enumerate(PARTS):
        found[f"empty {name}"] = silent[:, part].mean(axis=1)
        used = (chroma[:, part] > 0).sum(axis=2)
        n_full = np.maximum(1, (~silent[:, part]).sum(axis=1))
        found[f"classes {name}"] = used.sum(axis=1) / n_full
        short, notes = _short_notes(rolls[:, part].reshape(len(rolls), -1, rolls.shape[-1]))
        found[f"qualified {name}"] = 1 - short / np.maximum(1, notes)
        cells = rolls[:, part].sum(axis=3)
        found[f"voices {name}"] = cells.sum(axis=(1, 2)) / np.maximum(1, (cells > 0).sum((1, 2)))
    places = tonal_centroid(chroma)
    for one, other in ((0, 2), (0, 3), (2, 3)):
        both = ~silent[:, one] & ~silent[:, other]
        far = np.linalg.norm(places[:, one] - places[:, other], axis=2)
        name = f"distance {PARTS[one]}-{PARTS[other]}"
        found[name] = (far * both).sum(axis=1) / np.maximum(1, both.sum(axis=1))
    return found


def _short_notes(cells: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Notes that are too short, and all notes, of (B, T, pitches)."""
    padded = np.pad(cells, ((0, 0), (1, 1), (0, 0)))
    begins = padded[:, 1:-1] & ~padded[:, :-2]
    last = begins & ~padded[:, 2:]
    return last.sum(axis=(1, 2)).astype(float), begins.sum(axis=(1, 2)).astype(float)


def summary(rolls: Rolls) -> dict[str, tuple[float, float]]:
    """Mean and deviation of each figure over phrases."""
    return {
        name: (float(values.mean()), float(values.std()))
        for name, values in phrase_figures(rolls).items()
    }


def figures_distance(rolls: Rolls, true: dict[str, tuple[float, float]]) -> float:
    """Mean over figures of how far their means are from true ones, in deviations of these."""
    means = {name: float(values.mean()) for name, values in phrase_figures(rolls).items()}
    gaps = [abs(means[name] - mean) / max(spread, 0.05) for name, (mean, spread) in true.items()]
    return float(np.mean(gaps))


__all__ = ["figures_distance", "phrase_figures", "summary", "tonal_centroid"]
