"""GenJam: a jazz soloist that learns by g and b from whoever listens."""

from __future__ import annotations

import numpy as np

from hybrid.core.score import KeySignature, Marker
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.genjam_band import (
    BAR,
    FEELS,
    KEYS,
    TUNES,
    Band,
    play,
    read_tune,
    tick_of,
)
from hybrid.history.genjam_genes import (
    EVENTS,
    INDICES,
    N_MEASURES,
    N_PHRASES,
    Family,
    Genes,
    Population,
    breed,
    first_measures,
    first_phrases,
    mutate_measure,
    mutate_phrase,
)
from hybrid.history.genjam_listeners import LISTENERS, listen, mean_interval
from hybrid.history.genjam_panels import Panels
from hybrid.history.ledger import Ledger
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import chord_name, note_name

#: Phrases that compete to be played.
RIVALS = 3


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Play, listen, breed; the choruses that are written are the first, one between, the last."""
    return _Session(rng, values).run()


class _Session:
    """One training of the soloist."""

    def __init__(self, rng: np.random.Generator, values: Values) -> None:
        self.rng, self.values = rng, values
        self.feel = values.text("feel")
        self.bars = read_tune(TUNES[values.text("tune")])
        self.listener = LISTENERS[values.text("listener")]
        self.last = values.integer("generations")
        self.measures, self.phrases = first_measures(rng), first_phrases(rng)
        self.ledger = Ledger()
        self.ledger.track("solo", program=66, clef="treble")
        self.band = Band(self.ledger, self.feel)
        self.choruses = 0
        self.markers: list[Marker] = []
        self.votes: list[tuple[int, int]] = []
        self.intervals = [mean_interval(self.measures.genes)]
        self.panels = Panels(
            self.bars,
            self.measures,
            self.phrases,
            self.last,
            self.feel,
            values.number("tempo"),
        )

    def run(self) -> Demonstration:
        """All generations."""
        written = {0, self.last // 2}
        for generation in range(self.last):
            if generation in written:
                self._chorus(generation)
            self._listen(generation)
            self._breed(generation)
        self._listen(self.last)
        self._chorus(self.last)
        self.panels.close(self.intervals, self.votes)
        score, trace = self.ledger.close(
            title=f"{self.values.text('tune').capitalize()} with GenJam, taught by "
            f"{self.values.text('listener')}",
            qpm=self.values.number("tempo"),
            keys=(KeySignature(0, KEYS[self.values.text("tune")]),),
            markers=tuple(self.markers),
            counts={
                "generations": self.last,
                "measures bred": N_MEASURES // 2 * self.last,
                "phrases bred": N_PHRASES // 2 * self.last,
                "g": sum(good for good, _ in self.votes),
                "b": sum(bad for _, bad in self.votes),
            },
        )
        facts = (
            ("Tune", self.values.text("tune")),
            ("Listener", self.values.text("listener")),
            ("g and b, first generation", "{}, {}".format(*self.votes[0])),
            ("g and b, last", "{}, {}".format(*self.votes[-1])),
            (
                "Mean interval, first and last",
                f"{self.intervals[0]:.1f}, {self.intervals[-1]:.1f} scale steps",
            ),
        )
        return Demonstration(score, trace, self.panels.machine(), facts)

    def _chorus(self, generation: int) -> None:
        """Write a chorus; each phrase is the fittest of three that are drawn."""
        first = self.choruses * len(self.bars)
        heading = self.ledger.decide(
            "chorus", "GenJam", f"generation {generation}", tick=first * BAR
        )
        self.markers.append(Marker(first * BAR, f"Generation {generation}"))
        chosen: list[tuple[int, int]] = []
        parents = []
        for start in range(0, len(self.bars), INDICES):
            rivals = self.rng.choice(N_PHRASES, size=RIVALS, replace=False).tolist()
            number = max(rivals, key=lambda rival: self.phrases.fitness[rival])
            genes = self.phrases.genes[number]
            parent = self.ledger.decide(
                "phrase",
                "tournament of three",
                f"phrase {number}: measures {' '.join(map(str, genes))}",
                tick=(first + start) * BAR,
                track="solo",
                parent=heading,
                rejected=[
                    f"phrase {rival}, fitness {self.phrases.fitness[rival]}"
                    for rival in rivals
                    if rival != number
                ],
            )
            chosen += [(number, index) for index in genes]
            parents += [parent] * INDICES
        notes = play([self.measures.genes[index] for _, index in chosen], self.bars)
        for bar, (number, index) in enumerate(chosen):
            self.panels.bar(
                generation, (first + bar) * BAR, self.bars[bar], number, index, bar % INDICES
            )
        for note in notes:
            start = tick_of(first + note.bar, note.event, self.feel)
            end = tick_of(first + note.bar, note.event + note.length, self.feel)
            chord = self.bars[note.bar][note.event * 2 // EVENTS]
            self.ledger.note(
                "solo",
                start,
                end - start,
                note.pitch,
                maker=f"measure {chosen[note.bar][1]}",
                choice=f"event {note.event + 1} is {note.gene}: "
                f"{note_name(note.pitch, note.spelling)} on {chord_name(chord.name)}, "
                f"{chord.scale_name}",
                velocity=92 if note.event % 2 == 0 else 80,
                spelling=note.spelling,
                parent=parents[note.bar],
            )
        self.band.chorus(self.bars, first, heading)
        self.choruses += 1

    def _listen(self, generation: int) -> None:
        order = self.rng.permutation(N_PHRASES).tolist()
        heard = listen(self.measures, self.phrases, self.bars, self.listener, order)
        signs = {1: "g", -1: "b", 0: "·"}
        for number, votes in heard:
            genes = self.phrases.genes[number]
            self.ledger.decide(
                "votes",
                f"listener {self.values.text('listener')}",
                f"generation {generation}, phrase {number}: "
                + " ".join(
                    f"{index}{signs[vote]}" for index, vote in zip(genes, votes, strict=True)
                ),
            )
        flat = [vote for _, votes in heard for vote in votes]
        self.votes.append((flat.count(1), flat.count(-1)))
        self.panels.heard(generation, *self.votes[-1])

    def _breed(self, generation: int) -> None:
        for what, population in (("measure", self.measures), ("phrase", self.phrases)):

            def mutate(genes: Genes, what: str = what) -> tuple[str, Genes]:
                if what == "measure":
                    return mutate_measure(genes, self.rng)
                return mutate_phrase(genes, self.phrases.genes, self.measures.fitness, self.rng)

            old = Population(list(population.genes), population.width, list(population.fitness))
            families = breed(population, mutate, self.rng)
            for family in families:
                self._family(what, family, generation)
            self.panels.bred(generation, what, families, old)
        self.intervals.append(mean_interval(self.measures.genes))

    def _family(self, what: str, family: Family, generation: int) -> None:
        one, other = family.parents
        first, second = family.children
        self.ledger.decide(
            "family",
            "tournament of four",
            f"generation {generation}: {what}s {one} and {other} crossed at bit {family.point} "
            f"give {first} and {second}, {second} by {family.mutation}",
            rejected=[" ".join(map(str, genes)) for genes in family.before],
        )


EXHIBIT = Exhibit(
    name="genjam",
    title="GenJam, the genetic jammer",
    year="1994",
    people=("John A. Biles",),
    summary="A soloist breeds measures and phrases; you say g for good and b for bad.",
    story=(
        "John Biles, a trumpeter who teaches computing, built a student to play with. GenJam knows "
        "nothing of jazz but which scale goes with which chord. It has two populations: 64 "
        "measures of eight events each, and 48 phrases of four measures each, all of them bits.",
        "It plays a solo over a rhythm section, and a mentor listens. The key g adds one to the "
        "fitness of the measure and the phrase that sound, b takes one away. Then families of "
        "four are drawn: the better two are crossed, their children replace the worse two, and "
        "one child is changed by a mutation that means something in music: it is turned round, "
        "rotated, inverted, sorted or transposed.",
        "No wrong notes are possible, since the events name steps of the chord's scale; the first "
        "chorus is aimless all the same. Compare it with the last. In the panel Be the mentor you "
        "can teach it yourself, while it plays.",
    ),
    parameters=(
        Parameter("listener", "smooth", "Who says g and b.", choices=tuple(LISTENERS)),
        Parameter("tune", "blues", "What is played over.", choices=tuple(TUNES)),
        Parameter("feel", "even", "Eighths even, or swung as triplets.", choices=FEELS),
        Parameter("generations", 8, "How often it breeds.", low=1, high=40),
        Parameter("tempo", 152.0, "Quarters a minute.", low=60.0, high=300.0),
    ),
    make=make,
    fidelity=(
        Fidelity("sizes, bits, g and b", "faithful", "source", "64 by 8 by 4, and 48 by 4 by 6."),
        Fidelity(
            "mutations of phrases",
            "faithful",
            "source",
            "The six of the paper's table 3, whose examples are tests here. That the orphan phrase "
            "takes the least used of three is from memory.",
        ),
        Fidelity(
            "transposition of measures",
            "faithful",
            "source",
            "One to four steps to the side with more room, reflected at the bounds, as the paper's "
            "example of 12 moved up by 3 shows.",
        ),
        Fidelity(
            "the other mutations of measures",
            "faithful",
            "memory",
            "Reverse, rotate, invert (15 less the value), sort up and down.",
        ),
        Fidelity(
            "families of four, crossover",
            "faithful",
            "memory",
            "Half of each population is replaced each time; the cut may fall inside an event.",
        ),
        Fidelity(
            "chords and scales",
            "simplified",
            "memory",
            "Four kinds of chord, each with a scale without its avoided note; the paper has more.",
        ),
        Fidelity(
            "first population",
            "faithful",
            "memory",
            "Rests 5/24, holds 7/24, notes 12/24; phrases evenly.",
        ),
        Fidelity(
            "scripted listeners",
            "invented",
            "ours",
            "They hear every phrase once a generation. Biles listened himself, and reports that "
            "intervals shrank from about seven scale steps to about two.",
        ),
        Fidelity(
            "tunes, rhythm section",
            "invented",
            "ours",
            "He had sequenced accompaniments; here a few patterns.",
        ),
        Fidelity(
            "listening in the page",
            "simplified",
            "ours",
            "A new stream of chance, plain synthesised sounds, holds end with the bar; a vote "
            "goes to the measure that sounds at the moment of the key.",
        ),
    ),
    citations=(
        "Biles, J. A. (1994). GenJam: a genetic algorithm for generating jazz solos. Proceedings "
        "of the International Computer Music Conference, Aarhus, 131-137. (Its sections on "
        "mutation and results were read for this page.)",
        "Biles, J. A. (2002). GenJam: evolutionary computation gets a gig. Conference for "
        "Information Technology Curriculum.",
    ),
    exercises=(
        "Be the mentor for five generations. What have you taught it, and did you mean to?",
        "Set `listener=nobody`. Intervals shrink even so: which mutations may be the cause?",
        "Set `listener=lively`, then `listener=chordal generations=20`. Which bores you first?",
        "Find the lick that eats the solo: which measure do most phrases hold in the end?",
        "Set `feel=swing tune=minor`. What else would a drummer do?",
    ),
)
