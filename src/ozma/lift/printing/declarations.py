"""Declarations of what is called or named, each at the place of the text that its symbol has."""

from __future__ import annotations

from ozma.lift.flow.graph import Refused
from ozma.lift.printing.emit import Printer
from ozma.lift.printing.operands import global_name, quoted
from ozma.lift.reading.effects import bits
from ozma.lift.reading.listing import AsmFunction, Listing
from ozma.lift.ssa.values import resolve

Placed = tuple[int, str]
_UNPLACED = -1


def in_text_order(definitions: list[Placed], declarations: list[Placed]) -> list[str]:
    """LLVM prints visibility and data in the module's order: variables, then functions."""
    variables = [entry for entry in declarations if not entry[1].startswith("declare")]
    functions = [entry for entry in declarations if entry[1].startswith("declare")]
    lines = [text for _, text in sorted(definitions + variables, key=lambda entry: entry[0])]
    return lines + [text for _, text in sorted(functions, key=lambda entry: entry[0])] + [""]


def declarations(
    function: AsmFunction, listing: Listing, printer: Printer, defined: set[str]
) -> list[Placed]:
    """Of what is used and not defined here, each with its place in the text.

    What stands after the first hidden function that is called is a function too.
    """
    used, places = printer.used, listing.symbols.places
    names = [name for name in used.order if name not in defined and name != function.name]
    called = [places[name] for name in names if name in used.callees and name in places]
    last = min(called, default=1 << 60)
    needs, lines = _needs(printer), []
    for name in names:
        place = places.get(name, _UNPLACED)
        visible = "dso_local " if not used.symbols.get(name) else ""
        if name in listing.symbols.hidden:
            visible = "hidden "
        weak = "extern_weak " if name in listing.symbols.weak else ""
        if name in used.callees or place > last:
            result, arguments, variadic = used.callees.get(name, ("void", "", False))
            arguments = ", ".join(
                [*([arguments] if arguments else []), *(["..."] if variadic else [])]
            )
            text = f"declare {weak}{visible}{result} {quoted(name)}({arguments}){_lazy(name, used)}"
            text += " nounwind" if name in printer.builder.graph.nounwind else ""
        elif name in printer.builder.graph.labels:
            raise Refused(
                function.number, function.name, "the place of a block is used as a number"
            )
        else:
            local = "thread_local " if used.symbols[name] == "tls" else ""
            shape = _shape(*needs.get(name, (1, 1)))
            text = (
                f"{quoted(global_name(name))} = {weak or 'external '}{visible}{local}global {shape}"
            )
        lines.append((place, text))
    return lines


def _shape(size: int, align: int) -> str:
    return "i8" if (size, align) == (1, 1) else f"[{size} x i8], align {align}"


def _needs(printer: Printer) -> dict[str, tuple[int, int]]:
    """(bytes, alignment) that accesses show a variable to have, at least. AArch64 puts the low
    part of an address into a load only if the variable is aligned to the access, and an offset
    into the address only if the variable is that large."""
    found = {name: (offset + 1, 1) for name, offset in printer.builder.offsets.items()}
    for body in printer.builder.bodies.values():
        for value in body.values:
            place = {"load": 0, "store": 1}.get(value.op)
            address = resolve(value.args[place]) if place is not None else None
            if address is not None and address.op == "symbol":
                name, addend, _ = address.extra
                width = bits(value.type) // 8
                size, align = found.get(name, (1, 1))
                told = value.align != 1 and addend % width == 0
                known = width if told and width in (1, 2, 4, 8, 16) else 1
                inside = addend + width if addend <= printer.builder.offsets.get(name, 0) else 1
                found[name] = (max(size, inside), max(align, known))
    return found


def _lazy(name: str, used: object) -> str:
    called = name in used.callees and used.symbols.get(name) == "got"
    return " nonlazybind" if called else ""
