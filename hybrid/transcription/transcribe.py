"""Sound to notes, piece by piece: any length in bounded memory, with the result of the whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hybrid.core.audio import Audio
from hybrid.transcription.bars import BarEar
from hybrid.transcription.decoding import NoteDecoder, Thresholds
from hybrid.transcription.features import HOP, WINDOWS, levels, n_frames
from hybrid.transcription.network import CONTEXT, Transcriber
from hybrid.transcription.sound import FileSource, MemorySource, MonoReader, Source

#: Frames of a piece, about 12 s.
PIECE = 1024

Progress = Callable[[float], None]


def transcribe(
    source: Source,
    network: Transcriber,
    thresholds: Thresholds | None = None,
    progress: Progress | None = None,
    piece: int = PIECE,
    ear: BarEar | None = None,
) -> NDArray[Any]:
    """Notes of a sound.

    Parameters
    ----------
    source : Source
    network : Transcriber
        In evaluation mode.
    thresholds : Thresholds, optional
    progress : callable, optional
        Called with the share that is done, 0..1.
    piece : int
        Frames that go through the network at a time.
    ear : BarEar, optional
        Hears the same, for beats and bars.

    Returns
    -------
    np.ndarray, `hybrid.transcription.notes.HEARD_DTYPE`

    Raises
    ------
    FormatError
        If the sound cannot be read, or a sample is not finite.
    """
    show = progress or (lambda share: None)
    reader = MonoReader(source, lambda share: show(0.1 * share))
    total = n_frames(reader.n_samples) if reader.n_samples else 0
    decoder = NoteDecoder(thresholds)
    for first in range(0, total, piece):
        stop = min(first + piece, total)
        keys, drums = hear(reader, network, first, stop, total, ear)
        decoder.add(keys, drums)
        show(0.1 + 0.9 * stop / total)
    return decoder.finish()


def hear(
    reader: MonoReader,
    network: Transcriber,
    first: int,
    stop: int,
    total: int,
    ear: BarEar | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probabilities of frames ``first`` to ``stop``: (4, T, 88) and (8, T), for the decoder."""
    low, high = max(0, first - CONTEXT), min(stop + CONTEXT, total)
    half = WINDOWS[0] // 2
    start = low * HOP - half
    sound = reader.read(start, (high - low - 1) * HOP + 2 * half)
    # Levels take silence around what they are given: here the sound goes on beyond what is asked.
    found = levels(sound, half // HOP, high - low)
    if ear is not None:
        ear.add(found[:, first - low : stop - low])
    with torch.inference_mode():
        heard = network(torch.from_numpy(found).float()[None])
        keys, drums = heard.keys[0, :, first - low : stop - low], heard.drums[0]
        keys = torch.cat([keys[:3].sigmoid(), keys[3:].clamp(0, 1)])
        drums = drums[:, first - low : stop - low].sigmoid()
    return keys.numpy(), drums.numpy()


def transcribe_audio(
    audio: Audio, network: Transcriber, thresholds: Thresholds | None = None
) -> NDArray[Any]:
    """Notes of a sound in memory; see `transcribe`."""
    return transcribe(MemorySource(audio), network, thresholds)


def transcribe_file(
    path: Path,
    network: Transcriber,
    thresholds: Thresholds | None = None,
    progress: Progress | None = None,
    ear: BarEar | None = None,
) -> NDArray[Any]:
    """Notes of a sound file; see `transcribe`."""
    source = FileSource(path)
    try:
        return transcribe(source, network, thresholds, progress, ear=ear)
    finally:
        source.close()
