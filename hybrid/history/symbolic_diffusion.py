"""Diffusion of melodies: what is hidden or drowned in noise comes back a little at a time."""

from __future__ import annotations

import re

import numpy as np

from hybrid.core.errors import ConfigError
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.melodies import load_held_out, load_melodies
from hybrid.history.melody_tokens import PER_BAR, Tokens, melody_tokens
from hybrid.history.parameters import Parameter, Values

BARS = 8
SIZE = BARS * PER_BAR
_SPAN = re.compile(r"(\d)(?:-(\d))?")
TUNES = tuple(
    name
    for name, tune in (load_melodies() | load_held_out()).items()
    if sum(ticks for _, ticks in tune.notes) >= SIZE * 120
)


def read_bars(text: str) -> tuple[int, ...]:
    """Numbers of bars: ``1-2,7`` gives 1, 2 and 7; ``none`` gives none.

    Raises
    ------
    ConfigError
        If it is not written so, or names a bar outside 1..8.
    """
    if text == "none":
        return ()
    found: set[int] = set()
    for part in text.split(","):
        match = _SPAN.fullmatch(part.strip())
        if match is None:
            raise ConfigError(f"keep must be none or bars such as 1-2,7-8, got {text!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= BARS:
            raise ConfigError(f"keep must name bars in 1..{BARS}, got {text!r}")
        found |= set(range(first, last + 1))
    return tuple(sorted(found))


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Keep some bars of a tune, make the others, either way."""
    from hybrid.history.symbolic_diffusion_panels import show_continuous, show_discrete

    tune = (load_melodies() | load_held_out())[values.text("tune")]
    keep = read_bars(values.text("keep"))
    if len(keep) == BARS:
        raise ConfigError(f"keep must leave a bar to be made, got {values.text('keep')!r}")
    given: Tokens = melody_tokens(tune)[:SIZE]
    fixed = np.zeros(BARS, dtype=bool)
    fixed[[bar - 1 for bar in keep]] = True
    if values.text("way") == "discrete":
        return show_discrete(rng, values, tune, given, fixed)
    if (fixed[::2] != fixed[1::2]).any():
        raise ConfigError(
            "keep must name bars by twos (1-2, 3-4, 5-6, 7-8) where way=continuous, "
            f"got {values.text('keep')!r}"
        )
    return show_continuous(rng, values, tune, given, fixed)


EXHIBIT = Exhibit(
    name="symbolic-diffusion",
    title="Diffusion of melodies, discrete and continuous",
    year="2021–2023",
    people=(
        "Gautam Mittal",
        "Jesse Engel",
        "Curtis Hawthorne",
        "Ian Simon",
        "Matthias Plasser",
        "Silvan Peter",
        "Gerhard Widmer",
    ),
    summary="Melodies come back from masks, or from noise, a little at every step.",
    story=(
        "A diffusion model learns to undo damage. The damage is done by hand, a little at a time, "
        "until nothing is left; the network learns to take one step back. Begin with nothing, go "
        "back all the way, and there is a melody that nobody wrote.",
        "The discrete way (Plasser, Peter and Widmer) hides tokens behind a mask. Going back, the "
        "network names chances for every hidden cell, given all that is seen, on both sides; a "
        "few are drawn, the rest wait. There is no order from left to right, so bars in the middle "
        "can be made as well as bars at the end.",
        "The continuous way (Mittal, Engel, Hawthorne and Simon) leaves tokens to an autoencoder. "
        "Eight bars are four points in MusicVAE's space; noise is added to the points until they "
        "are noise alone. Going back, the points become melodies: the page decodes them on the "
        "way. Early on each two bars already sound like music, for the decoder can do no other, "
        "but they have nothing to do with each other; later they have.",
        "Plasser's pieces had a thousand places and up to three parts, Mittal's 32 points of the "
        "large MusicVAE, and their networks tens of millions of weights and a GPU. These have 128 "
        "tokens or 4 points, two hundred thousand weights each, 800 songs and a few minutes of "
        "one processor core. Rhythm and scale they have learnt; a tune that goes somewhere is "
        "luck.",
    ),
    parameters=(
        Parameter("way", "discrete", "Masks or noise.", choices=("discrete", "continuous")),
        Parameter("tune", "jingle-bells", "The tune that bars are kept of.", choices=TUNES),
        Parameter(
            "keep",
            "1-2,7-8",
            "Bars of it that are kept: such as `1-2,7-8`, or `none`.",
            check=read_bars,
            allowed="none or bars such as 1-2,7-8",
        ),
        Parameter("steps", 32, "Steps of the discrete way.", low=1, high=128),
        Parameter(
            "temperature", 0.8, "Of the discrete way; under 1 likelier tokens.", low=0.1, high=2.0
        ),
        Parameter("tempo", 112.0, "Quarters a minute.", low=40.0, high=240.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "absorbing masks, any order",
            "faithful",
            "computed",
            "Its value is tested where it is known.",
        ),
        Fidelity("strided joining before attention", "faithful", "memory", "As Plasser, by fours."),
        Fidelity("DDPM in MusicVAE's space", "faithful", "memory", "Ho's loss and sampling."),
        Fidelity(
            "size", "simplified", "ours", "Eight bars, one part; the sources had 64, and three."
        ),
        Fidelity("infilling", "faithful", "memory", "Given bars are put back at every step."),
        Fidelity("noise steps", "simplified", "ours", "200 for 1,000; the same end of the line."),
        Fidelity("temperature", "invented", "ours", "The sources draw as the network says."),
    ),
    citations=(
        "Mittal, G., Engel, J., Hawthorne, C., & Simon, I. (2021). Symbolic music generation with "
        "diffusion models. ISMIR. arXiv:2103.16091.",
        "Plasser, M., Peter, S., & Widmer, G. (2023). Discrete diffusion probabilistic models for "
        "symbolic music generation. IJCAI. arXiv:2305.09489.",
        "Austin, J., Johnson, D. D., Ho, J., Tarlow, D., & van den Berg, R. (2021). Structured "
        "denoising diffusion models in discrete state-spaces. NeurIPS. arXiv:2107.03006.",
        "Ho, J., Jain, A., & Abbeel, P. (2020). Denoising diffusion probabilistic models. "
        "NeurIPS. arXiv:2006.11239.",
    ),
    exercises=(
        "Set `keep=none`. What keeps the eight bars together now?",
        "Set `steps=1`: all cells are drawn at once. Why are notes so often cut short?",
        "Set `way=continuous`. At which step can you first hear that bars belong together?",
        "Keep bars 1-4 of a tune, then 5-8. Does it end as well as it goes on?",
    ),
)
