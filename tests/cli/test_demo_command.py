"""``hybrid demo``: the list, one exhibit, two compared, all; and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hybrid.cli import BAD_INPUT, main
from hybrid.history.registry import exhibit_names


def lines(capsys: pytest.CaptureFixture[str]) -> tuple[list[str], list[str]]:
    shown = capsys.readouterr()
    return shown.out.splitlines(), shown.err.splitlines()


def test_the_list_has_every_exhibit_by_year(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "list"]) == 0
    out, _ = lines(capsys)
    assert sorted(line.split()[1] for line in out) == list(exhibit_names())
    years = [int(line.split()[0]) for line in out]
    assert years == sorted(years)


def test_the_list_of_one_has_its_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "list", "dice-waltz"]) == 0
    out, _ = lines(capsys)
    assert out[0] == "A waltz by two dice (anonymous, sold as W. A. Mozart, 1790–1793)"
    assert any(line.startswith("  dice=2d6  ") for line in out)
    assert any("repeat=true" in line and "true or false" in line for line in out)


def test_one_exhibit_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "waltz"
    arguments = ["demo", "dice-waltz", "--dice", "7", "--set", "repeat=false", "--no-audio", "-q"]
    assert main([*arguments, "-o", str(folder)]) == 0
    out, err = lines(capsys)
    assert err == []
    assert out[0].startswith("A waltz by two dice: 16 bars, ")
    record = json.loads((folder / "provenance.json").read_text())
    assert record["options"] == {
        "exhibit": "dice-waltz",
        "dice": "7",
        "game": "waltz",
        "repeat": False,
    }
    assert "104 157 27 167 154 68 118 91" in (folder / "index.html").read_text()


def test_two_are_compared_each_with_its_own_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "both"
    arguments = ["demo", "compare", "dice-waltz", "dice-waltz", "--set", "dice=7", "--no-audio"]
    arguments += ["--set", "2.game=contredanse", "--no-page", "-q", "-o", str(folder)]
    assert main(arguments) == 0
    games = [
        json.loads((folder / name / "provenance.json").read_text())["options"]["game"]
        for name in ("dice-waltz-1", "dice-waltz-2")
    ]
    assert games == ["waltz", "contredanse"]
    assert (folder / "index.html").is_file()
    assert len(lines(capsys)[0]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dice-walts"], "there is no exhibit 'dice-walts'; did you mean dice-waltz"),
        (["dice-waltz", "more"], "demo dice-waltz takes 0 names at most, got 'more' as well"),
        (["dice-waltz", "--set", "dice"], "--set must be given KEY=VALUE, got 'dice'"),
        (["dice-waltz", "--set", "a=1", "--set", "a=2"], "must name each parameter once"),
        (["dice-waltz", "--dice", "13"], "dice must be 2d6 or uniform, or 16 totals in 2..12"),
        (["dice-waltz", "--set", "game=polka"], "game must be one of waltz, contredanse"),
        (
            ["dice-waltz", "--set", "nothing=1"],
            "dice-waltz has no parameter 'nothing'; it has dice",
        ),
        (["dice-waltz", "--seed", "-1"], "seed must be in 0.."),
        (["lsystem", "--set", "steps=11"], "steps must be a whole number in 0..10, got 11"),
        (["compare", "lsystem"], "demo compare must be given two exhibits, got 1"),
        (["compare", "lsystem", "lsystem", "--set", "3.steps=2"], "must name 1, 2, lsystem"),
        (["all", "--set", "steps=2"], "demo all takes no --set"),
        (["all", "--workers", "0"], "workers must be in 1..16, got 0"),
    ],
)
def test_what_is_wrong_gets_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    assert main(["demo", *arguments, "-q", "-o", str(folder)]) == BAD_INPUT
    out, err = lines(capsys)
    assert out == []
    assert len(err) == 1
    assert message in err[0]
    assert not folder.exists()


@pytest.mark.slow
def test_all_are_written_with_an_index(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    assert main(["demo", "all", "--no-audio", "-q", "-o", str(folder)]) == 0
    index = (folder / "index.html").read_text(encoding="utf-8")
    for name in exhibit_names():
        assert f'href="{name}/index.html"' in index
        assert (folder / name / "index.html").is_file()
