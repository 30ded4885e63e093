"""The Continuator: a prefix tree of variable order answers what was played."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hybrid.core.errors import ConfigError, HybridError
from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Machine, Step, Text, Tree
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import note_name

EIGHTH = TICKS_PER_QUARTER // 2
BAR = 4 * TICKS_PER_QUARTER
#: Semitones of a region of pitch, and levels of the tree that the page shows.
REGION, SHOWN_DEPTH = 5, 2
MODES = ("natural", "linear", "input", "fixed")
#: What a visitor plays who brings no file: pitches and eighths; `+` joins a chord.
PHRASES = {
    "minor": ("D4/1 F4/1 A4/2 G4/1 F4/1 E4/2", "D4/1 E4/1 F4/1 A4/1 D5/2 C5/1 A4/1 G4/2 F4/2"),
    "thirds": ("C4/1 E4/1 D4/1 F4/1 E4/1 G4/1 F4/2", "G4/1 E4/1 F4/1 D4/1 E4/1 C4/1 D4/2 C4/2"),
    "chords": ("C4+E4+G4/2 A4/1 G4/1 F4+A4/2 E4/2", "D4+F4/2 G4/1 F4/1 C4+E4+G4/2 D4/1 E4/1"),
}


class PrefixTree:
    """Contexts read backwards, each with the places of its continuations.

    References
    ----------
    Pachet, F. (2003). The Continuator: musical interaction with style. Journal of New Music
    Research 32(3), 333-341.
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.continuations: dict[tuple[Hashable, ...], list[int]] = {}
        """Context, its latest state first, to places, in the order of learning."""

    def learn(self, states: Sequence[Hashable], first: int) -> None:
        """Take in a phrase whose states stand at the places ``first``, ``first + 1`` ..."""
        for at in range(1, len(states)):
            for length in range(1, min(self.depth, at) + 1):
                path = tuple(reversed(states[at - length : at]))
                self.continuations.setdefault(path, []).append(first + at)

    def find(self, states: Sequence[Hashable]) -> tuple[int, list[int]]:
        """The longest known end of ``states``: its length and its continuations (0, []: none)."""
        found: tuple[int, list[int]] = (0, [])
        for length in range(1, min(self.depth, len(states)) + 1):
            places = self.continuations.get(tuple(reversed(states[len(states) - length :])))
            if places is None:
                break
            found = (length, places)
        return found


@dataclass(frozen=True)
class Event:
    """Notes that begin together: pitches, ticks to the next event, ticks held, velocity."""

    pitches: tuple[int, ...]
    step: int
    held: int
    velocity: int = 80

    @property
    def name(self) -> str:
        return "+".join(map(note_name, self.pitches))


#: From the finest view of an event to the coarsest.
REDUCTIONS: dict[str, Callable[[Event], Hashable]] = {
    "pitch and length": lambda event: (event.pitches, event.held),
    "pitch": lambda event: event.pitches,
    "region": lambda event: sum(event.pitches) // len(event.pitches) // REGION,
}


@dataclass
class Memory:
    """All that was played, and a tree for each reduction."""

    depth: int
    events: list[Event] = field(default_factory=list)
    trees: dict[str, PrefixTree] = field(default_factory=dict)

    def learn(self, phrase: Sequence[Event]) -> None:
        """Take in a phrase under every reduction."""
        for name, reduce in REDUCTIONS.items():
            tree = self.trees.setdefault(name, PrefixTree(self.depth))
            tree.learn([reduce(event) for event in phrase], len(self.events))
        self.events += phrase

    def follow(self, played: Sequence[Event]) -> tuple[str, int, list[int]]:
        """The first reduction that knows the end of what was played, its order, the places.

        Where none does, every event learned may follow: ("nothing", 0, all places).
        """
        for name, reduce in REDUCTIONS.items():
            length, places = self.trees[name].find([reduce(event) for event in played])
            if places:
                return name, length, places
        return "nothing", 0, list(range(len(self.events)))


def cluster(notes: Sequence[tuple[int, int, int, int]], within: int) -> list[Event]:
    """Events of (onset, duration, pitch, velocity): onsets at most ``within`` ticks apart join.

    The last event's step is the time for which it is held.
    """
    groups: list[list[tuple[int, int, int, int]]] = []
    for note in sorted(notes):
        if groups and note[0] - groups[-1][0][0] <= within:
            groups[-1].append(note)
        else:
            groups.append([note])
    events = []
    for at, group in enumerate(groups):
        held = max(note[1] for note in group)
        step = groups[at + 1][0][0] - group[0][0] if at + 1 < len(groups) else held
        pitches = tuple(sorted({note[2] for note in group}))
        events.append(Event(pitches, step, held, max(note[3] for note in group)))
    return events


def in_rhythm(mode: str, event: Event, place: int, phrase: Sequence[Event]) -> tuple[int, int]:
    """Ticks to the next event and ticks held, for the answer's event ``place``.

    Parameters
    ----------
    mode : str
        ``natural``: as learned; ``linear``: even eighths; ``input``: the phrase's rhythm, over
        and over; ``fixed``: as learned, but each step rounded to eighths.
    """
    if mode == "linear":
        return EIGHTH, EIGHTH
    if mode == "input":
        model = phrase[place % len(phrase)]
        return model.step, model.held
    if mode == "fixed":
        step = max(1, (2 * event.step + EIGHTH) // (2 * EIGHTH)) * EIGHTH
        return step, step
    return event.step, event.held


def read_phrase(path: str) -> list[Event]:
    """Events of a MIDI file, all its parts but drums, from the first note on.

    Raises
    ------
    ConfigError
        If the file cannot be read or has fewer than two events.
    """
    from hybrid.io.midi import read_midi

    try:
        score = read_midi(path).score
    except HybridError as error:
        raise ConfigError(f"file must be a MIDI file that can be read, got {path!r}") from error
    scale = TICKS_PER_QUARTER / score.ticks_per_quarter
    notes = [
        (
            round(int(note["onset"]) * scale),
            max(1, round(int(note["duration"]) * scale)),
            int(note["pitch"]),
            int(note["velocity"]),
        )
        for track in score.tracks
        if not track.is_drum
        for note in track.notes
    ]
    # A thirty-second: what fingers mean by together.
    events = cluster(notes, TICKS_PER_QUARTER // 8)
    if not 2 <= len(events) <= 200:
        raise ConfigError(f"file must be of 2..200 notes or chords, got {path!r} of {len(events)}")
    return events


def _check_file(text: str) -> None:
    if text:
        read_phrase(text)


def _built_in(text: str) -> list[Event]:
    from hybrid.core.pitch import parse_pitch

    events = []
    for token in text.split():
        names, _, length = token.partition("/")
        pitches = tuple(parse_pitch(name)[0] for name in names.split("+"))
        events.append(Event(pitches, int(length) * EIGHTH, int(length) * EIGHTH))
    return events


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Phrase and answer by turns; every phrase is learned before it is answered."""
    if values.text("file"):
        phrases = [read_phrase(values.text("file"))]
    else:
        phrases = [_built_in(text) for text in PHRASES[values.text("phrase")]]
    stage = _Stage(Memory(values.integer("order")), phrases, values.text("rhythm"))
    for turn in range(values.integer("turns")):
        phrase = phrases[turn % len(phrases)]
        stage.hear(phrase, turn + 1)
        stage.answer(phrase, values.integer("answer"), rng)
    score, trace = stage.ledger.close(
        title="Phrase and answer",
        qpm=values.number("tempo"),
        counts={"events learned": len(stage.memory.events), "notes answered": sum(stage.orders)},
    )
    mean = sum(order * number for order, number in enumerate(stage.orders)) / sum(stage.orders)
    facts = (
        ("Events learned", str(len(stage.memory.events))),
        ("Mean length of the context found", f"{mean:.1f} events"),
    )
    return Demonstration(score, trace, Machine((stage.tree, stage.log), tuple(stage.steps)), facts)


class _Stage:
    """Plays both parts and shows the tree of pitches."""

    def __init__(self, memory: Memory, phrases: list[list[Event]], mode: str) -> None:
        self.memory, self.mode = memory, mode
        self.ledger = Ledger()
        self.ledger.track("player", program=0, clef="treble")
        self.ledger.track("Continuator", program=11, clef="treble")
        self.steps: list[Step] = []
        self.lines: list[str] = []
        self.orders = [0] * (memory.depth + 1)
        self.now = 0
        # The tree after each phrase of the first round; later rounds only add continuations.
        known = Memory(min(SHOWN_DEPTH, memory.depth))
        self.sizes: list[int] = []
        for phrase in phrases:
            known.learn(phrase)
            self.sizes.append(1 + len(known.trees["pitch"].continuations))
        found = known.trees["pitch"].continuations
        # Parents stand before children within each phrase, for short contexts are learned first.
        self.places = {path: at for at, path in enumerate(found, start=1)}
        nodes = [("•", -1, "any context")]
        for path, after in found.items():
            label = "+".join(map(note_name, _pitches(path[-1])))
            follow = ", ".join(dict.fromkeys(known.events[at].name for at in after))
            nodes.append((label, self.places.get(path[:-1], 0), f"then {follow}"))
        self.tree = Tree(
            "tree",
            "Prefix tree of pitches",
            "Tree of contexts: the latest note hangs from the root, the one before it below.",
            nodes=tuple(nodes),
        )
        self.log = Text("log", "Question and answer", "A line for each thing heard or answered.")
        self.shown = 1

    def hear(self, phrase: list[Event], turn: int) -> None:
        """The player's phrase."""
        self.memory.learn(phrase)
        self.shown = self.sizes[min(turn, len(self.sizes)) - 1]
        self.parent = self.ledger.decide("turn", "player", f"phrase {turn}", tick=self.now)
        start = self.now
        for event in phrase:
            self._play("player", event, event.step, event.held, "player", "played", 1.0, ())
        self._step(
            f"Turn {turn}: the player's phrase of {len(phrase)} events is learned.", (), start
        )

    def answer(self, phrase: list[Event], length: int, rng: np.random.Generator) -> None:
        """Walk on from where the phrase ends."""
        played = list(phrase)
        for place in range(length):
            reduction, order, places = self.memory.follow(played)
            at = places[int(rng.integers(len(places)))]
            event = self.memory.events[at]
            self.orders[order] += 1
            step, held = in_rhythm(self.mode, event, place, phrase)
            same = [other for other in places if self.memory.events[other] == event]
            others = dict.fromkeys(
                f"{self.memory.events[other].name} (place {other + 1})"
                for other in places
                if other not in same
            )
            context = played[len(played) - order :] if order else []
            words = " ".join(item.name for item in context) or "nothing known"
            start = self.now
            self._play(
                "Continuator",
                event,
                step,
                held,
                f"tree of {reduction}",
                f"{event.name}, place {at + 1}, after {words}",
                len(same) / len(places),
                tuple(others)[:8],
            )
            path = tuple(item.pitches for item in reversed(played[-SHOWN_DEPTH:]))
            if reduction == "nothing" or reduction == "region":
                path = ()
            lit = [
                self.places[path[:n]] for n in range(1, len(path) + 1) if path[:n] in self.places
            ]
            self._step(
                f"{event.name} after {words}: {order} back by {reduction}, one of {len(places)}.",
                lit,
                start,
            )
            played.append(event)
        self.now += -self.now % BAR

    def _play(
        self,
        track: str,
        event: Event,
        step: int,
        held: int,
        maker: str,
        choice: str,
        probability: float,
        rejected: tuple[str, ...],
    ) -> None:
        for pitch in event.pitches:
            self.ledger.note(
                track,
                self.now,
                # Notes end where the next begins, so that the score can be read.
                min(step, held),
                pitch,
                maker=maker,
                choice=choice,
                velocity=event.velocity,
                parent=self.parent,
                probability=probability,
                rejected=rejected,
            )
        self.now += step

    def _step(self, caption: str, lit: Sequence[int], start: int) -> None:
        self.lines.append(caption)
        window = self.lines[-10:]
        states = {
            "tree": self.tree.grow(self.shown, lit),
            "log": self.log.say(window, [len(window) - 1]),
        }
        self.steps.append(Step(caption, states, start, self.now))


def _pitches(state: Hashable) -> tuple[int, ...]:
    assert isinstance(state, tuple)
    return state


EXHIBIT = Exhibit(
    name="continuator",
    title="The Continuator",
    year="2002",
    people=("François Pachet",),
    summary="A prefix tree learns what is played and answers in its manner.",
    story=(
        "François Pachet's Continuator listened to a pianist and, when the hands stopped, played "
        "on in the same style. It is a Markov chain whose order varies: it looks for the longest "
        "end of the phrase that it has heard before.",
        "The tree keeps all contexts read backwards: below the root the latest note, below that "
        "the one before. Where a context was never heard exactly, coarser views help: pitch and "
        "length, then pitch alone, then only the region of the keyboard.",
        "Rhythm is a choice apart: as learned, in even notes, in the rhythm of the question, or "
        "rounded to a beat. Listen to how the answer begins where the question ends.",
    ),
    parameters=(
        Parameter("phrase", "minor", "What is played to it.", choices=tuple(PHRASES)),
        Parameter(
            "file",
            "",
            "A MIDI file to play to it in place of the phrase.",
            check=_check_file,
            allowed="empty or a MIDI file",
        ),
        Parameter("rhythm", "natural", "Rhythm of the answer.", choices=MODES),
        Parameter("order", 4, "Longest context.", low=1, high=10),
        Parameter("answer", 12, "Events of an answer.", low=4, high=100),
        Parameter("turns", 4, "Questions and answers.", low=2, high=8),
        Parameter("tempo", 112.0, "Quarters a minute.", low=40.0, high=300.0),
    ),
    make=make,
    fidelity=(
        Fidelity("prefix tree, longest context", "faithful", "memory", "Contexts backwards."),
        Fidelity("reductions", "simplified", "memory", "Three of them, the last one regions."),
        Fidelity("names of the rhythm modes", "faithful", "source", "Four modes."),
        Fidelity(
            "rhythm modes in detail", "simplified", "memory", "Fixed metre rounds to eighths."
        ),
        Fidelity("chords clustered", "simplified", "memory", "Notes that begin together are one."),
        Fidelity("several voices, harmony from outside", "simplified", "memory", "Left out."),
        Fidelity("playing live", "simplified", "ours", "It answers a file, not a keyboard."),
        Fidelity("phrases", "invented", "ours", "Three short dialogues."),
    ),
    citations=(
        "Pachet, F. (2003). The Continuator: musical interaction with style. Journal of New Music "
        "Research 32(3), 333-341 (first at the ICMC, Gothenburg, 2002).",
    ),
    exercises=(
        "Set `order=1`, then `order=8`. When does the answer only repeat the question?",
        "Set `rhythm=input` and compare with `rhythm=linear`: which sounds more like an answer?",
        "Play it a MIDI file of yours: `file=mine.mid`. Which reductions does the trace name?",
    ),
)
