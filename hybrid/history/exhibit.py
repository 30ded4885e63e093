"""What an exhibit is: a technique that can be run, and all that is said around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hybrid.core.errors import ConfigError
from hybrid.core.score import Score
from hybrid.core.trace import Trace
from hybrid.history.panels import Machine
from hybrid.history.parameters import Parameter, Values
from hybrid.history.recording import Recording

#: How close a part of an exhibit is to what was done then.
STATUSES = ("faithful", "simplified", "invented")
#: Where we know it from.
GROUNDS = {
    "source": "read in a source",
    "computed": "computed here",
    "memory": "from memory of the publication, unchecked",
    "ours": "our own choice",
}


@dataclass(frozen=True)
class Fidelity:
    """One row of the table of fidelity: a part, how close it is, and where that is known from."""

    part: str
    status: str
    grounds: str
    words: str

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ConfigError(
                f"Fidelity.status must be one of {', '.join(STATUSES)}, got {self.status!r}"
            )
        if self.grounds not in GROUNDS:
            raise ConfigError(
                f"Fidelity.grounds must be one of {', '.join(GROUNDS)}, got {self.grounds!r}"
            )


@dataclass(frozen=True, eq=False)
class Demonstration:
    """One run of an exhibit.

    Attributes
    ----------
    score : Score
    trace : Trace
        An entry for every note, of kind ``note`` with its tick, track and pitch.
    machine : Machine
        What went on, to be stepped through.
    facts : tuple of (str, str)
        Figures of this run, shown at the head of the page.
    recordings : tuple of Recording
        Sounds that the technique made, where it makes sound: the first is the piece's own, which
        the page plays with the score; the others have players of their own. Where there are
        none, the score is played by the synthesizer.

    Raises
    ------
    ConfigError
        If two recordings have one name.
    """

    score: Score
    trace: Trace
    machine: Machine
    facts: tuple[tuple[str, str], ...] = ()
    recordings: tuple[Recording, ...] = ()

    def __post_init__(self) -> None:
        names = [recording.name for recording in self.recordings]
        if len(set(names)) != len(names):
            raise ConfigError(
                f"Demonstration.recordings must have different names, got {', '.join(names)}"
            )


#: Draws from the generator it is given and from nothing else: the same seed, the same bytes.
Make = Callable[[np.random.Generator, Values], Demonstration]


@dataclass(frozen=True, eq=False)
class Exhibit:
    """One technique of the history.

    Attributes
    ----------
    name : str
        As typed: the module's name with hyphens.
    title : str
    year : str
        ``1957``, ``1757–1793``; it begins with the first year.
    people : tuple of str
    summary : str
        One sentence for lists.
    story : tuple of str
        Paragraphs: who did it, how it works, what to listen for.
    make : callable
        (generator, values) -> Demonstration.
    parameters : tuple of Parameter
    fidelity : tuple of Fidelity
    citations : tuple of str
        Author, year, title, place; the first is the main source.
    exercises : tuple of str
        Things to try, with the parameters to set.
    """

    name: str
    title: str
    year: str
    people: tuple[str, ...]
    summary: str
    story: tuple[str, ...]
    make: Make
    fidelity: tuple[Fidelity, ...]
    citations: tuple[str, ...]
    exercises: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()

    def __post_init__(self) -> None:
        if not self.year[:4].isdigit():
            raise ConfigError(f"Exhibit.year must begin with a year, got {self.year!r}")
        for field in ("people", "story", "fidelity", "citations", "exercises"):
            value = getattr(self, field)
            # A forgotten comma makes a text of what should be a tuple.
            if not isinstance(value, tuple) or not value:
                raise ConfigError(f"Exhibit.{field} must be a tuple that is not empty")

    @property
    def first_year(self) -> int:
        return int(self.year[:4])
