"""Cadences found in notes: every kind, both modes, other keys, and the ends of phrases."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hybrid.core.analysis import KeySpan
from hybrid.core.pitch import Key, parse_pitch
from hybrid.core.score import Marker, Repeat, Score, Track, make_notes
from hybrid.theory.cadences import find_cadences, phrase_ends

Q = 480
ScoreMaker = Callable[..., Score]
#: Two chords that set the key, then the close.
START = ("C5 B4", "G4 G4", "E4 D4", "C3 G3")
START_MINOR = ("C5 B4", "G4 G4", "Eb4 D4", "C3 G3")
CLOSES = [
    ("PAC", "major", ("C5 B4 C5:2", "A4 G4 G4:2", "F4 D4 E4:2", "F3 G3 C3:2")),
    ("PAC", "major", ("D5 C5 B4 C5", "A4 G4 F4 E4", "F4 E4 D4 C4", "F3 G3 G3 C3")),
    ("IAC", "major", ("D5 B4 E5:2", "A4 G4 G4:2", "F4 D4 C4:2", "F3 G3 C3:2")),
    ("IAC", "major", ("C5 B4 C5:2", "A4 G4 G4:2", "F4 D4 E4:2", "F3 B2 C3:2")),
    ("IAC", "major", ("D5 B4 C5:2", "A4 F4 G4:2", "F4 D4 C4:2", "F3 G3 E3:2")),
    ("IAC", "major", ("C5 B4 C5:2", "A4 F4 E4:2", "F4 B3 C4:2", "F3 D3 C3:2")),
    ("HC", "major", ("E5 D5:2", "G4 G4:2", "C4 B3:2", "C3 G3:2")),
    ("HC", "major", ("C5 B4:2", "A4 G4:2", "F4 D4:2", "D3 G3:2")),
    ("HC", "major", ("C5 C5 B4:2", "A4 G4 G4:2", "F4 E4 D4:2", "F3 G3 G3:2")),
    ("PC", "major", ("C5 C5:2", "A4 G4:2", "F4 E4:2", "F3 C3:2")),
    ("DC", "major", ("C5 B4 C5:2", "A4 G4 E4:2", "F4 D4 C4:2", "F3 G3 A3:2")),
    ("PAC", "minor", ("C5 B4 C5:2", "Ab4 G4 G4:2", "F4 D4 Eb4:2", "F3 G3 C3:2")),
    ("PAC", "minor", ("C5 B4 C5:2", "Ab4 G4 G4:2", "F4 D4 E4:2", "F3 G3 C3:2")),
    ("IAC", "minor", ("D5 B4 Eb5:2", "Ab4 G4 G4:2", "F4 D4 C4:2", "F3 G3 C3:2")),
    ("HC", "minor", ("C5 B4:2", "Ab4 G4:2", "F4 D4:2", "F3 G3:2")),
    ("HC", "minor", ("C5 B4:2", "Eb4 D4:2", "C4 G3:2", "Ab3 G3:2")),
    ("PC", "minor", ("C5 C5:2", "Ab4 G4:2", "F4 Eb4:2", "F3 C3:2")),
    ("DC", "minor", ("C5 B4 C5:2", "Ab4 G4 Eb4:2", "F4 D4 C4:2", "F3 G3 Ab3:2")),
]


def phrase(score_of: ScoreMaker, mode: str, close: tuple[str, ...]) -> Score:
    start = START if mode == "major" else START_MINOR
    lines = [f"{first} {last}" for first, last in zip(start, close, strict=True)]
    return score_of(*lines, key=f"C {mode}")


@pytest.mark.parametrize(("kind", "mode", "close"), CLOSES)
def test_kinds_in_a_known_key(
    score_of: ScoreMaker, kind: str, mode: str, close: tuple[str, ...]
) -> None:
    score = phrase(score_of, mode, close)
    found = find_cadences(score, keys=Key.parse(f"C {mode}"))
    assert [(cadence.kind, cadence.key.name) for cadence in found] == [(kind, f"C {mode}")]


@pytest.mark.parametrize("semitones", [-5, -2, 3, 6])
@pytest.mark.parametrize(("kind", "mode", "close"), CLOSES)
def test_kinds_in_other_keys(
    score_of: ScoreMaker, kind: str, mode: str, close: tuple[str, ...], semitones: int
) -> None:
    score = phrase(score_of, mode, close).transposed(semitones)
    key = score.keys[0].key
    assert [c.kind for c in find_cadences(score, keys=key)] == [kind]


@pytest.mark.parametrize("kind", ["PAC", "IAC", "PC"])
def test_authentic_and_plagal_closes_need_no_key(score_of: ScoreMaker, kind: str) -> None:
    for found_kind, mode, close in CLOSES:
        if found_kind == kind:
            score = phrase(score_of, mode, close)
            assert [c.kind for c in find_cadences(score)] == [kind]


def test_tick_and_bar_are_those_of_the_last_harmony(score_of: ScoreMaker) -> None:
    (found,) = find_cadences(phrase(score_of, *CLOSES[0][1:]), keys=Key.parse("C"))
    assert (found.tick, found.bar) == (4 * Q, 2)


def test_suspension_into_the_last_chord(score_of: ScoreMaker) -> None:
    score = score_of(
        "C5 B4 C5 B4 C5:2", "G4 G4 A4 G4 G4:2", "E4 D4 F4 F4 F4 E4", "C3 G3 F3 G3 C3:2", key="C"
    )
    (found,) = find_cadences(score, keys=Key.parse("C"))
    assert (found.kind, found.tick) == ("PAC", 4 * Q)


def test_a_tonic_whose_third_and_fifth_are_late_is_no_plagal_close(score_of: ScoreMaker) -> None:
    """F and A stay from V7 over the tonic's bass: a six-four by its notes, suspensions by ear."""
    score = score_of(
        "C5 C5 B4 C5:2", "G4 A4 A4:2 G4", "E4 F4 F4:2 E4", "C3 F3 G3 C3:2", key="C", metre="5/4"
    )
    (found,) = find_cadences(score, keys=Key.parse("C"))
    assert (found.kind, found.tick) == ("PAC", 3 * Q)


def test_a_six_four_that_resolves_late_is_a_dominant(score_of: ScoreMaker) -> None:
    # The fourth gives way to the leading tone in the last third of the beats over G.
    start = ("C5 B4", "G4 G4", "C3 G3")
    close = ("C5 Eb5:1.5 D5:.5 C5:2", "F4 C5:1.5 B4:.5 C5:2", "F3 G3:2 C3:2")
    lines = [f"{first} {last}" for first, last in zip(start, close, strict=True)]
    found = find_cadences(score_of(*lines, key="C minor"), keys=Key.parse("C minor"))
    assert [cadence.kind for cadence in found] == ["PAC"]


def test_a_sixth_that_resolves_late_is_a_dominant(score_of: ScoreMaker) -> None:
    start = ("C5 D5", "G4 F4", "C3 F3")
    close = ("A4 C5:.5 E5:.5 C5:2", "C4:1.5 Bb3:.5 A3:2", "C3:2 F3:2")
    lines = [f"{first} {last}" for first, last in zip(start, close, strict=True)]
    found = find_cadences(score_of(*lines, key="F major"), keys=Key.parse("F major"))
    assert [(cadence.kind, cadence.key.name) for cadence in found] == [("IAC", "F major")]


@pytest.mark.parametrize(
    ("kind", "upper", "lower"),
    [
        ("PAC", "E5 D5 C5 B4 C5:2", "C4 B3 E3 G3 C3:2"),
        ("IAC", "E5 D5 C5 B4 C5:2", "C4 B3 E3 D3 C3:2"),  # clausula with the second in the bass
        ("HC", "G5 F5 E5 D5 B4:2", "E4 D4 C4 F3 G3:2"),
    ],
)
def test_two_voices_close_too(score_of: ScoreMaker, kind: str, upper: str, lower: str) -> None:
    found = find_cadences(score_of(upper, lower, key="C major"), keys=Key.parse("C major"))
    assert [cadence.kind for cadence in found] == [kind]


def test_one_voice_gives_none(score_of: ScoreMaker) -> None:
    assert find_cadences(score_of("G4 B4 C5:2"), keys=Key.parse("C major")) == ()


def test_a_subdominant_that_stays_over_the_last_bass_is_plagal(score_of: ScoreMaker) -> None:
    score = score_of(
        "C5 C5 C5 C5:2", "G4 A4 A4 G4:2", "E4 F4 F4 E4:2", "C3 F3 C3 C3:2", key="C", metre="5/4"
    )
    assert [c.kind for c in find_cadences(score, keys=Key.parse("C"))] == ["PC"]


def test_two_tones_of_a_chord_that_stay_over_its_bass_are_still_that_chord() -> None:
    """viio6 broken over its held bass: the last beat has C and E flat alone, and is no ii."""
    rows: list[tuple[str, float, float]] = [("Bb5", 0, 2), ("A5", 2, 0.5), ("C5", 2.5, 0.5)]
    rows += [("Eb5", 3, 1), ("D5", 4, 4)]
    broken: list[tuple[str, float, float]] = [("F4", 0, 1), ("D4", 1, 1)]
    broken += [(name, 2 + n / 2, 0.5) for n, name in enumerate(("C4", "Eb3", "C4", "Eb3"))]
    broken += [(name, 4 + n / 2, 0.5) for n, name in enumerate(("F4", "Bb3") * 4)]
    bass: list[tuple[str, float, float]] = [("Bb3", 0, 2), ("C3", 2, 2), ("Bb2", 4, 4)]
    tracks = []
    for name, line in (("melody", rows), ("strands", broken), ("bass", bass)):
        notes = [
            (int(onset * Q), int(length * Q), *parse_pitch(text)) for text, onset, length in line
        ]
        tracks.append(Track(name, make_notes([(a, b, c, 80, 1, d) for a, b, c, d in notes])))
    found = find_cadences(Score(tuple(tracks)), keys=Key.parse("Bb major"))
    assert [(c.kind, c.tick) for c in found] == [("IAC", 4 * Q)]


@pytest.mark.parametrize(
    ("kind", "close"),
    [
        # F sharp over the tonic's root for a beat, and I64 over the dominant's: both come and go.
        ("PC", ("D5:2 E5 F#5 E5:2", "A4:2 A4 A4 A4:2", "F4:2 C4 C4 C4:2", "D3:2 A2 A2 A2:2")),
        ("HC", ("A4 G#4 A4 G#4", "E4 E4 E4 E4", "C4 B3 C4 B3", "A2 E3 E3 E3")),
    ],
)
def test_a_chord_that_comes_and_goes_over_a_standing_root_interrupts_nothing(
    score_of: ScoreMaker, kind: str, close: tuple[str, ...]
) -> None:
    score = score_of(*close, key="A minor", metre="2/4")
    (found,) = find_cadences(score, keys=Key.parse("A minor"))
    assert found.kind == kind
    assert found.tick == (2 * Q if kind == "PC" else Q)


def test_a_chord_over_a_standing_root_that_is_not_left_again_is_heard(
    score_of: ScoreMaker,
) -> None:
    """V7 over the tonic's bass would come and go; here the bass moves on with it to vi."""
    score = score_of("C5 B4 C5:2", "G4 G4 E4:2", "E4 F4 C4:2", "C3 G3 A3:2", key="C")
    assert [c.kind for c in find_cadences(score, keys=Key.parse("C"))] == ["DC"]


def test_suspensions_that_make_up_a_chord_are_the_last_one_s(score_of: ScoreMaker) -> None:
    """G sharp and B stay over F sharp (9-8 and 4-3): the notes of iio7, the tonic by ear."""
    lines = (
        "C#5 F#5 F#5 E#5 F#5:2",
        "A4 F#4 F#4 G#4:2 F#4",
        "C#4 C#4 B3 B3:2 A3",
        "F#3 A3 B3 C#3 F#3:2",
    )
    score = score_of(*lines, key="F# minor", metre="3/4")
    (found,) = find_cadences(score, keys=Key.parse("F# minor"))
    assert (found.kind, found.tick) == ("PAC", 4 * Q)


def test_upbeats_after_the_rest_do_not_add_up_against_it(score_of: ScoreMaker) -> None:
    """The third for a half, the tonic for a whole note, then the third as an upbeat's half."""
    score = score_of("D5 B4 E5:2 C5:4 E5 E5", "A4 G4 G4:8", "F4 D4 C4:8", "F3 G3 C3:8", key="C")
    assert [c.kind for c in find_cadences(score, keys=Key.parse("C"))] == ["PAC"]


def test_melody_over_broken_chords() -> None:
    """Alberti bass: the harmony is spread in time, the close is the same."""
    melody = [(0, Q, 72), (Q, Q, 76), (2 * Q, Q, 74), (3 * Q, Q, 71), (4 * Q, 4 * Q, 72)]
    chords = [(48, 52, 55), (48, 52, 55), (43, 50, 55), (43, 50, 55), (48, 52, 55), (48, 52, 55)]
    rows = []
    for number, (low, middle, high) in enumerate(chords):
        for place, pitch in enumerate((low, high, middle, high)):
            rows.append((number * Q + place * Q // 4, Q // 4, pitch))
    third = [(0, 2 * Q, 64), (2 * Q, 2 * Q, 65), (4 * Q, 4 * Q, 64)]
    score = Score(
        (
            Track("melody", make_notes(melody)),
            Track("inner", make_notes(third)),
            Track("left hand", make_notes(rows)),
        )
    )
    assert [c.kind for c in find_cadences(score, keys=Key.parse("C"))] == ["PAC"]


def test_no_cadence_where_nothing_closes(score_of: ScoreMaker) -> None:
    score = score_of("C5 C5 D5:2", "G4 A4 A4:2", "E4 F4 F4:2", "C3 F3 D3:2", key="C")
    assert find_cadences(score, keys=Key.parse("C")) == ()


def test_every_phrase_end_is_read(score_of: ScoreMaker) -> None:
    score = score_of(
        "C5 D5 B4:2 C5 B4 C5:2",
        "G4 A4 G4:2 A4 G4 G4:2",
        "E4 F4 D4:2 F4 D4 E4:2",
        "C3 D3 G3:2 F3 G3 C3:2",
        key="C",
    )
    found = find_cadences(score, ends=[4 * Q, 8 * Q], keys=Key.parse("C"))
    assert [(c.kind, c.bar) for c in found] == [("HC", 1), ("PAC", 2)]


def test_a_phrase_that_stays_on_one_harmony(score_of: ScoreMaker) -> None:
    """The dominant goes on through a whole phrase: two half cadences, each in its place."""
    score = score_of(
        "C5 B4:3 D5 B4 D5:2", "G4 G4:3 G4 F4 G4:2", "E4 D4:3 B3 D4 B3:2", "C3 G3:3 G3 G2 G3:2"
    )
    found = find_cadences(score, ends=[4 * Q, 8 * Q], keys=Key.parse("C"))
    assert [(c.kind, c.tick) for c in found] == [("HC", Q), ("HC", 4 * Q)]


def test_keys_may_change(score_of: ScoreMaker) -> None:
    """The same close is perfect in G and a half cadence with I before it is none there."""
    score = score_of(
        "C5 B4 A4 G4 G4 A4 B4 C5",
        "G4 G4 F#4 G4 E4 F4 D4 E4",
        "E4 D4 D4 B3 C4 C4 G3 G3",
        "C3 G3 D3 G2 C3 F3 G3 C3",
        key="C",
    )
    keys = (
        KeySpan(0, 2 * Q, Key.parse("C")),
        KeySpan(2 * Q, 4 * Q, Key.parse("G")),
        KeySpan(4 * Q, 8 * Q, Key.parse("C")),
    )
    found = find_cadences(score, ends=[4 * Q, 8 * Q], keys=keys)
    assert [(c.kind, c.key.name) for c in found] == [("PAC", "G major"), ("PAC", "C major")]


def test_a_chord_over_the_last_root_that_is_struck_is_no_suspension(score_of: ScoreMaker) -> None:
    score = score_of("E5 C5 G5 E5 D5:4", "G4 A4 R B4 B4:4", "C4 E4 R B3 B3:4", "C3 F3 G3:2 G3:4")
    (cadence,) = find_cadences(score, keys=Key.parse("C major"))
    assert (cadence.kind, cadence.tick) == ("HC", 4 * Q)


def test_phrase_ends_that_a_score_marks(score_of: ScoreMaker) -> None:
    assert phrase_ends(score_of("C5 D5! E5 F5", "C4 C4 C4 C4")) == (2 * Q, 4 * Q)
    assert phrase_ends(score_of("C5 R E5", "C4 R C4")) == (Q, 3 * Q)
    assert phrase_ends(score_of("C5 R E5", "C4 C4 C4")) == (3 * Q,)
    plain = score_of("C5 D5 E5 F5", "C4 C4 C4 C4")
    marked = Score(plain.tracks, markers=(Marker(0, "A"), Marker(2 * Q, "B")))
    assert phrase_ends(marked) == (2 * Q, 4 * Q)
    assert phrase_ends(Score(plain.tracks, repeats=(Repeat(0, Q),))) == (Q, 4 * Q)


def test_no_notes_no_cadence() -> None:
    assert find_cadences(Score(())) == ()


def test_the_highest_note_counts_where_chords_lie_about_the_melody() -> None:
    """A piano whose upper line has few and high notes, over a melody that rests on the tonic."""
    closes = [(0, (65, 69, 72)), (960, (62, 67, 71)), (1920, (60, 64, 67))]
    chords = [(tick, 960, pitch) for tick, tones in closes for pitch in tones]
    # Short and high, off the beat: its line has the higher median, and rests on the third.
    chords += [(480, 240, 84), (1440, 240, 86), (2640, 240, 88)]
    tracks = (
        Track("melody", make_notes([(0, 960, 77), (960, 960, 74), (1920, 960, 72)])),
        Track("piano", make_notes(sorted(chords))),
        Track("bass", make_notes([(0, 960, 41), (960, 960, 43), (1920, 960, 36)])),
    )
    found = find_cadences(Score(tracks), keys=Key.parse("C"))
    assert [cadence.kind for cadence in found] == ["PAC"]
