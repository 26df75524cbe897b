"""One differential test, from a module and a candidate object to the verdict on each function.

Three builds run side by side: the reference (no pass, local variables filled with a pattern), the
baseline (`default<Oz>`) and the candidate. An input says nothing about the candidate, and is only
counted, where the reference faults or does not end, where its result depends on the pattern, or
where reference and baseline differ: the source does not define the result there. Where the
candidate alone differs, the input runs again in processes of its own, with more builds as judges,
before the candidate is called wrong.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Mapping, Sequence

from ozma.errors import OzmaError
from ozma.llvm import Target, Toolchain, Worker
from ozma.llvm.fill import fill_locals
from ozma.llvm.signatures import read_interface
from ozma.verify.abi import MACHINES, Unsupported, signature_of
from ozma.verify.builds import FILLS, Builds, Run
from ozma.verify.inputs import VARIABLES, Call, Generator
from ozma.verify.linking import Linker, build_runtime
from ozma.verify.pages import make_pool
from ozma.verify.plan import Plan, Result
from ozma.verify.report import FunctionReport
from ozma.verify.sandbox import Limits
from ozma.verify.subject import Subject
from ozma.verify.verdict import Verdict

REFERENCES = tuple(f"reference {fill:#x}" for fill in FILLS)
BASELINE, CANDIDATE = "default<Oz>", "candidate"
JUDGES = ("default<O1>", "default<O2>", "default<O3>")
"""Asked only where the candidate seems wrong: all have to agree with the reference."""
_REFERENCE_MS, _BUILD_MS = 25, 250
_SUSPECTS = 4
_WITHOUT_PARAMETERS = 8  # inputs of a function that has no arguments: only the surroundings vary
_PRELUDE_STEP = 4  # every fourth good input also runs after another call, if the module has state


class Trial:
    """The test of one module. OzmaError if its builds cannot be made, linked or loaded."""

    def __init__(
        self,
        bitcode: bytes,
        toolchain: Toolchain,
        target: Target,
        worker: Worker,
        inputs: int,
        seed: int,
        limits: Limits,
    ) -> None:
        self._bitcode, self._worker = bitcode, worker
        self._inputs, self._seed, self._limits = inputs, seed, limits
        self._runtime = build_runtime(toolchain, target)
        self._interface = read_interface(toolchain, bitcode)
        self._linker = Linker(toolchain, self._runtime, self._interface)
        self._machine = MACHINES[target.triple.split("-")[0]]
        self._refused: list[FunctionReport] = []
        self._subjects = list(self._find_subjects())
        self._constants = {
            subject.function.name: self._interface.reachable_constants(subject.function)
            for subject in self._subjects
        }
        self._plan = self._make_plan()

    def run(self, candidate: bytes) -> tuple[FunctionReport, ...]:
        """Verdicts on the candidate's functions, in order of the module, refused ones first."""
        if self._subjects:
            objects = {**self._references(FILLS[:2]), **self._build(BASELINE), CANDIDATE: candidate}
            with Builds(self._runtime, self._linker, self._limits) as builds:
                builds.add(objects)
                self._generate()
                plain = [c for s in self._subjects for c in s.calls]
                self._run_reference(builds, plain)
                self._run_reference(builds, self._add_preludes())
                self._compare(builds)
                self._confirm(builds)
        return (*self._refused, *(subject.report() for subject in self._subjects))

    def _find_subjects(self):
        for function in self._interface.functions:
            if not (function.defined and function.exported):
                continue
            try:
                yield Subject(function, signature_of(function, self._machine))
            except Unsupported as refusal:
                report = FunctionReport(function.name, Verdict.NOT_CHECKED, reason=str(refusal))
                self._refused.append(report)

    def _make_plan(self) -> Plan:
        interface = self._interface
        visible = [
            v
            for v in interface.variables
            if v.defined and v.exported and not v.constant and not v.thread_local
        ]
        return Plan(
            [subject.function for subject in self._subjects],
            self._linker.externals,
            visible,
            min(len(self._linker.variables), VARIABLES),
            make_pool(random.Random(self._seed), self._constants, interface.strings),
            self._machine,
        )

    def _references(self, fills: Sequence[int]) -> dict[str, bytes]:
        """Builds without optimization, by the pattern that their local variables start with."""
        made = {}
        for fill in fills:
            filled = fill_locals(self._worker.toolchain, self._bitcode, fill)
            (made[f"reference {fill:#x}"],) = self._build("default<O0>", bitcode=filled).values()
        return made

    def _build(self, *pipelines: str, bitcode: bytes | None = None) -> dict[str, bytes]:
        module = self._worker.load(bitcode or self._bitcode).id
        try:
            made = [self._worker.evaluate(module, text, want=("object",)) for text in pipelines]
        finally:
            self._worker.unload(module)
        for one in made:
            if not one.ok:
                raise OzmaError(f"{one.passes}: {one.outcome.value} {one.message}")
        return {one.passes: one.object for one in made}

    def _generate(self) -> None:
        for index, subject in enumerate(self._subjects):
            function, plan = subject.function, self._plan
            generator = Generator(
                function.name,
                subject.signature,
                self._constants[function.name],
                plan.pool,
                plan.variables,
                self._seed,
            )
            alike = not (function.parameters or function.variadic)
            count = min(self._inputs, _WITHOUT_PARAMETERS) if alike else self._inputs
            first = index * self._inputs
            subject.calls = [generator.call(first + i, index, i) for i in range(count)]

    def _add_preludes(self) -> list[Call]:
        """More inputs, each after a call that is known to return; none for a module without
        state."""
        rng = random.Random(self._seed)
        # Functions that other builds may leave out cannot come first.
        kept = [subject for subject in self._subjects if not subject.function.discardable]
        known = [call for subject in kept for call in subject.returned()]
        state = [v for v in self._interface.variables if v.defined and not v.constant]
        if not known or not state:
            return []
        added = []
        for subject in self._subjects:
            step = 1 if len(subject.calls) <= _WITHOUT_PARAMETERS else _PRELUDE_STEP
            for call in subject.completed()[::step]:
                id_ = call.id + len(self._subjects) * self._inputs
                added.append(replace(call, id=id_, prelude=rng.choice(known)))
                subject.calls.append(added[-1])
        return added

    def _run_reference(self, builds: Builds, calls: Sequence[Call]) -> None:
        """Notes what the reference does, and the buffers that lazy pointers got on the way."""
        run = Run(REFERENCES[0], milliseconds=_REFERENCE_MS, lazy=True)
        (results,) = builds.run(self._plan, calls, run)
        for subject in self._subjects:
            for call in (c for c in subject.calls if c.id in results):
                subject.reference[call.id] = results[call.id]
                call.patches = results[call.id].patches

    def _compare(self, builds: Builds) -> None:
        calls = [call for subject in self._subjects for call in subject.completed()]
        again, baseline, candidate = builds.run(
            self._plan,
            calls,
            Run(REFERENCES[1], FILLS[1], _BUILD_MS),
            Run(BASELINE, FILLS[1], _BUILD_MS),
            Run(CANDIDATE, FILLS[0], _BUILD_MS),
        )
        for subject in self._subjects:
            for call in subject.completed():
                results = [results.get(call.id) for results in (again, baseline, candidate)]
                if None in results:
                    subject.cut_off = True
                else:
                    subject.compare(call, results[:-1], results[-1])

    def _confirm(self, builds: Builds) -> None:
        """Runs suspicious inputs again, each in a process of its own, in all builds."""
        suspected = [subject for subject in self._subjects if subject.suspects]
        if not suspected:
            return
        builds.add({**self._references(FILLS[2:]), **self._build(*JUDGES)})
        for subject in suspected:
            subject.suspects = subject.suspects[:_SUSPECTS]
        calls = [call for subject in suspected for call in subject.suspects]
        trusted, accused = self._run_fresh(builds, calls)
        for subject in suspected:
            for call in subject.suspects:
                good = [results.get(call.id) for results in trusted]
                bad = [results.get(call.id) for results in accused]
                subject.confirm(call, good, bad)

    def _run_fresh(
        self, builds: Builds, calls: Sequence[Call]
    ) -> tuple[list[Mapping[int, Result]], list[Mapping[int, Result]]]:
        trusted = [Run(name, fill, _BUILD_MS, fresh=True) for name, fill in zip(REFERENCES, FILLS)]
        fills = FILLS[:2]
        trusted += [Run(n, f, _BUILD_MS, fresh=True) for n in (BASELINE, *JUDGES) for f in fills]
        accused = [Run(CANDIDATE, fill, _BUILD_MS, fresh=True) for fill in fills]
        results = builds.run(self._plan, calls, *trusted, *accused)
        return results[: len(trusted)], results[len(trusted) :]
