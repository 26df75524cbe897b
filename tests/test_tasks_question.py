"""What of a module a model is asked about: sketches, cuts, and the file that remembers it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ozma.errors import OzmaError
from ozma.tasks.canonical import shorten
from ozma.tasks.prompts import flags_prompt
from ozma.tasks.question import (
    LEFT_OUT,
    OPTIMIZED,
    SKETCH,
    Question,
    read_question,
    write_question,
)
from ozma.tasks.sketch import sketch

MODULE = """target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-pc-linux-gnu"

@g = external global i32

define i32 @f(ptr %0, i32 %1) {
  %3 = load i32, ptr %0, align 4
  %4 = add nsw i32 %3, 1000
  %5 = icmp slt i32 %4, %1
  br i1 %5, label %6, label %7

6:                                                ; preds = %2
  tail call void @llvm.memcpy.p0.p0.i64(ptr %0, ptr @g, i64 4, i1 false)
  %x = call i32 @h(ptr %0)
  br label %7

7:                                                ; preds = %6, %2
  ret i32 %4
}

declare i32 @h(ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
"""
SKETCHED = """define
load i32
add i32
icmp slt
br
:
call llvm.memcpy
call i32
br label
:
ret i32
"""


def test_a_sketch_has_opcodes_and_types_and_no_operand():
    assert sketch(MODULE) == SKETCHED


@settings(deadline=None)
@given(st.text())
def test_a_sketch_of_any_text_has_no_line_more_than_it(text):
    assert sketch(text).count("\n") <= len(text.splitlines())
    assert sketch("define {\n" + text).startswith("define\n")


def test_questions_show_what_their_view_says():
    assert Question().prompt(MODULE) == flags_prompt(shorten(MODULE))
    assert Question(OPTIMIZED).prompt(MODULE) == flags_prompt(shorten(MODULE))
    assert Question(SKETCH).prompt(MODULE) == flags_prompt(SKETCHED)
    assert [Question(view).of_optimized for view in ("front", OPTIMIZED, SKETCH)] == [False, True, True]


@settings(deadline=None)
@given(st.integers(1, 200))
def test_a_cut_keeps_whole_lines_and_says_so(most):
    code = Question(SKETCH, most).prompt(MODULE).split("<code>")[1].split("</code>")[0]
    if most >= len(SKETCHED):
        assert code == SKETCHED
    else:
        kept = code.removesuffix(LEFT_OUT)
        assert code.endswith(LEFT_OUT) and SKETCHED.startswith(kept) and len(kept) <= most
        assert not kept or kept.endswith("\n")


def test_a_folder_remembers_its_question(tmp_path):
    assert read_question(tmp_path) == Question()
    write_question(tmp_path, Question(SKETCH, 9000))
    assert read_question(tmp_path) == Question(SKETCH, 9000)
    (tmp_path / "question.json").write_text('{"view": "magic"}')
    with pytest.raises(OzmaError, match="question.json is damaged"):
        read_question(tmp_path)


@pytest.mark.parametrize("given, field", [({"view": "all"}, "view"), ({"characters": -1}, "characters")])
def test_wrong_questions_name_the_field(given, field):
    with pytest.raises(ValueError, match=field):
        Question(**given)
