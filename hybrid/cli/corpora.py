"""``hybrid corpora``: the training and test data a user can fetch."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Annotated

import typer

corpora = typer.Typer(
    help="List, describe and fetch the corpora named in corpora/*.toml; build training pieces.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="Corpus, as `hybrid corpora list` names it.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(corpora, name="corpora")


@corpora.command("list")
def list_all() -> None:
    """List the corpora, their licences, and which are here."""
    from hybrid.io.corpora import is_fetched, list_corpora

    found = list_corpora()
    width = max(len(corpus.name) for corpus in found)
    licences = max(len(corpus.licence) for corpus in found)
    for corpus in found:
        here = "here" if is_fetched(corpus.name) else "-"
        typer.echo(
            f"{corpus.name:<{width}}  {corpus.licence:<{licences}}  {here:<4}  {corpus.title}"
        )


@corpora.command("info")
def info(name: Name) -> None:
    """Say what a corpus is, who made it, and what it may be used for."""
    from hybrid.io.corpora import corpus_folder, corpus_info, is_fetched

    corpus = corpus_info(name)
    rows = {
        "title": corpus.title,
        "what": corpus.description,
        "licence": f"{corpus.licence} {corpus.licence_note}".strip(),
        "credit": corpus.credit,
        "shipped weights": f"{corpus.training} {corpus.training_note}".strip(),
        "split": corpus.split,
        "made by": corpus.builder,
        "counts": ", ".join(f"{what} {count:,}" for what, count in corpus.counts.items()),
        "cautions": " ".join(corpus.cautions),
        "from": ", ".join(upstream.archive for upstream in corpus.upstream) or corpus.upstream_note,
        "here": str(corpus_folder(name)) if is_fetched(name) else "not fetched",
    }
    for label, text in rows.items():
        if text:
            indent = " " * 17
            typer.echo(
                textwrap.fill(
                    text,
                    96,
                    initial_indent=f"{label:<17}",
                    subsequent_indent=indent,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )


@corpora.command("fetch")
def fetch(
    name: Name,
    from_dir: Annotated[
        Path | None,
        typer.Option("--from", help="Folder that holds the corpus's folder, instead of a network."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder to make. [default: data folder]")
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Get a corpus, from its upstream or from a folder, and check every file of it.

    It appears whole or not at all. Nothing but this and `build` uses the network.
    """
    from hybrid.cli.progress import progress
    from hybrid.io.corpora import fetch as fetch_corpus

    with progress(quiet) as show:
        place = fetch_corpus(
            name,
            output,
            from_dir=from_dir,
            progress=lambda done, whole: show(f"fetch {name}", done / whole if whole else 0.0),
        )
    typer.echo(f"{place}: {name}, every file checked")


@corpora.command("build")
def build(
    name: Annotated[
        str, typer.Argument(help="Style to build training pieces for: chorale, pop or quartet.")
    ],
    from_dir: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Folder that holds the corpora's folders, instead of the data folder."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="File to write. [default: built/NAME.npz in the data folder]"
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Build the pieces that a style's note model is trained on, as plain arrays in one file.

    Every file of the corpora is checked first. Corpora that are in neither folder are fetched
    from the network where they can be. docs/corpora.md describes what is built.
    """
    from hybrid.cli.progress import progress
    from hybrid.symbolic_transformer.build import build as build_style

    with progress(quiet) as show:
        path, lines = build_style(name, output, from_dir=from_dir, progress=show)
    for line in lines:
        typer.echo(line)
    typer.echo(f"{path}: training pieces of {name}")


@corpora.command("pairs")
def pairs(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder; files that are in it are kept.")
    ],
    train: Annotated[int, typer.Option(help="Files of 25 excerpts to train on.")] = 20,
    valid: Annotated[int, typer.Option(help="Files to validate on.")] = 2,
    test: Annotated[int, typer.Option(help="Files to test on.")] = 2,
    seconds: Annotated[float, typer.Option(help="Length of an excerpt, 2 to 60.")] = 12.0,
    quality: Annotated[float, typer.Option(help="Quality of Ogg Vorbis, 0 to 1.")] = 0.4,
    soundfont: Annotated[
        str | None,
        typer.Option(help="SoundFont of the targets. [default: MuseScore_General]"),
    ] = None,
    from_dir: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Folder that holds the corpora's folders, instead of the data folder."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Root seed; the same seed gives the same bytes.")] = 1,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Render the pairs of sounds that the codec and the refiner are trained on.

    Excerpts of the corpora and of pieces of our own get instruments drawn anew and are played
    with TimGM6mb and with a large SoundFont. A build that was stopped goes on with the files
    that are missing. docs/production.md describes them.
    """
    from hybrid.cli.progress import progress
    from hybrid.outside_sound import build_pairs

    with progress(quiet) as show:
        written = build_pairs(
            output,
            {"train": train, "valid": valid, "test": test},
            seed=seed,
            seconds=seconds,
            quality=quality,
            large_font=soundfont,
            from_dir=from_dir,
            progress=show,
        )
    size = sum(path.stat().st_size for path in written) / 2**20
    typer.echo(f"{output}: {len(written)} files of pairs, {size:.1f} MiB")


@corpora.command("renders")
def renders(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder; files that are in it are kept.")
    ],
    train: Annotated[int, typer.Option(help="Files of 25 excerpts to train on.")] = 60,
    valid: Annotated[int, typer.Option(help="Files to validate on.")] = 2,
    test: Annotated[int, typer.Option(help="Files to test on.")] = 8,
    seconds: Annotated[float, typer.Option(help="Length of an excerpt, 2 to 60.")] = 12.0,
    from_dir: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Folder that holds the corpora's folders, instead of the data folder."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Root seed; the same seed gives the same bytes.")] = 1,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Render the plain sounds, with their notes, that the transcriber is trained on.

    Excerpts are drawn as for `corpora pairs`, but played with TimGM6mb alone.
    """
    from hybrid.cli.progress import progress
    from hybrid.outside_sound import build_renders

    with progress(quiet) as show:
        written = build_renders(
            output,
            {"train": train, "valid": valid, "test": test},
            seed=seed,
            seconds=seconds,
            from_dir=from_dir,
            progress=show,
        )
    size = sum(path.stat().st_size for path in written) / 2**20
    typer.echo(f"{output}: {len(written)} files of renders, {size:.1f} MiB")
