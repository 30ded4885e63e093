"""What the sampler is asked for: cadences, lines that foresee the bass, transformed themes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan, Phrase, Section, parse_chords
from hybrid.core.timeline import Metre
from hybrid.pipeline import analyse
from hybrid.symbolic_transformer.conditions import plan_arrays
from hybrid.symbolic_transformer.event_cadences import Closes, closes_of
from hybrid.symbolic_transformer.event_columns import OWN_COLUMNS
from hybrid.symbolic_transformer.event_engine import TransformerEngine
from hybrid.symbolic_transformer.event_limits import Standing
from hybrid.symbolic_transformer.event_motion import Foresees, NoAugmentedSeconds
from hybrid.symbolic_transformer.event_rows import EventRows
from hybrid.symbolic_transformer.event_sampler import SampleSettings, bar_spans
from hybrid.symbolic_transformer.event_variations import (
    Note,
    Transformed,
    pitch_of,
    steps_of,
    transform,
)
from hybrid.symbolic_transformer.event_wishes import BASS, Sings
from hybrid.symbolic_transformer.events import BAR, LOWEST, duration_class
from hybrid.symbolic_transformer.tables import TICKS, PlanArrays
from tests.symbolic_transformer.event_pieces import small_plan, tiny_model

BAR_TICKS = 4 * TICKS
MINOR = Key.parse("a")
FOUR = Metre.parse("4/4")


def one_phrase(chords: str, cadence: str, key: Key, **more: Any) -> FormPlan:
    n_bars = chords.count("|") + 1
    phrase = Phrase(bars=n_bars, chords=parse_chords(chords, FOUR), cadence=cadence, theme="a")
    return FormPlan(
        sections=(Section(phrases=(phrase,)),),
        key=key,
        metre=FOUR,
        tempo_qpm=90.0,
        texture="chorale",
        dynamics="mf",
        instruments=("choir",),
        **more,
    )


def rows_with(plan: PlanArrays, notes: list[tuple[int, int, int, int]]) -> EventRows:
    """One row with bar lines and notes (tick, track, MIDI pitch, ticks), in order."""
    rows = EventRows(plan, 1)
    events = [(int(bar["start"]), -1, BAR, 0, 0) for bar in plan.bars]
    events += [
        (tick, track, track, pitch - LOWEST + 1, int(duration_class(np.array([length]))[0]))
        for tick, track, pitch, length in notes
    ]
    for tick, _, track, pitch, duration in sorted(events):
        rows.append(np.array([0]), tick=tick, track=track, pitch=pitch, duration=duration)
    return rows


def standing(rows: EventRows, plan: PlanArrays, tick: int, track: int, pitch: int = 60) -> Standing:
    spans = bar_spans(plan)
    bar = next(span for span in spans if span.start <= tick < span.end)
    one = np.array([1])
    own = np.zeros((1, len(OWN_COLUMNS)), np.int64)
    here = rows.newest("tick")
    return Standing(rows, bar, here, tick * one, track * one, (pitch - LOWEST + 1) * one, own)


def value(pitches: np.ndarray | None, midi: int) -> float:
    assert pitches is not None
    return float(pitches[0, midi - LOWEST + 1])


def test_a_plan_says_where_its_cadences_are() -> None:
    plan = plan_arrays(one_phrase("i | iv V7 | i", "PAC", MINOR))
    approach, last = closes_of(plan)
    assert (approach.start, approach.end) == (BAR_TICKS + 2 * TICKS, 2 * BAR_TICKS)
    assert (last.start, last.end) == (2 * BAR_TICKS, 3 * BAR_TICKS)
    # E with G sharp, then A with the tonic on top.
    assert (approach.bass, approach.third, last.bass, last.third) == (4, 8, 9, 0)
    assert np.flatnonzero(last.ending).tolist() == [9]
    assert (approach.ending == approach.tones).all()
    half = closes_of(plan_arrays(one_phrase("i | iv V", "HC", MINOR)))
    assert np.flatnonzero(half[-1].ending).tolist() == [4, 8, 11]


def test_the_last_chord_asks_for_its_bass_and_its_top() -> None:
    plan = plan_arrays(one_phrase("i | iv V7 | i", "PAC", MINOR))
    wish = Closes(plan, (0, 1, 2, BASS))
    last = 2 * BAR_TICKS
    before = [(0, 0, 72, 96), (0, BASS, 57, 96), (144, 0, 71, 48), (144, BASS, 52, 48)]
    at = standing(rows_with(plan, before), plan, last, 0)
    assert value(wish.pitches(at), 69) > value(wish.pitches(at), 72) + 5
    at = standing(rows_with(plan, before), plan, last, BASS)
    assert value(wish.pitches(at), 45) > value(wish.pitches(at), 52) + 5
    # Nobody goes past the chord without them, and tracks after a missing one wait.
    at.bar = bar_spans(plan)[2]
    places = wish.places(at, at.bar.start + np.arange(8 * TICKS))
    assert places is not None
    assert places[0, 0] == 0
    assert (places[0, 1:] < -5).all()
    tracks = wish.tracks(standing(rows_with(plan, before), plan, last, 0))
    assert tracks is not None
    assert tracks[0, 0] == 0
    assert (np.diff(tracks[0]) < 0).all()
    # Where all sound rightly nothing is asked for any more.
    full = [*before, *((last, track, pitch, 96) for track, pitch in enumerate((69, 64, 60, 45)))]
    places = wish.places(standing(rows_with(plan, full), plan, last, BASS), np.arange(8 * TICKS))
    assert places is not None
    assert not places.any()
    # A bass that ends before the chord, and one that is held into a chord it is not of.
    lengths = wish.durations(standing(rows_with(plan, before), plan, last, BASS, 45))
    assert lengths is not None
    assert lengths[0, 96] > lengths[0, 24]
    lengths = wish.durations(standing(rows_with(plan, before[:2]), plan, 144, BASS, 52))
    assert lengths is not None
    assert lengths[0, 48] > lengths[0, 60] + 5


def test_the_dominant_has_its_third_once() -> None:
    plan = plan_arrays(one_phrase("i | iv V7 | i", "PAC", MINOR))
    wish = Closes(plan, (0, BASS))
    before = [(0, BASS, 57, 96), (144, 0, 71, 48)]
    bare = wish.pitches(standing(rows_with(plan, before), plan, 144, 1))
    assert value(bare, 68) > value(bare, 64) + 2
    sung = wish.pitches(standing(rows_with(plan, [*before, (144, 1, 68, 48)]), plan, 144, 2))
    assert value(sung, 56) < value(sung, 64) - 2


@pytest.mark.parametrize("cadence", ["PAC", "HC"])
def test_an_unlearned_model_closes_as_planned(cadence: str) -> None:
    chords = {"PAC": "I | IV V7 | I", "HC": "I | IV | V"}[cadence]
    plan = one_phrase(chords, cadence, Key.parse("G"))
    kept = []
    for guided in (True, False):
        engine = TransformerEngine(tiny_model(), SampleSettings(n_particles=8), guided=guided)
        shares = [
            analyse(plan, engine.fill(plan, np.random.default_rng(seed))[0])[1].cadences
            for seed in range(3)
        ]
        kept.append(np.mean(shares))
    assert kept[0] == 1.0
    assert kept[1] < 1.0


def test_upper_voices_leave_the_bass_a_way() -> None:
    plan = plan_arrays(one_phrase("I V | I", "PAC", Key.parse("C")))
    wish = Foresees(plan, (0, 1, 2, BASS))
    # Soprano and bass an octave apart on G; C in both would be parallel octaves.
    notes = [(0, BASS, 48, 48), (48, 0, 79, 48), (48, BASS, 55, 48)]
    found = wish.pitches(standing(rows_with(plan, notes), plan, BAR_TICKS, 0))
    assert value(found, 72) < 0 == value(found, 76)
    # The bass itself is not asked, nor a voice in the middle of a chord.
    assert wish.pitches(standing(rows_with(plan, notes), plan, BAR_TICKS, BASS)) is None
    assert wish.pitches(standing(rows_with(plan, notes), plan, BAR_TICKS + TICKS, 0)) is None


def test_augmented_seconds_cost() -> None:
    plan = plan_arrays(one_phrase("i | iv V7 | i", "PAC", MINOR))
    wish = NoAugmentedSeconds(plan, (0,))
    found = wish.pitches(standing(rows_with(plan, [(0, 0, 77, 24)]), plan, TICKS, 0))
    assert value(found, 80) < 0  # F to G sharp
    assert value(found, 74) == value(found, 76) == 0  # F to D is a minor third
    found = wish.pitches(standing(rows_with(plan, [(0, 0, 80, 24)]), plan, TICKS, 0))
    assert value(found, 77) < 0


def test_a_silent_melody_is_asked_to_go_on() -> None:
    plan = plan_arrays(one_phrase("i | iv V7 | i", "PAC", MINOR))
    rows = rows_with(plan, [(0, 0, 72, 24)])
    wish = Sings(0, 2 * TICKS)
    assert wish.tracks(standing(rows, plan, 2 * TICKS, 0)) is None
    found = wish.tracks(standing(rows, plan, 3 * TICKS, 0))
    assert found is not None
    assert found[0, 0] > 0 == found[0, 1]


def test_steps_of_a_scale_and_back() -> None:
    for key in (Key.parse("C"), Key.parse("f#"), Key.parse("Bb")):
        for pitch in range(30, 100):
            height, beside = steps_of(pitch, key)
            assert pitch_of(height, key, beside) == pitch
            assert beside in (0, 1)


def test_each_kind_of_variation() -> None:
    theme = [Note(0, 24, 35), Note(24, 24, 36), Note(48, 48, 39)]

    def line(kind: str, steps: int = 0) -> list[tuple[int, int, int]]:
        made = transform(theme, kind, 96, steps)
        return [(note.onset, note.duration, note.height) for note in made]

    assert line("sequence", 2) == [(0, 24, 37), (24, 24, 38), (48, 48, 41)]
    assert line("inversion") == [(0, 24, 35), (24, 24, 34), (48, 48, 31)]
    assert line("retrograde") == [(0, 48, 39), (48, 24, 36), (72, 24, 35)]
    assert line("augmentation") == [(0, 48, 35), (48, 48, 36)]
    assert line("diminution") == [
        *((0, 12, 35), (12, 12, 36), (24, 24, 39)),
        *((48, 12, 36), (60, 12, 37), (72, 24, 40)),
    ]
    assert line("ornament") == [
        *((0, 12, 35), (12, 12, 36), (24, 12, 36), (36, 12, 37), (48, 48, 39)),
    ]


@pytest.mark.parametrize("kind", ["inversion", "retrograde", "diminution", "sequence"])
def test_a_transformed_theme_is_written(kind: str) -> None:
    plan = small_plan(variation=kind, second=Key(0))
    arrays = plan_arrays(plan)
    # A theme of eighths and quarters in the first two bars, then what is written from it.
    theme = [(0, 72), (24, 74), (36, 76), (48, 77), (96, 74), (120, 71), (144, 72)]
    notes = [(tick, 0, pitch, 12) for tick, pitch in theme]
    rows = rows_with(arrays, notes)
    wish = Transformed(plan, arrays)
    at = standing(rows, arrays, 2 * BAR_TICKS, 0)
    line = wish.target(at, 0, 0)[:-1]
    # All but what would fall into the last chord, which is the cadence's.
    assert len(line) >= len(theme) - 1
    assert line[0, 0] >= 2 * BAR_TICKS
    assert line[-1, 0] < 4 * BAR_TICKS - 2 * TICKS
    # On beats the line has tones of the chords.
    for tick, pitch, *_ in line.tolist():
        if tick % TICKS == 0:
            assert wish.tone[tick][(pitch + LOWEST - 1) % 12]
    at = standing(rows, arrays, int(line[0, 0]), 0)
    pitches = wish.pitches(at)
    assert pitches is not None
    assert int(np.argmax(pitches[0])) == line[0, 1]
    # Between its notes the line rests, and nobody goes past its next one.
    tracks = wish.tracks(standing(rows, arrays, int(line[0, 0]) + 1, 0))
    assert tracks is not None
    assert tracks[0, 0] < 0 == tracks[0, 1]


def test_a_model_is_drawn_to_the_transformed_theme() -> None:
    plan = small_plan(variation="inversion", second=Key(0))
    engine = TransformerEngine(tiny_model(), SampleSettings(n_particles=4))
    score, _ = engine.fill(plan, np.random.default_rng(3))
    notes = score.tracks[0].notes
    bar = 4 * score.ticks_per_quarter
    first, second = (
        [int(n["onset"]) - start for n in notes if start <= n["onset"] < start + 2 * bar]
        for start in (0, 2 * bar)
    )
    # An inversion keeps the rhythm.
    common = len(set(first) & set(second))
    assert 2 * common / (len(first) + len(second)) > 0.6


def test_a_varied_return_keeps_most_of_its_melody() -> None:
    plan = small_plan(variation="varied", second=Key(0))
    arrays = plan_arrays(plan)
    notes = [(24 * n, 0, pitch, 24) for n, pitch in enumerate((72, 74, 76, 77, 74, 71, 72, 67))]
    rows = rows_with(arrays, notes)
    at = standing(rows, arrays, 2 * BAR_TICKS, 0)
    lines = [Transformed(plan, arrays, seed=seed).target(at, 0, 0)[:-1] for seed in range(4)]
    for line in lines:
        # Over the same chords all pitches before the last one come back as they were; one of six
        # is to change.
        assert (line[:, 1] + LOWEST - 1).tolist() == [pitch for _, _, pitch, _ in notes[:6]]
        assert line[:, 3].sum() == 1
        assert not line[0, 3]
    assert len({tuple(line[:, 3].tolist()) for line in lines}) > 1
    chosen = int(np.flatnonzero(lines[0][:, 3])[0])
    wish = Transformed(plan, arrays)
    at = standing(rows, arrays, int(lines[0][chosen, 0]), 0)
    assert value(wish.pitches(at), notes[chosen][2]) < 0
    same = small_plan(variation="literal", second=Key(0))
    literal = Transformed(same, plan_arrays(same))
    assert not literal.target(at, 0, 0)[:, 3].any()
