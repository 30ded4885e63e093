"""Planted mistakes: each rule finds its own in a clean passage, and nothing breaks elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from hybrid.core.analysis import ChordSpan, Finding
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, parse_pitch
from hybrid.core.score import KeySignature, Score, Track
from hybrid.core.seeds import stage_rng
from hybrid.theory.checker import RULES, check
from hybrid.theory.chords import infer_chords
from hybrid.theory.slices import Slices, slice_score

TPQ = 480
ScoreMaker = Callable[..., Score]
ChordMaker = Callable[..., tuple[ChordSpan, ...]]

#: Four bars without a single finding, of any severity; a beat each, the last one two.
PASSAGE = {
    "soprano": "C5 D5 E5 D5 D5 C5 C5:1/2,D5:1/2 E5 F5 E5 D5 C5 C5 B4 C5:2",
    "alto": "E4 G4 G4 F4 D4 E4 A4 G4 A4 G4 A4 F4 E4 D4 E4:2",
    "tenor": "G3 G3 G3 A3 B3 C4 C4 C4 C4 C4 A3 A3 G3 G3 G3:2",
    "bass": "C3 B2 C3 F3 G3 C3 F3 E3 D3 E3 F3 F3 G3 G2 C3:2",
}
CHORDS = "I V6 I ii6 V I IV I6 ii7 I6 ii6 IV Cad64 V I:2"


class Plant(NamedTuple):
    """Beats (from 1) that get other notes or chords, and the beat of the finding."""

    rule: str
    at: int
    notes: Mapping[str, Mapping[int, str]]
    chords: Mapping[int, str] = {}


PLANTS = (
    Plant("range", 9, {"soprano": {9: "B5"}}),
    Plant("spacing", 9, {"alto": {9: "E4"}}),
    Plant("spacing_bass", 10, {"bass": {10: "E2"}}),
    Plant("crossing", 13, {"tenor": {13: "F4"}}),
    Plant("overlap", 11, {"alto": {11: "B3"}}),
    Plant("parallel_fifths", 4, {"tenor": {4: "C4"}}),
    Plant("parallel_octaves", 2, {"tenor": {1: "C4", 2: "B3"}}),
    Plant("parallel_unisons", 6, {"tenor": {5: "D4", 6: "E4"}}),
    Plant("contrary_fifths", 15, {"tenor": {14: "D4"}}),
    Plant("contrary_octaves", 15, {"tenor": {15: "C3:2"}}),
    Plant("direct_fifths", 9, {"soprano": {9: "A4"}}),
    Plant("direct_octaves", 14, {"soprano": {14: "G4"}}),
    Plant("direct_unison", 15, {"tenor": {15: "E4:2"}}),
    Plant("unequal_fifths", 3, {"alto": {2: "F4"}}, {2: "V65"}),
    Plant("phrase_break_parallels", 4, {"soprano": {3: "E5!"}, "tenor": {4: "C4"}}),
    Plant("hidden_parallels", 4, {"tenor": {4: "F3"}, "bass": {4: "C4"}}),
    Plant("beat_parallels", 4, {"tenor": {3: "G3:1/2,B3:1/2", 4: "C4"}}),
    Plant("cross_relation", 12, {"alto": {12: "F#4"}}),
    Plant("augmented_second", 13, {"alto": {13: "G#4"}}),
    Plant("augmented_leap", 8, {"soprano": {7: "C5", 8: "G#5"}}),
    Plant("tritone_leap", 13, {"soprano": {13: "F#5"}}),
    Plant("seventh_leap", 13, {"soprano": {13: "B5"}}),
    Plant("wide_leap", 7, {"alto": {7: "F5"}}),
    Plant("diminished_leap", 13, {"soprano": {12: "F5", 13: "B4", 14: "G4"}}),
    Plant("large_leap_recovery", 13, {"soprano": {13: "A5", 14: "B5"}}),
    Plant("consecutive_leaps", 14, {"soprano": {13: "F5", 14: "Bb5"}}),
    Plant("inner_leap", 7, {"alto": {7: "C5"}}),
    Plant("repeated_notes", 12, {"tenor": {11: "C4", 12: "C4"}}),
    Plant("static_voice", 5, {"tenor": {5: "C4", 11: "C4", 12: "C4", 13: "C4"}}),
    Plant("unresolved_leading_tone", 15, {"soprano": {15: "G4:2"}}),
    Plant("frustrated_leading_tone", 15, {"soprano": {14: "D5"}, "alto": {14: "B4", 15: "G4:2"}}),
    Plant("doubled_leading_tone", 14, {"alto": {14: "B3"}}),
    Plant("unresolved_seventh", 15, {"alto": {14: "F4", 15: "G4:2"}}, {14: "V7"}),
    Plant(
        "rising_seventh",
        3,
        {"alto": {2: "F4"}, "tenor": {2: "B3", 3: "C4"}, "bass": {2: "D3", 3: "E3"}},
        {2: "V43", 3: "I6"},
    ),
    Plant("doubled_seventh", 9, {"alto": {9: "C5"}}),
    Plant("doubled_altered_tone", 11, {"alto": {11: "F#4"}, "bass": {11: "F#3"}}, {11: "II6"}),
    Plant("missing_third", 12, {"tenor": {12: "C4"}}),
    Plant("incomplete_chord", 2, {"soprano": {2: "B4"}}),
    Plant("doubled_third", 1, {"soprano": {1: "E5"}}),
    Plant("six_four", 8, {"bass": {8: "G3"}}, {8: "I64"}),
    Plant("six_four_resolution", 14, {"soprano": {14: "D5"}}),
    Plant("unprepared_dissonance", 13, {"alto": {13: "A4"}}),
    Plant("unresolved_suspension", 15, {"soprano": {13: "C5:2", 14: "", 15: "E5:2"}}),
    Plant("diminished_root_position", 2, {"alto": {2: "D4"}, "tenor": {2: "F3"}}, {2: "viio"}),
    Plant(
        "harmonic_syncopation",
        13,
        {
            "soprano": {12: "D5", 13: "D5"},
            "alto": {12: "D4", 13: "D4"},
            "tenor": {12: "B3", 13: "B3"},
            "bass": {12: "G3"},
        },
        {12: "V", 13: "V"},
    ),
    Plant("retrogression", 6, {"alto": {6: "A4"}, "bass": {6: "F3"}}, {6: "IV"}),
    Plant("final_chord", 15, {"bass": {15: "A2:2"}}, {15: "vi:2"}),
)


def passage(
    score_of: ScoreMaker,
    chords_of: ChordMaker,
    notes: Mapping[str, Mapping[int, str]],
    chords: Mapping[int, str],
    key: str = "C major",
) -> tuple[Score, tuple[ChordSpan, ...]]:
    lines = []
    for voice, text in PASSAGE.items():
        cells = text.split()
        for beat, cell in notes.get(voice, {}).items():
            cells[beat - 1] = cell
        lines.append(" ".join(cells).replace(",", " "))
    numerals = CHORDS.split()
    for beat, numeral in chords.items():
        numerals[beat - 1] = numeral
    return score_of(*lines, key=key), chords_of(" ".join(numerals), key)


def beats(findings: tuple[Finding, ...]) -> set[tuple[str, float, tuple[str, ...]]]:
    return {(found.rule, found.tick / TPQ + 1, found.voices) for found in findings}


def test_the_passage_is_clean(score_of: ScoreMaker, chords_of: ChordMaker) -> None:
    score, chords = passage(score_of, chords_of, {}, {})
    assert check(score, chords=chords) == ()


def test_the_passage_is_clean_without_chords_given(
    score_of: ScoreMaker, chords_of: ChordMaker
) -> None:
    score, chords = passage(score_of, chords_of, {}, {})
    assert [span.numeral for span in infer_chords(score)] == [span.numeral for span in chords]
    assert check(score) == ()


@pytest.mark.parametrize("semitones", [-3, 1, 2])
def test_the_passage_is_clean_in_every_key(
    score_of: ScoreMaker, chords_of: ChordMaker, semitones: int
) -> None:
    score, _ = passage(score_of, chords_of, {}, {})
    assert check(score.transposed(semitones)) == ()


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.rule)
def test_planted_mistake_is_found_and_nothing_else(
    score_of: ScoreMaker, chords_of: ChordMaker, plant: Plant
) -> None:
    score, chords = passage(score_of, chords_of, plant.notes, plant.chords)
    found = beats(check(score, chords=chords))
    assert plant.at in {where for rule, where, _ in found if rule == plant.rule}
    assert {where for rule, where, _ in found if rule == plant.rule} == {plant.at}
    # One wrong note breaks several rules; but only where it stands, and next to it.
    changed = [beat for cells in plant.notes.values() for beat in cells] + list(plant.chords)
    near = range(min(changed) - 1, max(changed) + 3)
    assert {where for _, where, _ in found if int(where) not in near} == set()


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.rule)
def test_planted_mistake_is_found_in_another_key(
    score_of: ScoreMaker, chords_of: ChordMaker, plant: Plant
) -> None:
    """A tone lower (B flat major): the same findings, but for the voices' fixed ranges."""
    score, chords = passage(score_of, chords_of, plant.notes, plant.chords)
    before = beats(check(score, chords=chords))
    moved = check(score.transposed(-2), chords=_transposed(chords, -2))
    assert {item for item in beats(moved) if item[0] != "range"} == {
        item for item in before if item[0] != "range"
    }


def _transposed(chords: tuple[ChordSpan, ...], fifths: int) -> tuple[ChordSpan, ...]:
    return tuple(
        replace(span, key=Key(span.key.tonic + fifths, span.key.mode), root=span.root + fifths)
        for span in chords
    )


def test_there_is_a_plant_for_every_rule() -> None:
    assert [plant.rule for plant in PLANTS] == list(RULES)


# --- The same in Bach: notes of real chorales, bent into mistakes ---------------------------


class Bent(NamedTuple):
    """A chorale with a mistake: the tick of the finding, and what may change around it."""

    score: Score
    tick: int
    near: tuple[int, int]


def set_pitch(score: Score, row: int, tick: int, pitch: int, spelling: int | None = None) -> Score:
    """The score with another pitch for the note of a part that begins at a tick."""
    track = score.tracks[row]
    notes = track.notes.copy()
    (at,) = np.flatnonzero(notes["onset"] == tick)
    key = score.key_at(tick) or Key.parse("C")
    notes["pitch"][at] = pitch
    notes["spelling"][at] = key.spell(pitch) if spelling is None else spelling
    tracks = list(score.tracks)
    tracks[row] = Track(track.name, notes, program=track.program)
    return replace(score, tracks=tuple(tracks))


def _sites(slices: Slices, *rows: int) -> Iterator[int]:
    """Slices where the parts begin a note and began the last one a slice before."""
    for slot in range(2, len(slices) - 2):
        if all(slices.attack[row, slot - 1 : slot + 2].all() for row in rows):
            yield slot


def _bent(slices: Slices, score: Score, slot: int) -> Bent:
    """Everything from the note before the first changed one to the note after the last."""
    return Bent(score, int(slices.tick[slot]), _near(slices, slot))


def _near(slices: Slices, slot: int) -> tuple[int, int]:
    """Ticks up to which notes hang together with those of a slice and the one before it."""
    first, last = slot - 1, slot
    start, stop = int(slices.tick[first]), int(slices.end[last])
    for voice in slices.voices:
        onsets = voice.notes["onset"]
        at = int(np.searchsorted(onsets, slices.tick[first], side="right")) - 3
        start = min(start, int(onsets[max(0, at)]))
        after = int(np.searchsorted(onsets, slices.tick[last], side="right")) + 2
        stop = max(stop, int(onsets[min(len(onsets) - 1, after)]))
    return start, stop


def plant_range(slices: Slices, slot: int) -> Bent | None:
    return _bent(slices, set_pitch(slices.score, 0, int(slices.tick[slot]), 83), slot)


def plant_above_bass(interval: int, row: int) -> Callable[[Slices, int], Bent | None]:
    def plant(slices: Slices, slot: int) -> Bent | None:
        bass = slices.pitch[3]
        if bass[slot] == bass[slot - 1] or (bass[slot] - bass[slot - 1]) % 12 == 0:
            return None
        score = slices.score
        for at in (slot - 1, slot):
            score = set_pitch(score, row, int(slices.tick[at]), int(bass[at]) + interval)
        return _bent(slices, score, slot)

    return plant


def plant_leap(semitones: int) -> Callable[[Slices, int], Bent | None]:
    def plant(slices: Slices, slot: int) -> Bent | None:
        pitch = int(slices.pitch[1, slot - 1]) + semitones
        score = set_pitch(slices.score, 1, int(slices.tick[slot]), pitch)
        return _bent(slices, score, slot)

    return plant


def plant_augmented_second(slices: Slices, slot: int) -> Bent | None:
    score = slices.score
    for at, name in ((slot - 1, "F4"), (slot, "G#4")):
        pitch, spelling = parse_pitch(name)
        score = set_pitch(score, 1, int(slices.tick[at]), pitch, spelling)
    return _bent(slices, score, slot)


def plant_crossing(slices: Slices, slot: int) -> Bent | None:
    pitch = int(slices.pitch[0, slot]) + 3
    return _bent(slices, set_pitch(slices.score, 1, int(slices.tick[slot]), pitch), slot)


def plant_spacing(slices: Slices, slot: int) -> Bent | None:
    pitch = int(slices.pitch[1, slot]) + 13
    return _bent(slices, set_pitch(slices.score, 0, int(slices.tick[slot]), pitch), slot)


def plant_direct_fifth(slices: Slices, slot: int) -> Bent | None:
    bass = slices.pitch[3]
    if bass[slot] <= bass[slot - 1]:
        return None
    high = int(bass[slot]) + 19
    score = set_pitch(slices.score, 0, int(slices.tick[slot - 1]), high - 5)
    if abs(high - 5 - int(bass[slot - 1])) % 12 == 7:
        return None
    return _bent(slices, set_pitch(score, 0, int(slices.tick[slot]), high), slot)


BACH_PLANTS: dict[str, tuple[Callable[[Slices, int], Bent | None], tuple[int, ...]]] = {
    "range": (plant_range, (0,)),
    "spacing": (plant_spacing, (0,)),
    "crossing": (plant_crossing, (1,)),
    "parallel_fifths": (plant_above_bass(19, 1), (1, 3)),
    "parallel_octaves": (plant_above_bass(12, 2), (2, 3)),
    "parallel_unisons": (plant_above_bass(0, 2), (2, 3)),
    "direct_fifths": (plant_direct_fifth, (0, 3)),
    "augmented_second": (plant_augmented_second, (1,)),
    "tritone_leap": (plant_leap(6), (1,)),
    "seventh_leap": (plant_leap(-10), (1,)),
    "wide_leap": (plant_leap(14), (1,)),
}


@pytest.fixture(scope="module")
def chorales(shared_data: Path) -> dict[str, Score]:
    module = pytest.importorskip("benchmarks.chorales")
    if not (shared_data / "roman_numerals" / "bach_chorales").is_dir():
        pytest.skip("needs the corpus roman_numerals")
    scores: dict[str, Score] = module.read_chorales(shared_data)
    return scores


@pytest.mark.parametrize("rule", BACH_PLANTS)
def test_planted_mistake_in_bach(rule: str, chorales: dict[str, Score]) -> None:
    """Twenty places each: found there, and every other new finding lies right beside it."""
    plant, rows = BACH_PLANTS[rule]
    rng = stage_rng(1, "planted", rule)
    done = 0
    for number in rng.permutation(sorted(chorales)).tolist():
        score = chorales[number]
        slices = slice_score(score)
        chords = infer_chords(score, slices)
        before = set(check(score, chords=chords))
        for slot in rng.permutation(list(_sites(slices, *rows)))[:1].tolist():
            bent = plant(slices, slot)
            if bent is None:
                continue
            new = set(check(bent.score, chords=chords)) - before
            assert (rule, bent.tick) in {(found.rule, found.tick) for found in new}, number
            start, stop = bent.near
            spans = ("static_voice", "repeated_notes")  # these report a row's first or last note
            far = [
                found
                for found in new
                if not start <= found.tick <= stop and found.rule not in spans
            ]
            assert far == [], number
            done += 1
        if done == 20:
            break
    assert done == 20


def test_leading_tones_and_sevenths_planted_in_bach(chorales: dict[str, Score]) -> None:
    """Wherever a soprano resolves a leading tone upward, leaving it by a fall is found."""
    done = 0
    for number, score in chorales.items():
        slices = slice_score(score)
        chords = infer_chords(score, slices)
        before = set(check(score, chords=chords))
        for chord, after in pairwise(chords):
            slot = int(np.searchsorted(slices.tick, after.onset))
            numeral = RomanNumeral.parse(chord.numeral)
            if numeral.text not in ("V", "V7") or after.numeral not in ("I", "i"):
                continue
            if chord.key != after.key or not slices.attack[0, slot]:
                continue
            tone = 7 * chord.key.leading_tone % 12
            step = slices.pitch[0, slot] - slices.pitch[0, slot - 1]
            if slices.pitch[0, slot - 1] % 12 != tone or step != 1:
                continue
            if slices.pitch[0, slot] in slices.pitch[0, slot + 1 : slot + 3]:
                continue  # the fall would be an ornament of the resolution right after it
            tick = int(slices.tick[slot])
            bent = set_pitch(score, 0, tick, int(slices.pitch[0, slot - 1]) - 4)
            new = set(check(bent, chords=chords)) - before
            assert ("unresolved_leading_tone", tick) in {(f.rule, f.tick) for f in new}, number
            done += 1
    assert done >= 20


def test_planted_in_a_score_without_spelling(score_of: ScoreMaker) -> None:
    """MIDI names no spelling: the key decides that F-G# in A minor is an augmented second."""
    score = score_of("E5 F5 G#5 A5", "C5 D5 E5 E5", key="A minor")
    tracks = []
    for track in score.tracks:
        notes = track.notes.copy()
        notes["spelling"] = -128
        tracks.append(Track(track.name, notes))
    bare = replace(score, tracks=tuple(tracks), keys=(KeySignature(0, Key.parse("a")),))
    rules = {found.rule for found in check(bare, chords=())}
    assert "augmented_second" in rules
