"""Which list suits a module: trees on counts of its IR. NumPy alone, loaded when first asked."""
