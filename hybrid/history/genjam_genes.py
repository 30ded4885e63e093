"""GenJam's two populations: chromosomes of bits, musical mutations, families of four."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

EVENTS, EVENT_BITS = 8, 4
INDICES, INDEX_BITS = 4, 6
N_MEASURES, N_PHRASES = 64, 48
REST, HOLD, HIGHEST = 0, 15, 14
FAMILY = 4

#: A measure: eight events 0..15. A phrase: four numbers of measures 0..63.
Genes = tuple[int, ...]


def encode(genes: Genes, width: int) -> str:
    """Genes to bits, the highest bit of each first.

    >>> encode((9, 7, 0, 15), 4)
    '1001011100001111'
    """
    return "".join(format(gene, f"0{width}b") for gene in genes)


def decode(bits: str, width: int) -> Genes:
    """Bits to genes.

    >>> decode("1001011100001111", 4)
    (9, 7, 0, 15)
    """
    return tuple(int(bits[at : at + width], 2) for at in range(0, len(bits), width))


def cross(one: Genes, other: Genes, width: int, point: int) -> tuple[Genes, Genes]:
    """Single-point crossover of the bits; it may fall inside a gene.

    >>> cross((15, 0), (0, 15), 4, 2)
    ((12, 15), (3, 0))
    """
    first, second = encode(one, width), encode(other, width)
    return (
        decode(first[:point] + second[point:], width),
        decode(second[:point] + first[point:], width),
    )


def rotate(genes: Genes, by: int) -> Genes:
    """To the right.

    >>> rotate((57, 57, 11, 38), 3)
    (57, 11, 38, 57)
    """
    return genes[-by % len(genes) :] + genes[: -by % len(genes)]


def invert(genes: Genes) -> Genes:
    """Fifteen less the value: rests and holds change places.

    >>> invert((9, 7, 0, 15))
    (6, 8, 15, 0)
    """
    return tuple(HOLD - gene for gene in genes)


def sort_notes(genes: Genes, down: bool = False) -> Genes:
    """Notes from low to high or high to low; rests and holds stay where they are.

    >>> sort_notes((9, 7, 0, 5, 7, 15, 15, 0))
    (5, 7, 0, 7, 9, 15, 15, 0)
    """
    notes = iter(sorted((gene for gene in genes if REST < gene < HOLD), reverse=down))
    return tuple(next(notes) if REST < gene < HOLD else gene for gene in genes)


def transpose(genes: Genes, steps: int) -> Genes:
    """Notes up or down, reflected at 1 and 14; rests and holds stay.

    >>> transpose((12, 0, 15), 3), transpose((2, 3), -3)
    ((13, 0, 15), (3, 2))
    """

    def move(gene: int) -> int:
        if not REST < gene < HOLD:
            return gene
        to = gene + steps
        return 2 * HIGHEST - to if to > HIGHEST else 2 - to if to < 1 else to

    return tuple(map(move, genes))


def room(genes: Genes) -> int:
    """+1 or -1: the side on which a measure's notes are further from the bound."""
    notes = [gene for gene in genes if REST < gene < HOLD]
    if not notes:
        return 1
    return 1 if HIGHEST - max(notes) >= min(notes) - 1 else -1


def mutate_measure(genes: Genes, rng: np.random.Generator) -> tuple[str, Genes]:
    """One of six musically meaningful mutations, each as likely; its name and the result."""
    by = int(rng.integers(1, EVENTS))
    steps = int(rng.integers(1, 5)) * room(genes)
    options: tuple[tuple[str, Callable[[], Genes]], ...] = (
        ("reverse", lambda: genes[::-1]),
        (f"rotate by {by}", lambda: rotate(genes, by)),
        ("invert", lambda: invert(genes)),
        ("sort up", lambda: sort_notes(genes)),
        ("sort down", lambda: sort_notes(genes, down=True)),
        (f"transpose by {steps:+d}", lambda: transpose(genes, steps)),
    )
    name, change = options[int(rng.integers(len(options)))]
    return name, change()


@dataclass
class Population:
    """Chromosomes and their fitness.

    Attributes
    ----------
    genes : list of Genes
    width : int
        Bits of a gene.
    fitness : list of int
    """

    genes: list[Genes]
    width: int
    fitness: list[int]

    @classmethod
    def of(cls, genes: Sequence[Genes], width: int) -> Population:
        """A new population without fitness."""
        return cls(list(genes), width, [0] * len(genes))


def first_measures(rng: np.random.Generator) -> Population:
    """Sixty-four measures: an event is a rest (5/24), a hold (7/24) or a note 1..14 (12/24)."""
    kinds = rng.choice(3, size=(N_MEASURES, EVENTS), p=(5 / 24, 7 / 24, 12 / 24))
    notes = rng.integers(1, HIGHEST + 1, size=(N_MEASURES, EVENTS))
    events = np.where(kinds == 0, REST, np.where(kinds == 1, HOLD, notes))
    return Population.of([tuple(row) for row in events.tolist()], EVENT_BITS)


def first_phrases(rng: np.random.Generator) -> Population:
    """Forty-eight phrases of four measures, drawn evenly."""
    rows = rng.integers(0, N_MEASURES, size=(N_PHRASES, INDICES)).tolist()
    return Population.of([tuple(row) for row in rows], INDEX_BITS)


def commonest(phrases: Sequence[Genes], phrase: Genes) -> int:
    """Place in a phrase of the measure that is used most often in all phrases; the first of equals.

    >>> commonest([(57, 57, 11, 38), (57, 1, 2, 3)], (57, 57, 11, 38))
    0
    """
    counts = Counter(index for genes in phrases for index in genes)
    return max(range(len(phrase)), key=lambda place: (counts[phrase[place]], -place))


def mutate_phrase(
    genes: Genes, phrases: Sequence[Genes], fitness: Sequence[int], rng: np.random.Generator
) -> tuple[str, Genes]:
    """One of six mutations of a phrase, each as likely; its name and the result.

    Parameters
    ----------
    genes : Genes
    phrases : sequence of Genes
        The population.
    fitness : sequence of int
        Of the measures.
    rng : numpy Generator
    """

    def put(place: int, index: int) -> Genes:
        return (*genes[:place], index, *genes[place + 1 :])

    def orphans() -> Genes:
        # Four tournaments of three: the least used of each.
        counts = Counter(index for phrase in phrases for index in phrase)
        drawn = rng.integers(0, N_MEASURES, size=(INDICES, 3)).tolist()
        return tuple(min(three, key=lambda index: counts[index]) for three in drawn)

    def winners() -> Genes:
        drawn = rng.integers(0, N_MEASURES, size=(INDICES, 3)).tolist()
        return tuple(max(three, key=lambda index: fitness[index]) for three in drawn)

    by = int(rng.integers(1, INDICES))
    other = int(rng.integers(N_MEASURES))
    worst = min(range(INDICES), key=lambda place: fitness[genes[place]])
    options: tuple[tuple[str, Callable[[], Genes]], ...] = (
        ("reverse", lambda: genes[::-1]),
        (f"rotate by {by}", lambda: rotate(genes, by)),
        ("genetic repair", lambda: put(worst, other)),
        ("super phrase", winners),
        ("lick thinner", lambda: put(commonest(phrases, genes), other)),
        ("orphan phrase", orphans),
    )
    name, change = options[int(rng.integers(len(options)))]
    return name, change()


@dataclass(frozen=True)
class Family:
    """A tournament of four.

    Attributes
    ----------
    parents, children : tuple of int
        Numbers in the population: the best two, and the worst two, which the children replace.
    point : int
        Where the bits were crossed.
    mutation : str
        Of the second child.
    before : tuple of Genes
        What the children replaced.
    """

    parents: tuple[int, int]
    children: tuple[int, int]
    point: int
    mutation: str
    before: tuple[Genes, Genes]


def breed(
    population: Population,
    mutate: Callable[[Genes], tuple[str, Genes]],
    rng: np.random.Generator,
) -> list[Family]:
    """One generation: families of four at random, in each the best two replace the worst two.

    Their children are a crossover of the two; one of them is mutated. Children begin without
    fitness. Of equals the one drawn first is the better.
    """
    order = rng.permutation(len(population.genes)).tolist()
    families = []
    for at in range(0, len(order), FAMILY):
        ranked = sorted(order[at : at + FAMILY], key=lambda number: -population.fitness[number])
        one, other, *worst = ranked
        length = population.width * len(population.genes[one])
        point = int(rng.integers(1, length))
        first, second = cross(
            population.genes[one], population.genes[other], population.width, point
        )
        name, second = mutate(second)
        before = population.genes[worst[0]], population.genes[worst[1]]
        for number, genes in zip(worst, (first, second), strict=True):
            population.genes[number] = genes
            population.fitness[number] = 0
        families.append(Family((one, other), (worst[0], worst[1]), point, name, before))
    return families
