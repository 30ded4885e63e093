"""The small network that hears keys: torch and NumPy, transposition, training, the join."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from hybrid.core.errors import ConfigError, FormatError
from hybrid.core.resources import resource_path
from hybrid.harmony import shipped
from hybrid.harmony.corpus import BARS, NOTES, SPANS, Piece
from hybrid.harmony.decode import DecodeConfig
from hybrid.harmony.features import PieceArrays, piece_arrays
from hybrid.harmony.key_model import KeyModel, KeyTraining, main, save_keys, train_keys
from hybrid.harmony.key_network import UNIT_FRAMES, KeyNetwork, key_inputs

TINY = KeyTraining(steps=3, excerpts=2, units=8)
# Tonal pitch classes above the tonic: I, IV, V, and the minor tonic's.
MAJOR = ((0, 4, 1), (-1, 3, 0), (1, 5, 2), (0, 4, 1))
MINOR = ((0, -3, 1), (-1, -4, 0), (1, 5, 2), (0, -3, 1))


def make_piece(move: int = 0, group: str = "made") -> Piece:
    """24 bars: eight in C major, eight in G major, eight in E minor; moved by fifths."""
    rows, spans = [], []
    for part, (tonic, mode) in enumerate(((0, 0), (1, 0), (4, 1))):
        first = part * 8 * 1920
        spans.append((first, first + 8 * 1920, tonic + move, mode, 0, 0, 0, 0))
        for half in range(16):
            chord = (MINOR if mode else MAJOR)[half % 4]
            for voice, place in enumerate(chord):
                pitch = 48 + 12 * voice + 7 * (place + tonic + move) % 12
                onset = first + half * 960
                rows.append((onset, onset + 960, pitch, place + tonic + move))
    notes = np.zeros(len(rows), NOTES)
    for column, name in enumerate(("onset", "end", "pitch", "spelling")):
        notes[name] = [row[column] for row in rows]
    notes["guess"] = notes["spelling"]
    notes = notes[np.lexsort((notes["pitch"], notes["onset"]))]
    bars = np.array([(i * 1920, 4, 4) for i in range(24)], BARS)
    labels = np.zeros(len(spans), SPANS)
    for column, name in enumerate(("onset", "end", "tonic", "mode", "of", "degree", "quality")):
        labels[name] = [span[column] for span in spans]
    return Piece(f"piece {move}", group, "CC0", notes, bars, (labels,))


def make_arrays(move: int = 0) -> PieceArrays:
    piece = make_piece(move)
    return piece_arrays(piece.notes, piece.bars, piece.notes["spelling"], piece.end)


def random_model(seed: int) -> KeyModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = KeyModel().eval()
        for parameter in model.parameters():  # norms and biases too
            parameter.data += 0.1 * torch.randn(parameter.shape)
    return model


def right_keys(network: KeyNetwork, move: int = 0) -> float:
    """Share of the frames whose likeliest key is that of `make_piece`."""
    likeliest = network.frame_keys(make_arrays(move)).argmax(axis=1)
    wanted = np.repeat([(t + move) % 12 * 2 + m for t, m in ((0, 0), (1, 0), (4, 1))], 64)
    return float((likeliest == wanted).mean())


def test_numpy_gives_what_torch_gives(tmp_path: Path) -> None:
    models = [random_model(seed) for seed in (0, 1)]
    save_keys(tmp_path / "keys.safetensors", models)
    arrays = make_arrays()
    collection, accent = (torch.from_numpy(part)[None] for part in key_inputs(arrays))
    with torch.inference_mode():
        each = torch.stack([m(collection, accent)[0].log_softmax(-1) for m in models])
    expected = (each.exp().mean(0)).log().numpy()
    found = KeyNetwork.load(tmp_path / "keys.safetensors").frame_keys(arrays)
    assert found.shape == (arrays.n_frames, 24)
    np.testing.assert_allclose(found[::UNIT_FRAMES], expected, atol=2e-5)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("move", [1, -3, 6])
def test_a_transposed_piece_gives_the_same_numbers_moved(tmp_path: Path, move: int) -> None:
    save_keys(tmp_path / "keys.safetensors", [random_model(2)])
    network = KeyNetwork.load(tmp_path / "keys.safetensors")
    here, there = network.frame_keys(make_arrays()), network.frame_keys(make_arrays(move))
    moved = np.roll(here.reshape(-1, 12, 2), move, axis=1).reshape(here.shape)
    np.testing.assert_allclose(there, moved, atol=2e-5)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    pieces = [make_piece(), make_piece(3)]
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        save_keys(tmp_path / name, [train_keys(pieces, seed, TINY)])
    first = (tmp_path / "a").read_bytes()
    assert first == (tmp_path / "b").read_bytes()
    assert first != (tmp_path / "c").read_bytes()


def test_training_learns_and_leaves_the_global_generator_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    config = KeyTraining(steps=60, excerpts=4, units=24)
    save_keys(tmp_path / "keys", [train_keys([make_piece(), make_piece(2)], 0, config)])
    assert torch.equal(before, torch.get_rng_state())
    save_keys(tmp_path / "random", [random_model(0)])
    trained = right_keys(KeyNetwork.load(tmp_path / "keys"), move=5)
    assert trained > 0.8 > right_keys(KeyNetwork.load(tmp_path / "random"), move=5) + 0.3


def test_pieces_under_the_gpl_are_left_out() -> None:
    with pytest.raises(ConfigError, match="got none"):
        train_keys([make_piece(group="bps_fh")], 0, TINY)


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match="steps must be positive, got 0"):
        KeyTraining(steps=0)
    with pytest.raises(ConfigError, match="--seeds must be whole numbers"):
        main(["--data", "none", "--out", "none", "--seeds", "a"])
    with pytest.raises(ConfigError, match="keys_from must not be negative, got -1"):
        DecodeConfig(keys_from=-1)


def test_other_files_are_refused(tmp_path: Path) -> None:
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "other.safetensors")
    for path in (tmp_path / "other.safetensors", tmp_path / "missing.safetensors"):
        with pytest.raises(FormatError, match="must be"):
            KeyNetwork.load(path)


def test_long_pieces_only_are_heard_by_the_network_of_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in resource_path("harmony", "trained").glob("analyser.*"):
        shutil.copy(path, tmp_path)
    save_keys(tmp_path / "keys.safetensors", [random_model(3)])
    piece = make_piece()
    rows = (piece.notes, piece.bars, piece.notes["spelling"], piece.end)
    n = make_arrays().n_frames
    settings = {"halved": 0.5, "keys": 0.5, "keys_from": n}
    (tmp_path / "decoding.json").write_text(json.dumps(settings))
    monkeypatch.setattr(shipped, "resource_path", lambda *parts: tmp_path)
    analyser = shipped.load_analyser()
    assert analyser.keys is not None
    assert len(analyser.models) == 1
    joined = analyser.scores(*rows)
    without = replace(analyser, keys=None).scores(*rows)
    short = replace(analyser, decoding=replace(analyser.decoding, keys_from=n + 1))
    np.testing.assert_array_equal(
        short.scores(*rows).key_log_probability, without.key_log_probability
    )
    heard = np.exp(analyser.keys.frame_keys(make_arrays()))
    expected = (np.exp(without.key_log_probability) + 0.5 * heard) / 1.5
    np.testing.assert_allclose(np.exp(joined.key_log_probability), expected, atol=1e-5)
