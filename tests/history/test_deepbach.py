"""DeepBach: what the network may not read, what sampling keeps, and what training is worth.

Known answers: the notes of Bach's chorales come back from their symbols; a symbol's own chances do
not depend on it; Witten-Bell shares by hand. The shipped weights are held against counting on
chorales that no training has seen, and the same check fails with random weights.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from hybrid.core.errors import ConfigError
from hybrid.history.chorale_grids import (
    LOWEST,
    RANGES,
    REST,
    ChoraleGrid,
    held_out_grids,
    mark_ends,
    shipped_grids,
)
from hybrid.history.chorale_tasks import empty_task, find_task
from hybrid.history.chorales import load_chorales
from hybrid.history.counted import Counted
from hybrid.history.deepbach_measures import (
    counted_losses,
    counted_models,
    network_loss,
)
from hybrid.history.deepbach_model import (
    HOLD,
    N_SOUNDS,
    N_SYMBOLS,
    SILENT,
    WIDEST,
    WINDOW,
    DeepBach,
    DeepBachConfig,
    encode,
    interval_places,
    load_deepbach,
    sounding,
)
from hybrid.history.deepbach_sampling import notes_of, pseudo_gibbs
from hybrid.history.deepbach_training import DeepBachTrainer, DeepBachTraining
from hybrid.history.registry import load_exhibit, run_exhibit
from hybrid.symbolic_transformer.chorale_splits import chorale_splits

GRIDS = tuple(held_out_grids().values())


def random_network(hidden: int = 96) -> DeepBach:
    torch.manual_seed(1)
    network = DeepBach(DeepBachConfig(hidden=hidden))
    # Tables begin with zeros, which would hide a fault in reading them.
    for table in (network.intervals, network.motions):
        nn.init.normal_(table)
    return network.eval()


# --- Chorales --------------------------------------------------------------------------------


def test_held_out_chorales_are_of_the_split_for_testing_and_not_among_the_others() -> None:
    splits = chorale_splits(["bach_chorales"])
    assert len(GRIDS) == 16
    for number in held_out_grids():
        match = splits["bach_chorales", f"{int(number):03d}"]
        assert (match.split, match.is_same) == ("test", True)
    learnt = {splits["bach_chorales", f"{number:03d}"].id for number in load_chorales()}
    tested = {splits["bach_chorales", f"{int(number):03d}"].id for number in held_out_grids()}
    assert not learnt & tested


def test_a_grid_moves_as_far_as_its_voices_allow() -> None:
    grid = held_out_grids()["224"]
    low, high = grid.room
    for by in (low, high):
        moved = grid.moved(by)
        assert moved.tonic == (grid.tonic + by) % 12
        for voice, (lowest, highest) in enumerate(RANGES):
            sung = moved.pitches[:, voice][moved.pitches[:, voice] != REST]
            assert lowest <= sung.min() <= sung.max() <= highest


def test_a_note_before_an_end_is_marked_whole() -> None:
    onsets = np.array([True, False, True, True, False, False])
    assert mark_ends(onsets, [3, 6]).tolist() == [False, False, True, True, True, True]


@pytest.mark.parametrize("grid", GRIDS[:4], ids=lambda grid: grid.name)
def test_symbols_give_the_notes_back(grid: ChoraleGrid) -> None:
    symbols, metadata = encode(grid)
    inner = symbols[WINDOW:-WINDOW]
    assert symbols.shape == metadata.shape
    sounds = sounding(inner)
    assert np.array_equal(np.where(sounds == SILENT, REST, sounds + LOWEST), grid.pitches)
    notes = notes_of(inner)
    assert len(notes) == int((grid.onsets & (grid.pitches != REST)).sum())
    assert all(grid.onsets[first, voice] for voice, first, _, _ in notes)


# --- Counting --------------------------------------------------------------------------------


def test_witten_bell_by_hand() -> None:
    # After 0 came 0, 0, 1: three symbols of two kinds, so 2 / 5 go to what is known without it.
    contexts = np.array([[0, 0], [0, 0], [0, 0], [0, 1]])
    seen = Counted(contexts, np.array([0, 0, 1, 1]), 4)
    general = (2 + 2 * 0.25) / 6
    wanted = (2 + 2 * general) / 5
    found = np.exp(-seen.losses(np.array([[0, 0]]), np.array([0])))
    assert found[0] == pytest.approx(wanted)
    every = np.exp(-seen.losses(np.zeros((4, 2), dtype=np.int64), np.arange(4)))
    assert every.sum() == pytest.approx(1.0)


# --- The network -----------------------------------------------------------------------------


def test_no_symbol_is_told_of_itself() -> None:
    network = random_network(16)
    symbols, metadata = encode(GRIDS[0])
    times = np.array([5, 40])
    before = network.at(symbols, sounding(symbols), metadata, times)
    for voice in range(4):
        changed = symbols.copy()
        changed[WINDOW + times, voice] = [HOLD, 30]
        after = network.at(changed, sounding(changed), metadata, times)
        assert np.array_equal(before[:, voice], after[:, voice])
        others = [other for other in range(4) if other != voice]
        assert not np.array_equal(before[:, others], after[:, others])


def test_training_and_sampling_ask_the_same_network() -> None:
    network = random_network(16)
    symbols, metadata = encode(GRIDS[0])
    rows = slice(30, 30 + 2 * WINDOW + 1)
    inputs = [torch.from_numpy(part[rows])[None] for part in (symbols, sounding(symbols), metadata)]
    with torch.no_grad():
        # The column in the middle has the window on either side; the first and last have no answer.
        whole = network(*inputs).log_softmax(dim=-1)[0, WINDOW - 1].double().numpy()
    found = network.at(symbols, sounding(symbols), metadata, np.array([30]))[0]
    known = np.isfinite(found)
    assert np.allclose(found[known], whole[known], atol=1e-5)


@cache
def counted() -> dict[str, float]:
    return counted_losses(counted_models(shipped_grids()), GRIDS)


def beats_counting(network: DeepBach) -> bool:
    """Whether its held-out loss is below that of every counted model."""
    return network_loss(network, GRIDS[::4])["each"] < min(counted().values())


def test_shipped_weights_beat_counting_on_held_out_chorales() -> None:
    network, notes, _ = load_deepbach()
    assert beats_counting(network)
    # What the page says is what is measured here.
    assert network_loss(network, GRIDS)["each"] == pytest.approx(
        notes["held_out"]["each"], abs=2e-3
    )


def test_random_weights_do_not() -> None:
    assert not beats_counting(random_network())


def test_tables_know_intervals_and_steps_from_one_to_another() -> None:
    interval, motion = interval_places()
    # A fifth before, the other voice now on pitch 10 and moved, this one on 17: a fifth again.
    case = (7 * N_SOUNDS + 10) * 2 + 1
    assert int(interval[case, 17]) == WIDEST + 7
    assert int(motion[case, 17]) == (7 * 12 + 7) * 2 + 1
    # Octaves count as unisons for steps, but not for intervals.
    assert int(motion[case, 29]) == int(motion[case, 17])
    assert int(interval[case, 29]) == WIDEST + 19


# --- Sampling --------------------------------------------------------------------------------


class Stubborn:
    """Says that one symbol is all but certain, whatever is around."""

    def __init__(self, symbol: int) -> None:
        self.symbol = symbol

    def at(self, *_: object) -> NDArray[np.float64]:
        times, voices = _[3], _[4]
        assert isinstance(times, np.ndarray)
        assert isinstance(voices, list)
        log = np.full((len(times), len(voices), N_SYMBOLS), -50.0)
        log[:, :, self.symbol] = 0.0
        return log


def test_what_the_network_wants_comes_about_and_what_is_given_stays() -> None:
    grid = GRIDS[0]
    symbols, metadata = encode(grid)
    is_free = np.ones((len(grid), 4), dtype=bool)
    is_free[:, 0] = False
    rng = np.random.default_rng(0)
    run = pseudo_gibbs(Stubborn(20), symbols, metadata, is_free, 12, 1.0, rng)  # type: ignore[arg-type]
    assert np.array_equal(run.symbols[:, 0], symbols[WINDOW:-WINDOW, 0])
    # Twelve sweeps by lot miss about one place in e to the twelfth.
    assert (run.symbols[:, 1:] == 20).mean() > 0.99
    assert run.changed[0] > run.changed[-1]


def test_voices_stay_in_their_ranges_and_the_soprano_is_sung() -> None:
    exhibit = load_exhibit("deepbach")
    made = run_exhibit(exhibit, 5, {"soprano": "bach-60", "sweeps": 2})[0]
    grid = held_out_grids()["60"]
    soprano = made.score.track("soprano").notes
    assert len(soprano) == int((grid.onsets[:, 0] & (grid.pitches[:, 0] != REST)).sum())
    for (low, high), track in zip(RANGES, made.score.tracks, strict=True):
        assert low <= track.notes["pitch"].min() <= track.notes["pitch"].max() <= high
    notes = [entry for entry in made.trace.entries if entry.kind == "note"]
    drawn = [entry for entry in notes if entry.maker == "DeepBach"]
    assert all(entry.probability is not None and entry.rejected for entry in drawn)
    assert {entry.maker for entry in notes} <= {"DeepBach", "tune", "chance"}


def test_without_a_soprano_all_voices_are_drawn() -> None:
    task = empty_task(GRIDS[0].key, 4)
    assert task.is_free.all()
    assert len(task.grid) == 64
    made = run_exhibit(
        load_exhibit("deepbach"), 1, {"soprano": "none", "bars": 2, "sweeps": 1, "key": "D minor"}
    )[0]
    assert made.score.keys[0].key.name == "D minor"


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("soprano", "bach-26", "soprano must be none; or one of bach-"),
        ("key", "H major", "key must be a major or minor key such as 'G minor', got 'H major'"),
        ("sweeps", "0", "sweeps must be a whole number in 1..60"),
    ],
)
def test_wrong_settings_get_one_line(name: str, value: str, rule: str) -> None:
    with pytest.raises(ConfigError, match=rule) as caught:
        run_exhibit(load_exhibit("deepbach"), 0, {name: value})
    assert "\n" not in str(caught.value)


def test_a_tune_keeps_its_metre() -> None:
    exhibit = load_exhibit("deepbach")
    values = run_exhibit(exhibit, 0, {"soprano": "old-hundredth", "sweeps": 1})[1]
    task = find_task(values)
    assert (task.beats, task.pickup) == (4, 4)
    assert task.grid.places[4] == 0
    assert not task.is_free[:, 0].any()


# --- Training --------------------------------------------------------------------------------


def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    settings = replace(DeepBachTraining(), updates=4, batch=2, length=48, check_every=2)
    config = DeepBachConfig(embedding=4, hidden=8)
    runs = []
    for name, stops in (("whole", (4,)), ("halves", (2, 4))):
        (tmp_path / name).mkdir()
        for stop in stops:
            trainer = DeepBachTrainer(config, settings, GRIDS[:2], GRIDS[2:3], tmp_path / name)
            trainer.run(stop_at=stop)
        runs.append(trainer.average.state_dict())
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])
