"""Chords on a keyboard, plainly: a bass note and a close chord near the one before.

Grammars give chords, not voices. This makes them audible and claims no more: it is no part-writing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hybrid.core.pitch import pitch_class

LOW, HIGH, BASS_LOW = 54, 76, 36


@dataclass
class ChordPlayer:
    """Finds positions of chords, each near the last."""

    last: tuple[int, ...] = field(default=(60, 64, 67))

    def position(self, tones: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """Pitches and spellings of a close chord.

        Parameters
        ----------
        tones : sequence of int
            Tonal pitch classes (places on the line of fifths), three to five.

        Returns
        -------
        tuple of (pitch, spelling)
            Ascending, in 54..76 where it can be.
        """
        best: tuple[float, tuple[tuple[int, int], ...]] | None = None
        for turn in range(len(tones)):
            order = [*tones[turn:], *tones[:turn]]
            for octave in (48, 60):
                pitch = octave + pitch_class(order[0])
                found = [(pitch, order[0])]
                for tone in order[1:]:
                    pitch += (pitch_class(tone) - pitch) % 12
                    found.append((pitch, tone))
                pitches = [height for height, _ in found]
                if pitches[0] < LOW or pitches[-1] > HIGH:
                    continue
                cost = sum(min(abs(height - old) for old in self.last) for height in pitches)
                cost += abs(pitches[-1] - self.last[-1])
                if best is None or cost < best[0]:
                    best = (cost, tuple(found))
        if best is None:
            # Five tones in a row may be wider than the range: without the second, then.
            return self.position([tones[0], *tones[2:]])
        self.last = tuple(pitch for pitch, _ in best[1])
        return best[1]


def bass_note(tone: int, low: int = BASS_LOW) -> tuple[int, int]:
    """Pitch and spelling of a bass note, in the octave above ``low``."""
    return low + (pitch_class(tone) - low) % 12, tone
