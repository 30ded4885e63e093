"""``hybrid drums``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("drums")(drums)


def drums(
    plan: Annotated[
        Path, typer.Argument(help="Plan (TOML); what it leaves out the grammar fills in.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="MIDI file to write.")] = Path(
        "drums.mid"
    ),
    style: Annotated[
        str | None,
        typer.Option(
            help="Groove: afrobeat, afrocuban, blues, country, dance, funk, gospel, highlife, "
            "hiphop, jazz, latin, middleeastern, neworleans, pop, punk, reggae, rock or soul. "
            "[default: after the plan's style]"
        ),
    ] = None,
    feel: Annotated[
        str, typer.Option(help="How quarters divide: straight, triplet or free.")
    ] = "straight",
    density: Annotated[
        int, typer.Option(help="Strokes a bar, 0 (sparse) to 4; asked of the model.")
    ] = 2,
    fills: Annotated[
        str, typer.Option(help="Where fills are: at the end of sections, of phrases, or none.")
    ] = "sections",
    seed: Annotated[int, typer.Option(help="Root seed; the same seed gives the same bytes.")] = 1,
) -> None:
    """Write drums to a plan with the groove model, and nothing else.

    The model was trained on the Groove MIDI Dataset (CC BY 4.0, Gillick et al. 2019).
    """
    from hybrid.cli.files import another
    from hybrid.core.errors import ConfigError
    from hybrid.core.seeds import stage_rng
    from hybrid.io.midi import write_midi
    from hybrid.pipeline import make_plan
    from hybrid.symbolic_transformer.drums import drum_score, write_drums

    if output.suffix.lower() not in (".mid", ".midi"):
        raise ConfigError(f"drums are written as MIDI, to .mid or .midi, got {str(output)!r}")
    another(output, plan)
    made = make_plan(seed=seed, plan=plan)
    track = write_drums(
        made,
        stage_rng(seed, "drums"),
        style=style,
        feel=feel,
        density=density,
        fills=fills,
    )
    write_midi(drum_score(made, track), output)
    typer.echo(f"{output}: {made.n_bars} bars, {len(track.notes)} strokes")
