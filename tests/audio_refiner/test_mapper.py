"""The mapper: bands, notes, gains on sound and on powers, training, what its weights are worth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from hybrid.audio_refiner import mapper_run
from hybrid.audio_refiner.mapper_bands import (
    N_BANDS,
    ROW,
    band_powers,
    band_shares,
    cross_powers,
    decibels,
    middle_and_side,
    over_bins,
    row_spectra,
    wave_of_spectra,
)
from hybrid.audio_refiner.mapper_data import (
    MapperSet,
    excerpt_roots,
    mapper_set,
    plain_spectra,
    powers_of_roots,
)
from hybrid.audio_refiner.mapper_model import HIGHEST_DB, LOWEST_DB, Gains, Mapper, MapperConfig
from hybrid.audio_refiner.mapper_notes import N_NOTES, N_OCTAVES, N_SOURCES, note_features
from hybrid.audio_refiner.mapper_run import MapperProducer, map_sound
from hybrid.audio_refiner.mapper_training import (
    MapperTrainer,
    MapperTraining,
    in_room,
    mapped_powers,
    train_mapper,
)
from hybrid.audio_refiner.mapper_weights import load_mapper, save_mapper
from hybrid.audio_refiner.pairs import large_soundfont
from hybrid.audio_refiner.pairs_file import PairBatch, PairEntry, write_pairs
from hybrid.audio_refiner.production import ProductionOptions
from hybrid.audio_refiner.production_passes import pass_audio
from hybrid.audio_refiner.production_run import produce
from hybrid.audio_refiner.refine import RefineOptions, SoundRefiner
from hybrid.audio_refiner.roll import ROLL_DTYPE, notes_of_score
from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError, RenderError
from hybrid.core.provenance import sha256_of
from hybrid.core.score import Score, Track, make_notes
from hybrid.metrics.audio_signal import mel_distance

RATE = 44100
SMALL = MapperConfig(size=16, dilations=(1, 2), kernel=3, notes=8)


def notes(seconds: float = 1.0) -> np.ndarray[Any, Any]:
    times = np.arange(0, int(1000 * seconds), 250)
    rows = [(int(t), int(t) + 200, 60 + i % 12, 90, 40, 5, 0) for i, t in enumerate(times)]
    return np.array(rows, ROLL_DTYPE)


def sound(seconds: float, rate: int = RATE, seed: int = 0) -> np.ndarray[Any, Any]:
    """A tone nearer to the left and some noise, (2, N)."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * rate)) / rate
    tone = 0.2 * np.sin(2 * np.pi * 440 * times) * np.array([[1.0], [0.6]])
    made: np.ndarray[Any, Any] = tone + 0.01 * rng.standard_normal((2, len(times)))
    return made.astype(np.float32)


def random_mapper(config: MapperConfig = SMALL, size: float = 0.1) -> Mapper:
    torch.manual_seed(0)
    mapper = Mapper(config)
    torch.nn.init.normal_(mapper.out.weight, std=size)
    return mapper.eval()


def mapped(mapper: Any, wave: np.ndarray[Any, Any], cut: int, **changes: Any) -> np.ndarray:
    options: dict[str, Any] = {"strength": 1.0, "rate": RATE, **changes}
    rate = options.pop("rate")

    def chunks() -> Iterator[np.ndarray]:
        for start in range(0, wave.shape[1], cut):
            yield wave[:, start : start + cut]

    rng = np.random.default_rng(3)
    made = map_sound(chunks(), rate, mapper, notes(2.0), rng=rng, **options)
    return np.concatenate(list(made), axis=1)


# --- Bands and notes ------------------------------------------------------------------------------


def test_spectra_there_and_back() -> None:
    wave = torch.from_numpy(sound(6 * ROW / RATE))
    padded = torch.nn.functional.pad(wave, (2 * ROW, 2 * ROW))
    torch.testing.assert_close(wave_of_spectra(row_spectra(padded)), wave, atol=1e-5, rtol=0)


def test_bands_cover_all_bins() -> None:
    shares = band_shares()
    torch.testing.assert_close(shares.sum(1), torch.ones(len(shares)))
    assert bool((shares.max(0).values > 0).all())
    torch.testing.assert_close(over_bins(torch.full((2, N_BANDS), 3.0)), torch.full((2, 1025), 3.0))


def test_left_and_right_follow_from_middle_side_and_their_product() -> None:
    wave = torch.from_numpy(sound(6 * ROW / RATE))
    both = row_spectra(middle_and_side(wave))
    middle, side = band_powers(both)
    left, right = band_powers(row_spectra(wave))
    twice = 2 * cross_powers(both)
    torch.testing.assert_close(middle + side + twice, left, atol=1e-9, rtol=1e-4)
    torch.testing.assert_close(middle + side - twice, right, atol=1e-9, rtol=1e-4)


def test_a_tone_is_loudest_in_its_band() -> None:
    times = torch.arange(6 * ROW) / RATE
    tone = torch.sin(2 * torch.pi * 21.533203125 * 46 * times).expand(2, -1)  # of bin 46
    spectra = row_spectra(middle_and_side(tone))
    assert float(spectra.abs().max()) == pytest.approx(0.5, abs=1e-3)
    assert float(band_powers(spectra)[0].mean(0).argmax()) == float(band_shares()[46].argmax())


def test_programs_drums_and_octaves() -> None:
    rows = [(0, 50, 60, 90, 40, 5, 0), (0, 50, 72, 70, 40, 5, 0), (30, 40, 36, 100, 0, 16, 1)]
    found = note_features(np.array(rows, ROLL_DTYPE), 5, -1)
    assert found.shape == (5, N_NOTES)
    assert not found[0].any()
    assert found[1:, 40].tolist() == [160, 160, 160, 0]
    assert found[1:, N_SOURCES + 40].tolist() == [160, 0, 0, 0]
    assert found[1:, 128 + 36].tolist() == [0, 100, 0, 0]
    octaves = found[1, 2 * N_SOURCES :].reshape(16, N_OCTAVES)
    assert (octaves[5, 5], octaves[5, 6], octaves.sum()) == (90, 70, 160)


# --- Gains on sound -------------------------------------------------------------------------------


def test_a_new_mapper_is_as_good_as_the_chain() -> None:
    wave = sound(1.5)
    made = mapped(Mapper(SMALL).eval(), wave, 9999)
    assert made.shape == wave.shape
    # Side that is made of the middle stands 40 dB below it; noise is lower still.
    np.testing.assert_allclose(made, wave, atol=5e-3)


def test_gains_of_nothing_are_the_chain_itself() -> None:
    class Nothing(torch.nn.Module):
        config = SMALL

        def forward(self, levels: Tensor, played: Tensor) -> Gains:
            zero = torch.zeros_like(levels[:, :, 0])
            return Gains(zero, zero, *[torch.full_like(zero, -400.0)] * 3)

    wave = sound(1.5)
    np.testing.assert_allclose(mapped(Nothing(), wave, 9999), wave, atol=1e-6)
    audio, options = Audio(wave, RATE), ProductionOptions(style="dry-studio", seed=3)
    nothing: Any = Nothing()
    made, _ = pass_audio(audio, MapperProducer(nothing, "", notes(1.5), options))
    chain, _ = produce(audio, options)
    np.testing.assert_allclose(made.samples, chain.samples, atol=1e-5)


def test_a_gain_is_heard_where_it_is_laid() -> None:
    class Louder(torch.nn.Module):
        config = SMALL

        def forward(self, levels: Tensor, played: Tensor) -> Gains:
            zero = torch.zeros_like(levels[:, :, 0])
            return Gains(zero + 6.0, zero - 6.0, *[torch.full_like(zero, -400.0)] * 3)

    wave = sound(1.5)
    made = mapped(Louder(), wave, 9999)
    middle, side = (wave[0] + wave[1]) / 2, (wave[0] - wave[1]) / 2
    found = (made[0] + made[1]) / 2, (made[0] - made[1]) / 2
    np.testing.assert_allclose(found[0], middle * 10 ** (6 / 20), atol=1e-5)
    np.testing.assert_allclose(found[1], side * 10 ** (-6 / 20), atol=1e-5)


def test_blocks_give_what_one_piece_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    wave, mapper = sound(3.0), random_mapper()
    whole = mapped(mapper, wave, 10**9)
    assert not np.allclose(whole, wave, atol=1e-2)
    assert np.array_equal(whole, mapped(mapper, wave, 4321))
    monkeypatch.setattr(mapper_run, "CHUNK", 16)
    np.testing.assert_allclose(mapped(mapper, wave, 7777), whole, atol=1e-4)


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 192_000])
def test_any_rate_any_length(rate: int) -> None:
    mapper = random_mapper()
    for seconds in (1 / rate, 0.01, 0.7):
        wave = sound(seconds, rate)
        made = mapped(mapper, wave, 5000, rate=rate)
        assert made.shape == wave.shape
        assert np.isfinite(made).all()
        assert np.array_equal(mapped(mapper, wave, 5000, rate=rate, strength=0.0), wave)


def test_silence_stays_silence() -> None:
    assert not mapped(random_mapper(), np.zeros((2, 30000), np.float32), 9999).any()


def test_powers_of_the_training_are_those_of_the_sound() -> None:
    """What the loss says of gains is what a listener gets."""
    torch.manual_seed(1)
    wave, mapper = sound(3.0), random_mapper(size=0.0)
    # Even gains, as spectra that overlap would blur others.
    mapper.out.bias.data = 0.5 * torch.randn(5).repeat_interleave(N_BANDS)
    made = mapped(mapper, wave, 9999)

    def views(sound_: np.ndarray) -> tuple[Tensor, Tensor]:
        spectra = plain_spectra(sound_)
        (middle, side), cross = band_powers(spectra), cross_powers(spectra)
        dry = torch.stack([middle, side, cross], 1)
        sides = [middle + side + 2 * cross, middle + side - 2 * cross, middle, side]
        return dry.mean(0), torch.stack(sides, 1).mean(0)

    dry, _ = views(wave)
    with torch.no_grad():
        said = mapper(torch.zeros(1, 1, 2, N_BANDS), torch.zeros(1, 1, N_NOTES))
    wanted = mapped_powers(dry, Gains(*(each[0, 0] for each in said)))
    apart = (decibels(views(made)[1]) - decibels(wanted)).abs()
    assert float(apart.mean()) < 0.5


def test_gains_keep_to_their_range() -> None:
    mapper = random_mapper(size=100.0)
    with torch.no_grad():
        said = mapper(torch.randn(1, 9, 2, N_BANDS) * 40 - 40, torch.rand(1, 9, N_NOTES))
    for gains in said[:2]:
        assert float(gains.max()) <= HIGHEST_DB
        assert float(gains.min()) >= LOWEST_DB
    assert max(float(each.max()) for each in said[2:]) <= 0.0


# --- From file to file ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    save_mapper(random_mapper(), folder / "mapper.safetensors", {})
    return folder


def test_what_comes_out(tmp_path: Path, weights: Path) -> None:
    source, target = tmp_path / "dry.wav", tmp_path / "made.wav"
    soundfile.write(source, sound(1.0).T, RATE, subtype="FLOAT")
    options = RefineOptions(mode="mapper", weights=weights, production="cathedral", seed=4)
    report = SoundRefiner(options).refine(source, target, notes())
    made, rate = soundfile.read(target, dtype="float32", always_2d=True)
    assert (rate, report.mode, report.style) == (RATE, "mapper", "cathedral")
    assert report.weights == {"mapper": sha256_of(weights / "mapper.safetensors")}
    assert [each["kind"] for each in report.effects] == ["eq", "reverb", "width"]
    assert len(made) > 2 * RATE  # the room sounds on
    assert report.loudness_after == pytest.approx(report.loudness_before, abs=0.1)
    assert report.true_peak_after_db is not None
    assert report.true_peak_after_db <= -1.0
    first = target.read_bytes()
    SoundRefiner(options).refine(source, target, notes())
    assert target.read_bytes() == first


def test_mono_one_sample_silence_and_a_style_of_ones_own(tmp_path: Path, weights: Path) -> None:
    source, target, style = tmp_path / "dry.wav", tmp_path / "made.wav", tmp_path / "mine.toml"
    style.write_text('description = "Wide."\n[[effects]]\nkind = "width"\nwidth = 1.5\n')
    refiner = SoundRefiner(RefineOptions(mode="mapper", weights=weights, production=style))
    for wave, rate in ((sound(1.0, 8000)[0], 8000), (np.full(1, 0.5), RATE), (np.zeros(99), RATE)):
        soundfile.write(source, wave, rate, subtype="FLOAT")
        report = refiner.refine(source, target, notes())
        made, found_rate = soundfile.read(target, always_2d=True)
        assert (made.shape[1], found_rate) == (2, rate)
        assert (report.n_samples_before, report.style) == (len(wave), "mine")
    assert not made.any()


@pytest.mark.parametrize(
    ("name", "message"),
    [("none", "no weights of a mapper at"), ("bad", "must hold a mapper's weights")],
)
def test_weights_that_are_none(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "mapper.safetensors").write_bytes(b"none")
    with pytest.raises(ConfigError, match=message):
        SoundRefiner(RefineOptions(mode="mapper", weights=tmp_path / name))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 0}, "sizes of a mapper must be 1 or more"),
        ({"dilations": ()}, "sizes of a mapper must be 1 or more"),
        ({"kernel": 4}, "kernel must be odd, got 4"),
    ],
)
def test_sizes_are_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MapperConfig(**changes)
    with pytest.raises(ConfigError, match="unknown setting of a mapper: colour"):
        MapperConfig.from_dict({"colour": 1})


# --- Training -------------------------------------------------------------------------------------


def small_set(seed: int) -> MapperSet:
    """Three excerpts of which the large render is the plain one with less treble."""
    waves = [sound(1.5, seed=seed + at) for at in range(3)]
    darker = [np.cumsum(wave - wave.mean(1, keepdims=True), 1) * 0.05 for wave in waves]
    pairs = zip(waves, darker, strict=True)
    roots = np.stack([excerpt_roots(one, two.astype(np.float32)) for one, two in pairs])
    played = np.stack([note_features(notes(1.5), roots.shape[1])] * 3)
    return MapperSet(roots, played)


def test_training_learns_and_goes_on_to_the_bit(tmp_path: Path) -> None:
    settings = MapperTraining(
        updates=24, batch=2, rows=43, rate=1e-2, warmup=3, average=0.8, check_every=12, save_every=6
    )
    train, valid = small_set(0), small_set(10)
    whole = MapperTrainer(SMALL, settings, train, valid, tmp_path / "one")
    whole.run()
    found = whole.measure()
    assert found["valid levels"] < 0.7 * found["valid unmapped"]
    MapperTrainer(SMALL, settings, train, valid, tmp_path / "two").run(stop_at=7)
    again = MapperTrainer(SMALL, settings, train, valid, tmp_path / "two")
    assert again.update == 7
    again.run()
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, again.average.state_dict()[name]), name
    assert whole.history == again.history


def test_a_room_dies_away_and_has_its_energy() -> None:
    powers = torch.zeros(1, 129, 4, N_BANDS)
    powers[:, 0, :3] = 1.0  # a mono click
    heard = in_room(powers, torch.tensor([-10.0]), torch.tensor([1.0]))[0, :, :, 0]
    second = round(RATE / ROW)
    assert float(10 * (heard[1, 3] / heard[1 + second, 3]).log10()) == pytest.approx(60, abs=0.5)
    # As two independent ears hear 1.5 times the click: half of it in the middle, half in the side.
    assert float(heard[:, 3].sum()) == pytest.approx(0.1 * 1.125, rel=0.01)
    torch.testing.assert_close(heard[:, 0] - powers[0, :, 0, 0], 2 * heard[:, 3])


def test_roots_keep_small_powers() -> None:
    roots = excerpt_roots(sound(0.5), np.float32(0.01) * sound(0.5))
    powers = powers_of_roots(torch.from_numpy(roots).float())
    spectra = plain_spectra(sound(0.5))
    assert roots.shape == (22, 7, N_BANDS)
    # The large one is brought to the same loudness.
    ratio = powers[..., 5, :].mean() / powers[..., 0, :].mean()
    assert float(ratio) == pytest.approx(1.0, rel=0.01)
    assert spectra.shape[:2] == (2, 44)


def test_the_command_trains_on_pairs(tmp_path: Path) -> None:
    data = tmp_path / "pairs"
    data.mkdir()
    for split in ("train", "valid"):
        entries = tuple(PairEntry("a/b", 0.0, "lo-fi", 1, -16.0, 0, 8) for _ in range(2))
        both = np.stack([sound(2.2)] * 2)
        about = {"split": split, "sample_rate": RATE, "n_samples": both.shape[2]}
        write_pairs(
            data / f"{split}-000.pairs",
            PairBatch(about, entries, notes(2.0), both, both * np.float32(0.5)),
        )
    path = train_mapper(data, tmp_path / "run", updates=2)
    mapper, about, digest = load_mapper(path)
    assert mapper.config == MapperConfig()
    assert (about["updates"], about["excerpts"], digest) == (2, 2, sha256_of(path))
    assert json.loads((tmp_path / "run" / "mapper_history.json").read_text())[-1]["update"] == 2
    again = mapper_set([data / "valid-000.pairs"], tmp_path / "run" / "bands")
    assert again.roots.shape[:2] == (2, 95)


# --- What ships -----------------------------------------------------------------------------------


def test_what_ships_is_small_and_has_a_card() -> None:
    from hybrid.audio_refiner.shipped import FOLDER, MAPPER_FILE

    assert (FOLDER / MAPPER_FILE).stat().st_size < 2_000_000
    card = (FOLDER / "mapper.md").read_text(encoding="utf-8")
    assert all(word in card for word in ("MuseScore_General (MIT)", "CC BY 4.0", "Limits"))


@pytest.mark.soundfont
def test_shipped_weights_beat_the_chain_and_random_ones_do_not() -> None:
    """On music that is in no training set, rendered here with both SoundFonts."""
    from hybrid.render import default_soundfont, render

    try:
        fonts = default_soundfont(), large_soundfont()
    except RenderError as error:
        pytest.skip(str(error))
    chords = ((48, 64, 67, 72), (41, 65, 69, 72), (43, 62, 67, 71), (48, 60, 64, 67))
    programs = (32, 48, 73, 0)  # bass, strings, flute, piano
    tracks = tuple(
        Track(
            f"voice {voice}",
            make_notes([(480 * at, 470, chord[voice]) for at, chord in enumerate(chords * 2)]),
            program=program,
        )
        for voice, program in enumerate(programs)
    )
    score = Score(tracks)
    sounds = [render(score, soundfont=font).mix for font in fonts]
    length = min(each.n_samples for each in sounds)
    dry, other = (Audio(each.samples[:, :length].copy(), each.sample_rate) for each in sounds)
    options = ProductionOptions(style="dry-studio", seed=2)
    target = produce(other, options)[0].samples[:, :length]
    played = notes_of_score(score)

    def distance(mapper: Mapper | None) -> float:
        producer = None if mapper is None else MapperProducer(mapper, "", played, options)
        made = produce(dry, options)[0] if producer is None else pass_audio(dry, producer)[0]
        return mel_distance(target, made.samples[:, :length], dry.sample_rate)

    chain, shipped = distance(None), distance(load_mapper()[0])
    assert shipped < 0.95 * chain
    assert distance(random_mapper(MapperConfig(), 0.05)) > chain
