"""CHORAL-style harmonising: the search, the rules one by one, and what they make.

Known answers: the eight queens of Wirth (1976, Algorithms + Data Structures = Programs, ch. 3.5:
first solution 1 5 8 6 3 7 2 4 after 876 tests); all solutions of small problems counted out; faults
of part-writing as textbooks show them; the checker of `hybrid.theory`, which shares no code with
the rules here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.errors import ConfigError, FormatError
from hybrid.core.pitch import Key, parse_pitch
from hybrid.core.score import Articulation, Score, Track, make_notes
from hybrid.core.timeline import Metre, Tempo
from hybrid.history.choral import harmonise
from hybrid.history.choral_chords import VOICES, Chord, stock
from hybrid.history.choral_fill import PLAIN, Figure, Gap, Joint
from hybrid.history.choral_notes import chord_spans, sung_notes
from hybrid.history.choral_problem import BY_ID, RULES, Harmonisation, Item
from hybrid.history.choral_rules import KINDS, SOURCES, VIEWS, Rule
from hybrid.history.choral_schenker import Phrase, Reading
from hybrid.history.choral_search import MODES, Broken, Run, search
from hybrid.history.choral_skeleton import Moment
from hybrid.history.choral_tune import Slot, TuneNote, find_tune, load_tunes, read_notes
from hybrid.theory import check, load_rule_set

QUICK = ("christus-der-ist-mein-leben", "jesu-meine-freude", "was-gott-tut")
C = Key.parse("C major")


# --- The search --------------------------------------------------------------------------------


class Queens:
    n_steps = 8

    def candidates(self, chosen: Sequence[int]) -> tuple[Sequence[int], Iterable[int]]:
        return range(1, 9), ()

    def test(self, chosen: Sequence[int], candidate: int) -> Broken | None:
        for row, queen in enumerate(chosen):
            if candidate == queen or abs(candidate - queen) == len(chosen) - row:
                return Broken("attacked", frozenset({row}))
        return None


class Pairs:
    """Steps with values 0..2; some pairs of values of some pairs of steps may not be."""

    def __init__(self, n_steps: int, forbidden: set[tuple[int, int, int, int]]) -> None:
        self.n_steps, self.forbidden = n_steps, forbidden

    def candidates(self, chosen: Sequence[int]) -> tuple[Sequence[int], Iterable[int]]:
        return range(3), ()

    def test(self, chosen: Sequence[int], candidate: int) -> Broken | None:
        for step, value in enumerate(chosen):
            if (step, len(chosen), value, candidate) in self.forbidden:
                return Broken("pair", frozenset({step}))
        return None


def test_the_eight_queens() -> None:
    plain = search(Queens(), "chronological")
    clever = search(Queens(), "intelligent")
    assert plain.chosen == clever.chosen == (1, 5, 8, 6, 3, 7, 2, 4)
    assert plain.n_tests == 876
    assert clever.n_tests < plain.n_tests
    assert plain.n_skipped == 0 < clever.n_skipped


def test_it_jumps_to_the_step_to_blame() -> None:
    # Step 3 fails with any value while step 0 is 0; steps 1 and 2 have nothing to do with it.
    problem = Pairs(4, {(0, 3, 0, value) for value in range(3)})
    clever = search(problem, "intelligent")
    assert [(e.step, e.back_to) for e in clever.events if e.kind == "dead end"] == [(3, 0)]
    assert (clever.n_tests, clever.n_skipped) == (10, 2)
    plain = search(problem, "chronological")
    # Nine times three values of step 3 fail, and both steps between run out.
    assert plain.n_backtracks == 9 + 3 + 1
    assert plain.chosen == clever.chosen == (1, 0, 0, 0)


@pytest.mark.parametrize("seed", range(40))
def test_both_find_the_first_solution_or_none(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_steps = 6
    forbidden = {
        (one, other, a, b)
        for one, other in product(range(n_steps), repeat=2)
        for a, b in product(range(3), repeat=2)
        if one < other and rng.random() < 0.36
    }
    solutions = [
        values
        for values in product(range(3), repeat=n_steps)
        if not any(
            (one, other, values[one], values[other]) in forbidden
            for one in range(n_steps)
            for other in range(one + 1, n_steps)
        )
    ]
    runs = [search(Pairs(n_steps, forbidden), mode) for mode in MODES]
    for run in runs:
        assert run.is_complete == bool(solutions)
        assert run.chosen == (solutions[0] if solutions else ())
    assert runs[0].n_tests <= runs[1].n_tests


def test_it_gives_up_at_the_limit() -> None:
    run = search(Queens(), "chronological", max_tests=100)
    assert run.is_given_up
    assert not run.is_complete
    assert 100 <= run.n_tests < 120
    with pytest.raises(ConfigError, match="mode must be one of intelligent, chronological"):
        search(Queens(), "backwards")


# --- The rules ---------------------------------------------------------------------------------


@cache
def harmonised(name: str, seed: int = 1) -> tuple[Harmonisation, Run[Item]]:
    problem = Harmonisation(load_tunes()[name], np.random.default_rng(seed), 0.4)
    return problem, search(problem)


def test_every_rule_has_an_id_a_kind_and_a_source() -> None:
    assert len(BY_ID) == len(RULES)
    assert len({rule.name for rule in RULES if rule.view == "skeleton"}) > 60
    for rule in RULES:
        assert rule.view in VIEWS
        assert rule.kind in KINDS
        assert re.fullmatch(r"[KMFTS][PCH]\d+", rule.id)
        assert rule.words
        assert not rule.words.endswith(".")
        cited = [part.split()[0] for part in rule.source.split("; ")]
        assert all(word in SOURCES or word in ("ours", "simplified") for word in cited), rule.id
        assert (rule.weight != 0) == (rule.kind == "heuristic")


class Recording(list[Chord]):
    """Chords that remember how far back anybody looked."""

    def __init__(self, chords: Sequence[Chord]) -> None:
        super().__init__(chords)
        self.seen: set[int] = set()

    def __getitem__(self, key):  # type: ignore[no-untyped-def]
        self.seen.add(key if key >= 0 else key + len(self))
        return super().__getitem__(key)


@pytest.mark.parametrize(
    "rule",
    [r for r in RULES if r.view in ("skeleton", "string") and r.kind != "production"],
    ids=lambda rule: rule.id,
)
def test_rules_look_no_farther_back_than_they_say(rule: Rule) -> None:
    # Were a rule to look farther, its failure would blame too few steps and solutions be lost.
    for name in QUICK[:2]:
        problem, run = harmonised(name)
        chords = problem.chords(run.chosen)
        for place, chord in enumerate(chords):
            path = Recording(chords[:place])
            rule.test(Moment(chord, path, problem.slots[place], problem.tune.key))
            assert all(place - at <= rule.depth for at in path.seen)


def test_readings_look_only_where_they_say() -> None:
    for name in QUICK[:2]:
        problem, run = harmonised(name)
        chords = Recording(problem.chords(run.chosen))
        first = 0
        for reading in (item for item in run.chosen if isinstance(item, Reading)):
            slots = problem.slots[first : reading.slots[-1] + 1]
            first = reading.slots[-1] + 1
            for rule in RULES:
                if (rule.view, rule.kind) != ("schenker", "constraint"):
                    continue
                phrase = Phrase(reading, slots, chords)
                chords.seen.clear()
                assert not rule.test(phrase)
                assert chords.seen <= set(phrase.read_by(rule.reads)), rule.id


def slot(pitch: str = "C5", **fields: object) -> Slot:
    number, tone = parse_pitch(pitch)
    notes = (TuneNote(480, 480, number, tone, bool(fields.pop("fermata", False))),)
    plain = {"index": 2, "accent": 2, "starts_phrase": False, "is_last": False}
    return Slot(onset=480, end=960, notes=notes, **{**plain, **fields})  # type: ignore[arg-type]


def chord(numeral: str, notes: str, key: Key = C) -> Chord:
    """A chord from its notes, the soprano first."""
    pitches = tuple(parse_pitch(note)[0] for note in notes.split())
    top, tone = parse_pitch(notes.split()[0])
    found = [c for c in stock(key, top, tone) if c.text == numeral and c.pitches == pitches]
    assert found, f"{numeral} {notes} is not in the stock"
    return found[0]


A = Key.parse("A minor")
#: Name of a rule, chords from the one before to the candidate, and whether the rule is broken.
TWO = [
    ("parallel_fifths", "I C5 G4 E4 C3", "ii D5 A4 F4 D3", True),
    ("parallel_fifths", "I C5 G4 E4 C3", "V6 D5 G4 G4 B2", False),
    ("parallel_octaves", "I C5 G4 E4 C3", "ii D5 A4 F4 D3", True),
    ("parallel_octaves", "I C5 G4 E4 C3", "V D5 G4 G4 G3", False),
    ("contrary_fifths_and_octaves", "I C5 G4 E4 C3", "IV F5 A4 C4 F2", True),
    ("direct_fifths_and_octaves", "V B4 G4 D4 G2", "I G5 C5 E4 C3", True),
    ("leading_tone_resolution", "V B4 G4 D4 G3", "I G4 E4 C4 C3", True),
    ("leading_tone_resolution", "V B4 G4 D4 G3", "I C5 G4 E4 C3", False),
    ("seventh_resolution", "V7 D5 B4 F4 G3", "I C5 C5 G4 C3", True),
    ("seventh_resolution", "V7 D5 B4 F4 G3", "I C5 C5 E4 C3", False),
    ("seventh_preparation", "I E5 G4 C4 C4", "ii7 D5 A4 C4 D3", False),
    ("seventh_preparation", "I E5 G4 E4 C4", "ii7 D5 A4 C4 D3", True),
    ("unequal_fifths", "viio6 F5 B4 F4 D4", "I6 G5 C5 G4 E3", False),
    ("overlap", "I E4 C4 G3 C3", "IV A4 F4 C4 F3", True),
    ("overlap", "I E5 C5 G4 C3", "IV F5 C5 A4 F3", False),
    ("four_voices_together", "I C5 G4 E4 C3", "ii D5 A4 F4 D3", True),
    ("four_voices_together", "I C5 G4 E4 C3", "V B4 G4 D4 G2", False),
    ("cross_relation", "IV C5 A4 F4 F3", "V/V D5 A4 A4 D3", False),
    ("cross_relation", "IV C5 A4 F4 F3", "V6/V D5 A4 D4 F#3", False),
    ("cross_relation", "IV A4 F4 C4 F3", "V6/V A4 A4 D4 F#3", False),
    ("cross_relation", "IV F5 C5 A4 F3", "V6/V D5 A4 D4 F#3", False),
    ("cross_relation", "IV6 F5 C5 F4 A3", "V6/V D5 A4 D4 F#3", True),
    ("progression", "V B4 G4 D4 G3", "IV A4 F4 C4 F3", True),
    ("progression", "IV A4 F4 C4 F3", "V B4 G4 D4 G3", False),
    ("applied_resolution", "V/V A4 F#4 D4 D3", "I G4 E4 C4 C3", True),
    ("applied_resolution", "V/V A4 F#4 D4 D3", "V B4 G4 D4 G2", False),
    ("six_four_resolution", "Cad64 C5 G4 E4 G3", "V B4 G4 D4 G3", False),
    ("six_four_resolution", "Cad64 C5 G4 E4 G3", "V7 D5 B4 F4 G3", True),
    ("harmonic_syncopation", "I C5 G4 E4 C3", "I E5 G4 C4 C3", True),
    ("augmented_interval", "IV A4 F4 C4 F3", "V G4 D4 B3 G3", False),
    ("wide_leap", "I C5 G4 E4 C3", "V6 D5 G4 G4 B3", True),
    ("inner_leap", "I C5 G4 C4 C3", "vi C5 E4 C4 A3", False),
    ("tritone_leap", "IV C5 A4 F4 F3", "V6 B4 G4 D4 B3", True),
]  # fmt: skip


def named(name: str) -> Rule:
    return next(rule for rule in RULES if rule.test.__name__ == name)


def read_chord(text: str, key: Key = C) -> Chord:
    numeral, _, notes = text.partition(" ")
    return chord(numeral, notes, key)


@pytest.mark.parametrize(("name", "first", "second", "is_broken"), TWO)
def test_two_chords(name: str, first: str, second: str, is_broken: bool) -> None:
    rule = named(name)
    now = read_chord(second)
    place = slot(second.split()[1], accent=3)
    assert rule.test(Moment(now, [read_chord(first)], place, C)) is is_broken


def test_an_augmented_second_in_minor() -> None:
    # F to G sharp in the tenor.
    moment = Moment(
        read_chord("V E5 B4 G#4 E3", A), [read_chord("iv D5 A4 F4 D3", A)], slot("E5"), A
    )
    assert named("augmented_interval").test(moment)


ONE = [
    ("spacing_of_upper_voices", "I G5 E4 C4 C3", {}, True),
    ("spacing_of_upper_voices", "I C5 G4 E4 C3", {}, False),
    ("spacing_of_the_bass", "I C5 G4 E4 C3", {}, False),
    ("spacing_of_the_bass", "I C5 C5 G4 C3", {}, False),
    ("missing_third", "I C5 G4 C4 C3", {}, True),
    ("incomplete_chord", "I C5 E4 C4 C3", {}, False),
    ("incomplete_chord", "I6 C5 E4 C4 E3", {}, True),
    ("doubled_leading_tone", "V B4 G4 D4 G3", {}, False),
    ("doubled_leading_tone", "V6 D5 B4 G4 B2", {}, True),
    ("doubled_seventh", "V7 F5 B4 F4 G3", {}, True),
    ("tripled_tone", "I C5 E4 C4 C3", {}, True),
    ("tripled_tone", "I C5 E4 C4 C3", {"is_last": True}, False),
    ("doubled_third", "I E5 G4 E4 C3", {}, True),
    ("doubled_third", "I C5 G4 E4 C3", {}, False),
    ("first_chord", "IV C5 A4 F4 F3", {"index": 0}, True),
    ("first_chord", "I C5 G4 E4 C3", {"index": 0}, False),
    ("last_chord", "vi C5 A4 E4 A3", {"is_last": True}, True),
    ("fermata_chord", "I6 C5 G4 C4 E3", {"fermata": True}, True),
    ("fermata_chord", "I C5 G4 E4 C3", {"fermata": True}, False),
    ("weak_six_four", "Cad64 C5 G4 E4 G3", {"accent": 1}, True),
    ("weak_six_four", "Cad64 C5 G4 E4 G3", {"accent": 3}, False),
    ("six_four_doubling", "Cad64 C5 E4 C4 G3", {}, True),
    ("seventh_of_the_tune", "V7 F5 B4 G4 G3", {"next_pitch": 79}, True),
    ("seventh_of_the_tune", "V7 F5 B4 G4 G3", {"next_pitch": 76}, False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "fields", "is_broken"), ONE)
def test_one_chord(name: str, text: str, fields: dict[str, object], is_broken: bool) -> None:
    moment = Moment(read_chord(text), [], slot(text.split()[1], **fields), C)
    assert named(name).test(moment) is is_broken


def joint(first: str, second: str, **figures: Figure) -> Gap:
    rows = tuple(figures.get(voice, PLAIN) for voice in VOICES[1:])
    a, b = read_chord(first), read_chord(second)
    return Gap(
        Joint((rows[0], rows[1], rows[2])),
        a,
        b,
        slot(first.split()[1], accent=1),
        slot(second.split()[1], accent=3),
        None,
        C,
    )


def test_figures() -> None:
    passing = Figure("passing", *parse_pitch("D4"))
    plain = joint("I6 C5 G4 C4 E3", "IV C5 A4 F4 F3")
    assert not any(r.test(plain) for r in RULES if (r.view, r.kind) == ("slice", "constraint"))
    # D over G, then E over A: fifths from eighth to eighth.
    fifths = joint("V D5 G4 B3 G3", "vi C5 A4 E4 A3", tenor=Figure("passing", 62, 2))
    assert named("slice_fifths").test(fifths)
    clash = joint("I C5 G4 C4 C3", "I6 C5 G4 E4 E3", tenor=passing, bass=Figure("passing", 51, -3))
    assert named("slice_clash").test(clash)
    # A C that is held into V and steps down to B, which no other voice may strike.
    held = Figure("suspension", *parse_pitch("C5"))
    late = joint("IV F5 C5 A4 F3", "V G5 B4 G4 G3", alto=held)
    assert not named("anticipated_resolution").test(late)
    assert not named("weak_suspension").test(late)
    assert late.slices()[-2:] == [(79, 72, 67, 55), (79, 71, 67, 55)]


def test_a_figure_that_reads_the_joint_before_says_so() -> None:
    problem, run = harmonised("o-welt-ich-muss-dich-lassen")
    checked = 0
    for at, item in enumerate(run.chosen):
        if not isinstance(item, Joint):
            continue
        gap = problem._gap(run.chosen[:at], problem.steps[at].slot, item)
        for rule in RULES:
            if rule.view in ("fill", "slice") and rule.kind == "constraint":
                assert not rule.test(gap)
                if rule.depth == 0:
                    gap_without = Gap(
                        gap.now, gap.first, gap.second, gap.slot, gap.next_slot, None, gap.key
                    )
                    assert rule.test(gap_without) == rule.test(gap)
                    checked += 1
    assert checked > 100


# --- What comes of it --------------------------------------------------------------------------


def written(problem: Harmonisation, chosen: Sequence[Item]) -> tuple[Score, list[Chord]]:
    tune = problem.tune
    chords = problem.chords(chosen)
    joints = [item for item in chosen if isinstance(item, Joint)]
    notes = sung_notes(tune, problem.slots, chords, joints)
    tracks = []
    for voice, name in enumerate(VOICES):
        own = [note for note in notes if note.voice == voice]
        rows = [(n.onset, n.end - n.onset, n.pitch, 80, 1, n.spelling) for n in own]
        marks = tuple(Articulation(n.onset, n.pitch, "fermata") for n in own if n.is_fermata)
        tracks.append(Track(name, make_notes(rows), program=52, articulations=marks))
    score = Score(
        tuple(tracks),
        tempos=(Tempo(0, 72),),
        metres=(Metre(0, tune.beats, 4),),
        pickup_ticks=tune.pickup,
    )
    return score, chords


def no_fault(name: str, seed: int) -> None:
    problem, run = harmonised(name, seed)
    assert run.is_complete
    score, chords = written(problem, run.chosen)
    rules = load_rule_set("chorale").rules
    findings = check(
        score,
        chords=chord_spans(problem.tune, problem.slots, chords),
        phrase_starts_at=[place.onset for place in problem.slots if place.starts_phrase],
    )
    faults = [f for f in findings if f.severity != "info" or rules[f.rule].hard]
    assert not faults, [str(fault) for fault in faults]
    for track in score.tracks:
        ends = track.notes["onset"] + track.notes["duration"]
        assert np.array_equal(ends[:-1], track.notes["onset"][1:]), "no voice pauses"
    assert score.tracks[0].notes["pitch"].tolist() == [n.pitch for n in problem.tune.notes]


@pytest.mark.parametrize("name", QUICK)
def test_no_hard_finding(name: str) -> None:
    no_fault(name, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", sorted(load_tunes()))
def test_no_hard_finding_in_any_tune(name: str, seed: int) -> None:
    no_fault(name, seed)


@pytest.mark.parametrize("name", QUICK[:2])
def test_both_ways_end_in_the_same_chorale(name: str) -> None:
    problem, run, other = harmonise(name, np.random.default_rng(1), 0.4, 30000)
    assert other.is_complete
    one, two = written(problem, run.chosen)[0], written(problem, other.chosen)[0]
    for first, second in zip(one.tracks, two.tracks, strict=True):
        assert np.array_equal(first.notes, second.notes)
    assert run.n_tests < other.n_tests
    assert run.n_backtracks < other.n_backtracks


# --- Tunes -------------------------------------------------------------------------------------


def test_tunes_are_whole() -> None:
    tunes = load_tunes()
    assert len(tunes) == 12
    for tune in tunes.values():
        assert all(a.end == b.onset for a, b in zip(tune.notes, tune.notes[1:], strict=False))
        assert tune.notes[-1].is_fermata
        assert sum(place.is_fermata for place in tune.slots) >= 4


def test_a_tune_of_ones_own() -> None:
    tune = find_tune("G major: D4/4 | G4/4 A4/8 G4/8 F#4/4 G4/4 | A4/2.^")
    assert (tune.pickup, tune.beats, tune.key.name) == (480, 4, "G major")
    assert [len(place.notes) for place in tune.slots] == [1, 1, 2, 1, 1, 1]
    assert [place.accent for place in tune.slots] == [1, 3, 1, 2, 1, 3]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("G4/4 G4/4", "4 to 120 notes"),
        ("G4/3 G4/4 G4/4 G4/4", "written as C4/4"),
        ("H4/4 G4/4 G4/4 G4/4", "a name and an octave"),
        ("G3/4 G4/4 G4/4 G4/4", "must stay in C4..A5"),
        ("G4/4 G4/4 G4/4 G4/4 | G4/4 G4/2 | G4/1 | G4/1", "of one length"),
        ("G4/8 | G4/1 | G4/1 | G4/1", "whole quarters"),
    ],
)
def test_wrong_tunes_are_refused(text: str, why: str) -> None:
    with pytest.raises(FormatError, match=re.escape(why)):
        read_notes(text, C)
    with pytest.raises(ConfigError, match=f"^soprano must be .*{re.escape(why)}"):
        find_tune(f"C major: {text}")


def test_a_tune_without_harmonisation_is_refused_in_one_line() -> None:
    with pytest.raises(ConfigError, match=r"^soprano must have a harmonisation .* at chord \d+"):
        harmonise(
            "C major: C5/4 C#5/4 D#5/4 F#5/4 | G#5/4 F#5/4 C#5/4 D#5/4^",
            np.random.default_rng(1),
            0.4,
            3000,
        )


def test_a_tune_from_a_score(tmp_path: Path) -> None:
    from hybrid.io.files import write_score

    problem, run = harmonised(QUICK[0])
    score, _ = written(problem, run.chosen)
    path = tmp_path / "chorale.musicxml"
    write_score(score, path)
    tune = find_tune(str(path))
    assert [(n.onset, n.pitch) for n in tune.notes] == [
        (n.onset, n.pitch) for n in problem.tune.notes
    ]
    assert (tune.pickup, tune.beats) == (480, 4)
    assert [n.is_fermata for n in tune.notes] == [n.is_fermata for n in problem.tune.notes]
