"""The short form of instructions, and back; both directions keep the same knowledge of the module.

A line whose short form would not come back exactly is written whole, behind `!`.
"""

from __future__ import annotations

import re

from ozma.tasks.calls import SIZE, Call, callee_of, long_call, read_call, short_call
from ozma.tasks.head_line import Head
from ozma.tasks.heads import WHOLE, Heads
from ozma.tasks.memory import Memory
from ozma.tasks.setting import Setting

_IS_CALL = re.compile(r"(?:%\d+ = )?(?:(?:tail|musttail|notail) )?(?:call|invoke) ")


class Form:
    """Writes and reads the short lines of one module, in order."""

    def __init__(self, setting: Setting, types: dict[str, str], typed: bool) -> None:
        self.heads = Heads(setting)
        self.memory = Memory(setting.layout, types, typed)
        self._caller = SIZE

    def enter(self, define: Head | None) -> None:
        """The lines that follow are in this function."""
        self._caller = define.group if define else SIZE

    def short(self, line: str) -> str:
        """Of an instruction, label or closing bracket."""
        call = read_call(line) if _IS_CALL.match(line) else None
        if call:
            line = str(call)
            short = short_call(call, self.heads.expected(call.callee), self._caller)
        else:
            short = self.memory.short(line)
        exact = not short.startswith(WHOLE) and self._long(short)[0] == line
        self.heads.learn(call)
        return short if exact else WHOLE + line

    def long(self, short: str) -> str:
        """The line as LLVM takes it, but for groups and access types, which stand in place."""
        line, call = self._long(short)
        self.heads.learn(call)
        return line

    def _long(self, short: str) -> tuple[str, Call | None]:
        if short.startswith(WHOLE):
            line = short[len(WHOLE) :]
            return line, read_call(line) if _IS_CALL.match(line) else None
        if not _IS_CALL.match(short):
            return self.memory.long(short), None
        call = long_call(short, self.heads.expected(callee_of(short)), self._caller)
        return (str(call), call) if call else (short, None)
