"""Songs of POP909 as training pieces: notes, bars, chords, keys and sections.

Four corpora are joined by song number: POP909-CL (bar lines, metres, keys, chords), POP909
(which note is MELODY, BRIDGE or PIANO), the structure labels (phrases), all by people's
hands. Where a label is missing or does not fit, it is read from the notes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from hybrid.core.errors import CorpusError, FormatError, HybridError
from hybrid.core.pitch import Key
from hybrid.core.score import KeySignature, Score, Track
from hybrid.core.timeline import Tempo
from hybrid.io.corpora import open_files
from hybrid.io.midi import midi_to_score
from hybrid.symbolic_transformer.conditions import plan_arrays, score_arrays
from hybrid.symbolic_transformer.corpus import CorpusPiece
from hybrid.symbolic_transformer.labelled_plan import labelled_plan
from hybrid.symbolic_transformer.pop_labels import (
    parse_labels,
    parse_melody,
    place_phrases,
    read_chords,
)
from hybrid.symbolic_transformer.pop_notes import MELODY, TRACKS, PopNotes, separate_tracks
from hybrid.theory.extract import extract_plan

CORPORA = ("pop909-cl", "pop909", "pop909-structure")
KNOWN_BAD = frozenset({518, 620})  # named so by POP909-CL
_PROGRAMS = (73, 48, 0, 33)  # flute, strings, piano, electric bass
_NUMBER = re.compile(r"(?:.*/)?(\d{3})\s*(?:\.mid|/(?:\d{3}\.mid|[a-z0-9_]+\.txt))")
QUARTER = 480


@dataclass
class PopCounts:
    """What happened while songs were read."""

    songs: int = 0
    without_chords: int = 0
    with_sections: int = 0
    chords: int = 0
    chords_merged: int = 0
    notes: int = 0
    notes_far: int = 0
    notes_merged: int = 0
    refused: list[str] = field(default_factory=list)

    def lines(self) -> tuple[str, ...]:
        """What to tell, one line each."""
        return (
            f"{self.songs} songs, {self.notes} notes",
            f"{self.notes_far} notes played more than 1/12 quarter from where they are written",
            f"{self.notes_merged} notes dropped that fall on another of their track and pitch",
            f"{self.chords} chords by people, {self.chords_merged} of them simplified",
            f"{self.without_chords} songs with chords read from the notes",
            f"{self.with_sections} songs with sections by people",
            *(f"left out: {line}" for line in self.refused),
        )


def pop_split(number: int) -> str:
    """The split of a song: ``test`` where the number ends in 0, ``valid`` in 9, else ``train``."""
    return {0: "test", 9: "valid"}.get(number % 10, "train")


def read_pop(
    location: str | Path | None = None,
    counts: PopCounts | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[CorpusPiece]:
    """The songs in order of their number.

    Parameters
    ----------
    location : str or Path, optional
        Folder with the three corpora, as in `hybrid.io.corpora.open_files`.
    counts : PopCounts, optional
        Is told what happened.
    progress : callable, optional
        Called with the number of songs done and of all.
    """
    counts = PopCounts() if counts is None else counts
    songs = load_files(location)
    for done, (number, files) in enumerate(sorted(songs.items())):
        if progress is not None:
            progress(done, len(songs))
        if number in KNOWN_BAD:
            counts.refused.append(f"{number:03d}: known to be bad")
            continue
        try:
            yield read_song(number, files, counts)
        except HybridError as error:
            counts.refused.append(f"{number:03d}: {error}")


def load_files(location: str | Path | None) -> dict[int, dict[str, bytes]]:
    """Files of each song: ``cl``, ``parts``, ``labels``, ``melody``."""
    songs: dict[int, dict[str, bytes]] = {}
    wanted = {
        "pop909-cl": ("POP909_processed/*.mid",),
        "pop909": ("POP909/*/*.mid",),
        "pop909-structure": ("POP909/*/human_label1.txt", "POP909/*/melody.txt"),
    }
    names = {"human_label1.txt": "labels", "melody.txt": "melody"}
    for corpus, patterns in wanted.items():
        for path, stream in open_files(corpus, location, patterns):
            match = _NUMBER.fullmatch(path)
            if match is None:
                raise CorpusError(f"a song's file must be named by its number, got {path!r}")
            kind = names.get(path.rpartition("/")[2], "cl" if corpus == "pop909-cl" else "parts")
            songs.setdefault(int(match[1]), {})[kind] = stream.read()
    return songs


def read_song(number: int, files: Mapping[str, bytes], counts: PopCounts) -> CorpusPiece:
    """One song with its plan.

    Raises
    ------
    HybridError
        If a file is missing or malformed, or the corpora do not have the same song.
    """
    name = f"pop909/{number:03d}"
    merged, notes, score = _read_parts(name, files)
    keys = merged.keys
    chords = read_chords(merged, keys or (KeySignature(0, Key(0)),))
    people = bool(chords.spans) and bool(keys)
    phrases = None
    if people and "labels" in files and "melody" in files:
        phrases = place_phrases(
            score,
            notes.tracks[MELODY],
            parse_labels(files["labels"].decode("utf-8", errors="replace")),
            parse_melody(files["melody"].decode("utf-8", errors="replace")),
        )
    if phrases is not None:
        plan = labelled_plan(score, chords.spans, phrases)
    else:
        plan = extract_plan(score, chords.spans if people else None)
    arrays = score_arrays(score, timing=notes.timing)
    counts.songs += 1
    counts.notes += len(arrays.notes)
    counts.notes_far += notes.n_far
    counts.notes_merged += arrays.n_merged
    counts.with_sections += phrases is not None
    counts.without_chords += not people
    counts.chords += len(chords.spans) if people else 0
    counts.chords_merged += chords.n_merged if people else 0
    return CorpusPiece(
        name,
        pop_split(number),
        arrays,
        plan_arrays(plan),
        chord_source="people" if people else "notes",
        section_source="people" if phrases is not None else "notes",
    )


def song_score(number: int, files: Mapping[str, bytes]) -> Score:
    """One song's four tracks under the corrected bar lines, without its plan.

    Raises
    ------
    HybridError
        If a file is missing or malformed, or the corpora do not have the same song.
    """
    return _read_parts(f"pop909/{number:03d}", files)[2]


def _read_parts(name: str, files: Mapping[str, bytes]) -> tuple[Score, PopNotes, Score]:
    """POP909-CL's score, the notes of the tracks, and the song of both."""
    missing = [kind for kind in ("cl", "parts") if kind not in files]
    if missing:
        raise CorpusError(f"{name}: a song must have its {missing[0]}, got none")
    merged = midi_to_score(files["cl"], "drop").score
    parts = midi_to_score(files["parts"], "drop").score
    if merged.ticks_per_quarter != QUARTER:
        raise FormatError(
            f"{name}: must have {QUARTER} ticks a quarter, got {merged.ticks_per_quarter}"
        )
    notes = separate_tracks(merged, parts, name)
    return merged, notes, _song_score(merged, parts, notes)


def _song_score(merged: Score, parts: Score, notes: PopNotes) -> Score:
    """The song's four tracks under POP909-CL's bars, at POP909's tempo.

    POP909-CL has one nominal tempo for many songs; the same ticks stand in POP909 with the
    recording's.
    """
    tracks = tuple(
        Track(name, part, program=program)
        for name, part, program in zip(TRACKS, notes.tracks, _PROGRAMS, strict=True)
    )
    qpm = round(60.0 * parts.length / parts.ticks_per_quarter / max(parts.seconds, 1e-9), 2)
    score = Score(
        tracks,
        ticks_per_quarter=QUARTER,
        tempos=(Tempo(0, qpm),),
        metres=merged.metres,
        keys=merged.keys,
    )
    return replace(score, length=max(score.length, score.bars[-1].end))


__all__ = ["CORPORA", "KNOWN_BAD", "PopCounts", "pop_split", "read_pop", "read_song", "song_score"]
