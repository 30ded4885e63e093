"""Where General MIDI drums stand on a percussion staff (Weinberg 1998), and their names.

References
----------
Weinberg, N. (1998). Guidelines for drumset notation. Percussive Notes, 36(3).
MIDI Manufacturers Association (1991). General MIDI System Level 1.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hybrid.core.score import Score, sort_notes

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


def straightened(score: Score) -> Score:
    """The score with its drums' strokes on the nearest sixteenths, as notation has them.

    A stroke is as long as to the next one, at most to the next quarter, so that few rests are
    written. Scores whose drums stand on sixteenths already stay as they are, and so does all else.

    Examples
    --------
    >>> from hybrid.core.score import Track, make_notes
    >>> kit = Track("drums", make_notes([(7, 120, 36), (470, 90, 38)]), is_drum=True)
    >>> straightened(Score((kit,), ticks_per_quarter=480)).tracks[0].notes["onset"].tolist()
    [0, 480]
    """
    step = score.ticks_per_quarter // 4
    tracks = []
    for track in score.tracks:
        notes = track.notes
        if not track.is_drum or not (notes["onset"] % step).any():
            tracks.append(track)
            continue
        rows = notes.copy()
        # What lies closer to the end than to the last sixteenth may not open a bar of its own.
        last = (score.length - 1) // step * step
        rows["onset"] = np.minimum((notes["onset"] + step // 2) // step * step, last)
        places = np.unique(rows["onset"])
        ends = np.append(places[1:], places[-1] + step)
        quarter = (places // score.ticks_per_quarter + 1) * score.ticks_per_quarter
        lengths = np.minimum(np.minimum(ends, quarter), score.length) - places
        rows["duration"] = lengths[np.searchsorted(places, rows["onset"])]
        # The loudest of the strokes that fall together stays.
        order = np.lexsort((-rows["velocity"].astype(int), rows["pitch"], rows["onset"]))
        rows = rows[order]
        same = (rows["onset"][1:] == rows["onset"][:-1]) & (rows["pitch"][1:] == rows["pitch"][:-1])
        tracks.append(replace(track, notes=sort_notes(rows[np.append(True, ~same)])))
    return replace(score, tracks=tuple(tracks))
