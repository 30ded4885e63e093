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


@train.command("analyser")
def analyser(
    data: Annotated[
        Path,
        typer.Option(
            help="Folder with harmony_train.npz and harmony_valid.npz, or of analysed scores "
            "(GROUP/PIECE/score.mxl with analysis*.txt, and manifest.csv)."
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder of the run; one that is there goes on.")
    ],
    preset: Annotated[
        str,
        typer.Option(help="Settings: base, wide, dropout, small (to go on from --start), smoke."),
    ] = "base",
    updates: Annotated[int | None, typer.Option(help="Updates in all.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Time in all. [default: 60 without --updates]")
    ] = None,
    start: Annotated[Path | None, typer.Option(help="Weights to begin with.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of first weights and excerpts.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int, typer.Option(help="Processor threads; 1 gives the same bytes.")] = 1,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Train the harmony analyser: weights, learning curve, record and model card."""
    from hybrid.cli.progress import progress
    from hybrid.harmony.training_run import RunOptions, train_analyser

    options = RunOptions(preset, updates, minutes, seed, start, device, threads)
    with progress(quiet) as show:
        written = train_analyser(data, output, options, progress=show)
    for path in written:
        typer.echo(str(path))
