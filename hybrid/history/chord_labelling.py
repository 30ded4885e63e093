"""Chord labels three ways: templates, a hidden Markov model, and the learned analyser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hybrid.core.errors import ConfigError, HybridError
from hybrid.core.pitch import Key
from hybrid.core.score import TICKS_PER_QUARTER, KeySignature, Lyric, Score, Track, make_notes
from hybrid.core.timeline import Tempo
from hybrid.history.chorales import VOICES, Chorale, load_chorales
from hybrid.history.chord_chain import expect, first_moves, fit_moves, log_seen, viterbi, wide
from hybrid.history.chord_labelling_panels import Panels
from hybrid.history.chord_labels import agreement, changes_of, label_of, per_beat
from hybrid.history.chord_player import ChordPlayer
from hybrid.history.chord_templates import beats_of, label_by_templates, template_sums
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Machine
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import note_name

if TYPE_CHECKING:
    from hybrid.core.analysis import Analysis

#: Longest piece in beats, so that the page stays quick to open.
MAX_BEATS = 160
WAYS = ("templates", "hmm", "network")
PART = "chord labels"


def chorale_score(chorale: Chorale) -> Score:
    """A chorale as a score."""
    return Score(
        tuple(
            Track(
                voice,
                make_notes([(on, length, pitch, 74, 1, tpc) for on, length, pitch, tpc in notes]),
                program=19,
                clef="bass" if voice in ("tenor", "bass") else "treble",
            )
            for voice, notes in zip(VOICES, chorale.voices, strict=True)
        ),
        keys=(KeySignature(0, chorale.key),),
        pickup_ticks=chorale.upbeat * TICKS_PER_QUARTER,
        title=chorale.title,
    )


def check_piece(text: str) -> None:
    """Refuse what is neither a shipped chorale nor a file.

    Raises
    ------
    ConfigError
        With what there is.
    """
    if text.isdigit() and int(text) in load_chorales():
        return
    if text.isdigit() or not Path(text).is_file():
        raise ConfigError(
            f"piece must be the number of a shipped chorale ({_some_numbers()}) or the path of a "
            f"score, got {text!r}"
        )


def _some_numbers() -> str:
    numbers = sorted(load_chorales())
    return f"{', '.join(map(str, numbers[:5]))} ... {numbers[-1]}, {len(numbers)} in all"


def read_piece(text: str) -> Score:
    """The score of a chorale's number or of a file, at 480 ticks a quarter.

    Raises
    ------
    ConfigError
        If the file is no score, has no pitched notes, is too long or does not fit the ticks.
    """
    check_piece(text)
    if text.isdigit():
        return chorale_score(load_chorales()[int(text)])
    from hybrid.io.files import read_score

    try:
        score = read_score(text).score
    except HybridError as error:
        raise ConfigError(f"piece must be a score that can be read, got {error}") from error
    if score.ticks_per_quarter != TICKS_PER_QUARTER:
        raise ConfigError(
            f"piece must count {TICKS_PER_QUARTER} ticks a quarter, "
            f"got {score.ticks_per_quarter} ({text})"
        )
    if not any(len(track.notes) for track in score.tracks if not track.is_drum):
        raise ConfigError(f"piece must have pitched notes, got none ({text})")
    n_beats = len(beats_of(score))
    if n_beats > MAX_BEATS:
        raise ConfigError(f"piece must have at most {MAX_BEATS} beats, got {n_beats} ({text})")
    return score


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Label three ways, compare, write. Nothing is drawn: every seed gives the same."""
    from hybrid.harmony.shipped import load_analyser

    piece = values.text("piece")
    score = read_piece(piece)
    beats = beats_of(score)
    evidence = values.number("evidence")
    others = [
        log_seen(beats_of(chorale_score(chorale)), evidence)
        for number, chorale in load_chorales().items()
        if str(number) != piece
    ]
    move, curve = first_moves(values.number("hold")), [0.0]
    if values.integer("rounds"):
        move, curve = fit_moves(move, others, values.integer("rounds"))
    seen = log_seen(beats, evidence)
    trellis = viterbi(seen, wide(move))
    (sure,), _, _ = expect(wide(move), [seen])
    analysis = load_analyser().analyse(score)
    key = score.key_at(0) or Key(0, "major")
    labels = {
        "templates": [label_of(chord, key) for chord in label_by_templates(beats)],
        "hmm": [label_of(chord, key) for chord in trellis.path()],
        "network": per_beat(analysis, beats),
    }
    panels = Panels(score, beats, labels, trellis, sure, curve, key)
    agreed = {way: agreement(labels[way], labels["network"]) for way in WAYS[:2]}
    facts = (
        ("Beats", str(len(beats))),
        (
            "Templates agree with the network",
            f"{agreed['templates'][0]:.0%} root, {agreed['templates'][1]:.0%} root and triad",
        ),
        (
            "HMM agrees with the network",
            f"{agreed['hmm'][0]:.0%} root, {agreed['hmm'][1]:.0%} root and triad",
        ),
        (
            "Changes of label: templates, HMM, network",
            ", ".join(str(changes_of(labels[way])) for way in WAYS),
        ),
        ("Beats where not all three agree", str(len(panels.apart))),
    )
    return write_labels(score, panels, analysis, values, facts)


def write_labels(
    score: Score,
    panels: Panels,
    analysis: Analysis,
    values: Values,
    facts: tuple[tuple[str, str], ...],
) -> Demonstration:
    """The piece with a harp that plays the labels of the setting ``sound``, and their steps."""
    beats, labels = panels.beats, panels.labels
    ledger = Ledger()
    _copy(score, ledger)
    ledger.track(PART, program=46, clef="treble")
    player, sound = ChordPlayer(), values.text("sound")
    lyrics = []
    for beat, (start, end) in enumerate(zip(beats.starts, beats.ends, strict=True)):
        parents = {way: _decide(ledger, panels, way, beat, start) for way in WAYS}
        label = labels[sound][beat]
        for pitch, spelling in player.position(label.tones):
            ledger.note(
                PART,
                start,
                end - start,
                pitch,
                maker="chord player",
                choice=f"a note of {label.name}, the label by {sound}",
                velocity=46,
                spelling=spelling,
                parent=parents[sound],
            )
        for verse, way in enumerate(WAYS, start=1):
            if not beat or labels[way][beat].name != labels[way][beat - 1].name:
                lyrics.append(Lyric(start, labels[way][beat].name, verse))
        panels.beat(beat)
    panels.close()
    ledger.change(PART, lyrics=tuple(lyrics))
    new, trace = ledger.close(
        title=f"{score.title or 'A piece'}, labelled three ways",
        tempos=(Tempo(0, values.number("tempo")),),
        metres=score.metres,
        keys=score.keys,
        pickup_ticks=score.pickup_ticks,
        counts={"beats": len(beats), "chords of the network": len(analysis.chords)},
    )
    return Demonstration(new, trace, Machine(panels.panels, tuple(panels.steps)), facts)


def _copy(score: Score, ledger: Ledger) -> None:
    """The piece's own parts, as they are."""
    for number, track in enumerate(score.tracks):
        taken = track.name in (*ledger.tracks, PART, "")
        name = f"{track.name or 'part'} {number + 1}" if taken else track.name
        ledger.track(name, program=track.program, is_drum=track.is_drum, clef=track.clef)
        for note in track.notes:
            onset, length, pitch, velocity, voice, spelling = (int(value) for value in note)
            ledger.note(
                name,
                onset,
                length,
                pitch,
                maker=score.title or "the piece",
                choice=note_name(pitch, spelling) + ", as written",
                velocity=velocity,
                voice=voice,
                spelling=spelling,
            )


def _decide(ledger: Ledger, panels: Panels, way: str, beat: int, tick: int) -> int:
    label = panels.labels[way][beat]
    rejected: Sequence[str] = ()
    chance = None
    choice = label.name
    if way == "templates":
        sums = template_sums(panels.beats.segments[beat], panels.beats.bass[beat])
        rejected = [f"{panels.symbol(item.chord)}: {item.total:g}" for item in sums[1:4]]
        choice = f"{label.name}: {sums[0].total:g}"
    elif way == "hmm":
        order = np.argsort(-panels.sure[beat], kind="stable")[:4]
        rejected = [
            f"{panels.symbol(int(chord))}: {panels.sure[beat, chord]:.2f}"
            for chord in order
            if chord != panels.path[beat]
        ]
        chance = float(min(1.0, panels.sure[beat, panels.path[beat]]))
    else:
        choice, chance = f"{label.name}: {label.numeral}", label.probability
    return ledger.decide(
        "label", way, choice, tick=tick, probability=chance, rejected=tuple(rejected)
    )


EXHIBIT = Exhibit(
    name="chord-labelling",
    title="Chord labels three ways",
    year="2002",
    people=(
        "Bryan Pardo",
        "William Birmingham",
        "Christopher Raphael",
        "Joshua Stoddard",
    ),
    summary="Templates, a hidden Markov model and a graph neural network name a chorale's chords.",
    story=(
        "Which chord is this? Pardo and Birmingham (2002) laid a template over the notes of a "
        "moment: what a chord's tones explain counts for it, what they leave over counts against "
        "it, and so does a tone that is missing. Each moment is judged alone, so a passing note "
        "is enough to change the name.",
        "Raphael and Stoddard (2004) let the chords be hidden states that follow each other by "
        "chance and give out the notes; Sheh and Ellis (2003) did so for recordings. Viterbi's "
        "algorithm finds the one chain that is likeliest as a whole: a name that the neighbours "
        "make unlikely has to be paid for. Here the chances that chords follow each other come "
        "from the tables of this package's harmony grammar; then Baum-Welch fits them to the "
        "other chorales.",
        "The third reader is this package's own analyser, a graph neural network that was trained "
        "on analyses by people. It hears key, inversion and passing notes all at once. It is no "
        "judge: it errs as well, and some of these chorales may have been among its lessons. No. "
        "22 was picked because it shows the three apart; in most the HMM gains less.",
        "Under the harp's staff stand the labels where they change: first line templates, second "
        "HMM, third network. The harp plays one of them, by the setting sound. The row apart in "
        "the ribbons names who is alone: T, H or N; 3 means three opinions.",
    ),
    parameters=(
        Parameter(
            "piece",
            "22",
            "Number of a shipped chorale in the collection of 371, or the path of a score.",
            check=check_piece,
            allowed="the number of a shipped chorale or the path of a score",
        ),
        Parameter("hold", 0.5, "Chance that a chord stays another beat.", low=0.0, high=0.95),
        Parameter(
            "evidence", 2.0, "Draws that a quarter of a note counts for.", low=0.1, high=20.0
        ),
        Parameter("rounds", 2, "Rounds of Baum-Welch on the other chorales.", low=0, high=12),
        Parameter("sound", "hmm", "Whose labels the harp plays.", choices=WAYS),
        Parameter("tempo", 66.0, "Quarters a minute.", low=30.0, high=200.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "sums of templates",
            "faithful",
            "memory",
            "For, less against, less missing; equal sums by the weight of the root.",
        ),
        Fidelity(
            "segments",
            "simplified",
            "memory",
            "Every beat is one. Pardo and Birmingham search for the best cuts as well.",
        ),
        Fidelity(
            "templates",
            "simplified",
            "memory",
            "Their six and the minor seventh, which is ours. Where equal sums remain, we take the "
            "bass for the root; for diminished sevenths they look at the chord that follows.",
        ),
        Fidelity(
            "Viterbi, Baum-Welch",
            "faithful",
            "computed",
            "Against all paths on small cases; the likelihood never falls.",
        ),
        Fidelity(
            "states",
            "simplified",
            "memory",
            "84 chords without keys. Raphael and Stoddard's states hold tonic, mode and chord, so "
            "that they read keys and functions too.",
        ),
        Fidelity(
            "what a chord gives out",
            "invented",
            "ours",
            "Set by the template and never learned; the bass counts apart. The constants were "
            "set by hand, after a few tries on these chorales against the network's labels.",
        ),
        Fidelity(
            "notes instead of recordings",
            "simplified",
            "memory",
            "Sheh and Ellis learned Gaussians of chroma from sound; here notes are read.",
        ),
        Fidelity(
            "first bigrams",
            "invented",
            "ours",
            "The weights of the package's chord tables, which were set by hand after textbooks.",
        ),
        Fidelity(
            "the network",
            "faithful",
            "computed",
            "The analyser that ships, as `hybrid analyse` runs it; of a beat the chord that fills "
            "most of it.",
        ),
        Fidelity(
            "agreement",
            "invented",
            "ours",
            "Share of beats with the same root, and with the same root and triad; sevenths are not "
            "compared. Suspended, augmented and augmented sixth chords have no template and never "
            "agree in triad. Agreement with the network is not correctness.",
        ),
    ),
    citations=(
        "Pardo, B., & Birmingham, W. P. (2002). Algorithms for chordal analysis. Computer Music "
        "Journal 26(2), 27-49.",
        "Raphael, C., & Stoddard, J. (2004). Functional harmonic analysis using probabilistic "
        "models. Computer Music Journal 28(3), 45-52.",
        "Sheh, A., & Ellis, D. P. W. (2003). Chord segmentation and recognition using EM-trained "
        "hidden Markov models. Proceedings of ISMIR.",
        "Bach, J. S. Four-part chorales. DCMLab/bach_chorales v2.0, CC0 1.0.",
    ),
    exercises=(
        "Find a beat marked T. Which note misled the templates: passing, neighbour, suspension?",
        "Set `evidence=20`, then `evidence=0.3`. Which way do the labels of the HMM go, and why?",
        "Set `hold=0.95`. How many changes are left, and which chords are swallowed?",
        "Set `rounds=0`, then `rounds=12`. Does the HMM come nearer to the network? A likelier "
        "model need not name chords as people do.",
        "Find a beat marked N. Label it yourself, with its neighbours: who is right?",
    ),
)
