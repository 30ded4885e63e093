"""Coconet: voices are rubbed out and filled in again, all holes at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import KeySignature, Score
from hybrid.core.timeline import Metre
from hybrid.core.trace import Trace
from hybrid.history.chorale_grids import LOWEST, REST, ChoraleGrid
from hybrid.history.chorale_tasks import (
    ALLOWED_KEY,
    ALLOWED_SOPRANO,
    NONE,
    Task,
    bar_and_beat,
    check_key,
    check_soprano,
    find_task,
    held_out_name,
)
from hybrid.history.chorales import SIXTEENTH, VOICES
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import note_name

if TYPE_CHECKING:
    from hybrid.history.coconet_sampling import Run

#: Sixteenths of a column.
STEP = 2
CLEFS = ("treble", "treble", "treble8vb", "bass")
VELOCITIES = (84, 72, 72, 76)
#: What may be rubbed out, by the voices that are.
ERASED = {
    "lower": (1, 2, 3),
    "soprano": (0,),
    "alto": (1,),
    "tenor": (2,),
    "bass": (3,),
    "inner": (1, 2),
    "all": (0, 1, 2, 3),
}


@dataclass(frozen=True, eq=False)
class Picture:
    """What is to be completed.

    Attributes
    ----------
    title : str
    task : Task
        Metre, phrases and what is given, cut to the phrases that are wanted.
    pitches : np.ndarray, shape (T, 4), int64
        On eighths, above `LOWEST`; where a voice is not given, 0.
    is_free : np.ndarray, shape (T, 4), bool
    erased : tuple of int
        Voices.
    """

    title: str
    task: Task
    pitches: NDArray[np.int64]
    is_free: NDArray[np.bool_]
    erased: tuple[int, ...]


def cut_phrases(grid: ChoraleGrid, phrases: int) -> ChoraleGrid:
    """The first phrases; all where there are fewer."""
    held = np.append(grid.fermatas, False)
    ends = np.flatnonzero(held[:-1] & ~held[1:]) + 1
    length = int(ends[phrases - 1]) if phrases < len(ends) else len(grid)
    # Columns are eighths.
    length -= length % STEP
    return ChoraleGrid(
        grid.name,
        grid.key,
        grid.pitches[:length],
        grid.onsets[:length],
        grid.places[:length],
        grid.fermatas[:length],
    )


def find_picture(values: Values) -> Picture:
    """What is to be completed, by the settings.

    Of a held-out chorale any voices may be rubbed out, for Bach wrote the rest; of a tune only
    those under it.
    """
    from hybrid.history.coconet_model import eighths

    task = find_task(values)
    grid = cut_phrases(task.grid, values.integer("phrases"))
    task = Task(task.title, grid, task.is_free[: len(grid)], task.beats, task.pickup)
    soprano = values.text("soprano")
    if held_out_name(soprano):
        erased = ERASED[values.text("erase")]
        pitches = eighths(grid)
        title = f"{task.title.removesuffix(', harmonised')}, completed"
    else:
        erased = ERASED["all"] if soprano == NONE else ERASED["lower"]
        pitches = np.zeros((-(-len(grid) // STEP), 4), dtype=np.int64)
        if soprano != NONE:
            sung = np.maximum(grid.pitches, LOWEST)
            sung[:, 1:] = LOWEST
            pitches[:, 0] = sung[::STEP, 0] - LOWEST
        title = task.title
    is_free = np.zeros(pitches.shape, dtype=bool)
    is_free[:, list(erased)] = True
    pitches[is_free] = 0
    return Picture(title, task, pitches, is_free, erased)


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Rub out, fill, rub out less, fill again; write what is left."""
    import torch

    from hybrid.history.coconet_model import load_coconet
    from hybrid.history.coconet_panels import Stage
    from hybrid.history.coconet_sampling import blocked_gibbs

    torch.set_num_threads(1)
    picture = find_picture(values)
    network, notes, _ = load_coconet()
    run = blocked_gibbs(
        network,
        picture.pitches,
        picture.is_free,
        values.integer("steps"),
        values.number("temperature"),
        rng,
        values.number("highest"),
        values.number("lowest"),
    )
    places = bar_and_beat(picture.task)
    score, trace = _write(picture, run, places, values.number("tempo"))
    machine = Stage(run, picture, places[::STEP], notes).machine()
    return Demonstration(score, trace, machine, _facts(score, picture, run, notes))


def sung_notes(picture: Picture, pitches: NDArray[np.int64]) -> list[tuple[int, int, int, int]]:
    """Voice, first sixteenth, sixteenths and MIDI pitch of every note, by onset.

    What was given is sung as it was. The roll does not tell a held note from a repeated one: a
    voice that was filled in sings a note anew on each beat where the soprano begins one, as choirs
    do with each syllable; without a soprano twice a bar.
    """
    grid = picture.task.grid
    filled = pitches.repeat(STEP, axis=0)[: len(grid)] + LOWEST
    on_beat = grid.places % 4 == 0
    syllables = grid.places % 8 == 0 if 0 in picture.erased else on_beat & grid.onsets[:, 0]
    found = []
    for voice in range(len(VOICES)):
        if voice in picture.erased:
            line = filled[:, voice]
            begins = syllables | np.append(True, line[1:] != line[:-1])
        else:
            line = grid.pitches[:, voice].astype(np.int64)
            begins = grid.onsets[:, voice].copy()
            # Rests end notes too.
            begins[1:] |= (line[1:] == REST) & (line[:-1] != REST)
        firsts = np.flatnonzero(begins).tolist()
        for first, end in zip(firsts, [*firsts[1:], len(grid)], strict=True):
            if line[first] != REST:
                found.append((voice, first, end - first, int(line[first])))
    return sorted(found, key=lambda note: (note[1], note[0]))


def _write(picture: Picture, run: Run, places: list[str], tempo: float) -> tuple[Score, Trace]:
    """Score and trace: each note with the filling that made it."""
    task = picture.task
    key = task.grid.key
    ledger = Ledger()
    for part, clef in zip(VOICES, CLEFS, strict=True):
        ledger.track(part, program=19, clef=clef)
    steps = [
        ledger.decide(
            "step",
            "blocked Gibbs",
            f"step {number}: {int(mask.sum())} notes rubbed out (chance {share:.2f}), "
            f"{changed:.0%} came back otherwise",
        )
        for number, (mask, share, changed) in enumerate(
            zip(run.masks, run.shares, run.changed, strict=True), 1
        )
    ]
    held = np.append(task.grid.fermatas, False)
    for voice, first, length, pitch in sung_notes(picture, run.pitches):
        spelling = key.spell(pitch)
        name = note_name(pitch, spelling)
        end = first + length
        fill = run.fills.get((first // STEP, voice))
        parent: int | None = None
        chance: float | None = None
        rejected: list[str] = []
        maker, choice = "given", f"{name}, given"
        if fill is not None:
            maker, choice = "Coconet", f"{name}, filled in at step {fill.step}"
            parent, chance = steps[fill.step - 1], fill.chance
            rejected = [
                f"{note_name(other + LOWEST, key.spell(other + LOWEST))}: {share:.2f}"
                for other, share in fill.others
            ]
        ledger.note(
            VOICES[voice],
            first * SIXTEENTH,
            length * SIXTEENTH,
            pitch,
            maker=maker,
            choice=f"{choice} ({places[first]})",
            velocity=VELOCITIES[voice],
            spelling=spelling,
            articulation="fermata" if held[end - 1] and not held[min(end, len(held) - 1)] else "",
            parent=parent,
            probability=chance,
            rejected=rejected,
        )
    return ledger.close(
        title=picture.title,
        qpm=tempo,
        metres=(Metre(0, task.beats, 4),),
        keys=(KeySignature(0, key),),
        pickup_ticks=task.pickup * SIXTEENTH,
        counts={"notes filled in": int(sum(mask.sum() for mask in run.masks))},
    )


def _facts(
    score: Score, picture: Picture, run: Run, notes: dict[str, Any]
) -> tuple[tuple[str, str], ...]:
    from hybrid.metrics.part_writing import part_writing

    found = part_writing(score)
    here = 100 * sum(found.findings.values()) / max(1, found.n_chords)
    findings = notes["findings"]
    others = ", ".join(f"{loss:.3f} by {name}" for name, loss in notes["counted"].items())
    return (
        (
            "Held-out loss",
            f"{notes['held_out']:.3f} nats for each voice and eighth, in random orders; counting "
            f"gives {others}",
        ),
        (
            "Hard findings of the checker",
            f"{here:.1f} per 100 chords in this piece; {findings['machine']:.1f} in "
            f"{findings['pieces']:.0f} of its harmonisations, {findings['Bach']:.1f} in Bach's of "
            "the same tunes",
        ),
        (
            "Filled in",
            f"{int(sum(mask.sum() for mask in run.masks))} notes in {len(run.masks)} steps, for "
            f"{int(picture.is_free.sum())} holes",
        ),
        ("Trained on", f"{notes['chorales']} chorales, {notes['updates']} updates"),
    )


EXHIBIT = Exhibit(
    name="coconet",
    title="Coconet: counterpoint by rubbing out",
    year="2017",
    people=(
        "Cheng-Zhi Anna Huang",
        "Tim Cooijmans",
        "Adam Roberts",
        "Aaron Courville",
        "Douglas Eck",
    ),
    summary="A network for pictures fills holes in a score, again and again, ever fewer at once.",
    story=(
        "In 2017 Cheng-Zhi Anna Huang and colleagues took a score for a picture: time across, "
        "pitch upwards, one layer for each of four voices, and beside each a mask that says "
        "where the picture is known. A network of convolutions, as used on photographs, learnt to "
        "paint in what is missing. In training the holes are random, from one note to all of "
        "them, so it learns every order in which a piece could be written at once. They called "
        "it Coconet, counterpoint by convolution; in 2019 it harmonised tens of millions of tunes "
        "as a doodle on Google's home page.",
        "All holes filled at once do not fit together, since each note is drawn without knowing "
        "what its neighbours became. So the machine rubs out and paints again: at first nine "
        "notes of ten, in the end one of ten. The share falls along a line; this is blocked Gibbs "
        "sampling with an annealed mask. Composers do not write from left to right either.",
        "Step through it. The upper panel is the score, the lower one the holes of that step. "
        "Watch how leaps and clashes of the first steps are worn away while the mask thins, and "
        "what is given, here the soprano, never moves. Then rub out another voice: the alto of a "
        "chorale is nearly forced by the other three, the bass is not.",
        "The original had 64 layers of 128 filters, learnt on a GPU, and read sixteenths. "
        "This one has six layers of 32, reads eighths, and learnt for three minutes on one "
        "processor core: it knows chords and voices, and little of cadences.",
    ),
    parameters=(
        Parameter(
            "soprano",
            "bach-224",
            "A held-out chorale, a tune to be harmonised (a name, KEY: NOTES, a score), or none.",
            check=check_soprano,
            allowed=ALLOWED_SOPRANO,
        ),
        Parameter(
            "erase",
            "lower",
            "Voices of a held-out chorale that are rubbed out.",
            choices=tuple(ERASED),
        ),
        Parameter("phrases", 4, "Phrases of the tune that are used.", low=1, high=8),
        Parameter("steps", 96, "Steps of rubbing out and filling in.", low=1, high=300),
        Parameter("highest", 0.9, "Chance of being rubbed out at first.", low=0.1, high=1.0),
        Parameter("lowest", 0.1, "Chance of being rubbed out at last.", low=0.01, high=1.0),
        Parameter("temperature", 0.8, "Below 1 likelier notes win.", low=0.1, high=2.0),
        Parameter("bars", 8, "Bars, where no soprano is given.", low=2, high=16),
        Parameter(
            "key",
            "G major",
            "Key signature, where no soprano is given; the network does not hear of it.",
            check=check_key,
            allowed=ALLOWED_KEY,
        ),
        Parameter("tempo", 76.0, "Quarters a minute.", low=40.0, high=200.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "piano rolls with masks",
            "faithful",
            "memory",
            "Four rolls, each with its mask; convolutions over time and pitch; a choice of one "
            "pitch for each voice and time.",
        ),
        Fidelity(
            "orderless training",
            "faithful",
            "memory",
            "How many holes is drawn evenly, then which; each piece's loss is divided by how "
            "many notes it hides.",
        ),
        Fidelity(
            "blocked Gibbs with an annealed mask",
            "faithful",
            "memory",
            "Share max(lowest, highest - n (highest - lowest) / (0.75 N)), after Yao et al.; the "
            "notes of a block are drawn independently.",
        ),
        Fidelity(
            "the network",
            "simplified",
            "ours",
            "Six layers of 32 filters instead of 64 of 128. The first layer spans an octave up and "
            "down, some are spread over time, and each voice has a bias for each pitch.",
        ),
        Fidelity(
            "eighths", "simplified", "ours", "The original reads sixteenths, four times as many."
        ),
        Fidelity("rests", "simplified", "ours", "A voice that rests goes on singing its note."),
        Fidelity(
            "repeated notes",
            "invented",
            "ours",
            "The roll cannot tell them from held ones; voices that are filled in sing anew with "
            "the soprano's syllables on the beat.",
        ),
    ),
    citations=(
        "Huang, C.-Z. A., Cooijmans, T., Roberts, A., Courville, A., & Eck, D. (2017). "
        "Counterpoint by convolution. Proceedings of ISMIR, 211-218. arXiv:1903.07227.",
        "Yao, L., Ozair, S., Cho, K., & Bengio, Y. (2014). On the equivalence between deep NADE "
        "and generative stochastic networks. ECML PKDD, 322-336.",
        "Uria, B., Murray, I., & Larochelle, H. (2014). A deep and tractable density estimator. "
        "Proceedings of ICML 32, 467-475.",
        "Huang, C.-Z. A., Hawthorne, C., Roberts, A., Dinculescu, M., Wexler, J., Hong, L., & "
        "Howcroft, J. (2019). The Bach Doodle: approachable music composition with machine "
        "learning at scale. Proceedings of ISMIR, 793-800. arXiv:1907.06637.",
    ),
    exercises=(
        "Set `steps=1`: every hole is filled at once. Listen, and say what is wrong.",
        "Set `erase=alto`, then `erase=bass`. In which does the machine come back to Bach's own "
        "notes more often?",
        "Set `highest=0.1`: no wide blocks. What does the music keep from its beginning?",
        "Compare with DeepBach, which mends one note at a time: `hybrid demo compare deepbach "
        "coconet`.",
    ),
)
