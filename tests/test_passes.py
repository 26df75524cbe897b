"""The passes room: grammar, catalogue, deny-list and adaptors, checked against every installed LLVM."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from passes_support import NESTED_LOOPS, TOOLCHAINS, catalogue_of, expanded_oz, opt, printed

from ozma.errors import OzmaError
from ozma.passes import (
    DenyKind,
    Level,
    Pass,
    Pipeline,
    PipelineLevelError,
    PipelineSyntaxError,
    check,
    denied,
    deny_rows,
    explicit,
    leaves,
    parse,
    parse_catalogue,
)
from ozma.passes.catalogue import NEEDS_MEMORY_SSA, CatalogueError
from ozma.passes.deny import Evidence

every_llvm = pytest.mark.parametrize("toolchain", TOOLCHAINS, ids=lambda t: f"llvm-{t.major}")

words = st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,4}){0,2}", fullmatch=True)
options = st.one_of(words, st.builds("{}={}".format, words, st.integers(0, 99)), words.map("a<{}>".format))
passes = st.recursive(
    st.builds(Pass, words, st.lists(options, max_size=3).map(tuple)),
    lambda inner: st.builds(
        Pass,
        words,
        st.lists(options, max_size=2).map(tuple),
        st.lists(inner, min_size=1, max_size=4).map(tuple),
    ),
    max_leaves=15,
)
pipelines = st.lists(passes, min_size=1, max_size=5).map(tuple).map(Pipeline)


@given(pipelines)
def test_what_is_printed_parses_back_to_the_same_tree(pipeline):
    assert parse(str(pipeline)) == pipeline
    assert hash(parse(str(pipeline))) == hash(pipeline)


@given(st.text(alphabet="ab<>();, =-", max_size=30))
def test_any_text_parses_or_is_refused_with_a_position_inside_it(text):
    try:
        assert parse(str(parse(text))) == parse(text)
    except PipelineSyntaxError as error:
        assert 0 <= error.position <= len(text)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("dce,", 4),
        ("dce,,gvn", 4),
        ("function()", 9),
        ("function(dce", 12),
        ("dce)", 3),
        ("function(dce)gvn", 13),
        ("dce, gvn", 4),
        ("gvn<pre", 7),
        ("gvn<pre>x", 8),
        ("gvn<a b>", 5),
        ("gvn<pre,dce>", 7),
    ],
)
def test_syntax_errors_point_at_the_fault(text, position):
    with pytest.raises(PipelineSyntaxError) as caught:
        parse(text)
    assert caught.value.position == position
    assert f"at position {position}" in str(caught.value)
    assert isinstance(caught.value, OzmaError)


def test_text_nested_without_end_is_an_error_and_no_crash():
    with pytest.raises(PipelineSyntaxError, match="nested deeper"):
        parse("a(" * 5000)


@pytest.mark.parametrize(
    "text",
    [
        "simplifycfg<bonus-inst-threshold=1;no-forward-switch-cond>",
        "default<Oz>",
        "require<globals-aa>,function(invalidate<aa>)",
        "repeat<3>(globaldce)",
        "cgscc(devirt<4>(inline,function<eager-inv;no-rerun>(loop-mssa(licm<no-allowspeculation>))))",
        "print<da><normalized-results>",
        "alloc-token<mode=<typehash>>",
    ],
)
def test_known_spellings_come_back_letter_by_letter(text):
    assert str(parse(text)) == text


def test_empty_brackets_mean_the_same_as_none():
    assert parse("gvn<>,loop-vectorize<a;>") == parse("gvn,loop-vectorize<a>")


def test_length_counts_passes_and_not_adaptors():
    pipeline = parse("inline,function(dce,loop(indvars,loop-idiom))")
    assert len(pipeline) == 4
    assert [leaf.name for leaf in leaves(pipeline)] == ["inline", "dce", "indvars", "loop-idiom"]


def test_empty_trees_are_refused():
    with pytest.raises(ValueError, match="passes is empty"):
        Pipeline(())
    with pytest.raises(ValueError, match="children of 'loop' are empty"):
        Pass("loop", children=())


@every_llvm
def test_the_default_pipeline_is_read_as_llvm_prints_it(toolchain):
    pipeline = expanded_oz(toolchain)
    assert len(pipeline) > 90
    assert printed(toolchain, str(pipeline)) == printed(toolchain, "default<Oz>")
    assert explicit(pipeline, catalogue_of(toolchain)) == pipeline


@every_llvm
def test_catalogue_knows_levels_options_and_analyses(toolchain):
    catalogue = catalogue_of(toolchain)
    levels = {info.name: info.level for info in catalogue.passes}
    assert levels["globaldce"] is Level.MODULE
    assert levels["inline"] is Level.CGSCC
    assert levels["gvn"] is Level.FUNCTION
    assert levels["indvars"] is levels["loop-flatten"] is Level.LOOP
    assert levels["licm"] is Level.LOOP_MSSA
    assert "globals-aa" in catalogue.analyses[Level.MODULE]
    simplifycfg = next(info for info in catalogue.passes if info.name == "simplifycfg")
    assert {"keep-loops", "no-keep-loops", "bonus-inst-threshold=N"} <= set(simplifycfg.options)
    assert not {"finalize-isel", "two-address-instruction"} & set(levels)


@every_llvm
def test_passes_that_need_memory_ssa_are_the_ones_llvm_itself_wraps_so(toolchain):
    names = {info.name for info in catalogue_of(toolchain).candidates if info.level.is_loop}
    wrapped = {name for name in names if "loop-mssa(" in printed(toolchain, name)}
    assert wrapped == NEEDS_MEMORY_SSA


@every_llvm
def test_options_that_only_the_printed_pipeline_shows_are_learned(toolchain):
    catalogue = catalogue_of(toolchain).with_options_of(expanded_oz(toolchain))
    licm = next(info for info in catalogue.passes if info.name == "licm")
    assert "no-allowspeculation" in licm.options


def test_other_text_is_no_catalogue():
    with pytest.raises(CatalogueError, match="print-passes"):
        parse_catalogue("Usage: opt [options]\n", 19)


def test_deny_rows_give_reason_and_kind():
    row = denied("unify-loop-exits", (), 19)
    assert row.kind is DenyKind.UNSAFE
    assert "switch" in row.reason
    assert denied("print", ("domtree",), 19).kind is DenyKind.OUTPUT
    assert denied("instcombine", ("verify-fixpoint",), 19).kind is DenyKind.CRASHES
    assert denied("instcombine", ("max-iterations=1",), 19) is None
    assert denied("globaldce", (), 22) is None


def test_every_deny_row_has_a_reason_and_each_pass_one_row():
    rows = deny_rows(19)
    keys = [(row.name, row.params) for row in rows]
    assert len(keys) == len(set(keys))
    assert all(len(row.reason) > 10 for row in rows)
    assert {row.evidence for row in rows} <= set(Evidence)


@every_llvm
def test_candidates_hold_no_denied_pass_and_no_denied_option(toolchain):
    catalogue = catalogue_of(toolchain)
    for info in catalogue.candidates:
        assert denied(info.name, (), toolchain.major) is None
        assert not [o for o in info.options if denied(info.name, (o,), toolchain.major)]
    names = {info.name for info in catalogue.candidates}
    assert not {"asan", "unify-loop-exits", "lower-invoke", "internalize", "verify"} & names
    assert {"gvn", "inline", "globaldce", "licm", "mergefunc"} <= names
    assert len(catalogue.unrestricted().candidates) == len(catalogue.passes)


EXPLICIT = [
    ("adce,default<Oz>", "function(adce),default<Oz>"),
    ("instcombine", "function(instcombine<no-verify-fixpoint>)"),
    ("instcombine<verify-fixpoint>", "function(instcombine<verify-fixpoint>)"),
    ("dce,gvn,globaldce,inline", "function(dce,gvn),globaldce,cgscc(inline)"),
    ("licm", "function(loop-mssa(licm))"),
    ("loop-rotate,licm,dce", "function(loop-mssa(loop-rotate,licm),dce)"),
    ("licm,loop-unroll-full", "function(loop-mssa(licm),loop(loop-unroll-full))"),
    ("function(loop(licm,indvars))", "function(loop-mssa(licm,indvars))"),
    ("loop(loop-unroll-full,licm)", "function(loop(loop-unroll-full),loop-mssa(licm))"),
    ("cgscc(dce,inline)", "cgscc(function(dce),inline)"),
    ("devirt<2>(inline)", "cgscc(devirt<2>(inline))"),
    ("require<globals-aa>,require<domtree>", "require<globals-aa>,function(require<domtree>)"),
    ("function(dce),function(gvn)", "function(dce),function(gvn)"),
]


@every_llvm
@pytest.mark.parametrize(("flat", "nested"), EXPLICIT)
def test_mixed_levels_get_the_adaptors_they_need(toolchain, flat, nested):
    catalogue = catalogue_of(toolchain)
    assert str(explicit(parse(flat), catalogue)) == nested
    check(parse(nested), catalogue)
    assert explicit(parse(nested), catalogue) == parse(nested)


@every_llvm
@pytest.mark.parametrize("nested", [nested for _, nested in EXPLICIT])
def test_llvm_runs_the_explicit_form(toolchain, nested):
    done = opt(toolchain, f"-passes={nested}", "-disable-output", module=NESTED_LOOPS)
    assert done.returncode == 0, done.stderr


@every_llvm
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("frobnicate", "has no pass 'frobnicate'"),
        ("function(globaldce)", "'globaldce' is a module pass"),
        ("function(loop(dce))", "cannot stand in a loop pipeline"),
        ("gvn(dce)", "'gvn(...)' cannot stand"),
        ("cgscc(devirt<x>(inline))", "'devirt<x>(...)' cannot stand"),
        ("repeat<2>(globaldce)", "'repeat<2>(...)' cannot stand"),
    ],
)
def test_what_llvm_would_refuse_is_refused_with_the_name_at_fault(toolchain, text, fault):
    with pytest.raises(PipelineLevelError) as caught:
        explicit(parse(text), catalogue_of(toolchain))
    assert fault in str(caught.value)
    assert opt(toolchain, f"-passes={text}", "-disable-output").returncode != 0
