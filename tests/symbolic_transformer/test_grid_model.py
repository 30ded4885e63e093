"""The decoder and the grid model: skewing, causality, caches, what a position knows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.core.errors import ConfigError, ScoreError
from hybrid.symbolic_transformer.grid import (
    N_BACK,
    N_SYMBOLS,
    N_VOICES,
    NOTHING,
    decode_grid,
    encode_grid,
    read_grid,
)
from hybrid.symbolic_transformer.grid_model import GridConfig, GridTransformer
from hybrid.symbolic_transformer.trunk import Attention, Places, Trunk, TrunkConfig, skew

SMALL = TrunkConfig(width=64, layers=2, heads=2, hidden=48, dropout=0.0, reach=8)


def _grids(n_batch: int, n_steps: int, seed: int = 0) -> torch.Tensor:
    """Grids that hold their notes for a while, as music does."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, N_SYMBOLS, (n_batch, n_steps, N_VOICES))
    for step in range(1, n_steps):
        stays = rng.random((n_batch, N_VOICES)) < 0.6
        rows[:, step] = np.where(stays, rows[:, step - 1], rows[:, step])
    return torch.from_numpy(rows)


def _model(seed: int = 0, config: GridConfig | None = None) -> GridTransformer:
    torch.manual_seed(seed)
    return GridTransformer(config or GridConfig(trunk=SMALL, slot=16)).eval()


def _naive_bias(attention: Attention, query: torch.Tensor) -> torch.Tensor:
    """Logits of distances, one pair of positions after the other."""
    assert attention.table is not None
    n_batch, n_heads, n, size = query.shape
    rows = attention.table(n)
    bias = torch.full((n_batch, n_heads, n, n), float("-inf"))
    for head in range(n_heads):
        for i in range(n):
            for j in range(i + 1):
                products = query[:, head, i] @ rows[i - j, head]
                bias[:, head, i, j] = products * size**-0.5
    return bias


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_skewed_logits_are_those_of_the_naive_loop(n: int) -> None:
    torch.manual_seed(n)
    attention = Attention(SMALL)
    query = torch.randn(2, SMALL.heads, n, SMALL.head_width)
    fast = attention._bias(query, 0, n)
    assert fast is not None
    slow = _naive_bias(attention, query)
    seen = torch.ones(n, n).tril().bool()
    torch.testing.assert_close(fast[..., seen], slow[..., seen])
    assert n == 1 or bool((fast[..., ~seen] == float("-inf")).all())


def test_skew_moves_each_distance_to_its_position() -> None:
    n = 5
    logits = (n - 1 - torch.arange(n)).expand(n, n).float()  # every entry names its distance
    moved = skew(logits)
    for i in range(n):
        for j in range(i + 1):
            assert moved[i, j] == i - j


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("rotary", [True, False])
def test_nothing_depends_on_the_future(relative: bool, rotary: bool) -> None:
    trunk = TrunkConfig(64, 2, 2, 48, 0.0, 8, relative=relative, rotary=rotary)
    model = _model(config=GridConfig(trunk=trunk, slot=16))
    grids = _grids(1, 12)
    start, style = torch.tensor([5]), torch.tensor([0])
    logits = model(grids, start, style).detach()
    for step in range(12):
        for voice in range(N_VOICES):
            changed = grids.clone()
            flat = changed.view(1, -1)
            at = step * N_VOICES + voice
            flat[:, at:] = torch.flip(flat[:, at:], [1]) * 3 % N_SYMBOLS
            again = model(changed, start, style).detach()
            torch.testing.assert_close(
                again.view(1, -1, N_SYMBOLS)[:, : at + 1],
                logits.view(1, -1, N_SYMBOLS)[:, : at + 1],
            )


def test_positions_depend_on_the_symbol_just_before() -> None:
    model = _model()
    grids = _grids(1, 6)
    start, style = torch.tensor([0]), torch.tensor([0])
    before = model(grids, start, style).view(-1, N_SYMBOLS)
    for at in range(6 * N_VOICES - 1):
        changed = grids.clone()
        changed.view(-1)[at] = (changed.view(-1)[at] + 1) % N_SYMBOLS
        after = model(changed, start, style).view(-1, N_SYMBOLS)
        assert not torch.allclose(before[at + 1], after[at + 1])


@pytest.mark.parametrize("pieces", [(24,), (1,) * 24, (7, 1, 9, 7)])
def test_a_cache_gives_the_same_features(pieces: tuple[int, ...]) -> None:
    torch.manual_seed(3)
    trunk = Trunk(SMALL).eval()
    n = sum(pieces)
    x = torch.randn(2, n, SMALL.width)
    places = Places(torch.arange(n).expand(2, n) / 4, torch.randn(2, n), torch.randn(2, n))
    whole = trunk(x, places)
    cache = trunk.make_cache(2, n, torch.float32)
    at, parts = 0, []
    for size in pieces:
        span = slice(at, at + size)
        some = Places(places.time[:, span], places.query_pitch[:, span], places.key_pitch[:, span])
        parts.append(trunk(x[:, span], some, cache))
        at += size
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=1e-5)


def test_what_a_position_knows_is_what_the_grid_says() -> None:
    grids = _grids(1, 30, seed=4)
    features = read_grid(grids, torch.tensor([0]))
    rows = [[NOTHING] * N_VOICES, *grids[0].tolist()]
    for step in range(30):
        for voice in range(N_VOICES):
            for turn in range(N_VOICES):
                other = (voice + turn) % N_VOICES
                line = [row[other] for row in rows[: step + 1 + (other < voice)]]
                runs: list[list[int]] = []
                for symbol in line:
                    if runs and runs[-1][0] == symbol:
                        runs[-1][1] += 1
                    else:
                        runs.append([symbol, 1])
                at = (0, step, voice, turn)
                assert features.recent[at] == runs[-1][0]
                known_now = other < voice
                assert features.held[at] == runs[-1][1] - (1 if known_now else 0)
                for back in range(min(N_BACK, len(runs) - 1)):
                    assert features.back[at][back] == runs[-2 - back][0]


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(*[st.integers(20, 108)] * 4), min_size=1, max_size=12))
def test_decoding_an_encoding_gives_the_grid(rows: list[tuple[int, ...]]) -> None:
    grid = np.where(np.array(rows) == 20, -1, rows)
    assert (decode_grid(encode_grid(grid)) == grid).all()


def test_bad_grids_and_sizes_are_named() -> None:
    with pytest.raises(ScoreError, match=r"21\.\.108 or -1, got 20 \(step 1, voice 2\)"):
        encode_grid(np.array([[60, 60, 60, 60], [60, 60, 20, 60]]))
    with pytest.raises(ScoreError, match="shape"):
        encode_grid(np.zeros((3, 5), dtype=int))
    with pytest.raises(ConfigError, match="multiple of heads"):
        TrunkConfig(width=100, heads=3)


def test_a_batch_can_be_learned_by_heart() -> None:
    torch.manual_seed(0)
    model = GridTransformer(GridConfig(trunk=SMALL, slot=16))
    grids = _grids(2, 8)
    start, style = torch.zeros(2, dtype=torch.long), torch.zeros(2, dtype=torch.long)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(120):
        logits = model(grids, start, style)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 2), grids.flatten())
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert loss.item() < 0.1
