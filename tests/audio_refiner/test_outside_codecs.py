"""Codecs of other makers: their own model classes with random weights, where they are installed."""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from hybrid.audio_refiner import outside_codecs
from hybrid.audio_refiner.codec_run import decode_file, encode_file
from hybrid.audio_refiner.outside_codecs import ChannelPair, MonoModel
from hybrid.audio_refiner.sound_codec import SoundCodec, load_sound_codec
from hybrid.core.errors import ConfigError

# What those packages do when they are loaded and run is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore")


def package(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ImportError as error:
            pytest.skip(f"needs the optional package {name}: {error}")


def noise(n_samples: int, rate: int = 44100) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    tone = np.sin(2 * np.pi * 440 * np.arange(n_samples) / rate)
    made: np.ndarray[Any, Any] = (0.2 * tone + 0.05 * rng.standard_normal((2, n_samples))).astype(
        np.float32
    )
    return made


def dac_file(folder: Path) -> tuple[Path, Any]:
    """Random weights as the package itself writes them."""
    dac = package("dac")
    torch.manual_seed(0)
    model = dac.DAC(encoder_dim=4, decoder_dim=32, n_codebooks=3, codebook_size=16)
    path = folder / "weights.pth"
    model.save(str(path), package=False)
    return path, model.eval()


def there_and_back(codec: SoundCodec, folder: Path, n_samples: int) -> None:
    source, tokens, back = (folder / name for name in ("a.wav", "a.tokens", "b.wav"))
    soundfile.write(source, noise(n_samples).T, 44100)
    found = encode_file(source, tokens, codec)
    assert found.kind == codec.kind
    assert found.codes.shape[1] == codec.n_books
    made = decode_file(tokens, back, codec)
    assert made.n_samples == found.n_samples == soundfile.info(back).frames
    fewer = decode_file(tokens, back, codec, books=2)
    assert fewer.n_samples == made.n_samples
    with pytest.raises(ConfigError, match="come in pairs, left and right"):
        decode_file(tokens, back, codec, books=1)


def test_dac_is_the_makers_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, model = dac_file(tmp_path)
    codec = load_sound_codec("dac", path)
    assert (codec.sample_rate, codec.frame, codec.n_books) == (44100, 512, 6)
    wave = noise(512 * 60)
    codes = np.concatenate(list(codec.encode([wave])))
    with torch.inference_mode():
        theirs = model.encode(torch.from_numpy(wave)[:, None])[1]  # (2, K, T)
        assert codes.tolist() == theirs.permute(2, 1, 0).flatten(1).tolist()
        sound = model.decode(model.quantizer.from_codes(theirs)[0])[:, 0].numpy()
    np.testing.assert_allclose(np.concatenate(list(codec.decode(codes)), 1), sound, atol=1e-5)
    monkeypatch.setattr(outside_codecs, "CHUNK", 21)
    assert np.concatenate(list(codec.encode([wave]))).tolist() == codes.tolist()
    np.testing.assert_allclose(np.concatenate(list(codec.decode(codes)), 1), sound, atol=1e-4)
    there_and_back(codec, tmp_path, 9000)


def test_encodec_is_the_makers_own(tmp_path: Path) -> None:
    encodec = package("encodec")
    torch.manual_seed(0)
    model = encodec.EncodecModel.encodec_model_24khz(pretrained=False)
    path = tmp_path / "encodec.th"
    torch.save(model.state_dict(), path)
    codec = load_sound_codec("encodec", path)
    assert (codec.sample_rate, codec.frame, codec.n_books) == (24000, 320, 16)
    wave = noise(320 * 30)
    codes = np.concatenate(list(codec.encode([wave])))
    model.set_target_bandwidth(6.0)
    with torch.inference_mode():
        ((theirs, _),) = model.encode(torch.from_numpy(wave)[:, None])
        assert codes.tolist() == theirs.permute(2, 1, 0).flatten(1).tolist()
        sound = model.decode([(theirs, None)])[:, 0].numpy()
    np.testing.assert_allclose(np.concatenate(list(codec.decode(codes)), 1), sound, atol=1e-5)
    there_and_back(codec, tmp_path, 9000)


@pytest.mark.parametrize("kind", ["dac", "encodec"])
def test_weights_of_something_else(tmp_path: Path, kind: str) -> None:
    package(kind)
    with pytest.raises(ConfigError, match="comes without weights"):
        load_sound_codec(kind)
    with pytest.raises(ConfigError, match=r"cannot read .*none\.pth"):
        load_sound_codec(kind, tmp_path / "none.pth")
    bad = tmp_path / "bad.pth"
    bad.write_bytes(b"no weights")
    with pytest.raises(ConfigError, match=f"must hold weights of {kind}"):
        load_sound_codec(kind, bad)
    torch.save({"other": torch.zeros(2)}, bad)
    with pytest.raises(ConfigError, match=f"must hold weights of {kind}"):
        load_sound_codec(kind, bad)


@pytest.mark.parametrize("kind", ["dac", "encodec"])
def test_without_the_package(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, kind, None)
    with pytest.raises(ConfigError, match=rf"needs the package .*hybrid-composer\[{kind}\]"):
        load_sound_codec(kind, Path("weights"))


def test_books_of_left_and_right_take_turns() -> None:
    """A model whose code is its sample: what goes in comes out, chunk by chunk."""
    model = MonoModel(
        kind="plain",
        digest="",
        sample_rate=8000,
        frame=2,
        n_books=2,
        n_entries=1000,
        before=1,
        after=1,
        encode=lambda wave: wave[:, 0].reshape(2, -1, 2).transpose(1, 2).round(),
        decode=lambda codes: codes.transpose(1, 2).flatten(1)[:, None].float(),
    )
    codec = ChannelPair(model)
    wave = np.arange(12, dtype=np.float32).reshape(2, 6)
    codes = np.concatenate(list(codec.encode([wave])))
    assert codes.tolist() == [[0, 6, 1, 7], [2, 8, 3, 9], [4, 10, 5, 11]]
    assert np.concatenate(list(codec.decode(codes)), 1).tolist() == wave.tolist()
