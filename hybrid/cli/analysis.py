"""Commands on harmony: analyse, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

evaluate_app = typer.Typer(help="Measure a learned part on examples, or a sound against another.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("analyse")(analyse)
    app.add_typer(evaluate_app, name="evaluate")


def analyse(
    file: Annotated[Path, typer.Argument(help="Score: MIDI, MusicXML (.mxl too), ABC or kern.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Folder for RomanText, MusicXML, JSON, GraphML and the page."
        ),
    ] = None,
    weights: Annotated[
        list[Path] | None, typer.Option(help="Weights to use; several are averaged.")
    ] = None,
    page: Annotated[bool, typer.Option(help="With -o, write NAME.html too.")] = True,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Read keys and Roman numerals from a score.

    Prints one line for each chord: bar, beat, key, numeral, chord symbol, function, quality and
    probability; then the harmonic rhythm. With -o it writes NAME.rntxt (RomanText),
    NAME.musicxml with chord symbols above and numerals below the score, NAME.json,
    NAME.graphml (the graph of notes that the network reads) and NAME.html, a page that needs
    no other file.
    """
    import json

    from hybrid.cli.progress import progress
    from hybrid.harmony.report import write_analysis
    from hybrid.harmony.shipped import load_analyser
    from hybrid.harmony.tables import analysis_record, analysis_table
    from hybrid.io.files import read_score

    written: list[Path] = []
    with progress(quiet) as show:
        show("score", 0.0)
        reading = read_score(file)
        for loss in reading.losses:
            typer.echo(f"hybrid: {file.name}: {loss}", err=True)
        score = reading.score
        show("harmony", 0.0)
        analysis = load_analyser(weights or ()).analyse(score)
        if output is not None:
            show("files", 0.0)
            written = write_analysis(analysis, score, output, file.stem)
        if output is not None and page:
            from hybrid.io.atomic import write_text
            from hybrid.report.harmony_page import build_harmony_page

            show("page", 0.0)
            musicxml = (output / f"{file.stem}.musicxml").read_text(encoding="utf-8")
            text = build_harmony_page(score, analysis, musicxml=musicxml, source=file.name)
            write_text(output / f"{file.stem}.html", text)
            written.append(output / f"{file.stem}.html")
    for path in written:
        typer.echo(f"hybrid: wrote {path}", err=True)
    if json_output:
        typer.echo(json.dumps(analysis_record(analysis, score), indent=1))
    else:
        typer.echo(analysis_table(analysis, score))


@evaluate_app.command("analyser")
def evaluate_analyser(
    folder: Annotated[
        Path, typer.Argument(help="Folder of PIECE/score.mxl with analysis*.txt, or of such.")
    ],
    weights: Annotated[
        list[Path] | None, typer.Option(help="Weights to use; several are averaged.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    split: Annotated[str, typer.Option(help="Only this split of manifest.csv.")] = "",
) -> None:
    """Compare the analyser with analyses made by people, at every 32nd note.

    Prints key, degree, quality, inversion, root and full numeral in per cent: for each group,
    pooled over frames, meaned over pieces and meaned over groups; and, where pieces have two
    analyses, how far their authors agree.
    """
    import json

    from hybrid.harmony.report import evaluate_folder
    from hybrid.harmony.shipped import load_analyser

    result = evaluate_folder(
        folder, load_analyser(weights or ()), split, lambda text: typer.echo(text, err=True)
    )
    typer.echo(json.dumps(result.to_dict(), indent=1) if json_output else result.table())


@evaluate_app.command("audio")
def evaluate_audio(
    reference: Annotated[Path, typer.Argument(help="Sound, or folder of sounds, to go by.")],
    estimate: Annotated[Path, typer.Argument(help="Sound, or folder of sounds, to measure.")],
    midi: Annotated[
        Path | None,
        typer.Option(
            help="MIDI file of the notes, or folder of MIDI files named as the sounds: counts the "
            "notes that are heard in both sounds."
        ),
    ] = None,
    embedding: Annotated[
        str,
        typer.Option(
            help="Of the distances between folders: listener (our own, trained), mel-statistics "
            "(untrained), vggish, encodec, clap."
        ),
    ] = "listener",
    weights: Annotated[
        Path | None, typer.Option(help="Weights of the embedding, instead of those found.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws the subsets of the endless sample.")] = 1,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Measure a sound against another of the same music, or a folder against a folder.

    Of two sounds: SI-SDR, STFT and mel distance, loudness, stereo correlation, pitch, onsets.
    Of two folders also the Frechet distance, with its estimate for an endless sample, and the
    kernel distance, both over an embedding, and every pair of files of one name. With MIDI
    also how many of its notes are heard (F1; onsets within 50 ms).
    """
    import json

    from hybrid.cli.progress import progress
    from hybrid.core.errors import ConfigError
    from hybrid.core.seeds import stage_rng
    from hybrid.io.wav import read_audio
    from hybrid.metrics.audio_compare import compare_audio, compare_folders
    from hybrid.metrics.audio_embeddings import embedding_by_name
    from hybrid.outside_sound import note_rows

    if reference.is_dir() != estimate.is_dir():
        raise ConfigError(
            "audio must be compared file with file or folder with folder, got one each"
        )
    if reference.is_dir():
        chosen = embedding_by_name(embedding, weights)
        rng = stage_rng(seed, "evaluate", "audio")
        values: dict[str, Any] = compare_folders(reference, estimate, rng, chosen).to_dict()
    else:
        values = dict(compare_audio(read_audio(reference), read_audio(estimate)).to_dict())
    if midi is not None:
        with progress(quiet) as show:
            values["notes"] = note_rows(reference, estimate, midi, show)
    if json_output:
        typer.echo(json.dumps(values, indent=1))
        return
    tables: dict[str, Any] = values.pop("pairs", {}) | values.pop("notes", {})
    _echo_rows(values)
    for name, row in tables.items():
        typer.echo(f"\n{name}")
        _echo_rows(row)


def _echo_rows(values: dict[str, Any]) -> None:
    for name, value in values.items():
        typer.echo(f"{name:<30} {'-' if value is None else value}")
