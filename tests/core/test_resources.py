"""Shipped files are found by name, and only they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybrid.core.errors import ConfigError
from hybrid.core.resources import resource_path


def test_corpora_are_those_of_the_checkout(repository: Path) -> None:
    assert resource_path("corpora").samefile(repository / "corpora")


def test_rooms_are_found_inside_the_package(repository: Path) -> None:
    found = resource_path("core", "resources.py")
    assert found.is_absolute()
    assert found.samefile(repository / "hybrid" / "core" / "resources.py")


@pytest.mark.parametrize("part", ["", ".", "..", "a/b", "/etc", "../tests"])
def test_a_name_cannot_lead_out_of_the_package(part: str) -> None:
    with pytest.raises(ConfigError, match="single names"):
        resource_path("corpora", part)


def test_no_name_is_an_error() -> None:
    with pytest.raises(ConfigError, match="at least one"):
        resource_path()


@pytest.mark.parametrize("first", ["corpora", "grammar"])
def test_a_missing_file_is_named(first: str) -> None:
    with pytest.raises(ConfigError, match=rf"'{first}/none\.toml'"):
        resource_path(first, "none.toml")
