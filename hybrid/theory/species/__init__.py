"""Species counterpoint: checks of the rule sets ``fux1`` to ``fux5``.

Every check reads a score from its cantus firmus (`hybrid.theory.species.cantus`). What the
species differ in stands in the rule sets: which rules hold, which note values and figures
they allow.

References
----------
Fux, J. J. (1725). Gradus ad Parnassum. Transl. A. Mann (1965), The Study of Counterpoint.
Norton. Jeppesen, K. (1939). Counterpoint. Transl. G. Haydon. Prentice-Hall.

Notes
-----
Not checked: imitation, the ottava battuta, cross relations between phrases of a mode, the
choice of cadences on other degrees, and counterpoints that each have a species of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hybrid.theory.context import Context, Hit
from hybrid.theory.species.cantus import find_cantus
from hybrid.theory.species.consonance import check_dissonance
from hybrid.theory.species.frame import check_frame
from hybrid.theory.species.line import check_line
from hybrid.theory.species.rhythm import check_rhythm
from hybrid.theory.species.together import check_together

#: Checks and the rules that each of them decides.
SPECIES_CHECKS: tuple[tuple[Callable[[Context], Iterator[Hit]], tuple[str, ...]], ...] = (
    (
        check_dissonance,
        (
            "dissonance",
            "strong_dissonance",
            "weak_dissonance",
            "suspension_preparation",
            "suspension_resolution",
            "suspension_interval",
        ),
    ),
    (
        check_together,
        (
            "direct_perfect",
            "direct_perfect_outer",
            "joint_leap",
            "similar_motion",
            "bar_parallels",
            "imperfect_run",
            "inner_unison",
            "distance",
        ),
    ),
    (
        check_line,
        (
            "melodic_interval",
            "falling_sixth",
            "leap_turn",
            "two_leaps",
            "repeated_tone",
            "compass",
            "summit",
            "tritone_outline",
            "accented_leap",
        ),
    ),
    (check_frame, ("opening", "opening_chord", "closing", "closing_chord", "clausula")),
    (
        check_rhythm,
        (
            "note_values",
            "inner_rest",
            "ligature",
            "eighths",
            "tie_values",
            "rhythm_variety",
            "cadence_suspension",
        ),
    ),
)

__all__ = ["SPECIES_CHECKS", "find_cantus"]
