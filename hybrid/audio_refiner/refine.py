"""Sound refined in one of three ways behind one door: effects, mapper or tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from hybrid.audio_refiner.production import ProductionOptions
from hybrid.audio_refiner.production_passes import Producer, ProductionReport, pass_file
from hybrid.audio_refiner.production_run import ChainProducer
from hybrid.audio_refiner.shipped import (
    DEFAULT_PRODUCTION,
    MAPPER_FILE,
    MODES,
    WEIGHTS_OF,
    default_mode,
    weights_file,
)
from hybrid.audio_refiner.sound_file import look
from hybrid.core.errors import ConfigError, FormatError
from hybrid.core.seeds import check_seed

if TYPE_CHECKING:
    from hybrid.audio_refiner.mapper_model import Mapper
    from hybrid.audio_refiner.refined_run import RefinerModels
    from hybrid.audio_refiner.refining import Sampling

#: Seconds by which the last note may end after the sound does.
MAX_MISSING_SECONDS = 1.0
#: Seconds by which the sound may be longer than its notes: the longest tail of `hybrid render`.
MAX_TAIL_SECONDS = 31.0

Progress = Callable[[float], None]


@dataclass(frozen=True)
class RefineOptions:
    """How sound is refined.

    Attributes
    ----------
    production : str or Path
        Style, by name, or a TOML file; mode ``tokens`` knows those alone that it was trained on.
    mode : str or None
        One of `MODES`; None is `default_mode`.
    strength : float
        0..1. How far each effect and the mapper's gains go; of tokens: `NetworkProducer`. 0 leaves
        the sound as it is, but for its level.
    seed : int
    loudness_lufs : float or None
        Loudness of the result, -70..0; None is that of the input.
    guidance, temperature, passes : optional
        Of mode ``tokens`` (`hybrid.audio_refiner.refining.Sampling`): 0..10, 0..4, 1..64.
    weights : Path or None
        Folder of the mode's weights (`hybrid.audio_refiner.shipped.WEIGHTS_OF`); those that ship
        where left out.

    Raises
    ------
    ConfigError
        If a value is out of its range or is of another mode, or a network's weights are not there.
    """

    production: str | Path = DEFAULT_PRODUCTION
    mode: str | None = None
    strength: float = 1.0
    seed: int = 1
    loudness_lufs: float | None = None
    guidance: float | None = None
    temperature: float | None = None
    passes: int | None = None
    weights: Path | None = None

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.mode is None:
            object.__setattr__(self, "mode", default_mode())
        if self.mode not in MODES:
            raise ConfigError(f"mode must be one of {', '.join(MODES)}, got {self.mode!r}")
        for name, low, high in (("guidance", 0, 10), ("temperature", 0, 4), ("passes", 1, 64)):
            value = getattr(self, name)
            if value is None:
                continue
            if self.mode != "tokens":
                raise ConfigError(f"{name} is of mode tokens alone, got mode {self.mode}")
            if not low <= value <= high:
                raise ConfigError(f"{name} must be in {low}..{high}, got {value}")
        if self.weights is not None and not WEIGHTS_OF[self.mode]:
            raise ConfigError("weights are of the modes mapper and tokens, got mode effects")
        # Before a piece is composed, not after it.
        for name in WEIGHTS_OF[self.mode]:
            weights_file(name, self.weights)
        self.chain()  # checks style, strength and loudness, which all modes have

    @property
    def needs_notes(self) -> bool:
        """Whether what is played must be known."""
        return self.mode != "effects"

    def chain(self) -> ProductionOptions:
        """The same as options of the chain of effects."""
        return ProductionOptions(
            style=self.production,
            strength=self.strength,
            seed=self.seed,
            loudness_lufs=self.loudness_lufs,
        )

    def sampling(self) -> Sampling:
        """How tokens are drawn."""
        from hybrid.audio_refiner.refining import Sampling

        given = {name: getattr(self, name) for name in ("guidance", "temperature", "passes")}
        return Sampling(**{name: value for name, value in given.items() if value is not None})


class SoundRefiner:
    """Refines files, one after another, with weights that are read once.

    Raises
    ------
    ConfigError
        If weights are missing or do not know the style.
    """

    def __init__(self, options: RefineOptions) -> None:
        self.options = options
        self._models: RefinerModels | None = None
        self._mapper: tuple[Mapper, str] | None = None
        if options.mode == "mapper":
            from hybrid.audio_refiner.mapper_weights import load_mapper

            mapper, _, digest = load_mapper(weights_file(MAPPER_FILE, options.weights))
            self._mapper = mapper, digest
        elif options.mode == "tokens":
            from hybrid.audio_refiner.refined_run import load_models

            self._models = load_models(options.weights)
            self._models.style_index(str(options.production))

    def refine(
        self,
        source: Path,
        target: Path,
        notes: NDArray[Any] | None = None,
        *,
        subtype: str | None = None,
        progress: Progress | None = None,
    ) -> ProductionReport:
        """Refine a file into another one, which appears whole or not at all.

        Parameters
        ----------
        source, target : Path
            As in `hybrid.audio_refiner.production_run.produce_file`.
        notes : np.ndarray, `hybrid.audio_refiner.roll.ROLL_DTYPE`, optional
            What the source plays; the networks need it.

        Raises
        ------
        ConfigError, FormatError
            If the source is no sound, or notes are wanting.
        """
        if self.options.needs_notes and notes is None:
            raise ConfigError(
                f"mode {self.options.mode} must know what is played: name the MIDI file that "
                f"{source} was rendered from (--midi)"
            )
        return pass_file(source, target, self._producer(notes), subtype, progress)

    def _producer(self, notes: NDArray[Any] | None) -> Producer:
        options = self.options
        if notes is None or not options.needs_notes:
            return ChainProducer(options.chain())
        if self._mapper is not None:
            from hybrid.audio_refiner.mapper_run import MapperProducer

            return MapperProducer(*self._mapper, notes, options.chain())
        from hybrid.audio_refiner.refined_run import NetworkProducer

        assert self._models is not None  # of the mode that is left
        return NetworkProducer(
            self._models,
            notes,
            style=str(options.production),
            strength=options.strength,
            seed=options.seed,
            loudness_lufs=options.loudness_lufs,
            sampling=options.sampling(),
        )


def check_fit(notes: NDArray[Any], source: Path) -> None:
    """Refuse notes that cannot be those of a sound file, because of their length.

    Raises
    ------
    FormatError
        If the last note ends more than `MAX_MISSING_SECONDS` after the sound, or more than
        `MAX_TAIL_SECONDS` before its end.

    Notes
    -----
    Lengths only: notes of another piece of the same length are not found out.
    """
    seconds = look(source).seconds
    end = float(notes["end"].max()) / 1000 if len(notes) else 0.0
    if end > seconds + MAX_MISSING_SECONDS or seconds > end + MAX_TAIL_SECONDS:
        raise FormatError(
            f"{source}: the MIDI file must be the sound's own, its last note ending at most "
            f"{MAX_MISSING_SECONDS:g} s after and {MAX_TAIL_SECONDS:g} s before the sound, got "
            f"{end:.1f} s of notes and {seconds:.1f} s of sound"
        )


def notes_of_file(path: Path) -> NDArray[Any]:
    """Notes of a MIDI file, `hybrid.audio_refiner.roll.ROLL_DTYPE`.

    Raises
    ------
    FormatError
        If it is no MIDI file.
    """
    from hybrid.audio_refiner.roll import notes_of_score
    from hybrid.io.midi import read_midi

    return notes_of_score(read_midi(path).score)
