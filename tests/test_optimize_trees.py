"""Trees order the pack's lists: stored and read again, on a function, on a unit, with a model."""

from pathlib import Path

import pytest

np = pytest.importorskip("numpy")

from ozma.errors import OzmaError
from ozma.llvm import Worker
from ozma.llvm.clang import run_clang
from ozma.optimize.rank import HYBRID, PACK, TREES, ModelAdvisor, TreeAdvisor, make_advisor
from ozma.optimize.ranker.describe import bytes_of, describe, described_names
from ozma.optimize.ranker.forest import Forest
from ozma.optimize.ranker.keys import TRUST, list_key, trust_of
from ozma.optimize.ranker.ranker import Ranker, load_ranker
from ozma.tasks.question import Question

LISTS = ("function(sroa)", "function(dce)", "globaldce")
ONE = "int twice(int x) { return x + x; }\n"
TWO = ONE + "int f(int *p, int n) { int s = 0; for (int i = 0; i < n; i++) s += p[i]; return s; }\n"


@pytest.fixture
def ranker() -> Ranker:
    """Modules of up to 3 definitions look like functions 0 and 1, on which list 2 saves most and
    then list 0; others like function 2, which list 1 makes smaller."""
    place = described_names().index("front end definitions")
    forest = Forest(
        {
            "feature": np.array([place, 0, 0]), "threshold": np.array([3, 0, 0]),
            "right": np.array([2, -1, -1]), "root": np.array([0]),
            "member": np.array([0, 1, 2]), "ends": np.array([0, 2, 3]),
        }
    )  # fmt: skip
    saved = np.array([[0.05, 0, 0.1], [0.05, 0, -0.1], [0, 0.1, 0]], np.float32)
    keys = tuple(map(list_key, LISTS))
    return Ranker(forest, keys, saved, np.array([100.0, 90.0, 100.0]), 0.2, 1.0)


@pytest.fixture
def path(ranker, tmp_path) -> Path:
    ranker.save(tmp_path / "trees.npz")
    return tmp_path / "trees.npz"


def bitcode(toolchain, folder: Path, text: str) -> bytes:
    source = folder / "unit.c"
    source.write_text(text)
    words = ["-Oz", "-Xclang", "-disable-llvm-passes", "-emit-llvm", "-c"]
    return run_clang(toolchain, words, source)


def values_of(definitions: int) -> np.ndarray:
    values = np.zeros(len(described_names()), np.float32)
    values[described_names().index("front end definitions")] = definitions
    return values


def test_each_next_list_adds_to_those_before(ranker):
    order, alone = ranker.order(values_of(1))
    assert (order.tolist(), alone) == ([2, 0, 1], 0)
    assert ranker.order(values_of(9))[0][0] == 1


def test_a_ranker_is_stored_and_read_again(ranker, path):
    again = load_ranker(path)
    for definitions in (1, 9):
        values = values_of(definitions)
        assert again.order(values)[0].tolist() == ranker.order(values)[0].tolist()
    assert again.keys == ranker.keys and np.allclose(again.relative_nl, ranker.relative_nl)


@pytest.mark.parametrize("damage", [lambda p: p.write_bytes(b"PK\x03\x04"), lambda p: p.write_text("x")])
def test_a_damaged_file_is_one_clear_error(path, damage):
    damage(path)
    with pytest.raises(OzmaError, match="holds no trees") as caught:
        load_ranker(path)
    assert "pickle" not in str(caught.value)


def test_trees_of_other_features_are_refused(path):
    arrays = dict(np.load(path))
    np.savez_compressed(path, **arrays | {"names": np.array("other")})
    with pytest.raises(OzmaError, match="another version"):
        load_ranker(path)


@pytest.mark.parametrize("text, said, best", [
    (ONE, "the whole module", "globaldce"),
    (TWO, "2 of 2 functions", "function(sroa)"),  # small and sure: the larger one's loss counts
])  # fmt: skip
def test_the_advisor_orders_all_lists(toolchain, path, tmp_path, text, said, best):
    lists = ["unknown", *LISTS]
    with Worker(toolchain) as worker:
        advice = TreeAdvisor(path)(worker, bitcode(toolchain, tmp_path, text), lists)
        refused = TreeAdvisor(path)(worker, b"BC no bitcode", lists)
    assert (advice.lists[0], advice.lists[-1]) == (best, "unknown")
    assert sorted(advice.lists) == sorted(lists)
    assert said in advice.said
    assert list(refused.lists) == lists and "not asked" in refused.said


def test_a_large_unit_keeps_the_packs_order(toolchain, path, tmp_path):
    lists = ["unknown", *reversed(LISTS)]
    with Worker(toolchain) as worker:
        code = bitcode(toolchain, tmp_path, TWO)
        advice = TreeAdvisor(path, largest=5)(worker, code, lists)
        assert list(advice.lists) == lists and "more than 5 instructions" in advice.said
        assert list(TreeAdvisor(path)(worker, code, lists).lists) != lists


class StubModel:
    """Finds one list e^100 times as probable as the others."""

    def odds(self, worker, bitcode, lists):
        return {passes: 100.0 * (passes == "function(sroa)") for passes in lists}, "was asked"


def test_a_model_that_is_sure_decides(toolchain, path, tmp_path):
    with Worker(toolchain) as worker:
        advice = TreeAdvisor(path, StubModel())(worker, bitcode(toolchain, tmp_path, ONE), LISTS)
    assert advice.lists[0] == "function(sroa)"
    assert advice.said.endswith("the model was asked")


def test_a_model_asked_by_function_gives_means_that_do_not_grow_with_the_unit(toolchain, tmp_path):
    class Ranker:
        question = Question()

        def rank(self, text):
            return [("a", -1.0), ("b", -3.0)] if text.count("define") == 1 else []

    advisor = ModelAdvisor(toolchain)
    advisor._ranker = Ranker()
    with Worker(toolchain) as worker:
        odds, said = advisor.odds(worker, bitcode(toolchain, tmp_path, TWO), ("a", "b"))
    assert odds == pytest.approx({"a": -1.0, "b": -3.0})
    assert said == "asked about 2 of 2 functions"


def test_trust_is_a_power_of_the_odds():
    keys = [list_key(passes) for passes in ("a", "b", "c")]
    assert trust_of({"a": -1.0, "b": -3.0}, keys) == pytest.approx([1, *[np.exp(-2 * TRUST)] * 2])


def test_clangs_own_object_is_described_too(toolchain, tmp_path):
    with Worker(toolchain) as worker:
        values = describe(worker, bitcode(toolchain, tmp_path, TWO))
    named = dict(zip(described_names(), values, strict=True))
    assert named["Oz functions"] == named["front end definitions"] == 2
    assert named["Oz instructions"] < named["front end instructions"]
    assert bytes_of(values) == named["Oz text"] + named["Oz data"] + named["Oz rodata"] > 0


def test_ranks_by_name(toolchain, path):
    assert make_advisor(PACK, toolchain) is None
    assert isinstance(make_advisor(TREES, toolchain, trees=path), TreeAdvisor)
    assert isinstance(make_advisor(HYBRID, toolchain, trees=path), TreeAdvisor)
    with pytest.raises(OzmaError, match="ozma train trees"):
        TreeAdvisor(path.with_name("none.npz"))


def test_trees_that_know_none_of_the_lists_are_refused(toolchain, path, tmp_path):
    with pytest.raises(OzmaError, match="know none of the 1 lists"), Worker(toolchain) as worker:
        TreeAdvisor(path)(worker, b"", ["function(nosuch)"])
