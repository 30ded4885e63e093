"""``hybrid doctor``: what is installed, what is missing, and the command that mends it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import typer

MARKS = {"ok": "ok     ", "missing": "MISSING", "absent": "absent "}


@dataclass(frozen=True)
class Check:
    """One thing looked at. ``missing`` stops composing, ``absent`` only leaves something out."""

    name: str
    state: str
    detail: str
    mend: str = ""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor() -> None:
    """Say what is installed and what is missing, with the command that mends it.

    Exit status 1 if something that composing needs is missing.
    """
    fatal = False
    for check in examine():
        typer.echo(f"{MARKS[check.state]}  {check.name}: {check.detail}")
        if check.mend:
            typer.echo(f"         -> {check.mend}")
        fatal = fatal or check.state == "missing"
    if fatal:
        raise typer.Exit(1)


def examine() -> Iterator[Check]:
    """Every check, in the order in which a piece comes to need it."""
    yield _python()
    yield from _packages()
    yield _player()
    yield from _soundfonts()
    yield _corpora()
    yield _accelerator()


def _python() -> Check:
    return Check("python", "ok", ".".join(str(part) for part in sys.version_info[:3]))


def _packages() -> Iterator[Check]:
    import re
    from importlib import metadata

    try:
        required = metadata.requires("hybrid-composer") or []
    except metadata.PackageNotFoundError:
        yield Check("hybrid", "missing", "runs from a folder, not installed", "pip install .")
        return
    for requirement in required:
        if "extra ==" in requirement:
            continue
        match = re.match(r"[\w.-]+", requirement)
        assert match is not None
        name = match[0]
        try:
            yield Check(name, "ok", metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Check(name, "missing", f"{requirement} is needed", f"pip install '{requirement}'")


def _player() -> Check:
    import ctypes.util

    found = ctypes.util.find_library("fluidsynth")
    if found:
        return Check("libfluidsynth", "ok", found)
    return Check(
        "libfluidsynth",
        "absent",
        "not found; the fallback player (symusic) is used and says so",
        "apt-get install libfluidsynth3",
    )


def _soundfonts() -> Iterator[Check]:
    from hybrid.render import find_soundfonts

    found = find_soundfonts()
    for font in found:
        yield Check("SoundFont", "ok", f"{font.name} ({font.licence})")
    if not found:
        yield Check("SoundFont", "missing", "none found", "pip install pretty_midi")


def _corpora() -> Check:
    from hybrid.io.corpora import is_fetched, list_corpora

    names = [corpus.name for corpus in list_corpora()]
    there = [name for name in names if is_fetched(name)]
    detail = f"{len(there)} of {len(names)} fetched; only training and tests need them"
    if len(there) == len(names):
        return Check("corpora", "ok", detail)
    return Check("corpora", "absent", detail, "hybrid corpora list; hybrid corpora fetch NAME")


def _accelerator() -> Check:
    import torch

    if torch.cuda.is_available():
        return Check("GPU", "ok", torch.cuda.get_device_name(0))
    return Check("GPU", "absent", "none; everything runs on the CPU")
