"""Where marks stand: each on the note, or on the voice and tick, that writers put it at.

A mark that names a voice goes to the note of that voice; one that names none, or a voice
without a note there, to the uppermost voice in which a note begins. What finds no note is
counted among the losses.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from hybrid.core.score import Grace, Lyric
from hybrid.io.notation import Part
from hybrid.io.reading import Losses

#: A voice's number and a tick at which a note of it begins.
Anchor = tuple[int, int]


@dataclass
class PlacedMarks:
    """The marks of one part.

    Attributes
    ----------
    kinds : dict
        Note index -> kinds of its articulations.
    graces : dict
        Anchor -> grace notes before it, in order.
    lyrics : dict
        Anchor -> syllables, by verse.
    slurs : list of (Anchor, Anchor)
        In order of their beginnings.
    """

    kinds: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    graces: dict[Anchor, list[Grace]] = field(default_factory=lambda: defaultdict(list))
    lyrics: dict[Anchor, list[Lyric]] = field(default_factory=lambda: defaultdict(list))
    slurs: list[tuple[Anchor, Anchor]] = field(default_factory=list)


def place_marks(part: Part, losses: Losses) -> PlacedMarks:
    """Find the place of every mark of a part."""
    track = part.track
    placed = PlacedMarks()
    voices: dict[int, list[int]] = defaultdict(list)  # tick -> voices, upper ones first
    for voice in part.voices:
        for chord in voice.chords:
            if voice.number not in voices[chord.start]:
                voices[chord.start].append(voice.number)

    def anchor(tick: int, voice: int) -> Anchor | None:
        here = voices.get(tick, [])
        if voice in here:
            return voice, tick
        return (here[0], tick) if here else None

    notes: dict[tuple[int, int], int] = {}
    onsets, pitches = track.notes["onset"].tolist(), track.notes["pitch"].tolist()
    for index in range(len(onsets) - 1, -1, -1):
        notes[onsets[index], pitches[index]] = index
    for mark in track.articulations:
        if (mark.tick, mark.pitch) in notes:
            placed.kinds[notes[mark.tick, mark.pitch]].append(mark.kind)
        else:
            losses.add(1, "articulation", "no note of its pitch begins there")
    for grace in sorted(track.graces, key=lambda item: (item.tick, item.index)):
        at = anchor(grace.tick, grace.voice)
        if at is None:
            losses.add(1, "grace note", "no note begins there")
        else:
            placed.graces[at].append(grace)
    for lyric in sorted(track.lyrics, key=lambda item: (item.verse, item.tick)):
        at = anchor(lyric.tick, 0)
        if at is None:
            losses.add(1, "syllable", "no note begins there")
        else:
            placed.lyrics[at].append(lyric)
    for slur in sorted(track.slurs):
        start, end = anchor(slur.start, slur.voice), anchor(slur.end, slur.voice)
        if start is None or end is None or slur.end <= slur.start:
            losses.add(1, "slur", "no note begins where it starts or ends")
        else:
            placed.slurs.append((start, end))
    return placed
