"""Readers of annotated forms: counts of the published corpora, and small made-up files."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from hybrid.core.errors import FormatError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key
from hybrid.grammar.form_corpora import (
    by_appearance,
    function_name,
    read_billboard,
    read_files,
    read_pop909_structure,
    read_salami,
)
from hybrid.grammar.form_corpora_numerals import pitch_class, read_chord

BILLBOARD = """# title: A Song
# artist: A Band
# metre: 4/4
# tonic: C

0.0\tsilence
0.1\tA, intro, | C:maj | . |, (guitar)
2.0\tB, verse, | C:maj | F:maj G:7 |, x2
9.0\t| A:min . . G:maj | N |
# tonic: D
12.0\tC', chorus, | D:maj | (2/4) A:7 |, voice)
15.0\tZ, fadeout
16.0\tend
"""


def _write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_salami_has_the_counts_of_its_source(shared_data: Path) -> None:
    forms = read_salami(shared_data / "salami")
    assert len({form.identifier for form in forms}) == 1359
    assert sum(form.annotator == 1 for form in forms) == 1348
    assert sum(form.annotator == 2 for form in forms) == 895
    functions = Counter(f for form in forms for f in form.functions)
    assert functions["verse"] == 4430
    assert not {"silence", "end"} & set(functions)


def test_pop909_has_the_counts_of_its_source(shared_data: Path) -> None:
    forms = read_pop909_structure(shared_data / "pop909-structure")
    labellings = [labelling for form in forms for labelling in form.labellings]
    assert (len(forms), len(labellings)) == (909, 1818)
    bars = sum(n for labelling in labellings for _, n in labelling)
    assert round(bars / len(labellings), 1) == 82.2
    differences = [
        round(sum(c.duration for c in f.chords) - sum(n for _, n in f.labellings[0])) for f in forms
    ]
    # 661 and 842 in the source's note; one song's odd line is read here.
    assert sum(d == 0 for d in differences) == 662
    assert sum(abs(d) <= 1 for d in differences) == 842


def test_billboard_has_the_counts_of_its_source(shared_data: Path) -> None:
    folder = shared_data / "mcgill-billboard"
    forms = read_billboard(folder)
    assert (len(forms), len({form.song for form in forms})) == (890, 739)
    labelled = [s for f in forms for s in f.sections if s.letter and s.function != "none"]
    assert abs(len(labelled) - 8580) <= 1
    assert all(
        sum((c.duration for c in s.chords), Fraction(0)) == s.bars
        for f in forms
        for s in f.sections
    )
    text = "\n".join(read_files(folder, lambda name: name.endswith(".txt")).values())
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert sum(":" in word for line in lines for word in line.split()) == 112_307


def test_billboard_repeats_holds_and_changes_key(tmp_path: Path) -> None:
    _write(tmp_path, "0001/salami_chords.txt", BILLBOARD)
    (form,) = read_billboard(tmp_path)
    assert form.song == "a song/a band"
    found = [(s.letter, s.function, s.bars, s.tonic) for s in form.sections]
    assert found == [
        ("A", "intro", 2, "C"),
        ("B", "verse", 6, "C"),
        ("C'", "chorus", 2, "D"),
        ("Z", "fadeout", 0, "D"),
    ]
    half, quarter = Fraction(1, 2), Fraction(1, 4)
    verse = [(c.symbol, c.duration) for c in form.sections[1].chords]
    once = [("C:maj", 1), ("F:maj", half), ("G:7", half)]
    assert verse == [*once, *once, ("A:min", 3 * quarter), ("G:maj", quarter), ("N", 1)]


def test_an_archive_and_its_folder_read_the_same(tmp_path: Path) -> None:
    _write(tmp_path / "open", "mcgill/0001/salami_chords.txt", BILLBOARD)
    closed = tmp_path / "closed"
    closed.mkdir()
    with tarfile.open(closed / "mcgill.tar.xz", "w:xz") as archive:
        data = BILLBOARD.encode()
        info = tarfile.TarInfo("./mcgill/0001/salami_chords.txt")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    assert read_billboard(tmp_path / "open") == read_billboard(closed)
    assert read_billboard(closed / "mcgill.tar.xz") == read_billboard(closed)


def test_salami_drops_silence_and_keeps_order(tmp_path: Path) -> None:
    folder = "salami/annotations/7/parsed"
    _write(tmp_path, f"{folder}/textfile1_functions.txt", "0\tSilence\n1\tVerse\n2\tPre-Chorus\n")
    _write(tmp_path, f"{folder}/textfile1_uppercase.txt", "0\tsilence\n1\tC\n2\tA'\n3\tEnd\n")
    (form,) = read_salami(tmp_path)
    assert (form.functions, form.letters) == (("verse", "prechorus"), ("C", "A'"))


@pytest.mark.parametrize(
    ("reader", "name", "text", "match"),
    [
        (read_salami, "annotations/1/parsed/textfile1_functions.txt", "one Verse\n", "line 1"),
        (read_pop909_structure, "001/human_label1.txt", "i4 A4", "must read such as"),
        (read_billboard, "0001/salami_chords.txt", "0.0\tA, verse\n", "must have a title"),
    ],
)
def test_malformed_files_are_refused(
    tmp_path: Path, reader: Callable[[Path], object], name: str, text: str, match: str
) -> None:
    _write(tmp_path, name, text)
    with pytest.raises(FormatError, match=match):
        reader(tmp_path)


def test_missing_corpora_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="archive or a folder"):
        read_salami(tmp_path / "nothing")
    with pytest.raises(FormatError, match="none in"):
        read_salami(tmp_path)


def test_names() -> None:
    assert function_name("Pre-Chorus") == function_name("prechorus") == "prechorus"
    assert by_appearance("QAQB") == ("A", "B", "A", "C")


@pytest.mark.parametrize("mode", ["major", "minor"])
def test_numerals_sound_as_the_symbols_do(mode: str) -> None:
    tones = {"maj": {0, 4, 7}, "min": {0, 3, 7}, "7": {0, 4, 7, 10}, "min7": {0, 3, 7, 10}}
    tones |= {"maj7": {0, 4, 7, 11}, "dim": {0, 3, 6}, "hdim7": {0, 3, 6, 10}}
    tones |= {"dim7": {0, 3, 6, 9}, "sus4": {0, 5, 7}, "aug": {0, 4, 8}, "sus4(b7)": {0, 5, 7, 10}}
    key = Key.parse("C" if mode == "major" else "c")
    written = 0
    for root in ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"):
        for quality, expected in tones.items():
            reading = read_chord(f"{root}:{quality}", "C", mode)
            if reading.numeral:
                written += 1
                numeral = RomanNumeral.parse(reading.numeral)
                found = {tone * 7 % 12 for tone in numeral.tones(key)}
                assert found == {(pitch_class(root) + tone) % 12 for tone in expected}
                assert reading.exact
    assert written >= 12 * len(tones) - 6


@pytest.mark.parametrize(
    ("symbol", "numeral", "exact"),
    [
        ("G:7/3", "V65", True),
        ("F:maj/5", "IV64", True),
        ("F:maj/9", "IV", False),
        ("D:5", "ii", False),
        ("G:13", "V7", False),
        ("C:maj6", "I", False),
        ("N", "", True),
    ],
)
def test_what_the_notation_cannot_say_is_merged(symbol: str, numeral: str, exact: bool) -> None:
    reading = read_chord(symbol, "C")
    assert (reading.numeral, reading.exact) == (numeral, exact)


def test_a_chord_without_root_is_refused() -> None:
    with pytest.raises(FormatError, match="chord must read"):
        read_chord("H:maj", "C")
