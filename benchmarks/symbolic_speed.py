"""How fast the note model writes, beside a GPT-2 of its size and beside its products alone.

    python -m benchmarks.symbolic_speed [--notes N] [--repeats R] [--only notes|pieces]

Writes ``symbolic_speed`` and, of whole pieces, ``symbolic_speed_pieces`` (``.md``, ``.json``)
into ``benchmarks/results``. The GPT-2 needs the optional extra ``bench`` (transformers); without
it its columns are left out, and the table says so.
Times are processor seconds of this process, the least of some repeats, so that other work on the
machine counts as little as it can; ratios are of one run.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks._table import write_table
from benchmarks.symbolic_control import STYLES
from hybrid.core.seeds import stage_rng
from hybrid.pipeline import make_plan
from hybrid.symbolic_transformer.conditions import plan_arrays
from hybrid.symbolic_transformer.event_engine import TransformerEngine
from hybrid.symbolic_transformer.event_model import EventTransformer
from hybrid.symbolic_transformer.event_particles import Particles
from hybrid.symbolic_transformer.event_sampler import EventSampler, SampleSettings, window_of
from hybrid.symbolic_transformer.event_weights import load_event_model
from hybrid.symbolic_transformer.events import EVENT_DTYPE, N_TRACKS

BATCHES = (1, 2, 4, 8, 16)
#: What a note is in a sequence of tokens: place, track, pitch, duration, velocity.
TOKENS_A_NOTE = 5
#: Of all tokens of a note together.
VOCABULARY = 400
STYLE = "quartet"
#: A machine with more work than this is too busy to measure two threads on.
QUIET = 0.5


@contextmanager
def threads(n: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def least(work: Callable[[], int], repeats: int, clock: Callable[[], float]) -> float:
    """Most units a second over some repeats; ``work`` says how many it did."""
    work()
    best = 0.0
    for _ in range(repeats):
        begin = clock()
        done = work()
        best = max(best, done / (clock() - begin))
    return best


# --- What is measured ------------------------------------------------------------------------


class _Watched(EventSampler):
    """A sampler that counts the notes of all its rows."""

    seen: Particles

    def _begin(self, n_rows: int, given: Any) -> Particles:
        self.seen = super()._begin(n_rows, given)
        return self.seen

    def n_notes(self) -> int:
        rows = self.seen.rows
        there = np.arange(rows.events.shape[1]) < rows.count[:, None]
        return int((there & (rows.events["track"] < N_TRACKS)).sum())


def ours(model: EventTransformer, batch: int, n_notes: int) -> Callable[[], int]:
    """Draw pieces side by side with nothing asked of them; how many notes all rows have."""
    plan = plan_arrays(make_plan(seed=1, minutes=0.5, **STYLES[STYLE]))
    settings = SampleSettings(n_particles=batch, most_particles=max(batch, 32), resample_below=0)

    def write(bars: int) -> int:
        rng = np.random.default_rng(1)
        sampler = _Watched(model, plan, STYLE, rng, settings=settings)
        sampler.write(0, bars - 1)
        return sampler.n_notes()

    bars = 1
    while bars < len(plan.bars) and write(bars) < n_notes * batch:
        bars += 1 + bars // 2
    return lambda: write(min(bars, len(plan.bars)))


def products(model: EventTransformer, batch: int, n_notes: int) -> Callable[[], int]:
    """Only the matrix products of as many events, over as long a past."""
    plan = plan_arrays(make_plan(seed=1, minutes=0.5, **STYLES[STYLE]))
    particles = Particles(model, plan, 1, batch, window_of(model), np.empty(0, EVENT_DTYPE))
    ring, steps = particles.ring, particles.steps
    heads, size, window = ring.keys[0].shape[1:]
    width = heads * size
    x = torch.randn(batch, width)
    query, weight = torch.randn(batch * heads, 1, size), torch.rand(batch * heads, 1, window)
    asks = (steps.ask_track, steps.ask_pitch, steps.ask_duration, steps.ask_velocity)
    outs = [model.place_out, model.track_out, model.duration_out, model.velocity_out]

    def work() -> int:
        with torch.inference_mode():
            for number in range(n_notes):
                used = min(number + 1, window)
                for layer, keys, values in zip(ring.layers, ring.keys, ring.values, strict=True):
                    F.linear(x, layer.project[: 3 * width])
                    if layer.table is not None:
                        torch.bmm(query.view(batch, heads, size).transpose(0, 1), layer.table)
                    torch.bmm(query, keys.view(-1, size, window)[..., :used])
                    torch.bmm(weight[..., :used], values.view(-1, window, size)[:, :used])
                    torch.mm(x, layer.out)
                    lifted = F.linear(x, layer.up)
                    torch.mm(lifted[:, : len(layer.down)], layer.down)
                for ask in asks:
                    lifted = F.linear(x, ask.up)
                    torch.mm(lifted[:, : len(ask.down)], ask.down)
                for out in outs:
                    F.linear(x, out.weight)
                F.linear(x, steps.pitch_weight)
        return n_notes * batch

    return work


def make_gpt2(model: EventTransformer, n_notes: int) -> tuple[Any, int] | None:
    """A GPT-2 of the model's width with about as many weights, and how many it has."""
    try:
        from transformers import GPT2Config, GPT2LMHeadModel
    except ImportError:
        return None
    wanted = sum(weight.numel() for weight in model.parameters())
    trunk = model.config.trunk
    made = []
    for layers in range(1, 24):
        config = GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=TOKENS_A_NOTE * n_notes + 8,
            n_embd=trunk.width,
            n_layer=layers,
            n_head=trunk.heads,
            bos_token_id=0,
            eos_token_id=None,
            pad_token_id=0,
        )
        per_layer = 12 * trunk.width**2
        total = VOCABULARY * trunk.width + config.n_positions * trunk.width + layers * per_layer
        made.append((abs(total - wanted), layers, config))
    _, _, config = min(made, key=lambda item: item[:2])
    torch.manual_seed(0)
    gpt2 = GPT2LMHeadModel(config).eval().requires_grad_(False)
    return gpt2, sum(weight.numel() for weight in gpt2.parameters())


def theirs(gpt2: Any, batch: int, n_notes: int) -> Callable[[], int]:
    """`generate` with its cache, sampling; as many tokens as the notes need."""
    begin = torch.zeros((batch, 1), dtype=torch.long)

    def work() -> int:
        with torch.inference_mode():
            found = gpt2.generate(
                begin,
                attention_mask=torch.ones_like(begin),
                do_sample=True,
                top_p=0.95,
                top_k=0,
                min_new_tokens=TOKENS_A_NOTE * n_notes,
                max_new_tokens=TOKENS_A_NOTE * n_notes,
                use_cache=True,
            )
        return batch * (int(found.shape[1]) - 1) // TOKENS_A_NOTE

    return work


def piece_row(style: str, minutes: float) -> dict[str, Any]:
    """A whole piece by the engine, limits, wishes and particles included."""
    plan = make_plan(seed=1, minutes=minutes, **STYLES[style])
    engine = TransformerEngine(load_event_model())
    begin, began = time.process_time(), time.perf_counter()
    score, _ = engine.fill(plan, stage_rng(1, "fill", engine.name))
    seconds, wall = time.process_time() - begin, time.perf_counter() - began
    return {
        "style": style,
        "minutes of music": round(plan.seconds / 60, 2),
        "notes": score.n_notes,
        "processor seconds": round(seconds, 1),
        "wall seconds": round(wall, 1),
        "notes a second": round(score.n_notes / seconds, 1),
    }


def rows_of(
    model: EventTransformer, gpt2: Any, n_threads: int, n_notes: int, repeats: int
) -> list[dict[str, Any]]:
    clock = time.process_time if n_threads == 1 else time.perf_counter
    rows = []
    with threads(n_threads):
        for batch in BATCHES:
            mine = least(ours(model, batch, n_notes), repeats, clock)
            only = least(products(model, batch, n_notes), repeats, clock)
            row: dict[str, Any] = {
                "threads": n_threads,
                "rows": batch,
                "notes a second": round(mine),
                "products alone": round(only),
                "share of products' speed": round(mine / only, 2),
            }
            if gpt2 is not None:
                other = least(theirs(gpt2, batch, n_notes), repeats, clock)
                row["GPT-2, generate"] = round(other)
                row["times GPT-2"] = round(mine / other, 2)
            rows.append(row)
            print(row, flush=True)
    return rows


def measure_notes(n_notes: int, repeats: int) -> None:
    """The table of notes a second."""
    model = load_event_model()
    found = make_gpt2(model, n_notes)
    gpt2, size = found if found is not None else (None, 0)
    busy = os.getloadavg()[0]
    rows = rows_of(model, gpt2, 1, n_notes, repeats)
    two = len(os.sched_getaffinity(0)) >= 2 and busy < QUIET
    if two:
        rows += rows_of(model, gpt2, 2, n_notes, repeats)
    own = sum(weight.numel() for weight in model.parameters())
    notes = [
        f"Notes of all rows a second; {n_notes} notes a row from an empty beginning, style "
        f"{STYLE}, no limits or wishes; the model has {own:,} weights.",
        "Products alone: the matrix products of as many events over as long a past, and nothing "
        "else; goal for its share 0.5.",
        f"Times are the best of {repeats} repeats: processor seconds with one thread, wall "
        "seconds with two.",
    ]
    if gpt2 is None:
        notes.append("GPT-2 was left out: the extra `bench` (transformers) is not installed.")
    else:
        notes.append(
            f"GPT-2: Hugging Face's, {size:,} weights, `generate` with its cache and nucleus "
            f"sampling; {TOKENS_A_NOTE} tokens a note (place, track, pitch, duration, velocity), "
            "where the note model has one position a note. Goal 4 times."
        )
    if not two:
        notes.append(
            f"Two threads were not measured: the machine had other work (load {busy:.1f}) "
            "or one core."
        )
    notes.append(
        "CUDA was not measured: the sampler runs on the CPU alone; there are no CUDA graphs."
    )
    text, _ = write_table(
        "symbolic_speed",
        rows,
        notes,
        title="Speed of the note model",
        packages=("torch", "numpy", "transformers"),
    )
    print(text.read_text(encoding="utf-8"))


def measure_pieces(minutes: float) -> None:
    """The table of whole pieces."""
    rows = [piece_row(style, minutes) for style in STYLES]
    text, _ = write_table(
        "symbolic_speed_pieces",
        rows,
        [
            "Engine `transformer` as `hybrid compose` runs it, limits, wishes and 8 particles "
            "included, one thread; without start-up, repair and sound. Goal for two minutes: 20 s.",
            f"The machine's load was {os.getloadavg()[0]:.1f}: wall seconds include waiting.",
        ],
        title="Speed of the engine `transformer`",
        packages=("torch", "numpy"),
    )
    print(text.read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how fast notes are written.")
    parser.add_argument("--notes", type=int, default=64, help="notes a row")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=2.0, help="length of the whole pieces")
    parser.add_argument("--only", choices=("notes", "pieces"))
    given = parser.parse_args()
    if given.only != "pieces":
        measure_notes(given.notes, given.repeats)
    if given.only != "notes":
        measure_pieces(given.minutes)


if __name__ == "__main__":
    main()
