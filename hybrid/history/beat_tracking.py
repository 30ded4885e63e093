"""A machine claps along: onsets, tempo, the best chain of beats, and which of them begin bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import TICKS_PER_QUARTER, Score, Track, make_notes
from hybrid.core.timeline import Tempo
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.hmm import HALF, TONES, TUNES, guess, observe, viterbi
from hybrid.history.ledger import Ledger
from hybrid.history.melodies import BAR, Melody, load_melodies
from hybrid.history.panels import Bars as BarsPanel
from hybrid.history.panels import Curve, Machine, Mosaic, Panel, Picture, Step, Tile
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import note_name

if TYPE_CHECKING:
    from hybrid.transcription.bars import Bars
    from hybrid.transcription.beats import Tempogram

Array = NDArray[np.float64]
#: A clap this near a written beat is right, in seconds: the usual tolerance.
NEAR = 0.07
HIGH_CLAP, LOW_CLAP = 76, 77  # General MIDI's wood blocks
#: (part, notes as onset, duration, pitch, velocity).
Part = tuple[str, list[tuple[int, int, int, int]]]


@dataclass(frozen=True, eq=False)
class Heard:
    """What the machine heard, and the beats as they are written, in seconds."""

    strength: Array
    tempos: Tempogram
    path: NDArray[np.int64]
    bars: Bars
    written: Array
    first_written: Array


def arrange(melody: Melody, with_drums: bool) -> list[Part]:
    """The tune over chords on every beat; the bass enters with the bar and with a new chord."""
    counts = observe(melody)
    states, _ = viterbi(guess(), counts)
    tune, chords, bass, drums = [], [], [], []
    now = 0
    for pitch, ticks in melody.notes:
        tune.append((now, ticks, pitch, 92))
        now += ticks
    for half, state in enumerate(states):
        tones = [tone * 7 % 12 for tone in TONES[state][:3]]
        if half % 2 == 0 or state != states[half - 1]:
            bass.append((half * HALF, HALF, 36 + tones[0], 88))
        for beat in range(2):
            at = half * HALF + beat * TICKS_PER_QUARTER
            # The first beat of a bar is played a little louder, as people do.
            loud = 70 if at % BAR == 0 else 58
            chords += [(at, TICKS_PER_QUARTER, 48 + tone, loud) for tone in sorted(tones)]
            drums.append((at, 60, 36 if beat == 0 else 38, 84))
    parts: list[Part] = [("tune", tune), ("chords", chords), ("bass", bass)]
    return [*parts, ("drums", drums)] if with_drums else parts


def wandering(rng: np.random.Generator, n_bars: int, qpm: float, wander: float) -> list[Tempo]:
    """A tempo for every bar, that drifts around ``qpm``; ``wander`` is about its deviation."""
    noise = np.convolve(rng.standard_normal(n_bars + 4), np.hanning(7)[1:-1], "same")[2:-2]
    spread = float(noise.std()) or 1.0
    return [
        Tempo(bar * BAR, float(round(qpm * np.exp(wander * value / spread))))
        for bar, value in enumerate(noise)
    ]


def listen(score: Score, values: Values) -> Heard:
    """Play the score, hear nothing but the sound, find beats and bars."""
    from hybrid.render import render
    from hybrid.transcription.bars import BarEar
    from hybrid.transcription.beats import BeatSettings, tempo_path, tempogram
    from hybrid.transcription.features import levels
    from hybrid.transcription.sound import MemorySource, MonoReader

    reader = MonoReader(MemorySource(render(score).mix))
    ear = BarEar()
    ear.add(levels(reader.read(0, reader.n_samples)))
    settings = BeatSettings(
        likeliest=values.number("likeliest"), steadiness=values.number("steadiness")
    )
    found = tempogram(ear.strength(), settings)
    beats = np.arange(0, score.length, TICKS_PER_QUARTER)
    return Heard(
        ear.strength(),
        found,
        tempo_path(found, settings),
        ear.bars(settings),
        score.tempo_map.to_seconds(beats),
        score.tempo_map.to_seconds(beats[::4]),
    )


def share_right(written: Array, found: Array) -> float:
    """F-measure: the harmonic mean of claps that are right and beats that are clapped."""
    from mir_eval.beat import f_measure

    if not len(written) or not len(found):
        return 0.0
    return float(f_measure(written, found, NEAR))


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Arrange, let the tempo wander, listen, clap."""
    melody = load_melodies()[values.text("tune")]
    parts = arrange(melody, values.flag("drums"))
    length = sum(ticks for _, ticks in melody.notes)
    tempos = wandering(rng, length // BAR, values.number("tempo"), values.number("wander"))
    played = Score(
        tuple(
            Track(name, make_notes(rows), program=0, is_drum=name == "drums")
            for name, rows in parts
        ),
        tempos=tuple(tempos),
        length=length,
    )
    heard = listen(played, values)
    ledger = Ledger()
    for name, rows in parts:
        ledger.track(name, program=0, is_drum=name == "drums")
        for onset, duration, pitch, velocity in sorted(rows):
            ledger.note(
                name,
                onset,
                duration,
                pitch,
                maker=melody.title if name == "tune" else "arrangement",
                choice=note_name(pitch) if name != "drums" else "bass drum or snare",
                velocity=velocity,
            )
    ledger.track("claps", is_drum=True)
    panels = _Panels(heard)
    steps = _clap(ledger, played, heard, panels)
    score, trace = ledger.close(
        title=f"Clapping along with {melody.title}",
        tempos=tuple(tempos),
        length=length,
        counts={"beats found": len(heard.bars.beats)},
    )
    return Demonstration(score, trace, Machine(panels.all, tuple(steps)), _facts(heard, values))


def _facts(heard: Heard, values: Values) -> tuple[tuple[str, str], ...]:
    beats, bars = heard.bars.beats, heard.bars
    steady = np.arange(0.0, heard.written[-1] + 0.5, 60 / values.number("tempo"))
    median = 60 / float(np.median(np.diff(beats))) if len(beats) > 1 else 0.0
    return (
        ("Beats right (F)", f"{share_right(heard.written, beats):.0%}"),
        ("A metronome at the set tempo", f"{share_right(heard.written, steady):.0%}"),
        ("First beats right (F)", f"{share_right(heard.first_written, bars.first_beats):.0%}"),
        ("Tempo found", f"{median:.0f} a minute"),
        ("Beats a bar", f"{bars.n_beats} (written: 4)"),
    )


class _Panels:
    """What is shown, whatever the step."""

    def __init__(self, heard: Heard) -> None:
        from hybrid.transcription.features import FRAME_RATE

        every = max(1, len(heard.strength) // 1200)
        n_frames = len(heard.strength) // every * every
        curve = heard.strength[:n_frames].reshape(-1, every).max(axis=1)
        times = np.arange(len(curve)) * every / FRAME_RATE
        beats = heard.bars.beats
        spikes_x = np.repeat(beats, 3)
        spikes_y = np.tile([0.0, -1.0, 0.0], len(beats))
        self.onsets = Curve(
            "onsets",
            "How much begins: onset strength, and the chosen beats below",
            "A curve with a peak at each onset; ticks under the axis are beats.",
            x_name="seconds",
            y_name="strength",
            series=(
                ("onsets", tuple(times.round(3).tolist()), tuple(curve.round(3).tolist())),
                ("beats", tuple(spikes_x.round(3).tolist()), tuple(spikes_y.tolist())),
            ),
        )
        self.picture = Picture(
            "tempogram",
            f"How likely each tempo is: from {heard.tempos.tempos[0]:.0f} at the foot to "
            f"{heard.tempos.tempos[-1]:.0f} on top, second by second; white is the path",
            "Columns are seconds, rows tempos on a logarithmic scale; the brighter, the likelier.",
            width=len(heard.tempos.worth),
            height=len(heard.tempos.tempos),
            x_name="second",
            y_name="tempo",
            low="unlikely",
            high="likely",
        )
        tiles = [
            Tile(0, float(at), float(width), str(number % 4 + 1), "", number % 4 * 3, f"{at:.2f} s")
            for number, (at, width) in enumerate(
                zip(heard.written, _widths(heard.written), strict=True)
            )
        ]
        tiles += [
            Tile(1, float(at), float(width), str(place + 1), "", int(place) * 3, f"{at:.2f} s")
            for at, width, place in zip(beats, _widths(beats), heard.bars.places, strict=True)
        ]
        self.beside = Mosaic(
            "bars",
            "Beats as written and as heard; the number is the place in the bar",
            "Two rows of tiles, a tile for each beat.",
            tiles=tuple(sorted(tiles, key=lambda tile: (tile.start, tile.row))),
            row_names=("written", "heard"),
        )
        self.metres = BarsPanel(
            "metres",
            "How far first beats stand out, by metre",
            "A bar for each number of beats in a bar.",
            labels=tuple(f"{number} beats" for number in sorted(heard.bars.worth)) or ("none",),
        )
        self.all: tuple[Panel, ...] = (self.onsets, self.picture, self.beside, self.metres)


def _widths(times: Array) -> Array:
    if len(times) < 2:
        return np.ones(len(times))
    gaps = np.diff(times)
    result: Array = np.append(gaps, gaps[-1])
    return result


def _clap(ledger: Ledger, played: Score, heard: Heard, panels: _Panels) -> list[Step]:
    from hybrid.transcription.features import FRAME_RATE

    onsets, beside, metres = panels.onsets, panels.beside, panels.metres
    worth = heard.tempos.worth
    low, high = np.percentile(worth, 20), worth.max()
    shades = ((worth - low) / max(float(high - low), 1e-9) * 0.85).T
    shades[heard.path, np.arange(len(worth))] = 1.0
    starts = np.array([tile.start for tile in beside.tiles])
    values = [heard.bars.worth[number] for number in sorted(heard.bars.worth)] or [0.0]
    steps = [
        Step(
            "Only the sound is heard: where does anything begin, and at what tempo?",
            {
                "onsets": onsets.at(0.0),
                "tempogram": panels.picture.show(shades),
                "bars": beside.show(0),
                "metres": metres.show([0.0] * len(values)),
            },
        )
    ]
    clock, before = played.tempo_map, -1
    for number, (time, place) in enumerate(zip(heard.bars.beats, heard.bars.places, strict=True)):
        tick = max(before + 1, round(float(clock.to_ticks(time))))
        before = tick
        second = min(len(heard.path) - 1, round(time))
        qpm = heard.tempos.tempos[heard.path[second]]
        frame = round(time * FRAME_RATE)
        strength = float(heard.strength[max(0, frame - 3) : frame + 4].max())
        near = float(np.abs(heard.written - time).min())
        verdict = "right" if near < NEAR else f"{1000 * near:.0f} ms from the nearest written beat"
        ledger.note(
            "claps",
            tick,
            60,
            HIGH_CLAP if place == 0 else LOW_CLAP,
            maker="beat tracker",
            choice=f"beat {place + 1} of the bar at {time:.2f} s: onset {strength:.1f}, expected "
            f"every {60 / qpm:.2f} s; {verdict}",
            velocity=100 if place == 0 else 84,
            rejected=_passed_over(heard, number),
        )
        steps.append(
            Step(
                f"{time:.2f} s: clap, place {place + 1}; tempo {qpm:.0f}; {verdict}.",
                {
                    "onsets": onsets.at(float(time)),
                    "bars": beside.show(int((starts <= time + 0.02).sum())),
                },
                tick,
                tick + 60,
                ("claps",),
            )
        )
    best = sorted(heard.bars.worth).index(heard.bars.n_beats) if heard.bars.worth else None
    steps.append(
        Step(
            f"Bars of {heard.bars.n_beats} make their first beats stand out most.",
            {
                "onsets": onsets.at(float(len(heard.strength) / FRAME_RATE)),
                "bars": beside.show(len(beside.tiles)),
                "metres": metres.show(values, chosen=best),
            },
        )
    )
    return steps


def _passed_over(heard: Heard, number: int) -> tuple[str, ...]:
    """The strongest onsets between a beat and the one before that got no clap."""
    from hybrid.transcription.features import FRAME_RATE

    beats = np.round(heard.bars.beats * FRAME_RATE).astype(int)
    first = int(beats[number - 1]) if number else 0
    last = int(beats[number])
    inside = heard.strength[first:last]
    peaks = [
        at
        for at in range(6, len(inside) - 6)
        if inside[at] > 0.3 and inside[at] == inside[at - 3 : at + 4].max()
    ]
    strongest = sorted(peaks, key=lambda at: -inside[at])[:3]
    return tuple(f"{(first + at) / FRAME_RATE:.2f} s: onset {inside[at]:.1f}" for at in strongest)


EXHIBIT = Exhibit(
    name="beat-tracking",
    title="Clapping along",
    year="2007",
    people=("Daniel Ellis", "Masataka Goto", "Geoffroy Peeters"),
    summary="A machine hears only sound, finds a tempo that wanders, claps, and guesses the bar.",
    story=(
        "People clap along before they know a note of a piece. For a machine the first step is "
        "to hear where anything begins: how much louder each band of the spectrum gets from one "
        "moment to the next. Music with a beat lies over itself when moved by the length of a "
        "beat; so the curve of onsets, compared with itself, says which tempos are likely at "
        "each second, and Viterbi's algorithm takes the best path through them.",
        "Ellis (2007) saw that the rest is dynamic programming. A good chain of beats has strong "
        "onsets and steps that are all about as long as the tempo says; the best chain that ends "
        "at each moment needs only the best chains that end before it. The whole piece is solved "
        "at once, and rests do not throw the machine off.",
        "Which beats begin bars? Goto (2001) used what musicians use: the harmony changes there, "
        "and the bass comes in. The machine looks for the metre whose first beats stand out most. "
        "This is the hardest part, and where there is nothing but four even voices it guesses.",
        "The wood block is the machine's; the high one is where it believes a bar begins.",
    ),
    parameters=(
        Parameter("tune", TUNES[0], "Tune that is played.", choices=TUNES),
        Parameter("tempo", 104.0, "Beats a minute, on average.", low=60.0, high=180.0),
        Parameter("wander", 0.08, "How much the tempo wanders.", low=0.0, high=0.3),
        Parameter("drums", False, "Whether drums play as well."),
        Parameter(
            "likeliest", 95.0, "Tempo the machine expects before it hears.", low=60.0, high=160.0
        ),
        Parameter(
            "steadiness",
            100.0,
            "What leaving the tempo costs against what an onset is worth.",
            low=1.0,
            high=2000.0,
        ),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "chain of beats",
            "faithful",
            "memory",
            "Ellis's recurrence, with the squared log of the step over the period as its cost.",
        ),
        Fidelity(
            "tempo",
            "invented",
            "ours",
            "Ellis takes one tempo for the whole; here it may wander, along the best path of a "
            "tempogram, in the manner of Peeters (2007) but simpler.",
        ),
        Fidelity(
            "onset strength",
            "simplified",
            "memory",
            "Rises of 306 bands of a third of a semitone, against the loudest of three "
            "neighbours; Ellis used forty mel bands.",
        ),
        Fidelity(
            "bar lines",
            "simplified",
            "ours",
            "After Goto's idea: bass, change of harmony, onsets; one metre of two, three or four "
            "for the whole piece, and weights set by hand.",
        ),
        Fidelity(
            "the playing",
            "invented",
            "ours",
            "A tune with chords by the exhibit of the hidden Markov model, at a tempo that drifts; "
            "people slow down at ends of phrases instead.",
        ),
    ),
    citations=(
        "Ellis, D. P. W. (2007). Beat tracking by dynamic programming. Journal of New Music "
        "Research 36(1), 51-60.",
        "Goto, M. (2001). An audio-based real-time beat tracking system for music with or without "
        "drum-sounds. Journal of New Music Research 30(2), 159-171.",
        "Peeters, G. (2007). Template-based estimation of time-varying tempo. EURASIP Journal on "
        "Advances in Signal Processing.",
    ),
    exercises=(
        "Set `wander=0`: how much better is the machine than a metronome? Then `wander=0.25`.",
        "Set `steadiness=1`, then `1500`. Which mistakes does a machine make that follows every "
        "onset, and which one that follows none?",
        "Set `likeliest=60` and `160`. Does it clap half or twice as fast? Is that wrong?",
        "Set `drums=yes`. Do the bar lines get better? Which of bass, harmony and onsets helped?",
        "Choose another tune. Find a bar line that the machine hears elsewhere than it is "
        "written. What did it hear?",
    ),
)
