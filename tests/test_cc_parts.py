"""Cache, exclude rules, settings and statistics of the drop-in compilers."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ozma.errors import OzmaError
from ozma.llvm.result import Sizes
from ozma.optimize.cc import records, stats
from ozma.optimize.cc.cache import Cache, Chosen
from ozma.optimize.cc.config import CompilerConfig, read_options
from ozma.optimize.cc.exclude import add_exclusion, read_exclusions


def test_smaller_means_that_nothing_grows() -> None:
    old = Sizes(text=10, data=0, rodata=0, loadable=20)
    assert Sizes(9, 0, 0, 20).improves_on(old) and Sizes(10, 0, 0, 19).improves_on(old)
    assert not old.improves_on(old) and not Sizes(9, 0, 0, 21).improves_on(old)


def test_cache_holds_its_limit(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=5000)
    keys = [f"{i:02x}" + "1" * 62 for i in range(10)]
    for number, key in enumerate(keys):
        assert cache.put(key, Chosen("p", bytes(1000), 3, "not checked"))
        os.utime(tmp_path / key[:2] / key[2:], (number, number))
    assert cache.get(keys[0]) == Chosen("p", bytes(1000), 3, "not checked")
    assert cache.evict() >= 5000
    assert cache.get(keys[0]) is not None and cache.get(keys[1]) is None
    assert cache.clear() > 0 and cache.entries() == []


def test_a_damaged_entry_is_a_miss(tmp_path: Path) -> None:
    cache, key = Cache(tmp_path, 1 << 20), "ab" * 32
    cache.put(key, Chosen(None))
    (tmp_path / key[:2] / key[2:]).write_bytes(b"\x00\xff")
    assert cache.get(key) is None


def test_exclude_rules(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "exclude.txt"
    assert not read_exclusions(path).holds("aa", "/x.c")
    add_exclusion(path, "ir:aa", "two\nlines")
    add_exclusion(path, "source:/y.c", "")
    rules = read_exclusions(path)
    assert rules.holds("aa", "/x.c") and rules.holds("bb", "/y.c")
    assert not rules.holds("bb", "/x.c")


def test_configuration_names_the_field(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="verify is 'maybe': give one of none"):
        CompilerConfig(cache=tmp_path, verify="maybe")
    with pytest.raises(OzmaError, match="cache-limit is 'x': "):
        read_options({"cache-limit": "x"}, str(tmp_path))
    assert read_options({"budget": "64", "llvm": "19"}, str(tmp_path)).budget.compiles == 64


def test_statistics_of_known_records(tmp_path: Path) -> None:
    sizes = {"total": 100, "loadable": 200}
    unit = {"event": "unit", "outcome": "improved", "output": "/a.o", "before": sizes,
            "after": {"total": 90, "loadable": 190}, "seconds": {"ours": 0.5}, "compiles": 4}
    failed = {"event": "unit", "outcome": "failed", "reason": "front end failed",
              "output": "/b.o", "reproducer": "/saved"}
    for record in (unit, unit, failed):
        assert records.append(str(tmp_path), json.dumps(record))
    records.append(str(tmp_path), records.passed_through("link", "one"))
    with (tmp_path / records.RECORDS).open("a") as file:
        file.write('{"event": "unit", "outc')
    found = list(stats.read_records(tmp_path))
    assert stats.as_json(stats.summarize(found))["bytes"]["total"]["share"] == pytest.approx(0.1)
    summary = stats.summarize(stats.latest_units(found))
    assert (summary.seen, summary.units["improved"], summary.larger) == (2, 1, 0)
    assert summary.passed_through == {"link": 1} and summary.failed == {"front end failed": 1}
    assert "reproducer: /saved" in stats.render(summary)
    assert [r["reason"] for r in stats.read_records(tmp_path, "one")] == ["link"]


def test_lines_that_are_no_records_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text('7\n{"event": "pass-through", "reason": "link"}\n{"ev')
    found = list(stats.read_records(tmp_path))
    assert stats.summarize(stats.latest_units(found)).passed_through == {"link": 1}


def test_what_could_not_be_removed_is_not_counted(tmp_path: Path, monkeypatch) -> None:
    cache = Cache(tmp_path, 1)
    cache.put("ab" + "0" * 62, Chosen("default<Oz>", b"object"))

    def refuse(_path: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "unlink", refuse)
    assert cache.clear() == 0
