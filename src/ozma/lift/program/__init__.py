"""A whole text taken apart into its functions, and answers put together again.

Imports `asm`, `machines`, `editing` and `emulator` (signatures).
"""
