"""Calls and intrinsics as LLVM's text."""

from __future__ import annotations

from ozma.lift.printing.operands import global_name, quoted
from ozma.lift.printing.values import Values
from ozma.lift.ssa.values import Value, resolve

_PLAIN = ("llvm.x86.", "llvm.trap", "llvm.debugtrap", "llvm.thread.pointer")


_MEMORY = ("memcpy", "memmove", "memset")

_REPORTS = frozenset(("fprintf", "fputc", "fputs", "fwrite", "perror", "vfprintf"))
"""On stderr these are taken for unlikely, where their whole type is as the C library's."""


class Calls(Values):
    """`_call` and `_intrinsic` note what has to be declared. `ways`: the ends of an
    invoke; `parts`: of its result, to be printed where it returns to."""

    ways = ""
    parts: list[str]

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
        if info.target in _MEMORY and self._is_intrinsic(value):
            self._memory_call(value)
            return
        args = list(value.args)
        callee = quoted(global_name(info.target)) if info.target else self.text(args.pop(0), "ptr")
        parts = []
        for (register, type_), arg in zip(info.plan.arguments, args):
            own = self.type_of(resolve(arg))
            if type_.startswith(("ptr", "sret", "byval")):
                own = "ptr"
            text = ("sret(i8) " if type_ == "sret" else "") + self.text(arg, own)
            parts.append((f"{own} {type_}" if type_.startswith("byval") else own, text))
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
        call = f"{marker}call {kind} {callee}({text}){'' if info.throws else ' nounwind'}"
        if info.unwinds:
            call = f"invoke {kind} {callee}({text}) {self.ways}"
        self._take_results(value, result, call)

    def _is_intrinsic(self, call: Value) -> bool:
        """Nobody reads the result: instruction selection may have made the call. (In optimized code
        passes before compiling back find out.)"""
        default = self.chooser.decisions.memory_calls
        if default == "hint":
            default = "call" if self.builder.mode == "optimized" else "intrinsic"
        chosen = self.chooser.choose("memory", call.line, ("intrinsic", "call"), default)
        return chosen == "intrinsic" and not call.extra.results and len(call.args) == 3

    def _memory_call(self, call: Value) -> None:
        name = f"llvm.{call.extra.target}"
        target, size = self.text(call.args[0], "ptr"), self._wide(call.args[2])
        kind = "i8" if name == "llvm.memset" else "ptr"
        other = self._byte(call.args[1]) if kind == "i8" else self.text(call.args[1], "ptr")
        full = f"{name}.p0.i64" if kind == "i8" else f"{name}.p0.p0.i64"
        self.used.intrinsics[full] = f"void (ptr, {kind}, i64, i1 immarg)"
        marker = "tail " if call.extra.tail else ""
        self.out(f"{marker}call void @{full}(ptr {target}, {kind} {other}, i64 {size}, i1 false)")

    def _wide(self, value: Value) -> str:
        value = resolve(value)
        if value.op == "const" or value.type == "i64":
            return self.text(value, "i64")
        name = self.fresh()
        self.out(f"{name} = zext {value.type} {self.text(value, value.type)} to i64")
        return name

    def _byte(self, value: Value) -> str:
        value = resolve(value)
        if value.op in ("const", "poison") or value.type == "i8":
            return self.text(value, "i8")
        name = self.fresh()
        self.out(f"{name} = trunc {value.type} {self.text(value, value.type)} to i8")
        return name

    def _fixed(self, info: object, types: list[str]) -> str:
        return ", ".join(type_.partition(" byval")[0] for type_ in types[: info.plan.fixed])

    def _result_type(self, info: object, value: Value) -> str:
        if info.tail and self.builder.result.parts and not info.results:
            types = [t for _, t in self.builder.result.parts]
            return types[0] if len(types) == 1 else "{ " + ", ".join(types) + " }"
        if not info.results:
            known = info.plan.prototype if info.target in _REPORTS else None
            return known.result if known else "void"
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
            text = f"{resolve(part).name} = extractvalue {result} {name}, {position}"
            if info.unwinds:
                self.parts.append(text)
            else:
                self.out(text)


def _rank(entry: tuple[str, str, Value]) -> tuple[bool, str]:
    return entry[0].startswith(("xmm", "v")), entry[0]


def suffix(type_: str) -> str:
    """A type in the name of an overloaded intrinsic."""
    if type_.startswith("<"):
        count, element = type_[1:-1].split(" x ")
        return f"v{count}{suffix(element)}"
    return {"float": "f32", "double": "f64", "half": "f16", "ptr": "p0"}.get(type_, type_)
