"""Performance RNN: events and back, reading a primer, and what training is worth.

Known answers: a stream written by hand; waits of more than a second are split. The shipped weights
are held against counts of the two events before, on performances that no training has seen, and
the same check fails with random weights.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid.core.errors import ConfigError
from hybrid.history.performance_events import (
    LONGEST,
    TIME_SHIFT,
    VELOCITY,
    decode,
    encode,
    held_out_grooves,
    read_grooves,
    stretched,
    velocity_bin,
)
from hybrid.history.performance_rnn import tick_of
from hybrid.history.performance_rnn_model import (
    PerformanceConfig,
    PerformanceRNN,
    load_performance_rnn,
    play,
    stream_losses,
)
from hybrid.history.performance_rnn_training import (
    PerformanceTrainer,
    PerformanceTraining,
    counted_loss,
    counted_model,
    network_loss,
)
from hybrid.history.registry import load_exhibit, run_exhibit

GROOVES = tuple(held_out_grooves().values())
STREAMS = tuple(encode(groove.hits) for groove in GROOVES)


def random_network(hidden: int = 192) -> PerformanceRNN:
    torch.manual_seed(1)
    return PerformanceRNN(PerformanceConfig(hidden=hidden)).eval()


# --- Events ----------------------------------------------------------------------------------


def test_a_stream_by_hand() -> None:
    # A kick at once, a snare as hard after 2.5 s, a softer hat with it.
    events = encode([(0, 0, 100), (250, 1, 100), (250, 2, 40)]).tolist()
    wait = TIME_SHIFT + LONGEST - 1
    assert events == [VELOCITY + 25, 0, wait, wait, TIME_SHIFT + 49, 1, VELOCITY + 10, 2]


@pytest.mark.parametrize("name", list(held_out_grooves()))
def test_strokes_come_back_but_for_levels_of_loudness(name: str) -> None:
    hits = held_out_grooves()[name].hits
    found = [hit for _, hit in decode(encode(hits).tolist())]
    assert [hit[:2] for hit in found] == [hit[:2] for hit in hits]
    assert all(
        velocity_bin(one[2]) == velocity_bin(other[2])
        for one, other in zip(found, hits, strict=True)
    )


def test_stretching_keeps_the_order_and_the_drums() -> None:
    hits = GROOVES[0].hits
    slower = stretched(hits, 1.1)
    assert sorted({hit[1] for hit in slower}) == sorted({hit[1] for hit in hits})
    assert slower[-1][0] == round(hits[-1][0] * 1.1)
    assert slower == sorted(slower)


def test_ticks_by_hand() -> None:
    # At 120 quarters a minute a quarter is half a second.
    assert tick_of(50, 120.0) == 480


# --- What training is worth ------------------------------------------------------------------


@cache
def counted() -> float:
    """By counts of the other held-out performances, which favours counting: the same styles."""
    losses = [
        counted_loss(counted_model([*GROOVES[:place], *GROOVES[place + 1 :]]), [stream])
        for place, stream in enumerate(STREAMS)
    ]
    return float(np.mean(losses))


def beats_counting(network: PerformanceRNN) -> bool:
    """Whether it is below the counts' loss that the training measured, and below those here."""
    _, notes, _ = load_performance_rnn()
    limit = min(counted(), *map(float, notes["counted"].values()))
    return network_loss(network, STREAMS) < limit


def test_shipped_weights_beat_counting_on_held_out_performances() -> None:
    network, notes, _ = load_performance_rnn()
    assert beats_counting(network)
    assert network_loss(network, STREAMS) == pytest.approx(notes["held_out"], abs=1e-2)


def test_random_weights_do_not() -> None:
    assert not beats_counting(random_network())


def test_counts_of_the_training_performances_are_as_the_notes_say(shared_data: Path) -> None:
    _, notes, _ = load_performance_rnn()
    model = counted_model(list(read_grooves(shared_data, "train")))
    [loss] = notes["counted"].values()
    assert counted_loss(model, STREAMS) == pytest.approx(loss, abs=1e-3)


# --- Playing ---------------------------------------------------------------------------------


def test_a_primer_is_read_as_it_is() -> None:
    network = random_network(16)
    primer = STREAMS[0][:40]
    played = play(network, primer.tolist(), 0.5, 1.0, np.random.default_rng(0))
    assert played.events[:40] == primer.tolist()
    given = np.array([choice.chance for choice in played.choices[:40]])
    assert np.allclose(-np.log(given), stream_losses(network, primer), atol=1e-4)
    waits = [
        event - TIME_SHIFT + 1 for event in played.events[40:] if TIME_SHIFT <= event < VELOCITY
    ]
    assert sum(waits) >= 50


def test_strokes_of_the_primer_are_given_and_the_rest_drawn() -> None:
    made = run_exhibit(load_exhibit("performance-rnn"), 4, {"primer-seconds": 3.0, "seconds": 2.0})
    notes = [entry for entry in made[0].trace.entries if entry.kind == "note"]
    rock = held_out_grooves()["rock-1"]
    n_given = sum(hit[0] < 300 for hit in rock.hits)
    assert [entry.maker for entry in notes[:n_given]] == ["primer"] * n_given
    assert {entry.maker for entry in notes[n_given:]} <= {"Performance RNN"}
    assert all(entry.probability is not None for entry in notes)
    assert made[0].score.tempos[0].qpm == rock.qpm


def test_wrong_settings_get_one_line() -> None:
    with pytest.raises(ConfigError, match="primer must be one of none, rock-1") as caught:
        run_exhibit(load_exhibit("performance-rnn"), 0, {"primer": "polka"})
    assert "\n" not in str(caught.value)


# --- Training --------------------------------------------------------------------------------


def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    settings = replace(PerformanceTraining(), updates=4, batch=2, length=32, check_every=2)
    config = PerformanceConfig(embedding=4, hidden=8)
    runs = []
    for name, stops in (("whole", (4,)), ("halves", (2, 4))):
        (tmp_path / name).mkdir()
        for stop in stops:
            trainer = PerformanceTrainer(
                config, settings, GROOVES[:2], GROOVES[2:3], tmp_path / name
            )
            trainer.run(stop_at=stop)
        runs.append(trainer.average.state_dict())
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])
