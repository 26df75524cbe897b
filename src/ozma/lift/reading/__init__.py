"""What a text says: functions, data, tables of exceptions, names that tell something.

`effects` has the words for what an instruction does, `architecture` what a machine has to give.
Imports `asm`.
"""
