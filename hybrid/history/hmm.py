"""A hidden Markov model hears chords under a melody: Viterbi, sampling and Baum-Welch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.chord_player import ChordPlayer, bass_note
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.melodies import Melody, load_melodies
from hybrid.history.panels import Cells, Curve, Graph, Machine, Step
from hybrid.history.parameters import Parameter, Values
from hybrid.history.words import note_name

Array = NDArray[np.float64]
HALF = 2 * TICKS_PER_QUARTER
CHORDS = ("C", "Dm", "Em", "F", "G7", "Am")
LONG_NAMES = ("C major", "D minor", "E minor", "F major", "G seventh", "A minor")
#: On the line of fifths, C is 0.
TONES = ((0, 4, 1), (2, -1, 3), (4, 1, 5), (-1, 3, 0), (1, 5, 2, -1), (3, 0, 4))
#: Chances in percent of the chord after each: our guess, before Baum-Welch.
AFTER = (
    (40, 10, 4, 20, 20, 6),
    (5, 25, 5, 5, 55, 5),
    (5, 10, 20, 30, 5, 30),
    (30, 10, 2, 25, 30, 3),
    (60, 2, 3, 5, 25, 5),
    (10, 25, 5, 25, 15, 20),
)
TUNES = (
    "ode-to-joy",
    "ah-vous-dirai-je",
    "frere-jacques",
    "au-clair-de-la-lune",
    "haenschen-klein",
    "london-bridge",
)


@dataclass(frozen=True, eq=False)
class Model:
    """Chances: ``start`` (states,), ``move`` (states, states), ``emit`` (states, symbols)."""

    start: Array
    move: Array
    emit: Array

    def likelihoods(self, counts: Array) -> Array:
        """Of what is seen at each time in each state, (times, states); ``counts`` of symbols."""
        result: Array = np.prod(self.emit[None] ** counts[:, None], axis=2)
        return result


def viterbi(model: Model, counts: Array) -> tuple[list[int], float]:
    """The likeliest states, and the log of their joint chance with what is seen.

    References
    ----------
    Rabiner, L. R. (1989). A tutorial on hidden Markov models. Proc. IEEE 77(2), 257-286.
    """
    with np.errstate(divide="ignore"):
        seen, move = np.log(model.likelihoods(counts)), np.log(model.move)
        best = np.log(model.start) + seen[0]
    back = []
    for row in seen[1:]:
        ways = best[:, None] + move
        back.append(ways.argmax(axis=0))
        best = ways.max(axis=0) + row
    path = [int(best.argmax())]
    for row in reversed(back):
        path.append(int(row[path[-1]]))
    return path[::-1], float(best.max())


def forward_backward(model: Model, counts: Array) -> tuple[Array, Array, Array, float]:
    """Scaled forward and backward chances, the likelihoods, and the log likelihood."""
    seen = model.likelihoods(counts)
    ahead, scale = np.zeros_like(seen), np.zeros(len(seen))
    for t in range(len(seen)):
        row = seen[t] * (model.start if t == 0 else ahead[t - 1] @ model.move)
        scale[t] = row.sum()
        ahead[t] = row / scale[t]
    behind = np.ones_like(seen)
    for t in range(len(seen) - 2, -1, -1):
        behind[t] = model.move @ (seen[t + 1] * behind[t + 1]) / scale[t + 1]
    return ahead, behind, seen / scale[:, None], float(np.log(scale).sum())


def baum_welch(model: Model, songs: list[Array], rounds: int) -> tuple[Model, list[float]]:
    """Fit to what is seen; the log likelihoods before each round and at the end."""
    curve = []
    for _ in range(rounds):
        start, move, emit = (np.zeros_like(part) for part in (model.start, model.move, model.emit))
        total = 0.0
        for counts in songs:
            ahead, behind, seen, log = forward_backward(model, counts)
            total += log
            share = ahead * behind
            start += share[0]
            move += model.move * (ahead[:-1].T @ (seen * behind)[1:])
            emit += share.T @ counts
        curve.append(total)
        model = Model(
            start / start.sum(),
            move / move.sum(axis=1, keepdims=True),
            emit / emit.sum(axis=1, keepdims=True),
        )
    curve.append(sum(forward_backward(model, counts)[3] for counts in songs))
    return model, curve


def sample(model: Model, counts: Array, rng: np.random.Generator) -> list[int]:
    """States drawn from their chances given all that is seen: forward, then draw backwards."""
    ahead = forward_backward(model, counts)[0]
    path: list[int] = []
    for row in ahead[::-1]:
        weights = row * model.move[:, path[-1]] if path else row
        path.append(int(rng.choice(len(row), p=weights / weights.sum())))
    return path[::-1]


def guess() -> Model:
    """What we think of chords before any tune is heard.

    Notes of the chord are ten times likelier than others of the scale, and those five times
    likelier than the rest.
    """
    emit = np.full((len(CHORDS), 12), 0.2)
    emit[:, [0, 2, 4, 5, 7, 9, 11]] = 1.0
    for row, tones in zip(emit, TONES, strict=True):
        row[[tone * 7 % 12 for tone in tones]] = 10.0
    start = np.array([0.75, 0.05, 0.05, 0.05, 0.05, 0.05])
    return Model(start, np.array(AFTER) / 100.0, emit / emit.sum(axis=1, keepdims=True))


def observe(melody: Melody) -> Array:
    """Notes of each pitch class that sound in each half bar, (half bars, 12)."""
    length = sum(ticks for _, ticks in melody.notes)
    counts = np.zeros((length // HALF, 12))
    now = 0
    for pitch, ticks in melody.notes:
        for half in range(now // HALF, (now + ticks - 1) // HALF + 1):
            counts[half, pitch % 12] += 1
        now += ticks
    return counts


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Fit, find the likeliest chords, then draw others."""
    tunes = load_melodies()
    melody = tunes[values.text("tune")]
    counts = observe(melody)
    songs = [observe(tunes[name]) for name in TUNES]
    model, curve = baum_welch(guess(), songs, values.integer("rounds"))
    ahead, behind, _, _ = forward_backward(model, counts)
    chances = ahead * behind
    best, log = viterbi(model, counts)
    ledger = Ledger()
    ledger.track("melody", program=73, clef="treble")
    ledger.track("chords", program=0, clef="treble")
    ledger.track("bass", program=32, clef="bass")
    grid = Cells(
        "chances",
        "Chance of each chord",
        "Columns are half bars, rows chords; the darker, the likelier; framed is the choice.",
        width=len(counts),
        height=len(CHORDS),
        legend=tuple(f"{level}/9" for level in range(10)),
        row_names=LONG_NAMES,
        ordered=True,
    )
    levels = np.rint(chances.T * 9).astype(int).tolist()
    graph = Graph(
        "moves",
        "What follows what",
        "A node for each chord, arrows by the chance of the move; the one just taken is lit.",
        nodes=CHORDS,
        edges=tuple(
            (one, other, round(float(model.move[one, other]), 4))
            for one in range(len(CHORDS))
            for other in range(len(CHORDS))
            if model.move[one, other] > 0.02
        ),
    )
    fit = Curve(
        "fit",
        "Baum-Welch",
        "The log likelihood of the six tunes before each round; it never falls.",
        x_name="round",
        y_name="log likelihood",
        series=(("six tunes", tuple(map(float, range(len(curve)))), tuple(curve)),),
    )
    steps = [
        Step(f"Round {n}: log likelihood {value:.1f}.", {"fit": fit.first(n + 1)})
        for n, value in enumerate(curve)
    ]
    player = ChordPlayer()
    verses = (("Viterbi", best), ("sampling", sample(model, counts, rng)))
    for verse, (maker, path) in enumerate(verses):
        offset = verse * len(counts) * HALF
        now = offset
        for pitch, ticks in melody.notes:
            ledger.note("melody", now, ticks, pitch, maker=melody.title, choice=note_name(pitch))
            now += ticks
        for half, state in enumerate(path):
            tick = offset + half * HALF
            chance = float(chances[half, state])
            others = [
                f"{CHORDS[other]}: {chances[half, other]:.2f}"
                for other in np.argsort(-chances[half])
                if other != state
            ]
            parent = ledger.decide(
                "chord", maker, CHORDS[state], tick=tick, probability=chance, rejected=others
            )
            for pitch, spelling in player.position(TONES[state]):
                ledger.note(
                    "chords",
                    tick,
                    HALF,
                    pitch,
                    maker="chord player",
                    choice=f"a note of {CHORDS[state]}",
                    velocity=58,
                    spelling=spelling,
                    parent=parent,
                )
            low, spelling = bass_note(TONES[state][0])
            ledger.note(
                "bass",
                tick,
                HALF,
                low,
                maker="chord player",
                choice=f"root of {CHORDS[state]}",
                spelling=spelling,
                parent=parent,
            )
            steps.append(
                Step(
                    f"{maker.capitalize()}: {CHORDS[state]}, chance {chance:.2f} given the tune.",
                    {
                        "chances": grid.show(levels, [(state, half)]),
                        "moves": graph.light([state], [(path[half - 1], state)] if half else []),
                    },
                    tick,
                    tick + HALF,
                )
            )
    score, trace = ledger.close(
        title=f"{melody.title.split(' (')[0]}, harmonised twice",
        qpm=values.number("tempo"),
        counts={"half bars": len(counts)},
    )
    n_different = sum(one != other for one, other in zip(best, verses[1][1], strict=True))
    facts = (
        ("Log chance of the best chords and the tune", f"{log:.1f}"),
        ("Log likelihood of six tunes, before and after", f"{curve[0]:.1f}, {curve[-1]:.1f}"),
        ("Half bars where sampling differs", str(n_different)),
    )
    return Demonstration(score, trace, Machine((grid, graph, fit), tuple(steps)), facts)


EXHIBIT = Exhibit(
    name="hmm",
    title="Hidden chords under a tune",
    year="2004",
    people=("Moray Allan", "Christopher Williams"),
    summary="A hidden Markov model finds the likeliest chords under a tune, then draws others.",
    story=(
        "We hear the notes; the chords are hidden. In a hidden Markov model each chord leads to "
        "the next by chance and gives out notes by chance. Allan and Williams harmonised Bach's "
        "chorale melodies in this way.",
        "Viterbi's algorithm finds the one chain of chords that is likeliest as a whole. Sampling "
        "draws chains as often as they are likely. The tune is heard twice, once with each.",
        "Baum-Welch fits the model to tunes that have no chords written: each round counts what "
        "the chords probably were. It never makes the tunes less likely, but after many rounds "
        "the states may be chords in name only. Compare no round with forty.",
    ),
    parameters=(
        Parameter("tune", "ode-to-joy", "The tune.", choices=TUNES),
        Parameter("rounds", 2, "Rounds of Baum-Welch.", low=0, high=100),
        Parameter("tempo", 108.0, "Quarters a minute.", low=40.0, high=300.0),
    ),
    make=make,
    fidelity=(
        Fidelity("Viterbi, Baum-Welch, sampling", "faithful", "computed", "Against brute force."),
        Fidelity("chords hidden, notes seen", "faithful", "memory", "As Allan and Williams did."),
        Fidelity("states", "simplified", "ours", "Six chords of C major, one for each half bar."),
        Fidelity("first guess", "invented", "ours", "They counted chorales; we guess, then fit."),
        Fidelity("inner voices, ornaments", "simplified", "memory", "Left out: chords are played."),
    ),
    citations=(
        "Allan, M., & Williams, C. K. I. (2005). Harmonising chorales by probabilistic inference. "
        "Advances in Neural Information Processing Systems 17, 25-32 (held in 2004).",
        "Rabiner, L. R. (1989). A tutorial on hidden Markov models and selected applications in "
        "speech recognition. Proceedings of the IEEE 77(2), 257-286.",
    ),
    exercises=(
        "Set `rounds=0`, then `rounds=40`. Which chords lose their names' notes?",
        "Find a half bar where Viterbi takes a chord that is not the likeliest there. Why?",
        "Change the seed. Where does sampling never differ?",
    ),
)
