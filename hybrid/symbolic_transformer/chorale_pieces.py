"""Bach's chorales as training pieces: notes mended, phrases found, labels by people where any.

The split is the benchmark's, by the notes (`hybrid.symbolic_transformer.chorale_splits`), so
that no chorale is trained on that the benchmark validates or tests on. A chorale that is none
of the benchmark's pieces cannot be checked and is left out, and so is one that comes twice.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hybrid.core.analysis import ChordSpan
from hybrid.core.errors import CorpusError, HybridError
from hybrid.core.score import Score
from hybrid.io.corpora import open_files
from hybrid.symbolic_transformer.chorale_corpus import read_chorale_corpus
from hybrid.symbolic_transformer.chorale_matching import Match, read_benchmark
from hybrid.symbolic_transformer.chorale_mending import Mending, mend
from hybrid.symbolic_transformer.chorale_phrases import find_phrases
from hybrid.symbolic_transformer.chorale_splits import chorale_splits
from hybrid.symbolic_transformer.conditions import chord_row, plan_arrays, score_arrays
from hybrid.symbolic_transformer.corpus import CorpusPiece
from hybrid.symbolic_transformer.labelled_plan import LabelledPhrase, labelled_plan
from hybrid.symbolic_transformer.roman_text import read_roman_text
from hybrid.symbolic_transformer.tables import PhraseMark
from hybrid.theory.extract import find_chords

CORPORA = ("bach_chorales", "jsb-chorales", "roman_numerals")
SAME_THEME = 0.6  # F-measure of two phrases' soprano notes from which on they are one theme
MIN_CHORD_TONES = 0.75  # an analysis with less is of another piece, or out of step
_GROUP = "bach_chorales"
_SOURCE = re.compile(r"bach_chorales no\. (\w+);")


@dataclass
class ChoraleCounts:
    """What happened while chorales were read."""

    pieces: int = 0
    notes: int = 0
    notes_moved: int = 0
    with_labels: int = 0
    labels_kept_back: int = 0
    unknown: int = 0
    twice: int = 0
    mended: list[Mending] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def lines(self) -> tuple[str, ...]:
        """What to tell, one line each."""
        total = {
            name: sum(getattr(item, name) for item in self.mended)
            for name in ("notes", "compared", "equal", "mended", "different")
        }
        return (
            f"{self.pieces} chorales, {self.notes} notes",
            f"{self.unknown} left out: none of the benchmark's pieces; "
            f"{self.twice} left out: they come twice",
            f"of {total['notes']} notes {total['compared']} compared with the benchmark's: "
            f"{total['equal']} equal, {total['mended']} accidentals mended, "
            f"{total['different']} other readings kept",
            f"{self.notes_moved} notes moved to the nearest 1/24 quarter",
            f"{self.with_labels} chorales with chords by people; "
            f"{self.labels_kept_back} analyses not used: theirs is another split",
            *(f"left out: {line}" for line in self.refused),
        )


def read_chorale_pieces(
    location: str | Path | None = None,
    counts: ChoraleCounts | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[CorpusPiece]:
    """The chorales by their number.

    Parameters
    ----------
    location : str or Path, optional
        Folder with the three corpora, as in `hybrid.io.corpora.open_files`.
    counts : ChoraleCounts, optional
        Is told what happened.
    progress : callable, optional
        Called with the number of chorales done and of all.
    """
    counts = ChoraleCounts() if counts is None else counts
    scores, refused = read_chorale_corpus(location)
    counts.refused += refused
    [text] = [
        stream.read()
        for _, stream in open_files("jsb-chorales", location, ("Jsb16thSeparated.json",))
    ]
    benchmark = {piece.id: piece for piece in read_benchmark(text)}
    analyses = _read_analyses(location)
    matches = chorale_splits([_GROUP])
    seen: set[str] = set()
    for done, (number, score) in enumerate(sorted(scores.items())):
        if progress is not None:
            progress(done, len(scores))
        match = matches.get((_GROUP, number))
        if match is None or not match.is_same:
            counts.unknown += 1
            continue
        if match.id in seen:
            counts.twice += 1
            continue
        try:
            mended, mending = mend(score, match, benchmark[match.id].grid)
            if not mending.is_sound:
                raise CorpusError(
                    f"{number}: a chorale must agree with the benchmark's piece, "
                    f"got {mending.agreement:.0%} of {mending.compared} notes"
                )
            analysis = analyses.get(number)
            usable = analysis is not None and may_use_labels(analysis.split, match.split)
            counts.labels_kept_back += analysis is not None and not usable
            chords: Sequence[ChordSpan] = ()
            if analysis is not None and usable:
                chords = read_roman_text(analysis.text, mended, analysis.name)
                share = chord_tone_share(mended, chords)
                if share < MIN_CHORD_TONES:
                    counts.refused.append(
                        f"the analysis {analysis.name}: {share:.0%} of the notes are chord tones"
                    )
                    usable, chords = False, ()
            chords = chords or find_chords(mended)
            yield _piece(number, mended, match, chords, usable, counts)
        except HybridError as error:
            counts.refused.append(str(error))
            continue
        seen.add(match.id)
        counts.mended.append(mending)


def may_use_labels(analysis_split: str, note_split: str) -> bool:
    """Whether people's labels may go with notes: none of validation with notes to train on."""
    return analysis_split == "train" or note_split != "train"


@dataclass(frozen=True)
class _Analysis:
    name: str
    split: str
    text: str


def _read_analyses(location: str | Path | None) -> dict[str, _Analysis]:
    """The analyses by the number of the chorale that they are of.

    The two corpora count differently; the manifest says whose number is whose.
    """
    files: dict[str, str] = {}
    patterns = ("splits.json", "manifest.csv", f"{_GROUP}/*/analysis.txt")
    for path, stream in open_files("roman_numerals", location, patterns):
        files[path] = stream.read().decode("utf-8")
    splits = {
        name: split for split, names in json.loads(files["splits.json"]).items() for name in names
    }
    found = {}
    for row in csv.DictReader(io.StringIO(files["manifest.csv"])):
        number = _SOURCE.search(row["source"])
        name = f"{row['group']}/{row['id']}"
        text = files.get(f"{name}/analysis.txt")
        if row["group"] == _GROUP and number and text is not None and name in splits:
            found[number[1]] = _Analysis(row["id"], splits[name], text)
    return found


def chord_tone_share(score: Score, chords: Sequence[ChordSpan]) -> float:
    """Share of the sounding time that belongs to the chords; 0..1."""
    masks = np.array([chord_row(chord.numeral, chord.key)[2] for chord in chords])
    starts = np.array([chord.onset for chord in chords])
    inside = total = 0.0
    for track in score.tracks:
        for note in track.notes:
            onset, end = int(note["onset"]), int(note["onset"] + note["duration"])
            first = max(0, int(np.searchsorted(starts, onset, side="right")) - 1)
            for at in range(first, len(chords)):
                start = max(onset, chords[at].onset)
                length = min(end, chords[at].end) - start
                if start >= end:
                    break
                if length > 0:
                    total += length
                    inside += length * (int(masks[at]) >> int(note["pitch"]) % 12 & 1)
    return inside / total if total else 0.0


def _piece(
    number: str,
    score: Score,
    match: Match,
    chords: Sequence[ChordSpan],
    by_people: bool,
    counts: ChoraleCounts,
) -> CorpusPiece:
    marks = find_phrases(score, chords)
    plan = labelled_plan(score, chords, label_phrases(score, marks))
    arrays = score_arrays(score)
    piece = CorpusPiece(
        f"{_GROUP}/{number}",
        match.split,
        arrays,
        plan_arrays(plan, marks),
        chord_source="people" if by_people else "notes",
    )
    counts.pieces += 1
    counts.notes += len(arrays.notes)
    counts.notes_moved += arrays.n_moved
    counts.with_labels += by_people
    return piece


def label_phrases(score: Score, marks: Sequence[PhraseMark]) -> tuple[LabelledPhrase, ...]:
    """Phrases in whole bars with themes by their soprano and sections by the repeat signs.

    A phrase that ends inside a bar ends with it; what else ends there is part of it.
    """
    quarter = score.ticks_per_quarter
    numbers = {bar.number: index for index, bar in enumerate(score.bars) if not bar.is_pickup}
    shift = min(numbers.values())
    n_bars = len(numbers)
    soprano = score.tracks[0].notes
    edges = {repeat.start for repeat in score.repeats} | {repeat.end for repeat in score.repeats}
    themes: dict[str, frozenset[tuple[int, int]]] = {}
    phrases: list[LabelledPhrase] = []
    first, section, begin = 0, 0, 0
    for mark in marks:
        end = int(mark.end * quarter)
        bar = score.bar_at(end - 1)
        stop = n_bars if mark is marks[-1] else numbers.get(bar.number, shift - 1) - shift + 1
        if stop <= first:
            continue
        inside = (soprano["onset"] >= begin) & (soprano["onset"] < end)
        # Counted from the end, where upbeats make no difference.
        line = frozenset(
            zip(
                (end - soprano["onset"][inside]).tolist(),
                soprano["pitch"][inside].tolist(),
                strict=True,
            )
        )
        if begin and begin in edges:
            section += 1
        theme = _same_theme(line, themes) or _letter(len(themes))
        themes.setdefault(theme, line)
        label = _letter(section).upper()
        phrases.append(LabelledPhrase(stop - first, theme, section, label))
        first, begin = stop, end
    return tuple(phrases)


def _same_theme(
    line: frozenset[tuple[int, int]], themes: Mapping[str, frozenset[tuple[int, int]]]
) -> str:
    best, name = 0.0, ""
    for theme, other in themes.items():
        total = len(line) + len(other)
        likeness = 2 * len(line & other) / total if total else 0.0
        if likeness >= SAME_THEME and likeness > best:
            best, name = likeness, theme
    return name


def _letter(number: int) -> str:
    """a .. z, then a1 .. z1 and so on."""
    turn, place = divmod(number, 26)
    return chr(ord("a") + place) + (str(turn) if turn else "")


__all__ = [
    "CORPORA",
    "ChoraleCounts",
    "label_phrases",
    "may_use_labels",
    "read_chorale_pieces",
]
