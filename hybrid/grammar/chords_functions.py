"""From degrees in a row, as harmony grammars derive them, to chords that four voices can have.

A harmony grammar says ``ii V I``; which inversion and whether with a seventh is left open. The
choice is a walk through the tables of `hybrid.grammar.chords` in which every slot offers the
forms of its degree. Where a grammar puts two degrees side by side that no table has, the step
is possible between consonant chords only, so that no seventh is left hanging.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from hybrid.core.pitch import Key
from hybrid.core.plan import PlanChord
from hybrid.core.timeline import Metre
from hybrid.grammar.chords_habits import PLAIN, Before, ChordStyle
from hybrid.grammar.chords_phrase import slot_at
from hybrid.grammar.chords_walk import PhraseTask, draw_chords

#: Forms in which a degree may appear, best known first.
FORMS_OF: dict[str, tuple[str, ...]] = {
    "I": ("I", "I6"),
    "i": ("i", "i6"),
    "ii": ("ii6", "ii65", "ii", "ii7", "ii42"),
    "iio": ("iio6", "iiø65", "iiø42"),
    "bII": ("N6",),
    "iii": ("iii",),
    "III": ("III",),
    "IV": ("IV", "IV6"),
    "iv": ("iv", "iv6"),
    "V": ("V", "V7", "V6", "V65", "V43", "V42"),
    "vi": ("vi",),
    "VI": ("VI",),
    "VII": ("VII",),
    "viio": ("viio6", "viiø7", "viio7", "viio65"),
    "V/ii": ("V7/ii", "V65/ii"),
    "viio/ii": ("viio7/ii",),
    "V/III": ("V7/III", "V65/III"),
    "V/IV": ("V7/IV", "V65/IV", "V42/IV"),
    "V/iv": ("V7/iv", "V65/iv", "V42/iv"),
    "V/V": ("V7/V", "V65/V"),
    "viio/V": ("viio7/V",),
    "V/vi": ("V7/vi", "V65/vi"),
}


@dataclass(frozen=True)
class Degree:
    """A degree with its time.

    Attributes
    ----------
    name : str
        A key of `FORMS_OF`.
    key : Key
        In which it is read.
    duration : Fraction
        Quarters.
    """

    name: str
    key: Key
    duration: Fraction


def voice_degrees(
    degrees: Sequence[Degree],
    home: Key,
    metre: Metre,
    rng: np.random.Generator,
    *,
    cadence: str = "none",
    style: ChordStyle = PLAIN,
    before: Before | None = None,
) -> tuple[PlanChord, ...]:
    """Choose inversions and sevenths for degrees in a row.

    Parameters
    ----------
    degrees : sequence of Degree
    home : Key
        Of the phrase: chords in other keys name theirs.
    cadence : str
        Its last chords stand in root position.

    Raises
    ------
    PlanError
        If the degrees do not end in that cadence.

    Examples
    --------
    >>> two = [Degree(n, Key.parse("C"), Fraction(2)) for n in ("I", "ii", "V", "I")]
    >>> chords = voice_degrees(two, Key.parse("C"), Metre.parse("4/4"),
    ...     np.random.default_rng(0), cadence="PAC")
    >>> [chord.numeral for chord in chords][-1], len(chords)
    ('I', 4)
    """
    slots = []
    onset = Fraction(0)
    path: list[Key] = []
    at_key: dict[int, int] = {}
    for place, degree in enumerate(degrees):
        slots.append(slot_at(onset, degree.duration, metre))
        onset += degree.duration
        if not path or path[-1] != degree.key:
            path.append(degree.key)
        at_key[place] = len(path) - 1
    task = PhraseTask(
        home,
        tuple(slots),
        cadence,
        style=style,
        before=before,
        opening="free",
        keys=tuple(path),
        at_key=at_key,
        allowed={place: FORMS_OF[degree.name] for place, degree in enumerate(degrees)},
    )
    return draw_chords(task, rng)


def reduce_numeral(numeral: str) -> str:
    """The degree of a chord without inversion and seventh: ``V65/ii`` is ``V/ii``.

    >>> [reduce_numeral(n) for n in ("V65/ii", "iiø65", "viio7", "N6", "Cad64", "I6")]
    ['V/ii', 'iio', 'viio', 'bII', 'V', 'I']
    """
    for degree, forms in FORMS_OF.items():
        if numeral in forms:
            return degree
    head, slash, of = numeral.partition("/")
    if head == "Cad64":  # prolongs the dominant that it goes to
        return "V"
    return head.rstrip("0123456789").replace("ø", "o") + slash + of
