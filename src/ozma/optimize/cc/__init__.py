"""Drop-in compilers: a real clang for everything, a smaller object for what is compiled for size.

`launch` decides in a few milliseconds and must import almost nothing; `driver` does the work.
"""
