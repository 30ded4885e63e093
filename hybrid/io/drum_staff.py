"""Where General MIDI drums stand on a percussion staff (Weinberg 1998), and their names.

References
----------
Weinberg, N. (1998). Guidelines for drumset notation. Percussive Notes, 36(3).
MIDI Manufacturers Association (1991). General MIDI System Level 1.
"""

from __future__ import annotations

#: Pitch to (name, step, octave as in treble clef, note head).
DRUMS: dict[int, tuple[str, str, int, str]] = {
    35: ("Acoustic Bass Drum", "E", 4, "normal"),
    36: ("Bass Drum 1", "F", 4, "normal"),
    37: ("Side Stick", "C", 5, "x"),
    38: ("Acoustic Snare", "C", 5, "normal"),
    39: ("Hand Clap", "B", 4, "x"),
    40: ("Electric Snare", "C", 5, "normal"),
    41: ("Low Floor Tom", "G", 4, "normal"),
    42: ("Closed Hi-Hat", "G", 5, "x"),
    43: ("High Floor Tom", "A", 4, "normal"),
    44: ("Pedal Hi-Hat", "D", 4, "x"),
    45: ("Low Tom", "B", 4, "normal"),
    46: ("Open Hi-Hat", "G", 5, "circle-x"),
    47: ("Low-Mid Tom", "D", 5, "normal"),
    48: ("Hi-Mid Tom", "D", 5, "normal"),
    49: ("Crash Cymbal 1", "A", 5, "x"),
    50: ("High Tom", "E", 5, "normal"),
    51: ("Ride Cymbal 1", "F", 5, "x"),
    52: ("Chinese Cymbal", "C", 6, "x"),
    53: ("Ride Bell", "F", 5, "diamond"),
    54: ("Tambourine", "B", 5, "triangle"),
    55: ("Splash Cymbal", "B", 5, "x"),
    56: ("Cowbell", "E", 5, "triangle"),
    57: ("Crash Cymbal 2", "B", 5, "x"),
    59: ("Ride Cymbal 2", "F", 5, "x"),
}


def drum_name(pitch: int) -> str:
    return DRUMS[pitch][0] if pitch in DRUMS else f"Percussion {pitch}"


def drum_place(pitch: int) -> tuple[str, int, str]:
    """Step, octave and note head; what is not in the table stands on the middle line."""
    return DRUMS[pitch][1:] if pitch in DRUMS else ("B", 4, "x")
