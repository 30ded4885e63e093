"""Sound to notes to sound: a performance is written down and played by another instrument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import Score
from hybrid.core.timeline import Tempo
from hybrid.history.audio_chords import PROGRAMS
from hybrid.history.chord_labelling import check_piece, read_piece
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Cells, Machine, Panel, Picture, Step, Table
from hybrid.history.parameters import Parameter, Values
from hybrid.history.recording import Recording
from hybrid.history.words import note_name

if TYPE_CHECKING:
    from hybrid.core.audio import Audio

#: Onsets this near count as one, in seconds.
NEAR = 0.05
STEPS_A_QUARTER = 4
LEGEND = ("nothing", "heard, right", "missed", "heard, but not played")
SOUNDING, MISSED, EXTRA = 1, 2, 3
NEW_PROGRAMS = {"vibraphone": 11, "harpsichord": 6, "music-box": 10, **PROGRAMS}


@dataclass(frozen=True, eq=False)
class Match:
    """Heard notes against played ones.

    Attributes
    ----------
    played, heard : np.ndarray, `hybrid.transcription.notes.HEARD_DTYPE`
    partner : np.ndarray, shape (heard,), int64
        Played note of each heard one; -1 for none.
    """

    played: NDArray[Any]
    heard: NDArray[Any]
    partner: NDArray[np.int64]

    @property
    def missed(self) -> list[int]:
        """Played notes that no heard one belongs to."""
        found = set(self.partner.tolist())
        return [number for number in range(len(self.played)) if number not in found]


def match(played: NDArray[Any], heard: NDArray[Any]) -> Match:
    """Pair notes of one pitch whose onsets are within 50 ms, as many as can be: mir_eval's way."""
    from mir_eval.transcription import match_notes

    partner = np.full(len(heard), -1)
    if len(played) and len(heard):
        written, found = (
            (
                np.stack([notes["onset"], np.maximum(notes["end"], notes["onset"] + 1e-3)], axis=1),
                440 * 2.0 ** ((notes["pitch"].astype(float) - 69) / 12),
            )
            for notes in (played, heard)
        )
        for other, number in match_notes(*written, *found, NEAR, offset_ratio=None):
            partner[number] = other
    return Match(played, heard, partner)


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Play, write down, play again. Nothing is drawn: every seed gives the same."""
    from hybrid.render import render
    from hybrid.transcription.decoding import Thresholds
    from hybrid.transcription.notes import flattened, heard_of_score
    from hybrid.transcription.transcribe import transcribe_audio
    from hybrid.transcription.weights import load_transcriber

    source = _played_piece(values)
    sound: Audio = render(source).mix
    limits = replace(Thresholds(), onset=values.number("threshold"))
    heard = transcribe_audio(sound, load_transcriber()[0], limits)
    found = match(flattened(heard_of_score(source)), heard[~heard["drum"]])
    ledger = Ledger()
    program = NEW_PROGRAMS[values.text("into")]
    ledger.track("heard", program=program, clef="treble")
    step = source.ticks_per_quarter // STEPS_A_QUARTER
    ticks = source.tempo_map.to_ticks(found.heard["onset"])
    ends = source.tempo_map.to_ticks(found.heard["end"])
    grid = values.flag("straighten")
    order = np.argsort(ticks, kind="stable")
    written = set()
    for number in order:
        note, other = found.heard[number], int(found.partner[number])
        onset, end = float(ticks[number]), float(ends[number])
        if grid:
            onset, end = step * round(onset / step), step * round(end / step)
        on, length = max(0, round(onset)), max(step if grid else 1, round(end - onset))
        pitch = int(note["pitch"])
        # On the grid two hearings of one note can fall together.
        if (on, pitch) in written:
            continue
        written.add((on, pitch))
        if other >= 0:
            late = 1000 * (float(note["onset"]) - float(found.played["onset"][other]))
            verdict = f"played, {abs(late):.0f} ms {'later' if late > 0 else 'earlier'}"
        else:
            verdict = "not played: the ear made it up"
        ledger.note(
            "heard",
            on,
            length,
            pitch,
            maker="transcriber",
            choice=f"{note_name(pitch)} at {float(note['onset']):.2f} s; {verdict}",
            velocity=int(note["velocity"]),
        )
    panels, steps = _machine(source, sound, found)
    title = source.title or "a piece"
    score, trace = ledger.close(
        title=f"{title}, heard and played again",
        tempos=source.tempos,
        metres=source.metres,
        keys=source.keys,
        pickup_ticks=source.pickup_ticks,
        counts={"notes heard": len(found.heard), "notes missed": len(found.missed)},
    )
    right = int((found.partner >= 0).sum())
    precision, recall = right / max(1, len(found.heard)), right / max(1, len(found.played))
    both = 2 * precision * recall / max(1e-9, precision + recall)
    facts = (
        ("Notes played", str(len(found.played))),
        ("Notes heard", str(len(found.heard))),
        ("Heard notes that were played", f"{precision:.0%}"),
        ("Played notes that were heard", f"{recall:.0%}"),
        ("Note F1", f"{both:.2f}"),
    )
    recordings = (
        Recording(
            "played-again",
            f"Played again: {values.text('into')}",
            "The notes that were heard, by another instrument. What was missed is missing here.",
        ),
        Recording(
            "first-sound",
            f"The first sound: {values.text('instrument')}",
            "What the transcriber heard.",
            sound,
        ),
    )
    return Demonstration(score, trace, Machine(panels, steps), facts, recordings)


def _played_piece(values: Values) -> Score:
    score = read_piece(values.text("piece"))
    program = PROGRAMS[values.text("instrument")]
    cut = int(values.integer("bars"))
    if len(score.bars) > cut:
        from hybrid.symbolic_transformer.quartet_corpus import cut as between

        score = replace(between(score, 0, score.bars[cut].start), pickup_ticks=score.pickup_ticks)
    tracks = tuple(
        track if track.is_drum else replace(track, program=program) for track in score.tracks
    )
    return replace(score, tracks=tracks, tempos=(Tempo(0, values.number("tempo")),))


def _machine(
    source: Score, sound: Audio, found: Match
) -> tuple[tuple[Panel, ...], tuple[Step, ...]]:
    """Roll of played and heard notes, and what the ear sees; a step for each quarter."""
    from hybrid.transcription.features import levels
    from hybrid.transcription.sound import MemorySource, MonoReader

    step = source.ticks_per_quarter // STEPS_A_QUARTER
    n_columns = -(-source.length // step)
    pitches = np.concatenate([found.played["pitch"], found.heard["pitch"]]).astype(int)
    low, high = int(pitches.min()), int(pitches.max())
    roll = np.zeros((high - low + 1, n_columns), int)

    def lay(note: Any, value: int) -> None:
        first, last = (
            round(float(source.tempo_map.to_ticks(float(note[end]))) / step)
            for end in ("onset", "end")
        )
        row = high - int(note["pitch"])
        roll[row, min(first, n_columns - 1) : max(first + 1, last)] = value

    for number in found.missed:
        lay(found.played[number], MISSED)
    for number, note in enumerate(found.heard):
        lay(note, SOUNDING if found.partner[number] >= 0 else EXTRA)
    names = tuple(note_name(pitch) if pitch % 12 == 0 else "" for pitch in range(high, low - 1, -1))
    cells = Cells(
        "roll",
        "Played and heard: a row for each key, four columns a quarter",
        "A piano roll in four colours: right, missed, made up.",
        width=n_columns,
        height=len(roll),
        legend=LEGEND,
        row_names=names,
    )
    reader = MonoReader(MemorySource(sound))
    picture_values = levels(reader.read(0, reader.n_samples))[0].astype(float)
    every = max(1, len(picture_values) // 500)
    shown = picture_values[::every, :240].T / 255
    picture = Picture(
        "spectrum",
        "What the transcriber sees: three bins a semitone, from A0 at the foot",
        "A spectrogram on a logarithmic scale of frequency.",
        width=shown.shape[1],
        height=shown.shape[0],
        x_name="time",
        y_name="pitch",
        low="-90 dB",
        high="12 dB",
    )
    rows = tuple(
        (
            note_name(int(note["pitch"])),
            f"{float(note['onset']):.2f} s",
            "made up" if found.partner[number] < 0 else "right",
        )
        for number, note in enumerate(found.heard[:400])
    )
    table = Table(
        "notes",
        "What was written down",
        "A row for each heard note: its name, when it began, whether it was played.",
        columns=("note", "begins", "against the score"),
        rows=rows,
        names=tuple(str(number + 1) for number in range(len(rows))),
    )
    onset_ticks = np.asarray(source.tempo_map.to_ticks(found.heard["onset"][:400]))
    steps = [
        Step(
            "The sound is all the transcriber gets.",
            {
                "spectrum": picture.show(np.clip((shown - 0.3) / 0.6, 0, 1)),
                "roll": cells.show(np.zeros_like(roll).tolist()),
                "notes": table.mark(),
            },
        )
    ]
    for start in range(0, source.length, source.ticks_per_quarter):
        end = start + source.ticks_per_quarter
        seen = roll.copy()
        seen[:, end // step :] = 0
        here = np.flatnonzero((onset_ticks >= start - step / 2) & (onset_ticks < end - step / 2))
        names_here = ", ".join(
            note_name(int(found.heard["pitch"][number]))
            + ("" if found.partner[number] >= 0 else " (made up)")
            for number in here
        )
        steps.append(
            Step(
                f"{source.tempo_map.seconds(start):.1f} s: {names_here or 'nothing new'}.",
                {
                    "roll": cells.show(seen.tolist()),
                    "notes": table.mark(chosen=[(int(number), 0) for number in here]),
                },
                start,
                end,
            )
        )
    return (picture, cells, table), tuple(steps)


EXHIBIT = Exhibit(
    name="wave2midi2wave",
    title="Wave to MIDI to wave",
    year="2019",
    people=("Curtis Hawthorne", "Andriy Stasyuk", "Adam Roberts", "Ian Simon", "Anna Huang"),
    summary="Sound is written down as notes by a network, and the notes become another sound.",
    story=(
        "Hawthorne and colleagues (2019) put three models in a row: one writes down piano "
        "recordings as notes, one composes with notes, one makes sound of notes. Notes in the "
        "middle are what makes the chain useful: a person can read them, correct them, have them "
        "composed on, and give them to another instrument.",
        "The first model is the hard one. Onsets and Frames (Hawthorne et al. 2018) asks two "
        "questions of every moment and key: does a note begin here, and does it sound? A note may "
        "only begin where both agree. The transcriber here has the same idea in small, and it "
        "shows: what it misses and what it makes up stands in colour, and is heard.",
        "A harmonic taken for a note an octave or a twelfth up is the commonest mistake; a note "
        "struck again while it sounds the next.",
    ),
    parameters=(
        Parameter(
            "piece",
            "22",
            "Number of a shipped chorale in the collection of 371, or the path of a score.",
            check=check_piece,
            allowed="the number of a shipped chorale or the path of a score",
        ),
        Parameter("bars", 5, "Bars of it that are played, at most.", low=1, high=24),
        Parameter("instrument", "piano", "That is heard.", choices=tuple(PROGRAMS)),
        Parameter("into", "vibraphone", "That plays the notes again.", choices=tuple(NEW_PROGRAMS)),
        Parameter("threshold", 0.6, "Probability from which a note begins.", low=0.05, high=0.95),
        Parameter("straighten", True, "Whether notes go to the grid of sixteenths."),
        Parameter("tempo", 84.0, "Quarters a minute.", low=40.0, high=160.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "onsets and frames",
            "simplified",
            "memory",
            "The same two questions, with velocity and ends; 0.4 million weights, no recurrent "
            "layers, and a synthesizer's sound to learn from instead of 172 hours of piano.",
        ),
        Fidelity(
            "wave from notes",
            "simplified",
            "computed",
            "A SoundFont where they trained a WaveNet on the notes.",
        ),
        Fidelity(
            "composing in between",
            "simplified",
            "ours",
            "Left out here: `hybrid continue` and `hybrid infill` do that with the notes of "
            "`hybrid transcribe`.",
        ),
        Fidelity(
            "beats",
            "invented",
            "ours",
            "Told from the score for the grid; `hybrid replay` finds its own.",
        ),
    ),
    citations=(
        "Hawthorne, C., Stasyuk, A., Roberts, A., Simon, I., Huang, C.-Z. A., Dieleman, S., Elsen, "
        "E., Engel, J., & Eck, D. (2019). Enabling factorized piano music modeling and generation "
        "with the MAESTRO dataset. ICLR. arXiv:1810.12247.",
        "Hawthorne, C., Elsen, E., Song, J., Roberts, A., Simon, I., Raffel, C., Engel, J., Oore, "
        "S., & Eck, D. (2018). Onsets and frames: dual-objective piano transcription. ISMIR. "
        "arXiv:1710.11153.",
        "Bach, J. S. Four-part chorales. DCMLab/bach_chorales v2.0, CC0 1.0.",
    ),
    exercises=(
        "Find a note that was made up. Is it a harmonic of one that sounds?",
        "Set `threshold=0.2`, then `0.9`. Which is worse to listen to: notes too many or too few?",
        "Set `instrument=strings`. Why are soft beginnings harder?",
        "Set `straighten=no` and look at the score. Why do people not write down what they hear to "
        "the millisecond?",
        "Run `hybrid replay` on a recording of your own.",
    ),
)
