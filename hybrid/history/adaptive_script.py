"""The script of a scene: which feeling is called for at which bar, and how values glide to it.

A feeling is a place in a plane: tension (arousal) and mood (valence), both 0..1, after the
circumplex of Russell (1980).
"""

from __future__ import annotations

from dataclasses import dataclass

from hybrid.core.errors import ConfigError

#: Feelings with names: tension, mood. The places are ours.
FEELINGS: dict[str, tuple[float, float]] = {
    "calm": (0.10, 0.70),
    "sad": (0.20, 0.20),
    "eerie": (0.45, 0.10),
    "dark": (0.50, 0.05),
    "joy": (0.55, 0.90),
    "tense": (0.75, 0.30),
    "battle": (0.95, 0.15),
    "triumph": (0.95, 0.95),
}
MOST_CALLS = 12
ALLOWED = (
    "BAR:FEELING words such as '0:calm 7:tense 15:0.5/0.1', the first at 0, then rising; "
    f"a feeling is one of {', '.join(FEELINGS)}, or TENSION/MOOD in 0..1"
)


@dataclass(frozen=True)
class Call:
    """What the game asks for.

    Attributes
    ----------
    bar : int
        Bars that have passed when it is said.
    name : str
    tension, mood : float
        0..1.
    """

    bar: int
    name: str
    tension: float
    mood: float


def read_script(text: str) -> tuple[Call, ...]:
    """Read ``"0:calm 7:tense 15:0.5/0.1"``.

    Raises
    ------
    ConfigError
        If a word cannot be read, the first bar is not 0, bars do not rise, or there are more
        than `MOST_CALLS`.

    Examples
    --------
    >>> [(call.bar, call.tension) for call in read_script("0:calm 7:0.8/0.3")]
    [(0, 0.1), (7, 0.8)]
    """
    calls = tuple(_call(word, text) for word in text.split())
    bars = [call.bar for call in calls]
    if not calls or bars[0] != 0 or bars != sorted(set(bars)):
        raise _refusal(text)
    if len(calls) > MOST_CALLS:
        raise ConfigError(f"script must be at most {MOST_CALLS} words, got {len(calls)}")
    return calls


def _call(word: str, text: str) -> Call:
    bar, _, feeling = word.partition(":")
    if not (bar.isascii() and bar.isdigit() and len(bar) < 5):
        raise _refusal(text)
    if feeling in FEELINGS:
        return Call(int(bar), feeling, *FEELINGS[feeling])
    parts = feeling.split("/")
    try:
        tension, mood = map(float, parts)
    except ValueError:
        raise _refusal(text) from None
    # Not-a-number fails the comparison, so it is refused as well.
    if not (0 <= tension <= 1 and 0 <= mood <= 1):
        raise _refusal(text)
    return Call(int(bar), feeling, tension, mood)


def _refusal(text: str) -> ConfigError:
    return ConfigError(f"script must be {ALLOWED}, got {text!r}")


def glide(calls: tuple[Call, ...], n_bars: int, pace: float) -> list[tuple[float, float]]:
    """Tension and mood of every bar, moving by ``pace`` a bar at most to what was said.

    A bar that has begun is not changed: what is said at its bar line is heard from the next on.

    >>> glide(read_script("0:0.2/0.5 1:0.5/0.5"), 4, 0.25)
    [(0.2, 0.5), (0.2, 0.5), (0.45, 0.5), (0.5, 0.5)]
    """
    values = [(calls[0].tension, calls[0].mood)]
    for bar in range(1, n_bars):
        call = said_at(calls, bar - 1)
        tension, mood = values[-1]
        values.append((_toward(tension, call.tension, pace), _toward(mood, call.mood, pace)))
    return values


def said_at(calls: tuple[Call, ...], bar: int) -> Call:
    """The last call that was said when so many bars had passed."""
    return max((call for call in calls if call.bar <= bar), key=lambda call: call.bar)


def _toward(value: float, target: float, pace: float) -> float:
    # Rounded, so that a threshold is met where it is meant to be.
    return round(value + max(-pace, min(pace, target - value)), 6)
