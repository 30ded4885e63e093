"""The command line of a training: ``--data DIR -o RUN [--updates N] [--minutes M]``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

#: Called with data, folder of the run, updates in all (or None for the training's own number)
#: and minutes (or None for no limit); returns the file of weights.
Train = Callable[[Path, Path, int | None, float | None], Path]


def training_command(
    words: str, data: str, train: Train, arguments: Sequence[str] | None = None
) -> None:
    """Read the command line, train, and say where the weights are.

    Parameters
    ----------
    words : str
        Of which the first line describes the command.
    data : str
        What ``--data`` must name.
    train : callable
        A run that was stopped goes on when it is called again with the same folder.
    arguments : sequence of str, optional
        Those of the process where left out.
    """
    parser = argparse.ArgumentParser(description=words.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help=data)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the run")
    parser.add_argument("--updates", type=int, help="in all")
    parser.add_argument("--minutes", type=float, help="stop after so many and save")
    options = parser.parse_args(arguments)
    print(train(options.data, options.output, options.updates, options.minutes))


def tell(share: float, row: dict[str, float]) -> None:
    """A line for each check of a run: the share that is done and the figures."""
    shown = ", ".join(f"{name} {value:.3f}" for name, value in row.items() if name != "update")
    print(f"{share:.0%} {int(row['update'])}: {shown}", flush=True)
