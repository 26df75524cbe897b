"""The four published prompts (arXiv 2407.02524), to the character: models fail on any deviation.

The same text goes to every model. What stands in `<code>` differs: a published model gets IR as
clang prints it and assembly as it is, ours the short forms of `canonical.py` and `assembly.py`.
"""

from __future__ import annotations

from enum import Enum

OPEN, CLOSE = "<code>", "</code>"
END = " [/INST]"


class Task(Enum):
    """What a model is asked for."""

    FLAGS = "flags"
    EMULATE_IR = "emulate-ir"
    EMULATE_ASSEMBLY = "emulate-assembly"
    DISASSEMBLE = "disassemble"


_EMULATE = {Task.EMULATE_IR: "LLVM-IR", Task.EMULATE_ASSEMBLY: "assembly"}


def flags_prompt(ir: str) -> str:
    """Asks for the pass list that gives the smallest object file."""
    question = "Tell me how to optimize this LLVM-IR for object file size:"
    return f"[INST] {question}\n\n{OPEN}{ir}{CLOSE}{END}"


def emulation_prompt(
    ir: str, passes: str, instructions: int, size: int, task: Task = Task.EMULATE_IR
) -> str:
    """Asks what `passes` make of `ir`, as IR or as assembly.

    `instructions` counts those of the unoptimized IR; `size` is what it compiles to without any
    pass, in bytes of `.text`, `.data` and `.rodata`.
    """
    if task not in _EMULATE:
        raise ValueError(f"task is {task}: give Task.EMULATE_IR or Task.EMULATE_ASSEMBLY")
    question = (
        f"Give the {_EMULATE[task]} for the following code when optimized using opt -p '{passes}':"
    )
    facts = f"The input code has instruction count {instructions} and binary size {size} bytes."
    return f"[INST] {question}\n\n{OPEN}{ir}{CLOSE}\n\n{facts}{END}"


def disassembly_prompt(assembly: str) -> str:
    """Asks for IR that compiles to `assembly`: as `clang -S` writes it, or in the short form."""
    return f"[INST] Disassemble this code to LLVM-IR:\n\n{OPEN}{assembly}{CLOSE}{END}"
