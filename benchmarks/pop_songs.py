"""POP909 songs on the bars of their human form labels.

The bar lines of POP909's MIDI files are not where the music has them; the labels count
bars by hand-shifted downbeats. The melody that comes with the labels is laid over the
file's own: where one shift makes at least `MIN_MATCH` of its notes agree, the song is
barred anew with it, in four-four; other songs are left out.
"""

from __future__ import annotations

import re
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.chorales import data_folder
from hybrid.core.score import Score
from hybrid.core.timeline import Metre
from hybrid.io.files import read_score

MIN_MATCH = 0.9
SIXTEENTHS = 16  # a bar of four-four

Form = tuple[tuple[str, int], ...]  # (letter, bars)


@dataclass(frozen=True, eq=False)
class LabelledSong:
    """A song whose labelled bar b is ``score.bars[first_bar + b]``."""

    id: int
    score: Score
    first_bar: int
    forms: tuple[Form, ...]


@lru_cache(maxsize=1)
def _unpacked() -> TemporaryDirectory[str]:
    folder = TemporaryDirectory(prefix="pop909-")
    for name in ("pop909", "pop909-structure"):
        with tarfile.open(data_folder() / name / f"{name}.tar.xz") as archive:
            archive.extractall(Path(folder.name) / name, filter="data")
    return folder


def read_songs(ids: Iterator[int] | range | list[int]) -> Iterator[LabelledSong | None]:
    """Songs by their number; None for one that does not fit its labels."""
    place = Path(_unpacked().name)
    for number in ids:
        name = f"{number:03d}"
        labels = place / "pop909-structure" / "POP909" / name
        song = read_score(place / "pop909" / "POP909" / name / f"{name}.mid").score
        yield _fitted(number, song, labels)


def _fitted(number: int, score: Score, labels: Path) -> LabelledSong | None:
    melody = score.tracks[0].notes
    sixteenth = score.ticks_per_quarter // 4
    places = np.round(melody["onset"] / sixteenth).astype(int).tolist()
    by_pitch: dict[int, list[int]] = defaultdict(list)
    position = n_notes = 0
    for line in (labels / "melody.txt").read_text().splitlines():
        if line.strip():
            pitch, length = map(int, line.split())
            if pitch:
                by_pitch[pitch].append(position)
                n_notes += 1
            position += length
    shifts: Counter[int] = Counter()
    for place, pitch in zip(places, melody["pitch"].tolist(), strict=True):
        shifts.update(place - other for other in by_pitch[pitch])
    shift, matched = shifts.most_common(1)[0]
    forms = tuple(read_form((labels / f"human_label{k}.txt").read_text()) for k in (1, 2))
    if matched < MIN_MATCH * n_notes or shift < 0:
        return None
    whole, rest = divmod(shift, SIXTEENTHS)
    barred = replace(
        score, metres=(Metre(0, 4, 4),), pickup_ticks=rest * sixteenth, keys=(), markers=()
    )
    return LabelledSong(number, barred, whole + (rest > 0), forms)


def read_form(text: str) -> Form:
    """``i4A8B8`` to (letter, bars); capitals are phrases with a sung melody.

    >>> read_form("i4A8b4")
    (('i', 4), ('A', 8), ('b', 4))
    """
    return tuple((letter, int(bars)) for letter, bars in re.findall(r"([A-Za-z])(\d+)", text))
