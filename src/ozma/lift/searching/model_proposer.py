"""The language model's own answer to "Disassemble this code to LLVM-IR", as a candidate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ozma.lift.asm.template import pairs, renamed
from ozma.lift.judging.compile_back import OPTIMIZED, UNOPTIMIZED
from ozma.lift.judging.judge import Candidate
from ozma.llvm import TARGETS, Toolchain
from ozma.model.shipped import DISASSEMBLER
from ozma.tasks.answers import parse_code_answer
from ozma.tasks.assembly import short_assembly
from ozma.tasks.prompts import disassembly_prompt
from ozma.tasks.restore import restore
from ozma.tasks.setting import setting_for

if TYPE_CHECKING:
    from ozma.model.generate.answer import TokenAnswerer

_PRIVATE = re.compile(r"^@(\.\d+) = private ", re.MULTILINE)
_DATA_LABEL = re.compile(r"^(\.L\.[\w.$]+):", re.MULTILINE)
_OPTNONE = re.compile(r"^(?:define|attributes) .*\boptnone\b", re.MULTILINE)


class ModelProposer:
    """A `Proposer`: one greedy answer, as the paper's. No candidate where the prompt does not fit
    the window, or the answer holds no code."""

    def __init__(
        self, toolchain: Toolchain, target: str, folder: Path = DISASSEMBLER, max_tokens: int = 1024,
        answerer: TokenAnswerer | None = None,
    ) -> None:  # fmt: skip
        from ozma.model.generate.answer import TokenAnswerer

        self._target, self._setting = target, setting_for(toolchain, TARGETS[target])
        self._answerer = answerer or TokenAnswerer.load(folder)
        self._max_tokens = max_tokens

    def __call__(self, assembly: str, name: str) -> Iterator[Candidate]:
        from ozma.model.generate.answer import Sampling
        from ozma.model.generate.backend import ContextOverflow

        prompt = disassembly_prompt(short_assembly(assembly, self._target))
        try:
            answers = self._answerer.answers(prompt, Sampling(max_tokens=self._max_tokens))
        except ContextOverflow:
            return
        for answer in answers:
            code = parse_code_answer(answer.text).code
            if code:
                ir = with_private_names(restore(code, self._setting), assembly)
                codegen = UNOPTIMIZED if _OPTNONE.search(ir) else OPTIMIZED
                yield Candidate("model", ir, codegen=codegen)


def with_private_names(ir: str, assembly: str) -> str:
    """Private globals, which the short form only numbers, with their labels in the assembly: both
    are in the order in which the module defines them."""
    numbered = [f".L{name}" for name in _PRIVATE.findall(ir)]
    return renamed(ir, pairs(numbered, _DATA_LABEL.findall(assembly)))
