"""The words of LLVM-IR that features count. A cache of features names its columns by them."""

from __future__ import annotations

OPCODES = (
    "ret", "br", "switch", "indirectbr", "invoke", "resume", "unreachable", "fneg", "add", "fadd",
    "sub", "fsub", "mul", "fmul", "udiv", "sdiv", "fdiv", "urem", "srem", "frem", "shl", "lshr",
    "ashr", "and", "or", "xor", "extractelement", "insertelement", "shufflevector", "extractvalue",
    "insertvalue", "alloca", "load", "store", "fence", "cmpxchg", "atomicrmw", "getelementptr",
    "trunc", "zext", "sext", "fptrunc", "fpext", "fptoui", "fptosi", "uitofp", "sitofp", "ptrtoint",
    "inttoptr", "bitcast", "icmp", "fcmp", "phi", "select", "call", "va_arg", "landingpad", "freeze",
)  # fmt: skip

PAIRS = (
    ("icmp", "br"), ("load", "load"), ("load", "icmp"), ("load", "getelementptr"),
    ("getelementptr", "load"), ("getelementptr", "store"), ("getelementptr", "getelementptr"),
    ("load", "store"), ("store", "store"), ("store", "load"), ("store", "br"), ("load", "call"),
    ("call", "call"), ("call", "store"), ("call", "br"), ("call", "icmp"), ("load", "add"),
    ("add", "store"), ("load", "sext"), ("load", "zext"), ("zext", "icmp"), ("sext", "getelementptr"),
    ("zext", "and"), ("and", "icmp"), ("load", "switch"), ("icmp", "zext"), ("phi", "br"),
    ("load", "ret"), ("load", "sub"), ("load", "mul"), ("load", "and"), ("shl", "or"), ("lshr", "and"),
    ("br", "load"), ("br", "store"), ("br", "call"), ("br", "br"), ("br", "ret"), ("br", "phi"),
)  # fmt: skip

TYPES = (
    "i1", "i8", "i16", "i32", "i64", "i128", "ptr", "float", "double", "x86_fp80", "half", "fp128",
)  # fmt: skip

PREDICATES = (
    "eq", "ne", "ugt", "uge", "ult", "ule", "sgt", "sge", "slt", "sle", "oeq", "une", "ogt", "oge",
    "olt", "ole", "uno", "ord",
)  # fmt: skip

INTRINSICS = (
    "lifetime", "memcpy", "memmove", "memset", "va_start", "va_end", "va_copy", "expect", "assume",
    "objectsize", "smax", "smin", "umax", "umin", "abs", "bswap", "ctpop", "ctlz", "cttz", "fshl",
    "fshr", "sadd", "uadd", "ssub", "usub", "smul", "umul", "fabs", "sqrt", "fmuladd", "floor",
    "stacksave", "stackrestore", "eh", "trap", "prefetch", "threadlocal", "experimental",
)  # fmt: skip

LIBRARY = (
    "printf", "fprintf", "sprintf", "snprintf", "puts", "fputs", "putc", "fputc", "fwrite", "strlen",
    "strcmp", "strncmp", "strcpy", "strcat", "strchr", "memcmp", "malloc", "calloc", "realloc", "free",
    "exit", "abort", "__assert_fail", "__stack_chk_fail", "_Znwm", "_ZdlPv", "_ZdlPvm",
    "__gxx_personality_v0", "_ZSt9terminatev", "__cxa_begin_catch", "__cxa_throw",
    "__cxa_allocate_exception", "__clang_call_terminate",
)  # fmt: skip

LINKAGES = (
    "internal", "weak_odr", "linkonce_odr", "weak", "hidden", "dso_local", "unnamed_addr",
    "local_unnamed_addr", "noalias", "signext", "zeroext", "noundef",
)  # fmt: skip

ATTRIBUTES = (
    "minsize", "optsize", "nounwind", "noreturn", "noinline", "alwaysinline", "inlinehint",
    "mustprogress", "norecurse", "uwtable", "ssp", "sspstrong", "sspreq", "returns_twice", "cold",
    "naked", "nocf_check", "strictfp",
)  # fmt: skip
