"""Standard MIDI Files <-> Score.

What MIDI has a field for goes there: notes, velocities, tempo, metre, key, markers, track
names, programs and their changes, controllers (the pedal among them), pitch bends, lyrics
and channels. What it has none for but is short stands in text events that people can read
as well (``Composer: Bach``, ``Pickup: 1 quarter of 3/4``, ``Key: D dorian``) and comes back
from there. All else is named in the losses: spelling, voices, slurs, articulations, grace
notes, repeat signs.

Why the bytes are read here and not through miditoolkit or mido: miditoolkit makes two
instruments of one whose program changes, and one list of all parts' lyrics; both take ten
seconds for a million notes; and their errors name no place. They are oracles in the tests.
"""

from __future__ import annotations

from pathlib import Path

from hybrid.core.errors import FormatError, ScoreError
from hybrid.core.score import Score
from hybrid.io.atomic import write_bytes
from hybrid.io.midi_reader import ZeroLength, midi_to_score
from hybrid.io.midi_writer import score_to_midi
from hybrid.io.reading import Reading, read_source

__all__ = ["ZeroLength", "midi_to_score", "read_midi", "score_to_midi", "write_midi"]


def read_midi(path: str | Path, zero_length: ZeroLength = "error") -> Reading:
    """Read a MIDI file of format 0, 1 or 2.

    Parameters
    ----------
    path : str or Path
    zero_length : {"error", "drop"}
        What to do with notes that end where they start.

    Returns
    -------
    Reading
        One track for each channel of each MTrk chunk that has notes or other channel
        events. Overlapping notes of one pitch and channel end in the order in which they
        began. The patterns of format 2 are laid one after another.

    Raises
    ------
    FormatError
        If the file is none, is cut, or holds what cannot be; the message names file, track,
        tick and rule.
    """
    data = read_source(path)
    try:
        return midi_to_score(data, zero_length)
    except (FormatError, ScoreError) as error:
        raise FormatError(f"{path}: {error}") from error


def write_midi(score: Score, path: str | Path) -> tuple[str, ...]:
    """Write a MIDI file of format 1, whole or not at all; the same score, the same bytes.

    The first chunk holds title, tempo, metre, key and markers; each track has its own. Of
    overlapping notes of one pitch the first to begin must be the first to end, as MIDI
    cannot say otherwise.

    Returns
    -------
    tuple of str
        What MIDI cannot hold, one line for each kind.

    Raises
    ------
    FormatError
        If two events lie further apart than 2**28 - 1 ticks.
    HybridError
        If the system refuses to write.
    """
    data, losses = score_to_midi(score)
    write_bytes(path, data)
    return losses
