"""``hybrid demo``: the living history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hybrid.report.exhibition import Demo, DemoOptions


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME | list [NAME] | compare A B | all",
            help="An exhibit; or the list of them (of one: its parameters), two side by side, all.",
        ),
    ],
    seed: Annotated[int, typer.Option(help="Root seed; the same seed gives the same bytes.")] = 1,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Set a parameter; with compare, KEY of both or A.KEY, 1.KEY, 2.KEY of one.",
        ),
    ] = None,
    dice: Annotated[
        str | None, typer.Option(help="Same as --set dice=...: 2d6, uniform or totals 4,7,...")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Folder; it appears whole or not at all. [default: demo-NAME]"
        ),
    ] = None,
    audio: Annotated[bool, typer.Option(help="Render sound.")] = True,
    page: Annotated[bool, typer.Option(help="Write index.html.")] = True,
    soundfont: Annotated[
        str | None, typer.Option(help="SoundFont, by name or path. [default: TimGM6mb]")
    ] = None,
    workers: Annotated[int, typer.Option(help="With all: exhibits made at the same time.")] = 2,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a folder that is not ours.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")] = False,
) -> None:
    """Run a technique of the history: see it, hear it, step through it.

    Writes piece.mid, piece.musicxml, piece.wav, trace.json, provenance.json and a self-contained
    index.html with the score, the piano roll, the machine at work and every decision.
    """
    from hybrid.core.errors import ConfigError

    given = _read_settings([*(settings or []), *([f"dice={dice}"] if dice is not None else [])])
    word, *names = what
    if word == "list":
        _refuse_more(names, 1, "list")
        _list(names[0] if names else None)
        return
    from hybrid.report.exhibition import DemoOptions

    options = DemoOptions(audio=audio, page=page, soundfont=soundfont, force=force)
    if word == "all":
        _refuse_more(names, 0, "all")
        if given:
            raise ConfigError(f"demo all takes no --set, got {next(iter(given))!r}")
        _write_all(output or Path("demos"), seed, options, workers, quiet)
    elif word == "compare":
        if len(names) != 2:
            raise ConfigError(f"demo compare must be given two exhibits, got {len(names)}")
        _compare(names, given, seed, output or Path("demo-compare"), options, quiet)
    else:
        _refuse_more(names, 0, word)
        _write_one(word, given, seed, output or Path(f"demo-{word}"), options, quiet)


def _read_settings(texts: list[str]) -> dict[str, str]:
    from hybrid.core.errors import ConfigError

    given: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise ConfigError(f"--set must be given KEY=VALUE, got {text!r}")
        if name.strip() in given:
            raise ConfigError(f"--set must name each parameter once, got {name.strip()!r} again")
        given[name.strip()] = value
    return given


def _refuse_more(names: list[str], most: int, word: str) -> None:
    from hybrid.core.errors import ConfigError

    if len(names) > most:
        raise ConfigError(f"demo {word} takes {most} names at most, got {names[most]!r} as well")


def _list(name: str | None) -> None:
    from hybrid.history.registry import exhibit_labels, load_exhibit

    if name is None:
        for label in exhibit_labels():
            typer.echo(f"{label.year[:4]}  {label.name:<24} {label.summary}")
        return
    exhibit = load_exhibit(name)
    typer.echo(f"{exhibit.title} ({', '.join(exhibit.people)}, {exhibit.year})")
    typer.echo(exhibit.summary)
    for item in exhibit.parameters:
        shown = str(item.default).lower() if isinstance(item.default, bool) else item.default
        typer.echo(f"  {item.name}={shown}  {item.meaning} ({item.range_text})")


def _made(name: str, seed: int, given: dict[str, str]) -> Demo:
    from hybrid.report.exhibition import make_demo

    return make_demo(name, seed, **given)


def _write_one(
    name: str,
    given: dict[str, str],
    seed: int,
    output: Path,
    options: DemoOptions,
    quiet: bool,
) -> None:
    from hybrid.cli.progress import progress
    from hybrid.report.exhibition import write_demo

    with progress(quiet) as show:
        show("notes", 0.0)
        made = _made(name, seed, given)
        files = write_demo(made, output, options, show)
    typer.echo(made.headline)
    typer.echo(f"{output}: {', '.join(files)}")


def _compare(
    names: list[str],
    given: dict[str, str],
    seed: int,
    output: Path,
    options: DemoOptions,
    quiet: bool,
) -> None:
    from hybrid.cli.progress import progress
    from hybrid.core.errors import ConfigError
    from hybrid.report.exhibition import write_comparison

    sides: list[dict[str, str]] = [{}, {}]
    for key, value in given.items():
        owner, dot, name = key.partition(".")
        for number, side in enumerate(sides):
            if not dot:
                side[key] = value
            elif owner in (str(number + 1), names[number]):
                side[name] = value
        if dot and owner not in ("1", "2", *names):
            raise ConfigError(f"--set must name 1, 2, {' or '.join(names)}, got {owner!r} in {key}")
    with progress(quiet) as show:
        show("notes", 0.0)
        first, second = (_made(name, seed, side) for name, side in zip(names, sides, strict=True))
        files = write_comparison(first, second, output, options, show)
    typer.echo(first.headline)
    typer.echo(second.headline)
    typer.echo(f"{output}: {len(files)} files; open index.html")


def _write_all(output: Path, seed: int, options: DemoOptions, workers: int, quiet: bool) -> None:
    from hybrid.cli.progress import progress
    from hybrid.report.exhibition import write_all

    with progress(quiet) as show:
        files = write_all(output, seed, options, workers, show)
    n_exhibits = len({name.split("/")[0] for name in files if "/" in name})
    typer.echo(f"{output}: {n_exhibits} exhibits, {len(files)} files; open index.html")
