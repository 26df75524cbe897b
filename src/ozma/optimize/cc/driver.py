"""The compile that is ours: the real compiler runs first, then each of its objects may shrink.

From the moment the real compiler succeeded, nothing of ours changes what the build sees except
that an object is replaced, in one step, by a smaller one.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import asdict
from pathlib import Path

from ozma.llvm.result import Sizes
from ozma.llvm.target import target_name
from ozma.llvm.toolchain import Toolchain
from ozma.optimize.cc import records
from ozma.optimize.cc.cache import Chosen
from ozma.optimize.cc.cc1 import CompileStep, Unsupported, read_steps, read_version
from ozma.optimize.cc.config import CompilerConfig, read_options
from ozma.optimize.cc.exclude import read_exclusions
from ozma.optimize.cc.result import Chooser, Problem, Result
from ozma.optimize.cc.signals import RealCompiler
from ozma.optimize.cc.unit import Tools, improve_unit
from ozma.optimize.pack import NoLists, Pack, target_pack

_PLAN_SECONDS = 60.0


def improve(
    options: dict[str, str],
    folder: str,
    compiler: str,
    words: list[str],
    real: RealCompiler,
    choose: Chooser | None = None,
) -> int:
    """Waits for the real compiler, then improves what it made; returns its exit code.

    A negative code is the signal that ended it. OzmaError: an option of ours does not read, or the
    lists or the model that it names.
    """
    try:
        asked = _ask_for_steps(compiler, words)
    except OSError:  # no more processes: the real compiler is all there will be
        return real.wait()
    with asked as plan:
        try:
            code = real.wait()
            if code == 0:
                _improve_all(read_options(options, folder), plan, choose)
            return code
        finally:
            plan.kill()


def _ask_for_steps(compiler: str, words: list[str]) -> subprocess.Popen:
    """Starts `clang -###`, which says on standard error what clang does for these words."""
    return subprocess.Popen(
        [compiler, "-###", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="surrogateescape",
    )


def _improve_all(config: CompilerConfig, plan: subprocess.Popen, choose: Chooser | None) -> None:
    started = time.perf_counter()
    try:
        text = plan.communicate(timeout=_PLAN_SECONDS)[1]
        steps = read_steps(text)
        tools = _tools(config, steps[0], read_version(text), choose)
    except (Unsupported, subprocess.SubprocessError, OSError) as error:
        _hand_over(config, error)
        return
    except NoLists:
        _hand_over(config, Unsupported("no pass lists for this LLVM"))
        return
    for step in steps:
        result = improve_unit(step, tools)
        result.seconds["ours"] = round(time.perf_counter() - started, 4)
        records.append(str(config.cache), _record(step, tools, result))
        started = time.perf_counter()


def _hand_over(config: CompilerConfig, error: Exception) -> None:
    reason = "no plan for the compile step"
    if isinstance(error, Unsupported):
        reason = str(error)
    elif isinstance(error, OSError) and error.filename == str(config.exclude_file):
        reason = "exclude file not readable"
    records.append(str(config.cache), records.passed_through(reason, config.session))


def _tools(
    config: CompilerConfig, step: CompileStep, version: str, choose: Chooser | None
) -> Tools:
    lists_hash, number = "", version.partition(".")[0]
    if not number.isdigit():
        raise Unsupported("release of the compiler not understood")
    major = int(number)
    if choose is None:
        pack = target_pack(major, target_name(step.triple), config.lists)
        choose, lists_hash = _chooser(pack, config.model), pack.digest + _model_hash(config)
    prefix = Path(step.compiler).parent.parent
    toolchain = Toolchain(major, prefix)
    exclusions = read_exclusions(config.exclude_file)
    return Tools(config, toolchain, version, exclusions, choose, lists_hash)


def _model_hash(config: CompilerConfig) -> str:
    if config.model is None:
        return ""
    from ozma.optimize.rank import check_model, fingerprint

    return fingerprint(check_model(config.model))


def _chooser(pack: Pack, model: Path | None) -> Chooser:
    """Loads LLVM only for what the cache does not hold: half of the time of a cached compile."""

    def choose(problem: Problem) -> Chosen:
        from ozma.optimize.cc.chooser import ListChooser
        from ozma.optimize.rank import ModelAdvisor

        advisor = ModelAdvisor(problem.steps.toolchain, model) if model else None
        return ListChooser(pack, advisor)(problem)

    return choose


def _sizes(sizes: Sizes | None) -> dict[str, int] | None:
    return sizes and {**asdict(sizes), "total": sizes.total}


def _record(step: CompileStep, tools: Tools, result: Result) -> str:
    return json.dumps(
        {
            "event": "unit",
            "outcome": result.outcome,
            "reason": result.reason,
            "detail": result.detail,
            "session": tools.config.session,
            "directory": os.getcwd(),
            "source": step.source,
            "output": os.path.abspath(step.output),
            "ir": result.ir,
            "language": step.language,
            "level": step.level,
            "triple": step.triple,
            "llvm": tools.version,
            "passes": result.passes,
            "checked": result.checked,
            "before": _sizes(result.before),
            "after": _sizes(result.after),
            "budget": str(tools.config.budget),
            "compiles": result.compiles,
            "cached": result.cached,
            "reproducer": result.reproducer and str(result.reproducer),
            "seconds": result.seconds,
            "time": round(time.time(), 3),
        }
    )
