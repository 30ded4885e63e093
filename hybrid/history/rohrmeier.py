"""Rohrmeier's generative syntax of tonal harmony."""

from __future__ import annotations

import numpy as np

from hybrid.core.pitch import Key
from hybrid.core.score import TICKS_PER_QUARTER, KeySignature
from hybrid.history.chord_phrases import Chord, play_chords
from hybrid.history.derivations import grow
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Machine
from hybrid.history.parameters import Parameter, Values

KEYS = ("C major", "G major", "Eb major", "A minor", "D minor", "C minor")
#: What the page's tree calls the grammar's own names.
_CHORD = 2 * TICKS_PER_QUARTER


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Derive a piece of so many chords and play it."""
    from hybrid.grammar.rohrmeier import derive, rohrmeier_grammar

    key = Key.parse(values.text("key"))
    cadence = values.text("cadence")
    derivation = derive(key, values.integer("chords"), rng, cadence=cadence, start="piece")
    ledger = Ledger()
    ledger.track("right hand", program=0, clef="treble")
    ledger.track("left hand", program=0, clef="bass")
    grammar = rohrmeier_grammar("minor" if key.is_minor else "major")
    grown = grow(derivation.tree, ledger, grammar, maker="generative syntax")
    chords = [
        Chord(name, local, _CHORD, node)
        for (name, local), node in zip(derivation.degrees, grown.leaves, strict=True)
    ]
    # The close is held.
    last = chords[-1]
    chords[-1] = Chord(last.numeral, last.key, 2 * _CHORD, last.node)
    steps = [*grown.steps, *play_chords(chords, ledger, grown, key)]
    score, trace = ledger.close(
        title=f"A tonal sentence in {key.name}",
        qpm=92.0,
        keys=(KeySignature(0, key),),
        counts={"rules applied": len(grown.steps)},
    )
    facts = (
        ("Chords", " ".join(derivation.tokens)),
        ("Probability of this tree", f"{np.exp(derivation.tree.log_probability()):.3g}"),
    )
    return Demonstration(score, trace, Machine((grown.panel, grown.rules), tuple(steps)), facts)


EXHIBIT = Exhibit(
    name="rohrmeier",
    title="A generative syntax of tonal harmony",
    year="2011",
    people=("Martin Rohrmeier",),
    summary="Harmony as a language: phrases, regions, functions and degrees derived by rules.",
    story=(
        "Why does a chord sound as if it depended on one that is yet to come? In 2011 Martin "
        "Rohrmeier wrote tonal harmony down as a grammar in four levels. A piece is phrases; a "
        "phrase is a tonic region; regions divide into tonic, dominant and subdominant regions; "
        "these end in functions, the functions in degrees, the degrees in chords.",
        "A dominant region can prepare a tonic, a subdominant region a dominant, each to any "
        "depth. A function may become the tonic of a key of its own (modulation), and a degree may "
        "be preceded by its dominant.",
        "The tree shows what a list of chords hides: which chord serves which. Step through the "
        "derivation, then let it play and watch the path from each chord up to the piece.",
    ),
    parameters=(
        Parameter("chords", 16, "Chords in all.", low=4, high=32),
        Parameter("key", "C major", "Key.", choices=KEYS),
        Parameter(
            "cadence",
            "PAC",
            "Close: perfect, half, deceptive or free.",
            choices=("PAC", "HC", "DC", "none"),
        ),
    ),
    make=make,
    fidelity=(
        Fidelity("four levels and their symbols", "faithful", "source", "Phrase to surface."),
        Fidelity("rules of regions", "faithful", "source", "TR, DR, SR as given."),
        Fidelity("functions to degrees", "faithful", "memory", "t to I, s to IV, d to V or VII."),
        Fidelity(
            "parallels, counterparallels", "faithful", "source", "tp, sp, dp, tcp in both modes."
        ),
        Fidelity(
            "modulation", "simplified", "source", "Into the keys of some functions, one deep."
        ),
        Fidelity("probabilities", "invented", "ours", "The paper has none."),
        Fidelity(
            "exact number of chords", "invented", "ours", "Drawn by conditioning the grammar."
        ),
        Fidelity("broken chords", "invented", "ours", "The grammar gives degrees, no notes."),
    ),
    citations=(
        "Rohrmeier, M. (2011). Towards a generative syntax of tonal harmony. Journal of "
        "Mathematics and Music 5(1), 35-53.",
    ),
    exercises=(
        "Find a dominant of a dominant in the tree. Over how many chords does it reach?",
        "Set `chords=5` and try seeds until two have the same chords but different trees.",
        "Set `cadence=DC`. Where in the tree does the deception happen?",
        "Parse a song you know: `hybrid grammar parse` with the grammar of this page.",
    ),
)
