"""Sets of pieces in files: what is written is read, and what is no set is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hybrid.core.errors import FormatError
from hybrid.io.files import write_score
from hybrid.metrics.grids import check_grid, score_of_grid
from hybrid.metrics.sets import read_set, write_set

GRIDS = {
    "b": check_grid([[72, 67, 64, 48]] * 4 + [[74, 67, 65, -1]] * 4),
    "a": check_grid([[60, 55, 52, 36]] * 4),
}


def test_grids_survive_in_one_file_with_the_same_bytes(tmp_path: Path) -> None:
    write_set(GRIDS, tmp_path / "a.npz")
    write_set(GRIDS, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    found = read_set(tmp_path / "a.npz")
    assert list(found) == ["a", "b"]
    for name, grid in found.items():
        assert grid.tolist() == GRIDS[name].tolist()


def test_a_folder_of_scores_is_read_in_order(tmp_path: Path) -> None:
    write_score(score_of_grid(GRIDS["b"]), tmp_path / "2.musicxml")
    write_score(score_of_grid(GRIDS["a"]), tmp_path / "1.mid")
    (tmp_path / "notes.txt").write_text("no score")
    found = read_set(tmp_path)
    assert list(found) == ["1.mid", "2.musicxml"]
    assert found["1.mid"].tolist() == GRIDS["a"].tolist()
    assert found["2.musicxml"].tolist() == GRIDS["b"].tolist()


def test_what_is_no_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="must hold pieces, got none"):
        read_set(tmp_path)
    with pytest.raises(FormatError, match="cannot be read"):
        read_set(tmp_path / "none.npz")
    (tmp_path / "a.npz").write_bytes(b"no grids")
    with pytest.raises(FormatError, match=r"a\.npz"):
        read_set(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", piece=np.array([[60, 200]]))
    with pytest.raises(FormatError, match="got 200"):
        read_set(tmp_path / "a.npz")
    write_set({"duo": check_grid([[60, 48]] * 4)}, tmp_path / "a.npz")
    with pytest.raises(FormatError, match=r"must have 4 voices, got 2 \(duo\)"):
        read_set(tmp_path / "a.npz")
    assert read_set(tmp_path / "a.npz", n_voices=2)["duo"].shape == (4, 2)
    write_score(score_of_grid(check_grid([[60, 48]] * 4)), tmp_path / "duo.mid")
    with pytest.raises(FormatError, match=r"duo\.mid.*4 voices, got 2"):
        read_set(tmp_path)
