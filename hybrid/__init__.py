"""Hybrid: grammars plan the form, engines write the notes, checkers prove them, players sound them."""

__version__ = "0.1.0"
