"""A bass that walks in beats from chord to chord."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hybrid.core.pitch import pitch_class
from hybrid.core.plan import PlacedPhrase
from hybrid.rules.harmony import Chord, accent_at, beat_ticks
from hybrid.rules.lattice import Blocked
from hybrid.rules.lines import LineNote, line_moves
from hybrid.rules.melody import Manner, Slot, draw_melody

if TYPE_CHECKING:
    from hybrid.rules.phrases import Context

#: Steps and small leaps alike; dissonances between the chords' first beats pass by step.
WALK = Manner(shape=0.0, dissonance=-0.2, accented=-0.1, repeat=2.5, leap=0.45)


def walk_bass(
    placed: PlacedPhrase,
    chords: Sequence[Chord],
    melody: Sequence[LineNote],
    strands: Sequence[LineNote],
    context: Context,
    rng: np.random.Generator,
) -> list[LineNote]:
    """The strands with the outline of the bass walking in beats.

    Each chord keeps its bass note on its first beat; the other beats are drawn so that the
    line moves on smoothly and makes no parallels with any other line. Where none fits, the
    bass note is repeated.
    """
    bass_voice = context.voices[-1]
    bass = sorted((n for n in strands if n.voice == "bass"), key=lambda n: n.onset)
    others = [n for n in strands if n.voice != "bass"]
    beat = beat_ticks(placed.metre)
    lines = line_moves([*melody, *others])
    guide = context.guide
    slots = []
    owners = []
    for note in bass:
        chord = next(c for c in chords if c.onset <= note.onset < c.end)
        ticks = list(range(note.onset, note.end, beat))
        for number, tick in enumerate(ticks):
            end = ticks[number + 1] if number + 1 < len(ticks) else note.end
            # At a cadence the bass stands: it is heard as what it is.
            stands = number == 0 or (
                placed.phrase.cadence != "none" and chord.index >= chords[-1].index - 1
            )
            pinned = ((note.pitch, note.spelling),) if stands else ()
            # The strands have the chord's tendency tones; the bass does not leave with one.
            tendency = {t for t in (chord.leading, chord.seventh) if t is not None}
            barred = frozenset(
                pitch
                for tone in (tendency if number == len(ticks) - 1 and not stands else ())
                for pitch in range(pitch_class(tone), 128, 12)
            )
            if guide is not None:
                column = len(context.voices) - 1
                barred |= guide.barred(column, tick, end)
                if not stands and guide.sounds(column, tick, end):
                    stands, pinned = True, ((note.pitch, note.spelling),)
            slots.append(
                Slot(
                    tick,
                    end,
                    chord,
                    accent=1 if number else 2,
                    structural=stands,
                    pinned=pinned,
                    barred=barred,
                    against=lines.get(tick, ()),
                )
            )
            owners.append(note)
    if not slots:
        return list(strands)
    before = None
    if context.tail is not None and not context.after_pause:
        before = context.tail.get((bass_voice.part, bass_voice.number))
    manner = WALK if guide is None else guide.manner(WALK, len(context.voices) - 1)
    limits = (bass_voice.low, min(bass_voice.high + 5, bass_voice.low + 24))
    try:
        chord_before = context.last_chord if before else None
        line = draw_melody(slots, limits, rng, manner, before, chord_before)
    except Blocked:
        return list(strands)
    walked = [
        LineNote(
            bass_voice.part,
            bass_voice.number,
            "bass",
            note.onset,
            note.end,
            note.pitch,
            note.spelling,
            owner.maker if slot.pinned else "walking bass",
            accent_at(placed, note.onset),
            note.probability,
        )
        for note, slot, owner in zip(line, slots, owners, strict=True)
    ]
    return [*others, *walked]
