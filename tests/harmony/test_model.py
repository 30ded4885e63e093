"""The analyser at a tiny size: shapes, transposition, padding, one batch learned, weights kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError, FormatError
from hybrid.harmony.batches import ExcerptPool
from hybrid.harmony.config import HarmonyConfig
from hybrid.harmony.corpus import BARS, SPANS, Piece, load_pieces, save_pieces
from hybrid.harmony.decode import decode, path_spans
from hybrid.harmony.evaluation import compare
from hybrid.harmony.examples import Example, collect_vocabulary, plain_example
from hybrid.harmony.features import FRAME_TICKS, N_PLACES, piece_arrays
from hybrid.harmony.graph import RELATIONS
from hybrid.harmony.losses import chord_tone_table, losses
from hybrid.harmony.model import HarmonyModel, RelationalLayer
from hybrid.harmony.predict import score_frames
from hybrid.harmony.textures import texturise
from hybrid.harmony.train_config import PRESETS, Thinning
from hybrid.harmony.weights import load_model, save_model

SMALL = HarmonyConfig(
    note_size=16, collect_size=12, frame_size=16, layers="c1 a", heads=2, label_size=16
)
# C: I V7 | I  a: V7 | i iv | V7 i, half bars
ROWS = [
    (0, 0, 0, 0, 0, 0),
    (0, 0, 0, 1, 4, 0),
    (0, 0, 0, 0, 0, 1),
    (3, 1, 0, 1, 4, 0),
    (3, 1, 0, 0, 1, 0),
    (3, 1, 0, -1, 1, 0),
    (3, 1, 0, 1, 4, 0),
    (3, 1, 0, 0, 1, 0),
]


def make_piece(seed: int = 0, move: int = 0) -> Piece:
    spans = np.array([(i * 960, (i + 1) * 960, *row) for i, row in enumerate(ROWS)], SPANS)
    notes = texturise(spans, np.random.default_rng(seed))
    bars = np.array([(i * 1920, 4, 4) for i in range(4)], BARS)
    notes["spelling"] += move
    notes["guess"] += move
    notes["pitch"] += 7 * move % 12
    spans["tonic"] += move
    return Piece(f"piece {seed}", "made", "CC0", notes, bars, (spans,))


def make_model(piece: Piece, config: HarmonyConfig = SMALL) -> HarmonyModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return HarmonyModel(config, collect_vocabulary([piece])).eval()


def pool_of(*pieces: Piece) -> ExcerptPool:
    vocabulary = collect_vocabulary(list(pieces))
    return ExcerptPool([plain_example(piece) for piece in pieces], vocabulary, torch.device("cpu"))


def test_relational_layer_is_the_mean_over_each_relation() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        layer = RelationalLayer(8, 0.0).eval()
        h = torch.randn(5, 8)
    rng = np.random.default_rng(0)
    source, target = torch.from_numpy(rng.integers(0, 5, (2, 30)))
    kind = torch.from_numpy(rng.integers(0, len(RELATIONS) * N_PLACES * 3, 30))
    with torch.inference_mode():
        x = layer.norm(h)
        sent = layer.send(x).view(5, len(RELATIONS), 8)
        total = torch.zeros(5, 8)
        for note in range(5):
            for relation in range(len(RELATIONS)):
                messages = [
                    sent[s, relation] * (1 + layer.gain(k)) + layer.shift(k)
                    for s, t, k in zip(source, target, kind, strict=True)
                    if t == note and k // (N_PLACES * 3) == relation
                ]
                if messages:
                    total[note] += torch.stack(messages).mean(0)
        expected = h + torch.nn.functional.gelu(layer.stay(x) + total)
        wide = torch.nn.functional.gelu(layer.widen(layer.norm2(expected)))
        expected = expected + layer.narrow(wide)
        torch.testing.assert_close(layer(h, source, target, kind), expected)


@pytest.mark.parametrize("move", [-5, -1, 2, 6])
def test_a_transposed_piece_gives_the_same_numbers_moved(move: int) -> None:
    piece, moved = make_piece(), make_piece(move=move)
    model = make_model(piece)
    one, other = plain_example(piece).arrays, plain_example(moved).arrays
    # Register alone is not of the line of fifths; it is set equal here.
    other = replace(other, note_floats=one.note_floats)
    first, second = score_frames([model], one), score_frames([model], other)
    keys = first.key_log_probability.reshape(-1, 12, 2)
    np.testing.assert_allclose(
        np.roll(keys, move, axis=1), second.key_log_probability.reshape(-1, 12, 2), atol=1e-4
    )
    np.testing.assert_allclose(first.log_probability, second.log_probability, atol=1e-4)


def test_padding_changes_nothing() -> None:
    piece = make_piece()
    pool, model = pool_of(piece), make_model(piece)
    zero = np.zeros(1, np.int64)
    n = int(pool.length[0])
    with torch.inference_mode():
        whole = model(pool.cut(zero, zero, n))
        padded = model(pool.cut(zero, zero, n + 20))
    torch.testing.assert_close(whole["key"], padded["key"][:, :n], atol=1e-4, rtol=1e-4)
    assert padded["state"].shape == (1, n + 20, 12, SMALL.frame_size)


def test_excerpts_hold_what_their_frames_hold() -> None:
    piece = make_piece(3)
    pool = pool_of(piece)
    zero = np.zeros(1, np.int64)
    whole = pool.cut(zero, zero, int(pool.length[0]))
    part = pool.cut(zero, zero + 8, 8)
    torch.testing.assert_close(part["labels"][0], whole["labels"][0, 8:16])
    torch.testing.assert_close(part["tonics"][0], whole["tonics"][0, 8:16])

    def pitches(batch: dict[str, torch.Tensor], first: int, n: int) -> list[tuple[int, int]]:
        frame = batch["pair_frame"] - first
        inside = (frame >= 0) & (frame < n)
        place = batch["spelling"][batch["pair_note"]]
        return sorted(zip(frame[inside].tolist(), place[inside].tolist(), strict=True))

    assert pitches(part, 0, 8) == pitches(whole, 8, 8)


def test_thinning_takes_notes_and_their_edges() -> None:
    pool = pool_of(make_piece())
    zero = np.zeros(4, np.int64)
    generator = torch.Generator().manual_seed(0)
    full = pool.cut(zero, zero, 32)
    thin = pool.cut(zero, zero, 32, Thinning(note=1.0, share=0.9, track=0.5), generator)
    assert len(thin["source"]) < len(full["source"])
    assert len(thin["pair_note"]) < len(full["pair_note"])
    again = pool.cut(zero, zero, 32, Thinning(1.0, 0.9, 0.5), torch.Generator().manual_seed(0))
    assert all(torch.equal(thin[name], again[name]) for name in thin)


def test_one_piece_is_learned_and_read_back() -> None:
    piece = make_piece()
    pool, config = pool_of(piece), PRESETS["smoke"]
    model = make_model(piece, replace(SMALL, dropout=0.0)).train()
    tones = torch.from_numpy(chord_tone_table(model.vocabulary))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    zero = np.zeros(1, np.int64)
    batch = pool.cut(zero, zero, int(pool.length[0]))
    for _ in range(60):
        loss, _parts = losses(model, batch, config, tones)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    model.eval()
    for move in (0, 4):
        other = make_piece(move=move)
        scores = score_frames([model], plain_example(other).arrays)
        spans = path_spans(scores, decode(scores), model.vocabulary, FRAME_TICKS, other.end)
        result = compare(other.readings[0], spans)
        assert result.right[-1] / result.frames > 0.9


def test_weights_are_kept(tmp_path: Path) -> None:
    piece = make_piece()
    model = make_model(piece)
    save_model(tmp_path / "a.safetensors", model, is_half=False)
    again = load_model(tmp_path / "a.safetensors")
    arrays = plain_example(piece).arrays
    one, other = score_frames([model], arrays), score_frames([again], arrays)
    np.testing.assert_array_equal(one.log_probability, other.log_probability)
    (tmp_path / "b.safetensors").write_bytes(b"nothing")
    with pytest.raises(FormatError, match="must be weights in safetensors"):
        load_model(tmp_path / "b.safetensors")


def test_pieces_are_kept(tmp_path: Path) -> None:
    pieces = [make_piece(0), make_piece(1)]
    save_pieces(tmp_path / "p.npz", pieces)
    for one, other in zip(pieces, load_pieces(tmp_path / "p.npz"), strict=True):
        assert (one.name, one.group, one.licence) == (other.name, other.group, other.licence)
        np.testing.assert_array_equal(one.notes, other.notes)
        np.testing.assert_array_equal(one.bars, other.bars)
        np.testing.assert_array_equal(one.readings[0], other.readings[0])
    with pytest.raises(FormatError, match="must be an archive of analysed pieces"):
        load_pieces(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"layers": "c1 x"}, "must be words"),
        ({"frame_size": 90}, "multiple of 2 x heads"),
        ({"kernel": 4}, "must be odd"),
        ({"dropout": 1.0}, "must be in 0..1"),
        ({"note_size": 0}, "must be positive"),
    ],
)
def test_configurations_are_checked(values: dict[str, Any], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        HarmonyConfig(**values)


def test_textures_sound_the_labels() -> None:
    piece = make_piece(5)
    notes, spans = piece.notes, piece.readings[0]
    assert np.all((7 * notes["spelling"].astype(int) - notes["pitch"]) % 12 == 0)
    bass: NDArray[Any] = notes[notes["track"] == 2]
    for span in spans:
        lowest = bass[bass["onset"] == span["onset"]]
        assert len(lowest) == 1
    arrays = piece_arrays(notes, piece.bars, notes["spelling"], piece.end)
    assert arrays.n_frames == 32
    assert isinstance(plain_example(piece), Example)
