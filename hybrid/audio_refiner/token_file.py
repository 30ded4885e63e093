"""Token files: sound as the codec's tokens, documented to the byte.

======  =====================================================================================
bytes   meaning
======  =====================================================================================
8       ``HYBTOK01``
4       length n of the header, little-endian
n       header, JSON with sorted keys: ``samples`` and ``sample_rate`` of the sound,
        ``frames``, ``books``, ``bits`` of a token, ``frame`` (samples of a frame), ``kind``
        (which codec: ``hybrid``, ``dac``, ``encodec``), ``codec`` (SHA-256 of the weights that
        made the tokens)
rest    the tokens, frame by frame and in a frame book by book, each as ``bits`` bits, the
        highest bit first, without gaps; the last byte is filled with zeros
======  =====================================================================================
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import FormatError
from hybrid.io.atomic import write_bytes

MAGIC = b"HYBTOK01"
MAX_FRAMES = 1 << 28
# Tokens that are packed at a time, a multiple of 8 so that they end with a byte.
_AT_ONCE = 1 << 16


@dataclass(frozen=True, eq=False)
class Tokens:
    """Tokens of a sound.

    Attributes
    ----------
    codes : np.ndarray, shape (T, K), int
        0 <= code < 2 ** bits.
    n_samples, sample_rate, frame, bits : int
        Of the sound; samples in a frame; bits of a token.
    codec : str
        SHA-256 of the weights that made them.
    kind : str
        Which codec it was.
    """

    codes: NDArray[np.int64]
    n_samples: int
    sample_rate: int
    frame: int
    bits: int
    codec: str
    kind: str = "hybrid"

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate

    @property
    def kbps(self) -> float:
        """Kilobits of tokens a second of frames."""
        return self.sample_rate / self.frame * int(self.codes.shape[1]) * self.bits / 1000

    def about(self) -> dict[str, Any]:
        """What the tokens are, as plain values; ``in_use``: different tokens in each book."""
        return {
            "codec": self.kind,
            "weights": self.codec,
            "seconds": round(self.seconds, 3),
            "sample_rate": self.sample_rate,
            "samples": self.n_samples,
            "frames": len(self.codes),
            "samples_of_a_frame": self.frame,
            "books": int(self.codes.shape[1]),
            "bits_of_a_token": self.bits,
            "kbit_per_second": round(self.kbps, 3),
            "in_use": [len(np.unique(book)) for book in self.codes.T],
        }


def pack(codes: NDArray[np.int64], bits: int) -> bytes:
    """Tokens as a stream of bits, the highest bit of each first.

    Examples
    --------
    >>> pack(np.array([[1, 2]]), 10).hex()
    '004020'
    """
    shifts = np.arange(bits - 1, -1, -1)
    flat = codes.reshape(-1)
    parts = []
    for first in range(0, len(flat), _AT_ONCE):
        part = (flat[first : first + _AT_ONCE, None] >> shifts) & 1
        parts.append(np.packbits(part.astype(np.uint8)).tobytes())
    return b"".join(parts)


def unpack(data: bytes, count: int, bits: int) -> NDArray[np.int64]:
    """``count`` tokens of a stream of bits."""
    weights = 1 << np.arange(bits - 1, -1, -1, dtype=np.int64)
    packed = np.frombuffer(data, np.uint8)
    result = np.empty(count, np.int64)
    for first in range(0, count, _AT_ONCE):
        n_here = min(_AT_ONCE, count - first)
        flat = np.unpackbits(packed[first * bits // 8 :], count=n_here * bits)
        result[first : first + n_here] = flat.reshape(n_here, bits) @ weights
    return result


def tokens_to_bytes(tokens: Tokens) -> bytes:
    """A token file's bytes.

    Raises
    ------
    FormatError
        If a token does not fit into its bits.
    """
    codes = np.asarray(tokens.codes, dtype=np.int64)
    if codes.size and not 0 <= codes.min() <= codes.max() < 1 << tokens.bits:
        wrong = codes[(codes < 0) | (codes >= 1 << tokens.bits)][0]
        raise FormatError(f"a token must lie in 0..{(1 << tokens.bits) - 1}, got {wrong}")
    header = {
        "samples": tokens.n_samples,
        "sample_rate": tokens.sample_rate,
        "frames": codes.shape[0],
        "books": codes.shape[1],
        "bits": tokens.bits,
        "frame": tokens.frame,
        "codec": tokens.codec,
        "kind": tokens.kind,
    }
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    return MAGIC + len(text).to_bytes(4, "little") + text + pack(codes, tokens.bits)


def bytes_to_tokens(data: bytes) -> Tokens:
    """What `tokens_to_bytes` wrote.

    Raises
    ------
    FormatError
        If the bytes are no token file, or are cut; the message names the rule.
    """
    if data[: len(MAGIC)] != MAGIC:
        raise FormatError(f"a token file must begin with {MAGIC.decode()}, got {data[:8]!r}")
    start = len(MAGIC) + 4
    end = start + int.from_bytes(data[len(MAGIC) : start], "little")
    try:
        header = json.loads(data[start:end])
        frames, books, bits = (int(header[name]) for name in ("frames", "books", "bits"))
        samples, rate, frame = (int(header[name]) for name in ("samples", "sample_rate", "frame"))
        codec, kind = str(header["codec"]), str(header["kind"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(f"the header of a token file must be whole JSON: {error}") from None
    for name, value, high in (
        ("frames", frames, MAX_FRAMES),
        ("books", books, 64),
        ("bits", bits, 16),
        ("frame", frame, 1 << 16),
    ):
        if not 1 <= value <= high:
            raise FormatError(f"{name} of a token file must lie in 1..{high}, got {value}")
    if not (frames - 1) * frame < samples <= frames * frame:
        raise FormatError(
            f"a token file of {frames} frames of {frame} samples must hold more than "
            f"{(frames - 1) * frame} and at most {frames * frame} samples, got {samples}"
        )
    needed = (frames * books * bits + 7) // 8
    if len(data) - end != needed:
        raise FormatError(
            f"{frames} frames of {books} tokens must take {needed} bytes, got {len(data) - end}"
        )
    codes = unpack(data[end:], frames * books, bits).reshape(frames, books)
    return Tokens(codes, samples, rate, frame, bits, codec, kind)


def read_tokens(path: Path) -> Tokens:
    """Read a token file.

    Raises
    ------
    FormatError
        If it cannot be read or is none; the message names the file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path}: {error.strerror or error}") from None
    try:
        return bytes_to_tokens(data)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None


def write_tokens(tokens: Tokens, path: Path) -> None:
    """Write a token file, whole or not at all."""
    write_bytes(path, tokens_to_bytes(tokens))
