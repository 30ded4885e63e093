"""Sound refined: tokens filled in group by group, in chunks that leave no seam.

Each chunk reads what stands before it as already filled and drops what lies near its own end,
where it does not see enough. So chunks meet in tokens that all were chosen with both sides
in view.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hybrid.audio_refiner.codec import Codec
from hybrid.audio_refiner.refiner_model import MASK, Refiner, mask_share


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn.

    Attributes
    ----------
    passes : int
        For the first group of books; each later group takes one.
    temperature : float
        0 takes the likeliest token everywhere.
    guidance : float
        How far logits move from those of any style to those of the style asked for: 1 asks
        once, more exaggerates; costs a second pass where it is not 1.
    chunk, context : int
        Frames filled at a time, and frames seen on either side of them.
    """

    passes: int = 4
    temperature: float = 0.0
    guidance: float = 1.0
    chunk: int = 512
    context: int = 64


def known_values(codec: Codec, codes: Tensor) -> Tensor:
    """Sum of the values of the tokens that are known: (B, T, K) with `MASK` to (B, T, D)."""
    total: Tensor | None = None
    for number, book in enumerate(codec.quantiser.books):
        code = codes[..., number]
        value = book.value(code.clamp(min=0))  # type: ignore[operator]
        value = value * (code != MASK)[..., None]
        total = value if total is None else total + value
    assert total is not None
    return total


@torch.inference_mode()
def fill_tokens(
    refiner: Refiner,
    codec: Codec,
    dry: Tensor,
    roll: Tensor,
    style: int,
    sampling: Sampling,
    generator: torch.Generator,
    progress: Callable[[float], None] = lambda share: None,
) -> Tensor:
    """Tokens of the produced sound.

    Parameters
    ----------
    dry : Tensor, shape (T, latent)
        The codec's values of the dry sound.
    roll : Tensor, shape (T, n_roll)
    style : int

    Returns
    -------
    Tensor, shape (T, n_books), int64
    """
    n_frames = len(dry)
    filler = TokenFiller(refiner, codec, style, sampling, generator)
    parts = []
    for first in range(0, n_frames, sampling.chunk):
        last = min(first + sampling.chunk, n_frames)
        low, high = max(0, first - sampling.context), min(n_frames, last + sampling.context)
        parts.append(filler.fill(dry[low:high], roll[low:high], first - low, last - first))
        progress(last / n_frames)
    return torch.cat(parts)


class TokenFiller:
    """Fills tokens chunk after chunk; remembers those that the next chunk reads before it.

    Parameters
    ----------
    refiner, codec
        In evaluation mode.
    style : int
    sampling : Sampling
    generator : torch.Generator
        Draws where the temperature is not 0.
    """

    def __init__(
        self,
        refiner: Refiner,
        codec: Codec,
        style: int,
        sampling: Sampling,
        generator: torch.Generator,
    ) -> None:
        self._refiner, self._codec = refiner, codec
        self._style, self._sampling, self._generator = style, sampling, generator
        self._before: Tensor | None = None

    @torch.inference_mode()
    def fill(self, dry: Tensor, roll: Tensor, before: int, count: int) -> Tensor:
        """Tokens of the next chunk.

        Parameters
        ----------
        dry : Tensor, shape (T, latent)
            The chunk's ``count`` frames, ``before`` frames in front of them, and what follows.
        roll : Tensor, shape (T, n_roll)
        before, count : int
            ``before`` at most `Sampling.context`.

        Returns
        -------
        Tensor, shape (count, n_books), int64
        """
        shape = (len(dry), self._refiner.config.n_books)
        codes = torch.full(shape, MASK, dtype=torch.int64, device=dry.device)
        if before:
            assert self._before is not None  # frames in front are those that were filled
            codes[:before] = self._before[-before:]
        _fill(
            self._refiner,
            self._codec,
            dry,
            roll,
            self._style,
            codes,
            self._sampling,
            self._generator,
        )
        made = codes[before : before + count]
        past = made if self._before is None else torch.cat([self._before, made])
        self._before = past[-self._sampling.context :] if self._sampling.context else None
        return made


def _fill(
    refiner: Refiner,
    codec: Codec,
    dry: Tensor,
    roll: Tensor,
    style: int,
    codes: Tensor,
    sampling: Sampling,
    generator: torch.Generator,
) -> None:
    """Fill what is masked in (T, K), in place."""
    config = refiner.config
    for group in range(len(config.groups)):
        start, stop = config.books_of(group)
        open_ = codes[:, start] == MASK  # books of a group are filled together
        passes = sampling.passes if group == 0 else 1
        total = int(open_.sum())
        for number in range(passes):
            logits = _look(refiner, codec, dry, roll, style, group, codes)
            if sampling.guidance != 1.0:
                free = _look(refiner, codec, dry, roll, config.n_styles, group, codes)
                logits = free + sampling.guidance * (logits - free)
            chosen, sure = _draw(logits, sampling.temperature, generator)
            left = round(total * mask_share((number + 1) / passes))
            now_open = codes[:, start] == MASK
            n_fill = int(now_open.sum()) - left
            certainty = sure.sum(-1).masked_fill(~now_open, -torch.inf)
            where = certainty.topk(n_fill).indices if n_fill > 0 else certainty[:0].long()
            codes[where, start:stop] = chosen[where]


def _look(
    refiner: Refiner,
    codec: Codec,
    dry: Tensor,
    roll: Tensor,
    style: int,
    group: int,
    codes: Tensor,
) -> Tensor:
    """Logits (T, k, entries) of a group's books where (T, K) tokens are known."""
    known = (codes != MASK).float()[None]
    heard = known_values(codec, codes[None])
    asked = torch.tensor([style], device=dry.device)
    return refiner.logits(dry[None], roll[None], asked, group, heard, known)[0]


def _draw(logits: Tensor, temperature: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Tokens (T, k) and their log probabilities."""
    logs = logits.float().log_softmax(-1)
    if temperature == 0:
        sure, chosen = logs.max(-1)
        return chosen, sure
    share = (logs / temperature).softmax(-1)
    flat = torch.multinomial(share.flatten(0, 1), 1, generator=generator)
    chosen = flat.view(share.shape[:2])
    return chosen, logs.gather(-1, chosen[..., None])[..., 0]
