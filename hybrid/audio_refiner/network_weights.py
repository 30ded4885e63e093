"""Where the weights of codec and refiner lie."""

from __future__ import annotations

from pathlib import Path

from hybrid.io.network_weights import load_network, save_network

FOLDER = Path(__file__).parent / "weights"

__all__ = ["FOLDER", "load_network", "save_network"]
