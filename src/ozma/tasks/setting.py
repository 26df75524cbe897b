"""What a whole module shares because of how it was compiled, and what the short form leaves out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property

from ozma.llvm import Target, Toolchain
from ozma.llvm.pipelines import ask

_FLAG = re.compile(r'!\{i32 \d+, !"(PIC|PIE) Level", i32 ([12])\}')
_NODE = re.compile(r"^(!\d+) = (!\{.*\})$", re.MULTILINE)
_FLAGS = re.compile(r"^!llvm\.module\.flags = !\{(.*)\}$", re.MULTILINE)
_GROUP = re.compile(r"^attributes #\d+ = \{ (.*) \}$", re.MULTILINE)
_STRING = re.compile(r'"[^"]*"(?:="[^"]*")?')
_OWN = '"min-legal-vector-width"='
_USUAL = (
    '"no-trapping-math"="true"', '"stack-protector-buffer-size"="8"', '"target-cpu"="x86-64"',
    '"target-cpu"="generic"', '"tune-cpu"="generic"',
)  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """Triple, data layout, string attributes of all functions and module flags, as LLVM prints
    them: `attributes` like `"target-cpu"="x86-64"`, `flags` like `!{i32 8, !"PIC Level", i32 2}`.
    """

    triple: str = ""
    layout: str = ""
    attributes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @cached_property
    def relocation(self) -> str:
        """`pie`, `pic` or `static`."""
        levels = {found[1] for flag in self.flags if (found := _FLAG.match(flag))}
        return "pie" if "PIE" in levels else "pic" if "PIC" in levels else "static"

    @property
    def header(self) -> str:
        """What a model is told of it: machine, relocation, and what is not clang's default."""
        words = [self.triple.split("-")[0] or "unknown", self.relocation]
        cpu_known = any(one in _USUAL for one in self.attributes if "target-cpu" in one)
        for one in self.attributes:
            if one not in _USUAL and not (cpu_known and one.startswith('"target-features"')):
                words.append(one.replace('"', ""))
        return "target " + " ".join(words)


def setting_of(text: str) -> Setting:
    """The setting of a module that LLVM printed."""
    nodes = dict(_NODE.findall(text))
    flags = _FLAGS.search(text)
    numbers = flags[1].split(", ") if flags and flags[1] else []
    return Setting(
        triple=_quoted(text, "target triple"),
        layout=_quoted(text, "target datalayout"),
        attributes=_shared(_GROUP.findall(text)),
        flags=tuple(nodes[number] for number in numbers if number in nodes),
    )


@cache
def setting_for(toolchain: Toolchain, target: Target) -> Setting:
    """What clang itself writes for an empty function at `-Oz`."""
    words = [*target.clang_args, "-Oz", "-S", "-emit-llvm", "-x", "c", "-", "-o", "-"]
    return setting_of(ask([str(toolchain.tool("clang")), *words], "void f(void) {}\n"))


def _quoted(text: str, name: str) -> str:
    match = re.search(rf'^{name} = "([^"]*)"', text, re.MULTILINE)
    return match[1] if match else ""


def _shared(groups: list[str]) -> tuple[str, ...]:
    """String attributes that all groups with a CPU have (all with any string, if none has one)."""
    sets = [[s for s in _STRING.findall(g) if not s.startswith(_OWN)] for g in groups]
    with_cpu = [s for s in sets if any(one.startswith('"target-cpu"') for one in s)]
    sets = with_cpu or [s for s in sets if s]
    if not sets:
        return ()
    return tuple(one for one in sets[0] if all(one in other for other in sets[1:]))
