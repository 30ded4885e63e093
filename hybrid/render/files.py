"""Sound files written chunk by chunk, in bounded memory, with the same bytes each time.

WAV of 32-bit floats is written here: libsndfile puts the time of day into such a file
(its PEAK chunk). Everything else goes through soundfile.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError, RenderError

#: Subtypes by suffix, the default one first.
SUBTYPES: dict[str, tuple[str, ...]] = {
    ".wav": ("FLOAT", "PCM_24", "PCM_16"),
    ".flac": ("PCM_24", "PCM_16"),
}
_FLOAT_FORMAT = 3  # WAVE_FORMAT_IEEE_FLOAT
_MAX_BYTES = 2**32 - 1


class Sink(Protocol):
    """What takes chunks of shape (C, n), float32."""

    def write(self, samples: NDArray[np.float32]) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def choose_subtype(path: Path, subtype: str | None) -> str:
    """The subtype that is asked for, or the suffix's default.

    Raises
    ------
    ConfigError
        If the suffix, or the subtype with it, is not supported.
    """
    allowed = SUBTYPES.get(path.suffix.lower())
    if allowed is None:
        raise ConfigError(f"a sound file must end in {', '.join(SUBTYPES)}, got {path.name!r}")
    if subtype is None:
        return allowed[0]
    if subtype not in allowed:
        raise ConfigError(
            f"subtype of {path.suffix} must be one of {', '.join(allowed)}, got {subtype!r}"
        )
    return subtype


def open_sink(path: Path, subtype: str, sample_rate: int, n_channels: int, n_samples: int) -> Sink:
    """Writer of ``n_samples`` frames into a new file.

    Raises
    ------
    RenderError
        If a WAV file would be larger than its format can say (4 GiB), or libsndfile refuses.
    """
    if path.suffix.lower() == ".wav":
        width = {"FLOAT": 4, "PCM_24": 3, "PCM_16": 2}[subtype]
        n_bytes = n_samples * n_channels * width
        if n_bytes + 128 > _MAX_BYTES:
            raise RenderError(
                f"a WAV file must be smaller than 4 GiB, got {n_bytes} bytes; write FLAC instead"
            )
        if subtype == "FLOAT":
            return FloatWave(path, sample_rate, n_channels, n_samples)
    return _SoundFileSink(path, subtype, sample_rate, n_channels)


class FloatWave:
    """WAV of 32-bit floats, whose length is known before the first sample."""

    def __init__(self, path: Path, sample_rate: int, n_channels: int, n_samples: int) -> None:
        self._file = path.open("wb")
        n_bytes = n_samples * n_channels * 4
        frame = 4 * n_channels
        head = struct.pack("<4sI4s", b"RIFF", 50 + n_bytes, b"WAVE")
        head += struct.pack("<4sIHH", b"fmt ", 18, _FLOAT_FORMAT, n_channels)
        head += struct.pack("<IIHHH", sample_rate, sample_rate * frame, frame, 32, 0)
        # Formats other than PCM carry the number of frames in a chunk of their own.
        head += struct.pack("<4sII", b"fact", 4, n_samples)
        self._file.write(head + struct.pack("<4sI", b"data", n_bytes))

    def write(self, samples: NDArray[np.float32]) -> None:
        self._file.write(np.ascontiguousarray(samples.T, dtype="<f4").tobytes())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class _SoundFileSink:
    def __init__(self, path: Path, subtype: str, sample_rate: int, n_channels: int) -> None:
        import soundfile

        self._path, self._refusal = path, soundfile.LibsndfileError
        self._file: Any = self._call(
            lambda: soundfile.SoundFile(
                str(path),
                "w",
                samplerate=sample_rate,
                channels=n_channels,
                subtype=subtype,
                format=path.suffix.lstrip(".").upper(),
            )
        )

    def _call(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except self._refusal as error:
            _raise_if_full(self._path)
            raise RenderError(f"cannot write the sound: {error.error_string}") from None

    def write(self, samples: NDArray[np.float32]) -> None:
        self._call(lambda: self._file.write(np.ascontiguousarray(samples.T)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _raise_if_full(path: Path) -> None:
    """Raise the system's own error, of which libsndfile says only that there was one."""
    with path.open("ab", buffering=0) as file:
        file.write(bytes(1 << 20))
