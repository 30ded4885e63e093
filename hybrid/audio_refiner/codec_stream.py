"""The codec on sound that comes in a row: encoded and decoded chunk by chunk, in bounded memory.

Every window has as many frames more on either side as the layers see, so that the result is
the same as in one piece (tokens equal, samples to 1e-4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hybrid.audio_refiner.codec import N_CHANNELS, SAMPLE_RATE, Codec
from hybrid.audio_refiner.effects import Samples
from hybrid.audio_refiner.frame_stream import Rows, frame_rows, wave_of_rows, windows

#: Frames worked on at a time: 12 s.
CHUNK = 512


def latent_rows(codec: Codec, chunks: Iterable[Rows]) -> Iterator[Rows]:
    """Values before the quantiser (t, inner), with the sound's rows (t, 2, frame) they are of."""
    margin = codec.config.margin
    for window in windows(chunks, CHUNK, margin, margin):
        wave = wave_of_rows(window.rows[0])
        with torch.inference_mode():
            values = codec.encoder(codec.numbers(wave[None]))[0]
        yield window.inner(values), window.inner(window.rows[0])


def sound_rows(codec: Codec, chunks: Iterable[Rows]) -> Iterator[Rows]:
    """Sound (t, 2, frame) of values for the decoder (t, inner); further columns go along."""
    margin, frame = codec.config.margin, codec.config.frame
    for window in windows(chunks, CHUNK, margin, margin):
        with torch.inference_mode():
            wave = codec.sound(window.rows[0][None], window.first - window.before)[0]
        rows = wave.reshape(N_CHANNELS, -1, frame).transpose(0, 1)
        yield (window.inner(rows), *(window.inner(each) for each in window.rows[1:]))


class OwnCodec:
    """The codec of this package as `hybrid.audio_refiner.sound_codec.SoundCodec` has it."""

    kind = "hybrid"
    sample_rate = SAMPLE_RATE

    def __init__(self, codec: Codec, digest: str) -> None:
        self.codec, self.digest = codec, digest
        self.frame, self.n_books = codec.config.frame, codec.config.n_books
        self.n_entries = codec.config.n_entries

    def encode(self, chunks: Iterable[Samples]) -> Iterator[NDArray[np.int64]]:
        for values, _ in latent_rows(self.codec, frame_rows(chunks, self.frame)):
            with torch.inference_mode():
                yield self.codec.quantiser.encode(values[None])[0].numpy()

    def decode(self, codes: NDArray[np.int64]) -> Iterator[Samples]:
        def values() -> Iterator[tuple[Tensor]]:
            for first in range(0, len(codes), CHUNK):
                part = torch.from_numpy(codes[first : first + CHUNK])
                with torch.inference_mode():
                    yield (self.codec.quantiser.decode(part[None])[0],)

        for (rows,) in sound_rows(self.codec, values()):
            yield wave_of_rows(rows).numpy()
