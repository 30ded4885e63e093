"""What a visitor may set: names, ranges, meanings, and one clear line for what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hybrid.core.errors import ConfigError

Value = int | float | bool | str

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True)
class Parameter:
    """One thing that can be set with ``--set name=value``.

    Its type is that of ``default``.

    Attributes
    ----------
    name : str
    default : int, float, bool or str
    meaning : str
        One sentence.
    low, high : float or None
        Inclusive range of a number.
    choices : tuple of str
        Of a text; empty where ``check`` decides.
    check : callable or None
        Given the text, it raises `ConfigError` where the text is wrong.
    allowed : str
        The range in words, where ``check`` decides.
    """

    name: str
    default: Value
    meaning: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    check: Callable[[str], object] | None = None
    allowed: str = ""

    def __post_init__(self) -> None:
        is_number = isinstance(self.default, int | float) and not isinstance(self.default, bool)
        if is_number and (self.low is None or self.high is None):
            raise ConfigError(f"Parameter {self.name!r} must have a range, got none")
        self.accept(self.default)

    @property
    def range_text(self) -> str:
        """What is allowed, in words: ``1..64``, ``one of major, minor``."""
        if isinstance(self.default, bool):
            return "true or false"
        if isinstance(self.default, int):
            return f"a whole number in {self.low:g}..{self.high:g}"
        if isinstance(self.default, float):
            return f"a number in {self.low:g}..{self.high:g}"
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        return self.allowed or "a text"

    def parse(self, text: str) -> Value:
        """Read a value from the command line.

        Raises
        ------
        ConfigError
            If it is not in the range; the message says which that is.
        """
        word = text.strip()
        if isinstance(self.default, bool):
            if word.lower() not in _TRUE | _FALSE:
                raise self._refusal(text)
            return word.lower() in _TRUE
        if isinstance(self.default, int | float):
            try:
                number = int(word) if isinstance(self.default, int) else float(word)
            except ValueError:
                raise self._refusal(text) from None
            return self.accept(number)
        return self.accept(word)

    def accept(self, value: Value) -> Value:
        """The value, if it is of the right type and in the range.

        Raises
        ------
        ConfigError
            Otherwise.
        """
        if isinstance(self.default, bool):
            if not isinstance(value, bool):
                raise self._refusal(value)
            return value
        if isinstance(self.default, int | float):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise self._refusal(value)
            if isinstance(self.default, int) and value != int(value):
                raise self._refusal(value)
            # Not-a-number fails both comparisons, so it is refused as well.
            if not (self.low or 0) <= value <= (self.high or 0):
                raise self._refusal(value)
            return int(value) if isinstance(self.default, int) else float(value)
        if not isinstance(value, str) or (self.choices and value not in self.choices):
            raise self._refusal(value)
        if self.check is not None:
            self.check(value)
        return value

    def _refusal(self, value: object) -> ConfigError:
        return ConfigError(f"{self.name} must be {self.range_text}, got {value!r}")


class Values:
    """The values of one run, read by name and type."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = dict(values)

    def integer(self, name: str) -> int:
        """A whole number."""
        return int(self._values[name])

    def number(self, name: str) -> float:
        """A number."""
        return float(self._values[name])

    def flag(self, name: str) -> bool:
        """True or false."""
        return bool(self._values[name])

    def text(self, name: str) -> str:
        """A text."""
        return str(self._values[name])

    def to_dict(self) -> dict[str, Value]:
        """Plain values for JSON."""
        return dict(self._values)


def resolve(parameters: tuple[Parameter, ...], settings: Mapping[str, Value], whose: str) -> Values:
    """The values of a run: what is set, and the defaults of the rest.

    Parameters
    ----------
    parameters : tuple of Parameter
    settings : mapping
        Texts as the command line gives them, or values of the right type.
    whose : str
        Name of the exhibit, for messages.

    Raises
    ------
    ConfigError
        If a name is unknown or a value out of its range.
    """
    known = {parameter.name: parameter for parameter in parameters}
    values = {parameter.name: parameter.default for parameter in parameters}
    for name, value in settings.items():
        if name not in known:
            names = ", ".join(known) or "nothing"
            raise ConfigError(f"{whose} has no parameter {name!r}; it has {names}")
        parameter = known[name]
        values[name] = parameter.parse(value) if isinstance(value, str) else parameter.accept(value)
    return Values(values)
