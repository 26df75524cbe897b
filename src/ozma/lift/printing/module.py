"""The module around a lifted function: data layout, data, declarations, attributes, flags."""

from __future__ import annotations

from ozma.lift.decisions import Chooser
from ozma.lift.printing.declarations import declarations, in_text_order
from ozma.lift.printing.emit import Printer
from ozma.lift.printing.globals import Globals
from ozma.lift.printing.operands import quoted
from ozma.lift.reading.architecture import Architecture
from ozma.lift.reading.listing import AsmFunction, Listing
from ozma.lift.ssa.builder import Builder
from ozma.lift.stack.objects import Frame


def module_text(
    function: AsmFunction, listing: Listing, architecture: Architecture, printer: Printer,
    arguments: list[str], result: str, frame: Frame, chooser: Chooser, has_cfi: bool,
) -> tuple[str, tuple[tuple[int, int], ...], str]:  # fmt: skip
    """(text, line map, signature)."""
    head = [
        f'target datalayout = "{architecture.layout}"', f'target triple = "{architecture.triple}"',
        "",
    ]  # fmt: skip
    data = Globals(listing, printer)
    head += in_text_order(data.run(), declarations(function, listing, printer, data.defined))
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
    throws = bool(personality) or has_cfi and _may_throw(function, printer)
    words = _attributes(function, architecture, frame, chooser, has_cfi, throws, plain)
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


def _may_throw(function: AsmFunction, printer: Printer) -> bool:
    """C++ that catches nothing itself: an exception may pass through, to a caller in this
    module."""
    return any(name.startswith("_Z") for name in (function.name, *printer.used.callees))


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
