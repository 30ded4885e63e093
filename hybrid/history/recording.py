"""Sound that an exhibit brings itself: a technique that makes sound, not notes alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True, eq=False)
class Recording:
    """One sound of a demonstration.

    Attributes
    ----------
    name : str
        Of its file: small letters, digits, hyphens.
    title : str
        Shown above its player.
    words : str
        What one hears, one sentence or two.
    audio : Audio or None
        Its first sample is the score's tick 0. None is the score itself, played by the
        synthesizer when the files are written.

    Raises
    ------
    ConfigError
        If the name is none for a file.
    """

    name: str
    title: str
    words: str
    audio: Audio | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name == "piece":
            raise ConfigError(
                "Recording.name must be small letters, digits and hyphens, and not 'piece', "
                f"got {self.name!r}"
            )
