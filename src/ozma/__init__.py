"""Ozma: pass lists that make binaries smaller than clang -Oz, found by search, checked by
execution."""

__version__ = "0.1.0"
