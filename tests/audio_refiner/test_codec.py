"""The codec: spectra that come back, chunks that change nothing, books, tokens in files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.audio_refiner.codec import Codec, CodecConfig
from hybrid.audio_refiner.codec_weights import load_codec, save_codec
from hybrid.audio_refiner.frames import HOP, spectra, wave_of
from hybrid.audio_refiner.quantiser import Book, ResidualQuantiser, books_in_use
from hybrid.audio_refiner.token_file import (
    Tokens,
    pack,
    read_tokens,
    tokens_to_bytes,
    unpack,
    write_tokens,
)
from hybrid.core.errors import ConfigError, FormatError

SMALL = CodecConfig(outer=12, inner=16, n_books=3, n_entries=16, code_size=4, expansion=2)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def codec(config: CodecConfig = SMALL) -> Codec:
    torch.manual_seed(0)
    return Codec(config).eval()


@pytest.mark.parametrize("n_frames", [1, 2, 3, 50])
def test_spectra_come_back(n_frames: int) -> None:
    wave = noise(2, n_frames * HOP)
    found = spectra(wave)
    assert found.shape == (2, n_frames, 513)
    torch.testing.assert_close(wave_of(found), wave, atol=1e-6, rtol=0)


def test_a_tone_stands_in_its_bin() -> None:
    n = torch.arange(HOP * 40)
    wave = torch.sin(2 * torch.pi * 20 * n / 1024)
    assert (spectra(wave)[10:30].abs().argmax(-1) == 20).all()


def test_a_length_between_hops_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 256"):
        spectra(torch.zeros(300))


@pytest.mark.parametrize("chunk", [1, 5, 16])
def test_chunks_change_nothing(chunk: int) -> None:
    made = codec(replace(SMALL, outer_blocks=2, inner_blocks=3))
    wave = noise(2, 1024 * 45 + 77)
    whole = made.encode(wave, chunk=1000)
    assert whole.shape == (46, 3)
    assert torch.equal(made.encode(wave, chunk=chunk), whole)
    torch.testing.assert_close(
        made.decode(whole, chunk=chunk), made.decode(whole, chunk=1000), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("chunk", [37, 600])
def test_noise_is_the_same_in_chunks_and_dies_where_none_is_asked(chunk: int) -> None:
    made = codec()
    assert made.decoder.noise is not None
    codes = torch.zeros(700, 3, dtype=torch.int64)
    torch.nn.init.constant_(made.decoder.noise.bias, 1.0)
    loud = made.decode(codes, chunk=1000)
    torch.testing.assert_close(made.decode(codes, chunk=chunk), loud, atol=1e-4, rtol=0)
    torch.nn.init.constant_(made.decoder.noise.bias, -30.0)
    quiet = made.decode(codes)
    # One token over and over: without noise a sound that repeats, with it one that does not.
    assert torch.allclose(quiet[:, 102400:103424], quiet[:, 103424:104448], atol=1e-5)
    assert not torch.allclose(loud[:, 102400:103424], loud[:, 103424:104448], atol=1e-2)
    plain = codec(replace(SMALL, noise=False))
    plain.load_state_dict(made.state_dict(), strict=False)
    torch.testing.assert_close(plain.decode(codes), quiet, atol=1e-5, rtol=0)


def test_nothing_outside_the_margin_matters() -> None:
    """The margin is an upper bound of what a frame depends on, and no wild one."""
    made = codec()
    codes = torch.zeros(60, 3, dtype=torch.int64)
    other = codes.clone()
    other[30] = 5
    changed = (made.decode(codes) != made.decode(other)).any(0).nonzero()[:, 0]
    first, last = int(changed[0]) // 1024, int(changed[-1]) // 1024
    margin = made.config.margin
    assert 30 - margin <= first <= 30 - margin + 3
    assert 30 + margin - 3 <= last <= 30 + margin


def test_the_decoder_can_write_any_sound() -> None:
    """Numbers and sound are each other's inverse, so the loss is the books' alone."""
    made = codec()
    wave = noise(1, 2, 1024 * 8)
    torch.testing.assert_close(made.wave(made.numbers(wave)), wave, atol=2e-4, rtol=0)


def test_rate_of_the_full_codec() -> None:
    config = CodecConfig()
    assert config.kbps == pytest.approx(5.17, abs=0.01)
    assert config.frame == 1024


def test_fewer_books_decode_too() -> None:
    made = codec()
    codes = made.encode(noise(2, 1024 * 5))
    for n_books in (1, 2, 3):
        assert made.decode(codes[:, :n_books]).shape == (2, 5 * 1024)


def test_each_book_takes_away() -> None:
    """With books of the leftovers themselves the error falls with each book."""
    torch.manual_seed(0)
    values = noise(1, 300, 4) * 10
    books = ResidualQuantiser(4, 3, 64, 4)
    generator = torch.Generator().manual_seed(0)
    for book in books.books:
        assert isinstance(book, Book)
        book.usage.zero_()
    codes = books.encode(values)
    assert books.restart_dead(values, codes, generator) > 0
    for _ in range(150):
        found = books(values)
        loss = found.loss + (found.values - values).square().mean()
        loss.backward()
        with torch.no_grad():
            for weight in books.parameters():
                if weight.grad is not None:
                    weight.sub_(0.05 * weight.grad)
                weight.grad = None
    with torch.no_grad():
        codes = books.encode(values)
        sums = [books.decode(codes[..., : n + 1]) for n in range(3)]
    errors = [float((each - values).square().mean()) for each in sums]
    assert errors[0] < float(values.square().mean())
    assert errors == sorted(errors, reverse=True)


def test_training_and_coding_choose_alike() -> None:
    torch.manual_seed(1)
    books = ResidualQuantiser(6, 4, 16, 3).eval()
    values = noise(2, 9, 6)
    found = books(values)
    codes = books.encode(values)
    assert torch.equal(found.codes, codes)
    torch.testing.assert_close(found.values, books.decode(codes))


def test_dropped_books_do_not_sound() -> None:
    torch.manual_seed(1)
    books = ResidualQuantiser(6, 4, 16, 3)
    values = noise(2, 9, 6)
    found = books(values, torch.tensor([1, 4]))
    codes = books.encode(values)
    torch.testing.assert_close(found.values[0], books.decode(codes[:1, :, :1])[0])
    torch.testing.assert_close(found.values[1], books.decode(codes[1:])[0])


def test_use_of_books() -> None:
    assert books_in_use(torch.tensor([[[0, 1], [3, 1]]]), 4) == [0.5, 0.25]


@given(st.integers(1, 12), st.data())
@settings(max_examples=30)
def test_packed_tokens_come_back(bits: int, data: st.DataObject) -> None:
    codes = data.draw(st.lists(st.integers(0, (1 << bits) - 1), min_size=1, max_size=40))
    packed = pack(np.array(codes), bits)
    assert len(packed) == -(-len(codes) * bits // 8)
    assert unpack(packed, len(codes), bits).tolist() == codes


def tokens() -> Tokens:
    codes = np.arange(12).reshape(4, 3) * 80
    return Tokens(codes, 4000, 44100, 1024, 10, "ab" * 32)


def test_token_files_come_back(tmp_path: Path) -> None:
    path = tmp_path / "sound.tokens"
    write_tokens(tokens(), path)
    found = read_tokens(path)
    assert found.codes.tolist() == tokens().codes.tolist()
    assert (found.n_samples, found.sample_rate, found.frame, found.bits, found.codec) == (
        4000,
        44100,
        1024,
        10,
        "ab" * 32,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: b"RIFF" + data[4:], "must begin with HYBTOK01"),
        (lambda data: data[:-1], "must take 15 bytes, got 14"),
        (lambda data: data + b"x", "must take 15 bytes, got 16"),
        (lambda data: data[:20], "must be whole JSON"),
        (lambda data: data.replace(b'"samples":4000', b'"samples":9000'), "at most 4096"),
        (lambda data: data.replace(b'"books":3', b'"books":0'), "books of a token file"),
    ],
)
def test_bad_token_files(change: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.tokens"
    path.write_bytes(change(tokens_to_bytes(tokens())))  # type: ignore[operator]
    with pytest.raises(FormatError, match=message) as caught:
        read_tokens(path)
    assert str(path) in str(caught.value)


def test_a_token_too_large_is_refused() -> None:
    with pytest.raises(FormatError, match=r"0\.\.1023, got 1024"):
        tokens_to_bytes(replace(tokens(), codes=np.array([[1024]])))


def test_weights_come_back(tmp_path: Path) -> None:
    made = codec()
    path = tmp_path / "codec.safetensors"
    save_codec(made, path, {"command": "none"})
    again, digest = load_codec(path)
    assert again.config == SMALL
    assert len(digest) == 64
    first = path.read_bytes()
    save_codec(again, path, {"command": "none"})
    assert path.read_bytes() == first
    wave = noise(2, 1024 * 4)
    assert torch.equal(again.encode(wave), load_codec(path)[0].encode(wave))


def test_files_that_hold_no_codec(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no weights of a codec"):
        load_codec(tmp_path / "none.safetensors")
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"not weights")
    with pytest.raises(ConfigError, match="must hold a codec's weights"):
        load_codec(bad)
