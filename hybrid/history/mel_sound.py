"""Sound as levels in mel bands, and back: a spectrogram without its phases, then Griffin-Lim.

References
----------
Griffin, D., & Lim, J. (1984). Signal estimation from modified short-time Fourier transform. IEEE
Transactions on Acoustics, Speech, and Signal Processing 32(2), 236-243.
Lee, D. D., & Seung, H. S. (1999). Learning the parts of objects by non-negative matrix
factorization. Nature 401, 788-791. (the multiplicative update with which bands become bins)
Perraudin, N., Balazs, P., & Sondergaard, P. L. (2013). A fast Griffin-Lim algorithm. IEEE WASPAA.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.metrics.audio_spectra import mel_filters, spectra

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class MelSound:
    """How sound is cut and filtered.

    Attributes
    ----------
    sample_rate : int
        Hertz.
    n_fft, hop : int
        Samples of a frame, and from one frame to the next.
    n_bands : int
    floor_db : float
        Levels below it are cut; a sine of full scale is about 0 dB.
    low_hz : float
        Where the lowest band begins.
    """

    sample_rate: int = 11025
    n_fft: int = 1024
    hop: int = 256
    n_bands: int = 128
    floor_db: float = -80.0
    low_hz: float = 40.0

    @property
    def filters(self) -> NDArray[np.float32]:
        """Shape (n_bands, F); rows sum to 1."""
        return mel_filters(self.sample_rate, self.n_fft, self.n_bands, self.low_hz)

    @property
    def frames_per_second(self) -> float:
        return self.sample_rate / self.hop

    def levels(self, sound: Samples) -> NDArray[np.float32]:
        """Levels of sound (N,): (n_bands, 1 + N // hop), -1 at the floor, 1 at 0 dB."""
        # A sine of amplitude 1 gives n_fft / 4 under a Hann window.
        bands = np.abs(self._frames(sound)) @ self.filters.T / (self.n_fft / 4)
        db = 20 * np.log10(np.maximum(bands, 10 ** (self.floor_db / 20)))
        made: NDArray[np.float32] = (1 - 2 * db / self.floor_db).astype(np.float32).T
        return np.ascontiguousarray(np.minimum(made, 1.0))

    def magnitudes(self, levels: NDArray[Any], rounds: int = 40) -> NDArray[np.float64]:
        """Magnitudes (T, F) whose bands come near the levels; never negative.

        What stands at the floor is taken for silence.
        """
        filters = self.filters.astype(np.float64)
        bands = 10 ** ((1 - levels.T.astype(np.float64)) * self.floor_db / 40) * (self.n_fft / 4)
        bands[levels.T <= -0.98] = 0.0
        made: NDArray[np.float64] = bands @ (
            filters / filters.sum(axis=0, keepdims=True).clip(1e-3)
        )
        for _ in range(rounds):
            made *= (bands @ filters + 1e-9) / (made @ filters.T @ filters + 1e-9)
        return made

    def sound(
        self, levels: NDArray[Any], rng: np.random.Generator, rounds: int = 40
    ) -> tuple[Samples, list[float]]:
        """Sound (N,) of levels (n_bands, T), N = (T - 1) hop, and how it converged.

        The phases begin at random. In each round the sound is made, its own spectrogram taken,
        and its phases kept under the wanted magnitudes.

        Returns
        -------
        samples : np.ndarray, shape (N,), float32
        misses : list of float
            Before each round: by how much the sound's magnitudes miss the wanted ones, relative.
        """
        wanted = self.magnitudes(levels)
        total = np.linalg.norm(wanted) + 1e-12
        spectrum = wanted * np.exp(2j * np.pi * rng.random(wanted.shape))
        before = np.zeros_like(spectrum)
        misses = []
        for _ in range(rounds):
            sound = self._inverse(spectrum)
            made = self._frames(sound)
            misses.append(float(np.linalg.norm(np.abs(made) - wanted) / total))
            # The step beyond, after Perraudin et al.
            ahead = made + 0.99 * (made - before)
            before = made
            spectrum = wanted * ahead / np.maximum(np.abs(ahead), 1e-12)
        return self._inverse(spectrum).astype(np.float32), misses

    def _frames(self, sound: NDArray[Any]) -> NDArray[np.complex64]:
        parts = [part[0] for part in spectra(sound[None], self.n_fft, self.hop)]
        made: NDArray[np.complex64] = np.concatenate(parts)
        return made

    def _inverse(self, spectrum: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Overlap and add, so that frames of real sound give it back."""
        from scipy import fft

        window = np.hanning(self.n_fft + 1)[:-1]
        frames = fft.irfft(spectrum, self.n_fft, axis=1) * window
        length = (len(frames) - 1) * self.hop + self.n_fft
        made, weight = np.zeros(length), np.zeros(length)
        for number, frame in enumerate(frames):
            at = number * self.hop
            made[at : at + self.n_fft] += frame
            weight[at : at + self.n_fft] += window**2
        half = self.n_fft // 2
        result: NDArray[np.float64] = (made / np.maximum(weight, 1e-3))[half : length - half]
        return result
