"""Readers of the two foreign encodings of the dice games: just enough LilyPond and ABC.

Each gives a staff of one bar as a set of (onset, length, pitch): whole notes and MIDI pitches.
"""

from __future__ import annotations

import csv
import re
from fractions import Fraction
from pathlib import Path

Sounding = set[tuple[Fraction, Fraction, int]]
_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_LILY = re.compile(
    r"<<|>>|\\[A-Za-z]+|<[^<>]*>\s*\d*\.*|[a-g](?:isis|is|eses|es|s)?[',]*\s*\??\d*\.*|[rs]\s*\d*\.*"
    r"|\d+/\d+|[{}()~]"
)
_PITCH = re.compile(r"([a-g])(isis|is|eses|es|s)?([',]*)")


def _lily_pitch(text: str) -> int:
    match = _PITCH.match(text)
    assert match, text
    alteration = {None: 0, "is": 1, "isis": 2, "es": -1, "s": -1, "eses": -2}[match[2]]
    octave = match[3].count("'") - match[3].count(",")
    return 48 + 12 * octave + _STEPS[match[1]] + alteration


class _Lily:
    """One staff of one bar."""

    def __init__(self, text: str) -> None:
        self.words = _LILY.findall(text)
        self.at = 0
        self.length = Fraction(1, 4)
        self.notes: list[list[object]] = []
        self.last: tuple[int, ...] = ()
        self.skip = 0
        self.opened = False

    def run(self, now: Fraction, scale: Fraction) -> Fraction:
        """Read up to a closing brace; the time after it."""
        while self.at < len(self.words):
            word = self.words[self.at]
            self.at += 1
            if word == "<<":
                now = self._both(now, scale)
            elif word == "{":
                now = self.run(now, scale)
            elif word in ("}", ">>"):
                return now
            elif word == "\\tuplet":
                over, under = map(int, self.words[self.at].split("/"))
                self.at += 1
                now = self.run_one(now, scale * Fraction(under, over))
            elif word in ("\\grace", "\\acciaccatura"):
                kept, length = len(self.notes), self.length
                self.run_one(now, scale)
                del self.notes[kept:]
                self.length = length
                self.last = ()
            elif word == "(":
                self.opened = True
            elif word[0] not in "\\)~" and not word[0].isdigit():
                now = self._note(word, now, scale)
        return now

    def run_one(self, now: Fraction, scale: Fraction) -> Fraction:
        if self.words[self.at] == "{":
            self.at += 1
            return self.run(now, scale)
        word = self.words[self.at]
        self.at += 1
        return self._note(word, now, scale)

    def _both(self, now: Fraction, scale: Fraction) -> Fraction:
        ends = []
        while self.words[self.at] != ">>":
            if self.words[self.at] == "{":
                self.at += 1
                ends.append(self.run(now, scale))
            else:
                self.at += 1
            self.last = ()
        self.at += 1
        return max(ends)

    def _note(self, word: str, now: Fraction, scale: Fraction) -> Fraction:
        found = re.search(r"(\d+)(\.*)\s*$", word)
        if found:
            self.length = Fraction(1, int(found[1])) * (Fraction(3, 2) if found[2] else 1)
            word = word[: found.start()]
        length = self.length * scale
        tied, self.opened = self.opened, False
        if word[0] in "rs":
            self.last = ()
            return now + length
        pitches = tuple(_lily_pitch(match[0]) for match in _PITCH.finditer(word))
        if tied and pitches == self.last:
            # In these files a slur over two equal notes is a tie.
            for note in self.notes[-len(pitches) :]:
                note[1] += length  # type: ignore[operator]
        else:
            self.notes += [[now, length, pitch] for pitch in pitches]
        self.last = pitches
        return now + length


def read_lily(text: str) -> Sounding:
    """A staff of one bar in LilyPond's notation with absolute octaves."""
    staff = _Lily(text)
    staff.run(Fraction(0), Fraction(1))
    return {(note[0], note[1], note[2]) for note in staff.notes}  # type: ignore[misc]


def read_lily_file(path: Path) -> dict[int, tuple[str, ...]]:
    """Bar number to the texts of its staves."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    return {int(row[0]): tuple(row[1:]) for row in rows if row and row[0]}


_ABC = re.compile(
    r"![a-z]+!|\[|\]|(?:\^\^|\^|__|_|=)?[A-Ga-g][',]*(\d*)(/*)(\d*)|z(\d*)(/*)(\d*)|[()-]"
)


def read_abc(text: str, unit: Fraction) -> Sounding:
    """A staff of one bar in ABC's notation, in C major, one voice."""
    now = Fraction(0)
    notes: list[tuple[Fraction, Fraction, int]] = []
    sharps: dict[str, int] = {}
    inside = False
    # Notes since a slur opened: in these files one over two equal notes is a tie.
    since_slur = 9
    for match in _ABC.finditer(text):
        word = match[0]
        if word[0] in "!)-":
            continue
        if word == "(":
            since_slur = 0
            continue
        if word in "[]":
            inside = word == "["
            now += Fraction(0) if inside else notes[-1][1]
            continue
        number, strokes, under = re.findall(r"(\d*)(/*)(\d*)$", word)[0]
        length = unit * int(number or 1)
        if strokes:
            length /= int(under) if under else 2 ** len(strokes)
        if word[0] == "z":
            now += length
            continue
        found = re.match(r"(\^\^|\^|__|_|=|)([A-Ga-g])([',]*)", word)
        assert found, word
        sign, letter, octaves = found.groups()
        if sign:
            sharps[letter + octaves] = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}[sign]
        pitch = 60 + _STEPS[letter.lower()] + (12 if letter.islower() else 0)
        pitch += 12 * (octaves.count("'") - octaves.count(",")) + sharps.get(letter + octaves, 0)
        since_slur += 1
        if since_slur == 2 and notes[-1][2] == pitch:
            notes[-1] = (notes[-1][0], notes[-1][1] + length, pitch)
        else:
            notes.append((now, length, pitch))
        if not inside:
            now += length
    return set(notes)
