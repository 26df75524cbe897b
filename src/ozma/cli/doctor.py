"""`ozma doctor`: which LLVM is here, what it can do, and what to install."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from ozma.cli.parser import Parser
from ozma.errors import OzmaError
from ozma.llvm import TARGETS, Target, Toolchain, Worker, find_toolchain, installed_toolchains
from ozma.llvm.clang import compile_bitcode, compile_object
from ozma.llvm.objects import measure_object
from ozma.llvm.pipelines import catalogue_of, clang_pipeline
from ozma.optimize.pack import shipped_majors

_PROGRAM = "int f(int n) { int s = 0; for (int i = 0; i < n; i++) s += i * n; return s; }\n"


@dataclass(frozen=True)
class TargetCheck:
    """One target's self-test: clang's object against ours under clang's own pass list, in bytes."""

    target: str
    clang: int
    ours: int
    problem: str = ""

    @property
    def good(self) -> bool:
        return not self.problem and self.clang == self.ours


def check_target(toolchain: Toolchain, target: Target, source: Path) -> TargetCheck:
    """Compiles a small function both ways."""
    try:
        real = measure_object(compile_object(toolchain, source, target=target)).total
        with Worker(toolchain) as worker:
            loaded = worker.load(compile_bitcode(toolchain, source, target=target))
            result = worker.evaluate(loaded.id, clang_pipeline(toolchain))
    except OzmaError as error:
        return TargetCheck(target.name, 0, 0, str(error))
    if not result.sizes:
        return TargetCheck(target.name, real, 0, f"{result.outcome.value}: {result.message}")
    return TargetCheck(target.name, real, result.sizes.total)


def examine(toolchain: Toolchain) -> dict:
    """Facts about one toolchain, JSON-ready."""
    with tempfile.TemporaryDirectory(prefix="ozma-") as folder:
        source = Path(folder, "f.c")
        source.write_text(_PROGRAM)
        checks = [check_target(toolchain, target, source) for target in TARGETS.values()]
    return {
        "llvm": toolchain.version,
        "prefix": str(toolchain.prefix),
        "library": str(toolchain.library),
        "passes": len(catalogue_of(toolchain).passes),
        "pack": toolchain.major in shipped_majors(),
        "targets": [{**asdict(check), "good": check.good} for check in checks],
    }


def _print(facts: dict, default: bool) -> None:
    mark = " (default)" if default else ""
    pack = "shipped" if facts["pack"] else "none shipped: give --passes, or tune"
    print(f"LLVM {facts['llvm']}{mark}")
    print(f"  prefix   {facts['prefix']}")
    print(f"  library  {facts['library']}")
    print(f"  passes   {facts['passes']} in its catalogue")
    print(f"  lists    {pack}")
    for check in facts["targets"]:
        state = "ok" if check["good"] else check["problem"] or "sizes differ"
        sizes = f"clang -Oz {check['clang']} bytes, ours {check['ours']}"
        print(f"  target   {check['target']:<8} {state} ({sizes})")


def main(words: list[str]) -> int:
    """0 if every release that is examined passes its self-test on every target."""
    parser = Parser(prog="ozma doctor", description=__doc__)
    parser.add_argument("--llvm", type=int, metavar="N", help="examine this release only")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(words)
    chosen = find_toolchain(options.llvm)
    which = [chosen] if options.llvm else installed_toolchains()
    found = [examine(toolchain) for toolchain in which]
    if options.json:
        print(json.dumps({"default": chosen.major, "toolchains": found}, indent=2))
    else:
        for toolchain, facts in zip(which, found, strict=True):
            _print(facts, toolchain == chosen)
    return 0 if all(c["good"] for facts in found for c in facts["targets"]) else 100
