"""Assembly as text, with no idea of what an instruction does: lines, templates, objects.

Imports nothing else of the lifter.
"""
