"""The 80 chorales that rates and percentiles are measured on.

They are the group ``bach_chorales`` of the corpus ``roman_numerals``: four parts in
MusicXML of one plain shape, so the standard library's XML parser is enough to read them,
and all 80 are read in a second.
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

from hybrid.core.errors import FormatError
from hybrid.core.pitch import STEP_SEMITONES, Key, spelling_of
from hybrid.core.score import KeySignature, Score, Track, make_notes
from hybrid.core.timeline import Metre

TPQ = 480
PARTS = ("soprano", "alto", "tenor", "bass")
REPOSITORY = Path(__file__).resolve().parents[1]


def data_folder() -> Path:
    """The folder of corpora: ``$HYBRID_SHARED_DATA`` or ``shared/data`` beside the checkout."""
    given = os.environ.get("HYBRID_SHARED_DATA")
    return Path(given) if given else REPOSITORY.parent / "shared" / "data"


def read_chorales(folder: Path | None = None) -> dict[str, Score]:
    """All 80 chorales by their number, ``bcmh001`` ...

    Raises
    ------
    FormatError
        If the corpus is not there, or a file is not of the plain shape.
    """
    place = (folder or data_folder()) / "roman_numerals" / "bach_chorales"
    files = sorted(place.glob("*/score.mxl"))
    if not files:
        raise FormatError(f"the corpus roman_numerals must be in the data folder, got {place}")
    return {path.parent.name.rsplit("_", 1)[-1]: read_chorale(path) for path in files}


def read_chorale(path: Path) -> Score:
    """One chorale: four parts, one note at a time, ties joined."""
    with zipfile.ZipFile(path) as archive:
        root = ElementTree.fromstring(archive.read("score.xml"))
    parts = root.findall("part")
    if len(parts) != len(PARTS):
        raise FormatError(f"a chorale must have four parts, got {len(parts)} ({path})")
    metres: dict[int, Metre] = {}
    keys: dict[int, Key] = {}
    tracks = []
    pickup = 0
    for name, part in zip(PARTS, parts, strict=True):
        rows: list[list[int]] = []
        tick, divisions, tied = 0, 1, False
        for number, measure in enumerate(part.findall("measure")):
            start = tick
            for item in measure:
                if item.tag == "attributes":
                    divisions = int(item.findtext("divisions") or divisions)
                    if (fifths := item.findtext("key/fifths")) is not None:
                        keys[tick] = Key.from_fifths(int(fifths))
                    if (beats := item.findtext("time/beats")) is not None:
                        unit = int(item.findtext("time/beat-type") or 4)
                        metres[tick] = Metre(tick, int(beats), unit)
                elif item.tag in ("backup", "forward"):
                    raise FormatError(f"a part must have one voice, got {item.tag} ({path})")
                elif item.tag == "note":
                    length = int(item.findtext("duration") or 0) * TPQ // divisions
                    if item.find("rest") is None:
                        ends = {tie.get("type") for tie in item.findall("tie")}
                        if "stop" in ends and tied:
                            rows[-1][1] += length
                        else:
                            rows.append([tick, length, *_pitch(item)])
                        tied = "start" in ends
                    tick += length
            if number == 0 and tick - start < metres[0].bar_ticks(TPQ):
                pickup = tick - start
        notes = [(on, length, pitch, 80, 1, tone) for on, length, pitch, tone in rows]
        tracks.append(Track(name, make_notes(notes), program=52))
    return Score(
        tuple(tracks),
        ticks_per_quarter=TPQ,
        metres=tuple(metres[at] for at in sorted(metres)),
        keys=tuple(KeySignature(at, keys[at]) for at in sorted(keys)),
        pickup_ticks=pickup,
        title=root.findtext("movement-title") or "",
        composer="Johann Sebastian Bach",
    )


def _pitch(note: ElementTree.Element) -> tuple[int, int]:
    """MIDI pitch and tonal pitch class of a note element."""
    letter = note.findtext("pitch/step") or "C"
    alteration = int(float(note.findtext("pitch/alter") or 0))
    octave = int(note.findtext("pitch/octave") or 4)
    spelling = spelling_of(letter, alteration)
    return 12 * (octave + 1) + STEP_SEMITONES["CDEFGAB".index(letter)] + alteration, spelling
