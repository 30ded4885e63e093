"""Changed notes made visible in MusicXML: coloured, with a word above the first of each repair."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from hybrid.core.score import Score
from hybrid.io.xml_text import escape
from hybrid.repair.records import PlacedNote

#: Of notes that were changed; dark enough for white paper (contrast 5.1).
MENDED = "#1a7f37"
_NOTE = re.compile(r'<note id="(t\d+n\d+)((?:-\d+)?)"')


def note_names(score: Score, notes: Iterable[PlacedNote]) -> list[str]:
    """Ids that `hybrid.io` gives to notes in MusicXML; those that are not there are left out."""
    found = []
    for track, onset, end, pitch, _ in notes:
        rows = score.tracks[track].notes
        same = (
            (rows["onset"] == onset)
            & (rows["onset"] + rows["duration"] == end)
            & (rows["pitch"] == pitch)
        )
        found += [f"t{track}n{index}" for index in same.nonzero()[0].tolist()]
    return found


def coloured(musicxml: str, colours: Mapping[str, str], words: Mapping[str, str]) -> str:
    """MusicXML with colours on notes and words above some of them.

    Parameters
    ----------
    musicxml : str
        As `hybrid.io` writes it.
    colours, words : mapping
        By the id of a note; tied continuations take the colour of their note.
    """

    def mark(match: re.Match[str]) -> str:
        name, tied = match[1], match[2]
        text = match[0]
        if name in colours:
            text += f' color="{colours[name]}"'
        if name in words and not tied:
            text = (
                '<direction placement="above"><direction-type><words color="'
                f'{colours.get(name, MENDED)}" font-size="8">{escape(words[name])}</words>'
                f"</direction-type></direction>{text}"
            )
        return text

    return _NOTE.sub(mark, musicxml)


def marks_of(
    score: Score, repairs: Sequence[tuple[int, Sequence[PlacedNote]]]
) -> tuple[dict[str, str], dict[str, str]]:
    """Colours and words for the notes of numbered repairs, as far as they are still there."""
    colours: dict[str, str] = {}
    words: dict[str, str] = {}
    for number, notes in repairs:
        names = note_names(score, sorted(notes, key=lambda note: (note[1], note[0])))
        colours |= dict.fromkeys(names, MENDED)
        if names:
            words[names[0]] = (
                f"{words[names[0]]}, {number}" if names[0] in words else (f"mended {number}")
            )
    return colours, words
