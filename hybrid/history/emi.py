"""Experiments in Musical Intelligence: new chorales from beats of old ones."""

from __future__ import annotations

import numpy as np

from hybrid.core.pitch import Key
from hybrid.core.score import TICKS_PER_QUARTER, KeySignature, Marker
from hybrid.history.chorales import BAR_QUARTERS, VOICES, Beat, Chorale, cut, load_chorales
from hybrid.history.emi_panels import Panels
from hybrid.history.emi_planner import Piece, Planner
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Machine
from hybrid.history.parameters import Parameter, Values
from hybrid.history.recombination import Choice, Database
from hybrid.history.signatures import Signature, find_signatures
from hybrid.history.speac import LABELS, leaves_of
from hybrid.history.words import note_name

#: Signatures that are looked for, at most.
SIGNATURES = 14
#: The compass of the four voices, lowest and highest.
COMPASS = (38, 79)


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Cut, find signatures, compose, write."""
    mode = values.text("mode")
    chorales = load_chorales(mode)
    works = {number: list(cut(chorale)) for number, chorale in chorales.items()}
    signatures = find_signatures(
        works, values.integer("signature"), values.integer("works"), SIGNATURES
    )
    database = Database(works, signatures, values.flag("place"))
    piece = Planner(works, database, values, rng).compose()
    return _Writer(chorales, database, signatures, piece, mode).write(values.number("tempo"))


class _Writer:
    """Writes the piece, its trace and its machine."""

    def __init__(
        self,
        chorales: dict[int, Chorale],
        database: Database,
        signatures: list[Signature],
        piece: Piece,
        mode: str,
    ) -> None:
        self.chorales, self.database, self.piece = chorales, database, piece
        self.beats = [choice.beat for choice in piece.walk.choices]
        self.key = Key(0, mode)
        self.move, self.fifths = best_key(self.beats, self.key)
        self.key = Key(self.fifths, mode)
        self.labels = leaves_of(piece.tree)
        self.bounds = [*piece.firsts, len(self.beats)]
        self.panels = Panels(chorales, database, signatures, piece.tree, self.beats, self.bounds)
        self.ledger = Ledger()
        for voice in VOICES:
            clef = "bass" if voice in ("tenor", "bass") else "treble"
            self.ledger.track(voice, program=19, clef=clef)

    def write(self, tempo: float) -> Demonstration:
        """Derivation, phrases, beats, notes."""
        walk = self.piece.walk
        parents = self._derivation()
        marks = []
        tick = 0
        for number, letter in enumerate(self.labels):
            first, last = self.bounds[number], self.bounds[number + 1]
            quarters = sum(beat.quarters for beat in self.beats[first:last])
            phrase = self.ledger.decide(
                "phrase",
                "SPEAC",
                f"phrase {number + 1}: {LABELS[letter]}, {quarters} quarters",
                tick=tick,
                parent=parents[number],
            )
            marks.append(Marker(tick, f"{letter} {LABELS[letter]}"))
            for choice in walk.choices[first:last]:
                self._beat(choice, tick, phrase, number)
                tick += choice.beat.quarters * TICKS_PER_QUARTER
        upbeat = -self.beats[0].place % BAR_QUARTERS
        sources = {beat.chorale for beat in self.beats}
        score, trace = self.ledger.close(
            title=f"Chorale in {self.key.name}, after {len(sources)} of Bach's",
            qpm=tempo,
            keys=(KeySignature(0, self.key),),
            markers=tuple(marks),
            pickup_ticks=upbeat * TICKS_PER_QUARTER,
            counts={
                "beats": len(self.beats),
                "sources": len(sources),
                "attempts": self.piece.attempts,
                "turned back": walk.turned_back,
            },
        )
        choices = [choice.n_choices for choice in walk.choices]
        facts = (
            ("Beats and sources", f"{len(self.beats)} from {len(sources)} chorales"),
            ("SPEAC", " ".join(self.labels)),
            ("Longest stretch as in a source", f"{walk.verbatim} beats"),
            ("Choices at a beat", f"{np.mean(choices):.1f} on average"),
            ("Pieces begun", str(self.piece.attempts)),
        )
        machine = Machine(self.panels.panels, tuple(self.panels.steps))
        return Demonstration(score, trace, machine, facts)

    def _derivation(self) -> list[int]:
        """Write the derivation; the decision that each phrase follows from."""
        numbers: list[int] = []
        leaves = []
        for place, node in enumerate(self.piece.tree):
            parent = numbers[node.parent] if node.parent >= 0 else None
            if node.leaf >= 0:
                leaves.append(0 if parent is None else parent)
                numbers.append(-1)
                if parent is None:
                    leaves[0] = self.ledger.decide("derivation", "SPEAC grammar", "S")
                continue
            numbers.append(
                self.ledger.decide("derivation", "SPEAC grammar", node.rule, parent=parent)
            )
            self.panels.rule(place, node)
        return leaves

    def _beat(self, choice: Choice, tick: int, phrase: int, number: int) -> None:
        beat = choice.beat
        chorale = self.chorales[beat.chorale]
        where = f"No. {beat.chorale}, beat {beat.index + 1}"
        bar = f"bar {beat.bar}" if beat.bar else "upbeat"
        decision = self.ledger.decide(
            "beat",
            choice.state,
            f"{where} ({bar}, quarter {beat.place + 1}) of “{chorale.title}”, {chorale.key.name}",
            tick=tick,
            parent=phrase,
            probability=choice.chance,
            rejected=[f"{label_} ({reason})" for label_, reason in choice.rejected],
        )
        for voice, notes in zip(VOICES, beat.voices, strict=True):
            for onset, length, pitch, spelling in notes:
                there = note_name(pitch - beat.shift, spelling + chorale.key.tonic)
                self.ledger.note(
                    voice,
                    tick + onset,
                    length,
                    pitch + self.move,
                    maker=where,
                    choice=f"{there} of the {voice} there, moved by "
                    f"{self.move + beat.shift:+d} semitones",
                    velocity=74,
                    spelling=spelling + self.fifths,
                    parent=decision,
                )
        if beat.is_end:
            onset, _, pitch, _ = beat.voices[0][-1]
            self.ledger.articulate("soprano", tick + onset, pitch + self.move, "fermata")
        self.panels.beat(choice, tick, number, self.labels[number])


def best_key(beats: list[Beat], key: Key) -> tuple[int, int]:
    """Semitones and fifths by which the piece lies best for the voices.

    The fewest semitones out of `COMPASS`, then the fewest accidentals, then the shorter way.
    """
    pitches = [note[2] for beat in beats for voice in beat.voices for note in voice]
    low, high = min(pitches), max(pitches)
    options = []
    for move in range(-6, 7):
        fifths = (7 * move + 6) % 12 - 6
        outside = max(0, COMPASS[0] - low - move) + max(0, high + move - COMPASS[1])
        signature = abs(Key(fifths, key.mode).fifths)
        options.append((outside, signature, abs(move), move, fifths))
    *_, move, fifths = min(options)
    return move, fifths


EXHIBIT = Exhibit(
    name="emi",
    title="Experiments in Musical Intelligence",
    year="1981",
    people=("David Cope",),
    summary="Bach's chorales, cut into beats, chained into new ones; signatures stay whole.",
    story=(
        "David Cope began in 1981, in a composer's block, to write a program that would know his "
        "style. It became a program that composes in any style of which it has the works. The "
        "chorales it made after Bach are its best-known pieces.",
        "It is recombinant: chorales are brought into one key and cut where all four voices begin "
        "a note together. Each piece, a beat or more, is filed in a lexicon under the four notes "
        "it begins with, and remembers the four notes to which it went, its destination. A beat "
        "may follow another if it begins with the other's destination. So every voice moves as "
        "it moved in Bach, and no two beats in a row need come from one chorale.",
        "Three things keep it from wandering. Signatures, patterns that come in several works, "
        "often cadences, are found by matching and stay whole. SPEAC says of each phrase whether "
        "it is statement, preparation, extension, antecedent or consequent, by the tension of its "
        "chords, and a grammar says which follow each other. An augmented transition network "
        "walks from state to state, with tests on every arc.",
        "Listen for the joins: there is one at every second beat or so. The colours of the mosaic "
        "show from which chorale you hear a beat; the trace names its bar.",
    ),
    parameters=(
        Parameter("mode", "major", "Which chorales.", choices=("major", "minor")),
        Parameter("phrases", 6, "Phrases: leaves of the SPEAC tree.", low=1, high=10),
        Parameter("length", 8, "Quarters of a phrase, where there is a way.", low=4, high=12),
        Parameter("run", 3, "Most beats in a row as in any one source.", low=2, high=12),
        Parameter("signature", 3, "Beats of a signature; at most run.", low=2, high=4),
        Parameter("works", 8, "Works that a signature must be in.", low=2, high=40),
        Parameter("place", True, "Whether a beat stays at its own quarter of the bar."),
        Parameter("tempo", 76.0, "Quarters a minute.", low=30.0, high=200.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "cutting, lexicon, destination notes",
            "faithful",
            "source",
            "As in the chorale program published with Cope's book of 2005: cut where all voices "
            "begin together, filed under the first notes.",
        ),
        Fidelity(
            "leaving the source",
            "faithful",
            "source",
            "The source's own next beat is taken only if there is no other.",
        ),
        Fidelity(
            "tensions and labels of beats",
            "faithful",
            "source",
            "Weights of intervals, metre, length and root motion, and the order of the tests, are "
            "that program's; the example of the book's figure 7.12 is a test here.",
        ),
        Fidelity(
            "SPEAC grammar",
            "faithful",
            "source",
            "The successions are Cope's (2005), read at second hand; that all trees are equally "
            "likely is ours.",
        ),
        Fidelity(
            "labels of phrases",
            "simplified",
            "memory",
            "The same tests on the mean tensions of phrases; only the cadence of a phrase comes "
            "from a source phrase with its label.",
        ),
        Fidelity(
            "signatures",
            "simplified",
            "memory",
            "Patterns of soprano and bass, with one interval off by one semitone at most. Cope's "
            "controllers allow more, and his signatures may be varied.",
        ),
        Fidelity(
            "augmented transition network",
            "simplified",
            "memory",
            "Seven states with tests and registers. The published chorale program has none; the "
            "larger ones order whole sections by it.",
        ),
        Fidelity(
            "ends of phrases",
            "simplified",
            "ours",
            "The tables of the chorales have no fermatas; ends are found by rule of thumb.",
        ),
        Fidelity(
            "limit on one source, place in the bar, phrases of set length",
            "invented",
            "ours",
            "The program begins again where a piece is too short or has no cadence; here dead "
            "ends are seen beforehand.",
        ),
        Fidelity(
            "texture, transformation, earmarks, unifications",
            "simplified",
            "memory",
            "Left out, as is everything for other forms than the chorale.",
        ),
    ),
    citations=(
        "Cope, D. (2005). Computer Models of Musical Creativity. Cambridge, MA: MIT Press; and the "
        "programs Chorale and SPEAC published with it. (The programs were read for this page.)",
        "Cope, D. (1996). Experiments in Musical Intelligence. Madison, WI: A-R Editions.",
        "Cope, D. (2001). Virtual Music: Computer Synthesis of Musical Style. MIT Press.",
        "Bach, J. S. Four-part chorales. DCMLab/bach_chorales v2.0, CC0 1.0.",
    ),
    exercises=(
        "Set `run=12`. Do you hear chorales that you know? How long are the stretches now?",
        "Set `place=false`. What becomes of strong and weak beats, and of the cadences?",
        "Find a signature in the mosaic. In how many chorales is it, and where in the phrase?",
        "Set `works=30`, so that hardly a signature is left. What changes at the cadences?",
        "Take a beat of the score, find its bar in Bach by the trace, and compare what follows.",
    ),
)
