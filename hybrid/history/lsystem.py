"""L-systems: a string rewritten in parallel, read as curve, tokens, chords, rhythm or form."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from hybrid.core.errors import ConfigError
from hybrid.core.pitch import Key
from hybrid.core.score import TICKS_PER_QUARTER, KeySignature, Marker
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Curve, Machine, Panel, State, Step, Text, Tree
from hybrid.history.parameters import Parameter, Values

if TYPE_CHECKING:
    from hybrid.grammar.lsystem import Derivation
    from hybrid.grammar.lsystem_read import Event
    from hybrid.grammar.lsystem_readings_time import SectionEvent

#: Systems of the library that can be heard: the reading each is best known by, and the steps that
#: make half a minute of it.
SYSTEMS: dict[str, tuple[str, int]] = {
    "hilbert": ("contour", 4),
    "dragon": ("contour", 8),
    "koch_curve": ("contour", 4),
    "peano": ("contour", 3),
    "sierpinski": ("contour", 5),
    "plant": ("tokens", 4),
    "canon": ("tokens", 5),
    "stochastic_melody": ("tokens", 6),
    "algae": ("rhythm", 8),
    "cantor": ("rhythm", 4),
    "parametric_rhythm": ("rhythm", 4),
    "thue_morse": ("rhythm", 7),
    "cadences": ("chords", 4),
    "falling_fifths": ("chords", 5),
    "rondo": ("form", 4),
    "verse_chorus": ("form", 5),
}
READINGS = ("own", "contour", "tokens", "chords", "rhythm", "form")
#: Nodes of the tree of rewriting that are drawn; later generations are given as text only.
MAX_NODES = 130
MAX_NOTES = 1200
#: Rhythms and chords divide a span, so they are stretched until the shortest lasts so long.
SHORTEST = {"rhythm": Fraction(1, 2), "chords": Fraction(1)}
LONGEST = Fraction(128)
LINE = 110


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Rewrite, read, play."""
    from hybrid.grammar.lsystem_notation import load_lsystem
    from hybrid.grammar.lsystem_read import read

    name = values.text("system")
    system = load_lsystem(name)
    own_reading, own_steps = SYSTEMS[name]
    steps = values.integer("steps") or own_steps
    reading = own_reading if values.text("reading") == "own" else values.text("reading")
    derivation = system.derive(steps, rng)
    events = [event for event in read(derivation, reading) if getattr(event, "sounding", True)]
    if len(events) > MAX_NOTES:
        raise ConfigError(
            f"steps must give {MAX_NOTES} notes at most, got {len(events)} after {steps} of {name}"
        )
    stage = _Stage(derivation, name)
    stage.rewrite()
    stage.play(events, reading, Key.parse(values.text("key")), rng)
    lengths = [len(string) for string in derivation.generations]
    title = f"{system.title.partition(':')[0]}, read as {reading}"
    key = Key.parse(values.text("key"))
    score, trace = stage.ledger.close(
        title=title,
        qpm=values.number("tempo"),
        markers=tuple(stage.markers),
        counts={"symbols in the last string": lengths[-1], "generations": steps},
        # Drums have no key.
        keys=() if reading == "rhythm" else (KeySignature(0, key),),
    )
    facts = (
        ("System", name.replace("_", " ")),
        ("Reading", reading),
        ("Lengths of the strings", " ".join(map(str, lengths[:12]))),
    )
    return Demonstration(score, trace, Machine(tuple(stage.panels), tuple(stage.steps)), facts)


class _Stage:
    """Turns a derivation and its events into music and steps."""

    def __init__(self, derivation: Derivation, name: str) -> None:
        from hybrid.grammar.lsystem_rules import join_symbols

        self.derivation = derivation
        self.ledger = Ledger()
        self.markers: list[Marker] = []
        self.steps: list[Step] = []
        self.strings = [join_symbols(map(str, string)) for string in derivation.generations]
        self.text = Text(
            "strings",
            "The strings, from the axiom on",
            "A line for each generation of the string.",
            lines=tuple(
                f"{number}: {string[:LINE]}{'…' if len(string) > LINE else ''}"
                for number, string in enumerate(self.strings)
            ),
        )
        self.n_shown = 0
        nodes: list[tuple[str, int, str]] = []
        first: list[int] = []
        for number, string in enumerate(derivation.generations):
            if len(nodes) + len(string) > MAX_NODES and number > 1:
                break
            first.append(len(nodes))
            for at, module in enumerate(string):
                # The strings of an axiom of several symbols hang from its first one.
                parent = -1 if number == 0 else first[-2] + int(derivation.parents[number - 1][at])
                nodes.append((str(module), parent, f"generation {number}, place {at}: {module}"))
            self.n_shown = number
        self.first = [*first, len(nodes)]
        self.tree = Tree(
            "tree",
            "Who came from whom",
            "Tree of the first generations: each symbol above what it was rewritten to.",
            nodes=tuple(nodes),
        )
        self.curve, self.source = self._drawing()
        self.panels: list[Panel] = [self.text, self.tree, *([self.curve] if self.curve else [])]
        self.made: dict[tuple[int, int], int] = {}

    def _drawing(self) -> tuple[Curve | None, np.ndarray]:
        """The turtle's drawing, where the system has one, and the symbol of each of its steps."""
        from hybrid.grammar.lsystem_turtle import TurtleConfig, turtle_path

        options = self.derivation.system.readings.get("turtle")
        if options is None:
            return None, np.empty(0)
        path = turtle_path(self.derivation.last, TurtleConfig.from_options(options))
        is_branched = bool(len(path)) and bool(path.depth.max() > 0)
        if not len(path) or is_branched:
            return None, np.empty(0)
        points = np.vstack([path.start[:1], path.end])
        curve = Curve(
            "turtle",
            "The turtle's drawing",
            "The curve that the string draws, as far as it has sounded.",
            series=(("curve", tuple(points[:, 0].tolist()), tuple(points[:, 1].tolist())),),
            equal=True,
        )
        return curve, path.source

    def rewrite(self) -> None:
        """A step for each generation."""
        for number, string in enumerate(self.strings):
            states: dict[str, State] = {"strings": self.text.upto(number + 1, [number])}
            if number <= self.n_shown:
                last = self.first[number + 1]
                states["tree"] = self.tree.grow(last, range(self.first[number], last))
            n_symbols = len(self.derivation.generations[number])
            caption = (
                f"The axiom: {string[:60]}."
                if number == 0
                else f"Generation {number}: every symbol is rewritten at once; {n_symbols} symbols."
            )
            if self.curve and number == 0:
                states["turtle"] = self.curve.first(1)
            self.steps.append(Step(caption, states))

    def decision(self, generation: int, place: int) -> int:
        """The entry for a symbol, its ancestors' entries before it."""
        known = self.made.get((generation, place))
        if known is not None:
            return known
        module = str(self.derivation.generations[generation][place])
        if generation == 0:
            made = self.ledger.decide("axiom", "L-system", module)
        else:
            parent = self.decision(
                generation - 1, int(self.derivation.parents[generation - 1][place])
            )
            number = int(self.derivation.rules[generation - 1][place])
            rule = "copied" if number < 0 else str(self.derivation.system.rules[number])
            made = self.ledger.decide(
                "rewriting", rule, f"{module}, generation {generation}", parent=parent
            )
        self.made[generation, place] = made
        return made

    def play(self, events: list[Event], reading: str, key: Key, rng: np.random.Generator) -> None:
        """Write the events as notes, each with its symbol's ancestors."""
        from hybrid.grammar.lsystem_readings_time import SectionEvent

        if reading == "form":
            sections = [event for event in events if isinstance(event, SectionEvent)]
            self._sections(sections, key, rng)
            return
        from hybrid.grammar.lsystem_score import lsystem_score

        timed = [event for event in events if not isinstance(event, SectionEvent)]
        shortest = min(event.duration for event in timed)
        end = max(event.onset + event.duration for event in timed)
        stretch = Fraction(1)
        if reading in SHORTEST:
            stretch = min(SHORTEST[reading] / shortest, LONGEST / end)
        for event in sorted(timed, key=lambda item: (item.onset, getattr(item, "voice", 0))):
            # The library gives the pitches; times are ours, rounded to a tick.
            alone = replace(event, onset=Fraction(0), duration=Fraction(1))
            track = lsystem_score([alone], key).tracks[0]
            voice = getattr(event, "voice", 0)
            name = {"chords": "chords", "rhythm": "rhythm"}.get(reading, f"voice {voice + 1}")
            self._track(name, track.is_drum, reading)
            parent = self.decision(len(self.strings) - 1, event.source)
            onset = round(event.onset * stretch * TICKS_PER_QUARTER)
            until = round((event.onset + event.duration) * stretch * TICKS_PER_QUARTER)
            for note in track.notes.tolist():
                self.ledger.note(
                    name,
                    onset,
                    max(until - onset, 1),
                    note[2],
                    maker=f"reading as {reading}",
                    choice=self._choice(event),
                    spelling=note[5],
                    parent=parent,
                )
            self._step(event.source, onset, until - onset, name)

    def _choice(self, event: Event) -> str:
        module = self.derivation.last[event.source]
        numeral = getattr(event, "numeral", None)
        step = getattr(event, "step", None)
        what = numeral or ("a stroke" if step is None else f"scale step {step}")
        return f"{what} from {module} at place {event.source}"

    def _track(self, name: str, is_drum: bool, reading: str) -> None:
        if name in self.ledger.tracks:
            return
        program = {"contour": 11, "tokens": 0, "chords": 4}.get(reading, 0)
        self.ledger.track(name, program=program, is_drum=is_drum)

    def _step(self, source: int, onset: int, duration: int, name: str) -> None:
        way = self.derivation.ancestry(source)
        lit = [
            self.first[number] + place for number, place in enumerate(way) if number <= self.n_shown
        ]
        states: dict[str, State] = {
            "tree": self.tree.grow(self.first[-1], lit),
            "strings": self.text.upto(len(self.strings), [len(self.strings) - 1]),
        }
        if self.curve is not None:
            states["turtle"] = self.curve.first(
                int(np.searchsorted(self.source, source, side="right")) + 1
            )
        module = self.derivation.last[source]
        ancestors = " ‹ ".join(
            str(self.derivation.generations[number][place])
            for number, place in reversed(list(enumerate(way))[:-1])
        )
        self.steps.append(
            Step(
                f"Symbol {module} at place {source} sounds; it comes from {ancestors or 'itself'}.",
                states,
                onset,
                onset + max(duration, 1),
                (name,),
            )
        )

    def _sections(self, events: list[SectionEvent], key: Key, rng: np.random.Generator) -> None:
        """A form: each label gets a bar of its own, which comes wherever the label comes."""
        from hybrid.grammar.lsystem_readings import NoteEvent
        from hybrid.grammar.lsystem_score import lsystem_score

        bar = 4 * TICKS_PER_QUARTER
        motifs: dict[str, list[int]] = {}
        self.ledger.track("melody", program=11)
        now = 0
        for event in events:
            if event.label not in motifs:
                motifs[event.label] = [int(step) for step in rng.integers(0, 8, size=8)]
            parent = self.decision(len(self.strings) - 1, event.source)
            self.markers.append(Marker(now, event.label))
            steps = motifs[event.label]
            for at, step in enumerate(steps):
                note = NoteEvent(Fraction(0), Fraction(1, 2), step, 0, event.source)
                made = lsystem_score([note], key).tracks[0].notes[0]
                self.ledger.note(
                    "melody",
                    now + at * bar // 8,
                    bar // 8,
                    int(made["pitch"]),
                    maker="bar of its label",
                    choice=f"note {at + 1} of the bar of {event.label}",
                    spelling=int(made["spelling"]),
                    parent=parent,
                )
            self._step(event.source, now, bar, "melody")
            now += bar


EXHIBIT = Exhibit(
    name="lsystem",
    title="L-systems: growing a string and hearing it",
    year="1986",
    people=("Aristid Lindenmayer", "Przemyslaw Prusinkiewicz"),
    summary="A string is rewritten everywhere at once; its curve, branches or symbols are heard.",
    story=(
        "In 1968 the biologist Aristid Lindenmayer described the growth of algae by rewriting: A "
        "becomes AB, B becomes A, everywhere at once. The lengths of the strings are the Fibonacci "
        "numbers. Read by a turtle that walks and turns, such strings draw space-filling curves "
        "and plants.",
        "In 1986 Przemyslaw Prusinkiewicz heard a score in them: walk along the curve, let every "
        "segment be a note, its height the pitch, its length the duration. What is similar on "
        "several scales to the eye is so to the ear.",
        "The same string can be read in other ways: symbols as notes with branches as voices, as "
        "chords, as a rhythm that is divided, as a form. Try one system in all of them.",
    ),
    parameters=(
        Parameter("system", "hilbert", "System of the library.", choices=tuple(SYSTEMS)),
        Parameter("reading", "own", "How it is read; own is what suits it.", choices=READINGS),
        Parameter("steps", 0, "Times to rewrite; 0 is what suits the system.", low=0, high=10),
        Parameter(
            "key",
            "D minor",
            "Key of the scale steps.",
            choices=("C major", "D minor", "D dorian", "E phrygian", "F lydian", "G major"),
        ),
        Parameter("tempo", 132.0, "Quarters a minute.", low=20.0, high=300.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "parallel rewriting",
            "faithful",
            "source",
            "Deterministic, stochastic, parametric, bracketed and context-sensitive systems.",
        ),
        Fidelity(
            "curve as melody",
            "faithful",
            "memory",
            "Segments are notes, height is the scale step, length the duration (Hilbert, Peano).",
        ),
        Fidelity(
            "other curves",
            "invented",
            "ours",
            "Curves without right angles: every run is a note at its mean height.",
        ),
        Fidelity("branches as voices", "simplified", "memory", "A bracket opens a voice."),
        Fidelity(
            "chords, rhythm", "invented", "ours", "Symbols stand for chords or shares of time."
        ),
        Fidelity(
            "times of rhythms and chords",
            "simplified",
            "ours",
            "Spans are stretched to be heard and rounded to a tick.",
        ),
        Fidelity(
            "form", "invented", "ours", "Each label gets one random bar, heard at each return."
        ),
    ),
    citations=(
        "Prusinkiewicz, P. (1986). Score generation with L-systems. Proceedings of the "
        "International Computer Music Conference, 455-457.",
        "Lindenmayer, A. (1968). Mathematical models for cellular interactions in development. "
        "Journal of Theoretical Biology 18.",
        "Prusinkiewicz, P., & Lindenmayer, A. (1990). The Algorithmic Beauty of Plants. Springer.",
    ),
    exercises=(
        "Set `system=algae` and read the lengths of the strings. Which numbers are they, and why?",
        "Set `system=hilbert steps=2`, then 3 and 4. Which bars of one are in the next?",
        "Set `system=thue_morse` with `reading=rhythm`, `reading=tokens` and `reading=form`.",
        "Set `system=canon`. Find the bracket in the string that starts the second voice.",
    ),
)
