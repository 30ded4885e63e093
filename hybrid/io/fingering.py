"""Where to play notes on a fretted instrument, with as little hand movement as possible.

Every moment at which notes begin has its feasible fingerings: one note on a string, the
fretted ones within the hand's span. Dynamic programming picks the cheapest row of them
(Sayegh 1989): cost is the hand's movement, plus the strain of each fingering.

References
----------
Sayegh, S. I. (1989). Fingering for string instruments with the optimum path paradigm.
Computer Music Journal, 13(3), 76-84.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid.core.errors import ConfigError, FormatError, ScoreError
from hybrid.core.pitch import parse_pitch, pitch_name

#: Open strings, lowest first.
TUNINGS: dict[str, str] = {
    "standard": "E2 A2 D3 G3 B3 E4",
    "drop-d": "D2 A2 D3 G3 B3 E4",
    "half-step-down": "Eb2 Ab2 Db3 Gb3 Bb3 Eb4",
    "dadgad": "D2 A2 D3 G3 A3 D4",
    "open-g": "D2 G2 D3 G3 B3 D4",
    "open-d": "D2 A2 D3 F#3 A3 D4",
    "seven-string": "B1 E2 A2 D3 G3 B3 E4",
    "bass": "E1 A1 D2 G2",
    "ukulele": "G4 C4 E4 A4",
}
HIGHEST_FRET = 22
#: Frets from the first to the last finger, both counted, that a hand can span.
HAND_SPAN = 5
_COMFORTABLE_SPAN = 4
_MOST_CANDIDATES = 48
# Costs, in frets of hand movement.
_SPAN_COST, _STRETCH_COST, _HEIGHT_COST, _CUT_COST, _SKIP_COST = 0.4, 2.0, 0.08, 3.0, 0.25


@dataclass(frozen=True)
class Fretboard:
    """Open strings (MIDI pitches, lowest first) and a capo."""

    strings: tuple[int, ...]
    names: tuple[str, ...]
    capo: int = 0

    @classmethod
    def parse(cls, tuning: str, capo: int = 0) -> Fretboard:
        """Read a name of `TUNINGS` or pitches such as ``"D2 A2 D3 G3 B3 E4"``.

        Raises
        ------
        ConfigError
            If neither is meant, or the capo is not in 0..12.
        """
        if isinstance(capo, bool) or not 0 <= capo <= 12:
            raise ConfigError(f"capo must be in 0..12, got {capo}")
        text = TUNINGS.get(tuning.strip().lower(), tuning)
        names = text.replace(",", " ").split()
        try:
            strings = tuple(parse_pitch(name)[0] for name in names)
        except ScoreError:
            raise ConfigError(
                f"tuning must be one of {', '.join(TUNINGS)} or pitches such as "
                f"'{TUNINGS['standard']}', got {tuning!r}"
            ) from None
        if not 1 <= len(strings) <= 12:
            raise ConfigError(f"tuning must have 1 to 12 strings, got {len(strings)}")
        return cls(strings, tuple(names), capo)

    def frets(self, pitch: int) -> list[tuple[int, int]]:
        """Every (string, fret) that gives a pitch; frets count from the capo."""
        places = []
        for string, lowest in enumerate(self.strings):
            fret = pitch - lowest - self.capo
            if 0 <= fret <= HIGHEST_FRET - self.capo:
                places.append((string, fret))
        return places

    @property
    def lowest(self) -> int:
        return min(self.strings) + self.capo

    @property
    def highest(self) -> int:
        return max(self.strings) + HIGHEST_FRET


@dataclass(frozen=True)
class Strum:
    """Notes that begin together: tick, end of the longest, pitches low to high, place."""

    start: int
    end: int
    pitches: tuple[int, ...]
    where: str


#: (string, fret) of each note.
Fingering = tuple[tuple[int, int], ...]


def choose_fingerings(strums: Sequence[Strum], board: Fretboard) -> list[Fingering]:
    """The row of fingerings of least cost.

    Raises
    ------
    FormatError
        If a note is out of range or a chord cannot be held; the message names it.
    """
    if not strums:
        return []
    options = [_candidates(strum, board) for strum in strums]
    # State: (fingering, hand position); open strings leave the hand where it is.
    best: dict[tuple[int, int], tuple[float, tuple[int, int] | None]] = {}
    for index, fingering in enumerate(options[0]):
        hand = _hand(fingering, 1)
        best[index, hand] = (_strain(fingering) + 0.1 * hand, None)
    rows = [best]
    for at in range(1, len(strums)):
        before, follower = strums[at - 1], strums[at]
        rings = before.end > follower.start
        best = {}
        for index, fingering in enumerate(options[at]):
            strain = _strain(fingering)
            for state, (cost, _) in rows[-1].items():
                hand = _hand(fingering, state[1])
                move = abs(hand - state[1])
                cut = _CUT_COST * _cuts(options[at - 1][state[0]], fingering) if rings else 0.0
                total = cost + strain + move + cut + _skip(options[at - 1][state[0]], fingering)
                if (index, hand) not in best or total < best[index, hand][0]:
                    best[index, hand] = (total, state)
        rows.append(best)
    last = rows[-1]
    at_end: tuple[int, int] | None = min(last, key=lambda key: (last[key][0], key))
    chosen: list[Fingering] = []
    for at in range(len(strums) - 1, -1, -1):
        assert at_end is not None
        chosen.append(options[at][at_end[0]])
        at_end = rows[at][at_end][1]
    return chosen[::-1]


def _candidates(strum: Strum, board: Fretboard) -> list[Fingering]:
    """Feasible fingerings of the notes that begin together, the least strained ones."""
    for pitch in strum.pitches:
        if not board.frets(pitch):
            raise FormatError(
                f"a note must be in {pitch_name(board.lowest)}..{pitch_name(board.highest)} for "
                f"this tuning, got {pitch_name(pitch)} ({strum.where})"
            )
    found: list[Fingering] = []

    def extend(fingering: Fingering, rest: tuple[int, ...]) -> None:
        if not rest:
            found.append(fingering)
            return
        taken = {string for string, _ in fingering}
        for string, fret in board.frets(rest[0]):
            if string in taken:
                continue
            longer = (*fingering, (string, fret))
            if _span(longer) <= HAND_SPAN:
                extend(longer, rest[1:])

    extend((), strum.pitches)
    if not found:
        names = " ".join(pitch_name(pitch) for pitch in strum.pitches)
        raise FormatError(
            f"a chord must have one note a string within {HAND_SPAN} frets, "
            f"got {names} ({strum.where})"
        )
    return sorted(found, key=lambda fingering: (_strain(fingering), fingering))[:_MOST_CANDIDATES]


def _fretted(fingering: Fingering) -> list[int]:
    return [fret for _, fret in fingering if fret > 0]


def _span(fingering: Fingering) -> int:
    frets = _fretted(fingering)
    return max(frets) - min(frets) + 1 if frets else 0


def _hand(fingering: Fingering, before: int) -> int:
    """Fret of the first finger; a note within reach does not move the hand."""
    frets = _fretted(fingering)
    if not frets:
        return before
    low, high = min(frets), max(frets)
    if low >= before and high < before + _COMFORTABLE_SPAN:
        return before
    return low if low < before else max(1, high - _COMFORTABLE_SPAN + 1, min(low, high))


def _strain(fingering: Fingering) -> float:
    """How awkward a fingering is by itself: wide, stretched or high."""
    frets = _fretted(fingering)
    if not frets:
        return 0.0
    span = max(frets) - min(frets) + 1
    stretch = _STRETCH_COST * max(0, span - _COMFORTABLE_SPAN)
    return _SPAN_COST * (span - 1) + stretch + _HEIGHT_COST * max(frets)


def _cuts(before: Fingering, after: Fingering) -> int:
    """Strings on which a sounding note must stop for a new one."""
    return len({string for string, _ in before} & {string for string, _ in after})


def _skip(before: Fingering, after: Fingering) -> float:
    """Strings skipped between two single notes."""
    if len(before) != 1 or len(after) != 1:
        return 0.0
    return _SKIP_COST * max(0, abs(before[0][0] - after[0][0]) - 1)
