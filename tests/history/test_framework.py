"""Parameters, panels and the ledger: what every exhibit is made with."""

from __future__ import annotations

from typing import Any

import pytest

from hybrid.core.errors import ConfigError, ScoreError
from hybrid.core.score import TICKS_PER_QUARTER
from hybrid.history.exhibit import Exhibit, Fidelity
from hybrid.history.ledger import Ledger
from hybrid.history.panels import MAX_STEPS, Bars, Cells, Machine, Step, Text
from hybrid.history.parameters import Parameter, resolve

WHOLE = Parameter("bars", 8, "Bars.", low=2, high=64)
REAL = Parameter("bias", 0.5, "Bias.", low=0.0, high=1.0)
FLAG = Parameter("loud", False, "Loudness.")
WORD = Parameter("mode", "major", "Mode.", choices=("major", "minor"))


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (WHOLE, " 12 ", 12),
        (REAL, "0", 0.0),
        (REAL, "1e-1", 0.1),
        (FLAG, "Yes", True),
        (FLAG, "0", False),
        (WORD, "minor", "minor"),
    ],
)
def test_texts_become_values(parameter: Parameter, text: str, value: object) -> None:
    found = parameter.parse(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("parameter", "text", "message"),
    [
        (WHOLE, "1", r"bars must be a whole number in 2\.\.64, got 1"),
        (WHOLE, "3.5", r"bars must be a whole number in 2\.\.64, got '3\.5'"),
        (REAL, "nan", r"bias must be a number in 0\.\.1, got nan"),
        (REAL, "inf", r"bias must be a number in 0\.\.1, got inf"),
        (REAL, "much", r"bias must be a number in 0\.\.1, got 'much'"),
        (FLAG, "2", r"loud must be true or false, got '2'"),
        (WORD, "dorian", r"mode must be one of major, minor, got 'dorian'"),
    ],
)
def test_wrong_texts_are_refused(parameter: Parameter, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parameter.parse(text)


def test_what_is_left_out_has_its_default() -> None:
    values = resolve((WHOLE, REAL, FLAG, WORD), {"bars": "4", "loud": True}, "test")
    assert values.to_dict() == {"bars": 4, "bias": 0.5, "loud": True, "mode": "major"}
    assert (values.integer("bars"), values.number("bias")) == (4, 0.5)
    assert (values.flag("loud"), values.text("mode")) == (True, "major")


def test_a_parameter_must_have_a_range_that_its_default_is_in() -> None:
    with pytest.raises(ConfigError, match="'bars' must have a range"):
        Parameter("bars", 8, "Bars.")
    with pytest.raises(ConfigError, match=r"bars must be a whole number in 2\.\.4, got 8"):
        Parameter("bars", 8, "Bars.", low=2, high=4)


LOG = Text("log", "Log", "A log.", lines=("a",))


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((), rf"Machine.steps must be 1\.\.{MAX_STEPS}, got 0"),
        ((Step("x", {"other": {}}),), r"step 0 names no panel with \['other'\]"),
        (
            (Step("x", {}, 480, 960), Step("y", {}, 0, 480)),
            r"must not go back in the music, got tick 0 after 480 \(step 1\)",
        ),
        ((Step("x"),) * (MAX_STEPS + 1), rf"got {MAX_STEPS + 1}"),
    ],
)
def test_a_machine_that_cannot_be_shown_is_refused(steps: tuple[Step, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Machine((LOG,), steps)


def test_panels_must_have_different_names() -> None:
    with pytest.raises(ConfigError, match="must have different names"):
        Machine((LOG, LOG), (Step("x"),))


def test_states_must_fit_their_panels() -> None:
    cells = Cells("cells", "Cells", "Cells.", width=2, height=1, legend=("no", "yes"))
    assert cells.show([[0, 1]], lit=[(0, 1)]) == {"rows": ["01"], "lit": [[0, 1]]}
    with pytest.raises(ConfigError, match=r"'cells' must be given 1 rows of 2 values, got 2 of"):
        cells.show([[0, 1], [1, 0]])
    bars = Bars("bars", "Bars", "Bars.", labels=("a", "b"))
    with pytest.raises(ConfigError, match="'bars' must be given 2 values, got 1"):
        bars.show([1.0])


def test_a_ledger_gives_score_and_trace_together() -> None:
    ledger = Ledger()
    ledger.track("horn", program=60)
    with pytest.raises(ScoreError, match="must be new, got 'horn' again"):
        ledger.track("horn")
    bar = 4 * TICKS_PER_QUARTER
    why = ledger.decide("toss", "coin", "heads", tick=bar)
    ledger.note("horn", bar, 480, 64, maker="coin", choice="E", parent=why, articulation="accent")
    ledger.articulate("horn", bar, 64, "tenuto")
    ledger.grace("horn", bar, 65, -1)
    score, trace = ledger.close(title="T", counts={"tosses": 1})
    assert [entry.bar for entry in trace.entries] == [2, 2]
    assert trace.entries[1].parent == why
    assert trace.counts == {"tosses": 1}
    assert [mark.kind for mark in score.tracks[0].articulations] == ["accent", "tenuto"]
    assert score.tracks[0].graces[0].pitch == 65


def test_an_exhibit_says_what_is_missing() -> None:
    with pytest.raises(ConfigError, match="status must be one of faithful, simplified, invented"):
        Fidelity("all", "perfect", "source", "No.")
    with pytest.raises(ConfigError, match="grounds must be one of source, computed, memory, ours"):
        Fidelity("all", "faithful", "hearsay", "No.")
    kinds: dict[str, Any] = dict(
        name="x",
        title="X",
        year="1900",
        people=("nobody",),
        summary="X.",
        story=("One.", "Two."),
        make=lambda rng, values: None,
        fidelity=(Fidelity("all", "faithful", "source", "Yes."),),
        citations=("A.",),
        exercises=("B.",),
    )
    assert Exhibit(**kinds).first_year == 1900
    with pytest.raises(ConfigError, match=r"must begin with a year, got 'c\. 1900'"):
        Exhibit(**{**kinds, "year": "c. 1900"})
    # A forgotten comma.
    with pytest.raises(ConfigError, match="people must be a tuple that is not empty"):
        Exhibit(**{**kinds, "people": "nobody"})
