"""From gain records to the facts of the tables; nothing is measured here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ozma.errors import OzmaError
from ozma.evaluate.bootstrap import Draws, Estimate
from ozma.evaluate.costs import seconds_for
from ozma.evaluate.gain import (
    AUTOTUNER,
    COMPILES,
    ORACLE,
    SECONDS,
    Saved,
    lead_over,
    policy_facts,
    saved_by,
    share_of,
)
from ozma.evaluate.records import Row, read_rows
from ozma.labels.subjects import KINDS

COSTS = "costs"
Records = dict[str, dict[str, Row]]
"""policy -> module -> its record."""


def gain_facts(folder: Path, rival: str = "", draws: int = 1000) -> dict[str, Any]:
    """Facts of all records in `folder`, functions and units apart. `rival`: the policy that the
    others' lead is measured over. OzmaError when there is none."""
    files = {path.stem: read_rows(path) for path in sorted(folder.glob("*.jsonl"))}
    costs = files.pop(COSTS, [])
    facts: dict[str, Any] = {"records": str(folder), "compiles": COMPILES, "seconds": SECONDS}
    facts["tables"] = []
    for kind in KINDS:
        records = {name: of for rows in files.values() for name, of in _latest(rows, kind)}
        if any(name != ORACLE for name in records):
            facts["tables"] += _tables(kind, records, costs, rival, draws)
    if not facts["tables"]:
        raise OzmaError(f"no records in {folder}", hint="run `ozma evaluate flags OUT` first")
    return facts


def _latest(rows: Sequence[Row], kind: str) -> list[tuple[str, dict[str, Row]]]:
    """The policy and its records of one kind by module, of the newest version alone."""
    own = [row for row in rows if row["kind"] == kind]
    if not own:
        return []
    version = own[-1].get("version")
    return [(own[-1]["policy"], {r["module"]: r for r in own if r.get("version") == version})]


def _tables(
    kind: str, records: Records, costs: list[Row], rival: str, draws: int
) -> list[dict[str, Any]]:
    """All modules; and those that have no near-duplicate in training, where there are others."""
    tables = [_table(kind, records, costs, rival, draws)]
    far = {
        name: {module: row for module, row in of.items() if not row["near"]}
        for name, of in records.items()
    }
    if any(len(far[name]) < len(of) for name, of in records.items()) and all(far.values()):
        tables.append(_table(kind, far, costs, rival, draws) | {"without_near_duplicates": True})
    return tables


def _table(kind: str, records: Records, costs: list[Row], rival: str, draws: int) -> dict[str, Any]:
    """Policies on the modules that all of them have records of."""
    tuners = {name: of for name, of in records.items() if name.startswith(AUTOTUNER)}
    policies = {name: of for name, of in records.items() if name not in tuners}
    shared = sorted(set.intersection(*(set(of) for of in policies.values())))
    if not shared:
        raise OzmaError(f"the records of the policies share no {kind}", hint="run them all again")
    saved, drawn = _saved(policies, shared, costs, draws)
    some = [policies[next(iter(policies))][module] for module in shared]
    facts: dict[str, Any] = {
        "kind": kind, "split": some[0]["split"], "set": some[0]["set"], "modules": len(shared),
        "projects": drawn.projects,
        "bytes": sum(row["base"] for row in some),
        "left_out": {n: len(of) - len(shared) for n,
        of in policies.items() if len(of) > len(shared)},
        "policies": {name: policy_facts(one, drawn) for name, one in saved.items()},
    }  # fmt: skip
    if ORACLE in saved:
        facts["of_oracle"] = _each(saved, lambda one: share_of(one, saved[ORACLE], drawn))
    if rival in saved:
        facts["lead"] = {"over": rival} | _each(
            saved, lambda one: lead_over(one, saved[rival], drawn)
        )
    facts["tuners"] = [_tuner(name, of, policies, costs, draws) for name, of in tuners.items()]
    return _plain(facts)


def _saved(
    policies: Records, modules: Sequence[str], costs: list[Row], draws: int
) -> tuple[dict[str, Saved], Draws]:
    saved = {}
    for name, of in policies.items():
        rows = [of[module] for module in modules]
        sizes_n = np.array([row["instructions"] for row in rows])
        saved[name] = saved_by(name, rows, seconds_for(costs, sizes_n) if costs else None)
    return saved, Draws([row["project"] for row in rows], draws)


def _tuner(
    name: str, tuned: dict[str, Row], policies: Records, costs: list[Row], draws: int
) -> dict[str, Any]:
    """What a search saves on its modules, and which share of that each policy does."""
    shared = sorted(set(tuned).intersection(*(set(of) for of in policies.values())))
    if not shared:
        return {"policy": name, "modules": 0}
    saved, drawn = _saved(policies | {name: tuned}, shared, costs, draws)
    reference = saved.pop(name)
    rows = [tuned[module] for module in shared]
    return {
        "policy": name, "modules": len(shared), "projects": drawn.projects,
        "compiles": round(float(np.mean([row["tried"] for row in rows])), 1),
        "sum": drawn.ratio(reference.base_n - reference.reached_nk[:, -1], reference.base_n),
        "share": _each(saved, lambda one: share_of(one, reference, drawn)),
    }  # fmt: skip


def _each(saved: dict[str, Saved], measure: Any) -> dict[str, Any]:
    return {name: measure(one) for name, one in saved.items()}


def _plain(value: Any) -> Any:
    """Estimates become [value, low, high], so that facts are JSON."""
    if isinstance(value, Estimate):
        return value.as_json()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value
