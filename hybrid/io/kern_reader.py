"""Humdrum **kern -> Score.

Spines are followed through their splits (``*^``), joins (``*v``), exchanges, endings and
additions. Each keeps its own time; that the spines of a line agree is checked.

Why not through music21: its reader passes over tokens that it does not understand with a
line on standard error, and lost two of three sub-spines of a staff in our tests. It and
verovio are oracles there.

References
----------
Huron, D. (1995). The Humdrum Toolkit: Reference Manual. CCARH.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from hybrid.core.errors import FormatError, ScoreError
from hybrid.core.pitch import NO_SPELLING
from hybrid.core.plan import DYNAMICS
from hybrid.io.kern_signs import KernSigns
from hybrid.io.kern_tokens import KernNote, parse_token
from hybrid.io.kern_writer import INSTRUMENT_CODES, VOICE_CODES
from hybrid.io.quarters import Note, Part, Signatures, build, ticks_per_quarter
from hybrid.io.reading import Losses, Reading, decode_text, read_source

DEFAULT_VELOCITY = 80
_REFERENCE = re.compile(r"!!!([^:\s]+):\s*(.*)")
_TEXTS = ("**text", "**silbe", "**lyrics")


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
        If the file is none or malformed; the message names the line.
    """
    text = decode_text(read_source(path))
    try:
        return kern_to_score(text)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def kern_to_score(text: str) -> Reading:
    """`read_kern` on the text of a file."""
    reader = _Reader()
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        try:
            reader.line(line)
        except (FormatError, ScoreError) as error:
            raise FormatError(f"{error} (line {number})") from error
    return reader.reading()


@dataclass(eq=False)
class _Spine:
    """What one **-column holds, with all its sub-spines."""

    kind: str
    index: int
    name: str = ""
    code: str = ""
    part: str = ""
    clef: str = ""
    n_layers: int = 1
    notes: list[tuple[int, Note]] = field(default_factory=list)  # layer, note
    graces: list[tuple[Fraction, int, int, int, int]] = field(default_factory=list)
    marks: list[tuple[Fraction, int, str]] = field(default_factory=list)
    slurs: list[tuple[Fraction, Fraction, int]] = field(default_factory=list)
    open_slurs: list[tuple[Fraction, int]] = field(default_factory=list)
    open_ties: dict[int, list[Note]] = field(default_factory=dict)
    dynamics: list[tuple[Fraction, int]] = field(default_factory=list)
    lyrics: list[tuple[Fraction, str]] = field(default_factory=list)


@dataclass(eq=False)
class _Column:
    """One column of the present line: a spine or a sub-spine of it."""

    spine: _Spine | None  # None until its exclusive interpretation, after *+
    layer: int = 0
    at: Fraction = Fraction(0)  # where its next note begins


class _Reader:
    def __init__(self) -> None:
        self.losses = Losses()
        self.found = Signatures()
        self.spines: list[_Spine] = []
        self.columns: list[_Column] = []
        self.signs = KernSigns(self.losses)
        self.now = Fraction(0)

    # Lines ----------------------------------------------------------------------------

    def line(self, line: str) -> None:
        if not line.strip():
            return
        if line.startswith("!!"):
            self._reference(line)
            return
        tokens = line.rstrip("\n").split("\t")
        if line.startswith("**") and not self.columns:
            self.columns = [_Column(self._spine(kind)) for kind in tokens]
            if not any(spine.kind == "**kern" for spine in self.spines):
                kinds = ", ".join(tokens)
                raise FormatError(f"a kern file must have a spine **kern, got {kinds}")
            return
        if not self.columns:
            if self.spines:
                return  # behind the end of all spines
            raise FormatError("a Humdrum file must have a line that begins with '**', got none")
        if len(tokens) != len(self.columns):
            raise FormatError(
                f"a line must have a token for each of {len(self.columns)} spines, "
                f"got {len(tokens)}"
            )
        if line.startswith("!"):
            return
        if line.startswith("*"):
            self._interpretations(tokens)
        elif line.startswith("="):
            self._bar_line(tokens)
        else:
            self._data(tokens)

    def _reference(self, line: str) -> None:
        match = _REFERENCE.match(line)
        if match and match[1].startswith("OTL") and not self.found.title:
            self.found.title = " ".join(match[2].split())
        elif match and match[1] == "COM" and not self.found.composer:
            self.found.composer = " ".join(match[2].split())
        elif match:
            self.losses.add(1, "reference record", "a score has no place for it")

    def _spine(self, kind: str) -> _Spine:
        spine = _Spine(kind, len(self.spines))
        self.spines.append(spine)
        if kind not in ("**kern", "**dynam", *_TEXTS):
            self.losses.add(1, f"spine {kind}", "left out", f"spines {kind}")
        return spine

    # Interpretations ------------------------------------------------------------------

    def _interpretations(self, tokens: list[str]) -> None:
        if any(token in ("*^", "*v", "*+", "*x", "*-") for token in tokens):
            self._move_spines(tokens)
            return
        place = self._place()
        labels = {token for token in tokens if token.startswith("*>")}
        for label in sorted(labels):
            self.signs.label(label[2:], place)
        for column, token in zip(self.columns, tokens, strict=True):
            if token.startswith("**"):
                column.spine = self._spine(token)
                column.at = place
            elif column.spine is not None and column.spine.kind == "**kern":
                self.signs.read(token, column.spine, place)

    def _move_spines(self, tokens: list[str]) -> None:
        """Split, join, exchange, end and add columns."""
        moved: list[_Column] = []
        joining: _Column | None = None
        exchanged: int | None = None
        for column, token in zip(self.columns, tokens, strict=True):
            if token != "*v":
                joining = None
            if token == "*^":
                spine = column.spine
                layer = column.layer + 1
                if spine is not None:
                    used = {other.layer for other in self.columns if other.spine is spine}
                    used |= {other.layer for other in moved if other.spine is spine}
                    while layer in used:
                        layer += 1
                    spine.n_layers = max(spine.n_layers, layer + 1)
                moved += [column, _Column(spine, layer, column.at)]
            elif token == "*v":
                if joining is not None and joining.spine is column.spine:
                    joining.at = max(joining.at, column.at)
                    joining.layer = min(joining.layer, column.layer)
                else:
                    joining = column
                    moved.append(column)
            elif token == "*x":
                moved.append(column)
                if exchanged is None:
                    exchanged = len(moved) - 1
                else:
                    moved[exchanged], moved[-1] = moved[-1], moved[exchanged]
                    exchanged = None
            elif token == "*+":
                moved += [column, _Column(None, 0, column.at)]
            elif token != "*-":
                moved.append(column)
        self.columns = moved

    def _place(self) -> Fraction:
        """Where the kern spines stand."""
        places = [
            column.at
            for column in self.columns
            if column.spine is not None and column.spine.kind == "**kern"
        ]
        return min(places, default=self.now)

    # Bar lines and data ---------------------------------------------------------------

    def _bar_line(self, tokens: list[str]) -> None:
        token = next(
            (
                token
                for token, column in zip(tokens, self.columns, strict=True)
                if column.spine is not None and column.spine.kind == "**kern"
            ),
            "=",
        )
        place = max(
            (c.at for c in self.columns if c.spine is not None and c.spine.kind == "**kern"),
            default=self.now,
        )
        late = self._kern_columns()
        if any(column.at != place for column in late):
            self.losses.add(
                1,
                "bar line at which spines differ in time",
                "the longest spine is believed",
                "bar lines at which spines differ in time",
            )
            for column in late:
                column.at = place
        self.signs.bar_line(token, place)

    def _kern_columns(self) -> list[_Column]:
        return [c for c in self.columns if c.spine is not None and c.spine.kind == "**kern"]

    def _data(self, tokens: list[str]) -> None:
        start: Fraction | None = None
        others: list[tuple[_Column, str, _Spine | None]] = []
        kern: _Spine | None = None
        for column, token in zip(self.columns, tokens, strict=True):
            spine = column.spine
            if spine is None:
                continue
            if spine.kind == "**kern":
                kern = spine
            if token in (".", ""):
                continue
            if spine.kind == "**kern":
                begun = self._kern(token, column, spine)
                if begun is None:
                    continue
                if start is not None and begun != start:
                    self.losses.add(
                        1,
                        "line whose spines differ in time",
                        "each keeps its own",
                        "lines whose spines differ in time",
                    )
                start = begun if start is None else start
            else:
                others.append((column, token, kern))
        if start is not None:
            self.now = start
        for column, token, owner in others:
            self._beside(token, column, owner, self.now if start is None else start)

    def _beside(self, token: str, column: _Column, owner: _Spine | None, place: Fraction) -> None:
        """Dynamics and syllables of the kern spine to their left."""
        spine = column.spine
        assert spine is not None
        if spine.kind == "**dynam" and owner is not None:
            if token in DYNAMICS:
                owner.dynamics.append((place, DYNAMICS[token]))
            else:
                self.losses.add(1, "sign of dynamics", "left out", "signs of dynamics")
        elif spine.kind in _TEXTS:
            text = token.strip()
            if text not in ("|", "_", "-"):
                spine.lyrics.append((place, text.lstrip("-").replace("~", " ")))

    def _kern(self, token: str, column: _Column, spine: _Spine) -> Fraction | None:
        """Read a token; where its notes begin, None for grace notes."""
        notes = parse_token(token)
        for note in notes:
            for name in note.unkept:
                self.losses.add(1, name, "a score has no place for it")
        graces = [note for note in notes if note.is_grace and not note.is_rest]
        if any(note.is_grace for note in notes):
            for note in graces:
                rank = sum(item[0] == column.at for item in spine.graces)
                spine.graces.append((column.at, note.pitch, rank, column.layer, note.spelling))
            return None
        start = column.at
        lengths = [note.length for note in notes if note.length is not None]
        if not lengths or min(lengths) <= 0:
            raise FormatError(f"a kern note must have a duration, got {token!r}")
        is_new = False
        for note in notes:
            if not note.is_rest:
                is_new |= self._note(note, start, note.length or lengths[0], column, spine)
        first = notes[0]
        if is_new:
            marks = dict.fromkeys(mark for note in notes for mark in note.marks)
            spine.marks += [(start, first.pitch, mark) for mark in marks]
        # A slur over chords may stand at any member.
        for _ in range(max(note.slurs_close for note in notes)):
            if spine.open_slurs:
                begun, layer = spine.open_slurs.pop()
                if begun < start:
                    spine.slurs.append((begun, start, layer))
            else:
                self.losses.add(1, "slur from nowhere", "left out", "slurs from nowhere")
        spine.open_slurs += [(start, column.layer)] * max(note.slurs_open for note in notes)
        column.at = start + min(lengths)
        return start

    def _note(
        self, note: KernNote, start: Fraction, length: Fraction, column: _Column, spine: _Spine
    ) -> bool:
        """Add a note; False if a tie makes it part of one before."""
        waiting = spine.open_ties.setdefault(note.pitch, [])
        if note.ends_tie:
            for place, before in enumerate(waiting):
                if before.end == start:
                    before.end = start + length
                    if not note.starts_tie:
                        del waiting[place]
                    return False
            self.losses.add(1, "tie from nowhere", "left out", "ties from nowhere")
        new = Note(start, start + length, note.pitch, DEFAULT_VELOCITY, 0, note.spelling)
        spine.notes.append((column.layer, new))
        if note.starts_tie:
            waiting.append(new)
        return True

    # Score ----------------------------------------------------------------------------

    def reading(self) -> Reading:
        kern = [spine for spine in self.spines if spine.kind == "**kern"]
        if not kern:
            raise FormatError("a Humdrum file must have a line that begins with '**', got none")
        if self.columns:
            self.losses.say("the spines do not end with *-")
        self._give_dynamics_and_words()
        parts = [self._part(staves) for staves in _parts(kern)]
        end = max(
            (note.end for part in parts for note in part.notes),
            default=Fraction(0),
        )
        end = max([end, *(bar.place for bar in self.signs.bars)])
        self.signs.give_to(self.found, end)
        try:
            quarter = ticks_per_quarter(parts, self.found, self.losses)
            score = build(parts, self.found, quarter)
        except ScoreError as error:
            raise FormatError(str(error)) from error
        return Reading(score, self.losses.lines())

    def _give_dynamics_and_words(self) -> None:
        self.words: dict[int, list[_Spine]] = {}
        owner: _Spine | None = None
        for spine in self.spines:
            if spine.kind == "**kern":
                owner = spine
            elif spine.kind in _TEXTS and owner is not None:
                self.words.setdefault(owner.index, []).append(spine)

    def _part(self, staves: list[_Spine]) -> Part:
        code = next((spine.code for spine in staves if spine.code), "")
        programs = {name: program for program, name in reversed(INSTRUMENT_CODES.items())}
        part = Part(
            name=next((spine.name for spine in staves if spine.name), ""),
            program=52 if code in VOICE_CODES else programs.get(code, 0),
            is_drum=code.startswith("drm") or any(s.clef == "percussion" for s in staves),
        )
        if part.is_drum:
            part.midi_channel = 9
        elif len(staves) == 1:
            part.clef = staves[0].clef
        for rank, spine in enumerate(staves):
            base = 4 * rank + 1  # voices 1 to 4 on the first staff, 5 to 8 on the second
            for layer, note in spine.notes:
                note.voice = base + layer
                note.spelling = NO_SPELLING if part.is_drum else note.spelling
                for place, velocity in spine.dynamics:
                    if place <= note.onset:
                        note.velocity = velocity
                part.notes.append(note)
            part.graces += [
                (p, pitch, n, base + layer, s) for p, pitch, n, layer, s in spine.graces
            ]
            part.articulations += spine.marks
            part.slurs += [(start, stop, base + layer) for start, stop, layer in spine.slurs]
            for verse, words in enumerate(self.words.get(spine.index, ()), start=1):
                part.lyrics += [(place, text, verse) for place, text in words.lyrics]
            hanging = sum(len(notes) for notes in spine.open_ties.values())
            self.losses.add(hanging, "tie to nowhere", "left out", "ties to nowhere")
            self.losses.add(
                len(spine.open_slurs), "slur to nowhere", "left out", "slurs to nowhere"
            )
        return part


def _parts(spines: list[_Spine]) -> Iterator[list[_Spine]]:
    """Parts from the highest staff down; spines of one ``*part`` are its staves."""
    groups: dict[str, list[_Spine]] = {}
    for spine in reversed(spines):
        groups.setdefault(spine.part or f"spine {spine.index}", []).append(spine)
    yield from groups.values()
