"""Sound mapped and then produced, from any sound to any length, in bounded memory.

The mapper makes the plain render sound as if a larger SoundFont had played it; the chain of plain
effects gives it the style. What the mapper changes is worked out at 44.1 kHz and added to the
sound at its own rate, so gains of 0 dB leave every sample as it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hybrid.audio_refiner.effects import Samples, run_chain
from hybrid.audio_refiner.frame_stream import Rows, Window, frame_rows, windows
from hybrid.audio_refiner.mapper_bands import (
    PER_ROW,
    ROW,
    WINDOW,
    band_powers,
    band_shares,
    decibels,
    middle_and_side,
    over_bins,
    row_spectra,
    wave_of_spectra,
)
from hybrid.audio_refiner.mapper_model import Gains, Mapper
from hybrid.audio_refiner.mapper_notes import note_features
from hybrid.audio_refiner.production import WORKING_LUFS, ProductionOptions
from hybrid.audio_refiner.resampling import resampled
from hybrid.audio_refiner.roll import SAMPLE_RATE
from hybrid.core.seeds import stage_rng

#: Rows worked on at a time: 6 s.
CHUNK = 256
# Deviation of white noise whose spectra have a mean power of 1 in each bin.
_UNIT_NOISE = float(np.sqrt(WINDOW / 1.5))
# Bands whose side is made of the middle with one sign; neighbours have the other.
_SIGN_BANDS = 3


class MapperProducer:
    """The mapper and the chain, as `hybrid.audio_refiner.production_passes.Passes` wants them.

    Parameters
    ----------
    mapper : Mapper
        In evaluation mode.
    digest : str
        SHA-256 of its weights, for the report.
    notes : np.ndarray, `hybrid.audio_refiner.roll.ROLL_DTYPE`
        What the sound plays.
    options : ProductionOptions
        Of the chain; the strength scales the mapper's gains as well.
    """

    working_lufs = WORKING_LUFS
    working_peak_db: float | None = None

    def __init__(
        self, mapper: Mapper, digest: str, notes: NDArray[Any], options: ProductionOptions
    ) -> None:
        self._mapper, self._digest, self._notes, self._options = mapper, digest, notes, options
        self.loudness_lufs, self.ceiling_db = options.loudness_lufs, options.ceiling_db

    def process(self, chunks: Iterator[Samples], sample_rate: int) -> Iterator[Samples]:
        options = self._options
        mapped = map_sound(
            chunks,
            sample_rate,
            self._mapper,
            self._notes,
            strength=options.strength,
            rng=stage_rng(options.seed, "refine", "mapper"),
        )
        return run_chain(mapped, options.chain(sample_rate), sample_rate)

    def record(self) -> dict[str, Any]:
        options = self._options
        return {
            "style": options.chosen.name,
            "strength": options.strength,
            "seed": options.seed,
            "effects": tuple(options.record()),
            "mode": "mapper",
            "weights": {"mapper": self._digest},
        }


def map_sound(
    chunks: Iterable[Samples],
    sample_rate: int,
    mapper: Mapper,
    notes: NDArray[Any],
    *,
    strength: float,
    rng: np.random.Generator,
) -> Iterator[Samples]:
    """The plain render with the mapper's gains laid on, sample by sample in place.

    Parameters
    ----------
    chunks : iterable of np.ndarray, shape (2, n), float32
        In a row, of any sizes, at -20 LUFS.
    sample_rate : int
        Hertz, 8000..192000; what is above 22 kHz stays as it is.
    mapper : Mapper
    notes : np.ndarray, `hybrid.audio_refiner.roll.ROLL_DTYPE`
    strength : float
        0..1: share of every gain, in dB; noise and what is made of the middle are lower by
        20 log10 of it.
    rng : np.random.Generator
        Draws the noise.

    Yields
    ------
    np.ndarray, shape (2, n), float32
        As many samples as came.
    """
    if not strength:
        yield from chunks
        return
    waiting: deque[Samples] = deque()

    def heard() -> Iterator[Samples]:
        for chunk in chunks:
            waiting.append(chunk)
            yield chunk

    rows = frame_rows(resampled(heard(), sample_rate, SAMPLE_RATE), ROW)
    changes = _changes(rows, mapper, notes, strength, rng)
    for change in resampled(changes, SAMPLE_RATE, sample_rate):
        at = 0
        # The last row is filled up with silence, so there may be more changes than sound.
        while at < change.shape[1] and waiting:
            dry = waiting.popleft()
            count = min(dry.shape[1], change.shape[1] - at)
            yield dry[:, :count] + change[:, at : at + count]
            at += count
            if count < dry.shape[1]:
                waiting.appendleft(dry[:, count:])
    yield from waiting


def _changes(
    rows: Iterable[Rows],
    mapper: Mapper,
    notes: NDArray[Any],
    strength: float,
    rng: np.random.Generator,
) -> Iterator[Samples]:
    """What has to be added to sound in rows (t, 2, 1024), in blocks (2, n) at 44.1 kHz."""
    spectra = _spectra(_with_noise(_between_silence(rows), rng))
    # A row of silence before the sound and one after it let the windows at its ends be whole.
    n_skipped = ROW
    held: Samples | None = None
    for window in windows(_changed(spectra, mapper, notes, strength), CHUNK, 1, 1):
        both = _with_neighbours(window).permute(1, 0, 2, 3).flatten(1, 2)
        middle, side = wave_of_spectra(both)
        made = torch.stack([middle + side, middle - side]).numpy()
        if held is not None:
            yield held[:, n_skipped:]
            n_skipped = 0
        held = made
    if held is not None:
        yield held[:, n_skipped:-ROW]


def _between_silence(rows: Iterable[Rows]) -> Iterator[Rows]:
    silence = (torch.zeros(1, 2, ROW),)
    yield silence
    yield from rows
    yield silence


def _with_noise(rows: Iterable[Rows], rng: np.random.Generator) -> Iterator[Rows]:
    """Left and right (t, 2, 1024) as middle, side and a noise for each, (t, 4, 1024)."""
    for (part,) in rows:
        both = middle_and_side(part.transpose(0, 1)).transpose(0, 1)
        noise = _UNIT_NOISE * rng.standard_normal(both.shape, np.float32)
        yield (torch.cat([both, torch.from_numpy(noise)], 1),)


def _spectra(rows: Iterable[Rows]) -> Iterator[Rows]:
    """Spectra of rows, (t, 4, 2, bins)."""
    for window in windows(rows, CHUNK, 1, 1):
        wave = _with_neighbours(window).transpose(0, 1).flatten(1)
        found = row_spectra(wave)
        yield (found.reshape(4, window.count, PER_ROW, -1).transpose(0, 1),)


def _with_neighbours(window: Window) -> Tensor:
    """A window's rows with one on either side, of silence where there is none."""
    rows = window.rows[0]
    silence = torch.zeros_like(rows[:1])
    before = [] if window.before else [silence]
    after = [] if len(rows) - window.before > window.count else [silence]
    return torch.cat([*before, rows, *after])


def _changed(
    spectra: Iterable[Rows], mapper: Mapper, notes: NDArray[Any], strength: float
) -> Iterator[Rows]:
    """How middle and side change, (t, 2, 2, bins)."""
    reach = mapper.config.reach
    for window in windows(_with_powers(spectra), CHUNK, reach, reach):
        found, powers = window.rows
        first = window.first - window.before - 1  # the row of silence is not the notes' first
        played = torch.from_numpy(note_features(notes, len(found), first)).float() / 127
        levels = decibels(powers.mean(2))  # (t, 2, bands)
        with torch.inference_mode():
            said = mapper(levels[None], played[None])
        gains = Gains(*(window.inner(each[0]) for each in said))
        yield (change_of(window.inner(found), window.inner(powers), gains, strength),)


def _with_powers(spectra: Iterable[Rows]) -> Iterator[Rows]:
    for (found,) in spectra:
        yield found, band_powers(found[:, :2])


def change_of(spectra: Tensor, powers: Tensor, gains: Gains, strength: float) -> Tensor:
    """What gains add to spectra.

    Parameters
    ----------
    spectra : Tensor, shape (t, 4, 2, bins)
        Middle, side, and a noise of power 1 for each.
    powers : Tensor, shape (t, 2, 2, 96)
        Of middle and side by bands.
    gains : Gains
        Each (t, 96); both spectra of a row get the same.
    strength : float
        0..1.

    Returns
    -------
    Tensor, shape (t, 2, 2, bins), complex64
        To be added to middle and side.
    """
    middle, side, noise, other = spectra.unbind(1)
    # The row's power and not the spectrum's: as in training.
    whole = powers.sum(1).mean((1, 2)).sqrt()[:, None, None]  # (t, 1, 1)
    up, down = (_amplitude(strength * each)[:, None] - 1 for each in gains[:2])
    spread, breath, air = (strength * _amplitude(each)[:, None] for each in gains[2:])
    to_middle = up * middle + whole * breath * noise
    # A quarter of a turn, to one side or the other: left and right stay equally loud.
    turned = torch.complex(torch.zeros(()), _signs())
    to_side = down * side + spread * turned * middle + whole * air * other
    return torch.stack([to_middle, to_side], 1)


def _amplitude(bands_db: Tensor) -> Tensor:
    return torch.exp(over_bins(bands_db) * 0.1151292546)  # ln(10) / 20


@lru_cache(maxsize=1)
def _signs() -> Tensor:
    """1 or -1 for each bin, by groups of bands."""
    group = band_shares().argmax(1) // _SIGN_BANDS
    signs: Tensor = 1.0 - 2.0 * (group % 2)
    return signs
