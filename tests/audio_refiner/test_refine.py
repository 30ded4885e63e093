"""Refining from file to file: strength, chunks, tails, levels, notes that fit, the default."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from hybrid.audio_refiner import refined_run, shipped
from hybrid.audio_refiner.audio_sets import roll_features
from hybrid.audio_refiner.codec_weights import save_codec
from hybrid.audio_refiner.mapper_model import Mapper, MapperConfig
from hybrid.audio_refiner.mapper_weights import save_mapper
from hybrid.audio_refiner.production_passes import ProductionReport
from hybrid.audio_refiner.refine import RefineOptions, SoundRefiner, check_fit
from hybrid.audio_refiner.refined_run import TAIL_SECONDS, NetworkProducer, load_models
from hybrid.audio_refiner.refining import Sampling, fill_tokens
from hybrid.audio_refiner.roll import ROLL_DTYPE
from hybrid.core.errors import ConfigError, FormatError
from hybrid.core.provenance import sha256_of
from tests.audio_refiner.small_refiner import write_small_refiner

RATE = 44100


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_refiner(tmp_path_factory.mktemp("weights"))


def notes(seconds: float = 1.0) -> np.ndarray[Any, Any]:
    times = np.arange(0, int(1000 * seconds), 250)
    rows = [(int(t), int(t) + 200, 60 + i % 12, 90, 40, 5, 0) for i, t in enumerate(times)]
    return np.array(rows, ROLL_DTYPE)


def sound(seconds: float, rate: int = RATE) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    times = np.arange(round(seconds * rate)) / rate
    tone = 0.2 * np.sin(2 * np.pi * 440 * times)[:, None] * np.array([1.0, 0.6])
    made: np.ndarray[Any, Any] = tone + 0.01 * rng.standard_normal((len(times), 2))
    return made.astype(np.float32)


@pytest.fixture
def dry(tmp_path: Path) -> Path:
    path = tmp_path / "dry.wav"
    soundfile.write(path, sound(1.0), RATE, subtype="FLOAT")
    return path


def refine(source: Path, weights: Path, **changes: Any) -> tuple[np.ndarray, ProductionReport]:
    options = RefineOptions(**{"mode": "tokens", "weights": weights, **changes})
    target = source.with_name("made.wav")
    report = SoundRefiner(options).refine(source, target, notes())
    made, _ = soundfile.read(target, dtype="float32", always_2d=True)
    return made, report


def test_what_comes_out(dry: Path, weights: Path) -> None:
    made, report = refine(dry, weights)
    assert RATE <= len(made) <= RATE * (1 + TAIL_SECONDS)
    assert report.mode == "tokens"
    assert report.weights["codec"] == sha256_of(weights / "codec.safetensors")
    assert report.weights["refiner"] == sha256_of(weights / "refiner.safetensors")
    assert report.sampling
    assert report.loudness_after == pytest.approx(report.loudness_before, abs=0.1)
    assert report.true_peak_after_db is not None
    assert report.true_peak_after_db <= -1.0
    assert np.abs(made[-1]).max() < 1e-3  # faded
    first = dry.with_name("made.wav").read_bytes()
    refine(dry, weights)
    assert dry.with_name("made.wav").read_bytes() == first


def test_strength_0_leaves_the_sound_as_it_is(dry: Path, weights: Path) -> None:
    made, _ = refine(dry, weights, strength=0.0)
    np.testing.assert_allclose(made[:RATE], sound(1.0), atol=2e-3)
    half, _ = refine(dry, weights, strength=0.5)
    whole, _ = refine(dry, weights)
    assert not np.allclose(half[:RATE], made[:RATE], atol=1e-2)
    assert not np.allclose(half[:RATE], whole[:RATE], atol=1e-2)


def produced(weights: Path, seconds: float, mode: str, cut: int, **changes: Any) -> np.ndarray:
    models = load_models(weights)
    producer = NetworkProducer(models, notes(seconds), mode=mode, style="cathedral", **changes)
    wave = sound(seconds).T

    def chunks() -> Iterator[np.ndarray]:
        for start in range(0, wave.shape[1], cut):
            yield wave[:, start : start + cut]

    return np.concatenate(list(producer.process(chunks(), RATE)), axis=1)


@pytest.mark.parametrize("mode", ["values", "tokens"])
def test_how_the_sound_is_cut_changes_no_byte(weights: Path, mode: str) -> None:
    whole = produced(weights, 1.5, mode, 10**9)
    assert np.array_equal(whole, produced(weights, 1.5, mode, 4321))


def test_one_pass_leaves_no_seams(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = produced(weights, 2.0, "values", 10**9)
    monkeypatch.setattr(refined_run, "CHUNK", 16)
    np.testing.assert_allclose(produced(weights, 2.0, "values", 9999), whole, atol=1e-4)


def test_tokens_from_chunk_to_chunk_are_those_of_the_tensors(weights: Path) -> None:
    """Sound in blocks gives what `fill_tokens` gives with all of the sound at hand."""
    sampling = Sampling(passes=2, chunk=20, context=8)
    made = produced(weights, 2.0, "tokens", 9999, sampling=sampling)
    models = load_models(weights)
    wave = np.pad(sound(2.0).T, ((0, 0), (0, round(TAIL_SECONDS * RATE))))
    dry = models.codec.latents(torch.from_numpy(wave))
    roll = torch.from_numpy(roll_features(notes(2.0), len(dry)))
    style = models.style_index("cathedral")
    codes = fill_tokens(models.refiner, models.codec, dry, roll, style, sampling, torch.Generator())
    wanted = models.codec.decode(codes).numpy()[:, : 3 * RATE]  # before the fade
    np.testing.assert_allclose(made[:, : 3 * RATE], wanted, atol=1e-4)


@pytest.mark.parametrize(("rate", "n_channels"), [(8000, 1), (48000, 2)])
def test_other_rates(tmp_path: Path, weights: Path, rate: int, n_channels: int) -> None:
    path = tmp_path / "dry.wav"
    soundfile.write(path, sound(1.0, rate)[:, :n_channels], rate, subtype="FLOAT")
    made, report = refine(path, weights, strength=0.0)
    assert soundfile.info(tmp_path / "made.wav").samplerate == rate
    assert report.n_samples_before == rate
    wanted = np.broadcast_to(sound(1.0, rate)[:, :n_channels], (rate, 2))
    edge = rate // 20
    # White noise near half the rate does not pass the filters.
    np.testing.assert_allclose(made[edge : rate - edge], wanted[edge:-edge], atol=0.05)


def test_one_sample_and_silence(tmp_path: Path, weights: Path) -> None:
    path = tmp_path / "dry.wav"
    soundfile.write(path, np.full((1, 2), 0.5), RATE)
    made, _ = refine(path, weights)
    assert len(made) >= 1
    soundfile.write(path, np.zeros((3000, 2)), RATE)
    made, report = refine(path, weights)
    assert made.shape == (3000, 2)
    assert not made.any()
    assert report.loudness_after is None


def test_notes_must_fit_the_sound(dry: Path, weights: Path) -> None:
    check_fit(notes(1.0), dry)
    check_fit(notes(1.9), dry)
    with pytest.raises(FormatError, match=r"got 3\.0 s of notes and 1\.0 s of sound"):
        check_fit(notes(3.0), dry)
    soundfile.write(dry, np.zeros(40 * 8000), 8000)
    with pytest.raises(FormatError, match=r"at most 1 s after and 31 s before the sound"):
        check_fit(notes(1.0), dry)
    with pytest.raises(FormatError, match=r"got 0\.0 s of notes"):
        check_fit(notes(0.0), dry)
    with pytest.raises(ConfigError, match="mode tokens must know what is played: name the MIDI"):
        SoundRefiner(RefineOptions(mode="tokens", weights=weights)).refine(
            dry, dry.with_name("made.wav")
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "effects", "guidance": 2.0}, "guidance is of mode tokens alone, got mode eff"),
        ({"mode": "mapper", "passes": 2}, "passes is of mode tokens alone"),
        ({"mode": "values"}, "mode must be one of effects, mapper, tokens, got 'values'"),
        ({"mode": "tokens", "passes": 0}, r"passes must be in 1\.\.64, got 0"),
        ({"mode": "tokens", "temperature": -1.0}, r"temperature must be in 0\.\.4, got -1"),
        ({"mode": "tokens", "guidance": float("nan")}, r"guidance must be in 0\.\.10, got nan"),
        ({"mode": "effects", "weights": Path("x")}, "weights are of the modes mapper and tokens"),
        ({"strength": 1.5}, r"strength must be in 0\.\.1"),
    ],
)
def test_options_are_checked(changes: dict[str, Any], message: str, weights: Path) -> None:
    if changes.get("mode") in ("mapper", "tokens"):
        changes = {"weights": weights, **changes}
    with pytest.raises(ConfigError, match=message):
        RefineOptions(**changes)


def test_seed_temperature_and_guidance_matter(dry: Path, weights: Path) -> None:
    plain, _ = refine(dry, weights)
    hot = [refine(dry, weights, temperature=1.0, seed=seed)[0] for seed in (1, 1, 2)]
    assert np.array_equal(hot[0], hot[1])
    assert not np.array_equal(hot[0][:RATE], hot[2][:RATE])
    driven, report = refine(dry, weights, guidance=4.0, passes=2)
    assert not np.array_equal(driven[:RATE], plain[:RATE])
    assert (report.sampling["guidance"], report.sampling["passes"]) == (4.0, 2)


def test_weights_must_belong_together(tmp_path: Path) -> None:
    folder = write_small_refiner(tmp_path / "w")
    torch.manual_seed(5)
    models = load_models(folder)
    assert models.style_index("lo-fi") == sorted(models.styles).index("lo-fi")
    with pytest.raises(ConfigError, match="production by a network must be one of"):
        models.style_index("mine.toml")
    models.codec.level *= 2
    save_codec(models.codec, folder / "codec.safetensors", {})
    with pytest.raises(ConfigError, match="must be of the codec beside it"):
        load_models(folder)
    (folder / "refiner.safetensors").unlink()
    with pytest.raises(ConfigError, match="no weights of a refiner"):
        load_models(folder)


def test_the_record_chooses_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    assert RefineOptions().mode == "effects"
    with pytest.raises(ConfigError, match=r"no weights of a codec ship .* `make train-audio`"):
        RefineOptions(mode="tokens")
    write_small_refiner(tmp_path)
    save_mapper(Mapper(MapperConfig(size=4, notes=4)), tmp_path / "mapper.safetensors", {})
    assert shipped.default_mode() == "effects"  # weights alone prove nothing
    weights = {
        mode: {file.partition(".")[0]: sha256_of(tmp_path / file) for file in files}
        for mode, files in shipped.WEIGHTS_OF.items()
        if files
    }
    record = tmp_path / "refiner.json"
    for mode in ("tokens", "mapper"):
        record.write_text(json.dumps({"best": mode, "weights": weights}))
        assert RefineOptions().mode == mode
    (tmp_path / "codec.safetensors").unlink()
    assert RefineOptions().mode == "mapper"  # which needs none
    for wrong in ({"mapper": {"mapper": "ab"}}, {"tokens": weights["tokens"]}):
        record.write_text(json.dumps({"best": "mapper", "weights": wrong}))
        with pytest.raises(ConfigError, match="must be of the weights beside it"):
            shipped.default_mode()
    record.write_text(json.dumps({"best": "magic", "weights": weights}))
    with pytest.raises(ConfigError, match="best must be one of effects, mapper, tokens"):
        shipped.default_mode()
    record.write_text("{")
    with pytest.raises(ConfigError, match="must be a record of refiners"):
        shipped.default_mode()


def test_what_ships_is_whole() -> None:
    """A record that ships is of the weights beside it."""
    assert shipped.default_mode() in shipped.MODES
