"""``hybrid compose`` and ``hybrid forms``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("compose")(compose)
    app.command("forms")(forms)


def compose(
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Folder to write; it appears whole or not at all."),
    ] = Path("out"),
    form: Annotated[
        str | None,
        typer.Option(help="Form grammar; `hybrid forms` lists them. [default: ternary]"),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(
            help="Style: chorale, classical, quartet, romantic, dance, folk, pop or jazz."
        ),
    ] = None,
    key: Annotated[str | None, typer.Option(help="Home key, such as 'G minor' or Bb.")] = None,
    metre: Annotated[str | None, typer.Option(help="Metre, such as 3/4.")] = None,
    tempo: Annotated[float | None, typer.Option(help="Quarters per minute, 10 to 400.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Length in minutes. [default: 2]")] = None,
    texture: Annotated[
        str | None,
        typer.Option(
            help="Texture throughout: chorale, homophonic, alberti, arpeggio, waltz, march, pad, "
            "walking_bass or counterpoint."
        ),
    ] = None,
    instruments: Annotated[
        str | None,
        typer.Option(
            help="Instruments, highest first, such as 'flute,guitar', or an ensemble: choir, "
            "quartet, winds, brass, piano, organ, harpsichord, guitar, duo, band or jazz."
        ),
    ] = None,
    drums: Annotated[
        bool | None,
        typer.Option(
            "--drums/--no-drums",
            help="Add a drum kit, or leave it out. [default: as the style or the plan has it]",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Root seed; the same seed gives the same bytes.")] = 1,
    plan: Annotated[
        Path | None,
        typer.Option(help="Plan to follow (TOML); what it leaves out the grammar fills in."),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="What writes the notes: transformer (a learned model) or rules.")
    ] = "transformer",
    repair: Annotated[
        bool, typer.Option(help="Mend what breaks rules or departs from the plan.")
    ] = True,
    repairs: Annotated[int, typer.Option(help="Places that are mended at most.")] = 32,
    warnings: Annotated[
        bool, typer.Option("--warnings", help="Mend warnings too, not only errors; takes longer.")
    ] = False,
    soundfont: Annotated[
        str | None, typer.Option(help="SoundFont, by name or path. [default: TimGM6mb]")
    ] = None,
    sample_rate: Annotated[int, typer.Option(help="Samples per second.")] = 44100,
    loudness: Annotated[float, typer.Option(help="Loudness of the mix in LUFS.")] = -16.0,
    stems: Annotated[bool, typer.Option("--stems", help="Write a WAV of each track too.")] = False,
    audio: Annotated[bool, typer.Option(help="Render sound.")] = True,
    page: Annotated[bool, typer.Option(help="Write index.html.")] = True,
    refine: Annotated[
        bool,
        typer.Option(
            help="Refine the sound with the network that ships, if one does that is better than "
            "plain effects."
        ),
    ] = True,
    refine_mode: Annotated[
        str | None,
        typer.Option(
            help="What refines: effects, mapper or tokens. [default: what measured best of what "
            "ships]"
        ),
    ] = None,
    production: Annotated[
        str | None,
        typer.Option(
            help="Write produced.wav too, in this style (`hybrid production list`) or TOML file."
        ),
    ] = None,
    strength: Annotated[float, typer.Option(help="How far the production goes, 0 to 1.")] = 1.0,
    plan_only: Annotated[
        bool, typer.Option("--plan-only", help="Write plan.toml, to edit, and nothing else.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a folder that is not a piece of ours.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Compose a piece: form, plan, notes, check, repair, sound, page.

    Writes piece.mid, piece.musicxml, piece.wav, plan.toml, analysis.json, trace.json,
    provenance.json and a self-contained index.html; with --production also produced.wav.
    """
    from hybrid.cli.progress import progress
    from hybrid.core.errors import ConfigError
    from hybrid.pipeline import compose
    from hybrid.saving import SaveOptions, save

    players = tuple(name.strip() for name in (instruments or "").split(",") if name.strip())
    if instruments is not None and not players:
        raise ConfigError(f"instruments must name one or more, got {instruments!r}")
    options = SaveOptions(
        audio=audio,
        page=page,
        stems=stems,
        soundfont=soundfont,
        sample_rate=sample_rate,
        loudness_lufs=loudness,
        production=production,
        strength=strength,
        refine_mode=refine_mode,
        refine=refine,
        force=force,
    )
    with progress(quiet) as show:
        piece = compose(
            form=form,
            style=style,
            key=key,
            metre=metre,
            tempo_qpm=tempo,
            minutes=minutes,
            texture=texture,
            instruments=players,
            seed=seed,
            plan=plan,
            drums=drums,
            engine=engine,
            fill=not plan_only,
            repairs=repairs if repair else 0,
            warnings=warnings,
            progress=show,
        )
        written = save(piece, output, options, progress=show)
    typer.echo(f"{output}: {piece.headline}")
    for remark in piece.remarks:
        typer.echo(f"  {remark}")
    width = max(len(item.name) for item in written)
    for item in written:
        typer.echo(f"  {item.name:<{width}}  {item.description}")


def forms() -> None:
    """List the forms that `compose --form` knows, and what each is."""
    from hybrid.grammar.forms import FORMS

    width = max(len(name) for name in FORMS)
    for name, form in FORMS.items():
        typer.echo(f"{name:<{width}}  {form.description}")
