"""The page about the notation: every example on it runs and prints what it says."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from hybrid.grammar.notation import DIRECTIVES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "grammar-notation.md"


def test_the_examples_of_the_page_run(capsys: pytest.CaptureFixture[str]) -> None:
    result = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert result.attempted > 30
    assert result.failed == 0, capsys.readouterr().out


def test_the_page_names_every_directive() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r"`?%(\w+)", text)) >= set(DIRECTIVES)
