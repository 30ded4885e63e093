"""The chorale's rules that count chord tones, once more: doubled tones, missing ones.

As `benchmarks._plain_rules`: plain loops that share nothing with ``hybrid.theory``. Chords are
people's labels, whose tones `hybrid.core` spells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from benchmarks._plain_rules import Broken, Plain
from benchmarks._plain_rules import broken_at as broken
from hybrid.core.analysis import ChordSpan
from hybrid.core.errors import PlanError
from hybrid.core.numerals import RomanNumeral

CHORD_RULES = ("doubled_leading_tone", "doubled_seventh", "missing_third", "incomplete_chord")


class Label(NamedTuple):
    """A chord: its time, and its members as pitch classes, root first."""

    start: int
    end: int
    members: tuple[int, ...]
    numeral: RomanNumeral
    span: ChordSpan


def read_labels(chords: Sequence[ChordSpan]) -> Iterator[Label]:
    """Labels that our notation reads and whose members stand in thirds."""
    for span in chords:
        try:
            numeral = RomanNumeral.parse(span.numeral)
            tones = numeral.tones(span.key)
        except PlanError:
            continue
        members = tuple(7 * tone % 12 for tone in tones)
        in_thirds = all((b - a) % 12 in (3, 4) for a, b in pairwise(members[:4]))
        plain_triad = numeral.triad in ("major", "minor", "diminished", "augmented")
        if numeral.is_cadential or (in_thirds and plain_triad):
            yield Label(span.onset, span.end, members, numeral, span)


def chord_tones(plain: Plain, chords: Sequence[ChordSpan]) -> Iterator[Broken]:
    """Doubled and missing tones, and tones beside the chord that no step joins."""
    labels = list(read_labels(chords))
    times = plain.times
    for label in labels:
        first = max((tick for tick in times if tick <= label.start), default=None)
        inside = [tick for tick in times if label.start < tick < label.end]
        if first is None:
            continue
        moments = [first, *inside]
        yield from _doublings(plain, label, first)
        heard: set[int] = set()
        most = 0
        for tick in moments:
            sounding = [note.pitch % 12 for v in range(4) if (note := plain.at(v, tick))]
            heard |= set(sounding)
            most = max(most, len(sounding))
        everyone = (0, 1, 2, 3)
        third, fourth = label.members[1], (label.members[0] + 5) % 12
        if most >= 3 and third not in heard and fourth not in heard:
            yield broken("missing_third", first, *everyone)
        needed = set(label.members[:4]) - {third}
        if label.numeral.inversion == 0:
            needed -= {label.members[2]}
        if most == 4 and needed - heard:
            yield broken("incomplete_chord", first, *everyone)


def _doublings(plain: Plain, label: Label, tick: int) -> Iterator[Broken]:
    have: dict[int, list[int]] = {}
    for voice in range(4):
        note = plain.at(voice, tick)
        if note is not None:
            have.setdefault(note.pitch % 12, []).append(voice)
    local = label.numeral.local_key(label.span.key)
    leading = 7 * local.leading_tone % 12
    place = {5: 1, 7: 0}.get(label.numeral.degree)
    is_dominant = place is not None and label.members[place] == leading
    if is_dominant and len(have.get(leading, ())) > 1:
        yield broken("doubled_leading_tone", tick, *have[leading])
    seventh = label.members[3] if label.numeral.has_seventh else None
    if seventh is not None and len(have.get(seventh, ())) > 1:
        yield broken("doubled_seventh", tick, *have[seventh])
