"""Where a string stops being the beginning of any sentence, for error messages.

A plain Earley recogniser; it needs no probabilities and reads left to right, so the first set that
stays empty marks the first token that no sentence continues with.

References
----------
Earley, J. (1970). An efficient context-free parsing algorithm. Communications of the ACM 13(2),
94-102. doi:10.1145/362007.362035
Aycock, J. and Horspool, R. N. (2002). Practical Earley parsing. The Computer Journal 45(6),
620-630. doi:10.1093/comjnl/45.6.620
"""

from __future__ import annotations

from collections.abc import Sequence

from hybrid.grammar.cfg import Grammar, Part, Rule

State = tuple[int, int, int]  # rule, how far read, where it began


def _nullable(rules: Sequence[Rule]) -> set[str]:
    found: set[str] = set()
    while True:
        new = {
            r.lhs
            for r in rules
            if r.lhs not in found and all(not s.terminal and s.name in found for s in r.symbols)
        }
        if not new:
            return found
        found |= new


def furthest(
    grammar: Grammar, tokens: Sequence[str | None], start: str | None = None
) -> tuple[int, tuple[str, ...]]:
    """How many tokens begin some sentence, and the terminals that may follow them.

    Parameters
    ----------
    grammar : Grammar
    tokens : sequence of str or None
        None stands for any token.
    start : str, optional

    Returns
    -------
    count : int
        In 0..len(tokens).
    expected : tuple of str
        Texts of the terminals that can come next, in the grammar's order; empty when nothing can.

    Examples
    --------
    >>> from hybrid.grammar.notation import read_grammar
    >>> furthest(read_grammar("S -> a S b | c"), ["a", "a", "b"])
    (2, ('a', 'c'))
    """
    rules = [rule for rule in grammar.rules if rule.probability > 0]
    by_lhs: dict[str, list[int]] = {}
    texts: set[str] = set()
    order: dict[str, None] = {}
    for number, rule in enumerate(rules):
        by_lhs.setdefault(rule.lhs, []).append(number)
        for part in rule.rhs:
            if part.symbol.terminal:
                texts.add(part.text)
                order.setdefault(part.text)
    empty = _nullable(rules)

    def fits(part: Part, token: str | None) -> bool:
        return (
            token is None
            or part.text == token
            or (token not in texts and part.symbol.name == token)
        )

    states: dict[State, None] = {
        (rule, 0, 0): None for rule in by_lhs.get(start or grammar.start, [])
    }
    sets: list[dict[State, None]] = []
    waiting: list[dict[str, list[State]]] = []
    for position in range(len(tokens) + 1):
        queue = list(states)
        wanted: dict[str, list[State]] = {}
        sets.append(states)
        waiting.append(wanted)
        expected: dict[str, None] = {}
        following: dict[State, None] = {}
        for state in queue:
            number, dot, origin = state
            rule = rules[number]
            new: list[State] = []
            if dot == len(rule.rhs):
                new = [(r, d + 1, o) for r, d, o in waiting[origin].get(rule.lhs, [])]
            else:
                part = rule.rhs[dot]
                if part.symbol.terminal:
                    expected.setdefault(part.text)
                    if position < len(tokens) and fits(part, tokens[position]):
                        following[number, dot + 1, origin] = None
                    continue
                name = part.symbol.name
                wanted.setdefault(name, []).append(state)
                new = [(r, 0, position) for r in by_lhs.get(name, [])]
                if name in empty:
                    new.append((number, dot + 1, origin))
            for item in new:
                if item not in states:
                    states[item] = None
                    queue.append(item)
        if position == len(tokens) or not following:
            return position, tuple(text for text in order if text in expected)
        states = following
    raise AssertionError("unreachable")
