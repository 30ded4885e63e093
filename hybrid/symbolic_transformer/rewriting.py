"""Scores taken further: bars written anew, bars added, melodies harmonised and accompanied.

The plan is read from the score (`hybrid.theory.extract`) unless one is given; the engine writes
what is missing and leaves the rest as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from hybrid.core.analysis import ChordSpan
from hybrid.core.engine import Engine, Region
from hybrid.core.errors import ConfigError, PlanError, ScoreError
from hybrid.core.instruments import expand_ensemble
from hybrid.core.pitch import Key
from hybrid.core.plan import Constraint, FormPlan, Phrase, PlanChord, Section, parse_chords
from hybrid.core.score import NOTE_DTYPE, Score, Track
from hybrid.core.trace import Trace
from hybrid.symbolic_transformer.event_parts import IN_PARTS, Part, seat_plan

#: Instruments under a melody, where none are named.
BAND = ("flute", "piano", "acoustic bass")
MAX_NEW_BARS = 400


@dataclass(frozen=True, eq=False)
class Rewritten:
    """A score with something new in it.

    Attributes
    ----------
    plan : FormPlan
    score : Score
    trace : Trace
    first_bar, last_bar : int
        Bars with new notes.
    """

    plan: FormPlan
    score: Score
    trace: Trace
    first_bar: int
    last_bar: int


def infill(
    score: Score,
    bars: tuple[int, int],
    engine: Engine,
    rng: np.random.Generator,
    *,
    voices: Sequence[str] = (),
    plan: FormPlan | None = None,
    constraints: Sequence[Constraint] = (),
) -> Rewritten:
    """Write some bars of a score anew.

    Parameters
    ----------
    score : Score
    bars : (int, int)
        First and last, from 1.
    engine : Engine
    rng : np.random.Generator
    voices : sequence of str, optional
        Tracks or voices; all where left out.
    plan : FormPlan, optional
        Ready for engines; read from the score where left out, so that the new bars have the
        harmony of the old ones.
    constraints : sequence of Constraint, optional

    Raises
    ------
    PlanError, ScoreError
        If the bars or voices are not in the score.
    ConflictError
        If nothing fits.
    """
    found, given, names = plan_of(score, plan)
    wanted = _track_names(voices, names)
    region = Region(*bars, voices=wanted)
    made, trace = engine.fill(found, rng, constraints, to_length(given, found), region)
    return Rewritten(found, with_names(made, names), trace, *bars)


def extend(
    score: Score, n_bars: int, engine: Engine, rng: np.random.Generator, cadence: str = "PAC"
) -> Rewritten:
    """Go on where a score ends.

    The new section's harmony and themes come from the grammars.

    Parameters
    ----------
    n_bars : int
        1..400.
    cadence : str
        How the new bars end.

    Raises
    ------
    ConfigError
        If ``n_bars`` is out of range.
    """
    from hybrid.grammar.complete import complete

    if not 1 <= n_bars <= MAX_NEW_BARS:
        raise ConfigError(f"bars must be in 1..{MAX_NEW_BARS}, got {n_bars}")
    found, given, names = plan_of(score, None)
    old = found.n_bars
    labels = {section.label for section in found.sections}
    letters = (chr(ord("A") + n) for n in range(26))
    label = next((letter for letter in letters if letter not in labels), "new")
    # Phrases of four bars, the rest in the last one.
    lengths = [4] * (n_bars // 4)
    if not lengths or n_bars % 4 > 2:
        lengths.append(n_bars % 4 or 4)
    elif n_bars % 4:
        lengths[-1] += n_bars % 4
    phrases = tuple(
        Phrase(bars=length, cadence=cadence if number == len(lengths) - 1 else None)
        for number, length in enumerate(lengths)
    )
    longer = found.with_sections((*found.sections, Section(label=label, phrases=phrases)))
    whole = complete(longer, rng)
    region = Region(old + 1, old + n_bars)
    made, trace = engine.fill(whole, rng, (), to_length(given, whole), region)
    return Rewritten(whole, with_names(made, names), trace, old + 1, old + n_bars)


def set_melody(
    score: Score,
    engine: Engine,
    rng: np.random.Generator,
    *,
    texture: str,
    instruments: tuple[str, ...],
    chords: str | None = None,
    key: Key | None = None,
) -> Rewritten:
    """Write what goes under a melody.

    Parameters
    ----------
    score : Score
        Its first pitched track, or the highest notes of it, is the melody.
    texture : str
        ``chorale`` for four voices, or any other of `TEXTURES`.
    instruments : tuple of str
        The first one has the melody.
    chords : str, optional
        ``"I | IV V | I"``, a cell a bar and from bar 1 on; where left out, what the grammar's
        chord tables would have under the melody, with cadences where its phrases end
        (`hybrid.symbolic_transformer.melody_chords`).
    key : Key, optional
        The home key; the melody's signature, or what is read from it, where left out.

    Raises
    ------
    ScoreError
        If there is no melody.
    PlanError
        If the chords do not fit the melody's bars.
    """
    from hybrid.theory.extract import extract_plan

    melody = _melody_of(score)
    alone = replace(score, tracks=(melody,), length=score.length)
    if chords is None:
        from hybrid.symbolic_transformer.melody_chords import melody_chords

        ends = _phrase_ends(replace(score, tracks=(_marked(score, melody),), length=score.length))
        pace = "beat" if texture in IN_PARTS else "bar"
        found = extract_plan(alone, melody_chords(alone, ends, key, pace) or None)
    else:
        home = key or score.key_at(0) or extract_plan(alone).key
        assert home is not None
        found = extract_plan(alone, _spans(alone, chords, home))
    players = expand_ensemble(instruments)
    found = replace(
        found,
        texture=texture,
        instruments=players,
        register=None,
        sections=tuple(replace(section, texture=None, register=None) for section in found.sections),
    )
    seating = seat_plan(found)
    top = seating.seats[0][0]
    tracks = tuple(
        _track(part, replace(melody, name=part.name) if number == top.part else None, top.voice)
        for number, part in enumerate(seating.parts)
    )
    given = to_length(replace(score, tracks=tracks), found)
    others = sorted(
        {name for seats in seating.seats for seat in seats[1:] for name in seat.names[:1]}
    )
    region = Region(1, found.n_bars, tuple(others))
    made, trace = engine.fill(found, rng, (), given, region)
    return Rewritten(found, made, trace, 1, found.n_bars)


def _track(part: Part, melody: Track | None, voice: int) -> Track:
    if melody is None:
        return Track(
            part.name,
            np.empty(0, dtype=NOTE_DTYPE),
            program=part.instrument.program,
            is_drum=part.instrument.is_drum,
            clef=part.clef,
        )
    notes = melody.notes.copy()
    notes["voice"] = voice
    return replace(melody, notes=notes, program=part.instrument.program, clef=part.clef)


def _melody_of(score: Score) -> Track:
    """The first pitched track; of notes that begin together the highest."""
    for track in score.tracks:
        if track.is_drum or not len(track.notes):
            continue
        notes = track.notes
        order = np.lexsort((-notes["pitch"], notes["onset"]))
        first = np.append(True, np.diff(notes["onset"][order]) > 0)
        kept = notes[order][first].copy()
        ends = np.minimum(kept["onset"] + kept["duration"], np.append(kept["onset"][1:], 2**40))
        kept["duration"] = ends - kept["onset"]
        return replace(track, notes=kept, articulations=(), slurs=(), graces=())
    raise ScoreError(f"a melody must have notes, got {len(score.tracks)} tracks without any")


def _marked(score: Score, melody: Track) -> Track:
    """The melody with the fermatas that its own notes have."""
    own = {(int(n["onset"]), int(n["pitch"])) for n in melody.notes}
    marks = [m for track in score.tracks for m in track.articulations if m.kind == "fermata"]
    return replace(melody, articulations=tuple(m for m in marks if (m.tick, m.pitch) in own))


def _phrase_ends(score: Score) -> list[int]:
    """Where a melody's phrases end: where it is marked or rests, or else where its plan has it."""
    from hybrid.theory.cadences import phrase_ends
    from hybrid.theory.extract import extract_plan

    marked = [tick for tick in phrase_ends(score) if tick > score.pickup_ticks]
    if len(marked) > 1:
        return marked
    quarter = score.ticks_per_quarter
    return [round(item.end * quarter) for item in extract_plan(score).phrases()]


def _spans(score: Score, chords: str, key: Key) -> list[ChordSpan]:
    """A chord line from bar 1 on as spans on a score's ticks."""
    bars = [bar for bar in score.bars if not bar.is_pickup]
    cells = chords.strip().strip("|").split("|")
    if len(cells) != len(bars):
        raise PlanError(
            f"chords must have one cell for each of the melody's {len(bars)} bars, got {len(cells)}"
        )
    spans: list[ChordSpan] = []
    held: PlanChord | None = None
    for bar, cell in zip(bars, cells, strict=True):
        words = cell.split()
        if words[:1] == ["."] and held is not None:
            # A bar that only holds on begins with the chord before it.
            suffix = f"@{held.key.name.replace(' ', '_')}" if held.key else ""
            words[0] = f"{held.numeral}{suffix}"
        for chord in parse_chords(" ".join(words), bar.metre):
            held = chord
            own, numeral = chord.key or key, chord.roman
            onset, end = (
                bar.start + round(q * score.ticks_per_quarter) for q in (chord.onset, chord.end)
            )
            spans.append(
                ChordSpan(
                    onset=onset,
                    end=min(end, bar.end),
                    numeral=chord.numeral,
                    key=own,
                    degree=numeral.degree,
                    quality=numeral.quality(own),
                    inversion=numeral.inversion,
                    root=numeral.root(own),
                )
            )
    return spans


def plan_of(score: Score, plan: FormPlan | None) -> tuple[FormPlan, Score, dict[str, str]]:
    """A plan for a score, the score with the plan's names of tracks, and its own by those."""
    from hybrid.theory.extract import extract_plan
    from hybrid.theory.extract.dress import name_instruments

    found = extract_plan(score) if plan is None else plan
    pitched = [track for track in score.tracks if not track.is_drum and len(track.notes)]
    pitched.sort(key=lambda track: -float(np.median(track.notes["pitch"])))
    if plan is None:
        players = [name_instruments(replace(score, tracks=(track,)))[0] for track in pitched]
        found = replace(found, instruments=tuple(players))
    parts = [part for part in seat_plan(found).parts if not part.instrument.is_drum]
    if len(parts) != len(pitched):
        raise PlanError(
            f"the plan must have one instrument for each of the score's {len(pitched)} tracks, "
            f"it has {', '.join(part.name for part in parts)}"
        )
    names = {part.name: track.name for part, track in zip(parts, pitched, strict=True)}
    new = {id(track): part.name for part, track in zip(parts, pitched, strict=True)}
    tracks = tuple(
        replace(track, name=new.get(id(track), f"~{number} {track.name}"))
        for number, track in enumerate(score.tracks)
    )
    names |= {renamed.name: track.name for renamed, track in zip(tracks, score.tracks, strict=True)}
    return found, replace(score, tracks=tracks), names


def _track_names(voices: Sequence[str], names: dict[str, str]) -> tuple[str, ...]:
    """The plan's names for a user's: tracks are called as in the file."""
    back = {own.lower(): planned for planned, own in names.items()}
    return tuple(back.get(voice.lower(), voice) for voice in voices)


def with_names(score: Score, names: dict[str, str]) -> Score:
    """The score with its tracks' own names back, by those of the plan."""
    tracks = tuple(replace(track, name=names.get(track.name, track.name)) for track in score.tracks)
    return replace(score, tracks=tracks)


def to_length(score: Score, plan: FormPlan) -> Score:
    """The score as long as its plan, so that new notes find room."""
    length = round(plan.quarters * Fraction(score.ticks_per_quarter))
    return replace(score, length=max(score.length, length))


__all__ = [
    "BAND",
    "Rewritten",
    "extend",
    "infill",
    "plan_of",
    "set_melody",
    "to_length",
    "with_names",
]
