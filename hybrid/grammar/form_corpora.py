"""Readers of annotated forms: SALAMI, POP909 structure labels, McGill Billboard.

Each reader takes the corpus as it is published: the ``.tar.xz`` archive, an unpacked folder, or a
folder that holds one of them. Nothing of a corpus ships with the package; what was learned from
them does (:mod:`hybrid.grammar.form_samples`).

References
----------
Smith, J. B. L., Burgoyne, J. A., Fujinaga, I., De Roure, D. and Downie, J. S. (2011). Design and
creation of a large-scale database of structural annotations. ISMIR.
Dai, S., Zhang, H. and Dannenberg, R. B. (2020). Automatic analysis and influence of hierarchical
structure on melody, rhythm and harmony in popular music. CSMC + MuMe.
Burgoyne, J. A., Wild, J. and Fujinaga, I. (2011). An expert ground truth set for audio chord
recognition and music analysis. ISMIR.
"""

from __future__ import annotations

import csv
import io
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from hybrid.core.errors import FormatError

#: Section labels that say that nothing is played, or where the file ends.
SILENT = frozenset({"silence", "end", "&pause", ""})
#: Spellings of one function. What is not listed stays as it is, in lower case.
FUNCTIONS: Mapping[str, str] = {
    "no_function": "none",
    "main_theme": "theme",
    "main theme": "theme",
    "secondary_theme": "second theme",
    "secondary theme": "second theme",
    "post-chorus": "postchorus",
    "pre-chorus": "prechorus",
    "pre chorus": "prechorus",
    "pre-chorus two": "prechorus",
    "pre-verse": "preverse",
    "pre-intro": "intro",
    "chorus a": "chorus",
    "chorus b": "chorus",
    "refrain": "chorus",
    "trans": "transition",
    "fade-out": "fadeout",
    "fade out": "fadeout",
    "out": "outro",
    "ending": "outro",
    "code": "coda",
    "strophe": "verse",
    "verse two": "verse",
    "verse three": "verse",
    "spoken verse": "verse",
    "intro a": "intro",
    "intro b": "intro",
    "instrumental break": "instrumental",
}


# -- files --------------------------------------------------------------------------------------


def read_files(source: str | Path, wanted: Callable[[str], bool]) -> dict[str, str]:
    """Text files of an archive or a folder, by their path inside it, in alphabetical order.

    Parameters
    ----------
    source : path
        A ``.tar``, ``.tar.xz``, ... archive; a folder of files; or a folder with one archive.
    wanted : callable
        Told a path with forward slashes, says whether to read it.

    Raises
    ------
    FormatError
        If ``source`` is neither, or holds no such file.
    """
    path = Path(source)
    found: dict[str, str] = {}
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            name = file.relative_to(path).as_posix()
            if file.is_file() and wanted(name):
                found[name] = _text(file.read_bytes())
        archives = sorted(path.glob("*.tar.xz"))
        if not found and len(archives) == 1:
            return read_files(archives[0], wanted)
    elif path.is_file():
        try:
            with tarfile.open(path) as archive:
                for member in archive:
                    name = member.name.removeprefix("./")
                    handle = archive.extractfile(member) if member.isfile() else None
                    if handle is not None and wanted(name):
                        found[name] = _text(handle.read())
        except (tarfile.TarError, OSError, EOFError) as error:
            raise FormatError(f"corpus must be a tar archive, got {path}: {error}") from error
    else:
        raise FormatError(f"corpus must be an archive or a folder, got {path}")
    if not found:
        raise FormatError(f"corpus must hold files of its kind, got none in {path}")
    return dict(sorted(found.items()))


def _text(data: bytes) -> str:
    # A few of the thousands of files hold a stray byte, which no label needs.
    return data.decode("utf-8", errors="replace").removeprefix("\ufeff")


def song_key(title: str, artist: str) -> str:
    """What two recordings of one song share: title and artist without case and punctuation.

    >>> song_key("Don't Stop", "The  Band") == song_key("Dont_Stop", "the band")
    True
    """
    words = [re.sub(r"[\W_]+", " ", text.replace("'", "")).strip() for text in (title, artist)]
    return "/".join(word.casefold() for word in words)


def function_name(label: str) -> str:
    """One name for the spellings of a section's function.

    >>> function_name("Pre-Chorus"), function_name("no_function")
    ('prechorus', 'none')
    """
    name = label.strip().casefold()
    return FUNCTIONS.get(name, name.replace("_", " "))


def by_appearance(labels: Iterable[str]) -> tuple[str, ...]:
    """Letters in the order of first appearance: the first label is A, the next new one B, ...

    Beyond the 26th, ``Z`` stands for all others.

    >>> by_appearance(["C", "A", "C", "X"])
    ('A', 'B', 'A', 'C')
    """
    names: dict[str, str] = {}
    return tuple(names.setdefault(label, chr(ord("A") + min(len(names), 25))) for label in labels)


# -- SALAMI -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SalamiForm:
    """One annotator's sections of one recording, in order. SALAMI has seconds and no bars.

    Attributes
    ----------
    identifier : str
        SALAMI's number of the recording.
    song : str
        `song_key`, or the number where title and artist are unknown.
    annotator : int
        1 or 2: which file.
    genre : str
        Class: popular, jazz, classical, world, Live_Music_Archive, or empty.
    functions, letters : tuple of str
        Functions (`function_name`) and upper-case letters as written, without silence and ends.
        The two have boundaries of their own.
    """

    identifier: str
    song: str
    annotator: int
    genre: str
    functions: tuple[str, ...]
    letters: tuple[str, ...]


_SALAMI = re.compile(r"(?:.*/)?annotations/(\d+)/parsed/textfile([12])_(functions|uppercase)\.txt")


def read_salami(source: str | Path) -> tuple[SalamiForm, ...]:
    """Read SALAMI's section orders, by recording number and annotator.

    Raises
    ------
    FormatError
        If the files are not there, or a line does not read ``time TAB label``.
    """
    files = read_files(
        source, lambda name: bool(_SALAMI.fullmatch(name)) or name.endswith("metadata.csv")
    )
    facts: dict[str, tuple[str, str]] = {}
    labels: dict[tuple[int, int], dict[str, tuple[str, ...]]] = {}
    for name, text in files.items():
        match = _SALAMI.fullmatch(name)
        if match is None:
            for row in csv.DictReader(io.StringIO(text)):
                title, artist = row.get("SONG_TITLE") or "", row.get("ARTIST") or ""
                known = title.strip() and artist.strip()
                number = row.get("SONG_ID") or ""
                facts[number] = (
                    song_key(title, artist) if known else number,
                    row.get("CLASS") or "",
                )
            continue
        kinds = labels.setdefault((int(match[1]), int(match[2])), {})
        kinds[match[3]] = tuple(_salami_labels(text, name))
    forms = []
    for (number, annotator), kinds in sorted(labels.items()):
        song, genre = facts.get(str(number), (str(number), ""))
        functions = tuple(function_name(label) for label in kinds.get("functions", ()))
        letters = kinds.get("uppercase", ())
        forms.append(SalamiForm(str(number), song, annotator, genre, functions, letters))
    return tuple(forms)


def _salami_labels(text: str, name: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        time, tab, label = line.partition("\t")
        try:
            float(time)
        except ValueError:
            tab = ""
        if not tab:
            raise FormatError(f"{name}, line {number}: must read time TAB label, got {line!r}")
        if label.strip().casefold() not in SILENT:
            yield label.strip()


# -- POP909 structure ---------------------------------------------------------------------------


@dataclass(frozen=True)
class ChordSpan:
    """A chord symbol and how long it lasts.

    Attributes
    ----------
    symbol : str
        ``C:maj7``, or ``N`` for none.
    duration : Fraction
        In bars of the song's metre.
    """

    symbol: str
    duration: Fraction


@dataclass(frozen=True)
class PopForm:
    """A song of POP909 with its two human labellings.

    Attributes
    ----------
    identifier : str
        Three digits.
    labellings : tuple of tuple of (str, int)
        Phrase letter as written, and bars.
    keys : tuple of str
        As analysed, such as ``Gb:maj``; more than one where the song modulates.
    chords : tuple of ChordSpan
        The whole song, in bars of four beats.
    """

    identifier: str
    labellings: tuple[tuple[tuple[str, int], ...], ...]
    keys: tuple[str, ...]
    chords: tuple[ChordSpan, ...]


_POP = re.compile(r"(?:.*/)?(\d{3})/(human_label[12]|finalized_chord|analyzed_key)\.txt")
_PHRASES = re.compile(r"(?:[A-Za-z]\d+)+")
# The bass, or anything after a stray byte or space, does not hide the symbol and the beats.
_POP_CHORD = re.compile(r"(?P<symbol>\S+)\s+\[[^\]]*\]\s+(?:-?\d+)?\s+(?P<beats>\d+)\b.*")


def read_pop909_structure(source: str | Path) -> tuple[PopForm, ...]:
    """Read the labels, keys and chords, by song number.

    Raises
    ------
    FormatError
        If the files are not there, or a labelling or a chord line cannot be read.
    """
    files = read_files(source, lambda name: bool(_POP.fullmatch(name)))
    songs: dict[str, dict[str, str]] = {}
    for name, text in files.items():
        match = _POP.fullmatch(name)
        assert match is not None
        songs.setdefault(match[1], {})[match[2]] = text
    return tuple(_pop_form(number, texts) for number, texts in sorted(songs.items()))


def _pop_form(number: str, texts: Mapping[str, str]) -> PopForm:
    labellings = []
    for name in ("human_label1", "human_label2"):
        text = texts.get(name, "").strip()
        if not _PHRASES.fullmatch(text):
            raise FormatError(f"song {number}, {name}: must read such as i4A8B8o2, got {text!r}")
        pairs = re.findall(r"([A-Za-z])(\d+)", text)
        labellings.append(tuple((letter, int(bars)) for letter, bars in pairs))
    chords = []
    for line in texts.get("finalized_chord", "").splitlines():
        match = _POP_CHORD.fullmatch(line.strip())
        if line.strip() and match is None:
            raise FormatError(
                f"song {number}: chord must read symbol [tones] root beats, got {line!r}"
            )
        if match:
            chords.append(ChordSpan(match["symbol"], Fraction(int(match["beats"]), 4)))
    keys = tuple(texts.get("analyzed_key", "").split())
    return PopForm(number, tuple(labellings), keys, tuple(chords))


# -- McGill Billboard ---------------------------------------------------------------------------


@dataclass(frozen=True)
class BillboardSection:
    """A labelled section.

    Attributes
    ----------
    letter : str
        Such as ``A'``, or empty (fade-outs).
    function : str
        `function_name`, or ``none``.
    bars : int
        Repetitions (``x4``) written out.
    tonic : str
        At its beginning.
    metre : str
    chords : tuple of ChordSpan
        They fill the bars exactly.
    """

    letter: str
    function: str
    bars: int
    tonic: str
    metre: str
    chords: tuple[ChordSpan, ...]


@dataclass(frozen=True)
class BillboardForm:
    """One file of McGill Billboard. Some songs have several: compare ``song``."""

    identifier: str
    title: str
    artist: str
    sections: tuple[BillboardSection, ...]

    @property
    def song(self) -> str:
        """Key to split by (`song_key`)."""
        return song_key(self.title, self.artist)


_BILLBOARD = re.compile(r"(?:.*/)?(\d{4})/salami_chords\.txt")
_LETTER = re.compile(r"[A-Z]'*")
_TIMES = re.compile(r"x(\d+)")


def read_billboard(source: str | Path) -> tuple[BillboardForm, ...]:
    """Read titles, sections and chords, by file number.

    Bars are bars as written, whatever their metre: a bar marked ``(2/4)`` counts 1. Lines
    marked as silence, and a pause, have no bars.

    Raises
    ------
    FormatError
        If the files are not there, or one has no title, artist, metre or tonic.
    """
    files = read_files(source, lambda name: bool(_BILLBOARD.fullmatch(name)))
    forms = []
    for name, text in files.items():
        match = _BILLBOARD.fullmatch(name)
        assert match is not None
        forms.append(_billboard_form(match[1], text))
    return tuple(forms)


@dataclass
class _Open:
    """A section while its lines are read."""

    letter: str
    function: str
    tonic: str
    metre: str
    bars: int
    chords: list[ChordSpan]

    def close(self) -> BillboardSection:
        return BillboardSection(
            self.letter, self.function, self.bars, self.tonic, self.metre, tuple(self.chords)
        )


def _billboard_form(number: str, text: str) -> BillboardForm:
    facts: dict[str, str] = {}
    sections: list[_Open] = []
    for line in text.splitlines():
        header = re.fullmatch(r"#\s*(\w+):\s*(.*?)\s*", line)
        if header:
            facts[header[1]] = header[2]
            continue
        _, tab, content = line.partition("\t")
        if not tab:
            continue
        missing = [what for what in ("title", "artist", "metre", "tonic") if what not in facts]
        if missing:
            raise FormatError(f"billboard file {number} must have a {missing[0]}, got none")
        before, body, after = _split_bars(content)
        fields = [field.strip() for field in before.split(",") if field.strip()]
        letter = next((f for f in fields if _LETTER.fullmatch(f)), "")
        words = [f for f in fields if not _LETTER.fullmatch(f)]
        if any(word.casefold() in ("silence", "end") for word in words):
            continue
        if letter or words:
            function = function_name(words[0]) if words else "none"
            sections.append(_Open(letter, function, facts["tonic"], facts["metre"], 0, []))
        if body is None or not sections:
            continue
        times = next((int(m[1]) for f in after.split(",") if (m := _TIMES.fullmatch(f.strip()))), 1)
        bars = [_bar(bar, sections[-1]) for bar in body.split("|")]
        for _ in range(times):
            for bar in bars:
                _append_bar(sections[-1], bar)
    title, artist = facts.get("title", ""), facts.get("artist", "")
    return BillboardForm(number, title, artist, tuple(s.close() for s in sections))


def _split_bars(content: str) -> tuple[str, str | None, str]:
    first, last = content.find("|"), content.rfind("|")
    if first < 0 or last == first:
        return content, None, ""
    return content[:first], content[first + 1 : last], content[last + 1 :]


def _bar(text: str, section: _Open) -> list[str] | None:
    """Chord symbols on equal shares of one bar; None for a pause."""
    slots: list[str] = []
    for word in text.split():
        if word.startswith("("):
            continue
        if word == "&pause":
            return None
        if word in (".", "*"):  # held; and the few illegible ones are taken as held
            slots.append(slots[-1] if slots else "")
        else:
            slots.append(word)
    return slots


def _append_bar(section: _Open, slots: list[str] | None) -> None:
    if not slots:
        return
    section.bars += 1
    share = Fraction(1, len(slots))
    for slot in slots:
        symbol = slot or (section.chords[-1].symbol if section.chords else "N")
        if section.chords and section.chords[-1].symbol == symbol:
            last = section.chords.pop()
            section.chords.append(ChordSpan(symbol, last.duration + share))
        else:
            section.chords.append(ChordSpan(symbol, share))
