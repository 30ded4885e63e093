"""Guitar tablature as text, from a track of a score.

Strings stand as in every tablature, the highest on top; above them the rhythm in letters.
`hybrid.io.fingering` chooses where each note is played.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction

from hybrid.core.errors import FormatError
from hybrid.core.score import Score, Track
from hybrid.core.timeline import Bar
from hybrid.io.durations import Segment, Written, write_bar
from hybrid.io.fingering import Fingering, Fretboard, Strum, choose_fingerings
from hybrid.io.quantise import quantise

#: Letters of note values; rests have the small ones.
LETTERS = {
    Fraction(8): "D",
    Fraction(4): "W",
    Fraction(2): "H",
    Fraction(1): "Q",
    Fraction(1, 2): "E",
    Fraction(1, 4): "S",
    Fraction(1, 8): "T",
}
_LEGEND = (
    "W whole  H half  Q quarter  E eighth  S 16th  T 32nd  . dotted  3 triplet  + tied  "
    "small letters: rests"
)
_FASTEST = "X"
#: Columns that a value takes at least, besides its digits.
_WIDTHS = {Fraction(4): 8, Fraction(2): 6, Fraction(1): 4, Fraction(1, 2): 3}
_GUITARS = range(24, 32)
_NARROWEST = 24


def tablature(
    score: Score,
    track: str | Track | None = None,
    tuning: str = "standard",
    capo: int = 0,
    width: int = 96,
) -> str:
    """Write a track as tablature.

    Parameters
    ----------
    score : Score
    track : str or Track, optional
        A track or its name; by default the first guitar, else the first part with pitches.
    tuning : str
        A name of `hybrid.io.fingering.TUNINGS`, or open strings from the lowest on.
    capo : int
        Fret of the capo, 0..12; frets are counted from it.
    width : int
        Characters a line, 24 at least; a bar longer than that gets a line of its own.

    Returns
    -------
    str
        Lines that end in ``\\n``. Notes of one pitch that begin together are one.

    Raises
    ------
    ConfigError
        If tuning or capo are out of range.
    FormatError
        If there is no such track, a note is out of the instrument's range, or a chord
        cannot be held; the message names the note and the bar.

    Examples
    --------
    >>> from hybrid.core.score import Score, Track, make_notes
    >>> notes = make_notes([(0, 480, 40), (480, 480, 45), (960, 960, 52), (960, 960, 59)])
    >>> print(tablature(Score((Track("guitar", notes, program=24),))).splitlines()[4])
       Q   Q   H
    """
    board = Fretboard.parse(tuning, capo)
    if width < _NARROWEST:
        raise FormatError(f"width must be {_NARROWEST} characters or more, got {width}")
    chosen = _chosen_track(score, track)
    written, _ = quantise(score)
    at = next(index for index, item in enumerate(score.tracks) if item is chosen)
    strums = _strums(written, written.tracks[at])
    fingerings = choose_fingerings(strums, board)
    bars = [
        _bar_columns(bar, strums, fingerings, board, score.ticks_per_quarter)
        for bar in written.bars
    ]
    title = " - ".join(part for part in (score.title, chosen.name) if part)
    heading = f"{title or 'Tablature'} ({_tuning_text(board)})"
    return "\n".join([heading, _LEGEND, "", *_systems(bars, written.bars, board, width)]) + "\n"


def _chosen_track(score: Score, track: str | Track | None) -> Track:
    if isinstance(track, Track):
        if not any(item is track for item in score.tracks):
            raise FormatError(f"track {track.name!r} must be one of the score's")
        return track
    if track is not None:
        chosen = score.track(track)
        if chosen.is_drum:
            raise FormatError(f"track {track!r} must have pitches for tablature: it is drums")
        return chosen
    pitched = [item for item in score.tracks if not item.is_drum and len(item.notes)]
    if not pitched:
        raise FormatError("a score must have a track with pitches for tablature, got none")
    guitars = [item for item in pitched if item.program in _GUITARS]
    return (guitars or pitched)[0]


def _tuning_text(board: Fretboard) -> str:
    text = " ".join(board.names)
    return f"{text}, capo {board.capo}" if board.capo else text


def _strums(score: Score, track: Track) -> list[Strum]:
    """Notes that begin together, in order."""
    by_onset: dict[int, dict[int, int]] = {}
    for onset, duration, pitch in zip(
        track.notes["onset"].tolist(),
        track.notes["duration"].tolist(),
        track.notes["pitch"].tolist(),
        strict=True,
    ):
        ends = by_onset.setdefault(onset, {})
        ends[pitch] = max(ends.get(pitch, 0), onset + duration)
    return [
        Strum(onset, max(ends.values()), tuple(sorted(ends)), f"bar {score.bar_at(onset).number}")
        for onset, ends in sorted(by_onset.items())
    ]


@dataclass(frozen=True)
class _Column:
    """One moment of a bar: its rhythm letter, frets by string, and least width."""

    rhythm: str
    frets: dict[int, str]
    width: int


def _bar_columns(
    bar: Bar,
    strums: list[Strum],
    fingerings: list[Fingering],
    board: Fretboard,
    quarter: int,
) -> list[_Column]:
    """The columns of a bar; each strum lasts until the next one or until it ends."""
    segments: list[Segment] = []
    at = bar.start
    # The strum before the bar may reach into it.
    first = max(0, bisect_left(strums, bar.start, key=lambda strum: strum.start) - 1)
    for index in range(first, len(strums)):
        strum = strums[index]
        if strum.start >= bar.end:
            break
        following = strums[index + 1].start if index + 1 < len(strums) else strum.end
        start, end = max(strum.start, bar.start), min(strum.end, following, bar.end)
        if end <= start:
            continue
        if start > at:
            segments.append(_segment(bar, at, start, None, quarter))
        segments.append(_segment(bar, start, end, index, quarter))
        at = end
    if at < bar.end:
        segments.append(_segment(bar, at, bar.end, None, quarter))
    columns = []
    struck: set[int] = set()
    for value in write_bar(segments, bar.metre):
        item = value.item
        is_new = item is not None and item not in struck and strums[item].start >= bar.start
        frets = {}
        if item is not None and is_new:
            struck.add(item)
            frets = {string: str(fret) for string, fret in fingerings[item]}
        digits = max((len(text) for text in frets.values()), default=1)
        rhythm = _rhythm(value, is_tied=item is not None and not is_new)
        least = _WIDTHS.get(value.value, 8 if value.value > 4 else 2)
        columns.append(_Column(rhythm, frets, max(least, digits + 1, len(rhythm) + 1)))
    return columns


def _segment(bar: Bar, start: int, end: int, item: int | None, quarter: int) -> Segment:
    return Segment(Fraction(start - bar.start, quarter), Fraction(end - bar.start, quarter), item)


def _rhythm(value: Written, is_tied: bool) -> str:
    letter = LETTERS.get(value.value, _FASTEST)
    if value.item is None:
        letter = letter.lower()
    tuplet = str(value.tuplet[0]) if value.tuplet else ""
    return f"{'+' if is_tied else ''}{letter}{'.' * value.dots}{tuplet}"


def _systems(
    bars: list[list[_Column]], numbers: tuple[Bar, ...], board: Fretboard, width: int
) -> list[str]:
    """Bars on lines of at most ``width`` characters."""
    labels = [_label(name) for name in board.names]
    if labels[-1] in labels[:-1]:
        labels[-1] = labels[-1].lower()  # the two E strings: E and e
    margin = max(len(label) for label in labels)
    lines: list[str] = []
    at = 0
    while at < len(bars):
        stop, used = at, margin + 1
        while stop < len(bars) and (stop == at or used + _bar_width(bars[stop]) <= width):
            used += _bar_width(bars[stop])
            stop += 1
        lines += _system(bars[at:stop], numbers[at].number, labels, margin)
        at = stop
    return lines


def _bar_width(columns: list[_Column]) -> int:
    return sum(column.width for column in columns) + 2


def _system(bars: list[list[_Column]], number: int, labels: list[str], margin: int) -> list[str]:
    rhythm = " " * (margin + 1)
    strings = [f"{label:<{margin}}|" for label in labels]
    for columns in bars:
        rhythm += " "
        strings = [line + "-" for line in strings]
        for column in columns:
            rhythm += f"{column.rhythm:<{column.width}}"
            for index in range(len(strings)):
                strings[index] += f"{column.frets.get(index, ''):-<{column.width}}"
        rhythm += " "
        strings = [line + "|" for line in strings]
    return [f"bar {number}", rhythm.rstrip(), *reversed(strings), ""]


def _label(name: str) -> str:
    """A string's name without its octave."""
    return name.rstrip("0123456789-")
