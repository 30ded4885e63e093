"""The wheel works where it is installed: outside the checkout and without a network.

One thing is borrowed: the dependencies. They are some gigabytes, so the new environment
does not get copies but a path to the folder that the running interpreter has them in. The
package itself is not found that way: an editable install leaves only a ``.pth`` file there,
and Python does not follow such files in a folder that another ``.pth`` file named.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

NO_SOCKETS = """
import socket

def _refuse(*args, **kwargs):
    raise OSError("no network in this test")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = _refuse
"""


def unshare() -> list[str]:
    """Give the words that start a command without a network, none where the system forbids it."""
    for words in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        try:
            done = subprocess.run([*words, "true"], capture_output=True, check=False)
        except FileNotFoundError:
            return []
        if done.returncode == 0:
            return words
    return []


@dataclass(frozen=True)
class Installation:
    """An environment that holds the wheel of this checkout."""

    folder: Path
    isolation: tuple[str, ...]

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def script(self) -> Path:
        return self.folder / "bin" / "hybrid"

    def run(self, *command: str | Path, cwd: Path) -> str:
        """Run a command away from the checkout and from the network; give what it printed."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
        }
        done = subprocess.run(
            [*self.isolation, *map(str, command)],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of the checkout, with the backend that is installed here."""
    folder = tmp_path_factory.mktemp("wheel")
    backend = "import sys, hatchling.build; hatchling.build.build_wheel(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", backend, str(folder)],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Install the wheel, and nothing else, into a new environment."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    installer = Path(sys.executable).with_name("uv")
    subprocess.run(
        [
            installer,
            "pip",
            "install",
            "--quiet",
            "--offline",
            "--no-deps",
            "--python",
            python,
            wheel,
        ],
        check=True,
        cwd=folder,
    )
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    isolation = unshare()
    if not isolation:
        (packages / "sitecustomize.py").write_text(NO_SOCKETS)
    return Installation(folder, tuple(isolation))


def shipped(repository: Path) -> set[str]:
    """Name the data that must be in the wheel, by its place there."""
    data = {
        path.relative_to(repository).as_posix()
        for path in (repository / "hybrid").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    manifests = {f"hybrid/_data/corpora/{p.name}" for p in (repository / "corpora").glob("*.toml")}
    return data | manifests


def test_wheel_holds_the_package_its_data_and_nothing_else(wheel: Path, repository: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = {name.rpartition("/")[2] for name in archive.namelist()} - names
    assert names == shipped(repository)
    assert {"METADATA", "entry_points.txt", "LICENSE"} <= metadata


def test_same_checkout_gives_the_same_wheel(wheel: Path, repository: Path, tmp_path: Path) -> None:
    import hatchling.build

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repository)
        name = hatchling.build.build_wheel(str(tmp_path))
    assert (tmp_path / name).read_bytes() == wheel.read_bytes()


def test_installed_package_is_not_the_checkout(installation: Installation, tmp_path: Path) -> None:
    place = installation.run(
        installation.python, "-c", "import hybrid; print(hybrid.__file__)", cwd=tmp_path
    )
    assert installation.folder in Path(place.strip()).parents


def test_network_is_out_of_reach(installation: Installation, tmp_path: Path) -> None:
    # 192.0.2.1 is set aside for documentation (RFC 5737), so nobody is called either way.
    probe = (
        "import socket\n"
        "try:\n"
        "    socket.socket().connect(('192.0.2.1', 9))\n"
        "except OSError as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    assert "network" in installation.run(installation.python, "-c", probe, cwd=tmp_path).lower()


def test_installed_package_finds_every_manifest(
    installation: Installation, repository: Path, tmp_path: Path
) -> None:
    listing = (
        "from hybrid.core.resources import resource_path\n"
        "print(*sorted(p.name for p in resource_path('corpora').glob('*.toml')))"
    )
    manifests = sorted(path.name for path in (repository / "corpora").glob("*.toml"))
    found = installation.run(installation.python, "-c", listing, cwd=tmp_path).split()
    assert found == manifests


def test_module_and_script_are_the_same_thing(installation: Installation, tmp_path: Path) -> None:
    by_script = installation.run(installation.script, "--help", cwd=tmp_path)
    by_module = installation.run(installation.python, "-m", "hybrid", "--help", cwd=tmp_path)
    assert "compose" in by_script
    assert by_module == by_script


def test_installed_package_composes(installation: Installation, tmp_path: Path) -> None:
    out = tmp_path / "piece"
    installation.run(
        installation.script,
        *("compose", "--minutes", "0.3", "--seed", "1", "--no-audio", "-o", out),
        cwd=tmp_path,
    )
    names = {path.name for path in out.rglob("*") if path.is_file()}
    suffixes = {path.suffix for path in out.rglob("*") if path.stat().st_size > 0}
    assert {".mid", ".musicxml"} <= suffixes
    assert {"plan.toml", "trace.json", "provenance.json", "index.html"} <= names
