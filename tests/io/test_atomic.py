"""Files and folders appear whole or not at all, and nothing of others is lost."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid.core.errors import HybridError
from hybrid.io.atomic import FILE_LIST, atomic_file, atomic_folder, write_bytes, write_text


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old\n")
    write_text(path, "new ♪\n")
    assert tree(tmp_path) == {"a.txt": "new ♪\n".encode()}


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with atomic_file(path) as place:
            place.write_text("half")
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        fail()
    assert tree(tmp_path) == {"a.txt": b"old"}


def test_the_place_keeps_the_suffix(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a.flac") as place:
        assert place.suffix == ".flac"
        assert place.parent == tmp_path
        place.write_bytes(b"x")
    assert tree(tmp_path) == {"a.flac": b"x"}


def test_missing_parents_are_made_and_taken_away_again(tmp_path: Path) -> None:
    write_bytes(tmp_path / "x" / "y" / "a", b"1")
    assert (tmp_path / "x" / "y" / "a").read_bytes() == b"1"
    with pytest.raises(RuntimeError), atomic_file(tmp_path / "p" / "q" / "a"):
        raise RuntimeError
    assert not (tmp_path / "p").exists()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(HybridError, match="it is a folder"):
        write_text(tmp_path, "x")


def test_below_a_file_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(HybridError, match=r"cannot write .*file/a: Not a directory"):
        write_text(tmp_path / "file" / "a", "x")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk() -> None:
    # /dev/full fails every write with ENOSPC; being a device, it must not be replaced either.
    with pytest.raises(HybridError, match=r"cannot write /dev/full: No space left on device"):
        write_text("/dev/full", "x")
    assert not Path("/dev/full").is_file()


@pytest.fixture
def _small_files() -> Iterator[None]:
    """Let no file grow beyond 64 KiB, as on a disk that fills up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("_small_files")
def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(HybridError, match=r"cannot write .*: File too large"):
        write_bytes(path, bytes(100_000))
    assert tree(tmp_path) == {"a": b"old"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(HybridError, match="Permission denied"):
        write_text(locked / "a", "x")


# Folders --------------------------------------------------------------------------------


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    goal = tmp_path / "out"
    with atomic_folder(goal) as place:
        (place / "b").mkdir()
        (place / "b" / "two").write_text("2")
        (place / "one").write_text("1")
        assert not goal.exists()
    assert tree(goal) == {FILE_LIST: b"b/two\none\n", "b/two": b"2", "one": b"1"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failed_run_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic_folder(tmp_path / "p" / "out") as place:
            (place / "one").write_text("1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_our_own_folder_is_replaced_with_all_its_files(tmp_path: Path) -> None:
    goal = tmp_path / "out"
    with atomic_folder(goal) as place:
        (place / "old").write_text("1")
    with atomic_folder(goal) as place:
        (place / "new").write_text("2")
    assert tree(goal) == {FILE_LIST: b"new\n", "new": b"2"}


def test_a_folder_of_someone_else_is_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with (
        pytest.raises(HybridError, match=r"holds files that are not of an earlier run .*thesis"),
        atomic_folder(tmp_path),
    ):
        pass
    assert tree(tmp_path) == {"thesis.txt": b"years of work"}


def test_a_file_added_to_our_folder_is_not_lost(tmp_path: Path) -> None:
    goal = tmp_path / "out"
    with atomic_folder(goal) as place:
        (place / "piece").write_text("1")
    (goal / "notes.txt").write_text("mine")
    with pytest.raises(HybridError, match=r"notes\.txt"), atomic_folder(goal):
        pass
    with atomic_folder(goal, force=True) as place:
        (place / "piece").write_text("2")
    assert (goal / "notes.txt").read_text() == "mine"
    assert (goal / "piece").read_text() == "2"
    # It is still not ours.
    with pytest.raises(HybridError, match=r"notes\.txt"), atomic_folder(goal):
        pass


def test_the_folder_we_stand_in_is_not_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goal = tmp_path / "out"
    with atomic_folder(goal) as place:
        (place / "piece").write_text("1")
    monkeypatch.chdir(goal)
    with pytest.raises(HybridError, match="running inside it"), atomic_folder(goal):
        pass


def test_a_file_in_the_way_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(HybridError, match="a file of that name"), atomic_folder(tmp_path / "out"):
        pass


def test_leavings_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    dead = 2**22 - 3  # beyond the highest process id of any system
    stale = tmp_path / f".out.{dead}-0.partial"
    stale.mkdir()
    (stale / "half").write_text("x")
    other = tmp_path / f".out2.{dead}-0.partial"
    other.mkdir()
    with atomic_folder(tmp_path / "out") as place:
        (place / "a").write_text("1")
    assert not stale.exists()
    assert other.exists()


def test_a_failure_inside_a_folder_names_the_folder_wanted(tmp_path: Path) -> None:
    target = tmp_path / "piece"
    with (
        pytest.raises(HybridError, match="no room") as caught,
        atomic_folder(target) as place,
    ):
        raise HybridError(f"cannot write {place / 'piece.wav'}: no room")
    assert str(caught.value) == f"cannot write {target / 'piece.wav'}: no room"
    assert list(tmp_path.iterdir()) == []
