"""From a plan to a track of drums."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from hybrid.core.errors import ConfigError, PlanError
from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan, Phrase, Section
from hybrid.core.score import Track
from hybrid.core.timeline import Metre
from hybrid.symbolic_transformer.drums import plan_bars, write_drums
from hybrid.symbolic_transformer.drums.bars import METRE_CELLS
from hybrid.symbolic_transformer.drums.conditions import METRES
from hybrid.symbolic_transformer.drums.grid import encode
from hybrid.symbolic_transformer.drums.kit import PITCHES
from hybrid.symbolic_transformer.drums.write import _in_thirds

BAND = ("electric piano", "drums")


def plan_of(
    labels: str = "ABA",
    *,
    metre: str = "4/4",
    bars: int = 4,
    variation: str | None = None,
    tempo: float = 110.0,
    dynamics: str | None = None,
) -> FormPlan:
    """Sections of one phrase each."""
    sections = tuple(
        Section(label=label, phrases=(Phrase(bars=bars, theme=label, variation=variation),))
        for label in (labels.split("|") if "|" in labels else labels)
    )
    return FormPlan(
        key=Key.parse("C major"),
        metre=Metre.parse(metre),
        tempo_qpm=tempo,
        dynamics=dynamics,
        style="pop",
        instruments=BAND,
        sections=sections,
    )


def write(plan: FormPlan, seed: int = 1, **options: Any) -> Track:
    return write_drums(plan, np.random.default_rng(seed), **options)


def hits(track: Track, plan: FormPlan) -> np.ndarray:
    """Hits of each bar of a plan in 4/4, shape (n_bars, 16, 9)."""
    grid, _ = encode(track.notes, 120, 16 * plan.n_bars)
    return grid.hits.reshape(plan.n_bars, 16, 9)


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Strokes that two passages share, of all they have."""
    union = (first | second).sum()
    return float((first & second).sum() / union) if union else 1.0


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    plan = plan_of()
    first, again, other = write(plan, 1), write(plan, 1), write(plan, 2)
    assert first.notes.tobytes() == again.notes.tobytes()
    assert first.notes.tobytes() != other.notes.tobytes()


def test_a_track_of_drums_stays_in_its_keys_ranges_and_bars() -> None:
    plan = plan_of(bars=8)
    track = write(plan)
    assert track.is_drum
    assert set(track.notes["pitch"].tolist()) <= set(PITCHES)
    assert track.notes["onset"].min() >= 0
    assert track.notes["onset"].max() < plan.quarters * 480
    # People are not machines: many velocities, and strokes beside the grid.
    assert len(set(track.notes["velocity"].tolist())) > 15
    assert (track.notes["onset"] % 120 != 0).mean() > 0.5
    for pitch in set(track.notes["pitch"].tolist()):
        mine = track.notes[track.notes["pitch"] == pitch]
        assert ((mine["onset"] + mine["duration"])[:-1] <= mine["onset"][1:]).all()


def test_a_returning_section_is_like_its_first_time_and_a_new_one_is_not() -> None:
    alike, unlike = [], []
    for seed in range(3):
        plan = plan_of("ABAC", bars=8)
        bars = hits(write(plan, seed, temperature=1.0), plan)
        a, b, again = bars[:7], bars[8:15], bars[16:23]
        alike += [likeness(x, y) for x, y in zip(a, again, strict=True)]
        unlike += [likeness(x, y) for x, y in zip(a, b, strict=True)]
    assert np.mean(alike) > np.mean(unlike) + 0.2
    assert np.mean(alike) < 1.0


def test_a_literal_return_repeats_every_stroke_but_the_pieces_last_bar() -> None:
    plan = plan_of("AAB", variation="literal")
    track = write(plan)
    bar = 4 * 480
    notes = track.notes
    # Strokes ahead of the first bar line are moved onto it, so the second bar is where we begin.
    first = notes[(notes["onset"] >= bar - 60) & (notes["onset"] < 4 * bar - 60)]
    second = notes[(notes["onset"] >= 5 * bar - 60) & (notes["onset"] < 8 * bar - 60)]
    assert len(first) > 10
    for name in ("pitch", "velocity"):
        assert np.array_equal(first[name], second[name])
    assert np.array_equal(first["onset"] + 4 * bar, second["onset"])


def test_primes_are_the_same_section_and_a_fill_is_no_model_for_a_beat() -> None:
    tasks = plan_bars(plan_of("A|B|A'|B", bars=2))
    assert [task.reference for task in tasks] == [None, None, None, None, 0, 1, 2, None]
    longer = replace(
        plan_of(), sections=(plan_of("A").sections[0], plan_of("A", bars=6).sections[0])
    )
    # Bar 4 of the second section would take the first one's fill, bar 6 is a fill itself.
    references = [task.reference for task in plan_bars(longer)][4:]
    assert references == [0, 1, 2, None, 0, None]


def test_fills_end_sections_or_phrases_or_nothing() -> None:
    section = Section(label="A", phrases=(Phrase(bars=2, theme="a"), Phrase(bars=2, theme="b")))
    plan = replace(plan_of(), sections=(section, section))

    def filled(fills: str) -> list[int]:
        tasks = plan_bars(plan, fills=fills)
        return [number for number, task in enumerate(tasks) if task.role == "fill"]

    assert filled("sections") == [3, 7]
    assert filled("phrases") == [1, 3, 5, 7]
    assert filled("none") == []
    assert [task.place for task in plan_bars(plan)] == 2 * ["start", "middle", "middle", "end"]


def test_sections_after_a_fill_open_with_a_crash_as_often_as_in_the_data() -> None:
    plan = plan_of("A" * 24, bars=1)
    # Every bar is a section's last and so a fill; as beats they follow none.
    assert {task.role for task in plan_bars(plan)} == {"fill"}
    plan = plan_of("|".join(f"A{number}" for number in range(60)), bars=2)
    bars = hits(write(plan, fills="sections"), plan)
    calm = hits(write(plan, fills="none"), plan)
    opened, unopened = bars[2::2, 0, 7].mean(), calm[2::2, 0, 7].mean()
    assert 0.2 < opened < 0.6
    assert opened > unopened + 0.1


def test_the_piece_ends_with_one_stroke() -> None:
    plan = plan_of(dynamics="f")
    last = write(plan).notes
    last = last[last["onset"] >= 11 * 1920]
    assert last["pitch"].tolist() == [36, 49]
    assert last["onset"].tolist() == 2 * [11 * 1920]
    assert last["velocity"].tolist() == [90, 90]


def test_phrases_without_drums_rest_where_others_have_some() -> None:
    plan = plan_of("ABA")
    quiet = replace(plan.sections[1], instruments=("piano",))
    tasks = plan_bars(replace(plan, sections=(plan.sections[0], quiet, plan.sections[2])))
    assert [task.task for task in tasks] == 4 * ["play"] + 4 * ["rest"] + 3 * ["play"] + ["end"]
    none = replace(plan, instruments=("piano",))
    assert "rest" not in {task.task for task in plan_bars(none)}


@pytest.mark.parametrize("metre", METRE_CELLS)
def test_every_metre_of_the_table_is_filled_with_cells_and_played(metre: str) -> None:
    parsed = Metre.parse(metre)
    for form in METRE_CELLS[metre]:
        assert sum(cell.steps * cell.step_quarters for cell in form) == parsed.bar_quarters
        assert all(cell.first + cell.steps <= METRES[cell.metre] for cell in form)
    plan = plan_of("AA", metre=metre)
    track = write(plan)
    assert 0 < track.notes["onset"].max() < plan.quarters * 480


def test_dotted_beats_are_in_triplets() -> None:
    plan = plan_of("AB", metre="12/8", bars=8, tempo=150.0)
    onsets = write(plan, style="blues").notes["onset"] % 720
    off = np.abs(onsets[:, None] - np.array([0, 240, 480, 720])).min(1)
    assert len(onsets) > 40
    # A sixth of a step of 180 ticks.
    assert 0 < off.max() <= 30


@pytest.mark.parametrize(
    ("step", "timing", "units"),
    [
        (0, 7, 7),
        (1, 0, 160),
        (1, 40, 160),
        (1, 36, 156),
        (2, 0, 320),
        (3, 0, 320),
        (3, -40, 320),
        (3, -45, 315),
        (2, 50, 340),
        (5, 4, 4 * 120 + 164),
    ],
)
def test_strokes_of_a_dotted_beat_go_to_its_thirds(step: int, timing: int, units: int) -> None:
    assert step * 120 + _in_thirds(step, timing) == units


def test_a_pickup_moves_the_bars_and_stays_empty() -> None:
    plan = replace(plan_of(), pickup_quarters=Fraction(1))
    onsets = write(plan).notes["onset"]
    assert onsets.min() >= 480 - 60
    assert plan_bars(plan)[0].start == 1


def test_denser_and_louder_bars_come_where_they_are_asked_for() -> None:
    def measured(level: int) -> tuple[float, float]:
        plan = plan_of("ABC", bars=8, dynamics=("pp", "p", "mf", "f", "fff")[level])
        strokes, loud = 0, []
        for seed in range(2):
            notes = write(plan, seed, density=level, temperature=1.0).notes
            strokes += len(notes)
            loud += notes["velocity"].tolist()
        return strokes / 48, float(np.mean(loud))

    low, middle, high = (measured(level) for level in (0, 2, 4))
    assert low[0] < middle[0] < high[0]
    assert low[1] < high[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style": "polka"}, "style of drums must be one of .* got 'polka'"),
        ({"density": 5}, "density must be in 0..4, got 5"),
        ({"fills": "bars"}, "fills must be one of sections, phrases, none, got 'bars'"),
        ({"feel": "odd"}, "feel must be one of straight, triplet, free, got 'odd'"),
        ({"temperature": 3.0}, r"temperature must be in 0.1..2, got 3"),
        ({"ticks_per_quarter": 10}, "ticks_per_quarter must be a multiple of 4, got 10"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        write(plan_of(), **options)


def test_metres_without_drums_and_plans_with_gaps_are_refused() -> None:
    with pytest.raises(PlanError, match=r"a metre with drums must be one of .* got 11/8"):
        write(plan_of(metre="11/8"))
    with pytest.raises(PlanError, match="must have bars, key and metre"):
        write(replace(plan_of(), metre=None))
