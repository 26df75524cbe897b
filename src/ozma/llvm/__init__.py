"""The only room that touches LLVM: toolchains, modules, worker processes, objects, clang."""

from ozma.llvm.module import InvalidIR
from ozma.llvm.result import Evaluation, Outcome, Sizes
from ozma.llvm.target import TARGETS, Target
from ozma.llvm.toolchain import Toolchain, ToolchainError, find_toolchain, installed_toolchains
from ozma.llvm.worker import Loaded, Worker

__all__ = [
    "Evaluation",
    "InvalidIR",
    "Loaded",
    "Outcome",
    "Sizes",
    "TARGETS",
    "Target",
    "Toolchain",
    "ToolchainError",
    "Worker",
    "find_toolchain",
    "installed_toolchains",
]
