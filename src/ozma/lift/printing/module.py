"""The module around a lifted function: data layout, data, declarations, attributes, flags."""

from __future__ import annotations

from ozma.lift.decisions import Chooser
from ozma.lift.flow.graph import Refused
from ozma.lift.printing.emit import Printer
from ozma.lift.printing.operands import UNKNOWN, global_name, quoted
from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.effects import bits
from ozma.lift.reading.listing import AsmFunction, DataObject, Listing
from ozma.lift.reading.static_data import Piece, Reference, fields_of, pieces_of
from ozma.lift.ssa.builder import Builder
from ozma.lift.ssa.values import Value, resolve
from ozma.lift.stack.frame import Frame

_PRINTABLE = frozenset(range(32, 127)) - {34, 92}


def parameters(builder: Builder, architecture: Architecture) -> tuple[list[str], dict[str, str]]:
    """(types with names in order, name by register) from the entry values that are used."""
    convention = architecture.convention
    used: dict[str, Value] = {}
    for body in builder.bodies.values():
        for value in (*body.phis, *body.values):
            for arg in value.args:
                _note(arg, used)
        for value in body.end.values if body.end else ():
            _note(value, used)
    stack = sorted((name for name in used if name[0] == "["), key=lambda n: int(n[1:-1]))
    stack = [name for name in stack if int(name[1:-1]) >= convention.stack_arguments]
    integers = _count(used, convention.integers)
    floats = _count(used, convention.floats)
    variadic = builder.graph.variadic
    if variadic:
        integers, floats = max(integers, variadic[0]), max(floats, variadic[1])
    if stack:
        integers = len(convention.integers)
    names = [*convention.integers[:integers], *convention.floats[:floats]]
    names += _stack_names(stack, convention.stack_arguments)
    texts, by_register = [], {}
    if convention.indirect_result in used:
        texts.append("ptr sret(i8) %indirect")
        by_register[convention.indirect_result] = "%indirect"
        used[convention.indirect_result].pointer = True
    for position, name in enumerate(names):
        value = used.get(name)
        type_ = "double" if name in convention.floats else "i64"
        if value is not None:
            value.pointer |= builder.memory_result and not position
            type_ = "ptr" if value.pointer else value.type
        if builder.memory_result and not position:
            type_ = "ptr sret(i8)"
        texts.append(f"{type_} %a{position}")
        by_register[name] = f"%a{position}"
    if variadic:
        texts.append("...")
    for name, value in used.items():
        value.name = by_register.get(name, UNKNOWN)
    return texts, by_register


def _note(value: Value, used: dict[str, Value]) -> None:
    while value.replaced is not None:
        value = value.replaced
    if value.op == "entry":
        used[value.extra[0]] = value


def _count(used: dict[str, Value], registers: tuple[str, ...]) -> int:
    return max((n + 1 for n, name in enumerate(registers) if name in used), default=0)


def _stack_names(used: list[str], first: int) -> list[str]:
    last = max((int(name[1:-1]) for name in used), default=first - 8)
    return [f"[{offset}]" for offset in range(first, last + 1, 8)]


def module_text(
    function: AsmFunction, listing: Listing, architecture: Architecture, printer: Printer,
    arguments: list[str], result: str, frame: Frame, chooser: Chooser, has_cfi: bool,
) -> tuple[str, tuple[tuple[int, int], ...], str]:  # fmt: skip
    """(text, line map, signature)."""
    head = [
        f'target datalayout = "{architecture.layout}"', f'target triple = "{architecture.triple}"', "",
    ]  # fmt: skip
    data = _Globals(listing, printer)
    head += _in_text_order(data.run(), _declarations(function, listing, printer, data.defined))
    linkage = _linkage(function, listing)
    if "comdat" in function.flags:
        head.append(f"${quoted(function.name)[1:]} = comdat any")
    signature = f"{result} {quoted(function.name)}({', '.join(arguments)})"
    personality = printer.builder.graph.personality
    handler = f" personality ptr {quoted(personality)}" if personality else ""
    head.append(f"define {linkage}{signature} #0{_places(function, architecture)}{handler} {{")
    head.append("entry:")
    lines = [f"  {text}" if not text.endswith(":") else text for text, _ in printer.lines]
    line_map = tuple(
        (len(head) + n + 1, number)
        for n, (text, number) in enumerate(printer.lines)
        if number and not text.endswith(":")
    )
    tail = ["unreachable:", "  unreachable"] if printer.needs_unreachable else []
    tail += ["}", ""]
    tail += [
        f"declare {kind.split(' (')[0]} @{name}({kind.split(' (', 1)[1]}"
        for name, kind in printer.used.intrinsics.items()
    ]
    if personality and personality not in printer.used.order:
        tail.append(f"declare i32 {quoted(personality)}(...)")
    plain = printer.builder.mode == "O0"
    words = _attributes(function, architecture, frame, chooser, has_cfi, bool(personality), plain)
    tail += ["", f"attributes #0 = {{ {words} }}"]
    tail += _flags(listing, function, printer)
    return "\n".join(head + lines + tail) + "\n", line_map, signature


def _linkage(function: AsmFunction, listing: Listing) -> str:
    symbols, words = listing.symbols, []
    if function.name in symbols.weak:
        words.append("weak_odr" if "comdat" in function.flags else "weak")
    elif function.name not in symbols.globals:
        words.append("internal")
    if function.name in symbols.hidden:
        words.append("hidden")
    elif function.name in symbols.protected:
        words.append("protected")
    else:
        words.append("dso_local")
    if "internal" in words:
        words = ["dso_local"]  # alone in its module it would be dropped
    return "".join(word + " " for word in words)


def _places(function: AsmFunction, architecture: Architecture) -> str:
    text = ""
    plain = (".text", f".text.{function.name}")
    if not function.section.startswith(plain[0]) or (
        function.section not in plain and "comdat" not in function.flags
        and not function.section.startswith((".text.unlikely", ".text.hot"))
    ):  # fmt: skip
        text += f' section "{function.section}"'
    if "comdat" in function.flags:
        text += " comdat"
    if function.alignment not in (1, 4, architecture.usual_alignment):
        text += f" align {function.alignment}"
    return text


def _attributes(
    function: AsmFunction, architecture: Architecture, frame: Frame, chooser: Chooser,
    has_cfi: bool, throws: bool, plain: bool,
) -> str:  # fmt: skip
    words = ["noinline", "optnone"] if plain else []
    words += [] if throws else ["nounwind"]
    words += ["uwtable"] if has_cfi else []
    size = "none" if plain else chooser.decisions.size
    if size == "hint":
        if architecture.is_small:
            small = architecture.is_small(function)
        else:
            small = function.alignment < architecture.usual_alignment
        size = "minsize" if small else "none"
    words += {"minsize": ["minsize", "optsize"], "optsize": ["optsize"], "none": []}[size]
    if function.section.startswith(".text.unlikely"):
        words.append("cold")
    if frame.uses_frame_pointer:
        words.append('"frame-pointer"="all"')
    return " ".join([*words, architecture.attributes])


Placed = tuple[int, str]
_UNPLACED = -1


def _in_text_order(definitions: list[Placed], declarations: list[Placed]) -> list[str]:
    """LLVM prints visibility and data in the module's order: variables, then functions."""
    variables = [entry for entry in declarations if not entry[1].startswith("declare")]
    functions = [entry for entry in declarations if entry[1].startswith("declare")]
    lines = [text for _, text in sorted(definitions + variables, key=lambda entry: entry[0])]
    return lines + [text for _, text in sorted(functions, key=lambda entry: entry[0])] + [""]


def _declarations(
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
            arguments = ", ".join([*([arguments] if arguments else []), *(["..."] if variadic else [])])
            text = f"declare {weak}{visible}{result} {quoted(name)}({arguments}){_lazy(name, used)}"
            text += " nounwind" if name in printer.builder.graph.nounwind else ""
        elif name in printer.builder.graph.labels:
            raise Refused(function.number, function.name, "the place of a block is used as a number")
        else:
            local = "thread_local " if used.symbols[name] == "tls" else ""
            shape = _shape(*needs.get(name, (1, 1)))
            text = f"{quoted(global_name(name))} = {weak or 'external '}{visible}{local}global {shape}"
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


class _Globals:
    """Definitions of the data that the function reaches and the listing holds."""

    def __init__(self, listing: Listing, printer: Printer) -> None:
        self.listing, self.printer = listing, printer
        self.defined: set[str] = set()

    def run(self) -> list[Placed]:
        lines, work = [], list(self.printer.used.order)
        for name in work:  # grows while it runs
            item = self.listing.data.get(name)
            if item is None or name in self.defined:
                continue
            self.defined.add(name)
            pieces = pieces_of(item)
            for piece in pieces:
                if isinstance(piece, Reference):
                    self.printer.refer(piece.symbol, "got")
                    work.append(piece.symbol)
            lines.append((item.number, self._definition(item, pieces)))
        return lines

    def _definition(self, item: DataObject, pieces: list[Piece]) -> str:
        shape, content = _initializer(fields_of(item))
        private = item.name.startswith(".L")
        constant = item.section.startswith(".rodata") or ".rel.ro" in item.section
        linkage = "private" if private else self._linkage(item)
        unnamed = " unnamed_addr" if private or item.section.startswith(".rodata.") else ""
        kind = "constant" if constant else "global"
        name = quoted(global_name(item.name))
        local = " thread_local" if item.section.startswith((".tdata", ".tbss")) else ""
        return f"{name} = {linkage}{local}{unnamed} {kind} {shape} {content}, align {item.alignment}"

    def _linkage(self, item: DataObject) -> str:
        symbols = self.listing.symbols
        if item.name in symbols.weak:
            return "weak"
        hidden = " hidden" if item.name in symbols.hidden else " dso_local"
        return f"{hidden.strip()}" if item.name in symbols.globals else "internal"


def _initializer(fields: list[tuple[int, Piece]]) -> tuple[str, str]:
    """(type, value) of a global, field by field as the text has it."""
    parts = [_field(size, piece) for size, piece in fields]
    if not parts:
        return "[0 x i8]", "zeroinitializer"
    if len(parts) == 1:
        return parts[0]
    shape = "<{ " + ", ".join(kind for kind, _ in parts) + " }>"
    return shape, "<{ " + ", ".join(f"{kind} {text}" for kind, text in parts) + " }>"


def _field(size: int, piece: Piece) -> tuple[str, str]:
    if size in (1, 2, 4, 8) and isinstance(piece, bytes):
        return f"i{8 * size}", str(int.from_bytes(piece, "little", signed=True))
    return _piece(piece)


def _piece(piece: Piece) -> tuple[str, str]:
    if isinstance(piece, bytes):
        kind = f"[{len(piece)} x i8]"
        if not any(piece):
            return kind, "zeroinitializer"
        return kind, 'c"' + "".join(chr(b) if b in _PRINTABLE else f"\\{b:02X}" for b in piece) + '"'
    name = quoted(global_name(piece.symbol))
    address = f"getelementptr (i8, ptr {name}, i64 {piece.addend})" if piece.addend else name
    if piece.base:
        base = quoted(global_name(piece.base))
        whole = f"sub (i64 ptrtoint (ptr {address} to i64), i64 ptrtoint (ptr {base} to i64))"
        return (f"i{8 * piece.size}", f"trunc (i64 {whole} to i{8 * piece.size})")
    return "ptr", address


def _flags(listing: Listing, function: AsmFunction, printer: Printer) -> list[str]:
    if not _position_independent(function, printer):
        return []
    return [
        "!llvm.module.flags = !{!0, !1}", '!0 = !{i32 8, !"PIC Level", i32 2}',
        '!1 = !{i32 7, !"PIE Level", i32 2}',
    ]  # fmt: skip


def _position_independent(function: AsmFunction, printer: Printer) -> bool:
    """Absolute addresses in code say no; else yes, as clang's default is."""
    for line in function.lines:
        text = getattr(line, "text", "")
        if "@PLT" in text or "@GOT" in text:
            return True
        if "$" in text and any(f"${name}" in text for name in printer.used.order):
            return False
        if "(," in text and any(f"{name}(," in text for name in printer.used.order):
            return False
    return True


def value_types(builder: Builder) -> str:
    """The function's result type."""
    types = [type_ for _, type_ in builder.result.parts]
    if not types:
        return "void"
    return types[0] if len(types) == 1 else "{ " + ", ".join(types) + " }"

