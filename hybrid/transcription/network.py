"""The transcriber's network: which keys begin, sound and end at each moment, and how loud.

A small relative of onsets-and-frames that learns fast on a processor. It is one convolution over
keys and moments whose kernel is full of holes: for each key it sees the levels at its own
frequency, at its harmonics and at those of which it may be a harmonic, some moments back and ahead.
What is learnt of one key so holds for all. There is no recurrence, so a recording of any length
goes through in pieces, with the result of the whole. Drums are heard by a second one that sees all
frequencies.

Because the kernel is so sparse, training looks at single keys and moments, most of them where
something happens, instead of whole pictures in which nearly nothing does.

References
----------
Hawthorne, C., et al. (2018). Onsets and frames: dual-objective piano transcription. ISMIR.
arXiv:1710.11153.
Bittner, R. M., et al. (2022). A lightweight instrument-agnostic model for polyphonic note
transcription and multipitch estimation. ICASSP. arXiv:2203.09893. (harmonics laid over each other)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hybrid.transcription.features import BINS_A_SEMITONE, N_BINS, N_KEYS

#: Multiples of a key's frequency at which it is looked for; each with the bins beside it.
HARMONICS = (1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4, 5, 6, 7, 8)
#: Further bins around the key: one and two semitones away.
BESIDE = (-6, -3, 3, 6)
#: Frames, 11.6 ms each, at which the quick and the sharp picture are looked at.
QUICK_FRAMES = (-8, -5, -3, -2, -1, 0, 1, 2, 3, 5, 8, 12)
SHARP_FRAMES = (-12, -6, -2, 2, 6, 12, 18, 26)
DRUM_FRAMES = (-4, -2, -1, 0, 1, 2, 4, 8)
#: Frames to either side on which a moment depends.
CONTEXT = 26
#: Drums that are told apart; `hybrid.transcription.notes` has their General MIDI keys.
N_DRUMS = 8
#: Kinds of numbers for each key: onset, sounding, end, velocity.
N_HEADS = 4
DRUM_BANDS = N_BINS // 3
_SHIFTS = sorted(
    {
        round(12 * BINS_A_SEMITONE * math.log2(multiple)) + beside
        for multiple in HARMONICS
        for beside in (-1, 0, 1)
    }
    | set(BESIDE)
)
_LOW = -min(_SHIFTS)
_HIGH = BINS_A_SEMITONE * (N_KEYS - 1) + max(_SHIFTS) - (N_BINS - 1)
_WIDE = _LOW + N_BINS + _HIGH
_CHUNK = 96  # frames whose keys are looked at together


@dataclass(frozen=True)
class TranscriberConfig:
    """Sizes of the network.

    Attributes
    ----------
    hidden, drum_hidden : tuple of int
        Widths of the layers between what is seen and what is said.
    """

    hidden: tuple[int, ...] = (320, 128)
    drum_hidden: tuple[int, ...] = (128,)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {name: list(values) for name, values in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TranscriberConfig:
        """The inverse of `to_dict`."""
        return cls(**{name: tuple(map(int, each)) for name, each in values.items()})


class Heard(NamedTuple):
    """Logits, but for the velocity, whose values are meant as they are (1 is 127).

    ``keys`` is (B, 4, T, 88): onset, sounding, end, velocity; ``drums`` is (B, 8, T): onset.
    """

    keys: Tensor
    drums: Tensor


def _layers(sizes: tuple[int, ...]) -> nn.Sequential:
    parts: list[nn.Module] = []
    for wide, narrow in pairwise(sizes):
        parts += [nn.Linear(wide, narrow), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


class Transcriber(nn.Module):
    """The network.

    `forward` hears whole pictures, levels (B, 2, T, 306), 0..255 in steps as of `features.levels`;
    `at_keys` and `at_moments` hear single places of such a picture after `padded`.
    """

    offsets: Tensor
    drum_offsets: Tensor

    def __init__(self, config: TranscriberConfig) -> None:
        super().__init__()
        self.config = config
        n_seen = len(_SHIFTS) * (len(QUICK_FRAMES) + len(SHARP_FRAMES))
        self.keys = _layers((n_seen, *config.hidden, N_HEADS))
        self.drums = _layers((DRUM_BANDS * len(DRUM_FRAMES), *config.drum_hidden, N_DRUMS))
        places = [
            (picture, frame, shift)
            for picture, frames in ((1, QUICK_FRAMES), (0, SHARP_FRAMES))
            for frame in frames
            for shift in _SHIFTS
        ]
        self.register_buffer("offsets", torch.tensor(places), persistent=False)
        self.register_buffer("drum_offsets", torch.tensor(DRUM_FRAMES), persistent=False)
        # Few of all keys begin at a moment: so the first guess is no.
        with torch.no_grad():
            last, last_drums = self.keys[-1], self.drums[-1]
            assert isinstance(last, nn.Linear)
            assert isinstance(last_drums, nn.Linear)
            last.bias.copy_(torch.tensor([-2.0, -1.0, -2.0, 0.6]))
            last_drums.bias.fill_(-2.0)

    @staticmethod
    def padded(levels: Tensor) -> Tensor:
        """Pictures (..., T, 306) with silence around, as the places are looked up in."""
        return functional.pad(levels, (_LOW, _HIGH, CONTEXT, CONTEXT))

    def at_keys(self, wide: Tensor, frames: Tensor, keys: Tensor) -> Tensor:
        """What is heard of keys at frames, each (P,), of one padded picture (2, T', F'): (P, 4)."""
        picture, frame, shift = self.offsets.unbind(1)
        steps = (picture * wide.shape[1] + frame) * _WIDE + shift
        first = (frames + CONTEXT) * _WIDE + _LOW + BINS_A_SEMITONE * keys
        seen = wide.reshape(-1)[first[:, None] + steps]  # (P, places)
        made: Tensor = self.keys(seen / 64 - 1)
        return made

    def at_moments(self, wide: Tensor, frames: Tensor) -> Tensor:
        """Drums at frames (P,) of one padded picture: (P, 8)."""
        quick = wide[1, :, _LOW : _LOW + N_BINS]
        bands = quick.reshape(len(quick), DRUM_BANDS, 3).mean(dim=2)
        seen = bands[frames[:, None] + CONTEXT + self.drum_offsets].flatten(1)
        made: Tensor = self.drums(seen / 64 - 1)
        return made

    def forward(self, levels: Tensor) -> Heard:
        keys, drums = [], []
        n_frames = levels.shape[2]
        bins = _LOW + BINS_A_SEMITONE * torch.arange(N_KEYS)[:, None] + torch.tensor(_SHIFTS)
        for wide in self.padded(levels):
            # Each key's bins at every moment: (T', 88, bins) of the quick and the sharp picture.
            quick, sharp = (
                wide[picture].index_select(1, bins.flatten()).reshape(-1, *bins.shape) / 64 - 1
                for picture in (1, 0)
            )
            places = [(quick, at) for at in QUICK_FRAMES] + [(sharp, at) for at in SHARP_FRAMES]
            parts = []
            for first in range(0, n_frames, _CHUNK):
                stop = min(first + _CHUNK, n_frames)
                seen = [view[CONTEXT + at + first : CONTEXT + at + stop] for view, at in places]
                parts.append(self.keys(torch.cat(seen, dim=2)))  # (T, 88, 4)
            keys.append(torch.cat(parts).permute(2, 0, 1))
            drums.append(self.at_moments(wide, torch.arange(n_frames)).T)
        return Heard(torch.stack(keys), torch.stack(drums))
