"""Learn grammars of forms and chords from annotated songs; measure them against n-grams.

    python -m benchmarks.form_grammar [--data DIR] [--write]

reads SALAMI, POP909 structure labels and McGill Billboard, prints and writes a table, and with
``--write`` renews the text files in ``hybrid/grammar/learned``. Without the corpora it says so.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
import time
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._table import RESULTS, write_table
from hybrid.core.errors import FormatError
from hybrid.core.plan import PlanChord, format_chords
from hybrid.core.seeds import stage_rng
from hybrid.core.timeline import Metre
from hybrid.grammar.cfg import Grammar
from hybrid.grammar.entropy import evaluate
from hybrid.grammar.form_corpora import read_billboard, read_pop909_structure, read_salami
from hybrid.grammar.form_learning import (
    Prior,
    Strings,
    Uses,
    best_ngram,
    learn_uses,
    token_parts,
    uses_bits,
)
from hybrid.grammar.form_learning_data import (
    billboard_chords,
    billboard_sections,
    pop909_chords,
    pop909_phrases,
    salami_functions,
    salami_letters,
)
from hybrid.grammar.form_learning_export import (
    Pruning,
    as_grammar,
    describe_uses,
    grammar_text,
    rounded,
    use_names,
)
from hybrid.grammar.induce import induce
from hybrid.grammar.latent import learn_latent

REPOSITORY = Path(__file__).resolve().parents[1]
LEARNED = REPOSITORY / "hybrid" / "grammar" / "learned"
COMMAND = "python -m benchmarks.form_grammar --write"
SEED = 2026
INDUCE_FROM = 500  # training strings; more take minutes and change little
SALAMI = "SALAMI 2.0 (Smith et al., ISMIR 2011), CC0 1.0"
POP909 = "POP909 structure labels (Dai, Zhang and Dannenberg 2020), MIT, (c) 2020 Shuqi Dai"
BILLBOARD = "McGill Billboard (Burgoyne, Wild and Fujinaga, ISMIR 2011), CC0"
FOUR = Metre.parse("4/4")


@dataclass(frozen=True)
class Task:
    """One grammar to learn: what from, and which settings validation chooses among."""

    name: str
    data: str
    tokens: str
    strings: Strings
    settings: tuple[tuple[int, float], ...]  # uses, pseudo-counts
    pruning: Pruning
    start: str = "Song"
    lost: str = ""
    has_chords: bool = False


def tasks(data: Path) -> list[Task]:
    """Read the corpora. Raises FormatError where one is missing."""
    salami = read_salami(data / "salami")
    pop909 = read_pop909_structure(data / "pop909-structure")
    billboard = read_billboard(data / "mcgill-billboard")
    form = ((40, 8.0), (80, 8.0), (80, 20.0))
    rows = [
        Task("salami-functions", SALAMI, "section functions", salami_functions(salami), form,
             Pruning(gain=16)),
        Task("salami-letters", SALAMI, "section letters by first appearance",
             salami_letters(salami), ((24, 2.0), (48, 2.0), (48, 8.0)), Pruning(gain=6)),
        Task("pop909-form", POP909, "phrase letters with bars", pop909_phrases(pop909), form,
             Pruning(gain=8)),
        Task("billboard-form", BILLBOARD, "section functions with bars",
             billboard_sections(billboard), form, Pruning(gain=10)),
    ]  # fmt: skip
    sources = (
        ("billboard", BILLBOARD, billboard_chords(billboard)),
        ("pop909", POP909, pop909_chords(pop909)),
    )
    for corpus, source, by_mode in sources:
        for mode, chords in by_mode.items():
            lost = (
                f"of the chords, {chords.merged:.1%} say more than their numeral (sixths, added "
                f"tones, foreign basses), {chords.simplified:.1%} were rare and made simpler"
            )
            few = {"billboard": {"major": 64, "minor": 44}, "pop909": {"major": 48, "minor": 36}}
            n = few[corpus][mode]
            gain = {"major": 60, "minor": 24}[mode]
            pruning = Pruning(gain=gain, least_use=8, least_pair=12)
            rows.append(
                Task(f"{corpus}-chords-{mode}", source, f"Roman numerals in {mode} with bars",
                     chords.strings, ((n, 10.0),), pruning,
                     "Section", lost, True)
            )  # fmt: skip
    return rows


def best_uses(task: Task) -> tuple[Uses, Prior, str]:
    """The settings that foretell the validation part best."""
    found = []
    for n_uses, pseudo in task.settings:
        rng = stage_rng(SEED, "form_grammar", task.name, n_uses)
        prior = Prior(pseudo, pseudo)
        uses = learn_uses(task.strings, n_uses, rng, prior=prior)
        bits = uses_bits(uses, task.strings.valid)
        found.append((bits, uses, prior, f"{n_uses} uses, pseudo-count {pseudo:g}"))
    best = min(found, key=lambda row: row[0])
    return best[1], best[2], best[3]


def run_task(task: Task) -> tuple[list[dict[str, Any]], str]:
    """Rows of the table, and the text of the grammar that ships."""
    strings, rows = task.strings, []

    def row(model: str, valid: float, test: float, **more: Any) -> dict[str, Any]:
        entry = {
            "corpus": task.name,
            "model": model,
            "bits per token, validation": round(valid, 4),
            "bits per token, test": round(test, 4),
            "rules": more.get("rules"),
            "not derived (test)": more.get("failed"),
            "note": more.get("note", ""),
        }
        rows.append(entry)
        return entry

    base = {}
    for order, label in ((1, "unigram"), (3, "trigram"), (5, "5-gram")):
        model = best_ngram(strings, order)
        note = "Witten-Bell" if model.discount is None else f"Kneser-Ney, discount {model.discount}"
        base[label] = row(label, model.bits(strings.valid), model.bits(strings.test), note=note)
    if not task.has_chords:  # for chords it takes far longer
        induced = induce(strings.train[:INDUCE_FROM]).grammar
        _grammar_row(row, "induced (pairs and merges)", induced, strings)
    rng = stage_rng(SEED, "form_grammar", task.name, "latent")
    if not task.has_chords:
        latent = learn_latent(strings.train, 12, rng, iterations=20, prior=0.05, threshold=0)
        _grammar_row(row, "latent CNF, 12 symbols", latent.grammar, strings)
    uses, prior, setting = best_uses(task)
    row("uses, as learned", uses_bits(uses, strings.valid), uses_bits(uses, strings.test),
        note=setting)  # fmt: skip
    names = use_names(uses, strings.train)
    pruned = as_grammar(uses, strings, names, prior, task.pruning, task.start)
    grammar = rounded(pruned, task.pruning.digits)
    final = _grammar_row(row, "uses, as shipped", grammar, strings)
    header = _header(task, final, base, setting)
    comments = {} if task.has_chords else describe_uses(uses, strings.train, names)
    return rows, grammar_text(pruned, header, comments, task.pruning.digits)


def _grammar_row(row: Any, model: str, grammar: Grammar, strings: Strings) -> dict[str, Any]:
    valid = evaluate(grammar, strings.valid, skip_failed=True)
    test = evaluate(grammar, strings.test, skip_failed=True)
    entry: dict[str, Any] = row(
        model,
        valid.bits_per_token,
        test.bits_per_token,
        rules=len(grammar.rules),
        failed=len(test.failed),
    )
    return entry


def _header(
    task: Task, final: dict[str, Any], base: dict[str, dict[str, Any]], setting: str
) -> str:
    strings, key = task.strings, "bits per token, test"
    n = [len(part) for part in (strings.train, strings.valid, strings.test)]
    lines = [
        f"{task.name}: {task.tokens}, learned from annotated songs.",
        "",
        f"Data: {task.data}. Only statistics of the labels are here.",
        f"Command: {COMMAND}",
        f"Split by song: {n[0]} strings to learn from, {n[1]} to choose by, {n[2]} to test.",
        f"Bits per token on the test part, ends counted: {final[key]:.3f}; "
        f"unigram {base['unigram'][key]:.3f}, trigram {base['trigram'][key]:.3f}.",
        f"Setting: {setting}. {strings.replaced:.1%} of the tokens were rare and replaced.",
        *([f"Loss: {task.lost}."] if task.lost else []),
        "",
        "A number after a name tells uses of one label apart, early in the string to late.",
        "<after x> is what follows x in general, <any x> chooses a use, <bars of x> a length.",
        "To edit: change weights (per thousand, any sum will do), delete alternatives, "
        "or add some.",
    ]
    if task.has_chords:
        lines += ["", "Most frequent openings of four bars in the part to learn from:"]
        lines += _openings(strings)
    return "\n".join(part for line in lines for part in textwrap.wrap(line, 98) or [""])


def _openings(strings: Strings) -> list[str]:
    """For each kind of section its three most frequent first four bars."""
    found: dict[str, Counter[str]] = {}
    for string in strings.train:
        at, chords = Fraction(0), []
        for token in string[1:]:
            length = Fraction(token.partition("[")[2].removesuffix("]"))
            length = min(length, 4 - at)
            if length > 0:
                chords.append(PlanChord(at * 4, length * 4, token_parts(token)[0]))
            at += length
        if at == 4:
            kind = token_parts(string[0])[0]
            found.setdefault(kind, Counter())[format_chords(tuple(chords), FOUR)] += 1
    lines = []
    for kind, counts in found.items():
        total = sum(counts.values())
        best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:3]
        lines += [f"  {kind} {count / total:.1%}: {line}" for line, count in best]
    return lines


def find_data(given: str | None) -> Path:
    """The folder of corpora: the argument, ``$HYBRID_SHARED_DATA``, or beside the checkout."""
    named = given or os.environ.get("HYBRID_SHARED_DATA")
    return Path(named) if named else REPOSITORY.parent / "shared" / "data"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", help="folder with salami, pop909-structure, mcgill-billboard")
    parser.add_argument("--only", metavar="NAME", help="one grammar, without the table")
    parser.add_argument("--write", action="store_true", help="renew hybrid/grammar/learned")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the table")
    arguments = parser.parse_args(argv if argv is not None else sys.argv[1:])
    try:
        todo = tasks(find_data(arguments.data))
    except FormatError as error:
        print(f"skipped: {error}")
        return 0
    todo = [task for task in todo if arguments.only in (None, task.name)]
    rows: list[dict[str, Any]] = []
    for number, task in enumerate(todo, 1):
        begun = time.perf_counter()
        found, text = run_task(task)
        rows += found
        if arguments.write:
            LEARNED.mkdir(exist_ok=True)
            (LEARNED / f"{task.name}.txt").write_text(text, encoding="utf-8")
        seconds = time.perf_counter() - begun
        best = {r["model"]: r["bits per token, test"] for r in found}
        print(
            f"{number}/{len(todo)} {task.name}: shipped {best['uses, as shipped']:.3f}, "
            f"trigram {best['trigram']:.3f} bits per token ({seconds:.0f} s)",
            flush=True,
        )
    if arguments.only is not None:
        return 0
    write_table(
        "form_grammar",
        rows,
        [
            "Bits per token on held-out songs, the end of each string counted as a token; all "
            "models share one closed vocabulary. Songs are split by a hash of title and artist "
            "(80/10/10); settings are chosen on validation, pruning by the size of the files.",
            "'uses, as shipped' is the text file: pruned, rounded to two digits, read back and "
            "measured with hybrid.grammar.entropy.evaluate; 'uses, as learned' is before that.",
            "'not derived' counts test strings of probability 0, which are left out of the "
            "figure: a figure with failures flatters.",
            "n-grams are Witten-Bell or Kneser-Ney, whichever is better on validation; the "
            f"induced grammar is from the first {INDUCE_FROM} training strings.",
        ],
        title="Grammars of forms and chords, learned from songs",
        packages=("numpy",),
        folder=arguments.results,
    )
    return 0


if __name__ == "__main__":
    np.seterr(all="ignore")
    sys.exit(main())
