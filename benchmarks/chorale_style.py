"""Measure 80 chorales and write the percentiles that `hybrid.metrics.style` compares with.

    python -m benchmarks.chorale_style

writes ``hybrid/metrics/chorale_percentiles.toml``. It needs the corpus ``roman_numerals``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.chorales import REPOSITORY, read_chorales
from hybrid.core.errors import FormatError
from hybrid.core.score import Score
from hybrid.metrics import style
from hybrid.theory.slices import slice_score

TARGET = REPOSITORY / "hybrid" / "metrics" / "chorale_percentiles.toml"


def percentiles(scores: dict[str, Score]) -> str:
    """The TOML file's text."""
    histograms = np.array(
        [
            style.interval_histogram(style.melodic_intervals(slice_score(score)))
            for score in scores.values()
        ]
    )
    mean = np.round(histograms.mean(axis=0), 6)
    rows = [style.measure(slice_score(score), mean / mean.sum()) for score in scores.values()]
    lines = [
        "# Measures of 80 chorales by J. S. Bach, written by benchmarks/chorale_style.py.",
        "# hybrid/metrics/style.py says what each measure is. Scores: DCML bach_chorales v2.0",
        "# (CC0), the pieces of the BCMH analyses; only these figures ship with the package.",
        "",
        f"pieces = {len(rows)}",
        f"pieces_within_all = {_n_within_all(rows)}  # within every range below at once",
        "",
        "[intervals]",
        "# Mean share of melodic intervals of -12..12 semitones.",
        f"mean_shares = [{', '.join(f'{share:.6f}' for share in mean)}]",
    ]
    for name in style.MEASURES:
        low, median, high = _range(rows, name)
        lines += ["", f"[measures.{name}]"]
        lines += [f"low = {low:.6f}", f"median = {median:.6f}", f"high = {high:.6f}"]
    return "\n".join(lines) + "\n"


def _range(rows: list[dict[str, float]], name: str) -> tuple[float, float, float]:
    """Percentiles of a measure, widened to six decimals so that no edge is lost in rounding."""
    low, median, high = np.percentile([row[name] for row in rows], [5, 50, 95])
    if name == "interval_distance":
        low = 0.0
    return float(np.floor(low * 1e6) / 1e6), float(median), float(np.ceil(high * 1e6) / 1e6)


def _n_within_all(rows: list[dict[str, float]]) -> int:
    ranges = {name: _range(rows, name) for name in style.MEASURES}
    return sum(
        all(ranges[name][0] <= row[name] <= ranges[name][2] for name in style.MEASURES)
        for row in rows
    )


def main(target: Path = TARGET) -> None:
    try:
        text = percentiles(read_chorales())
    except FormatError as error:
        print(f"skipped: {error}")
        return
    target.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
