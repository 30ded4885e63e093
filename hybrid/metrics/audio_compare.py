"""Two sounds, or two folders of sounds, side by side: all measures at once.

The first is the reference. Sounds that differ in length (a room's tail) are compared over the
shorter one's.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError
from hybrid.io.wav import read_audio
from hybrid.metrics.audio_frechet import (
    Embedding,
    MelStatistics,
    embed_set,
    frechet_infinite,
    kernel_distance,
)
from hybrid.metrics.audio_signal import (
    loudness,
    mel_distance,
    si_sdr,
    stereo_correlation,
    stft_distance,
)
from hybrid.metrics.audio_timing import onset_shift, pitch_shift

SUFFIXES = (".wav", ".flac", ".ogg")


@dataclass(frozen=True)
class AudioComparison:
    """An estimate beside its reference.

    Attributes
    ----------
    seconds : float
        Length that was compared.
    si_sdr_db : float
    stft_distance : float
    mel_distance_db : float
    loudness_difference_lu : float
        Estimate minus reference; nan where one is silent or under 0.4 s.
    stereo_correlation, stereo_correlation_reference : float
    pitch_offset_cents, pitch_drift_cents : float
    onset_shift_ms : float
        As in the modules of their names.
    peak, peak_reference : float
        Largest absolute sample.
    """

    seconds: float
    si_sdr_db: float
    stft_distance: float
    mel_distance_db: float
    loudness_difference_lu: float
    stereo_correlation: float
    stereo_correlation_reference: float
    pitch_offset_cents: float
    pitch_drift_cents: float
    onset_shift_ms: float
    peak: float
    peak_reference: float

    def to_dict(self) -> dict[str, float | None]:
        """Plain values for JSON; what is not finite is None."""
        return {
            name: round(float(value), 4) if math.isfinite(value) else None
            for name, value in asdict(self).items()
        }


def compare_audio(reference: Audio, estimate: Audio) -> AudioComparison:
    """Measure an estimate against its reference.

    A mono sound beside a stereo one is heard on both sides.

    Raises
    ------
    ConfigError
        If their sample rates differ, one has more than two channels or no sample.
    """
    rate = reference.sample_rate
    if estimate.sample_rate != rate:
        raise ConfigError(
            f"sounds that are compared must have one sample rate, got {rate} and "
            f"{estimate.sample_rate}"
        )
    n_samples = min(reference.n_samples, estimate.n_samples)
    if n_samples < 1:
        raise ConfigError("sounds that are compared must have at least one sample, got none")
    channels = max(reference.n_channels, estimate.n_channels)
    if channels > 2:
        raise ConfigError(f"sounds must be mono or stereo, got {channels} channels")
    truth, guess = (
        np.broadcast_to(sound.samples[:, :n_samples], (channels, n_samples))
        for sound in (reference, estimate)
    )
    pitch = pitch_shift(truth, guess, rate)
    levels = [loudness(sound, rate) for sound in (truth, guess)]
    difference = levels[1] - levels[0] if all(map(math.isfinite, levels)) else math.nan
    return AudioComparison(
        seconds=n_samples / rate,
        si_sdr_db=si_sdr(truth, guess),
        stft_distance=stft_distance(truth, guess),
        mel_distance_db=mel_distance(truth, guess, rate),
        loudness_difference_lu=difference,
        stereo_correlation=stereo_correlation(guess),
        stereo_correlation_reference=stereo_correlation(truth),
        pitch_offset_cents=pitch.offset_cents,
        pitch_drift_cents=pitch.drift_cents,
        onset_shift_ms=onset_shift(truth, guess, rate).shift_ms,
        peak=float(np.abs(guess).max()),
        peak_reference=float(np.abs(truth).max()),
    )


@dataclass(frozen=True)
class SetComparison:
    """A set of sounds beside a reference set.

    Attributes
    ----------
    embedding : str
        In which the distances are.
    n_reference, n_estimate : int
        Rows of the embedding.
    frechet, frechet_infinite, frechet_fit : float or None
        `hybrid.metrics.audio_frechet.FrechetEstimate`; None with fewer than 10 rows.
    kernel : float
    pairs : dict of str to AudioComparison
        Of the files that have one name in both folders, but for the suffix.
    """

    embedding: str
    n_reference: int
    n_estimate: int
    frechet: float | None
    frechet_infinite: float | None
    frechet_fit: float | None
    kernel: float
    pairs: dict[str, AudioComparison]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = {
            name: round(value, 6) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        values["pairs"] = {name: pair.to_dict() for name, pair in self.pairs.items()}
        return values


def compare_folders(
    reference: Path,
    estimate: Path,
    rng: np.random.Generator,
    embedding: Embedding | None = None,
) -> SetComparison:
    """Measure a folder of sounds against a folder of references.

    Raises
    ------
    ConfigError
        If a folder has no sound in it.
    """
    chosen = embedding or MelStatistics()
    files = [sounds_of(folder) for folder in (reference, estimate)]
    wanted, made = (embed_set(map(read_audio, paths.values()), chosen) for paths in files)
    enough = min(len(wanted), len(made)) >= 10
    fitted = frechet_infinite(wanted, made, rng) if enough else None
    pairs = {
        name: compare_audio(read_audio(path), read_audio(files[1][name]))
        for name, path in files[0].items()
        if name in files[1]
    }
    return SetComparison(
        embedding=chosen.name,
        n_reference=len(wanted),
        n_estimate=len(made),
        frechet=fitted.distance if fitted else None,
        frechet_infinite=fitted.infinite if fitted else None,
        frechet_fit=fitted.fit if fitted else None,
        kernel=kernel_distance(wanted, made),
        pairs=pairs,
    )


def sounds_of(folder: Path) -> dict[str, Path]:
    """Sound files of a folder by their names without suffix.

    Raises
    ------
    ConfigError
        If there is none.
    """
    paths = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise ConfigError(f"{folder} must have sound files ({', '.join(SUFFIXES)}), got none")
    return {path.stem: path for path in paths}
