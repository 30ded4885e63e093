"""Real files, read, written again and read: every onset, duration and pitch is kept.

Fifty files of each format: music21's corpus for MusicXML, ABC and kern, the corpora beside
the checkout for MIDI. Four of each run by default, all with ``-m slow``. The files' own
licences allow reading them; none is copied here.
"""

from __future__ import annotations

import tarfile
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.errors import FormatError
from hybrid.core.score import Score
from hybrid.io.files import read_score, write_score
from hybrid.io.midi import midi_to_score, score_to_midi

N_FILES = 50
SUFFIXES = {
    "musicxml": (".mxl", ".xml", ".musicxml"),
    "abc": (".abc",),
    "kern": (".krn",),
}
ARCHIVES = {
    "openscore-string-quartets": 10,
    "pop909": 15,
    "nottingham": 10,
    "groove": 15,
}


def corpus_files(name: str) -> list[Path]:
    """Fifty files of a format, spread evenly over music21's corpus."""
    from music21 import common

    root = Path(common.getCorpusFilePath())
    files = sorted(path for path in root.rglob("*") if path.suffix in SUFFIXES[name])
    # The few kern files that are not by Palestrina (two voices a staff, piano) are all taken.
    rare = [path for path in files if name == "kern" and "palestrina" not in path.parts]
    rest = [path for path in files if path not in rare]
    wanted = N_FILES - len(rare)
    return rare + [rest[at * len(rest) // wanted] for at in range(wanted)]


def content(score: Score) -> list[Counter[tuple[Fraction, Fraction, int, int, bool]]]:
    """Notes of each track that has any, in quarters."""
    quarter = score.ticks_per_quarter
    found = [
        Counter(
            (
                Fraction(int(note["onset"]), quarter),
                Fraction(int(note["duration"]), quarter),
                int(note["pitch"]),
                int(note["spelling"]),
                track.is_drum,
            )
            for note in track.notes
        )
        for track in score.tracks
    ]
    return [notes for notes in found if notes]


def bar_lines(score: Score) -> list[Fraction]:
    return [Fraction(bar.start, score.ticks_per_quarter) for bar in score.bars]


def check(name: str, files: list[Path], folder: Path) -> None:
    target = folder / f"again{SUFFIXES[name][-1]}"
    for path in files:
        before = read_score(path).score
        losses = write_score(before, target)
        after = read_score(target).score
        assert content(after) == content(before), path.name
        assert bar_lines(after) == bar_lines(before), path.name
        assert after.repeats == before.repeats, path.name
        keys = [(Fraction(k.tick, before.ticks_per_quarter), k.key) for k in before.keys]
        again = [(Fraction(k.tick, after.ticks_per_quarter), k.key) for k in after.keys]
        assert again == keys, path.name
        assert not any("moved by" in loss for loss in losses), path.name


@pytest.mark.parametrize("name", sorted(SUFFIXES))
def test_four_files(name: str, tmp_path: Path) -> None:
    small = [path for path in corpus_files(name) if path.stat().st_size < 30_000]
    check(name, small[:: max(1, len(small) // 4)][:4], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SUFFIXES))
def test_fifty_files(name: str, tmp_path: Path) -> None:
    files = corpus_files(name)
    assert len(set(files)) == N_FILES
    check(name, files, tmp_path)


# MIDI -------------------------------------------------------------------------------------


def midi_files(folder: Path, name: str, count: int) -> list[tuple[str, bytes]]:
    """MIDI files spread evenly over an archive."""
    with tarfile.open(folder / name / f"{name}.tar.xz") as archive:
        members = [item for item in archive if item.name.endswith(".mid")]
        chosen = [members[at * len(members) // count] for at in range(count)]
        found = []
        for item in chosen:
            stream = archive.extractfile(item)
            assert stream is not None
            found.append((item.name, stream.read()))
        return found


def check_midi(name: str, data: bytes) -> None:
    try:
        before = midi_to_score(data).score
    except FormatError as error:
        # Drum pads give notes of no length; they are refused, or left out if asked.
        assert "must have a duration of 1 tick or more" in str(error), name  # noqa: PT017
        before = midi_to_score(data, zero_length="drop").score
    again, losses = score_to_midi(before)
    assert losses == (), name
    after = midi_to_score(again).score
    for one, two in zip(before.tracks, after.tracks, strict=True):
        for array in ("notes", "controls", "bends", "programs"):
            assert np.array_equal(getattr(one, array), getattr(two, array)), (name, array)
        for attribute in ("name", "program", "is_drum", "midi_channel", "lyrics"):
            assert getattr(one, attribute) == getattr(two, attribute), (name, attribute)
    for attribute in ("tempos", "metres", "markers", "title", "length", "ticks_per_quarter"):
        assert getattr(before, attribute) == getattr(after, attribute), (name, attribute)
    assert [item.key for item in before.keys] == [item.key for item in after.keys], name
    assert score_to_midi(after)[0] == again, name


def test_four_midi_files(shared_data: Path) -> None:
    if not (shared_data / "groove").is_dir():
        pytest.skip(f"needs the corpus groove in {shared_data}")
    for name, data in midi_files(shared_data, "groove", 4):
        check_midi(name, data)


@pytest.mark.slow
def test_fifty_midi_files(shared_data: Path) -> None:
    missing = [name for name in ARCHIVES if not (shared_data / name).is_dir()]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} in {shared_data}")
    files = [
        item for name, count in ARCHIVES.items() for item in midi_files(shared_data, name, count)
    ]
    assert len(files) == N_FILES
    for name, data in files:
        check_midi(name, data)
