"""The sound of a page: an MP3 inside it, or, of a long piece, the file beside it.

MP3 plays in every browser. Its bit rate is constant, so that a browser finds a moment exactly;
and its encoder puts neither times nor random numbers into a file, so the page has the same bytes
each time.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.audio import Audio
from hybrid.core.errors import FormatError

#: Longest sound that is put into a page: 12 minutes are 11 MB of MP3, 15 MB of text.
MAX_SECONDS = 12 * 60.0
#: 128 kbit/s, as libsndfile counts: 0 is 320, 1 is 32 at 44.1 kHz.
_COMPRESSION = 0.66
#: Sample rates that MPEG-1 layer III has; libsndfile's encoder refuses others above 24 kHz.
_RATES = (32000, 44100, 48000)
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Sound:
    """What a page plays.

    Attributes
    ----------
    source : str
        A data URI, or the name of a file beside the page; empty for none.
    kind : str
        MIME type.
    seconds : float
    note : str
        What a reader should know of it; may be empty.
    """

    source: str = ""
    kind: str = ""
    seconds: float = 0.0
    note: str = ""


def page_sound(
    audio: Audio | Path | None, progress: Callable[[float], None] | None = None
) -> Sound:
    """The sound for a page.

    Parameters
    ----------
    audio : Audio, path or None
        In memory, or a file in the page's own folder.
    progress : callable, optional
        Called with the share that is done, 0..1.

    Raises
    ------
    FormatError
        If the file is none that can be read.
    """
    if audio is None:
        return Sound(note="This piece was written without sound: the notes light up in silence.")
    if isinstance(audio, Audio):
        seconds, rate = audio.seconds, audio.sample_rate
    else:
        seconds, rate = _file_facts(audio)
    if seconds > MAX_SECONDS:
        if isinstance(audio, Audio):
            return Sound(
                note=f"The sound lasts {seconds / 60:.0f} minutes, too long to be put into a page."
            )
        return Sound(
            audio.name,
            "audio/wav" if audio.suffix.lower() == ".wav" else f"audio/{audio.suffix[1:].lower()}",
            seconds,
            f"The sound lasts {seconds / 60:.0f} minutes, too long to be put into this page: it is "
            f"played from the file {audio.name} beside it.",
        )
    data, kind = _encode(audio, seconds, rate, progress or (lambda share: None))
    return Sound(f"data:{kind};base64,{base64.b64encode(data).decode()}", kind, seconds)


def _file_facts(path: Path) -> tuple[float, int]:
    import soundfile

    try:
        facts = soundfile.info(str(path))
    except (soundfile.LibsndfileError, OSError) as error:
        raise FormatError(
            f"{path.name} must be a sound file, got one that is not ({error})"
        ) from None
    return float(facts.frames / facts.samplerate), int(facts.samplerate)


def _encode(
    audio: Audio | Path, seconds: float, rate: int, progress: Callable[[float], None]
) -> tuple[bytes, str]:
    import soundfile

    # A libsndfile built without LAME, or a rate that MP3 has not: lossless, and larger.
    lossy = "MP3" in soundfile.available_formats() and rate in _RATES
    options: dict[str, Any] = (
        {
            "format": "MP3",
            "subtype": "MPEG_LAYER_III",
            "compression_level": _COMPRESSION,
            "bitrate_mode": "CONSTANT",
        }
        if lossy
        else {"format": "FLAC", "subtype": "PCM_16"}
    )
    written = io.BytesIO()
    n_done = 0
    file: Any = None
    for chunk in _chunks(audio):
        if file is None:
            file = soundfile.SoundFile(
                written, "w", samplerate=rate, channels=chunk.shape[1], **options
            )
        # An encoder may not clip what lies above full scale, but wrap it round.
        file.write(np.clip(chunk, -1.0, 1.0))
        n_done += len(chunk)
        progress(min(1.0, n_done / max(1.0, seconds * rate)))
    if file is None:
        return b"", "audio/mpeg"
    file.close()
    return written.getvalue(), "audio/mpeg" if lossy else "audio/flac"


def _chunks(audio: Audio | Path) -> Iterator[NDArray[np.float32]]:
    """Frames of at most two channels, shape (n, C)."""
    if isinstance(audio, Audio):
        for at in range(0, audio.n_samples, _CHUNK):
            yield audio.samples[:2, at : at + _CHUNK].T
        return
    import soundfile

    with soundfile.SoundFile(str(audio)) as file:
        while len(chunk := file.read(_CHUNK, dtype="float32", always_2d=True)):
            yield chunk[:, :2]
