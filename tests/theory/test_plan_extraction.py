"""Plans read from scores: laws, known plans, and what cannot be read."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from hybrid.core.analysis import CADENCES, ChordSpan
from hybrid.core.errors import ScoreError
from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan, Phrase, Section, parse_chords
from hybrid.core.score import Articulation, Score, Track, make_notes
from hybrid.core.timeline import Metre
from hybrid.io.plan_toml import format_plan, parse_plan
from hybrid.rules import RulesEngine
from hybrid.theory.agreement import planned_chords
from hybrid.theory.extract import extract_plan, find_chords, find_keys
from hybrid.theory.extract.grid import lay_grid
from hybrid.theory.extract.lead import compare_bars, find_lead
from hybrid.theory.extract.themes import ThemeUse, name_themes

Q = 480
FOUR = Metre.parse("4/4")
CADENCE = ((48, 64, 67, 72), (53, 65, 69, 72), (43, 62, 67, 71), (48, 60, 64, 72))


def block_chords(*chords: tuple[int, ...], length: int = 2 * Q) -> Score:
    """A chord each half note."""
    rows = [(length * at, length, pitch) for at, chord in enumerate(chords) for pitch in chord]
    return Score((Track("piano", make_notes(rows)),))


def known_plan(key: str = "G major") -> FormPlan:
    """Four phrases of four bars, the third in the dominant."""
    home = Key.parse(key)
    away = Key(home.tonic + 1, "major")
    lines = (
        ("I V6 I I6 | IV I6 V65 I | ii65 V I IV6 | V:4", "HC", "a", home),
        ("I V6 I I6 | IV I6 V65 I | ii6 V vi ii65 | V:2 I:2", "PAC", "a", home),
        ("I V43 I6 IV | V65 I ii6 V7 | I vi ii65 V | V7:2 I:2", "PAC", "b", away),
        ("I V6 I I6 | IV I6 V65 I | ii65 V I IV | Cad64:1 V7:1 I:2", "PAC", "a", home),
    )
    phrases = tuple(
        Phrase(bars=4, chords=parse_chords(text, FOUR, 4), cadence=cadence, theme=theme, key=where)
        for text, cadence, theme, where in lines
    )
    return FormPlan(
        key=home,
        metre=FOUR,
        tempo_qpm=84.0,
        texture="chorale",
        dynamics="mf",
        instruments=("soprano", "alto", "tenor", "bass"),
        sections=(Section(label="A", phrases=phrases),),
    )


@pytest.fixture(scope="module")
def known_score() -> Score:
    """What the engine wrote for the known plan, without signature, fermatas and marks."""
    score, _ = RulesEngine().fill(known_plan(), np.random.default_rng(5))
    tracks = tuple(replace(track, articulations=()) for track in score.tracks)
    return replace(score, tracks=tracks, keys=(), markers=())


def shares(found: tuple[ChordSpan, ...], wanted: tuple[ChordSpan, ...]) -> dict[str, float]:
    """Shares of the sixteenths on which key, root and numeral agree."""
    ticks = range(Q // 8, wanted[-1].end, Q // 4)
    same = {"key": 0, "root": 0, "numeral": 0}
    for tick in ticks:
        a, b = (next(c for c in side if c.onset <= tick < c.end) for side in (found, wanted))
        same["key"] += a.key == b.key
        same["root"] += a.root == b.root
        same["numeral"] += (a.key, a.numeral) == (b.key, b.numeral)
    return {name: count / len(ticks) for name, count in same.items()}


def test_a_plan_is_ready_and_comes_back_from_toml() -> None:
    plan = extract_plan(block_chords(*CADENCE))
    assert plan.is_ready
    assert parse_plan(format_plan(plan)) == plan
    (phrase,) = [placed.phrase for placed in plan.phrases()]
    assert [chord.numeral for chord in phrase.chords] == ["I", "IV", "V", "I"]
    assert phrase.cadence == "PAC"


def test_a_known_plan_is_read_back(known_score: Score) -> None:
    planned = known_plan()
    plan = extract_plan(known_score)
    figures = shares(planned_chords(plan, known_score), planned_chords(planned, known_score))
    # Measured: key 1.0, root 1.0, numeral 0.9 (passing notes that make sevenths).
    assert figures["key"] >= 0.9
    assert figures["root"] >= 0.9
    assert figures["numeral"] >= 0.75
    phrases = [placed.phrase for placed in plan.phrases()]
    assert [phrase.bars for phrase in phrases] == [4, 4, 4, 4]
    assert [phrase.cadence for phrase in phrases] == ["HC", "PAC", "PAC", "PAC"]
    assert [phrase.theme for phrase in phrases] == ["a", "a", "b", "a"]
    assert (plan.metre, plan.tempo_qpm, plan.texture) == (FOUR, 84.0, "chorale")
    assert plan.instruments == planned.instruments


def test_what_is_read_can_be_composed(known_score: Score) -> None:
    plan = extract_plan(known_score)
    score, _ = RulesEngine().fill(plan, np.random.default_rng(1))
    assert score.length == known_score.length


@pytest.mark.parametrize("semitones", [-5, -2, 1, 3, 6])
def test_transposition_moves_keys_and_not_numerals(semitones: int, known_score: Score) -> None:
    moved = known_score.transposed(semitones)
    home, away = find_chords(known_score), find_chords(moved)
    assert [(c.onset, c.numeral) for c in away] == [(c.onset, c.numeral) for c in home]
    for here, there in zip(find_keys(known_score), find_keys(moved), strict=True):
        assert here.onset == there.onset
        assert here.key.mode == there.key.mode
        assert 7 * (there.key.tonic - here.key.tonic) % 12 == semitones % 12


def test_the_same_score_gives_the_same_bytes(known_score: Score) -> None:
    assert format_plan(extract_plan(known_score)) == format_plan(extract_plan(known_score))


def test_finer_ticks_change_nothing(known_score: Score) -> None:
    tracks = []
    for track in known_score.tracks:
        notes = track.notes.copy()
        notes["onset"] *= 2
        notes["duration"] *= 2
        tracks.append(replace(track, notes=notes))
    fine = replace(known_score, tracks=tuple(tracks), ticks_per_quarter=2 * Q, length=0)
    assert format_plan(extract_plan(fine)) == format_plan(extract_plan(known_score))


def test_given_chords_are_kept(known_score: Score) -> None:
    given = planned_chords(known_plan(), known_score)
    plan = extract_plan(known_score, given)
    kept = planned_chords(plan, known_score)
    assert [(c.onset, c.numeral, c.key) for c in kept] == [
        (c.onset, c.numeral, c.key) for c in given
    ]


def test_bars_are_those_of_the_score() -> None:
    """A pickup, and a metre that changes in the middle of a bar."""
    chords = [(tick, Q, p) for tick in range(0, 24 * Q, Q) for p in (48, 64, 67, 72)]
    score = Score(
        (Track("piano", make_notes(chords)),),
        metres=(Metre(0, 4, 4), Metre(7 * Q, 3, 4)),
        pickup_ticks=Q,
    )
    plan = extract_plan(score)
    assert plan.pickup_quarters == 1
    bars = [bar for bar in score.bars if not bar.is_pickup]
    assert plan.n_bars == len(bars)
    at = {placed.first_bar: placed for placed in plan.phrases()}
    for number, placed in at.items():
        assert placed.start == Fraction(bars[number - 1].start, Q)
    # The second bar of 4/4 is cut after two quarters.
    assert at[2].metre.name == "2/4"
    assert at[3].metre.name == "3/4"


def test_fermatas_end_phrases() -> None:
    rows = [(Q * at, Q, 72 - (at % 3)) for at in range(24)]
    marks = tuple(Articulation(Q * at, 72 - (at % 3), "fermata") for at in (11, 23))
    track = Track("soprano", make_notes(rows), articulations=marks)
    plan = extract_plan(Score((track,)))
    assert [placed.last_bar for placed in plan.phrases()] == [3, 6]


# A theme of four bars of 4/4 as (quarter, pitch), and what may become of it.
THEME = [(0, 60), (1, 64), (2, 67), (3, 65), (4, 64), (6, 62), (7, 60), (8, 65), (9, 69), (10, 67)]
THEME += [(12, 64), (13, 62), (14, 60)]
C_MAJOR = (0, 2, 4, 5, 7, 9, 11)
Line = list[tuple[float, int]]


def on_step(step: int) -> int:
    octave, degree = divmod(step, 7)
    return 12 * octave + C_MAJOR[degree]


def step_of(pitch: int) -> int:
    return 7 * (pitch // 12) + C_MAJOR.index(pitch % 12)


VARIED: Line = [*THEME[:4], (4, 62), (5, 64), *THEME[6:11], (13, 64), (14, 60)]
ORNAMENT: Line = sorted([*THEME, *((at + 0.5, on_step(step_of(p) + 1)) for at, p in THEME[1:8])])
SEQUENCE: Line = [(at, on_step(step_of(p) + 2)) for at, p in THEME]
INVERSION: Line = [(at, on_step(2 * step_of(60) - step_of(p))) for at, p in THEME]
OTHER: Line = [(0, 79), (1.5, 77), (2.5, 72), (4, 69), (8.5, 71), (9.5, 62), (11, 77), (12.5, 71)]


@pytest.mark.parametrize(
    ("line", "use"),
    [
        (THEME, ThemeUse("a", "literal")),
        (VARIED, ThemeUse("a", "varied")),
        (ORNAMENT, ThemeUse("a", "ornament")),
        (SEQUENCE, ThemeUse("a", "sequence", 2)),
        (INVERSION, ThemeUse("a", "inversion")),
        (OTHER, ThemeUse("b")),
    ],
)
def test_variations_are_named(line: Line, use: ThemeUse) -> None:
    rows = []
    for start, notes in ((0, THEME), (16, line)):
        ends = [*(at for at, _ in notes[1:]), 16]
        for (at, pitch), end in zip(notes, ends, strict=True):
            rows.append((int((start + at) * Q), int((end - at) * Q), pitch))
    grid = lay_grid(Score((Track("flute", make_notes(rows), program=73),)))
    lead = find_lead(grid)
    pairs = compare_bars(grid, lead, np.zeros(8, dtype=np.int64))
    key = Key.parse("C major")
    uses = name_themes([(0, 4), (4, 8)], [key, key], lead, pairs, [16] * 8)
    assert uses == [ThemeUse("a"), use]


@pytest.mark.parametrize("texture", ["chorale", "alberti", "walking_bass", "pad", "counterpoint"])
def test_textures_are_named(texture: str) -> None:
    four = ("soprano", "alto", "tenor", "bass")
    players = {"chorale": four, "counterpoint": ("violin", "viola", "cello")}
    phrase = Phrase(
        bars=8,
        chords=parse_chords("I | IV | V7 | I | vi | ii6 | V7 | I", FOUR, 8),
        cadence="PAC",
        theme="a",
    )
    plan = replace(
        known_plan(),
        texture=texture,
        instruments=players.get(texture, ("flute", "piano")),
        sections=(Section(label="A", phrases=(phrase,)),),
    )
    score, _ = RulesEngine().fill(plan, np.random.default_rng(3))
    assert extract_plan(score).texture == texture


def test_every_phrase_has_what_a_plan_needs(known_score: Score) -> None:
    for placed in extract_plan(known_score).phrases():
        assert placed.phrase.cadence in (*CADENCES, "none")
        assert placed.phrase.chords[-1].end == placed.quarters


@pytest.mark.parametrize(
    "track",
    [
        Track("drums", make_notes([(0, Q, 36)]), is_drum=True),
        Track("silent", make_notes([])),
    ],
)
def test_a_score_without_pitched_notes_has_no_plan(track: Track) -> None:
    with pytest.raises(ScoreError, match="must have pitched notes"):
        extract_plan(Score((track,)))


def test_one_note_is_enough() -> None:
    plan = extract_plan(Score((Track("flute", make_notes([(0, Q, 60)]), program=73),)))
    assert plan.is_ready
    assert plan.instruments == ("flute",)


def test_given_chords_must_name_one() -> None:
    with pytest.raises(ScoreError, match="chords must name one"):
        extract_plan(block_chords(*CADENCE), ())
