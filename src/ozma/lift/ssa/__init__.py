"""Blocks of effects become values: registers as chains of writes, phis, pointers.

Imports `reading`, `flow`, `calls` and `decisions`.
"""
