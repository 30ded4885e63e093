"""The chorale's rules on tones that want to move, and on tones beside the chord, once more.

As `benchmarks._plain_rules`, whose notes and labels they read: plain loops written from the
text of the rules, sharing nothing with ``hybrid.theory``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from benchmarks._plain_rules import Broken, Note, Plain
from hybrid.core.analysis import ChordSpan
from hybrid.core.errors import PlanError
from hybrid.core.numerals import AUGMENTED_SIXTHS, RomanNumeral
from hybrid.core.pitch import letter_and_alteration

RULES = (
    "unresolved_leading_tone",
    "frustrated_leading_tone",
    "unresolved_seventh",
    "rising_seventh",
    "doubled_third",
    "doubled_altered_tone",
    "unprepared_dissonance",
)


class Chord(NamedTuple):
    """A readable label that has notes: first tick at or before it, its end, its members."""

    first: int
    start: int
    end: int
    members: tuple[int, ...]
    numeral: RomanNumeral
    span: ChordSpan

    @property
    def in_thirds(self) -> bool:
        triad = self.numeral.triad
        return triad not in AUGMENTED_SIXTHS and triad != "suspended"

    @property
    def tonic(self) -> int:
        return 7 * self.numeral.local_key(self.span.key).tonic % 12

    @property
    def leading_tone(self) -> int | None:
        """Of a dominant: V with a major third, or VII on the leading tone."""
        tone = (self.tonic + 11) % 12
        place = {5: 1, 7: 0}.get(self.numeral.degree)
        if place is None or not self.in_thirds or self.members[place] != tone:
            return None
        return tone

    def is_tonic_of(self, tonic: int) -> bool:
        stands = self.in_thirds and not self.numeral.is_cadential
        return stands and self.members[0] == tonic and self.numeral.triad in ("major", "minor")


def broken_harmony(plain: Plain, chords: Sequence[ChordSpan]) -> set[Broken]:
    """Every place at which one of `RULES` does not hold."""
    read = list(_chords(plain, chords))
    found: set[Broken] = set()
    for chord, after in pairwise(read):
        found |= set(_leading_tones(plain, chord, after))
        found |= set(_sevenths(plain, chord, after))
    for before, chord in zip([None, *read], read, strict=False):
        found |= set(_doublings(plain, chord, before))
    return found | set(_dissonances(plain, read))


def _chords(plain: Plain, chords: Sequence[ChordSpan]) -> Iterator[Chord]:
    for span in chords:
        try:
            numeral = RomanNumeral.parse(span.numeral)
            members = tuple(7 * tone % 12 for tone in numeral.tones(span.key))
        except PlanError:
            continue
        earlier = [tick for tick in plain.times if tick <= span.onset]
        first = earlier[-1] if earlier else plain.times[0]
        if first < span.end:
            yield Chord(first, span.onset, span.end, members, numeral, span)


def _last_tone(plain: Plain, voice: int, chord: Chord) -> int | None:
    """Index of a voice's last chord tone in a chord."""
    inside = [
        index
        for index, note in enumerate(plain.voices[voice])
        if note.end > chord.first
        and note.on < chord.end
        and note.pitch % 12 in chord.members
        # It has to sound at a moment at which a note begins in the chord.
        and any(chord.first <= t < chord.end and note.on <= t < note.end for t in plain.times)
    ]
    return inside[-1] if inside else None


def _path(notes: Sequence[Note], index: int) -> list[Note]:
    """The next notes of other pitches, two at most, up to a rest."""
    path: list[Note] = []
    here = notes[index]
    for note in notes[index + 1 :]:
        if note.on > here.end or len(path) == 2:
            break
        if note.pitch != here.pitch:
            path.append(note)
        here = note
    return path


def _leaves(plain: Plain, chord: Chord, tone: int) -> Iterator[tuple[int, Note, list[Note]]]:
    """Voices whose last chord tone is the tone: voice, note, where it goes."""
    for voice in range(4):
        index = _last_tone(plain, voice, chord)
        if index is None or plain.voices[voice][index].pitch % 12 != tone:
            continue
        path = _path(plain.voices[voice], index)
        if path:
            yield voice, plain.voices[voice][index], path


def _is_short(plain: Plain, path: list[Note], after: Chord) -> bool:
    """Whether the first note of a path is an ornament of a quarter at most."""
    in_time = path[1].on - path[0].on <= plain.quarter
    return in_time and path[1].on < after.end


def _leading_tones(plain: Plain, chord: Chord, after: Chord) -> Iterator[Broken]:
    tone = chord.leading_tone
    if tone is None or not after.is_tonic_of(chord.tonic):
        return
    for voice, note, path in _leaves(plain, chord, tone):
        steps = [other.pitch - note.pitch for other in path]
        resolved = steps[0] == 1 or (steps[0] == -1 and path[0].letter == note.letter)
        delayed = len(steps) > 1 and steps[1] == 1 and _is_short(plain, path, after)
        if resolved or delayed or path[0].on >= after.end:
            continue
        falls = steps[0] == -4 or (steps[:1] in ([-1], [-2]) and steps[1:2] == [-4])
        rule = "frustrated" if voice in (1, 2) and falls else "unresolved"
        yield Broken(f"{rule}_leading_tone", path[0].on, frozenset({voice}))


def _sevenths(plain: Plain, chord: Chord, after: Chord) -> Iterator[Broken]:
    if not chord.numeral.has_seventh or chord.numeral.triad in AUGMENTED_SIXTHS:
        return
    tone = chord.members[3]
    if after.members[0] == chord.members[0] and tone in after.members:
        return
    leaves = list(_leaves(plain, chord, tone))
    for _, note, path in leaves:
        steps = [other.pitch - note.pitch for other in path]
        delayed = len(steps) > 1 and steps[1] in (-1, -2) and _is_short(plain, path, after)
        if steps[0] in (-1, -2) or delayed:
            return
    for voice, note, path in leaves:
        step = path[0].pitch - note.pitch
        rises = step in (1, 2)
        taken = [plain.at(other, after.first) for other in range(4)]
        stays = tone in after.members and (
            path[0].on > after.first or any(n and n.pitch % 12 == tone for n in taken)
        )
        if stays or (rises and path[0].letter == note.letter):
            continue
        passing = chord.leading_tone is not None and chord.numeral.inversion == 2
        to_sixth = after.is_tonic_of(chord.tonic) and after.numeral.inversion == 1
        rule = "rising_seventh" if rises and passing and to_sixth else "unresolved_seventh"
        yield Broken(rule, path[0].on, frozenset({voice}))


def _doublings(plain: Plain, chord: Chord, before: Chord | None) -> Iterator[Broken]:
    have: dict[int, set[int]] = {}
    for voice in range(4):
        note = plain.at(voice, chord.first)
        if note is not None:
            have.setdefault(note.pitch % 12, set()).add(voice)
    scale = dict(letter_and_alteration(tone) for tone in chord.span.key.scale)
    for tone in chord.numeral.tones(chord.span.key):
        letter, alteration = letter_and_alteration(tone)
        pc = 7 * tone % 12
        if alteration > scale[letter] and pc != chord.leading_tone and len(have.get(pc, ())) > 1:
            yield Broken("doubled_altered_tone", chord.first, frozenset(have[pc]))
    plain_triad = chord.numeral.triad == "major" and not chord.numeral.has_seventh
    if plain_triad and chord.numeral.inversion == 0:
        deceptive = before is not None and before.leading_tone is not None
        thirds, roots = (have.get(chord.members[i], set()) for i in (1, 0))
        if len(thirds) > 1 and len(roots) < 2 and not (deceptive and chord.numeral.degree == 6):
            yield Broken("doubled_third", chord.first, frozenset(thirds))


def _dissonances(plain: Plain, chords: Sequence[Chord]) -> Iterator[Broken]:
    """Notes that are never chord tones while they sound, and that no step joins."""
    for voice, notes in enumerate(plain.voices):
        for index, note in enumerate(notes):
            upto = notes[index + 1].on if index + 1 < len(notes) else plain.times[-1] + 1
            moments = [t for t in plain.times if note.on <= t < min(note.end, upto)]
            held = [[c for c in chords if c.first <= t < c.end] for t in moments]
            if not held or not held[0]:
                continue
            if any(note.pitch % 12 in chord.members for now in held for chord in now):
                continue
            last = [t for t in plain.times if t < note.on]
            before = plain.at(voice, last[-1]) if last else None
            if before is not None and before.end < note.on:
                before = None  # a rest
            path = _path(notes, index)
            if before is None and not path:
                continue
            joined = before is not None and abs(before.pitch - note.pitch) <= 2
            if not joined and not (path and abs(path[0].pitch - note.pitch) <= 2):
                yield Broken("unprepared_dissonance", note.on, frozenset({voice}))
