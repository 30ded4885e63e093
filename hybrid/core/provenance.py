"""What made a piece: versions, seed, options, hashes.

No dates stand in it, so the same run gives the same bytes.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import hybrid

#: Packages whose version can change a note or a sample.
PACKAGES = (
    "numpy",
    "music21",
    "miditoolkit",
    "mido",
    "networkx",
    "pretty_midi",
    "pyfluidsynth",
    "pyloudnorm",
    "scipy",
    "soundfile",
    "verovio",
)


def sha256_of(data: bytes | Path) -> str:
    """SHA-256 of bytes or of a file, in hex."""
    if isinstance(data, bytes):
        return hashlib.sha256(data).hexdigest()
    digest = hashlib.sha256()
    with data.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def package_versions(names: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Installed versions; a package that is not there is left out."""
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def provenance(seed: int, options: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The record that stands beside a piece as provenance.json.

    Parameters
    ----------
    seed : int
        The root seed of the run.
    options : mapping
        What the user chose, resolved.
    **more
        Further facts, such as the SoundFont's hash and the weights'.
    """
    return {
        "program": {"name": "hybrid", "version": hybrid.__version__},
        "seed": seed,
        "options": dict(options),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": package_versions(),
        **more,
    }
