"""The chords of a phrase, with their rhythm, for a key, a length and a cadence."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from hybrid.core.pitch import Key
from hybrid.core.plan import PlanChord
from hybrid.core.timeline import Metre
from hybrid.grammar.chords_habits import PLAIN, Before, ChordStyle, fewest_chords
from hybrid.grammar.chords_rhythm import Slot, beats, draw_slots
from hybrid.grammar.chords_walk import PhraseTask, draw_chords


def phrase_chords(
    key: Key,
    metre: Metre,
    bars: int,
    rng: np.random.Generator,
    *,
    cadence: str = "none",
    end_key: Key | None = None,
    pace: float = 2.0,
    style: ChordStyle = PLAIN,
    before: Before | None = None,
    opening: str = "tonic",
    whole_final: float = 0.8,
    head: Sequence[PlanChord] = (),
    preferred: Sequence[PlanChord] = (),
) -> tuple[PlanChord, ...]:
    """Draw harmonic rhythm and chords of a phrase.

    Parameters
    ----------
    key, end_key : Key
        Of its start and its end.
    metre : Metre
    bars : int
    rng : np.random.Generator
    cadence : str
        ``PAC``, ``IAC``, ``HC``, ``PC``, ``DC`` or ``none``.
    pace : float
        Beats per chord that are aimed at.
    style : ChordStyle
    before : Before, optional
        The chord that the phrase follows.
    opening : str
        ``tonic``, ``dominant`` or ``free``.
    whole_final : float
        Chance that the cadence's last chord takes the whole last bar.
    head : sequence of PlanChord
        Chords that are given for the phrase's beginning, contiguous from 0: a theme returns.
    preferred : sequence of PlanChord
        Chords whose rhythm is kept, and whose numerals are taken where they fit.

    Returns
    -------
    tuple of PlanChord
        Contiguous from 0 over the whole phrase.

    Raises
    ------
    PlanError
        If no progression does all that.

    Examples
    --------
    >>> chords = phrase_chords(Key.parse("g"), Metre.parse("3/4"), 4, np.random.default_rng(2),
    ...     cadence="HC")
    >>> chords[0].numeral, chords[-1].numeral, chords[-1].end
    ('i', 'V', Fraction(12, 1))
    """
    modulates = end_key is not None and end_key != key
    if preferred:
        slots = [slot_at(chord.onset, chord.duration, metre) for chord in preferred]
        wishes = {place: chord.numeral for place, chord in enumerate(preferred)}
    else:
        least = fewest_chords(cadence, modulates)
        slots = draw_slots(
            metre,
            bars,
            pace,
            rng,
            cadence=cadence,
            minimum=least,
            whole_final=whole_final,
            uneven=style.uneven,
        )
        wishes = {}
    fixed: dict[int, tuple[str, Key]] = {}
    if head:
        fixed = {place: (chord.numeral, chord.key or key) for place, chord in enumerate(head)}
        first = [slot_at(chord.onset, chord.duration, metre) for chord in head]
        slots = first + slots_from(slots, head[-1].end, metre)
        wishes = {}
    task = PhraseTask(
        key, tuple(slots), cadence, end_key, style, before, opening, fixed=fixed, preferred=wishes
    )
    return draw_chords(task, rng)


def slot_at(onset: Fraction, duration: Fraction, metre: Metre) -> Slot:
    """A slot with the metrical strength of its onset."""
    return Slot(onset, duration, dict(beats(metre)).get(onset % metre.bar_quarters, 0))


def slots_from(slots: Sequence[Slot], cut: Fraction, metre: Metre) -> list[Slot]:
    """The slots from ``cut`` on; one that is cut through starts there."""
    rest = [slot for slot in slots if slot.onset >= cut]
    through = [slot for slot in slots if slot.onset < cut < slot.end]
    return [slot_at(cut, slot.end - cut, metre) for slot in through] + rest
