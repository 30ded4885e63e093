"""Rules of part-writing as data, the checker, and what it reads: keys, chords, cadences."""

from hybrid.theory.cadences import find_cadences, phrase_ends
from hybrid.theory.checker import RULES, check, count_per_1000_slices
from hybrid.theory.chords import infer_chords
from hybrid.theory.keys import find_keys
from hybrid.theory.ruleset import Rule, RuleSet, load_rule_set, shipped_rule_sets
from hybrid.theory.slices import Slices, slice_score

__all__ = [
    "RULES",
    "Rule",
    "RuleSet",
    "Slices",
    "check",
    "count_per_1000_slices",
    "find_cadences",
    "find_keys",
    "infer_chords",
    "load_rule_set",
    "phrase_ends",
    "shipped_rule_sets",
    "slice_score",
]
