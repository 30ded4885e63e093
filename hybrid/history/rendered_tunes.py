"""Sound to learn from: old tunes, chorales and random lines, played by FluidSynth.

The exhibits that make sound have no recordings. What they hear is rendered here, from music in
the public domain that ships with the package and from lines drawn at random, so anybody can make
their training sets again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid.core.audio import Audio
from hybrid.core.score import TICKS_PER_QUARTER, Score, Track, make_notes
from hybrid.core.timeline import Tempo
from hybrid.history.chorales import load_chorales
from hybrid.history.melodies import load_melodies

Samples = NDArray[np.float32]
#: Onset and length in ticks, MIDI pitch.
Event = tuple[int, int, int]
#: Sample rate of what a page plays; sound of a model is brought to it.
PAGE_RATE = 44100
#: Never trained on: what is measured and tested on.
HELD_OUT_TUNE = "london-bridge"
HELD_OUT_CHORALES = 12  # the last of the file


def tune_events(name: str, shift: int = 0) -> tuple[Event, ...]:
    """Notes of a tune of `hybrid.history.melodies`, moved by semitones."""
    events, now = [], 0
    for pitch, ticks in load_melodies()[name].notes:
        events.append((now, ticks, pitch + shift))
        now += ticks
    return tuple(events)


def first_quarters(events: Sequence[Event], quarters: int) -> tuple[Event, ...]:
    """What begins before so many quarters, and ends there at the latest."""
    end = quarters * TICKS_PER_QUARTER
    return tuple(
        (onset, min(ticks, end - onset), pitch) for onset, ticks, pitch in events if onset < end
    )


def training_tunes() -> tuple[str, ...]:
    """Names of the tunes that may be trained on."""
    return tuple(name for name in load_melodies() if name != HELD_OUT_TUNE)


def chorale_events(number: int, quarters: int = 16, shift: int = 0) -> tuple[Event, ...]:
    """The first quarters of a chorale, all voices; what would last longer is cut there."""
    events = sorted(
        (onset, ticks, pitch + shift)
        for voice in load_chorales()[number].voices
        for onset, ticks, pitch, _ in voice
    )
    return first_quarters(events, quarters)


def chorale_numbers(held_out: bool = False) -> tuple[int, ...]:
    """Chorales that may be trained on, or those that may not."""
    numbers = tuple(load_chorales())
    return numbers[-HELD_OUT_CHORALES:] if held_out else numbers[:-HELD_OUT_CHORALES]


def random_line(
    rng: np.random.Generator, count: int, low: int = 55, high: int = 84
) -> tuple[Event, ...]:
    """A line that wanders between two pitches, in quarters, eighths and halves.

    Every pitch of the range comes up, which a handful of tunes would not see to.
    """
    pitch, now, events = int(rng.integers(low, high + 1)), 0, []
    lengths = (TICKS_PER_QUARTER // 2, TICKS_PER_QUARTER, 2 * TICKS_PER_QUARTER)
    for _ in range(count):
        ticks = int(rng.choice(lengths, p=(0.4, 0.45, 0.15)))
        events.append((now, ticks, pitch))
        now += ticks
        pitch += int(rng.integers(-7, 8)) or 1
        if not low <= pitch <= high:
            pitch = int(rng.integers(low, high + 1))
    return tuple(events)


def events_score(events: Sequence[Event], program: int, qpm: float, velocity: int = 80) -> Score:
    """A score of one track."""
    notes = [(onset, ticks, pitch, velocity) for onset, ticks, pitch in events]
    return Score((Track("tune", make_notes(notes), program=program),), tempos=(Tempo(0, qpm),))


def rendered(
    events: Sequence[Event], program: int, qpm: float, sample_rate: int, velocity: int = 80
) -> Samples:
    """Play events with the default SoundFont, to one channel.

    Parameters
    ----------
    events : sequence of Event
    program : int
        General MIDI, 0..127.
    qpm : float
        Quarters a minute.
    sample_rate : int
        Hertz. It is rendered at 44,100 Hz and brought down, so that nothing folds back.

    Returns
    -------
    np.ndarray, shape (N,), float32
        Root mean square 0.1 where it sounds; it ends half a second after the last note.

    Raises
    ------
    RenderError
        If there is no player.
    """
    from hybrid.metrics.audio_spectra import resampled
    from hybrid.render import render

    score = events_score(events, program, qpm, velocity)
    sound = render(score, loudness=None, tail_seconds=0.5).mix.samples.mean(axis=0)
    made: Samples = resampled(sound, PAGE_RATE, sample_rate)
    level = float(np.sqrt(np.mean(np.square(made, dtype=np.float64))))
    made = (made * (0.1 / max(level, 1e-6))).astype(np.float32)
    return made


def page_audio(samples: Samples, sample_rate: int, peak: float = 0.7) -> Audio:
    """Samples (N,) of a model as sound for a page, 44,100 Hz, brought to one peak."""
    from hybrid.metrics.audio_spectra import resampled

    made = resampled(samples, sample_rate, PAGE_RATE)
    loud = float(np.abs(made).max()) if made.size else 0.0
    return Audio((made * (peak / max(loud, 1e-6)))[None].astype(np.float32), PAGE_RATE)
