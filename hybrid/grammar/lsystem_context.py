"""Neighbours in a bracketed string: who is whose left and right context.

A bracketed string is a tree written along a line. The left neighbour of a module is the
module it grows from, which may stand before an open bracket, and beyond whole branches;
the right neighbours are those that grow from it.

References
----------
Prusinkiewicz, P., & Lindenmayer, A. (1990). The Algorithmic Beauty of Plants, section 1.8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from hybrid.grammar.lsystem_expression import Number


class _Module(Protocol):
    @property
    def symbol(self) -> str: ...
    @property
    def params(self) -> tuple[Number, ...]: ...


class _Pattern(Protocol):
    @property
    def symbol(self) -> str: ...
    @property
    def names(self) -> tuple[str, ...]: ...


def pair_brackets(string: Sequence[_Module]) -> dict[int, int]:
    """Map the place of every bracket to that of its partner."""
    partners: dict[int, int] = {}
    open_places: list[int] = []
    for place, module in enumerate(string):
        if module.symbol == "[":
            open_places.append(place)
        elif module.symbol == "]":
            start = open_places.pop()
            partners[start], partners[place] = place, start
    return partners


def _bind(module: _Module, pattern: _Pattern) -> dict[str, Number] | None:
    if module.symbol != pattern.symbol or len(module.params) != len(pattern.names):
        return None
    return dict(zip(pattern.names, module.params, strict=True))


def match_left(
    string: Sequence[_Module],
    place: int,
    patterns: Sequence[_Pattern],
    ignore: frozenset[str],
    partners: Mapping[int, int],
) -> dict[str, Number] | None:
    """Match the path from a module back to the root.

    Parameters
    ----------
    string : sequence of Module
    place : int
        The module whose context it is.
    patterns : sequence of Pattern
        In reading order: the last is the nearest.
    ignore : frozenset of str
        Symbols that are passed over.
    partners : mapping of int to int
        Of `pair_brackets`.

    Returns
    -------
    dict of str to number, or None
        The parameters it binds; None where it does not match.
    """
    values: dict[str, Number] = {}
    place -= 1
    for pattern in reversed(patterns):
        while place >= 0:
            symbol = string[place].symbol
            if symbol == "]":
                place = partners[place] - 1
            elif symbol == "[" or symbol in ignore:
                place -= 1
            else:
                break
        found = _bind(string[place], pattern) if place >= 0 else None
        if found is None:
            return None
        values |= found
        place -= 1
    return values


def match_right(
    string: Sequence[_Module],
    place: int,
    patterns: Sequence[_Pattern],
    ignore: frozenset[str],
    partners: Mapping[int, int],
) -> dict[str, Number] | None:
    """Match what grows from a module; parameters and result as in `match_left`.

    A bracketed part of the pattern may match any one of several branches, in order.
    """
    return _match_axis(string, place + 1, tuple(patterns), ignore, partners)


def _match_axis(
    string: Sequence[_Module],
    place: int,
    patterns: tuple[_Pattern, ...],
    ignore: frozenset[str],
    partners: Mapping[int, int],
) -> dict[str, Number] | None:
    if not patterns:
        return {}
    wanted = patterns[0]
    while place < len(string):
        symbol = string[place].symbol
        if symbol == "]":
            return None
        if symbol == "[":
            end = partners[place]
            if wanted.symbol == "[":
                size = _branch_size(patterns)
                inside = _match_axis(string, place + 1, patterns[1:size], ignore, partners)
                if inside is not None:
                    after = _match_axis(string, end + 1, patterns[size + 1 :], ignore, partners)
                    if after is not None:
                        return inside | after
            place = end + 1
        elif symbol in ignore:
            place += 1
        elif wanted.symbol == "[":
            return None
        else:
            found = _bind(string[place], wanted)
            if found is None:
                return None
            rest = _match_axis(string, place + 1, patterns[1:], ignore, partners)
            return None if rest is None else found | rest
    return None


def _branch_size(patterns: Sequence[_Pattern]) -> int:
    """Place of the bracket that closes the one at place 0."""
    depth = 0
    for place, pattern in enumerate(patterns):
        depth += (pattern.symbol == "[") - (pattern.symbol == "]")
        if depth == 0:
            return place
    raise AssertionError("patterns are balanced by construction")
