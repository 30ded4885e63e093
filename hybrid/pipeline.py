"""The stages joined: form -> plan -> notes -> check -> sound -> files.

import hybrid

piece = hybrid.compose(form="rondo", key="G minor", minutes=2, seed=7)
print(piece.headline)
hybrid.save(piece, "out")
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid.core.analysis import Analysis
from hybrid.core.engine import Engine
from hybrid.core.errors import ConfigError, ConflictError, PlanError
from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan
from hybrid.core.score import Score
from hybrid.core.seeds import check_seed, stage_rng
from hybrid.core.timeline import Metre
from hybrid.core.trace import Trace, TraceEntry

if TYPE_CHECKING:
    from hybrid.audio_refiner.production_passes import ProductionReport
    from hybrid.audio_refiner.refine import RefineOptions
    from hybrid.harmony.analyse import Analyser
    from hybrid.render import RenderReport
    from hybrid.repair.loop import RepairSettings
    from hybrid.theory.agreement import Agreement

#: Called with a stage's name and the share of it that is done, 0..1.
Progress = Callable[[str, float], None]

DEFAULT_FORM = "ternary"
DEFAULT_MINUTES = 2.0
MAX_MINUTES = 240.0
#: As many bars of 2/4 as `MAX_MINUTES` hold at the fastest tempo.
MAX_BARS = 48_000
ENGINES = ("rules", "transformer")
DEFAULT_ENGINE = "transformer"
#: Places that `compose` tries to mend in one piece.
DEFAULT_REPAIRS = 32
#: Bars that a page's analysis covers: as many as its engraving.
MAX_HEARD_BARS = 240
#: Every player and editor reads 24-bit PCM, which holds more than any SoundFont does.
WAV_SUBTYPE = "PCM_24"


def silent(stage: str, share: float) -> None:
    pass


@dataclass(frozen=True, eq=False)
class Piece:
    """A composed piece before it is written.

    Attributes
    ----------
    plan : FormPlan
    score : Score or None
        None where only a plan was asked for.
    analysis : Analysis
    agreement : Agreement or None
        How far the notes keep the plan.
    trace : Trace
    seed : int
    options : mapping
        What the caller chose.
    weights : mapping
        sha256 of each file of learned weights that wrote notes.
    memorised : mapping
        What the notes have in common with the pieces that a learned model was trained on, beside
        the same figures of real pieces that are not among them
        (`hybrid.symbolic_transformer.memorisation.look_up`); empty for engines that learn nothing.
    """

    plan: FormPlan
    score: Score | None
    analysis: Analysis
    agreement: Agreement | None
    trace: Trace
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    memorised: Mapping[str, Any] = field(default_factory=dict)

    @property
    def headline(self) -> str:
        """One line: what it is, how long, and what the checker found."""
        minutes, seconds = divmod(round(self.plan.seconds), 60)
        parts = [
            self.plan.title or self.plan.form or "piece",
            f"{self.plan.n_bars} bars",
            f"{minutes}:{seconds:02d}",
            f"seed {self.seed}",
        ]
        if self.score is not None:
            parts.append(f"{self.score.n_notes} notes")
            parts.append(f"{self.analysis.count('error')} rule errors")
            mended = sum(bool(repair["mended"]) for repair in self.trace.repairs)
            if mended:
                parts.append(f"{mended} {'place' if mended == 1 else 'places'} mended")
        return ", ".join(parts)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Further lines to show: what stands in training pieces as well."""
        if not self.memorised:
            return ()
        from hybrid.symbolic_transformer.memorisation import in_words

        return (in_words(self.memorised),)


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


def make_engine(name: str, progress: Progress = silent) -> Engine:
    """The engine of a name; one that works for long reports on the stage ``notes``.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if name == "rules":
        from hybrid.rules import RulesEngine

        return RulesEngine()
    if name == "transformer":
        from hybrid.symbolic_transformer.event_engine import TransformerEngine

        return TransformerEngine(progress=lambda share: progress("notes", share))
    raise ConfigError(f"engine must be one of {', '.join(ENGINES)}, got {name!r}")


def make_plan(
    *,
    seed: int,
    form: str | None = None,
    style: str | None = None,
    key: str | Key | None = None,
    metre: str | Metre | None = None,
    tempo_qpm: float | None = None,
    minutes: float | None = None,
    texture: str | None = None,
    instruments: tuple[str, ...] = (),
    plan: FormPlan | str | Path | None = None,
    drums: bool | None = None,
) -> FormPlan:
    """A plan that is ready for an engine, from a form grammar or from a plan with gaps.

    What ``plan`` says is kept; the other arguments and then the grammars fill what it
    leaves out. ``drums`` adds a drum kit to the instruments of every phrase, or takes it away;
    None leaves them as they are.

    Raises
    ------
    ConfigError, PlanError, ScoreError
        If an argument is out of range, contradicts the plan, or the length is out of
        the form's reach.
    """
    from hybrid.core.instruments import expand_ensemble
    from hybrid.grammar.drum_kit import ask_for_drums
    from hybrid.grammar.forms import plan_form

    def drummed(made: FormPlan) -> FormPlan:
        return made if drums is None else ask_for_drums(made, drums)

    home = Key.parse(key) if isinstance(key, str) else key
    bar = Metre.parse(metre) if isinstance(metre, str) else metre
    players = expand_ensemble(tuple(instruments))
    if minutes is not None and not 0.05 <= minutes <= MAX_MINUTES:
        raise ConfigError(f"minutes must be in 0.05..{MAX_MINUTES:g}, got {minutes:g}")
    if plan is None:
        return drummed(
            plan_form(
                DEFAULT_FORM if form is None else form,
                stage_rng(seed, "form"),
                key=home,
                metre=bar,
                tempo_qpm=tempo_qpm,
                minutes=DEFAULT_MINUTES if minutes is None else minutes,
                style=style,
                texture=texture,
                instruments=players,
            )
        )
    from hybrid.grammar.complete import complete

    if not isinstance(plan, FormPlan):
        from hybrid.io.plan_toml import read_plan

        plan = read_plan(Path(plan))
    _check_length(plan)
    given: dict[str, Any] = {
        "form": form,
        "style": style,
        "key": home,
        "metre": bar,
        "tempo_qpm": tempo_qpm,
        "texture": texture,
        "instruments": players,
    }
    for name, value in given.items():
        if value is None or value == ():
            continue
        planned = getattr(plan, name)
        if planned and planned != value:
            raise PlanError(
                f"{name} stands in the plan as {_shown(planned)}; leave the option out or change "
                f"the plan, got {_shown(value)}"
            )
        plan = replace(plan, **{name: value})
    completed: FormPlan = complete(plan, stage_rng(seed, "form"), minutes=minutes)
    if completed.seconds > 60 * MAX_MINUTES:
        raise PlanError(
            f"a piece must last {MAX_MINUTES:g} minutes at most, "
            f"got a plan of {completed.n_bars} bars, {completed.seconds / 60:.0f} minutes"
        )
    return drummed(completed)


def _check_length(plan: FormPlan) -> None:
    """Refuse a plan out of reach before time is spent on what it leaves out."""
    bars = sum(
        sum(phrase.bars or 1 for phrase in section.phrases) or section.bars or 1
        for section in plan.sections
    )
    if bars > MAX_BARS:
        raise PlanError(f"a plan must have {MAX_BARS} bars at most, got {bars} or more")


def _shown(value: object) -> str:
    if isinstance(value, Key | Metre):
        return value.name
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def rules_for(plan: FormPlan) -> str:
    """The rule set of a plan's textures and style: ``chorale``, ``pop`` or ``accompanied``."""
    textures = {placed.shared.texture for placed in plan.phrases()}
    if textures <= {"chorale", "counterpoint"}:
        return "chorale"
    return "pop" if plan.style == "pop" else "accompanied"


def analyse(plan: FormPlan, score: Score, rules: str | None = None) -> tuple[Analysis, Agreement]:
    """Check a score's part-writing and how far it keeps its plan.

    Chords and keys are the plan's; cadences and findings are read from the notes.

    Parameters
    ----------
    plan : FormPlan
        Ready for engines.
    score : Score
    rules : str, optional
        A rule set; `rules_for` the plan where left out.
    """
    from hybrid.repair.reading import read_score

    reading = read_score(plan, score, rules or rules_for(plan))
    return reading.analysis, reading.agreement


def load_analyser(hashes: dict[str, str] | None = None) -> Analyser:
    """The shipped analyser of harmony; the hashes of its weights go into ``hashes``."""
    from hybrid.core.provenance import sha256_of
    from hybrid.harmony.shipped import load_analyser as load
    from hybrid.harmony.shipped import shipped_weights

    analyser = load()
    if hashes is not None:
        hashes.update({path.name: sha256_of(path) for path in shipped_weights()})
    return analyser


def compose(
    *,
    form: str | None = None,
    style: str | None = None,
    key: str | Key | None = None,
    metre: str | Metre | None = None,
    tempo_qpm: float | None = None,
    minutes: float | None = None,
    texture: str | None = None,
    instruments: tuple[str, ...] = (),
    seed: int = 1,
    plan: FormPlan | str | Path | None = None,
    drums: bool | None = None,
    engine: str | Engine = DEFAULT_ENGINE,
    fill: bool = True,
    repairs: int = DEFAULT_REPAIRS,
    warnings: bool = False,
    progress: Progress = silent,
) -> Piece:
    """Compose a piece.

    Parameters
    ----------
    form : str, optional
        Name of a form grammar (``hybrid forms``); `DEFAULT_FORM` without a plan.
    style, key, metre, tempo_qpm, minutes, texture, instruments : optional
        What the grammar is not to choose. ``minutes`` is `DEFAULT_MINUTES` without a plan.
    seed : int
        0..2**63 - 1; the same seed and options give the same piece.
    plan : FormPlan or path, optional
        A plan, any part of which may be left out.
    drums : bool, optional
        Add a drum kit to all phrases, or take it away; as the style and the plan have it where
        left out. Engine `rules` plays grooves from tables, `transformer` the model of groove.
    engine : str or Engine
        What writes the notes: ``transformer``, a learned model, or ``rules``, an exact search that
        learns nothing and is ten times as fast.
    fill : bool
        False makes the plan only.
    repairs : int
        Places that are mended at most (`hybrid.repair`); 0 leaves the notes as they were written.
    warnings : bool
        Mend warnings of the rules as well as errors; takes longer.
    progress : callable
        Called with a stage's name and the share of it that is done.

    Raises
    ------
    ConflictError
        If hard constraints cannot all hold.
    HybridError
        For other input that cannot be used.
    """
    check_seed(seed)
    from hybrid.repair.loop import RepairSettings

    if isinstance(engine, str) and engine not in ENGINES:
        raise ConfigError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    severities = ("error", "warning") if warnings else ("error",)
    # Refused before anything is written.
    repair_settings = RepairSettings(budget=repairs, severities=severities)
    options = {
        "form": form,
        "style": style,
        "key": key.name if isinstance(key, Key) else key,
        "metre": metre.name if isinstance(metre, Metre) else metre,
        "tempo_qpm": tempo_qpm,
        "minutes": minutes,
        "texture": texture,
        "instruments": list(instruments),
        "drums": drums,
        "engine": engine if isinstance(engine, str) else engine.name,
        "repairs": repairs,
        "warnings": warnings,
    }
    progress("plan", 0.0)
    wishes = (form, style, key, metre, tempo_qpm, minutes, texture, instruments or None, drums)
    # Where an option is given, it may be the option that is wrong.
    with _naming(plan if all(wish is None for wish in wishes) else None):
        made = make_plan(
            seed=seed,
            form=form,
            style=style,
            key=key,
            metre=metre,
            tempo_qpm=tempo_qpm,
            minutes=minutes,
            texture=texture,
            instruments=instruments,
            plan=plan,
            drums=drums,
        )
    origin = TraceEntry("form", f"grammar:{made.form or 'plan'}", made.title or made.form)
    if not fill:
        trace = Trace((origin,))
        return Piece(made, None, Analysis(), None, trace, seed, options)
    progress("notes", 0.0)
    writer = make_engine(engine, progress) if isinstance(engine, str) else engine
    with _naming(plan):
        score, trace = writer.fill(made, stage_rng(seed, "fill", writer.name))
    progress("check", 0.0)
    whole = Trace((origin,)) + trace
    weights = dict(getattr(writer, "hashes", {}))
    if repairs:
        piece = _mended(
            made, score, whole, writer, seed, options, weights, repair_settings, progress
        )
    else:
        analysis, agreement = analyse(made, score)
        piece = Piece(made, score, analysis, agreement, whole, seed, options, weights)
    assert piece.score is not None
    return replace(piece, memorised=memorised_by(writer, made, piece.score))


def memorised_by(
    engine: Engine, plan: FormPlan, score: Score, bars: tuple[int, int] | None = None
) -> Mapping[str, Any]:
    """What a score, or some bars of it, has in common with its engine's training pieces.

    Empty for engines that learn nothing, and where the pieces are not known.
    """
    look_up: Callable[..., Mapping[str, Any]] | None = getattr(engine, "memorised", None)
    return {} if look_up is None else look_up(plan, score, bars)


def _mended(
    plan: FormPlan,
    score: Score,
    trace: Trace,
    writer: Engine,
    seed: int,
    options: Mapping[str, Any],
    weights: dict[str, str],
    settings: RepairSettings,
    progress: Progress,
) -> Piece:
    """The piece after the loop of `hybrid.repair`."""
    from hybrid.repair.loop import mend

    engines = [writer] if writer.name == "rules" else [writer, make_engine("rules")]
    mended = mend(
        plan,
        score,
        trace,
        engines,
        rules_for(plan),
        seed,
        settings,
        hear=lambda: load_analyser(weights),
        # The engine `rules` keeps the plan's harmony by construction: nothing is loaded for it.
        always_hear=writer.name != "rules",
        progress=lambda share: progress("repair", share),
    )
    after = mended.after
    return Piece(
        plan, mended.score, after.analysis, after.agreement, mended.trace, seed, options, weights
    )


@contextmanager
def _naming(plan: FormPlan | str | Path | None) -> Iterator[None]:
    """Add the file that a plan came from to what is wrong with the plan."""
    try:
        yield
    except (PlanError, ConfigError, ConflictError) as error:
        if plan is None or isinstance(plan, FormPlan) or str(plan) in str(error):
            raise
        message = f"{plan}: {error}"
        if isinstance(error, ConflictError):
            raise ConflictError(message, error.conflict) from error
        raise type(error)(message) from error


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
        that it fits.
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
