"""The machine of `hybrid.history.symbolic_diffusion`: cells that fill, points that clear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.history.exhibit import Demonstration
from hybrid.history.ledger import Ledger
from hybrid.history.melodies import Melody
from hybrid.history.melody_tokens import (
    FIRST,
    HOLD,
    PER_BAR,
    REST,
    SIXTEENTH,
    Tokens,
    decode,
    token_name,
)
from hybrid.history.panels import Bars, Cells, Curve, Machine, Panel, Step, Text
from hybrid.history.parameters import Values
from hybrid.history.words import note_name

SHOWN = 0.04
#: Of the continuous way's steps, every so many are shown.
EVERY = 10
_LINES = 14
#: Entropy of a standard Gaussian number, nats.
GAUSSIAN = 0.5 * math.log(2 * math.pi * math.e)


def show_discrete(
    rng: np.random.Generator,
    values: Values,
    tune: Melody,
    given: Tokens,
    fixed: NDArray[np.bool_],
) -> Demonstration:
    """Fill masked cells; every cell's chances are kept."""
    from hybrid.history.symbolic_diffusion_model import MASK, Fill, denoise, load_masked

    model, notes, _ = load_masked()
    kept = np.repeat(fixed, PER_BAR)
    begin = np.where(kept, given, MASK)
    rounds = denoise(model, begin, values.integer("steps"), rng, values.number("temperature"))
    now = begin.copy()
    fills: dict[int, tuple[Fill, int, int]] = {}
    ledger = _ledger()
    total = int((begin == MASK).sum())
    often = sorted(
        {fill.token for fills_ in rounds for fill in fills_}
        | {int(token) for fills_ in rounds for token in np.flatnonzero(fills_[-1].chances > SHOWN)}
    )
    cells = Cells(
        "cells",
        "The cells, a row for each bar",
        "Sixteen sixteenths go right, eight bars down; masked cells are empty.",
        width=PER_BAR,
        height=len(fixed),
        legend=("masked", "kept", "hold", "rest", "note"),
        row_names=tuple(f"bar {n + 1}" for n in range(len(fixed))),
    )
    bars = Bars(
        "chances",
        "Chances of the last cell of this step",
        "A bar for each token that is ever likely; the one drawn is lit.",
        labels=tuple(token_name(token) for token in often),
    )
    text = Text("filled", "What was filled", "The cells of this step with chance and runner-up.")
    curve = _learning(notes, ("bound",), ("order 1", "order 2"), "masks")

    def colours() -> list[list[int]]:
        kinds = np.where(now == HOLD, 2, np.where(now == REST, 3, 4))
        kinds = np.where(kept, 1, np.where(now == MASK, 0, kinds))
        rows: list[list[int]] = kinds.reshape(len(fixed), PER_BAR).tolist()
        return rows

    steps = _learnt(notes, curve, "bound")
    steps.append(Step(f"{total} cells are masked.", {"cells": cells.show(colours())}))
    parents = []
    left = total
    for number, filled in enumerate(rounds):
        parents.append(
            ledger.decide(
                "step",
                "discrete diffusion",
                f"{len(filled)} of {left} masked cells, in a random order",
            )
        )
        lines = []
        for fill in filled:
            now[fill.place] = fill.token
            fills[fill.place] = (fill, number, left)
            lines.append(_line(fill.place, fill.token, fill.chances))
        left -= len(filled)
        last = filled[-1]
        steps.append(
            Step(
                f"Step {number + 1} of {len(rounds)}: {len(filled)} cells are drawn, {left} are "
                "still masked.",
                {
                    "cells": cells.show(
                        colours(), [divmod(fill.place, PER_BAR) for fill in filled]
                    ),
                    "chances": bars.show(
                        last.chances[often].tolist(), chosen=often.index(last.token)
                    ),
                    "filled": text.say(lines[:_LINES]),
                },
            )
        )

    def made(onset: int, pitch: int) -> dict[str, Any]:
        fill, number, masked = fills[onset]
        return {
            "maker": "discrete diffusion",
            "choice": f"{note_name(pitch)} at step {number + 1}, {masked} cells masked",
            "parent": parents[number],
            "probability": float(fill.chances[fill.token]),
            "rejected": _others(fill.token, fill.chances),
        }

    roll, played = _play(ledger, now, kept, tune, made)
    steps += played
    test = notes["test"]
    facts = (
        ("Cells filled, in steps", f"{total} in {len(rounds)}"),
        (
            "Unheard songs, nats a token: bound; counting after one, after two tokens",
            f"{test['bound']:.3f}; {test['order 1']:.3f}, {test['order 2']:.3f}",
        ),
        ("Weights", f"{sum(part.numel() for part in model.parameters())}"),
    )
    return _close(ledger, values, tune, fixed, (cells, bars, text, roll, curve), steps, facts)


def show_continuous(
    rng: np.random.Generator,
    values: Values,
    tune: Melody,
    given: Tokens,
    fixed: NDArray[np.bool_],
) -> Demonstration:
    """Take the noise out of four points; decode them on the way."""
    import torch

    from hybrid.history.musicvae_model import STEPS as PAIR
    from hybrid.history.musicvae_model import load_vae
    from hybrid.history.symbolic_diffusion_latent import denoise_points, load_latent, noise_table

    net, notes, _ = load_latent()
    vae = load_vae()[0]
    with torch.no_grad():
        known = vae.encode(torch.from_numpy(given.reshape(-1, PAIR)))[0].double().numpy()
    pairs = fixed[::2]
    path = denoise_points(net, rng, known, pairs)
    shown = [*range(0, len(path) - 1, EVERY), len(path) - 1]
    flat = np.concatenate([path[at] for at in shown])
    tokens, chances = vae.write(torch.from_numpy(flat).float())
    kept = np.repeat(fixed, PER_BAR)
    stages = np.where(kept, given, tokens.reshape(len(shown), -1))
    last = chances.reshape(len(shown), len(given), -1)[-1]
    ledger = _ledger()
    share = noise_table()[1]
    points = Cells(
        "points",
        "The points, number by number",
        "A row for two bars, a column for each dimension of MusicVAE's space; the darker, the "
        "greater.",
        width=path[0].shape[1],
        height=len(pairs),
        legend=tuple(f"{-2.5 + n * 5 / 9:.1f}" for n in range(10)),
        row_names=tuple(f"bars {2 * n + 1}-{2 * n + 2}" for n in range(len(pairs))),
        ordered=True,
    )
    heard = [pitch for stage in stages for _, _, pitch in decode(stage)]
    draft = _roll("draft", "Decoded now", heard)
    order = tuple(float(n) for n in range(len(share) + 1))
    clear = Curve(
        "clear",
        "How much is music",
        "The share of the points' variance that is not noise, over the steps back.",
        x_name="step back",
        y_name="share",
        series=(("music", order, (*map(float, share[::-1].round(3)), 1.0)),),
    )
    curve = _learning(notes, ("density",), (), "noise")
    steps = _learnt(notes, curve, "density")
    parents = [
        ledger.decide("point", "continuous diffusion", f"bars {2 * n + 1}-{2 * n + 2}")
        for n in range(len(pairs))
    ]
    for at, stage in zip(shown, stages, strict=True):
        levels = np.clip(np.rint((path[at] + 2.5) / 5 * 9), 0, 9).astype(int)
        moved = float(np.abs(path[at] - path[max(0, at - EVERY)]).mean())
        steps.append(
            Step(
                f"After {at} of {len(path) - 1} steps back; numbers moved by {moved:.2f} since "
                "the last picture.",
                {
                    "points": points.show(levels.tolist()),
                    "draft": draft.show(_cells(stage, kept, heard)),
                    "clear": clear.at(at),
                },
            )
        )

    def made(onset: int, pitch: int) -> dict[str, Any]:
        chance, token = last[onset], int(stages[-1][onset])
        return {
            "maker": "MusicVAE's decoder",
            "choice": f"{note_name(pitch)}, the likeliest token at this point",
            "parent": parents[onset // PAIR],
            "probability": float(chance[token]),
            "rejected": _others(token, chance),
        }

    roll, played = _play(ledger, stages[-1], kept, tune, made)
    steps += played
    test = notes["test"]
    facts = (
        ("Steps back", str(len(path) - 1)),
        (
            "Unheard songs, nats a token: bound with this density, with Gaussians plain and fitted",
            f"{test['bound']:.3f}; {test['plain']:.3f}, {test['fitted']:.3f}",
        ),
        ("Weights", f"{sum(part.numel() for part in net.parameters())}"),
    )
    return _close(ledger, values, tune, fixed, (points, draft, clear, roll, curve), steps, facts)


def _ledger() -> Ledger:
    ledger = Ledger()
    ledger.track("kept", program=71, clef="treble")
    ledger.track("made", program=73, clef="treble")
    return ledger


def _line(place: int, token: int, chances: NDArray[np.float64]) -> str:
    bar, cell = divmod(place, PER_BAR)
    runner = _others(token, chances)[0]
    return f"bar {bar + 1}, cell {cell + 1:2d}: {token_name(token)} {chances[token]:.2f} ({runner})"


def _others(token: int, chances: NDArray[np.float64]) -> list[str]:
    order = [int(n) for n in np.argsort(-chances, kind="stable") if n != token]
    return [f"{token_name(n)}: {chances[n]:.2f}" for n in order[:3]]


def _roll(name: str, title: str, heard: Sequence[int]) -> Cells:
    low, high = min(heard, default=60), max(heard, default=60)
    return Cells(
        name,
        title,
        "Time goes right in sixteenths, pitch goes up; full cells sound.",
        width=128,
        height=high - low + 1,
        legend=("silence", "kept", "held", "begins"),
        # Cells are small here: names of C and G only.
        row_names=tuple(
            note_name(pitch) if pitch % 12 in (0, 7) else "" for pitch in range(high, low - 1, -1)
        ),
    )


def _cells(tokens: Tokens, kept: NDArray[np.bool_], heard: Sequence[int]) -> list[list[int]]:
    low, high = min(heard, default=60), max(heard, default=60)
    grid = np.zeros((high - low + 1, len(tokens)), dtype=int)
    for onset, length, pitch in decode(tokens):
        grid[high - pitch, onset : onset + length] = 1 if kept[onset] else 2
        grid[high - pitch, onset] = 1 if kept[onset] else 3
    cells: list[list[int]] = grid.tolist()
    return cells


def _play(
    ledger: Ledger, tokens: Tokens, kept: NDArray[np.bool_], tune: Melody, made: Any
) -> tuple[Cells, list[Step]]:
    """Write the notes down, and a step for each bar."""
    notes = decode(tokens)
    heard = [pitch for _, _, pitch in notes]
    roll = _roll("result", "What came of it", heard)
    cells = _cells(tokens, kept, heard)
    for onset, length, pitch in notes:
        if kept[onset]:
            more: dict[str, Any] = {"maker": tune.title, "choice": f"{note_name(pitch)}, kept"}
        else:
            more = made(onset, pitch)
        track = "kept" if kept[onset] else "made"
        ledger.note(track, onset * SIXTEENTH, length * SIXTEENTH, pitch, **more)
    steps = []
    for bar in range(len(tokens) // PER_BAR):
        here = slice(bar * PER_BAR, (bar + 1) * PER_BAR)
        count = int((tokens[here] >= FIRST).sum())
        places = [
            (row, column)
            for row, line in enumerate(cells)
            for column in range(here.start, here.stop)
            if line[column]
        ]
        steps.append(
            Step(
                f"Bar {bar + 1}, {'kept' if kept[here.start] else 'made'}: notes that begin in "
                f"it: {count}.",
                {"result": roll.show(cells, places)},
                here.start * SIXTEENTH,
                here.stop * SIXTEENTH,
            )
        )
    return roll, steps


def _learning(
    notes: dict[str, Any], lines: Sequence[str], level: Sequence[str], what: str
) -> Curve:
    history, test = notes["history"], notes["test"]
    xs = tuple(row["update"] for row in history)
    unit = "nats a token" if level else "nats a number"
    return Curve(
        "learning",
        f"Learning to undo {what}: {unit} on songs held out",
        "The bound falls as the network learns; level lines, where there are any, are counting.",
        x_name="update",
        y_name=unit,
        series=(
            *((name, xs, tuple(row[name] for row in history)) for name in lines),
            *((f"n-gram, {name}", (xs[0], xs[-1]), (test[name],) * 2) for name in level),
            *((("a Gaussian", (xs[0], xs[-1]), (GAUSSIAN,) * 2),) if not level else ()),
        ),
    )


def _learnt(notes: dict[str, Any], curve: Curve, name: str) -> list[Step]:
    history = notes["history"]
    picked = np.unique(np.linspace(0, len(history) - 1, 6).astype(int)).tolist()
    return [
        Step(
            f"After {history[n]['update']:.0f} updates: {history[n][name]:.3f} nats.",
            {"learning": curve.at(history[n]["update"])},
        )
        for n in picked
    ]


def _close(
    ledger: Ledger,
    values: Values,
    tune: Melody,
    fixed: NDArray[np.bool_],
    panels: tuple[Panel, ...],
    steps: list[Step],
    facts: tuple[tuple[str, str], ...],
) -> Demonstration:
    name = tune.title.split(" (")[0].split(",")[0]
    kept = [str(n + 1) for n in np.flatnonzero(fixed)]
    title = f"{name}, bars {', '.join(kept)} kept" if kept else "Out of nothing"
    score, trace = ledger.close(
        title=title,
        qpm=values.number("tempo"),
        counts={"bars made": int((~fixed).sum())},
        length=len(fixed) * PER_BAR * SIXTEENTH,
    )
    return Demonstration(score, trace, Machine(panels, tuple(steps)), facts)


__all__ = ["show_continuous", "show_discrete"]
