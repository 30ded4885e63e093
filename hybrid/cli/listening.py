"""The command that listens: transcribe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("transcribe")(transcribe)


def transcribe(
    file: Annotated[
        Path, typer.Argument(help="Sound: WAV, FLAC, Ogg, ...; any rate, any number of channels.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="MIDI file. [default: FILE.mid]")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Probability from which a note begins, 0 to 1: higher writes fewer notes, more "
            "of them right. [default: 0.6, of drums 0.4]"
        ),
    ] = None,
    drums: Annotated[bool, typer.Option(help="Write drums too.")] = True,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print what was heard as JSON.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Write down the notes of a recording, as MIDI.

    All keys go into one track, drums into another: which instrument plays is not told, nor
    tempo, metre and bar lines; a tick is a millisecond. It learnt from General MIDI renders and
    is best with them. docs/metrics.md says how often it is right.
    """
    import json

    from hybrid.cli.files import another
    from hybrid.cli.progress import progress
    from hybrid.outside_sound import transcribe_file

    target = another(output or file.with_suffix(".mid"), file)
    with progress(quiet) as show:
        heard = transcribe_file(file, target, threshold=threshold, drums=drums, progress=show)
    if json_output:
        typer.echo(json.dumps(heard, indent=1))
    else:
        typer.echo(
            f"{target}: {heard['notes']} notes, {heard['drums']} drums in "
            f"{heard['seconds']:.1f} s of sound"
        )
