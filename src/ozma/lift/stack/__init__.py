"""The stack frame: which slots are values, which memory has an address, what sort of code it is.

Imports `reading`, `flow` and `decisions`.
"""
