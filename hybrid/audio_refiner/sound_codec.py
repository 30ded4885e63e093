"""What a codec must be able to do to be plugged in, and which there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.effects import Samples
from hybrid.core.errors import ConfigError


class SoundCodec(Protocol):
    """Stereo sound to tokens and back, in bounded memory.

    Attributes
    ----------
    kind : str
        One of `CODECS`.
    digest : str
        SHA-256 of the weights; tokens of other weights mean nothing to it.
    sample_rate : int
    frame : int
        Samples of a frame of tokens.
    n_books, n_entries : int
        Tokens of a frame, and how many each may be.
    """

    kind: str
    digest: str
    sample_rate: int
    frame: int
    n_books: int
    n_entries: int

    def encode(self, chunks: Iterable[Samples]) -> Iterator[NDArray[np.int64]]:
        """Tokens (t, n_books) of sound (2, n) that comes in a row at its sample rate."""

    def decode(self, codes: NDArray[np.int64]) -> Iterator[Samples]:
        """Sound (2, n) of tokens (T, k) of the first k books, in a row: T frames in all."""


def _own(path: Path | None) -> SoundCodec:
    from hybrid.audio_refiner.codec_stream import OwnCodec
    from hybrid.audio_refiner.codec_weights import load_codec

    return OwnCodec(*load_codec(path))


def _dac(path: Path | None) -> SoundCodec:
    from hybrid.audio_refiner.outside_codecs import load_dac

    return load_dac(path)


def _encodec(path: Path | None) -> SoundCodec:
    from hybrid.audio_refiner.outside_codecs import load_encodec

    return load_encodec(path)


#: Loaders by name.
CODECS: dict[str, Callable[[Path | None], SoundCodec]] = {
    "hybrid": _own,
    "dac": _dac,
    "encodec": _encodec,
}


def load_sound_codec(kind: str = "hybrid", weights: Path | None = None) -> SoundCodec:
    """A codec by its name, with the weights that ship or those of a file.

    Raises
    ------
    ConfigError
        If there is no such codec, its package is not installed, or there are no such weights.
    """
    if kind not in CODECS:
        raise ConfigError(f"codec must be one of {', '.join(CODECS)}, got {kind!r}")
    return CODECS[kind](weights)
