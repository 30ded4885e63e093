"""Writing a piece event by event: particles side by side, bar by bar.

Every row of the sampler is a particle: a piece so far, with a weight. Limits shut values, wishes
make values likelier; the weight takes up how much of the model's mass they leave. Particles that
have finished a bar wait for the others, so that all are compared at the same moment; those that
have drifted into trouble are drawn anew from those that have not. Where none is left, the
sampler goes back some bars and tries again with more of them.

References
----------
Gordon, N. J., Salmond, D. J., Smith, A. F. M. (1993). Novel approach to nonlinear/non-Gaussian
    Bayesian state estimation. IEE Proceedings F, 140, 107-113.
Lew, A. K., Zhi-Xuan, T., Grand, G., Mansinghka, V. K. (2023). Sequential Monte Carlo steering of
    large language models using probabilistic programs. arXiv:2306.03081.
Holtzman, A. et al. (2020). The curious case of neural text degeneration. ICLR. arXiv:1904.09751.
    Drawing from the nucleus of the distribution.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError, ConflictError
from hybrid.symbolic_transformer.event_asking import Asker, Tries
from hybrid.symbolic_transformer.event_choice import effective, resample
from hybrid.symbolic_transformer.event_limits import Limit, Span
from hybrid.symbolic_transformer.event_model import STYLES, EventTransformer
from hybrid.symbolic_transformer.event_particles import Particles
from hybrid.symbolic_transformer.event_wishes import Wish
from hybrid.symbolic_transformer.events import BAR, EVENT_DTYPE
from hybrid.symbolic_transformer.tables import TICKS, PlanArrays

#: More events than any music has in a bar; a row that gets there is given up.
MAX_BAR_EVENTS = 400
DEFAULT_WINDOW = 512


@dataclass(frozen=True)
class SampleSettings:
    """How particles are drawn.

    Attributes
    ----------
    n_particles, most_particles : int
        Usually, and at most after going back.
    window : int or None
        Events that the model looks back on; where left out as many as its excerpts had in
        training, which its weights say, as it does worse with more. `DEFAULT_WINDOW` otherwise.
    temperature, top_p : mapping
        By part; 1 where a part is left out.
    resample_below : float
        Share of the particles that the effective number may fall to.
    back_up : tuple of int
        Bars to go back at the first failure, at the next one in the same place, and so on.
    budget : int
        How often the sampler goes back in one piece, all places together.
    """

    n_particles: int = 8
    most_particles: int = 32
    window: int | None = None
    temperature: Mapping[str, float] = field(
        default_factory=lambda: {"place": 0.95, "pitch": 0.95, "velocity": 0.9}
    )
    top_p: Mapping[str, float] = field(
        default_factory=lambda: {
            "place": 0.98,
            "track": 0.99,
            "pitch": 0.95,
            "duration": 0.97,
            "velocity": 0.95,
            "timing": 0.95,
        }
    )
    resample_below: float = 0.5
    back_up: tuple[int, ...] = (1, 2, 4, 8)
    budget: int = 24

    def __post_init__(self) -> None:
        if not 1 <= self.n_particles <= self.most_particles:
            raise ConfigError(
                f"n_particles must be in 1..{self.most_particles}, got {self.n_particles}"
            )
        if self.window is not None and self.window < 2:
            raise ConfigError(f"window must be 2 or more, got {self.window}")


@dataclass(frozen=True, eq=False)
class Written:
    """What was written.

    Attributes
    ----------
    events : np.ndarray, shape (N,), `EVENT_DTYPE`
        From the piece's start to the last bar that was written.
    probability : np.ndarray, shape (N,), float64
        Of each note's place, track, pitch and duration under the model alone; nan for what was
        given.
    rejected : np.ndarray, shape (N,), int64
        Candidates for each event's parts that limits shut.
    counts : dict
        Over the run: candidates rejected in all and by part, in all particles; how often
        particles were drawn anew; how often the sampler went back.
    """

    events: NDArray[Any]
    probability: NDArray[np.float64]
    rejected: NDArray[np.int64]
    counts: dict[str, int]


def bar_spans(plan: PlanArrays) -> tuple[Span, ...]:
    """The bars of a plan."""
    bars = plan.bars
    full = 4 * TICKS * bars["numerator"].astype(int) // bars["denominator"]
    spans = []
    for index, length in enumerate(full.tolist()):
        start, end = int(bars["start"][index]), int(bars["end"][index])
        missing = length - (end - start) if bars["is_pickup"][index] else 0
        spans.append(Span(index, start, end, missing))
    return tuple(spans)


def window_of(model: EventTransformer) -> int:
    """Events of the excerpts that a model was trained on; `DEFAULT_WINDOW` where nothing says."""
    window = model.info.notes.get("window") if model.info is not None else None
    return int(window or DEFAULT_WINDOW)


class EventSampler:
    """Writes events under a plan.

    Parameters
    ----------
    model : EventTransformer
        In evaluation mode, on the CPU.
    plan : PlanArrays
    style : str
        One of `STYLES`.
    rng : np.random.Generator
        The only source of chance.
    limits, wishes : sequences
        What holds and what is preferred.
    settings : SampleSettings, optional
    """

    def __init__(
        self,
        model: EventTransformer,
        plan: PlanArrays,
        style: str,
        rng: np.random.Generator,
        limits: Sequence[Limit] = (),
        wishes: Sequence[Wish] = (),
        settings: SampleSettings | None = None,
    ) -> None:
        self.model, self.plan, self.rng = model, plan, rng
        self.style = STYLES.index(style)
        self.settings = settings or SampleSettings()
        self.spans = bar_spans(plan)
        self.counts: Counter[str] = Counter()
        self.asker = Asker(
            model,
            limits,
            wishes,
            self.settings.temperature,
            self.settings.top_p,
            style == "pop",
            rng,
            self.counts,
        )
        self.fallen: list[tuple[str, ...]] = []

    def write(
        self,
        first: int = 0,
        last: int | None = None,
        given: NDArray[Any] | None = None,
        after: NDArray[Any] | None = None,
        progress: Callable[[float], None] = lambda share: None,
    ) -> Written:
        """Write bars ``first``..``last`` (from 0; to the end where left out).

        Parameters
        ----------
        given : np.ndarray, optional
            Events of all bars before ``first``.
        after : np.ndarray, optional
            Events that follow (`EVENT_DTYPE`, a bar line first): particles are weighed by how
            likely the model finds them after what they wrote, and fall where a limit on steps
            between notes shuts one.

        Raises
        ------
        ConflictError
            If the limits leave no way; it names those in the way of the last rows that fell.
        """
        last = len(self.spans) - 1 if last is None else last
        given = np.empty(0, EVENT_DTYPE) if given is None else given
        after = np.empty(0, EVENT_DTYPE) if after is None else after
        failures: Counter[int] = Counter()
        number = first
        with torch.inference_mode():
            particles = self._begin(self.settings.n_particles, given)
            while number <= last:
                self._bar(particles, self.spans[number])
                if number == last and len(after):
                    self._join(particles, after)
                if not np.isfinite(particles.weight).any():
                    particles, number = self._go_back(particles, number, first, given, failures)
                    continue
                if number < last:
                    self._thin(particles)
                number += 1
                progress((number - first) / (last - first + 1))
        best = int(np.argmax(particles.weight))
        count = int(particles.rows.count[best]) - len(after)
        return Written(
            particles.rows.events[best, :count].copy(),
            particles.probability[best, :count].copy(),
            particles.rejected[best, :count].copy(),
            dict(self.counts),
        )

    def _begin(self, n_rows: int, given: NDArray[Any]) -> Particles:
        window = self.settings.window or window_of(self.model)
        return Particles(self.model, self.plan, self.style, n_rows, window, given)

    def _bar(self, particles: Particles, span: Span) -> None:
        """Write a bar in all rows; rows that find no way have the weight minus infinity."""
        particles.bar_counts[:, span.index] = particles.rows.count
        particles.append(particles.every, tick=span.start, track=BAR, place=span.missing)
        particles.hear(np.ones(particles.n_rows, dtype=bool))
        tries = Tries.none(particles.n_rows)
        active = np.ones(particles.n_rows, dtype=bool)
        for _ in range(MAX_BAR_EVENTS):
            active = self.asker.event(particles, span, active, tries)
            if not active.any():
                break
        particles.weight[active] = -np.inf  # never came to the bar's end
        self.fallen = tries.fallen

    def _thin(self, particles: Particles) -> None:
        """Draw the particles anew where few of them carry the weight."""
        n_rows, wanted = particles.n_rows, self.settings.n_particles
        draw = float(self.rng.random())
        enough = effective(particles.weight) >= self.settings.resample_below * n_rows
        if enough and n_rows == wanted and np.isfinite(particles.weight).all():
            return
        particles.select(resample(particles.weight, wanted, draw))
        particles.weight = np.zeros(wanted)
        self.counts["particles drawn anew"] += 1

    def _join(self, particles: Particles, after: NDArray[Any]) -> None:
        """Weigh particles by given events that follow them."""
        bars = self.plan.bars["start"]
        for event in after:
            index = int(np.searchsorted(bars, event["tick"], side="right")) - 1
            found = self.asker.likelihood(particles, self.spans[index], event)
            particles.weight = particles.weight + found
            fields = {name: int(event[name]) for name in EVENT_DTYPE.names or ()}
            particles.append(particles.every, **fields)
            particles.hear(np.ones(particles.n_rows, dtype=bool))
        if not np.isfinite(particles.weight).any():
            self.fallen = [
                *self.fallen,
                tuple(item.name for item in self.asker.limits if item.joins),
            ]

    def _go_back(
        self,
        particles: Particles,
        number: int,
        first: int,
        given: NDArray[Any],
        failures: Counter[int],
    ) -> tuple[Particles, int]:
        """Take all rows back some bars, more of them than before; the bar to go on with."""
        settings = self.settings
        tries = failures[number]
        failures[number] += 1
        if tries >= 2 * len(settings.back_up) or failures.total() > settings.budget:
            raise self._conflict(number, failures.total() - 1)
        self.counts["times gone back"] += 1
        target = max(first, number + 1 - settings.back_up[min(tries, len(settings.back_up) - 1)])
        n_rows = min(settings.most_particles, settings.n_particles * 2 ** (1 + tries))
        if target > first and particles.take_back(target):
            particles.select(np.arange(n_rows) % particles.n_rows)
            return particles, target
        return self._begin(n_rows, given), first

    def _conflict(self, number: int, tries: int) -> ConflictError:
        found = Counter(names for names in self.fallen if names)
        names = found.most_common(1)[0][0] if found else ("the order of events",)
        shown = number + (0 if self.spans[0].missing else 1)
        what = "this cannot hold" if len(names) == 1 else "these cannot all hold"
        return ConflictError(
            f"{what} in bar {shown}, as far as {tries} more attempts with up to "
            f"{self.settings.most_particles} particles show: {'; '.join(names)}; "
            "engine rules searches exactly",
            names,
        )


__all__ = ["EventSampler", "SampleSettings", "Written", "bar_spans"]
