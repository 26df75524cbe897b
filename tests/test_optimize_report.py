"""The report: what it says, that it is one safe file, and that its commands give its figures."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ozma.errors import OzmaError
from ozma.llvm import Outcome, Worker, find_toolchain
from ozma.optimize.chart import size_chart
from ozma.optimize.file import FileOptimizer, OptimizeConfig, Optimized
from ozma.optimize.irdiff import GLOBALS, diff_ir, split_functions
from ozma.optimize.report import write_report
from ozma.optimize.reproduce import commands
from ozma.optimize.trace import Trace, cuts, expanded, trace
from ozma.passes.grammar import Pass, Pipeline, leaves, parse
from ozma.verify.verdict import Verdict

HOSTILE = '</td><script>alert("1")</script><b>&amp'
MERGING = "default<Oz>,mergefunc"
SOURCE = """
int hostile(int a) __asm__("%s");
int twice(int a) { return a * 77 + (a ^ 5) * (a + 3) * (a - 9) + (a | 64); }
int hostile(int a) { return a * 77 + (a ^ 5) * (a + 3) * (a - 9) + (a | 64); }
int table[4] = {1, 2, 3, 4};
""" % HOSTILE.replace('"', '\\"')
VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """Elements, text and attributes of a page; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def having(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [
            attrs
            for name, attrs in self.elements
            if name == tag and all(attrs.get(key.strip("_")) == v for key, v in wanted.items())
        ]


@pytest.fixture(scope="module")
def toolchain():
    return find_toolchain()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("report")


def _optimize(toolchain, source: Path, passes: str) -> Optimized:
    with Worker(toolchain) as worker:
        config = OptimizeConfig(passes=passes)
        return FileOptimizer(toolchain, config, None, worker).run(source)


@pytest.fixture(scope="module")
def merged(toolchain, folder) -> Optimized:
    """A file that `mergefunc` makes smaller."""
    source = folder / "<i>twins.c"
    source.write_text(SOURCE)
    return _optimize(toolchain, source, MERGING)


@pytest.fixture(scope="module")
def traced(toolchain, merged) -> Trace:
    with Worker(toolchain) as worker:
        return trace(merged, worker)


@pytest.fixture(scope="module")
def html(toolchain, merged, folder) -> str:
    path = folder / "one.html"
    write_report([merged], toolchain, path)
    return path.read_text()


LEAVES = st.sampled_from(["gvn", "sroa<modify-cfg>", "licm", "dce"]).map(lambda n: parse(n).passes[0])
ELEMENTS = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        Pass,
        st.sampled_from(["function", "cgscc", "loop"]),
        children=st.lists(inner, min_size=1, max_size=4).map(tuple),
    ),
    max_leaves=12,
)


@given(st.lists(ELEMENTS, min_size=1, max_size=5).map(lambda items: Pipeline(tuple(items))))
def test_cuts_are_growing_beginnings_of_the_list(pipeline):
    found = [cut for _, cut in cuts(pipeline)]
    whole = list(leaves(pipeline))
    assert [list(leaves(cut)) for cut in found] == [whole[: n + 1] for n in range(len(whole))]
    assert found[-1] == pipeline


def test_a_cut_keeps_the_nesting():
    text = "globaldce,cgscc(devirt<4>(inline,function(sroa,loop(licm))))"
    assert [str(cut) for _, cut in cuts(parse(text))][2] == (
        "globaldce,cgscc(devirt<4>(inline,function(sroa)))"
    )


def test_default_oz_is_written_out(toolchain, merged):
    text = expanded(MERGING, toolchain, merged.bitcode)
    assert text.endswith(",mergefunc") and len(parse(text)) > 50
    assert expanded("globaldce,function(gvn)", toolchain, b"") == "globaldce,function(gvn)"


def test_the_trace_holds_only_passes_that_changed_something(traced, merged):
    assert traced.measured == traced.passes > len(traced.steps) > 3
    assert traced.steps[-1].name == "mergefunc" and traced.steps[-1].change < 0
    assert traced.steps[-1].size == merged.ours.total < merged.baseline.total
    for before, after in zip(traced.steps, traced.steps[1:], strict=False):
        assert after.change == after.size - before.size


def test_the_trace_stops_when_its_time_is_spent(toolchain, merged):
    with Worker(toolchain) as worker:
        assert trace(merged, worker, seconds=0).measured < 2


def test_a_crashing_cut_is_a_step_and_not_green(toolchain, merged, folder):
    broken = replace(merged, passes="function(sroa),trigger-crash-module,globaldce")
    with Worker(toolchain) as worker:
        outcomes = [step.outcome for step in trace(broken, worker).steps]
    assert outcomes == [Outcome.OK, Outcome.OK, Outcome.CRASHED, Outcome.CRASHED]
    write_report([broken], toolchain, folder / "broken.html")
    page = Page((folder / "broken.html").read_text())
    assert len(page.having("span", class_="badge failed")) == 2


def test_the_page_says_the_sizes_and_the_list(html, merged):
    text = "".join(Page(html).text)
    assert f"{merged.baseline.total:,}" in text and f"{merged.saved:,}" in text
    assert MERGING in text and merged.llvm in text and "llvm-size -A" in text


def test_the_page_is_one_file_without_network(html):
    page = Page(html)
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", html)
    assert not page.having("link") and not page.having("img")
    assert all((a["href"] or "").startswith("#") for a in page.having("a"))


def test_hostile_names_stay_text(html):
    page = Page(html)
    assert HOSTILE in page.text
    assert len(page.having("script")) == 1 and not page.having("b", id="evil")
    assert "<i>twins.c" not in html


def test_only_our_script_may_run(html):
    script = re.search(r"<script>(.*)</script>", html, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(m["content"] for m in Page(html).having("meta") if "http-equiv" in m)
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy


def test_unchecked_is_never_green(html, merged):
    assert merged.check.verdict is Verdict.NOT_CHECKED
    page = Page(html)
    assert len(page.having("span", class_="badge unchecked")) == 3
    assert not page.having("span", class_="badge passed")


def test_a_passed_check_is_green_and_a_failed_one_red(toolchain, merged, folder):
    check = replace(
        merged.check, list_verdict=Verdict.TESTS_PASSED, verdict=Verdict.OUTPUT_DIFFERS
    )
    write_report([replace(merged, check=check)], toolchain, folder / "c.html", seconds=0)
    page = Page((folder / "c.html").read_text())
    assert len(page.having("span", class_="badge passed")) == 1
    assert len(page.having("span", class_="badge failed")) == 1


def test_the_search_box_belongs_to_the_function_table(html):
    page = Page(html)
    (box,) = page.having("input")
    assert page.having("table", id_=box["data-table"])
    assert "twice" in page.text and "table" in page.text


def test_several_files_are_linked_and_untraced_ones_say_so(toolchain, merged, folder):
    source = folder / "tiny.c"
    source.write_text("int one(void) { return 1; }\n")
    tiny = _optimize(toolchain, source, "default<Oz>")
    assert tiny.passes is None
    write_report([merged, tiny], toolchain, folder / "two.html", seconds=0)
    text = (folder / "two.html").read_text()
    page = Page(text)
    ids = {attrs["id"] for attrs in page.having("h2")}
    assert {a["href"] for a in page.having("a")} == {f"#{name}" for name in ids}
    assert len(ids) == 2
    assert "Not traced" in text and "keeps clang's own object" in text


def test_the_commands_give_the_sizes(toolchain, merged, tmp_path):
    printed = []
    for line in commands(merged, toolchain):
        done = subprocess.run(
            line, shell=True, cwd=tmp_path, check=True, capture_output=True, text=True
        )
        printed += done.stdout.split()
    assert [int(size) for size in printed] == [merged.baseline.total, merged.ours.total]


def test_a_path_that_cannot_be_written_is_one_line(toolchain, merged):
    with pytest.raises(OzmaError, match="cannot write"):
        write_report([merged], toolchain, merged.source / "r.html", seconds=0)


BEFORE = """; ModuleID = 'a'
@x = global i32 0

define i32 @f(i32 %a) #0 {
  %b = add i32 %a, 0, !tbaa !5
  ret i32 %b
}

define void @"gone (1)"() #1 {
  ret void
}
"""
AFTER = """@x = global i32 0

define i32 @f(i32 %a) #3 {
  ret i32 %a
}
"""


def test_a_diff_leaves_numbering_out_and_names_functions():
    diff = diff_ir(BEFORE, AFTER)
    assert diff.functions == 2
    assert "-  %b = add i32 %a, 0" in diff.lines
    assert '@@ "gone (1)": removed, 3 lines @@' in diff.lines
    assert not any("define i32 @f" in line and line[0] in "+-" for line in diff.lines)
    assert split_functions(BEFORE)[GLOBALS] == ["@x = global i32 0"]


def test_equal_modules_have_no_diff():
    assert diff_ir(BEFORE, BEFORE.replace("#0", "#7")).lines == ()


def test_a_long_diff_is_cut_and_says_by_how_much():
    whole = diff_ir(BEFORE, AFTER)
    short = diff_ir(BEFORE, AFTER, limit=2)
    assert short.lines == whole.lines[:2]
    assert short.left_out == len(whole.lines) - 2


def test_the_chart_has_a_dot_per_step_and_the_line_of_clang(traced, merged):
    chart = Page(size_chart(traced.steps, merged.baseline.total, "-Oz"))
    assert len(chart.having("circle")) == len(traced.steps)
    assert f"clang -Oz: {merged.baseline.total:,}" in chart.text
    assert size_chart(traced.steps[:1], 10, "-Oz") == ""
