"""Every command of the tutorial runs, in its order."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.soundfont
def test_the_tutorial_runs(
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from hybrid.cli import main

    monkeypatch.chdir(tmp_path)
    text = (repository / "docs" / "tutorial.md").read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    assert len(blocks) > 10
    for language, info, body in blocks:
        if "file=" in info:
            Path(info.partition("file=")[2].strip()).write_text(body)
        elif language == "sh":
            wanted = 2 if "status=2" in info else 0
            for line in body.strip().splitlines():
                words = shlex.split(line)
                assert words[0] == "hybrid"
                status = main(words[1:])
                assert status == wanted, f"{line}: {capsys.readouterr().err}"
        elif language == "python":
            subprocess.run([sys.executable, "-c", body], check=True, capture_output=True)
    assert (tmp_path / "first" / "index.html").exists()
    assert not (tmp_path / "clash").exists()
    assert (tmp_path / "from-python" / "piece.mid").exists()


def test_links_between_the_pages_lead_somewhere(repository: Path) -> None:
    pages = [repository / "README.md", *(repository / "docs").glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_help_in_the_docs_is_what_the_program_prints(repository: Path) -> None:
    script = repository / "tools" / "cli_help.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
