"""Write docs/history: FIDELITY.md and a notebook for each exhibit, from the exhibits themselves.

Run with ``PYTHONPATH=. python tools/history_docs.py`` after an exhibit is added or changed; a test
compares what is committed with what this would write.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hybrid.history.exhibit import GROUNDS, Exhibit
from hybrid.history.registry import all_exhibits

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "history"


def fidelity_text(exhibits: tuple[Exhibit, ...]) -> str:
    """Every exhibit's table of fidelity, by year."""
    lines = [
        "# Fidelity",
        "",
        "What each exhibit keeps of the technique it shows, and how we know. Written by",
        "`tools/history_docs.py` from the exhibits' own tables.",
        "",
        "| how we know | |",
        "|---|---|",
        *(f"| {name} | {words} |" for name, words in GROUNDS.items()),
        "",
    ]
    for exhibit in exhibits:
        lines += [
            f"## {exhibit.title} (`{exhibit.name}`)",
            "",
            f"{', '.join(exhibit.people)}, {exhibit.year}. Main source: {exhibit.citations[0]}",
            "",
            "| part | how close | known from | in words |",
            "|---|---|---|---|",
            *(
                f"| {row.part} | {row.status} | {row.grounds} | {row.words} |"
                for row in exhibit.fidelity
            ),
            "",
        ]
    return "\n".join(lines)


def notebook(exhibit: Exhibit) -> dict[str, Any]:
    """A notebook that tells of an exhibit, runs it, looks into it and changes it."""
    changed = _another_setting(exhibit)
    cells = [
        _words(
            f"# {exhibit.title}",
            "",
            f"*{', '.join(exhibit.people)}, {exhibit.year}*",
            "",
            *_spaced(exhibit.story),
        ),
        _code(
            "from hybrid.report.exhibition import make_demo",
            "",
            f'demo = make_demo("{exhibit.name}", seed=1)',
            "print(demo.headline)",
            "for name, value in demo.made.facts:",
            '    print(f"{name}: {value}")',
        ),
        _words(
            "The page of it, with its score, its sound, its machine and its decisions, shows when",
            "a cell ends with `demo`. It takes some seconds: the sound is rendered first.",
        ),
        _words("## What made the notes"),
        _code(
            "for entry in demo.trace.entries[:8]:",
            '    print(entry.kind, "|", entry.maker, "|", entry.choice)',
            "demo.trace.counts",
        ),
        _words("## The machine, step by step"),
        _code(
            "for step in demo.made.machine.steps[:5]:",
            "    print(step.caption)",
        ),
    ]
    if exhibit.parameters:
        cells += [
            _words(
                "## What can be set",
                "",
                *(
                    f"- `{item.name}`: {item.meaning} ({item.range_text})"
                    for item in exhibit.parameters
                ),
            ),
            _code(
                f'changed = make_demo("{exhibit.name}", seed=1{changed})',
                "print(changed.headline)",
            ),
        ]
    cells += [
        _words("## Try this", "", *(f"1. {text}" for text in exhibit.exercises)),
        _words("## Sources", "", *(f"- {text}" for text in exhibit.citations)),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"{exhibit.name}-{number}"
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _another_setting(exhibit: Exhibit) -> str:
    """One parameter with another value than its default, as source."""
    for item in exhibit.parameters:
        if item.choices:
            other = next(choice for choice in item.choices if choice != item.default)
            return f', {item.name}="{other}"'
        if isinstance(item.default, bool):
            return f", {item.name}={not item.default}"
    return ""


def _spaced(paragraphs: tuple[str, ...]) -> list[str]:
    return [line for paragraph in paragraphs for line in (paragraph, "")][:-1]


def _lines(lines: tuple[str, ...]) -> list[str]:
    return [f"{line}\n" for line in lines[:-1]] + [lines[-1]]


def _words(*lines: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": _lines(lines)}


def _code(*lines: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": _lines(lines),
    }


def notebook_text(exhibit: Exhibit) -> str:
    """The notebook's file."""
    return json.dumps(notebook(exhibit), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write all of it, and take away notebooks of exhibits that are gone."""
    exhibits = all_exhibits()
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "FIDELITY.md").write_text(fidelity_text(exhibits), encoding="utf-8")
    for old in FOLDER.glob("*.ipynb"):
        if old.stem not in {exhibit.name for exhibit in exhibits}:
            old.unlink()
    for exhibit in exhibits:
        (FOLDER / f"{exhibit.name}.ipynb").write_text(notebook_text(exhibit), encoding="utf-8")


if __name__ == "__main__":
    main()
