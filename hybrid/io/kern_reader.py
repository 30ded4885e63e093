"""Humdrum **kern -> Score, through music21.

Names, instruments and sections, which music21 leaves out, are taken from the file itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hybrid.core.errors import FormatError
from hybrid.io.kern_writer import INSTRUMENT_CODES, VOICE_CODES
from hybrid.io.m21_reader import Hints, PartHint, parsing, stream_to_score
from hybrid.io.reading import Losses, Reading, decode_text, read_source


def read_kern(path: str | Path) -> Reading:
    """Read a Humdrum file with **kern spines.

    Returns
    -------
    Reading
        One track for each spine, or for each part where ``*part`` joins several staves;
        the highest first. Tied notes are one note; repeats stand as signs.

    Raises
    ------
    FormatError
        If the file is none or malformed.
    """
    text = decode_text(read_source(path))
    try:
        return kern_to_score(text)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def kern_to_score(text: str) -> Reading:
    """`read_kern` on the text of a file."""
    losses = Losses()
    hints = _read_header(text, losses)
    with parsing("the file", "Humdrum kern", losses):
        from music21 import humdrum

        data = humdrum.spineParser.HumdrumDataCollection(text)
        data.parse()
        stream = data.stream
        assert stream is not None
        score = stream_to_score(stream, losses, hints)
    return Reading(score, losses.lines())


@dataclass
class _Spine:
    """What the interpretations before the first note say of a spine."""

    index: int
    part: str = ""
    name: str = ""
    code: str = ""


def _read_header(text: str, losses: Losses) -> Hints:
    """Parts, names, instruments and section labels."""
    lines = text.splitlines()
    first = next((line for line in lines if line.startswith("**")), None)
    if first is None:
        raise FormatError("a Humdrum file must have a line that begins with '**', got none")
    kinds = first.split("\t")
    if "**kern" not in kinds:
        raise FormatError(f"a kern file must have a spine **kern, got {', '.join(kinds)}")
    spines = {at: _Spine(at) for at, kind in enumerate(kinds) if kind == "**kern"}
    others = sorted({kind for kind in kinds if kind not in _READ_SPINES})
    for kind in others:
        losses.add(kinds.count(kind), f"spine {kind}", "left out", f"spines {kind}")
    marks: list[tuple[int, str]] = []
    bar, has_data = 0, False  # bars that have begun, and whether this one has notes
    in_header = True
    for line in lines[lines.index(first) + 1 :]:
        if not line or line.startswith("!"):
            continue
        tokens = line.split("\t")
        if line.startswith("="):
            bar += has_data
            has_data = False
        elif line.startswith("*"):
            if in_header and len(tokens) == len(kinds):
                for at, spine in spines.items():
                    _read_interpretation(tokens[at], spine)
            if any(token in ("*^", "*v", "*+", "*-", "*x") for token in tokens):
                in_header = False
            label = _LABEL.fullmatch(tokens[0])
            if label and not has_data:
                marks.append((bar, label[1]))
            elif tokens[0].startswith("*>"):
                losses.add(1, "section label", "left out: it is not at a bar line or is a list")
        else:
            in_header = False
            has_data = True
    return Hints(parts=_parts(spines), bar_marks=tuple(marks))


_READ_SPINES = ("**kern", "**text", "**lyrics", "**dynam")
_LABEL = re.compile(r"\*>([^\[\]]+)")


def _read_interpretation(token: str, spine: _Spine) -> None:
    if token.startswith("*part"):
        spine.part = token[5:]
    elif token.startswith('*I"'):
        spine.name = token[3:].strip()
    elif token.startswith("*I") and len(token) > 2 and token[2].isalpha() and token[2].islower():
        spine.code = token[2:]


def _parts(spines: Mapping[int, _Spine]) -> tuple[PartHint, ...]:
    """Parts from the highest staff down; spines of one ``*part`` are its staves."""
    programs = {code: program for program, code in reversed(INSTRUMENT_CODES.items())}
    groups: dict[str, list[_Spine]] = {}
    for spine in reversed(list(spines.values())):
        groups.setdefault(spine.part or f"spine {spine.index}", []).append(spine)
    found = []
    for members in groups.values():
        name = next((spine.name for spine in members if spine.name), "")
        code = next((spine.code for spine in members if spine.code), "")
        program = 52 if code in VOICE_CODES else programs.get(code)
        staves = tuple(f"spine_{spine.index}" for spine in members)
        found.append(PartHint(staves, name, program, code.startswith("drm")))
    return tuple(found)
