"""Hybrid: grammars plan the form, engines write the notes, checkers prove them, players sound them.

import hybrid

piece = hybrid.compose(form="rondo", key="G minor", minutes=2, seed=7)
print(piece.headline)
hybrid.save(piece, "out")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybrid.pipeline import compose
    from hybrid.saving import SaveOptions, save

__version__ = "0.1.0"
__all__ = ["SaveOptions", "__version__", "compose", "save"]


def __getattr__(name: str) -> Any:
    # Loaded when asked for, so that `import hybrid` costs nothing.
    if name == "compose":
        from hybrid.pipeline import compose

        return compose
    if name in ("SaveOptions", "save"):
        from hybrid import saving

        return getattr(saving, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
