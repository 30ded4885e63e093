"""``hybrid repair``: mend the part-writing of a score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hybrid.repair.files import MendedFile


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("repair")(repair)


def repair(
    file: Annotated[Path, typer.Argument(help="Score: MIDI, MusicXML (.mxl too), ABC or kern.")],
    rules: Annotated[
        str, typer.Option(help="Rule set, as `hybrid check --rules` takes it.")
    ] = "chorale",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Folder to write; it appears whole or not at all. [default: FILE-mended]",
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            help="What writes bars anew where other pitches do not help: rules or transformer."
        ),
    ] = "rules",
    severity: Annotated[
        str, typer.Option(help="Least severity that is mended: error, warning or info.")
    ] = "error",
    repairs: Annotated[int, typer.Option(help="Findings that are tried at most.")] = 32,
    seed: Annotated[int, typer.Option(help="Root seed; the same seed gives the same bytes.")] = 1,
    page: Annotated[bool, typer.Option(help="Write index.html.")] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a folder that is not ours.")
    ] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Mend the part-writing of a score with the smallest change that can be found.

    The plan is read from the score. Where a rule is broken, one note of the voices at fault gets
    another pitch, or two do; where that does not help, an engine writes the bar anew. Writes
    NAME.musicxml with changed notes in colour, NAME.mid with markers, repair.json and a page that
    shows each step. Exit status 1 if a rule of severity error is still broken.
    """
    import json

    from hybrid.cli.progress import progress
    from hybrid.core.errors import HybridError
    from hybrid.io.files import read_score
    from hybrid.outside import repair_score, save_repair

    reading = read_score(file)
    for loss in reading.losses:
        typer.echo(f"hybrid: {file.name}: {loss}", err=True)
    folder = output or file.with_name(f"{file.stem}-mended")
    with progress(quiet) as show:
        try:
            done = repair_score(
                reading.score,
                rules=rules,
                engine=engine,
                seed=seed,
                severity=severity,
                repairs=repairs,
                progress=show,
            )
        except HybridError as error:
            error.args = (f"{file}: {error}", *error.args[1:])
            raise
        record = {
            "file": file.name,
            "rules": rules,
            "engine": engine,
            "severity": severity,
            "repairs": repairs,
            "seed": seed,
        }
        written = save_repair(
            done, folder, file.stem, record=record, page=page, force=force, progress=show
        )
    if json_output:
        typer.echo(json.dumps(done.to_dict(), indent=1, ensure_ascii=False))
    else:
        _tell(done)
        width = max(len(item.name) for item in written)
        typer.echo(f"\n{folder}:")
        for item in written:
            typer.echo(f"  {item.name:<{width}}  {item.description}")
    if any(item.severity == "error" for item in done.after):
        raise typer.Exit(1)


def _tell(done: MendedFile) -> None:
    """What was found, what was done and what is left."""
    if done.mended is None:
        typer.echo("nothing to mend: the music is written as it is")
    for number, one in enumerate(done.taken, start=1):
        typer.echo(f"{number}. {done.own_names(one.failure.message)}")
        for change in done.changes(one):
            typer.echo(f"   {change}")
    for one in done.repairs:
        if not one.is_mended:
            typer.echo(f"not mended: {done.own_names(one.failure.message)}")
            for why in one.refused:
                typer.echo(f"   {done.own_names(why)}")
    tried = {one.failure.message for one in done.repairs}
    for item in done.left:
        if str(item) not in {done.own_names(text) for text in tried}:
            typer.echo(f"left: {item}")
    rows = done.table()
    if rows:
        typer.echo(f"\n{'rule':<26}{'severity':<10}{'before':>7}{'after':>7}")
    for rule, severity, was, now in rows:
        typer.echo(f"{rule:<26}{severity:<10}{was:>7}{now:>7}")
    n = len(done.taken)
    typer.echo(
        f"\n{n} {'place' if n == 1 else 'places'} mended, {done.n_changed} "
        f"{'note' if done.n_changed == 1 else 'notes'} changed, {len(done.left)} left"
    )
