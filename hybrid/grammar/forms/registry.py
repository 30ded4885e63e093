"""The forms there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from hybrid.core.errors import PlanError
from hybrid.core.resources import resource_path
from hybrid.grammar.cfg import Grammar
from hybrid.grammar.forms.derive import FormSampler
from hybrid.grammar.forms.dress import Costume, Wardrobe
from hybrid.grammar.notation import read_grammar


@dataclass(frozen=True)
class Form:
    """A form: its grammar ``forms/<name>.txt`` and its habits.

    Attributes
    ----------
    name, title, description, source : str
    style : str
        Default style, a key of `hybrid.grammar.forms.styles.STYLES`.
    metres : tuple of str
        Preferred metres, where the style's own do not fit; empty for the style's.
    wardrobe : Wardrobe
    harmony : str
        ``steedman`` where choruses of twelve bars take their chords from
        `hybrid.grammar.steedman`; empty for the phrase model.
    """

    name: str
    title: str
    description: str
    source: str
    style: str = "classical"
    metres: tuple[str, ...] = ()
    wardrobe: Wardrobe = field(default_factory=Wardrobe)
    harmony: str = ""

    @property
    def minimum_bars(self) -> int:
        """Fewest bars."""
        return self.allowed_bars(512)[0]

    def allowed_bars(self, longest: int = 512) -> tuple[int, ...]:
        """Every possible number of bars up to ``longest``."""
        import numpy as np

        table = form_sampler(self.name).lengths(longest)
        return tuple(int(n) for n in np.flatnonzero(np.isfinite(table)))


_CAPLIN = "Caplin, W. E. (1998). Classical Form. Oxford University Press."

_VOICES = Wardrobe(returns={"literal": 0.4, "varied": 0.6}, vary_texture=0.0)
_SONG = {"literal": 0.7, "varied": 0.3}

FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        Form(
            "period",
            "Period",
            "antecedent and consequent, alone or in a chain",
            _CAPLIN,
            wardrobe=Wardrobe(new_texture=0.7, climax=("period",)),
        ),
        Form(
            "sentence",
            "Sentence",
            "basic idea, repetition, continuation, cadence; alone or in a chain",
            _CAPLIN,
            wardrobe=Wardrobe(new_texture=0.7, climax=("sentence",)),
        ),
        Form(
            "binary",
            "Binary movement",
            "away to the dominant (in minor the relative major) and back, halves repeated",
            _CAPLIN,
            wardrobe=Wardrobe(returns={"ornament": 0.6, "literal": 0.4}, climax=("second",)),
        ),
        Form(
            "rounded-binary",
            "Rounded binary",
            "theme; digression to the dominant and the theme again",
            _CAPLIN,
            wardrobe=Wardrobe(climax=("return",)),
        ),
        Form(
            "ternary",
            "Ternary piece",
            "A B A: a contrasting middle in another key",
            _CAPLIN,
            wardrobe=Wardrobe(costumes={"coda": Costume(loudness=-1)}),
        ),
        Form(
            "rondo",
            "Rondo",
            "refrains in the tonic, episodes in related keys",
            _CAPLIN,
            wardrobe=Wardrobe(climax=("refrain", "coda"), costumes={"coda": Costume(loudness=1)}),
        ),
        Form(
            "sonata",
            "Sonata movement",
            "exposition, development, recapitulation",
            "Hepokoski, J., & Darcy, W. (2006). Elements of Sonata Theory. Oxford Univ. Press.",
            wardrobe=Wardrobe(
                returns={"literal": 0.75, "varied": 0.25},
                climax=("development", "coda", "closing"),
                vary_texture=0.0,
            ),
        ),
        Form(
            "strophic",
            "Strophic song",
            "the same music for every strophe",
            "Tilmouth, M. (2001). Strophic. Grove Music Online.",
            style="folk",
            wardrobe=Wardrobe(returns=_SONG, vary_texture=0.35, climax=("strophe",)),
        ),
        Form(
            "verse-chorus",
            "Song",
            "verses, pre-choruses and choruses, a bridge before the last chorus",
            "Stephenson, K. (2002). What to Listen For in Rock. Yale University Press.",
            style="pop",
            wardrobe=Wardrobe(returns=_SONG, vary_texture=0.1, climax=("chorus",)),
        ),
        Form(
            "aaba",
            "Song",
            "strain, strain, bridge, strain; one chorus or several",
            "Covach, J. (2005). Form in rock music: a primer. In Engaging Music.",
            style="jazz",
            wardrobe=Wardrobe(returns={"literal": 0.4, "varied": 0.4, "ornament": 0.2}),
        ),
        Form(
            "variations",
            "Theme and variations",
            "a theme whose phrases and harmony stay while all else changes",
            "Sisman, E. (1993). Haydn and the Classical Variation. Harvard University Press.",
            wardrobe=Wardrobe(climax=("finale", "chordal variation")),
        ),
        Form(
            "blues",
            "Twelve-bar blues",
            "choruses of twelve bars with chords by Steedman's grammar",
            "Steedman, M. J. (1984). A generative grammar for jazz chord sequences. Music "
            "Perception, 2(1), 52-77.",
            style="jazz",
            wardrobe=Wardrobe(returns={"literal": 0.5, "varied": 0.5}, climax=("solo",)),
            harmony="steedman",
        ),
        Form(
            "chorale",
            "Chorale",
            "lines that end in cadences, in bar form (A A B)",
            "Brown, H. M. (2001). Bar form. Grove Music Online.",
            style="chorale",
            wardrobe=_VOICES,
        ),
    )
}
#: Other names by which forms are asked for.
ALIASES = {
    "theme-and-variations": "variations",
    "theme-variations": "variations",
    "12-bar-blues": "blues",
    "twelve-bar-blues": "blues",
    "verse": "verse-chorus",
    "song": "verse-chorus",
    "small-ternary": "rounded-binary",
}


def find_form(name: str) -> Form:
    """The form of a name; case, spaces and underscores do not matter.

    >>> find_form("Rounded Binary").name, find_form("12-bar blues").name
    ('rounded-binary', 'blues')

    Raises
    ------
    PlanError
        If there is none.
    """
    plain = "-".join(name.lower().replace("_", " ").replace("-", " ").split())
    plain = ALIASES.get(plain, plain)
    if plain not in FORMS:
        raise PlanError(f"form must be one of {', '.join(FORMS)}, got {name!r}")
    return FORMS[plain]


@lru_cache(maxsize=64)
def form_grammar(name: str) -> Grammar:
    """The grammar of a form, with the themes of ``common.txt`` that it uses."""
    folder = resource_path("grammar", "forms")
    text = (folder / f"{name}.txt").read_text(encoding="utf-8")
    common = (folder / "common.txt").read_text(encoding="utf-8")
    return read_grammar(f"{text}\n{common}", source=f"forms/{name}.txt")


@lru_cache(maxsize=64)
def form_sampler(name: str) -> FormSampler:
    """The sampler of a form's grammar."""
    return FormSampler(form_grammar(find_form(name).name))
