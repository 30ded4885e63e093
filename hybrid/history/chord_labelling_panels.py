"""The machine of chord labelling: ribbons, trellis, sums of templates, chances, agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import NO_SPELLING, Key, spelling_name
from hybrid.core.score import Score
from hybrid.history.chord_chain import Trellis
from hybrid.history.chord_labels import Label, agreement, changes_of, is_same, label_of
from hybrid.history.chord_templates import N_CHORDS, N_QUALITIES, Beats, template_sums
from hybrid.history.panels import Bars, Cells, Curve, Mosaic, Panel, Step, Table, Text, Tile
from hybrid.history.words import chord_name

#: Log units behind the best path, one shade each; the last is the ground.
SHADE = 2.0
#: Templates whose sums are shown.
SHOWN = 6
NAMES = {"templates": "templates", "hmm": "HMM", "network": "network"}
#: Colours of the row that says who is apart.
ALONE = {"T": 12, "H": 13, "N": 14, "3": 15}
PAIRS = (("templates", "network"), ("hmm", "network"), ("templates", "hmm"))


class Panels:
    """Collects the steps: rounds of Baum-Welch, beats, the way back."""

    def __init__(
        self,
        score: Score,
        beats: Beats,
        labels: Mapping[str, Sequence[Label]],
        trellis: Trellis,
        sure: NDArray[np.float64],
        curve: Sequence[float],
        key: Key,
    ) -> None:
        self.score, self.beats, self.labels = score, beats, labels
        self.trellis, self.sure, self.curve = trellis, sure, curve
        self.path = trellis.path()
        self.survivors = [trellis.path(beat) for beat in range(len(beats))]
        self.key = key
        self.apart = self._apart()
        self.steps: list[Step] = []
        tiles = self._tiles()
        self.starts = [tile.start for tile in tiles]
        self.hmm_tile = [
            max(n for n, tile in enumerate(tiles) if tile.row == 1 and tile.start <= beat)
            for beat in range(len(beats))
        ]
        self.ribbons = Mosaic(
            "ribbons",
            "Three readings, beat by beat; a colour is a root",
            "Three rows of tiles, one for each way of labelling, and a fourth that marks the beats "
            "where they differ.",
            tiles=tiles,
            row_names=(*NAMES.values(), "apart"),
        )
        self.rows = self._rows()
        self.grid = Cells(
            "trellis",
            "The trellis of Viterbi: the best path to each chord",
            "Columns are beats, rows chords; the darker, the likelier the best path that ends "
            "there; framed is the best path so far.",
            width=len(beats),
            height=len(self.rows),
            legend=("far behind", *(f"{SHADE * (9 - n):g}" for n in range(1, 9)), "best"),
            row_names=tuple(self.symbol(chord) for chord in self.rows),
            ordered=True,
        )
        self.sums = Text(
            "sums",
            "The templates' sums at this beat",
            "A line for each of the best templates: weight for it, against it, tones missing.",
        )
        self.bars = Bars(
            "sure",
            "How sure the HMM is, given the whole piece",
            "A bar for each chord: its chance at this beat given all notes.",
            labels=self.grid.row_names,
        )
        self.table = Table(
            "agreement",
            "Who agrees with whom",
            "Table of the shares of beats on which two ways agree, and of how often each changes.",
            columns=("same root", "same root and triad"),
            rows=tuple(
                tuple(f"{share:.0%}" for share in agreement(labels[one], labels[other]))
                for one, other in PAIRS
            ),
            names=tuple(f"{NAMES[one]} and {NAMES[other]}" for one, other in PAIRS),
        )
        self.flicker = Bars(
            "changes",
            "How often the label changes",
            "A bar for each way of labelling: how often its label differs from the beat before.",
            labels=tuple(NAMES.values()),
        )
        self.fit = Curve(
            "fit",
            "Baum-Welch on the other chorales",
            "The log likelihood of the other chorales before each round; it never falls.",
            x_name="round",
            y_name="log likelihood",
            series=(("other chorales", tuple(map(float, range(len(curve)))), tuple(curve)),),
        )
        learned = (self.fit,) if len(curve) > 1 else ()
        self.panels: tuple[Panel, ...] = (
            self.ribbons,
            self.grid,
            self.sums,
            self.bars,
            self.table,
            self.flicker,
            *learned,
        )
        self._opening()

    def symbol(self, chord: int) -> str:
        """Name of a chord, spelled in the key."""
        return label_of(chord, self.key).name

    def _apart(self) -> dict[int, str]:
        found = {}
        rows = zip(*(self.labels[way] for way in NAMES), strict=True)
        for beat, (one, two, three) in enumerate(rows):
            if is_same(one, two) and is_same(two, three):
                continue
            found[beat] = (
                "T"
                if is_same(two, three)
                else "H"
                if is_same(one, three)
                else "N"
                if is_same(one, two)
                else "3"
            )
        return found

    def _tiles(self) -> tuple[Tile, ...]:
        tiles = []
        for row, (way, title) in enumerate(NAMES.items()):
            at = 0
            for name, group in groupby(self.labels[way], key=lambda label: label.name):
                run = list(group)
                where = self.place(at)
                under = run[0].numeral.split(" in ")[0] if way == "network" else ""
                if way == "hmm":
                    chance = np.mean(
                        [self.sure[beat, self.path[beat]] for beat in self._run(at, run)]
                    )
                    under = f"{chance:.0%}"
                elif way == "templates":
                    under = f"{self._total(at):.3g}"
                detail = f"{title}, {where}: {name}"
                if run[0].numeral:
                    detail += f" ({', '.join(dict.fromkeys(label.numeral for label in run))})"
                tiles.append(Tile(row, at, len(run), name, under, run[0].root * 7 % 12, detail))
                at += len(run)
        for beat, who in self.apart.items():
            names = ", ".join(f"{NAMES[way]} {self.labels[way][beat].name}" for way in NAMES)
            tiles.append(Tile(3, beat, 1, who, "", ALONE[who], f"{self.place(beat)}: {names}"))
        return tuple(sorted(tiles, key=lambda tile: (tile.start, tile.row)))

    def _run(self, at: int, run: Sequence[Label]) -> range:
        return range(at, at + len(run))

    def _total(self, beat: int) -> float:
        return template_sums(self.beats.segments[beat], self.beats.bass[beat])[0].total

    def place(self, beat: int) -> str:
        """Bar and beat in words."""
        tick = self.beats.starts[beat]
        bar = self.score.bar_at(tick)
        if bar.is_pickup:
            return f"upbeat, beat {sum(bar.start <= start <= tick for start in self.beats.starts)}"
        step = bar.metre.beat_quarters * self.score.ticks_per_quarter
        return f"bar {bar.number}, beat {int((tick - bar.start) // step) + 1}"

    def _rows(self) -> tuple[int, ...]:
        """Chords that some path or label takes, by the circle of fifths from the tonic."""
        taken = {chord for path in self.survivors for chord in path}
        for beat in range(len(self.beats)):
            taken.add(int(self.sure[beat].argmax()))
        tonic = self.key.tonic * 7 % 12
        order = sorted(
            range(N_CHORDS),
            key=lambda chord: (
                ((chord // N_QUALITIES - tonic) * 7 + 5) % 12,
                chord % N_QUALITIES,
            ),
        )
        return tuple(chord for chord in order if chord in taken)

    def _levels(self, until: int) -> list[list[int]]:
        """Shades of the trellis as far as a beat."""
        best = self.trellis.best[: until + 1]
        behind = best.max(axis=1, keepdims=True) - best[:, list(self.rows)]
        levels = np.zeros((len(self.beats), len(self.rows)), dtype=int)
        levels[: until + 1] = np.maximum(0, 9 - np.ceil(behind / SHADE)).astype(int)
        return [list(row) for row in levels.T.tolist()]

    def _opening(self) -> None:
        blank = {
            "ribbons": self.ribbons.show(0),
            "trellis": self.grid.show([[0] * len(self.beats)] * len(self.rows)),
            "sums": self.sums.say(["No beat has been heard yet."]),
            "sure": self.bars.show([0.0] * len(self.rows)),
            "agreement": self.table.mark(),
            "changes": self.flicker.show([0.0] * len(NAMES)),
        }
        if len(self.curve) == 1:
            self.steps.append(Step("The bigrams come from the chord tables as they are.", blank))
            return
        for number, value in enumerate(self.curve):
            states = {"fit": self.fit.first(number + 1)}
            self.steps.append(
                Step(
                    f"Baum-Welch, round {number}: log likelihood {value:.0f}.",
                    {**blank, **states} if number == 0 else states,
                )
            )

    def beat(self, beat: int) -> None:
        """One more beat is heard."""
        names = {way: self.labels[way][beat].name for way in NAMES}
        numeral = self.labels["network"][beat].numeral
        words = (
            f"all three say {names['hmm']}"
            if len(set(names.values())) == 1
            else f"templates {names['templates']}, HMM {names['hmm']}, network {names['network']}"
        )
        survivor = self.survivors[beat]
        revised = []
        if beat:
            before = self.survivors[beat - 1]
            revised = [
                n for n, (old, new) in enumerate(zip(before, survivor, strict=False)) if old != new
            ]
        if revised:
            chords = ", ".join(self.symbol(survivor[n]) for n in revised)
            back = f"; the chain thinks again about {self._beats_back(beat, revised)}: {chords}"
        else:
            back = ""
        others = [
            self.rows.index(chord)
            for chord in self.rows
            if self.symbol(chord) in (names["templates"], names["network"])
            and chord != self.path[beat]
        ]
        place = self.place(beat)
        self.steps.append(
            Step(
                f"{place[0].upper()}{place[1:]}: {words} ({numeral}){back}.",
                {
                    "ribbons": self.ribbons.show(
                        sum(start <= beat for start in self.starts), self.hmm_tile[beat]
                    ),
                    "trellis": self.grid.show(
                        self._levels(beat),
                        [(self.rows.index(chord), n) for n, chord in enumerate(survivor)],
                    ),
                    "sums": self.sums.say(*self._sum_lines(beat)),
                    "sure": self.bars.show(
                        [round(float(self.sure[beat, chord]), 3) for chord in self.rows],
                        chosen=self.rows.index(self.path[beat]),
                        rejected=others,
                    ),
                    "changes": self.flicker.show(
                        [float(changes_of(self.labels[way][: beat + 1])) for way in NAMES]
                    ),
                },
                self.beats.starts[beat],
                self.beats.ends[beat],
            )
        )

    def _beats_back(self, beat: int, revised: Sequence[int]) -> str:
        if revised == [beat - 1]:
            return "the beat before"
        return f"{len(revised)} beats before" if len(revised) > 1 else self.place(revised[0])

    def _spelled(self, beat: int) -> dict[int, str]:
        """Names of the pitch classes of a beat, as they are written there."""
        names = {}
        for track in self.score.tracks:
            ends = track.notes["onset"] + track.notes["duration"]
            here = (track.notes["onset"] < self.beats.ends[beat]) & (ends > self.beats.starts[beat])
            for note in track.notes[here]:
                pitch, spelling = int(note["pitch"]), int(note["spelling"])
                written = self.key.spell(pitch) if spelling == NO_SPELLING else spelling
                names[pitch % 12] = chord_name(spelling_name(written))
        return names

    def _by_key(self, tone: int) -> str:
        """Name of a pitch class that is heard but not written."""
        return chord_name(spelling_name(self.key.spell(60 + tone)))

    def _sum_lines(self, beat: int) -> tuple[list[str], list[int]]:
        weights = self.beats.segments[beat]
        names = self._spelled(beat)
        heard = "  ".join(
            f"{names.get(tone) or self._by_key(tone)}"
            f"{f'×{weights[tone]:.2g}' if weights[tone] > 1 else ''}"
            for tone in range(12)
            if weights[tone]
        )
        lines = [f"heard: {heard or 'silence'}", "         for  against  missing  sum"]
        for item in template_sums(weights, self.beats.bass[beat])[:SHOWN]:
            lines.append(
                f"{self.symbol(item.chord):<6} {item.for_:>5.3g}  {item.against:>7.3g}  "
                f"{item.missing:>7}  {item.total:>3.3g}"
            )
        return lines, [2]

    def close(self) -> None:
        """The way back from the last beat: the answer."""
        last = len(self.beats) - 1
        self.steps.append(
            Step(
                "From the last beat the way back is followed: these chords are the HMM's answer.",
                {
                    "ribbons": self.ribbons.show(len(self.starts), self.hmm_tile[last]),
                    "trellis": self.grid.show(
                        self._levels(last),
                        [(self.rows.index(chord), n) for n, chord in enumerate(self.path)],
                    ),
                    "agreement": self.table.mark(
                        chosen=[(row, column) for row in (0, 1) for column in range(2)]
                    ),
                },
            )
        )
