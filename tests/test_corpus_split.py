"""Groups of projects, the split by group, near-duplicates, and that nothing leaks."""

from __future__ import annotations

from itertools import combinations

import pytest

pytest.importorskip("rensa")

from hypothesis import given, settings
from hypothesis import strategies as st

from ozma.corpus.groups import base_name, group_projects
from ozma.corpus.held_test import load_held_for_test
from ozma.corpus.near import jaccard, near_sequences, opcode_grams
from ozma.corpus.split import (
    SPLITS,
    TEST,
    TRAIN,
    FunctionKey,
    SplitConfig,
    assign_group,
    bounded,
    split_functions,
)
from ozma.corpus.split_units import UnitKey, split_units

NAMED = load_held_for_test()


def keys(hashes, file="a.c", instructions=30, std=False) -> list[FunctionKey]:
    return [FunctionKey(h, file, instructions, std, row) for row, h in enumerate(hashes)]


def project_in(split: str) -> str:
    names = (f"proj{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(676))
    return next(name for name in names if assign_group(name, SplitConfig()) == split)


@pytest.mark.parametrize(
    ("project", "base"),
    [("lua5.4", "lua"), ("lua5.3", "lua"), ("gcc-12", "gcc"), ("gcc-12.1", "gcc"),
     ("llvm-toolchain-19", "llvm-toolchain"), ("libpng1.6", "libpng"),
     ("sqlite3", "sqlite"), ("gtk+2.0", "gtk"), ("xz-utils", "xz-utils"),
     ("0ad", "0ad"), ("7zip", "7zip")],
)  # fmt: skip
def test_version_suffixes_are_no_part_of_a_name(project, base):
    assert base_name(project) == base


def test_projects_that_share_a_fifth_are_one_group():
    one, two = [f"a{i}" for i in range(10)], [f"b{i}" for i in range(100)]
    sharing = group_projects({"small": one, "large": [*two, *one[:3]], "apart": ["x", "y", "z"]})
    assert sharing["small"] == sharing["large"] != sharing["apart"]
    few = group_projects({"small": one, "large": [*two, one[0]]})
    assert few["small"] != few["large"]
    versions = group_projects({"lua5.3": ["a"], "lua5.4": ["b"]})
    assert set(versions.values()) == {"lua"}


def test_code_that_everyone_has_makes_no_group():
    common = [f"c{i}" for i in range(9)]
    many = {f"project-{chr(97 + i)}{chr(97 + j)}": common for i in range(6) for j in range(6)}
    assert len(set(group_projects(many).values())) == len(many)


SHARED = st.dictionaries(
    st.sampled_from([f"p{letter}" for letter in "abcdefghij"]),
    st.lists(st.integers(0, 40).map(str), min_size=1, max_size=20),
    min_size=1,
)


@given(SHARED)
def test_groups_hold_every_pair_that_shares(projects):
    groups = group_projects(projects, 0.2)
    assert set(groups) == set(projects)
    for one, two in combinations(projects, 2):
        left, right = set(projects[one]), set(projects[two])
        if len(left & right) >= max(3, 0.2 * min(len(left), len(right))):
            assert groups[one] == groups[two]


def test_groups_fall_by_their_share_and_for_good():
    config = SplitConfig()
    counts = dict.fromkeys(SPLITS, 0)
    for number in range(4000):
        counts[assign_group(f"group{number}", config)] += 1
    assert 0.87 < counts[TRAIN] / 4000 < 0.93
    assert assign_group("zopfli", config) == TRAIN and assign_group("ragel", config) == TRAIN
    assert {assign_group("x", SplitConfig(salt=str(i))) for i in range(200)} == set(SPLITS)


@pytest.mark.parametrize(
    "name",
    ["libjpeg-turbo", "lame", "zlib", "lua5.1", "sqlite3", "gcc-13", "csmith", "jansson", "bzip2",
     "llvm-toolchain-19", "humaneval-x"],
)  # fmt: skip
def test_named_projects_are_test_for_good(name):
    assert NAMED.has_project(name)
    split = split_functions({name: keys(["a", "b"])}, NAMED, SplitConfig())
    assert [s for _, s in split.kept[name]] == [TEST, TEST]


def test_a_projects_group_follows_its_named_member():
    shared = [f"s{i}" for i in range(20)]
    name = project_in(TRAIN)
    split = split_functions(
        {"zlib": keys(shared), name: keys([*shared[:10], "own"])}, NAMED, SplitConfig()
    )
    assert split.projects[name] == TEST


def test_embedded_copies_of_tested_code_do_not_train():
    name = project_in(TRAIN)
    own = [f"own{i}" for i in range(50)]
    stored = {"zlib": keys([f"z{i}" for i in range(40)]), name: keys([*own, "z1", "z2"])}
    split = split_functions(stored, NAMED, SplitConfig())
    assert split.projects[name] == TRAIN
    assert {f.hash for f, _ in split.kept[name]} == set(own)
    assert split.dropped == {"stands in the test group": 2}
    units = {name: [UnitKey("u1", "a.c", ("own1", "z1"), 0), UnitKey("u2", "b.c", ("own2",), 1)]}
    divided = split_units(units, split, NAMED)
    assert [(unit.unit, s) for _, unit, s in divided.kept] == [("u2", TRAIN)]
    assert divided.dropped == {"holds functions of the test group": 1}


def test_tiny_functions_of_the_test_group_stay_in_training():
    name = project_in(TRAIN)
    stored = {"zlib": keys(["tiny"], instructions=2), name: keys(["tiny"], instructions=2)}
    split = split_functions(stored, NAMED, SplitConfig())
    assert split.kept["zlib"] == []
    assert [(f.hash, s) for f, s in split.kept[name]] == [("tiny", TRAIN)]


def test_files_of_held_out_programs_are_test_wherever_they_stand():
    name = project_in(TRAIN)
    functions = [
        FunctionKey("a", "src/main.c", 30, False, 0),
        FunctionKey("b", "lib/jpeg/jdct.c", 30, False, 1),
    ]
    split = split_functions({name: functions}, NAMED, SplitConfig())
    assert [(f.hash, s) for f, s in split.kept[name]] == [("a", TRAIN), ("b", TEST)]


LETTERS = "abcdefghijklmnopqrst"
FUNCTION = st.tuples(
    st.sampled_from([f"h{i}" for i in range(60)]), st.sampled_from(["a.c", "jpeg/x.c", "b.c"]),
    st.integers(1, 40), st.booleans(),
)  # fmt: skip
STORED = st.dictionaries(
    st.sampled_from([*(f"proj-{letter}" for letter in LETTERS), "zlib", "lame"]),
    st.lists(FUNCTION, max_size=25, unique_by=lambda f: f[0]),
    min_size=1,
)


@settings(max_examples=80)
@given(STORED, st.integers(1, 30))
def test_no_hash_is_in_two_splits_and_no_trained_one_is_tested(stored, most):
    # instructions and std belong to a function's code: one hash, one value
    facts = {f"h{i}": (1 + i % 30, i % 5 == 0) for i in range(60)}
    projects = {
        name: [FunctionKey(h, file, *facts[h], row) for row, (h, file, _, _) in enumerate(rows)]
        for name, rows in stored.items()
    }
    config = SplitConfig(salt="x", validation=0.3, test=0.3, functions=most)
    split = split_functions(projects, NAMED, config)
    kept = [(f.hash, s, name) for name, rows in split.kept.items() for f, s in rows]
    assert len({h for h, _, _ in kept}) == len(kept)
    in_training = {
        f.hash for name, rows in projects.items() if split.projects[name] == TRAIN for f in rows
    }
    for digest, name, _ in kept:
        if name == TRAIN:
            assert digest not in split.test_for_good
        else:
            assert digest not in in_training or digest in split.test_for_good
    units = {
        name: [UnitKey(f"u{name}", "main.c", tuple(f.hash for f in rows), 0)]
        for name, rows in projects.items()
    }
    trained = {
        h for _, unit, s in split_units(units, split, NAMED).kept if s == TRAIN for h in unit.hashes
    }
    assert trained.isdisjoint(h for h, s, _ in kept if s != TRAIN)
    for rows in split.kept.values():
        assert all(sum(s == wanted for _, s in rows) <= most for wanted in SPLITS)
    again = split_functions(dict(reversed(projects.items())), NAMED, config)
    assert again.kept == split.kept and again.projects == split.projects


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 60))
def test_a_project_gives_a_bounded_number_and_little_of_the_library(own, library, most):
    config = SplitConfig(functions=most)
    functions = keys([f"o{i}" for i in range(own)]) + keys(
        [f"l{i}" for i in range(library)], std=True
    )
    kept = bounded(functions, config)
    assert len(kept) <= most
    assert sum(f.std for f in kept) <= 0.2 * len(kept)
    if not library:
        assert len(kept) == min(own, most)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_jaccard_of_opcode_runs(left, right):
    share = jaccard(opcode_grams(left), opcode_grams(right))
    assert 0 <= share <= 1
    assert share == jaccard(opcode_grams(right), opcode_grams(left))
    assert jaccard(opcode_grams(left), opcode_grams(left)) == 1
    if len(left) >= 5:
        assert all(len(gram) == 5 for gram in opcode_grams(left))


def test_near_duplicates_are_found_and_others_not():
    body = bytes(range(100))
    near = body[:90] + bytes([7] * 4) + body[94:]
    far = bytes(reversed(body))
    assert near_sequences([near, far], [body]) == {near}
    assert near_sequences([body], []) == set()
    assert near_sequences([b"ab"], [b"ab", b"abc"]) == {b"ab"}


@settings(max_examples=25)
@given(st.lists(st.binary(min_size=8, max_size=40), min_size=1, max_size=12), st.data())
def test_what_is_found_is_near_and_copies_are_always_found(others, data):
    wanted = data.draw(
        st.lists(st.one_of(st.sampled_from(others), st.binary(max_size=40)), max_size=8)
    )
    found = near_sequences(wanted, others)
    for opcodes in wanted:
        best = max(jaccard(opcode_grams(opcodes), opcode_grams(other)) for other in others)
        if opcodes in found:
            assert best >= 0.7
        if best == 1:
            assert opcodes in found


@pytest.mark.parametrize(
    ("field", "value"),
    [("validation", 1.0), ("test", -0.1), ("std_share", 1), ("shared", 0), ("near", 1.1),
     ("telling", 0), ("functions", 0)],
)  # fmt: skip
def test_bad_configuration_names_the_field(field, value):
    with pytest.raises(ValueError, match=field):
        SplitConfig(**{field: value})
    with pytest.raises(ValueError, match="train"):
        SplitConfig(validation=0.5, test=0.5)
