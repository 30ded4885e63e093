"""``hybrid grammar`` and ``hybrid lsystem``."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np

    from hybrid.grammar.cfg import Grammar
    from hybrid.grammar.trees import Tree

#: Bars up to which a form's length is drawn where none is asked for.
LONGEST_FORM = 128
#: Greatest length that may be asked for: tables grow with it.
LONGEST = 100_000

grammar = typer.Typer(
    help="Sample from, parse with, learn and draw grammars in the usual notation.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

File = Annotated[str, typer.Argument(help="Grammar: a file, or a name of `hybrid grammar list`.")]
Seed = Annotated[int, typer.Option(help="Root seed.")]
Svg = Annotated[Path | None, typer.Option("-o", "--output", help="Write the drawing (SVG) here.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(grammar, name="grammar")
    app.command("lsystem")(lsystem)


def _load(name: str) -> Grammar:
    form = _form_of(name)
    if form is not None:
        from hybrid.grammar.forms.registry import form_grammar

        return form_grammar(form)
    from hybrid.grammar.library import find_grammar
    from hybrid.grammar.notation import load_grammar

    return load_grammar(find_grammar(name))


def _form_of(name: str) -> str | None:
    """The form whose grammar is named: forms share sections and have a sampler of their own."""
    from hybrid.grammar.forms import FORMS

    folder, _, form = name.rpartition("/")
    return form if folder in ("", "forms") and form in FORMS else None


def _sample_forms(
    form: str, count: int, length: str | None, rng: np.random.Generator
) -> list[Tree]:
    import numpy as np

    from hybrid.core.errors import ConfigError
    from hybrid.grammar.forms import form_sampler

    sampler = form_sampler(form)
    bars = _fraction(length, "length")
    if bars is not None and bars.denominator != 1:
        raise ConfigError(f"length of a form must be whole bars, got {length}")
    weights = np.exp(sampler.lengths(LONGEST_FORM))
    drawn = []
    for _ in range(count):
        size = (
            int(bars)
            if bars is not None
            else int(rng.choice(len(weights), p=weights / weights.sum()))
        )
        drawn.append(sampler.sample(size, rng))
    return drawn


def _token(leaf: Tree) -> str:
    """A leaf as it is read in a row: quoted where it holds a space, with its length if any."""
    name = leaf.symbol.name
    shown = f"'{name}'" if " " in name else name
    return shown if leaf.duration is None else f"{shown}[{leaf.duration}]"


def _fraction(text: str | None, what: str) -> Fraction | None:
    from hybrid.core.errors import ConfigError

    if text is None:
        return None
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise ConfigError(f"{what} must be a number such as 32 or 3/4, got {text!r}") from None
    if not 0 < value <= LONGEST:
        raise ConfigError(f"{what} must be more than 0 and {LONGEST} at most, got {text}")
    return value


def _draw(tree: Tree, output: Path | None, title: str) -> None:
    if output is None:
        return
    from hybrid.cli.files import drawing
    from hybrid.grammar.draw import draw_tree
    from hybrid.io.atomic import write_text

    write_text(drawing(output), draw_tree(tree, title=title))
    typer.echo(f"{output}: the derivation tree")


@grammar.command("list")
def list_grammars() -> None:
    """List the grammars that ship with the program; each is a text file to read and edit."""
    from hybrid.grammar.library import shipped_grammars

    found = shipped_grammars()
    width = max(map(len, found), default=0)
    for name, path in found.items():
        first = path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ").strip()
        typer.echo(f"{name:<{width}}  {first}")


@grammar.command("show")
def show(file: File) -> None:
    """Print a grammar with what follows from it: entropy, expected length, consistency."""
    from hybrid.grammar.entropy import measures
    from hybrid.grammar.notation import format_grammar

    loaded = _load(file)
    typer.echo(format_grammar(loaded), nl=False)
    if any(rule.is_temporal for rule in loaded.rules):
        typer.echo("# temporal: lengths are handed down from the root")
        return
    found = measures(loaded)
    typer.echo(f"# expected tokens {found.expected_tokens:.4g}")
    typer.echo(f"# derivation entropy {found.derivation_entropy:.4g} bits")
    typer.echo(f"# spectral radius {found.spectral_radius:.4g}")
    typer.echo(f"# probability that a derivation ends {found.end_probability:.4g}")


@grammar.command("sample")
def sample(
    file: File,
    seed: Seed = 1,
    count: Annotated[int, typer.Option("-n", "--count", help="How many to draw.")] = 1,
    length: Annotated[
        str | None,
        typer.Option(help="Exact total length; terminals without a length count 1."),
    ] = None,
    depth: Annotated[int | None, typer.Option(help="Greatest depth of the tree.")] = None,
    duration: Annotated[
        str | None, typer.Option(help="Temporal grammars: duration of the whole.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Temporal grammars: key of the whole.")] = None,
    tree: Annotated[bool, typer.Option("--tree", help="Print trees in brackets.")] = False,
    output: Svg = None,
) -> None:
    """Draw strings from a grammar.

    Length and depth are kept by conditioning on them, not by trying again: each string comes
    with its probability among those that keep them.
    """
    from hybrid.core.errors import ConfigError
    from hybrid.core.seeds import stage_rng
    from hybrid.grammar.sample import Sampler
    from hybrid.grammar.temporal import derive
    from hybrid.grammar.trees import format_tree

    if count < 1:
        raise ConfigError(f"count must be 1 or more, got {count}")
    loaded = _load(file)
    rng = stage_rng(seed, "grammar", "sample")
    form = _form_of(file)
    temporal = any(rule.is_temporal for rule in loaded.rules)
    if form is not None:
        if depth is not None or duration is not None or key is not None:
            raise ConfigError("a form takes length (in bars) only, got another option")
        drawn = _sample_forms(form, count, length, rng)
    elif temporal:
        if length is not None or depth is not None:
            raise ConfigError(
                f"length and depth must be left out for a temporal grammar (give duration), "
                f"got {length or depth}"
            )
        total = _fraction(duration, "duration")
        drawn = [derive(loaded, rng, duration=total, key=key) for _ in range(count)]
    else:
        if duration is not None or key is not None:
            raise ConfigError(
                f"duration and key must be left out for a grammar without durations (give length), "
                f"got {duration or key}"
            )
        sampler = Sampler(loaded, length=_fraction(length, "length"), max_depth=depth)
        drawn = [sampler.sample(rng) for _ in range(count)]
    for one in drawn:
        typer.echo(format_tree(one) if tree else " ".join(map(_token, one.leaves())))
    _draw(drawn[0], output, f"Derivation from {file}")


@grammar.command("parse")
def parse(
    file: File,
    tokens: Annotated[list[str], typer.Argument(help="The string, a token a word.")],
    output: Svg = None,
) -> None:
    """Find the most probable derivation of a string (Viterbi), and how ambiguous it is."""
    from hybrid.grammar.parse import Parser
    from hybrid.grammar.trees import format_tree

    parser = Parser(_load(file))
    words = [word for token in tokens for word in token.split()]
    found = parser.parse(words)
    typer.echo(format_tree(found.tree))
    typer.echo(f"# log probability {found.log_probability:.6g} (natural)")
    typer.echo(f"# log likelihood of the string {found.log_likelihood:.6g}")
    typer.echo(f"# derivations {parser.count(words):g}, share of this one {found.posterior:.4g}")
    _draw(found.tree, output, f"Parse with {file}")


@grammar.command("learn")
def learn(
    strings: Annotated[
        Path, typer.Argument(help="Training data, a string (or a bracketed tree) a line.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Grammar to write.")],
    start_from: Annotated[
        str | None, typer.Option("--from", help="Grammar whose probabilities are fitted by EM.")
    ] = None,
    symbols: Annotated[
        int, typer.Option(help="Latent symbols where no grammar and no trees are given.")
    ] = 4,
    iterations: Annotated[int, typer.Option(help="Most EM iterations.")] = 50,
    smoothing: Annotated[float, typer.Option(help="Added to each count of rules in trees.")] = 0.0,
    seed: Seed = 1,
    held_out: Annotated[
        Path | None, typer.Option(help="Strings to report bits per token on.")
    ] = None,
) -> None:
    """Learn a grammar: by counting from trees, by inside-outside EM from plain strings."""
    from hybrid.cli.files import another, read_text
    from hybrid.core.errors import GrammarError
    from hybrid.core.seeds import stage_rng
    from hybrid.grammar.entropy import evaluate
    from hybrid.grammar.latent import learn_latent
    from hybrid.grammar.learn import estimate, fit
    from hybrid.grammar.notation import format_grammar
    from hybrid.grammar.trees import read_tree
    from hybrid.io.atomic import write_text

    lines = [line for line in read_text(strings).splitlines() if line.strip()]
    test = [] if held_out is None else read_text(held_out).splitlines()
    for source in filter(None, (strings, held_out)):
        another(output, source)
    if not lines:
        raise GrammarError(f"training data must have a line or more, got none ({strings})")
    if all(line.lstrip().startswith("(") for line in lines):
        trees = [read_tree(line) for line in lines]
        learned = estimate(trees, smoothing=smoothing)
        typer.echo(f"counted {len(learned.rules)} rules in {len(trees)} trees")
    else:
        data = [line.split() for line in lines]
        result = (
            fit(_load(start_from), data, iterations=iterations)
            if start_from
            else learn_latent(
                data, symbols, stage_rng(seed, "grammar", "learn"), iterations=iterations
            )
        )
        learned = result.grammar
        first, last = result.log_likelihoods[0], result.log_likelihoods[-1]
        typer.echo(
            f"EM: {len(result.log_likelihoods) - 1} iterations on {len(data)} strings, "
            f"log likelihood {first:.2f} -> {last:.2f}, {len(learned.rules)} rules"
        )
    if held_out is not None:
        score = evaluate(learned, [line.split() for line in test if line], skip_failed=True)
        failed = f", {len(score.failed)} strings cannot be derived" if score.failed else ""
        typer.echo(f"held out: {score.bits_per_token:.3f} bits per token{failed}")
    write_text(output, format_grammar(learned))
    typer.echo(f"{output}: the grammar")


@grammar.command("draw")
def draw(
    tree: Annotated[str, typer.Argument(help="A tree in brackets: '(S (A a) (B b))', or a file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="SVG to write.")],
    title: Annotated[str, typer.Option(help="Title of the drawing.")] = "Derivation tree",
) -> None:
    """Draw a tree in brackets as SVG."""
    from hybrid.cli.files import read_text
    from hybrid.grammar.trees import read_tree

    text = tree if tree.lstrip().startswith("(") else read_text(Path(tree))
    _draw(read_tree(text), output, title)


def lsystem(
    system: Annotated[
        str | None,
        typer.Argument(help="L-system: a file, or a name of the library. [default: list them]"),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Times to rewrite. [default: the system's own]")
    ] = None,
    seed: Seed = 1,
    reading: Annotated[
        str | None,
        typer.Option(help="Read as contour, tokens, chords, rhythm or form, and list events."),
    ] = None,
    key: Annotated[str, typer.Option(help="Key of the notes written.")] = "C major",
    generations: Annotated[
        bool, typer.Option("--generations", help="Print every string from the axiom on.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="SVG: the turtle's drawing; else a score's file."),
    ] = None,
) -> None:
    """Rewrite an L-system and read it: as a drawing, a line, chords, a rhythm or a form."""
    import json

    from hybrid.core.pitch import Key
    from hybrid.core.seeds import stage_rng
    from hybrid.grammar.lsystem_notation import load_lsystem, lsystem_names, read_lsystem
    from hybrid.grammar.lsystem_read import READERS, read, rows
    from hybrid.grammar.lsystem_rules import join_symbols

    if system is None:
        for name in lsystem_names():
            loaded = load_lsystem(name)
            readings = ", ".join(loaded.readings)
            typer.echo(f"{name:<18} {loaded.title}" + (f" [{readings}]" if readings else ""))
        return
    if output is not None and output.suffix.lower() != ".svg":
        from hybrid.io.files import format_of

        format_of(output)  # before the work
    home = Key.parse(key)
    chosen = read_lsystem(system) if Path(system).is_file() else load_lsystem(system)
    count = chosen.steps if steps is None else steps
    derivation = chosen.derive(count, stage_rng(seed, "lsystem", chosen.name))
    if generations:
        for string in derivation.generations:
            typer.echo(join_symbols(map(str, string)))
    elif reading is None:
        typer.echo(join_symbols(map(str, derivation.last)))
    named = reading or next((name for name in chosen.readings if name in READERS), None)
    if reading is not None:
        for row in rows(read(derivation, reading)):
            typer.echo(json.dumps(row))
    if output is None:
        return
    if output.suffix.lower() == ".svg":
        from hybrid.grammar.lsystem_turtle import TurtleConfig, turtle_path, turtle_svg
        from hybrid.io.atomic import write_text

        config = TurtleConfig.from_options(chosen.readings.get("turtle", {}))
        write_text(output, turtle_svg(turtle_path(derivation.last, config), title=chosen.title))
        typer.echo(f"{output}: the turtle's drawing")
        return
    from hybrid.core.errors import GrammarError
    from hybrid.grammar.lsystem_score import lsystem_score
    from hybrid.io.files import write_score

    if named is None:
        raise GrammarError(
            f"L-system {chosen.name!r} must have a reading to be written as a score; give --reading"
        )
    score = lsystem_score(read(derivation, named), home, title=chosen.title)
    for loss in write_score(score, output):
        typer.echo(f"hybrid: {output.name}: {loss}", err=True)
    typer.echo(f"{output}: the {named} of {chosen.name}, {count} steps")
