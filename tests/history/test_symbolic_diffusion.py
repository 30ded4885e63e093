"""Diffusion of melodies, either way: bounds, masks, given bars; better than counting.

Known answers: a network that knows nothing has a bound of ln 39; the density's bound of a perfect
denoiser of Gaussian points is their entropy; random weights fail where the shipped ones pass.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from hybrid.core.errors import ConfigError
from hybrid.history.melody_corpus import Excerpts
from hybrid.history.melody_ngram import load_ngram
from hybrid.history.melody_tokens import N_TOKENS, held_out_pieces
from hybrid.history.musicvae_model import load_vae
from hybrid.history.registry import run_exhibit
from hybrid.history.symbolic_diffusion import EXHIBIT, read_bars
from hybrid.history.symbolic_diffusion_latent import (
    POINTS,
    LatentConfig,
    LatentDenoiser,
    denoise_points,
    load_latent,
    noise_table,
    points_bound,
)
from hybrid.history.symbolic_diffusion_latent import bound_per_token as latent_bound
from hybrid.history.symbolic_diffusion_latent_training import (
    LatentTrainer,
    LatentTraining,
    encode_pieces,
)
from hybrid.history.symbolic_diffusion_model import (
    MASK,
    STEPS,
    MaskedConfig,
    MaskedMelody,
    bound_per_token,
    denoise,
    load_masked,
    mask_some,
)
from hybrid.history.symbolic_diffusion_training import MaskedTrainer, MaskedTraining

SMALL = MaskedConfig(8, 16, 1, 2)


def random_masked() -> MaskedMelody:
    torch.manual_seed(0)
    return MaskedMelody(MaskedConfig()).eval()


def random_latent() -> LatentDenoiser:
    """Random weights, but the shipped ones' centre and scale."""
    torch.manual_seed(0)
    net = LatentDenoiser(LatentConfig()).eval()
    # Fresh ones know a Gaussian, for the last layer begins with zeros.
    torch.nn.init.normal_(net.out.weight, std=0.1)
    net.centre, net.scale = load_latent()[0].centre, load_latent()[0].scale
    return net


def beats_counting(model: MaskedMelody) -> bool:
    """The bound on the package's tunes is below what counting gives, after one token and two."""
    pieces = held_out_pieces(8)
    bound = bound_per_token(model, pieces, np.random.default_rng(0), 4)
    ngram = load_ngram()
    return bound < min(ngram.nats(pieces, order) for order in (1, 2))


def beats_gaussians(net: LatentDenoiser) -> bool:
    """The bound with this density of points is below those with Gaussians, plain or fitted."""
    found = latent_bound(net, load_vae()[0], held_out_pieces(8), np.random.default_rng(0))
    return found["bound"] < min(found["plain"], found["fitted"])


def test_the_shipped_weights_beat_counting_and_random_ones_do_not() -> None:
    assert beats_counting(load_masked()[0])
    assert not beats_counting(random_masked())


def test_the_shipped_density_beats_gaussians_and_a_random_one_does_not() -> None:
    assert beats_gaussians(load_latent()[0])
    assert not beats_gaussians(random_latent())


def test_knowing_nothing_costs_the_logarithm_of_the_alphabet() -> None:
    model = MaskedMelody(SMALL)
    torch.nn.init.zeros_(model.out.weight)
    torch.nn.init.zeros_(model.out.bias)
    bound = bound_per_token(model, held_out_pieces(8)[:4], np.random.default_rng(0), 2)
    assert bound == pytest.approx(math.log(N_TOKENS), rel=1e-5)


def test_every_number_of_masks_is_as_likely() -> None:
    rng = np.random.default_rng(0)
    tokens = np.zeros((STEPS, STEPS), dtype=np.int64)
    seen, masked = mask_some(tokens, rng)
    assert sorted(masked.sum(axis=1).tolist()) == list(range(1, STEPS + 1))
    assert ((seen == MASK) == masked).all()


def test_the_density_of_gaussian_points() -> None:
    """The best guess of noise in standard Gaussian points is known; the bound is the entropy."""

    class Knows(LatentDenoiser):
        def forward(self, points: Tensor, steps: Tensor) -> Tensor:
            kept = torch.from_numpy(noise_table()[1]).float()[steps][:, None, None]
            return (1 - kept).sqrt() * points

    net = Knows(LatentConfig(2, 8, 1, 1))
    points = torch.from_numpy(np.random.default_rng(0).standard_normal((4000, POINTS, 2))).float()
    bound = float(points_bound(net, points, np.random.default_rng(1)).mean()) / points[0].numel()
    assert bound == pytest.approx(0.5 * math.log(2 * math.pi * math.e), abs=0.03)


def test_given_cells_stay_and_no_mask_is_left() -> None:
    model = random_masked()
    given = held_out_pieces(8)[0].copy()
    given[32:96] = MASK
    rounds = denoise(model, given, 10, np.random.default_rng(0))
    places = [fill.place for fills in rounds for fill in fills]
    assert len(rounds) == 10
    assert sorted(places) == list(range(32, 96))
    assert all(0 <= fill.token < N_TOKENS for fills in rounds for fill in fills)


def test_given_points_stay() -> None:
    given = np.random.default_rng(1).standard_normal((POINTS, 24))
    fixed = np.array([True, False, True, False])
    path = denoise_points(random_latent(), np.random.default_rng(0), given, fixed)
    assert path[-1][fixed] == pytest.approx(given[fixed])
    assert np.isfinite(path[-1]).all()


def test_training_goes_on_to_the_bit(tmp_path: Path) -> None:
    pieces = held_out_pieces(8)
    settings = MaskedTraining(updates=4, batch=4, check_every=2, save_every=2)
    latent = LatentTraining(updates=4, batch=4, check_every=2, save_every=2)
    points = encode_pieces(load_vae()[0], pieces)

    def masked(name: str) -> MaskedTrainer:
        train = Excerpts([pieces.reshape(-1)], 8)
        return MaskedTrainer(SMALL, settings, train, pieces[:4], tmp_path / name)

    def continuous(name: str) -> LatentTrainer:
        small = LatentConfig(24, 16, 1, 2)
        return LatentTrainer(small, latent, points, points, tmp_path / name)

    for make in (masked, continuous):
        for name in ("whole", "parts"):
            (tmp_path / name).mkdir(exist_ok=True)
        whole = make("whole")
        whole.run()
        make("parts").run(stop_at=2)
        rest = make("parts")
        rest.run()
        for one, other in zip(whole.average.parameters(), rest.average.parameters(), strict=True):
            assert torch.equal(one, other)
        assert whole.history == rest.history


def test_bars_by_number() -> None:
    assert read_bars("none") == ()
    assert read_bars("1-2,7") == (1, 2, 7)
    with pytest.raises(ConfigError, match=r"keep must name bars in 1\.\.8, got '7-9'"):
        read_bars("7-9")


@pytest.mark.parametrize("way", ["discrete", "continuous"])
def test_kept_bars_are_the_tunes(way: str) -> None:
    made, _ = run_exhibit(EXHIBIT, 1, {"way": way, "keep": "3-4"})
    kept = next(track for track in made.score.tracks if track.name == "kept")
    # Jingle Bells: E G C D E.
    assert kept.notes["pitch"].tolist() == [64, 67, 60, 62, 64]
    other = next(track for track in made.score.tracks if track.name == "made")
    assert not ((other.notes["onset"] >= 2 * 1920) & (other.notes["onset"] < 4 * 1920)).any()


def test_the_continuous_way_keeps_bars_by_twos() -> None:
    with pytest.raises(ConfigError, match="keep must name bars by twos"):
        run_exhibit(EXHIBIT, 1, {"way": "continuous", "keep": "1-3"})
    with pytest.raises(ConfigError, match="keep must leave a bar"):
        run_exhibit(EXHIBIT, 1, {"keep": "1-8"})
