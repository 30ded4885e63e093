"""The machine of recombination: mosaic of sources, lexicon, network, tree, signatures, tension."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.chorales import Beat, Chorale
from hybrid.history.panels import Curve, Graph, Mosaic, State, Step, Table, Text, Tile, Tree
from hybrid.history.recombination import ARCS, STATES, Choice, Database
from hybrid.history.signatures import Signature
from hybrid.history.speac import LABELS, Node, tensions
from hybrid.history.words import note_name

#: Lines of the lexicon's entry that are shown.
SHOWN = 12
#: Where the network's states stand, 0..1.
PLACES = (
    (0.0, 0.12),
    (0.3, 0.12),
    (0.62, 0.5),
    (0.12, 0.52),
    (0.34, 0.92),
    (0.84, 0.92),
    (1.0, 0.12),
)


class Panels:
    """Collects the steps, one for each rule of the grammar and one for each beat."""

    def __init__(
        self,
        chorales: Mapping[int, Chorale],
        database: Database,
        signatures: Sequence[Signature],
        tree: Sequence[Node],
        beats: Sequence[Beat],
        bounds: Sequence[int],
    ) -> None:
        self.chorales, self.database, self.tree = chorales, database, tree
        self.beats = beats
        self.steps: list[Step] = []
        self.shown = 0
        self.before: Choice | None = None
        self.state = "begin"
        used = Counter(beat.chorale for beat in beats)
        self.order = [number for number, _ in used.most_common()]
        self.leaves = {node.leaf: place for place, node in enumerate(tree) if node.leaf >= 0}
        self.mosaic = Mosaic(
            "mosaic",
            "The new chorale, beat by beat; a colour is a source",
            "A row of tiles for each phrase; each tile is a beat with the number of its source and "
            "of the beat in it.",
            tiles=self._tiles(bounds),
            row_names=tuple(
                f"{number + 1} {tree[self.leaves[number]].letter}"
                for number in range(len(bounds) - 1)
            ),
        )
        self.entry = Text(
            "lexicon",
            "The lexicon's entry, all in C",
            "What the lexicon has for the four destination notes, and why each beat was not taken.",
        )
        self.network = Graph(
            "network",
            "The transition network",
            "States of the network with arrows; the state and the arc just taken are lit.",
            nodes=STATES,
            edges=tuple((STATES.index(one), STATES.index(two), 0.25) for one, two in ARCS),
            places=PLACES,
        )
        self.speac = Tree(
            "speac",
            "SPEAC: what each phrase does",
            "Tree of labels from the whole piece to its phrases.",
            nodes=tuple(
                (
                    node.letter if node.leaf < 0 else f"{node.letter} {node.leaf + 1}",
                    node.parent,
                    node.rule or f"phrase {node.leaf + 1}: {LABELS[node.letter]}",
                )
                for node in tree
            ),
        )
        self.signatures = Table(
            "signatures",
            "Signatures found, in semitones from beat to beat",
            "Table of the patterns that come in most works; those heard so far are marked.",
            columns=("soprano", "bass", "works", "places", "end a phrase"),
            rows=tuple(
                (
                    " ".join(f"{step:+d}" for step in signature.soprano),
                    " ".join(f"{step:+d}" for step in signature.bass),
                    str(signature.works),
                    str(len(signature.places)),
                    str(signature.at_ends),
                )
                for signature in signatures
            ),
            names=tuple(str(number + 1) for number in range(len(signatures))),
        )
        self.past: list[int] = []
        quarters = [0]
        for beat in beats:
            quarters.append(quarters[-1] + beat.quarters)
        self.quarters = quarters
        totals = tensions(beats)
        self.totals = [tension.total for tension in totals]
        self.tension = Curve(
            "tension",
            "Tension of the beats, by which SPEAC labels are given",
            "Curve of the tension of each beat of the new piece.",
            x_name="quarters",
            y_name="tension",
            series=(("tension", tuple(map(float, quarters[:-1])), tuple(self.totals)),),
        )
        self.sources = Table(
            "sources",
            "The sources",
            "Table of the chorales that gave beats; that of this beat is marked.",
            columns=("chorale", "key", "beats"),
            rows=tuple(
                (chorales[number].title, chorales[number].key.name, str(used[number]))
                for number in self.order
            ),
            names=tuple(map(str, self.order)),
        )
        self.panels = tuple(
            panel
            for panel in (
                self.mosaic,
                self.entry,
                self.network,
                self.speac,
                self.tension,
                self.signatures,
                self.sources,
            )
            if panel is not self.signatures or signatures
        )

    def _tiles(self, bounds: Sequence[int]) -> tuple[Tile, ...]:
        tiles = []
        for row, (first, last) in enumerate(pairwise(bounds)):
            at = 0
            for beat in self.beats[first:last]:
                chorale = self.chorales[beat.chorale]
                tiles.append(
                    Tile(
                        row,
                        at,
                        beat.quarters,
                        str(beat.chorale),
                        str(beat.index + 1),
                        self.order.index(beat.chorale),
                        f"No. {beat.chorale}, beat {beat.index + 1}: {chorale.title}",
                    )
                )
                at += beat.quarters
        return tuple(tiles)

    def rule(self, place: int, node: Node) -> None:
        """A rule of the grammar is used: its right side grows."""
        self.shown = max(self.shown, place + 1)
        head = node.rule.split(" → ")[0]
        self.steps.append(
            Step(
                f"The grammar: a {LABELS[head]} is made of "
                + ", ".join(LABELS[letter] for letter in node.rule.split(" → ")[1].split())
                + ".",
                {
                    "speac": self.speac.grow(self._grown(place), [place]),
                    "mosaic": self.mosaic.show(0),
                    "network": self.network.light([0]),
                    "lexicon": self.entry.say(["The piece is planned before a beat is chosen."]),
                },
            )
        )

    def _grown(self, place: int) -> int:
        """Nodes known once the rule at a place is used: all before, and its own children."""
        children = [at for at, node in enumerate(self.tree) if node.parent == place]
        return max((children[0] if children else place) + 1, place + 1)

    def beat(self, choice: Choice, tick: int, phrase: int, letter: str) -> None:
        """A beat is taken."""
        beat = choice.beat
        place = self._number()
        chorale = self.chorales[beat.chorale]
        lit = [STATES.index(choice.state)]
        arcs = self._arcs(choice)
        row = self.database.place[beat.chorale, beat.index]
        signature = self.database.signature_at(row)
        if signature >= 0 and signature not in self.past:
            self.past.append(signature)
        words = {
            "opening": "it opens the piece",
            "chain": "a link of the chain",
            "signature": f"part of signature {signature + 1}",
            "cadence": "cadence" if signature < 0 else f"cadence, signature {signature + 1}",
        }[choice.state]
        at = self.order.index(beat.chorale)
        states: dict[str, State] = {
            "mosaic": self.mosaic.show(place + 1, place),
            "lexicon": self.entry.say(*self._lexicon(choice)),
            "network": self.network.light(lit, arcs),
            "speac": self.speac.grow(len(self.tree), [self.leaves[phrase]]),
            "tension": self.tension.at(self.quarters[place]),
            "sources": self.sources.mark(chosen=[(at, column) for column in range(3)]),
        }
        if any(panel is self.signatures for panel in self.panels):
            states["signatures"] = self.signatures.mark(
                chosen=[(signature, column) for column in range(5)] if signature >= 0 else [],
                past=[(number, column) for number in self.past for column in range(2)],
            )
        self.steps.append(
            Step(
                f"Phrase {phrase + 1}, {LABELS[letter]}: beat {beat.index + 1} of No. "
                f"{beat.chorale}, “{chorale.title}”, {words}; one of {choice.n_choices}.",
                states,
                tick,
                tick + beat.quarters * TICKS_PER_QUARTER,
            )
        )
        self.before, self.state = choice, choice.state

    def _number(self) -> int:
        return sum(step.start is not None for step in self.steps)

    def _arcs(self, choice: Choice) -> list[tuple[int, int]]:
        """Arcs into this beat's state; after a cadence, through the state ``phrase``."""
        path = [self.state, choice.state]
        if self.before is not None and self.before.beat.is_end:
            path = [self.state, "phrase", choice.state]
        arcs = [(STATES.index(one), STATES.index(two)) for one, two in pairwise(path)]
        if self._number() + 1 == len(self.beats):
            arcs.append((STATES.index(choice.state), STATES.index("end")))
        return arcs

    def _lexicon(self, choice: Choice) -> tuple[list[str], list[int]]:
        beat = choice.beat
        names = " ".join(note_name(pitch) for pitch in beat.start)
        total = 1 + len(choice.rejected)
        lines = [
            f"{names} on quarter {beat.place + 1}: {total} beats, {choice.n_choices} pass",
            f"{beat.label}  {self.chorales[beat.chorale].title}",
        ]
        for name, reason in choice.rejected[: SHOWN - 2]:
            lines.append(f"{name}  {reason}")
        if total > SHOWN - 1:
            lines.append(f"and {total - SHOWN + 1} more")
        return lines, [1]
