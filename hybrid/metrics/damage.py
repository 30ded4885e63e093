"""Graded damage to sound: what a distance between sets of sounds has to rank rightly.

References
----------
Kilgour, K., et al. (2019). Fréchet audio distance. Interspeech. arXiv:1812.08466. (the idea of
judging a distance by artificial distortions of growing strength)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError


def add_noise(sound: NDArray[Any], snr_db: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """White noise under the sound.

    Parameters
    ----------
    sound : np.ndarray, shape (C, N)
    snr_db : float
        Power of the sound over that of the noise.
    rng : np.random.Generator
    """
    power = float(np.mean(np.square(sound, dtype=np.float64)))
    noise = rng.standard_normal(sound.shape, dtype=np.float32)
    made: NDArray[np.float32] = sound + noise * np.float32(np.sqrt(power * 10 ** (-snr_db / 10)))
    return made


def low_pass(sound: NDArray[Any], sample_rate: int, hertz: float) -> NDArray[np.float32]:
    """What lies under a frequency: Butterworth's magnitude of order 8, phases as they are."""
    return _filtered(sound, sample_rate, lambda f: 1 / np.sqrt(1 + (f / hertz) ** 16))


def high_pass(sound: NDArray[Any], sample_rate: int, hertz: float) -> NDArray[np.float32]:
    """What lies over a frequency, as `low_pass`."""
    return _filtered(
        sound, sample_rate, lambda f: 1 / np.sqrt(1 + (hertz / np.maximum(f, 1e-3)) ** 16)
    )


def _filtered(sound: NDArray[Any], sample_rate: int, gain: Any) -> NDArray[np.float32]:
    from scipy import fft

    n_samples = sound.shape[1]
    size = fft.next_fast_len(n_samples, real=True)
    spectrum = fft.rfft(sound.astype(np.float32), size, axis=1)
    spectrum *= gain(np.fft.rfftfreq(size, 1 / sample_rate)).astype(np.float32)
    made: NDArray[np.float32] = fft.irfft(spectrum, size, axis=1)[:, :n_samples]
    return made.astype(np.float32)


def add_room(
    sound: NDArray[Any],
    sample_rate: int,
    wet_db: float,
    rng: np.random.Generator,
    seconds: float = 1.5,
) -> NDArray[np.float32]:
    """Diffuse reverberation: noise of its own on each side that dies away exponentially.

    Parameters
    ----------
    sound : np.ndarray, shape (C, N)
    wet_db : float
        Energy of the reverberation over that of the plain sound.
    seconds : float
        Until it is 60 dB down. What outlasts the sound is cut.
    """
    from scipy import fft

    if not seconds > 0:
        raise ConfigError(f"seconds of a room must be over 0, got {seconds}")
    n_tail = int(seconds * sample_rate)
    tail = rng.standard_normal((sound.shape[0], n_tail), dtype=np.float32)
    tail *= (10.0 ** (-3 * np.arange(n_tail) / n_tail)).astype(np.float32)
    tail /= np.sqrt(np.square(tail).sum(axis=1, keepdims=True))
    size = fft.next_fast_len(sound.shape[1] + n_tail - 1, real=True)
    wet = fft.irfft(
        fft.rfft(sound.astype(np.float32), size, axis=1) * fft.rfft(tail, size, axis=1),
        size,
        axis=1,
    )
    made: NDArray[np.float32] = sound + wet[:, : sound.shape[1]] * np.float32(10 ** (wet_db / 20))
    return made.astype(np.float32)


def clip(sound: NDArray[Any], over_db: float) -> NDArray[np.float32]:
    """Raised by so many dB over full scale, cut there, and lowered again."""
    gain = np.float32(10 ** (over_db / 20)) / max(float(np.abs(sound).max()), 1e-9)
    made: NDArray[np.float32] = np.clip(sound * gain, -1.0, 1.0).astype(np.float32) / gain
    return made


def coarse(sound: NDArray[Any], bits: float) -> NDArray[np.float32]:
    """Rounded to steps of 2 / 2^bits, without dither."""
    step = np.float32(2.0 ** (1 - bits))
    made: NDArray[np.float32] = np.round(sound.astype(np.float32) / step) * step
    return made
