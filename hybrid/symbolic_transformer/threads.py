"""One processor thread for work in small steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread inside, as before outside.

    Products of one position are too small to share out: with a second thread on a busy
    processor they take ten times as long, most of it waiting. Sums also keep their order, so
    that the same seed gives the same notes on any number of processors.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


__all__ = ["one_thread"]
