"""``hybrid corpora``: the training and test data a user can fetch."""

from __future__ import annotations

import typer

corpora = typer.Typer(
    help="List, describe and fetch the corpora named in corpora/*.toml.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(corpora, name="corpora")
