"""A context-free grammar of melody, with one rule for each symbol or with probabilities."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from hybrid.core.pitch import Key, parse_pitch
from hybrid.core.score import TICKS_PER_QUARTER, KeySignature
from hybrid.history.derivations import grow
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Machine, Step
from hybrid.history.parameters import Parameter, Values

#: Terminals are notes with their lengths in quarters. A period and a bridge last eight bars each.
PROBABILISTIC = """
Song   -> (0.4) Period | (0.3) Period Song | (0.3) Period Bridge Song
Period -> (1) Phrase Open Phrase Close
Bridge -> (0.6) Lift Lift Phrase Open | (0.4) Lift Phrase Lift Open
Phrase -> (0.4) Rise Fall | (0.3) Turn Rise | (0.3) Rise Turn
Open   -> (0.6) Fall Half | (0.4) Turn Half
Close  -> (0.6) Fall End | (0.4) Turn End
Lift   -> (0.5) High Fall | (0.5) High Turn
Rise   -> (0.4) 'C5'[1] 'D5'[1] 'E5'[2] | (0.3) 'G4'[1] 'C5'[1] 'E5'[1] 'G5'[1]
        | (0.3) 'C5'[1/2] 'D5'[1/2] 'E5'[1] 'F5'[1] 'G5'[1]
Fall   -> (0.4) 'G5'[1] 'F5'[1] 'E5'[1] 'D5'[1] | (0.3) 'E5'[3/2] 'D5'[1/2] 'C5'[2]
        | (0.3) 'G5'[2] 'E5'[1] 'C5'[1]
Turn   -> (0.5) 'E5'[1] 'F5'[1/2] 'E5'[1/2] 'D5'[1] 'E5'[1] | (0.5) 'E5'[1] 'G5'[1] 'F5'[1] 'D5'[1]
High   -> (0.6) 'G5'[1] 'A5'[1] 'B5'[1] 'C6'[1] | (0.4) 'A5'[2] 'C6'[2]
Half   -> (0.6) 'D5'[2] 'B4'[2] | (0.4) 'D5'[4]
End    -> (0.6) 'D5'[1] 'B4'[1] 'C5'[2] | (0.4) 'C5'[4]
"""
#: The same symbols with one rule each: the language has one string.
DETERMINISTIC = """
Song   -> Period Bridge Period
Period -> Phrase Open Phrase Close
Bridge -> Lift Lift Phrase Open
Phrase -> Rise Fall
Open   -> Turn Half
Close  -> Fall End
Lift   -> High Fall
Rise   -> 'C5'[1] 'D5'[1] 'E5'[2]
Fall   -> 'G5'[1] 'F5'[1] 'E5'[1] 'D5'[1]
Turn   -> 'E5'[1] 'F5'[1/2] 'E5'[1/2] 'D5'[1] 'E5'[1]
High   -> 'G5'[1] 'A5'[1] 'B5'[1] 'C6'[1]
Half   -> 'D5'[2] 'B4'[2]
End    -> 'D5'[1] 'B4'[1] 'C5'[2]
"""


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Derive a string of notes and play it."""
    from hybrid.grammar.notation import read_grammar
    from hybrid.grammar.sample import sample

    is_fixed = values.text("kind") == "deterministic"
    grammar = read_grammar(DETERMINISTIC if is_fixed else PROBABILISTIC, "melody")
    length = None if is_fixed else 4 * int(values.text("bars"))
    tree = sample(grammar, rng, length=length)
    ledger = Ledger()
    ledger.track("flute", program=73)
    grown = grow(tree, ledger, grammar, maker=f"{values.text('kind')} grammar")
    steps = list(grown.steps)
    now = 0
    for leaf, node in zip(tree.leaves(), grown.leaves, strict=True):
        pitch, spelling = parse_pitch(leaf.symbol.name)
        duration = int((leaf.duration or Fraction(1)) * TICKS_PER_QUARTER)
        way = grown.way(node)
        above = " ‹ ".join(grown.panel.nodes[at][0] for at in way[1:])
        ledger.note(
            "flute",
            now,
            duration,
            pitch,
            maker="terminal",
            choice=f"{leaf.symbol.name} under {above}",
            spelling=spelling,
            parent=grown.decisions[node],
        )
        steps.append(
            Step(
                f"{leaf.symbol.name} sounds; it stands under {above}.",
                {
                    "tree": grown.panel.grow(len(grown.panel.nodes), way),
                    "rules": grown.rules.upto(len(grown.rules.lines)),
                },
                now,
                now + duration,
            )
        )
        now += duration
    score, trace = ledger.close(
        title=f"A melody by a {values.text('kind')} grammar",
        qpm=126.0,
        keys=(KeySignature(0, Key.parse("C major")),),
        counts={"rules applied": len(grown.steps)},
    )
    facts = (
        ("Grammar", values.text("kind")),
        ("Probability of this tree", f"{np.exp(tree.log_probability()):.3g}"),
    )
    return Demonstration(score, trace, Machine((grown.panel, grown.rules), tuple(steps)), facts)


EXHIBIT = Exhibit(
    name="grammar-melody",
    title="A grammar of melody",
    year="1976",
    people=("after Noam Chomsky", "Johan Sundberg", "Björn Lindblom"),
    summary="Songs derived from rules as sentences are: periods, phrases, motifs, notes.",
    story=(
        "In the nineteen-fifties Noam Chomsky described sentences by rules that rewrite symbols: a "
        "sentence is a noun phrase and a verb phrase, and so on down to words. In the seventies "
        "Johan Sundberg and Björn Lindblom wrote such rules for nursery tunes. A song is a period, "
        "perhaps a bridge, and a song again; a period is four phrases; at the bottom stand notes.",
        "With one rule for each symbol there is one song. With several, each with a probability, "
        "there is a language of songs, and each has a chance. Any string can be parsed back to the "
        "rules that made it.",
        "The draw here is exact: asked for 24 bars, the grammar's own distribution over songs of "
        "24 bars is drawn from, without trying until one fits. What a context-free grammar cannot "
        "do is to say a phrase twice: each return is derived anew.",
    ),
    parameters=(
        Parameter(
            "kind",
            "probabilistic",
            "One rule for each symbol, or several with probabilities.",
            choices=("probabilistic", "deterministic"),
        ),
        Parameter(
            "bars",
            "24",
            "Length; the deterministic grammar knows 24 only.",
            choices=("8", "16", "24", "32", "40"),
        ),
    ),
    make=make,
    fidelity=(
        Fidelity("context-free rewriting", "faithful", "source", "With probabilities and lengths."),
        Fidelity("exact length", "faithful", "computed", "By conditioning, not by trying."),
        Fidelity("the rules", "invented", "ours", "Not those of Sundberg and Lindblom."),
        Fidelity("probabilities", "invented", "ours", "Set by hand."),
    ),
    citations=(
        "Sundberg, J., & Lindblom, B. (1976). Generative theories in language and music "
        "descriptions. Cognition 4(1), 99-122.",
        "Chomsky, N. (1957). Syntactic Structures. Mouton.",
        "Lari, K., & Young, S. J. (1990). The estimation of stochastic context-free grammars using "
        "the inside-outside algorithm. Computer Speech and Language 4.",
    ),
    exercises=(
        "Set `kind=deterministic` and try some seeds. What changes?",
        "Make three songs of 24 bars and compare their probabilities. Is the likeliest the best?",
        "Write a rule that lets a phrase come twice literally. Why is none to be found?",
        "Take the grammar from this page and derive with it: `hybrid grammar sample`.",
    ),
)
