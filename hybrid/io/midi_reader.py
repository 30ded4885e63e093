"""Standard MIDI File -> Score; see `hybrid.io.midi` for what is kept."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import FormatError, ScoreError
from hybrid.core.pitch import NO_SPELLING, Key
from hybrid.core.score import (
    BEND_DTYPE,
    CONTROL_DTYPE,
    NOTE_DTYPE,
    PROGRAM_DTYPE,
    KeySignature,
    Lyric,
    Marker,
    Score,
    Track,
)
from hybrid.core.timeline import Metre, Tempo
from hybrid.io import midi_bytes as wire
from hybrid.io import midi_text
from hybrid.io.reading import Losses, Reading, count_of, decode_text

DRUM_CHANNEL = 9
ZeroLength = Literal["error", "drop"]

#: Meta events that a Score has no place for, by type.
_UNKEPT_METAS = {
    wire.COPYRIGHT: ("copyright notice", ""),
    wire.INSTRUMENT_NAME: ("instrument name", ""),
    wire.CUE: ("cue point", ""),
    0x08: ("program name", ""),
    0x09: ("device name", ""),
    0x7F: ("sequencer's own event", "sequencer's own events"),
}
#: Meta events that say nothing about the music: sequence number, channel prefix, SMPTE start.
_SILENT_METAS = {0x00, 0x20, wire.PORT, 0x54}


def midi_to_score(data: bytes, zero_length: ZeroLength = "error") -> Reading:
    """`hybrid.io.midi.read_midi` on bytes."""
    return _Reader(wire.parse(data), zero_length).read()


class _Reader:
    """Collects what the chunks of one file say."""

    def __init__(self, raw: wire.RawFile, zero_length: ZeroLength) -> None:
        self.raw = raw
        self.zero_length = zero_length
        self.losses = Losses()
        self.tempos: dict[int, float] = {}
        self.metres: dict[int, Metre] = {}
        self.keys: dict[int, Key] = {}
        self.named_keys: dict[int, Key] = {}
        self.markers: list[Marker] = []
        self.title = self.composer = ""
        self.pickup: tuple[Fraction, Metre] | None = None
        #: (port, channel) -> program changes (tick, program) of all chunks.
        self.programs: dict[tuple[int, int], list[tuple[int, int]]] = {}

    def read(self) -> Reading:
        raw = self.raw
        offsets = self._offsets()
        placed = list(zip(raw.tracks, offsets, strict=True))
        for track, offset in placed:
            self._collect_programs(track, offset)
        tracks: list[Track] = []
        for number, (track, offset) in enumerate(placed, start=1):
            tracks += self._tracks_of(track, number, offset)
            self.losses.add(track.n_sysex, "system exclusive event", "a score has no place for it")
            if not track.has_end:
                self.losses.say(f"track {number} has no end-of-track event: taken as ending there")
        self.losses.add(raw.n_foreign_chunks, "chunk of an unknown type", "skipped")
        end = max((offset + track.end for track, offset in placed), default=0)
        score = self._score(tuple(tracks), end)
        return Reading(score, self.losses.lines())

    def _offsets(self) -> list[int]:
        """Where each chunk begins: all at 0, except for the patterns of format 2."""
        tracks = self.raw.tracks
        if self.raw.file_format != 2 or len(tracks) < 2:
            return [0] * len(tracks)
        self.losses.say(
            f"format 2: its {len(tracks)} independent patterns are laid one after another"
        )
        ends = np.cumsum([0, *(track.end for track in tracks)])
        return [int(end) for end in ends[:-1]]

    # Whole file -------------------------------------------------------------------------

    def _score(self, tracks: tuple[Track, ...], end: int) -> Score:
        quarter = self.raw.ticks_per_quarter
        tempos = {0: 120.0, **self.tempos}
        metres = {0: Metre(0, 4, 4), **self.metres}
        pickup_ticks = 0
        if self.pickup is not None:
            quarters, metre = self.pickup
            ticks = quarters * quarter
            if ticks.denominator == 1:
                pickup_ticks = int(ticks)
                # The short bar that stands for the pickup gives way to the metre it is cut from.
                metres[0] = metre
                if pickup_ticks in metres and metres[pickup_ticks].name == metre.name:
                    del metres[pickup_ticks]
        keys = dict(self.keys)
        for tick, key in self.named_keys.items():
            if tick in keys:
                keys[tick] = key
        last = max((track.end for track in tracks), default=0)
        # Many programs end a track a tick or so behind its last note; that is no silence.
        length = end if end - last > max(1, quarter // 16) else last
        return Score(
            tracks=tracks,
            ticks_per_quarter=quarter,
            tempos=tuple(Tempo(tick, qpm) for tick, qpm in sorted(tempos.items())),
            metres=tuple(
                Metre(tick, metre.numerator, metre.denominator)
                for tick, metre in sorted(metres.items())
            ),
            keys=tuple(KeySignature(tick, key) for tick, key in sorted(keys.items())),
            markers=tuple(sorted(self.markers, key=lambda marker: marker.tick)),
            pickup_ticks=pickup_ticks,
            title=self.title,
            composer=self.composer,
            length=length,
        )

    def _collect_programs(self, track: wire.RawTrack, offset: int) -> None:
        port = _port(track)
        for at in np.flatnonzero(track.status >> 4 == 0xC).tolist():
            channel = int(track.status[at]) & 0xF
            change = (offset + int(track.ticks[at]), int(track.data1[at]))
            self.programs.setdefault((port, channel), []).append(change)

    # One chunk --------------------------------------------------------------------------

    def _tracks_of(self, raw: wire.RawTrack, number: int, offset: int) -> list[Track]:
        name, lyrics = self._read_metas(raw, number, offset)
        channels = _in_order_of_appearance(raw.status & 0xF)
        is_first = number == 1
        if not channels:
            if lyrics:
                return [Track(name=name, notes=np.empty(0, NOTE_DTYPE), lyrics=lyrics)]
            if is_first or (self.raw.file_format == 2 and not self.title):
                self.title = self.title or name
            elif name:
                self.losses.say(f"track {number} {name!r} has neither notes nor lyrics: left out")
            return []
        if self.raw.file_format == 0 and name:
            # The only chunk's name is the sequence's (RP-001, "Sequence/Track Name").
            self.title = name
        tracks = []
        for channel in channels:
            label = name
            if len(channels) > 1:
                label = f"{name} channel {channel + 1}".strip()
            with_lyrics = lyrics if channel == channels[0] else ()
            tracks.append(self._track(raw, number, channel, offset, label, with_lyrics))
        return tracks

    def _track(
        self,
        raw: wire.RawTrack,
        number: int,
        channel: int,
        offset: int,
        name: str,
        lyrics: tuple[Lyric, ...],
    ) -> Track:
        mine = raw.status & 0xF == channel
        kind, ticks = raw.status[mine] >> 4, raw.ticks[mine] + offset
        data1, data2 = raw.data1[mine], raw.data2[mine]
        notes = self._notes(
            kind, ticks, data1, data2, f"track {number}, channel {channel + 1}", raw.end + offset
        )
        first_note = int(notes["onset"].min()) if len(notes) else None
        program, changes = self._programs(kind, ticks, data1, (_port(raw), channel), first_note)
        control, bend = kind == 0xB, kind == 0xE
        controls = np.empty(int(control.sum()), dtype=CONTROL_DTYPE)
        controls["tick"], controls["number"] = ticks[control], data1[control]
        controls["value"] = data2[control]
        bends = np.empty(int(bend.sum()), dtype=BEND_DTYPE)
        bends["tick"] = ticks[bend]
        bends["value"] = (data1[bend] | data2[bend] << 7) - 8192
        why = "a score has no place for it"
        self.losses.add(int((kind == 0xA).sum()), "key pressure event", why)
        self.losses.add(int((kind == 0xD).sum()), "channel pressure event", why)
        return Track(
            name=name,
            notes=notes,
            program=program,
            is_drum=channel == DRUM_CHANNEL,
            midi_channel=channel,
            controls=controls,
            bends=bends,
            programs=changes,
            lyrics=lyrics,
        )

    def _programs(
        self,
        kind: NDArray[np.int64],
        ticks: NDArray[np.int64],
        data1: NDArray[np.int64],
        channel: tuple[int, int],
        first_note: int | None,
    ) -> tuple[int, NDArray[Any]]:
        """The program at the first note, and the changes after the first one."""
        own = np.flatnonzero(kind == 0xC)
        changes = np.empty(len(own), dtype=PROGRAM_DTYPE)
        changes["tick"], changes["program"] = ticks[own], data1[own]
        if len(own) and (first_note is None or ticks[own[0]] <= first_note):
            return int(changes["program"][0]), changes[1:]
        # A channel's program holds for every chunk that plays on it.
        program = 0
        for tick, value in sorted(self.programs.get(channel, ()), key=lambda item: item[0]):
            if first_note is not None and tick <= first_note:
                program = value
        return program, changes

    def _notes(
        self,
        kind: NDArray[np.int64],
        ticks: NDArray[np.int64],
        pitches: NDArray[np.int64],
        velocities: NDArray[np.int64],
        where: str,
        end: int,
    ) -> NDArray[Any]:
        """Notes from note-on and note-off events: first on, first off, for each pitch."""
        begins = (kind == 0x9) & (velocities > 0)
        stops = (kind == 0x8) | ((kind == 0x9) & (velocities == 0))
        release = velocities[kind == 0x8]
        self.losses.add(
            int(((release != 0) & (release != 64)).sum()),
            "release velocity",
            "a score has no place for it",
            "release velocities",
        )
        both = np.flatnonzero(begins | stops)
        order = both[np.argsort(pitches[both], kind="stable")]
        is_begin = begins[order]
        stray = _stray_offs(pitches[order], is_begin)
        self.losses.add(int(stray.sum()), "note-off without a note", "skipped", "stray note-offs")
        on, off = order[is_begin], order[~is_begin & ~stray]
        # The k-th note-on of a pitch belongs to its k-th note-off.
        n_on = np.bincount(pitches[on], minlength=128)
        n_off = np.bincount(pitches[off], minlength=128)
        rank = np.arange(len(on)) - (np.cumsum(n_on) - n_on)[pitches[on]]
        closed = rank < n_off[pitches[on]]
        partner = (np.cumsum(n_off) - n_off)[pitches[on]] + rank
        ends = np.full(len(on), end, dtype=np.int64)
        ends[closed] = ticks[off[partner[closed]]]
        notes = np.empty(len(on), dtype=NOTE_DTYPE)
        notes["onset"], notes["duration"] = ticks[on], ends - ticks[on]
        notes["pitch"], notes["velocity"] = pitches[on], velocities[on]
        notes["voice"], notes["spelling"] = 0, NO_SPELLING
        if not closed.all():
            at = int(np.argmin(closed))
            self.losses.say(
                f"{count_of(int((~closed).sum()), 'note')} without a note-off, ended with the "
                f"track ({where}, first at tick {notes['onset'][at]}, pitch {notes['pitch'][at]})"
            )
            notes = notes[closed | (notes["duration"] > 0)]
        return self._without_zero_length(notes, where)

    def _without_zero_length(self, notes: NDArray[Any], where: str) -> NDArray[Any]:
        empty = notes["duration"] == 0
        if not empty.any():
            return notes
        at = int(np.argmax(empty))
        place = f"{where}, tick {notes['onset'][at]}, pitch {notes['pitch'][at]}"
        number = int(empty.sum())
        if self.zero_length == "error":
            raise FormatError(
                f"a note must have a duration of 1 tick or more, got 0 ({place}"
                f"{f'; {number} such notes in it' if number > 1 else ''})"
            )
        self.losses.say(f"{count_of(number, 'note')} of no length left out (first: {place})")
        kept: NDArray[Any] = notes[~empty]
        return kept

    # Meta events ------------------------------------------------------------------------

    def _read_metas(
        self, raw: wire.RawTrack, number: int, offset: int
    ) -> tuple[str, tuple[Lyric, ...]]:
        name = ""
        lyrics: list[Lyric] = []
        for event in raw.metas:
            tick, kind, data = event.tick + offset, event.kind, event.data
            where = f"track {number}, tick {tick}"
            if kind in (wire.TEMPO, wire.TIME_SIGNATURE, wire.KEY_SIGNATURE):
                try:
                    self._read_signature(tick, kind, data)
                except ScoreError as error:
                    raise FormatError(f"{error} ({where})") from None
            elif kind == wire.TRACK_NAME:
                name = name or decode_text(data)
            elif kind == wire.LYRIC:
                lyrics.append(Lyric(tick, decode_text(data)))
            elif kind == wire.MARKER:
                self.markers.append(Marker(tick, decode_text(data)))
            elif kind == wire.TEXT:
                self._read_text(tick, decode_text(data))
            elif kind not in _SILENT_METAS:
                singular, plural = _UNKEPT_METAS.get(kind, (f"meta event {kind:#04x}", ""))
                self.losses.add(1, singular, "a score has no place for it", plural)
        return name, tuple(lyrics)

    def _read_signature(self, tick: int, kind: int, data: bytes) -> None:
        if kind == wire.TEMPO:
            self.tempos[tick] = _qpm(data)
        elif kind == wire.TIME_SIGNATURE:
            self.metres[tick] = Metre(tick, data[0], 2 ** min(data[1], 16))
        else:
            self.keys[tick] = _key(data)

    def _read_text(self, tick: int, text: str) -> None:
        composer = midi_text.parse_composer(text)
        pickup = midi_text.parse_pickup(text)
        key = midi_text.parse_key(text)
        if composer is not None:
            self.composer = composer
        elif pickup is not None and tick == 0:
            self.pickup = pickup
        elif key is not None:
            self.named_keys[tick] = key
        else:
            self.losses.add(1, "text event", "a score has no place for it")


def _qpm(data: bytes) -> float:
    """Quarters a minute: the shortest decimal that is written back as the same bytes."""
    microseconds = int.from_bytes(data[:3], "big")
    if not 60_000 <= microseconds <= 60_000_000:
        raise ScoreError(
            f"a tempo must be in 60000..60000000 microseconds a quarter, got {microseconds}"
        )
    exact = 60e6 / microseconds
    for digits in range(7):
        rounded = round(exact, digits)
        if rounded >= 1 and round(60e6 / rounded) == microseconds:
            return rounded
    return exact


def _key(data: bytes) -> Key:
    fifths = data[0] - 256 if data[0] > 127 else data[0]
    if not -7 <= fifths <= 7 or data[1] > 1:
        raise ScoreError(
            f"a key signature must have -7..7 sharps and mode 0 or 1, got {fifths} and {data[1]}"
        )
    return Key.from_fifths(fifths, "minor" if data[1] else "major")


def _port(track: wire.RawTrack) -> int:
    for event in track.metas:
        if event.kind == wire.PORT:
            return event.data[0]
    return 0


def _in_order_of_appearance(values: NDArray[np.int64]) -> list[int]:
    found, first = np.unique(values, return_index=True)
    return [int(value) for value in found[np.argsort(first)]]


def _stray_offs(pitches: NDArray[np.int64], is_begin: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Note-offs with no note of their pitch open; events are grouped by pitch.

    An off is stray exactly where the count of open notes (on +1, off -1, from 0) falls to a
    new minimum below 0. Each pitch starts far below the one before, so that one running
    minimum serves all.
    """
    if not len(pitches):
        return np.zeros(0, dtype=bool)
    total = np.cumsum(np.where(is_begin, 1, -1))
    starts = np.flatnonzero(np.diff(pitches, prepend=-1))
    lengths = np.diff(np.append(starts, len(pitches)))
    before = np.where(starts > 0, total[starts - 1], 0)
    level = total - np.repeat(before, lengths)  # 0 before each group
    base = -2 * len(pitches) * np.repeat(np.arange(len(starts)), lengths)
    lowest = np.minimum.accumulate(np.minimum(level, 0) + base)
    earlier = np.concatenate([[0], lowest[:-1]])
    earlier[starts] = base[starts]
    return np.asarray(~is_begin & (level + base < earlier))
