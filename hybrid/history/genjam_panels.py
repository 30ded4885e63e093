"""The machine of GenJam: both populations as grids, who breeds with whom, and a place to listen."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid.core.pitch import pitch_class
from hybrid.history.chord_player import ChordPlayer, bass_note
from hybrid.history.genjam_band import BAR, Chord
from hybrid.history.genjam_genes import N_MEASURES, N_PHRASES, Family, Genes
from hybrid.history.genjam_genes import Population as Bred
from hybrid.history.panels import Curve, Jam, Machine, Panel, Population, State, Step, Text
from hybrid.history.words import chord_name

#: Generations whose families are shown one by one.
SHOWN = 1


class Panels:
    """Collects the steps."""

    def __init__(
        self,
        bars: Sequence[tuple[Chord, Chord]],
        measures: Bred,
        phrases: Bred,
        generations: int,
        feel: str,
        tempo: float,
    ) -> None:
        self.pool, self.book = measures, phrases
        self.generations = generations
        self.steps: list[Step] = []
        self.measures = Population(
            "measures",
            "64 measures: eight events each, higher is higher; the figure is the fitness",
            "Grid of the 64 measures as small scores of notes with their fitness.",
            count=N_MEASURES,
        )
        self.phrases = Population(
            "phrases",
            "48 phrases: four measures each, by number",
            "Grid of the 48 phrases with the numbers of their measures and their fitness.",
            count=N_PHRASES,
            is_notes=False,
        )
        self.log = Text("log", "Who breeds with whom", "The family, its children and the mutation.")
        self.jam = Jam(
            "jam",
            "Be the mentor: press g for good, b for bad while it plays",
            "A soloist that plays and learns from your votes; buttons to start, vote and breed.",
            measures=tuple(measures.genes),
            phrases=tuple(phrases.genes),
            bars=self._bars(bars),
            tempo=tempo,
            swing=feel == "swing",
        )

    def _bars(self, bars: Sequence[tuple[Chord, Chord]]) -> tuple[dict[str, object], ...]:
        player = ChordPlayer()
        found: list[dict[str, object]] = []
        for chords in bars:
            root, _ = bass_note(chords[0].root)
            second, _ = bass_note(chords[1].root)
            fifth = root + pitch_class(chords[0].tones[2] - chords[0].root)
            found.append(
                {
                    "names": [chord_name(chord.name) for chord in chords],
                    "ladders": [[pitch for pitch, _ in chord.ladder()] for chord in chords],
                    "piano": [
                        [pitch for pitch, _ in player.position(chord.tones)] for chord in chords
                    ],
                    "bass": [root, second if chords[0] != chords[1] else fifth],
                }
            )
        return tuple(found)

    def _state(
        self, measures: dict[int, str] | None = None, phrases: dict[int, str] | None = None
    ) -> dict[str, State]:
        return {
            "measures": self.measures.show(self.pool.genes, self.pool.fitness, measures or {}),
            "phrases": self.phrases.show(self.book.genes, self.book.fitness, phrases or {}),
        }

    def bar(
        self,
        generation: int,
        tick: int,
        chords: tuple[Chord, Chord],
        phrase: int,
        measure: int,
        place: int,
    ) -> None:
        """A bar of a chorus."""
        names = list(dict.fromkeys(chord_name(chord.name) for chord in chords))
        genes = self.pool.genes[measure]
        self.steps.append(
            Step(
                f"Generation {generation} plays measure {measure}, number {place + 1} of phrase "
                f"{phrase}, over {' and '.join(names)}.",
                {
                    **self._state({measure: "playing"}, {phrase: "playing"}),
                    "log": self.log.say([f"measure {measure}", events_text(genes)], [0]),
                },
                tick,
                tick + BAR,
            )
        )

    def heard(self, generation: int, good: int, bad: int) -> None:
        """The listener has heard all phrases."""
        self.steps.append(
            Step(
                f"Generation {generation} is heard: {good} times g, {bad} times b.",
                {
                    **self._state(),
                    "log": self.log.say([f"{good} g, {bad} b in {4 * N_PHRASES} measures"]),
                },
            )
        )

    def bred(self, generation: int, what: str, families: Sequence[Family], old: Bred) -> None:
        """A population has bred; the first ones are shown family by family."""
        if generation >= SHOWN:
            roles = {number: "child" for family in families for number in family.children}
            names = {family.mutation.split()[0] for family in families}
            state = self._state(**{f"{what}s": roles})
            self.steps.append(
                Step(
                    f"Generation {generation + 1}: {len(roles)} {what}s are replaced by children.",
                    {**state, "log": self.log.say([f"mutations: {', '.join(sorted(names))}"])},
                )
            )
            return
        panel = self.measures if what == "measure" else self.phrases
        genes, fitness = list(old.genes), list(old.fitness)
        new = self.pool if what == "measure" else self.book
        for number, family in enumerate(families, start=1):
            for child in family.children:
                genes[child], fitness[child] = new.genes[child], 0
            first, second = family.children
            one, other = family.parents
            roles = {one: "parent", other: "parent", first: "child", second: "child"}
            lines = [
                f"family {number} of {len(families)}",
                f"parents   {one} (fitness {old.fitness[one]}), {other} ({old.fitness[other]})",
                f"replaced  {first} ({old.fitness[first]}), {second} ({old.fitness[second]})",
                f"cut       at bit {family.point}",
                f"child {first:<3} {text_of(what, new.genes[first])}",
                f"child {second:<3} {text_of(what, new.genes[second])}, by {family.mutation}",
            ]
            states = {
                panel.name: panel.show(genes, fitness, roles),
                "log": self.log.say(lines, [0]),
            }
            if what == "phrase" and number == 1:
                # The measures are done: no frames are left on them.
                states["measures"] = self._state()["measures"]
            self.steps.append(
                Step(
                    f"Of four {what}s the best, {one} and {other}, breed; {first} and {second} "
                    f"are replaced, {second} is changed by: {family.mutation}.",
                    states,
                )
            )

    def close(self, intervals: Sequence[float], votes: Sequence[tuple[int, int]]) -> None:
        """Curves over all generations, once they are known."""
        xs = tuple(map(float, range(len(intervals))))
        self.interval = Curve(
            "interval",
            "Mean interval inside the measures",
            "Curve of the mean interval in scale steps over the generations.",
            x_name="generation",
            y_name="scale steps",
            series=(("interval", xs, tuple(intervals)),),
        )
        self.vote = Curve(
            "votes",
            "What the listener says",
            "Curves of how often the listener says g and b in each generation.",
            x_name="generation",
            y_name="votes",
            series=(
                ("g", xs, tuple(float(good) for good, _ in votes)),
                ("b", xs, tuple(float(bad) for _, bad in votes)),
            ),
        )
        generation = -1
        steps: list[Step] = []
        for step in self.steps:
            states = dict(step.states)
            if step.caption.endswith(" b.") and " is heard: " in step.caption:
                generation += 1
            states["interval"] = self.interval.first(generation + 1)
            states["votes"] = self.vote.first(generation + 1)
            if not steps:
                states["jam"] = self.jam.show()
            steps.append(Step(step.caption, states, step.start, step.end, step.tracks))
        self.steps = steps

    def machine(self) -> Machine:
        """All panels and steps."""
        panels: tuple[Panel, ...] = (
            self.measures,
            self.phrases,
            self.log,
            self.interval,
            self.vote,
            self.jam,
        )
        return Machine(panels, tuple(self.steps))


def events_text(genes: Genes) -> str:
    """Events as the paper prints them, rests and holds as signs.

    >>> events_text((9, 7, 0, 15))
    '9 7 r –'
    """
    return " ".join({0: "r", 15: "–"}.get(gene, str(gene)) for gene in genes)


def text_of(what: str, genes: Genes) -> str:
    """Genes of a measure or a phrase."""
    return events_text(genes) if what == "measure" else " ".join(map(str, genes))
