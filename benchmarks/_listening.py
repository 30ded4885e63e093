"""Trained ears for the benchmarks of sound, where they are there: an embedding, a transcriber.

Neither is needed: without them the table says which columns are left out.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.core.audio import Audio
from hybrid.core.errors import ConfigError
from hybrid.metrics.audio_frechet import Embedding, MelStatistics

#: Sound to notes: structured with ``onset``, ``end`` (seconds), ``pitch``, ``drum``.
Transcribe = Callable[[Audio], NDArray[Any]]
HEARD_DTYPE = np.dtype(
    [("onset", "f8"), ("end", "f8"), ("pitch", "u1"), ("velocity", "u1"), ("drum", "?")]
)


def embedding(name: str | None) -> Embedding:
    """An embedding by name; ``mel-statistics`` is always there.

    Raises
    ------
    ConfigError
        If there is none of that name, or its weights are missing.
    """
    if name in (None, "mel-statistics"):
        return MelStatistics()
    try:
        module = importlib.import_module("hybrid.metrics.audio_embeddings")
    except ModuleNotFoundError:
        raise ConfigError(f"embedding must be mel-statistics, got {name!r}") from None
    found: Embedding = module.embedding_by_name(name)
    return found


def transcriber() -> tuple[Transcribe | None, str]:
    """The transcriber that ships, or None; and a sentence that says which or why not."""
    try:
        weights = importlib.import_module("hybrid.transcription.weights")
        running = importlib.import_module("hybrid.transcription.transcribe")
        network, _, digest = weights.load_transcriber()
    except ModuleNotFoundError:
        return None, "Note F1 is left out: there is no transcriber in this version."
    except ConfigError as error:
        return None, f"Note F1 is left out: {error}."
    sentence = f"Notes are heard by the transcriber {digest[:12]}, trained on dry renders alone."
    return lambda audio: running.transcribe_audio(audio, network), sentence


def heard_notes(notes: NDArray[Any], drums: int) -> NDArray[Any]:
    """Rows of a roll (`hybrid.audio_refiner.roll.ROLL_DTYPE`) as a transcriber gives notes."""
    made = np.zeros(len(notes), HEARD_DTYPE)
    made["onset"], made["end"] = notes["onset"] / 1000, notes["end"] / 1000
    made["pitch"], made["velocity"] = notes["pitch"], notes["velocity"]
    made["drum"] = notes["family"] == drums
    return made


def found_notes(reference: NDArray[Any], estimate: NDArray[Any]) -> NDArray[np.bool_]:
    """Which notes of the reference were heard: the pitch, within 50 ms, each heard note once.

    Notes that begin together are given away greedily by time; where many notes of one pitch
    crowd within 50 ms this may find one fewer than the best matching.

    Examples
    --------
    >>> wanted = np.array([(0.0, 1, 60, 90, False), (1.0, 2, 60, 90, False)], HEARD_DTYPE)
    >>> found_notes(wanted, wanted[1:]).tolist()
    [False, True]
    """
    found = np.zeros(len(reference), np.bool_)
    taken = np.zeros(len(estimate), np.bool_)
    order = np.argsort(estimate["onset"], kind="stable")
    onsets = estimate["onset"][order]
    for at in np.argsort(reference["onset"], kind="stable").tolist():
        note = reference[at]
        low, high = np.searchsorted(onsets, [note["onset"] - 0.05, note["onset"] + 0.05])
        for other in order[low:high].tolist():
            heard = estimate[other]
            alike = heard["pitch"] == note["pitch"] and heard["drum"] == note["drum"]
            if alike and not taken[other]:
                taken[other] = found[at] = True
                break
    return found
