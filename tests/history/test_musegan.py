"""MuseGAN: figures by hand, the slope's penalty, the kinds of noise; nearer to songs than chance.

Known answers: figures of a phrase written by hand; the penalty of a critic of known slope; random
weights fail where the shipped ones pass.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor

from hybrid.history.musegan import EXHIBIT, exchange, runs
from hybrid.history.musegan_corpus import song_rolls
from hybrid.history.musegan_metrics import figures_distance, phrase_figures, tonal_centroid
from hybrid.history.musegan_model import (
    PARTS,
    GanConfig,
    MuseCritic,
    MuseGenerator,
    bernoulli,
    binary,
    draw_latents,
    load_generator,
    make_phrases,
    slope_penalty,
)
from hybrid.history.musegan_training import GanTrainer, GanTraining, told_apart
from hybrid.history.registry import run_exhibit


def nearer_than_independent_cells(generator: MuseGenerator) -> bool:
    """Figures of made phrases are nearer to songs held out than those of independent cells."""
    shipped, notes, _ = load_generator()
    true = {name: (mean, spread) for name, (mean, spread) in notes["true"].items()}
    rng = np.random.default_rng(0)
    made, _ = make_phrases(generator, draw_latents(200, generator.config, rng))
    alone = bernoulli(shipped, 200, rng)
    return figures_distance(made, true) < 0.75 * figures_distance(alone, true)


def test_the_shipped_weights_are_nearer_to_songs_and_random_ones_are_not() -> None:
    assert nearer_than_independent_cells(load_generator()[0])
    torch.manual_seed(0)
    assert not nearer_than_independent_cells(MuseGenerator(GanConfig()).eval())


def test_figures_by_hand() -> None:
    rolls = np.zeros((1, 4, 4, 16, 24), dtype=bool)
    rolls[0, 0, 0, 0:4, 0] = True  # a quarter on C
    rolls[0, 0, 0, 4, 4] = True  # a sixteenth on E
    rolls[0, 0, 1, 0:2, [0, 7]] = True  # C and G
    found = {name: float(values[0]) for name, values in phrase_figures(rolls).items()}
    assert found["empty melody"] == 0.5
    assert found["classes melody"] == 2.0
    assert found["qualified melody"] == pytest.approx(3 / 4)
    assert found["voices melody"] == pytest.approx(9 / 7)
    assert found["empty bass"] == 1.0


def test_a_fifth_is_nearer_than_a_tritone() -> None:
    c, g, f_sharp = np.eye(12)[[0, 7, 6]]
    near = np.linalg.norm(tonal_centroid(c) - tonal_centroid(g))
    assert near < np.linalg.norm(tonal_centroid(c) - tonal_centroid(f_sharp))


def test_the_penalty_of_a_known_slope() -> None:
    class Linear(MuseCritic):
        def forward(self, rolls: Tensor) -> Tensor:
            return 3.0 * rolls.flatten(1)[:, 0]

    true, made = torch.ones(5, 4, 4, 16, 24), torch.zeros(5, 4, 4, 16, 24)
    penalty = slope_penalty(Linear(GanConfig()), true, made, torch.rand(5))
    assert float(penalty) == pytest.approx(4.0)


def test_gradients_pass_the_threshold() -> None:
    chances = torch.tensor([0.2, 0.7], requires_grad=True)
    cells = binary(chances)
    assert cells.tolist() == pytest.approx([0.0, 1.0])
    [slope] = torch.autograd.grad(cells.sum(), chances)
    assert slope.tolist() == [1.0, 1.0]


def test_a_parts_own_noise_changes_that_part_alone() -> None:
    generator, _, _ = load_generator()
    rng = np.random.default_rng(0)
    one, other = (draw_latents(1, generator.config, rng) for _ in range(2))
    before = make_phrases(generator, one)[1]
    after = make_phrases(generator, exchange(one, other, "bass"))[1]
    assert np.array_equal(before[:, :3], after[:, :3])
    assert not np.array_equal(before[:, 3], after[:, 3])
    assert not np.array_equal(before, make_phrases(generator, exchange(one, other, "shared"))[1])


def test_cells_to_notes() -> None:
    cells = np.zeros((8, 3), dtype=bool)
    cells[0:3, 1] = cells[4:8, 1] = cells[2, 0] = True
    assert runs(cells) == [(0, 3, 1), (2, 1, 0), (4, 4, 1)]


def test_songs_are_moved_and_folded() -> None:
    from hybrid.core.score import make_notes

    # A melody on D in every bar, moved up ten to C; so is the bass's low D.
    melody = make_notes([(bar * 1920, 480, 74, 80, 1, 0) for bar in range(4)])
    bass = make_notes([(bar * 1920, 1920, 26, 80, 1, 0) for bar in range(4)])
    rolls = song_rolls((melody, melody[:0], melody, bass), 10)
    assert rolls.shape == (1, 4, 4, 16, 24)
    assert np.argwhere(rolls[0, 0, 0]).tolist() == [[step, 12] for step in range(4)]
    assert rolls[0, 3].sum() == 64
    assert not rolls[0, 1].any()


def test_a_classifier_tells_noise_from_silence_and_not_noise_from_noise() -> None:
    rng = np.random.default_rng(0)
    noise = rng.random((60, 4, 4, 16, 24)) < 0.05
    silence = np.zeros((40, 4, 4, 16, 24), dtype=bool)
    apart = told_apart((noise[:20], silence[:20]), (noise[20:40], silence[20:]), updates=15)
    assert apart == 1.0


def test_training_goes_on_to_the_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rolls = rng.random((20, 4, 4, 16, 24)) < 0.05
    settings = GanTraining(updates=4, batch=4, critics=1, check_every=2, save_every=2)
    config = GanConfig(4, 8, 4)

    def trainer(name: str) -> GanTrainer:
        (tmp_path / name).mkdir(exist_ok=True)
        return GanTrainer(config, settings, rolls, rolls, tmp_path / name)

    whole = trainer("whole")
    whole.run()
    trainer("parts").run(stop_at=2)
    rest = trainer("parts")
    rest.run()
    for one, other in zip(whole.average.parameters(), rest.average.parameters(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(whole.album.pages, rest.album.pages)
    assert whole.history == rest.history


@pytest.mark.parametrize("swap", [*PARTS, "shared", "time"])
def test_exchanged_noise_shows_in_the_trace(swap: str) -> None:
    made, _ = run_exhibit(EXHIBIT, 1, {"swap": swap})
    draws = [entry.choice for entry in made.trace.entries if entry.kind == "draw"]
    assert len(draws) == 4
    first = cast(int, next(e.parent for e in made.trace.entries if e.kind == "note"))
    assert made.trace.entries[first].choice.startswith("First draw")
