"""The page about L-systems: its examples run, its table is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hybrid.grammar.lsystem_notation import _KEYS, load_lsystem, lsystem_names, parse_lsystem

PAGE = Path(__file__).resolve().parents[2] / "docs" / "lsystems.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_python_example_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    code = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(code) == 1
    names: dict[str, object] = {}
    exec(compile(code[0], str(PAGE), "exec"), names)
    printed = capsys.readouterr().out
    said = re.findall(r"# (\d{6,})", code[0])
    assert said
    assert all(number in printed for number in said)
    assert str(names["picture"]).startswith("<svg")


def test_the_file_example_is_the_librarys() -> None:
    example = re.findall(r"```\n(name: .*?)```", TEXT, re.DOTALL)[0]
    assert parse_lsystem(example).text(3) == load_lsystem("signal").text(3)


def test_the_tables_are_complete() -> None:
    for name in lsystem_names():
        assert f"| `{name}` | {load_lsystem(name).title} |" in TEXT
    for key in _KEYS:
        assert f"`{key}`" in TEXT
