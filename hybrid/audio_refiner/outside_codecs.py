"""Codecs of other makers, plugged in: the Descript Audio Codec and EnCodec.

Both are optional (``pip install hybrid-composer[dac]``, ``[encodec]``) and come without weights:
name a file that their makers publish. Nothing is downloaded. Both models are mono; left and
right are coded by themselves, their books in turn: left 1, right 1, left 2, right 2, ...

References
----------
Kumar, R. et al. (2023). High-fidelity audio compression with improved RVQGAN. NeurIPS.
arXiv:2306.06546. (DAC)
Défossez, A., Copet, J., Synnaeve, G., & Adi, Y. (2023). High fidelity neural audio compression.
Transactions on Machine Learning Research. arXiv:2210.13438. (EnCodec)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hybrid.audio_refiner.effects import Samples
from hybrid.audio_refiner.frame_stream import frame_rows, wave_of_rows, windows
from hybrid.core.errors import ConfigError
from hybrid.core.provenance import sha256_of

#: Frames worked on at a time: 6 s of DAC, 7 s of EnCodec.
CHUNK = 512
#: Kilobits a second of each side that EnCodec is asked for: 8 books of its 32.
ENCODEC_KBPS = 6.0
# Frames that DAC's convolutions see on either side: its encoder 3400 samples, its decoder fewer
# than 10 frames.
_DAC_MARGIN = 16
# EnCodec is causal, but its LSTM remembers without end: 2 s before a chunk are heard again.
_ENCODEC_BEFORE = 150


@dataclass(frozen=True, eq=False)
class MonoModel:
    """A mono model as `ChannelPair` needs it.

    Attributes
    ----------
    kind, digest, sample_rate, frame, n_entries
        As in `hybrid.audio_refiner.sound_codec.SoundCodec`.
    n_books : int
        Of one channel.
    before, after : int
        Frames that a frame depends on.
    encode : callable
        (B, 1, N), N a multiple of ``frame``, to codes (B, K, N / frame).
    decode : callable
        Codes (B, k, T) to (B, 1, T frame).
    """

    kind: str
    digest: str
    sample_rate: int
    frame: int
    n_books: int
    n_entries: int
    before: int
    after: int
    encode: Callable[[Tensor], Tensor]
    decode: Callable[[Tensor], Tensor]


class ChannelPair:
    """A mono model on left and right; see `hybrid.audio_refiner.sound_codec.SoundCodec`."""

    def __init__(self, model: MonoModel) -> None:
        self._model = model
        self.kind, self.digest = model.kind, model.digest
        self.sample_rate, self.frame = model.sample_rate, model.frame
        self.n_books, self.n_entries = 2 * model.n_books, model.n_entries

    def encode(self, chunks: Iterable[Samples]) -> Iterator[NDArray[np.int64]]:
        model = self._model
        for window in windows(frame_rows(chunks, self.frame), CHUNK, model.before, model.after):
            wave = wave_of_rows(window.rows[0])[:, None]  # (2, 1, N)
            with torch.inference_mode():
                codes = model.encode(wave).permute(2, 1, 0)  # (T, K, 2)
            yield window.inner(codes).flatten(1).to(torch.int64).numpy()

    def decode(self, codes: NDArray[np.int64]) -> Iterator[Samples]:
        """See the protocol.

        Raises
        ------
        ConfigError
            If left and right do not have as many books each.
        """
        model = self._model
        if codes.shape[1] % 2:
            raise ConfigError(
                f"books of {self.kind} come in pairs, left and right: there must be an even "
                f"number, got {codes.shape[1]}"
            )
        rows = ((torch.from_numpy(codes[at : at + CHUNK]),) for at in range(0, len(codes), CHUNK))
        for window in windows(rows, CHUNK, model.before, model.after):
            given = window.rows[0]
            pairs = given.reshape(len(given), -1, 2).permute(2, 1, 0)  # (2, k, T)
            with torch.inference_mode():
                wave = model.decode(pairs)[:, 0]
            first = window.before * self.frame
            yield wave[:, first : first + window.count * self.frame].numpy()


def _needs(kind: str, package: str, error: ImportError) -> ConfigError:
    return ConfigError(
        f"codec {kind} needs the package {package} (pip install 'hybrid-composer[{kind}]'): {error}"
    )


def _read(kind: str, path: Path | None) -> tuple[Any, str]:
    """What a file of a maker's weights holds; nothing in it is executed."""
    if path is None:
        raise ConfigError(f"codec {kind} comes without weights: name its makers' file (--weights)")
    try:
        digest = sha256_of(path)
        return torch.load(path, map_location="cpu", weights_only=True), digest
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from None
    except (UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{path} must hold weights of {kind}: {reason}") from None


def load_dac(path: Path | None) -> ChannelPair:
    """The Descript Audio Codec with the weights of a file, such as ``weights_44khz_8kbps.pth``.

    Raises
    ------
    ConfigError
        If the package is not installed, or the file holds no such weights.
    """
    try:
        from dac import DAC
    except ImportError as error:
        raise _needs("dac", "descript-audio-codec", error) from None
    held, digest = _read("dac", path)
    try:
        model = DAC(**held["metadata"]["kwargs"])
        model.load_state_dict(held["state_dict"])
    except (KeyError, TypeError, RuntimeError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{path} must hold weights of dac: {reason}") from None
    return ChannelPair(dac_model(model, digest))


def dac_model(model: Any, digest: str) -> MonoModel:
    """A `dac.DAC` as a `MonoModel`."""
    model = model.eval()

    def decode(codes: Tensor) -> Tensor:
        wave: Tensor = model.decode(model.quantizer.from_codes(codes)[0])
        return wave

    return MonoModel(
        kind="dac",
        digest=digest,
        sample_rate=int(model.sample_rate),
        frame=int(model.hop_length),
        n_books=int(model.n_codebooks),
        n_entries=int(model.codebook_size),
        before=_DAC_MARGIN,
        after=_DAC_MARGIN,
        encode=lambda wave: model.encode(wave)[1],
        decode=decode,
    )


def load_encodec(path: Path | None) -> ChannelPair:
    """EnCodec's causal model of 24 kHz with the weights of a file, ``encodec_24khz-*.th``.

    The model of 48 kHz scales every second of sound by a number of its own, for which a token
    file has no place.

    Raises
    ------
    ConfigError
        If the package is not installed, or the file holds no such weights.
    """
    try:
        from encodec import EncodecModel
    except ImportError as error:
        raise _needs("encodec", "encodec", error) from None
    held, digest = _read("encodec", path)
    model = EncodecModel.encodec_model_24khz(pretrained=False)
    try:
        model.load_state_dict(held)
    except (TypeError, RuntimeError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{path} must hold weights of encodec: {reason}") from None
    return ChannelPair(encodec_model(model, digest))


def encodec_model(model: Any, digest: str) -> MonoModel:
    """An `encodec.EncodecModel` of 24 kHz as a `MonoModel`."""
    model = model.eval()
    model.set_target_bandwidth(ENCODEC_KBPS)
    frame = int(model.encoder.hop_length)
    a_book = model.sample_rate / frame * model.bits_per_codebook / 1000

    def encode(wave: Tensor) -> Tensor:
        ((codes, _),) = model.encode(wave)
        found: Tensor = codes
        return found

    def decode(codes: Tensor) -> Tensor:
        wave: Tensor = model.decode([(codes, None)])
        return wave[..., : codes.shape[-1] * frame]

    return MonoModel(
        kind="encodec",
        digest=digest,
        sample_rate=int(model.sample_rate),
        frame=frame,
        n_books=int(ENCODEC_KBPS // a_book),
        n_entries=int(model.quantizer.bins),
        before=_ENCODEC_BEFORE,
        after=0,
        encode=encode,
        decode=decode,
    )
