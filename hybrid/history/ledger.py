"""Notes and, beside each, the decision that made it: what every exhibit writes into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hybrid.core.errors import ScoreError
from hybrid.core.pitch import NO_SPELLING
from hybrid.core.score import Articulation, Grace, Score, Track, make_notes
from hybrid.core.timeline import Metre, Tempo
from hybrid.core.trace import Trace, TraceEntry


class Ledger:
    """Collects notes and decisions, then gives a `Score` and a `Trace`.

    Examples
    --------
    >>> ledger = Ledger()
    >>> ledger.track("flute", program=73)
    >>> roll = ledger.decide("roll", "dice", "3 + 4 = 7", tick=0)
    >>> _ = ledger.note("flute", 0, 480, 72, maker="dice", choice="bar 104", parent=roll)
    >>> score, trace = ledger.close(title="One note")
    >>> score.n_notes, trace.entries[1].parent
    (1, 0)
    """

    def __init__(self) -> None:
        self._tracks: dict[str, dict[str, Any]] = {}
        self._notes: dict[str, list[tuple[int, ...]]] = {}
        self._marks: dict[str, list[Articulation]] = {}
        self._graces: dict[str, list[Grace]] = {}
        self._entries: list[TraceEntry] = []

    def track(self, name: str, program: int = 0, **more: Any) -> None:
        """Add a part; ``more`` are fields of `Track` (``is_drum``, ``clef``)."""
        if name in self._tracks:
            raise ScoreError(f"a track's name must be new, got {name!r} again")
        self._tracks[name] = {"program": program, **more}
        self._notes[name] = []
        self._marks[name] = []
        self._graces[name] = []

    @property
    def tracks(self) -> tuple[str, ...]:
        """Names of the parts so far."""
        return tuple(self._tracks)

    def change(self, name: str, **fields: Any) -> None:
        """Set further fields of a `Track`, such as ``programs`` or ``controls``, before closing."""
        self._tracks[name].update(fields)

    def decide(
        self,
        kind: str,
        maker: str,
        choice: str,
        *,
        tick: int | None = None,
        track: str | None = None,
        parent: int | None = None,
        probability: float | None = None,
        rejected: Sequence[str] = (),
    ) -> int:
        """Write down a decision that is not a note; its number serves as a parent."""
        self._entries.append(
            TraceEntry(
                kind,
                maker,
                choice,
                tick=tick,
                track=track,
                parent=parent,
                probability=probability,
                rejected=tuple(rejected),
            )
        )
        return len(self._entries) - 1

    def note(
        self,
        track: str,
        onset: int,
        duration: int,
        pitch: int,
        *,
        maker: str,
        choice: str,
        velocity: int = 80,
        voice: int = 1,
        spelling: int = NO_SPELLING,
        articulation: str = "",
        parent: int | None = None,
        probability: float | None = None,
        rejected: Sequence[str] = (),
    ) -> int:
        """Write a note (ticks, MIDI pitch) and the decision that made it."""
        self._notes[track].append((onset, duration, pitch, velocity, voice, spelling))
        if articulation:
            self._marks[track].append(Articulation(onset, pitch, articulation))
        self._entries.append(
            TraceEntry(
                "note",
                maker,
                choice,
                tick=onset,
                track=track,
                pitch=pitch,
                parent=parent,
                probability=probability,
                rejected=tuple(rejected),
            )
        )
        return len(self._entries) - 1

    def grace(self, track: str, tick: int, pitch: int, spelling: int, index: int = 0) -> None:
        """Write a grace note before what starts at ``tick``; it belongs to that note's decision."""
        self._graces[track].append(Grace(tick, pitch, index, 1, spelling))

    def articulate(self, track: str, tick: int, pitch: int, kind: str) -> None:
        """Put a further mark of `hybrid.core.score.ARTICULATIONS` on a note."""
        self._marks[track].append(Articulation(tick, pitch, kind))

    def close(
        self,
        *,
        title: str,
        qpm: float = 100.0,
        metre: str = "4/4",
        counts: dict[str, int] | None = None,
        **more: Any,
    ) -> tuple[Score, Trace]:
        """The score and the trace.

        Parameters
        ----------
        title : str
        qpm : float
            Quarters a minute.
        metre : str
        counts : dict, optional
            Figures of the whole run, such as notes tried and rejected.
        **more
            Further fields of `Score`: ``keys``, ``markers``, ``tempos`` (then ``qpm`` is not
            used), ``length``.
        """
        fields = {
            "tempos": (Tempo(0, qpm),),
            "metres": (Metre.parse(metre),),
            "title": title,
            **more,
        }
        tracks = tuple(
            Track(
                name,
                make_notes(self._notes[name]),
                articulations=tuple(sorted(self._marks[name])),
                graces=tuple(sorted(self._graces[name])),
                **kind,
            )
            for name, kind in self._tracks.items()
        )
        score = Score(tracks, **fields)
        entries = tuple(
            entry if entry.tick is None else replace(entry, bar=score.bar_at(entry.tick).number)
            for entry in self._entries
        )
        return score, Trace(entries, dict(counts or {}))
