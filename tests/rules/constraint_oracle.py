"""Whether notes keep a constraint, read from the score alone; shares no code with the search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, pairwise

from hybrid.core.pitch import Key, parse_pitch, parse_spelling
from hybrid.core.plan import Constraint, FormPlan, Phrase, Section, parse_chords
from hybrid.core.score import Score
from hybrid.core.timeline import Metre

CHOIR = ("soprano", "alto", "tenor", "bass")
BAR = 1920  # all plans here are in 4/4 without a pickup
Row = list[tuple[int, int, int]]

#: Four bars: home, away a little, a cadence.
CADENCE = "I:2 V6:2 | I:2 IV:2 | ii6:2 V:2 | I:4"


def small_plan(chords: str = CADENCE, key: str = "G major", cadence: str = "PAC") -> FormPlan:
    """One phrase for four voices in 4/4."""
    metre = Metre.parse("4/4")
    bars = chords.count("|") + 1
    phrase = Phrase(bars=bars, chords=parse_chords(chords, metre, bars), cadence=cadence, theme="a")
    return FormPlan(
        key=Key.parse(key),
        metre=metre,
        tempo_qpm=80.0,
        texture="chorale",
        dynamics="mf",
        instruments=CHOIR,
        sections=(Section(label="A", phrases=(phrase,)),),
    )


def rows(score: Score, voice: int | None = None) -> dict[str, Row]:
    """Onset, end and pitch of every note by track, or of those in voices of a number."""
    return {
        track.name: sorted(
            (int(n["onset"]), int(n["onset"] + n["duration"]), int(n["pitch"]))
            for n in track.notes
            if voice in (None, n["voice"])
        )
        for track in score.tracks
    }


def keeps(
    score: Score, item: Constraint, plan: FormPlan, voices: Mapping[str, str] | None = None
) -> bool:
    """Whether a score in 4/4 keeps a constraint.

    ``voices`` names the track of each voice, highest first; a choir's where left out.
    """
    tracks = dict(voices or {name: name for name in CHOIR})
    every = list(dict.fromkeys(tracks.values()))
    tracks |= {"melody": every[0]}
    lines = rows(score)
    if plan.texture in BROKEN and "upper" in item.voices:
        lines[tracks["upper"]] = _upper_strand(lines[tracks["upper"]])
    if plan.texture in BROKEN and item.kind in ("melody", "rhythm"):
        # A strand with onsets of its own has a voice of its own.
        lines = rows(score, voice=1)
    first, last = item.bars or (1, plan.n_bars)
    start, end = (first - 1) * BAR, last * BAR
    named = [tracks.get(name, name) for name in item.voices]
    if not named:
        named = {"melody": every[:1], "highest": every[:1], "lowest": every[-1:]}.get(
            item.kind, every
        )
    own = [lines[name] for name in named]
    sounding = [[n for n in row if n[0] < end and n[1] > start] for row in own]
    beginning = [[n for n in row if start <= n[0] < end] for row in own]
    value = item.value
    if item.kind == "range":
        low, high = parse_pitch(value[0])[0], parse_pitch(value[1])[0]
        return all(low <= n[2] <= high for row in sounding for n in row)
    if item.kind == "avoid_pitch_class":
        return all(n[2] % 12 != 7 * parse_spelling(value) % 12 for row in sounding for n in row)
    if item.kind in ("pitch", "pitch_class"):
        wanted = parse_pitch(value)[0] if item.kind == "pitch" else 7 * parse_spelling(value) % 12
        ticks = [b * BAR + int((item.beat - 1) * 480) for b in range(first - 1, last)]
        found = [[n[2] for n in row if n[0] <= t < n[1]] for row in own for t in ticks]
        modulus = 128 if item.kind == "pitch" else 12
        return all(len(f) == 1 and f[0] % modulus == wanted for f in found)
    if item.kind in ("highest", "lowest"):
        edge = parse_pitch(value)[0]
        pitches = [n[2] for row in sounding for n in row]
        return edge == (max(pitches) if item.kind == "highest" else min(pitches))
    if item.kind == "melody":
        tick, wanted_notes = start, []
        for word in value.split():
            name, _, length = word.partition(":")
            stop = tick + int(Fraction(length or "1") * 480)
            if name != "R":
                wanted_notes.append((tick, stop, parse_pitch(name)[0]))
            tick = stop
        return [n for n in own[0] if start <= n[0] < tick] == wanted_notes
    if item.kind in ("max_leap", "forbidden_interval"):
        sizes = [abs(b[2] - a[2]) for row in beginning for a, b in pairwise(row)]
        if item.kind == "max_leap":
            return all(size <= value for size in sizes)
        banned = value if isinstance(value, tuple) else (value,)
        return not set(sizes) & set(banned)
    if item.kind == "rhythm":
        lengths = [Fraction(word) for word in value.split()]
        places = [int(480 * sum(lengths[:n], start=Fraction(0))) for n in range(len(lengths))]
        wanted_onsets = [b * BAR + p for b in range(first - 1, last) for p in places]
        return all([n[0] for n in row] == wanted_onsets for row in beginning)
    if item.kind == "density":
        counts = [
            sum(b * BAR <= n[0] < (b + 1) * BAR for n in row)
            for row in own
            for b in range(first - 1, last)
        ]
        return all(value[0] <= count <= value[1] for count in counts)
    if item.kind == "no_parallels":
        return not any(_parallel(a, b, start, end) for a, b in combinations(own, 2))
    if item.kind == "dissonance":
        return all(_is_chordal(n, plan) for row in sounding for n in row)
    raise AssertionError(item.kind)


def _upper_strand(row: Row) -> Row:
    """The higher one of two strands that sound in turn: no note of its beat lies above."""
    return [
        note
        for note in row
        if not any(
            other[0] < note[0] // 480 * 480 + 480
            and note[0] // 480 * 480 < other[1]
            and other[2] > note[2]
            for other in row
        )
    ]


def _parallel(one: Row, two: Row, start: int, end: int) -> bool:
    ticks = sorted({n[0] for n in one} & {n[0] for n in two})
    for tick in ticks:
        at = [next(i for i, n in enumerate(row) if n[0] == tick) for row in (one, two)]
        if 0 in at or not start < tick < end:
            continue
        old = [row[i - 1][2] for row, i in zip((one, two), at, strict=True)]
        new = [row[i][2] for row, i in zip((one, two), at, strict=True)]
        same = (old[0] - old[1]) % 12 == (new[0] - new[1]) % 12
        if same and (old[0] - old[1]) % 12 in (0, 7) and (new[0] - old[0]) * (new[1] - old[1]) > 0:
            return True
    return False


def _is_chordal(note: tuple[int, int, int], plan: FormPlan) -> bool:
    for placed in plan.phrases():
        for chord in placed.phrase.chords:
            start = int((placed.start + chord.onset) * 480)
            end = int((placed.start + chord.end) * 480)
            if start < note[1] and note[0] < end:
                tones = {7 * tone % 12 for tone in chord.roman.tones(placed.key_of(chord))}
                if note[2] % 12 not in tones:
                    return False
    return True


#: Four players, so that each voice of an accompanied texture has a track of its own.
BAND = ("flute", "violin", "viola", "cello")
BROKEN = ("alberti", "arpeggio")
TEXTURES = ("homophonic", "waltz", "march", "pad", "walking_bass", "alberti", "arpeggio")


def band_plan(texture: str, chords: str = CADENCE, key: str = "G major") -> FormPlan:
    """One phrase for a melody and three players under it in 4/4."""
    return replace(small_plan(chords, key), texture=texture, instruments=BAND)


def band_voices(texture: str) -> dict[str, str]:
    """Which player has each voice; the highest two of four strands share one in broken chords."""
    if texture in BROKEN:
        names = ("melody", "upper", "low", "bass")
    else:
        names = ("melody", "upper", "middle", "bass")
    return dict(zip(names, BAND, strict=True))
