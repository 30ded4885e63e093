"""The panel that shows how a network learnt, beside models that only count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hybrid.history.panels import Curve


def learning_curve(
    alt: str, curve: Mapping[str, Sequence[float]], counted: Mapping[str, float]
) -> Curve:
    """Nats while training.

    Parameters
    ----------
    alt : str
        What is shown, one sentence.
    curve : mapping
        Of the weights' notes: ``update``, ``loss`` and ``valid``, a value for each check.
    counted : mapping of str to float
        Nats of models that only count, by name: level lines.
    """
    updates = tuple(float(value) for value in curve["update"])
    ends = (updates[0], updates[-1])
    return Curve(
        "training",
        "Learning",
        alt,
        x_name="updates",
        y_name="nats",
        series=(
            ("learnt from", updates, tuple(curve["loss"])),
            ("validation", updates, tuple(curve["valid"])),
            *((name, ends, (float(loss), float(loss))) for name, loss in counted.items()),
        ),
    )
