"""Learned uses of labels as a grammar that people can read: names, rounding, pruning, comments.

The grammar has, for every label, a symbol ``<after verse>`` with what follows that label whatever
its use, and ``<bars of verse>`` with its lengths. A use lists only what it does more often than its
label and leaves the rest to these two, so that thousands of small numbers need not be written::

    Verse2 -> (0.6) 'verse' Chorus1 | (0.3) 'verse' Chorus3 | (0.1) 'verse' <after verse>
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hybrid.grammar.cfg import Grammar, Part, Rule, Symbol, useful
from hybrid.grammar.form_learning import (
    END,
    FloatArray,
    Prior,
    Strings,
    Uses,
    encode_strings,
    forward_backward,
    token_parts,
    train_ngram,
)
from hybrid.grammar.latent import terminal_part
from hybrid.grammar.notation import read_grammar


@dataclass(frozen=True)
class Pruning:
    """What is left out of a written grammar.

    Attributes
    ----------
    gain : float
        A rule of a use's own is written where it saves at least so many bits over all of training,
        compared with leaving the choice to the label.
    least_use : float
        Uses expected fewer times than this in all of training are dropped.
    least_pair : int
        Pairs of labels seen fewer times are left to what is frequent anywhere.
    digits : int
        Significant digits of the weights.
    """

    gain: float = 4.0
    least_use: float = 3.0
    least_pair: int = 1
    digits: int = 2


def use_names(uses: Uses, strings: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """``Verse1``, ``Verse2``, ... in order of their mean place in a song, first to last."""
    table, _ = encode_strings(strings, uses.tokens)
    place, count = _places(uses, table)
    mean = place / np.maximum(count, 1e-9)
    names = [""] * len(uses.labels)
    # Numerals end in figures themselves: the first dominant seventh is V7.1.
    dot = "." if any(character.isdigit() for label in uses.labels for character in label) else ""
    for label in dict.fromkeys(uses.labels):
        mine = [s for s, own in enumerate(uses.labels) if own == label]
        for number, use in enumerate(sorted(mine, key=lambda s: (round(float(mean[s]), 9), s)), 1):
            names[use] = f"{_title(label, dot)}{f'{dot}{number}' if len(mine) > 1 else ''}"
    if len(set(names)) < len(names):  # labels that differ in case only, as in POP909: b is -B
        names = [
            f"-{name}" if label.islower() else name
            for label, name in zip(uses.labels, names, strict=True)
        ]
    return tuple(names)


def _title(label: str, dot: str) -> str:
    """``second theme`` as ``SecondTheme``; numerals keep their case."""
    if dot:
        return label
    return "".join(word[:1].upper() + word[1:] for word in label.split())


def _places(uses: Uses, table: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """Sum of each use's relative places (0 first, 1 last) over songs, and expected number."""
    place, count = np.zeros(len(uses.labels)), np.zeros(len(uses.labels))
    for row in table:
        tokens = row[row >= 0]
        ahead, behind = [], []
        value = uses.first
        for at, token in enumerate(tokens):
            value = (value if at == 0 else value @ uses.step[:, :-1]) * uses.emit[:, token]
            value = value / value.sum()
            ahead.append(value)
        value = uses.step[:, -1]
        for at in range(len(tokens) - 1, -1, -1):
            behind.append(value)
            value = uses.step[:, :-1] @ (uses.emit[:, tokens[at]] * value)
            value = value / value.sum()
        for at, (a, b) in enumerate(zip(ahead, reversed(behind), strict=True)):
            share = a * b / (a @ b)
            place += share * at / max(1, len(tokens) - 1)
            count += share
    return place, count


LEAST_PERCENT = 15  # of what precedes a use, for comments
Option = tuple[tuple[Part, ...], float]


def as_grammar(
    uses: Uses,
    strings: Strings,
    names: Sequence[str],
    prior: Prior,
    pruning: Pruning,
    start: str = "Song",
) -> Grammar:
    """Write uses as a right-linear grammar in which rare choices are those of the label.

    With pseudo-counts, a use's probabilities are its own counts plus so many of the label's: a
    mixture, which is written as such. What pruning leaves out goes to the label's share, so every
    string over the vocabulary keeps a derivation.

    Parameters
    ----------
    uses : Uses
    strings : Strings
        Its training part gives the counts.
    names : sequence of str, length S
        One name for each use.
    prior : Prior
        That with which the uses were learned.
    pruning : Pruning
    start : str
    """
    table, many = encode_strings(strings.train, uses.tokens)
    firsts, steps, emits, _ = forward_backward(uses, table, many)
    totals = steps.sum(axis=1)
    labels = tuple(dict.fromkeys(uses.labels))
    of_label = {m: [s for s, own in enumerate(uses.labels) if own == m] for m in labels}
    kept: dict[str, list[int]] = {
        m: [s for s in mine if totals[s] >= pruning.least_use]
        or [max(mine, key=lambda s: totals[s])]
        for m, mine in of_label.items()
    }
    alive = {s for mine in kept.values() for s in mine}
    lengths = any("[" in token for token in uses.tokens)
    plain = [tuple(token_parts(t)[0] for t in string) for string in strings.train]
    bigram = train_ngram(plain, 2, len(labels) + 1)
    counts = Counter(token for string in strings.train for token in string)
    nodes = [Part(Symbol(name)) for name in names]
    rules: list[Rule] = []

    def add(lhs: str, options: Sequence[Option]) -> None:
        total = sum(weight for _, weight in options)
        order = sorted(range(len(options)), key=lambda k: -options[k][1])
        rules.extend(Rule(lhs, options[k][0], options[k][1] / total) for k in order)

    def mixture(
        lhs: str,
        own: Sequence[tuple[tuple[Part, ...], float, float]],
        rest: tuple[Part, ...],
        pseudo: float,
    ) -> None:
        """Own options (parts, count, the label's probability) worth writing, and the label's."""
        total = sum(count for _, count, _ in own) + pseudo
        base = pseudo / total
        written: list[Option] = []
        for parts, count, general in own:
            share = count / total
            if count > 0 and count * math.log2(1 + share / (base * general)) >= pruning.gain:
                written.append((parts, share))
        add(lhs, [*written, (rest, max(1e-4, 1.0 - sum(weight for _, weight in written)))])

    def chance(context: str, use: int) -> float:
        label = uses.labels[use]
        return bigram.probability((context,), label) * (
            float(totals[use]) / sum(float(totals[s]) for s in kept[label])
        )

    def follow(context: str) -> list[Option]:
        """What training shows after a label, and Witten-Bell's share for anything."""
        seen = bigram.counts[(context,)]
        total = sum(seen.values()) + len(seen)
        found = {m: n for m, n in seen.items() if n >= pruning.least_pair}
        options: list[Option] = [
            ((_any(m, kept, names),) if m else (), found[m] / total)
            for m in (*labels, END)
            if m in found
        ]
        return [*options, ((Part(Symbol("anything")),), 1 - sum(found.values()) / total)]

    mixture(
        start,
        [((nodes[s],), float(firsts[s]), chance("<", s)) for s in sorted(alive)],
        (Part(Symbol("any beginning")),),
        prior.step,
    )
    length_total = {
        m: sum(counts[t] + 0.5 for t in uses.tokens if token_parts(t)[0] == m) for m in labels
    }
    for s in sorted(alive, key=lambda s: _natural(uses.labels[s], names[s])):
        label = uses.labels[s]
        # Without lengths a rule holds its token; with lengths two symbols choose independently.
        head = () if lengths else (terminal_part(label),)
        own = [((*head, nodes[k]), float(steps[s, k]), chance(label, k)) for k in sorted(alive)]
        own.append((head, float(steps[s, -1]), bigram.probability((label,), END)))
        rest = (*head, Part(Symbol(f"after {label}")))
        if lengths:
            bars, then = f"{names[s]} bars", f"{names[s]} next"
            add(names[s], [((Part(Symbol(bars)), Part(Symbol(then))), 1.0)])
        mixture(then if lengths else names[s], own, rest, prior.step)
        if lengths:
            own = [
                (
                    (terminal_part(token),),
                    float(emits[s, k]),
                    (counts[token] + 0.5) / length_total[label],
                )
                for k, token in enumerate(uses.tokens)
                if token_parts(token)[0] == label
            ]
            rest = (Part(Symbol(f"bars of {label}")),)
            mixture(f"{names[s]} bars", own, rest, prior.length)
    add("any beginning", follow("<"))
    for label in labels:
        add(f"after {label}", follow(label))
    # A section's kind, of length 0, begins a chord string and never stands within one.
    inner = {token_parts(t)[0] for t in uses.tokens if token_parts(t)[1] != 0.0} | {END}
    add(
        "anything",
        [
            ((_any(m, kept, names),) if m else (), bigram.probability((), m))
            for m in (*labels, END)
            if m in inner
        ],
    )
    for label, mine in kept.items():
        if len(mine) > 1:
            add(f"any {label}", [((nodes[s],), float(totals[s])) for s in mine])
        if lengths:
            own_tokens = [t for t in uses.tokens if token_parts(t)[0] == label]
            add(f"bars of {label}", [((terminal_part(t),), counts[t] + 0.5) for t in own_tokens])
    return useful(rules, Grammar(tuple(rules), start))


def _natural(label: str, name: str) -> tuple[str, int]:
    """Sort key: by label, then by the number at the end of the name."""
    digits = name[len(name.rstrip("0123456789")) :]
    return label, int(digits or 0)


def _any(label: str, kept: Mapping[str, Sequence[int]], names: Sequence[str]) -> Part:
    """Some use of a label: the symbol that chooses one, or its only one."""
    mine = kept[label]
    return Part(Symbol(f"any {label}" if len(mine) > 1 else names[mine[0]]))


def describe_uses(
    uses: Uses, strings: Sequence[Sequence[str]], names: Sequence[str]
) -> dict[str, str]:
    """A line on each use, for comments: how often, where, and after what."""
    table, many = encode_strings(strings, uses.tokens)
    firsts, steps, _, _ = forward_backward(uses, table, many)
    place, count = _places(uses, table)
    found = {}
    for s, name in enumerate(names):
        often = steps[s].sum() / many.sum()
        before = np.array([*steps[:, s], firsts[s]])
        order = np.argsort(-before, kind="stable")[:2]
        total = max(float(before.sum()), 1e-9)
        percents = [(k, f"{before[k] / total:.0%}") for k in order]
        shares = [
            f"{names[k] if k < len(names) else 'the beginning'} {percent}"
            for k, percent in percents
            if int(percent[:-1]) >= LEAST_PERCENT
        ]
        where = f"{place[s] / max(count[s], 1e-9):.0%} in"
        found[name] = f"{often:.2f} a string, {where}; after {', '.join(shares) or 'any'}"
    return found


def grammar_text(
    grammar: Grammar, header: str = "", comments: Mapping[str, str] | None = None, digits: int = 2
) -> str:
    """A grammar as text with comments above its symbols and lines of at most 100 signs.

    Weights are per thousand; a symbol's only rule has none. Reading it gives the same rules with
    rounded weights, as with `hybrid.grammar.notation.format_grammar`.

    >>> from hybrid.grammar.notation import read_grammar
    >>> print(grammar_text(read_grammar("S -> (0.75) a S | (0.25) a"), "A row.", {"S": "All."}))
    # A row.
    %weights
    # All.
    S -> (750) 'a' S | (250) 'a'
    <BLANKLINE>
    """
    lines = [f"# {line}".rstrip() for line in header.splitlines()] + ["%weights"]
    if grammar.start != grammar.nonterminals[0]:
        lines.append(f"%start {Symbol(grammar.start)}")
    for name in grammar.nonterminals:
        if comments and name in comments:
            lines.append(f"# {comments[name]}")
        line, first = f"{Symbol(name)} ->", True
        for rule in grammar.alternatives(name):
            option = f"{_weight(rule.probability, digits)}{rule.body()}"
            width = 98 if line.startswith("| ") else 100
            if not first and len(line) + len(option) + 3 > width:
                lines.append(line)
                line = f"| {option}"
            else:
                line += f" {option}" if first else f" | {option}"
            first = False
        lines.append(line)
    return "\n".join(lines) + "\n"


def _weight(probability: float, digits: int) -> str:
    if probability == 1.0:
        return ""
    value = float(f"{1000 * probability:.{digits}g}")
    return f"({value:g}) "


def rounded(grammar: Grammar, digits: int = 2) -> Grammar:
    """The grammar as it is read from its text with so many digits."""
    return read_grammar(grammar_text(grammar, digits=digits))
