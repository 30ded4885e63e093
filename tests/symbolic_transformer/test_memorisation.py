"""What is said of a piece's notes and the training pieces, with the files that ship."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.core.errors import ConfigError
from hybrid.core.score import Score, Track, make_notes
from hybrid.io.files import read_score
from hybrid.symbolic_transformer.chorale_splits import chorale_splits
from hybrid.symbolic_transformer.corpus import CorpusPiece
from hybrid.symbolic_transformer.event_engine import TransformerEngine
from hybrid.symbolic_transformer.event_weights import load_event_model
from hybrid.symbolic_transformer.memorisation import (
    STYLES,
    build_index,
    in_words,
    index_path,
    look_up,
    score_of,
    shipped_index,
)
from hybrid.symbolic_transformer.tables import BAR_DTYPE, NOTE_DTYPE, ScoreArrays
from tests.symbolic_transformer.event_pieces import small_plan, tiny_model


def chorale(split: str, number: int = 0) -> Score:
    """A chorale of music21's corpus whose counterpart in the training corpus has this split."""
    from music21 import corpus

    matches = chorale_splits()
    trained = {
        (match.split, match.number)
        for (name, _), match in matches.items()
        if name == "bach_chorales" and match.similarity > 0.95
    }
    names = [
        name
        for (source, name), match in matches.items()
        if source == "music21"
        and match.split == split
        and match.similarity > 0.97
        and (match.split, match.number) in trained
    ]
    place = corpus.getWork(f"bach/{names[number]}")
    return read_score(place).score


@pytest.mark.parametrize("number", [0, 3])
def test_a_training_chorale_is_found_and_a_held_out_one_is_not(number: int) -> None:
    seen = look_up(chorale("train", number), "chorale")["training"]["chorale"]
    # Two editions of one chorale: some notes differ.
    assert seen["share"] > 0.7
    assert seen["longest_run"] > 25
    assert seen["piece"].startswith("bach_chorales/")
    held_out = look_up(chorale("test", number), "chorale")
    unseen = held_out["training"]["chorale"]
    assert unseen["share"] <= held_out["held_out"]["share"]["max"] < 0.5
    assert held_out["training"]["pop"]["share"] < 0.1


def test_what_ships_is_small_and_says_what_held_out_pieces_share() -> None:
    assert sum(index_path(style).stat().st_size for style in STYLES) <= 2_000_000
    for style in STYLES:
        index = shipped_index(style)
        assert index.kinds == ("notes",)
        assert len(index.sources) > 100
        assert index.reference["pieces"] > 40
        assert 0 < index.reference["notes"]["share"]["mean"] < 0.5


def piece(name: str, split: str, seed: int) -> CorpusPiece:
    from hybrid.symbolic_transformer.conditions import plan_arrays

    rng = np.random.default_rng(seed)
    notes = np.zeros(64, NOTE_DTYPE)
    notes["onset"] = np.repeat(np.arange(32) * 12, 2)
    notes["duration"] = 12
    notes["track"] = np.tile([0, 3], 32)
    notes["pitch"] = np.tile([72, 48], 32) + rng.integers(-5, 6, 64)
    return CorpusPiece(
        name, split, ScoreArrays(384, notes, np.empty(0, BAR_DTYPE)), plan_arrays(small_plan())
    )


def test_an_index_holds_the_training_pieces_and_knows_the_test_pieces() -> None:
    pieces = [piece("a", "train", 1), piece("b", "valid", 2), piece("c", "test", 3)]
    index = build_index("chorale", pieces)
    assert index.sources == ("a",)
    assert index.reference["pieces"] == 1
    assert index.reference["notes"]["share"]["max"] == 0
    assert index.measure(score_of(pieces[0].score))["notes"].share == 1
    # The same bytes again.
    assert index.to_bytes() == build_index("chorale", pieces).to_bytes()
    with pytest.raises(ConfigError, match="got 'jazz'"):
        build_index("jazz", pieces)


def test_only_the_asked_bars_count() -> None:
    source = chorale("train")
    notes = make_notes([(i * 480, 480, 60 + 7 * i * i % 11) for i in range(40)])
    cut = Score((Track("soprano", notes), *source.tracks[1:]))
    whole = look_up(cut, "chorale")["training"]["chorale"]
    late = look_up(cut, "chorale", (30.0, 34.0))["training"]["chorale"]
    assert 0 < late["patterns"] < whole["patterns"]


def test_other_weights_say_nothing_and_shipped_ones_do() -> None:
    plan = small_plan()
    score = chorale("train")
    assert TransformerEngine(tiny_model()).memorised(plan, score) == {}
    engine = TransformerEngine(load_event_model())
    assert engine.memorised(plan, Score(())) == {}
    found = engine.memorised(plan, score)
    assert found["style"] == "chorale"
    part = engine.memorised(plan, score, (2, 3))
    counts = [item["training"]["chorale"]["patterns"] for item in (part, found)]
    assert 0 < counts[0] < counts[1]
    assert "of the eight-note patterns stand in training pieces" in in_words(found)
