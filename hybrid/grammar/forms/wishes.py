"""Constraints on harmony (kinds ``chord``, ``key`` and ``cadence``) laid out on a plan's bars."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from hybrid.core.analysis import CADENCES
from hybrid.core.errors import ConflictError, HybridError, PlanError
from hybrid.core.pitch import Key
from hybrid.core.plan import Constraint, FormPlan, PlacedPhrase, PlanChord, parse_chords
from hybrid.core.timeline import Metre

KINDS = ("chord", "key", "cadence")


@dataclass(frozen=True)
class Wish:
    """What constraints ask of one phrase; times in quarters from its start, bars from 0.

    Attributes
    ----------
    chords : tuple of (PlanChord, str)
        With the constraint's name.
    keys : tuple of (int, Key, str)
        Bar, key, and the constraint's name.
    cadence : (str, str) or None
        Cadence and the constraint's name.
    """

    chords: tuple[tuple[PlanChord, str], ...] = ()
    keys: tuple[tuple[int, Key, str], ...] = ()
    cadence: tuple[str, str] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked of the chords inside the phrase."""
        return not self.chords and not self.keys

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the constraints, each once."""
        found = [name for _, name in self.chords] + [name for _, _, name in self.keys]
        if self.cadence:
            found.append(self.cadence[1])
        return tuple(dict.fromkeys(found))

    def only(self, names: Iterable[str]) -> Wish:
        """What some of the constraints ask."""
        kept = set(names)
        return Wish(
            tuple(item for item in self.chords if item[1] in kept),
            tuple(item for item in self.keys if item[2] in kept),
            self.cadence if self.cadence and self.cadence[1] in kept else None,
        )


def conflict(one: str, other: str, why: str) -> ConflictError:
    """An error for two things that cannot both hold."""
    return ConflictError(f"'{one}' and '{other}' cannot both hold: {why}", (one, other))


def harmonic(constraints: Sequence[Constraint], *, hard: bool) -> list[Constraint]:
    """The constraints on harmony that are hard, or soft."""
    return [item for item in constraints if item.kind in KINDS and item.hard is hard]


def check_values(constraints: Sequence[Constraint]) -> None:
    """Make sure that each value can be read.

    Raises
    ------
    PlanError
        If a cadence or key has an unknown name, or a chord constraint names no bars.
    """
    for item in constraints:
        place = f"constraint {item.name!r}"
        if item.kind == "cadence" and item.value not in CADENCES:
            raise PlanError(f"{place}: value must be one of {', '.join(CADENCES)}")
        if item.kind == "key":
            _key(item)
        if item.kind == "chord" and (item.bars is None or not isinstance(item.value, str)):
            raise PlanError(
                f"{place}: a chord constraint needs bars and a value such as 'I | V7 I'"
            )


def _key(item: Constraint) -> Key:
    try:
        return item.value if isinstance(item.value, Key) else Key.parse(str(item.value))
    except HybridError as error:
        raise PlanError(f"constraint {item.name!r}: {error}") from None


def last_bar(constraints: Sequence[Constraint]) -> int:
    """The last bar that any constraint names; 0 where none does."""
    return max((item.bars[1] for item in constraints if item.bars), default=0)


def cadence_bars(constraints: Sequence[Constraint], n_bars: int) -> dict[int, Constraint]:
    """Bar (from 1) at whose end each cadence constraint wants its cadence.

    Raises
    ------
    ConflictError
        If two want different ones at the same bar.
    """
    found: dict[int, Constraint] = {}
    for item in constraints:
        if item.kind != "cadence":
            continue
        bar = item.bars[1] if item.bars else n_bars
        known = found.setdefault(bar, item)
        if known.value != item.value:
            raise conflict(known.name, item.name, f"bar {bar} ends in one cadence only")
    return found


def lay_out(
    constraints: Sequence[Constraint],
    spans: Sequence[tuple[int, int, Metre]],
) -> list[Wish]:
    """What is asked of each phrase.

    Parameters
    ----------
    constraints : sequence of Constraint
    spans : sequence of (first bar, last bar, metre)
        Of the phrases, bars from 1.

    Raises
    ------
    ConflictError
        If two constraints ask for different chords or keys at the same place.
    PlanError
        If a constraint's bars lie outside the plan, or its chords do not fill its bars.
    """
    n_bars = spans[-1][1] if spans else 0
    wishes = [Wish() for _ in spans]
    keys: dict[int, tuple[Key, str]] = {}
    for item in constraints:
        if item.bars and item.bars[1] > n_bars:
            raise PlanError(
                f"constraint {item.name!r}: bars must lie within the plan's {n_bars} bars, "
                f"got {item.bars[0]}-{item.bars[1]}"
            )
        if item.kind == "key":
            first, last = item.bars or (1, n_bars)
            for bar in range(first, last + 1):
                known = keys.setdefault(bar, (_key(item), item.name))
                if known[0] != _key(item):
                    raise conflict(known[1], item.name, f"bar {bar} has one key only")
    for number, (first, last, _) in enumerate(spans):
        own = tuple((bar - first, *keys[bar]) for bar in range(first, last + 1) if bar in keys)
        wishes[number] = replace(wishes[number], keys=own)
    for item in constraints:
        if item.kind == "chord":
            _lay_chords(item, spans, wishes)
    for bar, item in cadence_bars(constraints, n_bars).items():
        for number, (_, last, _) in enumerate(spans):
            if last == bar:
                wishes[number] = replace(wishes[number], cadence=(str(item.value), item.name))
    return wishes


def _lay_chords(
    item: Constraint, spans: Sequence[tuple[int, int, Metre]], wishes: list[Wish]
) -> None:
    assert item.bars is not None
    start, stop = item.bars
    cells = str(item.value).strip().strip("|").split("|")
    if len(cells) != stop - start + 1:
        raise PlanError(
            f"constraint {item.name!r}: value must have {stop - start + 1} bars, got {len(cells)}"
        )
    for number, (first, last, metre) in enumerate(spans):
        low, high = max(first, start), min(last, stop)
        if low > high:
            continue
        try:
            chords = parse_chords(" | ".join(cells[low - start : high - start + 1]), metre)
        except PlanError as error:
            raise PlanError(f"constraint {item.name!r}: {error}") from None
        offset = (low - first) * metre.bar_quarters
        placed = [replace(chord, onset=chord.onset + offset) for chord in chords]
        for chord in placed:
            for bar, key, name in wishes[number].keys:
                inside = chord.onset < (bar + 1) * metre.bar_quarters
                inside &= chord.end > bar * metre.bar_quarters
                if inside and chord.key not in (None, key):
                    raise conflict(item.name, name, f"{chord.numeral} is in {chord.key}")
        known = list(wishes[number].chords)
        for chord in placed:
            for other, name in known:
                if other.onset < chord.end and other.end > chord.onset and other != chord:
                    raise conflict(name, item.name, f"bar {low} has one chord at a time only")
        fresh = [(c, item.name) for c in placed if all(c != other for other, _ in known)]
        merged = sorted([*known, *fresh], key=lambda pair: pair[0].onset)
        wishes[number] = replace(wishes[number], chords=tuple(merged))


def minimal_conflict(
    names: Sequence[str], is_possible: Callable[[Sequence[str]], bool]
) -> tuple[str, ...]:
    """A smallest-by-deletion set of names that cannot all hold (deletion filter).

    Parameters
    ----------
    names : sequence of str
        Together impossible.
    is_possible : callable
        Whether a subset can hold.

    References
    ----------
    Chinneck, J. W., & Dravnieks, E. W. (1991). Locating minimal infeasible constraint sets in
    linear programs. ORSA Journal on Computing, 3(2), 157-168.
    """
    kept = list(names)
    for name in names:
        rest = [other for other in kept if other != name]
        if not is_possible(rest):
            kept = rest
    return tuple(kept)


def check_plan(plan: FormPlan, constraints: Sequence[Constraint]) -> None:
    """Make sure that a plan with all its chords keeps the constraints on harmony.

    Raises
    ------
    ConflictError
        Naming the constraint and the phrase that do not agree.
    """
    placed = list(plan.phrases())
    spans = [(item.first_bar, item.last_bar, item.metre) for item in placed]
    for item in cadence_bars(constraints, plan.n_bars).items():
        bar, constraint = item
        ends = [phrase for phrase in placed if phrase.last_bar == bar]
        if not ends:
            around = next(p for p in placed if p.first_bar <= bar <= p.last_bar)
            raise conflict(constraint.name, _name(around), f"no phrase ends with bar {bar}")
        if ends[0].phrase.cadence not in (None, constraint.value):
            raise conflict(
                constraint.name, _name(ends[0]), f"its cadence is {ends[0].phrase.cadence}"
            )
    for phrase, wish in zip(placed, lay_out(constraints, spans), strict=True):
        check_phrase(phrase, wish)


def check_phrase(placed: PlacedPhrase, wish: Wish) -> None:
    """Make sure that a phrase's chords are those that are asked for."""
    check_chords(placed.phrase.chords, placed.key, wish, placed.metre.bar_quarters, _name(placed))


def check_chords(
    chords: Sequence[PlanChord], key: Key, wish: Wish, bar: Fraction, name: str
) -> None:
    """Make sure that chords are those that are asked for.

    Raises
    ------
    ConflictError
        Naming the constraint and ``name``.
    """
    for wanted, constraint in wish.chords:
        same = [c for c in chords if c.onset < wanted.end and c.end > wanted.onset]
        fits = bool(same) and all(
            c.numeral == wanted.numeral and (wanted.key is None or wanted.key == (c.key or key))
            for c in same
        )
        if not fits or same[0].onset > wanted.onset or same[-1].end < wanted.end:
            found = " ".join(c.numeral for c in same)
            raise conflict(constraint, name, f"the phrase has {found} there")
    for number, wanted_key, constraint in wish.keys:
        for chord in chords:
            inside = chord.onset < (number + 1) * bar and chord.end > number * bar
            if inside and (chord.key or key) != wanted_key:
                raise conflict(
                    constraint, name, f"its chord {chord.numeral} is in {(chord.key or key).name}"
                )


def _name(placed: PlacedPhrase) -> str:
    return f"phrase in bars {placed.first_bar}-{placed.last_bar}"
