"""WaveNet: its code of levels, its causality, the fast way, and what was learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid.history.heard_pitch import heard_in, pitch_strength
from hybrid.history.rendered_tunes import HELD_OUT_TUNE, training_tunes, tune_events
from hybrid.history.wavenet import reached
from hybrid.history.wavenet_model import (
    HIGH,
    LEVELS,
    LOW,
    MIDDLE,
    N_CONDITIONS,
    SAMPLE_RATE,
    Player,
    WaveNet,
    WaveNetConfig,
    conditions,
    load_wavenet,
    mu_law,
    mu_law_samples,
    save_wavenet,
)
from hybrid.history.wavenet_training import (
    Line,
    WaveNetTrainer,
    WaveNetTraining,
    heard,
    markov_bits,
    wavenet_bits,
)

SMALL = WaveNetConfig(width=8, skip=8, hidden=8, stacks=2, layers=3)


def small_network() -> WaveNet:
    torch.manual_seed(3)
    network = WaveNet(SMALL).eval()
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.1 * torch.randn_like(value))
    return network


def test_mu_law_is_the_formula_and_comes_back() -> None:
    # G.711's mu: ln(1 + 255 |x|) / ln 256; half of full scale is 0.876 of the way.
    assert mu_law(np.array([0.5])).tolist() == [round((1 + np.log(128.5) / np.log(256)) / 2 * 255)]
    levels = np.arange(LEVELS)
    assert np.array_equal(mu_law(mu_law_samples(levels)), levels)
    assert mu_law(np.array([-3.0, 3.0])).tolist() == [0, 255]
    assert abs(mu_law_samples(np.array([MIDDLE]))[0]) < 1e-3


def test_what_is_told() -> None:
    told = conditions([(480, 240, 62), (960, 240, HIGH + 5)], 60.0, 3 * SAMPLE_RATE)
    assert told.shape == (3 * SAMPLE_RATE, N_CONDITIONS)
    assert (told[:SAMPLE_RATE, 0] == 1).all()
    assert told[SAMPLE_RATE, 1 + 62 - LOW] == 1
    assert told[SAMPLE_RATE, 0] == 0
    assert (told[SAMPLE_RATE, -2:] == 1).all()
    assert told[SAMPLE_RATE + 1000, -2] < 0.01 < told[SAMPLE_RATE + 1000, -1]
    assert told[2 * SAMPLE_RATE, 1 + HIGH - LOW] == 1
    assert (told[:, :-2].sum(axis=1) == 1).all()


def test_no_sample_depends_on_a_later_one_or_on_one_too_old() -> None:
    network = small_network()
    assert SMALL.dilations == (1, 2, 4, 1, 2, 4)
    assert SMALL.reach == 16
    levels = torch.randint(0, LEVELS, (1, 60), generator=torch.Generator().manual_seed(1))
    told = torch.zeros(1, 60, N_CONDITIONS)
    plain = network(levels, told)
    other = levels.clone()
    other[0, 30] = (other[0, 30] + 100) % LEVELS
    moved = (network(other, told) - plain).abs().amax(dim=2)[0] > 1e-7
    assert not moved[:30].any()
    assert moved[30]
    assert moved[30 + SMALL.reach - 1]
    assert not moved[30 + SMALL.reach :].any()


def test_the_fast_way_gives_the_same_chances() -> None:
    network = small_network()
    told = conditions([(0, 20, 62), (20, 20, 70)], 120.0, 160).reshape(2, 80, -1)
    primer = np.array([10, 200, 30])
    seen = []
    levels, bits = Player(network, told).play(
        np.random.default_rng(5), primer, watch=lambda at, chances, level: seen.append(chances)
    )
    assert levels.shape == bits.shape == (2, 80)
    assert levels[0, :3].tolist() == primer.tolist()
    before = torch.from_numpy(np.pad(levels, ((0, 0), (1, 0)), constant_values=MIDDLE)[:, :-1])
    with torch.no_grad():
        chances = torch.softmax(network(before, torch.from_numpy(told)), dim=2).numpy()
    assert np.abs(np.stack(seen) - chances[0]).max() < 1e-5
    rows = np.take_along_axis(chances, levels[:, :, None], axis=2)[:, :, 0]
    assert np.abs(-np.log2(rows) - bits).max() < 1e-3
    again, _ = Player(network, told).play(np.random.default_rng(5), primer)
    assert np.array_equal(levels, again)


def test_low_temperature_draws_the_likeliest() -> None:
    network = small_network()
    told = conditions([], 120.0, 40)[None]
    seen: list[bool] = []
    Player(network, told).play(
        np.random.default_rng(1),
        temperature=1e-4,
        watch=lambda at, chances, level: seen.append(level == int(chances.argmax())),
    )
    assert all(seen)


def test_reach_doubles_layer_by_layer() -> None:
    rows = reached((1, 2, 4), 16)
    assert [len(row) for row in rows] == [1, 2, 4, 8]
    assert [column for _, column in rows[-1]] == list(range(8, 16))


def test_a_pitch_is_told_from_its_neighbours() -> None:
    time = np.arange(2000) / SAMPLE_RATE
    samples = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    found = heard_in(samples, SAMPLE_RATE, 69)
    assert found.is_right
    assert found.name == "A4"
    assert pitch_strength(samples, SAMPLE_RATE, 69) == pytest.approx(0.5, rel=0.05)
    assert not heard_in(samples, SAMPLE_RATE, 68).is_right


def test_a_markov_chain_on_what_it_counted() -> None:
    turn = np.tile(np.array([1, 2], np.uint8), 500)
    assert markov_bits([turn], turn, smooth=1e-6) < 0.01
    noise = np.random.default_rng(1).integers(0, 4, 20000).astype(np.uint8)
    assert markov_bits([noise], noise, smooth=1e-6) == pytest.approx(2.0, abs=0.01)


def line(count: int, qpm: float = 120.0) -> Line:
    events = tune_events(HELD_OUT_TUNE, 5)[:count]
    return Line(heard(events, qpm), events, qpm)


@pytest.mark.soundfont
def test_it_learnt_more_than_a_markov_chain() -> None:
    assert HELD_OUT_TUNE not in training_tunes()
    tested = line(4)
    # The chain is fitted to the very sound that it is tested on, which favours it.
    baseline = markov_bits([tested.levels], tested.levels[:12000])
    torch.manual_seed(0)
    assert wavenet_bits(load_wavenet()[0], tested, most=12000) < baseline - 0.3
    assert wavenet_bits(WaveNet(WaveNetConfig()).eval(), tested, most=12000) > baseline + 2


@pytest.mark.soundfont
def test_it_plays_the_pitches_it_is_told() -> None:
    pitches = (65, 69, 72, 67)
    events = [(480 * place, 480, pitch) for place, pitch in enumerate(pitches)]
    told = conditions(events, 160.0, 12000).reshape(4, 3000, -1)

    def share_heard(network: WaveNet) -> float:
        levels, _ = Player(network, told).play(np.random.default_rng(2), temperature=0.9)
        right = 0
        for lane, pitch in zip(levels, pitches, strict=True):
            samples = mu_law_samples(lane[1000:])
            right += heard_in(samples, SAMPLE_RATE, pitch).is_right
        return right / len(pitches)

    assert share_heard(load_wavenet()[0]) >= 0.75


@pytest.mark.soundfont
def test_a_run_that_was_stopped_ends_in_the_same_weights(tmp_path: Path) -> None:
    heard_line = line(2)
    settings = WaveNetTraining(updates=4, batch=2, samples=64, check_every=2, save_every=2)
    ends = []
    for folder, stops in (("whole", (4,)), ("stopped", (2, 4))):
        (tmp_path / folder).mkdir()
        for stop in stops:
            trainer = WaveNetTrainer(SMALL, settings, [heard_line], heard_line, tmp_path / folder)
            trainer.run(stop_at=stop)
        save_wavenet(trainer.average, tmp_path / f"{folder}.safetensors", {})
        ends.append((tmp_path / f"{folder}.safetensors").read_bytes())
    assert ends[0] == ends[1]
