"""What fillers of phrases share: surroundings, slots for a melody, what a theme keeps of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import diatonic_step, letter_and_alteration, pitch_at_step
from hybrid.core.plan import PlacedPhrase
from hybrid.rules.endings import Ending
from hybrid.rules.foresight import PlannedPhrase, strangeness
from hybrid.rules.guide import Guide
from hybrid.rules.harmony import Chord, Event, accent_at, to_ticks
from hybrid.rules.lines import LineNote, Strands, Tail
from hybrid.rules.melody import MelodyNote, Slot
from hybrid.rules.parts import Voice
from hybrid.rules.themes import Shape, ShapeNote, Theme
from hybrid.rules.voicings import SILENT


@dataclass(frozen=True)
class Context:
    """What surrounds a phrase.

    Attributes
    ----------
    voices : tuple of Voice
    tail : Tail or None
        How the lines before end; None at the start.
    last_chord : Chord or None
    after_pause : bool
    pause : bool
        Whether this phrase ends with a pause.
    upbeat : int
        Ticks after the phrase's last note that lead to the next phrase.
    guide : Guide or None
        What constraints ask of the phrase.
    barred : tuple of Ending
        Endings that the next phrase could not follow.
    insist : bool
        Whether the phrase shall rather not be written than depart from its theme.
    plain : bool
        Whether four-part writing shall take its melody from the voicings, not from the theme.
    strands : mapping
        Last notes of voices that share a line with others (strands of broken chords), and
        that line; see `hybrid.rules.lines.Filled`.
    returns : tuple of (PlacedPhrase, tuple of Chord)
        Later phrases that will take up its theme, where that is new.
    """

    voices: tuple[Voice, ...]
    tail: Tail | None = None
    last_chord: Chord | None = None
    after_pause: bool = False
    pause: bool = False
    upbeat: int = 0
    guide: Guide | None = None
    barred: tuple[Ending, ...] = ()
    insist: bool = False
    plain: bool = False
    strands: Strands = field(default_factory=dict)
    returns: tuple[PlannedPhrase, ...] = ()

    def before(self, voice: Voice) -> tuple[int, int]:
        """Pitch and spelling of a voice's last note, `SILENT` where it had none."""
        tail, key = self.tail or {}, (voice.part, voice.number)
        if key in self.strands:
            line, pitch, spelling = self.strands[key]
            return (pitch, spelling) if line in tail else (SILENT, SILENT)
        return tail.get(key, (SILENT, SILENT))


def within(slot: Slot, voice: Voice) -> Slot:
    """A slot whose remembered note is dropped where it lies outside the voice's range."""
    if all(voice.lowest <= pitch <= voice.highest for pitch, _ in slot.pinned):
        return slot
    return replace(slot, pinned=())


def melody_slots(
    placed: PlacedPhrase,
    chords: Sequence[Chord],
    shape: Shape,
    tonic_step: int,
    theme: Theme | None,
    fresh: bool,
    pause: bool = False,
    returns: Sequence[PlannedPhrase] = (),
) -> tuple[Slot, ...]:
    """Slots for the notes of a shape over a phrase's chords.

    ``returns`` are the later phrases that a new theme is written for as well.
    """
    start = to_ticks(placed.start)
    slots = []
    onsets = {chord.onset for chord in chords}
    base = tonic_pitch(placed, tonic_step)
    final_number = max(n for n, note in enumerate(shape.notes) if not note.upbeat)
    for number, note in enumerate(shape.notes):
        onset = start + note.onset
        end = onset + note.duration
        chord = next(c for c in chords if c.onset <= onset < c.end)
        later = tuple(c for c in chords if onset < c.onset < end)
        accent = accent_at(placed, onset)
        final = number == final_number
        structural = accent > 0 or onset in onsets or note.duration > 480
        tones = final_tones(placed, chord) if final else ()
        ahead = strangeness(placed, chord, onset, structural, () if note.upbeat else returns)
        barred: frozenset[int] = frozenset()
        if number in shape.changed and theme is not None and number < len(theme.notes):
            # A changed note differs: the remembered height is shut out in every octave form.
            barred = frozenset(
                pitch
                for pitch in range(0, 128)
                if diatonic_step(pitch, placed.key.spell(pitch))
                == tonic_step + round(theme.notes[number].height)
            )
        slots.append(
            Slot(
                onset,
                end,
                chord,
                later,
                None if note.upbeat and not note.weight else tonic_step + note.height,
                note.weight,
                accent,
                structural and not note.ornament,
                tones,
                exact_note(note, base, placed, tones),
                barred,
                (fresh and number == 0) or (pause and number == final_number + 1),
                ahead=ahead,
            )
        )
    return tuple(slots)


def goes_on_by_step(slot: Slot, after: Slot) -> bool:
    """Whether a short note over one chord is wanted a step away from the next one."""
    if slot.height is None or after.height is None or slot.ticks > 480 or slot.later:
        return False
    return abs(after.height - slot.height) == 1


def final_tones(placed: PlacedPhrase, chord: Chord) -> tuple[tuple[int, float], ...]:
    """Tones on which the melody may end, by cadence, with costs."""
    cadence = placed.phrase.cadence or "none"
    root, third, fifth = chord.tones[:3]
    if cadence == "PAC":
        return ((root, 0.0),)
    if cadence == "IAC":
        free = chord.numeral.inversion > 0
        return ((third, 0.0), (fifth, 0.6), *(((root, 0.4),) if free else ()))
    if cadence == "HC":
        return ((fifth, 0.0), (third, 0.4), (root, 0.9))
    if cadence == "DC":
        return ((third, 0.0), (root, 0.8))
    if cadence == "PC":
        return ((root, 0.0), (third, 1.2), (fifth, 1.2))
    return tuple((tone, 0.0) for tone in chord.tones)


def tonic_staff_step(placed: PlacedPhrase, low: int, high: int) -> int:
    """Staff step of the tonic from which a theme's heights count: themes lie 0..7 above it."""
    tonic = placed.key.tonic
    centre = (low + high) / 2 - 4.0
    options = [
        (abs(pitch - centre), diatonic_step(pitch, tonic))
        for pitch in range(low - 12, high + 1)
        if (7 * tonic - pitch) % 12 == 0
    ]
    return min(options)[1]


def exact_note(
    note: ShapeNote, base: int, placed: PlacedPhrase, tones: tuple[tuple[int, float], ...]
) -> tuple[tuple[int, int], ...]:
    """The remembered note as a pinned one, where the cadence lets the melody end on it."""
    if note.exact is None:
        return ()
    pitch, spelling = base + note.exact[0], placed.key.tonic + note.exact[1]
    if tones and spelling not in dict(tones):
        return ()
    return ((pitch, spelling),)


def tonic_pitch(placed: PlacedPhrase, tonic_step: int) -> int:
    """Pitch of the tonic at a staff step."""
    letter, _ = letter_and_alteration(placed.key.tonic)
    return pitch_at_step(tonic_step, {letter: placed.key.tonic})[0]


def remembered(
    placed: PlacedPhrase,
    melody: Sequence[MelodyNote] | Sequence[LineNote],
    tonic_step: int,
    rest: int,
) -> tuple[ShapeNote, ...]:
    """A melody as a theme keeps it; notes from tick ``rest`` on are upbeats."""
    start = to_ticks(placed.start)
    base = tonic_pitch(placed, tonic_step)
    return tuple(
        ShapeNote(
            note.onset - start,
            note.end - note.onset,
            diatonic_step(note.pitch, note.spelling) - tonic_step,
            upbeat=note.onset >= rest,
            exact=(note.pitch - base, note.spelling - placed.key.tonic),
        )
        for note in melody
    )


def entry_range(voice: Voice, tail: Tail | None) -> tuple[int, int]:
    """A voice's range at a phrase's start: as far as a step from where it was.

    Where a section lies in another register, tendency tones still find their resolution.
    """
    note = (tail or {}).get((voice.part, voice.number))
    if note is None:
        return voice.range
    low, high = min(voice.low, note[0] - 2), max(voice.high, note[0] + 2)
    return max(low, voice.lowest), min(high, voice.highest)


def tail_arrays(context: Context) -> tuple[NDArray[np.int64], NDArray[np.int64], bool] | None:
    """Last pitches and spellings of the voices before, and whether a pause stands between."""
    if context.tail is None:
        return None
    found = [
        context.tail.get((voice.part, voice.number), (SILENT, SILENT)) for voice in context.voices
    ]
    pitch = np.array([[note[0] for note in found]], dtype=np.int64)
    spelling = np.array([[note[1] for note in found]], dtype=np.int64)
    return pitch, spelling, context.after_pause


def sounding(melody: Sequence[MelodyNote], tick: int) -> MelodyNote:
    """The melody's note at a tick: the last one that has begun."""
    found = melody[0]
    for note in melody:
        if note.onset > tick:
            break
        found = note
    return found


def centres_of(voices: tuple[Voice, ...]) -> tuple[float, ...]:
    """Where voices like to lie: inner voices a little above the middle of their ranges."""
    return tuple((voice.low + voice.high) / 2 for voice in voices)


def breaks_between(before: Event, after: Event, context: Context) -> bool:
    """Whether a pause stands between two events of the phrase."""
    return context.pause and after.upbeat and not before.upbeat
