"""Chords of a derivation played on a keyboard: what the harmony grammars share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.chord_player import ChordPlayer, bass_note
from hybrid.history.derivations import Grown
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Step


@dataclass(frozen=True)
class Chord:
    """A chord to be played: numeral, the key it is read in, its length, its leaf in the tree."""

    numeral: str
    key: Key
    ticks: int
    node: int


def play_chords(chords: Sequence[Chord], ledger: Ledger, grown: Grown, home: Key) -> list[Step]:
    """Write chords as broken chords over a bass, and a step for each.

    Parameters
    ----------
    chords : sequence of Chord
    ledger : Ledger
        With the tracks ``right hand`` and ``left hand``.
    grown : Grown
        The derivation's tree.
    home : Key
        Chords in another key say so.
    """
    player = ChordPlayer()
    steps = []
    now = 0
    for chord in chords:
        numeral = RomanNumeral.parse(chord.numeral)
        name = chord.numeral + ("" if chord.key == home else f" in {chord.key.name}")
        way = grown.way(chord.node)
        above = " ‹ ".join(grown.panel.nodes[at][0] for at in way[1:5])
        entry = ledger.decide(
            "chord",
            "grammar",
            f"{name} under {above}",
            tick=now,
            parent=grown.decisions[chord.node],
        )
        _arpeggio(ledger, player, numeral, chord, name, now, entry)
        steps.append(
            Step(
                f"{name} sounds; it stands under {above}.",
                {
                    "tree": grown.panel.grow(len(grown.panel.nodes), way),
                    "rules": grown.rules.upto(len(grown.rules.lines)),
                },
                now,
                now + chord.ticks,
            )
        )
        now += chord.ticks
    return steps


def _arpeggio(
    ledger: Ledger,
    player: ChordPlayer,
    numeral: RomanNumeral,
    chord: Chord,
    name: str,
    now: int,
    parent: int,
) -> None:
    bass, spelling = bass_note(numeral.bass(chord.key))
    ledger.note(
        "left hand",
        now,
        chord.ticks,
        bass,
        maker="chord player",
        choice=f"bass of {name}",
        velocity=78,
        spelling=spelling,
        parent=parent,
    )
    position = player.position(numeral.tones(chord.key))
    eighth = TICKS_PER_QUARTER // 2
    order = [*position, *reversed(position[1:-1])]
    n_notes = max(1, chord.ticks // eighth)
    for at in range(n_notes):
        pitch, spelled = order[at % len(order)]
        onset = at * eighth
        # The last note takes what is left.
        length = chord.ticks - onset if at == n_notes - 1 else eighth
        ledger.note(
            "right hand",
            now + onset,
            length,
            pitch,
            maker="chord player",
            choice=f"a note of {name}, near the chord before",
            velocity=70,
            spelling=spelled,
            parent=parent,
        )
