"""What a later phrase makes of a theme: each of the plan's words for it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from hybrid.rules.themes import Shape, ShapeNote, Theme
from hybrid.rules.variations import take_up

Q = 480
PhraseMaker = Callable[..., Any]
HEIGHTS = (0, 2, 4, 3, 5, 4, 2, 1)
HOME = "I:4 | V:2 I:2"


def theme(numerals: tuple[tuple[int, str], ...] = ((0, "I"), (4 * Q, "V"), (6 * Q, "I"))) -> Theme:
    """Eight quarters; places on the line of fifths are those of C D E F G A B above C."""
    spelled = {0: (0, 0), 1: (2, 2), 2: (4, 4), 3: (5, -1), 4: (7, 1), 5: (9, 3)}
    notes = tuple(
        ShapeNote(n * Q, Q, float(height), exact=spelled[height])
        for n, height in enumerate(HEIGHTS)
    )
    return Theme("a", notes, "koch", 4 * Q, 8 * Q, numerals)


def taken(
    phrase_of: PhraseMaker, variation: str | None, chords: str = HOME, seed: int = 0, **more: Any
) -> Shape:
    made = phrase_of(chords, variation=variation, **more)
    return take_up(theme(), made.phrase, made.chords, np.random.default_rng(seed))


def rows(shape: Shape) -> list[tuple[float, float, float]]:
    return [(n.onset / Q, n.duration / Q, n.height) for n in shape.notes]


PLAIN = [(float(n), 1.0, float(height)) for n, height in enumerate(HEIGHTS)]


def test_a_literal_return_is_the_theme_and_exact(phrase_of: PhraseMaker) -> None:
    shape = taken(phrase_of, "literal")
    assert rows(shape) == PLAIN
    assert [note.exact for note in shape.notes] == [note.exact for note in theme().notes]
    assert shape.strict
    assert not shape.changed


@pytest.mark.parametrize("steps", [-2, 1, 3])
def test_a_sequence_lies_some_steps_away(phrase_of: PhraseMaker, steps: int) -> None:
    shape = taken(phrase_of, "sequence", steps=steps)
    assert rows(shape) == [(a, b, height + steps) for a, b, height in PLAIN]
    assert all(note.exact is None for note in shape.notes)


def test_an_inversion_turns_every_step_round(phrase_of: PhraseMaker) -> None:
    found = [height for _, _, height in rows(taken(phrase_of, "inversion"))]
    assert [b - a for a, b in pairwise(found)] == [a - b for a, b in pairwise(HEIGHTS)]


def test_a_retrograde_runs_backwards(phrase_of: PhraseMaker) -> None:
    shape = taken(phrase_of, "retrograde")
    assert [height for _, _, height in rows(shape)] == list(reversed(HEIGHTS))


def test_an_augmentation_takes_twice_as_long(phrase_of: PhraseMaker) -> None:
    """So only the first half of the theme fits."""
    assert rows(taken(phrase_of, "augmentation")) == [
        (2.0 * n, 2.0, float(height)) for n, height in enumerate(HEIGHTS[:4])
    ]


def test_a_diminution_goes_by_twice_the_second_time_higher(phrase_of: PhraseMaker) -> None:
    found = rows(taken(phrase_of, "diminution"))
    once = [(n / 2, 0.5, float(height)) for n, height in enumerate(HEIGHTS)]
    assert found == [*once, *((4 + a, b, height + 1) for a, b, height in once)]


@pytest.mark.parametrize("seed", range(6))
def test_ornaments_stand_between_the_theme_s_notes(phrase_of: PhraseMaker, seed: int) -> None:
    shape = taken(phrase_of, "ornament", seed=seed)
    own = [(n.onset / Q, n.height) for n in shape.notes if not n.ornament]
    assert own == [(a, height) for a, _, height in PLAIN]
    added = [note for note in shape.notes if note.ornament]
    assert added
    assert all(note.onset % Q for note in added)
    ends = [note.onset + note.duration for note in shape.notes]
    assert ends == [*(note.onset for note in shape.notes[1:]), 8 * Q]


@pytest.mark.parametrize("seed", range(6))
def test_over_its_own_chords_a_varied_return_changes_a_note(
    phrase_of: PhraseMaker, seed: int
) -> None:
    shape = taken(phrase_of, "varied", seed=seed)
    assert rows(shape) == PLAIN
    (changed,) = shape.changed
    assert 0 < changed < len(HEIGHTS) - 2
    assert shape.notes[changed].exact is None
    assert sum(note.exact is None for note in shape.notes) == 1


def test_over_other_chords_these_are_variation_enough(phrase_of: PhraseMaker) -> None:
    shape = taken(phrase_of, "varied", "IV:4 | V:2 I:2")
    assert not shape.changed
    assert [note.exact is None for note in shape.notes] == [True] * 4 + [False] * 4


def test_in_the_other_mode_no_note_is_exact(phrase_of: PhraseMaker) -> None:
    shape = taken(phrase_of, "literal", "i:4 | V:2 i:2", key="C minor")
    assert rows(shape) == PLAIN
    assert all(note.exact is None for note in shape.notes)


def test_a_longer_phrase_has_the_theme_again_a_step_up(phrase_of: PhraseMaker) -> None:
    found = rows(taken(phrase_of, "literal", f"{HOME} | I:4"))
    assert found[:8] == PLAIN
    assert found[8:] == [(8.0 + n, 1.0, height + 1.0) for n, height in enumerate(HEIGHTS[:4])]


def test_another_metre_stretches_the_theme(phrase_of: PhraseMaker) -> None:
    shape = taken(phrase_of, "literal", "I:3 | V:2 I:1", metre="3/4")
    ends = [note.onset + note.duration for note in shape.notes]
    assert ends[-1] == 6 * Q
    assert [a for a in ends[:-1]] == [note.onset for note in shape.notes[1:]]
    assert len(shape.notes) == len(HEIGHTS)
