"""Scores played through FluidSynth: places, levels, tails, stems, files."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError, HybridError, RenderError
from hybrid.core.score import BEND_DTYPE, CONTROL_DTYPE, PROGRAM_DTYPE, Score, Track, make_notes
from hybrid.core.timeline import Tempo
from hybrid.render import RenderOptions, render, render_to_file, stem_names
from hybrid.render import rendering as module
from hybrid.render.fluid import FluidPlayer, load_library

pytestmark = pytest.mark.soundfont

RATE = 44100
PIANO, BELLS, ORGAN, STRINGS, WOODBLOCK = 0, 14, 19, 48, 115
QUIET = 1e-4


def _track(name: str, rows: Iterable[Sequence[int]], **fields: Any) -> Track:
    return Track(name, make_notes(rows), **fields)


def _one(program: int = PIANO, ticks: int = 480, pitch: int = 60, **fields: object) -> Score:
    track = _track("one", [(0, ticks, pitch)], program=program)
    return Score((replace(track, **fields),), tempos=(Tempo(0, 120.0),))  # type: ignore[arg-type]


def _quartet(bars: int = 4) -> Score:
    rng = np.random.default_rng(0)
    tracks = []
    for number, (name, low) in enumerate(zip("satb", (67, 60, 52, 43), strict=True)):
        rows = [(i * 480, 480, int(low + rng.integers(0, 8)), 70) for i in range(4 * bars)]
        tracks.append(_track(name, rows, program=(40, 41, 42, 32)[number]))
    return Score(tuple(tracks), tempos=(Tempo(0, 96.0),))


def _level(samples: NDArray[np.float32], start: float, stop: float) -> float:
    part = samples[:, int(start * RATE) : int(stop * RATE)]
    return float(np.sqrt(np.mean(part.astype(np.float64) ** 2)))


def _frequency(samples: NDArray[np.float32], start: float, stop: float) -> float:
    part = samples[0, int(start * RATE) : int(stop * RATE)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 19))
    return float(np.argmax(spectrum) * RATE / (1 << 19))


# --- Places -------------------------------------------------------------------------------


def _onset_errors(seconds: float) -> NDArray[np.float64]:
    """Samples between where woodblocks sound and where the tempo map has them."""
    rng = np.random.default_rng(1)
    tempos = [Tempo(0, 60.0)]
    while tempos[-1].tick < 480 * seconds:
        tempos.append(Tempo(tempos[-1].tick + int(rng.integers(500, 9000)), rng.uniform(40, 90)))
    ticks = np.arange(480, int(480 * seconds), 1471)
    track = _track("w", [(int(tick), 40, 76, 100) for tick in ticks], program=WOODBLOCK)
    score = Score((track,), tempos=tuple(tempos))
    first = Score((_track("w", [(0, 40, 76, 100)], program=WOODBLOCK),))
    sound = np.abs(render(first, loudness=None).mix.samples).max(axis=0)
    # The attack of the sample itself, from silence to a level that noise does not reach.
    threshold = float(sound.max()) / 4
    attack = int(np.argmax(sound > threshold))
    found = []
    heard = np.abs(render(score, loudness=None).mix.samples).max(axis=0)
    places = score.tempo_map.to_seconds(ticks) * RATE
    for place in places:
        start = int(place) - 4000
        part = heard[max(0, start) : start + 8000]
        found.append(max(0, start) + int(np.argmax(part > threshold)) - attack)
    return np.array(found) - places


def test_onsets_are_where_the_tempo_map_has_them_for_five_minutes() -> None:
    errors = _onset_errors(300.0)
    assert len(errors) > 90
    assert np.abs(errors).max() <= 64


@pytest.mark.slow
def test_onsets_do_not_drift_over_an_hour() -> None:
    errors = _onset_errors(3600.0)
    assert len(errors) > 1000
    assert np.abs(errors).max() <= 64
    third = len(errors) // 3
    assert abs(errors[:third].mean() - errors[-third:].mean()) < 8


# --- Levels -------------------------------------------------------------------------------


def test_the_loudness_is_the_one_asked_for() -> None:
    import pyloudnorm

    rendering = render(_quartet(), loudness=-20.0)
    measured = pyloudnorm.Meter(RATE).integrated_loudness(rendering.mix.samples.T.astype(float))
    report = rendering.report
    assert measured == pytest.approx(-20.0, abs=0.01)
    assert report.loudness_after == pytest.approx(measured, abs=0.01)
    assert report.limited_by == "loudness"
    assert report.loudness_before is not None
    assert report.gain_db == pytest.approx(-20.0 - report.loudness_before)


def test_the_ceiling_lowers_the_gain_and_clips_nothing() -> None:
    # A wide range: a quiet piece with one loud stroke cannot be as loud as asked.
    rows = [(i * 480, 480, 60, 30) for i in range(16)] + [
        (8 * 480, 200, 36 + i, 127) for i in (0, 7, 12)
    ]
    score = Score((_track("a", rows),))
    rendering = render(score, loudness=-6.0, ceiling_db=-3.0)
    report = rendering.report
    assert report.limited_by == "peak"
    assert report.true_peak_after_db == pytest.approx(-3.0)
    assert 20 * np.log10(rendering.mix.peak) <= -3.0 + 1e-4
    plain = render(score, loudness=None, ceiling_db=0.0).mix.samples
    ratio = rendering.mix.peak / float(np.abs(plain).max())
    np.testing.assert_allclose(rendering.mix.samples, plain * np.float32(ratio), atol=1e-6)


def test_loud_music_is_not_clipped_inside_the_player() -> None:
    rows = [(0, 960, pitch, 127) for pitch in range(36, 84)]
    rendering = render(Score((_track("a", rows, program=ORGAN),)), loudness=None, gain=2.0)
    report = rendering.report
    assert report.true_peak_before_db is not None
    assert report.true_peak_before_db > 6.0, "floats go over full scale before the gain"
    assert rendering.mix.peak <= 10 ** (-1 / 20) + 1e-6
    # Clipping would leave runs of samples at the top.
    at_top = np.abs(rendering.mix.samples) > 0.999 * rendering.mix.peak
    assert at_top.sum() < 10


def test_silence_stays_silence() -> None:
    rendering = render(Score((), length=480, tempos=(Tempo(0, 60.0),)))
    assert rendering.mix.n_samples >= RATE
    assert rendering.mix.peak == 0
    assert rendering.report.loudness_before is None
    assert rendering.report.to_dict()["limited_by"] == "nothing"
    assert render(Score(())).mix.n_samples == 0


# --- Tails, controllers, programs ----------------------------------------------------------


def test_the_tail_sounds_on_and_ends_in_silence() -> None:
    rendering = render(_one(BELLS))
    n_score = RATE // 2
    sound = np.abs(rendering.mix.samples).max(axis=0)
    assert len(sound) > n_score + RATE // 2, "bells ring on"
    assert sound[n_score : n_score + 2000].max() > 0.01
    assert sound[-100:].max() < QUIET
    short = render(_one(BELLS), tail_seconds=0.2)
    assert short.mix.n_samples <= n_score + int(0.2 * RATE) + 64
    assert np.abs(short.mix.samples[:, -64:]).max() < 0.02, "faded, not cut"
    assert any("was faded" in notice for notice in short.report.notices)
    assert render(_one(BELLS), tail_seconds=0).mix.n_samples <= n_score + 64


def test_a_pedal_that_is_never_lifted_is_lifted_at_the_end() -> None:
    pedal = np.array([(0, 64, 127)], CONTROL_DTYPE)
    rendering = render(_one(ORGAN, controls=pedal))
    assert rendering.mix.seconds < 5
    assert rendering.report.notices == ()


def test_the_pedal_holds_notes_until_it_is_lifted() -> None:
    pedal = np.array([(0, 64, 127), (1440, 64, 0)], CONTROL_DTYPE)
    rows = [(0, 240, 60), (2400, 10, 30, 1)]
    held = render(Score((_track("a", rows, program=ORGAN, controls=pedal),)), loudness=None)
    plain = render(Score((_track("a", rows, program=ORGAN),)), loudness=None)
    assert _level(held.mix.samples, 0.8, 1.4) > 0.005
    assert _level(plain.mix.samples, 0.8, 1.4) < QUIET
    assert _level(held.mix.samples, 1.9, 2.4) < QUIET


def test_bends_move_the_pitch() -> None:
    bends = np.array([(960, 8191)], BEND_DTYPE)
    sound = render(_one(ORGAN, 1920, 69, bends=bends)).mix.samples
    before, after = _frequency(sound, 0.1, 0.9), _frequency(sound, 1.1, 1.9)
    assert after / before == pytest.approx(2 ** (2 / 12), rel=0.002)


def test_program_changes_and_the_instrument_map_are_heard() -> None:
    rows = [(0, 480, 60), (960, 480, 60)]
    change = np.array([(720, ORGAN)], PROGRAM_DTYPE)
    changed = render(Score((_track("a", rows, programs=change),)), loudness=None).mix.samples
    piano = render(Score((_track("a", rows),)), loudness=None).mix.samples
    organ = render(Score((_track("a", rows),)), loudness=None, programs={"a": "organ"}).mix.samples
    n_half = int(0.74 * RATE)
    np.testing.assert_array_equal(changed[:, :n_half], piano[:, :n_half])
    assert _level(changed, 1.2, 1.45) == pytest.approx(_level(organ, 1.2, 1.45), rel=0.05)
    mapped = render(Score((_track("a", rows, programs=change),)), loudness=None, programs={0: 0})
    np.testing.assert_array_equal(mapped.mix.samples[:, :RATE], piano[:, :RATE])


def test_drums_play_a_kit_whatever_their_place() -> None:
    tracks = tuple(_track(f"t{n}", [], program=ORGAN) for n in range(20))
    drums = _track("kit", [(0, 480, 38, 100)], is_drum=True)
    sound = render(Score((*tracks, drums)), loudness=None).mix.samples
    alone = render(Score((drums,)), loudness=None).mix.samples
    np.testing.assert_allclose(sound[:, : alone.shape[1]], alone, atol=1e-6)
    pitched = render(Score((_track("kit", [(0, 480, 38, 100)]),)), loudness=None).mix.samples
    assert np.abs(pitched[:, : RATE // 2] - alone[:, : RATE // 2]).max() > 0.01


def test_more_tracks_than_midi_has_channels_all_sound() -> None:
    tracks = tuple(
        _track(f"t{n}", [(n * 480, 240, 60)], program=WOODBLOCK if n % 2 else ORGAN)
        for n in range(40)
    )
    sound = render(Score(tracks), loudness=None).mix.samples
    for number in range(40):
        assert _level(sound, number * 0.5, number * 0.5 + 0.2) > 0.001, number


def test_more_tracks_than_one_synth_holds_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    score = _quartet(2)
    whole = render(score, loudness=None)
    monkeypatch.setattr(module, "MAX_CHANNELS", 3)
    shared = render(score, loudness=None)
    n_least = min(whole.mix.n_samples, shared.mix.n_samples)
    assert abs(whole.mix.n_samples - shared.mix.n_samples) < RATE
    np.testing.assert_allclose(
        whole.mix.samples[:, :n_least], shared.mix.samples[:, :n_least], atol=1e-6
    )


def test_reverb_and_chorus_are_off_unless_asked_for() -> None:
    dry = render(_one(WOODBLOCK, 100), loudness=None)
    wet = render(_one(WOODBLOCK, 100), loudness=None, reverb=True)
    # How much of a track goes into the chorus is up to controller 93.
    send = np.array([(0, 93, 127)], CONTROL_DTYPE)
    swirl = render(_one(ORGAN, 960, controls=send), loudness=None, chorus=True)
    plain = render(_one(ORGAN, 960, controls=send), loudness=None)
    assert wet.mix.seconds > dry.mix.seconds + 0.3
    assert np.abs(swirl.mix.samples[:, :RATE] - plain.mix.samples[:, :RATE]).max() > QUIET


# --- Stems ----------------------------------------------------------------------------------


def test_stems_add_up_to_the_mix() -> None:
    rendering = render(_quartet(), stems=True)
    assert list(rendering.stems) == ["01-s", "02-a", "03-t", "04-b"]
    total = np.zeros_like(rendering.mix.samples)
    for stem in rendering.stems.values():
        assert stem.n_samples == rendering.mix.n_samples
        assert stem.peak > 0.01
        total += stem.samples
    np.testing.assert_allclose(total, rendering.mix.samples, atol=2e-6)


def test_stem_names_are_apart_and_fit_for_files() -> None:
    tracks = tuple(_track(name, []) for name in ("Violin", "Violin", "../x", "Flöte\n2"))
    assert stem_names(Score(tracks)) == ("01-violin", "02-violin", "03-x", "04-flöte-2")


# --- Files, bytes, rates --------------------------------------------------------------------


def test_a_file_holds_what_memory_holds(tmp_path: Path) -> None:
    score = _quartet(2)
    rendering = render(score, stems=True)
    report = render_to_file(score, tmp_path / "x.wav", stems_folder=tmp_path / "stems")
    assert report == rendering.report
    samples, rate = soundfile.read(tmp_path / "x.wav", dtype="float32", always_2d=True)
    assert rate == RATE
    np.testing.assert_array_equal(samples.T, rendering.mix.samples)
    assert soundfile.info(tmp_path / "x.wav").subtype == "FLOAT"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stems", "x.wav"]
    for name, stem in rendering.stems.items():
        samples, _ = soundfile.read(tmp_path / "stems" / f"{name}.wav", dtype="float32")
        np.testing.assert_array_equal(samples.T, stem.samples)


def test_what_does_not_fit_in_memory_is_kept_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render_to_file(_quartet(8), tmp_path / "a.wav")
    monkeypatch.setattr(module, "MAX_KEPT_BYTES", 1_000_000)
    render_to_file(_quartet(8), tmp_path / "b.wav")
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("name", "subtype", "step"),
    [("x.wav", "PCM_16", 2**-15), ("x.wav", "PCM_24", 2**-23), ("x.flac", None, 2**-23)],
)
def test_other_subtypes_are_near(
    tmp_path: Path, name: str, subtype: str | None, step: float
) -> None:
    score = _one()
    render_to_file(score, tmp_path / name, subtype=subtype)
    samples, _ = soundfile.read(tmp_path / name, dtype="float32")
    np.testing.assert_allclose(samples.T, render(score).mix.samples, atol=1.01 * step)


_PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
import test_rendering as t
for path in sys.argv[1:]:
    t.render_to_file(t._quartet(2), path)
"""


def test_the_same_bytes_twice_and_in_another_process(tmp_path: Path) -> None:
    folder = str(Path(__file__).parent)
    paths = [tmp_path / name for name in ("a.wav", "b.flac")]
    written: list[list[str]] = []
    for attempt in range(3):
        if attempt < 2:
            for path in paths:
                render_to_file(_quartet(2), path)
        else:
            code = _PROGRAM.format(folder=folder)
            command = [sys.executable, "-c", code, *map(str, paths)]
            subprocess.run(command, check=True, capture_output=True)
        written.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
        for path in paths:
            path.unlink()
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000])
def test_other_sample_rates_have_the_same_pitch_and_length(rate: int) -> None:
    mix = render(_one(ORGAN, 960, 69), sample_rate=rate, tail_seconds=0).mix
    assert mix.sample_rate == rate
    assert mix.seconds == pytest.approx(1.0, abs=64 / rate)
    part = mix.samples[0, rate // 4 : 3 * rate // 4]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 18))
    peaks = np.argmax(spectrum) * rate / (1 << 18)
    octaves = np.log2(peaks / 440.0)
    assert octaves == pytest.approx(round(octaves), abs=0.02)


def test_progress_rises_to_one() -> None:
    shares: list[float] = []
    render(_quartet(2), stems=True, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 5


# --- Failures -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample_rate": 192000}, r"sample_rate must be in 8000\.\.96000, got 192000"),
        ({"sample_rate": 44100.5}, "must be a whole number"),
        ({"loudness": 3.0}, r"loudness must be in -70\.\.0"),
        ({"ceiling_db": 1.0}, "ceiling_db"),
        ({"tail_seconds": -1}, "tail_seconds"),
        ({"player": "timidity"}, "player must be one of auto, fluidsynth, symusic"),
    ],
)
def test_options_out_of_range_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RenderOptions(**changes)  # type: ignore[arg-type]


def test_a_soundfont_that_looks_whole_but_is_not_is_refused(tmp_path: Path) -> None:
    # A right header around noise: only the player can tell.
    body = b"sfbkLIST\x04\x00\x00\x00INFO" + bytes(1000)
    (tmp_path / "noise.sf2").write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    with pytest.raises(RenderError, match=r"can load, got .*noise\.sf2"):
        render(_one(), soundfont=tmp_path / "noise.sf2")


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must end in"):
        render_to_file(_one(), tmp_path / "x.mp5")
    with pytest.raises(ConfigError, match="subtype"):
        render_to_file(_one(), tmp_path / "x.flac", subtype="FLOAT")
    (tmp_path / "taken.wav").mkdir()
    with pytest.raises(HybridError, match="it is a folder"):
        render_to_file(_one(), tmp_path / "taken.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.wav"]


def test_a_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hybrid.render import files

    def full(self: object, samples: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.FloatWave, "write", full)
    with pytest.raises(HybridError, match=r"cannot write .*x\.wav: No space left on device"):
        render_to_file(_one(), tmp_path / "x.wav")
    assert list(tmp_path.iterdir()) == []


def test_too_long_scores_are_refused_before_they_are_played(tmp_path: Path) -> None:
    day = Score((), length=480 * 3600 * 25, tempos=(Tempo(0, 60.0),))
    with pytest.raises(RenderError, match="at most 24 h"):
        render_to_file(day, tmp_path / "x.wav")
    hours = Score((), length=480 * 3600 * 5, tempos=(Tempo(0, 60.0),))
    with pytest.raises(RenderError, match="render it to a file instead"):
        render(hours)


def test_a_program_that_the_soundfont_lacks_is_reported(tmp_path: Path) -> None:
    # Bank 5 does not exist: FluidSynth takes bank 0 and says so.
    bank = np.array([(0, 0, 5)], CONTROL_DTYPE)
    report = render(_one(controls=bank)).report
    assert any("substituted" in notice for notice in report.notices)


def test_fluidsynth_says_nothing_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    bank = np.array([(0, 0, 5)], CONTROL_DTYPE)
    render(_one(controls=bank))
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_the_library_is_loaded_once_and_players_close_twice() -> None:
    assert load_library() is load_library()
    from hybrid.render.events import schedule
    from hybrid.render.fluid import PlayerOptions
    from hybrid.render.soundfonts import default_soundfont

    player = FluidPlayer(schedule(_one(), RATE), default_soundfont().path, PlayerOptions())
    player.close()
    player.close()
    assert player._synth is None
