"""``hybrid train``: the learned parts trained anew from corpora."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

train = typer.Typer(
    help="Train a learned part from corpora. A killed run goes on where it was.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(train, name="train")


@train.command("symbolic")
def symbolic(
    data: Annotated[
        Path,
        typer.Option(
            help="Folder with chorale.npz, quartet.npz and pop.npz (`hybrid corpora build`), or "
            "for the benchmark Jsb16thSeparated.json and polyphony.npz."
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder of the run; one that is there goes on.")
    ],
    preset: Annotated[
        str,
        typer.Option(help="Settings: notes, notes-small, chorale-benchmark, or a TOML file."),
    ] = "notes-small",
    updates: Annotated[
        int | None,
        typer.Option(help="Updates in all, instead of the preset's; the rest in proportion."),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int, typer.Option(help="Processor threads; 1 gives the same bytes.")] = 1,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Train a note model: weights, learning curve, history and model card."""
    from hybrid.cli.progress import progress
    from hybrid.symbolic_transformer.training_run import train_symbolic

    with progress(quiet) as show:
        written = train_symbolic(
            preset,
            data,
            output,
            updates=updates,
            device=device,
            threads=threads,
            progress=show,
        )
    for path in written:
        typer.echo(str(path))
