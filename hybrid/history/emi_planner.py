"""Phrase by phrase through the network: a SPEAC tree is drawn, and a walk is found for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid.core.errors import ConfigError
from hybrid.history.chorales import Beat
from hybrid.history.parameters import Values
from hybrid.history.recombination import LONGEST, Composer, Database, Walk
from hybrid.history.speac import LABELS, Node, derive, label, leaves_of, tensions

#: Pieces that are begun before it is given up, times a phrase is redone where the next one has no
#: way, and phrases made in one attempt.
ATTEMPTS, RETRIES, MOST_PHRASES = 500, 4, 120
#: How near the mean tensions of two phrases are taken for the same: means differ less than beats.
NEAR_PHRASES = 0.1


@dataclass(frozen=True)
class Piece:
    """What was composed.

    Attributes
    ----------
    tree : list of Node
        The SPEAC derivation; its leaves are the phrases.
    walk : Walk
    firsts : tuple of int
        Number of the first beat of each phrase.
    attempts : int
        How many pieces were begun.
    """

    tree: list[Node]
    walk: Walk
    firsts: tuple[int, ...]
    attempts: int


def phrase_labels(beats: list[Beat]) -> dict[int, str]:
    """SPEAC label of each phrase of a chorale, by the mean tension of its beats."""
    weights = [tension.total for tension in tensions(beats)]
    phrases = sorted({beat.phrase for beat in beats})
    means = [
        float(np.mean([weights[beat.index] for beat in beats if beat.phrase == phrase]))
        for phrase in phrases
    ]
    return dict(zip(phrases, label(means, NEAR_PHRASES), strict=True))


def is_tonic(beat: Beat, mode: str) -> bool:
    """Whether a beat begins with the tonic's triad over its root (in minor, of either mode)."""
    classes = {pitch % 12 for pitch in beat.start}
    thirds = {4} if mode == "major" else {3, 4}
    return beat.start[-1] % 12 == 0 and classes <= {0, 7} | thirds and bool(classes & thirds)


class Planner:
    """Walks phrase by phrase; where one has no way to its cadence, the one before it is redone.

    Parameters
    ----------
    works : dict
        Number of each chorale to its beats.
    database : Database
    values : Values
    rng : numpy Generator
    """

    def __init__(
        self,
        works: dict[int, list[Beat]],
        database: Database,
        values: Values,
        rng: np.random.Generator,
    ) -> None:
        self.rng, self.database = rng, database
        self.mode, self.count = values.text("mode"), values.integer("phrases")
        self.run = values.integer("run")
        self.composer = Composer(database, self.run, rng)
        wanted = values.integer("length")
        self.lengths = sorted(
            range(max(2, wanted - 4), min(LONGEST, wanted + 4) + 1),
            key=lambda quarters: (abs(quarters - wanted), quarters),
        )
        self.openings = [
            database.place[beats[0].chorale, 0]
            for beats in works.values()
            if is_tonic(beats[0], self.mode)
        ]
        #: By label, the last beats of cadences inside the piece, and of those that end it.
        self.inner: dict[str, set[int]] = {letter: set() for letter in LABELS}
        self.final: dict[str, set[int]] = {letter: set() for letter in LABELS}
        for beats in works.values():
            labels = phrase_labels(beats)
            for beat in beats:
                row = database.place[beat.chorale, beat.index]
                if beat.is_end and not beat.is_last:
                    self.inner[labels[beat.phrase]].add(row)
                # The piece ends with the tonic at a strong place of the bar.
                if beat.is_end and beat.place % 2 == 0 and is_tonic(beat, self.mode):
                    self.final[labels[beat.phrase]].add(row)

    def compose(self) -> Piece:
        """A tree and a walk for it.

        Raises
        ------
        ConfigError
            If none is found in `ATTEMPTS`.
        """
        for attempt in range(1, ATTEMPTS + 1):
            walk = Walk()
            tree = derive(self.rng, self.count)
            self.composer.open(walk, self.openings)
            firsts: list[int] = []
            self.left = MOST_PHRASES
            if self._go(walk, leaves_of(tree), firsts):
                return Piece(tree, walk, tuple(firsts), attempt)
        raise ConfigError(
            "phrases, length, run and works must leave a way to every cadence, got "
            f"phrases={self.count}, run={self.run} and none in {ATTEMPTS} attempts"
        )

    def _go(self, walk: Walk, letters: str, firsts: list[int]) -> bool:
        number = len(firsts)
        if number == len(letters):
            return True
        before = len(walk.choices)
        firsts.append(before if number else 0)
        for _ in range(RETRIES):
            if self.left <= 0 or not self._phrase(walk, letters[number], number + 1 == self.count):
                break
            self.left -= 1
            if self._go(walk, letters, firsts):
                return True
            walk.undo(before)
        firsts.pop()
        return False

    def _phrase(self, walk: Walk, letter: str, is_final: bool) -> bool:
        allowed = (self.final if is_final else self.inner)[letter]
        beats = self.database.beats
        # Cadences that are signatures are sought first; at the end, those with the tonic on top.
        whole = {row for row in allowed if not is_final or beats[row].start[0] % 12 == 0}
        signed = {row for row in whole if self.database.signature_at(row) >= 0}
        return any(
            self.composer.phrase(walk, some, length)
            for length in self.lengths
            for some in (signed, whole, allowed)
        )
