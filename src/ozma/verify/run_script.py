"""The text of a reproducer's `run.sh`, which needs LLVM's tools and a shell, and nothing of ours."""

MISCOMPILED = """\
build() {{  # $1: bitcode that was under the list, $2: program
  $bin/clang {flags} -Oz -Xclang -disable-llvm-passes -w -c "$1" -o "$work/tested.o" &&
  $bin/clang {flags} -O0 -w -c "$here/rest.ll" -o "$work/rest.o" &&
  $bin/clang++ {flags} -static "$work/tested.o" "$work/rest.o" {extra} -lm -o "$2"
}}
build "$here/input.ll" "$work/before" || exit 2
(ulimit -t 20; {runner} "$work/before") >"$work/before.txt" 2>/dev/null || exit 2
$bin/opt -passes="$(cat "$here/passes.txt")" "$here/input.ll" -o "$work/after.bc" || exit 1
build "$work/after.bc" "$work/after" || exit 1
(ulimit -t 20; {runner} "$work/after") >"$work/after.txt" 2>/dev/null || exit 1
cmp -s "$work/before.txt" "$work/after.txt" || exit 1
"""
CRASHED = """\
(ulimit -t 60; $bin/opt -passes="$(cat "$here/passes.txt")" "$here/input.ll" -o "$work/after.bc") || exit 1
(ulimit -t 60; $bin/llc -filetype=obj "$work/after.bc" -o "$work/after.o") || exit 1
"""
SCRIPT = """\
#!/bin/sh
# Usage: run.sh [folder with LLVM's tools, default {bindir}]
# Exit 1: the failure is there. 0: it is not. 2: the program cannot be built or run even without
# the list.
bin=${{1:-{bindir}}}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
{body}exit 0
"""
