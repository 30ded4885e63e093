"""Styles, and whole chains in memory and from file to file."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile

from hybrid.audio_refiner.effects_level import HOP, LevelMeter, LevelStage, plan_levels
from hybrid.audio_refiner.production import (
    ProductionOptions,
    load_style,
    parse_style,
    style_names,
)
from hybrid.audio_refiner.production_run import produce, produce_file
from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError, FormatError
from hybrid.render.loudness import LoudnessMeter, PeakMeter

RATE = 22050
NAMES = ("bright-pop", "cathedral", "chamber-hall", "dry-studio", "lo-fi", "warm-tape")


def music(seconds: float = 2.0, rate: int = RATE, channels: int = 2) -> Audio:
    """Plucked tones, a little apart in the channels."""
    rng = np.random.default_rng(9)
    times = np.arange(int(seconds * rate)) / rate
    sound = np.zeros((channels, len(times)))
    for at in np.arange(0, seconds, 0.25):
        hertz = 110 * 2 ** (rng.integers(0, 36) / 12)
        age = np.maximum(times - at, 0)
        tone = np.sin(2 * np.pi * hertz * age) * np.exp(-6 * age) * (times >= at)
        sound += tone * rng.uniform(0.05, 0.2, (channels, 1))
    return Audio(sound.astype(np.float32), rate)


def lufs(samples: np.ndarray, rate: int = RATE) -> float:
    return float(pyloudnorm.Meter(rate).integrated_loudness(samples.T.astype(np.float64)))


def test_the_styles_that_ship() -> None:
    assert set(NAMES) <= set(style_names())
    for name in style_names():
        assert load_style(name).description


@pytest.mark.parametrize("name", NAMES)
def test_each_style_keeps_loudness_peaks_and_seed(name: str) -> None:
    sound = music()
    made, report = produce(sound, style=name, seed=4)
    assert made.n_channels == 2
    assert made.n_samples >= sound.n_samples
    assert lufs(made.samples) == pytest.approx(lufs(sound.samples), abs=0.1)
    assert report.loudness_after == pytest.approx(report.loudness_before, abs=0.1)
    assert report.limited_by == "loudness"
    peak = PeakMeter()
    peak.add(made.samples)
    peak.finish()
    assert 20 * np.log10(peak.true_peak) <= -1.0 + 1e-6
    again, _ = produce(sound, style=name, seed=4)
    assert made.samples.tobytes() == again.samples.tobytes()
    other, _ = produce(sound, style=name, seed=5)
    assert made.samples.tobytes() != other.samples.tobytes()


def test_styles_sound_different() -> None:
    sound = music()
    made = {name: produce(sound, style=name)[0].samples[:, : sound.n_samples] for name in NAMES}
    for name, samples in made.items():
        for other, others in made.items():
            if name < other:
                assert np.square(samples - others).mean() > 1e-3 * np.square(samples).mean()


def test_no_strength_is_the_input() -> None:
    sound = music()
    made, _ = produce(sound, style="lo-fi", strength=0.0)
    assert made.n_samples == sound.n_samples
    error = np.square(made.samples - sound.samples).mean() / np.square(sound.samples).mean()
    assert 10 * np.log10(error) < -20  # pass filters at the ends of hearing turn some phases


def test_the_tail_of_a_room_is_kept() -> None:
    sound = Audio(music(1.0).samples[:, : RATE // 2], RATE)  # cut while tones sound
    made, report = produce(sound, style="cathedral")
    [room] = [effect for effect in report.effects if effect["kind"] == "reverb"]
    tail = (report.n_samples - report.n_samples_before) / RATE
    assert tail > 0.7 * room["rt60_seconds"]
    ending = made.samples[:, sound.n_samples :]
    assert np.abs(ending[:, : RATE // 10]).max() > 0.01
    assert np.abs(ending[:, -10:]).max() < 1e-3


def test_a_wanted_loudness() -> None:
    made, report = produce(music(), style="dry-studio", loudness_lufs=-23.0)
    assert lufs(made.samples) == pytest.approx(-23.0, abs=0.1)
    assert report.loudness_target == -23.0


def test_the_ceiling_goes_before_loudness() -> None:
    click = np.zeros((2, RATE), dtype=np.float32)
    click[:, ::5000] = 0.9
    made, report = produce(Audio(click, RATE), style="dry-studio", loudness_lufs=-3.0)
    assert report.limited_by == "peak"
    assert report.true_peak_after_db is not None
    assert report.true_peak_after_db <= -1.0
    assert made.peak < 1.0


def test_mono_is_played_on_both_sides() -> None:
    made, _ = produce(music(channels=1), style="dry-studio")
    assert made.n_channels == 2
    flat, _ = produce(music(channels=1), style="lo-fi", strength=0.0)
    np.testing.assert_allclose(flat.samples[0], flat.samples[1], atol=1e-5)


def test_silence_and_one_sample() -> None:
    made, report = produce(Audio(np.zeros((2, 3000), np.float32), RATE), style="warm-tape")
    assert made.n_samples == 3000
    assert not made.samples.any()
    assert report.loudness_after is None
    one, _ = produce(Audio(np.full((1, 1), 0.25, np.float32), RATE), style="cathedral")
    assert one.n_samples >= 1
    assert 0 < one.peak < 1


# --- Levels -------------------------------------------------------------------------------------


def test_the_level_meter_agrees_with_pyloudnorm_and_the_peak_meter() -> None:
    sound = music(3.3).samples
    meter = LevelMeter(RATE)
    for start in range(0, sound.shape[1], 7001):
        meter.add(sound[:, start : start + 7001])
    levels = meter.finish()
    assert len(levels.peaks) == -(-sound.shape[1] // HOP)
    assert levels.lufs == pytest.approx(lufs(sound), abs=0.01)
    peak = PeakMeter()
    peak.add(sound)
    peak.finish()
    assert levels.peaks.max() == pytest.approx(peak.true_peak, rel=1e-5)


def test_the_limiter_holds_the_ceiling_and_finds_the_loudness() -> None:
    rng = np.random.default_rng(2)
    sound = rng.normal(0, 0.05, (2, 3 * RATE)).astype(np.float32)
    sound[:, 5000:60000:7000] = 0.7
    meter = LevelMeter(RATE)
    meter.add(sound)
    plan = plan_levels(meter.finish(), -19.0, -3.0)
    stage = LevelStage(plan)
    made = np.concatenate([stage.process(part) for part in np.array_split(sound, 11, axis=1)], 1)
    assert 1.0 < plan.limiting_db < 9.0
    loudness, peak = LoudnessMeter(RATE), PeakMeter()
    loudness.add(made)
    peak.add(made)
    peak.finish()
    assert loudness.lufs == pytest.approx(-19.0, abs=0.05)
    assert 20 * np.log10(peak.true_peak) <= -3.0


# --- Files --------------------------------------------------------------------------------------


def test_a_file_gives_what_memory_gives(tmp_path: Path) -> None:
    sound = music(5.0)
    source = tmp_path / "dry.wav"
    soundfile.write(source, sound.samples.T, RATE, subtype="FLOAT")
    target = tmp_path / "made.wav"
    report = produce_file(source, target, style="chamber-hall", seed=2)
    read, rate = soundfile.read(target, dtype="float32", always_2d=True)
    made, in_memory = produce(sound, style="chamber-hall", seed=2)
    assert rate == RATE
    assert np.array_equal(read.T, made.samples)
    assert report == in_memory
    assert report.n_samples == len(read)
    again = tmp_path / "again.wav"
    produce_file(source, again, style="chamber-hall", seed=2)
    assert again.read_bytes() == target.read_bytes()


@pytest.mark.parametrize("rate", [8000, 192_000])
def test_files_of_other_rates(tmp_path: Path, rate: int) -> None:
    source, target = tmp_path / "a.wav", tmp_path / "b.flac"
    soundfile.write(source, music(0.7, rate, 1).samples.T, rate)
    report = produce_file(source, target, style="warm-tape")
    assert soundfile.info(target).samplerate == rate
    assert soundfile.info(target).channels == 2
    assert report.loudness_after == pytest.approx(report.loudness_before, abs=0.1)


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.array([0.1, np.nan, 0.2]), RATE, "samples must be finite, got nan at 1"),
        (np.array([0.1, 0.2, -np.inf]), RATE, "samples must be finite, got -inf at 2"),
        (np.zeros((10, 3)), RATE, "must be mono or stereo, got 3 channels"),
        (np.zeros(0), RATE, "must have at least one sample"),
        (np.zeros(10), 4000, "sample rate must be in 8000..192000, got 4000"),
    ],
)
def test_files_that_are_refused(
    tmp_path: Path, samples: np.ndarray, rate: int, message: str
) -> None:
    source = tmp_path / "bad.wav"
    soundfile.write(source, samples, rate, subtype="FLOAT")
    with pytest.raises((ConfigError, FormatError), match=message) as caught:
        produce_file(source, tmp_path / "out.wav")
    assert "bad.wav" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.wav"]


def test_what_is_no_sound(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not sound")
    with pytest.raises(FormatError, match=r"text\.wav must be a sound file"):
        produce_file(tmp_path / "text.wav", tmp_path / "out.wav")
    with pytest.raises(FormatError, match="No such file"):
        produce_file(tmp_path / "none.wav", tmp_path / "out.wav")


def test_long_sound_is_kept_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hybrid.audio_refiner import production_passes

    sound = music(8.0)
    whole, _ = produce(sound, style="dry-studio")
    monkeypatch.setattr(production_passes, "MAX_KEPT_BYTES", 1000)
    pieces, _ = produce(sound, style="dry-studio")
    assert np.array_equal(whole.samples, pieces.samples)


# --- Styles as files ----------------------------------------------------------------------------


def test_ranges_are_drawn_within_their_ends() -> None:
    style = parse_style(
        'description = "d"\n[[effects]]\nkind = "compressor"\nthreshold_db = [-20, -10]\n'
        "ratio = 2\nattack_ms = [1, 100]\n",
        "mine",
    )
    rng = np.random.default_rng(0)
    drawn = [style.draw(rng)[0] for _ in range(200)]
    thresholds = [item.threshold_db for item in drawn]  # type: ignore[attr-defined]
    assert -20 <= min(thresholds) < -19
    assert -11 < max(thresholds) <= -10
    # Times are drawn over their logarithm: half of them below the geometric middle.
    attacks = np.array([item.attack_ms for item in drawn])  # type: ignore[attr-defined]
    assert 0.4 < (attacks < 10).mean() < 0.6
    assert {item.ratio for item in drawn} == {2}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("description = 3", "description must be a text, got 3"),
        ('description = "d"\nvolume = 1', "unknown key 'volume'"),
        ('description = "d"\n[[effects]]\nkind = "echo"', "kind must be one of eq, .* got 'echo'"),
        ('description = "d"\n[[effects]]\nkind = "width"', "width must say its width"),
        (
            'description = "d"\n[[effects]]\nkind = "width"\nwidth = 1\ndepth = 2',
            "settings of width must be among width, low_mono_hz, got 'depth'",
        ),
        (
            'description = "d"\n[[effects]]\nkind = "width"\nwidth = [2, 1]',
            r"width.width must be a number or \[low, high\], got \[2, 1\]",
        ),
        (
            'description = "d"\n[[effects]]\nkind = "width"\nwidth = [1, 9]',
            "width.width must be in 0..2, got 9",
        ),
        ("description = ", "must be TOML"),
    ],
)
def test_styles_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"style mine: .*{message}"):
        parse_style(text, "mine")


def test_a_style_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('description = "d"\n[[effects]]\nkind = "width"\nwidth = 0\n')
    made, report = produce(music(), style=str(path))
    assert report.style == "mine"
    np.testing.assert_allclose(made.samples[0], made.samples[1], atol=1e-6)
    with pytest.raises(ConfigError, match=r"cannot read the style .*none\.toml"):
        load_style(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="production must be one of bright-pop"):
        load_style("radio")


def test_the_style_in_the_docs_can_be_read(repository: Path) -> None:
    text = (repository / "docs" / "production.md").read_text(encoding="utf-8")
    [style] = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert parse_style(style, "docs").description == "A narrow radio."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strength": 1.5}, "strength must be in 0..1, got 1.5"),
        ({"loudness_lufs": 3.0}, "loudness_lufs must be in -70..0"),
        ({"ceiling_db": 1.0}, "ceiling_db must be in -20..0"),
    ],
)
def test_options_out_of_range(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ProductionOptions(**changes)  # type: ignore[arg-type]
