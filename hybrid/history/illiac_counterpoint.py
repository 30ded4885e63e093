"""Illiac Suite, experiments 1 and 2: counterpoint by throwing away what breaks a rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybrid.core.pitch import Key
from hybrid.core.score import TICKS_PER_QUARTER, KeySignature, Marker
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.illiac import RULES, VOICES, Rule, Written, write_piece
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Bars, Machine, Step, Table, Text
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import note_name

CHORD = 2 * TICKS_PER_QUARTER
PROGRAMS = {"violin I": 40, "violin II": 40, "viola": 41, "cello": 42}
CLEFS = {"violin I": "treble", "violin II": "treble", "viola": "alto", "cello": "bass"}
#: Which instruments play one, two, three and four voices, from the lowest.
PLAYERS = (
    ("violin I",),
    ("viola", "violin I"),
    ("cello", "viola", "violin I"),
    ("cello", "viola", "violin II", "violin I"),
)


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Write a section for each set of rules."""
    players = PLAYERS[values.integer("voices") - 1]
    notes = values.integer("notes")
    # A line alone cannot break a rule between voices.
    rules = [rule for rule in RULES if rule.is_melodic or len(players) > 1]
    if values.text("rules") == "one-by-one":
        sections = [rules[:n] for n in range(len(rules) + 1)]
    else:
        sections = [rules if values.text("rules") == "all" else []]
    stage = _Stage(players, rules, notes)
    for active in sections:
        stage.write(write_piece(rng, notes, [VOICES[name] for name in players], active), active)
    return stage.close()


class _Stage:
    """Takes finished sections into the score, the trace and the machine."""

    def __init__(self, players: Sequence[str], rules: Sequence[Rule], notes: int) -> None:
        self.players, self.rules, self.notes = players, rules, notes
        self.ledger = Ledger()
        for name in reversed(players):
            self.ledger.track(name, program=PROGRAMS[name], clef=CLEFS[name])
        self.table = Table(
            "rules",
            "Rules in force",
            "Table of the rules in the order in which they are switched on; those in force are "
            "marked.",
            columns=("rule", "in words"),
            rows=tuple((rule.name, rule.words) for rule in rules),
        )
        self.fallen = Bars(
            "fallen",
            "Notes thrown away for this chord, by rule",
            "Bars for how many notes each rule threw away before this chord stood.",
            labels=tuple(rule.name for rule in rules),
        )
        self.log = Text("log", "What was drawn", "The notes drawn for this chord, in their order.")
        self.steps: list[Step] = []
        self.markers: list[Marker] = []
        self.now = self.draws = self.restarts = self.n_rejected = 0

    def write(self, made: Written, active: Sequence[Rule]) -> None:
        """One section."""
        name = f"+ {active[-1].name}" if active else "no rule"
        if len(active) == len(self.rules):
            name += " (all rules)"
        self.markers.append(Marker(self.now, name))
        section = self.ledger.decide(
            "section",
            "experimenter",
            f"{len(active)} rules: {', '.join(rule.name for rule in active) or 'none'}",
            tick=self.now,
        )
        self.draws += made.draws
        self.restarts += made.restarts
        for place in range(self.notes):
            self._chord(made, active, place, section)
            self.now += CHORD

    def _chord(self, made: Written, active: Sequence[Rule], place: int, section: int) -> None:
        counts = [0] * len(self.rules)
        names = [rule.name for rule in self.rules]
        lines, lit = [], []
        for voice, player in enumerate(self.players):
            pitch, fallen = made.lines[voice][place], made.rejected[voice][place]
            for lost, rule in fallen:
                counts[names.index(rule)] += 1
                lines.append(f"{player:<9} {note_name(lost):<4} thrown away: {rule}")
            lit.append(len(lines))
            lines.append(f"{player:<9} {note_name(pitch):<4} kept")
            n_kept = len(fallen) + 1
            self.ledger.note(
                player,
                self.now,
                CHORD,
                pitch,
                maker="rejection",
                choice=f"{note_name(pitch)}, draw {n_kept} of this note",
                parent=section,
                # Drawn evenly from fifteen keys.
                probability=1 / 15,
                rejected=[f"{note_name(lost)}: {rule}" for lost, rule in fallen],
            )
        self.n_rejected += sum(counts)
        chord = " ".join(note_name(made.lines[voice][place]) for voice in range(len(self.players)))
        self.steps.append(
            Step(
                f"{self.markers[-1].text}: chord {place + 1}: {chord} stands after "
                f"{sum(counts)} notes were thrown away.",
                {
                    "rules": self.table.mark(
                        chosen=[(len(active) - 1, 0)] if active else [],
                        past=[(row, 0) for row in range(len(active) - 1)],
                    ),
                    "fallen": self.fallen.show(counts),
                    "log": self.log.say(lines, lit),
                },
                self.now,
                self.now + CHORD,
            )
        )

    def close(self) -> Demonstration:
        """The finished demonstration."""
        score, trace = self.ledger.close(
            title="Counterpoint by rejection",
            qpm=132.0,
            metre="4/4",
            keys=(KeySignature(0, Key.parse("C major")),),
            markers=tuple(self.markers),
            counts={
                "notes drawn": self.draws,
                "beginnings given up": self.restarts,
                "notes thrown away in what was kept": self.n_rejected,
            },
        )
        kept = score.n_notes / self.draws
        facts = (
            ("Sections", str(len(self.markers))),
            ("Notes drawn", str(self.draws)),
            ("Kept", f"{kept:.0%}"),
        )
        machine = Machine((self.table, self.fallen, self.log), tuple(self.steps))
        return Demonstration(score, trace, machine, facts)


EXHIBIT = Exhibit(
    name="illiac-counterpoint",
    title="Illiac Suite 1 and 2: counterpoint by rejection",
    year="1957",
    people=("Lejaren Hiller", "Leonard Isaacson"),
    summary="A computer draws white notes and throws away what breaks a rule, rule after rule.",
    story=(
        "In 1956 and 1957 Lejaren Hiller and Leonard Isaacson had the ILLIAC computer of the "
        "University of Illinois write a string quartet. Its method is the simplest there is: draw "
        "a note at random, test it against the rules, throw it away if one is broken, draw again. "
        "If that fails too often, begin the piece again.",
        "The first experiment wrote melodies and their settings, the second switched on the rules "
        "of strict counterpoint one after another, so that one hears disorder turn into order. "
        "That is what plays here: twelve sections, each with one rule more than the last.",
        "Listen for the moment when leaps must resolve, and for the one when dissonance goes: with "
        "a single rule the sound changes from noise to harmony. What no rule asks for does not "
        "appear: there is no phrase, no climax and no tune.",
    ),
    parameters=(
        Parameter(
            "rules",
            "one-by-one",
            "Sections with one rule more each, or one section with all or none.",
            choices=("one-by-one", "all", "none"),
        ),
        Parameter("voices", 4, "Voices: one is a melody alone.", low=1, high=4),
        Parameter("notes", 8, "Notes of each voice in a section.", low=4, high=32),
    ),
    make=make,
    fidelity=(
        Fidelity("rejection", "faithful", "source", "Draw, test, throw away, and begin again."),
        Fidelity(
            "melodic rules",
            "faithful",
            "source",
            "Quoted: no line spans more than an octave; no skip of a seventh; a skip is followed "
            "by a repeat or step; no more than one successive repeat. From secondary sources: "
            "middle C at both ends, no tritone.",
        ),
        Fidelity(
            "harmonic rules",
            "simplified",
            "memory",
            "Consonance without six-four, no parallels, restricted similar motion, cadence; their "
            "exact wording and order were not checked.",
        ),
        Fidelity("no crossing", "invented", "ours", "So that the voices can be told apart."),
        Fidelity(
            "ends of four voices",
            "simplified",
            "ours",
            "Middle C binds a melody alone; with more voices the bass has C and the others its "
            "chord.",
        ),
        Fidelity(
            "fifteen keys",
            "simplified",
            "memory",
            "Two octaves of white keys for each voice; where they lie is ours.",
        ),
        Fidelity("tempo, loudness", "invented", "ours", "Half notes, all of one loudness."),
    ),
    citations=(
        "Hiller, L. A., & Isaacson, L. M. (1959). Experimental Music: Composition with an "
        "Electronic Computer. McGraw-Hill, New York.",
        "Hiller, L. A., & Isaacson, L. M. (1958). Musical composition with a high-speed digital "
        "computer. Journal of the Audio Engineering Society 6.",
    ),
    exercises=(
        "Set `voices=1` and `rules=none`, then `rules=all`. Which rule changes a melody most?",
        "Look at the bars of what was thrown away: which rule is the dearest? Would another order "
        "of testing change the result, or only the cost?",
        "Set `notes=24 rules=all`. How does the share of notes that are kept change, and why?",
        "Write down a rule that would give the melody one highest note. Can rejection keep it?",
    ),
)
