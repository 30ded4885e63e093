"""Columns and features computed while pieces grow are those of the finished pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hybrid.symbolic_transformer.event_columns import ASK_COLUMNS, OWN_COLUMNS, read_events
from hybrid.symbolic_transformer.event_rows import EventRows
from hybrid.symbolic_transformer.events import BAR
from hybrid.symbolic_transformer.trunk_steps import make_ring, step
from tests.symbolic_transformer.event_pieces import random_events, small_arrays, tiny_model

FIELDS = ("tick", "track", "place", "pitch", "duration", "velocity", "timing")


def grow(rows: EventRows, pieces: list[NDArray[Any]], number: int) -> NDArray[np.int64]:
    """Append event ``number`` of each piece that has one; the rows that did."""
    grown = np.array([row for row, piece in enumerate(pieces) if number < len(piece)])
    values = {
        name: np.array([pieces[row][number][name] for row in grown], np.int64) for name in FIELDS
    }
    rows.append(grown, **values)
    return grown


def test_columns_step_by_step() -> None:
    plan = small_arrays()
    pieces = [random_events(plan, seed, 40 + 10 * seed) for seed in range(3)]
    wanted = [read_events(piece, plan) for piece in pieces]
    assert any(columns.read[:, 7].any() for columns in wanted)  # the second phrase returns
    rows = EventRows(plan, 3, capacity=8)
    own_at = len(ASK_COLUMNS) - len(OWN_COLUMNS)
    for number in range(max(map(len, pieces))):
        grown = grow(rows, pieces, number)
        read, floor = rows.read(), rows.floor()
        for row in grown:
            assert read[row].tolist() == wanted[row].read[number].tolist()
            assert floor[row].tolist() == wanted[row].floor[number].tolist()
        follows = [row for row in grown if number + 1 < len(pieces[row])]
        following = np.zeros((2, 3), np.int64)
        for row in follows:
            after = pieces[row][number + 1]
            following[:, row] = after["tick"], after["track"]
        ask = rows.ask(following[0])
        ask[:, own_at:] = rows.own(following[0], np.minimum(following[1], 3))
        for row in follows:
            if following[1, row] < BAR:
                assert ask[row].tolist() == wanted[row].ask[number].tolist()


def test_rows_taken_back_are_the_shorter_rows() -> None:
    plan = small_arrays()
    piece = random_events(plan, 5)
    rows, short = EventRows(plan, 2), EventRows(plan, 2)
    rows.load(piece)
    short.load(piece[:31])
    rows.take_back(np.array([31, 31]))
    tick = np.full(2, int(piece[31]["tick"]))
    track = np.full(2, 2)
    for name in ("bar_notes", "before_pitch", "last_pitch", "last_end"):
        assert getattr(rows, name).tolist() == getattr(short, name).tolist()
    for first, second in (
        (rows.read(), short.read()),
        (rows.ask(tick), short.ask(tick)),
        (rows.own(tick, track), short.own(tick, track)),
    ):
        assert first.tolist() == second.tolist()


@pytest.mark.parametrize("window", [256, 32])
def test_ragged_steps_give_the_features_of_the_whole(window: int) -> None:
    """Rows of different lengths, some waiting, against the plain path on each piece alone."""
    model, plan = tiny_model(), small_arrays()
    pieces = [random_events(plan, seed, 40 + 12 * seed)[: 24 + 8 * seed] for seed in range(3)]
    rng = np.random.default_rng(3)
    rows = EventRows(plan, 3)
    ring = make_ring(model.trunk, 3, window)
    style = torch.tensor([0, 1, 2])
    found: list[list[torch.Tensor]] = [[], [], []]
    with torch.inference_mode():
        while any(len(kept) < len(piece) for kept, piece in zip(found, pieces, strict=True)):
            going = np.array(
                [len(found[r]) < len(pieces[r]) and rng.random() < 0.6 for r in range(3)]
            )
            for row in np.flatnonzero(going).tolist():
                event = pieces[row][len(found[row])]
                rows.append(np.array([row]), **{name: int(event[name]) for name in FIELDS})
            if (rows.count == 0).any():
                # A row with nothing yet has nothing to be read; it waits with its bar line.
                for row in np.flatnonzero(rows.count == 0).tolist():
                    event = pieces[row][0]
                    rows.append(np.array([row]), **{name: int(event[name]) for name in FIELDS})
                    going[row] = True
            read = torch.from_numpy(rows.read())[:, None]
            tick = torch.from_numpy(rows.newest("tick"))[:, None]
            x, places = model.embed(read, tick, style)
            hidden = step(model.trunk, x, places, ring, going)
            for row in np.flatnonzero(going).tolist():
                found[row].append(hidden[row, 0])
        for row, piece in enumerate(pieces):
            columns = read_events(piece, plan)
            read = torch.from_numpy(columns.read.astype(np.int64))[None]
            tick = torch.from_numpy(columns.tick.astype(np.int64))[None]
            whole = model.listen(read, tick, style[row : row + 1])[0]
            near = min(window, len(piece))
            torch.testing.assert_close(
                torch.stack(found[row])[:near], whole[:near], atol=2e-5, rtol=1e-4
            )


def test_a_row_taken_back_goes_on_as_if_nothing_had_been() -> None:
    model, plan = tiny_model(), small_arrays()
    piece = random_events(plan, 7)
    style = torch.zeros(1, dtype=torch.long)

    def run(rows: EventRows, ring: Any, events: NDArray[Any]) -> torch.Tensor:
        for event in events:
            rows.append(np.array([0]), **{name: int(event[name]) for name in FIELDS})
            read = torch.from_numpy(rows.read())[:, None]
            tick = torch.from_numpy(rows.newest("tick"))[:, None]
            hidden = step(model.trunk, *model.embed(read, tick, style), ring, np.array([True]))
        return hidden

    with torch.inference_mode():
        rows, ring = EventRows(plan, 1), make_ring(model.trunk, 1, 64)
        run(rows, ring, piece[:40])
        rows.take_back(np.array([20]))
        ring.take_back(np.array([20]))
        again = run(rows, ring, piece[20:30])
        fresh = run(EventRows(plan, 1), make_ring(model.trunk, 1, 64), piece[:30])
    torch.testing.assert_close(again, fresh, atol=1e-5, rtol=1e-4)


def test_share_of_a_return_that_was_kept() -> None:
    """Two notes of the first phrase; the second phrase, a fifth higher, keeps one of them."""
    rows = EventRows(small_arrays(), 2, capacity=4)
    every = np.array([0, 1])
    assert np.isnan(rows.kept_share(8)).all()
    for tick, pitch in ((0, 40), (24, 44)):
        rows.append(every, tick=tick, track=0, pitch=pitch, duration=24)
    assert np.isnan(rows.kept_share(8)).all()
    shift = int(rows.told.shift[192])
    assert shift == -5
    rows.append(every, tick=192, track=0, pitch=40 + shift, duration=24)
    rows.append(every, tick=216, track=0, pitch=44 + shift + np.array([0, 1]), duration=24)
    assert rows.kept_share(8).tolist() == [1.0, 0.5]
    assert rows.kept_share(1).tolist() == [1.0, 0.0]
