"""Splitting modules into functions through LLVM, and the hash by which functions are compared."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ozma.corpus.canonical import canonical_hash, canonical_lines
from ozma.corpus.functions import Tally, UnitRow, functions_of, is_std_instantiation
from ozma.llvm import InvalidIR, Toolchain, Worker
from ozma.llvm.clang import compile_bitcode

C = r"""
#include <stdarg.h>
extern int printf(const char *, ...);
struct pair { int left; struct { long right; } inner; };
static int counter;
static const int table[4] = {1, 2, 3, 4};
static const int large[4000] = {7};
static int helper(int x) { return x * 3 + counter++; }
int uses_all(struct pair *p) {
    printf("%d\n", helper(p->left));
    return table[p->left & 3] + large[p->left] + (int)p->inner.right;
}
int other(void) { return printf("%d\n", 5); }
int recursive(int n) { return n < 2 ? n : recursive(n - 1) + recursive(n - 2); }
int jump(int n) {
    static void *labels[] = {&&one, &&two};
    goto *labels[n & 1];
one: return 10;
two: return 20;
}
int (*pointer(void))(int) { return helper; }
int aliased(void) { return 1; }
int alias_name(void) __attribute__((alias("aliased")));
int calls_alias(void) { return alias_name(); }
__attribute__((constructor)) void at_start(void) { counter = 1; }
_Thread_local int per_thread;
int thread(void) { return per_thread++; }
__asm__(".globl stray\nstray:\n");
"""
CXX = r"""
#include <string>
#include <vector>
struct Base { virtual ~Base(); virtual int get() const { return 1; } };
struct Derived : Base {
    std::string name;
    Derived(const char *n) : name(n) {}
    int get() const override;
};
Base::~Base() {}
int Derived::get() const { return name.size(); }
inline int shared(int x) { static int calls = 0; return x + ++calls; }
int use(const std::vector<Base *> &all) {
    int sum = 0;
    try { for (auto *one : all) sum += one->get() + shared(sum); } catch (...) { return -1; }
    return sum;
}
Base *make() { return new Derived("name"); }
"""


@pytest.fixture(scope="module")
def splitter(toolchain: Toolchain):
    with Worker(toolchain, timeout=60) as worker:
        yield worker


def compile_text(toolchain: Toolchain, folder: Path, text: str, suffix: str = ".c", *args) -> bytes:
    source = folder / f"source{suffix}"
    source.write_text(text)
    return compile_bitcode(toolchain, source, ["-w", *args])


def disassemble(bitcode: bytes, toolchain: Toolchain) -> str:
    words = [toolchain.tool("llvm-dis"), "-o", "-"]
    return subprocess.run(words, input=bitcode, capture_output=True, check=True).stdout.decode()


@pytest.fixture(scope="module")
def c_unit(toolchain, splitter, tmp_path_factory):
    bitcode = compile_text(toolchain, tmp_path_factory.mktemp("c"), C)
    return splitter.split(bitcode, "source.c")


@pytest.fixture(scope="module")
def c_texts(c_unit, toolchain):
    return {f.symbol: disassemble(f.bitcode, toolchain) for f in c_unit.functions}


def test_every_body_becomes_one_module_with_one_body(c_texts):
    expected = {"uses_all", "helper", "other", "recursive", "jump", "pointer", "aliased",
                "calls_alias", "at_start", "thread"}  # fmt: skip
    assert set(c_texts) == expected
    for symbol, text in c_texts.items():
        (defined,) = re.findall(r"^define .*@(\w+)\(", text, re.MULTILINE)
        assert defined == symbol


def test_what_a_function_uses_is_kept_and_nothing_else(c_texts):
    text = c_texts["uses_all"]
    assert 'constant [4 x i8] c"%d\\0A\\00"' in text  # private strings keep their bytes
    assert "[4 x i32] [i32 1, i32 2, i32 3, i32 4]" in text
    assert "@large = external hidden constant" in text  # too large to carry
    assert re.search(r"^declare hidden i32 @helper\(", text, re.MULTILINE)
    assert "%struct.pair = type" in text
    assert "@counter" not in text and "recursive" not in text and "llvm.global_ctors" not in text
    assert "@counter = external hidden global i32" in c_texts["helper"]
    assert "define hidden i32 @helper" in c_texts["helper"]  # was static
    assert "struct.pair" not in c_texts["other"]
    assert re.search(r"@per_thread = external (dso_local )?thread_local", c_texts["thread"])
    assert all("module asm" not in text for text in c_texts.values())


def test_aliases_become_declarations_and_label_tables_stay(c_texts):
    assert re.search(r"^declare .*@alias_name\(", c_texts["calls_alias"], re.MULTILINE)
    assert "blockaddress(@jump" in c_texts["jump"]


def test_nothing_tells_where_it_was_built(c_texts, c_unit, tmp_path, toolchain):
    unit = disassemble(c_unit.bitcode, toolchain)
    assert 'source_filename = "source.c"' in unit
    for text in (unit, *c_texts.values()):
        assert "clang version" not in text and "pytest" not in text


def test_code_that_llvm_generates_is_that_of_llvm_extract(c_texts, toolchain, tmp_path):
    """The functions' own instructions equal those of LLVM's own tool."""
    bitcode = compile_text(toolchain, tmp_path, C)
    extract = toolchain.tool("llvm-extract")
    for symbol in ("uses_all", "recursive", "thread"):
        done = subprocess.run(
            [extract, f"--func={symbol}", "-S", "-o", "-"],
            input=bitcode, capture_output=True, check=True,
        )  # fmt: skip
        assert body_of(done.stdout.decode()) == body_of(c_texts[symbol])


def body_of(text: str) -> list[str]:
    """Instructions without metadata and attribute numbers, and without constants' numbers."""
    inside = text[text.index("\ndefine") : text.index("\n}\n")].splitlines()[2:]
    return [re.sub(r", !.*|#\d+|\.str(\.\d+)?", "", line) for line in inside]


@pytest.mark.parametrize("suffix", [".c", ".cpp"])
def test_each_release_splits_c_and_cxx(each_toolchain, suffix, tmp_path):
    bitcode = compile_text(each_toolchain, tmp_path, C if suffix == ".c" else CXX, suffix)
    with Worker(each_toolchain, timeout=60) as worker:
        unit = worker.split(bitcode, "x")
        assert unit.refused == ()
        assert len(unit.functions) >= 10
        assert all(f.structural for f in unit.functions)
        again = worker.split(bitcode, "x")
    assert [f.bitcode for f in unit.functions] == [f.bitcode for f in again.functions]
    assert unit.text_hash == again.text_hash


def test_split_functions_generate_code(toolchain, splitter, tmp_path):
    unit = splitter.split(compile_text(toolchain, tmp_path, CXX, ".cpp"), "x.cpp")
    for function in unit.functions:
        loaded = splitter.load(function.bitcode)
        assert splitter.evaluate(loaded.id, "default<Oz>").sizes.text > 0
        splitter.unload(loaded.id)


def test_the_same_source_elsewhere_gives_the_same_bytes(toolchain, splitter, tmp_path):
    units = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        bitcode = compile_text(
            toolchain, tmp_path / name, C, ".c", f"-fmacro-prefix-map={tmp_path}=."
        )
        units.append(splitter.split(bitcode, "source.c"))
    assert units[0] == units[1]


def test_splitting_a_split_function_changes_nothing(c_unit, splitter):
    for function in c_unit.functions:  # one of them holds a table of labels
        (again,) = splitter.split(function.bitcode, "").functions
        assert again.bitcode == function.bitcode
        assert canonical_hash(again.numbered) == canonical_hash(function.numbered)


def test_the_file_name_is_not_in_the_unit_hash(toolchain, splitter, tmp_path):
    bitcode = compile_text(toolchain, tmp_path, C)
    assert splitter.split(bitcode, "a.c").text_hash == splitter.split(bitcode, "b.c").text_hash


def test_damaged_and_empty_units(splitter):
    with pytest.raises(InvalidIR):
        splitter.split(b"BC\xc0\xdenothing", "x.c")
    empty = splitter.split(b"@x = global i32 1\n", "x.c")
    assert empty.functions == () and empty.instructions == 0
    anonymous = splitter.split(
        b"define i32 @0() {\n  ret i32 1\n}\ndefine i32 @1() {\n  ret i32 2\n}\n", "x"
    )
    assert len({f.symbol for f in anonymous.functions}) == 2


def hash_of(splitter: Worker, text: str, symbol: str = "") -> str:
    functions = splitter.split(text.encode(), "x.ll").functions
    return next(canonical_hash(f.numbered) for f in functions if not symbol or f.symbol == symbol)


TEMPLATE = """
%{type} = type {{ i32, %{inner} }}
%{inner} = type {{ i64, {field} }}
@{string} = private unnamed_addr constant [3 x i8] c"{text}\\00"
@{second} = private unnamed_addr constant [3 x i8] c"zz\\00"
@{used} = external global i32
define {linkage}i32 @{name}(ptr %{argument}, i32 %{count}) #{group} {{
{entry}:
  %{value} = getelementptr %{type}, ptr %{argument}, i32 0, i32 1, i32 {index}
  %{loaded} = load {field}, ptr %{value}, align {align}, !tbaa !{node}
  %{result} = {opcode} i32 %{count}, {constant}
  %{called} = call i32 @{callee}(ptr @{string}, ptr @{used}, ptr @{second}, i32 %{result}){attribute}
  br label %{exit}
{exit}:
  ret i32 %{called}
}}
declare i32 @{callee}(ptr, ptr, ptr, i32)
attributes #{group} = {{ nounwind optsize }}
!{node} = !{{!{other}, !{other}, i64 0}}
!{other} = !{{!"int", !9000, i64 0}}
!9000 = !{{!"root"}}
"""
NAMES = ["type", "inner", "string", "second", "name", "argument", "count", "entry", "value",
         "loaded", "result", "called", "exit"]  # fmt: skip
PLAIN = {name: name for name in NAMES} | {
    "used": "used", "callee": "callee", "field": "i64", "text": "ab", "linkage": "", "group": 3,
    "index": 1, "align": 8, "opcode": "add", "constant": 7, "attribute": "", "node": 5, "other": 6,
}  # fmt: skip
CHANGES = [{"opcode": "sub"}, {"constant": 8}, {"field": "float"}, {"callee": "another"},
           {"index": 0}, {"align": 4}, {"text": "ac"}, {"used": "elsewhere"},
           {"linkage": "hidden "}, {"opcode": "add nsw"}, {"attribute": " cold"},
           {"count": "argument2", "constant": -7}]  # fmt: skip


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.from_regex(r"[A-Za-z_.$-][A-Za-z0-9_.$-]{0,6}|\"[ -!#-\[\]-~]{1,9}\"", fullmatch=True),
        min_size=len(NAMES), max_size=len(NAMES), unique_by=lambda name: name.strip('"'),
    ),
    st.permutations(range(20, 23)),
)  # fmt: skip
def test_renaming_everything_leaves_the_hash(splitter, names, numbers):
    # `llvm.` means something in a name, and the symbols that keep theirs are taken
    names = [name if "llvm" not in name else f"x{i}" for i, name in enumerate(names)]
    taken = {"used", "callee"}
    renamed = {
        n: v if v.strip('"') not in taken else v.strip('"') + "1"
        for n, v in zip(NAMES, names, strict=True)
    }
    group, node, other = numbers
    values = PLAIN | renamed | {"group": group, "node": node, "other": other}
    assert hash_of(splitter, TEMPLATE.format(**values)) == hash_of(
        splitter, TEMPLATE.format(**PLAIN)
    )


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_another_function_has_another_hash(splitter, change):
    changed = TEMPLATE.format(**(PLAIN | change))
    assert hash_of(splitter, changed) != hash_of(splitter, TEMPLATE.format(**PLAIN))


@given(
    st.lists(
        st.sampled_from(["opcode", "constant", "field", "callee", "text", "index"]), unique=True
    )
)
@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_different_sets_of_changes_differ(splitter, fields):
    values = {
        "opcode": "xor",
        "constant": 99,
        "field": "ptr",
        "callee": "c",
        "text": "qq",
        "index": 0,
    }
    changed = TEMPLATE.format(**(PLAIN | {name: values[name] for name in fields}))
    same = hash_of(splitter, changed) == hash_of(splitter, TEMPLATE.format(**PLAIN))
    assert same == (not fields)


def test_order_of_symbols_and_numbered_types_do_not_matter(splitter):
    one = """%0 = type { i32 }
        @a = private constant [2 x i8] c"a\\00"
        @b = private constant [2 x i8] c"b\\00"
        declare void @f(ptr)
        declare void @g(ptr)
        define void @x() {
          %1 = alloca %0
          call void @f(ptr @b)
          call void @g(ptr @a)
          ret void
        }"""
    two = """%9 = type { i64 }
        %T = type { i32 }
        declare void @g(ptr)
        @a.1 = private constant [2 x i8] c"b\\00"
        @a.2 = private constant [2 x i8] c"a\\00"
        define void @y() {
          %q = alloca %T
          call void @f(ptr @a.1)
          call void @g(ptr @a.2)
          ret void
        }
        declare void @f(ptr)"""
    assert hash_of(splitter, one) == hash_of(splitter, two)
    assert hash_of(splitter, one) != hash_of(splitter, two.replace("@f(ptr @a.1)", "@f(ptr @a.2)"))


def test_names_inside_quotes_are_left_alone():
    text = (
        'define void @f() {\n  call void asm sideeffect "mov %0 ; @f #1 !2", ""() #0\n}\n'
        'attributes #0 = { "a"="#0 ; x" }'
    )
    lines = list(canonical_lines(text))
    assert '"mov %0 ; @f #1 !2"' in lines[1]
    assert canonical_hash(text) != canonical_hash(text.replace("mov %0", "mov %1"))


def test_own_name_of_a_recursive_function_does_not_matter(splitter):
    text = "define i32 @f(i32 %n) {\n  %r = call i32 @f(i32 %n)\n  ret i32 %r\n}"
    assert hash_of(splitter, text) == hash_of(splitter, text.replace("@f", '@"g h"'))


def test_rows_of_a_project(toolchain, splitter, tmp_path):
    bitcode = compile_text(toolchain, tmp_path, CXX, ".cpp")
    tally = Tally()
    units = [
        UnitRow("a.cpp", "c++", bitcode),
        UnitRow("b.cpp", "c++", bitcode),
        UnitRow("bad.c", "c", b"?"),
    ]
    first, second = functions_of("project", units, splitter, tally)
    assert first.functions and second.functions == []  # each function once in a project
    assert tally.functions == len(first.functions)
    assert tally.duplicates == first.unit["functions"] + second.unit["functions"] - tally.functions
    assert (tally.units, sum(tally.failures.values())) == (2, 1)
    assert first.unit["function_hashes"] == [row["hash"] for row in first.functions]
    library = {row["symbol"] for row in first.functions if row["std_instantiation"]}
    assert any("allocator" in symbol for symbol in library)
    assert not any("Derived" in symbol and "St" not in symbol for symbol in library)


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [("_ZNSt6vectorIiSaIiEE9push_backERKi", True), ("_ZNKSt4lessIiEclERKiS2_", True),
     ("_ZSt4moveIRiE", True), ("_ZN9__gnu_cxx13new_allocatorIiED2Ev", True), ("_ZNSaIcEC1Ev", True),
     ("main", False), ("_ZN3foo3barEv", False), ("_Z5StartRSt6vectorIiSaIiEE", False)],
)  # fmt: skip
def test_standard_library_is_told_by_mangled_name(symbol, expected):
    assert is_std_instantiation(symbol) is expected


def test_llvm_dying_on_a_unit_is_a_refusal(toolchain):
    with Worker(toolchain, timeout=60) as dying:
        dying.split(b"define void @f() {\n  ret void\n}", "x")
        os.kill(dying.pid, signal.SIGKILL)
        with pytest.raises(InvalidIR, match="crashed"):
            dying.split(b"define void @f() {\n  ret void\n}", "x")
        assert dying.split(b"define void @f() {\n  ret void\n}", "x").functions
