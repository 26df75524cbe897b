"""Values as LLVM's text, up to the whole module.

Imports `ssa` and what that imports, `stack`.
"""
