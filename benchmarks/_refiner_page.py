"""A page to look at and listen to: spectrograms of the same excerpt, side by side, with sound."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.audio_refiner.pairs_file import encode_ogg
from hybrid.io.atomic import write_text
from hybrid.metrics.audio_spectra import spectra

RATE = 44100
#: What is shown of each excerpt, in a row, as far as it is there.
COLUMNS = ("dry", "effects", "mapper", "tokens", "codec of the target", "target")
_N_FFT, _HOP = 4096, 512
_LOW_HZ, _N_ROWS = 40.0, 320
_QUALITY = 0.2  # of Vorbis
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1500px;
  padding: 0 1rem; color: #1c1c22; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.row { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: .6rem; }
figure { margin: 0; } figcaption { font-size: .85rem; font-weight: 600; }
img { width: 100%; display: block; border-radius: 4px; } audio { width: 100%; height: 2rem; }
.table { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; white-space: nowrap; }
li { margin: .2rem 0; } .small { color: #555; font-size: .85rem; }
@media (max-width: 900px) { .row { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
"""


@dataclass(frozen=True, eq=False)
class PageExcerpt:
    """One excerpt of the page.

    Attributes
    ----------
    style, piece : str
    sounds : mapping of str to np.ndarray, shape (2, N)
        At 44.1 kHz.
    """

    style: str
    piece: str
    sounds: Mapping[str, NDArray[np.float32]]


def picture(sound: NDArray[np.float32], loudest_db: float) -> bytes:
    """A PNG of a sound's levels over time and log frequency, 40 Hz to 20 kHz.

    Parameters
    ----------
    sound : np.ndarray, shape (2, N)
    loudest_db : float
        Level of the brightest colour; 90 dB below it all is black.
    """
    import matplotlib.image

    mid = sound.mean(axis=0, keepdims=True)
    parts = [np.abs(part[0]) for part in spectra(mid, _N_FFT, _HOP)]
    level = 20 * np.log10(np.concatenate(parts) * (2 / _N_FFT) + 1e-9)  # (T, F)
    hertz = np.geomspace(_LOW_HZ, 20_000, _N_ROWS)
    bins = hertz * _N_FFT / RATE
    low = np.floor(bins).astype(int)
    share = (bins - low).astype(np.float32)
    shown = level[:, low] * (1 - share) + level[:, low + 1] * share
    # In high rows many bins fall into one: the loudest of them is what is seen.
    edges = np.sqrt(bins[1:] * bins[:-1])
    for row in range(1, _N_ROWS - 1):
        first, last = int(edges[row - 1]) + 1, int(edges[row]) + 1
        if last - first > 1:
            shown[:, row] = level[:, first:last].max(axis=1)
    stream = io.BytesIO()
    scaled = np.clip((shown.T[::-1] - loudest_db + 90) / 90, 0, 1)
    step = max(1, scaled.shape[1] // 500)
    matplotlib.image.imsave(stream, scaled[:, ::step], cmap="magma", vmin=0, vmax=1, format="png")
    return stream.getvalue()


def loudest(sound: NDArray[np.float32]) -> float:
    """Level of the loudest bin in dB."""
    mid = sound.mean(axis=0, keepdims=True)
    peak = max(float(np.abs(part).max()) for part in spectra(mid, _N_FFT, _HOP))
    return 20 * float(np.log10(peak * 2 / _N_FFT + 1e-9))


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return html.escape(str(value))


def _sentence(note: str) -> str:
    """A note with its names between backticks set as code."""
    parts = html.escape(note).split("`")
    return "".join(
        f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts)
    )


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    head = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{_shown(row.get(column))}</td>" for column in columns) + "</tr>"
        for row in rows
    )
    return f"<div class='table'><table><tr>{head}</tr>{body}</table></div>"


def write_page(
    path: Path,
    rows: Sequence[Mapping[str, Any]],
    excerpts: Sequence[PageExcerpt],
    notes: Sequence[str],
) -> Path:
    """Write the page: one file that needs nothing else."""
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>The refiner</title><style>{_STYLE}</style><h1>The refiner</h1>",
        _table(rows),
        "<ul class='small'>" + "".join(f"<li>{_sentence(note)}</li>" for note in notes) + "</ul>",
        "<p class='small'>Spectrograms of (left + right) / 2: time to the right, 40 Hz to 20 kHz "
        "upwards (logarithmic), 90 dB from black to white, one scale for each row.</p>",
    ]
    for excerpt in excerpts:
        title = f"{excerpt.style} <span class='small'>{html.escape(excerpt.piece)}</span>"
        parts.append(f"<h2>{title}</h2><div class='row'>")
        shown = [name for name in COLUMNS if name in excerpt.sounds]
        top = max(loudest(excerpt.sounds[name]) for name in shown)
        for name in shown:
            sound = excerpt.sounds[name]
            ogg = encode_ogg(np.clip(sound, -1, 1)[None], RATE, _QUALITY)
            parts.append(
                f"<figure><figcaption>{name}</figcaption>"
                f"<img alt='spectrogram: {name}' src='{_uri('image/png', picture(sound, top))}'>"
                f"<audio controls preload='none' src='{_uri('audio/ogg', ogg)}'></audio></figure>"
            )
        parts.append("</div>")
    write_text(path, "".join(parts) + "</html>\n")
    return path
