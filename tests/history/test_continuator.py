"""The Continuator: the prefix tree of the two phrases A B C D and A B B C.

Known answer: the tree that Pachet (2003) draws for these phrases, as remembered, and worked out by
hand here: places 1 to 4 and 5 to 8.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hybrid.core.errors import ConfigError
from hybrid.core.score import Score, Track, make_notes
from hybrid.core.timeline import Metre, Tempo
from hybrid.history.continuator import EIGHTH, Event, Memory, PrefixTree, cluster, in_rhythm
from hybrid.history.registry import load_exhibit, run_exhibit
from hybrid.io.midi import write_midi


def test_tree_of_the_paper() -> None:
    tree = PrefixTree(10)
    tree.learn("ABCD", 1)
    tree.learn("ABBC", 5)
    found = {"".join(map(str, path)): places for path, places in tree.continuations.items()}
    assert found == {
        "A": [2, 6],
        "B": [3, 7, 8],
        "BA": [3, 7],
        "C": [4],
        "CB": [4],
        "CBA": [4],
        "BB": [8],
        "BBA": [8],
    }
    assert tree.find("AB") == (2, [3, 7])
    assert tree.find("ABB") == (3, [8])
    assert tree.find("ABBC") == (2, [4])
    assert tree.find("X") == (0, [])
    assert PrefixTree(1).find("A") == (0, [])


def test_coarser_views_help() -> None:
    memory = Memory(4)
    memory.learn([Event((60,), 240, 240), Event((72,), 240, 240), Event((67,), 480, 480)])
    assert memory.follow([Event((72,), 240, 240)]) == ("pitch and length", 1, [2])
    assert memory.follow([Event((72,), 99, 99)]) == ("pitch", 1, [2])
    assert memory.follow([Event((74,), 99, 99)]) == ("region", 1, [2])
    assert memory.follow([Event((20,), 99, 99)]) == ("nothing", 0, [0, 1, 2])


def test_rhythm_modes() -> None:
    learned, phrase = Event((60,), 350, 300), [Event((1,), 100, 90), Event((2,), 700, 600)]
    assert in_rhythm("natural", learned, 0, phrase) == (350, 300)
    assert in_rhythm("linear", learned, 0, phrase) == (EIGHTH, EIGHTH)
    assert in_rhythm("input", learned, 3, phrase) == (700, 600)
    assert in_rhythm("fixed", learned, 0, phrase)[0] % EIGHTH == 0


def test_notes_that_begin_together_are_a_chord() -> None:
    notes = [(0, 400, 60, 70), (9, 500, 64, 80), (480, 240, 67, 60)]
    assert cluster(notes, 10) == [Event((60, 64), 480, 500, 80), Event((67,), 240, 240, 60)]


def test_answers_follow_the_phrase() -> None:
    made, _ = run_exhibit(load_exhibit("continuator"), 4, {"order": 1, "turns": 2})
    heard = {track.name: track.notes for track in made.score.tracks}
    assert set(heard["Continuator"]["pitch"]) <= set(heard["player"]["pitch"])
    assert len(heard["Continuator"]) == 24


def test_a_file_is_answered(tmp_path: Path) -> None:
    notes = make_notes([(n * 480, 480, 60 + n % 3, 80, 1, -128) for n in range(9)])
    score = Score((Track("piano", notes),), tempos=(Tempo(0, 100.0),), metres=(Metre.parse("4/4"),))
    write_midi(score, tmp_path / "mine.mid")
    made, _ = run_exhibit(load_exhibit("continuator"), 1, {"file": str(tmp_path / "mine.mid")})
    answer = made.score.tracks[1].notes["pitch"][:12]
    # 60 61 62 goes round: after each pitch only one was ever heard.
    assert np.array_equal(answer, 60 + np.arange(9, 21) % 3)
    with pytest.raises(ConfigError, match="file must be a MIDI file"):
        run_exhibit(load_exhibit("continuator"), 1, {"file": str(tmp_path / "none.mid")})
