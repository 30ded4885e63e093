"""Progress on standard error: a bar on a terminal, a line a stage elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Called with a stage's name and the share of it that is done, 0..1.
Progress = Callable[[str, float], None]


def _silent(stage: str, share: float) -> None:
    pass


@contextmanager
def progress(quiet: bool = False) -> Iterator[Progress]:
    """Show stages as they go; ``quiet`` shows nothing."""
    if quiet:
        yield _silent
    elif sys.stderr.isatty():
        yield from _bars()
    else:
        yield _lines()


def _lines() -> Progress:
    started: set[str] = set()

    def show(stage: str, share: float) -> None:
        if stage not in started:
            started.add(stage)
            print(f"hybrid: {stage} ...", file=sys.stderr, flush=True)

    return show


def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=32),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, share: float) -> None:
            if stage not in tasks:
                for task in tasks.values():
                    bars.update(task, completed=1.0)
                tasks[stage] = bars.add_task(stage, total=1.0)
            bars.update(tasks[stage], completed=share)

        yield show
        for task in tasks.values():
            bars.update(task, completed=1.0)
