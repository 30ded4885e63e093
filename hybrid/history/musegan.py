"""MuseGAN: a generator and a critic raise each other; four parts share some noise and own some."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import Cells, Curve, Machine, Panel, Step, Table
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import note_name

if TYPE_CHECKING:
    from hybrid.history.musegan_model import Latents

SIXTEENTH = TICKS_PER_QUARTER // 4
NAMES = ("melody", "bridge", "piano", "bass")
#: Program, clef and velocity of each part.
SOUND = ((73, "treble", 92), (48, "treble", 64), (0, "treble", 68), (33, "bass", 84))
SWAPS = (*NAMES, "shared", "time")
#: Phrases drawn to compare figures.
COMPARED = 64


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Draw noise twice, make both phrases, then mixtures of the two."""
    from hybrid.history import musegan_model as model
    from hybrid.history.musegan_metrics import figures_distance, phrase_figures

    generator, notes, _ = model.load_generator()
    first, second = (model.draw_latents(1, generator.config, rng) for _ in range(2))
    swap = values.text("swap")
    what = f"the {swap}'s own noise" if swap in NAMES else _WORDS[swap]
    takes = [
        ("First draw", "two kinds shared, two a part's own", first),
        ("Second draw", "all noise drawn anew", second),
        ("Mixed", f"the first, with {what} of the second", exchange(first, second, swap)),
        ("Mixed back", f"the second, with {what} of the first", exchange(second, first, swap)),
    ]
    made = [model.make_phrases(generator, latents) for _, _, latents in takes]
    rolls = np.concatenate([one[0] for one in made])
    chances = np.concatenate([one[1] for one in made])
    many, _ = model.make_phrases(generator, model.draw_latents(COMPARED, generator.config, rng))
    alone = model.bernoulli(generator, COMPARED, rng)
    show = _Show(notes, model.LOWEST)
    show.compare(phrase_figures(many), phrase_figures(alone), rolls[0])
    show.learnt(notes)
    for place, (name, words, _) in enumerate(takes):
        show.phrase(place, f"{name}: {words}", rolls[place], chances[place], rolls[0])
    test = notes["test"]
    true = {name: (mean, spread) for name, (mean, spread) in notes["true"].items()}
    facts = (
        (
            "Figures' distance from held-out songs: made, independent cells",
            f"{figures_distance(many, true):.2f}, {figures_distance(alone, true):.2f}",
        ),
        ("The same for songs trained on", f"{test['train']:.2f}"),
        (
            "Told from true ones by a fresh classifier: made, independent",
            f"{test['made told apart']:.0%}, {test['independent told apart']:.0%}",
        ),
        ("Weights of the generator", f"{sum(p.numel() for p in generator.parameters())}"),
    )
    score, trace = show.ledger.close(
        title="Four phrases out of noise",
        qpm=values.number("tempo"),
        counts={"phrases": len(takes)},
        length=len(takes) * show.length,
    )
    return Demonstration(score, trace, Machine(show.panels, tuple(show.steps)), facts)


_WORDS = {"shared": "the noise that all parts share", "time": "all noise of single bars"}


def exchange(one: Latents, other: Latents, what: str) -> Latents:
    """The first's noise, with one kind of it taken from the other.

    ``what``: a part's name for its own noise, ``shared`` for what all parts have for the whole
    phrase and for bars, ``time`` for what changes from bar to bar.
    """
    if what == "shared":
        return replace(one, shared=other.shared, shared_time=other.shared_time)
    if what == "time":
        return replace(one, shared_time=other.shared_time, own_time=other.own_time)
    part = NAMES.index(what)
    own, own_time = one.own.clone(), one.own_time.clone()
    own[:, part], own_time[:, part] = other.own[:, part], other.own_time[:, part]
    return replace(one, own=own, own_time=own_time)


def runs(cells: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Notes (onset, length, row) of cells (T, rows): a run of cells is one note."""
    padded = np.pad(cells, ((1, 1), (0, 0)))
    found = []
    for row in range(cells.shape[1]):
        line = padded[:, row].astype(int)
        starts, ends = np.flatnonzero(np.diff(line) == 1), np.flatnonzero(np.diff(line) == -1)
        found += [(int(a), int(b - a), row) for a, b in zip(starts, ends, strict=True)]
    return sorted(found)


class _Show:
    """Panels, steps and notes."""

    panels: tuple[Panel, ...]

    def __init__(self, notes: dict[str, Any], lowest: tuple[int, ...]) -> None:
        self.notes, self.lowest = notes, lowest
        self.ledger = Ledger()
        for name, (program, clef, _) in zip(NAMES, SOUND, strict=True):
            self.ledger.track(name, program=program, clef=clef)
        self.steps: list[Step] = []
        self.length = 64 * SIXTEENTH
        history = notes["history"]
        xs = tuple(row["update"] for row in history)
        self.top = max(lowest) + 24
        self.roll = self._cells(
            "phrase",
            "The phrase",
            "Time goes right in sixteenths, pitch up in semitones. Frames: not so in the first "
            "draw.",
        )
        self.page = self._cells(
            "growing",
            "One draw of noise in the course of training",
            "The same noise through the generator as it was then.",
        )
        self.losses = Curve(
            "losses",
            "The two losses",
            "The critic's gap between true and made phrases, and the generator's loss.",
            x_name="update",
            y_name="critic's units",
            series=tuple(
                (n, xs, tuple(row[n] for row in history)) for n in ("critic", "generator")
            ),
        )
        level = notes["test"]
        self.figures = Curve(
            "figures",
            "Distance of figures from songs held out",
            "Mean over the table's figures, in deviations; level lines are independent cells and "
            "the songs trained on.",
            x_name="update",
            y_name="deviations",
            series=(
                ("made", xs, tuple(min(row["figures"], 6.0) for row in history)),
                ("independent cells", (xs[0], xs[-1]), (level["independent"],) * 2),
                ("songs trained on", (xs[0], xs[-1]), (level["train"],) * 2),
            ),
        )

    def _cells(self, name: str, title: str, words: str) -> Cells:
        pitches = range(self.top - 1, min(self.lowest) - 1, -1)
        return Cells(
            name,
            title,
            words,
            width=64,
            height=len(pitches),
            legend=("silence", *NAMES, "several parts"),
            row_names=tuple(note_name(pitch) if pitch % 12 == 0 else "" for pitch in pitches),
        )

    def _stack(self, rolls: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Which part sounds where, by pitch from above, of (parts, bars, 16, 24)."""
        found = np.zeros((self.roll.height, 64), dtype=np.int64)
        for part, low in enumerate(self.lowest):
            above = self.top - low - 24
            place = found[above : above + 24]
            cells = rolls[part].reshape(64, -1).T[::-1]
            place[cells] = np.where(place[cells] > 0, len(NAMES) + 1, part + 1)
        return found

    def compare(
        self, made: dict[str, Any], alone: dict[str, Any], first: NDArray[np.bool_]
    ) -> None:
        """The table of figures; the first draw, for a beginning."""
        true = self.notes["true"]
        self.table = Table(
            "table",
            f"Figures of {COMPARED} phrases",
            "A row for each figure: songs held out, made phrases, independent cells.",
            columns=("held out", "made", "independent cells"),
            rows=tuple(
                (f"{mean:.2f}", f"{made[name].mean():.2f}", f"{alone[name].mean():.2f}")
                for name, (mean, _) in true.items()
            ),
            names=tuple(true),
        )
        nearer = [
            (row, 1)
            for row, (name, (mean, _)) in enumerate(true.items())
            if abs(made[name].mean() - mean) <= abs(alone[name].mean() - mean)
        ]
        self.steps.append(
            Step(
                f"In {len(nearer)} of {len(true)} figures the made phrases are nearer to songs "
                "than independent cells are.",
                {
                    "table": self.table.mark(chosen=nearer),
                    "phrase": self.roll.show(self._stack(first).tolist()),
                },
            )
        )
        self.panels = (self.roll, self.page, self.losses, self.figures, self.table)

    def learnt(self, notes: dict[str, Any]) -> None:
        """The same noise through the generator as it was at some checks of its training."""
        for number, text in notes["pages"]:
            row = notes["history"][number]
            bits = np.unpackbits(np.frombuffer(bytes.fromhex(text), dtype=np.uint8))
            self.steps.append(
                Step(
                    f"After {row['update']:.0f} updates: {row['cells']:.1%} of cells sound; the "
                    f"critic's gap is {row['critic']:.2f}.",
                    {
                        "growing": self.page.show(
                            self._stack(bits.reshape(4, 4, 16, 24) > 0).tolist()
                        ),
                        "losses": self.losses.at(row["update"]),
                        "figures": self.figures.at(row["update"]),
                    },
                )
            )

    def phrase(
        self,
        place: int,
        words: str,
        rolls: NDArray[np.bool_],
        chances: NDArray[np.float64],
        first: NDArray[np.bool_],
    ) -> None:
        """Write a phrase, and a step for each bar."""
        start = place * self.length
        parent = self.ledger.decide("draw", "noise", words, tick=start)
        for part, name in enumerate(NAMES):
            sure = chances[part].reshape(64, -1)
            for onset, length, row in runs(rolls[part].reshape(64, -1)):
                silent = np.where(sure[onset] > 0.5, 0.0, sure[onset])
                near = [int(n) for n in np.argsort(-silent, kind="stable")[:2]]
                self.ledger.note(
                    name,
                    start + onset * SIXTEENTH,
                    length * SIXTEENTH,
                    self.lowest[part] + row,
                    maker=f"generator of the {name}",
                    choice=f"{note_name(self.lowest[part] + row)}: cells above a half, {length}",
                    velocity=SOUND[part][2],
                    parent=parent,
                    probability=float(sure[onset : onset + length, row].mean()),
                    rejected=[f"{note_name(self.lowest[part] + n)}: {silent[n]:.2f}" for n in near],
                )
        cells = self._stack(rolls)
        other = (cells > 0) & (cells != self._stack(first))
        lit = [(int(row), int(step)) for row, step in np.argwhere(other)]
        for bar in range(4):
            self.steps.append(
                Step(
                    f"{words}. Bar {bar + 1}: {int(rolls[:, bar].sum())} cells sound.",
                    {"phrase": self.roll.show(cells.tolist(), lit)},
                    start + bar * 16 * SIXTEENTH,
                    start + (bar + 1) * 16 * SIXTEENTH,
                )
            )


EXHIBIT = Exhibit(
    name="musegan",
    title="MuseGAN: four parts out of noise",
    year="2018",
    people=("Hao-Wen Dong", "Wen-Yi Hsiao", "Li-Chia Yang", "Yi-Hsuan Yang"),
    summary="A generator makes four parts of noise; a critic that hears true songs teaches it.",
    story=(
        "Two networks play a game. The generator makes four bars out of noise and has never seen "
        "a song. The critic hears its bars and true ones, and gives numbers that lie far apart; "
        "the generator is moved so that they come together. Nobody says what music is.",
        "MuseGAN gives each part noise of its own, and all parts noise that they share; of both, "
        "some holds for a phrase and some changes from bar to bar. So parts may be exchanged: you "
        "hear two draws, then each with one kind of noise taken from the other. What changes "
        "besides the part that was exchanged? Nothing may, if the noise was its own.",
        "A GAN has no likelihood, so nothing says how good it is but other measures. The table "
        "has those of the paper, on songs held out, on made phrases and on cells drawn "
        "independently, each as often as it sounds in songs. A fresh classifier also tries to "
        "tell true from made: at a half it would guess.",
        "The paper's had five parts with drums, 84 pitches, 96 steps a bar and the bars of over "
        "twenty thousand songs, and trained for a day or less on a large GPU; a later one made "
        "its cells binary. Amazon's keyboard DeepComposer (2019) had students train its kin in "
        "the cloud. This one has four parts of two octaves in C, 4,313 phrases and ten minutes of "
        "one processor core. It found the scale, the beat and how many notes sound: all from the "
        "critic. But it cuts notes short, lets melody and bass sound two at a time, and "
        "repeats its bar: from one bar to the next a sixth of its cells change, in songs nine "
        "tenths. The noise of single bars has next to no say; nor has it a plan or an ending.",
    ),
    parameters=(
        Parameter(
            "swap",
            "melody",
            "Noise that is exchanged: a part's own, all parts' shared, or that of single bars.",
            choices=SWAPS,
        ),
        Parameter("tempo", 96.0, "Quarters a minute.", low=40.0, high=240.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "four kinds of noise", "faithful", "memory", "The hybrid model with its time networks."
        ),
        Fidelity(
            "Wasserstein loss with slope penalty", "faithful", "computed", "On a known slope."
        ),
        Fidelity(
            "binary cells", "faithful", "memory", "Dong and Yang's second paper: trained twice."
        ),
        Fidelity("networks", "simplified", "ours", "Layers over beats instead of convolutions."),
        Fidelity("parts", "simplified", "ours", "Four without drums: POP909 has none."),
        Fidelity("pitches", "simplified", "ours", "Two octaves each, all songs moved to C."),
        Fidelity(
            "qualified notes", "simplified", "ours", "An eighth or more; the grid is coarser."
        ),
    ),
    citations=(
        "Dong, H.-W., Hsiao, W.-Y., Yang, L.-C., & Yang, Y.-H. (2018). MuseGAN: Multi-track "
        "sequential generative adversarial networks for symbolic music generation and "
        "accompaniment. AAAI. arXiv:1709.06298.",
        "Dong, H.-W., & Yang, Y.-H. (2018). Convolutional generative adversarial networks with "
        "binary neurons for polyphonic music generation. ISMIR. arXiv:1804.09399.",
        "Gulrajani, I., Ahmed, F., Arjovsky, M., Dumoulin, V., & Courville, A. (2017). Improved "
        "training of Wasserstein GANs. NeurIPS. arXiv:1704.00028.",
        "Amazon Web Services (2019). AWS DeepComposer.",
    ),
    exercises=(
        "Set `swap=bass`, then look at the red cells: does another part change? Why not?",
        "Set `swap=shared`. Which part hangs most on what all share?",
        "Set `swap=time`. How little changes, and what would a critic have to hear to mind?",
        "Step through the training: when does the bass come, and when the chords?",
    ),
)
