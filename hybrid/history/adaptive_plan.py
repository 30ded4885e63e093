"""From tension and mood to a plan: the table of musical means, and phrases for what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.plan import Phrase, PlanChord, Section, parse_chords
from hybrid.core.timeline import Metre
from hybrid.history.adaptive_script import Call

METRE = Metre.parse("4/4")
PHRASE_BARS = 4
#: Means by tension; each holds from its value upward.
TEXTURES = ((0.0, "pad"), (0.25, "homophonic"), (0.5, "arpeggio"), (0.75, "march"))
DYNAMICS = ((0.0, "p"), (0.2, "mp"), (0.4, "mf"), (0.65, "f"), (0.85, "ff"))
VOCABULARIES = ((0.0, "triads"), (0.33, "sevenths"), (0.66, "chromatic"))
#: One step on the circle of fifths sharper with each, so that neighbours share six notes.
SHARPER = ((0.0, 0), (0.4, 1), (0.7, 2))
#: Quarters a minute at rest, and what full tension and full mood add.
SLOWEST, BY_TENSION, BY_MOOD = 72.0, 60.0, 12.0
#: Who leads, by (tense, bright); who has the bass.
LEADS = {
    (False, False): "oboe",
    (False, True): "flute",
    (True, False): "violin",
    (True, True): "trumpet",
}
HARMONY = "strings"
BASSES = ((0.0, "cello"), (0.5, "double bass"))

#: Four bars each, by mode and vocabulary; all end open, on a dominant or what leads on.
CHORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("major", "triads"): ("I | IV | I | V", "I | vi | IV | V", "I | iii | IV | V"),
    ("major", "sevenths"): ("I | vi7 | ii65 | V7", "I | IVM7 | ii7 | V7", "I | V65/vi | vi7 | V7"),
    ("major", "chromatic"): (
        "I V65/IV | IV iio65 | I6 V7/V | V7",
        "I V65/vi | vi V65/V | V V65/ii | ii7 V7",
    ),
    ("minor", "triads"): ("i | iv | VI | V", "i | VI | III | V", "i | VI | iv | V"),
    ("minor", "sevenths"): ("i | iiø65 | VI | V7", "i | iv7 | iiø7 | V7", "i | VIM7 | iv7 | V7"),
    ("minor", "chromatic"): (
        "i V65 | i V65/iv | iv iiø65 | V V7",
        "i V65/iv | iv V65/V | V V7 | VI V7",
    ),
}
#: The last phrase, by its bars. What stands before it is a dominant, or nothing.
CLOSES: dict[tuple[str, str], dict[int, str]] = {
    ("major", "triads"): {1: "I", 2: "V | I", 3: "I | V | I", 4: "I | IV | V | I"},
    ("major", "sevenths"): {1: "I", 2: "V7 | I", 3: "I | V7 | I", 4: "I | ii65 | V7 | I"},
    ("major", "chromatic"): {
        1: "I",
        2: "V7 | I",
        3: "I V65/V | V V7 | I",
        4: "I V65/IV | IV V65/V | V V7 | I",
    },
    ("minor", "triads"): {1: "i", 2: "V | i", 3: "i | V | i", 4: "i | iv | V | i"},
    ("minor", "sevenths"): {1: "i", 2: "V7 | i", 3: "i | V7 | i", 4: "i | iiø65 | V7 | i"},
    ("minor", "chromatic"): {
        1: "i",
        2: "V7 | i",
        3: "i V65/V | V V7 | i",
        4: "i V65/iv | iv V65/V | V V7 | i",
    },
}
#: What a new stretch may begin with instead of its tonic, where that joins better.
OPENINGS = {"major": ("I", "vi", "IV"), "minor": ("i", "VI", "iv")}


def band(table: Sequence[tuple[float, str]], value: float) -> str:
    """The entry of a table that holds at a value.

    >>> band(TEXTURES, 0.5), band(DYNAMICS, 0.1)
    ('arpeggio', 'p')
    """
    return [entry for least, entry in table if value >= least][-1]


@dataclass(frozen=True)
class Means:
    """The musical means for a tension and a mood, all 0..1."""

    tension: float
    mood: float

    @property
    def is_bright(self) -> bool:
        return self.mood >= 0.5

    @property
    def key(self) -> Key:
        """F major or D minor at rest, a fifth sharper as tension rises."""
        fifths = [steps for least, steps in SHARPER if self.tension >= least][-1] - 1
        return Key.from_fifths(fifths, "major" if self.is_bright else "minor")

    @property
    def qpm(self) -> float:
        return tempo(self.tension, self.mood)

    @property
    def texture(self) -> str:
        return band(TEXTURES, self.tension)

    @property
    def dynamics(self) -> str:
        return band(DYNAMICS, self.tension)

    @property
    def vocabulary(self) -> str:
        return band(VOCABULARIES, self.tension)

    @property
    def register(self) -> str:
        return "low" if self.mood < 0.2 else "middle"

    @property
    def lead(self) -> str:
        return LEADS[self.tension >= 0.5, self.is_bright]

    @property
    def instruments(self) -> tuple[str, ...]:
        return (self.lead, HARMONY, band(BASSES, self.tension))

    def rows(self) -> dict[str, str]:
        """All of it in words."""
        return {
            "key": self.key.name,
            "tempo": f"{self.qpm:.0f}",
            "texture": self.texture,
            "dynamics": self.dynamics,
            "register": self.register,
            "lead": self.lead,
            "bass": self.instruments[2],
            "chords": self.vocabulary,
        }


def tempo(tension: float, mood: float) -> float:
    """Quarters a minute."""
    return round(SLOWEST + BY_TENSION * tension + BY_MOOD * mood, 1)


def pitch_classes(numeral: str, key: Key) -> frozenset[int]:
    """The chord's pitch classes, 0..11."""
    return frozenset(pitch_class(tone) for tone in RomanNumeral.parse(numeral).tones(key))


def distance(one: frozenset[int], other: frozenset[int]) -> int:
    """Semitones from each note of ``other`` to the nearest of ``one``, added up.

    >>> distance(frozenset({0, 4, 7}), frozenset({9, 0, 4}))
    2
    """
    return sum(min(min((a - b) % 12, (b - a) % 12) for a in one) for b in other)


@dataclass(frozen=True)
class Stretch:
    """What is planned from a join to the end: a section, and how its first chord was chosen."""

    section: Section
    opening: str
    rejected: tuple[str, ...]


def plan_stretch(
    call: Call, n_bars: int, before: frozenset[int] | None, rng: np.random.Generator
) -> Stretch:
    """Plan ``n_bars`` of a feeling: phrases of four bars, the last one closes.

    Parameters
    ----------
    call : Call
    n_bars : int
        1 or more.
    before : frozenset of int or None
        Pitch classes of the chord that sounds last before the join.
    rng : numpy Generator
    """
    means = Means(call.tension, call.mood)
    key = means.key
    lines = CHORDS[key.mode, means.vocabulary]
    phrases = []
    opening = ""
    rejected: tuple[str, ...] = ()
    for start in range(0, n_bars, PHRASE_BARS):
        bars = min(PHRASE_BARS, n_bars - start)
        is_last = start + bars == n_bars
        line = lines[int(rng.integers(len(lines)))]
        cells = (CLOSES[key.mode, means.vocabulary][bars] if is_last else line).split(" | ")
        if start == 0 and not (is_last and bars < 3):
            cells, rejected = _open(cells, key, before)
        opening = opening or cells[0].split()[0]
        phrases.append(
            Phrase(
                bars=bars,
                chords=parse_chords(" | ".join(cells), METRE),
                cadence="PAC" if is_last and bars > 1 else "none",
                theme="ab"[start // PHRASE_BARS % 2],
            )
        )
    section = Section(
        label=call.name,
        key=key,
        metre=METRE,
        tempo_qpm=means.qpm,
        texture=means.texture,
        dynamics=means.dynamics,
        register=means.register,
        instruments=means.instruments,
        phrases=tuple(phrases),
    )
    return Stretch(section, opening, rejected)


def _open(
    cells: list[str], key: Key, before: frozenset[int] | None
) -> tuple[list[str], tuple[str, ...]]:
    """The first bar with the opening that lies nearest to what sounded, and the others."""
    if before is None:
        return cells, ()
    words = cells[0].split()
    after = words[1] if len(words) > 1 else cells[1].split()[0]
    # Not the chord that follows anyway; the tonic is first, so it wins a tie.
    ways = {
        numeral: distance(before, pitch_classes(numeral, key))
        for numeral in OPENINGS[key.mode]
        if RomanNumeral.parse(numeral).degree != RomanNumeral.parse(after).degree
    }
    best = min(ways, key=lambda numeral: ways[numeral])
    rejected = tuple(f"{name}: {way} semitones" for name, way in ways.items() if name != best)
    return [" ".join([best, *words[1:]]), *cells[1:]], rejected


def cut_phrase(phrase: Phrase, bars: int) -> Phrase:
    """The first bars of a phrase, its chords ending with them; no cadence is left."""
    end = bars * METRE.bar_quarters
    chords = tuple(
        PlanChord(chord.onset, min(chord.end, end) - chord.onset, chord.numeral, chord.key)
        for chord in phrase.chords
        if chord.onset < end
    )
    return Phrase(bars=bars, chords=chords, cadence="none", theme=phrase.theme)


def chord_at(phrase: Phrase, place: Fraction) -> PlanChord:
    """The chord that sounds so many quarters into a phrase."""
    return next(chord for chord in phrase.chords if chord.onset <= place < chord.end)
