"""Drums from a model of groove: see `write_drums` and docs/drums.md."""

from hybrid.symbolic_transformer.drums.bars import BarTask, plan_bars
from hybrid.symbolic_transformer.drums.write import drum_score, write_drums

__all__ = ["BarTask", "drum_score", "plan_bars", "write_drums"]
