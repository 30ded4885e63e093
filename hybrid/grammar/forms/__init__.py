"""Musical forms as grammars: `FORMS` and `plan_form`, which makes a plan ready for engines.

Each form is a text file of this folder in the notation of `hybrid.grammar.notation`; see
``docs/forms.md``.
"""

from hybrid.grammar.forms.plan import plan_form
from hybrid.grammar.forms.registry import FORMS, Form, form_sampler
from hybrid.grammar.forms.styles import STYLES, Style

__all__ = ["FORMS", "STYLES", "Form", "Style", "form_sampler", "plan_form"]
