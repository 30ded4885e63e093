"""What holds for every exhibit, present and to come."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.errors import ConfigError
from hybrid.history.exhibit import Demonstration
from hybrid.history.registry import (
    all_exhibits,
    exhibit_labels,
    exhibit_names,
    load_exhibit,
    run_exhibit,
)

NAMES = exhibit_names()


@cache
def demonstration(name: str, seed: int = 3) -> Demonstration:
    return run_exhibit(load_exhibit(name), seed)[0]


@pytest.mark.parametrize("name", NAMES)
def test_every_note_has_its_decision(name: str) -> None:
    made = demonstration(name)
    decided = {
        (entry.track, entry.tick, entry.pitch)
        for entry in made.trace.entries
        if entry.kind == "note"
    }
    written = {
        (track.name, int(note["onset"]), int(note["pitch"]))
        for track in made.score.tracks
        for note in track.notes
    }
    assert written
    assert written <= decided
    assert all(
        entry.parent is None or entry.parent < number
        for number, entry in enumerate(made.trace.entries)
    )


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_notes_and_another_seed_others(name: str) -> None:
    exhibit = load_exhibit(name)
    again = run_exhibit(exhibit, 3)[0]
    first = demonstration(name)
    assert again.trace == first.trace
    assert again.machine.to_dict() == first.machine.to_dict()
    for one, other in zip(again.score.tracks, first.score.tracks, strict=True):
        assert np.array_equal(one.notes, other.notes)


@pytest.mark.parametrize("name", NAMES)
def test_steps_lie_inside_the_music_and_name_its_parts(name: str) -> None:
    made = demonstration(name)
    names = {track.name for track in made.score.tracks}
    for step in made.machine.steps:
        assert step.caption
        assert set(step.tracks) <= names
        if step.start is not None:
            assert step.end is not None
            assert 0 <= step.start < step.end
            assert step.start <= made.score.length
    shown = set().union(*(step.states for step in made.machine.steps))
    assert shown == {panel.name for panel in made.machine.panels}, "every panel is used"
    assert all(panel.alt.endswith(".") and panel.title for panel in made.machine.panels)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_is_complete(name: str) -> None:
    exhibit = load_exhibit(name)
    assert exhibit.summary.endswith(".")
    assert len(exhibit.story) >= 2
    assert len(exhibit.exercises) >= 2
    assert len(exhibit.fidelity) >= 2
    assert demonstration(name).score.seconds > 5
    assert demonstration(name).score.title


@pytest.mark.parametrize("name", NAMES)
def test_wrong_settings_are_refused_with_the_range(name: str) -> None:
    exhibit = load_exhibit(name)
    with pytest.raises(ConfigError, match="has no parameter 'nonsense'"):
        run_exhibit(exhibit, 1, {"nonsense": "1"})
    for item in exhibit.parameters:
        if isinstance(item.default, str) and not item.choices and item.check is None:
            continue
        with pytest.raises(ConfigError, match=f"^{item.name} must be .+, got 'no such value'"):
            run_exhibit(exhibit, 1, {item.name: "no such value"})
        if isinstance(item.default, int | float) and not isinstance(item.default, bool):
            assert item.high is not None
            with pytest.raises(ConfigError, match=rf"in .*{item.high:g}, got"):
                run_exhibit(exhibit, 1, {item.name: item.high + 1})


def test_exhibits_come_by_year() -> None:
    years = [exhibit.first_year for exhibit in all_exhibits()]
    assert years == sorted(years)
    assert len(years) == len(NAMES)


def test_labels_are_what_the_exhibits_say() -> None:
    labels = [
        (exhibit.name, exhibit.title, exhibit.year, exhibit.summary) for exhibit in all_exhibits()
    ]
    assert [(lab.name, lab.title, lab.year, lab.summary) for lab in exhibit_labels()] == labels


def test_a_name_that_comes_close_is_offered() -> None:
    with pytest.raises(ConfigError, match="did you mean dice-waltz"):
        load_exhibit("dice-walts")


def test_the_list_loads_no_heavy_library() -> None:
    program = (
        "import sys\n"
        "from hybrid.cli import main\n"
        "assert main(['demo', 'list']) == 0\n"
        "heavy = {'numpy', 'networkx', 'torch', 'music21', 'scipy', 'verovio', 'fluidsynth',\n"
        "         'soundfile', 'pretty_midi', 'symusic', 'miditoolkit', 'rich'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in NAMES)


@pytest.mark.parametrize("name", ["dice-waltz"])
def test_files_are_the_same_bytes_again(name: str, tmp_path: Path) -> None:
    from hybrid.report.exhibition import DemoOptions, make_demo, write_demo

    for folder in ("first", "second"):
        write_demo(make_demo(name, 5), tmp_path / folder, DemoOptions(audio=False))
    files = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert "index.html" in files
    for file in files:
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


@pytest.mark.slow
@pytest.mark.soundfont
def test_sound_is_the_same_bytes_again(tmp_path: Path) -> None:
    from hybrid.report.exhibition import make_demo, write_demo

    for folder in ("first", "second"):
        write_demo(make_demo("dice-waltz", 5, repeat=False), tmp_path / folder)
    for file in ("piece.wav", "index.html", "provenance.json"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()
