"""x86-64: operands in AT&T and Intel syntax, tables of semantics, the System V convention."""

from ozma.lift.reading.architecture import Architecture, Convention
from ozma.lift.x86.registers import VECTORS
from ozma.lift.x86.table import effects
from ozma.lift.x86.variadic import without_variadic

_SYSTEM_V = Convention(
    integers=("rdi", "rsi", "rdx", "rcx", "r8", "r9"),
    floats=tuple(f"xmm{n}" for n in range(8)),
    results=("rax", "rdx"),
    float_results=("xmm0", "xmm1"),
    preserved=frozenset(("rbx", "rbp", "rsp", "r12", "r13", "r14", "r15")),
    stack_pointer="rsp",
    frame_pointer="rbp",
    variadic_count="rax",
)

X86_64 = Architecture(
    name="x86-64",
    triple="x86_64-unknown-linux-gnu",
    layout="e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128",
    effects=effects,
    convention=_SYSTEM_V,
    comment="#",
    prefixes=frozenset(
        ("lock", "rep", "repe", "repz", "repne", "repnz", "data16", "rex64", "notrack", "bnd")
    ),
    attributes='"target-cpu"="x86-64" "target-features"="+cmov,+cx8,+fxsr,+mmx,+sse,+sse2,+x87" '
    '"tune-cpu"="generic"',
    scratch=("rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11"),
    vector_registers=VECTORS,
    first_local_highest=True,
    without_variadic=without_variadic,
)
