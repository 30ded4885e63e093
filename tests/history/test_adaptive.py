"""Adaptive music: what a call may change and when, and that the means do what they are for."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from hybrid.core.errors import ConfigError
from hybrid.core.score import Score
from hybrid.history.adaptive_layers import BAR, LAYERS, which_play
from hybrid.history.adaptive_plan import PHRASE_BARS, Means, distance, pitch_classes
from hybrid.history.adaptive_scene import Scene, play_scene
from hybrid.history.adaptive_script import Call, glide, read_script
from hybrid.history.registry import load_exhibit, run_exhibit

BARS = 12


@cache
def scene(script: str, join: str = "phrase", seed: int = 4, n_bars: int = BARS) -> Scene:
    return play_scene(read_script(script), n_bars, join, 0.3, seed)


def heard_before(played: Scene, bar: int) -> set[tuple[object, ...]]:
    """What has sounded when so many bars have passed."""
    return {
        (
            note.track,
            note.onset,
            note.pitch,
            note.velocity,
            min(note.duration, bar * BAR - note.onset),
        )
        for note in played.notes
        if note.onset < bar * BAR
    }


@pytest.mark.parametrize("join", ["phrase", "bar"])
@pytest.mark.parametrize("said", [3, 6])
def test_nothing_that_was_heard_before_a_call_is_altered(join: str, said: int) -> None:
    plain = scene("0:calm", join)
    called = scene(f"0:calm {said}:tense", join)
    # The bar at whose line the call is made has begun and stays as well.
    assert heard_before(called, said) == heard_before(plain, said)
    assert called.notes != plain.notes


def test_a_later_call_leaves_an_earlier_one_as_it_was() -> None:
    one, two = scene("0:calm 3:tense"), scene("0:calm 3:tense 9:triumph")
    assert heard_before(one, 9) == heard_before(two, 9)


@pytest.mark.parametrize("said", [1, 3, 6, 8])
def test_a_call_takes_effect_within_a_phrase_or_within_a_bar(said: int) -> None:
    if said < 8:
        join = scene(f"0:calm {said}:tense").replans[1].join
        assert join == (said // PHRASE_BARS + 1) * PHRASE_BARS
    at_once = scene(f"0:calm {said}:tense", "bar")
    assert at_once.replans[1].join == said + 1
    item = at_once.phrase_at(said + 1)
    assert item.start == said + 1
    assert item.section.label == "tense"
    assert item.section.texture == "march"


def test_a_call_after_the_last_join_changes_only_layers_and_tempo() -> None:
    late = scene("0:calm 9:battle")
    assert late.replans[1].join is None
    assert {item.section.label for item in late.plan} == {"calm"}
    assert "drums" in late.layers[-1]


def test_a_call_that_is_overtaken_before_its_join_is_not_heard() -> None:
    played = scene("0:calm 5:tense 6:sad")
    assert [replan.join for replan in played.replans] == [0, 8, 8]
    assert [item.section.label for item in played.plan] == ["calm", "calm", "sad"]


@pytest.mark.parametrize("join", ["phrase", "bar"])
def test_phrases_fill_the_scene_and_no_note_hangs_over_a_join(join: str) -> None:
    played = scene("0:calm 6:tense", join)
    assert played.plan[0].start == 0
    assert played.plan[-1].end == BARS
    for before, after in zip(played.plan, played.plan[1:], strict=False):
        assert before.end == after.start
    tick = (played.replans[1].join or 0) * BAR
    assert not [n for n in played.notes if n.onset < tick < n.onset + n.duration]


def test_themes_grow_from_the_same_motif_after_a_change() -> None:
    motifs = [
        [words.split(" theme ")[1].split(",")[0] for words in replan.themes if "motif" in words]
        for replan in scene("0:calm 3:tense").replans
    ]
    assert motifs[0] == motifs[1]
    assert len(motifs[0]) == 2


def test_tension_raises_density_dissonance_and_loudness_on_average() -> None:
    levels = []
    for tension in (0.1, 0.5, 0.9):
        figures = [
            [np.mean(played.measured[name]) for name in ("density", "dissonance", "loudness")]
            for mood in (0.25, 0.75)
            for seed in (1, 2)
            for played in [scene(f"0:{tension}/{mood}", seed=seed, n_bars=8)]
        ]
        levels.append(np.mean(figures, axis=0))
    assert np.all(np.diff(levels, axis=0) > 0), levels


def test_means_go_the_way_of_the_literature() -> None:
    calm, tense = Means(0.1, 0.7), Means(0.9, 0.7)
    assert tense.qpm > calm.qpm
    assert (Means(0.5, 0.2).key.mode, Means(0.5, 0.8).key.mode) == ("minor", "major")
    assert calm.key.name == "F major"
    assert Means(0.1, 0.2).key.name == "D minor"
    assert tense.key.name == "G major"
    assert (calm.vocabulary, tense.vocabulary) == ("triads", "chromatic")


def test_chords_of_a_third_apart_are_two_semitones_apart() -> None:
    key = Means(0.1, 0.9).key
    assert distance(pitch_classes("I", key), pitch_classes("vi", key)) == 2
    assert distance(pitch_classes("I", key), pitch_classes("I", key)) == 0


def test_values_glide_by_the_pace_from_the_bar_after_the_call() -> None:
    calls = (Call(0, "a", 0.0, 1.0), Call(2, "b", 1.0, 0.9))
    found = glide(calls, 6, 0.4)
    assert [tension for tension, _ in found] == [0.0, 0.0, 0.0, 0.4, 0.8, 1.0]
    assert [mood for _, mood in found][3:] == [0.9, 0.9, 0.9]


def test_layers_enter_with_tension_and_hold_a_little() -> None:
    drums = next(layer for layer in LAYERS if layer.name == "drums")
    low = drums.tension[0]
    values = [(low - 0.01, 0.5), (low, 0.5), (low - 0.04, 0.5), (low - 0.06, 0.5)]
    assert ["drums" in names for names in which_play(values)] == [False, True, True, False]


@pytest.mark.parametrize(
    "script",
    ["", "1:calm", "0:calm 0:tense", "0:calm 9:tense 4:dark", "0:glad/1", "0:1.1/0.5", "0:nan/0.5"],
)
def test_a_wrong_script_is_refused_in_one_line_with_the_rule(script: str) -> None:
    with pytest.raises(ConfigError, match=r"^script must be BAR:FEELING .+, got ") as caught:
        read_script(script)
    assert "\n" not in str(caught.value)
    assert "calm" in str(caught.value)


def test_too_many_calls_and_calls_after_the_end_are_refused() -> None:
    with pytest.raises(ConfigError, match="at most 12 words, got 13"):
        read_script(" ".join(f"{bar}:calm" for bar in range(13)))
    with pytest.raises(ConfigError, match=r"within the 12 bars \(0..11\), got 12"):
        scene("0:calm 12:tense")


def test_tempo_and_keys_of_the_score_follow() -> None:
    settings = {"bars": "12", "script": "0:calm 3:triumph", "pace": "0.5"}
    score: Score = run_exhibit(load_exhibit("adaptive"), 2, settings)[0].score
    assert [(key.tick // BAR, key.key.name) for key in score.keys] == [
        (0, "F major"),
        (4, "G major"),
    ]
    qpm = [tempo.qpm for tempo in score.tempos]
    assert qpm == sorted(qpm)
    assert [tempo.tick // BAR for tempo in score.tempos] == [0, 4, 5]
    assert score.length <= 12 * BAR
