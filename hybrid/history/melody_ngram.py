"""Counting as a yardstick for melodies: what follows one token, and what follows two.

Witten and Bell's estimate mixes longer contexts with shorter ones: with c tokens of a kind, N in
all and T different ones after a context,

    p(token | context) = (c + T p(token | shorter context)) / (N + T),

down to one chance for all tokens. The tables are those of the training melodies; they ship beside
the networks, so that the comparison can be made wherever these run.

    python -m hybrid.history.melody_ngram --data DIR -o RUN

References
----------
Witten, I. H., & Bell, T. C. (1991). The zero-frequency problem: Estimating the probabilities of
novel events in adaptive text compression. IEEE Transactions on Information Theory, 37(4),
1085-1094. doi:10.1109/18.87000 (their method C).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid.core.errors import ConfigError
from hybrid.core.resources import resource_path
from hybrid.history.melody_tokens import N_TOKENS, Tokens

Array = NDArray[np.float64]
_START = N_TOKENS
_CONTEXTS = N_TOKENS + 1


class Ngram:
    """Logarithms of chances after one token and after two.

    Attributes
    ----------
    one : (C, N_TOKENS), two : (C, C, N_TOKENS)
        Natural logarithms; the last of the C contexts stands before the beginning.
    """

    def __init__(self, one: Array, two: Array) -> None:
        self.one, self.two = one, two

    def nats(self, tokens: Tokens, order: int) -> float:
        """Mean negative log likelihood of a token, nats; of pieces (B, T), for order 1 or 2.

        Raises
        ------
        ConfigError
            For another order.
        """
        before, earlier = _contexts(tokens)
        if order == 1:
            logs = self.one[before, tokens]
        elif order == 2:
            logs = self.two[earlier, before, tokens]
        else:
            raise ConfigError(f"order must be 1 or 2, got {order}")
        return float(-logs.mean())


def _contexts(tokens: Tokens) -> tuple[Tokens, Tokens]:
    """The token before each, and the one before that."""
    before = np.concatenate([np.full_like(tokens[:, :1], _START), tokens[:, :-1]], axis=1)
    earlier = np.concatenate([np.full_like(tokens[:, :1], _START), before[:, :-1]], axis=1)
    return before, earlier


def count_ngram(pieces: Tokens) -> Ngram:
    """Count what follows what in pieces (B, T)."""
    size = _CONTEXTS * _CONTEXTS * N_TOKENS
    before, earlier = _contexts(pieces)
    code = (earlier * _CONTEXTS + before) * N_TOKENS + pieces
    counts = np.bincount(code.ravel(), minlength=size).astype(np.float64)
    table = counts.reshape(_CONTEXTS, _CONTEXTS, N_TOKENS)
    none = _mixed(table.sum(axis=(0, 1)), np.full(N_TOKENS, 1 / N_TOKENS))
    one = _mixed(table.sum(axis=0), none)
    two = _mixed(table, one)
    return Ngram(np.log(one), np.log(two))


def _mixed(counts: Array, shorter: Array) -> Array:
    """Witten and Bell's mixture; a context that was never seen has the shorter one's chances."""
    kinds = (counts > 0).sum(axis=-1, keepdims=True)
    total = counts.sum(axis=-1, keepdims=True)
    weight = np.where(kinds > 0, kinds, 1)
    result: Array = (counts + weight * shorter) / (total + weight)
    return result


def save_ngram(ngram: Ngram, path: Path) -> None:
    """Write both tables, 16-bit."""
    from safetensors.numpy import save

    from hybrid.io.atomic import write_bytes
    from hybrid.io.tensor_header import in_order

    tables = {"one": ngram.one.astype(np.float16), "two": ngram.two.astype(np.float16)}
    write_bytes(path, in_order(save(tables, {"what": "n-gram of melody tokens"})))


def load_ngram(path: Path | None = None) -> Ngram:
    """The shipped tables, or those of a file.

    Raises
    ------
    ConfigError
        If there are none.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    place = path or resource_path("history", "trained", "melody_ngram.safetensors")
    try:
        tables = load(place.read_bytes())
        return Ngram(tables["one"].astype(np.float64), tables["two"].astype(np.float64))
    except (OSError, SafetensorError, KeyError) as error:
        raise ConfigError(f"{place} must hold an n-gram's tables: {error}") from None


def _train(data: Path, output: Path, updates: int | None, minutes: float | None) -> Path:
    from hybrid.history.melody_corpus import Excerpts, read_melodies

    output.mkdir(parents=True, exist_ok=True)
    melodies = read_melodies(data, output / "melodies.npz")
    ngram = count_ngram(Excerpts(melodies["train"], 2).pieces)
    held = Excerpts(melodies["test"], 2).pieces[::2]
    for order in (1, 2):
        print(f"order {order}: {ngram.nats(held, order):.4f} nats a token on the test melodies")
    path = output / "melody_ngram.safetensors"
    save_ngram(ngram, path)
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    from hybrid.training.command import training_command

    training_command(__doc__ or "", "folder of the corpora", _train, arguments)


if __name__ == "__main__":
    main()


__all__ = ["Ngram", "count_ngram", "load_ngram", "save_ngram"]
