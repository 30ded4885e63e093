"""The view in ticks: miditoolkit objects, for the many tools that work on them.

Both ways go through the bytes of a MIDI file, so that this view keeps what MIDI keeps and
what it leaves out is named in the same words. See `hybrid.io.midi` for what files gain by
being read directly.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from hybrid.core.errors import FormatError
from hybrid.core.score import Score
from hybrid.io.midi import midi_to_score, score_to_midi
from hybrid.io.reading import Reading

if TYPE_CHECKING:
    import miditoolkit


def to_miditoolkit(score: Score) -> tuple[miditoolkit.MidiFile, tuple[str, ...]]:
    """A score as miditoolkit has it: instruments with notes in ticks.

    Returns
    -------
    midi : miditoolkit.MidiFile
        ``ticks_per_beat`` is the score's ``ticks_per_quarter``. A track without notes is none
        there, and a track whose program changes is one instrument for each program.
    losses : tuple of str
        What it cannot hold, one line for each kind.

    Raises
    ------
    FormatError
        If two events lie further apart than 2**28 - 1 ticks.

    Examples
    --------
    >>> from hybrid.core.score import Score, Track, make_notes
    >>> midi, _ = to_miditoolkit(Score((Track("flute", make_notes([(0, 480, 72)]), program=73),)))
    >>> [(part.name, int(part.program), len(part.notes)) for part in midi.instruments]
    [('flute', 73, 1)]
    """
    import miditoolkit

    data, losses = score_to_midi(score)
    return miditoolkit.MidiFile(file=io.BytesIO(data)), losses


def from_miditoolkit(midi: miditoolkit.MidiFile) -> Reading:
    """A score from miditoolkit's notes in ticks.

    Returns
    -------
    Reading
        The score and what could not be kept.

    Raises
    ------
    FormatError
        If the object's events are none that a MIDI file can hold, or a note has no length.
    """
    stream = io.BytesIO()
    try:
        midi.dump(file=stream)
    except (TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"the miditoolkit object must fit into a MIDI file: {error}") from error
    return midi_to_score(stream.getvalue())
