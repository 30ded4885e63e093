"""The band behind GenJam: tunes, the scale of each chord, and a rhythm section."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid.core.pitch import Key, parse_spelling, pitch_class, spelling_name
from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.chord_player import ChordPlayer, bass_note
from hybrid.history.genjam_genes import EVENTS, HIGHEST, HOLD, REST, Genes
from hybrid.history.ledger import Ledger
from hybrid.history.words import chord_name

BAR = 4 * TICKS_PER_QUARTER
EIGHTH = TICKS_PER_QUARTER // 2
#: The lowest note of a solo, MIDI pitch.
BOTTOM = 57
#: Kind of chord: the scale, places on the line of fifths from the root; and the chord's own tones.
KINDS: dict[str, tuple[str, tuple[int, ...], tuple[int, ...]]] = {
    "maj7": ("major without its fourth", (0, 2, 4, 1, 3, 5), (0, 4, 1, 5)),
    "7": ("mixolydian without its fourth", (0, 2, 4, 1, 3, -2), (0, 4, 1, -2)),
    "m7": ("minor without its sixth", (0, 2, -3, -1, 1, -2), (0, -3, 1, -2)),
    "m7b5": ("locrian without its second", (0, -3, -1, -6, -4, -2), (0, -3, -6, -2)),
}
#: Bars between |, one or two chords in each.
TUNES = {
    "blues": "F7|Bb7|F7|F7|Bb7|Bb7|F7|D7|Gm7|C7|F7 D7|Gm7 C7",
    "minor": "Cm7|Cm7|Fm7|Fm7|Dm7b5|G7|Cm7|Cm7|Fm7|Bb7|Ebmaj7|Abmaj7|Dm7b5|G7|Cm7|Dm7b5 G7",
}
#: The signature of each tune.
KEYS = {"blues": Key.parse("F major"), "minor": Key.parse("C minor")}
FEELS = ("even", "swing")


@dataclass(frozen=True)
class Chord:
    """A chord with its scale.

    Attributes
    ----------
    name : str
    root : int
        Place on the line of fifths.
    kind : str
        Of `KINDS`.
    """

    name: str
    root: int
    kind: str

    @classmethod
    def parse(cls, text: str) -> Chord:
        """Read ``Bb7`` or ``Dm7b5``."""
        split = 2 if text[1:2] in ("b", "#") else 1
        return cls(text, parse_spelling(text[:split]), text[split:])

    @property
    def scale_name(self) -> str:
        return KINDS[self.kind][0]

    @property
    def tones(self) -> tuple[int, ...]:
        """The chord's own tones, places on the line of fifths."""
        return tuple(self.root + step for step in KINDS[self.kind][2])

    def ladder(self) -> list[tuple[int, int]]:
        """The fourteen notes that events 1..14 stand for, upwards from `BOTTOM`.

        >>> [pitch for pitch, _ in Chord.parse("C7").ladder()][:7]
        [57, 58, 60, 62, 64, 67, 69]
        """
        tones = {pitch_class(self.root + step): self.root + step for step in KINDS[self.kind][1]}
        notes: list[tuple[int, int]] = []
        pitch = BOTTOM
        while len(notes) < HIGHEST:
            if pitch % 12 in tones:
                notes.append((pitch, tones[pitch % 12]))
            pitch += 1
        return notes


def read_tune(text: str) -> list[tuple[Chord, Chord]]:
    """The chord of each half of each bar."""
    bars = []
    for bar in text.split("|"):
        chords = [Chord.parse(name) for name in bar.split()]
        bars.append((chords[0], chords[-1]))
    return bars


@dataclass(frozen=True)
class Played:
    """A note of a solo: bar and event at which it begins, events it lasts, pitch and spelling."""

    bar: int
    event: int
    length: int
    gene: int
    pitch: int
    spelling: int


def play(measures: Sequence[Genes], bars: Sequence[tuple[Chord, Chord]]) -> list[Played]:
    """Map measures to notes over chords; a hold lengthens what sounds, over the bar line too.

    A hold after a rest, or at the very beginning, is silent.
    """
    notes: list[Played] = []
    is_sounding = False
    for bar, (genes, chords) in enumerate(zip(measures, bars, strict=True)):
        ladders = [chord.ladder() for chord in chords]
        for event, gene in enumerate(genes):
            if gene == HOLD and is_sounding:
                last = notes.pop()
                notes.append(
                    Played(
                        last.bar, last.event, last.length + 1, last.gene, last.pitch, last.spelling
                    )
                )
            elif REST < gene < HOLD:
                pitch, spelling = ladders[event * 2 // EVENTS][gene - 1]
                notes.append(Played(bar, event, 1, gene, pitch, spelling))
                is_sounding = True
            else:
                is_sounding = False
    return notes


def tick_of(bar: int, event: int, feel: str) -> int:
    """Where an event begins; in swing the second eighth of a quarter comes late.

    >>> tick_of(0, 1, "even"), tick_of(0, 1, "swing"), tick_of(1, 0, "swing")
    (240, 320, 1920)
    """
    bar, event = bar + event // EVENTS, event % EVENTS
    late = TICKS_PER_QUARTER * 2 // 3 if feel == "swing" else EIGHTH
    return bar * BAR + event // 2 * TICKS_PER_QUARTER + event % 2 * late


#: Drum, velocity and events of a bar: General MIDI numbers.
DRUMS = {
    "even": (
        ("hi-hat", 42, 52, (0, 1, 2, 3, 4, 5, 6, 7)),
        ("rim", 37, 62, (0, 3, 6)),
        ("bass drum", 36, 66, (0, 3, 4, 7)),
    ),
    "swing": (
        ("ride", 51, 58, (0, 2, 3, 4, 6, 7)),
        ("hi-hat foot", 44, 56, (2, 6)),
        ("bass drum", 36, 44, (0, 4)),
    ),
}
#: Events at which the piano plays, in odd and even bars: event and length.
COMPING = {
    "even": (((0, 2), (3, 3), (6, 2)), ((1, 2), (4, 2), (7, 1))),
    # In swing no chord reaches over a beat, so that triplets stay readable.
    "swing": (((0, 2), (3, 1)), ((1, 1), (4, 2), (7, 1))),
}


class Band:
    """Piano, bass and drums; they play the same each chorus but for the piano's positions."""

    def __init__(self, ledger: Ledger, feel: str) -> None:
        self.ledger, self.feel = ledger, feel
        self.player = ChordPlayer()
        ledger.track("piano", program=4, clef="treble")
        ledger.track("bass", program=32, clef="bass")
        ledger.track("drums", is_drum=True)

    def chorus(self, bars: Sequence[tuple[Chord, Chord]], first: int, parent: int) -> None:
        """Play a chorus from bar ``first`` on."""
        for number, chords in enumerate(bars):
            bar = first + number
            following = bars[(number + 1) % len(bars)][0]
            self._piano(bar, chords, parent)
            self._bass(bar, chords, following, parent)
            for name, drum, velocity, events in DRUMS[self.feel]:
                for event in events:
                    start = tick_of(bar, event, self.feel)
                    self.ledger.note(
                        "drums",
                        start,
                        tick_of(bar, event + 1, self.feel) - start,
                        drum,
                        maker="rhythm section",
                        choice=name,
                        velocity=velocity,
                        parent=parent,
                    )

    def _piano(self, bar: int, chords: tuple[Chord, Chord], parent: int) -> None:
        for event, length in COMPING[self.feel][bar % 2]:
            chord = chords[event * 2 // EVENTS]
            start = tick_of(bar, event, self.feel)
            end = tick_of(bar, event + length, self.feel)
            for pitch, spelling in self.player.position(chord.tones):
                self.ledger.note(
                    "piano",
                    start,
                    end - start,
                    pitch,
                    maker="rhythm section",
                    choice=f"a note of {chord_name(chord.name)}",
                    velocity=46,
                    spelling=spelling,
                    parent=parent,
                )

    def _bass(self, bar: int, chords: tuple[Chord, Chord], following: Chord, parent: int) -> None:
        low, _ = bass_note(chords[0].root)
        notes: list[tuple[int, int, int, int]] = []
        if self.feel == "even":
            for half, chord in enumerate(chords):
                root, spelling = bass_note(chord.root)
                _, _, fifth, *_ = chord.tones
                pitch = root + pitch_class(fifth - chord.root)
                notes.append((4 * half, 3, root, spelling))
                notes.append((4 * half + 3, 1, pitch - 12 if pitch > 50 else pitch, fifth))
        else:
            goal, _ = bass_note(following.root)
            if chords[0] == chords[1]:
                third, fifth = chords[0].tones[1:3]
                steps = [(low, chords[0].root)]
                steps += [
                    (low + pitch_class(tone - chords[0].root), tone) for tone in (third, fifth)
                ]
            else:
                other, spelling = bass_note(chords[1].root)
                fifth = chords[0].tones[2]
                up = low + pitch_class(fifth - chords[0].root)
                steps = [(low, chords[0].root), (up, fifth), (other, spelling)]
            # A half tone above the next root, spelled as its upper neighbour up to D flat.
            above = following.root - 5
            steps.append((goal + 1, above if above >= -5 else above + 12))
            notes = [(2 * quarter, 2, *step) for quarter, step in enumerate(steps)]
        for event, length, pitch, spelling in notes:
            start = tick_of(bar, event, self.feel)
            self.ledger.note(
                "bass",
                start,
                tick_of(bar, event + length, self.feel) - start,
                pitch,
                maker="rhythm section",
                choice=f"over {spelling_name(chords[event * 2 // EVENTS].root)}",
                velocity=70,
                spelling=spelling,
                parent=parent,
            )
