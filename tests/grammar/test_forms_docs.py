"""The page about forms: its examples run, its table and its picture are those of the program."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

from hybrid.core.seeds import stage_rng
from hybrid.grammar.forms import FORMS, form_sampler
from hybrid.grammar.trees import format_tree

PAGE = Path(__file__).resolve().parents[2] / "docs" / "forms.md"


def test_the_examples_of_the_page_run(capsys: pytest.CaptureFixture[str]) -> None:
    result = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert result.attempted > 20
    assert result.failed == 0, capsys.readouterr().out


def test_the_table_names_every_form_and_its_lengths() -> None:
    rows = re.findall(
        r"^\| `([\w-]+)` \|[^|]*\| (\d+) \| (\w+) \| (\w+) \|$",
        PAGE.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert [row[0] for row in rows] == list(FORMS)
    for name, fewest, most, style in rows:
        lengths = np.flatnonzero(np.isfinite(form_sampler(name).lengths(1000)))
        assert int(fewest) == lengths[0]
        assert (most == "any") == (lengths[-1] > 900)
        assert most in ("any", str(lengths[-1]))
        assert style == FORMS[name].style


def test_the_picture_shows_a_derivation_of_its_form() -> None:
    svg = (PAGE.parent / "images" / "form-ternary.svg").read_text(encoding="utf-8")
    tree = form_sampler("ternary").sample(24, stage_rng(5, "grammar"))
    assert format_tree(tree).startswith("(Ternary (A:first")
    for name in ("Ternary", "A:first", "Middle", "B:contrast", "ThemeRetransition"):
        assert name in svg
