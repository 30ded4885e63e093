"""Motifs out of L-systems: a few beats of a long line that can serve as a theme.

A curve or a string gives hundreds of notes. A theme needs a handful, within a singer's
reach, that fill whole beats. All windows of the line are considered; those that break a
bound are dropped, the rest ranked by a few plain criteria of melodic writing, and one of the
best is taken.

References
----------
Toch, E. (1948). The Shaping Forces in Music, chapters 5 and 6 (leaps are filled, contours
    have one summit).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, cycle, pairwise

import numpy as np

from hybrid.core.errors import GrammarError
from hybrid.grammar.lsystem import Derivation, LSystem
from hybrid.grammar.lsystem_notation import load_lsystem, lsystem_names
from hybrid.grammar.lsystem_readings import NoteEvent, contour, tokens
from hybrid.grammar.lsystem_readings_time import rhythm

# Every value of a window is multiplied by one of these, to fit the beats asked for.
SCALES = (Fraction(1), Fraction(2), Fraction(1, 2), Fraction(4), Fraction(1, 4))
GRID = Fraction(1, 4)
# Values that are written as one note, plain or dotted, in quarters.
VALUES = frozenset(Fraction(n, 4) for n in (1, 2, 3, 4, 6, 8, 12, 16))
# Windows are not looked for beyond this many notes of the line.
MAX_NOTES_READ = 4096
SHORTLIST = 8

Motif = tuple[tuple[Fraction, int], ...]


@dataclass(frozen=True)
class MotifConfig:
    """Bounds of a motif.

    Attributes
    ----------
    beats : Fraction
        Its length in quarters, a multiple of 1/4.
    min_notes, max_notes : int or None
        None: one a quarter (at least two), and two a quarter and one more.
    max_leap : int
        Largest step between neighbours, in scale steps (4 is a fifth).
    max_span : int
        From lowest to highest, in scale steps (7 is an octave).
    max_value : Fraction
        Longest note, in quarters.
    """

    beats: Fraction = Fraction(4)
    min_notes: int | None = None
    max_notes: int | None = None
    max_leap: int = 4
    max_span: int = 7
    max_value: Fraction = Fraction(2)

    def __post_init__(self) -> None:
        if self.beats <= 0 or (self.beats / GRID).denominator != 1:
            raise GrammarError(f"beats must be a positive multiple of {GRID}, got {self.beats}")
        fewest, most = self.notes
        if not 1 <= fewest <= most:
            raise GrammarError(f"min_notes must be in 1..max_notes, got {fewest} and {most}")

    @property
    def notes(self) -> tuple[int, int]:
        """Fewest and most notes."""
        fewest = max(2, int(self.beats)) if self.min_notes is None else self.min_notes
        most = max(3, int(2 * self.beats) + 1) if self.max_notes is None else self.max_notes
        return fewest, most


def motif(
    notes: Sequence[NoteEvent],
    config: MotifConfig | None = None,
    rng: np.random.Generator | None = None,
    values: Sequence[Fraction] | None = None,
) -> Motif:
    """Choose a motif from a line.

    Parameters
    ----------
    notes : sequence of NoteEvent
        Only voice 0 is read.
    config : MotifConfig or None
    rng : numpy.random.Generator or None
        Draws among the best few; None takes the best.
    values : sequence of Fraction, optional
        Durations in quarters to be used in place of the line's own: repeated as often as
        it takes to fill ``config.beats``.

    Returns
    -------
    tuple of (duration, step)
        Durations in quarters, each a plain or dotted value from a sixteenth up, that add up
        to ``config.beats`` exactly (the last note is cut where the window ends); steps
        relative to the first note.

    Raises
    ------
    GrammarError
        If no window keeps the bounds.

    Examples
    --------
    >>> from hybrid.grammar.lsystem_notation import load_lsystem
    >>> theme = motif(contour(load_lsystem("hilbert").derive(4)))
    >>> sum(duration for duration, _ in theme), theme[0][1]
    (Fraction(4, 1), 0)
    """
    config = config or MotifConfig()
    line = [note for note in notes if note.voice == 0][:MAX_NOTES_READ]
    if values is not None and (not values or min(values) <= 0):
        raise GrammarError(f"values must be positive durations, got {list(values)}")
    ranked: dict[Motif, float] = {}
    for candidate in _windows(line, config, values):
        if candidate not in ranked:
            ranked[candidate] = _worth(candidate)
    if not ranked:
        raise GrammarError(
            f"no {config.beats} beats of the {len(line)} notes keep the motif's bounds: "
            f"{config.notes[0]}..{config.notes[1]} notes, leaps up to {config.max_leap}, "
            f"span up to {config.max_span} scale steps"
        )
    # Sorted is stable: of equals the earlier window wins, on every machine.
    best = sorted(ranked, key=lambda item: -ranked[item])[:SHORTLIST]
    return best[0 if rng is None else int(rng.integers(len(best)))]


def lsystem_motif(
    system: LSystem | str,
    config: MotifConfig | None = None,
    rng: np.random.Generator | None = None,
    steps: int | None = None,
) -> Motif:
    """Derive a system, read it as a line and choose a motif.

    Parameters
    ----------
    system : LSystem or str
        Or the name of one in the library.
    config, rng
        As in `motif`; a stochastic system, or one that borrows its rhythm from another,
        needs ``rng``.
    steps : int or None
        None: the system's own number, and up to three more while the line has no window
        that fits.

    Raises
    ------
    GrammarError
        If the system gives no melodic reading, or no window keeps the bounds.

    Notes
    -----
    Curves whose runs are all of one length make dull rhythms. Such a system's file may say
    ``motif: rhythm = NAME`` (else ``own``): the durations are then those of another system
    of the library, a new derivation for every span it fills. Below two quarters such a
    rhythm may leave too few notes.

    Examples
    --------
    >>> len(lsystem_motif("hilbert")) >= 4
    True
    """
    system = load_lsystem(system) if isinstance(system, str) else system
    config = config or MotifConfig()
    values: list[Fraction] | None = None
    lender = system.readings.get("motif", {}).get("rhythm", "own")
    if lender != "own":
        rhythmic = load_lsystem(lender)
        values = []
        while sum(values) < config.beats:
            derivation = rhythmic.derive(rhythmic.steps, rng)
            values += [event.duration for event in rhythm(derivation)]
    attempts = [steps] if steps is not None else [system.steps + more for more in range(4)]
    for attempt in attempts:
        try:
            return motif(melody(system.derive(attempt, rng)), config, rng, values)
        except GrammarError:
            if attempt == attempts[-1]:
                raise
    raise AssertionError("the last attempt returns or raises")


def melody(derivation: Derivation) -> tuple[NoteEvent, ...]:
    """The system's line: its contour if its file has one, else its tokens."""
    readings = derivation.system.readings
    if "contour" in readings:
        return contour(derivation)
    if "tokens" in readings:
        return tokens(derivation)
    raise GrammarError(
        f"L-system {derivation.system.name!r} must have a contour or tokens reading for a melody"
    )


def melodic_systems() -> tuple[str, ...]:
    """Names of the library's systems made for motifs (those with a ``motif:`` line), sorted."""
    return tuple(name for name in lsystem_names() if "motif" in load_lsystem(name).readings)


def _windows(
    line: Sequence[NoteEvent], config: MotifConfig, values: Sequence[Fraction] | None
) -> Iterator[Motif]:
    for start in range(len(line)):
        part = line[start : start + config.notes[1]]
        if values is not None:
            part = _retime(part, values)
        for scale in SCALES if values is None else (Fraction(1),):
            window = _window(part, scale, config)
            steps = [step for _, step in window]
            if (
                sum(value for value, _ in window) == config.beats
                and len(window) >= config.notes[0]
                and max(steps) - min(steps) <= config.max_span
                and len(set(steps)) >= min(3, len(steps))
            ):
                yield window


def _retime(part: Sequence[NoteEvent], values: Sequence[Fraction]) -> list[NoteEvent]:
    onsets = accumulate(cycle(values), initial=Fraction(0))
    return [
        replace(note, onset=onset, duration=value)
        for note, onset, value in zip(part, onsets, cycle(values), strict=False)
    ]


def _window(part: Sequence[NoteEvent], scale: Fraction, config: MotifConfig) -> Motif:
    """The first notes, as long as they keep the bounds and the beats are not full."""
    window: list[tuple[Fraction, int]] = []
    now = Fraction(0)
    before = part[0]
    for note in part:
        joined = note is before or note.onset == before.onset + before.duration
        value = min(note.duration * scale, config.beats - now)
        if not joined or abs(note.step - before.step) > config.max_leap:
            break
        if value > config.max_value or not _is_plain(now, value):
            break
        window.append((value, note.step - part[0].step))
        now += value
        before = note
        if now == config.beats:
            break
    return tuple(window)


def _is_plain(onset: Fraction, value: Fraction) -> bool:
    """Whether a note is written without ties: off the beat it must not hide the next one."""
    if value not in VALUES:
        return False
    if (onset * 2).denominator != 1:
        return value == GRID
    return onset.denominator == 1 or value <= 1


def _worth(candidate: Motif) -> float:
    """How well a motif is written; each term is small, so that none decides alone."""
    values = [value for value, _ in candidate]
    steps = [step for _, step in candidate]
    moves = [after - before for before, after in pairwise(steps)]
    pairs = list(pairwise(moves))
    leaps_filled = sum(abs(a) >= 2 and a * b < 0 and abs(b) == 1 for a, b in pairs)
    leaps_piled = sum(abs(a) >= 2 and abs(b) >= 2 and a * b > 0 for a, b in pairs)
    trills = sum(a == -b for a, b in pairs)
    repeats = sum(move == 0 for move in moves)
    worth = 0.6 * min(len(set(steps)), 5) + 0.8 * min(len(set(values)), 3)
    # One summit, and not at the very start.
    worth += 0.5 * (steps.count(max(steps)) == 1) + 0.3 * (steps.index(max(steps)) > 0)
    worth += 0.4 * leaps_filled - 0.6 * leaps_piled - 0.25 * trills - 0.3 * repeats
    # Motion comes to rest: a long last note on the triad of the first.
    worth += 0.6 * (values[-1] == max(values)) + 0.4 * (steps[-1] % 7 in (0, 2, 4))
    # A whole beat somewhere keeps the metre audible.
    worth += 0.4 * any(value >= 1 for value in values)
    return worth - 0.1 * abs(len(steps) - 6)
