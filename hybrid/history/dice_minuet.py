"""Stadler's minuet with trio, later sold as Haydn's: two dice, then one."""

from __future__ import annotations

import numpy as np

from hybrid.core.pitch import Key
from hybrid.history.dice import dice_parameter
from hybrid.history.dice_dances import Dance, throw_dances
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.parameters import Parameter, Values

DANCES = (
    Dance("minuet", "waltz", "stadler_menuet", "dice", 2, Key.parse("D major")),
    Dance("trio", "stadler_trio", "stadler_trio", "trio_die", 1, Key.parse("G major")),
)


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Throw minuet and trio."""
    return throw_dances(DANCES, "Minuet with trio by dice", values, rng)


EXHIBIT = Exhibit(
    name="dice-minuet",
    title="A minuet with trio by dice",
    year="1780",
    people=("Maximilian Stadler", "sold as Joseph Haydn"),
    summary="Two dice throw a minuet and one die its trio: a second book behind one famous table.",
    story=(
        "The minuet is thrown with two dice from 176 bars, the trio with one die from 96. Then the "
        "minuet is played again, as the dance wants it.",
        "Its table of numbers is the very one of the dice waltz, but the book behind it holds "
        "other music. So the table proves nothing about who wrote the bars: publishers took it "
        "from each other. This book is Maximilian Stadler's, of about 1780; in Naples it was sold "
        "in 1790 as a “Gioco filarmonico” by Haydn.",
        "Listen for the seams. Within a column every bar has the same chord under it, but not the "
        "same figure: chance mixes triplets, dotted notes and running sixteenths that no composer "
        "would set side by side.",
    ),
    parameters=(
        dice_parameter(2, 16),
        dice_parameter(1, 16, "trio_die"),
        Parameter("da_capo", True, "Play the minuet again after the trio."),
    ),
    make=make,
    fidelity=(
        Fidelity("number tables", "faithful", "source", "Minuet 2d6, trio one die, as printed."),
        Fidelity(
            "music",
            "faithful",
            "source",
            "The notes of 176 and 96 bars after one encoding; no second was at hand to check it, "
            "nor the print.",
        ),
        Fidelity("minuet again", "simplified", "memory", "As custom has it, without repeats."),
        Fidelity("keys", "simplified", "ours", "Signatures of D and G major, read off the bars."),
        Fidelity("tempo, instrument", "invented", "ours", "The print names none that we know."),
    ),
    citations=(
        "Stadler, M. (c. 1780). Table pour composer des minuets et des trios à la infinie, avec "
        "deux dez à jouer. As Haydn: Gioco filarmonico, Naples 1790.",
        "Encoding compared: R. Harms, musical-games.",
    ),
    exercises=(
        "Compare it with the waltz: `hybrid demo compare dice-minuet dice-waltz --set dice=7`. The "
        "numbers are the same; what else is?",
        "Set `trio_die=6` and `trio_die=1`. Which bars of the trio sound alike?",
        "Find a place where two bars follow each other badly. Which rule of melody do they break?",
    ),
)
