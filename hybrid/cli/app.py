"""The tree of commands."""

from __future__ import annotations

import typer

import hybrid
from hybrid.cli import (
    analysis,
    coding,
    compose,
    corpora,
    demo,
    doctor,
    drums,
    grammars,
    listening,
    refining,
    repair,
    scores,
    training,
    writing,
)

# Help as plain text: it starts three times as fast as the boxed one and reads well in a pipe.
app = typer.Typer(
    name="hybrid",
    help=(
        "Compose music under promises: grammars plan the form, engines write the notes, "
        "checkers prove them, players sound them."
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hybrid {hybrid.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
    ),
) -> None:
    """Options before any command."""


compose.register(app)
drums.register(app)
writing.register(app)
scores.register(app)
refining.register(app)
coding.register(app)
listening.register(app)
repair.register(app)
analysis.register(app)
grammars.register(app)
corpora.register(app)
demo.register(app)
training.register(app)
doctor.register(app)
