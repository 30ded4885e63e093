"""What every check reads, and the form in which it reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hybrid.core.analysis import ChordSpan
from hybrid.core.score import Score
from hybrid.theory.ruleset import RuleSet
from hybrid.theory.slices import REST, Slices


class Hit(NamedTuple):
    """A rule that does not hold: at which slice, in which voices (indices), and what was found."""

    rule: str
    slice: int
    voices: tuple[int, ...]
    message: str


@dataclass(frozen=True, eq=False)
class Context:
    """A sliced score with a rule set and, where known, chords.

    Attributes
    ----------
    slices : Slices
    rules : RuleSet
    new_phrase : np.ndarray, shape (S,), bool
        Whether a slice is the first of a phrase other than the first one.
    chords : tuple of ChordSpan
        Ascending, without overlap; empty where harmony is not to be checked.
    cantus : str or None
        Voice that has the cantus firmus, for species counterpoint; None to find it.
    """

    slices: Slices
    rules: RuleSet
    new_phrase: NDArray[np.bool_]
    chords: tuple[ChordSpan, ...] = ()
    cantus: str | None = None

    def params(self, rule: str) -> Mapping[str, Any]:
        """Thresholds of a rule; empty where the set lacks it."""
        found = self.rules.rules.get(rule)
        return found.params if found else {}

    def wants(self, *rules: str) -> bool:
        """Whether the set has any of the rules."""
        return any(rule in self.rules.rules for rule in rules)

    def counts(self, hit: Hit) -> bool:
        """Whether a rule of the set is about the voices of a hit.

        A rule with the parameter ``own_lines`` leaves lines out that were read out of a track's
        chords.
        """
        rule = self.rules.rules.get(hit.rule)
        if rule is None:
            return False
        if not rule.params.get("own_lines", False):
            return True
        return not any(self.slices.voices[row].is_reading for row in hit.voices)

    @cached_property
    def phrase(self) -> NDArray[np.int64]:
        """Number of each slice's phrase, from 0; (S,)."""
        result: NDArray[np.int64] = np.cumsum(self.new_phrase, dtype=np.int64)
        return result

    @cached_property
    def note_end(self) -> NDArray[np.int64]:
        """Tick at which the note that each voice has in each slice ends; 0 at rests; (V, S)."""
        ends = np.zeros(self.slices.pitch.shape, dtype=np.int64)
        for row, voice in enumerate(self.slices.voices):
            sounds = self.slices.pitch[row] != REST
            index = self.slices.note[row, sounds]
            ends[row, sounds] = voice.notes["onset"][index] + voice.notes["duration"][index]
        return ends


def phrase_starts(score: Score, tick: NDArray[np.int64], given: Sequence[int]) -> NDArray[np.bool_]:
    """Slices at which a phrase starts: after a fermata, and at the ticks that are given.

    Parameters
    ----------
    score : Score
        Its articulations ``fermata`` end phrases.
    tick : np.ndarray, shape (S,)
        Onsets of the slices.
    given : sequence of int
        Ticks at which phrases start.

    Returns
    -------
    np.ndarray, shape (S,), bool
        The piece's first slice is never marked.
    """
    starts = set(given)
    for track in score.tracks:
        held = sorted({mark.tick for mark in track.articulations if mark.kind == "fermata"})
        if not held:
            continue
        # The phrase ends with the note under the fermata; what begins at or after its end is new.
        index = np.searchsorted(track.notes["onset"], held)
        for slot, onset in zip(index.tolist(), held, strict=True):
            if slot < len(track.notes) and track.notes["onset"][slot] == onset:
                starts.add(int(onset + track.notes["duration"][slot]))
    marked = np.zeros(len(tick), dtype=bool)
    index = np.searchsorted(tick, np.array(sorted(starts), dtype=np.int64))
    marked[index[index < len(tick)]] = True
    if len(marked):
        marked[0] = False
    return marked
