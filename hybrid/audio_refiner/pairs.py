"""Pairs to train the codec and the refiner on: the same notes from two SoundFonts.

One seed makes all sets. A set is a row of files (`hybrid.audio_refiner.pairs_file`) of
`PER_FILE` excerpts each; every file depends only on the seed, its split and its number, so a build
that was stopped goes on with the files that are missing, and more can be added later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.pairs_file import SUFFIX, PairBatch, PairEntry, write_pairs
from hybrid.audio_refiner.pairs_score import TAIL_SECONDS, WITH_DRUMS, ProgramDeck, draw_excerpt
from hybrid.audio_refiner.pairs_sources import SourcePiece, of_split
from hybrid.audio_refiner.production import style_names
from hybrid.audio_refiner.roll import HOP, ROLL_DTYPE
from hybrid.audio_refiner.split_files import check_splits, make_files
from hybrid.core.errors import ConfigError, RenderError, ScoreError
from hybrid.core.score import Score
from hybrid.core.seeds import check_seed, stage_rng
from hybrid.render import SoundFont, default_soundfont, find_soundfonts, render, resolve_soundfont

#: Excerpts of a file.
PER_FILE = 25
#: How often each source is drawn from, where it has pieces.
SHARES = {"quartets": 0.25, "chorales": 0.13, "pop909": 0.3, "groove": 0.12, "engine": 0.2}
SAMPLE_RATE = 44100
LUFS = -16.0  # of both renders, as of what `hybrid compose` plays, where the peak allows it
#: Softest render that is kept: some programs cannot play some pitches.
_SOFTEST_LUFS = -40.0
_TRIES = 30
#: SoundFont of the targets, by the beginning of its name; MIT.
LARGE_FONT = "musescore_general"

Progress = Callable[[float], None]


@dataclass(frozen=True)
class PairOptions:
    """How pairs are made.

    Attributes
    ----------
    seed : int
    seconds : float
        Length of an excerpt, 2..60.
    quality : float
        Of Vorbis, 0..1.
    large_font : str or None
        SoundFont of the targets; None looks for MuseScore_General.

    Raises
    ------
    ConfigError
        If a value is out of its range.
    """

    seed: int = 1
    seconds: float = 12.0
    quality: float = 0.4
    large_font: str | None = None

    def __post_init__(self) -> None:
        check_seed(self.seed)
        for name, low, high in (("seconds", 2.0, 60.0), ("quality", 0.0, 1.0)):
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name} must be in {low:g}..{high:g}, got {getattr(self, name)}")

    @property
    def sample_rate(self) -> int:
        return SAMPLE_RATE

    @property
    def n_samples(self) -> int:
        """Samples of an excerpt."""
        return round(self.seconds * SAMPLE_RATE)


@dataclass(frozen=True, eq=False)
class PlayedExcerpt:
    """An excerpt of a piece, played.

    Attributes
    ----------
    piece : str
    notes : np.ndarray, `ROLL_DTYPE`
    start_seconds : float
        Where it begins in the piece.
    sounds : list of np.ndarray, shape (2, N), float32
        With each SoundFont.
    loudness : float
        Of the first, LUFS.
    """

    piece: str
    notes: NDArray[Any]
    start_seconds: float
    sounds: list[NDArray[np.float32]]
    loudness: float


def large_soundfont(wanted: str | None = None) -> SoundFont:
    """The SoundFont of the targets.

    Raises
    ------
    RenderError
        If it is not here.
    """
    if wanted is not None:
        return resolve_soundfont(wanted)
    for font in find_soundfonts():
        if font.name.lower().startswith(LARGE_FONT):
            return font
    raise RenderError(
        "pairs must have the SoundFont MuseScore_General, got none "
        "(Debian: apt-get install musescore-general-soundfont)"
    )


def build_pairs(
    pieces: Sequence[SourcePiece],
    folder: str | Path,
    files: Mapping[str, int],
    options: PairOptions | None = None,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Make sets of pairs; files that are there already are left as they are.

    Parameters
    ----------
    pieces : sequence of SourcePiece
        Of all splits.
    folder : path
        Takes ``SPLIT-NNN.pairs``.
    files : mapping
        Number of files by split.
    options : PairOptions, optional
    progress : callable, optional
        Called with the share that is done, 0..1.

    Returns
    -------
    tuple of Path
        All files of the sets, those that were there among them.

    Raises
    ------
    ConfigError, CorpusError
        If a split is unknown, or has no pieces.
    RenderError
        If a SoundFont or the player is missing.
    """
    chosen = options or PairOptions()
    fonts = (default_soundfont(), large_soundfont(chosen.large_font))
    check_splits(files)

    def make(path: Path, split: str, number: int, show: Progress) -> None:
        batch = make_batch(of_split(pieces, split), split, number, fonts, chosen, show)
        write_pairs(path, batch, chosen.quality)

    return make_files(folder, SUFFIX, files, make, progress)


def make_batch(
    pieces: Mapping[str, Sequence[SourcePiece]],
    split: str,
    number: int,
    fonts: tuple[SoundFont, SoundFont],
    options: PairOptions,
    progress: Progress | None = None,
) -> PairBatch:
    """Draw and render the excerpts of one file.

    Parameters
    ----------
    pieces : mapping
        Of one split, by their source.
    split, number : str, int
        Which file it is; with the seed they decide everything that is drawn.
    fonts : pair of SoundFont
        The plain one and the large one.
    """
    rng = stage_rng(options.seed, "pairs", split, number)
    deck = ProgramDeck(rng)
    styles = style_names()
    dry = np.zeros((PER_FILE, 2, options.n_samples), dtype=np.float32)
    large = np.zeros_like(dry)
    entries: list[PairEntry] = []
    notes: list[NDArray[Any]] = []
    n_notes = 0
    for index in range(PER_FILE):
        drawn = draw_played(pieces, rng, deck, fonts, options)
        dry[index], large[index] = drawn.sounds
        entries.append(
            PairEntry(
                piece=drawn.piece,
                start_seconds=round(drawn.start_seconds, 3),
                style=styles[(number * PER_FILE + index) % len(styles)],
                chain_seed=int(rng.integers(2**31)),
                loudness=round(drawn.loudness, 3),
                first_note=n_notes,
                n_notes=len(drawn.notes),
            )
        )
        notes.append(drawn.notes)
        n_notes += len(drawn.notes)
        if progress is not None:
            progress((index + 1) / PER_FILE)
    about = {
        "split": split,
        "number": number,
        "seed": options.seed,
        "sample_rate": SAMPLE_RATE,
        "n_samples": options.n_samples,
        "hop": HOP,
        "quality": options.quality,
        "dry": {"soundfont": fonts[0].name, "sha256": fonts[0].sha256, "licence": fonts[0].licence},
        "large": {
            "soundfont": fonts[1].name,
            "sha256": fonts[1].sha256,
            "licence": fonts[1].licence,
        },
    }
    joined = np.concatenate([np.empty(0, ROLL_DTYPE), *notes])
    return PairBatch(about, tuple(entries), joined, dry, large)


def draw_played(
    pieces: Mapping[str, Sequence[SourcePiece]],
    rng: np.random.Generator,
    deck: ProgramDeck,
    fonts: Sequence[SoundFont],
    options: PairOptions,
) -> PlayedExcerpt:
    """Draw an excerpt that every SoundFont can play, and play it.

    Raises
    ------
    ScoreError
        If none is found.
    """
    sources = sorted(pieces)
    shares = np.array([SHARES.get(source, 0.1) for source in sources])
    reason = ""
    for _ in range(_TRIES):
        source = sources[int(rng.choice(len(sources), p=shares / shares.sum()))]
        piece = pieces[source][int(rng.integers(len(pieces[source])))]
        drums = None
        if source != "groove" and "groove" in pieces and rng.random() < WITH_DRUMS:
            drums = pieces["groove"][int(rng.integers(len(pieces["groove"])))].load()
        try:
            excerpt = draw_excerpt(piece.load(), options.seconds, rng, deck, drums)
        except ScoreError as error:
            reason = str(error)
            continue
        score = excerpt.score()
        played = [_play(score, font, options) for font in fonts]
        levels = [level for _, level in played]
        if any(level is None or level < _SOFTEST_LUFS for level in levels):
            told = ", ".join(map(str, levels))
            reason = f"{piece.name} with its programs is too soft: {told} LUFS"
            continue
        loudness = levels[0]
        assert loudness is not None
        sounds = [sound for sound, _ in played]
        return PlayedExcerpt(piece.name, excerpt.notes, excerpt.start_seconds, sounds, loudness)
    raise ScoreError(f"an excerpt must be found in {_TRIES} tries, got none; the last: {reason}")


def _play(
    score: Score, font: SoundFont, options: PairOptions
) -> tuple[NDArray[np.float32], float | None]:
    """The sound, cut or filled to an excerpt's length, and its loudness."""
    rendering = render(
        score, soundfont=font, sample_rate=SAMPLE_RATE, loudness=LUFS, tail_seconds=2 * TAIL_SECONDS
    )
    sound = np.zeros((2, options.n_samples), dtype=np.float32)
    n_samples = min(options.n_samples, rendering.mix.n_samples)
    sound[:, :n_samples] = rendering.mix.samples[:, :n_samples]
    return sound, rendering.report.loudness_after
