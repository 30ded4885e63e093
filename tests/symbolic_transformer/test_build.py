"""`hybrid corpora build`: checked corpora in, one file out, whole or not at all, same bytes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from hybrid.cli import main
from hybrid.core.errors import ConfigError, CorpusError
from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan
from hybrid.core.score import Score, Track, make_notes
from hybrid.grammar.complete import complete
from hybrid.symbolic_transformer import build as module
from hybrid.symbolic_transformer.build import BUILDERS, Builder, Counts, build
from hybrid.symbolic_transformer.conditions import plan_arrays, score_arrays
from hybrid.symbolic_transformer.corpus import CorpusPiece, load_pieces


class Said:
    """Counts of one line."""

    def lines(self) -> tuple[str, ...]:
        return ("1 piece read",)


def one_piece(
    folder: Path, progress: Callable[[int, int], None]
) -> tuple[Iterator[CorpusPiece], Counts]:
    progress(1, 1)
    plan = complete(FormPlan(form="ternary", key=Key.parse("C")), np.random.default_rng(1))
    score = Score((Track("a", make_notes([(0, 480, 60)])),))
    piece = CorpusPiece("x/1", "train", score_arrays(score), plan_arrays(plan))
    return iter([piece]), Said()


def no_piece(
    folder: Path, progress: Callable[[int, int], None]
) -> tuple[Iterator[CorpusPiece], Counts]:
    return iter([]), Said()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILDERS, "pop", Builder((), one_piece))


@pytest.mark.usefixtures("tiny")
def test_the_same_corpora_give_the_same_bytes(tmp_path: Path) -> None:
    shown: list[str] = []
    for name in ("a", "b"):
        path, lines = build(
            "pop", tmp_path / f"{name}.npz", progress=lambda stage, share: shown.append(stage)
        )
    assert lines == ("1 piece read",)
    assert path == tmp_path / "b.npz"
    assert (tmp_path / "a.npz").read_bytes() == path.read_bytes()
    assert [piece.name for piece in load_pieces(path)] == ["x/1"]
    assert shown == ["read", "write"] * 2


@pytest.mark.usefixtures("tiny")
def test_the_command_says_what_was_read_and_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYBRID_DATA", str(tmp_path / "data"))
    assert main(["corpora", "build", "pop", "-q"]) == 0
    target = tmp_path / "data" / "built" / "pop.npz"
    assert capsys.readouterr().out == f"1 piece read\n{target}: training pieces of pop\n"
    assert target.is_file()


def test_what_cannot_be_built_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="one of chorale, pop, quartet; got 'jazz'"):
        build("jazz", tmp_path / "x.npz")
    assert main(["corpora", "build", "jazz", "-q"]) == 2
    assert "got 'jazz'" in capsys.readouterr().err


def test_a_corpus_that_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="bach_chorales"):
        build("chorale", tmp_path / "out.npz", from_dir=tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_finds_nothing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BUILDERS, "pop", Builder((), no_piece))
    with pytest.raises(CorpusError, match="must have a piece"):
        build("pop", tmp_path / "out.npz")
    assert list(tmp_path.iterdir()) == []


def test_a_changed_corpus_is_refused(tmp_path: Path, shared_data: Path) -> None:
    if not (shared_data / "jsb-chorales").is_dir():
        pytest.skip(f"needs the corpus jsb-chorales in {shared_data}")
    shutil.copytree(shared_data / "jsb-chorales", tmp_path / "from" / "jsb-chorales")
    file = tmp_path / "from" / "jsb-chorales" / "Jsb16thSeparated.json"
    file.write_bytes(file.read_bytes().replace(b"74", b"75", 1))
    monkey = Builder(("jsb-chorales",), one_piece)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(module.BUILDERS, "chorale", monkey)
        with pytest.raises(CorpusError, match="content sha256"):
            build("chorale", tmp_path / "out.npz", from_dir=tmp_path / "from")
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.slow
def test_the_real_chorales_are_built(tmp_path: Path, shared_data: Path) -> None:
    for corpus in BUILDERS["chorale"].corpora:
        if not (shared_data / corpus).is_dir():
            pytest.skip(f"needs the corpus {corpus} in {shared_data}")
    path, _ = build("chorale", tmp_path / "chorale.npz", from_dir=shared_data)
    pieces = load_pieces(path)
    counts = {split: sum(p.split == split for p in pieces) for split in ("train", "valid", "test")}
    assert counts == {"train": 193, "valid": 65, "test": 66}
    assert path.stat().st_size < 12 * 2**20
    for piece in pieces:
        notes = piece.score.notes
        assert set(notes["track"].tolist()) == {0, 1, 2, 3}
        assert (notes["onset"] + notes["duration"]).max() <= piece.score.length
        # No voice sounds two notes at once.
        for voice in range(4):
            line = notes[notes["track"] == voice]
            assert (line["onset"][:-1] + line["duration"][:-1] <= line["onset"][1:]).all()
