"""Generate and test with backtracking: back to the step before, or to the step that is to blame.

A problem is a row of steps. At each step candidates are generated, ordered by preference and
tested; the first that passes is kept. Where none passes, the search goes back. *Chronologically* it
goes to the step before, whatever that step has to do with the failure. *Intelligently* it goes to
the latest step that any failed test looked at, for a change of any other step would fail again.
Both keep the same solution, for what is skipped holds none.

References
----------
Stallman, R. M., & Sussman, G. J. (1977). Forward reasoning and dependency-directed backtracking in
a system for computer-aided circuit analysis. Artificial Intelligence 9(2), 135-196.
Prosser, P. (1993). Hybrid algorithms for the constraint satisfaction problem. Computational
Intelligence 9(3), 268-299.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from hybrid.core.errors import ConfigError

T = TypeVar("T")

MODES = ("intelligent", "chronological")


@dataclass(frozen=True)
class Broken:
    """A test that failed: the rule's id, and the earlier steps it looked at."""

    rule: str
    steps: frozenset[int]


class Problem(Protocol[T]):
    """What is searched."""

    n_steps: int

    def candidates(self, chosen: Sequence[T]) -> tuple[Sequence[T], Iterable[int]]:
        """Candidates for the next step, best first, and the earlier steps they were made from.

        A step whose candidates, or whose rejected ones among a fixed stock, depend on nothing
        earlier names no steps. The order may depend on anything chosen: it decides which solution
        is found first, never whether there is one.
        """
        ...

    def test(self, chosen: Sequence[T], candidate: T) -> Broken | None:
        """The first rule that a candidate for the next step breaks."""
        ...


@dataclass(frozen=True)
class Event(Generic[T]):
    """Something the search did.

    Attributes
    ----------
    kind : str
        ``choose``: a candidate was kept at ``step``. ``dead end``: none was left at ``step``, and
        the search went back to ``back_to``.
    step : int
    candidate : T or None
    rejected : tuple of (T, str)
        Candidates tested here since the step was last looked at, and the rule each broke.
    blamed : tuple of int
        Steps that the failed tests looked at, ascending.
    back_to : int
        -1 where there is nowhere to go.
    """

    kind: str
    step: int
    candidate: T | None = None
    rejected: tuple[tuple[T, str], ...] = ()
    blamed: tuple[int, ...] = ()
    back_to: int = -1


@dataclass
class Run(Generic[T]):
    """What a search found and did.

    Attributes
    ----------
    mode : str
    chosen : tuple of T
        A candidate for each step; shorter where the search stopped early.
    is_complete : bool
    is_given_up : bool
        Whether the limit of tests was reached.
    n_tests, n_choices, n_backtracks, n_skipped : int
        Candidates tested, kept, dead ends, and steps that were jumped over.
    broken : dict
        How often each rule rejected a candidate.
    events : list of Event
    depths : list of int
        The step at work before each choice or dead end.
    """

    mode: str
    chosen: tuple[T, ...] = ()
    is_complete: bool = False
    is_given_up: bool = False
    n_tests: int = 0
    n_choices: int = 0
    n_backtracks: int = 0
    n_skipped: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    events: list[Event[T]] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)


@dataclass
class _Level(Generic[T]):
    """A step that is being worked on."""

    candidates: Sequence[T]
    blamed: set[int]
    at: int = 0


def search(
    problem: Problem[T], mode: str = "intelligent", max_tests: int = 1_000_000, log: bool = True
) -> Run[T]:
    """Find the first solution in the order of the candidates.

    Parameters
    ----------
    problem : Problem
    mode : str
        One of `MODES`.
    max_tests : int
        The search is given up after so many tests.
    log : bool
        Whether to keep the events.

    Returns
    -------
    Run
        Not complete where there is no solution, or the search was given up.

    Raises
    ------
    ConfigError
        If the mode is unknown.
    """
    if mode not in MODES:
        raise ConfigError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
    run: Run[T] = Run(mode)
    chosen: list[T] = []
    levels: list[_Level[T]] = []
    while len(chosen) < problem.n_steps:
        step = len(chosen)
        run.depths.append(step)
        if len(levels) == step:
            candidates, sources = problem.candidates(chosen)
            levels.append(_Level(candidates, set(sources)))
        level = levels[step]
        rejected: list[tuple[T, str]] = []
        kept: T | None = None
        while level.at < len(level.candidates) and kept is None:
            candidate = level.candidates[level.at]
            level.at += 1
            run.n_tests += 1
            broken = problem.test(chosen, candidate)
            if broken is None:
                kept = candidate
                continue
            level.blamed |= broken.steps
            run.broken[broken.rule] = run.broken.get(broken.rule, 0) + 1
            if log:
                rejected.append((candidate, broken.rule))
        if kept is not None:
            run.n_choices += 1
            chosen.append(kept)
            if log:
                run.events.append(Event("choose", step, kept, tuple(rejected)))
        else:
            latest = max(level.blamed, default=-1)
            target = latest if mode == "intelligent" else step - 1
            run.n_backtracks += 1
            run.n_skipped += step - 1 - max(target, 0) if target >= 0 else step
            if log:
                blamed = tuple(sorted(level.blamed))
                run.events.append(Event("dead end", step, None, tuple(rejected), blamed, target))
            if target < 0:
                return run
            # What failed here fails again unless one of the other steps to blame changes too.
            levels[target].blamed |= level.blamed - {target}
            del levels[target + 1 :]
            del chosen[target:]
        if run.n_tests >= max_tests and len(chosen) < problem.n_steps:
            run.is_given_up = True
            run.chosen = tuple(chosen)
            return run
    run.chosen, run.is_complete = tuple(chosen), True
    return run
