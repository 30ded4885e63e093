"""The transcriber beside a picker of spectral peaks, counted by family of instruments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.dry_sets import DryBatch
from hybrid.audio_refiner.roll import DRUMS, FAMILIES
from hybrid.audio_refiner.transcriber_data import heard_of_roll
from hybrid.core.audio import Audio
from hybrid.metrics.note_f1 import NoteScores, note_scores
from hybrid.transcription.network import Transcriber
from hybrid.transcription.notes import DRUMS as DRUM_NAMES
from hybrid.transcription.notes import flattened
from hybrid.transcription.peaks import pick_peaks
from hybrid.transcription.transcribe import transcribe_audio
from hybrid.transcription.weights import load_transcriber


class Ear(Protocol):
    """Anything that hears notes."""

    def __call__(self, audio: Audio) -> NDArray[Any]: ...


class PeakPicker:
    """The baseline."""

    def __call__(self, audio: Audio) -> NDArray[Any]:
        return pick_peaks(audio)


class _Trained:
    def __init__(self, network: Transcriber) -> None:
        self._network = network

    def __call__(self, audio: Audio) -> NDArray[Any]:
        return transcribe_audio(audio, self._network)


def transcriber_notes() -> tuple[Ear, dict[str, Any], str]:
    """The shipped transcriber, notes of its training, the SHA-256 of its weights."""
    network, notes, digest = load_transcriber()
    return _Trained(network), notes, digest


def drum_scores(written: NDArray[Any], heard: NDArray[Any]) -> list[NoteScores]:
    """Strokes that were heard rightly, one count for each of `hybrid.transcription.notes.DRUMS`."""
    return [
        note_scores(*(each[each["drum"] & (each["pitch"] == keys[0])] for each in (written, heard)))
        for _, keys in DRUM_NAMES
    ]


def family_rows(
    batches: Sequence[tuple[str, DryBatch]], ears: Mapping[str, Ear]
) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """Rows over all notes, and sections by family and by drum."""
    sets = list(dict.fromkeys(name for name, _ in batches))
    alone: dict[tuple[str, int], list[NoteScores]] = {}
    found: dict[tuple[str, int], list[int]] = {}
    whole: dict[tuple[str, str, str], list[NoteScores]] = {}
    drums: dict[tuple[str, int], list[NoteScores]] = {}
    for place, batch in batches:
        for sound, roll in zip(batch.sound, batch.notes, strict=True):
            audio = Audio((sound[None] / np.float32(32767)).astype(np.float32), batch.sample_rate)
            written = flattened(heard_of_roll(roll))
            keys = written[~written["drum"]]
            families = set(roll["family"].tolist()) - {DRUMS}
            with_drums = DRUMS in roll["family"]
            for name, ear in ears.items():
                heard = flattened(ear(audio))
                scores = note_scores(keys, heard[~heard["drum"]])
                whole.setdefault((place, name, "all"), []).append(scores)
                kind = "with drums" if with_drums else "without drums"
                whole.setdefault((place, name, kind), []).append(scores)
                if len(families) == 1:
                    alone.setdefault((name, next(iter(families))), []).append(scores)
                for family in families:
                    own = flattened(heard_of_roll(roll[roll["family"] == family]))
                    got = note_scores(own, heard[~heard["drum"]])
                    counts = found.setdefault((name, family), [0, 0])
                    counts[0] += got.n_right
                    counts[1] += got.n_reference
                for number, scores_of_drum in enumerate(drum_scores(written, heard)):
                    drums.setdefault((name, number), []).append(scores_of_drum)
        print(place, flush=True)
    rows = [
        {"set": place, "excerpts": kind, "ear": name, **_row(whole[place, name, kind])}
        for place in sets
        for kind in ("all", "without drums", "with drums")
        for name in ears
        if (place, name, kind) in whole
    ]
    by_family = []
    for at, family_name in enumerate(FAMILIES[:DRUMS]):
        row: dict[str, Any] = {"family": family_name}
        for name in ears:
            right, of = found.get((name, at), [0, 0])
            row["notes"] = of
            row[f"found, {name}"] = right / of if of else None
            total = sum(alone.get((name, at), []), NoteScores())
            row["notes alone"] = total.n_reference
            row[f"F1 alone, {name}"] = total.f1 if total.n_reference else None
        by_family.append(row)
    by_drum = []
    for number, (drum_name, _) in enumerate(DRUM_NAMES):
        row = {"drum": drum_name}
        for name in ears:
            total = sum(drums.get((name, number), []), NoteScores())
            row["strokes"] = total.n_reference
            if total.n_estimate:
                row[f"F1, {name}"] = total.f1
        by_drum.append(row)
    return rows, {"By family": by_family, "Drums": by_drum}


def _row(scores: Sequence[NoteScores]) -> dict[str, Any]:
    total = sum(scores, NoteScores())
    return {
        "n": len(scores),
        "notes": total.n_reference,
        "precision": total.precision,
        "recall": total.recall,
        "F1": total.f1,
        "F1 with ends": total.f1_with_ends,
    }
