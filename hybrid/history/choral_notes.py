"""From chords and joints to notes, and to what the checker of part-writing reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hybrid.core.analysis import ChordSpan
from hybrid.history.choral_chords import Chord
from hybrid.history.choral_fill import EIGHTH, Joint, held_eighths
from hybrid.history.choral_tune import Slot, Tune


@dataclass(frozen=True)
class SungNote:
    """A note of a voice 0..3, and what it is: ``tune``, ``chord``, ``passing`` ...

    ``slot`` is the chord that it sounds in when it begins.
    """

    voice: int
    onset: int
    end: int
    pitch: int
    spelling: int
    slot: int
    kind: str
    is_fermata: bool = False


def sung_notes(
    tune: Tune, slots: Sequence[Slot], chords: Sequence[Chord], joints: Sequence[Joint]
) -> list[SungNote]:
    """All notes of a harmonisation, voice by voice.

    Parameters
    ----------
    tune : Tune
    slots, chords : sequences of one length
    joints : sequence of Joint
        One fewer: joint n leads to chord n + 1.
    """
    notes = []
    for slot in slots:
        notes += [
            SungNote(0, n.onset, n.end, n.pitch, n.spelling, slot.index, "tune", n.is_fermata)
            for n in slot.notes
        ]
    for voice in (1, 2, 3):
        row: list[SungNote] = []
        for slot, chord in zip(slots, chords, strict=True):
            row += _in_slot(voice, slot, chord, joints, row)
        notes += row
    return notes


def _in_slot(
    voice: int, slot: Slot, chord: Chord, joints: Sequence[Joint], row: list[SungNote]
) -> list[SungNote]:
    start, end = slot.onset, slot.end
    before = joints[slot.index - 1].figure(voice) if slot.index else None
    after = joints[slot.index].figure(voice) if slot.index < len(joints) else None
    kind = "chord"
    if before is not None and before.kind == "suspension":
        start += held_eighths(slot) * EIGHTH
        row[-1] = replace(row[-1], end=start)
        kind = "resolution"
    made = []
    if after is not None and after.kind in ("passing", "neighbour"):
        end -= EIGHTH
        made.append(
            SungNote(voice, end, slot.end, after.pitch, after.spelling, slot.index, after.kind)
        )
    main = SungNote(
        voice,
        start,
        end,
        chord.pitches[voice],
        chord.spellings[voice],
        slot.index,
        kind,
        slot.is_fermata and not made,
    )
    return [main, *made]


def chord_spans(tune: Tune, slots: Sequence[Slot], chords: Sequence[Chord]) -> list[ChordSpan]:
    """The chords as the checker reads them."""
    return [
        ChordSpan(
            slot.onset,
            slot.end,
            chord.text,
            tune.key,
            chord.numeral.degree,
            chord.numeral.quality(tune.key),
            chord.inversion,
            chord.numeral.root(tune.key),
        )
        for slot, chord in zip(slots, chords, strict=True)
    ]
