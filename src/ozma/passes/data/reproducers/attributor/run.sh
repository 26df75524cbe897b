#!/bin/sh
# Usage: run.sh [folder with LLVM's tools, default /usr/lib/llvm-22/bin]
# Exit 1: the failure is there. 0: it is not. 2: the program cannot be built or run even without
# the list.
bin=${1:-/usr/lib/llvm-22/bin}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
(ulimit -t 60; $bin/opt -passes="$(cat "$here/passes.txt")" "$here/input.ll" -o "$work/after.bc") || exit 1
(ulimit -t 60; $bin/llc -filetype=obj "$work/after.bc" -o "$work/after.o") || exit 1
exit 0
