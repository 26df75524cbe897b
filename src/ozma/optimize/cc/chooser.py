"""The chooser that `ozma cc` uses: the shipped lists, or those of a file, each measured."""

from __future__ import annotations

from ozma.llvm import Evaluation, Worker
from ozma.llvm.target import target_name
from ozma.optimize.cc.cache import Chosen
from ozma.optimize.cc.result import Problem
from ozma.optimize.check import Checker
from ozma.optimize.choose import load_unit, measure_all, pick
from ozma.optimize.pack import Pack
from ozma.optimize.rank import Advisor

RUN_SECONDS = 10.0


class ListChooser:
    """Tries the lists of one pack within the budget, in its order or that of an advisor."""

    def __init__(self, pack: Pack, advisor: Advisor | None = None) -> None:
        self.pack, self.advisor = pack, advisor

    def __call__(self, problem: Problem) -> Chosen:
        steps, verify = problem.steps, problem.config.verify
        target = target_name(steps.step.triple)
        check = Checker(steps.toolchain, verify, self.pack, target, problem.bitcode, RUN_SECONDS)
        choice = pick(self._measure(problem), steps.make, problem.before, check)
        tried, best = len(choice.trials), choice.best
        if best is None:
            what = "everything smaller rejected" if choice.rejected else "nothing smaller found"
            return Chosen(compiles=tried, checked=check.result(None).brief, reason=what)
        return Chosen(best.passes, best.object, tried, check.result(best.passes).brief)

    def _measure(self, problem: Problem) -> tuple[Evaluation, ...]:
        config, steps = problem.config, problem.steps
        lists = self.pack.usable(config.verify)
        with Worker(steps.toolchain, options=steps.step.backend_options) as worker:
            if self.advisor is not None:
                lists = self.advisor(worker, problem.bitcode, lists).lists
            loaded = load_unit(worker, steps.step, problem.bitcode)
            return measure_all(worker, loaded, lists, config.budget)
