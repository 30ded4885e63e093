"""Drums: a groove for each metre and texture, fills where sections end.

Grooves are tables of strokes within a bar; they are habits of popular styles, set by hand. A
fill leads out of a section's last bar, a crash opens the next section, and the piece ends
with one stroke on its last downbeat.

References
----------
Mattingly, R. (2006). All About Drums. Hal Leonard. (basic grooves and fills)
General MIDI Level 1 percussion key map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from hybrid.core.pitch import NO_SPELLING
from hybrid.core.plan import PlacedPhrase
from hybrid.rules.harmony import accent_at, beat_ticks, to_ticks
from hybrid.rules.lines import Filled, LineNote
from hybrid.rules.parts import PartTable, drum_part

KICK, SNARE, RIM, CLOSED_HAT, PEDAL_HAT, OPEN_HAT = 36, 38, 37, 42, 44, 46
RIDE, CRASH, HIGH_TOM, MIDDLE_TOM, LOW_TOM = 51, 49, 48, 45, 41

#: Which groove a texture has.
GROOVES = {
    "walking_bass": "jazz",
    "pad": "soft",
    "waltz": "soft",
    "march": "march",
    "arpeggio": "soft",
}
Stroke = tuple[Fraction, int, float]  # beats from the bar line, drum, loudness


def _row(drum: int, places: Sequence[float | Fraction], weight: float) -> list[Stroke]:
    return [(Fraction(place), drum, weight) for place in places]


def groove(kind: str, n_beats: int, compound: bool) -> tuple[Stroke, ...]:
    """Strokes of one bar; places in beats.

    >>> [drum for place, drum, _ in groove("rock", 4, False) if place == 1]
    [38, 42]
    """
    beats = range(n_beats)
    weak = [beat for beat in beats if beat % 2 == 1] if n_beats % 2 == 0 else list(beats)[1:]
    strong = [beat for beat in beats if beat not in weak]
    parts = 3 if compound else 2
    ticking = [Fraction(i, parts) for i in range(parts * n_beats)]
    if kind == "jazz":
        skips = [beat + (Fraction(2, 3) if compound else Fraction(1, 2)) for beat in weak]
        rows = _row(RIDE, [*beats, *skips], 0.75) + _row(PEDAL_HAT, weak, 0.6)
        rows += _row(KICK, strong[:1], 0.55)
    elif kind == "soft":
        rows = _row(CLOSED_HAT, list(beats), 0.6) + _row(RIM, weak[-1:], 0.7)
        rows += _row(KICK, strong[:1], 0.75)
    elif kind == "march":
        rows = _row(SNARE, ticking, 0.6) + _row(KICK, strong, 0.9) + _row(SNARE, weak, 0.9)
    else:
        rows = _row(KICK, strong, 1.0) + _row(SNARE, weak, 0.95)
        rows += _row(CLOSED_HAT, ticking, 0.65)
        if n_beats == 4:
            rows += _row(KICK, [Fraction(5, 2)], 0.8)
    unique: dict[tuple[Fraction, int], float] = {}
    for place, drum, weight in rows:
        unique[place, drum] = max(weight, unique.get((place, drum), 0.0))
    return tuple((place, drum, unique[place, drum]) for place, drum in sorted(unique))


def fill(n_beats: int) -> tuple[Stroke, ...]:
    """The last beats of a bar before a new section: toms in falling order."""
    start = max(0, n_beats - (2 if n_beats >= 4 else 1))
    drums = (SNARE, SNARE, HIGH_TOM, HIGH_TOM, MIDDLE_TOM, MIDDLE_TOM, LOW_TOM, LOW_TOM)
    count = 4 * (n_beats - start)
    chosen = drums if count == 8 else (SNARE, HIGH_TOM, MIDDLE_TOM, LOW_TOM)
    return tuple(
        (start + Fraction(i, 4), chosen[i], 0.8 + 0.03 * i) for i in range(min(count, len(chosen)))
    )


def add_drums(table: PartTable, phrases: Sequence[Filled]) -> list[Filled]:
    """The phrases with drums where their instruments have some."""
    result = []
    for number, filled in enumerate(phrases):
        part = drum_part(table, filled.placed.shared.instruments)
        if part is None:
            result.append(filled)
            continue
        after = phrases[number + 1].placed if number + 1 < len(phrases) else None
        before = phrases[number - 1].placed if number else None
        notes = _phrase(filled.placed, part, before, after)
        result.append(replace(filled, notes=(*filled.notes, *notes)))
    return result


def _phrase(
    placed: PlacedPhrase, part: int, before: PlacedPhrase | None, after: PlacedPhrase | None
) -> list[LineNote]:
    metre = placed.metre
    beat = beat_ticks(metre)
    bar = to_ticks(metre.bar_quarters)
    start = to_ticks(placed.start)
    kind = GROOVES.get(str(placed.shared.texture), "rock")
    pattern = groove(kind, metre.n_beats, metre.is_compound)
    opens = before is not None and before.section_index != placed.section_index
    closes = after is None or after.section_index != placed.section_index
    notes: list[LineNote] = []
    for number in range(placed.bars):
        rows: Sequence[Stroke] = pattern
        last = number == placed.bars - 1
        maker = f"groove {kind}"
        if last and after is None:
            rows = ((Fraction(0), KICK, 1.0), (Fraction(0), CRASH, 0.9))
            maker = "final stroke"
        elif last and closes and kind != "soft":
            led = fill(metre.n_beats)
            rows = [*(row for row in pattern if row[0] < led[0][0]), *led]
            maker = "fill"
        elif number == 0 and opens and kind != "jazz":
            rows = [*pattern, (Fraction(0), CRASH, 0.85)]
        for place, drum, weight in rows:
            onset = start + number * bar + int(place * beat)
            notes.append(
                LineNote(
                    part,
                    1,
                    "drums",
                    onset,
                    min(onset + beat // 2, start + (number + 1) * bar),
                    drum,
                    NO_SPELLING,
                    maker,
                    accent_at(placed, onset),
                    None,
                    "",
                    weight,
                )
            )
    return notes
