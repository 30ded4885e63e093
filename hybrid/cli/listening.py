"""Commands that listen: transcribe, replay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("transcribe")(transcribe)
    app.command("replay")(replay)


def transcribe(
    file: Annotated[
        Path, typer.Argument(help="Sound: WAV, FLAC, Ogg, ...; any rate, any number of channels.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Score; its suffix names the format. [default: FILE.mid]"
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Probability from which a note begins, 0 to 1: higher writes fewer notes, more "
            "of them right. [default: 0.6, of drums 0.4]"
        ),
    ] = None,
    drums: Annotated[bool, typer.Option(help="Write drums too.")] = True,
    beats: Annotated[
        bool,
        typer.Option(help="Find beats and bars; without, a tick is a millisecond."),
    ] = True,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print what was heard as JSON.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Write down the notes of a recording.

    All keys go into one track, drums into another: which instrument plays is not told. Tempo and
    bar lines follow the beats that are heard. MIDI keeps the notes' own times, what is engraved
    gets plain note values. It learnt from General MIDI renders and is best with them.
    docs/metrics.md says how often it is right.
    """
    import json

    from hybrid.cli.files import another
    from hybrid.cli.progress import progress
    from hybrid.outside_sound import transcribe_file

    target = another(output or file.with_suffix(".mid"), file)
    with progress(quiet) as show:
        heard = transcribe_file(
            file, target, threshold=threshold, drums=drums, beats=beats, progress=show
        )
    if json_output:
        typer.echo(json.dumps(heard, indent=1))
    else:
        typer.echo(
            f"{target}: {heard['notes']} notes, {heard['drums']} drums in "
            f"{heard['seconds']:.1f} s of sound"
        )
        if heard["tempo"] is not None:
            typer.echo(f"{heard['tempo']:g} beats a minute, {heard['beats_a_bar']} in a bar")


def replay(
    file: Annotated[
        Path, typer.Argument(help="Sound: WAV, FLAC, Ogg, ...; any rate, any number of channels.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="WAV or FLAC. [default: FILE-replay.wav]")
    ] = None,
    instrument: Annotated[
        str | None, typer.Option(help="That plays all but the drums. [default: piano]")
    ] = None,
    transpose: Annotated[int, typer.Option(help="Semitones, -48 to 48.")] = 0,
    threshold: Annotated[
        float | None,
        typer.Option(help="As of `hybrid transcribe`. [default: 0.6, of drums 0.4]"),
    ] = None,
    soundfont: Annotated[
        str | None, typer.Option(help="SoundFont, by name or path. [default: TimGM6mb]")
    ] = None,
    notes: Annotated[
        Path | None, typer.Option(help="Write the notes between too: MIDI, MusicXML, ABC.")
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Write down the notes of a recording and play them anew: sound to notes to sound.

    `hybrid refine` produces what comes out, with the notes it was made from.
    """
    from hybrid.cli.files import another
    from hybrid.cli.progress import progress
    from hybrid.outside_sound import replay_file

    target = another(output or file.with_name(f"{file.stem}-replay.wav"), file)
    with progress(quiet) as show:
        lines = replay_file(
            file,
            target,
            instrument=instrument,
            transpose=transpose,
            threshold=threshold,
            soundfont=soundfont,
            notes=notes,
            progress=show,
        )
    for line in lines:
        typer.echo(line)
