"""Harmony by search: genes, a swarm and slow cooling lower one cost, with one purse each."""

from __future__ import annotations

import numpy as np

from hybrid.core.errors import ConfigError
from hybrid.core.score import TICKS_PER_QUARTER, KeySignature, Marker
from hybrid.core.timeline import Metre
from hybrid.history.choral_chords import VOICES
from hybrid.history.choral_tune import ALLOWED, Slot, Tune, find_tune
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Bars, Cells, Curve, Machine, State, Step, Text
from hybrid.history.parameters import Parameter, Values
from hybrid.history.search_cost import TERMS, Array, HarmonyCost
from hybrid.history.search_methods import METHODS, SHOWN, Look, Purse, run_method
from hybrid.history.words import note_name

#: Points of a curve of costs.
MOST_POINTS = 200
NUMERALS = {
    "major": ("I", "ii", "iii", "IV", "V", "vi", "vii°", "V7"),
    "minor": ("i", "ii°", "III", "iv", "V", "VI", "vii°", "V7"),
}


def some_phrases(tune: Tune, number: int) -> tuple[Slot, ...]:
    """The first phrases of a tune; all where it has no more.

    Raises
    ------
    ConfigError
        If they have fewer than three chords.
    """
    ends = [slot.index for slot in tune.slots if slot.is_fermata]
    slots = tune.slots[: ends[min(number, len(ends)) - 1] + 1]
    if len(slots) < 3:
        raise ConfigError(f"phrases must have three chords or more, got {len(slots)}")
    return slots


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Run the searches, each with a generator of its own, and write what each found."""
    tune = find_tune(values.text("soprano"))
    slots = some_phrases(tune, values.integer("phrases"))
    cost = HarmonyCost(
        [slot.pitch for slot in slots], tune.key, [slot.is_fermata for slot in slots]
    )
    settings: dict[str, dict[str, float]] = {
        "random": {},
        "ga": {"size": values.integer("population"), "mutation": values.number("mutation")},
        "pso": {"size": values.integer("particles")},
        "sa": {"hot": values.number("heat")},
    }
    asked = values.text("method")
    names = [name for name in METHODS if asked in ("all", name) or name == "random"]
    purses = {}
    for name in METHODS:
        # Every search has its seed drawn, so that one alone does what it does among all.
        own = np.random.default_rng(rng.integers(2**63))
        if name in names:
            purses[name] = run_method(
                name, cost, values.integer("evaluations"), own, **settings[name]
            )
    stage = _Stage(tune, slots, cost, purses)
    for name in names:
        if asked == "all" or name == asked:
            stage.search(name)
            stage.play(name)
    return stage.close(values.number("tempo"))


class _Stage:
    """Panels, notes and steps."""

    def __init__(
        self, tune: Tune, slots: tuple[Slot, ...], cost: HarmonyCost, purses: dict[str, Purse]
    ) -> None:
        self.tune, self.slots, self.cost, self.purses = tune, slots, cost, purses
        self.ledger = Ledger()
        for voice, clef in zip(VOICES, ("treble", "treble", "treble8vb", "bass"), strict=True):
            self.ledger.track(voice, program=19, clef=clef)
        self.steps: list[Step] = []
        self.markers: list[Marker] = []
        self.starts: dict[str, int] = {}
        bar = tune.beats * TICKS_PER_QUARTER
        # Sections begin on the tune's pickup, a whole number of bars apart, a rest between.
        self.section = -(-(slots[-1].end + TICKS_PER_QUARTER) // bar) * bar
        if slots[-1].end % bar == 0:
            self.section = slots[-1].end
        self.members = Cells(
            "members",
            "What the search holds: faults at every chord",
            "Rows are harmonisations, columns the chords of the tune; the darker, the dearer.",
            width=len(slots),
            height=SHOWN,
            legend=("none", *map(str, range(1, 9)), "more"),
            ordered=True,
        )
        self.curve = Curve(
            "curve",
            "The best so far",
            "The least cost against the evaluations used, a line for each search.",
            x_name="evaluations",
            y_name="cost",
            series=tuple(
                (METHODS[name][0], *_thinned(purse.curve)) for name, purse in purses.items()
            ),
        )
        self.loose = Curve(
            "loose",
            "Loosening and freezing",
            "The spread of the population and of the swarm and the temperature of annealing, as "
            "shares of the beginning, against the evaluations used.",
            x_name="evaluations",
            y_name="share",
            series=tuple(
                (
                    METHODS[name][0],
                    tuple(float(look.evaluations) for look in purse.looks),
                    tuple(round(look.looseness, 4) for look in purse.looks),
                )
                for name, purse in purses.items()
            ),
        )
        self.terms = Bars(
            "terms",
            "What the best one costs",
            "Bars for the terms of the cost of the best harmonisation here.",
            labels=tuple(term.name for term in TERMS),
        )
        self.log = Text("log", "The cost", "What each term counts, with its weight.")

    def search(self, name: str) -> None:
        """A step for each look at a search."""
        purse = self.purses[name]
        for look in purse.looks:
            best = purse.curve[max(0, look.evaluations - 1)]
            self.steps.append(
                Step(
                    f"{METHODS[name][0].capitalize()}, {look.evaluations} evaluations: "
                    f"best cost {best:g}; {look.words}.",
                    {
                        "members": self._faults(look),
                        "curve": self.curve.at(look.evaluations),
                        "loose": self.loose.at(look.evaluations),
                        "terms": self._best_terms(look),
                        "log": self._weights(),
                    },
                )
            )

    def _faults(self, look: Look) -> State:
        members = look.members
        if len(members) < SHOWN:
            # Annealing has one state at the beginning: its rows fill from the top.
            members = np.concatenate([members, np.repeat(members[-1:], SHOWN - len(members), 0)])
        faults = self.cost.faults(members).sum(axis=1)
        return self.members.show(np.minimum(9, np.ceil(faults)).astype(int).tolist())

    def _best_terms(self, look: Look) -> State:
        faults = self.cost.faults(look.members).sum(axis=2)
        best = faults[faults.sum(axis=1).argmin()]
        return self.terms.show(best.tolist(), int(best.argmax()) if best.any() else None)

    def _weights(self, lit: tuple[int, ...] = ()) -> State:
        lines = [f"{term.weight:g} × {term.name}: {term.words}" for term in TERMS]
        return self.log.say(lines, lit)

    def play(self, name: str) -> None:
        """Write the best of a search, chord by chord."""
        purse = self.purses[name]
        assert purse.best is not None
        title = METHODS[name][0]
        offset = len(self.starts) * self.section
        self.starts[name] = offset
        self.markers.append(Marker(offset, title))
        places = purse.best[None]
        pitches = self.cost.pitches(places)[0]
        faults = self.cost.faults(places)[0]
        chords = self.cost.voicing(places).chord[0]
        numerals = NUMERALS["minor" if self.tune.key.is_minor else "major"]
        section = self.ledger.decide(
            "section",
            title,
            f"cost {purse.best_cost:g} after {purse.used} evaluations",
            tick=offset,
        )
        for slot, row, chord in zip(self.slots, pitches.tolist(), chords.tolist(), strict=True):
            now = faults[:, slot.index]
            broken = [
                f"{term.name}: {value:g}" for term, value in zip(TERMS, now, strict=True) if value
            ]
            tick = offset + slot.onset
            numeral = numerals[chord]
            parent = self.ledger.decide(
                "chord",
                title,
                f"{numeral}, cost {now.sum():g}" + (f" ({', '.join(broken)})" if broken else ""),
                tick=tick,
                parent=section,
            )
            for note in slot.notes:
                self._note(0, note.onset + offset, note.duration, note.pitch, "given", parent,
                           note.spelling)  # fmt: skip
            for voice in (1, 2, 3):
                pitch = row[voice]
                self._note(voice, tick, slot.duration, pitch, f"with {numeral}", parent,
                           self.tune.key.spell(pitch))  # fmt: skip
            self.steps.append(
                Step(
                    f"{title.capitalize()}: {numeral}, "
                    + (f"faults here: {', '.join(broken)}." if broken else "no fault here."),
                    {
                        "members": self._one(purse, faults, slot.index),
                        "curve": self.curve.at(purse.used),
                        "loose": self.loose.at(purse.used),
                        "terms": self.terms.show(
                            now.tolist(), int(now.argmax()) if now.any() else None
                        ),
                        "log": self._weights(tuple(np.flatnonzero(now).tolist())),
                    },
                    tick,
                    tick + slot.duration,
                )
            )

    def _one(self, purse: Purse, faults: Array, place: int) -> State:
        """The best in the first row, its chord framed; below it what the search held at last."""
        others = self.cost.faults(purse.looks[-1].members).sum(axis=1)[: SHOWN - 1]
        best = faults.sum(axis=0)[None]
        rows = np.concatenate([best, others, np.repeat(best, SHOWN - 1 - len(others), axis=0)])
        return self.members.show(np.minimum(9, np.ceil(rows)).astype(int).tolist(), [(0, place)])

    def _note(
        self, voice: int, tick: int, length: int, pitch: int, why: str, parent: int, spelling: int
    ) -> None:
        self.ledger.note(
            VOICES[voice],
            tick,
            length,
            pitch,
            maker="tune" if voice == 0 else "search",
            choice=f"{note_name(pitch, spelling)}, {why}",
            spelling=spelling,
            parent=parent,
            velocity=84 if voice == 0 else 72,
        )

    def close(self, tempo: float) -> Demonstration:
        """The finished demonstration."""
        score, trace = self.ledger.close(
            title=f"{self.tune.title.split(' (')[0]}, searched",
            qpm=tempo,
            metres=(Metre(0, self.tune.beats, 4),),
            keys=(KeySignature(0, self.tune.key),),
            pickup_ticks=self.tune.pickup,
            markers=tuple(self.markers),
            counts={
                f"evaluations, {METHODS[name][0]}": purse.used
                for name, purse in self.purses.items()
            },
        )
        facts = [
            (f"Cost, {METHODS[name][0]}", f"{purse.best_cost:g}")
            for name, purse in self.purses.items()
        ]
        facts.append(("Evaluations each", str(next(iter(self.purses.values())).used)))
        panels = (self.curve, self.members, self.loose, self.terms, self.log)
        return Demonstration(score, trace, Machine(panels, tuple(self.steps)), tuple(facts))


def _thinned(values: list[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """A curve that only falls, drawn as steps: where it falls, and at regular places."""
    size = max(1, len(values) // MOST_POINTS)
    places = [*range(0, len(values), size), len(values) - 1]
    return (
        tuple(float(place + 1) for place in places),
        tuple(round(values[place], 3) for place in places),
    )


EXHIBIT = Exhibit(
    name="search-harmony",
    title="Genes, a swarm and slow cooling: harmony by search",
    year="1983–1995",
    people=("Scott Kirkpatrick", "Ryan McIntyre", "James Kennedy", "Russell Eberhart"),
    summary="A genetic algorithm, a particle swarm and annealing lower one cost of harmony.",
    story=(
        "Say what makes a harmonisation bad, add it up, and let a machine make the sum small. Here "
        "eleven kinds of fault are counted in four voices under a given tune: tones that make no "
        "chord, parallel fifths, leaps, a missing cadence. Nothing is forbidden; everything has "
        "its price. Random search draws and keeps the best: the measure for all that follow.",
        "Simulated annealing (1983) changes one note at a time and takes worse for better while it "
        "is hot, ever less as it cools. A genetic algorithm breeds: good harmonisations are cut "
        "between two chords and joined crosswise, with some mutation; McIntyre's “Bach in a box” "
        "did so in 1994. In a particle swarm (1995) harmonisations fly through a space of places, "
        "drawn to the best they have known and to the best of all.",
        "All have the same purse: so many evaluations and no more. The picture shows what each "
        "holds, fault by fault; watch a population grow alike, and the last states of annealing "
        "freeze. Then one hears what each found. A swarm is made for smooth spaces; a scale with "
        "its leaps from note to note is not one, and the curves say so.",
    ),
    parameters=(
        Parameter(
            "method", "all", "Which search is heard; random search is the measure.",
            choices=("all", *METHODS),
        ),
        Parameter(
            "soprano",
            "christus-der-ist-mein-leben",
            "The tune: a name, KEY: NOTES, or a score's path.",
            check=find_tune,
            allowed=ALLOWED,
        ),
        Parameter("phrases", 2, "Phrases of the tune that are harmonised.", low=1, high=12),
        Parameter("evaluations", 8000, "For each search.", low=200, high=60000),
        Parameter("population", 80, "Of the genetic algorithm.", low=4, high=400),
        Parameter("mutation", 1.0, "Genes that change in a child, mean.", low=0.0, high=20.0),
        Parameter("particles", 40, "Of the swarm.", low=2, high=400),
        Parameter("heat", 3.0, "Annealing's first temperature, in cost.", low=0.1, high=100.0),
        Parameter("tempo", 72.0, "Quarters a minute.", low=40.0, high=200.0),
    ),
    make=make,
    fidelity=(
        Fidelity("simulated annealing", "faithful", "memory", "Metropolis's rule, geometric "
                 "cooling."),
        Fidelity("genetic algorithm", "faithful", "memory", "Tournament, one-point crossover, "
                 "mutation, two survivors; which of these McIntyre had is unchecked."),
        Fidelity("particle swarm", "faithful", "memory", "Global best, with the constriction of "
                 "2002; places are rounded to the scale."),
        Fidelity("equal evaluations", "faithful", "computed", "Every one is counted, the first "
                 "population as well; annealing works costs out ahead and pays for those it sees."),
        Fidelity("the cost", "invented", "ours", "Eleven terms from textbooks; the weights are "
                 "ours."),
        Fidelity("notes on the scale only", "simplified", "ours", "One chord a note of the tune, "
                 "no ornaments, no modulation."),
    ),
    citations=(
        "Kirkpatrick, S., Gelatt, C. D., & Vecchi, M. P. (1983). Optimization by simulated "
        "annealing. Science 220, 671-680.",
        "McIntyre, R. A. (1994). Bach in a box: the evolution of four part baroque harmony using "
        "the genetic algorithm. Proc. IEEE Conference on Evolutionary Computation, 852-857.",
        "Kennedy, J., & Eberhart, R. (1995). Particle swarm optimization. Proc. IEEE "
        "International Conference on Neural Networks, 1942-1948.",
        "Clerc, M., & Kennedy, J. (2002). The particle swarm: explosion, stability, and "
        "convergence. IEEE Transactions on Evolutionary Computation 6(1), 58-73.",
        "Phon-Amnuaisuk, S., & Wiggins, G. A. (1999). The four-part harmonisation problem: a "
        "comparison between genetic algorithms and a rule-based system. Proc. AISB'99, 28-34.",
    ),
    exercises=(
        "Set `evaluations=400`, then `evaluations=60000`. Does the order of the searches change?",
        "Set `method=sa heat=0.1`, then `heat=100`. What does a cold start cost, and a hot one?",
        "Set `method=ga mutation=0`, then `mutation=20`. Watch the spread: what happens to each?",
        "Compare with `hybrid demo choral` on the same tune: what do rules know that prices do "
        "not say?",
        "Which term is never zero for the swarm? Find its faults in the decision trace.",
    ),
)  # fmt: skip
