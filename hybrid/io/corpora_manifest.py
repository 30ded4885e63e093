"""Manifests of corpora: what ``corpora/NAME.toml`` says, checked.

A manifest pins a corpus by the contents of its files, not by an archive: archives are packed
anew by servers and their bytes change. The *content digest* is the SHA-256 of the lines
``<sha256 of the file>  <path>``, each ended by a newline, sorted by the bytes of the path;
it is what these commands print inside the fetched folder::

    find . -type f ! -name .hybrid-files | sed 's|^./||' | LC_ALL=C sort \\
        | tr '\\n' '\\0' | xargs -0 sha256sum | sha256sum
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from hybrid.core.errors import CorpusError

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Content:
    """How many files a folder has, of how many bytes in all, and their content digest."""

    files: int
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        if not _SHA256.match(self.sha256):
            raise CorpusError(f"sha256 must be 64 hexadecimal digits, got {self.sha256!r}")

    @classmethod
    def of(cls, files: Mapping[str, tuple[str, int]]) -> Content:
        """Summarise files.

        Parameters
        ----------
        files : mapping of str to (str, int)
            Path with ``/`` to SHA-256 in hexadecimal digits and size in bytes.

        Examples
        --------
        >>> Content.of({}).sha256[:8]
        'e3b0c442'
        """
        order = sorted(files, key=lambda path: path.encode())
        lines = "".join(f"{files[path][0]}  {path}\n" for path in order)
        size = sum(size for _, size in files.values())
        return cls(len(files), size, hashlib.sha256(lines.encode()).hexdigest())


@dataclass(frozen=True)
class Upstream:
    """A repository at a commit, and which of its files belong to the corpus.

    Attributes
    ----------
    repository, commit, archive : str
        ``archive`` is the address of a ``tar.gz`` of that commit with one folder at its top,
        as code hosts offer it.
    take : tuple of str
        Patterns of paths below that folder; as in `matches`.
    leave : tuple of str
        Patterns of paths that are left out all the same.
    strip, into : str
        The beginning of an upstream path that is taken away, and the one put in its place.
    rename : mapping of str to str
        Upstream paths that get a path of their own, ``strip`` and ``into`` aside.
    """

    repository: str
    commit: str
    archive: str
    take: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()
    strip: str = ""
    into: str = ""
    rename: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rename", MappingProxyType(dict(self.rename)))
        if not _COMMIT.match(self.commit):
            raise CorpusError(f"commit must be 40 hexadecimal digits, got {self.commit!r}")
        check_address(self.archive)
        if not self.take and not self.rename:
            raise CorpusError(f"upstream {self.repository} must take some files, got none")

    def target(self, path: str) -> str | None:
        """Where an upstream file goes, or None if it does not belong to the corpus."""
        if path in self.rename:
            return self.rename[path]
        if not any(matches(path, pattern) for pattern in self.take):
            return None
        if any(matches(path, pattern) for pattern in self.leave):
            return None
        return self.into + path.removeprefix(self.strip)


@dataclass(frozen=True)
class Corpus:
    """A manifest.

    Attributes
    ----------
    name, title, description : str
    licence, licence_note : str
        SPDX expression where there is one, and what else must be known.
    credit : str
        Who is to be named, and how to cite it.
    training : str
            Whether weights that ship with the package may be trained on it: ``yes``, ``no``, or
        ``part``.
    training_note : str
        Which part, and why.
    split : str
        Which part is for training, validation and test.
    cautions : tuple of str
    counts : mapping of str to int
    builder : str
        What was done to the upstream files.
    archive, archive_sha256 : str
        The archive in the corpus's folder that holds its files; empty if they stand in the
        folder as they are.
    beside : tuple of str
        Patterns of files beside the archive that belong to the corpus.
    content : Content
        All files, as in that folder.
    upstream : tuple of Upstream
        Where to get them; empty if they cannot be had unchanged from anywhere.
    upstream_content : Content or None
        What comes from there, where that is less than ``content``.
    upstream_note : str
        What is missing then, and why.
    """

    name: str
    title: str
    description: str
    licence: str
    credit: str
    training: str
    split: str
    builder: str
    content: Content
    licence_note: str = ""
    training_note: str = ""
    cautions: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    archive: str = ""
    archive_sha256: str = ""
    beside: tuple[str, ...] = ()
    upstream: tuple[Upstream, ...] = ()
    upstream_content: Content | None = None
    upstream_note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", MappingProxyType(dict(self.counts)))
        if self.training not in ("yes", "no", "part"):
            raise CorpusError(f"training must be yes, no or part, got {self.training!r}")
        if self.archive and not _SHA256.match(self.archive_sha256):
            raise CorpusError(
                f"archive_sha256 must be 64 hexadecimal digits, got {self.archive_sha256!r}"
            )
        if not self.upstream and not self.upstream_note:
            raise CorpusError("upstream_note must say why there is no upstream, got nothing")

    @property
    def from_network(self) -> Content | None:
        """What a fetch over the network brings; None if it cannot."""
        if not self.upstream:
            return None
        return self.upstream_content or self.content


def matches(path: str, pattern: str) -> bool:
    """Whether a path matches a pattern, folder by folder; ``**`` at the end matches any rest.

    Examples
    --------
    >>> [matches("a/c/b.txt", pattern) for pattern in ("*/*/*.txt", "*/*.txt", "a/**")]
    [True, False, True]
    """
    if pattern == "**" or (pattern.endswith("/**") and path.startswith(pattern[:-2])):
        return True
    parts, patterns = path.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def check_address(address: str) -> None:
    """Raise CorpusError unless an address is https, or http on this very machine."""
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return
    raise CorpusError(f"address must begin with https://, got {address!r}")


def check_path(path: str) -> str:
    """Return a path inside an archive if it stays below the folder it is unpacked in.

    Raises
    ------
    CorpusError
        If it is absolute, climbs up, or has a backslash or a control character.
    """
    parts = PurePosixPath(path).parts
    bad = not parts or path.startswith("/") or ".." in parts or "\\" in path
    if bad or any(ord(char) < 32 for char in path):
        raise CorpusError(f"path in an archive must stay inside its folder, got {path!r}")
    return "/".join(parts)


def read_manifest(path: Path) -> Corpus:
    """Read and check a manifest.

    Raises
    ------
    CorpusError
        Naming the file and the key.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CorpusError(f"manifest {path.name} must be readable TOML: {error}") from None
    try:
        corpus = _corpus(table)
        if corpus.name != path.stem:
            raise CorpusError(f"name must be {path.stem!r} as its file, got {corpus.name!r}")
    except CorpusError as error:
        raise CorpusError(f"manifest {path.name}: {error}") from None
    return corpus


def _corpus(table: dict[str, Any]) -> Corpus:
    values = dict(table)
    values["content"] = _content(values.get("content"))
    if "upstream_content" in values:
        values["upstream_content"] = _content(values["upstream_content"])
    upstream = values.get("upstream", [])
    if not isinstance(upstream, list):
        raise CorpusError("upstream must be an array of tables")
    values["upstream"] = tuple(_checked(Upstream, item, "upstream") for item in upstream)
    corpus: Corpus = _checked(Corpus, values, "")
    return corpus


def _content(table: Any) -> Content:
    content: Content = _checked(Content, table, "content")
    return content


# Types a TOML value must have, by the annotation of the field it fills.
_TYPES: dict[str, type | tuple[type, ...]] = {"str": str, "int": int}


def _checked(kind: Any, table: Any, where: str) -> Any:
    """Make a dataclass of a TOML table: no unknown keys, none missing, types as annotated."""
    if not isinstance(table, dict):
        raise CorpusError(f"{where} must be a table, got {table!r}")
    prefix = f"{where}." if where else ""
    fields = kind.__dataclass_fields__
    for key in table:
        if key not in fields:
            raise CorpusError(f"unknown key {prefix}{key}; known: {', '.join(fields)}")
    values = {}
    for key, value in table.items():
        annotation = str(fields[key].type)
        if annotation in _TYPES:
            good = isinstance(value, _TYPES[annotation]) and not isinstance(value, bool)
        elif annotation == "tuple[str, ...]":
            good = isinstance(value, list) and all(isinstance(item, str) for item in value)
            value = tuple(value) if good else value
        elif annotation.startswith("Mapping[str, "):
            inner = _TYPES[annotation[len("Mapping[str, ") : -1]]
            good = isinstance(value, dict) and all(isinstance(v, inner) for v in value.values())
        else:
            good = True  # made by _corpus itself
        if not good:
            raise CorpusError(f"{prefix}{key} must be {annotation}, got {value!r}")
        values[key] = value
    try:
        return kind(**values)
    except TypeError as error:
        missing = str(error).partition(": ")[2]
        raise CorpusError(f"{where or 'manifest'} lacks {missing}") from None
