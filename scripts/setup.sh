#!/usr/bin/env bash
# Installs what is missing for `make demo` or `make test` (first word: demo or test) on Debian or
# Ubuntu, and makes .venv. Does nothing, and needs no network, when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=${1:-demo}
stamp=.venv/.ozma-$mode
llvm=19
oldest_python=11 # 3.11

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

find_python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c "import sys; sys.exit(sys.version_info < (3, $oldest_python))" 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
}

installed() { [ "$(dpkg-query -W -f='${Status}' "$1" 2>/dev/null)" = "install ok installed" ]; }
offered() { [ -n "$(apt-cache madison "$1" 2>/dev/null)" ]; }

# Packages that must be there, and packages without which some tests are skipped.
required=() optional=()
need() { installed "$1" || required+=("$1"); }
like() { installed "$1" || optional+=("$1"); }

list_packages() {
    local bin="/usr/lib/llvm-$llvm/bin" python
    [ -x "$bin/opt" ] || required+=("llvm-$llvm")
    [ -x "$bin/clang" ] || required+=("clang-$llvm")
    [ -x "$bin/ld.lld" ] || required+=("lld-$llvm")
    [ -e /usr/include/stdio.h ] || required+=(libc6-dev)
    [ -e /etc/ssl/certs/ca-certificates.crt ] || required+=(ca-certificates)
    python=$(find_python)
    if [ -z "$python" ]; then
        required+=(python3 python3-venv)
    elif [ ! -x .venv/bin/python ] && ! "$python" -c 'import ensurepip' 2>/dev/null; then
        required+=(python3-venv)
    fi
    [ "$mode" = test ] || return 0
    need qemu-user
    need make
    [ ! -e "$stamp" ] || return 0
    local name
    for name in libc6-dev-arm64-cross libstdc++-12-dev-{arm64,armel,riscv64}-cross csmith libcsmith-dev cmake meson ninja-build; do like "$name"; done
    [ -x /usr/lib/llvm-22/bin/clang ] || optional+=(llvm-22 clang-22 lld-22)
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "$@" >&2
}

check_release() {
    local name
    name=$(. /etc/os-release && printf '%s' "${PRETTY_NAME:-this system}")
    for package in "${required[@]}"; do
        offered "$package" && continue
        [ "${package%-*}" != "$package" ] && [ "${package##*-}" = "$llvm" ] &&
            die "$name has no $package: add the LLVM project's repository (https://apt.llvm.org: ./llvm.sh $llvm) and run this again"
        die "$name has no package $package"
    done
}

install_packages() {
    list_packages
    [ ${#required[@]} -gt 0 ] || [ ${#optional[@]} -gt 0 ] || return 0
    local wanted="${required[*]} ${optional[*]}"
    if ! command -v apt-get >/dev/null; then
        [ ${#required[@]} -gt 0 ] || return 0
        die "this is not Debian or Ubuntu: install ${required[*]} yourself and run this again"
    fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        [ ${#required[@]} -gt 0 ] || return 0
        die "neither root nor sudo: have an administrator run: apt-get install ${required[*]}"
    fi
    say "installing: $wanted"
    as_root apt-get update -q >&2
    check_release
    [ ${#required[@]} -eq 0 ] || apt_install "${required[@]}"
    local present=()
    for package in "${optional[@]}"; do
        if offered "$package"; then
            present+=("$package")
        else
            say "$package is not in this release: the tests that need it are skipped"
        fi
    done
    [ ${#present[@]} -eq 0 ] || apt_install "${present[@]}"
}

make_venv() {
    local what=.
    [ "$mode" = test ] && what='.[test]'
    [ -e "$stamp" ] && [ ! pyproject.toml -nt "$stamp" ] && return
    local python
    python=$(find_python)
    [ -n "$python" ] ||
        die "no Python 3.$oldest_python or newer in this release: install one and run this again"
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    if ! .venv/bin/python -m pip install -q --disable-pip-version-check -e "$what" >&2; then
        [ "$mode" = demo ] || die "pip cannot install the test tools (pytest, hypothesis)"
        say "pip cannot reach its index: using the sources in place, ozma has no dependencies"
        link_sources
    fi
    touch "$stamp"
}

link_sources() {
    local site
    site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
    printf '%s/src\n' "$PWD" >"$site/ozma.pth"
    printf '#!%s/.venv/bin/python\nimport sys\nfrom ozma.cli import main\nsys.exit(main())\n' \
        "$PWD" >.venv/bin/ozma
    chmod +x .venv/bin/ozma
}

case $mode in
demo | test) ;;
*) die "unknown mode '$mode': give demo or test" ;;
esac
install_packages
make_venv
