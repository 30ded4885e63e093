"""The engine without learned weights: a plan becomes notes by search under the rules."""

from hybrid.rules.engine import RulesEngine

__all__ = ["RulesEngine"]
