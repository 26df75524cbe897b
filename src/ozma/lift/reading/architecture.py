"""What the shared core asks of an architecture: a table of semantics, and its calling
convention."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ozma.lift.reading.effects import Effect

if TYPE_CHECKING:
    from ozma.lift.flow.graph import Graph
    from ozma.lift.reading.listing import AsmFunction, Listing


@dataclass(frozen=True)
class Instruction:
    """A line of code: `number` from 1, `mnemonic` in lower case with prefixes ("lock xaddl"),
    `operands` split at top-level commas, `text` the line without comment."""

    number: int
    mnemonic: str
    operands: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Convention:
    """A calling convention by register names (whole registers)."""

    integers: tuple[str, ...]
    """Integer and pointer arguments, in order."""
    floats: tuple[str, ...]
    """Floating arguments, in order, counted apart from the integers."""
    results: tuple[str, ...]
    """Integer results: first and second half."""
    float_results: tuple[str, ...]
    preserved: frozenset[str]
    """Registers that a call leaves as they are (stack pointer included)."""
    stack_pointer: str
    frame_pointer: str
    link: str = ""
    """Register with the return address (AArch64: x30); "" where it is on the stack."""
    stack_arguments: int = 8
    """Bytes from the stack pointer at entry to the first argument in memory (return address)."""
    variadic_count: str = ""
    """Register that counts floating arguments of a variadic call (x86-64: rax)."""
    indirect_result: str = ""
    """Register of the address for a result in memory, if not an ordinary argument (AArch64: x8)."""


@dataclass(frozen=True)
class Architecture:
    """`effects` gives what an instruction does; raises `Unsupported` with the reason."""

    name: str
    triple: str
    layout: str
    effects: Callable[[Instruction], list[Effect]]
    convention: Convention
    comment: str
    """What starts a comment: "#" or "//"."""
    prefixes: frozenset[str] = frozenset()
    """Words before a mnemonic that belong to it: lock, rep, ..."""
    attributes: str = ""
    """Function attributes with CPU and features."""
    scratch: tuple[str, ...] = ()
    """Registers in the order in which LLVM hands them out."""
    usual_alignment: int = 16
    """Bytes that LLVM aligns a function to unless code shall be small."""
    vector_registers: frozenset[str] = field(default_factory=frozenset)
    """Registers of floating and vector values; all others hold integers."""
    is_small: Callable[[AsmFunction], bool] | None = None
    """Was the function compiled to be small? None: its alignment says."""
    sized_constants: bool = False
    """Does the text say the width of a constant (`mov w0, #1`, `mov x0, #1`)?"""
    was_inverted: Callable[[str, int], bool] = lambda code, number: False
    """Is a branch on this canonical comparison with a number more often one that the back end
    inverted, so that IR names the next block first?"""
    first_local_highest: bool = False
    """Does LLVM lay out locals downwards in the order of their allocas?"""
    without_variadic: Callable[[Graph], Graph] = lambda graph: graph
    """Puts `llvm.va_start` in place of what a variadic function saves and fills."""
    prepare: Callable[[AsmFunction, Listing], AsmFunction] = lambda function, listing: function
    """Makes a function's lines ready: what its code was moved out to is put back."""
    is_part: Callable[[str], bool] = lambda name: False
    """Is this the name of code that was moved out of functions, and not a function?"""
