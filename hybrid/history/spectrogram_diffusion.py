"""Spectrogram diffusion: sound emerges from noise as a picture, where the notes say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.heard_pitch import NEAR, Heard, ear_panel
from hybrid.history.ledger import Ledger
from hybrid.history.melodies import load_melodies
from hybrid.history.panels import Curve, Machine, Step, spectrogram_panel
from hybrid.history.parameters import Parameter, Values
from hybrid.history.recording import Recording
from hybrid.history.words import note_name

if TYPE_CHECKING:
    from hybrid.history.rendered_tunes import Event
    from hybrid.history.spectrogram_diffusion_model import Stage

Levels = NDArray[np.float32]
PROGRAMS = {"piano": 0, "organ": 19, "strings": 48, "flute": 73}
PIECES = ("chorale", "london-bridge", "ode-to-joy", "ah-vous-dirai-je", "frere-jacques")
#: Rounds of Griffin-Lim for the result, and for the sound of the first guess.
ROUNDS, FEW_ROUNDS = 32, 12


def notes_of(piece: str, rng: np.random.Generator, quarters: int) -> tuple[Event, ...]:
    """What is to sound: a chorale that the network never heard, or a tune."""
    from hybrid.history.rendered_tunes import (
        chorale_events,
        chorale_numbers,
        first_quarters,
        tune_events,
    )

    if piece == "chorale":
        number = int(rng.choice(chorale_numbers(held_out=True)))
        return chorale_events(number, quarters)
    return first_quarters(tune_events(piece, 5), quarters)


def heard_levels(levels: Levels, first: int, last: int, pitch: int) -> Heard:
    """What is heard in some frames where a pitch was asked for, in decibels over the floor.

    For each the level of the bands of its harmonics, by their weights, is taken.
    """
    from hybrid.history.spectrogram_diffusion_model import SOUND, harmonic_comb

    mean = levels[:, first : max(last, first + 1)].mean(axis=1)
    found = []
    for near in range(pitch - NEAR, pitch + NEAR + 1):
        comb = harmonic_comb(near)
        found.append(float((mean + 1) @ comb / comb.sum() * -SOUND.floor_db / 2))
    return Heard(pitch, tuple(found))


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Draw the notes, go back from noise, find the phases."""
    from hybrid.history.rendered_tunes import page_audio, rendered
    from hybrid.history.spectrogram_diffusion_model import (
        SOUND,
        denoise,
        load_denoiser,
        note_pictures,
    )

    piece, instrument = values.text("piece"), values.text("instrument")
    qpm, steps_wanted = values.number("tempo"), values.integer("steps")
    events = notes_of(piece, rng, values.integer("quarters"))
    per_tick = 60 / qpm / TICKS_PER_QUARTER * SOUND.frames_per_second
    end = max(onset + ticks for onset, ticks, _ in events)
    n_frames = round(end * per_tick) + round(0.4 * SOUND.frames_per_second)
    pictures = note_pictures(events, instrument, qpm, n_frames)
    n_given = round(values.number("given") * SOUND.frames_per_second)
    given = None
    if n_given:
        sound = rendered(events, PROGRAMS[instrument], qpm, SOUND.sample_rate)
        given = SOUND.levels(sound)[:, :n_given]
    network, notes = load_denoiser()
    stages = list(denoise(network, pictures, rng, steps_wanted, values.number("fresh"), given))
    result = stages[-1].guess
    sound, misses = SOUND.sound(result, rng, ROUNDS)
    first_sound, _ = SOUND.sound(stages[0].guess, rng, FEW_ROUNDS)

    shape = (SOUND.n_bands, n_frames)
    asked = spectrogram_panel(
        "asked",
        "What is asked for",
        "The notes as they are shown to the network: their harmonics, fading since the onset.",
        shape,
    )
    noisy = spectrogram_panel(
        "noisy",
        "The mixture of sound and noise",
        "The mixture, at first nothing but noise, at the end nothing but sound.",
        shape,
    )
    guess = spectrogram_panel(
        "guess",
        "What the network takes the sound to be",
        "The clean spectrogram as guessed from the mixture; it grows sharper step by step.",
        shape,
    )
    ear = ear_panel("Levels of a note's harmonics in the result beside those of its neighbours.")
    phases = Curve(
        "phases",
        "Griffin-Lim",
        "By how much the magnitudes of the sound miss those that were wanted, round by round.",
        x_name="round",
        y_name="relative miss",
        series=(("miss", tuple(map(float, range(ROUNDS))), tuple(misses)),),
    )
    curve = notes["curve"]
    learning = Curve(
        "learning",
        "How it was trained",
        "Loss on the training excerpts and on pieces that were held out, by updates.",
        x_name="updates",
        y_name="squared error of v",
        series=tuple(
            (name, tuple(float(row[0]) for row in curve), tuple(float(row[place]) for row in curve))
            for place, name in ((1, "training"), (2, "held out"))
        ),
    )
    steps = [
        Step(
            f"{len(events)} notes for {instrument} are drawn as pictures; the rest is noise.",
            {
                "asked": asked.show(pictures[2]),
                "noisy": noisy.show(0.5 + stages[0].noisy / 4),
                "learning": learning.first(len(curve)),
                "phases": phases.first(0),
                "ear": ear.show([0.0] * (2 * NEAR + 1)),
            },
        )
    ]
    for number, stage in enumerate(stages):
        share = np.sin(np.pi / 2 * stage.noise)
        # Noise spreads over -2..2, sound over -1..1.
        spread = 1 + float(share)
        steps.append(
            Step(
                f"Step {number + 1} of {len(stages)}: {share:.0%} noise in the mixture; the guess "
                f"changed by {change(stages, number):.1f} dB.",
                {
                    "noisy": noisy.show((stage.noisy / spread + 1) / 2),
                    "guess": guess.show((stage.guess + 1) / 2),
                },
            )
        )
    for at in range(4, ROUNDS + 1, 4):
        steps.append(
            Step(
                f"Griffin-Lim, round {at}: the phases fit but for {misses[at - 1]:.0%}.",
                {"phases": phases.first(at)},
            )
        )
    ledger = Ledger()
    ledger.track(instrument, program=PROGRAMS[instrument])
    n_right = 0
    for onset, ticks, pitch in events:
        first, last = round(onset * per_tick), round((onset + ticks) * per_tick)
        heard = heard_levels(result, first + 1, last, pitch)
        level = heard.strengths[NEAR]
        n_right += heard.is_right
        ledger.note(
            instrument,
            onset,
            ticks,
            pitch,
            maker="given sound" if last <= n_given else "denoiser",
            choice=f"{note_name(pitch)} asked for, harmonics {level:.0f} dB over the floor; "
            f"{heard.name} is the loudest near it",
            rejected=heard.others(" dB"),
        )
        others = max(value for near, value in enumerate(heard.strengths) if near != NEAR)
        steps.append(
            Step(
                f"{note_name(pitch)} was asked for; its harmonics stand {level:.0f} dB over "
                f"the floor, the loudest neighbour's {others:.0f}.",
                {"ear": ear.show(heard.strengths, chosen=heard.place)},
                onset,
                onset + ticks,
            )
        )
    title = "A chorale" if piece == "chorale" else load_melodies()[piece].title.split(" (")[0]
    score, trace = ledger.close(
        title=f"{title}, from noise",
        qpm=qpm,
        counts={"steps back from noise": len(stages), "rounds of Griffin-Lim": ROUNDS},
    )
    facts = (
        ("Notes whose pitch stands out", f"{n_right} of {len(events)}"),
        ("Spectrogram", f"{SOUND.n_bands} bands, {n_frames} frames"),
        ("Miss of the phases", f"{misses[-1]:.0%}"),
    )
    recordings = (
        Recording(
            "result",
            "Out of noise",
            "The result: the last guess, its phases found by Griffin-Lim.",
            page_audio(sound, SOUND.sample_rate),
        ),
        Recording(
            "first-guess",
            "The first guess",
            "What the network takes the sound to be when it sees nothing but noise and the notes: "
            "a mean of all that it could be.",
            page_audio(first_sound, SOUND.sample_rate),
        ),
        Recording("played", "The same notes by FluidSynth", "What it learnt to sound like."),
    )
    return Demonstration(
        score,
        trace,
        Machine((asked, noisy, guess, ear, phases, learning), tuple(steps)),
        facts,
        recordings,
    )


def change(stages: list[Stage], number: int) -> float:
    """By how many decibels a guess differs from the one before it, on average."""
    from hybrid.history.spectrogram_diffusion_model import SOUND

    before = stages[number - 1].guess if number else np.full_like(stages[0].guess, -1.0)
    return float(np.abs(stages[number].guess - before).mean()) * -SOUND.floor_db / 2


EXHIBIT = Exhibit(
    name="spectrogram-diffusion",
    title="Sound out of noise: spectrogram diffusion",
    year="2022",
    people=(
        "Curtis Hawthorne",
        "Ian Simon",
        "Adam Roberts",
        "Jesse Engel and others",
        "Seth Forsgren",
        "Hayk Martiros",
    ),
    summary="A spectrogram emerges from noise where the notes say, and Griffin-Lim makes it sound.",
    story=(
        "A spectrogram is a picture of sound: time from left to right, pitch upwards, loudness as "
        "brightness. Networks that remove noise from pictures can therefore make sound. Forsgren "
        "and Martiros taught an image model, Stable Diffusion, to paint spectrograms for a line of "
        "text, and called it Riffusion. Hawthorne and others let the notes of a MIDI file say "
        "what is to sound.",
        "In training, noise is mixed into spectrograms and the network learns to tell the two "
        "apart. To make new sound it begins with nothing but noise. At each step it guesses what "
        "spectrogram may lie behind, takes a little of the noise away, and guesses again from "
        "what is left. Step through it below. The first guess is a blur, the mean of all that "
        "could be; each step decides something.",
        "A spectrogram has no phases: it says how loud each pitch is, not when its wave is up. "
        "Griffin and Lim's algorithm of 1984 finds phases that fit, by going to and fro between "
        "sound and spectrogram. What you hear as a hollow or watery tone is what it does not find.",
        "The network here has 0.3 million numbers and has heard 27 minutes of four synthetic "
        "instruments, for some minutes of one processor core. The models of 2022 had hundreds of "
        "millions of numbers, or nearly a thousand, and learnt for days on many accelerators. "
        "The notes here are drawn as pictures, harmonics and all, where theirs learnt what a note "
        "looks like.",
    ),
    parameters=(
        Parameter("piece", "chorale", "What is played; the chorale by the seed.", choices=PIECES),
        Parameter("instrument", "organ", "Who plays it.", choices=tuple(PROGRAMS)),
        Parameter("steps", 16, "Steps from noise to sound.", low=1, high=60),
        Parameter("fresh", 0.0, "Noise drawn anew: 0 is DDIM, 1 is DDPM.", low=0.0, high=1.0),
        Parameter("given", 0.0, "Seconds of FluidSynth's sound to go on from.", low=0.0, high=4.0),
        Parameter("quarters", 16, "Length in quarters.", low=8, high=32),
        Parameter("tempo", 110.0, "Quarters a minute.", low=60.0, high=160.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "diffusion of a mel spectrogram",
            "faithful",
            "memory",
            "Gaussian noise, a cosine schedule, steps of DDIM or DDPM; v is guessed, where the "
            "models of 2022 guess the noise.",
        ),
        Fidelity(
            "Griffin-Lim",
            "faithful",
            "source",
            "As Riffusion's authors say they did; Hawthorne and others trained an adversarial "
            "network for it.",
        ),
        Fidelity(
            "the network",
            "simplified",
            "source",
            "A small U-Net over the picture: Riffusion's has latent pictures and attention to a "
            "text; Hawthorne's is a Transformer that reads the notes as tokens.",
        ),
        Fidelity(
            "the notes as pictures of their harmonics",
            "invented",
            "ours",
            "So that a small network need not learn what a pitch is.",
        ),
        Fidelity(
            "going on from given sound",
            "simplified",
            "memory",
            "What is given is put back at each step, as when pictures are mended; Hawthorne's "
            "reads the five seconds before.",
        ),
        Fidelity(
            "what it learnt from",
            "simplified",
            "ours",
            "27 minutes of four General MIDI instruments; no recordings.",
        ),
    ),
    citations=(
        "Hawthorne, C., Simon, I., Roberts, A., Zeghidour, N., Gardner, J., Manilow, E., & Engel, "
        "J. (2022). Multi-instrument music synthesis with spectrogram diffusion. ISMIR. "
        "arXiv:2206.05408.",
        "Forsgren, S., & Martiros, H. (2022). Riffusion: Stable Diffusion for real-time music "
        "generation. (their page and code)",
        "Ho, J., Jain, A., & Abbeel, P. (2020). Denoising diffusion probabilistic models. NeurIPS. "
        "arXiv:2006.11239.",
        "Song, J., Meng, C., & Ermon, S. (2021). Denoising diffusion implicit models. ICLR. "
        "arXiv:2010.02502.",
        "Griffin, D., & Lim, J. (1984). Signal estimation from modified short-time Fourier "
        "transform. IEEE Transactions on Acoustics, Speech, and Signal Processing 32(2), 236-243.",
    ),
    exercises=(
        "Set `steps=1`, `steps=4`, `steps=40`. What does a guess lack that was made at once?",
        "Set `fresh=1`. Do the steps agree with each other as they do with `fresh=0`?",
        "Set `given=2`. Where does FluidSynth end and the network begin? Look, then listen.",
        "Give the tune to each instrument. Which one's beginning of notes is lost, and why?",
    ),
)
