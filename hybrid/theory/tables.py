"""What the checker and an engine that writes by the rules both know: tables, no code.

The engine reads these tables and searches with code of its own; the checker reads them
and judges with its own. So a mistake in the search cannot hide in the check.

References
----------
Aldwell, E., Schachter, C., & Cadwallader, A. (2011). Harmony and Voice Leading (4th ed.).
"""

from __future__ import annotations

from types import MappingProxyType

from hybrid.core.pitch import parse_pitch
from hybrid.theory.ruleset import load_rule_set

CHORALE = load_rule_set("chorale")

#: The four voices, highest first.
VOICES = ("soprano", "alto", "tenor", "bass")

#: Lowest and highest MIDI pitch of each voice.
RANGES: MappingProxyType[str, tuple[int, int]] = MappingProxyType(
    {
        voice: (
            parse_pitch(CHORALE.rules["range"].params[voice][0])[0],
            parse_pitch(CHORALE.rules["range"].params[voice][1])[0],
        )
        for voice in VOICES
    }
)

#: Rules that may never be broken: parallels, unresolved leading tones and sevenths,
#: augmented seconds, range.
HARD_RULES: tuple[str, ...] = CHORALE.hard

#: Severity of each rule.
SEVERITY: MappingProxyType[str, str] = MappingProxyType(
    {rule.id: rule.severity for rule in CHORALE.rules.values()}
)

#: Widest distance in semitones between neighbours: soprano-alto, alto-tenor, tenor-bass.
SPACING: tuple[int, int, int] = (
    CHORALE.rules["spacing"].params["max_upper"],
    CHORALE.rules["spacing"].params["max_upper"],
    CHORALE.rules["spacing_bass"].params["max_bass"],
)

#: Soprano steps this wide or wider count as leaps into direct fifths and octaves.
DIRECT_LEAP: int = CHORALE.rules["direct_fifths"].params["min_leap"]

#: Widest leap of any voice, and of an inner voice, in semitones.
MAX_LEAP: int = CHORALE.rules["wide_leap"].params["max_leap"]
MAX_INNER_LEAP: int = CHORALE.rules["inner_leap"].params["max_leap"]

#: Interval classes (semitones modulo 12).
PERFECT_FIFTH, OCTAVE = 7, 0
CONSONANT = frozenset({0, 3, 4, 7, 8, 9})  # above the bass; between upper voices 5 as well
TRITONE = 6

#: Melodic intervals in semitones that are warned of: tritone, minor and major seventh.
WARNED_LEAPS = frozenset({6, 10, 11})

#: Which tones to double first, as chord members (0 root, 1 third, 2 fifth), by triad and
#: inversion. Never the leading tone, a chord seventh or a raised tone (ASC ch. 6; KP ch. 6-9).
DOUBLING: MappingProxyType[tuple[str, int], tuple[int, ...]] = MappingProxyType(
    {
        ("major", 0): (0, 2, 1),
        ("major", 1): (0, 2, 1),
        ("major", 2): (2, 0, 1),
        ("minor", 0): (0, 1, 2),
        ("minor", 1): (1, 0, 2),
        ("minor", 2): (2, 0, 1),
        ("diminished", 0): (1, 2),
        ("diminished", 1): (1, 2),
        ("diminished", 2): (1, 2),
        ("augmented", 0): (0, 1),
        ("augmented", 1): (0, 1),
        ("augmented", 2): (0, 1),
    }
)
