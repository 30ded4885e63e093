"""Drums beside a tiny note model, played by the groove model that ships."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest

import hybrid
from hybrid.core.errors import PlanError
from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.grammar.drum_kit import ask_for_drums
from hybrid.io.drum_staff import straightened
from hybrid.io.files import read_score
from hybrid.pipeline import make_plan
from hybrid.symbolic_transformer.event_drums import density_of, groove_hash, groove_of, with_drums
from hybrid.symbolic_transformer.event_engine import TransformerEngine
from hybrid.symbolic_transformer.event_sampler import SampleSettings
from hybrid.symbolic_transformer.rewriting import set_melody
from tests.symbolic_transformer.event_pieces import small_plan, tiny_model

BAND = ("flute", "piano", "acoustic bass", "drums")
BAR = 1920


def engine() -> TransformerEngine:
    return TransformerEngine(tiny_model(), SampleSettings(n_particles=2))


@pytest.fixture(scope="module")
def piece() -> hybrid.Piece:
    plan = replace(small_plan("homophonic", BAND), style="pop")
    return hybrid.compose(plan=plan, engine=engine(), seed=3)


def kit(score: Score) -> np.ndarray:
    return next(track for track in score.tracks if track.is_drum).notes


def test_the_groove_model_plays_the_drum_track(piece: hybrid.Piece) -> None:
    assert piece.score is not None
    strokes = kit(piece.score)
    per_bar = np.bincount(strokes["onset"] // BAR, minlength=4)
    assert len(strokes) > 12
    assert (per_bar[:3] >= 3).all()
    # The piece's last bar is one stroke of kick and crash.
    assert per_bar[3] == 2
    made = piece.trace.of_kind("bar")
    assert [entry.bar for entry in made] == [1, 2, 3, 4]
    assert made[0].maker == "drums:groove model"
    assert made[0].choice.startswith("pop beat, start")
    assert piece.weights.items() >= groove_hash().items()


def test_drums_change_no_other_note() -> None:
    loud, quiet = (
        engine().fill(small_plan("homophonic", names), np.random.default_rng(5))[0]
        for names in (BAND, BAND[:-1])
    )
    for with_kit, without in zip(loud.tracks, quiet.tracks, strict=False):
        assert with_kit.notes.tobytes() == without.notes.tobytes()
    assert len(loud.tracks) == len(quiet.tracks) + 1


def test_files_have_channel_ten_and_a_percussion_staff(piece: hybrid.Piece, tmp_path: Path) -> None:
    hybrid.save(piece, tmp_path / "out", hybrid.SaveOptions(audio=False, page=False))
    midi = mido.MidiFile(tmp_path / "out" / "piece.mid")
    kits = [track for track in midi.tracks if track.name == "drums"]
    assert {message.channel for message in kits[0] if message.type == "note_on"} == {9}
    others = [track for track in midi.tracks if track.name != "drums"]
    assert 9 not in {m.channel for track in others for m in track if m.type == "note_on"}
    text = (tmp_path / "out" / "piece.musicxml").read_text(encoding="utf-8")
    assert "<sign>percussion</sign>" in text
    assert "<unpitched>" in text
    assert piece.score is not None
    # MIDI keeps when strokes are played, notation has sixteenths.
    played = kit(read_score(tmp_path / "out" / "piece.mid").score)
    assert played["onset"].tolist() == kit(piece.score)["onset"].tolist()
    assert (played["onset"] % 120).any()
    written = kit(read_score(tmp_path / "out" / "piece.musicxml").score)
    wanted = kit(straightened(piece.score))
    assert not (wanted["onset"] % 120).any()
    assert written[["onset", "pitch"]].tolist() == wanted[["onset", "pitch"]].tolist()


def test_straight_scores_stay_as_they_are() -> None:
    piece = hybrid.compose(form="ternary", style="pop", minutes=0.3, seed=1, engine="rules")
    assert piece.score is not None
    again = straightened(piece.score)
    for one, other in zip(piece.score.tracks, again.tracks, strict=True):
        assert one is other


def test_defaults_follow_style_texture_and_dynamics() -> None:
    plan = small_plan("walking_bass", BAND)
    assert groove_of(plan) == "jazz"
    assert groove_of(replace(plan, style="folk")) is None
    assert groove_of(small_plan("homophonic", BAND)) is None
    levels = {
        mark: density_of(replace(small_plan("homophonic", BAND), dynamics=mark))["A"]
        for mark in ("pp", "mf", "ff")
    }
    assert levels == {"pp": 1, "mf": 2, "ff": 3}
    assert density_of(small_plan("pad", BAND)) == {"A": 1}


def test_scores_with_drums_and_without_stay() -> None:
    plan = small_plan("homophonic", BAND)
    score, _ = engine().fill(plan, np.random.default_rng(1))
    assert with_drums(plan, score, np.random.default_rng(2)) == (score, ())
    bare = replace(score, tracks=score.tracks[:-1])
    assert with_drums(plan, bare, np.random.default_rng(2)) == (bare, ())


def test_an_accompaniment_has_drums_where_they_are_asked_for(piece: hybrid.Piece) -> None:
    assert piece.score is not None
    tune = replace(piece.score, tracks=piece.score.tracks[:1])
    made = set_melody(
        tune, engine(), np.random.default_rng(1), texture="homophonic", instruments=BAND
    )
    assert len(kit(made.score)) > 8


@pytest.mark.parametrize("name", ["rules", "transformer"])
def test_compose_adds_drums_and_takes_them_away(name: str) -> None:
    writer = engine() if name == "transformer" else name
    plan = small_plan("homophonic", BAND[:-1])
    with_kit = hybrid.compose(plan=plan, drums=True, engine=writer, seed=2).score
    assert with_kit is not None
    assert [track.is_drum for track in with_kit.tracks] == [False, False, False, True]
    assert len(kit(with_kit)) > 8
    again = small_plan("homophonic", BAND)
    without = hybrid.compose(plan=again, drums=False, engine=writer, seed=2).score
    assert without is not None
    assert not any(track.is_drum for track in without.tracks)


def test_a_style_with_drums_can_lose_them() -> None:
    def players(drums: bool | None) -> tuple[str, ...]:
        made: FormPlan = make_plan(seed=1, form="ternary", style="pop", minutes=0.3, drums=drums)
        return next(iter(made.phrases())).shared.instruments

    assert "drums" in players(None)
    assert players(True) == players(None)
    assert players(False) == players(None)[:-1]


def test_every_level_of_a_plan_gets_drums() -> None:
    plan = small_plan("homophonic", ("piano",))
    section = plan.sections[0]
    own = (replace(section.phrases[0], instruments=("band",)), section.phrases[1])
    nested = replace(plan, sections=(replace(section, phrases=own),))
    wanted = [item.shared.instruments for item in ask_for_drums(nested, True).phrases()]
    assert wanted == [("band",), ("piano", "drums")]
    gone = [item.shared.instruments for item in ask_for_drums(nested, False).phrases()]
    assert gone == [("synth lead", "electric piano", "electric bass"), ("piano",)]
    with pytest.raises(PlanError, match="a pitched one, got drums"):
        ask_for_drums(small_plan("homophonic", ("drums",)), True)
