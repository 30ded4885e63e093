"""A piece that starts before its first bar line."""

from __future__ import annotations

from pathlib import Path

import pytest

import hybrid


@pytest.mark.parametrize("texture", ["chorale", "waltz"])
def test_a_pickup_is_filled_and_bars_count_from_the_first_line(
    tmp_path: Path, texture: str
) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(
        f'key = "G"\nmetre = "3/4"\ntexture = "{texture}"\npickup_quarters = "1"\n'
        '[[sections]]\nlabel = "A"\n[[sections.phrases]]\nbars = 4\ncadence = "PAC"\n'
    )
    piece = hybrid.compose(plan=path, seed=1, engine="rules")
    assert piece.score is not None
    assert piece.agreement is not None
    assert piece.score.bars[0].is_pickup
    assert min(track.notes["onset"].min() for track in piece.score.tracks) == 0
    assert piece.agreement.bars_found == 4
    assert piece.agreement.cadences == 1.0
    assert piece.analysis.count("error") == 0
