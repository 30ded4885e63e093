"""Sound from outside and for training: rendered, refined, written down as notes, made into sets."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid.core.errors import ConfigError, ConflictError, PlanError
from hybrid.core.score import Score
from hybrid.pipeline import (
    Piece,
    Progress,
    compose,
    silent,
)
from hybrid.saving import WAV_SUBTYPE

if TYPE_CHECKING:
    from hybrid.audio_refiner.pairs_sources import SourcePiece
    from hybrid.audio_refiner.production_passes import ProductionReport
    from hybrid.metrics.note_f1 import NoteScores


def render_file(
    score: Score,
    path: Path,
    *,
    soundfont: str | None = None,
    sample_rate: int = 44100,
    loudness_lufs: float = -16.0,
    stems: bool = False,
    progress: Progress = silent,
) -> tuple[str, ...]:
    """Render a score into a file, and stems into a folder beside it.

    Returns
    -------
    tuple of str
        Lines that say what was done.
    """
    from hybrid.render import RenderOptions, render_to_file

    settings = RenderOptions(soundfont=soundfont, sample_rate=sample_rate, loudness=loudness_lufs)
    folder = path.with_name(f"{path.stem}-stems") if stems else None
    report = render_to_file(
        score,
        path,
        settings,
        stems_folder=folder,
        progress=lambda share: progress("sound", share),
    )
    level = "silence" if report.loudness_after is None else f"{report.loudness_after:.1f} LUFS"
    lines = [
        f"{path}: {report.seconds:.1f} s, {level}, {report.player} {report.player_version}, "
        f"{report.soundfont}"
    ]
    if report.limited_by == "peak":
        lines.append(f"quieter than {loudness_lufs:g} LUFS so that no peak clips")
    if folder is not None:
        lines.append(f"{folder}: a file for each track")
    return (*lines, *report.notices)


def build_pairs(
    folder: Path,
    files: Mapping[str, int],
    *,
    seed: int = 1,
    seconds: float = 12.0,
    quality: float = 0.4,
    large_font: str | None = None,
    n_engine_pieces: int = 60,
    from_dir: Path | None = None,
    progress: Progress = silent,
) -> tuple[Path, ...]:
    """Make the audio pairs that the codec and the refiner are trained on.

    Parameters
    ----------
    folder : Path
    files : mapping
        Number of files by split, as in `hybrid.audio_refiner.pairs.build_pairs`.
    n_engine_pieces : int
        Pieces of our own among the scores, by the engine ``rules``.
    from_dir : Path, optional
        Folder of the corpora's folders; the data folder where left out.
    seed, seconds, quality, large_font
        As in `hybrid.audio_refiner.pairs.PairOptions`.
    """
    from hybrid.audio_refiner import pairs

    options = pairs.PairOptions(seed, seconds, quality, large_font)
    progress("corpora", 0.0)
    pieces = _pieces_to_play(from_dir, n_engine_pieces)
    return pairs.build_pairs(pieces, folder, files, options, lambda share: progress("pairs", share))


def build_renders(
    folder: Path,
    files: Mapping[str, int],
    *,
    seed: int = 1,
    seconds: float = 12.0,
    n_engine_pieces: int = 60,
    from_dir: Path | None = None,
    progress: Progress = silent,
) -> tuple[Path, ...]:
    """Make the plain renders that the transcriber is trained on; parameters as `build_pairs`."""
    from hybrid.audio_refiner.dry_sets import build_dry
    from hybrid.audio_refiner.pairs import PairOptions

    options = PairOptions(seed, seconds)
    progress("corpora", 0.0)
    pieces = _pieces_to_play(from_dir, n_engine_pieces)
    return build_dry(pieces, folder, files, options, lambda share: progress("renders", share))


def transcribe_file(
    path: Path,
    target: Path,
    *,
    threshold: float | None = None,
    drums: bool = True,
    beats: bool = True,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the notes of a sound file as a score.

    Parameters
    ----------
    path, target : Path
        The target's suffix names its format. MIDI keeps the notes' times as they were played;
        what is engraved gets plain note values.
    threshold : float, optional
        Probability from which an onset counts, 0..1; that of the decoder where left out.
    drums : bool
        Whether drums are written.
    beats : bool
        Whether the tempo follows the sound's beats, and bar lines its bars; else a tick is a
        millisecond.

    Returns
    -------
    dict
        ``notes``, ``drums``: how many; ``seconds`` of sound; ``tempo`` in beats a minute (the
        median) and ``beats_a_bar``, or None; ``weights``: their SHA-256.

    Raises
    ------
    ConfigError
        If the threshold is out of its range.
    FormatError
        If the file is no sound, or the target's suffix no format.
    """
    from hybrid.io.files import format_of, write_score
    from hybrid.io.straighten import engravable

    plays = format_of(target) == format_of("score.mid")
    score, facts = _heard_score(path, threshold, drums, beats, progress)
    write_score(score if plays else engravable(score), target)
    return facts


def _heard_score(
    path: Path, threshold: float | None, drums: bool, beats: bool, progress: Progress
) -> tuple[Score, dict[str, Any]]:
    """The score of what is heard in a sound file, and the facts that `transcribe_file` gives."""
    from dataclasses import replace

    import numpy as np

    from hybrid.transcription import transcribe as ears
    from hybrid.transcription.barred import barred_score
    from hybrid.transcription.bars import BarEar
    from hybrid.transcription.decoding import Thresholds
    from hybrid.transcription.notes import score_of
    from hybrid.transcription.sound import FileSource
    from hybrid.transcription.weights import load_transcriber

    limits = Thresholds()
    if threshold is not None:
        if not 0.0 < threshold < 1.0:
            raise ConfigError(f"threshold must be between 0 and 1, got {threshold}")
        limits = replace(limits, onset=threshold, drums=threshold)
    ear = BarEar() if beats else None
    source = FileSource(path)
    try:
        network, _, digest = load_transcriber()
        notes = ears.transcribe(
            source, network, limits, lambda share: progress("transcription", share), ear=ear
        )
    finally:
        source.close()
    kept = notes if drums else notes[~notes["drum"]]
    facts: dict[str, Any] = {
        "notes": int((~kept["drum"]).sum()),
        "drums": int(kept["drum"].sum()),
        "seconds": source.n_samples / source.sample_rate,
        "tempo": None,
        "beats_a_bar": None,
        "weights": digest,
    }
    bars = ear.bars() if ear is not None else None
    if bars is None or len(bars.beats) < 2:
        return score_of(kept, path.stem), facts
    facts["tempo"] = round(60 / float(np.median(np.diff(bars.beats))), 1)
    facts["beats_a_bar"] = bars.n_beats
    return barred_score(kept, bars, path.stem), facts


def replay_file(
    path: Path,
    target: Path,
    *,
    instrument: str | None = None,
    transpose: int = 0,
    threshold: float | None = None,
    soundfont: str | None = None,
    notes: Path | None = None,
    progress: Progress = silent,
) -> tuple[str, ...]:
    """Sound to notes to new sound: write down what is heard and play it anew.

    Hawthorne, C. et al. (2019). Enabling factorized piano music modeling and generation with the
    MAESTRO dataset. ICLR. arXiv:1810.12247. (Wave2Midi2Wave)

    Parameters
    ----------
    path, target : Path
    instrument : str, optional
        That plays all notes but drums; the piano where left out.
    transpose : int
        Semitones, -48 to 48; drums stay.
    threshold : float, optional
        As in `transcribe_file`.
    soundfont : str, optional
        Name or path.
    notes : Path, optional
        Where the notes between are written as well.

    Returns
    -------
    tuple of str
        Lines that say what was done.

    Raises
    ------
    ConfigError
        If an option is out of its range.
    FormatError
        If the file is no sound, or ``notes`` has no suffix of a score.
    """
    from dataclasses import replace

    from hybrid.core.instruments import instrument as named
    from hybrid.io.files import format_of, write_score

    if not -48 <= transpose <= 48:
        raise ConfigError(f"transpose must be -48 to 48 semitones, got {transpose}")
    program = named(instrument).program if instrument is not None else 0
    if notes is not None:
        format_of(notes)
    score, facts = _heard_score(path, threshold, True, True, progress)
    moved = score.transposed(transpose) if transpose else score
    played = replace(
        moved,
        tracks=tuple(
            before if before.is_drum else replace(track, program=program)
            for track, before in zip(moved.tracks, score.tracks, strict=True)
        ),
    )
    if not any(len(track.notes) for track in played.tracks):
        raise ConfigError(f"no notes were heard in {path}: there is nothing to play")
    lines = [f"{path}: {facts['notes']} notes and {facts['drums']} drums heard"]
    lines += render_file(played, target, soundfont=soundfont, progress=progress)
    if notes is not None:
        write_score(played, notes)
        lines.append(str(notes))
    return tuple(lines)


def note_figures(sound: Path, midi: Path, progress: Progress = silent) -> dict[str, NoteScores]:
    """How many notes of a MIDI file the transcriber hears in a sound.

    Returns
    -------
    dict
        ``keys`` and ``drums``.

    Raises
    ------
    FormatError
        If a file cannot be read.
    ConfigError
        If notes begin a second or more after the sound's end.
    """
    from hybrid.io.midi import read_midi
    from hybrid.metrics.note_f1 import note_scores
    from hybrid.transcription import transcribe as ear
    from hybrid.transcription.notes import flattened, heard_of_score
    from hybrid.transcription.sound import FileSource
    from hybrid.transcription.weights import load_transcriber

    written = flattened(heard_of_score(read_midi(midi, "drop").score))
    source = FileSource(sound)
    try:
        seconds = source.n_samples / source.sample_rate
        last = float(written["onset"].max()) if len(written) else 0.0
        if last > seconds + 1.0:
            raise ConfigError(
                f"{midi} must fit {sound}, got notes up to {last:.1f} s for {seconds:.1f} s"
            )
        network, _, _ = load_transcriber()
        heard = flattened(
            ear.transcribe(source, network, None, lambda share: progress(sound.name, share))
        )
    finally:
        source.close()
    return {
        name: note_scores(written[written["drum"] == drum], heard[heard["drum"] == drum])
        for name, drum in (("keys", False), ("drums", True))
    }


def note_rows(
    reference: Path, estimate: Path, midi: Path, progress: Progress = silent
) -> dict[str, dict[str, float | None]]:
    """`note_figures` of two sounds, or of two folders of sounds with a folder of MIDI files.

    Returns
    -------
    dict
        A row for each of both sides and of keys and drums: ``reference keys`` and so on; of
        folders over all their files that have a MIDI file of their name.

    Raises
    ------
    ConfigError
        If there is a folder on one side and a file on another, or no MIDI file fits.
    """
    from hybrid.metrics.audio_compare import sounds_of
    from hybrid.metrics.note_f1 import NoteScores

    if midi.is_dir() != reference.is_dir():
        raise ConfigError("midi must be a file for files and a folder for folders, got the other")
    rows: dict[str, dict[str, float | None]] = {}
    for side, place in (("reference", reference), ("estimate", estimate)):
        if midi.is_dir():
            named = {path.stem: path for path in sorted(midi.iterdir()) if path.suffix == ".mid"}
            found = sounds_of(place)
            jobs = [(path, named[name]) for name, path in found.items() if name in named]
            if not jobs:
                raise ConfigError(
                    f"{midi} must have MIDI files named as sounds of {place}, got none"
                )
        else:
            jobs = [(place, midi)]
        sums = {"keys": NoteScores(), "drums": NoteScores()}
        for sound, notes in jobs:
            for part, scores in note_figures(sound, notes, progress).items():
                sums[part] += scores
        for part, scores in sums.items():
            if scores.n_reference:
                rows[f"{side} {part}"] = scores.to_dict()
    return rows


def _pieces_to_play(from_dir: Path | None, n_engine_pieces: int) -> list[SourcePiece]:
    """Scores of corpora and of our own that training sounds are rendered from."""
    from hybrid.audio_refiner import pairs_sources
    from hybrid.grammar.forms import FORMS
    from hybrid.symbolic_transformer.chorale_corpus import read_chorale_corpus
    from hybrid.symbolic_transformer.chorale_splits import chorale_splits
    from hybrid.symbolic_transformer.pop_corpus import pop_split
    from hybrid.symbolic_transformer.quartet_corpus import composer_split

    chorales, _ = read_chorale_corpus(from_dir)
    # A chorale of another split's tune may be trained on under no name.
    splits = {
        number: match.split
        for (_, number), match in chorale_splits(["bach_chorales"]).items()
        if match.is_same
    }

    def compose_one(number: int) -> Score:
        form = sorted(FORMS)[number % len(FORMS)]
        with contextlib.suppress(ConfigError, PlanError, ConflictError):
            return _score(compose(form=form, minutes=1.0, seed=number, engine="rules"))
        return _score(compose(seed=number, minutes=1.0, engine="rules"))

    return [
        *pairs_sources.quartets(from_dir, composer_split),
        *pairs_sources.given("chorales", chorales, splits),
        *pairs_sources.pop(from_dir, pop_split),
        *pairs_sources.groove(from_dir),
        *pairs_sources.composed(n_engine_pieces, compose_one),
    ]


def _score(piece: Piece) -> Score:
    assert piece.score is not None  # it was not asked for a plan only
    return piece.score


def refine_file(
    source: Path,
    target: Path,
    *,
    midi: Path | None = None,
    progress: Progress = silent,
    **options: Any,
) -> ProductionReport:
    """Refine a sound file into another one; 24 bits, as all sound that is handed over.

    Parameters
    ----------
    source, target : Path
    midi : Path, optional
        What the source plays: the modes ``mapper`` and ``tokens`` need it, ``effects`` only checks
        that it fits. Without it the mode is ``effects`` where none is named.
    progress : callable
        Called with a stage's name and the share of it that is done.
    **options
        Fields of `hybrid.audio_refiner.refine.RefineOptions`.

    Raises
    ------
    ConfigError
        If the style, the mode or a number is out of range, or weights are missing.
    FormatError
        If the source is no sound, or the MIDI file none or not of the sound.
    """
    from hybrid.audio_refiner.refine import RefineOptions, SoundRefiner, check_fit, notes_of_file

    if midi is None and options.get("mode") is None:
        options["mode"] = "effects"
    refiner = SoundRefiner(RefineOptions(**options))
    notes = None
    if midi is not None:
        notes = notes_of_file(midi)
        check_fit(notes, source)
    return refiner.refine(
        source,
        target,
        notes,
        subtype=WAV_SUBTYPE,
        progress=lambda share: progress("production", share),
    )
