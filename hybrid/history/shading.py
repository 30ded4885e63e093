"""Numbers as shades in a small PNG: sixteen colours, the same numbers, the same bytes.

References
----------
Portable Network Graphics (PNG) Specification, third edition (W3C, 2025).
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: From dark to bright, evenly spaced; between them the colours are mixed.
_STOPS = (
    (0x04, 0x03, 0x0F),
    (0x3D, 0x11, 0x66),
    (0x99, 0x2D, 0x80),
    (0xEC, 0x58, 0x60),
    (0xFD, 0xB0, 0x7A),
    (0xFB, 0xFC, 0xBF),
)
SHADES = 16


def palette() -> NDArray[np.uint8]:
    """The colours, shape (SHADES, 3)."""
    places = np.linspace(0, len(_STOPS) - 1, SHADES)
    stops = np.array(_STOPS, float)
    mixed = [np.interp(places, np.arange(len(_STOPS)), stops[:, part]) for part in range(3)]
    made: NDArray[np.uint8] = np.rint(np.stack(mixed, axis=1)).astype(np.uint8)
    return made


def shaded_png(shares: NDArray[Any]) -> str:
    """A picture as base64 of a PNG with four bits a cell.

    Parameters
    ----------
    shares : np.ndarray, shape (rows, columns)
        0 is the darkest, 1 the brightest; row 0 is on top.
    """
    rows, columns = shares.shape
    values = np.rint(np.clip(shares, 0, 1) * (SHADES - 1)).astype(np.uint8)
    values = np.pad(values, ((0, 0), (0, columns % 2)))
    packed = values[:, ::2] << 4 | values[:, 1::2]
    # Each row begins with the number of its filter; 0 is none.
    lines = np.pad(packed, ((0, 0), (1, 0)))
    head = struct.pack(">IIBBBBB", columns, rows, 4, 3, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(name, body)
        for name, body in (
            (b"IHDR", head),
            (b"PLTE", palette().tobytes()),
            (b"IDAT", zlib.compress(lines.tobytes(), 9)),
            (b"IEND", b""),
        )
    )
    return base64.b64encode(data).decode()


def _chunk(name: bytes, body: bytes) -> bytes:
    check = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)
