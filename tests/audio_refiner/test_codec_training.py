"""Training the codec: losses that fall, runs that go on to the bit, critics that tell apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid.audio_refiner.audio_pool import AudioPool
from hybrid.audio_refiner.codec import Codec, CodecConfig
from hybrid.audio_refiner.codec_training import CodecTrainer, CodecTraining
from hybrid.audio_refiner.discriminator import Critics, critic_loss, maker_losses
from hybrid.audio_refiner.losses import (
    RESOLUTIONS,
    _Size,
    drawn_windows,
    four_views,
    sizes,
    spectral_distances,
)
from hybrid.core.errors import ConfigError

CPU = torch.device("cpu")
SMALL = CodecConfig(
    outer=12, inner=16, outer_blocks=1, inner_blocks=1, n_books=2, n_entries=16, expansion=2
)
SETTINGS = CodecTraining(
    updates=6,
    batch=2,
    frames=4,
    warmup=1,
    critics_from=0.5,
    critic_size=4,
    check_every=3,
    save_every=2,
    rate=3e-3,
)


def tones(seconds: float = 1.0, seed: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.int16]]:
    rng = np.random.default_rng(seed)
    time = np.arange(int(44100 * seconds)) / 44100
    pitch = rng.choice([220.0, 330.0, 440.0], size=2)
    wave = np.stack([0.4 * np.sin(2 * np.pi * each * time) for each in pitch])
    return (32767 * wave).astype(np.int16)


def pool(seed: int = 0) -> AudioPool:
    return AudioPool([tones(seed=seed), tones(0.7, seed=seed + 1)], CPU)


def trainer(folder: Path, settings: CodecTraining = SETTINGS) -> CodecTrainer:
    held_out = AudioPool([tones(0.2, seed=5), tones(0.2, seed=6)], CPU)
    return CodecTrainer(SMALL, settings, pool(), held_out, folder)


def test_excerpts_are_what_was_recorded() -> None:
    held = pool()
    at = held.at(torch.tensor([1]), torch.tensor([100]), 50)
    expected = tones(0.7, seed=1)[:, 100:150] / 32767
    np.testing.assert_allclose(at[0].numpy(), expected, atol=1e-6)
    assert held.seconds == pytest.approx(1.7, abs=1e-3)


def test_excerpts_longer_than_a_recording_are_refused() -> None:
    with pytest.raises(ConfigError, match="at most as long as the shortest"):
        pool().draw(1, 40000, torch.Generator())


def test_a_sound_has_no_distance_from_itself() -> None:
    wave = pool().draw(2, 8192, torch.Generator().manual_seed(0))
    assert all(float(value) == 0 for value in spectral_distances(wave, wave).values())
    louder = spectral_distances(1.5 * wave, wave)
    louder_still = spectral_distances(3 * wave, wave)
    assert all(0 < louder[name] < louder_still[name] for name in louder)


def test_the_loss_falls(tmp_path: Path) -> None:
    run = trainer(
        tmp_path, replace(SETTINGS, updates=80, critics_from=1.0, check_every=80, rate=8e-3)
    )

    def loss(found: dict[str, float]) -> float:
        return SETTINGS.mel * found["valid mel"] + SETTINGS.stft * found["valid stft"]

    before = run.measure()
    run.run()
    assert run.history[-1]["valid mel"] < 0.9 * before["valid mel"]
    assert loss(run.history[-1]) < 0.9 * loss(before)


def test_some_windows_only_are_drawn_without_repeats() -> None:
    draws = torch.Generator().manual_seed(0)
    drawn = [drawn_windows(2, draws) for _ in range(40)]
    assert all(len(set(pair)) == 2 and set(pair) <= set(RESOLUTIONS) for pair in drawn)
    assert {window for pair in drawn for window in pair} == set(RESOLUTIONS)


def test_sizes_are_those_of_the_views_heard_alone() -> None:
    wave = pool().draw(2, 8192, torch.Generator().manual_seed(0))
    alone = torch.stft(
        four_views(wave), 512, 128, window=torch.hann_window(512), return_complex=True,
        normalized=True,
    ).abs()  # fmt: skip
    np.testing.assert_allclose(sizes(wave, 512).flatten(0, 1), alone, atol=2e-5)


def test_sizes_have_the_gradient_of_abs() -> None:
    found = torch.randn(3, 5, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    first, second = (found.clone().requires_grad_() for _ in range(2))
    size: torch.Tensor = _Size.apply(first)  # type: ignore[no-untyped-call]
    gradients = [
        torch.autograd.grad(sizes.sin().sum(), source)[0]
        for sizes, source in ((size, first), (second.abs(), second))
    ]
    np.testing.assert_allclose(gradients[0], gradients[1], atol=1e-9)


def test_a_run_goes_on_to_the_bit(tmp_path: Path) -> None:
    whole = trainer(tmp_path / "whole")
    whole.run()
    parts = trainer(tmp_path / "parts")
    parts.run(stop_at=2)
    again = trainer(tmp_path / "parts")
    assert again.update == 2
    again.run(stop_at=4)
    last = trainer(tmp_path / "parts")
    last.run()
    assert last.history == whole.history
    first, second = (
        (tmp_path / name / "codec_run.safetensors").read_bytes() for name in ("whole", "parts")
    )
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, last.average.state_dict()[name]), name
    assert len(first) == len(second)


def test_other_settings_do_not_go_on(tmp_path: Path) -> None:
    trainer(tmp_path).run(stop_at=1)
    with pytest.raises(ConfigError, match="settings it began with"):
        trainer(tmp_path, replace(SETTINGS, rate=1.0))


def test_critics_learn_to_tell() -> None:
    torch.manual_seed(0)
    critics = Critics(size=4, windows=(256, 512))
    optimiser = torch.optim.Adam(critics.parameters(), lr=2e-3)
    real = pool().draw(2, 4096, torch.Generator().manual_seed(0))
    made = 0.2 * torch.randn(2, 2, 4096, generator=torch.Generator().manual_seed(1))
    losses = []
    for _ in range(30):
        loss = critic_loss(critics(real), critics(made))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    with torch.no_grad():
        taken, alike = maker_losses(critics(real), critics(made))
        same_taken, same_alike = maker_losses(critics(real), critics(real))
    assert taken > same_taken
    assert alike > same_alike == 0


def test_a_decoder_learns_noise_while_tokens_keep_their_meaning(tmp_path: Path) -> None:
    torch.manual_seed(0)
    start = Codec(replace(SMALL, noise=False)).eval()
    hiss = (8000 * np.random.default_rng(0).standard_normal((2, 30000))).clip(-32767, 32767)
    sound = AudioPool([hiss.astype(np.int16)], CPU)
    settings = replace(
        SETTINGS,
        updates=30,
        decoder_only=True,
        critics_from=1.0,
        check_every=30,
        save_every=30,
        windows=2,
    )
    made = CodecTrainer(SMALL, settings, sound, sound, tmp_path, start=start)
    before = made.measure(8)
    made.run()
    after = made.measure(8)
    assert after["valid mel"] < 0.9 * before["valid mel"]
    wave = sound.draw(1, 8192, torch.Generator().manual_seed(0))[0]
    assert torch.equal(made.average.encode(wave), start.encode(wave))
    assert made.average.decoder.noise is not None
    assert float(made.average.decoder.noise.bias.detach().mean()) > -2.0
