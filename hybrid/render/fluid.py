"""FluidSynth as an offline player that gives floats.

pyfluidsynth finds and loads the library; its own sample call gives 16 bits and clips, so
the library's ``fluid_synth_write_float`` is called here through ctypes.

References
----------
FluidSynth 2 API, https://www.fluidsynth.org/api/
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import RenderError
from hybrid.render.events import BEND, BLOCK, CONTROL, NOTE_OFF, NOTE_ON, PROGRAM, Schedule

#: Frames of a chunk, the unit in which sound is handed on: whole blocks, 1.5 s at 44.1 kHz.
CHUNK = 1024 * BLOCK
#: MIDI channels of one synth, the most the library has.
MAX_CHANNELS = 256
#: Voices of one synth. A piano chord with pedal takes some dozens; what is not used costs nothing.
POLYPHONY = 1024
#: Level under which the end of the sound counts as silence: -100 dB.
SILENCE = 1e-5
#: Seconds over which a sound is faded that does not end by itself.
FADE_SECONDS = 1.0
MIN_RATE, MAX_RATE = 8000, 96000

_DRUM_CHANNEL = 1
_SUSTAIN, _SOSTENUTO, _ALL_NOTES_OFF = 64, 66, 123
_LEVELS = range(5)  # of the library's log: panic, error, warning, information, debug
_LOGGED = range(3)

_LOG_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_POINTER, _INT, _DOUBLE, _TEXT = ctypes.c_void_p, ctypes.c_int, ctypes.c_double, ctypes.c_char_p
_PROTOTYPES: dict[str, tuple[Any, list[Any]]] = {
    "new_fluid_settings": (_POINTER, []),
    "delete_fluid_settings": (None, [_POINTER]),
    "fluid_settings_setint": (_INT, [_POINTER, _TEXT, _INT]),
    "fluid_settings_setnum": (_INT, [_POINTER, _TEXT, _DOUBLE]),
    "new_fluid_synth": (_POINTER, [_POINTER]),
    "delete_fluid_synth": (None, [_POINTER]),
    "fluid_synth_sfload": (_INT, [_POINTER, _TEXT, _INT]),
    "fluid_synth_set_channel_type": (_INT, [_POINTER, _INT, _INT]),
    "fluid_synth_program_change": (_INT, [_POINTER, _INT, _INT]),
    "fluid_synth_cc": (_INT, [_POINTER, _INT, _INT, _INT]),
    "fluid_synth_pitch_bend": (_INT, [_POINTER, _INT, _INT]),
    "fluid_synth_noteon": (_INT, [_POINTER, _INT, _INT, _INT]),
    "fluid_synth_noteoff": (_INT, [_POINTER, _INT, _INT]),
    "fluid_synth_get_active_voice_count": (_INT, [_POINTER]),
    "fluid_synth_write_float": (
        _INT,
        [_POINTER, _INT, _POINTER, _INT, _INT, _POINTER, _INT, _INT],
    ),
    "fluid_version_str": (_TEXT, []),
    "fluid_set_log_function": (_POINTER, [_INT, _LOG_FUNCTION, _POINTER]),
}

_messages: list[str] = []


def _collect(level: int, message: bytes, data: int | None) -> None:
    if level in _LOGGED:
        _messages.append(message.decode("utf-8", "replace").strip())


# The library calls it for as long as the process lives, so it must never be collected.
_COLLECT = _LOG_FUNCTION(_collect)


@cache
def load_library() -> ctypes.CDLL:
    """The FluidSynth library that pyfluidsynth has found, with its log taken over.

    Raises
    ------
    RenderError
        If the library is not installed, or is older than version 2.
    """
    try:
        import fluidsynth
    except (ImportError, OSError):
        raise RenderError(
            "libfluidsynth must be installed to play with FluidSynth, got none "
            "(Debian: apt-get install libfluidsynth3)"
        ) from None
    # A handle of our own: prototypes are kept by handle, and pyfluidsynth declares its own.
    library = ctypes.CDLL(fluidsynth._fl._name)
    for name, (result, arguments) in _PROTOTYPES.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise RenderError(
                f"libfluidsynth must be version 2 or later, got one without {name}"
            ) from None
        function.restype, function.argtypes = result, arguments
    for level in _LEVELS:
        library.fluid_set_log_function(level, _COLLECT, None)
    return library


def library_version() -> str:
    """Version of the library, such as ``2.3.1``.

    Raises
    ------
    RenderError
        As `load_library`.
    """
    return str(load_library().fluid_version_str().decode())


@dataclass(frozen=True)
class PlayerOptions:
    """How the synth is set up; what is not here has the library's default."""

    sample_rate: int = 44100
    gain: float = 0.2
    reverb: bool = False
    chorus: bool = False
    tail_seconds: float = 30.0
    polyphony: int = POLYPHONY


class Player(Protocol):
    """What plays one schedule; `FluidPlayer` says more."""

    name: str
    max_voices: int
    notices: list[str]

    def __init__(
        self, schedule: Schedule, soundfont: str | os.PathLike[str], options: PlayerOptions
    ) -> None: ...

    def chunks(self) -> Iterator[NDArray[np.float32]]: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class FluidPlayer:
    """Plays one schedule with one synth, chunk by chunk.

    Parameters
    ----------
    schedule : Schedule
        At most `MAX_CHANNELS` channels.
    soundfont : path
    options : PlayerOptions

    Attributes
    ----------
    max_voices : int
        Most voices that sounded at once, so far.
    notices : list of str
        What the library warned of, each once.

    Raises
    ------
    RenderError
        If the library is missing or cannot load the SoundFont.
    """

    name = "FluidSynth"

    def __init__(
        self,
        schedule: Schedule,
        soundfont: str | os.PathLike[str],
        options: PlayerOptions,
    ) -> None:
        self._settings: int | None = None
        self._synth: int | None = None
        self._library = load_library()
        self._schedule = schedule
        self._options = options
        self.max_voices = 0
        self.notices: list[str] = []
        _messages.clear()
        self._settings = self._library.new_fluid_settings()
        n_channels = min(MAX_CHANNELS, 16 * max(1, -(-len(schedule.channels) // 16)))
        for name, number in (
            ("synth.polyphony", options.polyphony),
            ("synth.midi-channels", n_channels),
            ("synth.reverb.active", int(options.reverb)),
            ("synth.chorus.active", int(options.chorus)),
            # One thread sums the voices in one order; no thread but ours ever calls the synth.
            ("synth.cpu-cores", 1),
            ("synth.threadsafe-api", 0),
            ("synth.lock-memory", 0),
            # Only the samples of the programs in use are read.
            ("synth.dynamic-sample-loading", 1),
        ):
            self._library.fluid_settings_setint(self._settings, name.encode(), number)
        for name, value in (
            ("synth.sample-rate", float(options.sample_rate)),
            ("synth.gain", options.gain),
        ):
            self._library.fluid_settings_setnum(self._settings, name.encode(), value)
        self._synth = self._library.new_fluid_synth(self._settings)
        if not self._synth:
            raise RenderError(f"FluidSynth must start, got: {'; '.join(_messages) or 'no reason'}")
        if self._library.fluid_synth_sfload(self._synth, os.fsencode(soundfont), 0) < 0:
            self.close()
            raise RenderError(
                f"soundfont must be one that FluidSynth can load, got {os.fspath(soundfont)} "
                f"({'; '.join(_messages) or 'no reason given'})"
            )
        for number in range(n_channels):
            is_drum = number < len(schedule.channels) and schedule.channels[number].is_drum
            kind = _DRUM_CHANNEL if is_drum else 0
            self._library.fluid_synth_set_channel_type(self._synth, number, kind)
        # The library warns of channels without an instrument; only those in use matter.
        _messages.clear()

    def close(self) -> None:
        """Give the synth and its samples back."""
        if self._synth:
            self._library.delete_fluid_synth(self._synth)
        if self._settings:
            self._library.delete_fluid_settings(self._settings)
        self._synth = self._settings = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def chunks(self) -> Iterator[NDArray[np.float32]]:
        """The sound, in chunks of at most `CHUNK` frames.

        At the score's end pedals are lifted and every note is released; then the sound goes on
        until no voice is left and it is silent, for ``tail_seconds`` at most, the last
        second of which is faded if it is reached.

        Yields
        ------
        np.ndarray, shape (2, n), float32
            A new array each time.
        """
        yield from self._score_chunks()
        yield from self._tail_chunks()
        self._note_messages()

    def _score_chunks(self) -> Iterator[NDArray[np.float32]]:
        events = self._schedule.events
        # Where a group of messages of one block begins.
        starts = np.flatnonzero(np.diff(events["block"], prepend=-1))
        blocks = events["block"][starts]
        stops = np.append(starts[1:], len(events))
        # Lists of plain numbers: an hour has some 10^5 messages, and scalars of NumPy are slow.
        columns = [events[name].tolist() for name in ("kind", "channel", "first", "second")]
        rows = list(zip(*columns, strict=True))
        at, group, n_groups = 0, 0, len(starts)
        positions, begins, ends = (array.tolist() for array in (blocks * BLOCK, starts, stops))
        end = self._schedule.end_block * BLOCK
        while at < end:
            buffer = np.empty((2, min(CHUNK, end - at)), dtype=np.float32)
            filled = 0
            while filled < buffer.shape[1]:
                while group < n_groups and positions[group] <= at:
                    self._send(rows[begins[group] : ends[group]])
                    group += 1
                stop = at + buffer.shape[1] - filled
                if group < n_groups and positions[group] < stop:
                    stop = positions[group]
                self._write(buffer, filled, stop - at)
                filled += stop - at
                at = stop
            yield buffer
        for index in range(group, n_groups):
            self._send(rows[begins[index] : ends[index]])

    def _tail_chunks(self) -> Iterator[NDArray[np.float32]]:
        library, synth = self._library, self._synth
        for number in range(len(self._schedule.channels)):
            # With the pedals lifted no note is held by anything any more.
            library.fluid_synth_cc(synth, number, _SUSTAIN, 0)
            library.fluid_synth_cc(synth, number, _SOSTENUTO, 0)
            library.fluid_synth_cc(synth, number, _ALL_NOTES_OFF, 0)
        rate = self._options.sample_rate
        limit = int(self._options.tail_seconds * rate) // BLOCK * BLOCK
        fade = min(limit, int(FADE_SECONDS * rate))
        step = max(BLOCK, rate // 10 // BLOCK * BLOCK)
        at = 0
        while at < limit:
            buffer = np.empty((2, min(step, limit - at)), dtype=np.float32)
            voices = library.fluid_synth_get_active_voice_count(synth)
            self._write(buffer, 0, buffer.shape[1])
            if not voices and float(np.abs(buffer).max()) < SILENCE:
                return
            frames = at + np.arange(buffer.shape[1])
            if fade and frames[-1] >= limit - fade:
                buffer *= np.clip((limit - frames) / fade, 0.0, 1.0).astype(np.float32)
            at += buffer.shape[1]
            yield buffer
        if limit and library.fluid_synth_get_active_voice_count(synth):
            self.notices.append(
                f"the sound had not ended {self._options.tail_seconds:g} s after the score and "
                "was faded"
            )

    def _write(self, buffer: NDArray[np.float32], start: int, n_frames: int) -> None:
        left = buffer.ctypes.data + 4 * start
        right = left + 4 * buffer.shape[1]
        self._library.fluid_synth_write_float(self._synth, n_frames, left, 0, 1, right, 0, 1)

    def _send(self, rows: list[tuple[int, int, int, int]]) -> None:
        library, synth = self._library, self._synth
        for kind, channel, first, second in rows:
            if kind == NOTE_ON:
                library.fluid_synth_noteon(synth, channel, first, second)
            elif kind == NOTE_OFF:
                library.fluid_synth_noteoff(synth, channel, first)
            elif kind == CONTROL:
                library.fluid_synth_cc(synth, channel, first, second)
            elif kind == PROGRAM:
                library.fluid_synth_program_change(synth, channel, first)
            elif kind == BEND:
                library.fluid_synth_pitch_bend(synth, channel, first)
        voices = library.fluid_synth_get_active_voice_count(synth)
        self.max_voices = max(self.max_voices, voices)

    def _note_messages(self) -> None:
        if self.max_voices >= self._options.polyphony:
            self.notices.append(
                f"all {self._options.polyphony} voices sounded at once; some were cut short"
            )
        self.notices.extend(dict.fromkeys(_messages))
        _messages.clear()
