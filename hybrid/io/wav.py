"""WAV and FLAC files <-> Audio, through libsndfile (soundfile).

The same samples give the same bytes: libsndfile stamps float WAV files with the time of
day (in their PEAK chunk), which is set to zero here. WAV files beyond 4 GiB are written as
RF64 (EBU Tech 3306), the same layout with 64-bit lengths.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError, FormatError, HybridError, RenderError
from hybrid.io.atomic import atomic_file

#: Sample formats by name: libsndfile's subtype and bytes a sample.
SAMPLE_FORMATS = {"float": ("FLOAT", 4), "pcm24": ("PCM_24", 3), "pcm16": ("PCM_16", 2)}
SUFFIXES = {".wav": "WAV", ".flac": "FLAC"}
_BLOCK = 1 << 18  # frames turned round at a time, so that an hour costs no second copy
_RIFF_LIMIT = 2**32 - 4096


def write_audio(audio: Audio, path: str | Path, sample_format: str | None = None) -> None:
    """Write a WAV or FLAC file, chosen by suffix, whole or not at all.

    Parameters
    ----------
    audio : Audio
    path : str or Path
        Ends in ``.wav`` or ``.flac``.
    sample_format : str, optional
        ``float`` (32 bits; WAV only), ``pcm24`` or ``pcm16``. By default float for WAV and
        pcm24 for FLAC.

    Raises
    ------
    ConfigError
        If suffix or sample format are none of these, or do not fit each other.
    RenderError
        If whole-number samples would clip.
    HybridError
        If the system refuses to write.

    Notes
    -----
    Whole-number samples are rounded, not dithered: the error of 16 bits is at -98 dBFS.
    """
    import soundfile

    target = Path(path)
    kind = SUFFIXES.get(target.suffix.lower())
    if kind is None:
        raise ConfigError(f"an audio file must end in .wav or .flac, got {target.name!r}")
    chosen = sample_format or ("float" if kind == "WAV" else "pcm24")
    if chosen not in SAMPLE_FORMATS:
        raise ConfigError(
            f"sample_format must be one of {', '.join(SAMPLE_FORMATS)}, got {chosen!r}"
        )
    if kind == "FLAC" and chosen == "float":
        raise ConfigError("FLAC holds whole numbers: sample_format must be pcm24 or pcm16")
    if kind == "FLAC" and audio.n_channels > 8:
        raise ConfigError(f"FLAC holds 1 to 8 channels, got {audio.n_channels}")
    if chosen != "float" and audio.peak > 1.0:
        raise RenderError(
            f"samples must be in -1..1 for {chosen}, got a peak of {audio.peak:.3f} ({target.name})"
        )
    subtype, width = SAMPLE_FORMATS[chosen]
    if kind == "WAV" and audio.n_samples * audio.n_channels * width > _RIFF_LIMIT:
        kind = "RF64"
    with atomic_file(target) as place:
        try:
            with soundfile.SoundFile(
                str(place),
                "w",
                samplerate=audio.sample_rate,
                channels=audio.n_channels,
                format=kind,
                subtype=subtype,
            ) as file:
                for start in range(0, audio.n_samples, _BLOCK):
                    file.write(np.ascontiguousarray(audio.samples[:, start : start + _BLOCK].T))
        except soundfile.LibsndfileError as error:
            raise HybridError(f"cannot write {target}: {error.error_string}") from error
        if chosen == "float":
            _clear_time_stamp(place)


def _clear_time_stamp(path: Path) -> None:
    """Set the time in a RIFF file's PEAK chunk (bytes 4..7 of its body) to zero."""
    with path.open("r+b") as file:
        at = 12
        while True:
            file.seek(at)
            header = file.read(8)
            if len(header) < 8 or header[:4] == b"data":
                return
            if header[:4] == b"PEAK":
                file.seek(at + 12)
                file.write(bytes(4))
                return
            size = int.from_bytes(header[4:], "little")
            at += 8 + size + size % 2


@contextmanager
def sound_is_read(path: Path) -> Iterator[None]:
    """Say in the project's words what is wrong with a sound file that is read inside.

    Raises
    ------
    FormatError
        If the file is missing, or is no sound or a damaged one.
    """
    import soundfile

    try:
        # libsndfile does not say why it cannot open a file.
        with path.open("rb"):
            pass
        yield
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror}") from error
    except soundfile.LibsndfileError as error:
        raise FormatError(f"{path} must be a sound file: {error.error_string}") from error


def read_audio(path: str | Path) -> Audio:
    """Read a WAV, FLAC or any other file libsndfile knows.

    Returns
    -------
    Audio
        float32 in -1..1 for whole-number files, as stored for float files.

    Raises
    ------
    FormatError
        If the file is missing or no sound file.
    """
    import soundfile

    source = Path(path)
    with sound_is_read(source):
        samples, sample_rate = soundfile.read(str(source), dtype="float32", always_2d=True)
    try:
        return Audio(np.ascontiguousarray(samples.T), int(sample_rate))
    except RenderError as error:
        raise FormatError(f"{source}: {error}") from error
