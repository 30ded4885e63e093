"""Plans from form grammars, ready for engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hybrid.core.errors import PlanError
from hybrid.core.instruments import expand_ensemble
from hybrid.core.pitch import Key
from hybrid.core.plan import TEXTURES, FormPlan, Phrase, PlanChord, Section
from hybrid.core.timeline import Metre
from hybrid.grammar.forms import blues
from hybrid.grammar.forms.dress import (
    Dress,
    branch,
    choose,
    dress_sections,
    return_variation,
)
from hybrid.grammar.forms.harmonise import Harmoniser
from hybrid.grammar.forms.realise import SectionSketch, display, sketch
from hybrid.grammar.forms.registry import Form, find_form, form_sampler
from hybrid.grammar.forms.styles import Style, find_style, pace_of, tempo_range
from hybrid.grammar.forms.timing import FASTEST, SLOWEST, can_last, check_bars, choose_length

DEFAULT_MINUTES = 2.0
#: Accidentals of home keys that are chosen here, with weights.
SIGNATURES = {0: 3.0, 1: 3.0, -1: 3.0, 2: 2.5, -2: 2.5, 3: 1.5, -3: 1.5, 4: 0.6, -4: 0.8}


def plan_form(
    form: str,
    rng: np.random.Generator,
    *,
    key: Key | str | None = None,
    metre: Metre | str | None = None,
    tempo_qpm: float | None = None,
    minutes: float | None = None,
    bars: int | None = None,
    style: str | None = None,
    instruments: Sequence[str] = (),
    texture: str | None = None,
    title: str | None = None,
) -> FormPlan:
    """Draw a plan from a form's grammar; what is left out is chosen.

    Parameters
    ----------
    form : str
        A key of `FORMS`.
    rng : np.random.Generator
    key, metre : optional
        Home key and metre.
    tempo_qpm : float, optional
        Quarters per minute. It then holds throughout, and the length comes as near to
        ``minutes`` as whole bars allow; where it is left out it is chosen so that the length is
        ``minutes`` exactly.
    minutes : float, optional
        2 where neither this nor ``bars`` is given.
    bars : int, optional
        Exact total number of bars.
    style : str, optional
        A key of `STYLES`.
    instruments : sequence of str, optional
        Instruments or ensembles, highest part first.
    texture : str, optional
        One texture for the whole piece.
    title : str, optional

    Returns
    -------
    FormPlan
        ``is_ready``.

    Raises
    ------
    PlanError
        If an argument is unknown or the form cannot have that length; the nearest are named.

    Examples
    --------
    >>> plan = plan_form("rondo", np.random.default_rng(3), key="g", bars=80)
    >>> plan.n_bars, plan.sections[0].role, plan.is_ready
    (80, 'refrain', True)
    """
    kind = find_form(form)
    habits = find_style(style or kind.style)
    stages = {name: branch(rng) for name in ("choice", "length", "form", "dress", "chords")}
    choice = stages["choice"]
    home = _home(key, habits, choice)
    sampler = form_sampler(kind.name)
    wanted = minutes if minutes is not None or bars is not None else DEFAULT_MINUTES
    free = wanted if bars is None and tempo_qpm is None else None
    _check_numbers(tempo_qpm, minutes, bars)
    beat = _metre(metre, kind, habits, choice, free)
    players = _players(instruments, habits, choice)
    if texture is not None and texture not in TEXTURES:
        raise PlanError(f"texture must be one of {', '.join(TEXTURES)}, got {texture!r}")
    n_bars = bars
    if n_bars is not None:
        check_bars(form, n_bars, sampler.lengths)
    else:
        n_bars = choose_length(
            form,
            sampler.lengths,
            habits,
            beat,
            stages["length"],
            minutes=DEFAULT_MINUTES if minutes is None else minutes,
            tempo_qpm=tempo_qpm,
        )
    tree = sampler.sample(n_bars, stages["form"])
    sketches = sketch(tree, home)
    dresses = dress_sections(
        sketches, habits, kind.wardrobe, beat, players, stages["dress"], texture
    )
    tempo = _tempo(tempo_qpm, wanted, sketches, dresses, habits, beat, stages["length"])
    sections, harmony = build_sections(
        sketches,
        dresses,
        kind,
        habits,
        beat,
        tempo,
        rng=stages["chords"],
        keep_tempo=tempo_qpm is not None,
    )
    derivation = dict(display(tree, home))
    if harmony:
        derivation["harmony"] = harmony
    return FormPlan(
        key=home,
        metre=beat,
        tempo_qpm=tempo,
        texture=dresses[0].texture,
        dynamics=dresses[0].dynamics,
        instruments=players,
        sections=sections,
        title=title if title is not None else f"{kind.title} in {home.name}",
        style=habits.name,
        form=kind.name,
        derivation=derivation,
    )


def _check_numbers(tempo: float | None, minutes: float | None, bars: int | None) -> None:
    if tempo is not None and not 10 <= tempo <= 400:
        raise PlanError(f"tempo_qpm must be in 10..400, got {tempo}")
    if minutes is not None and not 0 < minutes <= 600:
        raise PlanError(f"minutes must be above 0 and at most 600, got {minutes}")
    if tempo is not None and minutes is not None and bars is not None:
        raise PlanError(
            f"give two of tempo_qpm, minutes and bars, got {tempo:g}, {minutes:g} and {bars}"
        )


def _home(key: Key | str | None, style: Style, rng: np.random.Generator) -> Key:
    draws = branch(rng)
    if key is not None:
        return Key.parse(key) if isinstance(key, str) else key
    mode = choose(style.keys, draws)
    signature = choose({str(n): weight for n, weight in SIGNATURES.items()}, draws)
    return Key.from_fifths(int(signature), mode)


def _metre(
    metre: Metre | str | None,
    form: Form,
    style: Style,
    rng: np.random.Generator,
    minutes: float | None,
) -> Metre:
    """The metre: given, or one of the style's in which the form can last so many minutes."""
    draws = branch(rng)
    if metre is not None:
        found = Metre.parse(metre) if isinstance(metre, str) else metre
        return Metre(0, found.numerator, found.denominator)
    weights = dict.fromkeys(form.metres, 1.0) if form.metres else style.metres
    if minutes is not None:
        lengths = form_sampler(form.name).lengths
        fits = {
            name: weight
            for name, weight in weights.items()
            if can_last(lengths, style, Metre.parse(name), minutes)
        }
        weights = fits or weights
    return Metre.parse(choose(weights, draws))


def _players(names: Sequence[str], style: Style, rng: np.random.Generator) -> tuple[str, ...]:
    draws = branch(rng)
    if names:
        return expand_ensemble(tuple(names))
    weights = {str(place): weight for place, (_, weight) in enumerate(style.ensembles)}
    return style.ensembles[int(choose(weights, draws))][0]


def _tempo(
    given: float | None,
    minutes: float | None,
    sketches: Sequence[SectionSketch],
    dresses: Sequence[Dress],
    style: Style,
    metre: Metre,
    rng: np.random.Generator,
) -> float:
    """The main tempo: as given, or such that the minutes come out, or drawn from the style."""
    if given is not None:
        return float(given)
    if minutes is None:
        slow, fast = tempo_range(style, metre)
        return float(round(float(slow * (fast / slow) ** float(rng.beta(2.0, 2.0)))))
    weighted: float = sum(
        sum(phrase.bars for phrase in section.phrases) / dress.tempo
        for section, dress in zip(sketches, dresses, strict=True)
    )
    tempo: float = weighted * float(metre.bar_quarters) / minutes
    if not SLOWEST / 2 <= tempo <= FASTEST * 1.5:
        total = sum(sum(phrase.bars for phrase in section.phrases) for section in sketches)
        raise PlanError(
            f"minutes must give a playable tempo, got {minutes:g} for {total} bars of "
            f"{metre.name} = {tempo:.1f} quarters a minute"
        )
    return round(tempo, 3)


def build_sections(
    sketches: Sequence[SectionSketch],
    dresses: Sequence[Dress],
    form: Form,
    style: Style,
    metre: Metre,
    tempo: float,
    *,
    rng: np.random.Generator,
    keep_tempo: bool = False,
) -> tuple[tuple[Section, ...], list[Mapping[str, Any]]]:
    """Sections of a plan, with chords for every phrase, and derivations of their harmony.

    Only choruses of the blues have such derivations; all other chords are drawn by
    `hybrid.grammar.chords_phrase`.
    """
    harmony = Harmoniser(metre, style.chords, pace_of(style, metre, tempo), style.whole_final)
    first = dresses[0]
    sections: list[Section] = []
    trees: list[Mapping[str, Any]] = []
    heads: dict[str, tuple[SectionSketch, list[tuple[PlanChord, ...]]]] = {}
    for section, dress in zip(sketches, dresses, strict=True):
        drawn = choose(form.wardrobe.returns, rng)
        phrases = []
        lines: list[tuple[PlanChord, ...]] | None = None
        if form.harmony == "steedman" and blues.is_chorus(section):
            if section.label not in heads:
                found, chorus, tree = blues.chorus(section, metre, rng)
                heads[section.label] = found, chorus
                trees.append({"section": section.label, "tree": tree})
            first_sketch, lines = heads[section.label]
            section = replace(
                section,
                phrases=tuple(
                    replace(phrase, cadence=known.cadence)
                    for phrase, known in zip(section.phrases, first_sketch.phrases, strict=True)
                ),
            )
        for number, sketched in enumerate(section.phrases):
            variation, steps = return_variation(sketched, section, dress, drawn)
            if lines is not None:
                chords = harmony.take(sketched, lines[number])
            else:
                chords = harmony.chords(sketched, variation, rng, (section.label, number))
            phrases.append(
                Phrase(
                    key=None if sketched.key == section.key else sketched.key,
                    bars=sketched.bars,
                    chords=chords,
                    cadence=sketched.cadence,
                    theme=sketched.theme,
                    variation=variation,
                    variation_steps=steps,
                )
            )
        values: dict[str, Any] = {}
        if dress.texture != first.texture:
            values["texture"] = dress.texture
        if dress.dynamics != first.dynamics:
            values["dynamics"] = dress.dynamics
        if dress.tempo != 1.0 and not keep_tempo:
            values["tempo_qpm"] = round(tempo * dress.tempo, 3)
        sections.append(
            Section(
                key=section.key,
                register=dress.register,
                label=section.label,
                role=section.role,
                phrases=tuple(phrases),
                **values,
            )
        )
    return tuple(sections), trees


__all__ = ["build_sections", "plan_form"]
