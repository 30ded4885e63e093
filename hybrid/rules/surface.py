"""Rules between lines whose notes do not begin together: patterns against melody.

Every line is a row of strokes: moments with a pitch that is either known (a melody) or the
pitch of a strand of the chord that is still to be chosen. Wherever two lines are struck at the
same tick and both move, the two intervals become a check on one chord or on two neighbouring
ones, to be evaluated on all candidates at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.rules.harmony import Due
from hybrid.rules.voicings import SILENT, Voicings


@dataclass(frozen=True)
class Known:
    """A tone that is fixed."""

    pitch: int
    spelling: int


#: A tone of a line: a known one, or the event and strand whose pitch it will be.
Tone = Known | tuple[int, int]


@dataclass(frozen=True)
class Sound:
    """A note of a line."""

    onset: int
    end: int
    tone: Tone


@dataclass(frozen=True)
class Check:
    """Two lines that are struck together: their tones before and now.

    ``event`` is the later of the events that it speaks of.
    """

    event: int
    before: tuple[Tone, Tone]
    now: tuple[Tone, Tone]

    @property
    def reaches_back(self) -> bool:
        """Whether it speaks of the event before as well."""
        events = [t[0] for t in (*self.before, *self.now) if isinstance(t, tuple)]
        return min(events) < self.event


def find_checks(lines: Sequence[Sequence[Sound]]) -> list[Check]:
    """Checks between all pairs of lines, where at least one tone is open."""
    starts = []
    for line in lines:
        starts.append({sound.onset: number for number, sound in enumerate(line)})
    checks: dict[Check, None] = {}
    for one in range(len(lines)):
        for two in range(one + 1, len(lines)):
            for tick, number in starts[one].items():
                other = starts[two].get(tick)
                if other is None or number == 0 or other == 0:
                    continue
                before = lines[one][number - 1].tone, lines[two][other - 1].tone
                now = lines[one][number].tone, lines[two][other].tone
                if before[0] == now[0] or before[1] == now[1]:
                    continue
                events = [tone[0] for tone in (*before, *now) if isinstance(tone, tuple)]
                if events:
                    checks[Check(max(events), before, now)] = None
    return list(checks)


def _values(
    tone: Tone, event: int, before: Voicings | None, after: Voicings, what: str = "pitch"
) -> NDArray[np.int64]:
    """Pitches or spellings of a tone for all candidates: (1, 1), (n, 1) or (1, m)."""
    if isinstance(tone, Known):
        return np.array([[getattr(tone, what)]])
    if tone[0] == event:
        return getattr(after, what)[None, :, tone[1]]  # type: ignore[no-any-return]
    assert before is not None
    return getattr(before, what)[:, None, tone[1]]  # type: ignore[no-any-return]


def check_cost(
    checks: Sequence[Check], event: int, before: Voicings | None, after: Voicings
) -> NDArray[np.float64]:
    """Cost of parallels for all candidates, inf where they are forbidden; (n or 1, m)."""
    rows = len(before) if before is not None else 1
    cost = np.zeros((rows, len(after)))
    for check in checks:
        old = [_values(tone, event, before, after) for tone in check.before]
        new = [_values(tone, event, before, after) for tone in check.now]
        steps = [new[0] - old[0], new[1] - old[1]]
        interval = np.abs(old[0] - old[1]) % 12
        next_interval = np.abs(new[0] - new[1]) % 12
        moving = (steps[0] != 0) & (steps[1] != 0)
        for tone in (*old, *new):
            moving = moving & (tone != SILENT)
        same = moving & (interval == next_interval) & ((interval == 0) | (interval == 7))
        similar = (steps[0] > 0) == (steps[1] > 0)
        cost = cost + np.where(same & similar, np.inf, 0.0) + 3.0 * (same & ~similar)
    return cost


def _augmented_second(
    one: Tone, two: Tone, event: int, before: Voicings | None, after: Voicings
) -> NDArray[np.bool_]:
    step = _values(two, event, before, after) - _values(one, event, before, after)
    fifths = _values(two, event, before, after, "spelling") - _values(
        one, event, before, after, "spelling"
    )
    result: NDArray[np.bool_] = is_augmented_second(step, fifths)
    return result


def is_augmented_second(step: Any, fifths: Any) -> Any:
    """Whether a step of so many semitones and fifths is one; for numbers and arrays."""
    return (np.abs(step) == 3) & (np.sign(step) * fifths > 6)


def inner_cost(line: Sequence[Sound], event: int, after: Voicings) -> NDArray[np.float64]:
    """Forbids augmented seconds inside a broken chord; (m,)."""
    cost = np.zeros((1, len(after)))
    tones = [s.tone for s in line if isinstance(s.tone, tuple) and s.tone[0] == event]
    for one, two in dict.fromkeys(pairwise(tones)):
        cost += np.where(_augmented_second(one, two, event, None, after), np.inf, 0.0)
    row: NDArray[np.float64] = cost[0]
    return row


def joint_cost(
    line: Sequence[Sound],
    event: int,
    due: Due,
    before: Voicings | None,
    after: Voicings,
) -> NDArray[np.float64]:
    """Forbids what a broken line must not do from one chord to the next; (n or 1, m).

    Its last tone, where it is a tendency tone, is resolved by the next note of the line, or
    by the one after it where the first is short (a broken chord that reaches the strand on
    its second note). No augmented second lies between the chords.
    """
    rows = len(before) if before is not None else 1
    cost = np.zeros((rows, len(after)))
    places = [n for n, s in enumerate(line) if isinstance(s.tone, tuple) and s.tone[0] == event]
    if not places or places[0] == 0:
        return cost
    last = line[places[0] - 1].tone
    if before is None and isinstance(last, tuple):
        return cost
    following = [line[place] for place in places[:2]]
    exit_ = _values(last, event, before, after)
    bad = _augmented_second(last, following[0].tone, event, before, after)
    steps = [_values(sound.tone, event, before, after) - exit_ for sound in following]
    short = following[0].end - following[0].onset <= 480
    for tone, ways in ((due.leading, (1,)), (due.seventh, (-1, -2))):
        if tone is None:
            continue
        good = np.isin(steps[0], ways)
        if short and len(steps) > 1:
            good = good | ((steps[0] != 0) & np.isin(steps[1], ways))
        bad = bad | ((exit_ % 12 == tone) & ~good)
    return cost + np.where(bad, np.inf, 0.0)
