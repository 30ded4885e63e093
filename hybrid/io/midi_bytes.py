"""Standard MIDI Files as bytes: chunks and events, without musical meaning.

One pass over a track gives the channel events as NumPy arrays, so that what follows
(`hybrid.io.midi`) is vectorised: a million notes take seconds where libraries with an
object for each message take a quarter of a minute (benchmarks/midi_reading.py). Every
error names the track, the tick and the byte.

References
----------
MIDI Manufacturers Association (1996). Standard MIDI Files 1.0, RP-001.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import FormatError

NOTE_OFF, NOTE_ON, KEY_PRESSURE, CONTROL, PROGRAM, PRESSURE, BEND = range(0x80, 0xF0, 0x10)
#: Data bytes of each kind of channel event (status >> 4).
DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
META, SYSEX, ESCAPE = 0xFF, 0xF0, 0xF7
(TEXT, COPYRIGHT, TRACK_NAME, INSTRUMENT_NAME, LYRIC, MARKER, CUE) = range(0x01, 0x08)
PORT, END_OF_TRACK, TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 0x21, 0x2F, 0x51, 0x58, 0x59
MAX_DELTA = 2**28 - 1
#: Least body length of the meta events that carry numbers.
META_LENGTHS = {PORT: 1, TEMPO: 3, TIME_SIGNATURE: 2, KEY_SIGNATURE: 2}


@dataclass(frozen=True)
class MetaEvent:
    """A meta event: tick, type 0..127 and body."""

    tick: int
    kind: int
    data: bytes


@dataclass(frozen=True, eq=False)
class RawTrack:
    """The events of one MTrk chunk.

    Attributes
    ----------
    ticks, status, data1, data2 : np.ndarray, shape (n,), int64
        Channel events in the file's order: absolute tick, status byte with channel, data
        bytes (``data2`` is 0 where the event has one).
    metas : tuple of MetaEvent
        Without end of track.
    n_sysex : int
        System exclusive and escape events, which are skipped.
    end : int
        Tick of the end-of-track event, or of the last event where it is missing.
    has_end : bool
    """

    ticks: NDArray[np.int64]
    status: NDArray[np.int64]
    data1: NDArray[np.int64]
    data2: NDArray[np.int64]
    metas: tuple[MetaEvent, ...]
    n_sysex: int
    end: int
    has_end: bool


@dataclass(frozen=True, eq=False)
class RawFile:
    """Header and tracks of a Standard MIDI File."""

    file_format: int
    ticks_per_quarter: int
    tracks: tuple[RawTrack, ...]
    n_foreign_chunks: int = 0


def parse(data: bytes) -> RawFile:
    """Read a file's bytes.

    Raises
    ------
    FormatError
        If they are no Standard MIDI File, are cut short, or hold an event that cannot be.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        data = data[20:]
    if data[:4] != b"MThd":
        raise FormatError(f"a MIDI file must begin with 'MThd', got {data[:4]!r}")
    if len(data) < 14:
        raise FormatError(f"a MIDI header must have 14 bytes, got {len(data)}: the file is cut")
    header_length = int.from_bytes(data[4:8], "big")
    file_format = int.from_bytes(data[8:10], "big")
    n_tracks = int.from_bytes(data[10:12], "big")
    division = int.from_bytes(data[12:14], "big")
    if header_length < 6:
        raise FormatError(f"a MIDI header must hold 6 bytes or more, got {header_length}")
    if file_format > 2:
        raise FormatError(f"a MIDI file must be of format 0, 1 or 2, got {file_format}")
    if division & 0x8000:
        raise FormatError(
            "time division must be ticks per quarter, got SMPTE time of "
            f"{256 - (division >> 8)} frames a second"
        )
    if division == 0:
        raise FormatError("time division must be 1 tick per quarter or more, got 0")
    tracks: list[RawTrack] = []
    foreign = 0
    at = 8 + header_length
    while at + 8 <= len(data) and len(tracks) < n_tracks:
        kind = data[at : at + 4]
        length = int.from_bytes(data[at + 4 : at + 8], "big")
        start, at = at + 8, at + 8 + length
        if kind != b"MTrk":
            foreign += 1
            continue
        number = len(tracks) + 1
        if at > len(data):
            raise FormatError(
                f"track {number} must have {length} bytes, got {len(data) - start}: the file is cut"
            )
        tracks.append(_parse_track(data, start, at, number))
    if len(tracks) < n_tracks:
        raise FormatError(f"the header names {n_tracks} tracks, got {len(tracks)}: the file is cut")
    return RawFile(file_format, division, tuple(tracks), foreign)


def _parse_track(data: bytes, at: int, stop: int, number: int) -> RawTrack:
    """Scan one chunk; the loop is plain Python and touches each byte once."""
    ticks = array("q")
    packed = array("q")  # status << 16 | data1 << 8 | data2
    metas: list[MetaEvent] = []
    add_tick, add_event = ticks.append, packed.append
    tick = n_sysex = status = 0
    has_end = False
    begin = at
    try:
        while at < stop:
            begin = at
            byte = data[at]
            at += 1
            if byte < 0x80:
                tick += byte
            else:
                delta = byte & 0x7F
                while True:
                    byte = data[at]
                    at += 1
                    delta = delta << 7 | byte & 0x7F
                    if byte < 0x80:
                        break
                    if at - begin >= 4:
                        raise _error("a delta time must have at most 4 bytes", number, tick, begin)
                tick += delta
            byte = data[at]
            if byte < 0x80:
                if not status:
                    raise _error(
                        f"an event must begin with a status byte, got {byte}", number, tick, at
                    )
            elif byte < 0xF0:
                status = byte
                at += 1
            elif byte == META:
                kind = data[at + 1]
                length, body = _read_length(data, at + 2, number, tick)
                at = body + length
                if at > stop:
                    break
                if kind == END_OF_TRACK:
                    has_end = True
                    break
                if length < META_LENGTHS.get(kind, 0):
                    raise _error(
                        f"meta event {kind:#04x} must have {META_LENGTHS[kind]} bytes or more, "
                        f"got {length}",
                        number,
                        tick,
                        body,
                    )
                metas.append(MetaEvent(tick, kind, data[body:at]))
                continue
            elif byte in (SYSEX, ESCAPE):
                length, body = _read_length(data, at + 1, number, tick)
                at = body + length
                n_sysex += 1
                continue
            else:
                raise _error(f"status byte {byte:#04x} must not stand in a file", number, tick, at)
            first = data[at]
            if 0xC0 <= status < 0xE0:
                second = 0
                at += 1
            else:
                second = data[at + 1]
                at += 2
            if first > 127 or second > 127:
                raise _error(
                    f"a data byte must be in 0..127, got {first if first > 127 else second}",
                    number,
                    tick,
                    at - 1 if first <= 127 else begin,
                )
            add_tick(tick)
            add_event(status << 16 | first << 8 | second)
    except IndexError:
        at = stop + 1
    if at > stop:
        raise _error("the last event runs past the end of its track", number, tick, begin)
    events = np.frombuffer(packed, dtype=np.int64)
    return RawTrack(
        ticks=np.frombuffer(ticks, dtype=np.int64),
        status=events >> 16,
        data1=events >> 8 & 0xFF,
        data2=events & 0xFF,
        metas=tuple(metas),
        n_sysex=n_sysex,
        end=tick,
        has_end=has_end,
    )


def _read_length(data: bytes, at: int, number: int, tick: int) -> tuple[int, int]:
    """A variable-length number and the place behind it."""
    value = 0
    for place in range(at, at + 4):
        byte = data[place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + 1
    raise _error("a length must have at most 4 bytes", number, tick, at)


def _error(rule: str, number: int, tick: int, at: int) -> FormatError:
    return FormatError(f"{rule} (track {number}, tick {tick}, byte {at})")


def build(ticks_per_quarter: int, tracks: Sequence[bytes], file_format: int = 1) -> bytes:
    """Header and MTrk chunks around the tracks' events."""
    parts = [
        b"MThd",
        (6).to_bytes(4, "big"),
        file_format.to_bytes(2, "big"),
        len(tracks).to_bytes(2, "big"),
        ticks_per_quarter.to_bytes(2, "big"),
    ]
    for body in tracks:
        parts += [b"MTrk", len(body).to_bytes(4, "big"), body]
    return b"".join(parts)


def meta(kind: int, data: bytes) -> bytes:
    """A meta event without its delta time."""
    return bytes((META, kind)) + encode_length(len(data)) + data


def encode_length(value: int) -> bytes:
    """A number as 1 to 4 bytes of 7 bits, most significant first.

    >>> encode_length(480).hex()
    '8360'
    """
    if not 0 <= value <= MAX_DELTA:
        raise FormatError(f"a MIDI file holds lengths of at most {MAX_DELTA}, got {value}")
    out = [value & 0x7F]
    while value > 0x7F:
        value >>= 7
        out.append(value & 0x7F | 0x80)
    return bytes(reversed(out))


def track_bytes(
    ticks: NDArray[Any],
    order: NDArray[Any],
    events: NDArray[Any],
    metas: Sequence[tuple[int, int, bytes]],
    end: int,
) -> bytes:
    """The body of an MTrk chunk.

    Parameters
    ----------
    ticks, order : np.ndarray, shape (n,), int64
        Absolute tick of each channel event, and its rank among those of one tick.
    events : np.ndarray, shape (n,), int64
        ``status << 16 | data1 << 8 | data2``.
    metas : sequence of (tick, order, bytes)
        Meta events, as `meta` makes them.
    end : int
        Tick of the end-of-track event.

    Raises
    ------
    FormatError
        If two events lie further apart than a MIDI file can say.
    """
    n = len(ticks)
    blobs = [*(blob for _, _, blob in metas), meta(END_OF_TRACK, b"")]
    all_ticks = np.concatenate([ticks, [tick for tick, _, _ in metas], [end]]).astype(np.int64)
    all_order = np.concatenate([order, [rank for _, rank, _ in metas], [2**62]]).astype(np.int64)
    kinds = events >> 20
    lengths = np.concatenate(
        [np.where((kinds == 0xC) | (kinds == 0xD), 2, 3), [len(blob) for blob in blobs]]
    ).astype(np.int64)
    sequence = np.lexsort((all_order, all_ticks))
    deltas = np.diff(all_ticks[sequence], prepend=0)
    if deltas.max(initial=0) > MAX_DELTA:
        raise FormatError(
            f"a MIDI file holds pauses of at most {MAX_DELTA} ticks, got {deltas.max()}"
        )
    sizes = 1 + (deltas > 0x7F) + (deltas > 0x3FFF) + (deltas > 0x1FFFFF)
    ends = np.cumsum(sizes + lengths[sequence])
    starts = ends - sizes - lengths[sequence]
    out = np.zeros(int(ends[-1]), dtype=np.uint8)
    for place in range(4):  # delta times, least significant byte last
        mask = sizes > place
        more = 0x80 if place else 0
        out[(starts + sizes - 1 - place)[mask]] = (deltas[mask] >> 7 * place & 0x7F) | more
    body = starts + sizes
    channel = sequence < n
    chosen, at = events[sequence[channel]], body[channel]
    out[at] = chosen >> 16
    out[at + 1] = chosen >> 8 & 0xFF
    three = lengths[sequence[channel]] == 3
    out[at[three] + 2] = chosen[three] & 0xFF
    for index, place in zip(sequence[~channel].tolist(), body[~channel].tolist(), strict=True):
        blob = blobs[index - n]
        out[place : place + len(blob)] = np.frombuffer(blob, dtype=np.uint8)
    return out.tobytes()
