"""The machine at work: panels that a slider steps through.

A `Machine` has panels and steps. A panel holds what does not change (a table's cells, a graph's
nodes); a step says what each panel shows then, made by the panel's own methods. A panel that a
step does not name keeps what it showed last. The page's script draws each kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.history.shading import shaded_png

#: Most steps of a machine, so that a page stays quick to open.
MAX_STEPS = 1500

#: What a panel shows at one step: plain values for JSON.
State = dict[str, Any]
Place = tuple[int, int]


@dataclass(frozen=True)
class Panel:
    """What all panels have.

    Attributes
    ----------
    name : str
        Of this panel within its machine: letters, digits and hyphens.
    title : str
        Shown above it.
    alt : str
        What it shows, for those who do not see it; one sentence.
    """

    name: str
    title: str
    alt: str

    @property
    def kind(self) -> str:
        """What the page's script calls it."""
        return type(self).__name__.lower()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"kind": self.kind, **{name: getattr(self, name) for name in self.__match_args__}}


@dataclass(frozen=True)
class Table(Panel):
    """Cells in rows and columns, some of them marked.

    ``columns`` are the heads, ``rows`` the texts of the cells; ``names`` heads of the rows.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    names: tuple[str, ...] = ()

    def mark(
        self,
        chosen: Iterable[Place] = (),
        rejected: Iterable[Place] = (),
        past: Iterable[Place] = (),
    ) -> State:
        """Mark cells (row, column): the choice, what was rejected, choices before."""
        return {
            "chosen": [list(place) for place in chosen],
            "rejected": [list(place) for place in rejected],
            "past": [list(place) for place in past],
        }


@dataclass(frozen=True)
class Cells(Panel):
    """A grid of coloured cells, such as an automaton's.

    ``legend`` names the values 0, 1, 2 ...; 0 is the ground. At most ten values. Where they are
    ``ordered``, as numbers are, they are shades of one colour.
    """

    width: int = 0
    height: int = 0
    legend: tuple[str, ...] = ()
    row_names: tuple[str, ...] = ()
    column_names: tuple[str, ...] = ()
    ordered: bool = False

    def show(self, values: Sequence[Sequence[int]], lit: Iterable[Place] = ()) -> State:
        """Values by rows, each an index of ``legend``; ``lit`` cells get a frame."""
        shape = {len(row) for row in values}
        if len(values) != self.height or shape - {self.width}:
            raise ConfigError(
                f"panel {self.name!r} must be given {self.height} rows of {self.width} values, "
                f"got {len(values)} of {sorted(shape)}"
            )
        rows = ["".join(str(int(value)) for value in row) for row in values]
        return {"rows": rows, "lit": [list(place) for place in lit]}


@dataclass(frozen=True)
class Dice(Panel):
    """Dice of six sides with their pips; other numbers are written out."""

    def show(self, faces: Sequence[int], note: str = "") -> State:
        """The faces up, and a word on them."""
        return {"faces": [int(face) for face in faces], "note": note}


@dataclass(frozen=True)
class Graph(Panel):
    """Nodes and weighted arrows, laid out on a circle unless ``places`` (0..1) are given.

    ``edges`` are (from, to, weight 0..1), by the numbers of the nodes.
    """

    nodes: tuple[str, ...] = ()
    edges: tuple[tuple[int, int, float], ...] = ()
    places: tuple[tuple[float, float], ...] = ()

    def light(self, nodes: Iterable[int] = (), edges: Iterable[Place] = ()) -> State:
        """Light nodes, and edges (from, to)."""
        return {"nodes": list(nodes), "edges": [list(edge) for edge in edges]}


@dataclass(frozen=True)
class Tree(Panel):
    """A tree of labels, each node with the number of its parent (-1: the root) and a detail.

    Parents come before their children.
    """

    nodes: tuple[tuple[str, int, str], ...] = ()

    def grow(self, shown: int, lit: Iterable[int] = ()) -> State:
        """Show the first ``shown`` nodes and light some."""
        return {"shown": int(shown), "lit": list(lit)}


@dataclass(frozen=True)
class Tile:
    """One tile of a `Mosaic`: its row, where it begins and how wide it is, what it says.

    ``tone`` numbers its colour, from 0; ``detail`` is shown when one points at it.
    """

    row: int
    start: float
    width: float
    label: str
    under: str
    tone: int
    detail: str = ""


@dataclass(frozen=True)
class Mosaic(Panel):
    """Rows of coloured tiles: what comes from where. Any number of colours."""

    tiles: tuple[Tile, ...] = ()
    row_names: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        tiles = [
            [tile.row, tile.start, tile.width, tile.label, tile.under, tile.tone, tile.detail]
            for tile in self.tiles
        ]
        return {**super().to_dict(), "tiles": tiles}

    def show(self, shown: int, lit: int | None = None) -> State:
        """Show the first tiles; one of them gets a frame."""
        return {"shown": int(shown), "lit": lit}


@dataclass(frozen=True)
class Population(Panel):
    """Small cards in a grid, one for each chromosome, with its fitness.

    ``is_notes``: genes 1..14 are drawn as notes by height, 0 is a rest, 15 holds; else they are
    written as numbers.
    """

    count: int = 0
    is_notes: bool = True

    def show(
        self,
        genes: Sequence[Sequence[int]],
        fitness: Sequence[int],
        roles: Mapping[int, str] | None = None,
    ) -> State:
        """Genes and fitness of each; ``roles`` of some: playing, parent, child."""
        if len(genes) != self.count or len(fitness) != self.count:
            raise ConfigError(
                f"panel {self.name!r} must be given {self.count} chromosomes, got {len(genes)} "
                f"with {len(fitness)} fitnesses"
            )
        return {
            "genes": [list(map(int, row)) for row in genes],
            "fitness": list(map(int, fitness)),
            "roles": [[int(number), role] for number, role in (roles or {}).items()],
        }


@dataclass(frozen=True)
class Jam(Panel):
    """A soloist in the page that plays, hears g and b, and breeds; its script is ``jam.js``.

    Attributes
    ----------
    measures, phrases : tuple of genes
        The first populations.
    bars : tuple of mapping
        Of each bar of the tune, for each half: ``names`` of chords, ``ladders`` of the fourteen
        pitches, ``piano`` and ``bass`` pitches.
    tempo : float
        Quarters a minute.
    swing : bool
    """

    measures: tuple[tuple[int, ...], ...] = ()
    phrases: tuple[tuple[int, ...], ...] = ()
    bars: tuple[Mapping[str, Any], ...] = ()
    tempo: float = 120.0
    swing: bool = False

    def show(self) -> State:
        """It goes its own way, whatever the step."""
        return {}


@dataclass(frozen=True)
class Curve(Panel):
    """Lines over one axis: ``series`` of (name, x values, y values)."""

    x_name: str = ""
    y_name: str = ""
    series: tuple[tuple[str, tuple[float, ...], tuple[float, ...]], ...] = ()
    equal: bool = False
    """Whether both axes have one scale, as a drawing needs."""

    def at(self, x: float) -> State:
        """Draw the lines as far as ``x``; past it they are pale."""
        return {"x": float(x)}

    def first(self, points: int) -> State:
        """Draw the first points of every line; the others are pale."""
        return {"points": int(points)}


@dataclass(frozen=True)
class Bars(Panel):
    """Bars for the weights of some choices."""

    labels: tuple[str, ...] = ()

    def show(
        self, values: Sequence[float], chosen: int | None = None, rejected: Iterable[int] = ()
    ) -> State:
        """A value for each label; the choice, and what was rejected before."""
        if len(values) != len(self.labels):
            raise ConfigError(
                f"panel {self.name!r} must be given {len(self.labels)} values, got {len(values)}"
            )
        return {
            "values": [round(float(value), 5) for value in values],
            "chosen": chosen,
            "rejected": list(rejected),
        }


@dataclass(frozen=True)
class Picture(Panel):
    """A picture of many cells, such as a spectrogram, low rows at the foot.

    Attributes
    ----------
    width, height : int
        Cells.
    x_name, y_name : str
        Of the axes.
    low, high : str
        What the darkest and the brightest shade stand for.
    """

    width: int = 0
    height: int = 0
    x_name: str = ""
    y_name: str = ""
    low: str = ""
    high: str = ""

    def show(self, shares: NDArray[Any]) -> State:
        """Shares 0..1, shape (height, width), row 0 at the foot; what lies outside is cut."""
        if shares.shape != (self.height, self.width):
            raise ConfigError(
                f"panel {self.name!r} must be given {self.height} rows of {self.width} shares, "
                f"got {shares.shape}"
            )
        return {"png": shaded_png(shares[::-1])}


def spectrogram_panel(name: str, title: str, alt: str, shape: tuple[int, int]) -> Picture:
    """A picture for levels of sound, (bands, frames)."""
    height, width = shape
    return Picture(name, title, alt, width, height, "time", "pitch (mel)", "silent", "loud")


@dataclass(frozen=True)
class Text(Panel):
    """Lines of text, some lit; or, with `say`, other lines at each step."""

    lines: tuple[str, ...] = ()
    monospace: bool = True

    def upto(self, shown: int, lit: Iterable[int] = ()) -> State:
        """Show the first lines and light some."""
        return {"shown": int(shown), "lit": list(lit)}

    def say(self, lines: Sequence[str], lit: Iterable[int] = ()) -> State:
        """Other lines than the panel's own."""
        return {"lines": list(lines), "lit": list(lit)}


@dataclass(frozen=True)
class Step:
    """One step of the machine.

    Attributes
    ----------
    caption : str
        What happens, one sentence; read aloud by screen readers.
    states : mapping
        Panel's name to what it shows.
    start, end : int or None
        Ticks of the music that this step wrote; its notes are marked in the score, and the slider
        follows the music. None where the step wrote none.
    tracks : tuple of str
        Only these tracks; empty for all.
    """

    caption: str
    states: Mapping[str, State] = field(default_factory=dict)
    start: int | None = None
    end: int | None = None
    tracks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Machine:
    """Panels and steps.

    Raises
    ------
    ConfigError
        If a step names a panel that is not there, steps go back in the music, or there are none
        or too many.
    """

    panels: tuple[Panel, ...]
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        names = [panel.name for panel in self.panels]
        if len(set(names)) != len(names):
            raise ConfigError(f"Machine.panels must have different names, got {names}")
        if not 1 <= len(self.steps) <= MAX_STEPS:
            raise ConfigError(f"Machine.steps must be 1..{MAX_STEPS}, got {len(self.steps)}")
        before = 0
        for number, step in enumerate(self.steps):
            unknown = set(step.states) - set(names)
            if unknown:
                raise ConfigError(f"step {number} names no panel with {sorted(unknown)}")
            if step.start is not None:
                if step.start < before:
                    raise ConfigError(
                        f"steps must not go back in the music, got tick {step.start} after "
                        f"{before} (step {number})"
                    )
                before = step.start

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "panels": [panel.to_dict() for panel in self.panels],
            "steps": [
                {
                    "caption": step.caption,
                    "states": dict(step.states),
                    "start": step.start,
                    "end": step.end,
                    "tracks": list(step.tracks),
                }
                for step in self.steps
            ],
        }
