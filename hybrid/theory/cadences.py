"""Cadences read from the notes: what closes each phrase, and in which key.

Nothing is known here of a plan or of the code that wrote the notes. The last two
harmonies of a phrase decide (`hybrid.theory.chords`), with the bass of both and the tone
that the highest voice rests on (where that voice is one of the lines that a track's chords are
split into, whatever sounds highest):

=====  ==================================================================================
PAC    V or V7 in root position to I in root position, the highest voice on the tonic
IAC    V or viio to I in any other way
HC     the phrase stops on V, a triad or V7 in root position
DC     V or V7 to vi (in minor VI), both in root position
PC     IV (or iv) to I; a six-four on the tonic is a suspension and no IV
=====  ==================================================================================

A major tonic closes a minor key as well (the Picardy third). Two tones of a chord
that stay over its bass are still that chord, and one that comes and goes within a quarter over
the standing root of a harmony (a neighbouring six-four and its like) does not interrupt it.

References
----------
Caplin, W. E. (2004). The classical cadence: conceptions and misconceptions. Journal of
the American Musicological Society, 57(1), 51-117.
Kostka, S., Payne, D., & Almén, B. (2013). Tonal Harmony (7th ed.), ch. 10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hybrid.core.analysis import Cadence, ChordSpan, KeySpan
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.score import Score
from hybrid.theory.chords import QUALITIES, infer_chords
from hybrid.theory.keys import find_keys, key_at
from hybrid.theory.slices import REST, Slices, slice_score

ORNAMENT_QUARTERS = 0.5  # a chord between the last two harmonies that is no harmony of its own
NEIGHBOUR_QUARTERS = 1.0  # the same over the standing root of a harmony
SILENCE_QUARTERS = 0.5  # a rest of all voices this long ends a phrase
MIN_VOICES = 2  # a clausula of two lines closes a phrase
N_CHORDS = 12  # chords before a phrase's end that are looked at


@dataclass(frozen=True)
class _Harmony:
    """Chords of one root in a row: onset, end, root, quality, first and last inversion."""

    onset: int
    end: int
    root: int
    quality: str
    inversion: int
    last_inversion: int


def phrase_ends(score: Score) -> tuple[int, ...]:
    """Ticks at which phrases end, as far as a score says so.

    Ends of notes under fermatas, rests of all voices of half a quarter or more, markers,
    ends of repeats, and the end of the piece. A score that marks nothing and never pauses
    gives its end alone.
    """
    ends = {score.length}
    starts: list[int] = []
    stops: list[int] = []
    for track in score.tracks:
        if track.is_drum:
            continue
        starts.extend(track.notes["onset"].tolist())
        stops.extend((track.notes["onset"] + track.notes["duration"]).tolist())
        held = {(mark.tick, mark.pitch) for mark in track.articulations if mark.kind == "fermata"}
        for note in track.notes:
            if (int(note["onset"]), int(note["pitch"])) in held:
                ends.add(int(note["onset"] + note["duration"]))
    reached = 0
    for start, stop in sorted(zip(starts, stops, strict=True)):
        if reached and start - reached >= SILENCE_QUARTERS * score.ticks_per_quarter:
            ends.add(reached)
        reached = max(reached, stop)
    ends.update(marker.tick for marker in score.markers)
    ends.update(repeat.end for repeat in score.repeats)
    return tuple(sorted(tick for tick in ends if 0 < tick <= score.length))


def find_cadences(
    score: Score,
    ends: Sequence[int] | None = None,
    keys: Sequence[KeySpan] | Key | None = None,
    voices: Sequence[str] | None = None,
) -> tuple[Cadence, ...]:
    """Cadences at the ends of phrases.

    Parameters
    ----------
    score : Score
    ends : sequence of int, optional
        Ticks at which phrases end; `phrase_ends` of the score where left out.
    keys : sequence of KeySpan, or Key, optional
        Keys to hear the cadences in; found by `hybrid.theory.keys` where left out.
    voices : sequence of str, optional
        Only these voices, highest first, as in `hybrid.theory.voices.find_voices`.

    Returns
    -------
    tuple of Cadence
        Ascending. A phrase that closes in none of the five ways gives none. ``tick`` is
        the onset of the last harmony.

    Examples
    --------
    >>> from hybrid.core.score import Score, Track, make_notes
    >>> chords = [(48, 64, 67, 72), (43, 62, 67, 71), (48, 60, 67, 72)]
    >>> tracks = [
    ...     Track(str(v), make_notes([(960 * i, 960, c[v]) for i, c in enumerate(chords)]))
    ...     for v in (3, 2, 1, 0)
    ... ]
    >>> [(c.kind, c.key.name) for c in find_cadences(Score(tuple(tracks)))]
    [('PAC', 'C major')]
    """
    slices = slice_score(score, voices)
    if not len(slices):
        return ()
    if isinstance(keys, Key):
        spans: tuple[KeySpan, ...] = (KeySpan(0, score.length, keys),)
    elif keys is None:
        spans = find_keys(score, slices)
    else:
        spans = tuple(keys)
    chords = infer_chords(score, slices, spans, min_voices=MIN_VOICES)
    found = []
    last_end = 0
    for end in sorted(set(phrase_ends(score) if ends is None else ends)):
        start, last_end = last_end, end
        inside = [chord for chord in chords if chord.onset < end]
        if not inside:
            continue
        heard = _without_neighbours(slices, _without_remnants(slices, inside[-N_CHORDS:]))
        heard = [_resolved(slices, chord) for chord in _with_late_tones(slices, heard)]
        last, *earlier = _without_suspension(_last_harmonies(heard))
        for key in _candidate_keys(spans, last, earlier, min(end, inside[-1].end)):
            kinds = [
                _kind(slices, key, before, last, end) for before in _penultimates(score, earlier)
            ]
            kind = next((kind for kind in kinds if kind is not None), None)
            if kind is not None:
                onset = max(last.onset, start)  # it may go on from the phrase before
                bar, _ = slices.place(onset)
                found.append(Cadence(onset, bar, kind, key))
                break
    return tuple(found)


def _sounding(slices: Slices, chord: ChordSpan) -> tuple[set[int], set[int]]:
    """Pitch classes that sound in a chord's span, and those that are the lowest in it."""
    first = int(np.searchsorted(slices.tick, chord.onset))
    stop = int(np.searchsorted(slices.tick, chord.end))
    pitch = slices.pitch[:, first:stop]
    sounds = pitch != REST
    lowest = np.where(sounds, pitch, 1000).min(axis=0)
    return set((pitch[sounds] % 12).tolist()), set((lowest[lowest < 1000] % 12).tolist())


def _without_remnants(slices: Slices, chords: Sequence[ChordSpan]) -> list[ChordSpan]:
    """The same, where two tones of a chord that stay over its bass are still that chord.

    Broken chords leave two tones of three; the ear keeps the third.
    """
    kept: list[ChordSpan] = []
    for chord in chords:
        if kept:
            before = kept[-1]
            pitches, bass = _sounding(slices, chord)
            same_bass = len(bass) == 1 and bass == _sounding(slices, before)[1]
            if same_bass and pitches < _tones(before) and not _tones(chord) <= pitches:
                kept[-1] = replace(before, end=chord.end)
                continue
        kept.append(chord)
    return kept


def _without_neighbours(slices: Slices, chords: list[ChordSpan]) -> list[ChordSpan]:
    """The same without short chords that come and go over the standing root of a harmony."""
    kept: list[ChordSpan] = []
    longest = NEIGHBOUR_QUARTERS * slices.score.ticks_per_quarter
    for number, chord in enumerate(chords):
        if kept and number + 1 < len(chords) and chord.end - chord.onset <= longest:
            before, after = kept[-1], chords[number + 1]
            root = pitch_class(before.root)
            returns = root == pitch_class(after.root) and _triad(before) == _triad(after)
            stands = all(_sounding(slices, each)[1] == {root} for each in (before, chord, after))
            if returns and stands:
                kept[-1] = replace(before, end=chord.end)
                continue
        kept.append(chord)
    return kept


def _with_late_tones(slices: Slices, chords: list[ChordSpan]) -> list[ChordSpan]:
    """The same, where the last chord takes in one over its root whose other tones are held over.

    Suspensions (9-8 with 4-3, say) make up a chord by their notes, and none by ear.
    """
    if len(chords) < 2:
        return chords
    late, last = chords[-2:]
    if _sounding(slices, late)[1] != {pitch_class(last.root)} or last.inversion:
        return chords
    first, stop = (int(np.searchsorted(slices.tick, tick)) for tick in (late.onset, late.end))
    pitch = slices.pitch[:, first:stop]
    strange = (pitch != REST) & ~np.isin(pitch % 12, sorted(_tones(last)))
    if (strange & slices.attack[:, first:stop]).any():
        return chords
    return [*chords[:-2], replace(last, onset=late.onset)]


def _resolved(slices: Slices, chord: ChordSpan) -> ChordSpan:
    """The dominant, where the sixth or fourth over a bass has given way to its chord.

    The suspended tones of a cadential six-four, or a sixth in place of the fifth, may last so
    long that the template of another chord fits the span better; what it ends with tells what
    it was: the major third over the bass, and after a sixth the minor seventh too.
    """
    triad = _triad(chord)
    if chord.inversion not in (1, 2) or triad not in (MAJOR, MINOR):
        return chord
    bass = (pitch_class(chord.root) + triad[chord.inversion]) % 12
    pitch = slices.pitch[:, int(np.searchsorted(slices.tick, chord.end)) - 1]
    ends_with = set((pitch[pitch != REST] % 12).tolist())
    third, seventh = (bass + 4) % 12, (bass + 10) % 12
    needed = {bass, third} if chord.inversion == 2 else {bass, third, seventh}
    if not needed <= ends_with or pitch_class(chord.root) in ends_with:
        return chord
    return replace(
        chord,
        root=chord.root + FIFTHS[triad[chord.inversion]],
        quality="dominant-seventh" if seventh in ends_with else "major",
        inversion=0,
    )


def _last_harmonies(chords: Sequence[ChordSpan], n_harmonies: int = 4) -> list[_Harmony]:
    """The last harmonies, latest first; changes of inversion do not part a harmony."""
    harmonies: list[_Harmony] = []
    for chord in reversed(chords):
        root = pitch_class(chord.root)
        here = _Harmony(
            chord.onset, chord.end, root, chord.quality, chord.inversion, chord.inversion
        )
        if harmonies and harmonies[-1].root == root and _triad(chord) == _triad(harmonies[-1]):
            later = harmonies.pop()
            here = _Harmony(
                chord.onset, later.end, root, later.quality, chord.inversion, later.last_inversion
            )
        elif len(harmonies) == n_harmonies:
            break
        harmonies.append(here)
    return harmonies


def _without_suspension(harmonies: list[_Harmony]) -> list[_Harmony]:
    """The same, where a six-four over the last bass is the last harmony with suspended tones.

    IV64 before I is a tonic whose third and fifth are late, no subdominant.
    """
    last, *earlier = harmonies
    if earlier and earlier[0].inversion == earlier[0].last_inversion == 2:
        bass = (earlier[0].root + QUALITIES[earlier[0].quality][2]) % 12
        if bass == last.root and last.inversion == 0:
            return [replace(last, onset=earlier[0].onset), *earlier[1:]]
    return harmonies


def _penultimates(score: Score, earlier: Sequence[_Harmony]) -> list[_Harmony | None]:
    """The harmony before the last one, and the one before that if the former is an ornament."""
    if len(earlier) > 1:
        length = earlier[0].end - earlier[0].onset
        if length <= ORNAMENT_QUARTERS * score.ticks_per_quarter:
            return [earlier[0], earlier[1]]
    return [earlier[0] if earlier else None]


def _candidate_keys(
    spans: tuple[KeySpan, ...], last: _Harmony, earlier: Sequence[_Harmony], end: int
) -> list[Key]:
    """Keys to hear a cadence in: that of its end, then those of the harmonies before.

    A Picardy third or a half cadence may look like the start of another key.
    """
    ticks = [end - 1, last.onset - 1, *(harmony.onset for harmony in earlier)]
    keys = [key_at(spans, max(0, tick)) for tick in ticks]
    return list(dict.fromkeys(key for key in keys if key is not None))


def _tones(chord: ChordSpan) -> set[int]:
    """Pitch classes of a chord."""
    return {(pitch_class(chord.root) + above) % 12 for above in QUALITIES[chord.quality]}


def _triad(chord: ChordSpan | _Harmony) -> tuple[int, ...]:
    return QUALITIES[chord.quality][:3]


MAJOR, MINOR, DIMINISHED = (0, 4, 7), (0, 3, 7), (0, 3, 6)
FIFTHS = {3: -3, 4: 4, 7: 1}  # places on the line of fifths that an interval goes up


def _kind(
    slices: Slices, key: Key, before: _Harmony | None, last: _Harmony, end: int
) -> str | None:
    tonic = pitch_class(key.tonic)

    def degree(harmony: _Harmony) -> int:
        return (harmony.root - tonic) % 12

    def is_five(harmony: _Harmony) -> bool:
        return degree(harmony) == 7 and _triad(harmony) == MAJOR

    def is_dominant(harmony: _Harmony) -> bool:
        return is_five(harmony) or (degree(harmony) == 11 and _triad(harmony) == DIMINISHED)

    # I7 and the like do not close; the triad may be major in a minor key, not the reverse.
    closes = (MAJOR, MINOR) if key.is_minor else (MAJOR,)
    is_tonic = degree(last) == 0 and _triad(last) in closes
    if is_tonic and before is not None and is_dominant(before):
        roots = is_five(before) and before.last_inversion == 0 and last.inversion == 0
        on_tonic = _resting_pitch_class(slices, last, end) == tonic
        return "PAC" if roots and on_tonic else "IAC"
    if is_tonic and before is not None and degree(before) == 5 and _triad(before) != DIMINISHED:
        return "PC"
    if is_five(last) and last.last_inversion == 0:
        return "HC"
    sixth = 8 if key.is_minor else 9
    deceptive = degree(last) in (sixth, 8) and _triad(last) in (MAJOR, MINOR)
    if deceptive and last.inversion == 0 and before is not None and is_five(before):
        return "DC"
    return None


def _resting_pitch_class(slices: Slices, last: _Harmony, end: int) -> int | None:
    """Chord tone on which the highest voice stays longest in the last harmony; the later if equal.

    Notes that come after it, as upbeats of what follows, do not add up against it.
    """
    first = int(np.searchsorted(slices.tick, last.onset))
    stop = int(np.searchsorted(slices.tick, min(end, last.end)))
    members = {(last.root + above) % 12 for above in QUALITIES[last.quality]}
    # Lines read out of chords lie by their median pitch: a few high notes of a keyboard may stand
    # over the melody that sounds above it. There the highest note of the moment counts.
    rows = slices.n_voices if slices.voices[0].is_reading else 1
    best: int | None = None
    longest = stay = 0
    before = -1
    for slot in range(first, stop):
        pitch = int(slices.pitch[:rows, slot].max())
        pc = -1 if pitch == REST else pitch % 12
        ticks = int(min(slices.end[slot], end) - slices.tick[slot])
        stay = stay + ticks if pc == before else ticks
        before = pc
        if pc in members and stay >= longest:
            best, longest = pc, stay
    return best
