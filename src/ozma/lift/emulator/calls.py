"""What is known of callees by their name: prototypes, who never returns, who allocates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ozma.lift.emulator.memory import HEAP, HEAP_STEP, PAGE
from ozma.lift.emulator.signature import Signature
from ozma.lift.reading.prototypes import Prototype, prototypes

if TYPE_CHECKING:
    from ozma.lift.emulator.answers import Answers


class OutOfReach(Exception):
    """The call asks for memory that cannot be: a fault of the program on this input."""


NEVER_RETURN = frozenset(
    "abort exit _exit _Exit quick_exit longjmp _longjmp siglongjmp __longjmp_chk __stack_chk_fail"
    " __assert_fail __assert_rtn __fortify_fail __chk_fail pthread_exit err errx verr verrx"
    " __cxa_throw __cxa_rethrow _Unwind_Resume __cxa_bad_cast __cxa_throw_bad_array_new_length"
    " __cxa_pure_virtual __clang_call_terminate _ZSt9terminatev _ZSt17__throw_bad_allocv"
    " _ZSt20__throw_length_errorPKc _ZSt19__throw_logic_errorPKc _ZSt20__throw_out_of_rangePKc"
    " _ZSt24__throw_out_of_range_fmtPKcz _ZSt28__throw_bad_array_new_lengthv"
    " _ZSt25__throw_bad_function_callv _ZSt16__throw_bad_castv".split()
)

_ALLOCATE = {
    "malloc": "i64", "calloc": "i64 i64", "aligned_alloc": "i64 i64", "_Znwm": "i64",
    "_Znam": "i64", "valloc": "i64", "memalign": "i64 i64",
}

KNOWN_SIGNATURES = {
    "printf": Signature(("ptr",), "i32", True),
    "fprintf": Signature(("ptr", "ptr"), "i32", True),
    "sprintf": Signature(("ptr", "ptr"), "i32", True),
    "snprintf": Signature(("ptr", "i64", "ptr"), "i32", True),
    "dprintf": Signature(("i32", "ptr"), "i32", True),
    "syslog": Signature(("i32", "ptr"), "void", True),
    "puts": Signature(("ptr",), "i32"),
    "putchar": Signature(("i32",), "i32"),
    "fputs": Signature(("ptr", "ptr"), "i32"),
    "fputc": Signature(("i32", "ptr"), "i32"),
    "fwrite": Signature(("ptr", "i64", "i64", "ptr"), "i64"),
    "fread": Signature(("ptr", "i64", "i64", "ptr"), "i64"),
    "fopen": Signature(("ptr", "ptr"), "ptr"),
    "fclose": Signature(("ptr",), "i32"),
    "free": Signature(("ptr",), "void"),
    "_ZdlPv": Signature(("ptr",), "void"),
    "realloc": Signature(("ptr", "i64"), "ptr"),
    "open": Signature(("ptr", "i32"), "i32", True),
    "read": Signature(("i32", "ptr", "i64"), "i64"),
    "write": Signature(("i32", "ptr", "i64"), "i64"),
    "close": Signature(("i32",), "i32"),
    "exit": Signature(("i32",), "void"),
    "abort": Signature((), "void"),
    "_setjmp": Signature(("ptr",), "i32"),
    "__stack_chk_fail": Signature((), "void"),
    "getenv": Signature(("ptr",), "ptr"),
    "atoi": Signature(("ptr",), "i32"),
} | {name: Signature(tuple(text.split()), "ptr") for name, text in _ALLOCATE.items()}
"""Prototypes of the C library that hold whatever a module declares."""


def known_callee(name: str) -> Signature | Prototype | None:
    """What a function of the C library takes and returns."""
    return KNOWN_SIGNATURES.get(name) or prototypes().get(name)


THROUGH_POINTER = "a pointer"
"""Stands for the name of a callee that has none."""

ALWAYS = {"_setjmp": 0, "setjmp": 0, "__sigsetjmp": 0}
"""Results that do not vary."""

FORMATS = {"printf": 0, "fprintf": 1, "sprintf": 1, "snprintf": 2, "dprintf": 1, "syslog": 1,
           "asprintf": 1, "__printf_chk": 1, "__fprintf_chk": 2, "__sprintf_chk": 3,
           "__snprintf_chk": 4}
"""Which parameter is the format of the arguments that follow."""


def allocation(answers: Answers, name: str) -> int | None:
    """A fresh block if the function allocates."""
    if name not in _ALLOCATE:
        return None
    answers.blocks += 1
    block = HEAP + HEAP_STEP * answers.blocks
    if name == "calloc":
        answers.clear(range(block, block + HEAP_STEP, PAGE))
    return block
