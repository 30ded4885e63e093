"""What a repair leaves behind: which notes changed, and why, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hybrid.core.pitch import pitch_name
from hybrid.core.score import Score
from hybrid.core.trace import Trace, TraceEntry
from hybrid.repair.failures import Failure
from hybrid.repair.judge import Identity, Verdict

#: A note: track's index, onset, end, pitch, spelling.
PlacedNote = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class Change:
    """Notes of one track that stand in for others.

    Attributes
    ----------
    track : str
    bar, tick : int
        As printed, and on the score's ticks.
    before, after : tuple of str
        Names of pitches, with lengths in quarters where those change; empty where nothing
        began.
    """

    track: str
    bar: int
    tick: int
    before: tuple[str, ...]
    after: tuple[str, ...]

    def __str__(self) -> str:
        was, now = (" ".join(names) or "rest" for names in (self.before, self.after))
        return f"{self.track} bar {self.bar}: {was} -> {now}"


@dataclass(frozen=True, eq=False)
class Repair:
    """One try to mend a place.

    Attributes
    ----------
    failure : Failure
    maker : str
        ``nudge``, or the engine that wrote the bars; empty where nothing was found.
    bars : (int, int)
        The plan's bars that could be written anew.
    voices : tuple of str
        Empty for all.
    n_candidates : int
        Tried, all makers together.
    refused : tuple of str
        Why engines gave none, and why the best of those that were tried was not taken.
    before, after : Verdict
        Of the passage; ``after`` is None where it could not be mended.
    changes : tuple of Change
    old, new : tuple of PlacedNote
        Notes that went, and that came.
    score : Score or None
        After it.
    """

    failure: Failure
    maker: str
    bars: tuple[int, int]
    voices: tuple[str, ...]
    n_candidates: int
    refused: tuple[str, ...]
    before: Verdict
    after: Verdict | None = None
    changes: tuple[Change, ...] = ()
    old: tuple[PlacedNote, ...] = ()
    new: tuple[PlacedNote, ...] = ()
    score: Score | None = None

    @property
    def is_mended(self) -> bool:
        return self.after is not None

    @property
    def n_changed(self) -> int:
        """Notes that changed: those that went or those that came, whichever are more."""
        return max(len(self.old), len(self.new))

    def __str__(self) -> str:
        if not self.is_mended:
            return f"not mended: {self.failure.message}"
        shown = "; ".join(str(change) for change in self.changes[:4])
        more = f"; {len(self.changes) - 4} more" if len(self.changes) > 4 else ""
        return f"{self.failure.message}; by {self.maker}: {shown}{more}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        after = self.after or self.before
        return {
            "mended": self.is_mended,
            "kind": self.failure.kind,
            "name": self.failure.name,
            "reason": self.failure.message,
            "tick": self.failure.tick,
            "bars": list(self.bars),
            "voices": list(self.voices),
            "maker": self.maker,
            "candidates": self.n_candidates,
            "refused": list(self.refused),
            "before": self.before.to_dict(),
            "after": self.after.to_dict() if self.after else None,
            "gone": _named(self.before.everything - after.everything),
            "new": _named(after.everything - self.before.everything),
            "notes_changed": self.n_changed,
            "changes": [str(change) for change in self.changes],
        }


def _named(identities: frozenset[Identity]) -> list[str]:
    return [
        f"{name} at tick {tick}" + (f" ({', '.join(voices)})" if voices else "")
        for _, name, tick, voices in sorted(identities, key=lambda item: (item[2], item[:2]))
    ]


def compare_notes(
    before: Score, after: Score
) -> tuple[tuple[PlacedNote, ...], tuple[PlacedNote, ...], tuple[Change, ...]]:
    """Notes that are only in one of two scores with the same tracks, and the changes they make."""
    gone: list[PlacedNote] = []
    come: list[PlacedNote] = []
    changes: list[Change] = []
    for index, (old, new) in enumerate(zip(before.tracks, after.tracks, strict=True)):
        if old is new:
            continue
        was, now = _rows(old.notes), _rows(new.notes)
        left, added = sorted(was - now), sorted(now - was)
        gone += [(index, *row) for row in left]
        come += [(index, *row) for row in added]
        quarter = after.ticks_per_quarter
        for tick in sorted({row[0] for row in (*left, *added)}):
            was_here = [row for row in left if row[0] == tick]
            now_here = [row for row in added if row[0] == tick]
            lengths = {row[1] for row in was_here} != {row[1] for row in now_here}
            changes.append(
                Change(
                    old.name,
                    after.bar_at(tick).number,
                    tick,
                    _names(was_here, quarter, lengths),
                    _names(now_here, quarter, lengths),
                )
            )
    changes.sort(key=lambda change: (change.tick, change.track))
    return tuple(gone), tuple(come), tuple(changes)


def _names(
    rows: Sequence[tuple[int, int, int, int]], quarter: int, with_lengths: bool
) -> tuple[str, ...]:
    """Pitches of notes; with their lengths in quarters, as in ``C4:1.5``, where those change."""
    return tuple(
        pitch_name(row[2], row[3]) + (f":{(row[1] - row[0]) / quarter:.4g}" if with_lengths else "")
        for row in rows
    )


def _rows(notes: Any) -> set[tuple[int, int, int, int]]:
    ends = (notes["onset"] + notes["duration"]).tolist()
    return set(
        zip(
            notes["onset"].tolist(),
            ends,
            notes["pitch"].tolist(),
            notes["spelling"].tolist(),
            strict=True,
        )
    )


def mended_trace(trace: Trace, repairs: Sequence[Repair], remarks: Sequence[str]) -> Trace:
    """The trace with repairs: notes that went are out, those that came lead to their repair."""
    entries = list(trace.entries)
    for repair in repairs:
        if not repair.is_mended or repair.score is None:
            continue
        names = [track.name for track in repair.score.tracks]
        dead = {(names[row[0]], row[1], row[3]) for row in repair.old}
        entries = _without(entries, dead)
        parent = len(entries)
        entries.append(
            TraceEntry(
                "repair",
                f"repair:{repair.maker}",
                str(repair),
                bar=repair.bars[0],
                tick=repair.failure.tick,
                rejected=repair.refused,
            )
        )
        for track, onset, _, pitch, spelling in repair.new:
            entries.append(
                TraceEntry(
                    "note",
                    f"repair:{repair.maker}",
                    pitch_name(pitch, spelling),
                    bar=repair.score.bar_at(onset).number,
                    tick=onset,
                    track=names[track],
                    pitch=pitch,
                    parent=parent,
                )
            )
    for repair in repairs:
        if not repair.is_mended:
            entries.append(
                TraceEntry(
                    "repair",
                    "repair",
                    str(repair),
                    bar=repair.bars[0],
                    tick=repair.failure.tick,
                    rejected=repair.refused,
                )
            )
    entries += [TraceEntry("remark", "analyser", remark) for remark in remarks]
    counts = dict(trace.counts)
    if repairs:
        counts["repairs"] = sum(repair.is_mended for repair in repairs)
        counts["not mended"] = sum(not repair.is_mended for repair in repairs)
        counts["candidates for repairs"] = sum(repair.n_candidates for repair in repairs)
    records = tuple(repair.to_dict() for repair in repairs)
    return Trace(tuple(entries), counts, trace.repairs + records)


def _without(entries: Sequence[TraceEntry], dead: set[tuple[str, int, int]]) -> list[TraceEntry]:
    """The entries without those of notes that are gone; parents follow."""
    kept: list[TraceEntry] = []
    moved: dict[int, int] = {}
    for index, entry in enumerate(entries):
        if entry.kind == "note" and (entry.track, entry.tick, entry.pitch) in dead:
            continue
        moved[index] = len(kept)
        kept.append(entry)
    return [
        entry if entry.parent is None else replace(entry, parent=moved.get(entry.parent))
        for entry in kept
    ]
