"""The chooser that `ozma cc` uses: the shipped lists, or those of a file, each measured."""

from __future__ import annotations

from dataclasses import dataclass, field

from ozma.llvm import TARGETS, Evaluation, Worker
from ozma.llvm.opt import StockOpt
from ozma.llvm.target import target_name
from ozma.optimize.cc.result import Chosen, Problem
from ozma.optimize.choose import load_unit, measure_all, pick
from ozma.optimize.pack import Pack
from ozma.optimize.rank import Advisor
from ozma.verify.verdict import Verdict

NOT_CHECKED = Verdict.NOT_CHECKED.value
RUN_SECONDS = 10.0


def about_list(pack: Pack, passes: str, verify: str, target: str) -> str:
    """What is known of this list on this target, in words."""
    entry = pack.find(passes)
    programs = entry.programs_passed(target) if entry else 0
    if verify == "none" or not programs:
        return NOT_CHECKED
    return f"list passed {programs} programs on {target}"


@dataclass
class DifferentialCheck:
    """Runs the functions of a candidate's object against those of the unoptimized build, where that
    can run."""

    problem: Problem
    target: str
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    def __call__(self, candidate: Evaluation) -> bool:
        from ozma.verify.differential import check_object

        if self.target not in TARGETS:
            return True
        problem, target = self.problem, TARGETS[self.target]
        made = problem.make_object(candidate.bitcode)
        report = check_object(
            problem.bitcode, made, problem.toolchain, target, timeout=RUN_SECONDS
        )
        self.verdicts[candidate.passes] = report.verdict
        return not report.verdict.failed

    def about(self, passes: str) -> str:
        return self.verdicts.get(passes, Verdict.NOT_CHECKED).value


class ListChooser:
    """Tries the lists of one pack within the budget, in its order or that of an advisor."""

    def __init__(self, pack: Pack, advisor: Advisor | None = None) -> None:
        self.pack, self.advisor = pack, advisor

    def __call__(self, problem: Problem) -> Chosen:
        verify, target = problem.config.verify, target_name(problem.step.triple)
        check = DifferentialCheck(problem, target) if verify == "differential" else None
        apply = StockOpt(problem.toolchain, problem.unit)
        choice = pick(self._measure(problem), apply, problem.before, check)
        tried, best = len(choice.trials), choice.best
        if best is None:
            return Chosen(compiles=tried, checked=NOT_CHECKED)
        checked = about_list(self.pack, best.passes, verify, target)
        if check is not None:
            checked += f"; this output: {check.about(best.passes)}"
        return Chosen(best.passes, best.bitcode, tried, checked)

    def _measure(self, problem: Problem) -> tuple[Evaluation, ...]:
        config = problem.config
        lists = self.pack.usable(config.verify)
        with Worker(problem.toolchain, options=problem.step.backend_options) as worker:
            if self.advisor is not None:
                lists = self.advisor(worker, problem.bitcode, lists).lists
            loaded = load_unit(worker, problem.step, problem.bitcode)
            return measure_all(worker, loaded, lists, config.budget)
