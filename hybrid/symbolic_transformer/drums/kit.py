"""The kit: nine drums, and what other percussion keys count as.

The reduction is the one of Gillick et al. (2019): 22 keys of the Roland TD-11 that the
Groove data were played on become nine classes. Rims, cross stick and the pedal hat lose
their own sound: a rim shot is a snare, the pedal a closed hat.

References
----------
Gillick, J., Roberts, A., Engel, J., Eck, D., & Bamman, D. (2019). Learning to Groove with
Inverse Sequence Transformations. ICML. arXiv:1905.06118 (appendix: mapping of the keys).
General MIDI Level 1 percussion key map.
"""

from __future__ import annotations

from types import MappingProxyType

from hybrid.core.errors import ScoreError

#: The order in which a model writes the drums of one step.
DRUMS = (
    "kick",
    "snare",
    "closed hat",
    "open hat",
    "low tom",
    "mid tom",
    "high tom",
    "crash",
    "ride",
)
N_DRUMS = len(DRUMS)
#: General MIDI key that a drum is written with.
PITCHES = (36, 38, 42, 46, 43, 47, 50, 49, 51)

_KEYS = {
    "kick": (35, 36),
    "snare": (37, 38, 40),
    "closed hat": (22, 42, 44),
    "open hat": (26, 46),
    "low tom": (41, 43, 58),
    "mid tom": (45, 47),
    "high tom": (48, 50),
    "crash": (49, 52, 55, 57),
    "ride": (51, 53, 59),
}
#: Drum number of each MIDI key that belongs to a kit. To the keys of the TD-11 we add the
#: two of General MIDI that it lacks: 35, the other kick, and 41, the lowest tom.
DRUM_OF = MappingProxyType({key: DRUMS.index(name) for name, keys in _KEYS.items() for key in keys})

KICK, SNARE, CLOSED_HAT, OPEN_HAT, LOW_TOM, MID_TOM, HIGH_TOM, CRASH, RIDE = range(N_DRUMS)


def drum_of(pitch: int) -> int:
    """Number of the drum that a MIDI key counts as.

    Raises
    ------
    ScoreError
        If the key is no part of the kit.

    Examples
    --------
    >>> DRUMS[drum_of(44)], DRUMS[drum_of(40)]
    ('closed hat', 'snare')
    """
    try:
        return DRUM_OF[int(pitch)]
    except KeyError:
        known = ", ".join(map(str, sorted(DRUM_OF)))
        raise ScoreError(f"a drum's pitch must be one of {known}, got {pitch}") from None
