"""Score to sound: the mix and the stems, in memory or straight into files.

Both ways play the same chunks. The mix is played once while its loudness and its true
peak are measured, then one gain brings it to the loudness that is wanted, or as near
as the ceiling allows: the gain is lowered, nothing is limited or clipped. Stems get the
gain of the mix, so that they add up to it.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from hybrid.core.audio import Audio
from hybrid.core.errors import RenderError
from hybrid.core.score import Score
from hybrid.io.atomic import atomic_file
from hybrid.render.events import Schedule, schedule
from hybrid.render.fallback import SymusicPlayer, player_version
from hybrid.render.files import choose_subtype, open_sink
from hybrid.render.fluid import (
    CHUNK,
    MAX_CHANNELS,
    FluidPlayer,
    Player,
    PlayerOptions,
    library_version,
    load_library,
)
from hybrid.render.loudness import LoudnessMeter, PeakMeter, from_db, to_db
from hybrid.render.settings import RenderOptions, RenderReport
from hybrid.render.soundfonts import resolve_soundfont

MAX_SECONDS = 24 * 3600.0
#: Most that `render` keeps in memory for one sound (bytes); longer ones go to a file.
MAX_BYTES = 4 * 2**30
#: Most that `render_to_file` keeps in memory between its passes: 12 minutes at 44.1 kHz.
MAX_KEPT_BYTES = 256 * 2**20

Progress = Callable[[float], None]
_Chunks = Iterator[NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Rendering:
    """Sound in memory.

    Attributes
    ----------
    mix : Audio
        Stereo.
    stems : dict of str to Audio
        By the names of `stem_names`, in the order of the tracks, as long as the mix; empty
        if none were asked for.
    report : RenderReport
    """

    mix: Audio
    stems: dict[str, Audio]
    report: RenderReport


def render(
    score: Score,
    options: RenderOptions | None = None,
    *,
    stems: bool = False,
    progress: Progress | None = None,
    **changes: Any,
) -> Rendering:
    """Play a score into memory.

    Parameters
    ----------
    score : Score
        Repeats are played as written, once.
    options : RenderOptions, optional
    stems : bool
        Whether each track is also played alone.
    progress : callable, optional
        Called with the share that is done, 0..1.
    **changes
        Fields of `RenderOptions` in place of those of ``options``.

    Raises
    ------
    ConfigError
        If an option is out of range, or names a track that does not exist.
    RenderError
        If there is no player or no such SoundFont, or the sound would not fit in memory.

    Examples
    --------
    >>> from hybrid.core.score import Score, Track
    >>> score = Score((Track("piano", [(0, 480, 60)]),))
    >>> round(render(score, loudness=-20.0).report.loudness_after, 1)
    -20.0
    """
    session = _Session(score, replace(options or RenderOptions(), **changes), stems, progress)
    n_expected = int(session.seconds * session.options.sample_rate)
    if 8 * n_expected > MAX_BYTES:
        raise RenderError(
            f"a score rendered into memory must be under {MAX_BYTES // 2**30} GiB of samples, "
            f"got {session.seconds:.0f} s; render it to a file instead"
        )
    chunks = list(session.measured_mix())
    mix = _join(chunks)
    chunks.clear()
    report = session.report()
    mix *= np.float32(from_db(report.gain_db))
    parts = {}
    for index, name in enumerate(stem_names(score) if stems else ()):
        stem = np.zeros_like(mix)
        at = 0
        for chunk in session.stem(index, report.gain_db):
            n_fitting = min(chunk.shape[1], mix.shape[1] - at)
            stem[:, at : at + n_fitting] = chunk[:, :n_fitting]
            at += n_fitting
        parts[name] = Audio(stem, session.options.sample_rate)
    session.finish()
    return Rendering(Audio(mix, session.options.sample_rate), parts, report)


def render_to_file(
    score: Score,
    path: str | os.PathLike[str],
    options: RenderOptions | None = None,
    *,
    stems_folder: str | os.PathLike[str] | None = None,
    subtype: str | None = None,
    progress: Progress | None = None,
    **changes: Any,
) -> RenderReport:
    """Play a score into a file, in bounded memory, whatever its length.

    Parameters
    ----------
    path : path
        ``.wav`` or ``.flac``. It is written beside and renamed when whole.
    stems_folder : path, optional
        Folder, made where it is missing, that takes a file for each track.
    subtype : str, optional
        One of `hybrid.render.files.SUBTYPES` of the suffix: 32-bit floats for WAV, 24 bits
        for FLAC by default.
    score, options, progress, **changes
        As in `render`.

    Raises
    ------
    ConfigError, RenderError
        As `render`.
    HybridError
        If a file cannot be written; nothing is left of it.
    """
    path = Path(path)
    subtype = choose_subtype(path, subtype)
    session = _Session(
        score, replace(options or RenderOptions(), **changes), stems_folder is not None, progress
    )
    rate = session.options.sample_rate
    # What does not fit in memory is kept beside the file, where there is room for it as well.
    with atomic_file(path) as place, _Kept(place.parent) as kept:
        for chunk in session.measured_mix():
            kept.add(chunk)
        report = session.report()
        gain = np.float32(from_db(report.gain_db))
        scaled = (chunk * gain for chunk in kept.chunks())
        _write(place, subtype, rate, report.n_samples, scaled)
    for index, name in enumerate(stem_names(score) if stems_folder is not None else ()):
        sound = _fitted(session.stem(index, report.gain_db), report.n_samples)
        with atomic_file(Path(str(stems_folder)) / f"{name}{path.suffix}") as place:
            _write(place, subtype, rate, report.n_samples, sound)
    session.finish()
    return report


def stem_names(score: Score) -> tuple[str, ...]:
    """A name for each track's stem: its number and its name, fit for a file.

    >>> from hybrid.core.score import Score, Track
    >>> stem_names(Score((Track("Flute I/II", []), Track("", []))))
    ('01-flute-i-ii', '02-track')
    """
    names = []
    for number, track in enumerate(score.tracks, start=1):
        kept = "".join(c if c.isalnum() else " " for c in track.name.lower())
        names.append(f"{number:02d}-{'-'.join(kept.split())[:40] or 'track'}")
    return tuple(names)


class _Session:
    """One run: its player, its meters, and how far it is."""

    def __init__(
        self, score: Score, options: RenderOptions, stems: bool, progress: Progress | None
    ) -> None:
        self.options = options
        self.seconds = score.seconds
        if self.seconds > MAX_SECONDS:
            raise RenderError(
                f"a score must last at most {MAX_SECONDS / 3600:g} h to be rendered, "
                f"got {self.seconds / 3600:.1f} h"
            )
        self._font = resolve_soundfont(options.soundfont)
        self._player = _choose_player(options.player)
        self._schedule = schedule(score, options.sample_rate, options.programs)
        self._progress = progress or (lambda share: None)
        self._n_passes = 1 + (len(score.tracks) if stems else 0)
        self._passes_done = 0
        self._loudness = LoudnessMeter(options.sample_rate)
        self._peak = PeakMeter()
        self._n_samples = 0
        self._max_voices = 0
        self._notices: dict[str, None] = {}

    def measured_mix(self) -> _Chunks:
        # The library plays the next chunk while the last one is measured, in order, beside it.
        with ThreadPoolExecutor(max_workers=1) as beside:
            pending: deque[Future[None]] = deque()
            for chunk in self._sound(self._schedule):
                pending.append(beside.submit(self._measure, chunk))
                if len(pending) > 2:
                    pending.popleft().result()
                yield chunk
            for future in pending:
                future.result()
        self._peak.finish()

    def _measure(self, chunk: NDArray[np.float32]) -> None:
        self._loudness.add(chunk)
        self._peak.add(chunk)
        self._n_samples += chunk.shape[1]

    def stem(self, index: int, gain_db: float) -> _Chunks:
        gain = np.float32(from_db(gain_db))
        for chunk in self._sound(self._schedule.only(index)):
            chunk *= gain
            yield chunk

    def _sound(self, plan: Schedule) -> _Chunks:
        own = self.options
        options = PlayerOptions(own.sample_rate, own.gain, own.reverb, own.chorus, own.tail_seconds)
        at_once = MAX_CHANNELS if self._player is FluidPlayer else max(1, len(plan.channels))
        expected = max(1.0, self.seconds * own.sample_rate)
        with ExitStack() as stack:
            players = [
                stack.enter_context(self._player(part, self._font.path, options))
                for part in _groups(plan, at_once)
            ]
            n_done = 0
            for parts in zip_longest(*(player.chunks() for player in players)):
                yield _sum(parts)
                n_done += max(part.shape[1] for part in parts if part is not None)
                share = min(1.0, n_done / expected)
                self._progress((self._passes_done + share) / self._n_passes)
            self._passes_done += 1
            for player in players:
                self._max_voices = max(self._max_voices, player.max_voices)
                self._notices.update(dict.fromkeys(player.notices))

    def report(self) -> RenderReport:
        options = self.options
        before, peak = self._loudness.lufs, self._peak.true_peak
        gain_db, limited_by = 0.0, "nothing"
        if options.loudness is not None and math.isfinite(before):
            gain_db, limited_by = options.loudness - before, "loudness"
        room = options.ceiling_db - to_db(peak) if peak else math.inf
        if gain_db > room:
            gain_db, limited_by = room, "peak"
        version = library_version() if self._player is FluidPlayer else player_version()
        return RenderReport(
            soundfont=self._font.name,
            soundfont_sha256=self._font.sha256,
            soundfont_licence=self._font.licence,
            player=self._player.name,
            player_version=version,
            sample_rate=options.sample_rate,
            n_samples=self._n_samples,
            loudness_before=before if math.isfinite(before) else None,
            loudness_after=before + gain_db if math.isfinite(before) else None,
            loudness_target=options.loudness,
            true_peak_before_db=to_db(peak) if peak else None,
            true_peak_after_db=to_db(peak) + gain_db if peak else None,
            gain_db=gain_db,
            limited_by=limited_by,
            max_voices=self._max_voices,
            notices=tuple(self._notices),
        )

    def finish(self) -> None:
        self._progress(1.0)


def _choose_player(wanted: str) -> type[Player]:
    if wanted == "symusic":
        return SymusicPlayer
    try:
        load_library()
    except RenderError:
        if wanted == "fluidsynth":
            raise
        return SymusicPlayer
    return FluidPlayer


def _groups(plan: Schedule, size: int) -> list[Schedule]:
    """Schedules of at most ``size`` channels each."""
    if len(plan.channels) <= size:
        return [plan]
    groups = []
    for first in range(0, len(plan.channels), size):
        channels = plan.channels[first : first + size]
        numbers = plan.events["channel"]
        events = plan.events[(numbers >= first) & (numbers < first + len(channels))].copy()
        events["channel"] -= first
        groups.append(Schedule(channels, events, plan.end_block))
    return groups


def _sum(parts: tuple[NDArray[np.float32] | None, ...]) -> NDArray[np.float32]:
    """One chunk from the players' chunks, which begin together; those at their end have none."""
    there = [part for part in parts if part is not None]
    if len(there) == 1:
        return there[0]
    total = np.zeros((2, max(part.shape[1] for part in there)), dtype=np.float32)
    for part in there:
        total[:, : part.shape[1]] += part
    return total


def _join(chunks: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    if not chunks:
        return np.zeros((2, 0), dtype=np.float32)
    return np.concatenate(chunks, axis=1)


class _Kept:
    """Chunks put aside between two passes: in memory up to a bound, in a file beyond it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._chunks: list[NDArray[np.float32]] = []
        self._n_bytes = 0
        self._file: IO[bytes] | None = None

    def add(self, chunk: NDArray[np.float32]) -> None:
        if self._file is None and self._n_bytes + chunk.nbytes <= MAX_KEPT_BYTES:
            self._chunks.append(chunk)
            self._n_bytes += chunk.nbytes
            return
        if self._file is None:
            # Closed in __exit__: it outlives this call.
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        self._file.write(chunk.T.tobytes())

    def chunks(self) -> _Chunks:
        """All of them, once."""
        self._chunks.reverse()
        while self._chunks:
            yield self._chunks.pop()
        if self._file is not None:
            self._file.seek(0)
            while data := self._file.read(8 * CHUNK):
                yield np.frombuffer(data, dtype=np.float32).reshape(-1, 2).T

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._chunks.clear()
        if self._file is not None:
            self._file.close()


def _fitted(chunks: _Chunks, n_samples: int) -> _Chunks:
    """The chunks, cut or filled with silence to ``n_samples`` frames."""
    left = n_samples
    for chunk in chunks:
        yield chunk[:, :left]
        left -= min(left, chunk.shape[1])
    while left:
        n_frames = min(left, CHUNK)
        yield np.zeros((2, n_frames), dtype=np.float32)
        left -= n_frames


def _write(path: Path, subtype: str, sample_rate: int, n_samples: int, chunks: _Chunks) -> None:
    with open_sink(path, subtype, sample_rate, 2, n_samples) as sink:
        for chunk in chunks:
            sink.write(chunk)
