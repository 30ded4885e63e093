"""The grammars that ship as text files: which there are, and how one is found."""

from __future__ import annotations

from pathlib import Path

from hybrid.core.errors import GrammarError
from hybrid.core.resources import resource_path

#: Folders of the package that hold grammars in the notation of `hybrid.grammar.notation`.
FOLDERS = ("examples", "forms", "learned")


def shipped_grammars() -> dict[str, Path]:
    """Files by their short name (``forms/rondo``), in alphabetical order."""
    found: dict[str, Path] = {}
    for folder in FOLDERS:
        for path in sorted(resource_path("grammar", folder).glob("*.txt")):
            found[f"{folder}/{path.stem}"] = path
    return found


def find_grammar(name: str) -> Path:
    """The file of a grammar, given its path or the name of one that ships.

    A shipped one may be named without its folder where that is unambiguous.

    Raises
    ------
    GrammarError
        If there is none.
    """
    path = Path(name)
    if path.is_file():
        return path
    shipped = shipped_grammars()
    matches = [key for key in shipped if name in (key, key.partition("/")[2])]
    if len(matches) == 1:
        return shipped[matches[0]]
    known = ", ".join(matches or shipped)
    raise GrammarError(f"grammar must be a file or one of {known}, got {name!r}")
