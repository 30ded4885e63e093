"""Ready plans written by hand, for the tests of the engine."""

from __future__ import annotations

from hybrid.core.pitch import Key
from hybrid.core.plan import FormPlan, Phrase, Section, parse_chords
from hybrid.core.timeline import Metre

CHOIR = ("soprano", "alto", "tenor", "bass")


def phrase(
    chords: str,
    cadence: str,
    theme: str,
    metre: Metre,
    key: str | None = None,
    variation: str | None = None,
    steps: int = 0,
    **more: object,
) -> Phrase:
    """A phrase from a line of chords."""
    bars = chords.count("|") + 1
    return Phrase(
        bars=bars,
        chords=parse_chords(chords, metre, bars),
        cadence=cadence,
        theme=theme,
        key=Key.parse(key) if key else None,
        variation=variation,
        variation_steps=steps,
        **more,  # type: ignore[arg-type]
    )


def chorale(key: str = "G major") -> FormPlan:
    """Sixteen bars in four lines: open, closed, away, home."""
    metre = Metre.parse("4/4")
    dominant = Key(Key.parse(key).tonic + 1, "major").name
    return FormPlan(
        title="Chorale",
        style="chorale",
        form="chorale",
        key=Key.parse(key),
        metre=metre,
        tempo_qpm=76.0,
        texture="chorale",
        dynamics="mf",
        instruments=CHOIR,
        sections=(
            Section(
                label="A",
                phrases=(
                    phrase("I V6 I I6 | IV I6 V65 I | ii65 V I IV6 | V:4", "HC", "a", metre),
                    phrase("I V6 I I6 | IV I6 V65 I | ii6 V vi ii65 | V:2 I:2", "PAC", "b", metre),
                ),
            ),
            Section(
                label="B",
                phrases=(
                    phrase(
                        "I V43 I6 IV | V65 I ii6 V7 | I vi ii65 V | V7:2 I:2",
                        "PAC",
                        "c",
                        metre,
                        dominant,
                    ),
                    phrase(
                        "I V6 I I6 | IV V65/V V V42 | I6 ii65 Cad64 V7 | I:4", "PAC", "a", metre
                    ),
                ),
            ),
        ),
    )


def minor_period() -> FormPlan:
    """A period in G minor that goes to the relative major and comes home."""
    metre = Metre.parse("3/4")
    return FormPlan(
        title="Period",
        key=Key.parse("G minor"),
        metre=metre,
        tempo_qpm=92.0,
        texture="chorale",
        dynamics="mp",
        instruments=("violin", "violin", "viola", "cello"),
        sections=(
            Section(
                label="A",
                phrases=(
                    phrase("i:3 | V6 . i | iv6 . V | V:3", "HC", "a", metre),
                    phrase("i:3 | V6 . i | iio6:2 V7:1 | i:3", "PAC", "a", metre),
                ),
            ),
            Section(
                label="B",
                phrases=(
                    phrase("I . V6 | I . IV | ii6:2 V7:1 | I:3", "PAC", "b", metre, "Bb major"),
                    phrase("i . V43 | i6 . iv | Cad64:2 V7:1 | i:3", "PAC", "a", metre),
                ),
            ),
        ),
    )
