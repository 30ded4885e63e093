"""Files of pairs -> plain arrays for training: ``python -m hybrid.audio_refiner.pairs_unpack``.

For a machine that trains: it needs NumPy, SciPy, soundfile and pyloudnorm, nothing else of the
package. Each file NAME.pairs becomes

- ``NAME.dry.npy``: int16, (E, 2, N), the plain renders;
- ``NAME.target.npy``: int16, (E x S, 2, N), S produced targets of each excerpt after one another;
- ``NAME.notes.npy``: notes, `hybrid.audio_refiner.roll.ROLL_DTYPE`;
- ``NAME.json``: what the file says of itself; for each excerpt its piece and its rows of the
  notes; for each target its excerpt and style.

The first target of an excerpt is the file's own; others have another style each, in turn.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.pairs_file import read_pairs
from hybrid.audio_refiner.production import style_names
from hybrid.core.errors import ConfigError

_FULL_SCALE = 32767


def unpack_pairs(path: str | Path, folder: str | Path, n_styles: int = 1) -> Path:
    """Unpack one file.

    Parameters
    ----------
    n_styles : int
        Targets of each excerpt, 1 to the number of styles.

    Returns
    -------
    Path
        The JSON file.

    Raises
    ------
    ConfigError
        If there are not so many styles.
    FormatError
        If it is no file of pairs.
    """
    names = style_names()
    if not 1 <= n_styles <= len(names):
        raise ConfigError(f"n_styles must be in 1..{len(names)}, got {n_styles}")
    batch = read_pairs(path)
    stem, folder = Path(path).stem, Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    targets: list[dict[str, Any]] = []
    sounds = np.zeros((len(batch.entries) * n_styles, *batch.dry.shape[1:]), dtype=np.int16)
    for index, entry in enumerate(batch.entries):
        first = names.index(entry.style) if entry.style in names else 0
        for turn in range(n_styles):
            style = names[(first + turn) % len(names)]
            sounds[len(targets)] = _whole(batch.target(index, style, entry.chain_seed + turn))
            targets.append({"excerpt": index, "style": style})
    np.save(folder / f"{stem}.dry.npy", _whole(batch.dry))
    np.save(folder / f"{stem}.target.npy", sounds)
    np.save(folder / f"{stem}.notes.npy", batch.notes)
    record = {
        **batch.about,
        "excerpts": [asdict(entry) for entry in batch.entries],
        "targets": targets,
    }
    made = folder / f"{stem}.json"
    made.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return made


def _whole(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.round(np.clip(sound, -1, 1) * _FULL_SCALE).astype(np.int16)


def main(arguments: Sequence[str] | None = None) -> None:
    """Unpack files side by side."""
    parser = argparse.ArgumentParser(description="Unpack files of pairs for training.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder")
    parser.add_argument("--styles", type=int, default=1, help="targets of each excerpt")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    chosen = parser.parse_args(arguments)
    work = partial(unpack_pairs, folder=chosen.output, n_styles=chosen.styles)
    if chosen.workers == 1:
        for path in map(work, chosen.files):
            print(path)
        return
    with ProcessPoolExecutor(chosen.workers) as pool:
        for path in pool.map(work, chosen.files):
            print(path)


if __name__ == "__main__":
    main()
