"""Sets of training sound as files ``SPLIT-NNN.SUFFIX`` in a folder: made, gone on with, found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from hybrid.audio_refiner.pairs_sources import SPLITS
from hybrid.core.errors import ConfigError

Progress = Callable[[float], None]
#: What is measured on comes first, so that a build that is cut short can be used.
_ORDER = ("valid", "test", "train")


def check_splits(files: Mapping[str, int]) -> None:
    """Refuse numbers of files for splits that there are not.

    Raises
    ------
    ConfigError
        If a split is unknown.
    """
    for split in files:
        if split not in SPLITS:
            raise ConfigError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")


def make_files(
    folder: str | Path,
    suffix: str,
    files: Mapping[str, int],
    make: Callable[[Path, str, int, Progress], None],
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Make the files that are missing; those that are there are left as they are.

    Parameters
    ----------
    folder : path
    suffix : str
        With its dot.
    files : mapping
        Number of files by split.
    make : callable
        Writes the file of a path, split and number, and is given a progress of its own.
    progress : callable, optional
        Called with the share that is done, 0..1.

    Returns
    -------
    tuple of Path
        All files of the sets, those that were there among them.
    """
    show = progress or (lambda share: None)
    wanted = [(split, number) for split in _ORDER for number in range(files.get(split, 0))]
    made = []
    for done, (split, number) in enumerate(wanted):
        path = Path(folder) / f"{split}-{number:03d}{suffix}"
        made.append(path)
        if not path.exists():
            make(path, split, number, _part(show, done / len(wanted), 1 / len(wanted)))
        show((done + 1) / len(wanted))
    return tuple(made)


def _part(show: Progress, start: float, size: float) -> Progress:
    return lambda share: show(start + share * size)


def find_files(folder: Path, suffix: str, split: str, command: str) -> tuple[Path, ...]:
    """Files of a split, in order.

    Raises
    ------
    ConfigError
        If there are none; it names the ``command`` that makes them.
    """
    found = tuple(sorted(folder.glob(f"{split}-*{suffix}")))
    if not found:
        raise ConfigError(f"{folder} must hold files {split}-*{suffix} (`{command}`)")
    return found
