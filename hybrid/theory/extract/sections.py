"""Sections: phrases in groups, parted where new material, marks or full stops are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybrid.theory.extract.themes import ThemeUse

#: Points for a section to begin with a phrase: of a theme not heard before, of another
#: theme than the phrase before, after a perfect cadence, and where a mark or a change of
#: metre stands.
NEW_POINTS, OTHER_POINTS, FULL_STOP_POINTS, MARK_POINTS = 1.0, 1.0, 0.8, 4.0
#: A passage of themes that came before in the same order begins.
RETURN_POINTS = 1.5
#: Length in bars that sections like to have, and points lost for each octave away from it.
USUAL_BARS, LENGTH_WEIGHT = 8, 1.2
#: What a section costs.
SECTION_COST = 0.5
SAME = 0.65  # share of the bars that must have the same themes in the same order


def part_phrases(
    bars: Sequence[int],
    themes: Sequence[ThemeUse],
    cadences: Sequence[str],
    marked: Sequence[bool],
) -> list[tuple[int, int]]:
    """First phrase and the phrase after the last of each section.

    Parameters
    ----------
    bars : sequence of int
        Lengths of the phrases.
    themes : sequence of ThemeUse
    cadences : sequence of str
    marked : sequence of bool
        Whether a mark stands where the phrase begins.
    """
    n_phrases = len(bars)
    labels = [use.label for use in themes]
    points = np.zeros(n_phrases + 1)
    for index in range(1, n_phrases):
        other = labels[index] != labels[index - 1]
        points[index] += OTHER_POINTS * other
        points[index] += NEW_POINTS * (labels[index] not in labels[:index])
        points[index] += FULL_STOP_POINTS * (cadences[index - 1] == "PAC")
        points[index] += MARK_POINTS * marked[index]
        points[index] += RETURN_POINTS * (other and labels[index] == labels[0])
    best = np.full(n_phrases + 1, -np.inf)
    back = np.zeros(n_phrases + 1, dtype=np.int64)
    best[0] = 0.0
    length = np.concatenate([[0], np.cumsum(bars)])
    for stop in range(1, n_phrases + 1):
        first = np.arange(stop)
        octaves = np.abs(np.log2((length[stop] - length[first]) / USUAL_BARS))
        value = best[first] + points[first] - SECTION_COST - LENGTH_WEIGHT * octaves
        back[stop] = int(np.argmax(value))
        best[stop] = value[back[stop]]
    found: list[tuple[int, int]] = []
    stop = n_phrases
    while stop > 0:
        found.append((int(back[stop]), stop))
        stop = int(back[stop])
    return found[::-1]


def name_sections(
    sections: Sequence[tuple[int, int]], bars: Sequence[int], themes: Sequence[ThemeUse]
) -> list[str]:
    """Labels A, B, C ...; a section with the themes of an earlier one takes its label."""
    names: list[str] = []
    models: list[tuple[int, int]] = []
    for first, stop in sections:
        shares = [_share((first, stop), model, bars, themes) for model in models]
        at = int(np.argmax(shares)) if shares else 0
        if shares and shares[at] >= SAME:
            names.append(_letter(at))
        else:
            names.append(_letter(len(models)))
            models.append((first, stop))
    return names


def _share(
    section: tuple[int, int],
    model: tuple[int, int],
    bars: Sequence[int],
    themes: Sequence[ThemeUse],
) -> float:
    """Share of the bars of both that have the same themes in the same order."""
    own = [i for i in range(*section)]
    theirs = [i for i in range(*model)]
    # Longest common subsequence, by bars.
    table = np.zeros((len(own) + 1, len(theirs) + 1))
    for i, a in enumerate(own):
        for j, b in enumerate(theirs):
            same = min(bars[a], bars[b]) if themes[a].label == themes[b].label else 0
            table[i + 1, j + 1] = max(table[i, j] + same, table[i, j + 1], table[i + 1, j])
    total = sum(bars[i] for i in own) + sum(bars[i] for i in theirs)
    return 2 * float(table[-1, -1]) / total


def _letter(index: int) -> str:
    """A .. Z, then A2, B2 ..."""
    rounds, place = divmod(index, 26)
    return chr(ord("A") + place) + (str(rounds + 1) if rounds else "")
