"""Who listens to GenJam: scripted mentors that say g or b of each measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hybrid.core.pitch import pitch_class
from hybrid.history.genjam_band import Chord, Played, play
from hybrid.history.genjam_genes import EVENTS, HOLD, INDICES, REST, Genes, Population


@dataclass(frozen=True)
class Heard:
    """What a listener hears of one measure: its notes, the note before, and its chords."""

    notes: tuple[Played, ...]
    before: Played | None
    chords: tuple[Chord, Chord]

    @property
    def leaps(self) -> list[int]:
        """Scale steps from each note to the next, the one before the bar counted."""
        line = [*([self.before] if self.before else []), *self.notes]
        return [abs(other.gene - one.gene) for one, other in pairwise(line)]


def smooth(heard: Heard) -> int:
    """Likes lines that go by steps, dislikes leaps and silence."""
    leaps = heard.leaps
    if len(heard.notes) < 2:
        return -1
    mean = sum(leaps) / len(leaps)
    return 1 if mean <= 2.5 else -1 if mean > 4 or max(leaps) > 8 else 0


def chordal(heard: Heard) -> int:
    """Likes notes of the chord on the beat, dislikes others there."""
    on_beat = [note for note in heard.notes if note.event % 2 == 0]
    if not on_beat:
        return -1
    inside = 0
    for note in on_beat:
        tones = heard.chords[note.event * 2 // EVENTS].tones
        inside += note.pitch % 12 in {pitch_class(tone) for tone in tones}
    share = inside / len(on_beat)
    return 1 if share >= 0.75 else -1 if share <= 0.4 else 0


def lively(heard: Heard) -> int:
    """Likes many notes, dislikes few."""
    return 1 if len(heard.notes) >= 6 else -1 if len(heard.notes) <= 3 else 0


def nobody(heard: Heard) -> int:
    """Never says a word: what breeding does by itself."""
    return 0


LISTENERS: dict[str, Callable[[Heard], int]] = {
    "smooth": smooth,
    "chordal": chordal,
    "lively": lively,
    "nobody": nobody,
}


def mean_interval(measures: list[Genes]) -> float:
    """Scale steps from note to note inside measures, on average.

    >>> mean_interval([(1, 15, 3, 0, 8, 0, 0, 0), (5, 0, 0, 0, 0, 0, 0, 0)])
    3.5
    """
    steps = [
        abs(other - one)
        for genes in measures
        for one, other in pairwise([gene for gene in genes if REST < gene < HOLD])
    ]
    return float(np.mean(steps)) if steps else 0.0


def listen(
    measures: Population,
    phrases: Population,
    bars: list[tuple[Chord, Chord]],
    listener: Callable[[Heard], int],
    order: list[int],
) -> list[tuple[int, list[int]]]:
    """Hear every phrase once, in order, round the tune; votes go to measure and phrase.

    Returns
    -------
    list of (int, list of int)
        Number of each phrase and the votes for its four measures.
    """
    heard = []
    for turn, number in enumerate(order):
        genes = phrases.genes[number]
        first = turn * INDICES % len(bars)
        chords = [bars[(first + place) % len(bars)] for place in range(INDICES)]
        notes = play([measures.genes[index] for index in genes], chords)
        votes = []
        for place, index in enumerate(genes):
            inside = tuple(note for note in notes if note.bar == place)
            before = next((note for note in reversed(notes) if note.bar < place), None)
            vote = listener(Heard(inside, before, chords[place]))
            measures.fitness[index] += vote
            phrases.fitness[number] += vote
            votes.append(vote)
        heard.append((number, votes))
    return heard
