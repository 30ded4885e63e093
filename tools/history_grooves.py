"""Write hybrid/history/data/grooves_held_out.tsv: drummers that no exhibit may learn from.

    python -m tools.history_grooves --from FOLDER

FOLDER holds the corpus groove (CC BY 4.0). Taken are the beginnings of performances of its split
for testing, the longest of each style.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hybrid.core.errors import HybridError
from hybrid.core.resources import resource_path
from hybrid.history.performance_events import (
    HELD_OUT,
    STEP_MS,
    Groove,
    groove_line,
    read_grooves,
)
from hybrid.io.atomic import write_text

#: Performances kept of each style, and seconds of each.
KEPT, SECONDS = 2, 24
STYLES = ("rock", "funk", "jazz", "latin", "hiphop", "soul")
_HEAD = """\
# Beginnings of drum performances: Groove MIDI Dataset 1.0.0 (Jon Gillick, Adam Roberts, Jesse
# Engel, Douglas Eck, David Bamman: Learning to Groove with Inverse Sequence Transformations, ICML
# 2019), Creative Commons Attribution 4.0 International. Changed: cut, nine drums, times in steps of
# ten milliseconds. Made by tools/history_grooves.py of the split for testing: no weights are
# trained on them. One performance a line, tab between: name, style, quarters a minute, strokes.
# 12:0:96 is the drum number 0 at 120 milliseconds with velocity 96.
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--from", dest="folder", type=Path, required=True)
    given = parser.parse_args()
    grooves = sorted(
        read_grooves(given.folder, "test"), key=lambda groove: (-groove.seconds, groove.name)
    )
    lines = []
    for style in STYLES:
        for number, groove in enumerate([g for g in grooves if g.style == style][:KEPT], 1):
            hits = tuple(hit for hit in groove.hits if hit[0] * STEP_MS < 1000 * SECONDS)
            lines.append(groove_line(Groove(f"{style}-{number}", style, groove.qpm, hits)))
    output = resource_path("history", "data") / HELD_OUT
    write_text(output, _HEAD + "".join(lines))
    print(f"{output}: {output.stat().st_size} bytes, {len(lines)} performances")


if __name__ == "__main__":
    try:
        main()
    except HybridError as error:
        raise SystemExit(f"error: {error}") from None
