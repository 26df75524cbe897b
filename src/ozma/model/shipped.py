"""Where the models lie that come with the package."""

from pathlib import Path

_DATA = Path(__file__).parent / "data"
SHIPPED = _DATA / "default"
"""Orders pass lists and emulates them."""
DISASSEMBLER = _DATA / "disassembler"
"""Writes IR for assembly, and knows no other task."""
