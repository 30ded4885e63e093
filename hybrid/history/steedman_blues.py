"""Steedman's grammar of the twelve-bar blues."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from hybrid.core.pitch import Key, pitch_class
from hybrid.core.score import TICKS_PER_QUARTER, KeySignature, Marker
from hybrid.history.chord_player import ChordPlayer, bass_note
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Machine, State, Step, Table, Text, Tree
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import chord_name

if TYPE_CHECKING:
    from hybrid.grammar.steedman import Derivation
    from hybrid.grammar.trees import Tree as DerivationTree

BAR = 4 * TICKS_PER_QUARTER
#: Rules in words, as `hybrid.grammar.steedman` numbers them.
RULES = (
    "(1) x → x x: a chord is halved",
    "(2) x → x Sd(x): its second half becomes the subdominant",
    "(3) w x7 → D(x)7 x7: the chord before a seventh becomes its dominant",
    "(4) D(x)7 x → ♭II(x) x: a dominant gives way to the chord a half tone above its goal",
    "(5) x x x → x St M: three equal chords climb",
    "(6) x x St → x ♯x°7 St: a passing diminished chord",
)


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Derive a chorus each time round and play it."""
    from hybrid.grammar.steedman import Chances, derive

    key = Key.parse(values.text("key"))
    chances = Chances(dominant=values.number("dominants"), tritone=values.number("tritones"))
    choruses = [
        derive(rng, minor=key.is_minor, chances=chances, plain_close=True)
        for _ in range(values.integer("choruses"))
    ]
    stage = _Stage(key)
    log = Text(
        "log",
        "Rules applied",
        "A line for each use of a rule in this chorus.",
        lines=(),
    )
    rules = Text("rules", "The rules", "The six rules of the grammar.", lines=RULES)
    for number, chorus in enumerate(choruses, start=1):
        stage.chorus(chorus, number, log, rules, rng)
    last = choruses[-1].symbols(key)
    score, trace = stage.ledger.close(
        title=f"Blues in {key.name}, {len(choruses)} choruses",
        qpm=values.number("tempo"),
        keys=(KeySignature(0, key),),
        markers=tuple(stage.markers),
        counts={"rules applied": sum(len(chorus.steps) for chorus in choruses)},
    )
    facts = (("Chords of the last chorus", str(len(last))), ("Key", key.name))
    return Demonstration(
        score, trace, Machine((*stage.panels, log, rules), tuple(stage.steps)), facts
    )


class _Stage:
    """Plays choruses: chords in the right hand, a walking bass."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.ledger = Ledger()
        self.ledger.track("piano", program=0, clef="treble")
        self.ledger.track("bass", program=32, clef="bass")
        self.player = ChordPlayer()
        self.panels: list[Table | Tree] = []
        self.steps: list[Step] = []
        self.markers: list[Marker] = []
        self.now = 0

    def chorus(
        self, chorus: Derivation, number: int, log: Text, rules: Text, rng: np.random.Generator
    ) -> None:
        """One time round."""
        self.markers.append(Marker(self.now, f"Chorus {number}"))
        names = tuple(map(chord_name, chorus.symbols(self.key)))
        table, places = _chart(number, names, chorus.chords)
        tree, leaf_of = _tree(number, chorus.tree)
        self.panels += [table, tree]
        uses = [
            self.ledger.decide(
                "rule", f"rule {text[1]}", chord_name(text[4:].replace("->", "→")), tick=self.now
            )
            for text in chorus.steps
        ]
        lines = [chord_name(text.replace("->", "→")) for text in chorus.steps]
        for at, text in enumerate(lines):
            window = lines[max(0, at - 11) : at + 1]
            self.steps.append(
                Step(
                    f"Chorus {number}, rule {text}.",
                    {
                        "log": log.say(window, [len(window) - 1]),
                        "rules": rules.upto(len(RULES), [int(text[1]) - 1]),
                        tree.name: tree.grow(7),
                        table.name: table.mark(),
                    },
                )
            )
        numerals = chorus.numerals(self.key)
        for place, (numeral, name, (_, _, bars)) in enumerate(
            zip(numerals, names, chorus.chords, strict=True)
        ):
            length = int(bars * BAR)
            following = numerals[place + 1] if place + 1 < len(numerals) else numerals[0]
            chord = self.ledger.decide(
                "chord",
                "Steedman's grammar",
                f"{name} for {bars} bars",
                tick=self.now,
                # The last rule that was applied closes the derivation.
                parent=uses[-1] if uses else None,
            )
            self._play(numeral, following, length, name, chord, rng)
            states: dict[str, State] = {
                table.name: table.mark(chosen=places[place]),
                tree.name: tree.grow(len(tree.nodes), leaf_of[place]),
                "log": log.say(lines[-12:]),
                "rules": rules.upto(len(RULES)),
            }
            self.steps.append(
                Step(
                    f"Chorus {number}: {name} for {bars} bar{'' if bars <= 1 else 's'}.",
                    states,
                    self.now,
                    self.now + length,
                )
            )
            self.now += length

    def _play(
        self,
        numeral: str,
        following: str,
        length: int,
        name: str,
        parent: int,
        rng: np.random.Generator,
    ) -> None:
        from hybrid.core.numerals import RomanNumeral

        parsed = RomanNumeral.parse(numeral)
        tones = parsed.tones(self.key)
        position = self.player.position(tones)
        # On the beat and a swung eighth before the next half bar.
        for onset, part in _hits(length):
            for pitch, spelling in position:
                self.ledger.note(
                    "piano",
                    self.now + onset,
                    part,
                    pitch,
                    maker="chord player",
                    choice=f"a note of {name}, near the chord before",
                    velocity=66,
                    spelling=spelling,
                    parent=parent,
                )
        beats = max(1, length // TICKS_PER_QUARTER)
        low, spelling = bass_note(parsed.root(self.key))
        goal = pitch_class(RomanNumeral.parse(following).root(self.key))
        for beat in range(beats):
            pitch, spelled, why = low, spelling, "root"
            if beat == beats - 1 and beats > 1:
                # A half tone above the next root leads into it.
                pitch = 36 + (goal + 1 - 36) % 12
                spelled, why = -128, "half tone above the next root"
            elif beat:
                tone = tones[int(rng.integers(1, len(tones)))]
                pitch, spelled = bass_note(tone)
                why = "note of the chord"
            self.ledger.note(
                "bass",
                self.now + beat * TICKS_PER_QUARTER,
                min(TICKS_PER_QUARTER, length),
                pitch,
                maker="walking bass",
                choice=f"{why} of {name}",
                velocity=84,
                spelling=spelled,
                parent=parent,
            )


def _hits(length: int) -> list[tuple[int, int]]:
    """Onsets and lengths of the piano's chords within one chord."""
    half = 2 * TICKS_PER_QUARTER
    if length < half:
        return [(0, length)]
    hits = []
    for at in range(0, length - length % half, half):
        hits.append((at, TICKS_PER_QUARTER * 2 // 3))
        hits.append((at + TICKS_PER_QUARTER * 5 // 3, TICKS_PER_QUARTER // 3))
    return hits


def _chart(
    number: int, names: tuple[str, ...], chords: tuple[tuple[int, str, Fraction], ...]
) -> tuple[Table, list[list[tuple[int, int]]]]:
    """The chorus as three lines of four bars, and where each chord stands in it."""
    bars: list[list[str]] = [[] for _ in range(12)]
    places: list[list[tuple[int, int]]] = []
    now = Fraction(0)
    for name, (_, _, length) in zip(names, chords, strict=True):
        first, end = int(now), now + length
        held = [bar for bar in range(first, 12) if bar < end]
        for bar in held:
            if not bars[bar] or bars[bar][-1] != name:
                bars[bar].append(name)
        places.append([(bar // 4, bar % 4) for bar in held[:1]])
        now = end
    table = Table(
        f"chart-{number}",
        f"Chorus {number}",
        f"Chart of chorus {number}: three lines of four bars with their chords.",
        rows=tuple(tuple("  ".join(bars[4 * line + bar]) for bar in range(4)) for line in range(3)),
        names=("bars 1–4", "bars 5–8", "bars 9–12"),
    )
    return table, places


def _tree(number: int, root: DerivationTree) -> tuple[Tree, list[list[int]]]:
    """The derivation's tree, numbered by breadth, and the way up from each leaf."""
    order = [(root, -1)]
    at = 0
    while at < len(order):
        node, _ = order[at]
        order += [(child, at) for child in node.children]
        at += 1
    panel = Tree(
        f"tree-{number}",
        f"Derivation of chorus {number}",
        f"Tree of chorus {number}: each chord above the chords that took its place.",
        nodes=tuple(
            (chord_name(node.symbol.name), parent, f"{node.symbol.name}, {node.duration} bars")
            for node, parent in order
        ),
    )
    number_of = {id(node): place for place, (node, _) in enumerate(order)}
    ways = []
    for leaf in root.leaves():
        way = [number_of[id(leaf)]]
        while order[way[-1]][1] >= 0:
            way.append(order[way[-1]][1])
        ways.append(way)
    return panel, ways


EXHIBIT = Exhibit(
    name="steedman-blues",
    title="A generative grammar of the blues",
    year="1984",
    people=("Mark Steedman",),
    summary="Six rules turn six chords into every twelve-bar blues that jazz players know.",
    story=(
        "All twelve-bar blues are one: two bars each of tonic, tonic seventh, subdominant, tonic, "
        "dominant seventh, tonic. Yet players put in dominants of dominants, tritone substitutes "
        "and passing chords. In 1984 Mark Steedman showed that six rewriting rules account for "
        "what they do.",
        "Rules (1) and (2) halve a chord, so the twelve bars are never broken. Rules (3) to (6) "
        "look at a chord's neighbours: before a seventh chord goes its dominant, and before that "
        "another one. Such rules are context-sensitive; that is why a plain grammar of phrases "
        "could not do it.",
        "Each chorus is derived anew. Listen for chains of fifths that run into the fifth bar and "
        "the ninth: they are rule (3), applied again and again from the goal backwards.",
    ),
    parameters=(
        Parameter("choruses", 2, "Times round.", low=1, high=4),
        Parameter(
            "key",
            "C major",
            "Key.",
            choices=("C major", "F major", "Bb major", "G major", "C minor"),
        ),
        Parameter("dominants", 0.8, "Chance of rule (3).", low=0.0, high=1.0),
        Parameter("tritones", 0.25, "Chance of rule (4).", low=0.0, high=1.0),
        Parameter("tempo", 138.0, "Quarters a minute.", low=40.0, high=300.0),
    ),
    make=make,
    fidelity=(
        Fidelity("axiom, rules (1), (3), (4)", "faithful", "source", "As quoted in the source."),
        Fidelity("rules (2), (5), (6)", "faithful", "memory", "Of the publication, unchecked."),
        Fidelity("probabilities", "invented", "ours", "The paper has none."),
        Fidelity(
            "plain close", "simplified", "ours", "The last V7 and I of a chorus stay as they are."
        ),
        Fidelity("minor blues", "invented", "ours", "The axiom with minor triads."),
        Fidelity("piano and walking bass", "invented", "ours", "The grammar gives chords only."),
    ),
    citations=(
        "Steedman, M. J. (1984). A generative grammar for jazz chord sequences. Music Perception "
        "2(1), 52-77.",
        "Steedman, M. (1996). The blues and the abstract truth: music and mental models. In A. "
        "Garnham & J. Oakhill (Eds.), Mental Models in Cognitive Science, 305-318. Erlbaum.",
    ),
    exercises=(
        "Set `dominants=0 tritones=0`. Which rules are left, and how does the blues sound?",
        "Set `dominants=1`. How far does the chain of fifths go back from the fifth bar?",
        "Find a use of rule (4) and write down which dominant it replaced.",
    ),
)
