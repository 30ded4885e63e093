"""docs/history says what the exhibits say, and its notebooks and its example run."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hybrid.history.registry import all_exhibits, exhibit_names, load_exhibit, run_exhibit


@pytest.fixture(scope="module")
def tool(repository: Path) -> ModuleType:
    path = repository / "tools" / "history_docs.py"
    spec = importlib.util.spec_from_file_location("history_docs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_fidelity_is_what_the_exhibits_say(tool: ModuleType, repository: Path) -> None:
    shipped = (repository / "docs" / "history" / "FIDELITY.md").read_text(encoding="utf-8")
    assert shipped == tool.fidelity_text(all_exhibits()), "run tools/history_docs.py"


@pytest.mark.parametrize("name", exhibit_names())
def test_the_notebook_is_up_to_date_and_runs(tool: ModuleType, repository: Path, name: str) -> None:
    shipped = (repository / "docs" / "history" / f"{name}.ipynb").read_text(encoding="utf-8")
    assert shipped == tool.notebook_text(load_exhibit(name)), "run tools/history_docs.py"
    names: dict[str, Any] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in json.loads(shipped)["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), names)
    assert load_exhibit(name).title in printed.getvalue()


def test_no_notebook_is_left_of_an_exhibit_that_is_gone(repository: Path) -> None:
    shipped = {path.stem for path in (repository / "docs" / "history").glob("*.ipynb")}
    assert shipped == set(exhibit_names())


def test_the_example_of_the_guide_is_an_exhibit(repository: Path) -> None:
    text = (repository / "docs" / "history" / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", text, re.S)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)
    made, _ = run_exhibit(names["EXHIBIT"], 1, {"notes": 40})
    assert made.score.n_notes == 40
    assert len(made.machine.steps) == 40
