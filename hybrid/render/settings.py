"""How a score is to be played, and the record of how it was."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

from hybrid.core.errors import ConfigError
from hybrid.render.events import Programs
from hybrid.render.fluid import MAX_RATE, MIN_RATE
from hybrid.render.soundfonts import SoundFont

PLAYERS = ("auto", "fluidsynth", "symusic")


@dataclass(frozen=True)
class RenderOptions:
    """How a score is played.

    Attributes
    ----------
    soundfont : str, path, SoundFont or None
        Name or file; None is TimGM6mb from pretty_midi, the same everywhere.
    sample_rate : int
        Hertz, 8000..96000, FluidSynth's range.
    loudness : float or None
        Integrated loudness of the mix in LUFS, -70..0; None leaves it as played.
    ceiling_db : float
        True peak that the mix must not exceed, dB relative to full scale, -60..0.
    gain : float
        FluidSynth's own gain before all that, 0..10.
    programs : mapping or None
        Instrument map: track name or number to program or instrument name.
    reverb, chorus : bool
        FluidSynth's own effects. Off: a plain, dry sound.
    tail_seconds : float
        Most that may sound after the score's end, 0..600; it ends sooner in silence.
    player : str
        One of `PLAYERS`; ``auto`` is FluidSynth, or symusic where its library is missing.

    Raises
    ------
    ConfigError
        If a value is out of its range.
    """

    soundfont: str | os.PathLike[str] | SoundFont | None = None
    sample_rate: int = 44100
    loudness: float | None = -16.0
    ceiling_db: float = -1.0
    gain: float = 0.2
    programs: Programs | None = None
    reverb: bool = False
    chorus: bool = False
    tail_seconds: float = 30.0
    player: str = "auto"

    def __post_init__(self) -> None:
        ranges: dict[str, tuple[float, float]] = {
            "sample_rate": (MIN_RATE, MAX_RATE),
            "loudness": (-70.0, 0.0),
            "ceiling_db": (-60.0, 0.0),
            "gain": (0.0, 10.0),
            "tail_seconds": (0.0, 600.0),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ConfigError(f"{name} must be in {low:g}..{high:g}, got {value!r}")
        if self.sample_rate != int(self.sample_rate):
            raise ConfigError(f"sample_rate must be a whole number, got {self.sample_rate!r}")
        if self.player not in PLAYERS:
            raise ConfigError(f"player must be one of {', '.join(PLAYERS)}, got {self.player!r}")


@dataclass(frozen=True)
class RenderReport:
    """What was played with what, and what was done to its level.

    Attributes
    ----------
    soundfont, soundfont_sha256, soundfont_licence : str
    player, player_version : str
    sample_rate, n_samples : int
    loudness_before, loudness_after : float or None
        LUFS; None for silence.
    loudness_target : float or None
    true_peak_before_db, true_peak_after_db : float or None
        dB relative to full scale, four times oversampled; None for silence.
    gain_db : float
        Applied to the mix and to every stem.
    limited_by : str
        ``loudness``: the target was reached; ``peak``: the ceiling kept it quieter; or
        ``nothing``: no target, or silence.
    max_voices : int
        Most voices at once.
    notices : tuple of str
        What was not played as written, one sentence each.
    """

    soundfont: str
    soundfont_sha256: str
    soundfont_licence: str
    player: str
    player_version: str
    sample_rate: int
    n_samples: int
    loudness_before: float | None
    loudness_after: float | None
    loudness_target: float | None
    true_peak_before_db: float | None
    true_peak_after_db: float | None
    gain_db: float
    limited_by: str
    max_voices: int
    notices: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return self.n_samples / self.sample_rate

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; levels with three decimals."""
        values = asdict(self)
        values["notices"] = list(self.notices)
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in values.items()
        }
