"""Where the model lies that comes with the package."""

from pathlib import Path

SHIPPED = Path(__file__).parent / "data" / "default"
