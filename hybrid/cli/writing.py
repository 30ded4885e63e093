"""Commands that write notes under what is given: fill, infill, continue, harmonise, accompany."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np

    from hybrid.core.engine import Engine
    from hybrid.core.score import Score
    from hybrid.symbolic_transformer.rewriting import Rewritten

File = Annotated[Path, typer.Argument(help="Score: MIDI, MusicXML (.mxl too), ABC or kern.")]
Melody = Annotated[Path, typer.Argument(help="Melody: the first track of a score file.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="Score file; its suffix names the format. [default: FILE-new.mid]"
    ),
]
Seed = Annotated[int, typer.Option(help="Root seed; the same seed gives the same bytes.")]
EngineName = Annotated[str, typer.Option(help="What writes the notes: transformer or rules.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")]
Chords = Annotated[
    str | None,
    typer.Option(help="Chords, a cell a bar: 'I | IV V | I'. [default: chosen by the grammar]"),
]
KeyName = Annotated[
    str | None, typer.Option(help="Key of the chords. [default: the melody's signature]")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("fill")(fill)
    app.command("infill")(infill)
    app.command("continue")(continue_)
    app.command("harmonise")(harmonise)
    app.command("accompany")(accompany)


def fill(
    plan: Annotated[Path, typer.Argument(help="Plan (TOML); gaps are filled by the grammars.")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Folder to write; it appears whole or not at all."),
    ] = Path("out"),
    seed: Seed = 1,
    engine: EngineName = "transformer",
    audio: Annotated[bool, typer.Option(help="Render sound.")] = True,
    page: Annotated[bool, typer.Option(help="Write index.html.")] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a folder that is not a piece of ours.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Write the notes of a plan: `compose --plan` with the learned model."""
    from hybrid.cli.progress import progress
    from hybrid.pipeline import compose
    from hybrid.saving import SaveOptions, save

    with progress(quiet) as show:
        piece = compose(plan=plan, seed=seed, engine=engine, progress=show)
        options = SaveOptions(audio=audio, page=page, force=force)
        written = save(piece, output, options, progress=show)
    typer.echo(f"{output}: {piece.headline}")
    for remark in piece.remarks:
        typer.echo(f"  {remark}")
    for item in written:
        typer.echo(f"  {item.name:<18}  {item.description}")


def infill(
    file: File,
    bars: Annotated[str, typer.Option(help="Bars to write anew, such as 9-12 or 9.")],
    voices: Annotated[
        str | None,
        typer.Option(help="Tracks or voices to write anew, such as 'alto,tenor'. [default: all]"),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="Plan to follow (TOML). [default: read from the score]")
    ] = None,
    output: Output = None,
    seed: Seed = 1,
    engine: EngineName = "transformer",
    quiet: Quiet = False,
) -> None:
    """Write some bars of a score anew; every other note stays as it is."""
    from hybrid.symbolic_transformer.rewriting import infill as write

    chosen = _bars(bars)
    names = tuple(name.strip() for name in (voices or "").split(",") if name.strip())
    read = None
    if plan is not None:
        from hybrid.io.plan_toml import read_plan

        read = read_plan(plan)

    def work(score: Score, writer: Engine, rng: np.random.Generator) -> Rewritten:
        return write(score, chosen, writer, rng, voices=names, plan=read)

    _rewrite(file, output, seed, engine, quiet, "infill", work)


def continue_(
    file: File,
    bars: Annotated[int, typer.Option(help="Bars to add, 1 to 400.")] = 8,
    cadence: Annotated[
        str, typer.Option(help="How they end: PAC, IAC, HC, PC, DC or none.")
    ] = "PAC",
    output: Output = None,
    seed: Seed = 1,
    engine: EngineName = "transformer",
    quiet: Quiet = False,
) -> None:
    """Go on where a score ends, with harmony from the grammars."""
    from hybrid.symbolic_transformer.rewriting import extend

    def work(score: Score, writer: Engine, rng: np.random.Generator) -> Rewritten:
        return extend(score, bars, writer, rng, cadence)

    _rewrite(file, output, seed, engine, quiet, "continue", work)


def harmonise(
    melody: Melody,
    chords: Chords = None,
    key: KeyName = None,
    instruments: Annotated[
        str, typer.Option(help="Four parts, highest first, or an ensemble.")
    ] = "choir",
    output: Output = None,
    seed: Seed = 1,
    engine: EngineName = "transformer",
    quiet: Quiet = False,
) -> None:
    """Set a melody in four parts; it is the soprano and stays as it is."""
    _set(melody, "chorale", instruments, chords, key, output, seed, engine, quiet)


def accompany(
    melody: Melody,
    chords: Chords = None,
    key: KeyName = None,
    texture: Annotated[
        str, typer.Option(help="Texture, as `hybrid compose --texture` takes it.")
    ] = "homophonic",
    instruments: Annotated[
        str, typer.Option(help="Instruments, the melody's first, or an ensemble.")
    ] = "flute,piano,acoustic bass",
    output: Output = None,
    seed: Seed = 1,
    engine: EngineName = "transformer",
    quiet: Quiet = False,
) -> None:
    """Write an accompaniment to a melody, which stays as it is."""
    _set(melody, texture, instruments, chords, key, output, seed, engine, quiet)


def _set(
    melody: Path,
    texture: str,
    instruments: str,
    chords: str | None,
    key: str | None,
    output: Path | None,
    seed: int,
    engine: str,
    quiet: bool,
) -> None:
    from hybrid.core.pitch import Key
    from hybrid.symbolic_transformer.rewriting import set_melody

    home = None if key is None else Key.parse(key)
    players = tuple(name.strip() for name in instruments.split(",") if name.strip())

    def work(score: Score, writer: Engine, rng: np.random.Generator) -> Rewritten:
        return set_melody(
            score, writer, rng, texture=texture, instruments=players, chords=chords, key=home
        )

    _rewrite(melody, output, seed, engine, quiet, "melody", work)


def _rewrite(
    file: Path,
    output: Path | None,
    seed: int,
    engine: str,
    quiet: bool,
    stage: str,
    work: Callable[[Score, Engine, np.random.Generator], Rewritten],
) -> None:
    """Read a score, let ``work`` take it further, write it and say what is new."""
    from hybrid.cli.files import another
    from hybrid.cli.progress import progress
    from hybrid.core.errors import HybridError
    from hybrid.core.seeds import check_seed, stage_rng
    from hybrid.io.files import format_of, read_score, write_score
    from hybrid.io.straighten import engravable
    from hybrid.pipeline import analyse, make_engine, memorised_by

    target = output or file.with_name(f"{file.stem}-new.mid")
    form = format_of(target)  # before the work
    rng = stage_rng(check_seed(seed), stage, engine)
    with progress(quiet) as show:
        writer = make_engine(engine, show)
        reading = read_score(file)
        for loss in reading.losses:
            typer.echo(f"hybrid: {file.name}: {loss}", err=True)
        try:
            made = work(reading.score, writer, rng)
        except HybridError as error:
            error.args = (f"{file}: {error}", *error.args[1:])
            raise
        shown = made.score
        if form.name != "midi":
            new = [bar for bar in shown.bars if made.first_bar <= bar.number <= made.last_bar]
            span = (new[0].start, new[-1].end)
            shown = engravable(shown, span, reading.score.tracks)
        for loss in write_score(shown, another(target, file)):
            typer.echo(f"hybrid: {target.name}: {loss}", err=True)
    _, agreement = analyse(made.plan, made.score)
    n_notes = made.trace.counts.get("notes", 0)
    typer.echo(
        f"{target}: bars {made.first_bar}-{made.last_bar}, {n_notes} new notes, "
        f"{agreement.chords:.0%} of the plan's chords kept"
    )
    memorised = memorised_by(writer, made.plan, made.score, (made.first_bar, made.last_bar))
    if memorised:
        from hybrid.symbolic_transformer.memorisation import in_words

        typer.echo(f"  {in_words(memorised)}")


def _bars(text: str) -> tuple[int, int]:
    """First and last bar of ``9-12`` or ``9``."""
    from hybrid.core.errors import ConfigError

    first, dash, last = text.partition("-")
    ends = [first.strip(), last.strip() if dash else first.strip()]
    if not all(end.isdigit() for end in ends) or not 1 <= int(ends[0]) <= int(ends[1]):
        raise ConfigError(f"bars must be first and last bar, such as 9-12, got {text!r}")
    return int(ends[0]), int(ends[1])
