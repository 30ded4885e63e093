"""RomanText that music21 reads back, figures that mean what they say, analyses of real files."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hybrid.cli.app import app
from hybrid.core.analysis import Analysis, ChordSpan
from hybrid.core.errors import ConfigError, FormatError, ScoreError
from hybrid.core.pitch import Key
from hybrid.core.score import Score, Track, make_notes
from hybrid.core.timeline import Metre
from hybrid.harmony.analyse import Analyser
from hybrid.harmony.annotations import Numeral, lay_spans, numeral_fields, numeral_from
from hybrid.harmony.annotations import read_numerals as read
from hybrid.harmony.config import HarmonyConfig
from hybrid.harmony.folders import agreement, find_pieces, read_piece
from hybrid.harmony.labels import QUALITIES, Chord
from hybrid.harmony.model import HarmonyModel
from hybrid.harmony.report import evaluate_folder
from hybrid.harmony.romantext import beat_quarters, romantext
from hybrid.harmony.weights import save_model

MAJOR, MINOR = 0, 1


def chord(mode: int, of: int, degree: int, quality: str, inversion: int = 0) -> Chord:
    return Chord(mode, of, degree, QUALITIES.index(quality), inversion)


FIGURES = [
    (chord(MAJOR, 0, 0, "major"), "I"),
    (chord(MAJOR, 0, 1, "dominant-seventh", 3), "V42"),
    (chord(MAJOR, 2, 1, "dominant-seventh", 1), "V65/ii"),
    (chord(MAJOR, 0, 5, "diminished", 1), "viio6"),
    (chord(MAJOR, 0, 5, "half-diminished-seventh"), "viiø7"),
    (chord(MINOR, 0, 5, "diminished-seventh", 2), "viio43"),
    (chord(MINOR, 0, -2, "major"), "VII"),
    (chord(MINOR, 0, -4, "major", 1), "VI6"),
    (chord(MINOR, 0, -5, "major", 1), "bII6"),
    (chord(MINOR, 0, -3, "augmented"), "III+"),
    (chord(MAJOR, 0, -4, "major"), "bVI"),
    (chord(MINOR, 0, 6, "german-sixth", 1), "Ger65"),
    (chord(MAJOR, 0, 2, "french-sixth", 2), "Fr43"),
    (chord(MINOR, 0, 6, "italian-sixth", 1), "It6"),
    (chord(MAJOR, 1, 5, "diminished-seventh"), "viio7/V"),
    (chord(MINOR, -3, 1, "dominant-seventh"), "V7/III"),
    (chord(MAJOR, 0, -1, "dominant-seventh", 1), "IV6b5"),
    (chord(MAJOR, 0, 0, "dominant-seventh"), "Ib7"),
    (chord(MAJOR, 0, 0, "major-seventh"), "I7"),
    (chord(MINOR, 0, 0, "minor-major-seventh"), "i#7"),
    (chord(MAJOR, 0, 1, "suspended"), "V54"),
]


@pytest.mark.parametrize(("label", "figure"), FIGURES)
def test_figures_are_read_back_as_the_same_chord(label: Chord, figure: str) -> None:
    from music21 import key, roman

    assert label.figure == figure
    careful = roman.Minor67Default.CAUTIONARY
    item = roman.RomanNumeral(
        figure,
        key.Key("C" if label.mode == MAJOR else "c"),
        sixthMinor=careful,
        seventhMinor=careful,
    )
    again = numeral_from(numeral_fields(item), 1, Fraction(0), Fraction(0))
    assert again.label() == (0, label)


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ("Cad64", chord(MAJOR, 0, 0, "major", 2)),
        ("V9", chord(MAJOR, 0, 1, "dominant-seventh")),
        ("N6", chord(MAJOR, 0, -5, "major", 1)),
        ("V7/v", chord(MAJOR, 1, 1, "dominant-seventh")),
        ("Ger7", chord(MAJOR, 0, 6, "german-sixth", 0)),
    ],
)
def test_the_written_table_of_what_counts_as_what(figure: str, expected: Chord) -> None:
    from music21 import key, roman

    fields = numeral_fields(roman.RomanNumeral(figure, key.Key("C")))
    assert numeral_from(fields, 1, Fraction(0), Fraction(0)).label() == (0, expected)


@pytest.mark.parametrize(
    "name", ["2/4", "3/4", "4/4", "2/2", "3/2", "3/8", "6/8", "9/8", "12/8", "4/8", "6/4", "3/16"]
)
def test_beats_are_those_of_music21(name: str) -> None:
    from music21 import meter

    expected = Fraction(meter.TimeSignature(name).beatDuration.quarterLength)
    assert beat_quarters(Metre.parse(name)) == expected


def spans(*rows: tuple[int, int, str, str]) -> Analysis:
    chords = tuple(
        ChordSpan(onset, end, numeral, Key.parse(key), 1, "major", 0, 0)
        for onset, end, key, numeral in rows
    )
    return Analysis(chords=chords)


@pytest.mark.parametrize("pickup", [0, 480])
def test_romantext_is_read_back_by_music21(tmp_path: Path, pickup: int) -> None:
    bar = 1440
    score = Score(
        tracks=(Track("a", make_notes([(0, 3 * bar + pickup, 60)])),),
        metres=(Metre(0, 6, 8),),
        pickup_ticks=pickup,
        title="A title",
    )
    analysis = spans(
        (0, pickup + 720, "C", "I"),
        (pickup + 720, pickup + bar, "C", "V65/V"),
        (pickup + bar, pickup + bar + 480, "F# minor", "viio43"),
        (pickup + bar + 480, pickup + 3 * bar, "Bb", "Ger65"),
    )
    path = tmp_path / "a.rntxt"
    path.write_text(romantext(analysis, score), encoding="utf-8")
    found: list[tuple[int, str, str, str]] = []
    for numeral in read(path):
        row = (numeral.tonic.replace("-", "b"), numeral.mode, numeral.figure)
        # music21 says a chord again at a bar line that it sounds through.
        if not found or found[-1][1:] != row:
            found.append((round(numeral.at * 480), *row))
    assert found == [
        (0, "C", "major", "I"),
        (pickup + 720, "C", "major", "V65/V"),
        (pickup + bar, "F#", "minor", "viio43"),
        (pickup + bar + 480, "Bb", "major", "Ger65"),
    ]


def test_labels_hold_to_the_next_and_to_the_end() -> None:
    def numeral(at: int, measure: int, figure: str, root: str) -> Numeral:
        return Numeral(
            figure,
            "C",
            "major",
            "",
            root,
            root,
            ("G", "B", "D"),
            measure,
            Fraction(0),
            Fraction(at),
        )

    numerals = [numeral(1, 1, "V", "G"), numeral(3, 2, "V", "G")]
    laid = lay_spans(numerals, 4000)
    assert laid[["onset", "end"]].tolist() == [(480, 1440), (1440, 4000)]
    starts = {1: Fraction(0), 2: Fraction(4)}
    laid = lay_spans(numerals, 4000, starts)
    assert laid[["onset", "end"]].tolist() == [(0, 1920), (1920, 4000)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A piece on the disk with two analyses, and untrained weights."""
    import torch

    from hybrid.harmony.labels import Vocabulary
    from hybrid.io.files import write_score

    piece = tmp_path / "group" / "piece"
    piece.mkdir(parents=True)
    rows = [(0, 960, pitch) for pitch in (48, 60, 64, 67)]
    rows += [(960, 960, pitch) for pitch in (43, 59, 62, 65)]
    write_score(Score(tracks=(Track("a", make_notes(rows)),)), piece / "score.mxl")
    head = "Composer: x\nTitle: y\n\nTime Signature: 4/4\n\n"
    (piece / "analysis_A.txt").write_text(head + "m1 C: I b3 V7\n")
    (piece / "analysis_B.txt").write_text(head + "m1 C: I b3 V\n")
    config = HarmonyConfig(
        note_size=16, collect_size=12, frame_size=16, layers="c1", heads=2, label_size=16
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = HarmonyModel(config, Vocabulary(tuple(label for label, _ in FIGURES)))
    save_model(tmp_path / "weights.safetensors", model)
    return tmp_path


def test_a_folder_is_read_and_people_are_compared(folder: Path) -> None:
    places = find_pieces(folder)
    piece = read_piece(places[0])
    assert (piece.name, piece.group, len(piece.readings)) == ("piece", "group", 2)
    second = agreement([piece])[0]
    # The second half differs in quality alone: 16 of 32 frames are right in all.
    assert dict(zip(("key", "degree", "quality", "inversion", "root", "full"), second.right)) == {  # noqa: B905
        "key": 32,
        "degree": 32,
        "quality": 16,
        "inversion": 32,
        "root": 32,
        "full": 16,
    }
    analyser = Analyser.load([folder / "weights.safetensors"])
    result = evaluate_folder(folder, analyser)
    assert result.people is not None
    assert result.people.pooled["full"] == 0.5
    assert result.analyser.by_group["group"]["n"] == 2
    with pytest.raises(FormatError, match="it holds none"):
        find_pieces(folder / "group" / "piece" / "none")
    with pytest.raises(ScoreError, match="got none of 'test'"):
        evaluate_folder(folder, analyser, split="test")


def test_the_command_writes_what_it_prints(folder: Path) -> None:
    score, weights = folder / "group" / "piece" / "score.mxl", folder / "weights.safetensors"
    command = ["analyse", str(score), "--weights", str(weights), "-o", str(folder / "out")]
    result = CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert printed == json.loads((folder / "out" / "score.json").read_text())
    assert printed["chords"][0]["onset"] == 0
    assert printed["chords"][-1]["end"] == 1920
    assert 0 < printed["chords"][0]["probability"] <= 1
    assert len(read(folder / "out" / "score.rntxt")) == len(printed["chords"])
    text = (folder / "out" / "score.musicxml").read_text()
    assert printed["chords"][0]["numeral"] in text
    assert {"bar", "beat", "symbol", "function"} <= set(printed["chords"][0])
    assert printed["harmonic_rhythm"][0]["bar"] == 1
    page = (folder / "out" / "score.html").read_text()
    assert 'id="graph-data"' in page
    assert 'src="' not in page
    table = CliRunner().invoke(app, command, catch_exceptions=False).stdout
    assert table.splitlines()[0].split() == [
        "bar",
        "beat",
        "key",
        "numeral",
        "symbol",
        "function",
        "quality",
        "probability",
    ]


def test_the_command_names_its_stages_unless_it_is_quiet(folder: Path) -> None:
    score, weights = folder / "group" / "piece" / "score.mxl", folder / "weights.safetensors"
    command = ["analyse", str(score), "--weights", str(weights)]
    heard = CliRunner().invoke(app, command, catch_exceptions=False)
    quiet = CliRunner().invoke(app, [*command, "-q"], catch_exceptions=False)
    assert "hybrid: harmony ..." in heard.stderr
    assert quiet.stderr == ""
    assert quiet.stdout == heard.stdout


def test_evaluation_by_command(folder: Path) -> None:
    command = ["evaluate", "analyser", str(folder), "--weights"]
    weights = str(folder / "weights.safetensors")
    result = CliRunner().invoke(app, [*command, weights], catch_exceptions=False)
    assert "mean over groups" in result.stdout
    assert "second analyst against the first" in result.stdout
    found = CliRunner().invoke(app, [*command, weights, "--json"], catch_exceptions=False)
    assert json.loads(found.stdout)["second analyst"]["pooled over frames"]["key"] == 1.0


def test_midi_without_spelling_is_analysed(folder: Path) -> None:
    from hybrid.io.files import read_score, write_score

    score = read_score(folder / "group" / "piece" / "score.mxl").score
    write_score(score, folder / "a.mid")
    analyser = Analyser.load([folder / "weights.safetensors"])
    one = analyser.analyse(score)
    other = analyser.analyse(read_score(folder / "a.mid").score)
    assert [c.numeral for c in one.chords] == [c.numeral for c in other.chords]
    assert [c.key for c in one.chords] == [c.key for c in other.chords]


def test_silence_cannot_be_analysed(folder: Path) -> None:
    analyser = Analyser.load([folder / "weights.safetensors"])
    with pytest.raises(ScoreError, match="must have pitched notes"):
        analyser.analyse(Score(tracks=(), length=480))


def test_decoding_is_checked() -> None:
    from hybrid.harmony.decode import DecodeConfig

    with pytest.raises(ConfigError, match="weight must be positive, got 0"):
        DecodeConfig(weight=0)
