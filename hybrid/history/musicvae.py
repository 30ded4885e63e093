"""MusicVAE: two tunes are points in a space of melodies, and there are tunes all along between."""

from __future__ import annotations

from functools import partial

import numpy as np

from hybrid.core.errors import ConfigError
from hybrid.history.exhibit import Demonstration, Exhibit, Fidelity
from hybrid.history.melodies import Melody
from hybrid.history.melody_tokens import (
    HOLD,
    PER_BAR,
    Tokens,
    melody_tokens,
    read_tune,
)
from hybrid.history.musicvae_panels import Show, short
from hybrid.history.panels import Machine
from hybrid.history.parameters import Parameter, Values

BARS = 2
SIZE = BARS * PER_BAR


def excerpt(melody: Melody, bar: int, what: str) -> Tokens:
    """Two bars of a tune from a bar on.

    Raises
    ------
    ConfigError
        If the tune has no such bars, or leaves the range, or they are silent.
    """
    tokens = melody_tokens(melody)
    last = len(tokens) // PER_BAR - BARS + 1
    if not 1 <= bar <= last:
        raise ConfigError(
            f"{what} must be in 1..{last}, where {melody.name} has two bars, got {bar}"
        )
    piece = tokens[(bar - 1) * PER_BAR :][:SIZE].copy()
    if piece[0] == HOLD:
        raise ConfigError(f"{what} must be a bar that begins with a note, got {bar}")
    return piece


def make(rng: np.random.Generator, values: Values) -> Demonstration:
    """Encode two tunes, walk from one point to the other, decode on the way."""
    import torch

    from hybrid.history.musicvae_model import divergence, load_vae, slerp

    model, notes, _ = load_vae()
    tunes = [read_tune(values.text(name)) for name in ("one", "other")]
    given = np.stack(
        [
            excerpt(tune, values.integer(f"{name}_bar"), f"{name}_bar")
            for name, tune in zip(("one", "other"), tunes, strict=True)
        ]
    )
    with torch.no_grad():
        mean, log_variance = model.encode(torch.from_numpy(given))
    nats = divergence(mean, log_variance).sum(dim=1).tolist()
    one, other = mean.double().numpy()
    count = values.integer("points")
    shares = [n / (count - 1) for n in range(count)]
    is_arc = values.text("path") == "arc"
    points = np.stack(
        [slerp(one, other, share) if is_arc else one + share * (other - one) for share in shares]
    )
    written, chances = model.write(
        torch.from_numpy(points).float(),
        values.number("temperature"),
        torch.from_numpy(rng.random((count, SIZE))).float(),
    )
    show = Show(tunes, given, points, written, chances, shares, notes)
    show.learnt()
    show.given(0, nats[0])
    for place in range(count):
        show.point(place, values.number("temperature"))
    show.given(1, nats[1])
    score, trace = show.ledger.close(
        title=f"From {short(tunes[0])} to {short(tunes[1])}",
        qpm=values.number("tempo"),
        counts={"points": count, "tokens": int(written.size)},
    )
    back = [float((written[at] == given[n]).mean()) for n, at in enumerate((0, count - 1))]
    test = notes["test"]
    facts = (
        ("Tokens that come back the same at the two ends", f"{back[0]:.0%}, {back[1]:.0%}"),
        ("Nats that the two points tell of their tunes", f"{nats[0]:.1f}, {nats[1]:.1f}"),
        ("Weights", f"{sum(part.numel() for part in model.parameters())}"),
        (
            "Unheard songs, nats a token: bound, reconstruction, divergence",
            f"{test['bound']:.3f}, {test['reconstruction']:.3f}, {test['divergence']:.3f}",
        ),
        (
            "The same songs by counting, after one token and after two",
            f"{test['order 1']:.3f}, {test['order 2']:.3f}",
        ),
    )
    return Demonstration(score, trace, Machine(show.panels, tuple(show.steps)), facts)


EXHIBIT = Exhibit(
    name="musicvae",
    title="MusicVAE: from one tune to another",
    year="2018",
    people=("Adam Roberts", "Jesse Engel", "Colin Raffel", "Curtis Hawthorne", "Douglas Eck"),
    summary="A variational autoencoder makes tunes into points and plays what lies between two.",
    story=(
        "An autoencoder squeezes a melody into a few numbers and writes it out again. A "
        "variational one draws the numbers from a cloud around a point and is charged, in nats, "
        "for how much the cloud tells. So clouds come to lie close together, and what is between "
        "two melodies is a melody too. Mix the notes themselves and you get the one tune with "
        "holes in it and the other's notes in the holes.",
        "You hear two bars of a tune as they are, then the same decoded from its point, then "
        "points along an arc to another tune, and that tune at last. Listen for what changes "
        "first: the rhythm or the pitches. The page shows every point's numbers, and of each note "
        "the chance it was taken by and what came next.",
        "Two losses pull against each other. If the divergence costs much, points say little "
        "and tunes come back wrong; if little, the space between points is not used and says "
        "nothing. The curves show how the two grew. Here it costs a fifth, so tunes come back; "
        "charged in full, as the bound is, the same network does no better on pop songs than "
        "counting what follows what, though on the old tunes it does.",
        "The paper's models were trained on some 1.5 million MIDI files found on the web, with 512 "
        "dimensions and networks of a thousand units and more; for sixteen bars a conductor gave "
        "each bar a plan. This one has 24 dimensions, a conductor for four half bars, a decoder "
        "of 128 units, the melodies of 800 pop songs and of some chorales, and a few minutes of "
        "one processor core. What lies outside of what those sing comes back changed, and much "
        "that lies inside does too: see how many tokens come back the same.",
    ),
    parameters=(
        Parameter(
            "one",
            "ode-to-joy",
            "The tune to begin with: a name, or notes in C such as `C4/4 D4/4 E4/2 | G4/1`.",
            check=partial(read_tune, what="one"),
            allowed="a tune's name or notes",
        ),
        Parameter("one_bar", 1, "Bar of it to begin with.", low=1, high=64),
        Parameter(
            "other",
            "jingle-bells",
            "The tune to arrive at, in the same way.",
            check=partial(read_tune, what="other"),
            allowed="a tune's name or notes",
        ),
        Parameter("other_bar", 3, "Bar of it to begin with.", low=1, high=64),
        Parameter("points", 7, "Points decoded on the way, both ends among them.", low=2, high=17),
        Parameter("path", "arc", "Along an arc or a straight line.", choices=("arc", "line")),
        Parameter(
            "temperature", 0.0, "0 takes the likeliest token; more draws.", low=0.0, high=2.0
        ),
        Parameter("tempo", 112.0, "Quarters a minute.", low=40.0, high=240.0),
    ),
    make=make,
    fidelity=(
        Fidelity(
            "encoder, latent Gaussian, conductor, decoder",
            "faithful",
            "memory",
            "Recurrent; the decoder begins anew in every half bar, from its plan.",
        ),
        Fidelity(
            "spherical interpolation", "faithful", "computed", "Ends and length of the arc tested."
        ),
        Fidelity(
            "free nats, rising beta",
            "faithful",
            "memory",
            "Up to 0.2; other free nats.",
        ),
        Fidelity("sixteen bars", "simplified", "ours", "Two, with a plan for each half bar."),
        Fidelity("size and data", "simplified", "ours", "GRU for LSTM; a few hundred songs."),
        Fidelity("reading", "simplified", "ours", "The encoder reads beats of four tokens."),
        Fidelity("keys", "simplified", "ours", "Melodies to train on were moved to C or A minor."),
        Fidelity(
            "straight layers", "invented", "ours", "Beside the recurrent ones; they learn fast."
        ),
        Fidelity("place in the bar", "invented", "ours", "The decoder is told which sixteenth."),
        Fidelity(
            "scheduled sampling", "simplified", "ours", "Left out: the decoder learns from truth."
        ),
    ),
    citations=(
        "Roberts, A., Engel, J., Raffel, C., Hawthorne, C., & Eck, D. (2018). A hierarchical "
        "latent vector model for learning long-term structure in music. ICML. arXiv:1803.05428.",
        "Kingma, D. P., & Welling, M. (2014). Auto-encoding variational Bayes. ICLR. "
        "arXiv:1312.6114.",
        "White, T. (2016). Sampling generative networks. arXiv:1609.04468. (the arc)",
        "Wang, Z., et al. (2020). POP909: A pop-song dataset for music arrangement generation. "
        "ISMIR. arXiv:2008.07142. (training data)",
    ),
    exercises=(
        "Set `path=line`. The points in the middle are nearer to the space's middle: what do "
        "their melodies have in common?",
        "Take a tune with a rhythm of your own, such as `one=C4/8. E4/16 G4/4 G4/2 | A4/4 G4/2.`"
        ". Does it come back?",
        "Set `temperature=1` and change the seed. Which points are sure of their notes?",
        "Set `one` and `other` to the same tune and `other_bar` to another bar.",
    ),
)
