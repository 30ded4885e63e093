"""Arithmetic in L-systems: values, precedence, errors."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.core.errors import GrammarError
from hybrid.grammar.lsystem_expression import Expression, Number, format_number


def value(text: str, **names: Number) -> Number:
    return Expression.parse(text).evaluate(names)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", Fraction(7)),
        ("(1 + 2) * 3", Fraction(9)),
        ("8 / 7", Fraction(8, 7)),
        ("2 ^ 3 ^ 2", Fraction(512)),
        ("-2 ^ 2", Fraction(-4)),
        ("2 ^ -1", Fraction(1, 2)),
        ("7 % 4 - 1", Fraction(2)),
        ("0.1 + 0.2", Fraction(3, 10)),
        ("1/3 + 1/6", Fraction(1, 2)),
        ("(4/9) ^ 0.5", Fraction(2, 3)),
        ("max(1, 5/2, 2)", Fraction(5, 2)),
        ("round(1.5) + floor(-0.5) + ceil(0.2)", Fraction(2)),
        ("abs(-3) > 2 && !(1 == 2)", Fraction(1)),
        ("1 = 1", Fraction(1)),
        ("1 != 1 || 2 <= 1", Fraction(0)),
        ("not 1 and 0 or 1", Fraction(1)),
    ],
)
def test_values(text: str, expected: Fraction) -> None:
    assert value(text) == expected
    assert isinstance(value(text), Fraction)


def test_irrational_values_are_floats() -> None:
    assert value("sqrt(2)") == pytest.approx(math.sqrt(2))
    assert value("sin(30)") == pytest.approx(0.5)
    assert value("(0.3 * 0.7) ^ 0.5") == pytest.approx(math.sqrt(0.21))


def test_second_operand_is_left_alone_where_the_first_decides() -> None:
    assert value("x == 0 || 1 / x > 2", x=Fraction(0)) == 1
    assert value("x != 0 && 1 / x > 2", x=Fraction(0)) == 0


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "must not be empty"),
        ("1 +", "ends too early"),
        ("1 2", "unexpected '2'"),
        ("(1", r"expected '\)'"),
        ("a < b < c", "cannot be chained"),
        ("exec(1)", "unknown function 'exec'"),
        ("min + 1", "needs arguments"),
        ("abs(1, 2)", r"takes 1\.\.1 arguments, got 2"),
        ("x.y", r"unexpected '\.'"),
        ("(" * 100 + "1" + ")" * 100, "nested deeper"),
        ("2 ^ " * 80 + "1", "nested deeper"),
        ("1 + " * 300 + "1", "may have 500 characters"),
    ],
)
def test_malformed_text_is_refused(text: str, match: str) -> None:
    with pytest.raises(GrammarError, match=match):
        Expression.parse(text)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("1 / (x - x)", "has no value"),
        ("(0 - x) ^ 0.5", "has no value"),
        ("10 ^ 2000", "exponent must be"),
        ("y + 1", "unknown name 'y'"),
        ("exp(1000)", "has no value"),
    ],
)
def test_impossible_values_are_refused(text: str, match: str) -> None:
    with pytest.raises(GrammarError, match=match):
        value(text, x=Fraction(2))


def test_huge_fractions_become_floats() -> None:
    number: Number = Fraction(1456, 999)
    for _ in range(60):
        number = value("x * 1.456", x=number)
    assert isinstance(number, float)
    assert number == pytest.approx(1456 / 999 * 1.456**60)


@given(st.fractions() | st.floats(allow_nan=False, allow_infinity=False))
def test_written_numbers_read_back(number: Fraction | float) -> None:
    read = value(format_number(number))
    assert float(read) == pytest.approx(float(number), rel=1e-12)
    small = isinstance(number, Fraction) and max(abs(number.numerator), number.denominator) < 2**63
    if small:
        assert read == number


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=6), st.data())
def test_agrees_with_plain_python(numbers: list[int], data: st.DataObject) -> None:
    signs = data.draw(
        st.lists(st.sampled_from("+-*"), min_size=len(numbers) - 1, max_size=len(numbers) - 1)
    )
    text = str(numbers[0]) + "".join(
        f" {sign} ({number})" for sign, number in zip(signs, numbers[1:], strict=True)
    )
    # An oracle with another method: split into products first.
    terms: list[int] = [numbers[0]]
    for sign, number in zip(signs, numbers[1:], strict=True):
        if sign == "*":
            terms[-1] *= number
        else:
            terms.append(number if sign == "+" else -number)
    assert value(text) == sum(terms)
