"""Sound that exhibits bring themselves, and pictures of it."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
import pytest

from hybrid.core.errors import ConfigError
from hybrid.core.score import Score, Track
from hybrid.core.trace import Trace
from hybrid.history.exhibit import Demonstration
from hybrid.history.panels import Machine, Picture, Step
from hybrid.history.recording import Recording
from hybrid.history.shading import SHADES, palette, shaded_png


def test_a_recordings_name_is_one_for_a_file() -> None:
    assert Recording("level-2", "Level 2", "A sound.").audio is None
    for name in ("piece", "Level", "../up", ""):
        with pytest.raises(ConfigError, match=r"Recording\.name must be"):
            Recording(name, "A title", "Words.")


def test_two_recordings_must_not_share_a_file() -> None:
    one = Recording("model", "Model", "A sound.")
    picture = Picture("p", "P", "P.", width=1, height=1)
    machine = Machine((picture,), (Step("One.", {"p": picture.show(np.zeros((1, 1)))}),))
    score = Score((Track("a", [(0, 480, 60)]),))
    with pytest.raises(ConfigError, match="different names, got model, model"):
        Demonstration(score, Trace(()), machine, recordings=(one, one))


@pytest.mark.parametrize("columns", [4, 5])
def test_a_picture_can_be_read_back(columns: int) -> None:
    shares = np.arange(3 * columns).reshape(3, columns) / (3 * columns - 1)
    data = base64.b64decode(shaded_png(shares))
    assert data == base64.b64decode(shaded_png(shares))
    file = io.BytesIO(data)
    assert file.read(8) == b"\x89PNG\r\n\x1a\n"
    chunks = {}
    while head := file.read(8):
        length, name = struct.unpack(">I4s", head)
        chunks[name] = file.read(length)
        assert struct.unpack(">I", file.read(4))[0] == zlib.crc32(name + chunks[name])
    assert struct.unpack(">IIBB", chunks[b"IHDR"][:10]) == (columns, 3, 4, 3)
    assert chunks[b"PLTE"] == palette().tobytes()
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(3, -1)
    assert not lines[:, 0].any()
    cells = np.stack([lines[:, 1:] >> 4, lines[:, 1:] & 15], axis=2).reshape(3, -1)[:, :columns]
    assert np.array_equal(cells, np.rint(shares * (SHADES - 1)))


def test_shades_grow_brighter() -> None:
    brightness = palette() @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(brightness) > 0).all()


def test_a_picture_of_another_size_is_refused() -> None:
    picture = Picture("mel", "Mel", "Mel.", width=3, height=2)
    with pytest.raises(ConfigError, match=r"'mel' must be given 2 rows of 3 shares, got \(3, 2\)"):
        picture.show(np.zeros((3, 2)))


def test_low_rows_stand_at_the_foot() -> None:
    picture = Picture("mel", "Mel", "Mel.", width=2, height=2)
    shares = np.array([[1.0, 1.0], [0.0, 0.0]])
    assert picture.show(shares)["png"] == shaded_png(shares[::-1])
