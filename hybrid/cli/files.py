"""Files that the user names: what is read is text, what is written is not what was read."""

from __future__ import annotations

from pathlib import Path

from hybrid.core.errors import ConfigError, FormatError


def read_text(path: Path) -> str:
    """Text of a file.

    Raises
    ------
    FormatError
        If it cannot be read or is no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: must be text in UTF-8, got byte {error.object[error.start]:#04x} "
            f"at place {error.start}"
        ) from error


def another(target: Path, source: Path) -> Path:
    """The target, if writing it does not destroy what is read.

    Raises
    ------
    ConfigError
        If both are one file.
    """
    if target.is_file() and source.is_file() and target.samefile(source):
        raise ConfigError(f"output must be another file than the one that is read, got {target}")
    return target


def drawing(target: Path) -> Path:
    """The target of a drawing.

    Raises
    ------
    ConfigError
        If its name does not end in ``.svg``; a score or a text would be overwritten.
    """
    if target.suffix.lower() != ".svg":
        raise ConfigError(f"a drawing's file must end in .svg, got {str(target)!r}")
    return target
