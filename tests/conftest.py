"""What all tests share: settings, the data folder beside the checkout, and reasons to skip."""

from __future__ import annotations

import ctypes.util
import os
import socket
from collections.abc import Iterator
from pathlib import Path

# Threads of numeric libraries change the order of sums, and crowd each other out where tests
# run side by side. The libraries read this once, when they are loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Pictures are drawn without a screen.
os.environ.setdefault("MPLBACKEND", "agg")

import hypothesis
import pytest

hypothesis.settings.register_profile(
    "hybrid",
    # The same examples in every run, and none of them fails for being slow on a busy machine.
    derandomize=True,
    deadline=None,
    max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("hybrid")

REPOSITORY = Path(__file__).resolve().parents[1]


def _cuda_is_available() -> bool:
    import torch

    return torch.cuda.is_available()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run, and say why."""
    if item.get_closest_marker("gpu") and not _cuda_is_available():
        pytest.skip("needs a CUDA device")
    if item.get_closest_marker("soundfont") and not ctypes.util.find_library("fluidsynth"):
        pytest.skip("needs libfluidsynth (Debian: apt-get install libfluidsynth3)")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The top folder of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of corpora that is not part of the repository.

    ``$HYBRID_SHARED_DATA``, or ``shared/data`` beside the checkout.
    """
    given = os.environ.get("HYBRID_SHARED_DATA")
    folder = Path(given) if given else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the corpora in {folder} (or set HYBRID_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Let a test reach this machine only: the package promises to run without a network."""
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0] if isinstance(address, tuple) else address
            if host not in ("127.0.0.1", "::1", "localhost"):
                raise OSError(f"tests must not use the network, got a connection to {address!r}")
        return connect(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_locally)
        yield
