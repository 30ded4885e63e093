"""The chords under a melody: one voicing for each span, drawn as a path.

Smooth, complete with what the melody has, and without parallels on the surface, where the
strands sound one after the other as the texture's pattern says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.pitch import diatonic_step
from hybrid.core.plan import PlacedPhrase
from hybrid.rules import weights as w
from hybrid.rules.endings import shut_out
from hybrid.rules.harmony import to_ticks
from hybrid.rules.lattice import draw_path
from hybrid.rules.leading import link_between, transition
from hybrid.rules.melody import MelodyNote
from hybrid.rules.patterns import LINEAR
from hybrid.rules.phrases import Context, entry_range, final_tones
from hybrid.rules.playing import Playing, Scheme, Span
from hybrid.rules.song_guide import SongGuide
from hybrid.rules.surface import Check, check_cost, find_checks, inner_cost, joint_cost
from hybrid.rules.voicings import SILENT, Limits, Voicings, voicings

UNLIKE = 1.2  # cost of each strand that differs from the remembered one
ABOVE_MELODY = 3.0


@dataclass(frozen=True)
class StrandMemory:
    """Chords of a phrase for its return."""

    onsets: tuple[int, ...]
    numerals: tuple[str, ...]
    degrees: NDArray[np.int64]


def draw_strands(
    playing: Playing,
    melody: Sequence[MelodyNote] | None,
    wanted_steps: Sequence[float],
    memory: StrandMemory | None,
    context: Context,
    rng: np.random.Generator,
    loose: int,
) -> tuple[Voicings, int]:
    """Draw the strands' chords; rows of the result are spans.

    Without a melody its notes are drawn along, one for each span, as the first column.
    """
    placed, scheme, spans = playing.placed, playing.scheme, playing.spans
    guide = context.guide if isinstance(context.guide, SongGuide) else None
    usual = _limits(context, loose, melody is None)
    entry = _limits(context, loose, melody is None, entry=True)
    # Strands of a broken chord are no voices of their own: what holds between them by
    # preference gives way where it has to; the line itself is checked in any case.
    off = frozenset({"parallels"}) if scheme.is_linear and loose else frozenset()
    lines = playing.lines(melody, context)
    checks: dict[int, list[Check]] = {}
    for check in find_checks(lines.all):
        checks.setdefault(check.event, []).append(check)
    sets = []
    for number, span in enumerate(spans):
        limits = usual if number else entry
        if melody is None:
            found = _open_candidates(placed, span, spans, wanted_steps[number], limits)
        else:
            found = _candidates(placed, span, melody, limits, memory)
        if guide is not None:
            found = guide.kept_strands(found, span.onset, span.end, int(melody is not None))
        local = [c for c in checks.get(number, []) if not c.reaches_back]
        if local:
            found = found.plus(check_cost(local, number, None, found)[0])
        for line in lines.broken:
            found = found.plus(inner_cost(line, number, found))
        if number + 1 == len(spans) and context.barred:
            found = found.plus(shut_out(playing.ends(melody, found), context.barred, len(found)))
        sets.append(found)
    if context.tail is not None and context.last_chord is not None and not context.after_pause:
        tail = strand_tail(context, scheme, melody is None)
        link = link_between(context.last_chord, spans[0].chord, frustrated=False)
        sets[0] = sets[0].plus(transition(tail, sets[0], link)[0])
        for line in lines.broken:
            sets[0] = sets[0].plus(joint_cost(line, 0, link.due, None, sets[0])[0])

    if guide is not None and context.tail is not None:
        voices = context.voices[int(melody is not None) :]
        last = np.array([[context.before(voice)[0] for voice in voices]])
        sets[0] = sets[0].plus(guide.strand_steps(last, sets[0].pitch, spans[0].onset)[0])

    def step(place: int) -> NDArray[np.float64]:
        before, after = sets[place - 1], sets[place]
        chord, following = spans[place - 1].chord, spans[place].chord
        link = link_between(chord, following, frustrated=not scheme.is_linear, off=off)
        cost = transition(before, after, link)
        back = [c for c in checks.get(place, []) if c.reaches_back]
        if back:
            cost = cost + check_cost(back, place, before, after)
        for line in lines.broken:
            cost = cost + joint_cost(line, place, link.due, before, after)
        if guide is not None:
            cost = cost + guide.strand_steps(before.pitch, after.pitch, spans[place].onset)
        return cost

    path = draw_path([found.cost for found in sets], step, rng, w.TEMPERATURE)
    rows = list(zip(sets, path.index, strict=True))
    chosen = Voicings(
        np.stack([found.pitch[index] for found, index in rows]),
        np.stack([found.spelling[index] for found, index in rows]),
        np.array(path.probability),
    )
    return chosen, sum(len(found) for found in sets)


def _limits(context: Context, loose: int, with_melody: bool, entry: bool = False) -> Limits:
    voices = context.voices if with_melody else context.voices[1:]
    n_inner = len(context.voices) - 3
    spacing = (12,) * n_inner + (19,) if loose else (9,) * n_inner + (14,)
    if with_melody:
        spacing = (36, *spacing)
    return Limits(
        tuple(
            _union(voice.widened(4 * loose), entry_range(voice, context.tail))
            if entry
            else voice.widened(4 * loose)
            for voice in voices
        ),
        spacing=spacing,
        distinct=True,
        centres=tuple((voice.low + voice.high) / 2 for voice in voices),
        slack=loose > 1,
        complete=0 if loose > 1 else 1,
    )


def _union(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    return min(one[0], two[0]), max(one[1], two[1])


def _open_candidates(
    placed: PlacedPhrase,
    span: Span,
    spans: Sequence[Span],
    wanted: float,
    limits: Limits,
) -> Voicings:
    """Chords of melody and strands together; the melody's distance from its shape costs."""
    found = voicings(span.chord, (span.chord.bass,), limits)
    steps = [
        diatonic_step(p, s)
        for p, s in zip(found.pitch[:, 0].tolist(), found.spelling[:, 0].tolist(), strict=True)
    ]
    found = found.plus(1.2 * np.abs(np.array(steps, dtype=np.float64) - wanted))
    if span is spans[-1]:
        tones = [tone for tone, _ in final_tones(placed, span.chord)]
        found = found.plus(np.where(np.isin(found.spelling[:, 0], tones), 0.0, np.inf))
    return found


def strand_tail(context: Context, scheme: Scheme, with_melody: bool) -> Voicings:
    """Last notes of the strands' voices; a broken line has only its one voice."""
    assert context.tail is not None
    found = []
    for place, voice in enumerate(context.voices):
        if place == 0 and not with_melody:
            continue
        note = context.tail.get((voice.part, voice.number), (SILENT, SILENT))
        broken = scheme.texture in LINEAR and place and (scheme.is_linear or place <= 2)
        found.append((SILENT, SILENT) if broken else note)
    pitch = np.array([[note[0] for note in found]], dtype=np.int64)
    spelling = np.array([[note[1] for note in found]], dtype=np.int64)
    return Voicings(pitch, spelling, np.zeros(1))


def _candidates(
    placed: PlacedPhrase,
    span: Span,
    melody: Sequence[MelodyNote],
    limits: Limits,
    memory: StrandMemory | None,
) -> Voicings:
    over = [note for note in melody if note.end > span.onset and note.onset < span.end]
    outside = tuple(note.spelling for note in over[:1])
    # A tendency tone that the melody leaves the chord with is the melody's to resolve.
    tendency = {span.chord.leading, span.chord.seventh}
    left = [note.spelling for note in over if note.spelling in span.chord.tones][-1:]
    outside += tuple(tone for tone in left if tone in tendency and tone not in outside)
    found = voicings(span.chord, (span.chord.bass,), limits, (), None, outside)
    if over:
        lowest = min(note.pitch for note in over)
        above = np.maximum(found.pitch[:, 0] - lowest + 1, 0)
        found = found.plus(ABOVE_MELODY * np.minimum(above, 3))
    if memory is not None:
        onset = span.onset - to_ticks(placed.start)
        if onset in memory.onsets:
            row = memory.onsets.index(onset)
            same = memory.degrees.shape[1] == found.pitch.shape[1]
            if same and memory.numerals[row] == span.chord.numeral.text:
                tonic = placed.key.tonic * 7 % 12
                differs = found.pitch - tonic != memory.degrees[row][None, :]
                found = found.plus(UNLIKE * differs.sum(axis=1))
    return found


def first_column(spans: Sequence[Span], chosen: Voicings) -> tuple[MelodyNote, ...]:
    return tuple(
        MelodyNote(
            span.onset,
            span.end,
            int(chosen.pitch[row, 0]),
            int(chosen.spelling[row, 0]),
            True,
            float(chosen.cost[row]),
        )
        for row, span in enumerate(spans)
    )
