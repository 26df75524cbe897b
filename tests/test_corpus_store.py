"""The corpus on disk: whole files, damage, full disks, statistics, export and the command line."""

from __future__ import annotations

import json
import os
import resource
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from ozma.cli import main
from ozma.corpus import parquet
from ozma.corpus.export import MLGO_COMMAND, export_mlgo, read_functions
from ozma.corpus.plots import bar_chart, doubling_histogram
from ozma.corpus.projects import ProjectRecord, append_record, read_projects
from ozma.corpus.split import SplitConfig
from ozma.corpus.split_files import make_split, read_split
from ozma.corpus.stats import failures_of, quantiles, shares_within, summarize
from ozma.corpus.stats_text import render
from ozma.corpus.store import (
    UnitRow,
    function_schema,
    functions_path,
    unit_schema,
    units_path,
    write_project,
)
from ozma.errors import OzmaError
from ozma.llvm import Toolchain, Worker
from ozma.llvm.clang import compile_bitcode

pq = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("rensa")

SOURCE = """
extern int printf(const char *, ...);
int {name}_first(int x) {{
    int s = {number};
    for (int i = 0; i < x; i++) s += i * {number} + (s >> 3);
    return s;
}}
int {name}_second(int *p) {{
    printf("{name} %d", *p);
    p[0] += {number};
    p[1] ^= p[0];
    return p[2] - {number};
}}
int {name}_tiny(void) {{ return 1; }}
"""
PROJECTS = ("zlib", "proj-aa", "proj-ab", "proj-ac", "proj-ad", "proj-ae")


@pytest.fixture(scope="module")
def splitter(toolchain: Toolchain):
    with Worker(toolchain, timeout=60) as worker:
        yield worker


@pytest.fixture(scope="module")
def units(toolchain, tmp_path_factory) -> dict[str, list[UnitRow]]:
    folder = tmp_path_factory.mktemp("sources")
    found = {}
    for number, name in enumerate(PROJECTS, start=3):
        source = folder / "one.c"
        source.write_text(SOURCE.format(name=name.replace("-", "_"), number=number))
        found[name] = [UnitRow("src/one.c", "c", compile_bitcode(toolchain, source))]
    return found


@pytest.fixture
def corpus(units, splitter, tmp_path) -> Path:
    out = tmp_path / "corpus"
    for name, rows in units.items():
        record = ProjectRecord(name, "1.0", tried=3, licence="MIT", failures={"no such header": 2})
        write_project(out, record, rows, splitter)
    return out


def run(capsys, *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_project_is_stored_whole_and_recorded_last(units, splitter, tmp_path):
    record = ProjectRecord("zlib", "1.3", "abc", "https://x", "Zlib", "real", tried=2, seconds=1.5)
    bad = UnitRow("bad.c", "c", b"no IR")
    done = write_project(tmp_path, record, [*units["zlib"], bad], splitter)
    assert (done.units, done.functions, done.duplicates, done.refused) == (1, 3, 0, 0)
    assert list(done.failures.values()) == [1]
    assert read_projects(tmp_path) == {"zlib": done}
    assert pq.read_schema(units_path(tmp_path, "zlib")).equals(unit_schema())
    table = pq.read_table(functions_path(tmp_path, "zlib"))
    assert table.schema.equals(function_schema())
    assert table.column("symbol").to_pylist() == ["zlib_first", "zlib_second", "zlib_tiny"]
    assert (
        pq.ParquetFile(functions_path(tmp_path, "zlib")).metadata.row_group(0).column(0).compression
        == "ZSTD"
    )
    for row in table.to_pylist():
        assert (
            splitter.load(row["bitcode"]).instructions == row["instructions"] == len(row["opcodes"])
        )


def test_storing_twice_gives_the_same_bytes_and_one_record(corpus, units, splitter):
    before = (
        functions_path(corpus, "proj-aa").read_bytes(),
        units_path(corpus, "proj-aa").read_bytes(),
    )
    write_project(corpus, ProjectRecord("proj-aa", "2.0"), units["proj-aa"], splitter)
    assert (
        functions_path(corpus, "proj-aa").read_bytes(),
        units_path(corpus, "proj-aa").read_bytes(),
    ) == before
    assert read_projects(corpus)["proj-aa"].version == "2.0"


def test_a_worker_is_started_when_none_is_given(units, tmp_path):
    assert write_project(tmp_path, ProjectRecord("a/b c"), units["zlib"]).functions == 3
    assert functions_path(tmp_path, "a/b c").parent == tmp_path / "functions"


def test_a_project_without_units_is_recorded(tmp_path, splitter):
    done = write_project(
        tmp_path, ProjectRecord("none", path="none", failures={"bomb": 1}), [], splitter
    )
    assert read_projects(tmp_path) == {"none": done} and done.units == 0


def test_a_kill_leaves_no_half_project(units, splitter, tmp_path):
    def killed_on_the_way():
        yield units["zlib"][0]
        os.kill(os.getpid(), signal.SIGKILL)

    pid = os.fork()
    if not pid:
        with Worker(splitter.toolchain) as own:
            write_project(tmp_path, ProjectRecord("zlib"), killed_on_the_way(), own)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert read_projects(tmp_path) == {}
    assert (
        not units_path(tmp_path, "zlib").exists() and not functions_path(tmp_path, "zlib").exists()
    )
    assert write_project(tmp_path, ProjectRecord("zlib"), units["zlib"], splitter).functions == 3
    assert sorted(p.name for p in (tmp_path / "units").iterdir()) == ["zlib.parquet"]


def test_a_failure_on_the_way_leaves_what_was_there(corpus, units, splitter):
    def failing():
        yield units["zlib"][0]
        raise OzmaError("the build broke off")

    before = functions_path(corpus, "zlib").read_bytes()
    with pytest.raises(OzmaError, match="broke off"):
        write_project(corpus, ProjectRecord("zlib"), failing(), splitter)
    assert functions_path(corpus, "zlib").read_bytes() == before
    assert not list(corpus.glob("*/.*.part"))


def test_a_full_disk_is_one_clear_line(units, splitter, tmp_path):
    """A limit on file size stands in for a full disk: writing fails in the same place."""
    splitter.split(units["zlib"][0].bitcode, "x")  # the child has started without the limit
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(OzmaError, match="cannot write .*parquet"):
            write_project(tmp_path, ProjectRecord("zlib"), units["zlib"], splitter)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert read_projects(tmp_path) == {}
    assert not list(tmp_path.glob("*/*")) and not list(tmp_path.glob("*/.*"))


def test_records_append_after_a_torn_line(tmp_path):
    append_record(tmp_path, ProjectRecord("a"))
    with (tmp_path / "projects.jsonl").open("a") as file:
        file.write('{"project": "torn", "ver')
    append_record(tmp_path, ProjectRecord("b", failures={"x": 1}))
    assert list(read_projects(tmp_path)) == ["a", "b"]
    append_record(tmp_path, ProjectRecord("a", version="2"))
    assert read_projects(tmp_path)["a"].version == "2"
    with (tmp_path / "projects.jsonl").open("a") as file:
        file.write('{"project": "c", "of_a_later_release": 1}\n')
    assert "c" in read_projects(tmp_path)


def test_missing_pyarrow_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(OzmaError, match="pip install"):
        parquet.load_pyarrow()


def test_split_stats_and_leakage(corpus, capsys):
    code, out, err = run(capsys, "corpus", "split", corpus, "--json")
    facts = json.loads(out)
    assert code == 0 and err == ""
    assert facts["projects"]["zlib"] == "test"
    # The one-line function is in all six, under six names: it is kept once, and not in the test.
    assert sum(facts["functions"].values()) == 2 * len(PROJECTS) + 1
    assert read_split(corpus) == facts
    code, out, err = run(capsys, "corpus", "stats", corpus, "--json", "--plots", corpus / "plots")
    told = json.loads(out)
    assert told["split"]["hashes_in_two_splits"] == told["split"]["units_in_two_splits"] == 0
    assert told["functions"]["different"] == 2 * len(PROJECTS) + 1
    assert told["functions"]["duplicates_across_projects"] == len(PROJECTS) - 1
    assert told["failures"] == {"no such header": 2 * len(PROJECTS)}
    assert told["split"]["near_duplicate_share"]["test"] == 1.0  # the same code with other numbers
    assert len(list((corpus / "plots").glob("*.svg"))) == 5 and "wrote" in err
    code, out, _ = run(capsys, "corpus", "stats", corpus)
    assert code == 0 and "in two splits: 0 functions, 0 units" in out


def test_one_digest_says_whether_two_corpora_are_the_same(corpus, units, splitter, capsys, tmp_path):
    again, other = tmp_path / "again", tmp_path / "other"
    for name, rows in reversed(units.items()):  # other order, other times
        write_project(again, ProjectRecord(name, "2", seconds=9.0), rows, splitter)
        write_project(other, ProjectRecord(name), rows[:1] if name != "zlib" else [], splitter)
    digests = [summarize(out)[0]["digest"] for out in (corpus, again, other)]
    assert digests[0] == digests[1] != digests[2]
    assert run(capsys, "corpus", "compare", corpus, again)[0] == 0
    code, out, _ = run(capsys, "corpus", "compare", corpus, other)
    assert code == 1 and "zlib: units only in A 1, only in B 0; functions 3, 0" in out
    assert f"digest of all hashes  {digests[0]}" in run(capsys, "corpus", "stats", corpus)[1]


def test_stats_before_a_split(corpus):
    facts, _ = summarize(corpus)
    assert "split" not in facts and "functions by canonical hash" in render(facts)


def test_a_damaged_file_costs_its_project_only(corpus, capsys):
    functions_path(corpus, "proj-ab").write_bytes(b"PAR1 not really")
    units_path(corpus, "proj-ac").unlink()
    code, out, err = run(capsys, "corpus", "split", corpus, "--json")
    facts = json.loads(out)
    assert code == 0 and set(facts["unreadable"]) == {"proj-ab", "proj-ac"}
    assert (
        "left out proj-ab" in err and "cannot be read as Parquet" in err and "Traceback" not in err
    )
    assert "proj-ab" not in facts["projects"]
    code, out, err = run(capsys, "corpus", "stats", corpus)
    assert code == 0 and "damaged projects" in out


def test_export_for_datasets(corpus, capsys, tmp_path):
    run(capsys, "corpus", "split", corpus)
    code, out, _ = run(capsys, "corpus", "export", corpus, tmp_path / "hub")
    facts = read_split(corpus)
    assert code == 0 and "train" in out
    for split, count in facts["functions"].items():
        table = pq.read_table(tmp_path / f"hub/data/{split}-00000.parquet")
        assert table.num_rows == count
        assert table.column("hash").to_pylist() == [
            row["hash"] for row in read_functions(corpus, split)
        ]
    card = (tmp_path / "hub/README.md").read_text()
    assert (
        card.startswith("---\n")
        and "path: data/test-*.parquet" in card
        and "| zlib | MIT |" in card
    )


def test_export_for_mlgo(corpus, capsys, tmp_path, splitter):
    run(capsys, "corpus", "split", corpus)
    code, out, _ = run(capsys, "corpus", "export", corpus, tmp_path / "mlgo", "--mlgo", "test")
    description = json.loads((tmp_path / "mlgo/corpus_description.json").read_text())
    assert code == 0 and description["has_thinlto"] is False
    assert description["global_command_override"] == MLGO_COMMAND
    assert "zlib/src/one.c" in description["modules"]
    for module in description["modules"]:
        assert splitter.load((tmp_path / f"mlgo/{module}.bc").read_bytes()).instructions


def test_units_of_one_file_are_exported_apart(units, splitter, tmp_path):
    rows = [replace(row, file="lib.c") for row in (*units["zlib"], *units["proj-aa"])]
    stored = write_project(tmp_path / "corpus", ProjectRecord("zlib"), rows, splitter).units
    make_split(tmp_path / "corpus", SplitConfig())
    assert export_mlgo(tmp_path / "corpus", tmp_path / "mlgo", "test") == stored > 1
    modules = json.loads((tmp_path / "mlgo/corpus_description.json").read_text())["modules"]
    assert len({(tmp_path / f"mlgo/{one}.bc").read_bytes() for one in modules}) == stored


def test_a_unit_cannot_be_exported_outside(units, splitter, capsys, tmp_path):
    row = UnitRow("../../../escape.c", "c", units["zlib"][0].bitcode)
    write_project(tmp_path / "corpus", ProjectRecord("zlib"), [row], splitter)
    run(capsys, "corpus", "split", tmp_path / "corpus")
    code, _, err = run(
        capsys, "corpus", "export", tmp_path / "corpus", tmp_path / "x/y", "--mlgo", "test"
    )
    assert code == 100 and "outside" in err and not list(tmp_path.glob("**/escape*"))


@pytest.mark.parametrize("verb", ["split", "stats"])
def test_an_empty_folder_is_one_clear_line(verb, capsys, tmp_path):
    code, out, err = run(capsys, "corpus", verb, tmp_path)
    assert code == 100 and out == ""
    assert err.count("\n") == 1 and "ozma corpus build" in err


def test_bad_options_and_missing_splits_are_clear(corpus, capsys, tmp_path):
    code, _, err = run(capsys, "corpus", "split", corpus, "--functions", 0)
    assert code == 100 and "functions must be at least 1" in err
    code, _, err = run(capsys, "corpus", "export", corpus, tmp_path / "x")
    assert code == 100 and "ozma corpus split" in err


def test_quantiles_shares_and_histograms():
    assert quantiles(range(101)) == {"10%": 10, "50%": 50, "90%": 90, "99%": 99}
    assert quantiles([]) == {} and shares_within([]) == {}
    assert shares_within([1, 3 * 1024, 3 * 1024 + 1, 10**9])["1k"] == 0.5
    assert doubling_histogram([0, 1, 2, 3, 9]) == {"1": 2, "2 to 3": 2, "4 to 7": 0, "8 to 15": 1}
    assert doubling_histogram([]) == {}
    assert failures_of(
        [ProjectRecord("a", failures={"x": 1}), ProjectRecord("b", failures={"x": 2})]
    ) == {"x": 3}


def test_charts_escape_what_compilers_say():
    chart = bar_chart("<reasons>", {"expected '&' & <x>": 3, "y" * 80: 1})
    from xml.etree import ElementTree

    assert ElementTree.fromstring(chart).tag.endswith("svg")
    assert "&lt;x&gt;" in chart and "y" * 60 not in chart
