"""The codec: stereo sound at 44.1 kHz to twelve tokens a frame and back.

Middle and side go as short complex spectra, their sizes pressed by a power, through
ConvNeXt blocks at the rate of the spectra (172 Hz) and at that of the tokens (43 Hz); nothing
runs at the rate of the samples. The decoder writes complex spectra, and how much noise goes
with them; the inverse transform makes sound of both. All layers see a bounded stretch of time,
so that sound of any length goes through in chunks with the same result as in one piece.

References
----------
Zeghidour, N. et al. (2021). SoundStream: an end-to-end neural audio codec. IEEE/ACM TASLP, 30.
Siuzdak, H. (2024). Vocos: closing the gap between time-domain and Fourier-based neural
vocoders. ICLR. arXiv:2306.00814.
Serra, X., & Smith, J. (1990). Spectral modeling synthesis. Computer Music Journal, 14(4). (what has
no phase that can be told is noise of the right size)
Liu, Z. et al. (2022). A ConvNet for the 2020s. CVPR. arXiv:2201.03545.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from hybrid.audio_refiner.frames import HOP, MARGIN, N_BINS, spectra, wave_of
from hybrid.audio_refiner.quantiser import Quantised, ResidualQuantiser
from hybrid.core.errors import ConfigError

SAMPLE_RATE = 44100
N_CHANNELS = 2
#: Numbers of a spectrum: real and imaginary parts of middle and side.
N_PARTS = 2 * N_CHANNELS * N_BINS
#: Spectra after which the noise repeats: six seconds.
_NOISE_PERIOD = 1021


@dataclass(frozen=True)
class CodecConfig:
    """Sizes of a codec.

    Attributes
    ----------
    outer, inner : int
        Width at the rate of the spectra, and at that of the tokens.
    outer_blocks, inner_blocks : int
        ConvNeXt blocks on each side (encoder, decoder).
    stride : int
        Spectra in a frame of tokens; a frame is ``256 * stride`` samples.
    kernel : int
        Frames a block looks at; odd.
    expansion : int
        Hidden width of a block over its width.
    n_books, n_entries, code_size : int
    power : float
        Sizes of the spectra are raised to this power.
    noise : bool
        Whether the decoder says also how much noise each bin gets. Phases of high bins cannot be
        told in so few bits; written out all the same they buzz at the rate of the spectra.
    """

    outer: int = 160
    inner: int = 272
    outer_blocks: int = 1
    inner_blocks: int = 2
    stride: int = 4
    kernel: int = 7
    expansion: int = 4
    n_books: int = 12
    n_entries: int = 1024
    code_size: int = 8
    power: float = 0.4
    noise: bool = True

    @property
    def frame(self) -> int:
        """Samples in a frame of tokens."""
        return HOP * self.stride

    @property
    def margin(self) -> int:
        """Frames of tokens at the edge of a chunk that depend on what lies beyond."""
        reach = (self.kernel - 1) // 2
        inner = self.inner_blocks * reach
        outer = math.ceil(self.outer_blocks * reach / self.stride)
        return inner + outer + math.ceil(MARGIN / self.frame)

    @property
    def kbps(self) -> float:
        """Kilobits a second, before any packing."""
        return SAMPLE_RATE / self.frame * self.n_books * math.log2(self.n_entries) / 1000

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> CodecConfig:
        """The configuration of plain values.

        Raises
        ------
        ConfigError
            If a name is unknown.
        """
        known = {field.name for field in fields(cls)}
        for name in values:
            if name not in known:
                raise ConfigError(f"a codec's setting must be one of {sorted(known)}, got {name!r}")
        return cls(**values)


class Block(nn.Module):
    """A ConvNeXt block over time: (B, T, D) to the same."""

    def __init__(self, size: int, kernel: int, expansion: int) -> None:
        super().__init__()
        self.along = nn.Conv1d(size, size, kernel, padding=kernel // 2, groups=size)
        self.norm = nn.LayerNorm(size)
        self.up = nn.Linear(size, expansion * size)
        self.down = nn.Linear(expansion * size, size)
        self.scale = nn.Parameter(torch.full((size,), 0.1))

    def forward(self, values: Tensor) -> Tensor:
        moved = self.along(values.transpose(1, 2)).transpose(1, 2)
        change: Tensor = self.down(nn.functional.gelu(self.up(self.norm(moved))))
        return values + self.scale * change


class Encoder(nn.Module):
    """Spectra as numbers (B, T stride, bins) to values (B, T, inner)."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.stride = config.stride
        self.enter = nn.Linear(2 * N_CHANNELS * N_BINS, config.outer)
        self.outer = nn.Sequential(*_blocks(config, config.outer, config.outer_blocks))
        self.join = nn.Linear(config.stride * config.outer, config.inner)
        self.inner = nn.Sequential(*_blocks(config, config.inner, config.inner_blocks))
        self.norm = nn.LayerNorm(config.inner)

    def forward(self, numbers: Tensor) -> Tensor:
        values = self.outer(self.enter(numbers))
        batch, n_frames, size = values.shape
        joined = self.join(values.reshape(batch, n_frames // self.stride, self.stride * size))
        result: Tensor = self.norm(self.inner(joined))
        return result


class Decoder(nn.Module):
    """Values (B, T, inner) to spectra as numbers (B, T stride, parts), noise at the end."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.stride = config.stride
        self.inner = nn.Sequential(*_blocks(config, config.inner, config.inner_blocks))
        self.part = nn.Linear(config.inner, config.stride * config.outer)
        self.outer = nn.Sequential(*_blocks(config, config.outer, config.outer_blocks))
        self.norm = nn.LayerNorm(config.outer)
        self.leave = nn.Linear(config.outer, N_PARTS)
        self.noise = nn.Linear(config.outer, N_CHANNELS * N_BINS) if config.noise else None
        if self.noise is not None:
            nn.init.zeros_(self.noise.weight)
            nn.init.constant_(self.noise.bias, -2.0)  # some 45 dB below a bin's usual size

    def forward(self, values: Tensor) -> Tensor:
        parted = self.part(self.inner(values))
        batch, n_frames, size = parted.shape
        values = parted.reshape(batch, n_frames * self.stride, size // self.stride)
        state = self.norm(self.outer(values))
        result: Tensor = self.leave(state)
        if self.noise is None:
            return result
        return torch.cat([result, nn.functional.softplus(self.noise(state))], -1)


@lru_cache(maxsize=4)
def _noise(device: torch.device) -> Tensor:
    """Noise of unit power, complex (2, period, bins): always the same, so that sound is."""
    generator = torch.Generator().manual_seed(0)
    shape = (N_CHANNELS, _NOISE_PERIOD, N_BINS)
    return torch.randn(shape, dtype=torch.complex64, generator=generator).to(device)


def _blocks(config: CodecConfig, size: int, count: int) -> Iterator[Block]:
    return (Block(size, config.kernel, config.expansion) for _ in range(count))


class Codec(nn.Module):
    """Encoder, residual quantiser, decoder.

    `encode` and `decode` take sound of any length in bounded memory; `forward` is for
    training.
    """

    level: Tensor

    def __init__(self, config: CodecConfig | None = None) -> None:
        super().__init__()
        self.config = config or CodecConfig()
        self.encoder = Encoder(self.config)
        self.quantiser = ResidualQuantiser(
            self.config.inner, self.config.n_books, self.config.n_entries, self.config.code_size
        )
        self.decoder = Decoder(self.config)
        # What the pressed spectra are divided by, so that every bin counts alike.
        self.register_buffer("level", torch.ones(N_CHANNELS, N_BINS))

    def pressed(self, wave: Tensor) -> Tensor:
        """Pressed spectra of left and right: (B, 2, N) to complex (B, 2, T stride, bins)."""
        left, right = wave.unbind(1)
        found = spectra(torch.stack([(left + right) / 2, (left - right) / 2], 1))
        size = found.abs().clamp(min=1e-7)
        return found * size ** (self.config.power - 1)

    def numbers(self, wave: Tensor) -> Tensor:
        """What the encoder reads: (B, 2, N) to (B, T stride, 2 * 2 * bins)."""
        even = self.pressed(wave) / self.level[:, None]
        parts = torch.view_as_real(even)  # (B, 2, T, bins, 2)
        return parts.permute(0, 2, 1, 4, 3).flatten(2)

    def wave(self, numbers: Tensor, first: int = 0) -> Tensor:
        """Sound of what the decoder writes: (B, T stride, parts) to (B, 2, N).

        ``first`` numbers the first spectrum, so that pieces get the noise of the whole.
        """
        batch, n_frames, _ = numbers.shape
        numbers = numbers.float()
        parts = numbers[..., :N_PARTS].reshape(batch, n_frames, N_CHANNELS, 2, N_BINS)
        real, imaginary = (parts.permute(0, 2, 1, 4, 3) * self.level[:, None, :, None]).unbind(-1)
        power = 1 / self.config.power
        size = (real.square() + imaginary.square() + 1e-12).sqrt() ** (power - 1)
        found = torch.complex(real * size, imaginary * size)
        if numbers.shape[-1] > N_PARTS:
            loud = numbers[..., N_PARTS:].reshape(batch, n_frames, N_CHANNELS, N_BINS)
            loud = (loud.transpose(1, 2) * self.level[:, None]) ** power
            at = (first + torch.arange(n_frames, device=numbers.device)) % _NOISE_PERIOD
            found = found + loud * _noise(numbers.device)[:, at]
        middle, side = wave_of(found).unbind(1)
        return torch.stack([middle + side, middle - side], 1)

    def sound(self, values: Tensor, first: int = 0) -> Tensor:
        """Sound of values: (B, T, inner) to (B, 2, N); ``first`` numbers the first frame."""
        return self.wave(self.decoder(values), first * self.config.stride)

    def apart(self, found: Tensor, wanted: Tensor) -> Tensor:
        """Relative error of pressed complex spectra, 0 if alike, as numbers of `numbers`.

        Noise that the decoder asks for is left out: its phases are not meant.

        Braun, S., & Tashev, I. (2021). A consolidated view of loss functions for supervised deep
        learning-based speech enhancement. TSP. (power-law compressed complex spectra)
        """
        level = self.level.repeat_interleave(2, 0).flatten()  # as `numbers` lays parts out
        difference = ((found[..., :N_PARTS] - wanted) * level).square().sum()
        return difference / (wanted * level).square().sum().clamp(min=1e-3)

    def forward(self, wave: Tensor, n_books: Tensor | None = None) -> tuple[Tensor, Quantised]:
        """Sound (B, 2, N) through the books; N a multiple of the frame."""
        quantised = self.quantiser(self.encoder(self.numbers(wave)), n_books)
        return self.sound(quantised.values), quantised

    @torch.inference_mode()
    def latents(self, wave: Tensor, chunk: int = 512) -> Tensor:
        """What the quantiser reads, before it: (2, N) to (T, inner)."""
        return self._in_chunks(wave, chunk, self.encoder)

    @torch.inference_mode()
    def encode(self, wave: Tensor, chunk: int = 512) -> Tensor:
        """Tokens of a sound.

        Parameters
        ----------
        wave : Tensor, shape (2, N), float32
            Left and right at 44.1 kHz; the end is filled with silence to a whole frame.
        chunk : int
            Frames that are worked on at a time.

        Returns
        -------
        Tensor, shape (T, n_books), int64
            T is N / frame, rounded up.
        """
        return self._in_chunks(
            wave, chunk, lambda numbers: self.quantiser.encode(self.encoder(numbers))
        )

    def _in_chunks(self, wave: Tensor, chunk: int, work: Any) -> Tensor:
        frame, margin = self.config.frame, self.config.margin
        n_frames = math.ceil(wave.shape[-1] / frame)
        parts = []
        for first in range(0, n_frames, chunk):
            last = min(first + chunk, n_frames)
            low, high = max(0, first - margin), min(n_frames, last + margin)
            piece = wave[:, low * frame : high * frame]
            missing = (high - low) * frame - piece.shape[-1]
            piece = nn.functional.pad(piece, (0, missing))
            parts.append(work(self.numbers(piece[None]))[0, first - low : last - low])
        return torch.cat(parts)

    @torch.inference_mode()
    def decode(self, codes: Tensor, chunk: int = 512) -> Tensor:
        """Sound of tokens: (T, k) to (2, T frame); fewer books than there are will do."""
        return torch.cat(list(self.decode_chunks(codes, chunk)), -1)

    @torch.inference_mode()
    def decode_chunks(self, codes: Tensor, chunk: int = 512) -> Iterator[Tensor]:
        """The same, chunk by chunk: each (2, frames of the chunk x frame)."""
        frame, margin = self.config.frame, self.config.margin
        for first in range(0, len(codes), chunk):
            last = min(first + chunk, len(codes))
            low, high = max(0, first - margin), min(len(codes), last + margin)
            values = self.quantiser.decode(codes[None, low:high])
            wave = self.sound(values, low)[0]
            yield wave[:, (first - low) * frame : (last - low) * frame]
