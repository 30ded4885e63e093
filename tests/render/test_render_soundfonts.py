"""Finding, naming and refusing SoundFonts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from hybrid.core.errors import RenderError
from hybrid.render import default_soundfont, find_soundfonts, read_soundfont, resolve_soundfont
from hybrid.render import soundfonts as module


def test_the_default_is_the_file_of_pretty_midi() -> None:
    font = default_soundfont()
    assert font.name == "TimGM6mb"
    assert font.path.parent.name == "pretty_midi"
    assert font.licence == "GPL-2.0"
    assert font.size == 5_969_788 or font.size > 5_000_000
    assert font.sha256 == hashlib.sha256(font.path.read_bytes()).hexdigest()
    assert resolve_soundfont(None) == font == find_soundfonts()[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of SoundFonts that is searched, with nothing of the system's beside it."""
    monkeypatch.setenv(module.VARIABLE, str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "none"))
    monkeypatch.setattr(module, "SYSTEM_FOLDERS", ())
    return tmp_path


def test_a_folder_of_the_users_own_is_searched(folder: Path) -> None:
    data = default_soundfont().path.read_bytes()
    (folder / "Mine.SF2").write_bytes(data)
    (folder / "link.sf2").symlink_to(folder / "Mine.SF2")
    (folder / "damaged.sf2").write_bytes(data[:1000])
    (folder / "notes.txt").write_text("no font")
    assert [font.name for font in find_soundfonts()] == ["TimGM6mb", "Mine"]
    assert resolve_soundfont("mine").path == (folder / "Mine.SF2").resolve()
    assert resolve_soundfont("mine.sf2").name == "Mine"
    assert resolve_soundfont(folder / "link.sf2").name == "Mine"
    assert resolve_soundfont("mine").licence == "unknown"


def test_a_missing_one_is_named_beside_those_that_are_here(folder: Path) -> None:
    with pytest.raises(RenderError, match=r"one of TimGM6mb, got 'Steinway'"):
        resolve_soundfont("Steinway")
    with pytest.raises(RenderError, match=r"one of TimGM6mb, got '.*none\.sf2'"):
        resolve_soundfont(folder / "none.sf2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[: len(data) // 2], "must be whole"),
        (lambda data: b"MThd" + data[4:], "must be an SF2 or SF3 file"),
        (lambda data: data[:12] + b"JUNK" + data[16:], "must begin with its INFO list"),
        (lambda data: b"", "must be an SF2 or SF3 file"),
    ],
)
def test_a_damaged_one_is_refused(tmp_path: Path, change: object, message: str) -> None:
    data = default_soundfont().path.read_bytes()
    assert callable(change)
    (tmp_path / "bad.sf2").write_bytes(change(data))
    with pytest.raises(RenderError, match=message):
        read_soundfont(tmp_path / "bad.sf2")


def test_a_folder_is_no_soundfont(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="must be a readable file"):
        read_soundfont(tmp_path)


def test_without_pretty_midi_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RenderError, match="must come with the package pretty_midi"):
        default_soundfont()
