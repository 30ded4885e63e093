"""The trained transcriber on a small render, beside a peak picker and random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from hybrid.cli import main
from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError, FormatError
from hybrid.core.score import Score, Track, make_notes
from hybrid.io.midi import read_midi
from hybrid.metrics.note_f1 import NoteScores, note_scores
from hybrid.render import render
from hybrid.transcription.features import HOP, levels, n_frames
from hybrid.transcription.network import CONTEXT, Transcriber, TranscriberConfig
from hybrid.transcription.notes import flattened, heard_of_score
from hybrid.transcription.peaks import pick_peaks
from hybrid.transcription.sound import FileSource, MemorySource, MonoReader
from hybrid.transcription.transcribe import transcribe, transcribe_audio
from hybrid.transcription.weights import load_transcriber, save_transcriber

SMALL = TranscriberConfig(hidden=(8,), drum_hidden=(8,))


@pytest.fixture(scope="module")
def small() -> Transcriber:
    torch.manual_seed(0)
    network = Transcriber(SMALL)
    with torch.no_grad():
        # So that some notes are heard in noise.
        last = network.keys[-1]
        assert isinstance(last, torch.nn.Linear)
        last.bias.zero_()
        last.weight.mul_(10)
    return network.eval()


@pytest.fixture(scope="module")
def noise() -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    sound = 0.1 * rng.standard_normal((2, 9 * 22050)).astype(np.float32)
    return sound * (np.arange(sound.shape[1]) % 11025 < 8000)


def piece() -> Score:
    """Two parts of piano and flute, with repeated notes, over a bass."""
    steps = [60, 64, 67, 72, 71, 67, 64, 62, 60, 60, 65, 69, 67, 65, 64, 60]
    tune = [(at * 240, 220, pitch + 12, 90) for at, pitch in enumerate(steps)]
    chords = [
        (at * 960, 900, pitch, 70)
        for at in range(4)
        for pitch in ((52, 55, 60), (53, 57, 60))[at % 2]
    ]
    bass = [(at * 480, 440, pitch, 85) for at, pitch in enumerate([36, 43, 41, 48, 36, 43, 41, 36])]
    return Score(
        (
            Track("tune", make_notes(tune), program=73),
            Track("chords", make_notes(chords), program=0),
            Track("bass", make_notes(bass), program=32),
        )
    )


@pytest.mark.soundfont
def test_better_than_peaks_and_than_chance() -> None:
    pytest.importorskip("mir_eval", reason="mir_eval counts the notes")
    score = piece()
    audio = render(score).mix
    wanted = flattened(heard_of_score(score))
    network, _, _ = load_transcriber()
    torch.manual_seed(1)
    ears: dict[str, Callable[[Audio], NDArray[np.void]]] = {
        "trained": lambda sound: transcribe_audio(sound, network),
        "peaks": pick_peaks,
        "random": lambda sound: transcribe_audio(sound, Transcriber(network.config).eval()),
    }
    found: dict[str, NoteScores] = {}
    for name, ear in ears.items():
        heard = flattened(ear(audio))
        found[name] = note_scores(wanted, heard[~heard["drum"]])
    assert found["trained"].f1 > 0.7
    assert found["trained"].f1 > found["peaks"].f1 + 0.1
    assert found["peaks"].f1 > 0.2
    assert found["random"].f1 < 0.1
    assert transcribe_audio(audio, network).tobytes() == transcribe_audio(audio, network).tobytes()


def test_levels_of_a_sine() -> None:
    time = np.arange(22050) / 22050
    for key, bin_number in ((69, 144), (45, 72), (93, 216)):
        hertz = 440 * 2 ** ((key - 69) / 12)
        found = levels(np.sin(2 * np.pi * hertz * time).astype(np.float32))
        assert found.shape == (2, 1 + 22050 // HOP, 306)
        for picture in found[:, 40]:
            assert abs(int(picture.argmax()) - bin_number) <= 1
            # 0 dB is a sine of full scale: 225 of 255 steps.
            assert 212 <= picture.max() <= 226
    assert not levels(np.zeros(1000, np.float32)).any()


def test_levels_in_pieces() -> None:
    sound = np.random.default_rng(0).standard_normal(20000).astype(np.float32)
    whole = levels(sound)
    assert whole.shape[1] == n_frames(len(sound))
    assert np.array_equal(levels(sound, 10, 20), whole[:, 10:30])
    assert np.array_equal(levels(sound, 60), whole[:, 60:])


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_reading_in_pieces(rate: int, noise: NDArray[np.float32]) -> None:
    reader = MonoReader(MemorySource(Audio(noise, rate)))
    whole = reader.read(0, reader.n_samples)
    parts = [reader.read(at, 30000) for at in range(0, reader.n_samples, 30000)]
    assert np.allclose(np.concatenate(parts)[: len(whole)], whole, atol=1e-6)
    assert not reader.read(-500, 400).any()


def test_in_pieces_as_in_one(small: Transcriber, noise: NDArray[np.float32]) -> None:
    source = MemorySource(Audio(noise, 22050))
    whole = transcribe(source, small, piece=1 << 16)
    assert len(whole) > 20
    for size in (64, 256):
        parts = transcribe(source, small, piece=size)
        assert parts["pitch"].tolist() == whole["pitch"].tolist()
        assert np.allclose(parts["onset"], whole["onset"], atol=1e-3)
        assert np.allclose(parts["end"], whole["end"], atol=0.03)


def test_reaches_as_far_as_it_says(small: Transcriber) -> None:
    quiet = torch.zeros(1, 2, 4 * CONTEXT, 306)
    struck = quiet.clone()
    struck[:, :, 2 * CONTEXT] = 200
    with torch.inference_mode():
        apart = (small(struck).keys - small(quiet).keys).abs().amax(dim=(0, 1, 3))
    touched = torch.nonzero(apart > 1e-6)[:, 0]
    assert CONTEXT <= int(touched.min()) < 2 * CONTEXT
    assert 2 * CONTEXT < int(touched.max()) <= 3 * CONTEXT


def test_keys_share_what_is_learnt(small: Transcriber) -> None:
    # The same picture three bins higher is the next key: away from the edges.
    rng = np.random.default_rng(0)
    picture = torch.zeros(1, 2, 64, 306)
    picture[..., 120:140] = torch.from_numpy(rng.integers(0, 255, (1, 2, 64, 20))).float()
    with torch.inference_mode():
        low, high = small(picture).keys, small(picture.roll(3, dims=3)).keys
    assert torch.allclose(low[..., 30:60], high[..., 31:61], atol=1e-4)


def test_single_places_as_in_the_whole(small: Transcriber) -> None:
    rng = np.random.default_rng(0)
    picture = torch.from_numpy(rng.integers(0, 255, (1, 2, 130, 306))).float()
    frames, keys = torch.tensor([0, 5, 100, 129]), torch.tensor([0, 87, 40, 41])
    with torch.inference_mode():
        whole = small(picture)
        wide = small.padded(picture)[0]
        found = small.at_keys(wide, frames, keys)
        strokes = small.at_moments(wide, frames)
    assert torch.allclose(found, whole.keys[0, :, frames, keys].T, atol=1e-4)
    assert torch.allclose(strokes, whole.drums[0, :, frames].T, atol=1e-4)


def test_odd_sounds(small: Transcriber) -> None:
    for audio in (
        Audio(np.zeros((1, 1), np.float32), 44100),
        Audio(np.zeros((2, 0), np.float32), 44100),
        Audio(np.zeros((2, 30000), np.float32), 8000),
        Audio(np.full((4, 3000), 0.5, np.float32), 192000),
    ):
        found = transcribe_audio(audio, small)
        assert (found["end"] > found["onset"]).all()


def test_samples_that_are_no_numbers(tmp_path: Path, small: Transcriber) -> None:
    sound = np.zeros((30000, 2), np.float32)
    sound[20000, 1] = np.nan
    path = tmp_path / "bad.wav"
    soundfile.write(path, sound, 22050, subtype="FLOAT")
    source = FileSource(path)
    with pytest.raises(FormatError, match="must be finite, got none such at sample 20000"):
        transcribe(source, small)
    source.close()


def test_weights_in_a_file(tmp_path: Path, small: Transcriber) -> None:
    path = tmp_path / "transcriber.safetensors"
    save_transcriber(small, path, {"updates": 3})
    again, notes, digest = load_transcriber(path)
    assert notes == {"updates": 3}
    assert len(digest) == 64
    assert again.config == SMALL
    with pytest.raises(ConfigError, match="no weights of a transcriber"):
        load_transcriber(tmp_path / "none.safetensors")


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    time = np.arange(2 * 44100) / 44100
    tone = 0.3 * np.sin(2 * np.pi * 440 * time) * np.exp(-2 * time)
    tone[:22050] = 0
    path = tmp_path / "tone.wav"
    soundfile.write(path, np.stack([tone, tone], 1), 44100)
    assert main(["transcribe", str(path), "-q"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{tmp_path / 'tone.mid'}: ")
    first = (tmp_path / "tone.mid").read_bytes()
    assert read_midi(tmp_path / "tone.mid").score.title == "tone"
    assert main(["transcribe", str(path), "-o", str(tmp_path / "again.mid"), "-q", "--json"]) == 0
    assert (tmp_path / "again.mid").read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.wav"], "none.wav"),
        (["text.wav"], "must be a sound file"),
        (["tone.wav", "--threshold", "1.5"], "threshold must be between 0 and 1, got 1.5"),
        (["tone.wav", "-o", "tone.wav"], "another file"),
    ],
)
def test_bad_input_of_the_command(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.wav").write_text("no sound")
    soundfile.write(tmp_path / "tone.wav", np.zeros(1000), 8000)
    assert main(["transcribe", *arguments]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("hybrid: error: ")
    assert message in said
    assert not list(tmp_path.glob("*.mid"))
