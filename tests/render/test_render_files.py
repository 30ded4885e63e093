"""Sound files: what the system refuses is told as the system says it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from hybrid.render.files import open_sink


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("name", ["sound.wav", "sound.flac"])
def test_a_full_disk_is_called_so(tmp_path: Path, name: str) -> None:
    # libsndfile itself says "System error." only.
    path = tmp_path / name
    path.symlink_to("/dev/full")
    samples = np.random.default_rng(1).uniform(-1, 1, (2, 200_000)).astype(np.float32)
    with (
        pytest.raises(OSError, match="space") as caught,
        open_sink(path, "PCM_24", 44100, 2, 200_000) as sink,
    ):
        sink.write(samples)
    assert caught.value.errno == errno.ENOSPC
