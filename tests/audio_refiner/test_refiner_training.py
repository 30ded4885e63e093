"""Training the refiner: masks, both uses learn, runs go on to the bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid.audio_refiner.codec import Codec, CodecConfig
from hybrid.audio_refiner.refiner_model import MASK, RefinerConfig
from hybrid.audio_refiner.refiner_training import (
    Pair,
    PairPool,
    RefinerTrainer,
    RefinerTraining,
    masked,
)
from hybrid.core.errors import ConfigError

CPU = torch.device("cpu")
CODEC = CodecConfig(outer=8, inner=12, n_books=4, n_entries=16, code_size=4, inner_blocks=1)
SMALL = RefinerConfig(
    size=24,
    n_layers=1,
    n_heads=2,
    latent=12,
    n_roll=2,
    n_styles=2,
    n_books=4,
    n_entries=16,
    groups=(1, 1, 2),
    window=4,
    rank=6,
)
SETTINGS = RefinerTraining(
    updates=4, batch=2, frames=6, warmup=1, rate=1e-2, check_every=2, save_every=1
)


def pair(style: int, seed: int, n_samples: int = 1024 * 14 + 300) -> Pair:
    """The produced sound is the dry one, louder in style 1."""
    rng = np.random.default_rng(seed)
    dry = rng.integers(-3000, 3000, size=(2, n_samples)).astype(np.int16)
    produced = (dry * (4 if style else 1)).astype(np.int16)
    return Pair(dry, produced, rng.random((-(-n_samples // 1024), 2)), style)


def codec() -> Codec:
    torch.manual_seed(0)
    made = Codec(CODEC)
    made.level.fill_(0.5)
    return made.eval()


def trainer(folder: Path, settings: RefinerTraining = SETTINGS) -> RefinerTrainer:
    coder = codec()
    train = PairPool([pair(0, 0), pair(1, 1)], coder, CPU)
    valid = PairPool([pair(0, 2), pair(1, 3)], coder, CPU)
    return RefinerTrainer(SMALL, settings, coder, train, valid, folder)


@pytest.mark.parametrize("group", [0, 1, 2])
def test_masks_follow_the_groups(group: int) -> None:
    codes = torch.randint(0, 16, (8, 50, 4), generator=torch.Generator().manual_seed(0))
    shown, asked = masked(codes, SMALL, group, torch.Generator().manual_seed(1))
    first, last = SMALL.books_of(group)
    assert torch.equal(shown[..., :first], codes[..., :first])
    assert (shown[..., last:] == MASK).all()
    inside = shown[..., first:last]
    assert torch.equal(inside == MASK, asked[..., None].expand_as(inside))
    assert torch.equal(inside[~asked], codes[..., first:last][~asked])
    if group:
        assert asked.all()
    else:
        assert 0.3 < float(asked.float().mean()) < 0.95


def test_excerpts_of_a_pair_belong_together() -> None:
    coder = codec()
    one = pair(1, 4)
    pool = PairPool([one], coder, CPU)
    dry, roll, style, codes, wave = pool.draw(3, 5, torch.Generator().manual_seed(0))
    assert style.tolist() == [1, 1, 1]
    whole = torch.from_numpy(one.produced).float() / 32767
    for row in range(3):
        (at,) = {
            t
            for t in range(11)
            if torch.equal(pool.roll[t : t + 5], roll[row])
            and torch.equal(pool.codes[t : t + 5], codes[row])
            and torch.equal(pool.dry[t : t + 5], dry[row])
        }
        end = min((at + 5) * 1024, whole.shape[1])
        torch.testing.assert_close(
            wave[row, :, : end - at * 1024], whole[:, at * 1024 : end], atol=1e-4, rtol=0
        )


def test_pairs_that_do_not_fit_are_refused() -> None:
    good = pair(0, 0)
    with pytest.raises(ConfigError, match="pair 0: dry and produced"):
        PairPool([replace(good, produced=good.produced[:, :-5])], codec(), CPU)
    with pytest.raises(ConfigError, match="roll 15 rows"):
        PairPool([replace(good, roll=good.roll[:-1])], codec(), CPU)
    with pytest.raises(ConfigError, match="must have 99 frames"):
        PairPool([good], codec(), CPU).draw(1, 99, torch.Generator())


def test_both_uses_learn(tmp_path: Path) -> None:
    run = trainer(tmp_path, replace(SETTINGS, updates=40, check_every=40, save_every=40))
    before = run.measure()
    run.run()
    after = run.measure()
    assert after["valid token, group 0"] < before["valid token, group 0"] - 0.2
    assert after["valid token, group 2"] < before["valid token, group 2"] - 0.5
    # Noise is all there is to hear; the mapper learns its level.
    assert after["valid spectral"] < before["valid spectral"]


def test_a_run_goes_on_to_the_bit(tmp_path: Path) -> None:
    whole = trainer(tmp_path / "whole")
    whole.run()
    parts = trainer(tmp_path / "parts")
    parts.run(stop_at=1)
    last = trainer(tmp_path / "parts")
    assert last.update == 1
    last.run()
    assert last.history == whole.history
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, last.average.state_dict()[name]), name


def test_other_settings_do_not_go_on(tmp_path: Path) -> None:
    trainer(tmp_path).run(stop_at=1)
    with pytest.raises(ConfigError, match="settings it began with"):
        trainer(tmp_path, replace(SETTINGS, seed=9))
