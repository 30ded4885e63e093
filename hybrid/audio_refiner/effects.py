"""What every effect of the production chain keeps to, and how they run one after another.

An effect hears blocks of stereo sound in a row and gives as many samples back. What it needs to
look ahead it declares as its latency; the chain feeds it on past the end and drops as many
samples at the beginning, so that what comes out lies sample by sample on what went in. How
the sound is cut into blocks is fixed here and not by the caller: the same sound gives the same
bytes whatever the sizes of the chunks in which it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError

Samples = NDArray[np.float32]

#: Frames of a block: 1.5 s at 44.1 kHz. FFTs of some blocks' length are the cheapest per sample.
BLOCK = 1 << 16
#: Seconds over which the end of a tail is faded.
FADE_SECONDS = 0.1
MIN_RATE, MAX_RATE = 8000, 192_000


class Effect(Protocol):
    """One effect at work.

    Attributes
    ----------
    latency : int
        Samples by which what comes out lags behind what goes in.
    tail : int
        Samples that may sound after the last one that went in.
    """

    latency: int
    tail: int

    def process(self, block: Samples) -> Samples:
        """The next block, shape (2, `BLOCK`), float32; the result has the same shape."""


class Settings:
    """Base of the settings of an effect: frozen dataclasses whose numbers keep to `limits`.

    Raises
    ------
    ConfigError
        On construction, if a number is outside its limits.
    """

    kind: ClassVar[str]
    limits: ClassVar[Mapping[str, tuple[float, float]]]

    def __post_init__(self) -> None:
        for name, (low, high) in self.limits.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ConfigError(f"{self.kind}.{name} must be a number, got {value!r}")
            # Written so that nan is refused as well.
            if not low <= value <= high:
                raise ConfigError(f"{self.kind}.{name} must be in {low:g}..{high:g}, got {value}")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of the settings."""
        return tuple(field.name for field in fields(cls))  # type: ignore[arg-type]

    def scaled(self, strength: float) -> Self:
        """The settings at a strength of 0..1; at 0 the effect changes nothing."""
        raise NotImplementedError

    def build(self, sample_rate: int, rng: np.random.Generator) -> Effect:
        """The effect at work; ``rng`` draws what is random in it (noise, a room)."""
        raise NotImplementedError


def rebuffered(chunks: Iterable[Samples]) -> Iterator[Samples]:
    """The same sound in blocks of `BLOCK` frames; the last may be shorter."""
    kept: list[Samples] = []
    n_kept = 0
    for chunk in chunks:
        start = 0
        while start < chunk.shape[1]:
            part = chunk[:, start : start + BLOCK - n_kept]
            kept.append(part)
            n_kept += part.shape[1]
            start += part.shape[1]
            if n_kept == BLOCK:
                yield np.concatenate(kept, axis=1)
                kept, n_kept = [], 0
    if n_kept:
        yield np.concatenate(kept, axis=1)


def run_chain(
    chunks: Iterable[Samples], effects: Sequence[Effect], sample_rate: int
) -> Iterator[Samples]:
    """Let sound through effects, one after another.

    Parameters
    ----------
    chunks : iterable of np.ndarray, shape (2, n), float32
        In a row, of any sizes.
    effects : sequence of Effect
        New ones: they keep what they have heard.
    sample_rate : int
        Hertz.

    Yields
    ------
    np.ndarray, shape (2, n), float32
        As many frames as went in and, after them, the longest that the effects' tails can be
        together; the last `FADE_SECONDS` of the tail are faded. No latency is left.
    """
    latency = sum(effect.latency for effect in effects)
    tail = sum(effect.tail for effect in effects)
    n_read = 0
    n_dropped = 0
    n_given = 0
    fade = min(tail, int(FADE_SECONDS * sample_rate))

    def worked(block: Samples) -> Samples:
        for effect in effects:
            block = effect.process(block)
        return block

    def blocks() -> Iterator[Samples]:
        """Whole blocks: the sound, then silence until everything has come out."""
        nonlocal n_read
        n_whole = 0
        for block in rebuffered(chunks):
            n_read += block.shape[1]
            n_whole += BLOCK
            yield np.pad(block, ((0, 0), (0, BLOCK - block.shape[1])))
        while n_whole < n_read + latency + tail:
            n_whole += BLOCK
            yield np.zeros((2, BLOCK), dtype=np.float32)

    # One block is held back: only when the sound is at its end is it known where the fade is.
    held: Samples | None = None
    for block in blocks():
        made = worked(block)
        skip = min(latency - n_dropped, made.shape[1])
        n_dropped += skip
        made = made[:, skip:]
        if held is not None:
            yield held
            n_given += held.shape[1]
        held = made
        if n_given + held.shape[1] < n_read:
            continue
        # Beyond the sound: what is given from here on may be the faded tail.
        end = n_read + tail
        held = _faded(held[:, : max(0, end - n_given)], n_given, end, fade)
    if held is not None and held.shape[1]:
        yield held


def _faded(block: Samples, start: int, end: int, fade: int) -> Samples:
    if not fade or start + block.shape[1] <= end - fade:
        return block
    frames = np.arange(start, start + block.shape[1])
    return block * np.clip((end - frames) / fade, 0.0, 1.0).astype(np.float32)


def stereo(block: NDArray[Any]) -> Samples:
    """One channel on both sides, two as they are.

    Raises
    ------
    ConfigError
        If there are more than two.
    """
    if block.shape[0] > 2:
        raise ConfigError(
            f"the production chain takes mono or stereo, got {block.shape[0]} channels"
        )
    return np.ascontiguousarray(np.broadcast_to(block, (2, block.shape[1])), dtype=np.float32)
