"""The errors this package raises on purpose.

Every message names the argument, states the rule and shows the value. The command
line prints such a message on one line and exits with status 2; any other exception
is a defect of ours and keeps its traceback.
"""

from __future__ import annotations


class HybridError(Exception):
    """Base of every error that a caller can act on."""


class ScoreError(HybridError, ValueError):
    """A score, or a part of one, breaks a rule of its type."""


class PlanError(HybridError, ValueError):
    """A form plan cannot be read or contradicts itself."""


class ConfigError(HybridError, ValueError):
    """An option or a configuration value is out of its range."""


class FormatError(HybridError, ValueError):
    """A file is not what its name or its header says."""


class GrammarError(HybridError, ValueError):
    """A grammar or an L-system is malformed, or cannot give what is asked of it."""


class RenderError(HybridError, RuntimeError):
    """Sound could not be made: no player, no SoundFont, or a failed write."""


class CorpusError(HybridError, ValueError):
    """A corpus is unknown, missing, or differs from its manifest."""


class ConflictError(HybridError, ValueError):
    """Constraints that cannot all hold.

    Attributes
    ----------
    conflict : tuple of str
        A minimal subset: take any one of them away and the rest can be met.
    """

    def __init__(self, message: str, conflict: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.conflict = conflict
