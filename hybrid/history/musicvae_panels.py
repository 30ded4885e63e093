"""The machine of `hybrid.history.musicvae`: all points' melodies, their numbers, their chances."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.history.ledger import Ledger
from hybrid.history.melodies import Melody
from hybrid.history.melody_tokens import SIXTEENTH, Tokens, decode, token_name
from hybrid.history.panels import Bars, Cells, Curve, Mosaic, State, Step, Tile
from hybrid.history.words import note_name

SIZE = 32
#: A token's bar is shown where its chance is ever above this.
SHOWN = 0.05


class Show:
    """Collects notes, decisions and steps.

    Parameters
    ----------
    tunes : list of Melody
        The two.
    given : Tokens, shape (2, T)
    points : np.ndarray, shape (P, D)
        On the way from the one to the other.
    written : Tokens, shape (P, T)
        Decoded at each point.
    chances : np.ndarray, shape (P, T, N_TOKENS)
        By which tokens were taken.
    shares : list of float
        Where each point lies on the way, 0..1.
    notes : dict
        Of the training.
    """

    def __init__(
        self,
        tunes: list[Melody],
        given: Tokens,
        points: np.ndarray,
        written: Tokens,
        chances: np.ndarray,
        shares: list[float],
        notes: dict[str, Any],
    ) -> None:
        self.tunes, self.tokens, self.points = tunes, given, points
        self.written, self.chances, self.shares = written, chances, shares
        self.ledger = Ledger()
        self.ledger.track("given", program=71, clef="treble")
        self.ledger.track("decoded", program=73, clef="treble")
        self.steps: list[Step] = []
        self.now = 0
        often = chances.max(axis=(0, 1)) > SHOWN
        often[written] = True
        self.labels = np.flatnonzero(often).tolist()
        heard = [pitch for row in [*given, *written] for _, _, pitch in decode(row)]
        self.low, self.high = min(heard), max(heard)
        rows = [given[0], *written, given[1]]
        names = [short(tunes[0]), *(f"{share:.2f}" for share in shares), short(tunes[1])]
        self.tiles = [
            Tile(
                row,
                onset,
                length,
                note_name(pitch),
                "",
                pitch % 12,
                f"{note_name(pitch)} in {names[row]}",
            )
            for row, tokens in enumerate(rows)
            for onset, length, pitch in decode(tokens)
        ]
        self.mosaic = Mosaic(
            "all",
            "All points under each other",
            "A row for each point from the one tune to the other; a tile is a note, its colour "
            "the pitch class.",
            tiles=tuple(self.tiles),
            row_names=tuple(names),
        )
        self.roll = Cells(
            "roll",
            "These two bars",
            "Time goes right in sixteenths, pitch goes up; full cells sound.",
            width=SIZE,
            height=self.high - self.low + 1,
            legend=("silence", "held", "begins", "differs from the tune"),
            row_names=tuple(note_name(p) for p in range(self.high, self.low - 1, -1)),
        )
        self.space = Cells(
            "space",
            "The points, number by number",
            "A row for each point, a column for each of the space's dimensions; the darker, the "
            "greater.",
            width=points.shape[1],
            height=len(points),
            legend=tuple(f"{-2.5 + n * 5 / 9:.1f}" for n in range(10)),
            row_names=tuple(f"{share:.2f}" for share in shares),
            ordered=True,
        )
        levels = np.clip(np.rint((points + 2.5) / 5 * 9), 0, 9).astype(int)
        self.levels = levels.tolist()
        first, across = _plane(points[0], points[-1])
        xs, ys = points @ first, points @ across
        self.path = Curve(
            "path",
            "The way, seen on the plane through both points and the middle",
            "The way from one tune's point to the other's, and the straight line between them.",
            x_name="along the first tune's point",
            y_name="across it",
            series=(
                ("the way", tuple(map(float, xs)), tuple(map(float, ys))),
                ("straight", _line(xs[0], xs[-1], len(xs)), _line(ys[0], ys[-1], len(ys))),
                ("from the middle", _line(0.0, xs[0], len(xs)), _line(0.0, ys[0], len(ys))),
            ),
            equal=True,
        )
        self.next = Bars(
            "next",
            "Chances of the token that begins this note",
            "A bar for each token that is ever likely; the one taken is lit.",
            labels=tuple(token_name(token) for token in self.labels),
        )
        history = notes["history"]
        xs = [row["update"] for row in history]
        test = notes["test"]
        self.curve = Curve(
            "learning",
            "Learning: nats a token on songs held out",
            "The bound is the reconstruction's loss and the divergence; two level lines are "
            "counting after one token and after two.",
            x_name="update",
            y_name="nats a token",
            series=(
                *(
                    (name, tuple(xs), tuple(row[name] for row in history))
                    for name in ("bound", "reconstruction", "divergence")
                ),
                *(
                    (f"n-gram, {name}", (xs[0], xs[-1]), (test[name], test[name]))
                    for name in ("order 1", "order 2")
                ),
            ),
        )
        self.history = history
        self.panels = (self.mosaic, self.next, self.roll, self.path, self.space, self.curve)

    def learnt(self) -> None:
        """Steps through the training's checks."""
        for number in np.unique(np.linspace(0, len(self.history) - 1, 8).astype(int)).tolist():
            row = self.history[number]
            self.steps.append(
                Step(
                    f"After {row['update']:.0f} updates {row['same']:.0%} of the tokens of unheard "
                    f"songs come back; the point tells {row['divergence'] * SIZE:.1f} nats.",
                    {"learning": self.curve.at(row["update"])},
                )
            )

    def _cells(self, tokens: Tokens, beside: Tokens | None) -> list[list[int]]:
        grid = np.zeros((self.high - self.low + 1, SIZE), dtype=int)
        for onset, length, pitch in decode(tokens):
            grid[self.high - pitch, onset : onset + length] = 1
            same = beside is None or beside[onset] == tokens[onset]
            grid[self.high - pitch, onset] = 2 if same else 3
        cells: list[list[int]] = grid.tolist()
        return cells

    def given(self, number: int, nats: float) -> None:
        """Play a tune as it was given."""
        tune, tokens = self.tunes[number], self.tokens[number]
        place = 0 if number == 0 else len(self.shares) - 1
        parent = self.ledger.decide(
            "tune", tune.title, f"encoded with {nats:.1f} nats", tick=self.now
        )
        start = self.now
        for onset, length, pitch in decode(tokens):
            self.ledger.note(
                "given",
                start + onset * SIXTEENTH,
                length * SIXTEENTH,
                pitch,
                maker=tune.title,
                choice=note_name(pitch),
                parent=parent,
            )
        self.now += SIZE * SIXTEENTH
        row = 0 if number == 0 else len(self.shares) + 1
        shown = sum(tile.row <= row for tile in self.tiles)
        self.steps.append(
            Step(
                f"{tune.title} is read both ways and becomes a point.",
                {
                    "all": self.mosaic.show(shown),
                    "roll": self.roll.show(self._cells(tokens, None)),
                    "space": self.space.show(self.levels, self._row(place)),
                    "path": self.path.first(place + 1),
                },
                start,
                self.now,
                ("given",),
            )
        )

    def _row(self, place: int) -> list[tuple[int, int]]:
        return [(place, column) for column in range(self.points.shape[1])]

    def point(self, place: int, temperature: float) -> None:
        """Decode one point, note by note."""
        tokens, share = self.written[place], self.shares[place]
        ends = {0: self.tokens[0], len(self.shares) - 1: self.tokens[1]}
        start = self.now
        how = f"drawn at temperature {temperature:g}" if temperature else "the likeliest"
        parent = self.ledger.decide(
            "point", "way through the space", f"{share:.2f} of the way", tick=start
        )
        tile = sum(one.row <= place for one in self.tiles)
        cells = self.roll.show(self._cells(tokens, ends.get(place)))
        found = decode(tokens)
        if not found:
            self.steps.append(
                Step(f"At {share:.2f} of the way the decoder is silent.", {"roll": cells})
            )
        for number, (onset, length, pitch) in enumerate(found):
            chance = self.chances[place, onset]
            token = int(tokens[onset])
            order = np.argsort(-chance, kind="stable")
            others = [int(n) for n in order if n != token][:3]
            tick = start + onset * SIXTEENTH
            self.ledger.note(
                "decoded",
                tick,
                length * SIXTEENTH,
                pitch,
                maker="decoder",
                choice=f"{note_name(pitch)}, {how} token",
                parent=parent,
                probability=float(chance[token]),
                rejected=[f"{token_name(n)}: {chance[n]:.2f}" for n in others],
            )
            states: dict[str, State] = {
                "next": self.next.show(
                    chance[self.labels].tolist(), chosen=self.labels.index(token)
                ),
                "all": self.mosaic.show(tile + number + 1, tile + number),
            }
            if number == 0:
                states["roll"] = cells
                states["space"] = self.space.show(self.levels, self._row(place))
                states["path"] = self.path.first(place + 1)
            self.steps.append(
                Step(
                    f"At {share:.2f} of the way: {note_name(pitch)}, chance {chance[token]:.2f}; "
                    f"next came {token_name(others[0])} with {chance[others[0]]:.2f}.",
                    states,
                    tick,
                    tick + length * SIXTEENTH,
                    ("decoded",),
                )
            )
        self.now += SIZE * SIXTEENTH


def _plane(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two directions at right angles: to the one point, and across to the other."""
    first = one / (np.linalg.norm(one) + 1e-12)
    across = other - (other @ first) * first
    return first, across / (np.linalg.norm(across) + 1e-12)


def _line(start: float, end: float, count: int) -> tuple[float, ...]:
    return tuple(map(float, np.linspace(start, end, count)))


def short(tune: Melody) -> str:
    return tune.title.split(" (")[0]


__all__ = ["Show", "short"]
