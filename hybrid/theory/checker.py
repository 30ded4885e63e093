"""The checker: which rules of a set do not hold in a score, and where.

Rules that need only notes are always checked. Rules that need a key or chords read those
that are handed in; otherwise both are inferred from the notes (`hybrid.theory.chords`),
which is a simplified reading, so their findings are worth as much as that reading.

Examples
--------
>>> from hybrid.core.score import Score, Track, make_notes
>>> upper = Track("soprano", make_notes([(0, 480, 67), (480, 480, 69)]))
>>> lower = Track("bass", make_notes([(0, 480, 48), (480, 480, 50)]))
>>> [finding.rule for finding in check(Score((upper, lower)), chords=())]
['parallel_fifths']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from hybrid.core.analysis import Analysis, ChordSpan, Finding
from hybrid.core.score import Score
from hybrid.theory.chords import infer_chords
from hybrid.theory.context import Context, Hit, phrase_starts
from hybrid.theory.dissonance import check_dissonance
from hybrid.theory.doubling import check_completeness, check_doubling
from hybrid.theory.jazz import (
    check_avoid_notes,
    check_guide_tones,
    check_low_intervals,
    check_minor_ninths,
)
from hybrid.theory.melody import check_melody
from hybrid.theory.motion import (
    PARALLELS,
    check_beat_parallels,
    check_cross_relation,
    check_hidden_parallels,
    check_pairs,
)
from hybrid.theory.pattern_check import check_patterns
from hybrid.theory.progression import (
    check_harmonic_syncopation,
    check_progression,
    check_six_four,
)
from hybrid.theory.ruleset import Rule, RuleSet, load_rule_set
from hybrid.theory.slices import slice_score
from hybrid.theory.species import SPECIES_CHECKS
from hybrid.theory.tables import CHORALE
from hybrid.theory.tendency import (
    check_leading_tone,
    check_seventh,
    check_six_four_resolution,
)
from hybrid.theory.texture import check_crossing, check_overlap, check_range, check_spacing

#: The rules of the set ``chorale``.
RULES: dict[str, Rule] = dict(CHORALE.rules)

_MELODY = tuple(rule.id for rule in RULES.values() if rule.group == "melody")
#: Checks and the rules that each of them decides.
CHECKS: tuple[tuple[Callable[[Context], Iterator[Hit]], tuple[str, ...]], ...] = (
    (check_range, ("range",)),
    (check_spacing, ("spacing", "spacing_bass")),
    (check_crossing, ("crossing",)),
    (check_overlap, ("overlap",)),
    (
        check_pairs,
        (
            *PARALLELS,
            "phrase_break_parallels",
            "contrary_fifths",
            "contrary_octaves",
            "direct_fifths",
            "direct_octaves",
            "direct_unison",
            "unequal_fifths",
        ),
    ),
    (check_hidden_parallels, ("hidden_parallels",)),
    (check_beat_parallels, ("beat_parallels",)),
    (check_cross_relation, ("cross_relation",)),
    (check_melody, _MELODY),
    (check_leading_tone, ("unresolved_leading_tone", "frustrated_leading_tone")),
    (check_seventh, ("unresolved_seventh", "rising_seventh")),
    (
        check_doubling,
        ("doubled_leading_tone", "doubled_seventh", "doubled_altered_tone", "doubled_third"),
    ),
    (check_completeness, ("missing_third", "incomplete_chord")),
    (check_six_four, ("six_four",)),
    (check_six_four_resolution, ("six_four_resolution",)),
    (check_dissonance, ("unprepared_dissonance", "unresolved_suspension")),
    (check_progression, ("diminished_root_position", "retrogression", "final_chord")),
    (check_harmonic_syncopation, ("harmonic_syncopation",)),
    *SPECIES_CHECKS,
    (check_guide_tones, ("guide_tones", "missing_guide_tone")),
    (check_minor_ninths, ("minor_ninth",)),
    (check_avoid_notes, ("avoid_note",)),
    (check_low_intervals, ("low_interval", "close_top")),
)


def check(
    score: Score,
    rules: str | Path | RuleSet = "chorale",
    analysis: Analysis | None = None,
    chords: Sequence[ChordSpan] | None = None,
    voices: Sequence[str] | None = None,
    phrase_starts_at: Sequence[int] = (),
    cantus: str | None = None,
) -> tuple[Finding, ...]:
    """Check a score against a set of rules.

    Parameters
    ----------
    score : Score
    rules : str, Path or RuleSet
        As in `load_rule_set`.
    analysis : Analysis, optional
        Its chords are read by the rules of harmony.
    chords : sequence of ChordSpan, optional
        Instead of those of ``analysis``. An empty sequence leaves harmony unchecked.
    voices : sequence of str, optional
        Only these voices, highest first: names of tracks, or of voices as findings give them.
    phrase_starts_at : sequence of int
        Ticks at which phrases start, beside those that follow fermatas.
    cantus : str, optional
        Voice or track that has the cantus firmus, where the set is one of species
        counterpoint; as `hybrid.theory.species.find_cantus` finds it where none is named.

    Returns
    -------
    tuple of Finding
        By tick, then in the order of the rule set.

    Raises
    ------
    ConfigError
        If the rule set is unknown or malformed.
    ScoreError
        If a voice is unknown, or the set asks for a cantus firmus that is not to be found.
    """
    rule_set = rules if isinstance(rules, RuleSet) else load_rule_set(rules)
    slices = slice_score(score, voices)
    if not len(slices):
        return ()
    if chords is None and analysis is not None and analysis.chords:
        chords = analysis.chords
    if chords is None and any(rule.needs in ("key", "chords") for rule in rule_set.rules.values()):
        chords = infer_chords(score, slices)
    marked = phrase_starts(score, slices.tick, phrase_starts_at)
    context = Context(slices, rule_set, marked, tuple(chords or ()), cantus)
    hits: list[Hit] = list(check_patterns(context))
    for function, ids in CHECKS:
        if context.wants(*ids):
            hits.extend(hit for hit in function(context) if context.counts(hit))
    return _findings(context, hits)


def _findings(context: Context, hits: Iterable[Hit]) -> tuple[Finding, ...]:
    order = {rule: index for index, rule in enumerate(context.rules.rules)}
    names = context.slices.names
    ordered = sorted(hits, key=lambda hit: (hit.slice, order[hit.rule], hit.voices))
    findings = []
    for hit in ordered:
        tick = int(context.slices.tick[hit.slice])
        bar, beat = context.slices.place(tick)
        findings.append(
            Finding(
                rule=hit.rule,
                severity=context.rules.rules[hit.rule].severity,
                bar=bar,
                beat=beat,
                tick=tick,
                voices=tuple(names[row] for row in hit.voices),
                message=hit.message,
            )
        )
    return tuple(findings)


def count_per_1000_slices(
    findings: Iterable[Finding], score: Score, voices: Sequence[str] | None = None
) -> dict[str, float]:
    """Findings of each rule per 1,000 onset slices, by rule id, rules of the set first.

    Rules without a finding are left out; a score without notes gives an empty table.
    """
    n_slices = len(slice_score(score, voices))
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.rule] = counts.get(finding.rule, 0) + 1
    return {
        rule: 1000.0 * counts[rule] / n_slices
        for rule in [*(r for r in RULES if r in counts), *(r for r in counts if r not in RULES)]
        if n_slices
    }
