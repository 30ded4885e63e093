"""Formats by name and by content, and the audio files beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hybrid.core.errors import FormatError, HybridError
from hybrid.core.score import Score, Track, make_notes
from hybrid.io.files import FORMATS, format_of, read_score, write_score

Content = Callable[..., Any]


@pytest.mark.parametrize("suffix", [".mid", ".midi", ".musicxml", ".xml", ".mxl", ".abc", ".krn"])
def test_each_format_by_its_suffix(
    suffix: str, rich_score: Score, content: Content, tmp_path: Path
) -> None:
    path = tmp_path / f"piece{suffix}"
    losses = write_score(rich_score, path)
    reading = read_score(path)
    spelled = suffix not in (".mid", ".midi")
    assert content(reading.score, spelled) == content(rich_score, spelled)
    assert bool(losses) == (not spelled)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_each_format_by_name(name: str, rich_score: Score, tmp_path: Path) -> None:
    path = tmp_path / "piece.dat"
    write_score(rich_score, path, format=name)
    assert read_score(path, format=name).score.n_notes == rich_score.n_notes
    with pytest.raises(FormatError, match=r"a score's suffix must be one of \.mid .* got .*dat'"):
        read_score(path)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_the_same_score_gives_the_same_bytes(name: str, rich_score: Score, tmp_path: Path) -> None:
    for at in range(2):
        write_score(rich_score, tmp_path / str(at), format=name)
    assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(
        FormatError, match="format must be one of midi, musicxml, abc, kern, got 'x'"
    ):
        format_of("a.mid", "x")
    with pytest.raises(FormatError, match=r"suffix must be one of .* got 'a\.wav'"):
        format_of("a.wav")


@pytest.mark.parametrize(
    ("suffix", "rule"),
    [
        (".mid", "a midi file must begin with 'MThd', got 'Dear Sir or Madam,'"),
        (".musicxml", "a musicxml file must begin with '<' or be a zip archive, got 'Dear"),
        (".abc", "an abc file must have a line that begins with 'X:', got 'Dear"),
        (".krn", r"a kern file must have a line that begins with '\*\*kern', got 'Dear"),
    ],
)
def test_content_must_be_what_the_name_says(suffix: str, rule: str, tmp_path: Path) -> None:
    path = tmp_path / f"letter{suffix}"
    path.write_text("Dear Sir or Madam,")
    with pytest.raises(FormatError, match=rule) as caught:
        read_score(path)
    assert str(caught.value).startswith(f"{path}: ")
    path.write_bytes(b"")
    with pytest.raises(FormatError, match="got an empty file"):
        read_score(path)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"cannot read .*none\.mid: No such file or directory"):
        read_score(tmp_path / "none.mid")
    with pytest.raises(FormatError, match=r"cannot read .*: Is a directory"):
        read_score(tmp_path, format="midi")


def test_nothing_is_written_where_writing_fails(tmp_path: Path, rich_score: Score) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(HybridError, match="Not a directory"):
        write_score(rich_score, tmp_path / "file" / "a.mid")
    with pytest.raises(FormatError, match="pauses"):
        write_score(Score((Track("x", make_notes([(2**30, 1, 60)])),)), tmp_path / "far.mid")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
