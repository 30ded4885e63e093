"""What every engine that turns a plan into notes looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hybrid.core.errors import PlanError
from hybrid.core.plan import Constraint, FormPlan
from hybrid.core.score import Score
from hybrid.core.trace import Trace


@dataclass(frozen=True)
class Region:
    """Bars (first..last, from 1) and voices (empty: all) that an engine may write."""

    first_bar: int
    last_bar: int
    voices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.first_bar <= self.last_bar:
            raise PlanError(
                f"Region must be first and last bar from 1, got {self.first_bar}-{self.last_bar}"
            )


class Engine(Protocol):
    """Fills a plan.

    A `FormPlan` that `is_ready` goes in; its own constraints hold together with
    ``constraints``. ``given`` with ``region`` asks for new notes inside the region only,
    the rest of ``given`` stays as it is (infill, continuation, repair).
    """

    name: str

    def fill(
        self,
        plan: FormPlan,
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
        given: Score | None = None,
        region: Region | None = None,
    ) -> tuple[Score, Trace]:
        """Notes for ``plan``, and what made them.

        Raises
        ------
        ConflictError
            If hard constraints cannot all hold; it names a minimal conflicting subset.
        """
        ...
