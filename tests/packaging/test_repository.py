"""What is committed works for anybody: no address, no path and no habit of one machine in it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Each in two halves, because this file is searched as well.
FORBIDDEN = tuple(
    first + second
    for first, second in (
        ("pypi", ".org"),
        ("python", "hosted"),
        ("--index", "-url"),
        ("--extra-index", "-url"),
        ("download.", "pytorch"),
        ("file:", "///"),
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/ho", "me/"),
        ("/opt", "/"),
        ("/Us", "ers/"),
    )
)
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;]+)")


@pytest.fixture(scope="module")
def committed(repository: Path) -> list[Path]:
    """List the files that git keeps."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("needs a git checkout")
    paths = [repository / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_committed_file_names_a_registry_or_a_place_of_one_machine(
    committed: list[Path], repository: Path
) -> None:
    found = [
        f"{path.relative_to(repository)}: {word}"
        for path in committed
        for word in FORBIDDEN
        if word.encode() in path.read_bytes()
    ]
    assert found == []


def read_pins(path: Path) -> dict[str, str]:
    """Read the versions of a pinned requirements file."""
    matches = (PIN.match(line) for line in path.read_text().splitlines())
    return {canonicalize_name(m[1]): m[2] for m in matches if m}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_by_hash_and_none_by_address(
    repository: Path, name: str
) -> None:
    text = (repository / name).read_text()
    lines = text.replace("\\\n", " ").splitlines()
    requirements = [line for line in lines if line and not line.startswith("#")]
    assert len(requirements) > 50
    for line in requirements:
        assert PIN.match(line), line
        assert re.search(r" --hash=sha256:[0-9a-f]{64}\b", line), line
    assert "://" not in text
    assert " @ " not in text


def test_pins_meet_what_the_package_asks_for(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    run = read_pins(repository / "requirements.txt")
    dev = read_pins(repository / "requirements-dev.txt")
    needed = project["project"]["dependencies"] + project["dependency-groups"]["setup"]
    extra = project["project"]["optional-dependencies"]["dev"]
    for pins, texts in ((run, needed), (dev, needed + extra)):
        for requirement in map(Requirement, texts):
            version = pins[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), f"{requirement} against {version}"


def test_composing_and_testing_use_the_same_versions(repository: Path) -> None:
    run = read_pins(repository / "requirements.txt")
    dev = read_pins(repository / "requirements-dev.txt")
    assert run.items() <= dev.items()
    assert {"torch", "torchaudio", "hatchling", "uv"} <= run.keys()
