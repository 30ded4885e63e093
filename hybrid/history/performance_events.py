"""A performance as a stream of events: strike, wait, play louder or softer.

The vocabulary of Performance RNN: time is not beats but hundredths of a second, and how loud the
next strokes are is an event of its own. Drums are struck and not held, so there is no NOTE_OFF.

References
----------
Simon, I., & Oore, S. (2017). Performance RNN: generating music with expressive timing and dynamics.
https://magenta.tensorflow.org/performance-rnn
Oore, S., Simon, I., Dieleman, S., Eck, D., & Simonyan, K. (2020). This time with feeling: learning
expressive musical performance. Neural Computing and Applications 32, 955-967. arXiv:1808.03715.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import CorpusError, FormatError
from hybrid.core.resources import resource_path

N_DRUMS = 9
#: Longest wait of one event, in steps of ten milliseconds.
LONGEST = 100
STEP_MS = 10
N_VELOCITIES = 32
#: The first event of each kind, and how many there are in all; BEGIN comes before every stream.
NOTE_ON = 0
TIME_SHIFT = NOTE_ON + N_DRUMS
VELOCITY = TIME_SHIFT + LONGEST
N_EVENTS = VELOCITY + N_VELOCITIES
BEGIN = N_EVENTS
HELD_OUT = "grooves_held_out.tsv"

Events = NDArray[np.int64]
#: Steps of ten milliseconds from the beginning, number of the drum, MIDI velocity.
Hit = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Groove:
    """A performance.

    Attributes
    ----------
    name : str
    style : str
    qpm : float
        What the metronome gave to the drummer.
    hits : tuple of Hit
        By time.
    """

    name: str
    style: str
    qpm: float
    hits: tuple[Hit, ...]

    @property
    def seconds(self) -> float:
        """Until the last stroke."""
        return self.hits[-1][0] * STEP_MS / 1000


def velocity_bin(velocity: int) -> int:
    """The 32 levels of loudness.

    >>> velocity_bin(1), velocity_bin(127)
    (0, 31)
    """
    return velocity * N_VELOCITIES // 128


def encode(hits: Iterable[Hit]) -> Events:
    """Events of strokes that are sorted by time.

    >>> [event_name(event) for event in encode([(0, 0, 100), (12, 2, 60), (12, 0, 100)])]
    ['VELOCITY 25', 'kick', 'wait 120 ms', 'VELOCITY 15', 'closed hat', 'VELOCITY 25', 'kick']
    """
    events: list[int] = []
    now, level = 0, -1
    for step, drum, velocity in hits:
        wait = step - now
        while wait > 0:
            part = min(wait, LONGEST)
            events.append(TIME_SHIFT + part - 1)
            wait -= part
        now = step
        if velocity_bin(velocity) != level:
            level = velocity_bin(velocity)
            events.append(VELOCITY + level)
        events.append(NOTE_ON + drum)
    return np.array(events, dtype=np.int64)


def decode(events: Iterable[int]) -> Iterator[tuple[int, Hit]]:
    """Strokes of events, each with the place of its event; the inverse but for the 32 levels."""
    now, level = 0, N_VELOCITIES // 2
    for place, event in enumerate(events):
        if event < TIME_SHIFT:
            yield place, (now, event - NOTE_ON, level * 4 + 2)
        elif event < VELOCITY:
            now += event - TIME_SHIFT + 1
        elif event < N_EVENTS:
            level = event - VELOCITY


def event_name(event: int) -> str:
    """What an event is called."""
    from hybrid.symbolic_transformer.drums.kit import DRUMS

    if event < TIME_SHIFT:
        return DRUMS[event - NOTE_ON]
    if event < VELOCITY:
        return f"wait {(event - TIME_SHIFT + 1) * STEP_MS} ms"
    return f"VELOCITY {event - VELOCITY}" if event < N_EVENTS else "begin"


# --- Performances ----------------------------------------------------------------------------


def groove_line(groove: Groove) -> str:
    """A performance as a line of the package's file."""
    hits = " ".join(f"{step}:{drum}:{velocity}" for step, drum, velocity in groove.hits)
    return f"{groove.name}\t{groove.style}\t{groove.qpm:g}\t{hits}\n"


@cache
def held_out_grooves() -> dict[str, Groove]:
    """Beginnings of performances that no training here has seen, by name.

    Raises
    ------
    FormatError
        If a line of the file cannot be read.
    """
    text = resource_path("history", "data", HELD_OUT).read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines():
        if not line or line[0] == "#":
            continue
        try:
            name, style, qpm, words = line.split("\t")
            hits = []
            for word in words.split():
                step, drum, velocity = map(int, word.split(":"))
                hits.append((step, drum, velocity))
        except ValueError:
            raise FormatError(f"not a line of a groove: {line[:40]!r}") from None
        found[name] = Groove(name, style, float(qpm), tuple(hits))
    return found


def read_grooves(location: str | Path, split: str) -> Iterator[Groove]:
    """Performances of one split of the Groove MIDI Dataset, fills alone left out.

    Parameters
    ----------
    location : str or Path
        Folder with the corpus ``groove``.
    split : str
        ``train``, ``validation`` or ``test``.

    Raises
    ------
    CorpusError
        If a listed file is not there.
    """
    import csv
    import io

    from hybrid.io.corpora import open_files

    files = {
        path.partition("groove/")[2]: stream.read()
        for path, stream in open_files("groove", location, ("groove/**",))
        if path.endswith((".mid", "groove/info.csv"))
    }
    if "info.csv" not in files:
        raise CorpusError(f"groove must hold info.csv, got {len(files)} other files")
    wanted = {
        row["midi_filename"]: row
        for row in csv.DictReader(io.StringIO(files["info.csv"].decode("utf-8")))
        if row["split"] == split and row["beat_type"] == "beat"
    }
    missing = sorted(set(wanted) - set(files))
    if missing:
        raise CorpusError(f"groove must hold every file of info.csv, got none at {missing[0]!r}")
    for name, row in sorted(wanted.items()):
        qpm = float(row["bpm"])
        yield Groove(name, row["style"].partition("/")[0], qpm, _hits(files[name], qpm))


def _hits(data: bytes, qpm: float) -> tuple[Hit, ...]:
    """Strokes of a MIDI file from its first one on."""
    from hybrid.io.midi import midi_to_score
    from hybrid.symbolic_transformer.drums.kit import drum_of

    score = midi_to_score(data, "drop").score
    notes = np.concatenate([track.notes for track in score.tracks])
    seconds = notes["onset"] * 60.0 / (score.ticks_per_quarter * qpm)
    steps = np.rint((seconds - seconds.min()) * 1000 / STEP_MS).astype(int).tolist()
    drums = [drum_of(int(pitch)) for pitch in notes["pitch"]]
    loudest: dict[tuple[int, int], int] = {}
    for step, drum, velocity in zip(steps, drums, notes["velocity"].tolist(), strict=True):
        # A drum that is struck twice within ten milliseconds is struck once.
        loudest[step, drum] = max(velocity, loudest.get((step, drum), 0))
    return tuple((step, drum, velocity) for (step, drum), velocity in sorted(loudest.items()))


def stretched(hits: Sequence[Hit], factor: float) -> list[Hit]:
    """Slower (above 1) or faster by a factor; strokes of a drum that then coincide become one."""
    found: dict[tuple[int, int], int] = {}
    for step, drum, velocity in hits:
        place = (round(step * factor), drum)
        found[place] = max(velocity, found.get(place, 0))
    return [(step, drum, velocity) for (step, drum), velocity in sorted(found.items())]
