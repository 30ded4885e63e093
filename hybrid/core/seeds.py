"""Random generators derived from one seed and the name of the stage that draws.

A stage's stream depends only on the root seed and on its own name, so a stage added
later leaves the music of the others unchanged.
"""

from __future__ import annotations

import hashlib

import numpy as np

from hybrid.core.errors import ConfigError

MAX_SEED = 2**63 - 1


def check_seed(seed: int) -> int:
    """Return ``seed`` if it is a whole number in 0..2**63 - 1.

    Raises
    ------
    ConfigError
        Otherwise.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise ConfigError(f"seed must be a whole number, got {seed!r}")
    if not 0 <= seed <= MAX_SEED:
        raise ConfigError(f"seed must be in 0..{MAX_SEED}, got {seed}")
    return int(seed)


def stage_rng(seed: int, *names: str | int) -> np.random.Generator:
    """Make the generator of one stage.

    Parameters
    ----------
    seed : int
        Root seed, 0..2**63 - 1.
    *names : str or int
        What draws: a stage's name, then what tells its streams apart
        (``stage_rng(7, "rules", "bar", 12)``).

    Examples
    --------
    >>> int(stage_rng(7, "form").integers(1000)) == int(stage_rng(7, "form").integers(1000))
    True
    """
    text = "/".join([str(check_seed(seed)), *(str(name) for name in names)])
    digest = hashlib.sha256(text.encode()).digest()
    words = np.frombuffer(digest, dtype="<u4")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words.tolist())))
