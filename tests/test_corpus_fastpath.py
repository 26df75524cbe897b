"""The fast path: guessed headers, units compiled alone, what is held out, what is gathered."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from corpus_support import make_tar, write_tree
from hypothesis import given
from hypothesis import strategies as st

from ozma.corpus.fastpath import FastPath, compile_tree, list_sources
from ozma.corpus.gather import Gatherer, GatherLimits
from ozma.corpus.generated import render_template
from ozma.corpus.headers import HeaderIndex
from ozma.corpus.held_out import HeldOut, check_disjoint, load_held_out
from ozma.corpus.packages import Package
from ozma.errors import OzmaError
from ozma.llvm.toolchain import find_toolchain

LONG = "\n".join(
    f"int function_number_{i}(int argument) {{ return argument + {i}; }}" for i in range(20)
)


def compile_all(root: Path, **limits) -> dict[str, object]:
    units = compile_tree(root, list_sources(root), FastPath(find_toolchain(), **limits))
    return {unit.source.relative_to(root).as_posix(): unit for unit in units}


def test_headers_are_found_nearest_first(tmp_path):
    root = write_tree(tmp_path, {
        "a/src/main.c": '#include <lib/x.h>\n#include "y.h"\n',
        "a/include/lib/x.h": '#include "z.h"\n',
        "b/include/lib/x.h": "", "a/other/y.h": "", "a/include/z.h": "",
    })  # fmt: skip
    folders = HeaderIndex(root).include_folders(root / "a/src/main.c")
    assert set(folders) == {root / "a/include", root / "a/other"}


def test_system_headers_are_not_taken_from_the_package(tmp_path):
    root = write_tree(
        tmp_path,
        {
            "m.c": "#include <stdio.h>\n#include <stdarg.h>\n",
            "compat/stdio.h": "",
            "compat/stdarg.h": "",
        },
    )
    assert HeaderIndex(root).include_folders(root / "m.c") == []


def test_include_cycles_end(tmp_path):
    root = write_tree(
        tmp_path, {"m.c": '#include "d/a.h"', "d/a.h": '#include "b.h"', "d/b.h": '#include "a.h"'}
    )
    assert HeaderIndex(root).include_folders(root / "m.c") == []


@pytest.mark.parametrize(
    ("line", "rendered"),
    [
        ("#undef HAVE_STDIO_H", "#define HAVE_STDIO_H 1"),
        ("#undef HAVE_SYS_TYPES_H", "#define HAVE_SYS_TYPES_H 1"),
        ("#undef HAVE_WINDOWS_H", "/* #undef HAVE_WINDOWS_H */"),
        ("#undef HAVE_STRDUP", "#define HAVE_STRDUP 1"),
        ("#undef HAVE_NO_SUCH_FUNCTION", "/* #undef HAVE_NO_SUCH_FUNCTION */"),
        ("#undef HAVE_DECL_STRLCAT_OF_MARS", "#define HAVE_DECL_STRLCAT_OF_MARS 0"),
        ("#cmakedefine01 HAVE_UNISTD_H", "#define HAVE_UNISTD_H 1"),
        ("#cmakedefine01 HAVE_WINDOWS_H", "#define HAVE_WINDOWS_H 0"),
        ("#cmakedefine SIZEOF_LONG @SIZEOF_LONG@", "#define SIZEOF_LONG 8"),
        ("typedef @USIZE32@ word;", "typedef uint32_t word;"),
        ("  @INCLUDE_STDINT@", "#include <stdint.h>"),
        ("int kept;", "int kept;"),
    ],
)
def test_templates(line, rendered):
    assert render_template(line) == rendered + "\n"


@given(st.text(alphabet="#undefcmak01 HAVE_X@${}\t\n", max_size=120))
def test_no_template_is_refused_or_keeps_a_directive(text):
    rendered = render_template(text)
    assert not re.search(r"^[ \t]*#[ \t]*cmakedefine[ \t]+\w", rendered, re.MULTILINE)


def test_units_are_unoptimized_and_failures_are_units(tmp_path):
    root = write_tree(tmp_path, {
        "config.h.in": "#undef HAVE_STRING_H\n#undef PACKAGE_NAME\n",
        "src/good.c": '#include "config.h"\n#if HAVE_STRING_H\n#include <string.h>\n#endif\n'
                      "const char *name(void) { return PACKAGE_NAME; }\n",
        "src/generated.c": '#include "api/thing_export.h"\nTHING_EXPORT int f() { return 1; }\n',
        "src/old.c": "f() { return g(1); }\n",
        "src/cxx.cpp": "#include <vector>\nint size(std::vector<int> &v) { return v.size(); }\n",
        "src/bad.c": "int f( {\n", "src/missing.c": '#include "nowhere.h"\n',
    })  # fmt: skip
    units = compile_all(root)
    good = {name for name, unit in units.items() if unit.bitcode}
    assert good == {"src/good.c", "src/generated.c", "src/old.c", "src/cxx.cpp"}
    assert units["src/missing.c"].reason == "'nowhere.h' file not found"
    assert "expected" in units["src/bad.c"].reason
    assert all(units[name].bitcode.startswith(b"BC\xc0\xde") for name in good)
    assert str(tmp_path).encode() not in b"".join(
        re.findall(rb"__FILE__.*", units["src/good.c"].bitcode)
    )


def test_a_header_in_another_folder_is_forwarded(tmp_path):
    root = write_tree(
        tmp_path,
        {
            "src/a.c": "#include <lib/a.h>\nint f(void) { return A; }\n",
            "src/api/a.h": "#define A 1\n",
        },
    )
    assert compile_all(root)["src/a.c"].bitcode


def test_a_source_that_takes_too_long_is_a_failure(tmp_path):
    root = write_tree(tmp_path, {"a.c": LONG})
    assert "did not finish" in compile_all(root, seconds=0.001)["a.c"].reason


def test_fast_path_fields_are_checked():
    with pytest.raises(ValueError, match="seconds must be positive"):
        FastPath(find_toolchain(), seconds=0)
    with pytest.raises(ValueError, match="attempts must be at least 1"):
        FastPath(find_toolchain(), attempts=0)


def test_held_out_code_is_recognized_under_another_name(tmp_path):
    held_out = HeldOut(frozenset(), ())
    held_out.add_tree(write_tree(tmp_path, {"original.c": f"/* license */\n{LONG}"}))
    reformatted = "/* another license */\n" + LONG.replace("return ", "return\t")
    assert held_out.copies(reformatted.encode())
    assert not held_out.copies(LONG.replace("function", "other").encode())
    assert not held_out.copies(b"")


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("src/sha1.c", True), ("libjpeg-9/jdct.c", True), ("crypto/rijndael-alg.c", True),
        ("codec/adpcm_ima.c", True), ("util/crc32.c", True), ("src/share.c", False),
        ("src/json.c", False), ("src/main.c", False), ("lib/qsort_r.c", True),
    ],
)  # fmt: skip
def test_held_out_file_names(name, held):
    assert load_held_out().names_file(name) == held


def test_overlapping_sets_are_named():
    with pytest.raises(OzmaError, match="overlap: zlib, lame"):
        check_disjoint(["a", "zlib", "lame"], ["zlib", "b"], load_held_out())


def test_gathering_keeps_a_bounded_mix_and_an_index(tmp_path):
    files = {f"p/src/f{i}.c": f"int f{i}(int x) {{ return x * {i}; }}\n" for i in range(6)}
    files |= {"p/src/sha1.c": "int sha1;\n", "p/src/bad.c": "int ;;(\n", "p/big.c": f"{LONG}\n"}
    archive = tmp_path / "p.tar.gz"
    archive.write_bytes(make_tar([(name, text.encode()) for name, text in files.items()]))
    gatherer = Gatherer(
        tmp_path / "out",
        load_held_out(),
        FastPath(find_toolchain()),
        GatherLimits(units=4, bitcode=3000),
    )
    for _ in range(2):
        gathered = gatherer.gather(Package("p", "1", "sid", "0" * 64), archive)
    assert (gathered.units, gathered.held_out, gathered.sources) == (4, 1, 9)
    rows = [json.loads(line) for line in (tmp_path / "out/index.jsonl").read_text().splitlines()]
    assert set(Counter(row["file"] for row in rows).values()) == {1}
    assert all((tmp_path / "out" / row["file"]).stat().st_size == row["bytes"] for row in rows)
    assert {
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.bc")
    } == {row["file"] for row in rows}
