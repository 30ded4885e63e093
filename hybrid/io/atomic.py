"""Files and folders that appear whole or not at all.

Everything is written beside its target and renamed onto it when it is complete, so a
reader never meets half a file and a failed run leaves the old one untouched. What the
system refuses (a full disk, a folder without permission) becomes a `HybridError` of one
line that names the target.

A folder we made holds a list of its files in ``.hybrid-files``. Only a folder whose every
file stands in its list is replaced without being asked: nothing that someone else put
there is lost.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from hybrid.core.errors import HybridError

FILE_LIST = ".hybrid-files"
_SUFFIX = ".partial"
_serial = count()


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    HybridError
        If the system refuses; the message names the file and the reason.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_bytes(Path(folder) / "a.txt", b"whole")
    ...     (Path(folder) / "a.txt").read_bytes()
    b'whole'
    """
    with atomic_file(path) as place:
        place.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text with ``\\n`` line ends, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Give a path to write to, which becomes ``path`` when the block ends well.

    A target that is no regular file (a device, a pipe) cannot be replaced: it is written
    in place. Missing parent folders are made.

    Raises
    ------
    HybridError
        If the system refuses, inside the block or at its end.
    """
    target = Path(path)
    with _system_refusals(target):
        if _is_special(target):
            yield target
            return
        if target.is_dir():
            raise HybridError(f"cannot write {target}: it is a folder")
        # A link stays a link: what it points at is replaced.
        goal = target.resolve() if target.is_symlink() else target
        with _parents(goal):
            # The suffix stays last, for libraries that choose the format by it.
            place = goal.with_name(
                f".{goal.stem}.{os.getpid()}-{next(_serial)}{_SUFFIX}{goal.suffix}"
            )
            try:
                yield place
                if place.exists():
                    _flush_to_disk(place)
                place.replace(goal)
            finally:
                place.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: str | Path, *, force: bool = False) -> Iterator[Path]:
    """Give a new folder to fill, which becomes ``path`` when the block ends well.

    Parameters
    ----------
    path : str or Path
        The folder wanted. If it exists it must be empty or one of ours (see above); its
        files are then replaced as a whole.
    force : bool
        Replace a folder that is not ours as well. Files of other names than the new ones
        are kept even then: they move over into the new folder.

    Raises
    ------
    HybridError
        If the folder holds something else, or the system refuses.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as top:
    ...     with atomic_folder(Path(top) / "piece") as place:
    ...         _ = (place / "plan.toml").write_text("")
    ...     sorted(path.name for path in (Path(top) / "piece").iterdir())
    ['.hybrid-files', 'plan.toml']
    """
    target = Path(path)
    with _system_refusals(target):
        goal = target.resolve()
        _check_replaceable(goal, target, force)
        with _parents(goal):
            _remove_stale(goal)
            place = goal.with_name(f".{goal.name}.{os.getpid()}-{next(_serial)}{_SUFFIX}")
            place.mkdir()
            try:
                yield place
                names = _files_in(place)
                (place / FILE_LIST).write_text("".join(f"{name}\n" for name in names), "utf-8")
                for name in names:
                    _flush_to_disk(place / name)
                _swap_in(place, goal)
            except HybridError as error:
                # The user knows the folder by the name it was to have.
                if str(place) not in str(error):
                    raise
                raise type(error)(str(error).replace(str(place), str(target))) from error
            finally:
                shutil.rmtree(place, ignore_errors=True)


def _swap_in(place: Path, goal: Path) -> None:
    if not goal.exists():
        place.rename(goal)
        return
    for name in _foreign_files(goal):
        kept = place / name
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            # A link, not a move: should the swap fail, the old folder is still complete.
            _link_or_copy(goal / name, kept)
    old = place.with_name(place.name + ".old")
    goal.rename(old)
    try:
        place.rename(goal)
    except OSError:
        old.rename(goal)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _link_or_copy(source: Path, copy: Path) -> None:
    try:
        os.link(source, copy, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, copy, follow_symlinks=False)


def _check_replaceable(goal: Path, target: Path, force: bool) -> None:
    if not goal.exists():
        return
    if not goal.is_dir():
        raise HybridError(f"cannot make the folder {target}: a file of that name is there")
    if Path.cwd().is_relative_to(goal) and any(goal.iterdir()):
        raise HybridError(f"cannot replace the folder {target}: this program is running inside it")
    foreign = _foreign_files(goal)
    if foreign and not force:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise HybridError(
            f"the folder {target} holds files that are not of an earlier run "
            f"({foreign[0]!r}{more}); name another folder or allow it to be replaced"
        )


def _foreign_files(folder: Path) -> list[str]:
    """Files in ``folder`` that do not stand in its own list of files."""
    try:
        listed = set((folder / FILE_LIST).read_text("utf-8").splitlines())
    except (FileNotFoundError, UnicodeDecodeError):
        listed = set()
    return [name for name in _files_in(folder) if name not in listed]


def _files_in(folder: Path) -> list[str]:
    names = []
    for top, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(top) / name).is_symlink()]
        for name in [*files, *links]:
            relative = (Path(top) / name).relative_to(folder).as_posix()
            if relative != FILE_LIST:
                names.append(relative)
    return sorted(names)


def _remove_stale(goal: Path) -> None:
    """Remove what a run that was killed left beside the target."""
    for path in goal.parent.glob(f".{_glob_literal(goal.name)}.*{_SUFFIX}"):
        pid = path.name[len(goal.name) + 2 : -len(_SUFFIX)].partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            shutil.rmtree(path, ignore_errors=True)


def _glob_literal(name: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


@contextlib.contextmanager
def _parents(goal: Path) -> Iterator[None]:
    """Make the parent folders; take away again those we made if the block fails."""
    made: list[Path] = []
    missing = goal.parent
    while not missing.exists():
        made.append(missing)
        missing = missing.parent
    goal.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


@contextlib.contextmanager
def _system_refusals(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise HybridError(f"cannot write {target}: {reason}") from error


def _is_special(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _flush_to_disk(path: Path) -> None:
    # Some systems report a full disk only here.
    if path.is_symlink():
        return
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
