"""MusicVAE: the arc, the bound, what comes back; better than counting on tunes it never saw.

Known answers: the arc's ends, middle and length; a Gaussian's divergence; random weights fail
where the shipped ones pass.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid.core.errors import ConfigError
from hybrid.history.melody_corpus import Excerpts
from hybrid.history.melody_ngram import load_ngram
from hybrid.history.melody_tokens import held_out_pieces
from hybrid.history.musicvae import EXHIBIT
from hybrid.history.musicvae_model import (
    MusicVae,
    VaeConfig,
    bound_per_token,
    divergence,
    load_vae,
    slerp,
)
from hybrid.history.musicvae_training import VaeTrainer, VaeTraining
from hybrid.history.registry import run_exhibit

SMALL = VaeConfig(8, 4, 16, 16, 16, 4)


def random_vae() -> MusicVae:
    torch.manual_seed(0)
    return MusicVae(VaeConfig()).eval()


def beats_counting(model: MusicVae) -> bool:
    """The bound on the package's tunes is below what counting gives, after one token and two."""
    pieces = held_out_pieces(2)
    bound = bound_per_token(model, pieces, np.random.default_rng(0))["bound"]
    ngram = load_ngram()
    return bound < min(ngram.nats(pieces, order) for order in (1, 2))


def test_the_shipped_weights_beat_counting_and_random_ones_do_not() -> None:
    assert beats_counting(load_vae()[0])
    assert not beats_counting(random_vae())


def test_the_shipped_weights_use_the_point() -> None:
    """With another tune's point the same tune is told worse; random weights do not care."""
    pieces = torch.from_numpy(held_out_pieces(2))

    def gain(model: MusicVae) -> float:
        mean, _ = model.encode(pieces)
        logs = [
            model.logits(points, pieces).log_softmax(dim=2).gather(2, pieces[..., None]).mean()
            for points in (mean, mean.roll(7, dims=0))
        ]
        return float(logs[0] - logs[1])

    with torch.no_grad():
        assert gain(load_vae()[0]) > 0.3
        assert abs(gain(random_vae())) < 0.01


def test_the_arc() -> None:
    one, other = np.array([2.0, 0.0]), np.array([0.0, 2.0])
    assert slerp(one, other, 0.0) == pytest.approx(one)
    assert slerp(one, other, 1.0) == pytest.approx(other)
    assert slerp(one, other, 0.5) == pytest.approx([math.sqrt(2)] * 2)
    assert np.linalg.norm(slerp(one, other, 0.3)) == pytest.approx(2.0)
    assert slerp(one, one, 0.5) == pytest.approx(one)


def test_divergence_of_gaussians() -> None:
    mean, log_variance = torch.tensor([0.0, 2.0]), torch.tensor([0.0, math.log(4.0)])
    # By hand: (4 + 4 - 1 - log 4) / 2.
    assert divergence(mean, log_variance).tolist() == pytest.approx([0.0, (7 - math.log(4)) / 2])


def test_no_token_sees_those_after_it() -> None:
    model = MusicVae(SMALL).eval()
    tokens = torch.from_numpy(held_out_pieces(2)[:1])
    other = tokens.clone()
    other[0, 20:] = 5
    latent = torch.randn(1, 4)
    with torch.no_grad():
        assert torch.equal(
            model.logits(latent, tokens)[0, :21], model.logits(latent, other)[0, :21]
        )


def test_writing_agrees_with_the_logits() -> None:
    model = load_vae()[0]
    latent = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 24))).float()
    tokens, chances = model.write(latent)
    with torch.no_grad():
        again = model.logits(latent, torch.from_numpy(tokens)).softmax(dim=2)
    assert chances == pytest.approx(again.numpy(), abs=1e-5)
    assert (chances.argmax(axis=2) == tokens).all()


def test_training_goes_on_to_the_bit(tmp_path: Path) -> None:
    pieces = held_out_pieces(2)
    settings = VaeTraining(updates=6, batch=4, check_every=3, save_every=3)

    def trainer(name: str) -> VaeTrainer:
        (tmp_path / name).mkdir(exist_ok=True)
        train = Excerpts([pieces.reshape(-1)], 2)
        return VaeTrainer(SMALL, settings, train, pieces[:4], tmp_path / name)

    whole = trainer("whole")
    whole.run()
    trainer("parts").run(stop_at=3)
    rest = trainer("parts")
    rest.run()
    for one, other in zip(whole.average.parameters(), rest.average.parameters(), strict=True):
        assert torch.equal(one, other)
    assert whole.history == rest.history


def test_the_same_tune_twice_stays_the_same() -> None:
    made, _ = run_exhibit(EXHIBIT, 1, {"other": "ode-to-joy", "other_bar": "1"})
    rows = [e.choice.split(",")[0] for e in made.trace.entries if e.maker == "decoder"]
    assert rows[: len(rows) // 7] * 7 == rows


def test_bars_that_are_not_there_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"one_bar must be in 1\.\.\d+, where ode-to-joy has"):
        run_exhibit(EXHIBIT, 1, {"one_bar": "60"})
    with pytest.raises(ConfigError, match=r"one must be notes or one of .*got 'no such value'"):
        run_exhibit(EXHIBIT, 1, {"one": "no such value"})
