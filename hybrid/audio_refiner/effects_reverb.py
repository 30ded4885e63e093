"""A room: early reflections and a late tail, drawn anew for every piece.

Early reflections are the images of a source in a box-shaped room, heard at two points (the
method of Allen and Berkley, simplified: one absorption for all walls, which also dulls each
further reflection, and no directivity). The tail is noise that dies away exponentially, in each
octave at its own pace (after Moorer). The direct sound is not part of it: it passes
untouched, and the first reflection comes after it.

References
----------
Allen, J. B., & Berkley, D. A. (1979). Image method for efficiently simulating small-room
acoustics. Journal of the Acoustical Society of America, 65(4), 943-950. doi:10.1121/1.382599.
Moorer, J. A. (1979). About this reverberation business. Computer Music Journal, 3(2), 13-28.
Gardner, W. G. (1995). Efficient convolution without input-output delay. Journal of the Audio
Engineering Society, 43(3), 127-136.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.effects import BLOCK, Effect, Samples, Settings
from hybrid.audio_refiner.effects_eq import Band

SPEED_OF_SOUND = 343.0
_OCTAVES_HZ = (62.5, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)
_ORDERS = 3  # reflections one after another that are still told apart
_EARS_APART = 0.4  # metres between the two points at which the room is heard
_WALL_HZ = 9000.0  # from which on a wall takes more
_OFF_DB = -90.0


@dataclass(frozen=True)
class ReverbSettings(Settings):
    """A room and how much of it is heard.

    Attributes
    ----------
    rt60_seconds : float
        Time in which the tail falls by 60 dB at 1 kHz.
    early_db, late_db : float
        Energy of the early reflections and of the tail, relative to the direct sound's;
        -90 is off.
    pre_delay_ms : float
        From the direct sound to the tail's beginning.
    length_metres : float
        The room's longest side; the others are drawn.
    bass_ratio, treble_ratio : float
        The tail's time at 125 Hz and at 8 kHz, relative to that at 1 kHz.
    low_cut_hz : float
        Below it the room is silent (6 dB at that frequency).
    """

    kind: ClassVar[str] = "reverb"
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "rt60_seconds": (0.05, 12.0),
        "early_db": (_OFF_DB, 6.0),
        "late_db": (_OFF_DB, 6.0),
        "pre_delay_ms": (0.0, 200.0),
        "length_metres": (2.0, 120.0),
        "bass_ratio": (0.3, 3.0),
        "treble_ratio": (0.1, 1.5),
        "low_cut_hz": (10.0, 1000.0),
    }

    rt60_seconds: float
    early_db: float
    late_db: float
    pre_delay_ms: float = 15.0
    length_metres: float = 12.0
    bass_ratio: float = 1.1
    treble_ratio: float = 0.5
    low_cut_hz: float = 80.0

    def scaled(self, strength: float) -> Self:
        """Both levels lower by 20 log10 of the strength."""
        if not strength:
            return replace(self, early_db=_OFF_DB, late_db=_OFF_DB)
        change = 20 * math.log10(strength)
        return replace(
            self,
            early_db=max(_OFF_DB, self.early_db + change),
            late_db=max(_OFF_DB, self.late_db + change),
        )

    def build(self, sample_rate: int, rng: np.random.Generator) -> Effect:
        return Reverb(room_response(self, sample_rate, rng))


def room_response(
    settings: ReverbSettings, sample_rate: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """What a click in the room leaves at two points, without the direct sound.

    Returns
    -------
    np.ndarray, shape (2, N), float32
        As long as it takes the slowest octave to fall by 60 dB. Each part has its energy, in each
        channel, by `ReverbSettings`.
    """
    late = _late(settings, sample_rate, rng)
    early = _early(settings, sample_rate, rng)
    response = np.zeros((2, max(late.shape[1], early.shape[1])))
    for part, level in ((early, settings.early_db), (late, settings.late_db)):
        energy = np.sqrt((part**2).sum(axis=1, keepdims=True))
        if level > _OFF_DB:
            response[:, : part.shape[1]] += part * 10 ** (level / 20) / np.maximum(energy, 1e-30)
    return response.astype(np.float32)


def decay_seconds(settings: ReverbSettings, frequency_hz: float) -> float:
    """RT60 of an octave: straight lines over the logarithm of frequency, level at the ends."""
    points = [math.log2(hz) for hz in (125.0, 1000.0, 8000.0)]
    ratios = [math.log2(settings.bass_ratio), 0.0, math.log2(settings.treble_ratio)]
    ratio = float(np.interp(math.log2(frequency_hz), points, ratios))
    return settings.rt60_seconds * math.exp2(ratio)


def _late(
    settings: ReverbSettings, sample_rate: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    from scipy import fft

    octaves = [hz for hz in _OCTAVES_HZ if hz < sample_rate / 2]
    decays = [decay_seconds(settings, hz) for hz in octaves]
    start = round(settings.pre_delay_ms * sample_rate / 1000)
    n_samples = int(max(decays) * sample_rate) + 1
    size = fft.next_fast_len(n_samples, real=True)
    spectrum = fft.rfft(rng.standard_normal((2, size)), axis=1)
    hertz = np.maximum(np.fft.rfftfreq(size, 1 / sample_rate), 1e-3)
    low_cut = 1 / (1 + (settings.low_cut_hz / hertz) ** 2)
    place = np.log2(hertz / octaves[0])
    times = np.arange(n_samples) / sample_rate
    tail = np.zeros((2, n_samples))
    for index, decay in enumerate(decays):
        # Neighbouring octaves cross over along a cosine, so that all together are flat in power;
        # the lowest and the highest reach on to the ends.
        near = np.clip(place, 0, len(octaves) - 1) - index
        share = np.cos(np.clip(near, -1, 1) * np.pi / 2)
        band = fft.irfft(spectrum * share * low_cut, size, axis=1)[:, :n_samples]
        tail += band * 10 ** (-3 * times / decay)
    # It swells within a few milliseconds: a tail has no edge.
    rise = max(1, round(0.25 * settings.pre_delay_ms * sample_rate / 1000))
    tail[:, :rise] *= np.sin(np.linspace(0, np.pi / 2, rise, endpoint=False)) ** 2
    return np.pad(tail, ((0, 0), (start, 0)))


def _early(
    settings: ReverbSettings, sample_rate: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    sides = settings.length_metres * np.array([1.0, rng.uniform(0.55, 0.85), 0.0])
    sides[2] = max(2.4, settings.length_metres * rng.uniform(0.2, 0.4))
    source = sides * rng.uniform([0.15, 0.3, 0.2], [0.3, 0.7, 0.4])
    middle = sides * rng.uniform([0.55, 0.4, 0.2], [0.8, 0.6, 0.4])
    keep = rng.uniform(0.65, 0.85)  # amplitude that a wall gives back
    apart = np.array([0.0, _EARS_APART / 2, 0.0])
    ears = [middle + apart, middle - apart]
    direct = min(float(np.linalg.norm(source - ear)) for ear in ears)
    longest = 0.0
    taps: list[tuple[int, float, float, int]] = []
    for cell in product(range(-_ORDERS, _ORDERS + 1), repeat=3):
        order = sum(abs(step) for step in cell)
        if not 0 < order <= _ORDERS:
            continue
        # Image in the room `cell` steps away; in odd rooms left and right are swapped.
        index = np.array(cell)
        image = index * sides + np.where(index % 2, sides - source, source)
        for channel, ear in enumerate(ears):
            distance = float(np.linalg.norm(image - ear))
            delay = (distance - direct) / SPEED_OF_SOUND * sample_rate
            longest = max(longest, delay)
            taps.append((channel, max(1.0, delay), keep**order * direct / distance, order))
    n_samples = int(longest) + sample_rate // 50
    by_order = np.zeros((_ORDERS + 1, 2, n_samples))
    for channel, delay, gain, order in taps:
        whole = int(delay)
        by_order[order, channel, whole] += gain * (1 - (delay - whole))
        by_order[order, channel, whole + 1] += gain * (delay - whole)
    return _dulled(by_order, settings, sample_rate)


def _dulled(
    by_order: NDArray[np.float64], settings: ReverbSettings, sample_rate: int
) -> NDArray[np.float64]:
    """All reflections, each wall taking some of the treble and the low cut what is below it."""
    from scipy.signal import lfilter, sosfilt

    pole = math.exp(-2 * math.pi * _WALL_HZ / sample_rate)
    total: NDArray[np.float64] = np.zeros(by_order.shape[1:])
    # From the longest ways to the shortest: each step inwards all heard so far meet a wall less.
    for order in range(_ORDERS, 0, -1):
        total = lfilter([1 - pole], [1, -pole], total + by_order[order], axis=1)
    cut = Band("high_pass", settings.low_cut_hz, q=0.5).section(sample_rate)
    dulled: NDArray[np.float64] = sosfilt(cut[None], total, axis=1)
    return dulled


class Reverb:
    """Convolution with a room, the direct sound passing by.

    Each side's room hears the other side too, at half the amplitude, as in a real room.

    Parameters
    ----------
    response : np.ndarray, shape (2, N), float32
    """

    latency = 0

    def __init__(self, response: NDArray[np.float32]) -> None:
        from scipy import fft

        self._silent = not response.any()
        self.tail = 0 if self._silent else response.shape[1]
        n_parts = -(-response.shape[1] // BLOCK)
        padded = np.pad(response, ((0, 0), (0, n_parts * BLOCK - response.shape[1])))
        # (2, parts, F): spectra of pieces of the response, each filled up to two blocks.
        parts = padded.reshape(2, n_parts, BLOCK)
        self._parts = fft.rfft(parts, 2 * BLOCK, axis=2)
        self._heard = np.zeros((2, n_parts, BLOCK + 1), dtype=np.complex64)
        self._kept = np.zeros((2, BLOCK), dtype=np.float32)

    def process(self, block: Samples) -> Samples:
        from scipy import fft

        if self._silent:
            return block
        room = block + np.float32(0.5) * block[::-1]
        # Overlap and save: the spectrum of the last two blocks, the newest first.
        self._heard = np.roll(self._heard, 1, axis=1)
        self._heard[:, 0] = fft.rfft(np.concatenate([self._kept, room], axis=1), axis=1)
        self._kept = room
        spectrum = np.einsum("cpf,cpf->cf", self._heard, self._parts)
        wet = fft.irfft(spectrum, 2 * BLOCK, axis=1)[:, BLOCK:]
        result: Samples = block + wet.astype(np.float32)
        return result
