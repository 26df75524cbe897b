"""The chooser that `ozma cc` uses: the shipped lists, or those of a file, each measured."""

from __future__ import annotations

from ozma.llvm import TARGETS, Worker
from ozma.optimize.cc.config import CompilerConfig
from ozma.optimize.cc.result import Chosen, Problem
from ozma.optimize.choose import choose
from ozma.optimize.pack import Pack, PackEntry

NOT_CHECKED = "not checked"


def usable(entry: PackEntry, verify: str) -> bool:
    """Lists that failed a suite on any target are out, unless nothing is to be verified."""
    suites = (suite for target in entry.verdicts.values() for suite in target.values())
    return verify == "none" or not any(suite["failures"] for suite in suites)


def target_name(triple: str) -> str:
    """Name of the supported target with this architecture, or the triple itself."""
    machine = triple.partition("-")[0]
    if machine.startswith("thumb"):
        return "thumb2"
    names = (name for name, t in TARGETS.items() if t.triple.partition("-")[0] == machine)
    return next(names, triple)


def what_was_checked(pack: Pack, passes: str, config: CompilerConfig, target: str) -> str:
    """What is known of this list on this target, in words."""
    entry = pack.find(passes)
    programs = entry.programs_passed(target) if entry else 0
    if config.verify == "none" or not programs:
        return NOT_CHECKED
    return f"list passed {programs} programs on {target}"


class ListChooser:
    """Tries the lists of one pack in order, within the budget."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack

    def __call__(self, problem: Problem) -> Chosen:
        config, step = problem.config, problem.step
        lists = [entry.passes for entry in self.pack.lists if usable(entry, config.verify)]
        with Worker(problem.toolchain, options=step.backend_options) as worker:
            loaded = worker.load(
                problem.bitcode,
                function_sections="-ffunction-sections" in step.words,
                data_sections="-fdata-sections" in step.words,
            )
            choice = choose(worker, loaded, lists, config.budget, limit=problem.before)
        tried, best = len(choice.trials), choice.best
        if best is None:
            return Chosen(compiles=tried, checked=NOT_CHECKED)
        checked = what_was_checked(self.pack, best.passes, config, target_name(step.triple))
        return Chosen(best.passes, best.bitcode, tried, checked)
