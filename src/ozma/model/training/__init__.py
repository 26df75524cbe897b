"""Training: prepared tokens, four stages, a loop that survives kills."""
