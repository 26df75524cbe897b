#!/bin/sh
# Usage: run.sh [folder with LLVM's tools, default /usr/lib/llvm-19/bin]
# Exit 1: the failure is there. 0: it is not. 2: the program cannot be built or run even without
# the list.
bin=${1:-/usr/lib/llvm-19/bin}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
build() {  # $1: bitcode that was under the list, $2: program
  $bin/clang  -Oz -Xclang -disable-llvm-passes -w -c "$1" -o "$work/tested.o" &&
  $bin/clang  -O0 -w -c "$here/rest.ll" -o "$work/rest.o" &&
  $bin/clang++  -static "$work/tested.o" "$work/rest.o"  -lm -o "$2"
}
build "$here/input.ll" "$work/before" || exit 2
(ulimit -t 20;  "$work/before") >"$work/before.txt" 2>/dev/null || exit 2
$bin/opt -passes="$(cat "$here/passes.txt")" "$here/input.ll" -o "$work/after.bc" || exit 1
build "$work/after.bc" "$work/after" || exit 1
(ulimit -t 20;  "$work/after") >"$work/after.txt" 2>/dev/null || exit 1
cmp -s "$work/before.txt" "$work/after.txt" || exit 1
exit 0
