"""`ozma verify`: a project's tests judge what `ozma cc` made; what they refuse is left to clang."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Sequence

from ozma.errors import OzmaError
from ozma.optimize.bisect import all_guilty, remembered
from ozma.optimize.cc.exclude import EVERYTHING, add_exclusion, names_of
from ozma.optimize.project import CompiledUnit, Project
from ozma.verify.verdict import Verdict


@dataclass(frozen=True)
class Guilty:
    """A translation unit that the tests refuse, the list used, and where to see it again."""

    rule: str
    source: str
    passes: str
    reproducer: Path | None


@dataclass(frozen=True)
class Verification:
    """`verdict` is about the build as `ozma cc` first made it; with `guilty` left to clang, the
    tests pass."""

    verdict: Verdict
    improved: int
    guilty: tuple[Guilty, ...]
    exclude_file: Path
    builds: int
    tests: int
    seconds: float

    def paragraph(self) -> str:
        """What a person reads at the end."""
        cost = f"{self.builds} builds and {self.tests} test runs, {self.seconds:.0f} s"
        if not self.guilty:
            return f"The tests pass with {self.improved} improved objects ({cost})."
        lines = [
            f"The tests fail with the {self.improved} improved objects, pass with clang's own, "
            f"and pass when {len(self.guilty)} of them are left to clang, as they will be from now "
            f"on ({self.exclude_file}; {cost}):"
        ]
        for one in self.guilty:
            lines.append(f"  {one.source}  list: {one.passes}  reproducer: {one.reproducer}")
        return "\n".join(lines)


def verify_project(
    project: Project, report: Callable[[str], None] = lambda _line: None
) -> Verification:
    """Builds, tests, and on failure finds and excludes the guilty translation units.

    OzmaError when nothing was compiled by `ozma cc`, when the tests fail with clang's own objects
    as well, or when they do not pass in the end (tests that fail at random).
    """
    started = time.monotonic()
    improved = _first_build(project)
    report(f"{len(improved)} objects improved; running the tests")
    guilty: tuple[Guilty, ...] = ()
    passed = project.tests_pass()
    if not passed:
        report("the tests fail; building with clang's own objects")
        rules = _prove_plain_passes(project, improved)
        report(f"clang's own objects pass; searching {len(rules)} translation units")
        guilty = _exclude_guilty(project, improved, rules, report)
    return Verification(
        Verdict.TESTS_PASSED if passed else Verdict.OUTPUT_DIFFERS,
        len(improved),
        guilty,
        project.config.cache / "exclude.txt",
        project.builds,
        project.tests,
        time.monotonic() - started,
    )


def _first_build(project: Project) -> list[CompiledUnit]:
    if not project.build(()):
        raise OzmaError(
            f"'{project.config.build}' compiled nothing with 'ozma cc' at -Oz or -Os",
            hint="give --clean, and see `ozma stats` for what was handed to clang",
        )
    return project.improved()


def _prove_plain_passes(project: Project, improved: Sequence[CompiledUnit]) -> list[str]:
    """The rule for each improved unit, once clang's own objects have passed the tests."""
    if not improved:
        raise OzmaError(f"'{project.config.test}' fails, and no object differs from clang's")
    project.build((EVERYTHING,))
    if not project.tests_pass():
        raise OzmaError(
            f"'{project.config.test}' fails with clang's own objects as well",
            hint=f"see {project.logs}",
        )
    stable = {unit.ir for unit in project.units.values()}
    return list(dict.fromkeys(_rule(unit, stable) for unit in improved))


def _rule(unit: CompiledUnit, stable: set[str]) -> str:
    """By IR where a second build gave the same IR, else by source (it holds the date, say)."""
    by_ir, by_source = names_of(unit.ir, unit.source)
    return by_ir if unit.ir in stable else by_source


def _exclude_guilty(
    project: Project,
    improved: Sequence[CompiledUnit],
    rules: Sequence[str],
    report: Callable[[str], None],
) -> tuple[Guilty, ...]:
    def fails(enabled: Sequence[str]) -> bool:
        if len(enabled) == len(rules):
            return True
        chosen = set(enabled)
        project.build(rule for rule in rules if rule not in chosen)
        failed = not project.tests_pass()
        report(f"{len(chosen)} optimized: {'fail' if failed else 'pass'}")
        return failed

    guilty_rules = all_guilty(rules, remembered(fails))
    guilty = tuple(_confirm(project, improved, guilty_rules))
    for one in guilty:
        note = f"{one.source}: the tests fail with {one.passes}"
        add_exclusion(project.config.cache / "exclude.txt", one.rule, note)
    return guilty


def _confirm(
    project: Project, improved: Sequence[CompiledUnit], rules: Sequence[str]
) -> Iterator[Guilty]:
    project.build(rules)
    if not project.tests_pass():
        raise OzmaError(
            "the tests fail even without the translation units that seemed guilty",
            hint=f"do they pass every time? see {project.logs}",
        )
    for rule in rules:
        unit = next(unit for unit in improved if unit.named_by(rule))
        now = project.units.get(unit.output)
        saved = now.reproducer if now else None
        yield Guilty(rule, unit.source, unit.passes or "", Path(saved) if saved else None)
