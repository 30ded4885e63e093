"""Rolls, excerpts, files of pairs, and sets rendered from a seed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pretty_midi
import pytest
import soundfile
from hypothesis import given as for_all
from hypothesis import strategies as st

from hybrid.audio_refiner import pairs, pairs_sources
from hybrid.audio_refiner.pairs_file import (
    PairBatch,
    PairEntry,
    encode_ogg,
    read_pairs,
    with_serial,
    write_pairs,
)
from hybrid.audio_refiner.pairs_score import (
    TAIL_SECONDS,
    ProgramDeck,
    draw_excerpt,
    score_of_notes,
)
from hybrid.audio_refiner.roll import (
    DRUMS,
    FAMILIES,
    ROLL_DTYPE,
    make_roll,
    notes_of_midi,
    notes_of_score,
)
from hybrid.core.errors import ConfigError, CorpusError, FormatError, ScoreError
from hybrid.core.score import Score, Track, make_notes
from hybrid.core.timeline import Tempo
from hybrid.render import default_soundfont

RATE, HOP = 44100, 1024


def piece(n_quarters: int = 60, drums: bool = False) -> Score:
    """Two tracks in quarters at 120, and drums in eighths."""
    tracks = [
        Track("a", make_notes([(480 * i, 400, 60 + i % 12, 80) for i in range(n_quarters)])),
        Track("b", make_notes([(480 * i, 480, 40 + i % 5) for i in range(n_quarters)]), program=42),
    ]
    if drums:
        hits = make_notes([(240 * i, 100, 36 + 2 * (i % 2)) for i in range(2 * n_quarters)])
        tracks.append(Track("drums", hits, is_drum=True))
    return Score(tuple(tracks), tempos=(Tempo(0, 120.0),))


# --- Roll ---------------------------------------------------------------------------------------


def test_notes_of_a_score_and_of_pretty_midi_are_the_same(tmp_path: Path) -> None:
    from hybrid.io.files import write_score

    score = piece(drums=True)
    write_score(score, tmp_path / "a.mid")
    ours = notes_of_score(score)
    theirs = notes_of_midi(pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")))
    for name in ("onset", "end", "pitch", "velocity", "program", "family"):
        np.testing.assert_array_equal(np.sort(ours[name]), np.sort(theirs[name]))
    assert set(ours["family"].tolist()) == {0, 5, DRUMS}
    assert len(FAMILIES) == 17


@for_all(
    rows=st.lists(
        st.tuples(st.integers(0, 3000), st.integers(1, 900), st.integers(59, 61)), max_size=8
    ),
    first=st.integers(0, 60),
    n_frames=st.integers(0, 80),
)
def test_a_part_of_a_roll_is_that_part_of_the_whole(
    rows: list[tuple[int, int, int]], first: int, n_frames: int
) -> None:
    notes = np.array(
        [(on, on + length, pitch, 50 + on % 70, 0, 0, 0) for on, length, pitch in rows],
        dtype=ROLL_DTYPE,
    )
    whole = make_roll(notes, 200)
    part = make_roll(notes, n_frames, first)
    for name in ("onset", "sustain", "velocity"):
        wanted = getattr(whole, name)[:, :, first : first + n_frames]
        np.testing.assert_array_equal(getattr(part, name), wanted)


def test_a_roll_has_its_frames() -> None:
    notes = np.array([(0, 1, 60, 90, 0, 0, 0), (1000, 1500, 38, 40, 0, DRUMS, 1)], ROLL_DTYPE)
    roll = make_roll(notes, 100, hop=441)
    assert np.flatnonzero(roll.sustain[0, 60]).tolist() == [0]
    assert np.flatnonzero(roll.onset[DRUMS, 38]).tolist() == []
    roll = make_roll(notes, 160, hop=441)  # frames of 10 ms
    assert np.flatnonzero(roll.onset[DRUMS, 38]).tolist() == [100]
    assert np.flatnonzero(roll.sustain[DRUMS, 38]).tolist() == list(range(100, 150))
    assert set(roll.velocity[DRUMS, 38, 100:150].tolist()) == {40}
    with pytest.raises(ConfigError, match="a roll must have 0 frames or more"):
        make_roll(notes, -1)


# --- Excerpts -----------------------------------------------------------------------------------


def test_a_deck_deals_every_family() -> None:
    deck = ProgramDeck(np.random.default_rng(0))
    families = [deck.draw() // 8 for _ in range(32)]
    assert sorted(families[:16]) == list(range(16))
    assert sorted(families[16:]) == list(range(16))


def test_excerpts_fit_and_keep_their_drums() -> None:
    rng = np.random.default_rng(1)
    deck = ProgramDeck(rng)
    early = 0
    for _ in range(40):
        excerpt = draw_excerpt(piece(drums=True), 6.0, rng, deck)
        notes = excerpt.notes
        assert notes["onset"].min() >= 0
        assert notes["onset"].min() <= 240
        assert notes["end"].max() <= 6000
        assert (notes["end"] > notes["onset"]).all()
        early += bool(notes["end"].max() <= 6000 - 1000 * TAIL_SECONDS)
        drums = notes[notes["family"] == DRUMS]
        assert set(drums["pitch"].tolist()) <= {36, 38}
        assert excerpt.start_seconds >= -0.3
        # The score that is rendered says the same.
        again = notes_of_score(excerpt.score())
        np.testing.assert_array_equal(np.sort(again["onset"]), np.sort(notes["onset"]))
        np.testing.assert_array_equal(np.sort(again["end"]), np.sort(notes["end"]))
    assert 0 < early < 30


def test_drums_of_another_piece_are_laid_under() -> None:
    hits = make_notes([(96 * i, 40, 36) for i in range(8)])
    beat = Score((Track("kit", hits, is_drum=True),), ticks_per_quarter=96)
    excerpt = draw_excerpt(
        piece(), 6.0, np.random.default_rng(2), ProgramDeck(np.random.default_rng(2)), beat
    )
    notes = excerpt.notes
    kick = notes["onset"][notes["family"] == DRUMS]
    other = notes["onset"][(notes["family"] != DRUMS)]
    assert len(kick) > 4
    # On every quarter of the piece, to the millisecond of rounding.
    assert all(np.abs(other - onset).min() <= 1 for onset in kick)


def test_pieces_too_thin_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ScoreError, match="an excerpt must have 12 notes"):
        draw_excerpt(piece(4), 6.0, rng, ProgramDeck(rng))
    with pytest.raises(ScoreError, match="a piece must have notes"):
        draw_excerpt(Score(()), 6.0, rng, ProgramDeck(rng))


# --- Sources ------------------------------------------------------------------------------------


def test_given_and_composed_pieces_have_splits() -> None:
    scores = {"1": piece(), "2": piece(), "3": piece()}
    found = pairs_sources.given("chorales", scores, {"1": "train", "3": "test"})
    assert [(item.name, item.split) for item in found] == [
        ("chorales/1", "train"),
        ("chorales/3", "test"),
    ]
    assert found[0].load() is scores["1"]
    made = pairs_sources.composed(300, lambda seed: piece(seed))
    splits = [item.split for item in made]
    assert 210 < splits.count("train") < 270
    assert min(splits.count("valid"), splits.count("test")) > 15
    by_source = pairs_sources.of_split([*found, *made], "test")
    assert set(by_source) == {"chorales", "engine"}
    with pytest.raises(CorpusError, match="split must be one of"):
        pairs_sources.of_split(found, "dev")
    with pytest.raises(CorpusError, match="the split 'valid' must have a piece"):
        pairs_sources.of_split(found, "valid")


def test_corpora_give_pieces_of_all_splits(shared_data: Path) -> None:
    beats = pairs_sources.groove(shared_data)
    songs = pairs_sources.pop(shared_data, lambda number: "test" if number % 2 else "train")
    quartets = pairs_sources.quartets(shared_data, lambda composer: "train")
    assert {item.split for item in beats} == {"train", "valid", "test"}
    assert len(songs) == 909
    assert [item.split for item in songs[:2]] == ["test", "train"]
    assert len(quartets) == 122
    for item in (beats[0], songs[0]):
        assert item.load().n_notes > 20


# --- Files --------------------------------------------------------------------------------------


def batch_of(n_excerpts: int = 3, n_samples: int = 20_000) -> PairBatch:
    rng = np.random.default_rng(4)
    times = np.arange(n_samples) / RATE
    pitch = rng.uniform(200, 900, (n_excerpts, 2, 1))
    sound = (0.2 * np.sin(2 * np.pi * pitch * times)).astype(np.float32)
    notes = notes_of_score(piece(10))
    entries = [
        PairEntry(f"a/{at}", 1.5 * at, "dry-studio", 7 + at, -20.0, 5 * at, 5)
        for at in range(n_excerpts)
    ]
    about = {"split": "train", "sample_rate": RATE, "n_samples": n_samples}
    return PairBatch(about, tuple(entries), notes[: 5 * n_excerpts], sound, 0.5 * sound)


def test_files_of_pairs_come_back(tmp_path: Path) -> None:
    batch = batch_of()
    path = tmp_path / "train-000.pairs"
    write_pairs(path, batch)
    first = path.read_bytes()
    write_pairs(path, batch)
    assert path.read_bytes() == first
    found = read_pairs(path)
    assert found.entries == batch.entries
    np.testing.assert_array_equal(found.notes, batch.notes)
    np.testing.assert_array_equal(found.notes_of(1), batch.notes[5:10])
    for name in ("dry", "large"):
        wanted, read = getattr(batch, name), getattr(found, name)
        assert read.shape == wanted.shape
        error = np.square(read - wanted).mean() / np.square(wanted).mean()
        assert 10 * np.log10(error) < -20
        assert (
            np.abs(
                np.fft.irfft(  # no sample of delay
                    np.fft.rfft(read[0, 0]) * np.conj(np.fft.rfft(wanted[0, 0]))
                )
            ).argmax()
            == 0
        )
    target = found.target(1)
    assert target.shape == (2, 20_000)
    np.testing.assert_array_equal(target, found.target(1))
    assert not np.array_equal(target, found.target(1, "lo-fi"))
    assert not np.array_equal(target, found.target(1, chain_seed=99))


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pairs"
    path.write_bytes(b"nothing")
    with pytest.raises(FormatError, match=r"a\.pairs must be a file of pairs"):
        read_pairs(path)
    with pytest.raises(FormatError, match="cannot read"):
        read_pairs(tmp_path / "none.pairs")
    write_pairs(path, batch_of())
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(FormatError, match=r"a\.pairs"):
        read_pairs(path)
    with pytest.raises(FormatError, match="an Ogg page must begin with OggS"):
        with_serial(b"RIFF", 1)


def test_the_checksum_of_ogg_pages() -> None:
    data = encode_ogg(batch_of(1).dry, RATE, 0.4)
    # libsndfile passes over pages whose checksum is wrong.
    samples, _ = soundfile.read(io.BytesIO(with_serial(data, 77)))
    assert len(samples) == 20_000


# --- Sets ---------------------------------------------------------------------------------------


@pytest.mark.soundfont
def test_a_set_is_made_from_a_seed_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "PER_FILE", 2)
    # The large SoundFont may not be here; the small one stands in for it.
    options: Any = {"seconds": 3.0, "large_font": str(default_soundfont().path)}
    sources = [
        *pairs_sources.given("quartets", {"1": piece()}, {"1": "train"}),
        *pairs_sources.given("groove", {"2": piece(drums=True)}, {"2": "train"}),
        *pairs_sources.given("engine", {"3": piece()}, {"3": "test"}),
    ]
    chosen = pairs.PairOptions(seed=5, **options)
    made = pairs.build_pairs(sources, tmp_path / "a", {"train": 1, "test": 1}, chosen)
    assert [path.name for path in made] == ["test-000.pairs", "train-000.pairs"]
    test, train = (read_pairs(path) for path in made)
    assert {entry.piece for entry in test.entries} == {"engine/3"}
    assert {entry.piece for entry in train.entries} <= {"quartets/1", "groove/2"}
    for batch in (test, train):
        assert batch.dry.shape == (2, 2, 3 * RATE)
        for index, entry in enumerate(batch.entries):
            assert len(batch.notes_of(index)) == entry.n_notes >= 12
            # The first note is heard where the roll has it, within a block and Vorbis's spread.
            onset = batch.notes_of(index)["onset"].min() * RATE // 1000
            loud = np.flatnonzero(np.abs(batch.dry[index]).max(axis=0) > 0.02)
            assert -300 < loud[0] - onset < 4000
    # Deleted files come back the same, whatever is there already.
    before = made[1].read_bytes()
    made[1].unlink()
    pairs.build_pairs(sources, tmp_path / "a", {"train": 1, "test": 1}, chosen)
    assert made[1].read_bytes() == before
    with pytest.raises(ConfigError, match="split must be one of"):
        pairs.build_pairs(sources, tmp_path, {"dev": 1}, chosen)


def test_options_out_of_range() -> None:
    with pytest.raises(ConfigError, match=r"seconds must be in 2\.\.60, got 1"):
        pairs.PairOptions(seconds=1.0)
    with pytest.raises(ConfigError, match="quality must be in"):
        pairs.PairOptions(quality=2.0)


def test_notes_make_a_score_again() -> None:
    notes = notes_of_score(piece(drums=True))
    score = score_of_notes(notes)
    assert [track.is_drum for track in score.tracks] == [False, False, True]
    np.testing.assert_array_equal(notes_of_score(score), notes)
