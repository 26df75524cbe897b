"""Fixtures that every room's tests share: the toolchain and small programs compiled once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from ozma.llvm import TARGETS, Toolchain, Worker, find_toolchain, installed_toolchains
from ozma.llvm.clang import compile_bitcode

# A busy machine is no failure, and a commit that has passed passes again: the same inputs every time.
# New ones: pytest --hypothesis-profile=explore
settings.register_profile("explore", deadline=None)
settings.register_profile("ozma", deadline=None, derandomize=True)
settings.load_profile("ozma")

PROGRAM = """
#include <stddef.h>
static int classify(int c) {
    switch (c) {
    case '+': case '-': return 1;
    case '*': case '/': return 2;
    case '(': return 3;
    default: return c >= '0' && c <= '9' ? 4 : 0;
    }
}
int evaluate(const char *text, size_t length) {
    int total = 0;
    for (size_t i = 0; i < length; i++) {
        int kind = classify(text[i]);
        if (kind == 4) total = total * 10 + (text[i] - '0');
        else if (kind) total ^= kind << (i & 7);
    }
    return total;
}
int sum(const int *values, int count) {
    int result = 0;
    for (int i = 0; i < count; i++) result += values[i] * (i + 1);
    return result;
}
"""


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    return find_toolchain()


@pytest.fixture(params=[t.major for t in installed_toolchains() if t.major in (19, 22)])
def each_toolchain(request: pytest.FixtureRequest) -> Toolchain:
    """Every supported release that is installed: 19 always, 22 where CI has it."""
    return find_toolchain(request.param)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "program.c"
    path.write_text(PROGRAM)
    return path


@pytest.fixture(scope="session")
def bitcode(toolchain: Toolchain, program: Path) -> bytes:
    return compile_bitcode(toolchain, program, target=TARGETS["x86-64"])


@pytest.fixture
def worker(toolchain: Toolchain):
    with Worker(toolchain, timeout=10) as one:
        yield one
