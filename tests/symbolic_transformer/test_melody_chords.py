"""Chords under a melody: they fit it, follow the tables, and close its phrases."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.score import Articulation, KeySignature, Score, Track, make_notes
from hybrid.core.timeline import Metre
from hybrid.grammar.chords import chord_table
from hybrid.symbolic_transformer.event_engine import TransformerEngine
from hybrid.symbolic_transformer.event_sampler import SampleSettings
from hybrid.symbolic_transformer.melody_chords import melody_chords
from hybrid.symbolic_transformer.rewriting import set_melody
from tests.symbolic_transformer.event_pieces import tiny_model

C = Key.parse("C")
#: Two phrases of a hymn's kind, quarters; the first closes on the second degree.
FIRST, SECOND = (72, 74, 76, 74, 77, 76, 74), (76, 77, 79, 77, 76, 74, 72)


def tune(
    *phrases: tuple[int, ...], key: Key | None = C, marked: bool = True, pickup: int = 0
) -> Score:
    """Quarters, the last note of each phrase two; fermatas on these where ``marked``."""
    rows, marks, tick = [], [], 0
    for phrase in phrases:
        for number, pitch in enumerate(phrase):
            last = number == len(phrase) - 1
            rows.append((tick, 960 if last else 480, pitch))
            if last and marked:
                marks.append(Articulation(tick, pitch, "fermata"))
            tick += 960 if last else 480
    track = Track("tune", make_notes(rows), articulations=tuple(marks))
    keys = (KeySignature(0, key),) if key else ()
    return Score((track,), keys=keys, metres=(Metre(0, 4, 4),), pickup_ticks=pickup)


def test_phrases_close() -> None:
    score = tune(FIRST, SECOND)
    found = melody_chords(score, (3840, 7680))
    assert (found[0].onset, found[-1].end) == (0, 7680)
    assert [one.end for one in found[:-1]] == [two.onset for two in found[1:]]
    at = {chord.onset: number for number, chord in enumerate(found)}
    # The second degree over two beats: a half cadence in C or a close on the dominant's key.
    half = found[at[2880]]
    assert (half.end, half.inversion) == (3840, 0)
    assert pitch_class(half.root) == 7
    close = at[6720]
    assert found[close].numeral == "I"
    assert found[close - 1].numeral in ("V", "V7")
    assert found[close].key == found[close - 1].key == C
    # Without phrase ends the tune closes all the same.
    assert melody_chords(score, ())[-1].numeral == "I"


def test_chords_follow_the_tables_and_fit_the_notes() -> None:
    score = tune(FIRST, SECOND)
    found = melody_chords(score, (3840, 7680))
    for one, two in pairwise(found):
        if one.key == two.key and two.onset != 3840:
            assert chord_table("common", one.key).allows(one.numeral, two.numeral)
    notes = score.tracks[0].notes
    fits = []
    for note in notes:
        chord = next(c for c in found if c.onset <= note["onset"] < c.end)
        tones = RomanNumeral.parse(chord.numeral).tones(chord.key)
        fits.append(int(note["pitch"]) % 12 in {pitch_class(tone) for tone in tones})
    assert np.mean(fits) > 0.9


def test_minor_and_no_signature() -> None:
    line = (69, 71, 72, 74, 76, 74, 71), (72, 74, 76, 77, 76, 71, 69)
    for key in (Key.parse("a"), None):
        found = melody_chords(tune(*line, key=key), (3840, 7680))
        assert [chord.numeral for chord in found[-2:]] in (["V7", "i"], ["V", "i"])
        assert found[-1].key.name == "A minor"
    # A key that is asked for is the home key, whatever the notes say.
    asked = melody_chords(tune(*line, key=None), (), Key.parse("D"))
    assert asked[0].key == Key.parse("D")


def test_chords_change_slowly_where_asked() -> None:
    score = tune(FIRST, SECOND)
    assert len(melody_chords(score, (7680,), C, "bar")) < len(melody_chords(score, (7680,), C))


def test_a_pickup_has_no_chord() -> None:
    score = tune((67, *FIRST[:6], 74), SECOND, pickup=480)
    found = melody_chords(score, (4320, 8160))
    assert found[0].onset == 480


@pytest.mark.parametrize("marked", [True, False])
def test_a_harmonised_melody_has_the_cadences_in_its_plan(marked: bool) -> None:
    engine = TransformerEngine(tiny_model(), SampleSettings(n_particles=4))
    made = set_melody(
        tune(FIRST, SECOND, marked=marked),
        engine,
        np.random.default_rng(1),
        texture="chorale",
        instruments=("choir",),
    )
    cadences = [item.phrase.cadence for item in made.plan.phrases()]
    assert cadences[-1] == "PAC"
    if marked:
        assert cadences[0] in ("HC", "PAC", "IAC")
    assert made.score.tracks[0].notes["pitch"].tolist() == [*FIRST, *SECOND]
