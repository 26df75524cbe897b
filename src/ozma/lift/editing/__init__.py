"""IR as text, one instruction a line, and single changes to it.

Imports nothing else of the lifter.
"""
