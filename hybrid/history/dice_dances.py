"""Minuet, trio and minuet again, each thrown from a table of its own: what two dice games share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid.core.pitch import Key
from hybrid.core.score import TICKS_PER_QUARTER, KeySignature, Marker
from hybrid.core.timeline import Metre
from hybrid.history.barbook import load_bars, load_tables
from hybrid.history.dice import Player, dice_panels, n_pieces, number_table, throw
from hybrid.history.exhibit import Demonstration
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Machine
from hybrid.history.parameters import Values


@dataclass(frozen=True)
class Dance:
    """One dance of a pair.

    Attributes
    ----------
    name : str
        ``minuet`` or ``trio``.
    table : str
        Name of its table of numbers.
    bars : str
        Name of its book of bars.
    setting : str
        Parameter that says how it is thrown.
    n_dice : int
    key : Key
    """

    name: str
    table: str
    bars: str
    setting: str
    n_dice: int
    key: Key


def throw_dances(
    dances: tuple[Dance, ...], title: str, values: Values, rng: np.random.Generator
) -> Demonstration:
    """Throw each dance once; with ``da_capo`` the first is played again at the end."""
    ledger = Ledger()
    ledger.track("right hand", program=6, clef="treble")
    ledger.track("left hand", program=6, clef="bass")
    metre = Metre.parse("3/4")
    player = Player(ledger, ("right hand", "left hand"), metre.bar_ticks(TICKS_PER_QUARTER))
    dice, _ = dice_panels(max(dance.n_dice for dance in dances))
    tables = {
        dance.name: number_table(
            dance.name, f"Table of the {dance.name}", load_tables()[dance.table]
        )
        for dance in dances
    }
    facts, different, keys, markers = [], 1, [], []
    rolls: dict[tuple[str, int], int] = {}
    thrown = {
        dance.name: throw(
            values.text(dance.setting), dance.n_dice, load_tables()[dance.table].n_columns, rng
        )
        for dance in dances
    }
    order = [*dances, dances[0]] if values.flag("da_capo") else list(dances)
    for place, dance in enumerate(order):
        numbers, bars = load_tables()[dance.table], load_bars(dance.bars)
        is_again = place >= len(dances)
        keys.append(KeySignature(player.now, dance.key))
        markers.append(Marker(player.now, dance.name.capitalize()))
        chosen = []
        for column, result in enumerate(thrown[dance.name]):
            number = numbers.bar(result.total, column)
            chosen.append(number)
            if not is_again:
                rolls[dance.name, column] = player.roll(
                    result, f"dice {values.text(dance.setting)}", player.now
                )
            others = [
                f"bar {row[column]} for {numbers.first + at}"
                for at, row in enumerate(numbers.rows)
                if row[column] != number
            ]
            player.step(
                result,
                tables[dance.name],
                numbers,
                column,
                f"{dance.name.capitalize()}{' again' if is_again else ''}, bar {column + 1}: "
                f"{result.text} leads to bar {number} of its book.",
            )
            player.bar(number, bars[number], rolls[dance.name, column], others)
            player.now += player.bar_ticks
        if not is_again:
            facts.append((f"Bars of the {dance.name}", " ".join(map(str, chosen))))
            different *= n_pieces(numbers, bars)
    score, trace = ledger.close(
        title=title,
        qpm=108.0,
        metre="3/4",
        keys=tuple(
            item
            for at, item in enumerate(keys)
            if at == 0 or item.key.fifths != keys[at - 1].key.fifths
        ),
        markers=tuple(markers),
        counts={"throws": sum(map(len, thrown.values())), "different pieces": different},
    )
    facts.append(("Different pieces", f"{different:.3g}" if different > 10**16 else str(different)))
    machine = Machine((dice, *tables.values()), tuple(player.steps))
    return Demonstration(score, trace, machine, tuple(facts))
