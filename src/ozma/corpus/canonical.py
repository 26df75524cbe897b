"""Hash of a single-function module that names and numbers do not change, for de-duplication.

LLVM numbers the values and prints the module (`ozma.llvm.numbering`). From that text this file
takes the function and then, in the order in which they are first used, what it uses: so neither
the order nor the names and numbers of types, strings, attribute groups and metadata matter.
LLVM's text is regular: outside of quotes, a name starts with its sigil.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

_HASH_BYTES = 16
# Quoted words come first, so that nothing inside them is taken for a name or a comment.
_TOKEN = re.compile(
    r'[@%$]"[^"]*"|"[^"]*"|[@%$][-\w.$]+|#\d+|,? ![A-Za-z_.][-\w.]* !\d+|!\d+|;[^\n]*'
)
_ENTITY = re.compile(r'^([@%$](?:"[^"]*"|[-\w.$]+)|!\d+) = (.*)$')
_GROUP = re.compile(r"^attributes (#\d+) = (.*)$")
_SYMBOL = re.compile(r'@(?:"[^"]*"|[-\w.$]+)')
_LOCAL = re.compile(r"(?:private|internal) ")
_ITSELF = "@.self"


def canonical_hash(numbered: str) -> str:
    """Hash (32 hex digits) of the function in `numbered`, the text of its numbered module.

    Aside are: the names of its values, blocks, types, private constants and its own; attribute
    group, type and metadata numbers; metadata attachments; source file, ident and target lines.
    Everything else that LLVM prints counts, and so does what it says about the symbols it uses.
    """
    text = "\n".join(canonical_lines(numbered))
    return hashlib.blake2b(text.encode(), digest_size=_HASH_BYTES).hexdigest()


def canonical_lines(numbered: str) -> Iterator[str]:
    """The text that is hashed: the function, then the symbols it uses in order of first use."""
    return _Reader(numbered).lines()


class _Reader:
    def __init__(self, numbered: str) -> None:
        self._body: list[str] = []
        self._entities: dict[str, str] = {}
        self._inlined: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._used: list[str] = []
        self._privates = 0
        self._read(numbered)

    def _read(self, numbered: str) -> None:
        inside = False
        for line in numbered.split("\n"):
            if line.startswith("define "):
                inside = True
                self._names[_SYMBOL.search(line).group()] = _ITSELF
            if inside:
                self._body.append(line)
                inside = line != "}"
            elif line.startswith("declare "):
                self._entities[_SYMBOL.search(line).group()] = line
            elif found := _ENTITY.match(line) or _GROUP.match(line):
                self._entities[found.group(1)] = found.group(2)

    def lines(self) -> Iterator[str]:
        for line in self._body:
            if rewritten := _TOKEN.sub(self._rewrite, line).rstrip():
                yield rewritten
        for name in self._used:  # grows while its members are rewritten
            yield self._names[name] + " = " + _TOKEN.sub(self._rewrite, self._entities[name])

    def _rewrite(self, token: re.Match) -> str:
        word = token.group()
        sigil = word[0]
        if sigil == "@":
            return self._names.get(word) or self._introduce(word)
        if sigil in "%$#" or (sigil == "!" and word[1:].isdigit()):
            return self._inline(word) if word in self._entities else word
        return "" if sigil in ";, " else word  # a comment, an attachment or a quoted word

    def _introduce(self, symbol: str) -> str:
        """First use of a symbol: the name of a private one says nothing, a callee's does."""
        definition = self._entities.get(symbol)
        self._names[symbol] = symbol
        if definition is None:
            return symbol
        if _LOCAL.match(definition):
            self._names[symbol] = f"@.private{self._privates}"
            self._privates += 1
        self._used.append(symbol)
        return self._names[symbol]

    def _inline(self, name: str) -> str:
        """A type, comdat, attribute group or metadata node by the hash of what it says."""
        if name not in self._inlined:
            self._inlined[name] = "recursive"  # metadata nodes may refer to themselves
            text = _TOKEN.sub(self._rewrite, self._entities[name])
            digest = hashlib.blake2b(text.encode(), digest_size=_HASH_BYTES).hexdigest()
            self._inlined[name] = f"<{digest}>"
        return self._inlined[name]
