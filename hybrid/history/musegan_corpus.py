"""Phrases of four bars in four parts from POP909: piano rolls to train a GAN on.

POP909 (MIT; the songs themselves are in copyright) has no drums, so the parts are melody, bridge,
piano and bass. Songs in 4/4 and one key, moved to C major or A minor; each part is folded by
octaves into a register of two octaves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import HybridError
from hybrid.history.musegan_model import BARS, LOWEST, PARTS, PER_BAR, PITCHES, Rolls

_STEP = 120  # ticks of a sixteenth


def read_phrases(data: Path, cache: Path | None = None, songs: int = 400) -> dict[str, Rolls]:
    """Phrases (B, 4 parts, 4 bars, 16, 24) by split: every fourth bar begins one.

    Parameters
    ----------
    data : Path
        Folder of the corpora, as in `hybrid.io.corpora.open_files`.
    cache : Path, optional
        A file that keeps what was read.
    songs : int
        Numbers up to here are read.
    """
    if cache is not None and cache.exists():
        with np.load(cache) as held:
            return {name: _unpack(held[name]) for name in held.files}
    from hybrid.io.midi import midi_to_score
    from hybrid.symbolic_transformer.pop_corpus import KNOWN_BAD, load_files, pop_split
    from hybrid.symbolic_transformer.pop_notes import separate_tracks

    found: dict[str, list[Rolls]] = {"train": [], "valid": [], "test": []}
    for number, files in sorted(load_files(data).items()):
        if number > songs or number in KNOWN_BAD or not {"cl", "parts"} <= set(files):
            continue
        try:
            merged = midi_to_score(files["cl"], "drop").score
            parts = midi_to_score(files["parts"], "drop").score
            tracks = separate_tracks(merged, parts, f"{number:03d}").tracks
        except HybridError:
            continue
        common = all((metre.numerator, metre.denominator) == (4, 4) for metre in merged.metres)
        if not common or len(merged.keys) != 1:
            continue
        key = merged.keys[0].key
        home = 9 if key.mode == "minor" else 0
        found[pop_split(number)].append(song_rolls(tracks, (home - 7 * key.tonic) % 12))
    phrases = {name: np.concatenate(rolls) for name, rolls in found.items()}
    if cache is not None:
        cache.parent.mkdir(parents=True, exist_ok=True)
        packed: dict[str, Any] = {name: _pack(rolls) for name, rolls in phrases.items()}
        np.savez_compressed(cache, **packed)
    return phrases


def song_rolls(tracks: tuple[NDArray[Any], ...], up: int) -> Rolls:
    """Phrases of one song, moved up by semitones; those where melody, piano and bass play."""
    end = max(int((notes["onset"] + notes["duration"]).max(initial=0)) for notes in tracks)
    n_phrases = end // (_STEP * PER_BAR * BARS)
    rolls = np.zeros((len(PARTS), n_phrases * BARS * PER_BAR, PITCHES), dtype=bool)
    for part, notes in enumerate(tracks):
        for note in notes:
            start = (int(note["onset"]) + _STEP // 2) // _STEP
            stop = start + max(1, round(int(note["duration"]) / _STEP))
            octave, pitch = divmod(int(note["pitch"]) + up - LOWEST[part], 12)
            rolls[part, start:stop, pitch + 12 * min(1, max(0, octave))] = True
    phrases = rolls.reshape(len(PARTS), n_phrases, BARS, PER_BAR, PITCHES).transpose(1, 0, 2, 3, 4)
    heard = phrases.any(axis=(3, 4)).sum(axis=2) >= 2  # (phrases, parts): in two bars or more
    chosen: Rolls = phrases[heard[:, 0] & heard[:, 2] & heard[:, 3]]
    return chosen


def _pack(rolls: Rolls) -> NDArray[np.uint8]:
    return np.packbits(rolls, axis=-1)


def _unpack(packed: NDArray[np.uint8]) -> Rolls:
    result: Rolls = np.unpackbits(packed, axis=-1, count=PITCHES).astype(bool)
    return result


__all__ = ["read_phrases", "song_rolls"]
