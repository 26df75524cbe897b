"""Shared by the tests of the passes room: installed LLVM releases, their catalogues, a small module."""

from __future__ import annotations

import subprocess
from functools import cache

from ozma.llvm.toolchain import Toolchain, installed_toolchains
from ozma.passes import Catalogue, Pipeline, parse, parse_catalogue

TOOLCHAINS = installed_toolchains()

NESTED_LOOPS = """
target triple = "x86_64-unknown-linux-gnu"
@table = internal global [16 x i32] zeroinitializer
declare void @use(i32)
define internal i32 @square(i32 %x) {
  %y = mul i32 %x, %x
  ret i32 %y
}
define i32 @sum(ptr %a, i32 %n) {
entry:
  br label %outer
outer:
  %i = phi i32 [ 0, %entry ], [ %i.next, %latch ]
  br label %inner
inner:
  %j = phi i32 [ 0, %outer ], [ %j.next, %inner ]
  %p = getelementptr i32, ptr %a, i32 %j
  store i32 %i, ptr %p
  %j.next = add nuw nsw i32 %j, 1
  %more = icmp ult i32 %j.next, 8
  br i1 %more, label %inner, label %latch
latch:
  %v = load i32, ptr @table
  %s = call i32 @square(i32 %v)
  call void @use(i32 %s)
  %i.next = add nuw nsw i32 %i, 1
  %again = icmp ult i32 %i.next, %n
  br i1 %again, label %outer, label %exit
exit:
  ret i32 %i.next
}
"""


def opt(toolchain: Toolchain, *arguments: str, module: str = "") -> subprocess.CompletedProcess[str]:
    """Runs `opt` with `module` on its standard input."""
    command = [toolchain.tool("opt"), *arguments, "-"]
    return subprocess.run(command, input=module, capture_output=True, text=True, timeout=60)


def printed(toolchain: Toolchain, passes: str) -> str:
    """How LLVM itself writes the pipeline; `opt` adds a `verify` of its own at the end."""
    done = opt(toolchain, f"-passes={passes}", "-print-pipeline-passes", "-disable-output")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().removesuffix(",verify")


@cache
def catalogue_of(toolchain: Toolchain) -> Catalogue:
    listing = subprocess.run(
        [toolchain.tool("opt"), "--print-passes"], capture_output=True, text=True, check=True
    )
    return parse_catalogue(listing.stdout, toolchain.major)


@cache
def expanded_oz(toolchain: Toolchain) -> Pipeline:
    """The default -Oz pipeline, about 105 passes nested five deep."""
    return parse(printed(toolchain, "default<Oz>"))
