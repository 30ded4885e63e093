"""Bach's chorales in the tables of the corpus ``bach_chorales`` -> Score.

Notes and measures come as two tables of one row a note and one row a measure (the format of
ms3). What is read: four voices, holds, ties, spelling, key signature, metre, pickup and
repeats. First endings are left out, so the music runs on into the second.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from hybrid.core.errors import FormatError, ScoreError
from hybrid.core.pitch import Key
from hybrid.core.score import KeySignature, Repeat, Score, Track, make_notes
from hybrid.core.timeline import Metre, Tempo
from hybrid.io.corpora import open_files

TPQ = 480
VOICES = ("soprano", "alto", "tenor", "bass")
VELOCITY = 80
CHORALE_QPM = 80.0
_PROGRAM = 52  # choir
_PLACES = {("1", "1"): 0, ("1", "2"): 1, ("2", "1"): 2, ("2", "2"): 3}


def read_chorale_tables(notes: str, measures: str, name: str = "") -> Score:
    """One chorale from its two tables.

    Parameters
    ----------
    notes, measures : str
        Tab-separated text with a header line.
    name : str
        For messages, and the title.

    Raises
    ------
    FormatError
        If it does not have four voices, or a value cannot be read.
    """
    try:
        bars = list(csv.DictReader(io.StringIO(measures), delimiter="\t"))
        rows = list(csv.DictReader(io.StringIO(notes), delimiter="\t"))
        return _score(rows, bars, name)
    except (KeyError, ValueError, ZeroDivisionError, ScoreError) as error:
        raise FormatError(f"{name}: not the tables of a chorale: {error}") from error


def read_chorale_corpus(
    location: str | Path | None = None,
) -> tuple[dict[str, Score], tuple[str, ...]]:
    """All chorales of the corpus ``bach_chorales``, by their number (``001`` .. ``371``).

    Parameters
    ----------
    location : str or Path, optional
        As in `hybrid.io.corpora.open_files`.

    Returns
    -------
    scores : dict
    refused : tuple of str
        One line for each chorale that cannot be read as four voices.
    """
    tables: dict[str, dict[str, str]] = {}
    for path, stream in open_files("bach_chorales", location, ("notes/*.tsv", "measures/*.tsv")):
        kind, _, file = path.partition("/")
        name = file.removesuffix(".tsv").removesuffix(f".{kind}")
        tables.setdefault(name, {})[kind] = stream.read().decode("utf-8")
    scores: dict[str, Score] = {}
    refused = []
    for name, texts in sorted(tables.items()):
        try:
            score = read_chorale_tables(texts["notes"], texts["measures"], name)
        except FormatError as error:
            refused.append(str(error))
            continue
        scores[name.partition(" ")[0]] = score
    return scores, tuple(refused)


def _score(
    rows: Iterable[Mapping[str, str]], bars: Sequence[Mapping[str, str]], name: str
) -> Score:
    voices: list[list[tuple[int, int, int, int, int, int]]] = [[] for _ in VOICES]
    unknown = set()
    for row in rows:
        # Notes of first endings have no place in the music that is played through once.
        if not row["quarterbeats"]:
            continue
        place = _PLACES.get((row["staff"], row["voice"]))
        if place is None:
            unknown.add((row["staff"], row["voice"]))
            continue
        onset = _ticks(Fraction(row["quarterbeats"]))
        length = _ticks(4 * Fraction(row["duration"]))
        # Grace notes have no length.
        if not length:
            continue
        note = (onset, length, int(row["midi"]), VELOCITY, 1, int(row["tpc"]))
        before = voices[place]
        if row["tied"] in ("-1", "0") and before and _continues(before[-1], note):
            before[-1] = (before[-1][0], onset + length - before[-1][0], *before[-1][2:])
        else:
            before.append(note)
    if unknown or not all(voices):
        extra = ", ".join(f"staff {staff} voice {voice}" for staff, voice in sorted(unknown))
        raise FormatError(f"{name}: a chorale must have four voices; {extra or 'one is empty'}")
    played = [bar for bar in bars if bar["quarterbeats"]]
    metres, pickup = _metres(played)
    last = played[-1]
    length = _ticks(Fraction(last["quarterbeats"]) + 4 * Fraction(last["act_dur"]))
    tracks = [
        Track(voice, make_notes(part), program=_PROGRAM)
        for voice, part in zip(VOICES, voices, strict=True)
    ]
    return Score(
        tuple(tracks),
        ticks_per_quarter=TPQ,
        tempos=(Tempo(0, CHORALE_QPM),),
        metres=metres,
        keys=_keys(played),
        repeats=_repeats(played, length),
        pickup_ticks=pickup,
        title=name,
        composer="Johann Sebastian Bach",
        length=max(length, max(track.end for track in tracks)),
    )


def _ticks(quarters: Fraction) -> int:
    ticks = quarters * TPQ
    if ticks.denominator != 1:
        raise FormatError(f"a place must be a whole number of ticks, got {quarters} quarters")
    return int(ticks)


def _continues(
    note: tuple[int, int, int, int, int, int], next_note: tuple[int, int, int, int, int, int]
) -> bool:
    return note[0] + note[1] == next_note[0] and note[2] == next_note[2]


def _metres(bars: Sequence[Mapping[str, str]]) -> tuple[tuple[Metre, ...], int]:
    """Metre changes, and the length of the pickup; odd bars get a metre of their own.

    A bar that a repeat sign cuts in two is one bar again.
    """
    joined: list[tuple[Fraction, Fraction, str]] = []
    for bar in bars:
        start, length = Fraction(bar["quarterbeats"]), 4 * Fraction(bar["act_dur"])
        if joined and Fraction(bar["mc_offset"]) > 0:
            first, before, text = joined[-1]
            if before + length <= Metre.parse(text).bar_quarters:
                joined[-1] = (first, before + length, text)
                continue
        joined.append((start, length, bar["timesig"]))
    metres: list[Metre] = []
    pickup = 0
    for number, (start, length, text) in enumerate(joined):
        metre = Metre.parse(text, _ticks(start))
        if number == 0 and length < metre.bar_quarters and len(joined) > 1:
            pickup = _ticks(length)
        elif length != metre.bar_quarters and number + 1 < len(joined):
            metre = _odd_metre(length, metre)
        if not metres or metres[-1].name != metre.name:
            metres.append(metre)
    return tuple(metres), pickup


def _odd_metre(length: Fraction, metre: Metre) -> Metre:
    for denominator in (metre.denominator, 4, 8, 16):
        beats = length * denominator / 4
        if beats.denominator == 1:
            return Metre(metre.tick, int(beats), denominator)
    raise FormatError(f"a bar must be a whole number of sixteenths, got {length} quarters")


def _keys(bars: Sequence[Mapping[str, str]]) -> tuple[KeySignature, ...]:
    """Key signatures as major keys, since the tables do not name a mode."""
    keys: list[KeySignature] = []
    for bar in bars:
        key = Key.from_fifths(int(bar["keysig"]))
        if not keys or keys[-1].key != key:
            keys.append(KeySignature(_ticks(Fraction(bar["quarterbeats"])), key))
    return tuple(keys)


def _repeats(bars: Sequence[Mapping[str, str]], length: int) -> tuple[Repeat, ...]:
    repeats = []
    start = 0
    for bar in bars:
        tick = _ticks(Fraction(bar["quarterbeats"]))
        end = min(length, tick + _ticks(4 * Fraction(bar["act_dur"])))
        if bar["repeats"] == "start":
            start = tick
        elif bar["repeats"] == "end" and end > start:
            repeats.append(Repeat(start, end))
            start = end
    return tuple(repeats)


__all__ = ["TPQ", "VOICES", "read_chorale_corpus", "read_chorale_tables"]
