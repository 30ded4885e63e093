"""Readings of an L-system that fill time: rhythm, chords, form.

Rhythm, and chords with ``spread = divide``, use the derivation itself rather than only its
last string: a given span is shared among the axiom's symbols, each symbol's span among its
children, and so on to the last string. So the total never changes, and every step is a finer
rhythm of the same length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from hybrid.core.errors import GrammarError, PlanError
from hybrid.core.numerals import RomanNumeral
from hybrid.grammar.lsystem import Derivation
from hybrid.grammar.lsystem_readings import fraction_option, reading_options
from hybrid.grammar.lsystem_rules import Module

BAR_QUARTERS = Fraction(4)


@dataclass(frozen=True)
class RhythmEvent:
    """A stretch of sound or silence; onset and duration in quarters."""

    onset: Fraction
    duration: Fraction
    sounding: bool
    source: int


@dataclass(frozen=True)
class ChordEvent:
    """A Roman numeral; onset and duration in quarters."""

    onset: Fraction
    duration: Fraction
    numeral: str
    source: int


@dataclass(frozen=True)
class SectionEvent:
    """A section of a form; ``bar`` is its first bar, counted from 0."""

    label: str
    bar: int
    bars: int
    source: int


def divide(
    derivation: Derivation, total: Fraction, weights: Mapping[str, Fraction]
) -> tuple[tuple[int, Fraction, Fraction], ...]:
    """Share a span among the symbols of a derivation, generation by generation.

    Parameters
    ----------
    derivation : Derivation
    total : Fraction
        The span.
    weights : mapping of str to Fraction
        Share of each symbol beside its siblings, times its first parameter if it has one.
        Symbols that are not here take no time.

    Returns
    -------
    tuple of (index, onset, duration)
        For each module of the last string that takes time; durations add up to ``total``.

    Raises
    ------
    GrammarError
        If a symbol that has time leaves no child to give it to.
    """
    spans = _share(derivation.generations[0], range(len(derivation.generations[0])), total, weights)
    for step, parents in enumerate(derivation.parents, 1):
        string = derivation.generations[step]
        children: dict[int, list[int]] = {}
        for child, parent in enumerate(parents.tolist()):
            children.setdefault(parent, []).append(child)
        after: dict[int, Fraction] = {}
        for parent, span in spans.items():
            shared = _share(string, children.get(parent, ()), span, weights)
            if not shared:
                symbol = derivation.generations[step - 1][parent]
                raise GrammarError(
                    f"L-system {derivation.system.name!r}: '{symbol}' must leave a child "
                    f"that takes time, left none at step {step}"
                )
            after |= shared
        spans = after
    if not spans:
        raise GrammarError(f"L-system {derivation.system.name!r}: the axiom must take time")
    placed = []
    now = Fraction(0)
    for index in sorted(spans):
        placed.append((index, now, spans[index]))
        now += spans[index]
    return tuple(placed)


def _share(
    string: tuple[Module, ...],
    places: range | list[int] | tuple[int, ...],
    span: Fraction,
    weights: Mapping[str, Fraction],
) -> dict[int, Fraction]:
    shares: dict[int, Fraction] = {}
    for place in places:
        module = string[place]
        weight = weights.get(module.symbol, Fraction(0))
        if module.params:
            weight *= Fraction(module.params[0]).limit_denominator(960)
        if weight < 0:
            raise GrammarError(f"the weight of '{module}' must not be negative, got {weight}")
        if weight:
            shares[place] = weight
    whole = sum(shares.values(), Fraction(0))
    return {place: span * share / whole for place, share in shares.items()}


def rhythm(
    derivation: Derivation, options: Mapping[str, str] | None = None
) -> tuple[RhythmEvent, ...]:
    """Read a derivation as the subdivision of a span.

    Parameters
    ----------
    derivation : Derivation
    options : mapping, optional
        Over the ``rhythm:`` line of the file. ``total``: quarters (default 4).
        ``weight X``: share of the symbol X beside its siblings (default 1). Every other
        name is a symbol: ``note``, ``rest``, or ``tie`` (goes on with what was before; a
        rest at the start). Symbols that are not named take no time.

    Returns
    -------
    tuple of RhythmEvent
        They follow one another without gaps and last ``total`` together.

    Examples
    --------
    >>> from hybrid.grammar.lsystem_notation import load_lsystem
    >>> events = rhythm(load_lsystem("cantor").derive(1), {"total": "3"})
    >>> [(str(event.duration), event.sounding) for event in events]
    [('1', True), ('1', False), ('1', True)]
    """
    chosen = reading_options(derivation, "rhythm", options)
    total = fraction_option(chosen, "total", BAR_QUARTERS)
    kinds: dict[str, str] = {}
    weights: dict[str, Fraction] = {}
    for name, value in chosen.items():
        if name.startswith("weight "):
            weights[name.removeprefix("weight ").strip()] = fraction_option(
                chosen, name, Fraction(1)
            )
        elif name != "total":
            if value not in ("note", "rest", "tie"):
                raise GrammarError(f"rhythm: {name!r} must be note, rest or tie, got {value!r}")
            kinds[name] = value
    if not kinds:
        raise GrammarError(f"L-system {derivation.system.name!r} has no rhythm reading; give one")
    for symbol in weights:
        if symbol not in kinds:
            raise GrammarError(f"rhythm: weight of {symbol!r}, which is no note, rest or tie")
    spans = divide(derivation, total, {symbol: Fraction(1) for symbol in kinds} | weights)
    events: list[RhythmEvent] = []
    for index, onset, duration in spans:
        kind = kinds[derivation.last[index].symbol]
        if kind == "tie" and events:
            last = events.pop()
            events.append(
                RhythmEvent(last.onset, last.duration + duration, last.sounding, last.source)
            )
        else:
            events.append(RhythmEvent(onset, duration, kind == "note", index))
    return tuple(events)


def chords(
    derivation: Derivation, options: Mapping[str, str] | None = None
) -> tuple[ChordEvent, ...]:
    """Read symbols as Roman numerals.

    Parameters
    ----------
    derivation : Derivation
    options : mapping, optional
        Over the ``chords:`` line of the file. ``spread``: ``each`` (default: every chord
        lasts ``unit`` quarters, 4 by default, times its first parameter) or ``divide``
        (``total`` quarters, 16 by default, divided as in `rhythm`). Every other name is a
        symbol, its value a Roman numeral. In a system of words a symbol that is itself a
        numeral needs no entry. Other symbols are passed over.

    Raises
    ------
    GrammarError
        If a numeral cannot be read, or there is no chord.

    Examples
    --------
    >>> from hybrid.grammar.lsystem_notation import load_lsystem
    >>> [chord.numeral for chord in chords(load_lsystem("cadences").derive(2))]
    ['I', 'V7', 'I', 'IV', 'V7', 'I', 'V7', 'I']
    """
    chosen = reading_options(derivation, "chords", options)
    spread = chosen.pop("spread", "each")
    if spread not in ("each", "divide"):
        raise GrammarError(f"chords option spread must be each or divide, got {spread!r}")
    unit = fraction_option(chosen, "unit", BAR_QUARTERS)
    total = fraction_option(chosen, "total", 4 * BAR_QUARTERS)
    numerals = {
        symbol: _numeral(symbol, text)
        for symbol, text in chosen.items()
        if symbol not in ("unit", "total")
    }
    if derivation.system.words:
        for symbol in derivation.system.alphabet:
            if symbol not in numerals and _is_numeral(symbol):
                numerals[symbol] = symbol
    if not numerals:
        raise GrammarError(f"L-system {derivation.system.name!r} has no chords reading; give one")
    events: list[ChordEvent] = []
    if spread == "divide":
        for index, onset, duration in divide(
            derivation, total, dict.fromkeys(numerals, Fraction(1))
        ):
            numeral = numerals[derivation.last[index].symbol]
            events.append(ChordEvent(onset, duration, numeral, index))
        return tuple(events)
    now = Fraction(0)
    for index, module in enumerate(derivation.last):
        if module.symbol in numerals:
            times = Fraction(module.params[0]).limit_denominator(960) if module.params else 1
            if times <= 0:
                raise GrammarError(f"chords: '{module}' must last longer than 0")
            events.append(ChordEvent(now, unit * times, numerals[module.symbol], index))
            now += unit * times
    if not events:
        raise GrammarError(f"chords of L-system {derivation.system.name!r} must not be empty")
    return tuple(events)


def _is_numeral(text: str) -> bool:
    try:
        RomanNumeral.parse(text)
    except PlanError:
        return False
    return True


def _numeral(symbol: str, text: str) -> str:
    if not _is_numeral(text):
        raise GrammarError(f"chords: {symbol!r} must be a Roman numeral, got {text!r}")
    return text


def form(
    derivation: Derivation,
    options: Mapping[str, str] | None = None,
    total_bars: int | None = None,
) -> tuple[SectionEvent, ...]:
    """Read symbols as sections.

    Parameters
    ----------
    derivation : Derivation
    options : mapping, optional
        Over the ``form:`` line of the file: a symbol, then ``label bars n``. A parameter
        replaces n. Symbols that are not named are passed over.
    total_bars : int or None
        If given, lengths are scaled to add up to it. Sections with one label and length
        keep a common length; lengths stay multiples of four bars, else two, else one, as
        far as the total allows, and what that leaves over goes to the last section.

    Raises
    ------
    GrammarError
        If an entry is malformed, there is no section, or ``total_bars`` is fewer than the
        sections.

    Examples
    --------
    >>> from hybrid.grammar.lsystem_notation import load_lsystem
    >>> sections = form(load_lsystem("aaba").derive(1), total_bars=48)
    >>> [(section.label, section.bars) for section in sections]
    [('A', 12), ('A', 12), ('B', 12), ('A', 12)]
    """
    table = {
        symbol: _section(symbol, text)
        for symbol, text in reading_options(derivation, "form", options).items()
    }
    if not table:
        raise GrammarError(f"L-system {derivation.system.name!r} has no form reading; give one")
    found: list[tuple[str, int, int]] = []
    for index, module in enumerate(derivation.last):
        if module.symbol in table:
            label, bars = table[module.symbol]
            if module.params:
                value = module.params[0]
                if value != int(value) or value < 1:
                    raise GrammarError(f"form: '{module}' must have a whole number of bars")
                bars = int(value)
            found.append((label, bars, index))
    if not found:
        raise GrammarError(f"form of L-system {derivation.system.name!r} must have a section")
    lengths = [bars for _, bars, _ in found]
    if total_bars is not None:
        lengths = fit_bars([(label, bars) for label, bars, _ in found], total_bars)
    events = []
    bar = 0
    for (label, _, index), bars in zip(found, lengths, strict=True):
        events.append(SectionEvent(label, bar, bars, index))
        bar += bars
    return tuple(events)


def _section(symbol: str, text: str) -> tuple[str, int]:
    label, separator, number = text.rpartition(" bars ")
    if not separator or not label.strip() or not number.strip().isdigit() or int(number) < 1:
        raise GrammarError(f"form: {symbol!r} must be 'label bars n', got {text!r}")
    return label.strip(), int(number)


def fit_bars(sections: list[tuple[str, int]], total: int) -> list[int]:
    """Scale section lengths to add up to ``total``.

    Parameters
    ----------
    sections : list of (label, bars)
    total : int

    Returns
    -------
    list of int
        Sections with the same label and bars get one length. Among such solutions the one
        nearest to the even scaling, in multiples of 4 bars (then 2, then 1), the last
        section longer by what the multiple leaves over.

    Examples
    --------
    >>> fit_bars([("A", 8), ("A", 8), ("B", 8), ("A", 8)], 33)
    [8, 8, 8, 9]
    """
    if total < len(sections):
        raise GrammarError(
            f"total_bars must be at least {len(sections)} (one a section), got {total}"
        )
    kinds = list(dict.fromkeys(sections))
    counts = [sections.count(kind) for kind in kinds]
    ideal = [Fraction(bars * total, sum(bars for _, bars in sections)) for _, bars in kinds]
    for unit, most in ((4, 4), (2, 2), (1, total)):
        for extra in range(total % unit, most, unit):
            units = _fit(counts, [value / unit for value in ideal], (total - extra) // unit)
            if units is not None:
                by_kind = dict(zip(kinds, units, strict=True))
                lengths = [by_kind[kind] * unit for kind in sections]
                lengths[-1] += extra
                return lengths
    raise AssertionError("one bar for each kind and the rest at the end always fits")


def _fit(counts: list[int], ideal: list[Fraction], total: int) -> list[int] | None:
    """Whole x >= 1 with sum(counts * x) = total and the least sum(counts * |x - ideal|)."""
    best: dict[int, tuple[Fraction, tuple[int, ...]]] = {0: (Fraction(0), ())}
    for count, wish in zip(counts, ideal, strict=True):
        after: dict[int, tuple[Fraction, tuple[int, ...]]] = {}
        # Twice the even scaling is further than any useful solution lies.
        most = max(int(2 * wish) + 1, 1)
        for used, (cost, chosen) in best.items():
            for x in range(1, min(most, (total - used) // count) + 1):
                option = (cost + count * abs(x - wish), (*chosen, x))
                if used + count * x not in after or option < after[used + count * x]:
                    after[used + count * x] = option
        best = after
    found = best.get(total)
    return None if found is None else list(found[1])
