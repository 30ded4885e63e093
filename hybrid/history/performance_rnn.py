"""Performance RNN: a network plays on, event by event, in hundredths of a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid.core.errors import ConfigError
from hybrid.core.score import TICKS_PER_QUARTER, Score
from hybrid.core.trace import Trace
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.parameters import Parameter, Values
from hybrid.history.performance_events import STEP_MS, Groove, encode, held_out_grooves

if TYPE_CHECKING:
    from hybrid.history.performance_rnn_model import Played

NONE = "none"
#: Quarters a minute on the page where no primer says so; the network knows of none.
QPM = 120.0
#: Milliseconds that a stroke is written to last.
STROKE_MS = 60
TRACK = "drums"


def primer_of(values: Values) -> Groove | None:
    """The performance that is played on, cut to what is given of it; None for none."""
    name = values.text("primer")
    if name == NONE:
        return None
    groove = held_out_grooves()[name]
    last = 1000 * values.number("primer-seconds") / STEP_MS
    hits = tuple(hit for hit in groove.hits if hit[0] < last)
    if not hits:
        raise ConfigError(
            f"primer-seconds must reach the first stroke, got {values.number('primer-seconds')}"
        )
    return Groove(groove.name, groove.style, groove.qpm, hits)


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Read the primer, play on, write the strokes."""
    import torch

    from hybrid.history.performance_rnn_model import load_performance_rnn, play
    from hybrid.history.performance_rnn_panels import Stage

    torch.set_num_threads(1)
    primer = primer_of(values)
    network, notes, _ = load_performance_rnn()
    given = [] if primer is None else encode(primer.hits).tolist()
    played = play(network, given, values.number("seconds"), values.number("temperature"), rng)
    qpm = QPM if primer is None else primer.qpm
    score, trace = _write(played, qpm, _title(primer))
    machine = Stage(played, qpm, notes).machine()
    return Demonstration(score, trace, machine, _facts(played, primer, notes))


def _title(primer: Groove | None) -> str:
    if primer is None:
        return "Drums out of nothing"
    return f"Drums that go on from {primer.style}"


def tick_of(step: int, qpm: float) -> int:
    """Ticks of a moment in steps of ten milliseconds."""
    return round(step * STEP_MS / 60000 * qpm * TICKS_PER_QUARTER)


def _write(played: Played, qpm: float, title: str) -> tuple[Score, Trace]:
    """Score and trace: each stroke with the chances of its event."""
    from hybrid.history.performance_events import decode, event_name
    from hybrid.symbolic_transformer.drums.kit import DRUMS, PITCHES

    ledger = Ledger()
    ledger.track(TRACK, is_drum=True)
    length = max(1, tick_of(STROKE_MS // STEP_MS, qpm))
    events = played.events
    seen: set[tuple[int, int]] = set()
    parent: int | None = None
    last_step = -1
    for place, (step, drum, velocity) in decode(events):
        choice = played.choices[place]
        tick = tick_of(step, qpm)
        if (tick, drum) in seen:
            # The same drum twice at one moment is heard once.
            continue
        seen.add((tick, drum))
        if step != last_step:
            parent = ledger.decide(
                "moment",
                "primer" if choice.is_given else "Performance RNN",
                f"at {step * STEP_MS / 1000:.2f} s",
                tick=tick,
            )
            last_step = step
        rejected = [f"{event_name(other)}: {chance:.2f}" for other, chance in choice.others]
        ledger.note(
            TRACK,
            tick,
            length,
            PITCHES[drum],
            maker="primer" if choice.is_given else "Performance RNN",
            choice=f"{DRUMS[drum]}, {'given' if choice.is_given else 'drawn'}",
            velocity=velocity,
            parent=parent,
            probability=choice.chance,
            rejected=rejected,
        )
    drawn = sum(not choice.is_given for choice in played.choices)
    return ledger.close(title=title, qpm=qpm, counts={"events drawn": drawn})


def _facts(
    played: Played, primer: Groove | None, notes: dict[str, Any]
) -> tuple[tuple[str, str], ...]:
    given = [choice for choice in played.choices if choice.is_given]
    drawn = [choice for choice in played.choices if not choice.is_given]
    others = ", ".join(f"{loss:.3f} by {name}" for name, loss in notes["counted"].items())
    facts = [
        (
            "Held-out loss",
            f"{notes['held_out']:.3f} nats for each event; counting gives {others}",
        ),
        ("Events", f"{len(given)} given, {len(drawn)} drawn"),
        (
            "Trained on",
            f"{notes['performances']} performances, {notes['hours']:g} hours, for "
            f"{notes['updates']} updates",
        ),
    ]
    if primer is not None:
        surprise = float(-np.log([choice.chance for choice in given]).mean())
        facts.insert(1, ("Surprise at the primer", f"{surprise:.2f} nats for each event"))
    return tuple(facts)


EXHIBIT = Exhibit(
    name="performance-rnn",
    title="Performance RNN: timing and touch as events",
    year="2017",
    people=("Ian Simon", "Sageev Oore"),
    summary="A recurrent network plays on from a drummer's bars, in hundredths of a second.",
    story=(
        "Scores say what to play, not how. In 2017 Ian Simon and Sageev Oore of Google's Magenta "
        "left the score out: their network read and wrote performances as a stream of events. "
        "NOTE_ON and NOTE_OFF strike and release a key, TIME_SHIFT waits, in steps of ten "
        "milliseconds, VELOCITY says how hard the next keys are struck. There are no beats and no "
        "bars. Rubato, swing and accents are simply what comes next.",
        "The network is a long short-term memory: it reads one event at a time, keeps what it "
        "needs in its cells, and gives chances for the next event. One is drawn and fed back. So "
        "it plays on from anything, and after some seconds it has wandered off: it remembers the "
        "touch of the last bars, but has no plan.",
        "Here it plays drums. You hear a drummer's first seconds, of a performance that was not "
        "learnt from, then the network goes on. Step through it: the bars show how the "
        "chances divide between the drums, waiting and touch; the list, which event came, and "
        "which others were likely. Does it hold the tempo? Nobody told it that there is one.",
        "The original was a pianist: 88 keys, three layers of 512 cells, trained on about 1,400 "
        "performances of the Yamaha e-Piano Competition, later published as MAESTRO, "
        "for use that is not commercial. No piano performances by people came with a licence for "
        "weights that ship; drum performances did. This one has a single layer of 192 cells and "
        "learnt for about a minute on one processor core: it keeps the drums "
        "and the touch, and loses the beat within a bar or two.",
    ),
    parameters=(
        Parameter(
            "primer",
            "rock-1",
            "The drummer who begins, or none.",
            choices=(NONE, *held_out_grooves()),
        ),
        Parameter("primer-seconds", 6.0, "Seconds of it that are given.", low=0.5, high=20.0),
        Parameter("seconds", 18.0, "Seconds that the network plays on.", low=1.0, high=60.0),
        Parameter("temperature", 0.8, "Below 1 likelier events win.", low=0.1, high=2.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "events: strike, wait in steps of 10 ms up to a second, 32 levels of velocity",
            "faithful",
            "memory",
            "The vocabulary as Simon and Oore gave it.",
        ),
        Fidelity(
            "NOTE_OFF", "simplified", "ours", "Left out: drums are struck and not held; no pedal."
        ),
        Fidelity(
            "drums instead of a piano",
            "invented",
            "ours",
            "Nine drums from the Groove MIDI Dataset (CC BY 4.0), played by ten drummers.",
        ),
        Fidelity(
            "recurrent network",
            "simplified",
            "memory",
            "One layer of 192 cells instead of three of 512.",
        ),
        Fidelity(
            "stretched in time",
            "faithful",
            "memory",
            "Training also hears each performance slower and faster; here by up to a tenth, and "
            "louder or softer instead of transposed.",
        ),
        Fidelity(
            "bar lines", "invented", "ours", "By the primer's metronome; the network has none."
        ),
    ),
    citations=(
        "Simon, I., & Oore, S. (2017). Performance RNN: generating music with expressive timing "
        "and dynamics. Magenta blog. https://magenta.tensorflow.org/performance-rnn",
        "Oore, S., Simon, I., Dieleman, S., Eck, D., & Simonyan, K. (2020). This time with "
        "feeling: learning expressive musical performance. Neural Computing and Applications 32, "
        "955-967. arXiv:1808.03715.",
        "Gillick, J., Roberts, A., Engel, J., Eck, D., & Bamman, D. (2019). Learning to groove "
        "with inverse sequence transformations. ICML. arXiv:1905.06118. (the performances, CC BY "
        "4.0)",
        "Hawthorne, C., et al. (2019). Enabling factorized piano music modeling and generation "
        "with the MAESTRO dataset. ICLR. arXiv:1810.12247.",
    ),
    exercises=(
        "Set `temperature=0.4`, then `temperature=1.4`. Which loses the beat, and which the mind?",
        "Set `primer=none`. How long does it take to find a tempo?",
        "Set `primer-seconds=1`, then `primer-seconds=12`. Does a longer beginning last longer?",
        "Find a wait in the list of events that is not the likeliest. Is it a stroke that is late, "
        "or another rhythm?",
    ),
)
