"""A piece by the learned engine from end to end, with the weights that ship."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import hybrid
from hybrid.core.resources import resource_path
from hybrid.pipeline import Piece


@pytest.fixture(scope="module")
def piece() -> Piece:
    return _compose()


def _compose() -> Piece:
    return hybrid.compose(
        engine="transformer", form="chorale", texture="chorale", minutes=0.2, seed=2
    )


def test_the_plan_is_kept(piece: Piece) -> None:
    assert piece.agreement is not None
    assert piece.agreement.to_dict()["bars_found"] == piece.plan.n_bars
    assert piece.agreement.to_dict()["chords"] >= 0.9
    makers = {entry.maker for entry in piece.trace.of_kind("note")}
    assert "transformer:chorale" in makers
    assert all(maker.startswith(("transformer:", "repair:")) for maker in makers)
    assert ("repair" in {entry.kind for entry in piece.trace.entries}) == bool(piece.trace.repairs)


def test_the_same_seed_gives_the_same_notes(piece: Piece) -> None:
    again = _compose()
    assert piece.score is not None
    assert again.score is not None
    for one, other in zip(piece.score.tracks, again.score.tracks, strict=True):
        assert one.notes.tobytes() == other.notes.tobytes()


def test_provenance_names_the_weights(piece: Piece, tmp_path: Path) -> None:
    hybrid.save(piece, tmp_path / "out", hybrid.SaveOptions(audio=False, page=False))
    record = json.loads((tmp_path / "out" / "provenance.json").read_text())
    weights = resource_path("symbolic_transformer", "weights", "notes.safetensors")
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert record["weights"]["notes.safetensors"] == digest
    # The analyser weighed the repairs.
    heard = resource_path("harmony", "trained", "analyser.safetensors")
    assert (
        record["weights"]["analyser.safetensors"] == hashlib.sha256(heard.read_bytes()).hexdigest()
    )


def test_provenance_says_what_stands_in_training_pieces(piece: Piece, tmp_path: Path) -> None:
    hybrid.save(piece, tmp_path / "out", hybrid.SaveOptions(audio=False, page=False))
    record = json.loads((tmp_path / "out" / "provenance.json").read_text())["memorised"]
    assert record["style"] == "chorale"
    assert set(record["training"]) == {"chorale", "quartet", "pop"}
    own = record["training"]["chorale"]
    assert own["pieces"] == 193
    assert 0 <= own["share"] <= 1
    assert own["patterns"] > 20
    assert record["held_out"]["share"]["mean"] == pytest.approx(0.096, abs=0.001)
    assert len(piece.remarks) == 1
