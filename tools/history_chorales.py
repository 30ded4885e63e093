"""Write hybrid/history/data/chorales.tsv and chorales_held_out.tsv, which exhibits read.

    python -m tools.history_chorales --from FOLDER

FOLDER holds the corpora bach_chorales (CC0) and jsb-chorales (for mending wrong accidentals). Taken
are chorales in common time with one key signature, whose last bass note is the tonic of that
signature in major or minor, whose voices begin together, and whose notes fall on sixteenths. Of
these the ones that agree best with the benchmark's pitches are kept: of its chorales for training
those that exhibits cut up and may learn from, of those for testing ones that none may learn from.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

from hybrid.core.errors import HybridError
from hybrid.core.pitch import Key, pitch_name
from hybrid.core.resources import resource_path
from hybrid.core.score import Score
from hybrid.io.atomic import write_text
from hybrid.io.corpora import open_files
from hybrid.symbolic_transformer.chorale_corpus import read_chorale_corpus
from hybrid.symbolic_transformer.chorale_matching import BenchmarkPiece, read_benchmark
from hybrid.symbolic_transformer.chorale_mending import mend
from hybrid.symbolic_transformer.chorale_phrases import find_phrases
from hybrid.symbolic_transformer.chorale_splits import chorale_splits
from hybrid.theory.extract import find_chords

#: For each file: the benchmark's split, and how many of each mode are kept.
FILES = {
    "chorales.tsv": ("train", {"major": 64, "minor": 48}),
    "chorales_held_out.tsv": ("test", {"major": 8, "minor": 8}),
}
_SIXTEENTH = 120
_HEAD = """\
# Four-part chorales by Johann Sebastian Bach (1685-1750), public domain, in common time.
# From DCMLab/bach_chorales v2.0 (engraved by Ulrich Kaiser), CC0 1.0; accidentals mended by the
# pitches of the JSB Chorales (Boulanger-Lewandowski et al. 2012). Made by
# tools/history_chorales.py: of the 371 those whose last bass note is the tonic of the signature and
# that agree best with these pitches.
# One chorale a line, tab between: number, title, key, quarters of upbeat, ends of phrases in
# quarters (by the rule of thumb of hybrid.symbolic_transformer.chorale_phrases), then soprano,
# alto, tenor, bass. C4 is middle C for a quarter, C4:2 for two sixteenths; r is a rest. Repeats
# are played once.
"""
_HELD_OUT = """\
# These are of the benchmark's split for testing: exhibits may be measured on them, and harmonise
# their sopranos, but no weights are trained on them.
"""


def key_of(score: Score) -> Key | None:
    """The key, where the last bass note is the tonic of the one signature; else None."""
    if len(score.keys) != 1 or {metre.name for metre in score.metres} != {"4/4"}:
        return None
    fifths = score.keys[0].key.fifths
    bass = int(score.tracks[3].notes[-1]["spelling"])
    if bass == fifths:
        return Key.from_fifths(fifths)
    return Key.from_fifths(fifths, "minor") if bass == fifths + 3 else None


def voice_text(score: Score, voice: int) -> str | None:
    """A voice as the file has it; None if a note is not on sixteenths."""
    now, words = 0, []
    for note in score.tracks[voice].notes:
        onset, length = int(note["onset"]), int(note["duration"])
        if onset % _SIXTEENTH or length % _SIXTEENTH or onset < now:
            return None
        if onset > now:
            words.append("r" + _length(onset - now))
        words.append(pitch_name(int(note["pitch"]), int(note["spelling"])) + _length(length))
        now = onset + length
    return " ".join(words)


def _length(ticks: int) -> str:
    return "" if ticks == 4 * _SIXTEENTH else f":{ticks // _SIXTEENTH}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--from", dest="folder", type=Path, required=True)
    given = parser.parse_args()
    scores, _ = read_chorale_corpus(given.folder)
    [text] = [
        stream.read()
        for _, stream in open_files("jsb-chorales", given.folder, ("Jsb16thSeparated.json",))
    ]
    benchmark = {piece.id: piece for piece in read_benchmark(text)}
    for name, (split, kept) in FILES.items():
        output = resource_path("history", "data") / name
        head = _HEAD if split == "train" else _HEAD + _HELD_OUT
        write_text(output, head + "".join(_lines(scores, benchmark, split, kept)))
        print(f"{output}: {output.stat().st_size} bytes")


def _lines(
    scores: Mapping[str, Score],
    benchmark: Mapping[str, BenchmarkPiece],
    split: str,
    kept: Mapping[str, int],
) -> list[str]:
    """The chorales of one split, a line each, by number."""
    matches = chorale_splits(["bach_chorales"])
    found: dict[str, list[tuple[float, str, str]]] = {mode: [] for mode in kept}
    seen = set()
    for number, score in sorted(scores.items()):
        match = matches.get(("bach_chorales", number))
        if match is None or not match.is_same or match.split != split or match.id in seen:
            continue
        mended, mending = mend(score, match, benchmark[match.id].grid)
        key = key_of(mended)
        voices = [voice_text(mended, voice) for voice in range(4)]
        begins = {int(track.notes["onset"][0]) for track in mended.tracks}
        if not mending.is_sound or key is None or None in voices or begins != {0}:
            continue
        seen.add(match.id)
        ends = [mark.end for mark in find_phrases(mended, find_chords(mended))]
        if any(end.denominator != 1 for end in ends):
            continue
        title = re.sub(r"^\d+\w? ", "", score.title)
        row = (
            number.lstrip("0"),
            title,
            str(key),
            str(mended.pickup_ticks // 480),
            " ".join(map(str, ends)),
            *map(str, voices),
        )
        found[key.mode].append((-mending.agreement, number, "\t".join(row)))
    lines = []
    for mode, count in kept.items():
        best = sorted(found[mode])[:count]
        print(f"{mode}: {len(best)} of {len(found[mode])}, agreement from {-best[-1][0]:.4f}")
        lines += [(number, line) for _, number, line in best]
    return [f"{line}\n" for _, line in sorted(lines)]


if __name__ == "__main__":
    try:
        main()
    except HybridError as error:
        raise SystemExit(f"error: {error}") from None
