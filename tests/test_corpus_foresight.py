"""The fast path's second rules: what surely is included is found, made or given up on first."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus_support import write_tree
from hypothesis import given
from hypothesis import strategies as st

from ozma.corpus.build_options import NEWEST_RULES, BuildOptions
from ozma.corpus.certain import certain_names
from ozma.corpus.confined_clang import SourceError, trail_of
from ozma.corpus.fast_build import Harvest
from ozma.corpus.fastpath import FastPath, Unit, compile_tree, list_sources
from ozma.corpus.foresight import ForesightPackage, releases
from ozma.corpus.forms import form_of, is_moc, render_form
from ozma.corpus.headers import SystemHeaders
from ozma.corpus.strings import names_of_strings, text_of_string
from ozma.llvm.clang import CompileError
from ozma.llvm.toolchain import find_toolchain

FORM = """<ui version="4.0"><class>Space::Main</class>
 <widget class="QDialog" name="Main"><layout class="QGridLayout" name="grid">
  <widget class="Plot" name="plot"/><widget class="Line" name="line"/><spacer name="gap"/></layout>
  <action name="quit"/></widget>
 <customwidgets><customwidget><class>Plot</class><extends>QWidget</extends>
  <header>plot.h</header></customwidget></customwidgets></ui>"""


class CountingClang:
    """Compiles nothing: notes what it was asked, and answers with one error after another."""

    def __init__(self, *errors: str) -> None:
        self.errors, self.asked = list(errors), []

    def __call__(self, source: Path, args) -> bytes:
        self.asked.append((source.name, list(args)))
        if self.errors:
            raise CompileError(f"x.c:1:1: error: {self.errors.pop(0)}")
        return b"BC"


def foresee(root: Path, clang=None, system: Path | None = None) -> dict[str, Unit]:
    limits = FastPath(find_toolchain(), system=SystemHeaders(system) if system else SystemHeaders())
    units = compile_tree(root, list_sources(root), limits, clang, ForesightPackage)
    return {unit.source.name: unit for unit in units}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("#include <a.h>\n#if X\n#include <b.h>\n#else\n#include <c.h>\n#endif\n", ["a.h"]),
        ('#ifndef G\n#define G\n#include "a.h"\n#ifdef X\n#include <b.h>\n#endif\n#endif', ["a.h"]),
        ("#if !defined(G_H)\n#  define G_H 1\n # include <a.h>\n#endif\n", ["a.h"]),
        ("#ifndef G\n#include <a.h>\n#endif\n#include <b.h>\n", ["b.h"]),
        ("#if X\n#error\n#endif\n#ifndef G\n#define G\n#include <a.h>\n#else\n#include <b.h>\n"
         "#endif", ["a.h"]),
        ("#ifndef G\n#define H\n#include <a.h>\n#endif\n", []),
        ("/*\n#include <a.h>\n*/\n// #include <b.h>\n#include NAME\n", []),
        ("#endif\n#include <a.h>\n", []),
        ("#ifndef\n#define\n#include <a.h>\n", []),
    ],
)
def test_certain_includes(text, names):
    assert [name for _, name in certain_names(text.encode())] == names


@given(st.text(alphabet='#\n if endef include define <"a.h>/*!()', max_size=200))
def test_any_text_has_certain_includes(text):
    assert all(name for _, name in certain_names(text.encode()))


def test_a_file_that_lacks_a_header_is_not_compiled(tmp_path):
    root = write_tree(tmp_path, {
        "a.c": '#include "own.h"\nint a;\n', "b.c": "int b;\n",
        "own.h": "#ifndef OWN\n#define OWN\n#include <of/nobody.h>\n#endif\n",
        "c.c": "#ifdef NEVER\n#include <of/nobody.h>\n#endif\nint c;\n",
    })  # fmt: skip
    clang = CountingClang()
    units = foresee(root, clang)
    assert [name for name, _ in clang.asked] == ["b.c", "c.c"]
    assert units["a.c"].foreseen and units["a.c"].reason == "'of/nobody.h' file not found"
    assert not units["b.c"].foreseen and units["b.c"].bitcode


class BrokenHeader:
    """Refuses each file that says so, by way of the header in its first line."""

    def __init__(self) -> None:
        self.asked = []

    def __call__(self, source: Path, args) -> bytes:
        self.asked.append(source.name)
        if "bad" in source.name:
            raise SourceError("error: broken", ("src/h.h", "/sys/in/deep.h"))
        return b"BC"


def test_files_of_a_broken_header_are_not_tried_again_and_again(tmp_path):
    root = write_tree(tmp_path, {f"src/{number}bad.c": '#include "h.h"\n' for number in range(6)}
                      | {"src/h.h": "#ifdef A\n#include <in/deep.h>\n#endif\n",
                         "src/9.c": "int a;"})  # fmt: skip
    clang = BrokenHeader()
    units = foresee(root, clang)
    assert clang.asked == ["0bad.c", "1bad.c", "9.c"]
    assert units["5bad.c"].foreseen and units["5bad.c"].reason == "broken"


def test_a_header_of_a_file_that_compiles_is_not_to_blame(tmp_path):
    names = ["0bad.c", "1.c", "2bad.c", "3bad.c", "4bad.c", "5bad.c"]
    root = write_tree(tmp_path, {f"src/{name}": '#include "h.h"\n' for name in names}
                      | {"src/h.h": "#ifdef A\n#include <in/deep.h>\n#endif\n"})  # fmt: skip
    clang = BrokenHeader()
    foresee(root, clang)
    assert clang.asked == names


def test_the_trail_to_an_error():
    text = ("In file included from a.c:1:\nIn file included from ./b.h:3:\n"
            "/s/c.h:5:10: fatal error: 'd.h' file not found\nx.c:1:1: error: later\n")  # fmt: skip
    assert trail_of(text) == ("./b.h", "/s/c.h")
    assert trail_of("a.c:1:1: error: here\n") == trail_of("") == ()
    assert trail_of(f"{text.splitlines()[0]}\na.h:1:1: warning: no\na.c:1:1: error: x") == ()


def test_what_was_foreseen_does_not_make_a_project_hopeless():
    harvest = Harvest()
    for number in range(40):
        harvest.add(Path("/r"), Unit(Path(f"/r/{number}.c"), "c", None, "x", foreseen=True))
    assert not harvest.hopeless("c") and harvest.failures["x"] == harvest.tried == 40


def test_headers_behind_headers_are_found_at_once(tmp_path):
    system = write_tree(tmp_path / "sys", {
        "usr/include/top-1.0/top/top.h": "#pragma once\n#include <mid.h>\n#include <topconfig.h>\n",
        "usr/include/mid-3/mid.h": "", "usr/include/top-2.0/deep/topconfig.h": "#error other\n",
        "usr/lib/m/top-1.0/include/topconfig.h": "#define N 4\n",
    })  # fmt: skip
    root = write_tree(tmp_path / "r", {"a.c": "#include <top/top.h>\nint a = N;\n"})
    clang = CountingClang()
    assert foresee(root, clang, system)["a.c"].bitcode
    behind = [word for word in clang.asked[0][1] if word.startswith("-idirafter")]
    usr = f"-idirafter{system}/usr"
    assert len(clang.asked) == 1
    assert behind == [f"{usr}/include/top-1.0", f"{usr}/include/mid-3",
                      f"{usr}/lib/m/top-1.0/include"]  # fmt: skip


class DeepClang:
    """Misses a header that a header of the system asks for under a condition."""

    def __init__(self, header: Path) -> None:
        self.header, self.asked = header, []

    def __call__(self, source: Path, args) -> bytes:
        self.asked.append(list(args))
        if len(self.asked) == 1:
            raise SourceError("error: 'topconfig.h' file not found", (str(self.header),))
        return b"BC"


@pytest.mark.parametrize(
    ("owner", "include", "system"),
    [("sys", '"topconfig.h"', True), ("r", "<topconfig.h>", True), ("r", '"topconfig.h"', False)],
)
def test_whose_configuration_it_is(tmp_path, owner, include, system):
    text = f"#if 1\n#include {include}\n#endif\n"
    write_tree(tmp_path, {"sys/usr/include/top/top.h": text, "r/own.h": text,
                          "sys/usr/lib/top/include/topconfig.h": "",
                          "r/a.c": '#include <top.h>\n#include "own.h"\n'})  # fmt: skip
    header = {"sys": tmp_path / "sys/usr/include/top/top.h", "r": tmp_path / "r/own.h"}[owner]
    clang = DeepClang(header)
    assert foresee(tmp_path / "r", clang, tmp_path / "sys")["a.c"].bitcode
    taken = f"-idirafter{tmp_path}/sys/usr/lib/top/include" in clang.asked[-1]
    assert taken == system


@pytest.mark.parametrize("release", ["gtk-2.0", "gtk-3.0"])
def test_the_build_files_choose_the_release(tmp_path, release):
    system = write_tree(tmp_path / "sys", {f"usr/include/{name}/gtk/gtk.h": ""
                                           for name in ("gtk-2.0", "gtk-3.0")})  # fmt: skip
    root = write_tree(tmp_path / "r", {
        "configure.ac": f"PKG_CHECK_MODULES(X, {release.replace('gtk-', 'gtk+-')})\n",
        "a.c": "#include <gtk/gtk.h>\n",
    })  # fmt: skip
    clang = CountingClang()
    foresee(root, clang, system)
    assert f"-idirafter{system}/usr/include/{release}" in clang.asked[0][1]


def test_releases_are_named_in_folders():
    root = Path("/s")
    assert releases(Path("/s/usr/lib/x86_64-linux-gnu/gtk-2.0/include"), root) == {"gtk-2.0"}
    assert releases(Path("/s/usr/include/c++/12"), root) == set()


def test_headers_that_the_build_writes_are_made(tmp_path):
    root = write_tree(tmp_path, {
        "config.h.in": "#undef HAVE_STDIO_H\n",
        "lib/version.h.in": "#define NUMBER @N@\n",
        "src/deep/a.c": '#include "../config.h"\n#ifndef HAVE_STDIO_H\n#error\n#endif\nint a;\n',
        "src/b.c": '#include "../lib/version.h"\nint b = NUMBER;\n',
    })  # fmt: skip
    assert all(unit.bitcode for unit in foresee(root).values())


def test_no_file_outside_is_read(tmp_path):
    (tmp_path / "secret.h").write_text("#include <of/nobody.h>\n")
    root = write_tree(tmp_path / "r", {
        "a.c": f'#include "../secret.h"\n#include "{tmp_path}/secret.h"\nint a;\n',
    })  # fmt: skip
    clang = DeepClang(Path("../secret.h"))
    assert foresee(root, clang)["a.c"].reason is None


def test_a_folder_that_the_system_does_without_is_made_up(tmp_path):
    root = write_tree(tmp_path, {"a.c": "#include <unistds/unistd.h>\nlong a = _SC_PAGESIZE;\n",
                                 "b.c": "#include <other/unistd.h>\nint b;\n"})  # fmt: skip
    units = foresee(root)
    assert units["a.c"].bitcode and units["b.c"].foreseen


def test_forms_and_mocs_are_made(tmp_path):
    own = {f"usr/include/qt5/{name}": f"#pragma once\nstruct {name} {{}};\n"
           for name in ("QDialog", "QGridLayout", "QFrame", "QSpacerItem", "QAction")}  # fmt: skip
    system = write_tree(tmp_path / "sys", own)
    root = write_tree(tmp_path / "r", {
        "forms/main.ui": FORM, "plot.h": "struct Plot { int n; };\n",
        "a.cpp": '#include "ui_main.h"\nint a(Space::Ui::Main *m) { return m->plot->n; }\n'
                 '#include "a.moc"\n#include "moc_a.cpp"\n',
    })  # fmt: skip
    unit = foresee(root, system=system)["a.cpp"]
    assert unit.bitcode, unit.reason


def test_the_header_of_a_form_names_its_members():
    text = render_form(FORM)
    for line in ("QGridLayout *grid;", "Plot *plot;", "QFrame *line;", "QSpacerItem *gap;",
                 "QAction *quit;", "void setupUi(QDialog *);", '#include "plot.h"'):  # fmt: skip
        assert line in text
    assert render_form("<ui/>") == "" and render_form("<class>A</class>") == ""
    assert form_of("x/ui_main.h") == "main.ui" and form_of("main.h") == form_of("ui_x.c") == ""
    assert is_moc("a/b.moc") and is_moc("moc_b.cpp") and not is_moc("mocha.h")


@pytest.mark.parametrize(
    ("reason", "text", "names"),
    [
        ("use of undeclared identifier 'PKG_VERSION'", "", ["PKG_VERSION"]),
        ("use of undeclared identifier 'DATADIR'", "", ["DATADIR"]),
        ("use of undeclared identifier 'NULL'", "", []),
        ("use of undeclared identifier 'datadir'", "", []),
        ("expected ')'", 'f(CONF_DIR "/x" PRIu64 "y");', ["CONF_DIR"]),
        ("expected ')'", '#define CONF_DIR "/"\nf(CONF_DIR "/x");', []),
        ("unknown type name 'X'", 'f(CONF_DIR "/x");', []),
    ],
)
def test_strings_of_the_command_line(reason, text, names):
    assert names_of_strings(reason, text.encode()) == names


def test_a_missing_string_is_defined_where_it_is_used(tmp_path):
    root = write_tree(tmp_path, {"a.c": "char *a = MY_DIR;", "b.c": "int b;", "c.c": "MY_DIR"})
    clang = CountingClang("use of undeclared identifier 'MY_DIR'")
    assert all(unit.bitcode for unit in foresee(root, clang).values())
    flag = f"-DMY_DIR={text_of_string('MY_DIR')}"
    assert [(name, flag in args) for name, args in clang.asked] == [
        ("a.c", False), ("a.c", True), ("b.c", False), ("c.c", True)]  # fmt: skip


def test_a_string_that_does_not_help_is_not_tried_twice(tmp_path):
    root = write_tree(tmp_path, {"a.c": "char *a = MY_DIR;"})
    clang = CountingClang(*["use of undeclared identifier 'MY_DIR'"] * 9)
    assert not foresee(root, clang)["a.c"].bitcode and len(clang.asked) == 2


def test_rules_are_checked():
    assert BuildOptions().rules == 1 and BuildOptions(rules=NEWEST_RULES).rules == 2
    for rules in (0, NEWEST_RULES + 1):
        with pytest.raises(ValueError, match="rules"):
            BuildOptions(rules=rules)
