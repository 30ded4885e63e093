"""Sound through a production chain, in memory or from file to file, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hybrid.audio_refiner.effects import Samples, run_chain
from hybrid.audio_refiner.production import WORKING_LUFS, ProductionOptions
from hybrid.audio_refiner.production_passes import ProductionReport, pass_audio, pass_file
from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError

Progress = Callable[[float], None]


class ChainProducer:
    """The chain of a style's effects, as `Passes` wants it."""

    working_lufs = WORKING_LUFS
    working_peak_db: float | None = None

    def __init__(self, options: ProductionOptions) -> None:
        self._options = options
        self.loudness_lufs, self.ceiling_db = options.loudness_lufs, options.ceiling_db

    def process(self, chunks: Iterator[Samples], sample_rate: int) -> Iterator[Samples]:
        return run_chain(chunks, self._options.chain(sample_rate), sample_rate)

    def record(self) -> dict[str, Any]:
        options = self._options
        return {
            "style": options.chosen.name,
            "strength": options.strength,
            "seed": options.seed,
            "effects": tuple(options.record()),
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
    >>> import numpy as np
    >>> click = np.zeros((1, 44100), dtype=np.float32)
    >>> click[0, 100] = 0.5
    >>> made, report = produce(Audio(click, 44100), style="dry-studio", seed=3)
    >>> int(np.abs(made.samples[0]).argmax()), made.n_channels
    (100, 2)
    """
    return pass_audio(audio, ChainProducer(_options(options, changes)))


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
    return pass_file(Path(source), Path(target), ChainProducer(chosen), subtype, progress)


def _options(options: ProductionOptions | None, changes: dict[str, Any]) -> ProductionOptions:
    if options is not None and changes:
        raise ConfigError("give either options or fields of them, got both")
    return options or ProductionOptions(**changes)
