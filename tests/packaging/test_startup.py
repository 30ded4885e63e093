"""`hybrid --help` is quick because heavy libraries load only where they are used.

What is loaded is the cause, and the same on every machine; how long it takes is not, so
``benchmarks/`` measures that.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "fluidsynth",
    "matplotlib",
    "miditoolkit",
    "music21",
    "networkx",
    "pretty_midi",
    "pyloudnorm",
    "safetensors",
    "scipy",
    "soundfile",
    "symusic",
    "torch",
    "torchaudio",
    "verovio",
)

REPORT = "import sys\nprint(*sorted(name for name in sys.modules if '.' not in name))"


def loaded_by(program: str) -> set[str]:
    """Name the top-level modules that a fresh interpreter holds after ``program``."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{REPORT}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("module", ["hybrid", "hybrid.cli"])
def test_import_loads_no_heavy_library(module: str) -> None:
    assert loaded_by(f"import {module}").isdisjoint(HEAVY)


def test_import_leaves_the_drawing_of_help_for_later() -> None:
    assert "rich" not in loaded_by("import hybrid.cli")


@pytest.mark.parametrize("arguments", [["--help"], ["compose", "--help"]])
def test_help_loads_no_heavy_library(arguments: list[str]) -> None:
    program = (
        "import runpy, sys\n"
        f"sys.argv = ['hybrid', *{arguments!r}]\n"
        "try:\n"
        "    runpy.run_module('hybrid', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
    )
    assert loaded_by(program).isdisjoint(HEAVY)
