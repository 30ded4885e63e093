"""Songs of POP909: tracks, bass line, written onsets, chords by people, phrases on bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.errors import CorpusError
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.score import KeySignature, Score, Track, make_notes
from hybrid.core.timeline import Metre, Tempo
from hybrid.grammar.form_corpora_numerals import TONES
from hybrid.io.midi import score_to_midi
from hybrid.symbolic_transformer.conditions import chord_row
from hybrid.symbolic_transformer.pop_corpus import PopCounts, pop_split, read_pop
from hybrid.symbolic_transformer.pop_labels import (
    ChordName,
    name_chord,
    parse_labels,
    parse_melody,
    place_phrases,
    read_chords,
)
from hybrid.symbolic_transformer.pop_notes import (
    BASS,
    MELODY,
    PIANO,
    is_bass,
    quantise_onsets,
    separate_tracks,
)

BAR = 1920
TUNE = (72, 74, 76, 77, 79, 77, 76, 74)


def song(bars: int = 8, played: int = 0) -> tuple[Score, Score]:
    """A song as POP909-CL and as POP909 have it; ``played`` makes notes late in turn."""
    melody, bridge, piano = [], [], []
    for bar in range(bars):
        at = bar * BAR
        for step, pitch in enumerate(TUNE):
            late = played * (step % 3 - 1) if at + step else 0
            melody.append((at + 240 * step + late, 200, pitch + 2 * (bar % 3), 100))
        bridge.append((at + 960, 900, 84, 70))
        piano += [(at, 900, 36, 80), (at, 400, 60, 60), (at, 400, 64, 60), (at, 400, 67, 60)]
        piano += [(at + 480, 400, 48, 60), (at + 960, 900, 43, 80), (at + 960, 400, 59, 60)]
    chords = [
        (bar * BAR + 960 * half, 960, pitch)
        for bar in range(bars)
        for half, tones in ((0, (48, 52, 55)), (1, (47, 50, 55)))
        for pitch in tones
    ]
    merged = Score(
        (
            Track("piano", make_notes([*melody, *bridge, *piano])),
            Track("chords", make_notes(chords)),
        ),
        keys=(KeySignature(0, Key(0)), KeySignature(4 * BAR, Key(-3, "minor"))),
        metres=(Metre(0, 4, 4),),
        tempos=(Tempo(0, 120.0),),
    )
    # POP909 begins elsewhere, at another tempo.
    parts = tuple(
        Track(name, make_notes([(onset + 40, *rest) for onset, *rest in rows]))
        for name, rows in (("MELODY", melody), ("BRIDGE", bridge), ("PIANO", piano))
    )
    return merged, Score(parts, tempos=(Tempo(0, 90.0),))


def test_tracks_are_told_by_the_notes() -> None:
    notes = separate_tracks(*song())
    assert [len(track) for track in notes.tracks] == [64, 8, 8 * 5, 16]
    assert notes.found == 1.0
    assert set(notes.tracks[BASS]["pitch"].tolist()) == {36, 43}
    assert (notes.tracks[MELODY]["velocity"] == 100).all()


def test_a_note_that_one_of_them_lacks_goes_with_its_neighbours() -> None:
    merged, parts = song()
    melody = parts.tracks[0].notes[np.arange(64) != 10]
    fewer = Score((Track("MELODY", melody), *parts.tracks[1:]), tempos=parts.tempos)
    assert len(separate_tracks(merged, fewer).tracks[MELODY]) == 64


def test_songs_that_are_not_the_same_are_refused() -> None:
    merged, parts = song()
    other = Score(parts.transposed(5).tracks)
    with pytest.raises(CorpusError, match="007: the notes of POP909-CL must be those of POP909"):
        separate_tracks(merged, other, "007")
    chords_alone = Score(merged.tracks[1:])
    with pytest.raises(CorpusError, match="besides its chords, got none"):
        separate_tracks(chords_alone, parts)


@pytest.mark.parametrize(
    ("rows", "bass"),
    [
        # A bass note under a chord.
        ([(0, 480, 40), (0, 480, 60), (0, 480, 64)], [True, False, False]),
        # A broken chord upwards: only its lowest note.
        ([(0, 100, 40), (240, 100, 47), (400, 100, 52)], [True, False, False]),
        # A walking line, a quarter each, up and down.
        ([(0, 480, 40), (480, 480, 43), (960, 480, 41)], [True, True, True]),
        # The same note again.
        ([(0, 100, 40), (240, 100, 40)], [True, True]),
        # An octave higher while the first is held; and once it is not.
        ([(0, 960, 36), (480, 240, 48)], [True, False]),
        ([(0, 500, 36), (480, 240, 48)], [True, True]),
        # Too high, and too close to what is struck with it.
        ([(0, 480, 55)], [False]),
        ([(0, 480, 48), (0, 480, 51), (0, 480, 55)], [False, False, False]),
    ],
)
def test_the_rule_of_the_bass(rows: Sequence[tuple[int, int, int]], bass: list[bool]) -> None:
    assert is_bass(make_notes(rows)).tolist() == bass


def test_the_bass_is_one_line() -> None:
    bass = separate_tracks(*song(played=20)).tracks[BASS]
    assert (bass["onset"][:-1] + bass["duration"][:-1] <= bass["onset"][1:]).all()


@pytest.mark.parametrize(
    ("played", "written"),
    [
        ([0, 120, 240, 360], [0, 120, 240, 360]),
        ([20, 140, 220, 340], [0, 120, 240, 360]),
        ([0, 160, 320, 480], [0, 160, 320, 480]),
        ([470, 630, 810], [480, 640, 800]),
        # One late sixteenth makes no triplet.
        ([0, 140, 240, 360], [0, 120, 240, 360]),
    ],
)
def test_onsets_go_to_sixteenths_or_triplets(played: list[int], written: list[int]) -> None:
    assert quantise_onsets(np.array(played)).tolist() == written
    assert quantise_onsets(np.array([], dtype=np.int64)).tolist() == []


def test_timing_is_what_was_played_less_what_is_written() -> None:
    notes = separate_tracks(*song(played=20))
    assert set(notes.timing[MELODY].tolist()) == {-20, 0, 20}
    assert (notes.tracks[MELODY]["onset"] % 240 == 0).all()
    assert notes.n_far == 0


@pytest.mark.parametrize("quality", sorted(TONES))
@pytest.mark.parametrize("root", [0, 5, 10])
def test_chords_in_root_position_are_named(root: int, quality: str) -> None:
    tones = frozenset({root, *((root + tone) % 12 for tone in TONES[quality])})
    assert name_chord(tones, root, False) == ChordName(root, quality, 0, True)


@pytest.mark.parametrize(
    ("tones", "lowest", "name"),
    [
        ({0, 4, 7}, 4, ChordName(0, "major", 1, True)),
        ({0, 4, 7, 9}, 0, ChordName(9, "minor-seventh", 1, True)),
        ({0, 2, 7}, 0, ChordName(7, "suspended", 1, True)),
        ({2, 5, 7, 11}, 5, ChordName(7, "dominant-seventh", 3, True)),
        # No third, one tone alone, one tone too many: the key and the lowest tone decide.
        ({7, 2}, 7, ChordName(7, "major", 0, False)),
        ({9}, 9, ChordName(9, "minor", 0, False)),
        ({0, 2, 4, 7}, 0, ChordName(0, "major", 0, False)),
    ],
)
def test_other_chords_are_named(tones: set[int], lowest: int, name: ChordName) -> None:
    assert name_chord(frozenset(tones), lowest, False) == name


def test_chords_are_read_in_the_keys_in_force() -> None:
    merged, _ = song()
    chords = read_chords(merged, merged.keys)
    assert len(chords.spans) == 16
    assert chords.n_merged == 0
    assert [span.numeral for span in chords.spans[:2]] == ["I", "V6"]
    for span in chords.spans:
        root, bass, mask, _ = chord_row(span.numeral, span.key)
        first = span.onset % BAR == 0
        assert (root, bass) == ((0, 0) if first else (7, 11))
        assert {pc for pc in range(12) if mask >> pc & 1} == ({0, 4, 7} if first else {7, 11, 2})
    assert pitch_class(chords.spans[-1].key.tonic) == 3


def test_a_key_that_begins_inside_a_chord_cuts_it() -> None:
    merged, _ = song()
    keys = (KeySignature(0, Key(0)), KeySignature(480, Key(1)))
    spans = read_chords(merged, keys).spans
    assert [(span.onset, span.numeral) for span in spans[:3]] == [
        (0, "I"),
        (480, "IV"),
        (960, "I6"),
    ]


def test_labels_and_melodies_are_parsed() -> None:
    assert parse_labels("i2A4B8o0\n") == (("i", 2), ("A", 4), ("B", 8))
    assert parse_melody("0 4\n60 2\n\n0 2\n62 8\n") == ((4, 60), (8, 62))


def labelled(shift: int, bars: int = 8) -> tuple[Score, np.ndarray, list[tuple[int, int]]]:
    merged, parts = song(bars)
    notes = separate_tracks(merged, parts)
    melody = notes.tracks[MELODY]
    score = Score((Track("MELODY", melody),), metres=merged.metres)
    other = [(int(n["onset"]) // 120 - shift, int(n["pitch"])) for n in melody]
    return score, melody, other


def test_phrases_are_laid_where_the_melodies_agree() -> None:
    score, melody, other = labelled(16)
    phrases = place_phrases(score, melody, [("A", 3), ("A", 2), ("b", 2)], other)
    assert phrases is not None
    # The bar before the first label goes with it.
    assert [(p.bars, p.theme, p.section) for p in phrases] == [
        (4, "A", 0),
        (2, "A", 0),
        (2, "b", 1),
    ]


def test_phrases_inside_bars_go_where_the_melody_pauses() -> None:
    # Four bars of song, each without its last quarter; phrases half a bar early.
    rows = [
        (bar * BAR + 480 * beat, 400, 60 + 3 * bar + beat) for bar in range(4) for beat in (0, 1, 2)
    ]
    melody = make_notes(rows)
    score = Score((Track("MELODY", melody),), length=4 * BAR)
    other = [(onset // 120 + 8, pitch) for onset, _, pitch in rows]
    phrases = place_phrases(score, melody, [("i", 1), ("A", 2), ("o", 1)], other)
    assert phrases is not None
    assert [p.bars for p in phrases] == [1, 2, 1]
    assert [p.role for p in phrases] == ["intro", "", "outro"]
    late = [(at - 16, pitch) for at, pitch in other]
    found = place_phrases(score, melody, [("i", 1), ("A", 1), ("o", 1)], late)
    assert found is not None
    assert sum(p.bars for p in found) == 4


def test_phrases_that_do_not_fit_are_left_out() -> None:
    score, melody, other = labelled(0)
    assert place_phrases(score, melody, [("A", 16)], other) is None
    assert place_phrases(score, melody, [("A", 8)], [(at, 40) for at, _ in other]) is None
    assert place_phrases(score, melody, [("A", 8)], []) is None


@pytest.mark.parametrize(
    ("number", "split"), [(10, "test"), (9, "valid"), (899, "valid"), (1, "train")]
)
def test_splits_go_by_the_last_digit(number: int, split: str) -> None:
    assert pop_split(number) == split


def test_songs_become_pieces(corpora: Callable[..., Path]) -> None:
    merged, parts = song(played=20)
    cl, original = score_to_midi(merged)[0], score_to_midi(parts)[0]
    _, melody, other = labelled(0)
    pitches = dict(other)
    lines = "\n".join(f"{pitches.get(at, 0)} 2" for at in range(0, 128, 2))
    stranger = score_to_midi(Score(parts.transposed(3).tracks))[0]
    folder = corpora(
        {
            "pop909-cl": {
                "POP909_processed/009.mid": cl,
                "POP909_processed/043 .mid": cl,
                "POP909_processed/050.mid": cl,
                "POP909_processed/518.mid": cl,
            },
            "pop909": {
                "POP909/009/009.mid": original,
                "POP909/043/043.mid": original,
                "POP909/050/050.mid": stranger,
                "POP909/518/518.mid": original,
            },
            "pop909-structure": {
                "POP909/009/human_label1.txt": "A4B4",
                "POP909/009/melody.txt": lines,
            },
        }
    )
    counts = PopCounts()
    pieces = list(read_pop(folder, counts))
    assert [(p.name, p.split, p.chord_source, p.section_source) for p in pieces] == [
        ("pop909/009", "valid", "people", "people"),
        ("pop909/043", "train", "people", "notes"),
    ]
    assert [line.partition(":")[0] for line in counts.refused] == ["050", "518"]
    first = pieces[0]
    assert first.plan.themes[["start", "end", "label"]].tolist() == [(0, 384, 0), (384, 768, 1)]
    assert first.plan.keys[["tonic", "mode"]].tolist() == [(0, 0), (3, 1)]
    assert first.plan.phrases["tempo"][0] == pytest.approx(90.0)
    assert np.bincount(first.score.notes["track"]).tolist() == [64, 8, 40, 16]
    assert PIANO in first.score.notes["track"]
    assert set(first.score.notes["timing"].tolist()) == {-20, 0, 20}
    assert melody["pitch"][0] == first.score.notes["pitch"][first.score.notes["track"] == 0][0]
