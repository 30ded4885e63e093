"""Scores in files: the format is named by the suffix and checked against the content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hybrid.core.errors import FormatError
from hybrid.core.score import Score
from hybrid.io.reading import Reading, read_source

__all__ = ["FORMATS", "Format", "Reading", "format_of", "read_score", "write_score"]


def _read_midi(path: Path) -> Reading:
    from hybrid.io.midi import read_midi

    return read_midi(path)


def _write_midi(score: Score, path: Path) -> tuple[str, ...]:
    from hybrid.io.midi import write_midi

    return write_midi(score, path)


def _read_musicxml(path: Path) -> Reading:
    from hybrid.io.musicxml import read_musicxml

    return read_musicxml(path)


def _write_musicxml(score: Score, path: Path) -> tuple[str, ...]:
    from hybrid.io.musicxml import write_musicxml

    return write_musicxml(score, path)


def _read_abc(path: Path) -> Reading:
    from hybrid.io.abc import read_abc

    return read_abc(path)


def _write_abc(score: Score, path: Path) -> tuple[str, ...]:
    from hybrid.io.abc import write_abc

    return write_abc(score, path)


def _read_kern(path: Path) -> Reading:
    from hybrid.io.kern import read_kern

    return read_kern(path)


def _write_kern(score: Score, path: Path) -> tuple[str, ...]:
    from hybrid.io.kern import write_kern

    return write_kern(score, path)


@dataclass(frozen=True)
class Format:
    """A format of scores: its suffixes, how its files begin, its reader and its writer."""

    name: str
    suffixes: tuple[str, ...]
    rule: str
    begins: Callable[[bytes], bool]
    read: Callable[[Path], Reading]
    write: Callable[[Score, Path], tuple[str, ...]]


def _is_midi(head: bytes) -> bool:
    return head.startswith(b"MThd") or (head.startswith(b"RIFF") and head[8:12] == b"RMID")


def _is_musicxml(head: bytes) -> bool:
    if head.startswith(b"PK\x03\x04"):
        return True
    # Any encoding with a byte order mark is left to the XML parser.
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"\xff\xfe", b"\xfe\xff"))


def _is_abc(head: bytes) -> bool:
    # The first tune may stand behind a long preamble.
    return b"\0" not in head and (head.startswith(b"X:") or b"\nX:" in head or head[:1] == b"%")


def _is_kern(head: bytes) -> bool:
    return any(line.startswith(b"**") for line in head.splitlines()) and b"\0" not in head


FORMATS: dict[str, Format] = {
    "midi": Format(
        "midi",
        (".mid", ".midi", ".smf", ".rmi"),
        "begin with 'MThd'",
        _is_midi,
        _read_midi,
        _write_midi,
    ),
    "musicxml": Format(
        "musicxml",
        (".musicxml", ".xml", ".mxl"),
        "begin with '<' or be a zip archive",
        _is_musicxml,
        _read_musicxml,
        _write_musicxml,
    ),
    "abc": Format(
        "abc",
        (".abc",),
        "have a line that begins with 'X:'",
        _is_abc,
        _read_abc,
        _write_abc,
    ),
    "kern": Format(
        "kern",
        (".krn", ".kern"),
        "have a line that begins with '**kern'",
        _is_kern,
        _read_kern,
        _write_kern,
    ),
}
_HEAD = 1 << 16  # bytes in which a file must show what it is
_BY_SUFFIX = {suffix: form for form in FORMATS.values() for suffix in form.suffixes}


def format_of(path: str | Path, name: str | None = None) -> Format:
    """The format of a file by its name, or by ``name`` where one is given.

    Raises
    ------
    FormatError
        If neither is known.
    """
    if name is not None:
        if name not in FORMATS:
            raise FormatError(f"format must be one of {', '.join(FORMATS)}, got {name!r}")
        return FORMATS[name]
    suffix = Path(path).suffix.lower()
    if suffix not in _BY_SUFFIX:
        raise FormatError(
            f"a score's suffix must be one of {' '.join(_BY_SUFFIX)}, got {str(path)!r}"
        )
    return _BY_SUFFIX[suffix]


def read_score(path: str | Path, format: str | None = None) -> Reading:
    """Read a score.

    Parameters
    ----------
    path : str or Path
    format : str, optional
        One of `FORMATS`; by default the suffix names it.

    Returns
    -------
    Reading
        ``score`` and ``losses``: what the file says and a score cannot hold.

    Raises
    ------
    FormatError
        If the file cannot be read, is not what its name says, or is malformed; the message
        names file, place and rule.
    """
    source = Path(path)
    form = format_of(source, format)
    head = read_source(source)[:_HEAD]
    if not form.begins(head):
        article = "an" if form.name[0] in "aeiou" else "a"
        raise FormatError(
            f"{source}: {article} {form.name} file must {form.rule}, got {_shown(head)}"
        )
    return form.read(source)


def write_score(score: Score, path: str | Path, format: str | None = None) -> tuple[str, ...]:
    """Write a score, whole or not at all.

    Parameters
    ----------
    score : Score
    path : str or Path
    format : str, optional
        One of `FORMATS`; by default the suffix names it.

    Returns
    -------
    tuple of str
        What the format cannot hold, one line for each kind.

    Raises
    ------
    FormatError
        If the suffix names no format, or the format cannot hold the score at all.
    HybridError
        If the system refuses to write.
    """
    target = Path(path)
    return format_of(target, format).write(score, target)


def _shown(head: bytes) -> str:
    if not head:
        return "an empty file"
    text = head[:24].decode("latin-1")
    return repr(text if len(head) <= 24 else text + "...")
