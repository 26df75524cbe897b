"""Data of a listing: bytes with symbols in them, constant pools, jump tables, IR globals."""

from __future__ import annotations

import ast
import re
import struct
from dataclasses import dataclass

from ozma.lift.reading.lines import split_operands
from ozma.lift.reading.listing import DataObject, Listing
from ozma.lift.reading.effects import Unsupported

_SIZES = {
    ".byte": 1, ".2byte": 2, ".short": 2, ".value": 2, ".hword": 2, ".half": 2, ".4byte": 4,
    ".long": 4, ".int": 4, ".word": 4, ".8byte": 8, ".quad": 8, ".xword": 8, ".dword": 8,
}  # fmt: skip
_STRINGS = (".ascii", ".asciz", ".string")
_SPACES = (".zero", ".space", ".skip")
_IGNORED = (".cfi_startproc", ".p2align_skip", ".loc")
_OCTAL = re.compile(rb"\\([0-7]{1,3}|x[0-9a-fA-F]+|.)", re.S)
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"f": b"\f"}
_REFERENCE = re.compile(r'("[^"]+"|[A-Za-z_.$][\w.$]*)\s*(?:([+-])\s*(\d+))?$')
_SCALED = re.compile(r"\(([^()]*)\)\s*>>\s*(\d+)$")
_DIFFERENCE = re.compile(r"([\w.$]+)\s*-\s*([\w.$]+)(?:\s*([+-])\s*(\d+))?$")


@dataclass(frozen=True)
class Reference:
    """A symbol's address within data: `size` bytes; minus `base` if that is not "", and then
    shifted right."""

    symbol: str
    addend: int
    size: int
    base: str = ""
    shift: int = 0


Piece = bytes | Reference


def pieces_of(item: DataObject) -> list[Piece]:
    """The content in order, neighbouring bytes joined. Unsupported names a directive."""
    found: list[Piece] = []
    for directive, arguments in item.items:
        for piece in _pieces(directive, arguments):
            if isinstance(piece, bytes) and found and isinstance(found[-1], bytes):
                found[-1] += piece
            else:
                found.append(piece)
    return found


def fields_of(item: DataObject) -> list[tuple[int, Piece]]:
    """The content as the text gives it: (bytes of a number, 0 for strings and zeros; piece)."""
    return [
        (_SIZES.get(directive, 0), piece)
        for directive, arguments in item.items
        for piece in _pieces(directive, arguments)
    ]


def _pieces(directive: str, arguments: str) -> list[Piece]:
    if directive in _SIZES:
        size = _SIZES[directive]
        return [_number(text, size) for text in split_operands(arguments)]
    if directive in _STRINGS:
        end = b"" if directive == ".ascii" else b"\0"
        return [_string(text) + end for text in split_operands(arguments)]
    if directive in _SPACES:
        parts = split_operands(arguments)
        try:
            fill = int(parts[1], 0) if len(parts) > 1 else 0
            return [bytes([fill & 255]) * min(int(parts[0], 0), 1 << 24)]
        except ValueError as error:
            raise Unsupported(f"'{arguments}' is no number of bytes") from error
    if directive in (".float", ".single"):
        return [struct.pack("<f", float(text)) for text in split_operands(arguments)]
    if directive == ".double":
        return [struct.pack("<d", float(text)) for text in split_operands(arguments)]
    if directive in _IGNORED:
        return []
    raise Unsupported(f"data directive {directive}")


def _number(text: str, size: int) -> Piece:
    try:
        value = int(text, 0)
        return (value & ((1 << (8 * size)) - 1)).to_bytes(size, "little")
    except ValueError:
        pass
    if match := _REFERENCE.match(text):
        addend = int((match[2] or "") + (match[3] or "0"))
        return Reference(match[1].strip('"'), addend, size)
    scaled = _SCALED.match(text)
    if match := _DIFFERENCE.match(scaled[1] if scaled else text.strip("()")):
        addend = int((match[3] or "") + (match[4] or "0"))
        return Reference(match[1], addend, size, match[2], int(scaled[2]) if scaled else 0)
    try:
        return (ast.literal_eval(text) & ((1 << (8 * size)) - 1)).to_bytes(size, "little")
    except (ValueError, SyntaxError, TypeError) as error:
        raise Unsupported(f"data '{text}'") from error


def _string(text: str) -> bytes:
    raw = text.strip()[1:-1].encode("utf-8", "surrogateescape")
    return _OCTAL.sub(_escape, raw)


def _escape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code[:1].isdigit():
        return bytes([int(code, 8) & 255])
    if code[:1] == b"x" and len(code) > 1:
        return bytes([int(code[1:], 16) & 255])
    return _ESCAPES.get(code, code)


def is_pool(item: DataObject) -> bool:
    """A constant pool entry: local, in a section of mergeable constants."""
    return item.name.startswith(".L") and item.section.startswith(".rodata.cst")


def jump_table(item: DataObject, labels: set[str]) -> list[str] | None:
    """Labels that a table jumps to, in order; None if it is no table of this function's labels."""
    try:
        pieces = pieces_of(item)
    except Unsupported:
        return None
    targets = [piece.symbol for piece in pieces if isinstance(piece, Reference)]
    if not targets or len(targets) != len(pieces) or not labels.issuperset(targets):
        return None
    return targets


def byte_table(item: DataObject, labels: set[str]) -> list[Reference] | None:
    """Entries of a table of any width: references to labels of this function; None if it is
    none."""
    try:
        pieces = pieces_of(item)
    except Unsupported:
        return None
    found = [p for p in pieces if isinstance(p, Reference) and p.symbol in labels]
    return found if found and len(found) == len(pieces) else None


def pool_bits(listing: Listing, symbol: str, offset: int, width: int) -> int | None:
    """The constant of `width` bits at symbol + offset, if that is a constant pool's."""
    item = listing.data.get(symbol)
    if item is None or not is_pool(item):
        return None
    try:
        pieces = pieces_of(item)
    except Unsupported:
        return None
    if len(pieces) != 1 or not isinstance(pieces[0], bytes):
        return None
    content = pieces[0][offset : offset + width // 8]
    return int.from_bytes(content, "little") if len(content) == width // 8 else None
