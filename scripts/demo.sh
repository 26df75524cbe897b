#!/usr/bin/env bash
# Optimizes the C files of a real package, fetched by name; without network, a program of our own.
set -euo pipefail
cd "$(dirname "$0")/.."

package=bzip2
ozma=.venv/bin/ozma
work=build/demo
report=demo-report.html

fetch() {
    [ ! -d "$work/$package" ] || return 0
    rm -rf "$work/$package.part"
    "$ozma" fetch "$package" --to "$work/$package.part" >"$work/fetch.log" 2>&1 || return
    mv "$work/$package.part" "$work/$package"
}

mkdir -p "$work"
sources=(examples/calculator.c)
if fetch; then
    mapfile -t found < <(find "$work/$package" -name '*.c' \
        ! -name 'bzip2*.c' ! -name 'dlltest.c' ! -name 'spewG.c' ! -name 'unzcrash.c' ! -name 'mk251.c' | sort)
    sources=("${found[@]}" "${sources[@]}")
else
    echo "demo: cannot fetch $package ($(tail -n 1 "$work/fetch.log")); using only our own example" >&2
fi
echo "demo: optimizing ${#sources[@]} C files, one compile for each list and each pass" >&2
"$ozma" optimize "${sources[@]}" -o "$work/objects/" --report "$report"
echo "report: $report"
