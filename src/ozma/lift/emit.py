"""Values as LLVM's text: one function, with the lines of assembly that each line comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ozma.lift.architecture import Architecture
from ozma.lift.builder import ENTRY, Body, Builder, Terminator
from ozma.lift.decisions import Chooser
from ozma.lift.effects import bits, is_integer
from ozma.lift.regions import Region
from ozma.lift.types import base_of
from ozma.lift.values import Value, const_text, is_const, resolve, signed

_NAME = re.compile(r"[-a-zA-Z$._][-a-zA-Z$._0-9]*$")
_CANONICAL_OPPOSITE = {"ne": "eq", "uge": "ult", "ule": "ugt", "sge": "slt", "sle": "sgt"}
_FLOAT_OPPOSITE = {"one": "ueq", "une": "oeq", "ule": "ogt", "uge": "olt", "ult": "oge",
                   "ugt": "ole", "uno": "ord"}  # fmt: skip
_PLAIN = ("llvm.x86.", "llvm.trap", "llvm.debugtrap", "llvm.thread.pointer")
_SCALES = {1: "i16", 2: "i32", 3: "i64"}


def quoted(name: str) -> str:
    """A symbol as IR writes it."""
    if _NAME.match(name):
        return "@" + name
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\{ord(c):02X}" for c in name)
    return f'@"{escaped}"'


@dataclass
class Used:
    """What the function's text refers to: callee -> (result, arguments, variadic); symbols."""

    callees: dict[str, tuple[str, str, bool]] = field(default_factory=dict)
    symbols: dict[str, str] = field(default_factory=dict)
    intrinsics: dict[str, str] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)


class Printer:
    """Prints one function. `lines`: (text, line of assembly or 0)."""

    def __init__(self, builder: Builder, regions: list[Region], chooser: Chooser) -> None:
        self.builder, self.regions, self.chooser = builder, regions, chooser
        self.lines: list[tuple[str, int]] = []
        self.used = Used()
        self.numbers = 0
        self.line = 0
        self.has_escapes = bool(regions)
        self.alloca_names = {r.offset: f"%s{position}" for position, r in enumerate(regions)}
        self.consumed = _folded_shifts(builder)

    # text pieces

    def fresh(self) -> str:
        self.numbers += 1
        return f"%t{self.numbers}"

    def out(self, text: str) -> None:
        self.lines.append((text, self.line))

    def type_of(self, value: Value) -> str:
        return "ptr" if value.pointer else value.type

    def text(self, value: Value, type_: str) -> str:
        """The value as an operand of that type; casts are printed first where needed."""
        value = resolve(value)
        if value.op == "const":
            return const_text(value.extra, type_)
        if value.op == "poison":
            return "poison"
        own = self.type_of(value)
        name = self._leaf(value) if value.op in ("symbol", "frame") else value.name
        if not name:
            raise AssertionError(f"{value} was not printed before its use")
        return name if own == type_ else self.cast(name, own, type_)

    def cast(self, name: str, own: str, type_: str) -> str:
        opcode = "ptrtoint" if own == "ptr" else "inttoptr" if type_ == "ptr" else "bitcast"
        if own == "ptr" and type_ != "i64" and is_integer(type_):
            opcode = "ptrtoint"
        if opcode == "ptrtoint" and name.startswith(("@", "getelementptr")):
            return f"ptrtoint (ptr {name} to {type_})"
        result = self.fresh()
        self.out(f"{result} = {opcode} {own} {name} to {type_}")
        return result

    def _leaf(self, value: Value) -> str:
        if value.op == "frame":
            return self._frame(value.extra)
        name, addend, relocation = value.extra
        if relocation == "tls":
            return self._thread_local(name, addend)
        self.refer(name, relocation)
        text = quoted(global_name(name))
        return f"getelementptr (i8, ptr {text}, i64 {addend})" if addend else text

    def _thread_local(self, name: str, addend: int) -> str:
        self.refer(name, "tls")
        address = self.fresh()
        self.used.intrinsics["llvm.threadlocal.address.p0"] = "ptr (ptr)"
        self.out(f"{address} = call ptr @llvm.threadlocal.address.p0(ptr {quoted(global_name(name))})")
        if not addend:
            return address
        moved = self.fresh()
        self.out(f"{moved} = getelementptr i8, ptr {address}, i64 {addend}")
        return moved

    def refer(self, name: str, relocation: str) -> None:
        if name not in self.used.symbols:
            self.used.symbols[name] = relocation
            self.used.order.append(name)

    def _frame(self, offset: int) -> str:
        region = next((r for r in self.regions if r.offset <= offset < r.end), None)
        if region is None:
            region = min(self.regions, key=lambda r: abs(offset - r.offset), default=None)
            if region is None:
                raise Unprintable("an address in the frame that no slot holds")
        name = self.alloca_names[region.offset]
        if offset == region.offset:
            return name
        moved = self.fresh()
        self.out(f"{moved} = getelementptr inbounds i8, ptr {name}, i64 {offset - region.offset}")
        return moved

    # blocks

    def body(self, order: list[int]) -> None:
        """All blocks; `order` lists them as the text shall have them."""
        self._name_values()
        self._orient()
        bodies = self.builder.bodies
        has_back_edge = bool(self.builder.graph.blocks[order[0]].predecessors or bodies[order[0]].phis)
        self.labels = {index: f"b{index}" for index in order} | {ENTRY: "entry"}
        if not has_back_edge:
            self.labels[order[0]] = "entry"
        self.edges = self._edges(order)
        downwards = self.builder.architecture.first_local_highest
        for region in reversed(self.regions) if downwards else self.regions:
            size = region.end - region.offset
            self.lines.append(
                (f"{self.alloca_names[region.offset]} = alloca [{size} x i8], align {region.align}", 0)
            )
        self._values(bodies[ENTRY])
        if has_back_edge:
            self.lines.append((f"br label %b{order[0]}", 0))
            self.lines.append((f"b{order[0]}:", 0))
        for position, index in enumerate(order):
            if position:
                self.lines.append((f"b{index}:", 0))
            self._block(bodies[index], index)
        self._complete_phis()

    def _edges(self, order: list[int]) -> dict[int, list[int]]:
        edges: dict[int, list[int]] = {}
        for index in (ENTRY, *order):
            end = self.builder.bodies[index].end
            targets = [order[0]] if index == ENTRY else end.targets if end else []
            for target in targets:
                edges.setdefault(target, []).append(index)
        return edges

    def _name_values(self) -> None:
        """Before printing: a block may stand before those that dominate it."""
        for body in self.builder.bodies.values():
            for value in (*body.phis, *body.values):
                value.name = self.fresh()

    def _block(self, body: Body, index: int) -> None:
        self.phi_lines = getattr(self, "phi_lines", [])
        for phi in body.phis:
            self.phi_lines.append((len(self.lines), phi, index))
            self.lines.append(("", phi.line))
        self._values(body)
        self.line = body.end.line
        self._end(body.end, index)

    def _complete_phis(self) -> None:
        """Phi operands may be casts of values further down: those go to the end of their blocks."""
        casts: dict[int, list[str]] = {}
        for position, phi, index in getattr(self, "phi_lines", []):
            type_ = self.type_of(phi)
            before = self.builder.predecessors(index)
            texts = {}
            for previous, arg in zip(before, phi.args):
                texts[previous] = self._phi_operand(arg, type_, previous, casts)
            pairs = [
                f"[ {texts[b]}, %{self.labels[b]} ]" for b in self.edges[index] if b in texts
            ]
            self.lines[position] = (f"{phi.name} = phi {type_} {', '.join(pairs)}", phi.line)
        self._insert_casts(casts)

    def _phi_operand(self, arg: Value, type_: str, block: int, casts: dict[int, list[str]]) -> str:
        arg = resolve(arg)
        if arg.op not in ("const", "poison") and (
            self.type_of(arg) != type_ or arg.op in ("frame", "symbol")
        ):
            saved, self.lines = self.lines, []
            text = self.text(arg, type_)
            casts.setdefault(block, []).extend(self.lines)
            self.lines = saved
            return text
        return self.text(arg, type_)

    def _insert_casts(self, casts: dict[int, list[str]]) -> None:
        for block, lines in casts.items():
            position = self._end_of(block)
            self.lines[position:position] = lines

    def _end_of(self, block: int) -> int:
        """Index of the block's last line, its terminator."""
        if self.labels[block] == "entry":
            start = 0
        else:
            labels = [i for i, (text, _) in enumerate(self.lines) if text == f"b{block}:"]
            start = labels[0] + 1 if labels else 0
        for position in range(start, len(self.lines)):
            if self.lines[position][0].startswith(("br ", "ret", "switch ", "unreachable")):
                return position
        raise AssertionError("a block without end")

    def _values(self, body: Body) -> None:
        for value in body.values:
            if id(value) in self.consumed or value.op == "result":
                continue
            self.line = value.line
            self.value(value)

    def _end(self, end: Terminator, index: int) -> None:
        if end.kind == "jump":
            self.out(f"br label %b{end.targets[0]}")
        elif end.kind == "unreachable":
            self.out("unreachable")
        elif end.kind == "br":
            self._branch(end)
        elif end.kind == "switch":
            self._switch(end, index)
        elif end.kind == "ret":
            self._return(end)

    def _branch(self, end: Terminator) -> None:
        test, targets = resolve(end.values[0]), end.targets
        name = self.text(test, "i1")
        self.out(f"br i1 {name}, label %b{targets[0]}, label %b{targets[1]}")

    def _orient(self) -> None:
        """Turns branches round as the decisions say, before anything is printed."""
        uses = _uses(self.builder)
        for body in self.builder.bodies.values():
            if body.end and body.end.kind == "br":
                test = resolve(body.end.values[0])
                default = self._orientation(test)
                if self.chooser.choose("branch", body.end.line, ("asm", "flip"), default) == "flip":
                    body.end.targets.reverse()
                    body.end.values = [self._opposite(test, uses.get(id(test), 0) == 1, body)]

    def _orientation(self, test: Value) -> str:
        wanted = self.chooser.decisions.orientation
        if wanted != "hint":
            return "flip" if wanted == "fallthrough" else "asm"
        if self.builder.mode != "optimized":
            return "flip"
        return "flip" if _prefers_inverse(test, self.builder.architecture) else "asm"

    def _opposite(self, test: Value, alone: bool, body: Body) -> Value:
        """The inverted condition; a compare that nobody else needs is changed itself."""
        kind, _, code = test.op.partition(" ")
        if test.op == "xor" and is_const(resolve(test.args[1]), 1):
            if alone:
                body.values.remove(test)
            return resolve(test.args[0])
        opposite = (_INTEGER_OPPOSITES if kind == "icmp" else _FLOAT_OPPOSITES).get(code)
        if kind in ("icmp", "fcmp") and opposite:
            if alone:
                test.op = f"{kind} {opposite}"
                return test
            new = Value(f"{kind} {opposite}", "i1", test.args, None, test.block, body.end.line)
        else:
            one = self.builder.constant(1, "i1")
            new = Value("xor", "i1", [test, one], None, test.block, body.end.line)
        new.name = self.fresh()
        body.values.append(new)
        return new

    def _switch(self, end: Terminator, index: int) -> None:
        value = resolve(end.values[0])
        name = self.text(value, value.type)
        default = "unreachable" if end.targets[0] == -2 else f"b{end.targets[0]}"
        self.needs_unreachable = getattr(self, "needs_unreachable", False) or end.targets[0] == -2
        cases = " ".join(
            f"{value.type} {const_text(case, value.type)}, label %b{target}"
            for case, target in zip(end.cases, end.targets[1:])
        )
        self.out(f"switch {value.type} {name}, label %{default} [ {cases} ]")

    def _return(self, end: Terminator) -> None:
        if not end.values:
            self.out("ret void")
            return
        texts = [(t, self.text(v, t)) for v, (_, t) in zip(end.values, self.builder.result.parts)]
        if len(texts) == 1:
            self.out(f"ret {texts[0][0]} {texts[0][1]}")
            return
        shape = "{ " + ", ".join(t for t, _ in texts) + " }"
        whole = "poison"
        for position, (type_, text) in enumerate(texts):
            name = self.fresh()
            self.out(f"{name} = insertvalue {shape} {whole}, {type_} {text}, {position}")
            whole = name
        self.out(f"ret {shape} {whole}")

    # values

    def value(self, value: Value) -> None:
        op = value.op
        if op == "load":
            self._load(value)
        elif op == "store":
            self._store(value)
        elif op == "call":
            self._call(value)
        elif op.startswith("llvm."):
            self._intrinsic(value)
        elif op.startswith("fence"):
            self.out(op)
        elif op.startswith(("atomicrmw", "cmpxchg")):
            self._atomic(value)
        elif op.startswith(("icmp", "fcmp")):
            left, right, type_ = self._comparands(value)
            self.out(f"{value.name} = {op} {type_} {left}, {right}")
        elif op == "add" and value.pointer:
            self._pointer_sum(value)
        elif op == "decay":
            self.out(f"{value.name} = getelementptr i8, ptr {self.text(value.args[0], 'ptr')}, i64 0")
        else:
            self._plain(value)

    def _comparands(self, value: Value) -> tuple[str, str, str]:
        left, right = (resolve(arg) for arg in value.args)
        type_ = left.type
        if left.pointer and (right.pointer or right.op == "const"):
            type_ = "ptr"
        if right.op == "const" and type_ == "ptr" and right.extra != 0:
            type_ = "i64"
        return self.text(left, type_), self.text(right, type_), type_

    def _pointer_sum(self, value: Value) -> None:
        base = base_of(value)
        if base is None:
            self._plain(value, "i64")
            return
        pointer, index = (resolve(value.args[base]), resolve(value.args[1 - base]))
        base_text = self.text(pointer, "ptr")
        element = "i8"
        if id(index) in self.consumed or index.op == "shl":
            element, index = _scaled(index) or (element, index)
        index_text = self.text(index, "i64")
        self.out(f"{value.name} = getelementptr {element}, ptr {base_text}, i64 {index_text}")

    def _plain(self, value: Value, forced: str = "") -> None:
        op, type_ = value.op, value.type
        if op == "select":
            kind = self.type_of(value)
            test = self.text(value.args[0], resolve(value.args[0]).type)
            first, second = (self.text(arg, kind) for arg in value.args[1:])
            self.out(f"{value.name} = select {resolve(value.args[0]).type} {test}, {kind} {first}, {kind} {second}")
            return
        args = [self.text(arg, resolve(arg).type) for arg in value.args]
        first = resolve(value.args[0]).type
        name = self.fresh() if value.pointer else value.name
        if op in _CASTS:
            text = f"{op} {first} {args[0]} to {type_}"
        elif op in ("fneg", "freeze"):
            text = f"{op} {first} {args[0]}"
        elif op == "extractelement":
            text = f"extractelement {first} {args[0]}, i64 {args[1]}"
        elif op == "insertelement":
            element = resolve(value.args[1]).type
            text = f"insertelement {type_} {args[0]}, {element} {args[1]}, i64 {args[2]}"
        elif op == "shufflevector":
            lanes = ", ".join(f"i32 {lane}" for lane in value.extra)
            text = f"shufflevector {first} {args[0]}, {first} {args[1]}, <{len(value.extra)} x i32> <{lanes}>"
        elif op == "extractvalue":
            text = f"extractvalue {first} {args[0]}, {value.extra}"
        else:
            text = f"{op}{self._poison_flags(value)} {type_} {args[0]}, {args[1]}"
        self.out(f"{name} = {text}")
        if value.pointer:
            self.out(f"{value.name} = inttoptr i64 {name} to ptr")

    def _poison_flags(self, value: Value) -> str:
        if value.op in ("add", "sub", "mul", "shl") and is_integer(value.type):
            default = self.chooser.decisions.add_flags
            options = ("none", "nsw", "nuw", "nsw nuw")
            chosen = self.chooser.choose("flags", value.line, options, default)
            return "" if chosen == "none" else f" {' '.join(reversed(chosen.split()))}"
        if value.op == "or" and is_integer(value.type):
            default = self.chooser.decisions.or_disjoint
            chosen = self.chooser.choose("disjoint", value.line, ("no", "yes"), default)
            return " disjoint" if chosen == "yes" else ""
        return ""

    # memory

    def _load(self, value: Value) -> None:
        address = self.text(value.args[0], "ptr")
        type_ = self.type_of(value)
        volatile = "volatile " if value.extra == "volatile" else ""
        if value.extra and value.extra not in ("volatile", "consumed"):
            size = bits(type_) // 8
            self.out(f"{value.name} = load atomic {type_}, ptr {address} {value.extra}, align {size}")
            return
        self.out(f"{value.name} = load {volatile}{type_}, ptr {address}, align {value.align or bits(type_) // 8}")

    def _store(self, value: Value) -> None:
        stored = resolve(value.args[0])
        type_ = self.type_of(stored) if stored.type == value.type else value.type
        text = self.text(stored, type_)
        address = self.text(value.args[1], "ptr")
        size = value.align or bits(type_) // 8
        if value.extra:
            self.out(f"store atomic {type_} {text}, ptr {address} {value.extra}, align {size}")
        else:
            self.out(f"store {type_} {text}, ptr {address}, align {size}")

    def _atomic(self, value: Value) -> None:
        words = value.op.split()
        address = self.text(value.args[0], "ptr")
        if words[0] == "cmpxchg":
            type_ = resolve(value.args[1]).type
            old, new = (self.text(arg, type_) for arg in value.args[1:])
            self.out(
                f"{value.name} = cmpxchg ptr {address}, {type_} {old}, {type_} {new} "
                f"{words[1]} {words[-1] if len(words) > 2 else 'seq_cst'}"
            )
            return
        operand = self.text(value.args[1], value.type)
        self.out(f"{value.name} = atomicrmw {words[1]} ptr {address}, {value.type} {operand} {words[2]}")

    # calls

    def _intrinsic(self, value: Value) -> None:
        name, types = value.op, [resolve(arg).type for arg in value.args]
        if name in ("llvm.memset", "llvm.memcpy"):
            self._memory_intrinsic(value)
            return
        if name == "llvm.va_start":
            self.used.intrinsics[f"{name}.p0"] = "void (ptr)"
            self.out(f"call void @{name}.p0(ptr {self.text(value.args[0], 'ptr')})")
            return
        if name.endswith("with.overflow"):
            full = f"{name}.{types[0]}"
        elif name.startswith(_PLAIN):
            full = name
        elif name.startswith("llvm.vector.reduce."):
            full = f"{name}.{suffix(types[0])}"
        elif name in ("llvm.lrint", "llvm.llrint"):
            full = f"{name}.{suffix(value.type)}.{suffix(types[0])}"
        else:
            full = f"{name}.{suffix(value.type)}"
        result = value.type
        if name == "llvm.thread.pointer":
            result = "ptr"
        args = ", ".join(f"{t} {self.text(a, t)}" for a, t in zip(value.args, types))
        self.used.intrinsics[full] = f"{result} ({', '.join(types)})"
        if result == "void":
            self.out(f"call void @{full}({args})")
            return
        name = self.fresh() if result == "ptr" and not value.pointer else value.name
        self.out(f"{name} = call {result} @{full}({args})")
        if name != value.name:
            self.out(f"{value.name} = ptrtoint ptr {name} to i64")

    def _memory_intrinsic(self, value: Value) -> None:
        target = self.text(value.args[0], "ptr")
        size = self.text(value.args[2], "i64")
        if value.op == "llvm.memset":
            fill = self.text(value.args[1], "i8")
            full, operands = "llvm.memset.p0.i64", f"ptr {target}, i8 {fill}"
            self.used.intrinsics[full] = "void (ptr, i8, i64, i1 immarg)"
        else:
            source = self.text(value.args[1], "ptr")
            full, operands = "llvm.memcpy.p0.p0.i64", f"ptr {target}, ptr {source}"
            self.used.intrinsics[full] = "void (ptr, ptr, i64, i1 immarg)"
        self.out(f"call void @{full}({operands}, i64 {size}, i1 false)")

    def _call(self, value: Value) -> None:
        info = value.extra
        args = list(value.args)
        callee = quoted(global_name(info.target)) if info.target else self.text(args.pop(0), "ptr")
        parts = []
        for (register, type_), arg in zip(info.plan.arguments, args):
            own = self.type_of(resolve(arg))
            if type_ in ("ptr", "sret"):
                own = "ptr"
            parts.append((own, ("sret(i8) " if type_ == "sret" else "") + self.text(arg, own)))
        result = self._result_type(info, value)
        signature = ", ".join(t for t, _ in parts)
        if info.target:
            if info.target not in self.used.order:
                self.used.order.append(info.target)
            self.used.symbols.setdefault(info.target, info.relocation)
            shape = self._fixed(info, [t for t, _ in parts]) if info.plan.variadic else signature
            self.used.callees.setdefault(info.target, (result, shape, info.plan.variadic))
        kind = result
        if info.plan.variadic:
            fixed = self._fixed(info, [t for t, _ in parts])
            kind = f"{result} ({fixed}{', ' if fixed else ''}...)"
        marker = "tail " if info.tail and self.chooser.decisions.tail == "tail" else ""
        text = ", ".join(f"{t} {a}" for t, a in parts)
        call = f"{marker}call {kind} {callee}({text})"
        self._take_results(value, result, call)

    def _fixed(self, info: object, types: list[str]) -> str:
        return ", ".join(types[: info.plan.fixed])

    def _result_type(self, info: object, value: Value) -> str:
        if info.tail and self.builder.result.parts and not info.results:
            types = [t for _, t in self.builder.result.parts]
            return types[0] if len(types) == 1 else "{ " + ", ".join(types) + " }"
        if not info.results:
            return "void"
        types = [self.type_of(resolve(result)) for _, _, result in sorted(info.results, key=_rank)]
        return types[0] if len(types) == 1 else "{ " + ", ".join(types) + " }"

    def _take_results(self, value: Value, result: str, call: str) -> None:
        info = value.extra
        if not info.results:
            self.out(call if result == "void" else f"{self.fresh()} = {call}")
            return
        if len(info.results) == 1:
            self.out(f"{resolve(info.results[0][2]).name} = {call}")
            return
        name = self.fresh()
        self.out(f"{name} = {call}")
        for position, (_, _, part) in enumerate(sorted(info.results, key=_rank)):
            self.out(f"{resolve(part).name} = extractvalue {result} {name}, {position}")


_INTEGER_OPPOSITES = _CANONICAL_OPPOSITE | {v: k for k, v in _CANONICAL_OPPOSITE.items()}
_FLOAT_OPPOSITES = _FLOAT_OPPOSITE | {v: k for k, v in _FLOAT_OPPOSITE.items()}


def _uses(builder: Builder) -> dict[int, int]:
    uses: dict[int, int] = {}
    for body in builder.bodies.values():
        for value in (*body.phis, *body.values):
            for arg in value.args:
                uses[id(resolve(arg))] = uses.get(id(resolve(arg)), 0) + 1
        for value in body.end.values if body.end else ():
            uses[id(resolve(value))] = uses.get(id(resolve(value)), 0) + 1
    return uses


class Unprintable(Exception):
    """A value that has no text: the function is refused."""


_CASTS = frozenset(
    "zext sext trunc bitcast fpext fptrunc sitofp uitofp fptosi fptoui ptrtoint inttoptr".split()
)


def _rank(entry: tuple[str, str, Value]) -> tuple[bool, str]:
    return entry[0].startswith(("xmm", "v")), entry[0]


def _prefers_inverse(test: Value, architecture: Architecture) -> bool:
    """InstCombine leaves only canonical predicates: others were inverted after it."""
    kind, _, code = test.op.partition(" ")
    if kind != "icmp":
        return kind == "fcmp" and code in _FLOAT_OPPOSITE
    limit = resolve(test.args[1])
    if code in _CANONICAL_OPPOSITE or not is_const(limit) or not is_integer(limit.type):
        return code in _CANONICAL_OPPOSITE
    return architecture.was_inverted(code, signed(limit.extra, bits(limit.type)))


def _folded_shifts(builder: Builder) -> set[int]:
    """Products that only scale an index: the address prints them as its element's size."""
    uses: dict[int, list[bool]] = {}
    for body in builder.bodies.values():
        for value in (*body.phis, *body.values):
            for position, arg in enumerate(value.args):
                arg = resolve(arg)
                if arg.op in ("shl", "mul"):
                    uses.setdefault(id(arg), []).append(_scales(value, position))
        for value in body.end.values if body.end else ():
            uses.setdefault(id(resolve(value)), []).append(False)
    return {key for key, found in uses.items() if all(found)}


def _scales(value: Value, position: int) -> bool:
    if value.op != "add" or not value.pointer:
        return False
    base = base_of(value)
    return base not in (None, position) and _scaled(resolve(value.args[position])) is not None


def _scaled(index: Value) -> tuple[str, Value] | None:
    """(element type, unscaled index) of a product with a constant."""
    if index.op not in ("shl", "mul") or not is_const(resolve(index.args[1])):
        return None
    number = resolve(index.args[1]).extra
    if index.op == "shl" and number in _SCALES:
        return _SCALES[number], resolve(index.args[0])
    size = 1 << number if index.op == "shl" and number < 31 else number
    if index.type != "i64" or not 0 < size < 1 << 31 or index.op == "shl" and number > 30:
        return None
    return f"[{size} x i8]", resolve(index.args[0])


def suffix(type_: str) -> str:
    """A type in the name of an overloaded intrinsic."""
    if type_.startswith("<"):
        count, element = type_[1:-1].split(" x ")
        return f"v{count}{suffix(element)}"
    return {"float": "f32", "double": "f64", "half": "f16", "ptr": "p0"}.get(type_, type_)


def global_name(symbol: str) -> str:
    """Assembly's name of a symbol as the module's: `.L` is what private globals get."""
    return symbol.removeprefix(".L") if symbol.startswith(".L") else symbol

