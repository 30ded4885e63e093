"""WaveNet: a tune made one sample after another, each drawn from 256 levels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.heard_pitch import NEAR, ear_panel, heard_in
from hybrid.history.ledger import Ledger
from hybrid.history.melodies import load_melodies
from hybrid.history.panels import Cells, Curve, Machine, Picture, Step, spectrogram_panel
from hybrid.history.parameters import Parameter, Values
from hybrid.history.recording import Recording
from hybrid.history.words import note_name

Samples = NDArray[np.float32]
TUNES = (
    "london-bridge",
    "ode-to-joy",
    "ah-vous-dirai-je",
    "frere-jacques",
    "au-clair-de-la-lune",
    "haenschen-klein",
)
#: Quarters of a lane: so much is made in one go, beside the other lanes.
LANE_QUARTERS = 2
#: Samples that are watched one by one, and how many of them a step shows.
WATCHED, AT_ONCE = 400, 20
_COLUMNS, _LAYERS = 32, 6  # of the drawing of the dilations


def reached(dilations: tuple[int, ...], columns: int) -> list[list[tuple[int, int]]]:
    """Cells (row, column) that the newest sample depends on, layer by layer from the output.

    Row 0 is the output, row k what enters the k-th layer from above; samples older than the
    columns are left out.
    """
    found = [[(0, columns - 1)]]
    for row, dilation in enumerate(reversed(dilations), start=1):
        before = {column for _, column in found[-1]}
        both = before | {column - dilation for column in before}
        found.append([(row, column) for column in sorted(both) if column >= 0])
    return found


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Begin with given sound, then draw every sample."""
    from hybrid.history.mel_sound import MelSound
    from hybrid.history.rendered_tunes import (
        first_quarters,
        page_audio,
        rendered,
        tune_events,
    )
    from hybrid.history.wavenet_model import (
        LEVELS,
        PROGRAM,
        SAMPLE_RATE,
        Player,
        conditions,
        load_wavenet,
        mu_law,
        mu_law_samples,
    )
    from hybrid.history.wavenet_training import GAIN, TO_F

    tune, qpm = values.text("tune"), values.number("tempo")
    n_lanes = values.integer("bars") * 4 // LANE_QUARTERS
    events = first_quarters(tune_events(tune, TO_F), n_lanes * LANE_QUARTERS)
    per_tick = SAMPLE_RATE * 60 / qpm / TICKS_PER_QUARTER
    per_lane = round(LANE_QUARTERS * TICKS_PER_QUARTER * per_tick)
    told = conditions(events, qpm, n_lanes * per_lane).reshape(n_lanes, per_lane, -1)
    played = rendered(events, PROGRAM, qpm, SAMPLE_RATE)
    original = mu_law(GAIN * played)
    n_given = min(round(values.number("primer") * SAMPLE_RATE), per_lane - WATCHED)
    network, notes = load_wavenet()
    seen = np.zeros((LEVELS, WATCHED), np.float32)
    drawn: list[int] = []

    def watch(at: int, chances: Samples, level: int) -> None:
        if n_given <= at < n_given + WATCHED:
            seen[:, at - n_given] = chances
            drawn.append(level)

    lanes, costs = Player(network, told).play(
        rng, original[:n_given], values.number("temperature"), watch
    )
    samples, bits = mu_law_samples(lanes.reshape(-1)), costs.reshape(-1)

    dilations = network.config.dilations[:_LAYERS]
    rows = reached(dilations, _COLUMNS)
    reach = Cells(
        "reach",
        "How far back a sample looks",
        "Rows are layers, columns the last samples; filled is what the newest one depends on.",
        width=_COLUMNS,
        height=len(rows),
        legend=("not seen", "seen"),
        row_names=("output", *(f"dilation {dilation}" for dilation in dilations[::-1])),
    )
    fan = Picture(
        "fan",
        "Chances of the 256 levels",
        "Samples from left to right, levels upwards; the brighter, the likelier is the level.",
        width=WATCHED,
        height=LEVELS // 2,
        x_name=f"{WATCHED} samples, {1000 * WATCHED / SAMPLE_RATE:.0f} ms",
        y_name="level",
        low="never",
        high="likely",
    )
    times = tuple(1000 * (n_given + n) / SAMPLE_RATE for n in range(WATCHED))
    wave = Curve(
        "wave",
        "What was drawn",
        "The samples that were drawn, one after another, over milliseconds.",
        x_name="milliseconds",
        y_name="sample",
        series=(("sample", times, tuple(map(float, mu_law_samples(np.array(drawn))))),),
    )
    ear = ear_panel("Strength of a note's pitch in the sound that was made, and its neighbours'.")
    mel = MelSound(SAMPLE_RATE, 512, 128, 96, -70.0)
    levels = mel.levels(samples / GAIN)
    whole = spectrogram_panel(
        "whole",
        "The sound as a spectrogram",
        "Time from left to right, pitch upwards, brightness is loudness.",
        (mel.n_bands, levels.shape[1]),
    )
    curve = notes["curve"]
    updates = tuple(float(row[0]) for row in curve)
    learning = Curve(
        "learning",
        "How it was trained",
        "Bits a sample on training sound and on a held-out tune, by updates, and a Markov chain.",
        x_name="updates",
        y_name="bits a sample",
        series=(
            ("training", updates, tuple(float(row[1]) for row in curve)),
            ("held out", updates, tuple(float(row[2]) for row in curve)),
            ("Markov chain", updates, (float(notes["markov_bits"]),) * len(curve)),
        ),
    )
    steps = [
        Step(
            "A sample depends on two of each layer below it, which lie ever further apart."
            if row
            else f"The newest of {SAMPLE_RATE} samples a second is to be drawn.",
            {
                "reach": reach.show(_filled(rows[: row + 1]), rows[row]),
                "fan": fan.show(np.zeros((LEVELS // 2, WATCHED))),
                "wave": wave.first(0),
                "learning": learning.first(len(curve)),
                "whole": whole.show((levels + 1) / 2),
                "ear": ear.show([0.0] * (2 * NEAR + 1)),
            },
        )
        for row in range(len(rows))
    ]
    # Two levels to a cell; the square root lets small chances be seen.
    folded = np.sqrt(seen.reshape(LEVELS // 2, 2, WATCHED).sum(axis=1))
    for stop in range(AT_ONCE, WATCHED + 1, AT_ONCE):
        part = np.where(np.arange(WATCHED) < stop, folded, 0.0)
        cost = bits[n_given + stop - AT_ONCE : n_given + stop].mean()
        steps.append(
            Step(
                f"Samples {n_given + stop - AT_ONCE} to {n_given + stop - 1}: {cost:.1f} of 8 bits "
                f"of chance in each; the last is level {drawn[stop - 1]}.",
                {"fan": fan.show(part), "wave": wave.first(stop)},
            )
        )
    ledger = Ledger()
    ledger.track("flute", program=PROGRAM)
    n_right = 0
    for onset, ticks, pitch in events:
        first, last = round(onset * per_tick), round((onset + ticks) * per_tick)
        is_given = last <= n_given
        heard = heard_in(samples[first:last], SAMPLE_RATE, pitch)
        n_right += heard.is_right
        cost = float(bits[first:last].mean())
        lane = ledger.decide("lane", "lanes", f"lane {first // per_lane + 1}", tick=onset)
        ledger.note(
            "flute",
            onset,
            ticks,
            pitch,
            maker="given sound" if is_given else "WaveNet",
            choice=f"{note_name(pitch)} told for {last - first} samples, {heard.name} heard; "
            f"{cost:.2f} bits of chance a sample",
            parent=lane,
            rejected=heard.others(),
        )
        steps.append(
            Step(
                f"{note_name(pitch)} was told, {heard.name} is heard; {cost:.2f} bits a sample"
                + (", given sound." if is_given else "."),
                {"ear": ear.show(heard.strengths, chosen=heard.place)},
                onset,
                onset + ticks,
            )
        )
    score, trace = ledger.close(
        title=f"{load_melodies()[tune].title.split(' (')[0]}, sample by sample",
        qpm=qpm,
        counts={"samples": len(samples), "lanes": n_lanes},
    )
    facts = (
        ("Samples drawn", f"{len(samples) - n_given:,}".replace(",", " ")),
        ("Notes whose pitch is heard", f"{n_right} of {len(events)}"),
        ("Bits a sample, held-out tune", f"{notes['held_out_bits']:.2f} of 8"),
        ("the same of a Markov chain", f"{notes['markov_bits']:.2f}"),
    )
    recordings = (
        Recording(
            "made",
            "By WaveNet",
            f"The first {n_given / SAMPLE_RATE:.2f} s are given, all else is drawn."
            if n_given
            else "Every sample is drawn.",
            page_audio(samples, SAMPLE_RATE),
        ),
        Recording(
            "learnt",
            "What it learnt to sound like",
            "FluidSynth's flute at 8,000 samples a second, in 256 levels of mu-law.",
            page_audio(mu_law_samples(original), SAMPLE_RATE),
        ),
        Recording("played", "The same notes by FluidSynth", "In full quality."),
    )
    return Demonstration(
        score,
        trace,
        Machine((reach, fan, wave, whole, ear, learning), tuple(steps)),
        facts,
        recordings,
    )


def _filled(rows: list[list[tuple[int, int]]]) -> list[list[int]]:
    """The drawing with those rows filled."""
    lit = {place for row in rows for place in row}
    height = _LAYERS + 1
    return [[int((row, column) in lit) for column in range(_COLUMNS)] for row in range(height)]


EXHIBIT = Exhibit(
    name="wavenet",
    title="WaveNet: one sample after another",
    year="2016",
    people=("Aäron van den Oord", "Sander Dieleman", "Heiga Zen", "Karen Simonyan and others"),
    summary="A network draws each sample of a flute's sound, given the samples before it.",
    story=(
        "Sound in a computer is a row of numbers, thousands a second. WaveNet makes them one at a "
        "time: from those before it works out how likely each of 256 levels is, draws one, and "
        "goes on from there. Nothing in it knows what a wave, a note or a flute is.",
        "To look far back with few layers, each layer combines two moments of the layer below, "
        "and from layer to layer they lie twice as far apart: 1, 2, 4, 8 samples and so on. "
        "Gates, a tanh times a sigmoid, decide what is passed. The pitch that is to sound is "
        "told to every layer, and so the network plays a tune. The first half second is given: "
        "FluidSynth's flute. The network goes on from it.",
        "The 256 levels are those of mu-law, the code of telephone exchanges: fine for quiet "
        "sound, coarse for loud. That is the hiss you hear, in the original too.",
        "Made naively, each sample costs all the layers for all the samples it depends on. Paine "
        "and others keep what does not change; the page was made in that way, in lanes of two "
        "quarters side by side. The model of 2016 made 16,000 samples a second with some thirty "
        "or more layers, looked back a quarter of a second and more, and heard tens of hours of "
        "speech and of music. This one makes 8,000 with 14 layers, looks back 32 milliseconds "
        "and has heard some minutes of one synthetic flute, on nine notes.",
    ),
    parameters=(
        Parameter("tune", "london-bridge", "What is played.", choices=TUNES),
        Parameter("bars", 3, "Bars in all.", low=3, high=8),
        Parameter("primer", 0.5, "Seconds of given sound to go on from.", low=0.0, high=0.9),
        Parameter("temperature", 0.8, "Below 1, likely levels come more often.", low=0.2, high=1.5),
        Parameter("tempo", 116.0, "Quarters a minute.", low=60.0, high=120.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "dilated causal convolutions, gated units, skip connections",
            "faithful",
            "memory",
            "As in the paper, kernels of two; fewer and narrower.",
        ),
        Fidelity(
            "256 levels of mu-law, drawn from a softmax", "faithful", "memory", "As in the paper."
        ),
        Fidelity(
            "making of samples with what was kept",
            "faithful",
            "computed",
            "The same chances as the plain network gives; the past is worked out in blocks.",
        ),
        Fidelity(
            "pitch told in every layer",
            "simplified",
            "memory",
            "Local conditioning, as text and pitch were told in speech; the paper's music was "
            "told tags or nothing.",
        ),
        Fidelity("lanes side by side", "invented", "ours", "So that a page is made in seconds."),
        Fidelity(
            "size, rate and what it learnt from",
            "simplified",
            "ours",
            "14 layers, 8 kHz, nine notes of one synthetic flute.",
        ),
    ),
    citations=(
        "van den Oord, A., Dieleman, S., Zen, H., Simonyan, K., Vinyals, O., Graves, A., "
        "Kalchbrenner, N., Senior, A., & Kavukcuoglu, K. (2016). WaveNet: a generative model for "
        "raw audio. arXiv:1609.03499.",
        "Le Paine, T., Khorrami, P., Chang, S., Zhang, Y., Ramachandran, P., Hasegawa-Johnson, "
        "M. A., & Huang, T. S. (2016). Fast WaveNet generation algorithm. arXiv:1611.09482.",
        "ITU-T (1988). Recommendation G.711: pulse code modulation of voice frequencies.",
    ),
    exercises=(
        "Set `temperature=0.3`, then `temperature=1.3`. What happens to the hiss, and what to the "
        "tone?",
        "Set `primer=0`. How does the first note begin where there is nothing to go on from?",
        "Step through the fan of chances. Where is it narrow, where wide? Where is the wave "
        "steepest?",
    ),
)
