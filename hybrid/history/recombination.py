"""Beats of chorales chained into new phrases: a lexicon, protected groups, and a walk with tests.

A beat may follow another if it begins with the very four notes to which the other went in its own
chorale. The walk goes through an augmented transition network: states, arcs between them, and
registers that the tests on the arcs read (how many quarters are left, how long the present source
has been kept, which cadence is due). Where a walk comes to a dead end it turns back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hybrid.core.errors import ConfigError
from hybrid.history.chorales import BAR_QUARTERS, Beat
from hybrid.history.signatures import Signature

#: Beats that every cadence keeps together.
CADENCE_BEATS = 2
#: Longest phrase, in quarters.
LONGEST = 16
#: Beats that are tried in one phrase before it is given up.
MOST_TRIES = 4000

#: The network: names of its states, and the arcs between them with the test of each.
STATES = ("begin", "opening", "phrase", "chain", "signature", "cadence", "end")
ARCS: dict[tuple[str, str], str] = {
    ("begin", "opening"): "a source's first beat, a chord of the tonic",
    ("opening", "chain"): "starts on the destination notes",
    ("opening", "signature"): "a signature's first beat",
    ("opening", "cadence"): "a cadence's first beat, the quarters fit",
    ("phrase", "chain"): "starts on the destination notes",
    ("phrase", "signature"): "a signature's first beat",
    ("phrase", "cadence"): "a cadence's first beat, the quarters fit",
    ("chain", "chain"): "starts on the destination notes",
    ("chain", "signature"): "a signature's first beat",
    ("chain", "cadence"): "a cadence's first beat, the quarters fit",
    ("signature", "signature"): "the source's next beat, until it is whole",
    ("signature", "chain"): "the signature is whole",
    ("signature", "cadence"): "the signature is whole, the quarters fit",
    ("cadence", "cadence"): "the source's next beat, until it is whole",
    ("cadence", "phrase"): "the phrase is whole; take the next label",
    ("cadence", "end"): "no label is left",
}


@dataclass(frozen=True)
class Choice:
    """One beat of the new piece.

    Attributes
    ----------
    beat : Beat
    state : str
        Of the network.
    n_choices : int
        How many beats of the lexicon's entry the tests let through.
    chance : float or None
        Of being drawn; None where it came after others that led nowhere.
    rejected : tuple of (str, str)
        Label of each other beat of the entry, and why it was not taken.
    run : int
        Beats in a row from this source, this one counted.
    """

    beat: Beat
    state: str
    n_choices: int
    chance: float | None
    rejected: tuple[tuple[str, str], ...]
    run: int


@dataclass
class Walk:
    """Registers of the network, and what is chosen so far.

    Attributes
    ----------
    choices : list of Choice
    stands : list of dict
        After each beat: where in the sources the latest beats stand word for word, by the place of
        the last one, and how many.
    tries, turned_back : int
    """

    choices: list[Choice] = field(default_factory=list)
    stands: list[dict[int, int]] = field(default_factory=list)
    tries: int = 0
    turned_back: int = 0

    def undo(self, length: int) -> None:
        """Take back all but the first beats."""
        self.turned_back += len(self.choices) - length
        del self.choices[length:]
        del self.stands[length:]

    @property
    def verbatim(self) -> int:
        """Most beats in a row that stand in a source word for word."""
        return max((max(found.values()) for found in self.stands), default=0)


class Database:
    """All beats, what may follow each, and which must stay together.

    Parameters
    ----------
    works : mapping
        Number of each chorale to its beats.
    signatures : sequence of Signature
        Kept whole; where one overlaps a cadence in part, the cadence is kept and it is not.
    same_place : bool
        Whether a beat may only come at the quarter of the bar at which it was.
    """

    def __init__(
        self,
        works: Mapping[int, Sequence[Beat]],
        signatures: Sequence[Signature],
        same_place: bool = True,
    ) -> None:
        self.beats = [beat for beats in works.values() for beat in beats]
        self.same_place = same_place
        place = {(beat.chorale, beat.index): row for row, beat in enumerate(self.beats)}
        self.place = place
        #: (first, last) row of the group that a beat is in, and what kind it is.
        self.group: dict[int, tuple[int, int, str, int]] = {}
        for row, beat in enumerate(self.beats):
            if beat.is_end:
                first = row
                while (
                    row - first + 1 < CADENCE_BEATS
                    and self.beats[first - 1].phrase == beat.phrase
                    and self.beats[first - 1].chorale == beat.chorale
                    and not self.beats[first - 1].is_end
                ):
                    first -= 1
                self._keep(first, row, "cadence", -1)
        for number, signature in enumerate(signatures):
            for found in signature.places:
                first = place[found]
                self._add_signature(first, first + signature.beats - 1, number)
        self.lexicon: dict[tuple[object, ...], list[int]] = {}
        self.same: dict[tuple[object, ...], list[int]] = {}
        for row, beat in enumerate(self.beats):
            self.lexicon.setdefault(self._key(beat.start, beat.place), []).append(row)
            self.same.setdefault((beat.voices, beat.quarters), []).append(row)

    def _keep(self, first: int, last: int, kind: str, number: int) -> None:
        for row in range(first, last + 1):
            self.group[row] = first, last, kind, number

    def _add_signature(self, first: int, last: int, number: int) -> None:
        rows = range(first, last + 1)
        within = [self.group[row] for row in rows if row in self.group]
        if not within:
            self._keep(first, last, "signature", number)
        elif len(set(within)) == 1 and first <= within[0][0] and within[0][1] == last:
            # A cadence that is a signature.
            self._keep(first, last, "cadence", number)

    def _key(self, notes: tuple[int, ...], place: int) -> tuple[object, ...]:
        return (notes, place) if self.same_place else (notes,)

    def entry(self, row: int) -> list[int]:
        """The lexicon's entry for the destination of a beat: rows of beats."""
        beat = self.beats[row]
        if beat.is_last:
            return []
        after = (beat.place + beat.quarters) % BAR_QUARTERS
        return self.lexicon[self._key(beat.destination, after)]

    def signature_at(self, row: int) -> int:
        """Number of the signature that a beat is part of; -1 if of none."""
        return self.group[row][3] if row in self.group else -1

    def state_of(self, row: int) -> str:
        """The network's state in which a beat is."""
        return self.group[row][2] if row in self.group else "chain"

    def is_inside(self, row: int) -> bool:
        """Whether a beat can only come after the one before it in its source."""
        return row in self.group and self.group[row][0] < row

    def must_go_on(self, row: int) -> bool:
        """Whether only the next beat of its source can follow a beat."""
        return row in self.group and row < self.group[row][1]

    def ways(self, ends: set[int]) -> list[list[bool]]:
        """From which beats a cadence is reached in exactly so many quarters.

        Parameters
        ----------
        ends : set of int
            Rows of the last beats of the cadences that are allowed.

        Returns
        -------
        list of list of bool
            By quarters 0..`LONGEST`, then by row; the beat itself is counted. The limit on one
            source is left to the walk.
        """
        found = [[False] * len(self.beats)]
        # Whether any beat of the entry that need not follow its own predecessor gets there.
        by_key: list[dict[tuple[object, ...], bool]] = [{}]
        for quarters in range(1, LONGEST + 1):
            reached = [False] * len(self.beats)
            for row, beat in enumerate(self.beats):
                left = quarters - beat.quarters
                if beat.is_end:
                    reached[row] = left == 0 and row in ends
                elif left > 0 and self.must_go_on(row):
                    reached[row] = found[left][row + 1]
                elif left > 0 and not beat.is_last:
                    after = (beat.place + beat.quarters) % BAR_QUARTERS
                    reached[row] = by_key[left].get(self._key(beat.destination, after), False)
            found.append(reached)
            by_key.append(
                {
                    key: True
                    for key, rows in self.lexicon.items()
                    if any(reached[row] and not self.is_inside(row) for row in rows)
                }
            )
        return found

    def extend(self, stands: Mapping[int, int], row: int) -> dict[int, int]:
        """Where the latest beats stand word for word once a beat is added."""
        beat = self.beats[row]
        return {
            same: stands.get(same - 1, 0) + 1 if self.beats[same].index else 1
            for same in self.same[beat.voices, beat.quarters]
        }


class Composer:
    """Walks through the network.

    Parameters
    ----------
    database : Database
    most : int
        Most beats in a row from one source, and most that may stand in any source word for word.
    rng : numpy Generator
    """

    def __init__(self, database: Database, most: int, rng: np.random.Generator) -> None:
        longest = max(
            (last - first + 1 for first, last, _, _ in database.group.values()), default=1
        )
        if most < longest:
            raise ConfigError(
                f"run must be {longest} or more, so that a signature stays whole, got {most}"
            )
        self.database, self.most, self.rng = database, most, rng
        self._ways: dict[frozenset[int], list[list[bool]]] = {}

    def open(self, walk: Walk, rows: Sequence[int]) -> None:
        """Choose the first beat of the piece."""
        row = rows[int(self.rng.integers(len(rows)))]
        rejected = tuple(
            (self.database.beats[other].label, "another opening was drawn")
            for other in rows
            if other != row
        )
        walk.stands.append(self.database.extend({}, row))
        walk.choices.append(
            Choice(self.database.beats[row], "opening", len(rows), 1 / len(rows), rejected, 1)
        )

    def phrase(self, walk: Walk, ends: set[int], length: int) -> bool:
        """Walk on for so many quarters, the last of them those of an allowed cadence.

        Returns
        -------
        bool
            False if there is no way; then the walk is as it was.
        """
        if not ends:
            return False
        known = frozenset(ends)
        if known not in self._ways:
            self._ways[known] = self.database.ways(ends)
        # The opening counts to the first phrase.
        left = length - (walk.choices[0].beat.quarters if len(walk.choices) == 1 else 0)
        walk.tries = 0
        return left > 0 and self._go(walk, self._ways[known], left)

    def _go(self, walk: Walk, ways: list[list[bool]], left: int) -> bool:
        if left == 0:
            return True
        walk.tries += 1
        if walk.tries > MOST_TRIES:
            return False
        rows, n_best, rejected = self._tested(walk, ways[left])
        for place, row in enumerate(rows):
            beat = self.database.beats[row]
            run = self._run(walk, beat)
            others = [
                (self.database.beats[other].label, "led nowhere" if at < place else "not drawn")
                for at, other in enumerate(rows)
                if at != place
            ]
            chance = None if place else 1 / n_best
            state = self.database.state_of(row)
            walk.choices.append(Choice(beat, state, len(rows), chance, (*others, *rejected), run))
            walk.stands.append(self.database.extend(walk.stands[-1], row))
            if self._go(walk, ways, left - beat.quarters):
                return True
            walk.choices.pop()
            walk.stands.pop()
            walk.turned_back += 1
        return False

    def _tested(
        self, walk: Walk, reached: Sequence[bool]
    ) -> tuple[list[int], int, list[tuple[str, str]]]:
        """Beats that pass every test, in the order in which they are tried; and the others.

        Between them, how many of the first are equally likely to be tried first.
        """
        database = self.database
        now = database.place[walk.choices[-1].beat.chorale, walk.choices[-1].beat.index]
        good, rejected = [], []
        for row in database.entry(now):
            reason = ""
            if database.must_go_on(now) and row != now + 1:
                reason = "a signature is kept whole"
            elif database.is_inside(row) and row != now + 1:
                reason = "inside a signature or cadence"
            elif not reached[row]:
                reason = "no cadence in the quarters left"
            elif self._run(walk, database.beats[row]) > self.most:
                reason = f"more than {self.most} from one source"
            elif max(database.extend(walk.stands[-1], row).values()) > self.most:
                reason = f"more than {self.most} as in a source"
            if reason:
                rejected.append((database.beats[row].label, reason))
            else:
                good.append(row)
        order = [good[at] for at in self.rng.permutation(len(good))]
        used = {(choice.beat.chorale, choice.beat.index) for choice in walk.choices}

        def rank(row: int) -> tuple[bool, bool]:
            # The source's own continuation comes last, before it what has been heard already.
            beat = database.beats[row]
            return row == now + 1, (beat.chorale, beat.index) in used

        order.sort(key=rank)
        return order, sum(rank(row) == rank(order[0]) for row in order), rejected

    def _run(self, walk: Walk, beat: Beat) -> int:
        before = walk.choices[-1]
        return before.run + 1 if before.beat.chorale == beat.chorale else 1


def runs(beats: Sequence[Beat]) -> Iterator[tuple[int, int]]:
    """Source and length of each stretch of beats from one source."""
    length = 0
    for at, beat in enumerate(beats):
        length += 1
        if at + 1 == len(beats) or beats[at + 1].chorale != beat.chorale:
            yield beat.chorale, length
            length = 0
