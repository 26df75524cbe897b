"""Landing pads, numbers of caught types and the end of a cleanup as LLVM's text."""

from __future__ import annotations

from ozma.lift.printing.operands import Operands, global_name, quoted
from ozma.lift.reading.exception_tables import Clause
from ozma.lift.ssa.values import Value, resolve

_LANDED = "{ ptr, i32 }"
_TYPE_NUMBER = "llvm.eh.typeid.for.p0"


class Landing(Operands):
    """The exception is the value of a "landingpad", the selector one of a "selector"."""

    def _landing(self, value: Value) -> None:
        cleanup = any(clause.kind == "cleanup" for clause in value.extra)
        texts = [self._clause(clause) for clause in value.extra if clause.kind != "cleanup"]
        clauses = " ".join(["cleanup"] * cleanup + texts)
        self.out(f"{value.name}.pad = landingpad {_LANDED} {clauses}")
        self.out(f"{value.name} = extractvalue {_LANDED} {value.name}.pad, 0")

    def _clause(self, clause: Clause) -> str:
        types = [self._type(symbol) for symbol in clause.types]
        if clause.kind == "catch":
            return f"catch {types[0]}"
        content = f"[{', '.join(types)}]" if types else "zeroinitializer"
        return f"filter [{len(types)} x ptr] {content}"

    def _type(self, symbol: str) -> str:
        if not symbol:
            return "ptr null"
        self.refer(symbol, "got")
        return f"ptr {quoted(global_name(symbol))}"

    def _selector(self, value: Value) -> None:
        self.out(f"{value.name} = extractvalue {_LANDED} {resolve(value.args[0]).name}.pad, 1")

    def _type_number(self, value: Value) -> None:
        self.used.intrinsics[_TYPE_NUMBER] = "i32 (ptr)"
        self.out(f"{value.name} = call i32 @{_TYPE_NUMBER}({self._type(value.extra)})")

    def _resume(self, values: list[Value]) -> None:
        exception, selector = self.text(values[0], "ptr"), self.text(values[1], "i32")
        half, whole = self.fresh(), self.fresh()
        self.out(f"{half} = insertvalue {_LANDED} poison, ptr {exception}, 0")
        self.out(f"{whole} = insertvalue {_LANDED} {half}, i32 {selector}, 1")
        self.out(f"resume {_LANDED} {whole}")
