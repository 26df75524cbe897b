"""Basic blocks of a function, and what holds of registers before there are values.

Imports `reading`.
"""
