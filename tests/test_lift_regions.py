"""Answers that once passed every check and broke the program that they were linked into."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from ozma.lift.lifter import lift_function
from ozma.llvm import find_toolchain

_SHIFTED = """
unsigned long fill(int *), count(const int *);
int blank(int);
int f(void) {
    int text[257];
    fill(text);
    int k = count(text) - 1;
    while (k >= 0 && blank(text[k])) k--;
    text[k + 1] = 0;
    return count(text);
}
"""
_TABLE = """
int g(int); void h(int);
void f(int *a, int *b) {
    if (!a | !b) return;
    switch (*a) {
    case 0: h(1); return;
    case 1: if (g(2)) return; h(3); return;
    case 3: h(g(7)); return;
    case 4: case 6: return;
    case 7: h(9); h(10); return;
    default: h(12); h(13);
    }
}
"""


def _lift(source: str, folder: Path) -> str:
    path = folder / "f.c"
    path.write_text(source)
    command = [find_toolchain().tool("clang"), "-Oz", "-S", "-o", "-", path]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lifted = lift_function(text, "f")
    assert lifted.refusal is None
    return lifted.ir


def test_an_element_after_the_indexed_one_is_of_the_same_array(tmp_path: Path) -> None:
    sizes = [int(size) for size in re.findall(r"alloca \[(\d+) x", _lift(_SHIFTED, tmp_path))]
    assert len(sizes) == 1 and sizes[0] >= 257 * 4


def test_the_place_of_a_computed_jump_is_no_result(tmp_path: Path) -> None:
    text = _lift(_TABLE, tmp_path)
    assert "define dso_local void @f(" in text and "external" not in text


_COPY = """
unsigned long strlen(const char *);
void *memcpy(void *, const void *, unsigned long);
extern void *(*reserve)(unsigned long);
char *f(const char *s) {
    if (!s) return 0;
    unsigned long n = strlen(s) + 1;
    char *p = reserve(n);
    return p ? memcpy(p, s, n) : 0;
}
"""


def test_what_a_call_left_is_given_back_whole(tmp_path: Path) -> None:
    text = _lift(_COPY, tmp_path)
    assert re.search(r"define dso_local (i64|ptr) @f\(", text)
