"""Where the beat falls in a sound: onsets, a tempo that may wander, the best chain of beats.

How much louder each band gets from one frame to the next says where notes begin. How well that
curve lies over itself, moved by a period, says how likely each tempo is at each time; Viterbi's
algorithm takes the best path through tempos. Dynamic programming then picks the times that have
many onsets and lie a period apart.

References
----------
Ellis, D. P. W. (2007). Beat tracking by dynamic programming. Journal of New Music Research, 36(1),
51-60. doi:10.1080/09298210701653344.
Peeters, G. (2007). Template-based estimation of time-varying tempo. EURASIP Journal on Advances
in Signal Processing. doi:10.1155/2007/67215. (tempo as a path)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.transcription.features import FRAME_RATE

Floats = NDArray[np.float64]
#: Levels below this many steps (of 0.4 dB) count as silence: -60 dB.
_SILENCE = 75
#: Seconds over which a tempo is heard, and between two hearings.
_SPAN, _STEP = 8.0, 1.0
_BINS_AN_OCTAVE = 24


@dataclass(frozen=True)
class BeatSettings:
    """How beats are looked for.

    Attributes
    ----------
    slowest, fastest : float
        Beats a minute, 20 to 400.
    likeliest, octaves : float
        Middle and standard deviation of the tempos expected, on a logarithmic scale.
    steadiness : float
        What leaving the period costs against what an onset is worth.
    change : float
        What a change of tempo costs, for each octave it moves in a second.
    """

    slowest: float = 40.0
    fastest: float = 220.0
    likeliest: float = 95.0
    octaves: float = 0.8
    steadiness: float = 100.0
    change: float = 12.0

    def __post_init__(self) -> None:
        if not 20 <= self.slowest < self.fastest <= 400:
            raise ConfigError(
                "tempos must be slowest < fastest within 20 to 400 beats a minute, got "
                f"{self.slowest:g} and {self.fastest:g}"
            )


def rises(levels: NDArray[np.uint8], before: NDArray[np.uint8]) -> Floats:
    """How much louder the bands get: mean rise over two frames, in steps of 0.4 dB.

    Parameters
    ----------
    levels : np.ndarray, shape (T, B), uint8
        The quick picture of `hybrid.transcription.features.levels`.
    before : np.ndarray, shape (2, B), uint8
        The two frames before it.

    Returns
    -------
    np.ndarray, shape (T,), float64
    """
    heard = np.maximum(np.concatenate([before, levels]).astype(np.float64), _SILENCE)
    # Against the loudest of the neighbours before, a vibrato is no onset.
    then = np.maximum(np.maximum(heard[:-2, :-2], heard[:-2, 1:-1]), heard[:-2, 2:])
    result: Floats = np.maximum(0.0, heard[2:, 1:-1] - then).mean(axis=1)
    return result


def onset_strength(rise: Floats) -> Floats:
    """How much begins in each frame: `rises` smoothed, less their mean of a second.

    Returns
    -------
    np.ndarray, shape (T,), float64
        Standard deviation 1 where anything begins at all; 0 in silence.
    """
    from scipy.ndimage import gaussian_filter1d, uniform_filter1d

    if not len(rise):
        return rise
    smooth = gaussian_filter1d(rise, 1.0)
    curve = np.maximum(0.0, smooth - uniform_filter1d(smooth, round(FRAME_RATE)))
    spread = float(curve.std())
    result: Floats = curve / spread if spread > 1e-6 else np.zeros_like(curve)
    return result


@dataclass(frozen=True, eq=False)
class Tempogram:
    """How likely each tempo is at each second.

    Attributes
    ----------
    tempos : np.ndarray, shape (K,), float64
        Beats a minute, evenly spaced on a logarithmic scale.
    worth : np.ndarray, shape (S, K), float64
        A row for each second from 0 on.
    """

    tempos: Floats
    worth: Floats


def tempogram(strength: Floats, settings: BeatSettings | None = None) -> Tempogram:
    """How well the `onset_strength` lies over itself, moved by the period of each tempo."""
    from scipy.ndimage import gaussian_filter1d

    settings = settings or BeatSettings()
    n_tempos = 1 + round(np.log2(settings.fastest / settings.slowest) * _BINS_AN_OCTAVE)
    tempos = settings.slowest * 2.0 ** (np.arange(n_tempos) / _BINS_AN_OCTAVE)
    periods = 60 * FRAME_RATE / tempos
    span, step = round(_SPAN * FRAME_RATE), round(_STEP * FRAME_RATE)
    padded = np.pad(gaussian_filter1d(strength, 1.5), (span // 2, span // 2 + step))
    rows = []
    for first in range(0, len(strength), step):
        part = padded[first : first + span] * np.hanning(span)
        size = 2 * span
        likeness = np.fft.irfft(np.abs(np.fft.rfft(part, size)) ** 2, size)[:span]
        likeness /= max(float(likeness[0]), 1e-9)
        lags = np.arange(span)
        # A beat's period fits twice and four times over as well.
        rows.append(
            sum(
                weight * np.interp(periods * multiple, lags, likeness)
                for multiple, weight in ((1, 1.0), (2, 0.6), (3, 0.3), (4, 0.4))
            )
        )
    expected = -0.5 * (np.log2(tempos / settings.likeliest) / settings.octaves) ** 2
    return Tempogram(tempos, 4 * np.array(rows) + expected)


def tempo_path(found: Tempogram, settings: BeatSettings | None = None) -> NDArray[np.int64]:
    """The best path through the tempos: an index of ``tempos`` for each second."""
    settings = settings or BeatSettings()
    places = np.arange(len(found.tempos))
    apart = np.abs(np.subtract.outer(places, places)) / _BINS_AN_OCTAVE
    best, back = found.worth[0], []
    for row in found.worth[1:]:
        ways = best[:, None] - settings.change * apart
        back.append(ways.argmax(axis=0))
        best = ways.max(axis=0) + row
    path = [int(best.argmax())]
    for chosen in reversed(back):
        path.append(int(chosen[path[-1]]))
    return np.array(path[::-1])


def beat_periods(strength: Floats, settings: BeatSettings | None = None) -> Floats:
    """Period of the beat in frames at each frame, (T,), along the best path of tempos."""
    found = tempogram(strength, settings)
    periods = 60 * FRAME_RATE / found.tempos[tempo_path(found, settings)]
    middles = np.arange(len(periods)) * round(_STEP * FRAME_RATE)
    result: Floats = np.interp(np.arange(len(strength)), middles, periods)
    return result


def beat_frames(
    strength: Floats, periods: Floats, settings: BeatSettings | None = None
) -> NDArray[np.int64]:
    """Frames of the beats, from the first that has onsets to the last.

    Parameters
    ----------
    strength, periods : np.ndarray, shape (T,), float64
    settings : BeatSettings, optional
    """
    settings = settings or BeatSettings()
    if not strength.any():
        return np.empty(0, np.int64)
    total = strength.copy()
    back = np.full(len(strength), -1)
    for now in range(len(strength)):
        period = periods[now]
        first, last = now - round(2 * period), now - max(1, round(period / 2))
        if last < 0:
            continue
        then = np.arange(max(0, first), last + 1)
        ways = total[then] - settings.steadiness * np.log((now - then) / period) ** 2
        chosen = int(ways.argmax())
        if ways[chosen] > 0:
            total[now] += ways[chosen]
            back[now] = then[chosen]
    # The last beat: the best end within a beat and a half of the end of what is heard.
    stop = int(np.flatnonzero(strength > 0.5)[-1]) if (strength > 0.5).any() else len(total) - 1
    start = max(0, stop - round(periods[stop]))
    chain = [start + int(total[start : stop + 1].argmax())]
    while back[chain[-1]] >= 0:
        chain.append(int(back[chain[-1]]))
    beats = np.array(chain[::-1])
    near = np.array([strength[max(0, beat - 3) : beat + 4].max() for beat in beats])
    loud = np.flatnonzero(near > 0.5)
    return beats[loud[0] :] if len(loud) else beats


def track_beats(strength: Floats, settings: BeatSettings | None = None) -> Floats:
    """Times of the beats of a sound, in seconds, from its `onset_strength`."""
    if not strength.any():
        return np.empty(0)
    frames = beat_frames(strength, beat_periods(strength, settings), settings)
    return frames / FRAME_RATE
