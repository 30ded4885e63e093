"""Moments of the exact search: the beats of phrases, cut wherever a constraint needs a cut.

At a moment that is cut out of an event only the voices for whose sake it was cut may move; the
others go on. For each moment there are candidates as in `hybrid.rules.voicings`, with relaxed
spacing and chords that need not be complete, and in addition *guests*: notes that constraints
name and the chord lacks (non-chord tones, rests).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import pitch_class
from hybrid.rules import weights as w
from hybrid.rules.asked import Asked
from hybrid.rules.harmony import Event
from hybrid.rules.parts import Voice
from hybrid.rules.scales import scale_of
from hybrid.rules.voicings import SILENT, Limits, Voicings, _member_cost, _shape_cost

GIVEN = "the given notes"  # name of what `given` fixes; always in force
GUEST = 4.0  # cost of a guest that no constraint insists on
CROSSED = 3.0  # of each semitone by which a strand comes above its melody
#: A range that leaves fewer semitones than this of a strand's usual one moves the strand.
FEW = 12


@dataclass(frozen=True)
class Moment:
    """A moment of a phrase.

    Attributes
    ----------
    event : Event
        With its own onset and end.
    whole : Event
        The event that it is cut from.
    phrase : int
        Number in the chain.
    voices : tuple of Voice
    extra : bool
        Whether it was cut out of the middle of its event.
    reasons : tuple of (int, str)
        Voice and name of the constraint for which it was cut.
    breaks : bool
        Whether a pause stands before it.
    still : frozenset of int
        Voices that move here only for a constraint's sake: strands inside their chord.
    accompanied : bool
        Whether the first voice is a melody above strands of chords, not one of equal parts.
        It may cross the strands, which keep a pitch each, and pitches that constraints name
        may lie anywhere on the instrument.
    """

    event: Event
    whole: Event
    phrase: int
    voices: tuple[Voice, ...]
    extra: bool = False
    reasons: tuple[tuple[int, str], ...] = ()
    breaks: bool = False
    still: frozenset[int] = frozenset()
    accompanied: bool = False

    def fits(self, column: int, pitch: int) -> bool:
        """Whether a voice can have a pitch that a constraint names."""
        voice = self.voices[column]
        if self.accompanied:
            return voice.lowest <= pitch <= voice.highest
        return voice.low <= pitch <= voice.high


@dataclass(frozen=True, eq=False)
class Choices:
    """Candidates of a moment.

    Attributes
    ----------
    found : Voicings
    member : np.ndarray, shape (n, V)
        Number of the chord tone; -1 for a guest, -2 for a rest.
    loose : np.ndarray, shape (n, V), bool
        Guests that have to go on by step: single notes outside the chord.
    needs : tuple of (np.ndarray, frozenset of str)
        Candidates that may be used only if one of some constraints is in force.
    """

    found: Voicings
    member: NDArray[np.int64]
    loose: NDArray[np.bool_]
    needs: tuple[tuple[NDArray[np.bool_], frozenset[str]], ...]


@dataclass
class _Option:
    spelling: int
    guest: bool = False
    loose: bool = False
    free: bool = False  # from a line: may cross other such notes, may leave the range
    crosses: bool = False  # from a strand's fixed line: may cross the other strands
    names: set[str] = field(default_factory=set)


def cut(
    events: Sequence[Event],
    asked: Sequence[Asked],
    phrase: int,
    voices: tuple[Voice, ...],
    breaks: Sequence[bool],
) -> tuple[Moment, ...]:
    """The moments of a phrase's events under some constraints."""
    cuts: dict[int, list[tuple[int, str]]] = {}

    def note(tick: int, voice: int, name: str) -> None:
        cuts.setdefault(tick, []).append((voice, name))

    for item in asked:
        for mask in item.masks:
            if not mask.cuts:
                continue
            note(mask.start, mask.voice, item.name)
            if not mask.pinned:
                note(mask.end, mask.voice, item.name)
        for line in item.lines:
            for start, end, _, _ in line.notes:
                note(start, line.voice, item.name)
                note(end, line.voice, item.name)
        for onsets in item.onsets:
            for tick in sorted(onsets.ticks):
                note(tick, onsets.voice, item.name)
        for reach in item.reaches:
            for voice in reach.voices:
                note(reach.start, voice, item.name)
                note(reach.end, voice, item.name)
        for count in item.counts:
            # A moment takes up to four notes: cut bars that need more.
            cells = [count.start]
            if count.fewest > 4:
                cells = list(range(count.start, count.end, 480))
            for voice in count.voices:
                for tick in cells:
                    note(tick, voice, item.name)
        for span in item.consonant:
            for voice in span.voices:
                note(span.start, voice, item.name)
    moments = []
    for place, event in enumerate(events):
        inside = sorted(tick for tick in cuts if event.onset < tick < event.end)
        starts = [event.onset, *inside]
        for start, end in zip(starts, [*inside, event.end], strict=True):
            first = start == event.onset
            piece = replace(event, onset=start, end=end, accent=event.accent if first else 0)
            reasons = tuple(dict.fromkeys(cuts.get(start, ())))
            moments.append(
                Moment(piece, event, phrase, voices, not first, reasons, first and breaks[place])
            )
    return tuple(moments)


def choices(moment: Moment, asked: Sequence[Asked]) -> Choices:
    """All candidates of a moment, the guests of all constraints among them."""
    chord, event = moment.event.chord, moment.event
    n_voices = len(moment.voices)
    options: list[dict[int, _Option]] = []
    by_class = {pitch_class(tone): tone for tone in reversed(chord.tones)}
    for column, voice in enumerate(moment.voices):
        bass = (chord.bass,) if moment.accompanied else event.bass
        allowed = bass if column == n_voices - 1 else chord.tones
        classes = {pitch_class(tone): tone for tone in reversed(allowed)}
        options.append(
            {
                pitch: _Option(classes[pitch % 12])
                for pitch in range(voice.low, voice.high + 1)
                if pitch % 12 in classes
            }
        )
    starts_chord = event.onset == chord.onset
    for item in asked:
        for line in item.lines:
            note = line.at(event.onset)
            if note is None:
                continue
            _, _, pitch, spelling = note
            mine = options[line.voice]
            outside = pitch != SILENT and not moment.fits(line.voice, pitch)
            if pitch in mine and line.given:
                mine[pitch].free = True
            if pitch in mine or (outside and not line.given):
                continue
            # The planned bass is the chord's: a line may not give it another one.
            if (
                line.voice == n_voices - 1
                and pitch % 12 in by_class
                and pitch != SILENT
                and starts_chord
                and not line.given
                and not (moment.accompanied and pitch % 12 == pitch_class(chord.bass))
            ):
                continue
            tone = by_class.get(pitch % 12, spelling) if pitch != SILENT else SILENT
            option = mine.setdefault(pitch, _Option(tone, guest=True, free=True))
            option.names.add(item.name)
            option.crosses |= moment.accompanied and not line.given
        for mask in item.masks:
            if not mask.pinned or not _holds_on(mask.start, moment):
                continue
            mine = options[mask.voice]
            for pitch, spelling in mask.pinned:
                if not moment.fits(mask.voice, pitch) or pitch % 12 in by_class:
                    continue
                option = mine.setdefault(pitch, _Option(spelling, guest=True, loose=True))
                if option.guest:
                    option.names.add(item.name)
    for item in asked:
        for reach in item.reaches:
            # A highest note may be one outside the chord that goes on by step.
            if not (reach.start < event.end and event.onset < reach.end):
                continue
            spelled = {pitch_class(tone): tone for tone in scale_of(chord)}
            for column in reach.voices:
                mine, fits = options[column], moment.fits(column, reach.pitch)
                if fits and reach.pitch % 12 in spelled and reach.pitch % 12 not in by_class:
                    tone = spelled[reach.pitch % 12]
                    option = mine.setdefault(reach.pitch, _Option(tone, guest=True, loose=True))
                    if option.guest:
                        option.names.add(item.name)
    if moment.accompanied:
        for item in asked:
            _reach_out(moment, options, item)
    given = set()
    for item in asked:
        for line in item.lines:
            note = line.at(event.onset) if line.given else None
            if note is not None:
                given.add(line.voice)
                options[line.voice] = {note[2]: options[line.voice][note[2]]}
    return _product(moment, options, frozenset(given))


def _reach_out(moment: Moment, options: list[dict[int, _Option]], item: Asked) -> None:
    """Add chord tones that a constraint names outside a voice's usual range."""
    event, chord = moment.event, moment.event.chord
    last = len(options) - 1
    wanted: list[tuple[int, int]] = []
    for mask in item.masks:
        if not (mask.start < event.end and event.onset < mask.end):
            continue
        voice = moment.voices[mask.voice]
        if len(mask.pinned) == 1:
            wanted.append((mask.voice, mask.pinned[0][0]))
        elif item.source is not None and item.source.kind == "range":
            inside = [p for p in mask.pitches if moment.fits(mask.voice, p)]
            if sum(voice.low <= pitch <= voice.high for pitch in inside) < FEW:
                centre = (voice.low + voice.high) / 2
                near = sorted(inside, key=lambda pitch: (abs(pitch - centre), pitch))
                wanted += [(mask.voice, pitch) for pitch in near[: 2 * FEW]]
    for reach in item.reaches:
        if reach.start < event.end and event.onset < reach.end:
            wanted += [(column, reach.pitch) for column in reach.voices]
    for column, pitch in wanted:
        tones = (chord.bass,) if column == last else chord.tones
        classes = {pitch_class(tone): tone for tone in reversed(tones)}
        if pitch % 12 not in classes or not moment.fits(column, pitch):
            continue
        option = options[column].setdefault(pitch, _Option(classes[pitch % 12], guest=True))
        if option.guest:
            option.names.add(item.name)


def _holds_on(tick: int, moment: Moment) -> bool:
    """Whether a tick lies in the event of a moment, not after the moment."""
    return moment.whole.onset <= tick < moment.event.end


def gaps(moment: Moment) -> tuple[int, ...]:
    """Widest usual gap between each voice and the next one."""
    n_voices = len(moment.voices)
    if moment.accompanied:
        return (36, *(12,) * (n_voices - 3), 19)
    return (*Limits(()).spacing, 127)[: n_voices - 1]


def _product(moment: Moment, options: list[dict[int, _Option]], given: frozenset[int]) -> Choices:
    n_voices = len(options)
    widest = gaps(moment)
    rows: list[tuple[int, ...]] = [()]
    for column, mine in enumerate(options):
        grown = []
        for row in rows:
            # A melody may lie anywhere above its strands, and cross them.
            over = row[1:] if moment.accompanied else row
            above = next((p for p in reversed(over) if p != SILENT), None)
            near = above is not None and row[-1] == above
            upper = options[column - 1][row[-1]] if near else None
            for pitch, option in sorted(mine.items()):
                if pitch != SILENT and above is not None:
                    loose = option.crosses
                    if upper is not None:
                        loose |= upper.crosses or (upper.free and option.free)
                    gap = above - pitch
                    least = 1 if moment.accompanied else 0
                    if not loose and not least <= gap <= widest[column - 1] + 12:
                        continue
                grown.append((*row, pitch))
        rows = grown
    if not rows:
        none = np.empty((0, n_voices), dtype=np.int64)
        return Choices(Voicings(none, none, np.empty(0)), none, none.astype(bool), ())
    grid = np.array(rows, dtype=np.int64)
    chord = moment.event.chord
    tones = chord.tones
    spelling = np.array(
        [[options[c][p].spelling for c, p in enumerate(row)] for row in rows], dtype=np.int64
    )
    index = {pitch_class(tone): place for place, tone in reversed(list(enumerate(tones)))}
    member = np.array(
        [[-2 if p == SILENT else index.get(p % 12, -1) for p in row] for row in rows],
        dtype=np.int64,
    )
    tendency = [tones.index(tone) for tone in {chord.leading, chord.seventh} - {None}]
    heard = member.copy()
    if moment.still:
        heard[:, 0] = -2  # a melody that moves on over a chord neither doubles nor completes it
    elif moment.accompanied:
        # Nor is it the bass's fault, which is planned, if a fixed tune has the same tone.
        fixed = np.array([options[0][row[0]].free for row in rows])
        same = fixed & (member[:, 0] == member[:, -1]) & np.isin(member[:, 0], tendency)
        heard[same, 0] = -2
    counts = np.stack([(heard == place).sum(axis=1) for place in range(len(tones))], axis=1)
    ranges = tuple(voice.range for voice in moment.voices)
    limits = Limits(ranges, widest, slack=True, complete=0)
    cost, keep = _member_cost(chord, counts, n_voices, limits)
    if moment.still:
        keep = np.asarray((counts[:, tendency] <= 1).all(axis=1))
    placed = np.where(grid == SILENT, 60, grid)
    cost = cost + _shape_cost(placed, list(range(n_voices)), limits)
    guest = np.array([[options[c][p].guest for c, p in enumerate(row)] for row in rows])
    by_step = np.array([[options[c][p].loose for c, p in enumerate(row)] for row in rows])
    if moment.accompanied:
        crossed = np.where(grid[:, 0] == SILENT, 0, grid[:, 1] - grid[:, 0] + 1)
        cost = cost + CROSSED * np.clip(crossed, 0, 3)
    cost = cost + GUEST * by_step.sum(axis=1) + w.MISSING_ROOT * (counts.sum(axis=1) == 0)
    if given:
        # What is given may have its faults; only what is new must not add to them.
        free = [c for c in range(n_voices) if c not in given]
        keep = np.ones(len(grid), dtype=bool)
        for place in tendency:
            has = heard == place
            keep &= (has.sum(axis=1) <= 1) | ~has[:, free].any(axis=1)
    order = np.flatnonzero(keep)
    found = Voicings(grid[order], spelling[order], cost[order])
    needs = []
    for column, mine in enumerate(options):
        for key, option in sorted(mine.items()):
            if option.guest and GIVEN not in option.names:
                hit = (found.pitch[:, column] == key) & guest[order][:, column]
                if hit.any():
                    needs.append((hit, frozenset(option.names)))
    return Choices(found, member[order], by_step[order], tuple(needs))
