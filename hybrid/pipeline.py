"""The stages joined: form -> plan -> notes -> check -> sound -> files.

import hybrid

piece = hybrid.compose(form="rondo", key="G minor", minutes=2, seed=7)
print(piece.headline)
hybrid.save(piece, "out")
"""

from __future__ import annotations

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
    from hybrid.harmony.analyse import Analyser
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
