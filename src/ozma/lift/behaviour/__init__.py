"""Do two assembly texts of one function do the same? Both run in the emulator.

Imports `emulator`, `asm`; `semantics` also the lifter, whose tables it checks.
"""
