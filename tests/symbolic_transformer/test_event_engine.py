"""The engine ``transformer`` with a tiny model that knows nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hybrid.core.engine import Region
from hybrid.core.errors import ConfigError, FormatError, PlanError
from hybrid.core.pitch import Key
from hybrid.core.plan import Constraint
from hybrid.core.score import Score
from hybrid.pipeline import analyse
from hybrid.symbolic_transformer.event_engine import TransformerEngine
from hybrid.symbolic_transformer.event_parts import seat_plan
from hybrid.symbolic_transformer.event_sampler import SampleSettings
from hybrid.symbolic_transformer.event_weights import (
    convert_checkpoint,
    load_event_model,
    save_event_model,
)
from tests.symbolic_transformer.event_pieces import small_plan, tiny_model

BAR = 1920
BAND = ("flute", "piano", "cello")
#: Notes enough to compare, whatever the model thinks.
BUSY = (Constraint("density", [2, 6]),)


def engine() -> TransformerEngine:
    return TransformerEngine(tiny_model(), SampleSettings(n_particles=4))


def notes_of(score: Score) -> list[bytes]:
    return [track.notes.tobytes() for track in score.tracks]


def outside(notes: NDArray[Any], first: int, last: int) -> bytes:
    return notes[(notes["onset"] < (first - 1) * BAR) | (notes["onset"] >= last * BAR)].tobytes()


def test_a_plan_becomes_a_score_of_its_frame() -> None:
    plan = small_plan("homophonic", BAND)
    score, trace = engine().fill(plan, np.random.default_rng(1), BUSY)
    assert [track.name for track in score.tracks] == list(BAND)
    assert score.length == 4 * BAR
    assert [key.key.name for key in score.keys] == ["C major", "G major"]
    _, agreement = analyse(plan, score)
    assert agreement.bars_found == 4
    ranges = {"flute": (60, 96), "piano": (21, 108), "cello": (36, 76)}
    for track in score.tracks:
        low, high = ranges[track.name]
        assert len(track.notes) >= 8
        assert low <= track.notes["pitch"].min()
        assert track.notes["pitch"].max() <= high
        same = np.diff(track.notes["onset"]) == 0
        assert track.name == "piano" or not same.any()
    entries = trace.of_kind("note")
    assert len(entries) == score.n_notes == trace.counts["notes"]
    assert all(entry.maker == "transformer:pop" for entry in entries)
    assert all(entry.probability is not None and 0 < entry.probability <= 1 for entry in entries)
    assert any("candidates shut" in text for entry in entries for text in entry.rejected)
    assert trace.counts["candidates rejected"] > 0


def test_one_seed_gives_one_piece() -> None:
    plan = small_plan()
    first, second, other = (
        engine().fill(plan, np.random.default_rng(seed), BUSY)[0] for seed in (1, 1, 2)
    )
    assert notes_of(first) == notes_of(second)
    assert notes_of(first) != notes_of(other)


def test_a_literal_return_is_the_same_music() -> None:
    plan = small_plan(variation="literal", second=Key(0))
    score, _ = engine().fill(plan, np.random.default_rng(5))
    assert score.n_notes
    for track in score.tracks:
        rows = track.notes
        first, second = (
            [
                (int(n["onset"]) - start, int(n["pitch"]))
                for n in rows
                if start <= n["onset"] < start + 2 * BAR
            ]
            for start in (0, 2 * BAR)
        )
        assert first == second


@pytest.mark.parametrize("voices", [(), ("alto", "tenor")], ids=["all", "inner"])
def test_only_the_region_is_written(voices: tuple[str, ...]) -> None:
    plan = small_plan()
    score, _ = engine().fill(plan, np.random.default_rng(1), BUSY)
    made, trace = engine().fill(
        plan, np.random.default_rng(2), BUSY, given=score, region=Region(2, 3, voices)
    )
    assert notes_of(made) != notes_of(score)
    for before, after in zip(score.tracks, made.tracks, strict=True):
        assert outside(before.notes, 2, 3) == outside(after.notes, 2, 3)
        new = after.notes[(after.notes["onset"] >= BAR) & (after.notes["onset"] < 3 * BAR)]
        if voices and after.name not in voices:
            assert after.notes.tobytes() == before.notes.tobytes()
        else:
            assert len(new) >= 4
            assert (new["onset"] + new["duration"]).max() <= 3 * BAR
    assert {entry.track for entry in trace.of_kind("note")} == set(
        voices or ("soprano", "alto", "tenor", "bass")
    )


def test_what_cannot_be_filled_is_refused() -> None:
    plan = small_plan()
    rng = np.random.default_rng(1)
    with pytest.raises(PlanError, match="must be ready"):
        engine().fill(replace(plan, tempo_qpm=None), rng)
    with pytest.raises(PlanError, match="must come with given"):
        engine().fill(plan, rng, region=Region(1, 2))
    score, _ = engine().fill(plan, rng)
    with pytest.raises(PlanError, match="within the plan's 4 bars, got 3-5"):
        engine().fill(plan, rng, given=score, region=Region(3, 5))
    with pytest.raises(PlanError, match="got kazoo"):
        engine().fill(plan, rng, given=score, region=Region(1, 2, ("kazoo",)))
    short = replace(score, tracks=score.tracks[:1])
    with pytest.raises(PlanError, match="one track 'alto' of the plan"):
        engine().fill(plan, rng, given=short, region=Region(1, 2))


@pytest.mark.parametrize(
    ("texture", "instruments", "style", "seats"),
    [
        ("chorale", ("choir",), "chorale", [(0, 0, 1), (1, 1, 1), (2, 2, 1), (3, 3, 1)]),
        ("chorale", ("quartet",), "quartet", [(0, 0, 1), (1, 1, 1), (2, 2, 1), (3, 3, 1)]),
        ("chorale", ("organ",), "chorale", [(0, 0, 1), (1, 0, 2), (2, 0, 5), (3, 0, 6)]),
        ("counterpoint", ("flute", "bassoon"), "chorale", [(0, 0, 1), (3, 1, 1)]),
        ("homophonic", ("flute", "guitar"), "pop", [(0, 0, 1), (2, 1, 1), (3, 1, 2)]),
        ("alberti", ("piano",), "pop", [(0, 0, 1), (2, 0, 2), (3, 0, 5)]),
        ("pad", ("band",), "pop", [(0, 0, 1), (2, 1, 1), (3, 2, 1)]),
        (
            "waltz",
            ("violin", "flute", "piano", "cello"),
            "pop",
            [(0, 0, 1), (1, 1, 1), (2, 2, 1), (3, 3, 1)],
        ),
    ],
)
def test_tracks_find_their_players(
    texture: str,
    instruments: tuple[str, ...],
    style: str,
    seats: list[tuple[int, int, int]],
) -> None:
    seating = seat_plan(small_plan(texture, instruments))
    assert seating.style == style
    assert [(s.track, s.part, s.voice) for s in seating.seats[0]] == seats


def test_a_line_moves_by_octaves_to_an_instrument_that_lies_elsewhere() -> None:
    seating = seat_plan(small_plan("homophonic", ("glockenspiel", "piano", "piano")))
    top = seating.seats[0][0]
    assert top.shift == 24
    assert (top.low, top.high) == (79, 108)
    assert [part.name for part in seating.parts] == ["glockenspiel", "piano 1", "piano 2"]


def test_weights_come_back_from_their_file(tmp_path: Path) -> None:
    model = tiny_model(3)
    digest = save_event_model(model, tmp_path / "tiny.safetensors", {"licence": "CC0"})
    found = load_event_model(tmp_path / "tiny.safetensors")
    assert found.config == model.config
    assert found.info is not None
    assert (found.info.sha256, found.info.notes["licence"]) == (digest, "CC0")
    for name, value in model.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], value, atol=1e-3, rtol=1e-3)
    state = {name: value.half() for name, value in model.named_parameters()}
    torch.save({"config": model.config.to_dict(), "state": state}, tmp_path / "run.pt")
    again = convert_checkpoint(tmp_path / "run.pt", tmp_path / "run.safetensors", found.info.notes)
    assert again == digest


def test_weights_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="weights must be a file"):
        load_event_model(tmp_path / "none.safetensors")
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"no weights")
    with pytest.raises(FormatError, match="cannot read weights"):
        load_event_model(bad)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, str(bad), {"format": "other"})
    with pytest.raises(FormatError, match="of the format"):
        load_event_model(bad)
    with pytest.raises(FormatError, match="cannot read a checkpoint"):
        convert_checkpoint(bad, tmp_path / "x.safetensors")
