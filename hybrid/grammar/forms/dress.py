"""Texture, dynamics, register and tempo of each section; what returns do to their themes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hybrid.core.plan import DYNAMICS
from hybrid.core.timeline import Metre
from hybrid.grammar.forms.realise import PhraseSketch, SectionSketch
from hybrid.grammar.forms.styles import Style

LEVELS = tuple(DYNAMICS)
#: What a section of a role is, against the first one: contrast, louder or softer, register.
CONTRASTING = frozenset(
    {"contrast", "episode", "couplet", "bridge", "middle", "trio", "digression"}
)


@dataclass(frozen=True)
class Dress:
    """What a section wears; None where it wears what the piece does."""

    texture: str
    dynamics: str
    register: str | None = None
    tempo_factor: float = 1.0


@dataclass(frozen=True)
class Wardrobe:
    """A form's habits.

    Attributes
    ----------
    returns : mapping of variation to weight
        What a returning section does to its themes.
    loudness : mapping of role to steps of dynamics
        Against the piece's middle level.
    climax : tuple of str
        Roles among which the loudest section is chosen, the later the likelier.
    vary_texture : float
        Chance that a returning section changes its texture.
    new_texture : float
        Chance that a section with a new label, though no contrast, draws its own texture.
    """

    returns: Mapping[str, float] = field(
        default_factory=lambda: {"literal": 0.35, "varied": 0.3, "ornament": 0.35}
    )
    loudness: Mapping[str, int] = field(default_factory=dict)
    climax: tuple[str, ...] = ()
    vary_texture: float = 0.15
    new_texture: float = 0.0


def choose(weights: Mapping[str, float], rng: np.random.Generator) -> str:
    """Draw a name by its weight, in the order of the mapping."""
    names = list(weights)
    values = np.cumsum([weights[name] for name in names])
    at = int(np.searchsorted(values, rng.random() * values[-1], side="right"))
    return names[min(at, len(names) - 1)]


def fitting(
    textures: Mapping[str, float], metre: Metre, instruments: Sequence[str]
) -> dict[str, float]:
    """The textures that a metre and a number of instruments allow.

    A waltz needs three beats, a march two or four; a choir sings chorales and counterpoint.
    """
    triple = metre.n_beats % 3 == 0
    allowed = {
        name: weight
        for name, weight in textures.items()
        if not (name == "waltz" and not triple) and not (name == "march" and triple)
    }
    voices = {"soprano", "alto", "tenor", "bass", "choir"}
    if instruments and set(instruments) <= voices:
        allowed = {n: w for n, w in allowed.items() if n in ("chorale", "counterpoint")}
        return allowed or {"chorale": 1.0}
    return allowed or {"homophonic": 1.0}


def dress_sections(
    sections: Sequence[SectionSketch],
    style: Style,
    wardrobe: Wardrobe,
    metre: Metre,
    instruments: Sequence[str],
    rng: np.random.Generator,
    texture: str | None = None,
) -> list[Dress]:
    """Choose a dress for every section; the same label wears the same unless it varies."""
    mains = fitting(style.textures, metre, instruments)
    contrasts = fitting(style.contrasts, metre, instruments)
    main = texture or choose(mains, rng)
    middle = LEVELS.index("mf") if rng.random() < 0.6 else LEVELS.index("mp")
    by_label: dict[str, Dress] = {}
    dresses: list[Dress] = []
    for section in sections:
        draws = rng.random(3)
        known = by_label.get(section.label)
        if known is None:
            contrasting = section.role in CONTRASTING
            worn = main
            if contrasting and texture is None:
                others = {name: w for name, w in contrasts.items() if name != main} or contrasts
                worn = choose(others, rng)
            elif by_label and texture is None and rng.random() < wardrobe.new_texture:
                worn = choose(mains, rng)
            steps = wardrobe.loudness.get(
                section.role, (-1 if draws[0] < 0.55 else 1) if contrasting else 0
            )
            register = None
            if contrasting and draws[1] < 0.3:
                register = "low" if draws[2] < 0.5 else "high"
            known = Dress(worn, _level(middle + steps), register)
            by_label[section.label] = known
        elif section.round and texture is None and draws[0] < wardrobe.vary_texture:
            others = {name: w for name, w in mains.items() if name != known.texture}
            if others:
                known = Dress(choose(others, rng), known.dynamics, known.register)
        dresses.append(known)
    return _with_climax(sections, dresses, wardrobe, rng)


def _level(place: int) -> str:
    return LEVELS[min(max(place, 1), len(LEVELS) - 2)]


def _with_climax(
    sections: Sequence[SectionSketch],
    dresses: list[Dress],
    wardrobe: Wardrobe,
    rng: np.random.Generator,
) -> list[Dress]:
    """Make one section of the climax roles the loudest; the later ones are likelier."""
    places = [i for i, section in enumerate(sections) if section.role in wardrobe.climax]
    if not places:
        return dresses
    weights = np.cumsum([1.0 + place for place in range(len(places))])
    chosen = places[int(np.searchsorted(weights, rng.random() * weights[-1], side="right"))]
    top = max(LEVELS.index(dress.dynamics) for dress in dresses)
    dress = dresses[chosen]
    louder = _level(min(top + 1, LEVELS.index("ff")))
    dresses[chosen] = Dress(dress.texture, louder, dress.register, dress.tempo_factor)
    return dresses


def return_variation(
    phrase: PhraseSketch, section: SectionSketch, wardrobe: Wardrobe, drawn: str
) -> tuple[str | None, int]:
    """Variation of a phrase: its own, or the one drawn for its returning section."""
    if phrase.variation is None:
        return None, 0
    if phrase.returns and phrase.variation == "varied" and section.round:
        return drawn, 0
    return phrase.variation, phrase.variation_steps
