"""Embeddings of others, with their own classes and random weights where the packages are there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError
from hybrid.metrics.audio_embeddings import (
    ClapEmbedding,
    EncodecEmbedding,
    VggishEmbedding,
    embedding_by_name,
)


def sound(seconds: float = 2.5, rate: int = 44100) -> Audio:
    rng = np.random.default_rng(0)
    return Audio(rng.standard_normal((2, int(seconds * rate))).astype(np.float32) * 0.1, rate)


@pytest.mark.parametrize("name", ["vggish", "encodec", "clap"])
def test_one_line_when_something_is_missing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match=rf"embedding {name} must have") as caught:
        embedding_by_name(name, tmp_path / "none")
    assert "\n" not in str(caught.value)


def test_encodec_of_random_weights() -> None:
    transformers = pytest.importorskip("transformers", reason="EnCodec's own class")
    config = transformers.EncodecConfig(num_filters=4, hidden_size=16, upsampling_ratios=[8, 4])
    network = transformers.EncodecModel(config).eval()
    rows = EncodecEmbedding(network=network)(sound())
    assert rows.shape == (2, 16)
    assert np.isfinite(rows).all()


def test_clap_of_random_weights() -> None:
    transformers = pytest.importorskip("transformers", reason="CLAP's own class")
    config = transformers.ClapAudioConfig(
        patch_embeds_hidden_size=16,
        hidden_size=128,
        num_hidden_layers=1,
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 2, 4, 8],
        projection_dim=32,
    )
    network = transformers.ClapAudioModelWithProjection(config).eval()
    extractor = transformers.ClapFeatureExtractor()
    rows = ClapEmbedding(network=network, extractor=extractor)(sound())
    assert rows.shape == (1, 32)
    assert np.isfinite(rows).all()


def test_vggish_of_random_weights() -> None:
    vggish = pytest.importorskip("torchvggish.vggish", reason="VGGish's own class")
    rows = VggishEmbedding(network=vggish.VGG(vggish.make_layers()))(sound())
    assert rows.shape == (2, 128)
    assert np.isfinite(rows).all()
