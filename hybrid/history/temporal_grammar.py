"""A temporal graph grammar: functions that hand down their time and may share what they derive."""

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

KEYS = ("C major", "F major", "D major", "A minor", "E minor", "G minor")


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Derive a phrase of exactly so many bars and play it."""
    from hybrid.grammar.harmony_tgg import TemporalDerivation, derive, temporal_grammar

    key = Key.parse(values.text("key"))
    bars = values.integer("bars")
    derivation = derive(key, 4 * bars, rng, cadence=values.text("cadence"), shortest=1)
    ledger = Ledger()
    ledger.track("right hand", program=11, clef="treble")
    ledger.track("left hand", program=0, clef="bass")
    grammar = temporal_grammar("minor" if key.is_minor else "major")
    grown = grow(derivation.tree, ledger, grammar, maker="temporal graph grammar")
    chords = []
    for leaf, node in zip(derivation.tree.leaves(), grown.leaves, strict=True):
        # A leaf by itself, so that equal neighbours keep a node each.
        degree = TemporalDerivation(leaf, key).degrees[0]
        ticks = int((leaf.duration or 0) * TICKS_PER_QUARTER)
        chords.append(Chord(degree.name, degree.key, ticks, node))
    steps = [*grown.steps, *play_chords(chords, ledger, grown, key)]
    shared = sum(node.label is not None for node in derivation.tree.preorder())
    score, trace = ledger.close(
        title=f"Time handed down in {key.name}",
        qpm=100.0,
        keys=(KeySignature(0, key),),
        counts={"rules applied": len(grown.steps), "nodes under a let": shared},
    )
    facts = (
        ("Chords", str(len(chords))),
        ("Probability of this derivation", f"{np.exp(derivation.tree.log_probability()):.3g}"),
    )
    return Demonstration(score, trace, Machine((grown.panel, grown.rules), tuple(steps)), facts)


EXHIBIT = Exhibit(
    name="temporal-grammar",
    title="A temporal graph grammar",
    year="2013",
    people=("Donya Quick", "Paul Hudak"),
    summary="Tonic, dominant and subdominant divide their time among what they become.",
    story=(
        "Grammars of harmony say which chord follows, but not when. In 2013 Donya Quick and Paul "
        "Hudak gave every symbol a duration: a tonic of eight bars may become two of four, or a "
        "dominant of four and a tonic of four. Time is handed down and divided, so a phrase of "
        "sixteen bars is one whatever is derived.",
        "Two more things no plain grammar has: a symbol can change the key of what stands below "
        "it, and a “let” derives a part once and uses it twice. The derivation is then a graph, "
        "not a tree, and the music has a repeat that is meant.",
        "Watch the lengths in the tree (rest the pointer on a symbol) and listen how slow and "
        "quick harmony alternate without any rule about rhythm.",
    ),
    parameters=(
        Parameter("bars", 16, "Length in bars of four quarters.", low=4, high=32),
        Parameter("key", "C major", "Key.", choices=KEYS),
        Parameter("cadence", "PAC", "Close, or stay open.", choices=("PAC", "HC", "none")),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "durations handed down", "faithful", "source", "Every symbol has a length and a key."
        ),
        Fidelity("sharing by let", "faithful", "source", "A part derived once and used twice."),
        Fidelity("modulation", "faithful", "source", "VI becomes I in its own key."),
        Fidelity("rules", "simplified", "source", "After their idea; the exact set is ours."),
        Fidelity("probabilities", "invented", "ours", "Set by hand, as theirs were learned later."),
        Fidelity(
            "closing and opening symbols", "invented", "ours", "So that a phrase has a cadence."
        ),
        Fidelity("broken chords", "invented", "ours", "The grammar gives degrees and lengths."),
    ),
    citations=(
        "Quick, D., & Hudak, P. (2013). A temporal generative graph grammar for harmonic and "
        "metrical structure. Proceedings of the International Computer Music Conference.",
        "Quick, D., & Hudak, P. (2013). Grammar-based automated music composition in Haskell. "
        "Proceedings of the ACM workshop on functional art, music, modeling and design.",
    ),
    exercises=(
        "Try seeds until a part is used twice (see “nodes under a let”). Can you hear the repeat?",
        "Set `bars=4`, then 32. What changes in the tree, and what does not?",
        "Which rule would you add to make the harmony move faster before a cadence?",
    ),
)
