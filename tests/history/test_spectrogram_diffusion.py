"""Spectrogram diffusion: the pictures, the way back from noise, and what was learnt."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hybrid.core.errors import ConfigError
from hybrid.history.mel_sound import MelSound
from hybrid.history.registry import load_exhibit, run_exhibit
from hybrid.history.rendered_tunes import (
    HELD_OUT_TUNE,
    chorale_events,
    chorale_numbers,
    rendered,
    training_tunes,
    tune_events,
)
from hybrid.history.spectrogram_diffusion import PROGRAMS, heard_levels
from hybrid.history.spectrogram_diffusion_model import (
    INSTRUMENTS,
    SOUND,
    Denoiser,
    DiffusionConfig,
    denoise,
    load_denoiser,
    note_pictures,
    save_denoiser,
    shares,
)
from hybrid.history.spectrogram_diffusion_training import (
    DiffusionTrainer,
    DiffusionTraining,
    Piece,
    excerpts,
    held_out_loss,
    wiener_loss,
)


def tone(hertz: float, seconds: float = 1.0, amplitude: float = 1.0) -> np.ndarray:
    time = np.arange(round(seconds * SOUND.sample_rate)) / SOUND.sample_rate
    return (amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def test_a_tone_stands_in_its_band_at_its_level() -> None:
    levels = SOUND.levels(tone(1000.0, amplitude=0.1))
    # 0.1 is -20 dB; a band is a mean over its bins, so a little lower.
    middle = levels[:, 20]
    assert -SOUND.floor_db / 2 * (middle.max() - 1) == pytest.approx(-20, abs=8)
    centre = 0.5 * SOUND.sample_rate * SOUND.filters[middle.argmax()].argmax() / 512
    assert centre == pytest.approx(1000, abs=30)
    assert (SOUND.levels(np.zeros(3000, np.float32)) == -1).all()


def test_griffin_lim_gives_back_what_the_levels_say() -> None:
    sound = tone(440.0, 0.8, 0.2) + tone(660.0, 0.8, 0.1)
    levels = SOUND.levels(sound)
    made, misses = SOUND.sound(levels, np.random.default_rng(1), rounds=24)
    assert misses[-1] < 0.5 * misses[0]
    again = SOUND.levels(made)
    loud = levels[:, :-2] > -0.4
    assert np.abs(again - levels[:, : again.shape[1]])[:, : loud.shape[1]][loud].mean() < 0.08
    same, _ = SOUND.sound(levels, np.random.default_rng(1), rounds=24)
    assert np.array_equal(made, same)


def test_silence_stays_silent() -> None:
    mel = MelSound(n_bands=40)
    made, _ = mel.sound(np.full((40, 10), -1.0), np.random.default_rng(0), rounds=2)
    assert np.abs(made).max() < 1e-6


def test_notes_are_drawn_where_their_harmonics_are() -> None:
    assert PROGRAMS == INSTRUMENTS
    pictures = note_pictures([(480, 480, 69)], "flute", 60.0, 120)
    sounding, struck = pictures[0], pictures[1]
    first, last = round(SOUND.frames_per_second), round(2 * SOUND.frames_per_second)
    assert not sounding[:, :first].any()
    assert not sounding[:, last:].any()
    assert sounding[:, first].max() == sounding[:, last - 1].max() > 0.5
    assert struck[:, first].max() > 10 * struck[:, last - 1].max()
    band = int(SOUND.levels(tone(440.0))[:, 20].argmax())
    assert sounding[band, first] > 0.5
    assert [float(picture.min()) for picture in pictures[3:]] == [0, 0, 0, 1]


@pytest.mark.parametrize("fresh", [0.0, 1.0])
def test_a_perfect_denoiser_leads_back_to_the_sound(fresh: float) -> None:
    wanted = SOUND.levels(tone(440.0, 0.5, 0.3))

    class Perfect(torch.nn.Module):
        def forward(
            self, noisy: torch.Tensor, pictures: torch.Tensor, noise: torch.Tensor
        ) -> torch.Tensor:
            clean, dirt = shares(noise)
            known = torch.zeros_like(noisy) - 1
            known[:, :, : wanted.shape[1]] = torch.from_numpy(wanted)
            return clean * (noisy - clean * known) / dirt - dirt * known

    pictures = note_pictures([], "organ", 60.0, wanted.shape[1])
    stages = list(denoise(Perfect(), pictures, np.random.default_rng(2), 5, fresh))  # type: ignore[arg-type]
    assert [round(stage.noise, 6) for stage in stages] == [1.0, 0.8, 0.6, 0.4, 0.2]
    assert np.abs(stages[-1].guess - wanted).max() < 1e-4
    # The mixture holds ever less noise.
    misses = [float(np.abs(stage.noisy - wanted).mean()) for stage in stages]
    assert misses == sorted(misses, reverse=True)


def test_what_is_given_stays_as_it_was() -> None:
    torch.manual_seed(1)
    network = Denoiser(DiffusionConfig((8, 8), 8)).eval()
    pictures = note_pictures([(0, 480, 60)], "organ", 60.0, 30)
    given = SOUND.levels(tone(440.0, 0.3, 0.3))[:, :12]
    *_, last = denoise(network, pictures, np.random.default_rng(2), 3, given=given)
    assert last.guess.shape == (SOUND.n_bands, 30)
    assert np.array_equal(last.guess[:, :12], given)


def piece(events: tuple[tuple[int, int, int], ...], instrument: str, qpm: float) -> Piece:
    sound = rendered(events, INSTRUMENTS[instrument], qpm, SOUND.sample_rate)
    return Piece(events, instrument, qpm, SOUND.levels(sound).astype(np.float16))


@pytest.fixture(scope="module")
def held_out() -> tuple[torch.Tensor, torch.Tensor]:
    """A tune and a chorale that were not trained on, rendered here."""
    assert HELD_OUT_TUNE not in training_tunes()
    number = chorale_numbers(held_out=True)[3]
    assert number not in chorale_numbers()
    pieces = [
        piece(tune_events(HELD_OUT_TUNE, 3)[:16], "piano", 120.0),
        piece(tune_events(HELD_OUT_TUNE, 7)[:16], "flute", 100.0),
        piece(chorale_events(number, 8), "organ", 100.0),
        piece(chorale_events(number, 8), "strings", 100.0),
    ]
    return excerpts(pieces, 64)


@pytest.mark.soundfont
def test_it_learnt_more_than_a_wiener_filter(held_out: tuple[torch.Tensor, torch.Tensor]) -> None:
    levels, pictures = held_out
    assert len(levels) >= 8
    baseline = wiener_loss(levels, pictures)
    torch.manual_seed(0)
    random = Denoiser(DiffusionConfig()).eval()
    assert held_out_loss(load_denoiser()[0], levels, pictures) < 0.9 * baseline
    assert held_out_loss(random, levels, pictures) > 2 * baseline


@pytest.mark.soundfont
def test_the_pitches_that_were_asked_for_are_heard() -> None:
    def share_heard(network: Denoiser) -> float:
        events = tune_events(HELD_OUT_TUNE, 5)[:16]
        frames = SOUND.frames_per_second * 60 / 120 / 480
        pictures = note_pictures(events, "flute", 120.0, round(events[-1][0] * frames) + 30)
        *_, last_stage = denoise(network, pictures, np.random.default_rng(4), 8)
        right = 0
        for onset, ticks, pitch in events:
            first, last = round(onset * frames) + 1, round((onset + ticks) * frames)
            right += heard_levels(last_stage.guess, first, last, pitch).is_right
        return right / len(events)

    assert share_heard(load_denoiser()[0]) > 0.9
    torch.manual_seed(0)
    assert share_heard(Denoiser(DiffusionConfig()).eval()) < 0.5


@pytest.mark.soundfont
def test_a_run_that_was_stopped_ends_in_the_same_weights(tmp_path) -> None:  # type: ignore[no-untyped-def]
    pieces = [piece(tune_events(HELD_OUT_TUNE)[:8], "piano", 120.0)]
    settings = DiffusionTraining(updates=4, batch=2, frames=16, check_every=2, save_every=2)
    ends = []
    for folder, stops in (("whole", (4,)), ("stopped", (2, 4))):
        (tmp_path / folder).mkdir()
        for stop in stops:
            config = DiffusionConfig((8, 8), 8)
            trainer = DiffusionTrainer(config, settings, pieces, pieces, tmp_path / folder)
            trainer.run(stop_at=stop)
        save_denoiser(trainer.average, tmp_path / f"{folder}.safetensors", {})
        ends.append((tmp_path / f"{folder}.safetensors").read_bytes())
    assert ends[0] == ends[1]


def test_other_weights_are_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError, match="no weights of a spectrogram denoiser"):
        load_denoiser(tmp_path / "none.safetensors")


@pytest.mark.soundfont
def test_it_goes_on_from_given_sound() -> None:
    made, _ = run_exhibit(
        load_exhibit("spectrogram-diffusion"),
        2,
        {"given": 1.0, "steps": 2, "piece": "london-bridge", "quarters": 8},
    )
    makers = [entry.maker for entry in made.trace.entries]
    assert makers[0] == "given sound"
    assert makers[-1] == "denoiser"
    assert made.recordings[0].audio is not None
    assert made.recordings[0].audio.seconds == pytest.approx(made.score.seconds + 0.4, abs=0.1)
