"""The same excerpt refined in every way, for the benchmark of refiners, and how fast that is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hybrid.audio_refiner.codec_stream import OwnCodec
from hybrid.audio_refiner.mapper_model import Gains, Mapper
from hybrid.audio_refiner.mapper_run import MapperProducer
from hybrid.audio_refiner.mapper_weights import load_mapper
from hybrid.audio_refiner.pairs_file import PairBatch
from hybrid.audio_refiner.production import ProductionOptions
from hybrid.audio_refiner.production_passes import pass_audio
from hybrid.audio_refiner.production_run import ChainProducer
from hybrid.audio_refiner.refined_run import NetworkProducer, RefinerModels, load_models
from hybrid.audio_refiner.shipped import CODEC_FILE, MAPPER_FILE, MODES, REFINER_FILE
from hybrid.core.audio import Audio

#: What is compared with the modes of `hybrid refine` where a mode's weights are there.
WITHOUT_NOISE, ONE_PASS, CODED = "mapper without noise", "codec in one pass", "codec of the target"
AGAIN = "target, drawn again"

Sound = NDArray[np.float32]


class _WithoutNoise(torch.nn.Module):
    """A mapper whose noise is not heard: what gains alone can do."""

    def __init__(self, mapper: Mapper) -> None:
        super().__init__()
        self.mapper, self.config = mapper, mapper.config

    def forward(self, levels: torch.Tensor, notes: torch.Tensor) -> Gains:
        said = self.mapper(levels, notes)
        silent = torch.full_like(said.middle, -300.0)
        result: Gains = said._replace(middle_noise=silent, side_noise=silent)
        return result


class Systems:
    """What is measured; networks as far as a folder has weights.

    Attributes
    ----------
    names : tuple of str
        In the order of the table.
    modes : tuple of str
        Those among them whose time is taken.
    weights : dict of str to (dict of str to str)
        SHA-256 of each mode's files.
    """

    def __init__(self, folder: Path) -> None:
        self.weights: dict[str, dict[str, str]] = {}
        self._mapper: tuple[Mapper, str] | None = None
        self._models: RefinerModels | None = None
        modes = ["effects"]
        if (folder / MAPPER_FILE).exists():
            mapper, _, digest = load_mapper(folder / MAPPER_FILE)
            self._mapper, self.weights["mapper"] = (mapper, digest), {"mapper": digest}
            modes += ["mapper", WITHOUT_NOISE]
        if (folder / CODEC_FILE).exists() and (folder / REFINER_FILE).exists():
            self._models = load_models(folder)
            self.weights["tokens"] = dict(self._models.digests)
            modes += ["tokens", ONE_PASS]
        self.modes = tuple(modes)
        coded = [CODED] if self._models is not None else []
        self.names = ("dry", *self.modes, *coded, AGAIN, "target")

    def producer(self, mode: str, notes: NDArray[Any], style: str, seed: int) -> Any:
        """What does a mode's work."""
        options = ProductionOptions(style=style, seed=seed)
        if mode == "effects":
            return ChainProducer(options)
        if mode in ("mapper", WITHOUT_NOISE):
            assert self._mapper is not None
            mapper, digest = self._mapper
            heard: Any = mapper if mode == "mapper" else _WithoutNoise(mapper)
            return MapperProducer(heard, digest, notes, options)
        assert self._models is not None
        way = "tokens" if mode == "tokens" else "values"
        return NetworkProducer(self._models, notes, mode=way, style=style, seed=seed)

    def sounds(
        self, batch: PairBatch, index: int, seed: int, n_samples: int
    ) -> tuple[dict[str, Sound], dict[str, float]]:
        """All sounds of one excerpt, (2, n_samples), and the processor time of each mode."""
        style = batch.entries[index].style
        dry = batch.dry[index][:, :n_samples]
        audio = Audio(np.ascontiguousarray(dry), batch.sample_rate)
        notes = batch.notes_of(index)
        made, seconds = {"dry": dry}, {}
        for mode in self.modes:
            start = time.process_time()
            made[mode] = pass_audio(audio, self.producer(mode, notes, style, seed))[0].samples
            seconds[mode] = time.process_time() - start
        target = batch.target(index)[:, :n_samples]
        if self._models is not None:
            coder = OwnCodec(self._models.codec, self._models.digests["codec"])
            codes = np.concatenate(list(coder.encode([target])))
            made[CODED] = np.concatenate(list(coder.decode(codes)), axis=1)
        made[AGAIN] = batch.target(index, chain_seed=seed)
        made["target"] = target
        fitted = {name: np.ascontiguousarray(made[name][:, :n_samples]) for name in self.names}
        return fitted, seconds


def speeds(found: Systems, batch: PairBatch, n_excerpts: int = 3) -> list[dict[str, Any]]:
    """How fast each mode is with one and with two threads, over some excerpts in a row."""
    count = min(n_excerpts, len(batch.entries))
    sound = np.concatenate(list(batch.dry[:count]), axis=1)
    audio = Audio(np.ascontiguousarray(sound), batch.sample_rate)
    parts = [batch.notes_of(index).copy() for index in range(count)]
    for index, part in enumerate(parts):
        for name in ("onset", "end"):
            part[name] += round(1000 * index * batch.dry.shape[2] / batch.sample_rate)
    rows = []
    for mode in found.modes:
        if mode not in MODES:
            continue
        row: dict[str, Any] = {"mode": mode}
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            producer = found.producer(mode, np.concatenate(parts), "chamber-hall", 1)
            start, spent = time.perf_counter(), time.process_time()
            pass_audio(audio, producer)
            waited, spent = time.perf_counter() - start, time.process_time() - spent
            row[f"x real time, {n_threads} threads"] = audio.n_samples / batch.sample_rate / waited
            row[f"by processor time, {n_threads} threads"] = (
                audio.n_samples / batch.sample_rate / spent
            )
        rows.append(row)
    torch.set_num_threads(1)
    return rows
