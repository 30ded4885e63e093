"""Corpora: which there are, what they may be used for, how to get one, how to read it.

Nothing here is needed to compose. A corpus is fetched only when asked for, from its upstream
repository at the commit its manifest names or from a folder that already has it, and appears
in the data folder whole and checked, or not at all.

References
----------
XDG Base Directory Specification 0.8, for the place of the data folder.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from hybrid.core.errors import ConfigError, CorpusError, HybridError
from hybrid.core.resources import resource_path
from hybrid.io.atomic import FILE_LIST, atomic_folder
from hybrid.io.corpora_manifest import (
    Content,
    Corpus,
    Upstream,
    check_address,
    check_path,
    matches,
    read_manifest,
)

Progress = Callable[[int, int | None], None]
"""Called with the bytes done and, where known, the bytes in all."""

TIMEOUT_SECONDS = 30.0
CHUNK = 1 << 16
# Repositories hold more than what is taken from them; no pinned archive comes near this.
MAX_DOWNLOAD = 1 << 30

Digests = dict[str, tuple[str, int]]


# --- Manifests ----------------------------------------------------------------


def list_corpora() -> tuple[Corpus, ...]:
    """All corpora that have a manifest, by name.

    Examples
    --------
    >>> "salami" in [corpus.name for corpus in list_corpora()]
    True
    """
    return tuple(read_manifest(path) for path in _manifests())


def _manifests() -> list[Path]:
    return sorted(resource_path("corpora").glob("*.toml"), key=lambda path: path.stem)


def corpus_info(name: str) -> Corpus:
    """The manifest of one corpus.

    Raises
    ------
    CorpusError
        If there is none of that name.

    Examples
    --------
    >>> corpus_info("salami").licence
    'CC0-1.0'
    """
    try:
        return read_manifest(resource_path("corpora", f"{name}.toml"))
    except ConfigError:
        names = ", ".join(path.stem for path in _manifests())
        raise CorpusError(f"corpus must be one of {names}; got {name!r}") from None


# --- Places -------------------------------------------------------------------


def data_home() -> Path:
    """The folder for what is fetched: ``$HYBRID_DATA``, else ``hybrid`` in XDG's data home."""
    if given := os.environ.get("HYBRID_DATA"):
        return Path(given).expanduser().absolute()
    xdg = os.environ.get("XDG_DATA_HOME", "")
    # The specification: a relative path there is to be ignored.
    base = Path(xdg) if xdg and Path(xdg).is_absolute() else Path.home() / ".local" / "share"
    return base / "hybrid"


def corpus_folder(name: str) -> Path:
    """Where a corpus lies when it has been fetched."""
    return data_home() / "corpora" / name


def is_fetched(name: str) -> bool:
    """Whether a corpus is in the data folder (it is there whole or not at all)."""
    return (corpus_folder(name) / FILE_LIST).is_file()


# --- Fetching -----------------------------------------------------------------


def fetch(
    name: str,
    dest: str | Path | None = None,
    *,
    from_dir: str | Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Get a corpus and check every file of it.

    Parameters
    ----------
    name : str
    dest : str or Path or None
        Folder to make; None for the data folder. A folder of an earlier fetch is replaced.
    from_dir : str or Path or None
        A folder that holds a folder ``name`` with the corpus as its manifest describes
        (the archive, or plain files). None: download from upstream.
    progress : callable or None
        Called with bytes done and bytes in all (None where the server does not say).

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    CorpusError
        If the corpus is unknown, cannot be reached, or differs from its manifest. Then
        nothing is left behind.
    HybridError
        If the folder cannot be written.
    """
    return fetch_corpus(corpus_info(name), dest, from_dir=from_dir, progress=progress)


def fetch_corpus(
    corpus: Corpus,
    dest: str | Path | None = None,
    *,
    from_dir: str | Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """As `fetch`, for a manifest that is at hand."""
    target = corpus_folder(corpus.name) if dest is None else Path(dest)
    if from_dir is None and corpus.from_network is None:
        raise CorpusError(
            f"corpus {corpus.name!r} cannot be downloaded: {corpus.upstream_note} "
            "If you have its folder, name the folder it lies in with --from"
        )
    with atomic_folder(target) as place:
        if from_dir is None:
            expected = corpus.from_network or corpus.content
            writer = _Writer(corpus, place, expected.bytes, None)
            for upstream in corpus.upstream:
                # Not beside the target, which may have room for the files alone.
                with tempfile.TemporaryFile(prefix="hybrid-") as archive:
                    _download(corpus, upstream.archive, archive, progress)
                    archive.seek(0)
                    _unpack(corpus, upstream, archive, writer)
            _compare(corpus, writer.found, expected, "downloaded files")
        else:
            writer = _Writer(corpus, place, corpus.content.bytes, progress)
            for path, stream in open_files(corpus, from_dir):
                writer.write(path, stream)
            _compare(corpus, writer.found, corpus.content, f"files from {from_dir}")
    return target


def verify(name: str, folder: str | Path | None = None) -> Content:
    """Check a fetched corpus against its manifest.

    Parameters
    ----------
    name : str
    folder : str or Path or None
        None: in the data folder.

    Raises
    ------
    CorpusError
        If it is not there, or any file was changed, added or taken away.
    """
    corpus = corpus_info(name)
    root = corpus_folder(name) if folder is None else Path(folder)
    if not root.is_dir():
        raise CorpusError(f"corpus {name!r} is not in {root}; run: hybrid corpora fetch {name}")
    found: Digests = {}
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root).as_posix()
        if path.is_file() and relative != FILE_LIST:
            with path.open("rb") as stream:
                found[relative] = _digest(stream)
    content = Content.of(found)
    # A download may bring less than our build has; both are described.
    if content not in (corpus.content, corpus.from_network):
        _compare(corpus, found, corpus.from_network or corpus.content, f"files in {root}")
    return content


def _compare(corpus: Corpus, found: Digests, expected: Content, what: str) -> None:
    content = Content.of(found)
    if content == expected:
        return
    raise CorpusError(
        f"corpus {corpus.name!r}: {what} must have content sha256 {expected.sha256} "
        f"({expected.files} files, {expected.bytes} bytes), got {content.sha256} "
        f"({content.files} files, {content.bytes} bytes)"
    )


def _digest(stream: IO[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


class _Writer:
    """Writes files below a folder, notes their digests, and stops at a number of bytes."""

    def __init__(self, corpus: Corpus, place: Path, limit: int, progress: Progress | None) -> None:
        self.name = corpus.name
        self.place = place
        self.limit = limit
        self.progress = progress
        self.done = 0
        self.found: Digests = {}

    def write(self, path: str, stream: IO[bytes]) -> None:
        path = check_path(path)
        if path in self.found:
            raise CorpusError(f"corpus {self.name!r}: file {path!r} must come once, came twice")
        target = self.place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with target.open("wb") as out:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                # An archive that unpacks to far more than it should is stopped here.
                if self.done + size > self.limit:
                    raise CorpusError(
                        f"corpus {self.name!r}: files must have {self.limit} bytes in all, "
                        f"passed them in {path!r}"
                    )
                out.write(chunk)
        self.done += size
        self.found[path] = (digest.hexdigest(), size)
        if self.progress is not None:
            self.progress(self.done, self.limit)


# --- Reading ------------------------------------------------------------------


def open_files(
    corpus: Corpus | str, location: str | Path | None = None, patterns: Sequence[str] = ("**",)
) -> Iterator[tuple[str, IO[bytes]]]:
    """Open the files of a corpus, wherever and however it lies.

    Parameters
    ----------
    corpus : Corpus or str
        A manifest or a name.
    location : str or Path or None
        None: the fetched copy in the data folder. Else a folder in which a folder of the
        corpus's name lies (fetched, or with the archive its manifest names), or that folder
        itself, or the archive.
    patterns : sequence of str
        Only paths that match one of these (`hybrid.io.corpora_manifest.matches`).

    Yields
    ------
    (str, binary file)
        Path with ``/`` as in the manifest, and the file, good until the next one is asked
        for. An archive gives its files in its own order, a folder sorted.

    Raises
    ------
    CorpusError
        If the corpus is not there, or an archive differs from its manifest.
    """
    manifest = corpus_info(corpus) if isinstance(corpus, str) else corpus
    place = _locate(manifest, location)
    folder, members = place, manifest.beside
    if place.is_file():
        yield from _archive_files(manifest, place, patterns)
        folder = place.parent
    elif (place / FILE_LIST).is_file():
        members = ("**",)
    for path in sorted(folder.rglob("*")) if members else ():
        relative = path.relative_to(folder).as_posix()
        # A folder that we did not fetch may hold other things as well: notes, the archive.
        ours = relative != FILE_LIST and _any(relative, members)
        if ours and path.is_file() and _any(relative, patterns):
            with path.open("rb") as stream:
                yield relative, stream


def _any(path: str, patterns: Sequence[str]) -> bool:
    return any(matches(path, pattern) for pattern in patterns)


def _locate(corpus: Corpus, location: str | Path | None) -> Path:
    """The folder of a corpus, or its archive."""
    if location is None:
        if is_fetched(corpus.name):
            return corpus_folder(corpus.name)
        raise CorpusError(
            f"corpus {corpus.name!r} is not in {corpus_folder(corpus.name)}; "
            f"run: hybrid corpora fetch {corpus.name}"
        )
    given = Path(location)
    if given.is_file():
        return given
    for folder in (given / corpus.name, given):
        if (folder / FILE_LIST).is_file():
            return folder
        if corpus.archive and (folder / corpus.archive).is_file():
            return folder / corpus.archive
        if not corpus.archive and folder.is_dir() and folder.name == corpus.name:
            return folder
    raise CorpusError(
        f"corpus {corpus.name!r} must lie in {given}, fetched "
        f"or as {corpus.name}/{corpus.archive}; found neither"
    )


def _archive_files(
    corpus: Corpus, archive: Path, patterns: Sequence[str]
) -> Iterator[tuple[str, IO[bytes]]]:
    with archive.open("rb") as stream:
        digest, _ = _digest(stream)
    if digest != corpus.archive_sha256:
        raise CorpusError(
            f"corpus {corpus.name!r}: archive {archive} must have sha256 "
            f"{corpus.archive_sha256}, got {digest}"
        )
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            path = check_path(member.name)
            if member.isfile() and _any(path, patterns):
                file = tar.extractfile(member)
                assert file is not None  # for regular files there is always one
                yield path, file


# --- From the network ---------------------------------------------------------


def _unpack(corpus: Corpus, upstream: Upstream, archive: IO[bytes], writer: _Writer) -> None:
    try:
        with tarfile.open(fileobj=archive, mode="r:gz") as tar:
            for member in tar:
                # The one folder at the top is named after the repository and the commit.
                path = member.name.partition("/")[2]
                target = upstream.target(path) if member.isfile() and path else None
                if target is None:
                    continue
                stream = tar.extractfile(member)
                assert stream is not None  # for regular files there is always one
                writer.write(target, stream)
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise CorpusError(
            f"corpus {corpus.name!r}: {upstream.archive} must be a tar.gz archive: {error}"
        ) from None


def _download(corpus: Corpus, address: str, out: IO[bytes], progress: Progress | None) -> None:
    check_address(address)
    request = urllib.request.Request(address, headers={"User-Agent": "hybrid-composer"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            # A redirection must not lead to an unprotected address either.
            check_address(response.url)
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdigit() else None
            done = 0
            while chunk := response.read(CHUNK):
                done += len(chunk)
                if done > MAX_DOWNLOAD:
                    raise CorpusError(
                        f"corpus {corpus.name!r}: {address} must have at most {MAX_DOWNLOAD} bytes"
                    )
                out.write(chunk)
                if progress is not None:
                    progress(done, total)
            if total is not None and done != total:
                raise CorpusError(
                    f"corpus {corpus.name!r}: {address} broke off after {done} of {total} bytes"
                )
    except HybridError:
        raise
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise CorpusError(f"corpus {corpus.name!r}: cannot reach {address}: {reason}") from None
