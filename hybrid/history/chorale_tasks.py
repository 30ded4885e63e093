"""What the exhibits that learnt from chorales are to fill: a tune that is given, or nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError, HybridError
from hybrid.core.pitch import Key
from hybrid.history.choral_tune import find_tune, load_tunes
from hybrid.history.chorale_grids import (
    LONGEST_BAR,
    REST,
    ChoraleGrid,
    held_out_grids,
    held_out_titles,
    mark_ends,
)
from hybrid.history.chorales import SIXTEENTH, VOICES
from hybrid.history.parameters import Values

NONE = "none"
#: Bars of a phrase where no soprano is given.
PHRASE_BARS = 2
ALLOWED_KEY = "a major or minor key such as 'G minor'"
#: What a soprano may be, in words.
ALLOWED_SOPRANO = (
    f"{NONE}; or one of {', '.join(f'bach-{number}' for number in held_out_grids())} (chorales "
    f"that no network here has seen), {', '.join(sorted(load_tunes()))}; or notes such as "
    "'G major: D4/4 | G4/4 A4/4 B4/2^'; or a score's path"
)


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be filled.

    Attributes
    ----------
    title : str
    grid : ChoraleGrid
        Metre, key and fermatas; the soprano where it is given, else rests.
    is_free : np.ndarray, shape (T, 4), bool
    beats : int
        Quarters in a bar.
    pickup : int
        Sixteenths.
    """

    title: str
    grid: ChoraleGrid
    is_free: NDArray[np.bool_]
    beats: int
    pickup: int


def held_out_name(text: str) -> str:
    """Number of a held-out chorale of ``bach-60``, or nothing."""
    word, dash, number = text.partition("-")
    return number if word == "bach" and dash and number in held_out_grids() else ""


def check_soprano(text: str) -> object:
    """A soprano that can be read.

    Raises
    ------
    ConfigError
        Otherwise.
    """
    if text == NONE or held_out_name(text):
        return text
    try:
        return find_tune(text)
    except ConfigError:
        raise ConfigError(f"soprano must be {ALLOWED_SOPRANO}, got {text!r}") from None


def check_key(text: str) -> Key:
    """A major or minor key.

    Raises
    ------
    ConfigError
        Otherwise.
    """
    try:
        key = Key.parse(text)
    except HybridError:
        key = None
    if key is None or key.mode not in ("major", "minor") or abs(key.fifths) > 6:
        raise ConfigError(f"key must be {ALLOWED_KEY}, got {text!r}")
    return key


def find_task(values: Values) -> Task:
    """What is to be filled, by the settings."""
    soprano = values.text("soprano")
    if soprano == NONE:
        return empty_task(check_key(values.text("key")), values.integer("bars"))
    number = held_out_name(soprano)
    if number:
        grid = held_out_grids()[number]
        pickup = int(LONGEST_BAR - grid.places[0]) % LONGEST_BAR
        title = f"{held_out_titles()[number]}, harmonised"
        return Task(title, grid, _free(len(grid), True), 4, pickup)
    return _tune_task(soprano)


def _free(steps: int, is_given: bool) -> NDArray[np.bool_]:
    is_free = np.ones((steps, len(VOICES)), dtype=bool)
    is_free[:, 0] = not is_given
    return is_free


def empty_task(key: Key, bars: int) -> Task:
    """Nothing given but key, common time, and fermatas on the third quarter of every other bar."""
    steps = bars * LONGEST_BAR
    places = np.arange(steps) % LONGEST_BAR
    held = np.zeros(steps, dtype=bool)
    for bar in range(PHRASE_BARS - 1, bars, PHRASE_BARS):
        held[bar * LONGEST_BAR + 8 : bar * LONGEST_BAR + 12] = True
    held[-8:] = True
    grid = ChoraleGrid(
        "",
        key,
        np.full((steps, 4), REST, dtype=np.int16),
        np.zeros((steps, 4), dtype=bool),
        places.astype(np.int16),
        held,
    )
    return Task(f"A chorale in {key.name}", grid, _free(steps, False), 4, 0)


def _tune_task(text: str) -> Task:
    tune = find_tune(text)
    steps = tune.notes[-1].end // SIXTEENTH
    pitches = np.full((steps, 4), REST, dtype=np.int16)
    onsets = np.zeros((steps, 4), dtype=bool)
    for note in tune.notes:
        first, last = note.onset // SIXTEENTH, note.end // SIXTEENTH
        pitches[first:last, 0] = note.pitch
        onsets[first, 0] = True
    places = (np.arange(steps) - tune.pickup // SIXTEENTH) % (4 * tune.beats)
    ends = [note.end // SIXTEENTH for note in tune.notes if note.is_fermata]
    key = tune.key if tune.key.mode in ("major", "minor") else Key(tune.key.tonic, "minor")
    grid = ChoraleGrid(
        "", key, pitches, onsets, places.astype(np.int16), mark_ends(onsets[:, 0], ends)
    )
    title = f"{tune.title.split(' (')[0]}, harmonised"
    return Task(title, grid, _free(steps, True), tune.beats, tune.pickup // SIXTEENTH)


def bar_and_beat(task: Task) -> list[str]:
    """Where each sixteenth lies, in words: ``bar 2, beat 3½``."""
    bar = 4 * task.beats
    number = 0 if task.pickup else 1
    found = []
    for time, place in enumerate(task.grid.places.tolist()):
        if time and place == 0:
            number += 1
        found.append(f"bar {number}, beat {place % bar // 4 + 1}{('', '¼', '½', '¾')[place % 4]}")
    return found
