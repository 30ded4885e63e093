"""Each effect of the production chain against what is known about it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import sosfreqz

from hybrid.audio_refiner.effects import BLOCK, Effect, Samples, Settings, run_chain
from hybrid.audio_refiner.effects_dynamics import CompressorSettings
from hybrid.audio_refiner.effects_eq import Band, EqSettings
from hybrid.audio_refiner.effects_reverb import ReverbSettings, decay_seconds, room_response
from hybrid.audio_refiner.effects_saturation import SaturationSettings
from hybrid.audio_refiner.effects_tape import CrushSettings, HissSettings, WobbleSettings
from hybrid.audio_refiner.effects_width import WidthSettings
from hybrid.core.errors import ConfigError

RATE = 44100


def sine(hertz: float, seconds: float = 1.0, level: float = 0.5, rate: int = RATE) -> Samples:
    times = np.arange(int(seconds * rate)) / rate
    return np.tile(level * np.sin(2 * np.pi * hertz * times), (2, 1)).astype(np.float32)


def through(
    settings: Settings, sound: Samples, rate: int = RATE, seed: int = 0, chunk: int = 5000
) -> Samples:
    effect = settings.build(rate, np.random.default_rng(seed))
    return gathered(cut(sound, chunk), [effect], rate)


def cut(sound: Samples, size: int) -> Iterable[Samples]:
    return (sound[:, at : at + size] for at in range(0, sound.shape[1], size))


def gathered(chunks: Iterable[Samples], effects: list[Effect], rate: int = RATE) -> Samples:
    parts = list(run_chain(chunks, effects, rate))
    return np.concatenate(parts, axis=1)


def rms_db(sound: NDArray[Any]) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-30))


def spectrum_db(sound: NDArray[Any], hertz: float, rate: int = RATE) -> float:
    """Level of a sine in a sound, dB relative to amplitude 1."""
    window = np.hanning(len(sound))
    turns = np.exp(-2j * np.pi * hertz * np.arange(len(sound)) / rate)
    return float(20 * np.log10(2 * abs((sound * window * turns).sum()) / window.sum() + 1e-15))


EVERY_KIND: list[Settings] = [
    EqSettings((Band("peak", 1000, 6.0), Band("high_shelf", 8000, -3.0))),
    CompressorSettings(-20, 3),
    SaturationSettings(6, 0.2),
    ReverbSettings(0.3, -6, -10),
    WidthSettings(1.4, 80),
    WobbleSettings(0.8, 1.0, 8.0, 0.5),
    HissSettings(-60),
    CrushSettings(10),
]


# --- What holds for all -----------------------------------------------------------------------


@pytest.mark.parametrize("settings", EVERY_KIND, ids=lambda settings: settings.kind)
def test_the_same_bytes_whatever_the_chunks(settings: Settings) -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, (2, 90_000)).astype(np.float32)
    one = through(settings, sound, chunk=90_000)
    other = through(settings, sound, chunk=1_237)
    assert one.shape[1] >= sound.shape[1]
    assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("settings", EVERY_KIND, ids=lambda settings: settings.kind)
def test_at_no_strength_nothing_changes(settings: Settings) -> None:
    sound = sine(440, 0.5)
    quiet = settings.scaled(0.0)
    made = through(quiet, sound)
    assert made.shape == sound.shape
    # 24 bits of `crush` still round, pass filters still lie below hearing.
    np.testing.assert_allclose(made[:, 2000:], sound[:, 2000:], atol=2e-4)


@pytest.mark.parametrize("settings", EVERY_KIND, ids=lambda settings: settings.kind)
def test_a_click_stays_at_its_sample(settings: Settings) -> None:
    sound = np.zeros((2, 80_000), dtype=np.float32)
    sound[:, 70_000] = 0.5  # in the second block
    made = through(settings, sound)
    # The wobble moves it by what it may: a cent for a second is half a sample, and so on.
    assert abs(int(np.abs(made[0]).argmax()) - 70_000) <= (8 if settings.kind == "wobble" else 0)


@pytest.mark.parametrize("settings", EVERY_KIND, ids=lambda settings: settings.kind)
def test_silence_stays_silent_but_for_hiss(settings: Settings) -> None:
    made = through(settings, np.zeros((2, 1000), dtype=np.float32))
    assert made.any() == (settings.kind == "hiss")


@pytest.mark.parametrize("rate", [8000, 192_000])
@pytest.mark.parametrize("settings", EVERY_KIND, ids=lambda settings: settings.kind)
def test_other_sample_rates(settings: Settings, rate: int) -> None:
    made = through(settings, sine(440, 0.2, rate=rate), rate)
    assert made.shape[1] >= int(0.2 * rate)
    assert np.isfinite(made).all()
    assert np.abs(made).max() > 0.1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CompressorSettings(-20, 0.5), "compressor.ratio must be in 1..20, got 0.5"),
        (lambda: Band("peak", math.nan), "eq band.frequency_hz must be in 10..40000, got nan"),
        (lambda: Band("notch", 100), "eq band.shape must be one of peak, low_shelf"),
        (lambda: Band("low_pass", 100, 3.0), "gain_db must be 0 for low_pass, got 3.0"),
        (lambda: WobbleSettings(1.0, 1.5), "wobble.wow_cents must be in 0..1.2"),
        (
            lambda: CrushSettings("ten"),  # type: ignore[arg-type]
            "crush.bits must be a number, got 'ten'",
        ),
    ],
)
def test_settings_out_of_range(make: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace(".", r"\.")):
        make()


# --- Equaliser ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("band", "hertz", "gain_db"),
    [
        (Band("peak", 1000, 6.0, 1.0), 1000, 6.0),
        (Band("peak", 1000, 6.0, 1.0), 20, 0.0),
        (Band("peak", 1000, -9.0, 2.0), 1000, -9.0),
        (Band("low_shelf", 200, 4.0), 10, 4.0),
        (Band("low_shelf", 200, 4.0), 200, 2.0),
        (Band("low_shelf", 200, 4.0), 10_000, 0.0),
        (Band("high_shelf", 5000, -5.0), 20_000, -5.0),
        (Band("high_shelf", 5000, -5.0), 5000, -2.5),
        (Band("high_shelf", 5000, -5.0), 50, 0.0),
        (Band("high_pass", 100), 100, -3.01),
        (Band("high_pass", 100), 5000, 0.0),
        (Band("low_pass", 3000), 3000, -3.01),
        (Band("low_pass", 3000), 30, 0.0),
    ],
)
def test_filters_have_their_gain_at_their_frequency(
    band: Band, hertz: float, gain_db: float
) -> None:
    _, response = sosfreqz(band.section(RATE)[None], [hertz], fs=RATE)
    assert 20 * math.log10(abs(response[0])) == pytest.approx(gain_db, abs=0.06)


def test_the_equaliser_does_to_a_sine_what_its_response_says() -> None:
    made = through(EqSettings((Band("peak", 1000, 6.0), Band("peak", 1000, -2.0))), sine(1000))
    change = spectrum_db(made[0, 8000:], 1000) - spectrum_db(sine(1000)[0, 8000:], 1000)
    assert change == pytest.approx(4.0, abs=0.01)


def test_filters_beyond_the_sound_are_left_out() -> None:
    sound = sine(440, 0.1, rate=8000)
    made = through(EqSettings((Band("high_shelf", 9000, 12.0),)), sound, 8000)
    assert made.tobytes() == sound.tobytes()


# --- Compressor ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level_db", "reduction_db"),
    [(-40, 0.0), (-24, 0.0), (-20, -0.5), (-10, -20 / 3), (0, -40 / 3)],
)
def test_the_static_curve(level_db: float, reduction_db: float) -> None:
    # Threshold -20, ratio 3, knee 6: at the threshold (1/3 - 1) * 3^2 / (2 * 6) = -0.5.
    settings = CompressorSettings(-20, 3, knee_db=6)
    found = settings.reduction_db(np.array([float(level_db)]))[0]
    assert found == pytest.approx(reduction_db, abs=1e-9)
    # A square wave has one level, so the compressor at work ends on the curve.
    square = np.where(np.arange(RATE) % 200 < 100, 1.0, -1.0) * 10 ** (level_db / 20)
    sound = np.tile(square, (2, 1)).astype(np.float32)
    made = through(settings, sound)
    change = rms_db(made[:, -4000:]) - rms_db(sound[:, -4000:])
    assert change == pytest.approx(reduction_db, abs=0.01)


def test_attack_and_release_have_their_time_constants() -> None:
    settings = CompressorSettings(-20, 4, knee_db=0, attack_ms=20, release_ms=100)
    level = np.full(2 * RATE, 0.01)
    level[RATE // 2 : RATE] = 1.0  # 20 dB over: 15 dB reduction
    made = through(settings, np.tile(level, (2, 1)).astype(np.float32))[0]
    reduction = 20 * np.log10(made / level)
    wanted = -15 * (1 - math.exp(-1))
    assert reduction[RATE // 2 + int(0.020 * RATE)] == pytest.approx(wanted, abs=0.3)
    wanted = -15 * math.exp(-1)
    assert reduction[RATE + int(0.100 * RATE)] == pytest.approx(wanted, abs=0.2)


def test_both_channels_get_one_gain() -> None:
    sound = sine(500)
    sound[1] *= 0.1
    made = through(CompressorSettings(-30, 8), sound)
    np.testing.assert_allclose(made[1], made[0] * 0.1, atol=1e-6)


# --- Saturation ---------------------------------------------------------------------------------


def test_saturation_makes_odd_harmonics_and_with_bias_even_ones() -> None:
    sound = sine(1000, level=0.5)
    plain = through(SaturationSettings(6), sound)[0]
    uneven = through(SaturationSettings(6, bias=0.4), sound)[0]
    assert spectrum_db(plain, 3000) > -40
    assert spectrum_db(plain, 2000) < -100
    assert spectrum_db(uneven, 2000) > -40
    assert abs(float(uneven[5000:].mean())) < 1e-3


def test_saturation_keeps_quiet_sound() -> None:
    sound = sine(1000, level=1e-4)
    made = through(SaturationSettings(0), sound)
    np.testing.assert_allclose(made, sound, atol=1e-9)


def test_saturation_does_not_alias() -> None:
    # Harmonics 3 and 5 of 9 kHz fold to 17.1 and 0.9 kHz where the curve works at 44.1 kHz.
    sound = sine(9000, level=0.9)
    settings = SaturationSettings(12)
    naive = sound[0] + settings.added(sound)[0]
    made = through(settings, sound)[0]
    for hertz in (900, 17_100):
        assert spectrum_db(naive, hertz) > -40
        assert spectrum_db(made, hertz) < -85


# --- Room ---------------------------------------------------------------------------------------


def fitted_rt60(response: NDArray[Any], rate: int) -> float:
    """RT60 from the slope of the backward-integrated energy between -5 and -35 dB."""
    energy = np.cumsum(np.square(response, dtype=np.float64)[::-1])[::-1]
    level = 10 * np.log10(energy / energy[0])
    inside = np.flatnonzero((level < -5) & (level > -35))
    slope = np.polyfit(inside / rate, level[inside], 1)[0]
    return float(-60 / slope)


@pytest.mark.parametrize("rt60", [0.4, 2.0])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_the_tail_dies_in_its_time(rt60: float, rate: int) -> None:
    settings = ReverbSettings(rt60, -90, 0.0, bass_ratio=1.0, treble_ratio=1.0)
    response = room_response(settings, rate, np.random.default_rng(3))
    assert fitted_rt60(response[0], rate) == pytest.approx(rt60, rel=0.08)


def test_octaves_die_at_their_own_pace() -> None:
    from scipy.signal import butter, sosfilt

    settings = ReverbSettings(2.0, -90, 0.0, bass_ratio=1.3, treble_ratio=0.4)
    response = room_response(settings, RATE, np.random.default_rng(4))
    for hertz in (250, 1000, 4000):
        edges = [hertz / math.sqrt(2), hertz * math.sqrt(2)]
        band = sosfilt(butter(4, edges, "bandpass", fs=RATE, output="sos"), response[0])
        wanted = decay_seconds(settings, hertz)
        assert fitted_rt60(band, RATE) == pytest.approx(wanted, rel=0.12)
    assert decay_seconds(settings, 1000) == pytest.approx(2.0)
    assert decay_seconds(settings, 8000) == pytest.approx(0.8)


def test_levels_and_times_of_a_room() -> None:
    settings = ReverbSettings(1.0, -6, -12, pre_delay_ms=30, length_metres=20)
    rng = np.random.default_rng(5)
    response = room_response(settings, RATE, rng)
    assert not response[:, 0].any()  # the direct sound is not in it
    energy = np.square(response, dtype=np.float64).sum(axis=1)
    np.testing.assert_allclose(energy, 10**-0.6 + 10**-1.2, rtol=0.05)
    late = room_response(
        ReverbSettings(1.0, -90, -12, pre_delay_ms=30), RATE, np.random.default_rng(5)
    )
    assert np.flatnonzero(late[0])[0] >= 0.030 * RATE
    correlation = np.corrcoef(late[0], late[1])[0, 1]
    assert abs(correlation) < 0.05


def test_the_tail_is_kept_and_the_convolution_is_right() -> None:
    settings = ReverbSettings(2.5, -8, -3)
    effect = settings.build(RATE, np.random.default_rng(6))
    response = room_response(settings, RATE, np.random.default_rng(6))
    click = np.zeros((2, BLOCK + 100), dtype=np.float32)
    click[0, BLOCK - 7] = 1.0
    made = gathered([click], [effect])
    assert made.shape[1] == click.shape[1] + response.shape[1]
    wanted = np.zeros_like(made)
    wanted[:, : click.shape[1]] = click
    at = BLOCK - 7
    wanted[0, at : at + response.shape[1]] += response[0]
    wanted[1, at : at + response.shape[1]] += 0.5 * response[1]
    # But for the fade over the last tenth of a second.
    np.testing.assert_allclose(made[:, :-4410], wanted[:, :-4410], atol=2e-6)
    assert not made[:, -1].any() or abs(made[:, -1]).max() < 1e-6


# --- Width, tape --------------------------------------------------------------------------------


def test_width_of_mono_and_of_a_side() -> None:
    mono = sine(440, 0.3)
    assert np.array_equal(through(WidthSettings(2.0), mono), mono)
    side = mono * np.array([[1], [-1]], dtype=np.float32)
    np.testing.assert_allclose(through(WidthSettings(1.5), side), 1.5 * side, atol=1e-6)
    assert not through(WidthSettings(0.0), side).any()
    low = sine(30, 0.5) * np.array([[1], [-1]], dtype=np.float32)
    made = through(WidthSettings(1.0, low_mono_hz=300), low)
    assert rms_db(made[:, 8000:]) < rms_db(low[:, 8000:]) - 35


def test_wobble_stays_within_its_cents() -> None:
    settings = WobbleSettings(0.7, 1.1, 9.0, 0.7)
    sound = sine(2000, 3.0)
    made = through(settings, sound)[0].astype(np.float64)
    # Phase against the unmoved tone, over windows of 20 ms: its slope is the pitch.
    turns = made * np.exp(-2j * np.pi * 2000 * np.arange(len(made)) / RATE)
    size = 441 * 2
    phase = np.unwrap(np.angle(turns[: len(turns) // size * size].reshape(-1, size).mean(axis=1)))
    hertz = 2000 + np.diff(phase) / (2 * np.pi) / (size / RATE)
    cents = 1200 * np.log2(hertz / 2000)[2:-2]
    assert 1.0 < np.abs(cents).max() < 1.9
    # What is read between samples is right: the sine stays a sine of its level.
    assert rms_db(made[2000:-2000]) == pytest.approx(rms_db(sound), abs=0.01)


def test_wobble_is_a_fractional_delay() -> None:
    settings = WobbleSettings(1.0, 1.2)
    effect: Any = settings.build(RATE, np.random.default_rng(0))
    delay = effect.delays(0, RATE)
    assert np.abs(delay).max() <= sum(effect.depths)
    hertz = 5000
    made = through(settings, sine(hertz, 1.0, 1.0))[0]
    wanted = np.sin(2 * np.pi * hertz * (np.arange(RATE) - delay) / RATE)
    np.testing.assert_allclose(made[100:-100], wanted[100:-100], atol=2e-4)


def test_hiss_has_its_level_and_its_seed() -> None:
    quiet = np.zeros((2, RATE), dtype=np.float32)
    settings = HissSettings(-60, tilt_db=0.0)
    made = through(settings, quiet)
    assert rms_db(made[:, 4000:RATE]) == pytest.approx(-60, abs=0.2)
    assert np.array_equal(made, through(settings, quiet))
    assert not np.array_equal(made, through(settings, quiet, seed=1))


def test_crush_has_the_noise_of_its_bits() -> None:
    sound = sine(997)
    made = through(CrushSettings(8), sound)
    step = 2.0**-7
    # Rounding and triangular dither: variance step^2 / 12 + step^2 / 6.
    assert rms_db(made - sound) == pytest.approx(10 * math.log10(step**2 / 4), abs=0.3)
