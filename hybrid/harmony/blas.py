"""One thread for NumPy's matrix products, so that threads of our own share the processor.

NumPy's OpenBLAS splits every product over all processors and waits for them in a busy loop. For
products as small as the network's that wins nothing, and beside other work it takes ten times
as long. With one thread the order of sums is also the same on every number of processors.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

_PREFIXES = ("scipy_openblas", "openblas")
_SUFFIXES = ("64_", "")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Compute products with one thread inside, as before outside.

    Where NumPy has another library than the OpenBLAS of its wheels, nothing changes.
    """
    found = _functions()
    if found is None:
        yield
        return
    get, put = found
    before = int(get())
    put(1)
    try:
        yield
    finally:
        put(before)


@lru_cache(maxsize=1)
def _functions() -> tuple[Any, Any] | None:
    """Get and set the number of threads, of the library that NumPy has loaded."""
    folder = Path(np.__file__).parent.parent / "numpy.libs"
    for path in sorted(folder.glob("*openblas*")):
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for prefix in _PREFIXES:
            for suffix in _SUFFIXES:
                names = [f"{prefix}_{verb}_num_threads{suffix}" for verb in ("get", "set")]
                if all(hasattr(library, name) for name in names):
                    return getattr(library, names[0]), getattr(library, names[1])
    return None
