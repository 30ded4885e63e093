"""Pages and pictures: the offline page of a piece, its timeline, its piano roll."""

from hybrid.report.derivation import derivation_svg, tree_svg
from hybrid.report.harmony_page import build_harmony_page
from hybrid.report.page import build_page
from hybrid.report.roll import piano_roll_svg
from hybrid.report.timeline import timeline_svg

__all__ = [
    "build_harmony_page",
    "build_page",
    "derivation_svg",
    "piano_roll_svg",
    "timeline_svg",
    "tree_svg",
]
