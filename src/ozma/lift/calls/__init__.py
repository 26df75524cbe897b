"""Which registers are arguments and results, of the function and of what it calls.

Imports `reading`, `flow` and `decisions`.
"""
