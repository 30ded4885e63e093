"""A piece as a folder: scores, sound, produced sound, page, what made each note, provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid.core.analysis import Analysis
from hybrid.core.errors import ConfigError
from hybrid.core.score import Score
from hybrid.pipeline import Piece, Progress, silent

if TYPE_CHECKING:
    from hybrid.audio_refiner.production_passes import ProductionReport
    from hybrid.audio_refiner.refine import RefineOptions
    from hybrid.render import RenderReport

#: Bars that a page's analysis covers: as many as its engraving.
MAX_HEARD_BARS = 240
#: Every player and editor reads 24-bit PCM, which holds more than any SoundFont does.
WAV_SUBTYPE = "PCM_24"


@dataclass(frozen=True)
class SaveOptions:
    """What `save` writes and how it sounds.

    With a ``production`` (a style's name or file) the plain sound stays and what is produced
    from it stands beside it; ``strength`` says how far that goes, 0..1. ``refine_mode`` says
    what does the work (`hybrid.audio_refiner.shipped.MODES`); None takes the shipped refiner where
    one ships that measured better than plain effects, and plain effects elsewhere. Where such
    a refiner ships, sound is produced without being asked for as well, unless ``refine`` is
    False, which also leaves a ``production`` to the plain effects.

    Raises
    ------
    ConfigError
        If there is no such style or mode, or there is to be no sound to produce.
    """

    audio: bool = True
    page: bool = True
    stems: bool = False
    soundfont: str | None = None
    sample_rate: int = 44100
    loudness_lufs: float = -16.0
    production: str | None = None
    strength: float = 1.0
    refine_mode: str | None = None
    refine: bool = True
    force: bool = False

    def __post_init__(self) -> None:
        if not self.audio and (self.production is not None or self.refine_mode is not None):
            raise ConfigError("production must have sound to work on, got audio off")
        if not self.refine and self.refine_mode not in (None, "effects"):
            raise ConfigError(f"refine must be on for a refine_mode, got {self.refine_mode!r}")
        self.refining()

    def refining(self, seed: int = 1) -> RefineOptions | None:
        """How the sound is refined; None for not at all."""
        if not self.audio:
            return None
        from hybrid.audio_refiner.shipped import DEFAULT_PRODUCTION, MODES, default_mode

        mode = self.refine_mode or (default_mode() if self.refine else MODES[0])
        if self.production is None and self.refine_mode is None and mode == MODES[0]:
            return None
        from hybrid.audio_refiner.refine import RefineOptions

        return RefineOptions(
            production=self.production or DEFAULT_PRODUCTION,
            mode=mode,
            strength=self.strength,
            seed=seed,
        )


@dataclass(frozen=True)
class Written:
    """A file that `save` wrote: its name in the folder and what it is."""

    name: str
    description: str


def save(
    piece: Piece,
    folder: str | Path,
    options: SaveOptions | None = None,
    progress: Progress = silent,
) -> tuple[Written, ...]:
    """Write a piece into ``folder``, which appears whole or not at all.

    Returns
    -------
    tuple of Written
        The files in the order of their use.

    Raises
    ------
    HybridError
        If the folder holds something else (and ``force`` is off) or cannot be written.
    """
    from hybrid.io.atomic import atomic_folder

    with atomic_folder(Path(folder), force=bool(options and options.force)) as place:
        return _Writer(piece, place, options or SaveOptions(), progress).write()


class _Writer:
    """Writes one piece into a folder, file by file."""

    def __init__(self, piece: Piece, place: Path, options: SaveOptions, progress: Progress) -> None:
        self.piece, self.place, self.options, self.progress = piece, place, options, progress
        self.written: list[Written] = []
        self.losses: dict[str, list[str]] = {}
        self.produced: ProductionReport | None = None

    def write(self) -> tuple[Written, ...]:
        from hybrid.io.plan_toml import write_plan

        write_plan(self.piece.plan, self.place / "plan.toml")
        self._note("plan.toml", "the plan: edit it and give it back with --plan")
        report = None
        if self.piece.score is not None:
            self._write_scores(self.piece.score)
            if self.options.audio:
                report = self._write_sound(self.piece.score)
        record = self._provenance(report)
        if self.piece.score is not None and self.options.page:
            self._write_page(self.piece.score, record)
        self._write_json("provenance.json", record, "versions, seed, options and hashes")
        return tuple(self.written)

    def _note(self, name: str, description: str) -> None:
        self.written.append(Written(name, description))

    def _write_json(self, name: str, value: Any, description: str) -> None:
        text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=False)
        (self.place / name).write_text(text + "\n", encoding="utf-8")
        self._note(name, description)

    def _write_scores(self, score: Score) -> None:
        from hybrid.io.files import write_score
        from hybrid.io.straighten import engravable

        self.progress("files", 0.0)
        for name, description in (
            ("piece.mid", "MIDI with tempo, metre, key, markers and track names"),
            ("piece.musicxml", "the engraved score, for any notation program"),
        ):
            shown = engravable(score) if name.endswith(".musicxml") else score
            losses = write_score(shown, self.place / name)
            self.losses[name] = list(losses)
            self._note(name, description)
        analysis = self.piece.analysis.to_dict()
        if self.piece.agreement is not None:
            analysis["agreement"] = self.piece.agreement.to_dict()
        self._write_json("analysis.json", analysis, "chords, keys, cadences and rule findings")
        self._write_json("trace.json", self.piece.trace.to_dict(), "what made each note")

    def _write_sound(self, score: Score) -> RenderReport:
        from hybrid.render import RenderOptions, render_to_file

        self.progress("sound", 0.0)
        settings = RenderOptions(
            soundfont=self.options.soundfont,
            sample_rate=self.options.sample_rate,
            loudness=self.options.loudness_lufs,
        )
        stems = self.place / "stems" if self.options.stems else None
        report = render_to_file(
            score,
            self.place / "piece.wav",
            settings,
            stems_folder=stems,
            subtype=WAV_SUBTYPE,
            progress=lambda share: self.progress("sound", share),
        )
        self._note("piece.wav", f"the sound ({report.player}, {report.soundfont})")
        if stems is not None:
            self._note("stems/", "each track by itself, at the level it has in the mix")
        refining = self.options.refining(self.piece.seed)
        if refining is not None:
            self._produce(score, refining, stems)
        return report

    def _produce(self, score: Score, options: RefineOptions, stems: Path | None) -> None:
        from hybrid.audio_refiner.refine import SoundRefiner
        from hybrid.audio_refiner.roll import notes_of_score

        self.progress("production", 0.0)
        refiner = SoundRefiner(options)
        notes = notes_of_score(score) if options.needs_notes else None

        def made(source: Path, target: Path, track: int | None = None) -> ProductionReport:
            return refiner.refine(
                source,
                target,
                notes if notes is None or track is None else notes[notes["track"] == track],
                subtype=WAV_SUBTYPE,
                progress=lambda share: self.progress("production", share),
            )

        self.produced = made(self.place / "piece.wav", self.place / "produced.wav")
        self._note("produced.wav", f"the sound produced: {produced_by(self.produced)}")
        if stems is not None:
            # Each by itself, at the stem's own loudness; effects have the same chain and room.
            for stem in sorted(stems.iterdir()):
                track = int(stem.name.partition("-")[0]) - 1  # as `stem_names` numbers them
                made(stem, self.place / "produced-stems" / stem.name, track)
            self._note("produced-stems/", "each track by itself, produced")

    def _write_page(self, score: Score, record: Mapping[str, Any]) -> None:
        from hybrid.report import build_page

        self.progress("page", 0.0)
        sound = self.place / "piece.wav"
        page = build_page(
            self.piece.plan,
            score,
            self.piece.analysis,
            self.piece.trace,
            record,
            audio=sound if sound.exists() else None,
            musicxml=(self.place / "piece.musicxml").read_text(encoding="utf-8"),
            agreement=self.piece.agreement,
            heard=listen(score),
            progress=lambda share: self.progress("page", share),
        )
        (self.place / "index.html").write_text(page, encoding="utf-8")
        self._note("index.html", "everything to see and hear in one page, offline")

    def _provenance(self, report: RenderReport | None) -> dict[str, Any]:
        from hybrid.core.provenance import provenance, sha256_of

        hashes = {
            str(path.relative_to(self.place)): sha256_of(path)
            for path in sorted(self.place.rglob("*"))
            if path.is_file()
        }
        learned: dict[str, Any] = {}
        if self.piece.weights:
            learned["weights"] = dict(self.piece.weights)
        if self.options.page and self.piece.score is not None:
            from hybrid.harmony.shipped import shipped_weights

            learned["analyser"] = {path.name: sha256_of(path) for path in shipped_weights()}
        if self.piece.memorised:
            learned["memorised"] = dict(self.piece.memorised)
        return provenance(
            self.piece.seed,
            self.piece.options,
            **learned,
            sound=report.to_dict() if report else None,
            **({"production": self.produced.to_dict()} if self.produced else {}),
            losses=self.losses,
            files=hashes,
        )


def listen(score: Score, max_bars: int = MAX_HEARD_BARS) -> Analysis | None:
    """What the harmony analyser hears in the first bars of a score; None where nothing is pitched.

    Parameters
    ----------
    score : Score
    max_bars : int
        What comes later is left out: the page of a long piece shows no more.
    """
    from hybrid.harmony.shipped import load_analyser

    if not any(len(track.notes) for track in score.tracks if not track.is_drum):
        return None
    bars = score.bars
    until = bars[max_bars].start if len(bars) > max_bars else None
    return load_analyser().analyse(score, until)


def produced_by(report: ProductionReport) -> str:
    """The style, and what did the work where it is a network."""
    return report.style if report.mode == "effects" else f"{report.style} by {report.mode}"


def produced_line(report: ProductionReport) -> str:
    """One line about what was produced."""
    after = report.loudness_after
    level = "silence" if after is None else f"{after:.1f} LUFS"
    tail = (report.n_samples - report.n_samples_before) / report.sample_rate
    line = f"{produced_by(report)}, {report.seconds:.1f} s ({tail:.1f} s of them tail), {level}"
    target = report.loudness_target
    if report.limited_by == "peak" and target is not None:
        line += f", softer than {target:g} LUFS so that no peak clips"
    return line
