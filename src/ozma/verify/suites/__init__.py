"""Suites of self-checking programs, fetched at run time and kept as bitcode in a cache."""

from ozma.verify.suites.draft import CACHE, SuiteOptions
from ozma.verify.suites.program import Program, Suite

__all__ = ["CACHE", "Program", "Suite", "SuiteOptions"]
