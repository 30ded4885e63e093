"""How much of a piece stands in the pieces that a model was trained on.

Two kinds of patterns are looked for, both in any transposition: eight notes of one voice,
and two quarters of all voices (`hybrid.metrics.patterns`). For each kind the share of the
piece's patterns that occur in training is measured, and the longest run: the longest stretch
that agrees with one training piece from pattern to pattern.
Figures mean something only beside those of music that was written by a person and is not in
the training set, because much of music is common stock; an index carries such figures.

An index holds 32 bits of a hash of each pattern, in the order of the pieces, and no notes.
Large corpora may keep every n-th hash value only (`CopyIndex.build` with ``keep``): shares
are then estimated from these, and runs are short by up to a few notes. A run agrees by its
hashes alone; each pattern that is not in training is taken for one that is with a
probability of about (patterns in the index) / 2**32.

References
----------
Broder, A. Z. (1997). On the resemblance and containment of documents. SEQUENCES, 21-29.
Yin, Z., Reuben, F., Stepney, S., & Collins, T. (2021). "A good algorithm does not steal, it
imitates": The originality report as a means of measuring when a music generation algorithm
copies too much. EvoMUSART. (Figures beside those of held-out human pieces.)
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError, FormatError
from hybrid.core.score import Score
from hybrid.metrics.grids import Grid
from hybrid.metrics.lines import UNITS_PER_QUARTER
from hybrid.metrics.patterns import (
    GAP,
    KINDS,
    PATTERN_NOTES,
    PATTERN_ROWS,
    Patterns,
    patterns_of,
)

_FORMAT = 2


@dataclass(frozen=True)
class Copied:
    """What one kind of pattern says about a piece.

    Attributes
    ----------
    n_patterns : int
        Patterns of the piece that were looked up.
    share : float
        Share of them, 0..1, that occur in training; 0 where there are none.
    longest : int
        Longest run: notes of one voice, or sixteenths of all voices. 0 where no pattern
        occurs, so a run shorter than a pattern is not seen.
    longest_quarters : float
        The same in quarters, from the first note's onset to the last one's.
    at_quarter : float
        Where the run begins in the piece.
    voice : int
        In which of its voices, highest first; -1 for texture.
    source : str
        The training piece it agrees with; empty where there is none.
    """

    n_patterns: int
    share: float
    longest: int
    longest_quarters: float
    at_quarter: float
    voice: int
    source: str


@dataclass(frozen=True, eq=False)
class _Table:
    """One kind of pattern of all training pieces; ``hashes`` and ``places`` as in `Patterns`.

    ``starts`` (pieces,) holds the place at which each piece begins.
    """

    hashes: NDArray[np.uint32]
    places: NDArray[np.int64]
    starts: NDArray[np.int64]

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Sorts the hashes."""
        return np.argsort(self.hashes, kind="stable")

    @cached_property
    def ranked(self) -> NDArray[np.uint32]:
        """The hashes, ascending."""
        return self.hashes[self.order]

    def ranks(self, hashes: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First and past-the-last rank of each hash among the ascending ones."""
        return (
            np.searchsorted(self.ranked, hashes),
            np.searchsorted(self.ranked, hashes, side="right"),
        )


class CopyIndex:
    """Hashed patterns of training pieces.

    Attributes
    ----------
    name : str
        Of the corpus.
    sources : tuple of str
        The pieces' names.
    merge_repeats : bool
        Whether repeated notes count as one, as they must where the pieces are grids.
    keep : int
        Of how many patterns one is kept.
    reference : mapping
        Figures of pieces that are not in training, as from `reference_figures`; may be empty.
    """

    def __init__(
        self,
        name: str,
        sources: Sequence[str],
        tables: Mapping[str, _Table],
        *,
        merge_repeats: bool,
        keep: int,
        reference: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.sources = tuple(sources)
        self.merge_repeats = merge_repeats
        self.keep = keep
        self.reference = dict(reference or {})
        self._tables = dict(tables)

    @classmethod
    def build(
        cls,
        name: str,
        pieces: Iterable[tuple[str, Score | Grid]],
        *,
        merge_repeats: bool = True,
        keep: int = 1,
        kinds: Sequence[str] = KINDS,
    ) -> CopyIndex:
        """Hash the patterns of named pieces.

        Parameters
        ----------
        name : str
        pieces : iterable of (name, piece)
            Scores, or grids of shape (T, V).
        merge_repeats : bool
            Needed for grids.
        keep : int
            1 keeps all patterns, n about one of n.
        kinds : sequence of str
            Which of `KINDS` are kept.

        Raises
        ------
        ConfigError
            If there is no piece, ``keep`` is below 1, a kind is unknown, or a grid comes without
            ``merge_repeats``.
        """
        if keep < 1:
            raise ConfigError(f"keep must be 1 or more, got {keep}")
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown or not kinds:
            raise ConfigError(f"kinds must be of {', '.join(KINDS)}, got {unknown[:1] or 'none'}")
        sources: list[str] = []
        found: dict[str, list[Patterns]] = {kind: [] for kind in kinds}
        for source, piece in pieces:
            sources.append(source)
            for kind in kinds:
                found[kind].append(patterns_of(kind, piece, merge_repeats))
        if not sources:
            raise ConfigError("CopyIndex.build must be given pieces, got none")
        tables = {kind: _join(found[kind], keep) for kind in kinds}
        return cls(name, sources, tables, merge_repeats=merge_repeats, keep=keep)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of patterns that are kept."""
        return tuple(self._tables)

    def n_patterns(self, kind: str) -> int:
        """How many patterns of a kind (of `kinds`) are kept."""
        return len(self._tables[kind].hashes)

    def contains(self, kind: str, hashes: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Whether the index has each hash value, kept ones only; same shape."""
        first, stop = self._tables[kind].ranks(hashes)
        return stop > first

    def measure(
        self, piece: Score | Grid, quarters: tuple[float, float] | None = None
    ) -> dict[str, Copied]:
        """Look a piece up.

        Parameters
        ----------
        piece : Score or np.ndarray, shape (T, V)
        quarters : (float, float), optional
            Only patterns with a note between these two times of the piece.

        Returns
        -------
        dict of str to Copied
            For each of `kinds`.

        Raises
        ------
        ConfigError
            If the piece is a grid and the index tells repeated notes from held ones.
        ScoreError
            If it has no notes.
        """
        found = {}
        for kind in self.kinds:
            patterns = patterns_of(kind, piece, self.merge_repeats)
            chosen = patterns.hashes % self.keep == 0
            if quarters is not None:
                first, last = (time * UNITS_PER_QUARTER for time in quarters)
                chosen &= (patterns.lasts >= first) & (patterns.onsets < last)
            found[kind] = self._copied(kind, patterns, np.flatnonzero(chosen))
        return found

    def _copied(self, kind: str, patterns: Patterns, kept: NDArray[np.int64]) -> Copied:
        table = self._tables[kind]
        first, stop = table.ranks(patterns.hashes[kept])
        found = stop > first
        if not found.any():
            return Copied(len(kept), 0.0, 0, 0.0, 0.0, -1, "")
        begin, end, place = _longest_run(
            patterns.places[kept], patterns.lines[kept], first, stop, table
        )
        start, last = kept[begin], kept[end]
        onset, until = int(patterns.onsets[start]), int(patterns.lasts[last])
        length = int(patterns.places[last] - patterns.places[start])
        length += PATTERN_NOTES if kind == "notes" else PATTERN_ROWS
        source = int(np.searchsorted(table.starts, place, side="right")) - 1
        return Copied(
            n_patterns=len(kept),
            share=float(found.mean()),
            longest=length,
            longest_quarters=(until - onset) / UNITS_PER_QUARTER,
            at_quarter=onset / UNITS_PER_QUARTER,
            voice=int(patterns.lines[start]) if kind == "notes" else -1,
            source=self.sources[source],
        )

    def with_reference(self, pieces: Iterable[Score | Grid]) -> CopyIndex:
        """The same index with the figures of pieces that are not in it."""
        return CopyIndex(
            self.name,
            self.sources,
            self._tables,
            merge_repeats=self.merge_repeats,
            keep=self.keep,
            reference=reference_figures([self.measure(piece) for piece in pieces]),
        )

    def record(
        self, piece: Score | Grid, quarters: tuple[float, float] | None = None
    ) -> dict[str, Any]:
        """Plain values for provenance.json: the piece's figures beside the reference's."""
        measured = self.measure(piece, quarters)
        figures = {kind: asdict(copied) for kind, copied in measured.items()}
        return {"corpus": self.name, "piece": figures, "held_out_pieces": self.reference}

    def to_bytes(self) -> bytes:
        """The index as a compressed .npz; the same index gives the same bytes."""
        about = {
            "format": _FORMAT,
            "name": self.name,
            "kinds": self.kinds,
            "sources": self.sources,
            "merge_repeats": self.merge_repeats,
            "keep": self.keep,
            "reference": self.reference,
        }
        arrays: dict[str, NDArray[Any]] = {
            "about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
        }
        for kind, table in self._tables.items():
            arrays[f"{kind}_hashes"] = table.hashes.astype("<u4")
            # Mostly ones, which take next to no room once compressed.
            arrays[f"{kind}_steps"] = np.diff(table.places, prepend=0).astype("<u4")
            arrays[f"{kind}_starts"] = table.starts.astype("<u4")
        stream = io.BytesIO()
        np.savez_compressed(stream, allow_pickle=False, **arrays)
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "index") -> CopyIndex:
        """Read what `to_bytes` wrote.

        Raises
        ------
        FormatError
            If it is something else.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                about = json.loads(arrays["about"].tobytes())
                if about["format"] != _FORMAT:
                    raise FormatError(f"{where}: format must be {_FORMAT}, got {about['format']!r}")
                tables = {
                    kind: _Table(
                        arrays[f"{kind}_hashes"].astype(np.uint32),
                        np.cumsum(arrays[f"{kind}_steps"].astype(np.int64)),
                        arrays[f"{kind}_starts"].astype(np.int64),
                    )
                    for kind in about["kinds"]
                }
            return cls(
                about["name"],
                about["sources"],
                tables,
                merge_repeats=about["merge_repeats"],
                keep=about["keep"],
                reference=about["reference"],
            )
        except FormatError:
            raise
        except Exception as error:  # zipfile, NumPy and JSON each have errors of their own
            raise FormatError(f"{where}: must be an index of patterns: {error}") from None

    def save(self, path: str | Path) -> None:
        """Write `to_bytes` to a file."""
        Path(path).write_bytes(self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> CopyIndex:
        """Read a file that `save` wrote; FormatError where it is none."""
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise FormatError(f"{path}: cannot be read: {error.strerror}") from None
        return cls.from_bytes(data, str(path))


def reference_figures(measured: Sequence[Mapping[str, Copied]]) -> dict[str, Any]:
    """Mean, median, 95th percentile and maximum over pieces, for each kind and figure.

    Raises
    ------
    ConfigError
        If there is no piece.
    """
    if not measured:
        raise ConfigError("reference_figures must be given pieces, got none")
    result: dict[str, Any] = {"pieces": len(measured)}
    for kind in measured[0]:
        result[kind] = {}
        for name in ("share", "longest", "longest_quarters"):
            values = np.array([getattr(piece[kind], name) for piece in measured], dtype=float)
            result[kind][name] = {
                "mean": round(float(values.mean()), 4),
                "median": round(float(np.median(values)), 4),
                "p95": round(float(np.percentile(values, 95)), 4),
                "max": round(float(values.max()), 4),
            }
    return result


def _join(pieces: Sequence[Patterns], keep: int) -> _Table:
    """One table of many pieces, whose places do not touch."""
    hashes, places, starts = [], [], []
    offset = 0
    for piece in pieces:
        starts.append(offset)
        chosen = piece.hashes % keep == 0
        hashes.append(piece.hashes[chosen])
        places.append(piece.places[chosen] + offset)
        offset += (int(piece.places[-1]) if len(piece.places) else 0) + GAP
    return _Table(np.concatenate(hashes), np.concatenate(places), np.array(starts, dtype=np.int64))


def _longest_run(
    places: NDArray[np.int64],
    lines: NDArray[np.int64],
    first: NDArray[np.int64],
    stop: NDArray[np.int64],
    table: _Table,
) -> tuple[int, int, int]:
    """Longest stretch of patterns that agree with one stretch of the table.

    ``places`` and ``lines`` are those of the patterns looked up, ``first`` and ``stop`` their
    ranks in the table. Returns the first and the last pattern of the run and the place in the
    table where it begins. Of equally long ones the earliest in the piece counts.
    """
    n_found = stop - first
    query = np.repeat(np.arange(len(places)), n_found)
    within = np.arange(len(query)) - np.repeat(np.cumsum(n_found) - n_found, n_found)
    target = table.places[table.order[np.repeat(first, n_found) + within]]
    # Pairs of one run lie on one diagonal, one looked-up pattern after the other.
    diagonal = target - places[query]
    order = np.lexsort((query, diagonal))
    query, diagonal = query[order], diagonal[order]
    breaks = (np.diff(diagonal) != 0) | (np.diff(query) != 1) | (np.diff(lines[query]) != 0)
    begins = np.flatnonzero(np.append(True, breaks))
    ends = np.append(begins[1:] - 1, len(query) - 1)
    length = places[query[ends]] - places[query[begins]]
    best = int(np.lexsort((query[begins], -length))[0])
    begin, end = int(query[begins[best]]), int(query[ends[best]])
    return begin, end, int(places[begin] + diagonal[begins[best]])
