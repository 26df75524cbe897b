"""An answer compiled back: is it the same assembly, how far is it from it, is it allowed?

Imports `asm` and `editing`.
"""
