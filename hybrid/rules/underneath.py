"""Voicings under a melody, or with a free soprano, drawn by the exact search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import diatonic_step
from hybrid.core.plan import PlacedPhrase
from hybrid.rules import weights as w
from hybrid.rules.echo import Echo
from hybrid.rules.endings import shut_out
from hybrid.rules.harmony import Event, to_ticks
from hybrid.rules.lattice import draw_path
from hybrid.rules.leading import Link, link_between, transition
from hybrid.rules.melody import MelodyNote
from hybrid.rules.phrases import Context, breaks_between, final_tones, sounding, tail_arrays
from hybrid.rules.soprano import voice_limits
from hybrid.rules.voicings import Voicings, voicings

UNPINNED = 1.6  # cost of each staff step between a free soprano and its theme


@dataclass(frozen=True)
class Memory:
    """What a phrase sounded like, for its return: lower voices and figures by event."""

    onsets: tuple[int, ...]  # from the phrase's start
    numerals: tuple[str, ...]
    degrees: NDArray[np.int64]  # (n, V) pitch above the key's tonic
    kinds: tuple[tuple[str, ...], ...]


def voices_under(
    placed: PlacedPhrase,
    events: tuple[Event, ...],
    melody: Sequence[MelodyNote] | None,
    wanted_steps: Sequence[float],
    context: Context,
    memory: Memory | None,
    rng: np.random.Generator,
    slack: bool,
    echo: Echo | None = None,
) -> tuple[Voicings, int]:
    """Draw voicings for a phrase's events; rows of the result are events.

    Without a melody the soprano is free, and costs what it differs from ``wanted_steps``.
    """
    usual, entry = voice_limits(context, slack), voice_limits(context, slack, entry=True)
    sets: list[Voicings] = []
    exits: list[tuple[tuple[int, int] | None, ...]] = []
    for number, event in enumerate(events):
        limits = usual if number else entry
        if melody is not None:
            note = sounding(melody, event.onset)
            found = voicings(event.chord, event.bass, limits, (), (note.pitch, note.spelling))
        else:
            found = voicings(event.chord, event.bass, limits)
            steps = [_step(p, s) for p, s in zip(*_soprano_of(found), strict=True)]
            away = np.abs(np.array(steps, dtype=np.float64) - wanted_steps[number])
            found = found.plus(UNPINNED * away)
            found = _ending(placed, event, found)
        if echo is not None:
            found = found.plus(echo.cost(found, event))
        if memory is not None:
            found = found.plus(_unlike(placed, event, found, memory))
        if context.guide is not None:
            found = context.guide.kept(found, event)
        if number + 1 == len(events):
            found = found.plus(_shut(found, melody, context))
        sets.append(found)
        exit_ = None
        if melody is not None and number + 1 < len(events):
            last = sounding(melody, events[number + 1].onset - 1)
            if (last.pitch, last.spelling) != (note.pitch, note.spelling):
                exit_ = (last.pitch, last.spelling)
        row: list[tuple[int, int] | None] = [exit_, *(None for _ in context.voices[1:])]
        if echo is not None and number + 1 < len(events):
            row[echo.voice] = echo.exit(event, events[number + 1])
        exits.append(tuple(row))
    links = [
        link_between(a.chord, b.chord, breaks_between(a, b, context), exits[place])
        for place, (a, b) in enumerate(pairwise(events))
    ]
    first_link: Link | None = None
    tail = tail_arrays(context)
    if tail is not None and context.last_chord is not None:
        first_link = link_between(context.last_chord, events[0].chord, breaks=tail[2])
        links.insert(0, first_link)
        sets.insert(0, Voicings(tail[0], tail[1], np.zeros(1)))

    def step(place: int) -> NDArray[np.float64]:
        return transition(sets[place - 1], sets[place], links[place - 1])

    path = draw_path([found.cost for found in sets], step, rng, w.TEMPERATURE)
    skip = int(first_link is not None)
    rows = list(zip(sets, path.index, strict=True))[skip:]
    chosen = Voicings(
        np.stack([found.pitch[index] for found, index in rows]),
        np.stack([found.spelling[index] for found, index in rows]),
        np.array(path.probability[skip:]),
    )
    return chosen, sum(len(found) for found in sets)


def _shut(
    found: Voicings, melody: Sequence[MelodyNote] | None, context: Context
) -> NDArray[np.float64]:
    """What the last voicings cost for endings that are barred."""
    if not context.barred:
        return np.zeros(len(found))
    ends = {
        (voice.part, voice.number): found.pitch[:, column]
        for column, voice in enumerate(context.voices)
    }
    if melody is not None:
        soprano = context.voices[0]
        ends[soprano.part, soprano.number] = np.full(len(found), melody[-1].pitch)
    return shut_out(ends, context.barred, len(found))


def _soprano_of(found: Voicings) -> tuple[list[int], list[int]]:
    return found.pitch[:, 0].tolist(), found.spelling[:, 0].tolist()


def _step(pitch: int, spelling: int) -> int:
    return diatonic_step(pitch, spelling)


def _ending(placed: PlacedPhrase, event: Event, found: Voicings) -> Voicings:
    """A free soprano still ends as the cadence asks."""
    if not event.last:
        return found
    allowed = final_tones(placed, event.chord)
    wanted = np.isin(found.spelling[:, 0], [tone for tone, _ in allowed])
    return found.plus(np.where(wanted, 0.0, np.inf))


def _unlike(
    placed: PlacedPhrase, event: Event, found: Voicings, memory: Memory
) -> NDArray[np.float64]:
    """Cost of lower voices that differ from those remembered, where the chord is the same."""
    onset = event.onset - to_ticks(placed.start)
    if onset not in memory.onsets:
        return np.zeros(len(found))
    row = memory.onsets.index(onset)
    if memory.numerals[row] != event.chord.numeral.text:
        return np.zeros(len(found))
    tonic = placed.key.tonic * 7 % 12
    if memory.degrees.shape[1] != found.pitch.shape[1]:
        return np.zeros(len(found))
    differs = found.pitch[:, 1:] - tonic != memory.degrees[row, 1:][None, :]
    result: NDArray[np.float64] = 1.2 * differs.sum(axis=1)
    return result
