"""Every rule with passages that break it and passages that look alike and do not.

A row is (rule, voices highest first, chords or None, key, where): ``where`` is the beat of
the piece, counted from 1, at which the finding stands, or None where there must be none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from hybrid.core.analysis import ChordSpan
from hybrid.core.score import Score
from hybrid.theory.checker import RULES, check

TPQ = 480


class Example(NamedTuple):
    rule: str
    voices: tuple[str, ...]
    where: float | None
    chords: str | None = None
    key: str = "C major"
    what: str = ""


def yes(
    rule: str, *voices: str, at: float, chords: str | None = None, key: str = "C major"
) -> Example:
    return Example(rule, voices, at, chords, key)


def no(
    rule: str, *voices: str, chords: str | None = None, key: str = "C major", what: str
) -> Example:
    return Example(rule, voices, None, chords, key, what)


EXAMPLES = [
    # --- texture
    yes("range", "C5 B5 C5", "G4 G4 G4", "E3 D3 E3", "C3 G2 C3", at=2),
    yes("range", "C5 B4", "G4 G4", "E4 D4", "C3 D2", at=2),
    no("range", "A5 C4", "D5 F3", "A4 C3", "D4 E2", what="the outermost notes"),
    yes("spacing", "G5 E5", "E4 G4", "C4 C4", "C3 C3", at=1),
    yes("spacing", "G4 E4", "E4 C4", "C3 D3", "C3 B2", at=1),
    no("spacing", "E5 E5", "E4 G4", "E3 C4", "C3 C3", what="octaves between neighbours"),
    no("spacing", "G5 G5", "C3 C3", what="two voices have no upper pair"),
    yes("spacing_bass", "G4 G4", "E4 E4", "C4 C4", "C3 C2", at=2),
    no("spacing_bass", "G4 G4", "E4 E4", "G3 B3", "C2 E2", what="a twelfth"),
    yes("crossing", "E4 C4", "C4 E4", "G3 G3", "C3 C3", at=2),
    no("crossing", "E4 E4", "C4 E4", "G3 G3", "C3 C3", what="a unison"),
    yes("overlap", "E4 A4", "C4 F4", "G3 A3", "C3 F3", at=2),
    yes("overlap", "G4 C4", "E4 A3", "G3 E3", "C3 A2", at=2),
    no("overlap", "E4 A4", "C4 E4", "G3 A3", "C3 C3", what="up to the note just left"),
    no("overlap", "E4! A4", "C4 F4", "G3 A3", "C3 F3", what="across a phrase break"),
    # --- motion
    yes("parallel_fifths", "C5 C5", "G4 A4", "E4 F4", "C3 D3", at=2),
    yes("parallel_fifths", "G5 A5", "C4 D4", at=2),
    yes("parallel_fifths", "G4 F4", "C5 Bb4", "E4 D4", "C3 Bb2", at=2),
    no("parallel_fifths", "G4 G4", "C4 C4", what="struck again"),
    no("parallel_fifths", "G4 G5", "C4 C5", what="an octave higher in both voices"),
    no("parallel_fifths", "B4 C5", "F4 G4", what="fourth after diminished fifth"),
    no("parallel_fifths", "G4 A4", "C4 E4", what="a fifth, then a fourth"),
    no("parallel_fifths", "G4 R:2 A4", "C4 R:2 D4", what="two quarters of silence between"),
    no("parallel_fifths", "G4! A4", "C4 D4", what="across a phrase break"),
    no("parallel_fifths", "G4 D4", "C4 G4", what="the voices exchange places by contrary motion"),
    yes("parallel_fifths", "G4:1/2 R:1/2 A4", "C4:1/2 R:1/2 D4", at=2),
    yes("parallel_octaves", "C5 D5", "G4 G4", "E4 D4", "C3 D3", at=2),
    no("parallel_octaves", "C5 C4", "C4 C3", what="an octave leap in both voices"),
    no("parallel_octaves", "C5 D5", "C4 C4", what="one voice stays"),
    no("parallel_octaves", "C4 D5", "C4 D5", what="unisons have a rule of their own"),
    yes("parallel_unisons", "C4 D4", "C4 D4", at=2),
    yes("parallel_unisons", "C4 D5", "C4 D4", at=2),
    no("parallel_unisons", "C4 C5", "C4 C4", what="a leap of one voice"),
    yes("contrary_fifths", "G4 A5", "C4 D3", at=2),
    no("contrary_fifths", "G4 G5", "C4 C3", what="octave leaps apart"),
    yes("contrary_octaves", "G4 C5", "G3 C3", at=2),
    no("contrary_octaves", "G4 G5", "G3 G2", what="octave leaps apart"),
    yes("direct_fifths", "E4 A4", "C3 D3", at=2),
    no("direct_fifths", "F4 G4", "A2 C3", what="a step above"),
    no("direct_fifths", "E4 A4", "E3 D3", what="contrary motion"),
    yes("direct_octaves", "E4 A4", "C3 A3", at=2),
    no("direct_octaves", "B4 C5", "G3 C4", what="a step above"),
    yes("direct_unison", "E4 G4", "C4 G4", at=2),
    no("direct_unison", "E4 D4", "C4 D4", what="contrary motion"),
    yes("unequal_fifths", "F4 G4", "B3 C4", at=2),
    no("unequal_fifths", "G4 F4", "C4 B3", what="perfect to diminished"),
    no("unequal_fifths", "F4 E4", "B3 C4", what="resolved into a third"),
    no("unequal_fifths", "F5 G5", "B4 C5", "D4 G4", what="upper voices alone"),
    yes("phrase_break_parallels", "G4! A4", "C4 D4", at=2),
    no("phrase_break_parallels", "G4 A4", "C4 D4", what="no phrase ends here"),
    yes("hidden_parallels", "G4 D4", "C4 A4", at=2),
    no("hidden_parallels", "G4 A4", "C4 D4", what="nothing crosses"),
    yes("beat_parallels", "G4:1/2 F4:1/2 A4", "C4 D4", at=2),
    no("beat_parallels", "G4 A4", "C4 D4", what="nothing stands between"),
    no("beat_parallels", "G4:1/2 B4:1/2 A4", "C4 E4", what="a fourth"),
    yes("cross_relation", "F4 E4", "A3 F#3", at=2),
    no("cross_relation", "F4 F#4", "A3 A3", what="the same voice alters it"),
    # --- melody
    yes("augmented_second", "F4 G#4", "D3 E3", key="A minor", at=2),
    no("augmented_second", "F4 Ab4", "D3 F3", what="a minor third"),
    no("augmented_second", "F4 R:2 G#4", "D3 R:2 E3", what="across a long rest"),
    yes("augmented_leap", "C5 G#5", "E4 E4", at=2),
    no("augmented_leap", "C5 Ab5", "F4 F4", what="a minor sixth"),
    yes("tritone_leap", "F4 B4 C5", "D4 G3 C4", at=2),
    no("tritone_leap", "F4 Bb4 A4", "D4 G3 C4", what="a perfect fourth"),
    yes("seventh_leap", "C4 B4 C5", "C3 G3 C3", at=2),
    yes("seventh_leap", "C4 Bb4 A4", "C3 G3 C3", at=2),
    no("seventh_leap", "C4 A4 B4", "C3 F3 G3", what="a sixth"),
    no("seventh_leap", "C4 C5 B4", "C3 F3 G3", what="an octave"),
    yes("wide_leap", "C4 E5 D5", "C3 C3 G3", at=2),
    no("wide_leap", "C4 C5 D5", "C3 C3 G3", what="an octave"),
    yes("diminished_leap", "F5 B4 G4", "D4 G3 G3", at=2),
    no("diminished_leap", "F5 B4 C5", "D4 G3 C4", what="turned back by step"),
    no("diminished_leap", "F5 B4", "D4 G3", what="nothing follows"),
    yes("large_leap_recovery", "E4 C5 D5", "C3 C3 B2", at=2),
    no("large_leap_recovery", "E4 C5 B4", "C3 C3 G3", what="turned back"),
    no("large_leap_recovery", "E4 E4 E4", "C3 C4 D4", what="the bass may go on"),
    yes("consecutive_leaps", "C4 F4 Bb4", "F3 F3 G3", at=3),
    yes("consecutive_leaps", "C4 A4 D5", "F3 F3 F3", at=3),
    no("consecutive_leaps", "C4 E4 G4", "C3 C3 C3", what="a triad"),
    yes("inner_leap", "C5 C5", "E4 C5", "G3 G3", "C3 E3", at=2),
    no("inner_leap", "C5 C5", "C4 G4", "G3 E3", "C3 C3", what="a fifth"),
    no("inner_leap", "C5 C5", "E4 E4", "G3 G3", "E3 G2", what="the bass leaps"),
    yes("repeated_notes", " ".join(["C5"] * 8), "C4 B3 A3 G3 F3 E3 D3 C3", at=7),
    no("repeated_notes", " ".join(["C5"] * 6) + " D5 C5", "C4 B3 A3 G3 F3 E3 D3 C3", what="six"),
    yes("static_voice", "C5 D5 E5 F5 E5 D5 C5 D5 E5 D5", "C4:9 D4", at=1),
    no("static_voice", "C5 D5 E5 F5 E5 D5 C5 D5 E5 D5", "C4:8 D4:2", what="eight quarters"),
    no("static_voice", "C5 D5 E5 F5 E5 D5 C5 D5 E5 D5", "C4:4 R:2 C4:4", what="a pause"),
    # --- harmony
    yes("unresolved_leading_tone", "B4 G4", "D4 E4", "G3 C4", "G3 C3", chords="V I", at=2),
    yes("unresolved_leading_tone", "D5 E5", "G4 G4", "D4 C4", "B2 G2", chords="V6 I64", at=2),
    yes(
        "unresolved_leading_tone",
        *("G#4 E4", "D4 E4", "B3 C4", "E3 A2"),
        chords="V7 i",
        key="A minor",
        at=2,
    ),
    no("unresolved_leading_tone", "B4 C5", "D4 E4", "G3 G3", "G3 C3", chords="V I", what="up"),
    no(
        "unresolved_leading_tone",
        *("B4 B4 C5", "D4 F4 E4", "G3 G3 G3", "G3 B2 C3"),
        chords="V V65 I",
        what="held over a prolonged dominant",
    ),
    no(
        "unresolved_leading_tone",
        *("B4 D5 C5", "D4 B4 C5", "G3 G3 G3", "G3 B2 C3"),
        chords="V V65 I",
        what="handed on within a prolonged dominant",
    ),
    no(
        "unresolved_leading_tone",
        *("B4:2 C5", "D4 E4:2", "G3 G3:2", "G3 C3:2"),
        chords="V I:2",
        what="suspended over the tonic",
    ),
    no(
        "unresolved_leading_tone",
        *("G4 G4", "D4 E4", "Bb3 G3", "G3 C3"),
        chords="v i",
        key="C minor",
        what="the minor dominant has none",
    ),
    no(
        "unresolved_leading_tone",
        *("D5 C5", "G4 E4", "G3 C4", "G3 C3"),
        chords="V I",
        what="the doubled dominant is no leading tone",
    ),
    no(
        "unresolved_leading_tone",
        *("F#5 F5", "A4 G4", "D4 D4", "D4 B3"),
        chords="V/V V65",
        what="a chromatic step down into the next dominant's seventh",
    ),
    no(
        "unresolved_leading_tone",
        *("B4 A4", "D4 C4", "G3 F3", "G3 F3"),
        chords="V IV",
        what="no tonic follows",
    ),
    yes("frustrated_leading_tone", "D5 C5", "B4 G4", "G4 E4", "G3 C3", chords="V I", at=2),
    no("frustrated_leading_tone", "D5 C5", "B4 C5", "G4 E4", "G3 C3", chords="V I", what="up"),
    no("frustrated_leading_tone", "B4 G4", "D4 E4", "G3 C4", "G3 C3", chords="V I", what="outer"),
    yes("doubled_leading_tone", "B4 C5", "D4 E4", "B3 C4", "G3 C3", chords="V I", at=1),
    yes(
        "doubled_leading_tone",
        *("G#4 A4", "E4 E4", "G#3 A3", "B2 A2"),
        chords="V64 i",
        key="A minor",
        at=1,
    ),
    no("doubled_leading_tone", "G4 C5", "D4 E4", "B3 C4", "G3 C3", chords="V I", what="dominant"),
    no("doubled_leading_tone", "B4 C5", "E4 E4", "B3 C4", "G3 A3", chords="iii6 vi", what="iii"),
    yes("unresolved_seventh", "F5 G5", "B4 C5", "D4 E4", "G3 C3", chords="V7 I", at=2),
    yes("unresolved_seventh", "C5 E5", "A4 G4", "F4 D4", "D3 G3", chords="ii7 V", at=2),
    no("unresolved_seventh", "F5 E5", "B4 C5", "D4 C4", "G3 C3", chords="V7 I", what="down"),
    no(
        "unresolved_seventh",
        *("F5 G5:1/2 E5:1/2", "B4 C5", "D4 C4", "G3 C3"),
        chords="V7 I",
        what="an ornament before the resolution",
    ),
    no(
        "unresolved_seventh",
        *("C5 C5 B4", "A4 A4 G4", "D4 E4 D4", "F3 G3 G3"),
        chords="ii65 Cad64 V",
        what="held into the next chord",
    ),
    no(
        "unresolved_seventh",
        *("F5 D5 C5", "D5 F5 E5", "B4 B4 C5", "G3 G3 C3"),
        chords="V7 V7 I",
        what="handed on within the chord",
    ),
    yes("rising_seventh", "F5 G5", "B4 C5", "G4 G4", "D3 E3", chords="V43 I6", at=2),
    no("rising_seventh", "F5 G5", "B4 C5", "D4 E4", "G3 C3", chords="V7 I", what="no V43"),
    yes("doubled_seventh", "F5 E5", "B4 C5", "F4 G4", "G3 C3", chords="V7 I", at=1),
    no("doubled_seventh", "F5 E5", "B4 C5", "G4 G4", "G3 C3", chords="V7 I", what="single"),
    yes("doubled_altered_tone", "F#5 G5", "A4 B4", "F#4 G4", "D3 G3", chords="II V", at=1),
    no("doubled_altered_tone", "F#5 G5", "A4 B4", "D4 D4", "D3 G3", chords="II V", what="single"),
    yes("missing_third", "G4 G4", "C4 D4", "G3 B3", "C3 G2", chords="I V", at=1),
    no("missing_third", "C5:1/2 B4:1/2", "G4", "D4", "G3", chords="V", what="4-3 suspension"),
    no("missing_third", "G4 G4", "C3 G2", chords="I V", what="two voices"),
    yes("incomplete_chord", "F5 E5", "D5 C5", "D4 E4", "B2 C3", chords="V65 I", at=1),
    no("incomplete_chord", "F5 E5", "B4 C5", "G4 E4", "G3 C3", chords="V7 I", what="no fifth"),
    yes("doubled_third", "E5 D5", "G4 G4", "E4 D4", "C3 B2", chords="I V6", at=1),
    no("doubled_third", "C5 B4", "A4 G4", "C4 D4", "F3 G3", chords="vi6 V", what="minor"),
    no(
        "doubled_third",
        *("B4 C5", "F#4 E4", "D#4 E4", "B2 C3"),
        chords="V VI",
        key="E minor",
        what="V-VI",
    ),
    yes("six_four", "D5 C5 C5", "A4 G4 A4", "F4 E4 F4", "D3 G3 F3", chords="ii I64 IV", at=2),
    no("six_four", "C5 C5 B4", "A4 G4 G4", "F4 E4 D4", "F3 G3 G3", chords="IV Cad64 V", what="cad"),
    no("six_four", "C5 B4 C5", "G4 G4 G4", "E4 D4 C4", "C3 D3 E3", chords="I V64 I6", what="pass"),
    no("six_four", "E4 F4 E4", "C4 C4 C4", "G3 A3 G3", "C3 C3 C3", chords="I IV64 I", what="pedal"),
    no("six_four", "C5 E5 C5", "E4 G4 E4", "G3 C4 G3", "C3 G2 C3", chords="I I64 I", what="arp"),
    yes("six_four_resolution", "E5 G5", "C5 B4", "G4 D4", "G3 G3", chords="Cad64 V", at=2),
    no("six_four_resolution", "E5 D5", "C5 B4", "G4 G4", "G3 G3", chords="Cad64 V", what="5 3"),
    no("six_four_resolution", "E5 F5", "C5 B4", "G4 G4", "G3 G3", chords="Cad64 V7", what="6-7"),
    yes(
        "unprepared_dissonance", "C5 F5 C5", "E4 E4 E4", "G3 G3 G3", "C3 C3 C3", chords="I:3", at=2
    ),
    no(
        "unprepared_dissonance",
        *("C5 D5 E5", "E4 E4 E4", "G3 G3 G3", "C3 C3 C3"),
        chords="I:3",
        what="a passing note",
    ),
    no(
        "unprepared_dissonance",
        *("C5 F5 E5", "E4 E4 E4", "G3 G3 G3", "C3 C3 C3"),
        chords="I:3",
        what="an appoggiatura",
    ),
    yes(
        "unresolved_suspension",
        *("C5:2 G4", "A4 G4:2", "F4 D4:2", "F3 G3:2"),
        chords="IV V:2",
        at=3,
    ),
    no(
        "unresolved_suspension",
        *("C5:2 B4", "A4 G4:2", "F4 D4:2", "F3 G3:2"),
        chords="IV V:2",
        what="resolved down",
    ),
    yes("diminished_root_position", "F4 E4", "D4 C4", "B3 C4", "B2 C3", chords="viio I", at=1),
    no("diminished_root_position", "F4 E4", "B3 C4", "B3 C4", "D3 C3", chords="viio6 I", what="6"),
    yes(
        "harmonic_syncopation",
        *("C5:2 B4 C5 C5", "G4:2 G4 A4 A4", "E4:2 D4 F4 F4", "C3:2 G3 F3 F3"),
        chords="I:2 V IV:2",
        at=5,
    ),
    no(
        "harmonic_syncopation",
        *("C5:2 B4 C5 C5", "G4:2 G4 A4 A4", "E4:2 D4 F4 F4", "C3:2 G3 F3 A3"),
        chords="I:2 V IV IV6",
        what="another bass on the bar line",
    ),
    yes("retrogression", "B4 C5", "G4 A4", "D4 F4", "G3 F3", chords="V IV", at=2),
    no("retrogression", "B4 C5", "G4 F4", "D4 C4", "G3 A3", chords="V IV6", what="IV6"),
    no("retrogression", "B4! C5", "G4 A4", "D4 F4", "G3 F3", chords="V IV", what="a new phrase"),
    yes("final_chord", "C5 B4", "G4 G4", "E4 D4", "C3 G3", chords="I V", at=2),
    no("final_chord", "B4 C5", "G4 G4", "D4 E4", "G3 C3", chords="V I", what="the tonic"),
    no(
        "final_chord",
        *("B4 C5", "F4 E4", "D4 E4", "G#3 A3"),
        chords="viio7 I",
        key="A minor",
        what="a Picardy third",
    ),
]


def findings(
    example: Example,
    score_of: Callable[..., Score],
    chords_of: Callable[..., tuple[ChordSpan, ...]],
) -> list[tuple[str, float]]:
    score = score_of(*example.voices, key=example.key)
    chords = chords_of(example.chords, example.key) if example.chords else ()
    return [(found.rule, found.tick / TPQ + 1) for found in check(score, chords=chords)]


def name(example: Example) -> str:
    return f"{example.rule}: {example.what or 'breaks it'}"


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.where is not None], ids=name)
def test_rule_finds(
    example: Example,
    score_of: Callable[..., Score],
    chords_of: Callable[..., tuple[ChordSpan, ...]],
) -> None:
    found = findings(example, score_of, chords_of)
    assert [where for rule, where in found if rule == example.rule] == [example.where]


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.where is None], ids=name)
def test_rule_keeps_silent(
    example: Example,
    score_of: Callable[..., Score],
    chords_of: Callable[..., tuple[ChordSpan, ...]],
) -> None:
    found = findings(example, score_of, chords_of)
    assert example.rule not in [rule for rule, _ in found]


def test_every_rule_has_examples_of_both_kinds() -> None:
    breaks = {example.rule for example in EXAMPLES if example.where is not None}
    keeps = {example.rule for example in EXAMPLES if example.where is None}
    assert breaks == set(RULES)
    assert keeps == set(RULES)
