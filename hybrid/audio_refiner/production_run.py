"""Sound through a production chain, in memory or from file to file, in bounded memory.

Three passes: the input's loudness is measured; the sound, brought to the working loudness,
goes through the chain and is put aside while it is measured; a gain and a limiter bring it to
the loudness that is wanted.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.effects import BLOCK, MAX_RATE, MIN_RATE, Samples, run_chain, stereo
from hybrid.audio_refiner.effects_level import LevelMeter, LevelStage, plan_levels
from hybrid.audio_refiner.production import WORKING_LUFS, ProductionOptions
from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError, FormatError
from hybrid.io.atomic import atomic_file
from hybrid.render.files import choose_subtype, open_sink
from hybrid.render.loudness import LoudnessMeter, PeakMeter, from_db, to_db

#: Most that is kept in memory between passes; what is more goes to a file beside the result.
MAX_KEPT_BYTES = 256 * 2**20
# Of a tail nothing is kept that is softer than this (-96 dB) to its end.
_INAUDIBLE = 1.6e-5

Progress = Callable[[float], None]
Chunks = Callable[[], Iterator[Samples]]


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


def produce(
    audio: Audio, options: ProductionOptions | None = None, **changes: Any
) -> tuple[Audio, ProductionReport]:
    """Let a sound through a production chain.

    Parameters
    ----------
    audio : Audio
        Mono or stereo, 8 to 192 kHz.
    options : ProductionOptions, optional
    **changes
        Fields of `ProductionOptions`, where no options are given.

    Returns
    -------
    Audio
        Stereo; sample i belongs to the input's sample i, the tail comes after.
    ProductionReport

    Raises
    ------
    ConfigError
        If an option, the rate or the number of channels is out of range, or there is no sample.

    Examples
    --------
    >>> click = np.zeros((1, 44100), dtype=np.float32)
    >>> click[0, 100] = 0.5
    >>> made, report = produce(Audio(click, 44100), style="dry-studio", seed=3)
    >>> int(np.abs(made.samples[0]).argmax()), made.n_channels
    (100, 2)
    """
    chosen = _options(options, changes)

    def chunks() -> Iterator[Samples]:
        for start in range(0, audio.n_samples, BLOCK):
            yield stereo(audio.samples[:, start : start + BLOCK])

    run = _Run(chunks, audio.sample_rate, audio.n_samples, audio.n_channels, chosen, None)
    with run:
        parts = list(run.produced())
        made = np.concatenate([np.zeros((2, 0), np.float32), *parts], axis=1)
        return Audio(made, audio.sample_rate), run.report()


def produce_file(
    source: str | Path,
    target: str | Path,
    options: ProductionOptions | None = None,
    *,
    subtype: str | None = None,
    progress: Progress | None = None,
    **changes: Any,
) -> ProductionReport:
    """Let a sound file through a production chain into another file, whatever its length.

    Parameters
    ----------
    source : path
        WAV, FLAC or what else libsndfile reads; mono or stereo, 8 to 192 kHz.
    target : path
        ``.wav`` or ``.flac``; it appears whole or not at all.
    subtype : str, optional
        As in `hybrid.render.files.choose_subtype`.
    progress : callable, optional
        Called with the share that is done, 0..1.
    options, **changes
        As in `produce`.

    Raises
    ------
    FormatError
        If the source cannot be read, is no sound, or has a sample that is not finite.
    ConfigError
        As `produce`; the message names the file.
    """
    chosen = _options(options, changes)
    source, target = Path(source), Path(target)
    kind = choose_subtype(target, subtype)
    sample_rate, n_channels, n_samples = _look(source)
    run = _Run(
        lambda: _read(source), sample_rate, n_samples, n_channels, chosen, progress, target, source
    )
    with atomic_file(target) as place, run:
        length = run.prepare(place.parent)
        with open_sink(place, kind, sample_rate, 2, length) as sink:
            for block in run.produced():
                sink.write(block)
        return run.report()


def _options(options: ProductionOptions | None, changes: dict[str, Any]) -> ProductionOptions:
    if options is not None and changes:
        raise ConfigError("give either options or fields of them, got both")
    return options or ProductionOptions(**changes)


def _look(path: Path) -> tuple[int, int, int]:
    """Sample rate, channels and frames of a file."""
    import soundfile

    try:
        with path.open("rb"):
            pass
        about = soundfile.info(str(path))
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror}") from error
    except soundfile.LibsndfileError as error:
        raise FormatError(f"{path} must be a sound file: {error.error_string}") from error
    return int(about.samplerate), int(about.channels), int(about.frames)


def _read(path: Path) -> Iterator[Samples]:
    import soundfile

    at = 0
    try:
        for part in soundfile.blocks(str(path), BLOCK, dtype="float32", always_2d=True):
            finite = np.isfinite(part)
            if not finite.all():
                frame = int(np.argmin(finite.all(axis=1)))
                value = part[frame][~finite[frame]][0]
                raise FormatError(f"{path}: samples must be finite, got {value} at {at + frame}")
            at += len(part)
            yield stereo(part.T)
    except soundfile.LibsndfileError as error:
        raise FormatError(f"{path} must be a sound file: {error.error_string}") from error


class _Run:
    """One sound on its way: the passes in their order, and what they found."""

    def __init__(
        self,
        chunks: Chunks,
        sample_rate: int,
        n_samples: int,
        n_channels: int,
        options: ProductionOptions,
        progress: Progress | None,
        target: Path | None = None,
        source: Path | None = None,
    ) -> None:
        name = f"{source}: " if source is not None else ""
        if not MIN_RATE <= sample_rate <= MAX_RATE:
            raise ConfigError(
                f"{name}the sample rate must be in {MIN_RATE}..{MAX_RATE}, got {sample_rate}"
            )
        if not 1 <= n_channels <= 2:
            raise ConfigError(f"{name}a sound must be mono or stereo, got {n_channels} channels")
        if n_samples < 1:
            raise ConfigError(f"{name}a sound must have at least one sample, got none")
        self._chunks = chunks
        self._rate, self._n_before, self._mono = sample_rate, n_samples, n_channels == 1
        self._options = options
        self._progress = progress or (lambda share: None)
        self._kept: _Kept | None = None
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
        silent = True
        n_read = 0
        for chunk in self._chunks():
            loudness.add(chunk)
            silent = silent and not chunk.any()
            n_read += chunk.shape[1]
            self._progress(0.15 * n_read / self._n_before)
        # Of a damaged file libsndfile may read less than its header says.
        self._n_before = n_read
        self._before = loudness.lufs if math.isfinite(loudness.lufs) else None
        gain = np.float32(1.0 if self._before is None else from_db(WORKING_LUFS - self._before))
        effects = [] if silent else self._options.chain(self._rate)
        meter = LevelMeter(self._rate)
        self._kept = _Kept(folder)
        scaled = (chunk * gain for chunk in self._chunks())
        n_made = 0
        for block in run_chain(scaled, effects, self._rate):
            meter.add(block)
            self._kept.add(block)
            n_made += block.shape[1]
            self._progress(0.15 + 0.65 * min(1.0, n_made / self._n_before))
        wanted = self._options.loudness_lufs
        self._target = self._before if wanted is None else wanted
        target = None if self._before is None else self._target
        levels = meter.finish()
        self._plan = plan_levels(levels, target, self._options.ceiling_db)
        # A tail ends where it cannot be heard any more; the sound itself is never cut.
        audible = np.flatnonzero(levels.peaks * self._plan.gains > _INAUDIBLE)
        last = 64 * (int(audible[-1]) + 1) if len(audible) else 0
        self._n_after = max(self._n_before, min(n_made, last))
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
        options, peak, after = self._options, self._peak.true_peak, self._loudness.lufs
        return ProductionReport(
            style=options.chosen.name,
            strength=options.strength,
            seed=options.seed,
            effects=tuple(options.record()),
            sample_rate=self._rate,
            n_samples=self._n_after,
            n_samples_before=self._n_before,
            loudness_before=self._before,
            loudness_after=after if math.isfinite(after) else None,
            loudness_target=self._target,
            true_peak_after_db=to_db(peak) if peak else None,
            limiting_db=self._plan.limiting_db,
            limited_by=self._plan.limited_by,
        )


class _Kept:
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
