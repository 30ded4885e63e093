"""Plans read from scores: keys, chords, cadences, phrases, themes, sections and setting."""

from hybrid.theory.extract.harmony import find_chords, find_harmony, find_keys
from hybrid.theory.extract.plan import extract_plan

__all__ = ["extract_plan", "find_chords", "find_harmony", "find_keys"]
