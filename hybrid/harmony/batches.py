"""Pieces on the device, and batches of excerpts cut from them without leaving it.

Everything a batch needs lies in a few long tensors, so that cutting excerpts is a handful of
gathers. Thinning the texture (single notes or whole tracks) happens here, at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hybrid.harmony.corpus import SPANS
from hybrid.harmony.examples import Example
from hybrid.harmony.features import FRAME_TICKS, frame_labels
from hybrid.harmony.labels import Chord, Vocabulary
from hybrid.harmony.train_config import Thinning

CONTEXT_FRAMES = 8  # notes that began so long before an excerpt are still seen


def ranges(first: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and members of ``first[i] .. last[i] - 1`` (see `graph.expand_ranges`)."""
    counts = last - first
    rows = torch.repeat_interleave(torch.arange(len(first), device=first.device), counts)
    starts = torch.cumsum(counts, 0) - counts
    members = torch.arange(len(rows), device=first.device) - (starts - first)[rows]
    return rows, members


def label_columns(
    spans: NDArray[Any], n_frames: int, index: dict[Chord, int], frame_ticks: int = FRAME_TICKS
) -> NDArray[np.int16]:
    """Tonic, chord and changes of every frame, shape (T, 5).

    Columns: tonic, place in the vocabulary (-1: not in it), mode, a chord begins here, a key
    begins here. Rows without a label are -128.
    """
    result = np.full((n_frames, 5), -128, np.int16)
    rows = frame_labels(spans, n_frames, frame_ticks)
    have = rows >= 0
    if not have.any():
        return result
    chosen = spans[rows[have]]
    names = [
        index.get(
            Chord(*(int(row[name]) for name in ("mode", "of", "degree", "quality", "inversion"))),
            -1,
        )
        for row in spans
    ]
    result[have, 0] = chosen["tonic"]
    result[have, 1] = np.array(names)[rows[have]]
    result[have, 2] = chosen["mode"]
    # Spans with equal labels that follow one another are one chord.
    identity = result[:, [0, 1, 2]].astype(np.int64)
    changes = np.ones(n_frames, bool)
    changes[1:] = np.any(identity[1:] != identity[:-1], axis=1)
    key_changes = np.ones(n_frames, bool)
    key_changes[1:] = np.any(identity[1:][:, [0, 2]] != identity[:-1][:, [0, 2]], axis=1)
    result[have, 3] = changes[have]
    result[have, 4] = key_changes[have]
    return result


class ExcerptPool:
    """All examples on one device."""

    def __init__(
        self,
        examples: Sequence[Example],
        vocabulary: Vocabulary,
        device: torch.device,
        frame_ticks: int = FRAME_TICKS,
    ) -> None:
        self.device = device
        index = vocabulary.index()
        parts: dict[str, list[NDArray[Any]]] = {}
        labels: list[NDArray[np.int16]] = []
        frames, notes = [0], [0]
        for example in examples:
            arrays = example.arrays
            for name, values in arrays.items().items():
                if name in ("source", "target", "pair_note"):
                    values = values.astype(np.int64) + notes[-1]
                elif name in ("pair_frame", "first_frame"):
                    values = values.astype(np.int64) + frames[-1]
                parts.setdefault(name, []).append(values)
            parts.setdefault("track", []).append(np.asarray(example.tracks, np.int64))
            columns = [
                label_columns(reading, arrays.n_frames, index, frame_ticks)
                for reading in example.readings or (np.zeros(0, SPANS),)
            ]
            labels.append(np.stack([columns[0], columns[-1]], axis=1))  # (T, 2, 5)
            frames.append(frames[-1] + arrays.n_frames)
            notes.append(notes[-1] + len(arrays.spelling))
        whole = {name: np.concatenate(values) for name, values in parts.items()}
        n_notes, n_frames = notes[-1], frames[-1]
        # Where the notes of a frame, the pairs of a frame and the edges of a note begin.
        pointers = {
            "note_at": np.searchsorted(whole["first_frame"], np.arange(n_frames + 1)),
            "pair_at": np.searchsorted(whole["pair_frame"], np.arange(n_frames + 1)),
            "edge_at": np.searchsorted(whole["target"], np.arange(n_notes + 1)),
        }
        whole["labels"] = np.concatenate(labels)
        self.data = {
            name: torch.from_numpy(np.ascontiguousarray(values)).to(device)
            for name, values in {**whole, **pointers}.items()
        }
        self.first = np.array(frames[:-1])
        self.length = np.diff(frames)
        weight = np.array([example.weight for example in examples], np.float64)
        self.chance = weight / max(weight.sum(), 1e-12)

    def draw(
        self, rng: np.random.Generator, n: int, n_frames: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Examples and first frames (within the example) of ``n`` random excerpts."""
        which = rng.choice(len(self.first), size=n, p=self.chance)
        slack = np.maximum(self.length[which] - n_frames, 0)
        # Every frame, the outermost too, is drawn about as often as others.
        start = np.floor(rng.uniform(-0.25, 1.25, n) * (slack + 1))
        return which, np.clip(start, 0, slack).astype(np.int64)

    def cut(
        self,
        which: NDArray[np.int64],
        start: NDArray[np.int64],
        n_frames: int,
        thinning: Thinning | None = None,
        generator: torch.Generator | None = None,
    ) -> dict[str, Tensor]:
        """The batch that `HarmonyModel.forward` reads, with ``labels`` (B, T, 5).

        Excerpts shorter than ``n_frames`` are padded; ``mask`` (B, T) is 1 where there is music.
        """
        data, device = self.data, self.device
        b = len(which)
        count = np.minimum(self.length[which] - start, n_frames)
        first = self.first[which] + start
        seen = np.maximum(first - CONTEXT_FRAMES, self.first[which])
        frame0 = torch.from_numpy(first).to(device)
        frame1 = torch.from_numpy(first + count).to(device)
        note0 = data["note_at"][torch.from_numpy(seen).to(device)]
        note1 = data["note_at"][frame1]
        base = torch.cumsum(note1 - note0, 0) - (note1 - note0)

        note_row, note = ranges(note0, note1)
        kept = self._kept(b, note_row, note, thinning, generator)

        edge_row, edge = ranges(data["edge_at"][note0], data["edge_at"][note1])
        source, target = data["source"][edge], data["target"][edge]
        inside = (source >= note0[edge_row]) & (source < note1[edge_row])
        shift = (base - note0)[edge_row]
        inside &= kept[(target + shift)] & kept[(source + shift).clamp(0, len(kept) - 1)]
        edge, shift = edge[inside], shift[inside]

        pair_row, pair = ranges(data["pair_at"][frame0], data["pair_at"][frame1])
        pair_note = data["pair_note"][pair]
        inside = pair_note >= note0[pair_row]
        local = pair_note + (base - note0)[pair_row]
        inside &= kept[local.clamp(0, len(kept) - 1)]
        pair, pair_row, local = pair[inside], pair_row[inside], local[inside]
        pair_frame = pair_row * n_frames + data["pair_frame"][pair] - frame0[pair_row]

        step = torch.arange(n_frames, device=device)
        mask = step[None, :] < (frame1 - frame0)[:, None]
        frame = torch.minimum(frame0[:, None] + step, frame1[:, None] - 1)
        floats = data["note_floats"][note].clone()
        if thinning is not None and thinning.register:
            octaves = torch.randn(b, generator=generator, device=device) * thinning.register
            floats[:, 0] += octaves[note_row] / 2
        reading = torch.zeros(b, dtype=torch.long, device=device)
        if thinning is not None:
            reading = torch.randint(2, (b,), generator=generator, device=device)
        labels = data["labels"][frame, reading[:, None]].long()
        labels[~mask] = -128
        return {
            "note_ints": data["note_ints"][note].long(),
            "note_floats": floats,
            "spelling": data["spelling"][note].long(),
            "note_frame": note_row * n_frames
            + (data["first_frame"][note] - frame0[note_row]).clamp(min=0),
            "source": data["source"][edge] + shift,
            "target": data["target"][edge] + shift,
            "kind": data["kind"][edge].long(),
            "pair_note": local,
            "pair_frame": pair_frame,
            "pair_floats": data["pair_floats"][pair],
            "frame_accent": data["frame_accent"][frame].long(),
            "tonics": data["tonics"][frame].long(),
            "mask": mask.float(),
            "labels": labels,
        }

    def _kept(
        self,
        b: int,
        row: Tensor,
        note: Tensor,
        thinning: Thinning | None,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Which notes stay, shape (n,), bool."""
        if thinning is None:
            return torch.ones(len(note), dtype=torch.bool, device=self.device)

        def uniform(*shape: int) -> Tensor:
            return torch.rand(*shape, generator=generator, device=self.device)

        share = (uniform(b) < thinning.note) * uniform(b) * thinning.share
        kept = uniform(len(note)) >= share[row]
        # A track is left out only where at least as many notes remain.
        out = uniform(b, 256) < thinning.track
        lost = out[row, self.data["track"][note]]
        n_lost = torch.bincount(row[lost], minlength=b)
        n_all = torch.bincount(row, minlength=b)
        allowed = 2 * n_lost <= n_all
        return kept & ~(lost & allowed[row])
