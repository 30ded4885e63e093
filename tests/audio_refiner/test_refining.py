"""The refiner: what it sees, how tokens are filled in, chunks, and one step of learning."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from hybrid.audio_refiner.codec import Codec, CodecConfig
from hybrid.audio_refiner.refiner_model import MASK, Refiner, RefinerConfig, mask_share
from hybrid.audio_refiner.refining import Sampling, fill_tokens, known_values
from hybrid.core.errors import ConfigError

CODEC = CodecConfig(outer=8, inner=12, n_books=4, n_entries=16, code_size=4, inner_blocks=1)
SMALL = RefinerConfig(
    size=24,
    n_layers=2,
    n_heads=2,
    latent=12,
    n_roll=5,
    n_styles=3,
    n_books=4,
    n_entries=16,
    groups=(1, 1, 2),
    window=3,
    rank=6,
)


def models() -> tuple[Refiner, Codec]:
    torch.manual_seed(0)
    return Refiner(SMALL).eval(), Codec(CODEC).eval()


def heard(n_frames: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    dry = torch.randn(n_frames, SMALL.latent, generator=generator)
    return dry, torch.rand(n_frames, SMALL.n_roll, generator=generator)


def fill(sampling: Sampling, n_frames: int = 20, seed: int = 0, style: int = 1) -> torch.Tensor:
    refiner, codec = models()
    dry, roll = heard(n_frames)
    generator = torch.Generator().manual_seed(seed)
    return fill_tokens(refiner, codec, dry, roll, style, sampling, generator)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("guidance", [1.0, 2.0])
@pytest.mark.parametrize("passes", [1, 4])
def test_every_token_is_filled(temperature: float, guidance: float, passes: int) -> None:
    codes = fill(Sampling(passes, temperature, guidance, chunk=8, context=4))
    assert codes.shape == (20, 4)
    assert 0 <= int(codes.min()) <= int(codes.max()) < 16


def test_the_same_seed_draws_the_same_tokens() -> None:
    sampling = Sampling(temperature=1.0)
    assert torch.equal(fill(sampling, seed=3), fill(sampling, seed=3))
    assert not torch.equal(fill(sampling, seed=3), fill(sampling, seed=4))
    still = Sampling(temperature=0.0)
    assert torch.equal(fill(still, seed=3), fill(still, seed=4))


def test_another_style_sounds_otherwise() -> None:
    assert not torch.equal(fill(Sampling(), style=0), fill(Sampling(), style=2))


def test_frames_hear_only_what_is_near() -> None:
    refiner, _ = models()
    dry, roll = heard(30)
    other = dry.clone()
    other[15] += 1
    style = torch.tensor([0])
    with torch.no_grad():
        first, second = (refiner.map(each[None], roll[None], style)[0] for each in (dry, other))
    changed = (first != second).any(-1).nonzero()[:, 0]
    reach = SMALL.window * SMALL.n_layers
    assert (int(changed[0]), int(changed[-1])) == (15 - reach, 15 + reach)


def test_positions_are_relative() -> None:
    refiner, _ = models()
    dry, roll = heard(40)
    style = torch.tensor([0])
    reach = SMALL.window * SMALL.n_layers
    with torch.no_grad():
        whole = refiner.map(dry[None], roll[None], style)[0]
        part = refiner.map(dry[None, 10:], roll[None, 10:], style)[0]
    torch.testing.assert_close(part[reach:], whole[10 + reach :], atol=1e-5, rtol=0)


def test_known_tokens_are_what_the_codec_decodes() -> None:
    _, codec = models()
    codes = torch.randint(0, 16, (1, 9, 4), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(known_values(codec, codes), codec.quantiser.decode(codes))
        masked = codes.clone()
        masked[..., 2:] = MASK
        torch.testing.assert_close(
            known_values(codec, masked), codec.quantiser.decode(codes[..., :2])
        )
        assert float(known_values(codec, torch.full_like(codes, MASK)).abs().max()) == 0


def test_the_mask_opens_slowly_at_first() -> None:
    shares = [mask_share(n / 4) for n in range(5)]
    assert shares[0] == 1
    assert shares[-1] == pytest.approx(0)
    falls = [before - after for before, after in pairwise(shares)]
    assert falls == sorted(falls)


def test_groups_must_cover_the_books() -> None:
    with pytest.raises(ConfigError, match="add up to 4 books"):
        replace(SMALL, groups=(1, 2))
    with pytest.raises(ConfigError, match="even multiple"):
        replace(SMALL, size=25)
    with pytest.raises(ConfigError, match="must be one of"):
        RefinerConfig.from_dict({"colour": 3})
    assert RefinerConfig.from_dict(SMALL.to_dict()) == SMALL
