"""Prompt and answer of every task, rendered and parsed in one place for all models."""
