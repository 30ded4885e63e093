"""What a melody is asked for: notes without pitches yet, habits, and notes that have them."""

from __future__ import annotations

from dataclasses import dataclass

from hybrid.rules.harmony import Chord


@dataclass(frozen=True)
class Slot:
    """A note of a melody before it has a pitch.

    Attributes
    ----------
    onset, end : int
        Ticks.
    chord : Chord
        Sounds at the onset.
    later : tuple of Chord
        Chords that come in while the note sounds.
    height : float or None
        Wanted staff position; None where the melody is free.
    weight : float
        Cost of each step away from it.
    accent : int
    structural : bool
        Whether it must be a chord tone.
    tones : tuple of (int, float)
        Tonal pitch classes that are allowed here and their cost; empty for the scale.
    pinned : tuple of (int, int)
        (pitch, spelling) pairs, one of which it must be; empty for no such demand.
    barred : frozenset of int
        Pitches that are forbidden.
    fresh : bool
        Whether a pause stands before it, so that nothing joins it to the note before.
    open_to : frozenset of int or None
        Pitches that the voices under it can harmonise; None where any will do.
    joins : frozenset of (int, int) or None
        Pitches of the note before and of this one that they can harmonise in a row.
    against : tuple of (int, int)
        Other lines that move at the same moment: from which pitch to which.
    prepared : bool
        Whether it may be held into a chord to which it does not belong (a suspension).
    limits : (int, int) or None
        Lowest and highest pitch of this note, where they differ from the melody's.
    ahead : tuple of (int, float)
        Tonal pitch classes that cost more for the sake of what comes later.
    """

    onset: int
    end: int
    chord: Chord
    later: tuple[Chord, ...] = ()
    height: float | None = None
    weight: float = 0.5
    accent: int = 0
    structural: bool = True
    tones: tuple[tuple[int, float], ...] = ()
    pinned: tuple[tuple[int, int], ...] = ()
    barred: frozenset[int] = frozenset()
    fresh: bool = False
    open_to: frozenset[int] | None = None
    joins: frozenset[tuple[int, int]] | None = None
    against: tuple[tuple[int, int], ...] = ()
    prepared: bool = True
    limits: tuple[int, int] | None = None
    ahead: tuple[tuple[int, float], ...] = ()

    @property
    def ticks(self) -> int:
        return self.end - self.onset


@dataclass(frozen=True)
class Manner:
    """Habits of a kind of melody; costs in nats.

    Attributes
    ----------
    shape : float
        Of each step by which an interval differs from the wanted one.
    dissonance : float
        Of a non-chord tone between beats.
    accented : float
        Of one on a beat (appoggiatura, suspension, accented passing note).
    repeat : float
        Of a repeated note.
    leap : float
        Factor on the cost of leaps.
    peak : float or None
        Staff position above which a note costs 2 for each step.
    max_leap : int or None
        Widest leap in semitones that is allowed at all.
    forbidden : frozenset of int
        Sizes of steps in semitones that are forbidden.
    """

    shape: float = 0.55
    dissonance: float = 0.5
    accented: float = 2.2
    repeat: float = 1.3
    leap: float = 1.0
    peak: float | None = None
    max_leap: int | None = None
    forbidden: frozenset[int] = frozenset()


@dataclass(frozen=True)
class MelodyNote:
    """A note of a drawn melody; ``figure`` names the figure that added or moved it."""

    onset: int
    end: int
    pitch: int
    spelling: int
    is_chord_tone: bool
    probability: float
    figure: str = ""
