"""SoundFonts: which ones are here, what they are, and whether a file is one.

The default is always TimGM6mb as it comes with the package pretty_midi, so that every
machine plays the same bytes; any other is taken only when it is named.

References
----------
Creative Technology Ltd. (2006). SoundFont Technical Specification, version 2.04.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hybrid.core.errors import RenderError

DEFAULT_NAME = "TimGM6mb"
SUFFIXES = (".sf2", ".sf3")
#: A list of folders or files, separated as in PATH, that is searched before the system's.
VARIABLE = "HYBRID_SOUNDFONTS"
SYSTEM_FOLDERS = (
    "/usr/share/sounds/sf2",
    "/usr/share/sounds/sf3",
    "/usr/share/soundfonts",
    "/usr/local/share/soundfonts",
)
#: Licences of well-known SoundFonts by the beginning of the file's name, in lower case.
LICENCES = {
    "timgm6mb": "GPL-2.0",
    "fluidr3": "MIT",
    "musescore_general": "MIT",
    "generaluser": "GeneralUser GS License 2.0",
}


@dataclass(frozen=True)
class SoundFont:
    """A SoundFont file.

    Attributes
    ----------
    path : Path
        Where it lies; links are followed.
    title : str
        The name that the file gives itself; may be empty.
    """

    path: Path
    title: str = ""

    @property
    def name(self) -> str:
        """Name by which it is asked for: that of the file, without suffix."""
        return self.path.stem

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    @property
    def licence(self) -> str:
        """Its licence where the SoundFont is a well-known one, else ``unknown``."""
        name = self.name.lower()
        for start, licence in LICENCES.items():
            if name.startswith(start):
                return licence
        return "unknown"

    @cached_property
    def sha256(self) -> str:
        """Of the whole file; computed when first asked for."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def read_soundfont(path: Path) -> SoundFont:
    """Look into a file and see whether it is a whole SoundFont.

    Raises
    ------
    RenderError
        If it cannot be read, is none, or ends before its own header says it does.
    """
    path = Path(path)
    try:
        path = path.resolve(strict=True)
        size = path.stat().st_size
        with path.open("rb") as file:
            return SoundFont(path, _read_title(file.read(4096), size, path))
    except OSError as error:
        reason = error.strerror or str(error)
        raise RenderError(f"soundfont must be a readable file, got {path} ({reason})") from None


def _read_title(head: bytes, size: int, path: Path) -> str:
    if head[:4] != b"RIFF" or head[8:12] != b"sfbk":
        raise RenderError(f"soundfont must be an SF2 or SF3 file (RIFF sfbk), got {path}")
    (length,) = struct.unpack_from("<I", head, 4)
    if length + 8 > size:
        raise RenderError(f"soundfont must be whole, got {path} with {size} of {length + 8} bytes")
    # The INFO list comes first: ids of four letters, each with a length and padded to even.
    if head[12:16] != b"LIST" or head[20:24] != b"INFO":
        raise RenderError(f"soundfont must begin with its INFO list, got {path}")
    at = 24
    while at + 8 <= len(head):
        name = head[at : at + 4]
        (length,) = struct.unpack_from("<I", head, at + 4)
        if name == b"INAM":
            text = head[at + 8 : at + 8 + length].split(b"\0")[0]
            return text.decode("latin-1").strip()
        at += 8 + length + length % 2
    return ""


def default_soundfont() -> SoundFont:
    """TimGM6mb of the package pretty_midi.

    Raises
    ------
    RenderError
        If the package or its file is missing.
    """
    # Found without importing: pretty_midi itself takes half a second to load.
    spec = importlib.util.find_spec("pretty_midi")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / f"{DEFAULT_NAME}.sf2"
        if path.is_file():
            return read_soundfont(path)
    raise RenderError(
        f"the default SoundFont {DEFAULT_NAME} must come with the package pretty_midi, "
        "got none; install pretty_midi again"
    )


def user_folder() -> Path:
    """Folder of the user's own SoundFonts."""
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "hybrid" / "soundfonts"


def find_soundfonts() -> tuple[SoundFont, ...]:
    """All SoundFonts that are here, in the order in which names are looked up.

    The default first, then those of ``$HYBRID_SOUNDFONTS``, of the user's folder, and of
    the system. Files that are damaged are left out; a file that two links lead to comes
    once.

    Examples
    --------
    >>> find_soundfonts()[0].name
    'TimGM6mb'
    """
    found: dict[Path, SoundFont] = {}
    candidates: list[Path] = []
    try:
        default = default_soundfont()
        found[default.path] = default
    except RenderError:
        pass  # Named in the error of whoever asks for it.
    places = [Path(part) for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    places += [user_folder(), *(Path(folder) for folder in SYSTEM_FOLDERS)]
    for place in places:
        if place.is_dir():
            candidates += sorted(
                path for path in place.iterdir() if path.suffix.lower() in SUFFIXES
            )
        else:
            candidates.append(place)
    for path in candidates:
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        try:
            font = read_soundfont(path)
        except RenderError:
            continue
        found.setdefault(font.path, font)
    return tuple(found.values())


def resolve_soundfont(wanted: str | os.PathLike[str] | SoundFont | None = None) -> SoundFont:
    """The SoundFont that is meant by a path, by a name (upper or lower case), or by None.

    Raises
    ------
    RenderError
        If there is none; the message lists those that are here.
    """
    if isinstance(wanted, SoundFont):
        return wanted
    if wanted is None:
        return default_soundfont()
    text = os.fspath(wanted)
    if Path(text).is_file() or os.sep in text:
        if not Path(text).exists():
            raise RenderError(f"soundfont must be a file or one of {_names()}, got {text!r}")
        return read_soundfont(Path(text))
    stem = text[: -len(Path(text).suffix)] if Path(text).suffix.lower() in SUFFIXES else text
    for font in find_soundfonts():
        if font.name.lower() == stem.lower():
            return font
    raise RenderError(f"soundfont must be a file or one of {_names()}, got {text!r}")


def _names() -> str:
    names = dict.fromkeys(font.name for font in find_soundfonts())
    return ", ".join(names) or "(none found)"
