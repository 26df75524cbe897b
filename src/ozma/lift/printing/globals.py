"""Data of the text as global variables with their initial values."""

from __future__ import annotations

from ozma.lift.printing.declarations import Placed
from ozma.lift.printing.emit import Printer
from ozma.lift.printing.operands import global_name, quoted
from ozma.lift.reading.listing import DataObject, Listing
from ozma.lift.reading.static_data import Piece, Reference, fields_of, pieces_of

_PRINTABLE = frozenset(range(32, 127)) - {34, 92}


class Globals:
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
        return (
            f"{name} = {linkage}{local}{unnamed} {kind} {shape} {content}, align {item.alignment}"
        )

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
        return kind, 'c"' + "".join(
            chr(b) if b in _PRINTABLE else f"\\{b:02X}" for b in piece
        ) + '"'
    name = quoted(global_name(piece.symbol))
    address = f"getelementptr (i8, ptr {name}, i64 {piece.addend})" if piece.addend else name
    if piece.base:
        base = quoted(global_name(piece.base))
        whole = f"sub (i64 ptrtoint (ptr {address} to i64), i64 ptrtoint (ptr {base} to i64))"
        return (f"i{8 * piece.size}", f"trunc (i64 {whole} to i{8 * piece.size})")
    return "ptr", address
