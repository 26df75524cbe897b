"""One function of a loaded image, run on one input, and everything that it did.

Imports `reading` (what names tell).
"""
