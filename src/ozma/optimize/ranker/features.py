"""Numbers that describe an IR module, read from its text in about a millisecond; no compile.

The rivals of the language model (nearest neighbours, trees) see these and nothing else. Input is
the module as the model gets it: unoptimized, as `opt -S` prints it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ozma.optimize.ranker.vocabulary import (
    ATTRIBUTES,
    INTRINSICS,
    LIBRARY,
    LINKAGES,
    OPCODES,
    PAIRS,
    PREDICATES,
    TYPES,
)

_OPCODE = re.compile(r"^  (?:%[^ ]+ = )?(?:(?:tail|musttail|notail) )?([a-z_]+)", re.M)
_BODY = re.compile(r"^define .*?^}", re.M | re.S)
_JUMP = re.compile(r'^([-\w.$]+|"[^"]*"):|label %([-\w.$]+|"[^"]*")', re.M)
_WORD = re.compile(r"\b(?:i\d+|ptr|float|double|x86_fp80|half|fp128)\b")
_PREDICATE = re.compile(r" [if]cmp (?:samesign |fast |nnan |ninf |nsz )*(\w+) ")
_CALLEE = re.compile(r'(?:call|invoke) [^\n]*?@([-\w.$]+|"[^"]*")\(')
_ASM = re.compile(r"(?:call|invoke|callbr) [^\n]*? asm ")
_NUMBER = re.compile(r" i\d+ (-?\d{1,40})\b|, (-?\d{1,40})(?=[,\n])")
_STORED_CONSTANT = re.compile(r" store \S+ (?:-?\d+|null|true|false|@|zeroinitializer)")
_SYMBOL = re.compile(r"@[-\w.$]+")
_VARIABLE_INDEX = re.compile(r" getelementptr [^\n]*, i\d+ %")
_FIELD = re.compile(r" getelementptr [^\n]*?%(?:struct|class|union)\.")
_ARRAY = re.compile(r" getelementptr [^\n]*?\[\d+ x ")
_CASE = re.compile(r"^    i\d+ -?\d+, label ", re.M)
_GLOBAL = re.compile(r"^@[^ ]+ = (.*)$", re.M)
_STRING = re.compile(r'\[(\d{1,18}) x i8\] c"')
_DEFINE = re.compile(r'^define (.*?)@(?:[-\w.$]+|"[^"]*")\((.*)\)(.*)$', re.M)
_GROUP = re.compile(r"^attributes (#\d+) = \{(.*)\}$", re.M)
_GROUP_USE = re.compile(r"#\d+")
_GRAMS = (2, 3, 6)


def features_of(ir: str) -> list[float]:
    """A number for each of `feature_names()`. Never fails: what is not IR gives zeros."""
    bodies = "\n".join(_BODY.findall(ir))
    opcodes = _OPCODE.findall(bodies)
    return [
        *_opcode_counts(opcodes),
        *_flow(bodies, opcodes),
        *_counted(_WORD.findall(bodies), TYPES),
        *_counted(_PREDICATE.findall(bodies), PREDICATES),
        *_calls(bodies, opcodes),
        *_constants(bodies),
        *_memory(bodies),
        *_globals(ir),
        *_interface(ir),
        float(len(ir)),
        float(len(bodies)),
    ]


def feature_names() -> list[str]:
    """In the order of `features_of`."""
    return [
        *(f"op {name}" for name in OPCODES), "instructions", "other opcodes",
        *(f"pair {a} {b}" for a, b in PAIRS),
        "blocks", "back edges", "forward edges", "cases", *(f"repeated {n}-grams" for n in _GRAMS),
        *(f"type {name}" for name in TYPES),
        *(f"compare {name}" for name in PREDICATES),
        *(f"intrinsic {name}" for name in INTRINSICS), *(f"library {name}" for name in LIBRARY),
        "direct calls", "indirect calls", "inline assembly", "callees", "calls of one callee",
        "constants 0", "constants 1", "constants -1", "constants of a byte", "constants of a word",
        "constants beyond", "stored constants", "different constants",
        "uses of symbols", "different symbols", "variable indices", "fields", "array elements",
        "volatile", "atomic", "aligned 1", "vectors",
        "globals", "constant globals", "external globals", "strings", "string bytes", "initializers",
        *(f"linkage {name}" for name in LINKAGES), "definitions", "declarations", "parameters",
        "returns void", "returns a pointer", "returns an integer", "variadic", "personality",
        *(f"attribute {name}" for name in ATTRIBUTES), "characters", "characters of bodies",
    ]  # fmt: skip


def _counted(words: Iterable[str], names: Sequence[str]) -> list[float]:
    counts = Counter(words)
    return [float(counts[name]) for name in names]


def _opcode_counts(opcodes: list[str]) -> list[float]:
    known = _counted(opcodes, OPCODES)
    pairs = Counter(zip(opcodes, opcodes[1:]))
    total = float(len(opcodes))
    return [*known, total, total - sum(known), *(float(pairs[pair]) for pair in PAIRS)]


def _flow(bodies: str, opcodes: list[str]) -> list[float]:
    """Blocks, edges backwards (loops) and forwards in order of the text, and repeated code."""
    seen: set[str] = set()
    backward = forward = 0
    for label, target in _JUMP.findall(bodies):
        if label:
            seen.add(label)
        elif target in seen:
            backward += 1
        else:
            forward += 1
    cases = len(_CASE.findall(bodies))
    return [float(len(seen)), float(backward), float(forward), float(cases)] + [
        _repeated(opcodes, length) for length in _GRAMS
    ]


def _repeated(opcodes: list[str], length: int) -> float:
    """Runs of `length` opcodes that stand somewhere else too: outlining and merging live on them."""
    runs = list(zip(*(opcodes[start:] for start in range(length))))
    return float(len(runs) - len(set(runs)))


def _calls(bodies: str, opcodes: list[str]) -> list[float]:
    callees = Counter(name.strip('"') for name in _CALLEE.findall(bodies))
    intrinsics: Counter[str] = Counter()
    for name, count in callees.items():
        if name.startswith("llvm."):
            intrinsics[name.split(".")[1]] += count
    direct = {name: count for name, count in callees.items() if not name.startswith("llvm.")}
    assembly = len(_ASM.findall(bodies))
    made = opcodes.count("call") + opcodes.count("invoke")
    return [
        *(float(intrinsics[name]) for name in INTRINSICS),
        *(float(direct.get(name, 0)) for name in LIBRARY),
        float(sum(direct.values())),
        float(max(0, made - callees.total() - assembly)),
        float(assembly),
        float(len(direct)),
        float(max(direct.values(), default=0)),
    ]


def _constants(bodies: str) -> list[float]:
    values = [int(first or second) for first, second in _NUMBER.findall(bodies)]
    small = sum(-128 <= value < 128 for value in values)
    word = sum(-(2**31) <= value < 2**31 for value in values)
    units = [values.count(value) for value in (0, 1, -1)]
    stored = len(_STORED_CONSTANT.findall(bodies))
    shares = [small - sum(units), word - small, len(values) - word, stored, len(set(values))]
    return [float(count) for count in (*units, *shares)]


def _memory(bodies: str) -> list[float]:
    symbols = _SYMBOL.findall(bodies)
    counts = (
        len(symbols), len(set(symbols)), len(_VARIABLE_INDEX.findall(bodies)),
        len(_FIELD.findall(bodies)), len(_ARRAY.findall(bodies)), bodies.count(" volatile "),
        bodies.count(" atomic "), bodies.count(", align 1\n"), bodies.count(" x i8> ")
        + bodies.count(" x i16> ") + bodies.count(" x i32> ") + bodies.count(" x i64> ")
        + bodies.count(" x float> ") + bodies.count(" x double> "),
    )  # fmt: skip
    return [float(count) for count in counts]


def _globals(ir: str) -> list[float]:
    lines = _GLOBAL.findall(ir)
    strings = [int(size) for size in _STRING.findall(ir)]
    constant = sum(" constant " in line for line in lines)
    external = sum("external " in line for line in lines)
    counts = (
        len(lines), constant, external, len(strings), sum(strings),
        len(lines) - external - len(strings),
    )  # fmt: skip
    return [float(count) for count in counts]


def _interface(ir: str) -> list[float]:
    """Linkage, signature and attributes of the defined functions."""
    groups = dict(_GROUP.findall(ir))
    defined = _DEFINE.findall(ir)
    before = [line[0] for line in defined]
    after = " ".join(line[2] for line in defined)
    words = Counter(
        word for use in _GROUP_USE.findall(after) for word in set(groups.get(use, "").split())
    )
    parameters = [line[1] for line in defined]
    return [
        *(float(sum(name in line.split() for line in before)) for name in LINKAGES),
        float(len(defined)),
        float(ir.count("\ndeclare ")),
        float(sum(line.count(",") + bool(line) for line in parameters)),
        float(sum("void" in line.split() for line in before)),
        float(sum("ptr" in line.split() for line in before)),
        float(sum(any(w[:1] == "i" and w[1:].isdigit() for w in line.split()) for line in before)),
        float(sum("..." in line for line in parameters)),
        float(after.count(" personality ")),
        *(float(words[name]) for name in ATTRIBUTES),
    ]
