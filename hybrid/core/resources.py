"""Where the files that ship with the package lie, in a checkout and in an installed wheel.

The two differ in one point: ``corpora/`` stands at the top of a checkout, beside the
package, and inside the package in a wheel. Everything else is package data that stays
where it is: learned grammars in ``grammar/learned``, weights and their cards beside the
model that reads them.
"""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from hybrid.core.errors import ConfigError

_AT_TOP = frozenset({"corpora"})
"""Folders at the top of a checkout that a wheel keeps in ``hybrid/_data``."""


def resource_path(*parts: str) -> Path:
    """Find a file or a folder that ships with the package.

    Parameters
    ----------
    *parts : str
        The names on the way to it: ``"corpora"`` or a room of the package first, then
        folders, then the file. Each is a single name, so that one given by a user
        cannot lead out of the package.

    Returns
    -------
    Path
        Absolute; it exists. For reading only: the package may be installed read-only.

    Raises
    ------
    ConfigError
        If a part is not a single name, or nothing of that name ships.

    Notes
    -----
    Packages inside zip files are not supported: libraries in C, which read SoundFonts and
    weights, need real files.

    Examples
    --------
    >>> resource_path("grammar").name
    'grammar'
    """
    for part in parts:
        if part in ("", ".", "..") or Path(part).name != part:
            raise ConfigError(f"resource_path parts must be single names, got {part!r}")
    if not parts:
        raise ConfigError("resource_path must be given at least one name, got none")
    package = Path(str(importlib.resources.files("hybrid")))
    # A wheel has the folder _data, a checkout has not; so neither ever looks in the other's place.
    bundled = package / "_data"
    if parts[0] not in _AT_TOP:
        found = package.joinpath(*parts)
    elif bundled.is_dir():
        found = bundled.joinpath(*parts)
    else:
        found = package.parent.joinpath(*parts)
    if not found.exists():
        raise ConfigError(
            f"resource must be one that ships with the package, got {'/'.join(parts)!r} "
            f"(there is no {found})"
        )
    return found
