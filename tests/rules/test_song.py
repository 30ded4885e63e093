"""A melody over an accompaniment: what is kept of it where chords need it plainer."""

from __future__ import annotations

from fractions import Fraction

from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, parse_pitch
from hybrid.rules.harmony import Chord
from hybrid.rules.melody import MelodyNote
from hybrid.rules.parts import Voice
from hybrid.rules.phrases import Context
from hybrid.rules.playing import Span
from hybrid.rules.song import plainer

BEAT = 480


def _chord(index: int, numeral: str, onset: Fraction | int, end: Fraction | int) -> Chord:
    key = Key.parse("A major")
    ticks = int(onset * BEAT), int(end * BEAT)
    return Chord(index, 0, *ticks, RomanNumeral.parse(numeral), key)


def _note(name: str, onset: int, end: int, inside: bool = True) -> MelodyNote:
    return MelodyNote(onset * BEAT, end * BEAT, *parse_pitch(name), inside, 1.0)


def test_a_plainer_melody_still_rests_on_the_note_that_closes_it() -> None:
    """The tonic enters in the middle of its chord's first bar; an upbeat follows in the second."""
    dominant, tonic = _chord(0, "V7", 0, 4), _chord(1, "I", 4, 12)
    spans = [
        Span(0, 4 * BEAT, dominant),
        Span(4 * BEAT, 8 * BEAT, tonic),
        Span(8 * BEAT, 12 * BEAT, tonic),
    ]
    melody = [
        _note("E4", 0, 2),
        _note("F#4", 2, 3, inside=False),
        _note("E4", 3, 4),
        _note("C#4", 4, 6),
        _note("A3", 6, 10),
        _note("C#4", 10, 12),
    ]
    context = Context((Voice("melody", 0, 1, 50, 76),), upbeat=2 * BEAT)
    (plain,) = plainer(melody, spans, context)
    assert [(n.onset // BEAT, n.end // BEAT, n.pitch) for n in plain] == [
        (0, 4, 64),
        (4, 6, 61),
        (6, 10, 57),
        (10, 12, 61),
    ]


def test_a_melody_without_a_chord_tone_that_may_follow_has_no_plainer_form() -> None:
    """D falls to C sharp; a leap from the seventh leaves it unresolved."""
    dominant, tonic = _chord(0, "V7", 0, 4), _chord(1, "I", 4, 8)
    spans = [Span(0, 4 * BEAT, dominant), Span(4 * BEAT, 8 * BEAT, tonic)]
    context = Context((Voice("melody", 0, 1, 50, 76),))
    assert plainer([_note("D5", 0, 4), _note("A4", 4, 8)], spans, context) == []
    assert len(plainer([_note("D5", 0, 4), _note("C#5", 4, 8)], spans, context)) == 1
