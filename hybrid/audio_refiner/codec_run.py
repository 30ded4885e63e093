"""Sound files to token files and back, whatever their length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hybrid.audio_refiner.effects import Samples
from hybrid.audio_refiner.production_passes import KeptBlocks
from hybrid.audio_refiner.resampling import resampled
from hybrid.audio_refiner.sound_codec import SoundCodec
from hybrid.audio_refiner.sound_file import look, read_blocks
from hybrid.audio_refiner.token_file import Tokens, read_tokens, tokens_to_bytes
from hybrid.core.errors import ConfigError, FormatError
from hybrid.io.atomic import atomic_file
from hybrid.render.files import choose_subtype, open_sink
from hybrid.render.loudness import to_db

Progress = Callable[[float], None]


def encode_file(
    source: str | Path,
    target: str | Path,
    codec: SoundCodec,
    progress: Progress = lambda share: None,
) -> Tokens:
    """Write the tokens of a sound file.

    Parameters
    ----------
    source : path
        WAV, FLAC or what else libsndfile reads; mono or stereo, 8 to 192 kHz.
    target : path
        It appears whole or not at all.
    codec : SoundCodec
    progress : callable
        Called with the share that is done, 0..1.

    Raises
    ------
    FormatError, ConfigError
        If the source is no sound, has a sample that is not finite, or its shape is out of range.
    """
    source = Path(source)
    shape = look(source)
    n_read = 0

    def blocks() -> Iterator[Samples]:
        nonlocal n_read
        for block in read_blocks(source):
            n_read += block.shape[1]
            yield block
            progress(min(1.0, n_read / shape.n_samples))

    n_samples = 0

    def counted() -> Iterator[Samples]:
        nonlocal n_samples
        for block in resampled(blocks(), shape.sample_rate, codec.sample_rate):
            n_samples += block.shape[1]
            yield block

    with atomic_file(target) as place:
        # Twelve tokens of two bytes a frame: an hour has 3.7 MB.
        parts = [part.astype(np.uint16) for part in codec.encode(counted())]
        if not parts:
            raise FormatError(f"{source}: a sound must have at least one sample, got none")
        bits = (codec.n_entries - 1).bit_length()
        tokens = Tokens(
            np.concatenate(parts).astype(np.int64),
            n_samples,
            codec.sample_rate,
            codec.frame,
            bits,
            codec.digest,
            codec.kind,
        )
        place.write_bytes(tokens_to_bytes(tokens))
    return tokens


@dataclass(frozen=True)
class Decoded:
    """What came of tokens.

    Attributes
    ----------
    n_samples, sample_rate, n_books : int
    gain_db : float
        What whole-number samples were lowered by so that none clips; 0 for floats.
    """

    n_samples: int
    sample_rate: int
    n_books: int
    gain_db: float


def decode_file(
    source: str | Path,
    target: str | Path,
    codec: SoundCodec,
    *,
    books: int | None = None,
    subtype: str | None = None,
    progress: Progress = lambda share: None,
) -> Decoded:
    """Write the sound of a token file.

    Parameters
    ----------
    source : path
        A token file.
    target : path
        ``.wav`` or ``.flac``; it appears whole or not at all.
    codec : SoundCodec
        With the weights that made the tokens.
    books : int, optional
        Only the first ones are decoded; all where left out.
    subtype : str, optional
        As in `hybrid.render.files.choose_subtype`: 32-bit floats for WAV, 24 bits for FLAC.
    progress : callable
        Called with the share that is done, 0..1.

    Raises
    ------
    FormatError
        If the source is no token file, is cut, or is of other weights.
    ConfigError
        If there are not so many books.
    """
    source, target = Path(source), Path(target)
    kind = choose_subtype(target, subtype)
    tokens = read_tokens(source)
    check_tokens(tokens, codec, source)
    n_there = tokens.codes.shape[1]
    chosen = n_there if books is None else books
    if not 1 <= chosen <= n_there:
        raise ConfigError(f"books must be in 1..{n_there}, got {chosen}")

    def waves() -> Iterator[Samples]:
        left = tokens.n_samples
        for wave in codec.decode(tokens.codes[:, :chosen]):
            yield wave[:, :left]
            left -= min(left, wave.shape[1])
            progress(0.9 * (1 - left / tokens.n_samples))

    gain = 1.0
    with atomic_file(target) as place:
        kept = KeptBlocks(place.parent)
        try:
            sound = waves()
            if kind != "FLOAT":
                # Whole numbers end at full scale: how loud it gets must be known first.
                peak = 0.0
                for wave in sound:
                    kept.add(wave)
                    peak = max(peak, float(np.abs(wave).max()))
                sound = kept.blocks()
                gain = min(1.0, 0.999 / peak) if peak else 1.0
            with open_sink(place, kind, tokens.sample_rate, 2, tokens.n_samples) as sink:
                for wave in sound:
                    sink.write(wave if gain == 1.0 else wave * np.float32(gain))
        finally:
            kept.close()
    progress(1.0)
    return Decoded(tokens.n_samples, tokens.sample_rate, chosen, to_db(gain))


def check_tokens(tokens: Tokens, codec: SoundCodec, source: Path) -> None:
    """Refuse tokens that the codec did not make.

    Raises
    ------
    FormatError
        The message names the file, and both weights or the value that does not fit.
    """
    if tokens.codec != codec.digest:
        raise FormatError(
            f"{source}: tokens of a codec {tokens.kind} with weights {tokens.codec[:12]} must be "
            f"decoded with these, got {codec.kind} with {codec.digest[:12]}"
        )
    for name, value, wanted in (
        ("frame", tokens.frame, codec.frame),
        ("sample_rate", tokens.sample_rate, codec.sample_rate),
    ):
        if value != wanted:
            raise FormatError(f"{source}: {name} must be {wanted}, the codec's, got {value}")
    if tokens.codes.shape[1] > codec.n_books:
        raise FormatError(
            f"{source}: there must be {codec.n_books} books at most, got {tokens.codes.shape[1]}"
        )
    if int(tokens.codes.max()) >= codec.n_entries:
        raise FormatError(
            f"{source}: a token must be under {codec.n_entries}, got {int(tokens.codes.max())}"
        )
