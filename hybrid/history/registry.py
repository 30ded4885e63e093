"""Which exhibits there are, and how one is run.

Exhibits are found by their files: a module of this room with a line that begins with ``EXHIBIT``.
Nothing is imported for that, and an exhibit's module loads heavy libraries inside ``make`` only.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hybrid.core.errors import ConfigError

if TYPE_CHECKING:
    from hybrid.history.exhibit import Demonstration, Exhibit
    from hybrid.history.parameters import Value, Values

_MARK = re.compile(r"^EXHIBIT\b", re.M)


@dataclass(frozen=True)
class Label:
    """What a list says of an exhibit."""

    name: str
    title: str
    year: str
    summary: str


def _sources() -> dict[str, str]:
    """Name of each exhibit and the text of its module from ``EXHIBIT`` on."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        mark = _MARK.search(text)
        if mark:
            found[path.stem.replace("_", "-")] = text[mark.start() :]
    return found


def exhibit_names() -> tuple[str, ...]:
    """Names of all exhibits, by the alphabet."""
    return tuple(sorted(_sources()))


def exhibit_labels() -> tuple[Label, ...]:
    """What a list says of all exhibits, by year, then by title.

    It is read off the modules' texts, so that nothing need be imported for a list.

    Raises
    ------
    ConfigError
        If a module's ``EXHIBIT`` does not give these fields as plain texts.
    """
    labels = []
    for name, text in _sources().items():
        call = getattr(ast.parse(text).body[0], "value", None)
        fields = {
            word.arg: word.value.value
            for word in getattr(call, "keywords", ())
            if isinstance(word.value, ast.Constant)
        }
        missing = [field for field in Label.__annotations__ if field not in fields]
        if missing:
            raise ConfigError(f"EXHIBIT of {name} must give {', '.join(missing)} as plain text")
        labels.append(Label(*(str(fields[field]) for field in Label.__annotations__)))
    return tuple(sorted(labels, key=lambda label: (label.year[:4], label.title)))


def load_exhibit(name: str) -> Exhibit:
    """The exhibit of a name.

    Raises
    ------
    ConfigError
        If there is none; the message names those that come close.
    """
    names = exhibit_names()
    if name not in names:
        close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else "`hybrid demo list` has them"
        raise ConfigError(f"there is no exhibit {name!r}; {hint}")
    from hybrid.history.exhibit import Exhibit

    module = importlib.import_module(f"hybrid.history.{name.replace('-', '_')}")
    exhibit = module.EXHIBIT
    if not isinstance(exhibit, Exhibit) or exhibit.name != name:
        raise ConfigError(f"the module {module.__name__} must hold an Exhibit named {name!r}")
    return exhibit


def all_exhibits() -> tuple[Exhibit, ...]:
    """All exhibits by year, then by title; their modules are imported."""
    found = [load_exhibit(name) for name in exhibit_names()]
    return tuple(sorted(found, key=lambda exhibit: (exhibit.first_year, exhibit.title)))


def run_exhibit(
    exhibit: Exhibit, seed: int = 1, settings: Mapping[str, Value] | None = None
) -> tuple[Demonstration, Values]:
    """Run an exhibit once.

    Parameters
    ----------
    exhibit : Exhibit
    seed : int
        0..2**63 - 1; the same seed and settings give the same demonstration.
    settings : mapping, optional
        Values, or texts as ``--set`` gives them; what is left out has its default.

    Returns
    -------
    (Demonstration, Values)
        What was made, and every value it was made with.

    Raises
    ------
    ConfigError
        If a setting is unknown or out of its range.
    """
    from hybrid.core.seeds import check_seed, stage_rng
    from hybrid.history.parameters import resolve

    check_seed(seed)
    values = resolve(exhibit.parameters, settings or {}, exhibit.name)
    return exhibit.make(stage_rng(seed, "history", exhibit.name), values), values
