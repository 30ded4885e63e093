"""Sound of any rate and number of channels, read in pieces as mono at the transcriber's rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hybrid.core.audio import Audio
from hybrid.core.errors import FormatError
from hybrid.io.wav import sound_is_read
from hybrid.metrics.audio_spectra import resampled
from hybrid.render.loudness import LoudnessMeter
from hybrid.transcription.features import SAMPLE_RATE

#: Level that the transcriber was trained at.
LUFS = -16.0
_MOST_GAIN_DB = 60.0
_BLOCK_SECONDS = 10

Progress = Callable[[float], None]


class Source(Protocol):
    """Sound that can be read anywhere; ``read`` gives (N, C) float32, fewer at the end."""

    sample_rate: int
    n_samples: int

    def read(self, first: int, count: int) -> NDArray[np.float32]: ...


class MemorySource:
    """Sound that is there as a whole."""

    def __init__(self, audio: Audio) -> None:
        self.sample_rate, self.n_samples = audio.sample_rate, audio.n_samples
        self._samples = audio.samples

    def read(self, first: int, count: int) -> NDArray[np.float32]:
        return self._samples[:, first : first + count].T.astype(np.float32)


class FileSource:
    """A sound file, read where it is wanted; to be closed.

    Raises
    ------
    FormatError
        If it is missing or no sound file.
    """

    def __init__(self, path: Path) -> None:
        import soundfile

        self._path = path
        with sound_is_read(path):
            self._file: Any = soundfile.SoundFile(str(path))
        self.sample_rate, self.n_samples = int(self._file.samplerate), int(self._file.frames)
        self._at = 0

    def read(self, first: int, count: int) -> NDArray[np.float32]:
        import soundfile

        try:
            if first != self._at:
                self._file.seek(first)
            made: NDArray[np.float32] = self._file.read(count, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise FormatError(f"{self._path}: {error.error_string} at sample {first}") from error
        self._at = first + len(made)
        return made

    def close(self) -> None:
        self._file.close()


class MonoReader:
    """The mean of a source's channels at 22.05 kHz and -16 LUFS, wherever it is asked for.

    Pieces join without seams: rates are whole numbers of samples, so pieces of whole seconds, each
    resampled with a second around it, have the samples of the whole.

    Parameters
    ----------
    source : Source
    progress : callable, optional
        Told how far the reading for the loudness is, 0..1.

    Raises
    ------
    FormatError
        If a sample is not finite.
    """

    def __init__(self, source: Source, progress: Progress | None = None) -> None:
        self._source = source
        self._kept: tuple[int, int, NDArray[np.float32]] | None = None
        self.n_samples = -(-source.n_samples * SAMPLE_RATE // source.sample_rate)
        self.loudness = self._measured(progress or (lambda share: None))
        gain_db = LUFS - self.loudness if math.isfinite(self.loudness) else 0.0
        self._gain = np.float32(10 ** (min(gain_db, _MOST_GAIN_DB) / 20))

    def read(self, first: int, count: int) -> NDArray[np.float32]:
        """Samples (count,); silence before the beginning and after the end."""
        low, high = first // SAMPLE_RATE, -(-(first + count) // SAMPLE_RATE)
        if self._kept is None or self._kept[:2] != (low, high):
            self._kept = (low, high, self._seconds(low, high))
        start = first - low * SAMPLE_RATE
        return self._kept[2][start : start + count]

    def _seconds(self, low: int, high: int) -> NDArray[np.float32]:
        rate = self._source.sample_rate
        start, stop = (low - 1) * rate, (high + 1) * rate
        begin = min(max(0, start), self._source.n_samples)
        end = max(begin, min(stop, self._source.n_samples))
        part = self._source.read(begin, end - begin).mean(axis=1) if end > begin else np.empty(0)
        wave = np.zeros(stop - start, np.float32)
        wave[begin - start : begin - start + len(part)] = part
        made = resampled(wave, rate, SAMPLE_RATE)[SAMPLE_RATE:-SAMPLE_RATE]
        return made * self._gain

    def _measured(self, progress: Progress) -> float:
        rate, length = self._source.sample_rate, self._source.n_samples
        meter: LoudnessMeter | None = None
        block = _BLOCK_SECONDS * rate
        for first in range(0, length, block):
            part = self._source.read(first, min(block, length - first))
            if not np.isfinite(part).all():
                bad = first + int(np.flatnonzero(~np.isfinite(part).all(axis=1))[0])
                raise FormatError(f"samples must be finite, got none such at sample {bad}")
            meter = meter or LoudnessMeter(rate, 1)
            meter.add(part.mean(axis=1)[None])
            progress(min(1.0, (first + len(part)) / length))
        return meter.lufs if meter is not None else -math.inf
