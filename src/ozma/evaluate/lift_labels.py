"""Labels for the lifter's ranker: what each setting, and each edit, brought on training functions.

Only functions that the default setting does not answer are worth labels: the others never ask the
ranker. After the lifter has changed, label again into a new folder.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from ozma.corpus.split import TRAIN
from ozma.evaluate.disassembly_set import LEVELS, Truth, truths
from ozma.evaluate.records import RecordFile, Row
from ozma.lift.editing.ir_text import NotEditable
from ozma.lift.judging.compile_back import Compiler
from ozma.lift.judging.equality import Reference
from ozma.lift.judging.judge import Judge, ProcessorMeter, Tried
from ozma.lift.searching.configurations import candidate_of, configurations, lift_safely
from ozma.lift.searching.edit_search import EditSearch
from ozma.lift.searching.offers import Offer
from ozma.lift.searching.ranker import setting_name
from ozma.lift.searching.ranker_features import difference_features, edit_features, setting_features
from ozma.llvm import find_toolchain
from ozma.search.budget import Budget

_KEY = ("hash",)
_NEVER = Budget(1_000_000)
_OFFERS = 600
_TRIED = 400
"""Tries kept of one function; a row stays below 100 kB."""


@dataclass(frozen=True)
class LabelPlan:
    """Which functions: the first `count` of a split at `level` for `target`, without those of more
    than `largest` lines of code. Edits are searched where no setting answers, with `edit_compiles`
    each, in random order, and not in functions of more than `edit_largest` lines."""

    corpus: Path
    level: str = "Oz"
    target: str = "x86-64"
    count: int = 3000
    split: str = TRAIN
    largest: int = 160
    edit_largest: int = 80
    edit_compiles: int = 60

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"level is '{self.level}': give one of {', '.join(LEVELS)}")
        for name in ("count", "largest"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be at least 1")
        for name in ("edit_largest", "edit_compiles"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be 0 or more")

    def path(self, out: Path) -> Path:
        return out / f"{self.target}-{self.level}-{self.split}.jsonl"


def label(plan: LabelPlan, out: Path, version: str = "") -> Iterator[Row]:
    """Appends a row for each function that has none yet, and yields it."""
    file = RecordFile(plan.path(out), version, _KEY)

    def is_known(digest: str) -> bool:
        return (digest,) in file

    found = truths(plan.corpus, plan.level, plan.target, plan.split, skip=is_known)
    with Compiler(find_toolchain()) as compiler:
        for truth in islice(found, max(0, plan.count - len(file))):
            if truth.instructions <= plan.largest:
                row = _label(truth, plan, compiler)
                file.append([row])
                yield row


def _label(truth: Truth, plan: LabelPlan, compiler: Compiler) -> Row:
    """`outcomes`: setting -> distance, None where it gave nothing that compiles; settings that give
    the default's own IR are left out. `tries`: see `_Notes`."""
    started = compiler.processor_seconds()
    reference = Reference(truth.assembly, plan.target)
    judge = Judge(compiler, reference, ProcessorMeter(_NEVER, compiler=compiler))
    settings = _Settings(judge, truth, plan)
    row = {
        "hash": truth.hash, "project": truth.project, "symbol": truth.symbol,
        "language": truth.language, "instructions": truth.instructions, "level": plan.level,
        "target": plan.target, "default": settings.distance(settings.default),
    }  # fmt: skip
    if settings.default is None or not settings.default.exact:
        row["features"] = sorted(setting_features(reference, settings.default))
        row["outcomes"], row["seconds_of"] = settings.outcomes()
        row["tries"] = _tries(settings.best(), judge, truth, plan)
    return row | {"seconds": round(compiler.processor_seconds() - started, 4)}


class _Settings:
    """One function under every setting."""

    def __init__(self, judge: Judge, truth: Truth, plan: LabelPlan) -> None:
        self._judge, self._truth, self._plan = judge, truth, plan
        self._all = {setting_name(one): one for one in configurations()}
        self._seen: set[tuple] = set()
        self._found: list[Tried] = []
        self.default = self._try("")

    def distance(self, tried: Tried | None) -> float | None:
        return None if tried is None or tried.difference is None else tried.difference.distance

    def _try(self, name: str) -> Tried | None:
        """None when the IR is no new one, or there is none."""
        truth, decisions = self._truth, self._all[name]
        lifted = lift_safely(truth.assembly, truth.symbol, self._plan.target, decisions)
        candidate = candidate_of(lifted, decisions, "lifter")
        key = lifted.ir, candidate.passes, candidate.codegen
        if not lifted.ir or key in self._seen:
            return None
        self._seen.add(key)
        tried = self._judge(candidate)
        if tried.difference is not None:
            self._found.append(tried)
        return tried

    def outcomes(self) -> tuple[dict[str, float | None], dict[str, float]]:
        """Distances, and processor seconds of lifting and compiling, by setting."""
        compiler, distances, seconds = self._judge.compiler, {}, {}
        for name in self._all:
            if not name:
                continue
            before = compiler.processor_seconds()
            tried = self._try(name)
            seconds[name] = round(compiler.processor_seconds() - before, 4)
            if tried is not None:
                distances[name] = self.distance(tried)
        return distances, seconds

    def best(self) -> Tried | None:
        return min(self._found, key=lambda tried: tried.distance, default=None)


def _tries(best: Tried | None, judge: Judge, truth: Truth, plan: LabelPlan) -> list:
    if best is None or best.exact or truth.instructions > plan.edit_largest:
        return []
    if plan.edit_compiles == 0:
        return []
    limit = Budget(judge.meter.compiles + plan.edit_compiles)
    judge.meter.budget = limit
    notes = _Notes(judge.reference, truth.hash)
    try:
        EditSearch(judge, truth.symbol, notes.shuffled, notes.watch).run([best])
    except NotEditable:
        return []
    return notes.rows


@dataclass
class _Notes:
    """Tries of one search: [state, its number, kind, opcode, tier, group, gain in distance]; the
    state's features stand in the first of its rows."""

    reference: Reference
    seed: str
    rows: list = field(default_factory=list)
    states: dict[tuple, int] = field(default_factory=dict)

    def shuffled(
        self, tried: Tried, reference: Reference, offers: Iterable[Offer]
    ) -> Sequence[Offer]:
        """Every order is as likely: what the default order tries late is seen too."""
        found = list(islice(offers, _OFFERS))
        random.Random(f"{self.seed}:{len(self.states)}").shuffle(found)
        return found

    def watch(self, offer: Offer, before: Tried, after: Tried) -> None:
        if len(self.rows) >= _TRIED:
            return
        number = self.states.setdefault(before.lines, len(self.states))
        known = any(row[1] == number for row in self.rows[-1:])
        facts = [] if known else difference_features(self.reference, before)
        gain = before.distance - after.distance if after.difference else None
        self.rows.append(
            [facts, number, offer.kind, offer.opcode, offer.tier, offer.group, gain]
        )


def edit_examples(row: Row) -> Iterator[tuple[tuple[str, ...], bool]]:
    """(features, was it better) of each edit that was tried on a labelled function."""
    facts: Sequence[str] = ()
    for found, _, kind, opcode, tier, group, gain in row.get("tries", ()):
        facts = found or facts
        offer = Offer(kind, opcode, tier, group, lambda: None)
        yield tuple(edit_features(offer, facts)), bool(gain and gain > 0)
