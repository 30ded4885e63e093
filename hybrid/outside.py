"""Files and scores from outside: checked, mended, rendered, heard, made into training sets."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid.core.analysis import SEVERITIES, Analysis, Finding
from hybrid.core.errors import ConfigError, ConflictError, PlanError
from hybrid.core.score import Score
from hybrid.core.seeds import check_seed
from hybrid.pipeline import (
    DEFAULT_REPAIRS,
    Piece,
    Progress,
    Written,
    compose,
    load_analyser,
    make_engine,
    silent,
)

if TYPE_CHECKING:
    from hybrid.audio_refiner.pairs_sources import SourcePiece
    from hybrid.metrics.note_f1 import NoteScores
    from hybrid.repair.files import MendedFile
    from hybrid.theory.explain import RateRow


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
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the notes of a sound file as MIDI.

    Parameters
    ----------
    path, target : Path
    threshold : float, optional
        Probability from which an onset counts, 0..1; that of the decoder where left out.
    drums : bool
        Whether drums are written.

    Returns
    -------
    dict
        ``notes``, ``drums``: how many; ``seconds`` of sound; ``weights``: their SHA-256.
    """
    from dataclasses import replace

    from hybrid.io.midi import write_midi
    from hybrid.transcription import transcribe as ear
    from hybrid.transcription.decoding import Thresholds
    from hybrid.transcription.notes import score_of
    from hybrid.transcription.sound import FileSource
    from hybrid.transcription.weights import load_transcriber

    limits = Thresholds()
    if threshold is not None:
        if not 0.0 < threshold < 1.0:
            raise ConfigError(f"threshold must be between 0 and 1, got {threshold}")
        limits = replace(limits, onset=threshold, drums=threshold)
    source = FileSource(path)
    try:
        network, _, digest = load_transcriber()
        notes = ear.transcribe(
            source, network, limits, lambda share: progress("transcription", share)
        )
    finally:
        source.close()
    kept = notes if drums else notes[~notes["drum"]]
    write_midi(score_of(kept, path.stem), target)
    return {
        "notes": int((~kept["drum"]).sum()),
        "drums": int(kept["drum"].sum()),
        "seconds": source.n_samples / source.sample_rate,
        "weights": digest,
    }


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


@dataclass(frozen=True)
class CheckReport:
    """Findings of a score beside the rates of Bach's chorales.

    Attributes
    ----------
    findings : tuple of Finding
        Of the severity asked for and above, by place.
    n_errors : int
        Findings of severity ``error``.
    rows : tuple of RateRow
        Each rule that was found, per 1,000 onset slices, beside Bach.
    """

    findings: tuple[Finding, ...]
    n_errors: int
    rows: tuple[RateRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "n_errors": self.n_errors,
            "findings": Analysis(findings=self.findings).to_dict()["findings"],
            "rates_per_1000_slices": {
                row.rule: {"here": row.rate, "bach": row.bach} for row in self.rows
            },
        }


def check_score(
    score: Score,
    *,
    rules: str = "chorale",
    severity: str = "warning",
    cantus: str | None = None,
) -> CheckReport:
    """Check the part-writing of any score.

    Parameters
    ----------
    score : Score
    rules : str
        A rule set of `hybrid.theory.load_rule_set`.
    severity : str
        Least severity of the findings kept.
    cantus : str, optional
        Voice with the cantus firmus, as in `hybrid.theory.check`.

    Raises
    ------
    ConfigError
        If the rule set or the severity is unknown.
    ScoreError
        If the rule set asks for a cantus firmus that is not to be found.
    """
    from hybrid.theory import check, load_rule_set, slice_score
    from hybrid.theory.explain import beside_bach

    if severity not in SEVERITIES:
        raise ConfigError(f"severity must be one of {', '.join(SEVERITIES)}, got {severity!r}")
    wanted = SEVERITIES[: SEVERITIES.index(severity) + 1]
    rule_set = load_rule_set(rules)
    found = check(score, rules=rule_set, cantus=cantus)
    shown = tuple(finding for finding in found if finding.severity in wanted)
    n_errors = sum(finding.severity == "error" for finding in found)
    rows = beside_bach(found, len(slice_score(score)), rule_set)
    return CheckReport(shown, n_errors, tuple(row for row in rows if row.findings))


def repair_score(
    score: Score,
    *,
    rules: str = "chorale",
    engine: str = "rules",
    seed: int = 1,
    severity: str = "error",
    repairs: int = DEFAULT_REPAIRS,
    progress: Progress = silent,
) -> MendedFile:
    """Mend the part-writing of any score with the smallest change that can be found.

    Parameters
    ----------
    score : Score
    rules : str
        A rule set of `hybrid.theory.load_rule_set`.
    engine : str
        Writes bars anew where one or two other pitches do not help.
    seed : int
    severity : str
        Least severity of the findings that are mended.
    repairs : int
        Findings that are tried.

    Raises
    ------
    ConfigError
        If the rule set, the engine or the severity is unknown.
    ScoreError
        If there is something to mend but no plan can be read.
    """
    from hybrid.repair.files import mend_score

    check_seed(seed)
    if severity not in SEVERITIES:
        raise ConfigError(f"severity must be one of {', '.join(SEVERITIES)}, got {severity!r}")
    writer = make_engine(engine, progress)
    return mend_score(
        score,
        [writer] if engine == "rules" else [writer, make_engine("rules")],
        rules,
        seed,
        severities=SEVERITIES[: SEVERITIES.index(severity) + 1],
        budget=repairs,
        hear=load_analyser,
        progress=lambda share: progress("repair", share),
    )


def save_repair(
    file: MendedFile,
    folder: str | Path,
    name: str,
    *,
    record: Mapping[str, Any] | None = None,
    page: bool = True,
    force: bool = False,
    progress: Progress = silent,
) -> tuple[Written, ...]:
    """Write what came of `repair_score` into a folder, which appears whole or not at all.

    Parameters
    ----------
    file : MendedFile
    folder : str or Path
    name : str
        Of the score files, without suffix.
    record : mapping, optional
        What the caller chose; stands in ``repair.json``.

    Raises
    ------
    HybridError
        If the folder holds something else (and ``force`` is off) or cannot be written.
    """
    from hybrid.core.provenance import provenance
    from hybrid.io.atomic import atomic_folder
    from hybrid.io.midi import write_midi
    from hybrid.io.musicxml import score_to_musicxml
    from hybrid.repair.files import with_markers
    from hybrid.repair.marking import coloured, marks_of

    options = dict(record or {})
    with atomic_folder(Path(folder), force=force) as place:
        progress("files", 0.0)
        text, losses = score_to_musicxml(file.score)
        notes = [(number, repair.new) for number, repair in enumerate(file.taken, start=1)]
        marked = coloured(text, *marks_of(file.score, notes))
        (place / f"{name}.musicxml").write_text(marked, encoding="utf-8")
        more = write_midi(with_markers(file), place / f"{name}.mid")
        values = {
            **file.to_dict(),
            "losses": sorted({*losses, *more}),
            "provenance": provenance(int(options.get("seed", 0)), options),
        }
        report = json.dumps(values, indent=1, ensure_ascii=False) + "\n"
        (place / "repair.json").write_text(report, encoding="utf-8")
        written = [
            Written(f"{name}.musicxml", "the score, changed notes in colour"),
            Written(f"{name}.mid", "MIDI with a marker for each change"),
            Written("repair.json", "findings before and after, and each change"),
        ]
        if page:
            from hybrid.report.repair_page import build_repair_page

            built = build_repair_page(file, name, lambda share: progress("page", share))
            (place / "index.html").write_text(built, encoding="utf-8")
            written.append(Written("index.html", "the piece being mended, step by step, offline"))
    return tuple(written)
