"""What a pass list is: text and tree, catalogue, deny-list, sampling, mutation, minimization."""

from ozma.passes.catalogue import Catalogue, CatalogueError, Level, PassInfo, parse_catalogue
from ozma.passes.deny import DenyKind, DenyRow, Evidence, denied, deny_rows
from ozma.passes.grammar import Pass, Pipeline, PipelineSyntaxError, leaves, parse
from ozma.passes.levels import PipelineLevelError, check, explicit
from ozma.passes.minimize import minimize
from ozma.passes.mutate import crossover, mutate
from ozma.passes.required import complete
from ozma.passes.sample import random_list, random_pipeline
from ozma.passes.tree import concat, joined

__all__ = [
    "Catalogue",
    "CatalogueError",
    "DenyKind",
    "DenyRow",
    "Evidence",
    "Level",
    "Pass",
    "PassInfo",
    "Pipeline",
    "PipelineLevelError",
    "PipelineSyntaxError",
    "check",
    "complete",
    "concat",
    "crossover",
    "denied",
    "deny_rows",
    "explicit",
    "joined",
    "leaves",
    "minimize",
    "mutate",
    "parse",
    "parse_catalogue",
    "random_list",
    "random_pipeline",
]
