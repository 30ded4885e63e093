"""A simplified Schenkerian view: a line in the descant of each phrase, and the bass that bears it.

Ebcioğlu's system parsed descant and bass note by note with a theory of its own. Here a reading is
chosen when a phrase is finished: a tone of the tune from which a line leads by step to the phrase's
last tone, each tone of it borne by the bass beneath. That is far less; it does look across the
whole phrase, so that a failure can send the search a long way back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hybrid.core.pitch import diatonic_step
from hybrid.history.choral_chords import Chord
from hybrid.history.choral_rules import RuleBook
from hybrid.history.choral_tune import Slot

BOOK = RuleBook("schenker", "S")

#: Chords at the beginning of a phrase of which one has to be in root position.
OPENING = 3


@dataclass(frozen=True)
class Reading:
    """A line: the slots of its tones in order, the phrase's last slot at its end."""

    slots: tuple[int, ...]

    @property
    def text(self) -> str:
        """Such as ``a line of 4 tones``."""
        n = len(self.slots)
        return "a single tone" if n == 1 else f"a line of {n} tones"


@dataclass(slots=True)
class Phrase:
    """A reading that is being tested, over the slots and chords of a whole phrase."""

    now: Reading
    slots: Sequence[Slot]
    chords: Sequence[Chord]
    """By slots of the whole tune."""

    def read_by(self, reads: str) -> tuple[int, ...]:
        """Slots that a constraint looks at."""
        line, last = self.now.slots, self.now.slots[-1]
        if reads == "line":
            return line
        if reads == "head":
            return line[:1]
        if reads == "end":
            return tuple(range(max(0, last - 1), last + 1))
        if reads == "end of line":
            return tuple(range(line[-2] if len(line) > 1 else last, last + 1))
        slots = self.slots[:OPENING] if reads == "opening" else self.slots
        return tuple(slot.index for slot in slots)

    def chord(self, tone: int) -> Chord:
        """Of a tone of the line."""
        return self.chords[self.now.slots[tone]]


@BOOK.production("from any tone a line by step to the phrase's last tone", "S; simplified")
def lines(slots: Sequence[Slot]) -> Iterator[Reading]:
    steps = [diatonic_step(slot.pitch, slot.notes[0].spelling) for slot in slots]
    goal = steps[-1]
    found: set[tuple[int, ...]] = set()
    for head in range(len(slots)):
        way = -1 if steps[head] > goal else 1
        if steps[head] == goal:
            found.add((slots[-1].index,))
            continue
        # From the end backwards each step of the scale is taken where it comes last.
        line, wanted, at = [len(slots) - 1], goal - way, len(slots) - 2
        while at >= head and len(line) <= abs(steps[head] - goal):
            if steps[at] == wanted:
                line.append(at)
                wanted -= way
            at -= 1
        if len(line) == abs(steps[head] - goal) + 1:
            found.add(tuple(slots[place].index for place in reversed(line)))
    for line_slots in sorted(found):
        yield Reading(line_slots)


@BOOK.constraint("the line and its bass make no parallel octaves or fifths", "S", reads="line")
def structural_parallels(at: Phrase) -> bool:
    for tone in range(1, len(at.now.slots)):
        was, now = at.chord(tone - 1), at.chord(tone)
        size = (now.pitches[0] - now.bass) % 12
        is_same = size in (0, 7) and (was.pitches[0] - was.bass) % 12 == size
        if is_same and now.pitches[0] != was.pitches[0]:
            return True
    return False


@BOOK.constraint("the line begins on a consonant chord", "S", reads="head")
def dissonant_head(at: Phrase) -> bool:
    head = at.chord(0)
    return head.seventh is not None or head.numeral.is_cadential or head.inversion > 1


@BOOK.constraint("the bass moves into the phrase's last chord", "S; E90m", reads="end")
def standing_bass(at: Phrase) -> bool:
    last = at.now.slots[-1]
    if last == 0:
        return False
    before, now = at.chords[last - 1], at.chords[last]
    # A chord that is struck twice at a cadence moved into it one place earlier.
    return before.bass % 12 == now.bass % 12 and before.root != now.root


@BOOK.constraint("one of a phrase's first chords stands in root position", "S", reads="opening")
def no_opening(at: Phrase) -> bool:
    return not any(at.chords[slot.index].inversion == 0 for slot in at.slots[:OPENING])


@BOOK.constraint("the last line's next to last tone has the dominant", "S", reads="end of line")
def final_dominant(at: Phrase) -> bool:
    if not at.slots[-1].is_last or len(at.now.slots) < 2:
        return False
    # The tone may stand before the dominant that follows under it or after it.
    start, end = at.now.slots[-2], at.now.slots[-1]
    return all(at.chords[place].leading is None for place in range(start, end))


@BOOK.constraint("not every chord of the phrase has one bass tone", "ours", reads="phrase")
def dead_bass(at: Phrase) -> bool:
    if len(at.slots) < 4:
        return False
    return len({at.chords[slot.index].bass % 12 for slot in at.slots}) < 3


@BOOK.heuristic("long lines", "S", 1.0)
def length(at: Phrase) -> float:
    return float(len(at.now.slots))


@BOOK.heuristic("a line that falls", "S", 1.0)
def falling(at: Phrase) -> float:
    return float(at.chord(0).pitches[0] > at.chord(len(at.now.slots) - 1).pitches[0])


@BOOK.heuristic("the head stands on an accented beat", "S", 0.6)
def accented_head(at: Phrase) -> float:
    first = at.slots[0].index
    return float(at.slots[at.now.slots[0] - first].accent >= 2)


@BOOK.heuristic("the head is borne by a chord in root position", "S", 0.6)
def firm_head(at: Phrase) -> float:
    return float(at.chord(0).inversion == 0)
