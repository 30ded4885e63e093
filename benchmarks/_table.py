"""Tables of measurements: a Markdown file to read and a JSON file to compare by program.

Each table names the hardware and the versions with which it was measured, and no machine.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def hardware() -> dict[str, Any]:
    """Processor, number of usable cores, memory and system."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions; a package that is not there is left out."""
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def write_table(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    notes: Sequence[str] = (),
    *,
    title: str = "",
    packages: Iterable[str] = (),
    sections: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    folder: Path = RESULTS,
) -> tuple[Path, Path]:
    """Write ``name.md`` and ``name.json``.

    Parameters
    ----------
    name : str
        Of the files, without suffix.
    rows : sequence of mappings
        One for each line; columns are the keys in order of their first appearance. Floats
        are shown with three significant digits and kept whole in the JSON file.
    notes : sequence of str
        Sentences under the table: what was measured, how, and what it means.
    title : str
        Heading; by default the name.
    packages : iterable of str
        Those whose versions matter.
    sections : mapping of str to rows, optional
        Further tables by their headings, between the first one and the notes.

    Returns
    -------
    (Path, Path)
        The Markdown and the JSON file.
    """
    machine, found = hardware(), versions(packages)
    lines = [f"# {title or name}", "", *markdown_table(rows), ""]
    for heading, table in (sections or {}).items():
        lines += [f"## {heading}", "", *markdown_table(table), ""]
    for note in notes:
        lines.extend([f"- {note}"])
    lines.extend(
        [
            f"- Hardware: {machine['processor']}, {machine['cores']} cores, "
            f"{machine['memory_gib']} GiB; {machine['system']}, Python {machine['python']}.",
        ]
    )
    if found:
        lines.append(
            "- Versions: " + ", ".join(f"{key} {value}" for key, value in found.items()) + "."
        )
    folder.mkdir(parents=True, exist_ok=True)
    text, data = folder / f"{name}.md", folder / f"{name}.json"
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    record = {
        "name": name,
        "hardware": machine,
        "versions": found,
        "notes": list(notes),
        "rows": [dict(row) for row in rows],
    }
    if sections:
        record["sections"] = {
            heading: [dict(row) for row in table] for heading, table in sections.items()
        }
    data.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return text, data


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of a table; columns are the keys in order of their first appearance."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(columns) + " |", "|" + "|".join(" --- " for _ in columns) + "|"]
    for row in rows:
        lines.append("| " + " | ".join(_cell(row.get(column)) for column in columns) + " |")
    return lines


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
