"""Texture, dynamics, register and tempo of each section; what returns do to their themes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hybrid.core.plan import DYNAMICS
from hybrid.core.timeline import Metre
from hybrid.grammar.forms.realise import PhraseSketch, SectionSketch
from hybrid.grammar.forms.styles import Style

LEVELS = tuple(DYNAMICS)


@dataclass(frozen=True)
class Dress:
    """What a section wears.

    Attributes
    ----------
    texture, dynamics : str
    register : str or None
    tempo : float
        Factor on the piece's tempo.
    variation : str or None
        What the section does to themes that return in it, where its role says so.
    """

    texture: str
    dynamics: str
    register: str | None = None
    tempo: float = 1.0
    variation: str | None = None


@dataclass(frozen=True)
class Costume:
    """What a role wears.

    Attributes
    ----------
    textures : mapping of texture to weight, or None
        None: the piece's main texture; `CONTRAST`: one of the style's contrasting ones.
    loudness : int
        Steps of dynamics against the piece's middle level.
    register : str or None
    tempo : float
    variation : str or None
    """

    textures: Mapping[str, float] | None = None
    loudness: int = 0
    register: str | None = None
    tempo: float = 1.0
    variation: str | None = None


CONTRAST: dict[str, float] = {"contrast": 1.0}
_CONTRASTING = Costume(CONTRAST)
#: Roles that mean the same in all forms.
COSTUMES: dict[str, Costume] = {
    **dict.fromkeys(("contrast", "episode", "couplet", "bridge", "digression"), _CONTRASTING),
    "introduction": Costume(loudness=-1),
    "interlude": Costume(loudness=-1),
    # theme and variations
    "theme": Costume(loudness=-1),
    "ornamental variation": Costume(variation="ornament"),
    "figured variation": Costume({"arpeggio": 0.5, "alberti": 0.5}, variation="varied"),
    "contrapuntal variation": Costume({"counterpoint": 1.0}, variation="varied"),
    "chordal variation": Costume({"chorale": 0.7, "homophonic": 0.3}, 1, variation="literal"),
    "low variation": Costume(None, -1, "low", variation="literal"),
    "other mode": Costume(CONTRAST, -2, tempo=0.9, variation="varied"),
    "slow variation": Costume(CONTRAST, -1, tempo=0.65, variation="ornament"),
    "finale": Costume(None, 2, tempo=1.25, variation="ornament"),
    # sonata
    "primary": Costume(loudness=0),
    "transition": Costume(loudness=1),
    "secondary": Costume(CONTRAST, -1),
    "closing": Costume(loudness=1),
    "development": Costume({"counterpoint": 0.5, "arpeggio": 0.3, "homophonic": 0.2}, 1),
    # song
    "intro": Costume({"pad": 0.5, "arpeggio": 0.5}, -1),
    "verse": Costume(None, -1),
    "pre-chorus": Costume(None, 0),
    "chorus": Costume({"homophonic": 0.8, "arpeggio": 0.2}, 1),
    "outro": Costume({"pad": 0.6, "arpeggio": 0.4}, -1),
    "solo": Costume(None, 1),
    "postlude": Costume(loudness=-1),
}


@dataclass(frozen=True)
class Wardrobe:
    """A form's habits.

    Attributes
    ----------
    returns : mapping of variation to weight
        What a returning section does to its themes.
    costumes : mapping of role to Costume
        Beside `COSTUMES`.
    climax : tuple of str
        Roles among which the loudest section is chosen, the later the likelier.
    vary_texture : float
        Chance that a returning section changes its texture.
    new_texture : float
        Chance that a section with a new label and no costume draws its own texture.
    """

    returns: Mapping[str, float] = field(
        default_factory=lambda: {"literal": 0.35, "varied": 0.3, "ornament": 0.35}
    )
    costumes: Mapping[str, Costume] = field(default_factory=dict)
    climax: tuple[str, ...] = ()
    vary_texture: float = 0.15
    new_texture: float = 0.0


def branch(rng: np.random.Generator) -> np.random.Generator:
    """A generator of its own for a stage, so that one stage's draws leave the next ones alone."""
    return np.random.Generator(np.random.PCG64(int(rng.integers(0, 2**63, dtype=np.int64))))


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
    table = {**COSTUMES, **wardrobe.costumes}
    by_label: dict[str, Dress] = {}
    dresses: list[Dress] = []
    for section in sections:
        draw = branch(rng)
        known = by_label.get(section.label)
        if known is None:
            costume = table.get(section.role)
            worn, steps, register = main, 0, None
            if costume is not None:
                options = contrasts if costume.textures is CONTRAST else costume.textures
                options = None if options is None else fitting(options, metre, instruments)
                steps, register = costume.loudness, costume.register
                if costume.textures is CONTRAST:
                    options = {n: w for n, w in contrasts.items() if n != main} or contrasts
                    # As likely softer as louder where the role leaves it open.
                    steps += 0 if costume.loudness else (-1 if draw.random() < 0.55 else 1)
                    if register is None and draw.random() < 0.3:
                        register = "low" if draw.random() < 0.5 else "high"
                if options is not None:
                    worn = choose(options, draw)
            elif by_label and draw.random() < wardrobe.new_texture:
                worn = choose(mains, draw)
            known = Dress(
                texture or worn,
                _level(middle + steps),
                register,
                costume.tempo if costume else 1.0,
                costume.variation if costume else None,
            )
            by_label[section.label] = known
        elif section.round and texture is None and draw.random() < wardrobe.vary_texture:
            others = {name: w for name, w in mains.items() if name != known.texture}
            if others:
                known = replace(known, texture=choose(others, draw))
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
    louder = _level(min(top + 1, LEVELS.index("ff")))
    dresses[chosen] = replace(dresses[chosen], dynamics=louder)
    return dresses


def return_variation(
    phrase: PhraseSketch, section: SectionSketch, dress: Dress, drawn: str
) -> tuple[str | None, int]:
    """Variation of a phrase and its scale steps: its own, or its section's.

    Parameters
    ----------
    drawn : str
        What a returning section does to its themes.
    """
    if phrase.variation is None:
        return None, 0
    wanted = phrase.variation
    if phrase.returns and wanted in ("varied", "literal"):
        wanted = dress.variation or (drawn if section.round else wanted)
    if wanted == "literal" and not phrase.exact:
        wanted = "varied"
    return wanted, phrase.variation_steps if wanted == "sequence" else 0
