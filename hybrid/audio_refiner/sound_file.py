"""Sound files as the commands of sound read them: checked, stereo, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hybrid.audio_refiner.effects import BLOCK, MAX_RATE, MIN_RATE, Samples, stereo
from hybrid.core.errors import ConfigError, FormatError
from hybrid.io.wav import sound_is_read


@dataclass(frozen=True)
class SoundShape:
    """What a sound is, before it is read.

    Attributes
    ----------
    sample_rate : int
        Hertz, 8000..192000.
    n_channels : int
        1 or 2.
    n_samples : int
        1 or more; of a damaged file fewer may come.

    Raises
    ------
    ConfigError
        If a value is out of its range.
    """

    sample_rate: int
    n_channels: int
    n_samples: int

    def __post_init__(self) -> None:
        if not MIN_RATE <= self.sample_rate <= MAX_RATE:
            raise ConfigError(
                f"the sample rate must be in {MIN_RATE}..{MAX_RATE}, got {self.sample_rate}"
            )
        if not 1 <= self.n_channels <= 2:
            raise ConfigError(f"a sound must be mono or stereo, got {self.n_channels} channels")
        if self.n_samples < 1:
            raise ConfigError("a sound must have at least one sample, got none")

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate


def look(path: Path) -> SoundShape:
    """The shape of the sound in a file.

    Raises
    ------
    FormatError
        If it cannot be read or is no sound.
    ConfigError
        If its shape is out of range; the message names the file.
    """
    import soundfile

    with sound_is_read(path):
        about = soundfile.info(str(path))
    try:
        return SoundShape(int(about.samplerate), int(about.channels), int(about.frames))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def read_blocks(path: Path) -> Iterator[Samples]:
    """The sound of a file, stereo, in blocks of `BLOCK` frames and a shorter last one.

    Raises
    ------
    FormatError
        If a sample is not finite or the file is damaged.
    """
    import soundfile

    at = 0
    with sound_is_read(path):
        for part in soundfile.blocks(str(path), BLOCK, dtype="float32", always_2d=True):
            finite = np.isfinite(part)
            if not finite.all():
                frame = int(np.argmin(finite.all(axis=1)))
                value = part[frame][~finite[frame]][0]
                raise FormatError(f"{path}: samples must be finite, got {value} at {at + frame}")
            at += len(part)
            yield stereo(part.T)
