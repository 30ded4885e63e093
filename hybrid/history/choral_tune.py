"""Tunes of chorales: notes with fermatas, and the places that want a chord."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hybrid.core.errors import ConfigError, FormatError, HybridError
from hybrid.core.pitch import NO_SPELLING, Key, parse_pitch
from hybrid.core.resources import resource_path
from hybrid.core.score import TICKS_PER_QUARTER

#: Fewest and most notes of a tune that is given.
SHORTEST, LONGEST = 4, 120
#: Sopranos reach from C4 to A5.
LOWEST, HIGHEST = 60, 81


@dataclass(frozen=True)
class TuneNote:
    """A note: ticks, MIDI pitch, tonal pitch class, and whether it ends a phrase."""

    onset: int
    duration: int
    pitch: int
    spelling: int
    is_fermata: bool = False

    @property
    def end(self) -> int:
        return self.onset + self.duration


@dataclass(frozen=True)
class Slot:
    """A place that gets a chord: a note on a beat, and the short ones off the beat after it."""

    index: int
    onset: int
    end: int
    notes: tuple[TuneNote, ...]
    accent: int
    """3 on the first beat of a bar, 2 on the third of four, 1 on other beats."""
    starts_phrase: bool
    is_last: bool
    next_pitch: int = -1
    """Of the tune at the next slot of the phrase; -1 where the phrase ends."""
    before_fermata: bool = False

    @property
    def pitch(self) -> int:
        return self.notes[0].pitch

    @property
    def is_fermata(self) -> bool:
        return self.notes[-1].is_fermata

    @property
    def duration(self) -> int:
        return self.end - self.onset


@dataclass(frozen=True)
class Tune:
    """A melody to be harmonised.

    Attributes
    ----------
    name, title : str
    key : Key
    beats : int
        Quarters in a bar.
    pickup : int
        Ticks before the first full bar.
    notes : tuple of TuneNote
        Without rests; the last one ends a phrase.
    """

    name: str
    title: str
    key: Key
    beats: int
    pickup: int
    notes: tuple[TuneNote, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The places that get a chord, in order."""
        groups: list[list[TuneNote]] = []
        for note in self.notes:
            on_beat = (note.onset - self.pickup) % TICKS_PER_QUARTER == 0
            if groups and not on_beat:
                groups[-1].append(note)
            else:
                groups.append([note])
        slots: list[Slot] = []
        for index, group in enumerate(groups):
            beat = (group[0].onset - self.pickup) // TICKS_PER_QUARTER % self.beats
            accent = 3 if beat == 0 else 2 if self.beats == 4 and beat == 2 else 1
            is_last = index == len(groups) - 1
            goes_on = not is_last and not group[-1].is_fermata
            slots.append(
                Slot(
                    index,
                    group[0].onset,
                    group[-1].end,
                    tuple(group),
                    accent,
                    index == 0 or slots[-1].is_fermata,
                    is_last,
                    groups[index + 1][0].pitch if goes_on else -1,
                    goes_on and groups[index + 1][-1].is_fermata,
                )
            )
        return tuple(slots)


@cache
def load_tunes() -> dict[str, Tune]:
    """Every tune of ``data/chorale_tunes.tsv``, by name."""
    text = resource_path("history", "data", "chorale_tunes.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and line[0] != "#"]
    return {
        name: read_notes(notes, Key.parse(key), name, title) for name, title, key, notes in rows
    }


def read_notes(text: str, key: Key, name: str = "given", title: str = "A tune") -> Tune:
    """A tune written as in the file.

    >>> tune = read_notes("G4/4 | C5/4 B4/4 A4/4 B4/4 | C5/2.^", Key.parse("C major"))
    >>> tune.beats, tune.pickup, len(tune.slots), tune.notes[-1].duration
    (4, 480, 6, 1440)

    Raises
    ------
    FormatError
        If a token is no note, a note is out of the soprano's range, or bars do not add up.
    """
    notes: list[TuneNote] = []
    now = 0
    bars: list[int] = []
    for bar in text.split("|"):
        start = now
        for token in bar.split():
            note = _read_note(token, now)
            notes.append(note)
            now = note.end
        bars.append(now - start)
    if not SHORTEST <= len(notes) <= LONGEST:
        raise FormatError(f"a tune must have {SHORTEST} to {LONGEST} notes, got {len(notes)}")
    notes[-1] = _with_fermata(notes[-1])
    longest = max(bars)
    bar_ticks = longest if len(bars) > 1 else 4 * TICKS_PER_QUARTER
    if bar_ticks % TICKS_PER_QUARTER or bar_ticks > 4 * TICKS_PER_QUARTER:
        raise FormatError(f"a bar must be two to four quarters, got {bar_ticks} ticks")
    odd = next((n for n, bar in enumerate(bars[1:-1], 2) if bar != bar_ticks), None)
    if odd is not None:
        raise FormatError(f"bars must be of one length, got {text.split('|')[odd - 1].strip()!r}")
    pickup = bars[0] % bar_ticks if len(bars) > 1 else 0
    if pickup % TICKS_PER_QUARTER:
        raise FormatError(f"a pickup must be whole quarters, got {pickup} ticks")
    return Tune(name, title, key, bar_ticks // TICKS_PER_QUARTER, pickup, tuple(notes))


def _with_fermata(note: TuneNote) -> TuneNote:
    return TuneNote(note.onset, note.duration, note.pitch, note.spelling, True)


def _read_note(token: str, onset: int) -> TuneNote:
    name, slash, length = token.rstrip("^").partition("/")
    value = length.rstrip(".")
    if not slash or value not in ("1", "2", "4", "8", "16") or len(length) - len(value) > 1:
        raise FormatError(f"a note must be written as C4/4, C4/4. or C4/4^, got {token!r}")
    try:
        pitch, spelling = parse_pitch(name)
    except HybridError as error:
        raise FormatError(str(error)) from None
    if not LOWEST <= pitch <= HIGHEST:
        raise FormatError(f"a soprano must stay in C4..A5, got {name}")
    ticks = 4 * TICKS_PER_QUARTER // int(value)
    if length != value:
        ticks = ticks * 3 // 2
    return TuneNote(onset, ticks, pitch, spelling, token.endswith("^"))


def find_tune(text: str) -> Tune:
    """A tune by its name, by its notes, or from a score's top voice.

    Parameters
    ----------
    text : str
        A name of `load_tunes`; ``KEY: NOTES``, such as ``G major: D4/4 | G4/4 A4/4 ...``; or the
        path of a score.

    Raises
    ------
    ConfigError
        If it is none of them, or the notes cannot be read.
    """
    tunes = load_tunes()
    if text in tunes:
        return tunes[text]
    key, colon, notes = text.partition(":")
    if colon and "/" in notes:
        try:
            return read_notes(notes, Key.parse(key.strip()), title="A given tune")
        except HybridError as error:
            raise ConfigError(f"soprano must be {ALLOWED}, got {text!r}: {error}") from None
    if Path(text).is_file():
        try:
            return read_file(Path(text))
        except HybridError as error:
            raise ConfigError(f"soprano must be {ALLOWED}, got {text!r}: {error}") from None
    raise ConfigError(f"soprano must be {ALLOWED}, got {text!r}")


def read_file(path: Path) -> Tune:
    """The top voice of a score's first part as a tune.

    Rests are closed by the note before them; fermatas end phrases.

    Raises
    ------
    FormatError
        If the score cannot be read, is not in quarters, or its top voice is no soprano.
    """
    from hybrid.io.files import read_score
    from hybrid.theory.keys import find_keys

    score = read_score(path).score
    tracks = [track for track in score.tracks if len(track.notes) and not track.is_drum]
    if not tracks:
        raise FormatError(f"{path} has no notes")
    metre = score.metres[0] if score.metres else None
    if metre is None or metre.denominator != 4 or metre.numerator > 4:
        raise FormatError(f"{path} must be in 2/4, 3/4 or 4/4")
    scale = TICKS_PER_QUARTER / score.ticks_per_quarter
    held = {mark.tick for mark in tracks[0].articulations if mark.kind == "fermata"}
    tops: dict[int, tuple[int, int]] = {}
    for note in tracks[0].notes:
        onset, pitch = int(note["onset"]), int(note["pitch"])
        if pitch > tops.get(onset, (0, 0))[0]:
            tops[onset] = (pitch, int(note["spelling"]))
    onsets = sorted(tops)
    if not SHORTEST <= len(onsets) <= LONGEST:
        raise FormatError(f"a tune must have {SHORTEST} to {LONGEST} notes, got {len(onsets)}")
    key = score.keys[0].key if score.keys else find_keys(score)[0].key
    last = tracks[0].notes[-1]
    ends = [*onsets[1:], int(last["onset"] + last["duration"])]
    notes = []
    for onset, end in zip(onsets, ends, strict=True):
        pitch, spelling = tops[onset]
        if not LOWEST <= pitch <= HIGHEST:
            raise FormatError(f"a soprano must stay in C4..A5, got MIDI pitch {pitch}")
        notes.append(
            TuneNote(
                round((onset - onsets[0]) * scale),
                round((end - onset) * scale),
                pitch,
                key.spell(pitch) if spelling == NO_SPELLING else spelling,
                onset in held or onset == onsets[-1],
            )
        )
    bar = metre.numerator * TICKS_PER_QUARTER
    pickup = round((score.pickup_ticks - onsets[0]) * scale) % bar
    if pickup % TICKS_PER_QUARTER:
        raise FormatError(f"a pickup must be whole quarters, got {pickup} ticks")
    return Tune(path.stem, path.stem, key, metre.numerator, pickup, tuple(notes))


#: What a soprano may be, in words.
ALLOWED = (
    f"one of {', '.join(sorted(load_tunes()))}; or notes such as "
    "'G major: D4/4 | G4/4 A4/4 B4/2^'; or a score's path"
)
