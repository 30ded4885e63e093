"""The network in NumPy gives what the network in torch gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid.harmony import blas, inference
from hybrid.harmony.batches import ExcerptPool
from hybrid.harmony.config import HarmonyConfig
from hybrid.harmony.corpus import BARS, NOTES
from hybrid.harmony.examples import Example
from hybrid.harmony.features import PieceArrays, piece_arrays
from hybrid.harmony.frame_scores import network_scores
from hybrid.harmony.inference import HarmonyNetwork
from hybrid.harmony.labels import QUALITIES, Chord, Vocabulary
from hybrid.harmony.model import HarmonyModel
from hybrid.harmony.predict import score_frames
from hybrid.harmony.weights import save_model

CONFIG = HarmonyConfig(
    note_size=12, collect_size=10, frame_size=16, layers="c1 a c2", heads=2, label_size=12
)
CHORDS = [
    Chord(mode, 0, degree, QUALITIES.index(quality), 0)
    for mode in (0, 1)
    for degree in (-1, 0, 1)
    for quality in ("major", "minor", "dominant-seventh")
]


def make_arrays(n: int, seed: int = 0) -> PieceArrays:
    rng = np.random.default_rng(seed)
    notes = np.zeros(n, NOTES)
    notes["onset"] = np.sort(rng.integers(0, n, n) * 120)
    notes["end"] = notes["onset"] + rng.choice([120, 240, 480, 960], n)
    notes["pitch"] = rng.integers(40, 80, n)
    notes["spelling"] = (7 * (notes["pitch"].astype(int) - 62) + 6) % 12 - 4
    notes = notes[np.lexsort((notes["pitch"], notes["onset"]))]
    bars = np.zeros(n // 16 + 2, BARS)
    bars["start"] = np.arange(len(bars)) * 1920
    bars["numerator"] = bars["denominator"] = 4
    return piece_arrays(notes, bars, notes["spelling"])


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[HarmonyModel, HarmonyNetwork]:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = HarmonyModel(CONFIG, Vocabulary(tuple(CHORDS))).eval()
    path = tmp_path_factory.mktemp("weights") / "a.safetensors"
    save_model(path, model, is_half=False)
    return model, HarmonyNetwork.load(path)


def test_states_and_logits_are_those_of_torch(pair: tuple[HarmonyModel, HarmonyNetwork]) -> None:
    model, network = pair
    arrays = make_arrays(150)
    pool = ExcerptPool(
        [Example(arrays, np.zeros(len(arrays.spelling), np.int64), (), 1.0)],
        model.vocabulary,
        torch.device("cpu"),
    )
    with torch.inference_mode():
        out = model(pool.cut(np.zeros(1, np.int64), np.zeros(1, np.int64), arrays.n_frames))
        chord = model.chord_logits(out["state"][0], torch.ones(12, dtype=torch.int64))
    state, key, change = network.read(arrays)
    for found, expected in ((state, "state"), (key, "key"), (change, "change")):
        np.testing.assert_allclose(found, out[expected][0].numpy(), atol=2e-5)
    scores = network.chord_log_probabilities(state, np.ones(state.shape[:2], np.int64))
    np.testing.assert_allclose(scores, chord.log_softmax(-1).numpy(), atol=2e-5)


def test_scores_of_a_piece_are_those_of_torch(
    pair: tuple[HarmonyModel, HarmonyNetwork],
) -> None:
    model, network = pair
    arrays = make_arrays(60, seed=1)
    one, other = score_frames([model], arrays), network_scores([network], arrays)
    np.testing.assert_allclose(one.key_log_probability, other.key_log_probability, atol=2e-5)
    np.testing.assert_allclose(one.change, other.change, atol=2e-5)
    # Both have the likeliest first.
    np.testing.assert_allclose(other.log_probability, one.log_probability, atol=5e-5)
    more = network_scores([network], arrays, n_keys=24, n_chords=3)
    assert more.key.shape == (arrays.n_frames, 72)
    assert all(sorted(row) == list(range(24)) for row in more.key[:, ::3].tolist())


def test_windows_change_little_and_cover_everything(
    pair: tuple[HarmonyModel, HarmonyNetwork], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, network = pair
    arrays = make_arrays(400, seed=2)
    _, whole, _ = network.read(arrays)
    monkeypatch.setattr(inference, "WINDOW_FRAMES", 96)
    monkeypatch.setattr(inference, "MARGIN_FRAMES", 24)
    windows = inference._windows(arrays.n_frames)
    assert len(windows) > 2
    frames = np.concatenate([np.arange(part.start, part.stop) for _, _, part in windows])
    assert frames.tolist() == list(range(arrays.n_frames))
    assert all(first <= part.start and part.stop <= last for first, last, part in windows)
    _, cut, _ = network.read(arrays)
    assert np.abs(cut - whole).mean() < 0.2 * whole.std()


def test_products_take_one_thread_and_give_it_back() -> None:
    found = blas._functions()
    if found is None:
        pytest.skip("NumPy has another library than OpenBLAS")
    get, _ = found
    before = get()
    with blas.one_blas_thread():
        assert get() == 1
    assert get() == before


def test_several_networks_are_averaged(pair: tuple[HarmonyModel, HarmonyNetwork]) -> None:
    _, network = pair
    arrays = make_arrays(40, seed=4)
    one, two = network_scores([network], arrays), network_scores([network, network], arrays)
    np.testing.assert_allclose(one.key_log_probability, two.key_log_probability, atol=1e-6)


def test_a_second_reading_in_halved_values_is_weighed(
    pair: tuple[HarmonyModel, HarmonyNetwork],
) -> None:
    _, network = pair
    plain, halved = make_arrays(60, seed=5), make_arrays(30, seed=6)
    one, other = network_scores([network], plain), network_scores([network], halved)
    both = network_scores([network], plain, halved, 0.5)
    frames = np.minimum(np.arange(plain.n_frames) // 2, halved.n_frames - 1)
    expected = np.exp(one.key_log_probability) + 0.5 * np.exp(other.key_log_probability[frames])
    np.testing.assert_allclose(np.exp(both.key_log_probability), expected / 1.5, atol=1e-5)
    change = (one.change + 0.5 * other.change[frames]) / 1.5
    np.testing.assert_allclose(both.change, change, atol=1e-5)
    none = network_scores([network], plain, halved, 0.0)
    np.testing.assert_array_equal(none.log_probability, one.log_probability)


def test_analysing_does_not_load_torch(repository: Path) -> None:
    code = (
        "import sys; from hybrid.harmony.shipped import load_analyser; "
        "from hybrid.core.score import Score, Track, make_notes; "
        "load_analyser().analyse(Score(tracks=(Track('a', make_notes([(0, 960, 60)])),))); "
        "assert 'torch' not in sys.modules, 'torch'; assert 'music21' not in sys.modules, 'music21'"
    )
    subprocess.run([sys.executable, "-c", code], cwd=repository, check=True)
