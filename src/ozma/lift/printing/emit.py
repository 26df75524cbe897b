"""A function's blocks as LLVM's text, with the lines of assembly that each line comes from."""

from __future__ import annotations

from ozma.lift.decisions import Chooser
from ozma.lift.printing.branches import Branches
from ozma.lift.ssa.body import ENTRY, Body, Terminator
from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.values import Value, const_text, resolve
from ozma.lift.stack.regions import Region


_ENDS = ("br ", "ret", "switch ", "unreachable", "invoke ", "resume ")


class Printer(Branches):
    """Prints one function: `body`, then `lines` and `used` say all."""

    def __init__(self, builder: Builder, regions: list[Region], chooser: Chooser) -> None:
        super().__init__(builder, regions, chooser)
        self.phi_lines: list[tuple[int, Value, int]] = []
        self.needs_unreachable = False
        self.returned: dict[int, list[str]] = {}

    def body(self, order: list[int]) -> None:
        """All blocks; `order` lists them as the text shall have them."""
        self._name_values()
        self._orient()
        bodies = self.builder.bodies
        first = order[0]
        has_back_edge = bool(self.builder.graph.blocks[first].predecessors or bodies[first].phis)
        self.labels = {index: f"b{index}" for index in order} | {ENTRY: "entry"}
        if not has_back_edge:
            self.labels[order[0]] = "entry"
        self.edges = self._edges(order)
        downwards = self.builder.architecture.first_local_highest
        local = [region for region in self.regions if not region.given]
        for region in reversed(local) if downwards else local:
            name, size = self.alloca_names[region.offset], region.end - region.offset
            self.lines.append((f"{name} = alloca [{size} x i8], align {region.align}", 0))
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
        for phi in body.phis:
            self.phi_lines.append((len(self.lines), phi, index))
            self.lines.append(("", phi.line))
        for text in self.returned.get(index, ()):
            self.out(text)
        self._values(body)
        self.line = body.end.line
        self._end(body.end, index)

    def _complete_phis(self) -> None:
        """Phi operands may be casts of values further down: those go to the end of their blocks."""
        casts: dict[int, list[str]] = {}
        for position, phi, index in self.phi_lines:
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
            if self.lines[position][0].startswith(_ENDS) or "invoke " in self.lines[position][0]:
                return position
        raise AssertionError("a block without end")

    def _values(self, body: Body) -> None:
        for value in body.values:
            if id(value) in self.consumed or value.op == "result":
                continue
            if body.end and body.end.kind == "invoke" and value is resolve(body.end.values[0]):
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
        elif end.kind == "invoke":
            self._invoke(end)
        elif end.kind == "resume":
            self._resume(end.values)

    def _invoke(self, end: Terminator) -> None:
        normal, pad = end.targets
        self.needs_unreachable |= normal == -2
        to = "unreachable" if normal == -2 else f"b{normal}"
        self.parts = self.returned.setdefault(normal, [])
        self.ways = f"to label %{to} unwind label %b{pad}"
        self.value(resolve(end.values[0]))

    def _branch(self, end: Terminator) -> None:
        test, targets = resolve(end.values[0]), end.targets
        name = self.text(test, "i1")
        self.out(f"br i1 {name}, label %b{targets[0]}, label %b{targets[1]}")

    def _switch(self, end: Terminator, index: int) -> None:
        value = resolve(end.values[0])
        name = self.text(value, value.type)
        default = "unreachable" if end.targets[0] == -2 else f"b{end.targets[0]}"
        self.needs_unreachable |= end.targets[0] == -2
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
