#!/usr/bin/env bash
# Optimizes the C files of a real package, fetched by name; without network, a program of our own.
set -euo pipefail
cd "$(dirname "$0")/.."

package=bzip2
ozma=.venv/bin/ozma
work=build/demo
report=demo-report.html

mkdir -p "$work"
sources=(examples/calculator.c)
if "$ozma" fetch "$package" --to "$work/$package" >"$work/fetch.log" 2>&1; then
    mapfile -t found < <(find "$work/$package" -name '*.c' \
        ! -name 'bzip2*.c' ! -name 'dlltest.c' ! -name 'spewG.c' ! -name 'unzcrash.c' ! -name 'mk251.c' | sort)
    sources=("${found[@]}" "${sources[@]}")
else
    echo "demo: cannot fetch $package ($(tail -n 1 "$work/fetch.log")); using only our own example" >&2
fi
echo "ozma optimize ${sources[*]} -o $work/objects/ --report $report"
"$ozma" optimize "${sources[@]}" -o "$work/objects/" --report "$report"
echo "report: $report"
