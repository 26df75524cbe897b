"""Differential execution: do the functions of an output do what those of the -O0 build do?

Three builds of one module: the reference (no pass), the baseline (`default<Oz>`) and the candidate.
Inputs on which the reference has no defined result, or on which reference and baseline differ,
say nothing about the candidate and are only counted. See docs/differential.md for the limits.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Mapping, Sequence

from ozma.errors import OzmaError
from ozma.llvm import Outcome, Target, Toolchain, Worker
from ozma.llvm.interface import Function, Interface
from ozma.llvm.signatures import read_interface
from ozma.verify.abi import MACHINES, Signature, Unsupported, signature_of
from ozma.verify.builds import FILLS, Builds, Run
from ozma.verify.inputs import VARIABLES, Call, Generator
from ozma.verify.linking import Linker, build_runtime
from ozma.verify.observation import Difference, Masks, difference, unstable
from ozma.verify.pages import make_pool
from ozma.verify.plan import MISSING, SIGNALLED, TIMED_OUT, Plan, Result
from ozma.verify.report import DifferentialReport, FunctionReport
from ozma.verify.sandbox import Limits
from ozma.verify.verdict import Verdict

REFERENCE, BASELINE, CANDIDATE = "default<O0>", "default<Oz>", "candidate"
JUDGES = ("default<O1>", "default<O2>", "default<O3>")
"""Further builds that are asked only where the candidate seems wrong: all of them have to agree
with the reference, or the source's behaviour on that input is not defined."""
_REFERENCE_MS, _BUILD_MS = 50, 1000
_SUSPECTS = 6
_OUTCOMES = {
    Outcome.INVALID_IR: Verdict.INVALID_IR,
    Outcome.CRASHED: Verdict.CRASHED,
    Outcome.OUT_OF_MEMORY: Verdict.CRASHED,
    Outcome.TIMED_OUT: Verdict.TIMED_OUT,
}
_REASONS = {
    SIGNALLED: "faults on every input",
    TIMED_OUT: "does not end in time",
    MISSING: "calls an undefined function whose result cannot be made up",
}


@dataclass
class _Subject:
    """A function under test and what is known so far."""

    function: Function
    signature: Signature
    calls: list[Call] = field(default_factory=list)
    reference: dict[int, Result] = field(default_factory=dict)
    usable: int = 0
    suspects: list[tuple[Call, Difference]] = field(default_factory=list)
    confirmed: list[tuple[Call, Difference]] = field(default_factory=list)


def check(
    bitcode: bytes,
    passes: str,
    toolchain: Toolchain,
    target: Target,
    inputs: int = 32,
    seed: int = 0,
    timeout: float = 30.0,
    worker: Worker | None = None,
) -> DifferentialReport:
    """Compares what `passes` makes of a module with its -O0 build.

    `inputs` per function, `timeout` in seconds per run of a build. `worker`: one that is at hand.
    Never raises for what LLVM or the code under test does.
    """
    started = time.perf_counter()
    own = worker or Worker(toolchain)
    try:
        data = own.load(bitcode).id
        try:
            evaluation = own.evaluate(data, passes, want=("object",))
        finally:
            own.unload(data)
        if not evaluation.ok:
            verdict = _OUTCOMES.get(evaluation.outcome, Verdict.NOT_CHECKED)
            return _failure(verdict, evaluation.message or evaluation.outcome.value, started)
        return check_object(bitcode, evaluation.object, toolchain, target, inputs, seed, timeout, own)
    finally:
        if worker is None:
            own.close()


def check_object(
    bitcode: bytes,
    candidate: bytes,
    toolchain: Toolchain,
    target: Target,
    inputs: int = 32,
    seed: int = 0,
    timeout: float = 30.0,
    worker: Worker | None = None,
) -> DifferentialReport:
    """The same for an object file that claims to be a build of the module."""
    started = time.perf_counter()
    machine = target.triple.split("-")[0]
    if machine not in MACHINES:
        return _failure(Verdict.NOT_CHECKED, f"programs for {target.name} cannot be run here", started)
    own = worker or Worker(toolchain)
    try:
        test = _Test(bitcode, candidate, toolchain, target, own, inputs, seed, Limits(wall=timeout))
        functions = test.run()
    except OzmaError as error:
        return _failure(Verdict.NOT_CHECKED, error.message, started)
    finally:
        if worker is None:
            own.close()
    return DifferentialReport(functions, _worst(functions), time.perf_counter() - started)


def _failure(verdict: Verdict, message: str, started: float) -> DifferentialReport:
    return DifferentialReport((), verdict, time.perf_counter() - started, message)


def _worst(functions: Sequence[FunctionReport]) -> Verdict:
    found = {f.verdict for f in functions}
    for verdict in (Verdict.OUTPUT_DIFFERS, Verdict.DIFFERENTIAL_PASSED):
        if verdict in found:
            return verdict
    return Verdict.NOT_CHECKED


class _Test:
    """One module's test from the objects to the verdicts."""

    def __init__(
        self, bitcode: bytes, candidate: bytes, toolchain: Toolchain, target: Target,
        worker: Worker, inputs: int, seed: int, limits: Limits,
    ) -> None:
        self._bitcode, self._candidate, self._worker = bitcode, candidate, worker
        self._inputs, self._seed, self._limits = inputs, seed, limits
        self._runtime = build_runtime(toolchain, target)
        self._interface: Interface = read_interface(toolchain, bitcode)
        self._linker = Linker(toolchain, self._runtime, self._interface)
        self._machine = MACHINES[target.triple.split("-")[0]]
        self._reports: list[FunctionReport] = []

    def run(self) -> tuple[FunctionReport, ...]:
        objects = {**self._build(REFERENCE, BASELINE), CANDIDATE: self._candidate}
        subjects = self._subjects()
        with Builds(self._runtime, self._linker, self._limits) as builds:
            builds.add({_file(name): data for name, data in objects.items()})
            plan = self._plan(subjects)
            self._generate(subjects, plan)
            self._run_reference(builds, plan, subjects)
            self._compare(builds, plan, subjects)
            self._confirm(builds, plan, subjects)
        return (*self._reports, *(self._report(subject) for subject in subjects))

    def _build(self, *pipelines: str) -> dict[str, bytes]:
        module = self._worker.load(self._bitcode).id
        try:
            made = [self._worker.evaluate(module, text, want=("object",)) for text in pipelines]
        finally:
            self._worker.unload(module)
        for evaluation in made:
            if not evaluation.ok:
                raise OzmaError(f"{evaluation.passes} {evaluation.outcome.value}: {evaluation.message}")
        return {evaluation.passes: evaluation.object for evaluation in made}

    def _subjects(self) -> list[_Subject]:
        subjects = []
        for function in self._interface.functions:
            if not (function.defined and function.exported):
                continue
            try:
                subjects.append(_Subject(function, signature_of(function, self._machine)))
            except Unsupported as refusal:
                report = FunctionReport(function.name, Verdict.NOT_CHECKED, reason=str(refusal))
                self._reports.append(report)
        return subjects

    def _plan(self, subjects: Sequence[_Subject]) -> Plan:
        constants = [f.constants for f in self._interface.functions if f.constants]
        pool = make_pool(random.Random(self._seed), constants, self._interface.strings)
        visible = [
            v for v in self._interface.variables
            if v.defined and v.exported and not v.constant and not v.thread_local
        ]
        return Plan(
            [s.function for s in subjects], self._linker.externals, visible,
            min(len(self._linker.variables), VARIABLES), pool, self._machine,
        )

    def _generate(self, subjects: Sequence[_Subject], plan: Plan) -> None:
        for index, subject in enumerate(subjects):
            function = subject.function
            generator = Generator(
                function.name, subject.signature, function.constants, plan.pool, plan.variables,
                self._seed,
            )
            count = self._inputs if function.parameters else min(self._inputs, 8)
            first = index * self._inputs
            subject.calls = [generator.call(first + i, index, i) for i in range(count)]

    def _run_reference(self, builds: Builds, plan: Plan, subjects: Sequence[_Subject]) -> None:
        """Keeps the calls that end well, with the buffers that lazy pointers got."""
        calls = [call for subject in subjects for call in subject.calls]
        (results,) = builds.run(plan, calls, Run(_file(REFERENCE), milliseconds=_REFERENCE_MS, lazy=True))
        for subject in subjects:
            subject.reference = {c.id: results[c.id] for c in subject.calls if c.id in results}
            for call in subject.calls:
                if call.id in results:
                    call.patches = results[call.id].patches

    def _compare(self, builds: Builds, plan: Plan, subjects: Sequence[_Subject]) -> None:
        calls = [
            call for subject in subjects for call in subject.calls
            if call.id in subject.reference and subject.reference[call.id].completed
        ]
        again, baseline, candidate = builds.run(
            plan, calls, Run(_file(REFERENCE), FILLS[1], _BUILD_MS),
            Run(_file(BASELINE), FILLS[1], _BUILD_MS), Run(CANDIDATE, FILLS[0], _BUILD_MS),
        )
        for subject in subjects:
            for call in subject.calls:
                results = [subject.reference.get(call.id), *(r.get(call.id) for r in (again, baseline))]
                self._judge(subject, call, results, candidate.get(call.id))

    def _judge(
        self, subject: _Subject, call: Call, trusted: Sequence[Result | None], candidate: Result | None
    ) -> None:
        if None in trusted or not trusted[0].completed:
            return
        masks = _masks(subject, trusted)
        if masks is None or any(_differ(subject, trusted[0], other, masks) for other in trusted[1:]):
            return
        subject.usable += 1
        if candidate is None:
            return
        found = _differ(subject, trusted[0], candidate, masks)
        if found:
            subject.suspects.append((call, found))

    def _confirm(self, builds: Builds, plan: Plan, subjects: Sequence[_Subject]) -> None:
        """Runs suspicious inputs again, each in a process of its own, with more builds as judges."""
        suspected = [subject for subject in subjects if subject.suspects]
        if not suspected:
            return
        builds.add({_file(name): data for name, data in self._build(*JUDGES).items()})
        calls = [call for subject in suspected for call, _ in subject.suspects[:_SUSPECTS]]
        trusted = [
            Run(_file(name), fill, _BUILD_MS, fresh=True)
            for name in (REFERENCE, BASELINE, *JUDGES) for fill in FILLS
        ]
        accused = [Run(CANDIDATE, fill, _BUILD_MS, fresh=True) for fill in FILLS]
        results = builds.run(plan, calls, *trusted, *accused)
        for subject in suspected:
            self._sentence(subject, results[: len(trusted)], results[len(trusted) :])

    def _sentence(
        self, subject: _Subject, trusted: Sequence[Mapping[int, Result]],
        accused: Sequence[Mapping[int, Result]],
    ) -> None:
        for call, _ in subject.suspects[:_SUSPECTS]:
            good = [results.get(call.id) for results in trusted]
            bad = [results.get(call.id) for results in accused]
            masks = None if None in good else _masks(subject, good)
            if masks is None or None in bad or any(_differ(subject, good[0], g, masks) for g in good):
                subject.usable -= 1
                continue
            found = [_differ(subject, good[0], b, masks) for b in bad]
            if all(found):
                subject.confirmed.append((call, found[0]))

    def _report(self, subject: _Subject) -> FunctionReport:
        name, total = subject.function.name, len(subject.calls)
        counts = subject.usable, total - subject.usable
        if subject.confirmed:
            call, found = min(subject.confirmed, key=lambda pair: _weight(pair[0]))
            return FunctionReport(
                name, Verdict.OUTPUT_DIFFERS, *counts, str(found), describe(call, subject.signature)
            )
        if subject.usable > 0:
            return FunctionReport(name, Verdict.DIFFERENTIAL_PASSED, *counts)
        return FunctionReport(name, Verdict.NOT_CHECKED, 0, total, _reason(subject))


def _file(pipeline: str) -> str:
    return pipeline.replace("<", "-").replace(">", "")


def _masks(subject: _Subject, results: Sequence[Result]) -> Masks | None:
    """What the first two runs, of one build with different left-over bytes, do not agree on."""
    return unstable(results[0], results[1], subject.function, subject.signature)


def _differ(
    subject: _Subject, expected: Result, found: Result, masks: Masks
) -> Difference | None:
    return difference(expected, found, subject.function, subject.signature, masks)


def _reason(subject: _Subject) -> str:
    statuses = Counter(result.status for result in subject.reference.values())
    for status, reason in _REASONS.items():
        if statuses.get(status, 0) > len(subject.calls) // 2:
            return reason
    if any(result.completed for result in subject.reference.values()):
        return "results of -O0 and -Oz differ on every input"
    return "no generated input reaches its end"


def _weight(call: Call) -> tuple[int, int]:
    words = [*call.integers, *call.floats, *call.stack]
    return len(call.patches), sum(min(word, 2**64 - word).bit_length() for word in words)


def describe(call: Call, signature: Signature) -> str:
    """The arguments of a call in words."""
    texts = []
    for slot in signature.slots:
        if slot.place == "indirect":
            word = call.indirect
        else:
            word = {"integer": call.integers, "float": call.floats, "stack": call.stack}[slot.place][slot.index]
        texts.append(f"{slot.type.kind} {word:#x}")
    pages = f", pages {call.pages[: call.buffers + len(call.patches)]}" if call.buffers else ""
    return f"input {call.id}: ({', '.join(texts)}){pages}"
