"""The dice waltz that is sold under Mozart's name: two dice, eleven rows, sixteen columns."""

from __future__ import annotations

import numpy as np

from hybrid.core.pitch import Key
from hybrid.core.score import TICKS_PER_QUARTER, KeySignature
from hybrid.core.timeline import Metre
from hybrid.history.barbook import load_bars, load_tables
from hybrid.history.dice import Player, dice_panels, dice_parameter, n_pieces, number_table, throw
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Machine
from hybrid.history.parameters import Parameter, Values

METRES = {"waltz": "3/8", "contredanse": "2/4"}


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Throw sixteen times and string the bars together."""
    game = values.text("game")
    numbers, bars = load_tables()[game], load_bars(game)
    thrown = throw(values.text("dice"), 2, numbers.n_columns, rng)
    ledger = Ledger()
    ledger.track("right hand", program=6, clef="treble")
    ledger.track("left hand", program=6, clef="bass")
    metre = Metre.parse(METRES[game])
    player = Player(ledger, ("right hand", "left hand"), metre.bar_ticks(TICKS_PER_QUARTER))
    dice, chances = dice_panels(2)
    table = number_table("table", "Table of numbers", numbers)
    rolls: list[int] = []
    chosen: list[int] = []
    half = numbers.n_columns // 2
    # The print gives bar 8 a first ending that leads back, so its first half is played twice.
    order = [*range(half)] if values.flag("repeat") else []
    order += range(numbers.n_columns)
    for place, column in enumerate(order):
        result = thrown[column]
        number = numbers.bar(result.total, column)
        is_again = column < half and place >= half and values.flag("repeat")
        if not is_again:
            rolls.append(player.roll(result, f"dice {values.text('dice')}", player.now))
            chosen.append(number)
        others = [
            f"bar {row[column]} for {numbers.first + at}"
            for at, row in enumerate(numbers.rows)
            if row[column] != number
        ]
        is_first_ending = values.flag("repeat") and place == half - 1
        player.step(
            result,
            table,
            numbers,
            column,
            f"Bar {column + 1}{' again' if is_again else ''}: {result.text} leads to bar {number} "
            f"of the book{', with the ending that goes back' if is_first_ending else ''}.",
            chances,
        )
        player.bar(number, bars[number], rolls[column], others, ending=0 if is_first_ending else 1)
        player.now += player.bar_ticks
    n_different = n_pieces(numbers, bars)
    score, trace = ledger.close(
        title=f"{game.capitalize()} by two dice",
        qpm=84.0 if game == "waltz" else 88.0,
        metre=metre.name,
        keys=(KeySignature(0, Key.parse("C major")),),
        counts={"throws": len(thrown), "different pieces": n_different},
    )
    facts = (
        ("Bars of the book", " ".join(map(str, chosen))),
        ("Different pieces", f"{n_different:,}".replace(",", " ")),
    )
    return Demonstration(score, trace, Machine((dice, chances, table), tuple(player.steps)), facts)


EXHIBIT = Exhibit(
    name="dice-waltz",
    title="A waltz by two dice",
    year="1790–1793",
    people=("anonymous, sold as W. A. Mozart",),
    summary="Two dice pick sixteen bars out of 176: no two evenings need hear the same waltz.",
    story=(
        "A table has a row for each total of two dice and a column for each bar of a waltz. Who "
        "throws looks up a number and plays the bar of that number. All eleven bars of a column do "
        "the same harmonic work, so that any of them can follow any of the column before: the "
        "composing was done once, in the making of the book.",
        "Bar 8 sounds the same whatever is thrown, and bar 16 has only two texts. So there are "
        "eleven to the power of fourteen, times two: 759 499 667 166 482 different waltzes, not "
        "eleven to the sixteenth. And because two dice make seven six times as often as two, some "
        "of them are far more likely than others.",
        "The game was printed by Rellstab in Berlin about 1790 and under Mozart's name from 1793. "
        "That he wrote it is not proved: the Köchel catalogue lists it among the doubtful works "
        "(Anh. C 30.01). K. 516f, which is often named instead, is a leaf of two-bar melodies "
        "keyed to letters and has no dice.",
    ),
    parameters=(
        dice_parameter(2, 16),
        Parameter(
            "game", "waltz", "Which of the two books is played.", choices=("waltz", "contredanse")
        ),
        Parameter("repeat", True, "Play the first half twice, with both endings of bar 8."),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "number table", "faithful", "source", "The table of the prints, every bar number once."
        ),
        Fidelity(
            "music of the waltz",
            "faithful",
            "source",
            "The notes of the 176 bars; four encodings were compared and where they differ the "
            "majority is followed. The print itself was not at hand: two notes stay undecided "
            "(left hand of bars 122 and 138).",
        ),
        Fidelity(
            "music of the contredanse",
            "faithful",
            "source",
            "The notes of the 176 bars after one encoding, not checked against a second.",
        ),
        Fidelity(
            "two dice", "faithful", "source", "Totals 2 to 12 with their unequal chances (2d6)."
        ),
        Fidelity("uniform", "invented", "ours", "Every row equally likely, to compare with."),
        Fidelity(
            "repeat",
            "simplified",
            "source",
            "The first half is played twice, since bar 8 has two endings; the second half once.",
        ),
        Fidelity(
            "tempo, loudness, instrument",
            "invented",
            "ours",
            "The prints name none; a harpsichord plays.",
        ),
    ),
    citations=(
        "Anleitung zum Componiren von Walzern vermittelst zweier Würfel (c. 1790). Rellstab, "
        "Berlin; under Mozart's name Hummel, Berlin and Amsterdam 1793, and Simrock, Bonn.",
        "Köchel catalogue, Anhang C 30.01 (third edition: Anh. 294d), doubtful works.",
        "Noguchi, H. (1990). Mozart: Musical game in C, K. 516f. Mitteilungen der ISM 38.",
        "Encodings compared: J. L. A. Uro, mdginabc2svg (CC BY 4.0); R. Harms, musical-games.",
    ),
    exercises=(
        "Set `--dice 7` and look at the bars: why is 104 157 27 167 the likeliest beginning?",
        "Make ten waltzes with `2d6` and ten with `uniform`. In which do bars recur?",
        "Find the function of each column: play all eleven bars of column 6, one after another.",
        "Which two bars of column 16 differ, and by what? Compare `--dice 2` and `--dice 7`.",
        "How many bits of chance does a waltz hold under `2d6`? And under `uniform`?",
    ),
)
