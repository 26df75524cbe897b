"""Which passes an LLVM release has, at which level they run, and which parameters they take.

Derived from the text of `opt --print-passes`, so that nothing here assumes a release.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

from ozma.errors import OzmaError
from ozma.passes.deny import DenyRow, deny_rows, find_row
from ozma.passes.grammar import Pass, Pipeline, leaves, parse

OPTIMIZATION_LEVELS = ("O0", "O1", "O2", "O3", "Os", "Oz")
PIPELINE_ALIASES = ("default", "thinlto-pre-link", "thinlto", "lto-pre-link", "lto")
"""Accepted by every release; `--print-passes` lists them only from LLVM 21 on."""

NEEDS_MEMORY_SSA = frozenset({"licm", "lnicm"})
"""Abort inside `loop(...)`. LLVM's parser knows the same two names (isLoopPassName)."""
KEEPS_MEMORY_SSA = frozenset(
    {
        *NEEDS_MEMORY_SSA,
        *("indvars", "loop-deletion", "loop-flatten", "loop-idiom", "loop-instsimplify"),
        *("loop-predication", "loop-reduce", "loop-rotate", "loop-simplifycfg"),
        *("no-op-loop", "no-op-loopnest", "simple-loop-unswitch"),
    }
)
"""Passes that update MemorySSA; any other aborts inside `loop-mssa(...)` once it changes a loop."""


UNCHECKED = {"instcombine": "no-verify-fixpoint"}
"""A bare `instcombine` aborts when one iteration is not enough; clang never runs it so."""


class CatalogueError(OzmaError):
    """The text is not the output of `opt --print-passes`."""


class Level(Enum):
    """What a pass runs on, from the outside in."""

    MODULE = "module"
    CGSCC = "cgscc"
    FUNCTION = "function"
    LOOP = "loop"
    LOOP_MSSA = "loop-mssa"

    @property
    def is_loop(self) -> bool:
        return self in (Level.LOOP, Level.LOOP_MSSA)


@dataclass(frozen=True, slots=True)
class PassInfo:
    """A pass at one level. `options` are spelled as LLVM lists them; `=N` stands for a number."""

    name: str
    level: Level
    options: tuple[str, ...] = ()

    @property
    def runs_in_loop(self) -> bool:
        return self.level is Level.LOOP

    @property
    def runs_in_loop_mssa(self) -> bool:
        return self.level.is_loop and self.name in KEEPS_MEMORY_SSA

    def use(self, *options: str) -> Pass:
        """An element of a pipeline; the name may hold brackets itself (`print<domtree>`)."""
        text = f"{self.name}<{';'.join(options)}>" if options else self.name
        return self.hardened(parse(text).passes[0])

    def hardened(self, item: Pass) -> Pass:
        """`item` without the self-checks that LLVM switches on in `-passes=` for its own tests."""
        off = UNCHECKED.get(self.name)
        if (
            off is None
            or off not in self.options
            or {off, off.removeprefix("no-")} & set(item.params)
        ):
            return item
        return replace(item, params=(*item.params, off))

    @property
    def requires_option(self) -> bool:
        """Whether the bare name is refused: pipelines that are named with their level."""
        return bool(self.options) and set(self.options) <= set(OPTIMIZATION_LEVELS)


@dataclass(frozen=True)
class Catalogue:
    """Every IR pass of one LLVM release; `deny` rows are kept out of `candidates`.

    A name may stand at several levels (`guard-widening`: function and loop); order is LLVM's.
    """

    major: int
    passes: tuple[PassInfo, ...]
    analyses: dict[Level, frozenset[str]] = field(hash=False)
    deny: tuple[DenyRow, ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, tuple[PassInfo, ...]]:
        table: dict[str, tuple[PassInfo, ...]] = {}
        for info in self.passes:
            table[info.name] = (*table.get(info.name, ()), info)
        return table

    @cached_property
    def candidates(self) -> tuple[PassInfo, ...]:
        """What a search may use: passes that no row denies, without the options a row denies."""
        allowed = []
        for info in self.passes:
            if not find_row(self.deny, info.name, ()):
                allowed.append(replace(info, options=self._allowed_options(info)))
        return tuple(allowed)

    def _allowed_options(self, info: PassInfo) -> tuple[str, ...]:
        return tuple(o for o in info.options if not find_row(self.deny, info.name, (o,)))

    def unrestricted(self) -> Catalogue:
        """The same catalogue with nothing denied (what a random search without knowledge draws
        from)."""
        return replace(self, deny=())

    def infos(self, item: Pass) -> tuple[PassInfo, ...]:
        """Every level at which a leaf may run, outermost first; empty when it is unknown.

        `verify<domtree>` is listed whole, so the full text is looked up before the name.
        """
        if item.name in ("require", "invalidate"):
            return self._analysis_infos(item)
        return self._by_name.get(item.head) or self._by_name.get(item.name, ())

    def _analysis_infos(self, item: Pass) -> tuple[PassInfo, ...]:
        wanted = set(item.params)
        everywhere = item.name == "invalidate" and wanted == {"all"}
        levels = (lv for lv, names in self.analyses.items() if everywhere or wanted <= names)
        return tuple(PassInfo(item.name, level) for level in levels)

    def with_options_of(self, printed: Pipeline) -> Catalogue:
        """Adds the options that `opt -print-pipeline-passes` shows but `--print-passes` leaves
        out."""
        seen: dict[str, list[str]] = {}
        for leaf in leaves(printed):
            seen.setdefault(leaf.name, []).extend(leaf.params)
        passes = (_extended(info, seen.get(info.name, ())) for info in self.passes)
        return replace(self, passes=tuple(passes))


def _extended(info: PassInfo, seen: list[str] | tuple[()]) -> PassInfo:
    if not info.options:
        return info
    added = [o for o in seen if "=" not in o and o not in OPTIMIZATION_LEVELS]
    # A parser that understands one `no-` prefix understands it for every switch.
    if any(option.startswith("no-") for option in info.options):
        added += [o.removeprefix("no-") if o.startswith("no-") else f"no-{o}" for o in added]
    return replace(info, options=tuple(dict.fromkeys([*info.options, *added])))


_SECTIONS = {
    "Module passes": Level.MODULE,
    "Module passes with params": Level.MODULE,
    "CGSCC passes": Level.CGSCC,
    "CGSCC passes with params": Level.CGSCC,
    "Function passes": Level.FUNCTION,
    "Function passes with params": Level.FUNCTION,
    "LoopNest passes": Level.LOOP,
    "Loop passes": Level.LOOP,
    "Loop passes with params": Level.LOOP,
}
_ANALYSES = re.compile(r"(Module|CGSCC|Function|Loop) (?:alias )?analyses$")


def parse_catalogue(text: str, major: int) -> Catalogue:
    """The catalogue in the output of `opt --print-passes` of LLVM `major`, with its deny-list."""
    passes: list[PassInfo] = []
    analyses: dict[Level, set[str]] = {level: set() for level in list(Level)[:4]}
    for section, entries in _sections(text):
        if section in _SECTIONS:
            with_params = section.endswith("with params")
            passes += [_info(entry, _SECTIONS[section], with_params) for entry in entries]
        elif match := _ANALYSES.match(section):
            analyses[Level[match.group(1).upper()]].update(entries)
    if not passes:
        raise CatalogueError("no pass found in the output of 'opt --print-passes'")
    passes = [info for info in passes if not info.name.startswith("invalidate<")]
    frozen = {level: frozenset(names) for level, names in analyses.items()}
    return Catalogue(major, _merged([*passes, *_aliases(passes)]), frozen, deny_rows(major))


def _merged(passes: list[PassInfo]) -> tuple[PassInfo, ...]:
    """One entry per name and level: LLVM lists some passes with and without parameters."""
    table: dict[tuple[str, Level], PassInfo] = {}
    for info in passes:
        known = table.get((info.name, info.level), info)
        table[info.name, info.level] = info if info.options else known
    return tuple(table.values())


def _sections(text: str) -> list[tuple[str, list[str]]]:
    sections: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("  ") and sections:
            sections[-1][1].append(line.strip())
        elif line.strip():
            sections.append((line.strip().removesuffix(":"), []))
    return sections


def _info(entry: str, level: Level, with_params: bool) -> PassInfo:
    """One line. Without "with params" in the heading, `<...>` belongs to the name."""
    item = parse(entry).passes[0]
    name = item.name if with_params else item.head
    if name in NEEDS_MEMORY_SSA:
        level = Level.LOOP_MSSA
    return PassInfo(name, level, item.params if with_params else ())


def _aliases(listed: list[PassInfo]) -> list[PassInfo]:
    known = {info.name for info in listed}
    missing = (alias for alias in PIPELINE_ALIASES if alias not in known)
    return [PassInfo(alias, Level.MODULE, OPTIMIZATION_LEVELS) for alias in missing]
