"""Count what chords do in keys and write ``hybrid/theory/extract/habits.toml``.

    python -m benchmarks.chord_habits

needs the corpus ``roman_numerals``. Only pieces of its training split are counted, and none
of the groups whose licence is copyleft for code (`NOT_LEARNED_FROM`).
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.chorales import REPOSITORY
from benchmarks.roman_labels import (
    NOT_LEARNED_FROM,
    Label,
    LabelledPiece,
    list_pieces,
    read_piece,
)
from hybrid.core.pitch import Key
from hybrid.theory.chords import QUALITIES, numeral_for
from hybrid.theory.extract.grid import NO_BASS, lay_grid
from hybrid.theory.extract.habits import MODES, SHAPES

TARGET = REPOSITORY / "hybrid" / "theory" / "extract" / "habits.toml"
#: A chord met in fewer frames, or in fewer pieces, is left out of the table.
MIN_FRAMES, MIN_PIECES = 12, 3
#: A piece's counts are scaled down to those of this many frames.
MAX_FRAMES = 1500

Place = tuple[str, int, str]  # mode, semitones above the tonic, shape


def shape_of(root: int, tones: Iterable[int]) -> str | None:
    """Shape of a labelled chord; None for what the finder does not know.

    Ninths count as sevenths, suspensions and other tones are dropped.
    """
    above = {(tone - root) % 12 for tone in tones}
    if above == {0, 4, 6, 10}:
        return "french-sixth"
    third = 4 if 4 in above else 3 if 3 in above else None
    if third is None:
        return None
    fifth = 7 if 7 in above else 6 if 6 in above else 8 if 8 in above else 7
    seventh = 10 if 10 in above else 11 if 11 in above else None
    if seventh is None and third == 3 and fifth == 6 and 9 in above:
        seventh = 9
    wanted = (0, third, fifth) if seventh is None else (0, third, fifth, seventh)
    names = [name for name, shape in QUALITIES.items() if shape == wanted]
    if not names:  # an augmented or minor triad with a foreign seventh: its triad
        names = [name for name, shape in QUALITIES.items() if shape == wanted[:3]]
    return names[0] if names else None


def place_of(label: Label, after: Label | None) -> Place | None:
    """Where a label stands in the table."""
    root = label.root
    if label.figure.startswith(("Ger", "It")):
        # By their sound: a dominant seventh on the flat sixth.
        return label.mode, 8, "dominant-seventh"
    if label.figure.startswith("Fr"):
        return label.mode, 8, "french-sixth"
    shape = shape_of(root, label.tones)
    degree = (root - label.tonic) % 12
    if shape is None or label.mode not in MODES:
        return None
    goes_on = after is not None and (after.tonic, after.mode) == (label.tonic, label.mode)
    to_five = goes_on and after is not None and (after.root - label.tonic) % 12 == 7
    six_four = degree == 0 and label.inversion == 2 and len(SHAPES[shape]) == 3
    if label.figure.startswith("Cad") or (six_four and to_five):
        return label.mode, 0, "cadential"
    return label.mode, degree, shape


def merged(labels: tuple[Label, ...]) -> Iterator[tuple[int, int, Label, Place]]:
    """Onset, end, label and place of chords; neighbours that differ only in bass are joined."""
    last: tuple[int, int, Label, Place] | None = None
    for index, label in enumerate(labels):
        place = place_of(label, labels[index + 1] if index + 1 < len(labels) else None)
        if place is None:
            continue
        if last and last[3] == place and last[2].tonic == label.tonic and last[1] == label.onset:
            last = (last[0], label.end, last[2], place)
            continue
        if last:
            yield last
        last = (label.onset, label.end, label, place)
    if last:
        yield last


class Counts:
    """Everything that is counted."""

    def __init__(self) -> None:
        self.degrees: dict[Place, np.ndarray] = {}
        self.bass: dict[Place, np.ndarray] = {}
        self.pieces: dict[Place, int] = defaultdict(int)
        self.follow: dict[tuple[Place, Place], float] = defaultdict(float)
        self.frames = np.zeros((4, 3))
        self.changes = np.zeros((4, 3))
        self.modulations = 0.0
        self.to: dict[tuple[str, str, int], float] = defaultdict(float)
        self.signature: dict[tuple[str, int], float] = defaultdict(float)

    def add(self, piece: LabelledPiece) -> None:
        """Count a piece; long pieces and second analyses do not outweigh the rest."""
        grid = lay_grid(piece.score)
        share = min(1.0, MAX_FRAMES / len(grid)) / len(piece.analyses)
        met: set[Place] = set()
        for labels in piece.analyses:
            spans = list(merged(labels))
            self._add_frames(piece, spans, share, met)
            for before, after in pairwise(spans):
                if (before[2].tonic, before[3][0]) == (after[2].tonic, after[3][0]):
                    self.follow[before[3], after[3]] += share
                else:
                    self.modulations += share
                    up = (after[2].tonic - before[2].tonic) % 12
                    self.to[before[3][0], after[3][0], up] += share
        for place in met:
            self.pieces[place] += 1

    def _add_frames(
        self,
        piece: LabelledPiece,
        spans: list[tuple[int, int, Label, Place]],
        share: float,
        met: set[Place],
    ) -> None:
        grid = lay_grid(piece.score)
        starts = np.array([onset for onset, *_ in spans])
        ends = np.array([end for _, end, *_ in spans])
        middle = (grid.edges[:-1] + grid.edges[1:]) / 2
        index = np.searchsorted(starts, middle, side="right") - 1
        known = (index >= 0) & (middle < ends[np.maximum(index, 0)])
        new = np.diff(index, prepend=-1) != 0
        np.add.at(self.frames, (grid.accent[known], grid.attack[known]), share)
        started = known & new
        np.add.at(self.changes, (grid.accent[started], grid.attack[started]), share)
        for span in np.unique(index[known]).tolist():
            _, _, label, place = spans[span]
            at = np.flatnonzero(known & (index == span))
            met.add(place)
            sounds = np.roll(grid.sounding[at].sum(axis=0), -label.tonic)
            degrees = self.degrees.setdefault(place, np.zeros(12))
            if sounds.sum() > 0:
                degrees += share * len(at) * sounds / sounds.sum()
            low = grid.lowest[at]
            low = low[low != NO_BASS]
            bass = self.bass.setdefault(place, np.zeros(12))
            bass += share * np.bincount((low - label.tonic) % 12, minlength=12)
            key = piece.score.key_at(int(grid.edges[at[0]]))
            if key is not None:
                home = 7 * key.fifths % 12
                self.signature[place[0], (label.tonic - home) % 12] += share * len(at)


def numeral_of(place: Place) -> str:
    """The name of a chord in root position."""
    mode, degree, shape = place
    if shape == "cadential":
        return "Cad64"
    if shape == "french-sixth":
        return "Fr43"
    if (degree, shape) == (8, "dominant-seventh"):
        return "Ger65"
    return numeral_for(Key(0, mode), degree, shape, 0).text


def to_toml(counts: Counts, n_pieces: int) -> str:
    """The text of the table."""
    lines = [
        "# What chords do in keys, written by benchmarks/chord_habits.py; hybrid/theory/extract",
        "# reads it. Only counts are here, no label and no note.",
        "#",
        f"# Counted in {n_pieces} pieces: the training split of the corpus roman_numerals",
        "# without its group bps_fh. Analyses: BCMH (Sears, Verbeten & Percival 2023), CC BY 4.0;",
        "# When in Rome (Gotham, Micchi, Nápoles López & Sailor 2023), CC BY-SA 4.0; TAVERN",
        "# (Devaney et al. 2015), CC BY-SA 4.0; key modulations (Nápoles López et al. 2020), MIT.",
        "# Scores: CC0 1.0 and CC BY-SA 4.0. The table itself is under CC BY-SA 4.0.",
        "",
    ]
    for mode in MODES:
        known = [
            place
            for place, total in sorted(
                ((place, total.sum()) for place, total in counts.degrees.items()),
                key=lambda item: (-item[1], item[0]),
            )
            if place[0] == mode and total >= MIN_FRAMES and counts.pieces[place] >= MIN_PIECES
        ]
        names = [f'"{numeral_of(place)}"' for place in known]
        lines += [f"[{mode}.degrees]", "# Frames with each of the 12 semitones above the tonic."]
        lines += [
            f'{name} = "{_row(counts.degrees[place])}"'
            for name, place in zip(names, known, strict=True)
        ]
        lines += ["", f"[{mode}.bass]", "# Frames with each of them as the lowest note."]
        lines += [
            f'{name} = "{_row(counts.bass[place])}"'
            for name, place in zip(names, known, strict=True)
        ]
        lines += ["", f"[{mode}.follow]", "# What comes next in the same key, how often."]
        for name, place in zip(names, known, strict=True):
            following = [
                (other, counts.follow[place, other])
                for other in known
                if counts.follow[place, other] >= 0.05
            ]
            following.sort(key=lambda item: -item[1])
            text = " ".join(f"{numeral_of(other)} {value:.1f}" for other, value in following)
            lines.append(f'{name} = "{text}"')
        lines.append("")
    lines += [
        "[keys]",
        "# Frames by accent (0 between beats, 1 beat, 2 half bar, 3 bar line) and by what",
    ]
    lines += ["# starts (nothing, notes, another lowest note), and those in which a chord starts."]
    lines += [f"frames = [{', '.join(map(_list, counts.frames))}]"]
    lines += [f"changes = [{', '.join(map(_list, counts.changes))}]"]
    lines += ["# Changes of key, by mode and semitones up."]
    lines += [f"modulations = {counts.modulations:.0f}"]
    for old in MODES:
        for new in MODES:
            row = [counts.to[old, new, up] for up in range(12)]
            lines.append(f"{old}_to_{new} = {_list(row)}")
    lines += ["# Frames by semitones from the tonic of the signature's major key to the key's."]
    for mode in MODES:
        row = [counts.signature[mode, up] for up in range(12)]
        lines.append(f"signature_{mode} = {_list(row)}")
    return "\n".join(lines) + "\n"


def _row(values: np.ndarray) -> str:
    return " ".join(f"{value:.0f}" for value in values)


def _list(values: Iterable[float]) -> str:
    return "[" + ", ".join(f"{value:.0f}" for value in values) + "]"


def read_training(folder: Path | None = None) -> Iterator[LabelledPiece]:
    """The pieces that may be counted."""
    for group, name, align in list_pieces("train", folder):
        if group not in NOT_LEARNED_FROM:
            yield read_piece(group, name, align, folder)


def main() -> int:
    counts, n_pieces = Counts(), 0
    for piece in read_training():
        counts.add(piece)
        n_pieces += 1
    TARGET.write_text(to_toml(counts, n_pieces), encoding="utf-8")
    print(TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(main())
