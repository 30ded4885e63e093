"""Residual vector quantisation: each book says what the books before it left over.

Codes are looked up in few dimensions and by direction (factorised, normalised), which keeps
nearly all of a book in use; entries that nobody chooses are set anew on what is there.

References
----------
Zeghidour, N. et al. (2021). SoundStream: an end-to-end neural audio codec. IEEE/ACM TASLP, 30.
Kumar, R. et al. (2023). High-fidelity audio compression with improved RVQGAN. NeurIPS.
arXiv:2306.06546.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: Use of an entry that was set anew, in shares of an even use: it has some forty updates to be
#: chosen before it counts as dead again.
FRESH = 0.15


@dataclass(frozen=True)
class Quantised:
    """What a quantiser gives.

    Attributes
    ----------
    values : Tensor, shape (B, T, D)
        Sum of the chosen entries; gradients pass straight through.
    codes : Tensor, shape (B, T, K), int64
        0 <= code < book size.
    loss : Tensor, scalar
        Of the books (entries move to the values) and of commitment (values to entries).
    """

    values: Tensor
    codes: Tensor
    loss: Tensor


class Book(nn.Module):
    """One book: entries of ``code_size`` numbers, chosen by direction."""

    usage: Tensor

    def __init__(self, size: int, n_entries: int, code_size: int) -> None:
        super().__init__()
        self.enter = nn.Linear(size, code_size)
        self.leave = nn.Linear(code_size, size)
        self.entries = nn.Parameter(torch.randn(n_entries, code_size))
        self.register_buffer("usage", torch.full((n_entries,), FRESH), persistent=False)

    def choose(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (B, T) of values (B, T, D), and the values in the book's dimensions."""
        inside = self.enter(values)
        likeness = F.normalize(inside, dim=-1) @ F.normalize(self.entries, dim=-1).T
        return likeness.argmax(-1), inside

    def value(self, codes: Tensor) -> Tensor:
        """Values (B, T, D) of codes (B, T)."""
        result: Tensor = self.leave(F.normalize(self.entries, dim=-1)[codes])
        return result

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Values, codes, loss (B, T), and the values in the book's dimensions."""
        codes, inside = self.choose(values)
        inside = F.normalize(inside, dim=-1)
        entry = F.normalize(self.entries, dim=-1)[codes]
        commitment = (inside - entry.detach()).square().mean(-1)
        moved = (inside.detach() - entry).square().mean(-1)
        through = inside + (entry - inside).detach()
        return self.leave(through), codes, 0.25 * commitment + moved, inside


class ResidualQuantiser(nn.Module):
    """Books in a row.

    Parameters
    ----------
    size : int
        Dimensions of the values.
    n_books, n_entries : int
    code_size : int
        Dimensions in which codes are looked up.
    """

    def __init__(self, size: int, n_books: int, n_entries: int, code_size: int) -> None:
        super().__init__()
        self.books = nn.ModuleList(Book(size, n_entries, code_size) for _ in range(n_books))

    def forward(self, values: Tensor, n_books: Tensor | None = None) -> Quantised:
        """Quantise (B, T, D); of row b only the first ``n_books[b]`` books count."""
        left = values
        total = torch.zeros_like(values)
        codes = []
        loss = values.new_zeros(())
        for number, book in enumerate(self.books):
            entry, code, each, _ = book(left)
            used = torch.ones(len(values), device=values.device)
            if n_books is not None:
                used = (n_books > number).to(values.dtype)
            total = total + entry * used[:, None, None]
            left = left - entry.detach() if not self.training else left - entry
            loss = loss + (each.mean(-1) * used).mean()
            codes.append(code)
        return Quantised(total, torch.stack(codes, -1), loss)

    def encode(self, values: Tensor) -> Tensor:
        """Codes (B, T, K) of values (B, T, D)."""
        left = values
        codes = []
        for book in self.books:
            assert isinstance(book, Book)
            code, _ = book.choose(left)
            left = left - book.value(code)
            codes.append(code)
        return torch.stack(codes, -1)

    def decode(self, codes: Tensor) -> Tensor:
        """Values (B, T, D) of codes (B, T, k), k at most the number of books."""
        total: Tensor | None = None
        for number in range(codes.shape[-1]):
            book = self.books[number]
            assert isinstance(book, Book)
            value = book.value(codes[..., number])
            total = value if total is None else total + value
        assert total is not None
        return total

    @torch.no_grad()
    def restart_dead(
        self, values: Tensor, codes: Tensor, generator: torch.Generator, share: float = 0.1
    ) -> int:
        """Count what was chosen and set entries that are hardly ever chosen anew.

        Parameters
        ----------
        values : Tensor, shape (B, T, D)
            What was quantised to ``codes``.
        share : float
            An entry is dead when it is chosen less often than this share of an even use.

        Returns
        -------
        int
            Entries set anew.
        """
        left = values
        n_set = 0
        for number, book in enumerate(self.books):
            assert isinstance(book, Book)
            code = codes[..., number]
            n_entries = len(book.entries)
            found = torch.bincount(code.flatten(), minlength=n_entries).to(torch.float32)
            even = code.numel() / n_entries
            book.usage.lerp_(found / even, 0.01)
            dead = torch.nonzero(book.usage < share)[:, 0]
            if len(dead):
                inside = book.enter(left).flatten(0, 1)
                pick = torch.randint(
                    len(inside), (len(dead),), generator=generator, device=inside.device
                )
                book.entries[dead] = F.normalize(inside[pick], dim=-1).to(book.entries.dtype)
                book.usage[dead] = FRESH
                n_set += len(dead)
            left = left - book.value(code)
        return n_set


def books_in_use(codes: Tensor, n_entries: int) -> list[float]:
    """Share of each book's entries that occur, 0..1.

    Parameters
    ----------
    codes : Tensor, shape (..., K)

    Examples
    --------
    >>> books_in_use(torch.tensor([[0, 1], [3, 1]]), 4)
    [0.5, 0.25]
    """
    flat = codes.reshape(-1, codes.shape[-1])
    return [len(torch.unique(flat[:, book])) / n_entries for book in range(flat.shape[1])]
