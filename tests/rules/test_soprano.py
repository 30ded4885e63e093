"""A soprano and the voices under it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from hybrid.rules.figures import Figure
from hybrid.rules.harmony import beat_events
from hybrid.rules.joins import soprano_pairs, sopranos
from hybrid.rules.melody import Manner, MelodyNote, Slot, draw_melody
from hybrid.rules.parts import Voice
from hybrid.rules.phrases import Context
from hybrid.rules.soprano import (
    at_cadence,
    cut_slot,
    embellished,
    harmonisable,
    lower_moves,
    melody_through,
    on_events,
    soprano_before,
    voice_limits,
    wanted_steps_of,
)
from hybrid.rules.voicings import Voicings

Q = 480
PhraseMaker = Callable[..., Any]
VOICES = (
    Voice("soprano", 0, 1, 60, 79),
    Voice("alto", 1, 1, 55, 72),
    Voice("tenor", 2, 1, 48, 67),
    Voice("bass", 3, 1, 40, 60),
)


def note(onset: int, end: int, pitch: int, spelling: int = 0) -> MelodyNote:
    return MelodyNote(onset, end, pitch, spelling, True, 0.5)


@pytest.mark.parametrize(
    ("onset", "accent", "structural", "wanted"),
    [
        (5 * Q + 240, 0, False, {0: 0.0, 4: 0.0, 1: 0.0}),  # I: its own tones only
        (4 * Q + 240, 0, False, {1: 0.0, 5: 0.0, 2: 0.0, -1: 0.0}),  # V: and the passing seventh
        (4 * Q, 2, False, {}),  # on a beat the slot is as it was
        (4 * Q + 240, 0, True, {}),
        (3 * Q + 240, 0, False, {}),  # before the last two chords
    ],
)
def test_over_the_last_two_chords_only_their_tones_pass(
    phrase_of: PhraseMaker,
    onset: int,
    accent: int,
    structural: bool,
    wanted: dict[int, float],
) -> None:
    made = phrase_of("I:4 | V:1 I:3", cadence="PAC")
    chord = next(c for c in made.chords if c.onset <= onset < c.end)
    slot = Slot(onset, onset + 240, chord, accent=accent, structural=structural)
    found = at_cadence(slot, made.chords)
    assert dict(found.tones) == wanted
    assert found.prepared == (not wanted)


def test_a_note_that_no_voicing_can_hold_is_cut(phrase_of: PhraseMaker) -> None:
    """I to V share G alone: a long note is held on it, but I to ii share nothing."""
    limits = voice_limits(Context(VOICES))
    for numerals, cuts in (("I:1 V:3", []), ("I:1 ii:3", [Q])):
        made = phrase_of(numerals)
        events = beat_events(made.phrase, made.chords, Q)
        slot = Slot(0, 2 * Q, made.chords[0], (made.chords[1],))
        pieces = cut_slot(slot, events, limits)
        assert [piece.onset for piece in pieces] == [0, *cuts]
        assert pieces[-1].end == 2 * Q
        assert [piece.chord for piece in pieces] == list(made.chords[: len(pieces)])


@pytest.mark.parametrize("seed", range(5))
def test_a_melody_drawn_in_harmonisable_slots_can_be_harmonised(
    phrase_of: PhraseMaker, seed: int
) -> None:
    made = phrase_of("I:1 V65:1 I:1 IV:1 | ii6:1 V7:1 vi:2")
    events = beat_events(made.phrase, made.chords, Q)
    chords = {event.onset: event.chord for event in events}
    context = Context(VOICES)
    slots = tuple(Slot(n * Q, (n + 1) * Q, chords[n * Q]) for n in range(len(events)))
    ready = harmonisable(slots, events, context)
    line = draw_melody(ready, VOICES[0].range, np.random.default_rng(seed), Manner())
    limits = voice_limits(context)
    for event, one in zip(events, line, strict=True):
        assert one.pitch in sopranos(event, limits)
    for (before, one), (after, two) in pairwise(zip(events, line, strict=True)):
        assert (one.pitch, two.pitch) in soprano_pairs(before, after, limits)


def test_the_melody_without_notes_between_events(phrase_of: PhraseMaker) -> None:
    made = phrase_of("I:4")
    events = beat_events(made.phrase, made.chords, Q)
    line = [note(0, 240, 72), note(240, Q, 74, 2), note(Q, 3 * Q, 76, 4), note(3 * Q, 4 * Q, 72)]
    kept = on_events(line, events)
    assert [(n.onset, n.end, n.pitch) for n in kept] == [
        (0, Q, 72),
        (Q, 3 * Q, 76),
        (3 * Q, 4 * Q, 72),
    ]


def test_voicings_as_a_melody_and_as_moves(phrase_of: PhraseMaker) -> None:
    made = phrase_of("I:2 V:2")
    events = beat_events(made.phrase, made.chords, Q)
    rows = [[72, 64, 48], [76, 67, 48], [74, 67, 55], [74, 65, 55]]
    spelled = [[0, 4, 0], [4, 1, 0], [2, 1, 1], [2, -1, 1]]
    chosen = Voicings(np.array(rows), np.array(spelled), np.zeros(4))
    assert [(n.onset, n.end, n.pitch, n.spelling) for n in melody_through(events, chosen)] == [
        (n * Q, (n + 1) * Q, rows[n][0], spelled[n][0]) for n in range(4)
    ]
    assert lower_moves(events, chosen) == {
        Q: ((64, 67),),
        2 * Q: ((48, 55),),
        3 * Q: ((67, 65),),
    }


def test_figures_become_notes_of_the_melody(phrase_of: PhraseMaker) -> None:
    made = phrase_of("I:4")
    events = beat_events(made.phrase, made.chords, Q)
    line = melody_through(
        events,
        Voicings(np.array([[72], [76], [76], [72]]), np.array([[0], [4], [4], [0]]), np.zeros(4)),
    )
    same = Figure("melody", ((0, 0, 0),))
    passing = Figure("passing", ((0, 72, 0), (2, 74, 2)), strange=(1,))
    tied = Figure("tied plain", ((0, 76, 4),), tied=True)
    found = embellished(line, events, ((passing,), (same,), (tied,), (same,)))
    assert [(n.onset, n.end, n.pitch, n.figure, n.is_chord_tone) for n in found] == [
        (0, 240, 72, "", True),
        (240, Q, 74, "passing", False),
        (Q, 3 * Q, 76, "tied plain", True),
        (3 * Q, 4 * Q, 72, "", True),
    ]


def test_what_the_soprano_comes_from(phrase_of: PhraseMaker) -> None:
    chord = phrase_of("V:4").chords[0]
    context = Context(VOICES, {(0, 1): (71, 5)}, chord)
    assert soprano_before(Context(VOICES)) == (None, None)
    assert soprano_before(context) == ((71, 5), chord)
    assert soprano_before(replace(context, after_pause=True)) == ((71, 5), None)
    assert soprano_before(replace(context, tail={(3, 1): (43, 1)})) == (None, None)


def test_wanted_steps_are_those_of_the_note_that_sounds(phrase_of: PhraseMaker) -> None:
    made = phrase_of("I:4")
    events = beat_events(made.phrase, made.chords, Q)
    slots = [
        Slot(0, 2 * Q, made.chords[0], height=30.0),
        Slot(2 * Q, 4 * Q, made.chords[0], height=33.0),
    ]
    assert wanted_steps_of(slots, events) == (30.0, 30.0, 33.0, 33.0)
