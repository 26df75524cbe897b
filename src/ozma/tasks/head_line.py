"""A `define` or `declare` line taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ozma.tasks.calls import WORD, Argument, apply_differences, group_text, joined
from ozma.tasks.irtext import NAME, split_argument, split_arguments

_HEAD = re.compile(rf"(define|declare) (.*?)(@{NAME})\(")
_HEAD_SUFFIX = re.compile(
    r"((?: (?:local_)?unnamed_addr| addrspace\(\d+\))*)(?: #\{((?:[^}\"]|\"[^\"]*\")*)\})?(.*)"
)


@dataclass(frozen=True)
class Head:
    """A `define` or `declare` line. `kind`: linkage to return type, `address`: unnamed_addr."""

    keyword: str
    kind: str
    symbol: str
    parameters: tuple[Argument, ...]
    variadic: bool
    address: str
    group: frozenset[str]
    after: str

    def __str__(self) -> str:
        group = group_text(self.group)
        return f"{self.start}({self.parameter_text}){self.address}{group}{self.after}"

    @property
    def start(self) -> str:
        return f"{self.keyword} {self.kind} {self.symbol}"

    @property
    def parameter_text(self) -> str:
        return ", ".join([*map(joined, self.parameters), *(["..."] if self.variadic else [])])

    @property
    def signature(self) -> tuple[Argument, ...]:
        return tuple((kind, attributes, "") for kind, attributes, _ in self.parameters)


def read_head(line: str, base: frozenset[str] | None = None) -> Head | None:
    """A `define` or `declare` line; with `base`, of the short form."""
    start = _HEAD.match(line)
    if not start:
        return None
    parts, end = split_arguments(line, start.end())
    parameters = [split_argument(part) for part in parts if part != "..."]
    if end < 0 or None in parameters:
        return None
    suffix = _HEAD_SUFFIX.fullmatch(line[end + 1 :])
    if base is None:
        group, after = frozenset(WORD.findall(suffix[2] or "")), suffix[3]
    else:
        group, after = apply_differences(suffix[3], base)
    return Head(
        start[1], start[2].rstrip(), start[3], tuple(parameters), "..." in parts, suffix[1], group,
        after,
    )  # fmt: skip
