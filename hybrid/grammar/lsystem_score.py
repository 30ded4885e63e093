"""Readings of an L-system as scores: lines, chords and rhythms that can be seen and played.

This is plain transcription, without part-writing: chords stand in root position above one
another. For music under the rules a system's motif shapes a theme of the engine `rules`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from hybrid.core.errors import GrammarError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, letter_and_alteration, pitch_at_step, pitch_class
from hybrid.core.score import TICKS_PER_QUARTER, KeySignature, Score, Track, make_notes
from hybrid.core.timeline import Tempo
from hybrid.grammar.lsystem_read import Event
from hybrid.grammar.lsystem_readings import NoteEvent
from hybrid.grammar.lsystem_readings_time import ChordEvent, RhythmEvent

BASE_OCTAVE = 4
WOODBLOCK = 76  # General MIDI percussion, high wood block
PIANO = 0


def ticks(quarters: Fraction) -> int:
    """Ticks of a duration.

    Raises
    ------
    GrammarError
        If it is no whole number of ticks, as after too many divisions.
    """
    value = quarters * TICKS_PER_QUARTER
    if value.denominator != 1:
        raise GrammarError(
            f"a duration must be a whole number of 1/{TICKS_PER_QUARTER} quarters, got {quarters}; "
            "take fewer steps or another unit"
        )
    return int(value)


def lsystem_score(
    events: Sequence[Event], key: Key, title: str = "", tempo_qpm: float = 120.0
) -> Score:
    """Write the events of a reading as a score.

    Parameters
    ----------
    events : sequence of NoteEvent, ChordEvent or RhythmEvent
        Of one reading. Step 0 of a note is the tonic of octave 4.
    key : Key
    title : str
    tempo_qpm : float

    Raises
    ------
    GrammarError
        If there is no event, a form is given (it has no notes), or a pitch leaves 0..127.
    """
    notes = [event for event in events if isinstance(event, NoteEvent)]
    chords = [event for event in events if isinstance(event, ChordEvent)]
    beats = [event for event in events if isinstance(event, RhythmEvent) and event.sounding]
    if notes:
        tracks = _lines(notes, key)
    elif chords:
        tracks = (_chords(chords, key),)
    elif beats:
        rows = [(ticks(beat.onset), ticks(beat.duration), WOODBLOCK) for beat in beats]
        tracks = (Track("rhythm", make_notes(rows), is_drum=True),)
    else:
        raise GrammarError(
            "an L-system's reading must have notes, chords or beats to be written as a score, "
            f"got {len(events)} events without any"
        )
    return Score(tracks, tempos=(Tempo(0, tempo_qpm),), keys=(KeySignature(0, key),), title=title)


def _lines(notes: Sequence[NoteEvent], key: Key) -> tuple[Track, ...]:
    by_letter = {letter_and_alteration(tone)[0]: tone for tone in key.scale}
    home = 7 * BASE_OCTAVE + "CDEFGAB".index(letter_and_alteration(key.tonic)[0])
    voices: dict[int, list[tuple[int, int, int, int, int, int]]] = {}
    for event in notes:
        pitch, spelling = pitch_at_step(home + event.step, by_letter)
        if not 0 <= pitch <= 127:
            raise GrammarError(
                f"a note must be in 0..127, got {pitch} (scale step {event.step}, "
                f"quarter {event.onset})"
            )
        row = (ticks(event.onset), ticks(event.duration), pitch, 80, 1, spelling)
        voices.setdefault(event.voice, []).append(row)
    return tuple(
        Track(f"voice {voice + 1}", make_notes(rows), program=PIANO)
        for voice, rows in sorted(voices.items())
    )


def _chords(chords: Sequence[ChordEvent], key: Key) -> Track:
    rows = []
    for event in chords:
        numeral = RomanNumeral.parse(event.numeral)
        pitch = 47 + (pitch_class(numeral.bass(key)) - 47) % 12
        tones = numeral.tones(key)
        first = tones.index(numeral.bass(key))
        for tone in (*tones[first:], *tones[:first]):
            pitch += (pitch_class(tone) - pitch) % 12
            rows.append((ticks(event.onset), ticks(event.duration), pitch, 80, 1, tone))
    return Track("chords", make_notes(rows), program=PIANO)
