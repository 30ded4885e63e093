"""The forms there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from hybrid.core.errors import PlanError
from hybrid.core.resources import resource_path
from hybrid.grammar.cfg import Grammar
from hybrid.grammar.forms.derive import FormSampler
from hybrid.grammar.forms.dress import Wardrobe
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
    """

    name: str
    title: str
    description: str
    source: str
    style: str = "classical"
    metres: tuple[str, ...] = ()
    wardrobe: Wardrobe = field(default_factory=Wardrobe)

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

FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        Form(
            "chorale",
            "Chorale",
            "lines that end in cadences, in bar form (A A B)",
            "Brown, H. M. (2001). Bar form. Grove Music Online.",
            style="chorale",
            wardrobe=Wardrobe(returns={"literal": 0.6, "varied": 0.4}, vary_texture=0.0),
        ),
        Form(
            "period",
            "Period",
            "antecedent and consequent, alone or in a chain",
            _CAPLIN,
            wardrobe=Wardrobe(new_texture=0.7, climax=("period",)),
        ),
        Form(
            "ternary",
            "Ternary piece",
            "A B A: a contrasting middle in another key",
            _CAPLIN,
            wardrobe=Wardrobe(loudness={"coda": -1}),
        ),
        Form(
            "rondo",
            "Rondo",
            "refrains in the tonic, episodes in related keys",
            _CAPLIN,
            wardrobe=Wardrobe(climax=("refrain", "coda"), loudness={"coda": 1}),
        ),
    )
}


def find_form(name: str) -> Form:
    """The form of a name.

    Raises
    ------
    PlanError
        If there is none.
    """
    if name not in FORMS:
        raise PlanError(f"form must be one of {', '.join(FORMS)}, got {name!r}")
    return FORMS[name]


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
    find_form(name)
    return FormSampler(form_grammar(name))
