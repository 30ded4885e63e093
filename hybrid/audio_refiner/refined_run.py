"""Sound refined by the networks, from any sound to any length, in bounded memory.

The sound comes in blocks; each stage (rate, encoder, network, decoder, rate)
keeps the few frames that its neighbours need. Levels and files are those of
`hybrid.audio_refiner.production_passes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hybrid.audio_refiner.audio_sets import N_ROLL, roll_features
from hybrid.audio_refiner.codec import SAMPLE_RATE, Codec
from hybrid.audio_refiner.codec_stream import CHUNK, latent_rows
from hybrid.audio_refiner.codec_weights import load_codec
from hybrid.audio_refiner.effects import BLOCK, Samples
from hybrid.audio_refiner.frame_stream import Rows, frame_rows, wave_of_rows, windows
from hybrid.audio_refiner.refiner_model import Refiner
from hybrid.audio_refiner.refiner_weights import load_refiner
from hybrid.audio_refiner.refining import Sampling, TokenFiller
from hybrid.audio_refiner.resampling import resampled
from hybrid.audio_refiner.shipped import CODEC_FILE, REFINER_FILE, weights_file
from hybrid.core.errors import ConfigError
from hybrid.core.seeds import stage_rng

#: What the room may sound on after the input's end; excerpts of training have 2 s of it at most.
TAIL_SECONDS = 3.0
# The last part of the tail is faded: a network's silence is not quite silent.
_FADE_SECONDS = 1.5


@dataclass(frozen=True, eq=False)
class RefinerModels:
    """Codec and refiner that belong together.

    Attributes
    ----------
    codec, refiner
        In evaluation mode.
    styles : tuple of str
        That the refiner knows, in its order.
    digests : dict of str to str
        SHA-256 of both files.
    """

    codec: Codec
    refiner: Refiner
    styles: tuple[str, ...]
    digests: dict[str, str]

    def style_index(self, name: str) -> int:
        """Number of a style.

        Raises
        ------
        ConfigError
            If the refiner does not know it.
        """
        if name not in self.styles:
            raise ConfigError(
                f"production by a network must be one of {', '.join(self.styles)}, got {name!r}"
            )
        return self.styles.index(name)


def load_models(folder: Path | None = None) -> RefinerModels:
    """Codec and refiner of a folder, or those that ship.

    Raises
    ------
    ConfigError
        If weights are missing, or the refiner was trained with another codec.
    """
    codec, codec_digest = load_codec(weights_file(CODEC_FILE, folder))
    path = weights_file(REFINER_FILE, folder)
    refiner, notes, digest = load_refiner(path)
    if notes.get("codec") != codec_digest:
        raise ConfigError(
            f"{path} must be of the codec beside it, {codec_digest[:12]}, got one of "
            f"{str(notes.get('codec'))[:12]}"
        )
    if refiner.config.n_roll != N_ROLL:
        raise ConfigError(f"{path} must read {N_ROLL} rows of a roll, got {refiner.config.n_roll}")
    styles = tuple(map(str, notes.get("styles", ())))
    if len(styles) != refiner.config.n_styles:
        raise ConfigError(
            f"{path} must name its {refiner.config.n_styles} styles, got {len(styles)}"
        )
    return RefinerModels(codec, refiner, styles, {"codec": codec_digest, "refiner": digest})


class NetworkProducer:
    """The refiner as `hybrid.audio_refiner.production_passes.Passes` wants it.

    At a strength s under 1 the decoder gets the values of the dry sound moved by s towards those
    of the refiner, and of what the codec loses of the dry sound 1 - s is added: at 0 the
    result is the input itself, at 1 what the refiner says, in between one sound and not two
    that are played at once.

    Parameters
    ----------
    models : RefinerModels
    notes : np.ndarray, `hybrid.audio_refiner.roll.ROLL_DTYPE`
        What the sound plays.
    mode : str
        ``tokens``; or ``values``, one pass that says the decoder's values and no tokens, which only
        the benchmark compares.
    style : str
    strength : float
        0..1.
    seed : int
    loudness_lufs : float or None
    sampling : Sampling
        Of mode ``tokens``.
    """

    working_lufs = -16.0  # that of the training's renders, and of what `compose` plays
    working_peak_db: float | None = -1.0  # as there
    ceiling_db = -1.0

    def __init__(
        self,
        models: RefinerModels,
        notes: NDArray[Any],
        *,
        mode: str = "tokens",
        style: str,
        strength: float = 1.0,
        seed: int = 1,
        loudness_lufs: float | None = None,
        sampling: Sampling | None = None,
    ) -> None:
        self._models, self._notes, self._mode = models, notes, mode
        self._style, self._strength, self._seed = style, strength, seed
        self._number = models.style_index(style)
        self._sampling = sampling or Sampling()
        self.loudness_lufs = loudness_lufs

    def record(self) -> dict[str, Any]:
        return {
            "style": self._style,
            "strength": self._strength,
            "seed": self._seed,
            "effects": (),
            "mode": self._mode,
            "sampling": asdict(self._sampling) if self._mode == "tokens" else {},
            "weights": dict(self._models.digests),
        }

    def process(self, chunks: Iterator[Samples], sample_rate: int) -> Iterator[Samples]:
        tail, fade = (round(each * sample_rate) for each in (TAIL_SECONDS, _FADE_SECONDS))
        n_read = 0

        def heard() -> Iterator[Samples]:
            nonlocal n_read
            for chunk in chunks:
                n_read += chunk.shape[1]
                yield chunk
            for first in range(0, tail, BLOCK):
                yield np.zeros((2, min(BLOCK, tail - first)), np.float32)

        dry = resampled(heard(), sample_rate, SAMPLE_RATE)
        at = 0
        for block in resampled(self._refined(dry), SAMPLE_RATE, sample_rate):
            # Where the end is, is known as soon as anything after it has been asked for.
            end = n_read + tail
            made = block[:, : end - at]
            places = at + np.arange(made.shape[1])
            if len(places) and places[-1] >= end - fade:
                share = np.clip((end - places) / fade, 0.0, 1.0)
                made = made * (0.5 - 0.5 * np.cos(np.pi * share)).astype(np.float32)
            at += made.shape[1]
            yield made

    def _refined(self, chunks: Iterator[Samples]) -> Iterator[Samples]:
        codec, strength = self._models.codec, self._strength
        margin, frame = codec.config.margin, codec.config.frame
        rows = latent_rows(codec, frame_rows(chunks, frame))
        for window in windows(self._values(rows), CHUNK, margin, margin):
            made, dry, wave = window.rows
            first = window.first - window.before
            with torch.inference_mode():
                if strength == 1:
                    found = codec.sound(made[None], first)[0]
                else:
                    both = torch.stack([dry + strength * (made - dry), dry])
                    mixed, again = codec.sound(both, first)
                    found = mixed + (1 - strength) * (wave_of_rows(wave) - again)
            sound = found[:, window.before * frame : (window.before + window.count) * frame]
            yield sound.numpy()

    def _values(self, rows: Iterator[Rows]) -> Iterator[Rows]:
        """Values that the decoder should get, those of the dry sound, and the dry sound."""
        refiner, codec = self._models.refiner, self._models.codec
        if self._mode == "values":
            reach = refiner.config.window * refiner.config.n_layers
            style = torch.tensor([self._number])
            for window in windows(rows, CHUNK, reach, reach):
                dry, wave = window.rows
                roll = self._roll(window.first - window.before, len(dry))
                with torch.inference_mode():
                    made = refiner.map(dry[None], roll[None], style)[0]
                yield window.inner(made), window.inner(dry), window.inner(wave)
            return
        sampling = self._sampling
        rng = stage_rng(self._seed, "refine", self._style)
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        filler = TokenFiller(refiner, codec, self._number, sampling, generator)
        for window in windows(rows, sampling.chunk, sampling.context, sampling.context):
            dry, wave = window.rows
            roll = self._roll(window.first - window.before, len(dry))
            codes = filler.fill(dry, roll, window.before, window.count)
            with torch.inference_mode():
                made = codec.quantiser.decode(codes[None])[0]
            yield made, window.inner(dry), window.inner(wave)

    def _roll(self, first: int, count: int) -> torch.Tensor:
        frame = self._models.codec.config.frame
        return torch.from_numpy(roll_features(self._notes, count, first, hop=frame))
