"""How often Bach breaks the rules: findings in 80 chorales per 1,000 onset slices.

    python -m benchmarks.bach_rates

writes ``hybrid/theory/bach_rates.toml`` (shipped with the package, shown beside a piece's
own rates) and ``benchmarks/results/bach_rates.md`` and ``.json``. It needs the corpus
``roman_numerals``.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from benchmarks.chorales import REPOSITORY, data_folder, read_chorales
from hybrid.core.analysis import ChordSpan, Finding
from hybrid.core.errors import FormatError, PlanError
from hybrid.core.numerals import RomanNumeral
from hybrid.core.pitch import Key, pitch_class
from hybrid.core.score import Score
from hybrid.theory.cadences import find_cadences
from hybrid.theory.checker import RULES, check
from hybrid.theory.chords import infer_chords
from hybrid.theory.slices import REST, slice_score
from hybrid.theory.tables import RANGES, VOICES

RATES = REPOSITORY / "hybrid" / "theory" / "bach_rates.toml"
RESULTS = REPOSITORY / "benchmarks" / "results"

#: A count published with the corpus: per 1,000 of the same 5,980 slices, and what our
#: findings count instead.
REFERENCE = {
    "parallel octaves": 0.0,
    "parallel fifths": 1.5,
    "direct fifths and octaves": 5.7,
    "range": 7.2,
    "tritone and seventh leaps": 13.7,
    "spacing": 20.9,
    "crossing": 31.3,
    "overlap": 68.1,
}
OURS = {
    "parallel octaves": ("parallel_octaves",),
    "parallel fifths": ("parallel_fifths",),
    "direct fifths and octaves": ("direct_fifths", "direct_octaves"),
    "range": ("range",),
    "tritone and seventh leaps": ("tritone_leap", "seventh_leap"),
    "spacing": ("spacing",),
    "crossing": ("crossing",),
    "overlap": ("overlap",),
}
WHY = {
    "parallel octaves": "the same",
    "parallel fifths": "the reference takes the upper voice minus the lower one modulo 12, so a"
    " fourth between crossed voices passes for a fifth (3 places), and counts a fifth that both"
    " voices carry up an octave (2 places); we count neither",
    "direct fifths and octaves": "the same",
    "range": "the reference counts every slice of a note, we count the note",
    "tritone and seventh leaps": "we also count leaps over a short rest",
    "spacing": "the reference counts every slice, we count where one of the two voices moves",
    "crossing": "the reference counts every slice, we count where one of the two voices moves",
    "overlap": "the reference counts every slice in which a voice lies beyond its neighbour's"
    " last note, crossed voices included; we count where both voices move",
}
#: Every finding of severity `error` in the 80 chorales, looked up in the score and in a second
#: edition of the same chorale: (chorale, rule) to the verdict.
VERDICTS = {
    ("bcmh004", "parallel_fifths"): "Bach: B3-F#4 to F#3-C#4 in tenor and soprano, both a fourth"
    " down; the other edition agrees (BWV 86.6)",
    ("bcmh008", "parallel_fifths"): "Bach: the soprano anticipates its next note over a tenor that"
    " moves on; the other edition agrees (BWV 40.8)",
    ("bcmh013", "parallel_fifths"): "Bach: eighth notes E4-B4 to F4-C5 in tenor and soprano; the"
    " other edition agrees (BWV 33.6)",
    ("bcmh038", "parallel_fifths"): "the encoding: a phrase ends between the two chords (fermata in"
    " BWV 115.6), which these files leave out; with it the finding is phrase_break_parallels",
    ("bcmh007", "augmented_second"): "Bach: the alto sings G4-A#4 in passing; the other edition"
    " agrees (BWV 17.7)",
}


def main() -> None:
    start = time.perf_counter()
    try:
        scores = read_chorales()
    except FormatError as error:
        print(f"skipped: {error}")
        return
    read_seconds = time.perf_counter() - start
    start = time.perf_counter()
    findings = {name: check(score) for name, score in scores.items()}
    check_seconds = time.perf_counter() - start
    n_slices = sum(len(slice_score(score)) for score in scores.values())
    counts = Counter(found.rule for group in findings.values() for found in group)
    labelled = Counter(
        found.rule
        for name, score in scores.items()
        for found in check(score, chords=labelled_chords(name, score))
    )
    RATES.write_text(rates_toml(counts, labelled, len(scores), n_slices), encoding="utf-8")
    result = {
        "chorales": len(scores),
        "slices": n_slices,
        "findings": {rule: counts[rule] for rule in RULES},
        "per_1000_slices": {rule: round(1000 * counts[rule] / n_slices, 2) for rule in RULES},
        "per_1000_slices_with_labels": {
            rule.id: round(1000 * labelled[rule.id] / n_slices, 2)
            for rule in RULES.values()
            if rule.needs != "notes"
        },
        "reference": compare(scores, counts, n_slices),
        "errors": [describe(name, found) for name, found in errors(findings)],
        "chords": chord_agreement(scores),
        "final_cadences": final_cadences(scores),
        "seconds": {"reading": round(read_seconds, 2), "checking": round(check_seconds, 2)},
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    (RESULTS / "bach_rates.json").write_text(text, encoding="utf-8")
    (RESULTS / "bach_rates.md").write_text(page(result), encoding="utf-8")
    print(page(result))


def rates_toml(counts: Counter[str], labelled: Counter[str], n_pieces: int, n_slices: int) -> str:
    """The package's data: findings of every rule in all chorales together."""
    lines = [
        "# Findings in 80 chorales by J. S. Bach, written by benchmarks/bach_rates.py.",
        "# Scores: DCML bach_chorales v2.0 (CC0), the pieces of the BCMH analyses; they have",
        "# no fermatas, so parallels across a phrase's end stand among the parallels. Chords",
        "# are inferred from the notes; in the second table they are people's (BCMH, CC BY).",
        "",
        f"pieces = {n_pieces}",
        f"slices = {n_slices}",
        "",
        "[findings]",
    ]
    lines += [f"{rule} = {counts[rule]}" for rule in RULES]
    lines += ["", "[findings_with_labels]"]
    lines += [
        f"{rule.id} = {labelled[rule.id]}" for rule in RULES.values() if rule.needs != "notes"
    ]
    return "\n".join(lines) + "\n"


def errors(findings: dict[str, tuple[Finding, ...]]) -> Iterator[tuple[str, Finding]]:
    for name, group in findings.items():
        for found in group:
            if found.severity == "error":
                yield name, found


def describe(name: str, found: Finding) -> dict[str, str]:
    return {
        "chorale": name,
        "finding": str(found),
        "verdict": VERDICTS.get((name, found.rule), "not looked up"),
    }


def compare(scores: dict[str, Score], counts: Counter[str], n_slices: int) -> list[dict[str, Any]]:
    """The published figures, ours, and the published ones found again by their own definitions."""
    again = count_as_published(scores)
    rows = []
    for name, published in REFERENCE.items():
        ours = sum(counts[rule] for rule in OURS[name])
        rows.append(
            {
                "what": name,
                "reference": published,
                "by_its_definition": round(1000 * again[name] / n_slices, 1),
                "ours": round(1000 * ours / n_slices, 1),
                "why": WHY[name],
            }
        )
    return rows


def count_as_published(scores: dict[str, Score]) -> Counter[str]:
    """Counts slice by slice, by definitions that give the published figures; see `WHY`.

    It shares no code with the checker: a few lines on the slices' arrays.
    """
    counts: Counter[str] = Counter({name: 0 for name in REFERENCE})
    for score in scores.values():
        slices = slice_score(score)
        pitch = slices.pitch
        for row, voice in enumerate(VOICES):
            low, high = RANGES[voice]
            sounds = pitch[row] != REST
            counts["range"] += int((sounds & ((pitch[row] < low) | (pitch[row] > high))).sum())
            notes = slices.voices[row].notes
            joined = notes["onset"][1:] == notes["onset"][:-1] + notes["duration"][:-1]
            size = np.abs(np.diff(notes["pitch"].astype(np.int64)))
            leaps = int((np.isin(size, (6, 10, 11)) & joined).sum())
            counts["tritone and seventh leaps"] += leaps
        for upper, lower in combinations(range(4), 2):
            both = np.flatnonzero((pitch[upper] != REST) & (pitch[lower] != REST))
            then, now = both[:-1], both[1:]
            distance = pitch[upper] - pitch[lower]
            up, down = np.diff(pitch[upper, both]), np.diff(pitch[lower, both])
            similar = up * down > 0
            fifths = (distance[then] % 12 == 7) & (distance[now] % 12 == 7)
            counts["parallel fifths"] += int((fifths & similar).sum())
            octaves = (distance[then] % 12 == 0) & (distance[now] % 12 == 0) & (up % 12 != 0)
            counts["parallel octaves"] += int((octaves & similar).sum())
            if (upper, lower) == (0, 3):
                into = np.isin(distance[now] % 12, (0, 7))
                into &= distance[then] % 12 != distance[now] % 12
                counts["direct fifths and octaves"] += int(
                    (similar & into & (np.abs(up) > 2)).sum()
                )
            if lower != upper + 1:
                continue
            counts["crossing"] += int((distance[both] < 0).sum())
            if lower < 3:
                counts["spacing"] += int((distance[both] > 12).sum())
            beyond = (pitch[lower, now] > pitch[upper, then]) | (
                pitch[upper, now] < pitch[lower, then]
            )
            counts["overlap"] += int(beyond.sum())
    return counts


def chord_agreement(scores: dict[str, Score]) -> dict[str, float]:
    """Share of the time in which inferred chords agree with people's analyses.

    The first half of the chorales (every other one) served to set a few weights, the second
    half did not.
    """
    names = sorted(scores)
    shares = {}
    for half, chosen in (("set_on", names[::2]), ("held_out", names[1::2])):
        total = root = quality = key = 0
        for name in chosen:
            labels = read_labels(name, scores[name])
            starts = np.array([label[0] for label in labels])
            for chord in infer_chords(scores[name]):
                for begin, end in _pieces(chord.onset, chord.end, starts):
                    at = int(np.searchsorted(starts, begin, side="right")) - 1
                    if at < 0:
                        continue
                    _, numeral, local = labels[at]
                    same = pitch_class(numeral.root(local)) == pitch_class(chord.root)
                    total += end - begin
                    root += (end - begin) * same
                    quality += (end - begin) * (same and numeral.quality(local) == chord.quality)
                    key += (end - begin) * (local == chord.key)
        shares[f"{half}_root"] = round(root / total, 3)
        shares[f"{half}_root_and_quality"] = round(quality / total, 3)
        shares[f"{half}_key"] = round(key / total, 3)
    return shares


def labelled_chords(name: str, score: Score) -> tuple[ChordSpan, ...]:
    """The RomanText labels of a chorale as chords."""
    labels = read_labels(name, score)
    ends = [*(label[0] for label in labels[1:]), score.length]
    return tuple(
        ChordSpan(
            tick,
            end,
            numeral.text,
            key,
            numeral.degree,
            numeral.quality(key),
            numeral.inversion,
            numeral.root(key),
        )
        for (tick, numeral, key), end in zip(labels, ends, strict=True)
        if end > tick
    )


def _pieces(start: int, end: int, cuts: np.ndarray) -> Iterator[tuple[int, int]]:
    edges = [start, *(int(cut) for cut in cuts if start < cut < end), end]
    yield from pairwise(edges)


def read_labels(name: str, score: Score) -> list[tuple[int, RomanNumeral, Key]]:
    """Tick, numeral and key of every chord of a chorale's RomanText, which is a plain one."""
    folder = data_folder() / "roman_numerals" / "bach_chorales" / f"bach_chorale_{name}"
    bars = {bar.number: bar for bar in score.bars}
    labels: list[tuple[int, RomanNumeral, Key]] = []
    key = Key.parse("C")
    for line in (folder / "analysis.txt").read_text(encoding="utf-8").splitlines():
        measure = re.match(r"m(\d+)\S*\s+(.*)", line)
        if not measure or int(measure[1]) not in bars:
            continue
        bar = bars[int(measure[1])]
        full = bar.metre.bar_ticks(score.ticks_per_quarter)
        beat = 1.0
        for word in measure[2].split():
            if found := re.fullmatch(r"b(\d+(?:\.\d+)?)", word):
                beat = float(found[1])
            elif found := re.fullmatch(r"([A-Ga-g][#b-]*):", word):
                key = Key.parse(found[1].replace("-", "b"))
            elif "|" not in word:
                tick = bar.start + (beat - 1) * full / bar.metre.n_beats
                tick -= full - (bar.end - bar.start) if bar.is_pickup else 0
                try:
                    labels.append((round(tick), RomanNumeral.parse(word), key))
                except PlanError:
                    continue
    return labels


def final_cadences(scores: dict[str, Score]) -> dict[str, int]:
    """Kind of the cadence at each chorale's end, read from its notes."""
    kinds: Counter[str] = Counter()
    for score in scores.values():
        found = find_cadences(score, [score.length])
        kinds[found[-1].kind if found else "none"] += 1
    return dict(kinds.most_common())


def page(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        "# How often Bach breaks the rules",
        "",
        f"{result['chorales']} chorales, {result['slices']} onset slices. Written by"
        " `python -m benchmarks.bach_rates`.",
        "",
        "## Beside the published count",
        "",
        "Per 1,000 onset slices. The third column counts by the definitions that give the"
        " published figures; it shares no code with the checker.",
        "",
        "| what | published | by its definition | ours | difference |",
        "|---|--:|--:|--:|---|",
    ]
    lines += [
        f"| {row['what']} | {row['reference']} | {row['by_its_definition']} | {row['ours']} |"
        f" {row['why']} |"
        for row in result["reference"]
    ]
    lines += ["", "## Every finding of severity error", ""]
    lines += [
        f"- {row['chorale']}, {row['finding'].removeprefix('error: ')}. **{row['verdict']}**"
        for row in result["errors"]
    ]
    lines += [
        "",
        "## All rules",
        "",
        "The last column reads the chords from people's analyses instead of inferring them. An"
        " inferred chord follows the notes, so it leaves few dissonances and no wrong chord tones"
        " to find; a label says more, and is sometimes wrong itself.",
        "",
        "| rule | severity | hard | findings | per 1,000 slices | with labels |",
        "|---|---|---|--:|--:|--:|",
    ]
    for rule in RULES.values():
        count, rate = result["findings"][rule.id], result["per_1000_slices"][rule.id]
        hard = "yes" if rule.hard else ""
        labels = result["per_1000_slices_with_labels"].get(rule.id)
        other = "" if labels is None else f"{labels:.2f}"
        lines.append(f"| {rule.id} | {rule.severity} | {hard} | {count} | {rate:.2f} | {other} |")
    chords = result["chords"]
    lines += [
        "",
        "## What the harmonic rates rest on",
        "",
        "The chords are inferred from the notes. Share of the time in which they agree with the"
        " analyses of the BCMH corpus:",
        "",
        "| chorales | root | root and quality | local key |",
        "|---|--:|--:|--:|",
        *(
            f"| {name} | {chords[half + '_root']:.1%} | {chords[half + '_root_and_quality']:.1%} |"
            f" {chords[half + '_key']:.1%} |"
            for half, name in (("set_on", "that weights were set on"), ("held_out", "held out"))
        ),
        "",
        "Final cadences, read from the notes: "
        + ", ".join(f"{kind} {count}" for kind, count in result["final_cadences"].items())
        + ".",
        "",
        f"Reading the scores took {result['seconds']['reading']} s, checking them (chords"
        f" included) {result['seconds']['checking']} s on one core.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()


__all__ = ["count_as_published", "main", "rates_toml", "read_labels"]
