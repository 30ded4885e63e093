"""Kirnberger's ready composer of minuets: the first printed dice game, one die."""

from __future__ import annotations

import numpy as np

from hybrid.core.pitch import Key
from hybrid.history.dice import dice_parameter
from hybrid.history.dice_dances import Dance, throw_dances
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.parameters import Parameter, Values

DANCES = (
    Dance("minuet", "kirnberger_menuet", "kirnberger_menuet", "dice", 1, Key.parse("D major")),
    Dance("trio", "kirnberger_trio", "kirnberger_trio", "trio_die", 1, Key.parse("D minor")),
)


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Throw minuet and trio."""
    return throw_dances(DANCES, "Minuet and trio by one die", values, rng)


EXHIBIT = Exhibit(
    name="dice-kirnberger",
    title="The ever-ready composer of minuets",
    year="1757",
    people=("Johann Philipp Kirnberger",),
    summary="The first dice game in print: one die, six rows, a minuet in D and a trio in D minor.",
    story=(
        "Johann Philipp Kirnberger, a pupil of Bach, published “The ever-ready composer of "
        "polonaises and minuets” in Berlin in 1757. A die with six faces needs six rows, so that "
        "every bar of a column is equally likely: unlike the later games with two dice, chance is "
        "fair here.",
        "He explains how such a book is made. Compose a minuet; then write five more to the same "
        "bass; then take them apart. Each column is six ways to say one harmony.",
        "The polonaise of the same print is left out: in the table at hand two bars never occur "
        "and two occur twice, so some of its cells must be wrong.",
    ),
    parameters=(
        dice_parameter(1, 16),
        dice_parameter(1, 16, "trio_die"),
        Parameter("da_capo", True, "Play the minuet again after the trio."),
    ),
    make=make,
    fidelity=(
        Fidelity("number tables", "faithful", "source", "Six rows each, every bar number once."),
        Fidelity(
            "music",
            "faithful",
            "source",
            "The notes of 96 and 96 bars after one encoding; no second was at hand to check it, "
            "nor the print.",
        ),
        Fidelity(
            "one die",
            "simplified",
            "memory",
            "The print allows two dice as well, with rows for 2 to 12 made from the six.",
        ),
        Fidelity("polonaise", "simplified", "computed", "Left out, since its table has errors."),
        Fidelity("how it was made", "simplified", "memory", "Told after his preface, unchecked."),
        Fidelity("keys, tempo, instrument", "invented", "ours", "Read off the bars, and chosen."),
    ),
    citations=(
        "Kirnberger, J. P. (1757). Der allezeit fertige Polonoisen- und Menuettencomponist. "
        "Winter, Berlin.",
        "Encoding compared: R. Harms, musical-games.",
    ),
    exercises=(
        "Set `dice=1`, then `dice=2`, up to 6: six minuets as they were composed. Which is best?",
        "Compare chance here (`hybrid demo list dice-kirnberger`) with two dice in the waltz.",
        "The trio writes two voices in the right hand. Look for parallel thirds and sixths: why "
        "are they safe to mix?",
    ),
)
