"""Commands that turn a plain render into produced sound: refine, production."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

production_app = typer.Typer(
    help="Styles of production for `refine` and `compose --production`.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("refine")(refine)
    app.add_typer(production_app, name="production")


def refine(
    file: Annotated[Path, typer.Argument(help="Sound: WAV, FLAC, ...; mono or stereo.")],
    midi: Annotated[
        Path | None,
        typer.Option(help="MIDI file that the sound was rendered from; networks need it."),
    ] = None,
    production: Annotated[
        str,
        typer.Option(
            help="Style, as `hybrid production list` names it, or a TOML file (not for tokens)."
        ),
    ] = "chamber-hall",
    strength: Annotated[
        float, typer.Option(help="How far it goes, 0 (the sound as it is) to 1.")
    ] = 1.0,
    mode: Annotated[
        str | None,
        typer.Option(
            help="What does the work: effects (a chain of plain effects), mapper (a network's "
            "gains before that chain) or tokens (a network that writes a codec's tokens). "
            "[default: what measured best of what ships; effects without --midi]"
        ),
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(help="Mode tokens: how far the style is driven, 0 to 10. [default: 1]"),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            help="Mode tokens: chance in the choice, 0 (the likeliest) to 4. [default: 0]"
        ),
    ] = None,
    passes: Annotated[
        int | None,
        typer.Option(help="Mode tokens: passes for the coarsest tokens, 1 to 64. [default: 4]"),
    ] = None,
    loudness: Annotated[
        float | None, typer.Option(help="Loudness in LUFS. [default: that of the input]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Root seed; the same seed gives the same bytes.")] = 1,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Folder of mapper.safetensors, or of codec.safetensors and refiner.safetensors. "
            "[default: the package's]"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="WAV or FLAC. [default: FILE-STYLE.wav]"),
    ] = None,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print what was done, every setting, as JSON.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Give a plain render the sound of a production.

    The result is stereo, at the input's sample rate and loudness, with the tail of the room
    after its end. What sounds at a time in the input sounds at that time in the result.
    """
    import json

    from hybrid.cli.files import another
    from hybrid.cli.progress import progress
    from hybrid.outside_sound import refine_file
    from hybrid.saving import produced_line

    target = output or file.with_name(f"{file.stem}-{Path(production).stem}.wav")
    with progress(quiet) as show:
        report = refine_file(
            file,
            another(target, file),
            midi=midi,
            progress=show,
            production=production,
            strength=strength,
            mode=mode,
            loudness_lufs=loudness,
            seed=seed,
            guidance=guidance,
            temperature=temperature,
            passes=passes,
            weights=weights,
        )
    if json_output:
        typer.echo(json.dumps(report.to_dict(), indent=1))
    else:
        typer.echo(f"{target}: {produced_line(report)}")


@production_app.command("list")
def list_styles() -> None:
    """List the styles that ship with the package, and what each is."""
    from hybrid.audio_refiner.production import load_style, style_names

    names = style_names()
    width = max(len(name) for name in names)
    for name in names:
        typer.echo(f"{name:<{width}}  {load_style(name).description}")


@production_app.command("show")
def show_style(
    name: Annotated[str, typer.Argument(help="Style, or a TOML file of one's own.")],
    seed: Annotated[
        int | None, typer.Option(help="Show what this seed draws instead of the ranges.")
    ] = None,
) -> None:
    """Show a style's effects with their ranges, or what a seed draws from them."""
    import json

    from hybrid.audio_refiner.production import ProductionOptions, load_style

    style = load_style(name)
    typer.echo(f"{style.name}: {style.description}")
    if seed is None:
        rows = [{"kind": kind, **values} for kind, values in style.effects]
    else:
        rows = ProductionOptions(style=style, seed=seed).record()
    for row in rows:
        typer.echo(f"  {row['kind']}")
        for key, value in row.items():
            for item in value if key == "bands" else [value] if key != "kind" else []:
                typer.echo(f"    {'band' if key == 'bands' else key}: {json.dumps(item)}")
