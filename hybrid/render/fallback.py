"""The player that needs no system library: symusic's SF2 synthesizer.

It stands in where libfluidsynth is missing. What it cannot do: controllers other than the
sustain pedal (which is played here by lengthening notes), pitch bends, the release of a
note after its end (a note stops within some ten milliseconds), reverb, chorus and SF3.
What a score loses by that is counted and reported.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import RenderError
from hybrid.render.events import BEND, BLOCK, CONTROL, NOTE_OFF, NOTE_ON, PROGRAM, Schedule
from hybrid.render.fluid import CHUNK, SILENCE, PlayerOptions

#: Notes are played window by window (seconds), each from its own zero: symusic keeps times in
#: 32-bit floats, which an hour into a piece are 10 samples apart, and memory stays bounded.
WINDOW_SECONDS = 30.0
_SUSTAIN = 64
# FluidSynth's gain of 0.2 and this player's own level are about as loud.
_USUAL_GAIN = 0.2
_QUALITY = 4

#: Rows of (first block, block after the last, channel, program, pitch, velocity).
_Note = tuple[int, int, int, int, int, int]


def player_version() -> str:
    """Version of symusic.

    Raises
    ------
    RenderError
        If it is not installed.
    """
    import importlib.metadata

    try:
        return importlib.metadata.version("symusic")
    except importlib.metadata.PackageNotFoundError:
        raise RenderError("symusic must be installed to play without libfluidsynth") from None


class SymusicPlayer:
    """Plays one schedule, with the interface of `hybrid.render.fluid.FluidPlayer`.

    Raises
    ------
    RenderError
        If symusic is missing or cannot load the SoundFont.
    """

    name = "symusic"

    def __init__(
        self,
        schedule: Schedule,
        soundfont: str | os.PathLike[str],
        options: PlayerOptions,
    ) -> None:
        try:
            import symusic
        except ImportError:
            raise RenderError("symusic must be installed to play without libfluidsynth") from None
        self._core: Any = symusic.core
        self._schedule = schedule
        self._options = options
        self.max_voices = 0
        self.notices = [
            "libfluidsynth is not installed: played with symusic, which has no releases of notes, "
            "no bends and no controllers but the pedal (Debian: apt-get install libfluidsynth3)"
        ]
        path = os.fspath(soundfont)
        try:
            self._synth: Any = symusic.Synthesizer(
                sf_path=path, sample_rate=options.sample_rate, quality=_QUALITY
            )
        except RuntimeError as error:
            reason = str(error).splitlines()[0] if str(error) else "no reason given"
            raise RenderError(
                f"soundfont must be one that symusic can load, got {path} ({reason})"
            ) from None

    def close(self) -> None:
        """Give the synth back."""
        self._synth = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def chunks(self) -> Iterator[NDArray[np.float32]]:
        """The sound, in chunks of at most `CHUNK` frames; see `FluidPlayer.chunks`."""
        window = max(1, round(WINDOW_SECONDS * self._options.sample_rate / BLOCK))
        by_window: dict[int, list[_Note]] = {}
        for note in self._notes():
            by_window.setdefault(note[0] // window, []).append(note)
        end = self._schedule.end_block * BLOCK
        carried = np.zeros((2, 0), dtype=np.float32)
        n_windows = max(max(by_window, default=-1) + 1, -(-self._schedule.end_block // window))
        for index in range(n_windows):
            start = index * window * BLOCK
            sound = self._play(by_window.get(index, []), index * window)
            n_frames = max(sound.shape[1], carried.shape[1], min(window * BLOCK, end - start))
            mixed = np.zeros((2, n_frames), dtype=np.float32)
            mixed[:, : carried.shape[1]] += carried
            mixed[:, : sound.shape[1]] += sound
            is_last = index + 1 == n_windows
            n_ready = n_frames if is_last else min(n_frames, window * BLOCK)
            if is_last:
                n_ready = self._sounding(mixed, end - start)
            yield from _cut(mixed[:, :n_ready])
            carried = mixed[:, n_ready:]

    def _sounding(self, mixed: NDArray[np.float32], at_least: int) -> int:
        """Frames up to the last that is heard, or to the score's end if that is later."""
        heard = np.flatnonzero(np.abs(mixed).max(axis=0) >= SILENCE)
        last = int(heard[-1]) + 1 if len(heard) else 0
        most = at_least + int(self._options.tail_seconds * self._options.sample_rate)
        return max(at_least, min(last, most))

    def _play(self, notes: list[_Note], first_block: int) -> NDArray[np.float32]:
        if not notes:
            return np.zeros((2, 0), dtype=np.float32)
        self.max_voices = max(self.max_voices, _most_at_once(notes))
        seconds = BLOCK / self._options.sample_rate
        score = self._core.ScoreSecond(1)
        parts: dict[tuple[int, int], list[_Note]] = {}
        for note in notes:
            parts.setdefault((note[2], note[3]), []).append(note)
        for (channel, program), members in parts.items():
            is_drum = self._schedule.channels[channel].is_drum
            track = self._core.TrackSecond("", program, is_drum)
            for start, stop, _, _, pitch, velocity in members:
                time, duration = (start - first_block) * seconds, (stop - start) * seconds
                track.notes.append(self._core.NoteSecond(time, duration, pitch, velocity))
            score.tracks.append(track)
        sound = np.asarray(self._synth.render(score, stereo=True), dtype=np.float32)
        return sound * np.float32(self._options.gain / _USUAL_GAIN)

    def _notes(self) -> list[_Note]:
        """Notes with the pedal played out: a held note lasts until it is lifted or struck again."""
        notes: list[_Note] = []
        programs: dict[int, int] = {}
        pedals: set[int] = set()
        # (channel, pitch) to (first block, program, velocity, whether the key is still down).
        sounding: dict[tuple[int, int], tuple[int, int, int, bool]] = {}
        lost = {CONTROL: 0, BEND: 0}

        def stop(key: tuple[int, int], block: int) -> None:
            start, program, velocity, _ = sounding.pop(key)
            notes.append((start, max(block, start + 1), key[0], program, key[1], velocity))

        for block, kind, channel, first, second in self._schedule.events.tolist():
            key = (channel, first)
            if kind == PROGRAM:
                programs[channel] = first
            elif kind == NOTE_ON:
                if key in sounding:
                    stop(key, block)
                sounding[key] = (block, programs.get(channel, 0), second, True)
            elif kind == NOTE_OFF and key in sounding:
                if channel in pedals:
                    sounding[key] = (*sounding[key][:3], False)
                else:
                    stop(key, block)
            elif kind == CONTROL and first == _SUSTAIN:
                if second >= 64:
                    pedals.add(channel)
                    continue
                pedals.discard(channel)
                for held in [item for item, state in sounding.items() if item[0] == channel]:
                    if not sounding[held][3]:
                        stop(held, block)
            elif kind in lost:
                lost[kind] += 1
        for key in list(sounding):
            stop(key, self._schedule.end_block)
        for kind, name in ((CONTROL, "controller values"), (BEND, "pitch bends")):
            if lost[kind]:
                self.notices.append(f"{lost[kind]} {name} were not played")
        return sorted(notes)


def _cut(sound: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for at in range(0, sound.shape[1], CHUNK):
        yield sound[:, at : at + CHUNK].copy()


def _most_at_once(notes: list[_Note]) -> int:
    starts = np.sort([note[0] for note in notes])
    stops = np.sort([note[1] for note in notes])
    # At each start: notes begun by then, without those that had stopped.
    begun = np.arange(1, len(starts) + 1)
    return int((begun - np.searchsorted(stops, starts, side="right")).max())
