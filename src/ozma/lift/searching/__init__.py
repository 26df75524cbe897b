"""Which settings of the lifter and which edits of its IR to try first, and trying them.

Imports the lifter, `asm`, `editing` and `judging`.
"""
