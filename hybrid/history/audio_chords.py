"""Chords from sound: a spectrum told apart into keys, then the same three ways of labelling."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.core.pitch import Key
from hybrid.core.score import TICKS_PER_QUARTER, Score, Track, make_notes
from hybrid.core.timeline import Tempo
from hybrid.history.chorales import load_chorales
from hybrid.history.chord_chain import expect, first_moves, log_seen, viterbi, wide
from hybrid.history.chord_labelling import WAYS, check_piece, read_piece, write_labels
from hybrid.history.chord_labelling_panels import Panels
from hybrid.history.chord_labels import Label, agreement, label_of, per_beat
from hybrid.history.chord_templates import Beats, beats_of, label_by_templates
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.panels import Picture
from hybrid.history.parameters import Parameter, Values

if TYPE_CHECKING:
    from hybrid.core.audio import Audio

#: Longest piece in beats: to write down the notes takes half as long as the sound lasts.
MAX_BEATS = 72
PROGRAMS = {"organ": 19, "piano": 0, "strings": 48, "choir": 52, "guitar": 24}
#: A pitch class softer than this share of the beat's loudest is taken for nothing.
FAINT = 0.15
#: The bass is the lowest key of at least this share of the beat's loudest.
BASS_SHARE = 0.25
#: What is heard in a beat is taken for so many notes.
VOICES = 4.0


def hear_beats(keys: NDArray[np.float64], beats: Beats) -> Beats:
    """What sounds in each beat, heard instead of read.

    Parameters
    ----------
    keys : np.ndarray, shape (T, 88), float64
        Of `hybrid.transcription.key_levels.key_levels`.
    beats : Beats
        The written ones; only their places are taken.
    """
    from hybrid.transcription.features import LOWEST
    from hybrid.transcription.key_levels import folded

    chroma = folded(keys)
    top = chroma.max(axis=1, keepdims=True)
    chroma = np.where(chroma >= FAINT * np.maximum(top, 1e-12), chroma, 0.0)
    total = chroma.sum(axis=1, keepdims=True)
    shares = chroma / np.where(total > 0, total, 1.0)
    bass = []
    for row in keys:
        loud = np.flatnonzero(row >= BASS_SHARE * row.max()) if row.any() else np.empty(0, int)
        bass.append((LOWEST + int(loud[0])) % 12 if len(loud) else -1)
    length = (np.array(beats.ends) - np.array(beats.starts))[:, None] / TICKS_PER_QUARTER
    return replace(
        beats, segments=VOICES * shares, quarters=VOICES * shares * length, bass=tuple(bass)
    )


def heard_score(score: Score, notes: NDArray[Any]) -> Score:
    """Notes that were written down from sound, on the piece's own beats, to sixteenths."""
    step = score.ticks_per_quarter // 4
    pitched = notes[~notes["drum"]]
    onset = step * np.round(score.tempo_map.to_ticks(pitched["onset"]) / step).astype(int)
    end = step * np.round(score.tempo_map.to_ticks(pitched["end"]) / step).astype(int)
    rows = sorted(
        {
            (int(on), max(step, int(off - on)), int(note["pitch"]), int(note["velocity"]))
            for on, off, note in zip(onset, end, pitched, strict=True)
        }
    )
    track = Track("heard", make_notes(rows))
    length = max(score.length, track.end)
    return replace(score, tracks=(track,), keys=(), repeats=(), length=length)


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Play, listen, label three ways, compare. Nothing is drawn: every seed gives the same."""
    from hybrid.harmony.shipped import load_analyser
    from hybrid.render import render
    from hybrid.transcription.features import levels
    from hybrid.transcription.key_levels import key_levels
    from hybrid.transcription.sound import MemorySource, MonoReader
    from hybrid.transcription.transcribe import transcribe_audio
    from hybrid.transcription.weights import load_transcriber

    score = played_piece(values)
    written = beats_of(score)
    audio: Audio = render(score).mix
    reader = MonoReader(MemorySource(audio))
    sharp = levels(reader.read(0, reader.n_samples))[0]
    starts = score.tempo_map.to_seconds(np.array(written.starts))
    ends = score.tempo_map.to_seconds(np.array(written.ends))
    keys = key_levels(sharp, starts, ends)
    beats = hear_beats(keys, written)

    move = first_moves(values.number("hold"))
    seen = log_seen(beats, values.number("evidence"))
    trellis = viterbi(seen, wide(move))
    (sure,), _, _ = expect(wide(move), [seen])
    analyser = load_analyser()
    notes = heard_score(score, transcribe_audio(audio, load_transcriber()[0]))
    if not len(notes.tracks[0].notes):
        raise ConfigError(f"notes must be heard in piece {values.text('piece')!r}, got none")
    analysis = analyser.analyse(notes)
    key = score.key_at(0) or Key(0, "major")
    labels: dict[str, list[Label]] = {
        "templates": [label_of(chord, key) for chord in label_by_templates(beats)],
        "hmm": [label_of(chord, key) for chord in trellis.path()],
        "network": per_beat(analysis, beats),
    }
    read = per_beat(analyser.analyse(score), beats)
    panels = Panels(score, beats, labels, trellis, sure, [0.0], key)
    _add_picture(panels, keys)
    names = {"templates": "Templates", "hmm": "HMM", "network": "Network on the notes heard"}
    facts = [("Beats", str(len(beats)))]
    for way in WAYS:
        root, triad = agreement(labels[way], read)
        facts.append(
            (
                f"{names[way]} against the network on the score",
                f"{root:.0%} root, {triad:.0%} triad",
            )
        )
    bass_right = np.mean(
        [one == other for one, other in zip(beats.bass, written.bass, strict=True)]
    )
    facts.append(("Lowest note heard right", f"{bass_right:.0%} of beats"))
    return write_labels(score, panels, analysis, values, tuple(facts))


def played_piece(values: Values) -> Score:
    """The piece at the tempo and with the sound that are set.

    Raises
    ------
    ConfigError
        If it is too long.
    """
    score = read_piece(values.text("piece"))
    n_beats = len(beats_of(score))
    if n_beats > MAX_BEATS:
        raise ConfigError(f"piece must have at most {MAX_BEATS} beats, got {n_beats}")
    program = PROGRAMS[values.text("instrument")]
    tracks = tuple(
        track if track.is_drum else replace(track, program=program) for track in score.tracks
    )
    return replace(score, tracks=tracks, tempos=(Tempo(0, values.number("tempo")),))


def _add_picture(panels: Panels, keys: NDArray[np.float64]) -> None:
    low, high = 12, 76  # keys shown, from A1: chords lie there
    picture = Picture(
        "keys",
        "How loud each key is heard, beat by beat",
        "Columns are beats, rows keys from A1 at the foot to C7; the brighter, the louder.",
        width=len(keys),
        height=high - low,
        x_name="beat",
        y_name="key",
        low="silent",
        high="the beat's loudest",
    )
    top = np.maximum(keys.max(axis=1, keepdims=True), 1e-12)
    first = panels.steps[0]
    shown = {"keys": picture.show(np.sqrt(keys / top).T[low:high])}
    panels.steps[0] = replace(first, states={**first.states, **shown})
    panels.panels = (picture, *panels.panels)


_NUMBERS = "the number of a shipped chorale or the path of a score"

EXHIBIT = Exhibit(
    name="audio-chords",
    title="Chords from sound",
    year="1999",
    people=("Takuya Fujishima", "Alexander Sheh", "Daniel Ellis", "Matthias Mauch", "Simon Dixon"),
    summary="Played sound is told apart into keys, and three ways of labelling name its chords.",
    story=(
        "Fujishima (1999) folded a spectrum into twelve pitch classes and laid templates of chords "
        "over them; Sheh and Ellis (2003) put a hidden Markov model behind them, so that a chord "
        "that lasts outweighs a moment's noise. A spectrum does not show notes: every tone brings "
        "its harmonics, and the third one of a bass looks like a fifth. Mauch and Dixon (2010) "
        "explain the spectrum as a sum of tones, each with harmonics that fade, none of them "
        "negative; what is left over is least when the right keys are pressed.",
        "Here a chorale is played, and that sound is all that templates and HMM get. The third "
        "reader takes a longer way: the package's transcriber writes down notes, and the graph "
        "neural network reads them as it would a score. Against each stands what the same network "
        "says of the real score: how much is lost from paper to ear?",
        "Only the beats are told, from the score; the exhibit of beats looks for them as well. "
        "The exhibit of chord labels does the same from written notes.",
    ),
    parameters=(
        Parameter(
            "piece",
            str(min(load_chorales())),
            "Number of a shipped chorale in the collection of 371, or the path of a score.",
            check=check_piece,
            allowed=_NUMBERS,
        ),
        Parameter("instrument", "organ", "That plays the piece.", choices=tuple(PROGRAMS)),
        Parameter("hold", 0.5, "Chance that a chord stays another beat.", low=0.0, high=0.95),
        Parameter(
            "evidence", 2.0, "Draws that a quarter of a note counts for.", low=0.1, high=20.0
        ),
        Parameter("sound", "hmm", "Whose labels the harp plays.", choices=WAYS),
        Parameter("tempo", 112.0, "Quarters a minute.", low=50.0, high=160.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "sum of tones",
            "simplified",
            "memory",
            "One spectrum for each beat, on three bins a semitone, against tones whose harmonics "
            "fade by 0.7; Mauch and Dixon do it for every frame and tune the scale first.",
        ),
        Fidelity(
            "templates",
            "simplified",
            "memory",
            "Those of the exhibit of chord labels; Fujishima had more kinds, and weights.",
        ),
        Fidelity(
            "hidden Markov model",
            "simplified",
            "memory",
            "Set by templates and by the package's chord tables; Sheh and Ellis learned Gaussians "
            "of chroma from recordings.",
        ),
        Fidelity("beats", "invented", "ours", "Told, not heard; a beat has one chord."),
        Fidelity(
            "sound",
            "simplified",
            "computed",
            "A synthesizer's, in tune and without singing; real recordings are harder.",
        ),
        Fidelity(
            "the network on notes that were heard",
            "faithful",
            "computed",
            "The transcriber and the analyser that ship, one after the other; neither was trained "
            "for the other.",
        ),
        Fidelity(
            "agreement",
            "invented",
            "ours",
            "Against the network's reading of the score, which errs as well: what is measured is "
            "what sound takes away, not who is right.",
        ),
    ),
    citations=(
        "Fujishima, T. (1999). Realtime chord recognition of musical sound: a system using Common "
        "Lisp Music. Proceedings of ICMC, 464-467.",
        "Sheh, A., & Ellis, D. P. W. (2003). Chord segmentation and recognition using EM-trained "
        "hidden Markov models. Proceedings of ISMIR.",
        "Mauch, M., & Dixon, S. (2010). Approximate note transcription for the improved "
        "identification of difficult chords. Proceedings of ISMIR, 135-140.",
        "Bach, J. S. Four-part chorales. DCMLab/bach_chorales v2.0, CC0 1.0.",
    ),
    exercises=(
        "Look at the picture of keys: which bright rows are no note of the score? Are they "
        "harmonics of one that is?",
        "Set `instrument=choir`, then `piano`. Which is harder to hear chords in, and why?",
        "Set `hold=0.9`. When does holding on help, when does it swallow a chord?",
        "Run `hybrid demo compare audio-chords chord-labelling` on the same piece: which labels "
        "does the ear get wrong that the eye gets right?",
        "Set `tempo=150`. What happens when beats are shorter?",
    ),
)
