"""MusicXML -> Score, through music21.

What music21 leaves out is taken from the XML before it sees it: the voice of a measure in
which only one sounds, the pitch of drums (as General MIDI numbers them), and tempi that are
printed rounded. Durations that the file has rounded are made exact (`musicxml_rounding`).
"""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
import zipfile
import zlib
from pathlib import Path

from hybrid.core.errors import FormatError
from hybrid.core.score import Score
from hybrid.io.drum_staff import DRUMS
from hybrid.io.m21_reader import parsing, stream_to_score
from hybrid.io.musicxml_rounding import undo_rounding
from hybrid.io.reading import Losses, Reading, read_source

_MAX_UNPACKED = 2**30
_DRUM_STEPS = ("C", "C", "D", "E", "E", "F", "F", "G", "A", "A", "B", "B")
_DRUM_ALTERS = (0, 1, 0, -1, 0, 0, 1, 0, -1, 0, -1, 0)


def read_musicxml(path: str | Path) -> Reading:
    """Read MusicXML, plain or compressed (.mxl).

    Returns
    -------
    Reading
        At sounding pitch; tied notes are one note; repeats stand as signs.

    Raises
    ------
    FormatError
        If the file is none or malformed; the message names file and place.
    """
    data = read_source(path)
    try:
        if data.startswith(b"PK"):
            data = _unpack(data)
        return musicxml_to_score(data)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def musicxml_to_score(data: bytes | str) -> Reading:
    """`read_musicxml` on the text of a plain file."""
    losses = Losses()
    try:
        root = ET.fromstring(data)
    except ET.ParseError as error:
        raise FormatError(f"a MusicXML file must be well-formed XML: {error}") from error
    if root.tag == "score-timewise":
        root = _partwise(root)
    if root.tag != "score-partwise":
        raise FormatError(f"a MusicXML file must hold a <score-partwise>, got <{root.tag}>")
    parts = root.findall("part")
    undo_rounding(root, losses)
    _exact_tempi(root)
    voices = _voice_names(parts)
    drums = _pitch_drums(root, parts, losses)
    score = _parse(root, voices, drums, losses)
    return Reading(score, losses.lines())


def _parse(
    root: ET.Element,
    voices: dict[tuple[int, int, int], int],
    drums: frozenset[int],
    losses: Losses,
) -> Score:
    with parsing("the file", "MusicXML", losses):
        from music21.musicxml import xmlToM21

        importer = xmlToM21.MusicXMLImporter()
        # Into its own stream: parts of several staves are lost in any other.
        importer.xmlRootToScore(root, importer.stream)
        stream = importer.stream
        stream.toSoundingPitch(inPlace=True)
        return stream_to_score(stream, losses, voices, drums)


def _unpack(data: bytes) -> bytes:
    """The score inside a compressed file, as its container names it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            container = ET.fromstring(archive.read("META-INF/container.xml"))
            place = next(
                (
                    node.get("full-path")
                    for node in container.iter()
                    if node.tag.endswith("rootfile")
                ),
                None,
            )
            if place is None:
                raise FormatError("a compressed MusicXML file must name its score, got no rootfile")
            if archive.getinfo(place).file_size > _MAX_UNPACKED:
                raise FormatError(f"a score must unpack to {_MAX_UNPACKED} bytes at most")
            return archive.read(place)
    # zipfile raises the last two of a directory that points nowhere, and of a password.
    except (
        zipfile.BadZipFile,
        KeyError,
        ET.ParseError,
        zlib.error,
        EOFError,
        ValueError,
        RuntimeError,
    ) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"a compressed MusicXML file must be a sound archive: {error}") from error


def _partwise(root: ET.Element) -> ET.Element:
    """A time-wise score (measures that hold parts) as a part-wise one."""
    turned = ET.Element("score-partwise", root.attrib)
    parts: dict[str, ET.Element] = {}
    for node in root:
        if node.tag != "measure":
            turned.append(node)
            continue
        for part in node.findall("part"):
            name = part.get("id", "")
            if name not in parts:
                parts[name] = ET.SubElement(turned, "part", {"id": name})
            measure = ET.SubElement(parts[name], "measure", node.attrib)
            measure.extend(list(part))
    return turned


def _exact_tempi(root: ET.Element) -> None:
    """Let metronome marks say the tempo that sounds, which may be finer than the printed one."""
    for direction in root.iter("direction"):
        sound, mark = direction.find("sound"), direction.find("direction-type/metronome")
        if sound is None or mark is None or len(mark.findall("beat-unit")) != 1:
            continue
        tempo, number = sound.get("tempo"), mark.find("per-minute")
        unit = mark.find("beat-unit")
        if tempo is None or number is None or unit is None:
            continue
        unit.text, number.text = "quarter", tempo
        for dot in mark.findall("beat-unit-dot"):
            mark.remove(dot)


def _voice_names(parts: list[ET.Element]) -> dict[tuple[int, int, int], int]:
    """The voice of every (part, measure, staff) in which only one sounds."""
    found: dict[tuple[int, int, int], int] = {}
    for index, part in enumerate(parts):
        for number, measure in enumerate(part.findall("measure")):
            voices: dict[int, set[str]] = {}
            for note in measure.findall("note"):
                if note.find("rest") is None:
                    staff = note.findtext("staff", "1").strip()
                    voice = note.findtext("voice", "").strip()
                    if staff.isdigit():
                        voices.setdefault(int(staff) - 1, set()).add(voice)
            for row, names in voices.items():
                name = next(iter(names))
                if len(names) == 1 and name.isdigit() and 0 < int(name) < 1000:
                    found[index, number, row] = int(name)
    return found


def _pitch_drums(root: ET.Element, parts: list[ET.Element], losses: Losses) -> frozenset[int]:
    """Give unpitched notes the pitch of their General MIDI drum; which parts have any."""
    numbers: dict[str, int] = {}
    for node in root.iter("midi-instrument"):
        text = node.findtext("midi-unpitched", "").strip()
        if text.isdigit() and 1 <= int(text) <= 128:
            numbers[node.get("id", "")] = int(text) - 1
    by_place = {(row[1], row[2]): pitch for pitch, row in reversed(DRUMS.items())}
    drums = set()
    for index, part in enumerate(parts):
        for note in part.iter("note"):
            unpitched = note.find("unpitched")
            if unpitched is None:
                continue
            drums.add(index)
            instrument = note.find("instrument")
            name = instrument.get("id", "") if instrument is not None else ""
            pitch = numbers.get(name)
            if pitch is None:
                step = unpitched.findtext("display-step", "B").strip()
                octave = unpitched.findtext("display-octave", "4").strip()
                pitch = by_place.get((step, int(octave) if octave.isdigit() else 4), 38)
                losses.add(
                    1,
                    "drum note without a MIDI number",
                    "taken by its place on the staff",
                    "drum notes without a MIDI number",
                )
            _set_pitch(unpitched, pitch)
    return frozenset(drums)


def _set_pitch(node: ET.Element, pitch: int) -> None:
    node.clear()
    node.tag = "pitch"
    ET.SubElement(node, "step").text = _DRUM_STEPS[pitch % 12]
    alter = _DRUM_ALTERS[pitch % 12]
    if alter:
        ET.SubElement(node, "alter").text = str(alter)
    ET.SubElement(node, "octave").text = str(pitch // 12 - 1)
