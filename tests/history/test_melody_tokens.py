"""Melodies as tokens and the n-gram beside the networks.

Known answers: a tune written out by hand; Witten and Bell's estimate of a text of four tokens.
"""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.core.errors import ConfigError
from hybrid.history.melodies import load_held_out, load_melodies
from hybrid.history.melody_corpus import legato
from hybrid.history.melody_ngram import count_ngram, load_ngram
from hybrid.history.melody_tokens import (
    FIRST,
    N_TOKENS,
    decode,
    encode,
    held_out_pieces,
    in_c,
    melody_tokens,
    read_tune,
    windows,
)


def test_a_bar_by_hand() -> None:
    notes = [(0, 4, 60), (4, 2, 62), (8, 8, 64)]
    tokens = encode(notes, 16)
    assert tokens.tolist() == [10, 0, 0, 0, 12, 0, 1, 0, 14, 0, 0, 0, 0, 0, 0, 0]
    assert decode(tokens) == notes


def test_the_highest_of_a_chord_and_no_overlap() -> None:
    assert decode(encode([(0, 8, 60), (0, 8, 67), (4, 4, 65)], 16)) == [(0, 4, 67), (4, 4, 65)]


def test_every_tune_comes_back() -> None:
    for tune in (load_melodies() | load_held_out()).values():
        found = decode(melody_tokens(tune))
        assert tuple((pitch, length * 120) for _, length, pitch in found) == tune.notes


def test_pitches_outside_the_range_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"pitch must be in 52\.\.88, got 30"):
        encode([(0, 4, 30)], 16)


def test_tunes_are_moved_to_c() -> None:
    # D major, two octaves too low; a melody in E minor.
    scale = [(4 * n, 4, 38 + step) for n, step in enumerate((0, 2, 4, 5, 7, 4, 0, 0))]
    assert in_c(scale) % 12 == 10
    minor = [(4 * n, 4, 64 + step) for n, step in enumerate((0, 2, 3, 7, 0, 3, 2, 0))]
    assert in_c(minor) % 12 == 5
    assert in_c([(0, 4, 60), (4, 4, 64), (8, 8, 67)]) == 0


def test_short_rests_are_sung_through() -> None:
    tokens = encode([(0, 2, 60), (4, 2, 62), (12, 4, 64)], 16)
    assert decode(legato(tokens)) == [(0, 4, 60), (4, 2, 62), (12, 4, 64)]


def test_windows_have_notes_in_every_two_bars() -> None:
    silent = np.zeros(64, dtype=np.int64)
    silent[:3] = FIRST
    assert len(windows(silent, 2)) == 1
    assert windows(silent, 4) == []


def test_tunes_by_name_or_written_out() -> None:
    assert read_tune("jingle-bells").title.startswith("Jingle Bells")
    assert read_tune("C4/2 D4/2").notes == ((60, 960), (62, 960))
    with pytest.raises(ConfigError, match="got 'no such value'"):
        read_tune("no such value")


def test_witten_bell_by_hand() -> None:
    ngram = count_ngram(np.array([[2, 2, 3, 2]]))
    flat = 1 / N_TOKENS
    none = [(3 + 2 * flat) / 6, (1 + 2 * flat) / 6]
    # After a 2 came a 2 and a 3, once each.
    assert np.exp(ngram.one[2, 2]) == pytest.approx((1 + 2 * none[0]) / 4)
    assert np.exp(ngram.one[2, 3]) == pytest.approx((1 + 2 * none[1]) / 4)
    # After two 2s came a 3.
    assert np.exp(ngram.two[2, 2, 3]) == pytest.approx((1 + np.exp(ngram.one[2, 3])) / 2)
    assert np.exp(ngram.one).sum(axis=-1) == pytest.approx(1.0)
    assert np.exp(ngram.two).sum(axis=-1) == pytest.approx(1.0)


def test_shipped_tables_are_chances() -> None:
    ngram = load_ngram()
    assert np.exp(ngram.two).sum(axis=-1) == pytest.approx(1.0, abs=0.01)
    pieces = held_out_pieces(2)
    assert ngram.nats(pieces, 1) < np.log(N_TOKENS) / 2
    with pytest.raises(ConfigError, match="order must be 1 or 2, got 3"):
        ngram.nats(pieces, 3)
