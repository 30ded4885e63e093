"""DeepBach: four voices are drawn anew, symbol by symbol, until they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid.core.score import KeySignature, Score
from hybrid.core.timeline import Metre
from hybrid.core.trace import Trace
from hybrid.history.chorale_grids import LOWEST
from hybrid.history.chorale_tasks import (
    ALLOWED_KEY,
    ALLOWED_SOPRANO,
    Task,
    bar_and_beat,
    check_key,
    check_soprano,
    find_task,
)
from hybrid.history.chorales import SIXTEENTH, VOICES
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import note_name

if TYPE_CHECKING:
    from hybrid.history.deepbach_sampling import Run

CLEFS = ("treble", "treble", "treble8vb", "bass")
VELOCITIES = (84, 72, 72, 76)


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Begin with chance, draw symbol after symbol, write what is left."""
    import torch

    from hybrid.history.deepbach_model import encode, load_deepbach
    from hybrid.history.deepbach_panels import Stage
    from hybrid.history.deepbach_sampling import pseudo_gibbs

    torch.set_num_threads(1)
    task = find_task(values)
    network, notes, _ = load_deepbach()
    symbols, metadata = encode(task.grid)
    run = pseudo_gibbs(
        network,
        symbols,
        metadata,
        task.is_free,
        values.integer("sweeps"),
        values.number("temperature"),
        rng,
    )
    places = bar_and_beat(task)
    score, trace = _write(task, run, places, values.number("tempo"))
    machine = Stage(run, task.grid.key, places, notes).machine()
    return Demonstration(score, trace, machine, _facts(score, task, run, notes))


def _write(
    task: Task, run: Run, places: list[str], tempo: float, counts: dict[str, int] | None = None
) -> tuple[Score, Trace]:
    """Score and trace: each note with the draw that began it."""
    from hybrid.history.deepbach_panels import symbol_name
    from hybrid.history.deepbach_sampling import notes_of

    key = task.grid.key
    ledger = Ledger()
    for part, clef in zip(VOICES, CLEFS, strict=True):
        ledger.track(part, program=19, clef=clef)
    sweeps = [
        ledger.decide(
            "sweep",
            "pseudo-Gibbs",
            f"sweep {number}: {changed:.0%} of the draws change it, surprise {loss:.2f} nats",
        )
        for number, (loss, changed) in enumerate(zip(run.losses, run.changed, strict=True), 1)
    ]
    last = run.last()
    fermatas = task.grid.fermatas
    for voice, first, length, symbol in notes_of(run.symbols):
        pitch = symbol + LOWEST
        spelling = key.spell(pitch)
        name = note_name(pitch, spelling)
        end = first + length
        is_end = fermatas[end - 1] and (end == len(fermatas) or not fermatas[end])
        draw = last.get((first, voice))
        if task.is_free[first, voice] and draw is not None:
            maker, choice = "DeepBach", f"{name}, drawn in sweep {draw.sweep}"
            parent: int | None = sweeps[draw.sweep - 1]
            chance: float | None = draw.chance
            rejected = [f"{symbol_name(other, key)}: {share:.2f}" for other, share in draw.others]
        elif task.is_free[first, voice]:
            maker, choice = "chance", f"{name}, from the random beginning, never drawn anew"
            parent, chance, rejected = None, None, []
        else:
            maker, choice, parent, chance, rejected = "tune", f"{name}, given", None, None, []
        ledger.note(
            VOICES[voice],
            first * SIXTEENTH,
            length * SIXTEENTH,
            pitch,
            maker=maker,
            choice=f"{choice} ({places[first]})",
            velocity=VELOCITIES[voice],
            spelling=spelling,
            articulation="fermata" if is_end else "",
            parent=parent,
            probability=chance,
            rejected=rejected,
        )
    return ledger.close(
        title=task.title,
        qpm=tempo,
        metres=(Metre(0, task.beats, 4),),
        keys=(KeySignature(0, key),),
        pickup_ticks=task.pickup * SIXTEENTH,
        length=len(task.grid) * SIXTEENTH,
        counts={"symbols drawn": sum(len(group) for group in run.draws), **(counts or {})},
    )


def _facts(
    score: Score, task: Task, run: Run, notes: dict[str, Any]
) -> tuple[tuple[str, str], ...]:
    from hybrid.metrics.part_writing import part_writing

    held_out, counted = notes["held_out"], notes["counted"]
    found = part_writing(score)
    here = 100 * sum(found.findings.values()) / max(1, found.n_chords)
    findings = notes["findings"]
    others = ", ".join(f"{loss:.3f} by {name}" for name, loss in counted.items())
    return (
        (
            "Held-out loss",
            f"{held_out['each']:.3f} nats for each voice and sixteenth "
            f"({held_out['note']:.2f} a note); counting gives {others}",
        ),
        (
            "Hard findings of the checker",
            f"{here:.1f} per 100 chords in this piece; {findings['machine']:.1f} in "
            f"{findings['pieces']:.0f} of its harmonisations, {findings['Bach']:.1f} in Bach's of "
            "the same tunes",
        ),
        (
            "Draws",
            f"{sum(len(group) for group in run.draws)} for {int(task.is_free.sum())} symbols; in "
            f"the last sweep {run.changed[-1]:.0%} changed something",
        ),
        ("Trained on", f"{notes['chorales']} chorales, {notes['sixteenths']} sixteenths"),
    )


EXHIBIT = Exhibit(
    name="deepbach",
    title="DeepBach: a chorale drawn note by note",
    year="2016–2017",
    people=("Gaëtan Hadjeres", "François Pachet", "Frank Nielsen"),
    summary="A network hears what is around a note and draws it anew, thousands of times.",
    story=(
        "Most machines that learn write from left to right. A composer of chorales does not: he "
        "sets the cadence, goes back, mends the alto. In 2016 Gaëtan Hadjeres, François Pachet "
        "and Frank Nielsen let a network do likewise. It never writes a chorale. It only answers: "
        "given all the notes before, after and beside this one, what should stand here? For each "
        "voice and each sixteenth there is one symbol: a note that begins, or __, which holds the "
        "one before.",
        "The music begins as noise. A voice and a time are picked by lot, the symbol there is "
        "rubbed out, the network says how likely each other one is, and one is drawn. This is done "
        "thousands of times: pseudo-Gibbs sampling. Whatever is to be kept is simply never rubbed "
        "out: here the soprano, if one is given. So one can steer: keep a bass, keep two bars, "
        "or rewrite one voice in the middle.",
        "Step through it. First the colours are confetti; within two or three sweeps the voices "
        "find steps, holds and common chords, and cadences settle under the fermatas, of which the "
        "network is told. The list says what was drawn and what else was likely. Then listen to "
        "inner voices and cadences; and read what the checker finds, beside what it finds in Bach.",
        "The original had one network for each voice with recurrent layers of 200 units and more, "
        "trained on a GPU on 352 chorales of music21's corpus in all keys; listeners took about "
        "half of its pieces for Bach's. This one has a fraction of the weights and learnt for "
        "three minutes on one processor core. It finds chords and lines, and stumbles far more "
        "often, above all into parallel fifths and octaves.",
    ),
    parameters=(
        Parameter(
            "soprano",
            "bach-224",
            "The tune that is kept: a held-out chorale's, a name, KEY: NOTES, a score, or none.",
            check=check_soprano,
            allowed=ALLOWED_SOPRANO,
        ),
        Parameter("sweeps", 12, "Sweeps; each draws as many symbols as are free.", low=1, high=60),
        Parameter("temperature", 1.0, "Below 1 likelier symbols win.", low=0.1, high=2.0),
        Parameter("bars", 8, "Bars, where no soprano is given.", low=2, high=16),
        Parameter(
            "key",
            "G minor",
            "Key, where no soprano is given.",
            check=check_key,
            allowed=ALLOWED_KEY,
        ),
        Parameter("tempo", 76.0, "Quarters a minute.", low=40.0, high=200.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "sixteenths, four voices, the hold symbol",
            "faithful",
            "memory",
            "One symbol for each voice and sixteenth: a pitch, __ or a rest.",
        ),
        Fidelity(
            "pseudo-Gibbs sampling",
            "faithful",
            "memory",
            "From a random beginning; a voice and a time by lot, drawn given all the rest. Places "
            "more than a bar apart are drawn at once, which is quicker.",
        ),
        Fidelity(
            "past, future and present",
            "faithful",
            "memory",
            "A recurrent layer reads the columns before, one those after, a plain layer the other "
            "voices at the time. Here 24 sixteenths on either side.",
        ),
        Fidelity(
            "metadata",
            "simplified",
            "memory",
            "Beat, fermata and key, as there; here also the place in the bar and the mode. "
            "Fermatas of the training chorales are guessed from phrase ends.",
        ),
        Fidelity(
            "one network for each voice",
            "simplified",
            "ours",
            "Recurrent layers and embeddings are shared by the voices; each has its own last "
            "layers. Sizes are a fraction of the original's.",
        ),
        Fidelity(
            "tables of intervals",
            "invented",
            "ours",
            "Beside the layers, tables learn what each interval over another voice, and each step "
            "from one interval to another, adds to a pitch, whatever the key.",
        ),
        Fidelity(
            "what a held note sounds",
            "invented",
            "ours",
            "For the past and the other voices the network is told which pitch a __ holds.",
        ),
        Fidelity(
            "training data",
            "simplified",
            "ours",
            "192 chorales (CC0) of the usual split's part for training, in all keys that the "
            "voices allow; the original had 352.",
        ),
    ),
    citations=(
        "Hadjeres, G., Pachet, F., & Nielsen, F. (2017). DeepBach: a steerable model for Bach "
        "chorales generation. Proceedings of ICML 70, 1362-1371. arXiv:1612.01010.",
        "Heckerman, D., Chickering, D. M., Meek, C., Rounthwaite, R., & Kadie, C. (2000). "
        "Dependency networks for inference, collaborative filtering, and data visualization. "
        "Journal of Machine Learning Research 1, 49-75.",
        "Boulanger-Lewandowski, N., Bengio, Y., & Vincent, P. (2012). Modeling temporal "
        "dependencies in high-dimensional sequences. ICML. arXiv:1206.6392. (the split)",
    ),
    exercises=(
        "Set `sweeps=1`, then `sweeps=40`. When does the curve of surprise stop falling?",
        "Set `temperature=0.3`, then `temperature=1.5`. Which has more held notes, and why?",
        "Compare with an expert system: `hybrid demo compare choral deepbach --set "
        "1.soprano=jesu-meine-freude --set 2.soprano=jesu-meine-freude`.",
        'Set `soprano=none` and two keys of one signature, such as `key="G minor"` and '
        '`key="Bb major"`. What tells the mode before the last chord?',
        "Find a note whose chance was below 0.1. Was it changed later? If not, what held it up?",
    ),
)
