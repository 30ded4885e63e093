"""Durations that a MusicXML file has rounded, made exact again from the printed values.

Old files count time in parts of a quarter too few for their tuplets (a triplet eighth as 2
of 8 parts, or a 16th as 4 of 17), so that voices drift apart. Where a note's duration is
less than one part away from its printed value, the printed value is right.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from fractions import Fraction
from math import lcm

from hybrid.io.durations import VALUES
from hybrid.io.reading import Losses

_LENGTHS = {name: value for value, name in VALUES.items()}
_MIN_DIVISIONS = 3
_TIMED = ("note", "backup", "forward")


def undo_rounding(root: ET.Element, losses: Losses) -> None:
    """Set the durations of every part that has rounded ones, in place."""
    repaired = 0
    for part in root.findall("part"):
        repaired += _Part(part).undo()
    losses.add(repaired, "rounded duration", "taken from the printed note value")


class _Part:
    def __init__(self, part: ET.Element) -> None:
        self.part = part
        self.n_repaired = 0
        self.lengths: list[tuple[ET.Element, Fraction]] = []  # duration nodes, in quarters

    def undo(self) -> int:
        divisions = Fraction(1)
        for measure in self.part.findall("measure"):
            divisions = self._measure(measure, divisions)
        if self.n_repaired:
            self._rewrite()
        return self.n_repaired

    def _measure(self, measure: ET.Element, divisions: Fraction) -> Fraction:
        """Collect exact lengths; backups follow the notes to their exact places."""
        old = new = Fraction(0)
        places = {Fraction(0): Fraction(0)}  # rounded place -> exact place
        for node in measure:
            if node.tag == "attributes":
                text = node.findtext("divisions")
                divisions = Fraction(text.strip()) if text else divisions
            elif node.tag in ("direction", "harmony"):
                offset = node.find("offset")
                if offset is not None and offset.text:
                    self.lengths.append((offset, Fraction(offset.text.strip()) / divisions))
            if node.tag not in _TIMED:
                continue
            duration = node.find("duration")
            if duration is None or not duration.text:
                continue
            rounded = Fraction(duration.text.strip()) / divisions
            if node.tag == "note":
                exact = self._exact(node, rounded, divisions)
                self.lengths.append((duration, exact))
                if node.find("chord") is None:
                    old, new = old + rounded, new + exact
                    places.setdefault(old, new)
                continue
            old += rounded if node.tag == "forward" else -rounded
            goal = places.get(old, new + rounded if node.tag == "forward" else old)
            self.lengths.append((duration, max(abs(goal - new), Fraction(0))))
            new = goal
        return divisions

    def _exact(self, note: ET.Element, rounded: Fraction, divisions: Fraction) -> Fraction:
        printed = _printed(note)
        if printed is None or printed == rounded or divisions < _MIN_DIVISIONS:
            return rounded
        if abs(printed - rounded) * divisions < 1:
            self.n_repaired += 1
            return printed
        return rounded

    def _rewrite(self) -> None:
        divisions = 1
        for _, length in self.lengths:
            divisions = lcm(divisions, length.denominator)
        for node in self.part.iter("divisions"):
            node.text = str(divisions)
        for node, length in self.lengths:
            node.text = str(int(length * divisions))


def _printed(note: ET.Element) -> Fraction | None:
    """The length a note's head, dots and tuplet say; None where it prints none."""
    value = _LENGTHS.get(note.findtext("type", "").strip())
    if value is None:
        return None
    length = value * (2 - Fraction(1, 2 ** len(note.findall("dot"))))
    ratio = note.find("time-modification")
    if ratio is not None:
        actual = ratio.findtext("actual-notes", "").strip()
        normal = ratio.findtext("normal-notes", "").strip()
        if not (actual.isdigit() and normal.isdigit() and int(actual)):
            return None
        length *= Fraction(int(normal), int(actual))
    return length
