"""`define` and `declare` lines in short form, and what is known of each callee at any line.

A declaration is left out when its first call shows its signature and clang's usual attributes are
its own. `own` marks a declaration of a function that the same unit defines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ozma.tasks.calls import (
    SIZE, Call, Signature, apply_differences, differences, hide_noundef, return_kind, show_noundef,
)  # fmt: skip
from ozma.tasks.head_line import Head, read_head
from ozma.tasks.irtext import NAME
from ozma.tasks.normal import MLVW0, STD
from ozma.tasks.setting import Setting

WHOLE = "!"
"""Before a line that stands as LLVM prints it."""
_OWN = " own"
_NOT_PREEMPTIBLE = re.compile(r"\b(?:hidden|protected|internal|private)\b")
_LINKAGE = re.compile(
    r"(?:(?:private|internal|available_externally|linkonce|weak|common|appending|extern_weak"
    r"|linkonce_odr|weak_odr|external) )?"
)
_BARE = re.compile(
    rf"declare ((?:[^@ ]+ )*)(@{NAME})((?: (?:local_)?unnamed_addr)?)((?: own)?)((?: .*)?)"
)


@dataclass(frozen=True)
class Partial:
    """A declaration without its signature."""

    words: str
    symbol: str
    address: str
    own: bool
    group: frozenset[str]
    after: str


class Heads:
    """Knowledge of the functions of one module; both directions build it from the same lines."""

    def __init__(self, setting: Setting) -> None:
        self._local = setting.relocation != "pic"
        self._std = frozenset({STD} if setting.attributes else ())
        is_x86 = setting.triple.startswith(("x86", "i386", "i686"))
        usual = {*SIZE, "nounwind", "uwtable", *self._std, *([MLVW0] if is_x86 else [])}
        self._define_base = frozenset(usual)
        self._first = self._define_base
        self._partial: dict[str, Partial] = {}
        self.known: dict[str, Signature] = {}
        self.implied: dict[str, Head] = {}
        """Declarations that calls have completed, by symbol."""

    def begin(self, defines: Iterable[Head]) -> None:
        """All definitions of the module; the first says what to expect of declarations."""
        defines = list(defines)
        if defines:
            self._first = defines[0].group
        for head in defines:
            self.known[head.symbol] = Signature(head.signature, head.group, own=True)

    def expected(self, symbol: str | None) -> Signature | None:
        """What a call of `symbol` at this place is compared with."""
        partial = self._partial.get(symbol)
        if partial and symbol not in self.known:
            return Signature((), partial.group, partial.own)
        return self.known.get(symbol)

    def learn(self, call: Call | None) -> None:
        """The first direct call of a symbol shows its signature."""
        if call and call.is_direct and call.callee not in self.known:
            partial = self._partial.get(call.callee) or self._plain(call.callee)
            self.known[call.callee] = Signature(call.signature, partial.group, partial.own)
            self.implied[call.callee] = _completed(partial, call)

    def _plain(self, symbol: str) -> Partial:
        return Partial("", symbol, "", False, self._base(own=False), "")

    def _base(self, own: bool) -> frozenset[str]:
        kept = SIZE | {"uwtable", "mustprogress", "nounwind", STD, MLVW0}
        return self._first & kept if own else (self._first & SIZE) | self._std

    # definitions

    def short_define(self, head: Head) -> str:
        text = _short_head(replace(head, kind=self._hide_local(head.kind)), self._define_base)
        return text if str(self.long_define(text)) == str(head) else f"{WHOLE}{head}"

    def long_define(self, short: str) -> Head | None:
        """None if the line cannot be read."""
        if short.startswith(WHOLE):
            return read_head(short[len(WHOLE) :])
        head = read_head(short, self._define_base)
        return _long_head(head, self._show_local(head.kind)) if head else None

    def _hide_local(self, kind: str) -> str:
        """Without `dso_local`, which is usual unless the module is position-independent."""
        if not self._local or _NOT_PREEMPTIBLE.search(kind):
            return kind
        if "dso_local " in kind:
            return kind.replace("dso_local ", "", 1)
        return _insert(kind, "dso_preemptable ")

    def _show_local(self, kind: str) -> str:
        if not self._local or _NOT_PREEMPTIBLE.search(kind):
            return kind
        if "dso_preemptable " in kind:
            return kind.replace("dso_preemptable ", "", 1)
        return _insert(kind, "dso_local ")

    # declarations

    def short_declare(self, head: Head, first: Call | None) -> str:
        """The short line, or "" when the first call says it all; `read_declare` was done on it."""
        for short in (self._bare(head, first), self._with_signature(head), f"{WHOLE}{head}"):
            if short is not None and self._means(short, first, head):
                return short
        raise AssertionError(f"a whole line is read as another: {head}")

    def _means(self, short: str, first: Call | None, head: Head) -> bool:
        self.known.pop(head.symbol, None)
        self._partial.pop(head.symbol, None)
        read = self.read_declare(short) if short else self._plain(head.symbol)
        if isinstance(read, Partial) and first:
            read = _completed(read, first)
        return str(read) == str(head)

    def _bare(self, head: Head, first: Call | None) -> str | None:
        if not first or first.signature != head.signature:
            return None
        kind = return_kind(first.kind)
        if head.kind != kind and not head.kind.endswith(f" {kind}"):
            return None
        own = self._looks_own(head)
        words = self._hide_local(head.kind)[: -len(kind)] if own else head.kind[: -len(kind)]
        tail = self._tail(head, own)
        return f"declare {words}{head.symbol}{tail}" if words or tail else ""

    def _with_signature(self, head: Head) -> str:
        own = self._looks_own(head)
        kind = self._hide_local(head.kind) if own else head.kind
        shown = replace(head, kind=kind, address="", group=frozenset(), after="")
        return _short_head(shown, frozenset()) + self._tail(head, own)

    def _tail(self, head: Head, own: bool) -> str:
        changed = differences(head.group, self._base(own))
        return f"{head.address}{_OWN if own else ''}{changed}{head.after}"

    def _looks_own(self, head: Head) -> bool:
        return len(head.group ^ self._base(True)) < len(head.group ^ self._base(False))

    def read_declare(self, short: str) -> Head | Partial | None:
        """Reads and remembers a declaration. None if the line is none."""
        if found := _BARE.fullmatch(short):
            words, symbol, address, own, rest = found.groups()
            group, after = apply_differences(rest, self._base(bool(own)))
            partial = Partial(words, symbol, address, bool(own), group, after)
            if own:
                partial = replace(partial, words=self._show_local(words))
            self._partial[symbol] = partial
            return partial
        head, own = self._read_signature(short)
        if head:
            self.known[head.symbol] = Signature(head.signature, head.group, own)
        return head

    def _read_signature(self, short: str) -> tuple[Head | None, bool]:
        if short.startswith(WHOLE):
            return read_head(short[len(WHOLE) :]), False
        head = read_head(short)
        if not head:
            return None, False
        own = head.after.startswith(_OWN)
        rest = head.after[len(_OWN) :] if own else head.after
        group, after = apply_differences(rest, self._base(own))
        kind = self._show_local(head.kind) if own else head.kind
        return replace(_long_head(head, kind), group=group, after=after), own


def _completed(partial: Partial, call: Call) -> Head:
    parameters = tuple((kind, attributes, "") for kind, attributes, _ in call.signature)
    return Head(
        "declare", partial.words + return_kind(call.kind), partial.symbol, parameters,
        call.kind.endswith("...)"), partial.address, partial.group, partial.after,
    )  # fmt: skip


def _short_head(head: Head, base: frozenset[str]) -> str:
    parameters = tuple((kind, hide_noundef(a), value) for kind, a, value in head.parameters)
    shown = replace(head, parameters=parameters)
    changed = differences(head.group, base)
    return f"{shown.start}({shown.parameter_text}){head.address}{changed}{head.after}"


def _long_head(head: Head, kind: str) -> Head:
    return replace(head, kind=kind, parameters=tuple(map(show_noundef, head.parameters)))


def _insert(kind: str, word: str) -> str:
    linkage = _LINKAGE.match(kind).end()
    return kind[:linkage] + word + kind[linkage:]
