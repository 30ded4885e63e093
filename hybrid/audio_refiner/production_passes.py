"""The passes in which a sound is produced, whatever does the work, in bounded memory.

The input's loudness is measured; the sound, brought to the working loudness, goes through
what works on it and is put aside while it is measured; a gain and a limiter bring it to the
loudness that is wanted.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.effects import BLOCK, Samples, stereo
from hybrid.audio_refiner.effects_level import LevelMeter, LevelStage, plan_levels
from hybrid.audio_refiner.sound_file import SoundShape, look, read_blocks
from hybrid.core.audio import Audio
from hybrid.io.atomic import atomic_file
from hybrid.render.files import choose_subtype, open_sink
from hybrid.render.loudness import LoudnessMeter, PeakMeter, from_db, to_db

#: Most that is kept in memory between passes; what is more goes to a file beside the result.
MAX_KEPT_BYTES = 256 * 2**20
# Of a tail nothing is kept that is softer than this (-96 dB) to its end.
_INAUDIBLE = 1.6e-5

Progress = Callable[[float], None]
Chunks = Callable[[], Iterator[Samples]]


class Producer(Protocol):
    """What works on a sound between the two measurements.

    Attributes
    ----------
    working_lufs : float
        Loudness at which it wants to hear the sound.
    working_peak_db : float or None
        Peak that it wants to hear at most, dB relative to full scale, if that asks for less.
    loudness_lufs : float or None
        Loudness of the result; None is that of the input.
    ceiling_db : float
        True peak of the result at most.
    """

    working_lufs: float
    working_peak_db: float | None
    loudness_lufs: float | None
    ceiling_db: float

    def process(self, chunks: Iterator[Samples], sample_rate: int) -> Iterator[Samples]:
        """The sound worked on: as many samples as came or more, sample by sample in place."""

    def record(self) -> dict[str, Any]:
        """``style``, ``strength``, ``seed`` and further fields of `ProductionReport`."""


@dataclass(frozen=True)
class ProductionReport:
    """What was done to a sound.

    Attributes
    ----------
    style : str
    strength : float
    seed : int
    effects : tuple of dict
        Kind and settings of each, as they were drawn.
    sample_rate, n_samples : int
        Of the result.
    n_samples_before : int
        Of the input; what the result has more is the tail.
    loudness_before, loudness_after : float or None
        LUFS; None for silence, or for sound too soft to be measured.
    loudness_target : float or None
    true_peak_after_db : float or None
        dB relative to full scale, four times oversampled; None for silence.
    limiting_db : float
        Most that the limiter took from a peak.
    limited_by : str
        ``loudness``: the target is reached; ``peak``: the ceiling kept it softer; ``nothing``:
        there was no loudness to be matched.
    mode : str
        What did the work: ``effects``, or a network (`hybrid.audio_refiner.modes`).
    sampling : dict
        How a network's tokens were drawn; empty without.
    weights : dict
        SHA-256 of the files of weights by name; empty without.
    """

    style: str
    strength: float
    seed: int
    effects: tuple[dict[str, Any], ...]
    sample_rate: int
    n_samples: int
    n_samples_before: int
    loudness_before: float | None
    loudness_after: float | None
    loudness_target: float | None
    true_peak_after_db: float | None
    limiting_db: float
    limited_by: str
    mode: str = "effects"
    sampling: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; levels with three decimals."""
        values = asdict(self)
        values["effects"] = [dict(effect) for effect in self.effects]
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in values.items()
        }


class Passes:
    """One sound on its way: the passes in their order, and what they found.

    Parameters
    ----------
    chunks : callable
        Gives the sound from its beginning, each time it is called; stereo.
    shape : SoundShape
    producer : Producer
    progress : callable, optional
        Called with the share that is done, 0..1.
    """

    def __init__(
        self,
        chunks: Chunks,
        shape: SoundShape,
        producer: Producer,
        progress: Progress | None,
    ) -> None:
        self._chunks = chunks
        self._rate, self._n_before = shape.sample_rate, shape.n_samples
        self._producer = producer
        self._progress = progress or (lambda share: None)
        self._kept: KeptBlocks | None = None
        self._prepared = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._kept is not None:
            self._kept.close()

    def prepare(self, folder: Path | None = None) -> int:
        """Do the first two passes.

        Returns
        -------
        int
            Samples of the result.
        """
        self._prepared = True
        loudness = LoudnessMeter(self._rate)
        loudest = 0.0
        n_read = 0
        for chunk in self._chunks():
            loudness.add(chunk)
            loudest = max(loudest, float(np.abs(chunk).max(initial=0.0)))
            n_read += chunk.shape[1]
            self._progress(0.15 * n_read / self._n_before)
        # Of a damaged file libsndfile may read less than its header says.
        self._n_before = n_read
        self._before = loudness.lufs if math.isfinite(loudness.lufs) else None
        producer = self._producer
        factor = 1.0 if self._before is None else from_db(producer.working_lufs - self._before)
        if producer.working_peak_db is not None and loudest:
            factor = min(factor, from_db(producer.working_peak_db) / loudest)
        gain = np.float32(factor)
        meter = LevelMeter(self._rate)
        self._kept = KeptBlocks(folder)
        scaled = (chunk * gain for chunk in self._chunks())
        n_made = 0
        # Silence stays silence, whatever hiss a style has or a network would hear in it.
        for block in producer.process(scaled, self._rate) if loudest else scaled:
            meter.add(block)
            self._kept.add(block)
            n_made += block.shape[1]
            self._progress(0.15 + 0.65 * min(1.0, n_made / self._n_before))
        wanted = producer.loudness_lufs
        self._target = self._before if wanted is None else wanted
        target = None if self._before is None else self._target
        levels = meter.finish()
        self._plan = plan_levels(levels, target, producer.ceiling_db)
        # A tail ends where it cannot be heard any more; the sound itself is never cut.
        audible = np.flatnonzero(levels.peaks * self._plan.gains > _INAUDIBLE)
        last = 64 * (int(audible[-1]) + 1) if len(audible) else 0
        self._n_after = max(self._n_before, min(n_made, last))
        if self._n_after < n_made:
            # Silence that is cut off may not count in the loudness.
            levels = levels.cut(self._n_after)
            self._plan = plan_levels(levels, target, producer.ceiling_db)
        return self._n_after

    def produced(self) -> Iterator[Samples]:
        """The result, in blocks."""
        if not self._prepared:
            self.prepare()
        assert self._kept is not None  # made by `prepare`
        stage = LevelStage(self._plan)
        self._loudness, self._peak = LoudnessMeter(self._rate), PeakMeter()
        n_given = 0
        for block in self._kept.blocks():
            made = stage.process(block)[:, : self._n_after - n_given]
            if not made.shape[1]:
                break
            n_given += made.shape[1]
            self._loudness.add(made)
            self._peak.add(made)
            self._progress(0.8 + 0.2 * n_given / self._n_after)
            yield made
        self._peak.finish()

    def report(self) -> ProductionReport:
        peak, after = self._peak.true_peak, self._loudness.lufs
        return ProductionReport(
            sample_rate=self._rate,
            n_samples=self._n_after,
            n_samples_before=self._n_before,
            loudness_before=self._before,
            loudness_after=after if math.isfinite(after) else None,
            loudness_target=self._target,
            true_peak_after_db=to_db(peak) if peak else None,
            limiting_db=self._plan.limiting_db,
            limited_by=self._plan.limited_by,
            **self._producer.record(),
        )


def pass_audio(audio: Audio, producer: Producer) -> tuple[Audio, ProductionReport]:
    """Produce a sound in memory; see `pass_file`.

    Raises
    ------
    ConfigError
        If the rate or the number of channels is out of range, or there is no sample.
    """

    def chunks() -> Iterator[Samples]:
        for start in range(0, audio.n_samples, BLOCK):
            yield stereo(audio.samples[:, start : start + BLOCK])

    shape = SoundShape(audio.sample_rate, audio.n_channels, audio.n_samples)
    with Passes(chunks, shape, producer, None) as run:
        parts = list(run.produced())
        made = np.concatenate([np.zeros((2, 0), np.float32), *parts], axis=1)
        return Audio(made, audio.sample_rate), run.report()


def pass_file(
    source: Path,
    target: Path,
    producer: Producer,
    subtype: str | None = None,
    progress: Progress | None = None,
) -> ProductionReport:
    """Produce a file into another one, which appears whole or not at all.

    Raises
    ------
    FormatError, ConfigError
        As `sound_file.look` and `sound_file.read_blocks`, or if the target's kind is unknown.
    """
    kind = choose_subtype(target, subtype)
    shape = look(source)
    run = Passes(lambda: read_blocks(source), shape, producer, progress)
    with atomic_file(target) as place, run:
        length = run.prepare(place.parent)
        with open_sink(place, kind, shape.sample_rate, 2, length) as sink:
            for block in run.produced():
                sink.write(block)
        return run.report()


class KeptBlocks:
    """Blocks put aside between two passes: in memory up to a bound, in a file beyond it."""

    def __init__(self, folder: Path | None) -> None:
        place = None if folder is None else str(folder)
        # Closed in `close`: it outlives this call.
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115
            MAX_KEPT_BYTES, dir=place
        )

    def add(self, block: NDArray[np.float32]) -> None:
        self._file.write(np.ascontiguousarray(block.T).tobytes())

    def blocks(self) -> Iterator[Samples]:
        self._file.seek(0)
        while data := self._file.read(8 * BLOCK):
            yield np.frombuffer(data, dtype=np.float32).reshape(-1, 2).T

    def close(self) -> None:
        self._file.close()
