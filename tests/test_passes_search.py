"""The passes room: sampling, mutation, crossover and minimization of nested pipelines."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passes_support import NESTED_LOOPS, TOOLCHAINS, catalogue_of, expanded_oz, opt

from ozma.passes import (
    check,
    concat,
    crossover,
    denied,
    explicit,
    joined,
    leaves,
    minimize,
    mutate,
    parse,
    random_list,
    random_pipeline,
)
from ozma.passes.mutate import WEIGHTS
from ozma.passes.sample import NUMBERS
from ozma.passes.tree import get, put, remove, walk

every_llvm = pytest.mark.parametrize("toolchain", TOOLCHAINS, ids=lambda t: f"llvm-{t.major}")
seeds = st.integers(0, 2**32)
SHORT = parse("default<Oz>,function(gvn,simplifycfg<sink-common-insts>)")


def assert_acceptable(pipeline, catalogue):
    assert parse(str(pipeline)) == pipeline
    check(pipeline, catalogue)
    assert explicit(pipeline, catalogue) == pipeline


@every_llvm
@given(seed=seeds)
def test_random_lists_are_acceptable_and_within_length(toolchain, seed):
    catalogue = catalogue_of(toolchain)
    drawn = random_list(random.Random(seed), catalogue, shortest=3, longest=20)
    assert 3 <= len(drawn) <= 20
    assert_acceptable(drawn, catalogue)
    assert not [leaf for leaf in leaves(drawn) if denied(leaf.name, leaf.params, toolchain.major)]


@every_llvm
@given(seed=seeds, size=st.integers(1, 40))
def test_random_pipelines_have_the_size_asked_for(toolchain, seed, size):
    catalogue = catalogue_of(toolchain)
    drawn = random_pipeline(random.Random(seed), catalogue, size)
    assert len(drawn) == size
    assert_acceptable(drawn, catalogue)


@every_llvm
@settings(max_examples=40)
@given(seed=seeds, start=st.sampled_from(["short", "expanded"]))
def test_mutants_and_children_are_acceptable_new_and_bounded(toolchain, seed, start):
    catalogue, rng = catalogue_of(toolchain), random.Random(seed)
    pipeline = SHORT if start == "short" else expanded_oz(toolchain)
    limit = len(pipeline) + 2
    for _ in range(8):
        mutant = mutate(rng, pipeline, catalogue, limit)
        child = crossover(rng, mutant, expanded_oz(toolchain), limit)
        assert mutant != pipeline
        assert len(mutant) <= limit
        assert len(child) <= limit
        assert_acceptable(mutant, catalogue)
        assert_acceptable(child, catalogue)
        pipeline = mutant


@every_llvm
@pytest.mark.parametrize("operator", list(WEIGHTS), ids=lambda operator: operator.__name__)
def test_every_operator_changes_a_long_pipeline(toolchain, operator):
    catalogue = catalogue_of(toolchain)
    start = concat(expanded_oz(toolchain), parse("function(dce),function(gvn)"))
    results = {operator(random.Random(seed), start, catalogue) for seed in range(30)} - {None, start}
    assert results
    for result in results:
        assert_acceptable(result, catalogue)


@every_llvm
def test_the_same_seed_draws_the_same(toolchain):
    catalogue = catalogue_of(toolchain)

    def draw(seed):
        rng = random.Random(seed)
        first, second = random_list(rng, catalogue), random_pipeline(rng, catalogue)
        return first, second, mutate(rng, first, catalogue), crossover(rng, first, second)

    assert draw(7) == draw(7)
    assert draw(7) != draw(8)


@every_llvm
def test_a_search_without_knowledge_draws_denied_passes_too(toolchain):
    catalogue, rng = catalogue_of(toolchain).unrestricted(), random.Random(1)
    drawn = {leaf.head for _ in range(60) for leaf in leaves(random_list(rng, catalogue))}
    assert {"unify-loop-exits", "internalize", "print<domtree>"} <= drawn


@every_llvm
def test_llvm_accepts_and_survives_what_is_drawn(toolchain):
    catalogue, rng = catalogue_of(toolchain), random.Random(19)
    drawn = [random_list(rng, catalogue, longest=10) for _ in range(15)]
    drawn += [random_pipeline(rng, catalogue) for _ in range(15)]
    drawn += [mutate(rng, expanded_oz(toolchain), catalogue) for _ in range(10)]
    for pipeline in drawn:
        done = opt(toolchain, f"-passes={pipeline}", "-disable-output", module=NESTED_LOOPS)
        assert done.returncode == 0, f"{pipeline}\n{done.stderr}"


def test_every_number_has_more_than_one_value_to_try():
    assert all(len(set(values)) > 1 for values in NUMBERS.values())


def test_paths_reach_and_replace_elements():
    pipeline = parse("globaldce,function(dce,loop(indvars))")
    assert {node.path: node.item.name for node in walk(pipeline)}[(1, 1, 0)] == "indvars"
    assert get(pipeline, (1, 0)).name == "dce"
    assert str(put(pipeline, (1, 0), *parse("gvn,sroa").passes)) == (
        "globaldce,function(gvn,sroa,loop(indvars))"
    )
    assert str(remove(pipeline, (1, 1, 0))) == "globaldce,function(dce)"
    assert remove(parse("dce"), (0,)) is None


def test_joined_merges_function_adaptors_and_leaves_walks_apart():
    text = "cgscc(inline),cgscc(inline),function(dce),function(gvn),function<eager-inv>(sroa)"
    expected = "cgscc(inline),cgscc(inline),function(dce,gvn),function<eager-inv>(sroa)"
    assert str(joined(parse(text))) == expected
    assert str(concat(parse("dce"), parse("gvn,sroa"))) == "dce,gvn,sroa"


class BytesSavedByName:
    """A cost that falls by a fixed amount for each pass present, and counts how often it is asked."""

    def __init__(self, **saved):
        self.saved, self.calls = saved, 0

    def __call__(self, pipeline):
        self.calls += 1
        return 1000 - sum(self.saved.get(name, 0) for name in {leaf.name for leaf in leaves(pipeline)})


def test_minimization_drops_what_gains_nothing_and_sorts_the_rest():
    cost = BytesSavedByName(gvn=5, dce=3)
    start = parse("globaldce,function<eager-inv>(sroa,gvn<no-pre>,loop(indvars)),cgscc(inline),function(dce)")
    assert str(minimize(start, cost)) == "function(dce,gvn)"


def test_order_that_matters_is_kept():
    def needs_sroa_first(pipeline):
        names = [leaf.name for leaf in leaves(pipeline)]
        return 1.0 if {"sroa", "gvn"} <= set(names) and names.index("sroa") < names.index("gvn") else 2.0

    assert str(minimize(parse("function(sroa,dce,gvn)"), needs_sroa_first)) == "function(sroa,gvn)"


@every_llvm
def test_insertion_search_finds_a_missing_pass_inside_its_adaptor(toolchain):
    cost = BytesSavedByName(gvn=5, licm=7)
    found = minimize(parse("function(gvn)"), cost, catalogue_of(toolchain))
    assert {leaf.name for leaf in leaves(found)} == {"gvn", "licm"}
    check(found, catalogue_of(toolchain))


@every_llvm
def test_the_expanded_pipeline_shrinks_to_the_passes_that_matter_within_budget(toolchain):
    cost = BytesSavedByName(gvn=5, licm=7, globaldce=1)
    found = minimize(expanded_oz(toolchain), cost, max_evaluations=500, steps=("drop",))
    assert sorted(leaf.name for leaf in leaves(found)) == ["globaldce", "gvn", "licm"]
    assert cost.calls <= 500


def test_failing_candidates_are_never_taken():
    def fails_without_dce(pipeline):
        return 1.0 if "dce" in str(pipeline) else None

    assert str(minimize(parse("function(gvn,dce)"), fails_without_dce)) == "function(dce)"


def test_minimization_refuses_a_list_that_fails():
    with pytest.raises(ValueError, match="pipeline fails"):
        minimize(parse("dce"), lambda pipeline: None)
    with pytest.raises(ValueError, match="steps holds"):
        minimize(parse("dce"), lambda pipeline: 1.0, steps=("drop", "shuffle"))
