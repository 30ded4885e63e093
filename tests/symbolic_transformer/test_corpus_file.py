"""Files of training pieces: what is saved is read again, in the same bytes."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.errors import FormatError
from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan
from hybrid.core.score import Score, Track, make_notes
from hybrid.grammar.complete import complete
from hybrid.symbolic_transformer.conditions import plan_arrays, score_arrays
from hybrid.symbolic_transformer.corpus import CorpusPiece, load_pieces, save_pieces
from hybrid.symbolic_transformer.tables import PLAN_TABLES


def piece(name: str, split: str, seed: int) -> CorpusPiece:
    rng = np.random.default_rng(seed)
    rows = [(120 * int(at), 120, int(pitch)) for at, pitch in enumerate(rng.integers(48, 72, 40))]
    score = Score((Track("a", make_notes(rows)), Track("b", make_notes(rows[:5]))))
    plan = complete(FormPlan(form="ternary", key=Key.parse("C")), rng)
    return CorpusPiece(name, split, score_arrays(score), plan_arrays(plan), "people", "notes")


@pytest.fixture
def pieces() -> list[CorpusPiece]:
    return [piece("x/1", "train", 1), piece("x/2", "test", 2), piece("x/3", "train", 3)]


def test_pieces_come_back(pieces: list[CorpusPiece], tmp_path: Path) -> None:
    save_pieces(tmp_path / "a.npz", "chorale", pieces)
    found = load_pieces(tmp_path / "a.npz")
    assert [item.name for item in found] == ["x/1", "x/2", "x/3"]
    for before, after in zip(pieces, found, strict=True):
        assert (after.split, after.chord_source, after.section_source) == (
            before.split,
            "people",
            "notes",
        )
        assert after.score.length == before.score.length
        assert (after.score.notes == before.score.notes).all()
        assert (after.score.bars == before.score.bars).all()
        assert after.plan.length == before.plan.length
        for name in PLAN_TABLES:
            assert (getattr(after.plan, name) == getattr(before.plan, name)).all(), name


def test_one_split_alone(pieces: list[CorpusPiece], tmp_path: Path) -> None:
    save_pieces(tmp_path / "a.npz", "chorale", pieces)
    assert [item.name for item in load_pieces(tmp_path / "a.npz", "test")] == ["x/2"]


def test_the_same_pieces_give_the_same_bytes(pieces: list[CorpusPiece], tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_pieces(tmp_path / f"{name}.npz", "pop", pieces, ["corpus 0123"])
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_files_hold_plain_arrays_and_no_objects(pieces: list[CorpusPiece], tmp_path: Path) -> None:
    save_pieces(tmp_path / "a.npz", "pop", pieces, ["corpus 0123"])
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    assert arrays["sources"].tolist() == ["corpus 0123"]
    assert all(array.dtype.names is None for array in arrays.values())
    assert len(arrays["notes.onset"]) == arrays["notes.offsets"][-1] == 3 * 45
    assert [item.name for item in fields(CorpusPiece)][:2] == ["name", "split"]


def test_what_is_no_such_file_is_named(tmp_path: Path, pieces: list[CorpusPiece]) -> None:
    (tmp_path / "bad.npz").write_bytes(b"not a zip")
    with pytest.raises(FormatError, match=r"bad\.npz"):
        load_pieces(tmp_path / "bad.npz")
    np.savez(tmp_path / "other.npz", version=np.array(99))
    with pytest.raises(FormatError, match="version 1, got 99"):
        load_pieces(tmp_path / "other.npz")
